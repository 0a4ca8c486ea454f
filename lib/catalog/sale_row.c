/* SPDX-License-Identifier: MIT
 *
 * catalog/sale_row.c: the sale row as bytes and back (TKT__T_SALE: event → row).
 *
 *   format u8 = 1, then varints: chart id, chart version, seats, highest block, per-buyer limit,
 *   last area id; window count, windows (opens i64, closes i64); area count, areas (id << 1 |
 *   from_chart, capacity, name length, name); currency count, for each: 3 letters (zeros: none),
 *   price count, prices (scope_id << 2 | scope, amount).
 *
 * A reserve reads this row, so it stays one hot value: at most 3,900 bytes. 100 areas with names of
 * 15 bytes and 200 prices take about 3,500; what does not fit is refused with TKT_E_LIMIT.
 * Invariants: canonical (areas by id, prices by currency, scope, id): equal facts, equal bytes.
 * Pure functions: a crash leaves nothing behind.
 */
#include <stdlib.h>

#include "catalog/sale.h"

#define ROW_FORMAT 1
#define LETTERS    3

/* ---- encode ---------------------------------------------------------------------------------- */

static int by_currency(const void *a, const void *b)
{
    const tkt__price *x = (const tkt__price *)a, *y = (const tkt__price *)b;
    int c = memcmp(x->currency, y->currency, TKT_CURRENCY_BYTES);
    if (c != 0)
        return c;
    if (x->scope != y->scope)
        return x->scope < y->scope ? -1 : 1;
    return x->scope_id < y->scope_id ? -1 : x->scope_id > y->scope_id;
}

static uint32_t same_currency(const tkt__price *prices, uint32_t from, uint32_t count)
{
    uint32_t n = 1;
    while (from + n < count &&
           memcmp(prices[from].currency, prices[from + n].currency, TKT_CURRENCY_BYTES) == 0)
        n++;
    return n;
}

static void put_prices(tkt__writer *w, const tkt__sale_row *row)
{
    tkt__price sorted[TKT_PRICES_MAX];
    uint32_t currencies = 0;
    memcpy(sorted, row->prices, row->price_count * sizeof(sorted[0]));
    qsort(sorted, row->price_count, sizeof(sorted[0]), by_currency);
    for (uint32_t i = 0; i < row->price_count; i += same_currency(sorted, i, row->price_count))
        currencies++;
    tkt__put_varint(w, currencies);
    for (uint32_t i = 0; i < row->price_count;) {
        uint32_t n = same_currency(sorted, i, row->price_count);
        tkt__put_bytes(w, sorted[i].currency, LETTERS);
        tkt__put_varint(w, n);
        for (uint32_t end = i + n; i < end; i++) {
            tkt__put_varint(w, (uint64_t)sorted[i].scope_id << 2 | sorted[i].scope);
            tkt__put_varint(w, (uint64_t)sorted[i].minor);
        }
    }
}

int32_t tkt__sale_row_encode(const tkt__sale_row *row, uint8_t buf[TKT__HOT_VALUE_MAX], size_t *n)
{
    tkt__writer w = tkt__writer_of(buf, TKT__HOT_VALUE_MAX);
    tkt__put_u8(&w, ROW_FORMAT);
    tkt__put_varint(&w, row->chart_id);
    tkt__put_varint(&w, row->chart_version);
    tkt__put_varint(&w, row->seats);
    tkt__put_varint(&w, row->blocks);
    tkt__put_varint(&w, row->per_buyer);
    tkt__put_varint(&w, row->last_area);
    tkt__put_varint(&w, row->window_count);
    for (uint32_t i = 0; i < row->window_count; i++) {
        tkt__put_i64(&w, row->windows[i].opens_ms);
        tkt__put_i64(&w, row->windows[i].closes_ms);
    }
    tkt__put_varint(&w, row->area_count);
    for (uint32_t i = 0; i < row->area_count; i++) {
        const tkt__area *area = &row->areas[i].area;
        tkt__put_varint(&w, (uint64_t)area->id << 1 | row->areas[i].from_chart);
        tkt__put_varint(&w, area->capacity);
        tkt__put_text(&w, area->name.p, area->name.n);
    }
    put_prices(&w, row);
    if (w.bad)
        return tkt__fail(TKT_E_LIMIT,
                         "areas, prices and windows of an event need more than %d bytes: use "
                         "shorter area names or fewer prices",
                         TKT__HOT_VALUE_MAX);
    *n = w.n;
    return TKT_DONE;
}

/* ---- decode ---------------------------------------------------------------------------------- */

/* A varint that must not pass `most`. */
static uint64_t number(tkt__reader *r, uint64_t most)
{
    uint64_t v = tkt__get_varint(r);
    if (v > most)
        r->bad = true;
    return r->bad ? 0 : v;
}

static void get_areas(tkt__reader *r, tkt__sale_row *row)
{
    row->area_count = (uint32_t)number(r, TKT_AREAS_MAX);
    for (uint32_t i = 0; i < row->area_count && !r->bad; i++) {
        uint64_t id = number(r, (uint64_t)UINT32_MAX << 1 | 1);
        row->areas[i].from_chart = (id & 1) != 0;
        row->areas[i].area.id = (uint32_t)(id >> 1);
        row->areas[i].area.capacity = (uint32_t)number(r, UINT32_MAX);
        row->areas[i].area.name = tkt__get_text(r);
        if (id >> 1 == 0 || id >> 1 > row->last_area)
            r->bad = true;
    }
}

static void get_prices(tkt__reader *r, tkt__sale_row *row)
{
    uint32_t currencies = (uint32_t)number(r, TKT_PRICES_MAX);
    row->price_count = 0;
    for (uint32_t c = 0; c < currencies && !r->bad; c++) {
        tkt__slice letters = tkt__get_bytes(r, LETTERS);
        uint32_t n = (uint32_t)number(r, TKT_PRICES_MAX - row->price_count);
        for (uint32_t i = 0; i < n && !r->bad; i++) {
            tkt__price *price = &row->prices[row->price_count++];
            uint64_t scope = number(r, (uint64_t)UINT32_MAX << 2 | 3);
            price->scope = (uint32_t)(scope & 3);
            price->scope_id = (uint32_t)(scope >> 2);
            price->minor = (int64_t)number(r, TKT__ID_MAX);
            memcpy(price->currency, letters.p, LETTERS);
            price->currency[LETTERS] = 0;
            if (price->scope > TKT_SCOPE_AREA)
                r->bad = true;
        }
    }
}

int32_t tkt__sale_row_parse(tkt__slice value, uint64_t event_id, tkt__sale_row *row)
{
    tkt__reader r = tkt__reader_of(value);
    if (tkt__get_u8(&r) != ROW_FORMAT)
        r.bad = true;
    row->chart_id = number(&r, TKT__ID_MAX);
    row->chart_version = (uint32_t)number(&r, UINT32_MAX);
    row->seats = (uint32_t)number(&r, TKT_CHART_SEATS_MAX);
    row->blocks = (uint32_t)number(&r, UINT32_MAX >> 6);
    row->per_buyer = (uint32_t)number(&r, UINT32_MAX);
    row->last_area = (uint32_t)number(&r, UINT32_MAX);
    row->window_count = (uint32_t)number(&r, TKT_WINDOWS_MAX);
    for (uint32_t i = 0; i < row->window_count; i++) {
        row->windows[i].opens_ms = tkt__get_i64(&r);
        row->windows[i].closes_ms = tkt__get_i64(&r);
    }
    get_areas(&r, row);
    get_prices(&r, row);
    if (r.bad || r.p != r.end)
        return tkt__fail(TKT_E_CORRUPT, "the sale row of event %llu is malformed",
                         (unsigned long long)event_id);
    return TKT_DONE;
}

static int32_t sale_value(tkt__tx *tx, uint64_t event_id, tkt__slice *value)
{
    uint8_t key[8];
    tkt__be64(key, event_id);
    return tkt__tx_get(tx, TKT__T_SALE, tkt__slice_of(key, sizeof(key)), value);
}

int32_t tkt__sale_row_get(tkt__tx *tx, uint64_t event_id, tkt__sale_row *row)
{
    tkt__slice value;
    int32_t rc = sale_value(tx, event_id, &value);
    if (rc == TKT_DONE)
        return tkt__sale_row_parse(value, event_id, row);
    if (rc != TKT_NOT_FOUND)
        return rc;
    /* The arrays may stay as they are: their counts are 0. */
    row->chart_id = 0;
    row->chart_version = row->seats = row->blocks = row->per_buyer = row->last_area = 0;
    row->window_count = row->area_count = row->price_count = 0;
    return TKT_DONE;
}

int32_t tkt__sale_chart(tkt__tx *tx, uint64_t event_id, uint64_t *chart_id)
{
    tkt__slice value;
    *chart_id = 0;
    int32_t rc = sale_value(tx, event_id, &value);
    if (rc == TKT_NOT_FOUND)
        return TKT_DONE;
    if (rc != TKT_DONE)
        return rc;
    tkt__reader r = tkt__reader_of(value);
    uint8_t format = tkt__get_u8(&r);
    *chart_id = tkt__get_varint(&r);
    if (r.bad || format != ROW_FORMAT)
        return tkt__fail(TKT_E_CORRUPT, "the sale row of event %llu is malformed",
                         (unsigned long long)event_id);
    return TKT_DONE;
}
