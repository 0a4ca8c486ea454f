/* SPDX-License-Identifier: MIT
 *
 * catalog/sale.h: the sale row of an event as the catalogue's own files see it.
 */
#ifndef TKT_CATALOG_SALE_H
#define TKT_CATALOG_SALE_H

#include "catalog/internal.h"

/* One area of the row; `from_chart`: it came with the pinned chart and leaves with it. */
typedef struct tkt__sale_area_row {
    tkt__area area;
    bool from_chart;
} tkt__sale_area_row;

/* The row decoded into fixed room: 8 KiB on a stack, no allocation. */
typedef struct tkt__sale_row {
    uint64_t chart_id;
    uint32_t chart_version, seats, blocks;
    uint32_t per_buyer;
    uint32_t last_area; /* the highest area id ever given out */
    uint32_t window_count, area_count, price_count;
    tkt_window windows[TKT_WINDOWS_MAX];
    tkt__sale_area_row areas[TKT_AREAS_MAX];
    tkt__price prices[TKT_PRICES_MAX];
} tkt__sale_row;

/* A missing row is that of an event with no sale facts: all zeros. Names point into the value. */
int32_t tkt__sale_row_get(tkt__tx *tx, uint64_t event_id, tkt__sale_row *row);
int32_t tkt__sale_row_parse(tkt__slice value, uint64_t event_id, tkt__sale_row *row);
int32_t tkt__sale_row_encode(const tkt__sale_row *row, uint8_t buf[TKT__HOT_VALUE_MAX], size_t *n);
/* The pinned chart's id, or 0. */
int32_t tkt__sale_chart(tkt__tx *tx, uint64_t event_id, uint64_t *chart_id);

#endif
