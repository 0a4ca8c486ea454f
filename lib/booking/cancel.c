/* SPDX-License-Identifier: MIT
 *
 * booking/cancel.c: gives a booking's places back and voids its tickets; moves no money. Money then held
 * for nothing is listed (OPEN_MONEY 'h') until it is refunded. Here too: what cancel and refund share.
 *
 * One body under the event's guard; result of its idempotency record: {nonce(8)}, of the call that made
 * it: a call that meets its own record was run again after an unknown commit, and is no replay.
 */
#include "booking/booking.h"

void tkt_booking_request_init(tkt_booking_request *request)
{
    if (request == NULL)
        return;
    memset(request, 0, sizeof *request);
    request->size = (uint32_t)sizeof *request;
}

/* ---- shared by cancel and refund --------------------------------------------------------------------- */

static int32_t find_event(tkt__tx *tx, void *ctx)
{
    tkt__booking_call *call = ctx;
    return tkt__event_of(tx, TKT__L_BOOKING, call->booking.id, &call->event_id);
}

int32_t tkt__booking_call_in(tkt_store *store, const tkt_booking_request *request, uint8_t op,
                             const tkt_booking *booking, tkt__booking_call *call)
{
    tkt_booking_request in;
    uint8_t id[8];
    memset(call, 0, sizeof *call);
    int32_t status = tkt__store_writable(store);
    if (status == TKT_DONE)
        status = tkt__struct_in(&in, sizeof in, request, sizeof in, "tkt_booking_request");
    if (status == TKT_DONE)
        status = tkt__flags_check(in.flags);
    if (status == TKT_DONE && in.details.len > TKT_DETAILS_MAX)
        status = tkt__fail(TKT_E_LIMIT, "details of %zu bytes, at most %u", in.details.len, TKT_DETAILS_MAX);
    if (status == TKT_DONE && in.details.len > 0 && in.details.ptr == NULL)
        status = tkt__fail(TKT_E_INVALID, "details is NULL");
    if (status == TKT_DONE && booking != NULL && booking->size < sizeof *booking)
        status = tkt__fail(TKT_E_INVALID, "tkt_booking: size is %u, at least %zu", booking->size, sizeof *booking);
    if (status != TKT_DONE)
        return status;
    call->store = store;
    call->flags = in.flags;
    call->details = in.details;
    call->op = op;
    call->booking.id = in.booking_id;
    tkt__be64(id, in.booking_id);
    tkt__fingerprint(id, sizeof id, call->fingerprint);
    status = tkt__store_look(store, find_event, call);
    if (status == TKT_DONE)
        status = tkt__random(&store->hooks, call->nonce, sizeof call->nonce);
    return status == TKT_DONE ? tkt__idem_key(store, in.key, call->key) : status;
}

int32_t tkt__booking_call_load(tkt__tx *tx, tkt__booking_call *call)
{
    int32_t status = tkt__booking_load(tx, call->event_id, call->booking.id, &call->booking);
    if (status == TKT_DONE && call->booking.intent_id != 0)
        status = tkt__intent_load(tx, call->event_id, call->booking.intent_id, &call->intent);
    return status;
}

int32_t tkt__booking_call_out(const tkt__booking_call *call, int32_t status, bool replayed, tkt_booking *booking)
{
    tkt_booking out;
    if (booking == NULL)
        return status;
    tkt__booking_to_public(&call->booking, call->booking.intent_id != 0 ? &call->intent : NULL, &out);
    out.replayed = replayed;
    int32_t rc = tkt__struct_out(booking, &out, sizeof out, sizeof out, "tkt_booking");
    return rc == TKT_DONE ? status : rc;
}

/* ---- cancel --------------------------------------------------------------------------------------------- */

int32_t tkt__booking_placeless(const tkt__booking *booking)
{
    const tkt_cause cause = { .kind = TKT_CAUSE_BOOKING_CANCELLED, .id = booking->id };
    tkt__refuse(TKT_CANCELLED, "booking %llu %s", (unsigned long long)booking->id,
                booking->state == TKT_BOOKING_CANCELLED ? "is cancelled already" : "never got its places");
    tkt__cause(&cause);
    return TKT_CANCELLED;
}

static int32_t in_payment(const tkt__booking *booking)
{
    const tkt_cause cause = { .kind = TKT_CAUSE_HOLD_PINNED, .id = booking->intent_id };
    tkt__refuse(TKT_IN_PAYMENT, "the payment for booking %llu is in flight", (unsigned long long)booking->id);
    tkt__cause(&cause);
    return TKT_IN_PAYMENT;
}

static int32_t cancel(tkt__tx *tx, tkt__booking_call *c)
{
    tkt__claim claim;
    if (c->booking.state == TKT_BOOKING_AWAITING)
        return in_payment(&c->booking);
    if (c->booking.state != TKT_BOOKING_CONFIRMED)
        return tkt__booking_placeless(&c->booking);
    int32_t status = tkt__claim_load(tx, c->event_id, c->booking.claim, &claim);
    if (status == TKT_NOT_FOUND)
        return tkt__fail(TKT_E_CORRUPT, "booking %llu has no claim", (unsigned long long)c->booking.id);
    if (status == TKT_DONE)
        status = tkt__inventory_free(tx, c->store, &claim, true);
    if (status == TKT_DONE)
        status = tkt__tickets_void(tx, &c->booking);
    c->booking.state = TKT_BOOKING_CANCELLED;
    if (status == TKT_DONE)
        status = tkt__booking_save(tx, &c->booking);
    if (status == TKT_DONE && c->booking.intent_id != 0)
        status = tkt__intent_save(tx, &c->intent, c->booking.state);
    return status;
}

static int32_t cancel_body(tkt__tx *tx, void *ctx)
{
    tkt__booking_call *c = ctx;
    tkt__tx_use_reserve(tx);
    const tkt__guard guard = tkt__event_guard(c->event_id);
    tkt__slice before;
    int32_t first = tkt__idem_find(tx, guard, c->op, c->key, c->fingerprint, &before);
    if (first != TKT_NOT_FOUND && first != TKT_REPLAYED)
        return first;
    int32_t status = tkt__booking_call_load(tx, c);
    if (status == TKT_DONE && first == TKT_REPLAYED)
        return before.n == sizeof c->nonce && memcmp(before.p, c->nonce, before.n) == 0 ? TKT_DONE : TKT_REPLAYED;
    if (status == TKT_DONE)
        status = cancel(tx, c);
    if (status != TKT_DONE)
        return status;
    return tkt__idem_store(tx, guard, c->op, c->key, c->fingerprint, c->nonce, sizeof c->nonce);
}

typedef struct cancel_call {
    tkt__booking_call call; /* first: the body's context */
    tkt_booking *out;       /* the caller's; NULL: not asked for */
} cancel_call;

static int32_t finish_cancel(void *call, int32_t status)
{
    const cancel_call *c = call;
    return TKT_IS_EFFECT(status) ? tkt__booking_call_out(&c->call, status, status == TKT_REPLAYED, c->out) : status;
}

int32_t tkt_cancel(tkt_store *store, const tkt_booking_request *request, tkt_booking *booking)
{
    cancel_call c = { .out = booking };
    int32_t status = tkt__booking_call_in(store, request, TKT__OP_CANCEL, booking, &c.call);
    if (status != TKT_DONE)
        return status;
    const tkt__guard guard = tkt__event_guard(c.call.event_id);
    return finish_cancel(&c, tkt__store_run(store, &guard, 1, c.call.flags, cancel_body, &c));
}

int32_t tkt__cancel_command(tkt_store *store, const tkt_booking_request *request, tkt_booking *booking, tkt__arena *arena,
                            tkt__command *command)
{
    cancel_call *c = tkt__arena_get(arena, sizeof *c);
    if (c == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for a command");
    c->out = booking;
    int32_t status = tkt__no_dry_run(request != NULL ? request->flags : 0);
    if (status == TKT_DONE)
        status = tkt__booking_call_in(store, request, TKT__OP_CANCEL, booking, &c->call);
    if (status == TKT_DONE)
        *command = (tkt__command){ .guard = tkt__event_guard(c->call.event_id), .body = cancel_body,
                                   .finish = finish_cancel, .call = c };
    return status;
}
