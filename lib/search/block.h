/* SPDX-License-Identifier: MIT
 *
 * search/block.h: up to 384 postings of one list as bytes.
 *
 *   0  u8  kind 1            2  u8  bits of a slot in this block (w)
 *   1  u8  1: with levels    3  u8  highest level
 *   4  u16 n, 1…384          6  u32 first docno
 *  10  a head of 8 bytes for each group of up to 128 further postings:
 *        u32 last local number, u8 bits of a gap, u8 exceptions, u16 bytes of the group
 *  ..  the groups: gaps − 1 packed low bits first; then each exception: u8 which, varint high bits
 *  ..  levels, two a byte, the first in the low half;  7 zero bytes, so that 8 can be read anywhere
 *
 * A local number is (day − first day) << w | slot: small gaps although a day has 131,072 slots.
 */
#ifndef TKT_SEARCH_BLOCK_H
#define TKT_SEARCH_BLOCK_H

#include "search/search.h"

#define TKT__POSTINGS_MOST 384 /* postings; one more splits it */
#define TKT__POSTINGS_FILL 256 /* a bulk build leaves room for edits */
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
/* -TKT_E_CORRUPT on anything that encode does not write. */
int32_t tkt__block_decode(tkt__slice block, tkt__postings *postings);
/* The same without levels, which then are not to be looked at. */
int32_t tkt__block_decode_documents(tkt__slice block, tkt__postings *postings);

/* list.c: a term's record: the postings themselves, or where they lie. TKT_NOT_FOUND from external: the
 * list is inside the record. */
#define TKT__LIST_INLINE_MOST 16 /* documents of a list that lies in its record */
#define TKT__LIST_RECORD_BYTES 160
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

/* bitmap.c: one document of a bitmap list, inside a body. */
typedef enum tkt__edit { TKT__SAME, TKT__CHANGED, TKT__MORE, TKT__LESS } tkt__edit;
int32_t tkt__bitmap_set(tkt__tx *tx, const tkt__list_ref *ref, uint32_t docno, uint8_t level, tkt__edit *edit);
int32_t tkt__bitmap_drop(tkt__tx *tx, const tkt__list_ref *ref, uint32_t docno, tkt__edit *edit);

#endif
