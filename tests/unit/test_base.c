/* SPDX-License-Identifier: MIT
 *
 * tests/unit/test_base.c: statuses, amounts, instants, codes, UTF-8, arenas, size-first structs.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/base.h"

static int32_t parse(const char *text, const char *currency, int64_t *minor)
{
    return tkt_status_primary(tkt_amount_parse(text, strlen(text), currency, minor));
}

Test(money, parses_without_floating_point)
{
    int64_t v = -1;
    cr_assert_eq(parse("12.50", "EUR", &v), TKT_DONE);
    cr_assert_eq(v, 1250);
    cr_assert_eq(parse("12.5", "KWD", &v), TKT_DONE);
    cr_assert_eq(v, 12500);
    cr_assert_eq(parse("12.00", "JPY", &v), TKT_DONE);
    cr_assert_eq(v, 12);
    cr_assert_eq(parse("-0.01", "USD", &v), TKT_DONE);
    cr_assert_eq(v, -1);
    cr_assert_eq(parse("92233720368547758.07", "USD", &v), TKT_DONE);
    cr_assert_eq(v, INT64_MAX);
    cr_assert_eq(parse("92233720368547758.08", "USD", &v), TKT_E_OVERFLOW);
    cr_assert_eq(parse("-92233720368547758.08", "USD", &v), TKT_DONE);
    cr_assert_eq(v, INT64_MIN);
    cr_assert_eq(parse("-92233720368547758.09", "USD", &v), TKT_E_OVERFLOW);
}

Test(money, refuses_what_is_no_amount)
{
    static const char *const bad[] = { "", "-", ".5", "5.", "1e3", "1,000", " 1", "12.505", "0x10", "--1" };
    int64_t v = 77;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(parse(bad[i], "EUR", &v), TKT_E_PARSE, "%s", bad[i]);
    cr_assert_eq(parse("1.5", "JPY", &v), TKT_E_PARSE);
    cr_assert_eq(parse("1", "eur", &v), TKT_E_INVALID);
    cr_assert_eq(v, 77);
}

Test(money, writes_what_it_reads)
{
    static const int64_t minors[] = { 0, 1, -1, 99, 100, -12345, INT64_MAX, INT64_MIN + 1 };
    static const char *const currencies[] = { "JPY", "EUR", "KWD" };
    for (size_t i = 0; i < 8; i++)
        for (size_t k = 0; k < 3; k++) {
            char text[40];
            size_t needed;
            int64_t back;
            cr_assert_eq(tkt_amount_format(minors[i], currencies[k], text, sizeof text, &needed), TKT_DONE);
            cr_assert_eq(parse(text, currencies[k], &back), TKT_DONE);
            cr_assert_eq(back, minors[i]);
        }
}

Test(money, writes_each_digit)
{
    static const struct {
        int64_t minor;
        const char *currency, *text;
    } cases[] = { { 5, "EUR", "0.05" },    { -5, "EUR", "-0.05" }, { 0, "KWD", "0.000" }, { 1234567, "KWD", "1234.567" }, { -7, "JPY", "-7" },
                  { 100000, "USD", "1000.00" }, { INT64_MIN, "USD", "-92233720368547758.08" }, { INT64_MIN, "JPY", "-9223372036854775808" } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[40];
        size_t needed;
        cr_assert_eq(tkt_amount_format(cases[i].minor, cases[i].currency, text, sizeof text, &needed), TKT_DONE);
        cr_assert_str_eq(text, cases[i].text);
        cr_assert_eq(needed, strlen(text) + 1);
        cr_assert_eq(tkt_amount_format(cases[i].minor, cases[i].currency, text, needed - 1, &needed), -TKT_E_LIMIT);
    }
}

Test(instant, reads_the_real_forms)
{
    int64_t ms;
    int32_t offset, plain;
    const char *text = "1842-12-07T20:00:00-04:57";
    char back[TKT_INSTANT_TEXT];
    size_t n;
    cr_assert_eq(tkt_instant_parse(text, strlen(text), &ms, &offset, &plain), TKT_DONE);
    cr_assert_eq(offset, -297);
    cr_assert_eq(plain, 0);
    cr_assert_eq(tkt_instant_format(ms, offset, plain, back, &n), TKT_DONE);
    cr_assert_str_eq(back, text);
    cr_assert_eq(tkt_instant_parse("1970-01-01", 10, &ms, NULL, &plain), TKT_DONE);
    cr_assert_eq(ms, 0);
    cr_assert_eq(plain, 1);
    cr_assert_eq(tkt_instant_parse("2024-02-29T23:59:59.250Z", 24, &ms, NULL, NULL), TKT_DONE);
    cr_assert_eq(ms, INT64_C(1709251199250));
    cr_assert_eq(tkt_status_primary(tkt_instant_parse("9999-12-31T23:59:60Z", 20, &ms, NULL, NULL)), TKT_E_PARSE);
}

Test(instant, refuses_what_is_none)
{
    static const char *const bad[] = { "",           "2023-02-29",           "0000-01-01", "2024-13-01",
                                       "2024-1-1",   "2024-01-01T25:00Z",    "2024-01-01T10:00",
                                       "2024-01-01Z", "2024-01-01T10:00:00+1:00", "x" };
    int64_t ms = 5;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(tkt_status_primary(tkt_instant_parse(bad[i], strlen(bad[i]), &ms, NULL, NULL)),
                     TKT_E_PARSE, "%s", bad[i]);
    cr_assert_eq(ms, 5);
}

Test(instant, every_day_of_ten_thousand_years_comes_back)
{
    char text[TKT_INSTANT_TEXT], last[TKT_INSTANT_TEXT] = "";
    size_t n;
    for (int64_t ms = INT64_C(-62135596800000); ms < INT64_C(253402300800000); ms += 86400000) {
        int64_t back;
        cr_assert_eq(tkt_instant_format(ms, 0, 1, text, &n), TKT_DONE);
        cr_assert(strcmp(last, text) < 0);
        cr_assert_eq(tkt_instant_parse(text, n, &back, NULL, NULL), TKT_DONE);
        cr_assert_eq(back, ms);
        memcpy(last, text, sizeof last);
    }
}

Test(codes, come_back)
{
    uint8_t code[TKT_CODE_BYTES], back[TKT_CODE_BYTES];
    char text[TKT_CODE_TEXT];
    for (uint32_t seed = 0; seed < 1000; seed++) {
        for (size_t i = 0; i < sizeof code; i++)
            code[i] = (uint8_t)(seed * 2654435761u >> (i % 24));
        tkt_code_format(code, text);
        cr_assert_eq(tkt_code_parse(text, sizeof text, back), TKT_DONE);
        cr_assert_eq(memcmp(code, back, sizeof code), 0);
    }
    cr_assert_eq(tkt_code_parse("oooooooo-oooooooo-oooooooo-oI", 29, back), TKT_DONE);
    cr_assert_eq(back[15], 1);
    cr_assert_eq(tkt_status_primary(tkt_code_parse("U0000000000000000000000000", 26, back)), TKT_E_PARSE);
    cr_assert_eq(tkt_status_primary(tkt_code_parse("80000000000000000000000000", 26, back)), TKT_E_PARSE);
}

Test(text, knows_utf8)
{
    cr_assert(tkt__utf8_valid("Saint-Sa\xc3\xabns \xe6\x9d\xb1\xe4\xba\xac \xf0\x9f\x8e\xab", 24));
    static const char *const bad[] = { "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff", "\xe2\x82", "\x80" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert(!tkt__utf8_valid(bad[i], strlen(bad[i])), "%zu", i);
    cr_assert(!tkt__utf8_valid("a\0b", 3));
}

Test(bytes, underrun_and_overrun_are_noted)
{
    uint8_t buf[4];
    tkt__writer w = tkt__writer_of(buf, sizeof buf);
    tkt__put_u64(&w, 1);
    cr_assert(w.bad);
    cr_assert_eq(w.n, 0);
    for (int shift = 0; shift < 64; shift++) {
        uint8_t bytes[10];
        tkt__writer v = tkt__writer_of(bytes, sizeof bytes);
        tkt__put_varint(&v, UINT64_C(1) << shift);
        tkt__reader r = tkt__reader_of(tkt__slice_of(bytes, v.n));
        cr_assert_eq(tkt__get_varint(&r), UINT64_C(1) << shift);
        tkt__reader cut = tkt__reader_of(tkt__slice_of(bytes, v.n - 1));
        cr_assert_eq(tkt__get_varint(&cut), 0);
        cr_assert(cut.bad);
    }
}

Test(structs, unknown_tail_must_be_zero)
{
    struct {
        tkt_hooks hooks;
        uint8_t tail[8];
    } wide = { .hooks = TKT_HOOKS_INIT };
    tkt_hooks out;
    wide.hooks.size = sizeof wide;
    cr_assert_eq(tkt__struct_in(&out, sizeof out, &wide, sizeof out, "hooks"), TKT_DONE);
    wide.tail[3] = 1;
    cr_assert_eq(tkt__struct_in(&out, sizeof out, &wide, sizeof out, "hooks"), -TKT_E_INVALID);
    wide.hooks.size = sizeof out - 1; /* ends within a member: no version's */
    cr_assert_eq(tkt__struct_in(&out, sizeof out, &wide, sizeof out - 8, "hooks"), -TKT_E_INVALID);
    wide.hooks.size = 4;
    cr_assert_eq(tkt__struct_in(&out, sizeof out, &wide, sizeof out, "hooks"), -TKT_E_INVALID);
}

Test(structs, macro_and_function_agree)
{
    tkt_hooks a = TKT_HOOKS_INIT, b;
    memset(&b, 0xff, sizeof b);
    tkt_hooks_init(&b);
    cr_assert_eq(memcmp(&a, &b, sizeof a), 0);
}

Test(arena, keeps_its_limit)
{
    tkt_hooks hooks;
    tkt__arena a;
    cr_assert_eq(tkt__hooks_resolve(NULL, &hooks), TKT_DONE);
    tkt__arena_init(&a, &hooks, 100000);
    size_t pieces = 0;
    for (uint8_t *p; (p = tkt__arena_get(&a, 1000)) != NULL; pieces++) {
        cr_assert_eq((uintptr_t)p % 8, 0);
        memset(p, 1, 1000);
    }
    cr_assert_eq(pieces, 100);
    tkt__arena_reset(&a);
    cr_assert_not_null(tkt__arena_get(&a, 90000));
    tkt__arena_free(&a);
}

/* What a segment of the journal takes goes back to the system by large pieces, and no more than a quarter is unused. */
Test(arena, takes_large_chunks_when_large)
{
    tkt_hooks hooks;
    tkt__arena a;
    size_t chunks = 0, before = 0;
    cr_assert_eq(tkt__hooks_resolve(NULL, &hooks), TKT_DONE);
    tkt__arena_init(&a, &hooks, 0);
    for (size_t i = 0; i < 300000; i++) {
        cr_assert_not_null(tkt__arena_get(&a, 104));
        chunks += a.held != before;
        before = a.held;
        cr_assert(a.held < a.used / 3 * 4 + 2 * TKT__ARENA_CHUNK, "%zu of %zu", a.used, a.held);
    }
    cr_assert(chunks < 64, "%zu chunks", chunks);
    tkt__arena_reset(&a);
    cr_assert(a.held <= TKT__ARENA_CHUNK + 64);
    tkt__arena_free(&a);
    cr_assert_eq(a.held, 0);
}

static void *other_thread(void *seen)
{
    *(size_t *)seen = strlen(tkt_error_text());
    return NULL;
}

Test(error, is_a_threads_own)
{
    tkt_error copy = TKT_ERROR_INIT;
    tkt_cause cause = { .size = sizeof cause, .kind = TKT_CAUSE_UNIT_HELD, .unit = 65 };
    size_t seen = 99;
    pthread_t thread;
    cr_assert_eq(tkt__refuse(TKT_ALL_HELD, "unit %d", 65), TKT_ALL_HELD);
    tkt__cause(&cause);
    cr_assert_eq(pthread_create(&thread, NULL, other_thread, &seen), 0);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert_eq(seen, 0);
    cr_assert_eq(tkt_error_copy(&copy), TKT_DONE);
    cr_assert_eq(copy.status, TKT_ALL_HELD);
    cr_assert_eq(copy.causes, 1);
    cr_assert_str_eq(copy.text, "unit 65");
    cr_assert_eq(tkt_error_cause(0, &cause), TKT_DONE);
    cr_assert_eq(cause.unit, 65);
    cr_assert_eq(tkt_error_cause(1, &cause), TKT_NOT_FOUND);
}

Test(status, splits)
{
    int32_t s = tkt__fail_errno(5, "reading");
    cr_assert_eq(tkt_status_primary(s), TKT_E_IO);
    cr_assert_eq(tkt_status_detail(s), 5);
    cr_assert_str_eq(tkt_status_name(s), "io");
    cr_assert_str_eq(tkt_status_name(-TKT_E_WORD_SIZE), "word_size");
    cr_assert_str_eq(tkt_status_name(63), "unknown_status");
}
