/* SPDX-License-Identifier: MIT
 *
 * catalog/sale_set.c: changing the sale facts of an event: chart, areas, prices, windows, limit.
 *
 * Rows: TKT__T_SALE event → row; TKT__T_EVENT_LIST 'c' chart start event. Each call is one body
 * under the catalogue's and the event's guards: read the row, change it, write it when it differs,
 * append one feed record. So every call repeats safely.
 * Invariants: a seat or area with a live hold or a booking never vanishes; area ids are never
 * reused within an event; prices of sections belong to the pinned chart. A crash leaves the old
 * facts or the new ones.
 */
#include "catalog/chart.h"
#include "catalog/sale.h"

#define AMOUNT_MAX TKT__ID_MAX /* 2^53−1 */

typedef struct setting setting;
struct setting {
    tkt_store *store;
    uint64_t event;
    int32_t (*apply)(tkt__tx *tx, setting *s, tkt__sale_row *row);
    bool totals; /* seats or areas may have changed: booking recounts */
    tkt__event_head head;
    tkt__slice name; /* area */
    uint32_t capacity, area_id;
    tkt__price price;
    const tkt_window *windows;
    uint32_t count; /* windows, or the limit */
    uint64_t chart;
    uint32_t version;
};

static int32_t setting_body(tkt__tx *tx, void *ctx)
{
    setting *s = (setting *)ctx;
    tkt__slice record, old;
    tkt__sale_row row;
    uint8_t key[8], bytes[TKT__HOT_VALUE_MAX];
    size_t n = 0;
    tkt__be64(key, s->event);
    int32_t rc = tkt__event_get(tx, s->event, &record);
    if (rc == TKT_NOT_FOUND)
        return tkt__refuse_missing("event", s->event);
    if (rc == TKT_DONE)
        rc = tkt__event_head_of(record, &s->head);
    if (rc == TKT_DONE)
        rc = tkt__sale_row_get(tx, s->event, &row);
    if (rc == TKT_DONE)
        rc = s->apply(tx, s, &row);
    if (rc == TKT_DONE)
        rc = tkt__sale_row_encode(&row, bytes, &n);
    if (rc != TKT_DONE)
        return rc;
    rc = tkt__tx_get(tx, TKT__T_SALE, tkt__slice_of(key, sizeof(key)), &old);
    if (rc == TKT_DONE && tkt__slice_compare(old, tkt__slice_of(bytes, n)) == 0)
        return TKT_DONE;
    if (rc != TKT_DONE && rc != TKT_NOT_FOUND)
        return rc;
    rc = tkt__tx_put(tx, TKT__T_SALE, tkt__slice_of(key, sizeof(key)), tkt__slice_of(bytes, n));
    uint8_t payload[8];
    tkt__writer w = tkt__writer_of(payload, sizeof(payload));
    tkt__put_u64(&w, s->event);
    if (rc == TKT_DONE)
        rc = tkt__feed_append(tx, tkt__guard_of(TKT__G_EVENT, s->event), TKT__F_SALE_CHANGED,
                              payload, sizeof(payload));
    if (rc == TKT_DONE && s->store->change.sale_changed != NULL)
        rc = s->store->change.sale_changed(s->store->change.user, tx, s->event);
    if (rc == TKT_DONE && s->totals && tkt__inventory.totals_changed != NULL)
        rc = tkt__inventory.totals_changed(tx, s->store, s->event);
    return rc;
}

static int32_t setting_run(setting *s, uint32_t flags)
{
    int32_t rc = tkt__store_writable(s->store);
    if (rc == TKT_DONE)
        rc = tkt__flags_check(flags);
    if (rc == TKT_DONE)
        rc = tkt__id_check(s->event, "event");
    if (rc != TKT_DONE)
        return rc;
    tkt__guard guards[2] = { tkt__guard_of(TKT__G_CATALOG, 0),
                             tkt__guard_of(TKT__G_EVENT, s->event) };
    return tkt__store_run(s->store, guards, 2, flags, setting_body, s);
}

/* ---- areas ----------------------------------------------------------------------------------- */

/* TKT_IN_USE when more places of the area are taken than `capacity`. */
static int32_t area_fits(tkt__tx *tx, uint64_t event, uint32_t area, uint32_t capacity)
{
    uint32_t taken = 0;
    int32_t rc = tkt__inventory.area_taken(tx, event, area, &taken);
    if (rc != TKT_DONE || taken <= capacity)
        return rc;
    tkt__refuse(TKT_IN_USE, "%lu places of area %lu are sold or held", (unsigned long)taken,
                (unsigned long)area);
    tkt_cause cause;
    memset(&cause, 0, sizeof(cause));
    cause.size = (uint32_t)sizeof(cause);
    cause.kind = TKT_CAUSE_AREA_SOLD;
    cause.id = area;
    cause.limit = capacity;
    cause.have = taken;
    tkt__cause(&cause);
    return TKT_IN_USE;
}

/* Adds the area or gives the one of this name another capacity; *at gets its index. */
static int32_t area_put(tkt__tx *tx, uint64_t event, tkt__sale_row *row, tkt__slice name,
                        uint32_t capacity, uint32_t *at)
{
    for (*at = 0; *at < row->area_count; (*at)++) {
        tkt__area *area = &row->areas[*at].area;
        if (tkt__slice_compare(area->name, name) != 0)
            continue;
        int32_t rc =
            capacity < area->capacity ? area_fits(tx, event, area->id, capacity) : TKT_DONE;
        if (rc == TKT_DONE)
            area->capacity = capacity;
        return rc;
    }
    if (row->area_count == TKT_AREAS_MAX || row->last_area == UINT32_MAX)
        return tkt__fail(TKT_E_LIMIT, "an event has at most %d areas", TKT_AREAS_MAX);
    tkt__sale_area_row *fresh = &row->areas[row->area_count++];
    fresh->area.id = ++row->last_area;
    fresh->area.capacity = capacity;
    fresh->area.name = name;
    fresh->from_chart = false;
    return TKT_DONE;
}

static int32_t apply_area(tkt__tx *tx, setting *s, tkt__sale_row *row)
{
    uint32_t at;
    int32_t rc = area_put(tx, s->event, row, s->name, s->capacity, &at);
    if (rc == TKT_DONE)
        s->area_id = row->areas[at].area.id;
    return rc;
}

int32_t tkt_event_set_area(tkt_store *store, uint64_t event_id, tkt_text name, uint32_t capacity,
                           uint32_t flags, uint32_t *area_id)
{
    setting s = { .store = store, .event = event_id, .apply = apply_area, .totals = true };
    int32_t rc = tkt__text_check(name.ptr, name.len, TKT_SHORT_MAX, "area name");
    if (rc != TKT_DONE)
        return rc;
    if (name.len == 0)
        return tkt__fail(TKT_E_INVALID, "area name is empty");
    s.name = tkt__slice_of(name.ptr, name.len);
    s.capacity = capacity;
    rc = setting_run(&s, flags);
    if (rc == TKT_DONE && area_id != NULL)
        *area_id = s.area_id;
    return rc;
}

/* ---- prices ---------------------------------------------------------------------------------- */

static int32_t match_id(void *user, uint32_t index, const tkt__section_info *section)
{
    (void)index;
    return section->id == *(const uint32_t *)user ? TKT_EXISTS : TKT_DONE;
}

/* TKT_NOT_FOUND when the event has no such section or area. */
static int32_t scope_there(tkt__tx *tx, const tkt__sale_row *row, uint32_t scope, uint32_t id)
{
    if (scope == TKT_SCOPE_EVENT)
        return TKT_DONE;
    if (scope == TKT_SCOPE_AREA) {
        for (uint32_t i = 0; i < row->area_count; i++)
            if (row->areas[i].area.id == id)
                return TKT_DONE;
        return tkt__refuse_missing("area", id);
    }
    tkt__chart_header h;
    if (row->chart_id == 0)
        return tkt__refuse_missing("section", id);
    int32_t rc = tkt__chart_header_get(tx, row->chart_id, row->chart_version, &h);
    if (rc == TKT_DONE)
        rc = tkt__chart_sections(tx, row->chart_id, row->chart_version, &h, match_id, &id);
    if (rc == TKT_EXISTS)
        return TKT_DONE;
    return rc == TKT_DONE ? tkt__refuse_missing("section", id) : rc;
}

static int32_t apply_price(tkt__tx *tx, setting *s, tkt__sale_row *row)
{
    int32_t rc = scope_there(tx, row, s->price.scope, s->price.scope_id);
    if (rc != TKT_DONE)
        return rc;
    for (uint32_t i = 0; i < row->price_count; i++)
        if (row->prices[i].scope == s->price.scope &&
            row->prices[i].scope_id == s->price.scope_id) {
            row->prices[i] = s->price;
            return TKT_DONE;
        }
    if (row->price_count == TKT_PRICES_MAX)
        return tkt__fail(TKT_E_LIMIT, "an event has at most %d prices", TKT_PRICES_MAX);
    row->prices[row->price_count++] = s->price;
    return TKT_DONE;
}

int32_t tkt_event_set_price(tkt_store *store, uint64_t event_id, uint32_t scope, uint32_t scope_id,
                            int64_t minor, const char *currency, uint32_t flags)
{
    setting s = { .store = store, .event = event_id, .apply = apply_price };
    if (scope > TKT_SCOPE_AREA || (scope == TKT_SCOPE_EVENT) != (scope_id == 0))
        return tkt__fail(TKT_E_INVALID, "price: scope or scope id is out of range");
    if (minor < 0 || minor > (int64_t)AMOUNT_MAX)
        return tkt__fail(TKT_E_INVALID, "price lies outside 0 to 2^53-1 minor units");
    s.price.scope = scope;
    s.price.scope_id = scope_id;
    s.price.minor = minor;
    /* Read byte by byte: a shorter text ends before four bytes. */
    for (size_t i = 0; currency != NULL && i < TKT_CURRENCY_BYTES && currency[i] != 0; i++)
        s.price.currency[i] = currency[i];
    if (tkt__is_zero(s.price.currency, TKT_CURRENCY_BYTES) ? minor != 0
                                                           : !tkt__currency_valid(s.price.currency))
        return tkt__fail(TKT_E_INVALID, "price: currency is not three capital letters");
    return setting_run(&s, flags);
}

/* ---- windows and limit ----------------------------------------------------------------------- */

static int32_t apply_windows(tkt__tx *tx, setting *s, tkt__sale_row *row)
{
    (void)tx;
    row->window_count = s->count;
    for (uint32_t i = 0; i < s->count; i++)
        row->windows[i] = s->windows[i];
    return TKT_DONE;
}

int32_t tkt_event_set_windows(tkt_store *store, uint64_t event_id, const tkt_window *windows,
                              uint32_t count, uint32_t flags)
{
    setting s = { .store = store, .event = event_id, .apply = apply_windows };
    if (count > TKT_WINDOWS_MAX)
        return tkt__fail(TKT_E_LIMIT, "an event has at most %d sale windows", TKT_WINDOWS_MAX);
    if (count > 0 && windows == NULL)
        return tkt__fail(TKT_E_INVALID, "windows is NULL");
    for (uint32_t i = 0; i < count; i++)
        if (windows[i].opens_ms >= windows[i].closes_ms)
            return tkt__fail(TKT_E_INVALID, "sale window %lu closes before it opens",
                             (unsigned long)i);
    s.windows = windows;
    s.count = count;
    return setting_run(&s, flags);
}

static int32_t apply_limit(tkt__tx *tx, setting *s, tkt__sale_row *row)
{
    (void)tx;
    row->per_buyer = s->count;
    return TKT_DONE;
}

int32_t tkt_event_set_limit(tkt_store *store, uint64_t event_id, uint32_t per_buyer, uint32_t flags)
{
    setting s = { .store = store, .event = event_id, .apply = apply_limit, .count = per_buyer };
    return setting_run(&s, flags);
}

/* ---- the chart ------------------------------------------------------------------------------- */

typedef struct repin {
    tkt__tx *tx;
    const setting *s;
    bool same_chart;
} repin;

/* One block of the event's inventory: which of its positions the new version still has. */
static int32_t block_still_fits(void *user, uint32_t number)
{
    const repin *r = (const repin *)user;
    uint64_t seats = 0;
    uint32_t section;
    /* Units of another chart are other seats, whatever their numbers. */
    tkt__sale pin = { .chart_id = r->same_chart ? r->s->chart : 0, .chart_version = r->s->version };
    int32_t rc = tkt__chart_block(r->tx, &pin, number, &seats, &section);
    if (rc != TKT_DONE && rc != TKT_NOT_FOUND)
        return rc;
    return tkt__inventory.block_fits(r->tx, r->s->event, number, rc == TKT_DONE ? seats : 0);
}

static void drop_area(tkt__sale_row *row, uint32_t at)
{
    uint32_t id = row->areas[at].area.id, kept = 0;
    memmove(row->areas + at, row->areas + at + 1,
            (row->area_count - at - 1) * sizeof(row->areas[0]));
    row->area_count--;
    for (uint32_t i = 0; i < row->price_count; i++)
        if (row->prices[i].scope != TKT_SCOPE_AREA || row->prices[i].scope_id != id)
            row->prices[kept++] = row->prices[i];
    row->price_count = kept;
}

/* Areas of the old chart that the new one has not leave, then those of the new one come. */
static int32_t swap_areas(tkt__tx *tx, const setting *s, tkt__sale_row *row,
                          const tkt__chart_header *h)
{
    tkt__slice name;
    uint32_t capacity, at;
    for (at = 0; at < row->area_count;) {
        tkt__chart_header walk = *h;
        bool stays = !row->areas[at].from_chart;
        while (!stays && tkt__chart_area_next(&walk, &name, &capacity))
            stays = tkt__slice_compare(name, row->areas[at].area.name) == 0;
        if (stays) {
            at++;
            continue;
        }
        int32_t rc = area_fits(tx, s->event, row->areas[at].area.id, 0);
        if (rc != TKT_DONE)
            return rc;
        drop_area(row, at);
    }
    tkt__chart_header walk = *h;
    while (tkt__chart_area_next(&walk, &name, &capacity)) {
        int32_t rc = area_put(tx, s->event, row, name, capacity, &at);
        if (rc != TKT_DONE)
            return rc;
        row->areas[at].from_chart = true;
    }
    return TKT_DONE;
}

static int32_t chart_list(tkt__tx *tx, const setting *s, uint64_t old_chart)
{
    uint8_t key[TKT__LIST_KEY_MAX];
    int32_t rc = TKT_DONE;
    if (old_chart != 0) {
        size_t n = tkt__list_key(TKT__E_CHART, old_chart, s->head.start_ms, s->event, key);
        rc = tkt__tx_del(tx, TKT__T_EVENT_LIST, tkt__slice_of(key, n));
    }
    size_t n = tkt__list_key(TKT__E_CHART, s->chart, s->head.start_ms, s->event, key);
    if (rc == TKT_DONE)
        rc = tkt__tx_put(tx, TKT__T_EVENT_LIST, tkt__slice_of(key, n), tkt__slice_of(key, 0));
    return rc;
}

static int32_t apply_chart(tkt__tx *tx, setting *s, tkt__sale_row *row)
{
    tkt__chart_header h;
    repin r = { tx, s, row->chart_id == s->chart };
    if (r.same_chart && row->chart_version == s->version)
        return TKT_DONE;
    int32_t rc = tkt__chart_header_get(tx, s->chart, s->version, &h);
    if (rc == TKT_NOT_FOUND)
        return tkt__refuse_missing("version of chart", s->chart);
    if (rc == TKT_DONE)
        rc = tkt__inventory.blocks(tx, s->event, block_still_fits, &r);
    if (rc == TKT_DONE)
        rc = swap_areas(tx, s, row, &h);
    if (rc == TKT_DONE && !r.same_chart)
        rc = chart_list(tx, s, row->chart_id);
    if (rc != TKT_DONE)
        return rc;
    if (!r.same_chart) {
        /* Section ids of another chart are other sections. */
        uint32_t kept = 0;
        for (uint32_t i = 0; i < row->price_count; i++)
            if (row->prices[i].scope != TKT_SCOPE_SECTION)
                row->prices[kept++] = row->prices[i];
        row->price_count = kept;
    }
    row->chart_id = s->chart;
    row->chart_version = s->version;
    row->seats = h.seats;
    row->blocks = h.blocks;
    return TKT_DONE;
}

int32_t tkt_event_set_chart(tkt_store *store, uint64_t event_id, uint64_t chart_id,
                            uint32_t version, uint32_t flags)
{
    setting s = { .store = store, .event = event_id, .apply = apply_chart, .totals = true };
    if (chart_id == 0 || chart_id > TKT__ID_MAX || version == 0)
        return tkt__fail(TKT_E_INVALID, "chart id or version is out of range");
    s.chart = chart_id;
    s.version = version;
    return setting_run(&s, flags);
}
