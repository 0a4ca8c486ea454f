/* SPDX-License-Identifier: MIT
 *
 * api/seatmap.c: a hall with the state of each seat, as JSON, as bytes, and drawn.
 *
 * All three show one snapshot and say its sequence number: what happens after it comes by the stream (stream.c).
 *   bytes: "TKTMAP01", u64 event, u64 sequence number, u32 n, little-endian; then n bytes, byte u − 64 of unit u as
 *   tkt_seatmap_copy has them
 */
#include "api/api.h"

#include <stdlib.h>

#define MAP_MAGIC "TKTMAP01"
#define MAP_TYPE "application/octet-stream"
#define SVG_TYPE "image/svg+xml"
#define RADIUS_PART 0.4 /* of the distance of two neighbours */
#define MARGIN_PARTS 3  /* radii around the hall */

const char *tkt__seat_word(uint8_t state)
{
    static const char *const words[] = { "available", "reserved", "booked", "withheld" };
    return state < 4 ? words[state] : "none";
}

/* ---- what a map is made of -------------------------------------------------------------------------------------------------- */

typedef struct map {
    tkt__hall *hall; /* NULL: areas only */
    uint8_t *states;
    size_t n;
    uint64_t seq;
} map;

static uint8_t state_of(const map *m, uint32_t unit)
{
    size_t at = (size_t)unit - 64;
    return unit >= 64 && at < m->n ? m->states[at] : TKT_SEAT_NONE;
}

static void map_end(tkt__call *c, map *m)
{
    tkt__hall_give(c->api, m->hall);
    tkt__free(&c->api->store->hooks, m->states, m->n);
}

static int32_t states_in(tkt__call *c, map *m)
{
    size_t n = 0;
    int32_t status = tkt_seatmap_copy(c->snapshot, c->id, NULL, 0, &n);
    if (n == 0)
        return status;
    m->states = tkt__alloc(&c->api->store->hooks, n);
    if (m->states == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for a seat map");
    m->n = n;
    return tkt_seatmap_copy(c->snapshot, c->id, m->states, n, &n);
}

/* False: a problem was answered, nothing is to be ended. */
static bool map_in(tkt__call *c, map *m, bool hall)
{
    *m = (map){ NULL, NULL, 0, 0 };
    if (!tkt__read(c))
        return false;
    int32_t status = states_in(c, m);
    if (status == TKT_DONE)
        status = tkt_event_seq(c->snapshot, c->id, &m->seq);
    if (status == TKT_DONE && hall)
        status = tkt__hall_take(c->api, c->snapshot, c->id, &m->hall);
    if (status == TKT_NOT_FOUND && m->states == NULL && tkt_event_seq(c->snapshot, c->id, &m->seq) == TKT_DONE)
        status = TKT_DONE; /* an event without a chart */
    if (status == TKT_DONE)
        return true;
    map_end(c, m);
    tkt__problem_of(c, status);
    return false;
}

/* ---- JSON -------------------------------------------------------------------------------------------------------------------- */

/* Sections and rows are opened as the seats, which come in order, enter them. */
typedef struct rows {
    uint32_t section, row;
    bool open;
} rows;

static void close_rows(tkt__json *j, rows *at, bool section)
{
    if (!at->open)
        return;
    tkt__json_array_end(j);
    tkt__json_object_end(j);
    if (section) {
        tkt__json_array_end(j);
        tkt__json_object_end(j);
    }
}

static void enter(tkt__call *c, rows *at, const tkt_seat *seat)
{
    tkt__json *j = &c->json;
    bool fresh = !at->open || seat->section_index != at->section;
    if (!fresh && seat->row_index == at->row)
        return;
    close_rows(j, at, fresh);
    if (fresh) {
        int64_t minor = 0;
        char currency[TKT_CURRENCY_BYTES] = "";
        tkt__json_object(j, NULL);
        tkt__json_u64(j, "id", seat->section);
        tkt__json_string(j, "name", seat->section_name);
        if (tkt_price_of_unit(c->snapshot, c->id, seat->unit, &minor, currency) == TKT_DONE)
            tkt__json_money(j, "price", minor, currency);
        tkt__json_array(j, "rows");
    }
    tkt__json_object(j, NULL);
    tkt__json_string(j, "name", seat->row);
    tkt__json_array(j, "seats");
    *at = (rows){ seat->section_index, seat->row_index, true };
}

static void seats_out(tkt__call *c, const map *m)
{
    tkt__json *j = &c->json;
    rows at = { 0, 0, false };
    tkt_seat seat = { .size = sizeof seat };
    tkt__json_array(j, "sections");
    for (uint32_t i = 0; m->hall != NULL && tkt_plan_seat(m->hall->plan, i, &seat) == TKT_DONE; i++) {
        enter(c, &at, &seat);
        tkt__json_object(j, NULL);
        tkt__json_u64(j, "unit", seat.unit);
        tkt__json_string(j, "label", seat.label);
        tkt__json_i64(j, "x", seat.x_milli);
        tkt__json_i64(j, "y", seat.y_milli);
        tkt__json_word(j, "state", tkt__seat_word(state_of(m, seat.unit)));
        if ((seat.attributes & ~TKT_SEAT_LINK) != 0)
            tkt__json_u64(j, "attributes", seat.attributes & ~TKT_SEAT_LINK);
        tkt__json_object_end(j);
    }
    close_rows(j, &at, true);
    tkt__json_array_end(j);
}

static uint32_t map_json(tkt__call *c)
{
    map m;
    char id[TKT__STREAM_ID];
    if (!map_in(c, &m, true))
        return c->response->status;
    tkt__json *j = tkt__answer_json(c);
    tkt__json_object(j, NULL);
    tkt__json_u64(j, "eventId", c->id);
    tkt__json_u64(j, "seq", m.seq);
    tkt__stream_id(c->api, m.seq, id);
    tkt__json_word(j, "streamId", id);
    seats_out(c, &m);
    tkt__json_areas(c, UINT32_MAX);
    tkt__json_object_end(j);
    map_end(c, &m);
    return tkt__answered_fresh(c, TKT__JSON_TYPE, "Accept");
}

/* ---- bytes --------------------------------------------------------------------------------------------------------------------- */

uint32_t tkt__get_seatmap_bin(tkt__call *c)
{
    uint8_t head[8 + 8 + 8 + 4];
    tkt__writer w = tkt__writer_of(head, sizeof head);
    map m;
    if (!map_in(c, &m, false))
        return c->response->status;
    tkt__put_bytes(&w, MAP_MAGIC, 8);
    tkt__put_u64(&w, c->id);
    tkt__put_u64(&w, m.seq);
    tkt__put_u32(&w, (uint32_t)m.n);
    tkt__buffer_add(&c->response->body, head, w.n);
    tkt__buffer_add(&c->response->body, m.states, m.n);
    map_end(c, &m);
    return tkt__answered_fresh(c, MAP_TYPE, "Accept");
}

/* ---- drawn ------------------------------------------------------------------------------------------------------------------------ */

typedef struct extent {
    int64_t x0, y0, x1, y1, radius; /* thousandths */
} extent;

static int64_t distance(const tkt_seat *a, const tkt_seat *b)
{
    int64_t dx = llabs((int64_t)a->x_milli - b->x_milli), dy = llabs((int64_t)a->y_milli - b->y_milli);
    return dx > dy ? dx : dy;
}

static extent extent_of(const tkt_plan *plan)
{
    extent e = { INT64_MAX, INT64_MAX, INT64_MIN, INT64_MIN, INT64_MAX };
    tkt_seat seat = { .size = sizeof seat }, before = { .size = sizeof before };
    for (uint32_t i = 0; tkt_plan_seat(plan, i, &seat) == TKT_DONE; before = seat, i++) {
        e.x0 = seat.x_milli < e.x0 ? seat.x_milli : e.x0;
        e.y0 = seat.y_milli < e.y0 ? seat.y_milli : e.y0;
        e.x1 = seat.x_milli > e.x1 ? seat.x_milli : e.x1;
        e.y1 = seat.y_milli > e.y1 ? seat.y_milli : e.y1;
        bool neighbours = i > 0 && seat.section_index == before.section_index && seat.row_index == before.row_index;
        int64_t apart = neighbours ? distance(&seat, &before) : 0;
        if (apart > 0 && apart < e.radius)
            e.radius = apart;
    }
    e.radius = e.radius == INT64_MAX ? 1000 : (int64_t)((double)e.radius * RADIUS_PART);
    return e;
}

/* U+FFFE and U+FFFF, which are characters of no text. */
static bool is_none(tkt_text text, size_t i)
{
    return text.len - i >= 3 && memcmp(text.ptr + i, "\xef\xbf", 2) == 0 && ((unsigned char)text.ptr[i + 2] | 1) == 0xbf;
}

/* XML 1.0 (2.2) has no control characters and none of those, however they are written: they are left out. */
static void xml_text(tkt__buffer *b, tkt_text text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (is_none(text, i)) {
            i += 2;
            continue;
        }
        switch (text.ptr[i]) {
        case '<': tkt__buffer_text(b, "&lt;"); break;
        case '>': tkt__buffer_text(b, "&gt;"); break;
        case '&': tkt__buffer_text(b, "&amp;"); break;
        case '"': tkt__buffer_text(b, "&quot;"); break;
        default:
            if ((unsigned char)text.ptr[i] >= 0x20)
                tkt__buffer_add(b, text.ptr + i, 1);
        }
    }
}

/* Shapes differ as colours do: who can't tell colours apart, or prints in grey, sees which seats are free. */
static void svg_style(tkt__buffer *b, const extent *e)
{
    long long r = e->radius, line = e->radius / 6 + 1;
    tkt__buffer_format(b, "<style>.a{fill:#fff;stroke:#0b6e4f;stroke-width:%lld}.r{fill:#e6a700;stroke:#7a5900;stroke-width:%lld}"
                          ".b{fill:#555}.w{fill:none;stroke:#999;stroke-width:%lld}</style>\n", line * 2, line, line);
    tkt__buffer_format(b, "<defs><circle id=\"a\" r=\"%lld\"/><path id=\"r\" d=\"M0-%lld %lld 0 0 %lld-%lld 0z\"/>", r, r, r, r, r);
    tkt__buffer_format(b, "<rect id=\"b\" x=\"-%lld\" y=\"-%lld\" width=\"%lld\" height=\"%lld\"/>", r * 3 / 4, r * 3 / 4,
                       r * 3 / 2, r * 3 / 2);
    tkt__buffer_format(b, "<path id=\"w\" d=\"M-%lld-%lldl%lld %lldM%lld-%lldl-%lld %lld\"/></defs>\n", r / 2, r / 2, r, r, r / 2,
                       r / 2, r, r);
}

static void svg_seat(tkt__buffer *b, const map *m, const tkt_seat *seat)
{
    static const char marks[] = "arbw";
    uint8_t state = state_of(m, seat->unit);
    char mark = state < 4 ? marks[state] : 'w';
    tkt__buffer_format(b, "<use href=\"#%c\" class=\"%c\" x=\"%d\" y=\"%d\"><title>", mark, mark, seat->x_milli, seat->y_milli);
    xml_text(b, seat->section_name);
    tkt__buffer_text(b, ", ");
    xml_text(b, seat->row);
    tkt__buffer_text(b, " ");
    xml_text(b, seat->label);
    tkt__buffer_format(b, ": %s</title></use>\n", tkt__seat_word(state));
}

uint32_t tkt__get_seatmap_svg(tkt__call *c)
{
    map m;
    tkt_seat seat = { .size = sizeof seat };
    if (!map_in(c, &m, true))
        return c->response->status;
    if (m.hall == NULL) {
        map_end(c, &m);
        return tkt__problem_say(c, 404, "no_chart", "this event has no seats that could be drawn");
    }
    tkt__buffer *b = &c->response->body;
    extent e = extent_of(m.hall->plan);
    int64_t margin = e.radius * MARGIN_PARTS;
    tkt__buffer_format(b, "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"%lld %lld %lld %lld\">\n",
                       (long long)(e.x0 - margin), (long long)(e.y0 - margin), (long long)(e.x1 - e.x0 + 2 * margin),
                       (long long)(e.y1 - e.y0 + 2 * margin));
    svg_style(b, &e);
    for (uint32_t i = 0; tkt_plan_seat(m.hall->plan, i, &seat) == TKT_DONE; i++)
        svg_seat(b, &m, &seat);
    tkt__buffer_text(b, "</svg>\n");
    map_end(c, &m);
    return tkt__answered_fresh(c, SVG_TYPE, "Accept");
}

uint32_t tkt__get_seatmap(tkt__call *c)
{
    static const char *const types[] = { TKT__JSON_TYPE, MAP_TYPE, SVG_TYPE };
    uint32_t wanted = tkt__accepted(c, types, 3);
    return wanted == 0 ? map_json(c) : wanted == 1 ? tkt__get_seatmap_bin(c) : tkt__get_seatmap_svg(c);
}
