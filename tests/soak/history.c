/* SPDX-License-Identifier: MIT
 *
 * tests/soak/history.c: the logs of a round as calls with both their ends, and the feeds of its events, which are the
 * witness: the order in which the store says that things happened.
 */
#include "soak.h"

#include "store/store.h"

/* ---- calls ---------------------------------------------------------------------------------------------- */

static void *more(void *array, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return array;
    *cap = *cap != 0 ? 2 * *cap : 1024;
    array = realloc(array, *cap * size);
    MUST(array != NULL);
    return array;
}

static void add_call(history *h, const note *asked)
{
    h->calls = more(h->calls, h->calls_n, &h->calls_cap, sizeof *h->calls);
    h->calls[h->calls_n++] = (call){ .asked = *asked, .from_ns = asked->at_ns, .until_ns = SOAK_NEVER, .high = UINT64_MAX };
}

/* One thread's log: a call is answered by the next note of its kind, however many processes it took. */
static void load(const char *file, history *h)
{
    FILE *f = fopen(file, "rb");
    size_t open = SIZE_MAX;
    note n;
    if (f == NULL)
        return;
    while (fread(&n, sizeof n, 1, f) == 1) {
        if (n.what == NOTE_READ) {
            h->reads = more(h->reads, h->reads_n, &h->reads_cap, sizeof *h->reads);
            h->reads[h->reads_n++] = n;
        } else if (n.what == NOTE_ASKED) {
            MUST(open == SIZE_MAX);
            open = h->calls_n;
            add_call(h, &n);
        } else {
            MUST(open != SIZE_MAX && h->calls[open].asked.number == n.number);
            h->calls[open].told = n;
            h->calls[open].until_ns = n.at_ns;
            open = SIZE_MAX;
        }
    }
    fclose(f);
}

void history_load(const soak *s, history *h)
{
    *h = (history){ 0 };
    for (uint32_t i = 0; i < SOAK_SLOTS; i++)
        load(s->log[i], h);
}

void history_free(history *h)
{
    free(h->calls);
    free(h->reads);
    *h = (history){ 0 };
}

/* ---- feeds ----------------------------------------------------------------------------------------------- */

typedef struct loading {
    feed *f;
    size_t rows_cap, units_cap;
} loading;

static void take_units(loading *l, tkt__reader *r, feed_row *row)
{
    uint32_t ranges = tkt__get_u16(r);
    row->first_unit = l->f->units_n;
    for (uint32_t i = 0; i < ranges; i++) {
        uint32_t unit = tkt__get_u32(r), n = tkt__get_u16(r);
        for (uint32_t k = 0; k < n; k++, row->unit_count++) {
            l->f->units = more(l->f->units, l->f->units_n, &l->units_cap, sizeof *l->f->units);
            l->f->units[l->f->units_n++] = unit + k;
        }
    }
}

static int32_t take_row(void *user, tkt__slice key, tkt__slice value)
{
    loading *l = user;
    feed *f = l->f;
    tkt__reader r = tkt__reader_of(value);
    feed_row row = { .kind = tkt__get_u8(&r) };
    row.now_ms = tkt__get_i64(&r);
    MUST(key.n == TKT__GUARD_BYTES + 8 && tkt__get_be64(key.p + TKT__GUARD_BYTES) == f->n + 1);
    switch (row.kind) {
    case TKT__F_SEATS:
        row.claim = tkt__get_u32(&r);
        row.state = tkt__get_u8(&r);
        row.expires_s = tkt__get_u32(&r);
        take_units(l, &r, &row);
        break;
    case TKT__F_CLAIM:
        row.claim = tkt__get_u32(&r);
        row.state = tkt__get_u8(&r);
        row.expires_s = tkt__get_u32(&r);
        break;
    case TKT__F_AREA:
        row.claim = tkt__get_u32(&r);
        (void)tkt__get_u32(&r);
        row.capacity = tkt__get_u32(&r);
        row.sold = tkt__get_u32(&r);
        row.held = tkt__get_u32(&r);
        break;
    case TKT__F_BOOKING:
        row.booking = tkt__get_u64(&r);
        row.state = tkt__get_u8(&r);
        break;
    }
    MUST(!r.bad);
    f->rows = more(f->rows, f->n, &l->rows_cap, sizeof *f->rows);
    f->rows[f->n++] = row;
    return TKT_DONE;
}

void feeds_load(const soak *s, tkt_store *store, feed feeds[SOAK_EVENTS])
{
    tkt_snapshot *snap;
    tkt__tx *tx;
    MUST(tkt_snapshot_begin(store, &snap) == TKT_DONE && tkt__snapshot_tx(snap, &tx) == TKT_DONE);
    for (uint32_t i = 0; i < SOAK_EVENTS; i++) {
        uint8_t guard[TKT__GUARD_BYTES];
        loading l = { .f = &feeds[i] };
        feeds[i] = (feed){ 0 };
        tkt__guard_key((tkt__guard){ TKT__G_EVENT, s->shared->events[i].id }, guard);
        MUST(tkt__scan(tx, TKT__T_FEED, tkt__slice_of(guard, sizeof guard), take_row, &l) == TKT_DONE);
    }
    tkt_snapshot_end(snap);
}

void feeds_free(feed feeds[SOAK_EVENTS])
{
    for (uint32_t i = 0; i < SOAK_EVENTS; i++) {
        free(feeds[i].rows);
        free(feeds[i].units);
    }
}
