/* SPDX-License-Identifier: MIT
 *
 * tests/bench/search/overlap.c: how much of the exact BM25F order our 16 levels keep.
 *
 *   bench_search_overlap STORE DUMP QUERIES
 *
 * For the first queries of classes a, b and d: the first 20 by the exact score of docs/search-semantics.md section 5,
 * worked out from the dump with doubles, against the first 20 that we answer. An event of ours counts when its exact
 * score is not below the exact 20th's: among equals any will do. Printed: the mean part, over all and by class; and
 * the same against scores of 16 levels, which must be 1: what is missing in the first is then the rounding's.
 */
#include "engine.h"

#include "../bench.h"

#include <ticketing/ticketing.h>

#include "text/analyse.h"

#define A_CLASS 100
#define QUERIES_MAX 400
#define TERMS_MAX 8
#define FIELDS 7
#define FIRST_FIELD 4
#define COLUMNS 11
#define K1 1.2
#define B 0.75
#define LEVELS 16
#define LEVEL_FROM 0.30
#define LEVEL_TO 0.92

/* name, performers, venue, city, category, type, description */
static const double weight[FIELDS] = { 5, 4, 2, 1.5, 1.5, 1.5, 1 };
static const int normed[FIELDS] = { 1, 1, 1, 0, 0, 0, 1 };

typedef struct scored {
    double t[TERMS_MAX]; /* before idf, which is known at the end */
    double level[TERMS_MAX];
    uint64_t event;
    double score, rounded;
} scored;

typedef struct asked {
    const engine_query *query;
    char *word[TERMS_MAX];
    int words;
    uint32_t *term; /* of the table of asked words */
    size_t n, cap;
    scored *match;
} asked;

/* ---- asked words: a small table ----------------------------------------------------------------------------- */

#define TABLE (1u << 14)
typedef struct term {
    char text[TKT__WORD_MAX + 1];
    uint64_t events;
    uint32_t count[FIELDS], seen; /* in the event `seen` */
} term;
static term table[TABLE];

static term *find(const char *text, size_t n)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (uint8_t)text[i]) * 16777619u;
    uint32_t at = hash & (TABLE - 1);
    while (table[at].text[0] != '\0' && (strncmp(table[at].text, text, n) != 0 || table[at].text[n] != '\0'))
        at = (at + 1) & (TABLE - 1);
    return &table[at];
}

static asked ask[QUERIES_MAX];
static int asks;

static void take_queries(const engine_queries *q)
{
    int of_class[256] = { 0 };
    for (size_t i = 0; i < q->n && asks < QUERIES_MAX; i++) {
        const engine_query *x = &q->query[i];
        if (strchr("abd", x->class_) == NULL || of_class[(uint8_t)x->class_]++ >= A_CLASS)
            continue;
        asked *a = &ask[asks++];
        a->query = x;
        for (char *w = strtok(strdup(x->words), " "); w != NULL && a->words < TERMS_MAX; w = strtok(NULL, " ")) {
            MUST(strlen(w) <= TKT__WORD_MAX);
            strcpy(find(w, strlen(w))->text, w);
            a->word[a->words++] = w;
        }
    }
}

/* ---- two walks over the dump: lengths, then scores ------------------------------------------------------------ */

static uint64_t events;
static double average[FIELDS];

typedef struct event {
    int64_t start;
    uint64_t id;
    char *column[COLUMNS];
    uint32_t length[FIELDS];
} event;

static void split(char *line, event *e)
{
    for (int i = 0; i < COLUMNS; i++)
        e->column[i] = engine_field(&line, i == COLUMNS - 1 ? '\n' : '\t');
    e->start = strtoll(e->column[0], NULL, 10);
    e->id = strtoull(e->column[1], NULL, 10);
}

static void count_words(event *e, uint32_t number)
{
    for (int f = 0; f < FIELDS; f++) {
        e->length[f] = 0;
        for (const char *p = e->column[FIRST_FIELD + f]; *p != '\0';) {
            size_t n = strcspn(p, " ");
            if (!(n == 1 && *p == '/')) {
                term *t = find(p, n);
                e->length[f]++;
                if (t->text[0] != '\0' && t->seen != number) {
                    memset(t->count, 0, sizeof t->count);
                    t->seen = number;
                    t->events++;
                }
                t->count[f] += t->text[0] != '\0';
            }
            p += n + (p[n] == ' ');
        }
    }
}

static double t_of(const term *t, const event *e)
{
    double sum = 0;
    for (int f = 0; f < FIELDS; f++) {
        double norm = normed[f] && average[f] > 0 ? 1 - B + B * e->length[f] / average[f] : 1;
        sum += weight[f] * t->count[f] / norm;
    }
    return sum / (sum + K1);
}

static void score_event(const event *e, uint32_t number)
{
    for (int i = 0; i < asks; i++) {
        asked *a = &ask[i];
        const engine_query *q = a->query;
        int there = 0;
        while (there < a->words && find(a->word[there], strlen(a->word[there]))->seen == number)
            there++;
        if (there < a->words || (q->to_ms != 0 && (e->start < q->from_ms || e->start >= q->to_ms)) ||
            (q->city[0] != '\0' && strcmp(q->city, e->column[2]) != 0))
            continue;
        if (a->n == a->cap) {
            a->cap = a->cap == 0 ? 64 : 2 * a->cap;
            a->match = realloc(a->match, a->cap * sizeof *a->match);
            MUST(a->match != NULL);
        }
        scored *s = &a->match[a->n++];
        s->event = e->id;
        s->score = s->rounded = 0;
        for (int w = 0; w < a->words; w++) {
            s->t[w] = t_of(find(a->word[w], strlen(a->word[w])), e);
            double level = floor(LEVELS * (s->t[w] - LEVEL_FROM) / (LEVEL_TO - LEVEL_FROM));
            level = level < 0 ? 0 : level > LEVELS - 1 ? LEVELS - 1 : level;
            s->level[w] = LEVEL_FROM + (level + 0.5) * (LEVEL_TO - LEVEL_FROM) / LEVELS;
        }
    }
}

static void walk(const char *path, bool scoring)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t cap = 0;
    uint32_t number = 0;
    MUST(file != NULL);
    for (size_t i = 0; i < TABLE; i++)
        table[i].seen = 0, table[i].events = 0;
    while (getline(&line, &cap, file) > 0) {
        event e;
        split(line, &e);
        count_words(&e, ++number);
        for (int f = 0; f < FIELDS && !scoring; f++)
            average[f] += e.length[f];
        if (scoring)
            score_event(&e, number);
    }
    for (int f = 0; f < FIELDS && !scoring; f++)
        average[f] /= number;
    events = number;
    free(line);
    fclose(file);
}

/* ---- comparing -------------------------------------------------------------------------------------------------- */

static int higher(const void *a, const void *b)
{
    const scored *x = a, *y = b;
    return x->score != y->score ? (x->score > y->score ? -1 : 1) : (x->event > y->event) - (x->event < y->event);
}

static void finish(asked *a)
{
    for (size_t i = 0; i < a->n; i++)
        for (int w = 0; w < a->words; w++) {
            double n = (double)find(a->word[w], strlen(a->word[w]))->events;
            double idf = log(1 + ((double)events - n + 0.5) / (n + 0.5));
            a->match[i].score += idf * a->match[i].t[w];
            a->match[i].rounded += idf * a->match[i].level[w];
        }
    qsort(a->match, a->n, sizeof *a->match, higher);
}

static const scored *match_of(const asked *a, uint64_t id)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->match[i].event == id)
            return &a->match[i];
    return NULL;
}

/* The score that the 20th has when rounded scores decide. */
static double rounded_least(const asked *a, size_t want)
{
    double best[ENGINE_PAGE];
    size_t n = 0;
    for (size_t i = 0; i < a->n; i++) {
        double score = a->match[i].rounded;
        size_t at = n < want ? n++ : want - 1;
        if (at == want - 1 && n == want && i >= want && best[at] >= score)
            continue;
        for (; at > 0 && best[at - 1] < score; at--)
            best[at] = best[at - 1];
        best[at] = score;
    }
    return best[want - 1];
}

static double overlap(tkt_snapshot *snap, const asked *a, double *rounded)
{
    const engine_query *q = a->query;
    tkt_query *query;
    tkt_results *results;
    tkt_hit hit = TKT_HIT_INIT;
    size_t want = a->n < ENGINE_PAGE ? a->n : ENGINE_PAGE, good = 0, as_rounded = 0;
    double least = rounded_least(a, want);
    MUST(tkt_query_new(&query) == TKT_DONE && tkt_query_set_text(query, (tkt_text){ q->text, strlen(q->text) }) == TKT_DONE);
    MUST(tkt_query_set_prefix(query, TKT_EXPAND_OFF) == TKT_DONE && tkt_query_set_typo(query, TKT_EXPAND_OFF) == TKT_DONE);
    MUST(tkt_query_set_sort(query, TKT_SORT_RELEVANCE) == TKT_DONE);
    if (q->to_ms != 0)
        MUST(tkt_query_set_window(query, q->from_ms, q->to_ms) == TKT_DONE);
    if (q->city[0] != '\0')
        MUST(tkt_query_add_city(query, (tkt_text){ q->city, strlen(q->city) }) == TKT_DONE);
    MUST(tkt_search(snap, query, &results) == TKT_DONE);
    for (uint32_t i = 0; tkt_results_hit(results, i, &hit) == TKT_DONE; i++) {
        const scored *match = match_of(a, hit.event_id);
        MUST(match != NULL);
        good += match->score >= a->match[want - 1].score - 1e-9;
        as_rounded += match->rounded >= least - 1e-3; /* ours counts in 65,536ths */
    }
    *rounded = (double)as_rounded / (double)want;
    tkt_results_free(results);
    tkt_query_free(query);
    return (double)good / (double)want;
}

int main(int argc, char **argv)
{
    tkt_store *store;
    tkt_snapshot *snap;
    double rounded, sum_rounded = 0, sum = 0, sums[256] = { 0 };
    int n = 0, ns[256] = { 0 };
    MUST(argc == 4);
    engine_queries q = engine_read(argv[3]);
    take_queries(&q);
    walk(argv[2], false);
    walk(argv[2], true);
    MUST(tkt_store_open(argv[1], strlen(argv[1]), NULL, &store) == TKT_DONE && tkt_snapshot_begin(store, &snap) == TKT_DONE);
    for (int i = 0; i < asks; i++) {
        finish(&ask[i]);
        if (ask[i].n <= ENGINE_PAGE) /* all of them are on the page */
            continue;
        MUST(tkt_snapshot_renew(snap) == TKT_DONE);
        double part = overlap(snap, &ask[i], &rounded);
        sum_rounded += rounded;
        uint8_t c = (uint8_t)ask[i].query->class_;
        sum += part, sums[c] += part;
        n++, ns[c]++;
    }
    printf("{\"queries\": %d, \"meanAt20\": %.4f, \"meanAt20OfRounded\": %.4f", n, n == 0 ? 1.0 : sum / n,
           n == 0 ? 1.0 : sum_rounded / n);
    for (const char *c = "abd"; *c != '\0'; c++)
        printf(", \"%c\": %.4f", *c, ns[(uint8_t)*c] == 0 ? 1.0 : sums[(uint8_t)*c] / ns[(uint8_t)*c]);
    puts("}");
    tkt_snapshot_end(snap);
    tkt_store_close(store);
    return 0;
}
