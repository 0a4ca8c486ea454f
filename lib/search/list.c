/* SPDX-License-Identifier: MIT
 *
 * search/list.c: terms and their postings, one document at a time, inside a body.
 *
 * Rows: TERM and POSTING (search.h). A list of at most TKT__LIST_INLINE_MOST documents lies in its term's record;
 * a longer one in blocks, each found by the first fence at or above a docno. It moves back into the
 * record at INLINE_AGAIN, so that a list at the border does not go to and fro. A dense list that a build
 * made is a bitmap (chunk.h, bitmap.c) and stays one until the next build.
 * Invariants: n is exact; per list fences rise strictly and the last is 0xFFFFFFFF; no block is empty.
 * Setting what is set and dropping what is not there change nothing. A crash leaves the whole body or
 * nothing of it.
 */
#include "search/block.h"

#define INLINE_AGAIN 64
#define FLAG_EXTERNAL 1
#define FLAG_LEVELS 2
#define FLAG_BITMAP 4
#define FLAG_BLOCK 8 /* inside the record */
#define BELOW_SHIFT 4 /* upper half: by how much its levels stay below the highest there is */
#define FENCE_LAST UINT32_MAX

typedef struct record {
    bool there, external;
    tkt__list_ref ref; /* external */
} record;

/* ---- the term's record ------------------------------------------------------------------------------ */

static int32_t corrupt(void) { return tkt__fail(TKT_E_CORRUPT, "a term's record is malformed"); }

static int32_t block_inside(tkt__slice value, uint8_t flags, tkt__postings *out)
{
    int32_t status = tkt__block_decode(tkt__slice_of(value.p + 1, value.n - 1), out);
    if (status != TKT_DONE)
        return status;
    bool right = out->n > TKT__LIST_PLAIN_MOST && out->n <= TKT__LIST_INLINE_MOST &&
                 flags == (FLAG_BLOCK | (out->levels ? FLAG_LEVELS : 0));
    return right ? TKT_DONE : corrupt();
}

int32_t tkt__list_inline(tkt__slice value, tkt__postings *out)
{
    tkt__reader r = tkt__reader_of(value);
    uint8_t flags = tkt__get_u8(&r);
    if (!r.bad && (flags & FLAG_BLOCK) != 0)
        return block_inside(value, flags, out);
    uint64_t n = tkt__get_varint(&r), doc = tkt__get_u32(&r);
    if (r.bad || n == 0 || n > TKT__LIST_PLAIN_MOST || doc >> TKT__SLOT_BITS >= TKT__DAY_END)
        return corrupt();
    out->n = (uint32_t)n;
    out->levels = (flags & FLAG_LEVELS) != 0;
    out->doc[0] = (uint32_t)doc;
    for (uint32_t i = 1; i < n; i++) {
        uint64_t gap = tkt__get_varint(&r);
        doc += gap + 1;
        if (gap > UINT32_MAX || doc >> TKT__SLOT_BITS >= TKT__DAY_END)
            return corrupt();
        out->doc[i] = (uint32_t)doc;
    }
    memset(out->level, 0, (size_t)n);
    for (uint32_t i = 0; out->levels && i < n; i += 2) {
        uint8_t two = tkt__get_u8(&r);
        out->level[i] = two & 15;
        out->level[i + 1] = two >> 4;
    }
    return r.bad || r.p != r.end ? corrupt() : TKT_DONE;
}

size_t tkt__list_inline_encode(const tkt__postings *in, uint8_t out[TKT__LIST_RECORD_BYTES])
{
    if (in->n > TKT__LIST_PLAIN_MOST) {
        uint8_t block[TKT__POSTINGS_BYTES];
        size_t size = tkt__block_encode(in, 0, in->n, block);
        out[0] = (uint8_t)(FLAG_BLOCK | (in->levels ? FLAG_LEVELS : 0));
        memcpy(out + 1, block, size);
        return 1 + size;
    }
    tkt__writer w = tkt__writer_of(out, TKT__LIST_RECORD_BYTES);
    tkt__put_u8(&w, in->levels ? FLAG_LEVELS : 0);
    tkt__put_varint(&w, in->n);
    tkt__put_u32(&w, in->doc[0]);
    for (uint32_t i = 1; i < in->n; i++)
        tkt__put_varint(&w, in->doc[i] - in->doc[i - 1] - 1);
    for (uint32_t i = 0; in->levels && i < in->n; i += 2)
        tkt__put_u8(&w, (uint8_t)(in->level[i] | (i + 1 < in->n ? in->level[i + 1] << 4 : 0)));
    return w.n;
}

int32_t tkt__list_external(tkt__slice value, tkt__list_ref *ref)
{
    tkt__reader r = tkt__reader_of(value);
    uint8_t flags = tkt__get_u8(&r);
    memset(ref, 0, sizeof *ref);
    if (!r.bad && (flags & FLAG_EXTERNAL) == 0)
        return TKT_NOT_FOUND;
    ref->list = tkt__get_u32(&r);
    ref->n = tkt__get_u32(&r);
    ref->levels = (flags & FLAG_LEVELS) != 0;
    ref->bitmap = (flags & FLAG_BITMAP) != 0;
    ref->highest = (uint8_t)(TKT__LEVELS - 1 - (flags >> BELOW_SHIFT));
    return r.bad || value.n != TKT__LIST_EXTERNAL_BYTES || ref->list == 0 || ref->n == 0 ? corrupt() : TKT_DONE;
}

size_t tkt__list_external_encode(const tkt__list_ref *ref, uint8_t out[TKT__LIST_EXTERNAL_BYTES])
{
    tkt__writer w = tkt__writer_of(out, TKT__LIST_EXTERNAL_BYTES);
    uint32_t below = TKT__LEVELS - 1u - ref->highest;
    tkt__put_u8(&w, (uint8_t)(FLAG_EXTERNAL | (ref->levels ? FLAG_LEVELS : 0) | (ref->bitmap ? FLAG_BITMAP : 0) |
                              below << BELOW_SHIFT));
    tkt__put_u32(&w, ref->list);
    tkt__put_u32(&w, ref->n);
    return w.n;
}

int32_t tkt__list_length(tkt__slice value, uint32_t *n)
{
    tkt__list_ref ref;
    tkt__reader r = tkt__reader_of(value);
    int32_t status = tkt__list_external(value, &ref);
    *n = ref.n;
    if (status != TKT_NOT_FOUND)
        return status;
    if ((tkt__get_u8(&r) & FLAG_BLOCK) != 0)
        return tkt__block_length(tkt__slice_of(value.p + 1, value.n - 1), n);
    *n = (uint32_t)tkt__get_varint(&r);
    return r.bad ? corrupt() : TKT_DONE;
}

static int32_t record_get(tkt__tx *tx, tkt__slice term, record *rec, tkt__postings *room)
{
    tkt__slice value;
    memset(rec, 0, sizeof *rec);
    int32_t status = tkt__tx_get(tx, TKT__T_TERM, term, &value);
    if (status != TKT_DONE)
        return status == TKT_NOT_FOUND ? TKT_DONE : status;
    rec->there = true;
    status = tkt__list_external(value, &rec->ref);
    rec->external = status == TKT_DONE;
    return status == TKT_NOT_FOUND ? tkt__list_inline(value, room) : status;
}

/* The record of a list that now has n documents; none: the term goes. */
static int32_t external_put(tkt__tx *tx, tkt__slice term, const tkt__list_ref *ref, uint32_t n)
{
    uint8_t bytes[TKT__LIST_EXTERNAL_BYTES];
    tkt__list_ref now = *ref;
    now.n = n;
    return n == 0 ? tkt__tx_del(tx, TKT__T_TERM, term)
                  : tkt__tx_put(tx, TKT__T_TERM, term,
                                tkt__slice_of(bytes, tkt__list_external_encode(&now, bytes)));
}

static int32_t inline_put(tkt__tx *tx, tkt__slice term, const tkt__postings *in)
{
    uint8_t bytes[TKT__LIST_RECORD_BYTES];
    return tkt__tx_put(tx, TKT__T_TERM, term, tkt__slice_of(bytes, tkt__list_inline_encode(in, bytes)));
}

/* ---- blocks ------------------------------------------------------------------------------------------- */

/* A block under change: as it lies there, and decoded. */
typedef struct block {
    uint32_t fence;
    uint32_t same; /* postings before the one that changes */
    tkt__postings p;
    size_t n;
    uint8_t bytes[TKT__POSTINGS_BYTES];
} block;

/* The block that holds or must take a docno. TKT_NOT_FOUND: the list has none, which is damage. */
static int32_t block_find(tkt__tx *tx, uint32_t list, uint32_t docno, block *b)
{
    uint8_t key[8];
    tkt__cursor *cursor;
    tkt__slice k, v;
    tkt__posting_key(list, docno, key);
    int32_t status = tkt__tx_cursor_open(tx, TKT__T_POSTING, &cursor);
    if (status != TKT_DONE)
        return status;
    status = tkt__cursor_seek(cursor, tkt__slice_of(key, sizeof key), &k, &v);
    if (status == TKT_DONE && (k.n != 8 || tkt__get_be32(k.p) != list))
        status = TKT_NOT_FOUND;
    if (status == TKT_DONE && v.n > sizeof b->bytes)
        status = tkt__fail(TKT_E_CORRUPT, "a block of list %lu is too long", (unsigned long)list);
    if (status == TKT_DONE) {
        b->fence = tkt__get_be32(k.p + 4);
        b->n = v.n;
        memcpy(b->bytes, v.p, v.n);
        status = tkt__block_decode(v, &b->p);
    }
    tkt__cursor_close(cursor);
    return status == TKT_NOT_FOUND ? tkt__fail(TKT_E_CORRUPT, "list %lu has no last block", (unsigned long)list)
                                   : status;
}

int32_t tkt__posting_put(tkt__tx *tx, uint32_t list, uint32_t fence, const uint8_t *bytes, size_t n)
{
    uint8_t key[8];
    tkt__posting_key(list, fence, key);
    tkt__slice k = tkt__slice_of(key, sizeof key);
    return n == 0 ? tkt__tx_del(tx, TKT__T_POSTING, k)
                  : tkt__tx_put(tx, TKT__T_POSTING, k, tkt__slice_of(bytes, n));
}

static int32_t block_save(tkt__tx *tx, uint32_t list, const block *b)
{
    uint8_t bytes[TKT__POSTINGS_BYTES];
    const tkt__postings *p = &b->p;
    uint32_t half = p->n / 2;
    if (p->n <= TKT__POSTINGS_MOST)
        return tkt__posting_put(tx, list, b->fence, bytes, tkt__block_change(tkt__slice_of(b->bytes, b->n), b->same, p, bytes));
    int32_t status = tkt__posting_put(tx, list, p->doc[half - 1], bytes, tkt__block_encode(p, 0, half, bytes));
    return status == TKT_DONE
               ? tkt__posting_put(tx, list, b->fence, bytes, tkt__block_encode(p, half, p->n - half, bytes))
               : status;
}

/* An empty block goes; if it was the list's last, the one before it takes its place. */
static int32_t block_remove(tkt__tx *tx, uint32_t list, uint32_t fence)
{
    uint8_t key[8], before[8];
    tkt__cursor *cursor;
    tkt__slice k, v;
    tkt__posting_key(list, fence, key);
    int32_t status = TKT_DONE;
    if (fence == FENCE_LAST) {
        status = tkt__tx_cursor_open(tx, TKT__T_POSTING, &cursor);
        if (status != TKT_DONE)
            return status;
        status = tkt__cursor_seek_last(cursor, tkt__slice_of(key, sizeof key), &k, &v);
        if (status == TKT_DONE && k.n == 8 && tkt__get_be32(k.p) == list) {
            memcpy(before, k.p, sizeof before);
            status = tkt__tx_put(tx, TKT__T_POSTING, tkt__slice_of(key, sizeof key), v);
            memcpy(key, before, sizeof key);
        }
        tkt__cursor_close(cursor);
    }
    if (status < 0)
        return status;
    return tkt__tx_del(tx, TKT__T_POSTING, tkt__slice_of(key, sizeof key));
}

/* ---- one posting in an array --------------------------------------------------------------------------- */

typedef enum outcome { SAME, CHANGED, ADDED } outcome;

static uint32_t place_of(const tkt__postings *p, uint32_t docno) { return tkt__docs_from(p->doc, 0, p->n, docno); }

/* `at`: the document's place. */
static outcome array_set(tkt__postings *p, uint32_t at, uint32_t docno, uint8_t level)
{
    if (at < p->n && p->doc[at] == docno) {
        bool same = p->level[at] == level;
        p->level[at] = level;
        return same ? SAME : CHANGED;
    }
    memmove(p->doc + at + 1, p->doc + at, (p->n - at) * sizeof p->doc[0]);
    memmove(p->level + at + 1, p->level + at, p->n - at);
    p->doc[at] = docno;
    p->level[at] = level;
    p->n++;
    return ADDED;
}

static bool array_drop(tkt__postings *p, uint32_t at, uint32_t docno)
{
    if (at == p->n || p->doc[at] != docno)
        return false;
    memmove(p->doc + at, p->doc + at + 1, (p->n - at - 1) * sizeof p->doc[0]);
    memmove(p->level + at, p->level + at + 1, p->n - at - 1);
    p->n--;
    return true;
}

/* ---- set ------------------------------------------------------------------------------------------------ */

static int32_t new_list(tkt__tx *tx, uint32_t *list)
{
    tkt__index_counts counts;
    int32_t status = tkt__index_counts_get(tx, &counts);
    if (status != TKT_DONE)
        return status;
    if (counts.last_list == UINT32_MAX)
        return tkt__fail(TKT_E_LIMIT, "the index has too many lists");
    *list = ++counts.last_list;
    return tkt__index_counts_put(tx, &counts);
}

static int32_t set_inline(tkt__tx *tx, tkt__slice term, tkt__postings *p, uint32_t docno, uint8_t level)
{
    tkt__list_ref ref = { .levels = p->levels, .highest = p->levels ? 0 : TKT__LEVELS - 1 };
    if (array_set(p, place_of(p, docno), docno, level) == SAME)
        return TKT_DONE;
    if (p->n <= TKT__LIST_INLINE_MOST)
        return inline_put(tx, term, p);
    for (uint32_t i = 0; i < p->n; i++)
        ref.highest = p->level[i] > ref.highest ? p->level[i] : ref.highest;
    int32_t status = new_list(tx, &ref.list);
    if (status == TKT_DONE) {
        uint8_t bytes[TKT__POSTINGS_BYTES];
        status = tkt__posting_put(tx, ref.list, FENCE_LAST, bytes, tkt__block_encode(p, 0, p->n, bytes));
    }
    return status == TKT_DONE ? external_put(tx, term, &ref, p->n) : status;
}

/* The list has one document more, or a level that is higher than any before. */
static int32_t external_set(tkt__tx *tx, tkt__slice term, const tkt__list_ref *ref, bool more, uint8_t level)
{
    tkt__list_ref now = *ref;
    if (!more && level <= ref->highest)
        return TKT_DONE;
    now.highest = level > ref->highest ? level : ref->highest;
    return external_put(tx, term, &now, ref->n + more);
}

static int32_t set_bit(tkt__tx *tx, tkt__slice term, const tkt__list_ref *ref, uint32_t docno, uint8_t level)
{
    tkt__edit edit;
    int32_t status = tkt__bitmap_set(tx, ref, docno, level, &edit);
    return status == TKT_DONE ? external_set(tx, term, ref, edit == TKT__MORE, level) : status;
}

static int32_t set_outside(tkt__tx *tx, tkt__slice term, const tkt__list_ref *ref, uint32_t docno, uint8_t level)
{
    block b;
    int32_t status = block_find(tx, ref->list, docno, &b);
    if (status != TKT_DONE)
        return status;
    b.same = place_of(&b.p, docno);
    outcome what = array_set(&b.p, b.same, docno, level);
    if (what == SAME)
        return TKT_DONE;
    b.same = what == CHANGED ? b.p.n : b.same;
    status = block_save(tx, ref->list, &b);
    return status == TKT_DONE ? external_set(tx, term, ref, what == ADDED, level) : status;
}

int32_t tkt__list_set(tkt__tx *tx, const tkt__term *term, uint32_t docno, bool *fresh)
{
    record rec;
    tkt__postings p;
    tkt__slice key = tkt__slice_of(term->p, term->n);
    bool levels = term->level != TKT__NO_LEVEL;
    uint8_t level = levels ? term->level : 0;
    int32_t status = record_get(tx, key, &rec, &p);
    if (status != TKT_DONE)
        return status;
    *fresh = !rec.there;
    if (!rec.there) {
        p.n = 0;
        p.levels = levels;
    }
    if (!rec.external)
        return set_inline(tx, key, &p, docno, level);
    return rec.ref.bitmap ? set_bit(tx, key, &rec.ref, docno, level) : set_outside(tx, key, &rec.ref, docno, level);
}

/* ---- drop ----------------------------------------------------------------------------------------------- */

/* Few are left: all of them into the record, the blocks away. */
static int32_t move_inside(tkt__tx *tx, tkt__slice term, uint32_t list)
{
    tkt__postings all = { .n = 0 };
    block b;
    uint32_t from = 0;
    uint8_t key[8];
    int32_t status = TKT_DONE;
    do {
        status = block_find(tx, list, from, &b);
        if (status != TKT_DONE)
            return status;
        if (all.n + b.p.n > TKT__LIST_INLINE_MOST)
            return tkt__fail(TKT_E_CORRUPT, "list %lu is longer than its record says", (unsigned long)list);
        memcpy(all.doc + all.n, b.p.doc, b.p.n * sizeof b.p.doc[0]);
        memcpy(all.level + all.n, b.p.level, b.p.n);
        all.n += b.p.n;
        all.levels = b.p.levels;
        tkt__posting_key(list, b.fence, key);
        status = tkt__tx_del(tx, TKT__T_POSTING, tkt__slice_of(key, sizeof key));
        from = b.fence + 1;
    } while (status == TKT_DONE && b.fence != FENCE_LAST);
    return status == TKT_DONE ? inline_put(tx, term, &all) : status;
}

static int32_t drop_bit(tkt__tx *tx, tkt__slice term, const tkt__list_ref *ref, uint32_t docno, bool *gone)
{
    tkt__edit edit;
    int32_t status = tkt__bitmap_drop(tx, ref, docno, &edit);
    *gone = status == TKT_DONE && edit == TKT__LESS && ref->n == 1;
    return status == TKT_DONE && edit == TKT__LESS ? external_put(tx, term, ref, ref->n - 1) : status;
}

static int32_t drop_outside(tkt__tx *tx, tkt__slice term, const tkt__list_ref *ref, uint32_t docno)
{
    block b;
    int32_t status = block_find(tx, ref->list, docno, &b);
    if (status != TKT_DONE)
        return status;
    b.same = place_of(&b.p, docno);
    if (!array_drop(&b.p, b.same, docno))
        return TKT_DONE;
    status = b.p.n == 0 ? block_remove(tx, ref->list, b.fence) : block_save(tx, ref->list, &b);
    if (status != TKT_DONE)
        return status;
    return ref->n - 1 <= INLINE_AGAIN ? move_inside(tx, term, ref->list) : external_put(tx, term, ref, ref->n - 1);
}

int32_t tkt__list_drop(tkt__tx *tx, const tkt__term *term, uint32_t docno, bool *gone)
{
    record rec;
    tkt__postings p;
    tkt__slice key = tkt__slice_of(term->p, term->n);
    *gone = false;
    int32_t status = record_get(tx, key, &rec, &p);
    if (status != TKT_DONE || !rec.there)
        return status;
    if (rec.external)
        return rec.ref.bitmap ? drop_bit(tx, key, &rec.ref, docno, gone) : drop_outside(tx, key, &rec.ref, docno);
    if (!array_drop(&p, place_of(&p, docno), docno))
        return TKT_DONE;
    *gone = p.n == 0;
    return *gone ? tkt__tx_del(tx, TKT__T_TERM, key) : inline_put(tx, key, &p);
}
