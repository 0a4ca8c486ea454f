/* SPDX-License-Identifier: MIT
 *
 * tests/unit/test_search_near.c: words filed under their remainders: each is found under each of them again, put
 * together as it was, also where thousands share one and rows are split.
 */
#include <criterion/criterion.h>

#include "catalog_help.h"
#include "search/near.h"

#define WORDS 9000u
#define A_BODY 30u

static uint64_t state;
static uint8_t words[WORDS][TKT__WORD_MAX];
static uint32_t length[WORDS];

static uint32_t draw(uint32_t below)
{
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)((state >> 33) % below);
}

/* Of few letters, some not ASCII, so that remainders are shared by many; a third begins the same. */
static void make_word(uint32_t i)
{
    static const char *const letters[] = { "a", "b", "c", "e", "n", "\xc3\xb8", "\xe6\xbc\xa2", "\xf0\x90\x90\xa8" };
    uint32_t chars = 4 + draw(12), n = 0;
    for (uint32_t c = 0; c < chars; c++) {
        const char *letter = letters[i % 3 == 0 && c < 6 ? 0 : draw(draw(6) == 0 ? 8 : 5)];
        memcpy(words[i] + n, letter, strlen(letter));
        n += (uint32_t)strlen(letter);
    }
    length[i] = n;
}

static int32_t file_some(tkt__tx *tx, void *ctx)
{
    const uint32_t *from = ctx;
    int32_t status = TKT_DONE;
    for (uint32_t i = *from; status == TKT_DONE && i < *from + A_BODY; i++)
        status = tkt__near_file(tx, words[i], length[i]);
    return status;
}

static bool is_found(tkt__tx *tx, const tkt__near_key *key, uint32_t r, const uint8_t *p, uint32_t n)
{
    tkt__cursor *cursor;
    tkt__slice entries;
    tkt__near_part part;
    uint8_t word[TKT__WORD_MAX];
    bool more, bad = false, found = false;
    ok(tkt__tx_cursor_open(tx, TKT__T_NEAR_WORD, &cursor));
    ok(tkt__near_find(cursor, key->remainder[r].hash, &entries, &more));
    for (;;) {
        while (!found && tkt__near_next(&entries, &part, &bad))
            found = tkt__near_word_of(key, key->remainder[r].gone, &part, word) == n && memcmp(word, p, n) == 0;
        if (found || !more)
            break;
        ok(tkt__near_find_more(cursor, key->remainder[r].hash, &entries, &more));
    }
    cr_assert(!bad);
    tkt__cursor_close(cursor);
    return found;
}

static int32_t all_there(tkt__tx *tx, void *ctx)
{
    const uint32_t *n = ctx;
    for (uint32_t i = 0; i < *n; i++) {
        tkt__near_key key;
        bool filed;
        ok(tkt__near_is_filed(tx, words[i], length[i], &filed));
        cr_assert(filed);
        tkt__near_file_keys(words[i], length[i], &key);
        for (uint32_t r = 0; r < key.n; r++)
            cr_assert(is_found(tx, &key, r, words[i], length[i]));
    }
    return TKT_DONE;
}

/* Fences rise and no row is longer than one more entry makes it. */
static int32_t rows_are_right(tkt__tx *tx, void *ctx)
{
    tkt__cursor *cursor;
    tkt__slice k, v;
    uint32_t rows = 0, parts = 0;
    (void)ctx;
    ok(tkt__tx_cursor_open(tx, TKT__T_NEAR_WORD, &cursor));
    for (int32_t status = tkt__cursor_seek(cursor, tkt__slice_of("", 0), &k, &v); status == TKT_DONE;
         status = tkt__cursor_next(cursor, &k, &v)) {
        cr_assert_leq(v.n, TKT__NEAR_ROW_MOST + TKT__NEAR_ENTRY_BYTES + TKT__NEAR_GROUP_HEAD);
        cr_assert_gt(v.n, 0);
        parts += k.p[4] != 0 || k.p[5] != 0;
        rows++;
    }
    tkt__cursor_close(cursor);
    cr_assert_gt(rows, 50);
    cr_assert_gt(parts, 10);
    return TKT_DONE;
}

Test(search_near, every_word_is_found_under_each_of_its_remainders)
{
    fixture f;
    const tkt__guard guard = { TKT__G_CATALOG, 0 };
    uint32_t n = WORDS;
    state = 3;
    setup(&f);
    for (uint32_t i = 0; i < WORDS; i++)
        make_word(i);
    for (uint32_t i = 0; i < WORDS; i += A_BODY)
        ok(tkt__store_run(f.store, &guard, 1, 0, file_some, &i));
    ok(tkt__store_look(f.store, all_there, &n));
    ok(tkt__store_look(f.store, rows_are_right, NULL));
    teardown(&f);
}

Test(search_near, a_word_is_put_together_from_what_its_remainder_lacks)
{
    state = 4;
    for (uint32_t i = 0; i < WORDS; i++) {
        tkt__near_key key;
        make_word(i);
        tkt__near_file_keys(words[i], length[i], &key);
        for (uint32_t r = 0; r < key.n; r++) {
            uint8_t entry[TKT__NEAR_ENTRY_BYTES], word[TKT__WORD_MAX];
            tkt__slice rest = tkt__slice_of(entry, tkt__near_entry(key.remainder[r].gone, words[i], length[i], entry));
            tkt__near_part part;
            bool bad = false;
            cr_assert(tkt__near_next(&rest, &part, &bad));
            cr_assert_eq(rest.n, 0);
            cr_assert_eq(tkt__near_word_of(&key, key.remainder[r].gone, &part, word), length[i]);
            cr_assert(memcmp(word, words[i], length[i]) == 0);
            rest = tkt__slice_of(entry, 1);
            cr_assert(!tkt__near_next(&rest, &part, &bad) || part.gone == 0);
        }
    }
}
