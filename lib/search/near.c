/* SPDX-License-Identifier: MIT
 *
 * search/near.c: the rows of words a typo away (near.h), and the fresh words of an event on their way there.
 *
 * Rows: NEAR_WORD; SEARCH 'p' event → words not filed yet, for an event may bring more words than one body may
 * write rows for. A crash leaves the whole body or nothing of it.
 */
#include "search/near.h"

#include <xxhash.h>

#define AT_ONCE 8u     /* words of one body that are filed at once */
#define SLICE 40u      /* words filed by one body of a tick */
#define TAIL_SHORT 7u  /* a tail of so many bytes and more has a byte for them */
#define PREFIX TKT__NEAR_PREFIX

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

/* ---- remainders ----------------------------------------------------------------------------------------- */

/* Bit i: character i is gone. Ones in the order of their numbers. */
static const uint8_t gone_bits[TKT__NEAR_GONE] = { 0, 1, 2, 4, 8, 16, 32, 3, 5, 9, 17, 33, 6, 10, 18, 34, 12, 20, 36,
                                                   24, 40, 48 };

bool tkt__near_is_gone(uint32_t gone, uint32_t i) { return (gone_bits[gone] >> i & 1) != 0; }

static uint32_t hash_of(const uint32_t *c, uint32_t n, uint32_t gone)
{
    uint8_t bytes[4 * PREFIX];
    uint32_t used = 0;
    for (uint32_t i = 0; i < n; i++)
        if (!tkt__near_is_gone(gone, i)) {
            tkt__be32(bytes + 4 * used, c[i]);
            used++;
        }
    return (uint32_t)XXH3_64bits(bytes, 4 * (size_t)used);
}

static void add_key(tkt__near_key *key, uint32_t hash, uint32_t gone)
{
    for (uint32_t i = 0; i < key->n; i++)
        if (key->remainder[i].hash == hash)
            return;
    key->remainder[key->n++] = (tkt__remainder){ hash, gone };
}

void tkt__near_keys(const uint8_t *p, uint32_t n, uint32_t deletions, tkt__near_key *key)
{
    static const uint32_t ways[3] = { 1, 1 + PREFIX, TKT__NEAR_GONE };
    key->chars = tkt__word_chars(p, n, key->c);
    key->n = 0;
    uint32_t length = key->chars < PREFIX ? key->chars : PREFIX;
    for (uint32_t gone = 0; gone < ways[deletions]; gone++)
        if (gone_bits[gone] >> length == 0)
            add_key(key, hash_of(key->c, length, gone), gone);
}

void tkt__near_file_keys(const uint8_t *p, uint32_t n, tkt__near_key *key)
{
    uint32_t chars[TKT__WORD_MAX];
    tkt__near_keys(p, n, tkt__word_chars(p, n, chars) >= TKT__NEAR_DEEP ? 2 : 1, key);
}

/* ---- entries ---------------------------------------------------------------------------------------------- */

static uint32_t char_bytes(uint8_t lead) { return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4; }

size_t tkt__near_entry(uint32_t gone, const uint8_t *p, uint32_t n, uint8_t out[TKT__NEAR_ENTRY_BYTES])
{
    uint32_t at = 0, i = 0, lost = 0;
    uint8_t chars[4 * PREFIX];
    for (; i < PREFIX && at < n; i++) {
        uint32_t bytes = char_bytes(p[at]);
        if (tkt__near_is_gone(gone, i)) {
            memcpy(chars + lost, p + at, bytes);
            lost += bytes;
        }
        at += bytes;
    }
    uint32_t tail = n - at, used = 0;
    out[used++] = (uint8_t)(gone | (tail < TAIL_SHORT ? tail : TAIL_SHORT) << TKT__NEAR_GONE_BITS);
    if (tail >= TAIL_SHORT)
        out[used++] = (uint8_t)tail;
    memcpy(out + used, chars, lost);
    memcpy(out + used + lost, p + at, tail);
    return used + (size_t)lost + tail;
}

/* Bytes of the characters at p that an entry says are gone; past the end: more than there are. */
static size_t lost_bytes(uint32_t gone, const uint8_t *p, size_t n)
{
    uint32_t chars = gone == 0 ? 0 : gone <= PREFIX ? 1 : 2;
    size_t bytes = 0;
    for (; chars > 0 && bytes < n; chars--)
        bytes += char_bytes(p[bytes]);
    return chars > 0 ? n + 1 : bytes;
}

bool tkt__near_next(tkt__slice *entries, tkt__near_part *part, bool *bad)
{
    const uint8_t *p = entries->p;
    size_t n = entries->n, tail, head = 1;
    if (n == 0)
        return false;
    part->gone = p[0] & ((1u << TKT__NEAR_GONE_BITS) - 1);
    tail = p[0] >> TKT__NEAR_GONE_BITS;
    if (tail == TAIL_SHORT && n > 1)
        tail = p[head++];
    size_t lost = part->gone < TKT__NEAR_GONE ? lost_bytes(part->gone, p + head, n - head) : n;
    if (head + lost + tail > n) {
        *bad = true;
        return false;
    }
    part->lost = tkt__slice_of(p + head, lost);
    part->tail = tkt__slice_of(p + head + lost, tail);
    *entries = tkt__slice_of(p + head + lost + tail, n - head - lost - tail);
    return true;
}

static uint32_t put_char(uint32_t c, uint8_t *out)
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    uint32_t bytes = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (uint32_t i = bytes; i-- > 1; c >>= 6)
        out[i] = (uint8_t)(0x80 | (c & 0x3f));
    out[0] = (uint8_t)((0xf00u >> bytes & 0xff) | c);
    return bytes;
}

uint32_t tkt__near_word_of(const tkt__near_key *key, uint32_t gone, const tkt__near_part *part,
                           uint8_t out[TKT__WORD_MAX])
{
    uint8_t bytes[4 * PREFIX + 8];
    uint32_t n = 0, from = 0, all = key->chars < PREFIX ? key->chars : PREFIX;
    const uint8_t *lost = part->lost.p, *end = lost + part->lost.n;
    for (uint32_t i = 0; i < PREFIX; i++) {
        if (tkt__near_is_gone(part->gone, i)) {
            uint32_t length = char_bytes(*lost);
            memcpy(bytes + n, lost, length);
            n += length;
            lost += length;
            continue;
        }
        while (from < all && tkt__near_is_gone(gone, from))
            from++;
        if (from == all) { /* a word of fewer characters ends here */
            if (lost != end || part->tail.n != 0)
                return 0;
            break;
        }
        n += put_char(key->c[from++], bytes + n);
    }
    while (from < all && tkt__near_is_gone(gone, from))
        from++;
    if (from < all || n + part->tail.n > TKT__WORD_MAX)
        return 0;
    memcpy(out, bytes, n);
    memcpy(out + n, part->tail.p, part->tail.n);
    return n + (uint32_t)part->tail.n;
}

/* ---- rows --------------------------------------------------------------------------------------------------- */

uint32_t tkt__near_bucket(uint32_t hash) { return hash >> TKT__NEAR_TAG_BITS; }
uint32_t tkt__near_tag(uint32_t hash) { return hash & ((1u << TKT__NEAR_TAG_BITS) - 1); }

void tkt__near_row_key(uint32_t bucket, uint8_t key[3])
{
    key[0] = (uint8_t)(bucket >> 16);
    key[1] = (uint8_t)(bucket >> 8);
    key[2] = (uint8_t)bucket;
}

void tkt__near_group_head(uint8_t *out, uint32_t tag, uint32_t bytes)
{
    tkt__writer w = tkt__writer_of(out, TKT__NEAR_GROUP_HEAD);
    tkt__put_u16(&w, (uint16_t)tag);
    tkt__put_u16(&w, (uint16_t)bytes);
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

/* The tag's group in its row, or where it would be: `at` its head, entries none. */
typedef struct group {
    size_t at;
    bool there;
    tkt__slice entries;
} group;

static int32_t find_group(tkt__slice row, uint32_t tag, group *g)
{
    *g = (group){ 0, false, tkt__slice_of("", 0) };
    while (g->at < row.n) {
        const uint8_t *p = row.p + g->at;
        if (row.n - g->at <= TKT__NEAR_GROUP_HEAD)
            return malformed();
        uint32_t here = p[0] | (uint32_t)p[1] << 8, bytes = p[2] | (uint32_t)p[3] << 8;
        if (bytes == 0 || row.n - g->at - TKT__NEAR_GROUP_HEAD < bytes)
            return malformed();
        if (here >= tag) {
            g->there = here == tag;
            g->entries = g->there ? tkt__slice_of(p + TKT__NEAR_GROUP_HEAD, bytes) : g->entries;
            return TKT_DONE;
        }
        g->at += TKT__NEAR_GROUP_HEAD + bytes;
    }
    return TKT_DONE;
}

static int32_t has_entry(tkt__slice entries, tkt__slice entry, bool *there)
{
    tkt__near_part part;
    bool bad = false;
    *there = false;
    for (const uint8_t *at = entries.p; !*there && tkt__near_next(&entries, &part, &bad); at = entries.p)
        *there = (size_t)(entries.p - at) == entry.n && memcmp(at, entry.p, entry.n) == 0;
    return bad ? malformed() : TKT_DONE;
}

/* A bucket that is full takes no entry more: words are found by their other remainders. */
static bool is_full(tkt__slice row, size_t entry) { return row.n + TKT__NEAR_GROUP_HEAD + entry > TKT__NEAR_ROW_BYTES; }

static int32_t file_entry(tkt__tx *tx, uint32_t hash, tkt__slice e)
{
    uint8_t key[3];
    tkt__slice row;
    group g;
    bool there = false;
    int32_t status = row_get(tx, hash, key, &row);
    if (status == TKT_DONE)
        status = find_group(row, tkt__near_tag(hash), &g);
    if (status == TKT_DONE)
        status = has_entry(g.entries, e, &there);
    if (status != TKT_DONE || there || is_full(row, e.n))
        return status;
    size_t head = g.there ? 0 : TKT__NEAR_GROUP_HEAD, end = g.at + (g.there ? TKT__NEAR_GROUP_HEAD + g.entries.n : 0);
    uint8_t *grown = tkt__tx_memory(tx, row.n + head + e.n);
    if (grown == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory to file a word");
    memcpy(grown, row.p, end);
    tkt__near_group_head(grown + g.at, tkt__near_tag(hash), (uint32_t)(g.entries.n + e.n));
    memcpy(grown + end + head, e.p, e.n);
    memcpy(grown + end + head + e.n, row.p + end, row.n - end);
    return tkt__tx_put(tx, TKT__T_NEAR_WORD, tkt__slice_of(key, sizeof key), tkt__slice_of(grown, row.n + head + e.n));
}

int32_t tkt__near_file(tkt__tx *tx, const uint8_t *p, uint32_t n)
{
    tkt__near_key key;
    uint8_t entry[TKT__NEAR_ENTRY_BYTES];
    int32_t status = TKT_DONE;
    tkt__near_file_keys(p, n, &key);
    for (uint32_t i = 0; status == TKT_DONE && i < key.n; i++)
        status = file_entry(tx, key.remainder[i].hash,
                            tkt__slice_of(entry, tkt__near_entry(key.remainder[i].gone, p, n, entry)));
    return status;
}

int32_t tkt__near_is_filed(tkt__tx *tx, const uint8_t *p, uint32_t n, bool *filed)
{
    tkt__near_key key;
    int32_t status = TKT_DONE;
    *filed = true;
    tkt__near_file_keys(p, n, &key);
    for (uint32_t i = 0; status == TKT_DONE && *filed && i < key.n; i++) {
        uint8_t row_key[3], entry[TKT__NEAR_ENTRY_BYTES];
        tkt__slice row, e = tkt__slice_of(entry, tkt__near_entry(key.remainder[i].gone, p, n, entry));
        group g;
        status = row_get(tx, key.remainder[i].hash, row_key, &row);
        if (status == TKT_DONE)
            status = find_group(row, tkt__near_tag(key.remainder[i].hash), &g);
        if (status == TKT_DONE)
            status = has_entry(g.entries, e, filed);
        *filed = *filed || (status == TKT_DONE && is_full(row, e.n));
    }
    return status;
}

int32_t tkt__near_find(tkt__tx *tx, uint32_t hash, tkt__slice *entries)
{
    uint8_t key[3];
    tkt__slice row;
    group g = { 0, false, { NULL, 0 } };
    int32_t status = row_get(tx, hash, key, &row);
    if (status == TKT_DONE)
        status = find_group(row, tkt__near_tag(hash), &g);
    *entries = g.entries;
    return status;
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
