/* SPDX-License-Identifier: MIT
 *
 * catalog/chart.h: charts among the catalogue's files: the builder's insides, the stored rows of a
 * version (chart_codec.c), the job that guards an unfinished version (chart_job.c), the plan.
 */
#ifndef TKT_CATALOG_CHART_H
#define TKT_CATALOG_CHART_H

#include "catalog/internal.h"

#define TKT__CHART_ROWS_MAX TKT_CHART_SEATS_MAX
#define TKT__BLOCK_SEATS    64u
#define TKT__BLOCK_MAX      ((UINT32_C(1) << 26) - 1) /* a unit is block << 6 | position in 32 bits */
#define TKT__PAGE_FIRST     (UINT32_C(1) << 26)       /* rows from here on hold the sections */
#define TKT__SEAT_ATTRIBUTES \
    (TKT_SEAT_LINK | TKT_SEAT_ACCESSIBLE | TKT_SEAT_COMPANION | TKT_SEAT_RESTRICTED_VIEW)
#define TKT__CHART_KEY 16 /* chart(8) version(4) block(4) */

/* ---- the builder ----------------------------------------------------------------------------- */

typedef struct tkt__chart_name {
    size_t at; /* into the builder's text */
    uint32_t n;
} tkt__chart_name;

typedef struct tkt__chart_section {
    tkt__chart_name name;
    uint32_t first_row, rows;
} tkt__chart_section;

typedef struct tkt__chart_row {
    tkt__chart_name name;
    uint32_t section, first_seat, seats;
} tkt__chart_row;

typedef struct tkt__chart_seat {
    tkt__chart_name label;
    uint32_t row, attributes;
    int32_t x_milli, y_milli;
} tkt__chart_seat;

typedef struct tkt__chart_area {
    tkt__chart_name name;
    uint32_t capacity;
} tkt__chart_area;

struct tkt_chart {
    tkt_hooks hooks;
    tkt__chart_section *sections;
    tkt__chart_row *rows;
    tkt__chart_seat *seats;
    tkt__chart_area *areas;
    char *text;
    uint32_t *slots; /* hash of every name, see chart_build.c */
    size_t section_n, section_cap, row_n, row_cap, seat_n, seat_cap, area_n, area_cap;
    size_t text_n, text_cap, slot_n, slot_cap;
};

enum { TKT__NAME_SECTION, TKT__NAME_ROW, TKT__NAME_SEAT, TKT__NAME_AREA };
tkt__slice tkt__chart_text(const tkt_chart *chart, tkt__chart_name name);
/* The section, row of section `parent`, or seat of row `parent` of this name. false: none. */
bool tkt__chart_find(const tkt_chart *chart, uint32_t kind, uint32_t parent, tkt__slice name,
                     uint32_t *index);

/* ---- stored rows ----------------------------------------------------------------------------- */

void tkt__chart_key(uint64_t chart, uint32_t version, uint32_t block, uint8_t key[TKT__CHART_KEY]);

/* Block 0: the header, written last: a version is visible when it is there. */
typedef struct tkt__chart_header {
    uint64_t venue;
    uint32_t seats, rows, sections, pages;
    uint32_t blocks;       /* the highest block number ever given out in this chart */
    uint32_t last_section; /* the highest section id ever given out */
    uint32_t areas;
    tkt__slice area_bytes; /* for tkt__chart_area_next */
} tkt__chart_header;
typedef struct tkt__section_info {
    uint32_t id, rows, seats;
    uint32_t first_block, last_block, used; /* positions of last_block ever used: 0…64 */
    tkt__slice name;
} tkt__section_info;
/* One block: 64 positions of one section. */
typedef struct tkt__block {
    uint32_t section, section_index, rows;
    uint64_t mask;
    tkt__slice section_name;
    struct {
        uint32_t index; /* within the section */
        tkt__slice name;
    } row[TKT__BLOCK_SEATS];
    uint64_t left; /* the positions that tkt__block_next has not given yet */
    tkt__reader rest;
    uint32_t plan_index;
    int32_t x, y;
} tkt__block;
typedef struct tkt__block_seat {
    uint32_t position, row, plan_index, attributes; /* row: index into block.row */
    int32_t x_milli, y_milli;
    tkt__slice label;
} tkt__block_seat;

int32_t tkt__chart_header_get(tkt__tx *tx, uint64_t chart, uint32_t version, tkt__chart_header *h);
bool tkt__chart_area_next(tkt__chart_header *h, tkt__slice *name, uint32_t *capacity);
/* The newest version that is whole. TKT_NOT_FOUND: no such chart. */
int32_t tkt__chart_newest(tkt__tx *tx, uint64_t chart, uint32_t *version);
/* Calls fn for each section in the plan's order; an answer but 0 ends the walk and is returned. */
typedef int32_t (*tkt__section_fn)(void *user, uint32_t index, const tkt__section_info *section);
int32_t tkt__chart_sections(tkt__tx *tx, uint64_t chart, uint32_t version,
                            const tkt__chart_header *h, tkt__section_fn fn, void *user);
int32_t tkt__block_get(tkt__tx *tx, uint64_t chart, uint32_t version, uint32_t block,
                       tkt__block *out);
int32_t tkt__block_parse(tkt__slice value, tkt__block *out);
/* Gives the seats by position. TKT_NOT_FOUND after the last; -TKT_E_CORRUPT. */
int32_t tkt__block_next(tkt__block *block, tkt__block_seat *seat);

/* ---- a version as bytes, ready to be put ----------------------------------------------------- */

typedef struct tkt__chart_put {
    uint32_t block;
    size_t at, n;
} tkt__chart_put;

typedef struct tkt__chart_bytes {
    const tkt_hooks *hooks;
    uint8_t *bytes;
    size_t n, cap;
    tkt__chart_put *rows; /* blocks, then pages; the header is not among them */
    size_t row_n, row_cap;
    size_t header_at, header_n;
} tkt__chart_bytes;

/* The numbers that a version gives to the builder's sections and seats. */
typedef struct tkt__chart_numbers {
    tkt__section_info *sections; /* by the builder's index */
    uint32_t *units;             /* by the builder's seat index */
    uint32_t blocks, last_section;
} tkt__chart_numbers;

int32_t tkt__chart_encode(const tkt_chart *chart, uint64_t venue, const tkt__chart_numbers *numbers,
                          tkt__chart_bytes *out);
void tkt__chart_bytes_free(tkt__chart_bytes *bytes);

/* ---- jobs (chart_job.c) ---------------------------------------------------------------------- */

#define TKT__JOB_CHART      1               /* kind of a job row */
#define TKT__CHART_STALE_MS INT64_C(600000) /* without progress for so long, a writer is dead */
#define TKT__JOB_OWNER      16

typedef struct tkt__chart_job {
    uint64_t job, chart;
    uint32_t version;
    uint8_t owner[TKT__JOB_OWNER]; /* drawn by the writer; zeros: given up, being cleared away */
    int64_t progress_ms;
} tkt__chart_job;

/* Bodies under the store's guard. */
int32_t tkt__chart_job_put(tkt__tx *tx, const tkt__chart_job *job);
int32_t tkt__chart_job_delete(tkt__tx *tx, uint64_t job);
/* -TKT_E_CONFLICT when the job is gone or no longer `mine`'s. */
int32_t tkt__chart_job_mine(tkt__tx *tx, const tkt__chart_job *mine);
/* The next job of kind chart after *after (start with 0). TKT_NOT_FOUND: none. */
int32_t tkt__chart_job_next(tkt__tx *tx, uint64_t *after, tkt__chart_job *job);
bool tkt__chart_job_stale(const tkt__chart_job *job, int64_t now_ms);
/* Deletes at most `most` rows of the unfinished version, then the job. `owner`: the writer itself
 * gives up; NULL: only when stale. *left: there is more to do. */
int32_t tkt__chart_job_clear(tkt_store *store, const tkt__chart_job *job, const uint8_t *owner,
                             uint32_t most, uint32_t *done, bool *left);

/* ---- the plan (plan.c) ----------------------------------------------------------------------- */

int32_t tkt__plan_of(tkt__tx *tx, const tkt_hooks *hooks, uint64_t chart, uint32_t version,
                     tkt_plan **plan);
/* tkt_plan_seat without its checks. false: past the last. */
bool tkt__plan_seat_at(const tkt_plan *plan, uint32_t index, tkt_seat *out);

#endif
