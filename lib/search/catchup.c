/* SPDX-License-Identifier: MIT
 *
 * search/catchup.c: what changed while the index was built, and the switch.
 *
 * Which events changed between two states is told by the rows that every commit leaves: the discovery rows
 * name the events whose own guard was written (sale, bookings), the catalogue's feed names events, venues and
 * performers. Round after round brings the generation being built from one snapshot to a newer one, many
 * events a body, so that it is faster than those who change them; when few are left, a body that runs alone
 * does these and switches, so nothing can come between.
 * A crash leaves the old index and an unfinished generation, which the next build empties.
 */
#include "search/build.h"
#include "search/names.h"

#include <stdlib.h>

#define FINAL_MOST 64u    /* events that the switching body may bring up to date */
#define SLICE 64u         /* events of a body before; fewer when they do not fit */
#define ROUNDS_MAX 1000u
#define LIST_KEY 25 /* kind owner start event */
#define DISCOVERY_KEY (16 + TKT__GUARD_BYTES)

/* Owners stand among the events, and before them in the order, for a name's rows follow the name. */
#define OWNER_BIT (UINT64_C(1) << 63)
#define OWNER(kind, id) (OWNER_BIT | (uint64_t)(kind) << 48 | (id))

typedef struct changed {
    tkt__build *b;
    uint64_t *event; /* or OWNER(kind, id) */
    size_t n, room, most; /* most: of different ones; 0: no limit */
} changed;

static int32_t note(changed *c, uint64_t event)
{
    for (size_t i = 0; c->most != 0 && i < c->n; i++) /* a hot event leaves many rows and is one */
        if (c->event[i] == event)
            return TKT_DONE;
    if (c->most != 0 && c->n == c->most)
        return TKT_EXISTS; /* enough to know that it is too many */
    if (c->n == c->room) {
        size_t room = c->room == 0 ? 256 : 2 * c->room;
        uint64_t *grown = tkt__realloc(c->b->hooks, c->event, c->room * sizeof *grown, room * sizeof *grown);
        if (grown == NULL)
            return tkt__fail(TKT_E_NOMEM, "no memory for what changed");
        c->event = grown;
        c->room = room;
    }
    c->event[c->n++] = event;
    return TKT_DONE;
}

/* ---- what changed --------------------------------------------------------------------------------------- */

static int32_t last_stamp(tkt__tx *tx, uint8_t key[16])
{
    tkt__cursor *cursor;
    tkt__slice k, v;
    memset(key, 0, 16);
    int32_t status = tkt__tx_cursor_open(tx, TKT__T_DISCOVERY, &cursor);
    if (status != TKT_DONE)
        return status;
    status = tkt__cursor_seek_last(cursor, tkt__slice_of("", 0), &k, &v);
    if (status == TKT_DONE && k.n == DISCOVERY_KEY)
        memcpy(key, k.p, 16);
    tkt__cursor_close(cursor);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

/* Whether two snapshots are of one state. */
int32_t tkt__same_state(tkt__tx *a, tkt__tx *b, bool *same)
{
    uint8_t x[16], y[16];
    int32_t status = last_stamp(a, x);
    if (status == TKT_DONE)
        status = last_stamp(b, y);
    *same = status == TKT_DONE && memcmp(x, y, sizeof x) == 0;
    return status;
}

static int32_t guards_written(changed *c, tkt__tx *then, tkt__tx *now)
{
    uint8_t from[16];
    tkt__cursor *cursor;
    tkt__slice k, v;
    int32_t status = last_stamp(then, from);
    if (status == TKT_DONE)
        status = tkt__tx_cursor_open(now, TKT__T_DISCOVERY, &cursor);
    if (status != TKT_DONE)
        return status;
    status = tkt__cursor_seek(cursor, tkt__slice_of(from, sizeof from), &k, &v);
    while (status == TKT_DONE) {
        bool newer = k.n == DISCOVERY_KEY && memcmp(k.p, from, sizeof from) > 0;
        if (newer && k.p[16] == TKT__G_EVENT)
            status = note(c, tkt__get_be64(k.p + 17));
        if (status == TKT_DONE)
            status = tkt__cursor_next(cursor, &k, &v);
    }
    tkt__cursor_close(cursor);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

static int32_t note_listed(void *user, tkt__slice key, tkt__slice value)
{
    (void)value;
    return key.n == LIST_KEY ? note(user, tkt__get_be64(key.p + LIST_KEY - 8)) : TKT_DONE;
}

/* All events of a venue or a performer. */
static int32_t note_owned(changed *c, tkt__tx *now, uint8_t kind, uint64_t owner)
{
    uint8_t prefix[9] = { kind };
    tkt__be64(prefix + 1, owner);
    return tkt__scan(now, TKT__T_EVENT_LIST, tkt__slice_of(prefix, sizeof prefix), note_listed, c);
}

/* The kinds of owners and of their lists are the same letters. */
static int32_t note_owner(changed *c, tkt__tx *now, uint8_t kind, uint64_t id)
{
    int32_t status = note(c, OWNER(kind, id));
    return status == TKT_DONE ? note_owned(c, now, kind, id) : status;
}

static int32_t note_record(changed *c, tkt__tx *now, tkt__slice record)
{
    tkt__reader r = tkt__reader_of(record);
    uint8_t kind = tkt__get_u8(&r);
    tkt__get_i64(&r);
    uint64_t id = tkt__get_u64(&r);
    if (r.bad)
        return TKT_DONE; /* of a kind without an id */
    switch (kind) {
    case TKT__F_EVENT_ADDED:
    case TKT__F_EVENT_CHANGED:
    case TKT__F_EVENT_DELETED: return note(c, id);
    case TKT__F_VENUE_CHANGED: return note_owner(c, now, TKT__N_VENUE, id);
    case TKT__F_PERFORMER_CHANGED: return note_owner(c, now, TKT__N_PERFORMER, id);
    default: return TKT_DONE;
    }
}

static int32_t feed_written(changed *c, tkt__tx *then, tkt__tx *now)
{
    const tkt__guard guard = { TKT__G_CATALOG, 0 };
    tkt__guard_row before;
    uint8_t key[TKT__GUARD_BYTES + 8];
    tkt__cursor *cursor;
    tkt__slice k, v;
    int32_t status = tkt__tx_guard_row(then, guard, &before);
    if (status == TKT_DONE)
        status = tkt__tx_cursor_open(now, TKT__T_FEED, &cursor);
    if (status != TKT_DONE)
        return status;
    tkt__guard_key(guard, key);
    tkt__be64(key + TKT__GUARD_BYTES, before.seq + 1);
    status = tkt__cursor_seek(cursor, tkt__slice_of(key, sizeof key), &k, &v);
    while (status == TKT_DONE && k.n == sizeof key && memcmp(k.p, key, TKT__GUARD_BYTES) == 0) {
        status = note_record(c, now, v);
        if (status == TKT_DONE)
            status = tkt__cursor_next(cursor, &k, &v);
    }
    tkt__cursor_close(cursor);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a ^ OWNER_BIT, y = *(const uint64_t *)b ^ OWNER_BIT;
    return (x > y) - (x < y);
}

/* Each event that may differ, once. TKT_EXISTS: more than the limit. */
static int32_t find_changed(changed *c, tkt__tx *then, tkt__tx *now)
{
    size_t kept = 0;
    c->n = 0;
    int32_t status = guards_written(c, then, now);
    if (status == TKT_DONE)
        status = feed_written(c, then, now);
    if (status != TKT_DONE)
        return status;
    if (c->n > 0)
        qsort(c->event, c->n, sizeof *c->event, compare);
    for (size_t i = 0; i < c->n; i++)
        if (kept == 0 || c->event[kept - 1] != c->event[i])
            c->event[kept++] = c->event[i];
    c->n = kept;
    return TKT_DONE;
}

/* ---- bodies -------------------------------------------------------------------------------------------------- */

typedef struct slice {
    tkt__build *b;
    tkt__tx *then, *now;
    const uint64_t *event;
    size_t n;
} slice;

static int32_t record_in(tkt__tx *tx, uint8_t kind, uint64_t id, tkt__slice *record)
{
    int32_t status = tkt__entity_get(tx, kind, id, record);
    if (status != TKT_NOT_FOUND)
        return status;
    *record = tkt__slice_of(NULL, 0);
    return TKT_DONE;
}

/* One event, or the name of one owner, in the generation being built. */
static int32_t move_one(tkt__build *b, tkt__tx *tx, uint64_t what, tkt__tx *then, tkt__tx *now)
{
    tkt__slice old_record, new_record;
    uint8_t kind = (uint8_t)(what >> 48);
    uint64_t id = what & ((UINT64_C(1) << 48) - 1);
    if ((what & OWNER_BIT) == 0)
        return tkt__search_move_event(b->store, tx, &b->meta, what, then, now);
    int32_t status = record_in(then, kind, id, &old_record);
    if (status == TKT_DONE)
        status = record_in(now, kind, id, &new_record);
    return status == TKT_DONE ? tkt__name_moves(tx, kind, id, old_record, new_record) : status;
}

static int32_t move_body(tkt__tx *tx, void *ctx)
{
    const slice *s = ctx;
    int32_t status = TKT_DONE;
    tkt__tx_shadow(tx, true);
    for (size_t i = 0; status == TKT_DONE && i < s->n; i++)
        status = move_one(s->b, tx, s->event[i], s->then, s->now);
    tkt__tx_shadow(tx, false);
    return status;
}

static int32_t move_all(tkt__build *b, const changed *c, tkt__tx *then, tkt__tx *now)
{
    const tkt__guard guard = { TKT__G_CATALOG, 0 };
    int32_t status = TKT_DONE;
    size_t most = SLICE;
    for (size_t i = 0; status == TKT_DONE && i < c->n;) {
        slice s = { b, then, now, c->event + i, c->n - i < most ? c->n - i : most };
        status = tkt__store_run(b->store, &guard, 1, 0, move_body, &s);
        if (tkt_status_primary(status) == TKT_E_LIMIT && s.n > 1) {
            most = s.n / 2;
            status = TKT_DONE;
            continue;
        }
        i += s.n;
        b->stats.caught += s.n;
        most = most < SLICE ? 2 * most : SLICE;
    }
    return status;
}

typedef struct switching {
    tkt__build *b;
    tkt__tx *then;
    changed changed;
    bool too_many;
} switching;

static int32_t switch_body(tkt__tx *tx, void *ctx)
{
    switching *s = ctx;
    s->too_many = false;
    int32_t status = find_changed(&s->changed, s->then, tx);
    if (status == TKT_EXISTS) {
        s->too_many = true;
        return TKT_NOT_FOUND; /* nothing of this body is kept */
    }
    tkt__tx_shadow(tx, true);
    for (size_t i = 0; status == TKT_DONE && i < s->changed.n; i++)
        status = move_one(s->b, tx, s->changed.event[i], s->then, tx);
    tkt__tx_shadow(tx, false);
    if (status == TKT_DONE)
        status = tkt__generation_carry(tx);
    return status == TKT_DONE ? tkt__tx_publish(tx, TKT__BUILD_TABLES) : status;
}

static int32_t try_switch(tkt__build *b, tkt__tx *then, bool *too_many)
{
    const tkt__guard guards[2] = { { TKT__G_CATALOG, 0 }, { TKT__G_STORE, 0 } };
    const tkt__run_options alone = { .alone = true };
    switching s = { .b = b, .then = then, .changed = { .b = b, .most = FINAL_MOST } };
    int32_t status = tkt__kv_run(b->store->kv, guards, 2, &alone, switch_body, &s);
    *too_many = (s.too_many && status == TKT_NOT_FOUND) ||
                (tkt_status_primary(status) == TKT_E_LIMIT && s.changed.n > 1);
    if (status == TKT_DONE)
        b->stats.caught += s.changed.n;
    tkt__free(b->hooks, s.changed.event, s.changed.room * sizeof *s.changed.event);
    return *too_many ? TKT_DONE : status;
}

int32_t tkt__catch_up(tkt__build *b, tkt__tx *then)
{
    changed c = { .b = b };
    tkt__tx *mine = NULL, *now; /* then, where it is not the caller's */
    int32_t status = TKT_DONE;
    bool again = true;
    for (uint32_t round = 0; status == TKT_DONE && again && round < ROUNDS_MAX; round++) {
        status = try_switch(b, then, &again);
        if (status != TKT_DONE || !again)
            break;
        status = tkt__kv_read_begin(b->store->kv, &now);
        if (status != TKT_DONE)
            break;
        status = find_changed(&c, then, now);
        if (status == TKT_DONE)
            status = move_all(b, &c, then, now);
        if (mine == NULL)
            tkt__build_release(b); /* what is no longer needed keeps no pages from being used again */
        tkt__kv_read_end(mine);
        mine = then = now;
    }
    tkt__kv_read_end(mine);
    tkt__free(b->hooks, c.event, c.room * sizeof *c.event);
    return status == TKT_DONE && again ? tkt__fail(TKT_E_BUSY, "events changed faster than the index") : status;
}
