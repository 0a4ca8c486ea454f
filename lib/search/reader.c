/* SPDX-License-Identifier: MIT
 *
 * search/reader.c: reading one list forward: short ones at once, long ones block by block, bitmaps chunk
 * by chunk. Bytes are read from the transaction and decoded into memory of the search; nothing is written.
 */
#include "search/reader.h"

#define STEPS_MOST 3
#define STEPS_SPAN (STEPS_MOST << TKT__SLOT_BITS) /* days that are worth trying */
#define STRETCH_SPAN (1u << TKT__SLOT_BITS)       /* of levels, which have some five rows a day */

static int32_t no_memory(void) { return tkt__fail(TKT_E_NOMEM, "no memory to read a list"); }

static int32_t damaged(const tkt__reader_list *list)
{
    return tkt__fail(TKT_E_CORRUPT, "list %lu is not as long as its record says", (unsigned long)list->list);
}

/* The list's row with the first fence at or above docno. TKT_NOT_FOUND past its last. */
static int32_t row_seek(tkt__cursor *cursor, uint32_t list, uint32_t docno, uint32_t *fence, tkt__slice *row)
{
    uint8_t key[8];
    tkt__slice k = { NULL, 0 };
    tkt__posting_key(list, docno, key);
    int32_t status = tkt__cursor_seek(cursor, tkt__slice_of(key, sizeof key), &k, row);
    if (status == TKT_DONE && (k.n != 8 || tkt__get_be32(k.p) != list))
        return TKT_NOT_FOUND;
    if (status == TKT_DONE)
        *fence = tkt__get_be32(k.p + 4);
    return status;
}

static int32_t row_next(tkt__cursor *cursor, uint32_t list, uint32_t *fence, tkt__slice *row)
{
    tkt__slice k = { NULL, 0 };
    int32_t status = tkt__cursor_next(cursor, &k, row);
    if (status == TKT_DONE && (k.n != 8 || tkt__get_be32(k.p) != list))
        return TKT_NOT_FOUND;
    if (status == TKT_DONE)
        *fence = tkt__get_be32(k.p + 4);
    return status;
}

static int32_t decode(const tkt__reader_list *list, tkt__slice row, tkt__postings *out)
{
    return list->levels ? tkt__block_decode(row, out) : tkt__block_decode_documents(row, out);
}

/* As row_seek, from where the cursor stands: neighbours are reached by steps, which cost a fraction. */
static int32_t row_forward(tkt__reader_list *list, uint32_t docno, tkt__slice *row)
{
    int32_t status = TKT_DONE;
    if (list->doc == 0 || docno - list->fence > STEPS_SPAN)
        return row_seek(list->cursor, list->list, docno, &list->fence, row);
    for (int step = 0; step < STEPS_MOST; step++) {
        status = row_next(list->cursor, list->list, &list->fence, row);
        if (status != TKT_DONE || list->fence >= docno)
            return status;
    }
    return row_seek(list->cursor, list->list, docno, &list->fence, row);
}

/* ---- opening ------------------------------------------------------------------------------------------ */

/* All postings into memory of their own. */
static int32_t keep(tkt__reader_list *list, const tkt__postings *p, uint32_t *docs, uint8_t *level)
{
    if (list->have + p->n > list->n)
        return damaged(list);
    memcpy(docs + list->have, p->doc, p->n * sizeof *docs);
    if (level != NULL)
        memcpy(level + list->have, p->level, p->n);
    list->have += p->n;
    *list->work += p->n;
    return TKT_DONE;
}

static int32_t open_whole(tkt__reader_list *list, tkt__slice record, bool external, tkt__arena *arena,
                          tkt__cursor *shared)
{
    tkt__postings p;
    tkt__slice row;
    int32_t status = external ? TKT_DONE : tkt__list_inline(record, &p);
    if (!external && status == TKT_DONE)
        list->n = p.n;
    uint32_t *docs = status == TKT_DONE ? tkt__arena_get(arena, list->n * sizeof *docs) : NULL;
    uint8_t *level = status == TKT_DONE && list->levels ? tkt__arena_get(arena, list->n) : NULL;
    if (status == TKT_DONE && (docs == NULL || (list->levels && level == NULL)))
        status = no_memory();
    if (status != TKT_DONE)
        return status;
    if (!external)
        status = keep(list, &p, docs, level);
    else
        status = row_seek(shared, list->list, 0, &list->fence, &row);
    while (external && status == TKT_DONE) {
        status = decode(list, row, &p);
        if (status == TKT_DONE)
            status = keep(list, &p, docs, level);
        if (status == TKT_DONE)
            status = row_next(shared, list->list, &list->fence, &row);
    }
    list->docs = docs;
    list->level = level;
    if (status != TKT_NOT_FOUND && status != TKT_DONE)
        return status;
    list->doc = docs[0];
    return list->have == list->n ? TKT_DONE : damaged(list);
}

static int32_t open_bits(tkt__reader_list *list, bool levels, tkt__arena *arena)
{
    list->bits = tkt__arena_get(arena, sizeof *list->bits);
    if (list->bits == NULL)
        return no_memory();
    memset(list->bits, 0, offsetof(tkt__bit_reader, word));
    list->levels = false;
    int32_t status = tkt__tx_cursor_open(list->tx, TKT__T_POSTING, &list->cursor);
    return status == TKT_DONE && levels ? tkt__tx_cursor_open(list->tx, TKT__T_POSTING, &list->bits->levels) : status;
}

static int32_t open_blocks(tkt__reader_list *list, tkt__arena *arena)
{
    list->block = tkt__arena_get(arena, sizeof *list->block);
    if (list->block == NULL)
        return no_memory();
    list->docs = list->block->doc;
    list->level = list->block->level;
    return tkt__tx_cursor_open(list->tx, TKT__T_POSTING, &list->cursor);
}

int32_t tkt__reader_open(tkt__tx *tx, tkt__slice record, bool levels, tkt__arena *arena, tkt__cursor *shared,
                         uint64_t *work, tkt__reader_list *list)
{
    tkt__list_ref ref;
    memset(list, 0, sizeof *list);
    list->tx = tx;
    list->work = work;
    list->levels = levels;
    int32_t status = tkt__list_external(record, &ref);
    bool external = status == TKT_DONE;
    if (status != TKT_DONE && status != TKT_NOT_FOUND)
        return status;
    list->list = ref.list;
    list->n = ref.n;
    list->highest = external ? ref.highest : TKT__LEVELS - 1;
    status = external && ref.bitmap                ? open_bits(list, levels && ref.levels, arena)
             : !external || ref.n <= TKT__READER_WHOLE ? open_whole(list, record, external, arena, shared)
                                                   : open_blocks(list, arena);
    if (status != TKT_DONE)
        tkt__reader_close(list);
    return status;
}

void tkt__reader_close(tkt__reader_list *list)
{
    tkt__cursor_close(list->cursor);
    if (list->bits != NULL)
        tkt__cursor_close(list->bits->levels);
    list->cursor = NULL;
    list->bits = NULL;
}

/* ---- arrays --------------------------------------------------------------------------------------------- */

/* First place at or above docno: gallop from where we stand, then halve. */
static uint32_t gallop(const uint32_t *doc, uint32_t n, uint32_t at, uint32_t docno)
{
    uint32_t step = 1, low = at, high = at;
    while (high < n && doc[high] < docno) {
        low = high + 1;
        high += step;
        step *= 2;
    }
    return tkt__docs_from(doc, low, high < n ? high : n, docno);
}

static int32_t stand(tkt__reader_list *list)
{
    list->doc = list->at < list->have ? list->docs[list->at] : TKT__DOC_END;
    return TKT_DONE;
}

static int32_t take_block(tkt__reader_list *list, int32_t status, tkt__slice row)
{
    list->at = list->have = 0;
    if (status == TKT_DONE)
        status = decode(list, row, list->block);
    if (status == TKT_DONE) {
        list->have = list->block->n;
        *list->work += list->have;
    }
    return status == TKT_NOT_FOUND ? stand(list) : status;
}

static int32_t next_block(tkt__reader_list *list)
{
    tkt__slice row = { NULL, 0 };
    if (list->cursor == NULL || list->fence == TKT__DOC_END) {
        list->at = list->have;
        return stand(list);
    }
    int32_t status = row_next(list->cursor, list->list, &list->fence, &row);
    status = take_block(list, status, row);
    return status == TKT_DONE ? stand(list) : status;
}

static int32_t seek_array(tkt__reader_list *list, uint32_t docno)
{
    if (list->cursor != NULL && (list->doc == 0 || docno > list->fence)) {
        tkt__slice row = { NULL, 0 };
        int32_t status = row_forward(list, docno, &row);
        status = take_block(list, status, row);
        if (status != TKT_DONE)
            return status;
    }
    list->at = gallop(list->docs, list->have, list->at, docno);
    return list->at < list->have || list->have == 0 ? stand(list) : next_block(list);
}

/* ---- bitmaps ---------------------------------------------------------------------------------------------- */

static uint32_t next_dense(const tkt__chunk *c, uint32_t offset)
{
    uint32_t i = offset >> 6;
    uint64_t word = i < c->words ? tkt__chunk_word(c->bytes, i) & (UINT64_MAX << (offset & 63)) : 0;
    while (word == 0 && ++i < c->words)
        word = tkt__chunk_word(c->bytes, i);
    return i < c->words ? i * 64 + (uint32_t)__builtin_ctzll(word) : TKT__CHUNK_DOCS;
}

/* The first bit that is set at or above `offset` of the chunk at hand. */
static bool next_bit(tkt__reader_list *list, uint32_t offset)
{
    tkt__chunk *c = &list->bits->chunk;
    uint32_t next = c->mask != NULL ? tkt__chunk_next_thin(c, offset) : next_dense(c, offset);
    if (next == TKT__CHUNK_DOCS)
        return false;
    list->doc = list->bits->base + next;
    return true;
}

static int32_t take_chunk(tkt__reader_list *list, int32_t status, tkt__slice row)
{
    tkt__bit_reader *b = list->bits;
    if (status == TKT_NOT_FOUND) {
        list->doc = TKT__DOC_END;
        return TKT_DONE;
    }
    if (status == TKT_DONE)
        status = tkt__chunk_open(row, &b->chunk);
    if (status != TKT_DONE)
        return status;
    b->base = list->fence & ~(TKT__CHUNK_DOCS - 1);
    *list->work += TKT__WINDOW_WORDS;
    return TKT_DONE;
}

static int32_t next_chunk(tkt__reader_list *list)
{
    tkt__slice row = { NULL, 0 };
    int32_t status = row_next(list->cursor, list->list, &list->fence, &row);
    status = take_chunk(list, status, row);
    if (status == TKT_DONE && list->doc != TKT__DOC_END)
        next_bit(list, 0);
    return status;
}

static int32_t seek_bits(tkt__reader_list *list, uint32_t docno)
{
    if (list->doc == 0 || docno > list->fence) {
        tkt__slice row = { NULL, 0 };
        int32_t status = row_forward(list, docno, &row);
        status = take_chunk(list, status, row);
        if (status != TKT_DONE || list->doc == TKT__DOC_END)
            return status;
    }
    uint32_t offset = docno > list->bits->base ? docno - list->bits->base : 0;
    return next_bit(list, offset) ? TKT_DONE : next_chunk(list);
}

const uint64_t *tkt__reader_words(tkt__reader_list *list)
{
    tkt__bit_reader *b = list->bits;
    if (b->copied == list->fence)
        return b->word;
    memset(b->word, 0, sizeof b->word);
    tkt__chunk_join(&b->chunk, TKT__WINDOW_WORDS, b->word);
    b->copied = list->fence;
    return b->word;
}

/* The row of levels that has the stretch, from where their cursor stands. */
static int32_t level_row(tkt__reader_list *list, uint32_t wanted)
{
    tkt__bit_reader *b = list->bits;
    bool near = b->level_fence != 0 && wanted > b->level_fence && wanted - b->level_fence <= STRETCH_SPAN;
    int32_t status = TKT_DONE;
    for (int step = 0; near && status == TKT_DONE && step < STEPS_MOST && b->level_fence < wanted; step++)
        status = row_next(b->levels, list->list + 1, &b->level_fence, &b->level_row);
    if (!near || (status == TKT_DONE && b->level_fence < wanted))
        status = row_seek(b->levels, list->list + 1, wanted, &b->level_fence, &b->level_row);
    return status;
}

static int32_t stretch_find(tkt__reader_list *list, uint32_t wanted, tkt__stretch *stretch)
{
    tkt__bit_reader *b = list->bits;
    bool same_chunk = TKT__CHUNK_FENCE(b->level_fence) == TKT__CHUNK_FENCE(wanted);
    int32_t status = TKT_NOT_FOUND;
    if (b->level_fence != 0 && same_chunk)
        status = tkt__levels_find(b->level_row, TKT__STRETCH_OF(wanted), stretch);
    if (status != TKT_NOT_FOUND)
        return status;
    status = level_row(list, wanted);
    if (status == TKT_DONE && TKT__CHUNK_FENCE(b->level_fence) != TKT__CHUNK_FENCE(wanted))
        status = TKT_NOT_FOUND;
    return status == TKT_DONE ? tkt__levels_find(b->level_row, TKT__STRETCH_OF(wanted), stretch) : status;
}

static int32_t stretch_of(tkt__reader_list *list, uint32_t docno)
{
    tkt__bit_reader *b = list->bits;
    uint32_t wanted = TKT__STRETCH_FENCE(docno);
    tkt__stretch s = { 0, 0, NULL };
    if (b->stretch == wanted)
        return TKT_DONE;
    int32_t status = stretch_find(list, wanted, &s);
    if (status != TKT_DONE)
        return status == TKT_NOT_FOUND ? damaged(list) : status;
    if (s.n != tkt__bits_before(tkt__reader_words(list) + TKT__STRETCH_OF(docno) * TKT__STRETCH_WORDS, TKT__STRETCH_DOCS))
        return damaged(list);
    if (s.nibbles == NULL)
        memset(b->same, s.highest | s.highest << 4, (s.n + 1) / 2);
    b->nibbles = s.nibbles != NULL ? s.nibbles : b->same;
    b->highest = s.highest;
    b->stretch = wanted;
    return TKT_DONE;
}

/* ---- both --------------------------------------------------------------------------------------------------- */

int32_t tkt__reader_seek(tkt__reader_list *list, uint32_t docno)
{
    if (list->doc >= docno && list->doc != 0)
        return TKT_DONE;
    return list->bits != NULL ? seek_bits(list, docno) : seek_array(list, docno);
}

int32_t tkt__reader_next(tkt__reader_list *list)
{
    if (list->doc == TKT__DOC_END)
        return TKT_DONE;
    if (list->bits != NULL)
        return next_bit(list, list->doc - list->bits->base + 1) ? TKT_DONE : next_chunk(list);
    return ++list->at < list->have ? stand(list) : next_block(list);
}

int32_t tkt__reader_level(tkt__reader_list *list, uint32_t docno, uint8_t *level)
{
    *level = 0;
    if (list->bits == NULL) {
        if (list->levels)
            *level = list->level[list->at];
        return TKT_DONE;
    }
    if (list->bits->levels == NULL)
        return TKT_DONE;
    int32_t status = stretch_of(list, docno);
    if (status != TKT_DONE)
        return status;
    uint32_t offset = docno - list->bits->base, first = offset & ~(TKT__STRETCH_DOCS - 1);
    *level = tkt__nibble(list->bits->nibbles,
                         tkt__bits_before(tkt__reader_words(list) + (first >> 6), offset - first));
    return TKT_DONE;
}

int32_t tkt__reader_highest(tkt__reader_list *list, uint32_t docno, uint8_t *highest)
{
    *highest = TKT__LEVELS - 1;
    if (list->bits == NULL || list->bits->levels == NULL)
        return TKT_DONE;
    int32_t status = stretch_of(list, docno);
    if (status == TKT_DONE)
        *highest = list->bits->highest;
    return status;
}
