/* SPDX-License-Identifier: MIT
 *
 * catalog/chart_read.c: reading the stored rows of a chart's version (chart_codec.c has the bytes).
 *
 * Invariants: parsing never reads outside a value; a version without its header is not there.
 * Reads only: a crash leaves nothing behind.
 */
#include "catalog/chart.h"

#define ROW_FORMAT 1

static int32_t corrupt(const char *what)
{
    return tkt__fail(TKT_E_CORRUPT, "a chart's %s is malformed", what);
}

static uint32_t number(tkt__reader *r, uint64_t most)
{
    uint64_t v = tkt__get_varint(r);
    if (v > most)
        r->bad = true;
    return r->bad ? 0 : (uint32_t)v;
}

static int32_t get_row(tkt__tx *tx, uint64_t chart, uint32_t version, uint32_t block,
                       tkt__slice *value)
{
    uint8_t key[TKT__CHART_KEY];
    tkt__chart_key(chart, version, block, key);
    return tkt__tx_get(tx, TKT__T_CHART, tkt__slice_of(key, sizeof(key)), value);
}

/* ---- the header ------------------------------------------------------------------------------ */

int32_t tkt__chart_header_get(tkt__tx *tx, uint64_t chart, uint32_t version, tkt__chart_header *h)
{
    tkt__slice value;
    int32_t rc = get_row(tx, chart, version, 0, &value);
    if (rc != TKT_DONE)
        return rc;
    tkt__reader r = tkt__reader_of(value);
    if (tkt__get_u8(&r) != ROW_FORMAT)
        r.bad = true;
    h->venue = tkt__get_varint(&r);
    h->seats = number(&r, TKT_CHART_SEATS_MAX);
    h->rows = number(&r, TKT__CHART_ROWS_MAX);
    h->sections = number(&r, TKT_CHART_SECTIONS_MAX);
    h->pages = number(&r, TKT_CHART_SECTIONS_MAX);
    h->blocks = number(&r, TKT__BLOCK_MAX);
    h->last_section = number(&r, UINT32_MAX);
    h->areas = number(&r, TKT_CHART_AREAS_MAX);
    if (r.bad)
        return corrupt("header");
    h->area_bytes = tkt__slice_of(r.p, (size_t)(r.end - r.p));
    tkt__chart_header walk = *h;
    tkt__slice name;
    uint32_t capacity, areas = 0;
    while (tkt__chart_area_next(&walk, &name, &capacity))
        areas++;
    return areas == h->areas && walk.area_bytes.n == 0 ? TKT_DONE : corrupt("header");
}

bool tkt__chart_area_next(tkt__chart_header *h, tkt__slice *name, uint32_t *capacity)
{
    tkt__reader r = tkt__reader_of(h->area_bytes);
    *name = tkt__get_text(&r);
    *capacity = number(&r, UINT32_MAX);
    if (r.bad)
        return false;
    h->area_bytes = tkt__slice_of(r.p, (size_t)(r.end - r.p));
    return true;
}

/* Steps back from the highest row of the chart to the highest version that has a header. */
int32_t tkt__chart_newest(tkt__tx *tx, uint64_t chart, uint32_t *version)
{
    uint8_t key[TKT__CHART_KEY];
    tkt__cursor *cursor;
    tkt__slice k, v;
    int32_t rc = tkt__tx_cursor_open(tx, TKT__T_CHART, &cursor);
    if (rc != TKT_DONE)
        return rc;
    tkt__chart_key(chart + 1, 0, 0, key);
    for (;;) {
        rc = tkt__cursor_seek_last(cursor, tkt__slice_of(key, sizeof(key)), &k, &v);
        if (rc != TKT_DONE)
            break;
        if (k.n != TKT__CHART_KEY || tkt__get_be64(k.p) != chart) {
            rc = TKT_NOT_FOUND;
            break;
        }
        *version = tkt__get_be32(k.p + 8);
        rc = get_row(tx, chart, *version, 0, &v);
        if (rc != TKT_NOT_FOUND)
            break;
        tkt__chart_key(chart, *version, 0, key);
    }
    tkt__cursor_close(cursor);
    return rc;
}

/* ---- sections -------------------------------------------------------------------------------- */

static int32_t page_walk(tkt__slice value, uint32_t *index, tkt__section_fn fn, void *user)
{
    tkt__reader r = tkt__reader_of(value);
    if (tkt__get_u8(&r) != ROW_FORMAT)
        return corrupt("section list");
    uint32_t n = number(&r, TKT_CHART_SECTIONS_MAX);
    for (uint32_t i = 0; i < n; i++) {
        tkt__section_info s;
        s.id = number(&r, UINT32_MAX);
        s.rows = number(&r, TKT__CHART_ROWS_MAX);
        s.seats = number(&r, TKT_CHART_SEATS_MAX);
        s.first_block = number(&r, TKT__BLOCK_MAX);
        s.last_block = number(&r, TKT__BLOCK_MAX);
        s.used = number(&r, TKT__BLOCK_SEATS);
        s.name = tkt__get_text(&r);
        if (r.bad || s.id == 0)
            return corrupt("section list");
        int32_t rc = fn(user, (*index)++, &s);
        if (rc != TKT_DONE)
            return rc;
    }
    return r.bad || r.p != r.end ? corrupt("section list") : TKT_DONE;
}

int32_t tkt__chart_sections(tkt__tx *tx, uint64_t chart, uint32_t version,
                            const tkt__chart_header *h, tkt__section_fn fn, void *user)
{
    uint32_t index = 0;
    for (uint32_t page = 0; page < h->pages; page++) {
        tkt__slice value;
        int32_t rc = get_row(tx, chart, version, TKT__PAGE_FIRST + page, &value);
        if (rc == TKT_NOT_FOUND)
            return corrupt("section list");
        if (rc == TKT_DONE)
            rc = page_walk(value, &index, fn, user);
        if (rc != TKT_DONE)
            return rc;
    }
    return index == h->sections ? TKT_DONE : corrupt("section list");
}

/* ---- blocks ---------------------------------------------------------------------------------- */

int32_t tkt__block_parse(tkt__slice value, tkt__block *b)
{
    tkt__reader r = tkt__reader_of(value);
    if (tkt__get_u8(&r) != ROW_FORMAT)
        r.bad = true;
    b->section = tkt__get_u32(&r);
    b->mask = tkt__get_u64(&r);
    b->section_index = number(&r, TKT_CHART_SECTIONS_MAX - 1);
    b->section_name = tkt__get_text(&r);
    b->rows = number(&r, TKT__BLOCK_SEATS);
    for (uint32_t i = 0; i < b->rows && !r.bad; i++) {
        b->row[i].index = number(&r, TKT__CHART_ROWS_MAX - 1);
        b->row[i].name = tkt__get_text(&r);
    }
    b->left = b->mask;
    b->rest = r;
    b->plan_index = 0;
    b->x = b->y = 0;
    return r.bad || b->section == 0 || b->mask == 0 ? corrupt("block") : TKT_DONE;
}

int32_t tkt__block_get(tkt__tx *tx, uint64_t chart, uint32_t version, uint32_t block,
                       tkt__block *out)
{
    tkt__slice value;
    if (block == 0 || block > TKT__BLOCK_MAX)
        return TKT_NOT_FOUND;
    int32_t rc = get_row(tx, chart, version, block, &value);
    return rc != TKT_DONE ? rc : tkt__block_parse(value, out);
}

static int32_t plus_zigzag(int32_t base, uint32_t v)
{
    return (int32_t)((uint32_t)base + (v >> 1 ^ (0u - (v & 1u))));
}

int32_t tkt__block_next(tkt__block *b, tkt__block_seat *seat)
{
    tkt__reader *r = &b->rest;
    if (b->left == 0)
        return r->p == r->end ? TKT_NOT_FOUND : corrupt("block");
    uint32_t position = 0;
    while ((b->left >> position & 1) == 0)
        position++;
    b->left &= b->left - 1;
    seat->position = position;
    seat->row = number(r, TKT__BLOCK_SEATS - 1);
    b->plan_index = (uint32_t)plus_zigzag((int32_t)b->plan_index, number(r, UINT32_MAX));
    seat->label = tkt__get_text(r);
    b->x = plus_zigzag(b->x, number(r, UINT32_MAX));
    b->y = plus_zigzag(b->y, number(r, UINT32_MAX));
    seat->attributes = number(r, TKT__SEAT_ATTRIBUTES);
    seat->plan_index = b->plan_index;
    seat->x_milli = b->x;
    seat->y_milli = b->y;
    return r->bad || seat->row >= b->rows ? corrupt("block") : TKT_DONE;
}

int32_t tkt__chart_block(tkt__tx *tx, const tkt__sale *sale, uint32_t block, uint64_t *seats,
                         uint32_t *section)
{
    tkt__slice value;
    if (sale->chart_id == 0 || block == 0 || block > TKT__BLOCK_MAX)
        return TKT_NOT_FOUND;
    int32_t rc = get_row(tx, sale->chart_id, sale->chart_version, block, &value);
    if (rc != TKT_DONE)
        return rc;
    tkt__reader r = tkt__reader_of(value);
    uint8_t format = tkt__get_u8(&r);
    uint32_t section_id = tkt__get_u32(&r);
    uint64_t mask = tkt__get_u64(&r);
    if (r.bad || format != ROW_FORMAT || mask == 0)
        return corrupt("block");
    *seats = mask;
    *section = section_id;
    return TKT_DONE;
}
