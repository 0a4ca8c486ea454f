/* SPDX-License-Identifier: MIT
 *
 * cmd_search.c: search: one query, or one a line of a file (--batch: words, then options and values, with
 * tabs between); suggest: what a beginning may mean.
 */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAGE_DEFAULT 20
#define LINE_MAX_BYTES 8192

/* ---- the query ------------------------------------------------------------------------------------------ */

static tkt_text given(const char *text) { return text_of(text, strlen(text)); }

/* A choice of two words; the first is 0. */
static bool choice(const cli *c, const char *name, const char *zero, const char *one, uint32_t *out)
{
    const char *text = args_option(c, name);
    *out = text != NULL && strcmp(text, one) == 0;
    if (text == NULL || *out == 1 || strcmp(text, zero) == 0)
        return true;
    usage_error("--%s is %s or %s, not \"%s\"", name, zero, one, text);
    return false;
}

/* "52.52,13.405" */
static bool point(const char *text, int32_t out[2])
{
    char *end;
    double latitude = strtod(text, &end);
    bool right = end != text && *end == ',';
    const char *second = right ? end + 1 : text;
    double longitude = strtod(second, &end);
    right = right && end != second && *end == '\0' && latitude >= -90 && latitude <= 90 && longitude >= -180 &&
            longitude <= 180;
    if (!right)
        return usage_error("--near is LATITUDE,LONGITUDE in degrees, not \"%s\"", text), false;
    out[0] = (int32_t)(latitude * 1e7 + (latitude < 0 ? -0.5 : 0.5));
    out[1] = (int32_t)(longitude * 1e7 + (longitude < 0 ? -0.5 : 0.5));
    return true;
}

static int32_t set_near(const cli *c, tkt_query *q, bool *usage)
{
    const char *text = args_option(c, "near"), *km = args_option(c, "radius-km");
    int32_t at[2];
    char *end;
    if (text == NULL && km != NULL)
        return *usage = true, usage_error("--radius-km needs --near");
    if (text == NULL)
        return TKT_DONE;
    double radius = km == NULL ? 0 : strtod(km, &end);
    if (km != NULL && (end == km || *end != '\0' || !(radius > 0) || radius > 40000))
        return *usage = true, usage_error("--radius-km is a number above 0, up to 40000, not \"%s\"", km);
    if (!point(text, at))
        return *usage = true, TKT_DONE;
    int64_t metres = (int64_t)(radius * 1000 + 0.5);
    return tkt_query_set_near(q, at[0], at[1], km != NULL && metres == 0 ? 1 : metres); /* 0: no radius */
}

static int32_t set_price(const cli *c, tkt_query *q)
{
    const char *low = args_option(c, "min-price"), *high = args_option(c, "max-price");
    const char *currency = args_option(c, "currency");
    int64_t min = INT64_MIN, max = INT64_MAX;
    int32_t status = TKT_DONE;
    if (low == NULL && high == NULL && currency == NULL)
        return TKT_DONE;
    if (low != NULL)
        status = tkt_amount_parse(low, strlen(low), currency != NULL ? currency : "EUR", &min);
    if (status == TKT_DONE && high != NULL)
        status = tkt_amount_parse(high, strlen(high), currency != NULL ? currency : "EUR", &max);
    return status == TKT_DONE ? tkt_query_set_price(q, min, max, given(currency != NULL ? currency : "")) : status;
}

static int32_t set_window(const cli *c, tkt_query *q, bool *usage)
{
    const char *from = args_option(c, "from"), *to = args_option(c, "to");
    int64_t from_ms = INT64_MIN, to_ms = INT64_MAX;
    if ((from != NULL && !args_instant("--from", from, &from_ms)) || (to != NULL && !args_instant("--to", to, &to_ms)))
        return *usage = true, TKT_DONE;
    int32_t status = tkt_query_set_window(q, from_ms, to_ms);
    return status == TKT_DONE ? tkt_query_set_during(q, args_option(c, "during") != NULL) : status;
}

/* No number begins with 0: "013" is a name. */
static bool is_number(const char *text) { return *text != '\0' && *text != '0' && text[strspn(text, "0123456789")] == '\0'; }

/* A venue or performer by number or name; an unknown performer matches nothing. */
static int32_t add_entities(const cli *c, tkt_snapshot *snap, tkt_query *q, const char *name, const char *value)
{
    uint64_t id = 0;
    bool venue = strcmp(name, "venue") == 0;
    if (is_number(value))
        id = strtoull(value, NULL, 10);
    else if (venue)
        return tkt_query_add_venue_name(q, given(value));
    else {
        int32_t status = tkt_performer_find(snap, given(value), &id);
        if (status != TKT_DONE && status != TKT_NOT_FOUND)
            return status;
        id = status == TKT_NOT_FOUND ? (UINT64_C(1) << 53) - 1 : id;
    }
    (void)c;
    return venue ? tkt_query_add_venue(q, id) : tkt_query_add_performer(q, id);
}

/* Filters may be given several times. */
static int32_t add_filters(const cli *c, tkt_snapshot *snap, tkt_query *q)
{
    int32_t status = TKT_DONE;
    for (int i = 0; status == TKT_DONE && i < c->option_count; i++) {
        const char *name = c->options[i].name, *value = c->options[i].value;
        if (strcmp(name, "city") == 0)
            status = tkt_query_add_city(q, given(value));
        else if (strcmp(name, "country") == 0)
            status = tkt_query_add_country(q, given(value));
        else if (strcmp(name, "category") == 0)
            status = tkt_query_add_category(q, given(value));
        else if (strcmp(name, "venue") == 0 || strcmp(name, "performer") == 0)
            status = add_entities(c, snap, q, name, value);
    }
    return status;
}

static bool set_choices(const cli *c, tkt_query *q)
{
    static const char *const sorts[] = { "", "date", "relevance", "distance", "price" };
    const char *sort = args_option(c, "sort");
    uint32_t typo, prefix, match, which = 0;
    if (!choice(c, "typo", "auto", "off", &typo) || !choice(c, "prefix", "auto", "off", &prefix) ||
        !choice(c, "match", "all", "any", &match))
        return false;
    for (uint32_t i = 1; sort != NULL && i < 5; i++)
        which = strcmp(sort, sorts[i]) == 0 ? i : which;
    if (sort != NULL && which == 0)
        return usage_error("--sort is date, relevance, distance or price, not \"%s\"", sort), false;
    return tkt_query_set_typo(q, typo) == TKT_DONE && tkt_query_set_prefix(q, prefix) == TKT_DONE &&
           tkt_query_set_match(q, match) == TKT_DONE && tkt_query_set_sort(q, which) == TKT_DONE &&
           tkt_query_set_facets(q, args_option(c, "facets") != NULL ? 15 : 0) == TKT_DONE;
}

static int32_t set_page(const cli *c, tkt_query *q, bool *usage)
{
    const char *cursor = args_option(c, "cursor");
    int64_t page, size, at_least;
    if (!args_option_number(c, "page", 1, UINT32_MAX, 1, &page) ||
        !args_option_number(c, "page-size", 1, TKT_PAGE_SIZE_MAX, PAGE_DEFAULT, &size) ||
        !args_option_number(c, "at-least", 0, UINT32_MAX, 0, &at_least))
        return *usage = true, TKT_DONE;
    int32_t status = tkt_query_set_page(q, (uint32_t)page, (uint32_t)size);
    if (status == TKT_DONE && cursor != NULL)
        status = tkt_query_set_cursor(q, given(cursor));
    if (status == TKT_DONE)
        status = tkt_query_set_available(q, args_option(c, "available") != NULL, (uint32_t)at_least);
    return status;
}

static int32_t build(const cli *c, tkt_snapshot *snap, tkt_query *q, bool *usage)
{
    const char *language = args_option(c, "lang");
    int32_t status = tkt_query_set_text(q, given(c->positional_count > 0 ? c->positional[0] : ""));
    if (status == TKT_DONE && !set_choices(c, q))
        *usage = true;
    if (status == TKT_DONE && !*usage)
        status = set_window(c, q, usage);
    if (status == TKT_DONE && !*usage)
        status = set_near(c, q, usage);
    if (status == TKT_DONE && !*usage)
        status = set_page(c, q, usage);
    if (status == TKT_DONE && !*usage)
        status = set_price(c, q);
    if (status == TKT_DONE && !*usage)
        status = add_filters(c, snap, q);
    return status == TKT_DONE && !*usage && language != NULL ? tkt_query_set_language(q, given(language)) : status;
}

/* ---- the answer -------------------------------------------------------------------------------------------- */

static int32_t show_hit(cli *c, tkt_snapshot *snap, const tkt_hit *hit)
{
    tkt_event e = { .size = sizeof e };
    char start[TKT_INSTANT_TEXT], score[32];
    int32_t status = tkt_event_view(snap, hit->event_id, &e);
    if (status != TKT_DONE)
        return status;
    instant_of(start, e.start_ms, e.start_offset_min, (e.flags & TKT_EVENT_START_DATE_ONLY) != 0);
    snprintf(score, sizeof score, "%.4f", hit->score);
    out_map(c, NULL);
    out_unsigned(c, "eventId", e.id);
    out_text(c, "externalId", e.external_id);
    out_text(c, "name", e.name);
    out_string(c, "startDate", start, strlen(start));
    out_decimal(c, "score", score);
    if (hit->distance_m >= 0)
        out_number(c, "distanceMetres", hit->distance_m);
    out_map_end(c);
    if (!c->json)
        printf("%8" PRIu64 "  %-25s  %.*s\n", e.id, start, (int)e.name.len, e.name.ptr);
    return TKT_DONE;
}

static void show_facets(cli *c, const tkt_results *results)
{
    static const char *const names[] = { "month", "city", "category", "price" };
    out_map(c, "facets");
    for (uint32_t k = 0; args_option(c, "facets") != NULL && k < 4; k++) {
        tkt_facet facet = TKT_FACET_INIT;
        out_array(c, names[k]);
        for (uint32_t i = 0; tkt_results_facet(results, 1u << k, i, &facet) == TKT_DONE; i++) {
            out_map(c, NULL);
            out_text(c, "value", facet.value);
            out_unsigned(c, "count", facet.count);
            out_map_end(c);
            if (!c->json && i < 5)
                printf("%s%-10s %8" PRIu64 "  %.*s\n", i == 0 ? "\n" : "", names[k], facet.count,
                       (int)facet.value.len, facet.value.ptr);
        }
        out_array_end(c);
    }
    out_map_end(c);
}

static int32_t show(cli *c, tkt_snapshot *snap, const tkt_results *results, int64_t micros)
{
    tkt_total total = TKT_TOTAL_INIT;
    tkt_hit hit = TKT_HIT_INIT;
    int32_t status = tkt_results_total(results, &total);
    tkt_text next = tkt_results_next(results);
    out_begin(c);
    out_unsigned(c, "total", total.total);
    out_bool(c, "totalIsLowerBound", total.lower_bound == 1);
    out_array(c, "events");
    for (uint32_t i = 0; status == TKT_DONE && i < total.hits; i++) {
        status = tkt_results_hit(results, i, &hit);
        if (status == TKT_DONE)
            status = show_hit(c, snap, &hit);
    }
    if (status != TKT_DONE)
        return status;
    out_array_end(c);
    show_facets(c, results);
    if (next.len > 0)
        out_text(c, "next", next);
    else
        out_null(c, "next");
    out_number(c, "micros", micros);
    out_end(c);
    if (!c->json)
        printf("%s%" PRIu64 " events in %" PRId64 " microseconds\n", total.lower_bound == 1 ? "at least " : "",
               total.total, micros);
    return TKT_DONE;
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int search_once(cli *c, tkt_snapshot *snap)
{
    tkt_query *query;
    tkt_results *results = NULL;
    bool usage = false;
    int32_t status = tkt_query_new(&query);
    if (status != TKT_DONE)
        return out_bad(c, status);
    status = build(c, snap, query, &usage);
    if (status == TKT_DONE && !usage) {
        int64_t began = now_ns();
        status = tkt_search(snap, query, &results);
        int64_t micros = (now_ns() - began + 500) / 1000;
        if (status == TKT_DONE)
            status = show(c, snap, results, micros);
    }
    int code = usage ? EXIT_USAGE : status == TKT_DONE ? EXIT_EFFECT : out_bad(c, status);
    tkt_results_free(results);
    tkt_query_free(query);
    return code;
}

/* ---- a file of queries ---------------------------------------------------------------------------------------- */

/* The words of a line, parted by tabs; false when they are too many. */
static bool split(char *line, char *word[ARGS_MAX], int *n)
{
    char *at = line;
    for (*n = 0; at != NULL && *n < ARGS_MAX; ++*n) {
        word[*n] = at;
        at = strchr(at, '\t');
        if (at != NULL)
            *at++ = '\0';
    }
    return at == NULL;
}

static int search_line(cli *c, tkt_snapshot *snap, char *line)
{
    cli one = { .json = true, .store = c->store };
    char *word[ARGS_MAX];
    int32_t status;
    int n, code;
    const command *cmd = commands;
    while (strcmp(cmd->name, "search") != 0)
        cmd++;
    if (!split(line, word, &n))
        code = usage_error("a line of queries has %d words at most", ARGS_MAX);
    else if (!args_words(&one, cmd, n, word))
        code = EXIT_USAGE;
    else if (args_option(&one, "batch") != NULL)
        code = usage_error("a line of queries can't name a file of queries");
    else if ((status = tkt_snapshot_renew(snap)) != TKT_DONE)
        code = out_bad(&one, status);
    else
        code = search_once(&one, snap);
    if (code == EXIT_USAGE)
        out_usage(&one);
    return code;
}

/* Reads a line to its end, however long; true unless the file is at its end. *wrong says why its text is not whole. */
static bool read_query(FILE *file, char line[LINE_MAX_BYTES], const char **wrong)
{
    size_t n = 0;
    int byte = getc(file);
    *wrong = NULL;
    if (byte == EOF)
        return false;
    for (; byte != EOF && byte != '\n'; byte = getc(file)) {
        if (byte == '\0')
            *wrong = "a line of queries has no zero bytes";
        else if (n < LINE_MAX_BYTES - 1)
            line[n++] = (char)byte;
        else if (*wrong == NULL)
            *wrong = "a line of queries is longer than its buffer";
    }
    n -= n > 0 && line[n - 1] == '\r';
    line[n] = '\0';
    return true;
}

/* One answer a line, whatever the line is, each from the newest state: a long file outlives a snapshot. */
static int search_file(cli *c, tkt_snapshot *snap, const char *path)
{
    char line[LINE_MAX_BYTES];
    const char *wrong;
    int worst = EXIT_EFFECT;
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    if (file == NULL)
        return usage_error("%s: %s", path, strerror(errno));
    while (read_query(file, line, &wrong)) {
        int code = wrong != NULL ? usage_error("%s", wrong) : search_line(c, snap, line);
        if (wrong != NULL)
            out_usage(&(cli){ .json = true });
        worst = code > worst ? code : worst;
    }
    if (ferror(file))
        worst = usage_error("%s: %s", path, strerror(errno));
    if (file != stdin)
        fclose(file);
    return worst;
}

int cmd_search(cli *c)
{
    tkt_snapshot *snap;
    const char *file = args_option(c, "batch");
    int32_t status = tkt_snapshot_begin(c->store, &snap);
    if (status != TKT_DONE)
        return out_bad(c, status);
    int code = file != NULL ? search_file(c, snap, file) : search_once(c, snap);
    tkt_snapshot_end(snap);
    return code;
}

/* ---- suggestions ------------------------------------------------------------------------------------------------- */

static const char *kind_name(uint32_t kind)
{
    return kind == TKT_SUGGEST_EVENT       ? "event"
           : kind == TKT_SUGGEST_PERFORMER ? "performer"
           : kind == TKT_SUGGEST_VENUE     ? "venue"
                                           : "city";
}

static void show_suggestions(cli *c, const tkt_suggestions *suggestions, int64_t micros)
{
    tkt_suggestion s = TKT_SUGGESTION_INIT;
    out_begin(c);
    out_array(c, "suggestions");
    for (uint32_t i = 0; tkt_suggestions_get(suggestions, i, &s) == TKT_DONE; i++) {
        out_map(c, NULL);
        out_string(c, "kind", kind_name(s.kind), strlen(kind_name(s.kind)));
        if (s.id != 0)
            out_unsigned(c, "id", s.id);
        else
            out_null(c, "id");
        out_text(c, "name", s.name);
        out_unsigned(c, "events", s.events);
        out_map_end(c);
        if (!c->json)
            printf("%-10s %8" PRIu64 "  %.*s\n", kind_name(s.kind), s.events, (int)s.name.len, s.name.ptr);
    }
    out_array_end(c);
    out_number(c, "micros", micros);
    out_end(c);
}

int cmd_suggest(cli *c)
{
    tkt_snapshot *snap;
    tkt_suggestions *suggestions = NULL;
    int32_t status = tkt_snapshot_begin(c->store, &snap);
    if (status != TKT_DONE)
        return out_bad(c, status);
    int64_t began = now_ns();
    status = tkt_suggest(snap, given(c->positional[0]), 0, &suggestions);
    int64_t micros = (now_ns() - began + 500) / 1000;
    if (status == TKT_DONE)
        show_suggestions(c, suggestions, micros);
    int code = status == TKT_DONE ? EXIT_EFFECT : out_bad(c, status);
    tkt_suggestions_free(suggestions);
    tkt_snapshot_end(snap);
    return code;
}
