/* SPDX-License-Identifier: MIT
 *
 * ticketing/queue.h: the waiting room of an event: who comes before the start is shuffled at the start, who comes later
 * stands behind; places at the counter are given out at a steady rate while there is something to sell, and a
 * reservation needs the signed admission that its buyer got.
 *
 *     tkt_queue_set(store, event, &settings);                       operator, once
 *     tkt_queue_join(store, event, buyer, &place);                  a buyer comes; again: the same place
 *     tkt_queue_poll(store, event, buyer, &place);                  every few seconds: says that he is there still
 *     request.admission = place.admission;                          once place.state is TKT_PLACE_ADMITTED
 *     tkt_reserve(store, &request, &hold);
 *
 * Fair so that anyone can check it: tkt_queue_view gives the SHA-256 of the seed from the first moment, and the seed
 * itself once the start has come; tkt_queue_shuffle then tells which place a number got. One buyer key has one place.
 * Everything is in the store: a restart loses nobody's place. There is no clockwork: whoever polls moves the queue on.
 * In builds without it (-Dqueue=disabled) every call answers -TKT_E_UNAVAILABLE, and events that have a waiting room
 * sell nothing.
 */
#ifndef TICKETING_QUEUE_H
#define TICKETING_QUEUE_H

#include <ticketing/store.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TKT_QUEUE_RUNS UINT32_C(0)
#define TKT_QUEUE_PAUSED UINT32_C(1) /* nobody is admitted; places are kept, the admitted go on */
#define TKT_QUEUE_OPEN UINT32_C(2)   /* everybody passes, with no admission */
#define TKT_QUEUE_CLOSED UINT32_C(3) /* nobody joins, nobody reserves */

typedef struct tkt_queue_settings {
    uint32_t size;
    uint32_t mode;            /* TKT_QUEUE_… */
    int64_t opens_ms;         /* until this instant who joins is shuffled; 0: there is no such time, all queue at once */
    uint32_t per_minute;      /* how many are admitted a minute; 0: 600 */
    uint32_t burst;           /* and at once; 0: a sixth of per_minute, at least 1 */
    uint32_t active;          /* how many may be at the counter at a time; 0: 1,000 */
    uint32_t party_percent;   /* places that one admission takes, in hundredths; 0: 200. Not more are let in, with those who
                                 are in and have not reserved yet, than what is free divided by it */
    int64_t claim_ms;         /* how long an admission waits for its first reserve or poll; 0: 2 minutes */
    int64_t session_ms;       /* and lasts from there on; 0: 15 minutes */
    int64_t grace_ms;         /* whoever is not heard of for so long is passed over; 0: 5 minutes */
} tkt_queue_settings;
TKT_API void tkt_queue_settings_init(tkt_queue_settings *settings);

/* Gives an event a waiting room, or changes the one it has. opens_ms can't be changed once somebody joined. Repeats
 * safely. Another opens_ms draws another seed. NOT_FOUND (event), IN_USE (opens_ms; or it is being removed).
 * -TKT_E_INVALID: a value out of range (durations 1 s to a day). flags: TKT_DRY_RUN. Since 0.1. */
TKT_API int32_t tkt_queue_set(tkt_store *store, uint64_t event_id, const tkt_queue_settings *settings, uint32_t flags);
/* The same for who changes some of them only: `seen` is what tkt_queue_settings_view gave, NULL where there was no room, and
 * nothing happens if it is no more so, when two change it at once. -TKT_E_CONFLICT: look again. Since 0.1. */
TKT_API int32_t tkt_queue_change(tkt_store *store, uint64_t event_id, const tkt_queue_settings *seen,
                                 const tkt_queue_settings *settings, uint32_t flags);
/* Takes it away with all who wait, a bounded piece at a time: TKT_PENDING while there is more to do. NOT_FOUND: there is
 * none. Reservations go freely as soon as it is done. */
TKT_API int32_t tkt_queue_remove(tkt_store *store, uint64_t event_id);
/* Admissions are signed with a new key; those that were signed with the key before are good until the next rotation.
 * NOT_FOUND, IN_USE (it is being removed). */
TKT_API int32_t tkt_queue_rotate(tkt_store *store, uint64_t event_id);

#define TKT_PLACE_EARLY UINT32_C(1)    /* before the start: shuffled then */
#define TKT_PLACE_WAITING UINT32_C(2)
#define TKT_PLACE_ADMITTED UINT32_C(3) /* reserve with `admission`, until expires_ms */
#define TKT_PLACE_OVER UINT32_C(4)     /* booked, left, passed over, or the admission ran out: joining anew gives a new place */
#define TKT_PLACE_FREE UINT32_C(5)     /* the room is open: reserve without */

#define TKT_ADMISSION_TEXT 164
typedef struct tkt_place {
    uint32_t size;
    uint32_t state;        /* TKT_PLACE_… */
    uint64_t number;       /* in the order of joining, from 0: the argument of tkt_queue_shuffle */
    uint64_t place;        /* in the queue, from 0; while EARLY there is none yet: 0 */
    uint64_t ahead;        /* how many stand before; EARLY: how many have joined */
    int64_t wait_ms;       /* about how long; never more than told before by more than has been measured; −1: not known */
    int64_t expires_ms;    /* ADMITTED: the first instant at which the admission is no more */
    int64_t opens_ms;      /* EARLY: when it starts */
    uint32_t paused;       /* 1: nobody is admitted now: the room is paused */
    uint32_t all_held;     /* 1: nor is there anything free now: all in carts; it may come back */
    uint32_t sold_out;     /* 1: everything is booked */
    uint32_t closed;       /* 1: nobody joins or is admitted: the room is closed */
    uint8_t admission[TKT_ADMISSION_BYTES]; /* ADMITTED: version 1, key number, be64 event, number, issued, expires,
                                               buyer key, HMAC-SHA256 of all before */
    uint8_t spare[6];
} tkt_place;
TKT_API void tkt_place_init(tkt_place *place);

/* Joins, or answers the place that this buyer has already. buyer_key must not be zeros. NOT_FOUND: the event has no waiting
 * room. NOT_ADMITTED: it is closed. Since 0.1. */
TKT_API int32_t tkt_queue_join(tkt_store *store, uint64_t event_id, const uint8_t buyer_key[TKT_BUYER_BYTES], tkt_place *place);
/* Where a buyer stands; tells that he is there, and moves the queue on where that is due. Most polls only read.
 * NOT_FOUND: he did not join. */
TKT_API int32_t tkt_queue_poll(tkt_store *store, uint64_t event_id, const uint8_t buyer_key[TKT_BUYER_BYTES], tkt_place *place);
/* Gives the place up, admitted or not. DONE also when it is over already. NOT_FOUND: he did not join. */
TKT_API int32_t tkt_queue_leave(tkt_store *store, uint64_t event_id, const uint8_t buyer_key[TKT_BUYER_BYTES]);

typedef struct tkt_queue {
    uint32_t size;
    uint32_t mode;
    int64_t opens_ms;
    uint64_t joined;        /* all who ever did */
    uint64_t early;         /* of them, before the start */
    uint64_t passed;        /* places whose turn has come */
    uint64_t admitted;      /* all who ever were */
    uint32_t active;        /* at the counter now */
    uint32_t per_minute;    /* as it is measured; 0: not yet */
    uint32_t seed_known;    /* 1: the start has come, `seed` is it */
    uint32_t reserved;
    uint8_t commitment[32]; /* SHA-256 of the seed */
    uint8_t seed[32];
} tkt_queue;
TKT_API void tkt_queue_init(tkt_queue *queue);
/* NOT_FOUND: the event has no waiting room. */
TKT_API int32_t tkt_queue_view(tkt_snapshot *snapshot, uint64_t event_id, tkt_queue *queue);
/* Its settings. */
TKT_API int32_t tkt_queue_settings_view(tkt_snapshot *snapshot, uint64_t event_id, tkt_queue_settings *settings);

/* The place of the member `number` of `count` that were shuffled by `seed`: a permutation of 0…count−1, made of a Feistel
 * network of 8 rounds with SipHash-2-4 over halves of the next even power of two, walked until it falls inside (Black and
 * Rogaway, "Ciphers with Arbitrary Finite Domains", 2002). -TKT_E_INVALID: number ≥ count. */
TKT_API int32_t tkt_queue_shuffle(const uint8_t seed[32], uint64_t number, uint64_t count, uint64_t *place);

/* Text form of an admission: 164 hex digits, no NUL. -TKT_E_PARSE. */
TKT_API void tkt_admission_format(const uint8_t admission[TKT_ADMISSION_BYTES], char text[TKT_ADMISSION_TEXT]);
TKT_API int32_t tkt_admission_parse(const char *text, size_t len, uint8_t admission[TKT_ADMISSION_BYTES]);

#ifdef __cplusplus
}
#endif
#endif
