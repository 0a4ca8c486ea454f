/* SPDX-License-Identifier: MIT
 *
 * search/pages.c: a word with very many lists (a short prefix) where no score is asked for: all its lists are
 * read once, one after the other, into pages of bits, a window each, made where there is something. After that
 * the word is one list. Memory: 1 KiB a window that has documents, of the search's arena.
 */
#include "search/exec.h"

#define DAY_WINDOWS (TKT__DAY_SLOTS / TKT__WINDOW)

typedef struct page {
    uint32_t used; /* words */
    tkt__bits bits;
} page;

struct tkt__pages {
    page *(*day[TKT__DAY_END])[DAY_WINDOWS];
};

static page *page_of(tkt__search *s, struct tkt__pages *p, uint32_t docno)
{
    uint32_t day = docno >> TKT__SLOT_BITS, window = docno >> TKT__WINDOW_BITS & (DAY_WINDOWS - 1);
    if (p->day[day] == NULL) {
        p->day[day] = tkt__arena_get(&s->arena, sizeof *p->day[day]);
        if (p->day[day] == NULL)
            return NULL;
        memset(p->day[day], 0, sizeof *p->day[day]);
    }
    page **at = &(*p->day[day])[window];
    if (*at == NULL) {
        *at = tkt__arena_get(&s->arena, sizeof **at);
        if (*at != NULL)
            memset(*at, 0, sizeof **at);
    }
    return *at;
}

static void use(page *g, uint32_t words) { g->used = words > g->used ? words : g->used; }

static int32_t add_array(tkt__search *s, struct tkt__pages *p, tkt__reader_list *list, uint32_t to)
{
    int32_t status = TKT_DONE;
    while (status == TKT_DONE && list->doc < to) {
        uint32_t base = list->doc & ~(TKT__WINDOW - 1), end = base + TKT__WINDOW, i = list->at, off = 0;
        page *g = page_of(s, p, list->doc);
        if (g == NULL)
            return tkt__fail(TKT_E_NOMEM, "no memory for a search");
        for (; i < list->have && list->docs[i] < end; i++) {
            off = list->docs[i] - base;
            g->bits.w[off >> 6] |= UINT64_C(1) << (off & 63);
        }
        use(g, (off >> 6) + 1);
        list->at = i - 1;
        status = tkt__reader_next(list);
    }
    return status;
}

static int32_t add_bits(tkt__search *s, struct tkt__pages *p, tkt__reader_list *list, uint32_t to)
{
    int32_t status = TKT_DONE;
    while (status == TKT_DONE && list->doc < to) {
        page *g = page_of(s, p, list->doc);
        if (g == NULL)
            return tkt__fail(TKT_E_NOMEM, "no memory for a search");
        tkt__chunk_join(&list->bits->chunk, TKT__WINDOW_WORDS, g->bits.w);
        use(g, list->bits->chunk.words);
        status = tkt__reader_seek(list, list->bits->base + TKT__WINDOW);
    }
    return status;
}

int32_t tkt__pages_make(tkt__search *s, tkt__part *part, uint32_t from, uint32_t to)
{
    struct tkt__pages *p = tkt__arena_get(&s->arena, sizeof *p);
    int32_t status = p != NULL ? TKT_DONE : tkt__fail(TKT_E_NOMEM, "no memory for a search");
    if (p != NULL)
        memset(p, 0, sizeof *p);
    for (uint32_t l = 0; status == TKT_DONE && l < part->leaves; l++) {
        tkt__reader_list *list = &part->leaf[l].reader;
        status = tkt__reader_seek(list, from > 0 ? from : 1);
        if (status == TKT_DONE)
            status = list->bits != NULL ? add_bits(s, p, list, to) : add_array(s, p, list, to);
    }
    part->pages = p;
    return status;
}

uint32_t tkt__pages_next(const struct tkt__pages *p, uint32_t from)
{
    uint32_t window = from >> TKT__WINDOW_BITS, first = from & (TKT__WINDOW - 1);
    for (uint32_t day = from >> TKT__SLOT_BITS; day < TKT__DAY_END; day++, first = 0) {
        uint32_t w = day == from >> TKT__SLOT_BITS ? window & (DAY_WINDOWS - 1) : 0;
        for (; p->day[day] != NULL && w < DAY_WINDOWS; w++, first = 0) {
            const page *g = (*p->day[day])[w];
            for (uint32_t i = first >> 6; g != NULL && i < g->used; i++, first = 0) {
                uint64_t word = g->bits.w[i] & (UINT64_MAX << (first & 63));
                if (word != 0)
                    return (day << TKT__SLOT_BITS) + (w << TKT__WINDOW_BITS) + i * 64 + (uint32_t)__builtin_ctzll(word);
            }
        }
    }
    return TKT__DOC_END;
}

uint32_t tkt__pages_fill(const struct tkt__pages *p, uint32_t base, uint32_t words, tkt__bits *out)
{
    uint32_t day = base >> TKT__SLOT_BITS;
    const page *g = p->day[day] != NULL ? (*p->day[day])[base >> TKT__WINDOW_BITS & (DAY_WINDOWS - 1)] : NULL;
    if (g == NULL)
        return 0;
    words = g->used < words ? g->used : words;
    for (uint32_t i = 0; i < words; i++)
        out->w[i] |= g->bits.w[i];
    return words;
}
