/* SPDX-License-Identifier: MIT
 *
 * engine/lmdb/write.c: one write transaction: all of a batch's writes in one LMDB commit, those to journaled
 * tables as one record (journal.h), the others in the tree. The common layer asks for one at a time; other processes
 * wait for their turn (turn.c), which knows no deadline and is handed over when its holder dies.
 *
 * Commit: pages written, data synced, meta page written with its own sync. A failure before the meta
 * page leaves the old state for certain. A failure of the meta page itself leaves it unknown which one
 * a reopen will find: LMDB then refuses further work (MDB_PANIC) and so do we.
 */
#include "engine/lmdb/lmdb_engine.h"

#include <errno.h>
#include <stdio.h>

#define FOLD_AT_CLOSE (UINT64_C(256) << 10) /* bytes of records */

typedef struct stamp_row {
    uint64_t stamp;
    int64_t floor_ms;
} stamp_row;

typedef struct lmdb_tx {
    tkt__lmdb_view view; /* first: the transaction's own view of the newest state */
    stamp_row before;    /* as the last commit left it */
    uint64_t stamp, record_bytes; /* of a commit that is done, and what it wrote */
    const tkt__write *writes;
    size_t n;
    bool low;            /* it may take of the reserve */
    bool new_floor;      /* `before` has the floor that the commit leaves */
} lmdb_tx;

static void free_tx(lmdb_tx *t)
{
    tkt__tail_unbind(&t->view);
    tkt__free(&t->view.e->hooks, t, sizeof *t);
}

/* As the row says, or the journal's last record, whichever is later. */
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
    if (r.bad)
        return tkt__fail(TKT_E_CORRUPT, "the stamp row is malformed");
    int32_t status = tkt__tail_look(v);
    if (status == TKT_DONE && v->seen.high > row->stamp) {
        row->stamp = v->seen.high;
        row->floor_ms = v->seen.floor_ms;
    }
    return status;
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
    t->low = t->new_floor = false;
    int rc = tkt__lmdb_txn_begin(e, 0, &t->view.txn);
    if (rc != 0) {
        tkt__free(&e->hooks, t, sizeof *t);
        return tkt__lmdb_status(e, rc, "beginning a write");
    }
    int32_t status = tkt__lmdb_status(e, tkt__space_look(e, t->view.txn, false, &t->view.space), "looking for free pages");
    if (status == TKT_DONE)
        status = read_stamp(&t->view, &t->before);
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
        tkt__lmdb_write_ended(e);
    }
    free_tx(t);
}

/* ---- the stamp row ------------------------------------------------------------------------------ */

int tkt__stamp_write(tkt__lmdb_view *v, uint64_t stamp, int64_t floor_ms)
{
    uint8_t bytes[TKT__LMDB_STAMP_BYTES];
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    tkt__put_u64(&w, stamp);
    tkt__put_i64(&w, floor_ms);
    MDB_val key = { 5, (void *)(uintptr_t)"stamp" }, value = { w.n, bytes };
    return mdb_put(v->txn, v->e->engine_db, &key, &value, 0);
}

/* ---- commit ------------------------------------------------------------------------------------- */

static int apply_one(MDB_cursor *cursor, const tkt__write *w, uint64_t stamp)
{
    uint8_t stamped[TKT__KEY_MAX + 8];
    tkt__slice at = tkt__write_key(w, stamp, stamped);
    MDB_val key = { at.n, (void *)(uintptr_t)at.p };
    MDB_val value = { w->value.n, (void *)(uintptr_t)w->value.p };
    if (w->op == TKT__DEL) {
        int rc = mdb_cursor_get(cursor, &key, &value, MDB_SET);
        return rc == 0 ? mdb_cursor_del(cursor, 0) : rc == MDB_NOTFOUND ? 0 : rc;
    }
    return mdb_cursor_put(cursor, &key, &value, w->op == TKT__INSERT ? MDB_NOOVERWRITE : 0);
}

/* What goes straight into the tree. Writes come sorted by table, so one cursor serves each table's run. */
static int32_t apply(tkt__lmdb_view *v, const tkt__write *writes, size_t n, uint64_t stamp)
{
    MDB_cursor *cursor = NULL;
    const tkt__write *before = NULL;
    int32_t status = TKT_DONE;
    int rc = 0;
    for (size_t i = 0; i < n && status == TKT_DONE && rc == 0; i++) {
        if (tkt__journaled(v->e, &writes[i]))
            continue;
        if (before == NULL || writes[i].table != before->table) {
            MDB_dbi db;
            if (cursor != NULL)
                mdb_cursor_close(cursor);
            cursor = NULL;
            status = tkt__lmdb_db(v, writes[i].table, &db);
            if (status == TKT_DONE)
                rc = mdb_cursor_open(v->txn, db, &cursor);
        }
        before = &writes[i];
        if (status == TKT_DONE && rc == 0)
            rc = apply_one(cursor, before, stamp);
    }
    if (cursor != NULL)
        mdb_cursor_close(cursor);
    if (rc == MDB_KEYEXIST)
        return tkt__fail(TKT_E_CONFLICT, "a row that was to be new is there");
    return status == TKT_DONE && rc != 0 ? tkt__lmdb_status(v->e, rc, "writing") : status;
}

bool tkt__lmdb_write_low(void *tx, bool tight)
{
    lmdb_tx *t = tx;
    t->low = tight || !tkt__space_for(&t->view.space, t->view.space.page);
    return t->low;
}

/* One that is not known to give anything back leaves the reserve whole. */
static int32_t within_space(const lmdb_tx *t, const tkt__write *writes, size_t n)
{
    uint64_t bytes = 0;
    if (t->low || !t->view.space.near)
        return TKT_DONE;
    for (size_t i = 0; i < n; i++)
        bytes += writes[i].op == TKT__DEL ? 0 : writes[i].key.n + writes[i].value.n;
    return tkt__space_for(&t->view.space, bytes) ? TKT_DONE : tkt__lmdb_status(t->view.e, MDB_MAP_FULL, "writing");
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

/* The tree's part, the journal's record, and a slice of the fold. Where there is no record, the stamp row tells. */
static int32_t write_all(tkt__lmdb_view *v, const tkt__write *writes, size_t n, const stamp_row *row,
                         uint64_t *record_bytes)
{
    /* Which generations these writes mean is told by the state before them. */
    int32_t status = tkt__lmdb_generation(v);
    if (status == TKT_DONE)
        status = apply(v, writes, n, row->stamp);
    if (status == TKT_DONE)
        status = tkt__lmdb_status(v->e, tkt__record_append(v, writes, n, row->stamp, v->seen.total_high,
                                                           row->floor_ms, record_bytes), "writing the journal");
    if (status == TKT_DONE && *record_bytes != 0)
        return tkt__fold(v, *record_bytes, false);
    if (status == TKT_DONE)
        status = tkt__lmdb_status(v->e, tkt__stamp_write(v, row->stamp, row->floor_ms), "writing the stamp row");
    return status;
}

/* Commits the view's transaction, which is gone afterwards. */
static int32_t commit(tkt__lmdb_view *v)
{
    tkt__lmdb *e = v->e;
    int rc = mdb_txn_commit(v->txn);
    tkt__lmdb_write_ended(e);
    return rc != 0 ? commit_failed(e, rc) : TKT_DONE;
}

void tkt__lmdb_write_floor(void *tx, int64_t floor_ms)
{
    lmdb_tx *t = tx;
    t->new_floor = true;
    t->before.floor_ms = floor_ms;
}

int32_t tkt__lmdb_write_commit(void *tx, const tkt__write *writes, size_t n, int64_t now_ms,
                               tkt__commit_info *out)
{
    lmdb_tx *t = tx;
    tkt__lmdb *e = t->view.e;
    stamp_row row = { t->before.stamp + 1, t->before.floor_ms };
    uint64_t record_bytes = 0;
    if (!t->new_floor && now_ms > row.floor_ms)
        row.floor_ms = now_ms;
    int32_t status = within_space(t, writes, n);
    if (status == TKT_DONE)
        status = write_all(&t->view, writes, n, &row, &record_bytes);
    if (status != TKT_DONE) {
        tkt__lmdb_write_abort(tx);
        return status;
    }
    status = commit(&t->view);
    if (status != TKT_DONE) {
        free_tx(t);
        return status;
    }
    atomic_fetch_add_explicit(&e->commits, 1, memory_order_relaxed);
    t->record_bytes = record_bytes;
    t->writes = writes;
    t->n = n;
    t->stamp = out->stamp = row.stamp;
    return TKT_DONE;
}

void tkt__lmdb_write_settle(void *tx)
{
    lmdb_tx *t = tx;
    if (t->record_bytes != 0)
        tkt__tail_committed(t->view.e, &t->view.seen, t->stamp, t->record_bytes, t->writes, t->n);
    free_tx(t);
}

/* ---- upkeep of the journal ------------------------------------------------------------------------- */

/* A transaction of the engine's own: folds, then does what `then` says, and commits. */
static int32_t fold_alone(tkt__lmdb *e, bool all, int32_t (*then)(tkt__lmdb_view *v, void *ctx), void *ctx)
{
    void *tx, *view;
    int64_t floor_ms;
    int32_t status = tkt__lmdb_write_begin(e, NULL, 0, 0, &tx, &view, &floor_ms);
    if (status != TKT_DONE)
        return status;
    status = tkt__fold(view, 0, all);
    if (status == TKT_DONE && then != NULL)
        status = then(view, ctx);
    if (status != TKT_DONE) {
        tkt__lmdb_write_abort(tx);
        return status;
    }
    lmdb_tx *t = tx;
    status = commit(&t->view);
    free_tx(t);
    return status;
}

int32_t tkt__lmdb_tend(void *engine, bool *did)
{
    tkt__lmdb *e = engine;
    void *view;
    *did = false;
    if (!e->journal_on || e->read_only)
        return TKT_DONE;
    int32_t status = tkt__lmdb_view_begin(e, &view);
    if (status != TKT_DONE)
        return status;
    status = tkt__fold_due(view, did);
    tkt__lmdb_view_end(view);
    return status == TKT_DONE && *did ? fold_alone(e, false, NULL, NULL) : status;
}

int32_t tkt__lmdb_fold_long(tkt__lmdb *e)
{
    void *view;
    int32_t status = tkt__lmdb_view_begin(e, &view);
    if (status != TKT_DONE)
        return status;
    status = tkt__tail_look(view);
    const tkt__seen seen = ((tkt__lmdb_view *)view)->seen;
    tkt__lmdb_view_end(view);
    return status == TKT_DONE && seen.total_high - seen.total_low >= FOLD_AT_CLOSE ? fold_alone(e, true, NULL, NULL)
                                                                                  : status;
}

typedef struct switching {
    const tkt__row *row;
    bool on;
} switching;

static int32_t switch_journal(tkt__lmdb_view *v, void *ctx)
{
    const switching *s = ctx;
    tkt__lmdb *e = v->e;
    int rc = s->on ? tkt__journal_make(e, v->txn) : tkt__journal_remove(e, v->txn);
    if (rc == 0 && s->row != NULL) {
        MDB_val key = { s->row->key.n, (void *)(uintptr_t)s->row->key.p };
        MDB_val value = { s->row->value.n, (void *)(uintptr_t)s->row->value.p };
        rc = mdb_put(v->txn, e->dbs[s->row->table][0], &key, &value, 0);
    }
    return tkt__lmdb_status(e, rc, "switching the journal");
}

int32_t tkt__lmdb_set_journal(void *engine, bool on, const tkt__row *row)
{
    tkt__lmdb *e = engine;
    switching s = { row, on };
    if (!e->alone)
        return tkt__fail(TKT_E_INTERNAL, "the journal is switched by who has the store alone");
    if (e->journal_on == on)
        return TKT_DONE;
    int32_t status = fold_alone(e, true, switch_journal, &s);
    if (status == TKT_DONE)
        e->journal_on = on;
    return status;
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

/* LMDB does not tell what it writes; the kernel counts what the process hands to write calls (proc(5), wchar). */
uint64_t tkt__lmdb_written(void)
{
    unsigned long long bytes = 0;
    FILE *f = fopen("/proc/self/io", "re");
    if (f == NULL)
        return 0;
    if (fscanf(f, "rchar: %*u wchar: %llu", &bytes) != 1)
        bytes = 0;
    fclose(f);
    return bytes;
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
    tkt__space space;
    int32_t status = tkt__lmdb_view_begin(e, &view);
    if (status != TKT_DONE)
        return status;
    status = read_stamp(view, &row);
    const tkt__seen seen = ((tkt__lmdb_view *)view)->seen;
    if (status == TKT_DONE)
        status = tkt__lmdb_status(e, tkt__space_look(e, ((tkt__lmdb_view *)view)->txn, true, &space), "counting free pages");
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
                                .room_bytes = space.bytes > space.reserve ? space.bytes - space.reserve : 0,
                                .reserve_bytes = space.reserve,
                                .journal = e->journal_on,
                                .journal_bytes = seen.total_high - seen.total_low,
                                .written_bytes = tkt__lmdb_written() - e->written_before,
                                .readers = info.me_numreaders,
                                .readers_max = info.me_maxreaders,
                                .commits = atomic_load(&e->commits) };
    return TKT_DONE;
}
