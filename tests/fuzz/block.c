/* SPDX-License-Identifier: MIT
 *
 * tests/fuzz/block.c: any bytes as a posting block, a chunk and levels of a bitmap, facts, a term's record. What
 * is not refused holds rising documents below the end of the number space, and written again and read back
 * it is the same. The first byte says which of them is meant.
 */
#include "fuzz.h"

#include "search/block.h"
#include "search/chunk.h"
#include "search/column.h"
#include "search/levels.h"

static void sound(const tkt__postings *p, uint32_t most)
{
    MUST(p->n >= 1 && p->n <= most);
    for (uint32_t i = 0; i < p->n; i++) {
        MUST(p->doc[i] >> TKT__SLOT_BITS < TKT__DAY_END);
        MUST(i == 0 || p->doc[i] > p->doc[i - 1]);
        MUST(p->level[i] < TKT__LEVELS);
    }
}

static void block(tkt__slice bytes)
{
    static tkt__postings p, back;
    uint8_t again[TKT__POSTINGS_BYTES];
    int32_t status = tkt__block_decode(bytes, &p);
    MUST(status == tkt__block_decode_documents(bytes, &back));
    if (status != TKT_DONE)
        return;
    sound(&p, TKT__POSTINGS_MOST);
    size_t n = tkt__block_encode(&p, 0, p.n, again);
    MUST(n <= sizeof again);
    MUST(tkt__block_decode(tkt__slice_of(again, n), &back) == TKT_DONE);
    MUST(back.n == p.n && memcmp(back.doc, p.doc, p.n * sizeof p.doc[0]) == 0);
    MUST(memcmp(back.level, p.level, p.n) == 0);
}

static void record(tkt__slice bytes)
{
    static tkt__postings p, back;
    tkt__list_ref ref, ref_back;
    uint8_t again[TKT__LIST_RECORD_BYTES], external[TKT__LIST_EXTERNAL_BYTES];
    uint32_t length;
    (void)tkt__list_length(bytes, &length);
    if (tkt__list_external(bytes, &ref) == TKT_DONE) {
        MUST(tkt__list_external(tkt__slice_of(external, tkt__list_external_encode(&ref, external)), &ref_back) ==
             TKT_DONE);
        MUST(ref.list == ref_back.list && ref.n == ref_back.n && ref.levels == ref_back.levels &&
             ref.bitmap == ref_back.bitmap);
    } else if (tkt__list_inline(bytes, &p) == TKT_DONE) {
        sound(&p, TKT__LIST_INLINE_MOST);
        MUST(tkt__list_inline(tkt__slice_of(again, tkt__list_inline_encode(&p, again)), &back) == TKT_DONE);
        MUST(back.n == p.n && memcmp(back.doc, p.doc, p.n * sizeof p.doc[0]) == 0);
    }
}

static void chunk(tkt__slice bytes)
{
    uint64_t word[TKT__CHUNK_WORDS];
    uint8_t again[TKT__CHUNK_BYTES];
    tkt__chunk c;
    uint32_t n;
    if (tkt__chunk_open(bytes, &c) == TKT_DONE && c.mask != NULL) { /* a query looks without decoding */
        memset(word, 0, sizeof word);
        tkt__chunk_join(&c, TKT__CHUNK_WORDS, word);
        for (uint32_t at = 0; at < TKT__CHUNK_DOCS; at = tkt__chunk_next_thin(&c, at) + 1)
            (void)tkt__chunk_has_thin(&c, at);
    }
    if (tkt__chunk_decode(bytes, word, &n) != TKT_DONE)
        return;
    MUST(n == tkt__bits_before(word, TKT__CHUNK_DOCS));
    bool right = tkt__chunk_encode(word, again) == bytes.n && memcmp(again, bytes.p, bytes.n) == 0;
    MUST(right == tkt__chunk_is_right(bytes, word));
}

static void levels(tkt__slice bytes)
{
    static tkt__levels all;
    tkt__stretch s;
    for (uint32_t i = 0; i < TKT__STRETCHES; i++)
        if (tkt__levels_find(bytes, i, &s) == TKT_DONE)
            for (uint32_t k = 0; k < s.n && s.nibbles != NULL; k++)
                MUST(tkt__nibble(s.nibbles, k) < TKT__LEVELS);
    if (tkt__levels_decode(bytes, &all) != TKT_DONE)
        return;
    for (uint32_t i = 0; i < TKT__STRETCHES; i++)
        MUST(all.n[i] <= TKT__STRETCH_DOCS);
}

static void columns(tkt__slice bytes)
{
    static tkt__column all[TKT__COLUMN_DOCS], back;
    uint8_t again[TKT__COLUMN_ROW_BYTES];
    tkt__columns c;
    if (tkt__columns_open(bytes, &c) != TKT_DONE)
        return;
    for (uint32_t i = 0; i < TKT__COLUMN_DOCS; i++)
        tkt__columns_get(&c, i, &all[i]);
    size_t n = tkt__columns_encode(all, again);
    if (n == 0)
        return;
    MUST(tkt__columns_open(tkt__slice_of(again, n), &c) == TKT_DONE);
    for (uint32_t i = 0; i < TKT__COLUMN_DOCS; i++) {
        tkt__columns_get(&c, i, &back);
        MUST(back.event == all[i].event && back.start_ms == all[i].start_ms && back.price == all[i].price);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const kind[4])(tkt__slice bytes) = { block, record, chunk, levels };
    if (size == 0)
        return 0;
    /* A copy of its own length: a read past its end is seen. */
    uint8_t *copy = malloc(size);
    MUST(copy != NULL);
    memcpy(copy, data, size);
    tkt__slice bytes = tkt__slice_of(copy + 1, size - 1);
    if (data[0] >= 0xf0)
        columns(bytes);
    else
        kind[data[0] % 4](bytes);
    free(copy);
    return 0;
}
