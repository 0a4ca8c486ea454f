/* SPDX-License-Identifier: MIT
 *
 * tests/bench/search/gen_events.c: made-up events as schema.org lines, the same ones for the same arguments.
 *
 *   gen_events N SAMPLE.jsonl [SEED]    to standard output
 *
 * Cities, with their countries and places, are those of the sample of real events. Words are made of
 * syllables, some with accents, and stand in inflected forms; their use follows Zipf and Mandelbrot,
 * 1 / (rank + 2), so the commonest is in some 60 % of the events. About 29 words an event: name, performers,
 * venue, city, category, description. Starts lie in three years, weekends twice as often, in no order.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WORDS 60000u /* with their endings some 200,000 */
#define CITIES_MAX 2000u
#define DAYS 1095
#define FIRST_DAY 20819 /* 2027-01-01 */

static uint64_t state;

static uint64_t draw64(void)
{
    uint64_t x = state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static uint32_t draw(uint32_t below) { return (uint32_t)((draw64() >> 32) * below >> 32); }

/* ---- ranks --------------------------------------------------------------------------------------------- */

typedef struct ranks {
    double *until; /* share of all that ranks 0…i have */
    uint32_t n;
} ranks;

static ranks ranks_of(uint32_t n, double shift)
{
    ranks r = { malloc(n * sizeof *r.until), n };
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        r.until[i] = sum += 1 / (i + shift);
    for (uint32_t i = 0; i < n; i++)
        r.until[i] /= sum;
    return r;
}

static uint32_t rank(const ranks *r)
{
    double at = (double)(draw64() >> 11) / 9007199254740992.0;
    uint32_t low = 0, high = r->n - 1;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (r->until[mid] < at)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* ---- words ------------------------------------------------------------------------------------------------ */

static const char *const starts[] = { "b", "br", "c", "d", "dr", "f", "g", "gr", "h", "j", "k", "kl", "l", "m", "n",
                                      "p", "pr", "r", "s", "sch", "st", "t", "tr", "v", "w", "z" };
static const char *const vowels[] = { "a", "e", "i", "o", "u", "a", "e", "o", "ä", "é", "ö", "ü", "ai", "ou" };
static const char *const ends[] = { "", "n", "r", "s", "l", "m", "t", "nd", "rk", "ss" };
static const char *const forms[] = { "", "", "", "s", "en", "", "er" };
#define OF(list) (sizeof list / sizeof list[0])

/* The word of a rank: common ones are short. `form`: an ending. */
static size_t word(char *out, uint32_t r, uint32_t form)
{
    uint32_t x = r * UINT32_C(2654435761) + 12345, left = r;
    size_t n = 0;
    do {
        x = x * UINT32_C(1664525) + 1013904223;
        n += (size_t)sprintf(out + n, "%s%s%s", starts[(x >> 8) % OF(starts)], vowels[(x >> 16) % OF(vowels)],
                             ends[(x >> 24) % OF(ends)]);
        left /= 60;
    } while (left > 0 && n < 40);
    return n + (size_t)sprintf(out + n, "%s", r < 50 ? "" : forms[form % OF(forms)]);
}

static size_t capital(char *out, uint32_t r)
{
    size_t n = word(out, r, 0);
    if (out[0] >= 'a' && out[0] <= 'z')
        out[0] = (char)(out[0] - 32);
    return n;
}

static size_t words(char *out, const ranks *r, uint32_t count)
{
    size_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            out[n++] = ' ';
        n += word(out + n, rank(r), draw(7));
    }
    return n;
}

/* ---- cities ------------------------------------------------------------------------------------------------- */

typedef struct city {
    char name[96], country[8], latitude[16], longitude[16];
} city;

static city cities[CITIES_MAX];
static uint32_t city_n;

/* The text or number behind "key":, up to a quote, comma or brace. */
static bool member(const char *line, const char *key, char *out, size_t cap)
{
    char needle[32];
    snprintf(needle, sizeof needle, "\"%s\":", key);
    const char *at = strstr(line, needle);
    if (at == NULL)
        return false;
    at += strlen(needle);
    bool quoted = *at == '"';
    at += quoted;
    size_t n = strcspn(at, quoted ? "\"" : ",}");
    if (n == 0 || n >= cap || memchr(at, '\\', n) != NULL)
        return false;
    memcpy(out, at, n);
    out[n] = '\0';
    return true;
}

static void read_cities(const char *path)
{
    static char line[1 << 20];
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    while (city_n < CITIES_MAX && fgets(line, sizeof line, file) != NULL) {
        city *c = &cities[city_n];
        bool whole = member(line, "addressLocality", c->name, sizeof c->name) &&
                     member(line, "addressCountry", c->country, sizeof c->country) &&
                     member(line, "latitude", c->latitude, sizeof c->latitude) &&
                     member(line, "longitude", c->longitude, sizeof c->longitude);
        for (uint32_t i = 0; whole && i < city_n; i++)
            whole = strcmp(cities[i].name, c->name) != 0;
        city_n += whole;
    }
    fclose(file);
}

/* ---- an event ------------------------------------------------------------------------------------------------- */

typedef struct world {
    ranks word, performer, city, venue;
    uint32_t performers, venues;
    uint32_t *town; /* of each venue */
} world;

static void performer_name(char *out, uint32_t r)
{
    size_t n = capital(out, 300 + r % 7919);
    out[n++] = ' ';
    capital(out + n, 9000 + r * 7 % 160000);
}

static int64_t start_of(void)
{
    uint32_t day;
    do
        day = draw(DAYS);
    while ((FIRST_DAY + day + 4) % 7 < 4 && draw(2) == 0); /* Thursday 1970-01-01; Friday to Sunday stay */
    return (int64_t)(FIRST_DAY + day) * 86400 + (10 + (int64_t)draw(12)) * 3600 + draw(4) * 900;
}

static void iso(char *out, int64_t seconds)
{
    struct tm t;
    time_t s = (time_t)seconds;
    gmtime_r(&s, &t);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &t);
}

static void event(const world *w, uint64_t id)
{
    static const char *const categories[] = { "Concert", "Theatre", "Football", "Conference", "Opera", "Comedy",
                                              "Festival", "Dance", "Exhibition", "Film", "Family", "Talk" };
    char name[256], text[2048], start[32], end[32], performer[2][128], venue[128];
    uint32_t p[2] = { rank(&w->performer), rank(&w->performer) }, both = draw(3) == 0 && p[0] != p[1];
    uint32_t v = rank(&w->venue);
    const city *town = &cities[w->town[v]];
    size_t n = words(name, &w->word, 1 + draw(3));
    performer_name(performer[0], p[0]);
    performer_name(performer[1], p[1]);
    if (draw(2) == 0)
        sprintf(name + n, " %s", performer[0]);
    words(text, &w->word, 8 + draw(18));
    n = capital(venue, 500 + v % 3000);
    venue[n++] = ' ';
    capital(venue + n, 4000 + v % 150000);
    int64_t at = start_of();
    iso(start, at);
    iso(end, at + (draw(50) == 0 ? (1 + draw(20)) * INT64_C(86400) : 7200 + draw(3) * 1800));
    printf("{\"@type\":\"Event\",\"@id\":\"gen:%" PRIu64 "\",\"name\":\"%s\",\"description\":\"%s\",\"startDate\":\"%s\","
           "\"endDate\":\"%s\",\"location\":{\"@type\":\"Place\",\"name\":\"%s\",\"address\":{\"addressLocality\":\"%s\","
           "\"addressCountry\":\"%s\"},\"geo\":{\"latitude\":%s,\"longitude\":%s}},\"performer\":[{\"name\":\"%s\"}",
           id, name, text, start, end, venue, town->name, town->country, town->latitude, town->longitude, performer[0]);
    if (both)
        printf(",{\"name\":\"%s\"}", performer[1]);
    printf("],\"category\":\"%s\",\"offers\":{\"price\":%u.%02u,\"priceCurrency\":\"EUR\"}}\n",
           categories[draw(4) == 0 ? draw(12) : draw(4)], draw(150), draw(4) * 25);
}

int main(int argc, char **argv)
{
    static char buffer[1 << 20];
    world w;
    if (argc < 3) {
        fprintf(stderr, "usage: gen_events N SAMPLE.jsonl [SEED]\n");
        return 2;
    }
    uint64_t n = strtoull(argv[1], NULL, 10);
    state = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    read_cities(argv[2]);
    w.performers = (uint32_t)(n / 50 + 1000);
    w.venues = (uint32_t)(n / 200 + 500);
    w.word = ranks_of(WORDS, 2);
    w.performer = ranks_of(w.performers, 20);
    w.venue = ranks_of(w.venues, 50);
    w.city = ranks_of(city_n, 5);
    w.town = malloc(w.venues * sizeof *w.town);
    for (uint32_t i = 0; i < w.venues; i++)
        w.town[i] = rank(&w.city);
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    for (uint64_t i = 1; i <= n; i++)
        event(&w, i);
    return fflush(stdout) == 0 ? 0 : 1;
}
