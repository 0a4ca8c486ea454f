/* SPDX-License-Identifier: MIT
 *
 * tests/unit/test_search_cache.c: an answer is given again while nothing changed, and never afterwards,
 * whatever changed and whoever did it.
 */
#include "booking_help.h"

#include <sys/wait.h>
#include <unistd.h>

#include <ticketing/search.h>

static hall h;

static uint64_t found(const char *text, bool available)
{
    tkt_query *query;
    tkt_results *results;
    tkt_total total = TKT_TOTAL_INIT;
    ok(tkt_query_new(&query));
    ok(tkt_query_set_text(query, T(text)));
    ok(tkt_query_set_available(query, available, 0));
    ok(tkt_search(look(&h.f), query, &results));
    ok(tkt_results_total(results, &total));
    tkt_results_free(results);
    tkt_query_free(query);
    return total.total;
}

static uint64_t hits(void)
{
    tkt_stats stats = TKT_STATS_INIT;
    ok(tkt_store_stats(h.f.store, &stats));
    return stats.cache_hits;
}

static void begin(void)
{
    open_hall(&h);
    cr_assert_eq(found("evening", false), 1);
}

static void end(void) { close_hall(&h); }

TestSuite(cache, .init = begin, .fini = end);

Test(cache, the_same_again_is_a_hit)
{
    uint64_t before = hits();
    for (int i = 0; i < 5; i++)
        cr_assert_eq(found("evening", false), 1);
    cr_assert_eq(hits(), before + 5);
    cr_assert_eq(found("evening ", false), 1); /* another query */
    cr_assert_eq(hits(), before + 5);
}

Test(cache, a_new_event_is_seen)
{
    tkt_event event = plain_event("test:more", TEST_NOW_MS);
    new_event(&h.f, &event);
    uint64_t before = hits();
    cr_assert_eq(found("evening", false), 2);
    cr_assert_eq(hits(), before);
}

static uint32_t index_state(void)
{
    tkt_snapshot *snap;
    uint32_t state = UINT32_MAX;
    ok(tkt_snapshot_begin(h.f.store, &snap));
    ok(tkt_index_state(snap, &state));
    tkt_snapshot_end(snap);
    return state;
}

Test(cache, a_build_and_a_drop_are_seen)
{
    tkt_event event = plain_event("test:more", TEST_NOW_MS);
    cr_assert_eq(index_state(), TKT_INDEX_CURRENT);
    ok(tkt_reindex(h.f.store, NULL, NULL));
    cr_assert_eq(found("evening", false), 1);
    ok(tkt_index_drop(h.f.store));
    cr_assert_eq(index_state(), TKT_INDEX_NONE);
    new_event(&h.f, &event);
    ok(tkt_reindex(h.f.store, NULL, NULL));
    cr_assert_eq(index_state(), TKT_INDEX_CURRENT);
    cr_assert_eq(found("evening", false), 2);
}

Test(cache, a_rename_and_a_price_are_seen)
{
    uint64_t venue_id = new_venue(&h.f, "Old House", "Bonn");
    tkt_event event = plain_event("test:venue", TEST_NOW_MS);
    tkt_venue venue = TKT_VENUE_INIT;
    event.venue_id = venue_id;
    new_event(&h.f, &event);
    cr_assert_eq(found("house", false), 1);
    venue.id = venue_id;
    venue.name = T("New Hall");
    ok(tkt_venue_update(h.f.store, &venue, 0));
    cr_assert_eq(found("house", false), 0);
    cr_assert_eq(found("new hall", false), 1);
    uint64_t before = hits();
    ok(tkt_event_set_price(h.f.store, h.event_id, TKT_SCOPE_EVENT, 0, 1, "EUR", 0));
    cr_assert_eq(found("new hall", false), 1);
    cr_assert_eq(hits(), before);
}

Test(cache, what_is_sold_out_is_seen_at_once)
{
    cr_assert_eq(found("evening", true), 1);
    tkt_hold all = hold_seats(&h, 0, HALL_SEATS), floor = hold_places(&h, FLOOR_PLACES);
    tkt_booking booking = new_booking();
    ok(confirm(&h, &all, TKT_MONEY_TAKEN, &booking));
    cr_assert_eq(found("evening", true), 1);
    ok(confirm(&h, &floor, TKT_MONEY_TAKEN, &booking));
    cr_assert_eq(found("evening", true), 0);
    cr_assert_eq(found("evening", false), 1);
    ok(cancel(&h, booking.id, NULL));
    cr_assert_eq(found("evening", true), 1);
}

Test(cache, another_process_is_seen)
{
    int status;
    tkt_snapshot_end(h.f.snap);
    h.f.snap = NULL;
    tkt_store_close(h.f.store);
    open_store(&h.f);
    cr_assert_eq(found("evening", false), 1);
    tkt_snapshot_end(h.f.snap);
    h.f.snap = NULL;
    pid_t pid = fork();
    if (pid == 0) {
        fixture child = h.f;
        tkt_event event = plain_event("test:child", TEST_NOW_MS);
        open_store(&child);
        new_event(&child, &event);
        tkt_store_close(child.store);
        _exit(0);
    }
    cr_assert(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    cr_assert_eq(found("evening", false), 2);
}
