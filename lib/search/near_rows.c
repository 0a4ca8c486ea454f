/* SPDX-License-Identifier: MIT
 *
 * search/near_rows.c: the rows of words by their remainders (near.h): found, and inside a body filed.
 *
 * Invariants: fences rise; a row's groups rise and are none of them empty; rows of one fence hold that hash alone but
 * for part 0, which may have lower ones before it. A crash leaves the whole body or nothing of it.
 */
#include "search/near.h"

static int32_t malformed(void) { return tkt__fail(TKT_E_CORRUPT, "a row of words by their rest is malformed"); }

void tkt__near_row_key(uint32_t fence, uint32_t part, uint8_t key[TKT__NEAR_KEY_BYTES])
{
    tkt__be32(key, fence);
    key[4] = (uint8_t)(part >> 8);
    key[5] = (uint8_t)part;
}

void tkt__near_group_head(uint8_t *out, uint32_t hash, uint32_t bytes)
{
    tkt__writer w = tkt__writer_of(out, TKT__NEAR_GROUP_HEAD);
    tkt__put_u32(&w, hash);
    tkt__put_u16(&w, (uint16_t)bytes);
}

/* ---- reading ------------------------------------------------------------------------------------------- */

typedef struct row {
    bool there;
    uint32_t fence, part;
    tkt__slice bytes;
} row;

static int32_t take_row(int32_t status, tkt__slice k, tkt__slice v, row *r)
{
    *r = (row){ false, UINT32_MAX, 0, tkt__slice_of("", 0) };
    if (status != TKT_DONE)
        return status == TKT_NOT_FOUND ? TKT_DONE : status;
    if (k.n != TKT__NEAR_KEY_BYTES)
        return malformed();
    *r = (row){ true, tkt__get_be32(k.p), (uint32_t)k.p[4] << 8 | k.p[5], v };
    return TKT_DONE;
}

/* The row that holds a hash, or would; of several the first. */
static int32_t seek_row(tkt__cursor *cursor, uint32_t hash, row *r)
{
    uint8_t key[TKT__NEAR_KEY_BYTES];
    tkt__slice k = { NULL, 0 }, v = { NULL, 0 };
    tkt__near_row_key(hash, 0, key);
    int32_t status = tkt__cursor_seek(cursor, tkt__slice_of(key, sizeof key), &k, &v);
    return take_row(status, k, v, r);
}

static int32_t next_row(tkt__cursor *cursor, row *r)
{
    tkt__slice k = { NULL, 0 }, v = { NULL, 0 };
    int32_t status = tkt__cursor_next(cursor, &k, &v);
    return take_row(status, k, v, r);
}

/* The hash's group in a row, or where it would be: `at` its head, entries none. */
typedef struct group {
    size_t at;
    bool there;
    tkt__slice entries;
} group;

/* Read as it lies there, and not by a reader: a look at a word passes hundreds of groups. */
static bool group_at(tkt__slice bytes, size_t at, uint32_t *hash, uint32_t *n)
{
    const uint8_t *p = bytes.p + at;
    uint32_t le32;
    uint16_t le16;
    if (bytes.n - at < TKT__NEAR_GROUP_HEAD)
        return false;
    memcpy(&le32, p, sizeof le32);
    memcpy(&le16, p + sizeof le32, sizeof le16);
    *hash = le32toh(le32);
    *n = le16toh(le16);
    return *n != 0 && bytes.n - at - TKT__NEAR_GROUP_HEAD >= *n;
}

static int32_t find_group(tkt__slice bytes, uint32_t hash, group *g)
{
    *g = (group){ 0, false, tkt__slice_of("", 0) };
    while (g->at < bytes.n) {
        uint32_t here, n;
        if (!group_at(bytes, g->at, &here, &n))
            return malformed();
        if (here >= hash) {
            g->there = here == hash;
            g->entries = g->there ? tkt__slice_of(bytes.p + g->at + TKT__NEAR_GROUP_HEAD, n) : g->entries;
            return TKT_DONE;
        }
        g->at += TKT__NEAR_GROUP_HEAD + n;
    }
    return TKT_DONE;
}

int32_t tkt__near_find(tkt__cursor *cursor, uint32_t hash, tkt__slice *entries, bool *more)
{
    row r;
    group g = { 0, false, { NULL, 0 } };
    int32_t status = seek_row(cursor, hash, &r);
    if (status == TKT_DONE)
        status = find_group(r.bytes, hash, &g);
    *entries = g.entries;
    *more = status == TKT_DONE && r.there && r.fence == hash;
    return status;
}

int32_t tkt__near_find_more(tkt__cursor *cursor, uint32_t hash, tkt__slice *entries, bool *more)
{
    row r;
    group g = { 0, false, { NULL, 0 } };
    int32_t status = next_row(cursor, &r);
    *more = status == TKT_DONE && r.there && r.fence == hash;
    if (*more)
        status = find_group(r.bytes, hash, &g);
    *entries = g.entries;
    return status;
}

static int32_t has_entry(tkt__slice entries, tkt__slice entry, bool *there)
{
    tkt__near_part part;
    bool bad = false;
    for (const uint8_t *at = entries.p; !*there && tkt__near_next(&entries, &part, &bad); at = entries.p)
        *there = (size_t)(entries.p - at) == entry.n && memcmp(at, entry.p, entry.n) == 0;
    return bad ? malformed() : TKT_DONE;
}

/* The last row of those that hold the hash, or would, and whether any has the entry. */
static int32_t look(tkt__tx *tx, uint32_t hash, tkt__slice entry, row *last, group *g, bool *there)
{
    tkt__cursor *cursor;
    row r;
    *there = false;
    int32_t status = tkt__tx_cursor_open(tx, TKT__T_NEAR_WORD, &cursor);
    if (status != TKT_DONE)
        return status;
    status = seek_row(cursor, hash, &r);
    do {
        *last = r;
        if (status == TKT_DONE)
            status = find_group(r.bytes, hash, g);
        if (status == TKT_DONE)
            status = has_entry(g->entries, entry, there);
        if (status != TKT_DONE || *there || !r.there || r.fence != hash)
            break;
        status = next_row(cursor, &r);
    } while (status == TKT_DONE && r.there && r.fence == hash);
    tkt__cursor_close(cursor);
    return status;
}

/* ---- filing ---------------------------------------------------------------------------------------------- */

static int32_t put_row(tkt__tx *tx, uint32_t fence, uint32_t part, const uint8_t *bytes, size_t n)
{
    uint8_t key[TKT__NEAR_KEY_BYTES];
    tkt__near_row_key(fence, part, key);
    tkt__slice k = tkt__slice_of(key, sizeof key);
    return n == 0 ? tkt__tx_del(tx, TKT__T_NEAR_WORD, k) : tkt__tx_put(tx, TKT__T_NEAR_WORD, k, tkt__slice_of(bytes, n));
}

/* A row that holds nothing but one entry. */
static int32_t put_alone(tkt__tx *tx, uint32_t hash, uint32_t part, tkt__slice entry)
{
    uint8_t bytes[TKT__NEAR_GROUP_HEAD + TKT__NEAR_ENTRY_BYTES];
    tkt__near_group_head(bytes, hash, (uint32_t)entry.n);
    memcpy(bytes + TKT__NEAR_GROUP_HEAD, entry.p, entry.n);
    return put_row(tx, hash, part, bytes, TKT__NEAR_GROUP_HEAD + entry.n);
}

/* Groups of a row that is too long: the first half goes into a row of its own. */
static int32_t split_row(tkt__tx *tx, const row *r, tkt__slice grown, uint32_t hash, tkt__slice entry, tkt__slice old)
{
    size_t at = 0;
    uint32_t here, n, last = 0;
    while (at < grown.n / 2 || at == 0) {
        if (!group_at(grown, at, &here, &n))
            return malformed();
        at += TKT__NEAR_GROUP_HEAD + n;
        last = here;
    }
    if (at < grown.n) {
        int32_t status = put_row(tx, last, 0, grown.p, at);
        return status == TKT_DONE ? put_row(tx, r->fence, r->part, grown.p + at, grown.n - at) : status;
    }
    /* The last group is most of it: those before it by themselves, or, without any, the entry as a part more. */
    at -= TKT__NEAR_GROUP_HEAD + n;
    if (at > 0) {
        group_at(grown, 0, &last, &n);
        for (size_t next = TKT__NEAR_GROUP_HEAD + n; next < at; next += TKT__NEAR_GROUP_HEAD + n)
            group_at(grown, next, &last, &n);
        int32_t status = put_row(tx, last, 0, grown.p, at);
        return status == TKT_DONE ? put_row(tx, r->fence, r->part, grown.p + at, grown.n - at) : status;
    }
    int32_t status = TKT_DONE;
    if (r->fence != hash) {
        status = put_row(tx, hash, r->part, old.p, old.n);
        if (status == TKT_DONE)
            status = put_row(tx, r->fence, r->part, NULL, 0);
    }
    return status == TKT_DONE ? put_alone(tx, hash, r->part + 1, entry) : status;
}

static int32_t insert(tkt__tx *tx, const row *r, const group *g, uint32_t hash, tkt__slice e)
{
    size_t head = g->there ? 0 : TKT__NEAR_GROUP_HEAD;
    size_t end = g->at + (g->there ? TKT__NEAR_GROUP_HEAD + g->entries.n : 0), n = r->bytes.n + head + e.n;
    uint8_t *grown = tkt__tx_memory(tx, n);
    if (grown == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory to file a word");
    memcpy(grown, r->bytes.p, end);
    tkt__near_group_head(grown + g->at, hash, (uint32_t)(g->entries.n + e.n));
    memcpy(grown + end + head, e.p, e.n);
    memcpy(grown + end + head + e.n, r->bytes.p + end, r->bytes.n - end);
    return n <= TKT__NEAR_ROW_MOST ? put_row(tx, r->fence, r->part, grown, n)
                                   : split_row(tx, r, tkt__slice_of(grown, n), hash, e, r->bytes);
}

/* A remainder that has very many words takes no more: words are found by their other remainders. */
static bool is_full(const row *last, uint32_t hash)
{
    return last->there && last->fence == hash && last->part + 1 >= TKT__NEAR_PARTS_MOST;
}

static int32_t file_entry(tkt__tx *tx, uint32_t hash, tkt__slice entry)
{
    row last;
    group g;
    bool there;
    int32_t status = look(tx, hash, entry, &last, &g, &there);
    return status != TKT_DONE || there || is_full(&last, hash) ? status : insert(tx, &last, &g, hash, entry);
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
        uint8_t entry[TKT__NEAR_ENTRY_BYTES];
        tkt__slice e = tkt__slice_of(entry, tkt__near_entry(key.remainder[i].gone, p, n, entry));
        row last;
        group g;
        status = look(tx, key.remainder[i].hash, e, &last, &g, filed);
        *filed = *filed || (status == TKT_DONE && is_full(&last, key.remainder[i].hash));
    }
    return status;
}
