/* SPDX-License-Identifier: MIT
 *
 * tests/crash/faults_service.c: faults under the calls of the service: the feed, the waiting room, requests.
 */
#include "faults.h"

#define THEN(call) \
    if (status == TKT_DONE) \
        status = (call)

int32_t do_feed(void)
{
    tkt_snapshot *snap = NULL;
    tkt_change changes[8];
    tkt_feed_cursor cursor = { { 0 } }, end;
    uint32_t count = 0;
    uint64_t notice = 0;
    int32_t status = tkt_snapshot_begin(store, &snap);
    THEN(tkt_feed_sequence(snap, TKT_FEED_EVENT, event_id, 0, changes, 8, &count));
    THEN(tkt_feed_read(snap, &cursor, changes, 8, &count));
    THEN(tkt_feed_end(snap, &end));
    THEN(tkt_wait(store, 0, &notice));
    tkt_snapshot_end(snap);
    return status;
}

/* ---- the waiting room ---------------------------------------------------------------------------------------------------- */

static void buyer(uint8_t key[TKT_BUYER_BYTES])
{
    memset(key, 0x42, TKT_BUYER_BYTES);
}

int32_t do_queue(void)
{
    tkt_queue_settings s;
    tkt_place place;
    tkt_hold hold;
    tkt_reserve_request want = places(2, 77);
    tkt_queue_settings_init(&s);
    tkt_place_init(&place);
    tkt_hold_init(&hold);
    buyer(want.buyer_key);
    int32_t status = tkt_queue_set(store, event_id, &s, 0);
    THEN(tkt_queue_rotate(store, event_id));
    THEN(tkt_queue_join(store, event_id, want.buyer_key, &place));
    THEN(tkt_queue_poll(store, event_id, want.buyer_key, &place));
    if (status == TKT_DONE && place.state == TKT_PLACE_ADMITTED) {
        want.admission = place.admission;
        status = tkt_reserve(store, &want, &hold);
        if (status == TKT_REPLAYED)
            status = TKT_DONE;
    }
    return status;
}

int32_t do_queue_end(void)
{
    tkt_queue_settings s;
    tkt_place place;
    tkt_queue queue;
    tkt_snapshot *snap = NULL;
    uint8_t key[TKT_BUYER_BYTES];
    tkt_queue_settings_init(&s);
    tkt_place_init(&place);
    tkt_queue_init(&queue);
    buyer(key);
    int32_t status = tkt_queue_set(store, event_id, &s, 0);
    THEN(tkt_queue_join(store, event_id, key, &place));
    THEN(tkt_queue_leave(store, event_id, key));
    THEN(tkt_snapshot_begin(store, &snap));
    THEN(tkt_queue_view(snap, event_id, &queue));
    THEN(tkt_queue_settings_view(snap, event_id, &s));
    tkt_snapshot_end(snap);
    THEN(tkt_queue_remove(store, event_id));
    return status;
}

/* ---- requests --------------------------------------------------------------------------------------------------------------- */

/* An answer that is none of success counts as what the library said. */
static int32_t ask(tkt_api *api, const char *method, const char *path, const char *query, const char *body)
{
    tkt_api_request request;
    tkt_api_response *response;
    tkt_error error = TKT_ERROR_INIT;
    tkt_api_request_init(&request);
    request.method = text(method);
    request.path = text(path);
    request.query = text(query);
    request.body = text(body);
    int32_t status = tkt_api_handle(api, &request, &response);
    if (status != TKT_DONE)
        return status;
    if (tkt_api_response_status(response) >= 400)
        status = tkt_error_copy(&error) == TKT_DONE ? error.status : -TKT_E_INTERNAL;
    else if (tkt_api_response_streams(response)) {
        status = tkt_api_response_next(response);
        if (status == TKT_PENDING)
            status = TKT_DONE;
    }
    tkt_api_response_free(response);
    return status;
}

int32_t do_api_reads(void)
{
    static const char *const of_event[] = { "", "/ics", "/jsonld", "/seatmap", "/seatmap.bin", "/seatmap/stream" };
    tkt_api *api = NULL;
    char path[64];
    int32_t status = tkt_api_new(store, NULL, &api);
    for (size_t i = 0; status == TKT_DONE && i < sizeof of_event / sizeof *of_event; i++) {
        snprintf(path, sizeof path, "/events/%llu%s", (unsigned long long)event_id, of_event[i]);
        status = ask(api, "GET", path, "", "");
    }
    THEN(ask(api, "GET", "/events/search", "keyword=old&highlight=true", ""));
    THEN(ask(api, "GET", "/events/facets", "", ""));
    THEN(ask(api, "GET", "/suggestions", "q=old", ""));
    THEN(ask(api, "GET", "/ready", "", ""));
    THEN(ask(api, "GET", "/openapi.json", "", ""));
    tkt_api_free(api);
    return status;
}

int32_t do_api_reserve(void)
{
    tkt_api *api = NULL;
    char path[64], body[96];
    int32_t status = tkt_api_new(store, NULL, &api);
    snprintf(path, sizeof path, "/events/%llu/reservations", (unsigned long long)event_id);
    snprintf(body, sizeof body, "{\"areaId\":%u,\"quantity\":1}", area_id);
    THEN(ask(api, "POST", path, "", body));
    tkt_api_free(api);
    return status;
}
