/* SPDX-License-Identifier: MIT
 *
 * base/file.c: room in a file before it is mapped. A file that is only made longer has holes; a write into the map of one
 * finds no room on a full disk, and the process gets SIGBUS instead of an error.
 */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

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
