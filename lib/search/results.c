/* SPDX-License-Identifier: MIT
 *
 * search/results.c: one search from its beginning to its end, and what the host may ask of its results,
 * which are copies: they need neither snapshot nor query any more.
 */
#include "search/cache.h"

static int32_t begin(tkt__search *s, tkt_snapshot *snapshot, const tkt_query *query)
{
    if (snapshot == NULL || query == NULL)
        return tkt__fail(TKT_E_INVALID, "snapshot or query is NULL");
    int32_t status = tkt__snapshot_tx(snapshot, &s->tx);
    if (status == TKT_DONE && query->has_cursor && query->cursor_query != tkt__query_fingerprint(query))
        status = tkt__fail(TKT_E_INVALID, "the cursor belongs to another query");
    if (status == TKT_DONE && query->sort == TKT_SORT_DISTANCE && !query->near)
        status = tkt__fail(TKT_E_INVALID, "to sort by distance a query needs a point");
    if (status == TKT_DONE)
        status = tkt__index_meta_get(s->tx, &s->meta);
    if (status == TKT_NOT_FOUND)
        status = tkt__fail(TKT_E_UPGRADE, "the store has no index yet: build it");
    if (status == TKT_DONE)
        status = tkt__index_counts_get(s->tx, &s->counts);
    s->snapshot = snapshot;
    s->query = query;
    s->started_ms = s->hooks->monotonic_ms(s->hooks->user);
    return status;
}

static int32_t choose_sort(tkt__search *s)
{
    bool scores = false;
    for (uint32_t i = 0; i < s->clauses; i++)
        scores = scores || s->clause[i].scores;
    s->sort = s->query->sort;
    if (s->sort == TKT_SORT_AUTO)
        s->sort = scores ? TKT_SORT_RELEVANCE : TKT_SORT_DATE;
    s->relevance = s->sort == TKT_SORT_RELEVANCE;
    return TKT_DONE;
}

static void give_cursor(const tkt__search *s, tkt_results *results)
{
    uint8_t bytes[TKT__CURSOR_BYTES];
    const tkt__measures *m = &s->measures; /* zeros save by relevance */
    const tkt__place *last = &results->hit[results->hits - 1].place;
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    tkt__put_u8(&w, TKT__CURSOR_FORMAT);
    tkt__put_u64(&w, tkt__query_fingerprint(s->query));
    tkt__put_i64(&w, last->key);
    tkt__put_i64(&w, last->start_ms);
    tkt__put_u32(&w, last->event);
    tkt__put_u32(&w, m->events);
    tkt__put_u32(&w, m->rest);
    tkt__put_u8(&w, (uint8_t)m->words);
    for (uint32_t i = 0; i < m->words; i++) {
        tkt__put_u32(&w, m->of[i].word);
        tkt__put_u32(&w, m->of[i].events);
    }
    tkt__hex_format(bytes, w.n, results->next);
    results->next_n = (uint32_t)(2 * w.n);
}

/* Of the page alone: results may be kept for long, and a chunk of an arena has room for four hundred hits. */
static size_t hits_bytes(const tkt_results *results) { return (results->hits + (results->hits == 0)) * sizeof *results->hit; }

static int32_t give(tkt__search *s, tkt_results *results)
{
    const tkt__hit *hit;
    results->total = tkt__collected(s, &hit, &results->hits, &results->more);
    results->lower_bound = s->cut || s->over;
    results->work = s->work;
    results->hit = tkt__alloc(&results->hooks, hits_bytes(results));
    if (results->hit == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for the results of a search");
    memcpy(results->hit, hit, results->hits * sizeof *hit);
    if (results->more)
        give_cursor(s, results);
    return s->query->facets != 0 ? tkt__facets_give(s, results) : TKT_DONE;
}

static int32_t run(tkt__search *s, tkt_results *results)
{
    int32_t status = tkt__parse(s);
    if (status == TKT_DONE)
        status = choose_sort(s);
    if (status == TKT_DONE)
        status = tkt__matcher_open(s);
    if (status == TKT_DONE)
        status = tkt__collector_open(s);
    if (status == TKT_DONE && s->query->facets != 0)
        status = tkt__facets_open(s);
    if (status == TKT_DONE)
        status = tkt__expand(s);
    if (status == TKT_DONE)
        status = tkt__plan(s);
    if (status == TKT_DONE && !s->empty)
        status = tkt__exec(s);
    tkt__plan_close(s);
    if (status == TKT_DONE)
        status = tkt__collect_end(s);
    if (status == TKT_DONE)
        status = give(s, results);
    tkt__collector_close(s);
    tkt__matcher_close(s);
    return status;
}

static tkt_results *new_results(const tkt_hooks *hooks)
{
    tkt_results *results = tkt__alloc(hooks, sizeof *results);
    if (results == NULL)
        return NULL;
    memset(results, 0, sizeof *results);
    results->hooks = *hooks;
    atomic_init(&results->owners, 1);
    atomic_init(&results->text, NULL);
    tkt__arena_init(&results->arena, &results->hooks, 0);
    return results;
}

/* Searches, or finds that it has been done: then *results is another's, shared. */
static int32_t search(tkt__search *s, tkt_snapshot *snapshot, const tkt_query *query, tkt_results **results)
{
    tkt__generation generation;
    int32_t status = begin(s, snapshot, query);
    tkt__cache *cache = status == TKT_DONE && tkt__cache_takes(query) ? snapshot->store->search_cache : NULL;
    if (cache != NULL)
        status = tkt__generation_get(s->tx, &generation);
    tkt_results *kept = status == TKT_DONE && cache != NULL ? tkt__cache_find(cache, query, &generation) : NULL;
    if (kept != NULL) {
        tkt_results_free(*results);
        *results = kept;
        return TKT_DONE;
    }
    if (status == TKT_DONE)
        status = run(s, *results);
    if (status == TKT_DONE && cache != NULL)
        tkt__cache_keep(cache, query, &generation, *results);
    return status;
}

int32_t tkt_search(tkt_snapshot *snapshot, const tkt_query *query, tkt_results **out)
{
    tkt_hooks hooks;
    if (out == NULL)
        return tkt__fail(TKT_E_INVALID, "results is NULL");
    int32_t status = tkt__hooks_resolve(NULL, &hooks); /* results outlive the store and its hooks */
    if (status != TKT_DONE)
        return status;
    tkt__search *s = tkt__alloc(&hooks, sizeof *s);
    tkt_results *results = new_results(&hooks);
    if (s != NULL && results != NULL) {
        memset(s, 0, sizeof *s);
        s->hooks = &hooks;
        tkt__arena_init(&s->arena, s->hooks, 0);
        status = search(s, snapshot, query, &results);
        tkt__arena_free(&s->arena);
    } else
        status = tkt__fail(TKT_E_NOMEM, "no memory for a search");
    if (s != NULL)
        tkt__free(&hooks, s, sizeof *s);
    if (status == TKT_DONE)
        *out = results;
    else
        tkt_results_free(results);
    return status;
}

void tkt_results_free(tkt_results *results)
{
    if (results == NULL || atomic_fetch_sub(&results->owners, 1) != 1)
        return;
    tkt_hooks hooks = results->hooks;
    tkt__kept_text *text = atomic_load_explicit(&results->text, memory_order_acquire);
    tkt__free(&hooks, text, text != NULL ? sizeof *text + text->n : 0);
    tkt__free(&hooks, results->hit, results->hit != NULL ? hits_bytes(results) : 0);
    tkt__arena_free(&results->arena);
    tkt__free(&hooks, results, sizeof *results);
}

/* ---- asking ---------------------------------------------------------------------------------------------- */

int32_t tkt_results_total(const tkt_results *results, tkt_total *total)
{
    tkt_total out = TKT_TOTAL_INIT;
    if (results == NULL)
        return tkt__fail(TKT_E_INVALID, "results is NULL");
    out.total = results->total;
    out.lower_bound = results->lower_bound;
    out.work = results->work;
    out.hits = results->hits;
    return tkt__struct_out(total, &out, sizeof out, sizeof out, "tkt_total");
}

int32_t tkt_results_hit(const tkt_results *results, uint32_t index, tkt_hit *hit)
{
    tkt_hit out = TKT_HIT_INIT;
    if (results == NULL)
        return tkt__fail(TKT_E_INVALID, "results is NULL");
    if (index >= results->hits)
        return tkt__refuse(TKT_NOT_FOUND, "the page has %lu hits", (unsigned long)results->hits);
    const tkt__hit *h = &results->hit[index];
    out.event_id = h->place.event;
    out.start_ms = h->place.start_ms;
    out.score = h->score / 65536.0;
    out.distance_m = h->distance_m;
    return tkt__struct_out(hit, &out, sizeof out, sizeof out, "tkt_hit");
}

tkt_text tkt_results_next(const tkt_results *results)
{
    if (results == NULL || !results->more)
        return (tkt_text){ "", 0 };
    return (tkt_text){ results->next, results->next_n };
}

int32_t tkt_results_facet(const tkt_results *results, uint32_t kind, uint32_t index, tkt_facet *facet)
{
    static const uint32_t kinds[4] = { TKT_FACET_MONTH, TKT_FACET_CITY, TKT_FACET_CATEGORY, TKT_FACET_PRICE };
    tkt_facet out = TKT_FACET_INIT;
    uint32_t at = 0;
    while (at < 4 && kinds[at] != kind)
        at++;
    if (results == NULL || at == 4)
        return tkt__fail(TKT_E_INVALID, "results is NULL, or kind is not one TKT_FACET_…");
    if (index >= results->facet_n[at])
        return tkt__refuse(TKT_NOT_FOUND, "there are %lu values", (unsigned long)results->facet_n[at]);
    out.count = results->facet[at][index].count;
    out.value = (tkt_text){ (const char *)results->facet[at][index].text.p, results->facet[at][index].text.n };
    return tkt__struct_out(facet, &out, sizeof out, sizeof out, "tkt_facet");
}
