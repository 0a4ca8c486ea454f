/* SPDX-License-Identifier: MIT
 *
 * search/build_words.c: the rows NEAR_WORD of all words, in the order of their keys. The remainders of a share of
 * the hashes are made, sorted and written, then those of the next share: memory stays bounded, and a word's
 * remainders are made anew for each share.
 */
#include "search/build.h"
#include "search/near.h"

#include <stdlib.h>

#define BUCKET (UINT64_C(1) << TKT__NEAR_TAG_BITS) /* hashes of one row */
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

/* The entries of one hash; *size: bytes of the row so far. Returns how many items it took. */
static size_t write_group(const tkt__word_set *words, const filed *item, size_t n, uint8_t *row, size_t *size)
{
    uint8_t entry[TKT__NEAR_ENTRY_BYTES];
    size_t head = *size, end = head + TKT__NEAR_GROUP_HEAD, i = 0;
    uint32_t hash = hash_of(item[0]);
    for (; i < n && hash_of(item[i]) == hash; i++) {
        const uint8_t *word = words->word[word_of(item[i])];
        size_t length = tkt__near_entry(gone_of(item[i]), word + 1, word[0], entry);
        if (end + TKT__NEAR_GROUP_HEAD + length > TKT__NEAR_ROW_BYTES)
            continue;
        memcpy(row + end, entry, length);
        end += length;
    }
    if (end == head + TKT__NEAR_GROUP_HEAD)
        return i;
    tkt__near_group_head(row + head, tkt__near_tag(hash), (uint32_t)(end - head - TKT__NEAR_GROUP_HEAD));
    *size = end;
    return i;
}

/* Items of one bucket into one row. */
static int32_t write_row(tkt__build *b, const tkt__word_set *words, const filed *item, size_t n, uint8_t *row)
{
    uint8_t key[3];
    size_t size = 0;
    for (size_t i = 0; i < n;)
        i += write_group(words, item + i, n - i, row, &size);
    tkt__near_row_key(tkt__near_bucket(hash_of(*item)), key);
    return b->ops->bulk_append(b->bulk, TKT__T_NEAR_WORD, tkt__slice_of(key, sizeof key), tkt__slice_of(row, size));
}

/* The share ends where a bucket does. */
static int32_t write_share(tkt__build *b, const tkt__word_set *words, share *s)
{
    uint8_t *row = tkt__alloc(b->hooks, TKT__NEAR_ROW_BYTES);
    int32_t status = row != NULL ? TKT_DONE : tkt__fail(TKT_E_NOMEM, "no memory to file words");
    if (s->n > 0)
        qsort(s->item, s->n, sizeof *s->item, compare);
    for (size_t i = 0, n; status == TKT_DONE && i < s->n; i += n) {
        uint32_t bucket = tkt__near_bucket(hash_of(s->item[i]));
        for (n = 1; i + n < s->n && tkt__near_bucket(hash_of(s->item[i + n])) == bucket;)
            n++;
        status = write_row(b, words, s->item + i, n, row);
    }
    tkt__free(b->hooks, row, TKT__NEAR_ROW_BYTES);
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
    uint64_t step = all <= s.room ? end : end / (all / s.room + 1) / BUCKET * BUCKET;
    step = step < BUCKET ? BUCKET : step;
    for (uint64_t from = 0; status == TKT_DONE && from < end;) {
        uint64_t to = from + step < end ? from + step : end;
        bool fits = gather_share(words, &s, from, to);
        if (!fits && step > BUCKET) { /* hashes are not that even: take less */
            s.n = 0;
            step = step / 2 / BUCKET * BUCKET;
            continue;
        }
        status = fits ? write_share(b, words, &s) : tkt__fail(TKT_E_NOMEM, "no memory to file words");
        from = to;
    }
    tkt__free(b->hooks, s.item, s.room * sizeof *s.item);
    return status;
}
