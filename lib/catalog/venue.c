/* SPDX-License-Identifier: MIT
 *
 * catalog/venue.c: venues: create, update, delete, view, find.
 *
 * Rows: TKT__T_ENTITY 'v' ‖ venue → record; TKT__T_NAME folded key → venue; the count row.
 * Invariants: each venue has exactly one name row and each venue's name row names it; a venue that
 * an event or a chart names is never deleted. All under the catalogue's guard, one commit a call: a
 * crash leaves all of it or nothing.
 */
#include "catalog/internal.h"

static const uint8_t count_key[9] = { TKT__N_VENUE, 0, 0, 0, 0, 0, 0, 0, 0 };

static tkt__guard catalog_guard(void)
{
    return tkt__guard_of(TKT__G_CATALOG, 0);
}

static int32_t put_record(tkt__tx *tx, uint64_t id, tkt__slice record)
{
    uint8_t key[9];
    tkt__entity_key(TKT__N_VENUE, id, key);
    return tkt__tx_put(tx, TKT__T_ENTITY, tkt__slice_of(key, sizeof(key)), record);
}

/* TKT_EXISTS when the name belongs to another venue than `self`. */
static int32_t name_free(tkt__tx *tx, tkt__slice name_key, uint64_t self)
{
    uint64_t owner = 0;
    int32_t rc = tkt__row_id(tx, TKT__T_NAME, name_key, &owner);
    if (rc == TKT_NOT_FOUND)
        return TKT_DONE;
    if (rc != TKT_DONE)
        return rc;
    return owner == self ? TKT_DONE : tkt__refuse_taken("venue", owner);
}

int32_t tkt__venue_insert(tkt__tx *tx, uint64_t id, tkt__slice key, tkt__slice record)
{
    int32_t rc = put_record(tx, id, record);
    if (rc == TKT_DONE)
        rc = tkt__row_id_put(tx, TKT__T_NAME, key, id);
    if (rc == TKT_DONE)
        rc = tkt__count_add(tx, TKT__T_ENTITY, tkt__slice_of(count_key, sizeof(count_key)), 1);
    if (rc == TKT_DONE)
        rc = tkt__feed_what(tx, catalog_guard(), TKT__F_VENUE_CHANGED, id, TKT__WHAT_ADDED);
    return rc;
}

/* ---- create ---------------------------------------------------------------------------------- */

static int32_t apply_create(tkt__tx *tx, tkt__change *c)
{
    int32_t rc = name_free(tx, c->name_key, 0);
    return rc != TKT_DONE ? rc : tkt__venue_insert(tx, c->id, c->name_key, c->record);
}

typedef struct venue_bytes {
    uint8_t record[TKT__ENTITY_RECORD_MAX];
    uint8_t key[TKT__KEY_MAX];
    size_t record_n, key_n;
    uint64_t id;
    tkt_store *store;
} venue_bytes;

/* Validates the caller's struct and turns it into its bytes. */
static int32_t venue_in(const tkt_venue *given, venue_bytes *out)
{
    tkt_venue venue;
    int32_t rc = tkt__struct_in(&venue, sizeof(venue), given, sizeof(venue), "tkt_venue");
    if (rc != TKT_DONE)
        return rc;
    out->id = venue.id;
    rc = tkt__venue_encode(&venue, out->record, sizeof(out->record), &out->record_n);
    if (rc == TKT_DONE)
        rc = tkt__venue_key(venue.name, venue.city, venue.country, out->key, &out->key_n);
    return rc;
}

int32_t tkt_venue_create(tkt_store *store, const tkt_venue *venue, const uint8_t *key,
                         uint32_t flags, tkt_created *created)
{
    venue_bytes in;
    int32_t rc = tkt__store_writable(store);
    if (rc == TKT_DONE)
        rc = tkt__flags_check(flags);
    if (rc == TKT_DONE)
        rc = venue_in(venue, &in);
    if (rc != TKT_DONE)
        return rc;
    if (in.id != 0)
        return tkt__fail(TKT_E_INVALID, "a new venue has no id: it must be 0");
    tkt__change change = {
        .store = store,
        .scope = catalog_guard(),
        .op = TKT__OP_VENUE_CREATE,
        .id_kind = TKT__ID_VENUE,
        .record = { in.record, in.record_n },
        .name_key = { in.key, in.key_n },
        .apply = apply_create,
    };
    return tkt__create_run(&change, key, flags, created);
}

/* ---- update ---------------------------------------------------------------------------------- */

static int32_t old_name_key(tkt__slice record, uint64_t id, uint8_t key[TKT__KEY_MAX], size_t *n)
{
    tkt_venue old;
    int32_t rc = tkt__venue_decode(record, id, &old);
    return rc != TKT_DONE ? rc : tkt__venue_key(old.name, old.city, old.country, key, n);
}

static int32_t update_body(tkt__tx *tx, void *ctx)
{
    const venue_bytes *in = (const venue_bytes *)ctx;
    tkt__slice old, now = tkt__slice_of(in->record, in->record_n);
    tkt__slice name = tkt__slice_of(in->key, in->key_n);
    int32_t rc = tkt__entity_get(tx, TKT__N_VENUE, in->id, &old);
    if (rc == TKT_NOT_FOUND)
        return tkt__refuse_missing("venue", in->id);
    if (rc != TKT_DONE)
        return rc;
    if (tkt__slice_compare(old, now) == 0)
        return TKT_DONE;
    rc = name_free(tx, name, in->id);
    uint8_t key[TKT__KEY_MAX];
    size_t n = 0;
    if (rc == TKT_DONE)
        rc = old_name_key(old, in->id, key, &n);
    if (rc == TKT_DONE && tkt__slice_compare(tkt__slice_of(key, n), name) != 0) {
        rc = tkt__tx_del(tx, TKT__T_NAME, tkt__slice_of(key, n));
        if (rc == TKT_DONE)
            rc = tkt__row_id_put(tx, TKT__T_NAME, name, in->id);
    }
    if (rc == TKT_DONE)
        rc = put_record(tx, in->id, now);
    if (rc == TKT_DONE)
        rc = tkt__entity_changed(in->store, tx, TKT__N_VENUE, in->id, old, now);
    if (rc == TKT_DONE)
        rc = tkt__feed_what(tx, catalog_guard(), TKT__F_VENUE_CHANGED, in->id, TKT__WHAT_CHANGED);
    return rc;
}

int32_t tkt_venue_update(tkt_store *store, const tkt_venue *venue, uint32_t flags)
{
    venue_bytes in;
    int32_t rc = tkt__store_writable(store);
    if (rc == TKT_DONE)
        rc = tkt__flags_check(flags);
    if (rc == TKT_DONE)
        rc = venue_in(venue, &in);
    if (rc == TKT_DONE)
        rc = tkt__id_check(in.id, "venue");
    if (rc != TKT_DONE)
        return rc;
    in.store = store;
    return tkt__entity_update(store, TKT__N_VENUE, in.id, flags, update_body, &in);
}

/* ---- delete ---------------------------------------------------------------------------------- */

/* TKT_IN_USE when a list row of `kind` under the venue names an event or a chart. */
static int32_t list_empty(tkt__tx *tx, uint8_t kind, uint64_t venue)
{
    uint8_t prefix[9];
    tkt__entity_key(kind, venue, prefix);
    tkt__cursor *cursor;
    int32_t rc = tkt__tx_cursor_open(tx, TKT__T_EVENT_LIST, &cursor);
    if (rc != TKT_DONE)
        return rc;
    tkt__slice k, v;
    rc = tkt__cursor_seek(cursor, tkt__slice_of(prefix, sizeof(prefix)), &k, &v);
    bool used = rc == TKT_DONE && k.n == TKT__LIST_KEY_MAX && memcmp(k.p, prefix, 9) == 0;
    uint64_t event = used ? tkt__get_be64(k.p + 17) : 0, chart = used ? tkt__get_be64(k.p + 9) : 0;
    tkt__cursor_close(cursor);
    if (rc != TKT_DONE && rc != TKT_NOT_FOUND)
        return rc;
    if (!used)
        return TKT_DONE;
    return kind == TKT__E_VENUE ? tkt__refuse_used("venue", event, "event")
                                : tkt__refuse_used("venue", chart, "chart");
}

static int32_t apply_delete(tkt__tx *tx, tkt__change *c)
{
    tkt__slice old;
    int32_t rc = tkt__entity_get(tx, TKT__N_VENUE, c->id, &old);
    if (rc == TKT_NOT_FOUND)
        return tkt__refuse_missing("venue", c->id);
    if (rc == TKT_DONE)
        rc = list_empty(tx, TKT__E_VENUE, c->id);
    if (rc == TKT_DONE)
        rc = list_empty(tx, TKT__E_VENUE_CHART, c->id);
    uint8_t name[TKT__KEY_MAX], key[9];
    size_t n = 0;
    if (rc == TKT_DONE)
        rc = old_name_key(old, c->id, name, &n);
    if (rc == TKT_DONE)
        rc = tkt__tx_del(tx, TKT__T_NAME, tkt__slice_of(name, n));
    tkt__entity_key(TKT__N_VENUE, c->id, key);
    if (rc == TKT_DONE)
        rc = tkt__tx_del(tx, TKT__T_ENTITY, tkt__slice_of(key, sizeof(key)));
    if (rc == TKT_DONE)
        rc = tkt__count_add(tx, TKT__T_ENTITY, tkt__slice_of(count_key, sizeof(count_key)), -1);
    if (rc == TKT_DONE)
        rc = tkt__feed_what(tx, catalog_guard(), TKT__F_VENUE_CHANGED, c->id, TKT__WHAT_DELETED);
    return rc;
}

int32_t tkt_venue_delete(tkt_store *store, uint64_t id, const uint8_t *key, uint32_t flags)
{
    int32_t rc = tkt__store_writable(store);
    if (rc == TKT_DONE)
        rc = tkt__flags_check(flags);
    if (rc == TKT_DONE)
        rc = tkt__id_check(id, "venue");
    if (rc != TKT_DONE)
        return rc;
    tkt__change change = {
        .store = store,
        .scope = catalog_guard(),
        .op = TKT__OP_VENUE_DELETE,
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
    if (rc == TKT_DONE)
        rc = tkt__id_check(id, "venue");
    if (rc != TKT_DONE)
        return rc;
    rc = tkt__entity_get(tx, TKT__N_VENUE, id, record);
    return rc == TKT_NOT_FOUND ? tkt__refuse_missing("venue", id) : rc;
}

static int32_t venue_out(tkt__slice record, uint64_t id, tkt_venue *venue)
{
    tkt_venue out;
    int32_t rc = tkt__venue_decode(record, id, &out);
    return rc != TKT_DONE ? rc
                          : tkt__struct_out(venue, &out, sizeof(out), sizeof(out), "tkt_venue");
}

int32_t tkt_venue_view(tkt_snapshot *snapshot, uint64_t id, tkt_venue *venue)
{
    tkt__slice record;
    int32_t rc = get_record(snapshot, id, &record);
    return rc != TKT_DONE ? rc : venue_out(record, id, venue);
}

int32_t tkt_venue_copy(tkt_snapshot *snapshot, uint64_t id, tkt_venue *venue, char *buf, size_t cap,
                       size_t *needed)
{
    tkt__slice record;
    if (needed == NULL)
        return tkt__fail(TKT_E_INVALID, "needed is NULL");
    *needed = 0;
    int32_t rc = get_record(snapshot, id, &record);
    if (rc == TKT_DONE)
        rc = tkt__record_copy(record, buf, cap, needed);
    return rc != TKT_DONE ? rc : venue_out(tkt__slice_of(buf, record.n), id, venue);
}

int32_t tkt_venue_find(tkt_snapshot *snapshot, tkt_text name, tkt_text city, tkt_text country,
                       uint64_t *id)
{
    tkt__tx *tx;
    uint8_t key[TKT__KEY_MAX];
    size_t n = 0;
    int32_t rc = tkt__snapshot_tx(snapshot, &tx);
    if (rc != TKT_DONE)
        return rc;
    if (id == NULL)
        return tkt__fail(TKT_E_INVALID, "id is NULL");
    rc = tkt__venue_key(name, city, country, key, &n);
    if (rc != TKT_DONE)
        return rc;
    rc = tkt__row_id(tx, TKT__T_NAME, tkt__slice_of(key, n), id);
    return rc == TKT_NOT_FOUND ? tkt__refuse(rc, "there is no venue of this name") : rc;
}
