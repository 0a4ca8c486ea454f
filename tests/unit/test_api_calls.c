/* SPDX-License-Identifier: MIT
 *
 * test_api_calls.c: requests through tkt_api_handle that went wrong once: links of long queries, calendars, dry runs,
 * idempotency keys of those whom the host can't tell apart, the curve of a sale.
 */
#include "booking_help.h"

#include <ticketing/api.h>

typedef struct desk {
    hall h;
    tkt_api *api;
    tkt_api_response *answer;
    bool known;    /* the host tells callers apart */
    uint32_t role;
} desk;

static int32_t identify(void *user, const tkt_api_request *request, tkt_api_caller *caller)
{
    const desk *d = user;
    (void)request;
    caller->role = d->role;
    if (d->known)
        memset(caller->buyer_key, 7, TKT_BUYER_BYTES);
    return 0;
}

static void open_desk(desk *d, const char *base)
{
    tkt_api_options options = TKT_API_OPTIONS_INIT;
    d->answer = NULL;
    d->known = true;
    d->role = TKT_ROLE_PUBLIC;
    open_hall(&d->h);
    options.user = d;
    options.identify = identify;
    options.base_url = T(base);
    ok(tkt_api_new(d->h.f.store, &options, &d->api));
}

static void close_desk(desk *d)
{
    tkt_api_response_free(d->answer);
    tkt_api_free(d->api);
    close_hall(&d->h);
}

/* The body ends with a NUL of the test's. */
static const char *ask(desk *d, uint32_t status, const char *method, const char *path, const char *query, const char *key, const char *body)
{
    static char text[65536];
    tkt_api_request request;
    const tkt_api_header header = { T("Idempotency-Key"), T(key) };
    tkt_api_request_init(&request);
    request.method = T(method);
    request.path = T(path);
    request.query = T(query);
    request.body = T(body);
    request.headers = &header;
    request.header_count = key[0] != '\0';
    tkt_api_response_free(d->answer);
    ok(tkt_api_handle(d->api, &request, &d->answer));
    tkt_text got = tkt_api_response_body(d->answer);
    cr_assert_lt(got.len, sizeof(text));
    memcpy(text, got.ptr, got.len);
    text[got.len] = '\0';
    cr_assert_eq(tkt_api_response_status(d->answer), status, "%u: %s", tkt_api_response_status(d->answer), text);
    return text;
}

static tkt_text header_of(desk *d, const char *name)
{
    tkt_text n, v;
    for (uint32_t i = 0; tkt_api_response_header(d->answer, i, &n, &v) == TKT_DONE; i++)
        if (n.len == strlen(name) && memcmp(n.ptr, name, n.len) == 0)
            return v;
    return (tkt_text){ NULL, 0 };
}

Test(api_calls, links_are_whole_however_long_the_query)
{
    const size_t lengths[] = { 1000, 1500, 2047 };
    const char *const rels[] = { "first", "prev", "next", "last" };
    char base[1001], query[2048], rel[32];
    tkt_created made = TKT_CREATED_INIT;
    tkt_event event;
    desk d;
    memset(base, 'b', sizeof(base));
    memcpy(base, "https://", 8);
    base[1000] = '\0';
    open_desk(&d, base);
    tkt_event_init(&event);
    event.name = T("Another");
    event.start_ms = TEST_NOW_MS;
    ok(tkt_event_create(d.h.f.store, &event, NULL, 0, &made));
    ok(tkt_event_create(d.h.f.store, &event, NULL, 0, &made));
    for (int i = 0; i < 3; i++) {
        int n = snprintf(query, sizeof(query), "pageSize=1&page=2&x=");
        memset(query + n, 'y', lengths[i] - (size_t)n);
        query[lengths[i]] = '\0';
        ask(&d, 200, "GET", "/events/search", query, "", "");
        tkt_text link = header_of(&d, "Link");
        cr_assert_gt(link.len, 4 * (1000 + lengths[i] - 20));
        for (int k = 0; k < 4; k++) {
            snprintf(rel, sizeof(rel), "rel=\"%s\"", rels[k]);
            cr_assert_not_null(memmem(link.ptr, link.len, rel, strlen(rel)), "%s", rel);
        }
    }
    close_desk(&d);
}

Test(api_calls, a_calendar_never_ends_before_it_begins)
{
    desk d;
    tkt_created made = TKT_CREATED_INIT;
    tkt_event event;
    char path[64];
    open_desk(&d, "");
    tkt_event_init(&event);
    event.name = T("Late show");
    event.url = T("https://example.org/a?x=1,2;y=3");
    ok(tkt_instant_parse("2027-03-01T20:00:00+01:00", 25, &event.start_ms, NULL, NULL));
    ok(tkt_instant_parse("2027-03-01", 10, &event.end_ms, NULL, NULL));
    event.flags = TKT_EVENT_HAS_END | TKT_EVENT_END_DATE_ONLY;
    ok(tkt_event_create(d.h.f.store, &event, NULL, 0, &made));
    snprintf(path, sizeof(path), "/events/%llu/ics", (unsigned long long)made.id);
    const char *text = ask(&d, 200, "GET", path, "", "", "");
    cr_assert_not_null(strstr(text, "DTSTART:20270301T190000Z\r\nDTEND:20270302T000000Z\r\n"), "%s", text);
    cr_assert_not_null(strstr(text, "\r\nURL:https://example.org/a?x=1,2;y=3\r\n"), "%s", text);
    close_desk(&d);
}

Test(api_calls, a_dry_run_gives_no_token)
{
    desk d;
    char path[64], body[64], want[32];
    open_desk(&d, "");
    snprintf(path, sizeof(path), "/events/%llu/reservations", (unsigned long long)d.h.event_id);
    snprintf(body, sizeof(body), "{\"ticketId\":[%u,%u]}", d.h.units[3], d.h.units[4]);
    const char *text = ask(&d, 200, "POST", path, "dryRun=true", "", body);
    snprintf(want, sizeof(want), "\"unit\":%u", d.h.units[4]);
    cr_assert_null(strstr(text, "holdToken"), "%s", text);
    cr_assert(strstr(text, "\"dryRun\":true") != NULL && strstr(text, want) != NULL, "%s", text);
    cr_assert_not_null(strstr(ask(&d, 201, "POST", path, "", "", body), "holdToken"));
    close_desk(&d);
}

Test(api_calls, a_key_is_nobodys_who_cant_be_told_from_others)
{
    desk d;
    char path[64], body[64];
    open_desk(&d, "");
    snprintf(path, sizeof(path), "/events/%llu/reservations", (unsigned long long)d.h.event_id);
    snprintf(body, sizeof(body), "{\"ticketId\":%u}", d.h.units[0]);
    ask(&d, 201, "POST", path, "", "order-1", body);
    d.known = false;
    ask(&d, 401, "POST", path, "", "order-1", body);
    ask(&d, 409, "POST", path, "", "", body);
    close_desk(&d);
}

static uint64_t sum_of(const char *text, const char *name)
{
    uint64_t sum = 0;
    size_t n = strlen(name);
    for (const char *at = strstr(text, "\"curve\""); at != NULL && (at = strstr(at, name)) != NULL; at += n)
        sum += strtoull(at + n, NULL, 10);
    return sum;
}

Test(api_calls, the_curve_of_a_sale_holds_every_booking)
{
    desk d;
    char path[64];
    const int64_t pauses_ms[] = { 0, 900, 100, 5000, 100000, 3600000, 0, 86400000, 7 };
    open_desk(&d, "");
    for (size_t i = 0; i < sizeof(pauses_ms) / sizeof(*pauses_ms); i++) {
        pass(&d.h.f, pauses_ms[i]);
        tkt_hold hold = hold_places(&d.h, (uint32_t)i % 3 + 1);
        ok(confirm(&d.h, &hold, 0, NULL));
    }
    snprintf(path, sizeof(path), "/events/%llu/sales", (unsigned long long)d.h.event_id);
    ask(&d, 401, "GET", path, "", "", "");
    d.role = TKT_ROLE_STAFF;
    const char *text = ask(&d, 200, "GET", path, "", "", "");
    cr_assert_eq(sum_of(text, "\"bookings\":"), 9, "%s", text);
    cr_assert_eq(sum_of(text, "\"tickets\":"), 18, "%s", text);
    close_desk(&d);
}
