/* SPDX-License-Identifier: MIT
 *
 * catalog/import_line.h: one schema.org/Event line, parsed: what import_line.c gives to import.c.
 */
#ifndef TKT_CATALOG_IMPORT_LINE_H
#define TKT_CATALOG_IMPORT_LINE_H

#include <yajl/yajl_tree.h>

#include "catalog/internal.h"

/* Texts point into `tree` and `place`, which live until tkt__line_free. */
typedef struct tkt__line {
    yajl_val tree;
    tkt_event event;                 /* ids not filled in */
    bool has_venue;
    bool says_status;                /* else event.status is what a new one has */
    tkt_venue venue;
    char *place;                     /* a name that was made for it; NULL: none */
    tkt_performer performers[TKT_PERFORMERS_MAX];
    uint32_t performer_count;
    uint64_t known_id;               /* import.c: the event that has this external id, or 0 */
} tkt__line;

typedef struct tkt__line_error {
    char reason[160];
    uint64_t byte; /* from 1; 0: the line as a whole */
} tkt__line_error;

/* text[len] must be NUL. False: *error says why; nothing is left to free. */
bool tkt__line_parse(const char *text, size_t len, tkt__line *line, tkt__line_error *error);
void tkt__line_free(tkt__line *line);

#endif
