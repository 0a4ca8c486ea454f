/* SPDX-License-Identifier: MIT
 *
 * engine/lmdb/bulk.c: new generations of some tables, built over many commits beside the published ones.
 *
 * A bulk table has two databases; bit t of the generation row (schema->generation_table) says which one
 * table t is. A build empties the other ones and appends to them in commits of SLICE_BYTES; a body of the
 * common layer then switches. Readers keep the generations of their snapshot.
 *
 * The builder holds a lock (flock) on STORE/build.lock: a second one, of this process or another, is refused
 * meanwhile. A crash lets go of it, and leaves the published generations; the rows of the unfinished ones go
 * with the next build.
 */
#include "engine/lmdb/lmdb_engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#define SLICE_BYTES (16u << 20)
#define LOCK_FILE "build.lock"

/* A page of LMDB 0.9: its own head; a row's, beside key and value, and the row's place in the page's table. */
#define PAGE_HEAD 16u
#define ROW_HEAD 8u
#define ROW_PLACE 2u

typedef struct lmdb_bulk {
    tkt__lmdb *e;
    int lock; /* descriptor; -1: none */
    tkt__lmdb_view view; /* the transaction of the slice under way; txn NULL between slices */
    uint32_t tables;
    uint64_t slice_bytes;
    uint32_t page; /* bytes of a page for rows */
    uint32_t room[TKT__BULK_TABLES]; /* of the last page of a table, as appending fills it */
    MDB_cursor *cursor[TKT__BULK_TABLES];
} lmdb_bulk;

static int begin_slice(lmdb_bulk *b)
{
    b->view = (tkt__lmdb_view){ .e = b->e, .live = true, .write = true };
    b->slice_bytes = 0;
    int rc = tkt__lmdb_txn_begin(b->e, 0, &b->view.txn);
    if (rc != 0)
        b->view.txn = NULL;
    return rc != 0 ? rc : tkt__space_look(b->e, b->view.txn, false, &b->view.space);
}

static void close_cursors(lmdb_bulk *b)
{
    for (uint32_t t = 0; t < TKT__BULK_TABLES; t++) {
        if (b->cursor[t] != NULL)
            mdb_cursor_close(b->cursor[t]);
        b->cursor[t] = NULL;
    }
}

/* MDB_MAP_FULL also where it would take of the reserve. */
static int end_slice(lmdb_bulk *b)
{
    int rc = MDB_MAP_FULL;
    close_cursors(b);
    if (b->slice_bytes == 0 || tkt__space_for(&b->view.space, b->slice_bytes))
        rc = mdb_txn_commit(b->view.txn);
    else
        mdb_txn_abort(b->view.txn);
    tkt__lmdb_write_ended(b->e);
    b->view.txn = NULL;
    return rc;
}

static void abort_slice(lmdb_bulk *b)
{
    close_cursors(b);
    if (b->view.txn == NULL)
        return;
    mdb_txn_abort(b->view.txn);
    tkt__lmdb_write_ended(b->e);
    b->view.txn = NULL;
}

/* -TKT_E_BUSY while another one is building. */
static int32_t take_lock(lmdb_bulk *b)
{
    const char *data; /* STORE/data.mdb */
    char path[TKT__LMDB_PATH_MAX + sizeof LOCK_FILE];
    int rc = mdb_env_get_path(b->e->env, &data);
    if (rc != 0)
        return tkt__lmdb_status(b->e, rc, "beginning a build");
    snprintf(path, sizeof path, "%.*s%s", (int)(strlen(data) - strlen(TKT__LMDB_FILE)), data, LOCK_FILE);
    b->lock = tkt__file_open(path, O_RDWR | O_CREAT);
    if (b->lock < 0)
        return tkt__fail_errno(errno, "opening the lock of a build");
    if (flock(b->lock, LOCK_EX | LOCK_NB) == 0)
        return TKT_DONE;
    return errno == EWOULDBLOCK ? tkt__fail(TKT_E_BUSY, "another build is under way")
                                : tkt__fail_errno(errno, "locking a build");
}

/* A child of fork that still has the descriptor must not keep the lock: so it is let go of, not only closed. */
static void drop_lock(lmdb_bulk *b)
{
    if (b->lock < 0)
        return;
    if (!tkt__lmdb_forked(b->e))
        flock(b->lock, LOCK_UN);
    close(b->lock);
}

static int32_t empty_tables(lmdb_bulk *b)
{
    int32_t status = TKT_DONE;
    for (uint8_t t = 0; status == TKT_DONE && t < b->e->schema->count && t < TKT__BULK_TABLES; t++) {
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
    MDB_stat env;
    *b = (lmdb_bulk){ .e = e, .tables = tables, .lock = -1 };
    if (mdb_env_stat(e->env, &env) == 0)
        b->page = env.ms_psize - PAGE_HEAD;
    int32_t status = take_lock(b);
    if (status == TKT_DONE)
        status = tkt__lmdb_status(e, begin_slice(b), "beginning a build");
    if (status == TKT_DONE)
        status = empty_tables(b);
    if (status == TKT_DONE)
        status = tkt__lmdb_status(e, end_slice(b), "beginning a build");
    if (status != TKT_DONE) {
        abort_slice(b);
        drop_lock(b);
        tkt__free(&e->hooks, b, sizeof *b);
        return status;
    }
    *bulk = b;
    return TKT_DONE;
}

/* A row that no page has room for lies outside, and only its number within. */
static void use_room(lmdb_bulk *b, uint8_t table, size_t key, size_t value)
{
    if (b->page == 0) /* nobody said: no hint */
        return;
    size_t most = b->page / 2 - ROW_PLACE, bytes = ROW_HEAD + key + value;
    bytes = bytes > most ? ROW_HEAD + key + sizeof(size_t) : bytes;
    uint32_t row = (uint32_t)(bytes + (bytes & 1) + ROW_PLACE);
    b->room[table] = (b->room[table] >= row ? b->room[table] : b->page) - row;
}

uint32_t tkt__lmdb_bulk_room(void *bulk, uint8_t table)
{
    const lmdb_bulk *b = bulk;
    uint32_t taken = ROW_HEAD + ROW_PLACE + 1, room = table < TKT__BULK_TABLES ? b->room[table] : 0;
    return room > taken ? room - taken : 0;
}

int32_t tkt__lmdb_bulk_append(void *bulk, uint8_t table, tkt__slice key, tkt__slice value)
{
    lmdb_bulk *b = bulk;
    MDB_val k = { key.n, (void *)(uintptr_t)key.p }, v = { value.n, (void *)(uintptr_t)value.p };
    int32_t status = TKT_DONE;
    MDB_dbi db;
    if (table >= TKT__BULK_TABLES || (b->tables >> table & 1) == 0)
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
    use_room(b, table, key.n, value.n);
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
    if (!tkt__lmdb_forked(b->e))
        abort_slice(b);
    drop_lock(b);
    tkt__free(&b->e->hooks, b, sizeof *b);
}
