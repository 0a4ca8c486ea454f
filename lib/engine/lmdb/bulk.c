/* SPDX-License-Identifier: MIT
 *
 * engine/lmdb/bulk.c: a new generation of a table, built over many commits beside the published one.
 *
 * A bulk table has two databases; bit t of the "generation" row says which one table t is. A build
 * empties the other one, appends to it in commits of SLICE_BYTES and flips the bit in one commit.
 * Readers keep the generation of their snapshot. The row "bulk/" ‖ t names the builder's process: a
 * second builder is refused while it lives. A crash or an abort leaves the published generation; the
 * rows of the unfinished one go with the next build.
 */
#include "engine/lmdb/lmdb_engine.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#define SLICE_BYTES (4u << 20)

typedef struct lmdb_bulk {
    tkt__lmdb *e;
    tkt__lmdb_view view; /* the transaction of the slice under way; txn NULL between slices */
    MDB_cursor *cursor;
    MDB_dbi db;
    uint64_t slice_bytes;
    uint8_t table;
} lmdb_bulk;

static void owner_key(uint8_t table, uint8_t key[6])
{
    memcpy(key, "bulk/", 5);
    key[5] = table;
}

static int begin_slice(lmdb_bulk *b)
{
    b->view = (tkt__lmdb_view){ .e = b->e, .live = true, .write = true };
    b->slice_bytes = 0;
    int rc = tkt__lmdb_txn_begin(b->e, 0, &b->view.txn);
    if (rc != 0)
        b->view.txn = NULL;
    return rc;
}

static int end_slice(lmdb_bulk *b)
{
    if (b->cursor != NULL)
        mdb_cursor_close(b->cursor);
    b->cursor = NULL;
    int rc = mdb_txn_commit(b->view.txn);
    tkt__lmdb_txn_ended(b->e);
    b->view.txn = NULL;
    return rc;
}

static void abort_slice(lmdb_bulk *b)
{
    if (b->view.txn == NULL)
        return;
    mdb_txn_abort(b->view.txn);
    tkt__lmdb_txn_ended(b->e);
    b->view.txn = NULL;
}

/* Takes the table for this process; -TKT_E_BUSY while another living one builds it. */
static int32_t take_ownership(lmdb_bulk *b)
{
    uint8_t name[6], bytes[4];
    owner_key(b->table, name);
    MDB_val key = { sizeof name, name }, value;
    int rc = mdb_get(b->view.txn, b->e->engine_db, &key, &value);
    if (rc == 0 && value.mv_size == 4) {
        tkt__reader r = tkt__reader_of(tkt__slice_of(value.mv_data, 4));
        pid_t owner = (pid_t)tkt__get_u32(&r);
        if (kill(owner, 0) == 0 || errno != ESRCH)
            return tkt__fail(TKT_E_BUSY, "process %ld is building this table", (long)owner);
    }
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    tkt__put_u32(&w, (uint32_t)getpid());
    value = (MDB_val){ sizeof bytes, bytes };
    return tkt__lmdb_status(b->e, mdb_put(b->view.txn, b->e->engine_db, &key, &value, 0),
                            "beginning a build");
}

static void drop_ownership(lmdb_bulk *b)
{
    uint8_t name[6];
    owner_key(b->table, name);
    MDB_val key = { sizeof name, name };
    mdb_del(b->view.txn, b->e->engine_db, &key, NULL);
}

static void free_bulk(lmdb_bulk *b)
{
    if (b->cursor != NULL)
        mdb_cursor_close(b->cursor);
    abort_slice(b);
    tkt__free(&b->e->hooks, b, sizeof *b);
}

int32_t tkt__lmdb_bulk_begin(void *engine, uint8_t table, void **bulk)
{
    tkt__lmdb *e = engine;
    MDB_dbi published;
    if (tkt__lmdb_forked(e))
        return tkt__lmdb_forked_error();
    if (table >= e->schema->count || !e->schema->tables[table].bulk)
        return tkt__fail(TKT_E_INTERNAL, "table %u is not built in bulk", table);
    if (e->read_only)
        return tkt__fail(TKT_E_READ_ONLY, "the store was opened for reading");
    lmdb_bulk *b = tkt__alloc(&e->hooks, sizeof *b);
    if (b == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for a build");
    *b = (lmdb_bulk){ .e = e, .table = table };
    int32_t status = tkt__lmdb_status(e, begin_slice(b), "beginning a build");
    if (status == TKT_DONE)
        status = take_ownership(b);
    if (status == TKT_DONE)
        status = tkt__lmdb_db(&b->view, table, &published);
    if (status == TKT_DONE) {
        b->db = published == e->dbs[table][0] ? e->dbs[table][1] : e->dbs[table][0];
        status = tkt__lmdb_status(e, mdb_drop(b->view.txn, b->db, 0), "emptying the old generation");
    }
    if (status == TKT_DONE)
        status = tkt__lmdb_status(e, end_slice(b), "beginning a build");
    if (status != TKT_DONE) {
        free_bulk(b);
        return status;
    }
    *bulk = b;
    return TKT_DONE;
}

int32_t tkt__lmdb_bulk_append(void *bulk, tkt__slice key, tkt__slice value)
{
    lmdb_bulk *b = bulk;
    MDB_val k = { key.n, (void *)(uintptr_t)key.p }, v = { value.n, (void *)(uintptr_t)value.p };
    int rc = 0;
    if (b->view.txn == NULL && (rc = begin_slice(b)) == 0)
        rc = mdb_cursor_open(b->view.txn, b->db, &b->cursor);
    if (rc == 0)
        rc = mdb_cursor_put(b->cursor, &k, &v, MDB_APPEND);
    if (rc == MDB_KEYEXIST)
        return tkt__fail(TKT_E_INTERNAL, "bulk rows must come in rising order of their keys");
    b->slice_bytes += key.n + value.n;
    if (rc == 0 && b->slice_bytes >= SLICE_BYTES)
        rc = end_slice(b);
    return tkt__lmdb_status(b->e, rc, "building a table");
}

int32_t tkt__lmdb_bulk_publish(void *bulk)
{
    lmdb_bulk *b = bulk;
    MDB_dbi published;
    int rc = b->view.txn == NULL ? begin_slice(b) : 0;
    int32_t status = tkt__lmdb_status(b->e, rc, "publishing a table");
    if (status == TKT_DONE)
        status = tkt__lmdb_db(&b->view, b->table, &published); /* loads the generation row */
    if (status == TKT_DONE) {
        uint8_t bytes[4];
        tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
        tkt__put_u32(&w, b->view.generation ^ (UINT32_C(1) << b->table));
        MDB_val key = { 10, (void *)(uintptr_t)"generation" }, value = { sizeof bytes, bytes };
        drop_ownership(b);
        rc = mdb_put(b->view.txn, b->e->engine_db, &key, &value, 0);
        if (rc == 0)
            rc = end_slice(b);
        status = tkt__lmdb_status(b->e, rc, "publishing a table");
    }
    free_bulk(b);
    return status;
}

void tkt__lmdb_bulk_abort(void *bulk)
{
    lmdb_bulk *b = bulk;
    if (b->cursor != NULL)
        mdb_cursor_close(b->cursor);
    b->cursor = NULL;
    abort_slice(b);
    if (begin_slice(b) == 0) {
        drop_ownership(b);
        end_slice(b);
    }
    free_bulk(b);
}
