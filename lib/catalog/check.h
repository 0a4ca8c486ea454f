/* SPDX-License-Identifier: MIT
 *
 * catalog/check.h: the parts of the catalogue's check, each a walk over one table.
 */
#ifndef TKT_CATALOG_CHECK_H
#define TKT_CATALOG_CHECK_H

#include "catalog/internal.h"

/* A walk over every row of a table. */
typedef struct tkt__walk {
    tkt__tx *tx;
    tkt__problems *problems;
    uint64_t seen[TKT__ID_KINDS]; /* records found, by kind of id */
    uint64_t next[TKT__ID_KINDS]; /* the lease counters: the first id never given out */
} tkt__walk;
typedef int32_t (*tkt__row_fn)(tkt__walk *walk, tkt__slice key, tkt__slice value);
int32_t tkt__walk_table(tkt__walk *walk, uint8_t table, tkt__row_fn fn);

/* Whether a row of the event list is there: TKT_DONE, TKT_NOT_FOUND. */
int32_t tkt__list_there(tkt__tx *tx, uint8_t kind, uint64_t owner, int64_t start_ms,
                        uint64_t event);
/* An id that no lease has given out yet is a problem. */
int32_t tkt__check_id(tkt__walk *walk, uint32_t kind, uint64_t id, const char *what);
/* A failed decoding becomes a problem and the walk goes on; other failures end it. */
int32_t tkt__check_decoded(tkt__walk *walk, int32_t rc, const char *rule);

int32_t tkt__check_entities(tkt__walk *walk); /* check.c: venues, performers, users, names */
int32_t tkt__check_events(tkt__walk *walk);   /* check_event.c: events and their lists */
int32_t tkt__check_charts(tkt__walk *walk);   /* check_chart.c: charts, jobs, sale rows */

#endif
