/* SPDX-License-Identifier: MIT
 *
 * tests/bench/search/gen_words.h: the made-up vocabulary of the generated events.
 */
#ifndef TKT_BENCH_GEN_WORDS_H
#define TKT_BENCH_GEN_WORDS_H

#include <stdint.h>

#define GEN_WORD_BYTES 32

/* Word `rank` (0 is the commonest) of a vocabulary: a pure function of both numbers. */
typedef struct gen_words {
    uint32_t n;
    char (*word)[GEN_WORD_BYTES];
} gen_words;

/* `n` different words from `seed`: the first are real function words, each third or so is an inflected form
 * of an earlier one, some carry accents. Exits when memory is short. */
void gen_words_make(gen_words *words, uint32_t n, uint64_t seed, int function_words);

#endif
