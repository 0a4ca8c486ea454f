/* SPDX-License-Identifier: MIT
 *
 * catalog/event_list.c: events in order of (start, id): all, of a venue, of a performer; by window;
 * page by page.
 *
 * Rows read: TKT__T_EVENT_LIST kind [owner] start event. A cursor is the start (sign bit flipped)
 * and the event behind which to go on, both big-endian: it names a place, not a row, so it survives
 * inserts, deletes and restarts. All zeros would be event 0, which there is not: the start.
 * Invariant: a page reads at most cap + 1 rows. Reads only: a crash leaves nothing behind.
 */
#include "catalog/internal.h"

#define PLACE_BYTES 16 /* start(8) event(8), the end of every list key */

typedef struct range {
    uint8_t prefix[9];
    size_t prefix_n;
    uint8_t first[TKT__LIST_KEY_MAX]; /* the first key that counts */
    uint8_t stop[TKT__LIST_KEY_MAX];  /* the first that does not; stop_n 0: the list's end */
    size_t key_n, stop_n;
} range;

static int32_t list_check(const tkt_event_list *list)
{
    if (list->by > TKT_LIST_PERFORMER)
        return tkt__fail(TKT_E_INVALID, "list: `by` is not one of TKT_LIST_ALL, VENUE, PERFORMER");
    if ((list->by == TKT_LIST_ALL) != (list->owner == 0) || list->owner > TKT__ID_MAX)
        return tkt__fail(TKT_E_INVALID, "list: `owner` goes with a list by venue or performer");
    if ((list->flags & ~(TKT_LIST_FROM | TKT_LIST_TO)) != 0 || list->reserved != 0)
        return tkt__fail(TKT_E_INVALID, "list: unknown flags, or reserved is not 0");
    if (list->flags == (TKT_LIST_FROM | TKT_LIST_TO) && list->from_ms > list->to_ms)
        return tkt__fail(TKT_E_INVALID, "list: the window ends before it begins");
    if (!tkt__is_zero(list->after.bytes, TKT_CURSOR_BYTES)) {
        uint64_t event = tkt__get_be64(list->after.bytes + 8);
        if (event == 0 || event > TKT__ID_MAX)
            return tkt__fail(TKT_E_INVALID, "list: the cursor is malformed");
    }
    return TKT_DONE;
}

static void range_of(const tkt_event_list *list, range *r)
{
    static const uint8_t kinds[] = { TKT__E_DATE, TKT__E_VENUE, TKT__E_PERFORMER };
    uint8_t place[PLACE_BYTES] = { 0 }; /* the least of all */
    memset(r, 0, sizeof(*r));
    r->prefix[0] = kinds[list->by];
    r->prefix_n = 1;
    if (list->by != TKT_LIST_ALL) {
        tkt__be64(r->prefix + 1, list->owner);
        r->prefix_n = 9;
    }
    r->key_n = r->prefix_n + PLACE_BYTES;
    if ((list->flags & TKT_LIST_FROM) != 0)
        tkt__be_instant(place, list->from_ms);
    if (memcmp(place, list->after.bytes, PLACE_BYTES) <= 0 &&
        !tkt__is_zero(list->after.bytes, PLACE_BYTES)) {
        memcpy(place, list->after.bytes, PLACE_BYTES);
        tkt__be64(place + 8, tkt__get_be64(place + 8) + 1);
    }
    memcpy(r->first, r->prefix, r->prefix_n);
    memcpy(r->first + r->prefix_n, place, PLACE_BYTES);
    if ((list->flags & TKT_LIST_TO) != 0) {
        memcpy(r->stop, r->prefix, r->prefix_n);
        tkt__be_instant(r->stop + r->prefix_n, list->to_ms);
        r->stop_n = r->key_n;
    }
}

static bool inside(const range *r, tkt__slice key)
{
    if (key.n < r->prefix_n || memcmp(key.p, r->prefix, r->prefix_n) != 0)
        return false;
    return r->stop_n == 0 || tkt__slice_compare(key, tkt__slice_of(r->stop, r->stop_n)) < 0;
}

typedef struct page {
    uint64_t *ids;
    uint32_t cap, count;
    tkt_cursor last;
    bool more;
} page;

static int32_t fill(tkt__cursor *cursor, const range *r, page *out)
{
    tkt__slice k, v;
    int32_t rc = tkt__cursor_seek(cursor, tkt__slice_of(r->first, r->key_n), &k, &v);
    for (; rc == TKT_DONE && inside(r, k); rc = tkt__cursor_next(cursor, &k, &v)) {
        if (k.n != r->key_n)
            return tkt__fail(TKT_E_CORRUPT, "a row of the event list has a key of %zu bytes", k.n);
        if (out->count == out->cap) {
            out->more = true;
            return TKT_DONE;
        }
        memcpy(out->last.bytes, k.p + r->prefix_n, PLACE_BYTES);
        out->ids[out->count++] = tkt__get_be64(k.p + r->prefix_n + 8);
    }
    return rc == TKT_NOT_FOUND ? TKT_DONE : rc;
}

int32_t tkt_event_list_page(tkt_snapshot *snapshot, const tkt_event_list *given, uint64_t *ids,
                            uint32_t cap, uint32_t *count, tkt_cursor *next, int32_t *more)
{
    tkt__tx *tx;
    tkt_event_list list;
    int32_t rc = tkt__snapshot_tx(snapshot, &tx);
    if (rc == TKT_DONE)
        rc = tkt__struct_in(&list, sizeof(list), given, sizeof(list), "tkt_event_list");
    if (rc == TKT_DONE)
        rc = list_check(&list);
    if (rc != TKT_DONE)
        return rc;
    if (ids == NULL || count == NULL || next == NULL || more == NULL)
        return tkt__fail(TKT_E_INVALID, "list: ids, count, next or more is NULL");
    if (cap == 0 || cap > TKT_LIST_PAGE_MAX)
        return tkt__fail(TKT_E_INVALID, "list: a page has 1 to %d events", TKT_LIST_PAGE_MAX);
    range r;
    range_of(&list, &r);
    tkt__cursor *cursor;
    rc = tkt__tx_cursor_open(tx, TKT__T_EVENT_LIST, &cursor);
    if (rc != TKT_DONE)
        return rc;
    page out = { ids, cap, 0, list.after, false };
    rc = fill(cursor, &r, &out);
    tkt__cursor_close(cursor);
    if (rc != TKT_DONE)
        return rc;
    *count = out.count;
    *next = out.last;
    *more = out.more;
    return TKT_DONE;
}
