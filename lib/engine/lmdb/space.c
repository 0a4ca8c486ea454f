/* SPDX-License-Identifier: MIT
 *
 * engine/lmdb/space.c: what is left of the map, and the reserve that is kept of it.
 *
 * An eighth of the map, 8 MiB at most, is for bodies that give places back or book what was paid for (write_low of
 * the contract): a full store still releases, cancels, refunds and expires. Space is what the file has not taken of
 * the map, and the pages of LMDB's free list that no reader needs. Counting these takes a walk over the free list
 * and the reader table, so it is done only where the end of the map is near.
 *
 * LMDB's free list is its database 0: key the number of the transaction that freed the pages, value their count and
 * then their numbers, all size_t (mdb.c of 0.9), open to readers only. Bytes on disk: none of our own.
 */
#include "engine/lmdb/lmdb_engine.h"

#include <stdio.h>

#define RESERVE_PART 8u                  /* of the map, one in so many */
#define RESERVE_MOST (UINT64_C(8) << 20)
#define GROWTH 2u                        /* bytes of pages for a byte of rows, about */

/* A line of the reader table: process, thread, the snapshot's number ("-": none). */
static int oldest_of(const char *line, void *ctx)
{
    size_t *oldest = ctx, snapshot;
    if (sscanf(line, "%*d %*x %zu", &snapshot) == 1 && snapshot < *oldest)
        *oldest = snapshot;
    return 0;
}

/* Pages that some transaction freed and no snapshot from `oldest` on needs: free at once, or from the next commit. */
static int count_free(MDB_txn *reader, size_t oldest, uint64_t *pages)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    int rc = mdb_cursor_open(reader, 0, &cursor);
    if (rc != 0)
        return rc;
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        size_t id, count;
        if (key.mv_size != sizeof id || value.mv_size < sizeof count)
            continue;
        memcpy(&id, key.mv_data, sizeof id);
        memcpy(&count, value.mv_data, sizeof count);
        if (id > oldest)
            break;
        *pages += count;
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int free_pages(tkt__lmdb *e, size_t oldest, uint64_t *pages)
{
    MDB_txn *reader;
    int dead;
    *pages = 0;
    int rc = mdb_reader_check(e->env, &dead); /* what a dead process pins is free */
    if (rc == 0 && mdb_reader_list(e->env, oldest_of, &oldest) < 0)
        rc = MDB_CORRUPTED;
    if (rc == 0)
        rc = tkt__lmdb_txn_begin(e, MDB_RDONLY, &reader);
    if (rc != 0)
        return rc == MDB_READERS_FULL ? 0 : rc; /* then nothing is known to be free */
    rc = count_free(reader, oldest, pages);
    mdb_txn_abort(reader);
    tkt__lmdb_txn_ended(e);
    return rc;
}

static uint64_t reserve_of(uint64_t map)
{
    return map / RESERVE_PART < RESERVE_MOST ? map / RESERVE_PART : RESERVE_MOST;
}

int tkt__space_look(tkt__lmdb *e, MDB_txn *txn, bool all, tkt__space *space)
{
    MDB_envinfo info;
    MDB_stat stat;
    uint64_t pages;
    int rc = mdb_env_info(e->env, &info);
    if (rc == 0)
        rc = mdb_env_stat(e->env, &stat);
    if (rc != 0)
        return rc;
    uint64_t used = ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize, map = info.me_mapsize;
    *space = (tkt__space){ .reserve = reserve_of(map), .page = stat.ms_psize, .bytes = map > used ? map - used : 0 };
    space->near = space->bytes < space->reserve + GROWTH * TKT__LMDB_COMMIT_BYTES;
    if (!space->near && !all)
        return 0;
    rc = free_pages(e, mdb_txn_id(txn), &pages);
    space->bytes += pages * space->page;
    return rc;
}

bool tkt__space_for(const tkt__space *space, uint64_t bytes)
{
    return !space->near || space->bytes >= space->reserve + GROWTH * bytes;
}
