/* SPDX-License-Identifier: MIT
 *
 * tests/bench/search/engine.h: what the engines written in C and C++ share: the query file, the turns, the answers.
 *
 * Query file, one a line, in order of classes:
 *   class TAB text TAB from ms TAB to ms TAB city TAB category TAB words
 * text: as a person would type it, for us; a trailing '|' marks its end (a text may end in a space). from = to = 0: no
 * window. words: for the peers: all of them, with a space between; each is one word, or several with '|' between, any of
 * which will do.
 *
 * An engine reads commands on standard input, one a line: "CLASS ORDER SECONDS FILE": answers the queries of the class,
 * by ORDER (date, relevance), until so many seconds are over (queries are in no order, so the first are a fair sample),
 * and writes FILE, one line a query: nanoseconds TAB total TAB starts of its first 20 hits
 * with a comma between. Then it prints "done". Nothing but the answering is timed.
 */
#ifndef TKT_BENCH_ENGINE_H
#define TKT_BENCH_ENGINE_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ENGINE_PAGE 20
#define ENGINE_LINE (1 << 20)

typedef struct engine_query {
    char class_;
    char *text, *city, *category, *words;
    int64_t from_ms, to_ms;
} engine_query;

typedef struct engine_answer {
    uint64_t ns, total;
    uint32_t hits;
    int64_t start[ENGINE_PAGE];
} engine_answer;

/* Answers the query into answer->total, hits and start. */
typedef void (*engine_fn)(void *user, const engine_query *query, int by_relevance, engine_answer *answer);

typedef struct engine_queries {
    size_t n;
    engine_query *query;
} engine_queries;

static inline void engine_die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static inline char *engine_field(char **at, char end)
{
    char *start = *at, *stop = start == NULL ? NULL : strchr(start, end);
    if (stop == NULL)
        engine_die("a line has too few fields");
    *stop = '\0';
    *at = stop + 1;
    return start;
}

static inline engine_queries engine_read(const char *path)
{
    engine_queries q = { 0, NULL };
    char *line = (char *)malloc(ENGINE_LINE);
    FILE *file = fopen(path, "r");
    if (file == NULL || line == NULL)
        engine_die("the query file can't be read");
    while (fgets(line, ENGINE_LINE, file) != NULL) {
        char *at = strdup(line);
        if ((q.n & (q.n - 1)) == 0)
            q.query = (engine_query *)realloc(q.query, (q.n == 0 ? 1 : 2 * q.n) * sizeof *q.query);
        engine_query *x = &q.query[q.n++];
        x->class_ = engine_field(&at, '\t')[0];
        x->text = engine_field(&at, '\t');
        if (x->text[0] != '\0')
            x->text[strlen(x->text) - 1] = '\0';
        x->from_ms = strtoll(engine_field(&at, '\t'), NULL, 10);
        x->to_ms = strtoll(engine_field(&at, '\t'), NULL, 10);
        x->city = engine_field(&at, '\t');
        x->category = engine_field(&at, '\t');
        x->words = engine_field(&at, '\n');
    }
    fclose(file);
    free(line);
    return q;
}

static inline uint64_t engine_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline void engine_turn(const engine_queries *q, char class_, int by_relevance, uint64_t seconds, const char *path,
                               engine_fn fn, void *user)
{
    engine_answer *answers = (engine_answer *)calloc(q->n, sizeof *answers);
    size_t n = 0;
    uint64_t end = engine_ns() + seconds * 1000000000u;
    if (answers == NULL)
        engine_die("no memory for answers");
    for (size_t i = 0; i < q->n; i++) {
        if (q->query[i].class_ != class_)
            continue;
        uint64_t began = engine_ns();
        fn(user, &q->query[i], by_relevance, &answers[n]);
        answers[n++].ns = engine_ns() - began;
        if (began > end)
            break;
    }
    FILE *file = fopen(path, "w");
    if (file == NULL)
        engine_die("the answers can't be written");
    for (size_t i = 0; i < n; i++) {
        fprintf(file, "%" PRIu64 "\t%" PRIu64 "\t", answers[i].ns, answers[i].total);
        for (uint32_t h = 0; h < answers[i].hits; h++)
            fprintf(file, h == 0 ? "%" PRId64 : ",%" PRId64, answers[i].start[h]);
        fputc('\n', file);
    }
    if (fclose(file) != 0)
        engine_die("the answers can't be written");
    free(answers);
}

/* Takes commands until the input ends. */
static inline void engine_serve(const engine_queries *q, engine_fn fn, void *user)
{
    char line[4096];
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        char class_, order[16], path[3000];
        unsigned seconds;
        if (sscanf(line, "%c %15s %u %2999s", &class_, order, &seconds, path) != 4)
            engine_die("not a command");
        engine_turn(q, class_, strcmp(order, "relevance") == 0, seconds, path, fn, user);
        puts("done");
        fflush(stdout);
    }
}

#endif
