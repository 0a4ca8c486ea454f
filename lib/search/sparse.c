/* SPDX-License-Identifier: MIT
 *
 * search/sparse.c: where the clause that leads is thin, its documents are asked for in the other
 * lists one by one: no window is cleared, and a list that says "not before document d" moves the leader
 * there. The commonest query, lists that must all have the document, has a loop of its own.
 */
#include "search/exec.h"

#define ASK_LEAVES 8u     /* most lists of a clause that are asked */
#define THIN 5u           /* documents of the leader a window, at most, where windows are known */
#define THIN_ALL 40u      /* the same where all lists must have it: such a document costs much less to ask for */
#define DOCS_A_WINDOW 900u /* where they are not: in a year's worth of events */
#define BUDGET_EVERY 256u /* documents between two looks at the budget */

static const tkt__clause *leader_of(const tkt__run *e)
{
    const tkt__search *s = e->s;
    for (uint32_t i = 0; i < s->clauses; i++)
        if (s->clause[i].kind == TKT__MUST && tkt__clause_wanted(e, &s->clause[i]))
            return &s->clause[i];
    return NULL;
}

static uint64_t thin_at_most(const tkt__search *s, bool all)
{
    uint64_t windows = s->counts.chunks != 0 ? s->counts.chunks : s->counts.documents / DOCS_A_WINDOW;
    return windows * (all ? THIN_ALL : THIN) + TKT__READER_WHOLE;
}

/* Whether every clause is one list that a document must have. */
static bool all_of_one_list(const tkt__run *e)
{
    for (uint32_t i = 0; i < e->s->clauses; i++) {
        const tkt__clause *c = &e->s->clause[i];
        if (tkt__clause_wanted(e, c) && (c->kind != TKT__MUST || c->leaves != 1 || c->phrase != NULL))
            return false;
    }
    return true;
}

bool tkt__sparse_fits(const tkt__run *e)
{
    const tkt__clause *lead = leader_of(e);
    if (lead == NULL || lead->phrase != NULL || lead->alternatives != 1 || lead->alternative[0].parts != 1 ||
        lead->cost > thin_at_most(e->s, all_of_one_list(e)))
        return false;
    for (uint32_t l = 0; l < lead->leaves; l++)
        if (lead->alternative[0].part->leaf[l].reader.bits != NULL)
            return false;
    for (uint32_t i = 0; i < e->s->clauses; i++)
        if (e->s->clause[i].leaves > ASK_LEAVES)
            return false;
    return true;
}

/* Whether any list of the part has the document. *worth: the best of those; *next: where the nearest stands. */
static int32_t part_has(tkt__part *part, uint32_t docno, bool scores, bool *there, uint32_t *worth, uint32_t *next)
{
    *there = false;
    *worth = 0;
    *next = TKT__DOC_END;
    for (uint32_t l = 0; l < part->leaves; l++) {
        tkt__leaf *leaf = &part->leaf[l];
        uint8_t level = 0;
        int32_t status = tkt__reader_reach(&leaf->reader, docno);
        if (status != TKT_DONE)
            return status;
        *next = leaf->reader.doc < *next ? leaf->reader.doc : *next;
        if (leaf->reader.doc != docno)
            continue;
        *there = true;
        if (scores)
            status = tkt__reader_level(&leaf->reader, docno, &level);
        if (status != TKT_DONE)
            return status;
        if (scores && leaf->worth[level] > *worth)
            *worth = leaf->worth[level];
    }
    return TKT_DONE;
}

/* A bitmap list by itself: is the bit set? Its level waits. */
static int32_t late_has(tkt__run *e, tkt__leaf *leaf, uint32_t docno, bool *there, uint32_t *next)
{
    int32_t status = tkt__reader_reach(&leaf->reader, docno);
    *next = leaf->reader.doc;
    *there = *next == docno;
    if (*there)
        e->late_leaf[e->late++] = leaf;
    return status;
}

/* The commonest clause: one list. */
static int32_t one_has(tkt__leaf *leaf, uint32_t docno, bool scores, bool *there, uint32_t *score, uint32_t *next)
{
    uint8_t level = 0;
    int32_t status = tkt__reader_reach(&leaf->reader, docno);
    *next = leaf->reader.doc;
    *there = *next == docno;
    if (status != TKT_DONE || !*there || !scores)
        return status;
    status = tkt__reader_level(&leaf->reader, docno, &level);
    *score += leaf->worth[level];
    return status;
}

static int32_t clause_has(tkt__run *e, const tkt__clause *c, uint32_t docno, bool *there, uint32_t *score,
                          uint32_t *next)
{
    bool scores = c->scores && e->score != NULL;
    int32_t status = TKT_DONE;
    uint32_t best = 0;
    tkt__leaf *first = c->alternative[0].part->leaf;
    *there = false;
    *next = docno + 1;
    if (c->leaves == 1 && c->phrase == NULL)
        return scores && first->reader.bits != NULL ? late_has(e, first, docno, there, next)
                                                    : one_has(first, docno, scores, there, score, next);
    for (uint32_t a = 0; status == TKT_DONE && a < c->alternatives; a++) {
        const tkt__alternative *alt = &c->alternative[a];
        uint32_t sum = 0, worth, at;
        bool all = true;
        for (uint32_t p = 0; status == TKT_DONE && p < alt->parts && all; p++) {
            status = part_has(&alt->part[p], docno, scores, &all, &worth, &at);
            sum += worth;
            if (!all && c->alternatives == 1)
                *next = at;
        }
        if (status == TKT_DONE && all) {
            *there = true;
            best = sum > best ? sum : best;
        }
    }
    if (status == TKT_DONE && *there && c->phrase != NULL)
        status = tkt__match_phrase(e->s, docno, c->phrase, there);
    *score += *there ? best : 0;
    return status;
}

/* All but the leader. *next: the earliest document that may match if this one does not. */
static int32_t others_have(tkt__run *e, const tkt__clause *lead, uint32_t docno, bool *right, uint32_t *score,
                           uint32_t *next)
{
    tkt__search *s = e->s;
    int32_t status = TKT_DONE;
    bool optional = false, some = false;
    *right = true;
    for (uint32_t i = 0; status == TKT_DONE && *right && i < s->clauses; i++) {
        const tkt__clause *c = &s->clause[i];
        uint32_t at;
        bool there;
        if (c == lead || !tkt__clause_wanted(e, c))
            continue;
        status = clause_has(e, c, docno, &there, score, &at);
        if (status != TKT_DONE)
            return status;
        if (c->kind == TKT__SHOULD) {
            optional = true;
            some = some || there;
        } else
            *right = there == (c->kind == TKT__MUST);
        if (!*right && c->kind == TKT__MUST && at > *next)
            *next = at;
    }
    *right = *right && (!optional || some);
    return status;
}

/* ---- lists that must all have the document ------------------------------------------------------------------ */

/* Whether a bitmap list has it, with the chunk that it lies in at hand. *next as in all_have. */
static int32_t bits_have(tkt__reader_list *list, uint32_t docno, bool *there, uint32_t *next)
{
    int32_t status = TKT_DONE;
    *there = false;
    if (list->doc != TKT__DOC_END && (list->doc == 0 || docno > list->fence))
        status = tkt__reader_seek(list, docno);
    if (status != TKT_DONE)
        return status;
    if (list->doc == TKT__DOC_END || docno < list->bits->base) {
        *next = list->doc;
        return TKT_DONE;
    }
    *there = tkt__reader_has(list, docno - list->bits->base);
    return TKT_DONE;
}

/* *next: the earliest document that may match if this one does not. */
static int32_t all_have(tkt__leaf *const *leaf, uint32_t n, uint32_t docno, bool *there, uint32_t *next)
{
    int32_t status = TKT_DONE;
    *there = true;
    for (uint32_t i = 0; status == TKT_DONE && *there && i < n; i++) {
        tkt__reader_list *list = &leaf[i]->reader;
        if (list->bits != NULL) {
            status = bits_have(list, docno, there, next);
            continue;
        }
        status = tkt__reader_reach(list, docno);
        *there = list->doc == docno;
        if (!*there)
            *next = list->doc;
    }
    return status;
}

/* Lists that must all have the document; leaf[0] leads. By date, what the page does not need is counted. */
typedef struct all {
    uint32_t n;
    tkt__leaf *leaf[TKT__CLAUSES_MAX];
    bool scores[TKT__CLAUSES_MAX];
    uint32_t day;        /* of the last match */
    bool asked, counted, edge; /* of that day */
    uint32_t passed;     /* counted, and not told yet */
} all;

/* All lists stand on the document. */
static int32_t give_scored(tkt__run *e, const all *a, uint32_t docno)
{
    uint32_t score = 0;
    int32_t status = TKT_DONE;
    e->base = docno & ~(TKT__WINDOW - 1);
    e->late = 0;
    for (uint32_t i = 0; status == TKT_DONE && e->score != NULL && i < a->n; i++) {
        tkt__leaf *leaf = a->leaf[i];
        uint8_t level = 0;
        if (!a->scores[i])
            continue;
        if (leaf->reader.bits != NULL) {
            e->late_leaf[e->late++] = leaf;
            continue;
        }
        status = tkt__reader_level(&leaf->reader, docno, &level);
        score += leaf->worth[level];
    }
    return status == TKT_DONE ? tkt__give_document(e, docno, score, a->asked) : status;
}

static int32_t take(tkt__run *e, all *a, uint32_t docno)
{
    uint32_t day = docno >> TKT__SLOT_BITS;
    int32_t status = TKT_DONE;
    if (day != a->day) {
        a->day = day;
        a->asked = tkt__match_needed(e->s, day);
        a->counted = false;
        a->edge = a->asked && tkt__collects_by_day(e->s) && e->s->query->facets == 0 && tkt__match_by_order(e->s, day);
        if (!a->asked && tkt__collects_by_day(e->s))
            status = tkt__collect_day(e->s, day, &a->counted);
    }
    if (a->edge) {
        e->s->work++;
        return status == TKT_DONE ? tkt__collect_edge(e->s, docno) : status;
    }
    if (a->counted)
        a->passed++;
    return status == TKT_DONE && !a->counted ? give_scored(e, a, docno) : status;
}

/* One list, all of it wanted, of whose rest nothing but the number is: the record has it. */
static bool rest_is_known(const tkt__run *e, const all *a, uint32_t turn)
{
    const tkt_query *q = e->s->query;
    return a->n == 1 && a->counted && q->from_ms == INT64_MIN && q->to_ms == INT64_MAX &&
           a->leaf[0]->reader.n >= turn;
}

static int32_t run_all(tkt__run *e, all *a, uint32_t to)
{
    tkt__reader_list *list = &a->leaf[0]->reader;
    int32_t status = TKT_DONE;
    for (uint32_t turn = 1; status == TKT_DONE && list->doc < to; turn++) {
        uint32_t docno = list->doc, next = docno + 1;
        bool there;
        if (turn % BUDGET_EVERY == 0 && tkt__exec_over(e))
            break;
        status = all_have(a->leaf + 1, a->n - 1, docno, &there, &next);
        if (status == TKT_DONE && there)
            status = take(e, a, docno);
        if (status == TKT_DONE && rest_is_known(e, a, turn)) {
            tkt__collect_passed(e->s, list->n - turn);
            break;
        }
        if (status == TKT_DONE)
            status = tkt__reader_reach(list, next < to ? next : to);
    }
    e->s->work += a->passed;
    tkt__collect_passed(e->s, a->passed);
    return status;
}

static int32_t gather_and_run(tkt__run *e, const tkt__clause *lead, uint32_t to)
{
    all a = { .n = 1, .leaf = { lead->alternative[0].part->leaf }, .scores = { lead->scores }, .day = UINT32_MAX };
    for (uint32_t i = 0; i < e->s->clauses; i++) {
        const tkt__clause *c = &e->s->clause[i];
        if (c == lead || !tkt__clause_wanted(e, c))
            continue;
        a.leaf[a.n] = c->alternative[0].part->leaf;
        a.scores[a.n++] = c->scores;
    }
    return run_all(e, &a, to);
}

/* ---- any query -------------------------------------------------------------------------------------------------- */

/* A document that all others have, with the leader's own score. */
static int32_t give_led(tkt__run *e, const tkt__clause *lead, uint32_t docno, uint32_t score)
{
    int32_t status = TKT_DONE;
    if (e->score != NULL && lead->scores) {
        uint32_t worth, next;
        bool there;
        status = part_has(lead->alternative[0].part, docno, true, &there, &worth, &next);
        score += worth;
    }
    return status == TKT_DONE ? tkt__give_document(e, docno, score, tkt__match_needed(e->s, docno >> TKT__SLOT_BITS))
                              : status;
}

int32_t tkt__sparse_run(tkt__run *e, uint32_t from, uint32_t to)
{
    const tkt__clause *lead = leader_of(e);
    uint32_t docno;
    int32_t status = tkt__part_next(lead->alternative[0].part, from > 0 ? from : 1, &docno);
    if (status == TKT_DONE && all_of_one_list(e))
        return gather_and_run(e, lead, to);
    for (uint32_t n = 1; status == TKT_DONE && docno < to; n++) {
        uint32_t score = 0, next = docno + 1;
        bool right;
        if (n % BUDGET_EVERY == 0 && tkt__exec_over(e))
            return TKT_DONE;
        e->base = docno & ~(TKT__WINDOW - 1);
        e->late = 0;
        status = others_have(e, lead, docno, &right, &score, &next);
        if (status == TKT_DONE && right)
            status = give_led(e, lead, docno, score);
        if (status == TKT_DONE)
            status = tkt__part_next(lead->alternative[0].part, next < to ? next : to, &docno);
    }
    return status;
}
