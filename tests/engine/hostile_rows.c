/* SPDX-License-Identifier: MIT
 *
 * tests/engine/hostile_rows.c: a table of the hostile engine: rows sorted by key, each with all its
 * versions, the newest first. A row that was deleted keeps its place with a version that is not there.
 */
#include "hostile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *hostile_memory(size_t n)
{
    void *p = malloc(n != 0 ? n : 1);
    if (p == NULL) {
        fprintf(stderr, "hostile: no memory\n");
        abort();
    }
    return p;
}

int hostile_compare(tkt__slice a, tkt__slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n != 0 ? memcmp(a.p, b.p, n) : 0;
    return order != 0 ? order : a.n < b.n ? -1 : a.n > b.n;
}

size_t hostile_rows_at(const hostile_rows *rows, tkt__slice key, bool after)
{
    size_t low = 0, high = rows->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = hostile_compare(tkt__slice_of(rows->rows[mid]->key, rows->rows[mid]->n), key);
        if (order < 0 || (after && order == 0))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

hostile_row *hostile_rows_find(const hostile_rows *rows, tkt__slice key)
{
    size_t at = hostile_rows_at(rows, key, false);
    if (at == rows->n || hostile_compare(tkt__slice_of(rows->rows[at]->key, rows->rows[at]->n), key) != 0)
        return NULL;
    return rows->rows[at];
}

static hostile_row *add_row(hostile_rows *rows, tkt__slice key)
{
    size_t at = hostile_rows_at(rows, key, false);
    if (rows->n == rows->cap) {
        size_t cap = rows->cap != 0 ? rows->cap * 2 : 16;
        hostile_row **grown = hostile_memory(cap * sizeof *grown);
        if (rows->n != 0)
            memcpy(grown, rows->rows, rows->n * sizeof *grown);
        free(rows->rows);
        rows->rows = grown;
        rows->cap = cap;
    }
    memmove(rows->rows + at + 1, rows->rows + at, (rows->n - at) * sizeof *rows->rows);
    hostile_row *row = hostile_memory(sizeof *row + key.n);
    row->newest = NULL;
    row->n = key.n;
    memcpy(row->key, key.p, key.n);
    rows->rows[at] = row;
    rows->n++;
    return row;
}

void hostile_rows_write(hostile_rows *rows, tkt__slice key, bool there, tkt__slice value, uint64_t stamp, int64_t now_ms)
{
    hostile_row *row = hostile_rows_find(rows, key);
    if (row == NULL)
        row = add_row(rows, key);
    hostile_version *v = hostile_memory(sizeof *v + value.n);
    v->older = row->newest;
    v->stamp = stamp;
    v->now_ms = now_ms;
    v->there = there;
    v->n = value.n;
    if (value.n != 0)
        memcpy(v->bytes, value.p, value.n);
    row->newest = v;
}

const hostile_version *hostile_row_seen(const hostile_row *row, uint64_t stamp)
{
    const hostile_version *v = row->newest;
    while (v != NULL && v->stamp > stamp)
        v = v->older;
    return v != NULL && v->there ? v : NULL;
}

void hostile_rows_free(hostile_rows *rows)
{
    for (size_t i = 0; i < rows->n; i++) {
        for (hostile_version *v = rows->rows[i]->newest, *older; v != NULL; v = older) {
            older = v->older;
            free(v);
        }
        free(rows->rows[i]);
    }
    free(rows->rows);
    *rows = (hostile_rows){ NULL, 0, 0 };
}
