/* SPDX-License-Identifier: MIT
 *
 * search/build_words.c: the rows NEAR_WORD of all words, in the order of their keys. The keys of a share of
 * the hashes are made, sorted and written, then those of the next share: memory stays bounded, and a word's
 * keys are made anew for each share.
 */
#include "search/build.h"

#include <stdlib.h>

#define BUCKET (UINT64_C(1) << TKT__NEAR_TAG_BITS) /* hashes of one row */

typedef struct filed {
    uint32_t hash;
    const uint8_t *word; /* u8 length, bytes */
} filed;

typedef struct share {
    filed *item;
    size_t n, room;
} share;

/* As the bytes of entries: hash, length, word. */
static int compare(const void *a, const void *b)
{
    const filed *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    int order = (int)x->word[0] - (int)y->word[0];
    return order != 0 ? order : memcmp(x->word + 1, y->word + 1, x->word[0]);
}

/* Entries of one bucket into one row. */
static int32_t write_row(tkt__build *b, const filed *item, size_t n, uint8_t *row)
{
    uint8_t key[3], entry[3 + TKT__WORD_MAX];
    size_t size = 0;
    for (size_t i = 0; i < n; i++) {
        size_t length = tkt__near_entry(item[i].hash, item[i].word + 1, item[i].word[0], entry);
        if (size + length > TKT__NEAR_ROW_BYTES || (i > 0 && compare(&item[i - 1], &item[i]) == 0))
            continue;
        memcpy(row + size, entry, length);
        size += length;
    }
    tkt__near_row_key(tkt__near_bucket(item->hash), key);
    return b->ops->bulk_append(b->bulk, TKT__T_NEAR_WORD, tkt__slice_of(key, sizeof key), tkt__slice_of(row, size));
}

/* The share ends where a bucket does. */
static int32_t write_share(tkt__build *b, share *s)
{
    uint8_t *row = tkt__alloc(b->hooks, TKT__NEAR_ROW_BYTES);
    int32_t status = row != NULL ? TKT_DONE : tkt__fail(TKT_E_NOMEM, "no memory to file words");
    if (s->n > 0)
        qsort(s->item, s->n, sizeof *s->item, compare);
    for (size_t i = 0, n; status == TKT_DONE && i < s->n; i += n) {
        for (n = 1; i + n < s->n && tkt__near_bucket(s->item[i + n].hash) == tkt__near_bucket(s->item[i].hash);)
            n++;
        status = write_row(b, s->item + i, n, row);
    }
    tkt__free(b->hooks, row, TKT__NEAR_ROW_BYTES);
    s->n = 0;
    return status;
}

/* Keys from…to−1 of every word. False: more than the share holds. */
static bool gather_share(const tkt__word_set *words, share *s, uint64_t from, uint64_t to)
{
    for (uint64_t i = 0; i < words->n; i++) {
        uint32_t keys[TKT__NEAR_KEYS], n = tkt__near_file_keys(words->word[i] + 1, words->word[i][0], keys);
        for (uint32_t k = 0; k < n; k++) {
            if (keys[k] < from || keys[k] >= to)
                continue;
            if (s->n == s->room)
                return false;
            s->item[s->n++] = (filed){ keys[k], words->word[i] };
        }
    }
    return true;
}

int32_t tkt__build_words(tkt__build *b, const tkt__word_set *words)
{
    const uint64_t end = UINT64_C(1) << 32;
    share s = { NULL, 0, 0 };
    int32_t status = TKT_DONE;
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
        status = fits ? write_share(b, &s) : tkt__fail(TKT_E_NOMEM, "no memory to file words");
        from = to;
    }
    tkt__free(b->hooks, s.item, s.room * sizeof *s.item);
    return status;
}
