/* SPDX-License-Identifier: MIT
 *
 * cmd_index.c: reindex: the index built anew, with threads that the tool supplies.
 */
#include "cli.h"

#include <inttypes.h>
#include <pthread.h>
#include <unistd.h>

#define THREADS_DEFAULT 2

typedef struct piece {
    pthread_t thread;
    void (*fn)(void *arg, uint32_t i);
    void *arg;
    uint32_t i;
    bool started;
} piece;

static void *run_piece(void *arg)
{
    piece *p = arg;
    p->fn(p->arg, p->i);
    return NULL;
}

/* Piece 0 on this thread, the others on threads of their own, or here when there are none to be had. */
static void parallel(void *user, uint32_t n, void (*fn)(void *arg, uint32_t i), void *arg)
{
    piece pieces[TKT_REINDEX_THREADS_MAX];
    (void)user;
    for (uint32_t i = 1; i < n; i++) {
        pieces[i] = (piece){ .fn = fn, .arg = arg, .i = i };
        pieces[i].started = pthread_create(&pieces[i].thread, NULL, run_piece, &pieces[i]) == 0;
    }
    fn(arg, 0);
    for (uint32_t i = 1; i < n; i++) {
        if (pieces[i].started)
            pthread_join(pieces[i].thread, NULL);
        else
            fn(arg, i);
    }
}

static int32_t show_progress(void *user, const tkt_reindex_progress *so_far)
{
    (void)user;
    if (so_far->terms_done == 0)
        fprintf(stderr, "\rindex: %" PRIu64 " of %" PRIu64 " events", so_far->events_done, so_far->events);
    else
        fprintf(stderr, "\rindex: %" PRIu64 " terms             ", so_far->terms_done);
    return 0;
}

int32_t index_build(const cli *c, tkt_reindex_stats *stats)
{
    tkt_reindex_options options = TKT_REINDEX_OPTIONS_INIT;
    int64_t memory, threads;
    bool bar = isatty(STDERR_FILENO) == 1;
    if (!args_option_number(c, "memory-mib", 1, 1 << 20, 0, &memory) ||
        !args_option_number(c, "threads", 1, TKT_REINDEX_THREADS_MAX, THREADS_DEFAULT, &threads))
        return -TKT_E_INVALID;
    options.memory_bytes = (uint64_t)memory << 20;
    options.threads = (uint32_t)threads;
    options.parallel = parallel;
    options.progress = bar ? show_progress : NULL;
    int32_t status = tkt_reindex(c->store, &options, stats);
    if (bar)
        fputc('\n', stderr);
    return status;
}

int cmd_reindex(cli *c)
{
    tkt_reindex_stats stats = TKT_REINDEX_STATS_INIT;
    int64_t number;
    if (!args_option_number(c, "memory-mib", 1, 1 << 20, 0, &number) ||
        !args_option_number(c, "threads", 1, TKT_REINDEX_THREADS_MAX, 1, &number))
        return EXIT_USAGE;
    int32_t status = index_build(c, &stats);
    if (status != TKT_DONE)
        return out_bad(c, status);
    out_begin(c);
    out_status(c, TKT_DONE);
    out_unsigned(c, "events", stats.events);
    out_unsigned(c, "terms", stats.terms);
    out_unsigned(c, "postings", stats.postings);
    out_unsigned(c, "caughtUp", stats.caught);
    out_end(c);
    if (!c->json)
        printf("index: %" PRIu64 " events, %" PRIu64 " terms, %" PRIu64 " postings\n", stats.events, stats.terms,
               stats.postings);
    return EXIT_EFFECT;
}
