/* SPDX-License-Identifier: MIT
 *
 * queue/queue.h: the internal face of the waiting room.
 *
 * Rows of TKT__T_QUEUE, all under the event's guard, little-endian values:
 *   event(8) 'q'              → the room: tkt__room_row
 *   event(8) 'm' buyer(16)    → a member: tkt__member
 *   event(8) 'n' number(8)    → buyer(16): who joined as which
 *   event(8) 'x' second(4) number(8) → empty: when an admission ends
 *
 * A number is the order of joining. Numbers below `early` have their place by the shuffle, all others stand where they
 * joined; `head` is the first place whose turn has not come. So a place costs no row of its own, and a million who wait
 * cost two rows each and no memory. Invariants, which the check recounts: `active` members are admitted and have an 'x'
 * row each, `empty_handed` of them without a reservation so far; members and numbers are one to one; numbers have no gap.
 * A crash leaves a whole step or none.
 */
#ifndef TKT_QUEUE_QUEUE_H
#define TKT_QUEUE_QUEUE_H

#include <ticketing/booking.h>
#include <ticketing/queue.h>

#include "catalog/catalog.h"
#include "store/store.h"

extern const tkt__room tkt__queue_room;

#define TKT__SEED_BYTES 32
#define TKT__ADMISSION_KEYS 2
#define TKT__STEP_MS 200        /* between two steps of a queue, at least */
#define TKT__STEP_IDLE_MS 2000  /* where the last one could let nobody in, and nothing has come back since */
#define TKT__STEP_ADMITS 200    /* of one step, at most */
#define TKT__STEP_PASSES 400    /* members looked at in one step, at most */
#define TKT__QUEUE_LIFE_MS INT64_C(86400000) /* the longest that a claim, a session or a silence may be */
#define TKT__STEP_ENDS 400      /* admissions ended in one step, at most */
#define TKT__HEARTBEATS 3       /* a member is noted as there so often within the grace */
#define TKT__RATE_MS 5000       /* the rate is measured over so long at least */
#define TKT__RATE_ADMITS 8      /* … and over so many admissions */
#define TKT__RATE_MAX_MS 60000  /* … but over no longer than this */
#define TKT__REMOVE_ROWS 1000   /* of one piece */

typedef struct tkt__room_row {
    uint64_t event_id;
    tkt_queue_settings set;
    uint8_t seed[TKT__SEED_BYTES];
    uint8_t key_number;                                  /* of keys[0] */
    uint8_t keys[TKT__ADMISSION_KEYS][TKT__SEED_BYTES];  /* the present one, the one before */
    uint64_t joined, early, head, admitted;
    uint32_t active;
    int64_t tokens_micro;      /* millionths of an admission */
    int64_t stepped_ms;        /* the last step */
    int64_t measured_ms;       /* since when admissions are counted for the rate; 0: none are */
    uint32_t measured;
    uint32_t rate_micro;       /* admissions a millisecond in millionths, smoothed; 0: not known yet */
    uint8_t held, sold_out;    /* what the last step found: nothing free; nothing left */
    uint8_t removing;          /* its rows are being taken away */
    uint8_t started;           /* a body has run at or after opens_ms: `early` and the shuffle stand, whatever the clock does */
    uint8_t idle;              /* the last step changed nothing, and nobody can be let in before something comes back */
    uint32_t empty_handed;     /* of `active`, those who have not reserved yet: what is free is theirs too */
    int64_t heard_since_ms;    /* nobody could be heard before: the service was down */
} tkt__room_row;

enum { TKT__MEMBER_WAITS = 1, TKT__MEMBER_ADMITTED = 2, TKT__MEMBER_OVER = 3 };
typedef struct tkt__member {
    uint8_t buyer[TKT_BUYER_BYTES];
    uint64_t number;
    uint8_t state;
    bool claimed, reserved;    /* his session has begun; he had a reservation in it */
    int64_t seen_ms;
    int64_t until_ms;    /* of an admission */
    int64_t issued_ms;
    int64_t promised_ms; /* when he was last told that his turn comes; 0: not yet */
} tkt__member;

/* rows.c. TKT_NOT_FOUND without an error record. */
int32_t tkt__queue_load(tkt__tx *tx, uint64_t event_id, tkt__room_row *room);
int32_t tkt__queue_save(tkt__tx *tx, const tkt__room_row *room);
int32_t tkt__member_load(tkt__tx *tx, uint64_t event_id, const uint8_t buyer[TKT_BUYER_BYTES], tkt__member *member);
int32_t tkt__member_save(tkt__tx *tx, uint64_t event_id, const tkt__member *member);
int32_t tkt__number_put(tkt__tx *tx, uint64_t event_id, uint64_t number, const uint8_t buyer[TKT_BUYER_BYTES]);
int32_t tkt__number_get(tkt__tx *tx, uint64_t event_id, uint64_t number, uint8_t buyer[TKT_BUYER_BYTES]);
int32_t tkt__end_row(tkt__tx *tx, uint64_t event_id, const tkt__member *member, bool there);
#define TKT__QUEUE_KEY_MAX 32
size_t tkt__queue_key(uint64_t event_id, uint8_t kind, uint8_t key[TKT__QUEUE_KEY_MAX]);

/* `refusal` with a cause that names the room. earliest_ms 0: not known. */
int32_t tkt__queue_refuse(uint64_t event_id, int32_t refusal, int64_t earliest_ms, const char *why);
/* The room, or TKT_NOT_FOUND with its cause. */
int32_t tkt__queue_there(tkt__tx *tx, uint64_t event_id, tkt__room_row *room);

/* shuffle.c */
uint64_t tkt__shuffle(const uint8_t seed[TKT__SEED_BYTES], uint64_t number, uint64_t count);
uint64_t tkt__unshuffle(const uint8_t seed[TKT__SEED_BYTES], uint64_t place, uint64_t count);
void tkt__commitment(const uint8_t seed[TKT__SEED_BYTES], uint8_t out[32]);

/* admission.c: the signed proof, and what booking asks. */
void tkt__admission_sign(const tkt__room_row *room, const tkt__member *member, uint8_t out[TKT_ADMISSION_BYTES]);
bool tkt__admission_good(const tkt__room_row *room, const uint8_t buyer[TKT_BUYER_BYTES], const uint8_t *admission);
/* The first sign of an admitted member begins his session. */
int32_t tkt__member_claim(tkt__tx *tx, const tkt__room_row *room, tkt__member *member);

static inline int64_t tkt__least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Before the start: who joins is shuffled then. */
static inline bool tkt__room_early(const tkt__room_row *room, int64_t now)
{
    return !room->started && now < room->set.opens_ms;
}

/* step.c: a body's: ends what ran out, admits who is next. */
int32_t tkt__queue_step(tkt__tx *tx, tkt__room_row *room);
/* One record of the event's feed: something about the queue is another now. */
int32_t tkt__queue_tell(tkt__tx *tx, const tkt__room_row *room);
/* An admitted member's end: booked, left, run out. */
int32_t tkt__member_over(tkt__tx *tx, tkt__room_row *room, tkt__member *member);

#endif
