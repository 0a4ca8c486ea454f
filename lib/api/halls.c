/* SPDX-License-Identifier: MIT
 *
 * api/halls.c: halls that are kept decoded.
 *
 * A version of a chart never changes, so its hall may be kept for ever; the least used of TKT__PLANS_KEPT goes when
 * another is wanted, and is freed by the last who uses it. The lock is held for looking, never while a hall is decoded.
 */
#include "api/api.h"

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
