/* SPDX-License-Identifier: MIT
 *
 * search/give.c: from matching bits to the collector. Documents that only lists decide on are counted a
 * window at a time. By relevance, the levels of bitmap lists are read now, a stretch of 2,048 numbers at a
 * time, and not at all where even the highest level of the stretch keeps its documents off the page.
 */
#include "search/exec.h"

#define TRIM_LEAST 16u /* documents of a window on the edge of the query's dates */

static bool has_window(const tkt__run *e, const tkt__leaf *leaf)
{
    return leaf->reader.doc != TKT__DOC_END && leaf->reader.bits->base == e->base;
}

/* ---- one document ------------------------------------------------------------------------------------------ */

static bool has_bit(const tkt__run *e, tkt__leaf *leaf, uint32_t docno)
{
    return has_window(e, leaf) && tkt__reader_has(&leaf->reader, docno & (TKT__WINDOW - 1));
}

/* The score that the late lists can add at most: by their highest levels, and if these might do, by the highest
 * round the document. */
static int32_t late_most(tkt__run *e, uint32_t docno, uint64_t *most)
{
    uint64_t all = *most;
    for (uint32_t i = 0; i < e->late; i++)
        all += e->late_leaf[i]->worth[e->late_leaf[i]->reader.highest];
    if (!tkt__collect_can_enter(e->s, docno, all)) {
        *most = all;
        return TKT_DONE;
    }
    for (uint32_t i = 0; i < e->late; i++) {
        uint8_t highest;
        if (!has_bit(e, e->late_leaf[i], docno))
            continue;
        int32_t status = tkt__reader_highest(&e->late_leaf[i]->reader, docno, &highest);
        if (status != TKT_DONE)
            return status;
        *most += e->late_leaf[i]->worth[highest];
    }
    return TKT_DONE;
}

static int32_t late_score(tkt__run *e, uint32_t docno, uint32_t *score)
{
    for (uint32_t i = 0; i < e->late; i++) {
        uint8_t level;
        if (!has_bit(e, e->late_leaf[i], docno))
            continue;
        int32_t status = tkt__reader_level(&e->late_leaf[i]->reader, docno, &level);
        if (status != TKT_DONE)
            return status;
        *score += e->late_leaf[i]->worth[level];
    }
    return TKT_DONE;
}

int32_t tkt__give_document(tkt__run *e, uint32_t docno, uint32_t score, bool asked)
{
    tkt__search *s = e->s;
    tkt__candidate candidate = { .docno = docno, .distance_m = -1, .price = INT64_MAX };
    int32_t status = TKT_DONE;
    s->work++;
    if (e->score != NULL && !asked && s->query->facets == 0) {
        uint64_t most = score;
        status = late_most(e, docno, &most);
        if (status == TKT_DONE && !tkt__collect_can_enter(s, docno, most)) {
            tkt__collect_passed(s, 1);
            return TKT_DONE;
        }
    }
    if (status == TKT_DONE && asked)
        status = tkt__match(s, &candidate);
    if (status == TKT_DONE)
        status = late_score(e, docno, &score);
    candidate.score = score;
    if (status == TKT_DONE && e->score != NULL && s->query->facets == 0 && !tkt__collect_can_enter(s, docno, score))
        tkt__collect_passed(s, 1); /* also with a score as good as the last one's: its column need not be read */
    else if (status == TKT_DONE)
        status = tkt__collect(s, &candidate);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

/* ---- a stretch of a window ----------------------------------------------------------------------------------- */

static void add_all(tkt__reader_list *list, uint32_t from, const uint64_t *match, const uint32_t *worth,
                    uint32_t *total)
{
    const uint64_t *word = tkt__reader_words(list) + from / 64;
    uint32_t rank = 0;
    for (uint32_t i = 0; i < TKT__STRETCH_WORDS; i++)
        for (uint64_t w = word[i]; w != 0; w &= w - 1, rank++) {
            uint32_t bit = (uint32_t)__builtin_ctzll(w);
            if (match[i] >> bit & 1)
                total[i * 64 + bit] += worth[tkt__nibble(list->bits->nibbles, rank)];
        }
}

static int32_t add_some(const tkt__run *e, tkt__leaf *leaf, uint32_t from, const uint64_t *match, uint32_t *total)
{
    const uint64_t *mine = tkt__reader_words(&leaf->reader) + from / 64;
    for (uint32_t i = 0; i < TKT__STRETCH_WORDS; i++)
        for (uint64_t w = match[i] & mine[i]; w != 0; w &= w - 1) {
            uint32_t off = i * 64 + (uint32_t)__builtin_ctzll(w);
            uint8_t level;
            int32_t status = tkt__reader_level(&leaf->reader, e->base + from + off, &level);
            if (status != TKT_DONE)
                return status;
            total[off] += leaf->worth[level];
        }
    return TKT_DONE;
}

static uint32_t stretch_docs(tkt__leaf *leaf, uint32_t from)
{
    return tkt__bits_before(tkt__reader_words(&leaf->reader) + from / 64, TKT__STRETCH_DOCS);
}

/* The highest total that any of n matching documents of the stretch can have. */
static int32_t stretch_most(tkt__run *e, uint32_t from, const uint64_t *match, uint64_t *most)
{
    const uint32_t *total = e->score->total + from;
    uint32_t highest_total = 0;
    for (uint32_t i = 0; i < TKT__STRETCH_WORDS; i++)
        for (uint64_t w = match[i] & e->touched.w[from / 64 + i]; w != 0; w &= w - 1) {
            uint32_t value = total[i * 64 + (uint32_t)__builtin_ctzll(w)];
            highest_total = value > highest_total ? value : highest_total;
        }
    *most = highest_total;
    for (uint32_t l = 0; l < e->late; l++)
        *most += e->late_leaf[l]->worth[e->late_leaf[l]->reader.highest];
    if (!tkt__collect_can_enter(e->s, e->base + from, *most))
        return TKT_DONE;
    *most = highest_total;
    for (uint32_t l = 0; l < e->late; l++) {
        tkt__leaf *leaf = e->late_leaf[l];
        uint8_t highest;
        bool any = has_window(e, leaf) && stretch_docs(leaf, from) > 0;
        int32_t status = any ? tkt__reader_highest(&leaf->reader, e->base + from, &highest) : TKT_DONE;
        if (status != TKT_DONE)
            return status;
        *most += any ? leaf->worth[highest] : 0;
    }
    return TKT_DONE;
}

static int32_t late_scores(tkt__run *e, uint32_t from, const uint64_t *match, uint32_t n)
{
    uint32_t *total = e->score->total + from;
    int32_t status = TKT_DONE;
    for (uint32_t l = 0; status == TKT_DONE && l < e->late; l++) {
        tkt__leaf *leaf = e->late_leaf[l];
        if (!has_window(e, leaf))
            continue;
        uint32_t all = stretch_docs(leaf, from);
        if (all == 0)
            continue;
        if (n * TKT__DENSE < all) {
            status = add_some(e, leaf, from, match, total);
            continue;
        }
        uint8_t highest; /* brings the stretch to hand */
        status = tkt__reader_highest(&leaf->reader, e->base + from, &highest);
        if (status == TKT_DONE && leaf->reader.bits->nibbles != NULL)
            add_all(&leaf->reader, from, match, leaf->worth, total);
    }
    return status;
}

static int32_t give_stretch(tkt__run *e, uint32_t from)
{
    tkt__search *s = e->s;
    const uint64_t *match = e->match.w + from / 64;
    uint32_t n = tkt__bits_before(match, TKT__STRETCH_DOCS), passed = 0;
    uint64_t most;
    if (n == 0)
        return TKT_DONE;
    int32_t status = stretch_most(e, from, match, &most);
    if (status == TKT_DONE && !tkt__collect_can_enter(s, e->base + from, most)) {
        tkt__collect_passed(s, n);
        return TKT_DONE;
    }
    if (status == TKT_DONE)
        status = late_scores(e, from, match, n);
    for (uint32_t i = 0; status == TKT_DONE && i < TKT__STRETCH_WORDS; i++)
        for (uint64_t w = match[i]; w != 0 && status == TKT_DONE; w &= w - 1) {
            uint32_t off = from + i * 64 + (uint32_t)__builtin_ctzll(w);
            tkt__candidate c = { .docno = e->base + off, .score = e->score->total[off], .distance_m = -1,
                                 .price = INT64_MAX };
            if (tkt__collect_can_enter(s, c.docno, c.score))
                status = tkt__collect(s, &c);
            else
                passed++;
        }
    tkt__collect_passed(s, passed);
    s->work += n;
    return status;
}

/* ---- a window ------------------------------------------------------------------------------------------------- */

/* Whether documents of the window must be asked for their facts. On an edge of the query's dates the order of the
 * day's slots may tell as well, if there are so many documents that it is worth the search. */
static int32_t ask_window(tkt__run *e, bool *asked)
{
    tkt__search *s = e->s;
    bool told;
    *asked = tkt__match_needed(s, e->base >> TKT__SLOT_BITS);
    if (!*asked || tkt__match_by_facts(s) || tkt__bits_before(e->match.w, e->words * 64) < TRIM_LEAST)
        return TKT_DONE;
    int32_t status = tkt__match_trim(s, e->base, e->match.w, e->words, &told);
    *asked = !told;
    return status;
}

int32_t tkt__give_window(tkt__run *e)
{
    tkt__search *s = e->s;
    bool needed, asked;
    int32_t status = ask_window(e, &needed);
    if (status != TKT_DONE)
        return status;
    asked = needed || s->query->facets != 0;
    if (!asked && tkt__collects_by_day(s)) {
        uint32_t n = tkt__bits_before(e->match.w, e->words * 64);
        s->work += TKT__WINDOW_WORDS;
        return n > 0 ? tkt__collect_window(s, e->base, e->match.w, e->words, n) : TKT_DONE;
    }
    if (!asked && e->score != NULL) {
        for (uint32_t i = e->words; i % TKT__STRETCH_WORDS != 0; i++)
            e->match.w[i] = 0; /* to the end of the last stretch */
        for (uint32_t from = 0; status == TKT_DONE && from < e->words * 64; from += TKT__STRETCH_DOCS)
            status = give_stretch(e, from);
        if (e->late > 0)
            tkt__bits_or(&e->touched, &e->match, e->words);
        return status;
    }
    TKT__EACH_BIT(&e->match, e->words, off)
        if (status == TKT_DONE)
            status = tkt__give_document(e, e->base + (uint32_t)off, e->score != NULL ? e->score->total[off] : 0,
                                        needed);
    return status;
}
