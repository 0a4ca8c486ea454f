/* SPDX-License-Identifier: MIT
 *
 * tests/unit/test_store.c: opening in every way, ids, idempotency, feed and check.
 */
#include "store_help.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(store, .init = up, .fini = down);

Test(store, opens_as_what_it_is)
{
    tkt_store *s, *t;
    char other[160];
    cr_assert_eq(open_as(path, 0, 0, &s), TKT_E_NO_STORE);
    s = make();
    cr_assert_eq(tkt_store_created(s), 1);
    snprintf(other, sizeof other, "%s/link", dir);
    cr_assert_eq(symlink(path, other), 0);
    cr_assert_eq(open_as(path, 0, 0, &t), TKT_E_ALREADY_OPEN);
    cr_assert_eq(open_as(other, 0, 0, &t), TKT_E_ALREADY_OPEN);
    uint8_t salt[TKT_SALT_BYTES], again[TKT_SALT_BYTES];
    cr_assert_eq(tkt_store_salt(s, salt), TKT_DONE);
    tkt_store_close(s);
    cr_assert_eq(open_as(other, 1, 0, &s), TKT_DONE);
    cr_assert_eq(tkt_store_created(s), 0);
    cr_assert_eq(tkt_store_salt(s, again), TKT_DONE);
    cr_assert_eq(memcmp(salt, again, sizeof salt), 0);
    tkt_store_close(s);
}

/* A host that closed its standard files: what is written to them must not reach the store's. */
Test(store, takes_no_standard_file)
{
    int kept = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 100);
    uint32_t done;
    close(STDIN_FILENO);
    tkt_store *s = make();
    int32_t ticked = tkt_tick(s, 0, &done);
    bool taken = fcntl(STDIN_FILENO, F_GETFD) != -1;
    tkt_store_close(s);
    dup2(kept, STDIN_FILENO);
    cr_assert_eq(ticked, TKT_DONE);
    cr_assert_not(taken, "number 0 is a file of the store");
}

Test(store, refuses_what_is_none)
{
    tkt_store *s;
    char file[160];
    snprintf(file, sizeof file, "%s/file", dir);
    int fd = open(file, O_CREAT | O_WRONLY, 0600);
    cr_assert_geq(fd, 0);
    close(fd);
    cr_assert_eq(open_as(file, 0, 0, &s), TKT_E_NOT_A_STORE);
    cr_assert_eq(open_as(file, 1, 0, &s), TKT_E_NOT_A_STORE);
    cr_assert_eq(open_as("", 1, 0, &s), TKT_E_INVALID);
    cr_assert_eq(mkdir(path, 0700), 0);
    snprintf(file, sizeof file, "%s/data.mdb", path);
    fd = open(file, O_CREAT | O_WRONLY, 0600);
    char junk[8192];
    memset(junk, 7, sizeof junk);
    cr_assert_eq(write(fd, junk, sizeof junk), (ssize_t)sizeof junk);
    close(fd);
    cr_assert_eq(open_as(path, 1, 0, &s), TKT_E_NOT_A_STORE);
    cr_assert_eq(truncate(file, 100), 0);
    cr_assert_eq(open_as(path, 1, 0, &s), TKT_E_SHORT_FILE);
}

/* Writes at an offset of the closed store's data file and tells what an open says. */
static int32_t patched(off_t at, const void *bytes, size_t n)
{
    tkt_store *s = NULL;
    char file[160];
    snprintf(file, sizeof file, "%s/data.mdb", path);
    int fd = open(file, O_WRONLY);
    cr_assert_geq(fd, 0);
    cr_assert_eq(pwrite(fd, bytes, n, at), (ssize_t)n);
    close(fd);
    int32_t status = open_as(path, 0, 0, &s);
    if (status == TKT_DONE)
        tkt_store_close(s);
    return status;
}

Test(store, tells_word_size_and_version_apart)
{
    const uint32_t magic = 0xBEEFC0DE, zero = 0, version = 999;
    const off_t here = (off_t)sizeof(size_t) + 8, there = (off_t)(12 - sizeof(size_t)) + 8;
    tkt_store_close(make());
    cr_assert_eq(patched(here + 4, &version, 4), TKT_E_VERSION);
    cr_assert_eq(patched(here, &zero, 4), TKT_E_NOT_A_STORE);
    cr_assert_eq(patched(there, &magic, 4), TKT_E_WORD_SIZE);
}

Test(store, a_cut_file_is_refused_not_mapped)
{
    tkt_store *s;
    char file[160];
    struct stat st;
    tkt_store_close(make());
    snprintf(file, sizeof file, "%s/data.mdb", path);
    cr_assert_eq(stat(file, &st), 0);
    cr_assert_eq(truncate(file, 5000), 0);
    cr_assert_eq(open_as(path, 0, 0, &s), TKT_E_SHORT_FILE);
}

Test(store, leftovers_of_dead_creators_go)
{
    char file[160];
    cr_assert_eq(mkdir(path, 0700), 0);
    snprintf(file, sizeof file, "%s/.new-999999999", path);
    close(open(file, O_CREAT | O_WRONLY, 0600));
    tkt_store_close(make());
    cr_assert_neq(access(file, F_OK), 0);
    /* Of a restore that was killed, whatever it had come to. */
    snprintf(file, sizeof file, "%s/.restore-999999999", path);
    cr_assert_eq(mkdir(file, 0700), 0);
    snprintf(file, sizeof file, "%s/.restore-999999999/data.mdb.copy-999999999", path);
    close(open(file, O_CREAT | O_WRONLY, 0600));
    tkt_store_close(make());
    snprintf(file, sizeof file, "%s/.restore-999999999", path);
    cr_assert_neq(access(file, F_OK), 0);
}

Test(store, a_child_is_told_to_open_anew)
{
    tkt_store *s = make();
    pid_t child = fork();
    if (child == 0) {
        tkt_snapshot *snap;
        uint64_t id, seen = 0;
        bool right = tkt_snapshot_begin(s, &snap) == -TKT_E_FORKED &&
                     tkt__id_take(s, TKT__ID_EVENT, 1, &id) == -TKT_E_FORKED && tkt_wait(s, 0, &seen) == -TKT_E_FORKED;
        tkt_store_close(s);
        tkt_store *mine;
        right = right && open_as(path, 0, 0, &mine) == TKT_DONE;
        if (right)
            tkt_store_close(mine);
        _exit(right ? 0 : 1);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    uint64_t id;
    cr_assert_eq(tkt__id_take(s, TKT__ID_EVENT, 1, &id), TKT_DONE);
    tkt_store_close(s);
}

Test(store, outlives_its_handle_while_a_snapshot_is_open)
{
    tkt_store *s = make(), *t;
    tkt_snapshot *snap;
    cr_assert_eq(tkt_snapshot_begin(s, &snap), TKT_DONE);
    tkt_store_close(s);
    cr_assert_eq(tkt_snapshot_renew(snap), TKT_DONE);
    cr_assert_eq(open_as(path, 0, 0, &t), TKT_E_ALREADY_OPEN);
    tkt_snapshot_end(snap);
    tkt_store_close(make());
}

Test(store, old_snapshots_refuse)
{
    tkt_store *s = make();
    tkt_snapshot *snap;
    tkt__tx *tx;
    cr_assert_eq(tkt_snapshot_begin(s, &snap), TKT_DONE);
    mono += 60000;
    cr_assert_eq(tkt__snapshot_tx(snap, &tx), TKT_DONE);
    mono += 1;
    cr_assert_eq(tkt__snapshot_tx(snap, &tx), -TKT_E_TOO_OLD);
    cr_assert_eq(tkt_snapshot_renew(snap), TKT_DONE);
    cr_assert_eq(tkt__snapshot_tx(snap, &tx), TKT_DONE);
    tkt_snapshot_end(snap);
    tkt_store_close(s);
}

static bool forked(int32_t status)
{
    return tkt_status_primary(status) == TKT_E_FORKED;
}

Test(store, a_snapshot_of_the_parent_is_refused_in_a_child)
{
    tkt_store *s = make();
    tkt_snapshot *snap;
    uint64_t id = 0;
    int status;
    cr_assert_eq(tkt_snapshot_begin(s, &snap), TKT_DONE);
    pid_t child = fork();
    if (child == 0) {
        int64_t now;
        uint8_t salt[TKT_SALT_BYTES];
        tkt_batch *batch;
        bool right = forked(tkt_venue_find(snap, (tkt_text){ "x", 1 }, (tkt_text){ "", 0 }, (tkt_text){ "", 0 }, &id)) &&
                     forked(tkt_snapshot_renew(snap)) && forked(tkt_clock_now(s, &now)) && forked(tkt_clock_confirm(s)) &&
                     forked(tkt_clock_reset(s)) && forked(tkt_store_salt(s, salt)) && forked(tkt_batch_new(s, &batch)) &&
                     forked(tkt_store_set_payment(s, NULL));
        _exit(right ? 0 : 1);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    tkt_snapshot_end(snap);
    tkt_store_close(s);
}

Test(store, ids_are_dense_and_given_once)
{
    uint64_t first, next;
    tkt_store *s = make();
    cr_assert_eq(tkt__id_take(s, TKT__ID_BOOKING, 3, &first), TKT_DONE);
    cr_assert_eq(first, 1);
    cr_assert_eq(tkt__id_take(s, TKT__ID_BOOKING, 2, &next), TKT_DONE);
    tkt__id_give_back(s, TKT__ID_BOOKING, next, 2);
    tkt_store_close(s);
    s = make();
    cr_assert_eq(tkt__id_take(s, TKT__ID_BOOKING, 1, &next), TKT_DONE);
    cr_assert_eq(next, 4);
    cr_assert_eq(tkt__id_take(s, TKT__ID_EVENT, 1, &next), TKT_DONE);
    cr_assert_eq(next, 1);
    tkt_store_close(s);
}

typedef struct call {
    uint8_t key[16], print[16];
    char result[8];
} call;

static int32_t remember(tkt__tx *tx, void *ctx)
{
    call *c = ctx;
    const tkt__guard guard = { TKT__G_EVENT, 7 };
    tkt__slice was;
    int32_t s = tkt__idem_find(tx, guard, TKT__OP_RESERVE, c->key, c->print, &was);
    if (s == TKT_REPLAYED)
        memcpy(c->result, was.p, was.n);
    if (s != TKT_NOT_FOUND)
        return s;
    s = tkt__feed_append(tx, guard, TKT__F_CLAIM, "claim", 5);
    return s != TKT_DONE ? s : tkt__idem_store(tx, guard, TKT__OP_RESERVE, c->key, c->print, c->result, 8);
}

static int32_t run(tkt_store *s, call *c, uint32_t flags)
{
    const tkt__guard guard = { TKT__G_EVENT, 7 };
    return tkt__store_run(s, &guard, 1, flags, remember, c);
}

Test(store, a_key_answers_its_first_result)
{
    tkt_store *s = make();
    call c = { { 1 }, { 2 }, "first" }, other = { { 1 }, { 3 }, "other" }, again = { { 1 }, { 2 }, "" };
    cr_assert_eq(run(s, &c, TKT_DRY_RUN), TKT_DONE);
    cr_assert_eq(run(s, &c, 0), TKT_DONE);
    cr_assert_eq(run(s, &again, 0), TKT_REPLAYED);
    cr_assert_str_eq(again.result, "first");
    cr_assert_eq(run(s, &other, 0), TKT_KEY_REUSED);
    uint32_t done;
    cr_assert_eq(tkt_tick(s, 0, &done), TKT_DONE);
    cr_assert_eq(done, 0);
    for (int day = 0; day < 9; day++) /* believed step by step, as time passes */
        wall += 86400000, mono += 86400000;
    cr_assert_eq(tkt_tick(s, 0, &done), TKT_DONE);
    cr_assert_eq(done, 1);
    cr_assert_eq(run(s, &other, 0), TKT_DONE);
    uint64_t problems;
    cr_assert_eq(tkt_check(s, NULL, NULL, &problems), TKT_DONE);
    cr_assert_eq(problems, 0);
    tkt_store_close(s);
}

static int32_t tear_feed(tkt__tx *tx, void *ctx)
{
    uint8_t key[TKT__GUARD_BYTES + 8];
    (void)ctx;
    tkt__guard_key((tkt__guard){ TKT__G_EVENT, 7 }, key);
    tkt__be64(key + TKT__GUARD_BYTES, 2);
    return tkt__tx_del(tx, TKT__T_FEED, tkt__slice_of(key, sizeof key));
}

Test(store, check_sees_a_gap_in_the_feed)
{
    tkt_store *s = make();
    const tkt__guard guard = { TKT__G_EVENT, 7 };
    uint64_t problems;
    for (uint8_t i = 1; i <= 3; i++) {
        call c = { { i }, { i }, "" };
        cr_assert_eq(run(s, &c, 0), TKT_DONE);
    }
    cr_assert_eq(tkt__store_run(s, &guard, 1, 0, tear_feed, NULL), TKT_DONE);
    cr_assert_eq(tkt_check(s, NULL, NULL, &problems), TKT_DONE);
    cr_assert_eq(problems, 1);
    tkt_store_close(s);
}

Test(store, read_only_reads)
{
    tkt_store *s = make();
    tkt_store_close(s);
    cr_assert_eq(open_as(path, 0, 1, &s), TKT_DONE, "%s", tkt_error_text());
    uint32_t done;
    uint64_t problems;
    cr_assert_eq(tkt_tick(s, 0, &done), -TKT_E_READ_ONLY);
    cr_assert_eq(tkt_check(s, NULL, NULL, &problems), TKT_DONE);
    tkt_store_close(s);
}

/* ---- limits of the file --------------------------------------------------------------------------- */

static tkt_store *open_limited(uint64_t map_bytes, uint32_t readers)
{
    tkt_options *o;
    tkt_store *store = NULL;
    cr_assert_eq(tkt_options_new(&o), TKT_DONE);
    cr_assert_eq(tkt_options_set_create(o, 1), TKT_DONE);
    cr_assert_eq(tkt_options_set_map_bytes(o, map_bytes), TKT_DONE);
    cr_assert_eq(tkt_options_set_readers(o, readers), TKT_DONE);
    cr_assert_eq(tkt_store_open(path, strlen(path), o, &store), TKT_DONE, "%s", tkt_error_text());
    tkt_options_free(o);
    return store;
}

static int32_t add_large_event(tkt_store *store)
{
    static char text[8000];
    tkt_created made = TKT_CREATED_INIT;
    tkt_event event;
    memset(text, 'x', sizeof text);
    tkt_event_init(&event);
    event.name = (tkt_text){ "Large", 5 };
    event.description = (tkt_text){ text, sizeof text };
    return tkt_event_create(store, &event, NULL, 0, &made);
}

static uint64_t events_of(tkt_store *store)
{
    tkt_stats stats;
    uint64_t problems = 9;
    tkt_stats_init(&stats);
    cr_assert_eq(tkt_store_stats(store, &stats), TKT_DONE);
    cr_assert_eq(tkt_check(store, NULL, NULL, &problems), TKT_DONE, "%s", tkt_error_text());
    cr_assert_eq(problems, 0);
    return stats.events;
}

Test(store, a_full_map_refuses_and_loses_nothing)
{
    tkt_store *store = open_limited(UINT64_C(2) << 20, 0);
    uint64_t made = 0;
    int32_t status;
    while ((status = add_large_event(store)) == TKT_DONE)
        cr_assert(++made < 1000);
    cr_assert_eq(tkt_status_primary(status), TKT_E_FULL, "%s", tkt_error_text());
    made += add_large_event(store) == TKT_DONE; /* pages that were freed meanwhile may just do */
    cr_assert(made > 10);
    cr_assert_eq(events_of(store), made);
    tkt_store_close(store);
    store = open_limited(UINT64_C(8) << 20, 0); /* a larger map, and it goes on */
    cr_assert_eq(add_large_event(store), TKT_DONE);
    cr_assert_eq(events_of(store), made + 1);
    tkt_store_close(store);
}

/* A child process opens with a larger map and writes past the end of ours. */
static void let_a_child_grow_it(uint32_t events)
{
    pid_t pid = fork();
    cr_assert(pid >= 0);
    if (pid == 0) {
        tkt_store *larger = open_limited(UINT64_C(64) << 20, 0); /* our snapshots pin old pages */
        for (uint32_t i = 0; i < events; i++)
            if (add_large_event(larger) != TKT_DONE) {
                fprintf(stderr, "event %u: %s\n", i, tkt_error_text());
                _exit(1);
            }
        tkt_store_close(larger);
        _exit(0);
    }
    int how = 1;
    cr_assert_eq(waitpid(pid, &how, 0), pid);
    cr_assert_eq(how, 0);
}

Test(store, a_map_that_another_process_made_larger_is_taken_over)
{
    tkt_store *store = open_limited(UINT64_C(2) << 20, 0);
    tkt_snapshot *one, *two;
    cr_assert_eq(add_large_event(store), TKT_DONE);
    cr_assert_eq(tkt_snapshot_begin(store, &one), TKT_DONE);
    cr_assert_eq(tkt_snapshot_begin(store, &two), TKT_DONE);
    let_a_child_grow_it(400);
    tkt_event event = { .size = sizeof event };
    cr_assert_eq(tkt_snapshot_renew(one), -TKT_E_BUSY, "%s", tkt_error_text()); /* `two` reads the old map */
    cr_assert_eq(tkt_event_view(two, 1, &event), TKT_DONE);
    cr_assert_eq(event.description.len, 8000);
    cr_assert_eq(add_large_event(store), -TKT_E_BUSY);
    tkt_snapshot_end(two);
    cr_assert_eq(tkt_snapshot_renew(one), TKT_DONE, "%s", tkt_error_text());
    cr_assert_eq(tkt_event_view(one, 401, &event), TKT_DONE);
    cr_assert_eq(event.description.ptr[7999], 'x');
    tkt_snapshot_end(one);
    cr_assert_eq(add_large_event(store), TKT_DONE);
    cr_assert_eq(events_of(store), 402);
    tkt_store_close(store);
}

Test(store, a_full_reader_table_is_told)
{
    tkt_store *store = open_limited(UINT64_C(8) << 20, 8);
    tkt_snapshot *open[64];
    uint32_t n = 0;
    int32_t status = TKT_DONE;
    while (n < 64 && (status = tkt_snapshot_begin(store, &open[n])) == TKT_DONE)
        n++;
    cr_assert_eq(tkt_status_primary(status), TKT_E_READERS, "%s after %u", tkt_error_text(), n);
    cr_assert_eq(add_large_event(store), TKT_DONE); /* writers need no slot */
    tkt_snapshot_end(open[--n]);
    cr_assert_eq(tkt_snapshot_begin(store, &open[n++]), TKT_DONE);
    while (n > 0)
        tkt_snapshot_end(open[--n]);
    tkt_store_close(store);
}

/* Takes snapshots until there is none any more, and holds them until it is told to go. */
static void hold_snapshots(int up, int down)
{
    char byte = 0;
    tkt_store *mine = open_limited(64 << 20, 600);
    tkt_snapshot *snap;
    int n = 0;
    while (n < 700 && tkt_snapshot_begin(mine, &snap) == TKT_DONE)
        n++;
    bool right = write(up, &n, sizeof n) == sizeof n && read(down, &byte, 1) == 0;
    _exit(right ? 0 : 1);
}

/* Whoever opens a store that others have takes its readers' slots as they are: theirs end where their map ends. */
Test(store, another_process_may_want_more_readers)
{
    tkt_store *s = open_limited(64 << 20, 16);
    tkt_stats stats = TKT_STATS_INIT;
    int up[2], down[2], n = 0, status;
    uint64_t id;
    cr_assert_eq(pipe(up) | pipe(down), 0);
    pid_t child = fork();
    if (child == 0) {
        close(down[1]);
        hold_snapshots(up[1], down[0]);
    }
    cr_assert_eq(read(up[0], &n, sizeof n), (ssize_t)sizeof n);
    cr_assert(n > 0 && n < 600, "%d", n);
    cr_assert_eq(tkt_status_primary(tkt_store_stats(s, &stats)), TKT_E_READERS); /* they are all taken, and looked through */
    cr_assert_eq(tkt__id_take(s, TKT__ID_EVENT, 1, &id), TKT_DONE);
    close(down[1]);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    tkt_store_close(s);
}

Test(store, slots_of_dead_readers_come_back)
{
    tkt_store_close(open_limited(UINT64_C(8) << 20, 8));
    pid_t child = fork();
    if (child == 0) { /* takes all slots and is killed */
        tkt_store *store = open_limited(UINT64_C(8) << 20, 8);
        tkt_snapshot *s;
        while (tkt_snapshot_begin(store, &s) == TKT_DONE)
            continue;
        kill(getpid(), SIGKILL);
    }
    int how;
    cr_assert(waitpid(child, &how, 0) == child && WIFSIGNALED(how));
    tkt_store *store = open_limited(UINT64_C(8) << 20, 8);
    tkt_snapshot *s;
    cr_assert_eq(tkt_snapshot_begin(store, &s), TKT_DONE, "%s", tkt_error_text());
    tkt_snapshot_end(s);
    tkt_store_close(store);
}
