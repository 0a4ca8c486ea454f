/* SPDX-License-Identifier: MIT
 *
 * tests/crash/disk.c: see disk.h.
 */
#include "disk.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TORN_BYTES 8u
#define SECTOR 512u

static void need(bool good)
{
    if (!good)
        abort(); /* a limit of the model, or no memory */
}

void disk_init(disk *d, uint32_t unit_bytes)
{
    memset(d, 0, sizeof *d);
    d->unit_bytes = unit_bytes;
    for (int i = 0; i < DISK_FDS; i++)
        d->fd[i].file = -2;
}

/* ---- names --------------------------------------------------------------------------------------------- */

static int find_name(const disk_name *names, int n, const char *name)
{
    for (int i = n - 1; i >= 0; i--)
        if (strcmp(names[i].name, name) == 0)
            return i;
    return -1;
}

/* The file that a name means now, as the running program sees it; −1: none. */
static int file_of(const disk *d, const char *name)
{
    int at = find_name(d->pending, d->pendings, name);
    if (at >= 0)
        return d->pending[at].file;
    at = find_name(d->durable, d->durables, name);
    return at >= 0 ? d->durable[at].file : -1;
}

static void change(disk *d, const char *name, int file)
{
    need(d->pendings < DISK_NAMES);
    snprintf(d->pending[d->pendings].name, DISK_NAME_MAX, "%s", name);
    d->pending[d->pendings++].file = file;
}

static void set_name(disk_name *names, int *n, const disk_name *to)
{
    int at = find_name(names, *n, to->name);
    if (at < 0) {
        need(*n < DISK_NAMES);
        at = (*n)++;
    }
    names[at] = *to;
}

static bool within(const char *dir, const char *name)
{
    size_t n = strlen(dir);
    return strncmp(dir, name, n) == 0 && name[n] == '/' && strchr(name + n + 1, '/') == NULL;
}

static void sync_names(disk *d, const char *dir)
{
    int kept = 0;
    for (int i = 0; i < d->pendings; i++)
        if (within(dir, d->pending[i].name))
            set_name(d->durable, &d->durables, &d->pending[i]);
        else
            d->pending[kept++] = d->pending[i];
    d->pendings = kept;
}

/* ---- data ------------------------------------------------------------------------------------------------ */

static void patch(disk_file *f, uint64_t offset, const uint8_t *data, uint32_t len)
{
    if (offset + len > f->cap) {
        f->cap = 2 * (offset + len);
        f->durable = realloc(f->durable, f->cap);
        need(f->durable != NULL);
    }
    if (offset + len > f->size) {
        memset(f->durable + f->size, 0, offset + len - f->size);
        f->size = offset + len;
    }
    memcpy(f->durable + offset, data, len);
}

static void add_units(disk_file *f, uint64_t offset, const uint8_t *data, uint32_t len, uint32_t unit)
{
    while (len > 0) {
        uint32_t n = unit - (uint32_t)(offset % unit);
        n = n < len ? n : len;
        if (f->units == f->units_cap) {
            f->units_cap = f->units_cap != 0 ? 2 * f->units_cap : 256;
            f->unit = realloc(f->unit, f->units_cap * sizeof *f->unit);
            need(f->unit != NULL);
        }
        f->unit[f->units++] = (disk_unit){ offset, n, data };
        offset += n;
        data += n;
        len -= n;
    }
}

static void sync_file(disk_file *f)
{
    for (size_t i = 0; i < f->units; i++)
        patch(f, f->unit[i].offset, f->unit[i].data, f->unit[i].len);
    f->units = 0;
}

static void write_data(disk *d, const crash_op *op, const uint8_t *data)
{
    disk_file *f = &d->file[d->fd[op->fd].file];
    bool dsync = d->fd[op->fd].dsync && !d->no_syncs;
    if (!dsync)
        add_units(f, op->offset, data, op->len, d->unit_bytes);
    else if (d->torn_heads && op->len < SECTOR)
        add_units(f, op->offset, data, op->len, TORN_BYTES);
    else
        patch(f, op->offset, data, op->len);
}

/* ---- operations -------------------------------------------------------------------------------------------- */

static void open_file(disk *d, const crash_op *op, const char *name)
{
    int file = file_of(d, name);
    snprintf(d->fd[op->fd].name, DISK_NAME_MAX, "%s", name);
    d->fd[op->fd].dsync = (op->flag & CRASH_DSYNC) != 0;
    d->fd[op->fd].file = -1;
    if (op->flag & CRASH_DIRECTORY)
        return;
    if (file < 0) {
        need(d->files < DISK_FILES);
        file = d->files++;
        change(d, name, file);
    }
    d->fd[op->fd].file = file;
}

static void sync_fd(disk *d, int fd)
{
    if (d->no_syncs)
        return;
    if (d->fd[fd].file >= 0)
        sync_file(&d->file[d->fd[fd].file]);
    else if (d->fd[fd].file == -1)
        sync_names(d, d->fd[fd].name);
}

void disk_apply(disk *d, const crash_op *op, const char *name, const char *name2, const uint8_t *data)
{
    int file;
    if (d->torn_heads && op->kind != CRASH_ACK) /* what was torn a moment ago is whole now */
        for (int i = 0; i < d->files; i++)
            for (size_t u = 0; u < d->file[i].units; u++)
                if (d->file[i].unit[u].len <= TORN_BYTES) {
                    patch(&d->file[i], d->file[i].unit[u].offset, d->file[i].unit[u].data, d->file[i].unit[u].len);
                    d->file[i].unit[u].len = 0;
                }
    switch (op->kind) {
    case CRASH_OPEN:
        open_file(d, op, name);
        break;
    case CRASH_CLOSE:
        d->fd[op->fd].file = -2;
        break;
    case CRASH_WRITE:
        if (d->fd[op->fd].file >= 0)
            write_data(d, op, data);
        break;
    case CRASH_SYNC:
        sync_fd(d, op->fd);
        break;
    case CRASH_RENAME:
    case CRASH_LINK:
        file = file_of(d, name);
        change(d, name2, file);
        if (op->kind == CRASH_RENAME)
            change(d, name, -1);
        break;
    case CRASH_UNLINK:
        change(d, name, -1);
        break;
    default:
        break;
    }
}

size_t disk_units(const disk *d)
{
    size_t n = 0;
    for (int i = 0; i < d->files; i++)
        n += d->file[i].units;
    return n;
}

/* ---- a state ------------------------------------------------------------------------------------------------ */

static bool make_dirs(char *path)
{
    for (char *p = strchr(path + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
        *p = '\0';
        mkdir(path, 0700);
        *p = '/';
    }
    return true;
}

static bool write_file(const disk *d, int which, bool (*pick)(void *, size_t), void *user, const char *path)
{
    const disk_file *f = &d->file[which];
    size_t first = 0;
    for (int i = 0; i < which; i++)
        first += d->file[i].units;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    bool good = fd >= 0 && (f->size == 0 || write(fd, f->durable, f->size) == (ssize_t)f->size);
    for (size_t i = 0; good && i < f->units; i++)
        if (f->unit[i].len != 0 && pick(user, first + i))
            good = pwrite(fd, f->unit[i].data, f->unit[i].len, (off_t)f->unit[i].offset) == (ssize_t)f->unit[i].len;
    if (fd >= 0)
        close(fd);
    return good;
}

bool disk_write(const disk *d, bool (*pick)(void *user, size_t n), void *user, int changes, const char *from,
                const char *to)
{
    static disk_name names[DISK_NAMES];
    char path[2 * DISK_NAME_MAX];
    int n = d->durables;
    size_t skip = strlen(from);
    memcpy(names, d->durable, sizeof names);
    for (int i = 0; i < changes && i < d->pendings; i++)
        set_name(names, &n, &d->pending[i]);
    for (int i = 0; i < n; i++) {
        if (names[i].file < 0 || strncmp(names[i].name, from, skip) != 0)
            continue;
        snprintf(path, sizeof path, "%s%s", to, names[i].name + skip);
        if (!make_dirs(path) || !write_file(d, names[i].file, pick, user, path))
            return false;
    }
    return true;
}
