/* SPDX-License-Identifier: MIT
 *
 * test_api_calls.c: requests through tkt_api_handle that went wrong once: links of long queries, calendars, dry runs,
 * idempotency keys of those whom the host can't tell apart, the curve of a sale.
 */
#include "api_help.h"

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

/* Parameters stand in a link as they were understood, however they were spelt. */
Test(api_calls, links_lead_to_the_same_list)
{
    static const struct {
        const char *query, *next;
    } cases[] = {
        { "keyword=\"an+other\"&pageSize=1", "/events/search?keyword=%22an%20other%22&pageSize=1&page=2>; rel=\"next\"" },
        { "pageSize=1&%70age=2&keyword=other", "/events/search?pageSize=1&keyword=other&page=3>; rel=\"next\"" },
        { "pageSize=1&keyword=<other>", "/events/search?pageSize=1&keyword=%3Cother%3E&page=2>; rel=\"next\"" },
        { "pageSize=1&keyword=%C3%B6ther+-x%26y", "/events/search?pageSize=1&keyword=%C3%B6ther%20-x%26y&page=2>; rel=\"next\"" },
    };
    tkt_created made = TKT_CREATED_INIT;
    tkt_event event;
    desk d;
    open_desk(&d, "");
    tkt_event_init(&event);
    event.name = T("An other");
    event.start_ms = TEST_NOW_MS;
    for (int i = 0; i < 4; i++)
        ok(tkt_event_create(d.h.f.store, &event, NULL, 0, &made));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask(&d, 200, "GET", "/events/search", cases[i].query, "", "");
        tkt_text link = header_of(&d, "Link");
        cr_assert_not_null(memmem(link.ptr, link.len, cases[i].next, strlen(cases[i].next)), "%.*s", (int)link.len, link.ptr);
    }
    close_desk(&d);
}

/* What a query excludes is not what it looked for. */
Test(api_calls, what_is_excluded_is_not_marked)
{
    tkt_created made = TKT_CREATED_INIT;
    tkt_event event;
    desk d;
    open_desk(&d, "");
    tkt_event_init(&event);
    event.name = T("York Philharmonic");
    event.start_ms = TEST_NOW_MS;
    ok(tkt_event_create(d.h.f.store, &event, NULL, 0, &made));
    const char *text = ask(&d, 200, "GET", "/events/search", "keyword=york+-phil&highlight=1", "", "");
    cr_assert_not_null(strstr(text, "[{\"text\":\"York\",\"hit\":true},{\"text\":\" Philharmonic\",\"hit\":false}]"), "%s", text);
    text = ask(&d, 200, "GET", "/events/search", "keyword=york+phil&highlight=1", "", "");
    cr_assert_not_null(strstr(text, "{\"text\":\"Philharmonic\",\"hit\":true}]"), "%s", text);
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

/* It knows whole seconds. */
Test(api_calls, a_calendar_has_no_end_in_the_second_of_its_start)
{
    desk d;
    tkt_created made = TKT_CREATED_INIT;
    tkt_event event;
    char path[64];
    open_desk(&d, "");
    tkt_event_init(&event);
    event.name = T("A blink");
    event.start_ms = TEST_NOW_MS / 1000 * 1000 + 250;
    event.end_ms = event.start_ms + 500;
    event.flags = TKT_EVENT_HAS_END;
    ok(tkt_event_create(d.h.f.store, &event, NULL, 0, &made));
    snprintf(path, sizeof(path), "/events/%llu/ics", (unsigned long long)made.id);
    cr_assert_null(strstr(ask(&d, 200, "GET", path, "", "", ""), "DTEND"));
    close_desk(&d);
}

/* A place in somebody's cart may come back. */
Test(api_calls, held_is_not_sold_out)
{
    desk d;
    tkt_hold holds[8];
    tkt_counts counts = TKT_COUNTS_INIT;
    tkt_snapshot *snap;
    char path[64];
    uint32_t n = 1;
    open_desk(&d, "");
    holds[0] = hold_seats(&d.h, 0, HALL_SEATS);
    for (bool more = true; more; n += more) {
        ok(tkt_snapshot_begin(d.h.f.store, &snap));
        ok(tkt_counts_view(snap, d.h.event_id, &counts));
        tkt_snapshot_end(snap);
        more = counts.available > 0 && n < 8;
        if (more)
            holds[n] = hold_places(&d.h, counts.available < TKT_QUANTITY_MAX ? (uint32_t)counts.available : TKT_QUANTITY_MAX);
    }
    cr_assert_eq(counts.available, 0);
    snprintf(path, sizeof(path), "/events/%llu/jsonld", (unsigned long long)d.h.event_id);
    const char *text = ask(&d, 200, "GET", path, "", "", "");
    cr_assert(strstr(text, "LimitedAvailability") != NULL && strstr(text, "SoldOut") == NULL, "%s", text);
    for (uint32_t i = 0; i < n; i++)
        ok(confirm(&d.h, &holds[i], 0, NULL));
    cr_assert_not_null(strstr(ask(&d, 200, "GET", path, "", "", ""), "SoldOut"));
    close_desk(&d);
}

/* Days, by the clock of the place. */
Test(api_calls, a_calendar_of_days_ends_on_the_day)
{
    static const struct {
        const char *end, *line;
    } cases[] = { { "2027-07-28T01:00:00+02:00", "DTEND;VALUE=DATE:20270729\r\n" },
                  { "2027-07-28T23:00:00-05:00", "DTEND;VALUE=DATE:20270729\r\n" },
                  { "2027-07-30", "DTEND;VALUE=DATE:20270731\r\n" } };
    desk d;
    open_desk(&d, "");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tkt_created made = TKT_CREATED_INIT;
        tkt_event event;
        char path[64];
        int32_t plain;
        tkt_event_init(&event);
        event.name = T("Days");
        ok(tkt_instant_parse("2027-07-28", 10, &event.start_ms, NULL, NULL));
        ok(tkt_instant_parse(cases[i].end, strlen(cases[i].end), &event.end_ms, &event.end_offset_min, &plain));
        event.flags = TKT_EVENT_START_DATE_ONLY | TKT_EVENT_HAS_END | (plain ? TKT_EVENT_END_DATE_ONLY : 0);
        ok(tkt_event_create(d.h.f.store, &event, NULL, 0, &made));
        snprintf(path, sizeof(path), "/events/%llu/ics", (unsigned long long)made.id);
        const char *text = ask(&d, 200, "GET", path, "", "", "");
        cr_assert_not_null(strstr(text, "DTSTART;VALUE=DATE:20270728\r\n"), "%s", text);
        cr_assert_not_null(strstr(text, cases[i].line), "%s", text);
    }
    close_desk(&d);
}

/* The one call that reserves and pays keeps nothing of what was declined, and says so. */
Test(api_calls, what_was_declined_is_not_held)
{
    desk d;
    char path[64], body[96];
    open_desk(&d, "");
    d.h.bank.on_charge = TKT_PAY_DECLINED;
    snprintf(path, sizeof(path), "/bookings/%llu", (unsigned long long)d.h.event_id);
    snprintf(body, sizeof(body), "{\"ticketId\":[%u],\"paymentDetails\":\"x\"}", d.h.units[3]);
    const char *text = ask(&d, 402, "POST", path, "", "", body);
    cr_assert(strstr(text, "\"code\":\"declined\"") != NULL && strstr(text, "earliest") == NULL && strstr(text, "lives") == NULL, "%s", text);
    d.h.bank.on_charge = TKT_PAY_APPROVED;
    ask(&d, 201, "POST", path, "", "", body);
    close_desk(&d);
}

/* Who took cash and says so in other words must not have a card charged. */
Test(api_calls, money_taken_is_true_or_false)
{
    static const char *const wrong[] = { "\"true\"", "1", "\"yes\"", "[]" };
    desk d;
    char path[64], body[96];
    open_desk(&d, "");
    d.role = TKT_ROLE_STAFF;
    snprintf(path, sizeof(path), "/bookings/%llu", (unsigned long long)d.h.event_id);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(body, sizeof(body), "{\"ticketId\":[%u],\"moneyTaken\":%s,\"paymentDetails\":\"x\"}", d.h.units[3], wrong[i]);
        ask(&d, 400, "POST", path, "", "", body);
    }
    cr_assert_eq(d.h.bank.charges, 0);
    snprintf(body, sizeof(body), "{\"ticketId\":[%u],\"moneyTaken\":true}", d.h.units[3]);
    ask(&d, 201, "POST", path, "", "", body);
    cr_assert_eq(d.h.bank.charges, 0);
    close_desk(&d);
}

/* A key is one call's: another call of the same key is a call by itself, and finds the seat held. */
Test(api_calls, a_key_is_of_one_call)
{
    desk d;
    char reservations[64], bookings[64], body[64];
    open_desk(&d, "");
    snprintf(reservations, sizeof(reservations), "/events/%llu/reservations", (unsigned long long)d.h.event_id);
    snprintf(bookings, sizeof(bookings), "/bookings/%llu", (unsigned long long)d.h.event_id);
    snprintf(body, sizeof(body), "{\"ticketId\":%u}", d.h.units[0]);
    ask(&d, 201, "POST", reservations, "", "order-1", body);
    ask(&d, 409, "POST", bookings, "", "order-1", body);
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

/* ---- pages that are kept ---------------------------------------------------------------------------------------------------- */

static uint64_t cached(desk *d)
{
    tkt_stats stats = TKT_STATS_INIT;
    ok(tkt_store_stats(d->h.f.store, &stats));
    return stats.cache_bytes;
}

/* Whatever a page tells of an event is told anew once it has changed. */
Test(api_calls, a_kept_page_is_never_old)
{
    desk d;
    char before[4096];
    open_desk(&d, "");
    uint64_t house = new_venue(&d.h.f, "Old House", "Bonn");
    tkt_event event = plain_event("test:kept", TEST_NOW_MS);
    event.name = T("kept");
    event.venue_id = house;
    uint64_t id = new_event(&d.h.f, &event);
    tkt_venue venue = TKT_VENUE_INIT;
    venue.id = house;
    venue.name = T("New House");
    venue.city = T("Bonn");
    for (int step = 0; step < 8; step++) {
        static const char *const told[] = { "Old House", "postponed", "New House", "12.50", "kept again", "MusicEvent", "Comedy", "\"end\":" };
        strcpy(before, ask(&d, 200, "GET", "/events/search", "keyword=kept&pageSize=5", "", ""));
        uint64_t bytes = cached(&d);
        cr_assert(strstr(before, told[step]) != NULL, "step %d: %s", step, before);
        cr_assert_str_eq(ask(&d, 200, "GET", "/events/search", "keyword=kept&pageSize=5", "", ""), before);
        cr_assert_eq(cached(&d), bytes); /* it was the one that is kept */
        ask(&d, 200, "GET", "/events/search", "keyword=kept&pageSize=5&highlight=1", "", "");
        event.id = id;
        if (step == 0)
            ok(tkt_event_set_status(d.h.f.store, id, TKT_EVENT_POSTPONED, 0));
        else if (step == 1)
            ok(tkt_venue_update(d.h.f.store, &venue, 0));
        else if (step == 2)
            ok(tkt_event_set_price(d.h.f.store, id, TKT_SCOPE_EVENT, 0, 1250, "EUR", 0));
        else if (step == 3)
            event.name = T("kept again");
        else if (step == 4)
            event.type = T("MusicEvent");
        else if (step == 5)
            event.category = T("Comedy");
        else if (step == 6) {
            event.end_ms = TEST_NOW_MS + 3600000;
            event.flags |= TKT_EVENT_HAS_END;
        }
        if (step >= 3)
            ok(tkt_event_update(d.h.f.store, &event, 0));
    }
    ok(tkt_event_delete(d.h.f.store, id, NULL, 0));
    cr_assert_str_eq(ask(&d, 200, "GET", "/events/search", "keyword=kept&pageSize=5", "", ""), "[]");
    close_desk(&d);
}
