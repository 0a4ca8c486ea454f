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
#include <yajl/yajl_parse.h>
#include <yajl/yajl_tree.h>

#include "catalog/internal.h"

#define TEXT_MAX (64u << 20)
#define DEPTH_MAX 16
#define MILLI_MAX INT64_C(2000000000)

static bool shallow(const char *p, size_t n, size_t *at)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < n; i++) {
        if (quoted && p[i] == '\\')
            i++;
        else if (p[i] == '"')
            quoted = !quoted;
        else if (!quoted && (p[i] == '{' || p[i] == '[') && ++depth > DEPTH_MAX) {
            *at = i + 1;
            return false;
        } else if (!quoted && (p[i] == '}' || p[i] == ']'))
            depth--;
    }
    return true;
}

static size_t error_byte(const char *p, size_t n)
{
    static const yajl_callbacks none = { 0 };
    yajl_handle h = yajl_alloc(&none, NULL, NULL);
    size_t at = n;
    if (h != NULL && yajl_parse(h, (const unsigned char *)p, n) != yajl_status_ok)
        at = yajl_get_bytes_consumed(h);
    if (h != NULL)
        yajl_free(h);
    return at + 1;
}

static yajl_val member(yajl_val object, const char *name)
{
    const char *path[] = { name, NULL };
    return YAJL_IS_OBJECT(object) ? yajl_tree_get(object, path, yajl_t_any) : NULL;
}

static tkt_text text_of(yajl_val v)
{
    const char *s = YAJL_IS_STRING(v) ? YAJL_GET_STRING(v) : NULL;
    tkt_text t = { s, s != NULL ? strlen(s) : 0 };
    return t;
}

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
    yajl_val link = member(seat, "link"), bits = member(seat, "attributes");
    if (!YAJL_IS_OBJECT(seat) || !YAJL_IS_STRING(member(seat, "label")))
        return tkt__fail(TKT_E_PARSE, "a seat has no label");
    int32_t rc = milli_of(member(seat, "x"), "x", &x);
    if (rc == TKT_DONE)
        rc = milli_of(member(seat, "y"), "y", &y);
    if (YAJL_IS_INTEGER(bits) && YAJL_GET_INTEGER(bits) >= 0 && YAJL_GET_INTEGER(bits) <= INT32_MAX)
        attributes = (uint32_t)YAJL_GET_INTEGER(bits) & ~TKT_SEAT_LINK;
    *linked = *linked || link != NULL;
    if (YAJL_IS_TRUE(link))
        attributes |= TKT_SEAT_LINK;
    return rc != TKT_DONE ? rc : tkt_chart_add_seat(chart, text_of(member(seat, "label")), x, y, attributes);
}

static int32_t read_rows(tkt_chart *chart, yajl_val rows, bool *linked)
{
    int32_t rc = YAJL_IS_ARRAY(rows) ? TKT_DONE : tkt__fail(TKT_E_PARSE, "a section has no rows");
    for (size_t i = 0; rc == TKT_DONE && i < rows->u.array.len; i++) {
        yajl_val row = rows->u.array.values[i], seats = member(row, "seats");
        if (!YAJL_IS_ARRAY(seats))
            return tkt__fail(TKT_E_PARSE, "a row has no seats");
        rc = tkt_chart_add_row(chart, text_of(member(row, "name")));
        for (size_t k = 0; rc == TKT_DONE && k < seats->u.array.len; k++)
            rc = read_seat(chart, seats->u.array.values[k], linked);
    }
    return rc;
}

static int32_t read_areas(tkt_chart *chart, yajl_val areas)
{
    int32_t rc = TKT_DONE;
    for (size_t i = 0; rc == TKT_DONE && YAJL_IS_ARRAY(areas) && i < areas->u.array.len; i++) {
        yajl_val area = areas->u.array.values[i], capacity = member(area, "capacity");
        if (!YAJL_IS_INTEGER(capacity) || YAJL_GET_INTEGER(capacity) < 0 ||
            YAJL_GET_INTEGER(capacity) > INT32_MAX)
            return tkt__fail(TKT_E_PARSE, "an area's capacity is a whole number");
        rc = tkt_chart_add_area(chart, text_of(member(area, "name")), (uint32_t)YAJL_GET_INTEGER(capacity));
    }
    return rc;
}

static int32_t read_chart(tkt_chart *chart, yajl_val root)
{
    yajl_val sections = member(root, "sections"), areas = member(root, "ga");
    bool linked = false;
    int32_t rc = TKT_DONE;
    if (!YAJL_IS_OBJECT(root) || (!YAJL_IS_ARRAY(sections) && !YAJL_IS_ARRAY(areas)))
        return tkt__fail(TKT_E_PARSE, "a chart is an object with \"sections\" or \"ga\"");
    for (size_t i = 0; rc == TKT_DONE && YAJL_IS_ARRAY(sections) && i < sections->u.array.len; i++) {
        yajl_val section = sections->u.array.values[i];
        rc = tkt_chart_add_section(chart, text_of(member(section, "name")));
        if (rc == TKT_DONE)
            rc = read_rows(chart, member(section, "rows"), &linked);
    }
    if (rc == TKT_DONE)
        rc = read_areas(chart, areas);
    return rc == TKT_DONE && !linked ? tkt_chart_link_by_pitch(chart) : rc;
}

int32_t tkt_chart_parse_json(tkt_chart *chart, const char *text, size_t len)
{
    char why[128];
    size_t at;
    if (chart == NULL || text == NULL)
        return tkt__fail(TKT_E_INVALID, "chart or text is NULL");
    int32_t rc = tkt__text_check(text, len, TEXT_MAX, "a chart file");
    if (rc != TKT_DONE)
        return rc;
    if (!shallow(text, len, &at))
        return tkt__fail(TKT_E_PARSE, "byte %zu: nested deeper than %d", at, DEPTH_MAX);
    char *copy = malloc(len + 1); /* yajl's tree wants a NUL, and allocates with the C library itself */
    if (copy == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for a chart file");
    memcpy(copy, text, len);
    copy[len] = '\0';
    yajl_val root = yajl_tree_parse(copy, why, sizeof why);
    if (root == NULL)
        rc = tkt__fail(TKT_E_PARSE, "byte %zu: malformed JSON", error_byte(text, len));
    else
        rc = read_chart(chart, root);
    yajl_tree_free(root);
    free(copy);
    return rc;
}
