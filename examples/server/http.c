/* SPDX-License-Identifier: MIT
 *
 * http.c: one request: its headers and body gathered, handed to tkt_api_handle, the answer given to the HTTP library.
 *
 * The library calls http_answer first with the head, then with each piece of the body, then once more at its end, and again
 * when a sleeping connection wakes. Bytes past TKT_API_BODY_MAX are read and dropped, so that the client hears 413 instead of
 * a broken connection; more than DROPPED_MAX are not waited for.
 */
#include "server.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define DROPPED_MAX (1u << 20) /* bytes of a body that is too large anyway */

int64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- the access log --------------------------------------------------------------------------------------------------- */

static int hex_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The character that stands there, plain or as %XX; *bytes: how long it is. */
static char character(const char *url, size_t *bytes)
{
    bool escaped = *url == '%' && hex_of(url[1]) >= 0 && hex_of(url[2]) >= 0;
    *bytes = escaped ? 3 : 1;
    return escaped ? (char)(hex_of(url[1]) << 4 | hex_of(url[2])) : *url;
}

/* Tokens open what they name, a ticket's code is the ticket: in the log their secret half is crossed out, however it is
 * spelt. */
static void masked(const char *url, char *out, size_t cap)
{
    size_t run = 0, n = 0, bytes;
    bool ticket = strncmp(url, "/qr/", 4) == 0;
    for (; *url != '\0' && n + 3 < cap; url += bytes) {
        char c = character(url, &bytes);
        run = hex_of(c) >= 0 ? run + 1 : 0;
        bool plain = (unsigned char)c > ' ' && (unsigned char)c < 0x7f && c != '"';
        ticket = ticket && c != '.';
        bool secret = run > 32 || (ticket && n >= 4);
        for (size_t i = 0; i < bytes; i++)
            out[n++] = secret ? '*' : bytes > 1 ? url[i] : plain ? c : '?';
    }
    out[n] = '\0';
}

static void log_access(const exchange *x)
{
    char when[32], url[512], method[32];
    struct timespec now;
    struct tm day;
    if (x->s->log == NULL || x->method == NULL)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &day);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &day);
    masked(x->url, url, sizeof url);
    masked(x->method, method, sizeof method);
    fprintf(x->s->log, "%s.%03ldZ %s \"%s %s\" %u %llu %.3fms\n", when, now.tv_nsec / 1000000, x->address, method, url,
            x->status, (unsigned long long)x->sent, (double)(clock_ns() - x->began_ns) / 1e6);
    fflush(x->s->log);
}

/* ---- gathering -------------------------------------------------------------------------------------------------------- */

static enum MHD_Result add_header(void *to, enum MHD_ValueKind kind, const char *name, const char *value)
{
    exchange *x = to;
    (void)kind;
    if (x->header_count <= TKT_API_HEADERS_MAX) /* one past the most: the handler answers 431 */
        x->headers[x->header_count++] = (tkt_api_header){ { name, strlen(name) }, { value != NULL ? value : "",
                                                                                    value != NULL ? strlen(value) : 0 } };
    return MHD_YES;
}

static enum MHD_Result last_forwarded(void *to, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    if (strcasecmp(name, "X-Forwarded-For") == 0 && value != NULL)
        *(const char **)to = value;
    return MHD_YES;
}

/* Without a port; of an IPv6 address the network, which is what one customer has (RFC 6177). */
static bool plain_address(const char *text, char out[ADDRESS_BYTES])
{
    static const uint8_t in_four[12] = { [10] = 0xff, [11] = 0xff }, by_nat64[12] = { 0, 0x64, 0xff, 0x9b }; /* RFC 4291, 6052 */
    struct in6_addr six;
    char bare[ADDRESS_BYTES];
    size_t n = text[0] == '[' ? strcspn(++text, "]") : strcspn(text, " \t");
    const char *colon = memchr(text, ':', n);
    if (colon != NULL && memchr(colon + 1, ':', n - (size_t)(colon + 1 - text)) == NULL)
        n = (size_t)(colon - text);
    if (n == 0 || n >= sizeof bare)
        return false;
    memcpy(bare, text, n);
    bare[n] = '\0';
    if (inet_pton(AF_INET6, bare, &six) == 1) {
        if (memcmp(&six, in_four, sizeof in_four) == 0 || memcmp(&six, by_nat64, sizeof by_nat64) == 0)
            return inet_ntop(AF_INET, six.s6_addr + 12, out, ADDRESS_BYTES) != NULL;
        memset(six.s6_addr + 8, 0, 8);
        return inet_ntop(AF_INET6, &six, out, ADDRESS_BYTES) != NULL;
    }
    strcpy(out, bare);
    return bare[strspn(bare, "0123456789.")] == '\0';
}

static void address_of(exchange *x)
{
    const char *forwarded = NULL;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (x->s->set->trust_proxy) /* who spoke to our proxy is the last of the last line: what stands before may be made up */
        MHD_get_connection_values(x->connection, MHD_HEADER_KIND, last_forwarded, &forwarded);
    if (forwarded != NULL) {
        const char *comma = strrchr(forwarded, ',');
        const char *last = comma != NULL ? comma + 1 : forwarded;
        if (!plain_address(last + strspn(last, " "), x->address))
            x->address[0] = '\0';
    } else if (info != NULL && info->client_addr->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)info->client_addr)->sin_addr, x->address, sizeof x->address);
    if (x->address[0] == '\0')
        strcpy(x->address, "-");
}

typedef struct framing {
    unsigned lengths, codings, hosts;
    uint64_t length;
    bool bad, strange; /* a coding that nobody reads here */
} framing;

/* Lines that say where a request ends, or for whom it is: two that differ are a way to smuggle one past a proxy. */
static enum MHD_Result count_lines(void *to, enum MHD_ValueKind kind, const char *name, const char *value)
{
    framing *f = to;
    (void)kind;
    if (strcasecmp(name, "Content-Length") == 0) {
        f->lengths++;
        f->length = value != NULL ? strtoull(value, NULL, 10) : 0;
    }
    if (strcasecmp(name, "Transfer-Encoding") == 0) {
        f->codings++;
        f->strange |= value == NULL || strcasecmp(value, "chunked") != 0;
    }
    if (strcasecmp(name, "Host") == 0) {
        f->hosts++;
        f->bad |= value == NULL || value[0] == '\0' || value[strcspn(value, " \t/?#@\\")] != '\0';
    }
    f->bad |= name[strcspn(name, " \t")] != '\0';
    return MHD_YES;
}

/* What is asked for, of a target in absolute form too (RFC 9112, 3.2.2). */
static const char *path_of(const char *target)
{
    size_t scheme = strncmp(target, "http://", 7) == 0 ? 7 : strncmp(target, "https://", 8) == 0 ? 8 : 0;
    return scheme > 0 ? target + scheme + strcspn(target + scheme, "/?") : target;
}

/* The target as it came, before anything decodes it: the handler does that, once. */
void *http_began(void *s, const char *uri, struct MHD_Connection *connection)
{
    const char *path = path_of(uri);
    size_t cap = strlen(path) + 2;
    exchange *x = calloc(1, sizeof *x + cap);
    if (x == NULL)
        return NULL;
    x->s = s;
    x->connection = connection;
    x->began_ns = clock_ns();
    x->under_way = atomic_load(&x->s->ending) == ENDING_NOT; /* those that come later are refused: no end waits for them */
    atomic_fetch_add(&x->s->under_way, x->under_way);
    char *target = (char *)(x + 1);
    snprintf(target, cap, "%s%s", path != uri && *path != '/' ? "/" : "", path);
    char *query = strchr(target, '?');
    x->query = query != NULL ? query + 1 : target + strlen(target);
    if (query != NULL)
        *query = '\0';
    x->url = target;
    return x;
}

static void head(exchange *x, const char *method)
{
    x->method = method;
    address_of(x);
    const char *cookie = MHD_lookup_connection_value(x->connection, MHD_COOKIE_KIND, COOKIE);
    if (cookie != NULL && strlen(cookie) == SESSION_TEXT && cookie[strspn(cookie, "0123456789abcdefABCDEF")] == '\0')
        for (size_t i = 0; i < SESSION_TEXT; i++)
            x->session[i] = cookie[i] >= 'A' && cookie[i] <= 'F' ? (char)(cookie[i] + 32) : cookie[i];
}

static bool add_body(exchange *x, const char *bytes, size_t n)
{
    x->came += n;
    if (x->too_large || n > TKT_API_BODY_MAX - x->body_n) {
        x->too_large = true;
        return x->came <= DROPPED_MAX;
    }
    if (x->body == NULL && (x->body = malloc(TKT_API_BODY_MAX)) == NULL)
        return false;
    memcpy(x->body + x->body_n, bytes, n);
    x->body_n += n;
    return true;
}

/* ---- answering ------------------------------------------------------------------------------------------------------------ */

static enum MHD_Result send_response(exchange *x, unsigned status, struct MHD_Response *response)
{
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (atomic_load(&x->s->ending) != ENDING_NOT)
        MHD_add_response_header(response, "Connection", "close");
    if (strcmp(x->method, "HEAD") == 0)
        x->sent = 0;
    x->status = status;
    enum MHD_Result result = MHD_queue_response(x->connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result send_problem(exchange *x, unsigned status, const char *code, const char *detail)
{
    char body[512];
    int n = snprintf(body, sizeof body,
                     "{\"type\":\"about:blank\",\"title\":\"The request can't be served as it is\",\"status\":%u,\"code\":\"%s\","
                     "\"detail\":\"%s\",\"causes\":[]}", status, code, detail);
    struct MHD_Response *response = MHD_create_response_from_buffer((size_t)n, body, MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", "application/problem+json");
    MHD_add_response_header(response, "Cache-Control", "no-store");
    x->sent = (uint64_t)n;
    if (status == 429 || status == 503)
        MHD_add_response_header(response, "Retry-After", "1");
    return send_response(x, status, response);
}

static void free_answer(void *answer)
{
    tkt_api_response_free(answer);
}

/* Where the library asks for a NUL, header texts are copied into room of our own. */
static void add_headers(struct MHD_Response *response, const tkt_api_response *answer)
{
    char name[64], value[17000];
    tkt_text n, v;
    for (uint32_t i = 0; tkt_api_response_header(answer, i, &n, &v) == TKT_DONE; i++) {
        if (n.len >= sizeof name || v.len >= sizeof value)
            continue;
        memcpy(name, n.ptr, n.len);
        memcpy(value, v.ptr, v.len);
        name[n.len] = value[v.len] = '\0';
        MHD_add_response_header(response, name, value);
    }
}

static ssize_t nothing(void *of, uint64_t at, char *to, size_t most)
{
    (void)of, (void)at, (void)to, (void)most;
    return MHD_CONTENT_READER_END_OF_STREAM;
}

static bool is_stream(const tkt_api_response *answer)
{
    static const char type[] = "text/event-stream";
    tkt_text n, v;
    for (uint32_t i = 0; tkt_api_response_header(answer, i, &n, &v) == TKT_DONE; i++)
        if (v.len == sizeof type - 1 && memcmp(v.ptr, type, sizeof type - 1) == 0)
            return true;
    return false;
}

/* A stream that is only asked about has no length to tell (RFC 9110, 8.6). The library would write the end of a chunked body
 * here, which HEAD does not have: the connection ends instead. */
static enum MHD_Result send_bare(exchange *x, tkt_api_response *answer)
{
    unsigned status = tkt_api_response_status(answer);
    struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16, nothing, NULL, NULL);
    if (response != NULL) {
        MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
        add_headers(response, answer);
    }
    tkt_api_response_free(answer);
    return send_response(x, status, response);
}

static enum MHD_Result send_answer(exchange *x, tkt_api_response *answer)
{
    unsigned status = tkt_api_response_status(answer);
    tkt_text body = tkt_api_response_body(answer);
    struct MHD_Response *response;
    if (strcmp(x->method, "HEAD") == 0 && is_stream(answer))
        return send_bare(x, answer);
    if (tkt_api_response_streams(answer)) {
        response = stream_response(x, answer);
        if (response != NULL)
            add_headers(response, answer);
        return send_response(x, status, response);
    }
    /* The body lives in the answer, which goes when the last byte has gone. */
    response = MHD_create_response_from_buffer_with_free_callback_cls(body.len, (void *)(uintptr_t)(body.ptr != NULL ? body.ptr : ""),
                                                                      free_answer, answer);
    if (response == NULL) {
        tkt_api_response_free(answer);
        return MHD_NO;
    }
    x->sent = body.len;
    add_headers(response, answer);
    return send_response(x, status, response);
}

void http_handle(exchange *x)
{
    tkt_api_request request;
    tkt_api_request_init(&request);
    MHD_get_connection_values(x->connection, MHD_HEADER_KIND, add_header, x);
    request.headers = x->headers;
    request.header_count = x->header_count;
    request.method = (tkt_text){ x->method, strlen(x->method) };
    request.path = (tkt_text){ x->url, strlen(x->url) };
    request.query = (tkt_text){ x->query, strlen(x->query) };
    request.body = (tkt_text){ x->body, x->body_n };
    request.context = x;
    x->handled = true;
    if (tkt_api_handle(x->s->api, &request, &x->reply) != TKT_DONE)
        x->reply = NULL;
}

static enum MHD_Result reply(exchange *x)
{
    tkt_api_response *answer = x->reply;
    x->answered = true;
    x->reply = NULL;
    return answer != NULL ? send_answer(x, answer) : send_problem(x, 503, "nomem", "the service has no memory left for this");
}

static enum MHD_Result refuse(exchange *x, unsigned status, const char *code, const char *detail)
{
    x->answered = true;
    return send_problem(x, status, code, detail);
}

static enum MHD_Result refuse_ending(exchange *x)
{
    return refuse(x, 503, "ending", "this process is ending: come again");
}

/* The answer comes before the body, and ends the connection. */
static enum MHD_Result framed(exchange *x, const char *version)
{
    framing f = { 0 };
    MHD_get_connection_values(x->connection, MHD_HEADER_KIND, count_lines, &f);
    bool host = f.hosts == 1 || (f.hosts == 0 && strcmp(version, "HTTP/1.1") != 0);
    if (atomic_load(&x->s->ending) != ENDING_NOT)
        return refuse_ending(x);
    if (f.bad || !host || f.codings > 1 || f.lengths + (f.codings != 0) > 1)
        return refuse(x, 400, "bad_request", "a request has one Host, and one Content-Length or Transfer-Encoding at most");
    if (f.strange)
        return refuse(x, 501, "bad_coding", "a body is sent as it is, or chunked");
    if (f.length > DROPPED_MAX)
        return refuse(x, 413, "body_too_large", "a body has at most 65536 bytes");
    return MHD_YES;
}

/* False: it is too late, nothing is begun any more. Counted first, so that whoever ends the process sees it or is seen. */
static bool work_begins(exchange *x)
{
    x->working = true;
    atomic_fetch_add(&x->s->working, 1);
    return atomic_load(&x->s->ending) != ENDING_ALL_REFUSED;
}

/* Once the body is there; again when a payer has handled it. */
static enum MHD_Result answer(exchange *x)
{
    unsigned status = 200;
    bool reads = strcmp(x->method, "GET") == 0 || strcmp(x->method, "HEAD") == 0, sleeps = x->sleeps;
    if (!x->working && !work_begins(x))
        return refuse_ending(x);
    if (!sleeps && !limit_allows(x, !reads))
        return refuse(x, 429, "too_many_requests", "this address asks too often");
    if (x->too_large)
        return refuse(x, 413, "body_too_large", "a body has at most 65536 bytes");
    if (!sleeps && payers_wanted(x)) {
        x->sleeps = true;
        if (payers_take(x))
            return MHD_YES;
    }
    if (x->sleeps)
        return x->handled ? reply(x) : refuse(x, 503, "busy", "too many payments are under way: come again");
    struct MHD_Response *page = reads ? page_for(x, x->url, &status) : NULL;
    x->answered = true;
    if (page != NULL)
        return send_response(x, status, page);
    http_handle(x);
    return reply(x);
}

enum MHD_Result http_answer(void *s, struct MHD_Connection *connection, const char *url, const char *method,
                            const char *version, const char *upload, size_t *upload_n, void **context)
{
    exchange *x = *context;
    (void)s, (void)connection, (void)url;
    if (x == NULL)
        return MHD_NO; /* there was no memory for it */
    if (x->method == NULL) {
        head(x, method);
        return framed(x, version);
    }
    if (*upload_n > 0) {
        bool good = add_body(x, upload, *upload_n);
        *upload_n = 0;
        return good ? MHD_YES : MHD_NO;
    }
    return x->answered ? MHD_YES : answer(x);
}

void http_ended(void *s, struct MHD_Connection *connection, void **context, enum MHD_RequestTerminationCode why)
{
    exchange *x = *context;
    (void)s, (void)connection, (void)why;
    if (x == NULL)
        return;
    log_access(x);
    atomic_fetch_sub(&x->s->under_way, x->under_way);
    atomic_fetch_sub(&x->s->working, x->working);
    tkt_api_response_free(x->reply); /* the client had gone */
    free(x->body);
    free(x);
    *context = NULL;
}
