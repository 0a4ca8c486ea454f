/* SPDX-License-Identifier: MIT
 *
 * booking/refund.c: gives all captured money back that is not given back yet; cancels nothing.
 *
 * Commit 1 records refund n (PENDING) and what is being refunded; the host's refund function runs with
 * no transaction open; commit 2 records what came of it. At most one refund of an intent is in flight.
 * A crash in between leaves it PENDING: a replay and tkt_recover ask `status` with the same provider
 * key, so nothing is paid back twice. Result of the idempotency record: {u32 n, nonce(8)}.
 */
#include "booking/booking.h"

#define REFUNDS_MAX 1000 /* attempts for one intent */

typedef struct refund_ctx {
    tkt__booking_call call;
    tkt__refund refund;
    bool replayed, direct; /* direct: money taken by other means, and no table to ask */
} refund_ctx;

static int32_t nothing_due(const tkt__booking *booking)
{
    tkt__refuse(TKT_NOTHING_DUE, "there is no money of booking %llu to give back", (unsigned long long)booking->id);
    return TKT_NOTHING_DUE;
}

static int32_t refused(uint64_t intent_id)
{
    const tkt_cause cause = { .kind = TKT_CAUSE_MONEY_HELD, .id = intent_id };
    tkt__refuse(TKT_REFUND_FAILED, "the provider did not give the money of intent %llu back",
                (unsigned long long)intent_id);
    tkt__cause(&cause);
    return TKT_REFUND_FAILED;
}

/* The money of the row reached the buyer. */
static int32_t paid_back(tkt__tx *tx, tkt__intent *intent, tkt__booking *booking, tkt__refund *refund)
{
    int32_t status = TKT_DONE;
    refund->state = TKT__REFUND_DONE;
    intent->refunding_minor -= refund->amount_minor;
    intent->refunded_minor += refund->amount_minor;
    if (intent->refunded_minor == intent->captured_minor) {
        intent->state = TKT_INTENT_REFUNDED;
        if (booking->state == TKT_BOOKING_REFUND_DUE) {
            booking->state = TKT_BOOKING_FAILED; /* neither places nor money */
            status = tkt__booking_save(tx, booking);
        }
    }
    if (status == TKT_DONE)
        status = tkt__refund_save(tx, refund);
    return status == TKT_DONE ? tkt__intent_save(tx, intent, booking->state) : status;
}

/* ---- commit 1 --------------------------------------------------------------------------------------------- */

static int32_t may_refund(const refund_ctx *c)
{
    const tkt__booking_call *call = &c->call;
    const tkt__intent *in = &call->intent;
    if (call->booking.intent_id == 0)
        return nothing_due(&call->booking);
    if (in->state == TKT_INTENT_PENDING || in->refunding_minor > 0) {
        const tkt_cause cause = { .kind = TKT_CAUSE_HOLD_PINNED, .id = in->id };
        tkt__refuse(TKT_IN_PAYMENT, "money of booking %llu is in flight", (unsigned long long)call->booking.id);
        tkt__cause(&cause);
        return TKT_IN_PAYMENT;
    }
    if (in->captured_minor <= in->refunded_minor)
        return nothing_due(&call->booking);
    if (in->refunds >= REFUNDS_MAX)
        return tkt__fail(TKT_E_LIMIT, "%u refunds of intent %llu were tried", in->refunds, (unsigned long long)in->id);
    return TKT_DONE;
}

static int32_t begin_refund(tkt__tx *tx, refund_ctx *c)
{
    const tkt_payment *table = tkt__payment_of(c->call.store);
    tkt__intent *in = &c->call.intent;
    int32_t status = may_refund(c);
    if (status != TKT_DONE)
        return status;
    bool callable = table != NULL && table->refund != NULL;
    c->direct = !callable && in->external;
    if (!callable && !c->direct)
        return tkt__fail(TKT_E_NO_PAYMENT, "there is money to give back and the host has set no refund function");
    memset(&c->refund, 0, sizeof c->refund);
    c->refund.event_id = c->call.event_id;
    c->refund.intent_id = in->id;
    c->refund.number = ++in->refunds;
    c->refund.state = TKT__REFUND_PENDING;
    c->refund.created_ms = tkt__tx_now(tx);
    c->refund.amount_minor = in->captured_minor - in->refunded_minor;
    in->refunding_minor += c->refund.amount_minor;
    if (c->direct)
        return paid_back(tx, in, &c->call.booking, &c->refund);
    if ((c->call.flags & TKT_DRY_RUN) == 0)
        tkt__flight_begin(c->call.store, tkt__flight_of(in->id, in->refunds));
    status = tkt__refund_save(tx, &c->refund);
    if (status == TKT_DONE)
        status = tkt__intent_save(tx, in, c->call.booking.state);
    return status == TKT_DONE ? TKT_PENDING : status;
}

static int32_t recall(tkt__tx *tx, refund_ctx *c, tkt__slice before)
{
    tkt__reader r = tkt__reader_of(before);
    uint32_t number = tkt__get_u32(&r);
    tkt__slice nonce = tkt__get_bytes(&r, TKT__NONCE_BYTES);
    if (r.bad)
        return tkt__fail(TKT_E_CORRUPT, "an idempotency record is malformed");
    c->replayed = memcmp(nonce.p, c->call.nonce, TKT__NONCE_BYTES) != 0;
    int32_t status = tkt__refund_load(tx, c->call.event_id, c->call.intent.id, number, &c->refund);
    if (status != TKT_DONE)
        return status;
    if (c->refund.state == TKT__REFUND_FAILED)
        return refused(c->call.intent.id);
    if (c->refund.state == TKT__REFUND_PENDING)
        return TKT_PENDING;
    return c->replayed ? TKT_REPLAYED : TKT_DONE;
}

static int32_t refund_body(tkt__tx *tx, void *ctx)
{
    refund_ctx *c = ctx;
    tkt__tx_use_reserve(tx);
    const tkt__guard guard = tkt__event_guard(c->call.event_id);
    uint8_t result[4 + TKT__NONCE_BYTES];
    tkt__writer w = tkt__writer_of(result, sizeof result);
    tkt__slice before;
    c->replayed = false;
    int32_t first = tkt__idem_find(tx, guard, c->call.op, c->call.key, c->call.fingerprint, &before);
    if (first != TKT_NOT_FOUND && first != TKT_REPLAYED)
        return first;
    int32_t status = tkt__booking_call_load(tx, &c->call);
    if (status != TKT_DONE || first == TKT_REPLAYED)
        return status != TKT_DONE ? status : recall(tx, c, before);
    int32_t outcome = begin_refund(tx, c);
    if (!TKT_IS_EFFECT(outcome))
        return outcome;
    tkt__put_u32(&w, c->refund.number);
    tkt__put_bytes(&w, c->call.nonce, TKT__NONCE_BYTES);
    status = tkt__idem_store(tx, guard, c->call.op, c->call.key, c->call.fingerprint, result, w.n);
    return status == TKT_DONE ? outcome : status;
}

/* ---- commit 2 -------------------------------------------------------------------------------------------------- */

typedef struct settle_ctx {
    uint64_t event_id, intent_id;
    uint32_t number;
    int32_t told;
    tkt__intent intent;
    tkt__booking booking;
    tkt__refund refund;
} settle_ctx;

/* Unless a later refund is giving the same money back: then news of the provider must tell. */
static int32_t paid_after_all(tkt__tx *tx, settle_ctx *c)
{
    tkt__intent *in = &c->intent;
    if (in->refunded_minor + in->refunding_minor + c->refund.amount_minor > in->captured_minor)
        return TKT_DONE;
    in->refunding_minor += c->refund.amount_minor;
    return paid_back(tx, in, &c->booking, &c->refund);
}

static int32_t settle_body(tkt__tx *tx, void *ctx)
{
    settle_ctx *c = ctx;
    tkt__tx_use_reserve(tx);
    int32_t status = tkt__intent_load(tx, c->event_id, c->intent_id, &c->intent);
    if (status == TKT_DONE)
        status = tkt__booking_load(tx, c->event_id, c->intent.booking_id, &c->booking);
    if (status == TKT_DONE)
        status = tkt__refund_load(tx, c->event_id, c->intent_id, c->number, &c->refund);
    if (status != TKT_DONE || c->refund.state == TKT__REFUND_DONE)
        return status; /* settled already: what is done stays done */
    if (c->refund.state == TKT__REFUND_FAILED) /* it was thought so; that the money went is stronger */
        return c->told == TKT_PAY_APPROVED ? paid_after_all(tx, c) : TKT_DONE;
    if (c->told == TKT_PAY_APPROVED)
        return paid_back(tx, &c->intent, &c->booking, &c->refund);
    if (c->told != TKT_PAY_DECLINED && c->told != TKT_PAY_UNKNOWN)
        return TKT_DONE;
    c->refund.state = TKT__REFUND_FAILED;
    c->intent.refunding_minor -= c->refund.amount_minor;
    status = tkt__refund_save(tx, &c->refund);
    return status == TKT_DONE ? tkt__intent_save(tx, &c->intent, c->booking.state) : status;
}

int32_t tkt__refund_settle(tkt_store *store, uint64_t event_id, uint64_t intent_id, uint32_t number, int32_t told,
                           tkt_booking *booking)
{
    settle_ctx c = { .event_id = event_id, .intent_id = intent_id, .number = number, .told = told };
    const tkt__guard guard = tkt__event_guard(event_id);
    tkt_booking out;
    int32_t status = tkt__store_run(store, &guard, 1, 0, settle_body, &c);
    if (status != TKT_DONE)
        return status;
    if (c.refund.state == TKT__REFUND_PENDING)
        status = TKT_PENDING;
    else if (c.refund.state == TKT__REFUND_FAILED)
        status = refused(intent_id);
    if (booking == NULL)
        return status;
    tkt__booking_to_public(&c.booking, &c.intent, &out);
    int32_t rc = tkt__struct_out(booking, &out, sizeof out, sizeof out, "tkt_booking");
    return rc == TKT_DONE ? status : rc;
}

/* With no transaction open: the money is sent, or on a replay it is asked what became of it. */
static int32_t pay_back(refund_ctx *c, int32_t status, tkt_booking *booking)
{
    tkt_store *store = c->call.store;
    const tkt_payment *table = tkt__payment_of(store);
    const tkt_text none = { NULL, 0 };
    tkt_pay_fn fn = table == NULL ? NULL : c->replayed ? table->status : table->refund;
    if (!TKT_IS_EFFECT(status))
        return status;
    if (status != TKT_PENDING || (c->call.flags & TKT_DRY_RUN) != 0 || fn == NULL)
        return tkt__booking_call_out(&c->call, status, c->replayed, booking);
    int32_t told = tkt__payment_call(store, fn, &c->call.intent, c->refund.number, c->refund.amount_minor,
                                     c->replayed ? none : c->call.details);
    status = tkt__refund_settle(store, c->call.event_id, c->call.intent.id, c->refund.number, told, booking);
    if (booking != NULL)
        booking->replayed = c->replayed;
    return status == TKT_DONE && c->replayed ? TKT_REPLAYED : status;
}

int32_t tkt_refund(tkt_store *store, const tkt_booking_request *request, tkt_booking *booking)
{
    refund_ctx c = { .replayed = false };
    int32_t status = tkt__booking_call_in(store, request, TKT__OP_REFUND, booking, &c.call);
    if (status != TKT_DONE)
        return status;
    const tkt__guard guard = tkt__event_guard(c.call.event_id);
    status = tkt__store_run(store, &guard, 1, c.call.flags, refund_body, &c);
    /* A body that came to nothing ends nothing: another thread's refund of the same intent may be under way. */
    bool calls = (c.call.flags & TKT_DRY_RUN) == 0 &&
                 ((status == TKT_PENDING && !c.replayed) || tkt_status_primary(status) == TKT_E_UNKNOWN);
    status = pay_back(&c, status, booking);
    if (calls)
        tkt__flight_end(store, tkt__flight_of(c.call.intent.id, c.refund.number));
    return status;
}
