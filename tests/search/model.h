/* SPDX-License-Identifier: MIT
 *
 * tests/search/model.h: what the oracle knows: a small catalogue in plain memory, changed together with a
 * store, and queries with their answers worked out by looking at every event (docs/search-semantics.md).
 *
 *   model.c   the catalogue, and the calls that change both     words.c  what each event has
 *   judge.c   one query, naively                                oracle.c random rounds
 */
#ifndef TKT_TEST_SEARCH_MODEL_H
#define TKT_TEST_SEARCH_MODEL_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ticketing/ticketing.h>

#include "search/search.h"

#define EVENTS_MAX 20000
#define OWNERS_MAX 64
#define PLACES 10u /* capacity of an event's one area */
#define TEXT_MAX 400
#define HITS_MAX 60

#define MUST(condition)                                                                                  \
    do {                                                                                                 \
        if (!(condition)) {                                                                              \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, tkt_error_text());        \
            abort();                                                                                     \
        }                                                                                                \
    } while (0)
#define OK(call) MUST((call) == TKT_DONE)

typedef struct owner { /* a venue or a performer */
    uint64_t id;
    char name[64], city[32], country[8];
    bool placed;
    int32_t latitude_e7, longitude_e7;
} owner;

typedef struct event {
    bool there;
    uint64_t id;
    char name[TEXT_MAX], description[TEXT_MAX], category[32], type[32], language[8];
    uint32_t venue; /* number + 1 */
    uint32_t performers, performer[4];
    int64_t start_ms, end_ms;
    bool has_end, date_only, end_date_only;
    bool priced;
    int64_t minor;
    char currency[4];
    bool area_priced;
    int64_t area_minor;
    char area_currency[4];
    uint32_t area_id; /* 0: no inventory */
    uint32_t booked;
    uint64_t booking[PLACES];
} event;

/* One word (or stem: two bytes of namespace before it) of one event. */
typedef struct posting {
    char word[72];
    uint32_t n, event;
    uint8_t level;
} posting;

typedef struct model {
    uint64_t random;
    char dir[64], path[80];
    int64_t now_ms;
    tkt_store *store;
    owner venue[OWNERS_MAX], performer[OWNERS_MAX];
    uint32_t venues, performers, events, live;
    event event[EVENTS_MAX];
    posting *posting;
    size_t postings, room;
} model;

typedef struct query {
    char text[TEXT_MAX];
    bool any, prefix_off, typo_off, during, available, near, windowed, priced;
    uint32_t at_least, sort, page, page_size;
    const char *language;
    int64_t from_ms, to_ms, radius_m, min_minor, max_minor;
    int32_t latitude_e7, longitude_e7;
    char currency[4];
    uint32_t cities, countries, categories, venues, performers;
    const char *city[2], *country[2], *category[2];
    uint32_t venue[2], performer[2]; /* numbers */
} query;

typedef struct answer {
    uint64_t total, in_month; /* events; of those in the first hit's month */
    uint32_t hits, all_n;
    struct { uint64_t id; uint32_t score; int64_t distance_m; } hit[HITS_MAX];
} answer;

uint32_t draw(model *m, uint32_t below);
bool chance(model *m, uint32_t per_cent);
int64_t epoch_ms(int year, int month, int day);

void model_open(model *m, uint64_t seed, bool indexed);
void model_close(model *m);
void model_owners(model *m);
void model_add(model *m);
void model_change(model *m, bool renames);
void model_check(model *m);
uint32_t model_any(model *m); /* a live event's number; EVENTS_MAX: none */
void model_text(model *m, char *out, uint32_t words);
const char *model_word(model *m);
extern const char *const model_cities[6], *const model_countries[3], *const model_categories[6];

/* words.c: all postings of the live events, sorted by word. Asks the index for its weights and averages. */
void model_words(model *m);

void judge(model *m, const query *q, answer *a);

#endif
