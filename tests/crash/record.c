/* SPDX-License-Identifier: MIT
 *
 * tests/crash/record.c: a preload library that records what a program does to the files of one folder.
 *
 *   LD_PRELOAD=…/librecord.so TKT_CRASH_DIR=/absolute/folder TKT_CRASH_LOG=file program
 *
 * Each call is made first and recorded when it has returned, so a record means that the kernel has it. One thread
 * writes at a time in the programs that are recorded; a lock keeps records whole all the same.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "log.h"

#define FDS 1024

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;
static char folder[4096];
static uint8_t watched[FDS]; /* 1: a file of the folder; 2: the file of acknowledgements */

__attribute__((constructor)) static void begin(void)
{
    const char *dir = getenv("TKT_CRASH_DIR"), *log = getenv("TKT_CRASH_LOG");
    if (dir == NULL || log == NULL)
        return;
    snprintf(folder, sizeof folder, "%s", dir);
    log_fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void note(crash_op op, const char *name, const char *name2, const struct iovec *data, int parts)
{
    struct iovec all[64] = { { &op, sizeof op } };
    int n = 1;
    op.name = (uint16_t)(name != NULL ? strlen(name) : 0);
    op.name2 = (uint16_t)(name2 != NULL ? strlen(name2) : 0);
    for (int i = 0; i < parts; i++)
        op.len += (uint32_t)data[i].iov_len;
    all[n++] = (struct iovec){ (void *)(uintptr_t)name, op.name };
    all[n++] = (struct iovec){ (void *)(uintptr_t)name2, op.name2 };
    pthread_mutex_lock(&lock);
    syscall(SYS_writev, log_fd, all, n);
    for (int i = 0; i < parts; i++)
        syscall(SYS_write, log_fd, data[i].iov_base, data[i].iov_len);
    pthread_mutex_unlock(&lock);
}

static bool ours(const char *path)
{
    return log_fd >= 0 && strncmp(path, folder, strlen(folder)) == 0;
}

static bool known(int fd)
{
    return log_fd >= 0 && fd >= 0 && fd < FDS && watched[fd] != 0;
}

/* ---- names -------------------------------------------------------------------------------------------- */

static int opened(int fd, const char *path, int flags)
{
    if (fd < 0 || fd >= FDS || !ours(path))
        return fd;
    size_t n = strlen(path), k = strlen(CRASH_ACK_FILE);
    watched[fd] = n > k && strcmp(path + n - k, CRASH_ACK_FILE) == 0 ? 2 : 1;
    if (watched[fd] == 1 && (flags & O_DIRECTORY) == 0)
        note((crash_op){ .kind = CRASH_OPEN, .fd = fd, .flag = (flags & O_DSYNC) != 0 ? CRASH_DSYNC : 0 }, path, NULL,
             NULL, 0);
    else if (watched[fd] == 1) { /* by its real name: "s/.." is opened too */
        char link[64], real[4096];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        long got = syscall(SYS_readlink, link, real, sizeof real - 1);
        real[got > 0 ? got : 0] = '\0';
        note((crash_op){ .kind = CRASH_OPEN, .fd = fd, .flag = CRASH_DIRECTORY }, real, NULL, NULL, 0);
    }
    return fd;
}

#define OPEN(name)                                                                        \
    int name(const char *path, int flags, ...);                                           \
    int name(const char *path, int flags, ...)                                            \
    {                                                                                     \
        va_list args;                                                                     \
        va_start(args, flags);                                                            \
        int mode = va_arg(args, int);                                                     \
        va_end(args);                                                                     \
        return opened((int)syscall(SYS_openat, AT_FDCWD, path, flags, mode), path, flags); \
    }
OPEN(open)
OPEN(open64)

int close(int fd)
{
    if (known(fd)) {
        if (watched[fd] == 1)
            note((crash_op){ .kind = CRASH_CLOSE, .fd = fd }, NULL, NULL, NULL, 0);
        watched[fd] = 0;
    }
    return (int)syscall(SYS_close, fd);
}

static int named(int rc, uint8_t kind, const char *a, const char *b)
{
    if (rc == 0 && ours(a))
        note((crash_op){ .kind = kind }, a, b, NULL, 0);
    return rc;
}

int rename(const char *a, const char *b)
{
    return named((int)syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 0), CRASH_RENAME, a, b);
}

int renameat2(int da, const char *a, int db, const char *b, unsigned flags)
{
    return named((int)syscall(SYS_renameat2, da, a, db, b, flags), CRASH_RENAME, a, b);
}

int link(const char *a, const char *b)
{
    return named((int)syscall(SYS_linkat, AT_FDCWD, a, AT_FDCWD, b, 0), CRASH_LINK, a, b);
}

int unlink(const char *a)
{
    return named((int)syscall(SYS_unlinkat, AT_FDCWD, a, 0), CRASH_UNLINK, a, NULL);
}

/* ---- data ------------------------------------------------------------------------------------------------- */

static void wrote(int fd, ssize_t n, uint64_t offset, const struct iovec *data, int parts)
{
    if (n < 0 || !known(fd))
        return;
    if (watched[fd] == 2)
        note((crash_op){ .kind = CRASH_ACK }, NULL, NULL, data, parts);
    else
        note((crash_op){ .kind = CRASH_WRITE, .fd = fd, .offset = offset }, NULL, NULL, data, parts);
}

static uint64_t position(int fd)
{
    return known(fd) ? (uint64_t)syscall(SYS_lseek, fd, 0, SEEK_CUR) : 0;
}

ssize_t write(int fd, const void *p, size_t n)
{
    uint64_t at = position(fd);
    ssize_t rc = syscall(SYS_write, fd, p, n);
    struct iovec data = { (void *)(uintptr_t)p, rc > 0 ? (size_t)rc : 0 };
    wrote(fd, rc, at, &data, 1);
    return rc;
}

ssize_t writev(int fd, const struct iovec *data, int parts)
{
    uint64_t at = position(fd);
    ssize_t rc = syscall(SYS_writev, fd, data, parts); /* LMDB takes a short one for a failure */
    wrote(fd, rc, at, data, parts);
    return rc;
}

#define PWRITE(name)                                                        \
    ssize_t name(int fd, const void *p, size_t n, off_t offset);            \
    ssize_t name(int fd, const void *p, size_t n, off_t offset)             \
    {                                                                       \
        ssize_t rc = syscall(SYS_pwrite64, fd, p, n, offset);               \
        struct iovec data = { (void *)(uintptr_t)p, rc > 0 ? (size_t)rc : 0 }; \
        wrote(fd, rc, (uint64_t)offset, &data, 1);                          \
        return rc;                                                          \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

static int synced(int fd, int rc)
{
    if (rc == 0 && known(fd))
        note((crash_op){ .kind = CRASH_SYNC, .fd = fd }, NULL, NULL, NULL, 0);
    return rc;
}

int fsync(int fd)
{
    return synced(fd, (int)syscall(SYS_fsync, fd));
}

int fdatasync(int fd)
{
    return synced(fd, (int)syscall(SYS_fdatasync, fd));
}

#define RESIZE(name)                                                                                        \
    int name(int fd, off_t n);                                                                              \
    int name(int fd, off_t n)                                                                               \
    {                                                                                                       \
        int rc = (int)syscall(SYS_ftruncate, fd, n);                                                        \
        if (rc == 0 && known(fd))                                                                           \
            note((crash_op){ .kind = CRASH_RESIZE, .fd = fd, .offset = (uint64_t)n }, NULL, NULL, NULL, 0); \
        return rc;                                                                                          \
    }
RESIZE(ftruncate)
RESIZE(ftruncate64)
