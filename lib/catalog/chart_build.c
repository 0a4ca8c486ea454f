/* SPDX-License-Identifier: MIT
 *
 * catalog/chart_build.c: a chart under construction, in memory.
 *
 * Sections, rows, seats and areas are flat arrays in the order of their adding; names lie one after
 * another in one text. A hash of all names (open addressing; slot = kind << 30 | index + 1) refuses
 * a name twice in one place and finds a seat by its names when a version is numbered.
 * Invariants: rows of a section and seats of a row are neighbours in their arrays; names are unique
 * in their place and valid UTF-8. Uses the C library's memory. A crash leaves nothing behind.
 */
#include <stdlib.h>
#include <xxhash.h>

#include "catalog/chart.h"

#define SLOTS_FIRST 64
#define KIND_SHIFT  30
#define INDEX_MASK  ((UINT32_C(1) << KIND_SHIFT) - 1)

int32_t tkt_chart_new(tkt_chart **chart)
{
    tkt_hooks hooks;
    if (chart == NULL)
        return tkt__fail(TKT_E_INVALID, "chart is NULL");
    int32_t rc = tkt__hooks_resolve(NULL, &hooks);
    if (rc != TKT_DONE)
        return rc;
    tkt_chart *c = (tkt_chart *)tkt__alloc(&hooks, sizeof(*c));
    if (c == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for a chart");
    memset(c, 0, sizeof(*c));
    c->hooks = hooks;
    *chart = c;
    return TKT_DONE;
}

void tkt_chart_free(tkt_chart *c)
{
    if (c == NULL)
        return;
    tkt_hooks hooks = c->hooks;
    tkt__free(&hooks, c->sections, c->section_cap * sizeof(c->sections[0]));
    tkt__free(&hooks, c->rows, c->row_cap * sizeof(c->rows[0]));
    tkt__free(&hooks, c->seats, c->seat_cap * sizeof(c->seats[0]));
    tkt__free(&hooks, c->areas, c->area_cap * sizeof(c->areas[0]));
    tkt__free(&hooks, c->text, c->text_cap);
    tkt__free(&hooks, c->slots, c->slot_cap * sizeof(c->slots[0]));
    tkt__free(&hooks, c, sizeof(*c));
}

/* The array with room for `more` elements of `size` after the n that are there; it doubles. NULL
 * with the error record: no memory, and the array stays as it is. */
static void *grow(const tkt_hooks *hooks, void *array, size_t n, size_t more, size_t *cap,
                  size_t size)
{
    size_t want = *cap > 0 ? *cap : 16;
    if (n + more <= *cap)
        return array;
    while (want < n + more)
        want *= 2;
    void *wider = tkt__realloc(hooks, array, *cap * size, want * size);
    if (wider == NULL)
        tkt__fail(TKT_E_NOMEM, "no memory for a larger chart");
    else
        *cap = want;
    return wider;
}

tkt__slice tkt__chart_text(const tkt_chart *c, tkt__chart_name name)
{
    return tkt__slice_of(c->text + name.at, name.n);
}

/* ---- the hash of names ----------------------------------------------------------------------- */

static uint32_t parent_and_name(const tkt_chart *c, uint32_t slot, tkt__chart_name *name)
{
    uint32_t index = (slot & INDEX_MASK) - 1;
    switch (slot >> KIND_SHIFT) {
    case TKT__NAME_SECTION: *name = c->sections[index].name; return 0;
    case TKT__NAME_ROW: *name = c->rows[index].name; return c->rows[index].section;
    case TKT__NAME_SEAT: *name = c->seats[index].label; return c->seats[index].row;
    default: *name = c->areas[index].name; return 0;
    }
}

static size_t home(const tkt_chart *c, uint32_t kind, uint32_t parent, tkt__slice name)
{
    uint64_t seed = (uint64_t)parent << 2 | kind;
    return (size_t)XXH3_64bits_withSeed(name.p, name.n, seed) & (c->slot_cap - 1);
}

bool tkt__chart_find(const tkt_chart *c, uint32_t kind, uint32_t parent, tkt__slice name,
                     uint32_t *index)
{
    if (c->slot_cap == 0)
        return false;
    for (size_t i = home(c, kind, parent, name); c->slots[i] != 0; i = (i + 1) % c->slot_cap) {
        tkt__chart_name other;
        if (c->slots[i] >> KIND_SHIFT != kind ||
            parent_and_name(c, c->slots[i], &other) != parent ||
            tkt__slice_compare(tkt__chart_text(c, other), name) != 0)
            continue;
        *index = (c->slots[i] & INDEX_MASK) - 1;
        return true;
    }
    return false;
}

static void slot_in(tkt_chart *c, uint32_t slot)
{
    tkt__chart_name name;
    uint32_t parent = parent_and_name(c, slot, &name);
    size_t i = home(c, slot >> KIND_SHIFT, parent, tkt__chart_text(c, name));
    while (c->slots[i] != 0)
        i = (i + 1) % c->slot_cap;
    c->slots[i] = slot;
}

/* Makes room for one more name; at most two thirds of the slots are taken. */
static int32_t slots_grow(tkt_chart *c)
{
    if ((c->slot_n + 1) * 3 <= c->slot_cap * 2)
        return TKT_DONE;
    size_t old_cap = c->slot_cap, cap = old_cap > 0 ? old_cap * 2 : SLOTS_FIRST;
    uint32_t *slots = (uint32_t *)tkt__alloc(&c->hooks, cap * sizeof(slots[0]));
    if (slots == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for a larger chart");
    memset(slots, 0, cap * sizeof(slots[0]));
    uint32_t *old = c->slots;
    c->slots = slots;
    c->slot_cap = cap;
    for (size_t i = 0; i < old_cap; i++)
        if (old[i] != 0)
            slot_in(c, old[i]);
    tkt__free(&c->hooks, old, old_cap * sizeof(old[0]));
    return TKT_DONE;
}

/* ---- adding ---------------------------------------------------------------------------------- */

/* Checks a name, refuses it twice, copies it to the text and makes room for its slot. */
static int32_t name_in(tkt_chart *c, uint32_t kind, uint32_t parent, tkt_text text,
                       const char *what, tkt__chart_name *name)
{
    uint32_t found;
    int32_t rc = tkt__text_check(text.ptr, text.len, TKT_SHORT_MAX, what);
    if (rc != TKT_DONE)
        return rc;
    if (text.len == 0 && kind != TKT__NAME_ROW)
        return tkt__fail(TKT_E_INVALID, "chart: a %s has no name", what);
    if (tkt__chart_find(c, kind, parent, tkt__slice_of(text.ptr, text.len), &found))
        return tkt__fail(TKT_E_INVALID, "chart: %s '%.*s' is there twice", what, (int)text.len,
                         text.len > 0 ? text.ptr : "");
    char *wider = (char *)grow(&c->hooks, c->text, c->text_n, text.len + 1, &c->text_cap, 1);
    if (wider == NULL)
        return -TKT_E_NOMEM;
    c->text = wider;
    rc = slots_grow(c);
    if (rc != TKT_DONE)
        return rc;
    name->at = c->text_n;
    name->n = (uint32_t)text.len;
    if (text.len > 0)
        memcpy(c->text + c->text_n, text.ptr, text.len);
    return TKT_DONE;
}

static void name_done(tkt_chart *c, uint32_t kind, size_t index, tkt__chart_name name)
{
    c->text_n += name.n;
    slot_in(c, kind << KIND_SHIFT | (uint32_t)(index + 1));
    c->slot_n++;
}

int32_t tkt_chart_add_section(tkt_chart *c, tkt_text name)
{
    tkt__chart_section section = { { 0, 0 }, 0, 0 };
    if (c == NULL)
        return tkt__fail(TKT_E_INVALID, "chart is NULL");
    if (c->section_n >= TKT_CHART_SECTIONS_MAX)
        return tkt__fail(TKT_E_LIMIT, "chart: more than %d sections", TKT_CHART_SECTIONS_MAX);
    int32_t rc = name_in(c, TKT__NAME_SECTION, 0, name, "section", &section.name);
    if (rc != TKT_DONE)
        return rc;
    tkt__chart_section *wider = (tkt__chart_section *)grow(&c->hooks, c->sections, c->section_n, 1,
                                                           &c->section_cap, sizeof(section));
    if (wider == NULL)
        return -TKT_E_NOMEM;
    c->sections = wider;
    section.first_row = (uint32_t)c->row_n;
    c->sections[c->section_n++] = section;
    name_done(c, TKT__NAME_SECTION, c->section_n - 1, section.name);
    return TKT_DONE;
}

int32_t tkt_chart_add_row(tkt_chart *c, tkt_text name)
{
    tkt__chart_row row = { { 0, 0 }, 0, 0, 0 };
    if (c == NULL || c->section_n == 0)
        return tkt__fail(TKT_E_INVALID, "chart: a row needs a section first");
    if (c->row_n >= TKT__CHART_ROWS_MAX)
        return tkt__fail(TKT_E_LIMIT, "chart: more than %d rows", TKT__CHART_ROWS_MAX);
    row.section = (uint32_t)c->section_n - 1;
    row.first_seat = (uint32_t)c->seat_n;
    int32_t rc = name_in(c, TKT__NAME_ROW, row.section, name, "row", &row.name);
    if (rc != TKT_DONE)
        return rc;
    tkt__chart_row *wider =
        (tkt__chart_row *)grow(&c->hooks, c->rows, c->row_n, 1, &c->row_cap, sizeof(row));
    if (wider == NULL)
        return -TKT_E_NOMEM;
    c->rows = wider;
    c->rows[c->row_n++] = row;
    c->sections[row.section].rows++;
    name_done(c, TKT__NAME_ROW, c->row_n - 1, row.name);
    return TKT_DONE;
}

int32_t tkt_chart_add_seat(tkt_chart *c, tkt_text label, int32_t x_milli, int32_t y_milli,
                           uint32_t attributes)
{
    tkt__chart_seat seat = { { 0, 0 }, 0, attributes, x_milli, y_milli };
    if (c == NULL || c->section_n == 0 || c->sections[c->section_n - 1].rows == 0)
        return tkt__fail(TKT_E_INVALID, "chart: a seat needs a section and a row first");
    if ((attributes & ~TKT__SEAT_ATTRIBUTES) != 0)
        return tkt__fail(TKT_E_INVALID, "chart: unknown seat attributes 0x%lx",
                         (unsigned long)attributes);
    if (c->seat_n >= TKT_CHART_SEATS_MAX)
        return tkt__fail(TKT_E_LIMIT, "chart: more than %d seats", TKT_CHART_SEATS_MAX);
    seat.row = (uint32_t)c->row_n - 1;
    int32_t rc = name_in(c, TKT__NAME_SEAT, seat.row, label, "seat", &seat.label);
    if (rc != TKT_DONE)
        return rc;
    tkt__chart_seat *wider =
        (tkt__chart_seat *)grow(&c->hooks, c->seats, c->seat_n, 1, &c->seat_cap, sizeof(seat));
    if (wider == NULL)
        return -TKT_E_NOMEM;
    c->seats = wider;
    c->seats[c->seat_n++] = seat;
    c->rows[seat.row].seats++;
    name_done(c, TKT__NAME_SEAT, c->seat_n - 1, seat.label);
    return TKT_DONE;
}

int32_t tkt_chart_add_area(tkt_chart *c, tkt_text name, uint32_t capacity)
{
    tkt__chart_area area = { { 0, 0 }, capacity };
    if (c == NULL)
        return tkt__fail(TKT_E_INVALID, "chart is NULL");
    if (c->area_n >= TKT_CHART_AREAS_MAX)
        return tkt__fail(TKT_E_LIMIT, "chart: more than %d areas", TKT_CHART_AREAS_MAX);
    int32_t rc = name_in(c, TKT__NAME_AREA, 0, name, "area", &area.name);
    if (rc != TKT_DONE)
        return rc;
    tkt__chart_area *wider =
        (tkt__chart_area *)grow(&c->hooks, c->areas, c->area_n, 1, &c->area_cap, sizeof(area));
    if (wider == NULL)
        return -TKT_E_NOMEM;
    c->areas = wider;
    c->areas[c->area_n++] = area;
    name_done(c, TKT__NAME_AREA, c->area_n - 1, area.name);
    return TKT_DONE;
}

/* ---- neighbours ------------------------------------------------------------------------------ */

/* The square of the distance between a seat and the next; exact enough at 2^53. */
static double pitch2(const tkt__chart_seat *seat)
{
    double dx = (double)seat[1].x_milli - (double)seat[0].x_milli;
    double dy = (double)seat[1].y_milli - (double)seat[0].y_milli;
    return dx * dx + dy * dy;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Whether sqrt(d) ≤ 1.5 × median, the median being (sqrt(low) + sqrt(high)) / 2, without a root:
 * 16 d ≤ 9 (low + high + 2 sqrt(low × high)). */
static bool within(double d, double low, double high)
{
    double r = 16 * d / 9 - low - high;
    return r <= 0 || r * r <= 4 * low * high;
}

static void link_row(tkt__chart_seat *seats, uint32_t n, double *sorted)
{
    for (uint32_t i = 0; i < n; i++)
        seats[i].attributes &= ~TKT_SEAT_LINK;
    if (n < 2)
        return;
    for (uint32_t i = 0; i + 1 < n; i++)
        sorted[i] = pitch2(seats + i);
    qsort(sorted, n - 1, sizeof(sorted[0]), compare_doubles);
    double low = sorted[(n - 2) / 2], high = sorted[(n - 1) / 2];
    for (uint32_t i = 0; i + 1 < n; i++)
        if (within(pitch2(seats + i), low, high))
            seats[i].attributes |= TKT_SEAT_LINK;
}

int32_t tkt_chart_link_by_pitch(tkt_chart *c)
{
    uint32_t longest = 1;
    if (c == NULL)
        return tkt__fail(TKT_E_INVALID, "chart is NULL");
    for (size_t i = 0; i < c->row_n; i++)
        if (c->rows[i].seats > longest)
            longest = c->rows[i].seats;
    double *sorted = (double *)tkt__alloc(&c->hooks, longest * sizeof(sorted[0]));
    if (sorted == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory to measure a row");
    for (size_t i = 0; i < c->row_n; i++)
        link_row(c->seats + c->rows[i].first_seat, c->rows[i].seats, sorted);
    tkt__free(&c->hooks, sorted, longest * sizeof(sorted[0]));
    return TKT_DONE;
}
