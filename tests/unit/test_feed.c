/* SPDX-License-Identifier: MIT
 *
 * test_feed.c: the feed as a reader sees it: each sequence without a gap, the whole store in the order of its commits
 * with pages of any size, a cursor that outlives the store, another history refused, being told of a commit.
 */
#include "booking_help.h"

#include <pthread.h>

#include <ticketing/feed.h>

#define MOST 4000

static tkt_change changes[MOST];

/* All of the store's feed behind the cursor, by pages of `page`. */
static uint32_t read_all(hall *h, tkt_feed_cursor *cursor, uint32_t page)
{
    uint32_t total = 0, count;
    do {
        ok(tkt_feed_read(look(&h->f), cursor, changes + total, page, &count));
        cr_assert(count <= page);
        total += count;
        cr_assert(total + page <= MOST);
    } while (count > 0);
    return total;
}

/* A sale with holds, a booking, a refused reserve, a hold that ran out, and what the catalogue did before. */
static void some_sale(hall *h)
{
    tkt_hold hold = new_hold();
    tkt_reserve_request request = seats(h, 0, 3);
    ok(tkt_reserve(h->f.store, &request, &hold));
    request = seats(h, 2, 2);
    cr_assert(TKT_IS_REFUSAL(tkt_reserve(h->f.store, &request, &hold)));
    request = places(h, 7);
    ok(tkt_reserve(h->f.store, &request, &hold));
    tkt_confirm_request confirm;
    tkt_confirm_request_init(&confirm);
    memcpy(confirm.token, hold.token, sizeof(hold.token));
    fresh_key(h, confirm.key);
    ok(tkt_confirm(h->f.store, &confirm, NULL));
    h->f.now_ms += 700000;
    h->f.monotonic_ms += 700000;
    ok(tkt_tick(h->f.store, 0, NULL));
}

Test(feed, a_sequence_has_no_gap_and_tells_the_sale)
{
    hall h;
    uint32_t count, seats_seen = 0, booked = 0, freed = 0;
    uint64_t seq;
    open_hall(&h);
    some_sale(&h);
    ok(tkt_feed_sequence(look(&h.f), TKT_FEED_EVENT, h.event_id, 0, changes, 1000, &count));
    ok(tkt_event_seq(look(&h.f), h.event_id, &seq));
    cr_assert_eq(count, seq);
    for (uint32_t i = 0; i < count; i++) {
        const tkt_change *c = &changes[i];
        cr_assert(c->seq == i + 1 && c->scope == TKT_FEED_EVENT && c->owner == h.event_id && c->size == sizeof(*c));
        cr_assert(i == 0 || c->instant_ms >= changes[i - 1].instant_ms);
        if (c->kind == TKT_CHANGE_SEATS && c->state == TKT_SEAT_RESERVED) {
            seats_seen++;
            cr_assert(c->range_count == 1 && c->ranges[0].first == h.units[0] && c->ranges[0].count == 3);
            cr_assert(c->expires_ms > TEST_NOW_MS && c->expires_ms <= TEST_NOW_MS + TKT_TTL_MS + 1000);
        }
        freed += c->kind == TKT_CHANGE_SEATS && c->state == TKT_SEAT_AVAILABLE;
        booked += c->kind == TKT_CHANGE_BOOKING && c->state == TKT_BOOKING_CONFIRMED;
    }
    cr_assert(seats_seen == 1 && booked == 1 && freed == 1);
    ok(tkt_feed_sequence(look(&h.f), TKT_FEED_EVENT, h.event_id, seq - 1, changes, 1000, &count));
    cr_assert(count == 1 && changes[0].seq == seq);
    ok(tkt_feed_sequence(look(&h.f), TKT_FEED_EVENT, h.event_id, UINT64_MAX, changes, 1000, &count));
    cr_assert_eq(count, 0);
    ok(tkt_feed_sequence(look(&h.f), TKT_FEED_EVENT, 999999, 0, changes, 1000, &count));
    cr_assert_eq(count, 0);
    close_hall(&h);
}

Test(feed, the_whole_store_by_pages_of_any_size)
{
    hall h;
    static tkt_change whole[MOST];
    open_hall(&h);
    some_sale(&h);
    tkt_feed_cursor cursor = { { 0 } };
    uint32_t total = read_all(&h, &cursor, 1000);
    memcpy(whole, changes, sizeof(whole));
    uint64_t event_seq = 0, catalog_seq = 0;
    for (uint32_t i = 0; i < total; i++) {
        uint64_t *last = whole[i].scope == TKT_FEED_EVENT ? &event_seq : &catalog_seq;
        if (whole[i].scope == TKT_FEED_EVENT || whole[i].scope == TKT_FEED_CATALOG)
            cr_assert_eq(whole[i].seq, ++*last);
        cr_assert(i == 0 || whole[i].instant_ms >= whole[i - 1].instant_ms);
    }
    uint64_t seq;
    ok(tkt_event_seq(look(&h.f), h.event_id, &seq));
    cr_assert_eq(event_seq, seq, "the store's feed has %llu of %llu", (unsigned long long)event_seq, (unsigned long long)seq);
    for (uint32_t page = 1; page < 40; page++) {
        memset(&cursor, 0, sizeof(cursor));
        cr_assert_eq(read_all(&h, &cursor, page), total);
        for (uint32_t i = 0; i < total; i++)
            cr_assert(changes[i].seq == whole[i].seq && changes[i].owner == whole[i].owner && changes[i].kind == whole[i].kind);
    }
    close_hall(&h);
}

Test(feed, bodies_that_share_a_commit_are_told_one_by_one)
{
    hall h;
    tkt_batch *batch;
    tkt_hold holds[5];
    open_hall(&h);
    tkt_feed_cursor cursor;
    ok(tkt_feed_end(look(&h.f), &cursor));
    cr_assert_eq(read_all(&h, &cursor, 10), 0);
    ok(tkt_batch_new(h.f.store, &batch));
    for (uint32_t i = 0; i < 5; i++) { /* the third meets the second's seat and is rolled back */
        tkt_reserve_request request = seats(&h, i == 2 ? 1 : i, 1);
        holds[i] = new_hold();
        ok(tkt_batch_reserve(batch, &request, &holds[i]));
    }
    ok(tkt_batch_run(batch));
    answers(tkt_batch_outcome(batch, 2), TKT_ALL_HELD);
    tkt_batch_free(batch);
    uint32_t total = read_all(&h, &cursor, 3), taken = 0;
    for (uint32_t i = 0; i < total; i++)
        taken += changes[i].kind == TKT_CHANGE_SEATS;
    cr_assert_eq(taken, 4);
    cr_assert_eq(read_all(&h, &cursor, 3), 0);
    close_hall(&h);
}

static void reopen(hall *h, const char *path)
{
    tkt_snapshot_end(h->f.snap);
    h->f.snap = NULL;
    tkt_store_close(h->f.store);
    if (path != NULL)
        strcpy(h->f.path, path);
    open_store(&h->f);
    set_bank(h);
}

Test(feed, a_cursor_outlives_the_store_but_not_its_history)
{
    hall h;
    char text[TKT_FEED_CURSOR_TEXT], copy[96], back[96];
    tkt_feed_cursor cursor, again, shared;
    uint32_t count;
    open_hall(&h);
    ok(tkt_feed_end(look(&h.f), &cursor));
    tkt_feed_cursor_format(&cursor, text);
    ok(tkt_feed_cursor_parse(text, sizeof(text), &again));
    cr_assert_eq(memcmp(&cursor, &again, sizeof(cursor)), 0);
    answers(tkt_feed_cursor_parse(text, sizeof(text) - 1, &again), -TKT_E_PARSE);
    text[5] = 'x';
    answers(tkt_feed_cursor_parse(text, sizeof(text), &again), -TKT_E_PARSE);
    reopen(&h, NULL);
    some_sale(&h);
    again = cursor;
    cr_assert_gt(read_all(&h, &again, 5), 0);
    snprintf(copy, sizeof(copy), "%s/copy", h.f.dir);
    snprintf(back, sizeof(back), "%s/back", h.f.dir);
    ok(tkt_store_backup(h.f.store, copy, strlen(copy), 0));
    shared = again;
    some_sale(&h); /* what the copy does not have */
    cr_assert_gt(read_all(&h, &again, 5), 0);
    ok(tkt_store_restore(back, strlen(back), copy, strlen(copy), NULL));
    reopen(&h, back);
    answers(tkt_feed_read(look(&h.f), &again, changes, 5, &count), -TKT_E_FENCED);
    some_sale(&h);
    cr_assert_gt(read_all(&h, &shared, 5), 0); /* up to here both are one */
    memset(&again, 0, sizeof(again));
    cr_assert_gt(read_all(&h, &again, 5), 0);
    memset(&again, 0x7f, sizeof(again));
    answers(tkt_feed_read(look(&h.f), &again, changes, 5, &count), -TKT_E_INVALID);
    close_hall(&h);
}

Test(feed, bad_arguments_change_nothing)
{
    hall h;
    uint32_t count = 77;
    tkt_feed_cursor cursor = { { 0 } };
    uint64_t seen = 0;
    open_hall(&h);
    tkt_snapshot *s = look(&h.f);
    answers(tkt_feed_sequence(s, 0, 1, 0, changes, 1, &count), -TKT_E_INVALID);
    answers(tkt_feed_sequence(s, 5, 1, 0, changes, 1, &count), -TKT_E_INVALID);
    answers(tkt_feed_sequence(s, TKT_FEED_EVENT, 0, 0, changes, 1, &count), -TKT_E_INVALID);
    answers(tkt_feed_sequence(s, TKT_FEED_CATALOG, 1, 0, changes, 1, &count), -TKT_E_INVALID);
    answers(tkt_feed_sequence(s, TKT_FEED_EVENT, 1, 0, changes, 0, &count), -TKT_E_INVALID);
    answers(tkt_feed_sequence(s, TKT_FEED_EVENT, 1, 0, changes, 1001, &count), -TKT_E_INVALID);
    answers(tkt_feed_sequence(NULL, TKT_FEED_EVENT, 1, 0, changes, 1, &count), -TKT_E_INVALID);
    answers(tkt_feed_read(s, NULL, changes, 1, &count), -TKT_E_INVALID);
    answers(tkt_feed_read(s, &cursor, NULL, 1, &count), -TKT_E_INVALID);
    answers(tkt_feed_end(s, NULL), -TKT_E_INVALID);
    answers(tkt_wait(h.f.store, -1, &seen), -TKT_E_INVALID);
    answers(tkt_wait(h.f.store, 60001, &seen), -TKT_E_INVALID);
    answers(tkt_wait(NULL, 0, &seen), -TKT_E_INVALID);
    answers(tkt_wait(h.f.store, 0, NULL), -TKT_E_INVALID);
    cr_assert(count == 77 && seen == 0);
    close_hall(&h);
}

static void *reserve_later(void *arg)
{
    hall *h = arg;
    tkt_hold hold = new_hold();
    tkt_reserve_request request = seats(h, 0, 1);
    usleep(50000);
    ok(tkt_reserve(h->f.store, &request, &hold));
    return NULL;
}

Test(feed, a_waiter_is_told_of_a_commit)
{
    hall h;
    pthread_t thread;
    uint64_t seen = 0, before;
    tkt_feed_cursor cursor;
    open_hall(&h);
    ok(tkt_wait(h.f.store, 60000, &seen)); /* at once */
    cr_assert_neq(seen, 0);
    before = seen;
    ok(tkt_wait(h.f.store, 20, &seen)); /* nothing happened */
    cr_assert_eq(seen, before);
    ok(tkt_feed_end(look(&h.f), &cursor));
    cr_assert_eq(pthread_create(&thread, NULL, reserve_later, &h), 0);
    while (seen == before)
        ok(tkt_wait(h.f.store, 60000, &seen));
    cr_assert_gt(read_all(&h, &cursor, 10), 0);
    pthread_join(thread, NULL);
    close_hall(&h);
}
