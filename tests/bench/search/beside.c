/* SPDX-License-Identifier: MIT
 *
 * tests/bench/search/beside.c: searches while a second process books and changes events.
 *
 *   bench_search_beside STORE QUERIES EVENTS
 *
 * The queries of classes a, c, d and e by date and relevance in turn, for SECONDS idle and then SECONDS while another
 * process does 1,000 bookings (reserve and confirm, by BOOKERS threads) and 100 updates of events a second. The
 * searches come at a fixed rate, so a slow one does not thin the load. Prints p50 and p99 of both and what the writers
 * reached.
 */
#include "engine.h"

#include "../bench.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ticketing/ticketing.h>

#define SECONDS 12
#define WARM 3
#define EVERY_NS 500000 /* 2,000 searches a second */
#define BOOKERS 16
#define BOOKINGS 1000   /* a second */
#define UPDATES 100
#define SALES 1000      /* events that are booked */
#define CAPACITY 1000000

static const char *path;
static uint64_t events;

/* ---- the writers ---------------------------------------------------------------------------------------------- */

typedef struct writer {
    pthread_t thread;
    tkt_store *store;
    uint32_t number, rate; /* a second */
    uint64_t done;
    const uint32_t *area;
} writer;

static atomic_bool stop;

static uint64_t sale_of(uint64_t n)
{
    return 1 + n % SALES * (events / SALES);
}

static void book(writer *w, uint64_t n)
{
    tkt_reserve_request reserve;
    tkt_confirm_request confirm;
    tkt_hold hold;
    uint64_t state = (uint64_t)getpid() << 40 ^ (uint64_t)w->number << 32 ^ n;
    tkt_reserve_request_init(&reserve);
    tkt_confirm_request_init(&confirm);
    tkt_hold_init(&hold);
    uint64_t draw = bench_draw(&state);
    reserve.event_id = sale_of(draw);
    reserve.area_id = w->area[draw % SALES];
    reserve.quantity = 1;
    for (int i = 0; i < 2; i++) {
        uint64_t bits = bench_draw(&state);
        memcpy(reserve.key + 8 * i, &bits, 8);
        memcpy(reserve.buyer_key + 8 * i, &bits, 8);
        bits = bench_draw(&state);
        memcpy(confirm.key + 8 * i, &bits, 8);
    }
    MUST(tkt_reserve(w->store, &reserve, &hold) == TKT_DONE);
    memcpy(confirm.token, hold.token, sizeof confirm.token);
    confirm.flags = TKT_MONEY_TAKEN;
    MUST(tkt_confirm(w->store, &confirm, NULL) == TKT_DONE);
}

static void update(writer *w, uint64_t n, tkt_snapshot *snap)
{
    uint64_t state = n, ids[TKT_PERFORMERS_MAX];
    tkt_event event, other;
    tkt_event_init(&event);
    tkt_event_init(&other);
    MUST(tkt_snapshot_renew(snap) == TKT_DONE);
    MUST(tkt_event_view(snap, 1 + bench_draw(&state) % events, &event) == TKT_DONE);
    MUST(tkt_event_view(snap, 1 + bench_draw(&state) % events, &other) == TKT_DONE);
    for (uint32_t i = 0; i < event.performer_count; i++)
        MUST(tkt_event_performer(&event, i, &ids[i]) == TKT_DONE);
    event.name = other.name;
    event.description = other.description;
    event.performer_ids = ids;
    event.record = NULL;
    MUST(tkt_event_update(w->store, &event, 0) == TKT_DONE);
}

static void *write_on(void *arg)
{
    writer *w = arg;
    tkt_snapshot *snap = NULL;
    uint64_t began = bench_ns();
    if (w->area == NULL)
        MUST(tkt_snapshot_begin(w->store, &snap) == TKT_DONE);
    while (!atomic_load(&stop)) {
        uint64_t due = began + w->done * 1000000000u / w->rate, now = bench_ns();
        if (due > now)
            usleep((useconds_t)((due - now) / 1000));
        if (snap == NULL)
            book(w, w->done);
        else
            update(w, w->done, snap);
        w->done++;
    }
    tkt_snapshot_end(snap);
    return NULL;
}

static void on_end(int sig)
{
    (void)sig;
    atomic_store(&stop, true);
}

static void put_on_sale(tkt_store *store, uint32_t *area)
{
    static const char name[] = "bench";
    for (uint64_t i = 0; i < SALES; i++)
        MUST(tkt_event_set_area(store, sale_of(i), (tkt_text){ name, sizeof name - 1 }, CAPACITY, 0, &area[i]) == TKT_DONE);
}

/* In a process of its own: writes until told to end, and reports on the pipe. */
static _Noreturn void writers(int out)
{
    static uint32_t area[SALES];
    static writer w[BOOKERS + 1];
    tkt_store *store;
    uint64_t done[3] = { 0 };
    MUST(tkt_store_open(path, strlen(path), NULL, &store) == TKT_DONE);
    put_on_sale(store, area);
    raise(SIGSTOP); /* ready: until the parent says go */
    uint64_t began = bench_ns();
    for (uint32_t i = 0; i <= BOOKERS; i++) {
        w[i] = (writer){ .store = store, .number = i, .rate = i < BOOKERS ? BOOKINGS / BOOKERS + 1 : UPDATES,
                         .area = i < BOOKERS ? area : NULL };
        MUST(pthread_create(&w[i].thread, NULL, write_on, &w[i]) == 0);
    }
    for (uint32_t i = 0; i <= BOOKERS; i++) {
        pthread_join(w[i].thread, NULL);
        done[i < BOOKERS ? 0 : 1] += w[i].done;
    }
    done[2] = bench_ns() - began;
    MUST(write(out, done, sizeof done) == sizeof done);
    tkt_store_close(store);
    exit(0);
}

/* ---- the searches ------------------------------------------------------------------------------------------------ */

static void search_one(tkt_snapshot *snap, const engine_query *q, bool relevance)
{
    tkt_query *query;
    tkt_results *results;
    MUST(tkt_snapshot_renew(snap) == TKT_DONE && tkt_query_new(&query) == TKT_DONE);
    MUST(tkt_query_set_text(query, (tkt_text){ q->text, strlen(q->text) }) == TKT_DONE);
    MUST(tkt_query_set_sort(query, relevance && q->class_ != 'e' ? TKT_SORT_RELEVANCE : TKT_SORT_DATE) == TKT_DONE);
    if (q->to_ms != 0)
        MUST(tkt_query_set_window(query, q->from_ms, q->to_ms) == TKT_DONE);
    if (q->city[0] != '\0')
        MUST(tkt_query_add_city(query, (tkt_text){ q->city, strlen(q->city) }) == TKT_DONE);
    if (q->category[0] != '\0')
        MUST(tkt_query_add_category(query, (tkt_text){ q->category, strlen(q->category) }) == TKT_DONE);
    MUST(tkt_search(snap, query, &results) == TKT_DONE);
    tkt_results_free(results);
    tkt_query_free(query);
}

/* Microseconds each, in `out`; answers how many. Time is counted from the search's own beginning. */
static size_t search_for(tkt_snapshot *snap, const engine_queries *q, int seconds, double *out)
{
    uint64_t began = bench_ns(), end = began + (uint64_t)seconds * 1000000000u, due = began;
    size_t n = 0;
    for (size_t i = 0; bench_ns() < end; i = (i + 997) % q->n) {
        if (strchr("acde", q->query[i].class_) == NULL)
            continue;
        uint64_t now = bench_ns();
        if (due > now)
            usleep((useconds_t)((due - now) / 1000));
        due += EVERY_NS;
        uint64_t at = bench_ns();
        search_one(snap, &q->query[i], n % 2 == 1);
        out[n++] = (double)(bench_ns() - at) / 1000;
    }
    return n;
}

int main(int argc, char **argv)
{
    tkt_store *store;
    tkt_snapshot *snap;
    int pipes[2], state;
    uint64_t done[3];
    MUST(argc == 4);
    path = argv[1];
    events = strtoull(argv[3], NULL, 10);
    MUST(events > SALES && pipe(pipes) == 0);
    signal(SIGTERM, on_end);
    pid_t child = fork();
    MUST(child >= 0);
    if (child == 0)
        writers(pipes[1]); /* it opens the store itself: a handle does not outlive a fork */
    MUST(waitpid(child, &state, WUNTRACED) == child && WIFSTOPPED(state));
    engine_queries q = engine_read(argv[2]);
    double *idle = calloc((size_t)SECONDS * 4000, sizeof *idle), *busy = calloc((size_t)SECONDS * 4000, sizeof *busy);
    MUST(idle != NULL && busy != NULL);
    tkt_options *options;
    MUST(tkt_options_new(&options) == TKT_DONE && tkt_options_set_query_cache(options, 0) == TKT_DONE);
    MUST(tkt_store_open(path, strlen(path), options, &store) == TKT_DONE && tkt_snapshot_begin(store, &snap) == TKT_DONE);
    tkt_options_free(options);
    search_for(snap, &q, WARM, idle);
    size_t n_idle = search_for(snap, &q, SECONDS, idle);
    kill(child, SIGCONT);
    search_for(snap, &q, WARM, busy);
    size_t n_busy = search_for(snap, &q, SECONDS, busy);
    kill(child, SIGTERM);
    MUST(read(pipes[0], done, sizeof done) == sizeof done);
    waitpid(child, NULL, 0);
    double seconds = SECONDS + WARM, p99_idle = bench_part(idle, n_idle, 0.99), p99_busy = bench_part(busy, n_busy, 0.99);
    printf("{\"searches\": %zu, \"idleP50\": %.1f, \"idleP99\": %.1f, \"busyP50\": %.1f, \"busyP99\": %.1f, \"ratioP99\": %.2f, "
           "\"bookingsASecond\": %.0f, \"upsertsASecond\": %.0f}\n",
           n_busy, bench_part(idle, n_idle, 0.5), p99_idle, bench_part(busy, n_busy, 0.5), p99_busy, p99_busy / p99_idle,
           (double)done[0] / seconds, (double)done[1] / seconds);
    tkt_snapshot_end(snap);
    tkt_store_close(store);
    return 0;
}
