/* SPDX-License-Identifier: MIT
 *
 * tests/race/segment_walk.c: walks over a segment of the journal's tail while another thread adds to it and puts it in
 * order. All rows but the first and the last have died, so a walk leaps; whatever is linked in its way meanwhile, it
 * must reach the last.
 *
 *   segment_walk [ROUNDS]    2,000, or 200 under a sanitizer
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "engine/lmdb/journal.h"

#define ROWS 400
#define ADDED 200
#define TABLE 1

static tkt__segment *segment;
static uint64_t stamp;
static _Atomic bool done;

static void add(uint32_t at, uint8_t op)
{
    uint8_t key[8];
    tkt__be64(key, at);
    const tkt__slice k = tkt__slice_of(key, sizeof key);
    if (!tkt__segment_add(segment, ++stamp, TABLE, op, tkt__segment_fetch(segment, TABLE, k), k, tkt__slice_of("x", 1)))
        exit(2);
}

static void *sell(void *arg)
{
    uint32_t seed = *(uint32_t *)arg;
    for (uint32_t i = 0; i < ADDED; i++) {
        seed = seed * 1664525 + 1013904223;
        add(2 * (seed >> 8) % (2 * ROWS) + 1, TKT__INSERT); /* odd: between those that are there */
        (void)tkt__segment_order(segment, TABLE, 4);
    }
    atomic_store(&done, true);
    return NULL;
}

/* How many walks did not reach the last row. */
static uint32_t walk(uint64_t high)
{
    uint32_t short_ones = 0;
    uint8_t last[8];
    tkt__be64(last, 2 * ROWS);
    while (!atomic_load(&done)) {
        const tkt__node *n = tkt__segment_seek(segment, TABLE, tkt__slice_of(NULL, 0), false), *at = n;
        for (; n != NULL; n = tkt__segment_next(segment, n, high))
            at = n;
        short_ones += at == NULL || memcmp(at->key.p, last, sizeof last) < 0;
    }
    return short_ones;
}

int main(int argc, char **argv)
{
    const char *sanitize = getenv("TKT_TEST_SANITIZE");
    uint32_t rounds = argc > 1 ? (uint32_t)atoi(argv[1]) : sanitize != NULL && strcmp(sanitize, "none") != 0 ? 200 : 2000;
    tkt_hooks hooks;
    if (tkt__hooks_resolve(NULL, &hooks) != TKT_DONE)
        return 2;
    for (uint32_t r = 1; r <= rounds; r++) {
        pthread_t seller;
        segment = tkt__segment_new(&hooks);
        stamp = 0;
        atomic_store(&done, false);
        for (uint32_t i = 0; i <= ROWS; i++)
            add(2 * i, TKT__INSERT);
        (void)tkt__segment_order(segment, TABLE, UINT32_MAX);
        for (uint32_t i = 1; i < ROWS; i++)
            add(2 * i, TKT__DEL);
        if (pthread_create(&seller, NULL, sell, &r) != 0)
            return 2;
        uint32_t short_ones = walk(2 * ROWS);
        pthread_join(seller, NULL);
        tkt__segment_drop(segment);
        if (short_ones != 0) {
            fprintf(stderr, "round %u: %u walks ended before the last row\n", r, short_ones);
            return 1;
        }
    }
    printf("%u rounds: every walk reached the last row\n", rounds);
    return 0;
}
