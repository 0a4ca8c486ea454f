/* SPDX-License-Identifier: MIT
 *
 * tests/engine/hostile.h: a storage engine in memory that does, from a seed, everything the contract of
 * engine/engine.h allows an engine to do, as often as a test asks for it.
 *
 *   conflict       a commit certainly not done, though nobody else wrote
 *   busy, away     certainly not done, at begin or at commit
 *   unknown done   the commit is there, and the caller is told that nobody knows
 *   unknown lost   it is not, and the caller is told the same
 *   unknown late   the caller is told the same; the commit lands later, in the midst of what others do,
 *                  unless one of its guards was written meanwhile
 *   read fails     a read answers UNAVAILABLE
 *   delay          the test's clock moves on while something is under way
 *   rival          the test runs something of its own, on another handle, between begin and commit
 *
 * Real conflicts are found as the contract says: first committer wins on the guards' rows. What a view
 * hands out is a copy that dies with the view, so a slice used too long is found by the sanitizer. Rows
 * are kept in all their versions until the database is freed: it is for small data.
 */
#ifndef TKT_TEST_HOSTILE_H
#define TKT_TEST_HOSTILE_H

#include "engine/engine.h"

typedef struct hostile hostile; /* a database; engines are handles on it */

typedef struct hostile_options {
    uint64_t seed;
    const tkt__schema *schema;
    tkt__caps caps; /* zeros: as LMDB's */
    /* How often, of 1,000. */
    uint16_t conflict, busy, away, unknown_done, unknown_lost, unknown_late, read_fails, delay, rival;
    int64_t delay_most_ms;
    void (*on_delay)(void *user, int64_t ms);
    void (*on_rival)(void *user); /* no lock of the engine is held; never called within itself */
    void *user;
} hostile_options;

typedef struct hostile_counts { /* how often each came */
    uint64_t commits, conflicts_made, conflicts_true, busy, away, unknown_done, unknown_lost, unknown_late,
        landed_late, dropped_late, read_fails, delays, rivals;
} hostile_counts;

hostile *hostile_new(const hostile_options *options);
void hostile_free(hostile *db); /* after the last engine was closed */
/* From now on no fault comes; commits on their way stay there. False: as asked for again.
 * Answers how it was before. */
bool hostile_calm(hostile *db, bool calm);
void hostile_land(hostile *db); /* commits on their way land or drop, all of them */
hostile_counts hostile_count(const hostile *db);

extern const tkt__engine_ops hostile_ops;
void *hostile_attach(hostile *db); /* an engine for tkt__kv_open; closed by its ops */
/* The first rows of a store, as an engine writes them at creation. */
void hostile_put(hostile *db, const tkt__row *rows, size_t n);

/* ---- rows (hostile_rows.c) -------------------------------------------------------------------------- */

typedef struct hostile_version hostile_version;
struct hostile_version {
    hostile_version *older;
    uint64_t stamp;
    int64_t now_ms;
    bool there;
    size_t n;
    uint8_t bytes[];
};

typedef struct hostile_row {
    hostile_version *newest;
    size_t n;
    uint8_t key[];
} hostile_row;

typedef struct hostile_rows { /* sorted by key; rows are never taken out */
    hostile_row **rows;
    size_t n, cap;
} hostile_rows;

void *hostile_memory(size_t n); /* or the test ends */
int hostile_compare(tkt__slice a, tkt__slice b);
/* Index of the first row ≥ key, or > key when `after`. */
size_t hostile_rows_at(const hostile_rows *rows, tkt__slice key, bool after);
hostile_row *hostile_rows_find(const hostile_rows *rows, tkt__slice key);
void hostile_rows_write(hostile_rows *rows, tkt__slice key, bool there, tkt__slice value, uint64_t stamp, int64_t now_ms);
/* What a view at `stamp` sees of a row: a version that is there, or NULL. */
const hostile_version *hostile_row_seen(const hostile_row *row, uint64_t stamp);
void hostile_rows_free(hostile_rows *rows);

#endif
