/* SPDX-License-Identifier: MIT
 *
 * engine/lmdb/journal.h: the journal inside the LMDB environment.
 *
 *   segment.c  some records in memory, ordered by (table, key), each key with its versions
 *   record.c   a record's bytes; the database "journal"
 *   tail.c     the process's segments; which of them a view sees
 *   cursor.c   cursors over tree and tail
 *   fold.c     the tail's way into the tree
 *
 * A B+tree pays for scattered pages: a booking changes a dozen rows, each on a page of its own. So the
 * writes of a commit to journaled tables become one record of the database "journal", appended under the
 * commit's stamp, and reach the tree later, sorted, many at once. What is in the journal and not yet in
 * the tree is the **tail**.
 *
 * What a snapshot sees is the tree and the records of its own LMDB transaction, the newest version of each
 * key winning: exact, whatever other processes do. The segments are a cache of records and no more: they
 * are filled from the journal by whoever finds himself ahead of them.
 *
 * A **fold** begins at some record; it walks the tail's keys in their order and puts the version that each had by
 * then into the tree, a slice with each commit; at its end the records up to that one are deleted. A row of the engine
 * says how far it is, so any process carries it on, and a crash at any moment leaves a state from which it goes on.
 *
 * Bytes on disk, little-endian:
 *   journal   be64 stamp → record: see record.c
 *   engine    "journal" → u64 tag, drawn when the journal was made; the row is there: the journal is on
 *             "fold"    → see fold.c; the row is there: a fold is under way
 */
#ifndef TKT_ENGINE_LMDB_JOURNAL_H
#define TKT_ENGINE_LMDB_JOURNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include <lmdb.h>

#include "engine/engine.h"

/* Bytes of records that a fold begins at, by default: half of what the tail grows to. */
#define TKT__JOURNAL_HALF (sizeof(void *) == 8 ? UINT64_C(16) << 20 : UINT64_C(256) << 10)
#define TKT__RECORD_COST 128u   /* a record counts for its bytes and these: many small ones are a tail too */
#define TKT__RECORD_HEAD 28u
#define TKT__SEGMENTS_MAX 6     /* that a process keeps; a view that needs older ones reads them for itself */

typedef struct tkt__lmdb tkt__lmdb;
typedef struct tkt__lmdb_view tkt__lmdb_view;

/* ---- segments ---------------------------------------------------------------------------------- */

typedef struct tkt__version tkt__version;
struct tkt__version {
    const tkt__version *older; /* of the same key */
    uint64_t stamp;
    tkt__slice value;
    bool deleted;
};

typedef struct tkt__node tkt__node;
typedef struct tkt__link {
    tkt__node *_Atomic next;
    _Atomic uint32_t live; /* nodes behind this one, up to and with `next`, that a walk has to look at */
} tkt__link;
struct tkt__node {
    tkt__slice key;
    uint64_t prefix; /* the first eight bytes of the key, big-endian, zeros behind */
    const tkt__version *_Atomic newest;
    uint32_t level, hash;
    uint8_t table;
    bool fresh;      /* inserted in this segment: nothing below it has the key */
    bool linked;     /* it is in its table's order; under the segment's lock */
    tkt__link link[]; /* `level` of them; not linked yet: link[0].next is the next of those that are not */
};

typedef struct tkt__slots tkt__slots;

/* Readers go through it without a lock while one thread, under the tail's lock, adds to it. What is added is found by
 * its key at once; the order is made when someone asks for it. */
typedef struct tkt__segment {
    tkt_hooks hooks;
    tkt__arena arena;
    tkt__node *_Atomic heads[TKT__TABLES_MAX];
    tkt__node *_Atomic waiting[TKT__TABLES_MAX]; /* those not in the order yet, the newest first */
    _Atomic uint32_t unordered[TKT__TABLES_MAX]; /* how many; those that are being linked count until they are */
    pthread_mutex_t lock;                        /* of links and their counts, for who changes them */
    _Atomic uint32_t references;
    _Atomic uint64_t died; /* the last stamp at which a fresh node was deleted */
    bool leaps;           /* whether walks may leap over what is fresh and deleted */
    uint64_t first, last; /* stamps of its records; under the tail's lock */
    uint64_t bytes;       /* of its records, with their cost; likewise */
    uint64_t random;      /* for levels only */
    uint32_t nodes;
    tkt__slots *_Atomic slots; /* nodes by the hash of table and key; older ones behind it until the end */
} tkt__segment;

tkt__segment *tkt__segment_new(const tkt_hooks *hooks); /* with one reference; NULL: no memory */
void tkt__segment_drop(tkt__segment *s);                /* a reference; the last one frees */
/* Begins to fetch what adding or finding the key will look at, which then goes on meanwhile. The key's hash. */
uint32_t tkt__segment_fetch(const tkt__segment *s, uint8_t table, tkt__slice key);
/* Adds one version by TKT__PUT, TKT__INSERT or TKT__DEL; stamps never fall. False: no memory. */
bool tkt__segment_add(tkt__segment *s, uint64_t stamp, uint8_t table, uint8_t op, uint32_t hash, tkt__slice key,
                      tkt__slice value);
/* Puts what was added to a table in its order, `most` at a time, so that nobody waits for all of it who need not: true
 * when everything that was there has its place. Seeking asks for all. */
bool tkt__segment_order(const tkt__segment *s, uint8_t table, uint32_t most);
const tkt__node *tkt__segment_find(const tkt__segment *s, uint8_t table, tkt__slice key);
/* The first node ≥ key, or > key when `after`; the last node < key (empty key: the last of all). */
const tkt__node *tkt__segment_seek(const tkt__segment *s, uint8_t table, tkt__slice key, bool after);
const tkt__node *tkt__segment_before(const tkt__segment *s, uint8_t table, tkt__slice key);
/* The next one that may matter to who sees versions up to `high`. */
const tkt__node *tkt__segment_next(const tkt__segment *s, const tkt__node *n, uint64_t high);
/* The newest version up to a stamp, or NULL. */
const tkt__version *tkt__node_version(const tkt__node *n, uint64_t stamp);

/* ---- the tail ---------------------------------------------------------------------------------- */

/* The process's. `lock` guards it all; under it records are read and added, and nothing is waited for but a page. */
typedef struct tkt__tail {
    pthread_mutex_t lock;
    tkt__segment *segment[TKT__SEGMENTS_MAX]; /* oldest first; the last one takes what comes */
    uint32_t n;
    uint64_t base, top; /* it holds every record from base to top; 0, 0: nothing */
} tkt__tail;

/* What a view sees of it, from its first look at a journaled table on. */
typedef struct tkt__seen {
    bool looked, bound;
    uint32_t n;
    uint64_t low, high;         /* the records of the view's snapshot; 0, 0: none */
    uint64_t until;             /* of the fold under way, or 0 */
    uint64_t total_low, total_high; /* bytes before `low`, and up to `high` */
    int64_t floor_ms;           /* of `high` */
    tkt__segment *segment[TKT__SEGMENTS_MAX]; /* newest first; a reference each */
} tkt__seen;

int32_t tkt__tail_init(tkt__tail *t);
void tkt__tail_free(tkt__tail *t, bool lock_too);
int32_t tkt__tail_look(tkt__lmdb_view *v);   /* reads low, high, total, floor; once a view */
int32_t tkt__tail_bind(tkt__lmdb_view *v);   /* … and the segments */
void tkt__tail_unbind(tkt__lmdb_view *v);
/* A commit of this process became durable: its own writes need not be read back. `before` is the view of it. */
void tkt__tail_committed(tkt__lmdb *e, const tkt__seen *before, uint64_t stamp, uint64_t bytes,
                         const tkt__write *writes, size_t n);
/* TKT_DONE, TKT_NOT_FOUND (deleted), or TKT_EXISTS: the tail says nothing of this key. */
int32_t tkt__tail_get(tkt__lmdb_view *v, uint8_t table, tkt__slice key, tkt__slice *value);

/* A walk over the keys of a table in the tail, in order, those that the view can't see left out. */
typedef struct tkt__walk {
    const tkt__seen *seen;
    const tkt__node *at[TKT__SEGMENTS_MAX];
    tkt__slice key;              /* valid with `version` */
    const tkt__version *version; /* the newest that the view sees; NULL: past the end */
} tkt__walk;
void tkt__walk_seek(tkt__walk *w, const tkt__seen *seen, uint8_t table, tkt__slice key, bool after);
void tkt__walk_before(tkt__walk *w, const tkt__seen *seen, uint8_t table, tkt__slice key);
void tkt__walk_next(tkt__walk *w);
/* The newest version of the key at hand up to a stamp, or NULL. */
const tkt__version *tkt__walk_version(const tkt__walk *w, uint64_t to);

/* ---- records ----------------------------------------------------------------------------------- */

typedef struct tkt__record {
    uint64_t sum;
    uint64_t total;   /* bytes of all records there ever were, with their cost, this one included */
    int64_t floor_ms;
    uint32_t count;
    tkt__slice writes;
} tkt__record;

/* Whether a write of this transaction goes into the journal. */
bool tkt__journaled(const tkt__lmdb *e, const tkt__write *w);
/* Appends the journaled ones of sorted writes, when there are any: *bytes gets the record's, with its cost, or 0.
 * Answers are LMDB's. */
int tkt__record_append(tkt__lmdb_view *v, const tkt__write *writes, size_t n, uint64_t stamp, uint64_t total,
                       int64_t floor_ms, uint64_t *bytes);
/* Reads the head of a record found under a stamp; `open` checks its sum too. -TKT_E_JOURNAL. */
int32_t tkt__record_head(uint64_t stamp, tkt__slice bytes, tkt__record *r);
int32_t tkt__record_open(const tkt__lmdb *e, uint64_t stamp, tkt__slice bytes, tkt__record *r);
int32_t tkt__record_load(const tkt__record *r, uint64_t stamp, tkt__segment *s);
/* The key that a write has in the table: a stamp is put in where it asks for one. `buffer`: TKT__KEY_MAX + 8. */
tkt__slice tkt__write_key(const tkt__write *w, uint64_t stamp, uint8_t *buffer);

/* ---- the fold ----------------------------------------------------------------------------------- */

/* In a write transaction of its own, or with a commit of `bytes`: begins a fold when it is time, and carries one
 * on at the pace at which records come. `all`: to its end. */
int32_t tkt__fold(tkt__lmdb_view *v, uint64_t bytes, bool all);
/* The last record that the fold under way takes in; 0: none is. */
int32_t tkt__fold_until(tkt__lmdb_view *v, uint64_t *until);
/* Whether one is under way, or it is time for one. */
int32_t tkt__fold_due(tkt__lmdb_view *v, bool *due);

/* ---- on and off (open.c) ------------------------------------------------------------------------- */

int tkt__journal_make(tkt__lmdb *e, MDB_txn *txn);   /* the database and its tag */
int tkt__journal_remove(tkt__lmdb *e, MDB_txn *txn); /* nothing may be in it */

#endif
