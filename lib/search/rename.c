/* SPDX-License-Identifier: MIT
 *
 * search/rename.c: a venue or a performer gets another name, place or country: its events are found by the
 * new one, a few at once in the commit of the change, the others slice by slice.
 *
 * Row: SEARCH 'r' kind be64 id → be64 start (sign flipped), be64 event: the first event that is still indexed
 * by the old record; then the old record. Events of the owner's list before it are indexed by the present
 * one. Whoever makes an event's terms asks these rows (terms.c), so an event that changes meanwhile is taken
 * out as it went in. Filters by place do not wait: they know such venues and ask for their own lists (plan.c). A second
 * change of the same owner waits until the first is worked off. The row goes with the last event; a build makes an index
 * without any.
 *
 * Each slice is one body: a crash leaves the row where the last slice left it, and a tick goes on.
 */
#include "search/names.h"

#define PLACE_BYTES 16u
#define AT_ONCE 4u      /* events in the commit of the change itself */
#define SLICE 16u       /* events of a slice; fewer when they do not fit into a body */
#define ROW_BYTES (PLACE_BYTES + TKT__ENTITY_RECORD_MAX)

static void row_key(uint8_t kind, uint64_t id, uint8_t key[10])
{
    key[0] = 'r';
    key[1] = kind;
    tkt__be64(key + 2, id);
}

static int32_t row_get(tkt__tx *tx, uint8_t kind, uint64_t id, tkt__slice *place, tkt__slice *record)
{
    uint8_t key[10];
    tkt__slice row;
    row_key(kind, id, key);
    int32_t status = tkt__tx_get(tx, TKT__T_SEARCH, tkt__slice_of(key, sizeof key), &row);
    if (status != TKT_DONE)
        return status;
    if (row.n < PLACE_BYTES || row.n > ROW_BYTES)
        return tkt__fail(TKT_E_CORRUPT, "the row of a change of names is malformed");
    *place = tkt__slice_of(row.p, PLACE_BYTES);
    *record = tkt__slice_of(row.p + PLACE_BYTES, row.n - PLACE_BYTES);
    return TKT_DONE;
}

static int32_t row_put(tkt__tx *tx, uint8_t kind, uint64_t id, const uint8_t place[PLACE_BYTES], tkt__slice record)
{
    uint8_t key[10], row[ROW_BYTES];
    if (record.n > TKT__ENTITY_RECORD_MAX)
        return tkt__fail(TKT_E_INTERNAL, "a record of %zu bytes", record.n);
    row_key(kind, id, key);
    memcpy(row, place, PLACE_BYTES);
    memcpy(row + PLACE_BYTES, record.p, record.n);
    return tkt__tx_put(tx, TKT__T_SEARCH, tkt__slice_of(key, sizeof key), tkt__slice_of(row, PLACE_BYTES + record.n));
}

int32_t tkt__renamed(tkt__tx *tx, uint8_t kind, uint64_t id, int64_t start_ms, uint64_t event, tkt__slice *record)
{
    uint8_t mine[PLACE_BYTES];
    tkt__slice place = { NULL, 0 };
    int32_t status = row_get(tx, kind, id, &place, record);
    if (status != TKT_DONE)
        return status;
    tkt__be_instant(mine, start_ms);
    tkt__be64(mine + 8, event);
    return memcmp(mine, place.p, PLACE_BYTES) >= 0 ? TKT_DONE : TKT_NOT_FOUND;
}

/* ---- working it off --------------------------------------------------------------------------------------- */

/* The owner's first event at or behind `place`. */
static int32_t next_event(tkt__tx *tx, uint8_t kind, uint64_t id, const uint8_t place[PLACE_BYTES],
                          uint8_t found[PLACE_BYTES])
{
    uint8_t key[9 + PLACE_BYTES] = { kind };
    tkt__cursor *cursor;
    tkt__slice k, v;
    tkt__be64(key + 1, id);
    memcpy(key + 9, place, PLACE_BYTES);
    int32_t status = tkt__tx_cursor_open(tx, TKT__T_EVENT_LIST, &cursor);
    if (status != TKT_DONE)
        return status;
    status = tkt__cursor_seek(cursor, tkt__slice_of(key, sizeof key), &k, &v);
    if (status == TKT_DONE && (k.n != sizeof key || memcmp(k.p, key, 9) != 0))
        status = TKT_NOT_FOUND;
    if (status == TKT_DONE)
        memcpy(found, k.p + 9, PLACE_BYTES);
    tkt__cursor_close(cursor);
    return status;
}

/* The place right behind an event's. */
static void step(uint8_t place[PLACE_BYTES])
{
    tkt__be64(place + 8, tkt__get_be64(place + 8) + 1);
}

static int32_t work_off(tkt_store *store, tkt__tx *tx, uint8_t kind, uint64_t id, uint32_t most, uint32_t *done)
{
    uint8_t place[PLACE_BYTES], key[10], old[TKT__ENTITY_RECORD_MAX];
    tkt__slice at = { NULL, 0 }, record = { NULL, 0 };
    int32_t status = row_get(tx, kind, id, &at, &record);
    if (status != TKT_DONE)
        return status;
    memcpy(place, at.p, PLACE_BYTES);
    memcpy(old, record.p, record.n);
    record.p = old;
    for (*done = 0; *done < most; ++*done) {
        status = next_event(tx, kind, id, place, place);
        if (status == TKT_NOT_FOUND) {
            row_key(kind, id, key);
            return tkt__tx_del(tx, TKT__T_SEARCH, tkt__slice_of(key, sizeof key));
        }
        uint64_t event = tkt__get_be64(place + 8);
        step(place);
        if (status == TKT_DONE)
            status = tkt__search_retell(store, tx, event, kind, id, place, record, row_put);
        if (status != TKT_DONE)
            return status;
    }
    return TKT_DONE;
}

int32_t tkt__search_entity_changed(void *user, tkt__tx *tx, uint8_t kind, uint64_t id, tkt__slice old_record,
                                   tkt__slice new_record)
{
    static const uint8_t first[PLACE_BYTES];
    uint8_t found[PLACE_BYTES];
    tkt__index_meta meta;
    tkt__slice place, record;
    uint32_t done;
    int32_t status = tkt__index_meta_get(tx, &meta);
    if (status != TKT_DONE)
        return status == TKT_NOT_FOUND ? TKT_DONE : status;
    status = row_get(tx, kind, id, &place, &record);
    if (status == TKT_DONE)
        return tkt__fail(TKT_E_BUSY, "its events are still being brought up to date after an earlier change");
    if (status == TKT_NOT_FOUND)
        status = tkt__name_moves(tx, kind, id, old_record, new_record);
    if (status == TKT_DONE) /* places and names that searches read from the record itself */
        status = tkt__generation_raise(tx, false);
    if (status == TKT_DONE)
        status = next_event(tx, kind, id, first, found);
    if (status == TKT_DONE)
        status = row_put(tx, kind, id, first, old_record);
    if (status == TKT_DONE)
        status = work_off(user, tx, kind, id, AT_ONCE, &done);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

typedef struct slice {
    tkt_store *store;
    uint8_t kind;
    uint64_t id;
    uint32_t most, done;
} slice;

static int32_t slice_body(tkt__tx *tx, void *ctx)
{
    slice *s = ctx;
    return work_off(s->store, tx, s->kind, s->id, s->most, &s->done);
}

/* Slices of one owner. TKT_NOT_FOUND: nothing is left of it. */
static int32_t settle(tkt_store *store, uint8_t kind, uint64_t id, uint64_t most, uint32_t *done)
{
    const tkt__guard guard = { TKT__G_CATALOG, 0 };
    slice s = { store, kind, id, SLICE, 0 };
    int32_t status = TKT_DONE;
    while (status == TKT_DONE && *done < most) {
        status = tkt__store_run(store, &guard, 1, 0, slice_body, &s);
        if (tkt_status_primary(status) == TKT_E_LIMIT && s.most > 1) {
            s.most /= 2; /* large events: fewer of them fit into one body */
            status = TKT_DONE;
            continue;
        }
        *done += status == TKT_DONE ? s.done : 0;
        if (status == TKT_DONE && s.done < s.most)
            return TKT_NOT_FOUND; /* the row went with its last event */
    }
    return status;
}

static int32_t is_open(tkt__tx *tx, void *ctx)
{
    const slice *s = ctx;
    tkt__slice place, record;
    return row_get(tx, s->kind, s->id, &place, &record);
}

/* Mostly nothing is left over, which a look tells without the lock of those who write. */
int32_t tkt__search_settle(void *user, uint8_t kind, uint64_t id, uint64_t most)
{
    slice s = { user, kind, id, 0, 0 };
    uint32_t done = 0;
    int32_t status = tkt__store_look(user, is_open, &s);
    if (status == TKT_DONE)
        status = settle(user, kind, id, most, &done);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

/* ---- by and by ------------------------------------------------------------------------------------------------ */

typedef struct owner {
    uint8_t kind;
    uint64_t id;
} owner;

static int32_t first_owner(tkt__tx *tx, void *ctx)
{
    owner *o = ctx;
    tkt__cursor *cursor;
    tkt__slice k, v;
    int32_t status = tkt__tx_cursor_open(tx, TKT__T_SEARCH, &cursor);
    if (status != TKT_DONE)
        return status;
    status = tkt__cursor_seek(cursor, tkt__slice_of("r", 1), &k, &v);
    if (status == TKT_DONE && (k.n != 10 || k.p[0] != 'r'))
        status = TKT_NOT_FOUND;
    if (status == TKT_DONE)
        *o = (owner){ k.p[1], tkt__get_be64(k.p + 2) };
    tkt__cursor_close(cursor);
    return status;
}

int32_t tkt__rename_tick(tkt_store *store, uint32_t most, uint32_t *done)
{
    owner o;
    int32_t status = TKT_DONE;
    while (status == TKT_DONE && *done < most) {
        status = tkt__store_look(store, first_owner, &o);
        if (status != TKT_DONE)
            break;
        status = settle(store, o.kind, o.id, most, done);
        status = status == TKT_NOT_FOUND ? TKT_DONE : status;
    }
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

typedef struct movers {
    tkt__name_id_fn fn;
    void *user;
} movers;

static int32_t one_moving(void *user, tkt__slice key, tkt__slice value)
{
    const movers *m = user;
    (void)value;
    return key.n == 10 ? m->fn(m->user, tkt__get_be64(key.p + 2)) : TKT_DONE;
}

int32_t tkt__venues_moving(tkt__tx *tx, tkt__name_id_fn fn, void *user)
{
    static const uint8_t prefix[2] = { 'r', TKT__N_VENUE };
    movers m = { fn, user };
    return tkt__scan(tx, TKT__T_SEARCH, tkt__slice_of(prefix, sizeof prefix), one_moving, &m);
}

static int32_t count_row(void *user, tkt__slice key, tkt__slice value)
{
    (void)key;
    (void)value;
    ++*(uint32_t *)user;
    return TKT_DONE;
}

int32_t tkt__rename_open(tkt__tx *tx, uint32_t *jobs)
{
    return tkt__scan(tx, TKT__T_SEARCH, tkt__slice_of("r", 1), count_row, jobs);
}
