/* SPDX-License-Identifier: MIT
 *
 * store/notice.c: tells every process that has the store open that there was a commit.
 *
 * STORE/notice is one page that all map: a counter that grows with each commit, and a flag that someone sleeps until it
 * does. It carries no truth: it is never synced, a crash may leave any bytes in it, and whoever cannot map it asks the
 * engine now and then instead. A committer makes a system call only where the flag is set, and clears it: a sleeper
 * that was killed costs one such call and no more.
 */
#include "store/internal.h"

#include <ticketing/feed.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#endif

#define NOTICE_FILE "notice"
#define NOTICE_BYTES 4096
#define WAIT_MOST_MS INT64_C(60000)
#define POLL_FIRST_MS 1
#define POLL_MOST_MS 50

struct tkt__notice {
    _Atomic uint32_t count;
    _Atomic uint32_t sleeps; /* somebody does, until count grows */
};
_Static_assert(sizeof(tkt__notice) <= NOTICE_BYTES, "the notice is one page");

void tkt__notice_open(tkt_store *store, const char *dir)
{
    char path[TKT__PATH_MAX];
    struct stat st;
    int n = snprintf(path, sizeof path, "%s/" NOTICE_FILE, dir);
    int fd = n < 0 || (size_t)n >= sizeof path ? -1
             : tkt__file_open(path, (store->read_only ? O_RDONLY : O_RDWR | O_CREAT) | O_NOFOLLOW);
    if (fd < 0)
        return;
    bool fits = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
                (st.st_size == NOTICE_BYTES || !store->read_only) && (store->read_only || tkt__file_fill(fd, NOTICE_BYTES) == 0);
    if (fits) {
        void *page = mmap(NULL, NOTICE_BYTES, store->read_only ? PROT_READ : PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        store->notice = page != MAP_FAILED ? page : NULL;
    }
    close(fd);
}

void tkt__notice_close(tkt_store *store)
{
    if (store->notice != NULL)
        munmap(store->notice, NOTICE_BYTES);
    store->notice = NULL;
}

/* ---- sleeping ---------------------------------------------------------------------------------------------- */

/* Of the machine, not of the host's hooks: a sleep lasts as long as it lasts whatever a simulated clock says. */
static int64_t real_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void rest(int64_t ms)
{
    const struct timespec t = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };
    nanosleep(&t, NULL);
}

#ifdef __linux__
/* The call that takes a 64-bit time on 32-bit machines has a name of its own. */
#ifdef SYS_futex_time64
#define FUTEX_CALL SYS_futex_time64
#else
#define FUTEX_CALL SYS_futex
#endif

static void sleep_on(tkt__notice *notice, uint32_t seen, int64_t ms)
{
    const struct timespec t = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };
    if (syscall(FUTEX_CALL, &notice->count, FUTEX_WAIT, seen, &t, NULL, 0) != 0 && errno == ENOSYS)
        rest(ms < POLL_MOST_MS ? ms : POLL_MOST_MS);
}

static void wake(tkt__notice *notice)
{
    syscall(FUTEX_CALL, &notice->count, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}
#else
static void sleep_on(tkt__notice *notice, uint32_t seen, int64_t ms)
{
    (void)notice, (void)seen;
    rest(ms < POLL_MOST_MS ? ms : POLL_MOST_MS);
}

static void wake(tkt__notice *notice)
{
    (void)notice;
}
#endif

void tkt__notice_committed(void *user, uint64_t stamp)
{
    tkt__notice *notice = ((tkt_store *)user)->notice;
    (void)stamp;
    if (notice == NULL)
        return;
    atomic_fetch_add(&notice->count, 1);
    if (atomic_load(&notice->sleeps) != 0 && atomic_exchange(&notice->sleeps, 0) != 0)
        wake(notice);
}

/* ---- waiting ------------------------------------------------------------------------------------------------ */

/* A number that differs once something was committed; never 0. */
static int32_t present(tkt_store *store, uint64_t *now)
{
    void *engine;
    tkt__engine_stats stats;
    if (store->notice != NULL) {
        *now = (UINT64_C(1) << 32) | atomic_load(&store->notice->count);
        return TKT_DONE;
    }
    int32_t status = tkt__kv_ops(store->kv, &engine)->stats(engine, &stats);
    *now = stats.last_stamp + 1;
    return status;
}

/* Until count is not what was seen, or the time is over. Where the page is mapped for reading only nobody learns of
 * the sleeper, so it looks now and then. */
static void wait_once(tkt_store *store, uint64_t seen, int64_t left_ms, int64_t *pause_ms)
{
    if (store->notice == NULL || store->read_only) {
        rest(left_ms < *pause_ms ? left_ms : *pause_ms);
        *pause_ms = *pause_ms * 2 < POLL_MOST_MS ? *pause_ms * 2 : POLL_MOST_MS;
        return;
    }
    atomic_store(&store->notice->sleeps, 1);
    if (atomic_load(&store->notice->count) == (uint32_t)seen)
        sleep_on(store->notice, (uint32_t)seen, left_ms);
}

int32_t tkt_wait(tkt_store *store, int64_t timeout_ms, uint64_t *seen)
{
    uint64_t now = 0;
    int64_t pause_ms = POLL_FIRST_MS;
    if (store == NULL || seen == NULL || timeout_ms < 0 || timeout_ms > WAIT_MOST_MS)
        return tkt__fail(TKT_E_INVALID, "store, seen and a time of 0 to %lld ms are needed", (long long)WAIT_MOST_MS);
    int64_t end_ms = real_ms() + timeout_ms;
    int32_t here = tkt__kv_here(store->kv);
    if (here != TKT_DONE)
        return here;
    for (;;) {
        int32_t status = present(store, &now);
        int64_t left_ms = end_ms - real_ms();
        if (status != TKT_DONE)
            return status;
        if (now != *seen || left_ms <= 0)
            break;
        wait_once(store, *seen, left_ms, &pause_ms);
    }
    *seen = now;
    return TKT_DONE;
}
