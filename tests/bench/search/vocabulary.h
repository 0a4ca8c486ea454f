/* SPDX-License-Identifier: MIT
 *
 * tests/bench/search/vocabulary.h: all words of the dumped events with the number of events that have each.
 */
#ifndef TKT_BENCH_VOCABULARY_H
#define TKT_BENCH_VOCABULARY_H

#include <stddef.h>
#include <stdint.h>

typedef struct word {
    uint32_t events;
    uint32_t last; /* event that was counted last */
    uint32_t n;
    char text[];
} word;

typedef struct vocabulary {
    uint32_t n;
    uint64_t slots;
    word **slot;
    word **by_events, **by_bytes; /* after vocabulary_sort */
    uint64_t *sum;                /* of events, by bytes: to draw by how common a word is */
} vocabulary;

void vocabulary_open(vocabulary *v);
/* One of an event's words; events count from 1 up. */
void vocabulary_count(vocabulary *v, const char *text, size_t n, uint32_t event);
void vocabulary_sort(vocabulary *v);
const word *vocabulary_find(const vocabulary *v, const char *text, size_t n); /* NULL: none */
/* A word of a random place in the texts. */
const word *vocabulary_draw(const vocabulary *v, uint64_t *state);
/* What stands for a prefix, for a mistyped word: words with '|' between, the caller's; NULL: none. */
char *vocabulary_prefix(const vocabulary *v, const char *prefix);
char *vocabulary_typo(const vocabulary *v, const char *text);

#endif
