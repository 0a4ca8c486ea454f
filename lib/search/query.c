/* SPDX-License-Identifier: MIT
 *
 * search/query.c: a query as the host builds it, and its cursors.
 *
 * A cursor is the place of a page's last hit, and by relevance what scores rest on (its bytes: query.h). It holds no
 * snapshot and costs nothing while nobody uses it.
 */
#include "search/query.h"

#include <xxhash.h>

#define DEGREES_E7 INT64_C(10000000)

int32_t tkt_query_new(tkt_query **query)
{
    tkt_hooks hooks;
    if (query == NULL)
        return tkt__fail(TKT_E_INVALID, "query is NULL");
    int32_t status = tkt__hooks_resolve(NULL, &hooks);
    if (status != TKT_DONE)
        return status;
    tkt_query *q = tkt__alloc(&hooks, sizeof *q);
    if (q == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for a query");
    memset(q, 0, sizeof *q);
    q->hooks = hooks;
    tkt__arena_init(&q->arena, &q->hooks, 0);
    q->page = 1;
    q->page_size = 20;
    q->from_ms = q->min_minor = INT64_MIN;
    q->to_ms = q->max_minor = INT64_MAX;
    *query = q;
    return TKT_DONE;
}

void tkt_query_free(tkt_query *query)
{
    if (query == NULL)
        return;
    tkt_hooks hooks = query->hooks;
    tkt__arena_free(&query->arena);
    tkt__free(&hooks, query, sizeof *query);
}

static int32_t given(const tkt_query *query)
{
    return query != NULL ? TKT_DONE : tkt__fail(TKT_E_INVALID, "query is NULL");
}

static int32_t invalid(const char *why) { return tkt__fail(TKT_E_INVALID, "%s", why); }

/* ---- words -------------------------------------------------------------------------------------------- */

int32_t tkt_query_set_text(tkt_query *query, tkt_text text)
{
    int32_t status = given(query);
    if (status == TKT_DONE)
        status = tkt__text_check(text.ptr, text.len, TKT_QUERY_TEXT_MAX, "the query's text");
    if (status != TKT_DONE)
        return status;
    if (text.len > 0)
        memcpy(query->text, text.ptr, text.len);
    query->text_n = text.len;
    return TKT_DONE;
}

static int32_t set_choice(tkt_query *query, uint32_t *at, uint32_t value, uint32_t most, const char *what)
{
    int32_t status = given(query);
    if (status != TKT_DONE)
        return status;
    if (value > most)
        return invalid(what);
    *at = value;
    return TKT_DONE;
}

#define CHOICE(member) (query != NULL ? &query->member : NULL)

int32_t tkt_query_set_match(tkt_query *query, uint32_t match)
{
    return set_choice(query, CHOICE(match), match, TKT_MATCH_ANY, "match is TKT_MATCH_ALL or TKT_MATCH_ANY");
}

int32_t tkt_query_set_prefix(tkt_query *query, uint32_t expand)
{
    return set_choice(query, CHOICE(prefix), expand, TKT_EXPAND_OFF, "prefix is TKT_EXPAND_AUTO or _OFF");
}

int32_t tkt_query_set_typo(tkt_query *query, uint32_t expand)
{
    return set_choice(query, CHOICE(typo), expand, TKT_EXPAND_OFF, "typo is TKT_EXPAND_AUTO or _OFF");
}

int32_t tkt_query_set_sort(tkt_query *query, uint32_t sort)
{
    return set_choice(query, CHOICE(sort), sort, TKT_SORT_PRICE, "sort is one of TKT_SORT_…");
}

int32_t tkt_query_set_facets(tkt_query *query, uint32_t kinds)
{
    return set_choice(query, CHOICE(facets), kinds, 15, "facets are a sum of TKT_FACET_…");
}

int32_t tkt_query_set_language(tkt_query *query, tkt_text language)
{
    int32_t status = given(query);
    if (status == TKT_DONE)
        status = tkt__text_check(language.ptr, language.len, TKT_SHORT_MAX, "the query's language");
    if (status != TKT_DONE)
        return status;
    uint8_t number = language.len == 0 ? 0 : tkt__stem_language(language.ptr, language.len);
    if (number == 0 && language.len != 0)
        return tkt__refuse(TKT_NOT_FOUND, "there are no stems for '%.*s'", (int)language.len, language.ptr);
    query->language = number;
    return TKT_DONE;
}

/* ---- filters ------------------------------------------------------------------------------------------- */

int32_t tkt_query_set_window(tkt_query *query, int64_t from_ms, int64_t to_ms)
{
    int32_t status = given(query);
    if (status != TKT_DONE)
        return status;
    if (from_ms > to_ms)
        return invalid("the window ends before it begins");
    query->from_ms = from_ms;
    query->to_ms = to_ms;
    return TKT_DONE;
}

static int32_t set_flag(tkt_query *query, bool *flag, int32_t yes)
{
    int32_t status = given(query);
    if (status == TKT_DONE && yes != 0 && yes != 1)
        status = invalid("yes is 0 or 1");
    if (status == TKT_DONE)
        *flag = yes == 1;
    return status;
}

int32_t tkt_query_set_during(tkt_query *query, int32_t yes) { return set_flag(query, CHOICE(during), yes); }

int32_t tkt_query_set_available(tkt_query *query, int32_t yes, uint32_t at_least)
{
    int32_t status = set_flag(query, CHOICE(available), yes);
    if (status == TKT_DONE)
        query->at_least = at_least;
    return status;
}

static int32_t add_term(tkt_query *query, tkt__filter_set *set, const uint8_t *term, uint32_t n)
{
    if (set->n == TKT_QUERY_FILTERS_MAX)
        return tkt__fail(TKT_E_LIMIT, "a query has at most %d filters of a kind", TKT_QUERY_FILTERS_MAX);
    uint8_t *copy = tkt__arena_copy(&query->arena, term, n);
    if (copy == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for a filter");
    set->term[set->n++] = tkt__slice_of(copy, n);
    return TKT_DONE;
}

static int32_t add_text(tkt_query *query, tkt__filter_set *set, uint8_t ns, tkt_text text, size_t most, const char *what)
{
    uint8_t term[TKT__TERM_MAX];
    uint32_t n;
    int32_t status = given(query);
    if (status == TKT_DONE)
        status = tkt__text_check(text.ptr, text.len, most, what);
    if (status == TKT_DONE)
        status = tkt__term_fold(ns, text.ptr, text.len, term, &n);
    /* What folds to nothing stays as the bare namespace: no event has it, so nothing matches. */
    return status == TKT_DONE ? add_term(query, set, term, n == 0 ? 1 : n) : status;
}

int32_t tkt_query_add_city(tkt_query *query, tkt_text city)
{
    return add_text(query, CHOICE(city), TKT__NS_CITY, city, TKT_SHORT_MAX, "city");
}

int32_t tkt_query_add_country(tkt_query *query, tkt_text country)
{
    return add_text(query, CHOICE(country), TKT__NS_COUNTRY, country, TKT_SHORT_MAX, "country");
}

int32_t tkt_query_add_category(tkt_query *query, tkt_text category)
{
    return add_text(query, CHOICE(category), TKT__NS_CATEGORY, category, TKT_SHORT_MAX, "category");
}

int32_t tkt_query_add_venue_name(tkt_query *query, tkt_text name)
{
    return add_text(query, CHOICE(venue), TKT__NS_VENUE_NAME, name, TKT_NAME_MAX, "venue");
}

static int32_t add_id(tkt_query *query, tkt__filter_set *set, uint8_t ns, uint64_t id, const char *what)
{
    uint8_t term[5] = { ns };
    int32_t status = given(query);
    if (status == TKT_DONE)
        status = tkt__id_check(id, what);
    if (status != TKT_DONE)
        return status;
    tkt__be32(term + 1, (uint32_t)id);
    return add_term(query, set, term, id <= TKT__ID_POSTING_MAX ? sizeof term : 1);
}

int32_t tkt_query_add_venue(tkt_query *query, uint64_t venue_id)
{
    return add_id(query, CHOICE(venue), TKT__NS_VENUE, venue_id, "venue");
}

int32_t tkt_query_add_performer(tkt_query *query, uint64_t performer_id)
{
    return add_id(query, CHOICE(performer), TKT__NS_PERFORMER, performer_id, "performer");
}

int32_t tkt_query_set_near(tkt_query *query, int32_t latitude_e7, int32_t longitude_e7, int64_t radius_m)
{
    int32_t status = given(query);
    if (status != TKT_DONE)
        return status;
    if (latitude_e7 < -90 * DEGREES_E7 || latitude_e7 > 90 * DEGREES_E7 || longitude_e7 < -180 * DEGREES_E7 ||
        longitude_e7 > 180 * DEGREES_E7 || radius_m < 0)
        return invalid("a point lies within 90 degrees of latitude and 180 of longitude; a radius is not negative");
    query->near = true;
    query->latitude_e7 = latitude_e7;
    query->longitude_e7 = longitude_e7;
    query->radius_m = radius_m;
    return TKT_DONE;
}

int32_t tkt_query_set_price(tkt_query *query, int64_t min_minor, int64_t max_minor, tkt_text currency)
{
    int32_t status = given(query);
    if (status != TKT_DONE)
        return status;
    bool letters = currency.len == 3 && currency.ptr != NULL;
    for (size_t i = 0; letters && i < 3; i++)
        letters = currency.ptr[i] >= 'A' && currency.ptr[i] <= 'Z';
    if (!letters && currency.len != 0)
        return invalid("a currency is three capital letters (ISO 4217)");
    if (min_minor > max_minor)
        return invalid("the lowest price lies above the highest");
    query->min_minor = min_minor;
    query->max_minor = max_minor;
    memset(query->currency, 0, sizeof query->currency);
    if (letters)
        memcpy(query->currency, currency.ptr, 3);
    return TKT_DONE;
}

int32_t tkt_query_set_budget(tkt_query *query, uint64_t work, int64_t time_ms)
{
    int32_t status = given(query);
    if (status == TKT_DONE && time_ms < 0)
        status = invalid("a budget of time is not negative");
    if (status != TKT_DONE)
        return status;
    query->work = work;
    query->time_ms = time_ms;
    return TKT_DONE;
}

/* ---- pages ----------------------------------------------------------------------------------------------- */

static void drop_cursor(tkt_query *query)
{
    query->has_cursor = false;
    memset(&query->measures, 0, sizeof query->measures);
}

int32_t tkt_query_set_page(tkt_query *query, uint32_t page, uint32_t size)
{
    int32_t status = given(query);
    if (status != TKT_DONE)
        return status;
    if (page == 0 || size == 0)
        return invalid("pages count from 1 and have at least one hit");
    if (size > TKT_PAGE_SIZE_MAX)
        return tkt__fail(TKT_E_LIMIT, "a page has at most %d hits", TKT_PAGE_SIZE_MAX);
    query->page = page;
    query->page_size = size;
    drop_cursor(query);
    return TKT_DONE;
}

static bool take_measures(tkt__reader *r, tkt__measures *m)
{
    memset(m, 0, sizeof *m);
    m->events = tkt__get_u32(r);
    m->rest = tkt__get_u32(r);
    m->words = tkt__get_u8(r);
    if (m->words > TKT__CURSOR_WORDS)
        return false;
    for (uint32_t i = 0; i < m->words; i++) {
        m->of[i].word = tkt__get_u32(r);
        m->of[i].events = tkt__get_u32(r);
    }
    return !r->bad && r->p == r->end;
}

int32_t tkt_query_set_cursor(tkt_query *query, tkt_text cursor)
{
    uint8_t bytes[TKT__CURSOR_BYTES];
    int32_t status = given(query);
    if (status != TKT_DONE)
        return status;
    drop_cursor(query);
    if (cursor.len == 0)
        return TKT_DONE;
    bool right = cursor.ptr != NULL && cursor.len % 2 == 0 && cursor.len >= 2 * TKT__CURSOR_LEAST &&
                 cursor.len <= TKT__CURSOR_TEXT &&
                 tkt__hex_parse(cursor.ptr, cursor.len, bytes, cursor.len / 2, "a cursor") == TKT_DONE && bytes[0] == TKT__CURSOR_FORMAT;
    if (!right)
        return tkt__fail(TKT_E_PARSE, "this is not a cursor");
    tkt__reader r = tkt__reader_of(tkt__slice_of(bytes + 1, cursor.len / 2 - 1));
    query->cursor_query = tkt__get_u64(&r);
    query->cursor.key = tkt__get_i64(&r);
    query->cursor.start_ms = tkt__get_i64(&r);
    query->cursor.event = tkt__get_u32(&r);
    query->has_cursor = take_measures(&r, &query->measures);
    if (!query->has_cursor)
        drop_cursor(query);
    return query->has_cursor ? TKT_DONE : tkt__fail(TKT_E_PARSE, "this is not a cursor");
}

/* ---- what makes two queries the same, pages apart -------------------------------------------------------- */

static uint64_t hash_set(uint64_t hash, const tkt__filter_set *set)
{
    hash = XXH3_64bits_withSeed(&set->n, sizeof set->n, hash);
    for (uint32_t i = 0; i < set->n; i++)
        hash = XXH3_64bits_withSeed(set->term[i].p, set->term[i].n, hash);
    return hash;
}

uint64_t tkt__query_fingerprint(const tkt_query *q)
{
    uint8_t bytes[128];
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    const uint32_t choices[] = { q->match, q->prefix, q->typo, q->sort, q->at_least };
    const int64_t numbers[] = { q->from_ms, q->to_ms, q->radius_m, q->min_minor, q->max_minor };
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++)
        tkt__put_u32(&w, choices[i]);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        tkt__put_i64(&w, numbers[i]);
    tkt__put_u8(&w, (uint8_t)(q->during | q->available << 1 | q->near << 2));
    tkt__put_u8(&w, q->language);
    tkt__put_u32(&w, (uint32_t)q->latitude_e7);
    tkt__put_u32(&w, (uint32_t)q->longitude_e7);
    tkt__put_bytes(&w, q->currency, sizeof q->currency);
    const tkt__filter_set *sets[] = { &q->city, &q->country, &q->category, &q->venue, &q->performer };
    uint64_t hash = XXH3_64bits(bytes, w.n);
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
        hash = hash_set(hash, sets[i]);
    return XXH3_64bits_withSeed(q->text, q->text_n, hash);
}
