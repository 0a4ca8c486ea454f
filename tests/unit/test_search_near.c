/* SPDX-License-Identifier: MIT
 *
 * tests/unit/test_search_near.c: words filed under their remainders: each is found under each of them again, put
 * together as it was, also where thousands share one and rows are split.
 */
#include <criterion/criterion.h>

#include "catalog_help.h"
#include "search/near.h"

#include <ticketing/search.h>

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

/* ---- every word so few edits away, and no other ------------------------------------------------------------- */

#define SAID 1500u
#define ASKED 4000u

static void chars_of(uint32_t i, uint32_t chars[TKT__WORD_MAX], uint32_t *n) { *n = tkt__word_chars(words[i], length[i], chars); }

/* One edit anywhere, the ends too. */
static void mistype(uint32_t *c, uint32_t *n)
{
    static const uint32_t letters[] = { 'a', 'b', 'c', 'e', 'n', 'q', 0xf8 };
    uint32_t at = draw(*n), letter = letters[draw(7)], spare = c[at];
    switch (draw(4)) {
    case 0:
        memmove(c + at + 1, c + at, (*n - at) * sizeof *c);
        c[at] = letter;
        ++*n;
        break;
    case 1:
        memmove(c + at, c + at + 1, (*n - at - 1) * sizeof *c);
        --*n;
        break;
    case 2:
        c[at] = letter;
        break;
    default:
        if (at + 1 < *n) {
            c[at] = c[at + 1];
            c[at + 1] = spare;
        }
    }
}

static uint32_t utf8_of(const uint32_t *c, uint32_t n, char *out)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (c[i] >= 0x80)
            out[used++] = (char)(0xc0 | c[i] >> 6);
        out[used++] = (char)(c[i] < 0x80 ? c[i] : 0x80 | (c[i] & 0x3f));
    }
    out[used] = 0;
    return used;
}

/* How many of the words are near; 0 when the word itself is said. */
static uint32_t near_by(const uint32_t *c, uint32_t n)
{
    uint32_t most = n <= 4 ? 0 : n <= 8 ? 1 : 2, found = 0, other[TKT__WORD_MAX], other_n;
    for (uint32_t i = 0; i < SAID; i++) {
        chars_of(i, other, &other_n);
        uint32_t distance = tkt__word_distance(c, n, other, other_n, most);
        if (distance == 0)
            return 0;
        found += distance <= most;
    }
    return found;
}

static uint64_t total_of(fixture *f, const char *text)
{
    tkt_query *query;
    tkt_results *results;
    tkt_total total = TKT_TOTAL_INIT;
    ok(tkt_query_new(&query));
    ok(tkt_query_set_text(query, T(text)));
    ok(tkt_query_set_prefix(query, TKT_EXPAND_OFF));
    ok(tkt_query_set_typo(query, TKT_EXPAND_AUTO));
    ok(tkt_search(f->snap, query, &results));
    ok(tkt_results_total(results, &total));
    tkt_results_free(results);
    tkt_query_free(query);
    return total.total;
}

/* Each word once, 4 to 14 letters of few, so that many are near each other. */
static void say_words(fixture *f)
{
    static const char letters[] = "abcen";
    for (uint32_t i = 0; i < SAID; i++) {
        uint32_t same;
        do {
            length[i] = 4 + draw(11);
            for (uint32_t k = 0; k < length[i]; k++)
                words[i][k] = (uint8_t)letters[draw(5)];
            for (same = 0; same < i; same++)
                if (length[same] == length[i] && memcmp(words[same], words[i], length[i]) == 0)
                    break;
        } while (same < i);
        char external[32], name[64];
        snprintf(external, sizeof external, "w:%u", i);
        snprintf(name, sizeof name, "%.*s", (int)length[i], (const char *)words[i]);
        tkt_event event = plain_event(external, TEST_NOW_MS);
        event.name = T(name);
        new_event(f, &event);
    }
}

Test(search_near, a_typo_finds_all_that_are_near_and_nothing_else)
{
    fixture f;
    uint32_t asked = 0;
    state = 21;
    setup(&f);
    say_words(&f);
    ok(tkt_reindex(f.store, NULL, NULL));
    look(&f);
    for (uint32_t i = 0; i < ASKED; i++) {
        uint32_t c[TKT__WORD_MAX + 2], n;
        char text[128];
        chars_of(draw(SAID), c, &n);
        for (uint32_t edits = 1 + draw(2); edits > 0 && n > 1; edits--)
            mistype(c, &n);
        uint32_t wanted = near_by(c, n);
        utf8_of(c, n, text);
        if (wanted == 0)
            continue;
        asked++;
        cr_assert_eq(total_of(&f, text), wanted, "%s", text);
    }
    cr_assert_gt(asked, ASKED / 4);
    teardown(&f);
}
