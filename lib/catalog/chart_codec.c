/* SPDX-License-Identifier: MIT
 *
 * catalog/chart_codec.c: the stored rows of a chart's version.
 *
 * TKT__T_CHART  chart(8) version(4) block(4), big-endian:
 *   0            header: format u8 = 1; varints venue, seats, rows, sections, pages, highest block,
 *                last section id, areas; for each area: name (varint length, bytes), capacity
 *   1…2^26−1     block: format u8, section id u32, mask u64 (bit p: position p is a seat); varint
 *                index of the section, its name; row count, for each: index within the section,
 *                name; for each seat by position: varint row of the list before, zigzag of the
 *                plan index minus the one before, label, zigzag of x, y minus those before,
 *                attributes
 *   2^26 + p     page p of the section list: format u8, count; for each: id, rows, seats, first
 *                block, last block, used positions of the last block, name
 * Invariants: canonical; a block stands alone, so a seat is named with one lookup; parsing never
 * reads outside the value. Pure functions: a crash leaves nothing behind.
 */
#include <stdlib.h>

#include "catalog/chart.h"

#define ROW_FORMAT 1
#define PAGE_BYTES 30000 /* a page is closed past this */
#define ROW_MAX    TKT__VALUE_MAX

void tkt__chart_key(uint64_t chart, uint32_t version, uint32_t block, uint8_t key[TKT__CHART_KEY])
{
    tkt__be64(key, chart);
    tkt__be32(key + 8, version);
    tkt__be32(key + 12, block);
}

static uint32_t zigzag(int32_t delta)
{
    return (uint32_t)delta << 1 ^ (delta < 0 ? UINT32_MAX : 0);
}

/* Differences wrap around in 32 bits, so that any two positions have one. */
static int32_t minus(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a - (uint32_t)b);
}

/* ---- encode ---------------------------------------------------------------------------------- */

typedef struct encoder {
    const tkt_chart *chart;
    const tkt__chart_numbers *numbers;
    tkt__chart_bytes *out;
    uint64_t *order; /* unit << 32 | seat index, sorted */
} encoder;

void tkt__chart_bytes_free(tkt__chart_bytes *b)
{
    tkt__free(b->hooks, b->bytes, b->cap);
    tkt__free(b->hooks, b->rows, b->row_cap * sizeof(b->rows[0]));
    b->bytes = NULL;
    b->rows = NULL;
    b->n = b->cap = b->row_n = b->row_cap = 0;
}

/* A writer over room for one more row at the end of the bytes. */
static int32_t row_begin(tkt__chart_bytes *b, tkt__writer *w)
{
    if (b->n + ROW_MAX > b->cap) {
        size_t cap = (b->cap + ROW_MAX) * 2;
        uint8_t *wider = (uint8_t *)tkt__realloc(b->hooks, b->bytes, b->cap, cap);
        if (wider == NULL)
            return tkt__fail(TKT_E_NOMEM, "no memory for a chart");
        b->bytes = wider;
        b->cap = cap;
    }
    *w = tkt__writer_of(b->bytes + b->n, ROW_MAX);
    return TKT_DONE;
}

static int32_t row_end(tkt__chart_bytes *b, const tkt__writer *w, uint32_t block)
{
    if (w->bad)
        return tkt__fail(TKT_E_LIMIT, "chart: block %lu is too long", (unsigned long)block);
    if (b->row_n == b->row_cap) {
        size_t cap = b->row_cap > 0 ? b->row_cap * 2 : 64;
        tkt__chart_put *wider = (tkt__chart_put *)tkt__realloc(
            b->hooks, b->rows, b->row_cap * sizeof(b->rows[0]), cap * sizeof(b->rows[0]));
        if (wider == NULL)
            return tkt__fail(TKT_E_NOMEM, "no memory for a chart");
        b->rows = wider;
        b->row_cap = cap;
    }
    tkt__chart_put row = { block, b->n, w->n };
    b->rows[b->row_n++] = row;
    b->n += w->n;
    return TKT_DONE;
}

static void put_name(tkt__writer *w, const tkt_chart *c, tkt__chart_name name)
{
    tkt__slice s = tkt__chart_text(c, name);
    tkt__put_text(w, s.p, s.n);
}

/* The rows that the n seats from order[from] on lie in, each once, in the order met. */
static uint32_t rows_met(const encoder *e, size_t from, size_t n, uint32_t rows[TKT__BLOCK_SEATS],
                         uint8_t row_of[TKT__BLOCK_SEATS])
{
    uint32_t count = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t row = e->chart->seats[(uint32_t)e->order[from + i]].row, at = 0;
        while (at < count && rows[at] != row)
            at++;
        if (at == count)
            rows[count++] = row;
        row_of[i] = (uint8_t)at;
    }
    return count;
}

/* Writes the block of the n seats from order[from] on. */
static int32_t put_block(encoder *e, uint32_t block, size_t from, size_t n)
{
    const tkt_chart *c = e->chart;
    uint32_t rows[TKT__BLOCK_SEATS] = { 0 }, plan_index = 0;
    uint8_t row_of[TKT__BLOCK_SEATS];
    uint32_t row_count = rows_met(e, from, n, rows, row_of);
    uint32_t section = c->rows[rows[0]].section;
    uint64_t mask = 0;
    int32_t x = 0, y = 0;
    for (size_t i = 0; i < n; i++)
        mask |= UINT64_C(1) << (e->order[from + i] >> 32 & (TKT__BLOCK_SEATS - 1));
    tkt__writer w;
    int32_t rc = row_begin(e->out, &w);
    if (rc != TKT_DONE)
        return rc;
    tkt__put_u8(&w, ROW_FORMAT);
    tkt__put_u32(&w, e->numbers->sections[section].id);
    tkt__put_u64(&w, mask);
    tkt__put_varint(&w, section);
    put_name(&w, c, c->sections[section].name);
    tkt__put_varint(&w, row_count);
    for (uint32_t i = 0; i < row_count; i++) {
        tkt__put_varint(&w, rows[i] - c->sections[section].first_row);
        put_name(&w, c, c->rows[rows[i]].name);
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t index = (uint32_t)e->order[from + i];
        const tkt__chart_seat *seat = c->seats + index;
        bool last = index + 1 == c->rows[seat->row].first_seat + c->rows[seat->row].seats;
        tkt__put_varint(&w, row_of[i]);
        tkt__put_varint(&w, zigzag((int32_t)index - (int32_t)plan_index));
        put_name(&w, c, seat->label);
        tkt__put_varint(&w, zigzag(minus(seat->x_milli, x)));
        tkt__put_varint(&w, zigzag(minus(seat->y_milli, y)));
        /* The last seat of a row has no next one to be a neighbour of. */
        tkt__put_varint(&w, last ? seat->attributes & ~TKT_SEAT_LINK : seat->attributes);
        plan_index = index;
        x = seat->x_milli;
        y = seat->y_milli;
    }
    return row_end(e->out, &w, block);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static int32_t put_blocks(encoder *e)
{
    size_t n = e->chart->seat_n;
    int32_t rc = TKT_DONE;
    for (size_t i = 0; i < n; i++)
        e->order[i] = (uint64_t)e->numbers->units[i] << 32 | i;
    qsort(e->order, n, sizeof(e->order[0]), by_value);
    for (size_t i = 0, end; rc == TKT_DONE && i < n; i = end) {
        uint64_t block = e->order[i] >> 38;
        for (end = i + 1; end < n && e->order[end] >> 38 == block;)
            end++;
        rc = put_block(e, (uint32_t)block, i, end - i);
    }
    return rc;
}

static void put_section(tkt__writer *w, const encoder *e, size_t index)
{
    const tkt__section_info *s = e->numbers->sections + index;
    tkt__put_varint(w, s->id);
    tkt__put_varint(w, s->rows);
    tkt__put_varint(w, s->seats);
    tkt__put_varint(w, s->first_block);
    tkt__put_varint(w, s->last_block);
    tkt__put_varint(w, s->used);
    put_name(w, e->chart, e->chart->sections[index].name);
}

/* How many sections from `from` on one page takes. */
static size_t page_count(const encoder *e, size_t from)
{
    size_t bytes = 0, n = 0;
    while (from + n < e->chart->section_n && bytes < PAGE_BYTES) {
        bytes += e->chart->sections[from + n].name.n + 32;
        n++;
    }
    return n;
}

static int32_t put_pages(encoder *e, uint32_t *pages)
{
    *pages = 0;
    for (size_t from = 0; from < e->chart->section_n;) {
        tkt__writer w;
        size_t n = page_count(e, from);
        int32_t rc = row_begin(e->out, &w);
        if (rc != TKT_DONE)
            return rc;
        tkt__put_u8(&w, ROW_FORMAT);
        tkt__put_varint(&w, n);
        for (size_t i = 0; i < n; i++)
            put_section(&w, e, from + i);
        rc = row_end(e->out, &w, TKT__PAGE_FIRST + (*pages)++);
        if (rc != TKT_DONE)
            return rc;
        from += n;
    }
    return TKT_DONE;
}

static int32_t put_header(encoder *e, uint64_t venue, uint32_t pages)
{
    const tkt_chart *c = e->chart;
    tkt__writer w;
    int32_t rc = row_begin(e->out, &w);
    if (rc != TKT_DONE)
        return rc;
    tkt__put_u8(&w, ROW_FORMAT);
    tkt__put_varint(&w, venue);
    tkt__put_varint(&w, c->seat_n);
    tkt__put_varint(&w, c->row_n);
    tkt__put_varint(&w, c->section_n);
    tkt__put_varint(&w, pages);
    tkt__put_varint(&w, e->numbers->blocks);
    tkt__put_varint(&w, e->numbers->last_section);
    tkt__put_varint(&w, c->area_n);
    for (size_t i = 0; i < c->area_n; i++) {
        put_name(&w, c, c->areas[i].name);
        tkt__put_varint(&w, c->areas[i].capacity);
    }
    rc = row_end(e->out, &w, 0);
    if (rc != TKT_DONE)
        return rc;
    e->out->row_n--; /* kept apart: it goes last, and makes the version visible */
    e->out->header_at = e->out->rows[e->out->row_n].at;
    e->out->header_n = e->out->rows[e->out->row_n].n;
    return TKT_DONE;
}

int32_t tkt__chart_encode(const tkt_chart *chart, uint64_t venue, const tkt__chart_numbers *numbers,
                          tkt__chart_bytes *out)
{
    size_t order_bytes = (chart->seat_n + 1) * sizeof(uint64_t);
    uint32_t pages = 0;
    encoder e = { chart, numbers, out, NULL };
    e.order = (uint64_t *)tkt__alloc(out->hooks, order_bytes);
    if (e.order == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for a chart");
    int32_t rc = put_blocks(&e);
    if (rc == TKT_DONE)
        rc = put_pages(&e, &pages);
    if (rc == TKT_DONE)
        rc = put_header(&e, venue, pages);
    tkt__free(out->hooks, e.order, order_bytes);
    return rc;
}
