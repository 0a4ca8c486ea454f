/* SPDX-License-Identifier: MIT
 *
 * cmd_chart.c: gives an event its hall from a chart file.
 */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CHART_FILE_MAX (64u << 20)

static char *read_whole(const char *path, size_t *n)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    if (file == NULL)
        return usage_error("%s: %s", path, strerror(errno)), NULL;
    if (fseek(file, 0, SEEK_END) == 0) {
        long size = ftell(file);
        if (size >= 0 && (unsigned long)size <= CHART_FILE_MAX && (text = malloc((size_t)size + 1)))
            rewind(file), *n = fread(text, 1, (size_t)size, file);
    }
    if (text == NULL)
        usage_error("%s: not readable, or larger than %u bytes", path, CHART_FILE_MAX);
    fclose(file);
    return text;
}

static int32_t store_chart(cli *c, const tkt_chart *chart, uint64_t event, uint64_t venue, tkt_sale *sale)
{
    int32_t status = tkt_chart_put(c->store, venue, chart, &sale->chart_id, &sale->chart_version);
    if (status == TKT_DONE)
        status = tkt_event_set_chart(c->store, event, sale->chart_id, sale->chart_version, 0);
    return status;
}

int cmd_chart(cli *c)
{
    tkt_event event = { .size = sizeof event };
    tkt_sale sale = TKT_SALE_INIT;
    tkt_chart *chart;
    uint64_t id = 0;
    size_t n = 0;
    int code = event_and_sale(c, &id, &event, &sale);
    if (code != EXIT_EFFECT)
        return code;
    char *text = read_whole(c->positional[1], &n);
    if (text == NULL)
        return EXIT_USAGE;
    int32_t status = tkt_chart_new(&chart);
    if (status == TKT_DONE)
        status = tkt_chart_parse_json(chart, text, n);
    if (status == TKT_DONE)
        status = store_chart(c, chart, id, event.venue_id, &sale);
    tkt_chart_free(chart);
    free(text);
    if (status == TKT_DONE)
        code = event_and_sale(c, &id, &event, &sale);
    if (status != TKT_DONE || code != EXIT_EFFECT)
        return status != TKT_DONE ? out_bad(c, status) : code;
    out_begin(c);
    out_status(c, status);
    out_unsigned(c, "chartId", sale.chart_id);
    out_unsigned(c, "chartVersion", sale.chart_version);
    out_unsigned(c, "seats", sale.seats);
    out_unsigned(c, "areas", sale.areas);
    out_end(c);
    if (!c->json)
        printf("event %" PRIu64 " has chart %" PRIu64 " version %" PRIu32 ": %" PRIu32 " seats\n", id,
               sale.chart_id, sale.chart_version, sale.seats);
    return EXIT_EFFECT;
}

