/* SPDX-License-Identifier: MIT
 *
 * tests/sim/judge.c: see judge.h.
 */
#include "judge.h"

#define BOOKINGS_MAX 1000

/* ---- answers ----------------------------------------------------------------------------------------------- */

static int32_t make(world *w, call *c, tkt_store *store, tkt_hold *held, tkt_booking *booked)
{
    (void)w;
    tkt_hold_init(held);
    tkt_booking_init(booked);
    switch (c->op) {
    case RESERVE:
        return tkt_reserve(store, &c->reserve, held);
    case REPLACE:
        return tkt_replace(store, c->hold.token, &c->reserve, held);
    case RELEASE:
        return tkt_release(store, &c->hold, held);
    case EXTEND:
        return tkt_extend(store, &c->hold, held);
    case CONFIRM:
        return tkt_confirm(store, &c->confirm, booked);
    case CANCEL:
        return tkt_cancel(store, &c->booking, booked);
    default:
        return tkt_refund(store, &c->booking, booked);
    }
}

static bool same_hold(tkt_hold a, tkt_hold b)
{
    a.replayed = b.replayed = 0;
    return memcmp(&a, &b, sizeof a) == 0;
}

static bool is_hold_op(call_op op)
{
    return op <= EXTEND;
}

/* A failure tells nothing, but must be of the kind that an engine may cause. */
static void judge_failure(call *c, int32_t status)
{
    int32_t primary = tkt_status_primary(status);
    MUST(primary == TKT_E_UNKNOWN || primary == TKT_E_UNAVAILABLE || primary == TKT_E_BUSY || primary == TKT_E_CONFLICT);
    if (!c->effect)
        c->unknown = true;
}

static void judge_effect(book *b, call *c, int32_t status, const tkt_hold *held, const tkt_booking *booked, bool shared)
{
    bool again = status == TKT_REPLAYED;
    b->replays += again;
    if (c->effect && !shared)
        MUST(again);
    if (is_hold_op(c->op)) {
        MUST(status == TKT_DONE || again);
        MUST((held->replayed != 0) == again);
        MUST(!c->effect || same_hold(*held, c->held)); /* I8 */
        c->held = *held;
    } else {
        MUST(booked->id != 0 && (c->booked.id == 0 || booked->id == c->booked.id));
        MUST(c->booked.first_ticket == 0 || booked->first_ticket == c->booked.first_ticket);
        c->booked = *booked;
    }
    c->effect = true;
}

/* An answer of a call that is open still: its booking, which may come to another end later. */
static void judge_open(call *c, int32_t status, const tkt_booking *booked)
{
    MUST(c->op == CONFIRM || (c->op == REFUND && (status == TKT_PENDING || status == TKT_REFUND_FAILED)));
    MUST(!c->effect || status == TKT_CANCELLED);
    if (status == TKT_PENDING || status == TKT_DECLINED || status == TKT_REFUND_DUE)
        c->booked = *booked;
    c->pending = true;
}

int32_t judge_call(world *w, book *b, call *c, uint32_t store)
{
    tkt_hold held;
    tkt_booking booked;
    bool shared = c->busy; /* two processes make the same call at the same time */
    c->busy = true;
    int32_t status = make(w, c, w->stores[store], &held, &booked);
    shared = shared || !c->busy; /* the other one ended first */
    c->busy = false;
    b->answered[c->op][status < 0 ? 2 : TKT_IS_REFUSAL(status) ? 1 : 0]++;
    if (status < 0) {
        judge_failure(c, status);
        return status;
    }
    MUST(status != TKT_KEY_REUSED);
    c->unknown = false;
    if (status == TKT_DONE || status == TKT_REPLAYED)
        judge_effect(b, c, status, &held, &booked, shared);
    else if (c->effect)
        /* acknowledged: only what happened to the booking since may be told instead */
        MUST(c->op == CONFIRM && (status == TKT_CANCELLED || status == TKT_REFUND_DUE));
    else if (status == TKT_PENDING || status == TKT_DECLINED || status == TKT_REFUND_DUE || status == TKT_REFUND_FAILED)
        judge_open(c, status, &booked);
    return status;
}

/* ---- the state ------------------------------------------------------------------------------------------------ */

typedef struct tally {
    uint8_t state[SEATS];   /* TKT_SEAT_… as its owner says */
    uint32_t owners[SEATS];
    uint64_t held_places, sold_places;
    uint64_t by_buyer[256];
    bool fuzzy;             /* a hold may be there that nobody knows of */
} tally;

static uint32_t seat_of(const world *w, uint32_t unit)
{
    for (uint32_t i = 0; i < SEATS; i++)
        if (w->units[i] == unit)
            return i;
    MUST(!"a unit of the hall");
    return 0;
}

static void own(const world *w, tally *t, uint32_t unit, uint8_t state)
{
    uint32_t seat = seat_of(w, unit);
    t->owners[seat]++;
    t->state[seat] = state;
}

static void count_hold(const world *w, tkt_snapshot *snap, const call *c, tally *t)
{
    tkt_hold hold;
    uint32_t units[UNITS_MOST];
    size_t n = 0;
    tkt_hold_init(&hold);
    MUST(tkt_hold_view(snap, c->held.token, &hold) == TKT_DONE);
    MUST(hold.total_minor == c->held.total_minor && hold.unit_count == c->held.unit_count);
    bool live = hold.state == TKT_HOLD_ACTIVE || hold.state == TKT_HOLD_PINNED;
    if (live)
        MUST(w->now_ms < hold.expires_ms); /* I4 */
    if (hold.state == TKT_HOLD_EXPIRED)
        MUST(w->now_ms >= hold.expires_ms);
    if (!live)
        return;
    MUST(tkt_hold_units(snap, c->held.token, units, UNITS_MOST, &n) == TKT_DONE && n == hold.unit_count);
    for (size_t i = 0; i < n; i++)
        own(w, t, units[i], TKT_SEAT_RESERVED);
    t->held_places += hold.quantity;
    t->by_buyer[c->reserve.buyer_key[0]] += hold.unit_count + hold.quantity;
}

static void count_booking(const world *w, tkt_snapshot *snap, uint64_t id, tally *t, uint32_t claims[CALLS_MAX * 2])
{
    tkt_booking booking;
    tkt_booking_init(&booking);
    MUST(tkt_booking_view(snap, id, &booking) == TKT_DONE);
    bool placed = booking.state == TKT_BOOKING_CONFIRMED || booking.state == TKT_BOOKING_CANCELLED;
    MUST(placed == (booking.ticket_count != 0)); /* I5 */
    MUST(booking.captured_minor >= booking.refunded_minor);
    MUST(booking.state != TKT_BOOKING_FAILED || booking.captured_minor == booking.refunded_minor);
    MUST(booking.claim < CALLS_MAX * 2);
    if (placed)
        MUST(++claims[booking.claim] == 1); /* I3 */
    for (uint32_t i = 0; i < booking.ticket_count; i++) {
        tkt_ticket ticket;
        tkt_ticket_init(&ticket);
        MUST(tkt_ticket_view(snap, booking.first_ticket + i, &ticket) == TKT_DONE);
        MUST((ticket.state == TKT_TICKET_ISSUED) == (booking.state == TKT_BOOKING_CONFIRMED));
        if (ticket.state != TKT_TICKET_ISSUED)
            continue;
        if (ticket.unit != 0)
            own(w, t, ticket.unit, TKT_SEAT_BOOKED);
        else
            t->sold_places++;
        t->by_buyer[booking.buyer_key[0]]++;
    }
}

static void compare_map(const world *w, tkt_snapshot *snap, const tally *t)
{
    uint8_t map[128];
    size_t n = 0;
    tkt_counts counts = TKT_COUNTS_INIT;
    tkt_area area = TKT_AREA_INIT;
    uint64_t seen[4] = { 0 };
    MUST(tkt_seatmap_copy(snap, w->event_id, map, sizeof map, &n) == TKT_DONE);
    for (uint32_t i = 0; i < SEATS; i++) {
        uint8_t state = map[w->units[i] - 64];
        MUST(t->owners[i] <= 1 && state <= TKT_SEAT_BOOKED); /* I2 */
        MUST(state == (t->owners[i] == 1 ? t->state[i] : TKT_SEAT_AVAILABLE) ||
             (t->fuzzy && t->owners[i] == 0 && state == TKT_SEAT_RESERVED));
        seen[state]++;
    }
    MUST(tkt_area_view(snap, w->event_id, 0, &area) == TKT_DONE);
    MUST(area.sold == t->sold_places && (area.held == t->held_places || (t->fuzzy && area.held > t->held_places)));
    MUST(area.sold + area.held <= area.capacity); /* I1 */
    MUST(tkt_counts_view(snap, w->event_id, &counts) == TKT_DONE);
    MUST(counts.booked == seen[TKT_SEAT_BOOKED] + area.sold && counts.reserved == seen[TKT_SEAT_RESERVED] + area.held);
}

void judge_state(world *w, const book *b)
{
    static uint32_t claims[CALLS_MAX * 2];
    static uint64_t ids[BOOKINGS_MAX];
    tally t = { .fuzzy = false };
    tkt_snapshot *snap;
    uint32_t n = 0;
    memset(claims, 0, sizeof claims);
    bool was = hostile_calm(w->db, true);
    MUST(tkt_snapshot_begin(w->stores[0], &snap) == TKT_DONE);
    for (uint32_t i = 0; i < b->n; i++) {
        const call *c = &b->calls[i];
        if (c->op == RESERVE || c->op == REPLACE) {
            t.fuzzy = t.fuzzy || c->unknown;
            if (c->effect)
                count_hold(w, snap, c, &t);
        }
    }
    MUST(tkt_booking_list(snap, TKT_BOOKINGS_OF_EVENT, w->event_id, 0, ids, BOOKINGS_MAX, &n) == TKT_DONE && n < BOOKINGS_MAX);
    for (uint32_t i = 0; i < n; i++)
        count_booking(w, snap, ids[i], &t, claims);
    compare_map(w, snap, &t);
    for (uint32_t i = 0; i < 256 && b->per_buyer != 0; i++)
        MUST(t.by_buyer[i] <= b->per_buyer); /* I11 */
    tkt_snapshot_end(snap);
    hostile_calm(w->db, was);
}

/* ---- the money --------------------------------------------------------------------------------------------------- */

/* What the provider gave back of an intent by refunds that we ordered. */
static int64_t refunds_of(const world *w, uint64_t intent_id)
{
    int64_t back = 0;
    for (uint32_t i = 0; i < w->account_n; i++)
        if (w->accounts[i].intent_id == intent_id && w->accounts[i].refund_number != 0 &&
            w->accounts[i].fate == TKT_PAY_APPROVED)
            back += w->accounts[i].amount_minor;
    return back;
}

static bool listed_as_held(tkt_snapshot *snap, uint64_t intent_id)
{
    uint64_t id = 0;
    uint32_t n = 0;
    MUST(tkt_money_list(snap, TKT_MONEY_HELD, intent_id - 1, &id, 1, &n) == TKT_DONE);
    return n == 1 && id == intent_id;
}

static void judge_intent(world *w, tkt_snapshot *snap, const tkt_booking *booking)
{
    tkt_intent intent;
    const account *charge = world_charge_of(w, booking->intent_id);
    tkt_intent_init(&intent);
    MUST(tkt_intent_view(snap, booking->intent_id, &intent) == TKT_DONE);
    MUST(intent.booking_id == booking->id && intent.refunding_minor == 0);
    int64_t captured = intent.external != 0                                  ? intent.amount_minor
                       : charge != NULL && charge->fate == TKT_PAY_APPROVED ? charge->amount_minor
                                                                            : 0;
    int64_t back = charge != NULL && charge->charged_back ? charge->given_back : refunds_of(w, intent.id);
    MUST(intent.captured_minor == captured && intent.refunded_minor == back);
    MUST(captured == 0 || captured == intent.amount_minor);
    bool placeless = booking->state != TKT_BOOKING_CONFIRMED;
    MUST(listed_as_held(snap, intent.id) == (placeless && captured > back)); /* I6 */
    MUST(booking->state != TKT_BOOKING_AWAITING);
}

void judge_money(world *w)
{
    static uint64_t ids[BOOKINGS_MAX];
    tkt_snapshot *snap;
    uint32_t n = 0, with_charge = 0, charges = 0;
    bool was = hostile_calm(w->db, true);
    MUST(tkt_snapshot_begin(w->stores[1], &snap) == TKT_DONE);
    MUST(tkt_booking_list(snap, TKT_BOOKINGS_OF_EVENT, w->event_id, 0, ids, BOOKINGS_MAX, &n) == TKT_DONE);
    for (uint32_t i = 0; i < n; i++) {
        tkt_booking booking;
        tkt_booking_init(&booking);
        MUST(tkt_booking_view(snap, ids[i], &booking) == TKT_DONE);
        if (booking.intent_id == 0)
            continue;
        judge_intent(w, snap, &booking);
        with_charge += world_charge_of(w, booking.intent_id) != NULL;
    }
    for (uint32_t i = 0; i < w->account_n; i++)
        charges += w->accounts[i].refund_number == 0;
    MUST(charges == with_charge); /* no charge that we know nothing of */
    tkt_snapshot_end(snap);
    hostile_calm(w->db, was);
}
