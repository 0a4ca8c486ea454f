/* SPDX-License-Identifier: MIT
 *
 * api/forms.c: an event in the words of others: schema.org/Event as JSON-LD (https://schema.org/Event, version 28) and
 * iCalendar (RFC 5545).
 *
 * A calendar's SEQUENCE is the event's feed sequence number, which grows with every change of it; its UID is made of
 * the event's number and the store's identity, so it never changes. Lines are folded at 75 bytes and never within a
 * character (3.1); texts are escaped (3.3.11). Instants are in UTC, plain dates stay dates, so no VTIMEZONE is needed.
 */
#include "api/api.h"

#include <inttypes.h>
#include <stdio.h>

#define DAY_MS INT64_C(86400000)
#define FOLD_BYTES 75
#define CALENDAR_TYPE "text/calendar; charset=utf-8"
#define LD_TYPE "application/ld+json"

/* ---- schema.org ------------------------------------------------------------------------------------------------------------ */

static void ld_place(tkt__call *c, uint64_t venue_id)
{
    tkt__json *j = &c->json;
    tkt_venue v = TKT_VENUE_INIT;
    if (venue_id == 0 || tkt_venue_view(c->snapshot, venue_id, &v) != TKT_DONE)
        return;
    tkt__json_object(j, "location");
    tkt__json_word(j, "@type", "Place");
    tkt__json_string(j, "name", v.name.len != 0 ? v.name : v.city);
    tkt__json_object(j, "address");
    tkt__json_word(j, "@type", "PostalAddress");
    tkt__json_some(j, "streetAddress", v.street);
    tkt__json_some(j, "postalCode", v.postal_code);
    tkt__json_some(j, "addressLocality", v.city);
    tkt__json_some(j, "addressRegion", v.region);
    tkt__json_some(j, "addressCountry", v.country);
    tkt__json_object_end(j);
    if (v.latitude_e7 != TKT_GEO_NONE) {
        tkt__json_object(j, "geo");
        tkt__json_word(j, "@type", "GeoCoordinates");
        tkt__json_degrees(j, "latitude", v.latitude_e7);
        tkt__json_degrees(j, "longitude", v.longitude_e7);
        tkt__json_object_end(j);
    }
    tkt__json_object_end(j);
}

static void ld_performers(tkt__call *c, const tkt_event *e)
{
    uint64_t id;
    if (e->performer_count == 0)
        return;
    tkt__json_array(&c->json, "performer");
    for (uint32_t i = 0; tkt_event_performer(e, i, &id) == TKT_DONE; i++) {
        tkt_performer p = TKT_PERFORMER_INIT;
        if (tkt_performer_view(c->snapshot, id, &p) != TKT_DONE)
            continue;
        tkt__json_object(&c->json, NULL);
        tkt__json_string(&c->json, "@type", p.type.len != 0 ? p.type : (tkt_text){ "PerformingGroup", 15 });
        tkt__json_string(&c->json, "name", p.name);
        tkt__json_object_end(&c->json);
    }
    tkt__json_array_end(&c->json);
}

static const char *ld_availability(tkt__call *c)
{
    tkt_counts counts = TKT_COUNTS_INIT;
    if (tkt_counts_view(c->snapshot, c->id, &counts) != TKT_DONE)
        return NULL;
    uint64_t all = counts.available + counts.reserved + counts.booked + counts.withheld;
    if (all == 0)
        return NULL;
    if (counts.available == 0 && counts.reserved == 0) /* what is held may come back */
        return "https://schema.org/SoldOut";
    return counts.available * 10 < all ? "https://schema.org/LimitedAvailability" : "https://schema.org/InStock";
}

static void ld_offers(tkt__call *c, const tkt_event *e)
{
    char amount[40];
    size_t needed;
    bool on = e->status == TKT_EVENT_SCHEDULED || e->status == TKT_EVENT_RESCHEDULED; /* else nothing is offered now */
    const char *availability = on ? ld_availability(c) : NULL;
    int64_t minor;
    char currency[TKT_CURRENCY_BYTES];
    bool priced = tkt__lowest_price(c, e, &minor, currency) && currency[0] != '\0' &&
                  tkt_amount_format(minor, currency, amount, sizeof amount, &needed) == TKT_DONE;
    if (!priced && availability == NULL)
        return;
    tkt__json_object(&c->json, "offers");
    tkt__json_word(&c->json, "@type", "Offer");
    if (priced) {
        tkt__json_word(&c->json, "price", amount);
        tkt__json_word(&c->json, "priceCurrency", currency);
    }
    if (availability != NULL)
        tkt__json_word(&c->json, "availability", availability);
    tkt__json_some(&c->json, "url", e->url);
    tkt__json_object_end(&c->json);
}

uint32_t tkt__get_event_jsonld(tkt__call *c)
{
    static const char *const statuses[] = { "EventScheduled", "EventScheduled", "EventPostponed", "EventRescheduled",
                                            "EventCancelled" };
    char status[64], text[TKT_INSTANT_TEXT];
    size_t n;
    tkt_event e;
    if (!tkt__event_in(c, &e))
        return c->response->status;
    tkt__json *j = tkt__answer_json(c);
    tkt__json_object(j, NULL);
    tkt__json_word(j, "@context", "https://schema.org");
    tkt__json_string(j, "@type", e.type.len != 0 ? e.type : (tkt_text){ "Event", 5 });
    tkt__json_some(j, "@id", e.external_id);
    tkt__json_string(j, "name", e.name);
    tkt__json_some(j, "description", e.description);
    if (tkt_instant_format(e.start_ms, e.start_offset_min, (e.flags & TKT_EVENT_START_DATE_ONLY) != 0, text, &n) == TKT_DONE)
        tkt__json_word(j, "startDate", text);
    if ((e.flags & TKT_EVENT_HAS_END) != 0 &&
        tkt_instant_format(e.end_ms, e.end_offset_min, (e.flags & TKT_EVENT_END_DATE_ONLY) != 0, text, &n) == TKT_DONE)
        tkt__json_word(j, "endDate", text);
    snprintf(status, sizeof status, "https://schema.org/%s", statuses[e.status <= TKT_EVENT_CANCELLED ? e.status : 0]);
    tkt__json_word(j, "eventStatus", status);
    tkt__json_some(j, "inLanguage", e.language);
    tkt__json_some(j, "keywords", e.category);
    tkt__json_some(j, "url", e.url);
    ld_place(c, e.venue_id);
    ld_performers(c, &e);
    ld_offers(c, &e);
    tkt__json_object_end(j);
    return tkt__answered_fresh(c, LD_TYPE, "Accept");
}

/* ---- iCalendar ----------------------------------------------------------------------------------------------------------------- */

/* One content line under way: what is put into it is folded as it comes. */
typedef struct line {
    tkt__buffer *to;
    size_t n; /* bytes of this physical line */
} line;

static void put_char(line *l, const char *p, size_t n)
{
    if (l->n + n > FOLD_BYTES) {
        tkt__buffer_text(l->to, "\r\n ");
        l->n = 1;
    }
    tkt__buffer_add(l->to, p, n);
    l->n += n;
}

/* Bytes of the UTF-8 character at p, of valid text. */
static size_t char_bytes(unsigned char first)
{
    return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

static void put_plain(line *l, const char *text)
{
    for (; *text != '\0'; text++)
        put_char(l, text, 1);
}

static void put_text(line *l, tkt_text text)
{
    for (size_t i = 0, n; i < text.len; i += n) {
        const char *p = text.ptr + i;
        n = char_bytes((unsigned char)*p);
        if (n > text.len - i)
            return;
        if (*p == '\\' || *p == ';' || *p == ',')
            put_char(l, (const char[]){ '\\', *p }, 2);
        else if (*p == '\n')
            put_char(l, "\\n", 2);
        else if ((unsigned char)*p >= 0x20 && *p != 0x7f)
            put_char(l, p, n);
    }
}

/* A value of type URI is written as it is (3.3.13), but for what no URI has and would break the line. */
static void put_uri(line *l, tkt_text text)
{
    for (size_t i = 0, n; i < text.len; i += n) {
        n = char_bytes((unsigned char)text.ptr[i]);
        if (n <= text.len - i && (unsigned char)text.ptr[i] > 0x20 && text.ptr[i] != 0x7f)
            put_char(l, text.ptr + i, n);
    }
}

static void ics_line(tkt__buffer *to, const char *name, tkt_text text, void (*put)(line *l, tkt_text text))
{
    line l = { to, 0 };
    if (text.len == 0)
        return;
    put_plain(&l, name);
    put_plain(&l, ":");
    put(&l, text);
    tkt__buffer_text(to, "\r\n");
}

/* 2027-03-01T20:00:00Z as 20270301T200000Z. */
static void ics_when(tkt__buffer *to, const char *name, int64_t ms, bool date_only)
{
    char text[TKT_INSTANT_TEXT];
    size_t n;
    if (tkt_instant_format(ms, 0, date_only, text, &n) != TKT_DONE)
        return;
    tkt__buffer_text(to, name);
    tkt__buffer_text(to, date_only ? ";VALUE=DATE:" : ":");
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '.') /* no fractions in a calendar */
            while (i + 1 < n && text[i + 1] >= '0' && text[i + 1] <= '9')
                i++;
        else if (text[i] != '-' && text[i] != ':')
            tkt__buffer_add(to, text + i, 1);
    }
    tkt__buffer_text(to, "\r\n");
}

static void ics_place(tkt__call *c, uint64_t venue_id)
{
    tkt_venue v = TKT_VENUE_INIT;
    line l = { &c->response->body, 0 };
    if (venue_id == 0 || tkt_venue_view(c->snapshot, venue_id, &v) != TKT_DONE)
        return;
    const tkt_text parts[] = { v.name, v.street, v.city, v.region, v.country };
    bool any = false;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].len == 0)
            continue;
        put_plain(&l, any ? "\\, " : "LOCATION:");
        put_text(&l, parts[i]);
        any = true;
    }
    if (any)
        tkt__buffer_text(&c->response->body, "\r\n");
    if (v.latitude_e7 == TKT_GEO_NONE)
        return;
    char latitude[TKT__DEGREES_TEXT], longitude[TKT__DEGREES_TEXT];
    tkt__degrees_text(v.latitude_e7, latitude);
    tkt__degrees_text(v.longitude_e7, longitude);
    tkt__buffer_format(&c->response->body, "GEO:%s;%s\r\n", latitude, longitude);
}

/* A plain end date is a calendar's day after; both ends are of one kind, and the end is the later one (3.6.1). */
static void ics_end(tkt__buffer *b, const tkt_event *e, bool date)
{
    bool plain = (e->flags & TKT_EVENT_END_DATE_ONLY) != 0;
    int64_t end = e->end_ms;
    if ((e->flags & TKT_EVENT_HAS_END) == 0)
        return;
    if (date && !plain) { /* the day where it ends, there */
        end += (int64_t)e->end_offset_min * 60000;
        end -= (end % DAY_MS + DAY_MS) % DAY_MS;
    }
    if (date ? end >= e->start_ms : (end + (plain ? DAY_MS : 0)) / 1000 > e->start_ms / 1000) /* a calendar knows no less */
        ics_when(b, "DTEND", end + (date || plain ? DAY_MS : 0), date);
}

/* When it was changed last, by its own records; without any the first instant that a store knows: the snapshot's now would
 * make every answer another one. */
static int64_t changed_ms(tkt__call *c, uint64_t seq)
{
    tkt_change last;
    uint32_t count = 0;
    if (seq == 0 || tkt_feed_sequence(c->snapshot, TKT_FEED_EVENT, c->id, seq - 1, &last, 1, &count) != TKT_DONE || count == 0)
        return TKT__EPOCH_2024_MS;
    return last.instant_ms;
}

uint32_t tkt__get_event_ics(tkt__call *c)
{
    tkt_event e;
    uint8_t salt[TKT_SALT_BYTES];
    char store[17];
    uint64_t seq = 0;
    if (!tkt__event_in(c, &e))
        return c->response->status;
    tkt_event_seq(c->snapshot, c->id, &seq);
    tkt_store_salt(c->api->store, salt);
    uint8_t hash[TKT__FINGERPRINT_BYTES];
    tkt__fingerprint(salt, sizeof salt, hash); /* the salt itself is nobody's business */
    tkt__hex_format(hash, 8, store);
    store[16] = '\0';
    tkt__buffer *b = &c->response->body;
    tkt__buffer_text(b, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//libticketing//event//EN\r\nBEGIN:VEVENT\r\n");
    tkt__buffer_format(b, "UID:event-%" PRIu64 "@%s\r\nSEQUENCE:%" PRIu64 "\r\n", e.id, store, seq % INT32_MAX);
    ics_when(b, "DTSTAMP", changed_ms(c, seq), false);
    bool date = (e.flags & TKT_EVENT_START_DATE_ONLY) != 0;
    ics_when(b, "DTSTART", e.start_ms, date);
    ics_end(b, &e, date);
    ics_line(b, "SUMMARY", e.name, put_text);
    ics_line(b, "DESCRIPTION", e.description, put_text);
    ics_line(b, "CATEGORIES", e.category, put_text);
    ics_line(b, "URL", e.url, put_uri);
    ics_place(c, e.venue_id);
    tkt__buffer_format(b, "STATUS:%s\r\n",
                       e.status == TKT_EVENT_CANCELLED ? "CANCELLED" : e.status == TKT_EVENT_POSTPONED ? "TENTATIVE" : "CONFIRMED");
    tkt__buffer_text(b, "END:VEVENT\r\nEND:VCALENDAR\r\n");
    return tkt__answered_fresh(c, CALENDAR_TYPE, "Accept");
}
