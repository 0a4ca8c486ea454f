/* SPDX-License-Identifier: MIT
 *
 * catalog/sale.c: reading the sale facts of an event: for booking's bodies, and for the host.
 *
 * Rows read: TKT__T_EVENT, TKT__T_SALE (sale_row.c), TKT__T_CHART. A body that holds the event's
 * guard sees them stand still, for every change holds it too (sale_set.c, event.c).
 * Views decode into a stack frame, never into the snapshot's memory: a host may price every seat of
 * a hall on one snapshot. Reads only: a crash leaves nothing behind.
 */
#include "catalog/chart.h"
#include "catalog/sale.h"

/* ---- prices ---------------------------------------------------------------------------------- */

static const tkt__price *find_price(const tkt__price *prices, uint32_t count, uint32_t scope,
                                    uint32_t scope_id)
{
    for (uint32_t i = 0; i < count; i++)
        if (prices[i].scope == scope && prices[i].scope_id == scope_id)
            return prices + i;
    return NULL;
}

/* The price of a place with none of its own: that of the event at large, else of its record. */
static tkt__price base_price(const tkt__event_head *head, const tkt__price *prices, uint32_t count)
{
    const tkt__price *set = find_price(prices, count, TKT_SCOPE_EVENT, 0);
    if (set != NULL)
        return *set;
    tkt__price base = { TKT_SCOPE_EVENT, 0, head->price_minor, { 0 } };
    memcpy(base.currency, head->currency, TKT_CURRENCY_BYTES);
    return base;
}

const tkt__price *tkt__sale_price(const tkt__sale *sale, uint32_t scope, uint32_t scope_id)
{
    const tkt__price *own = find_price(sale->prices, sale->price_count, scope, scope_id);
    return own != NULL ? own : &sale->base;
}

const tkt__area *tkt__sale_area(const tkt__sale *sale, uint32_t area_id)
{
    for (uint32_t i = 0; i < sale->area_count; i++)
        if (sale->areas[i].id == area_id)
            return sale->areas + i;
    return NULL;
}

uint32_t tkt__sale_closed(const tkt__sale *sale, int64_t now_ms, int64_t *earliest_ms)
{
    bool later = false;
    int64_t earliest = 0;
    for (uint32_t i = 0; i < sale->window_count; i++) {
        const tkt_window *w = sale->windows + i;
        if (w->opens_ms <= now_ms && now_ms < w->closes_ms)
            return 0;
        if (w->opens_ms > now_ms && (!later || w->opens_ms < earliest)) {
            later = true;
            earliest = w->opens_ms;
        }
    }
    if (sale->window_count == 0)
        return 0;
    *earliest_ms = earliest;
    return later ? TKT_CAUSE_WINDOW_NOT_OPEN : TKT_CAUSE_WINDOW_CLOSED;
}

/* ---- for booking ----------------------------------------------------------------------------- */

/* The arrays of a decoded row, copied into the transaction's memory at their exact sizes. */
static int32_t sale_arrays(tkt__tx *tx, const tkt__sale_row *row, tkt__sale *sale)
{
    size_t windows = row->window_count * sizeof(tkt_window);
    size_t areas = row->area_count * sizeof(tkt__area);
    size_t prices = row->price_count * sizeof(tkt__price);
    sale->windows = NULL;
    sale->areas = NULL;
    sale->prices = NULL;
    if (windows + areas + prices == 0)
        return TKT_DONE;
    /* Each element's size is a multiple of 8, so one piece serves all three. */
    uint8_t *memory = (uint8_t *)tkt__tx_memory(tx, windows + prices + areas);
    if (memory == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for the sale facts of an event");
    memcpy(memory, row->windows, windows);
    memcpy(memory + windows, row->prices, prices);
    tkt__area *out = (tkt__area *)(void *)(memory + windows + prices);
    for (uint32_t i = 0; i < row->area_count; i++)
        out[i] = row->areas[i].area;
    sale->windows = (const tkt_window *)(const void *)memory;
    sale->prices = (const tkt__price *)(const void *)(memory + windows);
    sale->areas = out;
    return TKT_DONE;
}

static int32_t rows_of(tkt__tx *tx, uint64_t event_id, tkt__event_head *head, tkt__sale_row *row)
{
    tkt__slice record;
    int32_t rc = tkt__event_get(tx, event_id, &record);
    if (rc == TKT_DONE)
        rc = tkt__event_head_of(record, head);
    return rc == TKT_DONE ? tkt__sale_row_get(tx, event_id, row) : rc;
}

int32_t tkt__sale_load(tkt__tx *tx, uint64_t event_id, tkt__sale *sale)
{
    tkt__event_head head;
    tkt__sale_row row;
    int32_t rc = rows_of(tx, event_id, &head, &row);
    if (rc != TKT_DONE)
        return rc;
    sale->status = head.status;
    sale->base = base_price(&head, row.prices, row.price_count);
    sale->chart_id = row.chart_id;
    sale->chart_version = row.chart_version;
    sale->seats = row.seats;
    sale->blocks = row.blocks;
    sale->per_buyer = row.per_buyer;
    sale->window_count = row.window_count;
    sale->area_count = row.area_count;
    sale->price_count = row.price_count;
    return sale_arrays(tx, &row, sale);
}

/* ---- the lowest price ------------------------------------------------------------------------ */

/* By the row alone: nothing is copied out of it. */
static int32_t lowest(const tkt__event_head *head, const tkt__sale_row *row, const char *currency, int64_t *minor,
                      char out[TKT_CURRENCY_BYTES], bool *more)
{
    tkt__price base = base_price(head, row->prices, row->price_count);
    /* A record without price says nothing where prices are set. */
    bool base_counts = base.minor != 0 || base.currency[0] != '\0' || row->price_count == 0 ||
                       find_price(row->prices, row->price_count, TKT_SCOPE_EVENT, 0) != NULL;
    const char *wanted = currency != NULL ? currency : base_counts ? base.currency : row->prices[0].currency;
    bool found = false;
    *more = false;
    *minor = 0;
    memset(out, 0, TKT_CURRENCY_BYTES);
    for (uint32_t i = 0; i <= row->price_count; i++) {
        if (i == row->price_count && !base_counts)
            break;
        const tkt__price *p = i < row->price_count ? &row->prices[i] : &base;
        if (memcmp(p->currency, wanted, 3) != 0 && p->currency[0] != '\0') {
            *more = true;
            continue;
        }
        if (!found || p->minor < *minor)
            *minor = p->minor;
        if (p->currency[0] != '\0')
            memcpy(out, p->currency, TKT_CURRENCY_BYTES);
        found = true;
    }
    return found ? TKT_DONE : TKT_NOT_FOUND;
}

int32_t tkt__sale_lowest(tkt__tx *tx, uint64_t event_id, const char *currency, int64_t *minor,
                         char out[TKT_CURRENCY_BYTES], bool *more)
{
    tkt__event_head head;
    tkt__sale_row row;
    int32_t rc = rows_of(tx, event_id, &head, &row);
    return rc == TKT_DONE ? lowest(&head, &row, currency, minor, out, more) : rc;
}

int32_t tkt__sale_lowest_of(tkt__tx *tx, const tkt_event *event, int64_t *minor, char out[TKT_CURRENCY_BYTES])
{
    tkt__event_head head = { .price_minor = event->price_minor };
    tkt__sale_row row;
    bool more;
    memcpy(head.currency, event->currency, TKT_CURRENCY_BYTES);
    int32_t rc = tkt__sale_row_get(tx, event->id, &row);
    return rc == TKT_DONE ? lowest(&head, &row, NULL, minor, out, &more) : rc;
}

/* ---- for the host ---------------------------------------------------------------------------- */

static int32_t facts(tkt_snapshot *snapshot, uint64_t event_id, tkt__tx **tx, tkt__event_head *head,
                     tkt__sale_row *row)
{
    int32_t rc = tkt__snapshot_tx(snapshot, tx);
    if (rc == TKT_DONE)
        rc = rows_of(*tx, event_id, head, row);
    return rc == TKT_NOT_FOUND ? tkt__refuse_missing("event", event_id) : rc;
}

int32_t tkt_sale_view(tkt_snapshot *snapshot, uint64_t event_id, tkt_sale *sale)
{
    tkt__tx *tx;
    tkt__event_head head;
    tkt__sale_row row;
    int32_t rc = facts(snapshot, event_id, &tx, &head, &row);
    if (rc != TKT_DONE)
        return rc;
    tkt_sale out = TKT_SALE_INIT;
    out.per_buyer = row.per_buyer;
    out.chart_id = row.chart_id;
    out.chart_version = row.chart_version;
    out.windows = row.window_count;
    out.areas = row.area_count;
    out.prices = row.price_count;
    out.seats = row.seats;
    return tkt__struct_out(sale, &out, sizeof(out), sizeof(out), "tkt_sale");
}

int32_t tkt_sale_window(tkt_snapshot *snapshot, uint64_t event_id, uint32_t index,
                        tkt_window *window)
{
    tkt__tx *tx;
    tkt__event_head head;
    tkt__sale_row row;
    if (window == NULL)
        return tkt__fail(TKT_E_INVALID, "window is NULL");
    int32_t rc = facts(snapshot, event_id, &tx, &head, &row);
    if (rc != TKT_DONE)
        return rc;
    if (index >= row.window_count)
        return tkt__refuse(TKT_NOT_FOUND, "the event has %lu sale windows",
                           (unsigned long)row.window_count);
    *window = row.windows[index];
    return TKT_DONE;
}

static int32_t price_out(const tkt__event_head *head, const tkt__sale_row *row, uint32_t scope,
                         uint32_t scope_id, int64_t *minor, char currency[TKT_CURRENCY_BYTES])
{
    const tkt__price *own = find_price(row->prices, row->price_count, scope, scope_id);
    tkt__price price = own != NULL ? *own : base_price(head, row->prices, row->price_count);
    *minor = price.minor;
    memcpy(currency, price.currency, TKT_CURRENCY_BYTES);
    return TKT_DONE;
}

int32_t tkt_price_of_unit(tkt_snapshot *snapshot, uint64_t event_id, uint32_t unit, int64_t *minor,
                          char currency[TKT_CURRENCY_BYTES])
{
    tkt__tx *tx;
    tkt__event_head head;
    tkt__sale_row row;
    uint64_t seats = 0;
    uint32_t section = 0;
    if (minor == NULL || currency == NULL)
        return tkt__fail(TKT_E_INVALID, "minor or currency is NULL");
    int32_t rc = facts(snapshot, event_id, &tx, &head, &row);
    if (rc != TKT_DONE)
        return rc;
    tkt__sale sale = { .chart_id = row.chart_id, .chart_version = row.chart_version };
    rc = tkt__chart_block(tx, &sale, unit >> 6, &seats, &section);
    if (rc == TKT_NOT_FOUND || (rc == TKT_DONE && (seats >> (unit & 63) & 1) == 0))
        return tkt__refuse(TKT_NOT_FOUND, "the event has no unit %lu", (unsigned long)unit);
    return rc != TKT_DONE ? rc
                          : price_out(&head, &row, TKT_SCOPE_SECTION, section, minor, currency);
}

int32_t tkt_price_of_area(tkt_snapshot *snapshot, uint64_t event_id, uint32_t area_id,
                          int64_t *minor, char currency[TKT_CURRENCY_BYTES])
{
    tkt__tx *tx;
    tkt__event_head head;
    tkt__sale_row row;
    if (minor == NULL || currency == NULL)
        return tkt__fail(TKT_E_INVALID, "minor or currency is NULL");
    int32_t rc = facts(snapshot, event_id, &tx, &head, &row);
    if (rc != TKT_DONE)
        return rc;
    for (uint32_t i = 0; i < row.area_count; i++)
        if (row.areas[i].area.id == area_id)
            return price_out(&head, &row, TKT_SCOPE_AREA, area_id, minor, currency);
    return tkt__refuse(TKT_NOT_FOUND, "the event has no area %lu", (unsigned long)area_id);
}

/* ---- scopes and their names ------------------------------------------------------------------ */

/* What one walk over the sections looks for: the id of a name, or (id not 0) the name of an id. */
typedef struct scope_wanted {
    tkt__slice name;
    uint32_t id;
} scope_wanted;

static int32_t match_section(void *user, uint32_t index, const tkt__section_info *section)
{
    scope_wanted *w = (scope_wanted *)user;
    (void)index;
    if (tkt__slice_compare(section->name, w->name) != 0)
        return TKT_DONE;
    w->id = section->id;
    return TKT_EXISTS; /* ends the walk */
}

static int32_t name_section(void *user, uint32_t index, const tkt__section_info *section)
{
    scope_wanted *w = (scope_wanted *)user;
    (void)index;
    if (section->id != w->id)
        return TKT_DONE;
    w->name = section->name;
    return TKT_EXISTS;
}

static int32_t find_section(tkt__tx *tx, const tkt__sale_row *row, tkt__section_fn match,
                            scope_wanted *wanted)
{
    tkt__chart_header h;
    if (row->chart_id == 0)
        return TKT_DONE;
    int32_t rc = tkt__chart_header_get(tx, row->chart_id, row->chart_version, &h);
    if (rc == TKT_DONE)
        rc = tkt__chart_sections(tx, row->chart_id, row->chart_version, &h, match, wanted);
    if (rc == TKT_NOT_FOUND)
        return tkt__fail(TKT_E_CORRUPT, "an event pins a chart that is not there");
    return rc == TKT_EXISTS ? TKT_DONE : rc;
}

int32_t tkt_scope_find(tkt_snapshot *snapshot, uint64_t event_id, tkt_text name, uint32_t *scope,
                       uint32_t *scope_id)
{
    tkt__tx *tx;
    tkt__event_head head;
    tkt__sale_row row;
    scope_wanted wanted = { tkt__slice_of(name.ptr, name.len), 0 };
    int32_t rc = tkt__text_check(name.ptr, name.len, TKT_SHORT_MAX, "area or section");
    if (rc == TKT_DONE && (scope == NULL || scope_id == NULL))
        rc = tkt__fail(TKT_E_INVALID, "scope or scope_id is NULL");
    if (rc == TKT_DONE)
        rc = facts(snapshot, event_id, &tx, &head, &row);
    if (rc != TKT_DONE)
        return rc;
    for (uint32_t i = 0; i < row.area_count; i++)
        if (tkt__slice_compare(row.areas[i].area.name, wanted.name) == 0) {
            *scope = TKT_SCOPE_AREA;
            *scope_id = row.areas[i].area.id;
            return TKT_DONE;
        }
    rc = find_section(tx, &row, match_section, &wanted);
    if (rc != TKT_DONE)
        return rc;
    if (wanted.id == 0)
        return tkt__refuse(TKT_NOT_FOUND, "the event has no area or section '%.*s'", (int)name.len,
                           name.len > 0 ? name.ptr : "");
    *scope = TKT_SCOPE_SECTION;
    *scope_id = wanted.id;
    return TKT_DONE;
}

/* The name of a price's section or area; empty for the event at large. */
static int32_t scope_name(tkt__tx *tx, const tkt__sale_row *row, const tkt__price *price,
                          tkt_text *name)
{
    scope_wanted wanted = { { NULL, 0 }, price->scope_id };
    if (price->scope == TKT_SCOPE_SECTION) {
        int32_t rc = find_section(tx, row, name_section, &wanted);
        if (rc != TKT_DONE)
            return rc;
    }
    for (uint32_t i = 0; price->scope == TKT_SCOPE_AREA && i < row->area_count; i++)
        if (row->areas[i].area.id == price->scope_id)
            wanted.name = row->areas[i].area.name;
    name->ptr = (const char *)wanted.name.p;
    name->len = wanted.name.n;
    return TKT_DONE;
}

/* Price `index` as tkt_sale_price counts them. False: past the last. */
static bool nth_price(const tkt__event_head *head, const tkt__sale_row *row, uint32_t index,
                      tkt__price *price)
{
    if (index == 0) {
        *price = base_price(head, row->prices, row->price_count);
        return true;
    }
    for (uint32_t i = 0; i < row->price_count; i++)
        if (row->prices[i].scope != TKT_SCOPE_EVENT && --index == 0) {
            *price = row->prices[i];
            return true;
        }
    return false;
}

int32_t tkt_sale_price(tkt_snapshot *snapshot, uint64_t event_id, uint32_t index, tkt_price *price)
{
    tkt__tx *tx;
    tkt__event_head head;
    tkt__sale_row row;
    tkt__price found;
    int32_t rc = facts(snapshot, event_id, &tx, &head, &row);
    if (rc != TKT_DONE)
        return rc;
    if (!nth_price(&head, &row, index, &found))
        return tkt__refuse(TKT_NOT_FOUND, "the event has no price %lu", (unsigned long)index);
    tkt_price out = TKT_PRICE_INIT;
    out.scope = found.scope;
    out.scope_id = found.scope_id;
    out.minor = found.minor;
    memcpy(out.currency, found.currency, TKT_CURRENCY_BYTES);
    rc = scope_name(tx, &row, &found, &out.name);
    return rc != TKT_DONE ? rc
                          : tkt__struct_out(price, &out, sizeof(out), sizeof(out), "tkt_price");
}
