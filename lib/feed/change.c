/* SPDX-License-Identifier: MIT
 *
 * feed/change.c: one feed row as a tkt_change.
 *
 * The row's bytes are in docs/format.md. A kind that a newer library wrote is given with its number and nothing else:
 * a reader that does not know it can still count its sequence. Pure, but for memory of the transaction.
 */
#include "feed/feed.h"

_Static_assert(TKT_CHANGE_EVENT_ADDED == (uint32_t)TKT__F_EVENT_ADDED && TKT_CHANGE_SEATS == (uint32_t)TKT__F_SEATS &&
                   TKT_CHANGE_CLOCK == (uint32_t)TKT__F_CLOCK_RESET,
               "the public kinds are the stored ones");

static const char *const names[] = { "unknown", "event_added", "event", "event_deleted", "venue", "performer",
                                     "chart_added", "sale", "user", "seats", "area", "claim", "booking", "intent",
                                     "refund", "tickets", "clock", "queue" };

void tkt_change_init(tkt_change *change)
{
    if (change == NULL)
        return;
    memset(change, 0, sizeof *change);
    change->size = (uint32_t)sizeof *change;
}

const char *tkt_change_name(uint32_t kind)
{
    return names[kind < sizeof names / sizeof *names ? kind : 0];
}

static uint32_t scope_of(uint8_t guard_kind)
{
    switch (guard_kind) {
    case TKT__G_EVENT: return TKT_FEED_EVENT;
    case TKT__G_CATALOG: return TKT_FEED_CATALOG;
    case TKT__G_USER: return TKT_FEED_USER;
    default: return TKT_FEED_STORE;
    }
}

static int64_t ends_ms(uint32_t second)
{
    return second == 0 || second == TKT__SECOND_NEVER ? 0 : tkt__second_ms(second);
}

static int32_t read_ranges(tkt__tx *tx, tkt__reader *r, tkt_change *c)
{
    c->range_count = tkt__get_u16(r);
    if (c->range_count == 0 || r->bad)
        return TKT_DONE;
    tkt_range *ranges = tkt__tx_memory(tx, c->range_count * sizeof *ranges);
    if (ranges == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for a feed record");
    for (uint32_t i = 0; i < c->range_count; i++) {
        ranges[i].first = tkt__get_u32(r);
        ranges[i].count = tkt__get_u16(r);
    }
    c->ranges = ranges;
    return TKT_DONE;
}

static int32_t read_places(tkt__tx *tx, tkt__reader *r, tkt_change *c)
{
    c->claim = tkt__get_u32(r);
    if (c->kind == TKT_CHANGE_AREA) {
        c->area_id = tkt__get_u32(r);
        c->capacity = tkt__get_u32(r);
        c->sold = tkt__get_u32(r);
        c->held = tkt__get_u32(r);
        return TKT_DONE;
    }
    c->state = tkt__get_u8(r);
    c->expires_ms = ends_ms(tkt__get_u32(r));
    return c->kind == TKT_CHANGE_SEATS ? read_ranges(tx, r, c) : TKT_DONE;
}

static int32_t read_payload(tkt__tx *tx, tkt__reader *r, tkt_change *c)
{
    switch (c->kind) {
    case TKT_CHANGE_EVENT_ADDED:
    case TKT_CHANGE_EVENT_DELETED:
    case TKT_CHANGE_SALE:
        c->id = tkt__get_u64(r);
        break;
    case TKT_CHANGE_EVENT:
    case TKT_CHANGE_VENUE:
    case TKT_CHANGE_PERFORMER:
    case TKT_CHANGE_USER:
    case TKT_CHANGE_BOOKING:
    case TKT_CHANGE_INTENT:
        c->id = tkt__get_u64(r);
        c->state = tkt__get_u8(r);
        break;
    case TKT_CHANGE_CHART_ADDED:
        c->id = tkt__get_u64(r);
        c->number = tkt__get_u32(r);
        break;
    case TKT_CHANGE_REFUND:
    case TKT_CHANGE_TICKETS:
    case TKT_CHANGE_QUEUE:
        c->id = tkt__get_u64(r);
        c->number = tkt__get_u32(r);
        c->state = tkt__get_u8(r);
        break;
    case TKT_CHANGE_CLOCK:
        c->expires_ms = tkt__get_i64(r);
        break;
    case TKT_CHANGE_SEATS:
    case TKT_CHANGE_AREA:
    case TKT_CHANGE_CLAIM:
        return read_places(tx, r, c);
    default:
        break;
    }
    return TKT_DONE;
}

int32_t tkt__change_decode(tkt__tx *tx, tkt__slice key, tkt__slice value, tkt_change *change)
{
    tkt__reader r = tkt__reader_of(value);
    tkt_change_init(change);
    change->kind = tkt__get_u8(&r);
    change->instant_ms = tkt__get_i64(&r);
    change->scope = scope_of(key.p[0]);
    change->owner = tkt__get_be64(key.p + 1);
    change->seq = tkt__get_be64(key.p + TKT__GUARD_BYTES);
    int32_t status = read_payload(tx, &r, change);
    if (status == TKT_DONE && r.bad)
        return tkt__fail(TKT_E_CORRUPT, "feed record %llu of guard %c:%llu is malformed", (unsigned long long)change->seq,
                         key.p[0], (unsigned long long)change->owner);
    return status;
}
