/* SPDX-License-Identifier: MIT
 *
 * search/bitmap.c: one document into or out of a bitmap list, inside a body.
 *
 * Rows: POSTING (chunk.h, levels.h). Invariants: a chunk without documents has no row, nor has a row of levels
 * without any; the levels of a stretch are as many as the bits that are set in it. Setting what is set and
 * dropping what is not there change nothing. A crash leaves the whole body or nothing of it.
 */
#include "search/block.h"
#include "search/levels.h"

typedef struct chunk {
    uint32_t base, offset; /* first document; the one in question within */
    uint32_t stretch;      /* its stretch, of the chunk */
    uint64_t word[TKT__CHUNK_WORDS];
} chunk;

static int32_t chunk_get(tkt__tx *tx, uint32_t list, uint32_t docno, chunk *c)
{
    uint8_t key[8];
    tkt__slice value;
    uint32_t n;
    c->base = docno & ~(TKT__CHUNK_DOCS - 1);
    c->offset = docno - c->base;
    c->stretch = TKT__STRETCH_OF(docno);
    tkt__posting_key(list, TKT__CHUNK_FENCE(docno), key);
    int32_t status = tkt__tx_get(tx, TKT__T_POSTING, tkt__slice_of(key, sizeof key), &value);
    if (status == TKT_NOT_FOUND) {
        memset(c->word, 0, sizeof c->word);
        return TKT_DONE;
    }
    return status == TKT_DONE ? tkt__chunk_decode(value, c->word, &n) : status;
}

static int32_t chunk_put(tkt__tx *tx, uint32_t list, const chunk *c)
{
    uint8_t bytes[TKT__CHUNK_BYTES];
    return tkt__posting_put(tx, list, TKT__CHUNK_FENCE(c->base), bytes, tkt__chunk_encode(c->word, bytes));
}

static bool is_set(const chunk *c) { return (c->word[c->offset >> 6] >> (c->offset & 63) & 1) != 0; }

static void flip(chunk *c) { c->word[c->offset >> 6] ^= UINT64_C(1) << (c->offset & 63); }

/* ---- levels: the row of the document's stretch ------------------------------------------------------- */

typedef struct level_row {
    uint32_t fence; /* 0: there is none yet */
    uint32_t n, rank; /* levels of the stretch; place of the document's */
    uint8_t level[TKT__STRETCH_DOCS + 1];
    size_t bytes;   /* of the row as it lies there */
    uint8_t row[TKT__LEVELS_ROW_BYTES];
} level_row;

/* The first row at or behind the stretch, if it is of the same chunk: it holds the stretch or has room for it. */
static int32_t level_row_get(tkt__tx *tx, uint32_t list, const chunk *c, level_row *r)
{
    uint8_t key[8];
    tkt__cursor *cursor;
    tkt__slice k, v;
    r->fence = 0;
    r->bytes = 0;
    tkt__posting_key(list, tkt__levels_fence(c->base, c->stretch), key);
    int32_t status = tkt__tx_cursor_open(tx, TKT__T_POSTING, &cursor);
    if (status != TKT_DONE)
        return status;
    status = tkt__cursor_seek(cursor, tkt__slice_of(key, sizeof key), &k, &v);
    if (status == TKT_DONE && k.n == 8 && tkt__get_be32(k.p) == list &&
        tkt__get_be32(k.p + 4) <= TKT__CHUNK_FENCE(c->base) && v.n <= sizeof r->row) {
        r->fence = tkt__get_be32(k.p + 4);
        r->bytes = v.n;
        memcpy(r->row, v.p, v.n);
    }
    tkt__cursor_close(cursor);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

static int32_t levels_get(tkt__tx *tx, uint32_t list, const chunk *c, level_row *r)
{
    const uint64_t *word = c->word + c->stretch * TKT__STRETCH_WORDS;
    tkt__stretch s = { 0, 0, NULL };
    int32_t status = level_row_get(tx, list, c, r);
    if (status == TKT_DONE && r->bytes != 0)
        status = tkt__levels_find(tkt__slice_of(r->row, r->bytes), c->stretch, &s);
    if (status != TKT_DONE && status != TKT_NOT_FOUND)
        return status;
    r->n = status == TKT_DONE ? s.n : 0;
    r->rank = tkt__bits_before(word, c->offset & (TKT__STRETCH_DOCS - 1));
    for (uint32_t i = 0; i < r->n; i++)
        r->level[i] = s.nibbles != NULL ? tkt__nibble(s.nibbles, i) : s.highest;
    if (r->n != tkt__bits_before(word, TKT__STRETCH_DOCS))
        return tkt__fail(TKT_E_CORRUPT, "list %lu has not a level for each document", (unsigned long)list);
    return TKT_DONE;
}

/* Each stretch into a row of its own; the last one keeps the fence. */
static int32_t split_row(tkt__tx *tx, uint32_t list, const chunk *c, uint32_t fence, tkt__slice row)
{
    uint8_t bytes[TKT__LEVELS_ROW_BYTES];
    tkt__levels all;
    int32_t status = tkt__levels_decode(row, &all);
    for (uint32_t s = TKT__STRETCHES; status == TKT_DONE && s-- > 0;) {
        if (all.n[s] == 0)
            continue;
        size_t n;
        status = tkt__levels_change(tkt__slice_of(NULL, 0), s, all.level[s], all.n[s], bytes, &n);
        if (status == TKT_DONE)
            status = tkt__posting_put(tx, list, fence, bytes, n);
        fence = tkt__levels_fence(c->base, s == 0 ? 0 : s - 1);
    }
    return status;
}

static int32_t levels_put(tkt__tx *tx, uint32_t list, const chunk *c, const level_row *r)
{
    uint8_t bytes[TKT__LEVELS_ROW_BYTES];
    size_t n;
    int32_t status = tkt__levels_change(tkt__slice_of(r->row, r->bytes), c->stretch, r->level, r->n, bytes, &n);
    if (status != TKT_DONE)
        return status;
    uint32_t fence = r->fence != 0 ? r->fence : tkt__levels_fence(c->base, c->stretch);
    return n > TKT__LEVELS_ROW_MOST ? split_row(tx, list, c, fence, tkt__slice_of(bytes, n))
                                    : tkt__posting_put(tx, list, fence, bytes, n);
}

/* Before the bit itself is changed. */
static int32_t level_set(tkt__tx *tx, uint32_t list, const chunk *c, uint8_t level, bool *changed)
{
    level_row r;
    int32_t status = levels_get(tx, list, c, &r);
    bool there = is_set(c);
    if (status != TKT_DONE)
        return status;
    *changed = !there || r.level[r.rank] != level;
    if (!*changed)
        return TKT_DONE;
    if (!there) {
        memmove(r.level + r.rank + 1, r.level + r.rank, r.n - r.rank);
        r.n++;
    }
    r.level[r.rank] = level;
    return levels_put(tx, list, c, &r);
}

static int32_t level_drop(tkt__tx *tx, uint32_t list, const chunk *c)
{
    level_row r;
    int32_t status = levels_get(tx, list, c, &r);
    if (status != TKT_DONE)
        return status;
    memmove(r.level + r.rank, r.level + r.rank + 1, r.n - r.rank - 1);
    r.n--;
    return levels_put(tx, list, c, &r);
}

/* ---- the document -------------------------------------------------------------------------------------- */

int32_t tkt__bitmap_set(tkt__tx *tx, const tkt__list_ref *ref, uint32_t docno, uint8_t level, tkt__edit *edit)
{
    chunk c;
    bool changed = false;
    int32_t status = chunk_get(tx, ref->list, docno, &c);
    if (status == TKT_DONE && ref->levels)
        status = level_set(tx, ref->list + 1, &c, level, &changed);
    if (status != TKT_DONE)
        return status;
    *edit = !is_set(&c) ? TKT__MORE : changed ? TKT__CHANGED : TKT__SAME;
    if (*edit != TKT__MORE)
        return TKT_DONE;
    flip(&c);
    return chunk_put(tx, ref->list, &c);
}

int32_t tkt__bitmap_drop(tkt__tx *tx, const tkt__list_ref *ref, uint32_t docno, tkt__edit *edit)
{
    chunk c;
    int32_t status = chunk_get(tx, ref->list, docno, &c);
    if (status != TKT_DONE)
        return status;
    *edit = is_set(&c) ? TKT__LESS : TKT__SAME;
    if (*edit == TKT__SAME)
        return TKT_DONE;
    if (ref->levels)
        status = level_drop(tx, ref->list + 1, &c);
    flip(&c);
    return status == TKT_DONE ? chunk_put(tx, ref->list, &c) : status;
}
