/* SPDX-License-Identifier: MIT
 *
 * tests/race/kills.c: several processes count up the same rows of one store, each increment one durable
 * commit, while the parent kills a random one with SIGKILL again and again and starts it anew.
 *
 * A child tells each acknowledged increment through a pipe, after the call came back. At the end each
 * row must hold at least what was acknowledged and at most what was begun; ids must never be given
 * twice; the feed must be gapless and check clean. Plain program: it also runs under the thread
 * sanitizer, with threads inside each process.
 *
 *   kills [ROUNDS]    rounds of a kill each; 40, or 1,000 with TKT_TEST_FULL=1
 */
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/store.h"

#define PROCESSES 4
#define THREADS 2
#define ROWS 3
#define OPERATIONS_A_ROUND 200
#define IDS_MAX (1u << 22)

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, tkt_error_text()); \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static char dir[] = "/tmp/tkt-kills-XXXXXX", path[64];

typedef struct note { /* one line of a child's pipe; smaller than PIPE_BUF, so written whole */
    uint32_t row, began;
    uint64_t id;
} note;

typedef struct worker {
    pid_t pid;
    int notes;
} worker;

static tkt_store *open_store(void)
{
    tkt_options *o;
    tkt_store *store = NULL;
    MUST(tkt_options_new(&o) == TKT_DONE && tkt_options_set_create(o, 1) == TKT_DONE &&
         tkt_options_set_map_bytes(o, 256 << 20) == TKT_DONE);
    MUST(tkt_store_open(path, strlen(path), o, &store) == TKT_DONE);
    tkt_options_free(o);
    return store;
}

static void row_key(uint32_t row, uint8_t key[12])
{
    tkt__be64(key, row + 1);
    tkt__be32(key + 8, 1);
}

static int32_t read_row(tkt__tx *tx, uint32_t row, uint64_t *n)
{
    uint8_t key[12];
    tkt__slice value;
    row_key(row, key);
    *n = 0;
    int32_t status = tkt__tx_get(tx, TKT__T_AREA, tkt__slice_of(key, sizeof key), &value);
    if (status == TKT_DONE)
        *n = tkt__get_be64(value.p);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

static int32_t count_up(tkt__tx *tx, void *ctx)
{
    uint32_t row = *(uint32_t *)ctx;
    uint8_t key[12], value[8];
    uint64_t n;
    int32_t status = read_row(tx, row, &n);
    if (status != TKT_DONE)
        return status;
    row_key(row, key);
    tkt__be64(value, n + 1);
    status = tkt__tx_put(tx, TKT__T_AREA, tkt__slice_of(key, sizeof key), tkt__slice_of(value, 8));
    return status != TKT_DONE ? status
                              : tkt__feed_append(tx, (tkt__guard){ TKT__G_EVENT, row + 1 },
                                                 TKT__F_CLAIM, value, sizeof value);
}

/* ---- children --------------------------------------------------------------------------------------- */

typedef struct job {
    tkt_store *store;
    int notes;
    unsigned seed;
} job;

static void *work(void *arg)
{
    job *j = arg;
    for (;;) {
        note n = { .row = (uint32_t)rand_r(&j->seed) % ROWS, .began = 1 };
        const tkt__guard guard = { TKT__G_EVENT, n.row + 1 };
        MUST(tkt__id_take(j->store, TKT__ID_BOOKING, 1, &n.id) == TKT_DONE);
        MUST(write(j->notes, &n, sizeof n) == (ssize_t)sizeof n);
        MUST(tkt__store_run(j->store, &guard, 1, 0, count_up, &n.row) == TKT_DONE);
        n.began = 0;
        MUST(write(j->notes, &n, sizeof n) == (ssize_t)sizeof n);
    }
    return NULL;
}

static void child(int notes, unsigned seed)
{
    job jobs[THREADS];
    pthread_t threads[THREADS];
    tkt_store *store = open_store();
    for (unsigned i = 0; i < THREADS; i++) {
        jobs[i] = (job){ store, notes, seed * THREADS + i };
        MUST(pthread_create(&threads[i], NULL, work, &jobs[i]) == 0);
    }
    pthread_join(threads[0], NULL);
}

static worker start(unsigned seed)
{
    int ends[2];
    MUST(pipe(ends) == 0);
    worker w = { fork(), ends[0] };
    MUST(w.pid >= 0);
    if (w.pid == 0) {
        close(ends[0]);
        child(ends[1], seed);
        _exit(0);
    }
    close(ends[1]);
    return w;
}

/* ---- parent ------------------------------------------------------------------------------------------ */

static uint64_t acknowledged[ROWS], begun[ROWS], operations;
static uint8_t *ids;

static void take_note(const note *n)
{
    MUST(n->row < ROWS && n->id > 0 && n->id < IDS_MAX);
    if (n->began) {
        MUST(ids[n->id] == 0); /* no id twice, over any number of kills */
        ids[n->id] = 1;
        begun[n->row]++;
    } else {
        acknowledged[n->row]++;
        operations++;
    }
}

static void read_notes(int fd, bool to_the_end)
{
    note n;
    do {
        ssize_t got = read(fd, &n, sizeof n);
        if (got == 0)
            return;
        MUST(got == (ssize_t)sizeof n);
        take_note(&n);
    } while (to_the_end);
}

static void run_operations(worker *w, uint64_t until)
{
    while (operations < until) {
        struct pollfd polls[PROCESSES];
        for (int i = 0; i < PROCESSES; i++)
            polls[i] = (struct pollfd){ .fd = w[i].notes, .events = POLLIN };
        MUST(poll(polls, PROCESSES, 60000) > 0);
        for (int i = 0; i < PROCESSES; i++) {
            MUST((polls[i].revents & (POLLHUP | POLLIN)) != POLLHUP); /* a child died by itself */
            if (polls[i].revents & POLLIN)
                read_notes(w[i].notes, false);
        }
    }
}

static void stop(worker *w)
{
    MUST(kill(w->pid, SIGKILL) == 0 && waitpid(w->pid, NULL, 0) == w->pid);
    read_notes(w->notes, true);
    close(w->notes);
}

static int32_t show(void *user, const tkt_problem *p)
{
    (void)user;
    fprintf(stderr, "%.*s: %.*s\n", (int)p->rule.len, p->rule.ptr, (int)p->text.len, p->text.ptr);
    return 0;
}

static void judge(void)
{
    tkt_store *store = open_store();
    tkt_snapshot *snap;
    tkt__tx *tx;
    uint64_t problems = 1, n;
    MUST(tkt_check(store, show, NULL, &problems) == TKT_DONE && problems == 0);
    MUST(tkt_snapshot_begin(store, &snap) == TKT_DONE && tkt__snapshot_tx(snap, &tx) == TKT_DONE);
    for (uint32_t row = 0; row < ROWS; row++) {
        tkt__guard_row guard;
        MUST(read_row(tx, row, &n) == TKT_DONE);
        MUST(tkt__tx_guard_row(tx, (tkt__guard){ TKT__G_EVENT, row + 1 }, &guard) == TKT_DONE);
        MUST(n >= acknowledged[row] && n <= begun[row] && guard.seq == n);
    }
    tkt_snapshot_end(snap);
    tkt_store_close(store);
}

static int remove_one(const char *p, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(p);
}

int main(int argc, char **argv)
{
    const char *full = getenv("TKT_TEST_FULL");
    int rounds = argc > 1 ? atoi(argv[1]) : full != NULL && *full == '1' ? 1000 : 40;
    unsigned seed = 1;
    worker workers[PROCESSES];
    MUST(mkdtemp(dir) != NULL && (ids = calloc(IDS_MAX, 1)) != NULL);
    snprintf(path, sizeof path, "%s/store", dir);
    for (int i = 0; i < PROCESSES; i++) /* they also race for the store's creation */
        workers[i] = start(seed++);
    for (int round = 0; round < rounds; round++) {
        run_operations(workers, operations + OPERATIONS_A_ROUND);
        worker *victim = &workers[(unsigned)rand() % PROCESSES];
        stop(victim);
        *victim = start(seed++);
    }
    for (int i = 0; i < PROCESSES; i++)
        stop(&workers[i]);
    judge();
    printf("%llu operations, %d kills: nothing acknowledged lost, check clean\n",
           (unsigned long long)operations, rounds + PROCESSES);
    free(ids);
    nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return 0;
}
