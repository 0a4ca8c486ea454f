/* SPDX-License-Identifier: MIT
 *
 * engine/lmdb/view.c: snapshots over LMDB transactions, and what LMDB's codes mean.
 *
 * A view is one transaction; renewing resets and renews it without lock or allocation. Slices point
 * into the map, or into a segment of the tail that the view has a reference to (journal.h). Tables that may
 * be built in bulk have two databases: which one is told by the generation row of the view's own snapshot,
 * read once, at the first access to such a table.
 */
#include "engine/lmdb/lmdb_engine.h"

#include <errno.h>
#include <unistd.h>

bool tkt__lmdb_forked(const tkt__lmdb *e)
{
    return !tkt__mine_is(&e->mine);
}

int32_t tkt__lmdb_forked_error(void)
{
    return tkt__fail(TKT_E_FORKED, "the store was opened by the parent process: open it anew here");
}

int32_t tkt__lmdb_status(tkt__lmdb *e, int rc, const char *what)
{
    MDB_envinfo info;
    switch (rc) {
    case 0:
        return TKT_DONE;
    case MDB_NOTFOUND:
        return TKT_NOT_FOUND;
    case MDB_MAP_FULL:
        mdb_env_info(e->env, &info);
        return tkt__fail(TKT_E_FULL, "%s: the store's map of %zu bytes is full", what, info.me_mapsize);
    case MDB_READERS_FULL:
        return tkt__fail(TKT_E_READERS, "%s: the reader table is full", what);
    case MDB_TXN_FULL:
        return tkt__fail(TKT_E_LIMIT, "%s: the transaction is too large", what);
    case ENOMEM:
        return tkt__fail(TKT_E_NOMEM, "%s: no memory", what);
    case MDB_VERSION_MISMATCH:
        return tkt__fail(TKT_E_VERSION, "%s: %s", what, mdb_strerror(rc));
    case MDB_MAP_RESIZED: /* map.c could not take the larger map over */
        return tkt__fail(TKT_E_BUSY,
                         "%s: another process made the store larger than this one's map; it grows as soon "
                         "as all other snapshots of this process have ended", what);
    case MDB_PANIC:
        atomic_store(&e->fatal, true);
        return tkt__fail(TKT_E_IO, "%s: a write to the head of the file failed: close and open again", what);
    default:
        if (rc > 0)
            return tkt__fail_errno(rc, what);
        return tkt__fail(TKT_E_CORRUPT, "%s: %s", what, mdb_strerror(rc));
    }
}

int32_t tkt__lmdb_view_begin(void *engine, void **out)
{
    tkt__lmdb *e = engine;
    if (tkt__lmdb_forked(e))
        return tkt__lmdb_forked_error();
    tkt__lmdb_view *v = tkt__alloc(&e->hooks, sizeof *v);
    if (v == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for a snapshot");
    *v = (tkt__lmdb_view){ .e = e };
    int rc = tkt__lmdb_txn_begin(e, MDB_RDONLY, &v->txn);
    if (rc == MDB_READERS_FULL) { /* slots of dead processes count until someone clears them */
        int dead = 0;
        mdb_reader_check(e->env, &dead);
        rc = tkt__lmdb_txn_begin(e, MDB_RDONLY, &v->txn);
    }
    if (rc != 0) {
        tkt__free(&e->hooks, v, sizeof *v);
        return tkt__lmdb_status(e, rc, "beginning a snapshot");
    }
    v->live = true;
    *out = v;
    return TKT_DONE;
}

/* Whether a snapshot is of the newest commit still. A commit that another thread publishes right now
 * comes after this question, so the answer holds for the instant at which it was asked. */
static bool newest(const tkt__lmdb_view *v)
{
    MDB_envinfo info;
    return v->live && mdb_env_info(v->e->env, &info) == 0 && info.me_last_txnid == mdb_txn_id(v->txn);
}

int32_t tkt__lmdb_view_renew(void *view)
{
    tkt__lmdb_view *v = view;
    if (tkt__lmdb_forked(v->e))
        return tkt__lmdb_forked_error();
    if (newest(v)) /* what LMDB knows of its databases stays known: half the price of a view */
        return TKT_DONE;
    if (v->live)
        mdb_txn_reset(v->txn);
    v->live = false;
    v->generation_known = false;
    tkt__tail_unbind(v);
    int rc = tkt__lmdb_txn_renew(v->e, v->txn);
    if (rc != 0)
        return tkt__lmdb_status(v->e, rc, "renewing a snapshot");
    v->live = true;
    return TKT_DONE;
}

void tkt__lmdb_view_end(void *view)
{
    tkt__lmdb_view *v = view;
    if (v == NULL)
        return;
    tkt__lmdb *e = v->e;
    tkt__tail_unbind(v);
    /* In a forked child the reader slot is the parent's: LMDB must not touch it. */
    if (!tkt__lmdb_forked(e)) {
        mdb_txn_abort(v->txn);
        tkt__lmdb_txn_ended(e);
    }
    tkt__free(&e->hooks, v, sizeof *v);
}

int32_t tkt__lmdb_generation(tkt__lmdb_view *v)
{
    if (v->generation_known)
        return TKT_DONE;
    MDB_val key = { TKT__GENERATION_KEY_BYTES, (void *)(uintptr_t)TKT__GENERATION_KEY }, value;
    int rc = mdb_get(v->txn, v->e->dbs[v->e->schema->generation_table][0], &key, &value);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return tkt__lmdb_status(v->e, rc, "reading the generation row");
    tkt__reader r = tkt__reader_of(rc == 0 ? tkt__slice_of(value.mv_data, value.mv_size) : tkt__slice_of(NULL, 0));
    v->generation = rc == 0 ? tkt__get_u32(&r) : 0;
    v->generation_known = true;
    return r.bad ? tkt__fail(TKT_E_CORRUPT, "the generation row is malformed") : TKT_DONE;
}

int32_t tkt__lmdb_db(tkt__lmdb_view *v, uint8_t table, MDB_dbi *db)
{
    if (!v->live)
        return tkt__fail(TKT_E_INVALID, "the snapshot could not be renewed: it is over");
    bool shadow = (table & TKT__SHADOW) != 0;
    table &= TKT__SHADOW - 1;
    if (table >= v->e->schema->count || (shadow && !v->e->schema->tables[table].bulk))
        return tkt__fail(TKT_E_INTERNAL, "there is no table %u", table);
    if (v->e->schema->tables[table].bulk) {
        int32_t status = tkt__lmdb_generation(v);
        if (status != TKT_DONE)
            return status;
        *db = v->e->dbs[table][(v->generation >> table & 1) ^ shadow];
    } else
        *db = v->e->dbs[table][0];
    return TKT_DONE;
}

int32_t tkt__lmdb_get(void *view, uint8_t table, tkt__slice key, tkt__slice *value)
{
    tkt__lmdb_view *v = view;
    MDB_dbi db;
    int32_t status = tkt__lmdb_db(v, table, &db);
    if (status != TKT_DONE)
        return status;
    if (v->e->journal_on && (table & TKT__SHADOW) == 0 && v->e->schema->tables[table].journaled &&
        (status = tkt__tail_get(v, table, key, value)) != TKT_EXISTS)
        return status;
    MDB_val k = { key.n, (void *)(uintptr_t)key.p }, found;
    int rc = mdb_get(v->txn, db, &k, &found);
    if (rc == 0) {
        *value = tkt__slice_of(found.mv_data, found.mv_size);
        return TKT_DONE;
    }
    return rc == MDB_NOTFOUND ? TKT_NOT_FOUND : tkt__lmdb_status(v->e, rc, "reading");
}

int32_t tkt__lmdb_get_many(void *view, tkt__get *gets, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        gets[i].status = tkt__lmdb_get(view, gets[i].table, gets[i].key, &gets[i].value);
        if (gets[i].status < 0)
            return gets[i].status;
    }
    return TKT_DONE;
}
