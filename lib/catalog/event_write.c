/* SPDX-License-Identifier: MIT
 *
 * catalog/event_write.c: the one way in for event records: the record with every row that follows
 * from it. Called by bodies of the calls (event.c) and of the import.
 *
 * Rows: TKT__T_EVENT event → record; TKT__T_NAME 'e' external id → event;
 *       TKT__T_EVENT_LIST 'd' start event, 'v' venue start event, 'p' performer start event,
 *       'c' chart start event (moved here, made by sale.c); the count row.
 * Invariants: list rows and record always agree, both ways; only rows that differ are written, so
 * an update of a description touches no list. One body, so a crash leaves all of it or nothing.
 */
#include "catalog/internal.h"
#include "catalog/sale.h"

static const uint8_t count_key[9] = { TKT__N_EVENT, 0, 0, 0, 0, 0, 0, 0, 0 };

/* What a body knows of one side of a change; `there` is false when there is no such record. */
typedef struct side {
    bool there;
    tkt__slice record;
    tkt__event_head head;
    tkt_text external;
} side;

static int32_t side_of(tkt__slice record, side *out)
{
    memset(out, 0, sizeof(*out));
    out->record = record;
    out->there = record.n > 0;
    if (!out->there)
        return TKT_DONE;
    int32_t rc = tkt__event_head_of(record, &out->head);
    return rc != TKT_DONE ? rc : tkt__event_external(record, &out->external);
}

static int32_t list_write(tkt__tx *tx, bool put, uint8_t kind, uint64_t owner, int64_t start,
                          uint64_t event)
{
    uint8_t key[TKT__LIST_KEY_MAX];
    size_t n = tkt__list_key(kind, owner, start, event, key);
    tkt__slice k = tkt__slice_of(key, n), none = { key, 0 };
    return put ? tkt__tx_put(tx, TKT__T_EVENT_LIST, k, none)
               : tkt__tx_del(tx, TKT__T_EVENT_LIST, k);
}

/* ---- list rows that one side has and the other has not --------------------------------------- */

static bool has_performer(const side *s, uint64_t performer)
{
    for (uint32_t i = 0; i < s->head.performers; i++)
        if (tkt__event_performer_at(s->record, i) == performer)
            return true;
    return false;
}

/* Writes (or deletes) the rows of `of` that `other` does not have too. */
static int32_t list_difference(tkt__tx *tx, bool put, uint64_t id, const side *of,
                               const side *other)
{
    if (!of->there)
        return TKT_DONE;
    bool same_start = other->there && other->head.start_ms == of->head.start_ms;
    int64_t start = of->head.start_ms;
    int32_t rc = TKT_DONE;
    if (!same_start)
        rc = list_write(tx, put, TKT__E_DATE, 0, start, id);
    uint64_t venue = of->head.venue_id;
    if (rc == TKT_DONE && venue != 0 && !(same_start && other->head.venue_id == venue))
        rc = list_write(tx, put, TKT__E_VENUE, venue, start, id);
    for (uint32_t i = 0; rc == TKT_DONE && i < of->head.performers; i++) {
        uint64_t performer = tkt__event_performer_at(of->record, i);
        if (!(same_start && has_performer(other, performer)))
            rc = list_write(tx, put, TKT__E_PERFORMER, performer, start, id);
    }
    return rc;
}

/* The chart's list row follows the start; an event that goes loses it. */
static int32_t chart_row(tkt__tx *tx, uint64_t id, const side *old, const side *new)
{
    if (!old->there || (new->there &&new->head.start_ms == old->head.start_ms))
        return TKT_DONE;
    uint64_t chart = 0;
    int32_t rc = tkt__sale_chart(tx, id, &chart);
    if (rc != TKT_DONE || chart == 0)
        return rc;
    rc = list_write(tx, false, TKT__E_CHART, chart, old->head.start_ms, id);
    if (rc == TKT_DONE && new->there)
        rc = list_write(tx, true, TKT__E_CHART, chart, new->head.start_ms, id);
    return rc;
}

/* ---- the external id ------------------------------------------------------------------------- */

static int32_t external_rows(tkt__tx *tx, uint64_t id, const side *old, const side *new)
{
    uint8_t key[TKT__KEY_MAX];
    size_t n = 0;
    int32_t rc = TKT_DONE;
    if (old->external.len == new->external.len &&
        (old->external.len == 0 ||
         memcmp(old->external.ptr, new->external.ptr, old->external.len) == 0))
        return TKT_DONE;
    if (old->external.len > 0) {
        rc = tkt__event_key(old->external, key, &n);
        if (rc == TKT_DONE)
            rc = tkt__tx_del(tx, TKT__T_NAME, tkt__slice_of(key, n));
    }
    if (rc == TKT_DONE && new->external.len > 0) {
        rc = tkt__event_key(new->external, key, &n);
        if (rc == TKT_DONE)
            rc = tkt__row_id_put(tx, TKT__T_NAME, tkt__slice_of(key, n), id);
    }
    return rc;
}

int32_t tkt__event_external_check(tkt__tx *tx, tkt_text external, uint64_t self)
{
    if (external.len == 0)
        return TKT_DONE;
    uint8_t key[TKT__KEY_MAX];
    size_t n = 0;
    uint64_t owner = 0;
    int32_t rc = tkt__event_key(external, key, &n);
    if (rc == TKT_DONE)
        rc = tkt__row_id(tx, TKT__T_NAME, tkt__slice_of(key, n), &owner);
    if (rc == TKT_NOT_FOUND)
        return TKT_DONE;
    if (rc != TKT_DONE)
        return rc;
    return owner == self ? TKT_DONE : tkt__refuse_taken("event", owner);
}

int32_t tkt__event_refs_check(tkt__tx *tx, tkt__slice record)
{
    tkt__event_head head;
    tkt__slice found;
    int32_t rc = tkt__event_head_of(record, &head);
    if (rc != TKT_DONE)
        return rc;
    if (head.venue_id != 0) {
        rc = tkt__entity_get(tx, TKT__N_VENUE, head.venue_id, &found);
        if (rc != TKT_DONE)
            return rc == TKT_NOT_FOUND ? tkt__refuse_missing("venue", head.venue_id) : rc;
    }
    for (uint32_t i = 0; i < head.performers; i++) {
        uint64_t performer = tkt__event_performer_at(record, i);
        rc = tkt__entity_get(tx, TKT__N_PERFORMER, performer, &found);
        if (rc != TKT_DONE)
            return rc == TKT_NOT_FOUND ? tkt__refuse_missing("performer", performer) : rc;
    }
    return TKT_DONE;
}

/* ---- feed ------------------------------------------------------------------------------------ */

static int32_t feed_event(tkt__tx *tx, tkt__guard guard, uint8_t kind, uint64_t id, uint32_t status)
{
    uint8_t payload[9];
    tkt__writer w = tkt__writer_of(payload, sizeof(payload));
    tkt__put_u64(&w, id);
    if (kind == TKT__F_EVENT_CHANGED)
        tkt__put_u8(&w, (uint8_t)status);
    return tkt__feed_append(tx, guard, kind, payload, w.n);
}

/* An added event has nobody who follows it yet, and its own guard is not held: catalogue alone. */
static int32_t feed_change(tkt__tx *tx, uint64_t id, const side *old, const side *new)
{
    uint8_t kind = !old->there   ? TKT__F_EVENT_ADDED
                   : !new->there ? TKT__F_EVENT_DELETED
                                 : TKT__F_EVENT_CHANGED;
    int32_t rc = feed_event(tx, tkt__guard_of(TKT__G_CATALOG, 0), kind, id, new->head.status);
    if (rc == TKT_DONE && old->there)
        rc = feed_event(tx, tkt__guard_of(TKT__G_EVENT, id), kind, id, new->head.status);
    return rc;
}

/* ---- the change as a whole ------------------------------------------------------------------- */

static int32_t follow(tkt__tx *tx, tkt_store *store, uint64_t id, const side *old, const side *new)
{
    int32_t rc = external_rows(tx, id, old, new);
    if (rc == TKT_DONE)
        rc = list_difference(tx, false, id, old, new);
    if (rc == TKT_DONE)
        rc = list_difference(tx, true, id, new, old);
    if (rc == TKT_DONE)
        rc = chart_row(tx, id, old, new);
    if (rc == TKT_DONE && old->there != new->there)
        rc = tkt__count_add(tx, TKT__T_ENTITY, tkt__slice_of(count_key, sizeof(count_key)),
                            new->there ? 1 : -1);
    if (rc == TKT_DONE)
        rc = feed_change(tx, id, old, new);
    if (rc == TKT_DONE && store->change.event_changed != NULL)
        rc = store->change.event_changed(store->change.user, tx, id, old->record, new->record);
    return rc;
}

int32_t tkt__event_put(tkt__tx *tx, tkt_store *store, uint64_t id, tkt__slice old_record,
                       tkt__slice new_record)
{
    side old, new;
    uint8_t key[8];
    tkt__be64(key, id);
    tkt__slice k = tkt__slice_of(key, sizeof(key));
    int32_t rc = side_of(old_record, &old);
    if (rc == TKT_DONE)
        rc = side_of(new_record, &new);
    if (rc == TKT_DONE)
        rc = old.there ? tkt__tx_put(tx, TKT__T_EVENT, k, new_record)
                       : tkt__tx_insert(tx, TKT__T_EVENT, k, new_record);
    return rc != TKT_DONE ? rc : follow(tx, store, id, &old, &new);
}

int32_t tkt__event_remove(tkt__tx *tx, tkt_store *store, uint64_t id, tkt__slice old_record)
{
    side old, none;
    uint8_t key[8];
    tkt__be64(key, id);
    tkt__slice k = tkt__slice_of(key, sizeof(key));
    int32_t rc = side_of(old_record, &old);
    if (rc == TKT_DONE)
        rc = side_of(tkt__slice_of(key, 0), &none);
    if (rc == TKT_DONE)
        rc = follow(tx, store, id, &old, &none); /* before the sale row goes: it names the chart */
    if (rc == TKT_DONE)
        rc = tkt__tx_del(tx, TKT__T_SALE, k);
    if (rc == TKT_DONE)
        rc = tkt__tx_del(tx, TKT__T_EVENT, k);
    return rc;
}
