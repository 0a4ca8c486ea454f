/* SPDX-License-Identifier: MIT
 *
 * ticketing/feed.h: what changed: the records that every state change leaves, read by sequence or for the whole store
 * in the order of commits; and being told that there is something new.
 *
 * Every event, every user, the catalogue and the store itself have a sequence of their own, from 1, without a gap. A
 * change and its record are one commit. So "a snapshot, its tkt_event_seq, then everything after it" misses nothing
 * and tells nothing twice: a seat map that is drawn once and kept true, an audit log, a copy in another system.
 * Records never hold personal data. Nothing is ever taken out of the feed.
 *
 *     tkt_snapshot_begin(store, &snapshot);
 *     for (;;) {
 *         while (tkt_feed_read(snapshot, &cursor, changes, 64, &count) == TKT_DONE && count > 0)
 *             for (uint32_t i = 0; i < count; i++) …
 *         tkt_wait(store, 1000, &seen);
 *         tkt_snapshot_renew(snapshot);
 *     }
 */
#ifndef TICKETING_FEED_H
#define TICKETING_FEED_H

#include <ticketing/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Whose sequence. */
#define TKT_FEED_EVENT UINT32_C(1)   /* owner: the event */
#define TKT_FEED_CATALOG UINT32_C(2)
#define TKT_FEED_USER UINT32_C(3)    /* owner: the user */
#define TKT_FEED_STORE UINT32_C(4)   /* of the store as such: its clock */

/* What changed. `id` and the other members that a kind names; those that it does not name are 0. */
#define TKT_CHANGE_EVENT_ADDED UINT32_C(1)   /* catalogue: id = event */
#define TKT_CHANGE_EVENT UINT32_C(2)         /* event and catalogue: id = event, state = TKT_EVENT_… */
#define TKT_CHANGE_EVENT_DELETED UINT32_C(3) /* event and catalogue: id = event */
#define TKT_CHANGE_VENUE UINT32_C(4)         /* catalogue: id = venue, state = 1 added, 2 changed, 3 deleted */
#define TKT_CHANGE_PERFORMER UINT32_C(5)     /* likewise */
#define TKT_CHANGE_CHART_ADDED UINT32_C(6)   /* catalogue: id = chart, number = version */
#define TKT_CHANGE_SALE UINT32_C(7)          /* event: id = event: its chart, areas, prices, windows or limit */
#define TKT_CHANGE_USER UINT32_C(8)          /* user: id = user, state as for a venue */
#define TKT_CHANGE_SEATS UINT32_C(9)         /* event: claim, state = TKT_SEAT_…, expires_ms of reserved ones, ranges */
#define TKT_CHANGE_AREA UINT32_C(10)         /* event: claim, area_id, capacity, sold, held */
#define TKT_CHANGE_CLAIM UINT32_C(11)        /* event: claim, state = TKT_HOLD_…, expires_ms */
#define TKT_CHANGE_BOOKING UINT32_C(12)      /* event: id = booking, state = TKT_BOOKING_… */
#define TKT_CHANGE_INTENT UINT32_C(13)       /* event: id = intent, state = TKT_INTENT_… */
#define TKT_CHANGE_REFUND UINT32_C(14)       /* event: id = intent, number = refund, state = 1 asked for, 2 failed, 3 done */
#define TKT_CHANGE_TICKETS UINT32_C(15)      /* event: id = first ticket, number = how many, state = TKT_TICKET_… */
#define TKT_CHANGE_CLOCK UINT32_C(16)        /* store: expires_ms = the floor that was forgotten */

#define TKT_CHANGE_QUEUE UINT32_C(17)        /* event: id = places passed, number = active, state = TKT_QUEUE_… */

/* Seats that changed together: units first … first + count − 1. */
typedef struct tkt_range {
    uint32_t first, count;
} tkt_range;

/* A record of the feed. An element of arrays that the library fills, so it never grows: what comes later gets a function
 * of its own, or one of the reserved members. */
typedef struct tkt_change {
    uint32_t size;         /* out: sizeof(tkt_change) */
    uint32_t kind;         /* TKT_CHANGE_…; kinds that this library does not know are given with their number alone */
    uint32_t scope;        /* TKT_FEED_…: whose sequence it stands in */
    uint32_t state;
    uint64_t owner;        /* event or user of the sequence; 0: catalogue, store */
    uint64_t seq;          /* from 1, without a gap within its sequence */
    int64_t instant_ms;    /* when it was committed; never before that of the record before, but after a TKT_CHANGE_CLOCK */
    uint64_t id;
    int64_t expires_ms;    /* when it ends by itself; 0: it does not */
    uint32_t number;
    uint32_t claim;
    uint32_t area_id, capacity, sold, held;
    uint32_t range_count;
    uint32_t reserved;
    const tkt_range *ranges; /* live in the snapshot, until it ends or is renewed */
    const void *reserved_pointer; /* NULL: no hole is left where pointers have 32 bits */
} tkt_change;
TKT_API void tkt_change_init(tkt_change *change);
/* The name of a kind as the tool prints it: "seats", …; "unknown". Static text. */
TKT_API const char *tkt_change_name(uint32_t kind);

#define TKT_FEED_PAGE_MAX UINT32_C(1000)

/* Records of one sequence above after_seq, ascending, at most cap (1…TKT_FEED_PAGE_MAX); *count gets how many. Their
 * `size` members are set. TKT_DONE also when there are none, and for an owner of whom nothing is known. -TKT_E_INVALID:
 * an unknown scope, a bad owner or cap. Since 0.1. */
TKT_API int32_t tkt_feed_sequence(tkt_snapshot *snapshot, uint32_t scope, uint64_t owner, uint64_t after_seq,
                                  tkt_change *changes, uint32_t cap, uint32_t *count);

/* A place in the feed of the whole store: opaque bytes that outlive restarts. All zeros: before the first record. */
#define TKT_FEED_CURSOR_BYTES 33
#define TKT_FEED_CURSOR_TEXT 66
typedef struct tkt_feed_cursor {
    uint8_t bytes[TKT_FEED_CURSOR_BYTES];
} tkt_feed_cursor;

/* Records of all sequences behind *cursor in the order of their commits, at most cap (1…TKT_FEED_PAGE_MAX); *cursor
 * moves behind the last one given. Within a commit they come sequence by sequence. TKT_DONE also when there are none.
 * -TKT_E_FENCED: the store was restored from a copy that is older than the cursor, so what followed is another history:
 * start again from a snapshot and tkt_feed_end. -TKT_E_INVALID: it is no cursor of a feed. Since 0.1. */
TKT_API int32_t tkt_feed_read(tkt_snapshot *snapshot, tkt_feed_cursor *cursor, tkt_change *changes, uint32_t cap,
                              uint32_t *count);
/* The cursor behind all that this snapshot sees. */
TKT_API int32_t tkt_feed_end(tkt_snapshot *snapshot, tkt_feed_cursor *cursor);
/* Its text form: 66 hex digits, no NUL. -TKT_E_PARSE. */
TKT_API void tkt_feed_cursor_format(const tkt_feed_cursor *cursor, char text[TKT_FEED_CURSOR_TEXT]);
TKT_API int32_t tkt_feed_cursor_parse(const char *text, size_t len, tkt_feed_cursor *cursor);

/* Waits until something was committed by any process since *seen, at most timeout_ms (0…60,000); *seen gets a number
 * that the next call takes. With *seen 0 it returns at once. It is a hint and carries no truth: it may return with
 * nothing new, and two waits at once both return. Any number of threads may wait; none may when the store is closed.
 * TKT_DONE in either case. -TKT_E_INVALID. Since 0.1. */
TKT_API int32_t tkt_wait(tkt_store *store, int64_t timeout_ms, uint64_t *seen);

#ifdef __cplusplus
}
#endif
#endif
