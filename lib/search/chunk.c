/* SPDX-License-Identifier: MIT
 *
 * search/chunk.c: the bytes of a bitmap list's rows (chunk.h). Decoding trusts nothing: what encode does
 * not write is refused, so that equal sets have equal bytes.
 */
#include "search/chunk.h"

#define KIND_BITS 2
#define KIND_LEVELS 3
#define HEAD 4

static int32_t corrupt(void) { return tkt__fail(TKT_E_CORRUPT, "a chunk of a list is malformed"); }

static void put_head(uint8_t *out, uint8_t kind, uint8_t highest, uint32_t n)
{
    out[0] = kind;
    out[1] = highest;
    out[2] = (uint8_t)n;
    out[3] = (uint8_t)(n >> 8);
}

static uint32_t count_of(const uint8_t *head) { return head[2] | (uint32_t)head[3] << 8; }

uint32_t tkt__bits_before(const uint64_t *word, uint32_t bits)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < bits >> 6; i++)
        n += tkt__popcount(word[i]);
    if ((bits & 63) != 0)
        n += tkt__popcount(word[bits >> 6] & ((UINT64_C(1) << (bits & 63)) - 1));
    return n;
}

size_t tkt__chunk_encode(const uint64_t word[TKT__CHUNK_WORDS], uint8_t out[TKT__CHUNK_BYTES])
{
    uint32_t words = TKT__CHUNK_WORDS;
    while (words > 0 && word[words - 1] == 0)
        words--;
    if (words == 0)
        return 0;
    put_head(out, KIND_BITS, 0, tkt__bits_before(word, words * 64));
    for (uint32_t i = 0; i < words; i++) {
        uint64_t le = htole64(word[i]);
        memcpy(out + HEAD + 8 * (size_t)i, &le, sizeof le);
    }
    return HEAD + 8 * (size_t)words;
}

int32_t tkt__chunk_open(tkt__slice chunk, const uint8_t **bytes, uint32_t *words)
{
    if (chunk.n <= HEAD || chunk.n > TKT__CHUNK_BYTES || (chunk.n - HEAD) % 8 != 0 || chunk.p[0] != KIND_BITS ||
        chunk.p[1] != 0)
        return corrupt();
    *bytes = chunk.p + HEAD;
    *words = (uint32_t)(chunk.n - HEAD) / 8;
    return tkt__chunk_word(*bytes, *words - 1) != 0 ? TKT_DONE : corrupt();
}

int32_t tkt__chunk_decode(tkt__slice chunk, uint64_t word[TKT__CHUNK_WORDS], uint32_t *n)
{
    const uint8_t *bytes;
    uint32_t words;
    int32_t status = tkt__chunk_open(chunk, &bytes, &words);
    if (status != TKT_DONE)
        return status;
    for (uint32_t i = 0; i < words; i++)
        word[i] = tkt__chunk_word(bytes, i);
    memset(word + words, 0, (TKT__CHUNK_WORDS - words) * sizeof *word);
    *n = tkt__bits_before(word, words * 64);
    return *n == count_of(chunk.p) ? TKT_DONE : corrupt();
}

size_t tkt__stretch_encode(const uint8_t *level, uint32_t n, uint8_t out[TKT__STRETCH_BYTES])
{
    uint8_t highest = 0, *at = out + HEAD;
    for (uint32_t i = 0; i < n; i += 2) {
        uint8_t second = i + 1 < n ? level[i + 1] : 0;
        highest = level[i] > highest ? level[i] : highest;
        highest = second > highest ? second : highest;
        *at++ = (uint8_t)(level[i] | second << 4);
    }
    put_head(out, KIND_LEVELS, highest, n);
    return (size_t)(at - out);
}

int32_t tkt__stretch_open(tkt__slice stretch, const uint8_t **nibbles, uint32_t *n)
{
    if (stretch.n <= HEAD || stretch.p[0] != KIND_LEVELS || stretch.p[1] >= TKT__LEVELS)
        return corrupt();
    *n = count_of(stretch.p);
    *nibbles = stretch.p + HEAD;
    return *n > 0 && *n <= TKT__STRETCH_DOCS && stretch.n == HEAD + (*n + 1) / 2 ? TKT_DONE : corrupt();
}
