/* SPDX-License-Identifier: MIT
 *
 * booking/inventory_ask.c: what the catalogue asks before it takes something away: is anything taken?
 * Reads the inventory rows (inventory_rows.h) under the event's guard; only event_forget writes.
 */
#include "booking/booking.h"
#include "booking/inventory_rows.h"

#define FORGET_MOST 1500u /* rows an event's deletion may take along: a body's writes are limited */

/* The first row of a table whose key begins with the event. */
static int32_t first_row(tkt__tx *tx, uint8_t table, uint64_t event_id, bool *found)
{
    uint8_t prefix[8];
    tkt__cursor *cursor;
    tkt__slice k, v;
    tkt__be64(prefix, event_id);
    int32_t status = tkt__tx_cursor_open(tx, table, &cursor);
    if (status != TKT_DONE)
        return status;
    status = tkt__cursor_seek(cursor, tkt__slice_of(prefix, 8), &k, &v);
    *found = status == TKT_DONE && k.n >= 8 && memcmp(k.p, prefix, 8) == 0;
    tkt__cursor_close(cursor);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

/* Holds that live: expiry rows past `now`. */
static int32_t live_holds(tkt__tx *tx, uint64_t event_id, bool *found)
{
    uint8_t from[12];
    tkt__cursor *cursor;
    tkt__slice k, v;
    tkt__be64(from, event_id);
    tkt__be32(from + 8, tkt__second_of(tkt__tx_now(tx) + 1));
    int32_t status = tkt__tx_cursor_open(tx, TKT__T_EXPIRY, &cursor);
    if (status != TKT_DONE)
        return status;
    status = tkt__cursor_seek(cursor, tkt__slice_of(from, sizeof from), &k, &v);
    *found = status == TKT_DONE && k.n >= 8 && memcmp(k.p, from, 8) == 0;
    tkt__cursor_close(cursor);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

static int32_t in_use(uint64_t event_id, const char *why)
{
    tkt_cause cause = { .kind = TKT_CAUSE_REFERENCED, .id = event_id, .have = 1 };
    tkt__refuse(TKT_IN_USE, "event %llu has %s", (unsigned long long)event_id, why);
    tkt__cause(&cause);
    return TKT_IN_USE;
}

static int32_t event_idle(tkt__tx *tx, uint64_t event_id)
{
    bool booked = false, held = false;
    int32_t status = first_row(tx, TKT__T_BOOKING, event_id, &booked);
    if (status == TKT_DONE)
        status = live_holds(tx, event_id, &held);
    if (status != TKT_DONE)
        return status;
    if (booked)
        return in_use(event_id, "bookings");
    return held ? in_use(event_id, "live holds") : tkt__admission.event_idle(tx, event_id);
}

static int32_t block_fits(tkt__tx *tx, uint64_t event_id, uint32_t block, uint64_t seats)
{
    uint8_t key[12];
    tkt__slice row;
    tkt__be64(key, event_id);
    tkt__be32(key + 8, block);
    int32_t status = tkt__tx_get(tx, TKT__T_BLOCK, tkt__slice_of(key, sizeof key), &row);
    if (status != TKT_DONE)
        return status == TKT_NOT_FOUND ? TKT_DONE : status;
    if (row.n != TKT__BLOCK_BYTES)
        return tkt__fail(TKT_E_CORRUPT, "a seat block of %zu bytes", row.n);
    for (uint32_t i = 0; i < TKT__BLOCK_SEATS; i++) {
        bool taken = tkt__seat_taken(tkt__seat_get(row.p, i), tkt__tx_now(tx));
        if (taken && (seats >> i & 1) == 0) {
            tkt_cause cause = { .kind = TKT_CAUSE_REFERENCED, .unit = block << 6 | i, .have = 1 };
            tkt__refuse(TKT_IN_USE, "unit %u is taken and would vanish", block << 6 | i);
            tkt__cause(&cause);
            return TKT_IN_USE;
        }
    }
    return TKT_DONE;
}

static int32_t blocks(tkt__tx *tx, uint64_t event_id, int32_t (*fn)(void *, uint32_t), void *user)
{
    uint8_t prefix[8];
    tkt__cursor *cursor;
    tkt__slice k, v;
    tkt__be64(prefix, event_id);
    int32_t status = tkt__tx_cursor_open(tx, TKT__T_BLOCK, &cursor);
    if (status != TKT_DONE)
        return status;
    status = tkt__cursor_seek(cursor, tkt__slice_of(prefix, 8), &k, &v);
    while (status == TKT_DONE && k.n == 12 && memcmp(k.p, prefix, 8) == 0) {
        status = fn(user, tkt__get_be32(k.p + 8));
        if (status == TKT_DONE)
            status = tkt__cursor_next(cursor, &k, &v);
    }
    tkt__cursor_close(cursor);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

static int32_t area_taken(tkt__tx *tx, uint64_t event_id, uint32_t area_id, uint32_t *taken)
{
    uint32_t sold, held;
    int32_t status = tkt__area_use(tx, event_id, area_id, &sold, &held);
    if (status == TKT_DONE)
        *taken = sold + held;
    return status;
}

static int32_t forget_table(tkt__tx *tx, uint8_t table, uint64_t event_id, uint32_t *left)
{
    uint8_t prefix[8], key[TKT__KEY_MAX];
    tkt__cursor *cursor;
    tkt__slice k, v;
    tkt__be64(prefix, event_id);
    int32_t status = tkt__tx_cursor_open(tx, table, &cursor);
    if (status != TKT_DONE)
        return status;
    status = tkt__cursor_seek(cursor, tkt__slice_of(prefix, 8), &k, &v);
    while (status == TKT_DONE && k.n >= 8 && memcmp(k.p, prefix, 8) == 0) {
        if (*left == 0 || --*left == 0) {
            status = tkt__fail(TKT_E_LIMIT, "event %llu has too many old rows to go in one step",
                               (unsigned long long)event_id);
            break;
        }
        size_t n = k.n;
        memcpy(key, k.p, n);
        status = tkt__tx_del(tx, table, tkt__slice_of(key, n));
        if (status == TKT_DONE)
            status = tkt__cursor_next(cursor, &k, &v);
    }
    tkt__cursor_close(cursor);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

/* The DUE rows of an event, found through its EXPIRY rows. */
static int32_t forget_due(tkt__tx *tx, uint64_t event_id, uint32_t *left)
{
    uint8_t prefix[8], key[16];
    tkt__cursor *cursor;
    tkt__slice k, v;
    tkt__be64(prefix, event_id);
    int32_t status = tkt__tx_cursor_open(tx, TKT__T_EXPIRY, &cursor);
    if (status != TKT_DONE)
        return status;
    status = tkt__cursor_seek(cursor, tkt__slice_of(prefix, 8), &k, &v);
    while (status == TKT_DONE && k.n == 16 && memcmp(k.p, prefix, 8) == 0 && *left > 0) {
        --*left;
        memcpy(key, k.p + 8, 4);
        memcpy(key + 4, k.p, 8);
        memcpy(key + 12, k.p + 12, 4);
        status = tkt__tx_del(tx, TKT__T_DUE, tkt__slice_of(key, sizeof key));
        if (status == TKT_DONE)
            status = tkt__cursor_next(cursor, &k, &v);
    }
    tkt__cursor_close(cursor);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

static int32_t event_forget(tkt__tx *tx, uint64_t event_id)
{
    static const uint8_t tables[] = { TKT__T_EXPIRY, TKT__T_BLOCK, TKT__T_AREA, TKT__T_CLAIM, TKT__T_BUYER };
    uint32_t left = FORGET_MOST;
    int32_t status = forget_due(tx, event_id, &left);
    for (size_t i = 0; status == TKT_DONE && i < sizeof tables; i++)
        status = forget_table(tx, tables[i], event_id, &left);
    return status;
}

static int32_t places(tkt__tx *tx, uint64_t event_id, uint64_t *total, uint64_t *booked, uint64_t *available)
{
    tkt__sale sale;
    tkt_counts counts = TKT_COUNTS_INIT;
    int32_t status = tkt__sale_load(tx, event_id, &sale);
    if (status == TKT_DONE)
        status = tkt__counts(tx, event_id, &sale, total, &counts);
    *booked = counts.booked + counts.withheld;
    *available = counts.available;
    return status;
}

const tkt__inventory_ops tkt__inventory = {
    .event_idle = event_idle,
    .block_fits = block_fits,
    .blocks = blocks,
    .area_taken = area_taken,
    .event_forget = event_forget,
    .places = places,
    .totals_changed = tkt__inventory_totals_changed,
};
