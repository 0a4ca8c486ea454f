/* SPDX-License-Identifier: MIT
 *
 * search/room.c: the index as a room of the store: it listens to changes from the opening on, gives a
 * fresh store an empty index, files words and works changes of names off by and by, and is checked.
 */
#include "search/cache.h"

#define WRITES_AN_EVENT 78u /* of a fresh event of some thirty words */

static int32_t look_for_index(tkt__tx *tx, void *ctx)
{
    return tkt__index_meta_get(tx, ctx);
}

uint32_t tkt__search_writes(void *user)
{
    tkt__index_meta meta;
    return tkt__store_look(user, look_for_index, &meta) == TKT_NOT_FOUND ? 0 : WRITES_AN_EVENT;
}

static int32_t begin_index(tkt__tx *tx, void *ctx)
{
    tkt__index_meta meta;
    (void)ctx;
    int32_t status = tkt__index_meta_get(tx, &meta);
    if (status != TKT_NOT_FOUND)
        return status;
    tkt__index_meta_default(&meta);
    return tkt__index_meta_put(tx, &meta);
}

static int32_t opened(tkt_store *store)
{
    const tkt__guard guard = { TKT__G_CATALOG, 0 };
    store->change.user = store;
    store->change.event_changed = tkt__search_event_changed;
    store->change.sale_changed = tkt__search_sale_changed;
    store->change.availability_flipped = tkt__search_availability;
    store->change.entity_changed = tkt__search_entity_changed;
    store->change.settle = tkt__search_settle;
    store->change.writes_an_event = tkt__search_writes;
    int32_t status = tkt__cache_open(&store->hooks, store->search_cache_bytes, (tkt__cache **)&store->search_cache);
    if (status != TKT_DONE)
        return status;
    return store->created && !store->no_index ? tkt__store_run(store, &guard, 1, 0, begin_index, NULL) : TKT_DONE;
}

static void gone(tkt_store *store) { tkt__cache_close(store->search_cache); }

static int32_t index_state(tkt__tx *tx, uint32_t *state)
{
    tkt__index_meta meta;
    int32_t status = tkt__index_meta_get(tx, &meta);
    bool old = tkt_status_primary(status) == TKT_E_UPGRADE;
    *state = status == TKT_DONE ? TKT_INDEX_CURRENT : old ? TKT_INDEX_OLD : TKT_INDEX_NONE;
    return status == TKT_NOT_FOUND || old ? TKT_DONE : status;
}

int32_t tkt_index_state(tkt_snapshot *snapshot, uint32_t *state)
{
    tkt__tx *tx;
    int32_t status = tkt__snapshot_tx(snapshot, &tx);
    return status == TKT_DONE ? index_state(tx, state) : status;
}

static int32_t stats(tkt_store *store, tkt__tx *tx, tkt_stats *out)
{
    tkt__index_counts counts = { 0 };
    tkt__cache_stats(store->search_cache, out);
    int32_t status = index_state(tx, &out->index);
    if (status != TKT_DONE || out->index != TKT_INDEX_CURRENT)
        return status;
    status = tkt__index_counts_get(tx, &counts);
    out->indexed = counts.documents;
    return status == TKT_DONE ? tkt__rename_open(tx, &out->open_jobs) : status;
}

static int32_t tick(tkt_store *store, uint32_t most, uint32_t *done)
{
    int32_t status = tkt__near_tick(store, most, done);
    return status == TKT_DONE ? tkt__rename_tick(store, most, done) : status;
}

const tkt__room tkt__search_room = {
    .name = "search",
    .opened = opened,
    .gone = gone,
    .check = tkt__search_check,
    .tick = tick,
    .stats = stats,
};
