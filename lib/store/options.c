/* SPDX-License-Identifier: MIT
 *
 * store/options.c: how a store is to be opened: typed setters, each checking its own range.
 */
#include "store/internal.h"

#define MAP_LEAST_BYTES (UINT64_C(1) << 20)
#define READERS_MAX 65536u
#define CACHE_MOST (UINT64_C(1) << 30)

int32_t tkt_options_new(tkt_options **options)
{
    tkt_hooks hooks;
    if (options == NULL)
        return tkt__fail(TKT_E_INVALID, "options is NULL");
    int32_t status = tkt__hooks_resolve(NULL, &hooks);
    if (status != TKT_DONE)
        return status;
    tkt_options *made = tkt__alloc(&hooks, sizeof *made);
    if (made == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for options");
    *made = (tkt_options)TKT__OPTIONS_DEFAULT;
    made->hooks = hooks;
    *options = made;
    return TKT_DONE;
}

void tkt_options_free(tkt_options *options)
{
    tkt_hooks hooks; /* made with the default allocator, whatever hooks it carries by now */
    if (options != NULL && tkt__hooks_resolve(NULL, &hooks) == TKT_DONE)
        tkt__free(&hooks, options, sizeof *options);
}

static int32_t given(const tkt_options *options)
{
    return options != NULL ? TKT_DONE : tkt__fail(TKT_E_INVALID, "options is NULL");
}

static int32_t set_flag(const tkt_options *options, bool *flag, int32_t yes, const char *what)
{
    if (options == NULL)
        return given(options);
    if (yes != 0 && yes != 1)
        return tkt__fail(TKT_E_INVALID, "%s is 0 or 1", what);
    *flag = yes == 1;
    return TKT_DONE;
}

int32_t tkt_options_set_create(tkt_options *options, int32_t yes)
{
    return set_flag(options, options != NULL ? &options->lmdb.create : NULL, yes, "create");
}

int32_t tkt_options_set_read_only(tkt_options *options, int32_t yes)
{
    return set_flag(options, options != NULL ? &options->lmdb.read_only : NULL, yes, "read_only");
}

int32_t tkt_options_set_network_fs(tkt_options *options, int32_t allow)
{
    return set_flag(options, options != NULL ? &options->lmdb.allow_net_fs : NULL, allow, "network_fs");
}

int32_t tkt_options_set_index(tkt_options *options, int32_t yes)
{
    bool index = true;
    int32_t status = set_flag(options, &index, yes, "index");
    if (status == TKT_DONE)
        options->no_index = !index;
    return status;
}

int32_t tkt_options_set_journal(tkt_options *options, int32_t yes)
{
    bool journal = true;
    int32_t status = set_flag(options, &journal, yes, "journal");
    if (status == TKT_DONE) {
        options->lmdb.no_journal = !journal;
        options->journal_given = true;
    }
    return status;
}

int32_t tkt_options_set_query_cache(tkt_options *options, uint64_t bytes)
{
    int32_t status = given(options);
    if (status == TKT_DONE && bytes > CACHE_MOST)
        status = tkt__fail(TKT_E_INVALID, "a cache of queries has at most 1 GiB");
    if (status == TKT_DONE)
        options->cache_bytes = (size_t)bytes;
    return status;
}

int32_t tkt_options_set_map_bytes(tkt_options *options, uint64_t bytes)
{
    int32_t status = given(options);
    if (status == TKT_DONE && bytes != 0 && bytes < MAP_LEAST_BYTES)
        status = tkt__fail(TKT_E_INVALID, "a map has at least 1 MiB");
    if (status == TKT_DONE)
        options->lmdb.map_bytes = bytes;
    return status;
}

int32_t tkt_options_set_readers(tkt_options *options, uint32_t slots)
{
    int32_t status = given(options);
    if (status == TKT_DONE && slots > READERS_MAX)
        status = tkt__fail(TKT_E_INVALID, "at most %u reader slots", READERS_MAX);
    if (status == TKT_DONE)
        options->lmdb.readers = slots;
    return status;
}

int32_t tkt_options_set_snapshot_limit_ms(tkt_options *options, int64_t limit_ms)
{
    int32_t status = given(options);
    if (status == TKT_DONE && (limit_ms < 0 || limit_ms > TKT__SNAPSHOT_LIMIT_MAX_MS))
        status = tkt__fail(TKT_E_INVALID, "a snapshot's limit is 1 ms to 1 day");
    if (status == TKT_DONE)
        options->snapshot_limit_ms = limit_ms != 0 ? limit_ms : TKT__SNAPSHOT_LIMIT_MS;
    return status;
}

int32_t tkt_options_set_hooks(tkt_options *options, const tkt_hooks *hooks)
{
    tkt_hooks resolved;
    int32_t status = given(options);
    if (status == TKT_DONE && hooks == NULL)
        status = tkt__fail(TKT_E_INVALID, "hooks is NULL");
    if (status == TKT_DONE)
        status = tkt__hooks_resolve(hooks, &resolved);
    if (status == TKT_DONE)
        options->hooks = resolved;
    return status;
}
