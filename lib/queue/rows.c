/* SPDX-License-Identifier: MIT
 *
 * queue/rows.c: rows of the waiting room as structs, and back. Bytes: docs/format-queue.md.
 */
#include "queue/queue.h"

#define ROOM_VERSION 1
#define MEMBER_BYTES 42
#define FLAG_REMOVING 1u
#define FLAG_STARTED 2u
#define FLAG_IDLE 4u
#define MEMBER_CLAIMED 1u
#define MEMBER_RESERVED 2u

size_t tkt__queue_key(uint64_t event_id, uint8_t kind, uint8_t key[TKT__QUEUE_KEY_MAX])
{
    tkt__be64(key, event_id);
    key[8] = kind;
    return 9;
}

static int32_t get(tkt__tx *tx, const uint8_t *key, size_t n, tkt__slice *value)
{
    return tkt__tx_get(tx, TKT__T_QUEUE, tkt__slice_of(key, n), value);
}

static int32_t put(tkt__tx *tx, const uint8_t *key, size_t n, const uint8_t *value, size_t value_n)
{
    return tkt__tx_put(tx, TKT__T_QUEUE, tkt__slice_of(key, n), tkt__slice_of(value, value_n));
}

static int32_t malformed(const char *what, uint64_t event_id)
{
    return tkt__fail(TKT_E_CORRUPT, "%s of event %llu's waiting room is malformed", what, (unsigned long long)event_id);
}

/* ---- the room ------------------------------------------------------------------------------------------------------------ */

static void read_settings(tkt__reader *r, tkt_queue_settings *s)
{
    tkt_queue_settings_init(s);
    s->mode = tkt__get_u8(r);
    s->opens_ms = tkt__get_i64(r);
    s->per_minute = tkt__get_u32(r);
    s->burst = tkt__get_u32(r);
    s->active = tkt__get_u32(r);
    s->party_percent = tkt__get_u32(r);
    s->claim_ms = tkt__get_i64(r);
    s->session_ms = tkt__get_i64(r);
    s->grace_ms = tkt__get_i64(r);
}

static void put_settings(tkt__writer *w, const tkt_queue_settings *s)
{
    tkt__put_u8(w, (uint8_t)s->mode);
    tkt__put_i64(w, s->opens_ms);
    tkt__put_u32(w, s->per_minute);
    tkt__put_u32(w, s->burst);
    tkt__put_u32(w, s->active);
    tkt__put_u32(w, s->party_percent);
    tkt__put_i64(w, s->claim_ms);
    tkt__put_i64(w, s->session_ms);
    tkt__put_i64(w, s->grace_ms);
}

static void copy(tkt__reader *r, uint8_t *to, size_t n)
{
    tkt__slice s = tkt__get_bytes(r, n);
    if (!r->bad)
        memcpy(to, s.p, n);
}

int32_t tkt__queue_load(tkt__tx *tx, uint64_t event_id, tkt__room_row *room)
{
    uint8_t key[TKT__QUEUE_KEY_MAX];
    tkt__slice value;
    int32_t status = get(tx, key, tkt__queue_key(event_id, 'q', key), &value);
    if (status != TKT_DONE)
        return status;
    tkt__reader r = tkt__reader_of(value);
    uint8_t version = tkt__get_u8(&r);
    memset(room, 0, sizeof *room);
    room->event_id = event_id;
    read_settings(&r, &room->set);
    copy(&r, room->seed, sizeof room->seed);
    room->key_number = tkt__get_u8(&r);
    copy(&r, room->keys[0], sizeof room->keys);
    room->joined = tkt__get_u64(&r);
    room->early = tkt__get_u64(&r);
    room->head = tkt__get_u64(&r);
    room->admitted = tkt__get_u64(&r);
    room->active = tkt__get_u32(&r);
    room->tokens_micro = tkt__get_i64(&r);
    room->stepped_ms = tkt__get_i64(&r);
    room->measured_ms = tkt__get_i64(&r);
    room->measured = tkt__get_u32(&r);
    room->rate_micro = tkt__get_u32(&r);
    room->held = tkt__get_u8(&r);
    room->sold_out = tkt__get_u8(&r);
    uint8_t flags = tkt__get_u8(&r);
    room->removing = (flags & FLAG_REMOVING) != 0;
    room->started = (flags & FLAG_STARTED) != 0;
    room->idle = (flags & FLAG_IDLE) != 0;
    room->empty_handed = room->active;
    if (!r.bad && r.p != r.end) { /* rows of the first days end before */
        room->empty_handed = tkt__get_u32(&r);
        room->heard_since_ms = tkt__get_i64(&r);
    }
    return version != ROOM_VERSION || r.bad || r.p != r.end ? malformed("the row", event_id) : TKT_DONE;
}

int32_t tkt__queue_save(tkt__tx *tx, const tkt__room_row *room)
{
    uint8_t key[TKT__QUEUE_KEY_MAX], bytes[512];
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    tkt__put_u8(&w, ROOM_VERSION);
    put_settings(&w, &room->set);
    tkt__put_bytes(&w, room->seed, sizeof room->seed);
    tkt__put_u8(&w, room->key_number);
    tkt__put_bytes(&w, room->keys, sizeof room->keys);
    tkt__put_u64(&w, room->joined);
    tkt__put_u64(&w, room->early);
    tkt__put_u64(&w, room->head);
    tkt__put_u64(&w, room->admitted);
    tkt__put_u32(&w, room->active);
    tkt__put_i64(&w, room->tokens_micro);
    tkt__put_i64(&w, room->stepped_ms);
    tkt__put_i64(&w, room->measured_ms);
    tkt__put_u32(&w, room->measured);
    tkt__put_u32(&w, room->rate_micro);
    tkt__put_u8(&w, room->held);
    tkt__put_u8(&w, room->sold_out);
    tkt__put_u8(&w, (uint8_t)((room->removing ? FLAG_REMOVING : 0) | (room->started ? FLAG_STARTED : 0) | (room->idle ? FLAG_IDLE : 0)));
    tkt__put_u32(&w, room->empty_handed);
    tkt__put_i64(&w, room->heard_since_ms);
    return put(tx, key, tkt__queue_key(room->event_id, 'q', key), bytes, w.n);
}

int32_t tkt__queue_there(tkt__tx *tx, uint64_t event_id, tkt__room_row *room)
{
    int32_t status = tkt__queue_load(tx, event_id, room);
    return status == TKT_NOT_FOUND ? tkt__refuse_missing("waiting room of event", event_id) : status;
}

int32_t tkt__queue_refuse(uint64_t event_id, int32_t refusal, int64_t earliest_ms, const char *why)
{
    const tkt_cause cause = { .kind = TKT_CAUSE_QUEUE, .id = event_id, .earliest_ms = earliest_ms };
    tkt__refuse(refusal, "%s", why);
    tkt__cause(&cause);
    return refusal;
}

/* ---- members ----------------------------------------------------------------------------------------------------------------- */

static size_t member_key(uint64_t event_id, const uint8_t buyer[TKT_BUYER_BYTES], uint8_t key[TKT__QUEUE_KEY_MAX])
{
    size_t n = tkt__queue_key(event_id, 'm', key);
    memcpy(key + n, buyer, TKT_BUYER_BYTES);
    return n + TKT_BUYER_BYTES;
}

int32_t tkt__member_load(tkt__tx *tx, uint64_t event_id, const uint8_t buyer[TKT_BUYER_BYTES], tkt__member *m)
{
    uint8_t key[TKT__QUEUE_KEY_MAX];
    tkt__slice value;
    int32_t status = get(tx, key, member_key(event_id, buyer, key), &value);
    if (status != TKT_DONE)
        return status;
    tkt__reader r = tkt__reader_of(value);
    memcpy(m->buyer, buyer, TKT_BUYER_BYTES);
    m->number = tkt__get_u64(&r);
    m->state = tkt__get_u8(&r);
    uint8_t flags = tkt__get_u8(&r);
    m->claimed = (flags & MEMBER_CLAIMED) != 0;
    m->reserved = (flags & MEMBER_RESERVED) != 0;
    m->seen_ms = tkt__get_i64(&r);
    m->until_ms = tkt__get_i64(&r);
    m->issued_ms = tkt__get_i64(&r);
    m->promised_ms = tkt__get_i64(&r);
    return r.bad || r.p != r.end || m->state < TKT__MEMBER_WAITS || m->state > TKT__MEMBER_OVER ? malformed("a member", event_id)
                                                                                                 : TKT_DONE;
}

int32_t tkt__member_save(tkt__tx *tx, uint64_t event_id, const tkt__member *m)
{
    uint8_t key[TKT__QUEUE_KEY_MAX], bytes[MEMBER_BYTES];
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    tkt__put_u64(&w, m->number);
    tkt__put_u8(&w, m->state);
    tkt__put_u8(&w, (uint8_t)((m->claimed ? MEMBER_CLAIMED : 0) | (m->reserved ? MEMBER_RESERVED : 0)));
    tkt__put_i64(&w, m->seen_ms);
    tkt__put_i64(&w, m->until_ms);
    tkt__put_i64(&w, m->issued_ms);
    tkt__put_i64(&w, m->promised_ms);
    return put(tx, key, member_key(event_id, m->buyer, key), bytes, w.n);
}

static size_t number_key(uint64_t event_id, uint64_t number, uint8_t key[TKT__QUEUE_KEY_MAX])
{
    size_t n = tkt__queue_key(event_id, 'n', key);
    tkt__be64(key + n, number);
    return n + 8;
}

int32_t tkt__number_put(tkt__tx *tx, uint64_t event_id, uint64_t number, const uint8_t buyer[TKT_BUYER_BYTES])
{
    uint8_t key[TKT__QUEUE_KEY_MAX];
    return put(tx, key, number_key(event_id, number, key), buyer, TKT_BUYER_BYTES);
}

int32_t tkt__number_get(tkt__tx *tx, uint64_t event_id, uint64_t number, uint8_t buyer[TKT_BUYER_BYTES])
{
    uint8_t key[TKT__QUEUE_KEY_MAX];
    tkt__slice value;
    int32_t status = get(tx, key, number_key(event_id, number, key), &value);
    if (status == TKT_NOT_FOUND || (status == TKT_DONE && value.n != TKT_BUYER_BYTES))
        return malformed("a number", event_id);
    if (status == TKT_DONE)
        memcpy(buyer, value.p, TKT_BUYER_BYTES);
    return status;
}

int32_t tkt__end_row(tkt__tx *tx, uint64_t event_id, const tkt__member *m, bool there)
{
    uint8_t key[TKT__QUEUE_KEY_MAX];
    size_t n = tkt__queue_key(event_id, 'x', key);
    tkt__be32(key + n, tkt__second_of(m->until_ms));
    tkt__be64(key + n + 4, m->number);
    n += 12;
    return there ? put(tx, key, n, NULL, 0) : tkt__tx_del(tx, TKT__T_QUEUE, tkt__slice_of(key, n));
}
