/* SPDX-License-Identifier: MIT
 *
 * api/queue.c: the waiting room over the wire: join, ask where one stands, leave; the operator's settings.
 *
 * A place belongs to the caller's buyer key, so the host must have made one out: without it 401. The admission goes back
 * to the service in the header Admission of a reservation.
 */
#include "api/api.h"
#include "base/json.h"

#define CHANGES_MOST 20 /* tries, while others change the same room */

static const char *const place_words[] = { "unknown", "early", "waiting", "admitted", "over", "free" };
static const char *const mode_words[] = { "runs", "paused", "open", "closed" };

const char *tkt__queue_mode_word(uint32_t mode)
{
    return mode_words[mode <= TKT_QUEUE_CLOSED ? mode : TKT_QUEUE_CLOSED];
}

/* ---- places ---------------------------------------------------------------------------------------------------------------- */

void tkt__json_place(tkt__json *j, const tkt_place *p)
{
    char text[TKT_ADMISSION_TEXT];
    tkt__json_object(j, NULL);
    tkt__json_word(j, "state", place_words[p->state <= TKT_PLACE_FREE ? p->state : 0]);
    tkt__json_u64(j, "number", p->number);
    if (p->state == TKT_PLACE_WAITING || p->state == TKT_PLACE_ADMITTED)
        tkt__json_u64(j, "place", p->place);
    tkt__json_u64(j, "ahead", p->ahead);
    if (p->wait_ms >= 0)
        tkt__json_i64(j, "waitMs", p->wait_ms);
    if (p->state == TKT_PLACE_EARLY)
        tkt__json_instant(j, "opens", p->opens_ms);
    tkt__json_bool(j, "paused", p->paused != 0);
    tkt__json_bool(j, "closed", p->closed != 0);
    tkt__json_bool(j, "allHeld", p->all_held != 0);
    tkt__json_bool(j, "soldOut", p->sold_out != 0);
    if (p->state == TKT_PLACE_ADMITTED) {
        tkt__json_instant(j, "expires", p->expires_ms);
        tkt_admission_format(p->admission, text);
        tkt__json_string(j, "admission", (tkt_text){ text, sizeof text });
    }
    tkt__json_object_end(j);
}

static bool has_key(tkt__call *c)
{
    bool has = !tkt__is_zero(c->caller.buyer_key, TKT_BUYER_BYTES);
    if (!has)
        tkt__problem_who(c, "a place in the waiting room needs a session: say who you are");
    return has;
}

static uint32_t answer_place(tkt__call *c, int32_t status, const tkt_place *place)
{
    if (status != TKT_DONE)
        return tkt__problem_of(c, status);
    tkt__json_place(tkt__answer_json(c), place);
    tkt__header_static(c, "Cache-Control", "no-store");
    return tkt__answered(c, 200, TKT__JSON_TYPE);
}

uint32_t tkt__post_place(tkt__call *c)
{
    tkt_place place;
    tkt_place_init(&place);
    return has_key(c) ? answer_place(c, tkt_queue_join(c->api->store, c->id, c->caller.buyer_key, &place), &place)
                      : c->response->status;
}

uint32_t tkt__get_place(tkt__call *c)
{
    tkt_place place;
    tkt_place_init(&place);
    return has_key(c) ? answer_place(c, tkt_queue_poll(c->api->store, c->id, c->caller.buyer_key, &place), &place)
                      : c->response->status;
}

uint32_t tkt__delete_place(tkt__call *c)
{
    tkt_place place;
    tkt_place_init(&place);
    if (!has_key(c))
        return c->response->status;
    int32_t status = tkt_queue_leave(c->api->store, c->id, c->caller.buyer_key);
    return answer_place(c, status == TKT_DONE ? tkt_queue_poll(c->api->store, c->id, c->caller.buyer_key, &place) : status, &place);
}

/* Where one stands, as often as it changes: a stream whose messages have no ids, since the latest says all. */
uint32_t tkt__get_place_stream(tkt__call *c)
{
    tkt_place place;
    tkt_place_init(&place);
    if (!has_key(c))
        return c->response->status;
    int32_t status = tkt_queue_poll(c->api->store, c->id, c->caller.buyer_key, &place);
    if (status != TKT_DONE)
        return tkt__problem_of(c, status);
    c->response->stream.event_id = c->id;
    c->response->stream.of_place = true;
    memcpy(c->response->stream.buyer, c->caller.buyer_key, TKT_BUYER_BYTES);
    return tkt__stream_begin(c);
}

/* ---- the room --------------------------------------------------------------------------------------------------------------- */

uint32_t tkt__get_room(tkt__call *c)
{
    tkt_queue q;
    char hex[64];
    tkt_queue_init(&q);
    if (!tkt__read(c))
        return c->response->status;
    int32_t status = tkt_queue_view(c->snapshot, c->id, &q);
    if (status != TKT_DONE)
        return tkt__problem_of(c, status);
    tkt__json *j = tkt__answer_json(c);
    tkt__json_object(j, NULL);
    tkt__json_word(j, "mode", tkt__queue_mode_word(q.mode));
    if (q.opens_ms != 0)
        tkt__json_instant(j, "opens", q.opens_ms);
    tkt__json_u64(j, "joined", q.joined);
    tkt__json_u64(j, "early", q.early);
    tkt__json_u64(j, "passed", q.passed);
    tkt__json_u64(j, "admitted", q.admitted);
    tkt__json_u64(j, "active", q.active);
    tkt__json_u64(j, "perMinute", q.per_minute);
    tkt__hex_format(q.commitment, sizeof q.commitment, hex);
    tkt__json_string(j, "commitment", (tkt_text){ hex, sizeof hex });
    if (q.seed_known != 0) {
        tkt__hex_format(q.seed, sizeof q.seed, hex);
        tkt__json_string(j, "seed", (tkt_text){ hex, sizeof hex });
    }
    tkt__json_object_end(j);
    tkt__header_static(c, "Cache-Control", "no-store");
    return tkt__answered(c, 200, TKT__JSON_TYPE);
}

static bool opens_in(tkt__call *c, int64_t *opens_ms)
{
    yajl_val v = tkt__member(c, "opens");
    tkt_text text = tkt__json_text(v);
    if (v == NULL || YAJL_IS_NULL(v))
        return true;
    if (text.len > 0 && tkt_instant_parse(text.ptr, text.len, opens_ms, NULL, NULL) == TKT_DONE)
        return true;
    tkt__problem_say(c, 400, "bad_value", "opens is an instant as in 2027-03-01T20:00:00Z");
    return false;
}

static bool mode_in(tkt__call *c, uint32_t *mode)
{
    yajl_val v = tkt__member(c, "mode");
    tkt_text text = tkt__json_text(v);
    if (v == NULL || YAJL_IS_NULL(v))
        return true;
    for (*mode = 0; *mode <= TKT_QUEUE_CLOSED; ++*mode)
        if (tkt__text_is(text, mode_words[*mode]))
            return true;
    tkt__problem_say(c, 400, "bad_value", "mode is runs, paused, open or closed");
    return false;
}

static bool settings_in(tkt__call *c, tkt_queue_settings *s)
{
    int64_t rate = s->per_minute, burst = s->burst, active = s->active, party = s->party_percent;
    if (!mode_in(c, &s->mode) || !opens_in(c, &s->opens_ms) || !tkt__member_i64(c, "perMinute", 1, 1000000, &rate) ||
        !tkt__member_i64(c, "burst", 1, 1000000, &burst) || !tkt__member_i64(c, "active", 1, 10000000, &active) ||
        !tkt__member_i64(c, "partyPercent", 100, 50000, &party) || !tkt__member_i64(c, "claimMs", 1000, 86400000, &s->claim_ms) ||
        !tkt__member_i64(c, "sessionMs", 1000, 86400000, &s->session_ms) || !tkt__member_i64(c, "graceMs", 1000, 86400000, &s->grace_ms))
        return false;
    s->per_minute = (uint32_t)rate;
    s->burst = (uint32_t)burst;
    s->active = (uint32_t)active;
    s->party_percent = (uint32_t)party;
    return true;
}

static void read_anew(tkt__call *c)
{
    tkt_snapshot_end(c->snapshot);
    c->snapshot = NULL;
}

/* Members that are not there stay as they are, or take the defaults of a new room; also where another changes some too. */
uint32_t tkt__put_room(tkt__call *c)
{
    static const char *const known[] = { "mode", "opens", "perMinute", "burst", "active", "partyPercent", "claimMs", "sessionMs", "graceMs", NULL };
    tkt_queue_settings s, seen;
    int32_t status = -TKT_E_CONFLICT;
    if (!tkt__members_are(c, known))
        return c->response->status;
    for (int i = 0; status == -TKT_E_CONFLICT && i < CHANGES_MOST; i++) {
        tkt_queue_settings_init(&seen);
        if (!tkt__read(c))
            return c->response->status;
        status = tkt_queue_settings_view(c->snapshot, c->id, &seen);
        bool there = status == TKT_DONE;
        if (!there && status != TKT_NOT_FOUND)
            return tkt__problem_of(c, status);
        read_anew(c);
        s = seen;
        if (!settings_in(c, &s))
            return c->response->status;
        status = tkt_queue_change(c->api->store, c->id, there ? &seen : NULL, &s, 0);
    }
    return status == TKT_DONE ? tkt__get_room(c) : tkt__problem_of(c, status);
}
