/* SPDX-License-Identifier: MIT
 *
 * tests/unit/test_search_column.c: rows of facts of documents there and back, whatever the facts, and what opening
 * does with damage.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "search/column.h"

static uint64_t state;

static uint64_t draw(uint64_t below)
{
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (state >> 24) % below;
}

/* Facts that differ by `spread` at most, of which a share of `there` in 16 exists. */
static void fill(tkt__column column[TKT__COLUMN_DOCS], uint64_t spread, uint32_t there)
{
    int64_t day = (int64_t)draw(UINT64_C(4000000000000)) - 1000000000000, unit = draw(2) == 0 ? 60000 : 1;
    memset(column, 0, TKT__COLUMN_DOCS * sizeof *column);
    for (uint32_t i = 0; i < TKT__COLUMN_DOCS; i++) {
        if (draw(16) >= there)
            continue;
        column[i].event = (uint32_t)(1 + draw(spread < 1u << 28 ? spread : 1u << 28));
        column[i].venue = (uint32_t)draw(spread < 1u << 28 ? spread : 1u << 28);
        column[i].start_ms = day + (int64_t)draw(spread) * unit;
        column[i].price = draw(9) == 0 ? TKT__PRICE_LARGE : (uint32_t)draw(spread < UINT32_MAX ? spread : UINT32_MAX);
        column[i].currency = (uint16_t)draw(spread < 65536 ? spread : 65536);
        column[i].category = (uint16_t)draw(spread < 65536 ? spread : 65536);
    }
}

static void same(const tkt__column *a, const tkt__column *b)
{
    cr_assert_eq(a->event, b->event);
    cr_assert_eq(a->venue, b->venue);
    cr_assert_eq(a->start_ms, b->start_ms);
    cr_assert_eq(a->price, b->price);
    cr_assert_eq(a->currency, b->currency);
    cr_assert_eq(a->category, b->category);
}

static size_t there_and_back(const tkt__column column[TKT__COLUMN_DOCS])
{
    uint8_t row[TKT__COLUMN_ROW_BYTES];
    tkt__columns columns;
    tkt__column one;
    size_t n = tkt__columns_encode(column, row);
    if (n == 0)
        return 0;
    cr_assert_eq(tkt__columns_open(tkt__slice_of(row, n), &columns), TKT_DONE);
    for (uint32_t i = 0; i < TKT__COLUMN_DOCS; i++) {
        tkt__columns_get(&columns, i, &one);
        same(&one, &column[i]);
    }
    cr_assert_eq(tkt__columns_open(tkt__slice_of(row, n - 1), &columns), -TKT_E_CORRUPT);
    row[draw(2) == 0 ? 0 : 7] += 33; /* too many documents, an unknown unit */
    cr_assert_eq(tkt__columns_open(tkt__slice_of(row, n), &columns), -TKT_E_CORRUPT);
    return n;
}

Test(search_column, there_and_back)
{
    tkt__column column[TKT__COLUMN_DOCS];
    state = 5;
    for (int i = 0; i < 20000; i++) {
        fill(column, UINT64_C(1) << draw(41), (uint32_t)draw(17));
        there_and_back(column);
    }
}

Test(search_column, whatever_the_facts)
{
    tkt__column column[TKT__COLUMN_DOCS] = { { 0 } };
    cr_assert_eq(there_and_back(column), 0);
    column[TKT__COLUMN_DOCS - 1] = (tkt__column){ UINT32_MAX, UINT32_MAX, INT64_MAX, UINT32_MAX, UINT16_MAX, UINT16_MAX };
    there_and_back(column);
    column[0] = (tkt__column){ 1, 0, INT64_MIN, 0, 0, 0 };
    cr_assert_leq(there_and_back(column), TKT__COLUMN_ROW_BYTES);
}

Test(search_column, an_ordinary_evening_costs_eleven_bytes_an_event)
{
    tkt__column column[TKT__COLUMN_DOCS];
    state = 9;
    for (uint32_t i = 0; i < TKT__COLUMN_DOCS; i++)
        column[i] = (tkt__column){ (uint32_t)(1 + draw(10000000)), (uint32_t)draw(20000),
                                   INT64_C(1790000000000) + 60000 * (int64_t)draw(1440), (uint32_t)draw(60000),
                                   (uint16_t)draw(900), (uint16_t)draw(40) };
    cr_assert_leq(there_and_back(column), TKT__COLUMN_HEAD + 88 * TKT__COLUMN_DOCS / 8 + TKT__COLUMN_PAD);
}
