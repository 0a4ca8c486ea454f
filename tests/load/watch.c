/* SPDX-License-Identifier: MIT
 *
 * watch.c: a seat map as a browser keeps it: the whole map once, then each change, by Server-Sent Events. When the
 * connection breaks it comes back with the id of the last message that it has whole, as an EventSource does, so the
 * server must go on where it was: a second whole map would mean that it lost its place.
 */
#include "load.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_UNIT 64
#define LINE_BYTES (1 << 20)
#define RESUME_PAUSE_MS 100
#define AGREE_MS 15000

struct watch {
    char url[512], base[256];
    uint64_t event_id;
    pthread_t thread;
    _Atomic bool ends;
    _Atomic uint64_t seq, maps, changes, resumed;
    _Atomic uint32_t n;
    _Atomic uint8_t states[LOAD_UNITS_MAX]; /* '0' free, '1' reserved, '2' booked, '3' withheld */
    char line[LINE_BYTES], kind[32];
    size_t line_n;
    char id[48], told[48]; /* of the message under way; of the last one */
};

/* ---- messages ----------------------------------------------------------------------------------------------------------- */

static void whole_map(watch *w, const char *data)
{
    const char *at = strstr(data, "\"states\":\"");
    uint32_t n = 0;
    if (at == NULL)
        return;
    for (at += strlen("\"states\":\""); *at != '"' && *at != '\0' && n < LOAD_UNITS_MAX; at++)
        atomic_store(&w->states[n++], (uint8_t)*at);
    atomic_store(&w->n, n);
    atomic_fetch_add(&w->maps, 1);
}

static void change(watch *w, const char *data)
{
    static const char *const words[] = { "available", "reserved", "booked", "withheld" };
    char word[32];
    uint8_t state = 0;
    atomic_fetch_add(&w->changes, 1);
    if (!json_word(data, "state", word, sizeof word))
        return;
    for (uint8_t i = 0; i < 4; i++)
        if (strcmp(word, words[i]) == 0)
            state = (uint8_t)('0' + i);
    const char *at = strstr(data, "\"units\":[");
    for (at = at != NULL && state != 0 ? at + strlen("\"units\":[") : NULL; at != NULL && *at >= '0' && *at <= '9';) {
        char *end;
        unsigned long unit = strtoul(at, &end, 10);
        if (unit >= FIRST_UNIT && unit - FIRST_UNIT < LOAD_UNITS_MAX)
            atomic_store(&w->states[unit - FIRST_UNIT], state);
        at = *end == ',' ? end + 1 : NULL;
    }
}

static void line(watch *w, const char *text)
{
    if (strncmp(text, "id: ", 4) == 0)
        snprintf(w->id, sizeof w->id, "%s", text + 4);
    else if (strncmp(text, "event: ", 7) == 0)
        snprintf(w->kind, sizeof w->kind, "%s", text + 7);
    else if (strncmp(text, "data: ", 6) == 0) {
        if (strcmp(w->kind, "map") == 0)
            whole_map(w, text + 6);
        else
            change(w, text + 6);
        memcpy(w->told, w->id, sizeof w->told); /* data is the last line of a message here */
        atomic_store(&w->seq, strtoull(w->id, NULL, 10));
    }
}

static size_t take(char *bytes, size_t one, size_t n, void *of)
{
    watch *w = of;
    (void)one;
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] != '\n' && w->line_n + 1 < LINE_BYTES) {
            w->line[w->line_n++] = bytes[i];
            continue;
        }
        w->line[w->line_n] = '\0';
        line(w, w->line);
        w->line_n = 0;
    }
    return atomic_load(&w->ends) ? 0 : n;
}

static int still_wanted(void *of, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    watch *w = of;
    (void)a, (void)b, (void)c, (void)d;
    return atomic_load(&w->ends);
}

static void *follow(void *of)
{
    watch *w = of;
    CURL *curl = curl_easy_init();
    char last[128];
    for (bool first = true; curl != NULL && !atomic_load(&w->ends); first = false) {
        snprintf(last, sizeof last, "Last-Event-ID: %s", w->told);
        struct curl_slist *head = curl_slist_append(NULL, atomic_load(&w->maps) > 0 ? last : "Accept: text/event-stream");
        w->line_n = 0; /* half a message is dropped, its id was not taken */
        curl_easy_reset(curl);
        curl_easy_setopt(curl, CURLOPT_URL, w->url);
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
        curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, head);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, w);
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, still_wanted);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, w);
        if (!first)
            atomic_fetch_add(&w->resumed, 1);
        curl_easy_perform(curl);
        curl_slist_free_all(head);
        pause_ms(RESUME_PAUSE_MS);
    }
    curl_easy_cleanup(curl);
    return NULL;
}

/* ---- who uses it ---------------------------------------------------------------------------------------------------------- */

watch *watch_begin(const char *base_url, uint64_t event_id)
{
    watch *w = calloc(1, sizeof *w);
    if (w == NULL)
        abort();
    w->event_id = event_id;
    snprintf(w->url, sizeof w->url, "%s/events/%llu/seatmap/stream", base_url, (unsigned long long)event_id);
    if (pthread_create(&w->thread, NULL, follow, w) != 0)
        abort();
    while (atomic_load(&w->maps) == 0)
        pause_ms(10);
    return w;
}

void watch_end(watch *w)
{
    atomic_store(&w->ends, true);
    pthread_join(w->thread, NULL);
    free(w);
}

uint32_t watch_free(watch *w, uint64_t nth, uint32_t run)
{
    uint32_t n = atomic_load(&w->n), found = 0;
    if (n == 0)
        return 0;
    for (uint32_t i = 0, at = (uint32_t)(nth % n); i < n; i++, at = at + 1 < n ? at + 1 : 0) {
        found = atomic_load_explicit(&w->states[at], memory_order_relaxed) == '0' && (at > 0 || found == 0) ? found + 1 : 0;
        if (found == run)
            return at + FIRST_UNIT + 1 - run;
    }
    return 0;
}

static bool same(watch *w, const reply *r)
{
    uint32_t n = atomic_load(&w->n);
    const uint8_t *states = (const uint8_t *)r->body + 28; /* the head of seatmap.bin (docs/api.md) */
    if (r->status != 200 || r->n != 28 + (size_t)n)
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (atomic_load(&w->states[i]) != (states[i] < 4 ? '0' + states[i] : '5'))
            return false;
    return true;
}

bool watch_agrees(watch *w, client *c)
{
    char path[128];
    int64_t until = now_ms() + AGREE_MS;
    snprintf(path, sizeof path, "/events/%llu/seatmap.bin", (unsigned long long)w->event_id);
    do {
        reply r = client_call(c, "GET", path, 0, NULL, NULL);
        if (same(w, &r))
            return true;
        pause_ms(200);
    } while (now_ms() < until);
    return false;
}

void watch_counts(watch *w, uint64_t *maps, uint64_t *changes, uint64_t *resumed)
{
    *maps = atomic_load(&w->maps);
    *changes = atomic_load(&w->changes);
    *resumed = atomic_load(&w->resumed);
}
