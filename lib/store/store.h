/* SPDX-License-Identifier: MIT
 *
 * store/store.h: the internal face of the store room: what rows there are, whose guard they stand
 * under, and the services that every room above uses: the open store, snapshots, the clock, leased
 * ids, feed records, idempotency records, change hooks, jobs.
 *
 * Keys are big-endian, values little-endian field by field; docs/format.md has every byte. A state
 * change, its feed record and its idempotency record are one commit: a crash leaves all or nothing.
 */
#ifndef TKT_STORE_STORE_H
#define TKT_STORE_STORE_H

#include <pthread.h>
#include <stdatomic.h>

#include <ticketing/store.h>

#include "engine/engine.h"

/* ---- tables (ids and names are part of the format) -------------------------------------------- */

enum {
    TKT__T_META = 0,       /* text key → value. Guard store. */
    TKT__T_GUARD = 1,      /* guard(9) → guard row. Written by the engine's common layer only. */
    TKT__T_DISCOVERY = 2,  /* epoch(8) stamp(8) guard(9) → seq u64, fresh u32. Likewise. */
    TKT__T_FEED = 3,       /* guard(9) seq(8) → kind(1) instant(8) payload. That guard. */
    TKT__T_COUNTER = 4,    /* kind(8) → next id u64. Guard counter. */
    TKT__T_IDEM = 5,       /* guard(9) op(1) key(16) → record. That guard. */
    TKT__T_IDEM_AGE = 6,   /* hour(4) guard(9) op(1) key(16) → empty. That guard. */
    TKT__T_USER = 7,       /* user(8) → record. Guard user. */
    TKT__T_LOOKUP = 8,     /* kind(1) … → see below. Free: insert-only under fresh unique keys. */
    TKT__T_ENTITY = 9,     /* kind(1) id(8) → venue or performer. Guard catalogue. */
    TKT__T_NAME = 10,      /* kind(1) folded key → id u64. Guard catalogue. */
    TKT__T_EVENT = 11,     /* event(8) → record. Guard event; a fresh one may be put by the catalogue's. */
    TKT__T_EVENT_LIST = 12,/* kind(1) [owner(8)] start(8) event(8) → empty. Guard catalogue. */
    TKT__T_CHART = 13,     /* chart(8) version(4) block(4) → block; block 0 = header. Guard catalogue. */
    TKT__T_SALE = 14,      /* event(8) → what a reserve decides on. Guard event. */
    TKT__T_BLOCK = 15,     /* event(8) block(4) → 64 × 8 bytes. Guard event. */
    TKT__T_CLAIM = 16,     /* event(8) claim(4) → record. Guard event. */
    TKT__T_AREA = 17,      /* event(8) area(4) → counters; area 0 = the event's seats. Guard event. */
    TKT__T_EXPIRY = 18,    /* event(8) second(4) claim(4) → area quantities. Guard event. */
    TKT__T_DUE = 19,       /* second(4) event(8) claim(4) → empty. Guard event. */
    TKT__T_BUYER = 20,     /* event(8) buyer(16) claim(4) → quantity u32, expiry second u32. Guard event. */
    TKT__T_BOOKING = 21,   /* event(8) booking(8) → record. Guard event. */
    TKT__T_TICKET = 22,    /* event(8) ticket(8) → record. Guard event. */
    TKT__T_MONEY = 23,     /* event(8) intent(8) n(4) → n = 0 intent, n ≥ 1 its refunds. Guard event. */
    TKT__T_OPEN_MONEY = 24,/* kind(1) intent(8) event(8) → see below. Guard event. */
    TKT__T_SEARCH = 25,    /* kind(1) … → what the index knows of itself: search/search.h. Guard catalogue. */
    TKT__T_TERM = 26,      /* term → list record. Guard catalogue. */
    TKT__T_POSTING = 27,   /* list(4) fence(4) → posting block. Guard catalogue. */
    TKT__T_COLUMN = 28,    /* kind(1) chunk(4) → facts of documents, documents of events. Guard catalogue. */
    TKT__T_SOLD_OUT = 29,  /* docno >> 13 (4) → set of sold-out documents. Free: booking flips it. */
    TKT__T_NEAR_WORD = 30, /* fence(4) part(2) → words by what is left when letters go. Guard catalogue. */
    TKT__T_PLACE = 31,     /* kind(1) … → venues by cell, names by their words. Guard catalogue. */
    TKT__T_QUEUE = 32,     /* event(8) kind(1) … → waiting room: queue/queue.h. Guard event. */
    TKT__T_COUNT = 33
};

/* TKT__T_LOOKUP: first byte. Values are u64 little-endian. */
#define TKT__L_BOOKING 'b'      /* booking(8) → event */
#define TKT__L_TICKET 't'       /* ticket(8) → event */
#define TKT__L_INTENT 'i'       /* intent(8) → event */
#define TKT__L_CODE 'c'         /* code(16) → event, ticket (two u64) */
#define TKT__L_USER_BOOKING 'u' /* user(8) booking(8) → event */
#define TKT__L_USER_NAME 'x'    /* the host's own name of a user → user */

/* TKT__T_OPEN_MONEY: first byte. Value empty. */
#define TKT__M_DOUBT 'd'  /* a charge whose outcome is not known */
#define TKT__M_HELD 'h'   /* money on record with no tickets: a refund is due */
#define TKT__M_REFUND 'r' /* a refund whose outcome is not known */

/* TKT__T_NAME and TKT__T_ENTITY: first byte. */
#define TKT__N_VENUE 'v'
#define TKT__N_PERFORMER 'p'
#define TKT__N_EVENT 'e'        /* external id → event (NAME only) */

/* TKT__T_EVENT_LIST: first byte. */
#define TKT__E_DATE 'd'
#define TKT__E_VENUE 'v'
#define TKT__E_PERFORMER 'p'
#define TKT__E_CHART 'c'        /* chart(8) start event: events that pin a chart */

/* TKT__T_META keys. */
#define TKT__META_FORMAT "format" /* see format.c */
#define TKT__META_ANCHOR "import-anchor" /* i64 ms */
/* and TKT__GENERATION_KEY: which generation of each table of the index is published */
#define TKT__META_JOB "job/"      /* + be64 id → kind u8, payload */

/* Kinds of leased ids (TKT__T_COUNTER). */
enum {
    TKT__ID_EVENT = 1, TKT__ID_VENUE, TKT__ID_PERFORMER, TKT__ID_USER, TKT__ID_CHART,
    TKT__ID_BOOKING, TKT__ID_TICKET, TKT__ID_INTENT, TKT__ID_JOB, TKT__ID_KINDS
};
#define TKT__ID_MAX ((UINT64_C(1) << 53) - 1)
#define TKT__ID_POSTING_MAX ((UINT64_C(1) << 28) - 1) /* events, venues, performers */

extern const tkt__schema tkt__store_schema;

/* ---- rooms: what store/ calls upward, through one table filled by lib/rooms.c ------------------- */

typedef struct tkt__problems tkt__problems;
typedef struct tkt__room {
    const char *name;
    int32_t (*opened)(tkt_store *store);              /* NULL: nothing to do */
    void (*closing)(tkt_store *store);
    void (*gone)(tkt_store *store);                   /* the last snapshot has ended too */
    int32_t (*check)(tkt_store *store, tkt__tx *tx, tkt__problems *problems);
    int32_t (*tick)(tkt_store *store, uint32_t most, uint32_t *done);
    int32_t (*next_deadline)(tkt_store *store, tkt__tx *tx, int64_t *wait_ms); /* lowers *wait_ms */
    int32_t (*stats)(tkt_store *store, tkt__tx *tx, tkt_stats *stats);
} tkt__room;
extern const tkt__room *const tkt__rooms[]; /* ends in NULL; lib/rooms.c */

/* Reports a problem (printf-style text). Returns TKT_DONE, or -TKT_E_STOPPED. */
int32_t tkt__problem(tkt__problems *problems, const char *rule, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A scan of one table: fn returns TKT_DONE to go on; anything else ends it and is answered. */
typedef int32_t (*tkt__scan_fn)(void *user, tkt__slice key, tkt__slice value);
int32_t tkt__scan(tkt__tx *tx, uint8_t table, tkt__slice prefix, tkt__scan_fn fn, void *user);

/* ---- change hooks: filled at open by rooms above (search), called inside bodies ------------------ */

typedef struct tkt__change_hooks {
    void *user;
    /* old/new are event records as stored; empty slice: there is none. */
    int32_t (*event_changed)(void *user, tkt__tx *tx, uint64_t event, tkt__slice old_record, tkt__slice new_record);
    int32_t (*sale_changed)(void *user, tkt__tx *tx, uint64_t event); /* prices, areas, chart, windows, limit */
    int32_t (*availability_flipped)(void *user, tkt__tx *tx, uint64_t event, bool available);
    /* A venue's or performer's new record is there. -TKT_E_BUSY: outside of the body call settle, then again. */
    int32_t (*entity_changed)(void *user, tkt__tx *tx, uint8_t kind, uint64_t id, tkt__slice old_record,
                              tkt__slice new_record);
    int32_t (*settle)(void *user, uint8_t kind, uint64_t id, uint64_t most);
    /* Writes that event_changed adds for a fresh event, roughly; outside of bodies. */
    uint32_t (*writes_an_event)(void *user);
} tkt__change_hooks;

/* ---- the open store ------------------------------------------------------------------------------- */

typedef struct tkt__id_lease {
    uint64_t next, end; /* ids next…end−1 are ours */
    uint32_t size;      /* of the last lease: 64 at first, doubling to 4,096 */
} tkt__id_lease;

typedef struct tkt__clock {
    _Atomic int64_t offset_ms;  /* believed wall − monotonic; only grows, save by reset */
    _Atomic int64_t frozen_ms;  /* how far the wall stands ahead unbelieved; 0: it runs */
    pthread_mutex_t lock;       /* of whoever follows a reset */
    _Atomic uint64_t resets;    /* of the store's clock that this process has followed */
} tkt__clock;

typedef struct tkt__notice tkt__notice;

struct tkt_store {
    tkt_hooks hooks;
    tkt__kv *kv;
    uint64_t epoch;
    bool created, read_only;
    bool no_index; /* asked for at creation */
    size_t search_cache_bytes;
    void *search_cache;             /* search's, owned by that room */
    int64_t snapshot_limit_ms;
    uint8_t salt[TKT_SALT_BYTES];
    tkt__clock clock;
    void *ids_lock;                 /* pthread_mutex_t, owned by ids.c */
    tkt__id_lease ids[TKT__ID_KINDS];
    tkt__change_hooks change;
    struct {
        int marks, asks;
        bool open;
    } flights;                      /* flight.c: calls of the payment functions that are under way */
    tkt__notice *notice;                /* notice.c; NULL: asked of the engine instead */
    void *payment;                  /* booking's copy of the host's table, owned by that room */
    _Atomic uint32_t references;    /* the handle itself and each open snapshot */
};

/* flight.c: a call of a payment function by its number (booking chooses them): begun in the body that makes it known, ended
 * when what it told is recorded; asked by any process. */
void tkt__flight_begin(tkt_store *store, uint64_t number);
void tkt__flight_end(tkt_store *store, uint64_t number);
bool tkt__flight_under_way(const tkt_store *store, uint64_t number);

struct tkt_snapshot {
    tkt_store *store;
    tkt__tx *tx;
    int64_t began_age_ms; /* by tkt__age_clock_ms */
    void *scratch;        /* memory that a search leaves zeroed for the next one; NULL: none yet */
    size_t scratch_n;
};
/* n zeroed bytes, the same ones at each call; whoever takes them leaves them zeroed. NULL: no memory. */
void *tkt__snapshot_scratch(tkt_snapshot *snapshot, size_t n);

/* Opens a store over an engine that is open already (tests: the hostile engine). Takes the engine. */
int32_t tkt__store_open_engine(const tkt__engine_ops *ops, void *engine, bool created,
                               const tkt_options *options, tkt_store **store);
/* The first rows of a fresh store (format record with salt and creation uuid), for creation. */
typedef struct tkt__first_rows {
    tkt__row rows[4];
    size_t count;
    uint8_t bytes[512];
} tkt__first_rows;
int32_t tkt__store_first_rows(const tkt_hooks *hooks, bool journal, tkt__first_rows *out);

/* -TKT_E_TOO_OLD past the limit, -TKT_E_INVALID on NULL; else the snapshot's transaction. */
int32_t tkt__snapshot_tx(const tkt_snapshot *snapshot, tkt__tx **tx);

/* -TKT_E_INVALID on NULL store, -TKT_E_READ_ONLY; first line of every mutating call. */
int32_t tkt__store_writable(const tkt_store *store);
/* tkt__kv_run with the store's defaults. flags: TKT_DRY_RUN. */
int32_t tkt__store_run(tkt_store *store, const tkt__guard *guards, size_t n, uint32_t flags, tkt__body body, void *ctx);
/* Runs a body that only reads, on a fresh snapshot. A remote engine's snapshot may lag behind what this
 * caller was told already: there, TKT_NOT_FOUND is asked for once more of the newest state. */
int32_t tkt__store_look(tkt_store *store, tkt__body body, void *ctx);
int32_t tkt__clock_read(tkt_store *store, int64_t *now_ms); /* -TKT_E_CLOCK before 2024 */

/* ---- seconds ---------------------------------------------------------------------------------------- */

#define TKT__EPOCH_2024_MS INT64_C(1704067200000) /* 2024-01-01T00:00Z */
#define TKT__SECOND_NEVER ((UINT32_C(1) << 30) - 1)
/* An instant as whole seconds since 2024, rounded up; capped below NEVER; 0 for anything before. */
uint32_t tkt__second_of(int64_t ms);
int64_t tkt__second_ms(uint32_t second); /* INT64_MAX for NEVER */

/* ---- leased ids -------------------------------------------------------------------------------------- */

/* n consecutive fresh ids of a kind, before a body runs. -TKT_E_LIMIT past the kind's most. */
int32_t tkt__id_take(tkt_store *store, uint32_t kind, uint32_t n, uint64_t *first);
/* Gives the tail of a taken run back (kept for the next take when it lies at the lease's front). */
void tkt__id_give_back(tkt_store *store, uint32_t kind, uint64_t first, uint32_t n);

/* ---- feed -------------------------------------------------------------------------------------------- */

/* Kinds; payloads in docs/format.md. Never personal data. */
enum {
    TKT__F_EVENT_ADDED = 1,   /* catalogue: event u64 */
    TKT__F_EVENT_CHANGED = 2, /* event and catalogue: event u64, status u8 */
    TKT__F_EVENT_DELETED = 3, /* catalogue and event: event u64 */
    TKT__F_VENUE_CHANGED = 4, /* catalogue: venue u64, what u8 (1 added 2 changed 3 deleted) */
    TKT__F_PERFORMER_CHANGED = 5,
    TKT__F_CHART_ADDED = 6,   /* catalogue: chart u64, version u32 */
    TKT__F_SALE_CHANGED = 7,  /* event: event u64 (windows, prices, chart pin, limit, areas) */
    TKT__F_USER_CHANGED = 8,  /* user: user u64, what u8 */
    TKT__F_SEATS = 9,         /* event: claim u32, state u8, expiry second u32, ranges: n u16, n × (first unit u32, count u16) */
    TKT__F_AREA = 10,         /* event: claim u32, area u32, capacity u32, sold u32, held u32 */
    TKT__F_CLAIM = 11,        /* event: claim u32, state u8, expiry second u32 */
    TKT__F_BOOKING = 12,      /* event: booking u64, state u8 */
    TKT__F_INTENT = 13,       /* event: intent u64, state u8 */
    TKT__F_REFUND = 14,       /* event: intent u64, n u32, state u8 */
    TKT__F_TICKET = 15,       /* event: first ticket u64, count u32, state u8 */
    TKT__F_CLOCK_RESET = 16,  /* store: old floor i64, new floor i64 */
    TKT__F_QUEUE = 17         /* event: head u64, active u32, mode u8 */
};
int32_t tkt__feed_append(tkt__tx *tx, tkt__guard guard, uint8_t kind, const void *payload, size_t n);

/* ---- idempotency ------------------------------------------------------------------------------------- */

enum {
    TKT__OP_EVENT_CREATE = 1, TKT__OP_EVENT_DELETE, TKT__OP_VENUE_CREATE, TKT__OP_VENUE_DELETE,
    TKT__OP_PERFORMER_CREATE, TKT__OP_PERFORMER_DELETE, TKT__OP_USER_CREATE, TKT__OP_USER_DELETE,
    TKT__OP_RESERVE, TKT__OP_RELEASE, TKT__OP_EXTEND, TKT__OP_REPLACE, TKT__OP_CONFIRM,
    TKT__OP_CANCEL, TKT__OP_REFUND
};
#define TKT__FINGERPRINT_BYTES 16
#define TKT__IDEM_RESULT_MAX 3600
/* XXH3-128 of a canonical request. */
void tkt__fingerprint(const void *bytes, size_t n, uint8_t out[TKT__FINGERPRINT_BYTES]);
/* The key as given, or a drawn one when it is all zeros. */
int32_t tkt__idem_key(tkt_store *store, const uint8_t given[TKT_KEY_BYTES], uint8_t key[TKT_KEY_BYTES]);
/* First read of a body: TKT_NOT_FOUND (go on), TKT_REPLAYED (*result is the first result's bytes), or
 * TKT_KEY_REUSED with its error record. */
int32_t tkt__idem_find(tkt__tx *tx, tkt__guard guard, uint8_t op, const uint8_t key[TKT_KEY_BYTES],
                       const uint8_t fingerprint[TKT__FINGERPRINT_BYTES], tkt__slice *result);
/* Last write of a body. Overwrites its own earlier record (pending → complete). */
int32_t tkt__idem_store(tkt__tx *tx, tkt__guard guard, uint8_t op, const uint8_t key[TKT_KEY_BYTES],
                        const uint8_t fingerprint[TKT__FINGERPRINT_BYTES], const void *result, size_t n);

/* ---- jobs: work larger than a body, carried on by tick and by the next open ---------------------------- */

/* A job row is put by a body under the store guard; its room's tick works it off and deletes it. */
void tkt__job_key(uint64_t job, uint8_t key[12]); /* "job/" ‖ be64 */

#endif
