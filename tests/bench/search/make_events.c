/* SPDX-License-Identifier: MIT
 *
 * tests/bench/search/make_events.c: made-up events as schema.org/Event lines on standard output.
 *
 *   bench_search_gen EVENTS [FIRST [CHANGE]]
 *
 * The same numbers give the same bytes on every machine. Line i depends on i, EVENTS and CHANGE alone: so a part can
 * be made again (FIRST: where to begin), and CHANGE (default 0) gives other texts and dates to the same "@id".
 *
 * About 29 words an event. Words by Zipf over 160,000 × √(EVENTS / 1 M) of them: the commonest is in three
 * events of five. One performer for 20 events, by Zipf; one venue for 50, in 600 real cities by Zipf. Three years of
 * start dates from 2027 on, weekends preferred, in no order.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../bench_draw.h"
#include "cities.h"
#include "gen_words.h"

#define SEED UINT64_C(20261126)
#define FIRST_DAY INT64_C(1798761600) /* 2027-01-01 00:00Z, a Friday */
#define DAYS 1096
#define DESCRIPTION_LEAST 8
#define DESCRIPTION_MOST 25
#define GIVEN_NAMES 3000
#define FAMILY_NAMES 20000
#define BUFFER (1 << 20)
#define LINE_MAX_BYTES 4096

static gen_words words, given, family;
static uint32_t events, performers, venues;
static double words_span; /* of draw_word */

static const struct {
    const char *type, *category;
} kinds[] = {
    { "MusicEvent", "Rock concert" }, { "MusicEvent", "Pop" }, { "MusicEvent", "Jazz" }, { "MusicEvent", "Classical music" },
    { "MusicEvent", "Hip hop" }, { "MusicEvent", "Electronic" }, { "MusicEvent", "Folk" }, { "MusicEvent", "Opera" },
    { "TheaterEvent", "Drama" }, { "TheaterEvent", "Musical" }, { "TheaterEvent", "Cabaret" }, { "ComedyEvent", "Stand-up" },
    { "DanceEvent", "Ballet" }, { "SportsEvent", "Football" }, { "SportsEvent", "Basketball" }, { "SportsEvent", "Ice hockey" },
    { "SportsEvent", "Tennis" }, { "ExhibitionEvent", "Art" }, { "ExhibitionEvent", "Photography" }, { "Festival", "Street food" },
    { "Festival", "Open air" }, { "ChildrensEvent", "Family" }, { "BusinessEvent", "Conference" }, { "EducationEvent", "Workshop" },
    { "LiteraryEvent", "Reading" }, { "ScreeningEvent", "Cinema" },
};
static const char *const house[] = { "Hall", "Arena", "Theatre", "Club", "Stadium", "Opéra", "Haus", "Park", "Centre", "Palais" };

/* ---- text ------------------------------------------------------------------------------------------------ */

typedef struct line {
    char *p;
    size_t n;
} line;

static void put(line *l, const char *text)
{
    size_t n = strlen(text);
    memcpy(l->p + l->n, text, n);
    l->n += n;
}

static void put_number(line *l, uint64_t value, int digits)
{
    char buf[20];
    int n = 0;
    do
        buf[n++] = (char)('0' + value % 10);
    while ((value /= 10) > 0 || n < digits);
    while (n > 0)
        l->p[l->n++] = buf[--n];
}

static void put_capital(line *l, const char *word)
{
    size_t at = l->n;
    put(l, word);
    if (l->p[at] >= 'a' && l->p[at] <= 'z')
        l->p[at] -= 'a' - 'A';
}

/* Rank 1 … n by Zipf, commonest first. */
static uint32_t zipf(uint64_t *state, uint32_t n)
{
    double u = (double)(bench_draw(state) >> 11) / 9007199254740992.0;
    uint32_t rank = (uint32_t)exp(u * log((double)n + 1.0));
    return rank < 1 ? 1 : rank > n ? n : rank;
}

/* By Zipf and Mandelbrot: 1 / (rank + 0.5), so that the commonest word is not in nearly all events. */
static const char *draw_word(uint64_t *state)
{
    double u = (double)(bench_draw(state) >> 11) / 9007199254740992.0;
    uint32_t rank = (uint32_t)(1.5 * exp(u * words_span) - 0.5);
    return words.word[rank < 1 ? 0 : rank > words.n ? words.n - 1 : rank - 1];
}

/* ---- who and where -------------------------------------------------------------------------------------- */

static void put_performer(line *l, uint32_t number)
{
    uint64_t state = SEED ^ ((uint64_t)number << 20);
    uint32_t style = bench_below(&state, 10);
    if (style == 0)
        put(l, "DJ ");
    put_capital(l, given.word[zipf(&state, given.n) - 1]);
    put(l, " ");
    put_capital(l, family.word[bench_below(&state, family.n)]);
    if (style == 1)
        put(l, " Trio");
}

typedef struct place {
    uint32_t city, house, word;
} place;

static place place_of(uint32_t venue)
{
    uint64_t state = SEED ^ ((uint64_t)venue << 24) ^ 7;
    place at;
    at.city = zipf(&state, BENCH_CITIES) - 1;
    at.house = bench_below(&state, sizeof house / sizeof *house);
    at.word = bench_below(&state, words.n / 4);
    return at;
}

static void put_location(line *l, uint32_t venue)
{
    place at = place_of(venue);
    const bench_city *city = &bench_cities[at.city];
    uint64_t state = SEED ^ ((uint64_t)venue << 28) ^ 11;
    char geo[80];
    put(l, ",\"location\":{\"@type\":\"Place\",\"name\":\"");
    put_capital(l, words.word[at.word]);
    put(l, " ");
    put(l, house[at.house]);
    put(l, "\",\"address\":{\"addressLocality\":\"");
    put(l, city->name);
    put(l, "\",\"addressCountry\":\"");
    put(l, city->country);
    snprintf(geo, sizeof geo, "\"},\"geo\":{\"latitude\":%.5f,\"longitude\":%.5f}}",
             city->latitude + bench_below(&state, 1000) / 1e4 - 0.05, city->longitude + bench_below(&state, 1000) / 1e4 - 0.05);
    put(l, geo);
}

/* ---- when ------------------------------------------------------------------------------------------------- */

/* Fridays and Saturdays have four times the events of Mondays. */
static int64_t draw_start(uint64_t *state)
{
    static const uint8_t of_weekday[7] = { 2, 2, 3, 4, 7, 8, 5 }; /* from Monday */
    uint32_t day;
    do
        day = bench_below(state, DAYS);
    while (bench_below(state, 8) >= of_weekday[(day + 4) % 7]);
    return FIRST_DAY + day * INT64_C(86400) + 10 * 3600 + bench_below(state, 49) * 900;
}

static void put_instant(line *l, const char *name, int64_t local, int offset)
{
    struct tm tm;
    time_t t = (time_t)local;
    gmtime_r(&t, &tm);
    put(l, ",\"");
    put(l, name);
    put(l, "\":\"");
    put_number(l, (uint64_t)tm.tm_year + 1900, 4);
    put(l, "-");
    put_number(l, (uint64_t)tm.tm_mon + 1, 2);
    put(l, "-");
    put_number(l, (uint64_t)tm.tm_mday, 2);
    put(l, "T");
    put_number(l, (uint64_t)tm.tm_hour, 2);
    put(l, ":");
    put_number(l, (uint64_t)tm.tm_min, 2);
    put(l, offset < 0 ? ":00-" : ":00+");
    put_number(l, (uint64_t)abs(offset), 2);
    put(l, ":00\"");
}

/* ---- an event ---------------------------------------------------------------------------------------------- */

static const char *currency_of(const char *country)
{
    static const char *const table[][2] = { { "US", "USD" }, { "GB", "GBP" }, { "CA", "CAD" }, { "JP", "JPY" },
        { "CH", "CHF" }, { "AU", "AUD" }, { "BR", "BRL" }, { "MX", "MXN" }, { "PL", "PLN" }, { "SE", "SEK" } };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(country, table[i][0]) == 0)
            return table[i][1];
    return "EUR";
}

static void put_price(line *l, uint64_t *state, const char *currency)
{
    uint32_t kind = bench_below(state, 10);
    if (kind < 2) /* no offer known */
        return;
    put(l, ",\"offers\":{\"price\":");
    put_number(l, kind == 2 ? 0 : 5 + bench_below(state, 25) * 5, 1);
    put(l, ",\"priceCurrency\":\"");
    put(l, currency);
    put(l, "\"}");
}

static void put_texts(line *l, uint64_t *state)
{
    uint32_t name = 2 + bench_below(state, 4), many = DESCRIPTION_LEAST + bench_below(state, DESCRIPTION_MOST - DESCRIPTION_LEAST + 1);
    put(l, "\",\"name\":\"");
    for (uint32_t i = 0; i < name; i++) {
        put(l, i == 0 ? "" : " ");
        put_capital(l, draw_word(state));
    }
    put(l, "\",\"description\":\"");
    for (uint32_t i = 0; i < many; i++) {
        put(l, i == 0 ? "" : bench_below(state, 12) == 0 ? ", " : " ");
        if (i == 0)
            put_capital(l, draw_word(state));
        else
            put(l, draw_word(state));
    }
    put(l, ".\"");
}

static void put_performers(line *l, uint64_t *state)
{
    static const uint8_t how_many[8] = { 0, 1, 1, 1, 1, 2, 2, 3 };
    uint32_t n = how_many[bench_below(state, 8)];
    for (uint32_t i = 0; i < n; i++) {
        put(l, i == 0 ? ",\"performer\":[{\"@type\":\"Person\",\"name\":\"" : ",{\"@type\":\"Person\",\"name\":\"");
        put_performer(l, zipf(state, performers));
        put(l, "\"}");
    }
    if (n > 0)
        put(l, "]");
}

static void put_event(line *l, uint32_t number, uint32_t change)
{
    uint64_t state = SEED ^ ((uint64_t)number * UINT64_C(0x9e3779b97f4a7c15)) ^ ((uint64_t)change << 56);
    uint32_t kind = zipf(&state, sizeof kinds / sizeof *kinds) - 1;
    uint32_t venue = 1 + bench_below(&state, venues);
    const bench_city *city = &bench_cities[place_of(venue).city];
    int offset = (int)lround(city->longitude / 15);
    int64_t start = draw_start(&state);
    put(l, "{\"@type\":\"");
    put(l, kinds[kind].type);
    put(l, "\",\"@id\":\"gen:");
    put_number(l, number, 1);
    put_texts(l, &state);
    put_instant(l, "startDate", start, offset);
    if (bench_below(&state, 10) < 7) {
        int64_t lasts = (bench_below(&state, 33) == 0 ? (1 + bench_below(&state, 20)) * INT64_C(86400) : 0) + 5400 +
                        bench_below(&state, 10) * INT64_C(900);
        put_instant(l, "endDate", start + lasts, offset);
    }
    put_location(l, venue);
    put_performers(l, &state);
    put(l, ",\"category\":\"");
    put(l, kinds[kind].category);
    put(l, "\"");
    put_price(l, &state, currency_of(city->country));
    put(l, "}\n");
}

int main(int argc, char **argv)
{
    static char buffer[BUFFER];
    line l = { buffer, 0 };
    uint32_t first = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
    uint32_t change = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 0;
    if (argc < 2 || argc > 4 || (events = (uint32_t)strtoul(argv[1], NULL, 10)) == 0) {
        fputs("usage: bench_search_gen EVENTS [FIRST [CHANGE]]\n", stderr);
        return 2;
    }
    gen_words_make(&words, (uint32_t)(160000 * sqrt(events / 1e6)) + 2000, SEED, 1);
    gen_words_make(&given, GIVEN_NAMES, SEED + 1, 0);
    gen_words_make(&family, FAMILY_NAMES, SEED + 2, 0);
    words_span = log((words.n + 1.5) / 1.5);
    performers = events / 20 + 1;
    venues = events / 50 + 1;
    for (uint32_t i = first; i < events; i++) {
        if (BUFFER - l.n < LINE_MAX_BYTES) {
            if (fwrite(buffer, 1, l.n, stdout) != l.n)
                return 1;
            l.n = 0;
        }
        put_event(&l, i, change);
    }
    return fwrite(buffer, 1, l.n, stdout) == l.n && fflush(stdout) == 0 ? 0 : 1;
}
