/* SPDX-License-Identifier: MIT
 *
 * tests/bench/view/ours.c: viewing an event, against a raw mdb_get of the same record, in one process.
 *
 *   bench_view_ours EVENTS ROUNDS [DIR]
 *
 * The peer's file holds the same record bytes under the same keys, opened with the same flags; both take the newest state
 * before each look (tkt_snapshot_renew; mdb_txn_reset + mdb_txn_renew). What sells beside is a hold, and a row of the peer.
 * DIR: what was made stays there and is used again, whatever EVENTS says. ROUNDS 0: it is only made.
 */
#include <stdbool.h>
#include <ftw.h>
#include <lmdb.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ticketing/ticketing.h>

#include "look.h"
#include "store/store.h"

#define LOOKS 200000
#define PEER_MAP ((size_t)64 << 30)

static char dir[200] = "/tmp/tkt-bench-XXXXXX", store_path[256], peer_path[256];
static uint64_t events;
static tkt_store *store;
static MDB_env *env;
static MDB_dbi db, sale_db;
static uint32_t area_id;

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

static void *open_ours(void)
{
    tkt_snapshot *snap;
    MUST(tkt_snapshot_begin(store, &snap) == TKT_DONE);
    return snap;
}

static void close_ours(void *reader)
{
    tkt_snapshot_end(reader);
}

static uint64_t look_ours(void *reader, uint64_t id)
{
    tkt_event e;
    e.size = sizeof e;
    MUST(tkt_snapshot_renew(reader) == TKT_DONE && tkt_event_view(reader, id, &e) == TKT_DONE);
    /* The record as it lies in the store: its last byte is the last of the description. */
    return look_sum(e.record, (size_t)((const uint8_t *)e.description.ptr + e.description.len - (const uint8_t *)e.record));
}

static void sell_ours(void *seller, uint64_t n)
{
    tkt_reserve_request want;
    tkt_hold hold;
    (void)seller, (void)n;
    tkt_reserve_request_init(&want);
    tkt_hold_init(&hold);
    want.event_id = 1;
    want.area_id = area_id;
    want.quantity = 1;
    MUST(tkt_reserve(store, &want, &hold) == TKT_DONE);
}

static void *open_txn(void)
{
    MDB_txn *txn;
    MUST(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == 0);
    return txn;
}

static void close_txn(void *reader)
{
    mdb_txn_abort(reader);
}

static uint64_t look_peer(void *reader, uint64_t id)
{
    uint8_t bytes[8];
    MDB_val key = { 8, bytes }, value;
    tkt__be64(bytes, id);
    mdb_txn_reset(reader);
    MUST(mdb_txn_renew(reader) == 0 && mdb_get(reader, db, &key, &value) == 0);
    return look_sum(value.mv_data, value.mv_size);
}

static void sell_peer(void *seller, uint64_t n)
{
    uint8_t key[8], row[LOOK_SALE_ROW] = { 0 };
    MDB_val k = { sizeof key, key }, v = { sizeof row, row };
    MDB_txn *txn;
    (void)seller;
    tkt__be64(key, n);
    MUST(mdb_txn_begin(env, NULL, 0, &txn) == 0 && mdb_put(txn, sale_db, &k, &v, 0) == 0 && mdb_txn_commit(txn) == 0);
}

/* ---- the whole --------------------------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

/* Bytes of a record, on average. */
static uint64_t prepare(const char *keep)
{
    struct stat st;
    MDB_stat all;
    MDB_txn *txn;
    tkt_snapshot *snap;
    tkt_area area = TKT_AREA_INIT;
    if (keep != NULL) {
        snprintf(dir, sizeof dir, "%s", keep);
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

int main(int argc, char **argv)
{
    static const look_side sides[] = {
        { "ours", LOOKS, open_ours, close_ours, look_ours, false, sell_ours },
        { "mdb_get", LOOKS, open_txn, close_txn, look_peer, false, sell_peer },
    };
    events = argc >= 3 && argc <= 4 ? strtoull(argv[1], NULL, 10) : 0;
    uint64_t rounds = events > 0 ? strtoull(argv[2], NULL, 10) : 0;
    if (events == 0 || rounds > BENCH_ROUNDS_MAX) {
        fprintf(stderr, "bench_view_ours EVENTS ROUNDS [DIR]\n");
        return 2;
    }
    uint64_t bytes = prepare(argc == 4 ? argv[3] : NULL);
    printf("{\"events\":%" PRIu64 ",\"record_bytes\":%" PRIu64 ",\"rows\":[\n", events, bytes);
    if (rounds != 0)
        look_run(sides, 2, events, (uint32_t)rounds, stdout);
    printf("]}\n");
    tkt_store_close(store);
    mdb_env_close(env);
    if (argc < 4)
        nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}
