/* SPDX-License-Identifier: MIT
 *
 * tests/unit/test_api_http.c: what the rules of HTTP and of streams ask of an answer: conditions, replays, new addresses,
 * where a stream goes on, and that a dry run can't be taken for the real thing.
 */
#include "api_help.h"

#include <ticketing/queue.h>

static char path[160];

static const char *at_event(const desk *d, const char *rest)
{
    snprintf(path, sizeof path, "/events/%llu%s", (unsigned long long)d->h.event_id, rest);
    return path;
}

static const char *at_hold(const char *token, const char *rest)
{
    snprintf(path, sizeof path, "/reservations/%.64s%s", token, rest);
    return path;
}

static const char *token_in(const char *body)
{
    static char token[65];
    const char *at = strstr(body, "\"holdToken\":\"");
    cr_assert_not_null(at, "%s", body);
    memcpy(token, at + strlen("\"holdToken\":\""), 64);
    return token;
}

static const char *body_of_seat(const desk *d, int i)
{
    static char body[64];
    snprintf(body, sizeof body, "{\"ticketId\":[%u]}", d->h.units[i]);
    return body;
}

static bool replayed(desk *d) { return header_of(d, "Idempotency-Replayed").len == 4; }

/* ---- conditions ------------------------------------------------------------------------------------------------- */

static void match(desk *d, uint32_t status, const char *method, const char *where, const char *tag, const char *body)
{
    const tkt_api_header header = { T("If-Match"), T(tag) };
    ask_with(d, status, method, where, "", &header, 1, body);
}

Test(api_http, if_match_is_asked_before_anything_is_done)
{
    desk d;
    char tag[80];
    open_desk(&d, "");
    ask(&d, 200, "GET", at_event(&d, ""), "", "", "");
    tkt_text given = header_of(&d, "ETag");
    snprintf(tag, sizeof tag, "%.*s", (int)given.len, given.ptr);
    match(&d, 200, "GET", at_event(&d, ""), tag, "");
    match(&d, 200, "GET", at_event(&d, ""), "*", "");
    match(&d, 200, "GET", at_event(&d, ""), "* ", "");
    match(&d, 412, "GET", at_event(&d, ""), "\"other\"", "");
    char weak[96];
    snprintf(weak, sizeof weak, "W/%s", tag);
    match(&d, 412, "GET", at_event(&d, ""), weak, "");
    match(&d, 412, "POST", at_event(&d, "/reservations"), "\"other\"", body_of_seat(&d, 0));
    match(&d, 201, "POST", at_event(&d, "/reservations"), "*", body_of_seat(&d, 0));
    close_desk(&d);
}

/* ---- reservations ------------------------------------------------------------------------------------------------- */

Test(api_http, a_replaced_reservation_says_where_it_is)
{
    desk d;
    char token[65];
    open_desk(&d, "");
    strcpy(token, token_in(ask(&d, 201, "POST", at_event(&d, "/reservations"), "", "", body_of_seat(&d, 0))));
    const char *fresh = token_in(ask(&d, 200, "PUT", at_hold(token, ""), "", "", body_of_seat(&d, 1)));
    tkt_text location = header_of(&d, "Location");
    cr_assert_str_neq(fresh, token);
    cr_assert(location.len == strlen("/reservations/") + 64 && memcmp(location.ptr + strlen("/reservations/"), fresh, 64) == 0);
    close_desk(&d);
}

Test(api_http, what_was_only_tried_says_so)
{
    desk d;
    char token[65];
    open_desk(&d, "");
    strcpy(token, token_in(ask(&d, 201, "POST", at_event(&d, "/reservations"), "", "once", body_of_seat(&d, 0))));
    const struct { const char *method, *rest; } calls[] = { { "DELETE", "" }, { "POST", "/extend" } };
    for (int i = 0; i < 2; i++) {
        const char *body = ask(&d, 200, calls[i].method, at_hold(token, calls[i].rest), "dryRun=true", "", "");
        cr_assert_not_null(strstr(body, "\"dryRun\":true"), "%s", body);
        cr_assert_null(strstr(body, "holdToken"), "%s", body);
    }
    const char *body = ask(&d, 200, "POST", at_event(&d, "/reservations"), "dryRun=1", "once", body_of_seat(&d, 0));
    cr_assert(strstr(body, "\"dryRun\":true") != NULL && strstr(body, "holdToken") == NULL, "%s", body);
    body = ask(&d, 200, "GET", at_hold(token, ""), "dryRun=true", "", "");
    cr_assert(strstr(body, "\"state\":\"active\"") != NULL && strstr(body, "holdToken") != NULL, "%s", body);
    close_desk(&d);
}

Test(api_http, a_refusal_that_is_told_again_says_so)
{
    desk d;
    char where[64], body[96];
    open_desk(&d, "");
    d.h.bank.on_charge = TKT_PAY_DECLINED;
    snprintf(where, sizeof where, "/bookings/%llu", (unsigned long long)d.h.event_id);
    snprintf(body, sizeof body, "{\"ticketId\":[%u],\"paymentDetails\":\"x\"}", d.h.units[3]);
    ask(&d, 402, "POST", where, "", "order", body);
    cr_assert_not(replayed(&d));
    d.h.bank.on_charge = TKT_PAY_APPROVED;
    ask(&d, 402, "POST", where, "", "order", body);
    cr_assert(replayed(&d));
    cr_assert_eq(d.h.bank.charges, 1);
    close_desk(&d);
}

/* A key is somebody's: where the host tells nobody apart, another's would answer with his token. */
Test(api_http, a_key_needs_somebody)
{
    desk d;
    tkt_api *open;
    open_desk(&d, "");
    ok(tkt_api_new(d.h.f.store, NULL, &open));
    tkt_api *known = d.api;
    d.api = open;
    ask(&d, 401, "POST", at_event(&d, "/reservations"), "", "1", body_of_seat(&d, 0));
    ask(&d, 201, "POST", at_event(&d, "/reservations"), "", "", body_of_seat(&d, 0));
    tkt_api_response_free(d.answer);
    d.answer = NULL;
    tkt_api_free(open);
    d.api = known;
    close_desk(&d);
}

/* XML has no such characters, however they are written. */
Test(api_http, a_drawn_hall_is_xml)
{
    desk d;
    tkt_chart *chart;
    uint64_t chart_id = 0;
    uint32_t version;
    open_desk(&d, "");
    tkt_event event = plain_event("test:drawn", TEST_NOW_MS);
    d.h.event_id = new_event(&d.h.f, &event);
    ok(tkt_chart_new(&chart));
    ok(tkt_chart_add_section(chart, T("Hall \xef\xbf\xbe<1>")));
    ok(tkt_chart_add_row(chart, T("r\xef\xbf\xbf\xef\xbf\xbd")));
    ok(tkt_chart_add_seat(chart, T("1"), 0, 0, 0));
    ok(tkt_chart_put(d.h.f.store, 0, chart, &chart_id, &version));
    ok(tkt_event_set_chart(d.h.f.store, d.h.event_id, chart_id, version, 0));
    tkt_chart_free(chart);
    const char *text = ask(&d, 200, "GET", at_event(&d, "/seatmap.svg"), "", "", "");
    cr_assert(strstr(text, "\xef\xbf\xbf") == NULL && strstr(text, "\xef\xbf\xbe") == NULL, "%s", text);
    cr_assert_not_null(strstr(text, "r\xef\xbf\xbd"), "%s", text);
    close_desk(&d);
}

/* ---- searches ----------------------------------------------------------------------------------------------------- */

static uint64_t priced(desk *d, const char *name, int64_t minor, const char *currency)
{
    tkt_event event = plain_event(name, TEST_NOW_MS);
    event.name = T(name);
    event.price_minor = minor;
    event.flags |= TKT_EVENT_HAS_PRICE;
    memcpy(event.currency, currency, 4);
    return new_event(&d->h.f, &event);
}

Test(api_http, prices_are_sorted_in_the_currency_that_is_named)
{
    desk d;
    char query[200];
    open_desk(&d, "");
    priced(&d, "listed yen", 100, "JPY");
    priced(&d, "listed dollars", 900, "USD");
    priced(&d, "listed cents", 50, "USD");
    const char *body = ask(&d, 200, "GET", "/events/search", "keyword=listed&sort=price&currency=USD", "", "");
    const char *cents = strstr(body, "listed cents"), *dollars = strstr(body, "listed dollars"), *yen = strstr(body, "listed yen");
    cr_assert(cents != NULL && dollars != NULL && yen != NULL && cents < dollars && dollars < yen, "%s", body);
    ask(&d, 200, "GET", "/events/search", "keyword=listed&sort=price&currency=USD&pageSize=1", "", "");
    tkt_text next = header_of(&d, "X-Next-Cursor");
    snprintf(query, sizeof query, "keyword=listed&sort=price&currency=JPY&pageSize=1&cursor=%.*s", (int)next.len, next.ptr);
    ask(&d, 400, "GET", "/events/search", query, "", "");
    close_desk(&d);
}

static int64_t jumps_at, looks;

static int64_t jumping(void *user)
{
    (void)user;
    return ++looks >= jumps_at ? INT64_C(900000) : INT64_C(1000);
}

static int64_t standing(void *user)
{
    (void)user;
    return TEST_NOW_MS;
}

/* A process that slept in the middle of an answer: its snapshot is too old, and half a page is no page, now or later. */
Test(api_http, a_page_is_whole_or_none)
{
    fixture f;
    desk d = { .known = true };
    tkt_options *options;
    tkt_hooks hooks = TKT_HOOKS_INIT;
    char query[64];
    uint32_t refused = 0;
    setup(&f);
    for (int i = 0; i < 10; i++) {
        char external[16];
        snprintf(external, sizeof external, "e%d", i);
        tkt_event event = plain_event(external, TEST_NOW_MS);
        event.venue_id = i == 0 ? new_venue(&f, "Hall", "Bonn") : 0;
        new_event(&f, &event);
    }
    tkt_store_close(f.store);
    hooks.wall_ms = standing;
    hooks.monotonic_ms = jumping;
    ok(tkt_options_new(&options));
    ok(tkt_options_set_hooks(options, &hooks));
    jumps_at = INT64_MAX;
    ok(tkt_store_open(f.path, strlen(f.path), options, &f.store));
    tkt_options_free(options);
    ok(tkt_api_new(f.store, NULL, &d.api));
    for (int64_t at = 1; at < 60; at++) {
        snprintf(query, sizeof query, "keyword=evening&start=%lld-01-01", (long long)(1900 + at));
        tkt_api_request request;
        tkt_api_response *answer;
        tkt_api_request_init(&request);
        request.method = T("GET");
        request.path = T("/events/search");
        request.query = T(query);
        for (int turn = 0; turn < 2; turn++) {
            looks = 0;
            jumps_at = turn == 0 ? at : INT64_MAX;
            ok(tkt_api_handle(d.api, &request, &answer));
            tkt_text body = tkt_api_response_body(answer);
            uint32_t status = tkt_api_response_status(answer), found = 0;
            for (size_t i = 0; i + 9 < body.len; i++)
                found += memcmp(body.ptr + i, "\"venue\":", 8) == 0;
            refused += status == 503;
            cr_assert(status == 503 || (status == 200 && found == 10 && memmem(body.ptr, body.len, "Hall", 4) != NULL), "%u: %.*s", status,
                      (int)body.len, body.ptr);
            cr_assert(turn == 0 || status == 200);
            tkt_api_response_free(answer);
        }
    }
    cr_assert_gt(refused, 0);
    tkt_api_free(d.api);
    teardown(&f);
}

Test(api_http, a_language_of_any_length_is_known_or_refused)
{
    desk d;
    char query[400] = "language=";
    open_desk(&d, "");
    memset(query + strlen(query), 'x', 300);
    ask(&d, 400, "GET", "/events/search", query, "", "");
    ask(&d, 400, "GET", "/events/search", "language=xx", "", "");
    close_desk(&d);
}

Test(api_http, signs_are_marked_with_their_word)
{
    desk d;
    open_desk(&d, "");
    priced(&d, "C++ evening", 0, "EUR");
    const char *body = ask(&d, 200, "GET", "/events/search", "keyword=c%2B%2B&highlight=true", "", "");
    cr_assert_not_null(strstr(body, "[{\"text\":\"C++\",\"hit\":true},{\"text\":\" evening\",\"hit\":false}]"), "%s", body);
    body = ask(&d, 200, "GET", "/events/search", "keyword=c+evening&highlight=true", "", "");
    cr_assert_not_null(strstr(body, "{\"text\":\"C\",\"hit\":true}"), "%s", body);
    close_desk(&d);
}

/* ---- streams -------------------------------------------------------------------------------------------------------- */

/* The first piece that says something, after what is given as the last id. */
static const char *first_piece(desk *d, const char *last)
{
    static char text[8192];
    const tkt_api_header header = { T("Last-Event-ID"), T(last) };
    ask_with(d, 200, "GET", at_event(d, "/seatmap/stream"), "", &header, last[0] != '\0', "");
    int32_t status = tkt_api_response_next(d->answer);
    tkt_text piece = status == TKT_DONE ? tkt_api_response_body(d->answer) : (tkt_text){ "", 0 };
    cr_assert_lt(piece.len, sizeof text);
    memcpy(text, piece.ptr, piece.len);
    text[piece.len] = '\0';
    return text;
}

Test(api_http, a_stream_goes_on_in_its_own_history_alone)
{
    desk d;
    char id[64] = "", other[64];
    open_desk(&d, "");
    const char *piece = first_piece(&d, "");
    cr_assert_not_null(strstr(piece, "event: map"), "%s", piece);
    sscanf(strstr(piece, "id: "), "id: %63[0-9a-f.]", id);
    cr_assert_str_eq(first_piece(&d, id), "");
    hold_seats(&d.h, 0, 1);
    piece = first_piece(&d, id);
    cr_assert(strstr(piece, "event: change") != NULL && strstr(piece, "event: map") == NULL, "%s", piece);
    *strchr(id, '.') = '\0';
    const char *const elsewhere[] = { ".2", ".", "", ".1.1" }; /* a store that was restored has another epoch */
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
        snprintf(other, sizeof other, "%s%s", id, elsewhere[i]);
        cr_assert_not_null(strstr(first_piece(&d, other), "event: map"), "%s", other);
    }
    close_desk(&d);
}

/* Before anything has happened a client knows where to come back to, as the map told it and as the stream does. */
Test(api_http, a_quiet_stream_says_where_it_is)
{
    desk d;
    char query[96], at[64] = "";
    open_desk(&d, "");
    const char *body = ask(&d, 200, "GET", at_event(&d, "/seatmap"), "", "", "");
    cr_assert_eq(sscanf(strstr(body, "\"streamId\":\""), "\"streamId\":\"%63[0-9a-f.]", at), 1, "%s", body);
    snprintf(query, sizeof query, "after=%s", at);
    body = ask(&d, 200, "GET", at_event(&d, "/seatmap/stream"), query, "", "");
    cr_assert(strstr(body, "id: ") != NULL && strstr(body, at) != NULL, "%s", body);
    cr_assert_eq(tkt_api_response_next(d.answer), TKT_PENDING);
    strcat(query, "1"); /* of another epoch */
    ask(&d, 200, "GET", at_event(&d, "/seatmap/stream"), query, "", "");
    ok(tkt_api_response_next(d.answer));
    tkt_text piece = tkt_api_response_body(d.answer);
    cr_assert_not_null(memmem(piece.ptr, piece.len, "event: map", 10));
    close_desk(&d);
}

Test(api_http, who_joins_does_not_call_everybody)
{
    desk d;
    tkt_queue_settings s;
    uint8_t buyer[TKT_BUYER_BYTES] = { 9 };
    tkt_place place;
    open_desk(&d, "");
    tkt_queue_settings_init(&s);
    s.mode = TKT_QUEUE_RUNS;
    s.per_minute = 60;
    ok(tkt_queue_set(d.h.f.store, d.h.event_id, &s, 0));
    cr_assert_not_null(strstr(first_piece(&d, ""), "event: map"));
    tkt_place_init(&place);
    ok(tkt_queue_join(d.h.f.store, d.h.event_id, buyer, &place));
    cr_assert_eq(tkt_api_response_next(d.answer), TKT_PENDING);
    s.mode = TKT_QUEUE_PAUSED;
    ok(tkt_queue_set(d.h.f.store, d.h.event_id, &s, 0));
    ok(tkt_api_response_next(d.answer));
    tkt_text piece = tkt_api_response_body(d.answer);
    cr_assert_not_null(memmem(piece.ptr, piece.len, "\"waitingRoom\":\"paused\"", 22));
    close_desk(&d);
}
