/* SPDX-License-Identifier: MIT
 *
 * search/chunk.c: the bytes of a bitmap list's rows (chunk.h). Decoding trusts nothing and never reads outside of
 * the row.
 */
#include "search/chunk.h"

#define KIND_BITS 2
#define KIND_THIN 4
#define HEAD 4
#define MASKS (TKT__CHUNK_WORDS / 8) /* u64 of a thin chunk's mask, at most */

static int32_t corrupt(void) { return tkt__fail(TKT_E_CORRUPT, "a chunk of a list is malformed"); }

static void put_head(uint8_t *out, uint8_t kind, uint8_t highest, uint32_t n)
{
    out[0] = kind;
    out[1] = highest;
    out[2] = (uint8_t)n;
    out[3] = (uint8_t)(n >> 8);
}

static uint32_t count_of(const uint8_t *head) { return head[2] | (uint32_t)head[3] << 8; }

/* Two words and a carry into a sum and a carry (Hacker's Delight, 5-1, after R. Harley). */
static inline void add_carry(uint64_t *high, uint64_t *low, uint64_t a, uint64_t b)
{
    uint64_t u = *low ^ a;
    *high = (*low & a) | (u & b);
    *low = u ^ b;
}

uint32_t tkt__bits_before(const uint64_t *word, uint32_t bits)
{
    uint32_t n = 0, i = 0, words = bits >> 6;
    uint64_t ones = 0, twos = 0, fours = 0, eights;
    for (; i + 8 <= words; i += 8) {
        const uint64_t *w = word + i;
        uint64_t two_a, two_b, four_a, four_b;
        add_carry(&two_a, &ones, w[0], w[1]);
        add_carry(&two_b, &ones, w[2], w[3]);
        add_carry(&four_a, &twos, two_a, two_b);
        add_carry(&two_a, &ones, w[4], w[5]);
        add_carry(&two_b, &ones, w[6], w[7]);
        add_carry(&four_b, &twos, two_a, two_b);
        add_carry(&eights, &fours, four_a, four_b);
        n += tkt__popcount(eights);
    }
    n = 8 * n + 4 * tkt__popcount(fours) + 2 * tkt__popcount(twos) + tkt__popcount(ones);
    for (; i < words; i++)
        n += tkt__popcount(word[i]);
    if ((bits & 63) != 0)
        n += tkt__popcount(word[bits >> 6] & ((UINT64_C(1) << (bits & 63)) - 1));
    return n;
}

/* ---- bits ---------------------------------------------------------------------------------------------- */

/* Which bytes of a word are not zero, bit k for byte k (H. S. Warren, "Hacker's Delight", 6-1). */
static uint64_t bytes_there(uint64_t w)
{
    const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
    uint64_t there = (((w & low) + low) | w) & ~low;
    return (there >> 7) * UINT64_C(0x0102040810204080) >> 56;
}

typedef struct shape {
    uint32_t words, masks, bytes; /* up to the last that is not zero; bytes that are not */
    uint64_t mask[MASKS];
} shape;

static void measure(const uint64_t word[TKT__CHUNK_WORDS], shape *s)
{
    memset(s, 0, sizeof *s);
    for (uint32_t i = 0; i < TKT__CHUNK_WORDS; i++) {
        if (word[i] == 0)
            continue;
        s->mask[i / 8] |= bytes_there(word[i]) << i % 8 * 8;
        s->words = i + 1;
        s->masks = i / 8 + 1;
    }
    for (uint32_t i = 0; i < s->masks; i++)
        s->bytes += tkt__popcount(s->mask[i]);
}

static bool is_thin(const shape *s) { return 8 * s->masks + s->bytes <= 6 * s->words; }

static void put_word(uint8_t *out, uint64_t word)
{
    uint64_t le = htole64(word);
    memcpy(out, &le, sizeof le);
}

static size_t encode_thin(const uint64_t *word, const shape *s, uint8_t *out)
{
    uint8_t *at = out + HEAD + 8 * (size_t)s->masks;
    for (uint32_t i = 0; i < s->masks; i++) {
        put_word(out + HEAD + 8 * (size_t)i, s->mask[i]);
        for (uint64_t m = s->mask[i]; m != 0; m &= m - 1) {
            uint32_t byte = (uint32_t)__builtin_ctzll(m);
            *at++ = (uint8_t)(word[i * 8 + byte / 8] >> byte % 8 * 8);
        }
    }
    return (size_t)(at - out);
}

size_t tkt__chunk_encode(const uint64_t word[TKT__CHUNK_WORDS], uint8_t out[TKT__CHUNK_BYTES])
{
    shape s;
    measure(word, &s);
    if (s.words == 0)
        return 0;
    bool thin = is_thin(&s);
    put_head(out, thin ? KIND_THIN : KIND_BITS, (uint8_t)(thin ? s.masks : 0), tkt__bits_before(word, s.words * 64));
    if (thin)
        return encode_thin(word, &s, out);
    for (uint32_t i = 0; i < s.words; i++)
        put_word(out + HEAD + 8 * (size_t)i, word[i]);
    return HEAD + 8 * (size_t)s.words;
}

static int32_t open_thin(tkt__slice row, tkt__chunk *c)
{
    c->masks = row.p[1];
    if (c->masks == 0 || c->masks > MASKS || row.n <= HEAD + 8 * (size_t)c->masks)
        return corrupt();
    c->mask = row.p + HEAD;
    c->bytes = c->mask + 8 * (size_t)c->masks;
    c->have = (uint32_t)(row.n - HEAD) - 8 * c->masks;
    uint64_t last = tkt__chunk_word(c->mask, c->masks - 1);
    if (last == 0)
        return corrupt();
    c->words = 8 * (c->masks - 1) + (63 - (uint32_t)__builtin_clzll(last)) / 8 + 1;
    return TKT_DONE;
}

int32_t tkt__chunk_open(tkt__slice row, tkt__chunk *c)
{
    memset(c, 0, sizeof *c);
    if (row.n <= HEAD || row.n > TKT__CHUNK_BYTES)
        return corrupt();
    if (row.p[0] == KIND_THIN)
        return open_thin(row, c);
    if ((row.n - HEAD) % 8 != 0 || row.p[0] != KIND_BITS || row.p[1] != 0)
        return corrupt();
    c->bytes = row.p + HEAD;
    c->words = (uint32_t)(row.n - HEAD) / 8;
    return tkt__chunk_word(c->bytes, c->words - 1) != 0 ? TKT_DONE : corrupt();
}

int32_t tkt__chunk_decode(tkt__slice row, uint64_t word[TKT__CHUNK_WORDS], uint32_t *n)
{
    tkt__chunk c;
    int32_t status = tkt__chunk_open(row, &c);
    if (status != TKT_DONE)
        return status;
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < c.masks; i++)
        bytes += tkt__popcount(tkt__chunk_word(c.mask, i));
    if (bytes != c.have)
        return corrupt();
    memset(word, 0, TKT__CHUNK_WORDS * sizeof *word);
    tkt__chunk_join(&c, TKT__CHUNK_WORDS, word);
    *n = tkt__bits_before(word, c.words * 64);
    return *n == count_of(row.p) ? TKT_DONE : corrupt();
}

bool tkt__chunk_is_right(tkt__slice row, const uint64_t word[TKT__CHUNK_WORDS])
{
    uint8_t again[TKT__CHUNK_BYTES];
    return tkt__chunk_encode(word, again) == row.n && memcmp(again, row.p, row.n) == 0;
}

/* ---- thin chunks ---------------------------------------------------------------------------------------- */

/* How many bytes are there before one. Documents mostly come in order, so the count goes on from where it stands. */
static uint32_t rank_of(tkt__chunk *c, uint32_t byte)
{
    uint32_t i = byte >> 6;
    if (i < c->ranked)
        c->ranked = c->rank = 0;
    for (; c->ranked < i; c->ranked++)
        c->rank += tkt__popcount(tkt__chunk_word(c->mask, c->ranked));
    return c->rank + tkt__popcount(tkt__chunk_word(c->mask, i) & ((UINT64_C(1) << (byte & 63)) - 1));
}

void tkt__chunk_join(const tkt__chunk *c, uint32_t words, uint64_t *out)
{
    const uint8_t *at = c->bytes, *end = at + c->have;
    if (c->mask == NULL) {
        for (uint32_t i = 0; i < words && i < c->words; i++)
            out[i] |= tkt__chunk_word(c->bytes, i);
        return;
    }
    for (uint32_t i = 0; i < c->masks && i * 8 < words; i++) {
        uint64_t mine = words - i * 8 < 8 ? (UINT64_C(1) << (words - i * 8) * 8) - 1 : UINT64_MAX;
        for (uint64_t m = tkt__chunk_word(c->mask, i) & mine; m != 0 && at < end; m &= m - 1) {
            uint32_t byte = i * 64 + (uint32_t)__builtin_ctzll(m);
            out[byte >> 3] |= (uint64_t)*at++ << (byte & 7) * 8;
        }
    }
}

bool tkt__chunk_has_thin(tkt__chunk *c, uint32_t offset)
{
    uint32_t byte = offset >> 3, rank;
    if (byte >> 6 >= c->masks || (c->mask[byte >> 3] >> (byte & 7) & 1) == 0)
        return false;
    rank = rank_of(c, byte);
    return rank < c->have && (c->bytes[rank] >> (offset & 7) & 1) != 0;
}

uint32_t tkt__chunk_next_thin(tkt__chunk *c, uint32_t offset)
{
    uint32_t byte = offset >> 3, first = 0xffu << (offset & 7) & 0xff;
    for (uint32_t i = byte >> 6; i < c->masks; i++) {
        uint64_t m = tkt__chunk_word(c->mask, i);
        if (i == byte >> 6)
            m &= UINT64_MAX << (byte & 63);
        for (; m != 0; m &= m - 1) {
            uint32_t at = i * 64 + (uint32_t)__builtin_ctzll(m), rank = rank_of(c, at);
            uint32_t bits = rank < c->have ? c->bytes[rank] & (at == byte ? first : 0xff) : 0;
            if (bits != 0)
                return at * 8 + (uint32_t)__builtin_ctz(bits);
        }
    }
    return TKT__CHUNK_DOCS;
}
