/* SPDX-License-Identifier: MIT
 *
 * tests/engine/hostile_parts.h: what the files of the hostile engine share.
 *
 *   hostile_rows.c    versions of rows
 *   hostile_view.c    snapshots and cursors; what they lend
 *   hostile_commit.c  write transactions and their faults
 *   hostile.c         chance, bulk, the database
 */
#ifndef TKT_TEST_HOSTILE_PARTS_H
#define TKT_TEST_HOSTILE_PARTS_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostile.h"

#define LATE_MAX 8 /* commits on their way at once; one more is lost instead */
#define LANDS 250  /* of 1,000: how often one of them lands when another transaction begins or commits */

#define OWED(condition)                                                                       \
    do {                                                                                      \
        if (!(condition)) {                                                                   \
            fprintf(stderr, "hostile: the common layer broke a rule: %s\n", #condition);      \
            abort();                                                                          \
        }                                                                                     \
    } while (0)

typedef struct hostile_generation hostile_generation; /* one build of a table */
struct hostile_generation {
    hostile_generation *older;
    uint64_t from; /* visible to views of this stamp and later */
    hostile_rows rows;
};

typedef struct hostile_late { /* a commit on its way */
    uint64_t seen; /* the stamp of its view */
    int64_t now_ms;
    tkt__guard guards[256];
    size_t guards_n, n;
    tkt__write *writes; /* keys and values are its own */
} hostile_late;

struct hostile {
    hostile_options options;
    pthread_mutex_t lock;
    hostile_generation *tables[2 * TKT__TABLES_MAX]; /* behind: what is being built, or NULL */
    bool building;
    uint32_t generation; /* bits as in the generation row */
    uint64_t stamp, random;
    int64_t floor_ms;
    uint64_t floor_stamp; /* of the last commit that left a floor of its own: what was before it does not count */
    bool calm, in_rival;
    hostile_late *late[LATE_MAX];
    size_t late_n;
    uint32_t engines;
    hostile_counts counts;
};

typedef struct hostile_engine {
    hostile *db;
} hostile_engine;

typedef struct hostile_lent hostile_lent; /* bytes that a view handed out */
struct hostile_lent {
    hostile_lent *next;
    uint8_t bytes[];
};

typedef struct hostile_view {
    hostile *db;
    uint64_t stamp;
    hostile_lent *lent;
} hostile_view;

typedef struct hostile_tx {
    hostile_view view;
    tkt__guard guards[256];
    size_t guards_n;
    bool new_floor;
    int64_t floor_ms;
} hostile_tx;

/* Chance; under the lock. */
uint64_t hostile_draw(hostile *db);
bool hostile_comes(hostile *db, uint16_t per_mille);
/* Time passes and others work; with no lock held. */
void hostile_meanwhile(hostile *db);

void hostile_give_back(hostile_view *v);
int32_t hostile_view_begin(void *engine, void **view);
int32_t hostile_view_renew(void *view);
void hostile_view_end(void *view);
int32_t hostile_get(void *view, uint8_t table, tkt__slice key, tkt__slice *value);
int32_t hostile_get_many(void *view, tkt__get *gets, size_t n);
int32_t hostile_cursor_open(void *view, uint8_t table, void **cursor);
int32_t hostile_cursor_seek(void *cursor, tkt__slice key, tkt__slice *k, tkt__slice *v);
int32_t hostile_cursor_seek_last(void *cursor, tkt__slice key, tkt__slice *k, tkt__slice *v);
int32_t hostile_cursor_next(void *cursor, tkt__slice *k, tkt__slice *v);
int32_t hostile_cursor_prev(void *cursor, tkt__slice *k, tkt__slice *v);
void hostile_cursor_close(void *cursor);

int32_t hostile_write_begin(void *engine, const tkt__guard *guards, size_t n, int64_t deadline_ms, void **tx,
                            void **view, int64_t *floor_ms);
void hostile_write_floor(void *tx, int64_t floor_ms);
int32_t hostile_write_commit(void *tx, const tkt__write *writes, size_t n, int64_t now_ms, tkt__commit_info *out);
void hostile_write_abort(void *tx);
/* Commits on their way arrive: all of them, or now and then one. Under the lock. */
void hostile_land_late(hostile *db, bool all);

#endif
