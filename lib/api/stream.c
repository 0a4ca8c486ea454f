/* SPDX-License-Identifier: MIT
 *
 * api/stream.c: what happens to an event's places, as it happens, in Server-Sent Events (WHATWG HTML, 9.2).
 *
 * The id of each message is the event's sequence number and the store's epoch, so Last-Event-ID resumes with no gap and
 * nothing twice. A client that names none, or one that this store never gave out, first gets the whole map; and so does
 * one of before a restore, whose numbers may have been given to other changes since. A reserved seat is told with
 * the instant at which it is free again by itself: whoever draws it need not wait for the sweep that says so too.
 */
#include "api/api.h"

#include <inttypes.h>
#include <stdio.h>

#define PAGE 128         /* records that are read at once */
#define PAGES_MOST 64    /* of a piece */
#define QUIET_MS 15000   /* then a comment is sent, so that the wire is known to live */

/* Which mode a client knows that came without one is not known for what happened before it came; then it is that of then. */
static bool another_mode(tkt__stream *s, const tkt_change *change)
{
    uint32_t known = s->mode == 0 && change->seq > s->began_seq ? s->began_mode : s->mode;
    s->mode = change->state + 1;
    return known != s->mode;
}

/* What others may see: no claims, bookings or payments; of the waiting room when its mode is another, which is when a page
 * must look, not how it moves. */
static bool is_public(tkt__stream *s, const tkt_change *change)
{
    switch (change->kind) {
    case TKT_CHANGE_QUEUE: return another_mode(s, change);
    case TKT_CHANGE_SEATS:
    case TKT_CHANGE_AREA:
    case TKT_CHANGE_SALE:
    case TKT_CHANGE_EVENT:
    case TKT_CHANGE_EVENT_DELETED: return true;
    default: return false;
    }
}

static void units_out(tkt__json *j, const tkt_change *change)
{
    tkt__json_array(j, "units");
    for (uint32_t i = 0; i < change->range_count; i++)
        for (uint32_t k = 0; k < change->ranges[i].count; k++)
            tkt__json_u64(j, NULL, change->ranges[i].first + k);
    tkt__json_array_end(j);
}

static void area_out(tkt__json *j, uint32_t area_id, uint32_t capacity, uint32_t sold, uint32_t held)
{
    uint64_t taken = (uint64_t)sold + held;
    tkt__json_u64(j, "areaId", area_id);
    tkt__json_u64(j, "capacity", capacity);
    tkt__json_u64(j, "available", capacity > taken ? capacity - taken : 0);
    tkt__json_u64(j, "reserved", held);
    tkt__json_u64(j, "booked", sold);
}

void tkt__json_change(tkt__json *j, const tkt_change *change, bool staff)
{
    static const char *const scopes[] = { "none", "event", "catalog", "user", "store" };
    tkt__json_object(j, NULL);
    tkt__json_u64(j, "seq", change->seq);
    tkt__json_word(j, "kind", tkt_change_name(change->kind));
    tkt__json_instant(j, "at", change->instant_ms);
    if (change->kind == TKT_CHANGE_SEATS) {
        tkt__json_word(j, "state", tkt__seat_word((uint8_t)change->state));
        units_out(j, change);
    } else if (change->kind == TKT_CHANGE_AREA)
        area_out(j, change->area_id, change->capacity, change->sold, change->held);
    else if (change->kind == TKT_CHANGE_QUEUE && !staff)
        tkt__json_word(j, "waitingRoom", tkt__queue_mode_word(change->state));
    else if (change->kind == TKT_CHANGE_EVENT)
        tkt__json_word(j, "status", tkt__event_status_word(change->state));
    else if (change->state != 0)
        tkt__json_u64(j, "stateNumber", change->state);
    if (change->expires_ms != 0 && (staff || change->kind == TKT_CHANGE_SEATS))
        tkt__json_instant(j, "until", change->expires_ms);
    if (staff) {
        tkt__json_word(j, "scope", scopes[change->scope <= TKT_FEED_STORE ? change->scope : 0]);
        if (change->owner != 0)
            tkt__json_u64(j, "owner", change->owner);
        if (change->id != 0)
            tkt__json_u64(j, "id", change->id);
        if (change->claim != 0)
            tkt__json_u64(j, "claim", change->claim);
        if (change->number != 0)
            tkt__json_u64(j, "number", change->number);
    }
    tkt__json_object_end(j);
}

/* ---- pieces ---------------------------------------------------------------------------------------------------------------- */

void tkt__stream_id(const tkt_api *api, uint64_t seq, char id[TKT__STREAM_ID])
{
    snprintf(id, TKT__STREAM_ID, "%" PRIu64 ".%" PRIx64, seq, api->store->epoch);
}

static void message(tkt_api_response *r, const char *name, uint64_t seq)
{
    char id[TKT__STREAM_ID];
    tkt__stream_id(r->api, seq, id);
    tkt__buffer_format(&r->body, "id: %s\nevent: %s\ndata: ", id, name);
}

/* One character a seat, in the order of bytes of the map; 5 where there is none. */
static int32_t states_out(tkt_snapshot *snapshot, uint64_t event_id, tkt__json *j, const tkt_hooks *hooks)
{
    size_t n = 0;
    int32_t status = tkt_seatmap_copy(snapshot, event_id, NULL, 0, &n);
    if (n == 0) {
        tkt__json_word(j, "states", "");
        return status;
    }
    uint8_t *states = tkt__alloc(hooks, n);
    if (states == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for a seat map");
    status = tkt_seatmap_copy(snapshot, event_id, states, n, &n);
    for (size_t i = 0; status == TKT_DONE && i < n; i++)
        states[i] = states[i] < 4 ? (uint8_t)('0' + states[i]) : '5';
    if (status == TKT_DONE)
        tkt__json_string(j, "states", (tkt_text){ (const char *)states, n });
    tkt__free(hooks, states, n);
    return status;
}

static void areas_out(tkt_snapshot *snapshot, uint64_t event_id, tkt__json *j)
{
    tkt_area area = TKT_AREA_INIT;
    tkt__json_array(j, "areas");
    for (uint32_t i = 0; tkt_area_view(snapshot, event_id, i, &area) == TKT_DONE; i++) {
        tkt__json_object(j, NULL);
        area_out(j, area.id, area.capacity, area.sold, area.held);
        tkt__json_object_end(j);
    }
    tkt__json_array_end(j);
}

static int32_t whole_piece(tkt_snapshot *snapshot, tkt_api_response *r)
{
    tkt__json j;
    uint64_t seq = 0;
    int32_t status = tkt_event_seq(snapshot, r->stream.event_id, &seq);
    if (status != TKT_DONE)
        return status;
    message(r, "map", seq);
    tkt__json_begin(&j, &r->body);
    tkt__json_object(&j, NULL);
    tkt__json_u64(&j, "seq", seq);
    status = states_out(snapshot, r->stream.event_id, &j, &r->api->store->hooks);
    areas_out(snapshot, r->stream.event_id, &j);
    tkt__json_object_end(&j);
    tkt__json_end(&j);
    tkt__buffer_text(&r->body, "\n\n");
    if (status == TKT_DONE) {
        r->stream.seq = seq;
        r->stream.whole = false;
    }
    return status;
}

static void change_out(tkt_api_response *r, const tkt_change *change)
{
    tkt__json j;
    message(r, "change", change->seq);
    tkt__json_begin(&j, &r->body);
    tkt__json_change(&j, change, false);
    tkt__json_end(&j);
    tkt__buffer_text(&r->body, "\n\n");
    r->stream.over = r->stream.over || change->kind == TKT_CHANGE_EVENT_DELETED;
}

/* Pages until something is to be told, or nothing is left. */
static int32_t changes_piece(tkt_snapshot *snapshot, tkt_api_response *r)
{
    tkt_change changes[PAGE];
    tkt__stream *s = &r->stream;
    uint32_t count = PAGE, pages = 0;
    int32_t status = TKT_DONE;
    for (; status == TKT_DONE && count == PAGE && r->body.n == 0 && pages < PAGES_MOST; pages++) {
        status = tkt_feed_sequence(snapshot, TKT_FEED_EVENT, s->event_id, s->seq, changes, PAGE, &count);
        for (uint32_t i = 0; status == TKT_DONE && i < count; i++) {
            s->seq = changes[i].seq;
            if (is_public(s, &changes[i]))
                change_out(r, &changes[i]);
        }
    }
    if (status == TKT_DONE && count == PAGE && r->body.n == 0)
        tkt__buffer_text(&r->body, ": there is more\n\n"); /* so that the host asks again at once */
    return status;
}

/* A place is told when it changes, and once more each time that it must be noted as alive. */
static int32_t place_piece(tkt_api_response *r)
{
    tkt__stream *s = &r->stream;
    tkt_place place;
    tkt__json j;
    tkt_place_init(&place);
    int32_t status = tkt_queue_poll(r->api->store, s->event_id, s->buyer, &place);
    uint32_t flags = (place.paused != 0) | (uint32_t)(place.all_held != 0) << 1 | (uint32_t)(place.sold_out != 0) << 2 |
                     (uint32_t)(place.closed != 0) << 3;
    if (status != TKT_DONE || (place.state == s->state && place.ahead == s->ahead && flags == s->flags &&
                               memcmp(place.admission, s->admission, sizeof s->admission) == 0))
        return status;
    memcpy(s->admission, place.admission, sizeof s->admission);
    s->state = place.state;
    s->flags = flags;
    s->ahead = place.ahead;
    s->over = place.state == TKT_PLACE_OVER;
    tkt__buffer_text(&r->body, "event: place\ndata: ");
    tkt__json_begin(&j, &r->body);
    tkt__json_place(&j, &place);
    tkt__json_end(&j);
    tkt__buffer_text(&r->body, "\n\n");
    return TKT_DONE;
}

static int32_t map_piece(tkt_api_response *r)
{
    tkt_snapshot *snapshot;
    int32_t status = tkt_snapshot_begin(r->api->store, &snapshot);
    if (status != TKT_DONE)
        return status;
    status = r->stream.whole ? whole_piece(snapshot, r) : changes_piece(snapshot, r);
    tkt_snapshot_end(snapshot);
    return status;
}

int32_t tkt__stream_next(tkt_api_response *r)
{
    const tkt_hooks *hooks = &r->api->store->hooks;
    int64_t now = hooks->monotonic_ms(hooks->user);
    r->body.n = 0;
    if (r->stream.over)
        return TKT_NOT_FOUND;
    int32_t status = r->stream.of_place ? place_piece(r) : map_piece(r);
    if (status != TKT_DONE)
        return status;
    if (r->body.n == 0 && now - r->stream.told_ms >= QUIET_MS)
        tkt__buffer_text(&r->body, ": still here\n\n");
    if (r->body.failed) {
        r->stream.over = true; /* the client comes again and says how far it got */
        return tkt__fail(TKT_E_NOMEM, "no memory for a stream");
    }
    if (r->body.n == 0)
        return TKT_PENDING;
    r->stream.told_ms = now;
    return TKT_DONE;
}

/* ---- begin ------------------------------------------------------------------------------------------------------------------- */

/* An id as a stream or a map gave it, of this store's history; −1: it is none. */
static int64_t id_in(const tkt__call *c, tkt_text id)
{
    char ours[TKT__STREAM_ID];
    int64_t after;
    const char *point = memchr(id.ptr, '.', id.len);
    if (point == NULL || !tkt__whole_number(id.ptr, (size_t)(point - id.ptr), &after) || after < 0)
        return -1;
    tkt__stream_id(c->api, (uint64_t)after, ours);
    return tkt__text_is(id, ours) ? after : -1;
}

/* Where the client is: by the header that a browser sends when it comes back, else by the parameter. */
static bool after_in(tkt__call *c, uint64_t seq, tkt__stream *s)
{
    tkt_text last = tkt__request_header(c, "last-event-id");
    const tkt__param *p = tkt__param_of(c, "after");
    int64_t after = -1;
    if (last.len > 0)
        after = id_in(c, last);
    else if (p != NULL && p->value.len > 0 && memchr(p->value.ptr, '.', p->value.len) != NULL)
        after = id_in(c, p->value);
    else if (!tkt__param_i64(c, "after", 0, INT64_MAX, &after))
        return false;
    s->began_seq = seq;
    s->whole = after < 0 || (uint64_t)after > seq;
    s->seq = s->whole ? 0 : (uint64_t)after;
    return true;
}

uint32_t tkt__get_stream(tkt__call *c)
{
    tkt_event event;
    uint64_t seq = 0;
    tkt__stream *s = &c->response->stream;
    if (!tkt__event_in(c, &event))
        return c->response->status;
    int32_t status = tkt_event_seq(c->snapshot, c->id, &seq);
    if (status != TKT_DONE)
        return tkt__problem_of(c, status);
    tkt_queue room;
    tkt_queue_init(&room);
    s->began_mode = tkt_queue_view(c->snapshot, c->id, &room) == TKT_DONE ? room.mode + 1 : 0;
    s->event_id = c->id;
    if (!after_in(c, seq, s))
        return c->response->status;
    uint32_t begun = tkt__stream_begin(c);
    if (begun == 200 && !s->whole) { /* a client that loses it before anything happens comes back with this */
        char id[TKT__STREAM_ID];
        tkt__stream_id(c->api, s->seq, id);
        tkt__buffer_format(&c->response->body, "id: %s\n\n", id);
    }
    return begun;
}

uint32_t tkt__stream_begin(tkt__call *c)
{
    tkt__buffer_text(&c->response->body, "retry: 1000\n\n");
    tkt__header_static(c, "Cache-Control", "no-store");
    tkt__header_static(c, "X-Accel-Buffering", "no"); /* a proxy in front must pass pieces on as they come */
    c->response->stream.told_ms = c->api->store->hooks.monotonic_ms(c->api->store->hooks.user);
    if (tkt__answered(c, 200, "text/event-stream") == 200 && !tkt__text_is(c->request->method, "HEAD")) {
        c->response->streams = true;
        atomic_fetch_add(&c->api->streams, 1);
    }
    return c->response->status;
}
