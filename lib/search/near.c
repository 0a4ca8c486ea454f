/* SPDX-License-Identifier: MIT
 *
 * search/near.c: words a typo away, by deletion neighbourhoods: a word is filed under itself and under
 * what is left of its first 6 characters without one or two of them; a misspelt word is looked up under
 * the same of its own. Two words at distance d share at least one such remainder (W. Garbe's symmetric
 * delete, with its prefix form), so this finds every candidate; the distance itself decides.
 *
 * Rows
 *   NEAR_WORD be24 bucket (the upper 18 bits of the hash) → entries, ascending: be16 tag (the lower 14), u8
 *             length, the word
 *   SEARCH    'p' event → words not filed yet, for an event may bring more words than one body may write
 *             rows for
 * Entries of words that are gone stay until the index is built anew: whoever reads them looks the word up.
 */
#include "search/search.h"

#include <xxhash.h>

#define PREFIX 6u
#define AT_ONCE 8u     /* words of one body that are filed at once */
#define SLICE 40u      /* words filed by one body of a tick */

bool tkt__near_word(const uint8_t *p, uint32_t n)
{
    uint32_t chars = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (p[i] >= '0' && p[i] <= '9')
            return false;
        chars += (p[i] & 0xc0) != 0x80;
    }
    return chars >= 4 && p[0] > TKT__NS_LAST;
}

static uint32_t hash_of(const uint32_t *c, uint32_t n, uint32_t skip1, uint32_t skip2)
{
    uint8_t bytes[4 * PREFIX];
    uint32_t used = 0;
    for (uint32_t i = 0; i < n; i++)
        if (i != skip1 && i != skip2) {
            tkt__be32(bytes + 4 * used, c[i]);
            used++;
        }
    return (uint32_t)XXH3_64bits(bytes, 4 * (size_t)used);
}

static uint32_t add_key(uint32_t *keys, uint32_t n, uint32_t key)
{
    for (uint32_t i = 0; i < n; i++)
        if (keys[i] == key)
            return n;
    keys[n] = key;
    return n + 1;
}

uint32_t tkt__near_keys(const uint8_t *p, uint32_t n, uint32_t deletions, uint32_t keys[TKT__NEAR_KEYS])
{
    uint32_t c[TKT__WORD_MAX], length = tkt__word_chars(p, n, c), count = 0;
    if (length > PREFIX)
        length = PREFIX;
    count = add_key(keys, count, hash_of(c, length, UINT32_MAX, UINT32_MAX));
    for (uint32_t i = 0; deletions > 0 && i < length; i++) {
        count = add_key(keys, count, hash_of(c, length, i, UINT32_MAX));
        for (uint32_t k = i + 1; deletions > 1 && k < length; k++)
            count = add_key(keys, count, hash_of(c, length, i, k));
    }
    return count;
}

/* ---- rows --------------------------------------------------------------------------------------------------- */

uint32_t tkt__near_bucket(uint32_t hash) { return hash >> TKT__NEAR_TAG_BITS; }
static uint32_t tag_of(uint32_t hash) { return hash & ((1u << TKT__NEAR_TAG_BITS) - 1); }

void tkt__near_row_key(uint32_t bucket, uint8_t key[3])
{
    key[0] = (uint8_t)(bucket >> 16);
    key[1] = (uint8_t)(bucket >> 8);
    key[2] = (uint8_t)bucket;
}

size_t tkt__near_entry(uint32_t hash, const uint8_t *p, uint32_t n, uint8_t out[3 + TKT__WORD_MAX])
{
    out[0] = (uint8_t)(tag_of(hash) >> 8);
    out[1] = (uint8_t)tag_of(hash);
    out[2] = (uint8_t)n;
    memcpy(out + 3, p, n);
    return 3 + (size_t)n;
}

/* The entry at `at`; false at the end. *bad: the row is malformed. */
static bool entry_at(tkt__slice row, size_t at, tkt__slice *entry, bool *bad)
{
    *bad = at < row.n && (row.n - at < 4 || row.p[at + 2] == 0 || row.p[at + 2] > TKT__WORD_MAX ||
                          row.n - at - 3 < row.p[at + 2]);
    if (at >= row.n || *bad)
        return false;
    *entry = tkt__slice_of(row.p + at, 3 + (size_t)row.p[at + 2]);
    return true;
}

static int32_t malformed(void) { return tkt__fail(TKT_E_CORRUPT, "a row of words by their rest is malformed"); }

static int32_t row_get(tkt__tx *tx, uint32_t hash, uint8_t key[3], tkt__slice *row)
{
    tkt__near_row_key(tkt__near_bucket(hash), key);
    int32_t status = tkt__tx_get(tx, TKT__T_NEAR_WORD, tkt__slice_of(key, 3), row);
    if (status == TKT_NOT_FOUND)
        *row = tkt__slice_of("", 0);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

/* Where an entry stands in its row, or would. */
static int32_t place_of(tkt__slice row, tkt__slice entry, size_t *place, bool *there)
{
    tkt__slice other;
    bool bad;
    *there = false;
    for (*place = 0; entry_at(row, *place, &other, &bad); *place += other.n) {
        int order = tkt__slice_compare(other, entry);
        *there = order == 0;
        if (order >= 0)
            return TKT_DONE;
    }
    return bad ? malformed() : TKT_DONE;
}

static int32_t file_key(tkt__tx *tx, uint32_t hash, const uint8_t *p, uint32_t n)
{
    uint8_t key[3], entry[3 + TKT__WORD_MAX];
    tkt__slice row, e = tkt__slice_of(entry, tkt__near_entry(hash, p, n, entry));
    size_t place = 0;
    bool there = false;
    int32_t status = row_get(tx, hash, key, &row);
    if (status == TKT_DONE)
        status = place_of(row, e, &place, &there);
    if (status != TKT_DONE || there || row.n + e.n > TKT__NEAR_ROW_BYTES)
        return status; /* a bucket that is full: its later words are corrected by their other keys */
    uint8_t *grown = tkt__tx_memory(tx, row.n + e.n);
    if (grown == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory to file a word");
    memcpy(grown, row.p, place);
    memcpy(grown + place, e.p, e.n);
    memcpy(grown + place + e.n, row.p + place, row.n - place);
    return tkt__tx_put(tx, TKT__T_NEAR_WORD, tkt__slice_of(key, sizeof key), tkt__slice_of(grown, row.n + e.n));
}

uint32_t tkt__near_file_keys(const uint8_t *p, uint32_t n, uint32_t keys[TKT__NEAR_KEYS])
{
    uint32_t chars[TKT__WORD_MAX];
    return tkt__near_keys(p, n, tkt__word_chars(p, n, chars) >= TKT__NEAR_DEEP ? 2 : 1, keys);
}

int32_t tkt__near_file(tkt__tx *tx, const uint8_t *p, uint32_t n)
{
    uint32_t keys[TKT__NEAR_KEYS], count = tkt__near_file_keys(p, n, keys);
    int32_t status = TKT_DONE;
    for (uint32_t i = 0; status == TKT_DONE && i < count; i++)
        status = file_key(tx, keys[i], p, n);
    return status;
}

int32_t tkt__near_is_filed(tkt__tx *tx, const uint8_t *p, uint32_t n, bool *filed)
{
    uint32_t keys[TKT__NEAR_KEYS], count = tkt__near_file_keys(p, n, keys);
    int32_t status = TKT_DONE;
    *filed = true;
    for (uint32_t i = 0; status == TKT_DONE && *filed && i < count; i++) {
        uint8_t key[3], entry[3 + TKT__WORD_MAX];
        tkt__slice row, e = tkt__slice_of(entry, tkt__near_entry(keys[i], p, n, entry));
        size_t place;
        status = row_get(tx, keys[i], key, &row);
        if (status == TKT_DONE)
            status = place_of(row, e, &place, filed);
        *filed = *filed || row.n + e.n > TKT__NEAR_ROW_BYTES;
    }
    return status;
}

int32_t tkt__near_find(tkt__tx *tx, uint32_t hash, tkt__near_fn fn, void *user)
{
    uint8_t key[3];
    tkt__slice row, entry;
    uint32_t tag = tag_of(hash);
    bool bad = false;
    int32_t status = row_get(tx, hash, key, &row);
    for (size_t at = 0; status == TKT_DONE && entry_at(row, at, &entry, &bad); at += entry.n) {
        uint32_t here = (uint32_t)entry.p[0] << 8 | entry.p[1];
        if (here > tag)
            break;
        if (here == tag)
            status = fn(user, tkt__slice_of(entry.p + 3, entry.n - 3));
    }
    return status == TKT_DONE && bad ? malformed() : status;
}

/* ---- fresh words of an event ------------------------------------------------------------------------ */

static void waiting_key(uint64_t event, uint8_t key[9])
{
    key[0] = 'p';
    tkt__be64(key + 1, event);
}

static int32_t leave_waiting(tkt__tx *tx, uint64_t event, const tkt__term *const *words, uint32_t n)
{
    uint8_t key[9], bytes[2 * TKT__EVENT_WORDS * (TKT__WORD_MAX + 1)];
    tkt__slice old;
    waiting_key(event, key);
    tkt__slice k = tkt__slice_of(key, sizeof key);
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    int32_t status = tkt__tx_get(tx, TKT__T_SEARCH, k, &old);
    if (status != TKT_DONE && status != TKT_NOT_FOUND)
        return status;
    if (status == TKT_DONE && old.n <= sizeof bytes / 2)
        tkt__put_bytes(&w, old.p, old.n);
    for (uint32_t i = 0; i < n; i++)
        if (tkt__near_word(words[i]->p, words[i]->n)) {
            tkt__put_u8(&w, (uint8_t)words[i]->n);
            tkt__put_bytes(&w, words[i]->p, words[i]->n);
        }
    return w.n == 0 ? TKT_DONE : tkt__tx_put(tx, TKT__T_SEARCH, k, tkt__slice_of(bytes, w.n));
}

int32_t tkt__near_note(tkt__tx *tx, uint64_t event, const tkt__term *const *words, uint32_t n)
{
    uint32_t count = 0;
    int32_t status = TKT_DONE;
    for (uint32_t i = 0; i < n; i++)
        count += tkt__near_word(words[i]->p, words[i]->n);
    if (count > AT_ONCE)
        return leave_waiting(tx, event, words, n);
    for (uint32_t i = 0; status == TKT_DONE && i < n; i++)
        if (tkt__near_word(words[i]->p, words[i]->n))
            status = tkt__near_file(tx, words[i]->p, words[i]->n);
    return status;
}

typedef struct sought {
    tkt__slice word, row;
} sought;

static int32_t look_in_row(void *user, tkt__slice key, tkt__slice value)
{
    sought *s = user;
    tkt__reader r = tkt__reader_of(value);
    (void)key;
    while (r.p != r.end && !r.bad) {
        tkt__slice word = tkt__get_bytes(&r, tkt__get_u8(&r));
        if (!r.bad && word.n == s->word.n && memcmp(word.p, s->word.p, word.n) == 0) {
            s->row = value;
            return TKT_EXISTS;
        }
    }
    return r.bad ? tkt__fail(TKT_E_CORRUPT, "words that wait to be filed are malformed") : TKT_DONE;
}

int32_t tkt__near_waiting(tkt__tx *tx, tkt__slice word, tkt__slice *row)
{
    sought s = { .word = word };
    int32_t status = tkt__scan(tx, TKT__T_SEARCH, tkt__slice_of("p", 1), look_in_row, &s);
    *row = s.row;
    return status == TKT_EXISTS ? TKT_DONE : status == TKT_DONE ? TKT_NOT_FOUND : status;
}

/* ---- by and by ----------------------------------------------------------------------------------------- */

/* Files up to SLICE words of the first event that has some. TKT_NOT_FOUND: none wait. */
static int32_t tick_body(tkt__tx *tx, void *ctx)
{
    uint32_t *filed = ctx;
    tkt__cursor *cursor;
    tkt__slice k, v;
    uint8_t key[9];
    *filed = 0;
    int32_t status = tkt__tx_cursor_open(tx, TKT__T_SEARCH, &cursor);
    if (status != TKT_DONE)
        return status;
    status = tkt__cursor_seek(cursor, tkt__slice_of("p", 1), &k, &v);
    bool there = status == TKT_DONE && k.n == sizeof key && k.p[0] == 'p';
    if (there)
        memcpy(key, k.p, sizeof key);
    tkt__cursor_close(cursor);
    if (!there)
        return status < 0 ? status : TKT_NOT_FOUND;
    tkt__reader r = tkt__reader_of(v);
    status = TKT_DONE;
    while (status == TKT_DONE && r.p != r.end && *filed < SLICE) {
        uint8_t n = tkt__get_u8(&r);
        tkt__slice word = tkt__get_bytes(&r, n);
        if (r.bad || n == 0 || n > TKT__WORD_MAX)
            return tkt__fail(TKT_E_CORRUPT, "words that wait to be filed are malformed");
        status = tkt__near_file(tx, word.p, n);
        (*filed)++;
    }
    if (status != TKT_DONE)
        return status;
    tkt__slice row = tkt__slice_of(key, sizeof key);
    return r.p == r.end ? tkt__tx_del(tx, TKT__T_SEARCH, row)
                        : tkt__tx_put(tx, TKT__T_SEARCH, row, tkt__slice_of(r.p, (size_t)(r.end - r.p)));
}

static int32_t any_waiting(tkt__tx *tx, void *ctx)
{
    tkt__cursor *cursor;
    tkt__slice k, v;
    (void)ctx;
    int32_t status = tkt__tx_cursor_open(tx, TKT__T_SEARCH, &cursor);
    if (status != TKT_DONE)
        return status;
    status = tkt__cursor_seek(cursor, tkt__slice_of("p", 1), &k, &v);
    bool there = status == TKT_DONE && k.n == 9 && k.p[0] == 'p';
    tkt__cursor_close(cursor);
    return there ? TKT_DONE : status < 0 ? status : TKT_NOT_FOUND;
}

int32_t tkt__near_tick(tkt_store *store, uint32_t most, uint32_t *done)
{
    const tkt__guard guard = { TKT__G_CATALOG, 0 };
    int32_t status = tkt__store_look(store, any_waiting, NULL);
    while (status == TKT_DONE && *done < most) {
        uint32_t filed;
        status = tkt__store_run(store, &guard, 1, 0, tick_body, &filed);
        *done += status == TKT_DONE ? filed : 0;
    }
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}
