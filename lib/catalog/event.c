/* SPDX-License-Identifier: MIT
 *
 * catalog/event.c: events: create, update, status, delete, view, find.
 *
 * Rows: see event_write.c. Guards: a creation holds the catalogue's alone, for its id is fresh;
 * everything later holds the catalogue's and the event's, so that a reserve, which holds the
 * event's alone, sees the record stand still.
 * Invariants: cancelled is the end of an event's status; an event with bookings or live holds is
 * never deleted. One commit a call: a crash leaves all of it or nothing.
 */
#include "catalog/internal.h"

typedef struct event_bytes {
    tkt_store *store;
    uint8_t *record; /* TKT__EVENT_RECORD_MAX bytes of the host's memory */
    size_t n;
    uint64_t id;
    tkt_text external; /* points into record */
} event_bytes;

static void event_bytes_free(event_bytes *b)
{
    tkt__free(&b->store->hooks, b->record, TKT__EVENT_RECORD_MAX);
}

/* Validates the caller's struct and turns it into its bytes; on success b->record must be freed. */
static int32_t event_in(tkt_store *store, const tkt_event *given, event_bytes *b)
{
    tkt_event event;
    memset(b, 0, sizeof(*b));
    b->store = store;
    int32_t rc = tkt__struct_in(&event, sizeof(event), given, sizeof(event), "tkt_event");
    if (rc != TKT_DONE)
        return rc;
    b->id = event.id;
    b->record = (uint8_t *)tkt__alloc(&store->hooks, TKT__EVENT_RECORD_MAX);
    if (b->record == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for an event record");
    rc = tkt__event_encode(&event, b->record, TKT__EVENT_RECORD_MAX, &b->n);
    if (rc == TKT_DONE)
        rc = tkt__event_order_check(&event);
    if (rc == TKT_DONE)
        rc = tkt__event_external(tkt__slice_of(b->record, b->n), &b->external);
    if (rc != TKT_DONE)
        event_bytes_free(b);
    return rc;
}

static int32_t door(const tkt_store *store, uint32_t flags)
{
    int32_t rc = tkt__store_writable(store);
    return rc != TKT_DONE ? rc : tkt__flags_check(flags);
}

static int32_t run_both(tkt_store *store, uint64_t id, uint32_t flags, tkt__body body, void *ctx)
{
    tkt__guard guards[2] = { tkt__guard_of(TKT__G_CATALOG, 0), tkt__guard_of(TKT__G_EVENT, id) };
    return tkt__store_run(store, guards, 2, flags, body, ctx);
}

/* ---- create ---------------------------------------------------------------------------------- */

static int32_t apply_create(tkt__tx *tx, tkt__change *c)
{
    tkt_text external;
    tkt__slice none = { c->record.p, 0 };
    int32_t rc = tkt__event_external(c->record, &external);
    if (rc == TKT_DONE)
        rc = tkt__event_external_check(tx, external, 0);
    if (rc == TKT_DONE)
        rc = tkt__event_refs_check(tx, c->record);
    return rc != TKT_DONE ? rc : tkt__event_put(tx, c->store, c->id, none, c->record);
}

int32_t tkt_event_create(tkt_store *store, const tkt_event *event, const uint8_t *key,
                         uint32_t flags, tkt_created *created)
{
    event_bytes in;
    int32_t rc = door(store, flags);
    if (rc == TKT_DONE)
        rc = event_in(store, event, &in);
    if (rc != TKT_DONE)
        return rc;
    if (in.id != 0) {
        rc = tkt__fail(TKT_E_INVALID, "a new event has no id: it must be 0");
    } else {
        tkt__change change = {
            .store = store,
            .scope = { TKT__G_CATALOG, 0 },
            .op = TKT__OP_EVENT_CREATE,
            .id_kind = TKT__ID_EVENT,
            .record = { in.record, in.n },
            .apply = apply_create,
        };
        rc = tkt__create_run(&change, key, flags, created);
    }
    event_bytes_free(&in);
    return rc;
}

/* ---- update and status ----------------------------------------------------------------------- */

static int32_t status_allowed(uint64_t id, tkt__slice old, uint32_t status)
{
    tkt__event_head head;
    int32_t rc = tkt__event_head_of(old, &head);
    if (rc != TKT_DONE || head.status != TKT_EVENT_CANCELLED || status == TKT_EVENT_CANCELLED)
        return rc;
    tkt__refuse(TKT_CANCELLED, "event %llu is cancelled: that is the end", (unsigned long long)id);
    tkt_cause cause;
    memset(&cause, 0, sizeof(cause));
    cause.size = (uint32_t)sizeof(cause);
    cause.kind = TKT_CAUSE_EVENT_STATUS;
    cause.id = id;
    cause.have = TKT_EVENT_CANCELLED;
    tkt__cause(&cause);
    return TKT_CANCELLED;
}

static int32_t old_event(tkt__tx *tx, uint64_t id, tkt__slice *old)
{
    int32_t rc = tkt__event_get(tx, id, old);
    return rc == TKT_NOT_FOUND ? tkt__refuse_missing("event", id) : rc;
}

static int32_t update_body(tkt__tx *tx, void *ctx)
{
    const event_bytes *in = (const event_bytes *)ctx;
    tkt__slice old, now = tkt__slice_of(in->record, in->n);
    tkt__event_head head;
    int32_t rc = old_event(tx, in->id, &old);
    if (rc == TKT_DONE)
        rc = tkt__event_head_of(now, &head);
    if (rc == TKT_DONE)
        rc = status_allowed(in->id, old, head.status);
    if (rc != TKT_DONE || tkt__slice_compare(old, now) == 0)
        return rc;
    rc = tkt__event_external_check(tx, in->external, in->id);
    if (rc == TKT_DONE)
        rc = tkt__event_refs_check(tx, now);
    return rc != TKT_DONE ? rc : tkt__event_put(tx, in->store, in->id, old, now);
}

int32_t tkt_event_update(tkt_store *store, const tkt_event *event, uint32_t flags)
{
    event_bytes in;
    int32_t rc = door(store, flags);
    if (rc == TKT_DONE)
        rc = event_in(store, event, &in);
    if (rc != TKT_DONE)
        return rc;
    rc = tkt__id_check(in.id, "event");
    if (rc == TKT_DONE)
        rc = run_both(store, in.id, flags, update_body, &in);
    event_bytes_free(&in);
    return rc;
}

typedef struct status_change {
    tkt_store *store;
    uint64_t id;
    uint32_t status;
} status_change;

static int32_t status_body(tkt__tx *tx, void *ctx)
{
    const status_change *c = (const status_change *)ctx;
    tkt__slice old;
    int32_t rc = old_event(tx, c->id, &old);
    if (rc == TKT_DONE)
        rc = status_allowed(c->id, old, c->status);
    tkt__event_head head;
    if (rc == TKT_DONE)
        rc = tkt__event_head_of(old, &head);
    if (rc != TKT_DONE || head.status == c->status)
        return rc;
    uint8_t *now = (uint8_t *)tkt__tx_memory(tx, old.n);
    if (now == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for an event record");
    memcpy(now, old.p, old.n);
    now[TKT__EVENT_STATUS_AT] = (uint8_t)c->status;
    return tkt__event_put(tx, c->store, c->id, old, tkt__slice_of(now, old.n));
}

int32_t tkt_event_set_status(tkt_store *store, uint64_t id, uint32_t status, uint32_t flags)
{
    status_change change = { store, id, status };
    int32_t rc = door(store, flags);
    if (rc == TKT_DONE)
        rc = tkt__id_check(id, "event");
    if (rc != TKT_DONE)
        return rc;
    if (status < TKT_EVENT_SCHEDULED || status > TKT_EVENT_CANCELLED)
        return tkt__fail(TKT_E_INVALID, "event status %lu is not known", (unsigned long)status);
    return run_both(store, id, flags, status_body, &change);
}

/* ---- delete ---------------------------------------------------------------------------------- */

static int32_t apply_delete(tkt__tx *tx, tkt__change *c)
{
    tkt__slice old;
    int32_t rc = old_event(tx, c->id, &old);
    if (rc == TKT_DONE)
        rc = tkt__inventory.event_idle(tx, c->id);
    if (rc == TKT_DONE)
        rc = tkt__inventory.event_forget(tx, c->id);
    return rc != TKT_DONE ? rc : tkt__event_remove(tx, c->store, c->id, old);
}

int32_t tkt_event_delete(tkt_store *store, uint64_t id, const uint8_t *key, uint32_t flags)
{
    int32_t rc = door(store, flags);
    if (rc == TKT_DONE)
        rc = tkt__id_check(id, "event");
    if (rc != TKT_DONE)
        return rc;
    tkt__change change = {
        .store = store,
        .scope = { TKT__G_CATALOG, 0 },
        .op = TKT__OP_EVENT_DELETE,
        .own_guard = TKT__G_EVENT,
        .id = id,
        .apply = apply_delete,
    };
    return tkt__delete_run(&change, key, flags);
}

/* ---- reads ----------------------------------------------------------------------------------- */

static int32_t get_record(tkt_snapshot *snapshot, uint64_t id, tkt__slice *record)
{
    tkt__tx *tx;
    int32_t rc = tkt__snapshot_tx(snapshot, &tx);
    if (rc != TKT_DONE)
        return rc;
    rc = tkt__event_get(tx, id, record);
    return rc == TKT_NOT_FOUND ? tkt__refuse_missing("event", id) : rc;
}

/* The struct as we know it is decoded in place: the hot path copies nothing twice. */
static int32_t event_out(tkt__slice record, uint64_t id, tkt_event *event)
{
    if (event != NULL && event->size == sizeof(*event))
        return tkt__event_decode(record, id, event);
    tkt_event out;
    int32_t rc = tkt__event_decode(record, id, &out);
    return rc != TKT_DONE ? rc
                          : tkt__struct_out(event, &out, sizeof(out), sizeof(out), "tkt_event");
}

int32_t tkt_event_view(tkt_snapshot *snapshot, uint64_t id, tkt_event *event)
{
    tkt__slice record;
    int32_t rc = get_record(snapshot, id, &record);
    return rc != TKT_DONE ? rc : event_out(record, id, event);
}

int32_t tkt_event_copy(tkt_snapshot *snapshot, uint64_t id, tkt_event *event, char *buf, size_t cap,
                       size_t *needed)
{
    tkt__slice record;
    if (needed == NULL)
        return tkt__fail(TKT_E_INVALID, "needed is NULL");
    *needed = 0;
    int32_t rc = get_record(snapshot, id, &record);
    if (rc == TKT_DONE)
        rc = tkt__record_copy(record, buf, cap, needed);
    return rc != TKT_DONE ? rc : event_out(tkt__slice_of(buf, record.n), id, event);
}

int32_t tkt_event_find(tkt_snapshot *snapshot, tkt_text external_id, uint64_t *id)
{
    tkt__tx *tx;
    uint8_t key[TKT__KEY_MAX];
    size_t n = 0;
    int32_t rc = tkt__snapshot_tx(snapshot, &tx);
    if (rc != TKT_DONE)
        return rc;
    if (id == NULL)
        return tkt__fail(TKT_E_INVALID, "id is NULL");
    rc = tkt__event_key(external_id, key, &n);
    if (rc != TKT_DONE)
        return rc;
    rc = tkt__row_id(tx, TKT__T_NAME, tkt__slice_of(key, n), id);
    return rc == TKT_NOT_FOUND ? tkt__refuse(rc, "no event has this external id") : rc;
}

int32_t tkt_event_seq(tkt_snapshot *snapshot, uint64_t id, uint64_t *seq)
{
    tkt__slice record;
    int32_t rc = get_record(snapshot, id, &record);
    if (rc != TKT_DONE)
        return rc;
    if (seq == NULL)
        return tkt__fail(TKT_E_INVALID, "seq is NULL");
    tkt__tx *tx;
    tkt__guard_row row;
    rc = tkt__snapshot_tx(snapshot, &tx);
    if (rc == TKT_DONE)
        rc = tkt__tx_guard_row(tx, tkt__guard_of(TKT__G_EVENT, id), &row);
    if (rc == TKT_DONE)
        *seq = row.seq;
    return rc;
}

int32_t tkt__event_there(tkt__tx *tx, uint64_t event_id)
{
    tkt__slice record;
    return tkt__event_get(tx, event_id, &record);
}
