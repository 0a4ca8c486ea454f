/* SPDX-License-Identifier: MIT
 *
 * api/respond.c: the answer: status, headers, problems (RFC 9457) with their causes, entity tags (RFC 9110, 8.8.3).
 *
 * An entity tag is the XXH3-128 of the body: whatever changes one byte of an answer changes it, be it a price, a venue's
 * name or a hold whose time is over, which no counter of the store would tell.
 */
#include "api/api.h"

#include <stdarg.h>
#include <stdio.h>

#define RETRY_SECONDS "1"
#define PROBLEM_TYPE "application/problem+json"
#define DETAIL_BYTES 384

/* ---- headers --------------------------------------------------------------------------------------------------------- */

static void header(tkt__call *c, const char *name, tkt_text value)
{
    tkt_api_response *r = c->response;
    if (r->headers_n < TKT__RESPONSE_HEADERS)
        r->headers[r->headers_n++] = (tkt_api_header){ { name, strlen(name) }, value };
}

void tkt__header_static(tkt__call *c, const char *name, const char *value)
{
    header(c, name, (tkt_text){ value, strlen(value) });
}

void tkt__header_format(tkt__call *c, const char *name, const char *format, ...)
{
    tkt_api_response *r = c->response;
    size_t left = sizeof r->made - r->made_n;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(r->made + r->made_n, left, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= left)
        return; /* a header that finds no room is left out: none of ours carries what must be known */
    header(c, name, (tkt_text){ r->made + r->made_n, (size_t)n });
    r->made_n += (size_t)n + 1;
}

/* ---- JSON bodies -------------------------------------------------------------------------------------------------------- */

tkt__json *tkt__answer_json(tkt__call *c)
{
    tkt__json_end(&c->json);
    c->response->body.n = 0;
    c->response->body.failed = false;
    tkt__json_begin(&c->json, &c->response->body);
    return &c->json;
}

uint32_t tkt__answered(tkt__call *c, uint32_t status, const char *type)
{
    tkt__json_end(&c->json);
    if (c->response->body.failed) {
        if (status == 500)
            return status; /* not even a problem fits */
        c->response->body.failed = false;
        return tkt__problem_of(c, tkt__fail(TKT_E_NOMEM, "no memory for an answer"));
    }
    tkt__header_static(c, "Content-Type", type);
    c->response->status = status;
    return status;
}

/* Whether a list of tags has this one; `weak`: in either form (RFC 9110, 13.1.2). */
static bool lists(tkt_text line, const char *tag, size_t n, bool weak)
{
    for (const char *p = line.ptr, *end = line.ptr + line.len; p < end;) {
        bool is_weak = *p == 'W' && end - p > 1 && p[1] == '/';
        p += is_weak ? 2 : 0;
        const char *close = p < end && *p == '"' ? memchr(p + 1, '"', (size_t)(end - p - 1)) : NULL;
        if (close == NULL) {
            p++; /* a comma, a blank, or what is no tag */
            continue;
        }
        if ((size_t)(close + 1 - p) == n && memcmp(p, tag, n) == 0 && (weak || !is_weak))
            return true;
        p = close + 1;
    }
    return false;
}

static bool is_star(tkt_text line)
{
    size_t n = line.len;
    while (n > 0 && (line.ptr[n - 1] == ' ' || line.ptr[n - 1] == '\t'))
        n--;
    return n == 1 && line.ptr[0] == '*';
}

/* Whether the lines of a condition name the tag: If-Match a strong one (RFC 9110, 13.1.1). *any: there are such lines. */
static bool names(const tkt__call *c, const char *condition, const char *tag, size_t n, bool *any)
{
    tkt_text line;
    bool named = false, weak = strcmp(condition, "if-match") != 0;
    *any = false;
    for (uint32_t at = 0; tkt__request_line(c, condition, &at, &line); *any = true)
        named = named || is_star(line) || lists(line, tag, n, weak);
    return named;
}

uint32_t tkt__precondition(tkt__call *c)
{
    bool any, named = names(c, "if-match", "", 0, &any);
    return any && !named ? tkt__problem_say(c, 412, "precondition_failed", "nothing here is changed by its entity tag") : 0;
}

uint32_t tkt__answered_fresh(tkt__call *c, const char *type, const char *vary)
{
    uint8_t hash[TKT__FINGERPRINT_BYTES];
    char tag[2 * TKT__FINGERPRINT_BYTES + 3] = "\"";
    tkt__json_end(&c->json);
    tkt__buffer *body = &c->response->body;
    if (body->failed)
        return tkt__answered(c, 200, type);
    tkt__fingerprint(body->p, body->n, hash);
    tkt__hex_format(hash, sizeof hash, tag + 1);
    tag[sizeof tag - 2] = '"';
    tkt__header_format(c, "ETag", "%s", tag);
    tkt__header_format(c, "Cache-Control", "public, max-age=%lld, stale-while-revalidate=%lld",
                       (long long)c->api->options.fresh_ms / 1000, (long long)c->api->options.stale_ms / 1000);
    if (vary != NULL)
        tkt__header_static(c, "Vary", vary);
    bool any;
    if (!names(c, "if-match", tag, sizeof tag - 1, &any) && any)
        return tkt__problem_say(c, 412, "precondition_failed", "what If-Match names is no longer what there is");
    if (names(c, "if-none-match", tag, sizeof tag - 1, &any)) {
        body->n = 0;
        c->response->status = 304;
        return 304;
    }
    return tkt__answered(c, 200, type);
}

/* ---- problems ------------------------------------------------------------------------------------------------------------ */

static void problem_begin(tkt__call *c, uint32_t status, const char *code, const char *title, tkt_text detail)
{
    c->response->headers_n = 0;
    c->response->made_n = 0;
    tkt__json *j = tkt__answer_json(c);
    tkt__json_object(j, NULL);
    tkt__json_word(j, "type", "about:blank");
    tkt__json_word(j, "title", title);
    tkt__json_u64(j, "status", status);
    tkt__json_word(j, "code", code);
    tkt__json_string(j, "detail", detail);
    tkt__header_static(c, "Cache-Control", "no-store");
}

uint32_t tkt__problem_say(tkt__call *c, uint32_t status, const char *code, const char *format, ...)
{
    char detail[DETAIL_BYTES];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof detail ? (size_t)n : sizeof detail - 1;
    tkt__utf8_mend(detail, len); /* where a name was cut */
    problem_begin(c, status, code, status < 500 ? "The request can't be served as it is" : "The service can't answer now",
                  (tkt_text){ detail, len });
    tkt__json_array(&c->json, "causes");
    tkt__json_array_end(&c->json);
    tkt__json_object_end(&c->json);
    return tkt__answered(c, status, PROBLEM_TYPE);
}

uint32_t tkt__problem_who(tkt__call *c, const char *why)
{
    uint32_t status = tkt__problem_say(c, 401, "unauthorized", "%s", why);
    tkt__header_static(c, "WWW-Authenticate", "Bearer");
    return status;
}

static uint32_t refusal_status(int32_t status)
{
    switch (status) {
    case TKT_NOT_FOUND: return 404;
    case TKT_EXPIRED:
    case TKT_RELEASED: return 410;
    case TKT_DECLINED: return 402;
    case TKT_NOT_ADMITTED: return 403;
    case TKT_KEY_REUSED: return 422;
    default: return 409;
    }
}

static uint32_t failure_status(int32_t primary)
{
    switch (primary) {
    case TKT_E_INVALID:
    case TKT_E_PARSE:
    case TKT_E_LIMIT:
    case TKT_E_OVERFLOW: return 400;
    case TKT_E_FULL: return 507;
    case TKT_E_READ_ONLY:
    case TKT_E_NO_PAYMENT:
    case TKT_E_UPGRADE:
    case TKT_E_BUSY:
    case TKT_E_CONFLICT:
    case TKT_E_UNAVAILABLE:
    case TKT_E_UNKNOWN:
    case TKT_E_TOO_OLD:
    case TKT_E_READERS:
    case TKT_E_CLOCK: return 503;
    case TKT_E_FENCED: return 410;
    default: return 500;
    }
}

static void causes_out(tkt__json *j, const tkt_error *error)
{
    uint32_t kept = error->causes < TKT_ERROR_CAUSES ? error->causes : TKT_ERROR_CAUSES;
    tkt__json_array(j, "causes");
    for (uint32_t i = 0; i < kept; i++) {
        tkt_cause cause = { .size = sizeof cause };
        if (tkt_error_cause(i, &cause) != TKT_DONE)
            break;
        tkt__json_object(j, NULL);
        tkt__json_word(j, "cause", tkt_cause_name(cause.kind));
        if (cause.id != 0)
            tkt__json_u64(j, "id", cause.id);
        if (cause.unit != 0)
            tkt__json_u64(j, "unit", cause.unit);
        if (cause.limit != 0)
            tkt__json_i64(j, "limit", cause.limit);
        if (cause.have != 0)
            tkt__json_i64(j, "have", cause.have);
        if (cause.asked != 0)
            tkt__json_i64(j, "asked", cause.asked);
        if (cause.earliest_ms != 0)
            tkt__json_instant(j, "earliest", cause.earliest_ms);
        tkt__json_object_end(j);
    }
    tkt__json_array_end(j);
}

/* What went wrong inside is logged, not told: paths and numbers of the machine are no caller's business. */
static tkt_text detail_of(tkt__call *c, int32_t status, uint32_t http, const tkt_error *error)
{
    if (http < 500 || http == 507)
        return (tkt_text){ error->text, error->text_bytes };
    tkt__log(&c->api->store->hooks, TKT_LOG_ERROR, "%s: %s", tkt_status_name(status), error->text);
    const char *text = tkt_status_text(status);
    return (tkt_text){ text, strlen(text) };
}

uint32_t tkt__problem_of(tkt__call *c, int32_t status)
{
    tkt_error error = TKT_ERROR_INIT;
    uint32_t http = status > 0 ? refusal_status(status) : failure_status(tkt_status_primary(status));
    if (tkt_error_copy(&error) != TKT_DONE || error.status != status) {
        error.causes = 0;
        snprintf(error.text, sizeof error.text, "%s", tkt_status_text(status));
        error.text_bytes = (uint32_t)strlen(error.text);
    }
    problem_begin(c, http, tkt_status_name(status), tkt_status_text(status), detail_of(c, status, http, &error));
    if (http == 503)
        tkt__header_static(c, "Retry-After", RETRY_SECONDS);
    causes_out(&c->json, &error);
    tkt__json_object_end(&c->json);
    return tkt__answered(c, http, PROBLEM_TYPE);
}

/* ---- reading ------------------------------------------------------------------------------------------------------------------ */

bool tkt__read(tkt__call *c)
{
    int32_t status = c->snapshot != NULL ? TKT_DONE : tkt_snapshot_begin(c->api->store, &c->snapshot);
    if (status != TKT_DONE)
        tkt__problem_of(c, status);
    return status == TKT_DONE;
}

bool tkt__is_staff(const tkt__call *c)
{
    return c->caller.role >= TKT_ROLE_STAFF;
}
