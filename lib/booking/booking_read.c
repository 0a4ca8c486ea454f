/* SPDX-License-Identifier: MIT
 *
 * booking/booking_read.c: bookings, tickets, intents and open money as a snapshot sees them. Writes
 * nothing.
 */
#include "booking/booking.h"

#define LIST_MOST 1000u

void tkt_booking_init(tkt_booking *booking)
{
    if (booking == NULL)
        return;
    memset(booking, 0, sizeof *booking);
    booking->size = (uint32_t)sizeof *booking;
}

void tkt_intent_init(tkt_intent *intent)
{
    if (intent == NULL)
        return;
    memset(intent, 0, sizeof *intent);
    intent->size = (uint32_t)sizeof *intent;
}

void tkt_ticket_init(tkt_ticket *ticket)
{
    if (ticket == NULL)
        return;
    memset(ticket, 0, sizeof *ticket);
    ticket->size = (uint32_t)sizeof *ticket;
}

/* ---- one record ---------------------------------------------------------------------------------------- */

void tkt__booking_to_public(const tkt__booking *b, const tkt__intent *intent, tkt_booking *out)
{
    tkt_booking_init(out);
    out->id = b->id;
    out->event_id = b->event_id;
    out->user_id = b->user_id;
    out->intent_id = b->intent_id;
    out->first_ticket = b->first_ticket;
    out->ticket_count = b->ticket_count;
    out->created_ms = b->created_ms;
    out->total_minor = b->total_minor;
    out->captured_minor = intent != NULL ? intent->captured_minor : 0;
    out->refunded_minor = intent != NULL ? intent->refunded_minor : 0;
    out->state = b->state;
    out->claim = b->claim;
    memcpy(out->currency, b->currency, sizeof out->currency);
    memcpy(out->buyer_key, b->buyer_key, sizeof out->buyer_key);
}

int32_t tkt_booking_view(tkt_snapshot *snapshot, uint64_t booking_id, tkt_booking *booking)
{
    tkt__tx *tx;
    uint64_t event_id;
    tkt__booking b;
    tkt__intent intent;
    tkt_booking out;
    int32_t status = tkt__snapshot_tx(snapshot, &tx);
    if (status == TKT_DONE)
        status = tkt__event_of(tx, TKT__L_BOOKING, booking_id, &event_id);
    if (status == TKT_DONE)
        status = tkt__booking_load(tx, event_id, booking_id, &b);
    if (status == TKT_DONE && b.intent_id != 0)
        status = tkt__intent_load(tx, event_id, b.intent_id, &intent);
    if (status != TKT_DONE)
        return status;
    tkt__booking_to_public(&b, b.intent_id != 0 ? &intent : NULL, &out);
    return tkt__struct_out(booking, &out, sizeof out, sizeof out, "tkt_booking");
}

int32_t tkt_intent_view(tkt_snapshot *snapshot, uint64_t intent_id, tkt_intent *intent)
{
    tkt__tx *tx;
    uint64_t event_id;
    tkt__intent in;
    tkt_intent out;
    int32_t status = tkt__snapshot_tx(snapshot, &tx);
    if (status == TKT_DONE)
        status = tkt__event_of(tx, TKT__L_INTENT, intent_id, &event_id);
    if (status == TKT_DONE)
        status = tkt__intent_load(tx, event_id, intent_id, &in);
    if (status != TKT_DONE)
        return status;
    tkt_intent_init(&out);
    out.state = in.state;
    out.id = in.id;
    out.booking_id = in.booking_id;
    out.event_id = in.event_id;
    out.amount_minor = in.amount_minor;
    out.captured_minor = in.captured_minor;
    out.refunded_minor = in.refunded_minor;
    out.refunding_minor = in.refunding_minor;
    out.created_ms = in.created_ms;
    out.refunds = in.refunds;
    out.external = in.external;
    memcpy(out.currency, in.currency, sizeof out.currency);
    return tkt__struct_out(intent, &out, sizeof out, sizeof out, "tkt_intent");
}

int32_t tkt_ticket_view(tkt_snapshot *snapshot, uint64_t ticket_id, tkt_ticket *ticket)
{
    tkt__tx *tx;
    uint64_t event_id;
    tkt__ticket t;
    tkt_ticket out;
    int32_t status = tkt__snapshot_tx(snapshot, &tx);
    if (status == TKT_DONE)
        status = tkt__event_of(tx, TKT__L_TICKET, ticket_id, &event_id);
    if (status == TKT_DONE)
        status = tkt__ticket_load(tx, event_id, ticket_id, &t);
    if (status != TKT_DONE)
        return status;
    tkt_ticket_init(&out);
    out.state = t.state;
    out.id = t.id;
    out.booking_id = t.booking_id;
    out.event_id = t.event_id;
    out.price_minor = t.price_minor;
    out.unit = t.unit;
    out.area_id = t.area_id;
    out.generation = t.generation;
    memcpy(out.currency, t.currency, sizeof out.currency);
    memcpy(out.code, t.code, sizeof out.code);
    return tkt__struct_out(ticket, &out, sizeof out, sizeof out, "tkt_ticket");
}

int32_t tkt_ticket_find(tkt_snapshot *snapshot, const uint8_t code[TKT_CODE_BYTES], uint64_t *ticket_id)
{
    tkt__tx *tx;
    uint8_t key[1 + TKT_CODE_BYTES];
    tkt__slice value;
    int32_t status = tkt__snapshot_tx(snapshot, &tx);
    if (status != TKT_DONE)
        return status;
    if (code == NULL || ticket_id == NULL)
        return tkt__fail(TKT_E_INVALID, "code or ticket_id is NULL");
    key[0] = TKT__L_CODE;
    memcpy(key + 1, code, TKT_CODE_BYTES);
    status = tkt__tx_get(tx, TKT__T_LOOKUP, tkt__slice_of(key, sizeof key), &value);
    if (status == TKT_NOT_FOUND)
        return tkt__refuse(status, "no ticket has this code");
    if (status != TKT_DONE)
        return status;
    tkt__reader r = tkt__reader_of(value);
    (void)tkt__get_u64(&r);
    *ticket_id = tkt__get_u64(&r);
    return r.bad ? tkt__fail(TKT_E_CORRUPT, "the lookup row of a ticket code is malformed") : TKT_DONE;
}

/* ---- lists -------------------------------------------------------------------------------------------------- */

/* Ids at `at` in the keys that begin with `prefix`, from the key `from` on. */
static int32_t list_ids(tkt_snapshot *snapshot, uint8_t table, tkt__slice prefix, tkt__slice from, size_t at,
                        uint64_t *ids, uint32_t cap, uint32_t *count)
{
    tkt__tx *tx;
    tkt__cursor *cursor;
    tkt__slice k, v;
    int32_t status = tkt__snapshot_tx(snapshot, &tx);
    if (status != TKT_DONE)
        return status;
    if (ids == NULL || count == NULL || cap == 0 || cap > LIST_MOST)
        return tkt__fail(TKT_E_INVALID, "ids and count must be given, and 1 to %u ids be asked for", LIST_MOST);
    *count = 0;
    status = tkt__tx_cursor_open(tx, table, &cursor);
    if (status != TKT_DONE)
        return status;
    status = tkt__cursor_seek(cursor, from, &k, &v);
    while (status == TKT_DONE && *count < cap && k.n >= at + 8 && memcmp(k.p, prefix.p, prefix.n) == 0) {
        ids[(*count)++] = tkt__get_be64(k.p + at);
        status = tkt__cursor_next(cursor, &k, &v);
    }
    tkt__cursor_close(cursor);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

int32_t tkt_booking_list(tkt_snapshot *snapshot, uint32_t by, uint64_t owner, uint64_t after, uint64_t *ids,
                         uint32_t cap, uint32_t *count)
{
    uint8_t from[17];
    if (by != TKT_BOOKINGS_OF_EVENT && by != TKT_BOOKINGS_OF_USER)
        return tkt__fail(TKT_E_INVALID, "bookings by %u: not one this library knows", by);
    if (owner == 0 || owner > TKT__ID_MAX || after > TKT__ID_MAX)
        return tkt__fail(TKT_E_INVALID, "an id is out of range");
    from[0] = TKT__L_USER_BOOKING;
    tkt__be64(from + 1, owner);
    tkt__be64(from + 9, after + 1);
    if (by == TKT_BOOKINGS_OF_EVENT)
        return list_ids(snapshot, TKT__T_BOOKING, tkt__slice_of(from + 1, 8), tkt__slice_of(from + 1, 16), 8, ids, cap,
                        count);
    return list_ids(snapshot, TKT__T_LOOKUP, tkt__slice_of(from, 9), tkt__slice_of(from, 17), 9, ids, cap, count);
}

int32_t tkt_money_list(tkt_snapshot *snapshot, uint32_t kind, uint64_t after_intent, uint64_t *intents, uint32_t cap,
                       uint32_t *count)
{
    static const uint8_t kinds[] = { 0, TKT__M_DOUBT, TKT__M_HELD, TKT__M_REFUND };
    uint8_t from[17];
    if (kind == 0 || kind >= sizeof kinds || after_intent > TKT__ID_MAX)
        return tkt__fail(TKT_E_INVALID, "money of kind %u: not one this library knows", kind);
    tkt__open_money_key(kinds[kind], after_intent + 1, 0, from);
    return list_ids(snapshot, TKT__T_OPEN_MONEY, tkt__slice_of(from, 1), tkt__slice_of(from, 17), 1, intents, cap,
                    count);
}
