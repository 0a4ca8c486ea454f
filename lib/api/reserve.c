/* SPDX-License-Identifier: MIT
 *
 * api/reserve.c: reservations: take places, look at them, extend, take others instead, give them back.
 *
 * Whoever has the hold token owns the hold; the caller's buyer key and user are those that the host made out, and no
 * member of a body can name another's, save for staff. Each call is one call of the library, so its idempotency key
 * covers it whole; the answer is read after it, from a snapshot that sees it.
 */
#include "api/api.h"
#include "base/json.h"

static const char *const hold_words[] = { "unknown", "active", "in_payment", "booked", "released", "expired" };

/* ---- answers ---------------------------------------------------------------------------------------------------------------- */

/* The names of seats, one by one. */
static void places_out(tkt__call *c, uint64_t event_id, const uint32_t *units, uint32_t n)
{
    tkt__json *j = &c->json;
    tkt__json_array(j, "seats");
    for (uint32_t i = 0; i < n; i++) {
        tkt_seat seat = { .size = sizeof seat };
        tkt__json_object(j, NULL);
        tkt__json_u64(j, "unit", units[i]);
        if (tkt_unit_view(c->snapshot, event_id, units[i], &seat) == TKT_DONE) {
            tkt__json_string(j, "section", seat.section_name);
            tkt__json_string(j, "row", seat.row);
            tkt__json_string(j, "label", seat.label);
        }
        tkt__json_object_end(j);
    }
    tkt__json_array_end(j);
}

static bool is_dry(const tkt__call *c)
{
    const tkt__param *p = tkt__param_of(c, "dryRun");
    bool looks = tkt__text_is(c->request->method, "GET") || tkt__text_is(c->request->method, "HEAD");
    return !looks && p != NULL && (tkt__text_is(p->value, "true") || tkt__text_is(p->value, "1"));
}

/* `tried`: the request of a dry run, which made no hold: the seats that it would have. No dry run tells a token. */
static void hold_out(tkt__call *c, const tkt_hold *hold, const tkt_reserve_request *tried)
{
    char token[64];
    uint32_t units[TKT_UNITS_MAX];
    size_t n = 0;
    tkt__json *j = &c->json;
    tkt_token_format(hold->token, token);
    if (tried != NULL) {
        n = tried->unit_count;
        memcpy(units, tried->units, n * sizeof *units);
    } else if (tkt_hold_units(c->snapshot, hold->token, units, TKT_UNITS_MAX, &n) != TKT_DONE)
        n = 0;
    tkt__json_object(j, NULL);
    if (is_dry(c))
        tkt__json_bool(j, "dryRun", true);
    else
        tkt__json_string(j, "holdToken", (tkt_text){ token, sizeof token });
    tkt__json_u64(j, "eventId", hold->event_id);
    tkt__json_word(j, "state", hold_words[hold->state <= TKT_HOLD_EXPIRED ? hold->state : 0]);
    if (hold->expires_ms != INT64_MAX) /* booked: never */
        tkt__json_instant(j, "expires", hold->expires_ms);
    tkt__json_instant(j, "hardCap", hold->hard_cap_ms);
    tkt__json_instant(j, "now", tkt_snapshot_now(c->snapshot));
    tkt__json_money(j, "total", hold->total_minor, hold->currency);
    places_out(c, hold->event_id, units, (uint32_t)n);
    if (hold->area_id != 0) {
        tkt__json_u64(j, "areaId", hold->area_id);
        tkt__json_u64(j, "quantity", hold->quantity);
    }
    if (hold->booking_id != 0)
        tkt__json_u64(j, "bookingId", hold->booking_id);
    tkt__json_object_end(j);
}

static uint32_t answer_hold(tkt__call *c, int32_t status, const tkt_hold *hold, uint32_t http, const tkt_reserve_request *tried)
{
    if (!TKT_IS_EFFECT(status))
        return tkt__problem_of(c, status);
    if (!tkt__read(c))
        return c->response->status;
    tkt__answer_json(c);
    hold_out(c, hold, tried);
    if (status == TKT_REPLAYED)
        tkt__header_static(c, "Idempotency-Replayed", "true");
    tkt__header_static(c, "Cache-Control", "no-store");
    bool placed = http == 201 || tkt__text_is(c->request->method, "PUT"); /* a hold that replaces another has a new token */
    if (placed && !is_dry(c)) {
        char token[64];
        tkt_token_format(hold->token, token);
        tkt__header_format(c, "Location", "%s/reservations/%.64s", c->api->base, token);
    }
    return tkt__answered(c, http, TKT__JSON_TYPE);
}

/* ---- what is asked for --------------------------------------------------------------------------------------------------------- */

static bool unit_in(tkt__call *c, yajl_val v, uint32_t *unit)
{
    int64_t value = 0;
    tkt_text text = tkt__json_text(v);
    bool good = YAJL_IS_STRING(v) ? tkt__whole_number(text.ptr, text.len, &value) : tkt__number_of(v, &value);
    *unit = (uint32_t)value;
    if (!good || value < 1 || value > UINT32_MAX)
        tkt__problem_say(c, 400, "bad_value", "ticketId is the number of a seat, or an array of them");
    return good && value >= 1 && value <= UINT32_MAX;
}

static bool units_in(tkt__call *c, uint32_t units[TKT_UNITS_MAX], uint32_t *n)
{
    yajl_val v = tkt__member(c, "ticketId");
    *n = 0;
    if (v == NULL || YAJL_IS_NULL(v))
        return true;
    if (!YAJL_IS_ARRAY(v))
        return unit_in(c, v, &units[(*n)++]);
    if (v->u.array.len > TKT_UNITS_MAX) {
        tkt__problem_say(c, 400, "bad_value", "at most %u seats at once", TKT_UNITS_MAX);
        return false;
    }
    for (size_t i = 0; i < v->u.array.len; i++)
        if (!unit_in(c, v->u.array.values[i], &units[(*n)++]))
            return false;
    return true;
}

static bool dry_in(tkt__call *c, uint32_t *flags)
{
    const tkt__param *p = tkt__param_of(c, "dryRun");
    if (is_dry(c))
        *flags |= TKT_DRY_RUN;
    else if (p != NULL && !tkt__text_is(p->value, "false") && !tkt__text_is(p->value, "0")) {
        tkt__problem_say(c, 400, "bad_value", "dryRun is true or false");
        return false;
    }
    return true;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The life of a hold: the public gets at most what the host set. */
static bool ttl_in(tkt__call *c, int64_t *ttl_ms)
{
    int64_t seconds = c->api->options.ttl_ms / 1000;
    if (!tkt__member_i64(c, "ttlSeconds", 1, TKT_LIFE_MAX_MS / 1000, &seconds))
        return false;
    int64_t asked = tkt__member(c, "ttlSeconds") != NULL ? seconds * 1000 : c->api->options.ttl_ms;
    *ttl_ms = tkt__is_staff(c) ? asked : least(asked, c->api->options.ttl_ms);
    return true;
}

bool tkt__reserve_in(tkt__call *c, const char *operation, tkt_reserve_request *request, uint32_t units[TKT_UNITS_MAX])
{
    int64_t area = 0, quantity = 0, user = (int64_t)c->caller.user_id;
    tkt_reserve_request_init(request);
    if (!units_in(c, units, &request->unit_count) || !tkt__member_i64(c, "areaId", 1, UINT32_MAX, &area) ||
        !tkt__member_i64(c, "quantity", 1, TKT_QUANTITY_MAX, &quantity) || !ttl_in(c, &request->ttl_ms) ||
        !dry_in(c, &request->flags))
        return false;
    if (tkt__is_staff(c) && !tkt__member_i64(c, "userId", 1, (INT64_C(1) << 53) - 1, &user))
        return false;
    request->event_id = c->id;
    request->units = request->unit_count > 0 ? units : NULL;
    request->area_id = (uint32_t)area;
    request->quantity = (uint32_t)quantity;
    request->user_id = (uint64_t)user;
    memcpy(request->buyer_key, c->caller.buyer_key, TKT_BUYER_BYTES);
    tkt_text admission = tkt__request_header(c, "admission");
    if (admission.len > 0 && tkt_admission_parse(admission.ptr, admission.len, c->admission) == TKT_DONE)
        request->admission = c->admission; /* one that is none is as good as none: the refusal says why */
    return tkt__request_key(c, operation, request->key);
}

/* ---- calls ------------------------------------------------------------------------------------------------------------------------ */

uint32_t tkt__post_reservation(tkt__call *c)
{
    tkt_reserve_request request;
    uint32_t units[TKT_UNITS_MAX];
    tkt_hold hold;
    tkt_hold_init(&hold);
    if (!tkt__reserve_in(c, "reserve", &request, units))
        return c->response->status;
    int32_t status = tkt_reserve(c->api->store, &request, &hold);
    bool tried = (request.flags & TKT_DRY_RUN) != 0 && status == TKT_DONE;
    return answer_hold(c, status, &hold, (request.flags & TKT_DRY_RUN) != 0 ? 200 : 201, tried ? &request : NULL);
}

uint32_t tkt__get_reservation(tkt__call *c)
{
    tkt_hold hold;
    tkt_hold_init(&hold);
    if (!tkt__read(c))
        return c->response->status;
    return answer_hold(c, tkt_hold_view(c->snapshot, c->token, &hold), &hold, 200, NULL);
}

/* Other places of the same event in one step. */
uint32_t tkt__put_reservation(tkt__call *c)
{
    tkt_reserve_request request;
    uint32_t units[TKT_UNITS_MAX];
    tkt_hold hold;
    tkt_hold_init(&hold);
    c->id = tkt__get_be64(c->token); /* the event that the token names (base.h) */
    if (!tkt__reserve_in(c, "replace", &request, units))
        return c->response->status;
    int32_t status = tkt_replace(c->api->store, c->token, &request, &hold);
    bool tried = (request.flags & TKT_DRY_RUN) != 0 && status == TKT_DONE;
    return answer_hold(c, status, &hold, 200, tried ? &request : NULL);
}

static bool hold_request_in(tkt__call *c, const char *operation, tkt_hold_request *request)
{
    tkt_hold_request_init(request);
    memcpy(request->token, c->token, sizeof request->token);
    return dry_in(c, &request->flags) && tkt__request_key(c, operation, request->key);
}

uint32_t tkt__delete_reservation(tkt__call *c)
{
    tkt_hold_request request;
    tkt_hold hold;
    tkt_hold_init(&hold);
    if (!hold_request_in(c, "release", &request))
        return c->response->status;
    return answer_hold(c, tkt_release(c->api->store, &request, &hold), &hold, 200, NULL);
}

uint32_t tkt__post_extend(tkt__call *c)
{
    tkt_hold_request request;
    tkt_hold hold;
    tkt_hold_init(&hold);
    if (!hold_request_in(c, "extend", &request) || !ttl_in(c, &request.ttl_ms))
        return c->response->status;
    return answer_hold(c, tkt_extend(c->api->store, &request, &hold), &hold, 200, NULL);
}
