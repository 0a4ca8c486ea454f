/* SPDX-License-Identifier: MIT
 *
 * catalog/user.c: users: create, update, erase, view, find.
 *
 * Rows: TKT__T_USER user → record; TKT__T_LOOKUP 'x' ‖ external name → user; the count row at id 0.
 * Guards: the user's own and that of user 0, which stands for "the names and the number of all
 * users" and scopes the idempotency records: a name is decided upon, so it needs a guard.
 * Invariants: a user that is not erased and has an external name has exactly one lookup row, and
 * each lookup row names such a user; an erased record keeps no text. One commit a call: a crash
 * leaves all of it or nothing. (Erasure is logical: freed pages keep bytes until a compacting
 * copy.)
 */
#include "catalog/internal.h"

static const uint8_t count_key[8] = { 0 };

typedef struct user_bytes {
    uint8_t record[TKT__USER_RECORD_MAX];
    uint8_t key[TKT__KEY_MAX];
    size_t record_n, key_n; /* key_n 0: no external name */
    uint64_t id;
} user_bytes;

static tkt__guard names_guard(void)
{
    return tkt__guard_of(TKT__G_USER, 0);
}

static int32_t put_record(tkt__tx *tx, uint64_t id, tkt__slice record)
{
    uint8_t key[8];
    tkt__be64(key, id);
    return tkt__tx_put(tx, TKT__T_USER, tkt__slice_of(key, sizeof(key)), record);
}

static int32_t feed(tkt__tx *tx, uint64_t id, uint8_t what)
{
    return tkt__feed_what(tx, tkt__guard_of(TKT__G_USER, id), TKT__F_USER_CHANGED, id, what);
}

/* Makes the lookup row, unless the name is another's. */
static int32_t take_name(tkt__tx *tx, tkt__slice key, uint64_t id)
{
    uint64_t owner = 0;
    if (key.n == 0)
        return TKT_DONE;
    int32_t rc = tkt__row_id(tx, TKT__T_LOOKUP, key, &owner);
    if (rc == TKT_DONE)
        return owner == id ? TKT_DONE : tkt__refuse_taken("user", owner);
    return rc == TKT_NOT_FOUND ? tkt__row_id_put(tx, TKT__T_LOOKUP, key, id) : rc;
}

/* The record of a user who is there and not erased. */
static int32_t live_user(tkt__tx *tx, uint64_t id, tkt__slice *record, tkt_user *user)
{
    int32_t rc = tkt__user_get(tx, id, record);
    if (rc == TKT_DONE)
        rc = tkt__user_decode(*record, id, user);
    if (rc == TKT_DONE && user->erased != 0)
        rc = TKT_NOT_FOUND;
    return rc;
}

static tkt__slice name_key_of(const tkt_user *user, uint8_t key[TKT__KEY_MAX])
{
    size_t n = 0;
    if (user->external.len > 0)
        n = tkt__user_key(tkt__slice_of(user->external.ptr, user->external.len), key);
    return tkt__slice_of(key, n);
}

static int32_t user_in(const tkt_user *given, user_bytes *out)
{
    tkt_user user;
    int32_t rc = tkt__struct_in(&user, sizeof(user), given, sizeof(user), "tkt_user");
    if (rc != TKT_DONE)
        return rc;
    if (user.erased != 0)
        return tkt__fail(TKT_E_INVALID, "user: erased is written by tkt_user_delete alone");
    rc = tkt__user_encode(&user, out->record, sizeof(out->record), &out->record_n);
    if (rc != TKT_DONE)
        return rc;
    out->id = user.id;
    out->key_n = name_key_of(&user, out->key).n;
    return TKT_DONE;
}

/* ---- create ---------------------------------------------------------------------------------- */

static int32_t apply_create(tkt__tx *tx, tkt__change *c)
{
    int32_t rc = take_name(tx, c->name_key, c->id);
    if (rc == TKT_DONE)
        rc = put_record(tx, c->id, c->record);
    if (rc == TKT_DONE)
        rc = tkt__count_add(tx, TKT__T_USER, tkt__slice_of(count_key, sizeof(count_key)), 1);
    return rc != TKT_DONE ? rc : feed(tx, c->id, TKT__WHAT_ADDED);
}

int32_t tkt_user_create(tkt_store *store, const tkt_user *user, const uint8_t *key, uint32_t flags,
                        tkt_created *created)
{
    user_bytes in;
    int32_t rc = tkt__store_writable(store);
    if (rc == TKT_DONE)
        rc = tkt__flags_check(flags);
    if (rc == TKT_DONE)
        rc = user_in(user, &in);
    if (rc != TKT_DONE)
        return rc;
    if (in.id != 0)
        return tkt__fail(TKT_E_INVALID, "a new user has no id: it must be 0");
    tkt__change change = {
        .store = store,
        .scope = names_guard(),
        .op = TKT__OP_USER_CREATE,
        .id_kind = TKT__ID_USER,
        .own_guard = TKT__G_USER,
        .record = { in.record, in.record_n },
        .name_key = { in.key, in.key_n },
        .apply = apply_create,
    };
    return tkt__create_run(&change, key, flags, created);
}

/* ---- update ---------------------------------------------------------------------------------- */

static int32_t update_body(tkt__tx *tx, void *ctx)
{
    const user_bytes *in = (const user_bytes *)ctx;
    tkt__slice old, now = tkt__slice_of(in->record, in->record_n);
    tkt__slice name = tkt__slice_of(in->key, in->key_n);
    tkt_user user;
    uint8_t key[TKT__KEY_MAX];
    int32_t rc = live_user(tx, in->id, &old, &user);
    if (rc == TKT_NOT_FOUND)
        return tkt__refuse_missing("user", in->id);
    if (rc != TKT_DONE || tkt__slice_compare(old, now) == 0)
        return rc;
    tkt__slice old_name = name_key_of(&user, key);
    rc = take_name(tx, name, in->id);
    if (rc == TKT_DONE && old_name.n > 0 && tkt__slice_compare(old_name, name) != 0)
        rc = tkt__tx_del(tx, TKT__T_LOOKUP, old_name);
    if (rc == TKT_DONE)
        rc = put_record(tx, in->id, now);
    return rc != TKT_DONE ? rc : feed(tx, in->id, TKT__WHAT_CHANGED);
}

int32_t tkt_user_update(tkt_store *store, const tkt_user *user, uint32_t flags)
{
    user_bytes in;
    int32_t rc = tkt__store_writable(store);
    if (rc == TKT_DONE)
        rc = tkt__flags_check(flags);
    if (rc == TKT_DONE)
        rc = user_in(user, &in);
    if (rc == TKT_DONE)
        rc = tkt__id_check(in.id, "user");
    if (rc != TKT_DONE)
        return rc;
    tkt__guard guards[2] = { names_guard(), tkt__guard_of(TKT__G_USER, in.id) };
    return tkt__store_run(store, guards, 2, flags, update_body, &in);
}

/* ---- erase ----------------------------------------------------------------------------------- */

static int32_t apply_delete(tkt__tx *tx, tkt__change *c)
{
    tkt__slice old;
    tkt_user user, empty = TKT_USER_INIT;
    uint8_t key[TKT__KEY_MAX], record[TKT__ENTITY_RECORD_MAX];
    size_t n = 0;
    int32_t rc = live_user(tx, c->id, &old, &user);
    if (rc == TKT_NOT_FOUND)
        return tkt__refuse_missing("user", c->id);
    if (rc != TKT_DONE)
        return rc;
    tkt__slice name = name_key_of(&user, key);
    if (name.n > 0)
        rc = tkt__tx_del(tx, TKT__T_LOOKUP, name);
    empty.erased = 1;
    if (rc == TKT_DONE)
        rc = tkt__user_encode(&empty, record, sizeof(record), &n);
    if (rc == TKT_DONE)
        rc = put_record(tx, c->id, tkt__slice_of(record, n));
    return rc != TKT_DONE ? rc : feed(tx, c->id, TKT__WHAT_DELETED);
}

int32_t tkt_user_delete(tkt_store *store, uint64_t id, const uint8_t *key, uint32_t flags)
{
    int32_t rc = tkt__store_writable(store);
    if (rc == TKT_DONE)
        rc = tkt__flags_check(flags);
    if (rc == TKT_DONE)
        rc = tkt__id_check(id, "user");
    if (rc != TKT_DONE)
        return rc;
    tkt__change change = {
        .store = store,
        .scope = names_guard(),
        .op = TKT__OP_USER_DELETE,
        .own_guard = TKT__G_USER,
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
        rc = tkt__id_check(id, "user");
    if (rc != TKT_DONE)
        return rc;
    rc = tkt__user_get(tx, id, record);
    return rc == TKT_NOT_FOUND ? tkt__refuse_missing("user", id) : rc;
}

static int32_t user_out(tkt__slice record, uint64_t id, tkt_user *user)
{
    tkt_user out;
    int32_t rc = tkt__user_decode(record, id, &out);
    return rc != TKT_DONE ? rc : tkt__struct_out(user, &out, sizeof(out), sizeof(out), "tkt_user");
}

int32_t tkt_user_view(tkt_snapshot *snapshot, uint64_t id, tkt_user *user)
{
    tkt__slice record;
    int32_t rc = get_record(snapshot, id, &record);
    return rc != TKT_DONE ? rc : user_out(record, id, user);
}

int32_t tkt_user_copy(tkt_snapshot *snapshot, uint64_t id, tkt_user *user, char *buf, size_t cap,
                      size_t *needed)
{
    tkt__slice record;
    if (needed == NULL)
        return tkt__fail(TKT_E_INVALID, "needed is NULL");
    *needed = 0;
    int32_t rc = get_record(snapshot, id, &record);
    if (rc == TKT_DONE)
        rc = tkt__record_copy(record, buf, cap, needed);
    return rc != TKT_DONE ? rc : user_out(tkt__slice_of(buf, record.n), id, user);
}

int32_t tkt_user_find(tkt_snapshot *snapshot, tkt_text external, uint64_t *id)
{
    tkt__tx *tx;
    uint8_t key[TKT__KEY_MAX];
    int32_t rc = tkt__snapshot_tx(snapshot, &tx);
    if (rc == TKT_DONE)
        rc = tkt__text_check(external.ptr, external.len, TKT_EXTERNAL_MAX, "user external name");
    if (rc != TKT_DONE)
        return rc;
    if (id == NULL || external.len == 0)
        return tkt__fail(TKT_E_INVALID, "tkt_user_find needs a name and an id to write");
    size_t n = tkt__user_key(tkt__slice_of(external.ptr, external.len), key);
    rc = tkt__row_id(tx, TKT__T_LOOKUP, tkt__slice_of(key, n), id);
    return rc == TKT_NOT_FOUND ? tkt__refuse(rc, "no user has this name") : rc;
}

int32_t tkt__user_there(tkt__tx *tx, uint64_t user_id)
{
    tkt__slice record;
    tkt_user user;
    return live_user(tx, user_id, &record, &user);
}
