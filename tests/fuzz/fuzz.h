/* SPDX-License-Identifier: MIT
 *
 * tests/fuzz/fuzz.h: what the fuzz targets share. Each target is one function over bytes: a fuzzer calls it
 * with what it makes up (run.sh), and replay.c with the kept corpus, as a test without a fuzzer.
 */
#ifndef TKT_TEST_FUZZ_H
#define TKT_TEST_FUZZ_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                \
    do {                                                                               \
        if (!(condition)) {                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
            abort();                                                                   \
        }                                                                              \
    } while (0)

#endif
