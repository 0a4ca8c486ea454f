/* SPDX-License-Identifier: MIT
 *
 * tests/engine/hostile_view.c: snapshots and cursors of the hostile engine. A view is a stamp; what it
 * hands out are copies that die with it.
 */
#include "hostile_parts.h"

typedef struct cursor {
    hostile_view *view;
    const hostile_rows *rows;
    const hostile_row *at; /* NULL: nowhere yet */
} cursor;

/* ---- views ------------------------------------------------------------------------------------------------- */

static const hostile_rows *rows_of(const hostile_view *v, uint8_t table)
{
    const hostile_generation *g = v->db->tables[table];
    while (g->from > v->stamp)
        g = g->older;
    return &g->rows;
}

void hostile_give_back(hostile_view *v)
{
    for (hostile_lent *l = v->lent, *next; l != NULL; l = next) {
        next = l->next;
        free(l);
    }
    v->lent = NULL;
}

static tkt__slice lend(hostile_view *v, const uint8_t *bytes, size_t n)
{
    hostile_lent *l = hostile_memory(sizeof *l + n);
    if (n != 0)
        memcpy(l->bytes, bytes, n);
    l->next = v->lent;
    v->lent = l;
    return tkt__slice_of(l->bytes, n);
}

static int32_t read_fault(hostile_view *v)
{
    if (!hostile_comes(v->db, v->db->options.read_fails))
        return TKT_DONE;
    v->db->counts.read_fails++;
    return tkt__fail(TKT_E_UNAVAILABLE, "hostile: no answer to a read");
}

int32_t hostile_view_begin(void *e, void **out)
{
    hostile *db = ((hostile_engine *)e)->db;
    hostile_meanwhile(db);
    hostile_view *v = hostile_memory(sizeof *v);
    pthread_mutex_lock(&db->lock);
    *v = (hostile_view){ db, db->stamp, NULL };
    pthread_mutex_unlock(&db->lock);
    *out = v;
    return TKT_DONE;
}

int32_t hostile_view_renew(void *opaque)
{
    hostile_view *v = opaque;
    hostile_give_back(v);
    pthread_mutex_lock(&v->db->lock);
    v->stamp = v->db->stamp;
    pthread_mutex_unlock(&v->db->lock);
    return TKT_DONE;
}

void hostile_view_end(void *opaque)
{
    if (opaque == NULL)
        return;
    hostile_give_back(opaque);
    free(opaque);
}

int32_t hostile_get(void *opaque, uint8_t table, tkt__slice key, tkt__slice *value)
{
    hostile_view *v = opaque;
    pthread_mutex_lock(&v->db->lock);
    int32_t status = read_fault(v);
    if (status == TKT_DONE) {
        const hostile_row *row = hostile_rows_find(rows_of(v, table), key);
        const hostile_version *seen = row != NULL ? hostile_row_seen(row, v->stamp) : NULL;
        if (seen != NULL)
            *value = lend(v, seen->bytes, seen->n);
        else
            status = TKT_NOT_FOUND;
    }
    pthread_mutex_unlock(&v->db->lock);
    return status;
}

int32_t hostile_get_many(void *opaque, tkt__get *gets, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        gets[i].status = hostile_get(opaque, gets[i].table, gets[i].key, &gets[i].value);
        if (gets[i].status < 0)
            return gets[i].status;
    }
    return TKT_DONE;
}

/* ---- cursors -------------------------------------------------------------------------------------------------- */

int32_t hostile_cursor_open(void *opaque, uint8_t table, void **out)
{
    hostile_view *v = opaque;
    cursor *c = hostile_memory(sizeof *c);
    pthread_mutex_lock(&v->db->lock);
    *c = (cursor){ v, rows_of(v, table), NULL };
    pthread_mutex_unlock(&v->db->lock);
    *out = c;
    return TKT_DONE;
}

/* The first row the view sees from `at` on (step 1) or before `at` (step −1). */
static int32_t land_on(cursor *c, size_t at, int step, tkt__slice *k, tkt__slice *v)
{
    int32_t status = read_fault(c->view);
    const hostile_version *seen = NULL;
    if (status != TKT_DONE)
        return status;
    while (seen == NULL && (step > 0 ? at < c->rows->n : at > 0)) {
        c->at = c->rows->rows[step > 0 ? at : at - 1];
        seen = hostile_row_seen(c->at, c->view->stamp);
        at = step > 0 ? at + 1 : at - 1;
    }
    if (seen == NULL)
        return TKT_NOT_FOUND;
    *k = lend(c->view, c->at->key, c->at->n);
    *v = lend(c->view, seen->bytes, seen->n);
    return TKT_DONE;
}

/* Others may have added rows since: places are looked up anew. */
static int32_t move(cursor *c, tkt__slice key, bool after, int step, tkt__slice *k, tkt__slice *v)
{
    pthread_mutex_lock(&c->view->db->lock);
    size_t at = step < 0 && key.n == 0 ? c->rows->n : hostile_rows_at(c->rows, key, after);
    int32_t status = land_on(c, at, step, k, v);
    pthread_mutex_unlock(&c->view->db->lock);
    return status;
}

int32_t hostile_cursor_seek(void *opaque, tkt__slice key, tkt__slice *k, tkt__slice *v)
{
    return move(opaque, key, false, 1, k, v);
}

int32_t hostile_cursor_seek_last(void *opaque, tkt__slice key, tkt__slice *k, tkt__slice *v)
{
    return move(opaque, key, false, -1, k, v);
}

static tkt__slice here(const cursor *c)
{
    return c->at != NULL ? tkt__slice_of(c->at->key, c->at->n) : tkt__slice_of(NULL, 0);
}

int32_t hostile_cursor_next(void *opaque, tkt__slice *k, tkt__slice *v)
{
    return move(opaque, here(opaque), ((cursor *)opaque)->at != NULL, 1, k, v);
}

int32_t hostile_cursor_prev(void *opaque, tkt__slice *k, tkt__slice *v)
{
    return move(opaque, here(opaque), false, -1, k, v);
}

void hostile_cursor_close(void *opaque)
{
    free(opaque);
}
