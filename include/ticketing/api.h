/* SPDX-License-Identifier: MIT
 *
 * ticketing/api.h: the service face: a request that came by any wire in, the answer out. No socket, no thread, no TLS:
 * those are the host's. docs/api.md tells the calls; GET /openapi.json describes them.
 *
 *     tkt_api_new(store, &options, &api);
 *     …for each request, on any thread:
 *     tkt_api_handle(api, &request, &response);
 *     send(tkt_api_response_status(response), its headers, tkt_api_response_body(response));
 *     while (tkt_api_response_streams(response) && the client is there) {
 *         if (tkt_api_response_next(response) == TKT_DONE)
 *             send(tkt_api_response_body(response));
 *         else
 *             tkt_wait(store, 1000, &seen);
 *     }
 *     tkt_api_response_free(response);
 *
 * A stream is drawn, not pushed: so the host's own loop decides when a slow client is given more, and a host of any
 * language needs no callback.
 */
#ifndef TICKETING_API_H
#define TICKETING_API_H

#include <ticketing/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Limits of a request; past them it is answered 413, 414 or 431 without a look at the store. */
#define TKT_API_PATH_MAX 2048
#define TKT_API_QUERY_MAX 8192
#define TKT_API_BODY_MAX 65536
#define TKT_API_HEADERS_MAX 100

typedef struct tkt_api tkt_api;
typedef struct tkt_api_response tkt_api_response;

typedef struct tkt_api_header {
    tkt_text name, value;
} tkt_api_header;

typedef struct tkt_api_request {
    uint32_t size;
    uint32_t header_count;
    const tkt_api_header *headers; /* names in any case */
    tkt_text method;               /* "GET", … */
    tkt_text path;                 /* as it came, percent-encoded, from its '/' to the '?' */
    tkt_text query;                /* as it came, without the '?'; may be empty */
    tkt_text body;
    void *context;                 /* the host's own, for identify */
} tkt_api_request;
TKT_API void tkt_api_request_init(tkt_api_request *request);

#define TKT_ROLE_PUBLIC UINT32_C(0)   /* looks, searches, buys, and sees what its own hold tokens, user or buyer key own */
#define TKT_ROLE_STAFF UINT32_C(1)    /* also sees every booking and what is sold; cancels and gives money back */
#define TKT_ROLE_OPERATOR UINT32_C(2) /* also payment news, the feed of the store, figures */

/* Who asks, as far as the host knows. All zeros: anyone. */
typedef struct tkt_api_caller {
    uint32_t size;
    uint32_t role;                    /* TKT_ROLE_… */
    uint64_t user_id;                 /* 0: none */
    uint8_t buyer_key[TKT_BUYER_BYTES];
    tkt_text scope; /* who it is for the wire (a session, a token; not an address, which many share): the same
                       Idempotency-Key of two scopes are two keys. Lives until identify's request is answered. Empty: the
                       role, buyer key and user alone; a public caller without any of them may use no such key: 401 */
} tkt_api_caller;

typedef struct tkt_api_options {
    uint32_t size;
    uint32_t reserved;
    void *user;
    /* Fills *caller (all zeros, size set) for a request. Non-zero: the request is answered 401. Called on the thread of
     * the request with no transaction open. NULL: everyone is public. */
    int32_t (*identify)(void *user, const tkt_api_request *request, tkt_api_caller *caller);
    tkt_text base_url;     /* "https://tickets.example", for links that leave the service; empty: they are relative */
    int64_t fresh_ms;      /* how long caches may give event and search answers without asking; 0: 1,000 */
    int64_t stale_ms;      /* and how long while they ask anew; 0: 10,000 */
    int64_t ttl_ms;        /* of a reservation that names none, 0: TKT_TTL_MS; also the most that a public caller gets */
    uint64_t *counters;    /* TKT_API_COUNTERS of them, zeros at first, in memory that processes behind one address share, so
                              that /metrics counts for all, whichever is asked; 8-aligned, outlives the handler. NULL: its own */
    const void *reserved_pointer; /* NULL: no hole is left where pointers have 32 bits */
} tkt_api_options;
#define TKT_API_COUNTERS 8
#define TKT_API_OPTIONS_INIT { (uint32_t)sizeof(tkt_api_options), 0, NULL, NULL, { NULL, 0 }, 0, 0, 0, NULL, NULL }
TKT_API void tkt_api_options_init(tkt_api_options *options);

/* A handler for one store, which must outlive it; any number of threads may use it at once. options NULL: defaults;
 * texts are copied. -TKT_E_INVALID, NOMEM. Since 0.1. */
TKT_API int32_t tkt_api_new(tkt_store *store, const tkt_api_options *options, tkt_api **api);
/* No request or response of it may be left. NULL is fine. */
TKT_API void tkt_api_free(tkt_api *api);

/* Answers a request. TKT_DONE whenever there is an answer, also one of refusal (a status of 4xx or 5xx with a body of
 * type application/problem+json). The texts of the request may go when it returns. Failures: INVALID, NOMEM. Since 0.1. */
TKT_API int32_t tkt_api_handle(tkt_api *api, const tkt_api_request *request, tkt_api_response **response);
TKT_API void tkt_api_response_free(tkt_api_response *response); /* NULL is fine */

/* The HTTP status, 200…599; 0 for NULL. Since 0.1. */
TKT_API uint32_t tkt_api_response_status(const tkt_api_response *response);
/* Header `index` (0…), as long as the response lives. Content-Length is not among them. TKT_NOT_FOUND past the last. */
TKT_API int32_t tkt_api_response_header(const tkt_api_response *response, uint32_t index, tkt_text *name, tkt_text *value);
/* The body, or the latest piece of a stream: until the next call of tkt_api_response_next, or the end. For HEAD it is
 * what GET would give: its length counts, its bytes are not sent. */
TKT_API tkt_text tkt_api_response_body(const tkt_api_response *response);
/* 1: the answer goes on (Server-Sent Events); 0: the body is all there is. */
TKT_API int32_t tkt_api_response_streams(const tkt_api_response *response);
/* Takes the next piece of a stream into the body. TKT_DONE; TKT_PENDING: nothing new (tkt_wait tells when to ask
 * again); TKT_NOT_FOUND: it is over. No snapshot is kept between calls. Failures of any read. Since 0.1. */
TKT_API int32_t tkt_api_response_next(tkt_api_response *response);

#ifdef __cplusplus
}
#endif
#endif
