/* SPDX-License-Identifier: MIT
 *
 * search/suggest.c: what could be meant by a beginning: performers, venues and cities by name, those with the
 * most events first, and the next events that a search for it finds.
 *
 * A beginning that at most SCAN_MOST rows have is answered exactly. Of a more common one the names with the
 * most events, as the last build ranked them, are looked at too (names.c, 't'), so it costs the same.
 */
#include "search/names.h"
#include "search/query.h"

#define SCAN_MOST 4096u
#define EVENTS_LOOKED 60u  /* found events, of which each name is taken once */
#define EVENT_WORK 300000u /* postings for these */

typedef struct found {
    uint8_t kind;
    uint64_t id; /* 0: a city */
    uint64_t events;
    tkt__slice plain; /* for the order */
    tkt_text name;
} found;

typedef struct best {
    found item[TKT_SUGGESTIONS_MAX];
    uint32_t n;
} best;

struct tkt_suggestions {
    tkt_hooks hooks;
    tkt__arena arena;
    found item[4 * TKT_SUGGESTIONS_MAX];
    uint32_t n;
};

typedef struct suggesting {
    tkt_snapshot *snapshot;
    tkt__tx *tx;
    tkt__arena *arena;
    uint8_t plain[TKT__TERM_MAX];
    size_t n;
    best best[3]; /* performers, venues, cities */
    uint32_t rows;
} suggesting;

static int32_t no_memory(void) { return tkt__fail(TKT_E_NOMEM, "no memory for suggestions"); }

static best *best_of(suggesting *s, uint8_t kind)
{
    return &s->best[kind == TKT__N_PERFORMER ? 0 : kind == TKT__N_VENUE ? 1 : 2];
}

/* Whether a comes before b. */
static bool before(const found *a, const found *b)
{
    if (a->events != b->events)
        return a->events > b->events;
    int order = tkt__slice_compare(a->plain, b->plain);
    return order != 0 ? order < 0 : a->id < b->id;
}

static bool same(const found *a, const found *b)
{
    return a->id == b->id && (a->id != 0 || tkt__slice_compare(a->plain, b->plain) == 0);
}

static void offer(best *b, const found *f)
{
    uint32_t at = b->n;
    for (uint32_t i = 0; i < b->n; i++)
        if (same(&b->item[i], f))
            return;
    while (at > 0 && before(f, &b->item[at - 1]))
        at--;
    if (at == TKT_SUGGESTIONS_MAX)
        return;
    b->n += b->n < TKT_SUGGESTIONS_MAX;
    for (uint32_t i = b->n - 1; i > at; i--)
        b->item[i] = b->item[i - 1];
    b->item[at] = *f;
}

/* ---- one name -------------------------------------------------------------------------------------------- */

static int32_t events_of(suggesting *s, uint8_t kind, const uint8_t *id, size_t n, uint64_t *events)
{
    uint8_t term[1 + TKT__CITY_MAX] = { tkt__name_ns(kind) };
    tkt__slice row;
    uint32_t length;
    *events = 0;
    if (n > TKT__CITY_MAX)
        return TKT_DONE;
    memcpy(term + 1, id, n);
    int32_t status = tkt__tx_get(s->tx, TKT__T_TERM, tkt__slice_of(term, 1 + n), &row);
    if (status == TKT_DONE)
        status = tkt__list_length(row, &length);
    if (status == TKT_DONE)
        *events = length;
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

/* The name as it is written, and its plain form for the order. */
static int32_t read_name(suggesting *s, found *f, tkt__slice record)
{
    uint8_t plain[TKT__TERM_MAX];
    size_t n;
    int32_t status = tkt__name_of(f->kind, f->id, record, &f->name, plain, &n);
    const uint8_t *copy = status == TKT_DONE ? tkt__arena_copy(s->arena, plain, n) : NULL;
    if (status == TKT_DONE && copy == NULL)
        return no_memory();
    f->plain = tkt__slice_of(copy, status == TKT_DONE ? n : 0);
    return status;
}

static int32_t take_name(suggesting *s, uint8_t kind, tkt__slice id, tkt_text written)
{
    found f = { .kind = kind, .id = kind == TKT__KIND_CITY ? 0 : tkt__get_be32(id.p) };
    best *b = best_of(s, kind);
    tkt__slice record;
    int32_t status = events_of(s, kind, id.p, id.n, &f.events);
    bool full = b->n == TKT_SUGGESTIONS_MAX && f.events < b->item[b->n - 1].events;
    if (status != TKT_DONE || f.events == 0 || full)
        return status;
    if (kind == TKT__KIND_CITY) {
        f.plain = id;
        f.name = written.len > 0 ? written : (tkt_text){ (const char *)id.p, id.n };
    } else {
        status = tkt__entity_get(s->tx, kind, f.id, &record);
        if (status == TKT_DONE)
            status = read_name(s, &f, record);
    }
    if (status == TKT_DONE)
        offer(b, &f);
    return status == TKT_NOT_FOUND ? tkt__fail(TKT_E_CORRUPT, "a name's record is not there") : status;
}

static int32_t scan_row(void *user, tkt__slice key, tkt__slice value)
{
    suggesting *s = user;
    size_t at = 1;
    if (++s->rows > SCAN_MOST)
        return TKT_EXISTS;
    while (at < key.n && key.p[at] != 0)
        at++;
    if (at + 2 >= key.n)
        return tkt__fail(TKT_E_CORRUPT, "a row of a name is malformed");
    uint8_t kind = key.p[at + 1];
    tkt__slice id = tkt__slice_of(key.p + at + 2, key.n - at - 2);
    if (kind != TKT__KIND_CITY && id.n != 4)
        return tkt__fail(TKT_E_CORRUPT, "a row of a name is malformed");
    return take_name(s, kind, id, (tkt_text){ (const char *)value.p, value.n });
}

/* ---- common beginnings ------------------------------------------------------------------------------------- */

static bool begins(const suggesting *s, const uint8_t *plain, size_t n)
{
    for (size_t i = 0; i + s->n <= n; i++)
        if ((i == 0 || plain[i - 1] == ' ') && memcmp(plain + i, s->plain, s->n) == 0)
            return true;
    return false;
}

/* The written form lies with the row of the city's whole name. */
static int32_t city_written(suggesting *s, tkt__slice plain, tkt_text *written)
{
    uint8_t key[TKT__CITY_KEY_BYTES];
    tkt__slice value;
    size_t n = tkt__city_key(plain, key);
    *written = (tkt_text){ "", 0 };
    if (n == 0)
        return TKT_DONE;
    int32_t status = tkt__tx_get(s->tx, TKT__T_PLACE, tkt__slice_of(key, n), &value);
    if (status == TKT_DONE)
        *written = (tkt_text){ (const char *)value.p, value.n };
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

static int32_t ranked_row(void *user, tkt__slice key, tkt__slice value)
{
    suggesting *s = user;
    tkt__slice record;
    tkt_text written;
    found f = { .kind = key.n == 4 ? key.p[1] : 0 };
    int32_t status;
    if (best_of(s, f.kind)->n == TKT_SUGGESTIONS_MAX)
        return TKT_EXISTS; /* ranked: better ones do not follow */
    if (f.kind == TKT__KIND_CITY) {
        status = city_written(s, value, &written);
        return status == TKT_DONE && begins(s, value.p, value.n) ? take_name(s, f.kind, value, written) : status;
    }
    if (value.n != 4)
        return tkt__fail(TKT_E_CORRUPT, "a row of a name's rank is malformed");
    f.id = tkt__get_be32(value.p);
    status = tkt__entity_get(s->tx, f.kind, f.id, &record);
    if (status == TKT_NOT_FOUND) /* deleted since it was ranked */
        return TKT_DONE;
    if (status == TKT_DONE)
        status = read_name(s, &f, record);
    return status == TKT_DONE && begins(s, f.plain.p, f.plain.n) ? take_name(s, f.kind, value, (tkt_text){ "", 0 })
                                                                 : status;
}

static int32_t scan_names(suggesting *s)
{
    static const uint8_t kinds[3] = { TKT__N_PERFORMER, TKT__N_VENUE, TKT__KIND_CITY };
    uint8_t prefix[1 + TKT__TERM_MAX] = { 's' };
    memcpy(prefix + 1, s->plain, s->n);
    int32_t status = tkt__scan(s->tx, TKT__T_PLACE, tkt__slice_of(prefix, 1 + s->n), scan_row, s);
    if (status != TKT_EXISTS)
        return status;
    memset(s->best, 0, sizeof s->best);
    status = TKT_DONE;
    for (int k = 0; status == TKT_DONE && k < 3; k++) {
        const uint8_t ranks[2] = { 't', kinds[k] };
        status = tkt__scan(s->tx, TKT__T_PLACE, tkt__slice_of(ranks, 2), ranked_row, s);
        status = status == TKT_EXISTS ? TKT_DONE : status;
    }
    if (status != TKT_DONE)
        return status;
    s->rows = 0; /* what the ranks do not know: the first of the alphabet fill up */
    status = tkt__scan(s->tx, TKT__T_PLACE, tkt__slice_of(prefix, 1 + s->n), scan_row, s);
    return status == TKT_EXISTS ? TKT_DONE : status;
}

/* ---- events ----------------------------------------------------------------------------------------------------- */

static bool has_name(const tkt_suggestions *out, uint32_t from, tkt_text name)
{
    for (uint32_t i = from; i < out->n; i++)
        if (out->item[i].name.len == name.len && memcmp(out->item[i].name.ptr, name.ptr, name.len) == 0)
            return true;
    return false;
}

static int32_t take_events(suggesting *s, tkt_results *results, tkt_suggestions *out)
{
    uint32_t from = out->n;
    tkt_hit hit = TKT_HIT_INIT;
    for (uint32_t i = 0; out->n - from < TKT_SUGGESTIONS_MAX && tkt_results_hit(results, i, &hit) == TKT_DONE; i++) {
        tkt_event event = { .size = sizeof event };
        int32_t status = tkt_event_view(s->snapshot, hit.event_id, &event);
        if (status != TKT_DONE)
            return status;
        if (!has_name(out, from, event.name))
            out->item[out->n++] = (found){ .kind = TKT__N_EVENT, .id = hit.event_id, .events = 1, .name = event.name };
    }
    return TKT_DONE;
}

/* The next events, from now on, that a search for the beginning finds. */
static int32_t suggest_events(suggesting *s, tkt_text text, tkt_suggestions *out)
{
    tkt_query *query;
    tkt_results *results = NULL;
    int32_t status = tkt_query_new(&query);
    if (status != TKT_DONE)
        return status;
    status = tkt_query_set_text(query, text);
    if (status == TKT_DONE)
        status = tkt_query_set_window(query, tkt__tx_now(s->tx), INT64_MAX);
    if (status == TKT_DONE)
        status = tkt_query_set_sort(query, TKT_SORT_DATE);
    if (status == TKT_DONE)
        status = tkt_query_set_typo(query, TKT_EXPAND_OFF);
    if (status == TKT_DONE)
        status = tkt_query_set_page(query, 1, EVENTS_LOOKED);
    if (status == TKT_DONE)
        status = tkt_query_set_budget(query, EVENT_WORK, 0);
    if (status == TKT_DONE)
        status = tkt_search(s->snapshot, query, &results);
    if (status == TKT_DONE)
        status = take_events(s, results, out);
    tkt_results_free(results);
    tkt_query_free(query);
    return status;
}

/* ---- the call ----------------------------------------------------------------------------------------------------- */

static int32_t keep(tkt_suggestions *out)
{
    for (uint32_t i = 0; i < out->n; i++) {
        tkt_text *name = &out->item[i].name;
        char *copy = (char *)tkt__arena_copy(&out->arena, name->ptr, name->len);
        if (copy == NULL)
            return no_memory();
        name->ptr = copy;
    }
    return TKT_DONE;
}

static int32_t suggest(suggesting *s, tkt_text text, uint32_t kinds, tkt_suggestions *out)
{
    static const uint32_t bits[3] = { TKT_SUGGEST_PERFORMER, TKT_SUGGEST_VENUE, TKT_SUGGEST_CITY };
    tkt__index_meta meta;
    int32_t status = tkt__index_meta_get(s->tx, &meta);
    if (status == TKT_NOT_FOUND)
        status = tkt__fail(TKT_E_UPGRADE, "the store has no index yet: build it");
    if (status == TKT_DONE)
        status = tkt__text_plain(text.ptr, text.len, s->plain, sizeof s->plain, &s->n);
    if (status != TKT_DONE || s->n == 0)
        return status;
    if ((kinds & ~TKT_SUGGEST_EVENT) != 0)
        status = scan_names(s);
    for (int k = 0; k < 3; k++)
        for (uint32_t i = 0; status == TKT_DONE && (kinds & bits[k]) != 0 && i < s->best[k].n; i++)
            out->item[out->n++] = s->best[k].item[i];
    if (status == TKT_DONE && (kinds & TKT_SUGGEST_EVENT) != 0)
        status = suggest_events(s, text, out);
    return status == TKT_DONE ? keep(out) : status;
}

int32_t tkt_suggest(tkt_snapshot *snapshot, tkt_text text, uint32_t kinds, tkt_suggestions **suggestions)
{
    const uint32_t all = TKT_SUGGEST_EVENT | TKT_SUGGEST_PERFORMER | TKT_SUGGEST_VENUE | TKT_SUGGEST_CITY;
    tkt_hooks hooks;
    tkt__arena arena;
    if (snapshot == NULL || suggestions == NULL)
        return tkt__fail(TKT_E_INVALID, "snapshot or suggestions is NULL");
    if ((kinds & ~all) != 0)
        return tkt__fail(TKT_E_INVALID, "kinds are a sum of TKT_SUGGEST_…");
    int32_t status = tkt__text_check(text.ptr, text.len, TKT_QUERY_TEXT_MAX, "the beginning");
    if (status == TKT_DONE)
        status = tkt__hooks_resolve(NULL, &hooks);
    if (status != TKT_DONE)
        return status;
    tkt_suggestions *out = tkt__alloc(&hooks, sizeof *out);
    suggesting *s = tkt__alloc(&hooks, sizeof *s);
    tkt__arena_init(&arena, &hooks, 0);
    if (out != NULL) {
        memset(out, 0, sizeof *out);
        out->hooks = hooks;
        tkt__arena_init(&out->arena, &out->hooks, 0);
    }
    if (out != NULL && s != NULL) {
        memset(s, 0, sizeof *s);
        s->snapshot = snapshot;
        s->arena = &arena;
        status = tkt__snapshot_tx(snapshot, &s->tx);
        if (status == TKT_DONE)
            status = suggest(s, text, kinds != 0 ? kinds : all, out);
    } else
        status = no_memory();
    tkt__arena_free(&arena);
    tkt__free(&hooks, s, sizeof *s);
    if (status == TKT_DONE)
        *suggestions = out;
    else if (out != NULL)
        tkt_suggestions_free(out);
    return status;
}

void tkt_suggestions_free(tkt_suggestions *suggestions)
{
    if (suggestions == NULL)
        return;
    tkt_hooks hooks = suggestions->hooks;
    tkt__arena_free(&suggestions->arena);
    tkt__free(&hooks, suggestions, sizeof *suggestions);
}

int32_t tkt_suggestions_get(const tkt_suggestions *suggestions, uint32_t index, tkt_suggestion *suggestion)
{
    tkt_suggestion out = TKT_SUGGESTION_INIT;
    if (suggestions == NULL)
        return tkt__fail(TKT_E_INVALID, "suggestions is NULL");
    if (index >= suggestions->n)
        return tkt__refuse(TKT_NOT_FOUND, "there are %lu suggestions", (unsigned long)suggestions->n);
    const found *f = &suggestions->item[index];
    out.kind = f->kind == TKT__N_EVENT       ? TKT_SUGGEST_EVENT
               : f->kind == TKT__N_PERFORMER ? TKT_SUGGEST_PERFORMER
               : f->kind == TKT__N_VENUE     ? TKT_SUGGEST_VENUE
                                             : TKT_SUGGEST_CITY;
    out.id = f->id;
    out.events = f->events;
    out.name = f->name;
    return tkt__struct_out(suggestion, &out, sizeof out, sizeof out, "tkt_suggestion");
}
