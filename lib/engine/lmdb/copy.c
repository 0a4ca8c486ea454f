/* SPDX-License-Identifier: MIT
 *
 * engine/lmdb/copy.c: a store's file copied while it is in use, and a copy made the file of a store.
 *
 * A copy is of one snapshot: others go on writing meanwhile, and the pages that it reads are kept until it is done.
 * Every file is written under a name of its own (…-PID), synced, and only then given its name by a rename that
 * refuses to replace; the directory is synced after it. A crash leaves the whole file, or none and a leftover that
 * the next attempt of that process id, or the user, removes.
 *
 * Behind the pages of a copy stands a seal, for LMDB follows what damaged pages say:
 *    0   8  "TKTSEAL1"
 *    8   8  u64 bytes before it
 *   16   8  sum: u64 XXH3-64 of each MiB of these, the last one shorter, seeded with that of those before it; first 0
 * and in the first page, which LMDB uses no further than its head, 8 bytes at 480: "TKTSEALD", so that a copy which was
 * cut is not taken for one without. The file of a store has neither, nor has what was copied by other means: such a file
 * is as good as it is.
 */
#include "engine/lmdb/lmdb_engine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

#define CHUNK (1u << 20)
#define COPY_PREFIX ".copy-"
#define SEAL_MAGIC "TKTSEAL1"
#define SEAL_MAGIC_BYTES 8
#define SEALED "TKTSEALD"
#define SEALED_AT 480
#define PAGE_LEAST 512 /* of which each page is a multiple */
#define SEAL_BYTES 24

/* FILE's directory, for syncing. */
static void parent_of(const char *file, char dir[TKT__LMDB_PATH_MAX])
{
    const char *slash = strrchr(file, '/');
    size_t n = slash != NULL ? (size_t)(slash - file) : 0;
    if (slash == NULL)
        strcpy(dir, ".");
    else if (n == 0)
        strcpy(dir, "/");
    else {
        memcpy(dir, file, n);
        dir[n] = '\0';
    }
}

/* The name under which a file is written: beside it, with the process's number. */
static int32_t work_name(const char *file, char out[TKT__LMDB_PATH_MAX])
{
    int n = snprintf(out, TKT__LMDB_PATH_MAX, "%s" COPY_PREFIX "%ld", file, (long)getpid());
    return n > 0 && n < TKT__LMDB_PATH_MAX ? TKT_DONE : tkt__fail(TKT_E_LIMIT, "the file's path is too long");
}

/* A name that may not outlast a crash is taken back: the file is there for good, or not at all. */
static int32_t publish_for_good(const char *fresh, const char *name, const char *dir)
{
    int rc = tkt__lmdb_publish(fresh, name);
    if (rc != 0)
        return tkt__fail_errno(rc, name);
    rc = tkt__lmdb_sync_dir(dir);
    if (rc == 0)
        return TKT_DONE;
    unlink(name);
    return tkt__fail_errno(rc, name);
}

int32_t tkt__file_begin(const char *file, int *fd)
{
    char work[TKT__LMDB_PATH_MAX];
    struct stat st;
    int32_t status = work_name(file, work);
    if (status != TKT_DONE)
        return status;
    if (lstat(file, &st) == 0)
        return tkt__fail_errno(EEXIST, file);
    unlink(work);
    *fd = tkt__file_open(work, O_RDWR | O_CREAT | O_EXCL);
    return *fd >= 0 ? TKT_DONE : tkt__fail_errno(errno, file);
}

int32_t tkt__file_end(const char *file, int fd, int32_t status)
{
    char work[TKT__LMDB_PATH_MAX], dir[TKT__LMDB_PATH_MAX];
    if (work_name(file, work) != TKT_DONE)
        return status;
    if (status == TKT_DONE && fsync(fd) != 0)
        status = tkt__fail_errno(errno, file);
    close(fd);
    if (status == TKT_DONE) {
        parent_of(file, dir);
        status = publish_for_good(work, file, dir);
    }
    if (status != TKT_DONE)
        unlink(work);
    return status;
}

/* ---- the seal ------------------------------------------------------------------------------------------ */

static int32_t write_all(int to, const uint8_t *p, size_t n, const char *file)
{
    for (ssize_t put; n > 0; p += put, n -= (size_t)put)
        if ((put = write(to, p, n)) < 0)
            return tkt__fail_errno(errno, file);
    return TKT_DONE;
}

static int32_t read_all(int from, uint8_t *p, size_t n, const char *file)
{
    for (ssize_t got; n > 0; p += got, n -= (size_t)got) {
        got = read(from, p, n);
        if (got < 0)
            return tkt__fail_errno(errno, file);
        if (got == 0)
            return tkt__fail(TKT_E_SHORT_FILE, "%s became shorter while it was read", file);
    }
    return TKT_DONE;
}

/* The next `bytes` of `from`: summed, and copied unless `to` is −1. */
static int32_t pass_on(int from, int to, uint64_t bytes, const char *file, const tkt_hooks *hooks, uint64_t *sum)
{
    uint8_t *chunk = tkt__alloc(hooks, CHUNK);
    int32_t status = chunk != NULL ? TKT_DONE : tkt__fail(TKT_E_NOMEM, "no memory to copy a file");
    *sum = 0;
    while (status == TKT_DONE && bytes > 0) {
        size_t n = bytes < CHUNK ? (size_t)bytes : CHUNK;
        status = read_all(from, chunk, n, file);
        if (status == TKT_DONE)
            *sum = XXH3_64bits_withSeed(chunk, n, *sum);
        if (status == TKT_DONE && to >= 0)
            status = write_all(to, chunk, n, "writing the store's file");
        bytes -= n;
    }
    tkt__free(hooks, chunk, CHUNK);
    return status;
}

static void make_seal(uint64_t bytes, uint64_t sum, uint8_t seal[SEAL_BYTES])
{
    tkt__writer w = tkt__writer_of(seal, SEAL_BYTES);
    tkt__put_bytes(&w, SEAL_MAGIC, SEAL_MAGIC_BYTES);
    tkt__put_u64(&w, bytes);
    tkt__put_u64(&w, sum);
}

/* Reads the copy as it is in the file: what the disk cache holds is what will be synced. */
static int32_t seal_copy(int fd, const char *file, const tkt_hooks *hooks)
{
    uint64_t sum;
    uint8_t seal[SEAL_BYTES];
    off_t end = lseek(fd, 0, SEEK_END);
    if (end < 0 || pwrite(fd, SEALED, SEAL_MAGIC_BYTES, SEALED_AT) != SEAL_MAGIC_BYTES || lseek(fd, 0, SEEK_SET) != 0)
        return tkt__fail_errno(errno != 0 ? errno : EIO, file);
    int32_t status = pass_on(fd, -1, (uint64_t)end, file, hooks, &sum);
    make_seal((uint64_t)end, sum, seal);
    return status == TKT_DONE ? write_all(fd, seal, sizeof seal, file) : status;
}

/* What stands in a file at `at`, zeros past its end. */
static int32_t look_at(int fd, uint64_t at, uint8_t *p, size_t n, const char *file)
{
    memset(p, 0, n);
    return pread(fd, p, n, (off_t)at) >= 0 ? TKT_DONE : tkt__fail_errno(errno, file);
}

/* The bytes before a file's seal; all of them where it has none and never had. */
static int32_t find_seal(int fd, uint64_t size, const char *file, uint64_t *bytes, uint8_t seal[SEAL_BYTES])
{
    uint64_t before = size > SEAL_BYTES ? size - SEAL_BYTES : 0;
    uint8_t mark[SEAL_MAGIC_BYTES];
    int32_t status = look_at(fd, before, seal, SEAL_BYTES, file);
    if (status == TKT_DONE)
        status = look_at(fd, SEALED_AT, mark, sizeof mark, file);
    if (status != TKT_DONE)
        return status;
    tkt__reader r = tkt__reader_of(tkt__slice_of(seal + SEAL_MAGIC_BYTES, SEAL_BYTES - SEAL_MAGIC_BYTES));
    bool ends = memcmp(seal, SEAL_MAGIC, SEAL_MAGIC_BYTES) == 0, begins = memcmp(mark, SEALED, sizeof mark) == 0;
    *bytes = ends ? before : size;
    if (begins && !ends && size % PAGE_LEAST != SEAL_BYTES)
        return tkt__fail(TKT_E_SHORT_FILE, "%s was cut: its end is missing", file);
    if (ends ? tkt__get_u64(&r) != before : begins)
        return tkt__fail(TKT_E_CORRUPT, "%s is no longer as it was written: its seal is damaged", file);
    return TKT_DONE;
}

int32_t tkt__lmdb_copy(void *engine, const char *file, bool compact)
{
    tkt__lmdb *e = engine;
    MDB_txn *txn;
    int fd;
    if (tkt__lmdb_forked(e))
        return tkt__lmdb_forked_error();
    int32_t status = tkt__file_begin(file, &fd);
    if (status != TKT_DONE)
        return status;
    int rc = tkt__lmdb_txn_begin(e, MDB_RDONLY, &txn); /* a user of the map for as long as the copy takes */
    if (rc == 0) {
        rc = mdb_env_copyfd2(e->env, fd, compact ? MDB_CP_COMPACT : 0);
        mdb_txn_abort(txn);
        tkt__lmdb_txn_ended(e);
    }
    status = tkt__lmdb_status(e, rc, "copying the store");
    return tkt__file_end(file, fd, status == TKT_DONE ? seal_copy(fd, file, &e->hooks) : status);
}

/* ---- a copy becomes a store --------------------------------------------------------------------------- */

/* seal: what must be true of the bytes; NULL: there is none. */
static int32_t copy_pages(int from, int to, uint64_t bytes, const uint8_t *seal, const char *file, const tkt_hooks *hooks)
{
    static const uint8_t none[SEAL_MAGIC_BYTES];
    uint64_t sum;
    uint8_t now[SEAL_BYTES];
    int32_t status = pass_on(from, to, bytes, file, hooks, &sum);
    if (status != TKT_DONE || seal == NULL)
        return status;
    make_seal(bytes, sum, now);
    if (pwrite(to, none, sizeof none, SEALED_AT) != sizeof none)
        return tkt__fail_errno(errno != 0 ? errno : EIO, "writing the store's file");
    return memcmp(seal, now, sizeof now) == 0
               ? TKT_DONE
               : tkt__fail(TKT_E_CORRUPT, "%s is no longer as it was written: its sum is another", file);
}

static int32_t data_of(const char *dir, char data[TKT__LMDB_PATH_MAX])
{
    int n = snprintf(data, TKT__LMDB_PATH_MAX, "%s/" TKT__LMDB_FILE, dir);
    return n > 0 && n < TKT__LMDB_PATH_MAX ? TKT_DONE : tkt__fail(TKT_E_LIMIT, "the store's path is too long");
}

/* One without a seal is looked at before it is copied: it may be anything. */
static int32_t unpack(int from, const char *file, const char *data, const tkt_hooks *hooks)
{
    struct stat st;
    uint64_t bytes = 0;
    uint8_t seal[SEAL_BYTES];
    int to;
    if (fstat(from, &st) != 0)
        return tkt__fail_errno(errno, file);
    int32_t status = find_seal(from, (uint64_t)st.st_size, file, &bytes, seal);
    bool sealed = bytes < (uint64_t)st.st_size;
    if (status == TKT_DONE && !sealed)
        status = tkt__lmdb_file_check(file, &st);
    if (status == TKT_DONE)
        status = tkt__file_begin(data, &to);
    if (status != TKT_DONE)
        return status;
    status = tkt__file_end(data, to, copy_pages(from, to, bytes, sealed ? seal : NULL, file, hooks));
    return status == TKT_DONE ? tkt__lmdb_file_check(data, &st) : status;
}

int32_t tkt__lmdb_unpack(const char *file, const char *dir, const tkt_hooks *hooks)
{
    char data[TKT__LMDB_PATH_MAX];
    int32_t status = data_of(dir, data);
    if (status != TKT_DONE)
        return status;
    int from = tkt__file_open(file, O_RDONLY);
    if (from < 0)
        return tkt__fail_errno(errno, file);
    status = unpack(from, file, data, hooks);
    close(from);
    return status;
}

int32_t tkt__lmdb_work_dir(const char *dir, char work[TKT__PATH_MAX])
{
    char data[TKT__LMDB_PATH_MAX];
    struct stat st;
    int n = snprintf(work, TKT__PATH_MAX, "%s/" TKT__RESTORE_PREFIX "%ld", dir, (long)getpid());
    if (n < 0 || n >= TKT__PATH_MAX)
        return tkt__fail(TKT_E_LIMIT, "the store's path is too long");
    int32_t status = data_of(dir, data);
    if (status != TKT_DONE)
        return status;
    if (lstat(data, &st) == 0)
        return tkt__fail(TKT_E_ALREADY_OPEN, "there is a store at %s already", dir);
    int rc = tkt__lmdb_make_dir(dir);
    tkt__lmdb_work_dir_drop(work); /* of an earlier process of this number */
    if (rc == 0 && mkdir(work, 0700) != 0)
        rc = errno;
    return rc == 0 ? TKT_DONE : tkt__fail_errno(rc, dir);
}

/* All that is in it, whatever a restore that died left there, and it has no folders. */
void tkt__lmdb_work_dir_drop(const char *work)
{
    char path[TKT__PATH_MAX + 256];
    DIR *d = opendir(work);
    if (d == NULL)
        return;
    for (const struct dirent *at = readdir(d); at != NULL; at = readdir(d)) {
        int n = snprintf(path, sizeof path, "%s/%s", work, at->d_name);
        if (n > 0 && (size_t)n < sizeof path)
            unlink(path); /* "." and ".." it refuses */
    }
    closedir(d);
    rmdir(work);
}

int32_t tkt__lmdb_adopt(const char *work, const char *dir)
{
    char from[TKT__LMDB_PATH_MAX], to[TKT__LMDB_PATH_MAX];
    int32_t status = data_of(work, from);
    if (status == TKT_DONE)
        status = data_of(dir, to);
    if (status != TKT_DONE)
        return status;
    return publish_for_good(from, to, dir);
}
