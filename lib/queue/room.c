/* SPDX-License-Identifier: MIT
 *
 * queue/room.c: the waiting room as a room of the store: the crypto library made ready, the recount.
 */
#include "queue/queue.h"

#include <sodium.h>

static int32_t opened(tkt_store *store)
{
    (void)store;
    return sodium_init() >= 0 ? TKT_DONE : tkt__fail(TKT_E_IO, "the crypto library finds no randomness");
}

/* One pass over the table; rows of an event come together: members, numbers, the room, ends. */
typedef struct recount {
    tkt__tx *tx;
    tkt__problems *problems;
    uint64_t event_id, members, admitted, empty_handed, numbers;
} recount;

static int32_t wrong(const recount *r, const char *rule, uint64_t a, uint64_t b)
{
    return tkt__problem(r->problems, rule, "waiting room of event %llu: %llu, recounted %llu", (unsigned long long)r->event_id,
                        (unsigned long long)a, (unsigned long long)b);
}

static int32_t member_row(recount *r, tkt__slice key)
{
    tkt__member m;
    uint8_t buyer[TKT_BUYER_BYTES];
    int32_t status = tkt__member_load(r->tx, r->event_id, key.p + 9, &m);
    if (status != TKT_DONE)
        return tkt__problem(r->problems, "queue-member", "a member of event %llu is malformed", (unsigned long long)r->event_id);
    r->members++;
    r->admitted += m.state == TKT__MEMBER_ADMITTED;
    r->empty_handed += m.state == TKT__MEMBER_ADMITTED && !m.reserved;
    status = tkt__number_get(r->tx, r->event_id, m.number, buyer);
    if (status != TKT_DONE || memcmp(buyer, key.p + 9, sizeof buyer) != 0)
        return wrong(r, "queue-number", m.number, 0);
    if (m.state != TKT__MEMBER_ADMITTED)
        return TKT_DONE;
    uint8_t end[TKT__QUEUE_KEY_MAX];
    tkt__slice value;
    size_t n = tkt__queue_key(r->event_id, 'x', end);
    tkt__be32(end + n, tkt__second_of(m.until_ms));
    tkt__be64(end + n + 4, m.number);
    status = tkt__tx_get(r->tx, TKT__T_QUEUE, tkt__slice_of(end, n + 12), &value);
    return status == TKT_NOT_FOUND ? wrong(r, "queue-end", m.number, 0) : status;
}

static int32_t number_row(recount *r, tkt__slice key)
{
    uint64_t number = tkt__get_be64(key.p + 9);
    return number == r->numbers++ ? TKT_DONE : wrong(r, "queue-gap", number, r->numbers - 1);
}

static int32_t room_row(recount *r)
{
    tkt__room_row room;
    int32_t status = tkt__queue_load(r->tx, r->event_id, &room);
    if (status != TKT_DONE)
        return tkt__problem(r->problems, "queue-room", "the row of event %llu is malformed", (unsigned long long)r->event_id);
    if (room.removing)
        return TKT_DONE;
    if (room.active != r->admitted)
        status = wrong(r, "queue-active", room.active, r->admitted);
    if (status == TKT_DONE && room.empty_handed != r->empty_handed)
        status = wrong(r, "queue-empty-handed", room.empty_handed, r->empty_handed);
    if (status == TKT_DONE && room.joined != r->numbers)
        status = wrong(r, "queue-joined", room.joined, r->numbers);
    if (status == TKT_DONE && (room.head > room.joined || room.early > room.joined))
        status = wrong(r, "queue-head", room.head, room.joined);
    return status;
}

/* An end is that of an admission that there is. */
static int32_t end_row(recount *r, tkt__slice key)
{
    tkt__member m;
    uint8_t buyer[TKT_BUYER_BYTES];
    uint64_t number = tkt__get_be64(key.p + 13);
    int32_t status = tkt__number_get(r->tx, r->event_id, number, buyer);
    if (status == TKT_DONE)
        status = tkt__member_load(r->tx, r->event_id, buyer, &m);
    bool right = status == TKT_DONE && m.number == number && m.state == TKT__MEMBER_ADMITTED &&
                 tkt__second_of(m.until_ms) == tkt__get_be32(key.p + 9);
    return right ? TKT_DONE : wrong(r, "queue-end", number, 0);
}

static int32_t removing(recount *r, bool *yes)
{
    tkt__room_row room;
    int32_t status = tkt__queue_load(r->tx, r->event_id, &room);
    *yes = status == TKT_DONE && room.removing;
    if (status == TKT_NOT_FOUND)
        return tkt__problem(r->problems, "queue-room", "event %llu has members and no waiting room", (unsigned long long)r->event_id);
    return status < 0 ? TKT_DONE : status;
}

static int32_t row(void *user, tkt__slice key, tkt__slice value)
{
    recount *r = user;
    bool gone = false;
    (void)value;
    if (key.n < 9)
        return tkt__problem(r->problems, "queue-row", "a row of %zu bytes", key.n);
    uint64_t event_id = tkt__get_be64(key.p);
    if (event_id != r->event_id)
        *r = (recount){ .tx = r->tx, .problems = r->problems, .event_id = event_id };
    int32_t status = key.p[8] == 'q' ? TKT_DONE : removing(r, &gone);
    if (status != TKT_DONE || gone)
        return status;
    switch (key.p[8]) {
    case 'm': return key.n == 9 + TKT_BUYER_BYTES ? member_row(r, key) : wrong(r, "queue-row", key.n, 0);
    case 'n': return key.n == 17 ? number_row(r, key) : wrong(r, "queue-row", key.n, 0);
    case 'q': return room_row(r);
    case 'x': return key.n == 21 ? end_row(r, key) : wrong(r, "queue-row", key.n, 0);
    default: return TKT_DONE;
    }
}

static int32_t check(tkt_store *store, tkt__tx *tx, tkt__problems *problems)
{
    recount r = { .tx = tx, .problems = problems };
    (void)store;
    return tkt__scan(tx, TKT__T_QUEUE, tkt__slice_of(NULL, 0), row, &r);
}

const tkt__room tkt__queue_room = { .name = "queue", .opened = opened, .check = check };
