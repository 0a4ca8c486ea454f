/* SPDX-License-Identifier: MIT
 *
 * tests/bench/view/look.h: what all sides of the view benchmark share: which events are asked for, by how many readers,
 * who commits meanwhile, and how it is timed.
 *
 * A case is: ids by Zipf or evenly, one reader or two, nobody writing or 1,000 durable commits a second beside. Sides that
 * are in one process take turns round by round. A reader takes the newest state before each look and reads every byte of
 * what it got.
 */
#ifndef TKT_BENCH_LOOK_H
#define TKT_BENCH_LOOK_H

#include "../bench.h"

#define LOOK_READERS 2
#define LOOK_COMMITS 1000 /* a second */
#define LOOK_SALE_ROW 200 /* bytes that a peer puts with each commit */
#define LOOK_RECORD 600   /* bytes of a peer's record, about those of ours */
#define LOOK_SIDES_MAX 2

typedef struct look_side {
    const char *name;
    uint32_t looks;                           /* of a reader and a round */
    void *(*open)(void);                      /* what a reader holds; a program that can't goes down */
    void (*close)(void *reader);
    uint64_t (*look)(void *reader, uint64_t id); /* look_sum of the record */
    bool seller_opens;                        /* the seller holds the like, else NULL */
    void (*sell)(void *seller, uint64_t n);   /* one durable commit */
} look_side;

/* So that every byte is read. */
static inline uint64_t look_sum(const void *p, size_t n)
{
    const uint8_t *at = p;
    uint64_t sum = 0, word;
    for (; n >= 8; n -= 8, at += 8) {
        memcpy(&word, at, 8);
        sum += word;
    }
    for (word = 0; n > 0; n--)
        word = word << 8 | at[n - 1];
    return sum + word;
}

/* The record of an id as the peers keep it: LOOK_RECORD bytes of text. */
void look_record(uint64_t id, char out[LOOK_RECORD]);

/* Every case, so many rounds each: one JSON object a line, commas between. With two sides a ratio too, the median over the
 * rounds of first by second. */
void look_run(const look_side *sides, uint32_t n, uint64_t events, uint32_t rounds, FILE *rows);

/* What a peer's program does:
 *   PROGRAM WHERE load EVENTS     `load` is called
 *   PROGRAM WHERE look EVENTS ROUNDS
 * Its status. */
int look_main(int argc, char **argv, const look_side *side, void (*at)(const char *where), void (*load)(uint64_t events));

#endif
