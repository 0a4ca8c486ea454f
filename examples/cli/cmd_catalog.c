/* SPDX-License-Identifier: MIT
 *
 * cmd_catalog.c: what is for sale: show, list, and the facts of a sale (ga, price, status, limit).
 */
#include "cli.h"

#include <inttypes.h>
#include <string.h>

#define PAGE_DEFAULT 20

static const char *const status_names[] = { "unknown", "scheduled", "postponed", "rescheduled", "cancelled" };

const char *event_status_name(uint32_t status)
{
    return status_names[status < sizeof status_names / sizeof status_names[0] ? status : 0];
}

void instant_of(char text[TKT_INSTANT_TEXT], int64_t ms, int32_t offset, bool date_only)
{
    size_t n;
    if (tkt_instant_format(ms, offset, date_only, text, &n) != TKT_DONE)
        text[0] = '\0';
}

static void out_instant(cli *c, const char *key, const char *text)
{
    out_string(c, key, text, strlen(text));
}

static void out_degrees(cli *c, const char *key, int32_t e7)
{
    char text[32];
    int64_t v = e7;
    snprintf(text, sizeof text, "%s%" PRId64 ".%07" PRId64, v < 0 ? "-" : "", (v < 0 ? -v : v) / 10000000,
             (v < 0 ? -v : v) % 10000000);
    out_decimal(c, key, text);
}

static int32_t show_venue(cli *c, tkt_snapshot *snap, uint64_t id)
{
    tkt_venue v = TKT_VENUE_INIT;
    if (id == 0) {
        out_null(c, "venue");
        return TKT_DONE;
    }
    int32_t status = tkt_venue_view(snap, id, &v);
    if (status != TKT_DONE)
        return status;
    out_map(c, "venue");
    out_unsigned(c, "venueId", v.id);
    out_text(c, "name", v.name);
    out_text(c, "city", v.city);
    out_text(c, "region", v.region);
    out_text(c, "country", v.country);
    out_text(c, "street", v.street);
    out_text(c, "postalCode", v.postal_code);
    if (v.latitude_e7 != TKT_GEO_NONE) {
        out_degrees(c, "latitude", v.latitude_e7);
        out_degrees(c, "longitude", v.longitude_e7);
    }
    out_map_end(c);
    if (!c->json)
        printf("where      %.*s%s%.*s %.*s\n", (int)v.name.len, v.name.ptr, v.name.len != 0 ? ", " : "",
               (int)v.city.len, v.city.ptr, (int)v.country.len, v.country.ptr);
    return TKT_DONE;
}

static int32_t show_performers(cli *c, tkt_snapshot *snap, const tkt_event *e)
{
    out_array(c, "performers");
    for (uint32_t i = 0; i < e->performer_count; i++) {
        tkt_performer p = TKT_PERFORMER_INIT;
        uint64_t id;
        int32_t status = tkt_event_performer(e, i, &id);
        if (status == TKT_DONE)
            status = tkt_performer_view(snap, id, &p);
        if (status != TKT_DONE)
            return status;
        out_map(c, NULL);
        out_unsigned(c, "performerId", p.id);
        out_text(c, "name", p.name);
        out_text(c, "type", p.type);
        out_map_end(c);
        if (!c->json)
            printf("%s %.*s\n", i == 0 ? "with      " : "          ", (int)p.name.len, p.name.ptr);
    }
    out_array_end(c);
    return TKT_DONE;
}

/* One price; the record's range goes with the first while no other is set for the event at large. */
static void show_offer(cli *c, const tkt_price *p, const tkt_event *e)
{
    char money[64];
    bool from_record = p->scope == TKT_SCOPE_EVENT && p->minor == e->price_minor &&
                       memcmp(p->currency, e->currency, TKT_CURRENCY_BYTES) == 0;
    out_map(c, NULL);
    if (p->scope != TKT_SCOPE_EVENT)
        out_text(c, p->scope == TKT_SCOPE_AREA ? "area" : "section", p->name);
    out_number(c, "price", p->minor);
    if (from_record && e->price_high_minor != 0)
        out_number(c, "highPrice", e->price_high_minor);
    if (p->currency[0] == '\0')
        out_null(c, "priceCurrency");
    else
        out_string(c, "priceCurrency", p->currency, strlen(p->currency));
    out_map_end(c);
    money_text(p->minor, p->currency, money, sizeof money);
    if (!c->json)
        printf("%s %s%s%.*s\n", p->scope == TKT_SCOPE_EVENT ? "price     " : "          ", money,
               p->name.len != 0 ? "  " : "", (int)p->name.len, p->name.len != 0 ? p->name.ptr : "");
}

static int32_t show_offers(cli *c, tkt_snapshot *snap, const tkt_event *e)
{
    tkt_price price = TKT_PRICE_INIT;
    int32_t status;
    out_array(c, "offers");
    for (uint32_t i = 0; (status = tkt_sale_price(snap, e->id, i, &price)) == TKT_DONE; i++)
        show_offer(c, &price, e);
    out_array_end(c);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

static void show_head(cli *c, const tkt_event *e)
{
    char start[TKT_INSTANT_TEXT], end[TKT_INSTANT_TEXT];
    instant_of(start, e->start_ms, e->start_offset_min, (e->flags & TKT_EVENT_START_DATE_ONLY) != 0);
    out_unsigned(c, "eventId", e->id);
    out_text(c, "externalId", e->external_id);
    out_text(c, "name", e->name);
    out_text(c, "description", e->description);
    out_text(c, "type", e->type);
    out_text(c, "category", e->category);
    out_text(c, "inLanguage", e->language);
    out_text(c, "url", e->url);
    out_instant(c, "startDate", start);
    if (e->flags & TKT_EVENT_HAS_END) {
        instant_of(end, e->end_ms, e->end_offset_min, (e->flags & TKT_EVENT_END_DATE_ONLY) != 0);
        out_instant(c, "endDate", end);
    }
    out_string(c, "status", event_status_name(e->status), strlen(event_status_name(e->status)));
    if (!c->json)
        printf("event %-4" PRIu64 " %.*s\nwhen       %s (%s)\n", e->id, (int)e->name.len, e->name.ptr,
               start, event_status_name(e->status));
}

int cmd_show(cli *c)
{
    tkt_snapshot *snap;
    tkt_event e = { .size = sizeof e };
    uint64_t id = 0;
    int32_t status = tkt_snapshot_begin(c->store, &snap);
    if (status != TKT_DONE)
        return out_bad(c, status);
    int code = args_event(c, snap, c->positional[0], &id);
    if (code == EXIT_EFFECT) {
        status = tkt_event_view(snap, id, &e);
        if (status == TKT_DONE) {
            out_begin(c);
            show_head(c, &e);
            status = show_venue(c, snap, e.venue_id);
        }
        if (status == TKT_DONE)
            status = show_performers(c, snap, &e);
        if (status == TKT_DONE)
            status = show_offers(c, snap, &e);
        if (status == TKT_DONE)
            out_end(c);
        else
            code = out_bad(c, status);
    }
    tkt_snapshot_end(snap);
    return code;
}

static bool list_request(cli *c, tkt_event_list *list)
{
    const char *from = args_option(c, "from"), *to = args_option(c, "to");
    const char *cursor = args_option(c, "cursor");
    int64_t venue = 0, performer = 0;
    if (from != NULL && !args_instant("--from", from, &list->from_ms))
        return false;
    if (to != NULL && !args_instant("--to", to, &list->to_ms))
        return false;
    list->flags = (from != NULL ? TKT_LIST_FROM : 0) | (to != NULL ? TKT_LIST_TO : 0);
    if (!args_option_number(c, "venue", 1, INT64_C(1) << 53, 0, &venue) ||
        !args_option_number(c, "performer", 1, INT64_C(1) << 53, 0, &performer))
        return false;
    if (venue != 0 && performer != 0)
        return usage_error("--venue and --performer exclude each other"), false;
    list->by = venue != 0 ? TKT_LIST_VENUE : performer != 0 ? TKT_LIST_PERFORMER : TKT_LIST_ALL;
    list->owner = (uint64_t)(venue != 0 ? venue : performer);
    if (cursor != NULL && tkt_key_parse(cursor, strlen(cursor), list->after.bytes) != TKT_DONE)
        return usage_error("--cursor is not one that list gave"), false;
    return true;
}

static int32_t list_rows(cli *c, tkt_snapshot *snap, const uint64_t *ids, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        tkt_event e = { .size = sizeof e };
        char start[TKT_INSTANT_TEXT];
        int32_t status = tkt_event_view(snap, ids[i], &e);
        if (status != TKT_DONE)
            return status;
        instant_of(start, e.start_ms, e.start_offset_min, (e.flags & TKT_EVENT_START_DATE_ONLY) != 0);
        out_map(c, NULL);
        out_unsigned(c, "eventId", e.id);
        out_text(c, "externalId", e.external_id);
        out_text(c, "name", e.name);
        out_instant(c, "startDate", start);
        out_string(c, "status", event_status_name(e.status), strlen(event_status_name(e.status)));
        out_map_end(c);
        if (!c->json)
            printf("%8" PRIu64 "  %-25s  %.*s\n", e.id, start, (int)e.name.len, e.name.ptr);
    }
    return TKT_DONE;
}

int cmd_list(cli *c)
{
    tkt_event_list list = TKT_EVENT_LIST_INIT;
    tkt_cursor next;
    tkt_snapshot *snap;
    uint64_t ids[TKT_LIST_PAGE_MAX];
    uint32_t count;
    int32_t more;
    int64_t size;
    if (!list_request(c, &list) ||
        !args_option_number(c, "page-size", 1, TKT_LIST_PAGE_MAX, PAGE_DEFAULT, &size))
        return EXIT_USAGE;
    int32_t status = tkt_snapshot_begin(c->store, &snap);
    if (status != TKT_DONE)
        return out_bad(c, status);
    status = tkt_event_list_page(snap, &list, ids, (uint32_t)size, &count, &next, &more);
    if (status == TKT_DONE) {
        out_begin(c);
        out_array(c, "events");
        status = list_rows(c, snap, ids, count);
    }
    int code = EXIT_EFFECT;
    if (status == TKT_DONE) {
        char hex[32];
        out_array_end(c);
        tkt_key_format(next.bytes, hex);
        if (more)
            out_string(c, "next", hex, sizeof hex);
        else
            out_null(c, "next");
        out_end(c);
        if (!c->json && more)
            printf("more: --cursor %.32s\n", hex);
    } else
        code = out_bad(c, status);
    tkt_snapshot_end(snap);
    return code;
}

/* ---- facts of a sale ---------------------------------------------------------------------------- */

/* The event that the first word names, and what the sale has now. */
int event_and_sale(cli *c, uint64_t *id, tkt_event *event, tkt_sale *sale)
{
    tkt_snapshot *snap;
    int32_t status = tkt_snapshot_begin(c->store, &snap);
    if (status != TKT_DONE)
        return out_bad(c, status);
    int code = args_event(c, snap, c->positional[0], id);
    if (code == EXIT_EFFECT) {
        status = tkt_event_view(snap, *id, event);
        if (status == TKT_DONE)
            status = tkt_sale_view(snap, *id, sale);
        if (status != TKT_DONE)
            code = out_bad(c, status);
    }
    tkt_snapshot_end(snap);
    return code;
}

/* The common end of the setters. */
static int set_answer(cli *c, int32_t status, const char *what)
{
    if (!TKT_IS_EFFECT(status))
        return out_bad(c, status);
    out_begin(c);
    out_status(c, status);
    out_end(c);
    if (!c->json)
        printf("%s\n", what);
    return EXIT_EFFECT;
}

int cmd_ga(cli *c)
{
    tkt_event event = { .size = sizeof event };
    tkt_sale sale = TKT_SALE_INIT;
    uint64_t id = 0;
    uint32_t area = 0;
    int64_t capacity;
    if (!args_number("CAPACITY", c->positional[2], 0, INT32_MAX, &capacity))
        return EXIT_USAGE;
    int code = event_and_sale(c, &id, &event, &sale);
    if (code != EXIT_EFFECT)
        return code;
    const char *name = c->positional[1];
    int32_t status = tkt_event_set_area(c->store, id, text_of(name, strlen(name)), (uint32_t)capacity,
                                        dry(c), &area);
    if (!TKT_IS_EFFECT(status))
        return out_bad(c, status);
    out_begin(c);
    out_status(c, status);
    out_unsigned(c, "areaId", area);
    out_end(c);
    if (!c->json)
        printf("area %s of event %" PRIu64 " has %" PRId64 " places\n", name, id, capacity);
    return EXIT_EFFECT;
}

int cmd_price(cli *c)
{
    uint64_t id = 0;
    uint32_t scope = TKT_SCOPE_EVENT, scope_id = 0;
    int64_t minor;
    tkt_snapshot *snap;
    const char *name = c->positional[1], *amount = c->positional[2], *currency = c->positional[3];
    int32_t status = tkt_amount_parse(amount, strlen(amount), currency, &minor);
    if (status == TKT_DONE)
        status = tkt_snapshot_begin(c->store, &snap);
    if (status != TKT_DONE)
        return out_bad(c, status);
    int code = args_event(c, snap, c->positional[0], &id);
    if (code == EXIT_EFFECT && strcmp(name, "*") != 0) {
        status = tkt_scope_find(snap, id, text_of(name, strlen(name)), &scope, &scope_id);
        if (status != TKT_DONE)
            code = out_bad(c, status);
    }
    tkt_snapshot_end(snap);
    if (code != EXIT_EFFECT)
        return code;
    status = tkt_event_set_price(c->store, id, scope, scope_id, minor, currency, dry(c));
    return set_answer(c, status, "price set");
}

int cmd_status(cli *c)
{
    tkt_event event = { .size = sizeof event };
    tkt_sale sale = TKT_SALE_INIT;
    uint64_t id = 0;
    uint32_t wanted = 0;
    for (uint32_t i = 1; i < 5; i++)
        if (strcmp(c->positional[1], status_names[i]) == 0)
            wanted = i;
    if (wanted == 0)
        return usage_error("STATUS is scheduled, postponed, rescheduled or cancelled");
    int code = event_and_sale(c, &id, &event, &sale);
    if (code != EXIT_EFFECT)
        return code;
    return set_answer(c, tkt_event_set_status(c->store, id, wanted, dry(c)), "status set");
}

int cmd_limit(cli *c)
{
    tkt_event event = { .size = sizeof event };
    tkt_sale sale = TKT_SALE_INIT;
    uint64_t id = 0;
    int64_t limit;
    if (!args_number("PLACES-A-BUYER", c->positional[1], 0, UINT32_MAX, &limit))
        return EXIT_USAGE;
    int code = event_and_sale(c, &id, &event, &sale);
    if (code != EXIT_EFFECT)
        return code;
    return set_answer(c, tkt_event_set_limit(c->store, id, (uint32_t)limit, dry(c)), "limit set");
}
