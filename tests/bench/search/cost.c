/* SPDX-License-Identifier: MIT
 *
 * tests/bench/search/cost.c: what the index costs.
 *
 *   bench_search_cost load STORE < EVENTS   imports without an index
 *   bench_search_cost build STORE           builds the index; prints seconds, memory, bytes an event
 *   bench_search_cost upsert STORE EVENTS   process time of an update, with the index and (taking it away) without
 *
 * Memory is RssAnon: what the process itself holds, not the pages of the store that it looks at. Bytes are pages of
 * the tables named "s.": of those the published generation is the one with rows.
 */
#include "../bench.h"

#include "../../../examples/cli/threads.h"

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ticketing/ticketing.h>

#define MANY 1000   /* updates in one commit */
#define SINGLE 300  /* updates with a commit each, or with none */
#define REPEATS 5   /* of MANY */
#define MAP_BYTES (UINT64_C(256) << 30)
#define TABLES_MAX 128
#define THREADS 2 /* that a build reads events with */

static tkt_store *open_store(const char *path, bool create)
{
    tkt_options *options;
    tkt_store *store;
    MUST(tkt_options_new(&options) == TKT_DONE && tkt_options_set_map_bytes(options, MAP_BYTES) == TKT_DONE);
    MUST(tkt_options_set_create(options, create) == TKT_DONE && tkt_options_set_index(options, 0) == TKT_DONE);
    MUST(tkt_store_open(path, strlen(path), options, &store) == TKT_DONE);
    tkt_options_free(options);
    return store;
}

static int32_t read_file(void *user, uint8_t *buf, size_t cap, size_t *got)
{
    *got = fread(buf, 1, cap, user);
    return ferror((FILE *)user) ? -1 : 0;
}

static void load(const char *path)
{
    tkt_store *store = open_store(path, true);
    tkt_import import = TKT_IMPORT_INIT;
    tkt_import_stats stats = TKT_IMPORT_STATS_INIT;
    import.read = read_file;
    import.user = stdin;
    import.batch = 1024;
    MUST(tkt_import_jsonl(store, &import, &stats) == TKT_DONE && stats.lines_refused == 0);
    tkt_store_close(store);
}

/* ---- build ------------------------------------------------------------------------------------------------ */

static atomic_bool stop;
static atomic_ullong peak_kib;

static uint64_t anonymous_kib(void)
{
    char line[256];
    unsigned long long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    MUST(file != NULL);
    while (fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "RssAnon: %llu", &kib) == 1)
            break;
    fclose(file);
    return kib;
}

static void *watch(void *arg)
{
    (void)arg;
    while (!atomic_load(&stop)) {
        uint64_t kib = anonymous_kib();
        if (kib > atomic_load(&peak_kib))
            atomic_store(&peak_kib, kib);
        usleep(20000);
    }
    return NULL;
}

static uint64_t index_bytes(const char *path)
{
    char name[256];
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi root, table;
    MDB_cursor *cursor;
    MDB_val k, v;
    uint64_t bytes = 0;
    MUST(mdb_env_create(&env) == 0 && mdb_env_set_maxdbs(env, TABLES_MAX) == 0 && mdb_env_set_mapsize(env, MAP_BYTES) == 0);
    MUST(mdb_env_open(env, path, MDB_RDONLY | MDB_NOTLS, 0600) == 0 && mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == 0);
    MUST(mdb_dbi_open(txn, NULL, 0, &root) == 0 && mdb_cursor_open(txn, root, &cursor) == 0);
    while (mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0) {
        MDB_stat stat;
        if (k.mv_size < 2 || k.mv_size >= sizeof name || memcmp(k.mv_data, "s.", 2) != 0)
            continue;
        memcpy(name, k.mv_data, k.mv_size);
        name[k.mv_size] = '\0';
        MUST(mdb_dbi_open(txn, name, 0, &table) == 0 && mdb_stat(txn, table, &stat) == 0);
        uint64_t pages = stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
        fprintf(stderr, "%-16s %10zu rows %12" PRIu64 " bytes\n", name, stat.ms_entries, pages * stat.ms_psize);
        bytes += pages * stat.ms_psize;
    }
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    mdb_env_close(env);
    return bytes;
}

static double cpu_seconds(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) + (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static void build(const char *path)
{
    tkt_store *store = open_store(path, false);
    tkt_reindex_stats stats = TKT_REINDEX_STATS_INIT;
    tkt_reindex_options options = TKT_REINDEX_OPTIONS_INIT;
    pthread_t watcher;
    uint64_t began = bench_ns();
    double cpu = cpu_seconds();
    options.threads = THREADS;
    options.parallel = threads_run;
    MUST(pthread_create(&watcher, NULL, watch, NULL) == 0);
    MUST(tkt_reindex(store, &options, &stats) == TKT_DONE);
    double seconds = (double)(bench_ns() - began) / 1e9;
    cpu = cpu_seconds() - cpu;
    atomic_store(&stop, true);
    pthread_join(watcher, NULL);
    tkt_store_close(store);
    uint64_t bytes = index_bytes(path);
    printf("{\"build\": {\"events\": %" PRIu64 ", \"terms\": %" PRIu64 ", \"postings\": %" PRIu64 ", \"seconds\": %.1f, "
           "\"cpuSeconds\": %.1f, \"eventsASecond\": %.0f, \"peakAnonymousMiB\": %.0f, \"indexBytes\": %" PRIu64
           ", \"bytesAnEvent\": %.1f}}\n",
           stats.events, stats.terms, stats.postings, seconds, cpu, (double)stats.events / seconds,
           (double)atomic_load(&peak_kib) / 1024, bytes, (double)bytes / (double)stats.events);
}

/* ---- upserts ------------------------------------------------------------------------------------------------ */

typedef struct upserts {
    tkt_store *store;
    uint64_t events;
    uint64_t next;   /* event to change */
    uint32_t change;
} upserts;

/* An event's texts become another's: other words, other postings, same size. */
static void change_one(upserts *u, tkt_snapshot *snap, uint32_t flags)
{
    tkt_event event, other;
    uint64_t ids[TKT_PERFORMERS_MAX];
    u->next = u->next * UINT64_C(6364136223846793005) + 1442695040888963407u;
    uint64_t id = 1 + (u->next >> 33) % u->events, from = 1 + (u->next >> 13) % u->events;
    tkt_event_init(&event);
    tkt_event_init(&other);
    MUST(tkt_snapshot_renew(snap) == TKT_DONE);
    MUST(tkt_event_view(snap, id, &event) == TKT_DONE && tkt_event_view(snap, from, &other) == TKT_DONE);
    for (uint32_t i = 0; i < event.performer_count; i++)
        MUST(tkt_event_performer(&event, i, &ids[i]) == TKT_DONE);
    event.description = other.description;
    event.name = other.name;
    event.performer_ids = ids;
    event.record = NULL;
    MUST(tkt_event_update(u->store, &event, flags) == TKT_DONE);
}

/* With TKT_DRY_RUN all is done but the commit. */
static double singles(upserts *u, uint32_t flags)
{
    tkt_snapshot *snap;
    MUST(tkt_snapshot_begin(u->store, &snap) == TKT_DONE);
    double cpu = cpu_seconds();
    for (int i = 0; i < SINGLE; i++)
        change_one(u, snap, flags);
    cpu = cpu_seconds() - cpu;
    tkt_snapshot_end(snap);
    return cpu * 1e6 / SINGLE;
}

typedef struct lines {
    char *p;
    size_t n, at;
} lines;

static int32_t read_lines(void *user, uint8_t *buf, size_t cap, size_t *got)
{
    lines *l = user;
    *got = l->n - l->at < cap ? l->n - l->at : cap;
    memcpy(buf, l->p + l->at, *got);
    l->at += *got;
    return 0;
}

/* MANY other lines for events in a row somewhere, from the generator beside this program. */
static void other_lines(const upserts *u, const char *self, uint64_t first, lines *out)
{
    char command[4200];
    size_t cap = MANY * 4096;
    int n = snprintf(command, sizeof command, "'%.*s/bench_search_gen' %" PRIu64 " %" PRIu64 " %u | head -n %d",
                     (int)(strrchr(self, '/') - self), self, u->events, first, u->change, MANY);
    MUST(n > 0 && n < (int)sizeof command);
    FILE *pipe = popen(command, "r");
    out->p = malloc(cap);
    MUST(pipe != NULL && out->p != NULL);
    out->n = fread(out->p, 1, cap, pipe);
    out->at = 0;
    pclose(pipe);
    MUST(out->n > 0);
}

static double in_one_commit(upserts *u, const char *self)
{
    double cpu = 0;
    for (int i = 0; i < REPEATS; i++) {
        lines l;
        tkt_import import = TKT_IMPORT_INIT;
        tkt_import_stats stats = TKT_IMPORT_STATS_INIT;
        other_lines(u, self, (uint64_t)i * (u->events - MANY) / REPEATS, &l);
        import.read = read_lines;
        import.user = &l;
        import.batch = MANY;
        double began = cpu_seconds();
        MUST(tkt_import_jsonl(u->store, &import, &stats) == TKT_DONE && stats.lines_refused == 0);
        cpu += cpu_seconds() - began;
        MUST(stats.events_updated == MANY);
        free(l.p);
    }
    return cpu * 1e6 / (MANY * REPEATS);
}

static void upsert(const char *path, uint64_t events, const char *self)
{
    upserts u = { open_store(path, false), events, 7, 1 };
    MUST(events > MANY);
    singles(&u, TKT_DRY_RUN); /* pages are touched for the first time */
    double beside = singles(&u, TKT_DRY_RUN), single = singles(&u, 0), many = in_one_commit(&u, self);
    MUST(tkt_index_drop(u.store) == TKT_DONE);
    u.change = 2;
    double bare_single = singles(&u, 0), bare_many = in_one_commit(&u, self);
    printf("{\"cpuMicrosBesideCommit\": %.0f, \"cpuMicrosSingle\": %.0f, \"cpuMicrosSingleNoIndex\": %.0f, \"cpuMicrosInThousand\": %.0f, "
           "\"cpuMicrosInThousandNoIndex\": %.0f, \"indexMicrosSingle\": %.0f, \"indexMicrosInThousand\": %.0f}\n",
           beside, single, bare_single, many, bare_many, single - bare_single, many - bare_many);
    tkt_store_close(u.store);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "load") == 0)
        load(argv[2]);
    else if (argc == 3 && strcmp(argv[1], "build") == 0)
        build(argv[2]);
    else if (argc == 4 && strcmp(argv[1], "upsert") == 0)
        upsert(argv[2], strtoull(argv[3], NULL, 10), argv[0]);
    else
        return 2;
    return 0;
}
