/* SPDX-License-Identifier: MIT
 *
 * engine/lmdb/lmdb_engine.h: what the files of the LMDB engine share. No other room includes it.
 *
 *   registry.c  which stores this process has open (the library's one mutable global)
 *   file.c      what lies at a path, read without LMDB: word size, version, length, file system
 *   short.c     a file that ends before its last page
 *   open.c      creation, opening, closing
 *   map.c       the map that grows while in use
 *   view.c      snapshots
 *   cursor.c    cursors over tree and tail
 *   space.c     what is left of the map, and its reserve
 *   turn.c      whose turn it is to write
 *   write.c     transactions, the stamp row, figures
 *   bulk.c      new generations of tables
 *   copy.c      backups, and how one becomes a store
 *   journal.h   the journal and its files
 *
 * On disk: STORE/data.mdb, one LMDB file with a database a table of the schema (a table that may be
 * built in bulk has a second one, "NAME#2": the generation row says which is which) and the engine's own
 * database "engine":
 *
 *   "stamp"       u64 stamp of a commit, i64 the highest instant of any commit until then; with the journal
 *                 on, its last record may tell later ones
 *   "journal", "fold": see journal.h
 *
 * All little-endian. STORE/open.lock, STORE/build.lock and STORE/write.lock, without bytes, are locked by whoever has
 * the store open, by a builder at work, and by who writes. A crash leaves the last commit whose meta page reached the
 * disk; LMDB guarantees it as long as a 512-byte sector is written whole.
 */
#ifndef TKT_ENGINE_LMDB_ENGINE_H
#define TKT_ENGINE_LMDB_ENGINE_H

#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <lmdb.h>

#include "engine/engine.h"
#include "engine/lmdb/journal.h"

#define TKT__LMDB_FILE "data.mdb"
#define TKT__RESTORE_PREFIX ".restore-" /* and the process's number: a store that is being restored */
#define TKT__LMDB_PATH_MAX TKT__PATH_MAX
#define TKT__LMDB_READERS 512
#define TKT__LMDB_COMMIT_WRITES 16384
#define TKT__LMDB_COMMIT_BYTES (8u << 20)
#define TKT__LMDB_STAMP_BYTES 16

struct tkt__lmdb {
    tkt_hooks hooks;
    const tkt__schema *schema;
    MDB_env *env;
    MDB_dbi engine_db;
    MDB_dbi dbs[TKT__TABLES_MAX][2]; /* [1]: the second generation of bulk tables */
    dev_t device;
    ino_t inode;
    tkt__mine mine;
    bool registered, read_only, alone;
    bool journal_on;             /* fixed while the store is open */
    uint64_t journal_tag, journal_half;
    MDB_dbi journal_db;
    tkt__tail tail;
    int lock, turn;              /* descriptors of STORE/open.lock and write.lock; -1: none */
    pthread_mutex_t writer;      /* of the thread whose turn it is (turn.c) */
    _Atomic bool fatal;          /* a meta page write failed: the outcome of a commit is unknown */
    _Atomic uint64_t commits;
    _Atomic uint64_t users;      /* transactions of this process (map.c) */
    _Atomic bool remapping;
    uint64_t written_before;     /* of tkt__lmdb_written, at the open */
};

/* What a write transaction may still take of the map (space.c). All zeros: enough of it. */
typedef struct tkt__space {
    uint64_t bytes, reserve;
    uint32_t page;
    bool near; /* else `bytes` leaves the free list out */
} tkt__space;

struct tkt__lmdb_view {
    tkt__lmdb *e;
    MDB_txn *txn;
    uint32_t generation;       /* valid with generation_known */
    bool generation_known, live, write;
    tkt__seen seen;
    tkt__space space;          /* of a write transaction, as it began */
};

/* registry.c */
int32_t tkt__lmdb_register(dev_t device, ino_t inode); /* -TKT_E_ALREADY_OPEN, -TKT_E_NOMEM */
void tkt__lmdb_unregister(dev_t device, ino_t inode);
void tkt__lmdb_open_lock(void);   /* opens and creations of one process go one after another */
void tkt__lmdb_open_unlock(void);

/* file.c */
int32_t tkt__lmdb_file_check(const char *path, struct stat *st);
bool tkt__lmdb_is_network_fs(uint64_t magic);
int32_t tkt__lmdb_fs_check(const char *dir, bool allow_net_fs);

/* short.c: whether the pages from…to−1 that the file lacks are all on the free list. */
int32_t tkt__lmdb_tail_is_free(int fd, uint32_t page, uint64_t free_root, uint64_t from, uint64_t to, bool *is_free);

/* turn.c; take: an errno, or 0. */
int32_t tkt__turn_open(tkt__lmdb *e, const char *dir);
void tkt__turn_close(tkt__lmdb *e);
int tkt__turn_take(tkt__lmdb *e);
void tkt__turn_give(tkt__lmdb *e);

/* map.c: every transaction begins and ends here, so that a map that another process made larger can
 * be taken over. Answers are LMDB's; MDB_MAP_RESIZED: not while other transactions live here. */
int tkt__lmdb_txn_begin(tkt__lmdb *e, unsigned flags, MDB_txn **txn);
int tkt__lmdb_txn_renew(tkt__lmdb *e, MDB_txn *txn);
void tkt__lmdb_txn_ended(tkt__lmdb *e);   /* after abort or commit of a reader */
void tkt__lmdb_write_ended(tkt__lmdb *e); /* and of a writer */

/* view.c */
int32_t tkt__lmdb_status(tkt__lmdb *e, int rc, const char *what);
bool tkt__lmdb_forked(const tkt__lmdb *e);
int32_t tkt__lmdb_forked_error(void);
int32_t tkt__lmdb_generation(tkt__lmdb_view *v); /* reads it, once a view */
int32_t tkt__lmdb_db(tkt__lmdb_view *v, uint8_t table, MDB_dbi *db);
int32_t tkt__lmdb_view_begin(void *e, void **view);
int32_t tkt__lmdb_view_renew(void *view);
void tkt__lmdb_view_end(void *view);
int32_t tkt__lmdb_get(void *view, uint8_t table, tkt__slice key, tkt__slice *value);
int32_t tkt__lmdb_get_many(void *view, tkt__get *gets, size_t n);

/* cursor.c */
int32_t tkt__lmdb_cursor_open(void *view, uint8_t table, void **cursor);
int32_t tkt__lmdb_cursor_seek(void *cursor, tkt__slice key, tkt__slice *k, tkt__slice *v);
int32_t tkt__lmdb_cursor_seek_last(void *cursor, tkt__slice key, tkt__slice *k, tkt__slice *v);
int32_t tkt__lmdb_cursor_next(void *cursor, tkt__slice *k, tkt__slice *v);
int32_t tkt__lmdb_cursor_prev(void *cursor, tkt__slice *k, tkt__slice *v);
void tkt__lmdb_cursor_close(void *cursor);

/* space.c */
/* all: free pages too, near the end or not. Answers are LMDB's. */
int tkt__space_look(tkt__lmdb *e, MDB_txn *txn, bool all, tkt__space *space);
bool tkt__space_for(const tkt__space *space, uint64_t bytes); /* rows of so many bytes leave the reserve whole */

/* key.c */
int tkt__lmdb_compare(const MDB_val *a, const MDB_val *b);

/* write.c */
int32_t tkt__lmdb_write_begin(void *e, const tkt__guard *guards, size_t n, int64_t deadline_ms,
                              void **tx, void **view, int64_t *floor_ms);
void tkt__lmdb_write_floor(void *tx, int64_t floor_ms);
int32_t tkt__lmdb_write_commit(void *tx, const tkt__write *writes, size_t n, int64_t now_ms,
                               tkt__commit_info *out);
bool tkt__lmdb_write_low(void *tx, bool tight);
void tkt__lmdb_write_settle(void *tx);
void tkt__lmdb_write_abort(void *tx);
int tkt__stamp_write(tkt__lmdb_view *v, uint64_t stamp, int64_t floor_ms);
int32_t tkt__lmdb_tend(void *e, bool *did);
int32_t tkt__lmdb_fold_long(tkt__lmdb *e); /* all of a tail that an open would feel */
uint64_t tkt__lmdb_written(void); /* bytes that this process has written to files and pipes; 0: not told here */
int32_t tkt__lmdb_set_journal(void *e, bool on, const tkt__row *row);
int32_t tkt__lmdb_floor_ms(void *e, int64_t *now_ms);
int32_t tkt__lmdb_stats(void *e, tkt__engine_stats *out);

/* open.c: an errno, or 0. Gives a file its name unless another has it: EEXIST. */
int tkt__lmdb_publish(const char *fresh, const char *name);
int tkt__lmdb_sync_dir(const char *dir);
int tkt__lmdb_make_dir(const char *dir); /* with its parent synced; fine when it is there */

/* copy.c */
int32_t tkt__lmdb_copy(void *e, const char *file, bool compact);

/* bulk.c */
int32_t tkt__lmdb_bulk_begin(void *e, uint32_t tables, void **bulk);
int32_t tkt__lmdb_bulk_append(void *bulk, uint8_t table, tkt__slice key, tkt__slice value);
uint32_t tkt__lmdb_bulk_room(void *bulk, uint8_t table);
int32_t tkt__lmdb_bulk_end(void *bulk);
void tkt__lmdb_bulk_abort(void *bulk);

#endif
