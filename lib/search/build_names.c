/* SPDX-License-Identifier: MIT
 *
 * search/build_names.c: the rows PLACE of a build (names.c), made from the terms that have events, sorted in
 * memory: some hundred bytes a name.
 */
#include "search/build.h"
#include "search/names.h"

#include <stdlib.h>

typedef struct row {
    const uint8_t *bytes; /* key, value */
    uint16_t key_n, value_n;
} row;

typedef struct rows {
    tkt__build *b;
    tkt__arena *arena;
    row *row;
    size_t n, room;
} rows;

static int32_t no_memory(void) { return tkt__fail(TKT_E_NOMEM, "no memory to file names"); }

static int32_t add_row(void *user, tkt__slice key, tkt__slice value)
{
    rows *r = user;
    if (r->n == r->room) {
        size_t room = r->room == 0 ? 16384 : 2 * r->room;
        row *grown = tkt__realloc(r->b->hooks, r->row, r->room * sizeof *grown, room * sizeof *grown);
        if (grown == NULL)
            return no_memory();
        r->row = grown;
        r->room = room;
    }
    uint8_t *bytes = tkt__arena_get(r->arena, key.n + value.n);
    if (bytes == NULL)
        return no_memory();
    memcpy(bytes, key.p, key.n);
    if (value.n > 0)
        memcpy(bytes + key.n, value.p, value.n);
    r->row[r->n++] = (row){ bytes, (uint16_t)key.n, (uint16_t)value.n };
    return TKT_DONE;
}

/* ---- cities: written as the first of their venues writes them ------------------------------------------------ */

static int compare_term(const void *key, const void *term)
{
    return tkt__slice_compare(*(const tkt__slice *)key, *(const tkt__slice *)term);
}

static int32_t note_city(rows *r, const tkt__name_set *names, tkt_text *written, tkt_text city)
{
    uint8_t term[TKT__TERM_MAX];
    uint32_t n;
    int32_t status = tkt__term_fold(TKT__NS_CITY, city.ptr, city.len, term, &n);
    if (status != TKT_DONE || n == 0)
        return status;
    tkt__slice key = tkt__slice_of(term, n);
    const tkt__slice *found = bsearch(&key, names->term, names->n, sizeof key, compare_term);
    tkt_text *text = found != NULL ? &written[found - names->term] : NULL;
    if (text == NULL || text->ptr != NULL)
        return TKT_DONE;
    const uint8_t *copy = tkt__arena_copy(r->arena, city.ptr, city.len);
    if (copy == NULL)
        return no_memory();
    *text = (tkt_text){ (const char *)copy, city.len };
    return TKT_DONE;
}

static int32_t owner_rows(rows *r, const tkt__name_set *names, tkt_text *written, tkt__slice term)
{
    tkt__tx *tx = r->b->part[0].tx;
    tkt__slice record;
    tkt_venue venue = TKT_VENUE_INIT;
    uint8_t kind = tkt__name_kind(term.p[0]);
    uint64_t id = tkt__get_be32(term.p + 1);
    int32_t status = tkt__entity_get(tx, kind, id, &record);
    if (status == TKT_DONE)
        status = tkt__name_rows(kind, id, record, add_row, r);
    if (status == TKT_DONE && kind == TKT__N_VENUE) {
        status = tkt__venue_decode(record, id, &venue);
        if (status == TKT_DONE)
            status = note_city(r, names, written, venue.city);
    }
    return status == TKT_NOT_FOUND ? tkt__fail(TKT_E_CORRUPT, "an event's venue or performer is not there") : status;
}

/* ---- the names with most events ---------------------------------------------------------------------------------- */

typedef struct ranked {
    uint64_t events;
    tkt__slice term;
} ranked;

static int compare_rank(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->events != y->events)
        return x->events > y->events ? -1 : 1;
    return tkt__slice_compare(x->term, y->term);
}

static int32_t rank_row(rows *r, uint8_t ns, uint32_t rank, tkt__slice term)
{
    uint8_t key[4] = { 't', tkt__name_kind(ns), (uint8_t)(rank >> 8), (uint8_t)rank };
    return add_row(r, tkt__slice_of(key, sizeof key), tkt__slice_of(term.p + 1, term.n - 1));
}

static int32_t rank(rows *r, const tkt__name_set *names, uint8_t ns)
{
    uint32_t n = 0;
    ranked *all = tkt__alloc(r->b->hooks, (names->n + 1) * sizeof *all);
    int32_t status = all != NULL ? TKT_DONE : no_memory();
    for (uint32_t i = 0; status == TKT_DONE && i < names->n; i++)
        if (names->term[i].p[0] == ns && names->term[i].n <= TKT__CITY_MAX)
            all[n++] = (ranked){ names->events[i], names->term[i] };
    if (status == TKT_DONE)
        qsort(all, n, sizeof *all, compare_rank);
    for (uint32_t i = 0; status == TKT_DONE && i < n && i < TKT__POPULAR; i++)
        status = rank_row(r, ns, i, all[i].term);
    tkt__free(r->b->hooks, all, all != NULL ? (names->n + 1) * sizeof *all : 0);
    return status;
}

/* ---- all ---------------------------------------------------------------------------------------------------------------- */

static int compare_row(const void *a, const void *b)
{
    const row *x = a, *y = b;
    return tkt__slice_compare(tkt__slice_of(x->bytes, x->key_n), tkt__slice_of(y->bytes, y->key_n));
}

static int32_t write_rows(rows *r)
{
    int32_t status = TKT_DONE;
    if (r->n > 0)
        qsort(r->row, r->n, sizeof *r->row, compare_row);
    for (size_t i = 0; status == TKT_DONE && i < r->n; i++) {
        const row *w = &r->row[i];
        if (i > 0 && compare_row(&r->row[i - 1], w) == 0)
            continue; /* "la la land" */
        status = r->b->ops->bulk_append(r->b->bulk, TKT__T_PLACE, tkt__slice_of(w->bytes, w->key_n),
                                        tkt__slice_of(w->bytes + w->key_n, w->value_n));
    }
    return status;
}

int32_t tkt__build_names(tkt__build *b, tkt__name_set *names)
{
    rows r = { .b = b, .arena = &names->arena };
    tkt_text *written = tkt__arena_get(r.arena, (names->n + 1) * sizeof *written);
    int32_t status = written != NULL ? TKT_DONE : no_memory();
    if (status == TKT_DONE)
        memset(written, 0, (names->n + 1) * sizeof *written);
    for (uint32_t i = 0; status == TKT_DONE && i < names->n; i++)
        if (names->term[i].p[0] != TKT__NS_CITY)
            status = owner_rows(&r, names, written, names->term[i]);
    for (uint32_t i = 0; status == TKT_DONE && i < names->n; i++)
        if (names->term[i].p[0] == TKT__NS_CITY)
            status = tkt__city_rows(names->term[i].p + 1, (uint32_t)names->term[i].n - 1, written[i], add_row, &r);
    static const uint8_t kinds[3] = { TKT__NS_CITY, TKT__NS_VENUE, TKT__NS_PERFORMER };
    for (int k = 0; status == TKT_DONE && k < 3; k++)
        status = rank(&r, names, kinds[k]);
    if (status == TKT_DONE)
        status = write_rows(&r);
    tkt__free(b->hooks, r.row, r.room * sizeof *r.row);
    return status;
}
