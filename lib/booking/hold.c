/* SPDX-License-Identifier: MIT
 *
 * booking/hold.c: reserve, replace, release, extend.
 *
 * Each call is one body under the event's guard: idempotency record read first and written last.
 *   result of a record: nonce(8), u32 claim, u8 state, i64 expires: a hold as first answered; what never
 *   changes (token, places, prices) is read from the claim.
 * A crash leaves the whole call with its record, or nothing.
 */
#include "booking/booking.h"

#define RESULT_BYTES (TKT__NONCE_BYTES + 13)

typedef struct hold_ctx {
    tkt_store *store;
    uint64_t event_id;
    uint8_t op;
    uint8_t token[TKT_TOKEN_BYTES]; /* all but reserve */
    uint8_t key[TKT_KEY_BYTES];
    uint8_t fingerprint[TKT__FINGERPRINT_BYTES];
    uint8_t nonce[TKT__NONCE_BYTES];
    int64_t ttl_ms, hard_cap_ms;    /* hard_cap_ms: reserve and replace, a duration */
    bool with_admission;
    uint8_t admission[TKT_ADMISSION_BYTES]; /* reserve and replace */
    tkt__claim wanted;              /* reserve and replace: places, buyer, secret */
    tkt_hold hold;                  /* as the body made it */
    tkt_hold *out;                  /* the caller's; NULL: not asked for */
} hold_ctx;

void tkt_reserve_request_init(tkt_reserve_request *request)
{
    if (request == NULL)
        return;
    memset(request, 0, sizeof *request);
    request->size = (uint32_t)sizeof *request;
}

void tkt_hold_request_init(tkt_hold_request *request)
{
    if (request == NULL)
        return;
    memset(request, 0, sizeof *request);
    request->size = (uint32_t)sizeof *request;
}

/* ---- records of results ----------------------------------------------------------------------------- */

static int32_t remember(tkt__tx *tx, const hold_ctx *c)
{
    uint8_t bytes[RESULT_BYTES];
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    tkt__put_bytes(&w, c->nonce, TKT__NONCE_BYTES);
    tkt__put_u32(&w, c->hold.claim);
    tkt__put_u8(&w, (uint8_t)c->hold.state);
    tkt__put_i64(&w, c->hold.expires_ms);
    return tkt__idem_store(tx, tkt__event_guard(c->event_id), c->op, c->key, c->fingerprint, bytes, w.n);
}

/* The first result again. TKT_NOT_FOUND: there is none, go on. */
static int32_t recall(tkt__tx *tx, hold_ctx *c)
{
    tkt__slice result;
    tkt__claim claim;
    int32_t status = tkt__idem_find(tx, tkt__event_guard(c->event_id), c->op, c->key, c->fingerprint, &result);
    if (status != TKT_REPLAYED)
        return status;
    tkt__reader r = tkt__reader_of(result);
    tkt__slice nonce = tkt__get_bytes(&r, TKT__NONCE_BYTES);
    uint32_t number = tkt__get_u32(&r);
    uint32_t state = tkt__get_u8(&r);
    int64_t expires_ms = tkt__get_i64(&r);
    if (r.bad)
        return tkt__fail(TKT_E_CORRUPT, "an idempotency record is malformed");
    status = tkt__claim_load(tx, c->event_id, number, &claim);
    if (status == TKT_NOT_FOUND)
        return tkt__refuse_missing("event", c->event_id);
    if (status != TKT_DONE)
        return status;
    tkt__claim_to_hold(&claim, tkt__tx_now(tx), &c->hold);
    c->hold.state = state;
    c->hold.expires_ms = expires_ms;
    c->hold.booking_id = c->hold.intent_id = 0;
    if (memcmp(nonce.p, c->nonce, TKT__NONCE_BYTES) == 0)
        return TKT_DONE;
    c->hold.replayed = 1;
    return TKT_REPLAYED;
}

static int32_t finish(tkt__tx *tx, hold_ctx *c, const tkt__claim *claim)
{
    int32_t status = tkt__claim_save(tx, claim);
    tkt__claim_to_hold(claim, tkt__tx_now(tx), &c->hold);
    return status == TKT_DONE ? remember(tx, c) : status;
}

/* ---- reserve ------------------------------------------------------------------------------------------ */

static int32_t not_on_sale(uint32_t kind, int64_t have, int64_t earliest_ms, const char *why)
{
    const tkt_cause cause = { .kind = kind, .have = have, .earliest_ms = earliest_ms };
    tkt__refuse(TKT_NOT_ON_SALE, "%s", why);
    tkt__cause(&cause);
    return TKT_NOT_ON_SALE;
}

static int32_t open_now(tkt__tx *tx, const tkt__sale *sale)
{
    int64_t earliest_ms = 0;
    if (sale->status != TKT_EVENT_SCHEDULED && sale->status != TKT_EVENT_RESCHEDULED)
        return not_on_sale(TKT_CAUSE_EVENT_STATUS, sale->status, 0,
                           sale->status == TKT_EVENT_CANCELLED ? "the event is cancelled" : "the event is postponed");
    uint32_t closed = tkt__sale_closed(sale, tkt__tx_now(tx), &earliest_ms);
    return closed == 0 ? TKT_DONE
                       : not_on_sale(closed, 0, earliest_ms,
                                     closed == TKT_CAUSE_WINDOW_CLOSED ? "the sale has ended" : "the sale is not open yet");
}

/* Adds n × price to the claim's total. A free place with no currency goes with any. */
static int32_t add_price(tkt__claim *claim, const tkt__price *price, uint32_t n, uint32_t unit, uint32_t area_id)
{
    int64_t sum;
    bool free = price->minor == 0 && price->currency[0] == 0;
    if (!free && claim->currency[0] == 0)
        memcpy(claim->currency, price->currency, TKT_CURRENCY_BYTES);
    if (!free && memcmp(claim->currency, price->currency, TKT_CURRENCY_BYTES) != 0) {
        const tkt_cause cause = { .kind = TKT_CAUSE_NO_PRICE, .id = area_id, .unit = unit };
        tkt__refuse(TKT_NOT_ON_SALE, "the places are priced in %s and %s: reserve them apart", claim->currency,
                    price->currency);
        tkt__cause(&cause);
        return TKT_NOT_ON_SALE;
    }
    if (!tkt__mul_i64(price->minor, n, &sum) || !tkt__add_i64(claim->total_minor, sum, &claim->total_minor))
        return tkt__fail(TKT_E_OVERFLOW, "the total does not fit into 64 bits");
    return TKT_DONE;
}

/* Locks the price of every place. Places that do not exist are left to the take, which names them. */
static int32_t lock_prices(tkt__tx *tx, const tkt__sale *sale, tkt__claim *claim)
{
    uint32_t block = 0, section = 0;
    const tkt__price *price = NULL;
    int32_t status = TKT_DONE;
    for (uint32_t i = 0; status == TKT_DONE && i < claim->unit_count; i++) {
        if (price == NULL || claim->units[i] >> 6 != block) {
            uint64_t mask;
            block = claim->units[i] >> 6;
            status = tkt__chart_block(tx, sale, block, &mask, &section);
            if (status == TKT_NOT_FOUND) {
                price = NULL;
                status = TKT_DONE;
                continue;
            }
            price = tkt__sale_price(sale, TKT_SCOPE_SECTION, section);
        }
        claim->prices[i] = price->minor;
        if (status == TKT_DONE)
            status = add_price(claim, price, 1, claim->units[i], 0);
    }
    if (status != TKT_DONE || claim->quantity == 0 || tkt__sale_area(sale, claim->area_id) == NULL)
        return status;
    price = tkt__sale_price(sale, TKT_SCOPE_AREA, claim->area_id);
    claim->area_price_minor = price->minor;
    return add_price(claim, price, claim->quantity, 0, claim->area_id);
}

/* Everything that a new hold needs, the sale loaded and swept before. hard_cap_s 0: from the request. */
static int32_t take_new(tkt__tx *tx, hold_ctx *c, const tkt__sale *sale, uint32_t hard_cap_s, tkt__claim *claim)
{
    int64_t now = tkt__tx_now(tx);
    *claim = c->wanted;
    claim->state = TKT_HOLD_ACTIVE;
    claim->created_ms = now;
    claim->hard_cap_s = hard_cap_s != 0 ? hard_cap_s : tkt__second_of(now + c->hard_cap_ms);
    claim->expires_s = tkt__second_of(now + c->ttl_ms);
    if (claim->expires_s > claim->hard_cap_s)
        claim->expires_s = claim->hard_cap_s;
    claim->hold_expires_s = claim->expires_s;
    int32_t status = lock_prices(tx, sale, claim);
    if (status == TKT_DONE)
        status = tkt__buyer_allowed(tx, sale, claim);
    if (status == TKT_DONE)
        status = tkt__tx_next_serial(tx, tkt__event_guard(c->event_id), &claim->number);
    return status == TKT_DONE ? tkt__inventory_take(tx, sale, claim) : status;
}

static int32_t start_sale(tkt__tx *tx, hold_ctx *c, tkt__sale *sale)
{
    uint32_t swept;
    tkt__guard_row row;
    int32_t status = TKT_DONE;
    /* Read without the user's guard: a user erased at this very moment leaves a hold of theirs, which
     * does no harm. */
    if (c->wanted.user_id != 0)
        status = tkt__user_there(tx, c->wanted.user_id);
    if (status == TKT_NOT_FOUND)
        return tkt__refuse_missing("user", c->wanted.user_id);
    if (status == TKT_DONE)
        status = tkt__sale_load(tx, c->event_id, sale);
    if (status == TKT_NOT_FOUND)
        return tkt__refuse_missing("event", c->event_id);
    if (status == TKT_DONE)
        status = open_now(tx, sale);
    if (status == TKT_DONE)
        status = tkt__admission.may_reserve(tx, c->event_id, c->wanted.buyer_key, c->with_admission ? c->admission : NULL);
    if (status == TKT_DONE)
        status = tkt__tx_guard_row(tx, tkt__event_guard(c->event_id), &row);
    if (status != TKT_DONE || row.serial % TKT__SWEEP_EVERY != 0)
        return status;
    return tkt__inventory_sweep(tx, c->store, c->event_id, TKT__SWEEP_PER_BODY, &swept);
}

static int32_t reserve_body(tkt__tx *tx, void *ctx)
{
    hold_ctx *c = ctx;
    tkt__sale sale;
    tkt__claim claim;
    int32_t status = recall(tx, c);
    if (status != TKT_NOT_FOUND)
        return status;
    status = start_sale(tx, c, &sale);
    if (status == TKT_DONE)
        status = take_new(tx, c, &sale, 0, &claim);
    return status == TKT_DONE ? finish(tx, c, &claim) : status;
}

static int32_t replace_body(tkt__tx *tx, void *ctx)
{
    hold_ctx *c = ctx;
    tkt__sale sale;
    tkt__claim old, claim;
    int32_t status = recall(tx, c);
    if (status != TKT_NOT_FOUND)
        return status;
    status = tkt__claim_by_token(tx, c->token, &old);
    if (status == TKT_DONE)
        status = tkt__claim_refusal(&old, tkt__claim_state_at(&old, tkt__tx_now(tx)));
    if (status == TKT_DONE)
        status = start_sale(tx, c, &sale);
    if (status == TKT_DONE)
        status = tkt__inventory_free(tx, c->store, &old, false);
    old.state = TKT_HOLD_RELEASED;
    if (status == TKT_DONE)
        status = tkt__claim_save(tx, &old);
    if (status == TKT_DONE)
        status = take_new(tx, c, &sale, old.expires_s > old.hard_cap_s ? old.expires_s : old.hard_cap_s, &claim);
    return status == TKT_DONE ? finish(tx, c, &claim) : status;
}

/* ---- release and extend ---------------------------------------------------------------------------------- */

static int32_t release_body(tkt__tx *tx, void *ctx)
{
    hold_ctx *c = ctx;
    tkt__claim claim;
    tkt__tx_use_reserve(tx);
    int32_t status = recall(tx, c);
    if (status != TKT_NOT_FOUND)
        return status;
    status = tkt__claim_by_token(tx, c->token, &claim);
    if (status == TKT_DONE)
        status = tkt__claim_refusal(&claim, tkt__claim_state_at(&claim, tkt__tx_now(tx)));
    if (status == TKT_DONE)
        status = tkt__inventory_free(tx, c->store, &claim, false);
    claim.state = TKT_HOLD_RELEASED;
    return status == TKT_DONE ? finish(tx, c, &claim) : status;
}

static int32_t extend_body(tkt__tx *tx, void *ctx)
{
    hold_ctx *c = ctx;
    tkt__claim claim;
    int32_t status = recall(tx, c);
    if (status != TKT_NOT_FOUND)
        return status;
    status = tkt__claim_by_token(tx, c->token, &claim);
    if (status == TKT_DONE)
        status = tkt__claim_refusal(&claim, tkt__claim_state_at(&claim, tkt__tx_now(tx)));
    if (status != TKT_DONE)
        return status;
    uint32_t until = tkt__second_of(tkt__tx_now(tx) + c->ttl_ms);
    if (until > claim.expires_s && claim.expires_s >= claim.hard_cap_s) {
        const tkt_cause cause = { .kind = TKT_CAUSE_HARD_CAP, .earliest_ms = tkt__second_ms(claim.expires_s) };
        tkt__refuse(TKT_AT_HARD_CAP, "the hold can't live any longer than it does");
        tkt__cause(&cause);
        return TKT_AT_HARD_CAP;
    }
    if (until > claim.hard_cap_s)
        until = claim.hard_cap_s;
    if (until > claim.expires_s) {
        status = tkt__inventory_move(tx, &claim, until);
        claim.hold_expires_s = until;
    }
    return status == TKT_DONE ? finish(tx, c, &claim) : status;
}

/* ---- the door --------------------------------------------------------------------------------------------- */

static int32_t life_in(int64_t given, int64_t otherwise, int64_t *out, const char *what)
{
    if (given < 0 || given > TKT_LIFE_MAX_MS)
        return tkt__fail(TKT_E_INVALID, "%s must be 0 (the default) or 1 ms to 30 days", what);
    *out = given == 0 ? otherwise : given;
    return TKT_DONE;
}

/* Copies the units in ascending order; each once. */
static int32_t units_in(const tkt_reserve_request *request, tkt__claim *claim)
{
    if (request->unit_count > TKT_UNITS_MAX)
        return tkt__fail(TKT_E_LIMIT, "at most %u seats in one hold", TKT_UNITS_MAX);
    if (request->unit_count > 0 && request->units == NULL)
        return tkt__fail(TKT_E_INVALID, "units is NULL");
    for (uint32_t i = 0; i < request->unit_count; i++) {
        uint32_t unit = request->units[i], at = i;
        if (unit == 0)
            return tkt__fail(TKT_E_INVALID, "unit 0 is no seat");
        for (; at > 0 && claim->units[at - 1] >= unit; at--) {
            if (claim->units[at - 1] == unit)
                return tkt__fail(TKT_E_INVALID, "unit %u is asked for twice", unit);
            claim->units[at] = claim->units[at - 1];
        }
        claim->units[at] = unit;
    }
    claim->unit_count = request->unit_count;
    return TKT_DONE;
}

static int32_t places_in(const tkt_reserve_request *request, tkt__claim *claim)
{
    int32_t status = units_in(request, claim);
    if (status != TKT_DONE)
        return status;
    if ((request->area_id == 0) != (request->quantity == 0))
        return tkt__fail(TKT_E_INVALID, "area_id and quantity come together");
    if (request->quantity > TKT_QUANTITY_MAX || request->unit_count + request->quantity > TKT_QUANTITY_MAX)
        return tkt__fail(TKT_E_LIMIT, "at most %u places in one hold", TKT_QUANTITY_MAX);
    if (request->unit_count == 0 && request->quantity == 0)
        return tkt__fail(TKT_E_INVALID, "nothing is asked for: name seats, or an area and a quantity");
    claim->area_id = request->area_id;
    claim->quantity = request->quantity;
    return TKT_DONE;
}

/* The canonical request, for the fingerprint. */
static void fingerprint(hold_ctx *c)
{
    uint8_t bytes[128 + 4 * TKT_UNITS_MAX];
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    tkt__put_u64(&w, c->event_id);
    tkt__put_bytes(&w, c->token, sizeof c->token);
    tkt__put_i64(&w, c->ttl_ms);
    tkt__put_i64(&w, c->hard_cap_ms);
    tkt__put_u64(&w, c->wanted.user_id);
    tkt__put_u32(&w, c->wanted.area_id);
    tkt__put_u32(&w, c->wanted.quantity);
    tkt__put_bytes(&w, c->wanted.buyer_key, TKT_BUYER_BYTES);
    for (uint32_t i = 0; i < c->wanted.unit_count; i++)
        tkt__put_u32(&w, c->wanted.units[i]);
    tkt__fingerprint(bytes, w.n, c->fingerprint);
}

static int32_t reserve_in(tkt_store *store, const tkt_reserve_request *given, tkt_reserve_request *request, hold_ctx *c)
{
    int32_t status = tkt__store_writable(store);
    if (status == TKT_DONE)
        /* Programs from before there were waiting rooms know it without its last member. */
        status = tkt__struct_in(request, sizeof *request, given, offsetof(tkt_reserve_request, admission), "tkt_reserve_request");
    if (status == TKT_DONE && (request->reserved != 0 || request->reserved_pointer != NULL))
        status = tkt__fail(TKT_E_INVALID, "tkt_reserve_request: reserved members must be 0");
    if (status == TKT_DONE)
        status = tkt__flags_check(request->flags);
    if (status == TKT_DONE)
        status = tkt__id_check(request->event_id, "event");
    if (status == TKT_DONE && request->user_id != 0)
        status = tkt__id_check(request->user_id, "user");
    if (status == TKT_DONE)
        status = life_in(request->ttl_ms, TKT_TTL_MS, &c->ttl_ms, "ttl_ms");
    if (status == TKT_DONE)
        status = life_in(request->hard_cap_ms, c->ttl_ms > TKT_HARD_CAP_MS ? c->ttl_ms : TKT_HARD_CAP_MS,
                         &c->hard_cap_ms, "hard_cap_ms");
    if (status == TKT_DONE)
        status = places_in(request, &c->wanted);
    if (status != TKT_DONE)
        return status;
    c->store = store;
    c->event_id = c->wanted.event_id = request->event_id;
    c->wanted.user_id = request->user_id;
    memcpy(c->wanted.buyer_key, request->buyer_key, TKT_BUYER_BYTES);
    c->with_admission = request->admission != NULL;
    if (c->with_admission)
        memcpy(c->admission, request->admission, sizeof c->admission);
    return tkt__random(&store->hooks, c->wanted.secret, sizeof c->wanted.secret);
}

/* The last of what comes before the body. */
static int32_t ready(hold_ctx *c, const uint8_t *key, tkt_hold *hold, bool optional)
{
    if (hold == NULL && !optional)
        return tkt__fail(TKT_E_INVALID, "hold is NULL");
    if (hold != NULL && hold->size < sizeof *hold)
        return tkt__fail(TKT_E_INVALID, "tkt_hold: size is %u, at least %zu", hold->size, sizeof *hold);
    c->out = hold;
    fingerprint(c);
    int32_t status = tkt__idem_key(c->store, key, c->key);
    return status == TKT_DONE ? tkt__random(&c->store->hooks, c->nonce, sizeof c->nonce) : status;
}

static int32_t finish_call(void *call, int32_t status)
{
    const hold_ctx *c = call;
    if (!TKT_IS_EFFECT(status) || c->out == NULL)
        return status;
    int32_t out = tkt__struct_out(c->out, &c->hold, sizeof c->hold, sizeof c->hold, "tkt_hold");
    return out != TKT_DONE ? out : status;
}

static int32_t run(hold_ctx *c, uint32_t flags, tkt__body body)
{
    const tkt__guard guard = tkt__event_guard(c->event_id);
    return finish_call(c, tkt__store_run(c->store, &guard, 1, flags, body, c));
}

/* The call moves into the arena as it stands. */
static int32_t command_of(const hold_ctx *c, uint32_t flags, tkt__body body, tkt__arena *arena, tkt__command *command)
{
    int32_t status = tkt__no_dry_run(flags);
    if (status != TKT_DONE)
        return status;
    *command = (tkt__command){ .guard = tkt__event_guard(c->event_id), .body = body, .finish = finish_call,
                               .call = tkt__arena_copy(arena, c, sizeof *c) };
    return command->call != NULL ? TKT_DONE : tkt__fail(TKT_E_NOMEM, "no memory for a command");
}

static int32_t reserve_ready(tkt_store *store, const tkt_reserve_request *request, tkt_hold *hold, hold_ctx *c,
                             uint32_t *flags)
{
    tkt_reserve_request in;
    int32_t status = reserve_in(store, request, &in, c);
    if (status != TKT_DONE)
        return status;
    *flags = in.flags;
    return ready(c, in.key, hold, false);
}

int32_t tkt_reserve(tkt_store *store, const tkt_reserve_request *request, tkt_hold *hold)
{
    hold_ctx c = { .op = TKT__OP_RESERVE };
    uint32_t flags;
    int32_t status = reserve_ready(store, request, hold, &c, &flags);
    return status == TKT_DONE ? run(&c, flags, reserve_body) : status;
}

int32_t tkt__reserve_command(tkt_store *store, const tkt_reserve_request *request, tkt_hold *hold, tkt__arena *arena,
                             tkt__command *command)
{
    hold_ctx c = { .op = TKT__OP_RESERVE };
    uint32_t flags;
    int32_t status = reserve_ready(store, request, hold, &c, &flags);
    return status == TKT_DONE ? command_of(&c, flags, reserve_body, arena, command) : status;
}

int32_t tkt_replace(tkt_store *store, const uint8_t token[TKT_TOKEN_BYTES], const tkt_reserve_request *request,
                    tkt_hold *hold)
{
    tkt_reserve_request in;
    hold_ctx c = { .op = TKT__OP_REPLACE };
    if (token == NULL)
        return tkt__fail(TKT_E_INVALID, "token is NULL");
    int32_t status = reserve_in(store, request, &in, &c);
    if (status != TKT_DONE)
        return status;
    if (tkt__token_event(token) != in.event_id)
        return tkt__fail(TKT_E_INVALID, "the hold to be replaced is of another event");
    memcpy(c.token, token, TKT_TOKEN_BYTES);
    status = ready(&c, in.key, hold, false);
    return status == TKT_DONE ? run(&c, in.flags, replace_body) : status;
}

static int32_t token_ready(tkt_store *store, const tkt_hold_request *request, uint8_t op, tkt_hold *hold, hold_ctx *c,
                           uint32_t *flags)
{
    tkt_hold_request in;
    *c = (hold_ctx){ .op = op };
    int32_t status = tkt__store_writable(store);
    if (status == TKT_DONE)
        status = tkt__struct_in(&in, sizeof in, request, sizeof in, "tkt_hold_request");
    if (status == TKT_DONE)
        status = tkt__flags_check(in.flags);
    if (status == TKT_DONE)
        status = life_in(op == TKT__OP_EXTEND ? in.ttl_ms : 0, TKT_TTL_MS, &c->ttl_ms, "ttl_ms");
    if (status != TKT_DONE)
        return status;
    *flags = in.flags;
    c->store = store;
    c->event_id = tkt__token_event(in.token);
    memcpy(c->token, in.token, TKT_TOKEN_BYTES);
    return ready(c, in.key, hold, true);
}

static tkt__body body_of(uint8_t op)
{
    return op == TKT__OP_EXTEND ? extend_body : release_body;
}

static int32_t token_call(tkt_store *store, const tkt_hold_request *request, uint8_t op, tkt_hold *hold)
{
    hold_ctx c;
    uint32_t flags;
    int32_t status = token_ready(store, request, op, hold, &c, &flags);
    return status == TKT_DONE ? run(&c, flags, body_of(op)) : status;
}

int32_t tkt__hold_command(tkt_store *store, const tkt_hold_request *request, uint8_t op, tkt_hold *hold, tkt__arena *arena,
                          tkt__command *command)
{
    hold_ctx c;
    uint32_t flags;
    int32_t status = token_ready(store, request, op, hold, &c, &flags);
    return status == TKT_DONE ? command_of(&c, flags, body_of(op), arena, command) : status;
}

int32_t tkt_release(tkt_store *store, const tkt_hold_request *request, tkt_hold *hold)
{
    return token_call(store, request, TKT__OP_RELEASE, hold);
}

int32_t tkt_extend(tkt_store *store, const tkt_hold_request *request, tkt_hold *hold)
{
    return token_call(store, request, TKT__OP_EXTEND, hold);
}
