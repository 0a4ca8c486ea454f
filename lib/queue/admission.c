/* SPDX-License-Identifier: MIT
 *
 * queue/admission.c: the signed admission, and what booking asks of it within a reserve's own body.
 *
 *   version 1 (1), key number (1), be64 event, be64 number, be64 issued ms, be64 expires ms, buyer key (16), HMAC-SHA256 (32)
 *
 * The signature shows that this service gave it to this buyer for this event; the member's row, read in the same
 * commit, that it still holds. Comparisons take as long for a near miss as for a far one.
 */
#include "queue/queue.h"

#include <sodium.h>

#include "booking/booking.h"

#define SIGNED (TKT_ADMISSION_BYTES - crypto_auth_hmacsha256_BYTES)

_Static_assert(SIGNED == 50 && crypto_auth_hmacsha256_KEYBYTES == TKT__SEED_BYTES, "the layout is that of the header");

void tkt__admission_sign(const tkt__room_row *room, const tkt__member *m, uint8_t out[TKT_ADMISSION_BYTES])
{
    out[0] = 1;
    out[1] = room->key_number;
    tkt__be64(out + 2, room->event_id);
    tkt__be64(out + 10, m->number);
    tkt__be64(out + 18, (uint64_t)m->issued_ms);
    tkt__be64(out + 26, (uint64_t)m->until_ms);
    memcpy(out + 34, m->buyer, TKT_BUYER_BYTES);
    crypto_auth_hmacsha256(out + SIGNED, out, SIGNED, room->keys[0]);
}

/* Signature, then event, then buyer. How long it holds is the row's to say, which may have prolonged it. */
bool tkt__admission_good(const tkt__room_row *room, const uint8_t buyer[TKT_BUYER_BYTES], const uint8_t *a)
{
    uint8_t age = (uint8_t)(room->key_number - a[1]);
    if (a[0] != 1 || age >= TKT__ADMISSION_KEYS || crypto_auth_hmacsha256_verify(a + SIGNED, a, SIGNED, room->keys[age]) != 0)
        return false;
    return tkt__get_be64(a + 2) == room->event_id && sodium_memcmp(a + 34, buyer, TKT_BUYER_BYTES) == 0;
}

void tkt_admission_format(const uint8_t admission[TKT_ADMISSION_BYTES], char text[TKT_ADMISSION_TEXT])
{
    if (admission != NULL && text != NULL)
        tkt__hex_format(admission, TKT_ADMISSION_BYTES, text);
}

int32_t tkt_admission_parse(const char *text, size_t len, uint8_t admission[TKT_ADMISSION_BYTES])
{
    if (text == NULL || admission == NULL)
        return tkt__fail(TKT_E_INVALID, "text or admission is NULL");
    return tkt__hex_parse(text, len, admission, TKT_ADMISSION_BYTES, "an admission");
}

/* ---- what booking asks -------------------------------------------------------------------------------------------------- */

static int32_t refuse(const tkt__room_row *room, const char *why)
{
    return tkt__queue_refuse(room->event_id, TKT_NOT_ADMITTED, 0, why);
}

int32_t tkt__member_claim(tkt__tx *tx, const tkt__room_row *room, tkt__member *m)
{
    if (m->claimed)
        return TKT_DONE;
    int32_t status = tkt__end_row(tx, room->event_id, m, false);
    m->claimed = 1;
    m->until_ms = tkt__tx_now(tx) + room->set.session_ms;
    if (status == TKT_DONE)
        status = tkt__end_row(tx, room->event_id, m, true);
    return status == TKT_DONE ? tkt__member_save(tx, room->event_id, m) : status;
}

static int32_t may_reserve(tkt__tx *tx, uint64_t event_id, const uint8_t buyer[TKT_BUYER_BYTES], const uint8_t *admission)
{
    tkt__room_row room;
    tkt__member m;
    int32_t status = tkt__queue_load(tx, event_id, &room);
    if (status != TKT_DONE)
        return status == TKT_NOT_FOUND ? TKT_DONE : status;
    if (room.set.mode == TKT_QUEUE_OPEN)
        return TKT_DONE;
    if (room.set.mode == TKT_QUEUE_CLOSED)
        return refuse(&room, "the waiting room is closed");
    if (admission == NULL)
        return refuse(&room, "this event has a waiting room: join it");
    if (!tkt__admission_good(&room, buyer, admission))
        return refuse(&room, "this admission is not valid for this buyer and event");
    status = tkt__member_load(tx, event_id, buyer, &m);
    if (status < 0)
        return status;
    if (status == TKT_NOT_FOUND || m.number != tkt__get_be64(admission + 10) || m.state != TKT__MEMBER_ADMITTED ||
        m.until_ms <= tkt__tx_now(tx))
        return tkt__queue_refuse(event_id, TKT_NOT_ADMITTED,
                                 status == TKT_DONE && m.state == TKT__MEMBER_WAITS ? m.promised_ms : 0, /* he joined anew */
                                 "this admission is over: join again");
    if (!m.reserved) { /* a refusal takes it back with all else */
        m.reserved = true;
        room.empty_handed -= room.empty_handed > 0;
        status = tkt__member_save(tx, event_id, &m);
        if (status == TKT_DONE)
            status = tkt__queue_save(tx, &room);
    }
    return status == TKT_DONE ? tkt__member_claim(tx, &room, &m) : status;
}

/* Who has booked leaves the counter: the next may come. */
static int32_t has_booked(tkt__tx *tx, uint64_t event_id, const uint8_t buyer[TKT_BUYER_BYTES], int64_t reserved_ms)
{
    tkt__room_row room;
    tkt__member m;
    int32_t status = tkt__queue_load(tx, event_id, &room);
    if (status == TKT_DONE)
        status = tkt__member_load(tx, event_id, buyer, &m);
    /* A hold from before this admission was of another one. */
    if (status != TKT_DONE || m.state != TKT__MEMBER_ADMITTED || m.issued_ms > reserved_ms)
        return status == TKT_NOT_FOUND ? TKT_DONE : status;
    status = tkt__member_over(tx, &room, &m);
    return status == TKT_DONE ? tkt__queue_save(tx, &room) : status;
}

static int32_t event_idle(tkt__tx *tx, uint64_t event_id)
{
    tkt__room_row room;
    int32_t status = tkt__queue_load(tx, event_id, &room);
    if (status != TKT_DONE)
        return status == TKT_NOT_FOUND ? TKT_DONE : status;
    return tkt__queue_refuse(event_id, TKT_IN_USE, 0, "the event has a waiting room: remove it first");
}

const tkt__admission_ops tkt__admission = { may_reserve, has_booked, event_idle };
