/* SPDX-License-Identifier: MIT
 *
 * cmd_seats.c: the hall: every seat with its state as JSON, or drawn in the terminal.
 *
 *   . available   r reserved   # booked   x withheld
 */
#include "cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_names[] = { "available", "reserved", "booked", "withheld" };
static const char state_marks[] = ".r#x";

typedef struct hall {
    tkt_plan *plan;
    uint8_t *states;
    size_t count;
    tkt_counts counts;
    uint64_t seq;
} hall;

static int32_t load_states(tkt_snapshot *snap, uint64_t id, hall *h)
{
    int32_t status = tkt_seatmap_copy(snap, id, NULL, 0, &h->count);
    if (h->count == 0)
        return status;
    h->states = malloc(h->count);
    if (h->states == NULL)
        return -TKT_E_NOMEM;
    return tkt_seatmap_copy(snap, id, h->states, h->count, &h->count);
}

static int32_t load_hall(tkt_snapshot *snap, uint64_t id, hall *h)
{
    h->counts.size = sizeof h->counts;
    int32_t status = tkt_counts_view(snap, id, &h->counts);
    if (status == TKT_DONE)
        status = tkt_event_seq(snap, id, &h->seq);
    if (status == TKT_DONE)
        status = tkt_plan_load(snap, id, &h->plan);
    if (status == TKT_NOT_FOUND) { /* no chart: areas only */
        h->plan = NULL;
        return TKT_DONE;
    }
    return status == TKT_DONE ? load_states(snap, id, h) : status;
}

static uint8_t state_of(const hall *h, uint32_t unit)
{
    size_t at = (size_t)unit - 64;
    return at < h->count ? h->states[at] : TKT_SEAT_NONE;
}

static void out_seat(cli *c, const hall *h, const tkt_seat *seat)
{
    uint8_t state = state_of(h, seat->unit);
    const char *name = state < 4 ? state_names[state] : "none";
    out_map(c, NULL);
    out_unsigned(c, "unit", seat->unit);
    out_text(c, "label", seat->label);
    out_string(c, "state", name, strlen(name));
    out_map_end(c);
    if (!c->json)
        putchar(state < 4 ? state_marks[state] : ' ');
}

static void close_row(cli *c)
{
    out_array_end(c);
    out_map_end(c);
    if (!c->json)
        putchar('\n');
}

static void close_section(cli *c)
{
    out_array_end(c);
    out_map_end(c);
}

static void out_sections(cli *c, const hall *h)
{
    tkt_seat seat = { .size = sizeof seat };
    uint32_t section = UINT32_MAX, row = UINT32_MAX;
    uint32_t seats = h->plan != NULL ? tkt_plan_seats(h->plan) : 0;
    for (uint32_t i = 0; i < seats && tkt_plan_seat(h->plan, i, &seat) == TKT_DONE; i++) {
        bool new_section = seat.section_index != section;
        if (row != UINT32_MAX && (new_section || seat.row_index != row))
            close_row(c);
        if (new_section) {
            if (section != UINT32_MAX)
                close_section(c);
            out_map(c, NULL);
            out_text(c, "name", seat.section_name);
            out_array(c, "rows");
            if (!c->json)
                printf("%.*s\n", (int)seat.section_name.len, seat.section_name.ptr);
        }
        if (new_section || seat.row_index != row) {
            out_map(c, NULL);
            out_text(c, "name", seat.row);
            out_array(c, "seats");
            if (!c->json)
                printf("  %-4.*s ", (int)seat.row.len, seat.row.ptr);
        }
        section = seat.section_index;
        row = seat.row_index;
        out_seat(c, h, &seat);
    }
    if (seats != 0) {
        close_row(c);
        close_section(c);
    }
}

static int32_t out_areas(cli *c, tkt_snapshot *snap, uint64_t id)
{
    int32_t status = TKT_DONE;
    for (uint32_t i = 0; status == TKT_DONE; i++) {
        tkt_area area = TKT_AREA_INIT;
        status = tkt_area_view(snap, id, i, &area);
        if (status != TKT_DONE)
            break;
        out_map(c, NULL);
        out_unsigned(c, "areaId", area.id);
        out_text(c, "name", area.name);
        out_unsigned(c, "capacity", area.capacity);
        out_unsigned(c, "available", area.available);
        out_unsigned(c, "reserved", area.held);
        out_unsigned(c, "booked", area.sold);
        out_map_end(c);
        if (!c->json)
            printf("%.*s: %" PRIu32 " of %" PRIu32 " available\n", (int)area.name.len, area.name.ptr,
                   area.available, area.capacity);
    }
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

static int32_t show_hall(cli *c, tkt_snapshot *snap, uint64_t id, const hall *h)
{
    out_begin(c);
    out_unsigned(c, "seq", h->seq);
    out_map(c, "counts");
    out_unsigned(c, "available", h->counts.available);
    out_unsigned(c, "reserved", h->counts.reserved);
    out_unsigned(c, "booked", h->counts.booked);
    out_unsigned(c, "withheld", h->counts.withheld);
    out_map_end(c);
    out_array(c, "sections");
    out_sections(c, h);
    out_array_end(c);
    out_array(c, "areas");
    int32_t status = out_areas(c, snap, id);
    if (status != TKT_DONE)
        return status;
    out_array_end(c);
    out_end(c);
    if (!c->json)
        printf(". %" PRIu64 " available   r %" PRIu64 " reserved   # %" PRIu64 " booked   x %" PRIu64
               " withheld\n",
               h->counts.available, h->counts.reserved, h->counts.booked, h->counts.withheld);
    return TKT_DONE;
}

int cmd_seats(cli *c)
{
    tkt_snapshot *snap;
    hall h = { 0 };
    uint64_t id = 0;
    int32_t status = tkt_snapshot_begin(c->store, &snap);
    if (status != TKT_DONE)
        return out_bad(c, status);
    int code = args_event(c, snap, c->positional[0], &id);
    if (code == EXIT_EFFECT) {
        status = load_hall(snap, id, &h);
        if (status == TKT_DONE)
            status = show_hall(c, snap, id, &h);
        if (status != TKT_DONE)
            code = out_bad(c, status);
    }
    free(h.states);
    tkt_plan_free(h.plan);
    tkt_snapshot_end(snap);
    return code;
}
