/* SPDX-License-Identifier: MIT
 *
 * tests/soak/latency.c: how long calls took, second by second: counted in shared memory by all processes (a bucket is
 * a quarter of a doubling), and drawn as an SVG at the end.
 */
#include "soak.h"

#include <math.h>

#define WIDTH 960
#define HEIGHT 360
#define LEFT 60
#define TOP 30
#define POINTS 400 /* of a curve, at most */

static uint32_t bucket_of(int64_t ns)
{
    double us = (double)ns / 1000;
    double b = us <= 1 ? 0 : 4 * log2(us);
    return b >= SOAK_BUCKETS ? SOAK_BUCKETS - 1 : (uint32_t)b;
}

/* The upper end, in microseconds. */
static double bucket_end(uint32_t b)
{
    return exp2((b + 1) / 4.0);
}

void soak_latency_add(soak_shared *shared, int64_t from_ns, int64_t until_ns)
{
    int64_t second = (until_ns - shared->begun_ns) / 1000000000;
    if (second >= 0 && second < SOAK_SECONDS_MAX)
        atomic_fetch_add(&shared->latency[second][bucket_of(until_ns - from_ns)], 1);
}

/* The latency that `part` of the calls of these seconds stay below; 0: there were none. */
static double quantile(const soak_shared *shared, uint32_t from, uint32_t until, double part)
{
    uint64_t all = 0, seen = 0, of[SOAK_BUCKETS] = { 0 };
    for (uint32_t s = from; s < until; s++)
        for (uint32_t b = 0; b < SOAK_BUCKETS; b++)
            of[b] += atomic_load(&shared->latency[s][b]);
    for (uint32_t b = 0; b < SOAK_BUCKETS; b++)
        all += of[b];
    for (uint32_t b = 0; b < SOAK_BUCKETS && all != 0; b++)
        if ((double)(seen += of[b]) >= part * (double)all)
            return bucket_end(b);
    return 0;
}

void soak_latency_print(const soak_shared *shared, uint32_t seconds)
{
    printf("latency of changes: p50 %.1f ms, p99 %.1f ms, p99.9 %.1f ms, longest %.0f ms\n",
           quantile(shared, 0, seconds, 0.5) / 1000, quantile(shared, 0, seconds, 0.99) / 1000,
           quantile(shared, 0, seconds, 0.999) / 1000, quantile(shared, 0, seconds, 1) / 1000);
}

static double height_of(double us)
{
    double full = log10(bucket_end(SOAK_BUCKETS - 1) / 100), at = us < 100 ? 0 : log10(us / 100);
    return TOP + HEIGHT - HEIGHT * at / full;
}

static void curve(FILE *f, const soak_shared *shared, uint32_t seconds, double part, const char *colour, const char *name,
                  int place)
{
    uint32_t step = seconds / POINTS + 1;
    fprintf(f, "<polyline fill=\"none\" stroke=\"%s\" points=\"", colour);
    for (uint32_t s = 0; s < seconds; s += step) {
        double us = quantile(shared, s, s + step < seconds ? s + step : seconds, part);
        if (us > 0)
            fprintf(f, "%.1f,%.1f ", LEFT + (double)WIDTH * s / seconds, height_of(us));
    }
    fprintf(f, "\"/>\n<text x=\"%d\" y=\"20\" fill=\"%s\">%s</text>\n", LEFT + place * 90, colour, name);
}

void soak_latency_draw(const soak_shared *shared, uint32_t seconds, const char *file)
{
    FILE *f = fopen(file, "w");
    MUST(f != NULL && seconds > 0);
    fprintf(f, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" "
               "font-size=\"13\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
            WIDTH + LEFT + 20, HEIGHT + TOP + 40);
    for (double us = 100; us <= 1e7; us *= 10)
        fprintf(f, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>"
                   "<text x=\"5\" y=\"%.1f\">%g ms</text>\n",
                LEFT, LEFT + WIDTH, height_of(us), height_of(us), height_of(us) + 4, us / 1000);
    curve(f, shared, seconds, 0.5, "#1b7837", "median", 0);
    curve(f, shared, seconds, 0.99, "#2166ac", "p99", 1);
    curve(f, shared, seconds, 1, "#b2182b", "longest", 2);
    fprintf(f, "<text x=\"%d\" y=\"%d\">0 … %u s</text>\n</svg>\n", LEFT, HEIGHT + TOP + 25, seconds);
    MUST(fclose(f) == 0);
}
