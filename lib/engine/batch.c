/* SPDX-License-Identifier: MIT
 *
 * engine/batch.c: one attempt at one batch: begin, run every body on one overlay, commit once, and what
 * the outcome means for each request.
 *
 * A body that refuses is rolled back alone; its refusal was decided upon the writes of those before it
 * (`based`), so it is answered only once these are durable. A body that does not fit into what is left
 * of the commit goes back to the front of the queue. A commit that certainly failed by conflict, or
 * whose outcome is unknown, sends everyone who depends on it back to be run again.
 *
 * Everything here belongs to the thread that leads. A crash leaves the commit whole or not at all.
 */
#include "engine/kv.h"

#define WRITES_FIRST 256

tkt__batch *tkt__batch_new(tkt__kv *kv)
{
    tkt__batch *b = tkt__alloc(&kv->hooks, sizeof *b);
    if (b == NULL)
        return NULL;
    memset(b, 0, sizeof *b);
    b->kv = kv;
    tkt__overlay_init(&b->overlay, &kv->hooks, kv->schema->guard_table);
    b->tx.kv = kv;
    b->tx.ops = kv->ops;
    b->tx.overlay = &b->overlay;
    tkt__arena_init(&b->tx.arena, &kv->hooks, 0);
    return b;
}

void tkt__batch_free(tkt__batch *b)
{
    const tkt_hooks hooks = b->kv->hooks;
    tkt__cursors_free(&b->tx);
    tkt__arena_free(&b->tx.arena);
    tkt__overlay_free(&b->overlay);
    tkt__free(&hooks, b->writes, b->writes_cap * sizeof *b->writes);
    tkt__free(&hooks, b, sizeof *b);
}

int32_t tkt__request_late(const tkt__request *r)
{
    if (r->unknown)
        return tkt__fail(TKT_E_UNKNOWN, "the outcome was not known by the deadline: ask again with the "
                                        "same key");
    if (r->conflicts != 0)
        return tkt__fail(TKT_E_CONFLICT, "others kept changing the same rows");
    return tkt__fail(TKT_E_BUSY, "the deadline passed while waiting for a turn");
}

/* ---- answers -------------------------------------------------------------------------------------- */

static void answer(tkt__batch *b, tkt__request *r, int32_t status)
{
    r->status = status;
    r->recorded = !TKT_IS_EFFECT(status);
    if (r->recorded)
        tkt__error_save(&r->record);
    tkt__list_append(&b->done, r);
}

static bool late(const tkt__batch *b, const tkt__request *r)
{
    const tkt_hooks *h = &b->kv->hooks;
    return h->monotonic_ms(h->user) >= r->deadline_ms;
}

/* ---- bodies --------------------------------------------------------------------------------------- */

static bool keeps(int32_t status)
{
    return TKT_IS_EFFECT(status) || status == TKT_DECLINED || status == TKT_REFUND_DUE;
}

/* A refusal after a commit of unknown outcome is final only when that commit can't land any more: writing
 * the guards' rows makes it lose against this one. So the answer waits for a commit with no other writes. */
static int32_t fence(tkt__batch *b, const tkt__request *r, int32_t status, bool *effect)
{
    tkt__tx_begin_body(&b->tx, r->guards, r->guards_n, false);
    int32_t touched = tkt__guards_touch(&b->tx);
    *effect = touched == TKT_DONE;
    if (!*effect)
        tkt__overlay_rollback(&b->overlay);
    return *effect ? status : tkt__request_late(r);
}

/* What a body answers that may not take of the reserve, while there is nothing else. */
static int32_t refuse_full(void)
{
    return tkt__fail(TKT_E_FULL, "the store's map is full: only what gives places back still goes");
}

/* Runs one body and leaves its writes in the overlay, or none of them. */
static int32_t run_body(tkt__batch *b, tkt__request *r, bool *effect)
{
    tkt__tx *tx = &b->tx;
    tkt__tx_begin_body(tx, r->guards, r->guards_n, r->dry);
    int32_t status = r->body(tx, r->ctx);
    tkt__cursors_close(tx);
    if (status >= 0 && tx->engine_failed != 0)
        status = tx->engine_failed;
    if (keeps(status) && tx->failed != 0)
        status = tx->failed;
    if (keeps(status) && b->low && !tx->reserve && tx->overlay->body_writes != 0)
        status = refuse_full();
    *effect = keeps(status) && !r->dry;
    if (*effect) {
        int32_t touched = tkt__guards_touch(tx);
        if (touched < 0) {
            status = touched;
            *effect = false;
        }
    }
    if (!*effect)
        tkt__overlay_rollback(&b->overlay);
    if (*effect || !r->unknown)
        return status;
    if (status < 0) /* it could not see whether the earlier commit is there */
        return tkt__request_late(r);
    return r->guards_n != 0 ? fence(b, r, status, effect) : status;
}

static void run_request(tkt__batch *b, tkt__request *r)
{
    bool effect;
    r->based = b->effects != 0;
    int32_t status = run_body(b, r, &effect);
    if (b->tx.overflow && b->effects != 0) { /* it may fit into the next commit */
        tkt__list_append(&b->again, r);
        return;
    }
    r->status = status;
    r->ran = true;
    r->effect = effect;
    r->reserve = b->tx.reserve;
    r->recorded = !TKT_IS_EFFECT(status);
    if (r->recorded)
        tkt__error_save(&r->record);
    if (effect)
        b->effects++;
    tkt__list_append(&b->done, r);
}

static void run_all(tkt__batch *b)
{
    tkt__list list = b->run;
    b->run = (tkt__list){ NULL, NULL };
    for (tkt__request *r = tkt__list_take(&list); r != NULL; r = tkt__list_take(&list)) {
        r->effect = false;
        r->ran = false;
        if (late(b, r))
            answer(b, r, tkt__request_late(r));
        else
            run_request(b, r);
    }
}

/* ---- commit --------------------------------------------------------------------------------------- */

static bool grow_writes(tkt__batch *b, size_t n)
{
    if (n <= b->writes_cap)
        return true;
    size_t cap = b->writes_cap != 0 ? b->writes_cap : WRITES_FIRST;
    while (cap < n)
        cap *= 2;
    tkt__write *writes = tkt__realloc(&b->kv->hooks, b->writes, b->writes_cap * sizeof *writes,
                                      cap * sizeof *writes);
    if (writes == NULL)
        return false;
    b->writes = writes;
    b->writes_cap = cap;
    return true;
}

/* One discovery row a guard row: epoch ‖ (stamp, by the engine) ‖ guard → seq, fresh. */
static bool add_discovery(tkt__batch *b, size_t *n)
{
    const tkt__schema *schema = b->kv->schema;
    for (const tkt__entry *e = tkt__overlay_first(&b->overlay, schema->guard_table); e != NULL;
         e = e->next[0]) {
        if (e->op == TKT__OP_NONE)
            continue;
        uint8_t *key = tkt__arena_get(&b->overlay.arena, 8 + TKT__GUARD_BYTES + TKT__DISCOVERY_BYTES);
        if (key == NULL)
            return false;
        uint8_t *value = key + 8 + TKT__GUARD_BYTES;
        tkt__discovery_value(e->value, value);
        tkt__be64(key, b->kv->config.epoch);
        memcpy(key + 8, e->key.p, TKT__GUARD_BYTES);
        b->writes[(*n)++] = (tkt__write){ .table = schema->discovery_table,
                                          .op = TKT__PUT_STAMPED,
                                          .stamp_at = 8,
                                          .key = tkt__slice_of(key, 8 + TKT__GUARD_BYTES),
                                          .value = tkt__slice_of(value, TKT__DISCOVERY_BYTES) };
    }
    return true;
}

static bool gather(tkt__batch *b, size_t *n)
{
    const tkt__overlay *o = &b->overlay;
    *n = 0;
    if (!grow_writes(b, o->writes + 2 * (size_t)o->guard_rows))
        return false;
    for (uint32_t t = 0; t < 2 * TKT__TABLES_MAX; t++) {
        for (const tkt__entry *e = tkt__overlay_first(o, (uint8_t)t); e != NULL; e = e->next[0])
            if (e->op != TKT__OP_NONE)
                b->writes[(*n)++] = (tkt__write){ .table = (uint8_t)t, .op = e->op, .key = e->key,
                                                  .value = e->value };
        if (t == b->kv->schema->discovery_table && !add_discovery(b, n))
            return false;
    }
    return true;
}

static int32_t commit(tkt__batch *b)
{
    tkt__commit_info info = { 0 };
    size_t n;
    if (b->effects == 0) {
        b->kv->ops->write_abort(b->engine_tx);
        return TKT_DONE;
    }
    if (!gather(b, &n)) {
        b->kv->ops->write_abort(b->engine_tx);
        return tkt__fail(TKT_E_NOMEM, "no memory for a commit");
    }
    if (b->tx.new_floor)
        b->kv->ops->write_floor(b->engine_tx, b->tx.floor_ms);
    int32_t status = b->kv->ops->write_commit(b->engine_tx, b->writes, n, b->tx.now_ms, &info);
    b->committed = status == TKT_DONE;
    b->unsettled = b->committed && b->kv->ops->write_settle != NULL;
    b->stamp = info.stamp;
    return status;
}

/* ---- outcome --------------------------------------------------------------------------------------- */

/* Back to the queue, or answered when its tries or its time are over. */
static void retry(tkt__batch *b, tkt__request *r, int32_t failure)
{
    int32_t primary = tkt_status_primary(failure);
    r->fails++;
    if (primary == TKT_E_UNKNOWN)
        r->unknown = r->unknown || r->effect;
    else
        r->conflicts++;
    if (late(b, r) || (!r->unknown && r->conflicts > TKT__RUN_TRIES))
        answer(b, r, tkt__request_late(r));
    else
        tkt__list_append(&b->again, r);
}

/* The attempt failed: who depended on it is told, or tries again. */
static void settle_failure(tkt__batch *b, int32_t failure)
{
    int32_t primary = tkt_status_primary(failure);
    bool again = primary == TKT_E_CONFLICT || primary == TKT_E_UNKNOWN;
    /* What may take of the reserve is run anew, without those that may not. */
    bool tight = primary == TKT_E_FULL && !b->low && b->kv->ops->write_low != NULL;
    tkt__list list = b->done;
    b->done = (tkt__list){ NULL, NULL };
    tkt__error_save(&b->failure);
    for (tkt__request *r = tkt__list_take(&list); r != NULL; r = tkt__list_take(&list)) {
        if (r->ran && !r->effect && !r->based)
            tkt__list_append(&b->done, r); /* its answer stands by itself */
        else if (!r->ran)
            tkt__list_append(&b->done, r); /* answered before: out of time */
        else if (again)
            retry(b, r, failure);
        else if (tight && r->effect && r->reserve) {
            atomic_store(&b->kv->tight, true);
            tkt__list_append(&b->again, r);
        } else {
            tkt__error_load(&b->failure);
            /* What an earlier commit did is still not known. */
            answer(b, r, r->unknown ? tkt__request_late(r) : failure);
        }
    }
}

static void begin_failed(tkt__batch *b, int32_t failure)
{
    tkt__list list = b->run;
    b->run = (tkt__list){ NULL, NULL };
    tkt__error_save(&b->failure);
    for (tkt__request *r = tkt__list_take(&list); r != NULL; r = tkt__list_take(&list)) {
        int32_t primary = tkt_status_primary(failure);
        r->effect = false;
        tkt__error_load(&b->failure);
        if (primary == TKT_E_CONFLICT)
            retry(b, r, failure);
        else
            answer(b, r, r->unknown ? tkt__request_late(r) : failure);
    }
}

void tkt__batch_settle(tkt__batch *b)
{
    if (b->unsettled)
        b->kv->ops->write_settle(b->engine_tx);
    b->unsettled = false;
}

void tkt__batch_attempt(tkt__batch *b)
{
    tkt__kv *kv = b->kv;
    b->effects = 0;
    b->committed = b->tx.new_floor = false;
    b->done = b->again = (tkt__list){ NULL, NULL };
    tkt__overlay_reset(&b->overlay);
    tkt__arena_reset(&b->tx.arena);
    int64_t floor_ms = 0;
    int32_t status = kv->ops->write_begin(kv->engine, b->guards, b->guards_n, b->deadline_ms, &b->engine_tx,
                                          &b->tx.view, &floor_ms);
    if (status == TKT_DONE) {
        /* Only now: another process may have committed at a later instant while this one waited. */
        status = kv->config.now(kv->config.now_user, &b->tx, floor_ms, &b->tx.now_ms);
        if (status != TKT_DONE) {
            tkt__cursors_free(&b->tx);
            kv->ops->write_abort(b->engine_tx);
        }
    }
    if (status != TKT_DONE) {
        begin_failed(b, status);
        return;
    }
    bool tight = atomic_exchange(&kv->tight, false);
    b->low = kv->ops->write_low != NULL && (kv->ops->write_low(b->engine_tx, tight) || tight);
    do
        run_all(b);
    while (b->again.first == NULL && tkt__batch_more(b)); /* each caller waits for his answer: it comes to an end */
    tkt__cursors_free(&b->tx); /* none may outlive the engine's transaction */
    status = commit(b);
    if (status != TKT_DONE)
        settle_failure(b, status);
}
