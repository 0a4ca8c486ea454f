/* SPDX-License-Identifier: MIT
 *
 * booking/claim.c: the record of a claim: who wants which places of an event, at which locked prices,
 * until when. A hold and the booking that it becomes are one claim; its number is in the seat rows.
 *
 *   CLAIM  event(8) claim(4) →
 *          u8 version = 1, u8 state, u64 user, u64 booking, u64 intent, i64 created,
 *          u32 expires, u32 hold expires, u32 hard cap, u32 pin cap (seconds since 2024),
 *          u32 area, u32 quantity, i64 area price, i64 total, currency(3), secret(16), buyer(16),
 *          u16 n, n × (u32 unit, varint price), units ascending
 *   256 units at the highest price stay below 3,900 B. Records of ended claims stay: a late payment
 *   needs them. Invariant: state ACTIVE or PINNED ⇔ it has an EXPIRY and a DUE row at `expires`.
 */
#include "booking/booking.h"

#define CLAIM_VERSION 1
#define CURRENCY_STORED 3

static void claim_key(uint64_t event_id, uint32_t number, uint8_t key[12])
{
    tkt__be64(key, event_id);
    tkt__be32(key + 8, number);
}

static void read_head(tkt__reader *r, tkt__claim *claim)
{
    claim->state = tkt__get_u8(r);
    claim->user_id = tkt__get_u64(r);
    claim->booking_id = tkt__get_u64(r);
    claim->intent_id = tkt__get_u64(r);
    claim->created_ms = tkt__get_i64(r);
    claim->expires_s = tkt__get_u32(r);
    claim->hold_expires_s = tkt__get_u32(r);
    claim->hard_cap_s = tkt__get_u32(r);
    claim->pin_cap_s = tkt__get_u32(r);
    claim->area_id = tkt__get_u32(r);
    claim->quantity = tkt__get_u32(r);
    claim->area_price_minor = tkt__get_i64(r);
    claim->total_minor = tkt__get_i64(r);
    tkt__slice currency = tkt__get_bytes(r, CURRENCY_STORED);
    tkt__slice secret = tkt__get_bytes(r, sizeof claim->secret);
    tkt__slice buyer = tkt__get_bytes(r, sizeof claim->buyer_key);
    if (r->bad)
        return;
    memset(claim->currency, 0, sizeof claim->currency);
    memcpy(claim->currency, currency.p, CURRENCY_STORED);
    memcpy(claim->secret, secret.p, sizeof claim->secret);
    memcpy(claim->buyer_key, buyer.p, sizeof claim->buyer_key);
}

int32_t tkt__claim_parse(tkt__slice value, uint64_t event_id, uint32_t number, tkt__claim *claim)
{
    tkt__reader r = tkt__reader_of(value);
    uint8_t version = tkt__get_u8(&r);
    claim->event_id = event_id;
    claim->number = number;
    read_head(&r, claim);
    claim->unit_count = tkt__get_u16(&r);
    bool bad = version != CLAIM_VERSION || claim->unit_count > TKT_UNITS_MAX;
    for (uint32_t i = 0; !bad && i < claim->unit_count; i++) {
        claim->units[i] = tkt__get_u32(&r);
        claim->prices[i] = (int64_t)tkt__get_varint(&r);
        bad = r.bad || (i > 0 && claim->units[i] <= claim->units[i - 1]);
    }
    bad = bad || r.bad || r.p != r.end || claim->state < TKT_HOLD_ACTIVE || claim->state > TKT_HOLD_EXPIRED;
    if (bad)
        return tkt__fail(TKT_E_CORRUPT, "claim %u of event %llu is malformed", number,
                         (unsigned long long)event_id);
    return TKT_DONE;
}

int32_t tkt__claim_load(tkt__tx *tx, uint64_t event_id, uint32_t number, tkt__claim *claim)
{
    uint8_t key[12];
    tkt__slice value;
    claim_key(event_id, number, key);
    int32_t status = tkt__tx_get(tx, TKT__T_CLAIM, tkt__slice_of(key, sizeof key), &value);
    return status == TKT_DONE ? tkt__claim_parse(value, event_id, number, claim) : status;
}

static int32_t feed_claim(tkt__tx *tx, const tkt__claim *claim)
{
    uint8_t bytes[9];
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    tkt__put_u32(&w, claim->number);
    tkt__put_u8(&w, (uint8_t)claim->state);
    tkt__put_u32(&w, claim->expires_s);
    return tkt__feed_append(tx, tkt__event_guard(claim->event_id), TKT__F_CLAIM, bytes, w.n);
}

int32_t tkt__claim_save(tkt__tx *tx, const tkt__claim *claim)
{
    uint8_t key[12], bytes[TKT__HOT_VALUE_MAX];
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    tkt__put_u8(&w, CLAIM_VERSION);
    tkt__put_u8(&w, (uint8_t)claim->state);
    tkt__put_u64(&w, claim->user_id);
    tkt__put_u64(&w, claim->booking_id);
    tkt__put_u64(&w, claim->intent_id);
    tkt__put_i64(&w, claim->created_ms);
    tkt__put_u32(&w, claim->expires_s);
    tkt__put_u32(&w, claim->hold_expires_s);
    tkt__put_u32(&w, claim->hard_cap_s);
    tkt__put_u32(&w, claim->pin_cap_s);
    tkt__put_u32(&w, claim->area_id);
    tkt__put_u32(&w, claim->quantity);
    tkt__put_i64(&w, claim->area_price_minor);
    tkt__put_i64(&w, claim->total_minor);
    tkt__put_bytes(&w, claim->currency, CURRENCY_STORED);
    tkt__put_bytes(&w, claim->secret, sizeof claim->secret);
    tkt__put_bytes(&w, claim->buyer_key, sizeof claim->buyer_key);
    tkt__put_u16(&w, (uint16_t)claim->unit_count);
    for (uint32_t i = 0; i < claim->unit_count; i++) {
        tkt__put_u32(&w, claim->units[i]);
        tkt__put_varint(&w, (uint64_t)claim->prices[i]);
    }
    if (w.bad)
        return tkt__fail(TKT_E_INTERNAL, "a claim of %u units does not fit its row", claim->unit_count);
    claim_key(claim->event_id, claim->number, key);
    int32_t status = tkt__tx_put(tx, TKT__T_CLAIM, tkt__slice_of(key, sizeof key), tkt__slice_of(bytes, w.n));
    return status == TKT_DONE ? feed_claim(tx, claim) : status;
}

/* ---- token ------------------------------------------------------------------------------------------- */

void tkt__claim_token(const tkt__claim *claim, uint8_t token[TKT_TOKEN_BYTES])
{
    tkt__be64(token, claim->event_id);
    tkt__be32(token + 8, claim->number);
    memset(token + 12, 0, 4);
    memcpy(token + 16, claim->secret, sizeof claim->secret);
}

uint64_t tkt__token_event(const uint8_t token[TKT_TOKEN_BYTES])
{
    return tkt__get_be64(token);
}

static int32_t no_such_token(void)
{
    const tkt_cause cause = { .kind = TKT_CAUSE_TOKEN };
    tkt__refuse(TKT_NOT_FOUND, "no hold has this token");
    tkt__cause(&cause);
    return TKT_NOT_FOUND;
}

int32_t tkt__claim_by_token(tkt__tx *tx, const uint8_t token[TKT_TOKEN_BYTES], tkt__claim *claim)
{
    uint8_t whole[TKT_TOKEN_BYTES], differs = 0;
    int32_t status = tkt__claim_load(tx, tkt__token_event(token), tkt__get_be32(token + 8), claim);
    if (status == TKT_NOT_FOUND)
        return no_such_token();
    if (status != TKT_DONE)
        return status;
    tkt__claim_token(claim, whole);
    for (size_t i = 0; i < sizeof whole; i++) /* as long for a near miss as for a far one */
        differs |= (uint8_t)(whole[i] ^ token[i]);
    return differs == 0 ? TKT_DONE : no_such_token();
}

/* ---- as now sees it ------------------------------------------------------------------------------------- */

uint32_t tkt__claim_state_at(const tkt__claim *claim, int64_t now_ms)
{
    bool live = claim->state == TKT_HOLD_ACTIVE || claim->state == TKT_HOLD_PINNED;
    return live && tkt__second_ms(claim->expires_s) <= now_ms ? TKT_HOLD_EXPIRED : claim->state;
}

void tkt_hold_init(tkt_hold *hold)
{
    if (hold == NULL)
        return;
    memset(hold, 0, sizeof *hold);
    hold->size = (uint32_t)sizeof *hold;
}

void tkt__claim_to_hold(const tkt__claim *claim, int64_t now_ms, tkt_hold *hold)
{
    tkt_hold_init(hold);
    hold->event_id = claim->event_id;
    hold->user_id = claim->user_id;
    hold->state = tkt__claim_state_at(claim, now_ms);
    if (hold->state == TKT_HOLD_PINNED || hold->state == TKT_HOLD_CONSUMED) {
        hold->booking_id = claim->booking_id;
        hold->intent_id = claim->intent_id;
    }
    hold->expires_ms = tkt__second_ms(claim->expires_s);
    hold->hard_cap_ms = tkt__second_ms(claim->hard_cap_s);
    hold->total_minor = claim->total_minor;
    hold->unit_count = claim->unit_count;
    hold->area_id = claim->area_id;
    hold->quantity = claim->quantity;
    hold->claim = claim->number;
    memcpy(hold->currency, claim->currency, sizeof hold->currency);
    tkt__claim_token(claim, hold->token);
}

int32_t tkt__claim_refusal(const tkt__claim *claim, uint32_t state)
{
    tkt_cause cause = { .kind = 0 };
    int32_t status = TKT_DONE;
    switch (state) {
    case TKT_HOLD_PINNED:
        status = tkt__refuse(TKT_IN_PAYMENT, "a payment for this hold is in flight");
        cause.kind = TKT_CAUSE_HOLD_PINNED;
        cause.id = claim->intent_id;
        cause.earliest_ms = tkt__second_ms(claim->expires_s);
        break;
    case TKT_HOLD_CONSUMED:
        status = tkt__refuse(TKT_CONSUMED, "this hold became booking %llu", (unsigned long long)claim->booking_id);
        cause.kind = TKT_CAUSE_HOLD_CONSUMED;
        cause.id = claim->booking_id;
        break;
    case TKT_HOLD_RELEASED:
        status = tkt__refuse(TKT_RELEASED, "this hold was given back");
        cause.kind = TKT_CAUSE_HOLD_RELEASED;
        break;
    case TKT_HOLD_EXPIRED:
        status = tkt__refuse(TKT_EXPIRED, "the hold's time is over");
        cause.kind = TKT_CAUSE_HOLD_EXPIRED;
        cause.earliest_ms = tkt__second_ms(claim->expires_s);
        break;
    default:
        return TKT_DONE;
    }
    tkt__cause(&cause);
    return status;
}
