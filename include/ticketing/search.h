/* SPDX-License-Identifier: MIT
 *
 * ticketing/search.h: finding events: words, filters, orders, pages, facets, suggestions.
 *
 * docs/search-semantics.md is the definition of every word used here. The index changes in the commit
 * that changes an event, and a search reads one snapshot: it is always in step with the catalogue.
 *
 *     tkt_query *query;
 *     tkt_results *results;
 *     tkt_hit hit = TKT_HIT_INIT;
 *     tkt_query_new(&query);
 *     tkt_query_set_text(query, text);
 *     tkt_query_add_city(query, city);
 *     tkt_search(snapshot, query, &results);
 *     for (uint32_t i = 0; tkt_results_hit(results, i, &hit) == TKT_DONE; i++) …
 *
 * A query may be used for many searches, by one thread at a time. Results are the caller's own: they
 * outlive snapshot and store.
 */
#ifndef TICKETING_SEARCH_H
#define TICKETING_SEARCH_H

#include <ticketing/store.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TKT_QUERY_TEXT_MAX 1024  /* bytes of the words */
#define TKT_QUERY_WORDS_MAX 32
#define TKT_QUERY_FILTERS_MAX 64 /* cities, countries, venues, performers, categories, each */
#define TKT_PAGE_SIZE_MAX 1000
#define TKT_PAGE_DEPTH_MAX 10000 /* page × size, save by date; beyond it use a cursor */
#define TKT_PREFIX_WORDS_MAX 1024
#define TKT_TYPO_WORDS_MAX 8
#define TKT_FACET_VALUES_MAX 100
#define TKT_SUGGESTIONS_MAX 10

typedef struct tkt_query tkt_query;
typedef struct tkt_results tkt_results;

/* An empty query: everything, by date, first 20. -TKT_E_NOMEM. */
TKT_API int32_t tkt_query_new(tkt_query **query);
TKT_API void tkt_query_free(tkt_query *query); /* NULL is fine */

/* Setters copy what they are given; a failure leaves the query as it was. Every one answers -TKT_E_INVALID
 * for a NULL query, malformed UTF-8 or a value out of its range, -TKT_E_LIMIT past a limit, -TKT_E_NOMEM. */

/* Words, "phrases", -exclusions. An empty text takes the words away. */
TKT_API int32_t tkt_query_set_text(tkt_query *query, tkt_text text);
#define TKT_MATCH_ALL UINT32_C(0)
#define TKT_MATCH_ANY UINT32_C(1)
TKT_API int32_t tkt_query_set_match(tkt_query *query, uint32_t match);
#define TKT_EXPAND_AUTO UINT32_C(0)
#define TKT_EXPAND_OFF UINT32_C(1)
/* Whether the last word also stands for those that begin with it; whether unknown words are corrected. */
TKT_API int32_t tkt_query_set_prefix(tkt_query *query, uint32_t expand);
TKT_API int32_t tkt_query_set_typo(tkt_query *query, uint32_t expand);
/* ISO 639 code or English name: words also match by stem. Empty: no stems. TKT_NOT_FOUND: this library
 * cannot stem it (the query is unchanged). */
TKT_API int32_t tkt_query_set_language(tkt_query *query, tkt_text language);

/* from ≤ start < to, instants in ms; INT64_MIN and INT64_MAX: open. -TKT_E_INVALID when from > to. */
TKT_API int32_t tkt_query_set_window(tkt_query *query, int64_t from_ms, int64_t to_ms);
/* 1: the window is for events that run during it, whenever they began; a plain date lasts to the end of its day. */
TKT_API int32_t tkt_query_set_during(tkt_query *query, int32_t yes);
/* Filters: several of a kind widen, kinds narrow. Texts are compared by their words, folded: "Club-9" is "club 9", and one
 * without any letter or number is nobody's. At most 256 bytes, a venue's name 1,024, of which the first 480 count. */
TKT_API int32_t tkt_query_add_city(tkt_query *query, tkt_text city);
TKT_API int32_t tkt_query_add_country(tkt_query *query, tkt_text country);
TKT_API int32_t tkt_query_add_category(tkt_query *query, tkt_text category);
TKT_API int32_t tkt_query_add_venue(tkt_query *query, uint64_t venue_id);
TKT_API int32_t tkt_query_add_venue_name(tkt_query *query, tkt_text name); /* those whose whole name it is now */
TKT_API int32_t tkt_query_add_performer(tkt_query *query, uint64_t performer_id);
/* Venues at most radius_m metres away; 0: any distance (a point to sort by). Degrees × 10^7. */
TKT_API int32_t tkt_query_set_near(tkt_query *query, int32_t latitude_e7, int32_t longitude_e7, int64_t radius_m);
/* min ≤ lowest price ≤ max in minor units; INT64_MIN and INT64_MAX: open. currency empty: the event's own, and the bounds
 * are hundredths of its unit: 4000 is 40.00 EUR, 40 JPY and 40.000 KWD. Open at both ends nothing is filtered, and the
 * currency tells only by which prices TKT_SORT_PRICE goes. */
TKT_API int32_t tkt_query_set_price(tkt_query *query, int64_t min_minor, int64_t max_minor, tkt_text currency);
/* 1: only what is not sold out. at_least: that many places free now; 0: no matter. */
TKT_API int32_t tkt_query_set_available(tkt_query *query, int32_t yes, uint32_t at_least);

#define TKT_SORT_AUTO UINT32_C(0) /* relevance when there are words, else date */
#define TKT_SORT_DATE UINT32_C(1)
#define TKT_SORT_RELEVANCE UINT32_C(2)
#define TKT_SORT_DISTANCE UINT32_C(3) /* needs a point */
#define TKT_SORT_PRICE UINT32_C(4)
TKT_API int32_t tkt_query_set_sort(tkt_query *query, uint32_t sort);
/* page from 1, size 1…TKT_PAGE_SIZE_MAX. Takes a cursor away. */
TKT_API int32_t tkt_query_set_page(tkt_query *query, uint32_t page, uint32_t size);
/* A cursor that tkt_results_next gave for the same query: the page after it. Empty: none. -TKT_E_PARSE when
 * it is no cursor; tkt_search answers -TKT_E_INVALID when it is another query's. */
TKT_API int32_t tkt_query_set_cursor(tkt_query *query, tkt_text cursor);

#define TKT_FACET_MONTH UINT32_C(1)    /* "2027-03" */
#define TKT_FACET_CITY UINT32_C(2)     /* plain form */
#define TKT_FACET_CATEGORY UINT32_C(4) /* plain form; the event's category, else its type */
#define TKT_FACET_PRICE UINT32_C(8)    /* "EUR 20-50", "free": lowest price in the event's own currency */
TKT_API int32_t tkt_query_set_facets(tkt_query *query, uint32_t kinds);
/* Most postings and candidates to look at, most milliseconds; 0: no limit. Past either the total is a lower
 * bound and flagged. */
TKT_API int32_t tkt_query_set_budget(tkt_query *query, uint64_t work, int64_t time_ms);

/* Searches. TKT_DONE also when nothing matches. -TKT_E_UPGRADE: the store has no index, or one of another
 * version: build it anew. -TKT_E_INVALID: a sort without its point, a cursor of another query.
 * -TKT_E_LIMIT: too many words, too deep a page. Also INVALID, NOMEM, CORRUPT, IO, TOO_OLD. */
TKT_API int32_t tkt_search(tkt_snapshot *snapshot, const tkt_query *query, tkt_results **results);
TKT_API void tkt_results_free(tkt_results *results); /* NULL is fine */

typedef struct tkt_total {
    uint32_t size;
    uint32_t lower_bound; /* 1: there may be more */
    uint64_t total;
    uint64_t work;        /* postings and candidates looked at */
    uint32_t hits;        /* on this page */
    uint32_t reserved;
} tkt_total;
#define TKT_TOTAL_INIT { (uint32_t)sizeof(tkt_total), 0, 0, 0, 0, 0 }
TKT_API int32_t tkt_results_total(const tkt_results *results, tkt_total *total);

typedef struct tkt_hit {
    uint32_t size;
    uint32_t reserved;
    uint64_t event_id;
    int64_t start_ms;
    double score;       /* 0 unless sorted by relevance */
    int64_t distance_m; /* from the query's point; −1: no point, or no position */
} tkt_hit;
#define TKT_HIT_INIT { (uint32_t)sizeof(tkt_hit), 0, 0, 0, 0, 0 }
/* Hit `index` (0…) of the page. TKT_NOT_FOUND past the last. */
TKT_API int32_t tkt_results_hit(const tkt_results *results, uint32_t index, tkt_hit *hit);
/* The cursor of the next page, at most 640 bytes; empty when this is the last. Lives as long as the results. */
TKT_API tkt_text tkt_results_next(const tkt_results *results);

typedef struct tkt_facet {
    uint32_t size;
    uint32_t reserved;
    uint64_t count;
    tkt_text value; /* lives as long as the results */
} tkt_facet;
#define TKT_FACET_INIT { (uint32_t)sizeof(tkt_facet), 0, 0, { NULL, 0 } }
/* Value `index` (0…) of one kind. TKT_NOT_FOUND past the last. */
TKT_API int32_t tkt_results_facet(const tkt_results *results, uint32_t kind, uint32_t index, tkt_facet *facet);

/* ---- suggestions -------------------------------------------------------------------------------------------- */

#define TKT_SUGGEST_EVENT UINT32_C(1)
#define TKT_SUGGEST_PERFORMER UINT32_C(2)
#define TKT_SUGGEST_VENUE UINT32_C(4)
#define TKT_SUGGEST_CITY UINT32_C(8)
typedef struct tkt_suggestions tkt_suggestions;
typedef struct tkt_suggestion {
    uint32_t size;
    uint32_t kind;   /* one TKT_SUGGEST_… */
    uint64_t id;     /* of the event, performer or venue; 0: a city */
    uint64_t events; /* that it has; 1: an event */
    tkt_text name;   /* as it is written; lives as long as the suggestions */
} tkt_suggestion;
#define TKT_SUGGESTION_INIT { (uint32_t)sizeof(tkt_suggestion), 0, 0, 0, { NULL, 0 } }

/* What may be meant by a beginning, at most TKT_SUGGESTIONS_MAX of each kind asked for (0: all kinds):
 * performers, venues and cities whose plain name, or one of whose words, begins so, those with the most events
 * first, then by name; then the next events, from the snapshot's now on, that a search for it finds. What is
 * empty when folded suggests nothing. -TKT_E_UPGRADE: no index. INVALID, LIMIT, NOMEM, CORRUPT, IO, TOO_OLD.
 * The suggestions are the caller's own and outlive snapshot and store. Since 0.1. */
TKT_API int32_t tkt_suggest(tkt_snapshot *snapshot, tkt_text text, uint32_t kinds, tkt_suggestions **suggestions);
TKT_API void tkt_suggestions_free(tkt_suggestions *suggestions); /* NULL is fine */
/* Suggestion `index` (0…), kind by kind. TKT_NOT_FOUND past the last. */
TKT_API int32_t tkt_suggestions_get(const tkt_suggestions *suggestions, uint32_t index, tkt_suggestion *suggestion);

/* ---- building the index anew ------------------------------------------------------------------------------- */

#define TKT_REINDEX_MEMORY UINT64_C(268435456) /* bytes, unless said otherwise */
#define TKT_REINDEX_THREADS_MAX 64

/* The host runs fn(arg, 0), fn(arg, 1), … fn(arg, n − 1), at once on as many threads as it likes, and returns
 * when all are done. */
typedef void (*tkt_parallel_fn)(void *user, uint32_t n, void (*fn)(void *arg, uint32_t i), void *arg);

typedef struct tkt_reindex_progress {
    uint32_t size;
    uint32_t reserved;
    uint64_t events_done, events; /* read */
    uint64_t terms_done;          /* written: they come when all events are read */
} tkt_reindex_progress;

typedef struct tkt_reindex_options {
    uint32_t size;
    uint32_t threads;       /* how many the hook may use, 1…TKT_REINDEX_THREADS_MAX; 0: 1 */
    uint64_t memory_bytes;  /* for gathering, at least 1 MiB; 0: TKT_REINDEX_MEMORY. 4 bytes an event come on top */
    tkt_text scratch;       /* a folder for what does not fit; empty: TMPDIR, else /tmp */
    int32_t (*progress)(void *user, const tkt_reindex_progress *so_far); /* may be NULL; non-zero stops */
    tkt_parallel_fn parallel; /* may be NULL: one thread */
    void *user;
    const void *reserved_pointer; /* NULL: no hole is left where pointers have 32 bits */
} tkt_reindex_options;
#define TKT_REINDEX_OPTIONS_INIT { (uint32_t)sizeof(tkt_reindex_options), 0, 0, { NULL, 0 }, NULL, NULL, NULL, NULL }

typedef struct tkt_reindex_stats {
    uint32_t size;
    uint32_t reserved;
    uint64_t events, terms, postings;
    uint64_t runs;   /* sorted pieces that were merged */
    uint64_t caught; /* events that changed meanwhile and were brought up to date */
} tkt_reindex_stats;
#define TKT_REINDEX_STATS_INIT { (uint32_t)sizeof(tkt_reindex_stats), 0, 0, 0, 0, 0, 0 }

/* Builds the index of all events anew beside the one there is (if any), and puts it in its place with one
 * commit. Searches, bookings and changes of the catalogue go on meanwhile; what changed is brought up to date
 * before the new index is shown. Interrupted at any moment it leaves the old index. It takes snapshots that
 * live as long as the build: the file grows by what others write meanwhile. options and stats may be NULL.
 * Callbacks run with no transaction of this thread open for writing. -TKT_E_BUSY: another build is under way.
 * -TKT_E_STOPPED: progress said so. Also INVALID, NOMEM, IO, FULL, READ_ONLY, CORRUPT. Since 0.1. */
TKT_API int32_t tkt_reindex(tkt_store *store, const tkt_reindex_options *options, tkt_reindex_stats *stats);
/* Takes the index away, for a large load that is to be followed by a build: until then searches answer
 * -TKT_E_UPGRADE. Bookings go on. -TKT_E_BUSY: a build is under way. Since 0.1. */
TKT_API int32_t tkt_index_drop(tkt_store *store);
/* Whether there is an index: *state gets TKT_INDEX_… (store.h). One read, where tkt_store_stats counts rows.
 * Errors of any read. Since 0.1. */
TKT_API int32_t tkt_index_state(tkt_snapshot *snapshot, uint32_t *state);

#ifdef __cplusplus
}
#endif
#endif
