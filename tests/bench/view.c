/* SPDX-License-Identifier: MIT
 *
 * tests/bench/view.c: viewing an event, against a raw mdb_get of the same record.
 *
 *   bench_view [--quick] [--json FILE]
 *
 * 1,000,000 events (--quick: 100,000) of about 600 bytes, asked for by Zipf. Both sides take the newest
 * state before each look (tkt_snapshot_renew; mdb_txn_reset + mdb_txn_renew) and read every byte of what
 * they got. The peer's file holds the same record bytes under the same keys, opened with the same flags.
 * Budget: ours ≤ 1.3 × the peer.
 */
#include "bench.h"

#include <ftw.h>
#include <lmdb.h>
#include <pthread.h>
#include <unistd.h>

#include <ticketing/ticketing.h>

#include "store/store.h"

#define LOOKS 200000
#define SAMPLES 100000
#define THREADS 2

static char dir[] = "/tmp/tkt-bench-XXXXXX", store_path[64], peer_path[64];
static uint64_t events;
static uint64_t *ids; /* LOOKS × THREADS of them, drawn before anything is timed */
static tkt_store *store;
static MDB_env *env;
static MDB_dbi db;
static volatile uint64_t sink;

/* ---- the data ------------------------------------------------------------------------------------------ */

typedef struct source {
    uint64_t next;
} source;

static int32_t write_lines(void *user, uint8_t *buf, size_t cap, size_t *got)
{
    static const char filler[] =
        "An evening with works that were chosen for their length rather than for their fame, played by people who "
        "know them by heart, in a hall that has seen better days and will see them again; after the break there is "
        "more of the same, and whoever stays until the end may talk to the artists over a glass of something. Doors open "
        "an hour before; coats are kept for nothing, and late comers wait for the first pause. ";
    source *s = user;
    *got = 0;
    while (s->next < events && cap - *got > 1400) {
        s->next++;
        int n = snprintf((char *)buf + *got, cap - *got,
                         "{\"@id\":\"bench:%" PRIu64 "\",\"@type\":\"MusicEvent\",\"name\":\"Concert number %" PRIu64
                         " of the season\",\"startDate\":\"20%02" PRIu64 "-%02" PRIu64 "-%02" PRIu64 "T19:30:00+01:00\","
                         "\"description\":\"%s%" PRIu64 "\",\"url\":\"https://example.org/concerts/%" PRIu64 "\","
                         "\"location\":{\"name\":\"Hall %" PRIu64 "\",\"address\":{\"addressLocality\":\"City %" PRIu64
                         "\",\"addressCountry\":\"DE\"}},\"performer\":[{\"name\":\"Band %" PRIu64 "\"}]}\n",
                         s->next, s->next, 30 + s->next % 20, 1 + s->next % 12, 1 + s->next % 28, filler, s->next, s->next,
                         s->next % 500, s->next % 50, s->next % 3000);
        *got += (size_t)n;
    }
    return 0;
}

static void make_store(void)
{
    tkt_options *options;
    source from = { 0 };
    tkt_import import = TKT_IMPORT_INIT;
    tkt_import_stats stats = TKT_IMPORT_STATS_INIT;
    MUST(tkt_options_new(&options) == TKT_DONE && tkt_options_set_create(options, 1) == TKT_DONE);
    MUST(tkt_options_set_index(options, 0) == TKT_DONE); /* a view never reads it: loading it is not measured */
    MUST(tkt_store_open(store_path, strlen(store_path), options, &store) == TKT_DONE);
    tkt_options_free(options);
    import.read = write_lines;
    import.user = &from;
    import.batch = 1000;
    MUST(tkt_import_jsonl(store, &import, &stats) == TKT_DONE && stats.events_added == events);
}

/* The same records in a file of the peer's own. */
static uint64_t copy_records(void)
{
    tkt_snapshot *snap;
    tkt__tx *tx;
    tkt__cursor *cursor;
    tkt__slice k, v;
    MDB_txn *txn;
    uint64_t bytes = 0, n = 0;
    MUST(mdb_env_create(&env) == 0 && mdb_env_set_mapsize(env, (size_t)16 << 30) == 0 && mdb_env_set_maxdbs(env, 4) == 0);
    MUST(mdb_env_open(env, peer_path, MDB_NOSUBDIR | MDB_NOTLS | MDB_NORDAHEAD, 0600) == 0);
    MUST(mdb_txn_begin(env, NULL, 0, &txn) == 0 && mdb_dbi_open(txn, "event", MDB_CREATE, &db) == 0);
    MUST(tkt_snapshot_begin(store, &snap) == TKT_DONE && tkt__snapshot_tx(snap, &tx) == TKT_DONE);
    MUST(tkt__tx_cursor_open(tx, TKT__T_EVENT, &cursor) == TKT_DONE);
    for (int32_t st = tkt__cursor_seek(cursor, tkt__slice_of(NULL, 0), &k, &v); st == TKT_DONE;
         st = tkt__cursor_next(cursor, &k, &v)) {
        MDB_val key = { k.n, (void *)(uintptr_t)k.p }, value = { v.n, (void *)(uintptr_t)v.p };
        MUST(mdb_put(txn, db, &key, &value, MDB_APPEND) == 0);
        bytes += v.n;
        n++;
    }
    MUST(n == events && mdb_txn_commit(txn) == 0);
    tkt__cursor_close(cursor);
    tkt_snapshot_end(snap);
    return bytes / n;
}

/* ---- the looks ------------------------------------------------------------------------------------------- */

static uint64_t sum_of(const void *p, size_t n)
{
    const uint8_t *at = p;
    uint64_t sum = 0, word;
    for (; n >= 8; n -= 8, at += 8) {
        memcpy(&word, at, 8);
        sum += word;
    }
    for (word = 0; n > 0; n--)
        word = word << 8 | at[n - 1];
    return sum + word;
}

static uint64_t look_ours(tkt_snapshot *snap, uint64_t id)
{
    tkt_event e;
    e.size = sizeof e;
    MUST(tkt_snapshot_renew(snap) == TKT_DONE && tkt_event_view(snap, id, &e) == TKT_DONE);
    /* The record as it lies in the store: its last byte is the last of the description. */
    return sum_of(e.record, (size_t)((const uint8_t *)e.description.ptr + e.description.len - (const uint8_t *)e.record));
}

static uint64_t look_peer(MDB_txn *txn, uint64_t id)
{
    uint8_t bytes[8];
    MDB_val key = { 8, bytes }, value;
    tkt__be64(bytes, id);
    mdb_txn_reset(txn);
    MUST(mdb_txn_renew(txn) == 0 && mdb_get(txn, db, &key, &value) == 0);
    return sum_of(value.mv_data, value.mv_size);
}

typedef struct worker {
    pthread_t thread;
    const uint64_t *ids;
    tkt_snapshot *snap; /* ours, or */
    MDB_txn *txn;       /* the peer's */
    uint64_t sum;
} worker;

static void *look_all(void *arg)
{
    worker *w = arg;
    uint64_t sum = 0;
    for (size_t i = 0; i < LOOKS; i++)
        sum += w->snap != NULL ? look_ours(w->snap, w->ids[i]) : look_peer(w->txn, w->ids[i]);
    w->sum = sum;
    return NULL;
}

/* Nanoseconds a look, with so many readers at once. */
static double one_round(worker *workers, uint32_t threads)
{
    uint64_t start = bench_ns();
    for (uint32_t i = 1; i < threads; i++)
        MUST(pthread_create(&workers[i].thread, NULL, look_all, &workers[i]) == 0);
    look_all(&workers[0]);
    for (uint32_t i = 1; i < threads; i++)
        pthread_join(workers[i].thread, NULL);
    double ns = (double)(bench_ns() - start) / LOOKS;
    for (uint32_t i = 0; i < threads; i++)
        sink += workers[i].sum;
    return ns;
}

typedef struct result {
    double ours, peer, ratio; /* medians over the rounds */
} result;

static result compare(worker *ours, worker *peer, uint32_t threads, uint32_t rounds)
{
    double a[BENCH_ROUNDS_MAX], b[BENCH_ROUNDS_MAX], ratio[BENCH_ROUNDS_MAX];
    one_round(ours, threads);
    one_round(peer, threads);
    for (uint32_t i = 0; i < rounds; i++) {
        bool first = i % 2 == 0;
        if (first)
            a[i] = one_round(ours, threads);
        b[i] = one_round(peer, threads);
        if (!first)
            a[i] = one_round(ours, threads);
        ratio[i] = a[i] / b[i];
    }
    return (result){ bench_part(a, rounds, 0.5), bench_part(b, rounds, 0.5), bench_part(ratio, rounds, 0.5) };
}

/* Each look timed by itself; both sides pay for the clock alike. */
static void percentiles(worker *w, double out[3])
{
    double *ns = malloc(SAMPLES * sizeof *ns);
    MUST(ns != NULL);
    for (size_t i = 0; i < SAMPLES; i++) {
        uint64_t start = bench_ns();
        sink += w->snap != NULL ? look_ours(w->snap, w->ids[i]) : look_peer(w->txn, w->ids[i]);
        ns[i] = (double)(bench_ns() - start);
    }
    out[0] = bench_part(ns, SAMPLES, 0.5);
    out[1] = bench_part(ns, SAMPLES, 0.99);
    out[2] = bench_part(ns, SAMPLES, 0.999);
    free(ns);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static void report(FILE *out, const char *end, uint64_t bytes, result one, result two, const double *a, const double *b)
{
    fprintf(out,
            "{\"benchmark\":\"view\",\"events\":%" PRIu64 ",\"record_bytes\":%" PRIu64 ",\"budget_ratio\":1.3,"
            "\"one_reader\":{\"ours_ns\":%.0f,\"mdb_get_ns\":%.0f,\"ratio\":%.3f},"
            "\"two_readers\":{\"ours_ns\":%.0f,\"mdb_get_ns\":%.0f,\"ratio\":%.3f},"
            "\"ours_percentiles_ns\":{\"p50\":%.0f,\"p99\":%.0f,\"p999\":%.0f},"
            "\"mdb_get_percentiles_ns\":{\"p50\":%.0f,\"p99\":%.0f,\"p999\":%.0f}}%s",
            events, bytes, one.ours, one.peer, one.ratio, two.ours, two.peer, two.ratio, a[0], a[1], a[2], b[0], b[1], b[2], end);
}

int main(int argc, char **argv)
{
    const char *json = NULL;
    uint32_t rounds = 21;
    events = 1000000;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--quick") == 0) {
            events = 100000;
            rounds = 5;
        } else if (strcmp(argv[i], "--json") == 0 && i + 1 < argc)
            json = argv[++i];
    worker ours[THREADS] = { 0 }, peer[THREADS] = { 0 };
    double a[3], b[3];
    uint64_t seed = 7;
    MUST(mkdtemp(dir) != NULL && (ids = malloc(sizeof *ids * LOOKS * THREADS)) != NULL);
    snprintf(store_path, sizeof store_path, "%s/store", dir);
    snprintf(peer_path, sizeof peer_path, "%s/peer.mdb", dir);
    make_store();
    uint64_t bytes = copy_records();
    for (size_t i = 0; i < LOOKS * THREADS; i++)
        ids[i] = bench_zipf(&seed, events);
    for (uint32_t i = 0; i < THREADS; i++) {
        ours[i].ids = peer[i].ids = ids + i * LOOKS;
        MUST(tkt_snapshot_begin(store, &ours[i].snap) == TKT_DONE);
        MUST(mdb_txn_begin(env, NULL, MDB_RDONLY, &peer[i].txn) == 0);
    }
    result one = compare(ours, peer, 1, rounds), two = compare(ours, peer, THREADS, rounds);
    percentiles(&ours[0], a);
    percentiles(&peer[0], b);
    report(stdout, "\n", bytes, one, two, a, b);
    FILE *file = json != NULL ? fopen(json, "w") : NULL;
    MUST(json == NULL || file != NULL);
    if (file != NULL) {
        report(file, "\n", bytes, one, two, a, b);
        MUST(fclose(file) == 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        tkt_snapshot_end(ours[i].snap);
        mdb_txn_abort(peer[i].txn);
    }
    tkt_store_close(store);
    mdb_env_close(env);
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(ids);
    return 0;
}
