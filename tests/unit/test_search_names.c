/* SPDX-License-Identifier: MIT
 *
 * tests/unit/test_search_names.c: venues asked for by name: namesakes, names that end as others do, names too long
 * for a row, and names that change.
 */
#include "catalog_help.h"

#include <ticketing/search.h>

#define LONG "The very long name of a hall that nobody can say at once without a breath "

static fixture f;
static uint32_t events;

static void up(void)
{
    setup(&f);
    events = 0;
}
static void down(void) { teardown(&f); }
TestSuite(search_names, .init = up, .fini = down);

/* Every one in a town of its own: names are taken within one. */
static uint64_t venue_with(const char *name, uint32_t n)
{
    char town[32];
    snprintf(town, sizeof town, "Town %u", events);
    uint64_t id = new_venue(&f, name, town);
    for (uint32_t i = 0; i < n; i++) {
        char external[32];
        snprintf(external, sizeof external, "e:%u", events++);
        tkt_event event = plain_event(external, TEST_NOW_MS + (int64_t)events * 1000);
        event.venue_id = id;
        new_event(&f, &event);
    }
    return id;
}

static uint64_t at(const char *name)
{
    tkt_query *query;
    tkt_results *results;
    tkt_total total = TKT_TOTAL_INIT;
    ok(tkt_query_new(&query));
    ok(tkt_query_add_venue_name(query, T(name)));
    ok(tkt_search(look(&f), query, &results));
    ok(tkt_results_total(results, &total));
    tkt_results_free(results);
    tkt_query_free(query);
    return total.total;
}

static void rename_venue(uint64_t id, const char *name)
{
    tkt_venue venue = TKT_VENUE_INIT;
    venue.id = id;
    venue.name = T(name);
    venue.country = T("DE");
    ok(tkt_venue_update(f.store, &venue, 0));
}

static void make_venues(void)
{
    venue_with("Hall", 3);
    venue_with("Hall", 4);
    venue_with("Big Hall", 5);
    venue_with(LONG "one", 2);
    venue_with(LONG "two", 1);
    venue_with("na na na na na na na na na na na na na na na na na na na na na na na na na na", 6);
}

static void all_found(void)
{
    cr_assert_eq(at("Hall"), 3 + 4);
    cr_assert_eq(at("GR\xc3\x96SSE hall"), 0); /* another word than Große */
    cr_assert_eq(at("Big Hall"), 5);
    cr_assert_eq(at("big  HALL"), 5);
    cr_assert_eq(at("Hal"), 0);
    cr_assert_eq(at("Big"), 0);
    cr_assert_eq(at(LONG "one"), 2);
    cr_assert_eq(at(LONG "two"), 1);
    cr_assert_eq(at(LONG), 0);
    cr_assert_eq(at("na na na na na na na na na na na na na na na na na na na na na na na na na na"), 6);
    cr_assert_eq(at("na na na na na na na na na na na na na na na na na na na na na na na na na"), 0);
    check_clean(&f);
}

Test(search_names, as_it_is_written_and_whole)
{
    make_venues();
    ok(tkt_reindex(f.store, NULL, NULL));
    all_found();
}

Test(search_names, the_same_by_events_that_come_later)
{
    ok(tkt_reindex(f.store, NULL, NULL));
    make_venues();
    all_found();
}

Test(search_names, another_name_counts_at_once)
{
    ok(tkt_reindex(f.store, NULL, NULL));
    uint64_t id = venue_with("Hall", 3);
    venue_with("Hall", 20);
    rename_venue(id, "Room");
    cr_assert_eq(at("Hall"), 20);
    cr_assert_eq(at("Room"), 3);
    ok(tkt_reindex(f.store, NULL, NULL));
    cr_assert_eq(at("Room"), 3);
    check_clean(&f);
}
