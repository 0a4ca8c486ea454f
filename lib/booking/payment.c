/* SPDX-License-Identifier: MIT
 *
 * booking/payment.c: the host's payment table, what it tells at once or later.
 *
 * An intent only moves forward: PENDING < DECLINED < CAPTURED < REFUNDED. News of a lower rank are kept
 * as evidence (its news bits) and change nothing else, so order and repetition of news do not matter.
 * No callback runs inside a transaction. A crash between a callback and the commit that records it
 * leaves the intent PENDING: tkt_recover, a replay or news settle it.
 */
#include "booking/booking.h"

void tkt_payment_init(tkt_payment *payment)
{
    if (payment != NULL)
        *payment = (tkt_payment)TKT_PAYMENT_INIT;
}

/* ---- the table ------------------------------------------------------------------------------------------ */

const tkt_payment *tkt__payment_of(const tkt_store *store)
{
    return store->payment;
}

void tkt__payment_closing(tkt_store *store)
{
    tkt__free(&store->hooks, store->payment, sizeof(tkt_payment));
    store->payment = NULL;
}

int32_t tkt_store_set_payment(tkt_store *store, const tkt_payment *payment)
{
    tkt_payment in;
    if (store == NULL)
        return tkt__fail(TKT_E_INVALID, "store is NULL");
    int32_t status = tkt__kv_here(store->kv);
    if (status != TKT_DONE)
        return status;
    if (payment == NULL) {
        tkt__payment_closing(store);
        return TKT_DONE;
    }
    status = tkt__struct_in(&in, sizeof in, payment, sizeof in, "tkt_payment");
    if (status != TKT_DONE)
        return status;
    if (in.reserved != 0)
        return tkt__fail(TKT_E_INVALID, "tkt_payment: reserved must be 0");
    if (in.window_ms < 0 || in.window_ms > TKT_LIFE_MAX_MS || in.pin_cap_ms < 0 || in.pin_cap_ms > TKT_LIFE_MAX_MS)
        return tkt__fail(TKT_E_INVALID, "window_ms and pin_cap_ms must be 0 (the default) or 1 ms to 30 days");
    if (store->payment == NULL)
        store->payment = tkt__alloc(&store->hooks, sizeof in);
    if (store->payment == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for the payment table");
    memcpy(store->payment, &in, sizeof in);
    return TKT_DONE;
}

void tkt__provider_key(const tkt_store *store, uint64_t epoch, uint64_t intent_id, uint32_t number,
                       uint8_t key[TKT_KEY_BYTES])
{
    uint8_t bytes[8 + TKT_SALT_BYTES + 8 + 4];
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    tkt__put_u64(&w, epoch);
    tkt__put_bytes(&w, store->salt, TKT_SALT_BYTES);
    tkt__put_u64(&w, intent_id);
    tkt__put_u32(&w, number);
    tkt__fingerprint(bytes, w.n, key);
}

int32_t tkt__payment_call(const tkt_store *store, tkt_pay_fn fn, const tkt__intent *intent, uint32_t refund,
                          int64_t amount_minor, tkt_text details)
{
    const tkt_payment *table = store->payment;
    /* Looked at before it is asked: an order that arrives in between is known, one that is on its way after it too. */
    bool under_way = fn == table->status && tkt__flight_under_way(store, tkt__flight_of(intent->id, refund));
    tkt_charge charge = {
        .size = sizeof charge,
        .intent_id = intent->id,
        .booking_id = intent->booking_id,
        .event_id = intent->event_id,
        .amount_minor = amount_minor,
        .refund_number = refund,
        .details = details,
    };
    memcpy(charge.currency, intent->currency, TKT_CURRENCY_BYTES);
    tkt__provider_key(store, intent->epoch, intent->id, refund, charge.provider_key);
    int32_t told = fn(table->user, &charge);
    bool known = told >= TKT_PAY_APPROVED && told <= TKT_PAY_PENDING;
    if (told == TKT_PAY_UNKNOWN && under_way)
        return TKT_PAY_PENDING;
    return known || (told == TKT_PAY_UNKNOWN && fn == table->status) ? told : TKT_PAY_ERROR;
}

/* ---- news ------------------------------------------------------------------------------------------------------ */

typedef struct news_ctx {
    tkt_store *store;
    uint64_t event_id, intent_id;
    uint32_t news;
    tkt__supply supply;
    int64_t hold_expires_ms;
    tkt__claim claim;
    tkt__booking booking;
    tkt__intent intent;
} news_ctx;

static int32_t load_all(tkt__tx *tx, news_ctx *c)
{
    int32_t status = tkt__intent_load(tx, c->event_id, c->intent_id, &c->intent);
    if (status == TKT_DONE)
        status = tkt__booking_load(tx, c->event_id, c->intent.booking_id, &c->booking);
    if (status == TKT_DONE)
        status = tkt__claim_load(tx, c->event_id, c->intent.claim, &c->claim);
    return status;
}

static int32_t outcome(tkt__tx *tx, news_ctx *c)
{
    c->hold_expires_ms = 0;
    if (tkt__claim_state_at(&c->claim, tkt__tx_now(tx)) == TKT_HOLD_ACTIVE)
        c->hold_expires_ms = tkt__second_ms(c->claim.expires_s);
    return tkt__booking_outcome(&c->booking, c->hold_expires_ms);
}

/* No tickets will come of this attempt: the booking fails, a hold that it pinned is given its grace. */
static int32_t give_up(tkt__tx *tx, news_ctx *c)
{
    if (c->booking.state != TKT_BOOKING_AWAITING)
        return TKT_DONE;
    c->booking.state = TKT_BOOKING_FAILED;
    int32_t status = tkt__booking_save(tx, &c->booking);
    return status == TKT_DONE ? tkt__unpin(tx, &c->claim, &c->booking) : status;
}

static int32_t approved(tkt__tx *tx, news_ctx *c)
{
    c->intent.state = TKT_INTENT_CAPTURED;
    c->intent.captured_minor = c->intent.amount_minor;
    int32_t told = tkt__book(tx, c->store, &c->claim, &c->booking, &c->supply);
    if (told != TKT_DONE && told != TKT_REFUND_DUE)
        return told;
    int32_t status = tkt__intent_save(tx, &c->intent, c->booking.state);
    return status == TKT_DONE ? told : status;
}

static int32_t declined(tkt__tx *tx, news_ctx *c)
{
    c->intent.state = TKT_INTENT_DECLINED;
    int32_t status = give_up(tx, c);
    if (status == TKT_DONE)
        status = tkt__intent_save(tx, &c->intent, c->booking.state);
    return status == TKT_DONE ? outcome(tx, c) : status;
}

/* All the money went back at the provider's side; refunds of ours in flight are settled with it. */
static int32_t refunded(tkt__tx *tx, news_ctx *c)
{
    tkt__refund refund;
    int32_t status = TKT_DONE;
    if (c->intent.refunding_minor > 0) {
        status = tkt__refund_load(tx, c->event_id, c->intent_id, c->intent.refunds, &refund);
        refund.state = TKT__REFUND_DONE;
        if (status == TKT_DONE)
            status = tkt__refund_save(tx, &refund);
    }
    c->intent.state = TKT_INTENT_REFUNDED;
    c->intent.captured_minor = c->intent.refunded_minor = c->intent.amount_minor;
    c->intent.refunding_minor = 0;
    if (status == TKT_DONE)
        status = give_up(tx, c);
    if (status == TKT_DONE && c->booking.state == TKT_BOOKING_REFUND_DUE) {
        c->booking.state = TKT_BOOKING_FAILED; /* neither places nor money */
        status = tkt__booking_save(tx, &c->booking);
    }
    return status == TKT_DONE ? tkt__intent_save(tx, &c->intent, c->booking.state) : status;
}

static int32_t news_body(tkt__tx *tx, void *ctx)
{
    news_ctx *c = ctx;
    tkt__tx_use_reserve(tx);
    int32_t status = load_all(tx, c);
    if (status != TKT_DONE)
        return status;
    bool heard = (c->intent.news >> c->news & 1) != 0;
    c->intent.news |= UINT32_C(1) << c->news;
    if (c->news == TKT_NEWS_APPROVED && c->intent.state < TKT_INTENT_CAPTURED)
        return approved(tx, c);
    if (c->news == TKT_NEWS_DECLINED && c->intent.state < TKT_INTENT_DECLINED)
        return declined(tx, c);
    if (c->news == TKT_NEWS_REFUNDED && c->intent.state < TKT_INTENT_REFUNDED)
        return refunded(tx, c);
    if (!heard)
        status = tkt__intent_save(tx, &c->intent, c->booking.state);
    if (status != TKT_DONE || c->news == TKT_NEWS_REFUNDED)
        return status;
    return outcome(tx, c);
}

static int32_t look_all(tkt__tx *tx, void *ctx)
{
    return load_all(tx, ctx);
}

/* Ids and codes for the tickets that an approval may issue. */
static int32_t supply_for(news_ctx *c)
{
    int32_t status = TKT_DONE;
    if (c->news == TKT_NEWS_APPROVED)
        status = tkt__store_look(c->store, look_all, c);
    if (status != TKT_DONE || c->news != TKT_NEWS_APPROVED || c->intent.state >= TKT_INTENT_CAPTURED)
        return status;
    return tkt__supply_take(c->store, tkt__claim_places(&c->claim), false, false, false, &c->supply);
}

static int32_t news_out(const news_ctx *c, int32_t status, tkt_booking *booking)
{
    tkt_booking out;
    if (booking == NULL)
        return status;
    tkt__booking_to_public(&c->booking, &c->intent, &out);
    if (status == TKT_DECLINED)
        out.hold_expires_ms = c->hold_expires_ms;
    int32_t rc = tkt__struct_out(booking, &out, sizeof out, sizeof out, "tkt_booking");
    return rc == TKT_DONE ? status : rc;
}

static int32_t tell(tkt_store *store, uint64_t event_id, uint64_t intent_id, uint32_t news, tkt_booking *booking)
{
    news_ctx c = { .store = store, .event_id = event_id, .intent_id = intent_id, .news = news };
    const tkt__guard guard = tkt__event_guard(event_id);
    int32_t status = supply_for(&c);
    if (status == TKT_DONE)
        status = tkt__store_run(store, &guard, 1, 0, news_body, &c);
    bool used = TKT_IS_EFFECT(status) && c.booking.first_ticket == c.supply.first_ticket;
    tkt__supply_end(store, &c.supply, false, true, used || tkt_status_primary(status) == TKT_E_UNKNOWN);
    bool kept = TKT_IS_EFFECT(status) || status == TKT_DECLINED || status == TKT_REFUND_DUE;
    /* Only now: the refusal is the answer, while the news are kept. */
    if (status == TKT_DONE && news != TKT_NEWS_REFUNDED && c.booking.state == TKT_BOOKING_CANCELLED)
        status = tkt__booking_placeless(&c.booking);
    return kept ? news_out(&c, status, booking) : status;
}

static int32_t find_event(tkt__tx *tx, void *ctx)
{
    news_ctx *c = ctx;
    return tkt__event_of(tx, TKT__L_INTENT, c->intent_id, &c->event_id);
}

int32_t tkt_resolve_payment(tkt_store *store, uint64_t intent_id, uint32_t news, tkt_booking *booking)
{
    news_ctx c = { .intent_id = intent_id };
    int32_t status = tkt__store_writable(store);
    if (status == TKT_DONE && (news < TKT_NEWS_APPROVED || news > TKT_NEWS_REFUNDED))
        status = tkt__fail(TKT_E_INVALID, "news %u is not one this library knows", news);
    if (status == TKT_DONE && booking != NULL && booking->size < sizeof *booking)
        status = tkt__fail(TKT_E_INVALID, "tkt_booking: size is %u, at least %zu", booking->size, sizeof *booking);
    if (status == TKT_DONE)
        status = tkt__store_look(store, find_event, &c);
    return status == TKT_DONE ? tell(store, c.event_id, intent_id, news, booking) : status;
}

static int32_t look_outcome(tkt__tx *tx, void *ctx)
{
    int32_t status = load_all(tx, ctx);
    return status == TKT_DONE ? outcome(tx, ctx) : status;
}

/* The booking as it stands, for an outcome that changes nothing. */
static int32_t stand(tkt_store *store, uint64_t event_id, uint64_t intent_id, tkt_booking *booking)
{
    news_ctx c = { .store = store, .event_id = event_id, .intent_id = intent_id };
    int32_t status = tkt__store_look(store, look_outcome, &c);
    return status < 0 || status == TKT_NOT_FOUND ? status : news_out(&c, status, booking);
}

int32_t tkt__charge_settle(tkt_store *store, uint64_t event_id, uint64_t intent_id, int32_t told, tkt_booking *booking)
{
    if (told == TKT_PAY_APPROVED)
        return tell(store, event_id, intent_id, TKT_NEWS_APPROVED, booking);
    if (told == TKT_PAY_DECLINED || told == TKT_PAY_UNKNOWN)
        return tell(store, event_id, intent_id, TKT_NEWS_DECLINED, booking);
    return stand(store, event_id, intent_id, booking);
}
