/* SPDX-License-Identifier: MIT
 *
 * tests/soak/worker.c: one process that sells: two threads over one open store. Each call is noted before it is made
 * and after it came back. A process that was started in the place of a killed one first makes the call again that
 * its log says was asked and not answered, with the same key: so it must have been done once, or be done now.
 */
#include "soak.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/random.h>
#include <time.h>

#define PAUSE_US 2000 /* of who was told that the store is full */
#define KEPT 32 /* holds and bookings that a thread remembers */

typedef struct seller {
    const soak *s;
    tkt_store *store;
    int log;
    uint32_t seed, number;
    uint32_t holds_n, bookings_n;
    note holds[KEPT], bookings[KEPT];
} seller;

int64_t soak_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t wall_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void soak_append(int log, const note *n)
{
    MUST(write(log, n, sizeof *n) == (ssize_t)sizeof *n);
}

static uint32_t draw(seller *w, uint32_t below)
{
    w->seed = w->seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)w->seed * below >> 32);
}

/* ---- the bank: its answer hangs on the provider's key alone, so that it is the same after a crash -------- */

static int32_t bank_charge(void *user, const tkt_charge *charge)
{
    (void)user;
    return charge->provider_key[0] % 4 == 0 ? TKT_PAY_DECLINED : TKT_PAY_APPROVED;
}

tkt_store *soak_open(const soak *s)
{
    tkt_options *o;
    tkt_store *store = NULL;
    tkt_payment bank = TKT_PAYMENT_INIT;
    MUST(tkt_options_new(&o) == TKT_DONE && tkt_options_set_create(o, 1) == TKT_DONE);
    MUST(tkt_options_set_map_bytes(o, atomic_load(&s->shared->map_bytes)) == TKT_DONE);
    MUST(tkt_store_open(s->store, strlen(s->store), o, &store) == TKT_DONE);
    tkt_options_free(o);
    bank.charge = bank.status = bank.refund = bank_charge;
    MUST(tkt_store_set_payment(store, &bank) == TKT_DONE);
    return store;
}

/* ---- the calls ------------------------------------------------------------------------------------------------ */

static const soak_event *event_of(const soak *s, uint64_t id)
{
    for (uint32_t i = 0; i < SOAK_EVENTS; i++)
        if (s->shared->events[i].id == id)
            return &s->shared->events[i];
    MUST(!"an event of this round");
    return NULL;
}

static void hold_told(const tkt_hold *hold, note *n)
{
    memcpy(n->token, hold->token, sizeof n->token);
    n->claim = hold->claim;
    n->expires_ms = hold->expires_ms;
}

static int32_t do_reserve(seller *w, note *n)
{
    tkt_reserve_request r;
    tkt_hold hold;
    tkt_reserve_request_init(&r);
    tkt_hold_init(&hold);
    r.event_id = n->event;
    r.units = n->unit_count != 0 ? n->units : NULL;
    r.unit_count = n->unit_count;
    r.area_id = n->quantity != 0 ? event_of(w->s, n->event)->area_id : 0;
    r.quantity = n->quantity;
    r.ttl_ms = SOAK_TTL_MS;
    memcpy(r.key, n->key, sizeof r.key);
    int32_t status = tkt_reserve(w->store, &r, &hold);
    if (TKT_IS_EFFECT(status))
        hold_told(&hold, n);
    return status;
}

static int32_t do_hold(seller *w, note *n)
{
    tkt_hold_request r;
    tkt_hold hold;
    tkt_hold_request_init(&r);
    tkt_hold_init(&hold);
    memcpy(r.token, n->token, sizeof r.token);
    memcpy(r.key, n->key, sizeof r.key);
    r.ttl_ms = SOAK_TTL_MS;
    int32_t status = n->op == OP_RELEASE ? tkt_release(w->store, &r, &hold) : tkt_extend(w->store, &r, &hold);
    if (TKT_IS_EFFECT(status))
        hold_told(&hold, n);
    return status;
}

static int32_t do_confirm(seller *w, note *n)
{
    tkt_confirm_request r;
    tkt_booking booking;
    tkt_confirm_request_init(&r);
    tkt_booking_init(&booking);
    memcpy(r.token, n->token, sizeof r.token);
    memcpy(r.key, n->key, sizeof r.key);
    r.flags = n->charge ? 0 : TKT_MONEY_TAKEN;
    int32_t status = tkt_confirm(w->store, &r, &booking);
    n->booking = booking.id;
    n->claim = booking.claim;
    return status;
}

static int32_t do_cancel(seller *w, note *n)
{
    tkt_booking_request r;
    tkt_booking_request_init(&r);
    r.booking_id = n->booking;
    memcpy(r.key, n->key, sizeof r.key);
    return tkt_cancel(w->store, &r, NULL);
}

static bool is_full(int32_t status)
{
    return tkt_status_primary(status) == TKT_E_FULL;
}

/* What no run of this may answer ends the soak at once. */
static void accept(const note *asked, int32_t status)
{
    bool takes = asked->op == OP_RESERVE || asked->op == OP_EXTEND || (asked->op == OP_CONFIRM && asked->charge);
    bool fine = TKT_IS_EFFECT(status) || TKT_IS_REFUSAL(status) || (takes && is_full(status));
    if (!fine) {
        fprintf(stderr, "call %u answers %s: %s\n", asked->op, tkt_status_name(status), tkt_error_text());
        _exit(1);
    }
}

/* The call as noted, its answer noted. */
static int32_t make(seller *w, const note *asked, note *told)
{
    soak_shared *shared = w->s->shared;
    int64_t from = soak_ns();
    *told = *asked;
    told->what = NOTE_TOLD;
    told->status = asked->op == OP_RESERVE   ? do_reserve(w, told)
                   : asked->op == OP_CONFIRM ? do_confirm(w, told)
                   : asked->op == OP_CANCEL  ? do_cancel(w, told)
                                             : do_hold(w, told);
    accept(asked, told->status);
    told->at_ns = soak_ns();
    told->wall_ms = wall_ms();
    soak_append(w->log, told);
    atomic_fetch_add(&shared->calls, 1);
    if (is_full(told->status)) {
        atomic_fetch_add(&shared->full, 1);
        usleep(PAUSE_US);
    } else if (TKT_IS_REFUSAL(told->status))
        atomic_fetch_add(&shared->refusals, 1);
    else {
        atomic_fetch_add(&shared->changes, 1);
        soak_latency_add(shared, from, told->at_ns);
    }
    return told->status;
}

static int32_t ask(seller *w, note *asked, note *told)
{
    asked->what = NOTE_ASKED;
    asked->number = ++w->number;
    MUST(getrandom(asked->key, sizeof asked->key, 0) == (ssize_t)sizeof asked->key);
    asked->at_ns = soak_ns();
    asked->wall_ms = wall_ms();
    soak_append(w->log, asked);
    return make(w, asked, told);
}

/* ---- what they are made with ------------------------------------------------------------------------------------ */

static void keep(seller *w, note *of, uint32_t *n, const note *told)
{
    of[*n < KEPT ? (*n)++ : draw(w, KEPT)] = *told;
}

static bool take(seller *w, note *of, uint32_t *n, note *out)
{
    if (*n == 0)
        return false;
    uint32_t i = draw(w, *n);
    *out = of[i];
    of[i] = of[--*n];
    return true;
}

/* Half of all ask for one of the first seats: there they meet. */
static void reserve(seller *w, bool places)
{
    note asked = { .op = OP_RESERVE }, told;
    const soak_event *event = &w->s->shared->events[draw(w, SOAK_EVENTS)];
    uint32_t first = draw(w, draw(w, 2) ? SOAK_ROW_SEATS : SOAK_SEATS - SOAK_UNITS);
    asked.event = event->id;
    if (places)
        asked.quantity = 1 + draw(w, 4);
    else
        asked.unit_count = 1 + draw(w, SOAK_UNITS);
    for (uint32_t i = 0; i < asked.unit_count; i++)
        asked.units[i] = event->units[first + i];
    if (ask(w, &asked, &told) == TKT_DONE)
        keep(w, w->holds, &w->holds_n, &told);
}

static void with_hold(seller *w, uint8_t op, bool charge)
{
    note hold, told;
    if (!take(w, w->holds, &w->holds_n, &hold))
        return;
    note asked = { .op = op, .charge = charge, .event = hold.event, .claim = hold.claim, .expires_ms = hold.expires_ms };
    memcpy(asked.token, hold.token, sizeof asked.token);
    int32_t status = ask(w, &asked, &told);
    if (op == OP_EXTEND && (status == TKT_DONE || is_full(status)))
        keep(w, w->holds, &w->holds_n, status == TKT_DONE ? &told : &hold);
    if (op == OP_CONFIRM && status == TKT_DONE)
        keep(w, w->bookings, &w->bookings_n, &told);
}

static void cancel(seller *w)
{
    note booking, told;
    if (!take(w, w->bookings, &w->bookings_n, &booking))
        return;
    note asked = { .op = OP_CANCEL, .event = booking.event, .booking = booking.booking };
    (void)ask(w, &asked, &told);
}

static void read_all(seller *w)
{
    tkt_snapshot *snap;
    int64_t from = soak_ns();
    MUST(tkt_snapshot_begin(w->store, &snap) == TKT_DONE);
    soak_read(w->s, snap, w->log, from, soak_ns(), false);
    tkt_snapshot_end(snap);
}

static void one(seller *w)
{
    uint32_t what = draw(w, 100), done;
    if (what < 45)
        reserve(w, what < 10);
    else if (what < 65)
        with_hold(w, OP_CONFIRM, what < 50);
    else if (what < 75)
        with_hold(w, OP_RELEASE, false);
    else if (what < 80)
        with_hold(w, OP_EXTEND, false);
    else if (what < 93)
        cancel(w);
    else if (what < 98)
        read_all(w);
    else {
        int32_t status = tkt_tick(w->store, 16, &done);
        MUST(status == TKT_DONE || is_full(status)); /* what it tends besides may want room */
    }
}

/* ---- after a kill --------------------------------------------------------------------------------------------------- */

/* The last call of the log, where nothing says how it ended. A note cut short was never written. */
static bool unanswered(seller *w, note *asked)
{
    off_t end = lseek(w->log, 0, SEEK_END);
    bool open = false;
    note n;
    MUST(end >= 0 && ftruncate(w->log, end - end % (off_t)sizeof n) == 0);
    for (off_t at = end / (off_t)sizeof n * (off_t)sizeof n; at > 0 && !open;) {
        at -= (off_t)sizeof n;
        MUST(pread(w->log, &n, sizeof n, at) == (ssize_t)sizeof n);
        if (n.what == NOTE_TOLD) {
            w->number = n.number;
            return false;
        }
        open = n.what == NOTE_ASKED;
    }
    *asked = n;
    w->number = open ? n.number : 0;
    return open;
}

static void *sell(void *arg)
{
    seller *w = arg;
    note asked, told;
    if (unanswered(w, &asked))
        (void)make(w, &asked, &told);
    while (!atomic_load(&w->s->shared->stop))
        one(w);
    close(w->log);
    return NULL;
}

void soak_work(const soak *s, uint32_t process, uint32_t seed)
{
    static seller sellers[SOAK_THREADS];
    pthread_t ids[SOAK_THREADS];
    tkt_store *store = soak_open(s);
    for (uint32_t i = 0; i < SOAK_THREADS; i++) {
        int log = open(s->log[process * SOAK_THREADS + i], O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        MUST(log >= 0);
        sellers[i] = (seller){ .s = s, .store = store, .log = log, .seed = seed * SOAK_THREADS + i };
        MUST(pthread_create(&ids[i], NULL, sell, &sellers[i]) == 0);
    }
    for (uint32_t i = 0; i < SOAK_THREADS; i++)
        pthread_join(ids[i], NULL);
    tkt_store_close(store);
}
