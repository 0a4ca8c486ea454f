/* SPDX-License-Identifier: MIT
 *
 * search/column.c: the rows of facts of documents (column.h), read and, inside a body, changed.
 *
 * Invariants: the column's event and the event's document (docs.c) agree both ways. A crash leaves the whole body or
 * nothing of it.
 */
#include "search/column.h"

#include <endian.h>

#define MINUTE UINT64_C(60000)

static const uint8_t least_bytes[TKT__FACTS] = { 4, 4, 8, 4, 2, 2 };

void tkt__columns_key(uint32_t docno, uint8_t key[5])
{
    key[0] = 'c';
    tkt__be32(key + 1, docno >> TKT__COLUMN_BITS);
}

/* ---- reading ------------------------------------------------------------------------------------------- */

static uint64_t load64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return le64toh(v);
}

static uint64_t mask_of(uint32_t bits) { return bits == 0 ? 0 : UINT64_MAX >> (64 - bits); }

int32_t tkt__columns_open(tkt__slice row, tkt__columns *c)
{
    bool right = row.n > TKT__COLUMN_HEAD + TKT__COLUMN_PAD && row.p[0] >= 1 && row.p[0] <= TKT__COLUMN_DOCS &&
                 row.p[7] <= 1;
    const uint8_t *least = row.p + 8;
    uint32_t cell = 0;
    for (uint32_t f = 0; right && f < TKT__FACTS; least += least_bytes[f++]) {
        uint32_t width = row.p[1 + f];
        right = width <= 8u * least_bytes[f];
        c->least[f] = load64(least) & mask_of(8u * least_bytes[f]);
        if (!right)
            break;
        c->mask[f] = mask_of(width);
        c->at[f] = cell;
        cell += width;
    }
    if (!right || row.n != TKT__COLUMN_HEAD + ((size_t)row.p[0] * cell + 7) / 8 + TKT__COLUMN_PAD)
        return tkt__fail(TKT_E_CORRUPT, "a row of the index's columns is malformed");
    c->n = row.p[0];
    c->cell = cell;
    c->unit = row.p[7] != 0 ? MINUTE : 1;
    c->cells = row.p + TKT__COLUMN_HEAD;
    return TKT_DONE;
}

static uint64_t fact(const tkt__columns *c, uint32_t cell, uint32_t f)
{
    uint32_t bit = cell + c->at[f], shift = bit & 7;
    const uint8_t *p = c->cells + (bit >> 3);
    uint64_t v = load64(p) >> shift;
    if (shift != 0)
        v |= (uint64_t)p[8] << (64 - shift);
    return v & c->mask[f];
}

void tkt__columns_get(const tkt__columns *c, uint32_t i, tkt__column *column)
{
    memset(column, 0, sizeof *column);
    if (i >= c->n)
        return;
    uint32_t cell = i * c->cell;
    uint64_t event = fact(c, cell, TKT__FACT_EVENT), id = c->least[TKT__FACT_EVENT] + event;
    if (event == 0 || id > UINT32_MAX) /* more than a number can be: damage, which check tells */
        return;
    column->event = (uint32_t)id;
    column->venue = (uint32_t)(c->least[TKT__FACT_VENUE] + fact(c, cell, TKT__FACT_VENUE));
    column->start_ms = (int64_t)(c->least[TKT__FACT_START] + c->unit * fact(c, cell, TKT__FACT_START));
    column->price = (uint32_t)(c->least[TKT__FACT_PRICE] + fact(c, cell, TKT__FACT_PRICE));
    column->currency = (uint16_t)(c->least[TKT__FACT_CURRENCY] + fact(c, cell, TKT__FACT_CURRENCY));
    column->category = (uint16_t)(c->least[TKT__FACT_CATEGORY] + fact(c, cell, TKT__FACT_CATEGORY));
}

int32_t tkt__column_get(tkt__tx *tx, uint32_t docno, tkt__column *column)
{
    uint8_t key[5];
    tkt__slice row;
    tkt__columns columns;
    tkt__columns_key(docno, key);
    int32_t status = tkt__tx_get(tx, TKT__T_COLUMN, tkt__slice_of(key, sizeof key), &row);
    if (status == TKT_DONE)
        status = tkt__columns_open(row, &columns);
    if (status != TKT_DONE)
        return status;
    tkt__columns_get(&columns, docno % TKT__COLUMN_DOCS, column);
    return column->event == 0 ? TKT_NOT_FOUND : TKT_DONE;
}

/* ---- writing ------------------------------------------------------------------------------------------- */

static void facts_of(const tkt__column *column, uint64_t fact[TKT__FACTS])
{
    fact[TKT__FACT_EVENT] = column->event;
    fact[TKT__FACT_VENUE] = column->venue;
    fact[TKT__FACT_START] = (uint64_t)column->start_ms;
    fact[TKT__FACT_PRICE] = column->price;
    fact[TKT__FACT_CURRENCY] = column->currency;
    fact[TKT__FACT_CATEGORY] = column->category;
}

typedef struct shape {
    uint32_t n; /* documents up to the last that somebody has */
    uint64_t least[TKT__FACTS], unit;
    uint32_t width[TKT__FACTS];
} shape;

/* Starts are compared with their sign. */
static bool is_less(uint32_t f, uint64_t a, uint64_t b)
{
    return f == TKT__FACT_START ? (int64_t)a < (int64_t)b : a < b;
}

static void find_least(const tkt__column *column, shape *s)
{
    uint64_t fact[TKT__FACTS];
    memset(s, 0, sizeof *s);
    for (uint32_t i = 0; i < TKT__COLUMN_DOCS; i++) {
        if (column[i].event == 0)
            continue;
        facts_of(&column[i], fact);
        for (uint32_t f = 0; f < TKT__FACTS; f++)
            if (s->n == 0 || is_less(f, fact[f], s->least[f]))
                s->least[f] = fact[f];
        s->n = i + 1;
    }
    s->least[TKT__FACT_EVENT]--; /* 0 is nobody's */
}

static uint32_t bits_of(uint64_t v) { return v == 0 ? 0 : 64 - (uint32_t)__builtin_clzll(v); }

static void find_widths(const tkt__column *column, shape *s)
{
    uint64_t fact[TKT__FACTS], all[TKT__FACTS] = { 0 };
    s->unit = MINUTE;
    for (uint32_t i = 0; i < s->n; i++)
        if (column[i].event != 0 && ((uint64_t)column[i].start_ms - s->least[TKT__FACT_START]) % MINUTE != 0)
            s->unit = 1;
    for (uint32_t i = 0; i < s->n; i++) {
        if (column[i].event == 0)
            continue;
        facts_of(&column[i], fact);
        for (uint32_t f = 0; f < TKT__FACTS; f++)
            all[f] |= (fact[f] - s->least[f]) / (f == TKT__FACT_START ? s->unit : 1);
    }
    for (uint32_t f = 0; f < TKT__FACTS; f++)
        s->width[f] = bits_of(all[f]);
}

static void put_low(uint8_t **out, uint64_t v, uint32_t bytes)
{
    for (; bytes > 0; bytes--, v >>= 8)
        *(*out)++ = (uint8_t)v;
}

/* ORs the low bits of v in, into bytes that are zero. */
static void put_bits(uint8_t *out, uint32_t bit, uint64_t v)
{
    out += bit >> 3;
    bit &= 7;
    *out |= (uint8_t)(v << bit);
    for (v >>= 8 - bit; v != 0; v >>= 8)
        *++out |= (uint8_t)v;
}

size_t tkt__columns_encode(const tkt__column column[TKT__COLUMN_DOCS], uint8_t out[TKT__COLUMN_ROW_BYTES])
{
    shape s;
    uint8_t *at = out;
    find_least(column, &s);
    if (s.n == 0)
        return 0;
    find_widths(column, &s);
    *at++ = (uint8_t)s.n;
    for (uint32_t f = 0; f < TKT__FACTS; f++)
        *at++ = (uint8_t)s.width[f];
    *at++ = s.unit == MINUTE;
    for (uint32_t f = 0; f < TKT__FACTS; f++)
        put_low(&at, s.least[f], least_bytes[f]);
    memset(at, 0, TKT__COLUMN_ROW_BYTES - TKT__COLUMN_HEAD);
    uint32_t bit = 0;
    for (uint32_t i = 0; i < s.n; i++) {
        uint64_t fact[TKT__FACTS];
        facts_of(&column[i], fact);
        for (uint32_t f = 0; f < TKT__FACTS; bit += s.width[f++])
            if (column[i].event != 0)
                put_bits(at, bit, (fact[f] - s.least[f]) / (f == TKT__FACT_START ? s.unit : 1));
    }
    return TKT__COLUMN_HEAD + (bit + 7) / 8 + TKT__COLUMN_PAD;
}

int32_t tkt__column_put(tkt__tx *tx, uint32_t docno, const tkt__column *column)
{
    uint8_t key[5], bytes[TKT__COLUMN_ROW_BYTES];
    tkt__slice row, k = tkt__slice_of(key, sizeof key);
    tkt__column all[TKT__COLUMN_DOCS] = { { 0 } };
    tkt__columns columns;
    tkt__columns_key(docno, key);
    int32_t status = tkt__tx_get(tx, TKT__T_COLUMN, k, &row);
    if (status == TKT_DONE) {
        status = tkt__columns_open(row, &columns);
        for (uint32_t i = 0; status == TKT_DONE && i < columns.n; i++)
            tkt__columns_get(&columns, i, &all[i]);
    } else if (status == TKT_NOT_FOUND)
        status = TKT_DONE;
    if (status != TKT_DONE)
        return status;
    all[docno % TKT__COLUMN_DOCS] = *column;
    size_t n = tkt__columns_encode(all, bytes);
    return n == 0 ? tkt__tx_del(tx, TKT__T_COLUMN, k) : tkt__tx_put(tx, TKT__T_COLUMN, k, tkt__slice_of(bytes, n));
}
