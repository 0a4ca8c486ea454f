/* SPDX-License-Identifier: MIT
 *
 * search/levels.c: the bytes of rows of levels (levels.h). Decoding trusts nothing: what encode does not write is
 * refused, so that equal levels have equal bytes.
 */
#include "search/levels.h"

#define KIND 3
#define HEAD 2
#define STRETCH_HEAD 3
#define SAME 0x8000u

static int32_t corrupt(void) { return tkt__fail(TKT_E_CORRUPT, "levels of a list are malformed"); }

static bool all_same(const uint8_t *level, uint32_t n, uint8_t *highest)
{
    uint8_t lowest = level[0];
    *highest = level[0];
    for (uint32_t i = 1; i < n; i++) {
        *highest = level[i] > *highest ? level[i] : *highest;
        lowest = level[i] < lowest ? level[i] : lowest;
    }
    return lowest == *highest;
}

static uint8_t *put_nibbles(uint8_t *out, const uint8_t *level, uint32_t n)
{
    for (uint32_t i = 0; i < n; i += 2)
        *out++ = (uint8_t)(level[i] | (i + 1 < n ? level[i + 1] << 4 : 0));
    return out;
}

/* A row under way: heads of stretches, and their nibbles. */
typedef struct writer {
    uint8_t *head, *at;
} writer;

static writer begin_row(uint8_t *out, uint32_t m)
{
    out[0] = KIND;
    out[1] = (uint8_t)m;
    return (writer){ out + HEAD, out + HEAD + m * STRETCH_HEAD };
}

static void put_stretch(writer *w, uint32_t stretch, const uint8_t *level, uint32_t n)
{
    uint8_t highest;
    bool same = all_same(level, n, &highest);
    uint32_t count = n | (same ? SAME : 0);
    w->head[0] = (uint8_t)(stretch | (uint32_t)highest << 4);
    w->head[1] = (uint8_t)count;
    w->head[2] = (uint8_t)(count >> 8);
    w->head += STRETCH_HEAD;
    w->at = same ? w->at : put_nibbles(w->at, level, n);
}

size_t tkt__levels_encode(const tkt__levels *levels, uint8_t out[TKT__LEVELS_ROW_BYTES])
{
    uint32_t m = 0;
    for (uint32_t s = 0; s < TKT__STRETCHES; s++)
        m += levels->n[s] != 0;
    if (m == 0)
        return 0;
    writer w = begin_row(out, m);
    for (uint32_t s = 0; s < TKT__STRETCHES; s++)
        if (levels->n[s] != 0)
            put_stretch(&w, s, levels->level[s], levels->n[s]);
    return (size_t)(w.at - out);
}

size_t tkt__levels_size(const tkt__levels *levels)
{
    size_t size = 0;
    uint8_t highest;
    for (uint32_t s = 0; s < TKT__STRETCHES; s++)
        if (levels->n[s] != 0)
            size += STRETCH_HEAD + (all_same(levels->level[s], levels->n[s], &highest) ? 0 : (levels->n[s] + 1) / 2);
    return size == 0 ? 0 : HEAD + size;
}

/* Walks the heads; `at` goes over the nibbles. False: malformed. */
static bool take(tkt__slice row, uint32_t i, size_t *at, uint32_t *which, tkt__stretch *s)
{
    const uint8_t *head = row.p + HEAD + (size_t)i * STRETCH_HEAD;
    uint32_t count = head[1] | (uint32_t)head[2] << 8;
    *which = head[0] & 15;
    s->highest = head[0] >> 4;
    s->n = count & (SAME - 1);
    size_t bytes = (count & SAME) != 0 ? 0 : (s->n + 1) / 2;
    s->nibbles = bytes == 0 ? NULL : row.p + *at;
    if (s->n == 0 || s->n > TKT__STRETCH_DOCS || *which >= TKT__STRETCHES || row.n - *at < bytes)
        return false;
    *at += bytes;
    return true;
}

static bool open_row(tkt__slice row, uint32_t *m, size_t *at)
{
    *m = row.n > HEAD + STRETCH_HEAD - 1 ? row.p[1] : 0;
    *at = HEAD + (size_t)*m * STRETCH_HEAD;
    return *m >= 1 && *m <= TKT__STRETCHES && row.p[0] == KIND && row.n >= *at;
}

int32_t tkt__levels_find(tkt__slice row, uint32_t stretch, tkt__stretch *out)
{
    uint32_t m, which;
    size_t at;
    if (!open_row(row, &m, &at))
        return corrupt();
    for (uint32_t i = 0; i < m; i++) {
        if (!take(row, i, &at, &which, out))
            return corrupt();
        if (which == stretch)
            return TKT_DONE;
    }
    return TKT_NOT_FOUND;
}

int32_t tkt__levels_decode(tkt__slice row, tkt__levels *levels)
{
    uint32_t m, which, least = 0;
    size_t at;
    uint8_t again[TKT__LEVELS_ROW_BYTES];
    memset(levels->n, 0, sizeof levels->n);
    if (!open_row(row, &m, &at))
        return corrupt();
    for (uint32_t i = 0; i < m; i++) {
        tkt__stretch s;
        if (!take(row, i, &at, &which, &s) || which < least)
            return corrupt();
        least = which + 1;
        levels->n[which] = s.n;
        for (uint32_t k = 0; k < s.n; k++)
            levels->level[which][k] = s.nibbles != NULL ? tkt__nibble(s.nibbles, k) : s.highest;
    }
    bool right = tkt__levels_encode(levels, again) == row.n && memcmp(again, row.p, row.n) == 0;
    return right ? TKT_DONE : corrupt();
}

/* The i-th stretch of a row goes over as it lies there. */
static void copy_stretch(writer *w, tkt__slice row, uint32_t i, const tkt__stretch *s)
{
    memcpy(w->head, row.p + HEAD + (size_t)i * STRETCH_HEAD, STRETCH_HEAD);
    w->head += STRETCH_HEAD;
    if (s->nibbles == NULL)
        return;
    memcpy(w->at, s->nibbles, (s->n + 1) / 2);
    w->at += (s->n + 1) / 2;
}

int32_t tkt__levels_change(tkt__slice row, uint32_t stretch, const uint8_t *level, uint32_t n,
                           uint8_t out[TKT__LEVELS_ROW_BYTES], size_t *size)
{
    uint32_t m = 0, which, others = 0;
    size_t at = 0;
    tkt__stretch s;
    *size = 0;
    if (row.n != 0 && !open_row(row, &m, &at))
        return corrupt();
    for (uint32_t i = 0; i < m; i++)
        others += (row.p[HEAD + (size_t)i * STRETCH_HEAD] & 15) != stretch;
    if (others + (n != 0) == 0)
        return TKT_DONE;
    writer w = begin_row(out, others + (n != 0));
    bool put = n == 0;
    for (uint32_t i = 0; i < m; i++) {
        if (!take(row, i, &at, &which, &s))
            return corrupt();
        if (!put && which >= stretch) {
            put_stretch(&w, stretch, level, n);
            put = true;
        }
        if (which != stretch)
            copy_stretch(&w, row, i, &s);
    }
    if (!put)
        put_stretch(&w, stretch, level, n);
    *size = (size_t)(w.at - out);
    return TKT_DONE;
}
