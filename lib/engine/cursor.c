/* SPDX-License-Identifier: MIT
 *
 * engine/cursor.c: overlay and engine read as one ordered table.
 *
 * Structure: a cursor holds a candidate from each side, the next key of that side in the direction of
 * travel. A step moves the side (or both) whose candidate was given out, and gives out the nearer
 * one; at equal keys the overlay's wins, and a deletion in it hides the engine's.
 *
 * A body may write while it walks. The engine's side can't change before the commit; overlay nodes
 * never move, and a change of the overlay's node count makes the cursor look for its overlay candidate
 * anew, behind the last key given out. Turning round looks for both anew.
 *
 * At the end of a table the cursor stands behind the last key: next says TKT_NOT_FOUND again, prev
 * gives the last key; likewise at the front. Before the first step, next means the first key and prev
 * the last. A snapshot's cursor has no overlay and goes straight to the engine.
 * Locks: none. Closed cursors are kept by their transaction and used again: no allocation per open
 * above the engine.
 */
#include <assert.h>

#include "engine/kv.h"

enum { FRESH, ON, FRONT, END };

struct tkt__cursor {
    tkt__tx *tx;
    tkt__cursor *next, *prev; /* in tx->open; `next` alone in tx->idle */
    void *engine;
    uint8_t table;
    uint8_t at;       /* FRESH, ON, FRONT, END */
    bool back;        /* direction of travel */
    bool there;       /* the engine's candidate exists */
    bool engine_used; /* it was given out, or hidden by what was */
    bool entry_used;  /* likewise the overlay's */
    tkt__slice key, value; /* the engine's candidate */
    tkt__entry *entry;     /* the overlay's candidate, or NULL */
    uint64_t nodes;        /* of the overlay when `entry` was found */
    tkt__slice last;       /* the key given out last, while ON */
};

static const tkt__slice none = { NULL, 0 };

/* ---- life -------------------------------------------------------------------------------------- */

int32_t tkt__tx_cursor_open(tkt__tx *tx, uint8_t table, tkt__cursor **cursor)
{
    tkt__kv *kv = tx->kv;
    if (table >= kv->schema->count)
        return tkt__fail(TKT_E_INTERNAL, "no table %u", table);
    tkt__cursor *c = tx->idle;
    if (c)
        tx->idle = c->next;
    else if (!(c = tkt__alloc(&kv->hooks, sizeof *c)))
        return tkt__fail(TKT_E_NOMEM, "no memory for a cursor");
    memset(c, 0, sizeof *c);
    c->tx = tx;
    c->table = tkt__tx_table(tx, table);
    int32_t status = tx->ops->cursor_open(tx->view, c->table, &c->engine);
    if (status < 0) {
        c->next = tx->idle;
        tx->idle = c;
        return tkt__tx_engine_failed(tx, status);
    }
    c->next = tx->open;
    if (tx->open)
        tx->open->prev = c;
    tx->open = c;
    *cursor = c;
    return TKT_DONE;
}

void tkt__cursor_close(tkt__cursor *c)
{
    if (!c)
        return;
    tkt__tx *tx = c->tx;
    tx->ops->cursor_close(c->engine);
    if (c->next)
        c->next->prev = c->prev;
    if (c->prev)
        c->prev->next = c->next;
    else
        tx->open = c->next;
    c->next = tx->idle;
    tx->idle = c;
}

void tkt__cursors_close(tkt__tx *tx)
{
    while (tx->open)
        tkt__cursor_close(tx->open);
}

void tkt__cursors_free(tkt__tx *tx)
{
    tkt__cursors_close(tx);
    while (tx->idle) {
        tkt__cursor *c = tx->idle;
        tx->idle = c->next;
        tkt__free(&tx->kv->hooks, c, sizeof *c);
    }
}

/* ---- the two sides ----------------------------------------------------------------------------- */

static int32_t engine_moved(tkt__cursor *c, int32_t status)
{
    c->there = status == TKT_DONE;
    c->engine_used = false;
    return status == TKT_NOT_FOUND ? TKT_DONE : tkt__tx_engine_failed(c->tx, status);
}

static int32_t engine_seek(tkt__cursor *c, tkt__slice key)
{
    const tkt__engine_ops *ops = c->tx->ops;
    return engine_moved(c, c->back ? ops->cursor_seek_last(c->engine, key, &c->key, &c->value)
                                   : ops->cursor_seek(c->engine, key, &c->key, &c->value));
}

static int32_t engine_step(tkt__cursor *c)
{
    const tkt__engine_ops *ops = c->tx->ops;
    if (!c->there)
        return TKT_DONE;
    return engine_moved(c, c->back ? ops->cursor_prev(c->engine, &c->key, &c->value)
                                   : ops->cursor_next(c->engine, &c->key, &c->value));
}

static void entry_step(tkt__cursor *c)
{
    c->entry = c->back ? c->entry->prev : c->entry->next[0];
    c->entry_used = false;
}

/* Looks for the overlay's candidate: the nearest from key on, or strictly past it. */
static void entry_seek(tkt__cursor *c, tkt__slice key, bool past)
{
    const tkt__overlay *o = c->tx->overlay;
    if (c->back)
        c->entry = key.n ? tkt__overlay_before(o, c->table, key) : tkt__overlay_last(o, c->table);
    else
        c->entry = key.n ? tkt__overlay_seek(o, c->table, key, past)
                         : tkt__overlay_first(o, c->table);
    c->entry_used = false;
    c->nodes = o->nodes;
}

/* ---- merging ----------------------------------------------------------------------------------- */

static int32_t give(tkt__cursor *c, tkt__slice key, tkt__slice value, tkt__slice *k, tkt__slice *v)
{
    c->at = ON;
    c->last = key;
    *k = key;
    *v = value;
    return TKT_DONE;
}

/* Gives out the nearer candidate that is alive. */
static int32_t merge(tkt__cursor *c, tkt__slice *k, tkt__slice *v)
{
    for (;;) {
        while (c->entry && c->entry->op == TKT__OP_NONE)
            entry_step(c);
        if (!c->entry && !c->there) {
            c->at = c->back ? FRONT : END;
            return TKT_NOT_FOUND;
        }
        int order = !c->there ? -1 : !c->entry ? 1 : tkt__slice_compare(c->entry->key, c->key);
        if (c->there && c->entry && c->back)
            order = -order;
        if (order > 0) {
            c->engine_used = true;
            return give(c, c->key, c->value, k, v);
        }
        c->engine_used = order == 0;
        if (c->entry->op != TKT__DEL) {
            c->entry_used = true;
            return give(c, c->entry->key, c->entry->value, k, v);
        }
        entry_step(c);
        if (c->engine_used) {
            int32_t status = engine_step(c);
            if (status < 0)
                return status;
        }
    }
}

/* Places both sides at key (empty: at the near end) in the direction c->back, and gives out. */
static int32_t place(tkt__cursor *c, tkt__slice key, bool past, tkt__slice *k, tkt__slice *v)
{
    int32_t status = engine_seek(c, key);
    if (status >= 0 && past && !c->back && c->there && tkt__slice_compare(c->key, key) == 0)
        status = engine_step(c);
    if (status < 0)
        return status;
    entry_seek(c, key, past);
    return merge(c, k, v);
}

static int32_t step(tkt__cursor *c, bool back, tkt__slice *k, tkt__slice *v)
{
    if (c->at == (back ? FRONT : END))
        return TKT_NOT_FOUND;
    bool turned = c->back != back;
    c->back = back;
    if (c->at != ON)
        return place(c, none, false, k, v);
    if (turned)
        return place(c, c->last, true, k, v);
    if (c->engine_used) {
        int32_t status = engine_step(c);
        if (status < 0)
            return status;
    }
    if (c->entry_used)
        entry_step(c);
    else if (c->nodes != c->tx->overlay->nodes)
        entry_seek(c, c->last, true);
    return merge(c, k, v);
}

/* ---- snapshots: the engine alone --------------------------------------------------------------- */

static int32_t plain(tkt__cursor *c, bool back, int32_t status)
{
    if (status == TKT_DONE) {
        c->at = ON;
        return TKT_DONE;
    }
    if (status != TKT_NOT_FOUND)
        return tkt__tx_engine_failed(c->tx, status);
    c->at = back ? FRONT : END;
    return status;
}

/* ---- the face ---------------------------------------------------------------------------------- */

int32_t tkt__cursor_seek(tkt__cursor *c, tkt__slice key, tkt__slice *k, tkt__slice *v)
{
    c->back = false;
    if (!c->tx->overlay)
        return plain(c, false, c->tx->ops->cursor_seek(c->engine, key, k, v));
    return place(c, key, false, k, v);
}

int32_t tkt__cursor_seek_last(tkt__cursor *c, tkt__slice key, tkt__slice *k, tkt__slice *v)
{
    c->back = true;
    if (!c->tx->overlay)
        return plain(c, true, c->tx->ops->cursor_seek_last(c->engine, key, k, v));
    return place(c, key, false, k, v);
}

int32_t tkt__cursor_next(tkt__cursor *c, tkt__slice *k, tkt__slice *v)
{
    const tkt__engine_ops *ops = c->tx->ops;
    if (c->tx->overlay)
        return step(c, false, k, v);
    if (c->at == ON)
        return plain(c, false, ops->cursor_next(c->engine, k, v));
    return c->at == END ? TKT_NOT_FOUND : plain(c, false, ops->cursor_seek(c->engine, none, k, v));
}

int32_t tkt__cursor_prev(tkt__cursor *c, tkt__slice *k, tkt__slice *v)
{
    const tkt__engine_ops *ops = c->tx->ops;
    if (c->tx->overlay)
        return step(c, true, k, v);
    if (c->at == ON)
        return plain(c, true, ops->cursor_prev(c->engine, k, v));
    return c->at == FRONT ? TKT_NOT_FOUND
                          : plain(c, true, ops->cursor_seek_last(c->engine, none, k, v));
}
