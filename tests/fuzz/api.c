/* SPDX-License-Identifier: MIT
 *
 * tests/fuzz/api.c: any bytes as a request to a small store. Whatever comes, there is an answer with a status of 200…599 and
 * headers that are whole; no 5xx; the store stays sound.
 *
 * Bytes: one that chooses method and role; then lines up to a zero byte: path, query, headers "name:value"; the rest is
 * the body.
 */
#include "fuzz.h"

#include <ftw.h>
#include <unistd.h>

#include <ticketing/ticketing.h>

#define HEADERS 8
#define PIECES 4       /* of a stream, at most */
#define CHECK_EVERY 4096

static char dir[64];
static tkt_store *store;
static tkt_api *api;
static uint8_t role;

static tkt_text T(const char *text) { return (tkt_text){ text, strlen(text) }; }

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static void close_store(void)
{
    uint64_t problems = 1;
    MUST(tkt_check(store, NULL, NULL, &problems) == TKT_DONE && problems == 0);
    tkt_api_free(api);
    tkt_store_close(store);
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int32_t identify(void *user, const tkt_api_request *request, tkt_api_caller *caller)
{
    (void)user, (void)request;
    caller->role = role & 3;
    memset(caller->buyer_key, role >> 2 & 3, sizeof caller->buyer_key);
    return 0;
}

static int32_t pay(void *user, const tkt_charge *charge)
{
    (void)user;
    return 1 + (int32_t)(charge->details.len % 5);
}

static void open_store(void)
{
    tkt_options *options;
    tkt_chart *chart;
    tkt_api_options o = TKT_API_OPTIONS_INIT;
    tkt_payment table = TKT_PAYMENT_INIT;
    tkt_event e = { .size = sizeof e };
    tkt_created made = TKT_CREATED_INIT;
    char path[80];
    uint64_t chart_id = 0;
    uint32_t version, area;
    strcpy(dir, "/tmp/tkt-fuzz-XXXXXX");
    MUST(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/store", dir);
    MUST(tkt_options_new(&options) == TKT_DONE && tkt_options_set_create(options, 1) == TKT_DONE);
    MUST(tkt_store_open(path, strlen(path), options, &store) == TKT_DONE);
    tkt_options_free(options);
    o.identify = identify;
    table.charge = table.status = table.refund = pay;
    MUST(tkt_store_set_payment(store, &table) == TKT_DONE && tkt_api_new(store, &o, &api) == TKT_DONE);
    e.name = T("Symphony No. 5");
    e.start_ms = INT64_C(1900000000000);
    MUST(tkt_event_create(store, &e, NULL, 0, &made) == TKT_DONE && made.id == 1);
    MUST(tkt_chart_new(&chart) == TKT_DONE && tkt_chart_add_section(chart, T("Hall & <Stalls>")) == TKT_DONE);
    MUST(tkt_chart_add_row(chart, T("A")) == TKT_DONE);
    for (int32_t i = 0; i < 20; i++)
        MUST(tkt_chart_add_seat(chart, (tkt_text){ &"abcdefghijklmnopqrst"[i], 1 }, i * 1000, 0, 0) == TKT_DONE);
    MUST(tkt_chart_put(store, 0, chart, &chart_id, &version) == TKT_DONE);
    tkt_chart_free(chart);
    MUST(tkt_event_set_chart(store, 1, chart_id, version, 0) == TKT_DONE);
    MUST(tkt_event_set_area(store, 1, T("Floor"), 1000000, 0, &area) == TKT_DONE);
    MUST(tkt_event_set_price(store, 1, TKT_SCOPE_EVENT, 0, 100, "EUR", 0) == TKT_DONE);
    atexit(close_store);
}

/* The next line, without its end. */
static tkt_text line(const uint8_t **p, const uint8_t *end)
{
    const uint8_t *from = *p;
    while (*p < end && **p != '\n' && **p != 0)
        ++*p;
    tkt_text t = { (const char *)from, (size_t)(*p - from) };
    if (*p < end && **p == '\n')
        ++*p;
    return t;
}

static void headers_sound(const tkt_api_response *r)
{
    tkt_text name, value;
    for (uint32_t i = 0; tkt_api_response_header(r, i, &name, &value) == TKT_DONE; i++)
        for (size_t k = 0; k < value.len; k++)
            MUST(value.ptr[k] != '\r' && value.ptr[k] != '\n' && value.ptr[k] != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *const methods[] = { "GET", "POST", "PUT", "DELETE", "HEAD", "GET", "POST", "PATCH" };
    static uint64_t count;
    const uint8_t *p = data, *end = data + n;
    tkt_api_header headers[HEADERS];
    tkt_api_request request;
    tkt_api_response *response;
    if (store == NULL)
        open_store();
    if (n < 2)
        return 0;
    tkt_api_request_init(&request);
    role = *p >> 3;
    request.method = T(methods[*p++ & 7]);
    request.path = line(&p, end);
    request.query = line(&p, end);
    request.headers = headers;
    while (p < end && *p != 0 && request.header_count < HEADERS) {
        tkt_text all = line(&p, end);
        const char *colon = all.len > 0 ? memchr(all.ptr, ':', all.len) : NULL;
        size_t name = colon != NULL ? (size_t)(colon - all.ptr) : all.len;
        size_t value = colon != NULL ? name + 1 : all.len;
        headers[request.header_count++] = (tkt_api_header){ { all.ptr, name }, { all.ptr + value, all.len - value } };
    }
    if (p < end)
        p++;
    request.body = (tkt_text){ (const char *)p, (size_t)(end - p) };
    MUST(tkt_api_handle(api, &request, &response) == TKT_DONE);
    uint32_t status = tkt_api_response_status(response);
    MUST(status >= 200 && status < 500);
    headers_sound(response);
    for (int i = 0; i < PIECES && tkt_api_response_streams(response); i++)
        if (tkt_api_response_next(response) != TKT_DONE)
            break;
    tkt_api_response_free(response);
    if (++count % CHECK_EVERY == 0) {
        uint64_t problems = 1;
        MUST(tkt_check(store, NULL, NULL, &problems) == TKT_DONE && problems == 0);
    }
    return 0;
}
