/* SPDX-License-Identifier: MIT
 *
 * tests/unit/api_help.h: a small hall behind tkt_api_handle, one caller at a time.
 */
#ifndef TKT_TEST_API_HELP_H
#define TKT_TEST_API_HELP_H

#include "booking_help.h"

#include <ticketing/api.h>

typedef struct desk {
    hall h;
    tkt_api *api;
    tkt_api_response *answer;
    bool known;    /* the host tells callers apart */
    uint32_t role;
} desk;

static inline int32_t identify(void *user, const tkt_api_request *request, tkt_api_caller *caller)
{
    const desk *d = user;
    (void)request;
    caller->role = d->role;
    if (d->known)
        memset(caller->buyer_key, 7, TKT_BUYER_BYTES);
    return 0;
}

static inline void open_desk(desk *d, const char *base)
{
    tkt_api_options options = TKT_API_OPTIONS_INIT;
    d->answer = NULL;
    d->known = true;
    d->role = TKT_ROLE_PUBLIC;
    open_hall(&d->h);
    options.user = d;
    options.identify = identify;
    options.base_url = T(base);
    ok(tkt_api_new(d->h.f.store, &options, &d->api));
}

static inline void close_desk(desk *d)
{
    tkt_api_response_free(d->answer);
    tkt_api_free(d->api);
    close_hall(&d->h);
}

/* The body ends with a NUL of the test's. */
static inline const char *ask_with(desk *d, uint32_t status, const char *method, const char *path, const char *query,
                                   const tkt_api_header *headers, uint32_t count, const char *body)
{
    static char text[65536];
    tkt_api_request request;
    tkt_api_request_init(&request);
    request.method = T(method);
    request.path = T(path);
    request.query = T(query);
    request.body = T(body);
    request.headers = headers;
    request.header_count = count;
    tkt_api_response_free(d->answer);
    ok(tkt_api_handle(d->api, &request, &d->answer));
    tkt_text got = tkt_api_response_body(d->answer);
    cr_assert_lt(got.len, sizeof(text));
    memcpy(text, got.ptr, got.len);
    text[got.len] = '\0';
    cr_assert_eq(tkt_api_response_status(d->answer), status, "%u: %s", tkt_api_response_status(d->answer), text);
    return text;
}

/* key "": none. */
static inline const char *ask(desk *d, uint32_t status, const char *method, const char *path, const char *query, const char *key, const char *body)
{
    const tkt_api_header header = { T("Idempotency-Key"), T(key) };
    return ask_with(d, status, method, path, query, &header, key[0] != '\0', body);
}

static inline tkt_text header_of(desk *d, const char *name)
{
    tkt_text n, v;
    for (uint32_t i = 0; tkt_api_response_header(d->answer, i, &n, &v) == TKT_DONE; i++)
        if (n.len == strlen(name) && memcmp(n.ptr, name, n.len) == 0)
            return v;
    return (tkt_text){ NULL, 0 };
}

#endif
