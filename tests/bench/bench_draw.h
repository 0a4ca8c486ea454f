/* SPDX-License-Identifier: MIT
 *
 * tests/bench/bench_draw.h: chance that is the same on every machine.
 */
#ifndef TKT_BENCH_DRAW_H
#define TKT_BENCH_DRAW_H

#include <math.h>
#include <stdint.h>

static inline uint64_t bench_draw(uint64_t *state) /* splitmix64 */
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* Zipf with s = 1 by the inverse of the harmonic sum: ranks 1…n, scattered over the ids. */
static inline uint64_t bench_zipf(uint64_t *state, uint64_t n)
{
    double u = (double)(bench_draw(state) >> 11) / 9007199254740992.0;
    uint64_t rank = (uint64_t)exp(u * log((double)n + 1.0));
    rank = rank < 1 ? 1 : rank > n ? n : rank;
    return (rank * UINT64_C(2654435761)) % n + 1;
}

/* A number below n. */
static inline uint32_t bench_below(uint64_t *state, uint32_t n)
{
    return (uint32_t)((bench_draw(state) >> 32) * n >> 32);
}

#endif
