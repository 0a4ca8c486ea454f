/* SPDX-License-Identifier: MIT
 *
 * test_queue_hard.c: the waiting room when things go wrong around it: an outage, a clock that lies, a room that is being
 * taken away or set anew, more people than places, and nobody who moves.
 */
#include "queue_help.h"

#include <ticketing/feed.h>

static void open_room(hall *h, int64_t opens_ms, uint32_t per_minute, uint32_t active)
{
    open_hall(h);
    set_queue(h, settings(opens_ms, per_minute, active, active));
}

static void check_is_clean(hall *h)
{
    uint64_t problems = 1;
    ok(tkt_check(h->f.store, NULL, NULL, &problems));
    cr_assert_eq(problems, 0);
}

static int32_t reserve_floor(hall *h, uint32_t i, uint32_t quantity, const uint8_t *admission, tkt_hold *hold)
{
    tkt_reserve_request request = places(h, quantity);
    buyer(i, request.buyer_key);
    request.admission = admission;
    *hold = new_hold();
    return tkt_reserve(h->f.store, &request, hold);
}

Test(queue_hard, no_more_are_let_in_than_what_is_free_serves)
{
    hall h;
    tkt_hold hold;
    open_room(&h, 0, 60000, 1000);
    /* All but two places are taken without the queue. */
    tkt_queue_settings s;
    tkt_queue_settings_init(&s);
    ok(tkt_queue_settings_view(look(&h.f), h.event_id, &s));
    s.mode = TKT_QUEUE_OPEN;
    set_queue(&h, s);
    for (uint32_t i = 0; i < HALL_SEATS; i += 10)
        hold_seats(&h, i, 10);
    for (uint32_t left = FLOOR_PLACES - 2; left > 0; left -= left < 20 ? left : 20)
        hold_places(&h, left < 20 ? left : 20);
    s.mode = TKT_QUEUE_RUNS;
    s.party_percent = 100;
    set_queue(&h, s);
    for (uint32_t i = 0; i < 50; i++)
        join(&h, i);
    for (uint32_t k = 0; k < 60; k++) {
        pass(&h.f, 500);
        poll_place(&h, 49);
    }
    cr_assert_eq(look_queue(&h).admitted, 2);
    check_is_clean(&h);
    /* One takes a place and keeps the counter: what is free is the other's. One goes: the next comes. */
    ok(reserve_floor(&h, 0, 1, poll_place(&h, 0).admission, &hold));
    pass(&h.f, 500);
    poll_place(&h, 49);
    cr_assert_eq(look_queue(&h).admitted, 2);
    leave(&h, 1);
    pass(&h.f, 500);
    poll_place(&h, 49);
    cr_assert_eq(look_queue(&h).admitted, 3);
    check_is_clean(&h);
    close_hall(&h);
}

Test(queue_hard, an_outage_makes_nobody_silent)
{
    hall h;
    open_room(&h, 0, 60, 1);
    for (uint32_t i = 0; i < 300; i++)
        join(&h, i);
    pass(&h.f, 40 * 60000); /* nobody could be heard: grace is five minutes */
    for (uint32_t k = 0; k < 20; k++) {
        poll_place(&h, 250);
        pass(&h.f, 500);
    }
    for (uint32_t i = 1; i < 300; i++)
        cr_assert_neq(poll_place(&h, i).state, TKT_PLACE_OVER, "%u", i);
    cr_assert_leq(look_queue(&h).passed, 3);
    close_hall(&h);
}

Test(queue_hard, who_waits_for_nothing_costs_little_room)
{
    hall h;
    tkt_stats before = TKT_STATS_INIT, after = TKT_STATS_INIT;
    open_room(&h, 0, 60000, 1);
    for (uint32_t i = 0; i < 5; i++)
        join(&h, i);
    poll_place(&h, 0);
    uint64_t seq = 0, then = 0;
    pass(&h.f, 1000);
    poll_place(&h, 4);
    ok(tkt_event_seq(look(&h.f), h.event_id, &seq));
    ok(tkt_store_stats(h.f.store, &before));
    for (uint32_t k = 0; k < 1000; k++) { /* 250 s of polls while one is at the counter: a look every other second */
        pass(&h.f, 250);
        poll_place(&h, 4);
    }
    ok(tkt_store_stats(h.f.store, &after));
    ok(tkt_event_seq(look(&h.f), h.event_id, &then));
    cr_assert_leq(then, seq + 2);
    cr_assert_lt(after.written_bytes - before.written_bytes, 4 << 20, "%llu bytes", (unsigned long long)(after.written_bytes - before.written_bytes));
    close_hall(&h);
}

Test(queue_hard, a_seed_that_was_told_is_not_used)
{
    hall h;
    open_room(&h, 0, 60, 10);
    tkt_queue told = look_queue(&h);
    cr_assert_eq(told.seed_known, 1);
    tkt_queue_settings s;
    tkt_queue_settings_init(&s);
    ok(tkt_queue_settings_view(look(&h.f), h.event_id, &s));
    s.opens_ms = h.f.now_ms + 60000;
    set_queue(&h, s);
    tkt_queue fresh = look_queue(&h);
    cr_assert(fresh.seed_known == 0 && memcmp(fresh.commitment, told.commitment, sizeof(told.commitment)) != 0);
    set_queue(&h, s); /* the same again keeps it */
    cr_assert_arr_eq(look_queue(&h).commitment, fresh.commitment, sizeof(fresh.commitment));
    close_hall(&h);
}

Test(queue_hard, the_shuffle_stands_whatever_the_clock_does)
{
    hall h;
    int64_t begin = TEST_NOW_MS;
    open_room(&h, begin + 60000, 600, 5);
    for (uint32_t i = 0; i < 30; i++)
        join(&h, i);
    pass(&h.f, 120000);
    uint64_t place[30];
    for (uint32_t i = 0; i < 30; i++)
        place[i] = poll_place(&h, i).place;
    /* The clock had lied: it is half a minute before the start. */
    h.f.now_ms = begin + 30000;
    ok(tkt_clock_reset(h.f.store));
    for (uint32_t i = 30; i < 40; i++)
        cr_assert_eq(join(&h, i).place, i);
    cr_assert_eq(look_queue(&h).early, 30);
    for (uint32_t i = 0; i < 30; i++) {
        tkt_place p = poll_place(&h, i);
        cr_assert(p.state == TKT_PLACE_OVER || p.place == place[i]); /* sessions of the other time may have ended */
    }
    close_hall(&h);
}

Test(queue_hard, admissions_of_another_time_end_when_the_clock_is_reset)
{
    hall h;
    open_room(&h, 0, 600, 3);
    pass(&h.f, 86400000); /* a day ahead */
    ok(tkt_clock_confirm(h.f.store));
    for (uint32_t i = 0; i < 10; i++)
        join(&h, i);
    pass(&h.f, 1000);
    for (uint32_t i = 0; i < 3; i++)
        cr_assert_eq(poll_place(&h, i).state, TKT_PLACE_ADMITTED);
    h.f.now_ms -= 86400000;
    ok(tkt_clock_reset(h.f.store));
    for (uint32_t k = 0; k < 4; k++) {
        pass(&h.f, 1000);
        poll_place(&h, 9);
    }
    cr_assert_eq(poll_place(&h, 3).state, TKT_PLACE_ADMITTED);
    check_is_clean(&h);
    close_hall(&h);
}

Test(queue_hard, a_room_that_goes_is_not_set_anew)
{
    hall h;
    tkt_queue_settings s;
    open_room(&h, 0, 600, 10);
    tkt_queue_settings_init(&s);
    for (uint32_t i = 0; i < 600; i++)
        join(&h, i);
    answers(tkt_queue_remove(h.f.store, h.event_id), TKT_PENDING);
    answers(tkt_queue_set(h.f.store, h.event_id, &s, 0), TKT_IN_USE);
    answers(tkt_queue_rotate(h.f.store, h.event_id), TKT_IN_USE);
    while (tkt_queue_remove(h.f.store, h.event_id) == TKT_PENDING)
        ;
    set_queue(&h, s);
    cr_assert_eq(join(&h, 1).number, 0);
    check_is_clean(&h);
    close_hall(&h);
}

Test(queue_hard, a_hold_from_before_ends_no_new_admission)
{
    hall h;
    tkt_hold hold, other;
    tkt_booking booking = new_booking();
    open_room(&h, 0, 600, 10);
    ok(reserve_floor(&h, 1, 1, join(&h, 1).admission, &hold));
    leave(&h, 1);
    pass(&h.f, 1000);
    join(&h, 1);
    pass(&h.f, 1000);
    tkt_place anew = poll_place(&h, 1);
    cr_assert_eq(anew.state, TKT_PLACE_ADMITTED);
    ok(confirm(&h, &hold, 0, &booking));
    cr_assert_eq(poll_place(&h, 1).state, TKT_PLACE_ADMITTED);
    ok(reserve_floor(&h, 1, 1, anew.admission, &other));
    ok(confirm(&h, &other, 0, &booking));
    cr_assert_eq(poll_place(&h, 1).state, TKT_PLACE_OVER);
    close_hall(&h);
}

Test(queue_hard, what_was_told_is_never_taken_back)
{
    hall h;
    int64_t told[40] = { 0 };
    open_room(&h, 0, 60, 5);
    for (uint32_t i = 0; i < 40; i++)
        join(&h, i);
    for (uint32_t k = 0; k < 400; k++) {
        pass(&h.f, 500);
        if (k % 17 == 0) /* the queue goes on by fits */
            leave(&h, k / 17);
        for (uint32_t i = 30; i < 40; i++) {
            tkt_place p = poll_place(&h, i);
            if (p.state != TKT_PLACE_WAITING || p.wait_ms < 0)
                continue;
            int64_t at = h.f.now_ms + p.wait_ms;
            cr_assert(told[i] <= h.f.now_ms || at <= told[i], "%u at step %u: %lld ms later", i, k, (long long)(at - told[i]));
            told[i] = at;
        }
    }
    close_hall(&h);
}

static void stand(hall *h, uint32_t i, uint32_t seconds)
{
    for (uint32_t k = 0; k < 2 * seconds; k++) {
        pass(&h->f, 500);
        poll_place(h, i);
    }
}

/* How fast the queue goes is not what it did while nobody waited. */
Test(queue_hard, a_quiet_hour_is_no_slow_one)
{
    hall h;
    open_room(&h, 0, 6000, 50);
    join(&h, 1);
    stand(&h, 1, 240);
    pass(&h.f, 50); /* too early for another step */
    tkt_place p = join(&h, 2);
    cr_assert_eq(p.state, TKT_PLACE_WAITING);
    cr_assert(p.wait_ms >= 0 && p.wait_ms <= 200, "%lld ms", (long long)p.wait_ms);
    close_hall(&h);
}

/* Nor while it was paused. */
Test(queue_hard, a_pause_is_no_slow_hour)
{
    hall h;
    tkt_queue_settings s;
    open_room(&h, 0, 60, 100);
    s = settings(0, 60, 1, 100);
    set_queue(&h, s);
    for (uint32_t i = 0; i < 60; i++)
        join(&h, i);
    stand(&h, 0, 20);
    s.mode = TKT_QUEUE_PAUSED;
    set_queue(&h, s);
    stand(&h, 0, 120);
    s.mode = TKT_QUEUE_RUNS;
    set_queue(&h, s);
    tkt_place p = join(&h, 100);
    cr_assert(p.wait_ms > (int64_t)p.ahead * 700 && p.wait_ms < (int64_t)p.ahead * 1400, "%llu ahead, %lld ms",
              (unsigned long long)p.ahead, (long long)p.wait_ms);
    close_hall(&h);
}

/* With nobody at the counter no step is due meanwhile. */
Test(queue_hard, a_pause_with_an_empty_counter_neither)
{
    hall h;
    tkt_queue_settings s = settings(0, 60, 1, 100);
    open_room(&h, 0, 60, 100);
    set_queue(&h, s);
    for (uint32_t i = 0; i < 60; i++)
        join(&h, i);
    for (uint32_t k = 0; k < 20; k++) {
        stand(&h, 59, 1);
        for (uint32_t i = 0; i < 59; i++)
            if (poll_place(&h, i).state == TKT_PLACE_ADMITTED)
                leave(&h, i);
    }
    s.mode = TKT_QUEUE_PAUSED;
    set_queue(&h, s);
    stand(&h, 59, 600);
    s.mode = TKT_QUEUE_RUNS;
    set_queue(&h, s);
    stand(&h, 59, 3);
    tkt_place p = join(&h, 100);
    cr_assert(p.wait_ms > (int64_t)p.ahead * 800 && p.wait_ms < (int64_t)p.ahead * 1200, "%llu ahead, %lld ms",
              (unsigned long long)p.ahead, (long long)p.wait_ms);
    close_hall(&h);
}

/* One in ten seconds: whoever comes is told about the same, whether one was let in just now or not. */
Test(queue_hard, a_slow_queue_is_told_evenly)
{
    hall h;
    open_room(&h, 0, 6, 100);
    set_queue(&h, settings(0, 6, 1, 100));
    for (uint32_t i = 0; i < 60; i++)
        join(&h, i);
    stand(&h, 0, 120);
    for (uint32_t i = 0; i < 40; i++) {
        stand(&h, 0, 3);
        tkt_place p = join(&h, 100 + i);
        cr_assert(p.wait_ms > (int64_t)p.ahead * 9000 && p.wait_ms < (int64_t)p.ahead * 12000, "%llu ahead, %lld ms",
                  (unsigned long long)p.ahead, (long long)p.wait_ms);
    }
    close_hall(&h);
}

Test(queue_hard, who_follows_the_event_hears_of_pause_and_leave_and_end)
{
    hall h;
    tkt_change change;
    uint64_t seq = 0;
    uint32_t count;
    open_room(&h, 0, 600, 10);
    join(&h, 0);
    join(&h, 1);
    for (int i = 0; i < 3; i++) {
        tkt_queue_settings s = settings(0, 600, 10, 10);
        ok(tkt_event_seq(look(&h.f), h.event_id, &seq));
        if (i == 0) {
            s.mode = TKT_QUEUE_PAUSED;
            set_queue(&h, s);
        } else if (i == 1)
            leave(&h, 1);
        else
            ok(tkt_queue_remove(h.f.store, h.event_id));
        ok(tkt_feed_sequence(look(&h.f), TKT_FEED_EVENT, h.event_id, seq, &change, 1, &count));
        cr_assert(count == 1 && change.kind == TKT_CHANGE_QUEUE, "%d", i);
    }
    close_hall(&h);
}

/* Two change the same room from what each saw: who comes second looks again, and no pause is lost. */
Test(queue_hard, a_change_that_was_overtaken_is_not_made)
{
    hall h;
    tkt_queue_settings first, second;
    open_hall(&h);
    tkt_queue_settings_init(&first);
    ok(tkt_queue_change(h.f.store, h.event_id, NULL, &first, 0));
    cr_assert_eq(tkt_queue_change(h.f.store, h.event_id, NULL, &first, 0), -TKT_E_CONFLICT);
    ok(tkt_queue_settings_view(look(&h.f), h.event_id, &first));
    second = first;
    tkt_queue_settings pause = first, rate = second;
    pause.mode = TKT_QUEUE_PAUSED;
    rate.per_minute = 777;
    ok(tkt_queue_change(h.f.store, h.event_id, &first, &pause, 0));
    cr_assert_eq(tkt_queue_change(h.f.store, h.event_id, &second, &rate, 0), -TKT_E_CONFLICT);
    cr_assert_eq(look_queue(&h).mode, TKT_QUEUE_PAUSED);
    ok(tkt_queue_settings_view(look(&h.f), h.event_id, &second));
    rate = second;
    rate.per_minute = 777;
    ok(tkt_queue_change(h.f.store, h.event_id, &second, &rate, 0));
    cr_assert_eq(look_queue(&h).mode, TKT_QUEUE_PAUSED);
    close_hall(&h);
}

/* The crowd came under a clock that was years ahead; then it was set right: who is there is heard, and told what is true. */
Test(queue_hard, who_waits_across_a_reset_keeps_his_place)
{
    hall h;
    const int64_t years = INT64_C(86400000) * 365 * 5;
    open_room(&h, 0, 6, 1);
    set_queue(&h, settings(0, 6, 1, 100));
    h.f.now_ms += years;
    ok(tkt_clock_confirm(h.f.store));
    for (uint32_t i = 0; i < 60; i++)
        join(&h, i);
    stand(&h, 0, 30);
    for (uint32_t i = 0; i < 60; i++)
        poll_place(&h, i);
    h.f.now_ms -= years;
    ok(tkt_clock_reset(h.f.store));
    for (uint32_t k = 0; k < 200; k++) {
        pass(&h.f, 2000);
        ok(tkt_tick(h.f.store, 0, NULL));
        for (uint32_t i = 0; i < 60; i++) {
            tkt_place p = poll_place(&h, i);
            cr_assert(p.state != TKT_PLACE_WAITING || p.wait_ms <= 1200000, "%u at step %u: %lld ms", i, k, (long long)p.wait_ms);
            cr_assert(i < 45 || p.state == TKT_PLACE_WAITING || p.state == TKT_PLACE_ADMITTED, "%u at step %u: state %u", i, k, p.state);
        }
    }
    close_hall(&h);
}
