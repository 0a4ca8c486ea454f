/* SPDX-License-Identifier: MIT
 *
 * search/build_docs.c: the documents of a build: their numbers, in order of start; what each is found by; and
 * the rows COLUMN, SOLD_OUT and SEARCH (search.h).
 *
 * What does not fit into its own day is kept aside and numbered last, in the spill days. Average lengths are
 * those of all events, or, of more than SAMPLE, of an even sample of so many.
 */
#include "search/build.h"
#include "search/column.h"

#include <errno.h>
#include <stdlib.h>
#include <xxhash.h>

#define SAMPLE 65536u
#define LIST_KEY 17u /* 'd' start event */
#define CATEGORIES_MOST 65534u
#define CATEGORIES_FIRST 64u

static int32_t no_memory(void) { return tkt__fail(TKT_E_NOMEM, "no memory to build the index"); }

static int32_t list_seek(tkt__cursor *cursor, const uint8_t *key, size_t n, tkt__slice *k)
{
    tkt__slice v;
    int32_t status = tkt__cursor_seek(cursor, tkt__slice_of(key, n), k, &v);
    return status == TKT_DONE && (k->n != LIST_KEY || k->p[0] != TKT__E_DATE) ? TKT_NOT_FOUND : status;
}

static int32_t list_next(tkt__cursor *cursor, tkt__slice *k)
{
    tkt__slice v;
    int32_t status = tkt__cursor_next(cursor, k, &v);
    return status == TKT_DONE && (k->n != LIST_KEY || k->p[0] != TKT__E_DATE) ? TKT_NOT_FOUND : status;
}

static uint64_t event_of(tkt__slice k) { return tkt__get_be64(k.p + 9); }
static uint32_t day_of(tkt__slice k) { return tkt__day_of(tkt__get_be_instant(k.p + 1)); }

static int32_t record_of(tkt__tx *tx, uint64_t event, tkt__slice *record)
{
    int32_t status = tkt__event_get(tx, event, record);
    return status == TKT_NOT_FOUND ? tkt__fail(TKT_E_CORRUPT, "event %llu is listed and not there",
                                               (unsigned long long)event)
                                   : status;
}

/* ---- numbers ------------------------------------------------------------------------------------------------ */

/* Steps to the slot of an event of `day`. False: the day is full. */
static bool next_slot(uint32_t day, uint32_t *at_day, uint32_t *slot)
{
    if (day != *at_day) {
        *at_day = day;
        *slot = day == 0 ? 1 : 0; /* docno 0 means none */
    }
    return *slot < TKT__DAY_SLOTS;
}

static int32_t keep_spilled(tkt__build *b, uint64_t event)
{
    if (b->spilled_n == (TKT__DAY_END - TKT__DAY_SPILL) * TKT__DAY_SLOTS)
        return tkt__fail(TKT_E_LIMIT, "too many events start on the same days");
    if (b->spilled_n == b->spilled_room) {
        uint32_t room = b->spilled_room == 0 ? 1024 : 2 * b->spilled_room;
        uint64_t *grown = tkt__realloc(b->hooks, b->spilled, b->spilled_room * sizeof *grown, room * sizeof *grown);
        if (grown == NULL)
            return no_memory();
        b->spilled = grown;
        b->spilled_room = room;
    }
    b->spilled[b->spilled_n++] = event;
    return TKT_DONE;
}

static int32_t sample(tkt__build *b, tkt__build_part *p, uint64_t event, uint64_t length[TKT__FIELDS])
{
    tkt__slice record;
    int32_t status = record_of(p->tx, event, &record);
    if (status == TKT_DONE)
        status = tkt__terms_unsorted(p->tx, &b->meta, event, record, p->terms);
    for (uint32_t f = 0; status == TKT_DONE && f < TKT__FIELDS; f++)
        length[f] += p->terms->length[f];
    return status;
}

static void set_averages(tkt__build *b, const uint64_t length[TKT__FIELDS], uint64_t n)
{
    for (uint32_t f = 0; n > 0 && f < TKT__FIELDS; f++)
        if (length[f] > 0) /* as it will be read back: hundredths */
            b->meta.average[f] = (double)(uint32_t)((double)length[f] / (double)n * 100 + 0.5) / 100;
}

static int32_t count_events(tkt__build *b)
{
    static const uint8_t all[1] = { TKT__E_DATE };
    tkt__build_part *p = b->part;
    tkt__slice k;
    int32_t status = list_seek(p->cursor, all, 1, &k);
    for (; status == TKT_DONE; status = list_next(p->cursor, &k)) {
        b->stats.events++;
        b->last_event = event_of(k) > b->last_event ? event_of(k) : b->last_event;
    }
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

/* Event number i of all: gives its day a document, begins a part with it, takes it into the sample. */
static int32_t number_event(tkt__build *b, tkt__slice k, uint64_t i, uint32_t *at_day, uint32_t *slot)
{
    uint64_t each = (b->stats.events + b->parts - 1) / b->parts;
    uint32_t day = day_of(k);
    bool fits = next_slot(day, at_day, slot);
    if (i % each == 0) {
        tkt__build_part *p = &b->part[i / each];
        memcpy(p->start, k.p, LIST_KEY);
        p->events = b->stats.events - i < each ? b->stats.events - i : each;
        p->day = day;
        p->slot = *slot;
    }
    if (!fits)
        return keep_spilled(b, event_of(k));
    b->in_day[day] = ++*slot;
    return TKT_DONE;
}

int32_t tkt__build_number(tkt__build *b)
{
    static const uint8_t all[1] = { TKT__E_DATE };
    uint64_t length[TKT__FIELDS] = { 0 }, i = 0, sampled = 0;
    uint32_t at_day = UINT32_MAX, slot = 0;
    tkt__slice k;
    int32_t status = count_events(b);
    uint64_t step = b->stats.events / SAMPLE + 1;
    if (status == TKT_DONE)
        status = list_seek(b->part->cursor, all, 1, &k);
    for (; status == TKT_DONE; i++) {
        status = number_event(b, k, i, &at_day, &slot);
        if (status == TKT_DONE && i % step == 0) {
            status = sample(b, b->part, event_of(k), length);
            sampled++;
        }
        if (status == TKT_DONE)
            status = list_next(b->part->cursor, &k);
    }
    set_averages(b, length, sampled);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

/* ---- categories: a number of the part's own, made one of the whole later ------------------------------------------ */

static uint32_t category_slot(const tkt__category_set *set, tkt__slice name)
{
    uint32_t at = (uint32_t)XXH3_64bits(name.p, name.n) & (set->slots - 1);
    while (set->slot[at] != 0 && tkt__slice_compare(set->name[set->slot[at] - 1], name) != 0)
        at = (at + 1) & (set->slots - 1);
    return at;
}

/* Room for one name more. */
static int32_t grow_categories(const tkt_hooks *hooks, tkt__category_set *set)
{
    uint32_t room = set->room == 0 ? CATEGORIES_FIRST : 2 * set->room, slots = 2 * room;
    uint32_t *slot = tkt__alloc(hooks, slots * sizeof *slot);
    if (slot == NULL)
        return no_memory();
    tkt__slice *name = tkt__realloc(hooks, set->name, set->room * sizeof *name, room * sizeof *name);
    if (name == NULL) {
        tkt__free(hooks, slot, slots * sizeof *slot);
        return no_memory();
    }
    tkt__free(hooks, set->slot, set->slots * sizeof *slot);
    memset(slot, 0, slots * sizeof *slot);
    set->slot = slot;
    set->slots = slots;
    set->name = name;
    set->room = room;
    for (uint32_t i = 0; i < set->n; i++)
        slot[category_slot(set, set->name[i])] = i + 1;
    return TKT_DONE;
}

void tkt__categories_free(const tkt_hooks *hooks, tkt__category_set *set)
{
    tkt__free(hooks, set->name, set->room * sizeof *set->name);
    tkt__free(hooks, set->slot, set->slots * sizeof *set->slot);
    *set = (tkt__category_set){ .n = 0 };
}

/* Gives a new name a number; with an arena its bytes are copied there, else they stay where they are. */
static int32_t category_number(const tkt_hooks *hooks, tkt__category_set *set, tkt__arena *arena, tkt__slice name,
                               uint16_t *number)
{
    *number = 0;
    if (name.n == 0)
        return TKT_DONE;
    if (set->n == set->room && set->n < CATEGORIES_MOST) {
        int32_t status = grow_categories(hooks, set);
        if (status != TKT_DONE)
            return status;
    }
    uint32_t at = category_slot(set, name);
    if (set->slot[at] == 0 && set->n == CATEGORIES_MOST) {
        *number = UINT16_MAX;
        return TKT_DONE;
    }
    if (set->slot[at] == 0) {
        const uint8_t *bytes = arena != NULL ? tkt__arena_copy(arena, name.p, name.n) : name.p;
        if (bytes == NULL)
            return no_memory();
        set->name[set->n++] = tkt__slice_of(bytes, name.n);
        set->slot[at] = set->n;
    }
    *number = (uint16_t)set->slot[at];
    return TKT_DONE;
}

/* ---- one event ------------------------------------------------------------------------------------------------------ */

/* As it lies in a file of the build's own. */
typedef struct column_record {
    uint32_t docno;
    bool sold_out;
    tkt__column column;
} column_record;

static int32_t put_column(tkt__build_part *p, uint64_t event, uint32_t docno)
{
    uint64_t total, booked, available;
    column_record record;
    memset(&record, 0, sizeof record);
    int32_t status = tkt__column_of(p->tx, event, p->terms, &record.column);
    if (status == TKT_DONE)
        status = category_number(p->build->hooks, &p->categories, &p->arena,
                                 tkt__slice_of(p->terms->category, p->terms->category_n), &record.column.category);
    if (status == TKT_DONE)
        status = tkt__inventory.places(p->tx, event, &total, &booked, &available);
    if (status != TKT_DONE)
        return status;
    record.docno = docno;
    record.sold_out = total != 0 && booked >= total;
    return fwrite(&record, sizeof record, 1, p->columns) == 1 ? TKT_DONE : tkt__fail_errno(errno, "writing columns");
}

static int32_t read_event(tkt__build_part *p, uint64_t event, uint32_t docno)
{
    tkt__build *b = p->build;
    tkt__slice record;
    int32_t status = record_of(p->tx, event, &record);
    if (status == TKT_DONE)
        status = tkt__terms_unsorted(p->tx, &b->meta, event, record, p->terms);
    if (status == TKT_DONE)
        status = tkt__gather_add(p->gatherer, p->terms->term, p->terms->count, docno);
    if (status == TKT_DONE)
        status = put_column(p, event, docno);
    b->docno_of[event] = docno;
    return status == TKT_DONE ? tkt__gather_flush(p->gatherer, true) : status;
}

int32_t tkt__build_read(tkt__build_part *p, uint64_t most)
{
    tkt__slice k;
    int32_t status = TKT_DONE;
    if (p->done == 0 && p->events > 0)
        status = list_seek(p->cursor, p->start, LIST_KEY, &k);
    else if (p->done < p->events)
        status = list_next(p->cursor, &k);
    for (uint64_t i = 0; status == TKT_DONE && i < most && p->done < p->events; i++) {
        if (next_slot(day_of(k), &p->day, &p->slot))
            status = read_event(p, event_of(k), p->day << TKT__SLOT_BITS | p->slot++);
        p->done++;
        if (status == TKT_DONE && i + 1 < most && p->done < p->events)
            status = list_next(p->cursor, &k);
    }
    return status == TKT_NOT_FOUND ? tkt__fail(TKT_E_CORRUPT, "the list of events ends early") : status;
}

int32_t tkt__build_read_spilled(tkt__build_part *p)
{
    tkt__build *b = p->build;
    int32_t status = TKT_DONE;
    for (uint32_t i = 0; status == TKT_DONE && i < b->spilled_n; i++) {
        uint32_t docno = (TKT__DAY_SPILL << TKT__SLOT_BITS) + i;
        b->in_day[docno >> TKT__SLOT_BITS]++;
        status = read_event(p, b->spilled[i], docno);
    }
    return status;
}

/* ---- rows --------------------------------------------------------------------------------------------------------------- */

static int32_t append(tkt__build *b, uint8_t table, const uint8_t *key, size_t key_n, const uint8_t *value, size_t n)
{
    return b->ops->bulk_append(b->bulk, table, tkt__slice_of(key, key_n), tkt__slice_of(value, n));
}

typedef struct column_writer {
    tkt__build *b;
    uint32_t first; /* document of the row under way */
    bool any;
    tkt__column column[TKT__COLUMN_DOCS];
} column_writer;

static int32_t end_columns(column_writer *w)
{
    uint8_t key[5], bytes[TKT__COLUMN_ROW_BYTES];
    if (!w->any)
        return TKT_DONE;
    w->any = false;
    tkt__columns_key(w->first, key);
    return append(w->b, TKT__T_COLUMN, key, sizeof key, bytes, tkt__columns_encode(w->column, bytes));
}

static int32_t put_columns(column_writer *w, uint32_t docno, const tkt__column *column)
{
    int32_t status = TKT_DONE;
    if (!w->any || docno >> TKT__COLUMN_BITS != w->first >> TKT__COLUMN_BITS) {
        status = end_columns(w);
        memset(w->column, 0, sizeof w->column);
        w->first = docno;
        w->any = true;
    }
    w->column[docno % TKT__COLUMN_DOCS] = *column;
    return status;
}

/* The documents of all events, by their events. */
static int32_t write_ids(tkt__build *b)
{
    int32_t status = TKT_DONE;
    for (uint64_t first = 0; status == TKT_DONE && first <= b->last_event; first += TKT__COLUMN_IDS) {
        uint8_t key[5] = { 'i' }, bytes[4 * TKT__COLUMN_IDS];
        tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
        for (uint64_t event = first; event < first + TKT__COLUMN_IDS; event++)
            tkt__put_u32(&w, event <= b->last_event ? b->docno_of[event] : 0);
        tkt__be32(key + 1, (uint32_t)(first / TKT__COLUMN_IDS));
        size_t n = tkt__ids_used(bytes);
        status = n == 0 ? TKT_DONE : append(b, TKT__T_COLUMN, key, sizeof key, bytes, n);
    }
    return status;
}

typedef struct sold_writer {
    tkt__build *b;
    uint32_t span, n;
    uint8_t bytes[2 << TKT__SOLD_SPAN_BITS];
} sold_writer;

static int32_t end_span(sold_writer *w)
{
    uint8_t key[4];
    tkt__be32(key, w->span);
    int32_t status = w->n == 0 ? TKT_DONE : append(w->b, TKT__T_SOLD_OUT, key, sizeof key, w->bytes, 2 * (size_t)w->n);
    w->n = 0;
    return status;
}

static int32_t put_sold(sold_writer *w, uint32_t docno)
{
    int32_t status = TKT_DONE;
    if (docno >> TKT__SOLD_SPAN_BITS != w->span)
        status = end_span(w);
    w->span = docno >> TKT__SOLD_SPAN_BITS;
    uint32_t offset = docno & ((1u << TKT__SOLD_SPAN_BITS) - 1);
    w->bytes[2 * w->n] = (uint8_t)offset;
    w->bytes[2 * w->n + 1] = (uint8_t)(offset >> 8);
    w->n++;
    return status;
}

/* The whole's numbers of the categories of a part. */
static int32_t map_categories(tkt__build *b, const tkt__build_part *p, uint16_t **map)
{
    int32_t status = TKT_DONE;
    *map = tkt__arena_get(&b->arena, (p->categories.n + 1) * sizeof **map);
    if (*map == NULL)
        return no_memory();
    (*map)[0] = 0;
    for (uint32_t i = 0; status == TKT_DONE && i < p->categories.n; i++)
        status = category_number(b->hooks, &b->categories, NULL, p->categories.name[i], &(*map)[i + 1]);
    return status;
}

static int32_t copy_columns(tkt__build *b, tkt__build_part *p, column_writer *columns, sold_writer *sold)
{
    column_record record;
    uint16_t *map;
    int32_t status = map_categories(b, p, &map);
    if (fflush(p->columns) != 0 || fseeko(p->columns, 0, SEEK_SET) != 0)
        return tkt__fail_errno(errno, "reading columns back");
    while (status == TKT_DONE && fread(&record, sizeof record, 1, p->columns) == 1) {
        if (record.column.category != UINT16_MAX)
            record.column.category = map[record.column.category];
        status = put_columns(columns, record.docno, &record.column);
        if (status == TKT_DONE && record.sold_out)
            status = put_sold(sold, record.docno);
    }
    return status == TKT_DONE && ferror(p->columns) ? tkt__fail_errno(errno, "reading columns back") : status;
}

int32_t tkt__build_write_columns(tkt__build *b)
{
    column_writer columns = { .b = b };
    sold_writer sold = { .b = b };
    int32_t status = TKT_DONE;
    for (uint32_t i = 0; status == TKT_DONE && i <= b->parts; i++)
        status = copy_columns(b, &b->part[i], &columns, &sold);
    if (status == TKT_DONE)
        status = end_columns(&columns);
    if (status == TKT_DONE)
        status = end_span(&sold);
    return status == TKT_DONE ? write_ids(b) : status;
}

static int compare_category(const void *a, const void *b)
{
    const tkt__slice *const *x = a, *const *y = b;
    return tkt__slice_compare(**x, **y);
}

static int32_t write_category_names(tkt__build *b)
{
    const tkt__slice **order = tkt__arena_get(&b->arena, (b->categories.n + 1) * sizeof *order);
    int32_t status = order != NULL ? TKT_DONE : no_memory();
    for (uint32_t i = 0; status == TKT_DONE && i < b->categories.n; i++)
        order[i] = &b->categories.name[i];
    if (status == TKT_DONE)
        qsort(order, b->categories.n, sizeof *order, compare_category);
    for (uint32_t i = 0; status == TKT_DONE && i < b->categories.n; i++) {
        uint8_t key[1 + TKT__TERM_MAX] = { 'c' }, value[2];
        tkt__writer w = tkt__writer_of(value, sizeof value);
        tkt__put_u16(&w, (uint16_t)(order[i] - b->categories.name + 1));
        memcpy(key + 1, order[i]->p, order[i]->n);
        status = append(b, TKT__T_SEARCH, key, 1 + order[i]->n, value, sizeof value);
    }
    return status;
}

static int32_t write_days(tkt__build *b)
{
    int32_t status = TKT_DONE;
    for (uint32_t day = 0; status == TKT_DONE && day < TKT__DAY_END; day++) {
        uint8_t key[3] = { 'D', (uint8_t)(day >> 8), (uint8_t)day }, value[TKT__DAY_ROW_BYTES];
        uint32_t next = b->in_day[day];
        const tkt__day_row row = { .next = next,
                                   .documents = day == 0 && next > 0 ? next - 1 : next,
                                   .sorted = day < TKT__DAY_SPILL ? next : 0 };
        if (row.documents == 0)
            continue;
        status = append(b, TKT__T_SEARCH, key, sizeof key, value, tkt__day_encode(&row, value));
    }
    return status;
}

/* Rows of SEARCH in the order of their keys: C, D, N, V, c. */
int32_t tkt__build_write_index_rows(tkt__build *b)
{
    tkt__index_counts counts = { b->stats.events, b->last_list, b->spilled_n, b->categories.n, b->chunks };
    uint8_t bytes[TKT__INDEX_ROW_BYTES];
    int32_t status = TKT_DONE;
    for (uint32_t i = 0; status == TKT_DONE && i < b->categories.n; i++) {
        const uint8_t key[3] = { 'C', (uint8_t)((i + 1) >> 8), (uint8_t)(i + 1) };
        status = append(b, TKT__T_SEARCH, key, sizeof key, b->categories.name[i].p, b->categories.name[i].n);
    }
    if (status == TKT_DONE)
        status = write_days(b);
    if (status == TKT_DONE)
        status = append(b, TKT__T_SEARCH, (const uint8_t *)"N", 1, bytes, tkt__index_counts_encode(&counts, bytes));
    if (status == TKT_DONE)
        status = append(b, TKT__T_SEARCH, (const uint8_t *)"V", 1, bytes, tkt__index_meta_encode(&b->meta, bytes));
    return status == TKT_DONE ? write_category_names(b) : status;
}
