/* SPDX-License-Identifier: MIT
 *
 * search/bitmap.c: one document into or out of a bitmap list, inside a body.
 *
 * Rows: POSTING (chunk.h, levels.h). Invariants: a chunk without documents has no row, nor has a row of levels
 * without any; the levels of a stretch are as many as the bits that are set in it. Setting what is set and dropping what is not
 * there change nothing. A crash leaves the whole body or nothing of it.
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

static int32_t row_put(tkt__tx *tx, uint32_t list, uint32_t fence, const uint8_t *bytes, size_t n)
{
    uint8_t key[8];
    tkt__posting_key(list, fence, key);
    tkt__slice k = tkt__slice_of(key, sizeof key);
    return n == 0 ? tkt__tx_del(tx, TKT__T_POSTING, k)
                  : tkt__tx_put(tx, TKT__T_POSTING, k, tkt__slice_of(bytes, n));
}

static int32_t chunk_put(tkt__tx *tx, uint32_t list, const chunk *c)
{
    uint8_t bytes[TKT__CHUNK_BYTES];
    return row_put(tx, list, TKT__CHUNK_FENCE(c->base), bytes, tkt__chunk_encode(c->word, bytes));
}

static bool is_set(const chunk *c) { return (c->word[c->offset >> 6] >> (c->offset & 63) & 1) != 0; }

static void flip(chunk *c) { c->word[c->offset >> 6] ^= UINT64_C(1) << (c->offset & 63); }

/* ---- levels: the row of the document's stretch ------------------------------------------------------- */

typedef struct level_row {
    uint32_t fence; /* 0: there is none yet */
    uint32_t rank;  /* place of the document's level in its stretch */
    tkt__levels levels;
} level_row;

/* The first row at or behind the stretch, if it is of the same chunk: it holds the stretch or has room for it. */
static int32_t level_row_get(tkt__tx *tx, uint32_t list, const chunk *c, level_row *r)
{
    uint8_t key[8];
    tkt__cursor *cursor;
    tkt__slice k, v;
    r->fence = 0;
    memset(r->levels.n, 0, sizeof r->levels.n);
    tkt__posting_key(list, tkt__levels_fence(c->base, c->stretch), key);
    int32_t status = tkt__tx_cursor_open(tx, TKT__T_POSTING, &cursor);
    if (status != TKT_DONE)
        return status;
    status = tkt__cursor_seek(cursor, tkt__slice_of(key, sizeof key), &k, &v);
    if (status == TKT_DONE && k.n == 8 && tkt__get_be32(k.p) == list &&
        tkt__get_be32(k.p + 4) <= TKT__CHUNK_FENCE(c->base)) {
        r->fence = tkt__get_be32(k.p + 4);
        status = tkt__levels_decode(v, &r->levels);
    }
    tkt__cursor_close(cursor);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

static int32_t levels_get(tkt__tx *tx, uint32_t list, const chunk *c, level_row *r)
{
    const uint64_t *word = c->word + c->stretch * TKT__STRETCH_WORDS;
    int32_t status = level_row_get(tx, list, c, r);
    if (status == TKT_DONE && r->levels.n[c->stretch] != tkt__bits_before(word, TKT__STRETCH_DOCS))
        return tkt__fail(TKT_E_CORRUPT, "list %lu has not a level for each document", (unsigned long)list);
    r->rank = tkt__bits_before(word, c->offset & (TKT__STRETCH_DOCS - 1));
    return status;
}

/* Each stretch into a row of its own; the last one keeps the fence. */
static int32_t split_row(tkt__tx *tx, uint32_t list, const chunk *c, const level_row *r)
{
    uint8_t bytes[TKT__LEVELS_ROW_BYTES];
    uint32_t last = TKT__STRETCHES;
    int32_t status = TKT_DONE;
    for (uint32_t s = TKT__STRETCHES; status == TKT_DONE && s-- > 0;) {
        tkt__levels one;
        if (r->levels.n[s] == 0)
            continue;
        memset(one.n, 0, sizeof one.n);
        one.n[s] = r->levels.n[s];
        memcpy(one.level[s], r->levels.level[s], one.n[s]);
        uint32_t fence = last == TKT__STRETCHES ? r->fence : tkt__levels_fence(c->base, s);
        last = s;
        status = row_put(tx, list, fence, bytes, tkt__levels_encode(&one, bytes));
    }
    return status;
}

static int32_t levels_put(tkt__tx *tx, uint32_t list, const chunk *c, level_row *r)
{
    uint8_t bytes[TKT__LEVELS_ROW_BYTES];
    size_t n = tkt__levels_encode(&r->levels, bytes);
    if (r->fence == 0)
        r->fence = tkt__levels_fence(c->base, c->stretch);
    return n > TKT__LEVELS_ROW_MOST ? split_row(tx, list, c, r) : row_put(tx, list, r->fence, bytes, n);
}

/* Before the bit itself is changed. */
static int32_t level_set(tkt__tx *tx, uint32_t list, const chunk *c, uint8_t level, bool *changed)
{
    level_row r;
    int32_t status = levels_get(tx, list, c, &r);
    uint8_t *levels = r.levels.level[c->stretch];
    uint32_t *n = &r.levels.n[c->stretch];
    bool there = is_set(c);
    if (status != TKT_DONE)
        return status;
    *changed = !there || levels[r.rank] != level;
    if (!*changed)
        return TKT_DONE;
    if (!there) {
        memmove(levels + r.rank + 1, levels + r.rank, *n - r.rank);
        ++*n;
    }
    levels[r.rank] = level;
    return levels_put(tx, list, c, &r);
}

static int32_t level_drop(tkt__tx *tx, uint32_t list, const chunk *c)
{
    level_row r;
    int32_t status = levels_get(tx, list, c, &r);
    if (status != TKT_DONE)
        return status;
    uint8_t *levels = r.levels.level[c->stretch];
    uint32_t *n = &r.levels.n[c->stretch];
    memmove(levels + r.rank, levels + r.rank + 1, *n - r.rank - 1);
    --*n;
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
