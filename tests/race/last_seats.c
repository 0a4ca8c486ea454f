/* SPDX-License-Identifier: MIT
 *
 * tests/race/last_seats.c: many buyers race for each seat of one event, and for too few places of an
 * area. Each seat must end with exactly one owner, every acknowledged booking must be there at the end,
 * and the recount must be clean.
 *
 *   last_seats threads [RACES]     16 threads of one process
 *   last_seats processes [RACES]   4 processes × 2 threads; a random one is killed with SIGKILL every few
 *                                  hundred acknowledgements and started anew
 *   RACES: 5,000, or 100,000 with TKT_TEST_FULL=1; a tenth of it under a sanitizer.
 *
 * A worker tells each booking through a pipe after the call came back: that is the acknowledgement.
 * All walk the seats in the same order, so they meet at each. A hold of a killed process is left to
 * expire. Plain program: it also runs under the thread sanitizer.
 */
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>

#include "race.h"

#define WORKERS_MAX 4
#define THREADS_MAX 16
#define ACKS_A_KILL 300
#define ROW_SEATS 100
#define TTL_MS 1000

static char dir[] = "/tmp/tkt-race-XXXXXX", path[64];
static uint32_t races, area_id, area_places, *units;
static uint64_t event_id;

typedef struct note { /* one acknowledged booking; smaller than PIPE_BUF, so written whole */
    uint64_t booking;
    uint32_t race; /* races: a place in the area */
    uint32_t spare;
} note;

typedef struct shared { /* where the field stands, so that a fresh process joins it there */
    _Atomic uint32_t at;
} shared;
static shared *field;

/* ---- the event ------------------------------------------------------------------------------------------ */

static void make_event(void)
{
    tkt_store *store = race_open(path);
    uint64_t chart_id;
    uint32_t version;
    tkt_snapshot *snap;
    tkt_plan *plan;
    tkt_event event;
    tkt_created made = TKT_CREATED_INIT;
    tkt_event_init(&event);
    event.name = race_text("Last seats");
    event.start_ms = INT64_C(1893456000000);
    MUST(tkt_event_create(store, &event, NULL, 0, &made) == TKT_DONE);
    event_id = made.id;
    race_hall(store, races, ROW_SEATS, &chart_id, &version);
    MUST(tkt_event_set_chart(store, event_id, chart_id, version, 0) == TKT_DONE);
    MUST(tkt_event_set_area(store, event_id, race_text("Floor"), area_places, 0, &area_id) == TKT_DONE);
    MUST(tkt_event_set_price(store, event_id, TKT_SCOPE_EVENT, 0, 2500, "EUR", 0) == TKT_DONE);
    MUST(tkt_snapshot_begin(store, &snap) == TKT_DONE && tkt_plan_load(snap, event_id, &plan) == TKT_DONE);
    for (uint32_t i = 0; i < races; i++) {
        tkt_seat seat = { .size = sizeof seat };
        MUST(tkt_plan_seat(plan, i, &seat) == TKT_DONE);
        units[i] = seat.unit;
    }
    tkt_plan_free(plan);
    tkt_snapshot_end(snap);
    tkt_store_close(store);
}

/* ---- buyers ---------------------------------------------------------------------------------------------- */

typedef struct buyer {
    tkt_store *store;
    int notes;
    unsigned seed;
} buyer;

static bool refused(int32_t status)
{
    return status == TKT_SOLD_OUT || status == TKT_ALL_HELD;
}

/* Race `race`: a seat, or with race = races a place in the area. */
static void try_one(buyer *b, uint32_t race)
{
    tkt_reserve_request want;
    tkt_confirm_request pay;
    tkt_hold_request give;
    tkt_hold hold;
    tkt_booking booking, again;
    tkt_reserve_request_init(&want);
    tkt_confirm_request_init(&pay);
    tkt_hold_request_init(&give);
    tkt_hold_init(&hold);
    tkt_booking_init(&booking);
    tkt_booking_init(&again);
    want.event_id = event_id;
    want.ttl_ms = TTL_MS;
    want.units = race < races ? &units[race] : NULL;
    want.unit_count = race < races ? 1 : 0;
    want.area_id = race < races ? 0 : area_id;
    want.quantity = race < races ? 0 : 1;
    MUST(getrandom(pay.key, sizeof pay.key, 0) == (ssize_t)sizeof pay.key);
    int32_t status = tkt_reserve(b->store, &want, &hold);
    if (refused(status))
        return;
    MUST(status == TKT_DONE);
    if (rand_r(&b->seed) % 8 == 0) { /* changes their mind: the next one may have it */
        memcpy(give.token, hold.token, sizeof give.token);
        status = tkt_release(b->store, &give, NULL);
        MUST(status == TKT_DONE || status == TKT_EXPIRED);
        return;
    }
    memcpy(pay.token, hold.token, sizeof pay.token);
    pay.flags = TKT_MONEY_TAKEN;
    status = tkt_confirm(b->store, &pay, &booking);
    if (status == TKT_REFUND_DUE) /* slower than its time to live, and another took the seat */
        return;
    MUST(status == TKT_DONE && booking.ticket_count == 1);
    if (booking.id % 16 == 0)
        MUST(tkt_confirm(b->store, &pay, &again) == TKT_REPLAYED && again.id == booking.id);
    const note n = { booking.id, race, 0 };
    MUST(write(b->notes, &n, sizeof n) == (ssize_t)sizeof n);
}

static void *buy(void *arg)
{
    buyer *b = arg;
    uint32_t at;
    while ((at = atomic_load(&field->at)) < races) {
        try_one(b, at);
        if (rand_r(&b->seed) % 8 == 0)
            try_one(b, races);
        atomic_compare_exchange_strong(&field->at, &at, at + 1);
    }
    return NULL;
}

static void child(int notes, unsigned seed, int threads)
{
    buyer buyers[THREADS_MAX];
    pthread_t ids[THREADS_MAX];
    tkt_store *store = race_open(path);
    for (int i = 0; i < threads; i++) {
        buyers[i] = (buyer){ store, notes, seed * THREADS_MAX + (unsigned)i };
        MUST(pthread_create(&ids[i], NULL, buy, &buyers[i]) == 0);
    }
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    tkt_store_close(store);
}

typedef struct worker {
    pid_t pid;
    int notes;
} worker;

static worker start(unsigned seed, int threads)
{
    int ends[2];
    MUST(pipe(ends) == 0);
    worker w = { race_fork(), ends[0] };
    if (w.pid == 0) {
        close(ends[0]);
        child(ends[1], seed, threads);
        _exit(0);
    }
    close(ends[1]);
    return w;
}

/* ---- the parent ---------------------------------------------------------------------------------------------- */

static uint64_t *owner, acks, area_acks, kills;

/* False: the pipe is at its end. */
static bool read_note(int fd)
{
    note n;
    ssize_t got = read(fd, &n, sizeof n);
    if (got == 0)
        return false;
    MUST(got == (ssize_t)sizeof n && n.race <= races && n.booking > 0);
    acks++;
    if (n.race == races)
        area_acks++;
    else {
        MUST(owner[n.race] == 0); /* nobody was told before that the seat is theirs */
        owner[n.race] = n.booking;
    }
    return true;
}

static void finish(worker *w, bool killed)
{
    int how;
    while (read_note(w->notes))
        ;
    MUST(waitpid(w->pid, &how, 0) == w->pid);
    MUST(killed || (WIFEXITED(how) && WEXITSTATUS(how) == 0));
    close(w->notes);
    w->notes = -1;
}

static void kill_one(worker *w, unsigned *seed, int threads)
{
    MUST(kill(w->pid, SIGKILL) == 0);
    finish(w, true);
    *w = start((*seed)++, threads);
    kills++;
}

static void race_all(int count, int threads)
{
    worker workers[WORKERS_MAX];
    unsigned seed = 1;
    int left = count;
    uint64_t next_kill = ACKS_A_KILL;
    for (int i = 0; i < count; i++)
        workers[i] = start(seed++, threads);
    while (left > 0) {
        struct pollfd polls[WORKERS_MAX];
        for (int i = 0; i < count; i++)
            polls[i] = (struct pollfd){ .fd = workers[i].notes, .events = POLLIN };
        MUST(poll(polls, (nfds_t)count, 60000) > 0);
        for (int i = 0; i < count; i++)
            if ((polls[i].revents & (POLLIN | POLLHUP)) != 0 && !read_note(workers[i].notes)) {
                finish(&workers[i], false);
                left--;
            }
        int victim = rand() % count;
        if (count > 1 && left == count && acks >= next_kill) {
            kill_one(&workers[victim], &seed, threads);
            next_kill = acks + ACKS_A_KILL;
        }
    }
}

static int32_t show(void *user, const tkt_problem *p)
{
    (void)user;
    fprintf(stderr, "%.*s: %.*s\n", (int)p->rule.len, p->rule.ptr, (int)p->text.len, p->text.ptr);
    return 0;
}

static void judge_seats(tkt_snapshot *snap)
{
    size_t n = 0;
    MUST(tkt_seatmap_copy(snap, event_id, NULL, 0, &n) != TKT_DONE && n > 0);
    uint8_t *map = malloc(n);
    MUST(map != NULL && tkt_seatmap_copy(snap, event_id, map, n, &n) == TKT_DONE);
    for (uint32_t i = 0; i < races; i++) {
        tkt_booking booking;
        tkt_ticket ticket;
        tkt_booking_init(&booking);
        tkt_ticket_init(&ticket);
        if (owner[i] == 0)
            continue;
        MUST(map[units[i] - 64] == TKT_SEAT_BOOKED);
        MUST(tkt_booking_view(snap, owner[i], &booking) == TKT_DONE && booking.state == TKT_BOOKING_CONFIRMED);
        MUST(tkt_ticket_view(snap, booking.first_ticket, &ticket) == TKT_DONE && ticket.unit == units[i]);
    }
    free(map);
}

static void judge(void)
{
    tkt_store *store = race_open(path);
    tkt_snapshot *snap;
    tkt_area area = TKT_AREA_INIT;
    tkt_counts counts = TKT_COUNTS_INIT;
    uint64_t problems = 1;
    MUST(tkt_check(store, show, NULL, &problems) == TKT_DONE && problems == 0);
    const struct timespec over = { TTL_MS / 1000 + 1, 0 };
    nanosleep(&over, NULL);
    uint32_t done;
    do
        MUST(tkt_tick(store, 0, &done) == TKT_DONE);
    while (done > 0);
    MUST(tkt_check(store, show, NULL, &problems) == TKT_DONE && problems == 0);
    MUST(tkt_snapshot_begin(store, &snap) == TKT_DONE);
    judge_seats(snap);
    MUST(tkt_area_view(snap, event_id, 0, &area) == TKT_DONE);
    MUST(area.held == 0 && area.sold <= area_places && area.sold >= area_acks);
    MUST(tkt_counts_view(snap, event_id, &counts) == TKT_DONE && counts.reserved == 0);
    MUST(counts.booked >= acks && counts.booked + counts.available == (uint64_t)races + area_places);
    printf("%u races: %llu bookings acknowledged, %llu made, area %u of %u, %llu kills; one owner each, check clean\n",
           races, (unsigned long long)acks, (unsigned long long)counts.booked, area.sold, area_places,
           (unsigned long long)kills);
    tkt_snapshot_end(snap);
    tkt_store_close(store);
}

static int remove_one(const char *p, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(p);
}

static uint32_t races_wanted(int argc, char **argv)
{
    const char *full = getenv("TKT_TEST_FULL"), *sanitize = getenv("TKT_TEST_SANITIZE");
    if (argc > 2)
        return (uint32_t)atoi(argv[2]);
    if (sanitize != NULL && strcmp(sanitize, "none") != 0)
        return 500;
    return full != NULL && *full == '1' ? 100000 : 5000;
}

int main(int argc, char **argv)
{
    bool processes = argc > 1 && strcmp(argv[1], "processes") == 0;
    if (argc < 2 || (!processes && strcmp(argv[1], "threads") != 0))
        return 2;
    races = races_wanted(argc, argv);
    area_places = races / 20 + 1;
    units = calloc(races, sizeof *units);
    owner = calloc(races, sizeof *owner);
    field = mmap(NULL, sizeof *field, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    MUST(units != NULL && owner != NULL && field != MAP_FAILED && mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/store", dir);
    make_event();
    race_all(processes ? 4 : 1, processes ? 2 : 16);
    judge();
    nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(units);
    free(owner);
    return 0;
}
