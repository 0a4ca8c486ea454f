/* SPDX-License-Identifier: MIT
 *
 * cmd_import.c: schema.org/Event lines from a file or standard input, with a progress bar when stderr
 * is a terminal. Safe to break and to run again: events are found by their "@id". A first import builds the
 * index when all events are there.
 */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BAR_WIDTH 32
#define BUSY_PAUSE_MS 200
#define BUSY_LOOKS 18000 /* an hour: the largest index is built in minutes */

typedef struct source {
    FILE *file;
    uint64_t total; /* 0: not known */
    bool bar;
} source;

static int32_t read_source(void *user, uint8_t *buf, size_t cap, size_t *got)
{
    source *s = user;
    *got = fread(buf, 1, cap, s->file);
    return ferror(s->file) ? -1 : 0;
}

static int32_t show_progress(void *user, const tkt_import_stats *so_far)
{
    source *s = user;
    if (!s->bar)
        return 0;
    if (s->total == 0) {
        fprintf(stderr, "\r%" PRIu64 " lines", so_far->lines);
        return 0;
    }
    int filled = (int)(so_far->bytes * BAR_WIDTH / s->total);
    fprintf(stderr, "\r[%.*s%*s] %3d %%", filled, "################################",
            BAR_WIDTH - filled, "", (int)(so_far->bytes * 100 / s->total));
    return 0;
}

static int32_t show_bad_line(void *user, const tkt_bad_line *line)
{
    source *s = user;
    fprintf(stderr, "%sline %" PRIu64 ", byte %" PRIu64 ": %.*s\n", s->bar ? "\r" : "", line->line,
            line->byte, (int)line->reason.len, line->reason.ptr);
    return 0;
}

static bool parse_flags(const cli *c, tkt_import *import)
{
    const char *shift = args_option(c, "shift-weeks"), *bad = args_option(c, "bad");
    int64_t weeks = 0;
    if (shift != NULL && strcmp(shift, "auto") == 0)
        import->flags |= TKT_IMPORT_SHIFT_AUTO;
    else if (shift != NULL && !args_number("--shift-weeks", shift, -500000, 500000, &weeks))
        return false;
    import->shift_weeks = (int32_t)weeks;
    if (bad != NULL && strcmp(bad, "stop") == 0)
        import->flags |= TKT_IMPORT_STOP_AT_BAD;
    else if (bad != NULL && strcmp(bad, "skip") != 0)
        return usage_error("--bad must be skip or stop"), false;
    return true;
}

static double seconds_since(const struct timespec *start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

static void show_stats(cli *c, const tkt_import_stats *s, double seconds)
{
    char text[32];
    snprintf(text, sizeof text, "%.3f", seconds);
    out_begin(c);
    out_status(c, TKT_DONE);
    out_unsigned(c, "events_added", s->events_added);
    out_unsigned(c, "events_updated", s->events_updated);
    out_unsigned(c, "events_unchanged", s->events_unchanged);
    out_unsigned(c, "lines_refused", s->lines_refused);
    out_unsigned(c, "venues_added", s->venues_added);
    out_unsigned(c, "performers_added", s->performers_added);
    out_decimal(c, "seconds", text);
    out_end(c);
    if (!c->json)
        printf("events: %" PRIu64 " added, %" PRIu64 " updated, %" PRIu64 " unchanged; venues +%" PRIu64
               ", performers +%" PRIu64 "; lines refused: %" PRIu64 "; %s s\n",
               s->events_added, s->events_updated, s->events_unchanged, s->venues_added,
               s->performers_added, s->lines_refused, text);
}

/* One event at most is looked for: counting them all would cost more than a small import. */
static int32_t look(cli *c, bool *empty, uint32_t *state)
{
    tkt_event_list list = TKT_EVENT_LIST_INIT;
    tkt_snapshot *snap;
    tkt_cursor next;
    uint64_t id;
    uint32_t count = 0;
    int32_t more, status = tkt_snapshot_begin(c->store, &snap);
    if (status != TKT_DONE)
        return status;
    list.from_ms = INT64_MIN;
    list.to_ms = INT64_MAX;
    status = tkt_event_list_page(snap, &list, &id, 1, &count, &next, &more);
    if (status == TKT_DONE)
        status = tkt_index_state(snap, state);
    tkt_snapshot_end(snap);
    *empty = count == 0;
    return status;
}

/* Into a store without events: the index is made at the end, in one go. */
static int32_t begin_load(cli *c)
{
    bool empty;
    uint32_t state;
    int32_t status = look(c, &empty, &state);
    return status != TKT_DONE || !empty || state == TKT_INDEX_NONE ? status : tkt_index_drop(c->store);
}

/* Also what an import that was broken off left undone. Where another import builds it, that one is waited for. */
static int32_t end_load(cli *c, const tkt_reindex_options *options)
{
    const struct timespec pause = { 0, BUSY_PAUSE_MS * 1000000L };
    int32_t status = -TKT_E_BUSY;
    for (int i = 0; tkt_status_primary(status) == TKT_E_BUSY && i < BUSY_LOOKS; i++) {
        bool empty;
        uint32_t state;
        tkt_reindex_stats built = TKT_REINDEX_STATS_INIT;
        if (i > 0)
            nanosleep(&pause, NULL);
        status = look(c, &empty, &state);
        if (status != TKT_DONE || state == TKT_INDEX_CURRENT || args_option(c, "no-index") != NULL)
            return status;
        status = index_build(c, options, &built);
    }
    return status;
}

int cmd_import(cli *c)
{
    tkt_import import = TKT_IMPORT_INIT;
    tkt_import_stats stats = TKT_IMPORT_STATS_INIT;
    tkt_reindex_options options = TKT_REINDEX_OPTIONS_INIT;
    source s = { stdin, 0, isatty(STDERR_FILENO) == 1 };
    struct timespec start;
    struct stat st;
    if (!parse_flags(c, &import) || !index_options(c, &options))
        return EXIT_USAGE;
    const char *path = c->positional[0];
    if (strcmp(path, "-") != 0 && (s.file = fopen(path, "rb")) == NULL)
        return usage_error("%s: %s", path, strerror(errno));
    if (fstat(fileno(s.file), &st) == 0 && S_ISDIR(st.st_mode)) {
        fclose(s.file);
        return usage_error("%s: %s", path, strerror(EISDIR));
    }
    if (fstat(fileno(s.file), &st) == 0 && S_ISREG(st.st_mode))
        s.total = (uint64_t)st.st_size;
    import.read = read_source;
    import.bad_line = show_bad_line;
    import.progress = show_progress;
    import.user = &s;
    clock_gettime(CLOCK_MONOTONIC, &start);
    int32_t status = begin_load(c), built = TKT_DONE;
    if (status == TKT_DONE) {
        status = tkt_import_jsonl(c->store, &import, &stats);
        built = status == TKT_DONE ? end_load(c, &options) : TKT_DONE;
    }
    if (s.bar)
        fputc('\n', stderr);
    if (s.file != stdin)
        fclose(s.file);
    if (status != TKT_DONE) {
        int code = out_bad(c, status);
        (void)end_load(c, &options); /* what is there is searched as before; the reason is told already */
        return code;
    }
    if (built != TKT_DONE)
        return out_bad(c, built);
    show_stats(c, &stats, seconds_since(&start));
    return EXIT_EFFECT;
}
