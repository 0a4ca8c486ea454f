/* SPDX-License-Identifier: MIT
 *
 * api/route.c: which handler answers, and for whom.
 *
 * A pattern is literal segments, {id} (1…2^53−1) and {token} (64 hex digits). The table is the whole surface: what is
 * not in it is 404, a path with another method 405 with what it allows. tests/unit/test_api.c holds it against
 * openapi.json.
 */
#include "api/api.h"

#include <stdlib.h>

#define ID_MAX ((UINT64_C(1) << 53) - 1)
#define ALLOW_BYTES 64

const tkt__route tkt__routes[] = {
    { "GET", "/events/search", TKT_ROLE_PUBLIC, tkt__get_search },
    { "GET", "/events/facets", TKT_ROLE_PUBLIC, tkt__get_facets },
    { "GET", "/suggestions", TKT_ROLE_PUBLIC, tkt__get_suggestions },
    { "GET", "/events/{id}", TKT_ROLE_PUBLIC, tkt__get_event },
    { "GET", "/events/{id}/ics", TKT_ROLE_PUBLIC, tkt__get_event_ics },
    { "GET", "/events/{id}/jsonld", TKT_ROLE_PUBLIC, tkt__get_event_jsonld },
    { "GET", "/events/{id}/seatmap", TKT_ROLE_PUBLIC, tkt__get_seatmap },
    { "GET", "/events/{id}/seatmap.bin", TKT_ROLE_PUBLIC, tkt__get_seatmap_bin },
    { "GET", "/events/{id}/seatmap.svg", TKT_ROLE_PUBLIC, tkt__get_seatmap_svg },
    { "GET", "/events/{id}/seatmap/stream", TKT_ROLE_PUBLIC, tkt__get_stream },
    { "POST", "/events/{id}/reservations", TKT_ROLE_PUBLIC, tkt__post_reservation },
    { "POST", "/events/{id}/queue", TKT_ROLE_PUBLIC, tkt__post_place },
    { "GET", "/events/{id}/queue", TKT_ROLE_PUBLIC, tkt__get_place },
    { "DELETE", "/events/{id}/queue", TKT_ROLE_PUBLIC, tkt__delete_place },
    { "GET", "/events/{id}/queue/stream", TKT_ROLE_PUBLIC, tkt__get_place_stream },
    { "GET", "/events/{id}/queue/room", TKT_ROLE_PUBLIC, tkt__get_room },
    { "PUT", "/events/{id}/queue/room", TKT_ROLE_STAFF, tkt__put_room },
    { "GET", "/events/{id}/feed", TKT_ROLE_STAFF, tkt__get_event_feed },
    { "GET", "/events/{id}/sales", TKT_ROLE_STAFF, tkt__get_sales },
    { "GET", "/reservations/{token}", TKT_ROLE_PUBLIC, tkt__get_reservation },
    { "PUT", "/reservations/{token}", TKT_ROLE_PUBLIC, tkt__put_reservation },
    { "DELETE", "/reservations/{token}", TKT_ROLE_PUBLIC, tkt__delete_reservation },
    { "POST", "/reservations/{token}/extend", TKT_ROLE_PUBLIC, tkt__post_extend },
    { "POST", "/reservations/{token}/confirm", TKT_ROLE_PUBLIC, tkt__post_confirm },
    { "POST", "/bookings/{id}", TKT_ROLE_PUBLIC, tkt__post_booking },
    { "GET", "/bookings/{id}", TKT_ROLE_PUBLIC, tkt__get_booking },
    { "POST", "/bookings/{id}/cancel", TKT_ROLE_STAFF, tkt__post_cancel },
    { "POST", "/bookings/{id}/refund", TKT_ROLE_STAFF, tkt__post_refund },
    { "GET", "/users/{id}/bookings", TKT_ROLE_PUBLIC, tkt__get_user_bookings },
    { "POST", "/payments/{id}/news", TKT_ROLE_OPERATOR, tkt__post_news },
    { "GET", "/feed", TKT_ROLE_OPERATOR, tkt__get_feed },
    { "GET", "/health", TKT_ROLE_PUBLIC, tkt__get_health },
    { "GET", "/ready", TKT_ROLE_PUBLIC, tkt__get_ready },
    { "GET", "/metrics", TKT_ROLE_OPERATOR, tkt__get_metrics },
    { "GET", "/openapi.json", TKT_ROLE_PUBLIC, tkt__get_openapi },
    { NULL, NULL, 0, NULL },
};

/* ---- matching ---------------------------------------------------------------------------------------------------------- */

static bool id_of(tkt_text text, uint64_t *id)
{
    uint64_t value = 0;
    if (text.len == 0 || text.len > 16 || text.ptr[0] == '0')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    *id = value;
    return value <= ID_MAX;
}

static bool segment_matches(tkt__call *c, const char *pattern, size_t n, tkt_text segment)
{
    if (n == 4 && memcmp(pattern, "{id}", 4) == 0)
        return id_of(segment, &c->id);
    if (n == 7 && memcmp(pattern, "{token}", 7) == 0)
        return tkt_token_parse(segment.ptr, segment.len, c->token) == TKT_DONE;
    return segment.len == n && memcmp(pattern, segment.ptr, n) == 0;
}

static bool path_matches(tkt__call *c, const char *pattern)
{
    uint32_t i = 0;
    while (*pattern == '/') {
        const char *from = ++pattern;
        while (*pattern != '\0' && *pattern != '/')
            pattern++;
        if (i == c->segments_n || !segment_matches(c, from, (size_t)(pattern - from), c->segments[i]))
            return false;
        i++;
    }
    return i == c->segments_n;
}

/* HEAD is answered as GET; the host leaves the body out. */
static bool method_is(const tkt__call *c, const char *method)
{
    tkt_text given = c->request->method;
    return tkt__text_is(given, method) || (tkt__text_is(given, "HEAD") && strcmp(method, "GET") == 0);
}

static uint32_t no_route(tkt__call *c)
{
    char allow[ALLOW_BYTES] = "";
    size_t n = 0;
    for (const tkt__route *r = tkt__routes; r->method != NULL; r++) {
        size_t more = strlen(r->method);
        if (!path_matches(c, r->pattern) || n + more + 8 > sizeof allow)
            continue;
        if (n > 0) {
            memcpy(allow + n, ", ", 2);
            n += 2;
        }
        memcpy(allow + n, r->method, more);
        n += more;
        allow[n] = '\0';
    }
    if (n == 0)
        return tkt__problem_say(c, 404, "no_such_path", "there is nothing at this path");
    uint32_t status = tkt__problem_say(c, 405, "method_not_allowed", "this path answers %s", allow);
    tkt__header_format(c, "Allow", "%s", allow);
    return status;
}

static const tkt__route *find_route(tkt__call *c)
{
    for (const tkt__route *r = tkt__routes; r->method != NULL; r++)
        if (method_is(c, r->method) && path_matches(c, r->pattern))
            return r;
    return NULL;
}

/* ---- handling ------------------------------------------------------------------------------------------------------------- */

static uint32_t identify(tkt__call *c, const tkt__route *route)
{
    const tkt_api_options *o = &c->api->options;
    c->caller.size = (uint32_t)sizeof c->caller;
    if (o->identify != NULL && o->identify(o->user, c->request, &c->caller) != 0) {
        uint32_t status = tkt__problem_say(c, 401, "unauthorized", "who you are could not be made out");
        tkt__header_static(c, "WWW-Authenticate", "Bearer");
        return status;
    }
    if (c->caller.role >= route->role)
        return 0;
    uint32_t status = c->caller.role == TKT_ROLE_PUBLIC && c->caller.user_id == 0
                          ? tkt__problem_say(c, 401, "unauthorized", "this is for staff: say who you are")
                          : tkt__problem_say(c, 403, "forbidden", "this is for others than you");
    if (status == 401)
        tkt__header_static(c, "WWW-Authenticate", "Bearer");
    return status;
}

static uint32_t answer(tkt__call *c)
{
    uint32_t status = tkt__request_check(c);
    if (status == 0)
        status = tkt__request_path(c);
    if (status == 0)
        status = tkt__request_query(c);
    if (status != 0)
        return status;
    const tkt__route *route = find_route(c);
    if (route == NULL)
        return no_route(c);
    status = identify(c, route);
    if (status == 0 && strcmp(route->method, "GET") != 0)
        status = tkt__request_body(c);
    return status != 0 ? status : route->handler(c);
}

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
    atomic_fetch_add_explicit(&api->answered[first < 6 ? first : 0], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&api->bytes_out, r->body.n, memory_order_relaxed);
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
    memset(c, 0, sizeof *c);
    c->api = api;
    c->request = &request;
    c->response = r;
    answer(c);
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
