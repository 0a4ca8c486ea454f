/* SPDX-License-Identifier: MIT
 *
 * tests/crash/faults_inject.c: allocation by the hook, and the system calls that write, open, sync or name a file, in
 * the place of the C library's: the one that is counted out fails, once or from then on.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "faults.h"

const char *const fault_names[] = { "none", "allocation", "malloc", "I/O error", "disk full" };
int fault;
bool lasting;      /* from then on */
long fault_at, seen; /* the fault_at-th fails; counted so far */
long blocks;       /* of memory, not yet given back */
const char *step_name = "the setting up";

static bool fails(int kind)
{
    if (fault == NO_FAULT || kind != (fault == DISK_FULL ? IO_ERROR : fault))
        return false;
    seen++;
    return lasting ? seen >= fault_at : seen == fault_at;
}

/* The C library's own, under the names that it keeps for who stands in front of them. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n)
{
    return fails(MALLOC) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    return fails(MALLOC) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    return fails(MALLOC) ? NULL : __libc_realloc(p, n);
}

void *allocate(void *user, void *p, size_t old, size_t n)
{
    (void)user;
    (void)old;
    if (n == 0) {
        blocks -= p != NULL;
        free(p);
        return NULL;
    }
    if (fails(ALLOCATION))
        return NULL;
    void *made = __libc_realloc(p, n);
    blocks += p == NULL && made != NULL;
    return made;
}

#define FAIL_IF(kind)                                  \
    if (fails(kind)) {                                 \
        errno = fault == DISK_FULL ? ENOSPC : EIO;     \
        return -1;                                     \
    }

ssize_t write(int fd, const void *p, size_t n)
{
    if (fd > 2)
        FAIL_IF(IO_ERROR)
    return syscall(SYS_write, fd, p, n);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
    FAIL_IF(IO_ERROR)
    return syscall(SYS_writev, fd, v, n);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
    FAIL_IF(IO_ERROR)
    return syscall(SYS_pwrite64, fd, p, n, at);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off_t at);
ssize_t pwrite64(int fd, const void *p, size_t n, off_t at)
{
    FAIL_IF(IO_ERROR)
    return syscall(SYS_pwrite64, fd, p, n, at);
}

ssize_t pread(int fd, void *p, size_t n, off_t at)
{
    FAIL_IF(IO_ERROR)
    return syscall(SYS_pread64, fd, p, n, at);
}

ssize_t pread64(int fd, void *p, size_t n, off_t at);
ssize_t pread64(int fd, void *p, size_t n, off_t at)
{
    FAIL_IF(IO_ERROR)
    return syscall(SYS_pread64, fd, p, n, at);
}

ssize_t read(int fd, void *p, size_t n)
{
    FAIL_IF(IO_ERROR)
    return syscall(SYS_read, fd, p, n);
}

int ftruncate(int fd, off_t n)
{
    FAIL_IF(IO_ERROR)
    return (int)syscall(SYS_ftruncate, fd, n);
}

int ftruncate64(int fd, off_t n);
int ftruncate64(int fd, off_t n)
{
    FAIL_IF(IO_ERROR)
    return (int)syscall(SYS_ftruncate, fd, n);
}

int fallocate(int fd, int mode, off_t at, off_t n)
{
    FAIL_IF(IO_ERROR)
    return (int)syscall(SYS_fallocate, fd, mode, at, n);
}

int fallocate64(int fd, int mode, off_t at, off_t n);
int fallocate64(int fd, int mode, off_t at, off_t n)
{
    FAIL_IF(IO_ERROR)
    return (int)syscall(SYS_fallocate, fd, mode, at, n);
}

int mkdir(const char *path, mode_t mode)
{
    FAIL_IF(IO_ERROR)
    return (int)syscall(SYS_mkdir, path, mode);
}

int link(const char *from, const char *to)
{
    FAIL_IF(IO_ERROR)
    return (int)syscall(SYS_link, from, to);
}

int flock(int fd, int how)
{
    if (how != LOCK_UN)
        FAIL_IF(IO_ERROR)
    return (int)syscall(SYS_flock, fd, how);
}

int statfs64(const char *path, struct statfs64 *out)
{
    FAIL_IF(IO_ERROR)
    return (int)syscall(SYS_statfs, path, out);
}

static void *map_with(void *at, size_t n, int prot, int flags, int fd, off_t offset)
{
    if (fails(IO_ERROR)) {
        errno = fault == DISK_FULL ? ENOSPC : EIO;
        return MAP_FAILED;
    }
    return (void *)syscall(SYS_mmap, at, n, prot, flags, fd, offset);
}

void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset)
{
    return map_with(at, n, prot, flags, fd, offset);
}

void *mmap64(void *at, size_t n, int prot, int flags, int fd, off_t offset);
void *mmap64(void *at, size_t n, int prot, int flags, int fd, off_t offset)
{
    return map_with(at, n, prot, flags, fd, offset);
}

int fdatasync(int fd)
{
    FAIL_IF(IO_ERROR)
    return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    FAIL_IF(IO_ERROR)
    return (int)syscall(SYS_fsync, fd);
}

int renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
    FAIL_IF(IO_ERROR)
    return (int)syscall(SYS_renameat2, a, from, b, to, flags);
}

static int open_with(const char *path, int flags, int mode)
{
    if ((flags & (O_WRONLY | O_RDWR | O_DIRECTORY)) != 0)
        FAIL_IF(IO_ERROR)
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    int mode = va_arg(args, int);
    va_end(args);
    return open_with(path, flags, mode);
}

int open64(const char *path, int flags, ...);
int open64(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    int mode = va_arg(args, int);
    va_end(args);
    return open_with(path, flags, mode);
}
