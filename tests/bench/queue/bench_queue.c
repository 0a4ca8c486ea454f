/* SPDX-License-Identifier: MIT
 *
 * tests/bench/queue/bench_queue.c: a waiting room with a crowd: how fast it fills, what it costs, how long it takes to be told
 * one's place.
 *
 *   bench_queue [MEMBERS [THREADS]]     1,000,000 and 64
 *
 * Members join before the start on as many threads, each join a durable commit that those which come together share. Then
 * the start: polls of members drawn at random, on one thread, by far most of which only read; while turns are given.
 */
#include <ftw.h>
#include <inttypes.h>
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

#include "../../race/race.h"

#define POLLS 200000u
#define START_MS 3600000

static tkt_store *store;
static uint64_t event_id, members;
static uint32_t threads;
static _Atomic int64_t ahead_ms; /* the clock is moved to the start */

static int64_t wall(void *user)
{
    struct timespec t;
    (void)user;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 + ahead_ms;
}

static int64_t monotonic(void *user)
{
    struct timespec t;
    (void)user;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 + ahead_ms;
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Memory of our own, without the mapped store. */
static uint64_t anonymous_kib(void)
{
    char line[256];
    uint64_t kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    MUST(f != NULL);
    while (fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, "RssAnon:", 8) == 0)
            kib = strtoull(line + 8, NULL, 10);
    fclose(f);
    return kib;
}

static void buyer(uint64_t i, uint8_t key[TKT_BUYER_BYTES])
{
    memset(key, 0x5a, TKT_BUYER_BYTES);
    i *= UINT64_C(0x9e3779b97f4a7c15); /* keys come in no order */
    memcpy(key, &i, sizeof i);
}

static void *join_some(void *arg)
{
    for (uint64_t i = (uintptr_t)arg; i < members; i += threads) {
        uint8_t key[TKT_BUYER_BYTES];
        tkt_place place;
        tkt_place_init(&place);
        buyer(i, key);
        MUST(tkt_queue_join(store, event_id, key, &place) == TKT_DONE && place.state == TKT_PLACE_EARLY);
    }
    return NULL;
}

static int rising(const void *a, const void *b)
{
    return (*(const int64_t *)a > *(const int64_t *)b) - (*(const int64_t *)a < *(const int64_t *)b);
}

static void poll_many(void)
{
    static int64_t took[POLLS];
    uint64_t state = 88172645463325252u;
    for (uint32_t i = 0; i < POLLS; i++) {
        uint8_t key[TKT_BUYER_BYTES];
        tkt_place place;
        tkt_place_init(&place);
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        buyer(state % members, key);
        int64_t from = now_ns();
        MUST(tkt_queue_poll(store, event_id, key, &place) == TKT_DONE);
        took[i] = now_ns() - from;
    }
    qsort(took, POLLS, sizeof *took, rising);
    printf("place of one of %" PRIu64 ": p50 %.1f us, p99 %.1f us, p99.9 %.1f us, longest %.1f ms (%u polls, steps of the queue "
           "among them)\n", members, (double)took[POLLS / 2] / 1e3, (double)took[POLLS / 100 * 99] / 1e3,
           (double)took[POLLS / 1000 * 999] / 1e3, (double)took[POLLS - 1] / 1e6, POLLS);
}

static void open_all(const char *dir)
{
    char path[80];
    tkt_options *o;
    tkt_hooks hooks = TKT_HOOKS_INIT;
    tkt_event e;
    tkt_created made = TKT_CREATED_INIT;
    tkt_queue_settings s;
    snprintf(path, sizeof path, "%s/store", dir);
    hooks.wall_ms = wall;
    hooks.monotonic_ms = monotonic;
    MUST(tkt_options_new(&o) == TKT_DONE && tkt_options_set_create(o, 1) == TKT_DONE && tkt_options_set_hooks(o, &hooks) == TKT_DONE);
    MUST(tkt_store_open(path, strlen(path), o, &store) == TKT_DONE);
    tkt_options_free(o);
    tkt_event_init(&e);
    e.name = race_text("Sale");
    MUST(tkt_event_create(store, &e, NULL, 0, &made) == TKT_DONE);
    event_id = made.id;
    tkt_queue_settings_init(&s);
    s.opens_ms = wall(NULL) + START_MS;
    s.per_minute = 60000;
    s.active = 100000;
    s.grace_ms = 86400000;
    MUST(tkt_queue_set(store, event_id, &s, 0) == TKT_DONE);
}

static int remove_one(const char *p, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(p);
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/tkt-queue-XXXXXX";
    pthread_t ids[256];
    tkt_stats stats = TKT_STATS_INIT;
    members = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    threads = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 64;
    MUST(members > 0 && threads > 0 && threads <= 256 && mkdtemp(dir) != NULL);
    open_all(dir);
    uint64_t before = anonymous_kib();
    int64_t from = now_ns();
    for (uintptr_t i = 0; i < threads; i++)
        MUST(pthread_create(&ids[i], NULL, join_some, (void *)i) == 0);
    for (uint32_t i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    double seconds = (double)(now_ns() - from) / 1e9;
    MUST(tkt_store_stats(store, &stats) == TKT_DONE);
    printf("%" PRIu64 " joined in %.1f s: %.0f a second, each durable; the store has %.0f bytes a member\n", members, seconds,
           (double)members / seconds, (double)stats.used_bytes / (double)members);
    ahead_ms = START_MS + 1000;
    MUST(tkt_clock_confirm(store) == TKT_DONE);
    poll_many();
    printf("memory of the process besides the mapped store: %.1f MiB, %.1f MiB before anyone joined\n",
           (double)anonymous_kib() / 1024, (double)before / 1024);
    tkt_store_close(store);
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}
