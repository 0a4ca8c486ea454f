/* SPDX-License-Identifier: MIT
 *
 * booking/seatmap.c: what a snapshot sees of an event's places: one byte a seat, counts, areas, holds.
 *
 * Reads BLOCK, AREA and EXPIRY rows (inventory_rows.h), the pinned chart and claims. A reserved seat
 * whose time is over at the snapshot's now is shown as available. Writes nothing.
 */
#include "booking/booking.h"
#include "booking/inventory_rows.h"

/* The event's sale facts in this snapshot. */
static int32_t facts(tkt_snapshot *snapshot, uint64_t event_id, tkt__tx **tx, tkt__sale *sale)
{
    int32_t status = tkt__snapshot_tx(snapshot, tx);
    if (status == TKT_DONE)
        status = tkt__id_check(event_id, "event");
    if (status == TKT_DONE)
        status = tkt__sale_load(*tx, event_id, sale);
    return status == TKT_NOT_FOUND ? tkt__refuse_missing("event", event_id) : status;
}

/* Calls fn for each block row of the event that there is. */
typedef void (*block_fn)(void *user, uint32_t block, const uint8_t *bytes);
static int32_t each_block(tkt__tx *tx, uint64_t event_id, block_fn fn, void *user)
{
    uint8_t prefix[8];
    tkt__cursor *cursor;
    tkt__slice k, v;
    tkt__be64(prefix, event_id);
    int32_t status = tkt__tx_cursor_open(tx, TKT__T_BLOCK, &cursor);
    if (status != TKT_DONE)
        return status;
    status = tkt__cursor_seek(cursor, tkt__slice_of(prefix, sizeof prefix), &k, &v);
    while (status == TKT_DONE && k.n == 12 && memcmp(k.p, prefix, sizeof prefix) == 0) {
        if (v.n != TKT__BLOCK_BYTES)
            status = tkt__fail(TKT_E_CORRUPT, "a seat block of %zu bytes", v.n);
        else {
            fn(user, tkt__get_be32(k.p + 8), v.p);
            status = tkt__cursor_next(cursor, &k, &v);
        }
    }
    tkt__cursor_close(cursor);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

/* ---- the map --------------------------------------------------------------------------------------------- */

typedef struct map_out {
    uint8_t *buf;
    uint32_t blocks;
    int64_t now_ms;
} map_out;

static void draw_block(void *user, uint32_t block, const uint8_t *bytes)
{
    map_out *m = user;
    if (block == 0 || block > m->blocks) /* of an older chart: nobody has anything there */
        return;
    uint8_t *at = m->buf + (size_t)(block - 1) * TKT__BLOCK_SEATS;
    for (uint32_t i = 0; i < TKT__BLOCK_SEATS; i++) {
        tkt__seat_row row = tkt__seat_get(bytes, i);
        if (at[i] != TKT_SEAT_NONE && tkt__seat_taken(row, m->now_ms))
            at[i] = (uint8_t)row.state;
    }
}

int32_t tkt_seatmap_copy(tkt_snapshot *snapshot, uint64_t event_id, uint8_t *buf, size_t cap, size_t *needed)
{
    tkt__tx *tx;
    tkt__sale sale;
    if (needed == NULL)
        return tkt__fail(TKT_E_INVALID, "needed is NULL");
    *needed = 0;
    int32_t status = facts(snapshot, event_id, &tx, &sale);
    if (status != TKT_DONE)
        return status;
    *needed = (size_t)sale.blocks * TKT__BLOCK_SEATS;
    if (cap < *needed)
        return tkt__fail(TKT_E_LIMIT, "the seat map has %zu bytes, the buffer %zu", *needed, cap);
    if (*needed == 0)
        return TKT_DONE;
    if (buf == NULL)
        return tkt__fail(TKT_E_INVALID, "buf is NULL");
    for (uint32_t block = 1; block <= sale.blocks; block++) {
        uint64_t mask = 0;
        uint32_t section;
        status = tkt__chart_block(tx, &sale, block, &mask, &section);
        if (status < 0)
            return status;
        for (uint32_t i = 0; i < TKT__BLOCK_SEATS; i++)
            buf[(size_t)(block - 1) * TKT__BLOCK_SEATS + i] = mask >> i & 1 ? TKT_SEAT_AVAILABLE : TKT_SEAT_NONE;
    }
    map_out m = { buf, sale.blocks, tkt__tx_now(tx) };
    return each_block(tx, event_id, draw_block, &m);
}

/* ---- counts ------------------------------------------------------------------------------------------------ */

typedef struct seat_sums {
    int64_t now_ms;
    uint64_t by_state[4];
} seat_sums;

static void sum_block(void *user, uint32_t block, const uint8_t *bytes)
{
    seat_sums *s = user;
    (void)block;
    for (uint32_t i = 0; i < TKT__BLOCK_SEATS; i++) {
        tkt__seat_row row = tkt__seat_get(bytes, i);
        if (tkt__seat_taken(row, s->now_ms))
            s->by_state[row.state]++;
    }
}

int32_t tkt__counts(tkt__tx *tx, uint64_t event_id, const tkt__sale *sale, uint64_t *total, tkt_counts *out)
{
    seat_sums sums = { .now_ms = tkt__tx_now(tx) };
    int32_t status = each_block(tx, event_id, sum_block, &sums);
    out->reserved = sums.by_state[TKT__SEAT_RESERVED];
    out->booked = sums.by_state[TKT__SEAT_BOOKED];
    out->withheld = sums.by_state[TKT__SEAT_WITHHELD];
    *total = sale->seats;
    for (uint32_t i = 0; status == TKT_DONE && i < sale->area_count; i++) {
        uint32_t sold = 0, held = 0;
        status = tkt__area_use(tx, event_id, sale->areas[i].id, &sold, &held);
        out->reserved += held;
        out->booked += sold;
        *total += sale->areas[i].capacity;
    }
    uint64_t taken = out->reserved + out->booked + out->withheld;
    out->available = *total > taken ? *total - taken : 0;
    return status;
}

int32_t tkt_counts_view(tkt_snapshot *snapshot, uint64_t event_id, tkt_counts *counts)
{
    tkt__tx *tx;
    tkt__sale sale;
    tkt_counts out = TKT_COUNTS_INIT;
    uint64_t total;
    int32_t status = facts(snapshot, event_id, &tx, &sale);
    if (status == TKT_DONE)
        status = tkt__counts(tx, event_id, &sale, &total, &out);
    return status == TKT_DONE ? tkt__struct_out(counts, &out, sizeof out, sizeof out, "tkt_counts") : status;
}

int32_t tkt_area_view(tkt_snapshot *snapshot, uint64_t event_id, uint32_t index, tkt_area *area)
{
    tkt__tx *tx;
    tkt__sale sale;
    tkt_area out = TKT_AREA_INIT;
    int32_t status = facts(snapshot, event_id, &tx, &sale);
    if (status != TKT_DONE)
        return status;
    if (index >= sale.area_count)
        return tkt__refuse(TKT_NOT_FOUND, "the event has %u areas", sale.area_count);
    const tkt__area *a = &sale.areas[index];
    out.id = a->id;
    out.capacity = a->capacity;
    out.name = (tkt_text){ (const char *)a->name.p, a->name.n };
    status = tkt__area_use(tx, event_id, a->id, &out.sold, &out.held);
    uint64_t taken = (uint64_t)out.sold + out.held;
    out.available = taken < a->capacity ? (uint32_t)(a->capacity - taken) : 0;
    return status == TKT_DONE ? tkt__struct_out(area, &out, sizeof out, sizeof out, "tkt_area") : status;
}

/* ---- a hold ---------------------------------------------------------------------------------------------------- */

static int32_t claim_of(tkt_snapshot *snapshot, const uint8_t *token, tkt__tx **tx, tkt__claim *claim)
{
    int32_t status = tkt__snapshot_tx(snapshot, tx);
    if (status == TKT_DONE && token == NULL)
        status = tkt__fail(TKT_E_INVALID, "token is NULL");
    return status == TKT_DONE ? tkt__claim_by_token(*tx, token, claim) : status;
}

int32_t tkt_hold_view(tkt_snapshot *snapshot, const uint8_t token[TKT_TOKEN_BYTES], tkt_hold *hold)
{
    tkt__tx *tx;
    tkt__claim claim;
    tkt_hold out;
    int32_t status = claim_of(snapshot, token, &tx, &claim);
    if (status != TKT_DONE)
        return status;
    tkt__claim_to_hold(&claim, tkt__tx_now(tx), &out);
    return tkt__struct_out(hold, &out, sizeof out, sizeof out, "tkt_hold");
}

int32_t tkt_hold_units(tkt_snapshot *snapshot, const uint8_t token[TKT_TOKEN_BYTES], uint32_t *units, size_t cap,
                       size_t *needed)
{
    tkt__tx *tx;
    tkt__claim claim;
    if (needed == NULL)
        return tkt__fail(TKT_E_INVALID, "needed is NULL");
    *needed = 0;
    int32_t status = claim_of(snapshot, token, &tx, &claim);
    if (status != TKT_DONE)
        return status;
    *needed = claim.unit_count;
    if (cap < claim.unit_count)
        return tkt__fail(TKT_E_LIMIT, "the hold has %u seats, the buffer room for %zu", claim.unit_count, cap);
    if (claim.unit_count > 0 && units == NULL)
        return tkt__fail(TKT_E_INVALID, "units is NULL");
    if (claim.unit_count > 0)
        memcpy(units, claim.units, claim.unit_count * sizeof *units);
    return TKT_DONE;
}
