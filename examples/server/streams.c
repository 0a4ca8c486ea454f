/* SPDX-License-Identifier: MIT
 *
 * streams.c: Server-Sent Events. A connection that has nothing to say sleeps (the HTTP library calls it suspended) and is
 * on a list; one thread waits for commits and wakes the list, at most every WAKE_MS, so that a thousand commits a second
 * do not mean a thousand wakings of each of ten thousand browsers.
 */
#include "server.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PIECE_BYTES 4096
#define WAKE_MS 40     /* between two wakings, at least */
#define LOOK_MS 1000   /* and at most: a connection then says that it is there */

typedef struct stream {
    tkt_api_response *answer;
    struct MHD_Connection *connection;
    tkt_text piece;        /* what is left to be sent of the body */
    exchange *x;
    struct stream *next, *before; /* while it sleeps */
    bool sleeps;
} stream;

static struct {
    pthread_mutex_t lock;
    stream *sleeping;
    pthread_t thread;
    tkt_store *store;
    bool ends;
} streams = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- sleeping and waking -------------------------------------------------------------------------------------------------- */

/* Under the lock. */
static void leave(stream *s)
{
    if (!s->sleeps)
        return;
    if (s->before != NULL)
        s->before->next = s->next;
    else
        streams.sleeping = s->next;
    if (s->next != NULL)
        s->next->before = s->before;
    s->sleeps = false;
}

/* False: all streams end. */
static bool sleep_until_woken(stream *s)
{
    pthread_mutex_lock(&streams.lock);
    bool goes = !streams.ends;
    if (goes) {
        s->sleeps = true;
        s->before = NULL;
        s->next = streams.sleeping;
        if (s->next != NULL)
            s->next->before = s;
        streams.sleeping = s;
        MHD_suspend_connection(s->connection);
    }
    pthread_mutex_unlock(&streams.lock);
    return goes;
}

static void wake_all(void)
{
    pthread_mutex_lock(&streams.lock);
    while (streams.sleeping != NULL) {
        stream *s = streams.sleeping;
        leave(s);
        MHD_resume_connection(s->connection);
    }
    pthread_mutex_unlock(&streams.lock);
}

static bool ended(void)
{
    pthread_mutex_lock(&streams.lock);
    bool ends = streams.ends;
    pthread_mutex_unlock(&streams.lock);
    return ends;
}

static void *wake_by_commits(void *unused)
{
    const struct timespec pause = { 0, WAKE_MS * 1000000L };
    uint64_t seen = 0, before;
    int64_t woken = 0;
    (void)unused;
    while (!ended()) {
        before = seen;
        if (tkt_wait(streams.store, 250, &seen) != TKT_DONE)
            nanosleep(&pause, NULL);
        if (seen == before && clock_ns() - woken < LOOK_MS * INT64_C(1000000))
            continue;
        wake_all();
        woken = clock_ns();
        nanosleep(&pause, NULL);
    }
    return NULL;
}

bool streams_begin(server *s)
{
    streams.store = s->store;
    return pthread_create(&streams.thread, NULL, wake_by_commits, NULL) == 0;
}

void streams_end(void)
{
    pthread_mutex_lock(&streams.lock);
    streams.ends = true;
    pthread_mutex_unlock(&streams.lock);
    pthread_join(streams.thread, NULL);
    wake_all();
}

/* ---- one stream --------------------------------------------------------------------------------------------------------------- */

static ssize_t more(void *of, uint64_t at, char *to, size_t room)
{
    stream *s = of;
    (void)at;
    if (s->piece.len == 0) {
        int32_t status = ended() ? TKT_NOT_FOUND : tkt_api_response_next(s->answer);
        if (status == TKT_PENDING)
            return sleep_until_woken(s) ? 0 : MHD_CONTENT_READER_END_OF_STREAM;
        if (status != TKT_DONE)
            return MHD_CONTENT_READER_END_OF_STREAM; /* the client comes again and says how far it got */
        s->piece = tkt_api_response_body(s->answer);
    }
    size_t n = s->piece.len < room ? s->piece.len : room;
    memcpy(to, s->piece.ptr, n);
    s->piece.ptr += n;
    s->piece.len -= n;
    s->x->sent += n;
    return (ssize_t)n;
}

static void gone(void *of)
{
    stream *s = of;
    pthread_mutex_lock(&streams.lock);
    leave(s);
    pthread_mutex_unlock(&streams.lock);
    tkt_api_response_free(s->answer);
    free(s);
}

struct MHD_Response *stream_response(exchange *x, tkt_api_response *answer)
{
    stream *s = calloc(1, sizeof *s);
    struct MHD_Response *response = NULL;
    if (s != NULL) {
        s->answer = answer;
        s->connection = x->connection;
        s->x = x;
        s->piece = tkt_api_response_body(answer);
        response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PIECE_BYTES, more, s, gone);
    }
    if (response == NULL) {
        tkt_api_response_free(answer);
        free(s);
    }
    /* A stream is no request that a graceful end waits for. */
    return response;
}
