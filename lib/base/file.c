/* SPDX-License-Identifier: MIT
 *
 * base/file.c: files, opened and given room.
 *
 * Room comes before a map: a file that is only made longer has holes; a write into the map of one finds no room on a full
 * disk, and the process gets SIGBUS instead of an error.
 *
 * No file of ours is number 0, 1 or 2: where a host has closed these, whatever writes to its standard output or error,
 * its own code or a library, would write into the store.
 */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define STANDARD_FILES 3

static int above_standard(int fd)
{
    if (fd < 0 || fd >= STANDARD_FILES)
        return fd;
    int higher = fcntl(fd, F_DUPFD_CLOEXEC, STANDARD_FILES), why = errno;
    close(fd);
    errno = why;
    return higher;
}

int tkt__file_open(const char *path, int flags)
{
    return above_standard(open(path, flags | O_CLOEXEC, 0600));
}

int tkt__file_scratch(char *path)
{
    int fd = above_standard(mkstemp(path));
    if (fd >= 0)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

uint32_t tkt__file_keep_standard(void)
{
    uint32_t kept = 0;
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (; fd >= 0 && fd < STANDARD_FILES; fd = open("/dev/null", O_RDWR | O_CLOEXEC))
        kept |= UINT32_C(1) << fd;
    if (fd >= 0)
        close(fd);
    return kept;
}

void tkt__file_give_standard(uint32_t kept)
{
    for (int fd = 0; fd < STANDARD_FILES; fd++)
        if ((kept >> fd & 1) != 0)
            close(fd);
}

int tkt__file_fill(int fd, uint64_t bytes)
{
    struct stat st;
#ifdef __linux__
    if (fallocate(fd, 0, 0, (off_t)bytes) == 0)
        return 0;
    if (errno != EOPNOTSUPP && errno != ENOSYS)
        return errno;
#endif
    if (fstat(fd, &st) != 0)
        return errno;
    return (uint64_t)st.st_size >= bytes || ftruncate(fd, (off_t)bytes) == 0 ? 0 : errno;
}
