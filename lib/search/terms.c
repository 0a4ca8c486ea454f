/* SPDX-License-Identifier: MIT
 *
 * search/terms.c: what an event is found by: the words of its texts, of its performers' and its venue's
 * names with their BM25F level, stems, and the terms of filters. A pure function of the records in the
 * transaction and of the weights and average lengths that the index was built with, so the terms of an
 * old record can be made again when it changes: no forward index is kept.
 *
 *   t = Σ fields: weight × count / (1 − b + b × length / average), b = 0.75 (0 for city, category, type)
 *   level: t / (t + 1.2) in the steps of search.h; Robertson, Zaragoza, Taylor, "Simple BM25 extension to multiple
 *   weighted fields" (2004), rounded to 4 bits
 */
#include "search/search.h"

#include <stdlib.h>
#include <xxhash.h>

#define TABLE 2048u /* of words and stems, a power of two */
#define K1 1.2
#define B 0.75

const int64_t tkt__duration_most_ms[TKT__DURATIONS + 1] = {
    0, TKT__MS_DAY, 3 * TKT__MS_DAY, 10 * TKT__MS_DAY, 30 * TKT__MS_DAY, 120 * TKT__MS_DAY, 400 * TKT__MS_DAY,
    INT64_MAX,
};

typedef struct counted {
    const uint8_t *p;
    uint32_t n;
    uint16_t count[TKT__FIELDS];
} counted;

typedef struct gathering {
    tkt__terms *out;
    tkt__tx *tx, *renames;
    uint64_t event;
    tkt__stemmer *stemmer;
    uint8_t language;
    uint8_t field;
    uint32_t used;
    counted *order[2 * TKT__EVENT_WORDS]; /* as they came */
    counted *word[TABLE];
} gathering;

/* ---- words ------------------------------------------------------------------------------------------ */

static counted **slot_of(gathering *g, const uint8_t *p, uint32_t n)
{
    uint32_t at = (uint32_t)XXH3_64bits(p, n) & (TABLE - 1);
    while (g->word[at] != NULL && (g->word[at]->n != n || memcmp(g->word[at]->p, p, n) != 0))
        at = (at + 1) & (TABLE - 1);
    return &g->word[at];
}

/* `new_word`: counts against TKT__EVENT_WORDS. False: the event has its fill of words. */
static int32_t count(gathering *g, const uint8_t *p, uint32_t n, bool new_word, bool *full)
{
    counted **slot = slot_of(g, p, n);
    *full = false;
    if (*slot == NULL) {
        if (g->used == 2 * TKT__EVENT_WORDS) { /* a word has one stem at most, so it does not happen */
            *full = true;
            return TKT_DONE;
        }
        if (new_word && g->out->words == TKT__EVENT_WORDS) {
            *full = true;
            return TKT_DONE;
        }
        counted *fresh = tkt__arena_get(&g->out->arena, sizeof *fresh);
        uint8_t *bytes = tkt__arena_copy(&g->out->arena, p, n);
        if (fresh == NULL || bytes == NULL)
            return tkt__fail(TKT_E_NOMEM, "no memory for the words of an event");
        memset(fresh, 0, sizeof *fresh);
        fresh->p = bytes;
        fresh->n = n;
        *slot = fresh;
        g->out->words += new_word;
        g->order[g->used++] = fresh;
    }
    (*slot)->count[g->field] += (*slot)->count[g->field] < UINT16_MAX;
    return TKT_DONE;
}

static int32_t take_word(void *user, const tkt__word *word)
{
    gathering *g = user;
    bool full;
    g->out->length[g->field]++;
    int32_t status = count(g, word->p, word->n, true, &full);
    bool stems = g->stemmer != NULL && word->kind == TKT__WORD_PLAIN && !full &&
                 (g->field == TKT__FIELD_NAME || g->field == TKT__FIELD_DESCRIPTION);
    if (status != TKT_DONE || !stems)
        return status;
    uint8_t term[2 + TKT__WORD_MAX] = { TKT__NS_STEM, g->language };
    tkt__slice stem = tkt__stem(g->stemmer, word->p, word->n);
    memcpy(term + 2, stem.p, stem.n);
    return count(g, term, (uint32_t)stem.n + 2, false, &full);
}

static int32_t take_text(gathering *g, uint8_t field, tkt_text text)
{
    g->field = field;
    return tkt__analyse(text.ptr, text.len, take_word, g);
}

/* ---- levels -------------------------------------------------------------------------------------------- */

static uint8_t level_of(const tkt__index_meta *meta, const uint32_t *length, const uint16_t *count_in)
{
    double t = 0;
    for (uint32_t f = 0; f < TKT__FIELDS; f++) {
        bool flat = f == TKT__FIELD_CITY || f == TKT__FIELD_CATEGORY || f == TKT__FIELD_TYPE;
        double norm = flat || meta->average[f] <= 0 ? 1 : 1 - B + B * length[f] / meta->average[f];
        t += meta->weight[f] * count_in[f] / norm;
    }
    double level = TKT__LEVELS * (t / (t + K1) - TKT__LEVEL_FROM) / (TKT__LEVEL_TO - TKT__LEVEL_FROM);
    return level <= 0 ? 0 : level >= TKT__LEVELS ? TKT__LEVELS - 1 : (uint8_t)level;
}

static void add_term(tkt__terms *out, const uint8_t *p, uint32_t n, uint8_t level)
{
    if (out->count < TKT__EVENT_TERMS) /* holds by construction: see TKT__EVENT_TERMS */
        out->term[out->count++] = (tkt__term){ p, n, level };
}

static void add_words(const gathering *g, const tkt__index_meta *meta)
{
    for (uint32_t i = 0; i < g->used; i++)
        add_term(g->out, g->order[i]->p, g->order[i]->n, level_of(meta, g->out->length, g->order[i]->count));
}

/* ---- filters --------------------------------------------------------------------------------------------- */

int32_t tkt__term_fold(uint8_t ns, const char *p, size_t len, uint8_t term[TKT__TERM_MAX], uint32_t *n)
{
    size_t plain;
    term[0] = ns;
    *n = 0;
    int32_t status = tkt__text_plain(p, len, term + 1, TKT__PLAIN_MAX, &plain);
    if (status == TKT_DONE && plain > 0)
        *n = (uint32_t)plain + 1;
    return status;
}

static int32_t add_filter(tkt__terms *out, const uint8_t *term, uint32_t n)
{
    uint8_t *bytes = tkt__arena_copy(&out->arena, term, n);
    if (bytes == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for the terms of an event");
    add_term(out, bytes, n, TKT__NO_LEVEL);
    return TKT_DONE;
}

static int32_t add_text_filter(tkt__terms *out, uint8_t ns, tkt_text text, uint8_t term[TKT__TERM_MAX], uint32_t *n)
{
    int32_t status = tkt__term_fold(ns, text.ptr, text.len, term, n);
    return status == TKT_DONE && *n != 0 ? add_filter(out, term, *n) : status;
}

static int32_t add_id_filter(tkt__terms *out, uint8_t ns, uint64_t id)
{
    uint8_t term[5] = { ns };
    tkt__be32(term + 1, (uint32_t)id);
    return add_filter(out, term, sizeof term);
}

/* City and category as one term, for the commonest pair of filters. What is too long for a key has none. */
uint32_t tkt__term_pair(const uint8_t *city, uint32_t city_n, const uint8_t *category, uint32_t category_n,
                        uint8_t term[TKT__TERM_MAX])
{
    if (city_n < 2 || category_n < 2 || city_n + category_n > TKT__TERM_MAX)
        return 0;
    term[0] = TKT__NS_CITY_CATEGORY;
    memcpy(term + 1, city + 1, city_n - 1);
    term[city_n] = 0;
    memcpy(term + city_n + 1, category + 1, category_n - 1);
    return city_n + category_n;
}

static int32_t add_categories(tkt__terms *out, const tkt_event *event, const uint8_t *city, uint32_t city_n)
{
    uint8_t term[TKT__TERM_MAX], pair[TKT__TERM_MAX];
    const tkt_text texts[2] = { event->category, event->type };
    int32_t status = TKT_DONE;
    for (int i = 0; i < 2 && status == TKT_DONE; i++) {
        uint32_t n;
        status = add_text_filter(out, TKT__NS_CATEGORY, texts[i], term, &n);
        if (status != TKT_DONE || n == 0)
            continue;
        if (out->category_n == 0) {
            out->category_n = n - 1;
            memcpy(out->category, term + 1, n - 1);
        }
        uint32_t pair_n = tkt__term_pair(city, city_n, term, n, pair);
        if (pair_n != 0)
            status = add_filter(out, pair, pair_n);
    }
    return status;
}

static uint8_t duration_class(const tkt_event *event)
{
    int64_t lasts = tkt__event_over(event) - event->start_ms;
    if (lasts <= 0)
        return 0;
    uint8_t class = 1;
    while (lasts > tkt__duration_most_ms[class])
        class++;
    return class;
}

static int32_t add_filters(tkt__terms *out, const tkt_event *event, const tkt_venue *venue)
{
    uint8_t city[TKT__TERM_MAX], country[TKT__TERM_MAX], duration[2] = { TKT__NS_DURATION };
    static const uint8_t all[1] = { TKT__NS_ALL };
    uint32_t city_n = 0, country_n;
    int32_t status = add_filter(out, all, sizeof all);
    if (status == TKT_DONE && event->venue_id != 0) {
        status = add_text_filter(out, TKT__NS_CITY, venue->city, city, &city_n);
        if (status == TKT_DONE)
            status = add_text_filter(out, TKT__NS_COUNTRY, venue->country, country, &country_n);
        if (status == TKT_DONE)
            status = add_id_filter(out, TKT__NS_VENUE, event->venue_id);
    }
    if (status == TKT_DONE)
        status = add_categories(out, event, city, city_n);
    for (uint32_t i = 0; status == TKT_DONE && i < event->performer_count; i++) {
        uint64_t performer;
        status = tkt_event_performer(event, i, &performer);
        if (status == TKT_DONE)
            status = add_id_filter(out, TKT__NS_PERFORMER, performer);
    }
    duration[1] = duration_class(event);
    return status == TKT_DONE && duration[1] != 0 ? add_filter(out, duration, sizeof duration) : status;
}

/* ---- the event ---------------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    const tkt__term *x = a, *y = b;
    int order = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);
    return order != 0 ? order : (x->n > y->n) - (x->n < y->n);
}

static void sort_and_unite(tkt__terms *out)
{
    uint32_t kept = 0;
    qsort(out->term, out->count, sizeof out->term[0], compare);
    for (uint32_t i = 0; i < out->count; i++)
        if (kept == 0 || compare(&out->term[kept - 1], &out->term[i]) != 0)
            out->term[kept++] = out->term[i];
    out->count = kept;
}

/* A venue's or performer's record: as the event is indexed by it. */
static int32_t owner_record(gathering *g, uint8_t kind, uint64_t id, tkt__slice *record)
{
    int32_t status = TKT_NOT_FOUND;
    if (g->renames != NULL)
        status = tkt__renamed(g->renames, kind, id, g->out->start_ms, g->event, record);
    return status == TKT_NOT_FOUND ? tkt__entity_get(g->tx, kind, id, record) : status;
}

static int32_t take_performers(gathering *g, const tkt_event *event)
{
    int32_t status = TKT_DONE;
    for (uint32_t i = 0; status == TKT_DONE && i < event->performer_count; i++) {
        uint64_t id;
        tkt_performer performer = TKT_PERFORMER_INIT;
        status = tkt_event_performer(event, i, &id);
        tkt__slice record;
        if (status == TKT_DONE)
            status = owner_record(g, TKT__N_PERFORMER, id, &record);
        if (status == TKT_DONE)
            status = tkt__performer_decode(record, id, &performer);
        if (status == TKT_DONE)
            status = take_text(g, TKT__FIELD_PERFORMERS, performer.name);
    }
    return status;
}

static int32_t take_texts(gathering *g, const tkt_event *event, const tkt_venue *venue)
{
    int32_t status = take_text(g, TKT__FIELD_NAME, event->name);
    if (status == TKT_DONE)
        status = take_performers(g, event);
    const struct {
        uint8_t field;
        tkt_text text;
    } rest[] = {
        { TKT__FIELD_VENUE, venue->name },       { TKT__FIELD_CITY, venue->city },
        { TKT__FIELD_CATEGORY, event->category },{ TKT__FIELD_TYPE, event->type },
        { TKT__FIELD_DESCRIPTION, event->description },
    };
    for (size_t i = 0; status == TKT_DONE && i < sizeof rest / sizeof rest[0]; i++)
        status = take_text(g, rest[i].field, rest[i].text);
    return status;
}

static int32_t gather(gathering *g, const tkt__index_meta *meta, tkt__slice record)
{
    tkt_event event = { .size = sizeof event };
    tkt_venue venue = TKT_VENUE_INIT;
    tkt__terms *out = g->out;
    tkt__slice owner;
    int32_t status = tkt__event_read(record, g->event, &event);
    if (status != TKT_DONE)
        return status;
    out->start_ms = event.start_ms;
    out->venue = event.venue_id;
    if (event.venue_id != 0)
        status = owner_record(g, TKT__N_VENUE, event.venue_id, &owner);
    if (event.venue_id != 0 && status == TKT_DONE)
        status = tkt__venue_decode(owner, event.venue_id, &venue);
    if (status != TKT_DONE)
        return status == TKT_NOT_FOUND ? tkt__fail(TKT_E_CORRUPT, "an event's venue is not there") : status;
    g->language = tkt__stem_language(event.language.ptr, event.language.len);
    if (g->language != 0)
        status = tkt__stemmer_open(g->language, &g->stemmer);
    if (status == TKT_DONE)
        status = take_texts(g, &event, &venue);
    tkt__stemmer_close(g->stemmer);
    if (status != TKT_DONE)
        return status == TKT_NOT_FOUND ? tkt__fail(TKT_E_CORRUPT, "an event's performer is not there") : status;
    add_words(g, meta);
    return add_filters(out, &event, &venue);
}

void tkt__terms_open(tkt__terms *terms, const tkt_hooks *hooks)
{
    memset(terms, 0, offsetof(tkt__terms, term));
    tkt__arena_init(&terms->arena, hooks, 0);
}

void tkt__terms_free(tkt__terms *terms)
{
    tkt__arena_free(&terms->arena);
}

static int32_t terms(tkt__tx *tx, tkt__tx *renames, const tkt__index_meta *meta, uint64_t event, tkt__slice record,
                     tkt__terms *out)
{
    tkt__arena_reset(&out->arena);
    memset(out, 0, offsetof(tkt__terms, arena));
    gathering *g = tkt__arena_get(&out->arena, sizeof *g);
    if (g == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for the words of an event");
    memset(g, 0, offsetof(gathering, order));
    memset(g->word, 0, sizeof g->word);
    g->out = out;
    g->tx = tx;
    g->renames = renames;
    g->event = event;
    return gather(g, meta, record);
}

int32_t tkt__terms_unsorted(tkt__tx *tx, const tkt__index_meta *meta, uint64_t event, tkt__slice record,
                            tkt__terms *out)
{
    return terms(tx, NULL, meta, event, record, out);
}

int32_t tkt__terms_of(tkt__tx *tx, tkt__tx *renames, const tkt__index_meta *meta, uint64_t event, tkt__slice record,
                      tkt__terms *out)
{
    int32_t status = terms(tx, renames, meta, event, record, out);
    if (status == TKT_DONE)
        sort_and_unite(out);
    return status;
}
