/* SPDX-License-Identifier: MIT
 *
 * tests/crash/disk.h: a model of what a disk holds when the power goes: files, names, and what is not synced yet.
 *
 * A write is durable when a sync of its file has returned, or at once through an O_DSYNC descriptor. Until then each
 * of its units (512 or 4,096 bytes, aligned) is on the disk or not, in any combination. A name (made, renamed,
 * linked, removed) is durable when its directory was synced; until then any number of the first changes are, since
 * file systems keep their order. A file is as long as what is on the disk of it reaches.
 */
#ifndef TKT_CRASH_DISK_H
#define TKT_CRASH_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log.h"

#define DISK_FDS 1024
#define DISK_FILES 256
#define DISK_NAMES 256
#define DISK_NAME_MAX 512

typedef struct disk_unit { /* a piece of a write that is not durable */
    uint64_t offset;
    uint32_t len;
    const uint8_t *data;
} disk_unit;

typedef struct disk_file {
    uint8_t *durable;
    uint64_t size, cap;
    disk_unit *unit;
    size_t units, units_cap;
} disk_file;

typedef struct disk_name {
    char name[DISK_NAME_MAX];
    int file; /* −1: removed */
} disk_name;

typedef struct disk {
    uint32_t unit_bytes;
    bool no_syncs;   /* control: syncs do nothing */
    bool torn_heads; /* control: an O_DSYNC write of less than 512 bytes is in pieces of 8 until the next operation */
    disk_file file[DISK_FILES];
    int files;
    disk_name durable[DISK_NAMES], pending[DISK_NAMES]; /* pending: changes in their order */
    int durables, pendings;
    struct {
        int file; /* −1: a directory; −2: closed */
        bool dsync;
        char name[DISK_NAME_MAX];
    } fd[DISK_FDS];
} disk;

void disk_init(disk *d, uint32_t unit_bytes);
/* Applies one operation. `data`, and what the names point at, must stay. */
void disk_apply(disk *d, const crash_op *op, const char *name, const char *name2, const uint8_t *data);
size_t disk_units(const disk *d); /* that are not durable, of all files */
/* Writes the files as they may be found: `pick(user, n)` says whether unit n of all is on the disk, the first `changes` of the
 * pending names are. Names begin with `from`, which becomes `to`. */
bool disk_write(const disk *d, bool (*pick)(void *user, size_t n), void *user, int changes, const char *from,
                const char *to);

#endif
