/* SPDX-License-Identifier: MIT
 *
 * search/chunk.h: a piece of a bitmap list: 8,192 neighbouring document numbers, a bit each. Lists that very
 * many documents have (TKT__BITMAP_SHARE, _CHUNK) are kept so: a window of them costs a handful of words,
 * whatever it holds. Levels lie apart: levels.h.
 *
 *   POSTING be32 L ‖ be32 (docno | 0x1FFF)      u8 kind 2, u8 0, u16 n (1…8,192), the bits as u64 words
 *                                               from the chunk's first document on, cut after the last
 *                                               word that is not 0; or, where that is shorter by a
 *                                               quarter and more,
 *                                               u8 kind 4, u8 m (1…16), u16 n, m u64: a bit for each of
 *                                               the chunk's bytes that is not 0; then those bytes
 *
 * A list becomes a bitmap, or an array of blocks again, only when the index is built anew.
 */
#ifndef TKT_SEARCH_CHUNK_H
#define TKT_SEARCH_CHUNK_H

#include "search/search.h"

#include <endian.h>

#define TKT__BITMAP_SHARE 64u    /* a list of more than documents / 64 … */
#define TKT__BITMAP_LEAST 1024u  /* … and at least so many … */
#define TKT__BITMAP_CHUNK 64u    /* … and so many for each chunk that has documents becomes a bitmap: to read a
                                    chunk costs as much as to decode some fifty postings */

#define TKT__CHUNK_BITS 13
#define TKT__CHUNK_DOCS (UINT32_C(1) << TKT__CHUNK_BITS)
#define TKT__CHUNK_WORDS (TKT__CHUNK_DOCS / 64)
#define TKT__CHUNK_BYTES (4 + TKT__CHUNK_DOCS / 8)

#define TKT__CHUNK_FENCE(docno) ((docno) | (TKT__CHUNK_DOCS - 1))

/* Returns the bytes written; 0: no bit is set, which no row may say. */
size_t tkt__chunk_encode(const uint64_t word[TKT__CHUNK_WORDS], uint8_t out[TKT__CHUNK_BYTES]);
/* -TKT_E_CORRUPT: not a chunk, or not so many bits as its head says. */
int32_t tkt__chunk_decode(tkt__slice chunk, uint64_t word[TKT__CHUNK_WORDS], uint32_t *n);
/* Whether the row is what encode writes for its words: equal sets have equal bytes. */
bool tkt__chunk_is_right(tkt__slice row, const uint64_t word[TKT__CHUNK_WORDS]);

/* The same without the count and without a copy, for a query reads no more of a chunk than it needs. Of a thin chunk
 * single bits are told by rank; tkt__chunk_join makes words of it. What does not fit together reads as zero and
 * never outside of the row: tkt__chunk_decode tells of it. */
typedef struct tkt__chunk {
    const uint8_t *bytes; /* of all words; thin: those that are not 0 */
    const uint8_t *mask;  /* thin: which bytes are there; else NULL */
    uint32_t words;       /* those behind them are zero */
    uint32_t have, masks; /* thin: bytes, u64 of the mask */
    uint32_t ranked, rank; /* thin: `rank` bytes are there below u64 `ranked` of the mask */
} tkt__chunk;
int32_t tkt__chunk_open(tkt__slice row, tkt__chunk *chunk);
bool tkt__chunk_has_thin(tkt__chunk *chunk, uint32_t offset);
/* The first offset at or above `offset` that is set; TKT__CHUNK_DOCS: none. */
uint32_t tkt__chunk_next_thin(tkt__chunk *chunk, uint32_t offset);
/* Sets its bits in the first `words` words of out. */
void tkt__chunk_join(const tkt__chunk *chunk, uint32_t words, uint64_t *out);
static inline uint64_t tkt__chunk_word(const uint8_t *bytes, uint32_t i)
{
    uint64_t le;
    memcpy(&le, bytes + 8 * (size_t)i, sizeof le);
    return le64toh(le);
}

/* Bits set in a word, without the instruction that not every machine has (H. S. Warren, "Hacker's Delight",
 * 5-1); compilers make vectors of it. */
static inline uint32_t tkt__popcount(uint64_t x)
{
    x -= x >> 1 & UINT64_C(0x5555555555555555);
    x = (x & UINT64_C(0x3333333333333333)) + (x >> 2 & UINT64_C(0x3333333333333333));
    x = (x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (uint32_t)(x * UINT64_C(0x0101010101010101) >> 56);
}

/* How many bits are set among the first `bits` ones. */
uint32_t tkt__bits_before(const uint64_t *word, uint32_t bits);

#endif
