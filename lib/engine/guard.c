/* SPDX-License-Identifier: MIT
 *
 * engine/guard.c: whose guard a key belongs to, and the guards' rows.
 *
 * A guard's row (guard table, key: kind ‖ be64 id) carries the last feed sequence number and the last
 * claim number given out under it, and how many sequence numbers its last commit gave out: seq u64,
 * serial u32, fresh u32, little-endian. Bodies change it only through next_seq and next_serial. Rows lie in the overlay as other writes do, so a body that
 * is rolled back gives its numbers back, and sequences have no gaps.
 *
 * Every body that wrote something brings all its guards' rows into the commit, changed or not: two
 * transactions that share a guard then collide on that row in any engine in which the first
 * committer wins. Locks: none. A crash leaves the rows of the last commit.
 */
#include <assert.h>

#include "engine/kv.h"

#define GUARD_ROW_BYTES 16

void tkt__guard_key(tkt__guard guard, uint8_t key[TKT__GUARD_BYTES])
{
    key[0] = guard.kind;
    tkt__be64(key + 1, guard.id);
}

static bool held(const tkt__tx *tx, tkt__guard guard)
{
    for (uint32_t i = 0; i < tx->guards_n; i++)
        if (tkt__guard_equal(tx->guards[i], guard))
            return true;
    return false;
}

/* ---- ownership --------------------------------------------------------------------------------- */

/* The guard that a table's rule gives a key. False: the key is too short to name one. */
static bool guard_of(const tkt__table_def *def, tkt__slice key, tkt__guard *guard)
{
    size_t at = def->guard_offset;
    guard->kind = def->guard_kind;
    guard->id = 0;
    switch (def->guard_rule) {
    case TKT__GUARD_FIXED: return true;
    case TKT__GUARD_AT:
        if (key.n < at + 8)
            return false;
        guard->id = tkt__get_be64(key.p + at);
        return true;
    case TKT__GUARD_KEY:
        if (key.n < at + TKT__GUARD_BYTES)
            return false;
        guard->kind = key.p[at];
        guard->id = tkt__get_be64(key.p + at + 1);
        return true;
    default: return false;
    }
}

int32_t tkt__guard_check(const tkt__tx *tx, uint8_t table, tkt__slice key)
{
    const tkt__table_def *def = &tx->kv->schema->tables[table];
    tkt__guard guard, second = { def->guard_kind2, 0 };
    if (def->guard_rule == TKT__GUARD_FREE)
        return TKT_DONE;
    if (!guard_of(def, key, &guard))
        return tkt__fail(TKT_E_INTERNAL, "a key of %zu bytes in %s names no guard", key.n, def->name);
    if (held(tx, guard))
        return TKT_DONE;
    if (def->guard_kind2 && held(tx, second))
        return TKT_EXISTS;
    return tkt__fail(TKT_E_INTERNAL, "a row of %s was written without guard %c:%llu", def->name,
                     guard.kind, (unsigned long long)guard.id);
}

/* ---- rows -------------------------------------------------------------------------------------- */

int32_t tkt__tx_guard_row(tkt__tx *tx, tkt__guard guard, tkt__guard_row *row)
{
    uint8_t key[TKT__GUARD_BYTES];
    tkt__slice value;
    tkt__guard_key(guard, key);
    *row = (tkt__guard_row){ 0, 0, 0 };
    int32_t status = tkt__tx_get(tx, tx->kv->schema->guard_table, tkt__slice_of(key, sizeof key),
                                 &value);
    if (status == TKT_NOT_FOUND)
        return TKT_DONE;
    if (status < 0)
        return status;
    tkt__reader r = tkt__reader_of(value);
    row->seq = tkt__get_u64(&r);
    row->serial = tkt__get_u32(&r);
    row->fresh = tkt__get_u32(&r);
    if (value.n != GUARD_ROW_BYTES)
        return tkt__fail(TKT_E_CORRUPT, "the row of guard %c:%llu has %zu bytes", guard.kind,
                         (unsigned long long)guard.id, value.n);
    return TKT_DONE;
}

static int32_t row_set(tkt__tx *tx, tkt__guard guard, const tkt__guard_row *row)
{
    uint8_t key[TKT__GUARD_BYTES], value[GUARD_ROW_BYTES];
    uint8_t table = tx->kv->schema->guard_table;
    tkt__writer w = tkt__writer_of(value, sizeof value);
    tkt__guard_key(guard, key);
    tkt__put_u64(&w, row->seq);
    tkt__put_u32(&w, row->serial);
    tkt__put_u32(&w, row->fresh);
    assert(!w.bad && w.n == sizeof value);
    tkt__entry *entry = tkt__overlay_entry(tx->overlay, table, tkt__slice_of(key, sizeof key));
    if (entry && tkt__overlay_set(tx->overlay, entry, TKT__PUT, tkt__slice_of(value, sizeof value)))
        return TKT_DONE;
    tx->failed = tkt__fail(TKT_E_NOMEM, "no memory for a guard row");
    return tx->failed;
}

/* The row as this commit has it: what an earlier one gave out is not fresh any more. */
static int32_t row_of_commit(tkt__tx *tx, tkt__guard guard, tkt__guard_row *row)
{
    uint8_t key[TKT__GUARD_BYTES];
    tkt__guard_key(guard, key);
    const tkt__entry *entry = tkt__overlay_find(tx->overlay, tx->kv->schema->guard_table, tkt__slice_of(key, sizeof key));
    int32_t status = tkt__tx_guard_row(tx, guard, row);
    if (entry == NULL || entry->op == TKT__OP_NONE)
        row->fresh = 0;
    return status;
}

/* Reads the row of a guard that the running body must hold. */
static int32_t row_of_held(tkt__tx *tx, tkt__guard guard, tkt__guard_row *row)
{
    if (!tx->overlay || !held(tx, guard))
        return tkt__fail(TKT_E_INTERNAL, "guard %c:%llu is not held", guard.kind,
                         (unsigned long long)guard.id);
    return row_of_commit(tx, guard, row);
}

int32_t tkt__tx_next_seq(tkt__tx *tx, tkt__guard guard, uint64_t *seq)
{
    tkt__guard_row row;
    int32_t status = row_of_held(tx, guard, &row);
    if (status < 0)
        return status;
    row.seq++;
    row.fresh++;
    *seq = row.seq;
    return row_set(tx, guard, &row);
}

int32_t tkt__tx_next_serial(tkt__tx *tx, tkt__guard guard, uint32_t *serial)
{
    tkt__guard_row row;
    int32_t status = row_of_held(tx, guard, &row);
    if (status < 0)
        return status;
    if (row.serial == UINT32_MAX)
        return tkt__fail(TKT_E_LIMIT, "guard %c:%llu has no claim numbers left", guard.kind,
                         (unsigned long long)guard.id);
    row.serial++;
    *serial = row.serial;
    return row_set(tx, guard, &row);
}

int32_t tkt__guards_touch(tkt__tx *tx)
{
    uint8_t key[TKT__GUARD_BYTES];
    for (uint32_t i = 0; i < tx->guards_n; i++) {
        tkt__guard_key(tx->guards[i], key);
        const tkt__entry *entry = tkt__overlay_find(tx->overlay, tx->kv->schema->guard_table,
                                                    tkt__slice_of(key, sizeof key));
        if (entry && entry->op != TKT__OP_NONE)
            continue;
        tkt__guard_row row;
        int32_t status = row_of_commit(tx, tx->guards[i], &row);
        if (status >= 0)
            status = row_set(tx, tx->guards[i], &row);
        if (status < 0)
            return status;
    }
    return TKT_DONE;
}

void tkt__discovery_value(tkt__slice row, uint8_t out[TKT__DISCOVERY_BYTES])
{
    assert(row.n == GUARD_ROW_BYTES);
    memcpy(out, row.p, 8);
    memcpy(out + 8, row.p + 12, 4);
}
