/* SPDX-License-Identifier: MIT
 *
 * catalog/chart_json.c: a chart file into the chart builder:
 *
 *   {"sections":[{"name","rows":[{"name","seats":[{"label","x","y","link"?,"attributes"?}]}]}],
 *    "ga":[{"name","capacity"}]}
 *
 * JSON by yajl, positions from the number's own text into thousandths, rounded half away from zero.
 * Links come from positions when no seat has "link". Unknown members are ignored. The builder is the
 * caller's: after a failure it holds what was read so far and is good for tkt_chart_free only.
 */
#include <stdlib.h>

#include "catalog/internal.h"
#include "base/json.h"

#define TEXT_MAX (64u << 20)
#define DEPTH_MAX 16
#define MILLI_MAX INT64_C(2000000000)

/* A decimal's text × 1,000; absent: 0. */
static int32_t milli_of(yajl_val v, const char *what, int32_t *out)
{
    const char *p = YAJL_IS_NUMBER(v) ? v->u.number.r : "0";
    bool negative = *p == '-';
    int64_t value = 0;
    int decimals = -1;
    for (p += negative; *p != '\0'; p++) {
        if (*p == '.' && decimals < 0) {
            decimals = 0;
            continue;
        }
        if (*p < '0' || *p > '9')
            return tkt__fail(TKT_E_PARSE, "%s: a position is a plain decimal", what);
        if (decimals == 3) { /* the first digit past the thousandth rounds, the rest is dropped */
            value += *p >= '5';
            decimals++;
        } else if (decimals < 3) {
            value = value * 10 + (*p - '0');
            decimals += decimals >= 0;
        }
        if (value > MILLI_MAX)
            return tkt__fail(TKT_E_PARSE, "%s: a position is too far out", what);
    }
    for (decimals = decimals < 0 ? 0 : decimals; decimals < 3; decimals++)
        value *= 10;
    if (value > INT32_MAX)
        return tkt__fail(TKT_E_PARSE, "%s: a position is too far out", what);
    *out = (int32_t)(negative ? -value : value);
    return TKT_DONE;
}

static int32_t read_seat(tkt_chart *chart, yajl_val seat, bool *linked)
{
    int32_t x = 0, y = 0;
    uint32_t attributes = 0;
    yajl_val link = tkt__json_member(seat, "link"), bits = tkt__json_member(seat, "attributes");
    if (!YAJL_IS_OBJECT(seat) || !YAJL_IS_STRING(tkt__json_member(seat, "label")))
        return tkt__fail(TKT_E_PARSE, "a seat has no label");
    int32_t rc = milli_of(tkt__json_member(seat, "x"), "x", &x);
    if (rc == TKT_DONE)
        rc = milli_of(tkt__json_member(seat, "y"), "y", &y);
    if (YAJL_IS_INTEGER(bits) && YAJL_GET_INTEGER(bits) >= 0 && YAJL_GET_INTEGER(bits) <= INT32_MAX)
        attributes = (uint32_t)YAJL_GET_INTEGER(bits) & ~TKT_SEAT_LINK;
    *linked = *linked || link != NULL;
    if (YAJL_IS_TRUE(link))
        attributes |= TKT_SEAT_LINK;
    tkt_text label = tkt__json_text(tkt__json_member(seat, "label"));
    return rc != TKT_DONE ? rc : tkt_chart_add_seat(chart, label, x, y, attributes);
}

static int32_t read_rows(tkt_chart *chart, yajl_val rows, bool *linked)
{
    int32_t rc = YAJL_IS_ARRAY(rows) ? TKT_DONE : tkt__fail(TKT_E_PARSE, "a section has no rows");
    for (size_t i = 0; rc == TKT_DONE && i < rows->u.array.len; i++) {
        yajl_val row = rows->u.array.values[i], seats = tkt__json_member(row, "seats");
        if (!YAJL_IS_ARRAY(seats))
            return tkt__fail(TKT_E_PARSE, "a row has no seats");
        rc = tkt_chart_add_row(chart, tkt__json_text(tkt__json_member(row, "name")));
        for (size_t k = 0; rc == TKT_DONE && k < seats->u.array.len; k++)
            rc = read_seat(chart, seats->u.array.values[k], linked);
    }
    return rc;
}

static int32_t read_areas(tkt_chart *chart, yajl_val areas)
{
    int32_t rc = TKT_DONE;
    for (size_t i = 0; rc == TKT_DONE && YAJL_IS_ARRAY(areas) && i < areas->u.array.len; i++) {
        yajl_val area = areas->u.array.values[i], capacity = tkt__json_member(area, "capacity");
        if (!YAJL_IS_INTEGER(capacity) || YAJL_GET_INTEGER(capacity) < 0 ||
            YAJL_GET_INTEGER(capacity) > INT32_MAX)
            return tkt__fail(TKT_E_PARSE, "an area's capacity is a whole number");
        tkt_text name = tkt__json_text(tkt__json_member(area, "name"));
        rc = tkt_chart_add_area(chart, name, (uint32_t)YAJL_GET_INTEGER(capacity));
    }
    return rc;
}

static int32_t read_chart(tkt_chart *chart, yajl_val root)
{
    yajl_val sections = tkt__json_member(root, "sections"), areas = tkt__json_member(root, "ga");
    bool linked = false;
    int32_t rc = TKT_DONE;
    if (!YAJL_IS_OBJECT(root) || (!YAJL_IS_ARRAY(sections) && !YAJL_IS_ARRAY(areas)))
        return tkt__fail(TKT_E_PARSE, "a chart is an object with \"sections\" or \"ga\"");
    for (size_t i = 0; rc == TKT_DONE && YAJL_IS_ARRAY(sections) && i < sections->u.array.len; i++) {
        yajl_val section = sections->u.array.values[i];
        rc = tkt_chart_add_section(chart, tkt__json_text(tkt__json_member(section, "name")));
        if (rc == TKT_DONE)
            rc = read_rows(chart, tkt__json_member(section, "rows"), &linked);
    }
    if (rc == TKT_DONE)
        rc = read_areas(chart, areas);
    return rc == TKT_DONE && !linked ? tkt_chart_link_by_pitch(chart) : rc;
}

int32_t tkt_chart_parse_json(tkt_chart *chart, const char *text, size_t len)
{
    char why[128];
    uint64_t at;
    if (chart == NULL || text == NULL)
        return tkt__fail(TKT_E_INVALID, "chart or text is NULL");
    int32_t rc = tkt__text_check(text, len, TEXT_MAX, "a chart file");
    if (rc != TKT_DONE)
        return rc;
    if (!tkt__json_whole(text, len, &at))
        return tkt__fail(TKT_E_PARSE, "the chart has a NUL or half a character at byte %llu", (unsigned long long)at);
    if (!tkt__json_shallow(text, len, DEPTH_MAX, &at))
        return tkt__fail(TKT_E_PARSE, "byte %llu: nested deeper than %d", (unsigned long long)at,
                         DEPTH_MAX);
    char *copy = malloc(len + 1); /* yajl's tree wants a NUL, and allocates with the C library itself */
    if (copy == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for a chart file");
    memcpy(copy, text, len);
    copy[len] = '\0';
    yajl_val root = yajl_tree_parse(copy, why, sizeof why);
    if (root == NULL)
        rc = tkt__fail(TKT_E_PARSE, "byte %llu: malformed JSON",
                       (unsigned long long)tkt__json_error_byte(text, len));
    else
        rc = read_chart(chart, root);
    yajl_tree_free(root);
    free(copy);
    return rc;
}
