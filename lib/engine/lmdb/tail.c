/* SPDX-License-Identifier: MIT
 *
 * engine/lmdb/tail.c: the tail in memory, and what a view sees of it.
 *
 * A process has one list of segments, oldest first; they hold every record from `base` to `top`. A view that
 * needs them (its first look at a journaled table) brings the list up to its own snapshot, by reading the
 * records it lacks from its own LMDB transaction, and takes a reference to each segment that it sees. From
 * then on it reads without a lock, versions up to `high` only. A snapshot older than `base` reads its records
 * into a segment of its own: the tail never waits for a reader, and a reader never holds more than was there
 * when he came.
 *
 * A segment whose last record has been folded, as the newest view knows, goes from the list. A new one is begun
 * when the last has half of what the tail may grow to.
 * Bytes on disk: none of its own. A crash leaves nothing; the next open reads the tail from the journal.
 */
#include "engine/lmdb/lmdb_engine.h"

#define AHEAD 12 /* writes */

int32_t tkt__tail_init(tkt__tail *t)
{
    memset(t, 0, sizeof *t);
    return pthread_mutex_init(&t->lock, NULL) == 0 ? TKT_DONE : tkt__fail(TKT_E_NOMEM, "no memory for a lock");
}

static void forget(tkt__tail *t, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        tkt__segment_drop(t->segment[i]);
    t->n -= n;
    memmove(t->segment, t->segment + n, t->n * sizeof t->segment[0]);
    if (t->n == 0)
        t->base = t->top = 0;
    else if (n != 0)
        t->base = t->segment[0]->first;
}

void tkt__tail_free(tkt__tail *t, bool lock_too)
{
    forget(t, t->n);
    if (lock_too)
        pthread_mutex_destroy(&t->lock);
}

/* ---- what a view's snapshot holds ------------------------------------------------------------------- */

static int end_record(MDB_cursor *cursor, MDB_cursor_op op, uint64_t *stamp, tkt__slice *bytes)
{
    MDB_val key, value;
    int rc = mdb_cursor_get(cursor, &key, &value, op);
    if (rc != 0)
        return rc;
    if (key.mv_size != 8)
        return MDB_CORRUPTED;
    *stamp = tkt__get_be64(key.mv_data);
    *bytes = tkt__slice_of(value.mv_data, value.mv_size);
    return 0;
}

int32_t tkt__tail_look(tkt__lmdb_view *v)
{
    tkt__seen *seen = &v->seen;
    tkt__slice bytes;
    tkt__record r;
    MDB_cursor *cursor;
    if (seen->looked)
        return TKT_DONE;
    seen->low = seen->high = seen->until = seen->total_low = seen->total_high = 0;
    seen->floor_ms = 0;
    seen->n = 0;
    if (!v->e->journal_on) {
        seen->looked = true;
        return TKT_DONE;
    }
    int rc = mdb_cursor_open(v->txn, v->e->journal_db, &cursor);
    if (rc != 0)
        return tkt__lmdb_status(v->e, rc, "opening the journal");
    int32_t status = TKT_DONE;
    rc = end_record(cursor, MDB_FIRST, &seen->low, &bytes);
    if (rc == 0 && (status = tkt__record_head(seen->low, bytes, &r)) == TKT_DONE) {
        seen->total_low = r.total - bytes.n - TKT__RECORD_COST;
        rc = end_record(cursor, MDB_LAST, &seen->high, &bytes);
    }
    if (rc == 0 && status == TKT_DONE && (status = tkt__record_head(seen->high, bytes, &r)) == TKT_DONE) {
        seen->total_high = r.total;
        seen->floor_ms = r.floor_ms;
    }
    mdb_cursor_close(cursor);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return tkt__lmdb_status(v->e, rc, "reading the journal");
    if (status == TKT_DONE && seen->high != 0)
        status = tkt__fold_until(v, &seen->until);
    seen->looked = status == TKT_DONE;
    return status;
}

/* ---- filling segments --------------------------------------------------------------------------------- */

/* The segment that takes the next record. One from which a fold takes is closed: what is in the tree must not
 * be in a segment that still takes records. `seen`: of who knows of every fold that began before the record. */
static tkt__segment *open_segment(tkt__tail *t, const tkt__lmdb *e, const tkt__seen *seen, uint64_t stamp)
{
    tkt__segment *last = t->n != 0 ? t->segment[t->n - 1] : NULL;
    bool folded = last != NULL && (last->last < seen->low || (last->last <= seen->until && stamp > seen->until));
    if (last != NULL && last->bytes < e->journal_half && !folded)
        return last;
    tkt__segment *s = tkt__segment_new(&e->hooks);
    if (s == NULL)
        return NULL;
    if (t->n == TKT__SEGMENTS_MAX)
        forget(t, 1); /* who still needs it reads it for himself */
    s->first = s->last = stamp;
    if (t->n == 0)
        t->base = stamp;
    t->segment[t->n++] = s;
    return s;
}

static int32_t load(tkt__segment *s, const tkt__lmdb *e, uint64_t stamp, tkt__slice bytes)
{
    tkt__record r;
    int32_t status = tkt__record_open(e, stamp, bytes, &r);
    if (status == TKT_DONE)
        status = tkt__record_load(&r, stamp, s);
    s->last = stamp;
    s->bytes += bytes.n + TKT__RECORD_COST;
    return status;
}

/* Reads the view's records from a stamp on into the tail, or into one segment alone. */
static int32_t read_records(tkt__lmdb_view *v, uint64_t from, tkt__tail *t, tkt__segment *alone)
{
    uint8_t at[8];
    MDB_cursor *cursor;
    tkt__slice bytes;
    int32_t status = TKT_DONE;
    int rc = mdb_cursor_open(v->txn, v->e->journal_db, &cursor);
    if (rc != 0)
        return tkt__lmdb_status(v->e, rc, "opening the journal");
    tkt__be64(at, from);
    MDB_val key = { sizeof at, at }, value;
    for (rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE); rc == 0 && status == TKT_DONE;
         rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
        if (key.mv_size != 8) {
            rc = MDB_CORRUPTED;
            break;
        }
        uint64_t stamp = tkt__get_be64(key.mv_data);
        bytes = tkt__slice_of(value.mv_data, value.mv_size);
        tkt__segment *s = alone != NULL ? alone : open_segment(t, v->e, &v->seen, stamp);
        status = s == NULL ? tkt__fail(TKT_E_NOMEM, "no memory for the journal's tail")
                           : load(s, v->e, stamp, bytes);
        if (t != NULL)
            t->top = stamp;
    }
    mdb_cursor_close(cursor);
    if (status == TKT_DONE && rc != MDB_NOTFOUND)
        status = tkt__lmdb_status(v->e, rc, "reading the journal");
    if (status != TKT_DONE && t != NULL)
        forget(t, t->n); /* nothing half-read is kept */
    return status;
}

static int32_t bind_alone(tkt__lmdb_view *v)
{
    tkt__segment *s = tkt__segment_new(&v->e->hooks);
    if (s == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for the journal's tail");
    s->leaps = false; /* a fold may have begun in its midst */
    int32_t status = read_records(v, v->seen.low, NULL, s);
    if (status != TKT_DONE) {
        tkt__segment_drop(s);
        return status;
    }
    v->seen.segment[v->seen.n++] = s;
    return TKT_DONE;
}

/* Under the lock. TKT_NOT_FOUND: the tail has gone past this view. */
static int32_t bind_shared(tkt__lmdb_view *v, tkt__tail *t)
{
    tkt__seen *seen = &v->seen;
    uint32_t gone = 0;
    if (t->n != 0 && t->top < seen->low)
        forget(t, t->n); /* others have folded what it holds */
    if (t->n != 0 && t->base > seen->low)
        return TKT_NOT_FOUND;
    while (gone + 1 < t->n && t->segment[gone]->last < seen->low)
        gone++;
    forget(t, gone);
    if (t->top < seen->high) {
        int32_t status = read_records(v, t->n != 0 ? t->top + 1 : seen->low, t, NULL);
        if (status != TKT_DONE)
            return status;
        if (t->base > seen->low) /* more than the list holds: the oldest were let go of */
            return TKT_NOT_FOUND;
    }
    for (uint32_t i = t->n; i > 0; i--) {
        if (t->segment[i - 1]->first > seen->high)
            continue;
        atomic_fetch_add_explicit(&t->segment[i - 1]->references, 1, memory_order_relaxed);
        seen->segment[seen->n++] = t->segment[i - 1];
    }
    return TKT_DONE;
}

int32_t tkt__tail_bind(tkt__lmdb_view *v)
{
    tkt__tail *t = &v->e->tail;
    if (v->seen.bound)
        return TKT_DONE;
    int32_t status = tkt__tail_look(v);
    if (status == TKT_DONE && v->seen.high != 0) {
        pthread_mutex_lock(&t->lock);
        status = bind_shared(v, t);
        pthread_mutex_unlock(&t->lock);
        if (status == TKT_NOT_FOUND)
            status = bind_alone(v);
    }
    v->seen.bound = status == TKT_DONE;
    return status;
}

void tkt__tail_unbind(tkt__lmdb_view *v)
{
    for (uint32_t i = 0; i < v->seen.n; i++)
        tkt__segment_drop(v->seen.segment[i]);
    v->seen.n = 0;
    v->seen.looked = v->seen.bound = false;
}

/* What a write will look at is fetched while those before it are added. */
static bool add_all(tkt__segment *s, const tkt__lmdb *e, uint64_t stamp, const tkt__write *writes, size_t n)
{
    uint8_t key[TKT__KEY_MAX + 8];
    uint32_t hash[AHEAD];
    bool added = true;
    for (size_t i = 0; added && i < n + AHEAD; i++) {
        const tkt__write *w = i >= AHEAD ? &writes[i - AHEAD] : NULL;
        if (w != NULL && tkt__journaled(e, w))
            added = tkt__segment_add(s, stamp, w->table, w->op == TKT__PUT_STAMPED ? TKT__INSERT : w->op,
                                     hash[i % AHEAD], tkt__write_key(w, stamp, key), w->value);
        if (i < n && tkt__journaled(e, &writes[i]))
            hash[i % AHEAD] = tkt__segment_fetch(s, writes[i].table, tkt__write_key(&writes[i], stamp, key));
    }
    return added;
}

void tkt__tail_committed(tkt__lmdb *e, const tkt__seen *before, uint64_t stamp, uint64_t bytes,
                         const tkt__write *writes, size_t n)
{
    tkt__tail *t = &e->tail;
    pthread_mutex_lock(&t->lock);
    if (t->n != 0 && t->top < before->low)
        forget(t, t->n);
    bool whole = t->n == 0 ? before->high == 0 : t->top == before->high; /* else: read by who needs it */
    tkt__segment *s = whole ? open_segment(t, e, before, stamp) : NULL;
    bool added = s != NULL && add_all(s, e, stamp, writes, n);
    if (added) {
        s->last = t->top = stamp;
        s->bytes += bytes;
    } else if (s != NULL)
        forget(t, t->n); /* no memory: nothing half-added is kept */
    pthread_mutex_unlock(&t->lock);
}

/* ---- reading -------------------------------------------------------------------------------------------- */

int32_t tkt__tail_get(tkt__lmdb_view *v, uint8_t table, tkt__slice key, tkt__slice *value)
{
    int32_t status = tkt__tail_bind(v);
    if (status != TKT_DONE)
        return status;
    for (uint32_t i = 0; i < v->seen.n; i++) {
        const tkt__node *n = tkt__segment_find(v->seen.segment[i], table, key);
        const tkt__version *found = n != NULL ? tkt__node_version(n, v->seen.high) : NULL;
        if (found == NULL)
            continue;
        *value = found->value;
        return found->deleted ? TKT_NOT_FOUND : TKT_DONE;
    }
    return TKT_EXISTS;
}

/* Finds the nearest key among the segments, and its newest version: segments come newest first. */
static bool nearest(tkt__walk *w, bool back)
{
    const tkt__node *best = NULL;
    w->version = NULL;
    for (uint32_t i = 0; i < w->seen->n; i++) {
        const tkt__node *n = w->at[i];
        const tkt__version *found = n != NULL ? tkt__node_version(n, w->seen->high) : NULL;
        int order = best == NULL || n == NULL ? -1 : tkt__slice_compare(n->key, best->key);
        if (n == NULL || (best != NULL && (back ? order < 0 : order > 0)))
            continue;
        if (best == NULL || order != 0) {
            best = n;
            w->version = found;
        } else if (w->version == NULL)
            w->version = found;
    }
    w->key = best != NULL ? best->key : tkt__slice_of(NULL, 0);
    return best != NULL;
}

static void step_forward(tkt__walk *w)
{
    for (uint32_t i = 0; i < w->seen->n; i++)
        if (w->at[i] != NULL && tkt__slice_compare(w->at[i]->key, w->key) == 0)
            w->at[i] = tkt__segment_next(w->seen->segment[i], w->at[i], w->seen->high);
}

/* Whether a walk may leave it out: it is over, and hides nothing. */
static bool over(const tkt__segment *s, const tkt__node *n, uint64_t high)
{
    const tkt__version *v = s->leaps && n->fresh ? tkt__node_version(n, high) : NULL;
    return v != NULL && v->deleted;
}

void tkt__walk_seek(tkt__walk *w, const tkt__seen *seen, uint8_t table, tkt__slice key, bool after)
{
    w->seen = seen;
    for (uint32_t i = 0; i < seen->n; i++) {
        const tkt__segment *s = seen->segment[i];
        w->at[i] = tkt__segment_seek(s, table, key, after);
        if (w->at[i] != NULL && over(s, w->at[i], seen->high))
            w->at[i] = tkt__segment_next(s, w->at[i], seen->high);
    }
    while (nearest(w, false) && w->version == NULL)
        step_forward(w);
}

void tkt__walk_next(tkt__walk *w)
{
    do
        step_forward(w);
    while (nearest(w, false) && w->version == NULL);
}

void tkt__walk_before(tkt__walk *w, const tkt__seen *seen, uint8_t table, tkt__slice key)
{
    w->seen = seen;
    for (uint32_t i = 0; i < seen->n; i++)
        w->at[i] = tkt__segment_before(seen->segment[i], table, key);
    while (nearest(w, true) && w->version == NULL)
        for (uint32_t i = 0; i < seen->n; i++)
            if (w->at[i] != NULL && tkt__slice_compare(w->at[i]->key, w->key) == 0)
                w->at[i] = tkt__segment_before(seen->segment[i], table, w->key);
}

const tkt__version *tkt__walk_version(const tkt__walk *w, uint64_t to)
{
    for (uint32_t i = 0; i < w->seen->n; i++) { /* newest first */
        const tkt__node *n = w->at[i];
        const tkt__version *v = n != NULL && tkt__slice_compare(n->key, w->key) == 0 ? tkt__node_version(n, to) : NULL;
        if (v != NULL)
            return v;
    }
    return NULL;
}
