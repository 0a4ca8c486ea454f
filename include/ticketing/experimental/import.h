/* SPDX-License-Identifier: MIT
 *
 * ticketing/experimental/import.h: the contract of the import of schema.org/Event lines and of chart
 * files, as it is to become part of ticketing/catalog.h. Nothing of it is in the library yet; the
 * header is not installed.
 */
#ifndef TICKETING_EXPERIMENTAL_IMPORT_H
#define TICKETING_EXPERIMENTAL_IMPORT_H

#include <ticketing/catalog.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Reads {"venue":…,"sections":[{"name","rows":[{"name","seats":[{"label","x","y","link"?,"attributes"?}]}]}],
 * "ga":[{"name","capacity"}]}; links by pitch when no seat has "link". -TKT_E_PARSE with the byte. */
TKT_API int32_t tkt_chart_parse_json(tkt_chart *chart, const char *text, size_t len);

/* ---- import ----------------------------------------------------------------------------------------------- */

/* Gives up to cap bytes; *got 0 at the end. Non-zero return stops the import (TKT_E_STOPPED). */
typedef int32_t (*tkt_read_fn)(void *user, uint8_t *buf, size_t cap, size_t *got);

typedef struct tkt_import_stats {
    uint32_t size;
    uint32_t reserved;
    uint64_t lines;            /* lines read, empty ones not counted */
    uint64_t bytes;
    uint64_t events_added, events_updated, events_unchanged;
    uint64_t lines_refused;
    uint64_t venues_added, performers_added;
} tkt_import_stats;
#define TKT_IMPORT_STATS_INIT { (uint32_t)sizeof(tkt_import_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* A line that was refused: number from 1, byte within the line from 1 (0: the line as a whole). */
typedef struct tkt_bad_line {
    uint32_t size;
    uint32_t reserved;
    uint64_t line;
    uint64_t byte;
    tkt_text reason;
} tkt_bad_line;

#define TKT_IMPORT_STOP_AT_BAD UINT32_C(1)   /* the first bad line ends the import with TKT_E_PARSE */
#define TKT_IMPORT_SHIFT_AUTO UINT32_C(2)    /* move past events forward by multiples of 104 weeks */
#define TKT_IMPORT_LINE_MAX (UINT32_C(1) << 20)

typedef struct tkt_import {
    uint32_t size;
    uint32_t flags;
    tkt_read_fn read;
    int32_t (*bad_line)(void *user, const tkt_bad_line *line);          /* may be NULL; non-zero stops */
    int32_t (*progress)(void *user, const tkt_import_stats *so_far);    /* may be NULL; non-zero stops */
    void *user;
    int32_t shift_weeks;  /* moves every date by so many weeks; not with SHIFT_AUTO */
    uint32_t batch;       /* events a commit; 0: 256 */
} tkt_import;
#define TKT_IMPORT_INIT { (uint32_t)sizeof(tkt_import), 0, NULL, NULL, NULL, NULL, 0, 0 }

/* Imports schema.org/Event objects, one a line. Idempotent by "@id": an event that is there is
 * updated when it differs and left alone when not, so a broken import is simply run again. What was
 * committed before a failure stays. Callbacks run with no write transaction open. A line without "@id",
 * name or startDate, malformed JSON or bad UTF-8 is refused by itself. *stats is set also on failure.
 * SHIFT_AUTO: the Monday 00:00Z after its first use in the store is kept as anchor; an event that
 * starts before it moves forward by the smallest multiple of 104 weeks that brings its start to or
 * after the anchor, its end by the same. */
TKT_API int32_t tkt_import_jsonl(tkt_store *store, const tkt_import *import, tkt_import_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
