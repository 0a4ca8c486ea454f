/* SPDX-License-Identifier: MIT
 *
 * api/booking.c: from a hold to tickets: confirm, the contract's one call that reserves and pays, bookings and tickets of
 * who owns them, cancel and refund by staff, payment news.
 *
 * A booking is its owner's: of the hold token that it came from (header Hold-Token), of the user, or of the buyer key.
 * For anybody else it is not there: 404, as for a number that was never given out.
 */
#include "api/api.h"
#include "base/json.h"

#define LIST_MOST 100

static const char *const booking_words[] = { "unknown", "awaiting_payment", "confirmed", "cancelled", "failed", "refund_due" };

/* ---- answers ------------------------------------------------------------------------------------------------------------------ */

static void ticket_out(tkt__call *c, const tkt_ticket *t)
{
    tkt__json *j = &c->json;
    char code[TKT_CODE_TEXT];
    tkt_seat seat = { .size = sizeof seat };
    tkt_code_format(t->code, code);
    tkt__json_object(j, NULL);
    tkt__json_u64(j, "id", t->id);
    tkt__json_word(j, "state", t->state == TKT_TICKET_ISSUED ? "issued" : "void");
    tkt__json_string(j, "code", (tkt_text){ code, sizeof code });
    if (t->unit != 0) {
        tkt__json_u64(j, "unit", t->unit);
        if (tkt_unit_view(c->snapshot, t->event_id, t->unit, &seat) == TKT_DONE) {
            tkt__json_string(j, "section", seat.section_name);
            tkt__json_string(j, "row", seat.row);
            tkt__json_string(j, "label", seat.label);
        }
    } else
        tkt__json_u64(j, "areaId", t->area_id);
    tkt__json_money(j, "price", t->price_minor, t->currency);
    tkt__json_object_end(j);
}

static void booking_out(tkt__call *c, const tkt_booking *b)
{
    tkt__json *j = &c->json;
    tkt__json_object(j, NULL);
    tkt__json_u64(j, "bookingId", b->id);
    tkt__json_u64(j, "eventId", b->event_id);
    tkt__json_word(j, "state", booking_words[b->state <= TKT_BOOKING_REFUND_DUE ? b->state : 0]);
    tkt__json_instant(j, "created", b->created_ms);
    tkt__json_money(j, "total", b->total_minor, b->currency);
    tkt__json_i64(j, "capturedMinor", b->captured_minor);
    tkt__json_i64(j, "refundedMinor", b->refunded_minor);
    if (tkt__is_staff(c) && b->intent_id != 0)
        tkt__json_u64(j, "intentId", b->intent_id);
    tkt__json_array(j, "tickets");
    for (uint32_t i = 0; b->first_ticket != 0 && i < b->ticket_count; i++) {
        tkt_ticket ticket;
        tkt_ticket_init(&ticket);
        if (tkt_ticket_view(c->snapshot, b->first_ticket + i, &ticket) == TKT_DONE)
            ticket_out(c, &ticket);
    }
    tkt__json_array_end(j);
    tkt__json_object_end(j);
}

static void say_again(tkt__call *c, bool replayed)
{
    if (replayed)
        tkt__header_static(c, "Idempotency-Replayed", "true");
}

/* `b` names the booking; what is told of it is read anew. */
static uint32_t answer_booking(tkt__call *c, int32_t status, const tkt_booking *b, uint32_t http)
{
    tkt_booking now;
    if (!TKT_IS_EFFECT(status)) {
        uint32_t refused = tkt__problem_of(c, status);
        say_again(c, b->replayed != 0);
        return refused;
    }
    if (!tkt__read(c))
        return c->response->status;
    tkt_booking_init(&now);
    int32_t found = tkt_booking_view(c->snapshot, b->id, &now);
    if (found != TKT_DONE && b->id != 0 && found != TKT_NOT_FOUND)
        return tkt__problem_of(c, found);
    tkt__answer_json(c);
    booking_out(c, found == TKT_DONE ? &now : b);
    say_again(c, status == TKT_REPLAYED || b->replayed != 0);
    tkt__header_static(c, "Cache-Control", "no-store");
    if (http == 201)
        tkt__header_format(c, "Location", "%s/bookings/%llu", c->api->base, (unsigned long long)b->id);
    return tkt__answered(c, status == TKT_PENDING ? 202 : http, TKT__JSON_TYPE);
}

/* ---- payment details ------------------------------------------------------------------------------------------------------------- */

static void value_out(tkt__json *j, const char *key, yajl_val v)
{
    if (YAJL_IS_OBJECT(v)) {
        tkt__json_object(j, key);
        for (size_t i = 0; i < v->u.object.len; i++)
            value_out(j, v->u.object.keys[i], v->u.object.values[i]);
        tkt__json_object_end(j);
    } else if (YAJL_IS_ARRAY(v)) {
        tkt__json_array(j, key);
        for (size_t i = 0; i < v->u.array.len; i++)
            value_out(j, NULL, v->u.array.values[i]);
        tkt__json_array_end(j);
    } else if (YAJL_IS_STRING(v))
        tkt__json_string(j, key, tkt__json_text(v));
    else if (YAJL_IS_NUMBER(v))
        tkt__json_number(j, key, YAJL_GET_NUMBER(v));
    else if (YAJL_IS_TRUE(v) || YAJL_IS_FALSE(v))
        tkt__json_bool(j, key, YAJL_IS_TRUE(v));
    else
        tkt__json_null(j, key);
}

/* What the host's charge gets: a string as it is, anything else as JSON text. Nothing of it is kept. */
static tkt_text details_in(tkt__call *c, tkt__buffer *to)
{
    tkt__json j;
    yajl_val v = tkt__member(c, "paymentDetails");
    *to = (tkt__buffer){ .hooks = &c->api->store->hooks };
    if (v == NULL || YAJL_IS_NULL(v))
        return (tkt_text){ NULL, 0 };
    if (YAJL_IS_STRING(v))
        return tkt__json_text(v);
    tkt__json_begin(&j, to);
    value_out(&j, NULL, v);
    tkt__json_end(&j);
    return (tkt_text){ to->p, to->n };
}

/* ---- confirm ------------------------------------------------------------------------------------------------------------------------ */

static bool confirm_in(tkt__call *c, tkt_confirm_request *request)
{
    yajl_val taken = tkt__member(c, "moneyTaken");
    tkt_confirm_request_init(request);
    if (taken != NULL && !YAJL_IS_TRUE(taken) && !YAJL_IS_FALSE(taken) && !YAJL_IS_NULL(taken)) {
        tkt__problem_say(c, 400, "bad_value", "moneyTaken is true or false");
        return false;
    }
    if (taken != NULL && YAJL_IS_TRUE(taken)) {
        if (!tkt__is_staff(c)) {
            tkt__problem_say(c, 403, "forbidden", "only staff can say that the money was taken");
            return false;
        }
        request->flags |= TKT_MONEY_TAKEN;
    }
    memcpy(request->token, c->token, sizeof request->token);
    return tkt__request_key(c, "confirm", request->key);
}

static uint32_t confirm(tkt__call *c, tkt_booking *booking, int32_t *status)
{
    tkt_confirm_request request;
    tkt__buffer details;
    tkt_booking_init(booking);
    if (!confirm_in(c, &request))
        return c->response->status;
    request.details = details_in(c, &details);
    if (details.failed)
        *status = tkt__fail(TKT_E_NOMEM, "no memory for payment details");
    else
        *status = tkt_confirm(c->api->store, &request, booking);
    tkt__buffer_free(&details);
    return 0;
}

uint32_t tkt__post_confirm(tkt__call *c)
{
    static const char *const known[] = { "paymentDetails", "moneyTaken", NULL };
    tkt_booking booking;
    int32_t status = TKT_DONE;
    if (!tkt__members_are(c, known) || confirm(c, &booking, &status) != 0)
        return c->response->status;
    return answer_booking(c, status, &booking, 201);
}

/* ---- the contract's call: reserve and pay ------------------------------------------------------------------------------------------- */

/* Nobody knows the hold of a call that was refused: it goes back at once. The refusal stays the answer; of a decline, which
 * says that the hold lives on, what is true now. */
static uint32_t give_back(tkt__call *c, uint32_t http, bool replayed)
{
    tkt_hold_request release;
    tkt_hold_request_init(&release);
    memcpy(release.token, c->token, sizeof release.token);
    tkt_release(c->api->store, &release, NULL);
    if (http != 402)
        return http;
    tkt__problem_say(c, 402, "declined", "the payment was refused, and the places are free for others again");
    say_again(c, replayed);
    return http;
}

uint32_t tkt__post_booking(tkt__call *c)
{
    tkt_reserve_request request;
    tkt_booking booking;
    tkt_hold hold;
    uint32_t units[TKT_UNITS_MAX];
    char token[64];
    tkt_hold_init(&hold);
    if (!tkt__reserve_in(c, "book", &request, units))
        return c->response->status;
    if ((request.flags & TKT_DRY_RUN) != 0)
        return tkt__problem_say(c, 400, "bad_value", "a booking has no dry run: reserve with one");
    int32_t status = tkt_reserve(c->api->store, &request, &hold);
    if (!TKT_IS_EFFECT(status))
        return tkt__problem_of(c, status);
    memcpy(c->token, hold.token, sizeof c->token);
    if (confirm(c, &booking, &status) != 0)
        return hold.replayed == 0 ? give_back(c, c->response->status, false) : c->response->status;
    uint32_t http = answer_booking(c, status, &booking, 201);
    /* What another call of the same key made is that call's, until its payment is known to have failed. */
    bool ours = hold.replayed == 0 || status == TKT_DECLINED;
    if (ours && ((http >= 400 && http < 500) || tkt_status_primary(status) == TKT_E_NO_PAYMENT))
        return give_back(c, http, booking.replayed != 0);
    if (http < 300) { /* of any other failure the hold stays: the same key tries again */
        tkt_token_format(hold.token, token);
        tkt__header_format(c, "Hold-Token", "%.64s", token);
    }
    return http;
}

/* ---- reading ---------------------------------------------------------------------------------------------------------------------------- */

static bool owns(tkt__call *c, const tkt_booking *b)
{
    tkt_text text = tkt__request_header(c, "hold-token");
    uint8_t token[TKT_TOKEN_BYTES];
    tkt_hold hold;
    tkt_hold_init(&hold);
    if (tkt__is_staff(c) || (b->user_id != 0 && b->user_id == c->caller.user_id))
        return true;
    if (!tkt__is_zero(b->buyer_key, TKT_BUYER_BYTES) && memcmp(b->buyer_key, c->caller.buyer_key, TKT_BUYER_BYTES) == 0)
        return true;
    return text.len > 0 && tkt_token_parse(text.ptr, text.len, token) == TKT_DONE &&
           tkt_hold_view(c->snapshot, token, &hold) == TKT_DONE && hold.event_id == b->event_id && hold.claim == b->claim;
}

uint32_t tkt__get_booking(tkt__call *c)
{
    tkt_booking b;
    tkt_booking_init(&b);
    if (!tkt__read(c))
        return c->response->status;
    int32_t status = tkt_booking_view(c->snapshot, c->id, &b);
    if (status == TKT_NOT_FOUND || (status == TKT_DONE && !owns(c, &b)))
        return tkt__problem_say(c, 404, "not_found", "you have no booking %llu", (unsigned long long)c->id);
    return answer_booking(c, status, &b, 200);
}

uint32_t tkt__get_user_bookings(tkt__call *c)
{
    uint64_t ids[LIST_MOST];
    int64_t after = 0;
    uint32_t count = 0;
    if (!tkt__is_staff(c) && c->id != c->caller.user_id)
        return tkt__problem_say(c, 404, "not_found", "you are not user %llu", (unsigned long long)c->id);
    if (!tkt__param_i64(c, "after", 0, INT64_MAX, &after) || !tkt__read(c))
        return c->response->status;
    int32_t status = tkt_booking_list(c->snapshot, TKT_BOOKINGS_OF_USER, c->id, (uint64_t)after, ids, LIST_MOST, &count);
    if (status != TKT_DONE)
        return tkt__problem_of(c, status);
    tkt__json_array(tkt__answer_json(c), NULL);
    for (uint32_t i = 0; i < count; i++) {
        tkt_booking b;
        tkt_booking_init(&b);
        if (tkt_booking_view(c->snapshot, ids[i], &b) == TKT_DONE)
            booking_out(c, &b);
    }
    tkt__json_array_end(&c->json);
    tkt__header_static(c, "Cache-Control", "no-store");
    return tkt__answered(c, 200, TKT__JSON_TYPE);
}

/* ---- staff ------------------------------------------------------------------------------------------------------------------------------- */

static uint32_t change(tkt__call *c, const char *operation,
                       int32_t (*call)(tkt_store *, const tkt_booking_request *, tkt_booking *))
{
    static const char *const known[] = { "paymentDetails", NULL }; /* no amount: what was paid goes back whole */
    tkt_booking_request request;
    tkt_booking booking;
    tkt__buffer details;
    tkt_booking_request_init(&request);
    tkt_booking_init(&booking);
    request.booking_id = c->id;
    if (!tkt__members_are(c, known) || !tkt__request_key(c, operation, request.key))
        return c->response->status;
    request.details = details_in(c, &details);
    int32_t status = details.failed ? tkt__fail(TKT_E_NOMEM, "no memory for payment details")
                                    : call(c->api->store, &request, &booking);
    tkt__buffer_free(&details);
    return answer_booking(c, status, &booking, 200);
}

uint32_t tkt__post_cancel(tkt__call *c)
{
    return change(c, "cancel", tkt_cancel);
}

uint32_t tkt__post_refund(tkt__call *c)
{
    return change(c, "refund", tkt_refund);
}

/* What the provider tells of an intent, as often as it likes. Where the booking stands is the answer, whatever it is. */
uint32_t tkt__post_news(tkt__call *c)
{
    static const char *const words[] = { "", "approved", "declined", "refunded" };
    yajl_val v = tkt__member(c, "news");
    tkt_booking booking;
    uint32_t news = TKT_NEWS_APPROVED;
    tkt_booking_init(&booking);
    tkt_text word = tkt__json_text(v);
    while (news <= TKT_NEWS_REFUNDED && !tkt__text_is(word, words[news]))
        news++;
    if (news > TKT_NEWS_REFUNDED)
        return tkt__problem_say(c, 400, "bad_value", "news is approved, declined or refunded");
    int32_t status = tkt_resolve_payment(c->api->store, c->id, news, &booking);
    bool recorded = status == TKT_DECLINED || status == TKT_REFUND_DUE || status == TKT_CANCELLED;
    return answer_booking(c, recorded ? TKT_DONE : status, &booking, 200);
}
