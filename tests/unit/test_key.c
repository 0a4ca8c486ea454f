/* SPDX-License-Identifier: MIT
 *
 * test_key.c: the order of keys is that of their bytes, the shorter first, whatever their lengths.
 */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "engine/lmdb/lmdb_engine.h"

#define LONGEST 40
#define TRIES 300000

static int by_bytes(const uint8_t *p, size_t n, const uint8_t *q, size_t m)
{
    int first = memcmp(p, q, n < m ? n : m);
    return first != 0 ? (first > 0) - (first < 0) : (n > m) - (n < m);
}

Test(key, order_is_that_of_bytes)
{
    uint64_t state = 5;
    for (int i = 0; i < TRIES; i++) {
        size_t n, m;
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
        n = (state >> 33) % LONGEST, m = (state >> 40) % LONGEST;
        uint8_t *p = malloc(n + 1), *q = malloc(m + 1); /* as long as they are: a read past the end is told */
        memset(p, 7, n);
        memset(q, 7, m);
        if (n > 0 && (state >> 20) % 3 != 0)
            p[(state >> 8) % n] = (uint8_t)(state >> 50);
        if (m > 0 && (state >> 21) % 3 != 0)
            q[(state >> 9) % m] = (uint8_t)(state >> 55);
        p = realloc(p, n > 0 ? n : 1);
        q = realloc(q, m > 0 ? m : 1);
        MDB_val a = { n, p }, b = { m, q };
        int told = tkt__lmdb_compare(&a, &b);
        cr_assert_eq((told > 0) - (told < 0), by_bytes(p, n, q, m), "%zu and %zu bytes", n, m);
        free(p);
        free(q);
    }
}
