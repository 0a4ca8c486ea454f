/* SPDX-License-Identifier: MIT
 *
 * tests/soak/reader.c: what one snapshot shows of every event of the round: the number of its last feed record, and a
 * hash of its seats and places as the snapshot's now sees them. The judge's model must come to the same.
 */
#include "soak.h"

#include "store/store.h"

uint64_t soak_hash(const uint8_t *states, size_t n, uint32_t sold, uint32_t held)
{
    uint8_t bytes[SOAK_SEATS + 8], out[TKT__FINGERPRINT_BYTES];
    uint64_t hash;
    MUST(n == SOAK_SEATS);
    memcpy(bytes, states, n);
    memcpy(bytes + n, &sold, 4);
    memcpy(bytes + n + 4, &held, 4);
    tkt__fingerprint(bytes, n + 8, out);
    memcpy(&hash, out, sizeof hash);
    return hash;
}

/* The stamp of the newest commit that the snapshot sees: the last discovery row's. */
static uint64_t stamp_of(tkt__tx *tx)
{
    tkt__cursor *cursor;
    tkt__slice k, v;
    MUST(tkt__tx_cursor_open(tx, TKT__T_DISCOVERY, &cursor) == TKT_DONE);
    MUST(tkt__cursor_seek_last(cursor, tkt__slice_of(NULL, 0), &k, &v) == TKT_DONE && k.n == 16 + TKT__GUARD_BYTES);
    uint64_t stamp = tkt__get_be64(k.p + 8);
    tkt__cursor_close(cursor);
    return stamp;
}

static void look(tkt_snapshot *snap, const soak_event *event, note *n)
{
    static _Thread_local uint8_t map[65536];
    uint8_t states[SOAK_SEATS];
    tkt_area area = TKT_AREA_INIT;
    tkt__guard_row row;
    tkt__tx *tx;
    size_t needed;
    MUST(tkt__snapshot_tx(snap, &tx) == TKT_DONE);
    MUST(tkt__tx_guard_row(tx, (tkt__guard){ TKT__G_EVENT, event->id }, &row) == TKT_DONE);
    MUST(tkt_seatmap_copy(snap, event->id, map, sizeof map, &needed) == TKT_DONE);
    for (uint32_t i = 0; i < SOAK_SEATS; i++)
        states[i] = map[event->units[i] - 64];
    MUST(tkt_area_view(snap, event->id, 0, &area) == TKT_DONE);
    n->event = event->id;
    n->seq = row.seq;
    n->stamp = stamp_of(tx);
    n->hash = soak_hash(states, SOAK_SEATS, area.sold, area.held);
}

void soak_read(const soak *s, tkt_snapshot *snap, int log, int64_t from_ns, int64_t until_ns, bool restored)
{
    for (uint32_t i = 0; i < SOAK_EVENTS; i++) {
        note n = { .what = NOTE_READ, .op = OP_READ, .at_ns = from_ns, .until_ns = until_ns };
        n.now_ms = tkt_snapshot_now(snap);
        look(snap, &s->shared->events[i], &n);
        n.stamp = restored ? 0 : n.stamp;
        soak_append(log, &n);
    }
}
