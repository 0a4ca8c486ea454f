/* SPDX-License-Identifier: MIT
 *
 * booking/inventory.c: the only code that changes who owns a place. Rows: inventory_rows.h.
 *
 * Every function runs in a body that holds the event's guard. Invariants: a claim's places are taken
 * all or not at all; state, expiry and claim number of a seat change together; an area's counters equal
 * the sums over claims; each change leaves its feed record. A crash leaves all of a body or nothing.
 */
#include "booking/booking.h"
#include "booking/inventory_rows.h"

/* ---- rows -------------------------------------------------------------------------------------------- */

static void pair_key(uint64_t event_id, uint32_t number, uint8_t key[12])
{
    tkt__be64(key, event_id);
    tkt__be32(key + 8, number);
}

static int32_t block_load(tkt__tx *tx, uint64_t event_id, uint32_t block, uint8_t out[TKT__BLOCK_BYTES])
{
    uint8_t key[12];
    tkt__slice row;
    pair_key(event_id, block, key);
    int32_t status = tkt__tx_get(tx, TKT__T_BLOCK, tkt__slice_of(key, sizeof key), &row);
    memset(out, 0, TKT__BLOCK_BYTES);
    if (status == TKT_NOT_FOUND)
        return TKT_DONE;
    if (status == TKT_DONE && row.n != TKT__BLOCK_BYTES)
        return tkt__fail(TKT_E_CORRUPT, "a seat block of %zu bytes", row.n);
    if (status == TKT_DONE)
        memcpy(out, row.p, TKT__BLOCK_BYTES);
    return status;
}

/* A block with nobody in it has no row. */
static int32_t block_save(tkt__tx *tx, uint64_t event_id, uint32_t block, const uint8_t bytes[TKT__BLOCK_BYTES])
{
    uint8_t key[12];
    pair_key(event_id, block, key);
    if (tkt__is_zero(bytes, TKT__BLOCK_BYTES))
        return tkt__tx_del(tx, TKT__T_BLOCK, tkt__slice_of(key, sizeof key));
    return tkt__tx_put(tx, TKT__T_BLOCK, tkt__slice_of(key, sizeof key), tkt__slice_of(bytes, TKT__BLOCK_BYTES));
}

static int32_t area_load(tkt__tx *tx, uint64_t event_id, uint32_t area_id, uint32_t *sold, uint32_t *held)
{
    uint8_t key[12];
    tkt__slice row;
    *sold = *held = 0;
    pair_key(event_id, area_id, key);
    int32_t status = tkt__tx_get(tx, TKT__T_AREA, tkt__slice_of(key, sizeof key), &row);
    if (status != TKT_DONE)
        return status == TKT_NOT_FOUND ? TKT_DONE : status;
    tkt__reader r = tkt__reader_of(row);
    *sold = tkt__get_u32(&r);
    *held = tkt__get_u32(&r);
    return r.bad ? tkt__fail(TKT_E_CORRUPT, "an area row of %zu bytes", row.n) : TKT_DONE;
}

static int32_t area_save(tkt__tx *tx, uint64_t event_id, uint32_t area_id, uint32_t sold, uint32_t held)
{
    uint8_t key[12], bytes[8];
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    pair_key(event_id, area_id, key);
    tkt__put_u32(&w, sold);
    tkt__put_u32(&w, held);
    return tkt__tx_put(tx, TKT__T_AREA, tkt__slice_of(key, sizeof key), tkt__slice_of(bytes, w.n));
}

/* The claim's EXPIRY and DUE rows at its present deadline: made or removed. Made by insert: an engine with a journal
 * then passes them for nothing once they are gone. */
static int32_t deadline_rows(tkt__tx *tx, const tkt__claim *claim, bool there)
{
    uint8_t expiry[16], due[16], bytes[8];
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    tkt__be64(expiry, claim->event_id);
    tkt__be32(expiry + 8, claim->expires_s);
    tkt__be32(expiry + 12, claim->number);
    tkt__be32(due, claim->expires_s);
    tkt__be64(due + 4, claim->event_id);
    tkt__be32(due + 12, claim->number);
    if (!there) {
        int32_t status = tkt__tx_del(tx, TKT__T_EXPIRY, tkt__slice_of(expiry, sizeof expiry));
        return status == TKT_DONE ? tkt__tx_del(tx, TKT__T_DUE, tkt__slice_of(due, sizeof due)) : status;
    }
    if (claim->quantity > 0) {
        tkt__put_u32(&w, claim->area_id);
        tkt__put_u32(&w, claim->quantity);
    }
    int32_t status = tkt__tx_insert(tx, TKT__T_EXPIRY, tkt__slice_of(expiry, sizeof expiry), tkt__slice_of(bytes, w.n));
    if (status == TKT_DONE)
        status = tkt__tx_insert(tx, TKT__T_DUE, tkt__slice_of(due, sizeof due), tkt__slice_of(NULL, 0));
    return status == TKT_EXISTS ? tkt__fail(TKT_E_CORRUPT, "claim %u has a deadline before it is made", claim->number)
                                : status;
}

static int32_t buyer_row(tkt__tx *tx, const tkt__claim *claim, bool there, uint32_t expires_s)
{
    uint8_t key[28], bytes[8];
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    if (tkt__is_zero(claim->buyer_key, TKT_BUYER_BYTES))
        return TKT_DONE;
    tkt__be64(key, claim->event_id);
    memcpy(key + 8, claim->buyer_key, TKT_BUYER_BYTES);
    tkt__be32(key + 24, claim->number);
    if (!there)
        return tkt__tx_del(tx, TKT__T_BUYER, tkt__slice_of(key, sizeof key));
    tkt__put_u32(&w, tkt__claim_places(claim));
    tkt__put_u32(&w, expires_s);
    return tkt__tx_put(tx, TKT__T_BUYER, tkt__slice_of(key, sizeof key), tkt__slice_of(bytes, w.n));
}

/* ---- feed --------------------------------------------------------------------------------------------- */

/* Units that changed, ascending, as ranges. */
static int32_t feed_seats(tkt__tx *tx, const tkt__claim *claim, uint8_t state, uint32_t expires_s,
                          const uint32_t *units, uint32_t count)
{
    uint8_t bytes[16 + 6 * TKT_UNITS_MAX];
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    uint32_t ranges = 0;
    if (count == 0)
        return TKT_DONE;
    for (uint32_t i = 0; i < count; i++)
        ranges += i == 0 || units[i] != units[i - 1] + 1;
    tkt__put_u32(&w, claim->number);
    tkt__put_u8(&w, state);
    tkt__put_u32(&w, expires_s);
    tkt__put_u16(&w, (uint16_t)ranges);
    for (uint32_t i = 0, j; i < count; i = j) {
        for (j = i + 1; j < count && units[j] == units[j - 1] + 1; j++)
            ;
        tkt__put_u32(&w, units[i]);
        tkt__put_u16(&w, (uint16_t)(j - i));
    }
    return tkt__feed_append(tx, tkt__event_guard(claim->event_id), TKT__F_SEATS, bytes, w.n);
}

static int32_t feed_area(tkt__tx *tx, const tkt__claim *claim, uint32_t capacity, uint32_t sold, uint32_t held)
{
    uint8_t bytes[20];
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    tkt__put_u32(&w, claim->number);
    tkt__put_u32(&w, claim->area_id);
    tkt__put_u32(&w, capacity);
    tkt__put_u32(&w, sold);
    tkt__put_u32(&w, held);
    return tkt__feed_append(tx, tkt__event_guard(claim->event_id), TKT__F_AREA, bytes, w.n);
}

/* ---- seats ----------------------------------------------------------------------------------------------- */

/* FRESH: the seats are free now and are taken. OWN: they are the claim's, every one. LEFT: those that are
 * still the claim's, for another may have taken some since it ran out. */
enum { FRESH, OWN, LEFT };

/* Sets the claim's seats to `to`; a zero row gives them back. */
static int32_t seats_set(tkt__tx *tx, const tkt__claim *claim, tkt__seat_row to, int which)
{
    uint8_t bytes[TKT__BLOCK_BYTES];
    uint32_t changed[TKT_UNITS_MAX], count = 0;
    int32_t status = TKT_DONE;
    for (uint32_t i = 0; status == TKT_DONE && i < claim->unit_count;) {
        uint32_t block = claim->units[i] >> 6, before = count;
        status = block_load(tx, claim->event_id, block, bytes);
        for (; i < claim->unit_count && claim->units[i] >> 6 == block; i++) {
            tkt__seat_row row = tkt__seat_get(bytes, claim->units[i] & 63);
            if (which != FRESH && (row.claim != claim->number || row.state == TKT__SEAT_FREE))
                continue;
            tkt__seat_set(bytes, claim->units[i] & 63, to);
            changed[count++] = claim->units[i];
        }
        if (status == TKT_DONE && count > before)
            status = block_save(tx, claim->event_id, block, bytes);
    }
    if (status == TKT_DONE && which == OWN && count != claim->unit_count)
        status = tkt__fail(TKT_E_CORRUPT, "claim %u of event %llu is alive and %u of its seats are not its own",
                           claim->number, (unsigned long long)claim->event_id, claim->unit_count - count);
    if (status == TKT_DONE)
        status = feed_seats(tx, claim, (uint8_t)to.state, to.expires_s, changed, count);
    return status;
}

/* What is said against a take, kept until the whole is looked at. */
typedef struct refusals {
    uint32_t count;
    bool missing, sold;
    tkt_cause causes[TKT_ERROR_CAUSES];
} refusals;

static void against(refusals *no, tkt_cause cause)
{
    if (no->count < TKT_ERROR_CAUSES)
        no->causes[no->count] = cause;
    no->count++;
    if (cause.kind == TKT_CAUSE_UNIT_UNKNOWN || cause.kind == TKT_CAUSE_AREA_UNKNOWN)
        no->missing = true;
    else if (cause.kind != TKT_CAUSE_UNIT_HELD && cause.kind != TKT_CAUSE_AREA_HELD)
        no->sold = true;
}

static int32_t refuse_all(const refusals *no)
{
    int32_t status = no->missing ? TKT_NOT_FOUND : no->sold ? TKT_SOLD_OUT : TKT_ALL_HELD;
    if (no->count == 0)
        return TKT_DONE;
    tkt__refuse(status, "%u of the places asked for %s", no->count,
                no->missing ? "do not exist" : no->sold ? "are sold" : "are held by others");
    for (uint32_t i = 0; i < no->count; i++)
        tkt__cause(&no->causes[i < TKT_ERROR_CAUSES ? i : TKT_ERROR_CAUSES - 1]);
    return status;
}

static tkt_cause seat_cause(uint32_t unit, tkt__seat_row row)
{
    tkt_cause cause = { .unit = unit };
    cause.kind = row.state == TKT__SEAT_BOOKED     ? TKT_CAUSE_UNIT_BOOKED
                 : row.state == TKT__SEAT_RESERVED ? TKT_CAUSE_UNIT_HELD
                                                   : TKT_CAUSE_UNIT_WITHHELD;
    if (row.state == TKT__SEAT_RESERVED)
        cause.earliest_ms = tkt__second_ms(row.expires_s);
    return cause;
}

static int32_t seats_look(tkt__tx *tx, const tkt__sale *sale, const tkt__claim *claim, refusals *no)
{
    uint8_t bytes[TKT__BLOCK_BYTES];
    int32_t status = TKT_DONE;
    for (uint32_t i = 0; status == TKT_DONE && i < claim->unit_count;) {
        uint32_t block = claim->units[i] >> 6, section = 0;
        uint64_t mask = 0;
        status = tkt__chart_block(tx, sale, block, &mask, &section);
        if (status == TKT_NOT_FOUND)
            status = TKT_DONE;
        if (status == TKT_DONE)
            status = block_load(tx, claim->event_id, block, bytes);
        for (; i < claim->unit_count && claim->units[i] >> 6 == block; i++) {
            uint32_t position = claim->units[i] & 63;
            tkt__seat_row row = tkt__seat_get(bytes, position);
            if ((mask >> position & 1) == 0)
                against(no, (tkt_cause){ .kind = TKT_CAUSE_UNIT_UNKNOWN, .unit = claim->units[i] });
            else if (tkt__seat_taken(row, tkt__tx_now(tx)))
                against(no, seat_cause(claim->units[i], row));
        }
    }
    return status;
}

/* ---- areas --------------------------------------------------------------------------------------------------- */

/* Expiry rows of an event in the order of time: `over` sums what of the area has run out, *next_ms is
 * the first deadline to come of what has not (0: none). */
static int32_t area_expiry(tkt__tx *tx, uint64_t event_id, uint32_t area_id, uint32_t *over, int64_t *next_ms)
{
    uint8_t prefix[8];
    tkt__cursor *cursor;
    tkt__slice k, v;
    *over = 0;
    *next_ms = 0;
    tkt__be64(prefix, event_id);
    int32_t status = tkt__tx_cursor_open(tx, TKT__T_EXPIRY, &cursor);
    if (status != TKT_DONE)
        return status;
    status = tkt__cursor_seek(cursor, tkt__slice_of(prefix, 8), &k, &v);
    while (status == TKT_DONE && k.n == 16 && memcmp(k.p, prefix, 8) == 0 && *next_ms == 0) {
        int64_t ends_ms = tkt__second_ms(tkt__get_be32(k.p + 8));
        tkt__reader r = tkt__reader_of(v);
        while (r.p < r.end && !r.bad) {
            uint32_t area = tkt__get_u32(&r), n = tkt__get_u32(&r);
            if (area == area_id && !r.bad && ends_ms <= tkt__tx_now(tx))
                *over += n;
            else if (area == area_id && !r.bad)
                *next_ms = ends_ms;
        }
        status = tkt__cursor_next(cursor, &k, &v);
    }
    tkt__cursor_close(cursor);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

int32_t tkt__area_use(tkt__tx *tx, uint64_t event_id, uint32_t area_id, uint32_t *sold, uint32_t *held)
{
    uint32_t over = 0;
    int64_t next_ms;
    int32_t status = area_load(tx, event_id, area_id, sold, held);
    if (status == TKT_DONE && *held > 0)
        status = area_expiry(tx, event_id, area_id, &over, &next_ms);
    *held = *held > over ? *held - over : 0;
    return status;
}

static int32_t area_look(tkt__tx *tx, const tkt__sale *sale, const tkt__claim *claim, refusals *no)
{
    uint32_t sold, held, over;
    int64_t next_ms = 0;
    if (claim->quantity == 0)
        return TKT_DONE;
    const tkt__area *area = tkt__sale_area(sale, claim->area_id);
    if (area == NULL) {
        against(no, (tkt_cause){ .kind = TKT_CAUSE_AREA_UNKNOWN, .id = claim->area_id });
        return TKT_DONE;
    }
    int32_t status = tkt__area_use(tx, claim->event_id, claim->area_id, &sold, &held);
    uint64_t want = (uint64_t)sold + claim->quantity;
    if (status != TKT_DONE || want + held <= area->capacity)
        return status;
    tkt_cause cause = { .kind = TKT_CAUSE_AREA_SOLD, .id = claim->area_id, .limit = area->capacity,
                        .have = sold, .asked = claim->quantity };
    if (want <= area->capacity) {
        status = area_expiry(tx, claim->event_id, claim->area_id, &over, &next_ms);
        cause.kind = TKT_CAUSE_AREA_HELD;
        cause.have = (int64_t)sold + held;
        cause.earliest_ms = next_ms;
    }
    against(no, cause);
    return status;
}

/* Moves the claim's quantity into or out of the area's counters: `sold` and `held` are 1, 0 or −1. */
static int32_t area_move(tkt__tx *tx, const tkt__claim *claim, int sold_by, int held_by)
{
    uint32_t sold, held, q = claim->quantity, capacity = 0;
    tkt__sale sale;
    if (q == 0)
        return TKT_DONE;
    int32_t status = area_load(tx, claim->event_id, claim->area_id, &sold, &held);
    if (status != TKT_DONE)
        return status;
    if ((sold_by < 0 && sold < q) || (held_by < 0 && held < q))
        return tkt__fail(TKT_E_CORRUPT, "area %u of event %llu counts less than claim %u took", claim->area_id,
                         (unsigned long long)claim->event_id, claim->number);
    sold = sold_by > 0 ? sold + q : sold_by < 0 ? sold - q : sold;
    held = held_by > 0 ? held + q : held_by < 0 ? held - q : held;
    status = area_save(tx, claim->event_id, claim->area_id, sold, held);
    if (status == TKT_DONE)
        status = tkt__sale_load(tx, claim->event_id, &sale);
    if (status != TKT_DONE)
        return status;
    const tkt__area *area = tkt__sale_area(&sale, claim->area_id);
    capacity = area != NULL ? area->capacity : 0;
    return feed_area(tx, claim, capacity, sold, held);
}

/* ---- the event's total ------------------------------------------------------------------------------------------ */

static uint64_t capacity_of(const tkt__sale *sale)
{
    uint64_t total = sale->seats;
    for (uint32_t i = 0; i < sale->area_count; i++)
        total += sale->areas[i].capacity;
    return total;
}

/* Booked places of the event, and the bit that search keeps: is anything left that is not booked? */
static int32_t total_move(tkt__tx *tx, tkt_store *store, uint64_t event_id, int64_t by)
{
    uint32_t booked, unused;
    tkt__sale sale;
    int32_t status = area_load(tx, event_id, 0, &booked, &unused);
    if (status != TKT_DONE)
        return status;
    if (by < 0 && (int64_t)booked < -by)
        return tkt__fail(TKT_E_CORRUPT, "event %llu has fewer than 0 booked places", (unsigned long long)event_id);
    uint32_t after = (uint32_t)((int64_t)booked + by);
    status = area_save(tx, event_id, 0, after, 0);
    if (status != TKT_DONE || store->change.availability_flipped == NULL)
        return status;
    status = tkt__sale_load(tx, event_id, &sale);
    if (status != TKT_DONE)
        return status;
    uint64_t capacity = capacity_of(&sale);
    if ((booked < capacity) == (after < capacity))
        return TKT_DONE;
    return store->change.availability_flipped(store->change.user, tx, event_id, after < capacity);
}

/* An event without any place is available: nobody sells it here. */
int32_t tkt__inventory_totals_changed(tkt__tx *tx, tkt_store *store, uint64_t event_id)
{
    uint32_t booked, unused;
    tkt__sale sale;
    if (store->change.availability_flipped == NULL)
        return TKT_DONE;
    int32_t status = area_load(tx, event_id, 0, &booked, &unused);
    if (status == TKT_DONE)
        status = tkt__sale_load(tx, event_id, &sale);
    if (status != TKT_DONE)
        return status;
    uint64_t capacity = capacity_of(&sale);
    return store->change.availability_flipped(store->change.user, tx, event_id,
                                              capacity == 0 || booked < capacity);
}

/* ---- limits -------------------------------------------------------------------------------------------------------- */

int32_t tkt__buyer_allowed(tkt__tx *tx, const tkt__sale *sale, const tkt__claim *claim)
{
    uint8_t prefix[24];
    tkt__cursor *cursor;
    tkt__slice k, v;
    uint64_t have = 0;
    if (sale->per_buyer == 0)
        return TKT_DONE;
    if (tkt__is_zero(claim->buyer_key, TKT_BUYER_BYTES)) {
        const tkt_cause cause = { .kind = TKT_CAUSE_BUYER_ANONYMOUS, .limit = sale->per_buyer };
        tkt__refuse(TKT_OVER_LIMIT, "this event has a limit for each buyer and needs a buyer key");
        tkt__cause(&cause);
        return TKT_OVER_LIMIT;
    }
    tkt__be64(prefix, claim->event_id);
    memcpy(prefix + 8, claim->buyer_key, TKT_BUYER_BYTES);
    int32_t status = tkt__tx_cursor_open(tx, TKT__T_BUYER, &cursor);
    if (status != TKT_DONE)
        return status;
    status = tkt__cursor_seek(cursor, tkt__slice_of(prefix, sizeof prefix), &k, &v);
    while (status == TKT_DONE && k.n == 28 && memcmp(k.p, prefix, sizeof prefix) == 0) {
        tkt__reader r = tkt__reader_of(v);
        uint32_t places = tkt__get_u32(&r), second = tkt__get_u32(&r);
        have += tkt__second_ms(second) > tkt__tx_now(tx) ? places : 0;
        status = tkt__cursor_next(cursor, &k, &v);
    }
    tkt__cursor_close(cursor);
    if (status < 0 || have + tkt__claim_places(claim) <= sale->per_buyer)
        return status < 0 ? status : TKT_DONE;
    const tkt_cause cause = { .kind = TKT_CAUSE_BUYER_LIMIT, .limit = sale->per_buyer, .have = (int64_t)have,
                              .asked = tkt__claim_places(claim) };
    tkt__refuse(TKT_OVER_LIMIT, "a buyer may have %u places of this event", sale->per_buyer);
    tkt__cause(&cause);
    return TKT_OVER_LIMIT;
}

/* ---- the five changes --------------------------------------------------------------------------------------------------- */

/* Everything free, or the refusal with its causes. */
static int32_t look(tkt__tx *tx, const tkt__sale *sale, const tkt__claim *claim)
{
    refusals no = { .count = 0 };
    int32_t status = seats_look(tx, sale, claim, &no);
    if (status == TKT_DONE)
        status = area_look(tx, sale, claim, &no);
    return status == TKT_DONE ? refuse_all(&no) : status;
}

int32_t tkt__inventory_take(tkt__tx *tx, const tkt__sale *sale, const tkt__claim *claim)
{
    const tkt__seat_row held = { TKT__SEAT_RESERVED, claim->expires_s, claim->number };
    int32_t status = look(tx, sale, claim);
    if (status == TKT_DONE)
        status = seats_set(tx, claim, held, FRESH);
    if (status == TKT_DONE)
        status = area_move(tx, claim, 0, 1);
    if (status == TKT_DONE)
        status = deadline_rows(tx, claim, true);
    return status == TKT_DONE ? buyer_row(tx, claim, true, claim->expires_s) : status;
}

int32_t tkt__inventory_move(tkt__tx *tx, tkt__claim *claim, uint32_t expires_s)
{
    const tkt__seat_row held = { TKT__SEAT_RESERVED, expires_s, claim->number };
    if (expires_s == claim->expires_s)
        return TKT_DONE;
    int32_t status = deadline_rows(tx, claim, false);
    claim->expires_s = expires_s;
    if (status == TKT_DONE)
        status = deadline_rows(tx, claim, true);
    if (status == TKT_DONE)
        status = seats_set(tx, claim, held, OWN);
    return status == TKT_DONE ? buyer_row(tx, claim, true, expires_s) : status;
}

static int32_t booked_rows(tkt__tx *tx, tkt_store *store, const tkt__claim *claim, bool fresh)
{
    const tkt__seat_row booked = { TKT__SEAT_BOOKED, TKT__SECOND_NEVER, claim->number };
    int32_t status = seats_set(tx, claim, booked, fresh ? FRESH : OWN);
    if (status == TKT_DONE)
        status = area_move(tx, claim, 1, fresh ? 0 : -1);
    if (status == TKT_DONE)
        status = buyer_row(tx, claim, true, TKT__SECOND_NEVER);
    return status == TKT_DONE ? total_move(tx, store, claim->event_id, tkt__claim_places(claim)) : status;
}

int32_t tkt__inventory_book(tkt__tx *tx, tkt_store *store, const tkt__sale *sale, const tkt__claim *claim)
{
    (void)sale;
    int32_t status = deadline_rows(tx, claim, false);
    return status == TKT_DONE ? booked_rows(tx, store, claim, false) : status;
}

int32_t tkt__inventory_rebook(tkt__tx *tx, tkt_store *store, const tkt__sale *sale, tkt__claim *claim)
{
    int32_t status = TKT_DONE;
    if (claim->state == TKT_HOLD_ACTIVE || claim->state == TKT_HOLD_PINNED) { /* run out, not swept */
        status = tkt__inventory_free(tx, store, claim, false);
        claim->state = TKT_HOLD_EXPIRED;
    }
    if (status == TKT_DONE)
        status = look(tx, sale, claim);
    if (status == TKT_DONE)
        status = tkt__buyer_allowed(tx, sale, claim);
    return status == TKT_DONE ? booked_rows(tx, store, claim, true) : status;
}

int32_t tkt__inventory_free(tkt__tx *tx, tkt_store *store, const tkt__claim *claim, bool booked)
{
    const tkt__seat_row nobody = { TKT__SEAT_FREE, 0, 0 };
    int32_t status = seats_set(tx, claim, nobody, booked ? OWN : LEFT);
    if (status == TKT_DONE)
        status = area_move(tx, claim, booked ? -1 : 0, booked ? 0 : -1);
    if (status == TKT_DONE && !booked)
        status = deadline_rows(tx, claim, false);
    if (status == TKT_DONE)
        status = buyer_row(tx, claim, false, 0);
    if (status == TKT_DONE && booked)
        status = total_move(tx, store, claim->event_id, -(int64_t)tkt__claim_places(claim));
    return status;
}
