/* SPDX-License-Identifier: MIT
 *
 * tests/crash/workload.c: what is recorded: a store made, filled and sold from, with a journal so small that folds are
 * always under way. After each call that came back it writes an acknowledgement.
 *
 *   workload FOLDER SEED STEPS      FOLDER/s is the store, FOLDER/acknowledged the acknowledgements
 *
 * Acknowledgements are text, one line each: "store", "event ID", "booking ID STATE", "crowd EVENT",
 * "member I NUMBER" and "left I" of the waiting room, "backup", "restored".
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <ticketing/ticketing.h>

#include "store/internal.h"

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, tkt_error_text()); \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

#define HALF 6000
#define OPEN_MAX 8
#define BOOKED_MAX 64
#define MEMBERS_MAX 60

static char folder[256], path[300];
static int acks;
static unsigned seed;
static int64_t clock_ms = INT64_C(1795000000000);

static int64_t wall(void *user)
{
    (void)user;
    return clock_ms;
}

static void acknowledge(const char *format, ...)
{
    char line[128];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    MUST(write(acks, line, (size_t)n) == n);
}

static tkt_text text(const char *s)
{
    return (tkt_text){ s, strlen(s) };
}

static tkt_options *options_of(void)
{
    tkt_options *o;
    tkt_hooks hooks = TKT_HOOKS_INIT;
    hooks.wall_ms = wall;
    hooks.monotonic_ms = wall;
    MUST(tkt_options_new(&o) == TKT_DONE && tkt_options_set_create(o, 1) == TKT_DONE);
    MUST(tkt_options_set_hooks(o, &hooks) == TKT_DONE && tkt_options_set_map_bytes(o, 1 << 26) == TKT_DONE);
    o->lmdb.journal_half = HALF;
    return o;
}

static tkt_store *open_store(const char *where)
{
    tkt_store *store;
    tkt_options *o = options_of();
    MUST(tkt_store_open(where, strlen(where), o, &store) == TKT_DONE);
    tkt_options_free(o);
    return store;
}

static uint64_t make_event(tkt_store *store, int number, uint32_t *area)
{
    char name[64];
    tkt_event event;
    tkt_created made = TKT_CREATED_INIT;
    tkt_event_init(&event);
    snprintf(name, sizeof name, "Concert number %d of the season", number);
    event.name = text(name);
    event.start_ms = clock_ms + INT64_C(86400000) * (number + 1);
    MUST(tkt_event_create(store, &event, NULL, 0, &made) == TKT_DONE);
    MUST(tkt_event_set_area(store, made.id, text("Floor"), 100000, 0, area) == TKT_DONE);
    MUST(tkt_event_set_price(store, made.id, TKT_SCOPE_EVENT, 0, 2500, "EUR", 0) == TKT_DONE);
    acknowledge("event %llu\n", (unsigned long long)made.id);
    return made.id;
}

typedef struct sale {
    tkt_store *store;
    uint64_t event[2];
    uint32_t area[2];
    tkt_hold hold[OPEN_MAX];
    int holds;
    uint64_t booked[BOOKED_MAX];
    int bookings;
    int events;
    uint64_t crowd;       /* an event with a waiting room; 0: this build has none */
    int members;
} sale;

static void reserve(sale *s)
{
    tkt_reserve_request want;
    int which = rand_r(&seed) % 2;
    if (s->holds == OPEN_MAX)
        return;
    tkt_reserve_request_init(&want);
    tkt_hold_init(&s->hold[s->holds]);
    want.event_id = s->event[which];
    want.area_id = s->area[which];
    want.quantity = 1 + (uint32_t)rand_r(&seed) % 3;
    want.ttl_ms = 5000;
    MUST(tkt_reserve(s->store, &want, &s->hold[s->holds]) == TKT_DONE);
    s->holds++;
}

static void confirm(sale *s)
{
    tkt_confirm_request pay;
    tkt_booking booking;
    if (s->holds == 0)
        return;
    tkt_confirm_request_init(&pay);
    tkt_booking_init(&booking);
    memcpy(pay.token, s->hold[--s->holds].token, sizeof pay.token);
    pay.flags = TKT_MONEY_TAKEN;
    MUST(tkt_confirm(s->store, &pay, &booking) == TKT_DONE);
    acknowledge("booking %llu %u\n", (unsigned long long)booking.id, booking.state);
    if (s->bookings < BOOKED_MAX)
        s->booked[s->bookings++] = booking.id;
}

static void undo(sale *s)
{
    tkt_booking_request end;
    tkt_booking booking;
    if (s->bookings == 0)
        return;
    tkt_booking_request_init(&end);
    tkt_booking_init(&booking);
    end.booking_id = s->booked[--s->bookings];
    if (rand_r(&seed) % 2) {
        MUST(tkt_refund(s->store, &end, &booking) == TKT_DONE);
        acknowledge("booking %llu %u\n", (unsigned long long)booking.id, booking.state);
    }
    MUST(tkt_cancel(s->store, &end, &booking) == TKT_DONE);
    acknowledge("booking %llu %u\n", (unsigned long long)booking.id, booking.state);
}

static void release(sale *s)
{
    tkt_hold_request give;
    if (s->holds == 0)
        return;
    tkt_hold_request_init(&give);
    memcpy(give.token, s->hold[--s->holds].token, sizeof give.token);
    MUST(tkt_release(s->store, &give, NULL) == TKT_DONE);
}

/* A few reserves in one commit, so that records of several pages are there too. */
static void reserve_together(sale *s)
{
    tkt_batch *batch;
    tkt_hold hold[20];
    MUST(tkt_batch_new(s->store, &batch) == TKT_DONE);
    for (int i = 0; i < 20; i++) {
        tkt_reserve_request want;
        tkt_reserve_request_init(&want);
        tkt_hold_init(&hold[i]);
        want.event_id = s->event[i % 2];
        want.area_id = s->area[i % 2];
        want.quantity = 1;
        want.ttl_ms = 3000;
        MUST(tkt_batch_reserve(batch, &want, &hold[i]) == TKT_DONE);
    }
    MUST(tkt_batch_run(batch) == TKT_DONE && tkt_batch_outcome(batch, 19) == TKT_DONE);
    tkt_batch_free(batch);
}

/* Time passes: every hold runs out, and a tick sweeps them and folds. */
static void expire(sale *s)
{
    uint32_t done;
    clock_ms += 10000;
    s->holds = 0;
    MUST(tkt_tick(s->store, 0, &done) == TKT_DONE);
}

static void back_up(sale *s, int number)
{
    char file[320], copy[320];
    snprintf(file, sizeof file, "%s/backup-%d", folder, number);
    snprintf(copy, sizeof copy, "%s/restored-%d", folder, number);
    MUST(tkt_store_backup(s->store, file, strlen(file), 0) == TKT_DONE);
    acknowledge("backup %s\n", file);
    tkt_options *o = options_of();
    MUST(tkt_store_restore(copy, strlen(copy), file, strlen(file), o) == TKT_DONE);
    tkt_options_free(o);
    acknowledge("restored %s\n", copy);
}

static void reindex(sale *s)
{
    tkt_reindex_options o = TKT_REINDEX_OPTIONS_INIT;
    tkt_reindex_stats stats = TKT_REINDEX_STATS_INIT;
    MUST(tkt_reindex(s->store, &o, &stats) == TKT_DONE);
}

static void open_room(sale *s)
{
    uint32_t area;
    tkt_queue_settings settings;
    tkt_queue_settings_init(&settings);
    settings.opens_ms = clock_ms + 2000; /* some come early, and are shuffled */
    settings.active = 10;
    settings.claim_ms = 4000;
    uint64_t event = make_event(s->store, s->events++, &area);
    if (tkt_queue_set(s->store, event, &settings, 0) != TKT_DONE)
        return;
    s->crowd = event;
    acknowledge("crowd %llu\n", (unsigned long long)event);
}

/* One more joins, or one of those who did joins again, asks, or leaves. */
static void stand_in_line(sale *s)
{
    tkt_place place;
    uint8_t buyer[TKT_BUYER_BYTES] = { 'm' };
    int fresh = s->members < MEMBERS_MAX && rand_r(&seed) % 2;
    int i = fresh || s->members == 0 ? s->members++ : rand_r(&seed) % s->members;
    if (s->crowd == 0)
        return;
    buyer[1] = (uint8_t)i;
    tkt_place_init(&place);
    MUST(tkt_queue_join(s->store, s->crowd, buyer, &place) == TKT_DONE);
    acknowledge("member %d %llu\n", i, (unsigned long long)place.number);
    if (rand_r(&seed) % 4 != 0)
        return;
    MUST(tkt_queue_leave(s->store, s->crowd, buyer) == TKT_DONE);
    acknowledge("left %d\n", i);
}

static void step(sale *s, int number)
{
    switch (rand_r(&seed) % 14) {
    case 0: case 1: case 2: reserve(s); break;
    case 3: case 4: case 5: case 6: confirm(s); break;
    case 7: undo(s); break;
    case 8: release(s); break;
    case 9: reserve_together(s); break;
    case 10: expire(s); break;
    case 11: case 12: stand_in_line(s); break;
    default: {
        uint32_t area;
        make_event(s->store, s->events++, &area);
        if (number % 3 == 0)
            reindex(s);
        if (number % 5 == 0) {
            tkt_store_close(s->store);
            s->store = open_store(path);
            s->holds = 0;
        }
    }
    }
}

int main(int argc, char **argv)
{
    sale s = { .events = 2 };
    char file[300];
    if (argc < 4)
        return 2;
    snprintf(folder, sizeof folder, "%s", argv[1]);
    snprintf(path, sizeof path, "%s/s", folder);
    snprintf(file, sizeof file, "%s/acknowledged", folder);
    seed = (unsigned)strtoul(argv[2], NULL, 10);
    acks = open(file, O_WRONLY | O_CREAT | O_APPEND, 0600);
    MUST(acks >= 0);
    s.store = open_store(path);
    acknowledge("store\n");
    for (int i = 0; i < 2; i++)
        s.event[i] = make_event(s.store, i, &s.area[i]);
    open_room(&s);
    int steps = atoi(argv[3]);
    for (int i = 0; i < steps; i++) {
        step(&s, i);
        if (i == steps / 2)
            back_up(&s, i);
        clock_ms += 100;
    }
    tkt_store_close(s.store);
    return 0;
}
