/* SPDX-License-Identifier: MIT
 *
 * tests/crash/faults_world.c: a store with an event, some holds and two bookings, and short ways to make requests.
 */
#include "faults.h"

char base[128], dir[192], file[256];
tkt_store *store;
uint64_t event_id, empty_id, hall_id, band_id, user_id, intent_id, booked[2];
uint32_t area_id;
tkt_hold held[4];

static int32_t approve(void *user, const tkt_charge *charge)
{
    (void)user;
    (void)charge;
    return TKT_PAY_APPROVED;
}

tkt_text text(const char *s)
{
    return (tkt_text){ s, strlen(s) };
}

tkt_options *options_of(void)
{
    tkt_options *o;
    tkt_hooks hooks = TKT_HOOKS_INIT;
    int was = fault;
    fault = NO_FAULT; /* options are the C library's memory */
    hooks.allocate = allocate;
    MUST(tkt_options_new(&o) == TKT_DONE && tkt_options_set_create(o, 1) == TKT_DONE);
    MUST(tkt_options_set_hooks(o, &hooks) == TKT_DONE && tkt_options_set_map_bytes(o, 1 << 26) == TKT_DONE);
    fault = was;
    return o;
}

int32_t open_at(const char *path)
{
    tkt_payment table = TKT_PAYMENT_INIT;
    tkt_options *o = options_of();
    int32_t status = tkt_store_open(path, strlen(path), o, &store);
    tkt_options_free(o);
    table.charge = table.status = table.refund = approve;
    if (status != TKT_DONE)
        store = NULL;
    else if (fault == NO_FAULT)
        MUST(tkt_store_set_payment(store, &table) == TKT_DONE);
    return status;
}

void close_it(void)
{
    tkt_store_close(store);
    store = NULL;
}

void key_of(uint8_t key[TKT_KEY_BYTES], uint8_t n)
{
    memset(key, n, TKT_KEY_BYTES);
}

tkt_reserve_request places(uint32_t n, uint8_t key)
{
    tkt_reserve_request want;
    tkt_reserve_request_init(&want);
    want.event_id = event_id;
    want.area_id = area_id;
    want.quantity = n;
    key_of(want.key, key);
    return want;
}

tkt_confirm_request paying(int which, uint32_t flags, uint8_t key)
{
    tkt_confirm_request pay;
    tkt_confirm_request_init(&pay);
    memcpy(pay.token, held[which].token, sizeof pay.token);
    pay.flags = flags;
    key_of(pay.key, key);
    return pay;
}

tkt_hold_request on_hold(int which, uint8_t key)
{
    tkt_hold_request r;
    tkt_hold_request_init(&r);
    memcpy(r.token, held[which].token, sizeof r.token);
    r.ttl_ms = 1200000;
    key_of(r.key, key);
    return r;
}

tkt_booking_request on_booking(int which, uint8_t key)
{
    tkt_booking_request r;
    tkt_booking_request_init(&r);
    r.booking_id = booked[which];
    key_of(r.key, key);
    return r;
}

tkt_event concert(const char *external)
{
    tkt_event event;
    tkt_event_init(&event);
    event.name = text("A concert with some words in its name");
    event.external_id = text(external);
    event.start_ms = INT64_C(1893456000000);
    return event;
}

static void make_seats(void)
{
    tkt_chart *chart;
    uint64_t id = 0;
    uint32_t version;
    MUST(tkt_chart_new(&chart) == TKT_DONE && tkt_chart_add_section(chart, text("Hall")) == TKT_DONE);
    MUST(tkt_chart_add_row(chart, text("1")) == TKT_DONE && tkt_chart_add_seat(chart, text("1"), 0, 0, 0) == TKT_DONE);
    MUST(tkt_chart_add_seat(chart, text("2"), 500, 0, 0) == TKT_DONE);
    MUST(tkt_chart_put(store, 0, chart, &id, &version) == TKT_DONE);
    MUST(tkt_event_set_chart(store, event_id, id, version, 0) == TKT_DONE);
    tkt_chart_free(chart);
}

static void make_people(void)
{
    tkt_created made = TKT_CREATED_INIT;
    tkt_performer band;
    tkt_user user;
    tkt_performer_init(&band);
    band.name = text("An old band");
    MUST(tkt_performer_create(store, &band, NULL, 0, &made) == TKT_DONE);
    band_id = made.id;
    tkt_user_init(&user);
    user.name = text("An old friend");
    user.external = text("faults:user");
    MUST(tkt_user_create(store, &user, NULL, 0, &made) == TKT_DONE);
    user_id = made.id;
}

void make_base(void)
{
    tkt_event event = concert("faults:1");
    tkt_created made = TKT_CREATED_INIT;
    MUST(open_at(base) == TKT_DONE);
    MUST(tkt_event_create(store, &event, NULL, 0, &made) == TKT_DONE);
    event_id = made.id;
    MUST(tkt_event_set_area(store, event_id, text("Floor"), 1000, 0, &area_id) == TKT_DONE);
    MUST(tkt_event_set_price(store, event_id, TKT_SCOPE_EVENT, 0, 2500, "EUR", 0) == TKT_DONE);
    event = concert("faults:empty");
    event.name = text("An evening without places");
    MUST(tkt_event_create(store, &event, NULL, 0, &made) == TKT_DONE);
    empty_id = made.id;
    tkt_venue hall;
    tkt_venue_init(&hall);
    hall.name = text("The old hall");
    MUST(tkt_venue_create(store, &hall, NULL, 0, &made) == TKT_DONE);
    hall_id = made.id;
    make_seats();
    make_people();
    for (int i = 0; i < 4; i++) {
        tkt_reserve_request want = places(2, (uint8_t)(100 + i));
        tkt_hold_init(&held[i]);
        MUST(tkt_reserve(store, &want, &held[i]) == TKT_DONE);
    }
    for (int i = 0; i < 2; i++) {
        tkt_reserve_request want = places(1, (uint8_t)(110 + i));
        tkt_hold hold = held[0];
        tkt_booking booking;
        tkt_booking_init(&booking);
        tkt_hold_init(&held[0]);
        MUST(tkt_reserve(store, &want, &held[0]) == TKT_DONE);
        tkt_confirm_request pay = paying(0, 0, (uint8_t)(120 + i));
        MUST(tkt_confirm(store, &pay, &booking) == TKT_DONE);
        booked[i] = booking.id;
        intent_id = booking.intent_id;
        held[0] = hold;
    }
    close_it();
}
