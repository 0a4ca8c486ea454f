/* SPDX-License-Identifier: MIT
 *
 * tests/search/oracle.c: the library's answers against the oracle's, over random catalogues that change
 * between the queries.
 *
 *   oracle [--seed N] [--rounds N]     TKT_TEST_FULL=1: 20,000 queries and more
 *
 * A difference prints the seed, the query and both answers, and ends the program.
 */
#include "model.h"

#include <math.h>
#include <time.h>

#include "text/analyse.h"

#define CURSOR_ROOM 1024 /* more than any has */

typedef struct shape {
    uint32_t first, steps, changes, queries; /* events to begin with; steps of so many changes and queries */
    bool built;                              /* loaded without index, then built */
} shape;

static uint64_t asked, seed_now;

/* ---- a random query ------------------------------------------------------------------------------------------ */

static void random_text(model *m, query *q)
{
    size_t n = 0;
    uint32_t words = chance(m, 15) ? 0 : 1 + draw(m, chance(m, 70) ? 2 : 4);
    q->text[0] = '\0';
    for (uint32_t i = 0; i < words; i++) {
        char word[64];
        snprintf(word, sizeof word, "%s", model_word(m));
        size_t length = strlen(word);
        if (i + 1 == words && chance(m, 30)) /* not yet typed to its end, at a character */
            for (length = 1 + draw(m, (uint32_t)length); length > 0 && (word[length] & 0xc0) == 0x80; length--)
                ;
        word[length] = '\0';
        if (chance(m, 12) && length > 4 && (word[2] & 0x80) == 0 && (word[3] & 0x80) == 0) { /* a slip */
            char spare = word[2];
            word[2] = word[3];
            word[3] = chance(m, 50) ? spare : 'q';
        }
        const char *before = chance(m, 8) ? "-" : "", *quote = chance(m, 10) ? "\"" : "";
        n += (size_t)snprintf(q->text + n, sizeof q->text - n, "%s%s%s%s%s%s%s", i > 0 ? " " : "", before, quote,
                              word, *quote ? " " : "", *quote ? model_word(m) : "", quote);
    }
    if (chance(m, 10))
        strcat(q->text, " ");
}

static void random_filters(model *m, query *q)
{
    if (chance(m, 35)) {
        q->windowed = true;
        /* two events of five begin within three days: edges fall among them often enough */
        q->from_ms = epoch_ms(chance(m, 20) ? 1900 : 2027, 1, 1) + (int64_t)draw(m, chance(m, 40) ? 4 : 500) * 86400000 +
                     draw(m, 24) * INT64_C(3600000);
        q->to_ms = q->from_ms + (int64_t)draw(m, chance(m, 50) ? 4 : 900) * 43200000;
        q->during = chance(m, 40);
        if (chance(m, 8))
            q->from_ms = INT64_MIN;
        if (chance(m, 8))
            q->to_ms = INT64_MAX;
    }
    for (q->cities = 0; q->cities < 2 && chance(m, 15); q->cities++)
        q->city[q->cities] = model_cities[draw(m, 6)];
    for (q->categories = 0; q->categories < 2 && chance(m, 15); q->categories++)
        q->category[q->categories] = model_categories[draw(m, 6)];
    for (q->countries = 0; q->countries < 2 && chance(m, 8); q->countries++)
        q->country[q->countries] = model_countries[draw(m, 3)];
    for (q->venues = 0; q->venues < 2 && chance(m, 8); q->venues++)
        q->venue[q->venues] = draw(m, m->venues);
    for (q->performers = 0; q->performers < 2 && chance(m, 8); q->performers++)
        q->performer[q->performers] = draw(m, m->performers);
    if (chance(m, 15)) {
        static const int64_t radii[6] = { 0, 1000, 30000, 200000, 5000000, 30000000 };
        q->near = true;
        q->latitude_e7 = chance(m, 60) ? 505000000 : (int32_t)draw(m, 1800000001u) - 900000000;
        q->longitude_e7 = chance(m, 60) ? -1799000000 : (int32_t)((int64_t)draw(m, 3600000001u) - 1800000000);
        q->radius_m = radii[draw(m, 6)];
    }
    if (chance(m, 12)) {
        q->priced = true;
        q->min_minor = chance(m, 50) ? INT64_MIN : draw(m, 3000);
        q->max_minor = chance(m, 50) ? INT64_MAX : (q->min_minor == INT64_MIN ? 0 : q->min_minor) + draw(m, 9000);
        if (q->min_minor == INT64_MIN && q->max_minor == INT64_MAX)
            q->priced = false;
    }
    if (chance(m, 12))
        strcpy(q->currency, chance(m, 50) ? "EUR" : "JPY");
    q->available = chance(m, 12);
    q->at_least = chance(m, 8) ? 1 + draw(m, PLACES) : 0;
}

static void random_query(model *m, query *q)
{
    static const char *const languages[3] = { "en", "de", "english" };
    static const uint32_t sorts[5] = { TKT_SORT_AUTO, TKT_SORT_DATE, TKT_SORT_RELEVANCE, TKT_SORT_PRICE, TKT_SORT_DISTANCE };
    memset(q, 0, sizeof *q);
    q->from_ms = q->min_minor = INT64_MIN;
    q->to_ms = q->max_minor = INT64_MAX;
    random_text(m, q);
    random_filters(m, q);
    q->any = chance(m, 20);
    q->prefix_off = chance(m, 30);
    q->typo_off = chance(m, 30);
    q->language = chance(m, 15) ? languages[draw(m, 3)] : NULL;
    q->sort = sorts[draw(m, q->near ? 5 : 4)];
    q->page = chance(m, 70) ? 1 : 1 + draw(m, 4);
    q->page_size = 1 + draw(m, 25);
}

/* ---- the library's answer --------------------------------------------------------------------------------------- */

static tkt_text T(const char *text) { return (tkt_text){ text, strlen(text) }; }

static tkt_query *build(const model *m, const query *q)
{
    tkt_query *out;
    OK(tkt_query_new(&out));
    OK(tkt_query_set_text(out, T(q->text)));
    OK(tkt_query_set_match(out, q->any));
    OK(tkt_query_set_prefix(out, q->prefix_off));
    OK(tkt_query_set_typo(out, q->typo_off));
    if (q->language != NULL)
        MUST(tkt_query_set_language(out, T(q->language)) >= 0);
    OK(tkt_query_set_window(out, q->from_ms, q->to_ms));
    OK(tkt_query_set_during(out, q->during));
    for (uint32_t i = 0; i < q->cities; i++)
        OK(tkt_query_add_city(out, T(q->city[i])));
    for (uint32_t i = 0; i < q->countries; i++)
        OK(tkt_query_add_country(out, T(q->country[i])));
    for (uint32_t i = 0; i < q->categories; i++)
        OK(tkt_query_add_category(out, T(q->category[i])));
    for (uint32_t i = 0; i < q->venues; i++)
        OK(tkt_query_add_venue(out, m->venue[q->venue[i]].id));
    for (uint32_t i = 0; i < q->performers; i++)
        OK(tkt_query_add_performer(out, m->performer[q->performer[i]].id));
    if (q->near)
        OK(tkt_query_set_near(out, q->latitude_e7, q->longitude_e7, q->radius_m));
    OK(tkt_query_set_price(out, q->min_minor, q->max_minor, T(q->currency)));
    OK(tkt_query_set_available(out, q->available, q->at_least));
    OK(tkt_query_set_sort(out, q->sort));
    OK(tkt_query_set_page(out, q->page, q->page_size));
    return out;
}

static void ask(tkt_snapshot *snap, const tkt_query *tq, answer *a, char cursor[CURSOR_ROOM])
{
    tkt_results *results;
    tkt_total total = TKT_TOTAL_INIT;
    tkt_hit hit = TKT_HIT_INIT;
    tkt_facet facet = TKT_FACET_INIT;
    OK(tkt_search(snap, tq, &results));
    OK(tkt_results_total(results, &total));
    MUST(total.lower_bound == 0);
    a->total = total.total;
    a->hits = total.hits;
    a->in_month = tkt_results_facet(results, TKT_FACET_MONTH, 0, &facet) == TKT_DONE ? facet.count : 0;
    for (uint32_t i = 0; i < total.hits; i++) {
        OK(tkt_results_hit(results, i, &hit));
        a->hit[i].id = hit.event_id;
        a->hit[i].score = (uint32_t)(hit.score * 65536 + 0.5);
        a->hit[i].distance_m = hit.distance_m;
    }
    tkt_text next = tkt_results_next(results);
    snprintf(cursor, CURSOR_ROOM, "%.*s", (int)next.len, next.ptr);
    tkt_results_free(results);
}

static void show(const char *who, const answer *a)
{
    fprintf(stderr, "%s: total %llu, hits", who, (unsigned long long)a->total);
    for (uint32_t i = 0; i < a->hits; i++)
        fprintf(stderr, " %llu(%u)", (unsigned long long)a->hit[i].id, a->hit[i].score);
    fputc('\n', stderr);
}

static void differ(const query *q, const answer *mine, const answer *theirs, const char *what)
{
    fprintf(stderr, "seed %llu, query %llu: %s\n", (unsigned long long)seed_now, (unsigned long long)asked, what);
    fprintf(stderr, "text [%s] any %d prefix %d typo %d lang %s sort %u page %u × %u window %d %lld…%lld during %d near %d "
            "r %lld price %d %lld…%lld %s available %d at least %u cities %u categories %u countries %u venues %u performers %u\n",
            q->text, q->any, !q->prefix_off, !q->typo_off, q->language != NULL ? q->language : "-", q->sort, q->page,
            q->page_size, q->windowed, (long long)q->from_ms, (long long)q->to_ms, q->during, q->near,
            (long long)q->radius_m, q->priced, (long long)q->min_minor, (long long)q->max_minor, q->currency,
            q->available, q->at_least, q->cities, q->categories, q->countries, q->venues, q->performers);
    show("oracle ", mine);
    show("library", theirs);
    abort();
}

static void compare(const query *q, const answer *mine, const answer *theirs)
{
    if (mine->total != theirs->total)
        differ(q, mine, theirs, "another total");
    if (mine->hits != theirs->hits)
        differ(q, mine, theirs, "another number of hits");
    for (uint32_t i = 0; i < mine->hits; i++)
        if (mine->hit[i].id != theirs->hit[i].id || mine->hit[i].score != theirs->hit[i].score ||
            mine->hit[i].distance_m != theirs->hit[i].distance_m)
            differ(q, mine, theirs, "another hit");
}

/* All pages by cursor are what one large page has. */
static void walk(tkt_snapshot *snap, model *m, const query *q)
{
    query whole = *q;
    static answer all, part;
    char cursor[CURSOR_ROOM];
    uint32_t at = 0;
    whole.page = 1;
    whole.page_size = HITS_MAX;
    judge(m, &whole, &all);
    tkt_query *tq = build(m, &whole);
    OK(tkt_query_set_page(tq, 1, 1 + draw(m, 9)));
    do {
        ask(snap, tq, &part, cursor);
        MUST(part.total == all.total);
        for (uint32_t i = 0; i < part.hits && at < all.hits; i++, at++)
            if (part.hit[i].id != all.hit[at].id)
                differ(&whole, &all, &part, "another hit behind a cursor");
        OK(tkt_query_set_cursor(tq, T(cursor)));
    } while (cursor[0] != '\0' && at < all.hits);
    MUST(at == all.hits || all.total > all.hits);
    tkt_query_free(tq);
}

static void one_query(tkt_snapshot *snap, model *m)
{
    query q;
    static answer mine, theirs;
    char cursor[CURSOR_ROOM];
    random_query(m, &q);
    asked++;
    judge(m, &q, &mine);
    tkt_query *tq = build(m, &q);
    ask(snap, tq, &theirs, cursor);
    compare(&q, &mine, &theirs);
    if (chance(m, 20)) { /* facets change the way, not the answer */
        OK(tkt_query_set_facets(tq, 15));
        ask(snap, tq, &theirs, cursor);
        compare(&q, &mine, &theirs);
        if (theirs.total > 0)
            MUST(theirs.in_month > 0 && theirs.in_month >= mine.in_month);
    }
    tkt_query_free(tq);
    if (chance(m, 8))
        walk(snap, m, &q);
}

/* ---- suggestions ---------------------------------------------------------------------------------------------------- */

typedef struct named {
    uint64_t id, events;
    uint8_t plain[256];
    size_t n;
} named;

static int by_events(const void *a, const void *b)
{
    const named *x = a, *y = b;
    if (x->events != y->events)
        return x->events > y->events ? -1 : 1;
    int order = memcmp(x->plain, y->plain, x->n < y->n ? x->n : y->n);
    order = order != 0 ? order : (x->n > y->n) - (x->n < y->n);
    return order != 0 ? order : (x->id > y->id) - (x->id < y->id);
}

static bool begins(const named *w, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i + n <= w->n; i++)
        if ((i == 0 || w->plain[i - 1] == ' ') && memcmp(w->plain + i, p, n) == 0)
            return true;
    return false;
}

static void name_it(named *w, uint64_t id, const char *name)
{
    memset(w, 0, sizeof *w);
    w->id = id;
    OK(tkt__text_plain(name, strlen(name), w->plain, sizeof w->plain, &w->n));
}

/* Performers (kind 0), venues (1) or cities (2) with their events. */
static uint32_t names_of(const model *m, int kind, named *out)
{
    uint32_t n = kind == 0 ? m->performers : m->venues, kept = 0;
    for (uint32_t i = 0; i < n; i++) {
        const owner *o = kind == 0 ? &m->performer[i] : &m->venue[i];
        named *w = &out[kept];
        name_it(w, kind == 2 ? 0 : o->id, kind == 2 ? o->city : o->name);
        for (uint32_t e = 0; e < m->events; e++) {
            const event *v = &m->event[e];
            for (uint32_t k = 0; v->there && kind == 0 && k < v->performers; k++)
                w->events += v->performer[k] == i;
            w->events += v->there && kind != 0 && v->venue == i + 1;
        }
        for (uint32_t k = 0; kind == 2 && k < kept; k++)
            if (out[k].n == w->n && memcmp(out[k].plain, w->plain, w->n) == 0) {
                out[k].events += w->events;
                w->events = 0;
            }
        kept += w->events > 0 || kind == 2;
    }
    return kept;
}

static void suggest(tkt_snapshot *snap, model *m)
{
    static const uint32_t kinds[3] = { TKT_SUGGEST_PERFORMER, TKT_SUGGEST_VENUE, TKT_SUGGEST_CITY };
    static named all[OWNERS_MAX], text;
    char begin[64];
    snprintf(begin, sizeof begin, "%.*s", 1 + (int)draw(m, 4), model_word(m));
    while (begin[0] != '\0' && !tkt__utf8_valid(begin, strlen(begin)))
        begin[strlen(begin) - 1] = '\0';
    name_it(&text, 0, begin);
    for (int kind = 0; kind < 3; kind++) {
        tkt_suggestions *got;
        tkt_suggestion one = TKT_SUGGESTION_INIT;
        uint32_t n = names_of(m, kind, all), at = 0;
        qsort(all, n, sizeof *all, by_events);
        OK(tkt_suggest(snap, T(begin), kinds[kind], &got));
        for (uint32_t i = 0; i < n && at < TKT_SUGGESTIONS_MAX && text.n > 0; i++) {
            if (all[i].events == 0 || !begins(&all[i], text.plain, text.n))
                continue;
            MUST(tkt_suggestions_get(got, at++, &one) == TKT_DONE);
            MUST(one.kind == kinds[kind] && one.id == all[i].id && one.events == all[i].events);
        }
        MUST(tkt_suggestions_get(got, at, &one) == TKT_NOT_FOUND);
        tkt_suggestions_free(got);
    }
}

/* ---- rounds ------------------------------------------------------------------------------------------------------------ */

static void round_of(model *m, uint64_t seed, const shape *s)
{
    tkt_snapshot *snap;
    seed_now = seed;
    model_open(m, seed, !s->built);
    model_owners(m);
    for (uint32_t i = 0; i < s->first; i++)
        model_add(m);
    if (s->built)
        OK(tkt_reindex(m->store, NULL, NULL));
    for (uint32_t step = 0; step < s->steps; step++) {
        for (uint32_t i = 0; step > 0 && i < s->changes; i++)
            model_change(m, true);
        if (chance(m, 10))
            OK(tkt_reindex(m->store, NULL, NULL));
        model_words(m);
        OK(tkt_snapshot_begin(m->store, &snap));
        for (uint32_t i = 0; i < s->queries; i++)
            one_query(snap, m);
        for (uint32_t i = 0; i < s->queries / 4; i++)
            suggest(snap, m);
        tkt_snapshot_end(snap);
        if (chance(m, 30))
            model_check(m);
    }
    model_check(m);
    model_close(m);
}

int main(int argc, char **argv)
{
    static const shape small = { 30, 8, 12, 14, false }, built = { 60, 6, 15, 14, true };
    static const shape large = { 2500, 3, 200, 40, false }, large_built = { 4000, 3, 300, 40, true };
    model *m = calloc(1, sizeof *m);
    bool full = getenv("TKT_TEST_FULL") != NULL;
    uint64_t seed = 1, rounds = full ? 200 : 14;
    MUST(m != NULL);
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seed") == 0)
            seed = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--rounds") == 0)
            rounds = strtoull(argv[i + 1], NULL, 10);
    }
    for (uint64_t i = 0; i < rounds; i++) {
        bool big = i % 7 == 6;
        round_of(m, seed + i, i % 2 == 0 ? (big ? &large : &small) : big ? &large_built : &built);
    }
    printf("%llu queries over %llu catalogues: each answer is the oracle's\n", (unsigned long long)asked,
           (unsigned long long)rounds);
    free(m->posting);
    free(m);
    return 0;
}
