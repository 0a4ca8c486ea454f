/* SPDX-License-Identifier: MIT
 *
 * tests/bench/bench.h: what the benchmarks share: clock, chance, medians, the JSON that they write.
 *
 * Ours and the peer run in turn, round by round, in one process; a ratio is the median over the rounds of
 * ours / peer, so that a noisy moment of the machine meets both.
 */
#ifndef TKT_BENCH_H
#define TKT_BENCH_H

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BENCH_ROUNDS_MAX 101

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, tkt_error_text()); \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static inline uint64_t bench_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

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

static inline int bench_less(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The p-th part (0…1) of n values, which are sorted. */
static inline double bench_part(double *values, size_t n, double p)
{
    qsort(values, n, sizeof *values, bench_less);
    size_t at = (size_t)(p * (double)(n - 1) + 0.5);
    return values[at];
}

#endif
