/* SPDX-License-Identifier: MIT
 *
 * search/reader.h: the lists of a query, read in order of documents from one transaction.
 *
 * A reader holds one decoded block. Documents come in rising order; seek only goes forward.
 */
#ifndef TKT_SEARCH_READER_H
#define TKT_SEARCH_READER_H

#include "search/block.h"

#define TKT__DOC_END UINT32_MAX /* past every document */

/* A window: 32,768 neighbouring document numbers as bits. */
#define TKT__WINDOW_BITS 15
#define TKT__WINDOW (UINT32_C(1) << TKT__WINDOW_BITS)
#define TKT__WINDOW_WORDS (TKT__WINDOW / 64)

typedef struct tkt__reader_list {
    tkt__tx *tx;
    tkt__cursor *cursor;   /* NULL: inline */
    uint32_t list, n;      /* n: documents in all */
    uint32_t fence, at;    /* of the block; place in it */
    bool end;
    uint64_t work;         /* postings decoded so far */
    tkt__postings *block;
    const tkt_hooks *hooks;
} tkt__reader_list;

/* TKT_NOT_FOUND: nobody has the term. */
int32_t tkt__reader_open(tkt__tx *tx, tkt__slice term, const tkt_hooks *hooks, tkt__reader_list *list);
void tkt__reader_close(tkt__reader_list *list);
/* Moves to the first document at or above docno. */
int32_t tkt__reader_seek(tkt__reader_list *list, uint32_t docno);
/* The document it stands on, or TKT__DOC_END. */
static inline uint32_t tkt__reader_doc(const tkt__reader_list *list, uint8_t *level)
{
    if (list->end)
        return TKT__DOC_END;
    *level = list->block->level[list->at];
    return list->block->doc[list->at];
}
int32_t tkt__reader_next(tkt__reader_list *list);

#endif
