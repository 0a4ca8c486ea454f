/* SPDX-License-Identifier: MIT
 *
 * booking/check_ledger.c: bookings against claims, tickets, intents and refunds; lookup rows and
 * open-money rows both ways; the identities of money. Reads one snapshot, keeps nothing.
 */
#include "booking/booking.h"

typedef struct check_ctx {
    tkt__tx *tx;
    tkt__problems *problems;
    uint64_t next[TKT__ID_KINDS]; /* the first id never leased */
} check_ctx;

#define ID(x) ((unsigned long long)(x))

/* DONE goes on; a refusal (something is missing) or an unreadable record is a problem. */
static int32_t found(check_ctx *c, int32_t status, const char *rule, const char *what, uint64_t id)
{
    if (status == TKT_DONE)
        return TKT_DONE;
    if (!TKT_IS_REFUSAL(status) && tkt_status_primary(status) != TKT_E_CORRUPT)
        return status;
    return tkt__problem(c->problems, rule, "%s %llu: %s", what, ID(id), tkt_error_text());
}

static int32_t leased(check_ctx *c, uint32_t kind, const char *what, uint64_t id)
{
    if (id >= 1 && id < c->next[kind])
        return TKT_DONE;
    return tkt__problem(c->problems, "id", "%s %llu was never given out", what, ID(id));
}

/* The lookup row kind ‖ id names this event. */
static int32_t looked_up(check_ctx *c, uint8_t kind, const char *what, uint64_t id, uint64_t event_id)
{
    uint64_t event = 0;
    int32_t status = tkt__event_of(c->tx, kind, id, &event);
    if (status == TKT_DONE && event == event_id)
        return TKT_DONE;
    if (status < 0 && tkt_status_primary(status) != TKT_E_CORRUPT)
        return status;
    return tkt__problem(c->problems, "lookup", "%s %llu of event %llu is not found by its id", what, ID(id),
                        ID(event_id));
}

static int32_t get(check_ctx *c, uint8_t table, const uint8_t *key, size_t n, tkt__slice *value, bool *there)
{
    int32_t status = tkt__tx_get(c->tx, table, tkt__slice_of(key, n), value);
    *there = status == TKT_DONE;
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

/* ---- bookings -------------------------------------------------------------------------------------------- */

static int32_t booking_tickets(check_ctx *c, const tkt__booking *b)
{
    int64_t sum = 0;
    bool wrong = false;
    uint32_t want = b->state == TKT_BOOKING_CONFIRMED ? TKT_TICKET_ISSUED : TKT_TICKET_VOID;
    for (uint32_t i = 0; i < b->ticket_count; i++) {
        tkt__ticket t;
        int32_t status = tkt__ticket_load(c->tx, b->event_id, b->first_ticket + i, &t);
        if (status != TKT_DONE)
            return found(c, status, "booking-ticket", "booking", b->id);
        wrong = wrong || t.state != want || t.booking_id != b->id;
        sum += t.price_minor;
    }
    bool placed = b->state == TKT_BOOKING_CONFIRMED || b->state == TKT_BOOKING_CANCELLED;
    if (wrong || placed != (b->ticket_count > 0) || (placed && sum != b->total_minor))
        return tkt__problem(c->problems, "booking-ticket", "booking %llu: its tickets do not fit it", ID(b->id));
    return TKT_DONE;
}

static int32_t booking_claim(check_ctx *c, const tkt__booking *b)
{
    tkt__claim claim;
    int32_t status = tkt__claim_load(c->tx, b->event_id, b->claim, &claim);
    if (status == TKT_NOT_FOUND)
        return tkt__problem(c->problems, "booking-claim", "booking %llu: claim %u is missing", ID(b->id), b->claim);
    if (status != TKT_DONE)
        return found(c, status, "booking-claim", "booking", b->id);
    bool placed = b->state == TKT_BOOKING_CONFIRMED || b->state == TKT_BOOKING_CANCELLED;
    bool its = claim.state == TKT_HOLD_CONSUMED && claim.booking_id == b->id;
    if (placed != its || claim.total_minor != b->total_minor ||
        (placed && b->ticket_count != tkt__claim_places(&claim)))
        return tkt__problem(c->problems, "booking-claim", "booking %llu and claim %u disagree", ID(b->id), b->claim);
    return TKT_DONE;
}

static int32_t booking_money(check_ctx *c, const tkt__booking *b)
{
    tkt__intent in;
    if (b->intent_id == 0) {
        if (b->total_minor == 0)
            return TKT_DONE;
        return tkt__problem(c->problems, "booking-money", "booking %llu was never paid for", ID(b->id));
    }
    int32_t status = tkt__intent_load(c->tx, b->event_id, b->intent_id, &in);
    if (status != TKT_DONE)
        return found(c, status, "booking-money", "booking", b->id);
    bool captured = in.state == TKT_INTENT_CAPTURED || in.state == TKT_INTENT_REFUNDED;
    bool right = in.booking_id == b->id && in.amount_minor == b->total_minor;
    if (b->state == TKT_BOOKING_AWAITING)
        right = right && in.state == TKT_INTENT_PENDING;
    else if (b->state == TKT_BOOKING_FAILED)
        right = right && (in.state == TKT_INTENT_DECLINED || in.state == TKT_INTENT_REFUNDED);
    else
        right = right && captured;
    if (right)
        return TKT_DONE;
    return tkt__problem(c->problems, "booking-money", "booking %llu in state %u has intent %llu in state %u", ID(b->id),
                        b->state, ID(in.id), in.state);
}

static int32_t booking_row(void *user, tkt__slice key, tkt__slice value)
{
    check_ctx *c = user;
    tkt__booking b;
    uint8_t by_user[17];
    tkt__slice unused;
    bool there = true;
    if (key.n != 16)
        return tkt__problem(c->problems, "booking-row", "a booking key of %zu bytes", key.n);
    int32_t status = tkt__booking_parse(value, tkt__get_be64(key.p), tkt__get_be64(key.p + 8), &b);
    if (status != TKT_DONE)
        return found(c, status, "booking-row", "booking", tkt__get_be64(key.p + 8));
    status = leased(c, TKT__ID_BOOKING, "booking", b.id);
    if (status == TKT_DONE)
        status = looked_up(c, TKT__L_BOOKING, "booking", b.id, b.event_id);
    by_user[0] = TKT__L_USER_BOOKING;
    tkt__be64(by_user + 1, b.user_id);
    tkt__be64(by_user + 9, b.id);
    if (status == TKT_DONE && b.user_id != 0)
        status = get(c, TKT__T_LOOKUP, by_user, sizeof by_user, &unused, &there);
    if (status == TKT_DONE && !there)
        status = tkt__problem(c->problems, "lookup", "booking %llu is not listed for user %llu", ID(b.id), ID(b.user_id));
    if (status == TKT_DONE)
        status = booking_claim(c, &b);
    if (status == TKT_DONE)
        status = booking_tickets(c, &b);
    return status == TKT_DONE ? booking_money(c, &b) : status;
}

/* ---- tickets ------------------------------------------------------------------------------------------------ */

static int32_t ticket_row(void *user, tkt__slice key, tkt__slice value)
{
    check_ctx *c = user;
    tkt__ticket t;
    tkt__booking b;
    uint8_t code[1 + TKT_CODE_BYTES];
    tkt__slice row;
    bool there;
    if (key.n != 16)
        return tkt__problem(c->problems, "ticket-row", "a ticket key of %zu bytes", key.n);
    int32_t status = tkt__ticket_parse(value, tkt__get_be64(key.p), tkt__get_be64(key.p + 8), &t);
    if (status == TKT_DONE)
        status = tkt__booking_load(c->tx, t.event_id, t.booking_id, &b);
    if (status != TKT_DONE)
        return found(c, status, "ticket-row", "ticket", tkt__get_be64(key.p + 8));
    if (t.id < b.first_ticket || t.id - b.first_ticket >= b.ticket_count)
        status = tkt__problem(c->problems, "ticket-booking", "ticket %llu is not one of booking %llu", ID(t.id), ID(b.id));
    if (status == TKT_DONE)
        status = leased(c, TKT__ID_TICKET, "ticket", t.id);
    if (status == TKT_DONE)
        status = looked_up(c, TKT__L_TICKET, "ticket", t.id, t.event_id);
    code[0] = TKT__L_CODE;
    memcpy(code + 1, t.code, TKT_CODE_BYTES);
    if (status == TKT_DONE)
        status = get(c, TKT__T_LOOKUP, code, sizeof code, &row, &there);
    if (status != TKT_DONE)
        return status;
    tkt__reader r = tkt__reader_of(row);
    if (there && tkt__get_u64(&r) == t.event_id && tkt__get_u64(&r) == t.id && !r.bad)
        return TKT_DONE;
    return tkt__problem(c->problems, "lookup", "ticket %llu is not found by its code", ID(t.id));
}

/* ---- money ---------------------------------------------------------------------------------------------------- */

static int32_t refund_sums(check_ctx *c, const tkt__intent *in, int64_t *pending, int64_t *done)
{
    *pending = *done = 0;
    for (uint32_t n = 1; n <= in->refunds; n++) {
        tkt__refund refund;
        int32_t status = tkt__refund_load(c->tx, in->event_id, in->id, n, &refund);
        if (status != TKT_DONE)
            return status;
        *pending += refund.state == TKT__REFUND_PENDING ? refund.amount_minor : 0;
        *done += refund.state == TKT__REFUND_DONE ? refund.amount_minor : 0;
    }
    return TKT_DONE;
}

static int32_t open_rows(check_ctx *c, const tkt__intent *in, uint32_t booking_state)
{
    static const uint8_t kinds[] = { TKT__M_DOUBT, TKT__M_HELD, TKT__M_REFUND };
    int32_t status = TKT_DONE;
    for (size_t i = 0; status == TKT_DONE && i < sizeof kinds; i++) {
        uint8_t key[17];
        tkt__slice unused;
        bool there;
        tkt__open_money_key(kinds[i], in->id, in->event_id, key);
        status = get(c, TKT__T_OPEN_MONEY, key, sizeof key, &unused, &there);
        if (status == TKT_DONE && there != tkt__intent_open(in, booking_state, kinds[i]))
            status = tkt__problem(c->problems, "open-money", "intent %llu is %slisted as '%c'", ID(in->id),
                                  there ? "" : "not ", kinds[i]);
    }
    return status;
}

static int32_t intent_row(check_ctx *c, uint64_t event_id, uint64_t id, tkt__slice value)
{
    tkt__intent in;
    tkt__booking b;
    int64_t pending, done;
    int32_t status = tkt__intent_parse(value, event_id, id, &in);
    if (status == TKT_DONE)
        status = tkt__booking_load(c->tx, event_id, in.booking_id, &b);
    if (status == TKT_DONE)
        status = refund_sums(c, &in, &pending, &done);
    if (status != TKT_DONE)
        return found(c, status, "intent-row", "intent", id);
    bool captured = in.state >= TKT_INTENT_CAPTURED;
    bool right = b.intent_id == id && in.amount_minor > 0 && in.captured_minor == (captured ? in.amount_minor : 0) &&
                 in.refunded_minor >= 0 && in.refunding_minor == pending && done <= in.refunded_minor &&
                 in.captured_minor >= in.refunded_minor + in.refunding_minor &&
                 (in.state == TKT_INTENT_REFUNDED) == (captured && in.refunded_minor == in.captured_minor);
    if (!right)
        status = tkt__problem(c->problems, "money-identity", "intent %llu: amount %lld captured %lld refunded %lld refunding %lld",
                              ID(id), (long long)in.amount_minor, (long long)in.captured_minor,
                              (long long)in.refunded_minor, (long long)in.refunding_minor);
    if (status == TKT_DONE)
        status = leased(c, TKT__ID_INTENT, "intent", id);
    if (status == TKT_DONE)
        status = looked_up(c, TKT__L_INTENT, "intent", id, event_id);
    return status == TKT_DONE ? open_rows(c, &in, b.state) : status;
}

static int32_t money_row(void *user, tkt__slice key, tkt__slice value)
{
    check_ctx *c = user;
    tkt__intent in;
    if (key.n != 20)
        return tkt__problem(c->problems, "money-row", "a money key of %zu bytes", key.n);
    uint64_t event_id = tkt__get_be64(key.p), id = tkt__get_be64(key.p + 8);
    uint32_t number = tkt__get_be32(key.p + 16);
    if (number == 0)
        return intent_row(c, event_id, id, value);
    int32_t status = tkt__intent_load(c->tx, event_id, id, &in);
    if (status == TKT_DONE && number > in.refunds)
        return tkt__problem(c->problems, "money-row", "intent %llu has an uncounted refund %u", ID(id), number);
    return found(c, status, "money-row", "intent", id);
}

static int32_t open_row(void *user, tkt__slice key, tkt__slice value)
{
    check_ctx *c = user;
    tkt__intent in;
    (void)value;
    if (key.n != 17)
        return tkt__problem(c->problems, "open-money", "an open-money key of %zu bytes", key.n);
    uint64_t id = tkt__get_be64(key.p + 1);
    /* intent_row compares the rows of every intent; here only that there is one. */
    return found(c, tkt__intent_load(c->tx, tkt__get_be64(key.p + 9), id, &in), "open-money", "intent", id);
}

/* ---- lookup rows ------------------------------------------------------------------------------------------------ */

static int32_t lookup_row(void *user, tkt__slice key, tkt__slice value)
{
    check_ctx *c = user;
    tkt__reader r = tkt__reader_of(value);
    tkt__booking b;
    tkt__ticket t;
    tkt__intent in;
    uint64_t event_id = tkt__get_u64(&r);
    uint8_t kind = key.p[0];
    uint64_t id = key.n >= 9 ? tkt__get_be64(key.p + 1) : 0;
    if (kind == TKT__L_USER_NAME)
        return TKT_DONE; /* the catalogue's */
    if (key.n < 9 || r.bad)
        return tkt__problem(c->problems, "lookup", "a lookup row of %zu + %zu bytes", key.n, value.n);
    switch (kind) {
    case TKT__L_BOOKING:
        return found(c, tkt__booking_load(c->tx, event_id, id, &b), "lookup", "booking", id);
    case TKT__L_TICKET:
        return found(c, tkt__ticket_load(c->tx, event_id, id, &t), "lookup", "ticket", id);
    case TKT__L_INTENT:
        return found(c, tkt__intent_load(c->tx, event_id, id, &in), "lookup", "intent", id);
    case TKT__L_CODE:
        id = tkt__get_u64(&r);
        return found(c, tkt__ticket_load(c->tx, event_id, id, &t), "lookup", "ticket", id);
    case TKT__L_USER_BOOKING:
        id = key.n == 17 ? tkt__get_be64(key.p + 9) : 0;
        return found(c, tkt__booking_load(c->tx, event_id, id, &b), "lookup", "booking", id);
    default:
        return tkt__problem(c->problems, "lookup", "a lookup row of kind %u", kind);
    }
}

static int32_t read_counters(check_ctx *c)
{
    static const uint32_t kinds[] = { TKT__ID_BOOKING, TKT__ID_TICKET, TKT__ID_INTENT };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        uint8_t key[8];
        tkt__slice value = { NULL, 0 }; /* where there is none */
        bool there;
        tkt__be64(key, kinds[i]);
        int32_t status = get(c, TKT__T_COUNTER, key, sizeof key, &value, &there);
        if (status != TKT_DONE)
            return status;
        tkt__reader r = tkt__reader_of(value);
        c->next[kinds[i]] = there ? tkt__get_u64(&r) : 1;
    }
    return TKT_DONE;
}

int32_t tkt__check_ledger(tkt_store *store, tkt__tx *tx, tkt__problems *problems)
{
    static const struct {
        uint8_t table;
        tkt__scan_fn fn;
    } walks[] = {
        { TKT__T_BOOKING, booking_row }, { TKT__T_TICKET, ticket_row },   { TKT__T_MONEY, money_row },
        { TKT__T_OPEN_MONEY, open_row }, { TKT__T_LOOKUP, lookup_row },
    };
    check_ctx c = { .tx = tx, .problems = problems };
    (void)store;
    int32_t status = read_counters(&c);
    for (size_t i = 0; status == TKT_DONE && i < sizeof walks / sizeof walks[0]; i++)
        status = tkt__scan(tx, walks[i].table, tkt__slice_of(NULL, 0), walks[i].fn, &c);
    return status;
}
