/* SPDX-License-Identifier: MIT
 *
 * tests/sim/judge.h: the calls that a simulation made, with what was answered; and the judge, who looks
 * at the stores and at the provider's books and compares.
 *
 * Invariants (by their numbers in the domain study): I1 never more sold and held than there is; I2 a seat
 * has one owner; I3 a hold is resolved once; I4 over at its very millisecond, swept or not; I5 a booking
 * is confirmed with all its places or not; I6 no money without a record; I7 one feed record a change,
 * no gaps (by tkt_check); I8 a replay answers the same; and I11: what a buyer may have.
 */
#ifndef TKT_TEST_JUDGE_H
#define TKT_TEST_JUDGE_H

#include "world.h"

#define CALLS_MAX 256
#define UNITS_MOST 3

typedef enum call_op { RESERVE, REPLACE, RELEASE, EXTEND, CONFIRM, CANCEL, REFUND, CALL_OPS } call_op;

typedef struct call {
    call_op op;
    bool busy;      /* under way right now: a rival may make it as well */
    bool effect;    /* an effect was acknowledged */
    bool pending;   /* the last that was told: PENDING or DECLINED, which may still change */
    bool unknown;   /* the last answer was a failure: it may have happened */
    uint32_t units[UNITS_MOST];
    tkt_reserve_request reserve; /* RESERVE and REPLACE */
    tkt_hold_request hold;       /* RELEASE, EXTEND; REPLACE: the token */
    tkt_confirm_request confirm;
    tkt_booking_request booking;
    tkt_hold held;               /* what was answered */
    tkt_booking booked;
} call;

typedef struct book { /* all calls of one run */
    call calls[CALLS_MAX];
    uint32_t n;
    uint32_t per_buyer; /* limit of the event; 0: none */
    uint64_t answered[CALL_OPS][3]; /* effects, refusals, failures */
    uint64_t replays;
} book;

/* Makes a call, for the first time or again, and compares the answer with those before. */
int32_t judge_call(world *w, book *b, call *c, uint32_t store);
/* Looks at everything; nothing may be under way. */
void judge_state(world *w, const book *b);
/* At the end, when the provider has told all it knows: its books and ours are the same. */
void judge_money(world *w);

#endif
