/* SPDX-License-Identifier: MIT
 *
 * queue/none.c: stands in for the waiting room in builds without it (-Dqueue=disabled): its calls are not there, and an
 * event that has one, made by another build on the same store, sells nothing here rather than around it.
 */
#include "booking/booking.h"

#include <ticketing/queue.h>

static int32_t absent(void)
{
    return tkt__fail(TKT_E_UNAVAILABLE, "this build has no waiting room");
}

static int32_t room_there(tkt__tx *tx, uint64_t event_id)
{
    uint8_t key[9];
    tkt__slice value;
    tkt__be64(key, event_id);
    key[8] = 'q';
    return tkt__tx_get(tx, TKT__T_QUEUE, tkt__slice_of(key, sizeof key), &value);
}

static int32_t refuse(tkt__tx *tx, uint64_t event_id, int32_t refusal)
{
    const tkt_cause cause = { .kind = TKT_CAUSE_QUEUE, .id = event_id };
    int32_t status = room_there(tx, event_id);
    if (status != TKT_DONE)
        return status == TKT_NOT_FOUND ? TKT_DONE : status;
    tkt__refuse(refusal, "the event has a waiting room, and this build has none");
    tkt__cause(&cause);
    return refusal;
}

static int32_t may_reserve(tkt__tx *tx, uint64_t event_id, const uint8_t buyer[TKT_BUYER_BYTES], const uint8_t *admission)
{
    (void)buyer, (void)admission;
    return refuse(tx, event_id, TKT_NOT_ADMITTED);
}

static int32_t has_booked(tkt__tx *tx, uint64_t event_id, const uint8_t buyer[TKT_BUYER_BYTES], int64_t reserved_ms)
{
    (void)tx, (void)event_id, (void)buyer, (void)reserved_ms;
    return TKT_DONE;
}

static int32_t event_idle(tkt__tx *tx, uint64_t event_id)
{
    return refuse(tx, event_id, TKT_IN_USE);
}

const tkt__admission_ops tkt__admission = { may_reserve, has_booked, event_idle };

#define INIT(type, name)              \
    void name(type *p)                \
    {                                 \
        if (p == NULL)                \
            return;                   \
        memset(p, 0, sizeof *p);      \
        p->size = (uint32_t)sizeof *p;\
    }
INIT(tkt_queue_settings, tkt_queue_settings_init)
INIT(tkt_place, tkt_place_init)
INIT(tkt_queue, tkt_queue_init)

int32_t tkt_queue_set(tkt_store *store, uint64_t event_id, const tkt_queue_settings *settings, uint32_t flags)
{
    (void)store, (void)event_id, (void)settings, (void)flags;
    return absent();
}

int32_t tkt_queue_change(tkt_store *store, uint64_t event_id, const tkt_queue_settings *seen,
                         const tkt_queue_settings *settings, uint32_t flags)
{
    (void)seen;
    return tkt_queue_set(store, event_id, settings, flags);
}

int32_t tkt_queue_remove(tkt_store *store, uint64_t event_id)
{
    (void)store, (void)event_id;
    return absent();
}

int32_t tkt_queue_rotate(tkt_store *store, uint64_t event_id)
{
    (void)store, (void)event_id;
    return absent();
}

int32_t tkt_queue_join(tkt_store *store, uint64_t event_id, const uint8_t buyer_key[TKT_BUYER_BYTES], tkt_place *place)
{
    (void)store, (void)event_id, (void)buyer_key, (void)place;
    return absent();
}

int32_t tkt_queue_poll(tkt_store *store, uint64_t event_id, const uint8_t buyer_key[TKT_BUYER_BYTES], tkt_place *place)
{
    return tkt_queue_join(store, event_id, buyer_key, place);
}

int32_t tkt_queue_leave(tkt_store *store, uint64_t event_id, const uint8_t buyer_key[TKT_BUYER_BYTES])
{
    (void)store, (void)event_id, (void)buyer_key;
    return absent();
}

int32_t tkt_queue_view(tkt_snapshot *snapshot, uint64_t event_id, tkt_queue *queue)
{
    (void)snapshot, (void)event_id, (void)queue;
    return absent();
}

int32_t tkt_queue_settings_view(tkt_snapshot *snapshot, uint64_t event_id, tkt_queue_settings *settings)
{
    (void)snapshot, (void)event_id, (void)settings;
    return absent();
}

int32_t tkt_queue_shuffle(const uint8_t seed[32], uint64_t number, uint64_t count, uint64_t *place)
{
    (void)seed, (void)number, (void)count, (void)place;
    return absent();
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
