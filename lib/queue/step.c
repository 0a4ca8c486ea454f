/* SPDX-License-Identifier: MIT
 *
 * queue/step.c: a queue's step: admissions whose time is over end, the bucket fills, whoever is next and still there is
 * admitted: at most as many as there are tokens, as may be at the counter, and as what is free serves.
 *
 * A body's, under the event's guard; bounded by the names in queue.h. All of a step is one commit with its feed record.
 */
#include "queue/queue.h"

#define MICRO INT64_C(1000000)

/* ---- ends ----------------------------------------------------------------------------------------------------------------- */

int32_t tkt__member_over(tkt__tx *tx, tkt__room_row *room, tkt__member *m)
{
    int32_t status = TKT_DONE;
    if (m->state == TKT__MEMBER_ADMITTED) {
        status = tkt__end_row(tx, room->event_id, m, false);
        room->active -= room->active > 0;
        if (!m->reserved)
            room->empty_handed -= room->empty_handed > 0;
        room->idle = 0;
    }
    m->state = TKT__MEMBER_OVER;
    return status == TKT_DONE ? tkt__member_save(tx, room->event_id, m) : status;
}

/* The member that joined as `number`, if he has not joined anew since. TKT_NOT_FOUND. */
static int32_t member_of(tkt__tx *tx, uint64_t event_id, uint64_t number, tkt__member *m)
{
    uint8_t buyer[TKT_BUYER_BYTES];
    int32_t status = tkt__number_get(tx, event_id, number, buyer);
    if (status == TKT_DONE)
        status = tkt__member_load(tx, event_id, buyer, m);
    return status == TKT_DONE && m->number != number ? TKT_NOT_FOUND : status;
}

/* The first end row of the seconds from…to. TKT_NOT_FOUND: none. */
static int32_t end_from(tkt__tx *tx, const tkt__room_row *room, uint32_t from, uint32_t to, uint64_t *number)
{
    uint8_t prefix[TKT__QUEUE_KEY_MAX];
    tkt__cursor *cursor;
    tkt__slice k, v;
    size_t n = tkt__queue_key(room->event_id, 'x', prefix);
    tkt__be32(prefix + n, from);
    int32_t status = tkt__tx_cursor_open(tx, TKT__T_QUEUE, &cursor);
    if (status != TKT_DONE)
        return status;
    status = tkt__cursor_seek(cursor, tkt__slice_of(prefix, n + 4), &k, &v);
    if (status == TKT_DONE && (k.n != n + 12 || memcmp(k.p, prefix, n) != 0 || tkt__get_be32(k.p + n) > to))
        status = TKT_NOT_FOUND;
    if (status == TKT_DONE)
        *number = tkt__get_be64(k.p + n + 4);
    tkt__cursor_close(cursor);
    return status;
}

/* Admissions that end in the seconds from…to are over, TKT__STEP_ENDS of them at most. */
static int32_t end_those(tkt__tx *tx, tkt__room_row *room, uint32_t from, uint32_t to, uint32_t *ended)
{
    int32_t status = TKT_DONE;
    for (uint32_t left = TKT__STEP_ENDS; status == TKT_DONE && left > 0; left--) {
        uint64_t number = 0;
        tkt__member m;
        status = end_from(tx, room, from, to, &number);
        if (status == TKT_DONE)
            status = member_of(tx, room->event_id, number, &m);
        if (status == TKT_DONE)
            status = tkt__member_over(tx, room, &m);
        *ended += status == TKT_DONE;
    }
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

/* What ends later than anything can that is given out now was given out by a clock before. When it went back, just now, by
 * what the settings give; later, when they may have been others, by the most that any give. */
static int32_t end_of_another_time(tkt__tx *tx, tkt__room_row *room, bool now, uint32_t *ended)
{
    int64_t longest = room->set.claim_ms > room->set.session_ms ? room->set.claim_ms : room->set.session_ms;
    if (!now)
        longest = TKT__QUEUE_LIFE_MS;
    return end_those(tx, room, tkt__second_of(tkt__tx_now(tx) + longest) + 1, UINT32_MAX, ended);
}

static int32_t end_run_out(tkt__tx *tx, tkt__room_row *room, uint32_t *ended)
{
    uint32_t now = tkt__second_of(tkt__tx_now(tx)); /* which rounds up */
    return end_those(tx, room, 0, tkt__second_ms(now) > tkt__tx_now(tx) ? now - 1 : now, ended);
}

/* ---- how many ---------------------------------------------------------------------------------------------------------------- */

static void fill_bucket(tkt__room_row *room, int64_t now)
{
    int64_t most = (int64_t)room->set.burst * MICRO;
    int64_t since = room->stepped_ms == 0 ? INT64_C(3600000) : now - room->stepped_ms;
    since = since < 0 ? 0 : tkt__least(since, INT64_C(3600000));
    room->tokens_micro = tkt__least(most, room->tokens_micro + since * (int64_t)room->set.per_minute * MICRO / 60000);
    room->stepped_ms = now;
}

static int32_t look_at_stock(tkt__tx *tx, tkt__room_row *room, int64_t *serves)
{
    uint64_t total = 0, booked = 0, available = 0;
    int32_t status = tkt__inventory.places(tx, room->event_id, &total, &booked, &available);
    room->sold_out = total > 0 && booked >= total;
    room->held = total > 0 && available == 0 && !room->sold_out;
    *serves = total == 0 ? TKT__STEP_ADMITS : (int64_t)((available * 100 + room->set.party_percent - 1) / room->set.party_percent);
    return status;
}

static int32_t how_many(tkt__tx *tx, tkt__room_row *room, int64_t *most)
{
    int64_t serves = 0;
    int64_t free = room->set.active > room->active ? (int64_t)(room->set.active - room->active) : 0;
    int32_t status = look_at_stock(tx, room, &serves);
    *most = 0;
    if (room->set.mode != TKT_QUEUE_RUNS || !room->started)
        return status;
    serves = serves > (int64_t)room->empty_handed ? serves - (int64_t)room->empty_handed : 0;
    *most = tkt__least(tkt__least(room->tokens_micro / MICRO, free), tkt__least(serves, TKT__STEP_ADMITS));
    return status;
}

/* ---- who ------------------------------------------------------------------------------------------------------------------------ */

static int32_t admit(tkt__tx *tx, tkt__room_row *room, tkt__member *m)
{
    m->state = TKT__MEMBER_ADMITTED;
    m->claimed = m->reserved = false;
    m->issued_ms = tkt__tx_now(tx);
    m->until_ms = m->issued_ms + room->set.claim_ms;
    room->active++;
    room->empty_handed++;
    room->admitted++;
    room->measured++;
    room->tokens_micro -= MICRO;
    int32_t status = tkt__end_row(tx, room->event_id, m, true);
    return status == TKT_DONE ? tkt__member_save(tx, room->event_id, m) : status;
}

/* The turn of the place at the head. *admitted: he is let in; else he left before, or is not heard of any more. */
static int32_t next(tkt__tx *tx, tkt__room_row *room, bool *admitted)
{
    uint64_t place = room->head++;
    uint64_t number = place < room->early ? tkt__unshuffle(room->seed, place, room->early) : place;
    tkt__member m;
    int32_t status = member_of(tx, room->event_id, number, &m);
    *admitted = false;
    if (status != TKT_DONE || m.state != TKT__MEMBER_WAITS)
        return status == TKT_NOT_FOUND ? TKT_DONE : status;
    int64_t now = tkt__tx_now(tx), heard = m.seen_ms > room->heard_since_ms && m.seen_ms <= now ? m.seen_ms : room->heard_since_ms;
    if (now - heard > room->set.grace_ms)
        return tkt__member_over(tx, room, &m);
    *admitted = true;
    return admit(tx, room, &m);
}

/* How fast the queue goes while somebody waits: what it does while nobody does, or while it must not, is no measure. */
static void measure(tkt__room_row *room, int64_t now)
{
    int64_t since = now - room->measured_ms;
    if (room->set.mode != TKT_QUEUE_RUNS || !room->started || room->head == room->joined) {
        room->measured_ms = 0;
        return;
    }
    bool enough = since >= TKT__RATE_MS && (room->measured >= TKT__RATE_ADMITS || since >= TKT__RATE_MAX_MS);
    if (room->measured_ms != 0 && since >= 0 && !enough)
        return;
    if (room->measured_ms != 0 && since > 0) { /* else the clock went back: what was counted tells nothing */
        int64_t rate = tkt__least((int64_t)room->measured * MICRO / since, UINT32_MAX / 4);
        room->rate_micro = room->rate_micro == 0 ? (uint32_t)rate : (uint32_t)((3 * (int64_t)room->rate_micro + rate) / 4);
        room->rate_micro += room->rate_micro == 0; /* 0 is "not known" */
    }
    room->measured = 0;
    room->measured_ms = now;
}

int32_t tkt__queue_tell(tkt__tx *tx, const tkt__room_row *room)
{
    uint8_t bytes[13];
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    tkt__put_u64(&w, room->head);
    tkt__put_u32(&w, room->active);
    tkt__put_u8(&w, (uint8_t)room->set.mode);
    return tkt__feed_append(tx, (tkt__guard){ TKT__G_EVENT, room->event_id }, TKT__F_QUEUE, bytes, w.n);
}

/* A queue that was not stepped for long could hear nobody: silence counts from now on. And a clock that went back. */
static int32_t after_a_gap(tkt__tx *tx, tkt__room_row *room, uint32_t *ended)
{
    int64_t now = tkt__tx_now(tx);
    bool back = now < room->stepped_ms;
    if (room->stepped_ms != 0 && (back || now - room->stepped_ms > room->set.grace_ms / 2))
        room->heard_since_ms = now;
    return end_of_another_time(tx, room, back, ended);
}

int32_t tkt__queue_step(tkt__tx *tx, tkt__room_row *room)
{
    uint32_t ended = 0;
    int64_t most = 0;
    uint64_t head = room->head;
    uint8_t held = room->held, sold_out = room->sold_out;
    int32_t status = after_a_gap(tx, room, &ended);
    if (status == TKT_DONE)
        status = end_run_out(tx, room, &ended);
    fill_bucket(room, tkt__tx_now(tx));
    if (status == TKT_DONE)
        status = how_many(tx, room, &most);
    bool blocked = most == 0 && room->tokens_micro >= MICRO;
    for (uint32_t looked = 0; status == TKT_DONE && most > 0 && room->head < room->joined && looked < TKT__STEP_PASSES; looked++) {
        bool admitted;
        status = next(tx, room, &admitted);
        most -= admitted;
    }
    measure(room, tkt__tx_now(tx));
    bool changed = ended > 0 || room->head != head || room->held != held || room->sold_out != sold_out;
    room->idle = !changed && (blocked || room->head == room->joined);
    if (status == TKT_DONE && changed)
        status = tkt__queue_tell(tx, room);
    return status == TKT_DONE ? tkt__queue_save(tx, room) : status;
}
