/* SPDX-License-Identifier: MIT
 *
 * tests/search/words.c: which words each event has, at which level: sections 1, 2 and 5 of
 * docs/search-semantics.md, event by event. Text becomes words by the library's analyser, which has tests of
 * its own.
 */
#include "model.h"

#include "store/store.h"
#include "text/analyse.h"
#include "text/stem.h"

#define WORDS 256
#define FLAT(f) ((f) == TKT__FIELD_CITY || (f) == TKT__FIELD_CATEGORY || (f) == TKT__FIELD_TYPE)

typedef struct counted {
    char word[72];
    uint32_t n, count[TKT__FIELDS];
} counted;

typedef struct bag {
    counted word[2 * WORDS];
    uint32_t words, plain; /* plain: not stems */
    uint32_t length[TKT__FIELDS], field;
    tkt__stemmer *stemmer;
    uint8_t language;
} bag;

static bool count(bag *b, const uint8_t *p, uint32_t n, bool plain)
{
    uint32_t i = 0;
    while (i < b->words && (b->word[i].n != n || memcmp(b->word[i].word, p, n) != 0))
        i++;
    if (i == b->words) {
        if (plain && b->plain == WORDS)
            return false;
        memset(&b->word[i], 0, sizeof b->word[i]);
        memcpy(b->word[i].word, p, n);
        b->word[i].n = n;
        b->words++;
        b->plain += plain;
    }
    b->word[i].count[b->field]++;
    return true;
}

static int32_t take(void *user, const tkt__word *word)
{
    bag *b = user;
    b->length[b->field]++;
    if (!count(b, word->p, word->n, true) || b->stemmer == NULL || word->kind != TKT__WORD_PLAIN)
        return TKT_DONE;
    if (b->field != TKT__FIELD_NAME && b->field != TKT__FIELD_DESCRIPTION)
        return TKT_DONE;
    uint8_t term[72] = { TKT__NS_STEM, b->language };
    tkt__slice stem = tkt__stem(b->stemmer, word->p, word->n);
    memcpy(term + 2, stem.p, stem.n);
    count(b, term, (uint32_t)stem.n + 2, false);
    return TKT_DONE;
}

static void take_text(bag *b, uint32_t field, const char *text)
{
    b->field = field;
    OK(tkt__analyse(text, strlen(text), take, b));
}

static uint8_t level_of(const tkt__index_meta *meta, const bag *b, const counted *w)
{
    double t = 0;
    for (uint32_t f = 0; f < TKT__FIELDS; f++)
        t += meta->weight[f] * w->count[f] /
             (FLAT(f) || meta->average[f] <= 0 ? 1 : 0.25 + 0.75 * b->length[f] / meta->average[f]);
    double level = 16 * (t / (t + 1.2) - 0.30) / (0.92 - 0.30);
    return (uint8_t)(level < 0 ? 0 : level > 15 ? 15 : level);
}

static void fill(model *m, bag *b, const event *e)
{
    const owner *venue = e->venue != 0 ? &m->venue[e->venue - 1] : NULL;
    memset(b, 0, offsetof(bag, word));
    b->words = b->plain = 0;
    memset(b->length, 0, sizeof b->length);
    b->stemmer = NULL;
    b->language = tkt__stem_language(e->language, strlen(e->language));
    if (b->language != 0)
        OK(tkt__stemmer_open(b->language, &b->stemmer));
    take_text(b, TKT__FIELD_NAME, e->name);
    for (uint32_t i = 0; i < e->performers; i++)
        take_text(b, TKT__FIELD_PERFORMERS, m->performer[e->performer[i]].name);
    take_text(b, TKT__FIELD_VENUE, venue != NULL ? venue->name : "");
    take_text(b, TKT__FIELD_CITY, venue != NULL ? venue->city : "");
    take_text(b, TKT__FIELD_CATEGORY, e->category);
    take_text(b, TKT__FIELD_TYPE, e->type);
    take_text(b, TKT__FIELD_DESCRIPTION, e->description);
    tkt__stemmer_close(b->stemmer);
}

static int compare(const void *a, const void *b)
{
    const posting *x = a, *y = b;
    int order = memcmp(x->word, y->word, x->n < y->n ? x->n : y->n);
    if (order == 0)
        order = (x->n > y->n) - (x->n < y->n);
    return order != 0 ? order : (x->event > y->event) - (x->event < y->event);
}

static int32_t read_meta(tkt__tx *tx, void *ctx) { return tkt__index_meta_get(tx, ctx); }

void model_words(model *m)
{
    static bag b;
    tkt__index_meta meta;
    OK(tkt__store_look(m->store, read_meta, &meta));
    m->postings = 0;
    for (uint32_t i = 0; i < m->events; i++) {
        if (!m->event[i].there)
            continue;
        fill(m, &b, &m->event[i]);
        while (m->postings + b.words > m->room) {
            m->room = m->room == 0 ? 65536 : 2 * m->room;
            m->posting = realloc(m->posting, m->room * sizeof *m->posting);
            MUST(m->posting != NULL);
        }
        for (uint32_t w = 0; w < b.words; w++) {
            posting *p = &m->posting[m->postings++];
            memcpy(p->word, b.word[w].word, sizeof p->word);
            p->n = b.word[w].n;
            p->event = i;
            p->level = level_of(&meta, &b, &b.word[w]);
        }
    }
    qsort(m->posting, m->postings, sizeof *m->posting, compare);
}
