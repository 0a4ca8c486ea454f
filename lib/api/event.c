/* SPDX-License-Identifier: MIT
 *
 * api/event.c: one event as JSON: what it is, where, who plays, what it costs, what is free.
 *
 * Short in lists, whole by itself. GET /events/{id} gives schema.org or iCalendar (forms.c) where Accept asks for it.
 */
#include "api/api.h"
#include "catalog/catalog.h"

const char *tkt__event_status_word(uint32_t status)
{
    static const char *const words[] = { "unknown", "scheduled", "postponed", "rescheduled", "cancelled" };
    return words[status <= TKT_EVENT_CANCELLED ? status : 0];
}

bool tkt__event_in(tkt__call *c, tkt_event *event)
{
    if (!tkt__read(c))
        return false;
    tkt_event_init(event);
    int32_t status = tkt_event_view(c->snapshot, c->id, event);
    if (status != TKT_DONE)
        tkt__problem_of(c, status);
    return status == TKT_DONE;
}

/* ---- parts ---------------------------------------------------------------------------------------------------------------- */

static void when(tkt__json *j, const char *key, int64_t ms, int32_t offset_min, bool date_only)
{
    char text[TKT_INSTANT_TEXT];
    size_t n;
    if (tkt_instant_format(ms, offset_min, date_only, text, &n) == TKT_DONE)
        tkt__json_string(j, key, (tkt_text){ text, n });
}

static void starts_out(tkt__json *j, const tkt_event *e)
{
    when(j, "start", e->start_ms, e->start_offset_min, (e->flags & TKT_EVENT_START_DATE_ONLY) != 0);
    if ((e->flags & TKT_EVENT_HAS_END) != 0)
        when(j, "end", e->end_ms, e->end_offset_min, (e->flags & TKT_EVENT_END_DATE_ONLY) != 0);
}

static void venue_out(tkt__call *c, uint64_t id, bool whole)
{
    tkt__json *j = &c->json;
    tkt_venue v = TKT_VENUE_INIT;
    if (id == 0 || tkt_venue_view(c->snapshot, id, &v) != TKT_DONE) {
        tkt__json_null(j, "venue");
        return;
    }
    tkt__json_object(j, "venue");
    tkt__json_u64(j, "id", v.id);
    tkt__json_some(j, "name", v.name);
    tkt__json_some(j, "city", v.city);
    tkt__json_some(j, "country", v.country);
    if (whole) {
        tkt__json_some(j, "region", v.region);
        tkt__json_some(j, "street", v.street);
        tkt__json_some(j, "postalCode", v.postal_code);
        if (v.latitude_e7 != TKT_GEO_NONE) {
            tkt__json_degrees(j, "latitude", v.latitude_e7);
            tkt__json_degrees(j, "longitude", v.longitude_e7);
        }
    }
    tkt__json_object_end(j);
}

static void performers_out(tkt__call *c, const tkt_event *e)
{
    uint64_t id;
    tkt__json_array(&c->json, "performers");
    for (uint32_t i = 0; tkt_event_performer(e, i, &id) == TKT_DONE; i++) {
        tkt_performer p = TKT_PERFORMER_INIT;
        if (tkt_performer_view(c->snapshot, id, &p) != TKT_DONE)
            continue;
        tkt__json_object(&c->json, NULL);
        tkt__json_u64(&c->json, "id", p.id);
        tkt__json_string(&c->json, "name", p.name);
        tkt__json_some(&c->json, "type", p.type);
        tkt__json_object_end(&c->json);
    }
    tkt__json_array_end(&c->json);
}

/* One for the event, and one for each row of another scope: asking for one too many costs as much as an answer. */
static void prices_out(tkt__call *c, uint32_t rows)
{
    static const char *const scopes[] = { "event", "section", "area" };
    tkt_price price = TKT_PRICE_INIT;
    tkt__json_array(&c->json, "prices");
    for (uint32_t i = 0; i <= rows && tkt_sale_price(c->snapshot, c->id, i, &price) == TKT_DONE; i++) {
        tkt__json_object(&c->json, NULL);
        tkt__json_word(&c->json, "scope", scopes[price.scope <= TKT_SCOPE_AREA ? price.scope : 0]);
        if (price.scope != TKT_SCOPE_EVENT) {
            tkt__json_u64(&c->json, "id", price.scope_id);
            tkt__json_string(&c->json, "name", price.name);
        }
        tkt__json_money(&c->json, "price", price.minor, price.currency);
        tkt__json_object_end(&c->json);
    }
    tkt__json_array_end(&c->json);
}

void tkt__json_areas(tkt__call *c, uint32_t count)
{
    tkt_area area = TKT_AREA_INIT;
    tkt__json_array(&c->json, "areas");
    for (uint32_t i = 0; i < count && tkt_area_view(c->snapshot, c->id, i, &area) == TKT_DONE; i++) {
        int64_t minor = 0;
        char currency[TKT_CURRENCY_BYTES] = "";
        tkt__json_object(&c->json, NULL);
        tkt__json_u64(&c->json, "id", area.id);
        tkt__json_string(&c->json, "name", area.name);
        tkt__json_u64(&c->json, "capacity", area.capacity);
        tkt__json_u64(&c->json, "available", area.available);
        tkt__json_u64(&c->json, "reserved", area.held);
        tkt__json_u64(&c->json, "booked", area.sold);
        if (tkt_price_of_area(c->snapshot, c->id, area.id, &minor, currency) == TKT_DONE)
            tkt__json_money(&c->json, "price", minor, currency);
        tkt__json_object_end(&c->json);
    }
    tkt__json_array_end(&c->json);
}

static void sale_out(tkt__call *c, const tkt_event *e, const tkt_sale *sale)
{
    tkt_window window;
    tkt_queue queue;
    int64_t now = tkt_snapshot_now(c->snapshot);
    bool open = false;
    tkt__json_object(&c->json, "sale");
    tkt__json_array(&c->json, "windows");
    for (uint32_t i = 0; i < sale->windows && tkt_sale_window(c->snapshot, c->id, i, &window) == TKT_DONE; i++) {
        open = open || (window.opens_ms <= now && now < window.closes_ms);
        tkt__json_object(&c->json, NULL);
        if (window.opens_ms != INT64_MIN)
            tkt__json_instant(&c->json, "opens", window.opens_ms);
        if (window.closes_ms != INT64_MAX)
            tkt__json_instant(&c->json, "closes", window.closes_ms);
        tkt__json_object_end(&c->json);
    }
    tkt__json_array_end(&c->json);
    bool on = e->status == TKT_EVENT_SCHEDULED || e->status == TKT_EVENT_RESCHEDULED;
    tkt__json_bool(&c->json, "open", on && (open || sale->windows == 0));
    if (sale->per_buyer != 0)
        tkt__json_u64(&c->json, "perBuyer", sale->per_buyer);
    tkt__json_u64(&c->json, "seats", sale->seats);
    tkt_queue_init(&queue);
    if (tkt_queue_view(c->snapshot, c->id, &queue) == TKT_DONE)
        tkt__json_word(&c->json, "waitingRoom", tkt__queue_mode_word(queue.mode));
    tkt__json_object_end(&c->json);
}

static void counts_out(tkt__call *c)
{
    tkt_counts counts = TKT_COUNTS_INIT;
    if (tkt_counts_view(c->snapshot, c->id, &counts) != TKT_DONE)
        return;
    tkt__json_object(&c->json, "places");
    tkt__json_u64(&c->json, "available", counts.available);
    tkt__json_u64(&c->json, "reserved", counts.reserved);
    tkt__json_u64(&c->json, "booked", counts.booked);
    tkt__json_u64(&c->json, "withheld", counts.withheld);
    tkt__json_object_end(&c->json);
}

bool tkt__lowest_price(tkt__call *c, const tkt_event *e, int64_t *minor, char currency[TKT_CURRENCY_BYTES])
{
    tkt__tx *tx;
    *minor = 0;
    memset(currency, 0, TKT_CURRENCY_BYTES);
    return tkt__snapshot_tx(c->snapshot, &tx) == TKT_DONE && tkt__sale_lowest_of(tx, e, minor, currency) == TKT_DONE;
}

static void lowest_out(tkt__call *c, const tkt_event *e)
{
    int64_t minor;
    char currency[TKT_CURRENCY_BYTES];
    if (tkt__lowest_price(c, e, &minor, currency))
        tkt__json_money(&c->json, "price", minor, currency);
    else
        tkt__json_null(&c->json, "price");
}

/* ---- the whole ----------------------------------------------------------------------------------------------------------- */

void tkt__json_event(tkt__call *c, const tkt_event *e, bool whole)
{
    tkt__json *j = &c->json;
    tkt_sale sale = TKT_SALE_INIT;
    tkt__json_u64(j, "id", e->id);
    tkt__json_string(j, "name", e->name);
    tkt__json_word(j, "status", tkt__event_status_word(e->status));
    starts_out(j, e);
    tkt__json_some(j, "type", e->type);
    tkt__json_some(j, "category", e->category);
    venue_out(c, e->venue_id, whole);
    lowest_out(c, e);
    if (!whole)
        return;
    tkt__json_some(j, "externalId", e->external_id);
    tkt__json_some(j, "description", e->description);
    tkt__json_some(j, "language", e->language);
    tkt__json_some(j, "url", e->url);
    performers_out(c, e);
    bool known = tkt_sale_view(c->snapshot, c->id, &sale) == TKT_DONE;
    prices_out(c, sale.prices);
    tkt__json_areas(c, sale.areas);
    if (known)
        sale_out(c, e, &sale);
    counts_out(c);
}

uint32_t tkt__get_event(tkt__call *c)
{
    static const char *const types[] = { TKT__JSON_TYPE, "application/ld+json", "text/calendar" };
    tkt_event event;
    uint32_t wanted = tkt__accepted(c, types, 3);
    if (wanted != 0)
        return wanted == 1 ? tkt__get_event_jsonld(c) : tkt__get_event_ics(c);
    if (!tkt__event_in(c, &event))
        return c->response->status;
    tkt__json *j = tkt__answer_json(c);
    tkt__json_object(j, NULL);
    tkt__json_event(c, &event, true);
    tkt__json_object_end(j);
    return tkt__answered_fresh(c, TKT__JSON_TYPE, "Accept");
}
