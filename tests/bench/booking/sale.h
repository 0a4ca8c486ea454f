/* SPDX-License-Identifier: MIT
 *
 * tests/bench/booking/sale.h: the work that every engine of the booking benchmark does, and how it is measured.
 *
 * 1,000 events of 20,000 seats. A client takes the next booking (a counter that all share), reserves its two named
 * seats, confirms them with the money taken, and goes on: two durable transactions. Spread: one booking of each event
 * after the other. Hot: all of one event, then all of the next. No two bookings want the same seat, so nothing
 * is refused, and an engine that refuses stops the run.
 *
 * Each client notes how long each call took; the figures are of all calls of the run.
 */
#ifndef TKT_BENCH_SALE_H
#define TKT_BENCH_SALE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

#include "../bench.h"

#define SALE_EVENTS 1000u
#define SALE_SEATS 20000u
#define SALE_PAIRS (SALE_SEATS / 2)
#define SALE_CLIENTS_MAX 256

typedef struct sale_job {
    uint32_t event;    /* 0… */
    uint32_t seats[2]; /* 0…SALE_SEATS−1 */
    uint64_t number;   /* of the booking, over all runs on this data */
} sale_job;

typedef struct sale {
    bool hot;
    uint32_t clients, seconds;
    uint64_t first;           /* the number of the first booking */
    _Atomic uint64_t next;
    _Atomic bool stop;
} sale;

typedef struct sale_client {
    sale *sale;
    void *engine, *own;       /* own: of this client, by the engine */
    uint32_t index;
    float *us;                /* one a call */
    size_t n, cap;
} sale_client;

static inline sale_job sale_take(sale *s)
{
    uint64_t n = atomic_fetch_add(&s->next, 1);
    uint64_t of_all = n % ((uint64_t)SALE_EVENTS * SALE_PAIRS);
    uint32_t pair = (uint32_t)(s->hot ? of_all % SALE_PAIRS : of_all / SALE_EVENTS);
    uint32_t event = (uint32_t)(s->hot ? of_all / SALE_PAIRS : of_all % SALE_EVENTS);
    return (sale_job){ event, { 2 * pair, 2 * pair + 1 }, n };
}

static inline void sale_note(sale_client *c, uint64_t since_ns)
{
    if (c->n == c->cap) {
        c->cap = c->cap != 0 ? 2 * c->cap : 65536;
        c->us = realloc(c->us, c->cap * sizeof *c->us);
        if (c->us == NULL)
            abort();
    }
    c->us[c->n++] = (float)((double)(bench_ns() - since_ns) / 1000.0);
}

static inline int sale_less(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Bytes that this process has handed to write calls. */
static inline uint64_t sale_bytes_written(void)
{
    unsigned long long bytes = 0;
    FILE *f = fopen("/proc/self/io", "r");
    if (f == NULL || fscanf(f, "rchar: %*u wchar: %llu", &bytes) != 1)
        abort();
    fclose(f);
    return bytes;
}

/* Runs the clients and prints one line of JSON. `bytes`: tells what was written so far. */
static inline void sale_run(sale *s, void *engine, void *(*client)(void *), uint64_t (*bytes)(void))
{
    static sale_client clients[SALE_CLIENTS_MAX];
    static pthread_t threads[SALE_CLIENTS_MAX];
    uint64_t wrote = bytes();
    atomic_store(&s->next, s->first);
    uint64_t start = bench_ns();
    for (uint32_t i = 0; i < s->clients; i++) {
        clients[i] = (sale_client){ .sale = s, .engine = engine, .index = i };
        if (pthread_create(&threads[i], NULL, client, &clients[i]) != 0)
            abort();
    }
    usleep(s->seconds * 1000000u);
    atomic_store(&s->stop, true);
    size_t n = 0;
    for (uint32_t i = 0; i < s->clients; i++) {
        pthread_join(threads[i], NULL);
        n += clients[i].n;
    }
    double took = (double)(bench_ns() - start) / 1e9;
    float *all = malloc((n + 1) * sizeof *all);
    size_t at = 0;
    for (uint32_t i = 0; i < s->clients; i++) {
        if (clients[i].n != 0)
            memcpy(all + at, clients[i].us, clients[i].n * sizeof *all);
        at += clients[i].n;
        free(clients[i].us);
    }
    if (n == 0 || all == NULL)
        abort();
    qsort(all, n, sizeof *all, sale_less);
    printf("{\"perSecond\":%.0f,\"p50\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f,\"bytesPerOp\":%.0f,\"calls\":%zu,"
           "\"next\":%" PRIu64 "}\n",
           (double)n / took, (double)all[n / 2], (double)all[(size_t)((double)n * 0.99)],
           (double)all[(size_t)((double)n * 0.999)], (double)all[n - 1], (double)(bytes() - wrote) / (double)n, n,
           atomic_load(&s->next));
    free(all);
}

/* ENGINE-PROGRAM PLACE hot|spread CLIENTS SECONDS FIRST */
static inline bool sale_args(sale *s, int argc, char **argv)
{
    if (argc < 6)
        return false;
    *s = (sale){ .hot = strcmp(argv[2], "hot") == 0, .clients = (uint32_t)atoi(argv[3]),
                 .seconds = (uint32_t)atoi(argv[4]), .first = strtoull(argv[5], NULL, 10) };
    return s->clients >= 1 && s->clients <= SALE_CLIENTS_MAX && s->seconds >= 1;
}

#endif
