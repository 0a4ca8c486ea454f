/* SPDX-License-Identifier: MIT
 *
 * tests/unit/test_store_clock.c: the store's clock: it never goes back, doubts leaps, is one for all processes, and is set
 * right for all of them.
 */
#include "store_help.h"

#include <pthread.h>
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

/* Nobody asks for a night; the clock of the machine is right by then. */
Test(store_clock, who_slept_believes_a_clock_that_was_set_right)
{
    tkt_store *s = make();
    uint64_t id;
    int64_t now;
    wall = NOW + YEARS;
    cr_assert_eq(tkt_clock_confirm(s), TKT_DONE);
    cr_assert_eq(tkt__id_take(s, TKT__ID_BOOKING, 1, &id), TKT_DONE);
    commits(NOW, true);
    wall = NOW + 8 * 3600000, mono += 8 * 3600000;
    cr_assert_eq(tkt__id_take(s, TKT__ID_EVENT, 1, &id), TKT_DONE);
    cr_assert_eq(tkt_clock_now(s, &now), TKT_DONE);
    cr_assert_eq(now, wall);
    tkt_store_close(s);
}

static _Thread_local int asked; /* by the thread that resets: from 1 on */
static _Atomic bool waits, goes_on;

/* The wall clock, which makes its asker wait at the last look of a reset. */
static int64_t slow_wall(void *user)
{
    (void)user;
    if (asked > 0 && ++asked > 3) { /* his own look, that of his commit, and this one */
        atomic_store(&waits, true);
        for (int i = 0; i < 200 && !atomic_load(&goes_on); i++)
            usleep(1000);
    }
    return wall;
}

static void *resets(void *store)
{
    asked = 1;
    return tkt_clock_reset(store) == TKT_DONE ? store : NULL;
}

static void *takes(void *store)
{
    uint64_t id;
    return tkt__id_take(store, TKT__ID_EVENT, 1, &id) == TKT_DONE ? store : NULL;
}

/* Another thread commits while the one that has set the clock right is still about to follow that itself. */
Test(store_clock, a_reset_is_not_overtaken)
{
    tkt_options *o;
    tkt_hooks hooks = TKT_HOOKS_INIT;
    tkt_store *s;
    pthread_t one, two;
    void *did;
    uint64_t id;
    int64_t now;
    hooks.wall_ms = slow_wall;
    hooks.monotonic_ms = fake_mono;
    cr_assert_eq(tkt_options_new(&o), TKT_DONE);
    cr_assert_eq(tkt_options_set_create(o, 1) | tkt_options_set_map_bytes(o, 64 << 20) | tkt_options_set_hooks(o, &hooks), TKT_DONE);
    cr_assert_eq(tkt_store_open(path, strlen(path), o, &s), TKT_DONE);
    tkt_options_free(o);
    wall = NOW + YEARS;
    cr_assert_eq(tkt_clock_confirm(s), TKT_DONE);
    cr_assert_eq(tkt__id_take(s, TKT__ID_BOOKING, 1, &id), TKT_DONE);
    wall = NOW;
    cr_assert_eq(pthread_create(&one, NULL, resets, s), 0);
    while (!atomic_load(&waits))
        usleep(100);
    cr_assert_eq(pthread_create(&two, NULL, takes, s), 0);
    usleep(50000);
    atomic_store(&goes_on, true);
    cr_assert(pthread_join(one, &did) == 0 && did == s);
    cr_assert(pthread_join(two, &did) == 0 && did == s);
    cr_assert_eq(tkt__id_take(s, TKT__ID_VENUE, 1, &id), TKT_DONE);
    cr_assert_eq(tkt_clock_now(s, &now), TKT_DONE);
    cr_assert_eq(now, NOW);
    tkt_store_close(s);
}

/* Copies that were made right after a reset go by the time that was set, and so does what is made of them. */
Test(store_clock, copies_keep_a_reset)
{
    static const char *const names[] = { "copy", "compact", "export" };
    tkt_store *s = make(), *there;
    tkt_options *o;
    tkt_hooks hooks = TKT_HOOKS_INIT;
    char file[128], folder[128];
    uint64_t id, problems;
    int64_t now;
    hooks.wall_ms = fake_wall;
    hooks.monotonic_ms = fake_mono;
    wall = NOW + YEARS;
    cr_assert_eq(tkt_clock_confirm(s), TKT_DONE);
    cr_assert_eq(tkt__id_take(s, TKT__ID_BOOKING, 1, &id), TKT_DONE);
    wall = NOW;
    cr_assert_eq(tkt_clock_reset(s), TKT_DONE);
    for (int i = 0; i < 3; i++) {
        snprintf(file, sizeof file, "%s/%s", dir, names[i]);
        snprintf(folder, sizeof folder, "%s/of-%s", dir, names[i]);
        cr_assert_eq(i < 2 ? tkt_store_backup(s, file, strlen(file), i == 1 ? TKT_BACKUP_COMPACT : 0)
                           : tkt_store_export(s, file, strlen(file)), TKT_DONE, "%s", tkt_error_text());
        cr_assert_eq(tkt_options_new(&o), TKT_DONE);
        cr_assert_eq(tkt_options_set_map_bytes(o, 64 << 20) | tkt_options_set_hooks(o, &hooks), TKT_DONE);
        cr_assert_eq(tkt_store_restore(folder, strlen(folder), file, strlen(file), o), TKT_DONE, "%s", tkt_error_text());
        tkt_options_free(o);
        cr_assert_eq(open_as(folder, 0, 0, &there), TKT_DONE);
        cr_assert_eq(tkt_clock_now(there, &now), TKT_DONE);
        cr_assert_eq(now, NOW, "%s: %lld", names[i], (long long)(now - NOW));
        cr_assert_eq(tkt__id_take(there, TKT__ID_BOOKING, 1, &id), TKT_DONE);
        cr_assert_eq(tkt_clock_now(there, &now), TKT_DONE);
        cr_assert_eq(now, NOW);
        wall = NOW + YEARS; /* and it can be set right again */
        cr_assert_eq(tkt_clock_confirm(there), TKT_DONE);
        wall = NOW;
        cr_assert_eq(tkt_clock_reset(there), TKT_DONE);
        cr_assert_eq(tkt_clock_now(there, &now), TKT_DONE);
        cr_assert_eq(now, NOW);
        cr_assert(tkt_check(there, NULL, NULL, &problems) == TKT_DONE && problems == 0);
        tkt_store_close(there);
    }
    tkt_store_close(s);
}
