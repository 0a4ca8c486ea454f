/* SPDX-License-Identifier: MIT
 *
 * engine/lmdb/write.c: one write transaction: all of a batch's writes in one LMDB commit, with the
 * stamp row. The common layer asks for one at a time; other processes wait on LMDB's own mutex, which
 * knows no deadline and is handed over when its holder dies.
 *
 * Commit: pages written, data synced, meta page written with its own sync. A failure before the meta
 * page leaves the old state for certain. A failure of the meta page itself leaves it unknown which one
 * a reopen will find: LMDB then refuses further work (MDB_PANIC) and so do we.
 */
#include "engine/lmdb/lmdb_engine.h"

#include <errno.h>

typedef struct stamp_row {
    uint64_t stamp;
    int64_t floor_ms;
} stamp_row;

typedef struct lmdb_tx {
    tkt__lmdb_view view; /* first: the transaction's own view of the newest state */
    stamp_row before;    /* as the last commit left it */
} lmdb_tx;

static int32_t read_stamp(tkt__lmdb_view *v, stamp_row *row)
{
    MDB_val key = { 5, (void *)(uintptr_t)"stamp" }, value;
    int rc = mdb_get(v->txn, v->e->engine_db, &key, &value);
    if (rc != 0)
        return rc == MDB_NOTFOUND ? tkt__fail(TKT_E_CORRUPT, "the stamp row is missing")
                                  : tkt__lmdb_status(v->e, rc, "reading the stamp row");
    tkt__reader r = tkt__reader_of(tkt__slice_of(value.mv_data, value.mv_size));
    row->stamp = tkt__get_u64(&r);
    row->floor_ms = tkt__get_i64(&r);
    return r.bad ? tkt__fail(TKT_E_CORRUPT, "the stamp row is malformed") : TKT_DONE;
}

int32_t tkt__lmdb_write_begin(void *engine, const tkt__guard *guards, size_t n, int64_t deadline_ms,
                              void **tx, void **view, int64_t *floor_ms)
{
    tkt__lmdb *e = engine;
    (void)guards;
    (void)n;
    (void)deadline_ms;
    if (tkt__lmdb_forked(e))
        return tkt__lmdb_forked_error();
    if (e->read_only)
        return tkt__fail(TKT_E_READ_ONLY, "the store was opened for reading");
    lmdb_tx *t = tkt__alloc(&e->hooks, sizeof *t);
    if (t == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for a transaction");
    t->view = (tkt__lmdb_view){ .e = e, .live = true, .write = true };
    int rc = tkt__lmdb_txn_begin(e, 0, &t->view.txn);
    if (rc != 0) {
        tkt__free(&e->hooks, t, sizeof *t);
        return tkt__lmdb_status(e, rc, "beginning a write");
    }
    int32_t status = read_stamp(&t->view, &t->before);
    if (status != TKT_DONE) {
        tkt__lmdb_write_abort(t);
        return status;
    }
    *floor_ms = t->before.floor_ms;
    *tx = t;
    *view = &t->view;
    return TKT_DONE;
}

void tkt__lmdb_write_abort(void *tx)
{
    lmdb_tx *t = tx;
    tkt__lmdb *e = t->view.e;
    if (!tkt__lmdb_forked(e)) {
        mdb_txn_abort(t->view.txn);
        tkt__lmdb_txn_ended(e);
    }
    tkt__free(&e->hooks, t, sizeof *t);
}

/* ---- the stamp row ------------------------------------------------------------------------------ */

static int write_stamp(tkt__lmdb_view *v, const stamp_row *row)
{
    uint8_t bytes[TKT__LMDB_STAMP_BYTES];
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    tkt__put_u64(&w, row->stamp);
    tkt__put_i64(&w, row->floor_ms);
    MDB_val key = { 5, (void *)(uintptr_t)"stamp" }, value = { w.n, bytes };
    return mdb_put(v->txn, v->e->engine_db, &key, &value, 0);
}

/* ---- commit ------------------------------------------------------------------------------------- */

static int apply_one(MDB_cursor *cursor, const tkt__write *w, uint64_t stamp)
{
    uint8_t stamped[TKT__KEY_MAX];
    MDB_val key = { w->key.n, (void *)(uintptr_t)w->key.p };
    MDB_val value = { w->value.n, (void *)(uintptr_t)w->value.p };
    if (w->op == TKT__DEL) {
        int rc = mdb_cursor_get(cursor, &key, &value, MDB_SET);
        return rc == 0 ? mdb_cursor_del(cursor, 0) : rc == MDB_NOTFOUND ? 0 : rc;
    }
    if (w->op == TKT__PUT_STAMPED) {
        memcpy(stamped, w->key.p, w->stamp_at);
        tkt__be64(stamped + w->stamp_at, stamp);
        memcpy(stamped + w->stamp_at + 8, w->key.p + w->stamp_at, w->key.n - w->stamp_at);
        key = (MDB_val){ w->key.n + 8, stamped };
    }
    return mdb_cursor_put(cursor, &key, &value, w->op == TKT__INSERT ? MDB_NOOVERWRITE : 0);
}

/* Writes come sorted by table, so one cursor serves each table's run. */
static int32_t apply(tkt__lmdb_view *v, const tkt__write *writes, size_t n, uint64_t stamp)
{
    MDB_cursor *cursor = NULL;
    int32_t status = TKT_DONE;
    int rc = 0;
    for (size_t i = 0; i < n && status == TKT_DONE && rc == 0; i++) {
        if (i == 0 || writes[i].table != writes[i - 1].table) {
            MDB_dbi db;
            if (cursor != NULL)
                mdb_cursor_close(cursor);
            cursor = NULL;
            status = tkt__lmdb_db(v, writes[i].table, &db);
            if (status == TKT_DONE)
                rc = mdb_cursor_open(v->txn, db, &cursor);
        }
        if (status == TKT_DONE && rc == 0)
            rc = apply_one(cursor, &writes[i], stamp);
    }
    if (cursor != NULL)
        mdb_cursor_close(cursor);
    if (rc == MDB_KEYEXIST)
        return tkt__fail(TKT_E_CONFLICT, "a row that was to be new is there");
    return status == TKT_DONE && rc != 0 ? tkt__lmdb_status(v->e, rc, "writing") : status;
}

/* The transaction is gone either way; what LMDB answers next tells how far the commit got. */
static int32_t commit_failed(tkt__lmdb *e, int rc)
{
    MDB_txn *probe;
    int after = tkt__lmdb_txn_begin(e, MDB_RDONLY, &probe);
    if (after == 0) {
        mdb_txn_abort(probe);
        tkt__lmdb_txn_ended(e);
    }
    if (after == MDB_PANIC) {
        atomic_store(&e->fatal, true);
        return tkt__fail(TKT_E_UNKNOWN, "the head of the file could not be written: %s",
                         mdb_strerror(rc));
    }
    return tkt__lmdb_status(e, rc, "committing");
}

int32_t tkt__lmdb_write_commit(void *tx, const tkt__write *writes, size_t n, int64_t now_ms,
                               tkt__commit_info *out)
{
    lmdb_tx *t = tx;
    tkt__lmdb *e = t->view.e;
    stamp_row row = { t->before.stamp + 1, t->before.floor_ms };
    int dead = 0;
    if (now_ms > row.floor_ms)
        row.floor_ms = now_ms;
    /* Which generations these writes mean is told by the state before them. */
    int32_t status = tkt__lmdb_generation(&t->view);
    if (status == TKT_DONE)
        status = apply(&t->view, writes, n, row.stamp);
    if (status == TKT_DONE)
        status = tkt__lmdb_status(e, write_stamp(&t->view, &row), "writing the stamp row");
    if (status != TKT_DONE) {
        tkt__lmdb_write_abort(tx);
        if (status == -TKT_E_FULL) /* pages that a dead reader pins may be why: free them for a retry */
            mdb_reader_check(e->env, &dead);
        return status;
    }
    int rc = mdb_txn_commit(t->view.txn);
    tkt__lmdb_txn_ended(e);
    tkt__free(&e->hooks, t, sizeof *t);
    if (rc != 0)
        return commit_failed(e, rc);
    atomic_fetch_add_explicit(&e->commits, 1, memory_order_relaxed);
    out->stamp = row.stamp;
    return TKT_DONE;
}

int32_t tkt__lmdb_floor_ms(void *engine, int64_t *now_ms)
{
    void *view;
    stamp_row row;
    int32_t status = tkt__lmdb_view_begin(engine, &view);
    if (status != TKT_DONE)
        return status;
    status = read_stamp(view, &row);
    if (status == TKT_DONE)
        *now_ms = row.floor_ms;
    tkt__lmdb_view_end(view);
    return status;
}

int32_t tkt__lmdb_stats(void *engine, tkt__engine_stats *out)
{
    tkt__lmdb *e = engine;
    MDB_envinfo info;
    MDB_stat stat;
    struct stat st;
    mdb_filehandle_t fd;
    void *view;
    stamp_row row;
    int32_t status = tkt__lmdb_view_begin(e, &view);
    if (status != TKT_DONE)
        return status;
    status = read_stamp(view, &row);
    tkt__lmdb_view_end(view);
    if (status != TKT_DONE)
        return status;
    if (mdb_env_info(e->env, &info) != 0 || mdb_env_stat(e->env, &stat) != 0 ||
        mdb_env_get_fd(e->env, &fd) != 0 || fstat(fd, &st) != 0)
        return tkt__fail_errno(errno, "reading the store's figures");
    *out = (tkt__engine_stats){ .map_bytes = info.me_mapsize,
                                .used_bytes = ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize,
                                .file_bytes = (uint64_t)st.st_size,
                                .last_stamp = row.stamp,
                                .readers = info.me_numreaders,
                                .readers_max = info.me_maxreaders,
                                .commits = atomic_load(&e->commits) };
    return TKT_DONE;
}
