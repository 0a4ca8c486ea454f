/* SPDX-License-Identifier: MIT
 *
 * search/block.h: up to 384 postings of one list as bytes.
 *
 *   0  u32: 9 bits n − 1 (n: 1…384), 17 bits span − 1, 4 bits highest level, 1 bit: with levels, 1 bit: set
 *   4  u32 first document
 *   8  a head of 4 bytes for each group of up to 128 further postings: u8 bits of a gap, u8 exceptions, u16 bytes
 *  ..  the groups: gaps − 1 packed low bits first; then each exception: u8 which, varint high bits
 *  ..  levels, two a byte, the first in the low half
 *
 * Gaps are those of local numbers, day × span + slot, where span is one more than the block's largest slot: small
 * gaps although a day has 131,072 slots.
 */
#ifndef TKT_SEARCH_BLOCK_H
#define TKT_SEARCH_BLOCK_H

#include "search/search.h"

#define TKT__POSTINGS_MOST 384 /* postings; one more splits it */
#define TKT__POSTINGS_FILL 192  /* a bulk build leaves room for edits: blocks of about so many … */
#define TKT__POSTINGS_LEAST 96 /* … of at least so many … */
#define TKT__POSTINGS_FULL 272 /* … and at most so many */
#define TKT__POSTINGS_BYTES 2400

typedef struct tkt__postings {
    uint32_t n;
    bool levels;
    uint32_t doc[TKT__POSTINGS_MOST + 1];
    uint8_t level[TKT__POSTINGS_MOST + 2]; /* 0 when the list has none */
} tkt__postings;

/* The key of a row of POSTING. */
static inline void tkt__posting_key(uint32_t list, uint32_t fence, uint8_t key[8])
{
    tkt__be32(key, list);
    tkt__be32(key + 4, fence);
}

/* The first place of low…high−1 whose document is at or above docno; high: none. */
static inline uint32_t tkt__docs_from(const uint32_t *doc, uint32_t low, uint32_t high, uint32_t docno)
{
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (doc[mid] < docno)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* n ≤ TKT__POSTINGS_MOST, docs strictly rising. Returns the bytes written. */
size_t tkt__block_encode(const tkt__postings *postings, uint32_t from, uint32_t n, uint8_t out[TKT__POSTINGS_BYTES]);
/* The same for all of them, where the first `same` are those of a block that could be decoded: groups of those alone are
 * taken over as they lie there. */
size_t tkt__block_change(tkt__slice old, uint32_t same, const tkt__postings *postings, uint8_t out[TKT__POSTINGS_BYTES]);
/* -TKT_E_CORRUPT on anything that encode does not write. */
int32_t tkt__block_decode(tkt__slice block, tkt__postings *postings);
/* The same without levels, which then are not to be looked at. */
int32_t tkt__block_decode_documents(tkt__slice block, tkt__postings *postings);
/* How many it says it has, without looking further. */
int32_t tkt__block_length(tkt__slice block, uint32_t *n);

/* list.c: a term's record: the postings themselves (few one by one, more as a block), or where they lie.
 * TKT_NOT_FOUND from external: the list is inside the record. */
#define TKT__LIST_INLINE_MOST 128u /* documents of a list that lies in its record */
#define TKT__LIST_PLAIN_MOST 16u   /* of them those without a block's head */
#define TKT__LIST_RECORD_BYTES (1 + 8 + 4 + 5 * TKT__LIST_INLINE_MOST)
#define TKT__LIST_EXTERNAL_BYTES 9
typedef struct tkt__list_ref {
    uint32_t list, n;
    bool levels, bitmap;
    uint8_t highest; /* no level of it is above; TKT__LEVELS − 1: nothing is known */
} tkt__list_ref;
int32_t tkt__list_inline(tkt__slice value, tkt__postings *out);
int32_t tkt__list_external(tkt__slice value, tkt__list_ref *ref);
size_t tkt__list_inline_encode(const tkt__postings *in, uint8_t out[TKT__LIST_RECORD_BYTES]);
size_t tkt__list_external_encode(const tkt__list_ref *ref, uint8_t out[TKT__LIST_EXTERNAL_BYTES]);
/* n documents of a term, told from its record. */
int32_t tkt__list_length(tkt__slice value, uint32_t *n);

/* list.c: a row of POSTING; n 0: it goes. */
int32_t tkt__posting_put(tkt__tx *tx, uint32_t list, uint32_t fence, const uint8_t *bytes, size_t n);

/* bitmap.c: one document of a bitmap list, inside a body. */
typedef enum tkt__edit { TKT__SAME, TKT__CHANGED, TKT__MORE, TKT__LESS } tkt__edit;
int32_t tkt__bitmap_set(tkt__tx *tx, const tkt__list_ref *ref, uint32_t docno, uint8_t level, tkt__edit *edit);
int32_t tkt__bitmap_drop(tkt__tx *tx, const tkt__list_ref *ref, uint32_t docno, tkt__edit *edit);

#endif
