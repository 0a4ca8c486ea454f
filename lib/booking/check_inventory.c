/* SPDX-License-Identifier: MIT
 *
 * booking/check_inventory.c: recounts who owns what: claims against seat rows, area counters, deadlines
 * and buyers, in both directions. Reads one snapshot; memory is bounded by the areas of one event.
 */
#include "booking/booking.h"
#include "booking/inventory_rows.h"

#define SUMS_MAX 4096 /* areas of one event that ever had a claim */

typedef struct area_sum {
    uint32_t area, sold, held;
} area_sum;

typedef struct check_ctx {
    tkt__tx *tx;
    tkt__problems *problems;
    tkt__claim claim;    /* the one looked at */
    bool claim_there;
    uint64_t sums_event; /* whose sums these are */
    uint32_t sums_count;
    area_sum *sums;
} check_ctx;

#define ID(x) ((unsigned long long)(x))

/* A record that can't be read is a problem, not a failure. */
static int32_t unreadable(check_ctx *c, int32_t status, const char *rule)
{
    if (tkt_status_primary(status) != TKT_E_CORRUPT)
        return status;
    return tkt__problem(c->problems, rule, "%s", tkt_error_text());
}

/* Whether a claim has its places now: *live or *booked. */
static int32_t standing(check_ctx *c, const tkt__claim *claim, bool *live, bool *booked)
{
    tkt__booking booking;
    *live = claim->state == TKT_HOLD_ACTIVE || claim->state == TKT_HOLD_PINNED;
    *booked = false;
    if (claim->state != TKT_HOLD_CONSUMED)
        return TKT_DONE;
    int32_t status = tkt__booking_load(c->tx, claim->event_id, claim->booking_id, &booking);
    *booked = status == TKT_DONE && booking.state == TKT_BOOKING_CONFIRMED;
    return status == TKT_NOT_FOUND ? TKT_DONE : status; /* the ledger's check names a missing booking */
}

static int32_t row_there(check_ctx *c, uint8_t table, const uint8_t *key, size_t n, tkt__slice *value, bool *there)
{
    int32_t status = tkt__tx_get(c->tx, table, tkt__slice_of(key, n), value);
    *there = status == TKT_DONE;
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

/* ---- from a claim to its rows ------------------------------------------------------------------------- */

static int32_t claim_deadlines(check_ctx *c, const tkt__claim *claim)
{
    uint8_t expiry[16], due[16];
    tkt__slice value, unused;
    bool has_expiry, has_due;
    tkt__be64(expiry, claim->event_id);
    tkt__be32(expiry + 8, claim->expires_s);
    tkt__be32(expiry + 12, claim->number);
    tkt__be32(due, claim->expires_s);
    tkt__be64(due + 4, claim->event_id);
    tkt__be32(due + 12, claim->number);
    int32_t status = row_there(c, TKT__T_EXPIRY, expiry, sizeof expiry, &value, &has_expiry);
    if (status == TKT_DONE)
        status = row_there(c, TKT__T_DUE, due, sizeof due, &unused, &has_due);
    if (status != TKT_DONE)
        return status;
    if (!has_expiry || !has_due)
        return tkt__problem(c->problems, "claim-deadline", "event %llu claim %u: its %s row is missing",
                            ID(claim->event_id), claim->number, has_expiry ? "due" : "expiry");
    tkt__reader r = tkt__reader_of(value);
    uint32_t area = claim->quantity > 0 ? tkt__get_u32(&r) : claim->area_id;
    uint32_t quantity = claim->quantity > 0 ? tkt__get_u32(&r) : 0;
    if (r.bad || r.p != r.end || area != claim->area_id || quantity != claim->quantity)
        return tkt__problem(c->problems, "claim-deadline", "event %llu claim %u: its expiry row names other places",
                            ID(claim->event_id), claim->number);
    return TKT_DONE;
}

static int32_t claim_buyer(check_ctx *c, const tkt__claim *claim, bool booked)
{
    uint8_t key[28];
    tkt__slice value;
    bool there;
    uint32_t until = booked ? TKT__SECOND_NEVER : claim->expires_s;
    if (tkt__is_zero(claim->buyer_key, TKT_BUYER_BYTES))
        return TKT_DONE;
    tkt__be64(key, claim->event_id);
    memcpy(key + 8, claim->buyer_key, TKT_BUYER_BYTES);
    tkt__be32(key + 24, claim->number);
    int32_t status = row_there(c, TKT__T_BUYER, key, sizeof key, &value, &there);
    if (status != TKT_DONE)
        return status;
    tkt__reader r = tkt__reader_of(value);
    if (there && tkt__get_u32(&r) == tkt__claim_places(claim) && tkt__get_u32(&r) == until && !r.bad)
        return TKT_DONE;
    return tkt__problem(c->problems, "claim-buyer", "event %llu claim %u: its buyer row is %s", ID(claim->event_id),
                        claim->number, there ? "wrong" : "missing");
}

static int32_t claim_seats(check_ctx *c, const tkt__claim *claim, tkt__seat_row want)
{
    for (uint32_t i = 0; i < claim->unit_count; i++) {
        uint8_t key[12];
        tkt__slice value;
        bool there;
        tkt__seat_row row = { 0, 0, 0 };
        tkt__be64(key, claim->event_id);
        tkt__be32(key + 8, claim->units[i] >> 6);
        int32_t status = row_there(c, TKT__T_BLOCK, key, sizeof key, &value, &there);
        if (status == TKT_DONE && there && value.n == TKT__BLOCK_BYTES)
            row = tkt__seat_get(value.p, claim->units[i] & 63);
        if (status == TKT_DONE &&
            (row.state != want.state || row.claim != want.claim || row.expires_s != want.expires_s))
            status = tkt__problem(c->problems, "claim-seat",
                                  "event %llu claim %u unit %u: seat has state %u of claim %u, not state %u",
                                  ID(claim->event_id), claim->number, claim->units[i], row.state, row.claim, want.state);
        if (status != TKT_DONE)
            return status;
    }
    return TKT_DONE;
}

static int32_t claim_row(void *user, tkt__slice key, tkt__slice value)
{
    check_ctx *c = user;
    tkt__claim *claim = &c->claim;
    bool live, booked;
    if (key.n != 12)
        return tkt__problem(c->problems, "claim-row", "a claim key of %zu bytes", key.n);
    int32_t status = tkt__claim_parse(value, tkt__get_be64(key.p), tkt__get_be32(key.p + 8), claim);
    if (status == TKT_DONE)
        status = standing(c, claim, &live, &booked);
    if (status != TKT_DONE)
        return unreadable(c, status, "claim-row");
    int64_t total = (int64_t)claim->quantity * claim->area_price_minor;
    for (uint32_t i = 0; i < claim->unit_count; i++)
        total += claim->prices[i];
    if (total != claim->total_minor)
        status = tkt__problem(c->problems, "claim-total", "event %llu claim %u: its prices do not add up",
                              ID(claim->event_id), claim->number);
    if (status == TKT_DONE && live)
        status = claim_deadlines(c, claim);
    if (status == TKT_DONE && (live || booked))
        status = claim_buyer(c, claim, booked);
    if (status != TKT_DONE || (!live && !booked))
        return status;
    if (live && tkt__claim_state_at(claim, tkt__tx_now(c->tx)) == TKT_HOLD_EXPIRED)
        return TKT_DONE; /* others may have taken its seats */
    const tkt__seat_row want = { booked ? TKT__SEAT_BOOKED : TKT__SEAT_RESERVED,
                                 booked ? TKT__SECOND_NEVER : claim->expires_s, claim->number };
    return claim_seats(c, claim, want);
}

/* ---- from the rows to their claim ------------------------------------------------------------------------ */

static int32_t load_claim(check_ctx *c, uint64_t event_id, uint32_t number)
{
    if (c->claim_there && c->claim.event_id == event_id && c->claim.number == number)
        return TKT_DONE;
    int32_t status = tkt__claim_load(c->tx, event_id, number, &c->claim);
    c->claim_there = status == TKT_DONE;
    return status == TKT_NOT_FOUND || tkt_status_primary(status) == TKT_E_CORRUPT ? TKT_DONE : status;
}

static bool has_unit(const tkt__claim *claim, uint32_t unit)
{
    uint32_t low = 0, high = claim->unit_count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (claim->units[mid] == unit)
            return true;
        if (claim->units[mid] < unit)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}

static int32_t seat(check_ctx *c, const tkt__sale *sale, uint64_t event_id, uint32_t unit, tkt__seat_row row)
{
    uint64_t mask = 0;
    uint32_t section;
    bool live = false, booked = false;
    int32_t status = load_claim(c, event_id, row.claim);
    if (status == TKT_DONE && c->claim_there)
        status = standing(c, &c->claim, &live, &booked);
    if (status != TKT_DONE)
        return unreadable(c, status, "seat-claim");
    bool right = c->claim_there && has_unit(&c->claim, unit) &&
                 (row.state == TKT__SEAT_RESERVED ? live && row.expires_s == c->claim.expires_s
                                                  : row.state == TKT__SEAT_BOOKED && booked);
    if (!right)
        status = tkt__problem(c->problems, "seat-claim", "event %llu unit %u: state %u is not what claim %u says",
                              ID(event_id), unit, row.state, row.claim);
    if (status != TKT_DONE || !tkt__seat_taken(row, tkt__tx_now(c->tx)))
        return status;
    status = tkt__chart_block(c->tx, sale, unit >> 6, &mask, &section);
    if (status == TKT_NOT_FOUND || (status == TKT_DONE && (mask >> (unit & 63) & 1) == 0))
        return tkt__problem(c->problems, "seat-chart", "event %llu unit %u is taken and not in its chart", ID(event_id),
                            unit);
    return unreadable(c, status, "seat-chart");
}

static int32_t block_row(void *user, tkt__slice key, tkt__slice value)
{
    check_ctx *c = user;
    tkt__sale sale;
    if (key.n != 12 || value.n != TKT__BLOCK_BYTES)
        return tkt__problem(c->problems, "block-row", "a seat block of %zu + %zu bytes", key.n, value.n);
    uint64_t event_id = tkt__get_be64(key.p);
    uint32_t block = tkt__get_be32(key.p + 8);
    int32_t status = tkt__sale_load(c->tx, event_id, &sale);
    if (status == TKT_NOT_FOUND)
        return tkt__problem(c->problems, "block-row", "event %llu has seat rows and is not there", ID(event_id));
    if (status == TKT_DONE && tkt__is_zero(value.p, value.n))
        status = tkt__problem(c->problems, "block-row", "event %llu block %u: nobody is in it", ID(event_id), block);
    for (uint32_t i = 0; status == TKT_DONE && i < TKT__BLOCK_SEATS; i++) {
        tkt__seat_row row = tkt__seat_get(value.p, i);
        if (row.state != TKT__SEAT_FREE)
            status = seat(c, &sale, event_id, block << 6 | i, row);
    }
    return unreadable(c, status, "block-row");
}

static int32_t expiry_row(void *user, tkt__slice key, tkt__slice value)
{
    check_ctx *c = user;
    (void)value;
    if (key.n != 16)
        return tkt__problem(c->problems, "expiry-row", "an expiry key of %zu bytes", key.n);
    uint64_t event_id = tkt__get_be64(key.p);
    uint32_t second = tkt__get_be32(key.p + 8), number = tkt__get_be32(key.p + 12);
    int32_t status = load_claim(c, event_id, number);
    if (status != TKT_DONE)
        return status;
    bool live = c->claim_there && (c->claim.state == TKT_HOLD_ACTIVE || c->claim.state == TKT_HOLD_PINNED);
    if (live && c->claim.expires_s == second)
        return TKT_DONE;
    return tkt__problem(c->problems, "expiry-claim", "event %llu claim %u does not end at second %u", ID(event_id),
                        number, second);
}

static int32_t due_row(void *user, tkt__slice key, tkt__slice value)
{
    check_ctx *c = user;
    uint8_t expiry[16];
    bool there;
    tkt__slice found;
    (void)value;
    if (key.n != 16)
        return tkt__problem(c->problems, "due-row", "a due key of %zu bytes", key.n);
    memcpy(expiry, key.p + 4, 8);
    memcpy(expiry + 8, key.p, 4);
    memcpy(expiry + 12, key.p + 12, 4);
    int32_t status = row_there(c, TKT__T_EXPIRY, expiry, sizeof expiry, &found, &there);
    if (status != TKT_DONE || there)
        return status;
    return tkt__problem(c->problems, "due-expiry", "event %llu claim %u is due and has no expiry row",
                        ID(tkt__get_be64(key.p + 4)), tkt__get_be32(key.p + 12));
}

static int32_t buyer_row(void *user, tkt__slice key, tkt__slice value)
{
    check_ctx *c = user;
    bool live = false, booked = false;
    (void)value;
    if (key.n != 28)
        return tkt__problem(c->problems, "buyer-row", "a buyer key of %zu bytes", key.n);
    uint64_t event_id = tkt__get_be64(key.p);
    uint32_t number = tkt__get_be32(key.p + 24);
    int32_t status = load_claim(c, event_id, number);
    if (status == TKT_DONE && c->claim_there)
        status = standing(c, &c->claim, &live, &booked);
    if (status != TKT_DONE)
        return unreadable(c, status, "buyer-claim");
    if ((live || booked) && memcmp(c->claim.buyer_key, key.p + 8, TKT_BUYER_BYTES) == 0)
        return TKT_DONE;
    return tkt__problem(c->problems, "buyer-claim", "event %llu claim %u is counted for a buyer and has no places",
                        ID(event_id), number);
}

/* ---- area counters ----------------------------------------------------------------------------------------- */

static int32_t add_sum(check_ctx *c, uint32_t area, uint32_t sold, uint32_t held)
{
    uint32_t i = 0;
    while (i < c->sums_count && c->sums[i].area != area)
        i++;
    if (i == SUMS_MAX)
        return tkt__fail(TKT_E_LIMIT, "event %llu has more than %d areas", ID(c->sums_event), SUMS_MAX);
    if (i == c->sums_count) {
        c->sums[i] = (area_sum){ .area = area };
        c->sums_count++;
    }
    c->sums[i].sold += sold;
    c->sums[i].held += held;
    return TKT_DONE;
}

static int32_t sum_claim(void *user, tkt__slice key, tkt__slice value)
{
    check_ctx *c = user;
    tkt__claim claim;
    bool live, booked;
    int32_t status = tkt__claim_parse(value, c->sums_event, tkt__get_be32(key.p + 8), &claim);
    if (status == TKT_DONE)
        status = standing(c, &claim, &live, &booked);
    if (status != TKT_DONE) /* named by claim_row already */
        return tkt_status_primary(status) == TKT_E_CORRUPT ? TKT_DONE : status;
    if (claim.quantity > 0 && (live || booked))
        status = add_sum(c, claim.area_id, booked ? claim.quantity : 0, live ? claim.quantity : 0);
    if (status == TKT_DONE && booked)
        status = add_sum(c, 0, tkt__claim_places(&claim), 0);
    return status;
}

static int32_t sum_event(check_ctx *c, uint64_t event_id)
{
    uint8_t prefix[8];
    if (c->sums_event == event_id)
        return TKT_DONE;
    c->sums_event = event_id;
    c->sums_count = 0;
    tkt__be64(prefix, event_id);
    return tkt__scan(c->tx, TKT__T_CLAIM, tkt__slice_of(prefix, sizeof prefix), sum_claim, c);
}

static int32_t area_row(void *user, tkt__slice key, tkt__slice value)
{
    check_ctx *c = user;
    tkt__reader r = tkt__reader_of(value);
    uint32_t sold = tkt__get_u32(&r), held = tkt__get_u32(&r), i = 0;
    if (key.n != 12 || r.bad)
        return tkt__problem(c->problems, "area-row", "an area row of %zu + %zu bytes", key.n, value.n);
    uint32_t area = tkt__get_be32(key.p + 8);
    int32_t status = sum_event(c, tkt__get_be64(key.p));
    while (i < c->sums_count && c->sums[i].area != area)
        i++;
    area_sum want = i < c->sums_count ? c->sums[i] : (area_sum){ .area = area };
    if (status == TKT_DONE && (sold != want.sold || held != want.held))
        status = tkt__problem(c->problems, "area-recount", "event %llu area %u: %u sold and %u held, recount %u and %u",
                              ID(c->sums_event), area, sold, held, want.sold, want.held);
    return status;
}

/* The other way: every area that a claim of a counted event needs has its row. Events with no row at all
 * are found from their claims. */
static int32_t claim_counted(void *user, tkt__slice key, tkt__slice value)
{
    check_ctx *c = user;
    tkt__claim claim;
    bool live, booked, there = true;
    tkt__slice found;
    uint8_t area[12];
    if (key.n != 12 || tkt__claim_parse(value, tkt__get_be64(key.p), tkt__get_be32(key.p + 8), &claim) != TKT_DONE)
        return TKT_DONE;
    int32_t status = standing(c, &claim, &live, &booked);
    if (status != TKT_DONE)
        return unreadable(c, status, "area-row");
    memcpy(area, key.p, 8);
    tkt__be32(area + 8, claim.area_id);
    if (claim.quantity > 0 && (live || booked))
        status = row_there(c, TKT__T_AREA, area, sizeof area, &found, &there);
    if (status == TKT_DONE && there && booked) {
        tkt__be32(area + 8, 0);
        status = row_there(c, TKT__T_AREA, area, sizeof area, &found, &there);
    }
    if (status != TKT_DONE || there)
        return status;
    return tkt__problem(c->problems, "area-recount", "event %llu claim %u is not counted", ID(claim.event_id),
                        claim.number);
}

int32_t tkt__check_inventory(tkt_store *store, tkt__tx *tx, tkt__problems *problems)
{
    static const struct {
        uint8_t table;
        tkt__scan_fn fn;
    } walks[] = {
        { TKT__T_CLAIM, claim_row },   { TKT__T_BLOCK, block_row }, { TKT__T_EXPIRY, expiry_row },
        { TKT__T_DUE, due_row },       { TKT__T_BUYER, buyer_row }, { TKT__T_AREA, area_row },
        { TKT__T_CLAIM, claim_counted },
    };
    check_ctx c = { .tx = tx, .problems = problems };
    int32_t status = TKT_DONE;
    c.sums = tkt__alloc(&store->hooks, SUMS_MAX * sizeof *c.sums);
    if (c.sums == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for the recount");
    for (size_t i = 0; status == TKT_DONE && i < sizeof walks / sizeof walks[0]; i++) {
        c.claim_there = false;
        status = tkt__scan(tx, walks[i].table, tkt__slice_of(NULL, 0), walks[i].fn, &c);
    }
    tkt__free(&store->hooks, c.sums, SUMS_MAX * sizeof *c.sums);
    return status;
}
