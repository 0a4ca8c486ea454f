/* SPDX-License-Identifier: MIT
 *
 * tests/unit/test_import.c: schema.org lines in every shape, bad ones, dates moved, twice, and the
 * real sample. TKT_TEST_DATA names tests/data when the program runs elsewhere.
 */
#include "catalog_help.h"

static fixture f;

typedef struct feed {
    const char *text;
    size_t n, at, step; /* step: bytes a read gives, so that lines are cut anywhere */
    uint64_t bad_line, bad_byte, bad;
} feed;

static int32_t give(void *user, uint8_t *buf, size_t cap, size_t *got)
{
    feed *s = user;
    size_t n = s->n - s->at;
    n = n < cap ? n : cap;
    n = s->step != 0 && n > s->step ? s->step : n;
    memcpy(buf, s->text + s->at, n);
    s->at += n;
    *got = n;
    return 0;
}

static int32_t note_bad(void *user, const tkt_bad_line *line)
{
    feed *s = user;
    cr_assert(line->reason.len > 0);
    s->bad_line = line->line;
    s->bad_byte = line->byte;
    s->bad++;
    return 0;
}

static tkt_import_stats import_as(feed *s, uint32_t flags, int32_t weeks, int32_t wanted)
{
    tkt_import import = TKT_IMPORT_INIT;
    tkt_import_stats stats = TKT_IMPORT_STATS_INIT;
    import.read = give;
    import.bad_line = note_bad;
    import.user = s;
    import.flags = flags;
    import.shift_weeks = weeks;
    int32_t rc = tkt_import_jsonl(f.store, &import, &stats);
    cr_assert_eq(tkt_status_primary(rc), wanted, "%s: %s", tkt_status_name(rc), tkt_error_text());
    return stats;
}

static tkt_import_stats import_text(const char *text, size_t step)
{
    feed s = { .text = text, .n = strlen(text), .step = step };
    return import_as(&s, 0, 0, TKT_DONE);
}

static void up(void)
{
    setup(&f);
}

static void down(void)
{
    uint64_t problems = 1;
    cr_assert_eq(tkt_check(f.store, NULL, NULL, &problems), TKT_DONE);
    cr_assert_eq(problems, 0);
    teardown(&f);
}

static tkt_event event_of(tkt_snapshot *snap, const char *external)
{
    tkt_event e = { .size = sizeof e };
    uint64_t id;
    ok(tkt_event_find(snap, T(external), &id));
    ok(tkt_event_view(snap, id, &e));
    return e;
}

TestSuite(import, .init = up, .fini = down);

#define HEAD "{\"@id\":\"a\",\"name\":\"A\",\"startDate\":\"2025-05-22T16:30:00-04:00\""

Test(import, takes_the_shapes_that_occur)
{
    const char *text =
        "\xef\xbb\xbf" HEAD ",\"endDate\":\"2025-05-23\",\"location\":{\"name\":\"Caf\\u00e9 Boulud\",\"address\":"
        "{\"addressLocality\":\"Manhattan\",\"addressCountry\":\"US\"},\"geo\":{\"latitude\":40.78341,"
        "\"longitude\":-73.9663}},\"performer\":[{\"@type\":\"Person\",\"name\":\"X\"},\"Y\",{\"name\":\"X\"}],"
        "\"offers\":[{\"price\":12.5,\"highPrice\":\"20.00\",\"priceCurrency\":\"EUR\"}],"
        "\"eventStatus\":\"https://schema.org/EventPostponed\"}\r\n"
        "\n{\"@id\":\"b\",\"name\":\"B\",\"startDate\":\"1842-12-07\",\"location\":\"CAFE BOULUD\",\"name\":\"B2\"}";
    for (size_t step = 1; step < 9; step += 7) {
        tkt_import_stats s = import_text(text, step);
        cr_assert_eq(s.lines, 2);
        cr_assert_eq(s.lines_refused, 0);
        cr_assert_eq(s.events_added + s.events_unchanged, 2);
        cr_assert_eq(s.performers_added, step == 1 ? 2 : 0);
    }
    tkt_snapshot *snap;
    ok(tkt_snapshot_begin(f.store, &snap));
    tkt_event a = event_of(snap, "a"), b = event_of(snap, "b");
    tkt_venue v = TKT_VENUE_INIT;
    cr_assert_eq(a.price_minor, 1250);
    cr_assert_eq(a.price_high_minor, 2000);
    cr_assert_eq(a.start_offset_min, -240);
    cr_assert_eq(a.performer_count, 2);
    cr_assert_eq(a.status, TKT_EVENT_POSTPONED);
    cr_assert_eq(a.flags, TKT_EVENT_HAS_END | TKT_EVENT_END_DATE_ONLY | TKT_EVENT_HAS_PRICE);
    ok(tkt_venue_view(snap, a.venue_id, &v));
    cr_assert_eq(v.latitude_e7, 407834100);
    cr_assert_eq(v.longitude_e7, -739663000);
    text_is(b.name, "B2");
    cr_assert_eq(b.flags, TKT_EVENT_START_DATE_ONLY);
    cr_assert_neq(a.venue_id, b.venue_id); /* another city: another place */
    tkt_snapshot_end(snap);
}

Test(import, updates_what_changed_and_nothing_else)
{
    import_text(HEAD "}\n{\"@id\":\"b\",\"name\":\"B\",\"startDate\":\"2025-01-01\"}", 0);
    tkt_import_stats s =
        import_text(HEAD ",\"url\":\"u\"}\n{\"@id\":\"b\",\"name\":\"B\",\"startDate\":\"2025-01-01\"}", 0);
    cr_assert_eq(s.events_updated, 1);
    cr_assert_eq(s.events_unchanged, 1);
    tkt_stats before = TKT_STATS_INIT, after = TKT_STATS_INIT;
    ok(tkt_store_stats(f.store, &before));
    s = import_text(HEAD ",\"url\":\"u\"}", 0);
    ok(tkt_store_stats(f.store, &after));
    cr_assert_eq(s.events_unchanged, 1);
    cr_assert_eq(before.commits, after.commits); /* no write at all */
    s = import_text(HEAD "}\n" HEAD ",\"url\":\"last\"}", 0);
    cr_assert_eq(s.events_updated, 2);
    tkt_snapshot *snap;
    ok(tkt_snapshot_begin(f.store, &snap));
    text_is(event_of(snap, "a").url, "last");
    tkt_snapshot_end(snap);
}

static uint64_t commits(void)
{
    tkt_stats stats = TKT_STATS_INIT;
    ok(tkt_store_stats(f.store, &stats));
    return stats.commits;
}

/* Seven changed events hold the guards of a body; a commit takes more of them. */
Test(import, changes_share_commits)
{
    char text[8192];
    for (int turn = 0; turn < 2; turn++) {
        size_t n = 0;
        for (int i = 0; i < 40; i++)
            n += (size_t)snprintf(text + n, sizeof text - n,
                                  "{\"@id\":\"%d\",\"name\":\"Turn %d\",\"startDate\":\"2025-01-01\"}\n", i, turn);
        uint64_t before = commits();
        tkt_import_stats s = import_text(text, 0);
        cr_assert_eq(s.events_added, turn == 0 ? 40 : 0);
        cr_assert_eq(s.events_updated, turn == 0 ? 0 : 40);
        cr_assert(commits() - before <= 2, "%d commits", (int)(commits() - before));
    }
}

/* Seven events of so many words are far more writes than a body may do: they go in halves. */
Test(import, changes_too_large_for_a_body_go_in_halves)
{
    static char text[20 * 250 * 12];
    for (int turn = 0; turn < 2; turn++) {
        size_t n = 0;
        for (int i = 0; i < 20; i++) {
            n += (size_t)snprintf(text + n, sizeof text - n,
                                  "{\"@id\":\"%d\",\"name\":\"N\",\"startDate\":\"2025-01-01\",\"description\":\"", i);
            for (int w = 0; w < 240; w++)
                n += (size_t)snprintf(text + n, sizeof text - n, "w%dx%dx%d ", turn, i, w);
            n += (size_t)snprintf(text + n, sizeof text - n, "\"}\n");
        }
        tkt_import_stats s = import_text(text, 0);
        cr_assert_eq(s.events_added, turn == 0 ? 20 : 0);
        cr_assert_eq(s.events_updated, turn == 0 ? 0 : 20);
        cr_assert_eq(s.lines_refused, 0);
    }
    check_clean(&f);
}

Test(import, refuses_bad_lines_by_themselves)
{
    static const char *const bad[] = {
        "nonsense", "[]", "{", "{}", "{\"@id\":\"x\",\"name\":\"x\"}", "{\"@id\":\"x\",\"startDate\":\"2025-01-01\"}",
        "{\"@id\":\"x\",\"name\":\"x\",\"startDate\":\"2025-02-30\"}", HEAD ",\"offers\":{\"price\":1e3,\"priceCurrency\":\"EUR\"}}",
        HEAD ",\"offers\":{\"price\":\"1,200\",\"priceCurrency\":\"EUR\"}}", HEAD ",\"offers\":{\"price\":5}}",
        "{\"@id\":\"x\",\"name\":\"\xff\",\"startDate\":\"2025-01-01\"}", HEAD "} trailing",
        HEAD ",\"offers\":{\"price\":99999999999999999999,\"priceCurrency\":\"EUR\"}}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[512];
        snprintf(text, sizeof text, "\n%s\n{\"@id\":\"good\",\"name\":\"G\",\"startDate\":\"2025-01-01\"}", bad[i]);
        feed s = { .text = text, .n = strlen(text) };
        tkt_import_stats stats = import_as(&s, 0, 0, TKT_DONE);
        cr_assert_eq(stats.lines_refused, 1, "%s", bad[i]);
        cr_assert_eq(s.bad_line, 2);
        cr_assert_eq(stats.events_added + stats.events_unchanged, 1);
        s.at = 0;
        import_as(&s, TKT_IMPORT_STOP_AT_BAD, 0, TKT_E_PARSE);
    }
}

Test(import, bounds_depth_and_length)
{
    size_t n = 3 << 20;
    char *text = malloc(n + 1);
    memset(text, '[', n);
    text[100000] = '\n';
    feed s = { .text = text, .n = n };
    tkt_import_stats stats = import_as(&s, 0, 0, TKT_DONE);
    cr_assert_eq(stats.lines_refused, 2);
    free(text);
}

Test(import, survives_every_cut_of_a_line)
{
    const char *line = HEAD ",\"location\":{\"name\":\"V\",\"geo\":{\"latitude\":1.5,\"longitude\":2}},"
                            "\"performer\":[{\"name\":\"P\"}],\"offers\":{\"price\":\"3.20\",\"priceCurrency\":\"EUR\"}}";
    for (size_t n = 1; n < strlen(line); n++) {
        feed s = { .text = line, .n = n };
        cr_assert_eq(import_as(&s, 0, 0, TKT_DONE).lines_refused, 1);
    }
}

Test(import, moves_dates_by_weeks)
{
    const int64_t week = INT64_C(604800000);
    import_text("{\"@id\":\"a\",\"name\":\"A\",\"startDate\":\"2025-05-22T16:30:00-04:00\",\"endDate\":\"2025-05-22T18:00:00-04:00\"}", 0);
    const char *again = "{\"@id\":\"m\",\"name\":\"A\",\"startDate\":\"2025-05-22T16:30:00-04:00\",\"endDate\":\"2025-05-22T18:00:00-04:00\"}";
    feed s = { .text = again, .n = strlen(again) };
    import_as(&s, TKT_IMPORT_SHIFT_AUTO, 0, TKT_DONE);
    tkt_snapshot *snap;
    ok(tkt_snapshot_begin(f.store, &snap));
    tkt_event a = event_of(snap, "a"), m = event_of(snap, "m");
    int64_t shift = m.start_ms - a.start_ms;
    cr_assert(shift > 0 && shift % (104 * week) == 0);
    cr_assert_eq(m.end_ms - a.end_ms, shift);
    cr_assert(m.start_ms > TEST_NOW_MS && m.start_ms - 104 * week < TEST_NOW_MS + week);
    tkt_snapshot_end(snap);
    s.at = 0;
    pass(&f, 20 * week); /* the anchor stays */
    cr_assert_eq(import_as(&s, TKT_IMPORT_SHIFT_AUTO, 0, TKT_DONE).events_unchanged, 1);
    s.at = 0;
    cr_assert_eq(import_as(&s, 0, -1, TKT_DONE).events_updated, 1);
    s.at = 0;
    import_as(&s, TKT_IMPORT_SHIFT_AUTO, 1, TKT_E_INVALID);
}

static uint64_t id_of(const char *external)
{
    tkt_snapshot *snap;
    ok(tkt_snapshot_begin(f.store, &snap));
    uint64_t id = event_of(snap, external).id;
    tkt_snapshot_end(snap);
    return id;
}

static uint32_t status_now(const char *external)
{
    tkt_snapshot *snap;
    ok(tkt_snapshot_begin(f.store, &snap));
    uint32_t status = event_of(snap, external).status;
    tkt_snapshot_end(snap);
    return status;
}

/* What an operator decided about an event stands, whatever comes along with the nightly feed. */
Test(import, sells_nothing_again_that_was_cancelled)
{
    static const char plain[] = "{\"@id\":\"n:1\",\"name\":\"Gala\",\"startDate\":\"2027-05-01\"}\n"
                                "{\"@id\":\"n:2\",\"name\":\"Gala two\",\"startDate\":\"2027-05-01\"}\n";
    static const char said[] = "{\"@id\":\"n:1\",\"name\":\"Gala\",\"startDate\":\"2027-05-01\",\"eventStatus\":\"https://schema.org/EventScheduled\"}\n"
                               "{\"@id\":\"n:2\",\"name\":\"Gala, renamed\",\"startDate\":\"2027-05-02\",\"eventStatus\":\"EventScheduled\"}\n";
    import_text(plain, 0);
    ok(tkt_event_set_status(f.store, id_of("n:1"), TKT_EVENT_CANCELLED, 0));
    ok(tkt_event_set_status(f.store, id_of("n:2"), TKT_EVENT_POSTPONED, 0));
    tkt_import_stats stats = import_text(plain, 0);
    cr_assert_eq(stats.events_unchanged, 2);
    cr_assert_eq(status_now("n:1"), TKT_EVENT_CANCELLED);
    cr_assert_eq(status_now("n:2"), TKT_EVENT_POSTPONED);
    stats = import_text(said, 0);
    cr_assert_eq(stats.events_updated, 1);
    cr_assert_eq(status_now("n:1"), TKT_EVENT_CANCELLED);
    cr_assert_eq(status_now("n:2"), TKT_EVENT_SCHEDULED);
}

/* Two ids that differ behind a NUL, or in half a character, would be one event. */
Test(import, refuses_what_it_could_not_tell_apart)
{
    static const char *const lines[] = { "{\"@id\":\"a:1\\u0000x\",\"name\":\"A\",\"startDate\":\"2027-05-01\"}\n",
                                         "{\"@id\":\"a:\\ud800\",\"name\":\"A\",\"startDate\":\"2027-05-01\"}\n",
                                         "{\"@id\":\"a:\\udc00\",\"name\":\"A\",\"startDate\":\"2027-05-01\"}\n",
                                         "{\"@id\":\"a:\\ud800\\u0041\",\"name\":\"A\",\"startDate\":\"2027-05-01\"}\n" };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        cr_assert_eq(import_text(lines[i], 0).lines_refused, 1, "%s", lines[i]);
    cr_assert_eq(import_text("{\"@id\":\"a:\\ud83c\\udfb5\\\\u0000\",\"name\":\"A\",\"startDate\":\"2027-05-01\"}\n", 0).events_added, 1);
    cr_assert_neq(id_of("a:\xf0\x9f\x8e\xb5\\u0000"), 0);
}

static void priced(const char *offers, int64_t low, int64_t high)
{
    static int n;
    char line[512], external[32];
    tkt_snapshot *snap;
    snprintf(external, sizeof external, "p:%d", n++);
    snprintf(line, sizeof line, "{\"@id\":\"%s\",\"name\":\"P\",\"startDate\":\"2027-05-01\",\"offers\":%s}\n", external, offers);
    cr_assert_eq(import_text(line, 0).events_added, 1, "%s", offers);
    ok(tkt_snapshot_begin(f.store, &snap));
    tkt_event e = event_of(snap, external);
    cr_assert(e.price_minor == low && e.price_high_minor == high, "%s: %lld to %lld", offers, (long long)e.price_minor,
              (long long)e.price_high_minor);
    tkt_snapshot_end(snap);
}

Test(import, takes_the_lowest_of_several_offers)
{
    priced("[{\"price\":\"50\",\"priceCurrency\":\"EUR\"},{\"price\":\"5\",\"priceCurrency\":\"EUR\"}]", 500, 5000);
    priced("[{\"price\":\"5\",\"priceCurrency\":\"EUR\"},{\"price\":\"1\",\"priceCurrency\":\"USD\"},{\"price\":20,\"priceCurrency\":\"EUR\"}]", 500, 2000);
    priced("[{\"lowPrice\":\"7\",\"highPrice\":\"9\",\"priceCurrency\":\"EUR\"},{\"price\":\"8\",\"priceCurrency\":\"EUR\"}]", 700, 900);
    priced("{\"lowPrice\":\"7\",\"highPrice\":\"9\",\"priceCurrency\":\"EUR\"}", 700, 900);
    priced("{\"price\":\"0\"}", 0, 0);
    priced("{\"price\":0.00}", 0, 0);
    priced("{\"price\":null}", 0, 0);
    priced("[]", 0, 0);
    cr_assert_eq(import_text("{\"@id\":\"p:x\",\"name\":\"P\",\"startDate\":\"2027-05-01\",\"offers\":{\"price\":\"5\"}}\n", 0).lines_refused, 1);
}

Test(import, takes_no_place_from_empty_degrees)
{
    tkt_snapshot *snap;
    tkt_venue venue = TKT_VENUE_INIT;
    import_text("{\"@id\":\"g:1\",\"name\":\"G\",\"startDate\":\"2027-05-01\",\"location\":{\"name\":\"Hall\",\"geo\":{\"latitude\":\"\",\"longitude\":\"-\"}}}\n", 0);
    ok(tkt_snapshot_begin(f.store, &snap));
    ok(tkt_venue_view(snap, event_of(snap, "g:1").venue_id, &venue));
    cr_assert_eq(venue.latitude_e7, TKT_GEO_NONE);
    tkt_snapshot_end(snap);
}

Test(import, the_real_sample)
{
    const char *root = getenv("TKT_TEST_DATA");
    char path[512];
    snprintf(path, sizeof path, "%s/sample.jsonl", root != NULL ? root : "tests/data");
    FILE *file = fopen(path, "rb");
    cr_assert(file != NULL, "%s", path);
    static char text[1 << 20];
    feed s = { .text = text, .n = fread(text, 1, sizeof text, file) };
    fclose(file);
    tkt_import_stats stats = import_as(&s, 0, 0, TKT_DONE);
    cr_assert_eq(stats.events_added, 980);
    cr_assert_eq(stats.lines_refused, 0);
    s.at = 0;
    cr_assert_eq(import_as(&s, 0, 0, TKT_DONE).events_unchanged, 980);
}
