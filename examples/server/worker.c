/* SPDX-License-Identifier: MIT
 *
 * worker.c: one process of the service: opens the store, serves on the socket that all share, and now and then tidies:
 * sweeps run-out holds, so that streams tell of them, and asks the provider about payments in doubt.
 */
#include "server.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_MS 200
#define TICKS_A_RECOVER 50
#define CONNECTION_BYTES 32768 /* of a request's head: more is answered 431 */
#define CONNECTIONS_ON_THE_WAY 64 /* taken, and not counted yet */
#define DRAIN_MS 5000 /* of what is half there, and again of answers that are being read */
#define LARGE_BYTES (128 << 10)
#define ARENAS 4

static bool failed(const char *what, int32_t status)
{
    if (status != TKT_DONE)
        fprintf(stderr, "ticketing-server: %s: %s: %s\n", what, tkt_status_name(status), tkt_error_text());
    return status != TKT_DONE;
}

static int32_t open_store(const settings *set, tkt_store **store)
{
    tkt_options *options;
    int32_t status = tkt_options_new(&options);
    if (status == TKT_DONE && set->map_mib != 0)
        status = tkt_options_set_map_bytes(options, (uint64_t)set->map_mib << 20);
    if (status == TKT_DONE && set->query_cache_kib >= 0)
        status = tkt_options_set_query_cache(options, (uint64_t)set->query_cache_kib << 10);
    if (status == TKT_DONE)
        status = tkt_store_open(set->store, strlen(set->store), options, store);
    tkt_options_free(options);
    return status;
}

static bool open_all(server *s)
{
    tkt_api_options options = TKT_API_OPTIONS_INIT;
    options.user = s;
    options.identify = identify;
    options.counters = s->counters;
    options.ttl_ms = (int64_t)s->set->ttl_seconds * 1000;
    options.base_url = (tkt_text){ s->set->base_url, strlen(s->set->base_url) };
    return !failed("opening the store", open_store(s->set, &s->store)) &&
           !failed("salt", tkt_store_salt(s->store, s->salt)) && provider_begin(s) &&
           !failed("api", tkt_api_new(s->store, &options, &s->api)) && pages_begin(s->set) && streams_begin(s);
}

static bool serve_now(server *s, int listening)
{
    s->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC | MHD_USE_NO_LISTEN_SOCKET, 0,
                                 NULL, NULL, http_answer, s,
                                 MHD_OPTION_THREAD_POOL_SIZE, (unsigned)s->set->threads,
                                 MHD_OPTION_CONNECTION_LIMIT, (unsigned)s->set->connections + CONNECTIONS_ON_THE_WAY,
                                 MHD_OPTION_NOTIFY_CONNECTION, accept_counts, s,
                                 MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)s->set->idle_seconds,
                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
                                 MHD_OPTION_URI_LOG_CALLBACK, http_began, s,
                                 MHD_OPTION_NOTIFY_COMPLETED, http_ended, s, MHD_OPTION_END);
    if (s->daemon == NULL)
        fprintf(stderr, "ticketing-server: the HTTP library does not start\n");
    return s->daemon != NULL && accept_begin(s, listening);
}

/* Until SIGTERM, which is blocked elsewhere and taken here. */
static void tidy_until_end(server *s, const sigset_t *signals)
{
    const struct timespec pause = { 0, TICK_MS * 1000000L };
    uint64_t ticks = 0;
    for (;;) {
        int got = sigtimedwait(signals, NULL, &pause);
        int64_t wait_ms = INT64_MAX;
        if (got == SIGTERM || got == SIGINT)
            return;
        if (tkt_next_deadline(s->store, &wait_ms) == TKT_DONE && wait_ms <= 0)
            tkt_tick(s->store, 0, NULL);
        if (++ticks % TICKS_A_RECOVER == 0)
            tkt_recover(s->store, NULL, NULL);
    }
}

static void wait_for_none(_Atomic int *count)
{
    const struct timespec pause = { 0, 10000000L };
    for (int i = 0; i < DRAIN_MS / 10 && atomic_load(count) > 0; i++)
        nanosleep(&pause, NULL);
}

/* Nothing new is taken, on old connections neither; what was begun is answered, payments however long they take; streams
 * end, and their clients come back elsewhere. Only when nothing can begin any more do connections close: else one that
 * began meanwhile would be carried out and its answer cut. */
static void drain(server *s)
{
    atomic_store(&s->ending, ENDING_NEW_REFUSED);
    accept_end(s);
    streams_end();
    wait_for_none(&s->under_way);
    atomic_store(&s->ending, ENDING_ALL_REFUSED);
    payers_end();
    wait_for_none(&s->working);
    MHD_stop_daemon(s->daemon);
}

/* Whole halls are megabytes: by its own rules glibc would keep their room in an arena for each thread, for good. */
static void give_memory_back(void)
{
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
    mallopt(M_ARENA_MAX, ARENAS);
#endif
}

static bool log_opened(server *s)
{
    const char *path = s->set->access_log;
    s->log = path[0] != '\0' ? fopen(path, "ae") : NULL;
    if (path[0] != '\0' && s->log == NULL)
        fprintf(stderr, "ticketing-server: the access log %s can't be opened: %s\n", path, strerror(errno));
    return path[0] == '\0' || s->log != NULL;
}

bool worker_can(const settings *set)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        server s = { .set = set };
        bool can = log_opened(&s) && pages_begin(set) &&
                   !failed("opening the store", open_store(set, &s.store));
        if (can)
            tkt_store_close(s.store);
        _exit(can ? 0 : 1);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int worker_run(const settings *set, int listening, uint64_t *counters)
{
    server s = { .set = set, .counters = counters };
    sigset_t signals;
    give_memory_back();
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    if (!log_opened(&s) || !open_all(&s) || !serve_now(&s, listening))
        return 1;
    tidy_until_end(&s, &signals);
    drain(&s);
    tkt_api_free(s.api);
    tkt_store_close(s.store);
    if (s.log != NULL)
        fclose(s.log);
    return 0;
}
