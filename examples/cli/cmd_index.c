/* SPDX-License-Identifier: MIT
 *
 * cmd_index.c: reindex: the index built anew, with threads that the tool supplies.
 */
#include "cli.h"
#include "threads.h"

#include <inttypes.h>
#include <unistd.h>

#define THREADS_DEFAULT 2

static int32_t show_progress(void *user, const tkt_reindex_progress *so_far)
{
    (void)user;
    if (so_far->terms_done == 0)
        fprintf(stderr, "\rindex: %" PRIu64 " of %" PRIu64 " events", so_far->events_done, so_far->events);
    else
        fprintf(stderr, "\rindex: %" PRIu64 " terms             ", so_far->terms_done);
    return 0;
}

bool index_options(const cli *c, tkt_reindex_options *options)
{
    int64_t memory, threads;
    if (!args_option_number(c, "memory-mib", 1, 1 << 20, 0, &memory) ||
        !args_option_number(c, "threads", 1, TKT_REINDEX_THREADS_MAX, THREADS_DEFAULT, &threads))
        return false;
    options->memory_bytes = (uint64_t)memory << 20;
    options->threads = (uint32_t)threads;
    options->parallel = threads_run;
    options->progress = isatty(STDERR_FILENO) == 1 ? show_progress : NULL;
    return true;
}

int32_t index_build(const cli *c, const tkt_reindex_options *options, tkt_reindex_stats *stats)
{
    int32_t status = tkt_reindex(c->store, options, stats);
    if (options->progress != NULL)
        fputc('\n', stderr);
    return status;
}

int32_t index_mend(cli *c, bool wanted, bool *built)
{
    tkt_reindex_options options = TKT_REINDEX_OPTIONS_INIT;
    tkt_reindex_stats stats = TKT_REINDEX_STATS_INIT;
    tkt_snapshot *snapshot;
    uint32_t state = TKT_INDEX_NONE;
    int32_t status = tkt_snapshot_begin(c->store, &snapshot);
    *built = false;
    if (status != TKT_DONE)
        return status;
    status = tkt_index_state(snapshot, &state);
    tkt_snapshot_end(snapshot);
    if (status != TKT_DONE || state == TKT_INDEX_CURRENT || (state == TKT_INDEX_NONE && !wanted))
        return status;
    *built = true;
    return index_options(c, &options) ? index_build(c, &options, &stats) : -TKT_E_INVALID;
}

int cmd_reindex(cli *c)
{
    tkt_reindex_options options = TKT_REINDEX_OPTIONS_INIT;
    tkt_reindex_stats stats = TKT_REINDEX_STATS_INIT;
    if (!index_options(c, &options))
        return EXIT_USAGE;
    int32_t status = index_build(c, &options, &stats);
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
