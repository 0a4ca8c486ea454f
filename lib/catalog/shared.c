/* SPDX-License-Identifier: MIT
 *
 * catalog/shared.c: small reads, refusals, and the one flow of creating and of deleting.
 *
 * Rows kept here: the counts, u64, at id 0 of each kind: TKT__T_ENTITY 'v'|'p'|'e' ‖ be64(0) and
 * TKT__T_USER be64(0). They equal a recount (check.c) and make the figures of a store one lookup.
 * Invariants: a body reads its idempotency record first and writes it last; a dry run leases no id.
 * A crash leaves the whole change with its record, or nothing; at worst a leased id stays unused.
 */
#include "catalog/internal.h"

#define SETTLE_MOST 1024u /* events brought up to date before the call returns; the rest is a tick's */

int32_t tkt__entity_changed(tkt_store *store, tkt__tx *tx, uint8_t kind, uint64_t id, tkt__slice old_record,
                            tkt__slice new_record)
{
    const tkt__change_hooks *change = &store->change;
    return change->entity_changed != NULL ? change->entity_changed(change->user, tx, kind, id, old_record, new_record)
                                          : TKT_DONE;
}

int32_t tkt__entity_update(tkt_store *store, uint8_t kind, uint64_t id, uint32_t flags, tkt__body body, void *ctx)
{
    const tkt__guard guard = { TKT__G_CATALOG, 0 };
    const tkt__change_hooks *change = &store->change;
    int32_t rc = tkt__store_run(store, &guard, 1, flags, body, ctx);
    if (tkt_status_primary(rc) == TKT_E_BUSY && change->settle != NULL) {
        rc = change->settle(change->user, kind, id, UINT64_MAX);
        if (rc == TKT_DONE)
            rc = tkt__store_run(store, &guard, 1, flags, body, ctx);
    }
    /* The change itself is durable: what can't be settled now is left to a tick. */
    if (rc == TKT_DONE && (flags & TKT_DRY_RUN) == 0 && change->settle != NULL)
        (void)change->settle(change->user, kind, id, SETTLE_MOST);
    return rc;
}

int32_t tkt__flags_check(uint32_t flags)
{
    if ((flags & ~TKT_DRY_RUN) != 0)
        return tkt__fail(TKT_E_INVALID, "unknown flags 0x%lx", (unsigned long)flags);
    return TKT_DONE;
}

int32_t tkt__id_check(uint64_t id, const char *what)
{
    if (id == 0 || id > TKT__ID_MAX)
        return tkt__fail(TKT_E_INVALID, "%s id %llu is out of range", what, (unsigned long long)id);
    return TKT_DONE;
}

int32_t tkt__entity_get(tkt__tx *tx, uint8_t kind, uint64_t id, tkt__slice *record)
{
    uint8_t key[9];
    if (id == 0)
        return TKT_NOT_FOUND;
    tkt__entity_key(kind, id, key);
    return tkt__tx_get(tx, TKT__T_ENTITY, tkt__slice_of(key, sizeof(key)), record);
}

int32_t tkt__event_get(tkt__tx *tx, uint64_t id, tkt__slice *record)
{
    uint8_t key[8];
    tkt__be64(key, id);
    return tkt__tx_get(tx, TKT__T_EVENT, tkt__slice_of(key, sizeof(key)), record);
}

int32_t tkt__user_get(tkt__tx *tx, uint64_t id, tkt__slice *record)
{
    uint8_t key[8];
    if (id == 0)
        return TKT_NOT_FOUND;
    tkt__be64(key, id);
    return tkt__tx_get(tx, TKT__T_USER, tkt__slice_of(key, sizeof(key)), record);
}

int32_t tkt__row_id(tkt__tx *tx, uint8_t table, tkt__slice key, uint64_t *id)
{
    tkt__slice value;
    int32_t rc = tkt__tx_get(tx, table, key, &value);
    if (rc != TKT_DONE)
        return rc;
    tkt__reader r = tkt__reader_of(value);
    *id = tkt__get_u64(&r);
    if (r.bad || r.p != r.end)
        return tkt__fail(TKT_E_CORRUPT, "a row that should hold an id holds %zu bytes", value.n);
    return TKT_DONE;
}

int32_t tkt__row_id_put(tkt__tx *tx, uint8_t table, tkt__slice key, uint64_t id)
{
    uint8_t value[8];
    tkt__writer w = tkt__writer_of(value, sizeof(value));
    tkt__put_u64(&w, id);
    return tkt__tx_put(tx, table, key, tkt__slice_of(value, sizeof(value)));
}

int32_t tkt__count_get(tkt__tx *tx, uint8_t table, tkt__slice key, uint64_t *count)
{
    int32_t rc = tkt__row_id(tx, table, key, count);
    if (rc == TKT_NOT_FOUND) {
        *count = 0;
        rc = TKT_DONE;
    }
    return rc;
}

int32_t tkt__count_add(tkt__tx *tx, uint8_t table, tkt__slice key, int32_t by)
{
    uint64_t count = 0;
    int32_t rc = tkt__count_get(tx, table, key, &count);
    if (rc != TKT_DONE)
        return rc;
    if (by < 0 && count < (uint64_t) - (int64_t)by)
        return tkt__fail(TKT_E_CORRUPT, "a count of records would fall below 0");
    return tkt__row_id_put(tx, table, key, count + (uint64_t)(int64_t)by);
}

int32_t tkt__feed_what(tkt__tx *tx, tkt__guard guard, uint8_t kind, uint64_t id, uint8_t what)
{
    uint8_t payload[9];
    tkt__writer w = tkt__writer_of(payload, sizeof(payload));
    tkt__put_u64(&w, id);
    tkt__put_u8(&w, what);
    return tkt__feed_append(tx, guard, kind, payload, sizeof(payload));
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void cause_of(uint32_t kind, uint64_t id, int64_t have)
{
    tkt_cause cause;
    memset(&cause, 0, sizeof(cause));
    cause.size = (uint32_t)sizeof(cause);
    cause.kind = kind;
    cause.id = id;
    cause.have = have;
    tkt__cause(&cause);
}

int32_t tkt__refuse_missing(const char *what, uint64_t id)
{
    tkt__refuse(TKT_NOT_FOUND, "there is no %s %llu", what, (unsigned long long)id);
    cause_of(TKT_CAUSE_MISSING, id, 0);
    return TKT_NOT_FOUND;
}

int32_t tkt__refuse_taken(const char *what, uint64_t id)
{
    tkt__refuse(TKT_EXISTS, "%s %llu has this name already", what, (unsigned long long)id);
    cause_of(TKT_CAUSE_REFERENCED, id, 1);
    return TKT_EXISTS;
}

int32_t tkt__refuse_used(const char *what, uint64_t by, const char *by_what)
{
    tkt__refuse(TKT_IN_USE, "the %s is needed by %s %llu", what, by_what, (unsigned long long)by);
    cause_of(TKT_CAUSE_REFERENCED, by, 1);
    return TKT_IN_USE;
}

int32_t tkt__record_copy(tkt__slice record, char *buf, size_t cap, size_t *needed)
{
    *needed = record.n;
    if (cap < record.n)
        return tkt__fail(TKT_E_LIMIT, "the buffer has %zu bytes, %zu are needed", cap, record.n);
    if (buf == NULL)
        return tkt__fail(TKT_E_INVALID, "the buffer is NULL");
    memcpy(buf, record.p, record.n);
    return TKT_DONE;
}

/* ---- create ---------------------------------------------------------------------------------- */

static int32_t change_body(tkt__tx *tx, void *ctx)
{
    tkt__change *c = (tkt__change *)ctx;
    tkt__slice before;
    int32_t rc = tkt__idem_find(tx, c->scope, c->op, c->key, c->fingerprint, &before);
    if (rc == TKT_REPLAYED) {
        tkt__reader r = tkt__reader_of(before);
        c->result = tkt__get_u64(&r);
        if (r.bad)
            return tkt__fail(TKT_E_CORRUPT, "an idempotency record is malformed");
        /* Its own fresh id: this call was run again after a commit of unknown outcome, no replay. */
        return c->id_kind != 0 && c->result == c->id ? TKT_DONE : rc;
    }
    if (rc != TKT_NOT_FOUND)
        return rc;
    rc = c->apply(tx, c);
    if (rc != TKT_DONE)
        return rc;
    uint8_t result[8];
    tkt__writer w = tkt__writer_of(result, sizeof(result));
    tkt__put_u64(&w, c->id);
    c->result = c->id;
    return tkt__idem_store(tx, c->scope, c->op, c->key, c->fingerprint, result, sizeof(result));
}

static int32_t change_run(tkt__change *c, const uint8_t *key, uint32_t flags)
{
    static const uint8_t none[TKT_KEY_BYTES] = { 0 };
    int32_t rc = tkt__idem_key(c->store, key != NULL ? key : none, c->key);
    if (rc != TKT_DONE)
        return rc;
    tkt__guard guards[2] = { c->scope, { 0, 0 } };
    size_t n = 1;
    if (c->own_guard != 0)
        guards[n++] = tkt__guard_of(c->own_guard, c->id);
    return tkt__store_run(c->store, guards, n, flags, change_body, c);
}

int32_t tkt__create_run(tkt__change *c, const uint8_t *key, uint32_t flags, tkt_created *created)
{
    tkt_created answer = TKT_CREATED_INIT, given;
    int32_t rc = tkt__struct_in(&given, sizeof(given), created, sizeof(given), "tkt_created");
    if (rc != TKT_DONE)
        return rc;
    bool dry = (flags & TKT_DRY_RUN) != 0;
    tkt__fingerprint(c->record.p, c->record.n, c->fingerprint);
    c->id = TKT__DRY_ID;
    if (!dry)
        rc = tkt__id_take(c->store, c->id_kind, 1, &c->id);
    if (rc != TKT_DONE)
        return rc;
    rc = change_run(c, key, flags);
    /* Not used for certain: the next creation may have it. After TKT_E_UNKNOWN it may be in use. */
    if (!dry && rc != TKT_DONE && !TKT_IS_FAILURE(rc))
        tkt__id_give_back(c->store, c->id_kind, c->id, 1);
    if (rc != TKT_DONE && rc != TKT_REPLAYED)
        return rc;
    answer.replayed = rc == TKT_REPLAYED;
    answer.id = dry && rc == TKT_DONE ? 0 : c->result;
    int32_t out = tkt__struct_out(created, &answer, sizeof(answer), sizeof(answer), "tkt_created");
    return out != TKT_DONE ? out : rc;
}

/* ---- delete ---------------------------------------------------------------------------------- */

int32_t tkt__delete_run(tkt__change *c, const uint8_t *key, uint32_t flags)
{
    uint8_t request[8];
    tkt__be64(request, c->id);
    tkt__fingerprint(request, sizeof(request), c->fingerprint);
    return change_run(c, key, flags);
}

/* ---- for the index ----------------------------------------------------------------------------- */

int32_t tkt__event_read(tkt__slice record, uint64_t event_id, tkt_event *event)
{
    return tkt__event_decode(record, event_id, event);
}

int32_t tkt__venue_read(tkt__tx *tx, uint64_t venue_id, tkt_venue *venue)
{
    tkt__slice record;
    int32_t rc = tkt__entity_get(tx, TKT__N_VENUE, venue_id, &record);
    return rc == TKT_DONE ? tkt__venue_decode(record, venue_id, venue) : rc;
}

int32_t tkt__performer_read(tkt__tx *tx, uint64_t performer_id, tkt_performer *performer)
{
    tkt__slice record;
    int32_t rc = tkt__entity_get(tx, TKT__N_PERFORMER, performer_id, &record);
    return rc == TKT_DONE ? tkt__performer_decode(record, performer_id, performer) : rc;
}
