/* SPDX-License-Identifier: MIT
 *
 * tests/fuzz/query.c: any text and any options as a query over a small store. Whatever is asked, the answer
 * is sound: as many hits as the total allows, in order, the same by cursor; or a refusal with its reason.
 *
 * Bytes: 16 of options, the rest is the text (a cursor first, where the options say so).
 */
#include "fuzz.h"

#include <ftw.h>
#include <unistd.h>

#include <ticketing/ticketing.h>

#define OPTIONS 16
#define CURSOR_ROOM 1024

static const char *const names[] = {
    "Rock Concert", "AC/DC live", "Björk", "東京コンサート", "C++ conference", "Symphony No. 5", "Jazz & Blues",
    "Guns N' Roses", "Театр", "rock rock rock", "a b c d e f g", "Beethoven night", "beethovens", "Saint-Étienne",
};
#define NAMES (sizeof names / sizeof names[0])

static char dir[64];
static tkt_store *store;

static tkt_text T(const char *text) { return (tkt_text){ text, strlen(text) }; }

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static void close_store(void)
{
    tkt_store_close(store);
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void open_store(void)
{
    tkt_options *options;
    char path[80];
    strcpy(dir, "/tmp/tkt-fuzz-XXXXXX");
    MUST(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/store", dir);
    MUST(tkt_options_new(&options) == TKT_DONE);
    MUST(tkt_options_set_create(options, 1) == TKT_DONE);
    MUST(tkt_options_set_map_bytes(options, 64u << 20) == TKT_DONE);
    MUST(tkt_store_open(path, strlen(path), options, &store) == TKT_DONE);
    tkt_options_free(options);
    atexit(close_store);
    for (uint32_t i = 0; i < 200; i++) {
        tkt_event e = { .size = sizeof e };
        tkt_created made = TKT_CREATED_INIT;
        e.name = T(names[i % NAMES]);
        e.description = T(names[(i * 7 + 3) % NAMES]);
        e.category = T(i % 3 ? "Music" : "Sport");
        e.language = T("en");
        e.start_ms = INT64_C(1800000000000) + (int64_t)(i % 40) * 43200000;
        MUST(tkt_event_create(store, &e, NULL, 0, &made) == TKT_DONE);
    }
    MUST(tkt_reindex(store, NULL, NULL) == TKT_DONE);
}

static bool same_order(const tkt_hit *a, const tkt_hit *b, uint32_t sort)
{
    if (sort == TKT_SORT_DATE)
        return a->start_ms < b->start_ms || (a->start_ms == b->start_ms && a->event_id < b->event_id);
    return sort != TKT_SORT_RELEVANCE || a->score >= b->score;
}

/* Returns the hits of the page. */
static uint32_t look_at(tkt_snapshot *snap, const tkt_query *query, uint32_t sort, uint64_t *total, char next[CURSOR_ROOM])
{
    tkt_results *results;
    tkt_total t = TKT_TOTAL_INIT;
    tkt_hit hit = TKT_HIT_INIT, before = TKT_HIT_INIT;
    next[0] = '\0';
    *total = 0;
    int32_t status = tkt_search(snap, query, &results);
    if (status != TKT_DONE) {
        int32_t primary = tkt_status_primary(status);
        MUST(primary == TKT_E_INVALID || primary == TKT_E_LIMIT || primary == TKT_E_PARSE);
        return 0;
    }
    MUST(tkt_results_total(results, &t) == TKT_DONE);
    MUST(t.hits <= t.total);
    for (uint32_t i = 0; i < t.hits; i++) {
        MUST(tkt_results_hit(results, i, &hit) == TKT_DONE);
        MUST(i == 0 || same_order(&before, &hit, sort));
        before = hit;
    }
    MUST(tkt_results_hit(results, t.hits, &hit) == TKT_NOT_FOUND);
    tkt_text cursor = tkt_results_next(results);
    snprintf(next, CURSOR_ROOM, "%.*s", (int)cursor.len, cursor.ptr);
    *total = t.total;
    tkt_results_free(results);
    return t.hits;
}

static void set_options(tkt_query *query, const uint8_t *o)
{
    int64_t from = INT64_C(1800000000000) + o[3] * INT64_C(86400000) / 4;
    (void)tkt_query_set_match(query, o[0] & 1);
    (void)tkt_query_set_prefix(query, o[0] >> 1 & 1);
    (void)tkt_query_set_typo(query, o[0] >> 2 & 1);
    (void)tkt_query_set_sort(query, o[1] % 6);
    (void)tkt_query_set_facets(query, o[2] & 15);
    if (o[0] & 8)
        (void)tkt_query_set_window(query, from, from + (int64_t)(o[4] - 8) * 43200000);
    (void)tkt_query_set_during(query, o[0] >> 4 & 1);
    if (o[0] & 32)
        (void)tkt_query_set_near(query, (int32_t)(o[5] * 7058823u), (int32_t)(o[6] * 14117647u), o[7] * 1000);
    if (o[0] & 64)
        (void)tkt_query_set_language(query, T(o[8] & 1 ? "en" : "de"));
    if (o[9] & 1)
        (void)tkt_query_add_category(query, T(o[9] & 2 ? "music" : "none"));
    (void)tkt_query_set_available(query, o[9] >> 2 & 1, o[9] >> 3 & 1);
    (void)tkt_query_set_page(query, o[10], o[11]);
    (void)tkt_query_set_budget(query, o[12], 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t sorts[6] = { TKT_SORT_AUTO, TKT_SORT_DATE, TKT_SORT_RELEVANCE, TKT_SORT_DISTANCE,
                                       TKT_SORT_PRICE, TKT_SORT_AUTO };
    tkt_query *query;
    tkt_snapshot *snap;
    char next[CURSOR_ROOM], last[CURSOR_ROOM];
    uint64_t total, again;
    if (store == NULL)
        open_store();
    if (size < OPTIONS)
        return 0;
    tkt_text text = { (const char *)data + OPTIONS, size - OPTIONS };
    MUST(tkt_query_new(&query) == TKT_DONE);
    set_options(query, data);
    if (data[13] & 1)
        (void)tkt_query_set_cursor(query, text);
    int32_t status = tkt_query_set_text(query, text);
    MUST(status == TKT_DONE || status < 0);
    MUST(tkt_snapshot_begin(store, &snap) == TKT_DONE);
    uint32_t sort = sorts[data[1] % 6];
    uint32_t hits = look_at(snap, query, sort, &total, next);
    for (int page = 0; page < 8 && next[0] != '\0'; page++) {
        strcpy(last, next);
        MUST(tkt_query_set_cursor(query, T(next)) == TKT_DONE);
        uint32_t more = look_at(snap, query, sort, &again, next);
        MUST(data[12] != 0 || (again == total && more > 0 && hits + more <= total));
        MUST(strcmp(last, next) != 0);
        hits += more;
    }
    tkt_snapshot_end(snap);
    tkt_query_free(query);
    return 0;
}
