/* SPDX-License-Identifier: MIT
 *
 * test_booking_full.c: a store whose map is full sells no more, and still takes back, pays back, books what was paid
 * for and lets holds run out; it says so, and loses nothing.
 */
#include "booking_help.h"

#define MAP (UINT64_C(4) << 20)
#define GIVEN_BACK 300
#define ENOUGH 8 /* refusals in a row: requests differ by some bytes */

/* Pages that a snapshot keeps are not free. */
static void end_snapshot(hall *h)
{
    tkt_snapshot_end(h->f.snap);
    h->f.snap = NULL;
}

/* The same store with a map that is soon full. */
static void open_small(hall *h)
{
    open_hall(h);
    end_snapshot(h);
    tkt_store_close(h->f.store);
    h->f.map_bytes = MAP;
    open_store(&h->f);
    set_bank(h);
    ok(tkt_event_set_area(h->f.store, h->event_id, T("Floor"), 1000000, 0, &h->area_id));
}

static int32_t fill_once(hall *h)
{
    static char text[8000];
    tkt_created made = TKT_CREATED_INIT;
    tkt_event event;
    memset(text, 'x', sizeof(text));
    tkt_event_init(&event);
    event.name = T("Large");
    event.description = (tkt_text){ text, sizeof(text) };
    return tkt_event_create(h->f.store, &event, NULL, 0, &made);
}

/* First with events, then with the smallest thing that is sold. */
static void fill(hall *h)
{
    tkt_hold hold = new_hold();
    int32_t status;
    uint32_t made = 0;
    while ((status = fill_once(h)) == TKT_DONE)
        cr_assert(++made < 2000);
    answers(status, -TKT_E_FULL);
    for (uint32_t refused = 0; refused < ENOUGH; refused = status == TKT_DONE ? 0 : refused + 1) {
        tkt_reserve_request request = places(h, 1);
        status = tkt_reserve(h->f.store, &request, &hold);
    }
    answers(status, -TKT_E_FULL);
}

static void is_full(hall *h)
{
    tkt_stats stats = TKT_STATS_INIT;
    ok(tkt_store_stats(h->f.store, &stats));
    cr_assert_lt(stats.room_bytes, 16384);
    cr_assert_eq(stats.reserve_bytes, MAP / 8);
    tkt_reserve_request request = places(h, 1);
    tkt_hold hold = new_hold();
    answers(tkt_reserve(h->f.store, &request, &hold), -TKT_E_FULL);
    request.flags = TKT_DRY_RUN;
    answers(tkt_reserve(h->f.store, &request, &hold), -TKT_E_FULL);
    answers(fill_once(h), -TKT_E_FULL);
}

Test(full, what_gives_back_still_goes)
{
    hall h;
    open_small(&h);
    tkt_hold given = hold_seats(&h, 0, 2), paid = hold_seats(&h, 2, 2), asked = hold_seats(&h, 4, 2);
    tkt_hold sold = hold_seats(&h, 6, 2), doubt = hold_seats(&h, 8, 2), old = hold_seats(&h, 10, 2);
    tkt_booking booking = new_booking(), before = new_booking(), pending = new_booking();
    ok(confirm(&h, &sold, TKT_MONEY_TAKEN, &before));
    h.bank.on_charge = TKT_PAY_PENDING;
    answers(confirm(&h, &doubt, 0, &pending), TKT_PENDING);
    h.bank.on_charge = TKT_PAY_APPROVED;
    fill(&h);
    is_full(&h);

    tkt_hold_request back = on_hold(&h, &given, 0);
    ok(tkt_release(h.f.store, &back, NULL));
    answers(tkt_release(h.f.store, &back, NULL), TKT_REPLAYED);
    cr_assert_eq(seat_state(&h, 0), TKT_SEAT_AVAILABLE);
    ok(confirm(&h, &paid, TKT_MONEY_TAKEN, &booking)); /* whoever has paid gets his tickets */
    cr_assert_eq(seat_state(&h, 2), TKT_SEAT_BOOKED);
    uint32_t charges = h.bank.charges;
    answers(confirm(&h, &asked, 0, &booking), -TKT_E_FULL); /* before any money moves */
    cr_assert_eq(h.bank.charges, charges);
    ok(tkt_resolve_payment(h.f.store, pending.intent_id, TKT_NEWS_APPROVED, &pending));
    cr_assert_eq(seat_state(&h, 8), TKT_SEAT_BOOKED);
    ok(cancel(&h, before.id, &before));
    cr_assert_eq(seat_state(&h, 6), TKT_SEAT_AVAILABLE);
    ok(refund(&h, before.id, &before));
    is_full(&h);
    pass(&h.f, INT64_C(3600) * 1000);
    uint32_t done = 0;
    ok(tkt_tick(h.f.store, 64, &done));
    cr_assert(done > 0);
    cr_assert_eq(seat_state(&h, 10), TKT_SEAT_AVAILABLE);
    cr_assert_eq(see_hold(&h, &old).state, TKT_HOLD_EXPIRED);
    close_hall(&h);
}

/* What nobody swept is free all the same; but swept it must be, or a full store keeps its rows for ever. */
Test(full, holds_that_ran_out_are_swept)
{
    hall h;
    tkt_stats stats = TKT_STATS_INIT;
    open_small(&h);
    for (uint32_t i = 0; i < GIVEN_BACK; i++)
        hold_places(&h, 1);
    fill(&h);
    end_snapshot(&h);
    ok(tkt_store_stats(h.f.store, &stats));
    cr_assert(stats.due >= GIVEN_BACK && stats.holds >= stats.due);
    pass(&h.f, INT64_C(3600) * 1000);
    uint32_t done = 1;
    for (uint32_t i = 0; done > 0 && i < 200; i++) {
        int32_t status = tkt_tick(h.f.store, 16, &done);
        cr_assert(status == TKT_DONE || tkt_status_primary(status) == TKT_E_FULL, "%s", tkt_error_text());
        if (status != TKT_DONE)
            break;
    }
    ok(tkt_store_stats(h.f.store, &stats));
    cr_assert_eq(stats.due, 0, "%llu holds are not swept", (unsigned long long)stats.due);
    close_hall(&h);
}

Test(full, many_times_over)
{
    hall h;
    open_small(&h);
    static tkt_hold hold[GIVEN_BACK];
    for (uint32_t i = 0; i < GIVEN_BACK; i++)
        hold[i] = hold_places(&h, 1);
    fill(&h);
    uint64_t held = counts(&h).reserved;
    end_snapshot(&h);
    for (uint32_t i = 0; i < GIVEN_BACK; i++)
        ok(release(&h, &hold[i]));
    cr_assert_eq(counts(&h).reserved, held - GIVEN_BACK);
    h.f.map_bytes = 2 * MAP; /* a larger map, and it sells again */
    end_snapshot(&h);
    tkt_store_close(h.f.store);
    open_store(&h.f);
    (void)hold_places(&h, 1);
    close_hall(&h);
}

/* One that gives back shares its commit with many that do not fit: these are told, it is done. */
Test(full, it_goes_without_those_that_do_not_fit)
{
    hall h;
    open_small(&h);
    tkt_hold hold = hold_seats(&h, 0, 1);
    fill(&h);
    tkt_batch *batch = NULL;
    ok(tkt_batch_new(h.f.store, &batch));
    tkt_hold_request back = on_hold(&h, &hold, 0);
    tkt_hold out = new_hold();
    for (uint32_t i = 0; i < 40; i++) {
        tkt_reserve_request want = places(&h, 1);
        ok(tkt_batch_reserve(batch, &want, &out));
    }
    ok(tkt_batch_release(batch, &back, NULL));
    ok(tkt_batch_run(batch));
    for (uint32_t i = 0; i < 40; i++)
        answers(tkt_batch_outcome(batch, i), -TKT_E_FULL);
    ok(tkt_batch_outcome(batch, 40));
    tkt_batch_free(batch);
    close_hall(&h);
}
