/* SPDX-License-Identifier: MIT
 *
 * engine/lmdb/cursor.c: cursors over the tree and, for journaled tables, the tail.
 *
 * A cursor of a table of which the view's tail knows nothing is LMDB's own. Any other one merges: it holds a
 * candidate from each side, in the direction of travel; a step moves the sides whose candidate was given out and
 * gives out the nearer one. At equal keys the tail's wins, and a deletion there hides the tree's. Turning round
 * looks for both anew.
 *
 * Keys and values point into the map or into segments, and live as long as the view's transaction.
 */
#include "engine/lmdb/lmdb_engine.h"

typedef struct lmdb_cursor {
    tkt__lmdb_view *view;
    MDB_cursor *cursor;
    bool merged, back;
    uint8_t table;
    bool there;              /* the tree's candidate exists */
    bool tree_used, tail_used; /* it was given out, or hidden by what was */
    tkt__slice key, value;   /* the tree's candidate */
    tkt__walk walk;          /* the tail's */
    tkt__slice last;         /* the key given out last */
} lmdb_cursor;

static const tkt__slice none = { NULL, 0 };

static bool tail_has(const tkt__seen *seen, uint8_t table)
{
    for (uint32_t i = 0; i < seen->n; i++)
        if (atomic_load_explicit(&seen->segment[i]->heads[table], memory_order_acquire) != NULL)
            return true;
    return false;
}

int32_t tkt__lmdb_cursor_open(void *view, uint8_t table, void **out)
{
    tkt__lmdb_view *v = view;
    tkt__lmdb *e = v->e;
    MDB_dbi db;
    int32_t status = tkt__lmdb_db(v, table, &db);
    bool journaled = status == TKT_DONE && e->journal_on && (table & TKT__SHADOW) == 0 &&
                     e->schema->tables[table].journaled;
    if (journaled)
        status = tkt__tail_bind(v);
    if (status != TKT_DONE)
        return status;
    lmdb_cursor *c = tkt__alloc(&e->hooks, sizeof *c);
    if (c == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for a cursor");
    *c = (lmdb_cursor){ .view = v, .table = table, .merged = journaled && tail_has(&v->seen, table) };
    int rc = mdb_cursor_open(v->txn, db, &c->cursor);
    if (rc != 0) {
        tkt__free(&e->hooks, c, sizeof *c);
        return tkt__lmdb_status(e, rc, "opening a cursor");
    }
    *out = c;
    return TKT_DONE;
}

void tkt__lmdb_cursor_close(void *cursor)
{
    lmdb_cursor *c = cursor;
    if (c == NULL)
        return;
    tkt__lmdb *e = c->view->e;
    if (!tkt__lmdb_forked(e))
        mdb_cursor_close(c->cursor);
    tkt__free(&e->hooks, c, sizeof *c);
}

/* ---- the tree --------------------------------------------------------------------------------------- */

static int32_t move(lmdb_cursor *c, tkt__slice key, MDB_cursor_op op, tkt__slice *k, tkt__slice *v)
{
    MDB_val at = { key.n, (void *)(uintptr_t)key.p }, value = { 0, NULL };
    int rc = mdb_cursor_get(c->cursor, &at, &value, op);
    if (rc != 0)
        return rc == MDB_NOTFOUND ? TKT_NOT_FOUND : tkt__lmdb_status(c->view->e, rc, "moving a cursor");
    *k = tkt__slice_of(at.mv_data, at.mv_size);
    *v = tkt__slice_of(value.mv_data, value.mv_size);
    return TKT_DONE;
}

static int32_t tree_seek(lmdb_cursor *c, tkt__slice key, tkt__slice *k, tkt__slice *v)
{
    return move(c, key, key.n != 0 ? MDB_SET_RANGE : MDB_FIRST, k, v);
}

static int32_t tree_seek_last(lmdb_cursor *c, tkt__slice key, tkt__slice *k, tkt__slice *v)
{
    if (key.n != 0) {
        int32_t status = move(c, key, MDB_SET_RANGE, k, v);
        if (status == TKT_DONE)
            return move(c, none, MDB_PREV, k, v);
        if (status != TKT_NOT_FOUND)
            return status;
    }
    return move(c, none, MDB_LAST, k, v);
}

static int32_t moved(lmdb_cursor *c, int32_t status)
{
    c->there = status == TKT_DONE;
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

static int32_t tree_step(lmdb_cursor *c)
{
    return c->there ? moved(c, move(c, none, c->back ? MDB_PREV : MDB_NEXT, &c->key, &c->value)) : TKT_DONE;
}

/* ---- both -------------------------------------------------------------------------------------------- */

static void tail_step(lmdb_cursor *c)
{
    if (c->back)
        tkt__walk_before(&c->walk, &c->view->seen, c->table, c->walk.key);
    else
        tkt__walk_next(&c->walk);
}

static int32_t give(lmdb_cursor *c, tkt__slice key, tkt__slice value, tkt__slice *k, tkt__slice *v)
{
    c->last = key;
    *k = key;
    *v = value;
    return TKT_DONE;
}

/* Gives out the nearer candidate that is alive. */
static int32_t merge(lmdb_cursor *c, tkt__slice *k, tkt__slice *v)
{
    for (;;) {
        const tkt__version *tail = c->walk.version;
        if (tail == NULL && !c->there)
            return TKT_NOT_FOUND;
        int order = !c->there ? -1 : tail == NULL ? 1 : tkt__slice_compare(c->walk.key, c->key);
        if (c->there && tail != NULL && c->back)
            order = -order;
        c->tree_used = order >= 0;
        c->tail_used = order <= 0;
        if (order > 0)
            return give(c, c->key, c->value, k, v);
        if (!tail->deleted)
            return give(c, c->walk.key, tail->value, k, v);
        tail_step(c);
        int32_t status = c->tree_used ? tree_step(c) : TKT_DONE;
        if (status != TKT_DONE)
            return status;
    }
}

/* Places both sides at key (empty: at the near end) in the direction c->back, and gives out. */
static int32_t place(lmdb_cursor *c, tkt__slice key, bool past, tkt__slice *k, tkt__slice *v)
{
    int32_t status = moved(c, c->back ? tree_seek_last(c, key, &c->key, &c->value)
                                      : tree_seek(c, key, &c->key, &c->value));
    if (status == TKT_DONE && past && !c->back && c->there && tkt__slice_compare(c->key, key) == 0)
        status = tree_step(c);
    if (status != TKT_DONE)
        return status;
    if (c->back)
        tkt__walk_before(&c->walk, &c->view->seen, c->table, key);
    else
        tkt__walk_seek(&c->walk, &c->view->seen, c->table, key, past);
    return merge(c, k, v);
}

/* Behind a row that was given out: the common layer never asks otherwise. */
static int32_t step(lmdb_cursor *c, bool back, tkt__slice *k, tkt__slice *v)
{
    bool turned = c->back != back;
    c->back = back;
    if (turned)
        return place(c, c->last, true, k, v);
    if (c->tail_used)
        tail_step(c);
    int32_t status = c->tree_used ? tree_step(c) : TKT_DONE;
    return status == TKT_DONE ? merge(c, k, v) : status;
}

/* ---- the contract ------------------------------------------------------------------------------------- */

int32_t tkt__lmdb_cursor_seek(void *cursor, tkt__slice key, tkt__slice *k, tkt__slice *v)
{
    lmdb_cursor *c = cursor;
    c->back = false;
    return c->merged ? place(c, key, false, k, v) : tree_seek(c, key, k, v);
}

int32_t tkt__lmdb_cursor_seek_last(void *cursor, tkt__slice key, tkt__slice *k, tkt__slice *v)
{
    lmdb_cursor *c = cursor;
    c->back = true;
    return c->merged ? place(c, key, false, k, v) : tree_seek_last(c, key, k, v);
}

int32_t tkt__lmdb_cursor_next(void *cursor, tkt__slice *k, tkt__slice *v)
{
    lmdb_cursor *c = cursor;
    return c->merged ? step(c, false, k, v) : move(c, none, MDB_NEXT, k, v);
}

int32_t tkt__lmdb_cursor_prev(void *cursor, tkt__slice *k, tkt__slice *v)
{
    lmdb_cursor *c = cursor;
    return c->merged ? step(c, true, k, v) : move(c, none, MDB_PREV, k, v);
}
