/* SPDX-License-Identifier: MIT
 *
 * tests/engine/hostile_commit.c: write transactions of the hostile engine: real conflicts, made
 * faults, and commits that land late.
 */
#include "hostile_parts.h"

/* ---- commits --------------------------------------------------------------------------------------------------- */

static const hostile_version *guard_version(const hostile *db, tkt__guard guard)
{
    uint8_t key[TKT__GUARD_BYTES];
    tkt__guard_key(guard, key);
    const hostile_row *row =
        hostile_rows_find(&db->tables[db->options.schema->guard_table]->rows, tkt__slice_of(key, sizeof key));
    return row != NULL ? row->newest : NULL;
}

static bool conflicts(const hostile *db, uint64_t seen, const tkt__guard *guards, size_t guards_n,
                      const tkt__write *writes, size_t n)
{
    for (size_t i = 0; i < guards_n; i++) {
        const hostile_version *v = guard_version(db, guards[i]);
        if (v != NULL && v->stamp > seen)
            return true;
    }
    for (size_t i = 0; i < n; i++) {
        if (db->tables[writes[i].table] == NULL)
            continue;
        const hostile_row *row = hostile_rows_find(&db->tables[writes[i].table]->rows, writes[i].key);
        if (writes[i].op == TKT__INSERT && row != NULL && row->newest->there)
            return true;
        if (writes[i].table == db->options.schema->guard_table && row != NULL && row->newest->stamp > seen)
            return true; /* a local scope names its guards only here */
    }
    return false;
}

/* The generations that were built become the tables of this stamp and later. */
static void switch_generations(hostile *db, uint32_t flips, uint64_t stamp)
{
    db->generation ^= flips;
    for (uint32_t t = 0; t < TKT__BULK_TABLES; t++) {
        if ((flips >> t & 1) == 0)
            continue;
        hostile_generation *made = db->tables[t | TKT__SHADOW];
        if (made == NULL)
            continue;
        made->from = stamp;
        made->older = db->tables[t];
        db->tables[t] = made;
        db->tables[t | TKT__SHADOW] = NULL;
    }
}

static void apply(hostile *db, const tkt__write *writes, size_t n, int64_t now_ms)
{
    uint64_t stamp = ++db->stamp;
    uint32_t flips = 0;
    db->counts.commits++;
    if (now_ms > db->floor_ms)
        db->floor_ms = now_ms;
    for (size_t i = 0; i < n; i++) {
        const tkt__write *w = &writes[i];
        uint8_t stamped[TKT__KEY_MAX + 8];
        tkt__slice key = w->key;
        if (w->op == TKT__PUT_STAMPED) {
            memcpy(stamped, w->key.p, w->stamp_at);
            tkt__be64(stamped + w->stamp_at, stamp);
            memcpy(stamped + w->stamp_at + 8, w->key.p + w->stamp_at, w->key.n - w->stamp_at);
            key = tkt__slice_of(stamped, w->key.n + 8);
        }
        if (db->tables[w->table] == NULL)
            continue; /* it landed when the build was over */
        hostile_rows_write(&db->tables[w->table]->rows, key, w->op != TKT__DEL, w->value, stamp, now_ms);
        if (w->table == db->options.schema->generation_table && key.n == TKT__GENERATION_KEY_BYTES &&
            memcmp(key.p, TKT__GENERATION_KEY, key.n) == 0)
            flips = tkt__get_u32(&(tkt__reader){ w->value.p, w->value.p + w->value.n, false }) ^ db->generation;
    }
    switch_generations(db, flips, stamp);
}

static void free_late(hostile_late *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free((void *)(uintptr_t)l->writes[i].key.p);
        free((void *)(uintptr_t)l->writes[i].value.p);
    }
    free(l->writes);
    free(l);
}

static tkt__slice copy(tkt__slice s)
{
    uint8_t *p = hostile_memory(s.n);
    if (s.n != 0)
        memcpy(p, s.p, s.n);
    return tkt__slice_of(p, s.n);
}

static void send_late(hostile *db, const hostile_tx *tx, const tkt__write *writes, size_t n, int64_t now_ms)
{
    hostile_late *l = hostile_memory(sizeof *l);
    l->seen = tx->view.stamp;
    l->now_ms = now_ms;
    l->guards_n = tx->guards_n;
    memcpy(l->guards, tx->guards, sizeof l->guards);
    l->n = n;
    l->writes = hostile_memory(n * sizeof *l->writes);
    for (size_t i = 0; i < n; i++) {
        l->writes[i] = writes[i];
        l->writes[i].key = copy(writes[i].key);
        l->writes[i].value = copy(writes[i].value);
    }
    db->late[db->late_n++] = l;
}

/* Commits on their way arrive: all of them, or now and then one. */
void hostile_land_late(hostile *db, bool all)
{
    while (db->late_n != 0 && (all || hostile_comes(db, LANDS))) {
        hostile_late *l = db->late[0];
        memmove(db->late, db->late + 1, --db->late_n * sizeof db->late[0]);
        if (conflicts(db, l->seen, l->guards, l->guards_n, l->writes, l->n))
            db->counts.dropped_late++;
        else {
            apply(db, l->writes, l->n, l->now_ms);
            db->counts.landed_late++;
        }
        free_late(l);
    }
}

static int32_t refused(hostile *db, const char *when)
{
    if (hostile_comes(db, db->options.busy)) {
        db->counts.busy++;
        return tkt__fail(TKT_E_BUSY, "hostile: busy at %s", when);
    }
    if (hostile_comes(db, db->options.away)) {
        db->counts.away++;
        return tkt__fail(TKT_E_UNAVAILABLE, "hostile: away at %s", when);
    }
    return TKT_DONE;
}

int32_t hostile_write_begin(void *e, const tkt__guard *guards, size_t n, int64_t deadline_ms, void **tx_out,
                           void **view_out, int64_t *floor_ms)
{
    hostile *db = ((hostile_engine *)e)->db;
    (void)deadline_ms;
    OWED(n <= sizeof((hostile_tx *)0)->guards / sizeof(tkt__guard));
    hostile_meanwhile(db);
    pthread_mutex_lock(&db->lock);
    int32_t status = refused(db, "begin");
    if (status == TKT_DONE) {
        hostile_tx *tx = hostile_memory(sizeof *tx);
        hostile_land_late(db, false);
        tx->view = (hostile_view){ db, db->stamp, NULL };
        tx->guards_n = n;
        tx->new_floor = false;
        *floor_ms = n == 0 || db->floor_stamp != 0 ? db->floor_ms : INT64_MIN;
        for (size_t i = 0; i < n; i++) {
            const hostile_version *v = guard_version(db, guards[i]);
            tx->guards[i] = guards[i];
            if (v != NULL && v->stamp > db->floor_stamp && v->now_ms > *floor_ms)
                *floor_ms = v->now_ms;
        }
        *tx_out = tx;
        *view_out = &tx->view;
    }
    pthread_mutex_unlock(&db->lock);
    return status;
}

static void owed_by_common_layer(const hostile *db, const tkt__write *writes, size_t n)
{
    size_t bytes = 0, counted = 0;
    for (size_t i = 0; i < n; i++) {
        const tkt__write *w = &writes[i];
        OWED((w->table & ~TKT__SHADOW) < db->options.schema->count);
        OWED(w->key.n > 0 && w->key.n <= TKT__KEY_MAX && w->value.n <= TKT__VALUE_MAX);
        OWED(i == 0 || w[-1].table < w->table ||
             (w[-1].table == w->table && hostile_compare(w[-1].key, w->key) < 0));
        if (w->table != db->options.schema->guard_table && w->table != db->options.schema->discovery_table) {
            counted++;
            bytes += w->key.n + w->value.n;
        }
    }
    OWED(counted <= db->options.caps.commit_writes && bytes <= db->options.caps.commit_bytes);
}

static int32_t unknown(uint64_t *count)
{
    ++*count;
    return tkt__fail(TKT_E_UNKNOWN, "hostile: the answer was lost");
}

static int32_t commit(hostile *db, const hostile_tx *tx, const tkt__write *writes, size_t n, int64_t now_ms,
                      tkt__commit_info *out)
{
    const hostile_options *o = &db->options;
    int32_t status = refused(db, "commit");
    if (status != TKT_DONE)
        return status;
    hostile_land_late(db, false);
    if (hostile_comes(db, o->conflict)) {
        db->counts.conflicts_made++;
        return tkt__fail(TKT_E_CONFLICT, "hostile: another was first");
    }
    if (hostile_comes(db, o->unknown_lost))
        return unknown(&db->counts.unknown_lost);
    if (db->late_n < LATE_MAX && !tx->new_floor && hostile_comes(db, o->unknown_late)) {
        send_late(db, tx, writes, n, now_ms);
        return unknown(&db->counts.unknown_late);
    }
    if (conflicts(db, tx->view.stamp, tx->guards, tx->guards_n, writes, n)) {
        db->counts.conflicts_true++;
        return tkt__fail(TKT_E_CONFLICT, "another was first");
    }
    apply(db, writes, n, now_ms);
    if (tx->new_floor) {
        db->floor_ms = tx->floor_ms;
        db->floor_stamp = db->stamp;
    }
    if (hostile_comes(db, o->unknown_done))
        return unknown(&db->counts.unknown_done);
    out->stamp = db->stamp;
    return TKT_DONE;
}

static void end_transaction(hostile_tx *tx)
{
    hostile_give_back(&tx->view);
    free(tx);
}

void hostile_write_floor(void *opaque, int64_t floor_ms)
{
    hostile_tx *tx = opaque;
    tx->new_floor = true;
    tx->floor_ms = floor_ms;
}

int32_t hostile_write_commit(void *opaque, const tkt__write *writes, size_t n, int64_t now_ms, tkt__commit_info *out)
{
    hostile_tx *tx = opaque;
    hostile *db = tx->view.db;
    owed_by_common_layer(db, writes, n);
    hostile_meanwhile(db);
    pthread_mutex_lock(&db->lock);
    int32_t status = commit(db, tx, writes, n, now_ms, out);
    pthread_mutex_unlock(&db->lock);
    end_transaction(tx);
    return status;
}

void hostile_write_abort(void *opaque)
{
    end_transaction(opaque);
}
