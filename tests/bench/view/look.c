/* SPDX-License-Identifier: MIT
 *
 * tests/bench/view/look.c: cases, rounds, readers, the seller; look.h says what for.
 */
#define tkt_error_text() "view"
#include <stdbool.h>

#include "look.h"

#include <pthread.h>
#include <stdatomic.h>

#define SAMPLES 50000u

typedef struct reader {
    pthread_t thread;
    const look_side *side;
    void *held;
    const uint64_t *ids;
    uint64_t sum;
} reader;

typedef struct seller {
    pthread_t thread;
    const look_side *side;
    void *held;
    _Atomic bool stop;
    uint64_t made; /* commits, over all rounds */
} seller;

typedef struct state {
    const look_side *sides;
    uint32_t n;
    uint64_t events;
    uint64_t *ids; /* of all readers, drawn before anything is timed */
    reader readers[LOOK_SIDES_MAX][LOOK_READERS];
    seller sellers[LOOK_SIDES_MAX];
} state;

static volatile uint64_t sink;

void look_record(uint64_t id, char out[LOOK_RECORD])
{
    static const char filler[] =
        "An evening with works that were chosen for their length rather than for their fame, played by people who know them by "
        "heart, in a hall that has seen better days and will see them again; after the break there is more of the same. ";
    size_t n = (size_t)snprintf(out, LOOK_RECORD, "Concert number %" PRIu64 " of the season: ", id);
    for (; n < LOOK_RECORD; n++)
        out[n] = filler[(n + id) % (sizeof filler - 1)];
}

static void *look_all(void *arg)
{
    reader *r = arg;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < r->side->looks; i++)
        sum += r->side->look(r->held, r->ids[i]);
    r->sum = sum;
    return NULL;
}

static void *sell(void *arg)
{
    seller *s = arg;
    uint64_t next = bench_ns();
    while (!atomic_load(&s->stop)) {
        s->side->sell(s->held, s->made++);
        next += 1000000000 / LOOK_COMMITS;
        int64_t wait = (int64_t)(next - bench_ns());
        const struct timespec pause = { 0, wait };
        if (wait > 0)
            nanosleep(&pause, NULL);
        else
            next = bench_ns(); /* no catching up */
    }
    return NULL;
}

/* Nanoseconds a look. */
static double one_round(state *s, uint32_t side, uint32_t readers, bool selling)
{
    seller *who = &s->sellers[side];
    reader *r = s->readers[side];
    if (selling) {
        atomic_store(&who->stop, false);
        MUST(pthread_create(&who->thread, NULL, sell, who) == 0);
    }
    uint64_t start = bench_ns();
    for (uint32_t i = 1; i < readers; i++)
        MUST(pthread_create(&r[i].thread, NULL, look_all, &r[i]) == 0);
    look_all(&r[0]);
    for (uint32_t i = 1; i < readers; i++)
        pthread_join(r[i].thread, NULL);
    double ns = (double)(bench_ns() - start) / s->sides[side].looks;
    if (selling) {
        atomic_store(&who->stop, true);
        pthread_join(who->thread, NULL);
    }
    for (uint32_t i = 0; i < readers; i++)
        sink += r[i].sum;
    return ns;
}

/* Each look timed by itself; all sides pay for the clock alike. */
static void percentiles(reader *r, double out[3])
{
    uint32_t n = r->side->looks < SAMPLES ? r->side->looks : SAMPLES;
    double *ns = malloc(n * sizeof *ns);
    MUST(ns != NULL);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t start = bench_ns();
        sink += r->side->look(r->held, r->ids[i]);
        ns[i] = (double)(bench_ns() - start);
    }
    out[0] = bench_part(ns, n, 0.5);
    out[1] = bench_part(ns, n, 0.99);
    out[2] = bench_part(ns, n, 0.999);
    free(ns);
}

static void one_case(state *s, bool zipf, bool selling, uint32_t readers, uint32_t rounds, FILE *rows)
{
    double ns[LOOK_SIDES_MAX][BENCH_ROUNDS_MAX], ratio[BENCH_ROUNDS_MAX], p[3];
    for (uint32_t side = 0; side < s->n; side++)
        one_round(s, side, readers, selling); /* warm */
    for (uint32_t i = 0; i < rounds; i++) {
        for (uint32_t k = 0; k < s->n; k++) {
            uint32_t side = i % 2 == 0 ? k : s->n - 1 - k;
            ns[side][i] = one_round(s, side, readers, selling);
        }
        ratio[i] = ns[0][i] / ns[s->n - 1][i];
    }
    fprintf(rows, "{\"ids\":\"%s\",\"readers\":%" PRIu32 ",\"commits\":%d", zipf ? "zipf" : "even", readers, selling ? LOOK_COMMITS : 0);
    for (uint32_t side = 0; side < s->n; side++)
        fprintf(rows, ",\"%s_ns\":%.0f", s->sides[side].name, bench_part(ns[side], rounds, 0.5));
    if (s->n > 1)
        fprintf(rows, ",\"ratio\":%.3f", bench_part(ratio, rounds, 0.5));
    for (uint32_t side = 0; side < s->n && readers == 1 && !selling; side++) {
        percentiles(&s->readers[side][0], p);
        fprintf(rows, ",\"%s_p50_p99_p999\":[%.0f,%.0f,%.0f]", s->sides[side].name, p[0], p[1], p[2]);
    }
    fprintf(rows, "}\n");
    fflush(rows);
}

static void open_all(state *s)
{
    uint32_t most = 0;
    for (uint32_t side = 0; side < s->n; side++)
        most = s->sides[side].looks > most ? s->sides[side].looks : most;
    MUST((s->ids = malloc(sizeof *s->ids * most * LOOK_READERS)) != NULL);
    for (uint32_t side = 0; side < s->n; side++) {
        const look_side *is = &s->sides[side];
        for (uint32_t i = 0; i < LOOK_READERS; i++)
            s->readers[side][i] = (reader){ .side = is, .held = is->open(), .ids = s->ids + (size_t)i * most };
        s->sellers[side].side = is;
        s->sellers[side].held = is->seller_opens ? is->open() : NULL;
    }
}

static void draw_ids(state *s, bool zipf)
{
    uint64_t seed = 7;
    size_t apart = (size_t)(s->readers[0][1].ids - s->readers[0][0].ids);
    for (size_t i = 0; i < apart * LOOK_READERS; i++)
        s->ids[i] = zipf ? bench_zipf(&seed, s->events) : 1 + bench_draw(&seed) % s->events;
}

static void close_all(state *s)
{
    for (uint32_t side = 0; side < s->n; side++) {
        for (uint32_t i = 0; i < LOOK_READERS; i++)
            s->sides[side].close(s->readers[side][i].held);
        if (s->sellers[side].held != NULL)
            s->sides[side].close(s->sellers[side].held);
    }
    free(s->ids);
}

void look_run(const look_side *sides, uint32_t n, uint64_t events, uint32_t rounds, FILE *rows)
{
    state s = { .sides = sides, .n = n, .events = events };
    const char *comma = "";
    open_all(&s);
    for (int zipf = 1; zipf >= 0; zipf--) {
        draw_ids(&s, zipf != 0);
        for (int selling = 0; selling < 2; selling++)
            for (uint32_t readers = 1; readers <= LOOK_READERS; readers++) {
                fputs(comma, rows);
                one_case(&s, zipf != 0, selling != 0, readers, rounds, rows);
                comma = ",";
            }
    }
    close_all(&s);
}

int look_main(int argc, char **argv, const look_side *side, void (*at)(const char *where), void (*load)(uint64_t events))
{
    bool loads = argc == 4 && strcmp(argv[2], "load") == 0, looks = argc == 5 && strcmp(argv[2], "look") == 0;
    uint64_t events = loads || looks ? strtoull(argv[3], NULL, 10) : 0, rounds = looks ? strtoull(argv[4], NULL, 10) : 1;
    if (events == 0 || rounds == 0 || rounds > BENCH_ROUNDS_MAX) {
        fprintf(stderr, "%s WHERE load EVENTS | look EVENTS ROUNDS\n", argv[0]);
        return 2;
    }
    at(argv[1]);
    if (loads)
        load(events);
    else {
        printf("{\"rows\":[\n");
        look_run(side, 1, events, (uint32_t)rounds, stdout);
        printf("]}\n");
    }
    return 0;
}
