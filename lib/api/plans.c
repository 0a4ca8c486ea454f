/* SPDX-License-Identifier: MIT
 *
 * api/plans.c: the handler itself, and the halls that it keeps decoded.
 *
 * A version of a chart never changes, so its hall may be kept for ever; the least used of TKT__PLANS_KEPT goes when
 * another is wanted, and is freed by the last who uses it. The lock is held for looking, never while a hall is decoded.
 */
#include "api/api.h"

#define FRESH_MS INT64_C(1000)
#define STALE_MS INT64_C(10000)
#define CACHE_MAX_MS INT64_C(86400000)

/* ---- the handler -------------------------------------------------------------------------------------------------------- */

void tkt_api_options_init(tkt_api_options *options)
{
    if (options == NULL)
        return;
    memset(options, 0, sizeof *options);
    options->size = (uint32_t)sizeof *options;
}

static int32_t options_in(const tkt_api_options *given, tkt_api_options *out)
{
    tkt_api_options none = TKT_API_OPTIONS_INIT;
    int32_t status = tkt__struct_in(out, sizeof *out, given != NULL ? given : &none, sizeof *out, "tkt_api_options");
    if (status == TKT_DONE)
        status = tkt__text_check(out->base_url.ptr, out->base_url.len, TKT_URL_MAX, "base_url");
    if (status != TKT_DONE)
        return status;
    if (out->fresh_ms < 0 || out->fresh_ms > CACHE_MAX_MS || out->stale_ms < 0 || out->stale_ms > CACHE_MAX_MS ||
        out->ttl_ms < 0 || out->ttl_ms > TKT_LIFE_MAX_MS)
        return tkt__fail(TKT_E_INVALID, "fresh_ms and stale_ms are 0 to a day, ttl_ms 0 to 30 days");
    out->fresh_ms = out->fresh_ms != 0 ? out->fresh_ms : FRESH_MS;
    out->stale_ms = out->stale_ms != 0 ? out->stale_ms : STALE_MS;
    out->ttl_ms = out->ttl_ms != 0 ? out->ttl_ms : TKT_TTL_MS;
    return TKT_DONE;
}

int32_t tkt_api_new(tkt_store *store, const tkt_api_options *options, tkt_api **out)
{
    tkt_api_options known;
    if (store == NULL || out == NULL)
        return tkt__fail(TKT_E_INVALID, "store or api is NULL");
    int32_t status = options_in(options, &known);
    if (status != TKT_DONE)
        return status;
    tkt_api *api = tkt__alloc(&store->hooks, sizeof *api);
    char *base = tkt__alloc(&store->hooks, known.base_url.len + 1);
    if (api != NULL)
        memset(api, 0, sizeof *api);
    if (api == NULL || base == NULL || pthread_mutex_init(&api->lock, NULL) != 0) {
        tkt__free(&store->hooks, api, sizeof *api);
        tkt__free(&store->hooks, base, known.base_url.len + 1);
        return tkt__fail(TKT_E_NOMEM, "no memory for an api");
    }
    api->store = store;
    api->options = known;
    api->base = base;
    api->base_n = known.base_url.len;
    if (api->base_n > 0)
        memcpy(base, known.base_url.ptr, api->base_n);
    base[api->base_n] = '\0';
    api->options.base_url = (tkt_text){ base, api->base_n };
    api->began_ms = store->hooks.monotonic_ms(store->hooks.user);
    *out = api;
    return TKT_DONE;
}

void tkt_api_free(tkt_api *api)
{
    if (api == NULL)
        return;
    tkt__halls_free(api);
    pthread_mutex_destroy(&api->lock);
    const tkt_hooks *hooks = &api->store->hooks;
    tkt__free(hooks, api->base, api->base_n + 1);
    tkt__free(hooks, api, sizeof *api);
}

/* ---- halls --------------------------------------------------------------------------------------------------------------- */

static void drop(tkt_api *api, tkt__hall *hall)
{
    tkt_plan_free(hall->plan);
    tkt__free(&api->store->hooks, hall, sizeof *hall);
}

/* Under the lock. */
static tkt__hall *find(tkt_api *api, uint64_t chart_id, uint32_t version)
{
    for (uint32_t i = 0; i < TKT__PLANS_KEPT; i++) {
        tkt__hall *hall = api->halls[i];
        if (hall != NULL && hall->chart_id == chart_id && hall->chart_version == version) {
            hall->users++;
            hall->used_at = ++api->uses;
            return hall;
        }
    }
    return NULL;
}

/* Under the lock: the place of the hall that was used least lately. Its own goes once nobody uses it. */
static void keep(tkt_api *api, tkt__hall *hall)
{
    uint32_t at = 0;
    for (uint32_t i = 1; i < TKT__PLANS_KEPT; i++)
        if (api->halls[at] != NULL && (api->halls[i] == NULL || api->halls[i]->used_at < api->halls[at]->used_at))
            at = i;
    if (api->halls[at] != NULL) {
        api->halls[at]->dropped = true;
        if (api->halls[at]->users == 0)
            drop(api, api->halls[at]);
    }
    hall->used_at = ++api->uses;
    api->halls[at] = hall;
}

static int32_t decode(tkt_api *api, tkt_snapshot *snapshot, uint64_t event_id, const tkt_sale *sale, tkt__hall **out)
{
    tkt__hall *hall = tkt__alloc(&api->store->hooks, sizeof *hall);
    if (hall == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for a hall");
    *hall = (tkt__hall){ .chart_id = sale->chart_id, .chart_version = sale->chart_version, .users = 1 };
    int32_t status = tkt_plan_load(snapshot, event_id, &hall->plan);
    if (status != TKT_DONE) {
        tkt__free(&api->store->hooks, hall, sizeof *hall);
        return status;
    }
    pthread_mutex_lock(&api->lock);
    tkt__hall *other = find(api, sale->chart_id, sale->chart_version); /* whoever was quicker */
    if (other == NULL)
        keep(api, hall);
    pthread_mutex_unlock(&api->lock);
    if (other != NULL)
        drop(api, hall);
    *out = other != NULL ? other : hall;
    return TKT_DONE;
}

int32_t tkt__hall_take(tkt_api *api, tkt_snapshot *snapshot, uint64_t event_id, tkt__hall **hall)
{
    tkt_sale sale = TKT_SALE_INIT;
    int32_t status = tkt_sale_view(snapshot, event_id, &sale);
    if (status != TKT_DONE)
        return status;
    if (sale.chart_id == 0)
        return TKT_NOT_FOUND;
    pthread_mutex_lock(&api->lock);
    *hall = find(api, sale.chart_id, sale.chart_version);
    pthread_mutex_unlock(&api->lock);
    return *hall != NULL ? TKT_DONE : decode(api, snapshot, event_id, &sale, hall);
}

void tkt__hall_give(tkt_api *api, tkt__hall *hall)
{
    if (hall == NULL)
        return;
    pthread_mutex_lock(&api->lock);
    bool last = --hall->users == 0 && hall->dropped;
    pthread_mutex_unlock(&api->lock);
    if (last)
        drop(api, hall);
}

void tkt__halls_free(tkt_api *api)
{
    for (uint32_t i = 0; i < TKT__PLANS_KEPT; i++)
        if (api->halls[i] != NULL)
            drop(api, api->halls[i]);
}
