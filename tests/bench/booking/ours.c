/* SPDX-License-Identifier: MIT
 *
 * tests/bench/booking/ours.c: the booking benchmark's own side.
 *
 *   bench_booking_ours STORE make [plain]                          1,000 events of 20,000 seats; plain: no journal
 *   bench_booking_ours STORE hot|spread CLIENTS SECONDS FIRST [callback | batch N]
 *       callback: the money is taken by the payment callback (which approves at once), so three commits a booking
 *       batch N: each client reserves N bookings by one tkt_batch and confirms them by the next; the time of a
 *       call is then that of its batch
 */
#include <ticketing/ticketing.h>

#include "sale.h"

static uint64_t event_ids[SALE_EVENTS];
static bool by_callback;
static uint32_t batch_size;

static tkt_text text(const char *s)
{
    return (tkt_text){ s, strlen(s) };
}

static tkt_store *open_store(const char *path, bool create, bool journal)
{
    tkt_options *o;
    tkt_store *store;
    MUST(tkt_options_new(&o) == TKT_DONE && tkt_options_set_create(o, create) == TKT_DONE);
    MUST(tkt_options_set_journal(o, journal) == TKT_DONE);
    MUST(tkt_store_open(path, strlen(path), o, &store) == TKT_DONE);
    tkt_options_free(o);
    return store;
}

/* ---- the data --------------------------------------------------------------------------------------- */

static void put_hall(tkt_store *store, uint64_t *chart_id, uint32_t *version)
{
    tkt_chart *chart;
    char name[16];
    MUST(tkt_chart_new(&chart) == TKT_DONE && tkt_chart_add_section(chart, text("Hall")) == TKT_DONE);
    for (uint32_t i = 0; i < SALE_SEATS; i++) {
        snprintf(name, sizeof name, "%u", i / 100 + 1);
        if (i % 100 == 0)
            MUST(tkt_chart_add_row(chart, text(name)) == TKT_DONE);
        snprintf(name, sizeof name, "%u", i % 100 + 1);
        MUST(tkt_chart_add_seat(chart, text(name), (int32_t)(i % 100) * 1000, 0, 0) == TKT_DONE);
    }
    *chart_id = 0;
    MUST(tkt_chart_put(store, 0, chart, chart_id, version) == TKT_DONE);
    tkt_chart_free(chart);
}

static void make(const char *path, bool journal)
{
    tkt_store *store = open_store(path, true, journal);
    uint64_t chart_id;
    uint32_t version;
    char external[32];
    put_hall(store, &chart_id, &version);
    for (uint32_t i = 0; i < SALE_EVENTS; i++) {
        tkt_event event;
        tkt_created made = TKT_CREATED_INIT;
        tkt_event_init(&event);
        snprintf(external, sizeof external, "bench:%u", i);
        event.name = text("On sale");
        event.external_id = text(external);
        event.start_ms = INT64_C(1893456000000);
        MUST(tkt_event_create(store, &event, NULL, 0, &made) == TKT_DONE);
        MUST(tkt_event_set_chart(store, made.id, chart_id, version, 0) == TKT_DONE);
        MUST(tkt_event_set_price(store, made.id, TKT_SCOPE_EVENT, 0, 2500, "EUR", 0) == TKT_DONE);
    }
    tkt_store_close(store);
}

static void find_events(tkt_store *store, uint32_t *units)
{
    tkt_snapshot *snap;
    tkt_plan *plan;
    char external[32];
    MUST(tkt_snapshot_begin(store, &snap) == TKT_DONE);
    for (uint32_t i = 0; i < SALE_EVENTS; i++) {
        snprintf(external, sizeof external, "bench:%u", i);
        MUST(tkt_event_find(snap, text(external), &event_ids[i]) == TKT_DONE);
    }
    MUST(tkt_plan_load(snap, event_ids[0], &plan) == TKT_DONE && tkt_plan_seats(plan) == SALE_SEATS);
    for (uint32_t i = 0; i < SALE_SEATS; i++) {
        tkt_seat seat = { .size = sizeof seat };
        MUST(tkt_plan_seat(plan, i, &seat) == TKT_DONE);
        units[i] = seat.unit;
    }
    tkt_plan_free(plan);
    tkt_snapshot_end(snap);
}

/* ---- a client ------------------------------------------------------------------------------------------ */

static uint32_t units[SALE_SEATS];

static tkt_reserve_request wanted(const sale_job *job, uint32_t seats[2])
{
    tkt_reserve_request want;
    tkt_reserve_request_init(&want);
    seats[0] = units[job->seats[0]];
    seats[1] = units[job->seats[1]];
    want.event_id = event_ids[job->event];
    want.units = seats;
    want.unit_count = 2;
    memcpy(want.key, &job->number, sizeof job->number);
    want.key[15] = 1;
    return want;
}

static tkt_confirm_request paying(const sale_job *job, const tkt_hold *hold)
{
    tkt_confirm_request pay;
    tkt_confirm_request_init(&pay);
    memcpy(pay.token, hold->token, sizeof pay.token);
    memcpy(pay.key, &job->number, sizeof job->number);
    pay.key[15] = 1;
    pay.flags = by_callback ? 0 : TKT_MONEY_TAKEN;
    return pay;
}

static void book(sale_client *c, tkt_store *store, const sale_job *job)
{
    uint32_t seats[2];
    tkt_hold hold;
    tkt_booking booking;
    tkt_hold_init(&hold);
    tkt_booking_init(&booking);
    tkt_reserve_request want = wanted(job, seats);
    uint64_t start = bench_ns();
    MUST(tkt_reserve(store, &want, &hold) == TKT_DONE);
    sale_note(c, start);
    tkt_confirm_request pay = paying(job, &hold);
    start = bench_ns();
    MUST(tkt_confirm(store, &pay, &booking) == TKT_DONE);
    sale_note(c, start);
}

static void run_batch(sale_client *c, tkt_batch *batch, uint64_t start)
{
    MUST(tkt_batch_run(batch) == TKT_DONE);
    for (uint32_t i = 0; i < batch_size; i++) {
        MUST(tkt_batch_outcome(batch, i) == TKT_DONE);
        sale_note(c, start);
    }
    MUST(tkt_batch_clear(batch) == TKT_DONE);
}

static void book_together(sale_client *c, tkt_store *store)
{
    static _Thread_local sale_job job[TKT_BATCH_MAX];
    static _Thread_local tkt_hold hold[TKT_BATCH_MAX];
    static _Thread_local tkt_booking booking[TKT_BATCH_MAX];
    tkt_batch *batch;
    uint32_t seats[2];
    MUST(tkt_batch_new(store, &batch) == TKT_DONE);
    while (!atomic_load_explicit(&c->sale->stop, memory_order_relaxed)) {
        uint64_t start = bench_ns();
        for (uint32_t i = 0; i < batch_size; i++) {
            job[i] = sale_take(c->sale);
            tkt_hold_init(&hold[i]);
            tkt_booking_init(&booking[i]);
            tkt_reserve_request want = wanted(&job[i], seats);
            MUST(tkt_batch_reserve(batch, &want, &hold[i]) == TKT_DONE);
        }
        run_batch(c, batch, start);
        start = bench_ns();
        for (uint32_t i = 0; i < batch_size; i++) {
            tkt_confirm_request pay = paying(&job[i], &hold[i]);
            MUST(tkt_batch_confirm(batch, &pay, &booking[i]) == TKT_DONE);
        }
        run_batch(c, batch, start);
    }
    tkt_batch_free(batch);
}

static void *client(void *arg)
{
    sale_client *c = arg;
    if (batch_size != 0)
        book_together(c, c->engine);
    while (!atomic_load_explicit(&c->sale->stop, memory_order_relaxed)) {
        sale_job job = sale_take(c->sale);
        book(c, c->engine, &job);
    }
    return NULL;
}

static int32_t approve(void *user, const tkt_charge *charge)
{
    (void)user;
    (void)charge;
    return TKT_PAY_APPROVED;
}

int main(int argc, char **argv)
{
    sale s;
    tkt_payment payment = TKT_PAYMENT_INIT;
    if (argc >= 3 && strcmp(argv[2], "make") == 0)
        return make(argv[1], argc < 4 || strcmp(argv[3], "plain") != 0), 0;
    if (!sale_args(&s, argc, argv)) {
        fprintf(stderr, "bench_booking_ours STORE make [plain] | STORE hot|spread CLIENTS SECONDS FIRST [callback]\n");
        return 2;
    }
    tkt_store *store = open_store(argv[1], false, true);
    payment.charge = payment.status = payment.refund = approve;
    by_callback = argc > 6 && strcmp(argv[6], "callback") == 0;
    batch_size = argc > 7 && strcmp(argv[6], "batch") == 0 ? (uint32_t)atoi(argv[7]) : 0;
    MUST(batch_size <= TKT_BATCH_MAX);
    MUST(tkt_store_set_payment(store, &payment) == TKT_DONE);
    find_events(store, units);
    sale_run(&s, store, client, sale_bytes_written);
    tkt_store_close(store);
    return 0;
}
