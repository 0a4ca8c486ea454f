/* SPDX-License-Identifier: MIT
 *
 * search/build.h: the index built anew. What its files share:
 *
 *   build.c         from the snapshot to the switch     build_docs.c   numbers, days, columns
 *   build_run.c     terms of many events as runs         build_merge.c  runs become lists
 *   build_words.c   words by what is left of them        build_names.c  names by their words
 *   catchup.c       what changed meanwhile
 *
 * Events are read in order of their start, so document numbers rise as they are given out. Each thread takes
 * one part of that order and gathers terms in bounded memory; full memory is written as a run: terms in
 * order, each with its postings, into a file without a name, which a crash leaves no trace of. Runs of later
 * parts hold higher numbers, so a list is its pieces one after the other.
 */
#ifndef TKT_SEARCH_BUILD_H
#define TKT_SEARCH_BUILD_H

#include <stdio.h>

#include <ticketing/search.h>

#include "search/block.h"
#include "search/chunk.h"

#define TKT__BUILD_TABLES                                                                                  \
    (UINT32_C(1) << TKT__T_SEARCH | UINT32_C(1) << TKT__T_TERM | UINT32_C(1) << TKT__T_POSTING |            \
     UINT32_C(1) << TKT__T_COLUMN | UINT32_C(1) << TKT__T_SOLD_OUT | UINT32_C(1) << TKT__T_NEAR_WORD |      \
     UINT32_C(1) << TKT__T_PLACE)

/* ---- runs ----------------------------------------------------------------------------------------------- */

/* Terms in order: u16 bytes of the term, the term, u8 with levels, u32 n, u32 first docno, u32 last docno,
 * u32 bytes, then for each posting a varint: the distance from the one before (0 for the first), with levels
 * × 16 + level. */
typedef struct tkt__run_file {
    FILE *file;
    uint64_t terms, postings;
} tkt__run_file;

typedef struct tkt__gatherer tkt__gatherer;
/* Gathers in about `memory` bytes; runs go to files in `folder`. */
int32_t tkt__gather_open(const tkt_hooks *hooks, size_t memory, const char *folder, tkt__gatherer **g);
void tkt__gather_close(tkt__gatherer *g);
/* The n terms of a document; docnos rise. */
int32_t tkt__gather_add(tkt__gatherer *g, const tkt__term *term, uint32_t n, uint32_t docno);
/* Writes what is there; full: only when memory is used up. */
int32_t tkt__gather_flush(tkt__gatherer *g, bool only_full);
/* The runs so far, in order; they stay the gatherer's. */
const tkt__run_file *tkt__gather_runs(const tkt__gatherer *g, uint32_t *n);
/* A file without a name in the folder. */
int32_t tkt__build_file(const char *folder, FILE **file);

/* ---- documents ------------------------------------------------------------------------------------------- */

typedef struct tkt__build tkt__build;

/* Categories by number − 1, and a table that finds them: twice as many slots as room, a number in each or 0. */
typedef struct tkt__category_set {
    tkt__slice *name;
    uint32_t n, room;
    uint32_t *slot, slots;
} tkt__category_set;
void tkt__categories_free(const tkt_hooks *hooks, tkt__category_set *set);

/* One thread's part of the events, in order of start. */
typedef struct tkt__build_part {
    tkt__build *build;
    tkt__tx *tx;             /* its own snapshot of the one state */
    tkt__cursor *cursor;     /* of EVENT_LIST */
    uint64_t events, done;   /* how many are its own */
    uint32_t day, slot;      /* of the next event */
    uint8_t start[17];       /* key of its first event */
    tkt__gatherer *gatherer;
    FILE *columns;           /* u32 docno, u8 sold out, column with the category's number in this part */
    tkt__terms *terms;
    tkt__arena arena;        /* names of categories */
    tkt__category_set categories;
    int32_t status;
    tkt__error_record error;
} tkt__build_part;

struct tkt__build {
    tkt_store *store;
    const tkt_hooks *hooks;
    tkt_reindex_options options;
    tkt_reindex_stats stats;
    char folder[4096];
    uint32_t parts;
    tkt__build_part *part; /* `parts`, and one more for spilled events */
    tkt__index_meta meta;
    uint32_t *docno_of;    /* by event */
    uint64_t last_event;
    uint32_t *in_day;      /* documents by day, TKT__DAY_END of them */
    uint64_t *spilled;     /* events, in order of start */
    uint32_t spilled_n, spilled_room;
    uint32_t last_list;
    uint32_t chunks;       /* of 8,192 numbers that have documents */
    tkt__category_set categories; /* their bytes are the parts' */
    tkt__arena arena;
    const tkt__engine_ops *ops;
    void *bulk;
};

/* Counts, samples lengths, and tells each part where it begins. */
int32_t tkt__build_number(tkt__build *b);
/* The next events of a part, at most `most`. */
int32_t tkt__build_read(tkt__build_part *p, uint64_t most);
int32_t tkt__build_read_spilled(tkt__build_part *p);
int32_t tkt__build_write_columns(tkt__build *b);
int32_t tkt__build_write_index_rows(tkt__build *b);

/* ---- lists and words ----------------------------------------------------------------------------------------- */

typedef struct tkt__word_set {
    tkt__arena arena;
    uint8_t **word; /* u8 length, bytes */
    uint64_t n, room;
} tkt__word_set;

/* Terms of venues, performers and cities, in order, with how many events each has. */
typedef struct tkt__name_set {
    tkt__arena arena;
    tkt__slice *term;
    uint64_t *events;
    uint32_t n, room;
} tkt__name_set;

int32_t tkt__build_merge(tkt__build *b, tkt__word_set *words, tkt__name_set *names);
int32_t tkt__build_names(tkt__build *b, tkt__name_set *names);
int32_t tkt__build_words(tkt__build *b, const tkt__word_set *words);
int32_t tkt__build_report(tkt__build *b); /* tells the host; -TKT_E_STOPPED */

/* ---- what changed meanwhile ------------------------------------------------------------------------------------ */

void tkt__build_release(tkt__build *b); /* ends the snapshots of all parts */
int32_t tkt__same_state(tkt__tx *a, tkt__tx *b, bool *same); /* two snapshots */
/* Brings the generation being built from the state of `then` up to date, and publishes it. */
int32_t tkt__catch_up(tkt__build *b, tkt__tx *then);

#endif
