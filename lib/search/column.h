/* SPDX-License-Identifier: MIT
 *
 * search/column.h: facts of documents by their number, 64 neighbours a row: what a query needs of an event without
 * reading its record.
 *
 *   COLUMN 'c' be32 docno >> 6
 *    0  u8  n, 1…64: documents up to the last that somebody has
 *    1  6 × u8 bits of a number: event, venue, start, price, currency, category (0: all have the least)
 *    7  u8  1: starts lie whole minutes from the least, and are counted so; else 0: milliseconds
 *    8  the least of each: u32 event − 1, u32 venue, i64 start, u32 price, u16 currency, u16 category
 *   32  n cells: the six numbers above the least, packed low bits first; event 0: nobody has this number
 *   ..  9 zero bytes, so that 9 can be read anywhere
 *
 * Widths are the least that hold the row's numbers, so equal facts have equal bytes. A row that nobody has a number
 * of is not there.
 */
#ifndef TKT_SEARCH_COLUMN_H
#define TKT_SEARCH_COLUMN_H

#include "search/search.h"

#define TKT__COLUMN_BITS 6
#define TKT__COLUMN_DOCS (1u << TKT__COLUMN_BITS)
#define TKT__COLUMN_HEAD 32u
#define TKT__COLUMN_CELL 24u /* at most */
#define TKT__COLUMN_PAD 9u
#define TKT__COLUMN_ROW_BYTES (TKT__COLUMN_HEAD + TKT__COLUMN_DOCS * TKT__COLUMN_CELL + TKT__COLUMN_PAD)
enum { TKT__FACT_EVENT, TKT__FACT_VENUE, TKT__FACT_START, TKT__FACT_PRICE, TKT__FACT_CURRENCY, TKT__FACT_CATEGORY,
       TKT__FACTS };

/* A row that is open: it lives as long as the row's bytes. */
typedef struct tkt__columns {
    uint32_t n, cell;           /* documents, bits of a cell */
    uint64_t unit;              /* of starts, in milliseconds */
    uint64_t least[TKT__FACTS];
    uint64_t mask[TKT__FACTS];
    uint32_t at[TKT__FACTS];    /* bit within a cell */
    const uint8_t *cells;
} tkt__columns;

/* The row of a document. */
void tkt__columns_key(uint32_t docno, uint8_t key[5]);
/* -TKT_E_CORRUPT: its length is not what its head says. */
int32_t tkt__columns_open(tkt__slice row, tkt__columns *columns);
/* The i-th document's; event 0: nobody has that number. */
void tkt__columns_get(const tkt__columns *columns, uint32_t i, tkt__column *column);
/* Returns the bytes written; 0: nobody has any of them, which no row may say. */
size_t tkt__columns_encode(const tkt__column column[TKT__COLUMN_DOCS], uint8_t out[TKT__COLUMN_ROW_BYTES]);

#endif
