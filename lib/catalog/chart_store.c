/* SPDX-License-Identifier: MIT
 *
 * catalog/chart_store.c: puts a version of a chart.
 *
 * The version is numbered against those before it on a snapshot, encoded whole in memory, and then
 * put in bodies of at most SLICE_WRITES rows and SLICE_BYTES bytes under the catalogue's and the
 * store's guards: the first slices with a job row, the last with the header, which makes the
 * version visible. What fits into one body needs no job.
 * Invariants: a seat of the same section, row and label keeps its unit, a section of the same name
 * its id, also one that was left out of some versions: what an event sold is there again with the chart
 * that it was sold by; a position once given is never given to another seat of this chart. The body that starts
 * and the one that ends check that the version numbered against is still the newest.
 * A crash leaves an invisible version with its job row: chart_job.c.
 */
#include "catalog/chart.h"

#define SLICE_WRITES 1000u
#define SLICE_BYTES  (768u << 10)
#define OLDER_MOST   64u /* versions that are looked at for what is new */
#define PUT_TRIES    8 /* others that put a version of the same chart in between */

typedef struct putting {
    tkt_store *store;
    const tkt_chart *chart;
    uint64_t venue, chart_id;
    uint32_t base; /* the version numbered against; 0: a new chart */
    tkt__chart_bytes bytes;
    tkt__chart_job job; /* version; job.job 0: fits into one body */
    size_t from, until; /* rows of this slice */
    bool first, last;
} putting;

/* ---- numbering ------------------------------------------------------------------------------- */

typedef struct numbering {
    const tkt_chart *chart;
    tkt__chart_numbers n;
} numbering;

static int32_t keep_section(void *user, uint32_t index, const tkt__section_info *old)
{
    numbering *m = (numbering *)user;
    uint32_t now;
    (void)index;
    if (tkt__chart_find(m->chart, TKT__NAME_SECTION, 0, old->name, &now) && m->n.sections[now].id == 0) {
        m->n.sections[now].id = old->id;
        m->n.sections[now].first_block = old->first_block;
        m->n.sections[now].last_block = old->last_block;
        m->n.sections[now].used = old->used;
    }
    return TKT_DONE;
}

/* Seats that an older version has too keep their units; the newest of those that have one tells. */
static void keep_units(numbering *m, const tkt_plan *old)
{
    tkt_seat seat = { .size = (uint32_t)sizeof(seat) };
    for (uint32_t i = 0; tkt__plan_seat_at(old, i, &seat); i++) {
        uint32_t section, row, now;
        tkt__slice name = tkt__slice_of(seat.section_name.ptr, seat.section_name.len);
        if (tkt__chart_find(m->chart, TKT__NAME_SECTION, 0, name, &section) &&
            tkt__chart_find(m->chart, TKT__NAME_ROW, section,
                            tkt__slice_of(seat.row.ptr, seat.row.len), &row) &&
            tkt__chart_find(m->chart, TKT__NAME_SEAT, row,
                            tkt__slice_of(seat.label.ptr, seat.label.len), &now) &&
            m->n.units[now] == 0 && m->n.sections[section].id == seat.section)
            m->n.units[now] = seat.unit;
    }
}

static bool all_kept(const numbering *m)
{
    for (size_t i = 0; i < m->chart->section_n; i++)
        if (m->n.sections[i].id == 0)
            return false;
    for (size_t i = 0; i < m->chart->seat_n; i++)
        if (m->n.units[i] == 0)
            return false;
    return true;
}

static int32_t keep_of(const putting *p, tkt__tx *tx, uint32_t version, numbering *m)
{
    tkt__chart_header h;
    tkt_plan *old = NULL;
    int32_t rc = tkt__chart_header_get(tx, p->chart_id, version, &h);
    if (rc == TKT_DONE)
        rc = tkt__chart_sections(tx, p->chart_id, version, &h, keep_section, m);
    if (rc == TKT_DONE)
        rc = tkt__plan_of(tx, &p->store->hooks, p->chart_id, version, &old);
    if (rc != TKT_DONE)
        return rc;
    keep_units(m, old);
    tkt_plan_free(old);
    return TKT_DONE;
}

static int32_t number_fresh(numbering *m)
{
    const tkt_chart *c = m->chart;
    for (size_t i = 0; i < c->section_n; i++) {
        if (m->n.sections[i].id == 0)
            m->n.sections[i].id = ++m->n.last_section;
        m->n.sections[i].rows = c->sections[i].rows;
    }
    for (size_t i = 0; i < c->seat_n; i++) {
        tkt__section_info *s = m->n.sections + c->rows[c->seats[i].row].section;
        s->seats++;
        if (m->n.units[i] != 0)
            continue;
        if (s->last_block == 0 || s->used == TKT__BLOCK_SEATS) {
            if (m->n.blocks == TKT__BLOCK_MAX)
                return tkt__fail(TKT_E_LIMIT, "chart: no block numbers are left");
            s->last_block = ++m->n.blocks;
            s->used = 0;
            if (s->first_block == 0)
                s->first_block = s->last_block;
        }
        m->n.units[i] = s->last_block << 6 | s->used++;
    }
    return TKT_DONE;
}

/* Reads the base version, those before it as long as something is new, and gives every section its id and every seat
 * its unit. */
static int32_t number_against(putting *p, tkt__tx *tx, numbering *m)
{
    if (p->base == 0)
        return number_fresh(m);
    tkt__chart_header h;
    int32_t rc = tkt__chart_header_get(tx, p->chart_id, p->base, &h);
    if (rc != TKT_DONE)
        return rc;
    if (h.venue != p->venue)
        return tkt__fail(TKT_E_INVALID, "chart %llu belongs to venue %llu",
                         (unsigned long long)p->chart_id, (unsigned long long)h.venue);
    m->n.blocks = h.blocks;
    m->n.last_section = h.last_section;
    uint32_t least = p->base > OLDER_MOST ? p->base - OLDER_MOST : 0;
    for (uint32_t version = p->base; rc == TKT_DONE && version > least && (version == p->base || !all_kept(m)); version--)
        rc = keep_of(p, tx, version, m);
    return rc == TKT_DONE ? number_fresh(m) : rc;
}

static int32_t encode_version(putting *p, tkt__tx *tx)
{
    const tkt_hooks *hooks = &p->store->hooks;
    const tkt_chart *c = p->chart;
    size_t section_bytes = (c->section_n + 1) * sizeof(tkt__section_info);
    size_t unit_bytes = (c->seat_n + 1) * sizeof(uint32_t);
    numbering m;
    memset(&m, 0, sizeof(m));
    m.chart = c;
    m.n.sections = (tkt__section_info *)tkt__alloc(hooks, section_bytes);
    m.n.units = (uint32_t *)tkt__alloc(hooks, unit_bytes);
    int32_t rc = TKT_DONE;
    if (m.n.sections == NULL || m.n.units == NULL) {
        rc = tkt__fail(TKT_E_NOMEM, "no memory to number a chart");
    } else {
        memset(m.n.sections, 0, section_bytes);
        memset(m.n.units, 0, unit_bytes);
        rc = number_against(p, tx, &m);
        if (rc == TKT_DONE)
            rc = tkt__chart_encode(c, p->venue, &m.n, &p->bytes);
    }
    tkt__free(hooks, m.n.sections, section_bytes);
    tkt__free(hooks, m.n.units, unit_bytes);
    return rc;
}

/* ---- the same again? ------------------------------------------------------------------------- */

static int32_t row_same(tkt__tx *tx, const putting *p, uint32_t block, size_t at, size_t n)
{
    uint8_t key[TKT__CHART_KEY];
    tkt__slice value;
    tkt__chart_key(p->chart_id, p->base, block, key);
    int32_t rc = tkt__tx_get(tx, TKT__T_CHART, tkt__slice_of(key, sizeof(key)), &value);
    if (rc == TKT_DONE && tkt__slice_compare(value, tkt__slice_of(p->bytes.bytes + at, n)) != 0)
        rc = TKT_NOT_FOUND;
    return rc;
}

/* TKT_DONE: the base version has exactly these bytes (the header counts seats, sections and pages,
 * so it can't have more rows). TKT_NOT_FOUND: it differs. */
static int32_t version_same(tkt__tx *tx, const putting *p)
{
    if (p->base == 0)
        return TKT_NOT_FOUND;
    int32_t rc = row_same(tx, p, 0, p->bytes.header_at, p->bytes.header_n);
    for (size_t i = 0; rc == TKT_DONE && i < p->bytes.row_n; i++)
        rc = row_same(tx, p, p->bytes.rows[i].block, p->bytes.rows[i].at, p->bytes.rows[i].n);
    return rc;
}

/* ---- bodies ---------------------------------------------------------------------------------- */

/* The version numbered against is still the newest, and nobody else is writing the next. */
static int32_t still_next(tkt__tx *tx, const putting *p)
{
    uint32_t newest = 0;
    uint64_t after = 0;
    tkt__chart_job job;
    int32_t rc = tkt__chart_newest(tx, p->chart_id, &newest);
    if (rc != TKT_DONE && rc != TKT_NOT_FOUND)
        return rc;
    if ((rc == TKT_NOT_FOUND ? 0 : newest) != p->base)
        return tkt__fail(TKT_E_CONFLICT, "another version of chart %llu was stored meanwhile",
                         (unsigned long long)p->chart_id);
    while ((rc = tkt__chart_job_next(tx, &after, &job)) == TKT_DONE)
        if (job.chart == p->chart_id && job.job != p->job.job)
            return tkt__fail(TKT_E_CONFLICT, "another version of chart %llu is being stored",
                             (unsigned long long)p->chart_id);
    return rc == TKT_NOT_FOUND ? TKT_DONE : rc;
}

static int32_t venue_there(tkt__tx *tx, uint64_t venue)
{
    tkt__slice record;
    if (venue == 0)
        return TKT_DONE;
    int32_t rc = tkt__entity_get(tx, TKT__N_VENUE, venue, &record);
    return rc == TKT_NOT_FOUND ? tkt__refuse_missing("venue", venue) : rc;
}

/* Makes the version visible. */
static int32_t put_header(tkt__tx *tx, const putting *p)
{
    uint8_t key[TKT__CHART_KEY], list[TKT__LIST_KEY_MAX] = { TKT__E_VENUE_CHART }, payload[12];
    tkt__slice none = { list, 0 };
    int32_t rc = venue_there(tx, p->venue);
    tkt__chart_key(p->chart_id, p->job.version, 0, key);
    if (rc == TKT_DONE)
        rc = tkt__tx_put(tx, TKT__T_CHART, tkt__slice_of(key, sizeof(key)),
                         tkt__slice_of(p->bytes.bytes + p->bytes.header_at, p->bytes.header_n));
    if (rc == TKT_DONE && p->venue != 0) {
        tkt__be64(list + 1, p->venue);
        tkt__be64(list + 9, p->chart_id);
        rc = tkt__tx_put(tx, TKT__T_EVENT_LIST, tkt__slice_of(list, sizeof(list)), none);
    }
    tkt__writer w = tkt__writer_of(payload, sizeof(payload));
    tkt__put_u64(&w, p->chart_id);
    tkt__put_u32(&w, p->job.version);
    if (rc == TKT_DONE)
        rc = tkt__feed_append(tx, tkt__guard_of(TKT__G_CATALOG, 0), TKT__F_CHART_ADDED, payload,
                              sizeof(payload));
    return rc;
}

static int32_t put_rows(tkt__tx *tx, const putting *p)
{
    int32_t rc = TKT_DONE;
    for (size_t i = p->from; rc == TKT_DONE && i < p->until; i++) {
        const tkt__chart_put *row = p->bytes.rows + i;
        uint8_t key[TKT__CHART_KEY];
        tkt__chart_key(p->chart_id, p->job.version, row->block, key);
        rc = tkt__tx_put(tx, TKT__T_CHART, tkt__slice_of(key, sizeof(key)),
                         tkt__slice_of(p->bytes.bytes + row->at, row->n));
    }
    return rc;
}

static int32_t slice_body(tkt__tx *tx, void *ctx)
{
    const putting *p = (const putting *)ctx;
    int32_t rc = TKT_DONE;
    if (p->first)
        rc = venue_there(tx, p->venue);
    else
        rc = tkt__chart_job_mine(tx, &p->job);
    if (rc == TKT_DONE && (p->first || p->last))
        rc = still_next(tx, p);
    if (rc == TKT_DONE)
        rc = put_rows(tx, p);
    if (rc == TKT_DONE && p->last)
        rc = put_header(tx, p);
    if (rc != TKT_DONE || p->job.job == 0)
        return rc;
    if (p->last)
        return tkt__chart_job_delete(tx, p->job.job);
    tkt__chart_job job = p->job;
    job.progress_ms = tkt__tx_now(tx);
    return tkt__chart_job_put(tx, &job);
}

/* ---- slice by slice -------------------------------------------------------------------------- */

/* Sets p->until: how far the slice from p->from goes. The header counts with the last one. */
static void cut_slice(putting *p)
{
    size_t bytes = p->bytes.header_n, i = p->from;
    while (i < p->bytes.row_n && i - p->from < SLICE_WRITES &&
           (i == p->from || bytes + p->bytes.rows[i].n + TKT__CHART_KEY <= SLICE_BYTES)) {
        bytes += p->bytes.rows[i].n + TKT__CHART_KEY;
        i++;
    }
    p->until = i;
    p->first = p->from == 0;
    p->last = i == p->bytes.row_n;
}

/* The writer gives up: what it wrote goes, as far as the store lets it. The error record stays. */
static void clear_own(putting *p)
{
    tkt__error_record record;
    uint32_t done = 0;
    bool left = true;
    tkt__error_save(&record);
    while (left && tkt__chart_job_clear(p->store, &p->job, p->job.owner, SLICE_WRITES, &done,
                                        &left) == TKT_DONE)
        continue;
    tkt__error_load(&record);
}

static int32_t put_slices(putting *p)
{
    tkt__guard guards[2] = { tkt__guard_of(TKT__G_CATALOG, 0), tkt__guard_of(TKT__G_STORE, 0) };
    int32_t rc = TKT_DONE;
    p->from = 0;
    p->job.job = 0;
    cut_slice(p);
    if (!p->last) {
        rc = tkt__random(&p->store->hooks, p->job.owner, TKT__JOB_OWNER);
        if (rc == TKT_DONE)
            rc = tkt__id_take(p->store, TKT__ID_JOB, 1, &p->job.job);
        if (rc != TKT_DONE)
            return rc;
    }
    for (;;) {
        rc = tkt__store_run(p->store, guards, 2, 0, slice_body, p);
        if (rc != TKT_DONE || p->last)
            break;
        p->from = p->until;
        cut_slice(p);
    }
    if (rc != TKT_DONE && p->job.job != 0 && tkt_status_primary(rc) != TKT_E_UNKNOWN)
        clear_own(p);
    return rc;
}

/* Deletes what a dead writer left of this chart's next version. */
static int32_t clear_stale(tkt_store *store, tkt__tx *tx, uint64_t chart)
{
    tkt__chart_job job;
    uint64_t after = 0;
    int32_t rc;
    while ((rc = tkt__chart_job_next(tx, &after, &job)) == TKT_DONE) {
        bool left = job.chart == chart && tkt__chart_job_stale(&job, tkt__tx_now(tx));
        uint32_t done;
        while (left && rc == TKT_DONE)
            rc = tkt__chart_job_clear(store, &job, NULL, SLICE_WRITES, &done, &left);
        if (rc != TKT_DONE)
            return rc;
    }
    return rc == TKT_NOT_FOUND ? TKT_DONE : rc;
}

/* One try: number and encode on a snapshot, then write. *same: there was nothing to write. */
static int32_t put_once(putting *p, bool *same)
{
    tkt_snapshot *snapshot;
    tkt__tx *tx;
    uint32_t newest = 0;
    *same = false;
    int32_t rc = tkt_snapshot_begin(p->store, &snapshot);
    if (rc != TKT_DONE)
        return rc;
    rc = tkt__snapshot_tx(snapshot, &tx);
    if (rc == TKT_DONE && p->base != 0) {
        rc = clear_stale(p->store, tx, p->chart_id);
        if (rc == TKT_DONE)
            rc = tkt__chart_newest(tx, p->chart_id, &newest);
        p->base = newest;
    }
    if (rc == TKT_DONE)
        rc = encode_version(p, tx);
    if (rc == TKT_DONE) {
        int32_t differs = version_same(tx, p);
        *same = differs == TKT_DONE;
        rc = differs == TKT_NOT_FOUND ? TKT_DONE : differs;
    }
    tkt_snapshot_end(snapshot);
    p->job.chart = p->chart_id;
    p->job.version = p->base + (*same ? 0 : 1);
    return rc != TKT_DONE || *same ? rc : put_slices(p);
}

static int32_t chart_known(tkt_store *store, uint64_t chart, uint32_t *newest)
{
    tkt_snapshot *snapshot;
    tkt__tx *tx;
    int32_t rc = tkt_snapshot_begin(store, &snapshot);
    if (rc != TKT_DONE)
        return rc;
    rc = tkt__snapshot_tx(snapshot, &tx);
    if (rc == TKT_DONE)
        rc = tkt__chart_newest(tx, chart, newest);
    tkt_snapshot_end(snapshot);
    return rc == TKT_NOT_FOUND ? tkt__refuse_missing("chart", chart) : rc;
}

int32_t tkt_chart_put(tkt_store *store, uint64_t venue_id, const tkt_chart *chart,
                      uint64_t *chart_id, uint32_t *version)
{
    putting p;
    bool same = false;
    int32_t rc = tkt__store_writable(store);
    if (rc != TKT_DONE)
        return rc;
    if (chart == NULL || chart_id == NULL || version == NULL)
        return tkt__fail(TKT_E_INVALID, "tkt_chart_put: chart, chart_id or version is NULL");
    if (chart->seat_n == 0 && chart->area_n == 0)
        return tkt__fail(TKT_E_INVALID, "the chart has neither a seat nor an area");
    if (venue_id > TKT__ID_MAX || *chart_id > TKT__ID_MAX)
        return tkt__fail(TKT_E_INVALID, "venue or chart id is out of range");
    memset(&p, 0, sizeof(p));
    p.store = store;
    p.chart = chart;
    p.venue = venue_id;
    p.chart_id = *chart_id;
    p.bytes.hooks = &store->hooks;
    rc = p.chart_id != 0 ? chart_known(store, p.chart_id, &p.base)
                         : tkt__id_take(store, TKT__ID_CHART, 1, &p.chart_id);
    if (rc != TKT_DONE)
        return rc;
    for (int tries = 0; tries < PUT_TRIES; tries++) {
        rc = put_once(&p, &same);
        tkt__chart_bytes_free(&p.bytes);
        if (rc == TKT_DONE || p.base == 0 || tkt_status_primary(rc) != TKT_E_CONFLICT)
            break;
    }
    if (*chart_id == 0 && TKT_IS_REFUSAL(rc))
        tkt__id_give_back(store, TKT__ID_CHART, p.chart_id, 1);
    if (rc != TKT_DONE)
        return rc;
    *chart_id = p.chart_id;
    *version = p.job.version;
    return TKT_DONE;
}
