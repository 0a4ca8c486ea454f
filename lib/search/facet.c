/* SPDX-License-Identifier: MIT
 *
 * search/facet.c: how many matches each month, city, category and price step has, counted while they pass.
 * Cities and categories are counted by the bytes of their plain form, months and steps by number.
 */
#include "search/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <xxhash.h>

#define FIRST 256u /* a power of two */
#define KINDS 4
#define VALUE_BYTES 48

typedef struct counter {
    tkt__slice text; /* city; else empty */
    uint64_t key, count;
} counter;

typedef struct table {
    counter *slot;
    uint32_t n, room;
} table;

struct tkt__facets {
    table kind[KINDS];
};

int32_t tkt__facets_open(tkt__search *s)
{
    s->facets = tkt__arena_get(&s->arena, sizeof *s->facets);
    if (s->facets == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for facets");
    memset(s->facets, 0, sizeof *s->facets);
    return TKT_DONE;
}

static counter *find(counter *slot, uint32_t room, tkt__slice text, uint64_t key)
{
    uint32_t at = (uint32_t)(XXH3_64bits(text.p, text.n) + key * UINT64_C(0x9e3779b97f4a7c15)) & (room - 1);
    while (slot[at].count != 0 && (slot[at].key != key || tkt__slice_compare(slot[at].text, text) != 0))
        at = (at + 1) & (room - 1);
    return &slot[at];
}

static int32_t grow(tkt__search *s, table *t)
{
    uint32_t room = t->room == 0 ? FIRST : 2 * t->room;
    counter *slot = tkt__arena_get(&s->arena, room * sizeof *slot);
    if (slot == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for facets");
    memset(slot, 0, room * sizeof *slot);
    for (uint32_t i = 0; i < t->room; i++)
        if (t->slot[i].count != 0)
            *find(slot, room, t->slot[i].text, t->slot[i].key) = t->slot[i];
    t->slot = slot;
    t->room = room;
    return TKT_DONE;
}

static int32_t count(tkt__search *s, table *t, tkt__slice text, uint64_t key)
{
    int32_t status = 4 * (t->n + 1) > 3 * t->room ? grow(s, t) : TKT_DONE;
    if (status != TKT_DONE)
        return status;
    counter *c = find(t->slot, t->room, text, key);
    if (c->count == 0) {
        c->text = text;
        c->key = key;
        t->n++;
    }
    c->count++;
    return TKT_DONE;
}

/* ---- what is counted ------------------------------------------------------------------------------------- */

/* Civil month of an instant in UTC, as year × 12 + month − 1 (H. Hinnant, "chrono-compatible low-level date
 * algorithms"). Shifted so that it is never negative. */
static uint64_t month_of(int64_t ms)
{
    int64_t days = ms / TKT__MS_DAY - (ms % TKT__MS_DAY < 0) + 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t doe = days - era * 146097, yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    int64_t month = mp < 10 ? mp + 2 : mp - 10, year = yoe + era * 400 + (month <= 1);
    return (uint64_t)((year + 100000) * 12 + month);
}

/* Step 0: free. Step k ≥ 1: from the k-th of 0, 1, 2, 5, 10, 20, 50, … up to the next, in the major unit. */
static uint64_t step_of(int64_t minor, uint32_t decimals)
{
    if (minor == 0)
        return 0;
    int64_t unit = 1;
    for (uint32_t i = 0; i < decimals; i++)
        unit *= 10;
    static const int64_t part[3] = { 1, 2, 5 };
    uint64_t step = 1;
    for (int64_t ten = unit;; ten *= 10)
        for (int i = 0; i < 3; i++, step++)
            if (minor < part[i] * ten || ten > INT64_MAX / 50)
                return step;
}

static int32_t count_price(tkt__search *s, table *t, const tkt__column *column)
{
    char currency[TKT_CURRENCY_BYTES] = { 0 };
    int64_t minor = column->price;
    bool more;
    uint16_t code = column->currency >> TKT__CURRENCY_SHIFT;
    if (column->price == TKT__PRICE_LARGE) {
        int32_t status = tkt__sale_lowest(s->tx, column->event, NULL, &minor, currency, &more);
        if (status != TKT_DONE)
            return status;
    }
    if (code != 0)
        tkt__currency_text(code, currency);
    uint32_t decimals = 0;
    if (code != 0 && tkt_currency_decimals(currency, &decimals) != TKT_DONE)
        decimals = 2;
    return count(s, t, tkt__slice_of("", 0), (uint64_t)(minor == 0 ? 0 : code) << 32 | step_of(minor, decimals));
}

int32_t tkt__facets_count(tkt__search *s, tkt__candidate *c)
{
    struct tkt__facets *f = s->facets;
    uint32_t kinds = s->query->facets;
    tkt__slice none = tkt__slice_of("", 0), city;
    int32_t status = tkt__match_column(s, c);
    if (status == TKT_DONE && kinds & TKT_FACET_MONTH)
        status = count(s, &f->kind[0], none, month_of(c->column.start_ms));
    if (status == TKT_DONE && kinds & TKT_FACET_CITY) {
        status = tkt__match_city(s, c->column.venue, &city);
        if (status == TKT_DONE && city.n > 0)
            status = count(s, &f->kind[1], city, 0);
    }
    if (status == TKT_DONE && kinds & TKT_FACET_CATEGORY && c->column.category != 0)
        status = count(s, &f->kind[2], none, c->column.category);
    if (status == TKT_DONE && kinds & TKT_FACET_PRICE)
        status = count_price(s, &f->kind[3], &c->column);
    return status;
}

/* ---- what is told -------------------------------------------------------------------------------------------- */

static void step_text(uint64_t key, char text[VALUE_BYTES])
{
    static const int part[3] = { 1, 2, 5 };
    char currency[TKT_CURRENCY_BYTES + 1] = "", low[24] = "0", high[24];
    uint32_t code = (uint32_t)(key >> 32), step = (uint32_t)key;
    if (step == 0) {
        snprintf(text, VALUE_BYTES, "free");
        return;
    }
    if (code != 0) {
        tkt__currency_text((uint16_t)code, currency);
        currency[3] = ' ';
    }
    snprintf(high, sizeof high, "%d%.*s", part[(step - 1) % 3], (int)((step - 1) / 3), "000000000000000000");
    if (step > 1)
        snprintf(low, sizeof low, "%d%.*s", part[(step - 2) % 3], (int)((step - 2) / 3), "000000000000000000");
    snprintf(text, VALUE_BYTES, "%s%s-%s", currency, low, high);
}

static int32_t category_text(tkt__search *s, uint64_t number, tkt__slice *text)
{
    const uint8_t key[3] = { 'C', (uint8_t)(number >> 8), (uint8_t)number };
    int32_t status = tkt__tx_get(s->tx, TKT__T_SEARCH, tkt__slice_of(key, sizeof key), text);
    if (status == TKT_NOT_FOUND) {
        *text = tkt__slice_of("…", 3); /* those beyond 65,534 */
        return TKT_DONE;
    }
    return status;
}

static int32_t text_of(tkt__search *s, uint32_t kind, const counter *c, char buf[VALUE_BYTES], tkt__slice *text)
{
    *text = c->text;
    if (kind == 2)
        return category_text(s, c->key, text);
    if (kind == 0)
        snprintf(buf, VALUE_BYTES, "%04lld-%02d", (long long)(c->key / 12) - 100000, (int)(c->key % 12) + 1);
    else if (kind == 3)
        step_text(c->key, buf);
    if (kind != 1)
        *text = tkt__slice_of(buf, strlen(buf));
    return TKT_DONE;
}

static int compare(const void *a, const void *b)
{
    const tkt__facet_value *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return tkt__slice_compare(x->text, y->text);
}

static int32_t give(tkt__search *s, tkt_results *results, uint32_t kind, const table *t)
{
    tkt__facet_value *value = tkt__arena_get(&results->arena, (t->n + (t->n == 0)) * sizeof *value);
    int32_t status = value != NULL ? TKT_DONE : tkt__fail(TKT_E_NOMEM, "no memory for facets");
    uint32_t n = 0;
    for (uint32_t i = 0; status == TKT_DONE && i < t->room; i++) {
        char buf[VALUE_BYTES];
        tkt__slice text;
        if (t->slot[i].count == 0)
            continue;
        status = text_of(s, kind, &t->slot[i], buf, &text);
        uint8_t *copy = status == TKT_DONE ? tkt__arena_copy(&results->arena, text.p, text.n) : NULL;
        if (status == TKT_DONE && copy == NULL)
            status = tkt__fail(TKT_E_NOMEM, "no memory for facets");
        value[n++] = (tkt__facet_value){ tkt__slice_of(copy, text.n), t->slot[i].count };
    }
    if (status != TKT_DONE)
        return status;
    qsort(value, n, sizeof *value, compare);
    results->facet[kind] = value;
    results->facet_n[kind] = n < TKT_FACET_VALUES_MAX ? n : TKT_FACET_VALUES_MAX;
    return TKT_DONE;
}

int32_t tkt__facets_give(tkt__search *s, tkt_results *results)
{
    int32_t status = TKT_DONE;
    for (uint32_t kind = 0; status == TKT_DONE && kind < KINDS; kind++)
        if (s->query->facets >> kind & 1)
            status = give(s, results, kind, &s->facets->kind[kind]);
    return status;
}
