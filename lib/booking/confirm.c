/* SPDX-License-Identifier: MIT
 *
 * booking/confirm.c: a hold becomes a booking.
 *
 * Money taken by other means, or nothing to pay: one body. Else commit 1 records booking (AWAITING),
 * intent (PENDING) and pin; the host's charge runs with no transaction open; commit 2 (payment.c) records
 * what came of it. The idempotency record, {u64 booking}, is written by commit 1; what a replay answers
 * is read from the booking as it stands, so commit 2 and later news complete it. A crash in between
 * leaves a booking AWAITING: replay, news or recover settle it by asking, never by charging again.
 */
#include "booking/booking.h"

typedef struct confirm_ctx {
    tkt_store *store;
    uint64_t event_id;
    uint32_t flags;
    uint8_t token[TKT_TOKEN_BYTES], key[TKT_KEY_BYTES];
    uint8_t fingerprint[TKT__FINGERPRINT_BYTES];
    uint32_t places;
    int64_t total_minor;
    tkt__supply supply;
    bool replayed, paid; /* paid: there is an intent */
    bool calls;          /* it is this call that charges */
    int64_t hold_expires_ms;
    tkt__booking booking;
    tkt__intent intent;
    tkt_text details;
    tkt_booking *out;    /* the caller's; NULL: not asked for */
} confirm_ctx;

void tkt_confirm_request_init(tkt_confirm_request *request)
{
    if (request == NULL)
        return;
    memset(request, 0, sizeof *request);
    request->size = (uint32_t)sizeof *request;
}

/* ---- replay ------------------------------------------------------------------------------------------- */

/* The booking of the first call as it stands now. TKT_NOT_FOUND: there was none. */
static int32_t recall(tkt__tx *tx, confirm_ctx *c)
{
    tkt__slice result;
    tkt__claim claim;
    const tkt__guard guard = tkt__event_guard(c->event_id);
    int32_t status = tkt__idem_find(tx, guard, TKT__OP_CONFIRM, c->key, c->fingerprint, &result);
    if (status != TKT_REPLAYED)
        return status;
    tkt__reader r = tkt__reader_of(result);
    uint64_t booking_id = tkt__get_u64(&r);
    if (r.bad)
        return tkt__fail(TKT_E_CORRUPT, "an idempotency record is malformed");
    status = tkt__booking_load(tx, c->event_id, booking_id, &c->booking);
    c->paid = status == TKT_DONE && c->booking.intent_id != 0;
    if (c->paid)
        status = tkt__intent_load(tx, c->event_id, c->booking.intent_id, &c->intent);
    if (status == TKT_DONE)
        status = tkt__claim_load(tx, c->event_id, c->booking.claim, &claim);
    if (status != TKT_DONE)
        return status;
    /* Its own booking: this call was run again after a commit of unknown outcome. */
    c->replayed = booking_id != c->supply.booking_id;
    if (tkt__claim_state_at(&claim, tkt__tx_now(tx)) == TKT_HOLD_ACTIVE)
        c->hold_expires_ms = tkt__second_ms(claim.expires_s);
    status = tkt__booking_outcome(&c->booking, c->hold_expires_ms);
    return status == TKT_DONE && c->replayed ? TKT_REPLAYED : status;
}

/* ---- the three ways --------------------------------------------------------------------------------------- */

static void begin_booking(tkt__tx *tx, confirm_ctx *c, const tkt__claim *claim)
{
    memset(&c->booking, 0, sizeof c->booking);
    c->booking.id = c->supply.booking_id;
    c->booking.event_id = c->event_id;
    c->booking.user_id = claim->user_id;
    c->booking.claim = claim->number;
    c->booking.state = TKT_BOOKING_AWAITING;
    c->booking.created_ms = tkt__tx_now(tx);
    c->booking.total_minor = claim->total_minor;
    memcpy(c->booking.currency, claim->currency, TKT_CURRENCY_BYTES);
    memcpy(c->booking.buyer_key, claim->buyer_key, TKT_BUYER_BYTES);
}

static void begin_intent(tkt__tx *tx, confirm_ctx *c, const tkt__claim *claim, bool external)
{
    c->paid = true;
    c->booking.intent_id = c->supply.intent_id;
    memset(&c->intent, 0, sizeof c->intent);
    c->intent.id = c->supply.intent_id;
    c->intent.booking_id = c->booking.id;
    c->intent.event_id = c->event_id;
    c->intent.epoch = c->store->epoch;
    c->intent.claim = claim->number;
    c->intent.external = external;
    c->intent.state = external ? TKT_INTENT_CAPTURED : TKT_INTENT_PENDING;
    c->intent.created_ms = tkt__tx_now(tx);
    c->intent.amount_minor = claim->total_minor;
    c->intent.captured_minor = external ? claim->total_minor : 0;
    memcpy(c->intent.currency, claim->currency, TKT_CURRENCY_BYTES);
}

/* One commit: nothing to pay, or paid already. */
static int32_t book_now(tkt__tx *tx, confirm_ctx *c, tkt__claim *claim, bool external)
{
    begin_booking(tx, c, claim);
    if (external)
        begin_intent(tx, c, claim, true);
    int32_t outcome = tkt__book(tx, c->store, claim, &c->booking, &c->supply);
    if (outcome != TKT_DONE && outcome != TKT_REFUND_DUE)
        return outcome;
    int32_t status = tkt__booking_announce(tx, &c->booking);
    if (status == TKT_DONE && external)
        status = tkt__intent_save(tx, &c->intent, c->booking.state);
    return status == TKT_DONE ? outcome : status;
}

/* Commit 1 of two: the hold can't end while money may be in flight. */
static int32_t pin(tkt__tx *tx, confirm_ctx *c, tkt__claim *claim)
{
    const tkt_payment *table = tkt__payment_of(c->store);
    int64_t now = tkt__tx_now(tx);
    if (table == NULL || table->charge == NULL)
        return tkt__fail(TKT_E_NO_PAYMENT, "there is money to take and the host has set no charge function");
    begin_booking(tx, c, claim);
    begin_intent(tx, c, claim, false);
    c->calls = (c->flags & TKT_DRY_RUN) == 0;
    if (c->calls)
        tkt__flight_begin(c->store, tkt__flight_of(c->intent.id, 0));
    if (claim->pin_cap_s == 0)
        claim->pin_cap_s = tkt__second_of(now + (table->pin_cap_ms != 0 ? table->pin_cap_ms : TKT_PIN_CAP_MS));
    uint32_t until = tkt__second_of(now + (table->window_ms != 0 ? table->window_ms : TKT_PAYMENT_WINDOW_MS));
    if (until > claim->pin_cap_s)
        until = claim->pin_cap_s;
    if (until < claim->expires_s)
        until = claim->expires_s;
    claim->state = TKT_HOLD_PINNED;
    claim->booking_id = c->booking.id;
    claim->intent_id = c->intent.id;
    claim->hold_expires_s = claim->expires_s;
    int32_t status = tkt__inventory_move(tx, claim, until);
    if (status == TKT_DONE)
        status = tkt__claim_save(tx, claim);
    if (status == TKT_DONE)
        status = tkt__booking_save(tx, &c->booking);
    if (status == TKT_DONE)
        status = tkt__booking_announce(tx, &c->booking);
    if (status == TKT_DONE)
        status = tkt__intent_save(tx, &c->intent, c->booking.state);
    return status == TKT_DONE ? TKT_PENDING : status;
}

static int32_t still_on_sale(tkt__tx *tx, uint64_t event_id)
{
    tkt__sale sale;
    int32_t status = tkt__sale_load(tx, event_id, &sale);
    if (status == TKT_NOT_FOUND)
        return tkt__refuse_missing("event", event_id);
    if (status != TKT_DONE || sale.status == TKT_EVENT_SCHEDULED || sale.status == TKT_EVENT_RESCHEDULED)
        return status;
    const tkt_cause cause = { .kind = TKT_CAUSE_EVENT_STATUS, .have = sale.status };
    tkt__refuse(TKT_NOT_ON_SALE, "the event was %s",
                sale.status == TKT_EVENT_CANCELLED ? "cancelled" : "postponed");
    tkt__cause(&cause);
    return TKT_NOT_ON_SALE;
}

static int32_t confirm_body(tkt__tx *tx, void *ctx)
{
    confirm_ctx *c = ctx;
    tkt__claim claim;
    uint8_t result[8];
    tkt__writer w = tkt__writer_of(result, sizeof result);
    c->replayed = c->paid = false;
    int32_t status = recall(tx, c);
    if (status != TKT_NOT_FOUND)
        return status;
    status = tkt__claim_by_token(tx, c->token, &claim);
    if (status != TKT_DONE)
        return status;
    bool taken = (c->flags & TKT_MONEY_TAKEN) != 0 && claim.total_minor > 0;
    if (taken)
        tkt__tx_use_reserve(tx);
    uint32_t state = tkt__claim_state_at(&claim, tkt__tx_now(tx));
    bool over = state == TKT_HOLD_EXPIRED || state == TKT_HOLD_RELEASED;
    if (!taken || !over)
        status = tkt__claim_refusal(&claim, state);
    if (status == TKT_DONE && !taken)
        status = still_on_sale(tx, c->event_id);
    if (status != TKT_DONE)
        return status;
    int32_t outcome = taken || claim.total_minor == 0 ? book_now(tx, c, &claim, taken) : pin(tx, c, &claim);
    if (outcome != TKT_DONE && outcome != TKT_PENDING && outcome != TKT_REFUND_DUE)
        return outcome;
    tkt__put_u64(&w, c->booking.id);
    status = tkt__idem_store(tx, tkt__event_guard(c->event_id), TKT__OP_CONFIRM, c->key, c->fingerprint, result, w.n);
    return status == TKT_DONE ? outcome : status;
}

/* ---- the door --------------------------------------------------------------------------------------------------- */

static int32_t request_in(tkt_store *store, const tkt_confirm_request *given, tkt_confirm_request *in, confirm_ctx *c)
{
    int32_t status = tkt__store_writable(store);
    if (status == TKT_DONE)
        status = tkt__struct_in(in, sizeof *in, given, sizeof *in, "tkt_confirm_request");
    if (status != TKT_DONE)
        return status;
    if ((in->flags & ~(TKT_DRY_RUN | TKT_MONEY_TAKEN)) != 0)
        return tkt__fail(TKT_E_INVALID, "unknown flags 0x%lx", (unsigned long)in->flags);
    if (in->details.len > TKT_DETAILS_MAX)
        return tkt__fail(TKT_E_LIMIT, "payment details of %zu bytes, at most %u", in->details.len, TKT_DETAILS_MAX);
    if (in->details.len > 0 && in->details.ptr == NULL)
        return tkt__fail(TKT_E_INVALID, "details is NULL");
    c->store = store;
    c->flags = in->flags;
    c->event_id = tkt__token_event(in->token);
    memcpy(c->token, in->token, TKT_TOKEN_BYTES);
    uint8_t bytes[TKT_TOKEN_BYTES + 1]; /* payment details are neither stored nor fingerprinted */
    memcpy(bytes, in->token, TKT_TOKEN_BYTES);
    bytes[TKT_TOKEN_BYTES] = (in->flags & TKT_MONEY_TAKEN) != 0;
    tkt__fingerprint(bytes, sizeof bytes, c->fingerprint);
    return tkt__idem_key(store, in->key, c->key);
}

static int32_t find_claim(tkt__tx *tx, void *ctx)
{
    confirm_ctx *c = ctx;
    tkt__claim claim;
    int32_t status = tkt__claim_by_token(tx, c->token, &claim);
    c->places = tkt__claim_places(&claim);
    c->total_minor = claim.total_minor;
    return status;
}

/* What the body will need: read first, for ids and codes come from outside. Places and total of a
 * claim never change. */
static int32_t supply_for(confirm_ctx *c)
{
    int32_t status = tkt__store_look(c->store, find_claim, c);
    if (status != TKT_DONE)
        return status;
    bool now = c->total_minor == 0 || (c->flags & TKT_MONEY_TAKEN) != 0;
    return tkt__supply_take(c->store, now ? c->places : 0, true, c->total_minor > 0, (c->flags & TKT_DRY_RUN) != 0,
                            &c->supply);
}

static int32_t booking_out(const confirm_ctx *c, int32_t status, tkt_booking *booking)
{
    tkt_booking out;
    if (booking == NULL)
        return status;
    tkt__booking_to_public(&c->booking, c->paid ? &c->intent : NULL, &out);
    out.replayed = c->replayed;
    if (status == TKT_DECLINED)
        out.hold_expires_ms = c->hold_expires_ms;
    if ((c->flags & TKT_DRY_RUN) != 0 && !c->replayed)
        out.id = out.intent_id = out.first_ticket = 0;
    int32_t rc = tkt__struct_out(booking, &out, sizeof out, sizeof out, "tkt_booking");
    return rc == TKT_DONE ? status : rc;
}

/* With no transaction open: the charge, or on a replay the question what became of it. */
static int32_t settle(confirm_ctx *c, tkt_text details, tkt_booking *booking)
{
    const tkt_payment *table = tkt__payment_of(c->store);
    tkt_pay_fn fn = table == NULL ? NULL : c->replayed ? table->status : table->charge;
    if (fn == NULL)
        return booking_out(c, TKT_PENDING, booking);
    if (c->replayed)
        details = (tkt_text){ NULL, 0 };
    int32_t outcome = tkt__payment_call(c->store, fn, &c->intent, 0, c->intent.amount_minor, details);
    int32_t status = tkt__charge_settle(c->store, c->event_id, c->intent.id, outcome, booking);
    if (booking != NULL)
        booking->replayed = c->replayed;
    return status == TKT_DONE && c->replayed ? TKT_REPLAYED : status;
}

/* What comes before the body. */
static int32_t ready(tkt_store *store, const tkt_confirm_request *request, tkt_booking *booking, confirm_ctx *c)
{
    tkt_confirm_request in;
    *c = (confirm_ctx){ .store = store, .out = booking };
    int32_t status = request_in(store, request, &in, c);
    if (status == TKT_DONE && booking != NULL && booking->size < sizeof *booking)
        status = tkt__fail(TKT_E_INVALID, "tkt_booking: size is %u, at least %zu", booking->size, sizeof *booking);
    if (status != TKT_DONE)
        return status;
    c->details = in.details;
    status = supply_for(c);
    if (status != TKT_DONE) /* it may have a part of it */
        tkt__supply_end(store, &c->supply, (c->flags & TKT_DRY_RUN) != 0, false, false);
    return status;
}

/* What comes after it: ids that were not used go back, the charge is made, the caller gets his booking. */
static int32_t outcome_of(confirm_ctx *c, int32_t status)
{
    bool dry = (c->flags & TKT_DRY_RUN) != 0;
    bool kept = TKT_IS_EFFECT(status) || status == TKT_REFUND_DUE || status == TKT_DECLINED;
    /* After an unknown outcome the ids may be in use: they are never given out again. */
    bool unknown = tkt_status_primary(status) == TKT_E_UNKNOWN;
    if (c->calls && (!kept || c->replayed)) { /* a body that came to nothing: before its ids are another's */
        tkt__flight_end(c->store, tkt__flight_of(c->supply.intent_id, 0));
        c->calls = false;
    }
    tkt__supply_end(c->store, &c->supply, dry, unknown || (kept && !c->replayed),
                    unknown || (kept && c->booking.first_ticket == c->supply.first_ticket));
    if (!kept)
        return status;
    if (status == TKT_PENDING && !dry)
        return settle(c, c->details, c->out);
    return booking_out(c, status, c->out);
}

static int32_t finish_call(void *call, int32_t status)
{
    confirm_ctx *c = call;
    status = outcome_of(c, status);
    if (c->calls)
        tkt__flight_end(c->store, tkt__flight_of(c->intent.id, 0));
    return status;
}

int32_t tkt_confirm(tkt_store *store, const tkt_confirm_request *request, tkt_booking *booking)
{
    confirm_ctx c;
    int32_t status = ready(store, request, booking, &c);
    if (status != TKT_DONE)
        return status;
    const tkt__guard guard = tkt__event_guard(c.event_id);
    return finish_call(&c, tkt__store_run(store, &guard, 1, c.flags & TKT_DRY_RUN, confirm_body, &c));
}

int32_t tkt__confirm_command(tkt_store *store, const tkt_confirm_request *request, tkt_booking *booking, tkt__arena *arena,
                             tkt__command *command)
{
    confirm_ctx *c = tkt__arena_get(arena, sizeof *c);
    int32_t status = c != NULL ? tkt__no_dry_run(request != NULL ? request->flags : 0)
                               : tkt__fail(TKT_E_NOMEM, "no memory for a command");
    if (status == TKT_DONE)
        status = ready(store, request, booking, c);
    if (status != TKT_DONE)
        return status;
    *command = (tkt__command){ .guard = tkt__event_guard(c->event_id), .body = confirm_body, .finish = finish_call,
                               .call = c };
    if (c->details.len == 0)
        return TKT_DONE;
    c->details.ptr = tkt__arena_copy(arena, c->details.ptr, c->details.len);
    if (c->details.ptr != NULL)
        return TKT_DONE;
    (void)finish_call(c, -TKT_E_STOPPED);
    return tkt__fail(TKT_E_NOMEM, "no memory for a command");
}
