/* SPDX-License-Identifier: MIT
 *
 * api/route.c: which handler answers, and for whom.
 *
 * A pattern is literal segments, {id} (1…2^53−1) and {token} (64 hex digits). The table is the whole surface: what is
 * not in it is 404, a path with another method 405 with what it allows. tests/unit/test_api.c holds it against
 * openapi.json.
 */
#include "api/api.h"

#include <stdio.h>

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
        const char *method = strcmp(r->method, "GET") == 0 ? "GET, HEAD" : r->method;
        if (path_matches(c, r->pattern) && n + strlen(method) + 3 <= sizeof allow)
            n += (size_t)snprintf(allow + n, sizeof allow - n, "%s%s", n > 0 ? ", " : "", method);
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

/* ---- answering ------------------------------------------------------------------------------------------------------------ */

static uint32_t identify(tkt__call *c, const tkt__route *route)
{
    const tkt_api_options *o = &c->api->options;
    c->caller.size = (uint32_t)sizeof c->caller;
    int32_t known = o->identify != NULL ? o->identify(o->user, c->request, &c->caller) : 0;
    c->nobody = c->caller.role == TKT_ROLE_PUBLIC && c->caller.user_id == 0 && c->caller.scope.len == 0 &&
                tkt__is_zero(c->caller.buyer_key, TKT_BUYER_BYTES);
    if (known != 0)
        return tkt__problem_who(c, "who you are could not be made out");
    if (c->caller.role >= route->role)
        return 0;
    return c->caller.role == TKT_ROLE_PUBLIC && c->caller.user_id == 0
               ? tkt__problem_who(c, "this is for staff: say who you are")
               : tkt__problem_say(c, 403, "forbidden", "this is for others than you");
}

/* What can't be tried must not be done by who only wanted to try. */
static uint32_t tries(tkt__call *c, const tkt__route *route)
{
    const tkt__param *p = tkt__param_of(c, "dryRun");
    bool can = route->handler == tkt__post_reservation || route->handler == tkt__put_reservation ||
               route->handler == tkt__delete_reservation || route->handler == tkt__post_extend || route->handler == tkt__post_booking;
    return p == NULL || can || tkt__text_is(p->value, "false") || tkt__text_is(p->value, "0")
               ? 0
               : tkt__problem_say(c, 400, "bad_value", "this call has no dry run");
}

uint32_t tkt__route_answer(tkt__call *c)
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
        status = tries(c, route);
    if (status == 0 && strcmp(route->method, "GET") != 0)
        status = tkt__precondition(c);
    if (status == 0 && strcmp(route->method, "GET") != 0)
        status = tkt__request_body(c);
    return status != 0 ? status : route->handler(c);
}
