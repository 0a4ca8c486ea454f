/* SPDX-License-Identifier: MIT
 *
 * engine/tx.c: opening the common layer, snapshots, and what a body does with its transaction.
 *
 * A snapshot is the engine's view and an arena: a get is a call through one pointer. A body's
 * transaction has an overlay too, which is asked first. Writes are checked here, before they touch
 * the overlay: key and value sizes, the guard they need, the body's own limits (rule 7, the same on
 * every engine) and what is left of the commit's. A write that failed is remembered, so that a body
 * which overlooks it can't take effect by half.
 *
 * Locks: none for snapshots, neither at begin nor at renew; a body runs on the thread that leads its
 * batch. A crash leaves nothing.
 */
#include <assert.h>
#include <unistd.h>

#include "engine/kv.h"

/* Rows that a commit adds for each guard: its row and its discovery row, and their bytes. */
#define GUARD_WRITES 2
#define GUARD_WRITE_BYTES 64

/* ---- opening ----------------------------------------------------------------------------------- */

static bool schema_sound(const tkt__schema *schema)
{
    if (!schema || schema->count == 0 || schema->count > TKT__TABLES_MAX)
        return false;
    for (uint32_t i = 0; i < schema->count; i++)
        if (schema->tables[i].id != i || !schema->tables[i].name)
            return false;
    return schema->guard_table < schema->count && schema->discovery_table < schema->count &&
           schema->guard_table != schema->discovery_table;
}

/* On failure the engine stays the caller's. */
int32_t tkt__kv_open(const tkt__kv_config *config, tkt__kv **kv)
{
    tkt_hooks hooks;
    if (!config->ops || !schema_sound(config->schema))
        return tkt__fail(TKT_E_INTERNAL, "the schema is not sound");
    int32_t status = tkt__hooks_resolve(&config->hooks, &hooks);
    if (status < 0)
        return status;
    tkt__kv *made = tkt__alloc(&hooks, sizeof *made);
    if (!made)
        return tkt__fail(TKT_E_NOMEM, "no memory for a store");
    memset(made, 0, sizeof *made);
    made->config = *config;
    made->hooks = hooks;
    made->schema = config->schema;
    made->ops = config->ops;
    made->engine = config->engine;
    made->ops->caps(made->engine, &made->caps);
    if (pthread_mutex_init(&made->lock, NULL)) {
        tkt__free(&hooks, made, sizeof *made);
        return tkt__fail(TKT_E_NOMEM, "no memory for a lock");
    }
    tkt__mine_begin(&made->mine);
    *kv = made;
    return TKT_DONE;
}

void tkt__kv_close(tkt__kv *kv)
{
    if (!kv)
        return;
    assert(!tkt__mine_is(&kv->mine) || (!kv->queue.first && !kv->claims));
    while (kv->idle) {
        tkt__batch *b = kv->idle;
        kv->idle = b->idle_next;
        tkt__batch_free(b);
    }
    kv->ops->close(kv->engine);
    if (tkt__mine_is(&kv->mine)) /* in a forked child another thread may have left it locked */
        pthread_mutex_destroy(&kv->lock);
    tkt__mine_end(&kv->mine);
    tkt_hooks hooks = kv->hooks;
    tkt__free(&hooks, kv, sizeof *kv);
}

const tkt__caps *tkt__kv_caps(const tkt__kv *kv)
{
    return &kv->caps;
}

const tkt__engine_ops *tkt__kv_ops(tkt__kv *kv, void **engine)
{
    if (engine)
        *engine = kv->engine;
    return kv->ops;
}

/* ---- snapshots --------------------------------------------------------------------------------- */

int32_t tkt__kv_read_begin(tkt__kv *kv, tkt__tx **tx)
{
    tkt__tx *made = tkt__alloc(&kv->hooks, sizeof *made);
    if (!made)
        return tkt__fail(TKT_E_NOMEM, "no memory for a snapshot");
    memset(made, 0, sizeof *made);
    made->kv = kv;
    made->ops = kv->ops;
    tkt__arena_init(&made->arena, &kv->hooks, 0);
    int32_t status = kv->ops->view_begin(kv->engine, &made->view);
    if (status < 0) {
        tkt__free(&kv->hooks, made, sizeof *made);
        return status;
    }
    *tx = made;
    return TKT_DONE;
}

int32_t tkt__kv_read_renew(tkt__tx *tx)
{
    assert(!tx->overlay);
    if (tx->open)
        tkt__cursors_close(tx);
    if (tx->arena.used)
        tkt__arena_reset(&tx->arena);
    return tx->ops->view_renew(tx->view);
}

void tkt__kv_read_end(tkt__tx *tx)
{
    if (!tx)
        return;
    assert(!tx->overlay);
    tkt__cursors_free(tx);
    tx->ops->view_end(tx->view);
    tkt__arena_free(&tx->arena);
    tkt__free(&tx->kv->hooks, tx, sizeof *tx);
}

/* ---- reading ----------------------------------------------------------------------------------- */

int32_t tkt__tx_engine_failed(tkt__tx *tx, int32_t status)
{
    if (status < 0 && !tx->engine_failed)
        tx->engine_failed = status;
    return status;
}

/* The overlay's answer, or the engine's. */
static int32_t get_merged(tkt__tx *tx, uint8_t table, tkt__slice key, tkt__slice *value)
{
    const tkt__entry *entry = tkt__overlay_find(tx->overlay, table, key);
    if (!entry || entry->op == TKT__OP_NONE)
        return tkt__tx_engine_failed(tx, tx->ops->get(tx->view, table, key, value));
    if (entry->op == TKT__DEL)
        return TKT_NOT_FOUND;
    *value = entry->value;
    return TKT_DONE;
}

int32_t tkt__tx_get(tkt__tx *tx, uint8_t table, tkt__slice key, tkt__slice *value)
{
    if (key.n - 1 >= TKT__KEY_MAX || table >= TKT__TABLES_MAX)
        return tkt__fail(TKT_E_INTERNAL, "a key of %zu bytes was asked for", key.n);
    table = tkt__tx_table(tx, table);
    if (!tx->overlay)
        return tx->ops->get(tx->view, table, key, value);
    return get_merged(tx, table, key, value);
}

/* ---- writing ----------------------------------------------------------------------------------- */

static int32_t sizes_check(const tkt__tx *tx, uint8_t table, tkt__slice key, tkt__slice value)
{
    const tkt__schema *schema = tx->kv->schema;
    if (table >= schema->count)
        return tkt__fail(TKT_E_INTERNAL, "no table %u", table);
    const tkt__table_def *def = &schema->tables[table];
    size_t most = def->hot ? TKT__HOT_VALUE_MAX : TKT__VALUE_MAX;
    if (key.n == 0)
        return tkt__fail(TKT_E_INTERNAL, "an empty key in %s", def->name);
    if (key.n > TKT__KEY_MAX)
        return tkt__fail(TKT_E_LIMIT, "a key of %zu bytes in %s, at most %d", key.n, def->name,
                         TKT__KEY_MAX);
    if (value.n > most)
        return tkt__fail(TKT_E_LIMIT, "a value of %zu bytes in %s, at most %zu", value.n, def->name,
                         most);
    return TKT_DONE;
}

/* Rule 7, asked before the write: would the body, or the commit, grow too large? A slight
 * overestimate where an entry is overwritten is taken back by `old`. */
static int32_t room_check(tkt__tx *tx, const tkt__entry *entry, uint64_t size)
{
    const tkt__overlay *o = tx->overlay;
    const tkt__caps *caps = &tx->kv->caps;
    bool live = entry->op != TKT__OP_NONE, mine = entry->body == o->body;
    uint64_t old = live ? entry->key.n + entry->value.n : 0;
    uint64_t guards = o->guard_rows + tx->guards_n;

    tx->raw_bytes += size;
    if (o->body_writes + !mine > TKT__BODY_WRITES_MAX)
        return tkt__fail(TKT_E_LIMIT, "more than %d writes in one body", TKT__BODY_WRITES_MAX);
    if (o->body_bytes - (mine ? old : 0) + size > TKT__BODY_BYTES_MAX ||
        tx->raw_bytes > TKT__RAW_BYTES_MAX)
        return tkt__fail(TKT_E_LIMIT, "more than %u bytes in one body", TKT__BODY_BYTES_MAX);
    if (o->writes + !live + guards * GUARD_WRITES <= caps->commit_writes &&
        o->bytes - old + size + guards * GUARD_WRITE_BYTES <= caps->commit_bytes)
        return TKT_DONE;
    tx->overflow = true;
    return tkt__fail(TKT_E_LIMIT, "more than one commit of this engine takes");
}

/* Under the second guard alone a row may be written only while no one else can know it. */
static int32_t fresh_check(tkt__tx *tx, uint8_t table, tkt__slice key)
{
    tkt__slice value;
    const tkt__entry *entry = tkt__overlay_find(tx->overlay, table, key);
    if (entry && entry->op == TKT__INSERT && entry->body == tx->overlay->body)
        return TKT_DONE;
    int32_t status = get_merged(tx, table, key, &value);
    if (status == TKT_NOT_FOUND)
        return TKT_DONE;
    return status < 0 ? status
                      : tkt__fail(TKT_E_INTERNAL, "a row of %s needs its own guard",
                                  tx->kv->schema->tables[table].name);
}

/* What the commit has to do for a key, from what the overlay holds of it and what is asked. */
static uint8_t op_after(uint8_t had, uint8_t asked)
{
    if (asked == TKT__DEL)
        return had == TKT__INSERT ? TKT__OP_NONE : TKT__DEL;
    if (had == TKT__INSERT)
        return TKT__INSERT;
    return asked == TKT__INSERT && had != TKT__DEL && had != TKT__PUT ? TKT__INSERT : TKT__PUT;
}

/* `look`: whether an insert finds out if the key is there. */
static int32_t write_one(tkt__tx *tx, uint8_t op, bool look, uint8_t table, tkt__slice key, tkt__slice value)
{
    const tkt__schema *schema = tx->kv->schema;
    tkt__slice there;
    int32_t status = sizes_check(tx, table, key, value);
    if (status < 0)
        return status;
    if (table == schema->guard_table || (table == schema->discovery_table && op != TKT__DEL))
        return tkt__fail(TKT_E_INTERNAL, "%s is not for bodies", schema->tables[table].name);
    if (table != schema->discovery_table && (status = tkt__guard_check(tx, table, key)) < 0)
        return status;
    bool second = status == TKT_EXISTS;
    table = tkt__tx_table(tx, table);
    if (op == TKT__INSERT && look) {
        status = get_merged(tx, table, key, &there);
        if (status != TKT_NOT_FOUND)
            return status < 0 ? status : TKT_EXISTS;
    } else if (second) {
        if ((status = fresh_check(tx, table, key)) < 0)
            return status;
        op = op == TKT__PUT ? TKT__INSERT : op;
    }
    tkt__entry *entry = tkt__overlay_entry(tx->overlay, table, key);
    if (!entry)
        return tkt__fail(TKT_E_NOMEM, "no memory for a write");
    if ((status = room_check(tx, entry, key.n + value.n)) < 0)
        return status;
    if (!tkt__overlay_set(tx->overlay, entry, op_after(entry->op, op), value))
        return tkt__fail(TKT_E_NOMEM, "no memory for a write");
    return TKT_DONE;
}

static int32_t write_noted(tkt__tx *tx, uint8_t op, bool look, uint8_t table, tkt__slice key, tkt__slice value)
{
    assert(tx->overlay);
    int32_t status = write_one(tx, op, look, table, key, value);
    if (status < 0 && !tx->failed)
        tx->failed = status;
    return status;
}

int32_t tkt__tx_put(tkt__tx *tx, uint8_t table, tkt__slice key, tkt__slice value)
{
    return write_noted(tx, TKT__PUT, true, table, key, value);
}

int32_t tkt__tx_insert(tkt__tx *tx, uint8_t table, tkt__slice key, tkt__slice value)
{
    return write_noted(tx, TKT__INSERT, true, table, key, value);
}

int32_t tkt__tx_insert_new(tkt__tx *tx, uint8_t table, tkt__slice key, tkt__slice value)
{
    return write_noted(tx, TKT__INSERT, false, table, key, value);
}

int32_t tkt__tx_del(tkt__tx *tx, uint8_t table, tkt__slice key)
{
    return write_noted(tx, TKT__DEL, true, table, key, tkt__slice_of(NULL, 0));
}

/* ---- the rest ---------------------------------------------------------------------------------- */

void tkt__tx_begin_body(tkt__tx *tx, const tkt__guard *guards, uint32_t n, bool dry)
{
    tx->guards = guards;
    tx->guards_n = n;
    tx->dry = dry;
    tx->shadow = false;
    tx->overflow = false;
    tx->failed = 0;
    tx->engine_failed = 0;
    tx->raw_bytes = 0;
    tx->reserve = false;
    tkt__overlay_begin(tx->overlay);
}

void tkt__tx_use_reserve(tkt__tx *tx)
{
    tx->reserve = true;
}

int64_t tkt__tx_now(const tkt__tx *tx)
{
    return tx->now_ms;
}

void tkt__tx_set_floor(tkt__tx *tx, int64_t floor_ms)
{
    assert(tx->overlay);
    tx->new_floor = !tx->dry;
    tx->floor_ms = floor_ms;
}

void tkt__tx_set_now(tkt__tx *tx, int64_t now_ms)
{
    assert(!tx->overlay);
    tx->now_ms = now_ms;
}

bool tkt__tx_dry(const tkt__tx *tx)
{
    return tx->dry;
}

uint8_t tkt__tx_shadowed(const tkt__tx *tx, uint8_t table)
{
    const tkt__schema *schema = tx->kv->schema;
    return table < schema->count && schema->tables[table].bulk ? (uint8_t)(table | TKT__SHADOW) : table;
}

void tkt__tx_shadow(tkt__tx *tx, bool on)
{
    tx->shadow = on;
}

int32_t tkt__tx_publish(tkt__tx *tx, uint32_t tables)
{
    uint8_t bytes[4], table = tx->kv->schema->generation_table;
    tkt__slice key = tkt__slice_of(TKT__GENERATION_KEY, TKT__GENERATION_KEY_BYTES), value;
    int32_t status = tkt__tx_get(tx, table, key, &value);
    if (status < 0)
        return status;
    tkt__reader r = tkt__reader_of(status == TKT_DONE ? value : tkt__slice_of("\0\0\0", 4));
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    tkt__put_u32(&w, tkt__get_u32(&r) ^ tables);
    return r.bad ? tkt__fail(TKT_E_CORRUPT, "the generation row is malformed")
                 : tkt__tx_put(tx, table, key, tkt__slice_of(bytes, sizeof bytes));
}

void *tkt__tx_memory(tkt__tx *tx, size_t n)
{
    return tkt__arena_get(&tx->arena, n);
}
