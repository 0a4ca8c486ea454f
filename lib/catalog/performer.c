/* SPDX-License-Identifier: MIT
 *
 * catalog/performer.c: performers: create, update, delete, view, find.
 *
 * Rows: TKT__T_ENTITY 'p' ‖ performer → record; TKT__T_NAME folded name → performer; the count row.
 * Invariants: each performer has exactly one name row; a performer that an event names is never
 * deleted. All under the catalogue's guard, one commit a call: a crash leaves all of it or nothing.
 */
#include "catalog/internal.h"

static const uint8_t count_key[9] = { TKT__N_PERFORMER, 0, 0, 0, 0, 0, 0, 0, 0 };

static tkt__guard catalog_guard(void)
{
    return tkt__guard_of(TKT__G_CATALOG, 0);
}

static int32_t put_record(tkt__tx *tx, uint64_t id, tkt__slice record)
{
    uint8_t key[9];
    tkt__entity_key(TKT__N_PERFORMER, id, key);
    return tkt__tx_put(tx, TKT__T_ENTITY, tkt__slice_of(key, sizeof(key)), record);
}

/* TKT_EXISTS when the name belongs to another performer than `self`. */
static int32_t name_free(tkt__tx *tx, tkt__slice name_key, uint64_t self)
{
    uint64_t owner = 0;
    int32_t rc = tkt__row_id(tx, TKT__T_NAME, name_key, &owner);
    if (rc == TKT_NOT_FOUND)
        return TKT_DONE;
    if (rc != TKT_DONE)
        return rc;
    return owner == self ? TKT_DONE : tkt__refuse_taken("performer", owner);
}

static int32_t feed(tkt__tx *tx, uint64_t id, uint8_t what)
{
    return tkt__feed_what(tx, catalog_guard(), TKT__F_PERFORMER_CHANGED, id, what);
}

int32_t tkt__performer_insert(tkt__tx *tx, uint64_t id, tkt__slice key, tkt__slice record)
{
    int32_t rc = put_record(tx, id, record);
    if (rc == TKT_DONE)
        rc = tkt__row_id_put(tx, TKT__T_NAME, key, id);
    if (rc == TKT_DONE)
        rc = tkt__count_add(tx, TKT__T_ENTITY, tkt__slice_of(count_key, sizeof(count_key)), 1);
    if (rc == TKT_DONE)
        rc = feed(tx, id, TKT__WHAT_ADDED);
    return rc;
}

/* ---- create ---------------------------------------------------------------------------------- */

static int32_t apply_create(tkt__tx *tx, tkt__change *c)
{
    int32_t rc = name_free(tx, c->name_key, 0);
    return rc != TKT_DONE ? rc : tkt__performer_insert(tx, c->id, c->name_key, c->record);
}

typedef struct performer_bytes {
    uint8_t record[TKT__ENTITY_RECORD_MAX];
    uint8_t key[TKT__KEY_MAX];
    size_t record_n, key_n;
    uint64_t id;
    tkt_store *store;
} performer_bytes;

static int32_t performer_in(const tkt_performer *given, performer_bytes *out)
{
    tkt_performer p;
    int32_t rc = tkt__struct_in(&p, sizeof(p), given, sizeof(p), "tkt_performer");
    if (rc != TKT_DONE)
        return rc;
    out->id = p.id;
    rc = tkt__performer_encode(&p, out->record, sizeof(out->record), &out->record_n);
    return rc != TKT_DONE ? rc : tkt__performer_key(p.name, out->key, &out->key_n);
}

int32_t tkt_performer_create(tkt_store *store, const tkt_performer *performer, const uint8_t *key,
                             uint32_t flags, tkt_created *created)
{
    performer_bytes in;
    int32_t rc = tkt__store_writable(store);
    if (rc == TKT_DONE)
        rc = tkt__flags_check(flags);
    if (rc == TKT_DONE)
        rc = performer_in(performer, &in);
    if (rc != TKT_DONE)
        return rc;
    if (in.id != 0)
        return tkt__fail(TKT_E_INVALID, "a new performer has no id: it must be 0");
    tkt__change change = {
        .store = store,
        .scope = catalog_guard(),
        .op = TKT__OP_PERFORMER_CREATE,
        .id_kind = TKT__ID_PERFORMER,
        .record = { in.record, in.record_n },
        .name_key = { in.key, in.key_n },
        .apply = apply_create,
    };
    return tkt__create_run(&change, key, flags, created);
}

/* ---- update ---------------------------------------------------------------------------------- */

static int32_t old_name_key(tkt__slice record, uint64_t id, uint8_t key[TKT__KEY_MAX], size_t *n)
{
    tkt_performer old;
    int32_t rc = tkt__performer_decode(record, id, &old);
    return rc != TKT_DONE ? rc : tkt__performer_key(old.name, key, n);
}

static int32_t update_body(tkt__tx *tx, void *ctx)
{
    const performer_bytes *in = (const performer_bytes *)ctx;
    tkt__slice old, now = tkt__slice_of(in->record, in->record_n);
    tkt__slice name = tkt__slice_of(in->key, in->key_n);
    int32_t rc = tkt__entity_get(tx, TKT__N_PERFORMER, in->id, &old);
    if (rc == TKT_NOT_FOUND)
        return tkt__refuse_missing("performer", in->id);
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
        rc = tkt__entity_changed(in->store, tx, TKT__N_PERFORMER, in->id, old, now);
    return rc != TKT_DONE ? rc : feed(tx, in->id, TKT__WHAT_CHANGED);
}

int32_t tkt_performer_update(tkt_store *store, const tkt_performer *performer, uint32_t flags)
{
    performer_bytes in;
    int32_t rc = tkt__store_writable(store);
    if (rc == TKT_DONE)
        rc = tkt__flags_check(flags);
    if (rc == TKT_DONE)
        rc = performer_in(performer, &in);
    if (rc == TKT_DONE)
        rc = tkt__id_check(in.id, "performer");
    if (rc != TKT_DONE)
        return rc;
    in.store = store;
    return tkt__entity_update(store, TKT__N_PERFORMER, in.id, flags, update_body, &in);
}

/* ---- delete ---------------------------------------------------------------------------------- */

static int32_t list_empty(tkt__tx *tx, uint64_t performer)
{
    uint8_t prefix[9];
    tkt__entity_key(TKT__E_PERFORMER, performer, prefix);
    tkt__cursor *cursor;
    int32_t rc = tkt__tx_cursor_open(tx, TKT__T_EVENT_LIST, &cursor);
    if (rc != TKT_DONE)
        return rc;
    tkt__slice k, v;
    rc = tkt__cursor_seek(cursor, tkt__slice_of(prefix, sizeof(prefix)), &k, &v);
    bool used = rc == TKT_DONE && k.n == TKT__LIST_KEY_MAX && memcmp(k.p, prefix, 9) == 0;
    uint64_t event = used ? tkt__get_be64(k.p + 17) : 0;
    tkt__cursor_close(cursor);
    if (rc != TKT_DONE && rc != TKT_NOT_FOUND)
        return rc;
    return used ? tkt__refuse_used("performer", event, "event") : TKT_DONE;
}

static int32_t apply_delete(tkt__tx *tx, tkt__change *c)
{
    tkt__slice old;
    int32_t rc = tkt__entity_get(tx, TKT__N_PERFORMER, c->id, &old);
    if (rc == TKT_NOT_FOUND)
        return tkt__refuse_missing("performer", c->id);
    if (rc == TKT_DONE)
        rc = list_empty(tx, c->id);
    uint8_t name[TKT__KEY_MAX], key[9];
    size_t n = 0;
    if (rc == TKT_DONE)
        rc = old_name_key(old, c->id, name, &n);
    if (rc == TKT_DONE)
        rc = tkt__tx_del(tx, TKT__T_NAME, tkt__slice_of(name, n));
    tkt__entity_key(TKT__N_PERFORMER, c->id, key);
    if (rc == TKT_DONE)
        rc = tkt__tx_del(tx, TKT__T_ENTITY, tkt__slice_of(key, sizeof(key)));
    if (rc == TKT_DONE)
        rc = tkt__count_add(tx, TKT__T_ENTITY, tkt__slice_of(count_key, sizeof(count_key)), -1);
    return rc != TKT_DONE ? rc : feed(tx, c->id, TKT__WHAT_DELETED);
}

int32_t tkt_performer_delete(tkt_store *store, uint64_t id, const uint8_t *key, uint32_t flags)
{
    int32_t rc = tkt__store_writable(store);
    if (rc == TKT_DONE)
        rc = tkt__flags_check(flags);
    if (rc == TKT_DONE)
        rc = tkt__id_check(id, "performer");
    if (rc != TKT_DONE)
        return rc;
    tkt__change change = {
        .store = store,
        .scope = catalog_guard(),
        .op = TKT__OP_PERFORMER_DELETE,
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
        rc = tkt__id_check(id, "performer");
    if (rc != TKT_DONE)
        return rc;
    rc = tkt__entity_get(tx, TKT__N_PERFORMER, id, record);
    return rc == TKT_NOT_FOUND ? tkt__refuse_missing("performer", id) : rc;
}

static int32_t performer_out(tkt__slice record, uint64_t id, tkt_performer *performer)
{
    tkt_performer out;
    int32_t rc = tkt__performer_decode(record, id, &out);
    if (rc != TKT_DONE)
        return rc;
    return tkt__struct_out(performer, &out, sizeof(out), sizeof(out), "tkt_performer");
}

int32_t tkt_performer_view(tkt_snapshot *snapshot, uint64_t id, tkt_performer *performer)
{
    tkt__slice record;
    int32_t rc = get_record(snapshot, id, &record);
    return rc != TKT_DONE ? rc : performer_out(record, id, performer);
}

int32_t tkt_performer_copy(tkt_snapshot *snapshot, uint64_t id, tkt_performer *performer, char *buf,
                           size_t cap, size_t *needed)
{
    tkt__slice record;
    if (needed == NULL)
        return tkt__fail(TKT_E_INVALID, "needed is NULL");
    *needed = 0;
    int32_t rc = get_record(snapshot, id, &record);
    if (rc == TKT_DONE)
        rc = tkt__record_copy(record, buf, cap, needed);
    return rc != TKT_DONE ? rc : performer_out(tkt__slice_of(buf, record.n), id, performer);
}

int32_t tkt_performer_find(tkt_snapshot *snapshot, tkt_text name, uint64_t *id)
{
    tkt__tx *tx;
    uint8_t key[TKT__KEY_MAX];
    size_t n = 0;
    int32_t rc = tkt__snapshot_tx(snapshot, &tx);
    if (rc != TKT_DONE)
        return rc;
    if (id == NULL)
        return tkt__fail(TKT_E_INVALID, "id is NULL");
    rc = tkt__performer_key(name, key, &n);
    if (rc != TKT_DONE)
        return rc;
    rc = tkt__row_id(tx, TKT__T_NAME, tkt__slice_of(key, n), id);
    return rc == TKT_NOT_FOUND ? tkt__refuse(rc, "there is no performer of this name") : rc;
}
