/* SPDX-License-Identifier: MIT
 *
 * store/open.c: an open store and its snapshots: who keeps it alive, who may write.
 *
 * References: the handle itself and each snapshot hold one; the last to go closes the engine. So a
 * host whose collector frees parents first does no harm. A crash between any two steps leaves what
 * the engine committed; leased ids that were not used are skipped.
 */
#include "store/internal.h"

#include <stdlib.h>


/* ---- references --------------------------------------------------------------------------------- */

static void close_rooms(tkt_store *store)
{
    for (size_t i = 0; tkt__rooms[i] != NULL; i++)
        if (tkt__rooms[i]->closing != NULL)
            tkt__rooms[i]->closing(store);
}

void tkt__store_unref(tkt_store *store)
{
    if (atomic_fetch_sub(&store->references, 1) != 1)
        return;
    tkt_hooks hooks = store->hooks;
    for (size_t i = 0; tkt__rooms[i] != NULL; i++)
        if (tkt__rooms[i]->gone != NULL)
            tkt__rooms[i]->gone(store);
    tkt__kv_close(store->kv);
    tkt__notice_close(store);
    tkt__flights_close(store);
    pthread_mutex_destroy(&store->clock.lock);
    tkt__free(&hooks, store, sizeof *store);
}

void tkt_store_close(tkt_store *store)
{
    if (store == NULL)
        return;
    close_rooms(store);
    tkt__ids_close(store); /* gives unused ids back while the engine is there */
    tkt__store_unref(store);
}

/* ---- open ------------------------------------------------------------------------------------------ */

static int32_t load_format(tkt_store *store)
{
    tkt__format format;
    int32_t status = tkt__format_open(store, &format);
    if (status == TKT_DONE) {
        store->epoch = format.epoch;
        memcpy(store->salt, format.salt, sizeof store->salt);
    }
    return status;
}

static int32_t open_kv(tkt_store *store, const tkt__engine_ops *ops, void *engine, uint64_t epoch)
{
    tkt__kv_config config = { .schema = &tkt__store_schema,
                              .ops = ops,
                              .engine = engine,
                              .hooks = store->hooks,
                              .epoch = epoch,
                              .now = tkt__clock_of_batch,
                              .now_user = store,
                              .committed = tkt__notice_committed,
                              .committed_user = store };
    return tkt__kv_open(&config, &store->kv);
}

static int32_t open_rooms(tkt_store *store)
{
    int32_t status = TKT_DONE;
    for (size_t i = 0; status == TKT_DONE && tkt__rooms[i] != NULL; i++)
        if (tkt__rooms[i]->opened != NULL)
            status = tkt__rooms[i]->opened(store);
    return status;
}

/* The epoch must be known before the first commit, and it is read through the common layer: discovery
 * rows get it from the configuration, so the layer is opened with what the format record says. */
static int32_t begin(tkt_store *store, const tkt__engine_ops *ops, void *engine)
{
    void *view;
    tkt__slice value;
    uint64_t epoch = 0;
    int32_t status = ops->view_begin(engine, &view);
    if (status != TKT_DONE)
        return status;
    status = ops->get(view, TKT__T_META, tkt__slice_of(TKT__META_FORMAT, sizeof TKT__META_FORMAT - 1),
                      &value);
    if (status == TKT_DONE && value.n >= 24) {
        tkt__reader r = tkt__reader_of(tkt__slice_of(value.p + 16, 8));
        epoch = tkt__get_u64(&r);
    }
    ops->view_end(view);
    return status < 0 ? status : open_kv(store, ops, engine, epoch);
}

/* Older formats of major 1 lack tables and say so by their minor version. The tables are made with the
 * engine's opening (empty, so harmless if we stop there); the version is raised by one commit after. */
static int32_t raise_format(tkt_store *store)
{
    const tkt__guard guard = { TKT__G_STORE, 0 };
    return tkt__store_run(store, &guard, 1, 0, tkt__format_raise, NULL);
}

int32_t tkt__store_open_engine(const tkt__engine_ops *ops, void *engine, bool created,
                               const tkt_options *options, tkt_store **out)
{
    tkt_hooks hooks;
    int32_t status = tkt__hooks_resolve(options != NULL ? &options->hooks : NULL, &hooks);
    tkt_store *store = status == TKT_DONE ? tkt__alloc(&hooks, sizeof *store) : NULL;
    if (store == NULL) {
        ops->close(engine);
        return status != TKT_DONE ? status : tkt__fail(TKT_E_NOMEM, "no memory for a store");
    }
    memset(store, 0, sizeof *store);
    store->hooks = hooks;
    store->created = created;
    store->read_only = options != NULL && options->lmdb.read_only;
    store->no_index = options != NULL && options->no_index;
    store->search_cache_bytes = options != NULL ? options->cache_bytes : TKT__CACHE_DEFAULT;
    store->snapshot_limit_ms = options != NULL ? options->snapshot_limit_ms : TKT__SNAPSHOT_LIMIT_MS;
    atomic_init(&store->references, 1);
    store->clock.lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    status = begin(store, ops, engine);
    if (status != TKT_DONE) { /* the common layer did not take the engine */
        ops->close(engine);
        tkt__free(&hooks, store, sizeof *store);
        return status;
    }
    if (options != NULL && options->lmdb.add_tables)
        status = raise_format(store);
    if (status == TKT_DONE)
        status = load_format(store);
    if (status == TKT_DONE)
        status = tkt__clock_open(store);
    if (status == TKT_DONE)
        status = tkt__ids_open(store);
    if (status == TKT_DONE)
        status = open_rooms(store);
    if (status != TKT_DONE) {
        tkt__ids_close(store);
        tkt__store_unref(store);
        return status;
    }
    *out = store;
    return TKT_DONE;
}

int32_t tkt__path_of(const char *path, size_t n, char out[TKT__PATH_MAX], const char *what)
{
    if (path == NULL || n == 0)
        return tkt__fail(TKT_E_INVALID, "%s is empty", what);
    int32_t status = tkt__text_check(path, n, TKT__PATH_MAX - 64, what);
    if (status != TKT_DONE)
        return status;
    memcpy(out, path, n);
    out[n] = '\0';
    return TKT_DONE;
}

int32_t tkt_store_open(const char *path, size_t path_len, const tkt_options *options, tkt_store **store)
{
    char dir[TKT__PATH_MAX];
    tkt_hooks hooks;
    tkt__first_rows first;
    const tkt__engine_ops *ops;
    void *engine;
    bool created;
    static const tkt__lmdb_options defaults;
    if (store == NULL)
        return tkt__fail(TKT_E_INVALID, "store is NULL");
    int32_t status = tkt__path_of(path, path_len, dir, "the store's path");
    if (status == TKT_DONE)
        status = tkt__hooks_resolve(options != NULL ? &options->hooks : NULL, &hooks);
    if (status == TKT_DONE)
        status = tkt__store_first_rows(&hooks, options == NULL || !options->lmdb.no_journal, &first);
    if (status == TKT_DONE)
        status = tkt__lmdb_open(dir, options != NULL ? &options->lmdb : &defaults, &tkt__store_schema,
                                first.rows, first.count, &hooks, &ops, &engine, &created);
    if (status != TKT_DONE)
        return status;
    status = tkt__store_open_engine(ops, engine, created, options, store);
    if (status != TKT_DONE)
        return status;
    status = tkt__flights_open(*store, dir);
    if (status == TKT_DONE)
        tkt__notice_open(*store, dir);
    else {
        tkt_store_close(*store);
        *store = NULL;
    }
    return status;
}

int32_t tkt_store_upgrade(const char *path, size_t path_len, const tkt_options *options)
{
    tkt_options upgrading = options != NULL ? *options : (tkt_options)TKT__OPTIONS_DEFAULT;
    tkt_store *store;
    upgrading.lmdb.create = false;
    upgrading.lmdb.add_tables = true;
    upgrading.lmdb.alone = true;
    int32_t status = upgrading.lmdb.read_only ? tkt__fail(TKT_E_READ_ONLY, "an upgrade writes")
                                              : tkt_store_open(path, path_len, &upgrading, &store);
    if (status != TKT_DONE)
        return status;
    if (upgrading.journal_given)
        status = tkt__format_set_journal(store, !upgrading.lmdb.no_journal);
    tkt_store_close(store);
    return status;
}

int32_t tkt_store_created(const tkt_store *store)
{
    return store != NULL && store->created ? 1 : 0;
}

int32_t tkt_store_salt(const tkt_store *store, uint8_t salt[TKT_SALT_BYTES])
{
    if (store == NULL || salt == NULL)
        return tkt__fail(TKT_E_INVALID, "store or salt is NULL");
    int32_t status = tkt__kv_here(store->kv);
    if (status == TKT_DONE)
        memcpy(salt, store->salt, TKT_SALT_BYTES);
    return status;
}

/* ---- writing ------------------------------------------------------------------------------------------ */

int32_t tkt__store_writable(const tkt_store *store)
{
    if (store == NULL)
        return tkt__fail(TKT_E_INVALID, "store is NULL");
    return store->read_only ? tkt__fail(TKT_E_READ_ONLY, "the store was opened for reading") : tkt__kv_here(store->kv);
}

int32_t tkt__store_run(tkt_store *store, const tkt__guard *guards, size_t n, uint32_t flags,
                       tkt__body body, void *ctx)
{
    const tkt__run_options options = { .dry = (flags & TKT_DRY_RUN) != 0 };
    return tkt__kv_run(store->kv, guards, n, &options, body, ctx);
}

int32_t tkt__store_look(tkt_store *store, tkt__body body, void *ctx)
{
    tkt_snapshot *snapshot;
    int32_t status = tkt_snapshot_begin(store, &snapshot);
    if (status != TKT_DONE)
        return status;
    status = body(snapshot->tx, ctx);
    tkt_snapshot_end(snapshot);
    if (status == TKT_NOT_FOUND && tkt__kv_caps(store->kv)->remote)
        status = tkt__store_run(store, NULL, 0, TKT_DRY_RUN, body, ctx);
    return status;
}
