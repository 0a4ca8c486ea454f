/* SPDX-License-Identifier: MIT
 *
 * tests/unit/test_store_clock.c: the store's clock: it never goes back, doubts leaps, is one for all processes, and is set
 * right for all of them.
 */
#include "store_help.h"

#include <sys/wait.h>
#include <unistd.h>

TestSuite(store_clock, .init = up, .fini = down);

Test(store_clock, clock_never_goes_back_and_doubts_leaps)
{
    tkt_store *s = make();
    int64_t now;
    wall -= 3600000, mono += 10;
    cr_assert_eq(tkt_clock_now(s, &now), TKT_DONE);
    cr_assert_eq(now, NOW + 10);
    wall = NOW + 86400000, mono += 10;
    cr_assert_eq(tkt_clock_now(s, &now), TKT_DONE);
    cr_assert_eq(now, NOW + 20);
    tkt_stats stats = TKT_STATS_INIT;
    cr_assert_eq(tkt_store_stats(s, &stats), TKT_DONE);
    cr_assert_eq(stats.clock_frozen_ms, 86400000 - 20);
    cr_assert_eq(tkt_clock_confirm(s), TKT_DONE);
    cr_assert_eq(tkt_clock_now(s, &now), TKT_DONE);
    cr_assert_eq(now, NOW + 86400000);
    uint64_t id;
    cr_assert_eq(tkt__id_take(s, TKT__ID_EVENT, 1, &id), TKT_DONE); /* a commit: the floor is kept */
    tkt_store_close(s);
    wall = NOW, mono = 5;
    s = make();
    cr_assert_eq(tkt_clock_now(s, &now), TKT_DONE);
    cr_assert_eq(now, NOW + 86400000);
    cr_assert_eq(tkt_clock_reset(s), TKT_DONE);
    cr_assert_eq(tkt_clock_now(s, &now), TKT_DONE);
    cr_assert_eq(now, NOW);
    tkt_store_close(s);
    s = make();
    cr_assert_eq(tkt_clock_now(s, &now), TKT_DONE);
    cr_assert_eq(now, NOW);
    tkt_store_close(s);
    wall = INT64_C(1000000000000);
    cr_assert_eq(open_as(path, 0, 0, &s), TKT_E_CLOCK);
    wall = INT64_C(2840140800000); /* 2060: no deadline is so far */
    cr_assert_eq(open_as(path, 0, 0, &s), TKT_E_CLOCK);
}

/* Another process's clock is a minute ahead: time goes on from there for this one too, it does not stand there. */
Test(store_clock, clock_goes_on_from_where_another_process_is)
{
    tkt_store *s = make();
    uint64_t id;
    int64_t now;
    int status;
    pid_t child = fork();
    if (child == 0) {
        tkt_store *mine;
        wall += 60000;
        bool right = open_as(path, 0, 0, &mine) == TKT_DONE && tkt__id_take(mine, TKT__ID_EVENT, 1, &id) == TKT_DONE;
        if (right)
            tkt_store_close(mine);
        _exit(right ? 0 : 1);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    cr_assert_eq(tkt__id_take(s, TKT__ID_BOOKING, 1, &id), TKT_DONE);
    wall += 1000, mono += 1000;
    cr_assert_eq(tkt_clock_now(s, &now), TKT_DONE);
    cr_assert_eq(now, NOW + 61000);
    tkt_store_close(s);
}

#define YEARS (INT64_C(86400000) * 365 * 5)

static bool commit_at(int64_t wall_ms, bool reset)
{
    tkt_store *mine;
    uint64_t id;
    int64_t now;
    wall = wall_ms;
    bool right = open_as(path, 0, 0, &mine) == TKT_DONE;
    for (int i = 0; right && reset && i < 2; i++) /* once more does no harm */
        right = tkt_clock_reset(mine) == TKT_DONE && tkt_clock_now(mine, &now) == TKT_DONE && now == wall_ms;
    right = right && tkt__id_take(mine, TKT__ID_EVENT, 1, &id) == TKT_DONE;
    right = right && (!reset || (tkt_clock_now(mine, &now) == TKT_DONE && now == wall_ms));
    if (right)
        tkt_store_close(mine);
    return right;
}

/* In a process of its own. */
static void commits(int64_t wall_ms, bool reset)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(commit_at(wall_ms, reset) ? 0 : 1);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
}

Test(store_clock, a_clock_set_right_is_right_for_all)
{
    tkt_store *s = make();
    uint64_t id;
    int64_t now;
    commits(NOW + YEARS, false);
    cr_assert_eq(tkt__id_take(s, TKT__ID_BOOKING, 1, &id), TKT_DONE);
    cr_assert_eq(tkt_clock_now(s, &now), TKT_DONE);
    cr_assert_eq(now, NOW + YEARS); /* it has followed the store */
    commits(NOW, true);
    cr_assert_eq(tkt__id_take(s, TKT__ID_PERFORMER, 1, &id), TKT_DONE); /* of another kind: a commit */
    cr_assert_eq(tkt_clock_now(s, &now), TKT_DONE);
    cr_assert_eq(now, NOW);
    /* Time that was set right does not go back either. */
    wall = NOW + 86400000, mono += 86400000;
    cr_assert_eq(tkt__id_take(s, TKT__ID_VENUE, 1, &id), TKT_DONE);
    tkt_store_close(s);
    wall = NOW, mono = 5;
    s = make();
    cr_assert_eq(tkt_clock_now(s, &now), TKT_DONE);
    cr_assert_eq(now, NOW + 86400000);
    tkt_store_close(s);
}

/* The process whose own clock is wrong goes on from the store's time and is told. */
Test(store_clock, who_is_wrong_himself_follows_a_reset)
{
    tkt_store *s = make();
    tkt_stats stats = TKT_STATS_INIT;
    uint64_t id;
    int64_t now;
    wall = NOW + YEARS;
    cr_assert_eq(tkt_clock_confirm(s), TKT_DONE);
    cr_assert_eq(tkt__id_take(s, TKT__ID_BOOKING, 1, &id), TKT_DONE);
    commits(NOW, true);
    cr_assert_eq(tkt_tick(s, 0, NULL), TKT_DONE);
    mono += 1000;
    cr_assert_eq(tkt_clock_now(s, &now), TKT_DONE);
    cr_assert_eq(now, NOW + 1000);
    cr_assert_eq(tkt_store_stats(s, &stats), TKT_DONE);
    cr_assert_eq(stats.clock_frozen_ms, YEARS - 1000);
    tkt_store_close(s);
}
