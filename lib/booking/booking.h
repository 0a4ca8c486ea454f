/* SPDX-License-Identifier: MIT
 *
 * booking/booking.h: the internal face and the shared records of the booking room.
 *
 * Files, from the bottom: claim.c (claim record), inventory.c (blocks, areas, expiry and buyer rows:
 * the only code that changes who owns a place), sweep.c (ends what has run out), hold.c (reserve,
 * release, extend, replace), seatmap.c (reads); ledger.c (booking, ticket, intent and refund records),
 * book.c (claim → booking with tickets, the ladder), confirm.c, payment.c (table, news, recover),
 * refund.c, cancel.c, booking_read.c; check_inventory.c, check_ledger.c, room.c.
 *
 * Invariant: the seat rows of a claim, its area counts, its expiry, due and buyer rows change with its
 * record in one body under the event's guard. A crash leaves all of a change or nothing of it.
 */
#ifndef TKT_BOOKING_BOOKING_H
#define TKT_BOOKING_BOOKING_H

#include <ticketing/booking.h>

#include "catalog/catalog.h"
#include "store/store.h"

extern const tkt__room tkt__booking_room;

static inline tkt__guard tkt__event_guard(uint64_t event_id)
{
    tkt__guard guard = { TKT__G_EVENT, event_id };
    return guard;
}

/* Drawn by each call and kept in its idempotency record: a body that meets its own call's record was run
 * again after a commit of unknown outcome, and is no replay. */
#define TKT__NONCE_BYTES 8

/* ---- claim record -------------------------------------------------------------------------------- */

typedef struct tkt__claim {
    uint32_t number;
    uint32_t state;          /* TKT_HOLD_… as stored: ACTIVE or PINNED may have run out by `now` */
    uint64_t event_id, user_id;
    uint64_t booking_id, intent_id; /* of the attempt that pinned it last, or consumed it */
    int64_t created_ms;
    uint32_t expires_s;      /* seconds since 2024; while PINNED the pin's end; NEVER once consumed */
    uint32_t hold_expires_s; /* the hold's own deadline while pinned */
    uint32_t hard_cap_s;
    uint32_t pin_cap_s;      /* no pin goes past it; set by the first pin, 0 before */
    uint32_t unit_count;
    uint32_t area_id, quantity;
    int64_t area_price_minor;
    int64_t total_minor;
    char currency[TKT_CURRENCY_BYTES];
    uint8_t secret[16];
    uint8_t buyer_key[TKT_BUYER_BYTES];
    uint32_t units[TKT_UNITS_MAX]; /* ascending */
    int64_t prices[TKT_UNITS_MAX];
} tkt__claim;

int32_t tkt__claim_load(tkt__tx *tx, uint64_t event_id, uint32_t number, tkt__claim *claim);
int32_t tkt__claim_parse(tkt__slice value, uint64_t event_id, uint32_t number, tkt__claim *claim);
/* Writes the record and the feed record of its state. */
int32_t tkt__claim_save(tkt__tx *tx, const tkt__claim *claim);
/* Loads the claim that a token names and compares the secret in constant time. TKT_NOT_FOUND with a
 * TOKEN cause. */
int32_t tkt__claim_by_token(tkt__tx *tx, const uint8_t token[TKT_TOKEN_BYTES], tkt__claim *claim);
void tkt__claim_token(const tkt__claim *claim, uint8_t token[TKT_TOKEN_BYTES]);
uint64_t tkt__token_event(const uint8_t token[TKT_TOKEN_BYTES]);
/* ACTIVE/PINNED whose expires_s is at or before now → EXPIRED; else as stored. */
uint32_t tkt__claim_state_at(const tkt__claim *claim, int64_t now_ms);
void tkt__claim_to_hold(const tkt__claim *claim, int64_t now_ms, tkt_hold *hold);
/* The refusal that a claim in this state gives to whoever wants to use it; DONE for ACTIVE. */
int32_t tkt__claim_refusal(const tkt__claim *claim, uint32_t state);
static inline uint32_t tkt__claim_places(const tkt__claim *claim)
{
    return claim->unit_count + claim->quantity;
}

/* ---- inventory: bodies only, event guard held ------------------------------------------------------ */

/* Takes every place of the claim (units, area quantity) until claim->expires_s, with expiry, due and
 * buyer rows. Nothing is written unless all can be taken; refusals carry causes. */
int32_t tkt__inventory_take(tkt__tx *tx, const tkt__sale *sale, const tkt__claim *claim);
/* Moves the deadline of all places of a live claim (pin, extend, grace) and sets claim->expires_s. */
int32_t tkt__inventory_move(tkt__tx *tx, tkt__claim *claim, uint32_t expires_s);
/* Live claim → booked for good. */
int32_t tkt__inventory_book(tkt__tx *tx, tkt_store *store, const tkt__sale *sale, const tkt__claim *claim);
/* An ended claim's places (expired, released) taken again and booked, if every one is free now:
 * TKT_DONE, or a refusal with causes. Also right for a claim that has run out but was not swept: it is
 * swept first, and stays so when the rest is refused. */
int32_t tkt__inventory_rebook(tkt__tx *tx, tkt_store *store, const tkt__sale *sale, tkt__claim *claim);
/* Gives places back: `booked` tells from which state. Seats that another claim took meanwhile are left. */
int32_t tkt__inventory_free(tkt__tx *tx, tkt_store *store, const tkt__claim *claim, bool booked);
/* TKT_OVER_LIMIT with its cause when the buyer may not have so many more places. */
int32_t tkt__buyer_allowed(tkt__tx *tx, const tkt__sale *sale, const tkt__claim *claim);
/* The area's places in use at `now`: what is sold, and what live holds hold. */
int32_t tkt__area_use(tkt__tx *tx, uint64_t event_id, uint32_t area_id, uint32_t *sold, uint32_t *held);
/* Seat or area totals changed: tells whoever keeps it whether anything is left that is not booked. */
int32_t tkt__inventory_totals_changed(tkt__tx *tx, tkt_store *store, uint64_t event_id);
/* How many places are in which state, and in all. Any transaction. */
int32_t tkt__counts(tkt__tx *tx, uint64_t event_id, const tkt__sale *sale, uint64_t *total, tkt_counts *counts);
/* Ends run-out claims of an event, at most `most` of them and TKT__SWEEP_PLACES places, earliest first. */
int32_t tkt__inventory_sweep(tkt__tx *tx, tkt_store *store, uint64_t event_id, uint32_t most, uint32_t *done);
#define TKT__SWEEP_PER_BODY 8
#define TKT__SWEEP_EVERY 4 /* reserves of an event: the others need not look */
#define TKT__SWEEP_PLACES 512
/* The room's tick and deadline. */
int32_t tkt__sweep_tick(tkt_store *store, uint32_t most, uint32_t *done);
int32_t tkt__sweep_deadline(tkt_store *store, tkt__tx *tx, int64_t *wait_ms);

/* ---- booking, ticket and money records (ledger.c) -------------------------------------------------------- */

typedef struct tkt__intent {
    uint64_t id, booking_id, event_id;
    uint64_t epoch;          /* of the store when it was made: part of the provider key for good */
    uint32_t claim;
    uint32_t state;          /* TKT_INTENT_… */
    uint32_t external;
    uint32_t refunds;        /* rows n = 1…refunds */
    uint32_t news;           /* bits 1 << TKT_NEWS_… ever heard: evidence, also of what was ignored */
    int64_t created_ms, amount_minor, captured_minor, refunded_minor, refunding_minor;
    char currency[TKT_CURRENCY_BYTES];
} tkt__intent;

typedef struct tkt__booking {
    uint64_t id, event_id, user_id, intent_id, first_ticket;
    uint32_t claim, state, ticket_count;
    int64_t created_ms, total_minor;
    char currency[TKT_CURRENCY_BYTES];
    uint8_t buyer_key[TKT_BUYER_BYTES];
} tkt__booking;

typedef struct tkt__ticket {
    uint64_t id, booking_id, event_id;
    uint32_t state, unit, area_id, generation;
    int64_t price_minor;
    char currency[TKT_CURRENCY_BYTES];
    uint8_t code[TKT_CODE_BYTES];
} tkt__ticket;

enum { TKT__REFUND_PENDING = 1, TKT__REFUND_FAILED = 2, TKT__REFUND_DONE = 3 };
typedef struct tkt__refund {
    uint64_t event_id, intent_id;
    uint32_t number, state;
    int64_t created_ms, amount_minor;
} tkt__refund;

int32_t tkt__booking_load(tkt__tx *tx, uint64_t event_id, uint64_t id, tkt__booking *booking);
int32_t tkt__booking_parse(tkt__slice value, uint64_t event_id, uint64_t id, tkt__booking *booking);
/* Writes the record and the feed record of its state. */
int32_t tkt__booking_save(tkt__tx *tx, const tkt__booking *booking);
/* A fresh booking's lookup rows. */
int32_t tkt__booking_announce(tkt__tx *tx, const tkt__booking *booking);
int32_t tkt__ticket_load(tkt__tx *tx, uint64_t event_id, uint64_t id, tkt__ticket *ticket);
int32_t tkt__ticket_parse(tkt__slice value, uint64_t event_id, uint64_t id, tkt__ticket *ticket);
/* The booking's tickets: one a place of the claim, in its order; and their end. */
int32_t tkt__tickets_issue(tkt__tx *tx, const tkt__claim *claim, const tkt__booking *booking, const uint8_t *codes);
int32_t tkt__tickets_void(tkt__tx *tx, const tkt__booking *booking);
int32_t tkt__intent_load(tkt__tx *tx, uint64_t event_id, uint64_t id, tkt__intent *intent);
int32_t tkt__intent_parse(tkt__slice value, uint64_t event_id, uint64_t id, tkt__intent *intent);
/* Writes the record, its feed record, and the open-money rows that it and its booking's state call
 * for. Save the booking first. */
int32_t tkt__intent_save(tkt__tx *tx, const tkt__intent *intent, uint32_t booking_state);
/* Which open-money rows an intent must have. */
bool tkt__intent_open(const tkt__intent *intent, uint32_t booking_state, uint8_t kind);
int32_t tkt__refund_load(tkt__tx *tx, uint64_t event_id, uint64_t intent_id, uint32_t number, tkt__refund *refund);
int32_t tkt__refund_save(tkt__tx *tx, const tkt__refund *refund);
void tkt__money_key(uint64_t event_id, uint64_t intent_id, uint32_t number, uint8_t key[20]);
void tkt__open_money_key(uint8_t kind, uint64_t intent_id, uint64_t event_id, uint8_t key[17]);
/* The event of a booking ('b'), ticket ('t') or intent ('i'). TKT_NOT_FOUND with a MISSING cause. */
int32_t tkt__event_of(tkt__tx *tx, uint8_t kind, uint64_t id, uint64_t *event_id);
/* The record as the public struct; intent NULL: nothing was to be paid. */
void tkt__booking_to_public(const tkt__booking *booking, const tkt__intent *intent, tkt_booking *out);

/* ---- making a booking (book.c) ----------------------------------------------------------------------------- */

/* What a body that may book must be given from outside: ids and codes for `tickets` tickets. */
typedef struct tkt__supply {
    uint64_t booking_id, intent_id, first_ticket; /* 0: not taken */
    uint32_t tickets;
    uint8_t *codes; /* tickets × TKT_CODE_BYTES */
} tkt__supply;
/* Draws codes and leases ids. A dry run leases nothing and works with ids that nobody has. */
int32_t tkt__supply_take(tkt_store *store, uint32_t tickets, bool booking, bool intent, bool dry, tkt__supply *supply);
/* Frees the codes; `used` false: gives the ids back too. */
void tkt__supply_end(tkt_store *store, tkt__supply *supply, bool dry, bool booking_used, bool tickets_used);

/* The ladder: the claim's places become the booking's with its tickets (TKT_DONE, booking CONFIRMED),
 * or nothing of them (TKT_REFUND_DUE, booking REFUND_DUE, causes say why). The claim may be in any
 * state. Saves claim and booking; the caller saves the intent after. */
int32_t tkt__book(tkt__tx *tx, tkt_store *store, tkt__claim *claim, tkt__booking *booking, const tkt__supply *supply);
/* A failed attempt: a hold still pinned by this booking becomes active again with its grace. */
int32_t tkt__unpin(tkt__tx *tx, tkt__claim *claim, const tkt__booking *booking);
/* Where a booking stands, as the status of the call that asked for it. */
int32_t tkt__booking_outcome(const tkt__booking *booking, int64_t hold_expires_ms);
/* TKT_CANCELLED with its cause: it has no places, or not any more. */
int32_t tkt__booking_placeless(const tkt__booking *booking);

/* ---- the host's payment table (payment.c) --------------------------------------------------------------------- */

/* NULL: none was set. */
const tkt_payment *tkt__payment_of(const tkt_store *store);
void tkt__payment_closing(tkt_store *store);
/* The provider's idempotency key: XXH3-128(epoch, salt, intent, n); n 0: the charge, else a refund. */
void tkt__provider_key(const tkt_store *store, uint64_t epoch, uint64_t intent_id, uint32_t number, uint8_t key[TKT_KEY_BYTES]);
/* The number under which a call of `charge` (refund 0) or `refund` is known to be under way (store.h): an intent has at most
 * one of each. */
static inline uint64_t tkt__flight_of(uint64_t intent_id, uint32_t refund)
{
    return 2 * intent_id + (refund != 0);
}
/* Calls one function of the table for an intent (refund 0) or a refund of it; no transaction may be open. What `status` does
 * not know is PENDING while the call that sends it is under way. */
int32_t tkt__payment_call(const tkt_store *store, tkt_pay_fn fn, const tkt__intent *intent, uint32_t refund,
                          int64_t amount_minor, tkt_text details);
/* Applies an outcome TKT_PAY_… of a charge. Answers as tkt_resolve_payment; PENDING for what is not known. */
int32_t tkt__charge_settle(tkt_store *store, uint64_t event_id, uint64_t intent_id, int32_t outcome, tkt_booking *booking);
/* Applies an outcome of refund `number`: DONE, PENDING, REFUND_FAILED. */
int32_t tkt__refund_settle(tkt_store *store, uint64_t event_id, uint64_t intent_id, uint32_t number, int32_t outcome, tkt_booking *booking);

/* ---- calls that name a booking (cancel.c) ------------------------------------------------------------------------- */

typedef struct tkt__booking_call {
    tkt_store *store;
    uint64_t event_id;
    uint32_t flags;
    tkt_text details;
    uint8_t op;
    uint8_t key[TKT_KEY_BYTES], fingerprint[TKT__FINGERPRINT_BYTES];
    uint8_t nonce[TKT__NONCE_BYTES];
    tkt__booking booking;
    tkt__intent intent;
} tkt__booking_call;
/* Checks the request at the door, looks the booking's event up, draws the key. */
int32_t tkt__booking_call_in(tkt_store *store, const tkt_booking_request *request, uint8_t op, const tkt_booking *booking,
                             tkt__booking_call *call);
/* Booking and, when it has one, intent. */
int32_t tkt__booking_call_load(tkt__tx *tx, tkt__booking_call *call);
/* Writes the caller's struct (NULL is fine) and answers `status`. */
int32_t tkt__booking_call_out(const tkt__booking_call *call, int32_t status, bool replayed, tkt_booking *booking);

/* ---- commands: a call cut in two, so that many can share a commit (batch.c) ------------------------------------------ */

/* Made by …_command, which does what comes before the body; a refusal there is the outcome already. The call's memory
 * is the arena's. finish(call, what the body answered) does what comes after, gives back what was leased, and
 * answers the outcome; it is due once for each command made. */
typedef struct tkt__command {
    tkt__guard guard;
    tkt__body body;
    int32_t (*finish)(void *call, int32_t status);
    void *call;
} tkt__command;
int32_t tkt__reserve_command(tkt_store *store, const tkt_reserve_request *request, tkt_hold *hold, tkt__arena *arena,
                             tkt__command *command);
/* Release or extend, by the operation of its record. */
int32_t tkt__hold_command(tkt_store *store, const tkt_hold_request *request, uint8_t op, tkt_hold *hold, tkt__arena *arena,
                          tkt__command *command);
int32_t tkt__confirm_command(tkt_store *store, const tkt_confirm_request *request, tkt_booking *booking, tkt__arena *arena,
                             tkt__command *command);
int32_t tkt__cancel_command(tkt_store *store, const tkt_booking_request *request, tkt_booking *booking, tkt__arena *arena,
                            tkt__command *command);
/* Dry runs are for single calls. */
int32_t tkt__no_dry_run(uint32_t flags);

/* ---- what booking asks of the waiting room ---------------------------------------------------------------------------- */

/* Defined by the queue room, or by what stands in for it: so booking/ does not include queue/. Bodies only. */
typedef struct tkt__admission_ops {
    /* TKT_NOT_ADMITTED with its cause where the event has a waiting room and this is no admission to it. */
    int32_t (*may_reserve)(tkt__tx *tx, uint64_t event_id, const uint8_t buyer[TKT_BUYER_BYTES], const uint8_t *admission);
    /* A hold that was made at reserved_ms is booked. */
    int32_t (*has_booked)(tkt__tx *tx, uint64_t event_id, const uint8_t buyer[TKT_BUYER_BYTES], int64_t reserved_ms);
    int32_t (*event_idle)(tkt__tx *tx, uint64_t event_id); /* TKT_IN_USE while it has one */
} tkt__admission_ops;
extern const tkt__admission_ops tkt__admission;

/* ---- checks ------------------------------------------------------------------------------------------------------ */

int32_t tkt__check_inventory(tkt_store *store, tkt__tx *tx, tkt__problems *problems);
int32_t tkt__check_ledger(tkt_store *store, tkt__tx *tx, tkt__problems *problems);

#endif
