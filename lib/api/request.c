/* SPDX-License-Identifier: MIT
 *
 * api/request.c: what is in a request: path segments, parameters, headers, the JSON body, the idempotency key.
 *
 * Everything comes from strangers: lengths are bounded by the names in ticketing/api.h, percent-escapes are decoded
 * once, what is not UTF-8 or has a NUL is refused, and numbers are whole and in range or a problem is answered.
 */
#include "api/api.h"

#include <stdlib.h>
#include <strings.h>

#include "base/json.h"

#define KEY_TEXT_MAX 255

bool tkt__text_is(tkt_text text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0;
}

/* ---- percent-escapes ------------------------------------------------------------------------------------------------ */

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Into c->decoded. False: a broken escape, no UTF-8, or a control character. */
static bool decode(tkt__call *c, const char *p, size_t n, bool plus, tkt_text *out)
{
    char *to = c->decoded + c->decoded_n;
    size_t m = 0;
    if (n > sizeof c->decoded - c->decoded_n)
        return false;
    for (size_t i = 0; i < n; i++) {
        char ch = p[i];
        if (ch == '%') {
            int high = n - i > 2 ? hex(p[i + 1]) : -1, low = n - i > 2 ? hex(p[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            ch = (char)(high << 4 | low);
            i += 2;
        } else if (plus && ch == '+')
            ch = ' ';
        if ((unsigned char)ch < 0x20 || ch == 0x7f)
            return false;
        to[m++] = ch;
    }
    *out = (tkt_text){ to, m };
    c->decoded_n += m;
    return m == 0 || tkt__utf8_valid(to, m);
}

/* ---- the whole --------------------------------------------------------------------------------------------------------- */

uint32_t tkt__request_check(tkt__call *c)
{
    const tkt_api_request *r = c->request;
    size_t header_bytes = 0;
    if (r->path.len > TKT_API_PATH_MAX || r->query.len > TKT_API_QUERY_MAX)
        return tkt__problem_say(c, 414, "uri_too_long", "a path has at most %d bytes, a query %d", TKT_API_PATH_MAX,
                                TKT_API_QUERY_MAX);
    for (uint32_t i = 0; i < r->header_count && i < TKT_API_HEADERS_MAX; i++)
        header_bytes += r->headers[i].name.len + r->headers[i].value.len;
    if (r->header_count > TKT_API_HEADERS_MAX || header_bytes > TKT_API_BODY_MAX)
        return tkt__problem_say(c, 431, "headers_too_large", "at most %d headers", TKT_API_HEADERS_MAX);
    if (r->body.len > TKT_API_BODY_MAX)
        return tkt__problem_say(c, 413, "body_too_large", "a body has at most %d bytes", TKT_API_BODY_MAX);
    return 0;
}

/* ---- path ---------------------------------------------------------------------------------------------------------------- */

uint32_t tkt__request_path(tkt__call *c)
{
    tkt_text path = c->request->path;
    if (path.len == 0 || path.ptr[0] != '/')
        return tkt__problem_say(c, 400, "bad_path", "a path begins with /");
    for (size_t at = 1; at <= path.len;) {
        size_t end = at;
        while (end < path.len && path.ptr[end] != '/')
            end++;
        if (c->segments_n == TKT__SEGMENTS_MAX)
            return tkt__problem_say(c, 404, "no_such_path", "nothing is so deep");
        if (!decode(c, path.ptr + at, end - at, false, &c->segments[c->segments_n]))
            return tkt__problem_say(c, 400, "bad_path", "the path is no percent-encoded UTF-8 text");
        if (end > at || end < path.len) /* a last slash counts for nothing */
            c->segments_n++;
        at = end + 1;
    }
    return 0;
}

/* ---- query ---------------------------------------------------------------------------------------------------------------- */

uint32_t tkt__request_query(tkt__call *c)
{
    tkt_text q = c->request->query;
    for (size_t at = 0; at < q.len;) {
        size_t end = at, equal;
        while (end < q.len && q.ptr[end] != '&')
            end++;
        for (equal = at; equal < end && q.ptr[equal] != '=';)
            equal++;
        if (end > at) {
            tkt__param *p = &c->params[c->params_n];
            if (c->params_n == TKT__PARAMS_MAX)
                return tkt__problem_say(c, 400, "too_many_parameters", "at most %d parameters", TKT__PARAMS_MAX);
            size_t value = equal < end ? equal + 1 : end;
            if (!decode(c, q.ptr + at, equal - at, true, &p->name) || !decode(c, q.ptr + value, end - value, true, &p->value))
                return tkt__problem_say(c, 400, "bad_query", "the query is no percent-encoded UTF-8 text");
            c->params_n++;
        }
        at = end + 1;
    }
    return 0;
}

const tkt__param *tkt__param_of(const tkt__call *c, const char *name)
{
    for (uint32_t i = 0; i < c->params_n; i++)
        if (tkt__text_is(c->params[i].name, name))
            return &c->params[i];
    return NULL;
}

/* Decimal digits, with a sign. */
bool tkt__whole_number(const char *p, size_t n, int64_t *out)
{
    bool minus = n > 0 && p[0] == '-';
    int64_t value = 0;
    size_t i = minus;
    if (i == n || n - i > 19)
        return false;
    for (; i < n; i++) {
        if (p[i] < '0' || p[i] > '9' || !tkt__mul_i64(value, 10, &value) ||
            !tkt__add_i64(value, minus ? -(p[i] - '0') : p[i] - '0', &value))
            return false;
    }
    *out = value;
    return true;
}

static bool in_range(tkt__call *c, const char *name, bool whole, int64_t value, int64_t low, int64_t high)
{
    if (whole && value >= low && value <= high)
        return true;
    tkt__problem_say(c, 400, "bad_value", "%s is a whole number of %lld to %lld", name, (long long)low, (long long)high);
    return false;
}

bool tkt__param_i64(tkt__call *c, const char *name, int64_t low, int64_t high, int64_t *out)
{
    const tkt__param *p = tkt__param_of(c, name);
    int64_t value = 0;
    if (p == NULL || p->value.len == 0)
        return true;
    bool whole = tkt__whole_number(p->value.ptr, p->value.len, &value);
    if (!in_range(c, name, whole, value, low, high))
        return false;
    *out = value;
    return true;
}

/* An end that is a plain date means its whole day. */
bool tkt__param_instant(tkt__call *c, const char *name, bool end, int64_t *out)
{
    const tkt__param *p = tkt__param_of(c, name);
    int32_t date_only = 0;
    if (p == NULL || p->value.len == 0)
        return true;
    if (tkt_instant_parse(p->value.ptr, p->value.len, out, NULL, &date_only) != TKT_DONE) {
        tkt__problem_say(c, 400, "bad_value", "%s is a date, or an instant as in 2027-03-01T20:00:00Z", name);
        return false;
    }
    if (end && date_only)
        *out += INT64_C(86400000);
    return true;
}

/* ---- headers ---------------------------------------------------------------------------------------------------------------- */

static char lower(char ch)
{
    return ch >= 'A' && ch <= 'Z' ? (char)(ch + 32) : ch;
}

static bool same_name(tkt_text given, const char *name)
{
    size_t n = strlen(name), k = 0;
    while (given.len == n && k < n && lower(given.ptr[k]) == name[k])
        k++;
    return given.len == n && k == n;
}

bool tkt__request_line(const tkt__call *c, const char *name, uint32_t *at, tkt_text *value)
{
    while (*at < c->request->header_count) {
        const tkt_api_header *h = &c->request->headers[(*at)++];
        if (same_name(h->name, name)) {
            *value = h->value;
            return true;
        }
    }
    return false;
}

tkt_text tkt__request_header(const tkt__call *c, const char *name)
{
    tkt_text value = { NULL, 0 };
    uint32_t at = 0;
    tkt__request_line(c, name, &at, &value);
    return value;
}

static tkt_text trimmed(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return (tkt_text){ p, (size_t)(end - p) };
}

/* The text up to a mark, trimmed; *p gets behind the mark. */
static tkt_text piece(const char **p, const char *end, char mark)
{
    const char *at = *p, *stop = memchr(at, mark, (size_t)(end - at));
    stop = stop != NULL ? stop : end;
    *p = stop < end ? stop + 1 : end;
    return trimmed(at, stop);
}

/* "q=0.25" in thousandths, −1: another parameter. What is no weight weighs nothing. */
static int32_t weight_of(tkt_text parameter)
{
    int32_t value = 0, unit = 1000;
    if (parameter.len < 2 || lower(parameter.ptr[0]) != 'q' || parameter.ptr[1] != '=')
        return -1;
    for (size_t i = 2; i < parameter.len && i < 7; i++) {
        if (i == 3 && parameter.ptr[i] == '.')
            continue;
        if (parameter.ptr[i] < '0' || parameter.ptr[i] > '9')
            return 0;
        value += (parameter.ptr[i] - '0') * unit;
        unit /= 10;
    }
    return value < 1000 ? value : 1000;
}

/* How exactly a media range means a type: 3 by name, 2 by its kind, 1 as anything, 0 not at all. */
static int32_t precision(tkt_text range, const char *type)
{
    const char *slash = strchr(type, '/');
    size_t kind = (size_t)(slash - type) + 1;
    if (same_name(range, type))
        return 3;
    if (range.len == kind + 1 && range.ptr[kind] == '*' && strncasecmp(range.ptr, type, kind) == 0)
        return 2;
    return range.len == 3 && memcmp(range.ptr, "*/*", 3) == 0 ? 1 : 0;
}

/* What Accept gives a type, in thousandths, by the range that means it most exactly, and how exactly (RFC 9110, 12.5.1). */
static int32_t quality(const tkt__call *c, const char *type, int32_t *precise)
{
    tkt_text line;
    int32_t best = 0;
    *precise = 0;
    for (uint32_t at = 0; tkt__request_line(c, "accept", &at, &line);)
        for (const char *p = line.ptr, *end = line.ptr + line.len; p < end;) {
            tkt_text range = piece(&p, end, ',');
            const char *q = range.ptr, *stop = range.ptr + range.len;
            int32_t means = precision(piece(&q, stop, ';'), type), weight = 1000;
            while (q < stop) {
                int32_t given = weight_of(piece(&q, stop, ';'));
                weight = given >= 0 ? given : weight;
            }
            if (means > *precise || (means == *precise && means > 0 && weight > best)) {
                *precise = means;
                best = weight;
            }
        }
    return best;
}

uint32_t tkt__accepted(const tkt__call *c, const char *const *types, uint32_t n)
{
    int32_t precise, best_precise, best = quality(c, types[0], &best_precise);
    uint32_t chosen = 0;
    for (uint32_t i = 1; i < n; i++) {
        int32_t weight = quality(c, types[i], &precise);
        if (weight > best || (weight == best && weight > 0 && precise > best_precise)) {
            chosen = i;
            best = weight;
            best_precise = precise;
        }
    }
    return chosen;
}

/* A key of a caller is one of his role, scope and of one operation: what another says by chance or by intent is another
 * key. Whom the host can't tell from others has none: it would give him what another of that key got. */
bool tkt__request_key(tkt__call *c, const char *operation, uint8_t key[TKT_KEY_BYTES])
{
    tkt_text given = tkt__request_header(c, "idempotency-key");
    uint8_t bytes[1024], salt[TKT_SALT_BYTES];
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    memset(key, 0, TKT_KEY_BYTES);
    if (given.ptr == NULL)
        return true;
    if (given.len == 0) {
        tkt__problem_say(c, 400, "bad_value", "Idempotency-Key is empty");
        return false;
    }
    if (c->nobody)
        return tkt__problem_who(c, "an Idempotency-Key needs a session: say who you are") == 0;
    if (given.len > KEY_TEXT_MAX || tkt_store_salt(c->api->store, salt) != TKT_DONE) {
        tkt__problem_say(c, 400, "bad_value", "Idempotency-Key has at most %d bytes", KEY_TEXT_MAX);
        return false;
    }
    size_t scope_n = c->caller.scope.len < 256 ? c->caller.scope.len : 256;
    tkt__put_bytes(&w, salt, sizeof salt);
    tkt__put_bytes(&w, c->caller.buyer_key, TKT_BUYER_BYTES);
    tkt__put_u64(&w, c->caller.user_id);
    tkt__put_u32(&w, c->caller.role);
    tkt__put_text(&w, c->caller.scope.ptr, scope_n);
    tkt__put_text(&w, operation, strlen(operation));
    tkt__put_text(&w, given.ptr, given.len);
    tkt__fingerprint(bytes, w.n, key);
    return true;
}

/* ---- body ------------------------------------------------------------------------------------------------------------------- */

bool tkt__members_are(tkt__call *c, const char *const *known)
{
    for (size_t i = 0; c->body != NULL && i < c->body->u.object.len; i++) {
        const char *const *k = known;
        while (*k != NULL && strcmp(*k, c->body->u.object.keys[i]) != 0)
            k++;
        if (*k == NULL) {
            tkt__problem_say(c, 400, "bad_value", "this call knows no member \"%.40s\"", c->body->u.object.keys[i]);
            return false;
        }
    }
    return true;
}

/* Of a member that stands there twice, one would count here and the other for whoever looked before (RFC 8259, 4). */
static uint32_t once_each(tkt__call *c)
{
    const char **names = c->body->u.object.keys;
    if (c->body->u.object.len > TKT__MEMBERS_MAX)
        return tkt__problem_say(c, 400, "bad_json", "the body has at most %u members", TKT__MEMBERS_MAX);
    for (size_t i = 1; i < c->body->u.object.len; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(names[i], names[k]) == 0)
                return tkt__problem_say(c, 400, "bad_json", "the member \"%.40s\" stands there twice", names[i]);
    return 0;
}

uint32_t tkt__request_body(tkt__call *c)
{
    tkt_text body = c->request->body;
    char why[160], *text;
    uint64_t byte;
    if (body.len == 0)
        return 0;
    if (!tkt__utf8_valid(body.ptr, body.len))
        return tkt__problem_say(c, 400, "bad_json", "the body is not UTF-8");
    if (!tkt__json_whole(body.ptr, body.len, &byte))
        return tkt__problem_say(c, 400, "bad_json", "a NUL or half a character at byte %llu", (unsigned long long)byte);
    if (!tkt__json_shallow(body.ptr, body.len, TKT__DEPTH_MAX, &byte))
        return tkt__problem_say(c, 400, "bad_json", "the body is nested deeper than %d at byte %llu", TKT__DEPTH_MAX,
                                (unsigned long long)byte);
    text = tkt__alloc(&c->api->store->hooks, body.len + 1);
    if (text == NULL)
        return tkt__problem_of(c, tkt__fail(TKT_E_NOMEM, "no memory for a body"));
    memcpy(text, body.ptr, body.len);
    text[body.len] = '\0';
    c->body = yajl_tree_parse(text, why, sizeof why);
    tkt__free(&c->api->store->hooks, text, body.len + 1);
    if (c->body == NULL)
        return tkt__problem_say(c, 400, "bad_json", "the body is no JSON at byte %llu",
                                (unsigned long long)tkt__json_error_byte(body.ptr, body.len));
    return YAJL_IS_OBJECT(c->body) ? once_each(c) : tkt__problem_say(c, 400, "bad_json", "the body is a JSON object");
}

yajl_val tkt__member(const tkt__call *c, const char *name)
{
    return c->body != NULL ? tkt__json_member(c->body, name) : NULL;
}

bool tkt__number_of(yajl_val v, int64_t *out)
{
    const char *text = YAJL_IS_NUMBER(v) ? YAJL_GET_NUMBER(v) : NULL;
    return text != NULL && tkt__whole_number(text, strlen(text), out);
}

bool tkt__member_i64(tkt__call *c, const char *name, int64_t low, int64_t high, int64_t *out)
{
    yajl_val v = tkt__member(c, name);
    int64_t value = 0;
    if (v == NULL || YAJL_IS_NULL(v))
        return true;
    bool whole = tkt__number_of(v, &value);
    if (!in_range(c, name, whole, value, low, high))
        return false;
    *out = value;
    return true;
}
