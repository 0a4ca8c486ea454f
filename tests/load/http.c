/* SPDX-License-Identifier: MIT
 *
 * http.c: one keep-alive connection, which stands for a browser's, by libcurl.
 *
 * A request without an answer is sent again, on a new connection, for RETRY_MS: every request of these programs may be
 * repeated, since it only asks or has an idempotency key.
 */
#include "load.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RETRY_MS 20000
#define RETRY_PAUSE_MS 20
#define ANSWER_SECONDS 30L
#define PATH_MAX_BYTES 1024

struct client {
    CURL *curl;
    char base[256];
    char *body;
    size_t n, room;
    bool connected;
};

int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

uint64_t tick_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void pause_ms(int64_t ms)
{
    struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
    if (ms > 0)
        nanosleep(&t, NULL);
}

uint64_t chance(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* ---- one request -------------------------------------------------------------------------------------------------------- */

static size_t gather(char *bytes, size_t one, size_t n, void *to)
{
    client *c = to;
    (void)one;
    if (c->n + n + 1 > c->room) {
        size_t room = 2 * (c->n + n + 1);
        char *body = realloc(c->body, room);
        if (body == NULL)
            return 0;
        c->body = body;
        c->room = room;
    }
    memcpy(c->body + c->n, bytes, n);
    c->n += n;
    c->body[c->n] = '\0';
    return n;
}

client *client_new(const char *base_url)
{
    client *c = calloc(1, sizeof *c);
    if (c == NULL || (c->curl = curl_easy_init()) == NULL || (c->body = calloc(1, 4096)) == NULL)
        abort(); /* a load program without memory has nothing to tell */
    c->room = 4096;
    snprintf(c->base, sizeof c->base, "%s", base_url);
    curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c->curl, CURLOPT_TIMEOUT, ANSWER_SECONDS);
    curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, gather);
    curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, c);
    curl_easy_setopt(c->curl, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(c->curl, CURLOPT_PROXY, "");
    return c;
}

void client_free(client *c)
{
    curl_easy_cleanup(c->curl);
    free(c->body);
    free(c);
}

static struct curl_slist *head_of(const char *const *headers, bool has_body)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    if (has_body)
        list = curl_slist_append(list, "Content-Type: application/json");
    for (size_t i = 0; headers != NULL && headers[i] != NULL; i++)
        list = curl_slist_append(list, headers[i]);
    return list;
}

static void prepare(client *c, const char *method, const char *path, uint64_t session, const char *body)
{
    char url[256 + PATH_MAX_BYTES], cookie[64];
    snprintf(url, sizeof url, "%s%s", c->base, path);
    snprintf(cookie, sizeof cookie, "tkt_session=%032llx", (unsigned long long)session);
    curl_easy_setopt(c->curl, CURLOPT_URL, url);
    curl_easy_setopt(c->curl, CURLOPT_COOKIE, session != 0 ? cookie : NULL);
    if (body != NULL)
        curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, body);
    else if (strcmp(method, "POST") == 0)
        curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, "");
    else
        curl_easy_setopt(c->curl, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, method);
}

reply client_call(client *c, const char *method, const char *path, uint64_t session, const char *const *headers, const char *body)
{
    reply r = { 0 };
    struct curl_slist *head = head_of(headers, body != NULL);
    uint64_t first = tick_ns(), began;
    long connects = 0;
    prepare(c, method, path, session, body);
    curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, head);
    do {
        if (r.tries++ > 0)
            pause_ms(RETRY_PAUSE_MS);
        c->n = 0;
        c->body[0] = '\0';
        began = tick_ns();
        if (curl_easy_perform(c->curl) == CURLE_OK)
            curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &r.status);
        curl_easy_getinfo(c->curl, CURLINFO_NUM_CONNECTS, &connects);
        r.tries += connects > 0 && c->connected; /* libcurl sends again by itself when an idle connection had died */
        c->connected = c->connected || connects > 0;
    } while (r.status == 0 && tick_ns() - first < RETRY_MS * UINT64_C(1000000));
    r.ns = tick_ns() - began;
    r.body = c->body;
    r.n = c->n;
    curl_slist_free_all(head);
    return r;
}

/* ---- answers ------------------------------------------------------------------------------------------------------------- */

static const char *member(const char *body, const char *name)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\":", name);
    const char *at = strstr(body, quoted);
    return at != NULL ? at + strlen(quoted) : NULL;
}

bool json_number(const char *body, const char *name, int64_t *value)
{
    const char *at = member(body, name);
    char *end;
    if (at == NULL)
        return false;
    *value = strtoll(at, &end, 10);
    return end != at;
}

bool json_word(const char *body, const char *name, char *to, size_t room)
{
    const char *at = member(body, name);
    size_t n = 0;
    if (at == NULL || *at++ != '"')
        return false;
    while (at[n] != '"' && at[n] != '\0' && n + 1 < room) {
        to[n] = at[n];
        n++;
    }
    to[n] = '\0';
    return at[n] == '"';
}
