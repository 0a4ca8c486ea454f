/* SPDX-License-Identifier: MIT
 *
 * queue/settings.c: the operator's calls: a waiting room is set up, changed, looked at, given a new key, removed.
 *
 * Seed and keys are drawn before the body that stores them, so a body that is run again stores the same.
 */
#include "queue/queue.h"

#define RATE_MOST 1000000u
#define ACTIVE_MOST 10000000u
#define DURATION_MIN_MS INT64_C(1000)

void tkt_queue_settings_init(tkt_queue_settings *settings)
{
    if (settings == NULL)
        return;
    memset(settings, 0, sizeof *settings);
    settings->size = (uint32_t)sizeof *settings;
}

void tkt_queue_init(tkt_queue *queue)
{
    if (queue == NULL)
        return;
    memset(queue, 0, sizeof *queue);
    queue->size = (uint32_t)sizeof *queue;
}

/* ---- set -------------------------------------------------------------------------------------------------------------------- */

static bool duration_in(int64_t *ms, int64_t otherwise)
{
    if (*ms == 0)
        *ms = otherwise;
    return *ms >= DURATION_MIN_MS && *ms <= TKT__QUEUE_LIFE_MS;
}

static int32_t settings_in(const tkt_queue_settings *given, tkt_queue_settings *s)
{
    int32_t status = tkt__struct_in(s, sizeof *s, given, sizeof *s, "tkt_queue_settings");
    if (status != TKT_DONE)
        return status;
    s->per_minute = s->per_minute != 0 ? s->per_minute : 600;
    s->burst = s->burst != 0 ? s->burst : s->per_minute / 6 + (s->per_minute < 6);
    s->active = s->active != 0 ? s->active : 1000;
    s->party_percent = s->party_percent != 0 ? s->party_percent : 200;
    if (s->mode > TKT_QUEUE_CLOSED || s->per_minute > RATE_MOST || s->burst > RATE_MOST || s->active > ACTIVE_MOST ||
        s->party_percent < 100 || s->party_percent > 100 * TKT_QUANTITY_MAX || s->opens_ms < 0)
        return tkt__fail(TKT_E_INVALID, "mode, opens_ms, per_minute, burst, active or party_percent is out of its range");
    if (!duration_in(&s->claim_ms, 120000) || !duration_in(&s->session_ms, 900000) || !duration_in(&s->grace_ms, 300000))
        return tkt__fail(TKT_E_INVALID, "claim_ms, session_ms and grace_ms are 1 second to a day");
    return TKT_DONE;
}

typedef struct set_ctx {
    uint64_t event_id;
    tkt_queue_settings set, seen;
    bool only_if_seen, none_seen;
    uint8_t seed[TKT__SEED_BYTES], key[TKT__SEED_BYTES];
} set_ctx;

static int32_t being_removed(uint64_t event_id)
{
    return tkt__queue_refuse(event_id, TKT_IN_USE, 0, "the waiting room is being taken away: remove it to the end first");
}

static bool same_settings(const tkt_queue_settings *a, const tkt_queue_settings *b)
{
    return a->mode == b->mode && a->opens_ms == b->opens_ms && a->per_minute == b->per_minute && a->burst == b->burst &&
           a->active == b->active && a->party_percent == b->party_percent && a->claim_ms == b->claim_ms &&
           a->session_ms == b->session_ms && a->grace_ms == b->grace_ms;
}

static bool as_seen(const set_ctx *c, const tkt__room_row *room)
{
    return !c->only_if_seen || (room == NULL ? c->none_seen : !c->none_seen && same_settings(&room->set, &c->seen));
}

static int32_t set_body(tkt__tx *tx, void *ctx)
{
    const set_ctx *c = ctx;
    tkt__room_row room;
    int32_t status = tkt__event_there(tx, c->event_id);
    if (status == TKT_NOT_FOUND)
        return tkt__refuse_missing("event", c->event_id);
    if (status == TKT_DONE)
        status = tkt__queue_load(tx, c->event_id, &room);
    if ((status == TKT_DONE || status == TKT_NOT_FOUND) && !as_seen(c, status == TKT_DONE ? &room : NULL))
        return tkt__fail(TKT_E_CONFLICT, "the waiting room was changed meanwhile: look again");
    if (status == TKT_NOT_FOUND) {
        memset(&room, 0, sizeof room);
        room.event_id = c->event_id;
        room.set.opens_ms = c->set.opens_ms;
        memcpy(room.seed, c->seed, sizeof room.seed);
        memcpy(room.keys[0], c->key, sizeof room.keys[0]);
        memcpy(room.keys[1], c->key, sizeof room.keys[1]);
        status = TKT_DONE;
    }
    if (status != TKT_DONE)
        return status;
    if (room.removing)
        return being_removed(c->event_id);
    if (room.set.opens_ms != c->set.opens_ms) {
        if (room.joined > 0)
            return tkt__queue_refuse(c->event_id, TKT_IN_USE, 0, "somebody joined already: when the queue opens stands");
        memcpy(room.seed, c->seed, sizeof room.seed); /* the one before may have been told */
        room.started = 0;
    }
    if (room.set.mode != c->set.mode || room.set.per_minute != c->set.per_minute)
        room.measured_ms = 0; /* the rate so far tells nothing of how it goes on */
    room.set = c->set;
    room.idle = 0;
    status = tkt__queue_tell(tx, &room);
    return status == TKT_DONE ? tkt__queue_save(tx, &room) : status;
}

static int32_t set_room(tkt_store *store, set_ctx *c, const tkt_queue_settings *settings, uint32_t flags)
{
    const tkt__guard guard = { TKT__G_EVENT, c->event_id };
    int32_t status = tkt__store_writable(store);
    if (status == TKT_DONE)
        status = tkt__id_check(c->event_id, "event");
    if (status == TKT_DONE)
        status = tkt__flags_check(flags);
    if (status == TKT_DONE)
        status = settings_in(settings, &c->set);
    if (status == TKT_DONE)
        status = tkt__random(&store->hooks, c->seed, sizeof c->seed);
    if (status == TKT_DONE)
        status = tkt__random(&store->hooks, c->key, sizeof c->key);
    return status == TKT_DONE ? tkt__store_run(store, &guard, 1, flags, set_body, c) : status;
}

int32_t tkt_queue_set(tkt_store *store, uint64_t event_id, const tkt_queue_settings *settings, uint32_t flags)
{
    set_ctx c = { .event_id = event_id };
    return set_room(store, &c, settings, flags);
}

int32_t tkt_queue_change(tkt_store *store, uint64_t event_id, const tkt_queue_settings *seen,
                         const tkt_queue_settings *settings, uint32_t flags)
{
    set_ctx c = { .event_id = event_id, .only_if_seen = true, .none_seen = seen == NULL };
    int32_t status = seen != NULL ? settings_in(seen, &c.seen) : TKT_DONE;
    return status == TKT_DONE ? set_room(store, &c, settings, flags) : status;
}

/* ---- keys ------------------------------------------------------------------------------------------------------------------------ */

static int32_t rotate_body(tkt__tx *tx, void *ctx)
{
    const set_ctx *c = ctx;
    tkt__room_row room;
    int32_t status = tkt__queue_there(tx, c->event_id, &room);
    if (status != TKT_DONE)
        return status;
    if (room.removing)
        return being_removed(c->event_id);
    memcpy(room.keys[1], room.keys[0], sizeof room.keys[1]);
    memcpy(room.keys[0], c->key, sizeof room.keys[0]);
    room.key_number++;
    return tkt__queue_save(tx, &room);
}

int32_t tkt_queue_rotate(tkt_store *store, uint64_t event_id)
{
    const tkt__guard guard = { TKT__G_EVENT, event_id };
    set_ctx c = { .event_id = event_id };
    int32_t status = tkt__store_writable(store);
    if (status == TKT_DONE)
        status = tkt__id_check(event_id, "event");
    if (status == TKT_DONE)
        status = tkt__random(&store->hooks, c.key, sizeof c.key);
    return status == TKT_DONE ? tkt__store_run(store, &guard, 1, 0, rotate_body, &c) : status;
}

/* ---- removal ----------------------------------------------------------------------------------------------------------------------- */

/* Up to TKT__REMOVE_ROWS rows of one kind. *left falls by as many. */
static int32_t remove_kind(tkt__tx *tx, uint64_t event_id, uint8_t kind, uint32_t *left)
{
    uint8_t prefix[TKT__QUEUE_KEY_MAX];
    tkt__cursor *cursor;
    tkt__slice k, v;
    size_t n = tkt__queue_key(event_id, kind, prefix);
    int32_t status = tkt__tx_cursor_open(tx, TKT__T_QUEUE, &cursor);
    if (status != TKT_DONE)
        return status;
    status = tkt__cursor_seek(cursor, tkt__slice_of(prefix, n), &k, &v);
    while (status == TKT_DONE && *left > 0 && k.n >= n && memcmp(k.p, prefix, n) == 0) {
        --*left;
        status = tkt__tx_del(tx, TKT__T_QUEUE, k);
        if (status == TKT_DONE)
            status = tkt__cursor_next(cursor, &k, &v);
    }
    tkt__cursor_close(cursor);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

/* Members, numbers and ends first, with the room closed; the room itself last. */
static int32_t remove_body(tkt__tx *tx, void *ctx)
{
    const set_ctx *c = ctx;
    tkt__room_row room;
    uint8_t key[TKT__QUEUE_KEY_MAX];
    uint32_t left = TKT__REMOVE_ROWS;
    tkt__tx_use_reserve(tx);
    int32_t status = tkt__queue_there(tx, c->event_id, &room);
    for (const char *kind = "mnx"; status == TKT_DONE && *kind != '\0'; kind++)
        status = remove_kind(tx, c->event_id, (uint8_t)*kind, &left);
    if (status != TKT_DONE)
        return status;
    if (left > 0) {
        room.set.mode = TKT_QUEUE_OPEN; /* without a room everybody passes */
        status = tkt__queue_tell(tx, &room);
        return status == TKT_DONE ? tkt__tx_del(tx, TKT__T_QUEUE, tkt__slice_of(key, tkt__queue_key(c->event_id, 'q', key))) : status;
    }
    room.set.mode = TKT_QUEUE_CLOSED;
    room.active = room.empty_handed = 0;
    if (!room.removing) /* the first piece: closed from now on */
        status = tkt__queue_tell(tx, &room);
    room.removing = 1;
    if (status == TKT_DONE)
        status = tkt__queue_save(tx, &room);
    return status == TKT_DONE ? TKT_PENDING : status;
}

int32_t tkt_queue_remove(tkt_store *store, uint64_t event_id)
{
    const tkt__guard guard = { TKT__G_EVENT, event_id };
    set_ctx c = { .event_id = event_id };
    int32_t status = tkt__store_writable(store);
    if (status == TKT_DONE)
        status = tkt__id_check(event_id, "event");
    return status == TKT_DONE ? tkt__store_run(store, &guard, 1, 0, remove_body, &c) : status;
}

/* ---- looking ------------------------------------------------------------------------------------------------------------------------- */

static int32_t room_in(tkt_snapshot *snapshot, uint64_t event_id, tkt__room_row *room)
{
    tkt__tx *tx;
    int32_t status = tkt__snapshot_tx(snapshot, &tx);
    if (status == TKT_DONE)
        status = tkt__id_check(event_id, "event");
    return status == TKT_DONE ? tkt__queue_there(tx, event_id, room) : status;
}

int32_t tkt_queue_view(tkt_snapshot *snapshot, uint64_t event_id, tkt_queue *queue)
{
    tkt__room_row room;
    tkt_queue out;
    int32_t status = room_in(snapshot, event_id, &room);
    if (status != TKT_DONE)
        return status;
    tkt_queue_init(&out);
    out.mode = room.set.mode;
    out.opens_ms = room.set.opens_ms;
    out.joined = room.joined;
    out.early = room.early;
    out.passed = room.head;
    out.admitted = room.admitted;
    out.active = room.active;
    out.per_minute = (uint32_t)((int64_t)room.rate_micro * 60000 / 1000000);
    tkt__commitment(room.seed, out.commitment);
    out.seed_known = !tkt__room_early(&room, tkt_snapshot_now(snapshot));
    if (out.seed_known)
        memcpy(out.seed, room.seed, sizeof out.seed);
    return tkt__struct_out(queue, &out, sizeof out, sizeof out, "tkt_queue");
}

int32_t tkt_queue_settings_view(tkt_snapshot *snapshot, uint64_t event_id, tkt_queue_settings *settings)
{
    tkt__room_row room;
    int32_t status = room_in(snapshot, event_id, &room);
    return status == TKT_DONE
               ? tkt__struct_out(settings, &room.set, sizeof room.set, sizeof room.set, "tkt_queue_settings")
               : status;
}
