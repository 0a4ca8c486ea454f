/* SPDX-License-Identifier: MIT
 *
 * test_api_strict.c: what a request says is taken at its word or refused: dry runs of what can't be tried, members that a
 * call does not know, empty keys, weights of Accept, lists of entity tags; and streams that have much to leave out.
 */
#include "api_help.h"

#include <ticketing/queue.h>
#include <ticketing/search.h>

#include "base/base.h"

static const char *path_of(desk *d, const char *what)
{
    static char path[192];
    snprintf(path, sizeof(path), "/events/%llu%s", (unsigned long long)d->h.event_id, what);
    return path;
}

static const char *hold_path(const tkt_hold *hold, const char *what)
{
    static char path[192];
    char token[64];
    tkt_token_format(hold->token, token);
    snprintf(path, sizeof(path), "/reservations/%.64s%s", token, what);
    return path;
}

/* ---- money --------------------------------------------------------------------------------------------------------------------- */

Test(api_strict, what_cant_be_tried_is_not_done)
{
    desk d;
    tkt_booking booking;
    char path[64];
    open_desk(&d, "");
    tkt_hold hold = hold_places(&d.h, 1);
    ask(&d, 400, "POST", hold_path(&hold, "/confirm"), "dryRun=true", "", "{}");
    cr_assert_eq(d.h.bank.charges, 0);
    tkt_booking_init(&booking);
    ok(confirm(&d.h, &hold, 0, &booking));
    d.role = TKT_ROLE_STAFF;
    snprintf(path, sizeof(path), "/bookings/%llu/refund", (unsigned long long)booking.id);
    ask(&d, 400, "POST", path, "dryRun=true", "", "");
    snprintf(path, sizeof(path), "/bookings/%llu/cancel", (unsigned long long)booking.id);
    ask(&d, 400, "POST", path, "dryRun=1", "", "");
    cr_assert_eq(d.h.bank.refunds, 0);
    ask(&d, 400, "PUT", path_of(&d, "/queue/room"), "dryRun=true", "", "{}");
    ask(&d, 400, "PUT", path_of(&d, "/queue/room"), "", "", "{\"perMinutes\":5}");
    const char *said = ask(&d, 400, "PUT", path_of(&d, "/queue/room"), "", "", "{\"xéééééééééééééééééééééééééééééé\":5}"); /* cut in a character */
    cr_assert(tkt__utf8_valid(said, strlen(said)), "%s", said);
    ask(&d, 200, "POST", path, "dryRun=false", "", "");
    close_desk(&d);
}

Test(api_strict, a_part_is_not_taken_for_the_whole)
{
    desk d;
    tkt_booking booking;
    char path[64];
    open_desk(&d, "");
    tkt_hold hold = hold_places(&d.h, 2);
    const char *text = ask(&d, 400, "POST", hold_path(&hold, "/confirm"), "", "", "{\"paymentDetail\":\"ok\"}");
    cr_assert_not_null(strstr(text, "paymentDetail"), "%s", text);
    cr_assert_eq(d.h.bank.charges, 0);
    tkt_booking_init(&booking);
    ok(confirm(&d.h, &hold, 0, &booking));
    d.role = TKT_ROLE_STAFF;
    snprintf(path, sizeof(path), "/bookings/%llu/refund", (unsigned long long)booking.id);
    ask(&d, 400, "POST", path, "", "", "{\"amountMinor\":200}");
    cr_assert_eq(d.h.bank.refunds, 0);
    close_desk(&d);
}

Test(api_strict, a_nul_hides_nothing)
{
    desk d;
    open_desk(&d, "");
    ask(&d, 400, "POST", path_of(&d, "/reservations"), "", "", "{\"areaId\\u0000x\":1,\"quantity\":1}");
    ask(&d, 404, "POST", path_of(&d, "/reservations"), "", "", "{\"areaId\":77,\"quantity\":1,\"x\":\"\\\\u0000\"}");
    close_desk(&d);
}

Test(api_strict, an_empty_key_is_no_key_and_said_so)
{
    desk d;
    char body[64];
    const tkt_api_header header = { T("Idempotency-Key"), { "", 0 } };
    open_desk(&d, "");
    snprintf(body, sizeof(body), "{\"areaId\":%u,\"quantity\":1}", d.h.area_id);
    ask_with(&d, 400, "POST", path_of(&d, "/reservations"), "", &header, 1, body);
    ask(&d, 201, "POST", path_of(&d, "/reservations"), "", "", body);
    close_desk(&d);
}

/* ---- what is asked for ------------------------------------------------------------------------------------------------------------ */

static const char *type_for(desk *d, const char *first, const char *second)
{
    static char type[64];
    const tkt_api_header headers[] = { { T("Accept"), T(first) }, { T("Accept"), T(second) } };
    ask_with(d, 200, "GET", path_of(d, ""), "", headers, second[0] != '\0' ? 2 : 1, "");
    tkt_text got = header_of(d, "Content-Type");
    snprintf(type, sizeof(type), "%.*s", (int)got.len, got.ptr);
    type[strcspn(type, ";")] = '\0';
    return type;
}

Test(api_strict, accept_is_weighed)
{
    desk d;
    open_desk(&d, "");
    cr_assert_str_eq(type_for(&d, "text/calendar", ""), "text/calendar");
    cr_assert_str_eq(type_for(&d, "application/json, text/calendar;q=0", ""), "application/json");
    cr_assert_str_eq(type_for(&d, "application/json, application/ld+json;q=0.1", ""), "application/json");
    cr_assert_str_eq(type_for(&d, "application/json;q=0.5, application/LD+JSON ; v=1 ; Q=0.9", ""), "application/ld+json");
    cr_assert_str_eq(type_for(&d, "text/html, */*;q=0.1", ""), "application/json");
    cr_assert_str_eq(type_for(&d, "text/html", "text/calendar"), "text/calendar");
    cr_assert_str_eq(type_for(&d, "text/calendar;q=x, ,;;,", ""), "application/json");
    cr_assert_str_eq(type_for(&d, "application/ld+json;q=0.2, text/calendar", ""), "text/calendar");
    cr_assert_str_eq(type_for(&d, "text/calendar;q=0.1, */*", ""), "application/json");
    cr_assert_str_eq(type_for(&d, "text/calendar;q=0.5, application/*;q=0.9", ""), "application/json");
    cr_assert_str_eq(type_for(&d, "text/*", ""), "text/calendar");
    cr_assert_str_eq(type_for(&d, "*/*;q=0.5, application/json;q=0", ""), "application/ld+json");
    cr_assert_str_eq(type_for(&d, "*/*", ""), "application/json");
    close_desk(&d);
}

Test(api_strict, entity_tags_are_lists_of_whole_ones)
{
    desk d;
    char tag[80], text[256];
    open_desk(&d, "");
    ask(&d, 200, "GET", path_of(&d, ""), "", "", "");
    tkt_text given = header_of(&d, "ETag");
    snprintf(tag, sizeof(tag), "%.*s", (int)given.len, given.ptr);
    const struct { const char *before, *tag; uint32_t status; } cases[] = {
        { "", tag, 304 }, { "W/", tag, 304 }, { "\"other\", W/\"x\" ,", tag, 304 }, { "*", "", 304 }, { "\"x", tag, 200 }, { "x\"\", y", "", 200 }, { "\"", "", 200 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        snprintf(text, sizeof(text), "%s%s", cases[i].before, cases[i].tag);
        const tkt_api_header headers[] = { { T("If-None-Match"), T("\"first\"") }, { T("if-none-match"), T(text) } };
        ask_with(&d, cases[i].status, "GET", path_of(&d, ""), "", headers, 2, "");
    }
    close_desk(&d);
}

Test(api_strict, what_a_path_answers_is_told_whole)
{
    desk d;
    open_desk(&d, "");
    ask(&d, 405, "PATCH", path_of(&d, "/queue"), "", "", "");
    tkt_text allow = header_of(&d, "Allow");
    cr_assert(allow.len == 23 && memcmp(allow.ptr, "POST, GET, HEAD, DELETE", 23) == 0, "%.*s", (int)allow.len, allow.ptr);
    ask(&d, 400, "GET", "/events/search", "near=.,.", "", "");
    ask(&d, 400, "GET", "/events/search", "start=2027-01-02&end=2027-01-01", "", "");
    ask(&d, 200, "GET", "/events/search", "start=2027-01-01&end=2027-01-01&currency=", "", "");
    d.known = false;
    ask(&d, 401, "POST", path_of(&d, "/queue"), "", "", "");
    cr_assert_gt(header_of(&d, "WWW-Authenticate").len, 0);
    close_desk(&d);
}

/* ---- streams ----------------------------------------------------------------------------------------------------------------------- */

static void set_room(desk *d, uint32_t mode, uint32_t per_minute)
{
    tkt_queue_settings s;
    tkt_queue_settings_init(&s);
    s.mode = mode;
    s.per_minute = per_minute;
    ok(tkt_queue_set(d->h.f.store, d->h.event_id, &s, 0));
}

/* Pieces until there are none; how many calls of next that took, and how often a text is in them. */
static uint32_t draw(desk *d, const char *what, uint32_t *found)
{
    uint32_t calls = 1;
    for (*found = 0; tkt_api_response_next(d->answer) == TKT_DONE; calls++) {
        tkt_text piece = tkt_api_response_body(d->answer);
        for (const char *at = piece.ptr; at != NULL && piece.ptr + piece.len > at;) {
            at = memmem(at, (size_t)(piece.ptr + piece.len - at), what, strlen(what));
            *found += at != NULL;
            at = at != NULL ? at + 1 : NULL;
        }
    }
    return calls;
}

Test(api_strict, a_stream_goes_past_what_is_not_told)
{
    desk d;
    char query[64];
    uint64_t seq = 0;
    uint32_t found;
    open_desk(&d, "");
    ok(tkt_event_seq(look(&d.h.f), d.h.event_id, &seq));
    for (uint32_t i = 0; i < 1000; i++)
        set_room(&d, TKT_QUEUE_OPEN, 100 + i);
    hold_places(&d.h, 1);
    snprintf(query, sizeof(query), "after=%llu", (unsigned long long)seq);
    ask(&d, 200, "GET", path_of(&d, "/seatmap/stream"), query, "", "");
    uint32_t calls = draw(&d, "\"kind\":\"area\"", &found);
    cr_assert_eq(found, 1);
    cr_assert_leq(calls, 4, "%u", calls); /* the room, the place taken, nothing more */
    close_desk(&d);
}

Test(api_strict, a_stream_tells_when_the_waiting_room_is_another)
{
    desk d;
    uint32_t found;
    open_desk(&d, "");
    set_room(&d, TKT_QUEUE_RUNS, 60);
    ask(&d, 200, "GET", path_of(&d, "/seatmap/stream"), "", "", "");
    draw(&d, "map", &found);
    set_room(&d, TKT_QUEUE_CLOSED, 60);
    set_room(&d, TKT_QUEUE_CLOSED, 61);
    draw(&d, "\"waitingRoom\":\"closed\"", &found);
    cr_assert_eq(found, 1);
    ask(&d, 403, "POST", path_of(&d, "/queue"), "", "", "");
    close_desk(&d);
}

Test(api_strict, a_place_is_told_its_new_admission)
{
    desk d;
    uint32_t found;
    open_desk(&d, "");
    set_room(&d, TKT_QUEUE_RUNS, 60000);
    ask(&d, 200, "POST", path_of(&d, "/queue"), "", "", "");
    pass(&d.h.f, 1000);
    const char *text = ask(&d, 200, "GET", path_of(&d, "/queue"), "", "", "");
    cr_assert_not_null(strstr(text, "\"closed\":false"));
    ask(&d, 200, "GET", path_of(&d, "/queue/stream"), "", "", "");
    draw(&d, "\"admission\"", &found);
    cr_assert_eq(found, 1);
    draw(&d, "\"admission\"", &found);
    cr_assert_eq(found, 0);
    ok(tkt_queue_rotate(d.h.f.store, d.h.event_id));
    draw(&d, "\"admission\"", &found);
    cr_assert_eq(found, 1);
    set_room(&d, TKT_QUEUE_CLOSED, 60000);
    draw(&d, "\"closed\":true", &found);
    cr_assert_eq(found, 1);
    close_desk(&d);
}

/* ---- members for later ------------------------------------------------------------------------------------------------------------- */

Test(api_strict, what_is_reserved_is_zero)
{
    desk d;
    tkt_api *other;
    tkt_hold hold = new_hold();
    tkt_payment table = TKT_PAYMENT_INIT;
    tkt_api_options options = TKT_API_OPTIONS_INIT;
    open_desk(&d, "");
    tkt_reserve_request request = places(&d.h, 1);
    request.reserved = 0xdead;
    cr_assert_eq(tkt_reserve(d.h.f.store, &request, &hold), -TKT_E_INVALID);
    request.reserved = 0;
    request.reserved_pointer = &hold;
    cr_assert_eq(tkt_reserve(d.h.f.store, &request, &hold), -TKT_E_INVALID);
    tkt_reindex_options build = TKT_REINDEX_OPTIONS_INIT;
    build.reserved_pointer = &hold;
    cr_assert_eq(tkt_reindex(d.h.f.store, &build, NULL), -TKT_E_INVALID);
    table.charge = table.status = table.refund = NULL;
    table.reserved = 1;
    cr_assert_eq(tkt_store_set_payment(d.h.f.store, &table), -TKT_E_INVALID);
    options.reserved = 4;
    cr_assert_eq(tkt_api_new(d.h.f.store, &options, &other), -TKT_E_INVALID);
    options.reserved = 0;
    options.reserved_pointer = &hold;
    cr_assert_eq(tkt_api_new(d.h.f.store, &options, &other), -TKT_E_INVALID);
    close_desk(&d);
}

/* Two handlers, as of two processes: what the one answered the other counts too; and a program of before knows no counters. */
Test(api_strict, counters_are_shared)
{
    desk d;
    tkt_api *other;
    tkt_api_options options = TKT_API_OPTIONS_INIT;
    uint64_t counters[TKT_API_COUNTERS] = { 0 };
    open_desk(&d, "");
    tkt_api_free(d.api);
    options.user = &d;
    options.identify = identify;
    options.counters = counters;
    ok(tkt_api_new(d.h.f.store, &options, &d.api));
    ok(tkt_api_new(d.h.f.store, &options, &other));
    for (int i = 0; i < 5; i++)
        ask(&d, 200, "GET", "/health", "", "", "");
    tkt_api_response_free(d.answer);
    d.answer = NULL;
    tkt_api_free(d.api);
    d.api = other;
    d.role = TKT_ROLE_OPERATOR;
    const char *text = ask(&d, 200, "GET", "/metrics", "", "", "");
    cr_assert_not_null(strstr(text, "ticketing_api_answers_total{status=\"2xx\"} 5\n"), "%s", text);
    options.counters = NULL;
    options.size = (uint32_t)offsetof(tkt_api_options, counters);
    ok(tkt_api_new(d.h.f.store, &options, &other));
    tkt_api_free(other);
    close_desk(&d);
}
