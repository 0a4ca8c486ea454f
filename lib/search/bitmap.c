/* SPDX-License-Identifier: MIT
 *
 * search/bitmap.c: one document into or out of a bitmap list, inside a body.
 *
 * Rows: POSTING (chunk.h). Invariants: a chunk without documents has no row, nor has a stretch; the levels
 * of a stretch are as many as the bits that are set in it. Setting what is set and dropping what is not
 * there change nothing. A crash leaves the whole body or nothing of it.
 */
#include "search/block.h"
#include "search/chunk.h"

typedef struct chunk {
    uint32_t base, offset; /* first document; the one in question within */
    uint32_t stretch;      /* first word of its stretch */
    uint64_t word[TKT__CHUNK_WORDS];
} chunk;

static int32_t chunk_get(tkt__tx *tx, uint32_t list, uint32_t docno, chunk *c)
{
    uint8_t key[8];
    tkt__slice value;
    uint32_t n;
    c->base = docno & ~(TKT__CHUNK_DOCS - 1);
    c->offset = docno - c->base;
    c->stretch = (c->offset >> TKT__STRETCH_BITS) * TKT__STRETCH_WORDS;
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

/* ---- levels: the stretch of the document, a byte each ------------------------------------------------ */

typedef struct stretch {
    uint32_t n, rank; /* levels; place of the document's */
    uint8_t level[TKT__STRETCH_DOCS + 1];
} stretch;

static int32_t stretch_get(tkt__tx *tx, uint32_t list, const chunk *c, stretch *s)
{
    uint8_t key[8];
    const uint8_t *nibbles;
    tkt__slice value;
    s->rank = tkt__bits_before(c->word + c->stretch, c->offset & (TKT__STRETCH_DOCS - 1));
    s->n = 0;
    uint32_t set = tkt__bits_before(c->word + c->stretch, TKT__STRETCH_DOCS);
    tkt__posting_key(list, TKT__STRETCH_FENCE(c->base + c->offset), key);
    int32_t status = tkt__tx_get(tx, TKT__T_POSTING, tkt__slice_of(key, sizeof key), &value);
    if (status == TKT_DONE)
        status = tkt__stretch_open(value, &nibbles, &s->n);
    else if (status == TKT_NOT_FOUND)
        status = TKT_DONE;
    if (status == TKT_DONE && s->n != set)
        return tkt__fail(TKT_E_CORRUPT, "list %lu has not a level for each document", (unsigned long)list);
    for (uint32_t i = 0; status == TKT_DONE && i < s->n; i++)
        s->level[i] = tkt__nibble(nibbles, i);
    return status;
}

static int32_t stretch_put(tkt__tx *tx, uint32_t list, const chunk *c, const stretch *s)
{
    uint8_t bytes[TKT__STRETCH_BYTES];
    size_t n = s->n == 0 ? 0 : tkt__stretch_encode(s->level, s->n, bytes);
    return row_put(tx, list, TKT__STRETCH_FENCE(c->base + c->offset), bytes, n);
}

/* Before the bit itself is changed. */
static int32_t level_set(tkt__tx *tx, uint32_t list, const chunk *c, uint8_t level, bool *changed)
{
    stretch s;
    int32_t status = stretch_get(tx, list, c, &s);
    bool there = is_set(c);
    *changed = !there || s.level[s.rank] != level;
    if (status != TKT_DONE || !*changed)
        return status;
    if (!there) {
        memmove(s.level + s.rank + 1, s.level + s.rank, s.n - s.rank);
        s.n++;
    }
    s.level[s.rank] = level;
    return stretch_put(tx, list, c, &s);
}

static int32_t level_drop(tkt__tx *tx, uint32_t list, const chunk *c)
{
    stretch s;
    int32_t status = stretch_get(tx, list, c, &s);
    if (status != TKT_DONE)
        return status;
    memmove(s.level + s.rank, s.level + s.rank + 1, s.n - s.rank - 1);
    s.n--;
    return stretch_put(tx, list, c, &s);
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
