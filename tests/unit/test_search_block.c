/* SPDX-License-Identifier: MIT
 *
 * tests/unit/test_search_block.c: posting blocks there and back, and what decoding does with damage.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "search/block.h"

static uint64_t state;

static uint32_t draw(uint32_t below)
{
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)((state >> 33) % below);
}

/* Days `spread` apart at most, slots below `slots`. */
static void fill(tkt__postings *p, uint32_t n, uint32_t spread, uint32_t slots, bool levels)
{
    uint64_t day = draw(100), slot = 0;
    p->n = 0;
    p->levels = levels;
    while (p->n < n) {
        slot += 1 + draw(1 + slots / 16);
        if (slot >= slots) {
            day += 1 + draw(spread);
            slot = draw(slots);
        }
        if (day >= TKT__DAY_END)
            break;
        p->doc[p->n] = (uint32_t)(day << TKT__SLOT_BITS | slot);
        p->level[p->n++] = levels ? (uint8_t)draw(TKT__LEVELS) : 0;
    }
    cr_assert(p->n > 0);
}

static size_t there_and_back(const tkt__postings *p)
{
    static uint8_t bytes[TKT__POSTINGS_BYTES];
    static tkt__postings back;
    size_t n = tkt__block_encode(p, 0, p->n, bytes);
    cr_assert(n <= TKT__POSTINGS_BYTES);
    cr_assert_eq(tkt__block_decode(tkt__slice_of(bytes, n), &back), TKT_DONE, "%s", tkt_error_text());
    cr_assert_eq(back.n, p->n);
    cr_assert_eq(back.levels, p->levels);
    cr_assert_arr_eq(back.doc, p->doc, p->n * sizeof p->doc[0]);
    cr_assert_arr_eq(back.level, p->level, p->n);
    return n;
}

Test(block, goes_there_and_back)
{
    static tkt__postings p;
    state = 1;
    for (int i = 0; i < 20000; i++) {
        fill(&p, 1 + draw(TKT__POSTINGS_MOST), 1 + draw(2000), 1 + draw(TKT__DAY_SLOTS), draw(2) == 1);
        there_and_back(&p);
    }
}

Test(block, extremes)
{
    static tkt__postings p = { .n = 2, .levels = true, .level = { 15, 15 } };
    p.doc[1] = (TKT__DAY_END - 1) << TKT__SLOT_BITS | (TKT__DAY_SLOTS - 1); /* 0 and the highest */
    there_and_back(&p);
    p.n = 1;
    p.doc[0] = p.doc[1];
    there_and_back(&p);
    p.n = TKT__POSTINGS_MOST;
    for (uint32_t i = 0; i < p.n; i++)
        p.doc[i] = (i * 85) << TKT__SLOT_BITS | (i % 2 == 0 ? 0 : TKT__DAY_SLOTS - 1); /* widest gaps */
    cr_assert(there_and_back(&p) < 2022, "a block must not need an overflow page");
    for (uint32_t i = 0; i < p.n; i++)
        p.doc[i] = 5u << TKT__SLOT_BITS | (i + 7); /* no gaps at all */
    p.levels = false;
    memset(p.level, 0, p.n);
    cr_assert(there_and_back(&p) < 60);
}

Test(block, damage_is_told_and_never_followed)
{
    static tkt__postings p, back;
    static uint8_t bytes[TKT__POSTINGS_BYTES];
    state = 2;
    for (int i = 0; i < 100000; i++) {
        fill(&p, 1 + draw(TKT__POSTINGS_MOST), 1 + draw(50), 1 + draw(TKT__DAY_SLOTS), draw(2) == 1);
        size_t n = tkt__block_encode(&p, 0, p.n, bytes);
        for (uint32_t k = 1 + draw(4); k > 0; k--)
            bytes[draw((uint32_t)n)] ^= (uint8_t)(1u << draw(8));
        if (draw(4) == 0)
            n = draw((uint32_t)n + 1);
        uint8_t *exact = malloc(n + (n == 0)); /* so that the sanitizer sees the end */
        memcpy(exact, bytes, n);
        if (tkt__block_decode(tkt__slice_of(exact, n), &back) == TKT_DONE) {
            cr_assert(back.n >= 1 && back.n <= TKT__POSTINGS_MOST);
            for (uint32_t k = 1; k < back.n; k++)
                cr_assert(back.doc[k - 1] < back.doc[k]);
        }
        free(exact);
    }
}

/* A block that was changed is what encoding it anew makes. */
Test(block, changed_as_made_anew)
{
    static tkt__postings p, old;
    static uint8_t before[TKT__POSTINGS_BYTES], changed[TKT__POSTINGS_BYTES], anew[TKT__POSTINGS_BYTES];
    state = 31;
    for (int i = 0; i < 4000; i++) {
        fill(&p, 2 + draw(TKT__POSTINGS_MOST - 2), 1 + draw(5), 1 + draw(12000), i % 2 == 0);
        old = p;
        size_t n = tkt__block_encode(&p, 0, p.n, before), size;
        uint32_t at = draw(p.n), what = draw(3);
        if (what == 0) {
            memmove(p.doc + at, p.doc + at + 1, (p.n - at - 1) * sizeof p.doc[0]);
            memmove(p.level + at, p.level + at + 1, p.n - at - 1);
            p.n--;
        } else if (what == 1 && p.n < TKT__POSTINGS_MOST && (at == 0 || p.doc[at] - p.doc[at - 1] > 1) && p.doc[at] > 1) {
            memmove(p.doc + at + 1, p.doc + at, (p.n - at) * sizeof p.doc[0]);
            memmove(p.level + at + 1, p.level + at, p.n - at);
            p.doc[at]--;
            p.n++;
        }
        if (p.n == 0)
            continue;
        size = tkt__block_change(tkt__slice_of(before, n), at < old.n ? at : old.n, &p, changed);
        cr_assert_eq(size, tkt__block_encode(&p, 0, p.n, anew));
        cr_assert(memcmp(changed, anew, size) == 0);
    }
}
