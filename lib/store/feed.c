/* SPDX-License-Identifier: MIT
 *
 * store/feed.c: the change feed: every state change appends one record to its guard's own gap-free
 * sequence, in the same commit.
 *
 *   FEED  guard(9) seq(8) → kind u8, instant i64, payload (by kind: store.h, docs/format.md)
 *
 * The guard's row carries the last sequence number, so a crash leaves both or neither.
 */
#include "store/internal.h"

#define FEED_HEAD 9

int32_t tkt__feed_append(tkt__tx *tx, tkt__guard guard, uint8_t kind, const void *payload, size_t n)
{
    uint8_t key[TKT__GUARD_BYTES + 8], value[TKT__HOT_VALUE_MAX];
    uint64_t seq;
    if (n > sizeof value - FEED_HEAD)
        return tkt__fail(TKT_E_LIMIT, "a feed record of %zu bytes: split it", n);
    int32_t status = tkt__tx_next_seq(tx, guard, &seq);
    if (status != TKT_DONE)
        return status;
    tkt__guard_key(guard, key);
    tkt__be64(key + TKT__GUARD_BYTES, seq);
    tkt__writer w = tkt__writer_of(value, sizeof value);
    tkt__put_u8(&w, kind);
    tkt__put_i64(&w, tkt__tx_now(tx));
    tkt__put_bytes(&w, payload, n);
    return tkt__tx_put(tx, TKT__T_FEED, tkt__slice_of(key, sizeof key), tkt__slice_of(value, w.n));
}

/* ---- check: each guard's records are 1 … its row's seq, without a gap ------------------------------ */

typedef struct feed_scan {
    tkt__tx *tx;
    tkt__problems *problems;
    tkt__guard guard;
    uint64_t last; /* of `guard`; 0: none seen */
} feed_scan;

static int32_t close_guard(feed_scan *s)
{
    tkt__guard_row row;
    if (s->last == 0)
        return TKT_DONE;
    int32_t status = tkt__tx_guard_row(s->tx, s->guard, &row);
    if (status == TKT_DONE && row.seq != s->last)
        status = tkt__problem(s->problems, "feed-end", "guard %c/%llu: row says %llu, feed ends at %llu",
                              s->guard.kind, (unsigned long long)s->guard.id,
                              (unsigned long long)row.seq, (unsigned long long)s->last);
    return status;
}

static int32_t feed_row(void *user, tkt__slice key, tkt__slice value)
{
    feed_scan *s = user;
    if (key.n != TKT__GUARD_BYTES + 8 || value.n < FEED_HEAD)
        return tkt__problem(s->problems, "feed-row", "a feed row of %zu + %zu bytes", key.n, value.n);
    tkt__guard guard = { key.p[0], tkt__get_be64(key.p + 1) };
    uint64_t seq = tkt__get_be64(key.p + TKT__GUARD_BYTES);
    if (guard.kind != s->guard.kind || guard.id != s->guard.id) {
        int32_t status = close_guard(s);
        if (status != TKT_DONE)
            return status;
        s->guard = guard;
        s->last = 0;
    }
    uint64_t expected = s->last + 1;
    s->last = seq;
    if (seq != expected)
        return tkt__problem(s->problems, "feed-gap", "guard %c/%llu: %llu follows %llu", guard.kind,
                            (unsigned long long)guard.id, (unsigned long long)seq,
                            (unsigned long long)expected - 1);
    return TKT_DONE;
}

/* The other way round: a row that counts records has its last one. */
static int32_t guard_row(void *user, tkt__slice key, tkt__slice value)
{
    feed_scan *s = user;
    uint8_t feed_key[TKT__GUARD_BYTES + 8];
    tkt__slice found;
    tkt__reader r = tkt__reader_of(value);
    uint64_t seq = tkt__get_u64(&r);
    if (key.n != TKT__GUARD_BYTES || r.bad)
        return tkt__problem(s->problems, "guard-row", "a guard row of %zu + %zu bytes", key.n, value.n);
    if (seq == 0)
        return TKT_DONE;
    memcpy(feed_key, key.p, TKT__GUARD_BYTES);
    tkt__be64(feed_key + TKT__GUARD_BYTES, seq);
    int32_t status = tkt__tx_get(s->tx, TKT__T_FEED, tkt__slice_of(feed_key, sizeof feed_key), &found);
    if (status == TKT_NOT_FOUND)
        return tkt__problem(s->problems, "feed-end", "guard %c/%llu: record %llu is missing", key.p[0],
                            (unsigned long long)tkt__get_be64(key.p + 1), (unsigned long long)seq);
    return status;
}

int32_t tkt__feed_check(tkt__tx *tx, tkt__problems *problems)
{
    feed_scan s = { .tx = tx, .problems = problems };
    int32_t status = tkt__scan(tx, TKT__T_FEED, tkt__slice_of(NULL, 0), feed_row, &s);
    if (status == TKT_DONE)
        status = close_guard(&s);
    if (status == TKT_DONE)
        status = tkt__scan(tx, TKT__T_GUARD, tkt__slice_of(NULL, 0), guard_row, &s);
    return status;
}
