/* SPDX-License-Identifier: MIT
 *
 * catalog/chart_job.c: the job row that stands for a chart version still being written.
 *
 * TKT__T_META "job/" ‖ job(8) → kind u8 = 1, chart u64, version u32, owner 16 bytes, progress i64.
 * Put with the first blocks, refreshed with each slice, deleted by the body that writes the header.
 * Invariants: blocks of a version without header have a job row; only the owner writes on. A crash
 * leaves the row and the blocks written so far, which nobody sees; once the row is ten minutes
 * without progress any process's tick (or the next put of that chart) gives the job to nobody,
 * deletes the blocks slice by slice and the row last. A writer that was only slow then finds its
 * job gone and answers TKT_E_CONFLICT.
 */
#include "catalog/chart.h"

#define JOB_KEY   12 /* "job/" ‖ be64 */
#define JOB_BYTES (1 + 8 + 4 + TKT__JOB_OWNER + 8)

static bool job_parse(tkt__slice key, tkt__slice value, tkt__chart_job *job)
{
    if (key.n != JOB_KEY || value.n != JOB_BYTES || value.p[0] != TKT__JOB_CHART)
        return false;
    tkt__reader r = tkt__reader_of(tkt__slice_of(value.p + 1, value.n - 1));
    job->job = tkt__get_be64(key.p + 4);
    job->chart = tkt__get_u64(&r);
    job->version = tkt__get_u32(&r);
    memcpy(job->owner, tkt__get_bytes(&r, TKT__JOB_OWNER).p, TKT__JOB_OWNER);
    job->progress_ms = tkt__get_i64(&r);
    return true;
}

int32_t tkt__chart_job_put(tkt__tx *tx, const tkt__chart_job *job)
{
    uint8_t key[JOB_KEY], value[JOB_BYTES];
    tkt__writer w = tkt__writer_of(value, sizeof(value));
    tkt__job_key(job->job, key);
    tkt__put_u8(&w, TKT__JOB_CHART);
    tkt__put_u64(&w, job->chart);
    tkt__put_u32(&w, job->version);
    tkt__put_bytes(&w, job->owner, TKT__JOB_OWNER);
    tkt__put_i64(&w, job->progress_ms);
    return tkt__tx_put(tx, TKT__T_META, tkt__slice_of(key, sizeof(key)),
                       tkt__slice_of(value, sizeof(value)));
}

int32_t tkt__chart_job_delete(tkt__tx *tx, uint64_t job)
{
    uint8_t key[JOB_KEY];
    tkt__job_key(job, key);
    return tkt__tx_del(tx, TKT__T_META, tkt__slice_of(key, sizeof(key)));
}

static int32_t job_get(tkt__tx *tx, uint64_t id, tkt__chart_job *job)
{
    uint8_t key[JOB_KEY];
    tkt__slice value;
    tkt__job_key(id, key);
    int32_t rc = tkt__tx_get(tx, TKT__T_META, tkt__slice_of(key, sizeof(key)), &value);
    if (rc != TKT_DONE)
        return rc;
    return job_parse(tkt__slice_of(key, sizeof(key)), value, job) ? TKT_DONE : TKT_NOT_FOUND;
}

int32_t tkt__chart_job_mine(tkt__tx *tx, const tkt__chart_job *mine)
{
    tkt__chart_job job;
    int32_t rc = job_get(tx, mine->job, &job);
    if (rc == TKT_DONE && memcmp(job.owner, mine->owner, TKT__JOB_OWNER) == 0)
        return TKT_DONE;
    if (rc != TKT_DONE && rc != TKT_NOT_FOUND)
        return rc;
    return tkt__fail(TKT_E_CONFLICT, "writing chart %llu took so long that it was given up",
                     (unsigned long long)mine->chart);
}

int32_t tkt__chart_job_next(tkt__tx *tx, uint64_t *after, tkt__chart_job *job)
{
    uint8_t key[JOB_KEY];
    tkt__cursor *cursor;
    tkt__slice k, v;
    tkt__job_key(*after + 1, key);
    int32_t rc = tkt__tx_cursor_open(tx, TKT__T_META, &cursor);
    if (rc != TKT_DONE)
        return rc;
    rc = tkt__cursor_seek(cursor, tkt__slice_of(key, sizeof(key)), &k, &v);
    while (rc == TKT_DONE) {
        if (k.n != JOB_KEY || memcmp(k.p, key, 4) != 0) {
            rc = TKT_NOT_FOUND;
            break;
        }
        if (job_parse(k, v, job)) {
            *after = job->job;
            break;
        }
        rc = tkt__cursor_next(cursor, &k, &v);
    }
    tkt__cursor_close(cursor);
    return rc;
}

bool tkt__chart_job_stale(const tkt__chart_job *job, int64_t now_ms)
{
    return tkt__is_zero(job->owner, TKT__JOB_OWNER) ||
           now_ms - job->progress_ms >= TKT__CHART_STALE_MS ||
           job->progress_ms - now_ms >= TKT__CHART_STALE_MS; /* of a clock that was set right since */
}

/* ---- clearing away --------------------------------------------------------------------------- */

typedef struct clearing {
    const tkt__chart_job *job;
    const uint8_t *owner;
    uint32_t most, done;
    bool left;
} clearing;

/* Whether this caller may clear the job away: its writer may, anyone else once it is stale. */
static bool may_clear(const clearing *c, const tkt__chart_job *job, int64_t now_ms)
{
    if (c->owner != NULL && memcmp(job->owner, c->owner, TKT__JOB_OWNER) == 0)
        return true;
    return tkt__chart_job_stale(job, now_ms);
}

static int32_t delete_blocks(tkt__tx *tx, clearing *c, const tkt__chart_job *job)
{
    uint8_t key[TKT__CHART_KEY];
    tkt__cursor *cursor;
    tkt__slice k, v;
    tkt__chart_key(job->chart, job->version, 0, key);
    int32_t rc = tkt__tx_cursor_open(tx, TKT__T_CHART, &cursor);
    if (rc != TKT_DONE)
        return rc;
    rc = tkt__cursor_seek(cursor, tkt__slice_of(key, sizeof(key)), &k, &v);
    while (rc == TKT_DONE && k.n == TKT__CHART_KEY && memcmp(k.p, key, 12) == 0) {
        if (c->done == c->most) {
            c->left = true;
            break;
        }
        rc = tkt__tx_del(tx, TKT__T_CHART, k);
        c->done++;
        if (rc == TKT_DONE)
            rc = tkt__cursor_next(cursor, &k, &v);
    }
    tkt__cursor_close(cursor);
    return rc == TKT_NOT_FOUND ? TKT_DONE : rc;
}

static int32_t clear_body(tkt__tx *tx, void *ctx)
{
    clearing *c = (clearing *)ctx;
    tkt__chart_job job;
    c->done = 0;
    c->left = false;
    int32_t rc = job_get(tx, c->job->job, &job);
    if (rc == TKT_NOT_FOUND || (rc == TKT_DONE && !may_clear(c, &job, tkt__tx_now(tx))))
        return TKT_DONE;
    if (rc == TKT_DONE)
        rc = delete_blocks(tx, c, &job);
    if (rc != TKT_DONE)
        return rc;
    if (!c->left)
        return tkt__chart_job_delete(tx, job.job);
    memset(job.owner, 0, sizeof(job.owner));
    return tkt__chart_job_put(tx, &job);
}

int32_t tkt__chart_job_clear(tkt_store *store, const tkt__chart_job *job, const uint8_t *owner,
                             uint32_t most, uint32_t *done, bool *left)
{
    clearing c = { job, owner, most, 0, false };
    tkt__guard guards[2] = { tkt__guard_of(TKT__G_CATALOG, 0), tkt__guard_of(TKT__G_STORE, 0) };
    if (c.most > TKT__BODY_WRITES_MAX / 2)
        c.most = TKT__BODY_WRITES_MAX / 2;
    int32_t rc = tkt__store_run(store, guards, 2, 0, clear_body, &c);
    *done = c.done;
    *left = c.left;
    return rc;
}
