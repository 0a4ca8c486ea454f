/* SPDX-License-Identifier: MIT
 *
 * engine/lmdb/fold.c: the tail's way into the tree.
 *
 * A fold is begun when the tail has half of the bytes that it may grow to (journal_half), and takes in the records
 * that are there then (`until`). It goes over the tables and over the keys of the tail in order, and puts the newest
 * version that each has by then into the tree: rows that lie on one page are written together, and a row that changed
 * a hundred times is written once. At the end the records up to `until` are deleted.
 *
 * Pace: a slice goes with each commit, as many keys as bring the fold to its end when as many bytes have come
 * again. So the tail stays below twice that half, and no commit pays for more than its share.
 *
 * Row "fold" of the engine's database while one is under way:
 *   u64 until, u64 bytes of all records at its begin, u64 keys to go through (about), u64 gone through,
 *   u8 table, then the key gone through last (empty: none of that table)
 * It is written with each slice, so a crash, or another process, goes on behind the last slice that committed.
 * Only keys with a version among the records still there are put: what another process folded stays as it is.
 */
#include "engine/lmdb/lmdb_engine.h"

#define KEYS_LEAST 16u      /* of a slice; the number to go through is a guess */
#define KEYS_MOST 8192u
#define KEYS_TICK 512u      /* where no commit gives the pace */
#define PAGES_A_KEY 8u      /* that a slice takes until those that they replace are free again, at worst */
#define ORDER_LEAST 1024u   /* keys of a table that a slice puts in order before it folds any of it, */
#define ORDER_A_KEY 4u      /* or so many for each that it would fold */
#define ROW_BYTES (33 + TKT__KEY_MAX)

typedef struct fold {
    uint64_t until, total, keys, done;
    uint8_t table;
    size_t key_n;
    uint8_t key[TKT__KEY_MAX];
} fold;

static MDB_val name_of(const char *name)
{
    return (MDB_val){ strlen(name), (void *)(uintptr_t)name };
}

/* ---- the row --------------------------------------------------------------------------------------- */

static int32_t load(tkt__lmdb_view *v, fold *f)
{
    MDB_val key = name_of("fold"), value;
    int rc = mdb_get(v->txn, v->e->engine_db, &key, &value);
    if (rc != 0)
        return rc == MDB_NOTFOUND ? TKT_NOT_FOUND : tkt__lmdb_status(v->e, rc, "reading the fold's row");
    tkt__reader r = tkt__reader_of(tkt__slice_of(value.mv_data, value.mv_size));
    f->until = tkt__get_u64(&r);
    f->total = tkt__get_u64(&r);
    f->keys = tkt__get_u64(&r);
    f->done = tkt__get_u64(&r);
    f->table = tkt__get_u8(&r);
    f->key_n = (size_t)(r.end - r.p);
    if (r.bad || f->key_n > TKT__KEY_MAX)
        return tkt__fail(TKT_E_CORRUPT, "the fold's row is malformed");
    memcpy(f->key, r.p, f->key_n);
    return TKT_DONE;
}

static int save(tkt__lmdb_view *v, const fold *f)
{
    uint8_t bytes[ROW_BYTES];
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    tkt__put_u64(&w, f->until);
    tkt__put_u64(&w, f->total);
    tkt__put_u64(&w, f->keys);
    tkt__put_u64(&w, f->done);
    tkt__put_u8(&w, f->table);
    tkt__put_bytes(&w, f->key, f->key_n);
    MDB_val key = name_of("fold"), value = { w.n, bytes };
    return mdb_put(v->txn, v->e->engine_db, &key, &value, 0);
}

static void begin(tkt__lmdb_view *v, fold *f)
{
    v->seen.until = v->seen.high;
    *f = (fold){ .until = v->seen.high, .total = v->seen.total_high };
    for (uint32_t i = 0; i < v->seen.n; i++)
        f->keys += v->seen.segment[i]->nodes; /* a writer is alone: nobody adds meanwhile */
}

/* ---- a slice --------------------------------------------------------------------------------------- */

/* Where little of the map is left, as many as it surely has pages for; at half of the reserve none: the tail then
 * grows by what gives places back. */
static uint64_t most_keys(const tkt__space *space)
{
    uint64_t n = space->near ? space->bytes / space->page / PAGES_A_KEY : KEYS_MOST;
    if (space->near && space->bytes < space->reserve / 2)
        return 0;
    return n < KEYS_MOST ? n : KEYS_MOST;
}

static uint64_t pace(const tkt__lmdb_view *v, const fold *f, uint64_t bytes)
{
    uint64_t left = f->keys > f->done + KEYS_LEAST ? f->keys - f->done : KEYS_LEAST;
    uint64_t end = f->total + v->e->journal_half, at = v->seen.total_high + bytes;
    uint64_t n = bytes == 0 ? KEYS_TICK : at < end ? left * bytes / (end - at) + 1 : left;
    uint64_t most = most_keys(&v->space);
    return n < most ? n : most;
}

static int put_version(MDB_cursor *cursor, tkt__slice at, const tkt__version *version)
{
    MDB_val key = { at.n, (void *)(uintptr_t)at.p };
    MDB_val value = { version->value.n, (void *)(uintptr_t)version->value.p };
    if (!version->deleted)
        return mdb_cursor_put(cursor, &key, &value, 0);
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_SET);
    return rc == 0 ? mdb_cursor_del(cursor, 0) : rc == MDB_NOTFOUND ? 0 : rc;
}

/* The segments that it takes from: what is in the others came later, and need not be put in order for it. */
static tkt__seen taken_from(const tkt__seen *seen, uint64_t until)
{
    tkt__seen part = *seen;
    part.n = 0;
    for (uint32_t i = 0; i < seen->n; i++)
        if (seen->segment[i]->first <= until)
            part.segment[part.n++] = seen->segment[i];
    return part;
}

/* Whether the table's order is made; some of it with this slice, more with the next ones. */
static bool in_order(const tkt__seen *from, uint8_t table, uint64_t keys)
{
    uint64_t most = keys < UINT32_MAX / ORDER_A_KEY ? keys * ORDER_A_KEY : UINT32_MAX;
    bool all = true;
    for (uint32_t i = 0; i < from->n; i++)
        all = tkt__segment_order(from->segment[i], table, (uint32_t)(most > ORDER_LEAST ? most : ORDER_LEAST)) && all;
    return all;
}

/* Goes on in the table at hand. *n: how many keys still; 0 where it stopped for that. */
static int fold_table(tkt__lmdb_view *v, fold *f, uint64_t *n)
{
    const tkt__seen from = taken_from(&v->seen, f->until);
    tkt__walk w;
    MDB_cursor *cursor = NULL;
    int rc = 0;
    if (!in_order(&from, f->table, *n)) {
        *n = 0;
        return 0;
    }
    for (tkt__walk_seek(&w, &from, f->table, tkt__slice_of(f->key, f->key_n), true);
         rc == 0 && w.version != NULL && *n != 0; tkt__walk_next(&w)) {
        const tkt__version *version = tkt__walk_version(&w, f->until);
        if (version == NULL || version->stamp < v->seen.low)
            continue;
        if (cursor == NULL)
            rc = mdb_cursor_open(v->txn, v->e->dbs[f->table][0], &cursor);
        if (rc == 0)
            rc = put_version(cursor, w.key, version);
        memcpy(f->key, w.key.p, w.key.n);
        f->key_n = w.key.n;
        f->done++;
        --*n;
    }
    if (cursor != NULL)
        mdb_cursor_close(cursor);
    return rc;
}

static int delete_records(tkt__lmdb_view *v, uint64_t until)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    int rc = mdb_cursor_open(v->txn, v->e->journal_db, &cursor);
    if (rc != 0)
        return rc;
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST)) == 0 && key.mv_size == 8 &&
           tkt__get_be64(key.mv_data) <= until)
        if ((rc = mdb_cursor_del(cursor, 0)) != 0)
            break;
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int finish(tkt__lmdb_view *v, const fold *f)
{
    MDB_val key = name_of("fold");
    int rc = delete_records(v, f->until);
    if (rc == 0)
        rc = mdb_del(v->txn, v->e->engine_db, &key, NULL);
    /* The journal may be empty now: what its last record told is kept. */
    return rc == 0 || rc == MDB_NOTFOUND ? tkt__stamp_write(v, v->seen.high, v->seen.floor_ms) : rc;
}

int32_t tkt__fold_until(tkt__lmdb_view *v, uint64_t *until)
{
    fold f;
    int32_t status = load(v, &f);
    *until = status == TKT_DONE ? f.until : 0;
    return status < 0 ? status : TKT_DONE;
}

int32_t tkt__fold_due(tkt__lmdb_view *v, bool *due)
{
    fold f;
    int32_t status = tkt__tail_look(v);
    if (status == TKT_DONE)
        status = load(v, &f);
    *due = status == TKT_DONE || (status == TKT_NOT_FOUND &&
                                  v->seen.total_high - v->seen.total_low >= v->e->journal_half);
    return status < 0 ? status : TKT_DONE;
}

int32_t tkt__fold(tkt__lmdb_view *v, uint64_t bytes, bool all)
{
    fold f;
    int32_t status = tkt__tail_look(v);
    if (status != TKT_DONE || v->seen.high == 0)
        return status;
    status = load(v, &f);
    if (!all && most_keys(&v->space) == 0)
        return TKT_DONE;
    bool under_way = status == TKT_DONE && !all; /* to the end: anew, with every record */
    if (status == TKT_NOT_FOUND && !all && v->seen.total_high + bytes - v->seen.total_low < v->e->journal_half)
        return TKT_DONE;
    if (status >= 0)
        status = tkt__tail_bind(v);
    if (status != TKT_DONE)
        return status;
    if (!under_way)
        begin(v, &f);
    uint64_t n = all ? UINT64_MAX : pace(v, &f, bytes);
    int rc = fold_table(v, &f, &n);
    while (rc == 0 && n != 0 && f.table + 1u < v->e->schema->count) {
        f.table++;
        f.key_n = 0;
        rc = fold_table(v, &f, &n);
    }
    if (rc == 0)
        rc = n != 0 ? finish(v, &f) : save(v, &f);
    return tkt__lmdb_status(v->e, rc, "folding the journal");
}
