/* SPDX-License-Identifier: MIT
 *
 * search/query.h: a query as the host set it, as a tree of lists, and as results; what the files of the
 * reading side share.
 *
 *   query.c    the setters           parse.c   words, phrases, exclusions
 *   expand.c   prefixes, typos, stems          plan.c   terms become lists, cheapest first
 *   exec.c     windows of documents  fill.c    the lists of a window
 *   pages.c    very many lists       sparse.c  one by one
 *   match.c    what only a document's facts can tell
 *   collect.c  orders and pages      facet.c   counts           results.c   what the host gets
 *   place.c    venues in a circle    suggest.c names that begin so
 */
#ifndef TKT_SEARCH_QUERY_H
#define TKT_SEARCH_QUERY_H

#include <ticketing/search.h>

#include <stdatomic.h>

#include "search/reader.h"

/* A cursor, in hex: format u8, fingerprint of the query u64, key i64, start i64, event u32; by relevance what scores rest on
 * (tkt__measures): events u32, rest u32, words u8, each word u32, events u32. */
#define TKT__CURSOR_FORMAT 2
#define TKT__CURSOR_WORDS 32u
#define TKT__CURSOR_LEAST 38u /* bytes: no words */
#define TKT__CURSOR_BYTES (TKT__CURSOR_LEAST + 8 * TKT__CURSOR_WORDS)
#define TKT__CURSOR_TEXT (2 * TKT__CURSOR_BYTES)

typedef struct tkt__filter_set {
    uint32_t n;
    tkt__slice term[TKT_QUERY_FILTERS_MAX];
} tkt__filter_set;

/* The place of a hit in the order; smaller comes first. */
typedef struct tkt__place {
    int64_t key;      /* −score, metres, minor units, 0 */
    int64_t start_ms;
    uint32_t event;
} tkt__place;

/* How many events there were, and how many with a word, when a list was begun by relevance. The list goes on with these:
 * scores move with every event that comes or goes, and a place in it would be nobody's. Of more words than fit, those typed
 * and those of the most events stand here, and the rest count like the last of them. */
typedef struct tkt__measures {
    uint32_t events, words, rest; /* rest 0: a word that is not here counts by itself */
    struct {
        uint32_t word, events; /* low half of the term's XXH3; 0: typed, and nobody had it */
    } of[TKT__CURSOR_WORDS];
} tkt__measures;

struct tkt_query {
    tkt_hooks hooks;
    tkt__arena arena;  /* texts of filters */
    char text[TKT_QUERY_TEXT_MAX];
    size_t text_n;
    uint32_t match, prefix, typo, sort, facets;
    uint8_t language;
    bool during, available, near;
    uint32_t at_least, page, page_size;
    int64_t from_ms, to_ms, radius_m, min_minor, max_minor, time_ms;
    uint64_t work;
    int32_t latitude_e7, longitude_e7;
    char currency[TKT_CURRENCY_BYTES];
    bool has_cursor;
    uint64_t cursor_query;
    tkt__place cursor;
    tkt__measures measures;
    tkt__filter_set city, country, category, venue, performer;
};
uint64_t tkt__query_fingerprint(const tkt_query *query);

/* ---- the tree (parse.c): texts live in the search's arena ----------------------------------------- */

typedef struct tkt__phrase {
    uint32_t n;
    tkt__slice word[TKT_QUERY_WORDS_MAX];
} tkt__phrase;

/* One list in the tree, with what a level is worth in it. */
typedef struct tkt__leaf {
    tkt__slice record;        /* of its term; lives as long as the snapshot */
    uint32_t n;               /* documents */
    uint32_t word;            /* low half of the term's XXH3 */
    double factor;
    uint32_t worth[TKT__LEVELS]; /* × 65,536; all 0: does not score */
    tkt__reader_list reader;
} tkt__leaf;

/* A list in its part's heap: the document it stands on, and which it is. */
typedef struct tkt__heap_item {
    uint32_t doc, leaf;
} tkt__heap_item;

/* One word: any of its lists. A clause: any of its alternatives, which are words that must all be there. */
typedef struct tkt__part {
    tkt__slice word;
    bool prefix, fixed;  /* fixed: neither prefix, typo nor stem */
    bool nobodys;        /* no event has what was typed: others stand for it */
    uint32_t leaves;
    tkt__leaf *leaf;
    tkt__heap_item *heap; /* of several leaves: that which stands on the earliest document first */
    struct tkt__pages *pages; /* of very many, without scores: all of the range at once (pages.c) */
} tkt__part;

typedef struct tkt__alternative {
    uint32_t parts;
    tkt__part *part;
} tkt__alternative;

typedef enum tkt__clause_kind { TKT__MUST, TKT__SHOULD, TKT__NOT } tkt__clause_kind;
typedef struct tkt__clause {
    uint8_t kind;
    bool scores, before_window; /* the latter: only for documents that began before it */
    uint32_t alternatives, leaves;
    tkt__alternative alternative[2];
    const tkt__phrase *phrase; /* to be looked for in the text, too */
    uint64_t cost;             /* postings at most */
} tkt__clause;

#define TKT__CLAUSES_MAX (TKT_QUERY_WORDS_MAX + 9) /* words and filters */
typedef struct tkt__search {
    tkt_snapshot *snapshot;
    tkt__tx *tx;
    const tkt_query *query;
    const tkt_hooks *hooks;
    tkt__arena arena;
    tkt__index_meta meta;
    tkt__index_counts counts;
    tkt__stemmer *stemmer;
    bool relevance, empty, cut; /* empty: some clause has no list; cut: an expansion was */
    uint32_t sort, words;
    tkt__measures measures; /* by relevance: what scores rest on */
    int64_t longest_ms; /* duration that some event has, at most */
    uint32_t clauses;
    tkt__clause clause[TKT__CLAUSES_MAX];
    tkt__cursor *shared;        /* of POSTING: for lists that are read whole */
    uint64_t work;
    int64_t started_ms;
    bool over;                  /* the budget is used up */
    struct tkt__matcher *matcher;
    struct tkt__collector *collector;
    struct tkt__facets *facets;
} tkt__search;

int32_t tkt__parse(tkt__search *s);
/* A piece of a query's text: a word or what is joined to it, or a phrase; negative: it is excluded. */
typedef struct tkt__piece {
    const char *p;
    size_t n;
    bool quoted, negative, open; /* open: the text ends with it, so that it may be still typed */
} tkt__piece;
bool tkt__piece_next(const char *text, size_t n, size_t *at, tkt__piece *piece);
int32_t tkt__expand(tkt__search *s);
/* place.c: the venues within the query's radius, each once; told: there are at most so many, all of them here. */
#define TKT__NEAR_VENUES_MAX 1024
int32_t tkt__near_venues(tkt__search *s, uint64_t **venues, uint32_t *n, bool *told);
bool tkt__within(const tkt_query *query, int32_t latitude_e7, int32_t longitude_e7); /* match.c */
/* Words within an edit or two that some event has: the best TKT_TYPO_WORDS_MAX, as leaves. */
int32_t tkt__expand_typo(tkt__search *s, tkt__part *part);
int32_t tkt__plan(tkt__search *s);
void tkt__plan_close(tkt__search *s);
int32_t tkt__exec(tkt__search *s);

/* ---- one document (match.c) -------------------------------------------------------------------------- */

typedef struct tkt__candidate {
    uint32_t docno, score;
    bool has_column;
    tkt__column column;
    int64_t distance_m; /* −1: not known */
    int64_t price;      /* lowest in the query's currency; INT64_MAX: none */
} tkt__candidate;

int32_t tkt__matcher_open(tkt__search *s);
void tkt__matcher_close(tkt__search *s);
/* Whether documents of this day must be asked one by one. */
bool tkt__match_needed(const tkt__search *s, uint32_t day);
/* Whether it is for other reasons than the dates of the query. */
bool tkt__match_by_facts(const tkt__search *s);
/* Whether the order of the day's slots tells as well, but for those that lost it. */
bool tkt__match_by_order(const tkt__search *s, uint32_t day);
/* Keeps of the day's documents, which rise, those within the dates of the query. */
int32_t tkt__match_edge(tkt__search *s, uint32_t day, uint32_t *doc, uint32_t *n);
/* Clears the documents of a window outside the dates of the query, by the order of the day's slots. *told: false
 * when some have slots without order, and nothing was cleared. */
int32_t tkt__match_trim(tkt__search *s, uint32_t base, uint64_t *word, uint32_t words, bool *told);
/* TKT_DONE: it passes all that lists can't tell. TKT_NOT_FOUND: it does not. */
int32_t tkt__match(tkt__search *s, tkt__candidate *candidate);
/* Whether the phrase stands in one field of the document. */
int32_t tkt__match_phrase(tkt__search *s, uint32_t docno, const tkt__phrase *phrase, bool *there);
int32_t tkt__match_column(tkt__search *s, tkt__candidate *candidate);
int32_t tkt__match_distance(tkt__search *s, tkt__candidate *candidate); /* where the query has a point */
/* Plain city of a venue; empty: none. Lives as long as the search. */
int32_t tkt__match_city(tkt__search *s, uint32_t venue, tkt__slice *city);

/* ---- orders and counts --------------------------------------------------------------------------------- */

int32_t tkt__collector_open(tkt__search *s);
void tkt__collector_close(tkt__search *s);
int32_t tkt__collect(tkt__search *s, tkt__candidate *candidate);
int32_t tkt__collect_end(tkt__search *s);
/* By date alone: the n documents of a window, where only lists decide. Where the page needs none of their day
 * they are counted by number. */
bool tkt__collects_by_day(const tkt__search *s);
int32_t tkt__collect_window(tkt__search *s, uint32_t base, const uint64_t *word, uint32_t words, uint32_t n);
/* By date alone: a day begins, none before it comes again. *counted: nothing of it is on the page, so that its
 * documents may be told by number (tkt__collect_passed). */
int32_t tkt__collect_day(tkt__search *s, uint32_t day, bool *counted);
/* By date alone: a document of a day where tkt__match_by_order holds, and all of that day come this way. */
int32_t tkt__collect_edge(tkt__search *s, uint32_t docno);
/* By relevance: may a document of at most this score be on the page? */
bool tkt__collect_can_enter(const tkt__search *s, uint32_t docno, uint64_t most);
/* n matches that are not on the page. */
void tkt__collect_passed(tkt__search *s, uint32_t n);

typedef struct tkt__hit {
    tkt__place place;
    uint32_t score;
    int64_t distance_m;
} tkt__hit;

/* The total; the page's hits live as long as the search. */
uint64_t tkt__collected(const tkt__search *s, const tkt__hit **hit, uint32_t *n, bool *more);

typedef struct tkt__facet_value {
    tkt__slice text;
    uint64_t count;
} tkt__facet_value;

/* What somebody made of results, to be read by all who own them. */
typedef struct tkt__kept_text {
    size_t n;
    uint8_t bytes[];
} tkt__kept_text;

/* Immutable once given, save for `text`, which comes once and stays. */
struct tkt_results {
    tkt_hooks hooks;
    _Atomic uint32_t owners; /* the host, and the cache */
    tkt__kept_text *_Atomic text; /* NULL: none (cache.c) */
    tkt__arena arena; /* of facets */
    uint64_t total, work;
    bool lower_bound, more;
    uint32_t hits;
    tkt__hit *hit;
    uint32_t next_n;
    char next[TKT__CURSOR_TEXT];
    uint32_t facet_n[4];
    tkt__facet_value *facet[4];
};

int32_t tkt__facets_open(tkt__search *s);
int32_t tkt__facets_count(tkt__search *s, tkt__candidate *candidate);
int32_t tkt__facets_give(tkt__search *s, tkt_results *results);

#endif
