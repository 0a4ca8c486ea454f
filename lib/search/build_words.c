/* SPDX-License-Identifier: MIT
 *
 * search/build_words.c: the rows NEAR_WORD of all words, in the order of their keys. The remainders of a share of
 * the hashes are made, sorted and written, then those of the next share: memory stays bounded, and a word's
 * remainders are made anew for each share.
 */
#include "search/build.h"
#include "search/near.h"

#include <stdlib.h>

#define STEP_LEAST (UINT64_C(1) << 14) /* hashes of a share */
#define ROW_LEAST 300u /* bytes that are worth a row */
#define WORD_BITS (32 - TKT__NEAR_GONE_BITS)

/* A remainder: hash, number of its word, what is gone of it; in this order. */
typedef uint64_t filed;

static uint32_t hash_of(filed f) { return (uint32_t)(f >> 32); }
static uint32_t word_of(filed f) { return (uint32_t)f >> TKT__NEAR_GONE_BITS; }
static uint32_t gone_of(filed f) { return (uint32_t)f & ((1u << TKT__NEAR_GONE_BITS) - 1); }

typedef struct share {
    filed *item;
    size_t n, room;
} share;

static int compare(const void *a, const void *b)
{
    filed x = *(const filed *)a, y = *(const filed *)b;
    return (x > y) - (x < y);
}

/* The row under way: whole groups, then the one that grows. */
typedef struct words_row {
    tkt__build *b;
    uint32_t hash, part;   /* of the group that grows; rows of its own that it already has */
    uint32_t before;       /* hash of the last whole group */
    size_t group, n;       /* where it begins; bytes */
    uint8_t bytes[TKT__NEAR_ROW_MOST];
} words_row;

static int32_t append(const words_row *w, uint32_t fence, uint32_t part, size_t n)
{
    uint8_t key[TKT__NEAR_KEY_BYTES];
    tkt__near_row_key(fence, part, key);
    return w->b->ops->bulk_append(w->b->bulk, TKT__T_NEAR_WORD, tkt__slice_of(key, sizeof key),
                                  tkt__slice_of(w->bytes, n));
}

/* What a row takes: as much as what is begun on disk has room for, if that is worth it. */
static size_t row_most(const words_row *w)
{
    uint32_t room = w->b->ops->bulk_room(w->b->bulk, TKT__T_NEAR_WORD);
    size_t most = room > TKT__NEAR_KEY_BYTES ? room - TKT__NEAR_KEY_BYTES : 0;
    return most < ROW_LEAST || most > TKT__NEAR_ROW_MOST ? TKT__NEAR_ROW_MOST : most;
}

/* The row is full: whole groups go, or, if there is none, what there is of the one that grows. */
static int32_t make_room(words_row *w)
{
    int32_t status;
    if (w->group > 0) {
        status = append(w, w->before, 0, w->group);
        memmove(w->bytes, w->bytes + w->group, w->n - w->group);
        w->n -= w->group;
        w->group = 0;
        return status;
    }
    tkt__near_group_head(w->bytes, w->hash, (uint32_t)(w->n - TKT__NEAR_GROUP_HEAD));
    status = append(w, w->hash, w->part++, w->n);
    w->n = TKT__NEAR_GROUP_HEAD;
    return status;
}

static int32_t put_entry(words_row *w, const uint8_t *entry, size_t n)
{
    int32_t status = TKT_DONE;
    if (w->part >= TKT__NEAR_PARTS_MOST)
        return TKT_DONE;
    while (status == TKT_DONE && w->n + n > row_most(w) && (w->group > 0 || w->n > TKT__NEAR_GROUP_HEAD))
        status = make_room(w);
    if (status != TKT_DONE || w->part >= TKT__NEAR_PARTS_MOST)
        return status;
    memcpy(w->bytes + w->n, entry, n);
    w->n += n;
    return TKT_DONE;
}

/* A group with parts keeps its last row to itself. */
static int32_t end_group(words_row *w)
{
    int32_t status = TKT_DONE;
    size_t bytes = w->n - w->group - TKT__NEAR_GROUP_HEAD;
    if (bytes == 0) {
        w->n = w->group;
        return TKT_DONE;
    }
    tkt__near_group_head(w->bytes + w->group, w->hash, (uint32_t)bytes);
    w->before = w->hash;
    w->group = w->n;
    if (w->part > 0) {
        status = append(w, w->hash, w->part, w->n);
        w->n = w->group = 0;
    }
    return status;
}

static int32_t begin_group(words_row *w, uint32_t hash)
{
    int32_t status = TKT_DONE;
    if (w->n + TKT__NEAR_GROUP_HEAD > TKT__NEAR_ROW_MOST) {
        status = append(w, w->before, 0, w->n);
        w->n = 0;
    }
    w->group = w->n;
    w->hash = hash;
    w->part = 0;
    w->n += TKT__NEAR_GROUP_HEAD;
    return status;
}

static int32_t write_share(tkt__build *b, const tkt__word_set *words, share *s)
{
    words_row w = { .b = b };
    int32_t status = TKT_DONE;
    if (s->n > 0)
        qsort(s->item, s->n, sizeof *s->item, compare);
    for (size_t i = 0; status == TKT_DONE && i < s->n;) {
        uint32_t hash = hash_of(s->item[i]);
        status = begin_group(&w, hash);
        for (; status == TKT_DONE && i < s->n && hash_of(s->item[i]) == hash; i++) {
            uint8_t entry[TKT__NEAR_ENTRY_BYTES];
            const uint8_t *word = words->word[word_of(s->item[i])];
            status = put_entry(&w, entry, tkt__near_entry(gone_of(s->item[i]), word + 1, word[0], entry));
        }
        if (status == TKT_DONE)
            status = end_group(&w);
    }
    if (status == TKT_DONE && w.n > 0)
        status = append(&w, w.before, 0, w.n);
    s->n = 0;
    return status;
}

/* Remainders with hashes from…to−1 of every word. False: more than the share holds. */
static bool gather_share(const tkt__word_set *words, share *s, uint64_t from, uint64_t to)
{
    tkt__near_key key;
    for (uint64_t i = 0; i < words->n; i++) {
        tkt__near_file_keys(words->word[i] + 1, words->word[i][0], &key);
        for (uint32_t k = 0; k < key.n; k++) {
            const tkt__remainder *r = &key.remainder[k];
            if (r->hash < from || r->hash >= to)
                continue;
            if (s->n == s->room)
                return false;
            s->item[s->n++] = (filed)r->hash << 32 | i << TKT__NEAR_GONE_BITS | r->gone;
        }
    }
    return true;
}

int32_t tkt__build_words(tkt__build *b, const tkt__word_set *words)
{
    const uint64_t end = UINT64_C(1) << 32;
    share s = { NULL, 0, 0 };
    int32_t status = TKT_DONE;
    if (words->n >> WORD_BITS != 0)
        return tkt__fail(TKT_E_LIMIT, "the index has too many words");
    uint64_t memory = b->options.memory_bytes / sizeof(filed), all = words->n * TKT__NEAR_KEYS + 1;
    s.room = (size_t)(memory < all ? memory : all);
    s.item = tkt__alloc(b->hooks, s.room * sizeof *s.item);
    if (s.item == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory to file words");
    uint64_t step = all <= s.room ? end : end / (all / s.room + 1);
    step = step < STEP_LEAST ? STEP_LEAST : step;
    for (uint64_t from = 0; status == TKT_DONE && from < end;) {
        uint64_t to = from + step < end ? from + step : end;
        bool fits = gather_share(words, &s, from, to);
        if (!fits && step > STEP_LEAST) { /* hashes are not that even: take less */
            s.n = 0;
            step /= 2;
            continue;
        }
        status = fits ? write_share(b, words, &s) : tkt__fail(TKT_E_NOMEM, "no memory to file words");
        from = to;
    }
    tkt__free(b->hooks, s.item, s.room * sizeof *s.item);
    return status;
}
