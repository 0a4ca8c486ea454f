/* SPDX-License-Identifier: MIT
 *
 * tests/engine/hostile.c: the hostile engine: chance, bulk, the database itself.
 *
 * One lock guards a database; it is not held while the test's delay or rival runs. Stamps count
 * commits; a view is a stamp. Rules that the common layer owes an engine (sorted writes, each key once,
 * within the caps, guard rows written) are checked at each commit: breaking one ends the test.
 */
#include "hostile_parts.h"

/* ---- chance ---------------------------------------------------------------------------------------------- */

uint64_t hostile_draw(hostile *db)
{
    uint64_t x = db->random += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

bool hostile_comes(hostile *db, uint16_t per_mille)
{
    return !db->calm && hostile_draw(db) % 1000 < per_mille;
}

/* Time passes and others work, with no lock held. */
void hostile_meanwhile(hostile *db)
{
    const hostile_options *o = &db->options;
    int64_t ms = -1;
    bool rival = false;
    pthread_mutex_lock(&db->lock);
    if (o->on_delay != NULL && hostile_comes(db, o->delay)) {
        ms = (int64_t)(hostile_draw(db) % (uint64_t)(o->delay_most_ms + 1));
        db->counts.delays++;
    }
    if (o->on_rival != NULL && !db->in_rival && hostile_comes(db, o->rival)) {
        rival = db->in_rival = true;
        db->counts.rivals++;
    }
    pthread_mutex_unlock(&db->lock);
    if (ms >= 0)
        o->on_delay(o->user, ms);
    if (rival) {
        o->on_rival(o->user);
        db->in_rival = false;
    }
}

/* ---- bulk -------------------------------------------------------------------------------------------------------- */

typedef struct bulk {
    hostile *db;
    uint32_t tables;
    const hostile_row *last[TKT__BULK_TABLES];
} bulk;

static void drop_shadow(hostile *db, uint32_t table)
{
    hostile_generation *g = db->tables[table | TKT__SHADOW];
    if (g == NULL)
        return;
    hostile_rows_free(&g->rows);
    free(g);
    db->tables[table | TKT__SHADOW] = NULL;
}

static int32_t bulk_begin(void *e, uint32_t tables, void **out)
{
    hostile *db = ((hostile_engine *)e)->db;
    pthread_mutex_lock(&db->lock);
    bool busy = db->building;
    db->building = true;
    for (uint32_t t = 0; !busy && t < TKT__BULK_TABLES; t++) {
        drop_shadow(db, t);
        if ((tables >> t & 1) == 0)
            continue;
        db->tables[t | TKT__SHADOW] = hostile_memory(sizeof(hostile_generation));
        *db->tables[t | TKT__SHADOW] = (hostile_generation){ NULL, 0, { NULL, 0, 0 } };
    }
    pthread_mutex_unlock(&db->lock);
    if (busy)
        return tkt__fail(TKT_E_BUSY, "hostile: another build is under way");
    bulk *b = hostile_memory(sizeof *b);
    *b = (bulk){ .db = db, .tables = tables };
    *out = b;
    return TKT_DONE;
}

/* A hint may say anything. */
static uint32_t bulk_room(void *opaque, uint8_t table)
{
    const bulk *b = opaque;
    return b->last[table] != NULL ? (uint32_t)(b->last[table]->n * 977u % 4096u) : 0;
}

static int32_t bulk_append(void *opaque, uint8_t table, tkt__slice key, tkt__slice value)
{
    bulk *b = opaque;
    if (table >= TKT__BULK_TABLES || (b->tables >> table & 1) == 0 || key.n == 0 || key.n > TKT__KEY_MAX ||
        value.n > TKT__VALUE_MAX)
        return tkt__fail(TKT_E_LIMIT, "hostile: a row of bulk is empty, too large, or of another table");
    if (b->last[table] != NULL &&
        hostile_compare(key, tkt__slice_of(b->last[table]->key, b->last[table]->n)) <= 0)
        return tkt__fail(TKT_E_INVALID, "hostile: bulk rows must ascend");
    hostile_rows *rows = &b->db->tables[table | TKT__SHADOW]->rows;
    hostile_rows_write(rows, key, true, value, 0, 0);
    b->last[table] = rows->rows[rows->n - 1];
    return TKT_DONE;
}

static int32_t bulk_end(void *opaque)
{
    (void)opaque;
    return TKT_DONE;
}

static void bulk_abort(void *opaque)
{
    bulk *b = opaque;
    pthread_mutex_lock(&b->db->lock);
    for (uint32_t t = 0; t < TKT__BULK_TABLES; t++)
        drop_shadow(b->db, t);
    b->db->building = false;
    pthread_mutex_unlock(&b->db->lock);
    free(b);
}

/* ---- the database ------------------------------------------------------------------------------------------------- */

static void caps(void *e, tkt__caps *out)
{
    *out = ((hostile_engine *)e)->db->options.caps;
}

static void close_engine(void *e)
{
    ((hostile_engine *)e)->db->engines--;
    free(e);
}

static int32_t floor_of(void *e, int64_t *now_ms)
{
    hostile *db = ((hostile_engine *)e)->db;
    pthread_mutex_lock(&db->lock);
    *now_ms = db->floor_ms;
    pthread_mutex_unlock(&db->lock);
    return TKT_DONE;
}

static int32_t stats(void *e, tkt__engine_stats *out)
{
    hostile *db = ((hostile_engine *)e)->db;
    *out = (tkt__engine_stats){ .last_stamp = db->stamp, .commits = db->counts.commits };
    return TKT_DONE;
}

const tkt__engine_ops hostile_ops = {
    .name = "hostile",
    .caps = caps,
    .close = close_engine,
    .view_begin = hostile_view_begin,
    .view_renew = hostile_view_renew,
    .view_end = hostile_view_end,
    .get = hostile_get,
    .get_many = hostile_get_many,
    .cursor_open = hostile_cursor_open,
    .cursor_seek = hostile_cursor_seek,
    .cursor_seek_last = hostile_cursor_seek_last,
    .cursor_next = hostile_cursor_next,
    .cursor_prev = hostile_cursor_prev,
    .cursor_close = hostile_cursor_close,
    .write_begin = hostile_write_begin,
    .write_commit = hostile_write_commit,
    .write_floor = hostile_write_floor,
    .write_abort = hostile_write_abort,
    .bulk_begin = bulk_begin,
    .bulk_append = bulk_append,
    .bulk_room = bulk_room,
    .bulk_end = bulk_end,
    .bulk_abort = bulk_abort,
    .floor_ms = floor_of,
    .stats = stats,
};

hostile *hostile_new(const hostile_options *options)
{
    hostile *db = hostile_memory(sizeof *db);
    memset(db, 0, sizeof *db);
    db->options = *options;
    db->random = options->seed;
    if (db->options.caps.commit_writes == 0)
        db->options.caps = (tkt__caps){ 16384, 8u << 20, options->caps.remote };
    pthread_mutex_init(&db->lock, NULL);
    for (uint32_t i = 0; i < options->schema->count; i++) {
        db->tables[i] = hostile_memory(sizeof(hostile_generation));
        *db->tables[i] = (hostile_generation){ NULL, 0, { NULL, 0, 0 } };
    }
    return db;
}

void hostile_free(hostile *db)
{
    if (db->engines != 0)
        abort();
    hostile_land(db);
    for (uint32_t i = 0; i < 2 * TKT__TABLES_MAX; i++)
        for (hostile_generation *g = db->tables[i], *older; g != NULL; g = older) {
            older = g->older;
            hostile_rows_free(&g->rows);
            free(g);
        }
    pthread_mutex_destroy(&db->lock);
    free(db);
}

bool hostile_calm(hostile *db, bool calm)
{
    pthread_mutex_lock(&db->lock);
    bool was = db->calm;
    db->calm = calm;
    pthread_mutex_unlock(&db->lock);
    return was;
}

void hostile_land(hostile *db)
{
    pthread_mutex_lock(&db->lock);
    hostile_land_late(db, true);
    pthread_mutex_unlock(&db->lock);
}

hostile_counts hostile_count(const hostile *db)
{
    return db->counts;
}

void *hostile_attach(hostile *db)
{
    hostile_engine *e = hostile_memory(sizeof *e);
    e->db = db;
    db->engines++;
    return e;
}

void hostile_put(hostile *db, const tkt__row *rows, size_t n)
{
    db->stamp++;
    for (size_t i = 0; i < n; i++)
        hostile_rows_write(&db->tables[rows[i].table]->rows, rows[i].key, true, rows[i].value, db->stamp, 0);
}
