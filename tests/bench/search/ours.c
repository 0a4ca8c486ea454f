/* SPDX-License-Identifier: MIT
 *
 * tests/bench/search/ours.c: the queries answered by this library, by its public calls alone. engine.h has the turns.
 *
 *   bench_search_ours STORE QUERIES [given]
 *
 * One snapshot, renewed for each query. No limit of work or time: totals are exact. Words stand for others in classes
 * f (prefix) and g (typo) alone. given: in class g we too are told which words these are, as the peers are, and ask for
 * any of them.
 */
#include "engine.h"

#include "../bench.h"

#include <stdbool.h>
#include <ticketing/ticketing.h>

#define ENGINE_GIVEN 1024 /* bytes of words that a mistyped one may stand for */

typedef struct ours {
    tkt_store *store;
    tkt_snapshot *snap;
    tkt_query *query;
    bool given;
} ours;

static tkt_text text_of(const char *text)
{
    return (tkt_text){ text, strlen(text) };
}

/* What is asked for: as typed, or, told them, any of the words that it stands for. */
static void set_words(const ours *o, const engine_query *q, tkt_query *query)
{
    char words[ENGINE_GIVEN];
    bool given = o->given && q->class_ == 'g';
    if (given) {
        MUST(snprintf(words, sizeof words, "%s ", q->words) < (int)sizeof words);
        for (char *p = words; *p != '\0'; p++)
            *p = *p == '|' ? ' ' : *p;
        MUST(tkt_query_set_match(query, TKT_MATCH_ANY) == TKT_DONE);
    }
    MUST(tkt_query_set_text(query, text_of(given ? words : q->text)) == TKT_DONE);
    MUST(tkt_query_set_prefix(query, q->class_ == 'f' ? TKT_EXPAND_AUTO : TKT_EXPAND_OFF) == TKT_DONE);
    MUST(tkt_query_set_typo(query, q->class_ == 'g' && !given ? TKT_EXPAND_AUTO : TKT_EXPAND_OFF) == TKT_DONE);
}

static void answer(void *user, const engine_query *q, int by_relevance, engine_answer *out)
{
    ours *o = user;
    tkt_query *query;
    tkt_results *results;
    tkt_total total = TKT_TOTAL_INIT;
    tkt_hit hit = TKT_HIT_INIT;
    MUST(tkt_snapshot_renew(o->snap) == TKT_DONE && tkt_query_new(&query) == TKT_DONE);
    set_words(o, q, query);
    MUST(tkt_query_set_sort(query, by_relevance ? TKT_SORT_RELEVANCE : TKT_SORT_DATE) == TKT_DONE);
    MUST(tkt_query_set_budget(query, 0, 0) == TKT_DONE);
    if (q->to_ms != 0)
        MUST(tkt_query_set_window(query, q->from_ms, q->to_ms) == TKT_DONE);
    if (q->city[0] != '\0')
        MUST(tkt_query_add_city(query, text_of(q->city)) == TKT_DONE);
    if (q->category[0] != '\0')
        MUST(tkt_query_add_category(query, text_of(q->category)) == TKT_DONE);
    MUST(tkt_search(o->snap, query, &results) == TKT_DONE && tkt_results_total(results, &total) == TKT_DONE);
    out->total = total.total;
    out->hits = 0;
    while (out->hits < ENGINE_PAGE && tkt_results_hit(results, out->hits, &hit) == TKT_DONE)
        out->start[out->hits++] = hit.start_ms;
    tkt_results_free(results);
    tkt_query_free(query);
}

int main(int argc, char **argv)
{
    ours o = { NULL, NULL, NULL, argc == 4 && strcmp(argv[3], "given") == 0 };
    MUST(argc == 3 || o.given);
    engine_queries q = engine_read(argv[2]);
    tkt_options *options;
    MUST(tkt_options_new(&options) == TKT_DONE && tkt_options_set_query_cache(options, 0) == TKT_DONE);
    MUST(tkt_store_open(argv[1], strlen(argv[1]), options, &o.store) == TKT_DONE);
    tkt_options_free(options);
    MUST(tkt_snapshot_begin(o.store, &o.snap) == TKT_DONE);
    engine_serve(&q, answer, &o);
    tkt_snapshot_end(o.snap);
    tkt_store_close(o.store);
    return 0;
}
