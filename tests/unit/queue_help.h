/* SPDX-License-Identifier: MIT
 *
 * tests/unit/queue_help.h: buyers of a waiting room by number, and what the room says.
 */
#ifndef TKT_TEST_QUEUE_HELP_H
#define TKT_TEST_QUEUE_HELP_H

#include "booking_help.h"

#include <ticketing/queue.h>

static inline void buyer(uint32_t i, uint8_t key[TKT_BUYER_BYTES])
{
    memset(key, 0, TKT_BUYER_BYTES);
    key[0] = 7;
    memcpy(key + 4, &i, sizeof(i));
}

static inline tkt_queue_settings settings(int64_t opens_ms, uint32_t per_minute, uint32_t burst, uint32_t active)
{
    tkt_queue_settings s;
    tkt_queue_settings_init(&s);
    s.opens_ms = opens_ms;
    s.per_minute = per_minute;
    s.burst = burst;
    s.active = active;
    return s;
}

static inline void set_queue(hall *h, tkt_queue_settings s)
{
    ok(tkt_queue_set(h->f.store, h->event_id, &s, 0));
}

static inline tkt_place join(hall *h, uint32_t i)
{
    uint8_t key[TKT_BUYER_BYTES];
    tkt_place place;
    buyer(i, key);
    tkt_place_init(&place);
    ok(tkt_queue_join(h->f.store, h->event_id, key, &place));
    return place;
}

static inline tkt_place poll_place(hall *h, uint32_t i)
{
    uint8_t key[TKT_BUYER_BYTES];
    tkt_place place;
    buyer(i, key);
    tkt_place_init(&place);
    ok(tkt_queue_poll(h->f.store, h->event_id, key, &place));
    return place;
}

static inline void leave(hall *h, uint32_t i)
{
    uint8_t key[TKT_BUYER_BYTES];
    buyer(i, key);
    ok(tkt_queue_leave(h->f.store, h->event_id, key));
}

static inline tkt_queue look_queue(hall *h)
{
    tkt_queue q;
    tkt_queue_init(&q);
    ok(tkt_queue_view(look(&h->f), h->event_id, &q));
    return q;
}

#endif
