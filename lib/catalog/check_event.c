/* SPDX-License-Identifier: MIT
 *
 * catalog/check_event.c: the catalogue's part of tkt_check: events and their list rows, both ways.
 *
 * Rules, by their names in a problem:
 *   record, id, name-missing  see check.c
 *   event-ref                 a venue or performer that is not there
 *   list-missing              a record without one of its list rows
 *   list-row                  a list row that no record asks for
 * Reads only: a crash leaves nothing behind.
 */
#include "catalog/chart.h"
#include "catalog/check.h"
#include "catalog/sale.h"

typedef unsigned long long ull;

int32_t tkt__list_there(tkt__tx *tx, uint8_t kind, uint64_t owner, int64_t start_ms, uint64_t event)
{
    uint8_t key[TKT__LIST_KEY_MAX];
    tkt__slice value;
    size_t n = tkt__list_key(kind, owner, start_ms, event, key);
    return tkt__tx_get(tx, TKT__T_EVENT_LIST, tkt__slice_of(key, n), &value);
}

/* ---- record → rows --------------------------------------------------------------------------- */

static int32_t want_list(tkt__walk *walk, uint8_t kind, uint64_t owner, int64_t start, uint64_t id)
{
    int32_t rc = tkt__list_there(walk->tx, kind, owner, start, id);
    if (rc != TKT_NOT_FOUND)
        return rc;
    return tkt__problem(walk->problems, "list-missing", "event %llu is not in list '%c' of %llu",
                        (ull)id, kind, (ull)owner);
}

/* An object that the event names, and the event in its list. */
static int32_t want_owner(tkt__walk *walk, uint8_t entity, uint8_t list, uint64_t owner,
                          int64_t start, uint64_t id)
{
    tkt__slice record;
    int32_t rc = tkt__entity_get(walk->tx, entity, owner, &record);
    if (rc == TKT_NOT_FOUND)
        rc = tkt__problem(walk->problems, "event-ref", "event %llu names %s %llu, not there",
                          (ull)id, entity == TKT__N_VENUE ? "venue" : "performer", (ull)owner);
    return rc != TKT_DONE ? rc : want_list(walk, list, owner, start, id);
}

static int32_t want_name(tkt__walk *walk, tkt__slice record, uint64_t id)
{
    tkt_text external;
    uint8_t key[TKT__KEY_MAX];
    size_t n = 0;
    uint64_t owner = 0;
    int32_t rc = tkt__event_external(record, &external);
    if (rc != TKT_DONE || external.len == 0)
        return rc;
    rc = tkt__event_key(external, key, &n);
    if (rc == TKT_DONE)
        rc = tkt__row_id(walk->tx, TKT__T_NAME, tkt__slice_of(key, n), &owner);
    if (rc == TKT_DONE ? owner != id : rc == TKT_NOT_FOUND)
        return tkt__problem(walk->problems, "name-missing",
                            "event %llu is not found by its external id", (ull)id);
    return rc;
}

static int32_t check_event(tkt__walk *walk, tkt__slice k, tkt__slice v)
{
    tkt_event event;
    if (k.n != 8)
        return tkt__problem(walk->problems, "record", "an event key has %zu bytes", k.n);
    uint64_t id = tkt__get_be64(k.p);
    walk->seen[TKT__ID_EVENT]++;
    int32_t rc = tkt__check_id(walk, TKT__ID_EVENT, id, "event");
    if (rc != TKT_DONE)
        return rc;
    rc = tkt__event_decode(v, id, &event);
    if (rc != TKT_DONE)
        return tkt__check_decoded(walk, rc, "record");
    rc = want_list(walk, TKT__E_DATE, 0, event.start_ms, id);
    if (rc == TKT_DONE && event.venue_id != 0)
        rc = want_owner(walk, TKT__N_VENUE, TKT__E_VENUE, event.venue_id, event.start_ms, id);
    for (uint32_t i = 0; rc == TKT_DONE && i < event.performer_count; i++)
        rc = want_owner(walk, TKT__N_PERFORMER, TKT__E_PERFORMER, tkt__event_performer_at(v, i),
                        event.start_ms, id);
    return rc != TKT_DONE ? rc : want_name(walk, v, id);
}

/* ---- row → record ---------------------------------------------------------------------------- */

static int32_t bad_row(tkt__walk *walk, uint8_t kind, uint64_t owner, uint64_t event)
{
    return tkt__problem(walk->problems, "list-row",
                        "list '%c' of %llu has event %llu, whose record does not say so", kind,
                        (ull)owner, (ull)event);
}

static bool names_performer(tkt__slice record, uint32_t count, uint64_t performer)
{
    for (uint32_t i = 0; i < count; i++)
        if (tkt__event_performer_at(record, i) == performer)
            return true;
    return false;
}

/* A row venue → chart: the chart's newest version must belong to that venue. */
static int32_t check_venue_chart(tkt__walk *walk, uint64_t venue, uint64_t chart)
{
    uint32_t version = 0;
    tkt__chart_header h;
    int32_t rc = tkt__chart_newest(walk->tx, chart, &version);
    if (rc == TKT_DONE)
        rc = tkt__chart_header_get(walk->tx, chart, version, &h);
    if (rc == TKT_DONE && h.venue == venue)
        return TKT_DONE;
    if (rc != TKT_DONE && rc != TKT_NOT_FOUND)
        return tkt__check_decoded(walk, rc, "chart");
    return tkt__problem(walk->problems, "list-row", "venue %llu lists chart %llu, not its own",
                        (ull)venue, (ull)chart);
}

static int32_t check_list(tkt__walk *walk, tkt__slice k, tkt__slice v)
{
    (void)v;
    size_t at = k.n > 0 && k.p[0] == TKT__E_DATE ? 1 : 9;
    if (k.n != at + 16)
        return tkt__problem(walk->problems, "list-row", "a list key has %zu bytes", k.n);
    uint8_t kind = k.p[0];
    uint64_t owner = at == 9 ? tkt__get_be64(k.p + 1) : 0, id = tkt__get_be64(k.p + at + 8), chart;
    if (kind == TKT__E_VENUE_CHART)
        return check_venue_chart(walk, owner, tkt__get_be64(k.p + 9));
    tkt__slice record;
    tkt__event_head head;
    int32_t rc = tkt__event_get(walk->tx, id, &record);
    if (rc == TKT_NOT_FOUND)
        return bad_row(walk, kind, owner, id);
    if (rc == TKT_DONE)
        rc = tkt__event_head_of(record, &head);
    if (rc != TKT_DONE)
        return tkt__check_decoded(walk, rc, "record");
    bool right = head.start_ms == tkt__get_be_instant(k.p + at);
    switch (kind) {
    case TKT__E_DATE: break;
    case TKT__E_VENUE: right = right && head.venue_id == owner; break;
    case TKT__E_PERFORMER: right = right && names_performer(record, head.performers, owner); break;
    case TKT__E_CHART:
        rc = tkt__sale_chart(walk->tx, id, &chart);
        if (rc != TKT_DONE)
            return tkt__check_decoded(walk, rc, "sale-row");
        right = right && chart == owner;
        break;
    default: right = false;
    }
    return right ? TKT_DONE : bad_row(walk, kind, owner, id);
}

int32_t tkt__check_events(tkt__walk *walk)
{
    int32_t rc = tkt__walk_table(walk, TKT__T_EVENT, check_event);
    return rc != TKT_DONE ? rc : tkt__walk_table(walk, TKT__T_EVENT_LIST, check_list);
}
