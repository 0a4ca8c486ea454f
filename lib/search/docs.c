/* SPDX-License-Identifier: MIT
 *
 * search/docs.c: documents: their numbers, days, the sold-out set, and what the index knows of itself.
 *
 * Rows: SEARCH 'V', 'N', 'D', 'c', 'C'; COLUMN 'i'; SOLD_OUT (search.h).
 * Invariants: a day's row counts its documents and no slot is both free and taken. Every function is part of a
 * body: a crash leaves all or nothing.
 */
#include "search/search.h"

#define IDS TKT__COLUMN_IDS
#define SOLD_SPAN_BITS TKT__SOLD_SPAN_BITS
#define SOLD_MOST (1u << SOLD_SPAN_BITS)

/* ---- the whole ------------------------------------------------------------------------------------- */

void tkt__index_meta_default(tkt__index_meta *meta)
{
    /* Lengths of a typical catalogue: a fresh store has none of its own yet. */
    static const double weight[TKT__FIELDS] = { 5, 4, 2, 1.5, 1.5, 1.5, 1 };
    static const double average[TKT__FIELDS] = { 6, 4, 3, 1, 2, 1, 30 };
    meta->layout = TKT__INDEX_LAYOUT;
    meta->analyser = TKT__ANALYSER;
    memcpy(meta->weight, weight, sizeof weight);
    memcpy(meta->average, average, sizeof average);
}

static tkt__slice letter(const char *name) { return tkt__slice_of(name, 1); }

int32_t tkt__index_meta_get(tkt__tx *tx, tkt__index_meta *meta)
{
    tkt__slice value;
    int32_t status = tkt__tx_get(tx, TKT__T_SEARCH, letter("V"), &value);
    if (status != TKT_DONE)
        return status;
    tkt__reader r = tkt__reader_of(value);
    meta->layout = tkt__get_u32(&r);
    meta->analyser = tkt__get_u32(&r);
    for (uint32_t f = 0; f < TKT__FIELDS; f++) {
        meta->weight[f] = tkt__get_u16(&r) / 100.0;
        meta->average[f] = tkt__get_u32(&r) / 100.0;
    }
    if (r.bad)
        return tkt__fail(TKT_E_CORRUPT, "the index's own row is malformed");
    if (meta->layout != TKT__INDEX_LAYOUT || meta->analyser != TKT__ANALYSER)
        return tkt__fail(TKT_E_UPGRADE, "the index was made by another version: build it anew");
    return TKT_DONE;
}

size_t tkt__index_meta_encode(const tkt__index_meta *meta, uint8_t out[TKT__INDEX_ROW_BYTES])
{
    tkt__writer w = tkt__writer_of(out, TKT__INDEX_ROW_BYTES);
    tkt__put_u32(&w, meta->layout);
    tkt__put_u32(&w, meta->analyser);
    for (uint32_t f = 0; f < TKT__FIELDS; f++) {
        tkt__put_u16(&w, (uint16_t)(meta->weight[f] * 100 + 0.5));
        tkt__put_u32(&w, (uint32_t)(meta->average[f] * 100 + 0.5));
    }
    return w.n;
}

int32_t tkt__index_meta_put(tkt__tx *tx, const tkt__index_meta *meta)
{
    uint8_t bytes[TKT__INDEX_ROW_BYTES];
    return tkt__tx_put(tx, TKT__T_SEARCH, letter("V"), tkt__slice_of(bytes, tkt__index_meta_encode(meta, bytes)));
}

int32_t tkt__index_counts_get(tkt__tx *tx, tkt__index_counts *counts)
{
    tkt__slice value;
    memset(counts, 0, sizeof *counts);
    int32_t status = tkt__tx_get(tx, TKT__T_SEARCH, letter("N"), &value);
    if (status != TKT_DONE)
        return status == TKT_NOT_FOUND ? TKT_DONE : status;
    tkt__reader r = tkt__reader_of(value);
    counts->documents = tkt__get_u64(&r);
    counts->last_list = tkt__get_u32(&r);
    counts->spilled = tkt__get_u32(&r);
    counts->last_category = tkt__get_u32(&r);
    counts->chunks = tkt__get_u32(&r);
    return r.bad ? tkt__fail(TKT_E_CORRUPT, "the index's counts are malformed") : TKT_DONE;
}

size_t tkt__index_counts_encode(const tkt__index_counts *counts, uint8_t out[TKT__INDEX_ROW_BYTES])
{
    tkt__writer w = tkt__writer_of(out, TKT__INDEX_ROW_BYTES);
    tkt__put_u64(&w, counts->documents);
    tkt__put_u32(&w, counts->last_list);
    tkt__put_u32(&w, counts->spilled);
    tkt__put_u32(&w, counts->last_category);
    tkt__put_u32(&w, counts->chunks);
    return w.n;
}

int32_t tkt__index_counts_put(tkt__tx *tx, const tkt__index_counts *counts)
{
    uint8_t bytes[TKT__INDEX_ROW_BYTES];
    return tkt__tx_put(tx, TKT__T_SEARCH, letter("N"), tkt__slice_of(bytes, tkt__index_counts_encode(counts, bytes)));
}

/* ---- days -------------------------------------------------------------------------------------------- */

uint32_t tkt__day_of(int64_t start_ms)
{
    if (start_ms < TKT__MS_2000)
        return 0;
    int64_t day = (start_ms - TKT__MS_2000) / TKT__MS_DAY + 1;
    return day < (int64_t)TKT__DAY_LATE ? (uint32_t)day : TKT__DAY_LATE;
}

static void day_key(uint32_t day, uint8_t key[3])
{
    key[0] = 'D';
    key[1] = (uint8_t)(day >> 8);
    key[2] = (uint8_t)day;
}

static int32_t day_get(tkt__tx *tx, uint32_t day, tkt__day_row *row)
{
    uint8_t key[3];
    tkt__slice value;
    memset(row, 0, sizeof *row);
    day_key(day, key);
    int32_t status = tkt__tx_get(tx, TKT__T_SEARCH, tkt__slice_of(key, sizeof key), &value);
    if (status != TKT_DONE)
        return status == TKT_NOT_FOUND ? TKT_DONE : status;
    tkt__reader r = tkt__reader_of(value);
    row->next = tkt__get_u32(&r);
    row->documents = tkt__get_u32(&r);
    row->sorted = tkt__get_u32(&r);
    row->freed = tkt__get_u16(&r);
    for (uint32_t i = 0; i < row->freed && i < TKT__DAY_FREED_MOST; i++)
        row->slot[i] = tkt__get_u32(&r);
    return r.bad || row->freed > TKT__DAY_FREED_MOST || row->next > TKT__DAY_SLOTS
               ? tkt__fail(TKT_E_CORRUPT, "the index's row of day %lu is malformed", (unsigned long)day)
               : TKT_DONE;
}

size_t tkt__day_encode(const tkt__day_row *row, uint8_t out[TKT__DAY_ROW_BYTES])
{
    tkt__writer w = tkt__writer_of(out, TKT__DAY_ROW_BYTES);
    tkt__put_u32(&w, row->next);
    tkt__put_u32(&w, row->documents);
    tkt__put_u32(&w, row->sorted);
    tkt__put_u16(&w, (uint16_t)row->freed);
    for (uint32_t i = 0; i < row->freed; i++)
        tkt__put_u32(&w, row->slot[i]);
    return w.n;
}

static int32_t day_put(tkt__tx *tx, uint32_t day, const tkt__day_row *row)
{
    uint8_t key[3], bytes[TKT__DAY_ROW_BYTES];
    day_key(day, key);
    if (row->documents == 0)
        return tkt__tx_del(tx, TKT__T_SEARCH, tkt__slice_of(key, sizeof key));
    return tkt__tx_put(tx, TKT__T_SEARCH, tkt__slice_of(key, sizeof key),
                       tkt__slice_of(bytes, tkt__day_encode(row, bytes)));
}

/* TKT_NOT_FOUND: the day is full. Slots past TKT__DAY_FREED_MOST freed ones, and freed ones among the sorted, are lost
 * until the index is built anew. */
static int32_t day_take(tkt__tx *tx, uint32_t day, uint32_t *docno)
{
    tkt__day_row row;
    int32_t status = day_get(tx, day, &row);
    if (status != TKT_DONE)
        return status;
    if (row.freed == 0 && row.next == TKT__DAY_SLOTS)
        return TKT_NOT_FOUND;
    if (row.next == 0 && day == 0)
        row.next = 1; /* docno 0 means none */
    uint32_t slot = row.freed > 0 ? row.slot[--row.freed] : row.next++;
    row.documents++;
    *docno = day << TKT__SLOT_BITS | slot;
    return day_put(tx, day, &row);
}

int32_t tkt__day_sorted(tkt__tx *tx, uint32_t day, uint32_t *slots)
{
    tkt__day_row row;
    int32_t status = day_get(tx, day, &row);
    *slots = row.sorted;
    return status;
}

int32_t tkt__day_unsort(tkt__tx *tx, uint32_t docno)
{
    tkt__day_row row;
    uint32_t day = docno >> TKT__SLOT_BITS, slot = docno & (TKT__DAY_SLOTS - 1);
    int32_t status = day_get(tx, day, &row);
    if (status != TKT_DONE || slot >= row.sorted)
        return status;
    row.sorted = slot;
    return day_put(tx, day, &row);
}

static int32_t count_documents(tkt__tx *tx, int by, uint32_t docno)
{
    tkt__index_counts counts;
    int32_t status = tkt__index_counts_get(tx, &counts);
    if (status != TKT_DONE)
        return status;
    counts.documents += (uint64_t)(int64_t)by;
    if (docno >> TKT__SLOT_BITS >= TKT__DAY_SPILL)
        counts.spilled += (uint32_t)by;
    return tkt__index_counts_put(tx, &counts);
}

int32_t tkt__doc_take(tkt__tx *tx, uint32_t day, uint32_t *docno)
{
    int32_t status = day_take(tx, day, docno);
    for (uint32_t spill = TKT__DAY_SPILL; status == TKT_NOT_FOUND && spill < TKT__DAY_END; spill++)
        status = day_take(tx, spill, docno);
    if (status == TKT_NOT_FOUND)
        return tkt__fail(TKT_E_LIMIT, "too many events start on this day");
    return status == TKT_DONE ? count_documents(tx, 1, *docno) : status;
}

int32_t tkt__doc_free(tkt__tx *tx, uint32_t docno)
{
    tkt__day_row row;
    uint32_t day = docno >> TKT__SLOT_BITS;
    int32_t status = day_get(tx, day, &row);
    if (status == TKT_DONE && row.documents == 0)
        status = tkt__fail(TKT_E_CORRUPT, "day %lu of the index has no documents", (unsigned long)day);
    if (status != TKT_DONE)
        return status;
    row.documents--;
    uint32_t slot = docno & (TKT__DAY_SLOTS - 1);
    if (row.freed < TKT__DAY_FREED_MOST && slot >= row.sorted)
        row.slot[row.freed++] = slot;
    status = day_put(tx, day, &row);
    return status == TKT_DONE ? count_documents(tx, -1, docno) : status;
}

/* ---- an event's document ------------------------------------------------------------------------------- */

static void ids_key(uint64_t event, uint8_t key[5])
{
    key[0] = 'i';
    tkt__be32(key + 1, (uint32_t)(event / IDS));
}

int32_t tkt__doc_of(tkt__tx *tx, uint64_t event, uint32_t *docno)
{
    uint8_t key[5];
    tkt__slice value;
    size_t at = event % IDS * 4;
    ids_key(event, key);
    int32_t status = tkt__tx_get(tx, TKT__T_COLUMN, tkt__slice_of(key, sizeof key), &value);
    if (status != TKT_DONE)
        return status;
    if (value.n < at + 4)
        return TKT_NOT_FOUND;
    tkt__reader r = tkt__reader_of(tkt__slice_of(value.p + at, 4));
    *docno = tkt__get_u32(&r);
    return *docno == 0 ? TKT_NOT_FOUND : TKT_DONE;
}

/* The tail of zeros is cut off, an empty row deleted. */
int32_t tkt__doc_of_put(tkt__tx *tx, uint64_t event, uint32_t docno)
{
    uint8_t key[5], bytes[4 * IDS] = { 0 };
    tkt__slice value, k = tkt__slice_of(key, sizeof key);
    ids_key(event, key);
    int32_t status = tkt__tx_get(tx, TKT__T_COLUMN, k, &value);
    if (status == TKT_DONE && value.n > sizeof bytes)
        return tkt__fail(TKT_E_CORRUPT, "a row of documents by their events is too long");
    if (status == TKT_DONE)
        memcpy(bytes, value.p, value.n);
    else if (status != TKT_NOT_FOUND)
        return status;
    tkt__writer w = tkt__writer_of(bytes + event % IDS * 4, 4);
    tkt__put_u32(&w, docno);
    size_t n = tkt__ids_used(bytes);
    return n == 0 ? tkt__tx_del(tx, TKT__T_COLUMN, k) : tkt__tx_put(tx, TKT__T_COLUMN, k, tkt__slice_of(bytes, n));
}

/* ---- categories as numbers ------------------------------------------------------------------------------------ */

/* The first 65,534 categories have a number of their own; those that come later share 65,535. */
int32_t tkt__category_number(tkt__tx *tx, const uint8_t *name, uint32_t n, uint16_t *number)
{
    uint8_t key[1 + TKT__TERM_MAX], back[3] = { 'C' }, bytes[2];
    tkt__slice value;
    tkt__index_counts counts;
    *number = 0;
    if (n == 0)
        return TKT_DONE;
    key[0] = 'c';
    memcpy(key + 1, name, n);
    tkt__slice k = tkt__slice_of(key, 1 + n);
    int32_t status = tkt__tx_get(tx, TKT__T_SEARCH, k, &value);
    if (status == TKT_DONE) {
        tkt__reader r = tkt__reader_of(value);
        *number = tkt__get_u16(&r);
        return TKT_DONE;
    }
    if (status == TKT_NOT_FOUND)
        status = tkt__index_counts_get(tx, &counts);
    if (status != TKT_DONE)
        return status;
    if (counts.last_category >= UINT16_MAX - 1) {
        *number = UINT16_MAX;
        return TKT_DONE;
    }
    *number = (uint16_t)++counts.last_category;
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    tkt__put_u16(&w, *number);
    back[1] = (uint8_t)(*number >> 8);
    back[2] = (uint8_t)*number;
    status = tkt__tx_put(tx, TKT__T_SEARCH, k, tkt__slice_of(bytes, w.n));
    if (status == TKT_DONE)
        status = tkt__tx_put(tx, TKT__T_SEARCH, tkt__slice_of(back, sizeof back), tkt__slice_of(name, n));
    return status == TKT_DONE ? tkt__index_counts_put(tx, &counts) : status;
}

/* ---- sold out ---------------------------------------------------------------------------------------------- */

static void sold_key(uint32_t docno, uint8_t key[4]) { tkt__be32(key, docno >> SOLD_SPAN_BITS); }

static uint32_t sold_at(tkt__slice set, uint32_t i) { return set.p[2 * i] | (uint32_t)set.p[2 * i + 1] << 8; }

/* How many offsets of the set lie below; *there: whether it has this one. */
static uint32_t sold_place(tkt__slice set, uint32_t offset, bool *there)
{
    uint32_t low = 0, high = (uint32_t)(set.n / 2);
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (sold_at(set, mid) < offset)
            low = mid + 1;
        else
            high = mid;
    }
    *there = low < set.n / 2 && sold_at(set, low) == offset;
    return low;
}

static int32_t sold_get(tkt__tx *tx, uint32_t docno, tkt__slice *set)
{
    uint8_t key[4];
    sold_key(docno, key);
    int32_t status = tkt__tx_get(tx, TKT__T_SOLD_OUT, tkt__slice_of(key, sizeof key), set);
    if (status == TKT_NOT_FOUND) {
        *set = tkt__slice_of("", 0);
        return TKT_DONE;
    }
    return status;
}

int32_t tkt__sold_out(tkt__tx *tx, uint32_t docno, bool *sold_out)
{
    tkt__slice set;
    *sold_out = false;
    int32_t status = sold_get(tx, docno, &set);
    if (status == TKT_DONE)
        sold_place(set, docno & (SOLD_MOST - 1), sold_out);
    return status;
}

int32_t tkt__sold_out_set(tkt__tx *tx, uint32_t docno, bool sold_out)
{
    uint8_t key[4], bytes[2 * SOLD_MOST];
    tkt__slice set, k = tkt__slice_of(key, sizeof key);
    bool there;
    uint32_t offset = docno & (SOLD_MOST - 1);
    sold_key(docno, key);
    int32_t status = sold_get(tx, docno, &set);
    if (status != TKT_DONE)
        return status;
    if (set.n > sizeof bytes || set.n % 2 != 0)
        return tkt__fail(TKT_E_CORRUPT, "a sold-out set of the index is malformed");
    size_t at = 2 * sold_place(set, offset, &there);
    if (there == sold_out)
        return TKT_DONE;
    memcpy(bytes, set.p, at);
    if (!sold_out) {
        memcpy(bytes + at, set.p + at + 2, set.n - at - 2);
        return set.n == 2 ? tkt__tx_del(tx, TKT__T_SOLD_OUT, k)
                          : tkt__tx_put(tx, TKT__T_SOLD_OUT, k, tkt__slice_of(bytes, set.n - 2));
    }
    bytes[at] = (uint8_t)offset;
    bytes[at + 1] = (uint8_t)(offset >> 8);
    memcpy(bytes + at + 2, set.p + at, set.n - at);
    return tkt__tx_put(tx, TKT__T_SOLD_OUT, k, tkt__slice_of(bytes, set.n + 2));
}
