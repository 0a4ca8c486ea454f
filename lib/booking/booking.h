/* SPDX-License-Identifier: MIT
 *
 * booking/booking.h: the internal face and the shared records of the booking room.
 *
 * Files: inventory.c (blocks, areas, expiry and buyer rows: the only code that changes who owns a
 * place), claim.c (claim record), hold.c (reserve, release, extend, replace), seatmap.c (reads),
 * ledger.c (intent and refund records), book.c (claim → booking + tickets, the ladder), confirm.c,
 * payment.c (table, news, recover), refund.c, booking_read.c, sweep.c (tick), check.c, room.c.
 *
 * Invariant: the seat rows of a claim, its area counts, its expiry, due and buyer rows change with its
 * record in one body under the event's guard.
 */
#ifndef TKT_BOOKING_BOOKING_H
#define TKT_BOOKING_BOOKING_H

#include <ticketing/experimental/booking.h>

#include "catalog/catalog.h"
#include "store/store.h"

extern const tkt__room tkt__booking_room;

/* ---- claim record -------------------------------------------------------------------------------- */

typedef struct tkt__claim {
    uint32_t number;
    uint32_t state;          /* TKT_HOLD_… as stored: ACTIVE or PINNED may have run out by `now` */
    uint64_t event_id, user_id, booking_id, intent_id;
    int64_t created_ms;
    uint32_t expires_s;      /* seconds since 2024; while PINNED the pin's end; NEVER once consumed */
    uint32_t hold_expires_s; /* the hold's own deadline while pinned */
    uint32_t hard_cap_s;
    uint32_t pin_cap_s;
    uint32_t unit_count;
    uint32_t area_id, quantity;
    int64_t area_price_minor;
    int64_t total_minor;
    char currency[TKT_CURRENCY_BYTES];
    uint8_t secret[16];
    uint8_t buyer_key[TKT_BUYER_BYTES];
    uint32_t units[TKT_UNITS_MAX];
    int64_t prices[TKT_UNITS_MAX];
} tkt__claim;

int32_t tkt__claim_load(tkt__tx *tx, uint64_t event_id, uint32_t number, tkt__claim *claim);
int32_t tkt__claim_save(tkt__tx *tx, const tkt__claim *claim);
/* Loads the claim that a token names and compares the secret in constant time. TKT_NOT_FOUND with a
 * TOKEN cause. */
int32_t tkt__claim_by_token(tkt__tx *tx, const uint8_t token[TKT_TOKEN_BYTES], tkt__claim *claim);
void tkt__claim_token(const tkt__claim *claim, uint8_t token[TKT_TOKEN_BYTES]);
uint64_t tkt__token_event(const uint8_t token[TKT_TOKEN_BYTES]);
/* ACTIVE/PINNED whose expires_s is at or before now → EXPIRED; else as stored. */
uint32_t tkt__claim_state_at(const tkt__claim *claim, int64_t now_ms);
void tkt__claim_to_hold(const tkt__claim *claim, int64_t now_ms, tkt_hold *hold);

/* ---- inventory: bodies only, event guard held ------------------------------------------------------ */

/* Takes every place of the claim (units, area quantity) in state RESERVED until claim->expires_s, with
 * expiry, due and buyer rows. Nothing is written unless all can be taken; refusals carry causes.
 * `ignore` is a claim whose places count as free (0: none); `sale` the event's facts. */
int32_t tkt__inventory_take(tkt__tx *tx, tkt_store *store, const tkt__sale *sale, const tkt__claim *claim, uint32_t ignore);
/* Moves the deadline of all places of a live claim (pin, extend, grace) from claim->expires_s. */
int32_t tkt__inventory_move(tkt__tx *tx, tkt_store *store, tkt__claim *claim, uint32_t expires_s);
/* Live claim → booked for good. */
int32_t tkt__inventory_book(tkt__tx *tx, tkt_store *store, const tkt__sale *sale, const tkt__claim *claim);
/* An ended claim's places (expired, released) taken again and booked, if every one is free now:
 * TKT_DONE, or TKT_SOLD_OUT / TKT_ALL_HELD with causes and nothing changed. Also right for a claim
 * that has run out but was not swept. */
int32_t tkt__inventory_rebook(tkt__tx *tx, tkt_store *store, const tkt__sale *sale, const tkt__claim *claim);
/* Gives places back: `booked` tells from which state. Seats that another claim took meanwhile are left. */
int32_t tkt__inventory_free(tkt__tx *tx, tkt_store *store, const tkt__claim *claim, bool booked);
/* Ends up to `most` run-out claims of an event (claim row EXPIRED, places freed); first step of writers. */
int32_t tkt__inventory_sweep(tkt__tx *tx, tkt_store *store, uint64_t event_id, uint32_t most, uint32_t *done);
#define TKT__SWEEP_PER_BODY 8

/* A booking of an event in a state other than AWAITING/FAILED exists? etc. live in the .c files. */

/* ---- booking, ticket and money records ---------------------------------------------------------------- */

typedef struct tkt__intent {
    uint64_t id, booking_id, event_id;
    uint32_t claim;
    uint32_t state;          /* TKT_INTENT_… */
    uint32_t external;
    uint32_t refunds;        /* rows n = 1…refunds */
    uint32_t news;           /* bits of TKT_NEWS_… ever heard: evidence, also of what was ignored */
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

int32_t tkt__booking_load(tkt__tx *tx, uint64_t event_id, uint64_t booking_id, tkt__booking *booking);
int32_t tkt__booking_save(tkt__tx *tx, const tkt__booking *booking);
int32_t tkt__intent_load(tkt__tx *tx, uint64_t event_id, uint64_t intent_id, tkt__intent *intent);
int32_t tkt__intent_save(tkt__tx *tx, const tkt__intent *intent); /* keeps the open-money rows in step */
/* event of a booking, ticket or intent through the lookup rows. */
int32_t tkt__event_of(tkt__tx *tx, char kind, uint64_t id, uint64_t *event_id);

/* The rooms' parts for room.c: each half brings its own checks. */
int32_t tkt__check_inventory(tkt_store *store, tkt__tx *tx, tkt__problems *problems);
int32_t tkt__check_ledger(tkt_store *store, tkt__tx *tx, tkt__problems *problems);

#endif
