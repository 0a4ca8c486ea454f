/* SPDX-License-Identifier: MIT
 *
 * search/reader.h: the lists of a query, read in order of documents from one transaction.
 *
 * A reader stands on a document; documents come in rising order and seek only goes forward. What it
 * holds is a run of decoded postings (arrays), or a chunk of bits (bitmap lists). A list of at most
 * TKT__READER_WHOLE documents is read whole when it is opened and needs no cursor. Memory is the arena's;
 * cursors are closed by tkt__reader_close.
 */
#ifndef TKT_SEARCH_READER_H
#define TKT_SEARCH_READER_H

#include "search/block.h"
#include "search/levels.h"

#define TKT__DOC_END UINT32_MAX /* past every document */
#define TKT__READER_WHOLE 512u

/* A window is what a chunk of a bitmap list holds: 8,192 neighbouring document numbers. */
#define TKT__WINDOW_BITS TKT__CHUNK_BITS
#define TKT__WINDOW TKT__CHUNK_DOCS
#define TKT__WINDOW_WORDS TKT__CHUNK_WORDS

typedef struct tkt__bit_reader {
    tkt__cursor *levels; /* NULL: the list has none, or nobody asked for them */
    uint32_t base;       /* first document */
    tkt__chunk chunk;    /* as it lies in the row */
    uint32_t stretch;    /* fence of the stretch whose levels are at hand; 0: none */
    uint32_t level_fence; /* of the row of levels at hand, where their cursor stands; 0: none */
    tkt__slice level_row;
    uint8_t highest;     /* of the stretch's levels */
    const uint8_t *nibbles;
    uint32_t copied;     /* fence of the chunk that `word` holds; 0: none */
    uint64_t word[TKT__WINDOW_WORDS]; /* tkt__reader_words */
    uint8_t same[TKT__STRETCH_DOCS / 2]; /* nibbles of a stretch whose levels are all the same */
} tkt__bit_reader;

typedef struct tkt__reader_list {
    tkt__tx *tx;
    tkt__cursor *cursor; /* NULL: the list is here whole */
    uint64_t *work;      /* counts postings looked at */
    uint32_t n;          /* documents in all */
    uint32_t list, fence;
    uint32_t doc;        /* it stands on; 0: not looked for yet; TKT__DOC_END */
    bool levels;         /* of arrays: decoded */
    uint8_t highest;     /* no level of the list is above */
    /* arrays */
    uint32_t at, have;
    const uint32_t *docs;
    const uint8_t *level;
    tkt__postings *block;
    /* bitmaps */
    tkt__bit_reader *bits; /* NULL: an array */
} tkt__reader_list;

/* `record` is the term's. `shared`: a cursor of POSTING that may be moved now. */
int32_t tkt__reader_open(tkt__tx *tx, tkt__slice record, bool levels, tkt__arena *arena, tkt__cursor *shared,
                         uint64_t *work, tkt__reader_list *list);
void tkt__reader_close(tkt__reader_list *list);
/* Moves to the first document at or above docno (1 or above). */
int32_t tkt__reader_seek(tkt__reader_list *list, uint32_t docno);
int32_t tkt__reader_next(tkt__reader_list *list);
#define TKT__READER_STEPS 8u /* tried before a search by halves */
/* The same as seek, without a call where it is there in a few steps. */
static inline int32_t tkt__reader_reach(tkt__reader_list *list, uint32_t docno)
{
    if (list->doc >= docno)
        return TKT_DONE;
    if (list->bits == NULL && list->doc != 0) {
        uint32_t at = list->at, most = list->have - at > TKT__READER_STEPS ? at + TKT__READER_STEPS : list->have;
        while (at < most && list->docs[at] < docno)
            at++;
        list->at = at;
        if (at < most) {
            list->doc = list->docs[at];
            return TKT_DONE;
        }
    }
    return tkt__reader_seek(list, docno);
}
/* The level of the document that it stands on (arrays), or of any in its chunk (bitmaps). 0 without levels. */
int32_t tkt__reader_level(tkt__reader_list *list, uint32_t docno, uint8_t *level);
/* Whether the chunk at hand has the document `offset` from its first. */
static inline bool tkt__reader_has(tkt__reader_list *list, uint32_t offset)
{
    tkt__chunk *c = &list->bits->chunk;
    if (c->mask != NULL)
        return tkt__chunk_has_thin(c, offset);
    return offset >> 6 < c->words && (tkt__chunk_word(c->bytes, offset >> 6) >> (offset & 63) & 1) != 0;
}
/* The words of the chunk at hand, all TKT__WINDOW_WORDS of them. */
const uint64_t *tkt__reader_words(tkt__reader_list *list);
/* No level of the chunk's stretch that `docno` lies in is above *highest. */
int32_t tkt__reader_highest(tkt__reader_list *list, uint32_t docno, uint8_t *highest);

#endif
