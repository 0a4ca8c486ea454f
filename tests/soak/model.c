/* SPDX-License-Identifier: MIT
 *
 * tests/soak/model.c: one event as a sequential machine: seats, the area's counters, holds. It takes the records of
 * the feed one after another, says which of them it does not allow, and what every seat is at any instant between two.
 */
#include "soak.h"

#include "store/store.h"

typedef struct seat {
    uint8_t state; /* TKT_SEAT_… */
    uint32_t claim, expires_s;
} seat;

typedef struct hold {
    uint8_t state; /* TKT_HOLD_…; 0: none yet */
    uint32_t expires_s, quantity;
} hold;

struct model {
    const soak_event *event;
    seat seats[SOAK_SEATS];
    uint32_t sold, held, capacity;
    int64_t now_ms;
    hold *holds; /* [claim] */
    size_t holds_n;
};

model *model_new(const soak_event *event)
{
    model *m = calloc(1, sizeof *m);
    MUST(m != NULL);
    m->event = event;
    m->capacity = SOAK_PLACES;
    return m;
}

void model_free(model *m)
{
    free(m->holds);
    free(m);
}

static hold *hold_of(model *m, uint32_t claim)
{
    if (claim >= m->holds_n) {
        size_t n = 2 * (size_t)claim + 64;
        m->holds = realloc(m->holds, n * sizeof *m->holds);
        MUST(m->holds != NULL);
        memset(m->holds + m->holds_n, 0, (n - m->holds_n) * sizeof *m->holds);
        m->holds_n = n;
    }
    return &m->holds[claim];
}

/* The units of an event rise in the order of its seats. */
static uint32_t index_of(const model *m, uint32_t unit)
{
    uint32_t low = 0, high = SOAK_SEATS;
    while (low + 1 < high) {
        uint32_t mid = (low + high) / 2;
        if (m->event->units[mid] <= unit)
            low = mid;
        else
            high = mid;
    }
    return m->event->units[low] == unit ? low : SOAK_SEATS;
}

static bool taken(const seat *s, int64_t at_ms)
{
    return s->state == TKT_SEAT_RESERVED ? tkt__second_ms(s->expires_s) > at_ms : s->state != TKT_SEAT_AVAILABLE;
}

/* ---- records ------------------------------------------------------------------------------------------------ */

/* A seat goes to a hold when it is nobody's at that instant or that hold's already; back from its own hold only. */
static bool seat_allowed(const seat *s, const feed_row *row)
{
    bool own = s->state != TKT_SEAT_AVAILABLE && s->claim == row->claim;
    if (row->state == TKT_SEAT_AVAILABLE)
        return own;
    if (row->state == TKT_SEAT_RESERVED)
        return own ? s->state == TKT_SEAT_RESERVED : !taken(s, row->now_ms);
    return row->state == TKT_SEAT_BOOKED && (own ? s->state == TKT_SEAT_RESERVED : !taken(s, row->now_ms));
}

static bool take_seats(model *m, const feed_row *row, const uint32_t *units)
{
    bool fine = row->unit_count > 0;
    for (uint32_t i = 0; i < row->unit_count; i++) {
        uint32_t at = index_of(m, units[i]);
        if (at == SOAK_SEATS)
            return false;
        fine = fine && seat_allowed(&m->seats[at], row);
        m->seats[at] = (seat){ row->state, row->claim, row->expires_s };
    }
    return fine;
}

/* From hold to nothing, to a booking, and back: by what the hold has, always the same. */
static bool take_area(model *m, const feed_row *row)
{
    hold *h = hold_of(m, row->claim);
    int64_t sold = (int64_t)row->sold - m->sold, held = (int64_t)row->held - m->held;
    uint32_t q = (uint32_t)(held != 0 ? llabs(held) : llabs(sold));
    bool fine = row->capacity == m->capacity && row->sold <= row->capacity && q != 0 && (h->quantity == 0 || h->quantity == q);
    fine = fine && (sold == 0 || llabs(sold) == q) && (sold == 0 || held == 0 || sold == -held);
    h->quantity = q;
    m->sold = row->sold;
    m->held = row->held;
    return fine;
}

static bool may_follow(uint8_t before, uint8_t after)
{
    switch (before) {
    case 0:
        return after == TKT_HOLD_ACTIVE;
    case TKT_HOLD_ACTIVE:
    case TKT_HOLD_PINNED:
        return true;
    case TKT_HOLD_EXPIRED: /* paid for, and its places were still free */
    case TKT_HOLD_RELEASED:
        return after == TKT_HOLD_CONSUMED;
    default:
        return false;
    }
}

static bool take_hold(model *m, const feed_row *row)
{
    hold *h = hold_of(m, row->claim);
    bool fine = may_follow(h->state, row->state);
    h->state = row->state;
    h->expires_s = row->expires_s;
    return fine;
}

void model_step(model *m, const feed *f, uint64_t seq, uint64_t *wrong)
{
    const feed_row *row = &f->rows[seq - 1];
    bool fine = row->now_ms >= m->now_ms;
    if (row->kind == TKT__F_SEATS)
        fine = take_seats(m, row, f->units + row->first_unit) && fine;
    else if (row->kind == TKT__F_AREA)
        fine = take_area(m, row) && fine;
    else if (row->kind == TKT__F_CLAIM)
        fine = take_hold(m, row) && fine;
    m->now_ms = row->now_ms;
    if (fine)
        return;
    complain("event %llu: record %llu (kind %u, hold %u, state %u) can't be after those before it",
             (unsigned long long)m->event->id, (unsigned long long)seq, row->kind, row->claim, row->state);
    ++*wrong;
}

/* ---- what it shows ---------------------------------------------------------------------------------------------- */

static uint32_t held_at(const model *m, int64_t at_ms)
{
    uint32_t held = 0;
    for (size_t i = 0; i < m->holds_n; i++)
        if ((m->holds[i].state == TKT_HOLD_ACTIVE || m->holds[i].state == TKT_HOLD_PINNED) && m->holds[i].quantity != 0 &&
            tkt__second_ms(m->holds[i].expires_s) > at_ms)
            held += m->holds[i].quantity;
    return held;
}

uint32_t model_quantity(const model *m, uint32_t claim)
{
    return claim < m->holds_n ? m->holds[claim].quantity : 0;
}

/* Whether something that the call asks for was not to be had at that instant. */
bool model_taken(const model *m, const note *asked, int64_t wall_ms)
{
    if (asked->quantity != 0)
        return (uint64_t)m->sold + held_at(m, wall_ms) + asked->quantity > m->capacity;
    for (uint32_t i = 0; i < asked->unit_count; i++)
        if (taken(&m->seats[index_of(m, asked->units[i])], wall_ms))
            return true;
    return false;
}

uint64_t model_hash(const model *m, int64_t now_ms)
{
    uint8_t states[SOAK_SEATS];
    for (uint32_t i = 0; i < SOAK_SEATS; i++)
        states[i] = taken(&m->seats[i], now_ms) ? m->seats[i].state : TKT_SEAT_AVAILABLE;
    return soak_hash(states, SOAK_SEATS, m->sold, held_at(m, now_ms));
}
