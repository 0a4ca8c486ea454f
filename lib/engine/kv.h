/* SPDX-License-Identifier: MIT
 *
 * engine/kv.h: what the files of the common layer share. No other room includes it.
 *
 *   overlay.c  the writes of a batch, ordered by (table, key), with the undo log of one body
 *   cursor.c   overlay and engine read as one ordered table
 *   tx.c       snapshots, reads, a body's writes and their limits
 *   guard.c    whose guard a key belongs to; guard rows
 *   batch.c    one attempt: begin, bodies, commit, and what the outcome means for each request
 *   run.c      the queue: who leads, who joins, who waits
 *
 * Lock rule: `tkt__kv.lock` guards the queue, the claims and the idle batches, and is never held
 * while an engine, a body or a hook runs. Everything in a batch belongs to the thread
 * that leads it. A crash leaves behind what the engine committed, and nothing of this layer.
 */
#ifndef TKT_ENGINE_KV_H
#define TKT_ENGINE_KV_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "engine/engine.h"

/* ---- overlay --------------------------------------------------------------------------------- */

#define TKT__OVERLAY_LEVELS 8 /* with a quarter of the nodes going up: 4^8 = 65,536 entries */
#define TKT__OP_NONE 255      /* an entry that was rolled back: as if it were not there */

typedef struct tkt__entry tkt__entry;
struct tkt__entry {
    tkt__slice key, value;
    uint64_t prefix;   /* the first eight bytes of the key, big-endian, zeros behind */
    tkt__entry *prev;  /* NULL at the front */
    uint32_t body;     /* the body that touched it last */
    uint8_t op;        /* tkt__op or TKT__OP_NONE */
    uint8_t level;     /* 1…TKT__OVERLAY_LEVELS */
    bool guard_row;
    tkt__entry *next[]; /* `level` of them */
};

typedef struct tkt__undo {
    tkt__entry *entry;
    tkt__slice value;
    uint32_t body;
    uint8_t op;
} tkt__undo;

typedef struct tkt__overlay {
    const tkt_hooks *hooks;
    tkt__arena arena;
    tkt__entry *heads[2 * TKT__TABLES_MAX]; /* shadows behind; a node without a key, of full level; NULL: empty table */
    tkt__undo *undo;                    /* entries that the running body touched, once each */
    size_t undo_n, undo_cap;
    uint64_t random;                    /* for levels only */
    uint64_t nodes;                     /* entries ever linked: a cursor sees that there are more */
    uint32_t body;                      /* number of the running body, from 1 */
    uint32_t writes, guard_rows;        /* live entries, guard rows counted apart */
    uint64_t bytes;                     /* of `writes` */
    uint32_t body_writes;               /* of the running body, guard rows left out */
    uint64_t body_bytes;
    uint8_t guard_table;
} tkt__overlay;

void tkt__overlay_init(tkt__overlay *o, const tkt_hooks *hooks, uint8_t guard_table);
void tkt__overlay_reset(tkt__overlay *o);
void tkt__overlay_free(tkt__overlay *o);
void tkt__overlay_begin(tkt__overlay *o);    /* a new body; what stands is final */
void tkt__overlay_rollback(tkt__overlay *o); /* as it was at begin */
tkt__entry *tkt__overlay_find(const tkt__overlay *o, uint8_t table, tkt__slice key);
/* Finds or links the entry (op NONE when it is new). NULL: no memory. */
tkt__entry *tkt__overlay_entry(tkt__overlay *o, uint8_t table, tkt__slice key);
/* Gives an entry a new op and a copy of value. False: no memory, nothing changed. */
bool tkt__overlay_set(tkt__overlay *o, tkt__entry *entry, uint8_t op, tkt__slice value);
tkt__entry *tkt__overlay_first(const tkt__overlay *o, uint8_t table);
tkt__entry *tkt__overlay_last(const tkt__overlay *o, uint8_t table);
/* The first entry ≥ key (or > key when `after`); the last entry < key. Rolled back ones included. */
tkt__entry *tkt__overlay_seek(const tkt__overlay *o, uint8_t table, tkt__slice key, bool after);
tkt__entry *tkt__overlay_before(const tkt__overlay *o, uint8_t table, tkt__slice key);

/* ---- transactions ------------------------------------------------------------------------------ */

struct tkt__tx {
    tkt__kv *kv;
    const tkt__engine_ops *ops;
    void *view;
    tkt__overlay *overlay; /* NULL: a read snapshot */
    int64_t now_ms;
    tkt__arena arena;
    tkt__cursor *open, *idle; /* cursors in use; cursors to use again */
    /* The running body. */
    const tkt__guard *guards;
    uint32_t guards_n;
    bool dry, shadow;
    bool overflow;        /* a write did not fit into this commit; it may fit into the next */
    int32_t failed;       /* the first failure of a write: the body can't take effect any more */
    int32_t engine_failed;/* the first failure of an engine read */
    bool reserve;         /* it may take of the reserve */
    bool new_floor;       /* of the batch: its commit leaves the floor below */
    int64_t floor_ms;
    uint64_t raw_bytes;   /* everything the body ever put, also what it overwrote itself */
};

/* The table as the engine knows it: shadowed or not. */
uint8_t tkt__tx_shadowed(const tkt__tx *tx, uint8_t table);
static inline uint8_t tkt__tx_table(const tkt__tx *tx, uint8_t table)
{
    return tx->shadow ? tkt__tx_shadowed(tx, table) : table;
}
void tkt__cursors_close(tkt__tx *tx); /* those a body or a snapshot left open */
void tkt__cursors_free(tkt__tx *tx);  /* and the idle ones */
void tkt__tx_begin_body(tkt__tx *tx, const tkt__guard *guards, uint32_t n, bool dry);
int32_t tkt__tx_engine_failed(tkt__tx *tx, int32_t status); /* notes a negative status, returns it */

/* ---- guards ------------------------------------------------------------------------------------ */

static inline bool tkt__guard_equal(tkt__guard a, tkt__guard b)
{
    return a.kind == b.kind && a.id == b.id;
}
static inline bool tkt__guard_less(tkt__guard a, tkt__guard b)
{
    return a.kind != b.kind ? a.kind < b.kind : a.id < b.id;
}
/* Whether the running body may write this key: TKT_DONE; TKT_EXISTS when only if the row is fresh
 * (the table's second guard is held, not the first); -TKT_E_INTERNAL. */
int32_t tkt__guard_check(const tkt__tx *tx, uint8_t table, tkt__slice key);
/* Brings the rows of all guards of the running body into the overlay, changed or not. */
int32_t tkt__guards_touch(tkt__tx *tx);
/* The value of a guard's discovery row, from its row's. */
void tkt__discovery_value(tkt__slice row, uint8_t out[TKT__DISCOVERY_BYTES]);

/* ---- requests and batches ---------------------------------------------------------------------- */

#define TKT__BATCH_GUARDS 256 /* guards of one remote transaction; a body that adds more waits */
#define TKT__RAW_BYTES_MAX (UINT64_C(8) << 20) /* what a body may put in all, overwritten or not */
#define TKT__BACKOFF_BASE_MS 1
#define TKT__BACKOFF_MAX_MS 100

typedef enum tkt__role {
    TKT__WAIT, /* queued, or in the batch of another thread */
    TKT__LEAD, /* its thread is to gather and run a batch */
    TKT__OVER  /* answered */
} tkt__role;

/* Where one thread waits for all the requests that it handed in together. */
typedef struct tkt__party {
    _Atomic uint32_t word; /* requests not answered, and PARTY_LEAD for each that was told to lead; a futex */
} tkt__party;

typedef struct tkt__request tkt__request;
struct tkt__request {
    tkt__request *next, *prev; /* queue; within a batch `next` alone */
    tkt__body body;
    void *ctx;
    tkt__guard guards[TKT__GUARDS_MAX]; /* sorted, each once */
    uint32_t guards_n;
    bool dry;
    int64_t deadline_ms;
    int32_t status;     /* the answer, or the body's status of the last attempt */
    bool recorded;      /* `record` belongs to the answer */
    bool ran;           /* its body ran in this attempt */
    bool effect;        /* its writes are in this attempt's commit */
    bool reserve;       /* its body may take of the reserve */
    bool based;         /* it ran upon writes of others in the same batch */
    bool unknown;       /* an earlier commit with its writes has an unknown outcome */
    bool alone;         /* run it in a batch of its own */
    uint32_t conflicts; /* answered by a re-run so far */
    uint32_t fails;     /* attempts so far that call for a back-off */
    bool queued;        /* in kv->queue; under kv->lock */
    /* A leader's claim: no other transaction may be in flight under these. Under kv->lock. */
    tkt__request *claim_next;
    const tkt__guard *claim;
    uint32_t claim_n;
    tkt__party *party;
    _Atomic uint8_t role; /* told before the party's word changes */
    tkt__error_record record;
};

typedef struct tkt__list {
    tkt__request *first, *last;
} tkt__list;

typedef struct tkt__batch tkt__batch;
struct tkt__batch {
    tkt__batch *idle_next;
    tkt__kv *kv;
    tkt__overlay overlay;
    tkt__tx tx;
    void *engine_tx;
    tkt__list run;   /* to be run, in this order */
    tkt__list done;  /* answered, to be woken */
    tkt__list again; /* back to the front of the queue, in this order */
    tkt__guard guards[TKT__BATCH_GUARDS]; /* remote: the union of all requests' guards, sorted */
    uint32_t guards_n;
    int64_t deadline_ms; /* the earliest of all requests */
    const tkt__request *leader;
    uint32_t effects;    /* requests whose writes (or fences) are in the overlay */
    tkt__write *writes;
    size_t writes_cap;
    uint64_t stamp;
    bool committed, unsettled;
    bool low;            /* only bodies that may take of the reserve go */
    tkt__error_record failure; /* why the attempt failed */
};

struct tkt__kv {
    tkt__kv_config config;
    tkt_hooks hooks;
    const tkt__schema *schema;
    const tkt__engine_ops *ops;
    void *engine;
    tkt__caps caps;
    tkt__mine mine;
    pthread_mutex_t lock;
    tkt__list queue;
    tkt__request *claims; /* requests that lead now */
    tkt__batch *idle;
    _Atomic bool tight; /* the last commit found no room: the next is for bodies that may take of the reserve */
};

static inline void tkt__list_append(tkt__list *list, tkt__request *r)
{
    r->next = NULL;
    if (list->last)
        list->last->next = r;
    else
        list->first = r;
    list->last = r;
}
static inline tkt__request *tkt__list_take(tkt__list *list)
{
    tkt__request *r = list->first;
    if (r) {
        list->first = r->next;
        if (!list->first)
            list->last = NULL;
        r->next = NULL;
    }
    return r;
}

tkt__batch *tkt__batch_new(tkt__kv *kv);
void tkt__batch_free(tkt__batch *b);
/* One attempt: moves every request of `run` to `done` or `again`. The leader's error record is free
 * to be overwritten. */
void tkt__batch_attempt(tkt__batch *b);
/* After the answers, before the next attempt: the engine takes note of what it committed. */
void tkt__batch_settle(tkt__batch *b);
/* Who came since the batch was gathered and may join it still: moved to `run`. False: nobody. */
bool tkt__batch_more(tkt__batch *b);
/* What a request that ran out of time is told; the text goes into this thread's record. */
int32_t tkt__request_late(const tkt__request *r);

#endif
