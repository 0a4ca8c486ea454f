/* SPDX-License-Identifier: MIT
 *
 * search/place.c: a radius becomes the venues within it: cells of a quarter of a degree are read row by row
 * of latitude, each venue is measured, and when they are few the query asks for their events alone. Where the
 * circle is too wide, or holds too many, each candidate's venue is measured instead (match.c): the answer is
 * the same.
 *
 * Reads PLACE 'g' (names.c).
 */
#include <math.h>
#include <stdlib.h>

#include "search/names.h"
#include "search/query.h"

#define BANDS_MOST 64    /* rows of cells */
#define ROWS_MOST 20000u /* venues looked at */
#define DEGREE_M 111194.0 /* of latitude, on the sphere of match.c */

typedef struct circle {
    tkt__search *s;
    tkt__cursor *cursor;
    uint64_t venue[TKT__NEAR_VENUES_MAX];
    uint32_t n, looked;
    bool many;
} circle;

static int32_t look(circle *c, tkt__slice key, tkt__slice value)
{
    tkt__reader r = tkt__reader_of(value);
    int32_t latitude = (int32_t)tkt__get_u32(&r), longitude = (int32_t)tkt__get_u32(&r);
    if (r.bad || key.n != 9)
        return tkt__fail(TKT_E_CORRUPT, "a row of a venue's place is malformed");
    if (!tkt__within(c->s->query, latitude, longitude))
        return TKT_DONE;
    c->many = c->n == TKT__NEAR_VENUES_MAX;
    if (!c->many)
        c->venue[c->n++] = tkt__get_be32(key.p + 5);
    return TKT_DONE;
}

/* Cells west…east of one band of latitude; both inclusive, west ≤ east. */
static int32_t look_band(circle *c, uint32_t band, uint32_t west, uint32_t east)
{
    uint8_t from[5], to[5];
    tkt__slice k, v;
    tkt__cell_key(band, west, from);
    tkt__cell_key(band, east, to);
    int32_t status = tkt__cursor_seek(c->cursor, tkt__slice_of(from, sizeof from), &k, &v);
    while (status == TKT_DONE && k.n >= 5 && memcmp(k.p, to, sizeof to) <= 0 && !c->many) {
        c->many = ++c->looked > ROWS_MOST;
        status = look(c, k, v);
        if (status == TKT_DONE)
            status = tkt__cursor_next(c->cursor, &k, &v);
    }
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

/* How far the circle reaches east and west of its middle, in degrees × 10^7; 180 and more: all round. */
static int64_t reach_e7(const tkt_query *q, double degrees)
{
    double latitude = fabs(q->latitude_e7 / 1e7) + degrees;
    if (latitude >= 89.9)
        return 1800000000;
    const double rad = 3.14159265358979323846 / 180;
    double s = sin(degrees * rad) / cos(q->latitude_e7 / 1e7 * rad);
    return s >= 1 ? 1800000000 : (int64_t)(asin(s) / rad * 1e7) + 100000; /* a metre or so to spare */
}

static int32_t look_around(circle *c, double degrees)
{
    const tkt_query *q = c->s->query;
    int64_t up = (int64_t)(degrees * 1e7) + 100000, east = reach_e7(q, degrees);
    int64_t low = q->latitude_e7 - up, high = q->latitude_e7 + up;
    int64_t left = q->longitude_e7 - east, right = q->longitude_e7 + east;
    uint32_t first = tkt__cell_of((int32_t)(low < -900000000 ? -900000000 : low), 90);
    uint32_t last = tkt__cell_of((int32_t)(high > 900000000 ? 900000000 : high), 90);
    uint32_t most = tkt__cell_of(1800000000, 180);
    int32_t status = TKT_DONE;
    for (uint32_t band = first; status == TKT_DONE && band <= last && !c->many; band++) {
        bool round = east >= 1800000000;
        uint32_t west = round || left < -1800000000 ? 0 : tkt__cell_of((int32_t)left, 180);
        uint32_t end = round || right > 1800000000 ? most : tkt__cell_of((int32_t)right, 180);
        status = look_band(c, band, west, end);
        if (!round && left < -1800000000 && status == TKT_DONE) /* over the line where longitudes begin */
            status = look_band(c, band, tkt__cell_of((int32_t)(left + INT64_C(3600000000)), 180), most);
        if (!round && right > 1800000000 && status == TKT_DONE)
            status = look_band(c, band, 0, tkt__cell_of((int32_t)(right - INT64_C(3600000000)), 180));
    }
    return status;
}

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

int32_t tkt__near_venues(tkt__search *s, uint64_t **venues, uint32_t *n, bool *told)
{
    double degrees = (double)s->query->radius_m / DEGREE_M;
    *told = false;
    *n = 0;
    if (!s->query->near || s->query->radius_m == 0 || 2 * degrees * 4 > BANDS_MOST)
        return TKT_DONE;
    circle *c = tkt__arena_get(&s->arena, sizeof *c);
    if (c == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for a search");
    memset(c, 0, offsetof(circle, venue));
    c->n = c->looked = 0;
    c->many = false;
    c->s = s;
    int32_t status = tkt__tx_cursor_open(s->tx, TKT__T_PLACE, &c->cursor);
    if (status != TKT_DONE)
        return status;
    status = look_around(c, degrees);
    tkt__cursor_close(c->cursor);
    if (status != TKT_DONE || c->many)
        return status;
    qsort(c->venue, c->n, sizeof *c->venue, compare);
    for (uint32_t i = 0; i < c->n; i++) /* a band may have been seen from both sides */
        if (i == 0 || c->venue[i] != c->venue[i - 1])
            c->venue[(*n)++] = c->venue[i];
    *venues = c->venue;
    *told = true;
    return TKT_DONE;
}
