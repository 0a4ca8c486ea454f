/* SPDX-License-Identifier: MIT
 *
 * booking/ledger.c: the records of bookings, tickets, payment intents and refunds, and their rows that
 * find them. Rows with money are never deleted.
 *
 *   BOOKING event(8) booking(8) → u8 version, u8 state, u64 user, u64 intent, u64 first ticket,
 *           u32 tickets, u32 claim, i64 created, i64 total, currency(3), buyer(16)
 *   TICKET  event(8) ticket(8) → u8 version, u8 state, u64 booking, u32 unit, u32 area,
 *           u32 generation, i64 price, currency(3), code(16)
 *   MONEY   event(8) intent(8) 0u32 → u8 version, u8 state, u64 booking, u64 epoch, u32 claim,
 *           u8 external, u32 refunds, u32 news, i64 created, i64 amount, i64 captured, i64 refunded,
 *           i64 refunding, currency(3)
 *           event(8) intent(8) n(4) → u8 version, u8 state, i64 created, i64 amount
 *   OPEN_MONEY kind(1) intent(8) event(8) → empty: 'd' an unsettled charge, 'h' money for nothing,
 *           'r' an unsettled refund. Exactly those that tkt__intent_open names, so that each question
 *           is one range scan.
 *   LOOKUP  'b' booking, 't' ticket, 'i' intent → event; 'c' code → event, ticket; 'u' user booking → event
 *
 * Identity: captured ≥ refunded + refunding ≥ 0, captured is 0 or the amount. Every save leaves its feed
 * record in the same body.
 */
#include "booking/booking.h"

#define LEDGER_VERSION 1
#define CURRENCY_STORED 3

static void pair_key(uint64_t event_id, uint64_t id, uint8_t key[16])
{
    tkt__be64(key, event_id);
    tkt__be64(key + 8, id);
}

static void get_array(tkt__reader *r, void *out, size_t n)
{
    tkt__slice bytes = tkt__get_bytes(r, n);
    if (bytes.n == n)
        memcpy(out, bytes.p, n);
}

static void get_currency(tkt__reader *r, char currency[TKT_CURRENCY_BYTES])
{
    memset(currency, 0, TKT_CURRENCY_BYTES);
    get_array(r, currency, CURRENCY_STORED);
}

/* DONE when the whole row was read and its state is one of 1…states. */
static int32_t whole(const tkt__reader *r, uint8_t version, uint32_t state, uint32_t states, const char *what, uint64_t id)
{
    if (!r->bad && r->p == r->end && version == LEDGER_VERSION && state >= 1 && state <= states)
        return TKT_DONE;
    return tkt__fail(TKT_E_CORRUPT, "the record of %s %llu is malformed", what, (unsigned long long)id);
}

static int32_t feed_state(tkt__tx *tx, uint64_t event_id, uint8_t kind, uint64_t id, uint32_t state)
{
    uint8_t bytes[9];
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    tkt__put_u64(&w, id);
    tkt__put_u8(&w, (uint8_t)state);
    return tkt__feed_append(tx, tkt__event_guard(event_id), kind, bytes, w.n);
}

/* ---- lookups ------------------------------------------------------------------------------------------ */

static int32_t lookup_insert(tkt__tx *tx, uint8_t kind, const void *id, size_t n, uint64_t event_id, uint64_t more)
{
    uint8_t key[1 + 16], value[16];
    tkt__writer w = tkt__writer_of(value, sizeof value);
    key[0] = kind;
    memcpy(key + 1, id, n);
    tkt__put_u64(&w, event_id);
    if (more != 0)
        tkt__put_u64(&w, more);
    return tkt__tx_insert_new(tx, TKT__T_LOOKUP, tkt__slice_of(key, 1 + n), tkt__slice_of(value, w.n));
}

static int32_t lookup_id(tkt__tx *tx, uint8_t kind, uint64_t id, uint64_t event_id)
{
    uint8_t bytes[8];
    tkt__be64(bytes, id);
    return lookup_insert(tx, kind, bytes, sizeof bytes, event_id, 0);
}

int32_t tkt__event_of(tkt__tx *tx, uint8_t kind, uint64_t id, uint64_t *event_id)
{
    uint8_t key[9];
    tkt__slice value;
    const char *what = kind == TKT__L_BOOKING ? "booking" : kind == TKT__L_TICKET ? "ticket" : "intent";
    int32_t status = tkt__id_check(id, what);
    if (status != TKT_DONE)
        return status;
    key[0] = kind;
    tkt__be64(key + 1, id);
    status = tkt__tx_get(tx, TKT__T_LOOKUP, tkt__slice_of(key, sizeof key), &value);
    if (status == TKT_NOT_FOUND)
        return tkt__refuse_missing(what, id);
    if (status != TKT_DONE)
        return status;
    tkt__reader r = tkt__reader_of(value);
    *event_id = tkt__get_u64(&r);
    return r.bad ? tkt__fail(TKT_E_CORRUPT, "the lookup row of %s %llu is malformed", what, (unsigned long long)id)
                 : TKT_DONE;
}

/* ---- booking ---------------------------------------------------------------------------------------------- */

int32_t tkt__booking_parse(tkt__slice value, uint64_t event_id, uint64_t id, tkt__booking *b)
{
    tkt__reader r = tkt__reader_of(value);
    memset(b, 0, sizeof *b);
    uint8_t version = tkt__get_u8(&r);
    b->id = id;
    b->event_id = event_id;
    b->state = tkt__get_u8(&r);
    b->user_id = tkt__get_u64(&r);
    b->intent_id = tkt__get_u64(&r);
    b->first_ticket = tkt__get_u64(&r);
    b->ticket_count = tkt__get_u32(&r);
    b->claim = tkt__get_u32(&r);
    b->created_ms = tkt__get_i64(&r);
    b->total_minor = tkt__get_i64(&r);
    get_currency(&r, b->currency);
    get_array(&r, b->buyer_key, TKT_BUYER_BYTES);
    return whole(&r, version, b->state, TKT_BOOKING_REFUND_DUE, "booking", id);
}

int32_t tkt__booking_load(tkt__tx *tx, uint64_t event_id, uint64_t id, tkt__booking *booking)
{
    uint8_t key[16];
    tkt__slice value;
    pair_key(event_id, id, key);
    int32_t status = tkt__tx_get(tx, TKT__T_BOOKING, tkt__slice_of(key, sizeof key), &value);
    if (status == TKT_NOT_FOUND)
        return tkt__refuse_missing("booking", id);
    return status == TKT_DONE ? tkt__booking_parse(value, event_id, id, booking) : status;
}

int32_t tkt__booking_save(tkt__tx *tx, const tkt__booking *b)
{
    uint8_t key[16], bytes[128];
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    tkt__put_u8(&w, LEDGER_VERSION);
    tkt__put_u8(&w, (uint8_t)b->state);
    tkt__put_u64(&w, b->user_id);
    tkt__put_u64(&w, b->intent_id);
    tkt__put_u64(&w, b->first_ticket);
    tkt__put_u32(&w, b->ticket_count);
    tkt__put_u32(&w, b->claim);
    tkt__put_i64(&w, b->created_ms);
    tkt__put_i64(&w, b->total_minor);
    tkt__put_bytes(&w, b->currency, CURRENCY_STORED);
    tkt__put_bytes(&w, b->buyer_key, TKT_BUYER_BYTES);
    pair_key(b->event_id, b->id, key);
    int32_t status = tkt__tx_put(tx, TKT__T_BOOKING, tkt__slice_of(key, sizeof key), tkt__slice_of(bytes, w.n));
    return status == TKT_DONE ? feed_state(tx, b->event_id, TKT__F_BOOKING, b->id, b->state) : status;
}

int32_t tkt__booking_announce(tkt__tx *tx, const tkt__booking *b)
{
    uint8_t key[16];
    int32_t status = lookup_id(tx, TKT__L_BOOKING, b->id, b->event_id);
    if (status == TKT_DONE && b->intent_id != 0)
        status = lookup_id(tx, TKT__L_INTENT, b->intent_id, b->event_id);
    if (status != TKT_DONE || b->user_id == 0)
        return status;
    pair_key(b->user_id, b->id, key);
    return lookup_insert(tx, TKT__L_USER_BOOKING, key, sizeof key, b->event_id, 0);
}

/* ---- ticket ------------------------------------------------------------------------------------------------ */

int32_t tkt__ticket_parse(tkt__slice value, uint64_t event_id, uint64_t id, tkt__ticket *t)
{
    tkt__reader r = tkt__reader_of(value);
    memset(t, 0, sizeof *t);
    uint8_t version = tkt__get_u8(&r);
    t->id = id;
    t->event_id = event_id;
    t->state = tkt__get_u8(&r);
    t->booking_id = tkt__get_u64(&r);
    t->unit = tkt__get_u32(&r);
    t->area_id = tkt__get_u32(&r);
    t->generation = tkt__get_u32(&r);
    t->price_minor = tkt__get_i64(&r);
    get_currency(&r, t->currency);
    get_array(&r, t->code, TKT_CODE_BYTES);
    return whole(&r, version, t->state, TKT_TICKET_VOID, "ticket", id);
}

int32_t tkt__ticket_load(tkt__tx *tx, uint64_t event_id, uint64_t id, tkt__ticket *ticket)
{
    uint8_t key[16];
    tkt__slice value;
    pair_key(event_id, id, key);
    int32_t status = tkt__tx_get(tx, TKT__T_TICKET, tkt__slice_of(key, sizeof key), &value);
    if (status == TKT_NOT_FOUND)
        return tkt__refuse_missing("ticket", id);
    return status == TKT_DONE ? tkt__ticket_parse(value, event_id, id, ticket) : status;
}

static int32_t ticket_put(tkt__tx *tx, const tkt__ticket *t)
{
    uint8_t key[16], bytes[64];
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    tkt__put_u8(&w, LEDGER_VERSION);
    tkt__put_u8(&w, (uint8_t)t->state);
    tkt__put_u64(&w, t->booking_id);
    tkt__put_u32(&w, t->unit);
    tkt__put_u32(&w, t->area_id);
    tkt__put_u32(&w, t->generation);
    tkt__put_i64(&w, t->price_minor);
    tkt__put_bytes(&w, t->currency, CURRENCY_STORED);
    tkt__put_bytes(&w, t->code, TKT_CODE_BYTES);
    pair_key(t->event_id, t->id, key);
    return tkt__tx_put(tx, TKT__T_TICKET, tkt__slice_of(key, sizeof key), tkt__slice_of(bytes, w.n));
}

static int32_t feed_tickets(tkt__tx *tx, const tkt__booking *b, uint32_t state)
{
    uint8_t bytes[13];
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    tkt__put_u64(&w, b->first_ticket);
    tkt__put_u32(&w, b->ticket_count);
    tkt__put_u8(&w, (uint8_t)state);
    return tkt__feed_append(tx, tkt__event_guard(b->event_id), TKT__F_TICKET, bytes, w.n);
}

int32_t tkt__tickets_issue(tkt__tx *tx, const tkt__claim *claim, const tkt__booking *b, const uint8_t *codes)
{
    int32_t status = TKT_DONE;
    for (uint32_t i = 0; status == TKT_DONE && i < b->ticket_count; i++) {
        bool seat = i < claim->unit_count;
        tkt__ticket t = {
            .id = b->first_ticket + i,
            .booking_id = b->id,
            .event_id = b->event_id,
            .state = TKT_TICKET_ISSUED,
            .unit = seat ? claim->units[i] : 0,
            .area_id = seat ? 0 : claim->area_id,
            .generation = 1,
            .price_minor = seat ? claim->prices[i] : claim->area_price_minor,
        };
        memcpy(t.currency, claim->currency, TKT_CURRENCY_BYTES);
        memcpy(t.code, codes + (size_t)i * TKT_CODE_BYTES, TKT_CODE_BYTES);
        status = ticket_put(tx, &t);
        if (status == TKT_DONE)
            status = lookup_id(tx, TKT__L_TICKET, t.id, t.event_id);
        if (status == TKT_DONE)
            status = lookup_insert(tx, TKT__L_CODE, t.code, TKT_CODE_BYTES, t.event_id, t.id);
    }
    return status == TKT_DONE ? feed_tickets(tx, b, TKT_TICKET_ISSUED) : status;
}

int32_t tkt__tickets_void(tkt__tx *tx, const tkt__booking *b)
{
    int32_t status = TKT_DONE;
    for (uint32_t i = 0; status == TKT_DONE && i < b->ticket_count; i++) {
        tkt__ticket t;
        status = tkt__ticket_load(tx, b->event_id, b->first_ticket + i, &t);
        t.state = TKT_TICKET_VOID;
        if (status == TKT_DONE)
            status = ticket_put(tx, &t);
    }
    return status == TKT_DONE && b->ticket_count > 0 ? feed_tickets(tx, b, TKT_TICKET_VOID) : status;
}

/* ---- intent --------------------------------------------------------------------------------------------------- */

void tkt__money_key(uint64_t event_id, uint64_t intent_id, uint32_t number, uint8_t key[20])
{
    pair_key(event_id, intent_id, key);
    tkt__be32(key + 16, number);
}

void tkt__open_money_key(uint8_t kind, uint64_t intent_id, uint64_t event_id, uint8_t key[17])
{
    key[0] = kind;
    pair_key(intent_id, event_id, key + 1);
}

int32_t tkt__intent_parse(tkt__slice value, uint64_t event_id, uint64_t id, tkt__intent *in)
{
    tkt__reader r = tkt__reader_of(value);
    memset(in, 0, sizeof *in);
    uint8_t version = tkt__get_u8(&r);
    in->id = id;
    in->event_id = event_id;
    in->state = tkt__get_u8(&r);
    in->booking_id = tkt__get_u64(&r);
    in->epoch = tkt__get_u64(&r);
    in->claim = tkt__get_u32(&r);
    in->external = tkt__get_u8(&r);
    in->refunds = tkt__get_u32(&r);
    in->news = tkt__get_u32(&r);
    in->created_ms = tkt__get_i64(&r);
    in->amount_minor = tkt__get_i64(&r);
    in->captured_minor = tkt__get_i64(&r);
    in->refunded_minor = tkt__get_i64(&r);
    in->refunding_minor = tkt__get_i64(&r);
    get_currency(&r, in->currency);
    return whole(&r, version, in->state, TKT_INTENT_REFUNDED, "intent", id);
}

int32_t tkt__intent_load(tkt__tx *tx, uint64_t event_id, uint64_t id, tkt__intent *intent)
{
    uint8_t key[20];
    tkt__slice value;
    tkt__money_key(event_id, id, 0, key);
    int32_t status = tkt__tx_get(tx, TKT__T_MONEY, tkt__slice_of(key, sizeof key), &value);
    if (status == TKT_NOT_FOUND)
        return tkt__refuse_missing("intent", id);
    return status == TKT_DONE ? tkt__intent_parse(value, event_id, id, intent) : status;
}

bool tkt__intent_open(const tkt__intent *in, uint32_t booking_state, uint8_t kind)
{
    bool placeless = booking_state == TKT_BOOKING_CANCELLED || booking_state == TKT_BOOKING_REFUND_DUE ||
                     booking_state == TKT_BOOKING_FAILED;
    if (kind == TKT__M_DOUBT)
        return in->state == TKT_INTENT_PENDING;
    if (kind == TKT__M_REFUND)
        return in->refunding_minor > 0;
    return placeless && in->captured_minor > in->refunded_minor + in->refunding_minor;
}

static int32_t open_rows(tkt__tx *tx, const tkt__intent *in, uint32_t booking_state)
{
    static const uint8_t kinds[] = { TKT__M_DOUBT, TKT__M_HELD, TKT__M_REFUND };
    int32_t status = TKT_DONE;
    for (size_t i = 0; status == TKT_DONE && i < sizeof kinds; i++) {
        uint8_t key[17];
        tkt__slice had;
        bool want = tkt__intent_open(in, booking_state, kinds[i]);
        tkt__open_money_key(kinds[i], in->id, in->event_id, key);
        status = tkt__tx_get(tx, TKT__T_OPEN_MONEY, tkt__slice_of(key, sizeof key), &had);
        if (status == TKT_NOT_FOUND)
            status = want ? tkt__tx_put(tx, TKT__T_OPEN_MONEY, tkt__slice_of(key, sizeof key), tkt__slice_of(NULL, 0))
                          : TKT_DONE;
        else if (status == TKT_DONE && !want)
            status = tkt__tx_del(tx, TKT__T_OPEN_MONEY, tkt__slice_of(key, sizeof key));
    }
    return status;
}

int32_t tkt__intent_save(tkt__tx *tx, const tkt__intent *in, uint32_t booking_state)
{
    uint8_t key[20], bytes[128];
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    tkt__put_u8(&w, LEDGER_VERSION);
    tkt__put_u8(&w, (uint8_t)in->state);
    tkt__put_u64(&w, in->booking_id);
    tkt__put_u64(&w, in->epoch);
    tkt__put_u32(&w, in->claim);
    tkt__put_u8(&w, (uint8_t)in->external);
    tkt__put_u32(&w, in->refunds);
    tkt__put_u32(&w, in->news);
    tkt__put_i64(&w, in->created_ms);
    tkt__put_i64(&w, in->amount_minor);
    tkt__put_i64(&w, in->captured_minor);
    tkt__put_i64(&w, in->refunded_minor);
    tkt__put_i64(&w, in->refunding_minor);
    tkt__put_bytes(&w, in->currency, CURRENCY_STORED);
    tkt__money_key(in->event_id, in->id, 0, key);
    int32_t status = tkt__tx_put(tx, TKT__T_MONEY, tkt__slice_of(key, sizeof key), tkt__slice_of(bytes, w.n));
    if (status == TKT_DONE)
        status = open_rows(tx, in, booking_state);
    return status == TKT_DONE ? feed_state(tx, in->event_id, TKT__F_INTENT, in->id, in->state) : status;
}

/* ---- refund ------------------------------------------------------------------------------------------------------ */

int32_t tkt__refund_load(tkt__tx *tx, uint64_t event_id, uint64_t intent_id, uint32_t number, tkt__refund *refund)
{
    uint8_t key[20];
    tkt__slice value;
    tkt__money_key(event_id, intent_id, number, key);
    int32_t status = tkt__tx_get(tx, TKT__T_MONEY, tkt__slice_of(key, sizeof key), &value);
    if (status == TKT_NOT_FOUND)
        return tkt__fail(TKT_E_CORRUPT, "refund %u of intent %llu is missing", number, (unsigned long long)intent_id);
    if (status != TKT_DONE)
        return status;
    tkt__reader r = tkt__reader_of(value);
    memset(refund, 0, sizeof *refund);
    uint8_t version = tkt__get_u8(&r);
    refund->event_id = event_id;
    refund->intent_id = intent_id;
    refund->number = number;
    refund->state = tkt__get_u8(&r);
    refund->created_ms = tkt__get_i64(&r);
    refund->amount_minor = tkt__get_i64(&r);
    return whole(&r, version, refund->state, TKT__REFUND_DONE, "a refund of intent", intent_id);
}

int32_t tkt__refund_save(tkt__tx *tx, const tkt__refund *refund)
{
    uint8_t key[20], bytes[32], fed[13];
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes), f = tkt__writer_of(fed, sizeof fed);
    tkt__put_u8(&w, LEDGER_VERSION);
    tkt__put_u8(&w, (uint8_t)refund->state);
    tkt__put_i64(&w, refund->created_ms);
    tkt__put_i64(&w, refund->amount_minor);
    tkt__put_u64(&f, refund->intent_id);
    tkt__put_u32(&f, refund->number);
    tkt__put_u8(&f, (uint8_t)refund->state);
    tkt__money_key(refund->event_id, refund->intent_id, refund->number, key);
    int32_t status = tkt__tx_put(tx, TKT__T_MONEY, tkt__slice_of(key, sizeof key), tkt__slice_of(bytes, w.n));
    return status == TKT_DONE ? tkt__feed_append(tx, tkt__event_guard(refund->event_id), TKT__F_REFUND, fed, f.n)
                              : status;
}
