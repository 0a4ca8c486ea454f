/* SPDX-License-Identifier: MIT
 *
 * booking/room.c: booking as a room of the store: upkeep, check, figures.
 */
#include "booking/booking.h"

static int32_t room_check(tkt_store *store, tkt__tx *tx, tkt__problems *problems)
{
    int32_t status = tkt__check_inventory(store, tx, problems);
    return status == TKT_DONE ? tkt__check_ledger(store, tx, problems) : status;
}

static int32_t count_rows(tkt__tx *tx, uint8_t table, uint64_t *count)
{
    tkt__cursor *cursor;
    tkt__slice k, v;
    int32_t status = tkt__tx_cursor_open(tx, table, &cursor);
    if (status != TKT_DONE)
        return status;
    status = tkt__cursor_seek(cursor, tkt__slice_of(NULL, 0), &k, &v);
    for (; status == TKT_DONE; ++*count)
        status = tkt__cursor_next(cursor, &k, &v);
    tkt__cursor_close(cursor);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

static int32_t room_stats(tkt_store *store, tkt__tx *tx, tkt_stats *stats)
{
    (void)store;
    int32_t status = count_rows(tx, TKT__T_BOOKING, &stats->bookings);
    if (status == TKT_DONE)
        status = count_rows(tx, TKT__T_TICKET, &stats->tickets);
    if (status == TKT_DONE)
        status = count_rows(tx, TKT__T_CLAIM, &stats->holds);
    return status == TKT_DONE ? count_rows(tx, TKT__T_DUE, &stats->due) : status;
}

const tkt__room tkt__booking_room = {
    .name = "booking",
    .closing = tkt__payment_closing,
    .check = room_check,
    .tick = tkt__sweep_tick,
    .next_deadline = tkt__sweep_deadline,
    .stats = room_stats,
};
