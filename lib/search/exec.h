/* SPDX-License-Identifier: MIT
 *
 * search/exec.h: what the files that find the matching documents share: exec.c goes from window to window,
 * fill.c brings the lists of one window, give.c completes scores and hands over, sparse.c asks document by
 * document where the leading list is thin. Scores are whole numbers (65,536ths), so their sum does not depend
 * on the order of reading.
 */
#ifndef TKT_SEARCH_EXEC_H
#define TKT_SEARCH_EXEC_H

#include "search/query.h"

typedef struct tkt__bits {
    uint64_t w[TKT__WINDOW_WORDS];
} tkt__bits;

/* The part of a snapshot's scratch memory that must be zero between windows, and is between searches. */
typedef struct tkt__scores {
    uint32_t total[TKT__WINDOW], best[TKT__WINDOW], sum[TKT__WINDOW], one[TKT__WINDOW];
} tkt__scores;

typedef struct tkt__run {
    tkt__search *s;
    uint32_t base, end;      /* of the window */
    bool before;             /* before the query's window: `during` */
    uint32_t words;          /* of `match` that may be set; the others are not looked at */
    uint32_t used;           /* of `clause`; the others are zero */
    tkt__bits match, clause, part, touched;
    tkt__scores *score;      /* NULL: nothing scores */
    bool one_scores;         /* one clause of one word alone, and nothing else is made of scores */
    /* Bitmap leaves of this window whose levels are read last, for documents that may reach the page. */
    uint32_t late;
    tkt__leaf *late_leaf[TKT__CLAUSES_MAX];
} tkt__run;

#define TKT__DENSE 16u /* read all levels of a stretch when at least one of so many of its documents matches */

#define TKT__EACH_BIT(b, n, off)                                                                      \
    for (uint32_t i_##off = 0; i_##off < (n); i_##off++)                                              \
        for (uint64_t w_##off = (b)->w[i_##off], off = 0;                                             \
             w_##off != 0 && (off = i_##off * 64u + (uint32_t)__builtin_ctzll(w_##off), true);        \
             w_##off &= w_##off - 1)

/* How many words are in use: the last that is not zero, and those before it. */
static inline uint32_t tkt__bits_used(const tkt__bits *b, uint32_t n)
{
    while (n > 0 && b->w[n - 1] == 0)
        n--;
    return n;
}

static inline void tkt__bits_and(tkt__bits *b, const tkt__bits *with, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        b->w[i] &= with->w[i];
}

static inline void tkt__bits_or(tkt__bits *b, const tkt__bits *with, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        b->w[i] |= with->w[i];
}

static inline void tkt__bits_clear(tkt__bits *b, uint32_t n) { memset(b->w, 0, n * sizeof b->w[0]); }

static inline bool tkt__clause_wanted(const tkt__run *e, const tkt__clause *c)
{
    return !c->before_window || e->before;
}

/* ---- fill.c -------------------------------------------------------------------------------------------- */

/* Puts the part's lists in order again after they were moved one by one. */
void tkt__part_order(tkt__part *part);
/* Before a range of documents is read: `scores`: they are wanted of this part. */
int32_t tkt__part_begin(tkt__run *e, tkt__part *part, bool scores, uint32_t from, uint32_t to);
/* The part's first document at or above `from`; TKT__DOC_END. */
int32_t tkt__part_next(tkt__part *part, uint32_t from, uint32_t *next);
int32_t tkt__clause_next(const tkt__clause *c, uint32_t from, uint32_t *next);
/* The list of a clause that is one bitmap list and nothing else; NULL. */
tkt__leaf *tkt__bits_leaf(const tkt__clause *c);
/* The clause's documents of the window, of its first e->words words, into e->clause, only those `within`
 * where that is given, and their scores into the totals. */
int32_t tkt__fill_clause(tkt__run *e, const tkt__clause *c, const tkt__bits *within);

/* ---- pages.c ------------------------------------------------------------------------------------------- */

#define TKT__PAGES_LEAVES 8u /* from so many lists on */
/* Reads the part's documents from…to−1 into its pages. */
int32_t tkt__pages_make(tkt__search *s, tkt__part *part, uint32_t from, uint32_t to);
uint32_t tkt__pages_next(const struct tkt__pages *pages, uint32_t from);
/* The first `words` of a window into out; returns how many of them may be set. */
uint32_t tkt__pages_fill(const struct tkt__pages *pages, uint32_t base, uint32_t words, tkt__bits *out);

/* ---- give.c: what the lists say matches ------------------------------------------------------------------- */

int32_t tkt__give_window(tkt__run *e);
/* `asked`: the document's own facts decide too. */
int32_t tkt__give_document(tkt__run *e, uint32_t docno, uint32_t score, bool asked);

/* ---- exec.c ------------------------------------------------------------------------------------------------ */

bool tkt__exec_over(tkt__run *e); /* the budget is used up */

/* ---- sparse.c ------------------------------------------------------------------------------------------------- */

bool tkt__sparse_fits(const tkt__run *e);
int32_t tkt__sparse_run(tkt__run *e, uint32_t from, uint32_t to);

#endif
