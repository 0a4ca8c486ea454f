/* SPDX-License-Identifier: MIT
 *
 * tests/sim/payment_table.c: the transitions of hold, booking, payment and refund, as tables.
 *
 *   news      every order of {approved, approved, declined, refunded, refunded}, cut at each place by the
 *             hold's end (the news after the cut arrive at that very millisecond, or later), while the
 *             places are free, held or booked by another, swept or not: against a model of a few lines
 *   holds     each state of a hold × each thing that can be done to it
 *   bookings  each state of a booking × each thing that can be done to it
 *   refunds   each outcome of a refund × what may come next
 *
 * After each case the recount must be clean. Plain program: it also runs under the thread sanitizer.
 */
#include "world.h"

static world w;
static uint8_t keys_used;

/* ---- requests -------------------------------------------------------------------------------------------- */

static tkt_reserve_request two_seats(uint32_t first)
{
    tkt_reserve_request r;
    tkt_reserve_request_init(&r);
    r.event_id = w.event_id;
    r.units = w.units + first;
    r.unit_count = 2;
    r.key[0] = 1;
    r.key[1] = ++keys_used;
    return r;
}

static tkt_hold reserve(uint32_t first)
{
    tkt_reserve_request r = two_seats(first);
    tkt_hold hold;
    tkt_hold_init(&hold);
    MUST(tkt_reserve(w.stores[0], &r, &hold) == TKT_DONE);
    return hold;
}

static int32_t confirm(const tkt_hold *hold, uint32_t flags, tkt_booking *booking)
{
    tkt_confirm_request r;
    tkt_confirm_request_init(&r);
    memcpy(r.token, hold->token, TKT_TOKEN_BYTES);
    r.flags = flags;
    r.key[0] = 2;
    r.key[1] = ++keys_used;
    tkt_booking_init(booking);
    return tkt_confirm(w.stores[0], &r, booking);
}

static tkt_booking_request on_booking(uint64_t id)
{
    tkt_booking_request r;
    tkt_booking_request_init(&r);
    r.booking_id = id;
    r.key[0] = 3;
    r.key[1] = ++keys_used;
    return r;
}

static int32_t release(const tkt_hold *hold)
{
    tkt_hold_request r;
    tkt_hold_request_init(&r);
    memcpy(r.token, hold->token, TKT_TOKEN_BYTES);
    r.key[0] = 4;
    r.key[1] = ++keys_used;
    return tkt_release(w.stores[0], &r, NULL);
}

static int32_t answer_now; /* what the provider answers to a charge or refund */
static int32_t answer(world *world_, account *a)
{
    if (answer_now == TKT_PAY_APPROVED || answer_now == TKT_PAY_DECLINED)
        world_decide(world_, a, answer_now == TKT_PAY_APPROVED);
    return answer_now;
}

static void begin(const char *name, uint64_t number)
{
    world_open(&w, name, number, NULL);
    w.on_money = answer;
    answer_now = TKT_PAY_APPROVED;
    keys_used = 0;
}

static void end(void)
{
    world_check(&w);
    world_close(&w);
}

static tkt_snapshot *snap;
static tkt_snapshot *look(void)
{
    MUST(tkt_snapshot_begin(w.stores[0], &snap) == TKT_DONE);
    return snap;
}

static tkt_hold see_hold(const tkt_hold *hold)
{
    tkt_hold seen;
    tkt_hold_init(&seen);
    MUST(tkt_hold_view(look(), hold->token, &seen) == TKT_DONE);
    tkt_snapshot_end(snap);
    return seen;
}

static uint8_t seat_state(uint32_t index)
{
    uint8_t map[128];
    size_t needed = 0;
    MUST(tkt_seatmap_copy(look(), w.event_id, map, sizeof map, &needed) == TKT_DONE);
    tkt_snapshot_end(snap);
    return map[w.units[index] - 64];
}

static tkt_intent see_intent(uint64_t id)
{
    tkt_intent seen;
    tkt_intent_init(&seen);
    MUST(tkt_intent_view(look(), id, &seen) == TKT_DONE);
    tkt_snapshot_end(snap);
    return seen;
}

/* ---- the model of news --------------------------------------------------------------------------------------- */

enum { NOBODY, HELD_BY_OTHER, BOOKED_BY_OTHER };

typedef struct model {
    uint32_t intent, booking;
    bool alive;     /* the hold, and its end: */
    int64_t end_ms;
    uint32_t others; /* NOBODY, … : the places, when they are not ours */
} model;

static bool lives(const model *m)
{
    return m->alive && w.now_ms < m->end_ms;
}

static void back_to_buyer(model *m, const tkt_hold *hold)
{
    if (!lives(m))
        return;
    int64_t grace = w.now_ms + TKT_GRACE_MS; /* the pin's cap is never near in this table */
    m->end_ms = hold->expires_ms > grace ? hold->expires_ms : (grace + 999) / 1000 * 1000;
}

static int32_t model_news(model *m, uint32_t news, const tkt_hold *hold)
{
    if (news == TKT_NEWS_APPROVED && m->intent < TKT_INTENT_CAPTURED) {
        m->intent = TKT_INTENT_CAPTURED;
        m->booking = lives(m) || m->others == NOBODY ? TKT_BOOKING_CONFIRMED : TKT_BOOKING_REFUND_DUE;
        if (m->booking == TKT_BOOKING_CONFIRMED)
            m->alive = false;
    } else if (news == TKT_NEWS_DECLINED && m->intent < TKT_INTENT_DECLINED) {
        m->intent = TKT_INTENT_DECLINED;
        m->booking = TKT_BOOKING_FAILED;
        back_to_buyer(m, hold);
    } else if (news == TKT_NEWS_REFUNDED) {
        m->intent = TKT_INTENT_REFUNDED;
        if (m->booking == TKT_BOOKING_AWAITING)
            back_to_buyer(m, hold);
        if (m->booking != TKT_BOOKING_CONFIRMED)
            m->booking = TKT_BOOKING_FAILED;
        return TKT_DONE;
    }
    return m->booking == TKT_BOOKING_CONFIRMED    ? TKT_DONE
           : m->booking == TKT_BOOKING_REFUND_DUE ? TKT_REFUND_DUE
           : m->booking == TKT_BOOKING_AWAITING   ? TKT_PENDING
                                                  : TKT_DECLINED;
}

static void compare(const model *m, const tkt_booking *booking)
{
    tkt_intent intent = see_intent(booking->intent_id);
    tkt_booking seen;
    tkt_booking_init(&seen);
    MUST(tkt_booking_view(look(), booking->id, &seen) == TKT_DONE);
    tkt_snapshot_end(snap);
    MUST(intent.state == m->intent && seen.state == m->booking);
    int64_t captured = m->intent >= TKT_INTENT_CAPTURED ? intent.amount_minor : 0;
    MUST(intent.captured_minor == captured);
    MUST(intent.refunded_minor == (m->intent == TKT_INTENT_REFUNDED ? captured : 0));
    MUST(seen.ticket_count == (m->booking == TKT_BOOKING_CONFIRMED ? 2u : 0u));
    uint8_t want = m->booking == TKT_BOOKING_CONFIRMED || (!lives(m) && m->others == BOOKED_BY_OTHER) ? TKT_SEAT_BOOKED
                   : lives(m) || m->others == HELD_BY_OTHER                                           ? TKT_SEAT_RESERVED
                                                                                                      : TKT_SEAT_AVAILABLE;
    MUST(seat_state(0) == want && seat_state(1) == want);
}

/* ---- news ------------------------------------------------------------------------------------------------------- */

typedef struct news_case {
    uint32_t order[5];
    uint32_t cut;     /* so many arrive before the hold's end */
    int64_t late_ms;  /* the others this long after it */
    uint32_t others;  /* what another does at the cut, where the places are free */
    bool swept;
    int32_t first;    /* what the charge answered */
} news_case;

static void cross(const news_case *c, model *m, const tkt_hold *hold)
{
    tkt_hold seen = see_hold(hold);
    tkt_booking theirs;
    bool live = seen.state == TKT_HOLD_ACTIVE || seen.state == TKT_HOLD_PINNED;
    MUST(live == m->alive && (!live || seen.expires_ms == m->end_ms));
    int64_t at = live ? seen.expires_ms : hold->expires_ms + TKT_PAYMENT_WINDOW_MS;
    world_pass(&w, at - w.now_ms + c->late_ms);
    if (c->swept)
        MUST(tkt_tick(w.stores[1], 100, NULL) == TKT_DONE);
    if (c->others == NOBODY || m->booking == TKT_BOOKING_CONFIRMED)
        return;
    tkt_hold other = reserve(1);
    tkt_hold neighbour = reserve(3); /* not in the way */
    MUST(release(&neighbour) == TKT_DONE && release(&other) == TKT_DONE);
    other = reserve(0);
    if (c->others == BOOKED_BY_OTHER)
        MUST(confirm(&other, TKT_MONEY_TAKEN, &theirs) == TKT_DONE);
    m->others = c->others;
}

static void try_news(const news_case *c, uint64_t number)
{
    tkt_booking booking, told;
    begin("news", number);
    tkt_hold hold = reserve(0);
    answer_now = c->first;
    MUST(confirm(&hold, 0, &booking) == TKT_PENDING);
    model m = { TKT_INTENT_PENDING, TKT_BOOKING_AWAITING, true, see_hold(&hold).expires_ms, NOBODY };
    for (uint32_t i = 0; i <= 5; i++) {
        if (i == c->cut)
            cross(c, &m, &hold);
        if (i == 5)
            break;
        tkt_booking_init(&told);
        int32_t want = model_news(&m, c->order[i], &hold);
        MUST(tkt_resolve_payment(w.stores[i % 2], booking.intent_id, c->order[i], &told) == want);
        MUST(told.id == booking.id && told.state == m.booking);
        MUST(want != TKT_DECLINED || told.hold_expires_ms == (lives(&m) ? m.end_ms : 0));
        compare(&m, &booking);
    }
    end();
}

/* The next order in the sense of a dictionary; false after the last. */
static bool next_order(uint32_t order[5])
{
    int i = 3, j = 4;
    while (i >= 0 && order[i] >= order[i + 1])
        i--;
    if (i < 0)
        return false;
    while (order[j] <= order[i])
        j--;
    uint32_t swap = order[i];
    order[i] = order[j];
    order[j] = swap;
    for (int low = i + 1, high = 4; low < high; low++, high--) {
        swap = order[low];
        order[low] = order[high];
        order[high] = swap;
    }
    return true;
}

static uint64_t all_news(void)
{
    news_case c = { .order = { TKT_NEWS_APPROVED, TKT_NEWS_APPROVED, TKT_NEWS_DECLINED, TKT_NEWS_REFUNDED, TKT_NEWS_REFUNDED } };
    uint64_t cases = 0, orders = 0;
    do {
        orders++;
        for (c.cut = 0; c.cut <= 5; c.cut++)
            for (c.others = NOBODY; c.others <= BOOKED_BY_OTHER; c.others++)
                for (int rest = 0; rest < 8; rest++) {
                    c.late_ms = rest & 1 ? 3600000 : 0;
                    c.swept = (rest & 2) != 0;
                    c.first = rest & 4 ? TKT_PAY_ERROR : TKT_PAY_PENDING;
                    try_news(&c, ++cases);
                }
    } while (next_order(c.order));
    MUST(orders == 30);
    return cases;
}

/* ---- holds -------------------------------------------------------------------------------------------------------- */

enum { ACTIVE, PINNED, CONSUMED, RELEASED, EXPIRED, SWEPT, PIN_OVER, HOLD_STATES };
enum { RELEASE, EXTEND, REPLACE, CHARGE, TAKEN, HOLD_OPS };

static const int32_t hold_table[HOLD_STATES][HOLD_OPS] = {
    [ACTIVE] = { TKT_DONE, TKT_DONE, TKT_DONE, TKT_DONE, TKT_DONE },
    [PINNED] = { TKT_IN_PAYMENT, TKT_IN_PAYMENT, TKT_IN_PAYMENT, TKT_IN_PAYMENT, TKT_IN_PAYMENT },
    [CONSUMED] = { TKT_CONSUMED, TKT_CONSUMED, TKT_CONSUMED, TKT_CONSUMED, TKT_CONSUMED },
    [RELEASED] = { TKT_RELEASED, TKT_RELEASED, TKT_RELEASED, TKT_RELEASED, TKT_DONE },
    [EXPIRED] = { TKT_EXPIRED, TKT_EXPIRED, TKT_EXPIRED, TKT_EXPIRED, TKT_DONE },
    [SWEPT] = { TKT_EXPIRED, TKT_EXPIRED, TKT_EXPIRED, TKT_EXPIRED, TKT_DONE },
    [PIN_OVER] = { TKT_EXPIRED, TKT_EXPIRED, TKT_EXPIRED, TKT_EXPIRED, TKT_DONE },
};

static tkt_hold hold_in(int state)
{
    tkt_booking booking;
    tkt_hold hold = reserve(0);
    if (state == PINNED || state == PIN_OVER)
        answer_now = TKT_PAY_PENDING;
    if (state == PINNED || state == PIN_OVER || state == CONSUMED)
        MUST(confirm(&hold, 0, &booking) == (state == CONSUMED ? TKT_DONE : TKT_PENDING));
    answer_now = TKT_PAY_APPROVED;
    if (state == RELEASED)
        MUST(release(&hold) == TKT_DONE);
    if (state == EXPIRED || state == SWEPT || state == PIN_OVER)
        world_pass(&w, see_hold(&hold).expires_ms - w.now_ms);
    if (state == SWEPT)
        MUST(tkt_tick(w.stores[0], 100, NULL) == TKT_DONE);
    return hold;
}

static int32_t do_to_hold(int op, tkt_hold *hold)
{
    tkt_hold_request on;
    tkt_booking booking;
    tkt_reserve_request other = two_seats(1);
    tkt_hold fresh;
    tkt_hold_init(&fresh);
    tkt_hold_request_init(&on);
    memcpy(on.token, hold->token, TKT_TOKEN_BYTES);
    on.key[0] = 9;
    switch (op) {
    case RELEASE:
        return tkt_release(w.stores[1], &on, NULL);
    case EXTEND:
        return tkt_extend(w.stores[1], &on, NULL);
    case REPLACE:
        return tkt_replace(w.stores[1], hold->token, &other, &fresh);
    default:
        return confirm(hold, op == TAKEN ? TKT_MONEY_TAKEN : 0, &booking);
    }
}

static void all_holds(void)
{
    for (int state = 0; state < HOLD_STATES; state++)
        for (int op = 0; op < HOLD_OPS; op++) {
            begin("holds", (uint64_t)(state * 10 + op));
            tkt_hold hold = hold_in(state);
            uint32_t charges = w.charges;
            int32_t got = do_to_hold(op, &hold);
            if (got != hold_table[state][op]) {
                fprintf(stderr, "hold state %d, op %d: %s\n", state, op, tkt_status_name(got));
                MUST(got == hold_table[state][op]);
            }
            MUST(got == TKT_DONE && op == CHARGE ? w.charges == charges + 1 : w.charges == charges);
            end();
        }
}

/* ---- bookings ------------------------------------------------------------------------------------------------------- */

enum { AWAITING, CONFIRMED, CANCELLED, FAILED, DUE, CONFIRMED_REFUNDED, CANCELLED_REFUNDED, FREE, BOOKING_STATES };
enum { CANCEL, REFUND, APPROVAL, DECLINE, CHARGEBACK, BOOKING_OPS };

static const int32_t booking_table[BOOKING_STATES][BOOKING_OPS] = {
    [AWAITING] = { TKT_IN_PAYMENT, TKT_IN_PAYMENT, TKT_DONE, TKT_DECLINED, TKT_DONE },
    [CONFIRMED] = { TKT_DONE, TKT_DONE, TKT_DONE, TKT_DONE, TKT_DONE },
    [CANCELLED] = { TKT_CANCELLED, TKT_DONE, TKT_CANCELLED, TKT_CANCELLED, TKT_DONE },
    [FAILED] = { TKT_CANCELLED, TKT_NOTHING_DUE, TKT_DONE, TKT_DECLINED, TKT_DONE },
    [DUE] = { TKT_CANCELLED, TKT_DONE, TKT_REFUND_DUE, TKT_REFUND_DUE, TKT_DONE },
    [CONFIRMED_REFUNDED] = { TKT_DONE, TKT_NOTHING_DUE, TKT_DONE, TKT_DONE, TKT_DONE },
    [CANCELLED_REFUNDED] = { TKT_CANCELLED, TKT_NOTHING_DUE, TKT_CANCELLED, TKT_CANCELLED, TKT_DONE },
    [FREE] = { TKT_DONE, TKT_NOTHING_DUE, -TKT_E_INVALID, -TKT_E_INVALID, -TKT_E_INVALID }, /* it has no intent */
};

static tkt_booking booking_in(int state)
{
    tkt_booking booking;
    if (state == FREE)
        MUST(tkt_event_set_price(w.stores[0], w.event_id, TKT_SCOPE_EVENT, 0, 0, "EUR", 0) == TKT_DONE);
    tkt_hold hold = reserve(0);
    if (state == AWAITING || state == DUE)
        answer_now = TKT_PAY_PENDING;
    if (state == FAILED)
        answer_now = TKT_PAY_DECLINED;
    (void)confirm(&hold, 0, &booking);
    answer_now = TKT_PAY_APPROVED;
    if (state == DUE) {
        world_pass(&w, see_hold(&hold).expires_ms - w.now_ms);
        reserve(1);
        MUST(tkt_resolve_payment(w.stores[0], booking.intent_id, TKT_NEWS_APPROVED, NULL) == TKT_REFUND_DUE);
        world_decide(&w, world_charge_of(&w, booking.intent_id), true);
    }
    tkt_booking_request r = on_booking(booking.id);
    if (state == CONFIRMED_REFUNDED || state == CANCELLED_REFUNDED)
        MUST(tkt_refund(w.stores[0], &r, NULL) == TKT_DONE);
    r = on_booking(booking.id);
    if (state == CANCELLED || state == CANCELLED_REFUNDED)
        MUST(tkt_cancel(w.stores[0], &r, NULL) == TKT_DONE);
    return booking;
}

static void all_bookings(void)
{
    static const uint32_t news[] = { 0, 0, TKT_NEWS_APPROVED, TKT_NEWS_DECLINED, TKT_NEWS_REFUNDED };
    for (int state = 0; state < BOOKING_STATES; state++)
        for (int op = 0; op < BOOKING_OPS; op++) {
            begin("bookings", (uint64_t)(state * 10 + op));
            tkt_booking booking = booking_in(state);
            tkt_booking_request r = on_booking(booking.id);
            int32_t got = op == CANCEL   ? tkt_cancel(w.stores[1], &r, NULL)
                          : op == REFUND ? tkt_refund(w.stores[1], &r, NULL)
                                         : tkt_resolve_payment(w.stores[1], booking.intent_id, news[op], NULL);
            if (got != booking_table[state][op]) {
                fprintf(stderr, "booking state %d, op %d: %s\n", state, op, tkt_status_name(got));
                MUST(got == booking_table[state][op]);
            }
            end();
        }
}

/* ---- refunds ---------------------------------------------------------------------------------------------------------- */

enum { SAME_KEY, NEW_KEY, NEWS_REFUNDED, RECOVER_YES, RECOVER_NO, THEN_CANCEL, REFUND_OPS };

static const struct {
    int32_t first;   /* what the provider answers to the refund */
    int32_t answer;  /* what tkt_refund answers then */
    int32_t then[REFUND_OPS];
    bool back[REFUND_OPS]; /* whether the money is back after it */
} refund_table[] = {
    { TKT_PAY_APPROVED, TKT_DONE,
      { TKT_REPLAYED, TKT_NOTHING_DUE, TKT_DONE, TKT_DONE, TKT_DONE, TKT_DONE }, { true, true, true, true, true, true } },
    { TKT_PAY_DECLINED, TKT_REFUND_FAILED,
      { TKT_REFUND_FAILED, TKT_DONE, TKT_DONE, TKT_DONE, TKT_DONE, TKT_DONE }, { false, true, true, false, false, false } },
    { TKT_PAY_PENDING, TKT_PENDING,
      { TKT_PENDING, TKT_IN_PAYMENT, TKT_DONE, TKT_DONE, TKT_DONE, TKT_DONE }, { false, false, true, true, false, false } },
    { TKT_PAY_ERROR, TKT_PENDING,
      { TKT_PENDING, TKT_IN_PAYMENT, TKT_DONE, TKT_DONE, TKT_DONE, TKT_DONE }, { false, false, true, true, false, false } },
};

static int32_t after_refund(int op, const tkt_booking *booking, const tkt_booking_request *first)
{
    tkt_booking_request fresh = on_booking(booking->id);
    account *last = &w.accounts[w.account_n - 1];
    switch (op) {
    case SAME_KEY:
        return tkt_refund(w.stores[1], first, NULL);
    case NEW_KEY:
        return tkt_refund(w.stores[1], &fresh, NULL);
    case NEWS_REFUNDED:
        return tkt_resolve_payment(w.stores[1], booking->intent_id, TKT_NEWS_REFUNDED, NULL);
    case THEN_CANCEL:
        return tkt_cancel(w.stores[1], &fresh, NULL);
    default:
        world_decide(&w, last, op == RECOVER_YES);
        return tkt_recover(w.stores[1], NULL, NULL);
    }
}

static void all_refunds(void)
{
    for (size_t i = 0; i < sizeof refund_table / sizeof refund_table[0]; i++)
        for (int op = 0; op < REFUND_OPS; op++) {
            begin("refunds", i * 10 + (uint64_t)op);
            tkt_booking booking = booking_in(CONFIRMED);
            tkt_booking_request r = on_booking(booking.id);
            answer_now = refund_table[i].first;
            MUST(tkt_refund(w.stores[0], &r, NULL) == refund_table[i].answer);
            answer_now = TKT_PAY_APPROVED;
            int32_t got = after_refund(op, &booking, &r);
            tkt_intent intent = see_intent(booking.intent_id);
            if (got != refund_table[i].then[op] || (intent.refunded_minor == 2 * PRICE) != refund_table[i].back[op]) {
                fprintf(stderr, "refund %zu, op %d: %s, %lld back\n", i, op, tkt_status_name(got),
                        (long long)intent.refunded_minor);
                MUST(!"as the table says");
            }
            MUST(intent.refunded_minor + intent.refunding_minor <= intent.captured_minor);
            end();
        }
}

int main(void)
{
    all_holds();
    all_bookings();
    all_refunds();
    uint64_t cases = all_news();
    printf("%d hold, %d booking, %d refund and %llu news cases\n", HOLD_STATES * HOLD_OPS, BOOKING_STATES * BOOKING_OPS,
           4 * REFUND_OPS, (unsigned long long)cases);
    return 0;
}
