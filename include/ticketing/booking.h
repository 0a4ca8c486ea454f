/* SPDX-License-Identifier: MIT
 *
 * ticketing/booking.h: taking seats: reserve → hold with a time to live → confirm → booking with
 * tickets; release, extend, replace, cancel, refund; the host's payment table; what is in doubt; many
 * commands in one commit.
 *
 * A place has one owner, decided in one durable commit. A reserved place whose time is over is
 * available at that very instant, whether or not anything swept it. A hold with money in flight is
 * pinned and can't expire under its buyer. Every mutating call carries an idempotency key: the same
 * key with the same request answers the first result again (TKT_REPLAYED, `replayed` = 1); with
 * another request TKT_KEY_REUSED. A key belongs to one event and one kind of call: the same 16 bytes for another event, or
 * for reserve and then release, are two keys. What goes to the provider (details) is no part of the request. Refusals are
 * never stored, they are decided anew.
 */
#ifndef TICKETING_BOOKING_H
#define TICKETING_BOOKING_H

#include <ticketing/store.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TKT_UNITS_MAX UINT32_C(256)       /* seats of one hold */
#define TKT_QUANTITY_MAX UINT32_C(500)    /* places of one hold, seats and area places together */
#define TKT_DETAILS_MAX UINT32_C(16384)   /* bytes of payment details; passed through, never stored */

#define TKT_TTL_MS INT64_C(600000)           /* default time to live */
#define TKT_HARD_CAP_MS INT64_C(1800000)     /* default longest life of a hold, extensions included */
#define TKT_PAYMENT_WINDOW_MS INT64_C(900000)/* a pin's life */
#define TKT_PIN_CAP_MS INT64_C(3600000)      /* the longest a pin may last */
#define TKT_GRACE_MS INT64_C(600000)         /* the least life of a hold after a failed payment, but
                                                never past its first pin + pin cap + grace */
#define TKT_LIFE_MAX_MS INT64_C(2592000000)  /* the most that ttl_ms or hard_cap_ms may be: 30 days */

/* ---- the seat map ------------------------------------------------------------------------------ */

#define TKT_SEAT_AVAILABLE UINT8_C(0)
#define TKT_SEAT_RESERVED UINT8_C(1)
#define TKT_SEAT_BOOKED UINT8_C(2)
#define TKT_SEAT_WITHHELD UINT8_C(3)
#define TKT_SEAT_NONE UINT8_C(255)

/* One byte a seat, as the snapshot's now sees it: byte u − 64 belongs to unit u. *needed gets the
 * bytes for the whole map, also when cap is smaller (-TKT_E_LIMIT, buf untouched). 0 bytes when the
 * event has no chart. TKT_NOT_FOUND: no such event. Since 0.1. */
TKT_API int32_t tkt_seatmap_copy(tkt_snapshot *snapshot, uint64_t event_id, uint8_t *buf, size_t cap, size_t *needed);

typedef struct tkt_counts {
    uint32_t size;
    uint32_t reserved0;
    uint64_t available, reserved, booked, withheld; /* seats and area places together */
} tkt_counts;
#define TKT_COUNTS_INIT { (uint32_t)sizeof(tkt_counts), 0, 0, 0, 0, 0 }
/* How many places of an event are in which state, by one row and the live holds. TKT_NOT_FOUND: no such
 * event. */
TKT_API int32_t tkt_counts_view(tkt_snapshot *snapshot, uint64_t event_id, tkt_counts *counts);

typedef struct tkt_area {
    uint32_t size;
    uint32_t id;
    uint32_t capacity, sold, held; /* held: live holds only */
    uint32_t available;
    tkt_text name; /* lives in the snapshot */
} tkt_area;
#define TKT_AREA_INIT { (uint32_t)sizeof(tkt_area), 0, 0, 0, 0, 0, { NULL, 0 } }
/* Area `index` (0…) of an event. TKT_NOT_FOUND past the last. */
TKT_API int32_t tkt_area_view(tkt_snapshot *snapshot, uint64_t event_id, uint32_t index, tkt_area *area);

/* ---- reserve -------------------------------------------------------------------------------------- */

typedef struct tkt_reserve_request {
    uint32_t size;
    uint32_t flags;          /* TKT_DRY_RUN */
    uint64_t event_id;
    const uint32_t *units;   /* named seats, each once; NULL with 0 */
    uint32_t unit_count;     /* 0…TKT_UNITS_MAX */
    uint32_t area_id;        /* and/or places in an area; 0: none */
    uint32_t quantity;       /* 1…TKT_QUANTITY_MAX with area_id */
    uint32_t reserved;
    uint64_t user_id;        /* 0: none */
    int64_t ttl_ms;          /* 0: TKT_TTL_MS; 1…TKT_LIFE_MAX_MS, cut at the hard cap */
    int64_t hard_cap_ms;     /* 0: the larger of TKT_HARD_CAP_MS and ttl_ms */
    uint8_t buyer_key[TKT_BUYER_BYTES];
    uint8_t key[TKT_KEY_BYTES];
    const uint8_t *admission;/* TKT_ADMISSION_BYTES, of an event with a waiting room; NULL: none */
    const void *reserved_pointer; /* NULL: no hole is left where pointers have 32 bits */
} tkt_reserve_request;
TKT_API void tkt_reserve_request_init(tkt_reserve_request *request);

#define TKT_HOLD_ACTIVE UINT32_C(1)
#define TKT_HOLD_PINNED UINT32_C(2)
#define TKT_HOLD_CONSUMED UINT32_C(3)
#define TKT_HOLD_RELEASED UINT32_C(4)
#define TKT_HOLD_EXPIRED UINT32_C(5)

typedef struct tkt_hold {
    uint32_t size;
    uint32_t replayed;
    uint64_t event_id;
    uint64_t user_id;
    uint64_t booking_id;     /* of a pinned or consumed hold, else 0 */
    uint64_t intent_id;      /* likewise, 0 when nothing was to be paid */
    int64_t expires_ms;      /* first instant at which the hold is no more (a pinned one: its pin) */
    int64_t hard_cap_ms;     /* the instant past which no extension goes */
    int64_t total_minor;     /* locked */
    uint32_t state;          /* TKT_HOLD_… as now sees it */
    uint32_t unit_count;
    uint32_t area_id, quantity;
    uint32_t claim;          /* its number within the event, as feed and seat rows name it */
    char currency[TKT_CURRENCY_BYTES];
    uint8_t token[TKT_TOKEN_BYTES]; /* whoever has it may confirm, extend, replace, release */
} tkt_hold;
TKT_API void tkt_hold_init(tkt_hold *hold);

/* Takes all that is asked for, or nothing. Prices are locked. The deadline is rounded up to a whole
 * second. Refusals: NOT_FOUND (event, unit, area, user), NOT_ON_SALE, SOLD_OUT, ALL_HELD, OVER_LIMIT,
 * NOT_ADMITTED (the event has a waiting room: queue.h), KEY_REUSED; causes name each unit or area. Failures: INVALID (nothing asked for, a unit twice, …),
 * LIMIT, OVERFLOW, FULL, IO, BUSY, CLOCK, …. On TKT_REPLAYED the hold is as first answered. Since 0.1. */
TKT_API int32_t tkt_reserve(tkt_store *store, const tkt_reserve_request *request, tkt_hold *hold);

typedef struct tkt_hold_request {
    uint32_t size;
    uint32_t flags;                 /* TKT_DRY_RUN */
    int64_t ttl_ms;                 /* extend: new life from now; 0: TKT_TTL_MS */
    uint8_t token[TKT_TOKEN_BYTES];
    uint8_t key[TKT_KEY_BYTES];
} tkt_hold_request;
TKT_API void tkt_hold_request_init(tkt_hold_request *request);

/* Gives the places back. EXPIRED, RELEASED, CONSUMED, IN_PAYMENT, NOT_FOUND (no such token). hold may
 * be NULL. A released hold released again under another key: RELEASED. */
TKT_API int32_t tkt_release(tkt_store *store, const tkt_hold_request *request, tkt_hold *hold);
/* expires = min(now + ttl, hard cap), never shortened: DONE also when it lives that long already.
 * AT_HARD_CAP when more was asked for and the hold stands at its cap. Refusals else as release. */
TKT_API int32_t tkt_extend(tkt_store *store, const tkt_hold_request *request, tkt_hold *hold);
/* Releases `token` and takes `request` of the same event in one step, own places counted as free; the
 * new hold inherits the hard cap, and where the old one lives past it (after a decline) its end. request->key counts. Nothing changes when the new one is refused. */
TKT_API int32_t tkt_replace(tkt_store *store, const uint8_t token[TKT_TOKEN_BYTES], const tkt_reserve_request *request, tkt_hold *hold);

/* A hold by its token, as the snapshot's now sees it, and its seats. */
TKT_API int32_t tkt_hold_view(tkt_snapshot *snapshot, const uint8_t token[TKT_TOKEN_BYTES], tkt_hold *hold);
/* The hold's seats in ascending order: *needed of them; -TKT_E_LIMIT when cap is smaller. TKT_NOT_FOUND: no
 * such token. */
TKT_API int32_t tkt_hold_units(tkt_snapshot *snapshot, const uint8_t token[TKT_TOKEN_BYTES], uint32_t *units, size_t cap, size_t *needed);

/* ---- payment: the host's table ---------------------------------------------------------------------- */

#define TKT_PAY_APPROVED INT32_C(1)
#define TKT_PAY_DECLINED INT32_C(2)
#define TKT_PAY_PENDING INT32_C(3)  /* the provider will tell later */
#define TKT_PAY_ERROR INT32_C(4)    /* outcome not known: in doubt */
#define TKT_PAY_UNKNOWN INT32_C(5)  /* status only: the provider never saw it. Counts as declined, but
                                       while the call that sends it is under way, in whichever process: then as pending */

typedef struct tkt_charge {
    uint32_t size;
    uint32_t reserved;
    uint64_t intent_id, booking_id, event_id;
    int64_t amount_minor;
    char currency[TKT_CURRENCY_BYTES];
    uint32_t refund_number;            /* refund: 1, 2, …; else 0 */
    uint8_t provider_key[TKT_KEY_BYTES]; /* fixed for this charge or refund: give it to the provider as
                                            its idempotency key */
    tkt_text details;                  /* charge: what the confirm passed; refund: likewise; status: empty */
} tkt_charge;

/* Called with no transaction open, on the thread that confirms, resolves or recovers. Return a
 * TKT_PAY_… code; anything else counts as ERROR. They may call this library, save for the same hold. */
typedef int32_t (*tkt_pay_fn)(void *user, const tkt_charge *charge);

typedef struct tkt_payment {
    uint32_t size;
    uint32_t reserved;
    void *user;
    tkt_pay_fn charge; /* take the money */
    tkt_pay_fn status; /* what became of a charge (refund_number 0) or refund? */
    tkt_pay_fn refund; /* give it back */
    int64_t window_ms; /* pin's life; 0: TKT_PAYMENT_WINDOW_MS */
    int64_t pin_cap_ms;/* 0: TKT_PIN_CAP_MS */
} tkt_payment;
#define TKT_PAYMENT_INIT { (uint32_t)sizeof(tkt_payment), 0, NULL, NULL, NULL, NULL, 0, 0 }
TKT_API void tkt_payment_init(tkt_payment *payment);
/* Copies the table; NULL takes it away. Not while other calls run on the store. What its functions
 * need must outlive the store (ctypes: keep the CFUNCTYPE objects). */
TKT_API int32_t tkt_store_set_payment(tkt_store *store, const tkt_payment *payment);

/* ---- confirm ------------------------------------------------------------------------------------------ */

#define TKT_MONEY_TAKEN UINT32_C(2) /* flag: the money was taken by other means, all of it */

typedef struct tkt_confirm_request {
    uint32_t size;
    uint32_t flags;                /* TKT_DRY_RUN, TKT_MONEY_TAKEN */
    tkt_text details;              /* opaque, handed to charge and forgotten */
    uint8_t token[TKT_TOKEN_BYTES];
    uint8_t key[TKT_KEY_BYTES];
} tkt_confirm_request;
TKT_API void tkt_confirm_request_init(tkt_confirm_request *request);

#define TKT_BOOKING_AWAITING UINT32_C(1)   /* money in flight */
#define TKT_BOOKING_CONFIRMED UINT32_C(2)
#define TKT_BOOKING_CANCELLED UINT32_C(3)  /* its places went back */
#define TKT_BOOKING_FAILED UINT32_C(4)     /* payment refused; no places, no money */
#define TKT_BOOKING_REFUND_DUE UINT32_C(5) /* money, no places */

typedef struct tkt_booking {
    uint32_t size;
    uint32_t replayed;
    uint64_t id;
    uint64_t event_id;
    uint64_t user_id;
    uint64_t intent_id;       /* 0: nothing was to be paid */
    uint64_t first_ticket;    /* ids first_ticket … + ticket_count − 1; 0: none */
    int64_t created_ms;
    int64_t total_minor;
    int64_t captured_minor;   /* money taken */
    int64_t refunded_minor;   /* money given back */
    int64_t hold_expires_ms;  /* DECLINED: how long the hold lives on; else 0 */
    uint32_t state;           /* TKT_BOOKING_… */
    uint32_t ticket_count;
    uint32_t claim;
    char currency[TKT_CURRENCY_BYTES];
    uint8_t buyer_key[TKT_BUYER_BYTES];
} tkt_booking;
TKT_API void tkt_booking_init(tkt_booking *booking);

/* Turns a hold into a booking. Money already taken, or nothing to pay: one commit. Else the intent is
 * recorded and the hold pinned (commit 1), charge is called with no transaction open, and the outcome
 * is recorded (commit 2). booking may be NULL.
 * DONE; PENDING (booking and intent ids are set, no tickets yet); DECLINED (hold lives on with at least
 * TKT_GRACE_MS; a new attempt takes a new key); REFUND_DUE (with MONEY_TAKEN: the money is on record and there are no
 * tickets, for the places are gone, would pass the buyer's limit, or the event was cancelled); EXPIRED, RELEASED, CONSUMED,
 * IN_PAYMENT (another attempt is in flight), NOT_ON_SALE (the event was cancelled or postponed; with MONEY_TAKEN only where
 * nothing was to be paid), NOT_FOUND, KEY_REUSED. With MONEY_TAKEN for a price an expired or released hold is still confirmed
 * while its very places are free and the buyer's limit allows them; and so is a hold of an event that was postponed: who has paid has a ticket for the
 * new date. Failures also NO_PAYMENT. A replay of a confirm that crashed between its commits asks `status` and never
 * charges again. Since 0.1. */
TKT_API int32_t tkt_confirm(tkt_store *store, const tkt_confirm_request *request, tkt_booking *booking);

/* ---- news, doubt, recovery ------------------------------------------------------------------------------ */

#define TKT_NEWS_APPROVED UINT32_C(1)
#define TKT_NEWS_DECLINED UINT32_C(2)
#define TKT_NEWS_REFUNDED UINT32_C(3) /* the whole amount went back at the provider's side */

/* What a provider tells later, repeatedly, in any order: safe to repeat, since an intent only moves
 * forward: PENDING, DECLINED, CAPTURED, REFUNDED; news of a lower rank are kept as evidence and change
 * nothing. Approval climbs: hold alive → booked; its very places still free → booked; else REFUND_DUE (also
 * when the hold became another booking meanwhile). Answers where the booking stands: DONE (booked; for
 * TKT_NEWS_REFUNDED: recorded), DECLINED (no tickets; the hold lives until hold_expires_ms, 0: not any
 * more), REFUND_DUE, CANCELLED (booked once, cancelled since), PENDING, NOT_FOUND (no such intent).
 * booking is filled save for NOT_FOUND; it may be NULL. Since 0.1. */
TKT_API int32_t tkt_resolve_payment(tkt_store *store, uint64_t intent_id, uint32_t news, tkt_booking *booking);

/* Asks `status` about every charge and refund in doubt (no transaction open) and settles what is told.
 * *settled and *in_doubt (those left) may be NULL. Failures: NO_PAYMENT, …. Since 0.1. */
TKT_API int32_t tkt_recover(tkt_store *store, uint64_t *settled, uint64_t *in_doubt);

#define TKT_MONEY_IN_DOUBT UINT32_C(1)     /* charges whose outcome is not known */
#define TKT_MONEY_HELD UINT32_C(2)         /* money with no tickets: refund due */
#define TKT_MONEY_REFUNDING UINT32_C(3)    /* refunds whose outcome is not known */
/* Intents of a kind above after_intent (0: from the first), at most cap (1…1000), ascending. */
TKT_API int32_t tkt_money_list(tkt_snapshot *snapshot, uint32_t kind, uint64_t after_intent, uint64_t *intents, uint32_t cap, uint32_t *count);

#define TKT_INTENT_PENDING UINT32_C(1)   /* recorded or in flight; in doubt */
#define TKT_INTENT_DECLINED UINT32_C(2)
#define TKT_INTENT_CAPTURED UINT32_C(3)
#define TKT_INTENT_REFUNDED UINT32_C(4)  /* all of it */

typedef struct tkt_intent {
    uint32_t size;
    uint32_t state;          /* TKT_INTENT_… */
    uint64_t id, booking_id, event_id;
    int64_t amount_minor, captured_minor, refunded_minor, refunding_minor;
    int64_t created_ms;
    uint32_t refunds;        /* how many were asked for */
    uint32_t external;       /* 1: MONEY_TAKEN */
    char currency[TKT_CURRENCY_BYTES];
    uint32_t reserved;
} tkt_intent;
TKT_API void tkt_intent_init(tkt_intent *intent);
/* One payment: what was to be paid, what came, what went back. TKT_NOT_FOUND. */
TKT_API int32_t tkt_intent_view(tkt_snapshot *snapshot, uint64_t intent_id, tkt_intent *intent);

/* ---- bookings and tickets ---------------------------------------------------------------------------------- */

/* One booking as it stands. replayed and hold_expires_ms are 0. TKT_NOT_FOUND. */
TKT_API int32_t tkt_booking_view(tkt_snapshot *snapshot, uint64_t booking_id, tkt_booking *booking);
#define TKT_BOOKINGS_OF_EVENT UINT32_C(1)
#define TKT_BOOKINGS_OF_USER UINT32_C(2)
/* Bookings above `after` (0: from the first), ascending, at most cap (1…1000). */
TKT_API int32_t tkt_booking_list(tkt_snapshot *snapshot, uint32_t by, uint64_t owner, uint64_t after, uint64_t *ids, uint32_t cap, uint32_t *count);

#define TKT_TICKET_ISSUED UINT32_C(1)
#define TKT_TICKET_VOID UINT32_C(2)

typedef struct tkt_ticket {
    uint32_t size;
    uint32_t state;       /* TKT_TICKET_… */
    uint64_t id;
    uint64_t booking_id, event_id;
    int64_t price_minor;
    uint32_t unit;        /* 0: general admission */
    uint32_t area_id;     /* 0: a seat */
    uint32_t generation;  /* from 1 */
    char currency[TKT_CURRENCY_BYTES];
    uint8_t code[TKT_CODE_BYTES];
} tkt_ticket;
TKT_API void tkt_ticket_init(tkt_ticket *ticket);
/* One ticket by its id. TKT_NOT_FOUND. */
TKT_API int32_t tkt_ticket_view(tkt_snapshot *snapshot, uint64_t ticket_id, tkt_ticket *ticket);
/* The ticket with this code, issued or void (look at its state). TKT_NOT_FOUND. */
TKT_API int32_t tkt_ticket_find(tkt_snapshot *snapshot, const uint8_t code[TKT_CODE_BYTES], uint64_t *ticket_id);

typedef struct tkt_booking_request {
    uint32_t size;
    uint32_t flags;             /* TKT_DRY_RUN */
    uint64_t booking_id;
    tkt_text details;           /* refund: handed to the callback */
    uint8_t key[TKT_KEY_BYTES];
} tkt_booking_request;
TKT_API void tkt_booking_request_init(tkt_booking_request *request);

/* Gives the places back and voids the tickets; moves no money (the money then held for nothing is
 * listed as TKT_MONEY_HELD). CANCELLED when it has no places (any more), IN_PAYMENT while its charge
 * is in flight (a refund in flight is no obstacle), NOT_FOUND, KEY_REUSED. booking may be NULL. Since 0.1. */
TKT_API int32_t tkt_cancel(tkt_store *store, const tkt_booking_request *request, tkt_booking *booking);
/* Gives all captured money back that is not given back yet; cancels nothing. Recorded (commit 1), the
 * refund callback runs with no transaction open, recorded (commit 2). Money taken by other means and
 * no payment table: recorded as given back. DONE, PENDING (its fate is not known: a replay and recover
 * ask `status`), REFUND_FAILED (the provider refused; try again with a new key), NOTHING_DUE, IN_PAYMENT
 * (a charge or another refund is in flight), NOT_FOUND, KEY_REUSED. Failures also NO_PAYMENT. */
TKT_API int32_t tkt_refund(tkt_store *store, const tkt_booking_request *request, tkt_booking *booking);

/* ---- batches ------------------------------------------------------------------------------------------------ */

/* Many commands, one durable commit: a box office's block of seats, a till that comes back with what it sold, an agent
 * who buys for a bus. What a commit costs is paid once, so a batch of a hundred is many times faster than a hundred
 * calls. Each command has its own outcome, exactly as the call of its name would have answered, and none undoes
 * another. They run in the order in which they were added; the first may be seen a commit earlier than the
 * last where they do not fit into one (8 MiB of rows). A cancel is of a booking that is there when it is
 * added. Commands of other threads may share the commit. */
typedef struct tkt_batch tkt_batch;
#define TKT_BATCH_MAX UINT32_C(1024) /* commands */

/* An empty batch for a store, which must outlive it. -TKT_E_INVALID, READ_ONLY, NOMEM. A batch is used by one thread
 * at a time. Since 0.1. */
TKT_API int32_t tkt_batch_new(tkt_store *store, tkt_batch **batch);
/* What was not run has no effect. NULL is fine. */
TKT_API void tkt_batch_free(tkt_batch *batch);
/* Takes all commands out, for the next round; memory is kept. What was not run has no effect. */
TKT_API int32_t tkt_batch_clear(tkt_batch *batch);

/* Each adds one command, numbered from 0 in the order of adding. The request is copied (its units and details too);
 * the struct for the result, which may be NULL where the call of that name allows it, is filled by the run and must
 * live until then. Whatever a call would refuse is an outcome, not an error here. -TKT_E_INVALID and LIMIT for what
 * breaks a rule of the request, for TKT_DRY_RUN, for more than TKT_BATCH_MAX, and for a batch that has run. A
 * failure adds nothing. Since 0.1. */
TKT_API int32_t tkt_batch_reserve(tkt_batch *batch, const tkt_reserve_request *request, tkt_hold *hold);
TKT_API int32_t tkt_batch_release(tkt_batch *batch, const tkt_hold_request *request, tkt_hold *hold);
TKT_API int32_t tkt_batch_extend(tkt_batch *batch, const tkt_hold_request *request, tkt_hold *hold);
/* Where there is a charge to make, the run makes it after the commit, with no transaction open, and records its
 * outcome by a commit of its own. */
TKT_API int32_t tkt_batch_confirm(tkt_batch *batch, const tkt_confirm_request *request, tkt_booking *booking);
TKT_API int32_t tkt_batch_cancel(tkt_batch *batch, const tkt_booking_request *request, tkt_booking *booking);
/* How many there are; 0 for NULL. */
TKT_API uint32_t tkt_batch_count(const tkt_batch *batch);

/* Runs them and waits until all are durable. TKT_DONE: each has its outcome, whichever. A failure (FORKED, NOMEM)
 * means that none was tried, and the batch may be run again. Since 0.1. */
TKT_API int32_t tkt_batch_run(tkt_batch *batch);
/* The outcome of one command: what the call would have returned, its error and causes made the calling thread's
 * last error. -TKT_E_INVALID: there is no such command, or the batch has not run. Since 0.1. */
TKT_API int32_t tkt_batch_outcome(const tkt_batch *batch, uint32_t index);

#ifdef __cplusplus
}
#endif
#endif
