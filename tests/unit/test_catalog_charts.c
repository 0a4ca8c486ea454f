/* SPDX-License-Identifier: MIT
 *
 * Charts: building, neighbour links, versions that keep their units, large ones in several commits,
 * a writer that dies in between, pinning, one seat by name and by unit.
 */
#include "catalog_help.h"

#include "catalog/chart.h"

static fixture f;

static void up(void)
{
    setup(&f);
}

static void down(void)
{
    teardown(&f);
}

TestSuite(catalog_charts, .init = up, .fini = down);

static tkt_chart *new_chart(void)
{
    tkt_chart *chart = NULL;
    ok(tkt_chart_new(&chart));
    return chart;
}

static void add_seats(tkt_chart *chart, int first, int last)
{
    char label[16];
    for (int i = first; i <= last; i++) {
        snprintf(label, sizeof(label), "%d", i);
        ok(tkt_chart_add_seat(chart, T(label), i * 1000, 0, 0));
    }
}

/* Two sections of two rows; the given seats. */
static tkt_chart *small_chart(int first, int last)
{
    tkt_chart *chart = new_chart();
    ok(tkt_chart_add_section(chart, T("Parkett")));
    ok(tkt_chart_add_row(chart, T("A")));
    add_seats(chart, first, last);
    ok(tkt_chart_add_row(chart, T("B")));
    add_seats(chart, first, last);
    ok(tkt_chart_add_section(chart, T("Rang")));
    ok(tkt_chart_add_row(chart, T("A")));
    add_seats(chart, first, last);
    ok(tkt_chart_link_by_pitch(chart));
    return chart;
}

static uint32_t put_chart(tkt_chart *chart, uint64_t *id)
{
    uint32_t version = 0;
    ok(tkt_chart_put(f.store, 0, chart, id, &version));
    tkt_chart_free(chart);
    return version;
}

static uint64_t event_with(uint64_t chart, uint32_t version)
{
    tkt_event event = plain_event("", TEST_NOW_MS);
    uint64_t id = new_event(&f, &event);
    ok(tkt_event_set_chart(f.store, id, chart, version, 0));
    return id;
}

static uint32_t unit_of(uint64_t event, const char *section, const char *row, const char *label)
{
    uint32_t unit = 0;
    ok(tkt_unit_find(look(&f), event, T(section), T(row), T(label), &unit));
    return unit;
}

/* Every seat of the plan is found by its names and viewed by its unit. */
static void plan_agrees(uint64_t event, uint32_t seats)
{
    tkt_plan *plan = NULL;
    tkt_seat seat = { .size = (uint32_t)sizeof(seat) }, one = seat;
    uint32_t unit = 0;
    ok(tkt_plan_load(look(&f), event, &plan));
    cr_assert_eq(tkt_plan_seats(plan), seats);
    for (uint32_t i = 0; i < seats; i += seats > 2000 ? 97 : 1) {
        ok(tkt_plan_seat(plan, i, &seat));
        ok(tkt_unit_find(f.snap, event, seat.section_name, seat.row, seat.label, &unit));
        cr_assert(unit == seat.unit && unit >= 64);
        ok(tkt_unit_view(f.snap, event, unit, &one));
        cr_assert(one.section == seat.section && one.section_index == seat.section_index &&
                  one.row_index == seat.row_index && one.x_milli == seat.x_milli &&
                  one.y_milli == seat.y_milli && one.attributes == seat.attributes);
        cr_assert(one.label.len == seat.label.len &&
                  memcmp(one.label.ptr, seat.label.ptr, one.label.len) == 0);
    }
    answers(tkt_plan_seat(plan, seats, &seat), TKT_NOT_FOUND);
    tkt_plan_free(plan);
}

Test(catalog_charts, units_stay_over_versions)
{
    uint64_t chart = 0;
    uint32_t first = put_chart(small_chart(1, 30), &chart);
    uint64_t event = event_with(chart, first);
    uint32_t a7 = unit_of(event, "Parkett", "A", "7"), b30 = unit_of(event, "Parkett", "B", "30");
    uint32_t gone = unit_of(event, "Rang", "A", "1"), unit = 0, section = 0;
    cr_assert(first == 1 && a7 == (1 << 6 | 6));
    plan_agrees(event, 90);
    /* Seats 1…4 leave and 31…40 come. */
    uint32_t second = put_chart(small_chart(5, 40), &chart);
    uint64_t other = event_with(chart, second);
    cr_assert_eq(second, 2);
    cr_assert_eq(unit_of(other, "Parkett", "A", "7"), a7);
    cr_assert_eq(unit_of(other, "Parkett", "B", "30"), b30);
    answers(tkt_unit_find(f.snap, other, T("Rang"), T("A"), T("1"), &unit), TKT_NOT_FOUND);
    answers(tkt_unit_view(f.snap, other, gone, &(tkt_seat){ .size = sizeof(tkt_seat) }),
            TKT_NOT_FOUND);
    plan_agrees(other, 108);
    plan_agrees(event, 90); /* the first event's version is as it was */
    /* The seats that left come back, and so does a section with all of its seats: to their own places. */
    tkt_chart *stalls = new_chart();
    ok(tkt_chart_add_section(stalls, T("Parkett")));
    ok(tkt_chart_add_row(stalls, T("A")));
    add_seats(stalls, 1, 2);
    uint64_t less = event_with(chart, put_chart(stalls, &chart));
    plan_agrees(less, 2);
    uint64_t last = event_with(chart, put_chart(small_chart(1, 45), &chart));
    cr_assert_eq(unit_of(last, "Rang", "A", "1"), gone);
    cr_assert_eq(unit_of(last, "Parkett", "A", "7"), a7);
    cr_assert_eq(unit_of(last, "Rang", "A", "31"), unit_of(other, "Rang", "A", "31"));
    ok(tkt_scope_find(look(&f), last, T("Rang"), &unit, &section));
    cr_assert(unit == TKT_SCOPE_SECTION && section == 2);
    plan_agrees(last, 135);
    check_clean(&f);
}

Test(catalog_charts, the_same_again_is_the_same_version)
{
    uint64_t chart = 0;
    cr_assert_eq(put_chart(small_chart(1, 30), &chart), 1);
    cr_assert_eq(put_chart(small_chart(1, 30), &chart), 1);
    cr_assert_eq(put_chart(small_chart(1, 31), &chart), 2);
    cr_assert_eq(put_chart(small_chart(1, 31), &chart), 2);
}

/* ---- neighbours -------------------------------------------------------------------------------- */

static void links_are(const int32_t *x, uint32_t n, const char *want)
{
    tkt_chart *chart = new_chart();
    uint64_t id = 0;
    char label[16];
    ok(tkt_chart_add_section(chart, T("S")));
    ok(tkt_chart_add_row(chart, T("")));
    for (uint32_t i = 0; i < n; i++) {
        snprintf(label, sizeof(label), "%u", i);
        ok(tkt_chart_add_seat(chart, T(label), x[i], 0, TKT_SEAT_COMPANION));
    }
    ok(tkt_chart_link_by_pitch(chart));
    uint64_t event = event_with(id, put_chart(chart, &id));
    (void)event;
    tkt_plan *plan = NULL;
    tkt_seat seat = { .size = (uint32_t)sizeof(seat) };
    ok(tkt_plan_load(look(&f), event, &plan));
    for (uint32_t i = 0; i < n; i++) {
        ok(tkt_plan_seat(plan, i, &seat));
        cr_assert_eq((seat.attributes & TKT_SEAT_LINK) != 0, want[i] == '-', "%s at %u", want, i);
        cr_assert(seat.attributes & TKT_SEAT_COMPANION);
    }
    tkt_plan_free(plan);
}

Test(catalog_charts, neighbours_by_pitch)
{
    links_are((int32_t[]){ 0, 10, 20, 50, 60 }, 5, "--.-.");
    links_are((int32_t[]){ 0, 10, 20, 35, 45 }, 5, "----."); /* exactly 1.5 × */
    links_are((int32_t[]){ 0, 10, 20, 36, 46 }, 5, "--.-.");
    links_are((int32_t[]){ 7 }, 1, ".");
    links_are((int32_t[]){ 7, 7, 7 }, 3, "--.");
    links_are((int32_t[]){ 100, 90, 80, 20 }, 4, "--..");
    links_are((int32_t[]){ INT32_MIN, 0, INT32_MAX }, 3, "--.");
}

/* ---- building ------------------------------------------------------------------------------------ */

Test(catalog_charts, bad_parts_are_refused)
{
    static char longer[TKT_SHORT_MAX + 1];
    tkt_chart *c = new_chart();
    uint64_t id = 0, unknown = 99;
    uint32_t version = 0;
    memset(longer, 'x', sizeof(longer));
    tkt_text too_long = { longer, sizeof(longer) };
    answers(tkt_chart_put(f.store, 0, c, &id, &version), -TKT_E_INVALID);
    answers(tkt_chart_add_row(c, T("A")), -TKT_E_INVALID);
    answers(tkt_chart_add_seat(c, T("1"), 0, 0, 0), -TKT_E_INVALID);
    answers(tkt_chart_add_section(c, T("")), -TKT_E_INVALID);
    answers(tkt_chart_add_section(c, T("\x80")), -TKT_E_INVALID);
    answers(tkt_chart_add_section(c, too_long), -TKT_E_LIMIT);
    ok(tkt_chart_add_section(c, T("S")));
    answers(tkt_chart_add_section(c, T("S")), -TKT_E_INVALID);
    answers(tkt_chart_add_seat(c, T("1"), 0, 0, 0), -TKT_E_INVALID);
    ok(tkt_chart_add_row(c, T("A")));
    answers(tkt_chart_add_row(c, T("A")), -TKT_E_INVALID);
    answers(tkt_chart_add_seat(c, T("1"), 0, 0, 32), -TKT_E_INVALID);
    ok(tkt_chart_add_seat(c, T("1"), 0, 0, TKT_SEAT_LINK));
    answers(tkt_chart_add_seat(c, T("1"), 5, 0, 0), -TKT_E_INVALID);
    ok(tkt_chart_add_area(c, T("Floor"), 10));
    answers(tkt_chart_add_area(c, T("Floor"), 10), -TKT_E_INVALID);
    ok(tkt_chart_add_section(c, T("S2")));
    answers(tkt_chart_add_seat(c, T("2"), 0, 0, 0), -TKT_E_INVALID);
    answers(tkt_chart_put(f.store, 44, c, &id, &version), TKT_NOT_FOUND);
    answers(tkt_chart_put(f.store, 0, c, &unknown, &version), TKT_NOT_FOUND);
    answers(tkt_chart_put(f.store, 0, c, NULL, &version), -TKT_E_INVALID);
    answers(tkt_chart_put(f.store, 0, NULL, &id, &version), -TKT_E_INVALID);
    ok(tkt_chart_put(f.store, 0, c, &id, &version));
    tkt_chart_free(c);
    tkt_chart_free(NULL);
    check_clean(&f);
}

Test(catalog_charts, a_venue_with_a_chart_stays)
{
    tkt_chart *c = small_chart(1, 2);
    uint64_t id = 0, venue = new_venue(&f, "Halle", "Ulm"), other = new_venue(&f, "Saal", "Ulm");
    uint32_t version = 0;
    ok(tkt_chart_put(f.store, venue, c, &id, &version));
    answers(tkt_chart_put(f.store, other, c, &id, &version), -TKT_E_INVALID);
    answers(tkt_venue_delete(f.store, venue, NULL, 0), TKT_IN_USE);
    ok(tkt_venue_delete(f.store, other, NULL, 0));
    tkt_chart_free(c);
    check_clean(&f);
}

Test(catalog_charts, areas_come_and_go_with_the_chart)
{
    uint64_t chart = 0;
    tkt_chart *c = small_chart(1, 2);
    ok(tkt_chart_add_area(c, T("Floor"), 10));
    ok(tkt_chart_add_area(c, T("Bar"), 20));
    uint32_t first = put_chart(c, &chart), scope = 0, id = 0;
    c = small_chart(1, 2);
    ok(tkt_chart_add_area(c, T("Bar"), 30));
    uint32_t second = put_chart(c, &chart);
    tkt_event event = plain_event("", TEST_NOW_MS);
    uint64_t e = new_event(&f, &event);
    ok(tkt_event_set_area(f.store, e, T("Own"), 5, 0, NULL));
    ok(tkt_event_set_chart(f.store, e, chart, first, 0));
    ok(tkt_scope_find(look(&f), e, T("Floor"), &scope, &id));
    cr_assert(scope == TKT_SCOPE_AREA && id == 2);
    ok(tkt_event_set_price(f.store, e, TKT_SCOPE_AREA, id, 100, "EUR", 0));
    ok(tkt_event_set_price(f.store, e, TKT_SCOPE_SECTION, 2, 700, "EUR", 0));
    ok(tkt_event_set_chart(f.store, e, chart, second, 0));
    ok(tkt_event_set_chart(f.store, e, chart, second, 0));
    answers(tkt_scope_find(look(&f), e, T("Floor"), &scope, &id), TKT_NOT_FOUND);
    ok(tkt_scope_find(f.snap, e, T("Bar"), &scope, &id));
    cr_assert_eq(id, 3);
    ok(tkt_scope_find(f.snap, e, T("Own"), &scope, &id));
    tkt_sale sale = TKT_SALE_INIT;
    ok(tkt_sale_view(f.snap, e, &sale));
    cr_assert(sale.areas == 2 && sale.prices == 1 && sale.seats == 6 && sale.chart_version == 2);
    int64_t minor = 0;
    char currency[4];
    ok(tkt_price_of_unit(f.snap, e, 2 << 6, &minor, currency));
    cr_assert_eq(minor, 700);
    ok(tkt_price_of_unit(f.snap, e, 1 << 6, &minor, currency));
    cr_assert(minor == 0 && currency[0] == 0);
    answers(tkt_price_of_unit(f.snap, e, 1 << 6 | 63, &minor, currency), TKT_NOT_FOUND);
    answers(tkt_price_of_unit(f.snap, e, 5, &minor, currency), TKT_NOT_FOUND);
    /* Another chart: its sections are others, so their prices go. */
    uint64_t another = 0;
    uint32_t version = put_chart(small_chart(1, 3), &another);
    ok(tkt_event_set_chart(f.store, e, another, version, 0));
    ok(tkt_sale_view(look(&f), e, &sale));
    cr_assert(sale.prices == 0 && sale.areas == 1);
    event.id = e; /* the chart's list row follows the start */
    event.start_ms += 1000;
    ok(tkt_event_update(f.store, &event, 0));
    check_clean(&f);
    ok(tkt_event_delete(f.store, e, NULL, 0));
    check_clean(&f);
}

/* ---- large charts -------------------------------------------------------------------------------- */

#define LARGE_ROWS  1000
#define LARGE_SEATS 100

static tkt_chart *large_chart(void)
{
    tkt_chart *chart = new_chart();
    char name[96];
    for (int r = 0; r < LARGE_ROWS; r++) {
        if (r % 25 == 0) {
            snprintf(name, sizeof(name), "Section %d", r / 25);
            ok(tkt_chart_add_section(chart, T(name)));
        }
        snprintf(name, sizeof(name), "Row %d", r);
        ok(tkt_chart_add_row(chart, T(name)));
        for (int s = 0; s < LARGE_SEATS; s++) {
            snprintf(name, sizeof(name), "%d", s);
            ok(tkt_chart_add_seat(chart, T(name), s * 500, r * 900, 0));
        }
    }
    ok(tkt_chart_link_by_pitch(chart));
    return chart;
}

Test(catalog_charts, a_hundred_thousand_seats_in_several_commits, .timeout = 60)
{
    tkt_stats before = TKT_STATS_INIT, after = TKT_STATS_INIT;
    uint64_t chart = 0;
    ok(tkt_store_stats(f.store, &before));
    uint32_t version = put_chart(large_chart(), &chart);
    ok(tkt_store_stats(f.store, &after));
    cr_assert(after.commits > before.commits + 2 && after.open_jobs == 0);
    uint64_t event = event_with(chart, version);
    plan_agrees(event, LARGE_ROWS * LARGE_SEATS);
    check_clean(&f);
}

/* A writer that died: the job row and some blocks, as slice_body leaves them. */
static int32_t half_a_chart(tkt__tx *tx, void *ctx)
{
    const tkt__chart_job *job = (const tkt__chart_job *)ctx;
    uint8_t key[TKT__CHART_KEY];
    for (uint32_t block = 1; block <= 300; block++) {
        tkt__chart_key(job->chart, job->version, block, key);
        int32_t rc = tkt__tx_put(tx, TKT__T_CHART, tkt__slice_of(key, sizeof(key)),
                                 tkt__slice_of(key, sizeof(key)));
        if (rc != TKT_DONE)
            return rc;
    }
    return tkt__chart_job_put(tx, job);
}

static void die_half_way(uint64_t chart, uint32_t version)
{
    tkt__chart_job job = { .chart = chart, .version = version, .owner = { 1 } };
    tkt__guard guards[2] = { { TKT__G_CATALOG, 0 }, { TKT__G_STORE, 0 } };
    ok(tkt__id_take(f.store, TKT__ID_JOB, 1, &job.job));
    job.progress_ms = f.now_ms;
    ok(tkt__store_run(f.store, guards, 2, 0, half_a_chart, &job));
}

static uint64_t chart_rows(void)
{
    tkt__tx *tx;
    tkt__cursor *cursor;
    tkt__slice k, v, first = { (const uint8_t *)"", 0 };
    uint64_t n = 0;
    ok(tkt__snapshot_tx(look(&f), &tx));
    ok(tkt__tx_cursor_open(tx, TKT__T_CHART, &cursor));
    for (int32_t rc = tkt__cursor_seek(cursor, first, &k, &v); rc == TKT_DONE;
         rc = tkt__cursor_next(cursor, &k, &v))
        n++;
    tkt__cursor_close(cursor);
    return n;
}

Test(catalog_charts, a_dead_writer_is_cleared_away)
{
    uint64_t chart = 0;
    uint32_t version = put_chart(small_chart(1, 30), &chart), done = 0;
    uint64_t rows = chart_rows();
    tkt_event event = plain_event("", TEST_NOW_MS);
    uint64_t e = new_event(&f, &event);
    die_half_way(chart, version + 1);
    answers(tkt_event_set_chart(f.store, e, chart, version + 1, 0), TKT_NOT_FOUND);
    check_clean(&f); /* unfinished, and accepted */
    tkt_chart *c = small_chart(1, 31);
    answers(tkt_chart_put(f.store, 0, c, &chart, &version), -TKT_E_CONFLICT);
    ok(tkt_tick(f.store, 0, &done)); /* the writer may still live */
    cr_assert_eq(chart_rows(), rows + 300);
    int64_t wait = 0;
    ok(tkt_next_deadline(f.store, &wait));
    cr_assert(wait > 0 && wait <= 600000);
    tkt_snapshot_end(f.snap);
    f.snap = NULL;
    tkt_store_close(f.store); /* ten minutes pass while the store is closed */
    pass(&f, 600000);
    open_store(&f);
    do
        ok(tkt_tick(f.store, 64, &done));
    while (done > 0);
    cr_assert_eq(chart_rows(), rows);
    check_clean(&f);
    ok(tkt_chart_put(f.store, 0, c, &chart, &version));
    cr_assert_eq(version, 2);
    tkt_chart_free(c);
}

Test(catalog_charts, the_next_put_clears_a_dead_writer_too)
{
    uint64_t chart = 0;
    uint32_t version = put_chart(small_chart(1, 30), &chart);
    die_half_way(chart, version + 1);
    pass(&f, 200000);
    pass(&f, 200000);
    pass(&f, 200000);
    cr_assert_eq(put_chart(small_chart(1, 31), &chart), 2);
    check_clean(&f);
}

/* ---- chart files ------------------------------------------------------------------------------------- */

Test(catalog_charts, a_real_hall)
{
    const char *root = getenv("TKT_TEST_DATA");
    char path[512];
    snprintf(path, sizeof(path), "%s/arena-two-floors.json", root ? root : "tests/data");
    FILE *file = fopen(path, "rb");
    cr_assert(file != NULL, "%s", path);
    static char text[65536];
    size_t n = fread(text, 1, sizeof(text), file);
    fclose(file);
    tkt_chart *chart = new_chart();
    ok(tkt_chart_parse_json(chart, text, n));
    uint64_t id = 0;
    uint32_t version = put_chart(chart, &id);
    uint64_t event = event_with(id, version);
    plan_agrees(event, 738);
    cr_assert(unit_of(event, "Ground floor / Category I", "A", "1") != 0);
    check_clean(&f);
}

Test(catalog_charts, bad_files_are_refused)
{
    static const char *const bad[] = {
        "", "{", "[]", "{}", "nonsense", "[[[[[[[[[[[[[[[[[[[[",
        "{\"sections\":[{\"name\":\"S\"}]}",
        "{\"sections\":[{\"name\":\"S\",\"rows\":[{\"name\":\"A\",\"seats\":[{}]}]}]}",
        "{\"sections\":[{\"name\":\"S\",\"rows\":[{\"name\":\"A\",\"seats\":[{\"label\":\"1\",\"x\":1e9}]}]}]}",
        "{\"ga\":[{\"name\":\"F\",\"capacity\":-1}]}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        tkt_chart *chart = new_chart();
        answers(tkt_chart_parse_json(chart, bad[i], strlen(bad[i])), -TKT_E_PARSE);
        tkt_chart_free(chart);
    }
}

/* A writer that died under a clock that was years ahead blocks nobody once it is set right. */
Test(catalog_charts, a_dead_writer_of_another_time_is_cleared)
{
    const int64_t years = INT64_C(86400000) * 365 * 5;
    uint64_t chart = 0;
    put_chart(small_chart(1, 10), &chart);
    f.now_ms += years;
    ok(tkt_clock_confirm(f.store));
    die_half_way(chart, 2);
    f.now_ms -= years;
    ok(tkt_clock_reset(f.store));
    ok(tkt_tick(f.store, 0, NULL));
    put_chart(small_chart(1, 12), &chart);
    check_clean(&f);
}
