/* SPDX-License-Identifier: MIT
 *
 * queue/shuffle.c: a random permutation that needs no memory: the place of a number and the number of a place, each by a
 * few hashes, for any count. Balanced Feistel network over the next even power of two, walked until it falls inside.
 * Pure. The header names the source.
 */
#include "queue/queue.h"

#include <sodium.h>

#define ROUNDS 8

_Static_assert(crypto_shorthash_siphash24_KEYBYTES <= TKT__SEED_BYTES, "the seed is the key");
_Static_assert(crypto_hash_sha256_BYTES == 32, "a commitment has 32 bytes");

static unsigned half_bits(uint64_t count)
{
    unsigned half = 1;
    while (2 * half < 64 && (UINT64_C(1) << 2 * half) < count)
        half++;
    return half;
}

static uint64_t mix(const uint8_t seed[TKT__SEED_BYTES], uint8_t round, uint64_t value, uint64_t count)
{
    uint8_t in[17], out[crypto_shorthash_siphash24_BYTES];
    in[0] = round;
    tkt__be64(in + 1, value);
    tkt__be64(in + 9, count);
    crypto_shorthash_siphash24(out, in, sizeof in, seed);
    return tkt__get_be64(out);
}

static uint64_t forth(const uint8_t seed[TKT__SEED_BYTES], uint64_t x, unsigned half, uint64_t count)
{
    uint64_t mask = (UINT64_C(1) << half) - 1, left = x >> half, right = x & mask;
    for (uint8_t i = 0; i < ROUNDS; i++) {
        uint64_t next = left ^ (mix(seed, i, right, count) & mask);
        left = right;
        right = next;
    }
    return left << half | right;
}

static uint64_t back(const uint8_t seed[TKT__SEED_BYTES], uint64_t x, unsigned half, uint64_t count)
{
    uint64_t mask = (UINT64_C(1) << half) - 1, left = x >> half, right = x & mask;
    for (uint8_t i = ROUNDS; i-- > 0;) {
        uint64_t before = right ^ (mix(seed, i, left, count) & mask);
        right = left;
        left = before;
    }
    return left << half | right;
}

/* The domain is at most four times as large as count, so the walk is short, and it ends: it follows a cycle that began
 * inside. */
uint64_t tkt__shuffle(const uint8_t seed[TKT__SEED_BYTES], uint64_t number, uint64_t count)
{
    unsigned half = half_bits(count);
    do
        number = forth(seed, number, half, count);
    while (number >= count);
    return number;
}

uint64_t tkt__unshuffle(const uint8_t seed[TKT__SEED_BYTES], uint64_t place, uint64_t count)
{
    unsigned half = half_bits(count);
    do
        place = back(seed, place, half, count);
    while (place >= count);
    return place;
}

void tkt__commitment(const uint8_t seed[TKT__SEED_BYTES], uint8_t out[32])
{
    crypto_hash_sha256(out, seed, TKT__SEED_BYTES);
}

int32_t tkt_queue_shuffle(const uint8_t seed[TKT__SEED_BYTES], uint64_t number, uint64_t count, uint64_t *place)
{
    if (seed == NULL || place == NULL || number >= count || count > UINT64_C(1) << 53)
        return tkt__fail(TKT_E_INVALID, "a seed, a place and a number below a count of at most 2^53 are needed");
    *place = tkt__shuffle(seed, number, count);
    return TKT_DONE;
}
