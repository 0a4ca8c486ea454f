/* SPDX-License-Identifier: MIT
 *
 * engine/lmdb/turn.c: whose turn it is to write, among the threads of a process and among processes.
 *
 * LMDB has a lock of its own for that: a robust mutex in shared memory. When its owner is killed, the kernel wakes one
 * of those who wait; where that one is killed too before it has the mutex, nobody else hears of it, and all others wait
 * for ever (glibc 2.36 on Linux 6.18: eight writers, five of them killed at once, hang after a few times;
 * tests/race/killed_writers.c). So nobody waits there: who wants to write first takes a lock of the process, then a
 * record lock (fcntl) on STORE/write.lock, which the kernel takes from the dead and gives to the living. LMDB's
 * mutex is then free, or its owner dead, and taken without waiting.
 *
 * A record lock belongs to the process, not to descriptors that a child of fork has too; it is lost when the process
 * closes any descriptor of that file, so there is one, opened once (the registry sees to it). A file system without
 * such locks leaves LMDB's alone. No bytes on disk; a crash lets go of the lock.
 */
#include "engine/lmdb/lmdb_engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define TURN_LOCK "write.lock"
#define CIRCLE_PAUSE_NS 200000

int32_t tkt__turn_open(tkt__lmdb *e, const char *dir)
{
    char path[TKT__LMDB_PATH_MAX + sizeof TURN_LOCK];
    snprintf(path, sizeof path, "%s/" TURN_LOCK, dir);
    e->turn = tkt__file_open(path, O_RDWR | O_CREAT);
    return e->turn >= 0 ? TKT_DONE : tkt__fail_errno(errno, "opening the lock of writers");
}

void tkt__turn_close(tkt__lmdb *e)
{
    if (e->turn >= 0)
        close(e->turn);
    e->turn = -1;
}

/* The kernel sees a deadlock where processes wait for each other, though their threads do not: one has this store and
 * wants that one, another the other way round. The circle opens when a thread is done, so one waits and asks again. */
static int record_lock(const tkt__lmdb *e, short type)
{
    struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_len = 1 };
    int rc;
    while ((rc = fcntl(e->turn, F_SETLKW, &lock)) != 0 && (errno == EINTR || errno == EDEADLK))
        if (errno == EDEADLK)
            nanosleep(&(struct timespec){ 0, CIRCLE_PAUSE_NS }, NULL);
    return rc == 0 || errno == ENOLCK || errno == ENOTSUP || errno == ENOSYS || errno == EINVAL ? 0 : errno;
}

int tkt__turn_take(tkt__lmdb *e)
{
    int rc = pthread_mutex_lock(&e->writer);
    if (rc != 0 || e->turn < 0)
        return rc;
    rc = record_lock(e, F_WRLCK);
    if (rc != 0)
        pthread_mutex_unlock(&e->writer);
    return rc;
}

void tkt__turn_give(tkt__lmdb *e)
{
    if (e->turn >= 0)
        (void)record_lock(e, F_UNLCK);
    pthread_mutex_unlock(&e->writer);
}
