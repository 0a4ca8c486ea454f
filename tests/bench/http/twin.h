/* SPDX-License-Identifier: MIT
 *
 * twin.h: the two endpoints that everybody has, event view and search, on another store: what libticketing's service is
 * measured against. twin.c is the HTTP side, the same library with the same settings as examples/server; postgres.c and
 * redis.c are the stores.
 *
 * A twin answers byte for byte what ours does (run.py compares), but has less to do: it keeps each event's JSON ready
 * made, needs no entity tags, links or limits, and knows only words of the analysed form, a span of time, order by date.
 */
#ifndef TKT_BENCH_TWIN_H
#define TKT_BENCH_TWIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TWIN_WORDS_MAX 4
#define TWIN_WORD_BYTES 64
#define TWIN_PAGE_MAX 100

typedef struct twin_query {
    char words[TWIN_WORDS_MAX][TWIN_WORD_BYTES];
    uint32_t word_count, page_size;
    int64_t from_ms, to_ms; /* [from, to) */
} twin_query;

typedef struct twin_answer {
    char *body; /* malloc: the HTTP side frees it */
    size_t n, room;
    uint64_t total;
    bool found;
} twin_answer;

bool twin_add(twin_answer *a, const char *bytes, size_t n);

/* The store: `where` from the command line; a connection for each thread that asks. */
bool store_begin(const char *where);
bool store_event(uint64_t id, twin_answer *a);
/* The page as a JSON array, and how many there are in all. */
bool store_search(const twin_query *q, twin_answer *a);

#endif
