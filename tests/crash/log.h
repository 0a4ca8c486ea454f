/* SPDX-License-Identifier: MIT
 *
 * tests/crash/log.h: what the recorder writes and the replayer reads: one stream of operations on the files of a
 * folder, and of acknowledgements, in the order in which they happened.
 *
 * A record is this head, then `name` bytes of a name (and `name2` of a second), then `len` bytes of data.
 */
#ifndef TKT_CRASH_LOG_H
#define TKT_CRASH_LOG_H

#include <stdint.h>

enum {
    CRASH_OPEN = 1, /* fd, name; flag: CRASH_DSYNC, writes are durable when they return; CRASH_DIRECTORY */
    CRASH_CLOSE,    /* fd */
    CRASH_WRITE,    /* fd, offset, data */
    CRASH_SYNC,     /* fd: a file's data, or a directory's entries */
    CRASH_RESIZE,   /* fd, offset: the new length */
    CRASH_RENAME,   /* name, name2 */
    CRASH_LINK,     /* name, name2 */
    CRASH_UNLINK,   /* name */
    CRASH_ACK       /* data: what was just told to the outside */
};

#define CRASH_DSYNC 1u
#define CRASH_DIRECTORY 2u

typedef struct crash_op {
    uint8_t kind, flag;
    uint16_t name, name2;
    int32_t fd;
    uint64_t offset;
    uint32_t len, spare;
} crash_op;

#define CRASH_ACK_FILE "acknowledged" /* writes to a file of this name are acknowledgements */

#endif
