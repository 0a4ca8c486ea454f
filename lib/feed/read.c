/* SPDX-License-Identifier: MIT
 *
 * feed/read.c: the feed read by sequence, and of the whole store in the order of its commits.
 *
 * Sequence: FEED rows guard(9) seq(8), ascending. Whole store: each commit left a DISCOVERY row epoch(8) stamp(8)
 * guard(9) → u64 seq, u32 n for every guard it touched: the guard's last record, and how many of them were the
 * commit's. A cursor is such a key and the last record that was given: be64 epoch, be64 stamp, guard(9), be64 seq.
 * Rows of stores before 0.1 have no value: what they tell is not in the feed of the whole store.
 * Reads only; a crash leaves nothing here.
 */
#include "feed/feed.h"

#define FEED_KEY (TKT__GUARD_BYTES + 8)
#define DISCOVERY_KEY (16 + TKT__GUARD_BYTES)
#define DISCOVERY_VALUE 12

_Static_assert(TKT_FEED_CURSOR_BYTES == DISCOVERY_KEY + 8, "a cursor is a discovery key and a sequence number");

/* ---- one sequence ------------------------------------------------------------------------------------------- */

static int32_t guard_in(uint32_t scope, uint64_t owner, tkt__guard *guard)
{
    static const uint8_t kinds[] = { 0, TKT__G_EVENT, TKT__G_CATALOG, TKT__G_USER, TKT__G_STORE };
    bool owned = scope == TKT_FEED_EVENT || scope == TKT_FEED_USER;
    if (scope < TKT_FEED_EVENT || scope > TKT_FEED_STORE)
        return tkt__fail(TKT_E_INVALID, "scope %u is none of TKT_FEED_…", scope);
    if (owned ? owner == 0 || owner > TKT__ID_MAX : owner != 0)
        return tkt__fail(TKT_E_INVALID, owned ? "a sequence of an event or user needs its id" : "this sequence has no owner");
    *guard = (tkt__guard){ kinds[scope], owner };
    return TKT_DONE;
}

static int32_t room_in(tkt_snapshot *snapshot, const tkt_change *changes, uint32_t cap, uint32_t *count, tkt__tx **tx)
{
    if (changes == NULL || count == NULL || cap == 0 || cap > TKT_FEED_PAGE_MAX)
        return tkt__fail(TKT_E_INVALID, "changes, count and a cap of 1 to %u are needed", TKT_FEED_PAGE_MAX);
    return tkt__snapshot_tx(snapshot, tx);
}

/* Records first … last of a guard into changes from *count on, until cap. */
static int32_t take(tkt__tx *tx, tkt__guard guard, uint64_t first, uint64_t last, tkt_change *changes, uint32_t cap,
                    uint32_t *count)
{
    uint8_t key[FEED_KEY];
    tkt__cursor *cursor;
    tkt__slice k, v;
    if (first > last || *count == cap)
        return TKT_DONE;
    int32_t status = tkt__tx_cursor_open(tx, TKT__T_FEED, &cursor);
    if (status != TKT_DONE)
        return status;
    tkt__guard_key(guard, key);
    tkt__be64(key + TKT__GUARD_BYTES, first);
    status = tkt__cursor_seek(cursor, tkt__slice_of(key, sizeof key), &k, &v);
    while (status == TKT_DONE && k.n == FEED_KEY && memcmp(k.p, key, TKT__GUARD_BYTES) == 0 &&
           tkt__get_be64(k.p + TKT__GUARD_BYTES) <= last) {
        status = tkt__change_decode(tx, k, v, &changes[*count]);
        if (status != TKT_DONE || ++*count == cap)
            break;
        status = tkt__cursor_next(cursor, &k, &v);
    }
    tkt__cursor_close(cursor);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

int32_t tkt_feed_sequence(tkt_snapshot *snapshot, uint32_t scope, uint64_t owner, uint64_t after_seq, tkt_change *changes,
                          uint32_t cap, uint32_t *count)
{
    tkt__tx *tx;
    tkt__guard guard = { 0, 0 };
    uint32_t n = 0;
    int32_t status = room_in(snapshot, changes, cap, count, &tx);
    if (status == TKT_DONE)
        status = guard_in(scope, owner, &guard);
    if (status == TKT_DONE && after_seq < UINT64_MAX)
        status = take(tx, guard, after_seq + 1, UINT64_MAX, changes, cap, &n);
    if (status == TKT_DONE)
        *count = n;
    return status;
}

/* ---- the whole store ------------------------------------------------------------------------------------------- */

/* Whether the cursor is of this store's history. One of an epoch before is, where its very row came along with the
 * copy that the store was restored from: whatever the lost store did after that copy has later stamps. */
static int32_t cursor_in(const tkt_snapshot *snapshot, tkt__tx *tx, const tkt_feed_cursor *cursor)
{
    tkt__slice row;
    uint64_t epoch = cursor != NULL ? tkt__get_be64(cursor->bytes) : 0;
    if (cursor == NULL)
        return tkt__fail(TKT_E_INVALID, "cursor is NULL");
    if (tkt__is_zero(cursor->bytes, sizeof cursor->bytes) || epoch == snapshot->store->epoch)
        return TKT_DONE;
    if (epoch == 0 || epoch > snapshot->store->epoch)
        return tkt__fail(TKT_E_INVALID, "this is no cursor of this store's feed");
    int32_t status = tkt__tx_get(tx, TKT__T_DISCOVERY, tkt__slice_of(cursor->bytes, DISCOVERY_KEY), &row);
    return status == TKT_NOT_FOUND
               ? tkt__fail(TKT_E_FENCED, "the store went back in time since: begin again with a snapshot")
               : status;
}

/* The records that a discovery row tells of, as far as there is room; the cursor follows. */
static int32_t take_row(tkt__tx *tx, tkt__slice key, tkt__slice value, tkt_feed_cursor *at, tkt_change *changes, uint32_t cap,
                        uint32_t *count)
{
    tkt__reader r = tkt__reader_of(value);
    uint64_t last = tkt__get_u64(&r), n = tkt__get_u32(&r);
    const tkt__guard guard = { key.p[16], tkt__get_be64(key.p + 17) };
    uint32_t before = *count;
    if (value.n != DISCOVERY_VALUE)
        last = n = 0; /* tells nothing */
    if (n > last)
        return tkt__fail(TKT_E_CORRUPT, "a commit of guard %c:%llu has more records than there are", guard.kind,
                         (unsigned long long)guard.id);
    uint64_t first = last - n + 1;
    if (memcmp(at->bytes, key.p, DISCOVERY_KEY) == 0) {
        uint64_t given = tkt__get_be64(at->bytes + DISCOVERY_KEY);
        if (given >= last)
            return TKT_DONE;
        if (given >= first)
            first = given + 1;
    }
    int32_t status = n > 0 ? take(tx, guard, first, last, changes, cap, count) : TKT_DONE;
    if (status != TKT_DONE)
        return status;
    memcpy(at->bytes, key.p, DISCOVERY_KEY);
    tkt__be64(at->bytes + DISCOVERY_KEY, *count > before ? changes[*count - 1].seq : last);
    return TKT_DONE;
}

int32_t tkt_feed_read(tkt_snapshot *snapshot, tkt_feed_cursor *cursor, tkt_change *changes, uint32_t cap, uint32_t *count)
{
    tkt__tx *tx;
    tkt__cursor *rows;
    tkt__slice k, v;
    uint32_t n = 0;
    int32_t status = room_in(snapshot, changes, cap, count, &tx);
    if (status == TKT_DONE)
        status = cursor_in(snapshot, tx, cursor);
    if (status == TKT_DONE)
        status = tkt__tx_cursor_open(tx, TKT__T_DISCOVERY, &rows);
    if (status != TKT_DONE)
        return status;
    tkt_feed_cursor at = *cursor;
    status = tkt__cursor_seek(rows, tkt__slice_of(at.bytes, DISCOVERY_KEY), &k, &v);
    while (status == TKT_DONE && n < cap) {
        if (k.n != DISCOVERY_KEY)
            status = tkt__fail(TKT_E_CORRUPT, "a discovery row of %zu bytes", k.n);
        if (status == TKT_DONE)
            status = take_row(tx, k, v, &at, changes, cap, &n);
        if (status == TKT_DONE && n < cap)
            status = tkt__cursor_next(rows, &k, &v);
    }
    tkt__cursor_close(rows);
    if (status != TKT_DONE && status != TKT_NOT_FOUND)
        return status;
    *cursor = at;
    *count = n;
    return TKT_DONE;
}

int32_t tkt_feed_end(tkt_snapshot *snapshot, tkt_feed_cursor *cursor)
{
    tkt__tx *tx;
    tkt__cursor *rows;
    tkt__slice k, v;
    tkt_feed_cursor at = { { 0 } };
    if (cursor == NULL)
        return tkt__fail(TKT_E_INVALID, "cursor is NULL");
    int32_t status = tkt__snapshot_tx(snapshot, &tx);
    if (status == TKT_DONE)
        status = tkt__tx_cursor_open(tx, TKT__T_DISCOVERY, &rows);
    if (status != TKT_DONE)
        return status;
    status = tkt__cursor_seek_last(rows, tkt__slice_of(NULL, 0), &k, &v);
    if (status == TKT_DONE && k.n == DISCOVERY_KEY) {
        memcpy(at.bytes, k.p, DISCOVERY_KEY);
        memset(at.bytes + DISCOVERY_KEY, 0xff, 8); /* all of this row */
    }
    tkt__cursor_close(rows);
    if (status != TKT_DONE && status != TKT_NOT_FOUND)
        return status;
    *cursor = at;
    return TKT_DONE;
}

/* ---- text ---------------------------------------------------------------------------------------------------------- */

void tkt_feed_cursor_format(const tkt_feed_cursor *cursor, char text[TKT_FEED_CURSOR_TEXT])
{
    if (cursor != NULL)
        tkt__hex_format(cursor->bytes, sizeof cursor->bytes, text);
}

int32_t tkt_feed_cursor_parse(const char *text, size_t len, tkt_feed_cursor *cursor)
{
    if (text == NULL || cursor == NULL)
        return tkt__fail(TKT_E_INVALID, "text or cursor is NULL");
    return tkt__hex_parse(text, len, cursor->bytes, sizeof cursor->bytes, "a cursor of the feed");
}
