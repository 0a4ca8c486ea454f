/* SPDX-License-Identifier: MIT
 *
 * tests/unit/booking_help.h: an event with a small hall and a floor, a payment provider that does what
 * the test says, and short ways to reserve and confirm.
 *
 * Hall: section "Hall", rows 1 and 2, seats 1…10 each; area "Floor" of 100 places; all at 25.00 EUR.
 */
#ifndef TKT_TEST_BOOKING_HELP_H
#define TKT_TEST_BOOKING_HELP_H

#include "catalog_help.h"

#include <ticketing/booking.h>

#define HALL_ROWS 2
#define ROW_SEATS 10
#define HALL_SEATS (HALL_ROWS * ROW_SEATS)
#define FLOOR_PLACES 100
#define PRICE INT64_C(2500)

typedef struct provider {
    int32_t on_charge, on_status, on_refund; /* what it answers */
    uint32_t charges, asks, refunds;         /* how often it was called */
    tkt_charge last;
    void (*meanwhile)(void *user); /* runs inside charge and refund, before they answer */
    void *user;
} provider;

typedef struct hall {
    fixture f;
    provider bank;
    uint64_t event_id;
    uint32_t area_id;
    uint32_t units[HALL_SEATS];
    uint32_t next_key; /* so that each call has a key of its own */
} hall;

static inline int32_t bank_do(provider *bank, const tkt_charge *charge, int32_t answer)
{
    bank->last = *charge;
    if (bank->meanwhile != NULL) {
        void (*meanwhile)(void *user) = bank->meanwhile;
        bank->meanwhile = NULL;
        meanwhile(bank->user);
    }
    return answer;
}

static inline int32_t bank_charge(void *user, const tkt_charge *charge)
{
    provider *bank = user;
    bank->charges++;
    return bank_do(bank, charge, bank->on_charge);
}

static inline int32_t bank_status(void *user, const tkt_charge *charge)
{
    provider *bank = user;
    (void)charge;
    bank->asks++;
    return bank->on_status;
}

static inline int32_t bank_refund(void *user, const tkt_charge *charge)
{
    provider *bank = user;
    bank->refunds++;
    return bank_do(bank, charge, bank->on_refund);
}

static inline void set_bank(hall *h)
{
    tkt_payment table = TKT_PAYMENT_INIT;
    table.user = &h->bank;
    table.charge = bank_charge;
    table.status = bank_status;
    table.refund = bank_refund;
    ok(tkt_store_set_payment(h->f.store, &table));
}

static inline void put_hall(hall *h)
{
    tkt_chart *chart;
    tkt_plan *plan;
    uint64_t chart_id = 0;
    uint32_t version;
    char label[16];
    ok(tkt_chart_new(&chart));
    ok(tkt_chart_add_section(chart, T("Hall")));
    for (uint32_t i = 0; i < HALL_SEATS; i++) {
        snprintf(label, sizeof(label), "%u", i / ROW_SEATS + 1);
        if (i % ROW_SEATS == 0)
            ok(tkt_chart_add_row(chart, T(label)));
        snprintf(label, sizeof(label), "%u", i % ROW_SEATS + 1);
        ok(tkt_chart_add_seat(chart, T(label), (int32_t)(i % ROW_SEATS) * 500, 0, 0));
    }
    ok(tkt_chart_put(h->f.store, 0, chart, &chart_id, &version));
    ok(tkt_event_set_chart(h->f.store, h->event_id, chart_id, version, 0));
    tkt_chart_free(chart);
    ok(tkt_plan_load(look(&h->f), h->event_id, &plan));
    for (uint32_t i = 0; i < HALL_SEATS; i++) {
        tkt_seat seat = { .size = sizeof(seat) };
        ok(tkt_plan_seat(plan, i, &seat));
        h->units[i] = seat.unit;
    }
    tkt_plan_free(plan);
}

static inline void open_hall(hall *h)
{
    memset(h, 0, sizeof(*h));
    setup(&h->f);
    h->bank.on_charge = h->bank.on_status = h->bank.on_refund = TKT_PAY_APPROVED;
    set_bank(h);
    tkt_event event = plain_event("test:hall", TEST_NOW_MS + INT64_C(86400000) * 30);
    h->event_id = new_event(&h->f, &event);
    put_hall(h);
    ok(tkt_event_set_area(h->f.store, h->event_id, T("Floor"), FLOOR_PLACES, 0, &h->area_id));
    ok(tkt_event_set_price(h->f.store, h->event_id, TKT_SCOPE_EVENT, 0, PRICE, "EUR", 0));
}

static inline void close_hall(hall *h)
{
    check_clean(&h->f);
    teardown(&h->f);
}

/* ---- requests ----------------------------------------------------------------------------------------- */

static inline void fresh_key(hall *h, uint8_t key[TKT_KEY_BYTES])
{
    memset(key, 0, TKT_KEY_BYTES);
    key[0] = 1;
    memcpy(key + 1, &(uint32_t){ ++h->next_key }, 4);
}

/* Seats first … first + count − 1 of the hall. */
static inline tkt_reserve_request seats(hall *h, uint32_t first, uint32_t count)
{
    tkt_reserve_request request;
    tkt_reserve_request_init(&request);
    request.event_id = h->event_id;
    request.units = h->units + first;
    request.unit_count = count;
    fresh_key(h, request.key);
    return request;
}

static inline tkt_reserve_request places(hall *h, uint32_t quantity)
{
    tkt_reserve_request request = seats(h, 0, 0);
    request.units = NULL;
    request.area_id = h->area_id;
    request.quantity = quantity;
    return request;
}

static inline tkt_hold new_hold(void)
{
    tkt_hold hold;
    tkt_hold_init(&hold);
    return hold;
}

static inline tkt_booking new_booking(void)
{
    tkt_booking booking;
    tkt_booking_init(&booking);
    return booking;
}

static inline tkt_hold hold_seats(hall *h, uint32_t first, uint32_t count)
{
    tkt_reserve_request request = seats(h, first, count);
    tkt_hold hold = new_hold();
    ok(tkt_reserve(h->f.store, &request, &hold));
    return hold;
}

static inline tkt_hold hold_places(hall *h, uint32_t quantity)
{
    tkt_reserve_request request = places(h, quantity);
    tkt_hold hold = new_hold();
    ok(tkt_reserve(h->f.store, &request, &hold));
    return hold;
}

static inline tkt_hold_request on_hold(hall *h, const tkt_hold *hold, int64_t ttl_ms)
{
    tkt_hold_request request;
    tkt_hold_request_init(&request);
    memcpy(request.token, hold->token, TKT_TOKEN_BYTES);
    request.ttl_ms = ttl_ms;
    fresh_key(h, request.key);
    return request;
}

static inline int32_t release(hall *h, const tkt_hold *hold)
{
    tkt_hold_request request = on_hold(h, hold, 0);
    return tkt_release(h->f.store, &request, NULL);
}

static inline int32_t extend(hall *h, tkt_hold *hold, int64_t ttl_ms)
{
    tkt_hold_request request = on_hold(h, hold, ttl_ms);
    return tkt_extend(h->f.store, &request, hold);
}

static inline tkt_confirm_request paying(hall *h, const tkt_hold *hold, uint32_t flags)
{
    tkt_confirm_request request;
    tkt_confirm_request_init(&request);
    memcpy(request.token, hold->token, TKT_TOKEN_BYTES);
    request.flags = flags;
    fresh_key(h, request.key);
    return request;
}

static inline int32_t confirm(hall *h, const tkt_hold *hold, uint32_t flags, tkt_booking *booking)
{
    tkt_confirm_request request = paying(h, hold, flags);
    return tkt_confirm(h->f.store, &request, booking);
}

static inline tkt_booking_request on_booking(hall *h, uint64_t booking_id)
{
    tkt_booking_request request;
    tkt_booking_request_init(&request);
    request.booking_id = booking_id;
    fresh_key(h, request.key);
    return request;
}

static inline int32_t cancel(hall *h, uint64_t booking_id, tkt_booking *booking)
{
    tkt_booking_request request = on_booking(h, booking_id);
    return tkt_cancel(h->f.store, &request, booking);
}

static inline int32_t refund(hall *h, uint64_t booking_id, tkt_booking *booking)
{
    tkt_booking_request request = on_booking(h, booking_id);
    return tkt_refund(h->f.store, &request, booking);
}

/* ---- what is there ------------------------------------------------------------------------------------- */

static inline uint8_t seat_state(hall *h, uint32_t index)
{
    uint8_t map[256];
    size_t needed = 0;
    ok(tkt_seatmap_copy(look(&h->f), h->event_id, map, sizeof(map), &needed));
    return map[h->units[index] - 64];
}

static inline tkt_counts counts(hall *h)
{
    tkt_counts c = TKT_COUNTS_INIT;
    ok(tkt_counts_view(look(&h->f), h->event_id, &c));
    return c;
}

#define counts_are(h, free_, held_, sold_)                                                        \
    do {                                                                                          \
        tkt_counts c_ = counts(h);                                                                \
        cr_assert_eq(c_.available, (uint64_t)(free_), "available %u", (unsigned)c_.available);    \
        cr_assert_eq(c_.reserved, (uint64_t)(held_), "reserved %u", (unsigned)c_.reserved);       \
        cr_assert_eq(c_.booked, (uint64_t)(sold_), "booked %u", (unsigned)c_.booked);             \
    } while (0)

static inline tkt_hold see_hold(hall *h, const tkt_hold *hold)
{
    tkt_hold seen = new_hold();
    ok(tkt_hold_view(look(&h->f), hold->token, &seen));
    return seen;
}

static inline tkt_booking see_booking(hall *h, uint64_t id)
{
    tkt_booking seen = new_booking();
    ok(tkt_booking_view(look(&h->f), id, &seen));
    return seen;
}

static inline tkt_intent see_intent(hall *h, uint64_t id)
{
    tkt_intent seen;
    tkt_intent_init(&seen);
    ok(tkt_intent_view(look(&h->f), id, &seen));
    return seen;
}

/* The first cause of the last refusal is of this kind; returned for a closer look. */
static inline tkt_cause cause_is(uint32_t kind)
{
    tkt_cause cause = { .size = sizeof(cause) };
    ok(tkt_error_cause(0, &cause));
    cr_assert_eq(cause.kind, kind, "%s: %s", tkt_cause_name(cause.kind), tkt_error_text());
    return cause;
}

#endif
