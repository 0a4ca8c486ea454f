/* SPDX-License-Identifier: MIT
 *
 * booking/sweep.c: ends holds whose time is over: the claim becomes EXPIRED, its places go back. They
 * were free already for every reader; sweeping only tidies. Writers sweep a few of their own event
 * first, so that the expiry index stays short; the tick sweeps the rest.
 *
 * Rows: inventory_rows.h, claim.c. One body a piece: a crash leaves a claim wholly swept or not at all.
 */
#include "booking/booking.h"

typedef struct due_claim {
    uint64_t event_id;
    uint32_t number;
} due_claim;

/* The first `most` run-out claims of the event, earliest first. */
static int32_t collect(tkt__tx *tx, uint64_t event_id, due_claim *found, uint32_t most, uint32_t *count)
{
    uint8_t prefix[8];
    tkt__cursor *cursor;
    tkt__slice k, v;
    *count = 0;
    tkt__be64(prefix, event_id);
    int32_t status = tkt__tx_cursor_open(tx, TKT__T_EXPIRY, &cursor);
    if (status != TKT_DONE)
        return status;
    status = tkt__cursor_seek(cursor, tkt__slice_of(prefix, sizeof prefix), &k, &v);
    while (status == TKT_DONE && *count < most && k.n == 16 && memcmp(k.p, prefix, 8) == 0 &&
           tkt__second_ms(tkt__get_be32(k.p + 8)) <= tkt__tx_now(tx)) {
        found[*count].event_id = event_id;
        found[(*count)++].number = tkt__get_be32(k.p + 12);
        status = tkt__cursor_next(cursor, &k, &v);
    }
    tkt__cursor_close(cursor);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

int32_t tkt__inventory_sweep(tkt__tx *tx, tkt_store *store, uint64_t event_id, uint32_t most, uint32_t *done)
{
    due_claim found[TKT__SWEEP_PER_BODY];
    tkt__claim claim;
    uint32_t count, places = 0;
    *done = 0;
    if (most > TKT__SWEEP_PER_BODY)
        most = TKT__SWEEP_PER_BODY;
    int32_t status = collect(tx, event_id, found, most, &count);
    for (uint32_t i = 0; status == TKT_DONE && i < count; i++) {
        status = tkt__claim_load(tx, event_id, found[i].number, &claim);
        if (status == TKT_NOT_FOUND)
            return tkt__fail(TKT_E_CORRUPT, "an expiry row names claim %u, which is not there", found[i].number);
        if (status != TKT_DONE || (places += claim.unit_count) > TKT__SWEEP_PLACES)
            break;
        status = tkt__inventory_free(tx, store, &claim, false);
        claim.state = TKT_HOLD_EXPIRED;
        if (status == TKT_DONE)
            status = tkt__claim_save(tx, &claim);
        ++*done;
    }
    return status;
}

/* ---- tick --------------------------------------------------------------------------------------------- */

typedef struct sweep_ctx {
    tkt_store *store;
    uint64_t event_id;
    uint32_t most, done;
} sweep_ctx;

static int32_t sweep_body(tkt__tx *tx, void *ctx)
{
    sweep_ctx *c = ctx;
    tkt__tx_use_reserve(tx);
    return tkt__inventory_sweep(tx, c->store, c->event_id, c->most, &c->done);
}

/* The first deadline of the store: second(4) event(8) claim(4). */
static int32_t first_due(tkt__tx *tx, uint64_t *event_id, int64_t *at_ms)
{
    tkt__cursor *cursor;
    tkt__slice k, v;
    int32_t status = tkt__tx_cursor_open(tx, TKT__T_DUE, &cursor);
    if (status != TKT_DONE)
        return status;
    status = tkt__cursor_seek(cursor, tkt__slice_of(NULL, 0), &k, &v);
    if (status == TKT_DONE && k.n != 16)
        status = tkt__fail(TKT_E_CORRUPT, "a due row of %zu bytes", k.n);
    if (status == TKT_DONE) {
        *at_ms = tkt__second_ms(tkt__get_be32(k.p));
        *event_id = tkt__get_be64(k.p + 4);
    }
    tkt__cursor_close(cursor);
    return status;
}

static int32_t next_due(tkt_store *store, uint64_t *event_id, bool *due)
{
    tkt_snapshot *snapshot;
    tkt__tx *tx;
    int64_t at_ms = 0;
    *due = false;
    int32_t status = tkt_snapshot_begin(store, &snapshot);
    if (status != TKT_DONE)
        return status;
    status = tkt__snapshot_tx(snapshot, &tx);
    if (status == TKT_DONE)
        status = first_due(tx, event_id, &at_ms);
    *due = status == TKT_DONE && at_ms <= tkt_snapshot_now(snapshot);
    tkt_snapshot_end(snapshot);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

int32_t tkt__sweep_tick(tkt_store *store, uint32_t most, uint32_t *done)
{
    bool due = true;
    int32_t status = TKT_DONE;
    while (*done < most && status == TKT_DONE) {
        sweep_ctx c = { .store = store, .most = most - *done };
        status = next_due(store, &c.event_id, &due);
        if (status != TKT_DONE || !due)
            break;
        const tkt__guard guard = tkt__event_guard(c.event_id);
        status = tkt__store_run(store, &guard, 1, 0, sweep_body, &c);
        *done += c.done;
        if (c.done == 0) /* another process was faster, or the row leads nowhere: the check tells */
            break;
    }
    return status;
}

int32_t tkt__sweep_deadline(tkt_store *store, tkt__tx *tx, int64_t *wait_ms)
{
    uint64_t event_id;
    int64_t at_ms;
    (void)store;
    int32_t status = first_due(tx, &event_id, &at_ms);
    if (status != TKT_DONE)
        return status == TKT_NOT_FOUND ? TKT_DONE : status;
    int64_t wait = at_ms > tkt__tx_now(tx) ? at_ms - tkt__tx_now(tx) : 0;
    if (wait < *wait_ms)
        *wait_ms = wait;
    return TKT_DONE;
}
