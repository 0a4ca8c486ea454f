/* SPDX-License-Identifier: MIT
 *
 * api/api.c: the public face: a handler for a store, a request in, the response that is the caller's.
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
    int32_t status = tkt__struct_in(out, sizeof *out, given != NULL ? given : &none,
                                   offsetof(tkt_api_options, counters), "tkt_api_options");
    if (status == TKT_DONE)
        status = tkt__text_check(out->base_url.ptr, out->base_url.len, TKT_URL_MAX, "base_url");
    if (status != TKT_DONE)
        return status;
    if (out->fresh_ms < 0 || out->fresh_ms > CACHE_MAX_MS || out->stale_ms < 0 || out->stale_ms > CACHE_MAX_MS ||
        out->ttl_ms < 0 || out->ttl_ms > TKT_LIFE_MAX_MS)
        return tkt__fail(TKT_E_INVALID, "fresh_ms and stale_ms are 0 to a day, ttl_ms 0 to 30 days");
    if (out->reserved != 0 || out->reserved_pointer != NULL || (uintptr_t)out->counters % sizeof(uint64_t) != 0)
        return tkt__fail(TKT_E_INVALID, "reserved members are 0, and counters lie at a multiple of 8");
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
    int32_t status = tkt__kv_here(store->kv);
    if (status == TKT_DONE)
        status = options_in(options, &known);
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
    api->counters = known.counters != NULL ? (_Atomic uint64_t *)(void *)known.counters : api->own;
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

/* ---- a request ------------------------------------------------------------------------------------------------------------- */

void tkt_api_request_init(tkt_api_request *request)
{
    if (request == NULL)
        return;
    memset(request, 0, sizeof *request);
    request->size = (uint32_t)sizeof *request;
}

static int32_t texts_there(const tkt_api_request *r)
{
    bool bad = (r->header_count > 0 && r->headers == NULL) || (r->method.len > 0 && r->method.ptr == NULL) ||
               (r->path.len > 0 && r->path.ptr == NULL) || (r->query.len > 0 && r->query.ptr == NULL) ||
               (r->body.len > 0 && r->body.ptr == NULL);
    return bad ? tkt__fail(TKT_E_INVALID, "a text of the request is NULL and not empty") : TKT_DONE;
}

static void count(tkt_api *api, const tkt_api_response *r)
{
    uint32_t first = r->status / 100;
    atomic_fetch_add_explicit(&api->counters[first < TKT__COUNTER_BYTES ? first : 0], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&api->counters[TKT__COUNTER_BYTES], r->body.n, memory_order_relaxed);
}

int32_t tkt_api_handle(tkt_api *api, const tkt_api_request *given, tkt_api_response **response)
{
    tkt_api_request request;
    if (api == NULL || response == NULL)
        return tkt__fail(TKT_E_INVALID, "api or response is NULL");
    const tkt_hooks *hooks = &api->store->hooks;
    int32_t status = tkt__struct_in(&request, sizeof request, given, sizeof request, "tkt_api_request");
    if (status == TKT_DONE)
        status = texts_there(&request);
    if (status != TKT_DONE)
        return status;
    tkt_api_response *r = tkt__alloc(hooks, sizeof *r);
    tkt__call *c = tkt__alloc(hooks, sizeof *c);
    if (r == NULL || c == NULL) {
        tkt__free(hooks, r, sizeof *r);
        tkt__free(hooks, c, sizeof *c);
        return tkt__fail(TKT_E_NOMEM, "no memory for a request");
    }
    memset(r, 0, offsetof(tkt_api_response, made));
    r->made_n = 0;
    r->streams = false;
    r->body = (tkt__buffer){ .hooks = hooks };
    r->api = api;
    memset(&r->stream, 0, sizeof r->stream);
    memset(c, 0, offsetof(tkt__call, json));
    c->json.gen = NULL;
    c->api = api;
    c->request = &request;
    c->response = r;
    tkt__route_answer(c);
    tkt_snapshot_end(c->snapshot);
    yajl_tree_free(c->body);
    tkt__json_end(&c->json);
    tkt__free(hooks, c, sizeof *c);
    if (r->status == 0 || r->body.failed) {
        tkt_api_response_free(r);
        return tkt__fail(TKT_E_NOMEM, "no memory for an answer");
    }
    count(api, r);
    *response = r;
    return TKT_DONE;
}

/* ---- the response's face ------------------------------------------------------------------------------------------------------ */

void tkt_api_response_free(tkt_api_response *r)
{
    if (r == NULL)
        return;
    if (r->streams)
        atomic_fetch_sub(&r->api->streams, 1);
    tkt__buffer_free(&r->body);
    tkt__free(&r->api->store->hooks, r, sizeof *r);
}

uint32_t tkt_api_response_status(const tkt_api_response *r)
{
    return r != NULL ? r->status : 0;
}

int32_t tkt_api_response_header(const tkt_api_response *r, uint32_t index, tkt_text *name, tkt_text *value)
{
    if (r == NULL || name == NULL || value == NULL)
        return tkt__fail(TKT_E_INVALID, "response, name or value is NULL");
    if (index >= r->headers_n)
        return TKT_NOT_FOUND;
    *name = r->headers[index].name;
    *value = r->headers[index].value;
    return TKT_DONE;
}

tkt_text tkt_api_response_body(const tkt_api_response *r)
{
    return r != NULL ? (tkt_text){ r->body.p, r->body.n } : (tkt_text){ NULL, 0 };
}

int32_t tkt_api_response_streams(const tkt_api_response *r)
{
    return r != NULL && r->streams ? 1 : 0;
}

int32_t tkt_api_response_next(tkt_api_response *r)
{
    if (r == NULL)
        return tkt__fail(TKT_E_INVALID, "response is NULL");
    return r->streams ? tkt__stream_next(r) : TKT_NOT_FOUND;
}
