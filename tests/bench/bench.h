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

#include "bench_draw.h"

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
