/* SPDX-License-Identifier: MIT
 *
 * search/near.c: remainders of words and the bytes that say a word under its remainder (near.h).
 */
#include "search/near.h"

#include <xxhash.h>

#define TAIL_SHORT 7u  /* a tail of so many bytes and more has a byte for them */
#define PREFIX TKT__NEAR_PREFIX

bool tkt__near_word(const uint8_t *p, uint32_t n)
{
    uint32_t chars = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (p[i] >= '0' && p[i] <= '9')
            return false;
        chars += (p[i] & 0xc0) != 0x80;
    }
    return chars >= 4 && p[0] > TKT__NS_LAST;
}

/* ---- remainders ----------------------------------------------------------------------------------------- */

/* Bit i: character i is gone. Ones in the order of their numbers. */
static const uint8_t gone_bits[TKT__NEAR_GONE] = { 0, 1, 2, 4, 8, 16, 32, 3, 5, 9, 17, 33, 6, 10, 18, 34, 12, 20, 36,
                                                   24, 40, 48 };

bool tkt__near_is_gone(uint32_t gone, uint32_t i) { return (gone_bits[gone] >> i & 1) != 0; }

static uint32_t hash_of(const uint32_t *c, uint32_t n, uint32_t gone)
{
    uint8_t bytes[4 * PREFIX];
    uint32_t used = 0;
    for (uint32_t i = 0; i < n; i++)
        if (!tkt__near_is_gone(gone, i)) {
            tkt__be32(bytes + 4 * used, c[i]);
            used++;
        }
    return (uint32_t)XXH3_64bits(bytes, 4 * (size_t)used);
}

static void add_key(tkt__near_key *key, uint32_t hash, uint32_t gone)
{
    for (uint32_t i = 0; i < key->n; i++)
        if (key->remainder[i].hash == hash)
            return;
    key->remainder[key->n++] = (tkt__remainder){ hash, gone };
}

void tkt__near_keys(const uint8_t *p, uint32_t n, uint32_t deletions, tkt__near_key *key)
{
    static const uint32_t ways[3] = { 1, 1 + PREFIX, TKT__NEAR_GONE };
    key->chars = tkt__word_chars(p, n, key->c);
    key->n = 0;
    uint32_t length = key->chars < PREFIX ? key->chars : PREFIX;
    for (uint32_t gone = 0; gone < ways[deletions]; gone++)
        if (gone_bits[gone] >> length == 0)
            add_key(key, hash_of(key->c, length, gone), gone);
}

void tkt__near_file_keys(const uint8_t *p, uint32_t n, tkt__near_key *key)
{
    uint32_t chars[TKT__WORD_MAX];
    tkt__near_keys(p, n, tkt__word_chars(p, n, chars) >= TKT__NEAR_DEEP ? 2 : 1, key);
}

/* ---- entries ---------------------------------------------------------------------------------------------- */

static uint32_t char_bytes(uint8_t lead) { return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4; }

size_t tkt__near_entry(uint32_t gone, const uint8_t *p, uint32_t n, uint8_t out[TKT__NEAR_ENTRY_BYTES])
{
    uint32_t at = 0, i = 0, lost = 0;
    uint8_t chars[4 * PREFIX];
    for (; i < PREFIX && at < n; i++) {
        uint32_t bytes = char_bytes(p[at]);
        if (tkt__near_is_gone(gone, i)) {
            memcpy(chars + lost, p + at, bytes);
            lost += bytes;
        }
        at += bytes;
    }
    uint32_t tail = n - at, used = 0;
    out[used++] = (uint8_t)(gone | (tail < TAIL_SHORT ? tail : TAIL_SHORT) << TKT__NEAR_GONE_BITS);
    if (tail >= TAIL_SHORT)
        out[used++] = (uint8_t)tail;
    memcpy(out + used, chars, lost);
    memcpy(out + used + lost, p + at, tail);
    return used + (size_t)lost + tail;
}

/* Bytes of the characters at p that an entry says are gone; past the end: more than there are. */
static size_t lost_bytes(uint32_t gone, const uint8_t *p, size_t n)
{
    uint32_t chars = tkt__near_lost(gone);
    size_t bytes = 0;
    for (; chars > 0 && bytes < n; chars--)
        bytes += char_bytes(p[bytes]);
    return chars > 0 ? n + 1 : bytes;
}

bool tkt__near_next(tkt__slice *entries, tkt__near_part *part, bool *bad)
{
    const uint8_t *p = entries->p;
    size_t n = entries->n, tail, head = 1;
    if (n == 0)
        return false;
    part->gone = p[0] & ((1u << TKT__NEAR_GONE_BITS) - 1);
    tail = p[0] >> TKT__NEAR_GONE_BITS;
    if (tail == TAIL_SHORT && n > 1)
        tail = p[head++];
    size_t lost = part->gone < TKT__NEAR_GONE ? lost_bytes(part->gone, p + head, n - head) : n;
    if (head + lost + tail > n) {
        *bad = true;
        return false;
    }
    part->lost = tkt__slice_of(p + head, lost);
    part->tail = tkt__slice_of(p + head + lost, tail);
    *entries = tkt__slice_of(p + head + lost + tail, n - head - lost - tail);
    return true;
}

static uint32_t put_char(uint32_t c, uint8_t *out)
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    uint32_t bytes = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (uint32_t i = bytes; i-- > 1; c >>= 6)
        out[i] = (uint8_t)(0x80 | (c & 0x3f));
    out[0] = (uint8_t)((0xf00u >> bytes & 0xff) | c);
    return bytes;
}

uint32_t tkt__near_word_of(const tkt__near_key *key, uint32_t gone, const tkt__near_part *part,
                           uint8_t out[TKT__WORD_MAX])
{
    uint8_t bytes[4 * PREFIX + 8];
    uint32_t n = 0, from = 0, all = key->chars < PREFIX ? key->chars : PREFIX;
    const uint8_t *lost = part->lost.p, *end = lost + part->lost.n;
    for (uint32_t i = 0; i < PREFIX; i++) {
        if (tkt__near_is_gone(part->gone, i)) {
            uint32_t length = char_bytes(*lost);
            memcpy(bytes + n, lost, length);
            n += length;
            lost += length;
            continue;
        }
        while (from < all && tkt__near_is_gone(gone, from))
            from++;
        if (from == all) { /* a word of fewer characters ends here */
            if (lost != end || part->tail.n != 0)
                return 0;
            break;
        }
        n += put_char(key->c[from++], bytes + n);
    }
    while (from < all && tkt__near_is_gone(gone, from))
        from++;
    if (from < all || n + part->tail.n > TKT__WORD_MAX)
        return 0;
    memcpy(out, bytes, n);
    memcpy(out + n, part->tail.p, part->tail.n);
    return n + (uint32_t)part->tail.n;
}
