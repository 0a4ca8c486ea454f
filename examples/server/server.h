/* SPDX-License-Identifier: MIT
 *
 * server.h: the example service: HTTP/1.1 by GNU libmicrohttpd around tkt_api_handle.
 *
 *   main.c       settings, the listening socket, several processes on one store, their supervision
 *   worker.c     one process: opens the store, serves until it is told to end, tidies
 *   accept.c     connections, off the socket that all processes share
 *   http.c       one request: body in, answer out, access log
 *   payers.c     requests that wait for the payment provider, on threads of their own
 *   streams.c    Server-Sent Events: sleeping connections, woken by commits
 *   identify.c   who asks: a session cookie, or the token of staff or operator
 *   limits.c     how often one address may ask
 *   provider.c   the example payment provider, which all processes share
 *   pages.c      the web page's files, QR codes
 *
 * Each process may be killed at any moment: what was acknowledged is in the store, and a stream goes on elsewhere by its
 * Last-Event-ID.
 */
#ifndef TICKETING_SERVER_H
#define TICKETING_SERVER_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <ticketing/ticketing.h>

#define PATH_BYTES 1024
#define TOKEN_BYTES 128
#define PROCESSES_MAX 64
#define ADDRESS_BYTES 64
#define COOKIE "tkt_session"
#define SESSION_TEXT 32

typedef struct settings {
    int port, processes, threads;
    int connections;          /* of a process, at most */
    int payments;             /* at the provider at once, of a process */
    int idle_seconds;         /* a connection that says nothing for so long is closed */
    int reads_a_second, writes_a_second; /* of one address and one process; 0: no limit */
    int ttl_seconds;          /* of a reservation */
    int query_cache_kib;      /* answers to searches that are kept; 0: none, below: the library's default */
    int map_mib;              /* how large the store may grow; 0: the library's default */
    bool trust_proxy;         /* X-Forwarded-For names the client */
    char store[PATH_BYTES], web[PATH_BYTES], access_log[PATH_BYTES], base_url[PATH_BYTES];
    char staff_token[TOKEN_BYTES], operator_token[TOKEN_BYTES]; /* empty: nobody is */
} settings;

/* A graceful end: first no connection is taken and new requests are refused, then nothing is begun any more, what came of it half or whole. */
enum ending { ENDING_NOT, ENDING_NEW_REFUSED, ENDING_ALL_REFUSED };

/* What a process has while it serves. */
typedef struct server {
    const settings *set;
    tkt_store *store;
    tkt_api *api;
    struct MHD_Daemon *daemon;
    int listening, waiting, wake; /* accept.c's, with its thread */
    pthread_t acceptor;
    _Atomic int connected;
    FILE *log;
    uint64_t *counters;    /* of all processes */
    _Atomic int under_way; /* requests whose first line came and that are not answered */
    _Atomic int working;   /* those of them that were begun to be answered */
    _Atomic int ending;    /* one of enum ending */
    uint8_t salt[TKT_SALT_BYTES];
} server;

/* One request from its first byte to the last of its answer. */
typedef struct exchange {
    server *s;
    struct MHD_Connection *connection;
    char address[ADDRESS_BYTES];
    char session[SESSION_TEXT + 1]; /* empty: no cookie */
    tkt_api_header headers[TKT_API_HEADERS_MAX + 1];
    uint32_t header_count;
    char *body;
    size_t body_n, came;    /* bytes kept, bytes that came */
    bool too_large, answered;
    bool under_way, working; /* it counts among the server's */
    bool sleeps, handled;   /* a payer has it; `reply` is what came of it */
    tkt_api_response *reply;
    unsigned status;
    uint64_t sent;
    const char *method, *url, *query; /* as they came; url and query lie behind this struct */
    int64_t began_ns;
} exchange;

/* worker.c: whether a process could serve: store, page and log are there. Looked at in a process of its own. */
bool worker_can(const settings *set);
/* Serves on a listening socket until SIGTERM. Answers the exit status of the process. */
int worker_run(const settings *set, int listening, uint64_t *counters);

/* accept.c */
bool accept_begin(server *s, int listening); /* once the daemon is there */
void accept_end(server *s);                  /* s->ending is set: none is taken any more */
void accept_counts(void *server, struct MHD_Connection *connection, void **unused, enum MHD_ConnectionNotificationCode what);

/* http.c: as the library calls them. */
void *http_began(void *server, const char *uri, struct MHD_Connection *connection);
enum MHD_Result http_answer(void *server, struct MHD_Connection *connection, const char *url, const char *method,
                            const char *version, const char *upload, size_t *upload_n, void **context);
void http_ended(void *server, struct MHD_Connection *connection, void **context, enum MHD_RequestTerminationCode why);
/* Hands it to the library: x->reply, NULL: no memory. On any thread, while the connection does not move. */
void http_handle(exchange *x);
int64_t clock_ns(void);

/* payers.c */
bool payers_wanted(const exchange *x);
bool payers_take(exchange *x); /* it sleeps until it is handled; false: too many are under way */
void payers_end(void);         /* waits for all */

/* streams.c */
bool streams_begin(server *s);
void streams_end(void); /* wakes all: none sleeps any more */
/* Takes the answer; NULL: no memory. */
struct MHD_Response *stream_response(exchange *x, tkt_api_response *answer);

/* identify.c: for tkt_api_options; the request's context is the exchange. */
int32_t identify(void *server, const tkt_api_request *request, tkt_api_caller *caller);
bool session_new(char session[SESSION_TEXT + 1]);

/* limits.c: false: too often. */
bool limit_allows(const exchange *x, bool writes);

/* provider.c */
bool provider_begin(server *s);

/* pages.c */
bool pages_begin(const settings *set);
/* NULL: there is no such page. */
struct MHD_Response *page_for(exchange *x, const char *url, unsigned *status);

#endif
