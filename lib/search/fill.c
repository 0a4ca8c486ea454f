/* SPDX-License-Identifier: MIT
 *
 * search/fill.c: lists as bits of one window, with scores. A word with many lists keeps them in a heap by
 * the document they stand on, so that a window costs only the lists that have something in it.
 *
 * Levels of a bitmap list that is a clause by itself are not read here but last (exec.c), for by then few
 * documents are left and most of them cannot reach the page.
 */
#include "search/exec.h"

/* ---- one list ------------------------------------------------------------------------------------------ */

static void spread(const uint32_t *doc, uint32_t from, uint32_t to, uint32_t base, tkt__bits *out)
{
    for (uint32_t i = from; i < to; i++) {
        uint32_t off = doc[i] - base;
        out->w[off >> 6] |= UINT64_C(1) << (off & 63);
    }
}

static void spread_scores(const tkt__reader_list *list, uint32_t to, uint32_t base, tkt__bits *out,
                          const tkt__bits *within, const uint32_t *worth, uint32_t *score)
{
    for (uint32_t i = list->at; i < to; i++) {
        uint32_t off = list->docs[i] - base, value = worth[list->level[i]];
        uint64_t bit = UINT64_C(1) << (off & 63);
        if (within != NULL && (within->w[off >> 6] & bit) == 0)
            continue;
        out->w[off >> 6] |= bit;
        if (value > score[off])
            score[off] = value;
    }
}

static void use(tkt__run *e, uint32_t words) { e->used = words > e->used ? words : e->used; }

static int32_t fill_array(tkt__run *e, tkt__leaf *leaf, tkt__bits *out, const tkt__bits *within, uint32_t *score)
{
    tkt__reader_list *list = &leaf->reader;
    uint32_t end = within != NULL ? e->base + e->words * 64 : e->end; /* nothing behind it can match */
    int32_t status = TKT_DONE;
    while (status == TKT_DONE && list->doc < end) {
        bool rest = list->docs[list->have - 1] < end;
        uint32_t to = rest ? list->have : tkt__docs_from(list->docs, list->at, list->have, end);
        if (score == NULL)
            spread(list->docs, list->at, to, e->base, out);
        else
            spread_scores(list, to, e->base, out, within, leaf->worth, score);
        use(e, ((list->docs[to - 1] - e->base) >> 6) + 1);
        list->at = to - 1;
        status = tkt__reader_next(list);
    }
    return status;
}

/* The levels of one stretch of a bitmap list, in the order in which they lie there. */
static void score_stretch(tkt__leaf *leaf, uint32_t from, const uint64_t *which, uint32_t *score)
{
    const tkt__bit_reader *b = leaf->reader.bits;
    const uint64_t *word = tkt__reader_words(&leaf->reader) + from / 64;
    uint32_t rank = 0;
    for (uint32_t i = 0; i < TKT__STRETCH_WORDS; i++)
        for (uint64_t w = word[i]; w != 0; w &= w - 1, rank++) {
            uint32_t bit = (uint32_t)__builtin_ctzll(w), off = from + i * 64 + bit;
            uint32_t value = leaf->worth[b->nibbles != NULL ? tkt__nibble(b->nibbles, rank) : 0];
            if ((which[i] >> bit & 1) != 0 && value > score[off])
                score[off] = value;
        }
}

static int32_t score_some(const tkt__run *e, tkt__leaf *leaf, uint32_t from, const uint64_t *which, uint32_t *score)
{
    for (uint32_t i = 0; i < TKT__STRETCH_WORDS; i++)
        for (uint64_t w = which[i]; w != 0; w &= w - 1) {
            uint32_t off = from + i * 64 + (uint32_t)__builtin_ctzll(w);
            uint8_t level;
            int32_t status = tkt__reader_level(&leaf->reader, e->base + off, &level);
            if (status != TKT_DONE)
                return status;
            if (leaf->worth[level] > score[off])
                score[off] = leaf->worth[level];
        }
    return TKT_DONE;
}

/* `which` is zero to the end of its last stretch. Where this clause alone makes the score, a stretch whose highest
 * level keeps its documents off the page need not be read: what they have by other lists is their best then. */
static int32_t score_bits(const tkt__run *e, tkt__leaf *leaf, const tkt__bits *which, uint32_t *score)
{
    int32_t status = TKT_DONE;
    if (e->one_scores && !tkt__collect_can_enter(e->s, e->base, leaf->worth[leaf->reader.highest]))
        return TKT_DONE;
    for (uint32_t from = 0; status == TKT_DONE && from < e->words * 64; from += TKT__STRETCH_DOCS) {
        const uint64_t *word = which->w + from / 64;
        uint32_t n = tkt__bits_before(word, TKT__STRETCH_DOCS);
        uint8_t highest;
        if (n == 0)
            continue;
        status = tkt__reader_highest(&leaf->reader, e->base + from, &highest);
        if (status != TKT_DONE ||
            (e->one_scores && !tkt__collect_can_enter(e->s, e->base + from, leaf->worth[highest])))
            continue;
        if (n * TKT__DENSE < tkt__bits_before(tkt__reader_words(&leaf->reader) + from / 64, TKT__STRETCH_DOCS))
            status = score_some(e, leaf, from, word, score);
        else
            score_stretch(leaf, from, word, score);
    }
    return status;
}

static int32_t fill_bits(tkt__run *e, tkt__leaf *leaf, tkt__bits *out, const tkt__bits *within, uint32_t *score)
{
    tkt__bits mine;
    if (leaf->reader.doc >= e->end)
        return TKT_DONE;
    uint32_t words = leaf->reader.bits->chunk.words;
    words = words < e->words ? words : e->words;
    tkt__chunk_join(&leaf->reader.bits->chunk, words, out->w);
    use(e, words);
    if (score == NULL)
        return TKT_DONE;
    memcpy(mine.w, tkt__reader_words(&leaf->reader), e->words * sizeof mine.w[0]);
    for (uint32_t i = e->words; i % TKT__STRETCH_WORDS != 0; i++)
        mine.w[i] = 0;
    if (within != NULL)
        tkt__bits_and(&mine, within, e->words);
    return score_bits(e, leaf, &mine, score);
}

/* The list's documents of this window into `out`; with scores only those within. */
static int32_t fill(tkt__run *e, tkt__leaf *leaf, tkt__bits *out, const tkt__bits *within, uint32_t *score)
{
    int32_t status = tkt__reader_seek(&leaf->reader, e->base);
    if (status != TKT_DONE)
        return status;
    return leaf->reader.bits != NULL ? fill_bits(e, leaf, out, within, score)
                                     : fill_array(e, leaf, out, within, score);
}

/* ---- several lists: the heap ------------------------------------------------------------------------------- */

/* The item at `at` has a later document now. */
static void sink(tkt__part *part, uint32_t at)
{
    tkt__heap_item *heap = part->heap, item = heap[at];
    uint32_t n = part->leaves;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= n)
            break;
        child += child + 1 < n && heap[child + 1].doc < heap[child].doc;
        if (item.doc <= heap[child].doc)
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = item;
}

static void sink_first(tkt__part *part)
{
    part->heap[0].doc = part->leaf[part->heap[0].leaf].reader.doc;
    sink(part, 0);
}

void tkt__part_order(tkt__part *part)
{
    if (part->heap == NULL)
        return;
    for (uint32_t i = 0; i < part->leaves; i++)
        part->heap[i].doc = part->leaf[part->heap[i].leaf].reader.doc;
    for (uint32_t i = part->leaves / 2; i > 0; i--)
        sink(part, i - 1);
}

int32_t tkt__part_begin(tkt__run *e, tkt__part *part, bool scores, uint32_t from, uint32_t to)
{
    tkt__part_order(part);
    part->pages = NULL;
    return part->leaves >= TKT__PAGES_LEAVES && !scores ? tkt__pages_make(e->s, part, from, to) : TKT_DONE;
}

int32_t tkt__part_next(tkt__part *part, uint32_t from, uint32_t *next)
{
    int32_t status = TKT_DONE;
    if (part->pages != NULL) {
        *next = tkt__pages_next(part->pages, from);
        return TKT_DONE;
    }
    if (part->heap == NULL) {
        if (part->leaf->reader.doc < from)
            status = tkt__reader_seek(&part->leaf->reader, from);
        *next = part->leaf->reader.doc;
        return status;
    }
    while (status == TKT_DONE && part->heap[0].doc < from) {
        status = tkt__reader_seek(&part->leaf[part->heap[0].leaf].reader, from);
        sink_first(part);
    }
    *next = part->heap[0].doc;
    return status;
}

int32_t tkt__clause_next(const tkt__clause *c, uint32_t from, uint32_t *next)
{
    *next = TKT__DOC_END;
    for (uint32_t a = 0; a < c->alternatives; a++) {
        uint32_t all = from;
        for (uint32_t p = 0; p < c->alternative[a].parts; p++) {
            uint32_t least;
            int32_t status = tkt__part_next(&c->alternative[a].part[p], from, &least);
            if (status != TKT_DONE)
                return status;
            all = least > all ? least : all;
        }
        *next = all < *next ? all : *next;
    }
    return TKT_DONE;
}

static int32_t fill_part(tkt__run *e, tkt__part *part, tkt__bits *out, const tkt__bits *within,
                         uint32_t *score)
{
    uint32_t next;
    if (part->pages != NULL) {
        use(e, tkt__pages_fill(part->pages, e->base, e->words, out));
        return TKT_DONE;
    }
    if (part->heap == NULL)
        return fill(e, part->leaf, out, within, score);
    int32_t status = tkt__part_next(part, e->base, &next);
    while (status == TKT_DONE && next < e->end) {
        tkt__leaf *leaf = &part->leaf[part->heap[0].leaf];
        status = fill(e, leaf, out, within, score);
        if (status == TKT_DONE) /* a bitmap still stands in the window */
            status = tkt__reader_seek(&leaf->reader, e->end);
        sink_first(part);
        next = part->heap[0].doc;
    }
    return status;
}

/* ---- one clause ----------------------------------------------------------------------------------------------- */

static void zero(uint32_t *score, const tkt__bits *where)
{
    TKT__EACH_BIT(where, TKT__WINDOW_WORDS, off)
        score[off] = 0;
}

/* Words that must all be there: their scores add up; the best alternative counts. */
static int32_t fill_words(tkt__run *e, const tkt__alternative *alt, const tkt__bits *within, uint32_t *score)
{
    tkt__bits touched = { { 0 } }, all;
    int32_t status = TKT_DONE;
    memset(&all, 0xff, sizeof all);
    for (uint32_t p = 0; status == TKT_DONE && p < alt->parts; p++) {
        tkt__bits_clear(&e->part, TKT__WINDOW_WORDS);
        status = fill_part(e, &alt->part[p], &e->part, within, score != NULL ? e->score->one : NULL);
        tkt__bits_and(&all, &e->part, TKT__WINDOW_WORDS);
        tkt__bits_or(&touched, &e->part, TKT__WINDOW_WORDS);
        if (score != NULL)
            TKT__EACH_BIT(&e->part, TKT__WINDOW_WORDS, off) {
                e->score->sum[off] += e->score->one[off];
                e->score->one[off] = 0;
            }
    }
    tkt__bits_or(&e->clause, &all, TKT__WINDOW_WORDS);
    use(e, TKT__WINDOW_WORDS);
    if (score != NULL) {
        TKT__EACH_BIT(&all, TKT__WINDOW_WORDS, off)
            if (e->score->sum[off] > score[off])
                score[off] = e->score->sum[off];
        zero(e->score->sum, &touched);
    }
    return status;
}

static int32_t keep_phrase(tkt__run *e, const tkt__clause *c, const tkt__bits *within, uint32_t *score)
{
    int32_t status = TKT_DONE;
    if (within != NULL) {
        tkt__bits outside = e->clause;
        for (uint32_t i = 0; i < TKT__WINDOW_WORDS; i++)
            outside.w[i] &= ~within->w[i];
        tkt__bits_and(&e->clause, within, TKT__WINDOW_WORDS);
        if (score != NULL)
            zero(score, &outside);
    }
    TKT__EACH_BIT(&e->clause, TKT__WINDOW_WORDS, off) {
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

/* Adds the best scores of the clause's documents to the totals, and clears them. */
static void add_scores(tkt__run *e)
{
    TKT__EACH_BIT(&e->clause, e->used, off) {
        e->score->total[off] += e->score->best[off];
        e->score->best[off] = 0;
    }
    tkt__bits_or(&e->touched, &e->clause, e->used);
}

tkt__leaf *tkt__bits_leaf(const tkt__clause *c)
{
    tkt__part *part = c->alternative[0].part;
    bool single = c->phrase == NULL && c->alternatives == 1 && c->alternative[0].parts == 1 && part->leaves == 1;
    return single && part->leaf->reader.bits != NULL ? part->leaf : NULL;
}

int32_t tkt__fill_clause(tkt__run *e, const tkt__clause *c, const tkt__bits *within)
{
    bool scores = c->scores && e->score != NULL;
    tkt__leaf *late = scores ? tkt__bits_leaf(c) : NULL;
    uint32_t *best = !scores || late != NULL ? NULL : e->one_scores ? e->score->total : e->score->best;
    int32_t status = TKT_DONE;
    tkt__bits_clear(&e->clause, e->used);
    e->used = 0;
    for (uint32_t a = 0; status == TKT_DONE && a < c->alternatives; a++) {
        const tkt__alternative *alt = &c->alternative[a];
        status = alt->parts == 1 ? fill_part(e, alt->part, &e->clause, within, best)
                                 : fill_words(e, alt, within, best);
    }
    if (late != NULL)
        e->late_leaf[e->late++] = late;
    if (status == TKT_DONE && c->phrase != NULL)
        status = keep_phrase(e, c, within, best);
    if (status == TKT_DONE && best != NULL && e->one_scores)
        tkt__bits_or(&e->touched, &e->clause, e->used);
    else if (status == TKT_DONE && best != NULL)
        add_scores(e);
    return status;
}
