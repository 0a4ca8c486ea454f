/* SPDX-License-Identifier: MIT
 *
 * catalog/plan.c: the plan of an event's hall: a pinned version decoded whole, or one seat of it.
 *
 * A plan is one arena of the store's host memory: sections, rows and seats as flat arrays in the
 * chart's own order, which each seat carries as its plan index; names once a section, row or seat.
 * Invariants: every place of the seat array is filled exactly once, else the chart is corrupt; the
 * plan is never written after it was loaded, so any thread may read it. A crash leaves nothing.
 */
#include "catalog/chart.h"
#include "catalog/sale.h"

typedef struct plan_section {
    uint32_t id, first_row, rows;
    tkt__slice name;
} plan_section;

typedef struct plan_row {
    tkt__slice name;
} plan_row;

typedef struct plan_seat {
    uint32_t unit, section, row, attributes; /* section: index; row: index of the whole plan */
    int32_t x_milli, y_milli;
    tkt__slice label;
} plan_seat;

struct tkt_plan {
    tkt_hooks hooks;
    tkt__arena arena;
    uint32_t section_n, row_n, seat_n;
    uint32_t filled, rows_seen; /* while loading */
    plan_section *sections;
    plan_row *rows;
    plan_seat *seats;
};

/* ---- loading --------------------------------------------------------------------------------- */

static int32_t corrupt(void)
{
    return tkt__fail(TKT_E_CORRUPT, "a chart's blocks do not fit its header");
}

static int32_t no_memory(void)
{
    return tkt__fail(TKT_E_NOMEM, "no memory for a plan");
}

/* A copy in the arena; an empty slice needs none. */
static bool keep(tkt_plan *plan, tkt__slice from, tkt__slice *to)
{
    static const char nothing[1] = "";
    *to = tkt__slice_of(nothing, 0);
    if (from.n == 0)
        return true;
    const void *copy = tkt__arena_copy(&plan->arena, from.p, from.n);
    *to = tkt__slice_of(copy, from.n);
    return copy != NULL;
}

static void *zeroed(tkt_plan *plan, size_t count, size_t size)
{
    void *p = tkt__arena_get(&plan->arena, (count + 1) * size);
    if (p != NULL)
        memset(p, 0, (count + 1) * size);
    return p;
}

static int32_t take_section(void *user, uint32_t index, const tkt__section_info *info)
{
    tkt_plan *plan = (tkt_plan *)user;
    if (index >= plan->section_n || info->rows > plan->row_n - plan->rows_seen)
        return corrupt();
    plan_section *section = plan->sections + index;
    section->id = info->id;
    section->first_row = plan->rows_seen;
    section->rows = info->rows;
    plan->rows_seen += info->rows;
    return keep(plan, info->name, &section->name) ? TKT_DONE : no_memory();
}

static int32_t take_seat(tkt_plan *plan, uint32_t block, const tkt__block *b,
                         const tkt__block_seat *s)
{
    const plan_section *section = plan->sections + b->section_index;
    uint32_t row = b->row[s->row].index;
    if (s->plan_index >= plan->seat_n || row >= section->rows)
        return corrupt();
    plan_seat *seat = plan->seats + s->plan_index;
    if (seat->unit != 0)
        return corrupt();
    seat->unit = block << 6 | s->position;
    seat->section = b->section_index;
    seat->row = section->first_row + row;
    seat->attributes = s->attributes;
    seat->x_milli = s->x_milli;
    seat->y_milli = s->y_milli;
    plan->filled++;
    if (plan->rows[seat->row].name.p == NULL &&
        !keep(plan, b->row[s->row].name, &plan->rows[seat->row].name))
        return no_memory();
    return keep(plan, s->label, &seat->label) ? TKT_DONE : no_memory();
}

static int32_t take_block(tkt_plan *plan, uint32_t number, tkt__slice value)
{
    tkt__block block;
    tkt__block_seat seat;
    int32_t rc = tkt__block_parse(value, &block);
    if (rc != TKT_DONE)
        return rc;
    if (block.section_index >= plan->section_n ||
        plan->sections[block.section_index].id != block.section)
        return corrupt();
    while ((rc = tkt__block_next(&block, &seat)) == TKT_DONE) {
        rc = take_seat(plan, number, &block, &seat);
        if (rc != TKT_DONE)
            return rc;
    }
    return rc == TKT_NOT_FOUND ? TKT_DONE : rc;
}

static int32_t take_blocks(tkt_plan *plan, tkt__tx *tx, uint64_t chart, uint32_t version)
{
    uint8_t key[TKT__CHART_KEY];
    tkt__cursor *cursor;
    tkt__slice k, v;
    tkt__chart_key(chart, version, 1, key);
    int32_t rc = tkt__tx_cursor_open(tx, TKT__T_CHART, &cursor);
    if (rc != TKT_DONE)
        return rc;
    rc = tkt__cursor_seek(cursor, tkt__slice_of(key, sizeof(key)), &k, &v);
    while (rc == TKT_DONE && k.n == TKT__CHART_KEY && memcmp(k.p, key, 12) == 0) {
        uint32_t block = tkt__get_be32(k.p + 12);
        if (block > TKT__BLOCK_MAX)
            break;
        rc = take_block(plan, block, v);
        if (rc == TKT_DONE)
            rc = tkt__cursor_next(cursor, &k, &v);
    }
    tkt__cursor_close(cursor);
    if (rc != TKT_DONE && rc != TKT_NOT_FOUND)
        return rc;
    return plan->filled == plan->seat_n ? TKT_DONE : corrupt();
}

static int32_t load(tkt_plan *plan, tkt__tx *tx, uint64_t chart, uint32_t version)
{
    tkt__chart_header h;
    int32_t rc = tkt__chart_header_get(tx, chart, version, &h);
    if (rc != TKT_DONE)
        return rc;
    plan->section_n = h.sections;
    plan->row_n = h.rows;
    plan->seat_n = h.seats;
    plan->sections = (plan_section *)zeroed(plan, h.sections, sizeof(plan->sections[0]));
    plan->rows = (plan_row *)zeroed(plan, h.rows, sizeof(plan->rows[0]));
    plan->seats = (plan_seat *)zeroed(plan, h.seats, sizeof(plan->seats[0]));
    if (plan->sections == NULL || plan->rows == NULL || plan->seats == NULL)
        return no_memory();
    rc = tkt__chart_sections(tx, chart, version, &h, take_section, plan);
    return rc != TKT_DONE ? rc : take_blocks(plan, tx, chart, version);
}

int32_t tkt__plan_of(tkt__tx *tx, const tkt_hooks *hooks, uint64_t chart, uint32_t version,
                     tkt_plan **out)
{
    tkt_plan *plan = (tkt_plan *)tkt__alloc(hooks, sizeof(*plan));
    if (plan == NULL)
        return no_memory();
    memset(plan, 0, sizeof(*plan));
    plan->hooks = *hooks;
    tkt__arena_init(&plan->arena, &plan->hooks, 0);
    int32_t rc = load(plan, tx, chart, version);
    if (rc != TKT_DONE) {
        tkt_plan_free(plan);
        return rc;
    }
    *out = plan;
    return TKT_DONE;
}

void tkt_plan_free(tkt_plan *plan)
{
    if (plan == NULL)
        return;
    tkt_hooks hooks = plan->hooks;
    tkt__arena_free(&plan->arena);
    tkt__free(&hooks, plan, sizeof(*plan));
}

/* The chart that an event pins. TKT_NOT_FOUND with its cause. */
static int32_t pinned(tkt_snapshot *snapshot, uint64_t event_id, tkt__tx **tx, uint64_t *chart,
                      uint32_t *version)
{
    tkt__sale_row row;
    int32_t rc = tkt__snapshot_tx(snapshot, tx);
    if (rc == TKT_DONE)
        rc = tkt__event_there(*tx, event_id);
    if (rc == TKT_NOT_FOUND)
        return tkt__refuse_missing("event", event_id);
    if (rc == TKT_DONE)
        rc = tkt__sale_row_get(*tx, event_id, &row);
    if (rc != TKT_DONE)
        return rc;
    *chart = row.chart_id;
    *version = row.chart_version;
    return row.chart_id != 0 ? TKT_DONE
                             : tkt__refuse(TKT_NOT_FOUND, "event %llu has no chart",
                                           (unsigned long long)event_id);
}

int32_t tkt_plan_load(tkt_snapshot *snapshot, uint64_t event_id, tkt_plan **plan)
{
    tkt__tx *tx;
    uint64_t chart;
    uint32_t version;
    if (plan == NULL)
        return tkt__fail(TKT_E_INVALID, "plan is NULL");
    int32_t rc = pinned(snapshot, event_id, &tx, &chart, &version);
    if (rc != TKT_DONE)
        return rc;
    rc = tkt__plan_of(tx, &snapshot->store->hooks, chart, version, plan);
    return rc == TKT_NOT_FOUND ? corrupt() : rc;
}

/* ---- reading a plan -------------------------------------------------------------------------- */

uint32_t tkt_plan_seats(const tkt_plan *plan)
{
    return plan != NULL ? plan->seat_n : 0;
}

uint32_t tkt_plan_sections(const tkt_plan *plan)
{
    return plan != NULL ? plan->section_n : 0;
}

static tkt_text text_of(tkt__slice s)
{
    tkt_text t = { (const char *)s.p, s.n };
    return t;
}

bool tkt__plan_seat_at(const tkt_plan *plan, uint32_t index, tkt_seat *out)
{
    if (index >= plan->seat_n)
        return false;
    const plan_seat *seat = plan->seats + index;
    const plan_section *section = plan->sections + seat->section;
    out->unit = seat->unit;
    out->section = section->id;
    out->section_index = seat->section;
    out->row_index = seat->row - section->first_row;
    out->x_milli = seat->x_milli;
    out->y_milli = seat->y_milli;
    out->attributes = seat->attributes;
    out->section_name = text_of(section->name);
    out->row = text_of(plan->rows[seat->row].name);
    out->label = text_of(seat->label);
    return true;
}

int32_t tkt_plan_seat(const tkt_plan *plan, uint32_t index, tkt_seat *seat)
{
    tkt_seat out;
    if (plan == NULL)
        return tkt__fail(TKT_E_INVALID, "plan is NULL");
    memset(&out, 0, sizeof(out));
    out.size = (uint32_t)sizeof(out);
    if (!tkt__plan_seat_at(plan, index, &out))
        return tkt__refuse(TKT_NOT_FOUND, "the plan has %lu seats", (unsigned long)plan->seat_n);
    return tkt__struct_out(seat, &out, sizeof(out), sizeof(out), "tkt_seat");
}

int32_t tkt_plan_section(const tkt_plan *plan, uint32_t index, uint32_t *section_id, tkt_text *name)
{
    if (plan == NULL || section_id == NULL || name == NULL)
        return tkt__fail(TKT_E_INVALID, "plan, section_id or name is NULL");
    if (index >= plan->section_n)
        return tkt__refuse(TKT_NOT_FOUND, "the plan has %lu sections",
                           (unsigned long)plan->section_n);
    *section_id = plan->sections[index].id;
    *name = text_of(plan->sections[index].name);
    return TKT_DONE;
}

/* ---- one seat -------------------------------------------------------------------------------- */

typedef struct section_wanted {
    tkt__slice name;
    tkt__section_info found;
} section_wanted;

static int32_t match_section(void *user, uint32_t index, const tkt__section_info *section)
{
    section_wanted *w = (section_wanted *)user;
    (void)index;
    if (tkt__slice_compare(section->name, w->name) != 0)
        return TKT_DONE;
    w->found = *section;
    return TKT_EXISTS; /* ends the walk */
}

/* The unit of a seat within one block, or 0. */
static int32_t seat_in_block(tkt__block *block, uint32_t number, tkt__slice row, tkt__slice label,
                             uint32_t *unit)
{
    tkt__block_seat seat;
    uint32_t at = 0;
    int32_t rc;
    *unit = 0;
    while (at < block->rows && tkt__slice_compare(block->row[at].name, row) != 0)
        at++;
    if (at == block->rows)
        return TKT_DONE;
    while ((rc = tkt__block_next(block, &seat)) == TKT_DONE)
        if (seat.row == at && tkt__slice_compare(seat.label, label) == 0) {
            *unit = number << 6 | seat.position;
            return TKT_DONE;
        }
    return rc == TKT_NOT_FOUND ? TKT_DONE : rc;
}

/* Walks the blocks between the section's first and last: few others lie between. */
static int32_t seat_in_section(tkt__tx *tx, uint64_t chart, uint32_t version,
                               const tkt__section_info *section, tkt__slice row, tkt__slice label,
                               uint32_t *unit)
{
    *unit = 0;
    for (uint32_t n = section->first_block; n != 0 && n <= section->last_block; n++) {
        tkt__block block;
        int32_t rc = tkt__block_get(tx, chart, version, n, &block);
        if (rc == TKT_NOT_FOUND || (rc == TKT_DONE && block.section != section->id))
            continue;
        if (rc == TKT_DONE)
            rc = seat_in_block(&block, n, row, label, unit);
        if (rc != TKT_DONE || *unit != 0)
            return rc;
    }
    return TKT_DONE;
}

int32_t tkt_unit_find(tkt_snapshot *snapshot, uint64_t event_id, tkt_text section, tkt_text row,
                      tkt_text label, uint32_t *unit)
{
    tkt__tx *tx;
    tkt__chart_header h;
    uint64_t chart;
    uint32_t version, found = 0;
    section_wanted wanted = { tkt__slice_of(section.ptr, section.len), { .id = 0 } };
    int32_t rc = tkt__text_check(section.ptr, section.len, TKT_SHORT_MAX, "section");
    if (rc == TKT_DONE)
        rc = tkt__text_check(row.ptr, row.len, TKT_SHORT_MAX, "row");
    if (rc == TKT_DONE)
        rc = tkt__text_check(label.ptr, label.len, TKT_SHORT_MAX, "label");
    if (rc == TKT_DONE && unit == NULL)
        rc = tkt__fail(TKT_E_INVALID, "unit is NULL");
    if (rc == TKT_DONE)
        rc = pinned(snapshot, event_id, &tx, &chart, &version);
    if (rc != TKT_DONE)
        return rc;
    rc = tkt__chart_header_get(tx, chart, version, &h);
    if (rc == TKT_DONE)
        rc = tkt__chart_sections(tx, chart, version, &h, match_section, &wanted);
    if (rc == TKT_DONE)
        return tkt__refuse(TKT_NOT_FOUND, "the hall has no section '%.*s'", (int)section.len,
                           section.len > 0 ? section.ptr : "");
    if (rc != TKT_EXISTS)
        return rc == TKT_NOT_FOUND ? corrupt() : rc;
    rc = seat_in_section(tx, chart, version, &wanted.found, tkt__slice_of(row.ptr, row.len),
                         tkt__slice_of(label.ptr, label.len), &found);
    if (rc != TKT_DONE)
        return rc;
    if (found == 0)
        return tkt__refuse(TKT_NOT_FOUND, "section '%.*s' has no seat '%.*s' in row '%.*s'",
                           (int)section.len, section.len > 0 ? section.ptr : "", (int)label.len,
                           label.len > 0 ? label.ptr : "", (int)row.len,
                           row.len > 0 ? row.ptr : "");
    *unit = found;
    return TKT_DONE;
}

static void seat_out(const tkt__block *block, const tkt__block_seat *found, uint32_t unit,
                     tkt_seat *out)
{
    memset(out, 0, sizeof(*out));
    out->size = (uint32_t)sizeof(*out);
    out->unit = unit;
    out->section = block->section;
    out->section_index = block->section_index;
    out->row_index = block->row[found->row].index;
    out->x_milli = found->x_milli;
    out->y_milli = found->y_milli;
    out->attributes = found->attributes;
    out->section_name = text_of(block->section_name);
    out->row = text_of(block->row[found->row].name);
    out->label = text_of(found->label);
}

int32_t tkt_unit_view(tkt_snapshot *snapshot, uint64_t event_id, uint32_t unit, tkt_seat *seat)
{
    tkt__tx *tx;
    tkt__block block;
    tkt__block_seat found;
    uint64_t chart;
    uint32_t version;
    int32_t rc = pinned(snapshot, event_id, &tx, &chart, &version);
    if (rc != TKT_DONE)
        return rc;
    rc = tkt__block_get(tx, chart, version, unit >> 6, &block);
    while (rc == TKT_DONE) {
        rc = tkt__block_next(&block, &found);
        if (rc == TKT_DONE && found.position == (unit & (TKT__BLOCK_SEATS - 1)))
            break;
    }
    if (rc == TKT_NOT_FOUND)
        return tkt__refuse(rc, "the hall has no unit %lu", (unsigned long)unit);
    if (rc != TKT_DONE)
        return rc;
    tkt_seat out;
    seat_out(&block, &found, unit, &out);
    return tkt__struct_out(seat, &out, sizeof(out), sizeof(out), "tkt_seat");
}
