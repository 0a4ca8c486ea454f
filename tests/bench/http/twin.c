/* SPDX-License-Identifier: MIT
 *
 * twin.c: bench_http_postgres|redis WHERE PORT THREADS: serves on 127.0.0.1 until SIGTERM.
 */
#include "twin.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CONNECTIONS 4000
#define IDLE_SECONDS 30
#define CONNECTION_BYTES 32768

bool twin_add(twin_answer *a, const char *bytes, size_t n)
{
    if (a->n + n > a->room) {
        size_t room = 2 * (a->n + n) + 256;
        char *body = realloc(a->body, room);
        if (body == NULL)
            return false;
        a->body = body;
        a->room = room;
    }
    memcpy(a->body + a->n, bytes, n);
    a->n += n;
    return true;
}

static enum MHD_Result send_json(struct MHD_Connection *connection, unsigned status, twin_answer *a, bool counted)
{
    char total[24];
    struct MHD_Response *response = MHD_create_response_from_buffer(a->n, a->body, MHD_RESPMEM_MUST_FREE);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", "application/json");
    MHD_add_response_header(response, "Cache-Control", "public, max-age=1, stale-while-revalidate=10");
    snprintf(total, sizeof total, "%llu", (unsigned long long)a->total);
    if (counted)
        MHD_add_response_header(response, "X-Total-Count", total);
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static int64_t date_of(const char *text, int64_t otherwise)
{
    struct tm t = { 0 };
    if (text == NULL || sscanf(text, "%d-%d-%d", &t.tm_year, &t.tm_mon, &t.tm_mday) != 3)
        return otherwise;
    t.tm_year -= 1900;
    t.tm_mon -= 1;
    return (int64_t)timegm(&t) * 1000;
}

static twin_query query_of(struct MHD_Connection *connection)
{
    twin_query q = { .page_size = 20 };
    const char *words = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "keyword");
    const char *size = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "pageSize");
    q.from_ms = date_of(MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "start"), 0);
    q.to_ms = date_of(MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "end"), INT64_C(1) << 52);
    if (size != NULL && atoi(size) > 0 && atoi(size) <= TWIN_PAGE_MAX)
        q.page_size = (uint32_t)atoi(size);
    while (words != NULL && *words != '\0' && q.word_count < TWIN_WORDS_MAX) {
        size_t n = strcspn(words, " ");
        snprintf(q.words[q.word_count++], TWIN_WORD_BYTES, "%.*s", (int)n, words);
        words += n + strspn(words + n, " ");
    }
    return q;
}

static enum MHD_Result answer(void *unused, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_n, void **context)
{
    static int seen;
    twin_answer a = { 0 };
    (void)unused, (void)method, (void)version, (void)upload, (void)upload_n;
    if (*context == NULL) {
        *context = &seen;
        return MHD_YES;
    }
    bool search = strcmp(url, "/events/search") == 0, good;
    if (search) {
        twin_query q = query_of(connection);
        good = store_search(&q, &a);
    } else
        good = strncmp(url, "/events/", 8) == 0 && store_event(strtoull(url + 8, NULL, 10), &a);
    return send_json(connection, !good ? 500 : search || a.found ? 200 : 404, &a, search);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    sigset_t signals;
    int got;
    if (argc != 4)
        return 2;
    address.sin_port = htons((uint16_t)atoi(argv[2]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    if (!store_begin(argv[1]))
        return 1;
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC, 0, NULL, NULL, answer, NULL,
        MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)atoi(argv[3]),
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_END);
    if (daemon == NULL)
        return 1;
    sigwait(&signals, &got);
    MHD_stop_daemon(daemon);
    return 0;
}
