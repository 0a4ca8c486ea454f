/* SPDX-License-Identifier: MIT
 *
 * catalog/import_line.c: one line of schema.org/Event JSON into an event, its venue and performers.
 *
 * JSON by yajl, whose tree keeps each number's own text, so that amounts and degrees never pass
 * through floating point. Depth is limited before yajl sees the line, for its tree is freed
 * recursively. Unknown members are ignored; a member of another type than expected counts as absent,
 * save for those that an event can't do without. Pure: touches no store.
 */
#include "catalog/import_line.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"

#define PLACE_TEXT (2 * TKT__DEGREES_TEXT + 2u)
#define DEPTH_MAX 64
#define DEGREE_DECIMALS 7

static bool bad(tkt__line_error *e, uint64_t byte, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static bool bad(tkt__line_error *e, uint64_t byte, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(e->reason, sizeof e->reason, format, args);
    va_end(args);
    e->byte = byte;
    return false;
}

/* ---- the tree ------------------------------------------------------------------------------------ */

/* The value itself, or the first of an array. */
static yajl_val first_of(yajl_val v)
{
    return YAJL_IS_ARRAY(v) ? (v->u.array.len > 0 ? v->u.array.values[0] : NULL) : v;
}

static tkt_text text_of(yajl_val v)
{
    return tkt__json_text(first_of(v));
}

static tkt_text named(yajl_val v) /* a string, or an object's name */
{
    v = first_of(v);
    return text_of(YAJL_IS_OBJECT(v) ? tkt__json_member(v, "name") : v);
}

/* ---- members ---------------------------------------------------------------------------------------- */

static bool instant(yajl_val v, const char *what, int64_t *ms, int32_t *offset, int32_t *plain,
                    tkt__line_error *e)
{
    tkt_text t = text_of(v);
    if (t.ptr == NULL || tkt_instant_parse(t.ptr, t.len, ms, offset, plain) != TKT_DONE)
        return bad(e, 0, "%s is not a date, or a date and time with Z or an offset", what);
    return true;
}

/* Degrees × 10^7 from a decimal's text; digits past the seventh are dropped. */
static bool degrees(yajl_val v, int32_t limit, int32_t *e7)
{
    const char *p = YAJL_IS_NUMBER(v) ? v->u.number.r : YAJL_IS_STRING(v) ? YAJL_GET_STRING(v) : NULL;
    int64_t value = 0;
    int decimals = -1;
    if (p == NULL)
        return false;
    bool negative = *p == '-', any = false;
    for (p += negative; *p != '\0'; p++) {
        if (*p == '.' && decimals < 0)
            decimals = 0;
        else if (*p < '0' || *p > '9')
            return false;
        else if ((any = true) && decimals < DEGREE_DECIMALS) {
            value = value * 10 + (*p - '0');
            decimals += decimals >= 0;
            if (value > INT64_C(10000000000))
                return false;
        }
    }
    for (decimals = decimals < 0 ? 0 : decimals; decimals < DEGREE_DECIMALS; decimals++)
        value *= 10;
    if (!any || value > (int64_t)limit * 10000000)
        return false;
    *e7 = (int32_t)(negative ? -value : value);
    return true;
}

/* A place without name and city is told from others by what there is: its street, else its position, post code or region;
 * a country alone is one place. */
static void name_by_the_rest(tkt_venue *v, char **made)
{
    char *text = v->street.len == 0 && v->latitude_e7 != TKT_GEO_NONE ? malloc(PLACE_TEXT) : NULL;
    *made = text;
    if (v->street.len != 0)
        v->name = v->street;
    else if (text != NULL) {
        char latitude[TKT__DEGREES_TEXT], longitude[TKT__DEGREES_TEXT];
        tkt__degrees_text(v->latitude_e7, latitude);
        tkt__degrees_text(v->longitude_e7, longitude);
        v->name = (tkt_text){ text, (size_t)snprintf(text, PLACE_TEXT, "%s, %s", latitude, longitude) };
    } else
        v->name = v->postal_code.len != 0 ? v->postal_code : v->region;
}

static void place(yajl_val location, tkt__line *line)
{
    tkt_venue *v = &line->venue;
    location = first_of(location);
    tkt_venue_init(v);
    if (!YAJL_IS_OBJECT(location)) {
        v->name = text_of(location);
    } else {
        yajl_val address = first_of(tkt__json_member(location, "address"));
        yajl_val geo = tkt__json_member(location, "geo");
        v->name = text_of(tkt__json_member(location, "name"));
        if (YAJL_IS_OBJECT(address)) {
            v->city = text_of(tkt__json_member(address, "addressLocality"));
            v->region = text_of(tkt__json_member(address, "addressRegion"));
            v->country = named(tkt__json_member(address, "addressCountry"));
            v->street = text_of(tkt__json_member(address, "streetAddress"));
            v->postal_code = text_of(tkt__json_member(address, "postalCode"));
        } else
            v->street = text_of(address);
        if (!degrees(tkt__json_member(geo, "latitude"), 90, &v->latitude_e7) ||
            !degrees(tkt__json_member(geo, "longitude"), 180, &v->longitude_e7)) {
            v->latitude_e7 = TKT_GEO_NONE;
            v->longitude_e7 = 0;
        }
    }
    if (v->name.len == 0 && v->city.len == 0)
        name_by_the_rest(v, &line->place);
    line->has_venue = v->name.len != 0 || v->city.len != 0 || v->country.len != 0;
}

static bool performers(yajl_val list, tkt__line *line, tkt__line_error *e)
{
    size_t n = YAJL_IS_ARRAY(list) ? list->u.array.len : list != NULL;
    for (size_t i = 0; i < n; i++) {
        yajl_val v = YAJL_IS_ARRAY(list) ? list->u.array.values[i] : list;
        tkt_text name = named(v);
        if (name.len == 0)
            continue;
        if (line->performer_count == TKT_PERFORMERS_MAX)
            return bad(e, 0, "more than %u performers", TKT_PERFORMERS_MAX);
        tkt_performer *p = &line->performers[line->performer_count++];
        tkt_performer_init(p);
        p->name = name;
        p->type = text_of(tkt__json_member(v, "@type"));
    }
    return true;
}

static bool amount(yajl_val v, const char *currency, int64_t *minor, tkt__line_error *e)
{
    const char *p = YAJL_IS_NUMBER(v) ? v->u.number.r : YAJL_IS_STRING(v) ? YAJL_GET_STRING(v) : NULL;
    if (p == NULL || tkt_amount_parse(p, strlen(p), currency, minor) != TKT_DONE || *minor < 0)
        return bad(e, 0, "a price is not an amount of %s", currency);
    return true;
}

static yajl_val given(yajl_val object, const char *name)
{
    yajl_val v = tkt__json_member(object, name);
    return YAJL_IS_NULL(v) ? NULL : v;
}

/* "0", 0.00: free needs no currency. */
static bool is_nothing(yajl_val price)
{
    const char *p = YAJL_IS_NUMBER(price) ? price->u.number.r : YAJL_IS_STRING(price) ? YAJL_GET_STRING(price) : "";
    size_t whole = strspn(p, "0"), parts = p[whole] == '.' ? strspn(p + whole + 1, "0") : 0;
    return whole > 0 && p[whole + parts + (parts > 0)] == '\0';
}

/* Of several offers the lowest price counts, and the highest is shown beside it; those of another currency than the first
 * do not count. */
static bool offer_in(yajl_val offer, tkt_event *event, tkt__line_error *e)
{
    yajl_val price = given(offer, "price"), high = given(offer, "highPrice");
    tkt_text currency = text_of(tkt__json_member(offer, "priceCurrency"));
    bool first = (event->flags & TKT_EVENT_HAS_PRICE) == 0;
    int64_t low = 0, top = 0;
    if (price == NULL)
        price = given(offer, "lowPrice");
    if (price == NULL)
        return true;
    if (currency.len != 3 && !(currency.len == 0 && is_nothing(price)))
        return bad(e, 0, "a price needs a priceCurrency of three letters");
    if (!first && currency.len == 3 && event->currency[0] != '\0' && memcmp(event->currency, currency.ptr, 3) != 0)
        return true;
    if (currency.len == 3) {
        memcpy(event->currency, currency.ptr, 3);
        if (!amount(price, event->currency, &low, e) || (high != NULL && !amount(high, event->currency, &top, e)))
            return false;
    }
    if (high != NULL && top < low) { /* it says nothing */
        high = NULL;
        top = 0;
    }
    int64_t most = high != NULL ? top : low, seen = event->price_high_minor != 0 ? event->price_high_minor : event->price_minor;
    if (first) {
        event->price_minor = low;
        event->price_high_minor = top;
    } else {
        event->price_high_minor = most > seen ? most : seen;
        event->price_minor = low < event->price_minor ? low : event->price_minor;
    }
    event->flags |= TKT_EVENT_HAS_PRICE;
    return true;
}

static bool offers(yajl_val list, tkt__line *line, tkt__line_error *e)
{
    size_t n = YAJL_IS_ARRAY(list) ? list->u.array.len : 1;
    for (size_t i = 0; i < n; i++)
        if (!offer_in(YAJL_IS_ARRAY(list) ? list->u.array.values[i] : list, &line->event, e))
            return false;
    return true;
}

/* *said: the line has one that is known. */
static uint32_t status_of(yajl_val v, bool *said)
{
    tkt_text t = text_of(v);
    const char *name = t.ptr != NULL ? strrchr(t.ptr, '/') : NULL;
    name = name != NULL ? name + 1 : t.ptr;
    static const char *const names[] = { "", "EventScheduled", "EventPostponed", "EventRescheduled", "EventCancelled" };
    for (uint32_t i = TKT_EVENT_SCHEDULED; name != NULL && i <= TKT_EVENT_CANCELLED; i++)
        if (strcmp(name, names[i]) == 0) {
            *said = true;
            return i;
        }
    return TKT_EVENT_SCHEDULED;
}

static bool times(yajl_val root, tkt_event *event, tkt__line_error *e)
{
    int32_t plain = 0;
    yajl_val end = tkt__json_member(root, "endDate");
    if (!instant(tkt__json_member(root, "startDate"), "startDate", &event->start_ms, &event->start_offset_min,
                 &plain, e))
        return false;
    event->flags |= plain ? TKT_EVENT_START_DATE_ONLY : 0;
    if (end == NULL || YAJL_IS_NULL(end))
        return true;
    if (!instant(end, "endDate", &event->end_ms, &event->end_offset_min, &plain, e))
        return false;
    event->flags |= TKT_EVENT_HAS_END | (plain ? TKT_EVENT_END_DATE_ONLY : 0);
    return true;
}

static bool fill(yajl_val root, tkt__line *line, tkt__line_error *e)
{
    tkt_event *event = &line->event;
    tkt_event_init(event);
    event->external_id = text_of(tkt__json_member(root, "@id"));
    event->name = text_of(tkt__json_member(root, "name"));
    if (event->external_id.len == 0)
        return bad(e, 0, "there is no \"@id\"");
    if (event->name.len == 0)
        return bad(e, 0, "there is no name");
    event->description = text_of(tkt__json_member(root, "description"));
    event->type = text_of(tkt__json_member(root, "@type"));
    event->category = text_of(tkt__json_member(root, "category"));
    event->language = named(tkt__json_member(root, "inLanguage"));
    event->url = text_of(tkt__json_member(root, "url"));
    event->status = status_of(tkt__json_member(root, "eventStatus"), &line->says_status);
    if (tkt__json_member(root, "location") != NULL)
        place(tkt__json_member(root, "location"), line);
    return times(root, event, e) && performers(tkt__json_member(root, "performer"), line, e) &&
           offers(tkt__json_member(root, "offers"), line, e);
}

bool tkt__line_parse(const char *text, size_t len, tkt__line *line, tkt__line_error *error)
{
    char why[160];
    uint64_t at;
    memset(line, 0, sizeof *line);
    if (!tkt__utf8_valid(text, len))
        return bad(error, 0, "not valid UTF-8 without NUL");
    if (!tkt__json_whole(text, len, &at))
        return bad(error, at, "a NUL or half a character");
    if (!tkt__json_shallow(text, len, DEPTH_MAX, &at))
        return bad(error, at, "nested deeper than %d", DEPTH_MAX);
    line->tree = yajl_tree_parse(text, why, sizeof why);
    if (line->tree == NULL)
        return bad(error, tkt__json_error_byte(text, len), "malformed JSON");
    if (YAJL_IS_OBJECT(line->tree) && fill(line->tree, line, error))
        return true;
    if (!YAJL_IS_OBJECT(line->tree))
        bad(error, 1, "not a JSON object");
    tkt__line_free(line);
    return false;
}

void tkt__line_free(tkt__line *line)
{
    yajl_tree_free(line->tree);
    free(line->place);
    line->tree = NULL;
    line->place = NULL;
}
