/* SPDX-License-Identifier: MIT
 *
 * engine/lmdb/map.c: the memory map that grows while a store is in use.
 *
 * Another process may open the store with a larger map and write past the end of ours. LMDB then
 * answers MDB_MAP_RESIZED, and we adopt the larger size: that moves the map, so nobody in this process
 * may hold a page meanwhile. Every transaction of this process therefore counts in `users` from
 * before it begins until after it ended; whoever remaps keeps newcomers out (`remapping`) and goes on
 * only when he is the only user. Dekker's pattern: both sides write their word, then read the other's.
 * Bytes on disk: none. A crash leaves nothing behind.
 */
#include <sched.h>

#include "engine/lmdb/lmdb_engine.h"

#define REMAP_TRIES 1000 /* yields to let others end before answering that the map is in use */

static void enter(tkt__lmdb *e)
{
    for (;;) {
        atomic_fetch_add(&e->users, 1);
        if (!atomic_load(&e->remapping))
            return;
        atomic_fetch_sub(&e->users, 1);
        while (atomic_load(&e->remapping)) /* as long as one mmap takes */
            sched_yield();
    }
}

void tkt__lmdb_txn_ended(tkt__lmdb *e)
{
    atomic_fetch_sub(&e->users, 1);
}

void tkt__lmdb_write_ended(tkt__lmdb *e)
{
    tkt__lmdb_txn_ended(e);
    tkt__turn_give(e);
}

/* The caller counts as one user. MDB_MAP_RESIZED: others in this process have the map in use. */
static int remap(tkt__lmdb *e)
{
    bool free_now = false;
    if (!atomic_compare_exchange_strong(&e->remapping, &free_now, true))
        return MDB_MAP_RESIZED; /* another thread is at it */
    bool alone = false;
    for (int i = 0; i < REMAP_TRIES && !alone; i++) {
        alone = atomic_load(&e->users) == 1;
        if (!alone)
            sched_yield();
    }
    int rc = alone ? mdb_env_set_mapsize(e->env, 0) : MDB_MAP_RESIZED;
    atomic_store(&e->remapping, false);
    return rc;
}

int tkt__lmdb_txn_begin(tkt__lmdb *e, unsigned flags, MDB_txn **txn)
{
    bool writes = (flags & MDB_RDONLY) == 0;
    int rc = writes ? tkt__turn_take(e) : 0;
    if (rc != 0)
        return rc;
    enter(e);
    rc = mdb_txn_begin(e->env, NULL, flags, txn);
    if (rc == MDB_MAP_RESIZED && (rc = remap(e)) == 0)
        rc = mdb_txn_begin(e->env, NULL, flags, txn);
    if (rc != 0 && writes)
        tkt__lmdb_write_ended(e);
    else if (rc != 0)
        tkt__lmdb_txn_ended(e);
    return rc;
}

int tkt__lmdb_txn_renew(tkt__lmdb *e, MDB_txn *txn)
{
    int rc = mdb_txn_renew(txn);
    if (rc == MDB_MAP_RESIZED && (rc = remap(e)) == 0)
        rc = mdb_txn_renew(txn);
    return rc;
}
