/* SPDX-License-Identifier: MIT
 *
 * test_booking_holds.c: reserve, release, extend, replace; time to live and hard cap; who owns what at
 * which instant; limits, windows, prices; replays.
 */
#include "booking_help.h"

#define ALL (HALL_SEATS + FLOOR_PLACES)

Test(holds, seats_and_places_are_taken_together_or_not_at_all)
{
    hall h;
    open_hall(&h);
    tkt_hold hold = new_hold(), other = new_hold();
    tkt_reserve_request want = seats(&h, 3, 4);
    want.area_id = h.area_id;
    want.quantity = 5;
    ok(tkt_reserve(h.f.store, &want, &hold));
    cr_assert_eq(hold.total_minor, 9 * PRICE);
    cr_assert_str_eq(hold.currency, "EUR");
    cr_assert_eq(hold.unit_count, 4);
    cr_assert_eq(hold.quantity, 5);
    cr_assert_eq(hold.state, TKT_HOLD_ACTIVE);
    counts_are(&h, ALL - 9, 9, 0);
    cr_assert_eq(seat_state(&h, 3), TKT_SEAT_RESERVED);
    cr_assert_eq(seat_state(&h, 7), TKT_SEAT_AVAILABLE);

    want = seats(&h, 6, 2); /* one of them is taken */
    answers(tkt_reserve(h.f.store, &want, &other), TKT_ALL_HELD);
    tkt_cause cause = cause_is(TKT_CAUSE_UNIT_HELD);
    cr_assert_eq(cause.unit, h.units[6]);
    cr_assert_eq(cause.earliest_ms, hold.expires_ms);
    counts_are(&h, ALL - 9, 9, 0);
    want = seats(&h, 7, 1);
    want.area_id = h.area_id;
    want.quantity = 96; /* 95 are left */
    answers(tkt_reserve(h.f.store, &want, &other), TKT_ALL_HELD);
    cause_is(TKT_CAUSE_AREA_HELD);
    cr_assert_eq(seat_state(&h, 7), TKT_SEAT_AVAILABLE);

    size_t needed = 0;
    uint32_t units[8];
    ok(tkt_hold_units(look(&h.f), hold.token, units, 8, &needed));
    cr_assert_eq(needed, 4);
    cr_assert_eq(units[0], h.units[3]);
    close_hall(&h);
}

Test(holds, a_hold_ends_at_its_very_millisecond)
{
    hall h;
    open_hall(&h);
    tkt_reserve_request want = seats(&h, 0, 1);
    tkt_hold hold = new_hold(), next = new_hold();
    want.ttl_ms = 1;
    h.f.now_ms += 1; /* not a whole second: the deadline is rounded up to one */
    ok(tkt_reserve(h.f.store, &want, &hold));
    cr_assert_eq(hold.expires_ms, TEST_NOW_MS + 1000);

    pass(&h.f, hold.expires_ms - h.f.now_ms - 1);
    want = seats(&h, 0, 1);
    answers(tkt_reserve(h.f.store, &want, &next), TKT_ALL_HELD);
    cr_assert_eq(see_hold(&h, &hold).state, TKT_HOLD_ACTIVE);
    cr_assert_eq(seat_state(&h, 0), TKT_SEAT_RESERVED);
    pass(&h.f, 1); /* nothing swept: it is free all the same */
    cr_assert_eq(see_hold(&h, &hold).state, TKT_HOLD_EXPIRED);
    cr_assert_eq(seat_state(&h, 0), TKT_SEAT_AVAILABLE);
    counts_are(&h, ALL, 0, 0);
    answers(release(&h, &hold), TKT_EXPIRED);
    cr_assert_eq(cause_is(TKT_CAUSE_HOLD_EXPIRED).earliest_ms, hold.expires_ms);
    answers(extend(&h, &hold, 0), TKT_EXPIRED);
    answers(confirm(&h, &hold, 0, NULL), TKT_EXPIRED);
    cr_assert_eq(h.bank.charges, 0);
    ok(tkt_reserve(h.f.store, &want, &next));
    cr_assert_neq(next.claim, hold.claim);
    answers(release(&h, &hold), TKT_EXPIRED);
    close_hall(&h);
}

Test(holds, tick_sweeps_what_is_over_and_says_when_the_next_is)
{
    hall h;
    open_hall(&h);
    int64_t wait = 0;
    uint32_t done = 0;
    ok(tkt_next_deadline(h.f.store, &wait));
    cr_assert_eq(wait, INT64_MAX);
    tkt_hold hold = hold_seats(&h, 0, 3);
    hold_places(&h, 7);
    ok(tkt_next_deadline(h.f.store, &wait));
    cr_assert_eq(wait, hold.expires_ms - h.f.now_ms);
    ok(tkt_tick(h.f.store, 100, &done));
    cr_assert_eq(done, 0);
    pass(&h.f, wait);
    ok(tkt_tick(h.f.store, 1, &done));
    cr_assert_eq(done, 1);
    ok(tkt_tick(h.f.store, 100, &done));
    cr_assert_eq(done, 1);
    ok(tkt_next_deadline(h.f.store, &wait));
    cr_assert_eq(wait, INT64_MAX);
    counts_are(&h, ALL, 0, 0);
    cr_assert_eq(see_hold(&h, &hold).state, TKT_HOLD_EXPIRED);
    close_hall(&h);
}

Test(holds, release_gives_back_once)
{
    hall h;
    open_hall(&h);
    tkt_hold hold = hold_seats(&h, 0, 3);
    tkt_hold_request request = on_hold(&h, &hold, 0);
    tkt_hold seen = new_hold();
    ok(tkt_release(h.f.store, &request, &seen));
    cr_assert_eq(seen.state, TKT_HOLD_RELEASED);
    counts_are(&h, ALL, 0, 0);
    hold_seats(&h, 0, 3); /* another's now */
    answers(tkt_release(h.f.store, &request, &seen), TKT_REPLAYED);
    cr_assert_eq(seen.replayed, 1);
    answers(release(&h, &hold), TKT_RELEASED);
    cause_is(TKT_CAUSE_HOLD_RELEASED);
    answers(confirm(&h, &hold, 0, NULL), TKT_RELEASED);
    counts_are(&h, ALL - 3, 3, 0);
    memset(hold.token, 9, sizeof(hold.token));
    answers(release(&h, &hold), TKT_NOT_FOUND);
    cause_is(TKT_CAUSE_TOKEN);
    close_hall(&h);
}

Test(holds, extend_never_shortens_and_stops_at_the_hard_cap)
{
    hall h;
    open_hall(&h);
    tkt_reserve_request want = seats(&h, 0, 1);
    tkt_hold hold = new_hold();
    want.ttl_ms = 60000;
    want.hard_cap_ms = 100000;
    ok(tkt_reserve(h.f.store, &want, &hold));
    int64_t first = hold.expires_ms;
    ok(extend(&h, &hold, 30000)); /* it lives that long already */
    cr_assert_eq(hold.expires_ms, first);
    pass(&h.f, 30000);
    ok(extend(&h, &hold, 60000));
    cr_assert_eq(hold.expires_ms, first + 30000);
    ok(extend(&h, &hold, 600000));
    cr_assert_eq(hold.expires_ms, TEST_NOW_MS + 100000);
    answers(extend(&h, &hold, 600000), TKT_AT_HARD_CAP);
    cr_assert_eq(cause_is(TKT_CAUSE_HARD_CAP).earliest_ms, TEST_NOW_MS + 100000);
    pass(&h.f, 70000);
    answers(extend(&h, &hold, 600000), TKT_EXPIRED);

    /* A life that no number holds is refused, not wrapped. */
    want = seats(&h, 0, 1);
    want.ttl_ms = TKT_LIFE_MAX_MS + 1;
    answers(tkt_reserve(h.f.store, &want, &hold), -TKT_E_INVALID);
    want.ttl_ms = -1;
    answers(tkt_reserve(h.f.store, &want, &hold), -TKT_E_INVALID);
    close_hall(&h);
}

Test(holds, replace_moves_to_other_seats_in_one_step)
{
    hall h;
    open_hall(&h);
    tkt_hold hold = hold_seats(&h, 0, 4), fresh = new_hold();
    tkt_hold other = hold_seats(&h, 8, 1);
    tkt_reserve_request want = seats(&h, 6, 3); /* 8 is another's */
    answers(tkt_replace(h.f.store, hold.token, &want, &fresh), TKT_ALL_HELD);
    cr_assert_eq(see_hold(&h, &hold).state, TKT_HOLD_ACTIVE);
    counts_are(&h, ALL - 5, 5, 0);
    want = seats(&h, 2, 4); /* 2 and 3 are its own */
    pass(&h.f, 60000);
    ok(tkt_replace(h.f.store, hold.token, &want, &fresh));
    cr_assert_eq(fresh.hard_cap_ms, hold.hard_cap_ms);
    counts_are(&h, ALL - 5, 5, 0);
    cr_assert_eq(seat_state(&h, 0), TKT_SEAT_AVAILABLE);
    cr_assert_eq(seat_state(&h, 5), TKT_SEAT_RESERVED);
    cr_assert_eq(see_hold(&h, &hold).state, TKT_HOLD_RELEASED);
    answers(tkt_replace(h.f.store, hold.token, &want, &fresh), TKT_REPLAYED);
    want = seats(&h, 0, 1);
    answers(tkt_replace(h.f.store, hold.token, &want, &fresh), TKT_RELEASED);
    ok(release(&h, &other));
    close_hall(&h);
}

Test(holds, a_key_answers_its_first_result_again_and_no_other_request)
{
    hall h;
    open_hall(&h);
    tkt_hold first = new_hold(), again = new_hold();
    tkt_reserve_request want = seats(&h, 0, 2);
    ok(tkt_reserve(h.f.store, &want, &first));
    cr_assert_eq(first.replayed, 0);
    pass(&h.f, 5000);
    answers(tkt_reserve(h.f.store, &want, &again), TKT_REPLAYED);
    cr_assert_eq(again.replayed, 1);
    cr_assert_eq(again.expires_ms, first.expires_ms);
    cr_assert_arr_eq(again.token, first.token, TKT_TOKEN_BYTES);
    want.unit_count = 1;
    answers(tkt_reserve(h.f.store, &want, &again), TKT_KEY_REUSED);
    counts_are(&h, ALL - 2, 2, 0);

    /* A refusal is not kept: the same key works once the reason is gone. */
    want = seats(&h, 1, 1);
    answers(tkt_reserve(h.f.store, &want, &again), TKT_ALL_HELD);
    ok(release(&h, &first));
    ok(tkt_reserve(h.f.store, &want, &again));
    close_hall(&h);
}

Test(holds, a_dry_run_tells_and_takes_nothing)
{
    hall h;
    open_hall(&h);
    tkt_hold hold = new_hold();
    tkt_reserve_request want = seats(&h, 0, 2);
    want.flags = TKT_DRY_RUN;
    ok(tkt_reserve(h.f.store, &want, &hold));
    cr_assert_eq(hold.total_minor, 2 * PRICE);
    counts_are(&h, ALL, 0, 0);
    want.flags = 0;
    ok(tkt_reserve(h.f.store, &want, &hold)); /* the key was not spent */
    want = seats(&h, 0, 1);
    want.flags = TKT_DRY_RUN;
    answers(tkt_reserve(h.f.store, &want, &hold), TKT_ALL_HELD);
    close_hall(&h);
}

Test(holds, what_is_asked_badly_is_an_error_and_changes_nothing)
{
    hall h;
    open_hall(&h);
    tkt_hold hold = new_hold();
    tkt_reserve_request want = seats(&h, 0, 0);
    want.units = NULL;
    answers(tkt_reserve(h.f.store, &want, &hold), -TKT_E_INVALID); /* nothing */
    uint32_t twice[2] = { h.units[0], h.units[0] };
    want = seats(&h, 0, 2);
    want.units = twice;
    answers(tkt_reserve(h.f.store, &want, &hold), -TKT_E_INVALID);
    uint32_t unknown = 64 * 1000 + 1;
    want = seats(&h, 0, 1);
    want.units = &unknown;
    answers(tkt_reserve(h.f.store, &want, &hold), TKT_NOT_FOUND);
    cr_assert_eq(cause_is(TKT_CAUSE_UNIT_UNKNOWN).unit, unknown);
    want = places(&h, 1);
    want.area_id = 99;
    answers(tkt_reserve(h.f.store, &want, &hold), TKT_NOT_FOUND);
    cause_is(TKT_CAUSE_AREA_UNKNOWN);
    want = places(&h, TKT_QUANTITY_MAX + 1);
    answers(tkt_reserve(h.f.store, &want, &hold), -TKT_E_LIMIT);
    want = seats(&h, 0, 1);
    want.event_id = 424242;
    answers(tkt_reserve(h.f.store, &want, &hold), TKT_NOT_FOUND);
    want = seats(&h, 0, 1);
    want.user_id = 424242;
    answers(tkt_reserve(h.f.store, &want, &hold), TKT_NOT_FOUND);
    want = seats(&h, 0, 1);
    want.flags = 1u << 30;
    answers(tkt_reserve(h.f.store, &want, &hold), -TKT_E_INVALID);
    want = seats(&h, 0, 1);
    want.size = 8;
    answers(tkt_reserve(h.f.store, &want, &hold), -TKT_E_INVALID);
    counts_are(&h, ALL, 0, 0);
    close_hall(&h);
}

Test(holds, a_buyer_may_have_so_many_and_no_more)
{
    hall h;
    open_hall(&h);
    ok(tkt_event_set_limit(h.f.store, h.event_id, 4, 0));
    tkt_hold hold = new_hold(), second = new_hold();
    tkt_reserve_request want = seats(&h, 0, 3);
    answers(tkt_reserve(h.f.store, &want, &hold), TKT_OVER_LIMIT);
    cause_is(TKT_CAUSE_BUYER_ANONYMOUS);
    want.buyer_key[0] = 7;
    ok(tkt_reserve(h.f.store, &want, &hold));
    want = seats(&h, 4, 2);
    want.buyer_key[0] = 7;
    answers(tkt_reserve(h.f.store, &want, &second), TKT_OVER_LIMIT);
    tkt_cause cause = cause_is(TKT_CAUSE_BUYER_LIMIT);
    cr_assert(cause.limit == 4 && cause.have == 3 && cause.asked == 2);
    want.buyer_key[0] = 8; /* another buyer */
    ok(tkt_reserve(h.f.store, &want, &second));

    ok(confirm(&h, &hold, 0, NULL)); /* booked ones count as well */
    want = seats(&h, 8, 2);
    want.buyer_key[0] = 7;
    answers(tkt_reserve(h.f.store, &want, &second), TKT_OVER_LIMIT);
    want.unit_count = 1;
    ok(tkt_reserve(h.f.store, &want, &second));
    pass(&h.f, TKT_TTL_MS + 1000); /* an expired hold counts no more */
    want = seats(&h, 9, 1);
    want.buyer_key[0] = 7;
    ok(tkt_reserve(h.f.store, &want, &second));
    close_hall(&h);
}

Test(holds, windows_status_and_prices_decide_whether_a_sale_is_on)
{
    hall h;
    open_hall(&h);
    tkt_hold hold = new_hold();
    tkt_window window = { TEST_NOW_MS + 1000, TEST_NOW_MS + 2000 };
    ok(tkt_event_set_windows(h.f.store, h.event_id, &window, 1, 0));
    tkt_reserve_request want = seats(&h, 0, 1);
    answers(tkt_reserve(h.f.store, &want, &hold), TKT_NOT_ON_SALE);
    cr_assert_eq(cause_is(TKT_CAUSE_WINDOW_NOT_OPEN).earliest_ms, TEST_NOW_MS + 1000);
    pass(&h.f, 1000);
    ok(tkt_reserve(h.f.store, &want, &hold));
    pass(&h.f, 1000);
    want = seats(&h, 1, 1);
    answers(tkt_reserve(h.f.store, &want, &hold), TKT_NOT_ON_SALE);
    cause_is(TKT_CAUSE_WINDOW_CLOSED);
    ok(confirm(&h, &hold, 0, NULL)); /* a hold outlives the window */
    ok(tkt_event_set_windows(h.f.store, h.event_id, NULL, 0, 0));

    ok(tkt_event_set_price(h.f.store, h.event_id, TKT_SCOPE_AREA, h.area_id, 1000, "USD", 0));
    want = seats(&h, 1, 1);
    want.area_id = h.area_id;
    want.quantity = 1;
    answers(tkt_reserve(h.f.store, &want, &hold), TKT_NOT_ON_SALE); /* two currencies */
    want = places(&h, 3);
    ok(tkt_reserve(h.f.store, &want, &hold));
    cr_assert_eq(hold.total_minor, 3000);
    ok(tkt_event_set_price(h.f.store, h.event_id, TKT_SCOPE_AREA, h.area_id, 9000, "USD", 0));
    tkt_booking booking = new_booking();
    ok(confirm(&h, &hold, 0, &booking)); /* the price was locked */
    cr_assert_eq(booking.captured_minor, 3000);
    cr_assert_eq(h.bank.last.amount_minor, 3000);

    want = places(&h, 1);
    ok(tkt_event_set_status(h.f.store, h.event_id, TKT_EVENT_CANCELLED, 0));
    answers(tkt_reserve(h.f.store, &want, &hold), TKT_NOT_ON_SALE);
    cause_is(TKT_CAUSE_EVENT_STATUS);
    close_hall(&h);
}

Test(holds, selling_out_is_told_apart_from_all_held)
{
    hall h;
    open_hall(&h);
    tkt_hold hold = hold_places(&h, 60), none = new_hold();
    tkt_reserve_request want = places(&h, 50);
    answers(tkt_reserve(h.f.store, &want, &none), TKT_ALL_HELD);
    cr_assert_eq(cause_is(TKT_CAUSE_AREA_HELD).earliest_ms, hold.expires_ms);
    ok(confirm(&h, &hold, TKT_MONEY_TAKEN, NULL));
    answers(tkt_reserve(h.f.store, &want, &none), TKT_SOLD_OUT);
    tkt_cause cause = cause_is(TKT_CAUSE_AREA_SOLD);
    cr_assert(cause.id == h.area_id && cause.limit == 100 && cause.have == 60 && cause.asked == 50);
    hold = hold_seats(&h, 5, 1);
    ok(confirm(&h, &hold, TKT_MONEY_TAKEN, NULL));
    want = seats(&h, 4, 3);
    answers(tkt_reserve(h.f.store, &want, &none), TKT_SOLD_OUT);
    cause = cause_is(TKT_CAUSE_UNIT_BOOKED);
    cr_assert_eq(cause.unit, h.units[5]);
    close_hall(&h);
}

Test(holds, a_clock_that_jumps_ahead_and_is_set_right_again_keeps_order)
{
    hall h;
    open_hall(&h);
    hold_seats(&h, 0, 1);
    h.f.now_ms += INT64_C(86400000) * 400; /* the wall alone */
    h.f.monotonic_ms += 1;
    tkt_hold hold = new_hold();
    tkt_reserve_request want = seats(&h, 1, 1);
    int32_t status = tkt_reserve(h.f.store, &want, &hold);
    cr_assert(status == TKT_DONE || tkt_status_primary(status) == -TKT_E_CLOCK, "%s", tkt_status_name(status));
    h.f.now_ms = TEST_NOW_MS + 1;
    ok(tkt_clock_reset(h.f.store));
    ok(tkt_tick(h.f.store, 100, NULL));
    want = seats(&h, 2, 1);
    ok(tkt_reserve(h.f.store, &want, &hold));
    close_hall(&h);
}
