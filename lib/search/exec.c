/* SPDX-License-Identifier: MIT
 *
 * search/exec.c: the matching documents, in windows of 8,192 numbers: the clause that leads is spread into a
 * bitset, the others narrow it. A clause with long lists is asked document by document when few are left,
 * else read through. Where the leader is a thin list no window is made at all (sparse.c).
 *
 * Only documents in the days of the query's window are looked at; those of its first and last day, and
 * of days that hold more than one date, are told apart by their column (match.c). What matches is given to
 * the collector by give.c.
 */
#include "search/exec.h"

#define PROBE_DOCS 24u     /* at most so many left: ask for each */
#define PROBE_LEAVES 4u
#define CLEAR_ALL 16u      /* totals are cleared at once when one of so many is in use */
#define PROBE_LENGTH 4096u /* a list shorter than this is read through anyway */

static bool few(const tkt__bits *b, uint32_t words)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < words && n <= PROBE_DOCS; i++)
        n += tkt__popcount(b->w[i]);
    return n <= PROBE_DOCS;
}

/* ---- narrowing --------------------------------------------------------------------------------------------- */

static bool may_probe(const tkt__run *e, const tkt__clause *c)
{
    const tkt__part *part = c->alternative[0].part;
    if (c->phrase != NULL || c->alternatives != 1 || c->alternative[0].parts != 1 || c->leaves > PROBE_LEAVES ||
        c->cost < PROBE_LENGTH)
        return false;
    for (uint32_t l = 0; l < part->leaves; l++)
        if (part->leaf[l].reader.bits != NULL)
            return false;
    return few(&e->match, e->words);
}

static int32_t probe_document(tkt__run *e, const tkt__clause *c, uint32_t off)
{
    tkt__part *part = c->alternative[0].part;
    uint32_t docno = e->base + off, best = 0;
    bool there = false, scores = c->scores && e->score != NULL;
    for (uint32_t l = 0; l < part->leaves; l++) {
        tkt__leaf *leaf = &part->leaf[l];
        uint8_t level = 0;
        int32_t status = tkt__reader_seek(&leaf->reader, docno);
        if (status == TKT_DONE && leaf->reader.doc == docno && scores)
            status = tkt__reader_level(&leaf->reader, docno, &level);
        if (status != TKT_DONE)
            return status;
        there = there || leaf->reader.doc == docno;
        if (leaf->reader.doc == docno && leaf->worth[level] > best)
            best = leaf->worth[level];
    }
    if (!there)
        e->match.w[off >> 6] &= ~(UINT64_C(1) << (off & 63));
    else if (scores) {
        e->score->total[off] += best;
        e->touched.w[off >> 6] |= UINT64_C(1) << (off & 63);
    }
    return TKT_DONE;
}

/* Asks each document that is left. */
static int32_t probe(tkt__run *e, const tkt__clause *c)
{
    int32_t status = TKT_DONE;
    TKT__EACH_BIT(&e->match, e->words, off)
        if (status == TKT_DONE)
            status = probe_document(e, c, (uint32_t)off);
    tkt__part_order(c->alternative[0].part);
    return status;
}

/* A clause that is one bitmap list narrows the window as it lies there. */
static int32_t narrow_by_bits(tkt__run *e, const tkt__clause *c, tkt__leaf *leaf, bool led)
{
    int32_t status = tkt__reader_seek(&leaf->reader, e->base);
    if (status != TKT_DONE || leaf->reader.doc >= e->end) {
        e->words = 0;
        return status;
    }
    const tkt__chunk *chunk = &leaf->reader.bits->chunk;
    e->words = chunk->words < e->words ? chunk->words : e->words;
    if (!led) {
        tkt__bits_clear(&e->match, e->words);
        tkt__chunk_join(chunk, e->words, e->match.w);
    } else if (chunk->mask == NULL) {
        for (uint32_t i = 0; i < e->words; i++)
            e->match.w[i] &= tkt__chunk_word(chunk->bytes, i);
    } else {
        const uint64_t *mine = tkt__reader_words(&leaf->reader);
        for (uint32_t i = 0; i < e->words; i++)
            e->match.w[i] &= mine[i];
    }
    if (c->scores && e->score != NULL)
        e->late_leaf[e->late++] = leaf;
    return TKT_DONE;
}

static int32_t narrow_by_lists(tkt__run *e, const tkt__clause *c, bool led)
{
    int32_t status = tkt__fill_clause(e, c, led ? &e->match : NULL);
    e->words = e->used < e->words ? e->used : e->words;
    if (led)
        tkt__bits_and(&e->match, &e->clause, e->words);
    else
        memcpy(e->match.w, e->clause.w, e->words * sizeof e->match.w[0]);
    return status;
}

static int32_t narrow(tkt__run *e, bool *led)
{
    tkt__search *s = e->s;
    int32_t status = TKT_DONE;
    for (uint32_t i = 0; status == TKT_DONE && i < s->clauses && s->clause[i].kind == TKT__MUST; i++) {
        const tkt__clause *c = &s->clause[i];
        if (!tkt__clause_wanted(e, c))
            continue;
        tkt__leaf *bits = tkt__bits_leaf(c);
        if (bits != NULL)
            status = narrow_by_bits(e, c, bits, *led);
        else
            status = *led && may_probe(e, c) ? probe(e, c) : narrow_by_lists(e, c, *led);
        *led = true;
        e->words = tkt__bits_used(&e->match, e->words);
        if (e->words == 0)
            return status;
    }
    return status;
}

static int32_t widen_and_exclude(tkt__run *e, bool led)
{
    tkt__search *s = e->s;
    tkt__bits should;
    bool optional = false;
    int32_t status = TKT_DONE;
    for (uint32_t i = 0; status == TKT_DONE && i < s->clauses; i++) {
        const tkt__clause *c = &s->clause[i];
        if (c->kind != TKT__SHOULD)
            continue;
        status = tkt__fill_clause(e, c, led ? &e->match : NULL);
        if (optional)
            tkt__bits_or(&should, &e->clause, e->words);
        else
            should = e->clause;
        optional = true;
    }
    if (optional && led)
        tkt__bits_and(&e->match, &should, e->words);
    else if (optional)
        e->match = should;
    e->words = tkt__bits_used(&e->match, e->words);
    for (uint32_t i = 0; status == TKT_DONE && i < s->clauses && e->words > 0; i++) {
        if (s->clause[i].kind != TKT__NOT)
            continue;
        status = tkt__fill_clause(e, &s->clause[i], &e->match);
        for (uint32_t w = 0; w < e->words; w++)
            e->match.w[w] &= ~e->clause.w[w];
    }
    return status;
}

/* ---- one window ---------------------------------------------------------------------------------------------- */

static void clear_totals(tkt__run *e)
{
    if (tkt__bits_before(e->touched.w, TKT__WINDOW) > TKT__WINDOW / CLEAR_ALL)
        memset(e->score->total, 0, sizeof e->score->total);
    else
        TKT__EACH_BIT(&e->touched, TKT__WINDOW_WORDS, off)
            e->score->total[off] = 0;
}

static int32_t run_window(tkt__run *e)
{
    bool led = false;
    e->late = 0;
    e->words = TKT__WINDOW_WORDS;
    if (e->score != NULL)
        tkt__bits_clear(&e->touched, TKT__WINDOW_WORDS);
    int32_t status = narrow(e, &led);
    if (status == TKT_DONE && e->words > 0)
        status = widen_and_exclude(e, led);
    if (status == TKT_DONE)
        status = tkt__give_window(e);
    if (e->score != NULL)
        clear_totals(e);
    return status;
}

/* ---- from window to window --------------------------------------------------------------------------------------- */

/* The first document from…to−1 that can match: no clause that must hold begins later. No list is moved past
 * what it has at or above `to`, for another range may begin there. */
static int32_t next_document(const tkt__run *e, uint32_t from, uint32_t to, uint32_t *next)
{
    tkt__search *s = e->s;
    uint32_t should = TKT__DOC_END;
    bool optional = false;
    *next = from;
    for (uint32_t i = 0; i < s->clauses; i++) {
        const tkt__clause *c = &s->clause[i];
        uint32_t at;
        if (c->kind == TKT__NOT || !tkt__clause_wanted(e, c))
            continue;
        /* A list need not be asked for what lies before the window that another one allows. */
        uint32_t ask = *next & ~(TKT__WINDOW - 1);
        int32_t status = tkt__clause_next(c, ask > from ? ask : from, &at);
        if (status != TKT_DONE)
            return status;
        if (c->kind == TKT__SHOULD) {
            optional = true;
            should = at < should ? at : should;
        } else if (at > *next)
            *next = at;
        if (*next >= to)
            return TKT_DONE;
    }
    if (optional && should > *next)
        *next = should;
    return TKT_DONE;
}

bool tkt__exec_over(tkt__run *e)
{
    tkt__search *s = e->s;
    const tkt_query *q = s->query;
    s->over = s->over || (q->work != 0 && s->work > q->work);
    if (q->time_ms != 0)
        s->over = s->over || s->hooks->monotonic_ms(s->hooks->user) - s->started_ms > q->time_ms;
    return s->over;
}

static int32_t run_windows(tkt__run *e, uint32_t from, uint32_t to)
{
    int32_t status = TKT_DONE;
    while (status == TKT_DONE && from < to && !tkt__exec_over(e)) {
        uint32_t next;
        status = next_document(e, from, to, &next);
        if (status != TKT_DONE || next >= to)
            return status;
        if (next >> TKT__WINDOW_BITS != from >> TKT__WINDOW_BITS) {
            from = next & ~(TKT__WINDOW - 1); /* look again: others may begin later still */
            continue;
        }
        e->base = next & ~(TKT__WINDOW - 1);
        e->end = e->base + TKT__WINDOW;
        status = run_window(e);
        from = e->end;
    }
    return status;
}

/* Documents from…to−1; both on the border of a day. */
static int32_t run_range(tkt__run *e, uint32_t from, uint32_t to, bool before)
{
    tkt__search *s = e->s;
    e->before = before;
    bool sparse = tkt__sparse_fits(e);
    int32_t status = TKT_DONE;
    for (uint32_t c = 0; c < s->clauses; c++) {
        bool scores = sparse || (s->clause[c].scores && e->score != NULL);
        if (!tkt__clause_wanted(e, &s->clause[c]))
            continue;
        for (uint32_t a = 0; a < s->clause[c].alternatives; a++)
            for (uint32_t p = 0; status == TKT_DONE && p < s->clause[c].alternative[a].parts; p++)
                status = tkt__part_begin(e, &s->clause[c].alternative[a].part[p], scores, from, to);
    }
    if (status != TKT_DONE)
        return status;
    return sparse ? tkt__sparse_run(e, from, to) : run_windows(e, from > 0 ? from : 1, to);
}

static uint32_t first_of(uint32_t day) { return day << TKT__SLOT_BITS; }

static int32_t run(tkt__run *e)
{
    const tkt_query *q = e->s->query;
    uint32_t low = q->from_ms == INT64_MIN ? 0 : tkt__day_of(q->from_ms);
    uint32_t high = q->to_ms == INT64_MAX ? TKT__DAY_LATE : tkt__day_of(q->to_ms);
    int32_t status = TKT_DONE;
    if (q->from_ms == q->to_ms)
        return TKT_DONE;
    if (q->during && low > 0 && e->s->longest_ms > 0) {
        bool ever = e->s->longest_ms == INT64_MAX || q->from_ms < INT64_MIN + e->s->longest_ms;
        uint32_t earliest = ever ? 0 : tkt__day_of(q->from_ms - e->s->longest_ms);
        status = run_range(e, first_of(earliest), first_of(low), true);
    }
    if (status == TKT_DONE)
        status = run_range(e, first_of(low), first_of(high + 1), false);
    if (status == TKT_DONE && e->s->counts.spilled > 0)
        status = run_range(e, first_of(TKT__DAY_SPILL), first_of(TKT__DAY_END), false);
    return status;
}

static bool one_scores(const tkt__search *s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->clauses; i++) {
        const tkt__clause *c = &s->clause[i];
        n += c->scores ? 1 : 0;
        if (c->scores && (c->alternatives != 1 || c->alternative[0].parts != 1 || c->phrase != NULL))
            return false;
    }
    return n == 1 && s->query->facets == 0;
}

int32_t tkt__exec(tkt__search *s)
{
    tkt__run *e = tkt__arena_get(&s->arena, sizeof *e);
    tkt__scores *score = s->relevance ? tkt__snapshot_scratch(s->snapshot, sizeof *score) : NULL;
    if (e == NULL || (s->relevance && score == NULL))
        return tkt__fail(TKT_E_NOMEM, "no memory for a search");
    memset(e, 0, sizeof *e);
    e->s = s;
    e->score = score;
    e->one_scores = one_scores(s);
    int32_t status = run(e);
    if (status != TKT_DONE && score != NULL) /* it may have ended in the middle of a window */
        memset(score, 0, sizeof *score);
    return status;
}
