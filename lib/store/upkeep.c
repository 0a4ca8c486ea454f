/* SPDX-License-Identifier: MIT
 *
 * store/upkeep.c: what the host calls now and then: tick, next deadline, check, figures. Each walks
 * the rooms of lib/rooms.c; none is needed for a right answer.
 */
#include "store/internal.h"

#include <stdarg.h>
#include <stdio.h>

#define TICK_DEFAULT 256u
#define TICK_MOST 100000u
#define PROBLEM_TEXT_BYTES 512

/* The engine's own upkeep counts as one item. */
static int32_t tend(tkt_store *store, uint32_t *count)
{
    bool did = false;
    void *handle;
    const tkt__engine_ops *ops = tkt__kv_ops(store->kv, &handle);
    int32_t status = ops->tend != NULL ? ops->tend(handle, &did) : TKT_DONE;
    *count += did;
    return status;
}

/* Work that finds no room in the map waits, and keeps no other from being done: what gives places back still goes. */
typedef struct waiting {
    int32_t status; /* -TKT_E_FULL: something waits, and `why` says what */
    tkt__error_record why;
} waiting;

static int32_t may_wait(waiting *w, int32_t status)
{
    if (status >= 0 || tkt_status_primary(status) != TKT_E_FULL)
        return status;
    w->status = status;
    tkt__error_save(&w->why);
    return TKT_DONE;
}

/* Another process may have set the store's clock right: before anything is swept by it. */
static int32_t follow_clock(tkt_store *store)
{
    tkt__tx *tx;
    int32_t status = tkt__kv_read_begin(store->kv, &tx);
    if (status != TKT_DONE)
        return status;
    status = tkt__clock_follow(store, tx);
    tkt__kv_read_end(tx);
    return status;
}

int32_t tkt_tick(tkt_store *store, uint32_t most, uint32_t *done)
{
    uint32_t count = 0;
    waiting w = { .status = TKT_DONE };
    int32_t status = tkt__store_writable(store);
    if (status == TKT_DONE && most > TICK_MOST)
        status = tkt__fail(TKT_E_INVALID, "at most %u items a tick", TICK_MOST);
    if (status == TKT_DONE)
        status = follow_clock(store);
    if (status != TKT_DONE)
        return status;
    if (most == 0)
        most = TICK_DEFAULT;
    /* A leap that the host has not confirmed may be wrong: nothing is swept by it, and by the
     * believed time everything swept is over anyhow. */
    for (size_t i = 0; status == TKT_DONE && tkt__rooms[i] != NULL; i++)
        if (tkt__rooms[i]->tick != NULL && count < most)
            status = may_wait(&w, tkt__rooms[i]->tick(store, most, &count));
    if (status == TKT_DONE && count < most)
        status = may_wait(&w, tkt__idem_tick(store, most, &count));
    if (status == TKT_DONE && count < most)
        status = may_wait(&w, tend(store, &count));
    if (status == TKT_DONE && count == 0 && w.status != TKT_DONE) {
        tkt__error_load(&w.why);
        status = w.status;
    }
    if (status == TKT_DONE && done != NULL)
        *done = count;
    return status;
}

int32_t tkt_next_deadline(tkt_store *store, int64_t *wait_ms)
{
    tkt_snapshot *snap;
    if (wait_ms == NULL)
        return tkt__fail(TKT_E_INVALID, "wait_ms is NULL");
    int32_t status = tkt_snapshot_begin(store, &snap);
    if (status != TKT_DONE)
        return status;
    int64_t wait = INT64_MAX;
    for (size_t i = 0; status == TKT_DONE && tkt__rooms[i] != NULL; i++)
        if (tkt__rooms[i]->next_deadline != NULL)
            status = tkt__rooms[i]->next_deadline(store, snap->tx, &wait);
    tkt_snapshot_end(snap);
    if (status == TKT_DONE)
        *wait_ms = wait;
    return status;
}

/* ---- scans --------------------------------------------------------------------------------------- */

int32_t tkt__scan(tkt__tx *tx, uint8_t table, tkt__slice prefix, tkt__scan_fn fn, void *user)
{
    tkt__cursor *cursor;
    tkt__slice k, v;
    int32_t status = tkt__tx_cursor_open(tx, table, &cursor);
    if (status != TKT_DONE)
        return status;
    status = tkt__cursor_seek(cursor, prefix, &k, &v);
    while (status == TKT_DONE && k.n >= prefix.n &&
           (prefix.n == 0 || memcmp(k.p, prefix.p, prefix.n) == 0)) {
        status = fn(user, k, v);
        if (status == TKT_DONE)
            status = tkt__cursor_next(cursor, &k, &v);
    }
    tkt__cursor_close(cursor);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

/* ---- check ---------------------------------------------------------------------------------------- */

struct tkt__problems {
    tkt_problem_fn fn;
    void *user;
    uint64_t count;
};

int32_t tkt__problem(tkt__problems *problems, const char *rule, const char *format, ...)
{
    char text[PROBLEM_TEXT_BYTES];
    va_list args;
    problems->count++;
    if (problems->fn == NULL)
        return TKT_DONE;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0)
        n = 0;
    tkt_problem problem = { .size = sizeof problem };
    problem.rule = (tkt_text){ rule, strlen(rule) };
    problem.text = (tkt_text){ text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1 };
    if (problems->fn(problems->user, &problem) == 0)
        return TKT_DONE;
    return tkt__fail(TKT_E_STOPPED, "the host stopped the check");
}

int32_t tkt_check(tkt_store *store, tkt_problem_fn fn, void *user, uint64_t *problems)
{
    tkt_snapshot *snap;
    tkt__problems found = { fn, user, 0 };
    int32_t status = tkt_snapshot_begin(store, &snap);
    if (status != TKT_DONE)
        return status;
    status = tkt__feed_check(snap->tx, &found);
    if (status == TKT_DONE)
        status = tkt__idem_check(snap->tx, &found);
    for (size_t i = 0; status == TKT_DONE && tkt__rooms[i] != NULL; i++)
        if (tkt__rooms[i]->check != NULL)
            status = tkt__rooms[i]->check(store, snap->tx, &found);
    tkt_snapshot_end(snap);
    if (status == TKT_DONE && problems != NULL)
        *problems = found.count;
    return status;
}

/* ---- figures ----------------------------------------------------------------------------------------- */

void tkt_stats_init(tkt_stats *stats)
{
    if (stats != NULL)
        *stats = (tkt_stats)TKT_STATS_INIT;
}

static int32_t count_job(void *user, tkt__slice key, tkt__slice value)
{
    (void)key;
    (void)value;
    ++*(uint32_t *)user;
    return TKT_DONE;
}

static int32_t engine_figures(tkt_store *store, tkt_stats *out)
{
    tkt__engine_stats engine = { 0 };
    void *handle;
    int32_t status = tkt__kv_ops(store->kv, &handle)->stats(handle, &engine);
    out->readers = engine.readers;
    out->readers_max = engine.readers_max;
    out->map_bytes = engine.map_bytes;
    out->used_bytes = engine.used_bytes;
    out->room_bytes = engine.room_bytes;
    out->reserve_bytes = engine.reserve_bytes;
    out->file_bytes = engine.file_bytes;
    out->commits = engine.last_stamp;
    out->journal = engine.journal;
    out->journal_bytes = engine.journal_bytes;
    out->written_bytes = engine.written_bytes;
    return status;
}

int32_t tkt_store_stats(tkt_store *store, tkt_stats *stats)
{
    tkt_stats full = TKT_STATS_INIT;
    tkt_snapshot *snap;
    int32_t status = tkt_snapshot_begin(store, &snap);
    if (status != TKT_DONE)
        return status;
    full.format_major = TKT__FORMAT_MAJOR;
    full.format_minor = TKT__FORMAT_MINOR;
    full.epoch = store->epoch;
    full.now_ms = tkt_snapshot_now(snap);
    full.clock_frozen_ms = atomic_load(&store->clock.frozen_ms);
    status = engine_figures(store, &full);
    if (status == TKT_DONE)
        status = tkt__scan(snap->tx, TKT__T_META, tkt__slice_of(TKT__META_JOB, sizeof TKT__META_JOB - 1),
                           count_job, &full.open_jobs);
    for (size_t i = 0; status == TKT_DONE && tkt__rooms[i] != NULL; i++)
        if (tkt__rooms[i]->stats != NULL)
            status = tkt__rooms[i]->stats(store, snap->tx, &full);
    tkt_snapshot_end(snap);
    if (status == TKT_DONE)
        status = tkt__struct_out(stats, &full, sizeof full, sizeof full, "stats");
    return status;
}

void tkt__job_key(uint64_t job, uint8_t key[12])
{
    memcpy(key, TKT__META_JOB, 4);
    tkt__be64(key + 4, job);
}
