/* SPDX-License-Identifier: MIT
 *
 * tests/unit/test_search_bitmap.c: a bitmap list changed document by document, against an array of levels;
 * and the bytes of its rows, whole and damaged.
 */
#include "catalog_help.h"

#include "search/block.h"
#include "search/reader.h"

#define DAY UINT32_C(9000)
#define BASE (DAY << TKT__SLOT_BITS)
#define SPAN 20000u /* three chunks */
#define NONE 0xff
#define TERM "common"

static uint64_t state;

static uint32_t draw(uint32_t below)
{
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)((state >> 33) % below);
}

typedef struct plan {
    bool levels;
    uint32_t doc[400];
    uint8_t level[400];        /* NONE: drop */
    uint32_t edits;
} plan;

/* Begins a list with one document, as a build would leave it. */
static int32_t begin(tkt__tx *tx, void *ctx)
{
    const plan *p = ctx;
    uint64_t word[TKT__CHUNK_WORDS] = { 1 };
    uint8_t key[8], chunk[TKT__CHUNK_BYTES], row[TKT__LEVELS_ROW_BYTES], record[TKT__LIST_EXTERNAL_BYTES];
    static const tkt__levels levels = { .n = { 1 }, .level = { { 7 } } };
    tkt__list_ref ref = { 5, 1, p->levels, true, 7 };
    tkt__be32(key, 5);
    tkt__be32(key + 4, TKT__CHUNK_FENCE(BASE));
    int32_t status = tkt__tx_put(tx, TKT__T_POSTING, tkt__slice_of(key, 8),
                                 tkt__slice_of(chunk, tkt__chunk_encode(word, chunk)));
    tkt__be32(key, 6);
    tkt__be32(key + 4, TKT__STRETCH_FENCE(BASE));
    if (status == TKT_DONE && p->levels)
        status = tkt__tx_put(tx, TKT__T_POSTING, tkt__slice_of(key, 8),
                             tkt__slice_of(row, tkt__levels_encode(&levels, row)));
    return status == TKT_DONE ? tkt__tx_put(tx, TKT__T_TERM, tkt__slice_of(TERM, 6),
                                            tkt__slice_of(record, tkt__list_external_encode(&ref, record)))
                              : status;
}

static int32_t edit(tkt__tx *tx, void *ctx)
{
    const plan *p = ctx;
    int32_t status = TKT_DONE;
    for (uint32_t i = 0; status == TKT_DONE && i < p->edits; i++) {
        tkt__term term = { (const uint8_t *)TERM, 6, p->levels ? p->level[i] : TKT__NO_LEVEL };
        bool fresh, gone;
        status = p->level[i] == NONE ? tkt__list_drop(tx, &term, p->doc[i], &gone)
                                     : tkt__list_set(tx, &term, p->doc[i], &fresh);
    }
    return status;
}

static void run(fixture *f, tkt__body body, plan *p)
{
    const tkt__guard guard = { TKT__G_CATALOG, 0 };
    ok(tkt__store_run(f->store, &guard, 1, 0, body, p));
}

/* Every document by next, some by seek, each with its level. */
static int32_t compare(tkt__tx *tx, void *ctx)
{
    const uint8_t *model = ctx;
    tkt__reader_list list;
    tkt__cursor *shared;
    tkt__arena arena;
    tkt_hooks hooks;
    tkt__slice record;
    uint64_t work = 0;
    uint32_t count = 0;
    uint8_t level;
    ok(tkt__hooks_resolve(NULL, &hooks));
    tkt__arena_init(&arena, &hooks, 0);
    ok(tkt__tx_get(tx, TKT__T_TERM, tkt__slice_of(TERM, 6), &record));
    ok(tkt__tx_cursor_open(tx, TKT__T_POSTING, &shared));
    ok(tkt__reader_open(tx, record, true, &arena, shared, &work, &list));
    ok(tkt__reader_seek(&list, 1));
    for (uint32_t i = 0; i < SPAN; i++) {
        if (model[i] == NONE)
            continue;
        count++;
        cr_assert_eq(list.doc, BASE + i);
        ok(tkt__reader_level(&list, list.doc, &level));
        cr_assert_eq(level, model[i]);
        ok(tkt__reader_next(&list));
    }
    cr_assert_eq(list.doc, TKT__DOC_END);
    cr_assert_eq(list.n, count);
    tkt__reader_close(&list);
    ok(tkt__reader_open(tx, record, false, &arena, shared, &work, &list));
    for (uint32_t at = draw(500); at < SPAN; at += 1 + draw(900)) {
        uint32_t next = at;
        while (next < SPAN && model[next] == NONE)
            next++;
        ok(tkt__reader_seek(&list, BASE + at));
        cr_assert_eq(list.doc, next == SPAN ? TKT__DOC_END : BASE + next);
    }
    tkt__reader_close(&list);
    tkt__cursor_close(shared);
    tkt__arena_free(&arena);
    return TKT_DONE;
}

static void edits_follow_the_model(bool levels, uint64_t seed)
{
    static uint8_t model[SPAN];
    static plan p;
    fixture f;
    state = seed;
    setup(&f);
    memset(model, NONE, sizeof model);
    model[0] = levels ? 7 : 0;
    p = (plan){ .levels = levels };
    run(&f, begin, &p);
    for (int round = 0; round < 60; round++) {
        p.edits = 1 + draw(400);
        for (uint32_t i = 0; i < p.edits; i++) {
            bool drops = draw(100) < (round < 40 ? 30u : 70u);
            uint32_t at = draw(round % 3 == 0 ? 300 : SPAN);
            at = at == 0 ? 1 : at; /* one stays, so the list does */
            p.doc[i] = BASE + at;
            p.level[i] = drops ? NONE : (uint8_t)draw(TKT__LEVELS);
            model[at] = drops ? NONE : levels ? p.level[i] : 0;
        }
        run(&f, edit, &p);
        ok(tkt__store_look(f.store, compare, model));
    }
    teardown(&f);
}

Test(bitmap, edits_follow_the_model) { edits_follow_the_model(true, 1); }
Test(bitmap, without_levels_too) { edits_follow_the_model(false, 2); }

static int32_t nothing_is_left(tkt__tx *tx, void *ctx)
{
    tkt__cursor *cursor;
    tkt__slice k, v;
    (void)ctx;
    cr_assert_eq(tkt__tx_get(tx, TKT__T_TERM, tkt__slice_of(TERM, 6), &v), TKT_NOT_FOUND);
    ok(tkt__tx_cursor_open(tx, TKT__T_POSTING, &cursor));
    cr_assert_eq(tkt__cursor_seek(cursor, tkt__slice_of("", 0), &k, &v), TKT_NOT_FOUND);
    tkt__cursor_close(cursor);
    return TKT_DONE;
}

Test(bitmap, the_last_document_takes_the_list_along)
{
    static plan p = { .levels = true };
    fixture f;
    setup(&f);
    run(&f, begin, &p);
    p.edits = 1;
    p.doc[0] = BASE;
    p.level[0] = NONE;
    run(&f, edit, &p);
    ok(tkt__store_look(f.store, nothing_is_left, NULL));
    teardown(&f);
}

/* What a query sees of a chunk without decoding it: every bit, the next bit from anywhere, the words. */
static void same_by_bits(tkt__slice row, const uint64_t word[TKT__CHUNK_WORDS])
{
    uint64_t joined[TKT__CHUNK_WORDS] = { 0 };
    tkt__chunk c;
    ok(tkt__chunk_open(row, &c));
    if (c.mask == NULL)
        return;
    tkt__chunk_join(&c, TKT__CHUNK_WORDS, joined);
    for (uint32_t i = 0; i < TKT__CHUNK_WORDS; i++)
        cr_assert_eq(joined[i], word[i]);
    uint32_t next = TKT__CHUNK_DOCS;
    for (uint32_t off = TKT__CHUNK_DOCS; off-- > 0;) {
        bool set = (word[off >> 6] >> (off & 63) & 1) != 0;
        next = set ? off : next;
        if (draw(16) != 0 && !set)
            continue;
        cr_assert_eq(tkt__chunk_has_thin(&c, off), set);
        cr_assert_eq(tkt__chunk_next_thin(&c, off), next);
    }
    for (uint32_t off = 0; off < TKT__CHUNK_DOCS; off += 1 + draw(40))
        cr_assert_eq(tkt__chunk_has_thin(&c, off), (word[off >> 6] >> (off & 63) & 1) != 0);
}


Test(chunk, bytes_go_there_and_back)
{
    uint64_t word[TKT__CHUNK_WORDS], back[TKT__CHUNK_WORDS];
    uint8_t bytes[TKT__CHUNK_BYTES];
    uint32_t n;
    state = 3;
    for (int i = 0; i < 5000; i++) {
        uint32_t bits = 1 + draw(i % 3 == 0 ? 20 : i % 3 == 1 ? 1200 : 9000);
        memset(word, 0, sizeof word);
        for (uint32_t b = 0; b < bits; b++) {
            uint32_t off = draw(TKT__CHUNK_DOCS);
            word[off >> 6] |= UINT64_C(1) << (off & 63);
        }
        size_t size = tkt__chunk_encode(word, bytes);
        ok(tkt__chunk_decode(tkt__slice_of(bytes, size), back, &n));
        cr_assert_arr_eq(back, word, sizeof word);
        cr_assert_eq(n, tkt__bits_before(word, TKT__CHUNK_DOCS));
        same_by_bits(tkt__slice_of(bytes, size), word);
        bytes[2 + draw(2)] ^= (uint8_t)(1 + draw(255)); /* a wrong count */
        answers(tkt__chunk_decode(tkt__slice_of(bytes, size), back, &n), -TKT_E_CORRUPT);
        answers(tkt__chunk_decode(tkt__slice_of(bytes, size - 1), back, &n), -TKT_E_CORRUPT);
    }
    memset(word, 0, sizeof word);
    cr_assert_eq(tkt__chunk_encode(word, bytes), 0);
}

/* Levels of a chunk's stretches there and back; found one by one without decoding. */
Test(bitmap, rows_of_levels_there_and_back)
{
    static tkt__levels levels, back;
    static uint8_t row[TKT__LEVELS_ROW_BYTES], changed[TKT__LEVELS_ROW_BYTES];
    tkt__stretch found;
    size_t n;
    state = 11;
    for (int i = 0; i < 3000; i++) {
        for (uint32_t s = 0; s < TKT__STRETCHES; s++) {
            uint32_t range = draw(3) == 0 ? 1 : 1 + draw(TKT__LEVELS), from = draw(TKT__LEVELS + 1 - range);
            levels.n[s] = draw(3) == 0 ? 0 : 1 + draw(draw(2) == 0 ? 40 : TKT__STRETCH_DOCS);
            for (uint32_t k = 0; k < levels.n[s]; k++)
                levels.level[s][k] = (uint8_t)(from + draw(range));
        }
        size_t size = tkt__levels_encode(&levels, row);
        cr_assert_eq(tkt__levels_size(&levels), size);
        if (size == 0)
            continue;
        ok(tkt__levels_decode(tkt__slice_of(row, size), &back));
        for (uint32_t s = 0; s < TKT__STRETCHES; s++) {
            cr_assert_eq(back.n[s], levels.n[s]);
            cr_assert(levels.n[s] == 0 || memcmp(back.level[s], levels.level[s], levels.n[s]) == 0);
            int32_t status = tkt__levels_find(tkt__slice_of(row, size), s, &found);
            cr_assert_eq(status, levels.n[s] != 0 ? TKT_DONE : TKT_NOT_FOUND);
            for (uint32_t k = 0; k < levels.n[s]; k++)
                cr_assert_eq(found.nibbles != NULL ? tkt__nibble(found.nibbles, k) : found.highest, levels.level[s][k]);
        }
        answers(tkt__levels_decode(tkt__slice_of(row, size - 1), &back), -TKT_E_CORRUPT);
        bool nibbles = tkt__levels_find(tkt__slice_of(row, size), TKT__STRETCHES - 1, &found) == TKT_DONE &&
                       found.nibbles != NULL;
        if (nibbles) /* a row that is cut is not changed, for what is lost could not be written again */
            answers(tkt__levels_change(tkt__slice_of(row, size - 1), 0, levels.level[0], levels.n[0], changed, &n),
                    -TKT_E_CORRUPT);
    }
}
