/* SPDX-License-Identifier: MIT
 *
 * api/service.c: what a service is asked by those who run it: health, readiness, figures (Prometheus text format 0.0.4),
 * its description, the feed by pages, how an event sells.
 */
#include "api/api.h"

#include <inttypes.h>
#include <unistd.h>

#define PAGE 200
#define LIMIT_MOST 1000
#define CURVE_POINTS 96 /* even: two become one */
#define STEP_LEAST_MS 1000
#define BOOKINGS_PAGE 1000

extern const char tkt__openapi_text[];
extern const size_t tkt__openapi_bytes;

/* ---- health ------------------------------------------------------------------------------------------------------------------ */

uint32_t tkt__get_health(tkt__call *c)
{
    tkt__json *j = tkt__answer_json(c);
    tkt__json_object(j, NULL);
    tkt__json_word(j, "status", "ok");
    tkt__json_word(j, "version", TKT_VERSION_STRING);
    tkt__json_object_end(j);
    tkt__header_static(c, "Cache-Control", "no-store");
    return tkt__answered(c, 200, TKT__JSON_TYPE);
}

/* Whether the store can be read and searched. */
uint32_t tkt__get_ready(tkt__call *c)
{
    uint32_t state = TKT_INDEX_NONE;
    if (!tkt__read(c))
        return c->response->status;
    int32_t status = tkt_index_state(c->snapshot, &state);
    if (status != TKT_DONE)
        return tkt__problem_of(c, status);
    tkt__json *j = tkt__answer_json(c);
    tkt__json_object(j, NULL);
    tkt__json_bool(j, "ready", state == TKT_INDEX_CURRENT);
    tkt__json_bool(j, "index", state == TKT_INDEX_CURRENT);
    tkt__json_object_end(j);
    tkt__header_static(c, "Cache-Control", "no-store");
    return tkt__answered(c, state == TKT_INDEX_CURRENT ? 200 : 503, TKT__JSON_TYPE);
}

/* ---- figures ------------------------------------------------------------------------------------------------------------------ */

static void figure(tkt__buffer *b, const char *name, const char *type, const char *help, uint64_t value)
{
    tkt__buffer_format(b, "# HELP ticketing_%s %s\n# TYPE ticketing_%s %s\nticketing_%s %" PRIu64 "\n", name, help, name, type,
                       name, value);
}

/* Of the one process that was asked: a series of its own, so that another's is no reset of it. */
static void figure_here(tkt__buffer *b, const char *name, const char *type, const char *help, uint64_t value)
{
    tkt__buffer_format(b, "# HELP ticketing_%s %s\n# TYPE ticketing_%s %s\nticketing_%s{process=\"%ld\"} %" PRIu64 "\n", name, help, name,
                       type, name, (long)getpid(), value);
}

static void engine_figures(tkt__buffer *b, const tkt__engine_stats *s)
{
    figure(b, "store_map_bytes", "gauge", "The most that the store may take.", s->map_bytes);
    figure(b, "store_used_bytes", "gauge", "Pages in use.", s->used_bytes);
    figure(b, "store_file_bytes", "gauge", "Size of the file.", s->file_bytes);
    figure(b, "store_room_bytes", "gauge", "What sales may still take before the store is full.", s->room_bytes);
    figure(b, "store_journal_bytes", "gauge", "Journal not yet in the tables.", s->journal_bytes);
    figure_here(b, "store_commits_total", "counter", "Durable commits by this process.", s->commits);
    figure_here(b, "store_written_bytes_total", "counter", "Bytes written by this process.", s->written_bytes);
    figure(b, "store_readers", "gauge", "Snapshots' slots in use, of all processes.", s->readers);
    figure(b, "store_readers_max", "gauge", "Slots that there are.", s->readers_max);
}

uint32_t tkt__get_metrics(tkt__call *c)
{
    tkt_api *api = c->api;
    tkt__buffer *b = &c->response->body;
    tkt__engine_stats stats;
    void *engine;
    const tkt__engine_ops *ops = tkt__kv_ops(api->store->kv, &engine);
    int32_t status = ops->stats(engine, &stats);
    if (status != TKT_DONE)
        return tkt__problem_of(c, status);
    engine_figures(b, &stats);
    figure_here(b, "clock_frozen_milliseconds", "gauge", "How far the wall clock stands ahead unbelieved.",
           (uint64_t)atomic_load(&api->store->clock.frozen_ms));
    tkt__buffer_text(b, "# HELP ticketing_api_answers_total Answers by the first digit of their status.\n"
                        "# TYPE ticketing_api_answers_total counter\n");
    for (uint32_t i = 2; i < 6; i++)
        tkt__buffer_format(b, "ticketing_api_answers_total{status=\"%uxx\"} %" PRIu64 "\n", i, atomic_load(&api->counters[i]));
    figure(b, "api_body_bytes_total", "counter", "Bytes of bodies answered.", atomic_load(&api->counters[TKT__COUNTER_BYTES]));
    figure_here(b, "api_streams", "gauge", "Streams that are open.", (uint64_t)atomic_load(&api->streams));
    figure_here(b, "api_uptime_milliseconds", "gauge", "Since this handler was made.",
           (uint64_t)(api->store->hooks.monotonic_ms(api->store->hooks.user) - api->began_ms));
    tkt__header_static(c, "Cache-Control", "no-store");
    return tkt__answered(c, 200, "text/plain; version=0.0.4; charset=utf-8");
}

uint32_t tkt__get_openapi(tkt__call *c)
{
    tkt__buffer_add(&c->response->body, tkt__openapi_text, tkt__openapi_bytes);
    return tkt__answered_fresh(c, TKT__JSON_TYPE, NULL);
}

/* ---- the feed by pages ----------------------------------------------------------------------------------------------------------- */

static uint32_t page_of_changes(tkt__call *c, const tkt_change *changes, uint32_t count, const tkt_feed_cursor *cursor)
{
    char text[TKT_FEED_CURSOR_TEXT];
    tkt__json *j = tkt__answer_json(c);
    tkt__json_object(j, NULL);
    tkt__json_array(j, "records");
    for (uint32_t i = 0; i < count; i++)
        tkt__json_change(j, &changes[i], true);
    tkt__json_array_end(j);
    if (cursor != NULL) {
        tkt_feed_cursor_format(cursor, text);
        tkt__json_string(j, "cursor", (tkt_text){ text, sizeof text });
    }
    tkt__json_object_end(j);
    tkt__header_static(c, "Cache-Control", "no-store");
    return tkt__answered(c, 200, TKT__JSON_TYPE);
}

static bool limit_in(tkt__call *c, int64_t *limit)
{
    *limit = PAGE;
    return tkt__param_i64(c, "limit", 1, LIMIT_MOST, limit);
}

static tkt_change *changes_new(tkt__call *c, int64_t limit)
{
    tkt_change *changes = tkt__alloc(&c->api->store->hooks, (size_t)limit * sizeof *changes);
    if (changes == NULL)
        tkt__problem_of(c, tkt__fail(TKT_E_NOMEM, "no memory for a page of the feed"));
    return changes;
}

uint32_t tkt__get_feed(tkt__call *c)
{
    tkt_feed_cursor cursor = { { 0 } };
    const tkt__param *p = tkt__param_of(c, "cursor");
    int64_t limit;
    uint32_t count = 0;
    if (p != NULL && p->value.len > 0 && tkt_feed_cursor_parse(p->value.ptr, p->value.len, &cursor) != TKT_DONE)
        return tkt__problem_say(c, 400, "bad_value", "cursor is one that this feed gave");
    if (!limit_in(c, &limit) || !tkt__read(c))
        return c->response->status;
    tkt_change *changes = changes_new(c, limit);
    if (changes == NULL)
        return c->response->status;
    int32_t status = tkt_feed_read(c->snapshot, &cursor, changes, (uint32_t)limit, &count);
    uint32_t http = status == TKT_DONE ? page_of_changes(c, changes, count, &cursor) : tkt__problem_of(c, status);
    tkt__free(&c->api->store->hooks, changes, (size_t)limit * sizeof *changes);
    return http;
}

uint32_t tkt__get_event_feed(tkt__call *c)
{
    tkt_event event;
    int64_t limit, after = 0;
    uint32_t count = 0;
    if (!limit_in(c, &limit) || !tkt__param_i64(c, "after", 0, INT64_MAX, &after) || !tkt__event_in(c, &event))
        return c->response->status;
    tkt_change *changes = changes_new(c, limit);
    if (changes == NULL)
        return c->response->status;
    int32_t status = tkt_feed_sequence(c->snapshot, TKT_FEED_EVENT, c->id, (uint64_t)after, changes, (uint32_t)limit, &count);
    uint32_t http = status == TKT_DONE ? page_of_changes(c, changes, count, NULL) : tkt__problem_of(c, status);
    tkt__free(&c->api->store->hooks, changes, (size_t)limit * sizeof *changes);
    return http;
}

/* ---- how an event sells -------------------------------------------------------------------------------------------------------------- */

/* Bookings from the first on, in steps of equal length, which doubles whenever they no longer fit: one pass, whatever time
 * they span. */
typedef struct curve {
    int64_t first_ms, last_ms, step_ms;
    uint64_t bookings, tickets;
    uint32_t points_bookings[CURVE_POINTS], points_tickets[CURVE_POINTS];
} curve;

static void double_step(curve *k)
{
    for (size_t i = 0; i < CURVE_POINTS; i++) {
        bool in = 2 * i + 1 < CURVE_POINTS;
        k->points_bookings[i] = in ? k->points_bookings[2 * i] + k->points_bookings[2 * i + 1] : 0;
        k->points_tickets[i] = in ? k->points_tickets[2 * i] + k->points_tickets[2 * i + 1] : 0;
    }
    k->step_ms *= 2;
}

/* They come by number, which is by time but for what processes do at once: the few before the first count with it. */
static void note(curve *k, const tkt_booking *b)
{
    if (k->bookings++ == 0)
        k->first_ms = k->last_ms = b->created_ms;
    int64_t since = b->created_ms > k->first_ms ? b->created_ms - k->first_ms : 0;
    while (since / k->step_ms >= CURVE_POINTS)
        double_step(k);
    k->last_ms = b->created_ms > k->last_ms ? b->created_ms : k->last_ms;
    k->tickets += b->ticket_count;
    k->points_bookings[since / k->step_ms]++;
    k->points_tickets[since / k->step_ms] += b->ticket_count;
}

static int32_t each_booking(tkt__call *c, curve *k)
{
    uint64_t ids[BOOKINGS_PAGE], after = 0;
    uint32_t count = BOOKINGS_PAGE;
    int32_t status = TKT_DONE;
    while (status == TKT_DONE && count == BOOKINGS_PAGE) {
        status = tkt_booking_list(c->snapshot, TKT_BOOKINGS_OF_EVENT, c->id, after, ids, BOOKINGS_PAGE, &count);
        for (uint32_t i = 0; status == TKT_DONE && i < count; i++) {
            tkt_booking b;
            tkt_booking_init(&b);
            after = ids[i];
            if (tkt_booking_view(c->snapshot, ids[i], &b) == TKT_DONE && b.state == TKT_BOOKING_CONFIRMED)
                note(k, &b);
        }
    }
    return status;
}

static void curve_out(tkt__json *j, const curve *k)
{
    tkt__json_array(j, "curve");
    for (uint32_t i = 0; k->bookings > 0 && i < CURVE_POINTS && k->first_ms + i * k->step_ms <= k->last_ms; i++) {
        tkt__json_object(j, NULL);
        tkt__json_instant(j, "from", k->first_ms + i * k->step_ms);
        tkt__json_u64(j, "bookings", k->points_bookings[i]);
        tkt__json_u64(j, "tickets", k->points_tickets[i]);
        tkt__json_object_end(j);
    }
    tkt__json_array_end(j);
}

uint32_t tkt__get_sales(tkt__call *c)
{
    tkt_event event;
    tkt_counts counts = TKT_COUNTS_INIT;
    curve k;
    memset(&k, 0, sizeof k);
    if (!tkt__event_in(c, &event))
        return c->response->status;
    int32_t status = tkt_counts_view(c->snapshot, c->id, &counts);
    k.step_ms = STEP_LEAST_MS;
    if (status == TKT_DONE)
        status = each_booking(c, &k);
    if (status != TKT_DONE)
        return tkt__problem_of(c, status);
    tkt__json *j = tkt__answer_json(c);
    tkt__json_object(j, NULL);
    tkt__json_u64(j, "eventId", c->id);
    tkt__json_u64(j, "bookings", k.bookings);
    tkt__json_u64(j, "tickets", k.tickets);
    tkt__json_object(j, "places");
    tkt__json_u64(j, "available", counts.available);
    tkt__json_u64(j, "reserved", counts.reserved);
    tkt__json_u64(j, "booked", counts.booked);
    tkt__json_u64(j, "withheld", counts.withheld);
    tkt__json_object_end(j);
    tkt__json_i64(j, "stepMs", k.step_ms);
    curve_out(j, &k);
    tkt__json_object_end(j);
    tkt__header_static(c, "Cache-Control", "no-store");
    return tkt__answered(c, 200, TKT__JSON_TYPE);
}
