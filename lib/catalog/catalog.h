/* SPDX-License-Identifier: MIT
 *
 * catalog/catalog.h: the internal face of the catalogue room: what booking decides on, read inside
 * its own transaction under the event's guard.
 *
 * Updates of an event's record or of its sale facts hold the catalogue's and the event's guard, so a
 * body that holds the event's guard alone sees them stand still.
 */
#ifndef TKT_CATALOG_CATALOG_H
#define TKT_CATALOG_CATALOG_H

#include <ticketing/catalog.h>

#include "store/store.h"

extern const tkt__room tkt__catalog_room;

/* One price level of an event. */
typedef struct tkt__price {
    uint32_t scope, scope_id;
    int64_t minor;
    char currency[TKT_CURRENCY_BYTES];
} tkt__price;

typedef struct tkt__area {
    uint32_t id;        /* from 1, never reused within an event */
    uint32_t capacity;
    tkt__slice name;
} tkt__area;

/* Everything that a reserve decides on. Arrays live in the transaction's memory. */
typedef struct tkt__sale {
    uint32_t status;                 /* TKT_EVENT_… of the event record */
    tkt__price base;                 /* price of the event record, or of scope EVENT when set */
    uint64_t chart_id;               /* 0: no seats */
    uint32_t chart_version;
    uint32_t seats;                  /* seats of the pinned chart */
    uint32_t blocks;                 /* highest block number of the pinned chart */
    uint32_t per_buyer;
    uint32_t window_count, area_count, price_count;
    const tkt_window *windows;
    const tkt__area *areas;
    const tkt__price *prices;
} tkt__sale;

/* Loads an event's sale facts (record and TKT__T_SALE row). TKT_NOT_FOUND when there is no event. */
int32_t tkt__sale_load(tkt__tx *tx, uint64_t event_id, tkt__sale *sale);
/* The price of a section or area; falls back to the base. TKT_SCOPE_… */
const tkt__price *tkt__sale_price(const tkt__sale *sale, uint32_t scope, uint32_t scope_id);
const tkt__area *tkt__sale_area(const tkt__sale *sale, uint32_t area_id); /* NULL: none */
/* 0: open now. Else the refusing cause kind (WINDOW_NOT_OPEN with *earliest_ms, or WINDOW_CLOSED). */
uint32_t tkt__sale_closed(const tkt__sale *sale, int64_t now_ms, int64_t *earliest_ms);
/* Which positions of a block are seats, and its section. TKT_NOT_FOUND: no such block. */
int32_t tkt__chart_block(tkt__tx *tx, const tkt__sale *sale, uint32_t block, uint64_t *seats, uint32_t *section);
/* Whether an event exists, in any transaction. TKT_DONE or TKT_NOT_FOUND. */
int32_t tkt__event_there(tkt__tx *tx, uint64_t event_id);
int32_t tkt__user_there(tkt__tx *tx, uint64_t user_id); /* also TKT_NOT_FOUND when erased */

/* What the index reads. Records as stored; texts point into the transaction. TKT_NOT_FOUND. */
int32_t tkt__event_get(tkt__tx *tx, uint64_t event_id, tkt__slice *record);
int32_t tkt__event_read(tkt__slice record, uint64_t event_id, tkt_event *event);
/* When it is over, as far as anybody said: a plain date lasts to the end of its day. Of an event without an end that
 * starts at an hour: when it starts. May lie before the start. */
int64_t tkt__event_over(const tkt_event *event);
/* A venue's (TKT__N_VENUE) or performer's (TKT__N_PERFORMER) record, and what it says. */
#define TKT__ENTITY_RECORD_MAX 8192
int32_t tkt__entity_get(tkt__tx *tx, uint8_t kind, uint64_t id, tkt__slice *record);
int32_t tkt__venue_decode(tkt__slice record, uint64_t id, tkt_venue *venue);
int32_t tkt__performer_decode(tkt__slice record, uint64_t id, tkt_performer *performer);
int32_t tkt__venue_read(tkt__tx *tx, uint64_t venue_id, tkt_venue *venue);
int32_t tkt__performer_read(tkt__tx *tx, uint64_t performer_id, tkt_performer *performer);
/* The lowest price of an event in a currency, or (NULL) in its own: that of the event at large, else the
 * first that is set. An event with no price at all: 0 and no currency. TKT_NOT_FOUND: none in that one.
 * *more: it has prices in other currencies too. */
int32_t tkt__sale_lowest(tkt__tx *tx, uint64_t event_id, const char *currency, int64_t *minor,
                         char out[TKT_CURRENCY_BYTES], bool *more);
/* The same in its own currency, for who has read the event in this transaction: one lookup less. */
int32_t tkt__sale_lowest_of(tkt__tx *tx, const tkt_event *event, int64_t *minor, char out[TKT_CURRENCY_BYTES]);

/* Door checks and the commonest refusal, as every room above says them. */
int32_t tkt__flags_check(uint32_t flags);             /* TKT_DRY_RUN alone is known */
int32_t tkt__id_check(uint64_t id, const char *what); /* 1…2^53−1 */
int32_t tkt__refuse_missing(const char *what, uint64_t id); /* TKT_NOT_FOUND with its cause */

/* What the catalogue must ask booking before it takes something away; set by lib/rooms.c so that
 * catalog/ does not include booking/. */
typedef struct tkt__inventory_ops {
    /* TKT_IN_USE (with causes) when the event has any booking or live hold. */
    int32_t (*event_idle)(tkt__tx *tx, uint64_t event_id);
    /* TKT_IN_USE when a live hold or booking lies on a unit of `block` outside `seats`. */
    int32_t (*block_fits)(tkt__tx *tx, uint64_t event_id, uint32_t block, uint64_t seats);
    /* Calls fn for each block row of the event that exists. */
    int32_t (*blocks)(tkt__tx *tx, uint64_t event_id, int32_t (*fn)(void *, uint32_t block), void *user);
    /* Places of an area that are sold or held live. */
    int32_t (*area_taken)(tkt__tx *tx, uint64_t event_id, uint32_t area_id, uint32_t *taken);
    /* Removes every inventory row of an idle event (counters, ended claims, expiry rows). */
    int32_t (*event_forget)(tkt__tx *tx, uint64_t event_id);
    /* How many places an event has in all, booked, and free at the transaction's now. */
    int32_t (*places)(tkt__tx *tx, uint64_t event_id, uint64_t *total, uint64_t *booked, uint64_t *available);
    /* Tells booking that seat or area totals changed, so that its availability bit is recomputed. */
    int32_t (*totals_changed)(tkt__tx *tx, tkt_store *store, uint64_t event_id);
} tkt__inventory_ops;
extern const tkt__inventory_ops tkt__inventory; /* lib/rooms.c or booking/ defines it */

#endif
