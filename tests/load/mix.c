/* SPDX-License-Identifier: MIT
 *
 * mix.c: everything that the service does, at once, for as long as is wanted.
 *
 *   load_mix URL EVENT QUEUE_EVENT SECONDS THREADS RATE SEED
 *
 * EVENT has a hall, QUEUE_EVENT a waiting room. Threads look at events, search, look at halls, open streams and leave
 * them, stand in the queue and leave it, reserve and give back, buy and have it cancelled by staff, so that the store
 * stays as full as it was; and send what is no request. RATE requests a second in all, 0: as many as can be. Staff
 * and operator show the tokens of tests/e2e/service.py.
 *
 * Prints one JSON object; status 1 when an answer was a failure of the server (5xx, or none), or not one of those that
 * the request may have.
 */
#include "load.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_BYTES 256
#define EVENTS 980 /* of the sample */
#define STREAM_MS 300
#define STAFF "Authorization: Bearer staff-token-of-the-tests"
#define OPERATOR "Authorization: Bearer operator-token-of-the-tests"

enum { LOOK, SEARCH, HALL, STREAM, QUEUE, HOLD, SALE, STAFF_LOOK, NONSENSE, KINDS };
static const char *const kind_words[KINDS] = { "event", "search", "hall", "stream", "queue", "hold", "sale", "staff", "nonsense" };
static const unsigned parts[KINDS] = { 30, 25, 6, 2, 12, 10, 8, 4, 3 }; /* of a hundred */

static const char *url;
static uint64_t event, queue_event, seconds, rate;
static size_t threads;
static watch *map;
static times kinds[KINDS];
static _Atomic uint64_t wrong, sent;

typedef struct worker {
    pthread_t thread;
    client *client;
    uint64_t chance, number, made;
    int kind;
} worker;

/* ---- one request ---------------------------------------------------------------------------------------------------------- */

/* `allowed`: statuses as "200 404". */
static reply ask(worker *w, const char *allowed, const char *method, const char *path, uint64_t session,
                 const char *const *headers, const char *body)
{
    char text[8];
    reply r = client_call(w->client, method, path, session, headers, body);
    snprintf(text, sizeof text, "%ld", r.status);
    times_add(&kinds[w->kind], r.ns);
    atomic_fetch_add(&sent, 1);
    if (strstr(allowed, text) == NULL) {
        fprintf(stderr, "%s %s: %ld %.200s\n", method, path, r.status, r.body);
        atomic_fetch_add(&wrong, 1);
    }
    return r;
}

static uint64_t any(worker *w, uint64_t n)
{
    return chance(&w->chance) % n;
}

static uint64_t session_of(worker *w)
{
    return (w->number + 1) << 32 | ++w->made;
}

/* ---- what is asked for ------------------------------------------------------------------------------------------------------ */

static void look(worker *w)
{
    static const char *const forms[] = { "", "", "", "", "/ics", "/jsonld" };
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "/events/%llu%s", (unsigned long long)(1 + any(w, EVENTS + 10)), forms[any(w, 6)]);
    ask(w, "200 404", "GET", path, 0, NULL, NULL);
}

static void search(worker *w)
{
    static const char *const words[] = { "mahler", "symphony", "football", "rust", "toronto", "opera", "jazz", "confernce",
                                         "united", "city", "new%20york", "brah", "zzzz" };
    static const char *const more[] = { "", "&sort=date", "&available=true", "&minPrice=10&currency=EUR", "&typo=true", "&prefix=true",
                                        "&near=40.77,-73.98&radius=50", "&start=2026-01-01&end=2028-01-01", "&page=2", "&highlight=true" };
    char path[PATH_BYTES];
    switch (any(w, 5)) {
    case 0: snprintf(path, sizeof path, "/suggestions?q=%.3s", words[any(w, 10)]); break;
    case 1: snprintf(path, sizeof path, "/events/facets?keyword=%s", words[any(w, 10)]); break;
    default: snprintf(path, sizeof path, "/events/search?keyword=%s%s", words[any(w, 13)], more[any(w, 10)]);
    }
    ask(w, "200 400", "GET", path, 0, NULL, NULL);
}

static void hall(worker *w)
{
    static const char *const forms[] = { "", ".bin", ".svg" };
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "/events/%llu/seatmap%s", (unsigned long long)event, forms[any(w, 3)]);
    ask(w, "200", "GET", path, 0, NULL, NULL);
}

static void stream(worker *w)
{
    uint64_t began = tick_ns();
    watch *own = watch_begin(url, event); /* until the whole map is there */
    times_add(&kinds[w->kind], tick_ns() - began);
    pause_ms((int64_t)any(w, STREAM_MS));
    watch_end(own);
    atomic_fetch_add(&sent, 1);
}

static void queue(worker *w)
{
    char path[PATH_BYTES];
    uint64_t session = session_of(w);
    snprintf(path, sizeof path, "/events/%llu/queue", (unsigned long long)queue_event);
    ask(w, "200", "POST", path, session, NULL, NULL);
    ask(w, "200", "GET", path, session, NULL, NULL);
    ask(w, "200", "DELETE", path, session, NULL, NULL);
}

static bool reserve(worker *w, uint64_t session, char token[65])
{
    char path[PATH_BYTES], body[64];
    uint32_t unit = watch_free(map, any(w, LOAD_UNITS_MAX), 1);
    if (unit == 0)
        return false;
    snprintf(path, sizeof path, "/events/%llu/reservations", (unsigned long long)event);
    snprintf(body, sizeof body, "{\"ticketId\":%u,\"ttlSeconds\":30}", unit);
    reply r = ask(w, "201 409", "POST", path, session, NULL, body);
    return r.status == 201 && json_word(r.body, "holdToken", token, 65);
}

static void hold(worker *w)
{
    char path[PATH_BYTES], token[65];
    uint64_t session = session_of(w);
    if (!reserve(w, session, token))
        return;
    snprintf(path, sizeof path, "/reservations/%s/extend", token);
    ask(w, "200", "POST", path, session, NULL, "{\"ttlSeconds\":40}");
    snprintf(path, sizeof path, "/reservations/%s", token);
    ask(w, "200", "GET", path, 0, NULL, NULL);
    if (any(w, 4) != 0) /* else it runs out */
        ask(w, "200 204", "DELETE", path, session, NULL, NULL);
}

static void sale(worker *w)
{
    static const char *const staff[] = { STAFF, NULL };
    static const char *const cards[] = { "ok", "ok", "ok", "decline" };
    char path[PATH_BYTES], token[65], body[64];
    uint64_t session = session_of(w);
    int64_t booking = 0;
    if (!reserve(w, session, token))
        return;
    snprintf(path, sizeof path, "/reservations/%s/confirm", token);
    snprintf(body, sizeof body, "{\"paymentDetails\":\"%s\"}", cards[any(w, 4)]);
    reply r = ask(w, "200 201 402", "POST", path, session, NULL, body);
    if (r.status == 402 || !json_number(r.body, "bookingId", &booking))
        return;
    snprintf(path, sizeof path, "/bookings/%lld", (long long)booking);
    ask(w, "200", "GET", path, session, NULL, NULL);
    ask(w, "404", "GET", path, session + 1, NULL, NULL);
    snprintf(path, sizeof path, "/bookings/%lld/cancel", (long long)booking);
    ask(w, "200", "POST", path, 0, staff, "{}");
}

static void staff_look(worker *w)
{
    static const char *const staff[] = { STAFF, NULL };
    static const char *const operator[] = { OPERATOR, NULL };
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "/events/%llu/%s", (unsigned long long)event, any(w, 2) ? "sales" : "feed");
    if (any(w, 2))
        ask(w, "200", "GET", path, 0, staff, NULL);
    else
        ask(w, "200", "GET", any(w, 2) ? "/metrics" : "/feed", 0, operator, NULL);
}

static void nonsense(worker *w)
{
    static const char *const paths[] = { "/events/0", "/events/x", "/events/search?page=0", "/nowhere", "/reservations/00", "/../etc" };
    if (any(w, 2))
        ask(w, "400 404 405", "GET", paths[any(w, 6)], 0, NULL, NULL);
    else
        ask(w, "400 404 415", "POST", "/bookings/1", 1, NULL, "{\"ticketId\":[");
}

/* ---- for so long --------------------------------------------------------------------------------------------------------------- */

static void *work(void *of)
{
    static void (*const calls[KINDS])(worker *) = { look, search, hall, stream, queue, hold, sale, staff_look, nonsense };
    worker *w = of;
    uint64_t began = tick_ns();
    while (tick_ns() - began < seconds * 1000000000) {
        unsigned r = (unsigned)any(w, 100);
        for (w->kind = 0; r >= parts[w->kind]; w->kind++)
            r -= parts[w->kind];
        calls[w->kind](w);
        /* Turns are given by the clock, so that a slow moment is made up for. */
        if (rate > 0) {
            int64_t due = (int64_t)(atomic_load(&sent) * 1000 / rate), at = (int64_t)((tick_ns() - began) / 1000000);
            pause_ms(due > at ? due - at : 0);
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    static worker workers[LOAD_THREADS_MAX];
    if (argc != 8)
        return 2;
    url = argv[1];
    event = strtoull(argv[2], NULL, 10);
    queue_event = strtoull(argv[3], NULL, 10);
    seconds = strtoull(argv[4], NULL, 10);
    threads = strtoul(argv[5], NULL, 10);
    rate = strtoull(argv[6], NULL, 10);
    uint64_t seed = strtoull(argv[7], NULL, 10), maps, changes, resumed;
    if (threads == 0 || threads > LOAD_THREADS_MAX)
        return 2;
    map = watch_begin(url, event);
    for (size_t t = 0; t < threads; t++) {
        workers[t] = (worker){ .client = client_new(url), .chance = seed + t, .number = t + seed * LOAD_THREADS_MAX };
        if (pthread_create(&workers[t].thread, NULL, work, &workers[t]) != 0)
            return 2;
    }
    for (size_t t = 0; t < threads; t++)
        pthread_join(workers[t].thread, NULL);
    bool agrees = watch_agrees(map, workers[0].client);
    watch_counts(map, &maps, &changes, &resumed);
    printf("{\"seconds\":%llu,\"requests\":%llu,\"wrong\":%llu,\"streamMaps\":%llu,\"streamChanges\":%llu,\"streamResumed\":%llu,\"streamAgrees\":%s",
           (unsigned long long)seconds, (unsigned long long)sent, (unsigned long long)wrong, (unsigned long long)maps,
           (unsigned long long)changes, (unsigned long long)resumed, agrees ? "true" : "false");
    for (int i = 0; i < KINDS; i++)
        printf(","), times_json(kind_words[i], &kinds[i]);
    printf("}\n");
    for (size_t t = 0; t < threads; t++)
        client_free(workers[t].client);
    watch_end(map);
    return wrong == 0 && agrees && maps == 1 ? 0 : 1;
}
