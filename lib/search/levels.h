/* SPDX-License-Identifier: MIT
 *
 * search/levels.h: the levels of a bitmap list (chunk.h), apart from its bits, for only scores need them. A list with
 * levels has two numbers, L and L + 1. A chunk's documents are taken in four stretches of 2,048 numbers; neighbouring
 * stretches share a row while they are short.
 *
 *   POSTING be32 L+1 ‖ be32 fence   stretches of one chunk with documents in (the fence before, fence]; the fence is the
 *                                   last number of a stretch: of the row's last, or of one behind it that is empty now
 *    0  u8 kind 3
 *    1  u8 m, 1…4
 *    2  m × 3 bytes, rising: u8 stretch of the chunk (2 bits), highest level << 4; u16 n, with bit 15: all levels are
 *       the highest
 *    .. of each stretch whose levels differ: n levels in rising order of documents, two a byte, the first in the low
 *       half
 */
#ifndef TKT_SEARCH_LEVELS_H
#define TKT_SEARCH_LEVELS_H

#include "search/chunk.h"

#define TKT__STRETCH_BITS 11
#define TKT__STRETCH_DOCS (UINT32_C(1) << TKT__STRETCH_BITS)
#define TKT__STRETCH_WORDS (TKT__STRETCH_DOCS / 64)
#define TKT__STRETCH_FENCE(docno) ((docno) | (TKT__STRETCH_DOCS - 1))
#define TKT__STRETCHES (TKT__CHUNK_DOCS / TKT__STRETCH_DOCS) /* of a chunk */
#define TKT__STRETCH_OF(docno) ((docno) >> TKT__STRETCH_BITS & (TKT__STRETCHES - 1))
#define TKT__LEVELS_ROW_MOST 1100u /* bytes of a row; a full stretch by itself is shorter */
#define TKT__LEVELS_ROW_BYTES (2 + TKT__STRETCHES * (3 + TKT__STRETCH_DOCS / 2))

static inline uint8_t tkt__nibble(const uint8_t *nibbles, uint32_t i)
{
    return i & 1 ? nibbles[i >> 1] >> 4 : nibbles[i >> 1] & 15;
}

/* The levels of a row, a byte each; n 0: none of that stretch. */
typedef struct tkt__levels {
    uint32_t n[TKT__STRETCHES];
    uint8_t level[TKT__STRETCHES][TKT__STRETCH_DOCS + 1];
} tkt__levels;
/* Returns the bytes written; 0: there is no level, which no row may say. */
size_t tkt__levels_encode(const tkt__levels *levels, uint8_t out[TKT__LEVELS_ROW_BYTES]);
/* How many that would be. */
size_t tkt__levels_size(const tkt__levels *levels);
/* -TKT_E_CORRUPT on anything that encode does not write. */
int32_t tkt__levels_decode(tkt__slice row, tkt__levels *levels);
/* A row (empty: there is none) with other levels for one stretch; n 0: without it. *size 0: no level is left.
 * -TKT_E_CORRUPT: the row is malformed. */
int32_t tkt__levels_change(tkt__slice row, uint32_t stretch, const uint8_t *level, uint32_t n,
                           uint8_t out[TKT__LEVELS_ROW_BYTES], size_t *size);

/* One stretch of a row, without a copy. */
typedef struct tkt__stretch {
    uint32_t n;
    uint8_t highest;
    const uint8_t *nibbles; /* NULL: all are the highest */
} tkt__stretch;
/* TKT_NOT_FOUND: the row does not hold it. */
int32_t tkt__levels_find(tkt__slice row, uint32_t stretch, tkt__stretch *out);

/* The last number of a stretch of the chunk that begins at `chunk`. */
static inline uint32_t tkt__levels_fence(uint32_t chunk, uint32_t stretch)
{
    return TKT__STRETCH_FENCE(chunk | stretch << TKT__STRETCH_BITS);
}

#endif
