/* SPDX-License-Identifier: MIT
 *
 * api/search.c: searches by parameters: a page of events, how many of which kind (facets), what a beginning may mean.
 *
 * The page is a bare array, as the contract wants it; what else there is to say stands in headers: X-Total-Count,
 * X-Total-Is-Lower-Bound, X-Next-Cursor, Link (RFC 8288). docs/api.md lists the parameters.
 */
#include "api/api.h"

#include <stdio.h>

#include "search/cache.h"
#include "text/analyse.h"

#define PAGE_SIZE 20
#define LINK_QUERY_MAX 2048 /* longer queries get no links */
#define NEXT_TEXT_MAX 1024  /* of a cursor in a link */
#define HIGHLIGHT_WORDS 64
#define RADIUS_MAX_M 40000000

/* ---- the query --------------------------------------------------------------------------------------------------------- */

static bool done(tkt__call *c, int32_t status)
{
    if (status != TKT_DONE)
        tkt__problem_of(c, status);
    return status == TKT_DONE;
}

static bool bad(tkt__call *c, const char *name, const char *rule)
{
    tkt__problem_say(c, 400, "bad_value", "%s %s", name, rule);
    return false;
}

/* Degrees × 10^7 from a decimal of at most `most` degrees. */
static bool degrees(const char *p, size_t n, int64_t most, int64_t *out)
{
    bool minus = n > 0 && *p == '-', point = false;
    int64_t value = 0;
    int decimals = 0;
    size_t i = minus;
    if (i == n || (p[i] == '.' && i + 1 == n))
        return false;
    for (; i < n; i++) {
        if (p[i] == '.' && !point)
            point = true;
        else if (p[i] < '0' || p[i] > '9' || value > INT64_C(100000000000))
            return false;
        else if (!point || decimals < 7) {
            value = value * 10 + (p[i] - '0');
            decimals += point;
        }
    }
    for (; decimals < 7; decimals++)
        value *= 10;
    *out = minus ? -value : value;
    return value <= most * 10000000;
}

static bool near_in(tkt__call *c, tkt_query *q)
{
    const tkt__param *p = tkt__param_of(c, "near");
    int64_t latitude, longitude, radius = 0;
    size_t comma = 0;
    if (!tkt__param_i64(c, "radius", 0, RADIUS_MAX_M, &radius))
        return false;
    if (p == NULL || p->value.len == 0)
        return radius == 0 || bad(c, "radius", "needs near");
    while (comma < p->value.len && p->value.ptr[comma] != ',')
        comma++;
    if (comma == p->value.len || !degrees(p->value.ptr, comma, 90, &latitude) ||
        !degrees(p->value.ptr + comma + 1, p->value.len - comma - 1, 180, &longitude))
        return bad(c, "near", "is LATITUDE,LONGITUDE in degrees");
    return done(c, tkt_query_set_near(q, (int32_t)latitude, (int32_t)longitude, radius));
}

static bool price_in(tkt__call *c, tkt_query *q)
{
    static const char *const names[] = { "minPrice", "maxPrice" };
    int64_t bounds[] = { INT64_MIN, INT64_MAX };
    const tkt__param *currency = tkt__param_of(c, "currency");
    char code[TKT_CURRENCY_BYTES] = "EUR"; /* two decimals, where none is named */
    bool any = false;
    if (currency != NULL && currency->value.len == 0)
        currency = NULL;
    if (currency != NULL && currency->value.len == 3)
        memcpy(code, currency->value.ptr, 3);
    if (currency != NULL && (currency->value.len != 3 || !tkt__currency_valid(code)))
        return bad(c, "currency", "is three capital letters of ISO 4217");
    for (int i = 0; i < 2; i++) {
        const tkt__param *p = tkt__param_of(c, names[i]);
        if (p == NULL || p->value.len == 0)
            continue;
        if (tkt_amount_parse(p->value.ptr, p->value.len, code, &bounds[i]) != TKT_DONE)
            return bad(c, names[i], "is an amount as in 12.50");
        any = true;
    }
    return (!any && currency == NULL) || done(c, tkt_query_set_price(q, bounds[0], bounds[1],
                                               currency != NULL ? currency->value : (tkt_text){ NULL, 0 }));
}

/* Several of a kind widen. */
static bool filters_in(tkt__call *c, tkt_query *q)
{
    int64_t id;
    for (uint32_t i = 0; i < c->params_n; i++) {
        const tkt__param *p = &c->params[i];
        int32_t status = TKT_DONE;
        if (p->value.len == 0)
            continue;
        if (tkt__text_is(p->name, "city"))
            status = tkt_query_add_city(q, p->value);
        else if (tkt__text_is(p->name, "country"))
            status = tkt_query_add_country(q, p->value);
        else if (tkt__text_is(p->name, "category"))
            status = tkt_query_add_category(q, p->value);
        else if (tkt__text_is(p->name, "venueName"))
            status = tkt_query_add_venue_name(q, p->value);
        else if (tkt__text_is(p->name, "venue") || tkt__text_is(p->name, "performer")) {
            bool venue = tkt__text_is(p->name, "venue");
            if (!tkt__whole_number(p->value.ptr, p->value.len, &id) || id < 1 || id > (int64_t)TKT__ID_POSTING_MAX)
                return bad(c, venue ? "venue" : "performer", "is its number");
            status = venue ? tkt_query_add_venue(q, (uint64_t)id) : tkt_query_add_performer(q, (uint64_t)id);
        }
        if (!done(c, status))
            return false;
    }
    return true;
}

/* One of a few words; *out stays where the parameter is not given. */
static bool word_in(tkt__call *c, const char *name, const char *const *words, uint32_t *out)
{
    const tkt__param *p = tkt__param_of(c, name);
    if (p == NULL || p->value.len == 0)
        return true;
    for (uint32_t i = 0; words[i] != NULL; i++)
        if (tkt__text_is(p->value, words[i])) {
            *out = i;
            return true;
        }
    return bad(c, name, "has no such value: see /openapi.json");
}

static bool yes_in(tkt__call *c, const char *name, uint32_t *yes)
{
    static const char *const words[] = { "false", "true", NULL }, *const digits[] = { "0", "1", NULL };
    const tkt__param *p = tkt__param_of(c, name);
    return word_in(c, name, p != NULL && p->value.len == 1 ? digits : words, yes);
}

static bool words_in(tkt__call *c, tkt_query *q)
{
    static const char *const matches[] = { "all", "any", NULL }, *const autos[] = { "auto", "off", NULL };
    static const char *const sorts[] = { "auto", "date", "relevance", "distance", "price", NULL };
    uint32_t match = 0, prefix = 0, typo = 0, sort = 0, during = 0, available = 0;
    const tkt__param *words = tkt__param_of(c, "keyword"), *language = tkt__param_of(c, "language");
    int64_t at_least = 0;
    if (!word_in(c, "match", matches, &match) || !word_in(c, "prefix", autos, &prefix) || !word_in(c, "typo", autos, &typo) ||
        !word_in(c, "sort", sorts, &sort) || !yes_in(c, "during", &during) || !yes_in(c, "available", &available) ||
        !tkt__param_i64(c, "atLeast", 1, 1000000, &at_least))
        return false;
    int32_t status = words != NULL ? tkt_query_set_text(q, words->value) : TKT_DONE;
    if (status == TKT_DONE)
        status = tkt_query_set_match(q, match);
    if (status == TKT_DONE)
        status = tkt_query_set_prefix(q, prefix);
    if (status == TKT_DONE)
        status = tkt_query_set_typo(q, typo);
    if (status == TKT_DONE && language != NULL && tkt_query_set_language(q, language->value) != TKT_DONE)
        return bad(c, "language", "is one whose words this service can't stem");
    if (status == TKT_DONE)
        status = tkt_query_set_sort(q, sort);
    if (status == TKT_DONE)
        status = tkt_query_set_during(q, (int32_t)during);
    if (status == TKT_DONE && (available != 0 || at_least != 0))
        status = tkt_query_set_available(q, 1, (uint32_t)at_least);
    return done(c, status);
}

static bool window_in(tkt__call *c, tkt_query *q)
{
    int64_t from = INT64_MIN, to = INT64_MAX, last = INT64_MAX; /* as it is given: a day has its own beginning */
    if (!tkt__param_instant(c, "start", false, &from) || !tkt__param_instant(c, "end", true, &to) ||
        !tkt__param_instant(c, "end", false, &last))
        return false;
    if (from > last)
        return bad(c, "end", "is before start");
    return done(c, tkt_query_set_window(q, from, to));
}

static bool page_in(tkt__call *c, tkt_query *q, int64_t *page, int64_t *size)
{
    const tkt__param *cursor = tkt__param_of(c, "cursor");
    *page = 1;
    *size = PAGE_SIZE;
    if (!tkt__param_i64(c, "page", 1, UINT32_MAX, page) || !tkt__param_i64(c, "pageSize", 1, TKT_PAGE_SIZE_MAX, size))
        return false;
    int32_t status = tkt_query_set_page(q, (uint32_t)*page, (uint32_t)*size);
    if (status == TKT_DONE && cursor != NULL && cursor->value.len > 0)
        status = tkt_query_set_cursor(q, cursor->value);
    return done(c, status);
}

static bool query_in(tkt__call *c, tkt_query *q)
{
    return words_in(c, q) && window_in(c, q) && filters_in(c, q) && near_in(c, q) && price_in(c, q);
}

/* ---- highlights ------------------------------------------------------------------------------------------------------------- */

/* The query's words, as they are looked for: what is excluded is not, and one that is still typed also as a beginning. */
typedef struct marks {
    struct {
        uint8_t p[TKT__WORD_MAX];
        uint32_t n;
    } words[HIGHLIGHT_WORDS];
    uint32_t n, last_start; /* in its piece */
    bool open; /* the last one is still typed */
    /* what is being written */
    tkt__json *j;
    tkt_text text;
    size_t told;
} marks;

static int32_t note_word(void *user, const tkt__word *word)
{
    marks *m = user;
    if (word->kind == TKT__WORD_SIGNED && m->n > 0 && m->last_start == word->start)
        m->n--; /* C++ is looked for, and not C */
    if (m->n == HIGHLIGHT_WORDS)
        return TKT_NOT_FOUND;
    m->last_start = word->start;
    memcpy(m->words[m->n].p, word->p, word->n);
    m->words[m->n++].n = word->n;
    return TKT_DONE;
}

static void note_words(marks *m, tkt_text words)
{
    tkt__piece each;
    for (size_t at = 0; tkt__piece_next(words.ptr, words.len, &at, &each);) {
        m->open = each.open && !each.negative && !each.quoted;
        if (!each.negative)
            tkt__analyse(each.p, each.n, note_word, m);
    }
}

static bool is_marked(const marks *m, const tkt__word *word)
{
    for (uint32_t i = 0; i < m->n; i++) {
        uint32_t n = m->words[i].n;
        bool whole = n == word->n || (m->open && i + 1 == m->n && n < word->n);
        if (whole && memcmp(m->words[i].p, word->p, n) == 0)
            return true;
    }
    return false;
}

static void piece(marks *m, size_t from, size_t to, bool hit)
{
    if (from >= to)
        return;
    tkt__json_object(m->j, NULL);
    tkt__json_string(m->j, "text", (tkt_text){ m->text.ptr + from, to - from });
    tkt__json_bool(m->j, "hit", hit);
    tkt__json_object_end(m->j);
}

static int32_t mark_word(void *user, const tkt__word *word)
{
    marks *m = user;
    if (word->start < m->told || !is_marked(m, word))
        return TKT_DONE;
    piece(m, m->told, word->start, false);
    piece(m, word->start, word->end, true);
    m->told = word->end;
    return TKT_DONE;
}

/* The text cut into pieces that were looked for and others. */
static void highlight(marks *m, tkt__json *j, const char *key, tkt_text text)
{
    m->j = j;
    m->text = text;
    m->told = 0;
    tkt__json_array(j, key);
    tkt__analyse(text.ptr, text.len, mark_word, m);
    piece(m, m->told, text.len, false);
    tkt__json_array_end(j);
}

/* ---- the page ------------------------------------------------------------------------------------------------------------------ */

static int32_t hit_out(tkt__call *c, const tkt_hit *hit, marks *m)
{
    tkt_event event;
    tkt_event_init(&event);
    int32_t status = tkt_event_view(c->snapshot, hit->event_id, &event);
    if (status != TKT_DONE)
        return status;
    tkt__json_object(&c->json, NULL);
    tkt__json_event(c, &event, false);
    if (hit->distance_m >= 0)
        tkt__json_i64(&c->json, "distanceMetres", hit->distance_m);
    if (m != NULL)
        highlight(m, &c->json, "highlight", event.name);
    tkt__json_object_end(&c->json);
    return TKT_DONE;
}

static bool add_encoded(char *out, size_t cap, size_t *n, tkt_text text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~,:", digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool same = c != '\0' && strchr(plain, c) != NULL;
        if (*n + 3 > cap)
            return false;
        if (!same)
            out[(*n)++] = '%';
        out[(*n)++] = same ? (char)c : digits[c >> 4];
        if (!same)
            out[(*n)++] = digits[c & 15];
    }
    return true;
}

/* The parameters as they were understood, without page and cursor. False: there is no room for them. */
static bool same_query(const tkt__call *c, char *out, size_t cap, size_t *n)
{
    *n = 0;
    for (uint32_t i = 0; i < c->params_n; i++) {
        const tkt__param *p = &c->params[i];
        if (tkt__text_is(p->name, "page") || tkt__text_is(p->name, "cursor"))
            continue;
        if (!add_encoded(out, cap, n, p->name) || *n + 2 > cap)
            return false;
        out[(*n)++] = '=';
        if (!add_encoded(out, cap, n, p->value) || *n + 1 > cap)
            return false;
        out[(*n)++] = '&';
    }
    return true;
}

/* One link; the query's own text is at most LINK_QUERY_MAX, a base_url what the host gave. */
static void link_to(tkt__call *c, tkt__buffer *to, const char *query, size_t len, const char *where, const char *rel)
{
    tkt__buffer_text(to, to->n > 0 ? ", <" : "<");
    tkt__buffer_text(to, c->api->base);
    tkt__buffer_text(to, "/events/search?");
    tkt__buffer_add(to, query, len);
    tkt__buffer_text(to, where);
    tkt__buffer_text(to, ">; rel=\"");
    tkt__buffer_text(to, rel);
    tkt__buffer_text(to, "\"");
}

static void page_link(tkt__call *c, tkt__buffer *to, const char *query, size_t len, int64_t page, const char *rel)
{
    char where[32];
    snprintf(where, sizeof where, "page=%lld", (long long)page);
    link_to(c, to, query, len, where, rel);
}

static void links(tkt__call *c, const tkt_total *total, int64_t page, int64_t size, tkt_text next)
{
    char query[LINK_QUERY_MAX], where[NEXT_TEXT_MAX + 8];
    tkt__buffer text = { .hooks = &c->api->store->hooks };
    size_t len;
    if (!same_query(c, query, sizeof query, &len))
        return;
    int64_t last = total->total == 0 ? 1 : ((int64_t)total->total + size - 1) / size;
    page_link(c, &text, query, len, 1, "first");
    if (page > 1)
        page_link(c, &text, query, len, page - 1 < last || total->lower_bound != 0 ? page - 1 : last, "prev");
    if (next.len > 0 && (page + 1) * size <= TKT_PAGE_DEPTH_MAX && tkt__param_of(c, "cursor") == NULL)
        page_link(c, &text, query, len, page + 1, "next");
    else if (next.len > 0 && next.len <= NEXT_TEXT_MAX) {
        snprintf(where, sizeof where, "cursor=%.*s", (int)next.len, next.ptr);
        link_to(c, &text, query, len, where, "next");
    }
    if (last * size <= TKT_PAGE_DEPTH_MAX && total->lower_bound == 0)
        page_link(c, &text, query, len, last, "last");
    if (!text.failed)
        tkt__header_format(c, "Link", "%.*s", (int)text.n, (const char *)text.p);
    tkt__buffer_free(&text);
}

/* The page as somebody else was told it, while nothing that it tells has changed. */
static bool given_again(tkt__call *c, const tkt_results *results)
{
    tkt__slice text = tkt__results_text(results);
    if (text.n > 0)
        tkt__buffer_add(&c->response->body, text.p, text.n);
    return text.n > 0;
}

/* A page is whole, or none: a snapshot may grow too old in the middle of it. */
static int32_t events_out(tkt__call *c, tkt_results *results, marks *m)
{
    tkt_hit hit = TKT_HIT_INIT;
    const tkt__buffer *body = &c->response->body;
    tkt__tx *still;
    int32_t status = TKT_DONE;
    tkt__json_array(tkt__answer_json(c), NULL);
    for (uint32_t i = 0; status == TKT_DONE && tkt_results_hit(results, i, &hit) == TKT_DONE; i++)
        status = hit_out(c, &hit, m);
    tkt__json_array_end(&c->json);
    if (status == TKT_DONE)
        status = tkt__snapshot_tx(c->snapshot, &still);
    if (status == TKT_DONE && m == NULL && !body->failed)
        tkt__cache_keep_text(c->api->store->search_cache, results, tkt__slice_of(body->p, body->n));
    return status;
}

static uint32_t page_out(tkt__call *c, tkt_results *results, int64_t page, int64_t size, marks *m)
{
    tkt_total total = TKT_TOTAL_INIT;
    int32_t status = tkt_results_total(results, &total);
    if (status != TKT_DONE)
        return tkt__problem_of(c, status);
    tkt_text next = tkt_results_next(results);
    if (m != NULL || !given_again(c, results))
        status = events_out(c, results, m);
    if (status != TKT_DONE)
        return tkt__problem_of(c, status);
    tkt__header_format(c, "X-Total-Count", "%llu", (unsigned long long)total.total);
    if (total.lower_bound != 0)
        tkt__header_static(c, "X-Total-Is-Lower-Bound", "true");
    if (next.len > 0)
        tkt__header_format(c, "X-Next-Cursor", "%.*s", (int)next.len, next.ptr);
    links(c, &total, page, size, next);
    return tkt__answered_fresh(c, TKT__JSON_TYPE, NULL);
}

typedef uint32_t (*answer_fn)(tkt__call *c, tkt_results *results, int64_t page, int64_t size);

static uint32_t search(tkt__call *c, uint32_t facets, answer_fn answer)
{
    tkt_query *q;
    tkt_results *results = NULL;
    int64_t page, size;
    int32_t status = tkt_query_new(&q);
    if (status != TKT_DONE)
        return tkt__problem_of(c, status);
    if (tkt__read(c) && query_in(c, q) && page_in(c, q, &page, &size) && done(c, tkt_query_set_facets(q, facets)) &&
        done(c, tkt_search(c->snapshot, q, &results)))
        answer(c, results, page, size);
    tkt_results_free(results);
    tkt_query_free(q);
    return c->response->status;
}

static uint32_t answer_page(tkt__call *c, tkt_results *results, int64_t page, int64_t size)
{
    marks m = { .n = 0 };
    const tkt__param *words = tkt__param_of(c, "keyword");
    uint32_t wanted = 0;
    if (!yes_in(c, "highlight", &wanted))
        return c->response->status;
    if (wanted != 0 && words != NULL)
        note_words(&m, words->value);
    return page_out(c, results, page, size, wanted != 0 ? &m : NULL);
}

uint32_t tkt__get_search(tkt__call *c)
{
    return search(c, 0, answer_page);
}

/* ---- facets and suggestions --------------------------------------------------------------------------------------------------------- */

static uint32_t answer_facets(tkt__call *c, tkt_results *results, int64_t page, int64_t size)
{
    static const char *const names[] = { "month", "city", "category", "price" };
    tkt_total total = TKT_TOTAL_INIT;
    int32_t status = tkt_results_total(results, &total);
    (void)page, (void)size;
    if (status != TKT_DONE)
        return tkt__problem_of(c, status);
    tkt__json *j = tkt__answer_json(c);
    tkt__json_object(j, NULL);
    tkt__json_u64(j, "total", total.total);
    tkt__json_bool(j, "totalIsLowerBound", total.lower_bound != 0);
    for (uint32_t k = 0; k < 4; k++) {
        tkt_facet facet = TKT_FACET_INIT;
        tkt__json_array(j, names[k]);
        for (uint32_t i = 0; tkt_results_facet(results, 1u << k, i, &facet) == TKT_DONE; i++) {
            tkt__json_object(j, NULL);
            tkt__json_string(j, "value", facet.value);
            tkt__json_u64(j, "count", facet.count);
            tkt__json_object_end(j);
        }
        tkt__json_array_end(j);
    }
    tkt__json_object_end(j);
    return tkt__answered_fresh(c, TKT__JSON_TYPE, NULL);
}

uint32_t tkt__get_facets(tkt__call *c)
{
    return search(c, TKT_FACET_MONTH | TKT_FACET_CITY | TKT_FACET_CATEGORY | TKT_FACET_PRICE, answer_facets);
}

static const char *suggestion_word(uint32_t kind)
{
    return kind == TKT_SUGGEST_EVENT       ? "event"
           : kind == TKT_SUGGEST_PERFORMER ? "performer"
           : kind == TKT_SUGGEST_VENUE     ? "venue"
                                           : "city";
}

uint32_t tkt__get_suggestions(tkt__call *c)
{
    const tkt__param *q = tkt__param_of(c, "q");
    tkt_suggestions *found;
    tkt_suggestion s = TKT_SUGGESTION_INIT;
    if (q == NULL || q->value.len == 0)
        return tkt__problem_say(c, 400, "bad_value", "q is the beginning of what is meant");
    if (!tkt__read(c))
        return c->response->status;
    int32_t status = tkt_suggest(c->snapshot, q->value, 0, &found);
    if (status != TKT_DONE)
        return tkt__problem_of(c, status);
    tkt__json *j = tkt__answer_json(c);
    tkt__json_array(j, NULL);
    for (uint32_t i = 0; tkt_suggestions_get(found, i, &s) == TKT_DONE; i++) {
        tkt__json_object(j, NULL);
        tkt__json_word(j, "kind", suggestion_word(s.kind));
        if (s.id != 0)
            tkt__json_u64(j, "id", s.id);
        tkt__json_string(j, "name", s.name);
        tkt__json_u64(j, "events", s.events);
        tkt__json_object_end(j);
    }
    tkt__json_array_end(j);
    tkt_suggestions_free(found);
    return tkt__answered_fresh(c, TKT__JSON_TYPE, NULL);
}
