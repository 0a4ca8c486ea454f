/* SPDX-License-Identifier: MIT
 *
 * tests/bench/search/queries.c: the queries of the eight classes, made from the dumped events.
 *
 *   bench_search_queries DUMP PER_CLASS > FILE
 *
 * The form of the file: engine.h. What a prefix or a mistyped word stands for is worked out here from the words of
 * the dump alone, by docs/search-semantics.md section 3 and not by the index: so every engine gets the same lists, and
 * equal totals show that our index expands as it should.
 *
 *   a  a performer's name                     b  a common word, in a city
 *   c  a very common word, in 7 days          d  two or three words of one event, in 30 days
 *   e  category and city, in 30 days          f  a prefix of 2 to 4 letters
 *   g  one word with a typo                   h  nothing: two words that never meet, or a word nobody has in a city
 */
#include "../bench.h"

#include <ticketing/ticketing.h>

#include "text/analyse.h"

#include "vocabulary.h"

#define SEED UINT64_C(77)
#define MS_DAY INT64_C(86400000)
#define SAMPLE 60000       /* events kept whole, spread over the dump */
#define TRIES 400          /* draws a query before a class is closed short */
#define COMMON_FIRST 20    /* ranks of common words */
#define COMMON_LAST 1000
#define VERY_COMMON 30
#define MISTYPED_LEAST 5   /* letters */
#define FIELDS 11
#define WORDS_A_LINE 1024
enum { START, EVENT, CITY, CATEGORY, NAME, PERFORMERS, VENUE, CITY_WORDS, CATEGORY_WORDS, TYPE, DESCRIPTION };

typedef struct sample {
    int64_t start;
    char *line, *field[FIELDS];
} sample;

static vocabulary words;
static sample *samples;
static uint32_t kept;
static uint64_t chance = SEED;

/* ---- reading -------------------------------------------------------------------------------------------- */

static void split(char *line, char *field[FIELDS])
{
    for (int i = 0; i < FIELDS; i++) {
        field[i] = line;
        line += strcspn(line, i == FIELDS - 1 ? "\n" : "\t");
        MUST(*line != '\0');
        *line++ = '\0';
    }
}

/* Each word of the event once. */
static void count_words(char *field[FIELDS], uint32_t event)
{
    for (int i = NAME; i < FIELDS; i++) {
        const char *p = field[i];
        while (*p != '\0') {
            size_t n = strcspn(p, " ");
            if (!(n == 1 && *p == '/'))
                vocabulary_count(&words, p, n, event);
            p += n + (p[n] == ' ');
        }
    }
}

static void read_dump(const char *path)
{
    FILE *file = fopen(path, "r");
    char *line = NULL, *field[FIELDS];
    size_t cap = 0;
    uint32_t event = 0;
    ssize_t n;
    MUST(file != NULL);
    samples = calloc(SAMPLE, sizeof *samples);
    MUST(samples != NULL);
    while ((n = getline(&line, &cap, file)) > 0) {
        /* The first SAMPLE, then each takes a drawn place with falling chance: all are as likely. */
        uint64_t place = event < SAMPLE ? event : bench_draw(&chance) % (event + 1);
        if (place < SAMPLE) {
            free(samples[place].line);
            samples[place].line = strdup(line);
            MUST(samples[place].line != NULL);
            split(samples[place].line, samples[place].field);
            samples[place].start = strtoll(samples[place].field[START], NULL, 10);
        }
        split(line, field);
        count_words(field, ++event);
    }
    kept = event < SAMPLE ? event : SAMPLE;
    MUST(kept > 0);
    fclose(file);
    free(line);
    vocabulary_sort(&words);
}

/* ---- a query ---------------------------------------------------------------------------------------------- */

typedef struct query {
    char text[256];
    int64_t from, to;
    const char *city, *category;
    char *words; /* NULL: as the text */
} query;

static const sample *any_event(void)
{
    return &samples[bench_below(&chance, kept)];
}

/* A window that holds the instant somewhere, on whole hours. */
static void set_window(query *q, int64_t start, int days)
{
    int64_t hour = 3600000, before = bench_below(&chance, (uint32_t)days * 24) * hour;
    q->from = start / hour * hour - before;
    q->to = q->from + days * MS_DAY;
}

/* Words of a field, split by spaces. */
static uint32_t words_of(const char *field, char out[WORDS_A_LINE][TKT__WORD_MAX + 1])
{
    uint32_t n = 0;
    while (*field != '\0' && n < WORDS_A_LINE) {
        size_t len = strcspn(field, " ");
        snprintf(out[n++], TKT__WORD_MAX + 1, "%.*s", (int)len, field);
        field += len + (field[len] == ' ');
    }
    return n;
}

static bool make_a(query *q)
{
    const char *p = any_event()->field[PERFORMERS], *end = strstr(p, " /");
    if (end == NULL)
        return false;
    snprintf(q->text, sizeof q->text, "%.*s", (int)(end - p), p);
    return true;
}

static bool make_b(query *q)
{
    uint32_t ranks = words.n < COMMON_LAST ? words.n : COMMON_LAST;
    snprintf(q->text, sizeof q->text, "%s", words.by_events[COMMON_FIRST + bench_below(&chance, ranks - COMMON_FIRST)]->text);
    q->city = any_event()->field[CITY];
    return true;
}

static bool make_c(query *q)
{
    snprintf(q->text, sizeof q->text, "%s", words.by_events[bench_below(&chance, VERY_COMMON)]->text);
    set_window(q, any_event()->start, 7);
    return true;
}

static bool make_d(query *q)
{
    static char text[WORDS_A_LINE][TKT__WORD_MAX + 1];
    const sample *event = any_event();
    uint32_t n = words_of(event->field[DESCRIPTION], text), want = 2 + bench_below(&chance, 2), first = bench_below(&chance, n);
    uint32_t step = 1 + bench_below(&chance, 3);
    if (n < 8)
        return false;
    int used = 0;
    for (uint32_t i = 0; i < want; i++)
        used += snprintf(q->text + used, sizeof q->text - (size_t)used, i == 0 ? "%s" : " %s", text[(first + i * step) % n]);
    set_window(q, event->start, 30);
    return true;
}

static bool make_e(query *q)
{
    q->city = any_event()->field[CITY];
    q->category = any_event()->field[CATEGORY];
    set_window(q, any_event()->start, 30);
    return true;
}

static bool make_f(query *q)
{
    uint32_t n = 2 + bench_below(&chance, 3);
    const word *w = vocabulary_draw(&words, &chance);
    if (strlen(w->text) <= n || strspn(w->text, "abcdefghijklmnopqrstuvwxyz") < n)
        return false;
    snprintf(q->text, sizeof q->text, "%.*s", (int)n, w->text);
    q->words = vocabulary_prefix(&words, q->text);
    return true;
}

/* An insertion, a deletion, a replacement or a swap. */
static void mistype(char *text)
{
    size_t n = strlen(text), at = 1 + bench_below(&chance, (uint32_t)n - 2);
    char letter = (char)('a' + bench_below(&chance, 26)), spare;
    switch (bench_below(&chance, 4)) {
    case 0: memmove(text + at + 1, text + at, n - at + 1); text[at] = letter; break;
    case 1: memmove(text + at, text + at + 1, n - at); break;
    case 2: text[at] = letter; break;
    default: spare = text[at]; text[at] = text[at + 1]; text[at + 1] = spare;
    }
}

static bool make_g(query *q)
{
    const word *w = vocabulary_draw(&words, &chance);
    size_t n = strlen(w->text);
    if (n <= MISTYPED_LEAST || n > 20 || strspn(w->text, "abcdefghijklmnopqrstuvwxyz") < n)
        return false;
    snprintf(q->text, sizeof q->text, "%s", w->text);
    mistype(q->text);
    if (vocabulary_find(&words, q->text, strlen(q->text)) != NULL)
        return false;
    q->words = vocabulary_typo(&words, q->text);
    return q->words != NULL;
}

/* Two rare words of different events; that they never meet is what all engines must find. */
static bool make_h(query *q)
{
    const word *w = vocabulary_draw(&words, &chance), *v = vocabulary_draw(&words, &chance);
    if (bench_below(&chance, 2) == 0) {
        snprintf(q->text, sizeof q->text, "%.40szq", w->text);
        q->city = any_event()->field[CITY];
        return vocabulary_find(&words, q->text, strlen(q->text)) == NULL;
    }
    snprintf(q->text, sizeof q->text, "%s %s", w->text, v->text);
    return (uint64_t)w->events * v->events < 2000 && w != v;
}

/* ---- all ---------------------------------------------------------------------------------------------------- */

static bool again(char seen[][400], uint32_t n, const char *key)
{
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(seen[i], key) == 0)
            return true;
    snprintf(seen[n], sizeof seen[n], "%s", key);
    return false;
}

static void print_class(char class_, bool (*make)(query *), uint32_t most)
{
    char(*seen)[400] = calloc(most + 1, sizeof *seen), key[400];
    uint32_t n = 0;
    MUST(seen != NULL);
    for (uint64_t tries = (uint64_t)most * TRIES; n < most && tries > 0; tries--) {
        query q = { "", 0, 0, "", "", NULL };
        if (!make(&q))
            continue;
        snprintf(key, sizeof key, "%.200s\t%.90s\t%.60s\t%" PRId64, q.text, q.city, q.category, q.from);
        if (!again(seen, n, key)) {
            /* A name ends in a space: its last word is whole. */
            printf("%c\t%s%s|\t%" PRId64 "\t%" PRId64 "\t%s\t%s\t%s\n", class_, q.text, class_ == 'f' || class_ == 'e' ? "" : " ",
                   q.from, q.to, q.city, q.category, q.words != NULL ? q.words : q.text);
            n++;
        }
        free(q.words);
    }
    free(seen);
    fprintf(stderr, "class %c: %" PRIu32 " queries\n", class_, n);
}

int main(int argc, char **argv)
{
    static bool (*const make[])(query *) = { make_a, make_b, make_c, make_d, make_e, make_f, make_g, make_h };
    MUST(argc == 3);
    vocabulary_open(&words);
    read_dump(argv[1]);
    MUST(words.n > COMMON_LAST);
    fprintf(stderr, "%" PRIu32 " different words, the commonest in %" PRIu32 " events\n", words.n, words.by_events[0]->events);
    for (int i = 0; i < 8; i++)
        print_class((char)('a' + i), make[i], (uint32_t)strtoul(argv[2], NULL, 10));
    return fflush(stdout) == 0 ? 0 : 1;
}
