/* SPDX-License-Identifier: MIT
 *
 * engine/lmdb/key.c: the order of keys, which is LMDB's own: bytes, and of two where one begins with the other the
 * shorter first. LMDB asks for it at every step of a lookup, mostly of keys of 5 to 25 bytes: eight bytes at once are
 * compared without a call. A file has no trace of it, other tools read it by their own.
 */
#include "engine/lmdb/lmdb_engine.h"

#include <endian.h>

#define WORD sizeof(uint64_t)
#define HALF sizeof(uint32_t)

static uint64_t word_at(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, WORD);
    return be64toh(v);
}

static uint32_t half_at(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, HALF);
    return be32toh(v);
}

static int order(uint64_t x, uint64_t y)
{
    return (x > y) - (x < y);
}

/* n bytes; the last word of them may lie over the one before, which was the same. */
static int compare_bytes(const uint8_t *p, const uint8_t *q, size_t n)
{
    int first = 0;
    if (n >= WORD) {
        for (size_t at = 0; first == 0 && at + WORD < n; at += WORD)
            first = order(word_at(p + at), word_at(q + at));
        return first != 0 ? first : order(word_at(p + n - WORD), word_at(q + n - WORD));
    }
    if (n >= HALF)
        return order((uint64_t)half_at(p) << 32 | half_at(p + n - HALF), (uint64_t)half_at(q) << 32 | half_at(q + n - HALF));
    for (size_t i = 0; first == 0 && i < n; i++)
        first = order(p[i], q[i]);
    return first;
}

int tkt__lmdb_compare(const MDB_val *a, const MDB_val *b)
{
    int first = compare_bytes(a->mv_data, b->mv_data, a->mv_size < b->mv_size ? a->mv_size : b->mv_size);
    return first != 0 ? first : order(a->mv_size, b->mv_size);
}
