/* SPDX-License-Identifier: MIT
 *
 * tests/unit/test_search_build.c: what a build makes of unusual catalogues: very many categories, a day whose
 * edge a window cuts, events that leave it or change their hour afterwards.
 */
#include "catalog_help.h"

#include <ticketing/search.h>

#define CATEGORIES 700 /* so that their table grows more than once */
#define HOURS 24
#define EACH 20        /* events of an hour */
#define HOUR_MS INT64_C(3600000)
#define DAY_MS INT64_C(1900022400000) /* 2030-03-18, 00:00 */

static fixture f;

static void up(void) { setup(&f); }
static void down(void) { teardown(&f); }
TestSuite(search_build, .init = up, .fini = down);

static uint64_t search(tkt_query *query)
{
    tkt_results *results;
    tkt_total total = TKT_TOTAL_INIT;
    ok(tkt_search(look(&f), query, &results));
    ok(tkt_results_total(results, &total));
    cr_assert_eq(total.lower_bound, 0);
    tkt_results_free(results);
    tkt_query_free(query);
    return total.total;
}

static uint64_t in_category(const char *category)
{
    tkt_query *query;
    ok(tkt_query_new(&query));
    ok(tkt_query_add_category(query, T(category)));
    return search(query);
}

static uint64_t from_to(int64_t from_ms, int64_t to_ms)
{
    tkt_query *query;
    ok(tkt_query_new(&query));
    ok(tkt_query_set_window(query, from_ms, to_ms));
    return search(query);
}

Test(search_build, many_categories_keep_their_numbers)
{
    char external[32], category[32];
    for (int i = 0; i < CATEGORIES; i++) {
        snprintf(external, sizeof external, "c:%d", i);
        snprintf(category, sizeof category, "Kind %d", i % 350);
        tkt_event event = plain_event(external, DAY_MS + i);
        event.category = T(category);
        new_event(&f, &event);
    }
    ok(tkt_reindex(f.store, NULL, NULL));
    cr_assert_eq(in_category("kind 0"), 2);
    cr_assert_eq(in_category("Kind 349"), 2);
    cr_assert_eq(in_category("Kind 350"), 0);
    check_clean(&f);
}

static uint64_t event_in_hour(int hour, int i)
{
    char external[32];
    snprintf(external, sizeof external, "h:%d:%d", hour, i);
    tkt_event event = plain_event(external, DAY_MS + hour * HOUR_MS + i);
    return new_event(&f, &event);
}

static void move(uint64_t id, int64_t start_ms)
{
    tkt_event event;
    tkt_event_init(&event);
    ok(tkt_event_view(look(&f), id, &event));
    event.start_ms = start_ms;
    event.record = NULL;
    ok(tkt_event_update(f.store, &event, 0));
}

/* Every window by full hours. `moved` events of hour 5 are in hour 20, `gone` ones of hour 7 nowhere. */
static void ask_all(uint64_t moved, uint64_t gone)
{
    for (int from = 0; from < HOURS; from++)
        for (int to = from + 1; to <= HOURS; to++) {
            uint64_t wanted = (uint64_t)(to - from) * EACH;
            wanted -= from <= 5 && to > 5 ? moved : 0;
            wanted += from <= 20 && to > 20 ? moved : 0;
            wanted -= from <= 7 && to > 7 ? gone : 0;
            cr_assert_eq(from_to(DAY_MS + from * HOUR_MS, DAY_MS + to * HOUR_MS), wanted, "%d–%d", from, to);
        }
}

Test(search_build, a_window_cuts_a_day)
{
    uint64_t id[HOURS][EACH];
    for (int i = EACH - 1; i >= 0; i--)
        for (int hour = 0; hour < HOURS; hour++)
            id[hour][i] = event_in_hour(hour, i);
    ask_all(0, 0); /* no slot is in order yet */
    ok(tkt_reindex(f.store, NULL, NULL));
    ask_all(0, 0);
    for (int i = 0; i < 3; i++)
        ok(tkt_event_delete(f.store, id[7][i], NULL, 0)); /* holes among the slots that are in order */
    ask_all(0, 3);
    cr_assert_eq(from_to(DAY_MS, DAY_MS + 24 * HOUR_MS), HOURS * EACH - 3);
    move(id[5][EACH - 1], DAY_MS + 20 * HOUR_MS + 999); /* from its slot on none is in order any more */
    ask_all(1, 3);
    ok(tkt_reindex(f.store, NULL, NULL));
    ask_all(1, 3);
    check_clean(&f);
}
