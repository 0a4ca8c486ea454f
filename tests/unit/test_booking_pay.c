/* SPDX-License-Identifier: MIT
 *
 * test_booking_pay.c: confirm with each way to pay, what a provider tells later, recovery, cancel, refund,
 * bookings and tickets. The whole table of news orders and states is tests/sim/payment_table.c.
 */
#include "booking_help.h"

#include "booking/booking.h"

#define ALL (HALL_SEATS + FLOOR_PLACES)

Test(pay, a_charge_gives_a_booking_with_tickets)
{
    hall h;
    open_hall(&h);
    tkt_hold hold = hold_seats(&h, 0, 3);
    tkt_booking booking = new_booking();
    tkt_confirm_request request = paying(&h, &hold, 0);
    request.details = T("card of the buyer");
    ok(tkt_confirm(h.f.store, &request, &booking));
    cr_assert_eq(h.bank.charges, 1);
    cr_assert_eq(h.bank.last.amount_minor, 3 * PRICE);
    cr_assert_eq(h.bank.last.booking_id, booking.id);
    cr_assert_eq(h.bank.last.intent_id, booking.intent_id);
    cr_assert_eq(booking.state, TKT_BOOKING_CONFIRMED);
    cr_assert_eq(booking.captured_minor, 3 * PRICE);
    cr_assert_eq(booking.ticket_count, 3);
    counts_are(&h, ALL - 3, 0, 3);

    uint8_t code[TKT_CODE_BYTES];
    for (uint32_t i = 0; i < 3; i++) {
        tkt_ticket ticket;
        uint64_t found = 0;
        tkt_ticket_init(&ticket);
        ok(tkt_ticket_view(look(&h.f), booking.first_ticket + i, &ticket));
        cr_assert_eq(ticket.unit, h.units[i]);
        cr_assert_eq(ticket.state, TKT_TICKET_ISSUED);
        cr_assert_eq(ticket.price_minor, PRICE);
        cr_assert_eq(ticket.generation, 1);
        cr_assert(i == 0 || memcmp(code, ticket.code, sizeof(code)) != 0);
        memcpy(code, ticket.code, sizeof(code));
        ok(tkt_ticket_find(look(&h.f), ticket.code, &found));
        cr_assert_eq(found, ticket.id);
    }
    tkt_hold seen = see_hold(&h, &hold);
    cr_assert_eq(seen.state, TKT_HOLD_CONSUMED);
    cr_assert_eq(seen.booking_id, booking.id);

    tkt_booking again = new_booking();
    answers(tkt_confirm(h.f.store, &request, &again), TKT_REPLAYED);
    cr_assert_eq(again.id, booking.id);
    cr_assert_eq(h.bank.charges, 1);
    request.details = T("another card");
    fresh_key(&h, request.key);
    answers(tkt_confirm(h.f.store, &request, &again), TKT_CONSUMED);
    cr_assert_eq(cause_is(TKT_CAUSE_HOLD_CONSUMED).id, booking.id);
    close_hall(&h);
}

Test(pay, what_costs_nothing_needs_no_provider)
{
    hall h;
    open_hall(&h);
    ok(tkt_event_set_price(h.f.store, h.event_id, TKT_SCOPE_AREA, h.area_id, 0, "EUR", 0));
    ok(tkt_store_set_payment(h.f.store, NULL));
    tkt_booking booking = new_booking();
    tkt_hold hold = hold_places(&h, 2);
    ok(confirm(&h, &hold, 0, &booking));
    cr_assert_eq(booking.intent_id, 0);
    cr_assert_eq(booking.ticket_count, 2);
    hold = hold_seats(&h, 0, 1);
    answers(confirm(&h, &hold, 0, &booking), -TKT_E_NO_PAYMENT);
    cr_assert_eq(see_hold(&h, &hold).state, TKT_HOLD_ACTIVE);
    ok(confirm(&h, &hold, TKT_MONEY_TAKEN, &booking));
    cr_assert_eq(see_intent(&h, booking.intent_id).external, 1);
    cr_assert_eq(see_intent(&h, booking.intent_id).state, TKT_INTENT_CAPTURED);
    close_hall(&h);
}

Test(pay, a_decline_gives_the_hold_back_with_time_to_try_again)
{
    hall h;
    open_hall(&h);
    tkt_hold hold = hold_seats(&h, 0, 2);
    tkt_booking booking = new_booking(), second = new_booking();
    h.bank.on_charge = TKT_PAY_DECLINED;
    pass(&h.f, hold.expires_ms - h.f.now_ms - 1000); /* a second before its end */
    answers(confirm(&h, &hold, 0, &booking), TKT_DECLINED);
    cr_assert_eq(cause_is(TKT_CAUSE_PAYMENT_DECLINED).id, booking.intent_id);
    cr_assert_eq(booking.state, TKT_BOOKING_FAILED);
    cr_assert_eq(booking.hold_expires_ms, h.f.now_ms + TKT_GRACE_MS);
    cr_assert_eq(see_hold(&h, &hold).state, TKT_HOLD_ACTIVE);
    h.bank.on_charge = TKT_PAY_APPROVED;
    pass(&h.f, TKT_GRACE_MS - 1);
    ok(confirm(&h, &hold, 0, &second));
    cr_assert_neq(second.id, booking.id);
    cr_assert_neq(second.intent_id, booking.intent_id);
    counts_are(&h, ALL - 2, 0, 2);
    close_hall(&h);
}

/* The grace after a decline goes past the hard cap, and so does what the hold is replaced by. */
Test(pay, who_was_declined_may_still_change_seats)
{
    hall h;
    open_hall(&h);
    tkt_reserve_request want = seats(&h, 0, 2);
    tkt_hold hold = new_hold(), other = new_hold();
    tkt_booking booking = new_booking();
    want.hard_cap_ms = want.ttl_ms = 60000;
    ok(tkt_reserve(h.f.store, &want, &hold));
    h.bank.on_charge = TKT_PAY_DECLINED;
    answers(confirm(&h, &hold, 0, &booking), TKT_DECLINED);
    pass(&h.f, 120000); /* past the cap */
    want = seats(&h, 5, 2);
    ok(tkt_replace(h.f.store, hold.token, &want, &other));
    cr_assert_eq(other.state, TKT_HOLD_ACTIVE);
    cr_assert_eq(other.expires_ms, booking.hold_expires_ms);
    h.bank.on_charge = TKT_PAY_APPROVED;
    ok(confirm(&h, &other, 0, NULL));
    counts_are(&h, ALL - 2, 0, 2);
    close_hall(&h);
}

Test(pay, pending_keeps_the_seats_until_the_news_come)
{
    hall h;
    open_hall(&h);
    tkt_hold hold = hold_seats(&h, 0, 2);
    tkt_booking booking = new_booking();
    h.bank.on_charge = TKT_PAY_PENDING;
    tkt_confirm_request request = paying(&h, &hold, 0);
    answers(tkt_confirm(h.f.store, &request, &booking), TKT_PENDING);
    cr_assert(booking.id != 0 && booking.intent_id != 0 && booking.ticket_count == 0);
    cr_assert_eq(booking.state, TKT_BOOKING_AWAITING);
    answers(release(&h, &hold), TKT_IN_PAYMENT);
    cr_assert_eq(cause_is(TKT_CAUSE_HOLD_PINNED).id, booking.intent_id);
    answers(extend(&h, &hold, 0), TKT_IN_PAYMENT);
    answers(confirm(&h, &hold, 0, NULL), TKT_IN_PAYMENT);
    answers(cancel(&h, booking.id, NULL), TKT_IN_PAYMENT);
    answers(refund(&h, booking.id, NULL), TKT_IN_PAYMENT);
    pass(&h.f, TKT_TTL_MS + 1000); /* past its own time: the pin holds it */
    cr_assert_eq(see_hold(&h, &hold).state, TKT_HOLD_PINNED);
    counts_are(&h, ALL - 2, 2, 0);

    h.bank.on_status = TKT_PAY_PENDING;
    answers(tkt_confirm(h.f.store, &request, &booking), TKT_PENDING); /* a replay asks, charges never */
    cr_assert_eq(h.bank.charges, 1);
    ok(tkt_resolve_payment(h.f.store, booking.intent_id, TKT_NEWS_APPROVED, &booking));
    cr_assert_eq(booking.ticket_count, 2);
    ok(tkt_resolve_payment(h.f.store, booking.intent_id, TKT_NEWS_APPROVED, &booking));
    answers(tkt_confirm(h.f.store, &request, &booking), TKT_REPLAYED);
    counts_are(&h, ALL - 2, 0, 2);
    answers(tkt_resolve_payment(h.f.store, 424242, TKT_NEWS_APPROVED, NULL), TKT_NOT_FOUND);
    answers(tkt_resolve_payment(h.f.store, booking.intent_id, 9, NULL), -TKT_E_INVALID);
    close_hall(&h);
}

Test(pay, money_that_comes_too_late_is_never_lost)
{
    hall h;
    open_hall(&h);
    tkt_hold hold = hold_seats(&h, 0, 1);
    tkt_booking booking = new_booking();
    h.bank.on_charge = TKT_PAY_PENDING;
    answers(confirm(&h, &hold, 0, &booking), TKT_PENDING);
    pass(&h.f, TKT_PIN_CAP_MS + TKT_TTL_MS); /* the pin is over: the seat is free */
    cr_assert_eq(seat_state(&h, 0), TKT_SEAT_AVAILABLE);
    hold_seats(&h, 0, 1); /* another has it */
    answers(tkt_resolve_payment(h.f.store, booking.intent_id, TKT_NEWS_APPROVED, &booking), TKT_REFUND_DUE);
    cr_assert_eq(cause_is(TKT_CAUSE_MONEY_HELD).id, booking.intent_id);
    cr_assert_eq(booking.state, TKT_BOOKING_REFUND_DUE);
    cr_assert_eq(booking.captured_minor, PRICE);
    uint64_t due[4];
    uint32_t count = 0;
    ok(tkt_money_list(look(&h.f), TKT_MONEY_HELD, 0, due, 4, &count));
    cr_assert(count == 1 && due[0] == booking.intent_id);
    ok(refund(&h, booking.id, &booking));
    cr_assert_eq(booking.refunded_minor, PRICE);
    cr_assert_eq(booking.state, TKT_BOOKING_FAILED);
    ok(tkt_money_list(look(&h.f), TKT_MONEY_HELD, 0, due, 4, &count));
    cr_assert_eq(count, 0);
    answers(refund(&h, booking.id, &booking), TKT_NOTHING_DUE);
    close_hall(&h);
}

Test(pay, recover_asks_and_settles_what_it_is_told)
{
    hall h;
    open_hall(&h);
    tkt_hold a = hold_seats(&h, 0, 1), b = hold_seats(&h, 1, 1);
    tkt_booking first = new_booking(), second = new_booking();
    uint64_t settled = 9, doubt = 9, list[4];
    uint32_t count = 0;
    ok(tkt_recover(h.f.store, &settled, &doubt));
    cr_assert(settled == 0 && doubt == 0);
    h.bank.on_charge = TKT_PAY_ERROR;
    answers(confirm(&h, &a, 0, &first), TKT_PENDING);
    h.bank.on_charge = 77; /* no code of ours: counts as an error */
    answers(confirm(&h, &b, 0, &second), TKT_PENDING);
    h.bank.on_status = TKT_PAY_ERROR;
    ok(tkt_recover(h.f.store, &settled, &doubt));
    cr_assert(settled == 0 && doubt == 2);
    ok(tkt_money_list(look(&h.f), TKT_MONEY_IN_DOUBT, first.intent_id, list, 4, &count));
    cr_assert(count == 1 && list[0] == second.intent_id);
    h.bank.on_status = TKT_PAY_UNKNOWN; /* it never saw them */
    ok(tkt_recover(h.f.store, &settled, &doubt));
    cr_assert(settled == 2 && doubt == 0);
    cr_assert_eq(see_booking(&h, first.id).state, TKT_BOOKING_FAILED);
    cr_assert_eq(see_hold(&h, &a).state, TKT_HOLD_ACTIVE);
    ok(tkt_store_set_payment(h.f.store, NULL));
    answers(tkt_recover(h.f.store, NULL, NULL), -TKT_E_NO_PAYMENT);
    close_hall(&h);
}

/* Where nothing tells that a call is under way, it may be taken for lost; that the money went is stronger, once. */
Test(pay, money_that_went_back_after_all_is_on_record)
{
    hall h;
    open_hall(&h);
    tkt_hold hold = hold_seats(&h, 0, 2);
    tkt_booking booking = new_booking();
    ok(confirm(&h, &hold, 0, &booking));
    h.bank.on_refund = TKT_PAY_DECLINED;
    answers(refund(&h, booking.id, &booking), TKT_REFUND_FAILED);
    ok(tkt__refund_settle(h.f.store, h.event_id, booking.intent_id, 1, TKT_PAY_APPROVED, &booking));
    cr_assert_eq(booking.refunded_minor, 2 * PRICE);
    ok(tkt__refund_settle(h.f.store, h.event_id, booking.intent_id, 1, TKT_PAY_APPROVED, &booking));
    cr_assert_eq(booking.refunded_minor, 2 * PRICE);
    cr_assert_eq(see_intent(&h, booking.intent_id).refunding_minor, 0);
    answers(refund(&h, booking.id, NULL), TKT_NOTHING_DUE);
    close_hall(&h);
}

/* Another call of the same key, and a recovery, while the first is at the provider, who has not got the order yet. */
typedef struct impatient {
    hall *h;
    tkt_confirm_request pay;
    tkt_booking_request back;
} impatient;

static void nothing_is_settled(hall *h)
{
    uint64_t settled = 9, doubt = 9;
    ok(tkt_recover(h->f.store, &settled, &doubt));
    cr_assert(settled == 0 && doubt == 1, "%llu settled, %llu in doubt", (unsigned long long)settled, (unsigned long long)doubt);
}

static void confirm_meanwhile(void *user)
{
    impatient *i = user;
    tkt_booking booking = new_booking();
    answers(tkt_confirm(i->h->f.store, &i->pay, &booking), TKT_PENDING);
    cr_assert_eq(booking.state, TKT_BOOKING_AWAITING);
    nothing_is_settled(i->h);
}

static void refund_meanwhile(void *user)
{
    impatient *i = user;
    answers(tkt_refund(i->h->f.store, &i->back, NULL), TKT_PENDING);
    nothing_is_settled(i->h);
}

Test(pay, who_asks_during_the_call_does_not_take_it_for_lost)
{
    hall h;
    open_hall(&h);
    tkt_hold hold = hold_seats(&h, 0, 2);
    tkt_booking booking = new_booking();
    impatient i = { .h = &h, .pay = paying(&h, &hold, 0) };
    h.bank.on_status = TKT_PAY_UNKNOWN;
    h.bank.meanwhile = confirm_meanwhile;
    h.bank.user = &i;
    ok(tkt_confirm(h.f.store, &i.pay, &booking));
    cr_assert_eq(booking.state, TKT_BOOKING_CONFIRMED);
    cr_assert_eq(h.bank.charges, 1);
    counts_are(&h, ALL - 2, 0, 2);

    i.back = on_booking(&h, booking.id);
    h.bank.meanwhile = refund_meanwhile;
    ok(tkt_refund(h.f.store, &i.back, &booking));
    cr_assert_eq(booking.refunded_minor, 2 * PRICE);
    answers(tkt_refund(h.f.store, &i.back, &booking), TKT_REPLAYED);
    answers(refund(&h, booking.id, NULL), TKT_NOTHING_DUE);
    cr_assert_eq(h.bank.refunds, 1);

    /* Once it is over, what the provider does not know did not happen. */
    tkt_hold other = hold_seats(&h, 4, 1);
    h.bank.on_charge = TKT_PAY_ERROR;
    i.pay = paying(&h, &other, 0);
    answers(tkt_confirm(h.f.store, &i.pay, &booking), TKT_PENDING);
    answers(tkt_confirm(h.f.store, &i.pay, &booking), TKT_DECLINED);
    close_hall(&h);
}

Test(pay, cancel_gives_places_back_and_refund_the_money)
{
    hall h;
    open_hall(&h);
    tkt_hold hold = hold_seats(&h, 0, 2);
    tkt_booking booking = new_booking();
    ok(confirm(&h, &hold, 0, &booking));
    tkt_booking_request request = on_booking(&h, booking.id);
    ok(tkt_cancel(h.f.store, &request, &booking));
    cr_assert_eq(booking.state, TKT_BOOKING_CANCELLED);
    counts_are(&h, ALL, 0, 0);
    tkt_ticket ticket;
    tkt_ticket_init(&ticket);
    ok(tkt_ticket_view(look(&h.f), booking.first_ticket, &ticket));
    cr_assert_eq(ticket.state, TKT_TICKET_VOID);
    answers(tkt_cancel(h.f.store, &request, &booking), TKT_REPLAYED);
    answers(cancel(&h, booking.id, NULL), TKT_CANCELLED);
    cause_is(TKT_CAUSE_BOOKING_CANCELLED);
    answers(tkt_resolve_payment(h.f.store, booking.intent_id, TKT_NEWS_APPROVED, &booking), TKT_CANCELLED);
    cr_assert_eq(booking.state, TKT_BOOKING_CANCELLED);

    h.bank.on_refund = TKT_PAY_DECLINED;
    answers(refund(&h, booking.id, &booking), TKT_REFUND_FAILED);
    cr_assert_eq(booking.refunded_minor, 0);
    h.bank.on_refund = TKT_PAY_ERROR;
    request = on_booking(&h, booking.id);
    answers(tkt_refund(h.f.store, &request, &booking), TKT_PENDING);
    cr_assert_eq(see_intent(&h, booking.intent_id).refunding_minor, 2 * PRICE);
    uint8_t asked[TKT_KEY_BYTES];
    memcpy(asked, h.bank.last.provider_key, sizeof(asked));
    answers(refund(&h, booking.id, &booking), TKT_IN_PAYMENT);
    h.bank.on_status = TKT_PAY_APPROVED;
    answers(tkt_refund(h.f.store, &request, &booking), TKT_REPLAYED);
    cr_assert_eq(booking.refunded_minor, 2 * PRICE);
    cr_assert_eq(h.bank.refunds, 2);
    cr_assert_eq(see_intent(&h, booking.intent_id).state, TKT_INTENT_REFUNDED);
    answers(cancel(&h, 424242, NULL), TKT_NOT_FOUND);
    answers(refund(&h, 424242, NULL), TKT_NOT_FOUND);
    close_hall(&h);
}

Test(pay, a_cancelled_event_pays_nobody_in)
{
    hall h;
    open_hall(&h);
    tkt_hold hold = hold_seats(&h, 0, 1);
    tkt_booking booking = new_booking();
    ok(tkt_event_set_status(h.f.store, h.event_id, TKT_EVENT_CANCELLED, 0));
    answers(confirm(&h, &hold, 0, &booking), TKT_NOT_ON_SALE);
    cr_assert_eq(h.bank.charges, 0);
    answers(confirm(&h, &hold, TKT_MONEY_TAKEN, &booking), TKT_REFUND_DUE);
    cr_assert_eq(booking.captured_minor, PRICE);
    cr_assert_eq(booking.ticket_count, 0);
    close_hall(&h);
}

static void call_the_event_off(void *user)
{
    hall *h = user;
    ok(tkt_event_set_status(h->f.store, h->event_id, TKT_EVENT_CANCELLED, 0));
}

Test(pay, an_event_cancelled_during_the_charge_leaves_nothing_in_flight)
{
    hall h;
    open_hall(&h);
    tkt_hold hold = hold_seats(&h, 0, 1);
    tkt_booking booking = new_booking();
    h.bank.meanwhile = call_the_event_off;
    h.bank.user = &h;
    answers(confirm(&h, &hold, 0, &booking), TKT_REFUND_DUE);
    cr_assert_eq(see_hold(&h, &hold).state, TKT_HOLD_ACTIVE); /* not pinned: it can be released */
    ok(release(&h, &hold));
    ok(refund(&h, booking.id, NULL));
    close_hall(&h);
}

Test(pay, bookings_are_listed_by_event_and_by_user)
{
    hall h;
    open_hall(&h);
    tkt_user user = TKT_USER_INIT;
    tkt_created made = TKT_CREATED_INIT;
    uint64_t ids[8], all[8];
    uint32_t count = 0;
    user.name = T("Ada");
    user.external = T("ada");
    ok(tkt_user_create(h.f.store, &user, NULL, 0, &made));
    for (uint32_t i = 0; i < 5; i++) {
        tkt_reserve_request want = seats(&h, i, 1);
        tkt_hold hold = new_hold();
        tkt_booking booking = new_booking();
        want.user_id = i % 2 == 0 ? made.id : 0;
        ok(tkt_reserve(h.f.store, &want, &hold));
        ok(confirm(&h, &hold, 0, &booking));
        all[i] = booking.id;
    }
    ok(tkt_booking_list(look(&h.f), TKT_BOOKINGS_OF_EVENT, h.event_id, 0, ids, 3, &count));
    cr_assert(count == 3 && memcmp(ids, all, sizeof(ids[0]) * 3) == 0);
    ok(tkt_booking_list(look(&h.f), TKT_BOOKINGS_OF_EVENT, h.event_id, ids[2], ids, 8, &count));
    cr_assert(count == 2 && ids[1] == all[4]);
    ok(tkt_booking_list(look(&h.f), TKT_BOOKINGS_OF_USER, made.id, 0, ids, 8, &count));
    cr_assert(count == 3 && ids[0] == all[0] && ids[1] == all[2] && ids[2] == all[4]);
    answers(tkt_booking_list(look(&h.f), 9, 1, 0, ids, 8, &count), -TKT_E_INVALID);
    ok(tkt_user_delete(h.f.store, made.id, NULL, 0)); /* the person goes, the ledger stands */
    ok(tkt_booking_list(look(&h.f), TKT_BOOKINGS_OF_USER, made.id, 0, ids, 8, &count));
    cr_assert_eq(count, 3);
    answers(tkt_event_delete(h.f.store, h.event_id, NULL, 0), TKT_IN_USE);
    close_hall(&h);
}

/* ---- what a callback does meanwhile ------------------------------------------------------------------- */

static void sell_another_seat(void *user)
{
    hall *h = user;
    tkt_booking booking = new_booking();
    tkt_hold hold = hold_seats(h, 9, 1);
    ok(confirm(h, &hold, TKT_MONEY_TAKEN, &booking));
}

Test(pay, a_callback_may_use_the_store)
{
    hall h;
    open_hall(&h);
    tkt_hold hold = hold_seats(&h, 0, 1);
    h.bank.meanwhile = sell_another_seat;
    h.bank.user = &h;
    ok(confirm(&h, &hold, 0, NULL));
    counts_are(&h, ALL - 2, 0, 2);
    close_hall(&h);
}

static void let_the_pin_pass(void *user)
{
    pass(&((hall *)user)->f, TKT_PAYMENT_WINDOW_MS + TKT_TTL_MS);
    hold_seats(user, 0, 1);
}

Test(pay, a_provider_slower_than_the_pin_leaves_money_on_record)
{
    hall h;
    open_hall(&h);
    tkt_hold hold = hold_seats(&h, 0, 1);
    tkt_booking booking = new_booking();
    h.bank.meanwhile = let_the_pin_pass;
    h.bank.user = &h;
    answers(confirm(&h, &hold, 0, &booking), TKT_REFUND_DUE);
    cr_assert_eq(booking.captured_minor, PRICE);
    close_hall(&h);
}

static void deliver_the_webhook(void *user)
{
    hall *h = user;
    ok(tkt_resolve_payment(h->f.store, h->bank.last.intent_id, TKT_NEWS_APPROVED, NULL));
}

Test(pay, news_may_overtake_the_answer)
{
    hall h;
    open_hall(&h);
    tkt_hold hold = hold_seats(&h, 0, 1);
    tkt_booking booking = new_booking();
    h.bank.meanwhile = deliver_the_webhook;
    h.bank.user = &h;
    h.bank.on_charge = TKT_PAY_ERROR; /* the answer was lost, the webhook was not */
    ok(confirm(&h, &hold, 0, &booking));
    cr_assert_eq(booking.ticket_count, 1);
    counts_are(&h, ALL - 1, 0, 1);
    close_hall(&h);
}

Test(pay, provider_keys_are_fixed_for_each_charge_and_refund)
{
    hall h;
    open_hall(&h);
    uint8_t charge[TKT_KEY_BYTES], refunds[TKT_KEY_BYTES];
    tkt_hold hold = hold_seats(&h, 0, 1);
    tkt_booking booking = new_booking();
    ok(confirm(&h, &hold, 0, &booking));
    memcpy(charge, h.bank.last.provider_key, sizeof(charge));
    h.bank.on_refund = TKT_PAY_DECLINED;
    answers(refund(&h, booking.id, NULL), TKT_REFUND_FAILED);
    cr_assert_eq(h.bank.last.refund_number, 1);
    memcpy(refunds, h.bank.last.provider_key, sizeof(refunds));
    cr_assert(memcmp(charge, refunds, sizeof(charge)) != 0);
    h.bank.on_refund = TKT_PAY_APPROVED;
    ok(refund(&h, booking.id, NULL));
    cr_assert_eq(h.bank.last.refund_number, 2);
    cr_assert(memcmp(h.bank.last.provider_key, refunds, sizeof(charge)) != 0);
    close_hall(&h);
}
