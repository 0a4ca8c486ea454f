/* SPDX-License-Identifier: MIT
 *
 * store/snapshot.c: one consistent view with one `now`. Renewing takes no lock and allocates nothing.
 */
#include "store/internal.h"

static int32_t set_now(tkt_snapshot *s)
{
    int64_t now;
    int32_t status = tkt__clock_read(s->store, &now);
    if (status != TKT_DONE)
        return status;
    s->began_age_ms = tkt__age_clock_ms(&s->store->hooks);
    tkt__tx_set_now(s->tx, now);
    return TKT_DONE;
}

int32_t tkt_snapshot_begin(tkt_store *store, tkt_snapshot **snapshot)
{
    if (store == NULL || snapshot == NULL)
        return tkt__fail(TKT_E_INVALID, "store or snapshot is NULL");
    tkt_snapshot *s = tkt__alloc(&store->hooks, sizeof *s);
    if (s == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for a snapshot");
    *s = (tkt_snapshot){ .store = store };
    int32_t status = tkt__kv_read_begin(store->kv, &s->tx);
    if (status != TKT_DONE) {
        tkt__free(&store->hooks, s, sizeof *s);
        return status;
    }
    atomic_fetch_add(&store->references, 1);
    status = tkt__clock_follow(store, s->tx);
    if (status == TKT_DONE)
        status = set_now(s);
    if (status != TKT_DONE) {
        tkt_snapshot_end(s);
        return status;
    }
    *snapshot = s;
    return TKT_DONE;
}

int32_t tkt_snapshot_renew(tkt_snapshot *s)
{
    if (s == NULL)
        return tkt__fail(TKT_E_INVALID, "snapshot is NULL");
    int32_t status = tkt__kv_read_renew(s->tx);
    return status == TKT_DONE ? set_now(s) : status;
}

void tkt_snapshot_end(tkt_snapshot *s)
{
    if (s == NULL)
        return;
    tkt_store *store = s->store;
    tkt__kv_read_end(s->tx);
    tkt__free(&store->hooks, s->scratch, s->scratch_n);
    tkt__free(&store->hooks, s, sizeof *s);
    tkt__store_unref(store);
}

void *tkt__snapshot_scratch(tkt_snapshot *s, size_t n)
{
    if (s->scratch_n >= n)
        return s->scratch;
    void *grown = tkt__alloc(&s->store->hooks, n);
    if (grown == NULL)
        return NULL;
    memset(grown, 0, n);
    tkt__free(&s->store->hooks, s->scratch, s->scratch_n);
    s->scratch = grown;
    s->scratch_n = n;
    return grown;
}

int64_t tkt_snapshot_now(const tkt_snapshot *s)
{
    return s != NULL ? tkt__tx_now(s->tx) : 0;
}

int64_t tkt_snapshot_age_ms(const tkt_snapshot *s)
{
    return s != NULL ? tkt__age_clock_ms(&s->store->hooks) - s->began_age_ms : 0;
}

int32_t tkt__snapshot_tx(const tkt_snapshot *s, tkt__tx **tx)
{
    if (s == NULL)
        return tkt__fail(TKT_E_INVALID, "snapshot is NULL");
    int32_t here = tkt__kv_here(s->store->kv);
    if (here != TKT_DONE)
        return here;
    if (tkt_snapshot_age_ms(s) > s->store->snapshot_limit_ms)
        return tkt__fail(TKT_E_TOO_OLD, "the snapshot has outlived %lld ms: renew it",
                         (long long)s->store->snapshot_limit_ms);
    *tx = s->tx;
    return TKT_DONE;
}
