/* SPDX-License-Identifier: MIT
 *
 * queue/place.c: a buyer's calls: join, poll, leave.
 *
 * Polls come by the ten thousand a second and nearly all change nothing: they are answered from a snapshot. One writes
 * when a step of the queue is due, when the buyer must be noted as there still (so often within the grace that he may
 * miss all but one), or when he claims his admission. Joining twice, leaving twice and polling repeat safely.
 */
#include "queue/queue.h"

#define WAIT_UNKNOWN INT64_C(-1)

void tkt_place_init(tkt_place *place)
{
    if (place == NULL)
        return;
    memset(place, 0, sizeof *place);
    place->size = (uint32_t)sizeof *place;
}

/* ---- what a buyer is told ------------------------------------------------------------------------------------------------ */

static uint64_t place_of(const tkt__room_row *room, const tkt__member *m)
{
    return m->number < room->early ? tkt__shuffle(room->seed, m->number, room->early) : m->number;
}

/* Whether a wait can be told at all. */
static bool wait_known(const tkt__room_row *room)
{
    return room->set.mode == TKT_QUEUE_RUNS && !room->held && !room->sold_out;
}

static uint64_t ahead_of(const tkt__room_row *room, uint64_t place)
{
    return place > room->head ? place - room->head : 0;
}

/* Admissions a millisecond in millionths, at least 1: as measured, at first as it was set; and no more than what is being
 * measured can still come to. */
static int64_t rate_of(const tkt__room_row *room, int64_t now)
{
    int64_t rate = (int64_t)room->set.per_minute * 1000000 / 60000, since = now - room->measured_ms;
    if (room->rate_micro != 0)
        rate = tkt__least(rate, room->rate_micro);
    if (room->measured_ms != 0 && since >= TKT__RATE_MS)
        rate = tkt__least(rate, ((int64_t)room->measured + 1) * 1000000 / since);
    return rate > 0 ? rate : 1;
}

/* The instant that he was told; 0: none. A record of another time, from before the clock was set back, tells nothing. */
static int64_t promised(const tkt__member *m, int64_t now)
{
    return m->seen_ms <= now ? m->promised_ms : 0;
}

/* The instant that he is told: people ahead by how fast they go; never later than before, as long as that one is to come.
 * WAIT_UNKNOWN: none now. */
static int64_t promise(const tkt__room_row *room, uint64_t ahead, const tkt__member *m, int64_t now)
{
    if (!wait_known(room) || ahead > UINT64_C(1) << 40)
        return WAIT_UNKNOWN;
    int64_t at = now + (int64_t)(ahead + 1) * 1000000 / rate_of(room, now);
    int64_t before = promised(m, now);
    return before > now && before < at ? before : at;
}

/* Of his wait he is told what is on record, while that is to come, so that nothing earlier is told which a later answer does
 * not know. Before the first record, which is at a sign of life: as it is measured. */
static void waiting(const tkt__room_row *room, const tkt__member *m, int64_t now, tkt_place *p)
{
    if (tkt__room_early(room, now) && m->number < room->early) {
        p->state = TKT_PLACE_EARLY;
        p->opens_ms = room->set.opens_ms;
        p->ahead = room->joined;
        p->wait_ms = room->set.opens_ms - now;
        return;
    }
    p->state = TKT_PLACE_WAITING;
    p->place = place_of(room, m);
    p->ahead = ahead_of(room, p->place);
    int64_t at = wait_known(room) && promised(m, now) > now ? m->promised_ms : promise(room, p->ahead, m, now);
    p->wait_ms = at == WAIT_UNKNOWN ? WAIT_UNKNOWN : at - now;
}

static void tell(const tkt__room_row *room, const tkt__member *m, int64_t now, tkt_place *p)
{
    tkt_place_init(p);
    p->number = m->number;
    p->paused = room->set.mode == TKT_QUEUE_PAUSED;
    p->closed = room->set.mode == TKT_QUEUE_CLOSED;
    p->all_held = room->held;
    p->sold_out = room->sold_out;
    if (room->set.mode == TKT_QUEUE_OPEN)
        p->state = TKT_PLACE_FREE;
    else if (m->state == TKT__MEMBER_WAITS)
        waiting(room, m, now, p);
    else if (m->state == TKT__MEMBER_ADMITTED && m->until_ms > now) {
        p->state = TKT_PLACE_ADMITTED;
        p->place = place_of(room, m);
        p->expires_ms = m->until_ms;
        tkt__admission_sign(room, m, p->admission);
    } else
        p->state = TKT_PLACE_OVER;
}

/* ---- bodies ----------------------------------------------------------------------------------------------------------------- */

typedef struct place_ctx {
    uint64_t event_id;
    const uint8_t *buyer;
    bool join;
    tkt_place place;
} place_ctx;

/* Room and member. TKT_NOT_FOUND with its cause: there is no room, or *absent, he did not join it. */
static int32_t find(tkt__tx *tx, const place_ctx *c, tkt__room_row *room, tkt__member *m, bool *absent)
{
    *absent = false;
    int32_t status = tkt__queue_there(tx, c->event_id, room);
    if (status != TKT_DONE)
        return status;
    status = tkt__member_load(tx, c->event_id, c->buyer, m);
    *absent = status == TKT_NOT_FOUND;
    return *absent ? tkt__queue_refuse(c->event_id, TKT_NOT_FOUND, 0, "this buyer did not join the waiting room") : status;
}

static int32_t add_member(tkt__tx *tx, tkt__room_row *room, const uint8_t *buyer, tkt__member *m)
{
    *m = (tkt__member){ .number = room->joined, .state = TKT__MEMBER_WAITS, .seen_ms = tkt__tx_now(tx) };
    memcpy(m->buyer, buyer, TKT_BUYER_BYTES);
    room->joined++;
    if (!room->started)
        room->early = room->joined;
    int32_t status = tkt__number_put(tx, room->event_id, m->number, buyer);
    if (status == TKT_DONE)
        status = tkt__member_save(tx, room->event_id, m);
    return status == TKT_DONE ? tkt__queue_save(tx, room) : status;
}

/* An idle queue is looked at less often, unless what is free is not what it found. */
static bool step_is_due(tkt__tx *tx, const tkt__room_row *room, int64_t now)
{
    uint64_t total = 0, booked = 0, available = 0;
    bool any = room->active > 0 || (room->head < room->joined && room->set.mode == TKT_QUEUE_RUNS && !tkt__room_early(room, now));
    if (!any || (now >= room->stepped_ms && now - room->stepped_ms < TKT__STEP_MS))
        return false;
    if (!room->idle || now < room->stepped_ms || now - room->stepped_ms >= TKT__STEP_IDLE_MS)
        return true;
    return (room->held || room->sold_out) &&
           tkt__inventory.places(tx, room->event_id, &total, &booked, &available) == TKT_DONE && available > 0;
}

/* He is there: noted, and what he is told of his wait with it. */
static int32_t note_there(tkt__tx *tx, const tkt__room_row *room, tkt__member *m)
{
    int64_t now = tkt__tx_now(tx);
    if (m->state == TKT__MEMBER_ADMITTED && m->until_ms > now)
        return tkt__member_claim(tx, room, m);
    if (m->state != TKT__MEMBER_WAITS)
        return TKT_DONE;
    m->promised_ms = promised(m, now);
    m->seen_ms = now;
    int64_t at = tkt__room_early(room, now) ? WAIT_UNKNOWN : promise(room, ahead_of(room, place_of(room, m)), m, now);
    if (at != WAIT_UNKNOWN) /* while none is known, the one that was told stands */
        m->promised_ms = at;
    return tkt__member_save(tx, room->event_id, m);
}

static int32_t join(tkt__tx *tx, const place_ctx *c, tkt__room_row *room, tkt__member *m, bool absent)
{
    int32_t status = TKT_DONE;
    /* An admission that ran out ends at the next step; who joins anew need not wait for it. */
    if (!absent && m->state == TKT__MEMBER_ADMITTED && m->until_ms <= tkt__tx_now(tx))
        status = tkt__member_over(tx, room, m);
    if (status != TKT_DONE || (!absent && m->state != TKT__MEMBER_OVER))
        return status;
    if (room->set.mode == TKT_QUEUE_CLOSED)
        return tkt__queue_refuse(c->event_id, TKT_NOT_ADMITTED, 0, "the waiting room is closed");
    return add_member(tx, room, c->buyer, m);
}

static int32_t place_body(tkt__tx *tx, void *ctx)
{
    place_ctx *c = ctx;
    tkt__room_row room;
    tkt__member m;
    bool absent;
    int32_t status = find(tx, c, &room, &m, &absent);
    if (status == TKT_DONE || absent)
        room.started = !tkt__room_early(&room, tkt__tx_now(tx));
    if (c->join && (status == TKT_DONE || absent))
        status = join(tx, c, &room, &m, absent);
    if (status == TKT_DONE && step_is_due(tx, &room, tkt__tx_now(tx)))
        status = tkt__queue_step(tx, &room);
    if (status == TKT_DONE) /* the step may have been his */
        status = tkt__member_load(tx, c->event_id, c->buyer, &m);
    if (status == TKT_DONE)
        status = note_there(tx, &room, &m);
    if (status == TKT_DONE)
        tell(&room, &m, tkt__tx_now(tx), &c->place);
    return status;
}

static int32_t leave_body(tkt__tx *tx, void *ctx)
{
    const place_ctx *c = ctx;
    tkt__room_row room;
    tkt__member m;
    bool absent;
    tkt__tx_use_reserve(tx);
    int32_t status = find(tx, c, &room, &m, &absent);
    if (status != TKT_DONE || m.state == TKT__MEMBER_OVER)
        return status;
    status = tkt__member_over(tx, &room, &m);
    if (status == TKT_DONE)
        status = tkt__queue_tell(tx, &room);
    return status == TKT_DONE ? tkt__queue_save(tx, &room) : status;
}

/* ---- the door ---------------------------------------------------------------------------------------------------------------- */

static int32_t door(const tkt_store *store, uint64_t event_id, const uint8_t *buyer)
{
    int32_t status = tkt__store_writable(store);
    if (status == TKT_DONE)
        status = tkt__id_check(event_id, "event");
    if (status == TKT_DONE && (buyer == NULL || tkt__is_zero(buyer, TKT_BUYER_BYTES)))
        status = tkt__fail(TKT_E_INVALID, "a waiting room needs a buyer key that is not zeros");
    return status;
}

static int32_t run(tkt_store *store, place_ctx *c, tkt_place *place)
{
    const tkt__guard guard = { TKT__G_EVENT, c->event_id };
    int32_t status = tkt__store_run(store, &guard, 1, 0, place_body, c);
    return status == TKT_DONE ? tkt__struct_out(place, &c->place, sizeof c->place, sizeof c->place, "tkt_place") : status;
}

/* Whether a snapshot's answer is enough; then c->place is it. */
static int32_t look_body(tkt__tx *tx, void *ctx)
{
    place_ctx *c = ctx;
    tkt__room_row room;
    tkt__member m;
    bool absent;
    int64_t now = tkt__tx_now(tx);
    int32_t status = find(tx, c, &room, &m, &absent);
    if (status != TKT_DONE)
        return status;
    bool heard = m.state == TKT__MEMBER_WAITS && (now < m.seen_ms || now - m.seen_ms >= room.set.grace_ms / TKT__HEARTBEATS);
    bool claims = m.state == TKT__MEMBER_ADMITTED && !m.claimed && m.until_ms > now;
    /* What was promised has passed: another instant, on record. A crowd that was promised none yet costs no writes here. */
    bool promises = m.state == TKT__MEMBER_WAITS && m.promised_ms != 0 && m.promised_ms <= now && wait_known(&room);
    if (heard || claims || promises || step_is_due(tx, &room, now))
        return TKT_PENDING;
    tell(&room, &m, now, &c->place);
    return TKT_DONE;
}

int32_t tkt_queue_join(tkt_store *store, uint64_t event_id, const uint8_t buyer_key[TKT_BUYER_BYTES], tkt_place *place)
{
    place_ctx c = { .event_id = event_id, .buyer = buyer_key, .join = true };
    int32_t status = door(store, event_id, buyer_key);
    return status == TKT_DONE ? run(store, &c, place) : status;
}

int32_t tkt_queue_poll(tkt_store *store, uint64_t event_id, const uint8_t buyer_key[TKT_BUYER_BYTES], tkt_place *place)
{
    place_ctx c = { .event_id = event_id, .buyer = buyer_key };
    int32_t status = door(store, event_id, buyer_key);
    if (status == TKT_DONE)
        status = tkt__store_look(store, look_body, &c);
    if (status == TKT_PENDING)
        return run(store, &c, place);
    return status == TKT_DONE ? tkt__struct_out(place, &c.place, sizeof c.place, sizeof c.place, "tkt_place") : status;
}

int32_t tkt_queue_leave(tkt_store *store, uint64_t event_id, const uint8_t buyer_key[TKT_BUYER_BYTES])
{
    const tkt__guard guard = { TKT__G_EVENT, event_id };
    place_ctx c = { .event_id = event_id, .buyer = buyer_key };
    int32_t status = door(store, event_id, buyer_key);
    return status == TKT_DONE ? tkt__store_run(store, &guard, 1, 0, leave_body, &c) : status;
}
