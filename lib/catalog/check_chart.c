/* SPDX-License-Identifier: MIT
 *
 * catalog/check_chart.c: the catalogue's part of tkt_check: charts, their jobs, sale rows.
 *
 * Rules, by their names in a problem:
 *   chart       a version whose blocks, sections or areas do not fit its header, or an unfinished
 *               one without a job (with one it is accepted: it is invisible and will be cleared)
 *   sale-row    a sale row that does not decode, of no event, with a chart that is not there, with
 *               other totals than the chart's, or missing from the chart's list
 * Reads only: a crash leaves nothing behind.
 */
#include "catalog/chart.h"
#include "catalog/check.h"
#include "catalog/sale.h"

typedef unsigned long long ull;

/* ---- charts ---------------------------------------------------------------------------------- */

static int32_t job_there(tkt__tx *tx, uint64_t chart, uint32_t version)
{
    tkt__chart_job job;
    uint64_t after = 0;
    int32_t rc;
    while ((rc = tkt__chart_job_next(tx, &after, &job)) == TKT_DONE)
        if (job.chart == chart && job.version == version)
            return TKT_DONE;
    return rc;
}

/* Loading a plan checks every block against header and sections; then units against the highest. */
static int32_t check_version(tkt__walk *walk, const tkt_hooks *hooks, uint64_t chart,
                             uint32_t version)
{
    tkt_plan *plan = NULL;
    tkt__chart_header h;
    int32_t rc = tkt__chart_header_get(walk->tx, chart, version, &h);
    if (rc == TKT_NOT_FOUND) {
        rc = job_there(walk->tx, chart, version);
        if (rc != TKT_NOT_FOUND)
            return rc;
        return tkt__problem(walk->problems, "chart",
                            "version %lu of chart %llu has blocks, but neither header nor job",
                            (unsigned long)version, (ull)chart);
    }
    if (rc == TKT_DONE)
        rc = tkt__plan_of(walk->tx, hooks, chart, version, &plan);
    if (rc != TKT_DONE)
        return tkt__check_decoded(walk, rc, "chart");
    tkt_seat seat;
    uint32_t beyond = 0;
    for (uint32_t i = 0; tkt__plan_seat_at(plan, i, &seat); i++)
        beyond += seat.unit >> 6 > h.blocks || seat.section > h.last_section;
    tkt_plan_free(plan);
    if (beyond > 0)
        rc = tkt__problem(walk->problems, "chart", "chart %llu has %lu seats past its numbers",
                          (ull)chart, (unsigned long)beyond);
    if (rc == TKT_DONE && h.venue != 0) {
        uint8_t list[TKT__LIST_KEY_MAX] = { TKT__E_VENUE_CHART };
        tkt__slice v;
        tkt__be64(list + 1, h.venue);
        tkt__be64(list + 9, chart);
        rc = tkt__tx_get(walk->tx, TKT__T_EVENT_LIST, tkt__slice_of(list, sizeof(list)), &v);
        if (rc == TKT_NOT_FOUND)
            rc = tkt__problem(walk->problems, "chart", "chart %llu is not listed by venue %llu",
                              (ull)chart, (ull)h.venue);
    }
    return rc;
}

/* Jumps from version to version. */
static int32_t check_all_versions(tkt__walk *walk, const tkt_hooks *hooks)
{
    tkt__cursor *cursor;
    tkt__slice k, v;
    uint8_t key[TKT__CHART_KEY] = { 0 };
    int32_t rc = tkt__tx_cursor_open(walk->tx, TKT__T_CHART, &cursor);
    if (rc != TKT_DONE)
        return rc;
    while ((rc = tkt__cursor_seek(cursor, tkt__slice_of(key, sizeof(key)), &k, &v)) == TKT_DONE) {
        if (k.n != TKT__CHART_KEY) {
            rc = tkt__problem(walk->problems, "chart", "a chart key has %zu bytes", k.n);
            break;
        }
        uint64_t chart = tkt__get_be64(k.p);
        uint32_t version = tkt__get_be32(k.p + 8);
        rc = tkt__check_id(walk, TKT__ID_CHART, chart, "chart");
        if (rc == TKT_DONE)
            rc = check_version(walk, hooks, chart, version);
        if (rc != TKT_DONE || (version == UINT32_MAX && chart == UINT64_MAX))
            break;
        tkt__chart_key(version == UINT32_MAX ? chart + 1 : chart, version + 1, 0, key);
    }
    tkt__cursor_close(cursor);
    return rc == TKT_NOT_FOUND ? TKT_DONE : rc;
}

/* ---- sale rows ------------------------------------------------------------------------------- */

static int32_t bad_sale(tkt__walk *walk, uint64_t event, const char *why)
{
    return tkt__problem(walk->problems, "sale-row", "sale row of event %llu: %s", (ull)event, why);
}

static int32_t check_sale(tkt__walk *walk, tkt__slice k, tkt__slice v)
{
    tkt__sale_row row;
    tkt__slice record;
    tkt__event_head head;
    tkt__chart_header h;
    if (k.n != 8)
        return tkt__problem(walk->problems, "sale-row", "a sale key has %zu bytes", k.n);
    uint64_t event = tkt__get_be64(k.p);
    int32_t rc = tkt__sale_row_parse(v, event, &row);
    if (rc != TKT_DONE)
        return tkt__check_decoded(walk, rc, "sale-row");
    rc = tkt__event_get(walk->tx, event, &record);
    if (rc == TKT_NOT_FOUND)
        return bad_sale(walk, event, "there is no such event");
    if (rc == TKT_DONE && row.chart_id == 0)
        return TKT_DONE;
    if (rc == TKT_DONE)
        rc = tkt__event_head_of(record, &head);
    if (rc != TKT_DONE)
        return tkt__check_decoded(walk, rc, "record");
    rc = tkt__chart_header_get(walk->tx, row.chart_id, row.chart_version, &h);
    if (rc == TKT_NOT_FOUND)
        return bad_sale(walk, event, "its chart is not there");
    if (rc != TKT_DONE)
        return tkt__check_decoded(walk, rc, "chart");
    if (h.seats != row.seats || h.blocks != row.blocks)
        rc = bad_sale(walk, event, "its totals are not the chart's");
    if (rc == TKT_DONE)
        rc = tkt__list_there(walk->tx, TKT__E_CHART, row.chart_id, head.start_ms, event);
    return rc == TKT_NOT_FOUND ? bad_sale(walk, event, "the chart's list has no such event") : rc;
}

int32_t tkt__check_charts(tkt__walk *walk)
{
    tkt_hooks hooks;
    int32_t rc = tkt__hooks_resolve(NULL, &hooks);
    if (rc == TKT_DONE)
        rc = check_all_versions(walk, &hooks);
    return rc != TKT_DONE ? rc : tkt__walk_table(walk, TKT__T_SALE, check_sale);
}
