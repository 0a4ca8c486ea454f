/* SPDX-License-Identifier: MIT
 *
 * booking/inventory_rows.h: the bytes of the inventory rows.
 *
 *   BLOCK   64 × u64, little-endian, one a seat:
 *             bits  0…1   state: 0 available, 1 reserved, 2 booked, 3 withheld
 *             bits  2…31  expiry, whole seconds since 2024-01-01T00:00Z; all ones: never
 *             bits 32…63  the claim that took it
 *           no row: 64 available seats
 *   AREA    u32 sold, u32 held (expired and not yet swept holds included)
 *           area 0: u32 booked places of the whole event, u32 0
 *   EXPIRY  n × (u32 area, u32 quantity): what comes back when the claim's time is over
 *   DUE     empty: the same deadline, for the tick
 *   BUYER   u32 places, u32 expiry second (NEVER: booked); none for an anonymous claim
 *
 * A reserved seat whose expiry is at or before `now` is available, swept or not.
 */
#ifndef TKT_BOOKING_INVENTORY_ROWS_H
#define TKT_BOOKING_INVENTORY_ROWS_H

#include "catalog/catalog.h"

#define TKT__BLOCK_SEATS 64
#define TKT__BLOCK_BYTES (TKT__BLOCK_SEATS * 8)

enum { TKT__SEAT_FREE = 0, TKT__SEAT_RESERVED = 1, TKT__SEAT_BOOKED = 2, TKT__SEAT_WITHHELD = 3 };

typedef struct tkt__seat_row {
    uint32_t state, expires_s, claim;
} tkt__seat_row;

static inline tkt__seat_row tkt__seat_get(const uint8_t *block, uint32_t position)
{
    const uint8_t *p = block + 8 * position;
    uint32_t low = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    uint32_t claim = (uint32_t)p[4] | (uint32_t)p[5] << 8 | (uint32_t)p[6] << 16 | (uint32_t)p[7] << 24;
    tkt__seat_row row = { low & 3, low >> 2, claim };
    return row;
}

static inline void tkt__seat_set(uint8_t *block, uint32_t position, tkt__seat_row row)
{
    uint8_t *p = block + 8 * position;
    uint32_t low = row.state | row.expires_s << 2;
    for (int i = 0; i < 4; i++) {
        p[i] = (uint8_t)(low >> (8 * i));
        p[4 + i] = (uint8_t)(row.claim >> (8 * i));
    }
}

/* Whether somebody has the seat at `now`. */
static inline bool tkt__seat_taken(tkt__seat_row row, int64_t now_ms)
{
    return row.state != TKT__SEAT_FREE &&
           !(row.state == TKT__SEAT_RESERVED && tkt__second_ms(row.expires_s) <= now_ms);
}

#endif
