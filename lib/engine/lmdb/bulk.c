/* SPDX-License-Identifier: MIT
 *
 * engine/lmdb/bulk.c: new generations of some tables, built over many commits beside the published ones.
 *
 * A bulk table has two databases; bit t of the generation row (schema->generation_table) says which one
 * table t is. A build empties the other ones and appends to them in commits of SLICE_BYTES; a body of the
 * common layer then switches. Readers keep the generations of their snapshot.
 *
 * The row "bulk" of the engine's own database names the builder's process: a second builder is refused
 * while it lives. A crash or an abort leaves the published generations; the rows of the unfinished ones go
 * with the next build.
 */
#include "engine/lmdb/lmdb_engine.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#define SLICE_BYTES (16u << 20)
#define OWNER_KEY "bulk"
#define OWNER_KEY_BYTES 4

typedef struct lmdb_bulk {
    tkt__lmdb *e;
    tkt__lmdb_view view; /* the transaction of the slice under way; txn NULL between slices */
    uint32_t tables;
    uint64_t slice_bytes;
    MDB_cursor *cursor[TKT__TABLES_MAX];
} lmdb_bulk;

static int begin_slice(lmdb_bulk *b)
{
    b->view = (tkt__lmdb_view){ .e = b->e, .live = true, .write = true };
    b->slice_bytes = 0;
    int rc = tkt__lmdb_txn_begin(b->e, 0, &b->view.txn);
    if (rc != 0)
        b->view.txn = NULL;
    return rc;
}

static void close_cursors(lmdb_bulk *b)
{
    for (uint32_t t = 0; t < TKT__TABLES_MAX; t++) {
        if (b->cursor[t] != NULL)
            mdb_cursor_close(b->cursor[t]);
        b->cursor[t] = NULL;
    }
}

static int end_slice(lmdb_bulk *b)
{
    close_cursors(b);
    int rc = mdb_txn_commit(b->view.txn);
    tkt__lmdb_txn_ended(b->e);
    b->view.txn = NULL;
    return rc;
}

static void abort_slice(lmdb_bulk *b)
{
    close_cursors(b);
    if (b->view.txn == NULL)
        return;
    mdb_txn_abort(b->view.txn);
    tkt__lmdb_txn_ended(b->e);
    b->view.txn = NULL;
}

/* Takes the build for this process; -TKT_E_BUSY while another living one is at it. */
static int32_t take_ownership(lmdb_bulk *b)
{
    uint8_t bytes[4];
    MDB_val key = { OWNER_KEY_BYTES, (void *)(uintptr_t)OWNER_KEY }, value;
    int rc = mdb_get(b->view.txn, b->e->engine_db, &key, &value);
    if (rc == 0 && value.mv_size == 4) {
        tkt__reader r = tkt__reader_of(tkt__slice_of(value.mv_data, 4));
        pid_t owner = (pid_t)tkt__get_u32(&r);
        if (kill(owner, 0) == 0 || errno != ESRCH)
            return tkt__fail(TKT_E_BUSY, "process %ld is building these tables", (long)owner);
    }
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    tkt__put_u32(&w, (uint32_t)getpid());
    value = (MDB_val){ sizeof bytes, bytes };
    return tkt__lmdb_status(b->e, mdb_put(b->view.txn, b->e->engine_db, &key, &value, 0), "beginning a build");
}

static int32_t empty_tables(lmdb_bulk *b)
{
    int32_t status = TKT_DONE;
    for (uint8_t t = 0; status == TKT_DONE && t < b->e->schema->count; t++) {
        MDB_dbi db;
        if ((b->tables >> t & 1) == 0)
            continue;
        status = tkt__lmdb_db(&b->view, t | TKT__SHADOW, &db);
        if (status == TKT_DONE)
            status = tkt__lmdb_status(b->e, mdb_drop(b->view.txn, db, 0), "emptying the old generation");
    }
    return status;
}

int32_t tkt__lmdb_bulk_begin(void *engine, uint32_t tables, void **bulk)
{
    tkt__lmdb *e = engine;
    if (tkt__lmdb_forked(e))
        return tkt__lmdb_forked_error();
    if (e->read_only)
        return tkt__fail(TKT_E_READ_ONLY, "the store was opened for reading");
    lmdb_bulk *b = tkt__alloc(&e->hooks, sizeof *b);
    if (b == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for a build");
    *b = (lmdb_bulk){ .e = e, .tables = tables };
    int32_t status = tkt__lmdb_status(e, begin_slice(b), "beginning a build");
    if (status == TKT_DONE)
        status = take_ownership(b);
    if (status == TKT_DONE)
        status = empty_tables(b);
    if (status == TKT_DONE)
        status = tkt__lmdb_status(e, end_slice(b), "beginning a build");
    if (status != TKT_DONE) {
        abort_slice(b);
        tkt__free(&e->hooks, b, sizeof *b);
        return status;
    }
    *bulk = b;
    return TKT_DONE;
}

int32_t tkt__lmdb_bulk_append(void *bulk, uint8_t table, tkt__slice key, tkt__slice value)
{
    lmdb_bulk *b = bulk;
    MDB_val k = { key.n, (void *)(uintptr_t)key.p }, v = { value.n, (void *)(uintptr_t)value.p };
    int32_t status = TKT_DONE;
    MDB_dbi db;
    if (table >= TKT__TABLES_MAX || (b->tables >> table & 1) == 0)
        return tkt__fail(TKT_E_INTERNAL, "table %u is not being built", table);
    int rc = b->view.txn == NULL ? begin_slice(b) : 0;
    if (rc == 0 && b->cursor[table] == NULL) {
        status = tkt__lmdb_db(&b->view, table | TKT__SHADOW, &db);
        rc = status == TKT_DONE ? mdb_cursor_open(b->view.txn, db, &b->cursor[table]) : 0;
    }
    if (status == TKT_DONE && rc == 0)
        rc = mdb_cursor_put(b->cursor[table], &k, &v, MDB_APPEND);
    if (rc == MDB_KEYEXIST)
        return tkt__fail(TKT_E_INTERNAL, "bulk rows must come in rising order of their keys");
    b->slice_bytes += key.n + value.n;
    if (status == TKT_DONE && rc == 0 && b->slice_bytes >= SLICE_BYTES)
        rc = end_slice(b);
    return status == TKT_DONE ? tkt__lmdb_status(b->e, rc, "building a table") : status;
}

int32_t tkt__lmdb_bulk_end(void *bulk)
{
    lmdb_bulk *b = bulk;
    return b->view.txn == NULL ? TKT_DONE : tkt__lmdb_status(b->e, end_slice(b), "ending a build");
}

void tkt__lmdb_bulk_abort(void *bulk)
{
    lmdb_bulk *b = bulk;
    if (b == NULL)
        return;
    if (!tkt__lmdb_forked(b->e)) {
        abort_slice(b);
        MDB_val key = { OWNER_KEY_BYTES, (void *)(uintptr_t)OWNER_KEY };
        if (begin_slice(b) == 0) {
            mdb_del(b->view.txn, b->e->engine_db, &key, NULL);
            end_slice(b);
        }
    }
    tkt__free(&b->e->hooks, b, sizeof *b);
}
