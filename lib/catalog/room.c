/* SPDX-License-Identifier: MIT
 *
 * catalog/room.c: the catalogue as a room of the store: check, upkeep of chart jobs, figures.
 *
 * A crash leaves at most an unfinished chart with its job row; tick clears it away (chart_job.c).
 */
#include "catalog/chart.h"
#include "catalog/check.h"

static const uint8_t venue_count[9] = { TKT__N_VENUE };
static const uint8_t performer_count[9] = { TKT__N_PERFORMER };
static const uint8_t event_count[9] = { TKT__N_EVENT };
static const uint8_t user_count[8] = { 0 };

static const struct {
    uint32_t id_kind;
    uint8_t table;
    uint8_t key_bytes;
    const uint8_t *key;
    const char *what;
} counts[] = {
    { TKT__ID_VENUE, TKT__T_ENTITY, sizeof(venue_count), venue_count, "venues" },
    { TKT__ID_PERFORMER, TKT__T_ENTITY, sizeof(performer_count), performer_count, "performers" },
    { TKT__ID_EVENT, TKT__T_ENTITY, sizeof(event_count), event_count, "events" },
    { TKT__ID_USER, TKT__T_USER, sizeof(user_count), user_count, "users" },
};
#define COUNTS (sizeof(counts) / sizeof(counts[0]))

/* ---- check ----------------------------------------------------------------------------------- */

/* Reads the lease counters: no record's id may reach them. */
static int32_t read_counters(tkt__walk *walk)
{
    for (uint32_t kind = 1; kind < TKT__ID_KINDS; kind++) {
        uint8_t key[8];
        tkt__be64(key, kind);
        int32_t rc = tkt__row_id(walk->tx, TKT__T_COUNTER, tkt__slice_of(key, sizeof(key)),
                                 &walk->next[kind]);
        if (rc == TKT_NOT_FOUND)
            walk->next[kind] = 1;
        else if (rc != TKT_DONE)
            return tkt__check_decoded(walk, rc, "id");
    }
    return TKT_DONE;
}

static int32_t check_counts(tkt__walk *walk)
{
    for (size_t i = 0; i < COUNTS; i++) {
        uint64_t count = 0;
        int32_t rc = tkt__count_get(walk->tx, counts[i].table,
                                    tkt__slice_of(counts[i].key, counts[i].key_bytes), &count);
        if (rc == TKT_DONE && count != walk->seen[counts[i].id_kind])
            rc = tkt__problem(walk->problems, "count", "%llu %s are counted, %llu are there",
                              (unsigned long long)count, counts[i].what,
                              (unsigned long long)walk->seen[counts[i].id_kind]);
        if (rc != TKT_DONE)
            return tkt__check_decoded(walk, rc, "count");
    }
    return TKT_DONE;
}

static int32_t room_check(tkt_store *store, tkt__tx *tx, tkt__problems *problems)
{
    tkt__walk walk;
    (void)store;
    memset(&walk, 0, sizeof(walk));
    walk.tx = tx;
    walk.problems = problems;
    int32_t rc = read_counters(&walk);
    if (rc == TKT_DONE)
        rc = tkt__check_entities(&walk);
    if (rc == TKT_DONE)
        rc = tkt__check_events(&walk);
    if (rc == TKT_DONE)
        rc = tkt__check_charts(&walk);
    return rc != TKT_DONE ? rc : check_counts(&walk);
}

/* ---- upkeep ---------------------------------------------------------------------------------- */

/* The next stale job after *after. TKT_NOT_FOUND: none. */
static int32_t next_stale(tkt_store *store, uint64_t *after, tkt__chart_job *job)
{
    tkt_snapshot *snapshot;
    tkt__tx *tx;
    int32_t rc = tkt_snapshot_begin(store, &snapshot);
    if (rc != TKT_DONE)
        return rc;
    rc = tkt__snapshot_tx(snapshot, &tx);
    while (rc == TKT_DONE) {
        rc = tkt__chart_job_next(tx, after, job);
        if (rc == TKT_DONE && tkt__chart_job_stale(job, tkt__tx_now(tx)))
            break;
    }
    tkt_snapshot_end(snapshot);
    return rc;
}

static int32_t room_tick(tkt_store *store, uint32_t most, uint32_t *done)
{
    tkt__chart_job job;
    uint64_t after = 0;
    int32_t rc = TKT_DONE;
    while (*done < most && (rc = next_stale(store, &after, &job)) == TKT_DONE) {
        uint32_t cleared = 0;
        bool left = true;
        while (left && *done < most && rc == TKT_DONE) {
            rc = tkt__chart_job_clear(store, &job, NULL, most - *done, &cleared, &left);
            *done += cleared;
        }
        if (rc != TKT_DONE)
            return rc;
    }
    return rc == TKT_NOT_FOUND ? TKT_DONE : rc;
}

static int32_t room_next_deadline(tkt_store *store, tkt__tx *tx, int64_t *wait_ms)
{
    tkt__chart_job job;
    uint64_t after = 0;
    int32_t rc;
    (void)store;
    while ((rc = tkt__chart_job_next(tx, &after, &job)) == TKT_DONE) {
        int64_t wait = job.progress_ms + TKT__CHART_STALE_MS - tkt__tx_now(tx);
        if (tkt__chart_job_stale(&job, tkt__tx_now(tx)))
            wait = 0;
        if (wait < *wait_ms)
            *wait_ms = wait;
    }
    return rc == TKT_NOT_FOUND ? TKT_DONE : rc;
}

/* ---- figures --------------------------------------------------------------------------------- */

static int32_t room_stats(tkt_store *store, tkt__tx *tx, tkt_stats *stats)
{
    uint64_t *out[COUNTS] = { &stats->venues, &stats->performers, &stats->events, &stats->users };
    (void)store;
    for (size_t i = 0; i < COUNTS; i++) {
        int32_t rc = tkt__count_get(tx, counts[i].table,
                                    tkt__slice_of(counts[i].key, counts[i].key_bytes), out[i]);
        if (rc != TKT_DONE)
            return rc;
    }
    return TKT_DONE;
}

const tkt__room tkt__catalog_room = {
    .name = "catalog",
    .check = room_check,
    .tick = room_tick,
    .next_deadline = room_next_deadline,
    .stats = room_stats,
};
