/* SPDX-License-Identifier: MIT
 *
 * booking/book.c: how a claim becomes a booking with tickets: the ladder that every success climbs,
 * whether the money was taken before, approved at once or much later.
 *
 *   hold alive → booked; over, but its very places are free → booked; else REFUND_DUE.
 *
 * Runs in bodies under the event's guard; ids and codes come from outside (tkt__supply), so that a body
 * may run again. A crash leaves a booking wholly made or not at all; at worst leased ids stay unused.
 */
#include "booking/booking.h"

/* ---- supply ------------------------------------------------------------------------------------------- */

int32_t tkt__supply_take(tkt_store *store, uint32_t tickets, bool booking, bool intent, bool dry, tkt__supply *supply)
{
    int32_t status = TKT_DONE;
    memset(supply, 0, sizeof *supply);
    if (dry) { /* a lease is a commit: a dry run works with the last ids there are */
        supply->booking_id = supply->intent_id = TKT__ID_MAX;
        supply->first_ticket = TKT__ID_MAX - TKT_QUANTITY_MAX;
    }
    if (!dry && booking)
        status = tkt__id_take(store, TKT__ID_BOOKING, 1, &supply->booking_id);
    if (status == TKT_DONE && !dry && intent)
        status = tkt__id_take(store, TKT__ID_INTENT, 1, &supply->intent_id);
    if (status != TKT_DONE || tickets == 0)
        return status;
    supply->codes = tkt__alloc(&store->hooks, (size_t)tickets * TKT_CODE_BYTES);
    if (supply->codes == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for %u ticket codes", tickets);
    supply->tickets = tickets;
    status = tkt__random(&store->hooks, supply->codes, (size_t)tickets * TKT_CODE_BYTES);
    if (status == TKT_DONE && !dry)
        status = tkt__id_take(store, TKT__ID_TICKET, tickets, &supply->first_ticket);
    return status;
}

void tkt__supply_end(tkt_store *store, tkt__supply *supply, bool dry, bool booking_used, bool tickets_used)
{
    if (!dry && !tickets_used && supply->first_ticket != 0)
        tkt__id_give_back(store, TKT__ID_TICKET, supply->first_ticket, supply->tickets);
    if (!dry && !booking_used && supply->intent_id != 0)
        tkt__id_give_back(store, TKT__ID_INTENT, supply->intent_id, 1);
    if (!dry && !booking_used && supply->booking_id != 0)
        tkt__id_give_back(store, TKT__ID_BOOKING, supply->booking_id, 1);
    tkt__free(&store->hooks, supply->codes, (size_t)supply->tickets * TKT_CODE_BYTES);
    supply->codes = NULL;
}

/* ---- the ladder ---------------------------------------------------------------------------------------- */

/* REFUND_DUE, explained by the causes of the refusal before it. */
static int32_t refund_due(const tkt__booking *booking, const tkt_cause *cause)
{
    tkt__error_record before;
    const tkt_cause held = { .kind = TKT_CAUSE_MONEY_HELD, .id = booking->intent_id };
    tkt__error_save(&before);
    tkt__refuse(TKT_REFUND_DUE, "booking %llu has money and no places: refund it", (unsigned long long)booking->id);
    tkt__cause(&held);
    if (cause != NULL)
        tkt__cause(cause);
    for (uint32_t i = 0; cause == NULL && i < before.error.causes && i < TKT_ERROR_CAUSES; i++)
        tkt__cause(&before.causes[i]);
    return TKT_REFUND_DUE;
}

static int32_t no_places(tkt__tx *tx, tkt__booking *booking, const tkt_cause *cause)
{
    int32_t why = refund_due(booking, cause);
    booking->state = TKT_BOOKING_REFUND_DUE;
    int32_t status = tkt__booking_save(tx, booking);
    return status == TKT_DONE ? why : status;
}

static int32_t confirmed(tkt__tx *tx, tkt__claim *claim, tkt__booking *booking, const tkt__supply *supply)
{
    if (supply->tickets != tkt__claim_places(claim))
        return tkt__fail(TKT_E_INTERNAL, "%u tickets for %u places", supply->tickets, tkt__claim_places(claim));
    claim->state = TKT_HOLD_CONSUMED;
    claim->expires_s = TKT__SECOND_NEVER;
    claim->booking_id = booking->id;
    claim->intent_id = booking->intent_id;
    booking->state = TKT_BOOKING_CONFIRMED;
    booking->first_ticket = supply->first_ticket;
    booking->ticket_count = supply->tickets;
    int32_t status = tkt__claim_save(tx, claim);
    if (status == TKT_DONE)
        status = tkt__tickets_issue(tx, claim, booking, supply->codes);
    if (status == TKT_DONE && !tkt__is_zero(claim->buyer_key, TKT_BUYER_BYTES))
        status = tkt__admission.has_booked(tx, claim->event_id, claim->buyer_key, claim->created_ms);
    return status == TKT_DONE ? tkt__booking_save(tx, booking) : status;
}

int32_t tkt__book(tkt__tx *tx, tkt_store *store, tkt__claim *claim, tkt__booking *booking, const tkt__supply *supply)
{
    tkt__sale sale;
    uint32_t stored = claim->state, state = tkt__claim_state_at(claim, tkt__tx_now(tx));
    int32_t status = tkt__sale_load(tx, claim->event_id, &sale);
    if (status != TKT_DONE)
        return status == TKT_NOT_FOUND ? tkt__refuse_missing("event", claim->event_id) : status;
    if (sale.status == TKT_EVENT_CANCELLED) {
        const tkt_cause cause = { .kind = TKT_CAUSE_EVENT_STATUS, .have = sale.status };
        status = tkt__unpin(tx, claim, booking); /* nothing is in flight any more */
        return status == TKT_DONE ? no_places(tx, booking, &cause) : status;
    }
    if (state == TKT_HOLD_CONSUMED) {
        const tkt_cause cause = { .kind = TKT_CAUSE_HOLD_CONSUMED, .id = claim->booking_id };
        return no_places(tx, booking, &cause);
    }
    if (state == TKT_HOLD_ACTIVE || state == TKT_HOLD_PINNED)
        status = tkt__inventory_book(tx, store, &sale, claim);
    else
        status = tkt__inventory_rebook(tx, store, &sale, claim);
    if (status == TKT_DONE)
        return confirmed(tx, claim, booking, supply);
    if (!TKT_IS_REFUSAL(status))
        return status;
    if (claim->state != stored) { /* the rebook swept it */
        tkt__error_record why;
        tkt__error_save(&why);
        status = tkt__claim_save(tx, claim);
        if (status != TKT_DONE)
            return status;
        tkt__error_load(&why);
    }
    return no_places(tx, booking, NULL);
}

/* ---- after a failed attempt ------------------------------------------------------------------------------- */

int32_t tkt__unpin(tkt__tx *tx, tkt__claim *claim, const tkt__booking *booking)
{
    int64_t now = tkt__tx_now(tx);
    if (tkt__claim_state_at(claim, now) != TKT_HOLD_PINNED || claim->booking_id != booking->id)
        return TKT_DONE;
    uint32_t grace = tkt__second_of(now + TKT_GRACE_MS);
    uint32_t most = claim->pin_cap_s + (uint32_t)(TKT_GRACE_MS / 1000);
    if (grace > most)
        grace = most;
    claim->state = TKT_HOLD_ACTIVE;
    if (claim->hold_expires_s < grace)
        claim->hold_expires_s = grace;
    int32_t status = tkt__inventory_move(tx, claim, claim->hold_expires_s);
    return status == TKT_DONE ? tkt__claim_save(tx, claim) : status;
}

int32_t tkt__booking_outcome(const tkt__booking *booking, int64_t hold_expires_ms)
{
    tkt_cause cause = { .kind = TKT_CAUSE_PAYMENT_DECLINED, .id = booking->intent_id };
    switch (booking->state) {
    case TKT_BOOKING_AWAITING:
        return TKT_PENDING;
    case TKT_BOOKING_FAILED:
        cause.earliest_ms = hold_expires_ms;
        tkt__refuse(TKT_DECLINED, "the payment for booking %llu failed", (unsigned long long)booking->id);
        tkt__cause(&cause);
        return TKT_DECLINED;
    case TKT_BOOKING_REFUND_DUE:
        tkt__refuse(TKT_REFUND_DUE, "booking %llu has money and no places: refund it", (unsigned long long)booking->id);
        cause.kind = TKT_CAUSE_MONEY_HELD;
        tkt__cause(&cause);
        return TKT_REFUND_DUE;
    default:
        return TKT_DONE;
    }
}
