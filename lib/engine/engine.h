/* SPDX-License-Identifier: MIT
 *
 * engine/engine.h: the internal face of the engine room: ordered keys, guarded transactions.
 *
 * Two layers. Below, `tkt__engine_ops`: the small contract that a storage engine implements (LMDB in
 * lmdb/, the hostile in-memory engine in tests/engine). Above it, the common layer (`tkt__kv`),
 * written once: overlay, run (retry, unknown outcomes), batcher, guards, limits. All logic of the
 * library is written on the common layer and never sees an engine.
 *
 * Rules, each stated by the conformance program tests/engine/conformance.c:
 *  1 Keys compare as unsigned bytes, shorter first; 1…511 bytes. Values ≤ 64 KiB, hot ≤ 3,900 B.
 *  2 A read transaction is one snapshot; a write body sees the newest committed state.
 *  3 A body reads its own writes, in gets and merged into cursors; values put by it are copied.
 *  4 Slices live until their transaction ends (read) or their body's batch ends (write).
 *  5 Every key that a body writes belongs to a guard it holds, or lies in an insert-only table.
 *    The guard's row is always written by the commit: first-committer-wins on one row is enough.
 *  6 Bodies are re-runnable pure functions: no I/O, no clock, no randomness of their own.
 *  7 A body: ≤ 2,000 writes and ≤ 1 MiB. A commit: the engine's caps. TKT_E_LIMIT comes from the
 *    common layer, equally on every engine.
 *  8 INSERT of a key that is there: TKT_EXISTS from the overlay's put, or a conflict at commit.
 *  9 Commit answers: done; certainly not done (CONFLICT, BUSY, UNAVAILABLE, FULL, NOMEM, IO …); or
 *    UNKNOWN. CONFLICT and UNKNOWN are re-run by the common layer until the deadline.
 * 10 While a commit of a scope is in flight, arriving bodies wait; all of them join the next one
 *    (scope: the process on LMDB, the guard on a remote engine). No timer.
 * 11 PUT_STAMPED: key = prefix ‖ be64(stamp) ‖ suffix; stamps grow with commit order.
 * 12 Bulk: begin, append (sorted within each table), end, abort build the other generation of some
 *    tables. A body that calls tkt__tx_shadow reads and writes these tables in the generation being
 *    built; one that runs alone switches generations with its commit, as one row.
 */
#ifndef TKT_ENGINE_ENGINE_H
#define TKT_ENGINE_ENGINE_H

#include "base/base.h"

#define TKT__TABLES_MAX 64
#define TKT__BULK_TABLES 32      /* only tables below it may be built by bulk: sets of them are 32 bits */
#define TKT__SHADOW 64           /* table | TKT__SHADOW: its generation that is being built */
#define TKT__KEY_MAX 511
#define TKT__HOT_VALUE_MAX 3900
#define TKT__VALUE_MAX 65536
#define TKT__BODY_WRITES_MAX 2000
#define TKT__BODY_BYTES_MAX (1u << 20)
#define TKT__GUARDS_MAX 8        /* guards one body may hold */
#define TKT__GUARD_BYTES 9       /* kind ‖ be64 id */
#define TKT__RUN_TRIES 10        /* conflicts answered by a re-run before TKT_E_CONFLICT */

/* ---- tables ---------------------------------------------------------------------------------- */

/* How the guard of a key is found. */
typedef enum tkt__guard_rule {
    TKT__GUARD_FIXED,  /* guard {kind, 0}, e.g. the catalogue */
    TKT__GUARD_AT,     /* guard {kind, be64 at key offset} */
    TKT__GUARD_KEY,    /* the key starts with the guard's own 9 bytes at offset */
    TKT__GUARD_FREE    /* insert-only lookup rows under fresh unique keys; also deletable by sweeps */
} tkt__guard_rule;

typedef struct tkt__table_def {
    uint8_t id;          /* 0…TKT__TABLES_MAX−1, equals its index; part of the format */
    const char *name;    /* LMDB database name; part of the format */
    bool hot;            /* values ≤ TKT__HOT_VALUE_MAX */
    bool journaled;      /* everything a booking writes; direct otherwise (used by the journal) */
    uint8_t guard_rule;
    uint8_t guard_kind;
    uint16_t guard_offset;
    uint8_t guard_kind2; /* 0, or a second kind that may hold it too (FIXED, id 0): event rows may be
                            INSERTED under the catalogue alone while their id is fresh */
    bool bulk;           /* may be built by bulk: its reads look up which generation is published */
} tkt__table_def;

/* Guard kinds. */
#define TKT__G_STORE 's'     /* id 0: clock floor, salt, import anchor, jobs */
#define TKT__G_CATALOG 'c'   /* id 0: venues, performers, index, charts, the list indexes of events */
#define TKT__G_EVENT 'e'     /* id: everything about its sale */
#define TKT__G_USER 'u'      /* id */
#define TKT__G_COUNTER 'n'   /* id = kind of id that is leased */

typedef struct tkt__guard {
    uint8_t kind;
    uint64_t id;
} tkt__guard;

typedef struct tkt__schema {
    const tkt__table_def *tables;
    uint32_t count;
    uint8_t guard_table;     /* guard rows: key = guard bytes; value: see tkt__guard_row */
    uint8_t discovery_table; /* PUT_STAMPED rows: be64 epoch ‖ be64 stamp ‖ guard bytes → seq u64, fresh u32 */
    uint8_t generation_table;/* row TKT__GENERATION_KEY: u32, bit t: which generation of table t is published */
} tkt__schema;
#define TKT__GENERATION_KEY "generation"
#define TKT__GENERATION_KEY_BYTES 10

/* A guard's row, 16 bytes on disk: seq u64, serial u32, fresh u32, little-endian. */
typedef struct tkt__guard_row {
    uint64_t seq;    /* the last feed sequence number given out under this guard */
    uint32_t serial; /* the last claim number given out under this guard */
    uint32_t fresh;  /* how many sequence numbers its last commit gave out */
} tkt__guard_row;
/* What the discovery row of a commit and a guard holds: the head of the guard's row, and `fresh`. */
#define TKT__DISCOVERY_BYTES 12

/* ---- the engine contract ----------------------------------------------------------------------- */

typedef struct tkt__caps {
    uint32_t commit_writes; /* most writes a commit may carry (LMDB 16,384) */
    uint32_t commit_bytes;  /* most bytes (LMDB 8 MiB) */
    bool remote;            /* batcher scope: false = whole process, true = a guard */
} tkt__caps;

typedef enum tkt__op { TKT__PUT, TKT__INSERT, TKT__DEL, TKT__PUT_STAMPED } tkt__op;

typedef struct tkt__write {
    uint8_t table;
    uint8_t op;
    uint16_t stamp_at;  /* PUT_STAMPED: offset in key at which be64(stamp) gets inserted */
    tkt__slice key, value;
} tkt__write;

typedef struct tkt__commit_info {
    uint64_t stamp; /* grows with commit order within an epoch */
} tkt__commit_info;

typedef struct tkt__get {        /* one of many reads in one round trip */
    uint8_t table;
    tkt__slice key;
    tkt__slice value;            /* out */
    int32_t status;              /* out: TKT_DONE or TKT_NOT_FOUND */
} tkt__get;

typedef struct tkt__engine_stats {
    uint64_t map_bytes, used_bytes, file_bytes;
    uint64_t last_stamp;
    uint32_t readers, readers_max;
    uint64_t commits;
    uint64_t journal_bytes; /* not yet in the tables */
    uint64_t written_bytes; /* by this process since the open */
    uint64_t room_bytes, reserve_bytes; /* see write_low */
    bool journal;
} tkt__engine_stats;

/* A row without ceremony: first rows of a fresh store, and what is written along with a switch. */
typedef struct tkt__row {
    uint8_t table;
    tkt__slice key, value;
} tkt__row;

/* All functions: int32_t status as in base.h. `e` is the engine's own handle.
 * A read view may be used by one thread at a time and handed between threads.
 * At most one write transaction per scope is asked for by the common layer. */
typedef struct tkt__engine_ops {
    const char *name;
    void (*caps)(void *e, tkt__caps *out);
    void (*close)(void *e);

    /* Snapshot reads. view_renew drops the old snapshot and takes the newest, reusing everything:
     * no allocation, no lock. */
    int32_t (*view_begin)(void *e, void **view);
    int32_t (*view_renew)(void *view);
    void (*view_end)(void *view);
    int32_t (*get)(void *view, uint8_t table, tkt__slice key, tkt__slice *value);
    int32_t (*get_many)(void *view, tkt__get *gets, size_t n);
    /* Cursors return slices and allocate nothing per step. TKT_NOT_FOUND at the end of the table.
     * seek: first key ≥ key (empty key: the first); seek_last: last key < key (empty: the last). next and prev
     * are asked of a cursor that stands on a row, and of no other. */
    int32_t (*cursor_open)(void *view, uint8_t table, void **cursor);
    int32_t (*cursor_seek)(void *cursor, tkt__slice key, tkt__slice *k, tkt__slice *v);
    int32_t (*cursor_seek_last)(void *cursor, tkt__slice key, tkt__slice *k, tkt__slice *v);
    int32_t (*cursor_next)(void *cursor, tkt__slice *k, tkt__slice *v);
    int32_t (*cursor_prev)(void *cursor, tkt__slice *k, tkt__slice *v);
    void (*cursor_close)(void *cursor);

    /* A write transaction: its own view of the newest state (reads through the calls above with
     * *view), then either one commit of all its writes, sorted by (table, key), each key once; or
     * abort. commit ends the transaction whatever it answers: nobody waits for it any more; a commit that is done is
     * given back by `settle`, which may take its time over what later transactions will want (NULL: nothing to do,
     * commit freed it). `writes` lives until then. now_ms is stored with the stamp as the
     * persisted clock floor; *floor_ms gets the highest now_ms of any commit under these guards before,
     * so that time never runs backwards in commit order, whatever the clocks of the processes say.
     * deadline: monotonic ms of the hooks. */
    int32_t (*write_begin)(void *e, const tkt__guard *guards, size_t n, int64_t deadline_ms,
                           void **tx, void **view, int64_t *floor_ms);
    /* Only the reserve is left: for bodies that asked for it (tkt__tx_use_reserve). Asked of a transaction before its
     * commit, or not at all; one that did not answer true is refused (-TKT_E_FULL) where it would take of the
     * reserve. tight: none but such bodies will go anyway, answer true. NULL: none is kept. */
    bool (*write_low)(void *tx, bool tight);
    int32_t (*write_commit)(void *tx, const tkt__write *writes, size_t n, int64_t now_ms,
                            tkt__commit_info *out);
    /* Before the commit: the floor that it leaves, also one below what it was: the host says that it was wrong. */
    void (*write_floor)(void *tx, int64_t floor_ms);
    void (*write_settle)(void *tx);
    void (*write_abort)(void *tx);

    /* Bulk: empties the other generation of some tables (bit t: table t) and fills it over many commits.
     * One builder at a time: -TKT_E_BUSY while another lives. `end` commits what was appended; the tables
     * stay the builder's until `abort`, which frees it: after the switch, or instead of it. */
    int32_t (*bulk_begin)(void *e, uint32_t tables, void **bulk);
    int32_t (*bulk_append)(void *bulk, uint8_t table, tkt__slice key, tkt__slice value);
    /* A hint: bytes that the next row's key and value may have together to fill what is begun on disk; 0: nothing
     * is, or nobody knows. Rows that may be cut anywhere are better cut there. */
    uint32_t (*bulk_room)(void *bulk, uint8_t table);
    int32_t (*bulk_end)(void *bulk);
    void (*bulk_abort)(void *bulk);

    /* Upkeep that may wait: a bounded piece, in a commit of its own. *did: there was something to do. NULL: none. */
    int32_t (*tend)(void *e, bool *did);
    /* Switches the journal, with a row that records it, in one commit; for who has the store alone. NULL: none. */
    int32_t (*set_journal)(void *e, bool on, const tkt__row *row);

    /* Copies the store as one snapshot sees it into a new file, whole or not at all. NULL: there is no file. */
    int32_t (*copy)(void *e, const char *file, bool compact);

    int32_t (*floor_ms)(void *e, int64_t *now_ms); /* the highest now_ms of any commit since write_floor */
    int32_t (*stats)(void *e, tkt__engine_stats *out);
} tkt__engine_ops;

/* ---- the LMDB engine ---------------------------------------------------------------------------- */

typedef struct tkt__lmdb_options {
    uint64_t map_bytes;   /* 0: 64 GiB, or 1 GiB where pointers are 32-bit */
    uint32_t readers;     /* 0: 512 */
    bool create;          /* make it when missing */
    bool read_only;
    bool allow_net_fs;
    bool add_tables;      /* make tables that an older library did not know */
    bool no_journal;      /* of a store that this open makes */
    uint64_t journal_half;/* bytes of records that a fold begins at; 0: TKT__JOURNAL_HALF of lmdb/journal.h */
    bool alone;           /* no other process may have it open */
} tkt__lmdb_options;

/* Opens STORE/data.mdb. Creation: built as STORE/.new-PID, committed, synced, published with
 * RENAME_NOREPLACE (or link), directory synced; the loser of a race opens the winner's; leftovers of
 * dead processes are removed. *created tells whether this call made it.
 * The first rows are written in the commit that is synced before the name is published.
 * TKT_E_NO_STORE, NOT_A_STORE, BUSY (someone has it alone, or is to be alone and is not), JOURNAL (the tail
 * is torn or foreign), ALREADY_OPEN (device + inode registry, so also through a symlink),
 * WORD_SIZE, VERSION, SHORT_FILE, NET_FS, READERS, IO, NOMEM. Every call made in a forked child
 * answers TKT_E_FORKED. Closing in a forked child frees memory only. */
int32_t tkt__lmdb_open(const char *dir, const tkt__lmdb_options *options, const tkt__schema *schema,
                       const tkt__row *first_rows, size_t first_count, const tkt_hooks *hooks,
                       const tkt__engine_ops **ops, void **engine, bool *created);

#define TKT__PATH_MAX 4096
/* A new file that appears whole, under its own name, or not at all: begin makes it under another name, end syncs and
 * renames it, or removes it where status is a failure. -TKT_E_IO with EEXIST: there is one. */
int32_t tkt__file_begin(const char *file, int *fd);
int32_t tkt__file_end(const char *file, int fd, int32_t status);
/* A store is made in a directory of its own within the place where it will be, and adopted once it is whole. */
int32_t tkt__lmdb_work_dir(const char *dir, char work[TKT__PATH_MAX]); /* -TKT_E_ALREADY_OPEN: there is a store */
int32_t tkt__lmdb_unpack(const char *file, const char *work, const tkt_hooks *hooks);
int32_t tkt__lmdb_adopt(const char *work, const char *dir);
void tkt__lmdb_work_dir_drop(const char *work);

/* ---- the common layer --------------------------------------------------------------------------- */

typedef struct tkt__kv tkt__kv;
typedef struct tkt__tx tkt__tx;         /* a read snapshot, or the transaction a body runs in */
typedef struct tkt__cursor tkt__cursor;

/* `now` is called once a batch, after its turn has come and before its first body, with the batch's transaction to read
 * by: the whole batch runs at that instant, which is never before the engine's floor. */
typedef struct tkt__kv_config {
    const tkt__schema *schema;
    const tkt__engine_ops *ops;
    void *engine;              /* owned by the kv from here on: closed by tkt__kv_close */
    tkt_hooks hooks;
    uint64_t epoch;
    int32_t (*now)(void *user, tkt__tx *tx, int64_t floor_ms, int64_t *now_ms);
    void *now_user;
    void (*committed)(void *user, uint64_t stamp); /* after each commit, no lock held; may be NULL */
    void *committed_user;
} tkt__kv_config;

int32_t tkt__kv_open(const tkt__kv_config *config, tkt__kv **kv);
void tkt__kv_close(tkt__kv *kv); /* no read transaction may be open */
const tkt__caps *tkt__kv_caps(const tkt__kv *kv);
const tkt__engine_ops *tkt__kv_ops(tkt__kv *kv, void **engine);
/* -TKT_E_FORKED in a child of the process that opened it. */
int32_t tkt__kv_here(const tkt__kv *kv);

/* A body. Returns a status: 0…63, TKT_DECLINED or TKT_REFUND_DUE keep its writes; any other answer
 * rolls them back. It may run several times and must then give the same writes for the same state. */
typedef int32_t (*tkt__body)(tkt__tx *tx, void *ctx);

typedef struct tkt__run_options {
    bool dry;             /* run, answer, roll back */
    bool alone;           /* in a commit of its own */
    int64_t timeout_ms;   /* 0: TKT__RUN_TIMEOUT_MS */
} tkt__run_options;
#define TKT__RUN_TIMEOUT_MS 30000

/* Runs a body under its guards (sorted and made unique here; ≤ TKT__GUARDS_MAX; none is fine for a
 * body that only inserts lookup rows) and waits for the commit's outcome. Answers the body's status
 * once durable, or the failure. Error record and causes of the body reach the caller's thread. */
int32_t tkt__kv_run(tkt__kv *kv, const tkt__guard *guards, size_t n, const tkt__run_options *options,
                    tkt__body body, void *ctx);

/* Several bodies handed in together, in this order: they share a commit as far as they fit into one. Each
 * has its own outcome, as if it had been run alone; the call returns TKT_DONE when all have one. The record of the
 * first that is not TKT_DONE reaches the caller's thread. A failure: none was run. */
#define TKT__JOBS_MAX 1024
typedef struct tkt__job {
    tkt__guard guards[TKT__GUARDS_MAX];
    size_t guards_n;
    tkt__body body;
    void *ctx;
    int32_t status; /* the outcome */
    bool recorded;  /* it has an error record, which `record` got where that is not NULL */
    tkt__error_record *record;
} tkt__job;
int32_t tkt__kv_run_jobs(tkt__kv *kv, tkt__job *jobs, size_t n);

/* Read snapshots. `renew` takes the newest state into the same handle. */
int32_t tkt__kv_read_begin(tkt__kv *kv, tkt__tx **tx);
int32_t tkt__kv_read_renew(tkt__tx *tx);
void tkt__kv_read_end(tkt__tx *tx);

/* Reads, alike in snapshots and bodies. TKT_NOT_FOUND without touching the error record. */
int32_t tkt__tx_get(tkt__tx *tx, uint8_t table, tkt__slice key, tkt__slice *value);
int32_t tkt__tx_cursor_open(tkt__tx *tx, uint8_t table, tkt__cursor **cursor);
int32_t tkt__cursor_seek(tkt__cursor *c, tkt__slice key, tkt__slice *k, tkt__slice *v);
int32_t tkt__cursor_seek_last(tkt__cursor *c, tkt__slice key, tkt__slice *k, tkt__slice *v);
int32_t tkt__cursor_next(tkt__cursor *c, tkt__slice *k, tkt__slice *v);
int32_t tkt__cursor_prev(tkt__cursor *c, tkt__slice *k, tkt__slice *v);
void tkt__cursor_close(tkt__cursor *c); /* NULL is fine. A body's cursor survives the body's own puts
                                           (it re-seeks by its last key). */

/* Writes of a body. Key and value are copied. -TKT_E_LIMIT past rule 7; -TKT_E_INTERNAL when the key
 * belongs to a guard not held; insert: TKT_EXISTS when the key is there. Deleting what is not there
 * is fine. */
int32_t tkt__tx_put(tkt__tx *tx, uint8_t table, tkt__slice key, tkt__slice value);
int32_t tkt__tx_insert(tkt__tx *tx, uint8_t table, tkt__slice key, tkt__slice value);
/* Insert, for a key that nothing can have yet (a leased id, a random code): it is not looked for. */
int32_t tkt__tx_insert_new(tkt__tx *tx, uint8_t table, tkt__slice key, tkt__slice value);
int32_t tkt__tx_del(tkt__tx *tx, uint8_t table, tkt__slice key);

/* The instant of this transaction: a body's batch, or when the snapshot was taken/renewed. */
int64_t tkt__tx_now(const tkt__tx *tx);
void tkt__tx_set_now(tkt__tx *tx, int64_t now_ms); /* snapshots only: the store sets it */
/* A body's last word: this commit leaves the floor here, though its own instant and others before may lie above. */
void tkt__tx_set_floor(tkt__tx *tx, int64_t floor_ms);
bool tkt__tx_dry(const tkt__tx *tx);
/* The running body gives something back, or books what was paid for: it may take of the room that is kept for that
 * when others are refused with -TKT_E_FULL. */
void tkt__tx_use_reserve(tkt__tx *tx);
/* From here on the body (until it ends), or the snapshot, sees bulk tables in the generation being built. */
void tkt__tx_shadow(tkt__tx *tx, bool on);
/* Publishes the generation being built of some tables with this body's commit, which must be its alone. */
int32_t tkt__tx_publish(tkt__tx *tx, uint32_t tables);
/* Memory that lives as long as the transaction (snapshot: until renew; body: until its batch ends). */
void *tkt__tx_memory(tkt__tx *tx, size_t n);

/* Guard rows. next_seq / next_serial change the row in the overlay (the guard must be held).
 * guard_row reads it (zeros when the guard was never written). */
int32_t tkt__tx_next_seq(tkt__tx *tx, tkt__guard guard, uint64_t *seq);
int32_t tkt__tx_next_serial(tkt__tx *tx, tkt__guard guard, uint32_t *serial);
int32_t tkt__tx_guard_row(tkt__tx *tx, tkt__guard guard, tkt__guard_row *row);
void tkt__guard_key(tkt__guard guard, uint8_t key[TKT__GUARD_BYTES]);

#endif
