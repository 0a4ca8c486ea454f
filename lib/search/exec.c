/* SPDX-License-Identifier: MIT
 *
 * search/exec.c: the matching documents, in windows of 32,768 numbers: the clause that leads is spread
 * into a bitset, the others narrow it. A clause with long lists is asked document by document when few
 * are left, else read through. Scores are whole numbers (65,536ths), so their sum does not depend on the
 * order in which clauses are read.
 *
 * Only documents in the days of the query's window are looked at; those of its first and last day, and
 * of days that hold more than one date, are told apart by their column (match.c).
 */
#include "search/query.h"

#define PROBE_DOCS 48u     /* at most so many left: ask for each */
#define PROBE_LEAVES 4u
#define PROBE_LENGTH 4096u /* a list shorter than this is read through anyway */

typedef struct bits {
    uint64_t w[TKT__WINDOW_WORDS];
} bits;

/* All that a window needs; scores are zero between windows. */
typedef struct exec {
    tkt__search *s;
    uint32_t base, end;           /* of the window */
    bool before;                  /* before the query's window: `during` */
    bits match, clause, part, all, touched;
    uint32_t *total, *best, *sum, *one; /* TKT__WINDOW each; NULL without scores */
} exec;

static bool any(const bits *b)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < TKT__WINDOW_WORDS; i++)
        all |= b->w[i];
    return all != 0;
}

static uint32_t count(const bits *b, uint32_t most)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < TKT__WINDOW_WORDS && n <= most; i++)
        n += (uint32_t)__builtin_popcountll(b->w[i]);
    return n;
}

#define EACH_BIT(b, off)                                                                              \
    for (uint32_t i_##off = 0; i_##off < TKT__WINDOW_WORDS; i_##off++)                               \
        for (uint64_t w_##off = (b)->w[i_##off], off = 0;                                            \
             w_##off != 0 && (off = i_##off * 64u + (uint32_t)__builtin_ctzll(w_##off), true);       \
             w_##off &= w_##off - 1)

static void zero(uint32_t *score, const bits *where)
{
    EACH_BIT(where, off)
        score[off] = 0;
}

/* ---- one list -------------------------------------------------------------------------------------------- */

static void spread(const tkt__postings *p, uint32_t from, uint32_t to, uint32_t base, bits *out)
{
    for (uint32_t i = from; i < to; i++) {
        uint32_t off = p->doc[i] - base;
        out->w[off >> 6] |= UINT64_C(1) << (off & 63);
    }
}

static void spread_scores(const tkt__postings *p, uint32_t from, uint32_t to, uint32_t base, bits *out,
                          const bits *within, const uint32_t *worth, uint32_t *score)
{
    for (uint32_t i = from; i < to; i++) {
        uint32_t off = p->doc[i] - base, value = worth[p->level[i]];
        uint64_t bit = UINT64_C(1) << (off & 63);
        if (within != NULL && (within->w[off >> 6] & bit) == 0)
            continue;
        out->w[off >> 6] |= bit;
        if (value > score[off])
            score[off] = value;
    }
}

/* The list's documents of this window into `out`; with scores only those within. */
static int32_t fill(const exec *e, tkt__leaf *leaf, bits *out, const bits *within, uint32_t *score)
{
    tkt__reader_list *list = &leaf->reader;
    int32_t status = tkt__reader_seek(list, e->base);
    while (status == TKT_DONE && !list->end && list->block->doc[list->at] < e->end) {
        const tkt__postings *p = list->block;
        uint32_t to = list->at;
        if (p->doc[p->n - 1] < e->end)
            to = p->n;
        else
            while (p->doc[to] < e->end)
                to++;
        if (score == NULL)
            spread(p, list->at, to, e->base, out);
        else
            spread_scores(p, list->at, to, e->base, out, within, leaf->worth, score);
        list->at = to - 1;
        status = tkt__reader_next(list);
    }
    return status;
}

/* ---- one clause -------------------------------------------------------------------------------------------- */

static int32_t fill_part(const exec *e, const tkt__part *part, bits *out, const bits *within, uint32_t *score)
{
    int32_t status = TKT_DONE;
    for (uint32_t l = 0; status == TKT_DONE && l < part->leaves; l++)
        status = fill(e, &part->leaf[l], out, within, score);
    return status;
}

/* Words that must all be there: their scores add up; the best alternative counts. */
static int32_t fill_words(exec *e, const tkt__alternative *alt, const bits *within, uint32_t *score)
{
    bits touched = { { 0 } };
    int32_t status = TKT_DONE;
    memset(&e->all, 0xff, sizeof e->all);
    for (uint32_t p = 0; status == TKT_DONE && p < alt->parts; p++) {
        memset(&e->part, 0, sizeof e->part);
        status = fill_part(e, &alt->part[p], &e->part, within, score != NULL ? e->one : NULL);
        for (uint32_t i = 0; i < TKT__WINDOW_WORDS; i++) {
            e->all.w[i] &= e->part.w[i];
            touched.w[i] |= e->part.w[i];
        }
        if (score != NULL)
            EACH_BIT(&e->part, off) {
                e->sum[off] += e->one[off];
                e->one[off] = 0;
            }
    }
    for (uint32_t i = 0; i < TKT__WINDOW_WORDS; i++)
        e->clause.w[i] |= e->all.w[i];
    if (score != NULL) {
        EACH_BIT(&e->all, off)
            if (e->sum[off] > score[off])
                score[off] = e->sum[off];
        zero(e->sum, &touched);
    }
    return status;
}

static int32_t keep_phrase(exec *e, const tkt__clause *c, const bits *within, uint32_t *score)
{
    int32_t status = TKT_DONE;
    for (uint32_t i = 0; within != NULL && i < TKT__WINDOW_WORDS; i++)
        e->part.w[i] = e->clause.w[i] & ~within->w[i];
    if (within != NULL)
        for (uint32_t i = 0; i < TKT__WINDOW_WORDS; i++)
            e->clause.w[i] &= within->w[i];
    if (within != NULL && score != NULL)
        zero(score, &e->part);
    EACH_BIT(&e->clause, off) {
        bool there = false;
        if (status == TKT_DONE)
            status = tkt__match_phrase(e->s, e->base + (uint32_t)off, c->phrase, &there);
        if (!there) {
            e->clause.w[off >> 6] &= ~(UINT64_C(1) << (off & 63));
            if (score != NULL)
                score[off] = 0;
        }
    }
    return status;
}

/* The clause's documents into e->clause and, if it scores, their scores into e->best. */
static int32_t fill_clause(exec *e, const tkt__clause *c, const bits *within)
{
    uint32_t *score = c->scores ? e->best : NULL;
    int32_t status = TKT_DONE;
    memset(&e->clause, 0, sizeof e->clause);
    for (uint32_t a = 0; status == TKT_DONE && a < c->alternatives; a++) {
        const tkt__alternative *alt = &c->alternative[a];
        status = alt->parts == 1 ? fill_part(e, alt->part, &e->clause, within, score)
                                 : fill_words(e, alt, within, score);
    }
    return status == TKT_DONE && c->phrase != NULL ? keep_phrase(e, c, within, score) : status;
}

/* Adds e->best of e->clause to the totals of those that stay, and clears it. */
static void add_scores(exec *e, const tkt__clause *c)
{
    if (!c->scores || e->best == NULL)
        return;
    EACH_BIT(&e->clause, off) {
        e->total[off] += e->best[off];
        e->best[off] = 0;
    }
    for (uint32_t i = 0; i < TKT__WINDOW_WORDS; i++)
        e->touched.w[i] |= e->clause.w[i];
}

static bool may_probe(const exec *e, const tkt__clause *c)
{
    return c->phrase == NULL && c->alternatives == 1 && c->alternative[0].parts == 1 &&
           c->leaves <= PROBE_LEAVES && c->cost >= PROBE_LENGTH && count(&e->match, PROBE_DOCS) <= PROBE_DOCS;
}

/* Asks each document that is left. */
static int32_t probe(exec *e, const tkt__clause *c)
{
    const tkt__part *part = c->alternative[0].part;
    int32_t status = TKT_DONE;
    EACH_BIT(&e->match, off) {
        uint32_t docno = e->base + (uint32_t)off, best = 0;
        bool there = false;
        for (uint32_t l = 0; status == TKT_DONE && l < part->leaves; l++) {
            uint8_t level = 0;
            status = tkt__reader_seek(&part->leaf[l].reader, docno);
            if (status != TKT_DONE || tkt__reader_doc(&part->leaf[l].reader, &level) != docno)
                continue;
            there = true;
            if (part->leaf[l].worth[level] > best)
                best = part->leaf[l].worth[level];
        }
        if (!there)
            e->match.w[off >> 6] &= ~(UINT64_C(1) << (off & 63));
        else if (c->scores && e->total != NULL) {
            e->total[off] += best;
            e->touched.w[off >> 6] |= UINT64_C(1) << (off & 63);
        }
    }
    return status;
}

/* ---- one window ------------------------------------------------------------------------------------------------ */

static bool wanted(const exec *e, const tkt__clause *c) { return !c->before_window || e->before; }

static int32_t narrow(exec *e, bool *led)
{
    tkt__search *s = e->s;
    int32_t status = TKT_DONE;
    for (uint32_t i = 0; status == TKT_DONE && i < s->clauses && s->clause[i].kind == TKT__MUST; i++) {
        const tkt__clause *c = &s->clause[i];
        if (!wanted(e, c))
            continue;
        if (*led && may_probe(e, c)) {
            status = probe(e, c);
        } else {
            status = fill_clause(e, c, *led ? &e->match : NULL);
            add_scores(e, c);
            for (uint32_t w = 0; w < TKT__WINDOW_WORDS; w++)
                e->match.w[w] = *led ? e->match.w[w] & e->clause.w[w] : e->clause.w[w];
        }
        *led = true;
        if (!any(&e->match))
            return status;
    }
    return status;
}

static int32_t widen_and_exclude(exec *e, bool led)
{
    tkt__search *s = e->s;
    bits should = { { 0 } };
    bool optional = false;
    int32_t status = TKT_DONE;
    for (uint32_t i = 0; status == TKT_DONE && i < s->clauses; i++) {
        const tkt__clause *c = &s->clause[i];
        if (c->kind != TKT__SHOULD)
            continue;
        status = fill_clause(e, c, led ? &e->match : NULL);
        add_scores(e, c);
        optional = true;
        for (uint32_t w = 0; w < TKT__WINDOW_WORDS; w++)
            should.w[w] |= e->clause.w[w];
    }
    for (uint32_t w = 0; optional && w < TKT__WINDOW_WORDS; w++)
        e->match.w[w] = led ? e->match.w[w] & should.w[w] : should.w[w];
    for (uint32_t i = 0; status == TKT_DONE && i < s->clauses && any(&e->match); i++) {
        if (s->clause[i].kind != TKT__NOT)
            continue;
        status = fill_clause(e, &s->clause[i], &e->match);
        for (uint32_t w = 0; w < TKT__WINDOW_WORDS; w++)
            e->match.w[w] &= ~e->clause.w[w];
    }
    return status;
}

static int32_t give_documents(exec *e)
{
    int32_t status = TKT_DONE;
    EACH_BIT(&e->match, off) {
        tkt__candidate candidate = { .docno = e->base + (uint32_t)off, .distance_m = -1, .price = INT64_MAX };
        if (status != TKT_DONE)
            return status;
        candidate.score = e->total != NULL ? e->total[off] : 0;
        e->s->work++;
        status = tkt__match(e->s, &candidate);
        if (status == TKT_DONE)
            status = tkt__collect(e->s, &candidate);
        else if (status == TKT_NOT_FOUND)
            status = TKT_DONE;
    }
    return status;
}

static int32_t run_window(exec *e)
{
    bool led = false;
    if (e->total != NULL)
        memset(&e->touched, 0, sizeof e->touched);
    int32_t status = narrow(e, &led);
    if (status == TKT_DONE && (!led || any(&e->match)))
        status = widen_and_exclude(e, led);
    if (status == TKT_DONE)
        status = give_documents(e);
    if (e->total != NULL)
        zero(e->total, &e->touched);
    return status;
}

/* ---- from window to window --------------------------------------------------------------------------------------- */

/* The first document at or above `from` that the clause can have. */
static int32_t clause_next(const tkt__clause *c, uint32_t from, uint32_t *next)
{
    *next = TKT__DOC_END;
    for (uint32_t a = 0; a < c->alternatives; a++) {
        uint32_t all = from;
        for (uint32_t p = 0; p < c->alternative[a].parts; p++) {
            uint32_t least = TKT__DOC_END;
            const tkt__part *part = &c->alternative[a].part[p];
            for (uint32_t l = 0; l < part->leaves; l++) {
                uint8_t level;
                uint32_t doc = tkt__reader_doc(&part->leaf[l].reader, &level);
                if (doc < from) {
                    int32_t status = tkt__reader_seek(&part->leaf[l].reader, from);
                    if (status != TKT_DONE)
                        return status;
                    doc = tkt__reader_doc(&part->leaf[l].reader, &level);
                }
                least = doc < least ? doc : least;
            }
            all = least > all ? least : all;
        }
        *next = all < *next ? all : *next;
    }
    return TKT_DONE;
}

/* The first document at or above `from` that can match: no clause that must hold begins later. */
static int32_t next_document(const exec *e, uint32_t from, uint32_t *next)
{
    tkt__search *s = e->s;
    uint32_t should = TKT__DOC_END;
    bool optional = false;
    *next = from;
    for (uint32_t i = 0; i < s->clauses; i++) {
        const tkt__clause *c = &s->clause[i];
        uint32_t at;
        if (c->kind == TKT__NOT || !wanted(e, c))
            continue;
        int32_t status = clause_next(c, from, &at);
        if (status != TKT_DONE)
            return status;
        if (c->kind == TKT__SHOULD) {
            optional = true;
            should = at < should ? at : should;
        } else if (at > *next)
            *next = at;
    }
    if (optional && should > *next)
        *next = should;
    return TKT_DONE;
}

static bool over_budget(exec *e)
{
    tkt__search *s = e->s;
    const tkt_query *q = s->query;
    if (q->work != 0) {
        uint64_t work = s->work;
        for (uint32_t c = 0; c < s->clauses; c++)
            for (uint32_t a = 0; a < s->clause[c].alternatives; a++)
                for (uint32_t p = 0; p < s->clause[c].alternative[a].parts; p++)
                    for (uint32_t l = 0; l < s->clause[c].alternative[a].part[p].leaves; l++)
                        work += s->clause[c].alternative[a].part[p].leaf[l].reader.work;
        s->over = s->over || work > q->work;
    }
    if (q->time_ms != 0)
        s->over = s->over || s->hooks->monotonic_ms(s->hooks->user) - s->started_ms > q->time_ms;
    return s->over;
}

/* Documents from…to−1; both on the border of a day. */
static int32_t run_range(exec *e, uint32_t from, uint32_t to, bool before)
{
    int32_t status = TKT_DONE;
    e->before = before;
    while (status == TKT_DONE && from < to && !over_budget(e)) {
        uint32_t next;
        status = next_document(e, from, &next);
        if (status != TKT_DONE || next >= to)
            return status;
        if (next != from && next >> TKT__WINDOW_BITS != from >> TKT__WINDOW_BITS) {
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

static uint32_t first_of(uint32_t day) { return day << TKT__SLOT_BITS; }

static int32_t run(exec *e)
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

int32_t tkt__exec(tkt__search *s)
{
    size_t scores = s->relevance ? 4 * (size_t)TKT__WINDOW * sizeof(uint32_t) : 0;
    exec *e = tkt__alloc(s->hooks, sizeof *e + scores);
    if (e == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for a search");
    memset(e, 0, sizeof *e + scores);
    e->s = s;
    if (s->relevance) {
        e->total = (uint32_t *)(void *)(e + 1);
        e->best = e->total + TKT__WINDOW;
        e->sum = e->best + TKT__WINDOW;
        e->one = e->sum + TKT__WINDOW;
    }
    int32_t status = run(e);
    tkt__free(s->hooks, e, sizeof *e + scores);
    return status;
}
