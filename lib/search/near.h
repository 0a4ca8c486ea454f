/* SPDX-License-Identifier: MIT
 *
 * search/near.h: words a typo away, by deletion neighbourhoods: a word is filed under its first 6 characters and
 * under what is left of them without one or two; a misspelt word is looked up under the same of its own. Two words
 * at distance d share at least one such remainder (W. Garbe's symmetric delete, with its prefix form), so this finds
 * every candidate; the distance itself decides.
 *
 *   NEAR_WORD be32 fence, be16 part → groups, ascending by hash: u32 hash, u16 bytes of its entries, the entries in
 *             the order of filing. A row holds the hashes in (the fence before, fence]; a hash with more entries than
 *             a row takes has parts 0, 1, … of its own fence
 *   entry     u8 which (5 bits: what is gone; above: bytes of the tail, 7: a byte with them follows); the
 *             characters that are gone; the tail: all behind the first 6 characters
 *             gone: 0 nothing, 1…6 the character 0…5, 7…21 the pairs 01 02 … 05 12 … 45 of them
 *   hash      low half of XXH3-64 of the remainder's characters (be32 each)
 *
 * With the remainder, which whoever looks knows, an entry says the word: half the bytes that words would be. Two
 * remainders with one hash give words that nobody has. Entries of words that are gone stay until the index is built
 * anew. So whoever reads them looks the word up.
 */
#ifndef TKT_SEARCH_NEAR_H
#define TKT_SEARCH_NEAR_H

#include "search/search.h"

#include <endian.h>

#define TKT__NEAR_PREFIX 6u
#define TKT__NEAR_DEEP 7u     /* from so many characters on words are reached by two edits */
#define TKT__NEAR_KEYS 32     /* most remainders of a word: 22 */
#define TKT__NEAR_GONE 22u    /* ways to take away none, one or two */
#define TKT__NEAR_GONE_BITS 5u
#define TKT__NEAR_KEY_BYTES 6u
#define TKT__NEAR_ROW_MOST 1900u  /* bytes of a row */
#define TKT__NEAR_PARTS_MOST 32u  /* rows of one hash */
#define TKT__NEAR_ENTRY_BYTES (2 + TKT__WORD_MAX)
#define TKT__NEAR_GROUP_HEAD 6u

typedef struct tkt__remainder {
    uint32_t hash, gone;
} tkt__remainder;

/* A word in characters, and its remainders, each hash once. */
typedef struct tkt__near_key {
    uint32_t c[TKT__WORD_MAX], chars;
    uint32_t n;
    tkt__remainder remainder[TKT__NEAR_KEYS];
} tkt__near_key;
void tkt__near_keys(const uint8_t *p, uint32_t n, uint32_t deletions, tkt__near_key *key);
/* Those that a word of the index is filed under. */
void tkt__near_file_keys(const uint8_t *p, uint32_t n, tkt__near_key *key);
/* How many characters are taken away. */
static inline uint32_t tkt__near_lost(uint32_t gone) { return gone == 0 ? 0 : gone <= TKT__NEAR_PREFIX ? 1 : 2; }
/* Whether character i < TKT__NEAR_PREFIX is taken away. */
bool tkt__near_is_gone(uint32_t gone, uint32_t i);

void tkt__near_row_key(uint32_t fence, uint32_t part, uint8_t key[TKT__NEAR_KEY_BYTES]);
void tkt__near_group_head(uint8_t *out, uint32_t hash, uint32_t bytes);
size_t tkt__near_entry(uint32_t gone, const uint8_t *p, uint32_t n, uint8_t out[TKT__NEAR_ENTRY_BYTES]);

/* Entries filed under a hash, none too, by a cursor of NEAR_WORD; *more: ask for those of the next row. They live as
 * long as the cursor stands there. */
int32_t tkt__near_find(tkt__cursor *cursor, uint32_t hash, tkt__slice *entries, bool *more);
int32_t tkt__near_find_more(tkt__cursor *cursor, uint32_t hash, tkt__slice *entries, bool *more);
typedef struct tkt__near_part {
    uint32_t gone;
    tkt__slice lost, tail; /* characters that are gone; those behind the first six */
} tkt__near_part;
/* Takes the first entry off; false at the end. *bad: malformed. */
bool tkt__near_next(tkt__slice *entries, tkt__near_part *part, bool *bad);
/* The same for most entries, without a call: what is gone and the tail are ASCII and at most 16 bytes, and more
 * follows. False: any other, which is still there. */
#define TKT__NEAR_SKIM 18u /* bytes that are read at once */
static inline bool tkt__near_skim(tkt__slice *entries, tkt__near_part *part)
{
    static const uint8_t lost_of[1u << TKT__NEAR_GONE_BITS] = { 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
                                                                2, 2, 2, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99 };
    const uint64_t high = UINT64_C(0x8080808080808080);
    const uint8_t *p = entries->p;
    uint64_t first, second;
    if (entries->n < TKT__NEAR_SKIM)
        return false;
    uint32_t gone = p[0] & ((1u << TKT__NEAR_GONE_BITS) - 1), tail = p[0] >> TKT__NEAR_GONE_BITS;
    uint32_t head = tail == 7 ? 2 : 1, lost = lost_of[gone];
    tail = tail == 7 ? p[1] : tail;
    uint32_t bytes = lost + tail;
    memcpy(&first, p + head, sizeof first);
    memcpy(&second, p + head + 8, sizeof second);
    first = le64toh(first) & high;
    second = le64toh(second) & high;
    if (bytes > 16 || head + bytes > entries->n || (bytes > 8 && (first != 0 || second << (128 - 8 * bytes) != 0)) ||
        (bytes > 0 && bytes <= 8 && first << (64 - 8 * bytes) != 0))
        return false;
    *part = (tkt__near_part){ gone, { p + head, lost }, { p + head + lost, tail } };
    *entries = tkt__slice_of(p + head + bytes, entries->n - head - bytes);
    return true;
}
/* The word of an entry under this remainder of a key. 0: it is none. */
uint32_t tkt__near_word_of(const tkt__near_key *key, uint32_t gone, const tkt__near_part *part,
                           uint8_t out[TKT__WORD_MAX]);

#endif
