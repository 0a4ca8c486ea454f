/* SPDX-License-Identifier: MIT
 *
 * base/instant.c: RFC 3339 text and milliseconds since 1970Z, in the proleptic Gregorian calendar.
 *
 * Days ↔ dates by the era method of Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
 */
#include "base/base.h"

#include <stdio.h>

#define DAY_MS INT64_C(86400000)
#define MOST_MS INT64_C(253402300799999) /* the end of the year 9999 */
#define MINUTE_MS INT64_C(60000)
#define OFFSET_MIN_MAX (24 * 60 - 1)

static int64_t days_of(int64_t y, int m, int d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t days, int64_t *y, int *m, int *d)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097, of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100), month = (5 * of_year + 2) / 153;
    *d = (int)(of_year - (153 * month + 2) / 5 + 1);
    *m = (int)(month < 10 ? month + 3 : month - 9);
    *y = year + era * 400 + (*m <= 2);
}

static bool leap(int y)
{
    return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static int days_in(int y, int m)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    return m == 2 && leap(y) ? 29 : days[m - 1];
}

typedef struct scan {
    const char *p, *end;
} scan;

static bool digits(scan *s, int n, int low, int high, int *out)
{
    int value = 0;
    if (s->end - s->p < n)
        return false;
    for (int i = 0; i < n; i++, s->p++) {
        if (*s->p < '0' || *s->p > '9')
            return false;
        value = value * 10 + (*s->p - '0');
    }
    *out = value;
    return value >= low && value <= high;
}

static bool literal(scan *s, char c)
{
    if (s->p == s->end || *s->p != c)
        return false;
    s->p++;
    return true;
}

static bool either(scan *s, char a, char b)
{
    return literal(s, a) || literal(s, b);
}

static bool date(scan *s, int64_t *days)
{
    int y, m, d;
    if (!digits(s, 4, 1, 9999, &y) || !literal(s, '-') || !digits(s, 2, 1, 12, &m) ||
        !literal(s, '-') || !digits(s, 2, 1, 31, &d) || d > days_in(y, m))
        return false;
    *days = days_of(y, m, d);
    return true;
}

/* hh:mm[:ss[.fraction]]; digits past the millisecond are dropped, a leap second is 59.999… + */
static bool time_of_day(scan *s, int64_t *ms)
{
    int h, m, sec = 0, milli = 0;
    if (!digits(s, 2, 0, 23, &h) || !literal(s, ':') || !digits(s, 2, 0, 59, &m))
        return false;
    if (literal(s, ':')) {
        if (!digits(s, 2, 0, 60, &sec))
            return false;
        if (literal(s, '.')) {
            int scale = 100, count = 0;
            for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++, count++, scale /= 10)
                milli += (*s->p - '0') * scale;
            if (count == 0)
                return false;
        }
    }
    *ms = ((h * 60 + m) * INT64_C(60) + sec) * 1000 + milli;
    return true;
}

static bool zone(scan *s, int *minutes)
{
    int h, m;
    if (either(s, 'Z', 'z')) {
        *minutes = 0;
        return true;
    }
    bool west = s->p < s->end && *s->p == '-';
    if (!either(s, '+', '-') || !digits(s, 2, 0, 23, &h) || !literal(s, ':') ||
        !digits(s, 2, 0, 59, &m))
        return false;
    *minutes = west ? -(h * 60 + m) : h * 60 + m;
    return true;
}

int32_t tkt_instant_parse(const char *text, size_t len, int64_t *ms, int32_t *offset_min,
                          int32_t *date_only)
{
    int64_t days, of_day = 0;
    int minutes = 0;
    if (text == NULL || ms == NULL)
        return tkt__fail(TKT_E_INVALID, "text or ms is NULL");
    scan s = { text, text + len };
    bool good = date(&s, &days), plain = s.p == s.end;
    if (good && !plain)
        good = (either(&s, 'T', 't') || literal(&s, ' ')) && time_of_day(&s, &of_day) &&
               zone(&s, &minutes) && s.p == s.end;
    if (!good)
        return tkt__fail(TKT_E_PARSE, "byte %zu: a date, or a date and time with Z or an offset",
                         (size_t)(s.p - text) + 1);
    *ms = days * DAY_MS + of_day - minutes * MINUTE_MS;
    if (days * DAY_MS + of_day > MOST_MS) /* by its leap second */
        return tkt__fail(TKT_E_PARSE, "the instant lies behind the year 9999");
    if (offset_min != NULL)
        *offset_min = minutes;
    if (date_only != NULL)
        *date_only = plain;
    return TKT_DONE;
}

/* So many digits of a number, which has no more. Not by printf: a page of search has dozens of instants. */
static char *put_digits(char *at, unsigned value, int width)
{
    for (int i = width - 1; i >= 0; i--, value /= 10)
        at[i] = (char)('0' + value % 10);
    return at + width;
}

static char *put_after(char *at, char mark, unsigned value, int width)
{
    *at = mark;
    return put_digits(at + 1, value, width);
}

static char *put_hour(char *at, int64_t rest, int32_t offset_min)
{
    unsigned minute = (unsigned)(rest / MINUTE_MS) % 1440, milli = (unsigned)(rest % MINUTE_MS);
    unsigned away = (unsigned)(offset_min < 0 ? -offset_min : offset_min) % 1440;
    at = put_after(at, 'T', minute / 60, 2);
    at = put_after(at, ':', minute % 60, 2);
    at = put_after(at, ':', milli / 1000 % 60, 2);
    if (milli % 1000 != 0)
        at = put_after(at, '.', milli % 1000, 3);
    if (offset_min == 0) {
        *at = 'Z';
        return at + 1;
    }
    at = put_after(at, offset_min < 0 ? '-' : '+', away / 60, 2);
    return put_after(at, ':', away % 60, 2);
}

int32_t tkt_instant_format(int64_t ms, int32_t offset_min, int32_t date_only,
                           char buf[TKT_INSTANT_TEXT], size_t *len)
{
    const int64_t least = days_of(1, 1, 1) * DAY_MS;
    int64_t y, local;
    int m, d;
    if (buf == NULL || len == NULL || offset_min < -OFFSET_MIN_MAX || offset_min > OFFSET_MIN_MAX)
        return tkt__fail(TKT_E_INVALID, "an offset lies within 24 hours");
    if (!tkt__add_i64(ms, offset_min * MINUTE_MS, &local) || local < least || local > MOST_MS)
        return tkt__fail(TKT_E_INVALID, "the instant lies outside the years 0001 to 9999");
    int64_t days = local >= 0 ? local / DAY_MS : -((-local + DAY_MS - 1) / DAY_MS);
    int64_t rest = local - days * DAY_MS;
    date_of(days, &y, &m, &d);
    unsigned year = (unsigned)y % 10000;
    char *at = put_digits(buf, year, 4);
    at = put_after(at, '-', (unsigned)m, 2);
    at = put_after(at, '-', (unsigned)d, 2);
    if (!date_only)
        at = put_hour(at, rest, offset_min);
    *at = '\0';
    *len = (size_t)(at - buf);
    return TKT_DONE;
}
