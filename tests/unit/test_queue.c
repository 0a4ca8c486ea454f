/* SPDX-License-Identifier: MIT
 *
 * test_queue.c: the waiting room with a clock that the test moves: a fair shuffle that can be checked, turns in order and
 * at the rate that was set, admissions that nobody can forge or lend, places that come back, and nothing lost by a restart.
 */
#include "queue_help.h"

#define START (TEST_NOW_MS + 60000)

static void later(hall *h, int64_t ms)
{
    h->f.now_ms += ms;
    h->f.monotonic_ms += ms;
}

static int32_t reserve_as(hall *h, uint32_t i, uint32_t seat, const uint8_t *admission, tkt_hold *hold)
{
    tkt_reserve_request request = seats(h, seat, 1);
    buyer(i, request.buyer_key);
    request.admission = admission;
    *hold = new_hold();
    return tkt_reserve(h->f.store, &request, hold);
}

/* ---- the shuffle ---------------------------------------------------------------------------------------------------------- */

Test(queue, the_shuffle_is_a_permutation)
{
    uint8_t seed[32] = { 1, 2, 3 };
    uint64_t place;
    for (uint64_t count = 1; count <= 300; count++) {
        bool seen[300] = { false };
        for (uint64_t i = 0; i < count; i++) {
            ok(tkt_queue_shuffle(seed, i, count, &place));
            cr_assert(place < count && !seen[place]);
            seen[place] = true;
        }
    }
    answers(tkt_queue_shuffle(seed, 5, 5, &place), -TKT_E_INVALID);
}

/* Pearson's chi-square of where each of 16 numbers lands, by 8,000 seeds (15 degrees of freedom: above 45 once in 13,000
 * such), and of how far apart two neighbours land (14: above 40 once in 4,000). The seeds are fixed: it passes or fails
 * for ever. */
Test(queue, the_shuffle_favours_nobody)
{
    enum { COUNT = 16, SEEDS = 8000 };
    static uint32_t landed[COUNT][COUNT], apart[COUNT];
    for (uint32_t s = 0; s < SEEDS; s++) {
        uint8_t seed[32] = { 0 };
        uint64_t place, before = 0;
        memcpy(seed, &s, sizeof(s));
        for (uint64_t i = 0; i < COUNT; i++) {
            ok(tkt_queue_shuffle(seed, i, COUNT, &place));
            landed[i][place]++;
            if (i > 0)
                apart[(place + COUNT - before) % COUNT]++;
            before = place;
        }
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        double chi = 0, mean = (double)SEEDS / COUNT;
        for (uint32_t k = 0; k < COUNT; k++)
            chi += (landed[i][k] - mean) * (landed[i][k] - mean) / mean;
        cr_assert(chi < 45, "number %u: chi-square %.1f", i, chi); /* the largest of 16 */
    }
    double chi = 0, mean = SEEDS; /* 15 pairs of neighbours a seed, 15 distances: 0 can't be */
    for (uint32_t k = 1; k < COUNT; k++)
        chi += (apart[k] - mean) * (apart[k] - mean) / mean;
    cr_assert(apart[0] == 0 && chi < 40, "neighbours: chi-square %.1f", chi);
}

Test(queue, who_comes_before_the_start_is_shuffled_and_can_check_it)
{
    enum { EARLY = 50, LATE = 5 };
    hall h;
    bool taken[EARLY + LATE] = { false };
    uint64_t place;
    open_hall(&h);
    set_queue(&h, settings(START, 60, 1, 1000));
    tkt_queue before = look_queue(&h);
    cr_assert(!before.seed_known);
    for (uint32_t i = 0; i < EARLY; i++) {
        tkt_place p = join(&h, i);
        cr_assert(p.state == TKT_PLACE_EARLY && p.number == i && p.opens_ms == START && p.ahead == i + 1);
        cr_assert_eq(join(&h, i).number, i); /* again: the same */
    }
    tkt_queue_settings moved = settings(START + 1000, 60, 1, 1000);
    answers(tkt_queue_set(h.f.store, h.event_id, &moved, 0), TKT_IN_USE);
    later(&h, 60000);
    for (uint32_t i = EARLY; i < EARLY + LATE; i++)
        cr_assert_eq(join(&h, i).number, i);
    tkt_queue after = look_queue(&h);
    cr_assert(after.seed_known && memcmp(before.commitment, after.commitment, 32) == 0 && after.early == EARLY);
    for (uint32_t i = 0; i < EARLY + LATE; i++) {
        tkt_place p = poll_place(&h, i);
        if (i < EARLY)
            ok(tkt_queue_shuffle(after.seed, i, EARLY, &place));
        else
            place = i;
        cr_assert(p.place == place && !taken[place]);
        taken[place] = true;
    }
    close_hall(&h);
}

/* ---- turns --------------------------------------------------------------------------------------------------------------------- */

Test(queue, turns_come_in_order_at_the_rate_that_was_set)
{
    enum { BUYERS = 30 };
    hall h;
    open_hall(&h);
    set_queue(&h, settings(0, 60, 2, 1000));
    for (uint32_t i = 0; i < BUYERS; i++)
        join(&h, i);
    later(&h, 200); /* the next step */
    poll_place(&h, 0);
    cr_assert_eq(look_queue(&h).admitted, 2); /* the burst */
    for (uint32_t second = 1; second <= 20; second++) {
        later(&h, 1000);
        for (uint32_t i = 0; i < BUYERS; i++)
            poll_place(&h, i);
        tkt_queue q = look_queue(&h);
        cr_assert_eq(q.admitted, 2 + second, "%llu after %u s", (unsigned long long)q.admitted, second);
        for (uint32_t i = 0; i < BUYERS; i++)
            cr_assert_eq(poll_place(&h, i).state == TKT_PLACE_ADMITTED, i < 2 + second);
    }
    tkt_place last = poll_place(&h, BUYERS - 1);
    cr_assert(last.ahead == 7 && last.wait_ms > 0 && last.wait_ms <= 9000, "%lld ms", (long long)last.wait_ms);
    close_hall(&h);
}

Test(queue, what_one_is_told_to_wait_never_grows)
{
    hall h;
    open_hall(&h);
    set_queue(&h, settings(0, 600, 1, 3)); /* set to 10 a second; three at the counter hold it up */
    for (uint32_t i = 0; i < 20; i++)
        join(&h, i);
    int64_t told = h.f.now_ms + poll_place(&h, 19).wait_ms;
    for (uint32_t i = 0; i < 10; i++) {
        later(&h, 100);
        tkt_place p = poll_place(&h, 19);
        cr_assert(p.state == TKT_PLACE_WAITING);
        cr_assert(h.f.now_ms + p.wait_ms <= told, "%lld ms more", (long long)(h.f.now_ms + p.wait_ms - told));
    }
    close_hall(&h);
}

Test(queue, who_books_leaves_or_is_silent_makes_room)
{
    hall h;
    tkt_hold hold;
    uint8_t key[TKT_BUYER_BYTES];
    open_hall(&h);
    tkt_queue_settings s = settings(0, 6000, 100, 1);
    s.claim_ms = 10000;
    s.session_ms = 60000;
    s.grace_ms = 30000;
    set_queue(&h, s);
    for (uint32_t i = 0; i < 6; i++)
        join(&h, i);
    tkt_place first = poll_place(&h, 0);
    cr_assert_eq(first.state, TKT_PLACE_ADMITTED);
    later(&h, 1000);
    cr_assert_eq(poll_place(&h, 1).state, TKT_PLACE_WAITING); /* one at the counter at a time */
    ok(reserve_as(&h, 0, 0, first.admission, &hold));
    tkt_confirm_request confirm;
    tkt_confirm_request_init(&confirm);
    memcpy(confirm.token, hold.token, sizeof(hold.token));
    fresh_key(&h, confirm.key);
    ok(tkt_confirm(h.f.store, &confirm, NULL));
    cr_assert_eq(look_queue(&h).active, 0);
    cr_assert_eq(poll_place(&h, 0).state, TKT_PLACE_OVER);
    later(&h, 1000);
    cr_assert_eq(poll_place(&h, 1).state, TKT_PLACE_ADMITTED);
    buyer(1, key);
    ok(tkt_queue_leave(h.f.store, h.event_id, key));
    ok(tkt_queue_leave(h.f.store, h.event_id, key));
    later(&h, 1000);
    poll_place(&h, 4); /* it is 2's turn, who does not come: his admission runs out */
    cr_assert_eq(look_queue(&h).admitted, 3);
    later(&h, 12000);
    poll_place(&h, 4);
    cr_assert_eq(look_queue(&h).admitted, 4); /* 3's turn */
    later(&h, 12000);
    cr_assert_eq(poll_place(&h, 4).state, TKT_PLACE_ADMITTED);
    cr_assert_eq(join(&h, 2).number, 6); /* behind all others */
    buyer(99, key);
    answers(tkt_queue_leave(h.f.store, h.event_id, key), TKT_NOT_FOUND);
    later(&h, 61000); /* 4's session is over, and nobody has noticed yet */
    tkt_place again = join(&h, 4);
    cr_assert(again.number == 7 && (again.state == TKT_PLACE_WAITING || again.state == TKT_PLACE_ADMITTED));
    close_hall(&h);
}

Test(queue, the_silent_are_passed_over)
{
    hall h;
    open_hall(&h);
    tkt_queue_settings s = settings(0, 60, 1, 1000);
    s.grace_ms = 5000;
    set_queue(&h, s);
    for (uint32_t i = 0; i < 10; i++)
        join(&h, i);
    for (uint32_t second = 0; second < 6; second++) {
        later(&h, 1000);
        poll_place(&h, 9); /* none but the last is there */
    }
    later(&h, 1000);
    cr_assert_eq(poll_place(&h, 9).state, TKT_PLACE_ADMITTED);
    cr_assert_eq(poll_place(&h, 8).state, TKT_PLACE_OVER);
    close_hall(&h);
}

/* ---- admissions ------------------------------------------------------------------------------------------------------------------ */

Test(queue, an_admission_is_its_buyers_for_its_event_and_time)
{
    hall h;
    tkt_hold hold;
    open_hall(&h);
    set_queue(&h, settings(0, 600, 10, 1000));
    answers(reserve_as(&h, 0, 0, NULL, &hold), TKT_NOT_ADMITTED);
    tkt_place p = join(&h, 0), other = join(&h, 1);
    p = poll_place(&h, 0);
    cr_assert_eq(p.state, TKT_PLACE_ADMITTED);
    answers(reserve_as(&h, 0, 0, NULL, &hold), TKT_NOT_ADMITTED);
    answers(reserve_as(&h, 1, 0, p.admission, &hold), TKT_NOT_ADMITTED); /* lent */
    for (uint32_t at = 0; at < TKT_ADMISSION_BYTES; at++) {              /* forged */
        uint8_t forged[TKT_ADMISSION_BYTES];
        memcpy(forged, p.admission, sizeof(forged));
        forged[at] ^= 1;
        answers(reserve_as(&h, 0, 0, forged, &hold), TKT_NOT_ADMITTED);
    }
    tkt_event event = plain_event("test:other", TEST_NOW_MS + INT64_C(86400000));
    uint64_t own = h.event_id, elsewhere = new_event(&h.f, &event);
    h.event_id = elsewhere;
    set_queue(&h, settings(0, 600, 10, 1000));
    answers(reserve_as(&h, 0, 0, p.admission, &hold), TKT_NOT_ADMITTED); /* of another event */
    h.event_id = own;
    ok(reserve_as(&h, 0, 0, p.admission, &hold));
    ok(tkt_queue_rotate(h.f.store, h.event_id));
    ok(reserve_as(&h, 0, 1, p.admission, &hold)); /* one key before is good */
    ok(tkt_queue_rotate(h.f.store, h.event_id));
    answers(reserve_as(&h, 0, 2, p.admission, &hold), TKT_NOT_ADMITTED);
    p = poll_place(&h, 0);
    ok(reserve_as(&h, 0, 2, p.admission, &hold));
    later(&h, 901000); /* the session is over */
    answers(reserve_as(&h, 0, 3, p.admission, &hold), TKT_NOT_ADMITTED);
    cr_assert_eq(poll_place(&h, 0).state, TKT_PLACE_OVER);
    (void)other;
    char text[TKT_ADMISSION_TEXT];
    uint8_t back[TKT_ADMISSION_BYTES];
    tkt_admission_format(p.admission, text);
    ok(tkt_admission_parse(text, sizeof(text), back));
    cr_assert_eq(memcmp(back, p.admission, sizeof(back)), 0);
    answers(tkt_admission_parse(text, 10, back), -TKT_E_PARSE);
    close_hall(&h);
}

/* ---- modes and stock --------------------------------------------------------------------------------------------------------------- */

Test(queue, paused_open_closed)
{
    hall h;
    tkt_hold hold;
    tkt_place place;
    uint8_t key[TKT_BUYER_BYTES];
    open_hall(&h);
    tkt_queue_settings s = settings(0, 60, 1, 1000);
    set_queue(&h, s);
    for (uint32_t i = 0; i < 5; i++)
        join(&h, i);
    s.mode = TKT_QUEUE_PAUSED;
    set_queue(&h, s);
    later(&h, 10000);
    tkt_place p = poll_place(&h, 4);
    cr_assert(p.state == TKT_PLACE_WAITING && p.paused && p.wait_ms == -1 && look_queue(&h).admitted == 1);
    s.mode = TKT_QUEUE_OPEN;
    set_queue(&h, s);
    cr_assert_eq(poll_place(&h, 4).state, TKT_PLACE_FREE);
    ok(reserve_as(&h, 77, 0, NULL, &hold));
    s.mode = TKT_QUEUE_CLOSED;
    set_queue(&h, s);
    answers(reserve_as(&h, 77, 1, NULL, &hold), TKT_NOT_ADMITTED);
    buyer(88, key);
    tkt_place_init(&place);
    answers(tkt_queue_join(h.f.store, h.event_id, key, &place), TKT_NOT_ADMITTED);
    s.mode = TKT_QUEUE_RUNS;
    set_queue(&h, s);
    later(&h, 1000);
    poll_place(&h, 4);
    cr_assert_eq(look_queue(&h).admitted, 2); /* and all kept their places */
    close_hall(&h);
}

Test(queue, nobody_is_let_in_to_an_empty_shelf)
{
    hall h;
    tkt_hold all, rest;
    open_hall(&h);
    tkt_reserve_request request = seats(&h, 0, HALL_SEATS);
    request.area_id = h.area_id;
    request.quantity = FLOOR_PLACES;
    all = new_hold();
    ok(tkt_reserve(h.f.store, &request, &all)); /* before there was a queue */
    set_queue(&h, settings(0, 600, 10, 1000));
    for (uint32_t i = 0; i < 5; i++)
        join(&h, i);
    later(&h, 1000);
    tkt_place p = poll_place(&h, 0);
    cr_assert(p.state == TKT_PLACE_WAITING && p.all_held && !p.sold_out);
    tkt_hold_request release;
    tkt_hold_request_init(&release);
    memcpy(release.token, all.token, sizeof(all.token));
    fresh_key(&h, release.key);
    ok(tkt_release(h.f.store, &release, NULL));
    later(&h, 1000);
    p = poll_place(&h, 0);
    cr_assert(p.state == TKT_PLACE_ADMITTED && !p.all_held);
    request.admission = p.admission;
    buyer(0, request.buyer_key);
    fresh_key(&h, request.key);
    rest = new_hold();
    ok(tkt_reserve(h.f.store, &request, &rest));
    tkt_confirm_request confirm;
    tkt_confirm_request_init(&confirm);
    memcpy(confirm.token, rest.token, sizeof(rest.token));
    fresh_key(&h, confirm.key);
    ok(tkt_confirm(h.f.store, &confirm, NULL));
    join(&h, 50);
    later(&h, 1000);
    p = poll_place(&h, 50);
    cr_assert(p.sold_out && p.state == TKT_PLACE_WAITING && p.wait_ms == -1);
    close_hall(&h);
}

/* ---- the store ------------------------------------------------------------------------------------------------------------------------ */

Test(queue, a_restart_loses_nobodys_place)
{
    hall h;
    tkt_place before[20];
    open_hall(&h);
    set_queue(&h, settings(START, 60, 1, 1000));
    for (uint32_t i = 0; i < 20; i++)
        join(&h, i);
    later(&h, 61000);
    for (uint32_t i = 0; i < 20; i++)
        before[i] = poll_place(&h, i);
    tkt_snapshot_end(h.f.snap);
    h.f.snap = NULL;
    tkt_store_close(h.f.store);
    open_store(&h.f);
    set_bank(&h);
    for (uint32_t i = 0; i < 20; i++) {
        tkt_place p = poll_place(&h, i);
        cr_assert(p.number == before[i].number && p.place == before[i].place && p.state == before[i].state);
    }
    close_hall(&h);
}

Test(queue, removal_goes_by_pieces_and_frees_the_sale)
{
    hall h;
    tkt_hold hold;
    int32_t status;
    uint32_t pieces = 0;
    open_hall(&h);
    answers(tkt_queue_remove(h.f.store, h.event_id), TKT_NOT_FOUND);
    set_queue(&h, settings(0, 60, 1, 1000));
    for (uint32_t i = 0; i < 1200; i++)
        join(&h, i);
    answers(tkt_event_delete(h.f.store, h.event_id, NULL, 0), TKT_IN_USE);
    while ((status = tkt_queue_remove(h.f.store, h.event_id)) == TKT_PENDING) {
        pieces++;
        check_clean(&h.f);
        answers(reserve_as(&h, 0, 0, NULL, &hold), TKT_NOT_ADMITTED);
    }
    ok(status);
    cr_assert_eq(pieces, 2);
    ok(reserve_as(&h, 0, 0, NULL, &hold));
    close_hall(&h);
}

Test(queue, bad_settings_change_nothing)
{
    hall h;
    tkt_place place;
    uint8_t zeros[TKT_BUYER_BYTES] = { 0 };
    open_hall(&h);
    tkt_queue_settings s = settings(0, 60, 1, 1000);
    s.mode = 4;
    answers(tkt_queue_set(h.f.store, h.event_id, &s, 0), -TKT_E_INVALID);
    s = settings(-1, 60, 1, 1000);
    answers(tkt_queue_set(h.f.store, h.event_id, &s, 0), -TKT_E_INVALID);
    s = settings(0, 60, 1, 1000);
    s.claim_ms = 999;
    answers(tkt_queue_set(h.f.store, h.event_id, &s, 0), -TKT_E_INVALID);
    s = settings(0, 60, 1, 1000);
    answers(tkt_queue_set(h.f.store, 999999, &s, 0), TKT_NOT_FOUND);
    ok(tkt_queue_set(h.f.store, h.event_id, &s, TKT_DRY_RUN));
    tkt_place_init(&place);
    answers(tkt_queue_join(h.f.store, h.event_id, zeros, &place), -TKT_E_INVALID);
    zeros[0] = 1;
    answers(tkt_queue_join(h.f.store, h.event_id, zeros, &place), TKT_NOT_FOUND);
    answers(tkt_queue_poll(h.f.store, h.event_id, zeros, &place), TKT_NOT_FOUND);
    close_hall(&h);
}
