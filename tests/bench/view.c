/* SPDX-License-Identifier: MIT
 *
 * tests/bench/view.c: viewing an event, against a raw mdb_get of the same record.
 *
 *   bench_view [--quick] [--events N] [--rounds N] [--keep DIR] [--json FILE]
 *
 * 1,000,000 events (--quick: 100,000; --events) of about 600 bytes, asked for by Zipf and evenly, by one reader and
 * by two, with nobody writing and beside 1,000 durable commits a second (ours: holds; the peer: a row each). Both
 * sides take the newest state before each look (tkt_snapshot_renew; mdb_txn_reset + mdb_txn_renew) and read every
 * byte of what they got. The peer's file holds the same record bytes under the same keys, opened with the same flags.
 * --keep: what was made stays in DIR and is used again; --rounds 0: it is only made. Budget: ours ≤ 1.3 × the peer.
 */
#include "bench.h"

#include <ftw.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ticketing/ticketing.h>

#include "store/store.h"

#define LOOKS 200000
#define SAMPLES 100000
#define THREADS 2
#define COMMITS 1000          /* a second */
#define SALE_ROW 200          /* bytes that the peer puts with each commit */
#define PEER_MAP ((size_t)64 << 30)

static char dir[200] = "/tmp/tkt-bench-XXXXXX", store_path[256], peer_path[256];
static uint64_t events;
static uint64_t *ids; /* LOOKS × THREADS of them, drawn before anything is timed */
static tkt_store *store;
static MDB_env *env;
static MDB_dbi db, sale_db;
static uint32_t area_id;
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

static void open_store(void)
{
    tkt_options *options;
    MUST(tkt_options_new(&options) == TKT_DONE && tkt_options_set_create(options, 1) == TKT_DONE);
    MUST(tkt_options_set_index(options, 0) == TKT_DONE); /* a view never reads it: loading it is not measured */
    MUST(tkt_store_open(store_path, strlen(store_path), options, &store) == TKT_DONE);
    tkt_options_free(options);
}

static void make_store(void)
{
    const tkt_text floor = { "Floor", 5 };
    source from = { 0 };
    tkt_import import = TKT_IMPORT_INIT;
    tkt_import_stats stats = TKT_IMPORT_STATS_INIT;
    import.read = write_lines;
    import.user = &from;
    import.batch = 1000;
    MUST(tkt_import_jsonl(store, &import, &stats) == TKT_DONE && stats.events_added == events);
    MUST(tkt_event_set_area(store, 1, floor, 1000000000, 0, &area_id) == TKT_DONE);
    MUST(tkt_event_set_price(store, 1, TKT_SCOPE_EVENT, 0, 2500, "EUR", 0) == TKT_DONE);
}

static void open_peer(void)
{
    MDB_txn *txn;
    MUST(mdb_env_create(&env) == 0 && mdb_env_set_mapsize(env, PEER_MAP) == 0 && mdb_env_set_maxdbs(env, 4) == 0);
    MUST(mdb_env_open(env, peer_path, MDB_NOSUBDIR | MDB_NOTLS | MDB_NORDAHEAD, 0600) == 0);
    MUST(mdb_txn_begin(env, NULL, 0, &txn) == 0 && mdb_dbi_open(txn, "event", MDB_CREATE, &db) == 0);
    MUST(mdb_dbi_open(txn, "sale", MDB_CREATE, &sale_db) == 0 && mdb_txn_commit(txn) == 0);
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
    MUST(mdb_txn_begin(env, NULL, 0, &txn) == 0);
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

/* ---- who commits meanwhile ------------------------------------------------------------------------------- */

typedef struct seller {
    pthread_t thread;
    bool ours;
    _Atomic bool stop;
    uint64_t made; /* commits, over all rounds */
} seller;

static void sell_ours(void)
{
    tkt_reserve_request want;
    tkt_hold hold;
    tkt_reserve_request_init(&want);
    tkt_hold_init(&hold);
    want.event_id = 1;
    want.area_id = area_id;
    want.quantity = 1;
    MUST(tkt_reserve(store, &want, &hold) == TKT_DONE);
}

static void sell_peer(uint64_t n)
{
    uint8_t key[8], row[SALE_ROW] = { 0 };
    MDB_val k = { sizeof key, key }, v = { sizeof row, row };
    MDB_txn *txn;
    tkt__be64(key, n);
    MUST(mdb_txn_begin(env, NULL, 0, &txn) == 0 && mdb_put(txn, sale_db, &k, &v, 0) == 0 && mdb_txn_commit(txn) == 0);
}

static void *sell(void *arg)
{
    seller *s = arg;
    uint64_t next = bench_ns();
    while (!atomic_load(&s->stop)) {
        if (s->ours)
            sell_ours();
        else
            sell_peer(s->made);
        s->made++;
        next += 1000000000 / COMMITS;
        int64_t wait = (int64_t)(next - bench_ns());
        const struct timespec pause = { 0, wait };
        if (wait > 0)
            nanosleep(&pause, NULL);
        else
            next = bench_ns(); /* no catching up */
    }
    return NULL;
}

/* Nanoseconds a look, with so many readers at once, and with somebody who sells where that is not NULL. */
static double one_round(worker *workers, uint32_t threads, seller *selling)
{
    if (selling != NULL) {
        atomic_store(&selling->stop, false);
        MUST(pthread_create(&selling->thread, NULL, sell, selling) == 0);
    }
    uint64_t start = bench_ns();
    for (uint32_t i = 1; i < threads; i++)
        MUST(pthread_create(&workers[i].thread, NULL, look_all, &workers[i]) == 0);
    look_all(&workers[0]);
    for (uint32_t i = 1; i < threads; i++)
        pthread_join(workers[i].thread, NULL);
    double ns = (double)(bench_ns() - start) / LOOKS;
    if (selling != NULL) {
        atomic_store(&selling->stop, true);
        pthread_join(selling->thread, NULL);
    }
    for (uint32_t i = 0; i < threads; i++)
        sink += workers[i].sum;
    return ns;
}

typedef struct result {
    double ours, peer, ratio; /* medians over the rounds */
} result;

static result compare(worker *ours, worker *peer, uint32_t threads, uint32_t rounds, bool selling)
{
    double a[BENCH_ROUNDS_MAX], b[BENCH_ROUNDS_MAX], ratio[BENCH_ROUNDS_MAX];
    static seller here = { .ours = true }, there = { .ours = false };
    seller *s = selling ? &here : NULL, *t = selling ? &there : NULL;
    one_round(ours, threads, s);
    one_round(peer, threads, t);
    for (uint32_t i = 0; i < rounds; i++) {
        bool first = i % 2 == 0;
        if (first)
            a[i] = one_round(ours, threads, s);
        b[i] = one_round(peer, threads, t);
        if (!first)
            a[i] = one_round(ours, threads, s);
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

/* ---- the whole --------------------------------------------------------------------------------------------- */

typedef struct args {
    uint32_t rounds;
    const char *json, *keep;
} args;

static bool parse(int argc, char **argv, args *a)
{
    *a = (args){ .rounds = 21 };
    events = 1000000;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--quick") == 0) {
            events = 100000;
            a->rounds = 5;
        } else if (strcmp(argv[i], "--events") == 0 && i + 1 < argc)
            events = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc)
            a->rounds = (uint32_t)strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--keep") == 0 && i + 1 < argc)
            a->keep = argv[++i];
        else if (strcmp(argv[i], "--json") == 0 && i + 1 < argc)
            a->json = argv[++i];
        else
            return false;
    return events > 0 && a->rounds <= BENCH_ROUNDS_MAX;
}

/* Bytes of a record, on average. */
static uint64_t prepare(const args *a)
{
    struct stat st;
    MDB_stat all;
    MDB_txn *txn;
    tkt_snapshot *snap;
    tkt_area area = TKT_AREA_INIT;
    if (a->keep != NULL) {
        snprintf(dir, sizeof dir, "%s", a->keep);
        MUST(mkdir(dir, 0700) == 0 || access(dir, W_OK) == 0);
    } else
        MUST(mkdtemp(dir) != NULL);
    snprintf(store_path, sizeof store_path, "%s/store", dir);
    snprintf(peer_path, sizeof peer_path, "%s/peer.mdb", dir);
    bool made = stat(peer_path, &st) == 0;
    open_store();
    open_peer();
    if (!made) {
        make_store();
        return copy_records();
    }
    MUST(tkt_snapshot_begin(store, &snap) == TKT_DONE && tkt_area_view(snap, 1, 0, &area) == TKT_DONE);
    tkt_snapshot_end(snap);
    area_id = area.id;
    MUST(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == 0 && mdb_stat(txn, db, &all) == 0);
    mdb_txn_abort(txn);
    events = all.ms_entries;
    return 0;
}

static void draw_ids(bool zipf)
{
    uint64_t seed = 7;
    for (size_t i = 0; i < LOOKS * THREADS; i++)
        ids[i] = zipf ? bench_zipf(&seed, events) : 1 + bench_draw(&seed) % events;
}

static void report(FILE *out, uint64_t bytes, const char *rows)
{
    fprintf(out, "{\"benchmark\":\"view\",\"events\":%" PRIu64 ",\"record_bytes\":%" PRIu64 ",\"budget_ratio\":1.3,\"rows\":[\n%s]}\n",
            events, bytes, rows);
}

/* One line a case; the percentiles are of single looks with one reader. */
static void run_all(worker *ours, worker *peer, uint32_t rounds, FILE *rows)
{
    const char *comma = "";
    for (int zipf = 1; zipf >= 0; zipf--)
        for (int selling = 0; selling < 2; selling++)
            for (uint32_t readers = 1; readers <= THREADS; readers++) {
                double a[3], b[3];
                draw_ids(zipf != 0);
                result r = compare(ours, peer, readers, rounds, selling != 0);
                fprintf(rows, "%s{\"ids\":\"%s\",\"readers\":%" PRIu32 ",\"commits\":%d,\"ours_ns\":%.0f,\"mdb_get_ns\":%.0f,\"ratio\":%.3f",
                        comma, zipf ? "zipf" : "even", readers, selling ? COMMITS : 0, r.ours, r.peer, r.ratio);
                if (readers == 1 && !selling) {
                    percentiles(&ours[0], a);
                    percentiles(&peer[0], b);
                    fprintf(rows, ",\"ours_p50_p99_p999\":[%.0f,%.0f,%.0f],\"mdb_get_p50_p99_p999\":[%.0f,%.0f,%.0f]", a[0], a[1],
                            a[2], b[0], b[1], b[2]);
                }
                fprintf(rows, "}\n");
                comma = ",";
            }
}

int main(int argc, char **argv)
{
    args a;
    worker ours[THREADS] = { 0 }, peer[THREADS] = { 0 };
    char *rows = NULL;
    size_t n = 0;
    if (!parse(argc, argv, &a)) {
        fprintf(stderr, "bench_view [--quick] [--events N] [--rounds N] [--keep DIR] [--json FILE]\n");
        return 2;
    }
    MUST((ids = malloc(sizeof *ids * LOOKS * THREADS)) != NULL);
    uint64_t bytes = prepare(&a);
    for (uint32_t i = 0; i < THREADS; i++) {
        ours[i].ids = peer[i].ids = ids + i * LOOKS;
        MUST(tkt_snapshot_begin(store, &ours[i].snap) == TKT_DONE);
        MUST(mdb_txn_begin(env, NULL, MDB_RDONLY, &peer[i].txn) == 0);
    }
    FILE *memory = open_memstream(&rows, &n);
    MUST(memory != NULL);
    if (a.rounds != 0)
        run_all(ours, peer, a.rounds, memory);
    MUST(fclose(memory) == 0);
    report(stdout, bytes, rows);
    FILE *file = a.json != NULL ? fopen(a.json, "w") : NULL;
    MUST(a.json == NULL || file != NULL);
    if (file != NULL) {
        report(file, bytes, rows);
        MUST(fclose(file) == 0);
    }
    free(rows);
    for (uint32_t i = 0; i < THREADS; i++) {
        tkt_snapshot_end(ours[i].snap);
        mdb_txn_abort(peer[i].txn);
    }
    tkt_store_close(store);
    mdb_env_close(env);
    if (a.keep == NULL)
        nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(ids);
    return 0;
}
