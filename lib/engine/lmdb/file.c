/* SPDX-License-Identifier: MIT
 *
 * engine/lmdb/file.c: what lies at a path, read with pread before LMDB maps it: a map of a short or
 * foreign file would answer with SIGBUS or one vague code.
 *
 * LMDB 0.9 meta page, W = word size (4 or 8), in the byte order of the machine:
 *   page header   2·W… : page number W, 2 + 2 + 4 bytes (so the meta starts at W + 8)
 *   meta          magic 4, version 4, address W, map size W, two database records of 8 + 5·W bytes (the
 *                 first starts with the page size, 4), last page W, transaction id W
 * The second meta lies one page size further.
 */
#include "engine/lmdb/lmdb_engine.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define LMDB_MAGIC 0xBEEFC0DEu
#define LMDB_DATA_VERSION 1u
#define META_AT(w) ((w) + 8)
#define DB_RECORD(w) (8 + 5 * (w))
#define PAGE_SIZE_AT(w) (META_AT(w) + 8 + 2 * (w))
#define LAST_PAGE_AT(w) (PAGE_SIZE_AT(w) + 2 * DB_RECORD(w))
#define HEAD_BYTES 256
#define LENGTH_TRIES 100 /* commits of others while a file's length is judged */
#define FREE_ROOT_AT(w) (PAGE_SIZE_AT(w) + 8 + 4 * (w)) /* last member of the first database record */

static uint32_t word32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static uint64_t word_native(const uint8_t *p)
{
    size_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

typedef struct meta {
    uint64_t pages, txnid, free_root; /* pages 0: not a meta */
} meta;

static int32_t read_meta(int fd, off_t at, const char *path, meta *out)
{
    const size_t w = sizeof(size_t);
    uint8_t head[HEAD_BYTES];
    ssize_t got = pread(fd, head, sizeof head, at);
    *out = (meta){ 0, 0, 0 };
    if (got < 0)
        return tkt__fail_errno(errno, path);
    if (got == (ssize_t)sizeof head && word32(head + META_AT(w)) == LMDB_MAGIC)
        *out = (meta){ .pages = word_native(head + LAST_PAGE_AT(w)) + 1,
                       .txnid = word_native(head + LAST_PAGE_AT(w) + w),
                       .free_root = word_native(head + FREE_ROOT_AT(w)) };
    return TKT_DONE;
}

/* The meta page of the last commit; pages 0: one of the two is none. */
static int32_t newest_meta(int fd, uint32_t page, const char *path, meta *out)
{
    meta first, second;
    int32_t status = read_meta(fd, 0, path, &first);
    if (status == TKT_DONE)
        status = read_meta(fd, (off_t)page, path, &second);
    if (status != TKT_DONE)
        return status;
    *out = second.txnid > first.txnid ? second : first;
    if (first.pages == 0 || second.pages == 0)
        out->pages = 0;
    return TKT_DONE;
}

/* Whether the file has all pages that a meta counts. Its length is asked for after the meta was read: it only grows. */
static int32_t is_whole(int fd, uint32_t page, const meta *m, const char *path, uint64_t *bytes, bool *whole)
{
    struct stat st;
    *whole = false;
    if (fstat(fd, &st) != 0)
        return tkt__fail_errno(errno, path);
    *bytes = (uint64_t)st.st_size;
    uint64_t there = *bytes / page;
    if (m->pages == 0 || there < 2)
        return TKT_DONE;
    *whole = there >= m->pages;
    return *whole ? TKT_DONE : tkt__lmdb_tail_is_free(fd, page, m->free_root, there, m->pages, whole);
}

/* Others may commit meanwhile, and take the pages that are looked at for something else: a verdict stands when the
 * commit it is about is still the last one. */
static int32_t check_length(int fd, uint32_t page, const char *path)
{
    meta looked, now;
    uint64_t bytes = 0;
    bool whole = false;
    int32_t status = newest_meta(fd, page, path, &looked);
    for (int i = 0; status == TKT_DONE && i < LENGTH_TRIES; i++, looked = now) {
        status = is_whole(fd, page, &looked, path, &bytes, &whole);
        if (status != TKT_DONE || whole)
            return status;
        status = newest_meta(fd, page, path, &now);
        if (status == TKT_DONE && now.txnid == looked.txnid)
            break;
    }
    if (status != TKT_DONE)
        return status;
    return tkt__fail(TKT_E_SHORT_FILE, "%s has %llu bytes, its pages need %llu", path, (unsigned long long)bytes,
                     (unsigned long long)(looked.pages * page));
}

static int32_t check_head(int fd, const uint8_t *head, const char *path)
{
    const size_t w = sizeof(size_t), other = 12 - w;
    if (word32(head + META_AT(w)) != LMDB_MAGIC) {
        if (word32(head + META_AT(other)) == LMDB_MAGIC)
            return tkt__fail(TKT_E_WORD_SIZE,
                             "%s was written by a %zu-bit build, this is a %zu-bit one: move the data "
                             "by a logical export", path, other * 8, w * 8);
        return tkt__fail(TKT_E_NOT_A_STORE, "%s is not a store's data file", path);
    }
    uint32_t version = word32(head + META_AT(w) + 4) & 0x7fffffffu;
    if (version != LMDB_DATA_VERSION)
        return tkt__fail(TKT_E_VERSION, "%s has LMDB data version %u, this build reads %u", path,
                         version, LMDB_DATA_VERSION);
    uint32_t page = word32(head + PAGE_SIZE_AT(w));
    if (page < 512 || page > 65536 || (page & (page - 1)) != 0)
        return tkt__fail(TKT_E_CORRUPT, "%s has a page size of %u bytes", path, page);
    return check_length(fd, page, path);
}

int32_t tkt__lmdb_file_check(const char *path, struct stat *st)
{
    uint8_t head[HEAD_BYTES];
    int fd = tkt__file_open(path, O_RDONLY | O_NONBLOCK);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return tkt__fail(TKT_E_NO_STORE, "there is no store at %s", path);
    if (fd < 0)
        return tkt__fail_errno(errno, path);
    int32_t status;
    if (fstat(fd, st) != 0)
        status = tkt__fail_errno(errno, path);
    else if (!S_ISREG(st->st_mode))
        status = tkt__fail(TKT_E_NOT_A_STORE, "%s is not a regular file", path);
    else {
        ssize_t got = pread(fd, head, sizeof head, 0);
        if (got < 0)
            status = tkt__fail_errno(errno, path);
        else if (got < (ssize_t)sizeof head)
            status = tkt__fail(TKT_E_SHORT_FILE, "%s has %zd bytes: not even a head", path, got);
        else
            status = check_head(fd, head, path);
    }
    close(fd);
    return status;
}

/* Magic numbers of statfs(2) on which record locks or shared maps are not to be trusted. */
bool tkt__lmdb_is_network_fs(uint64_t magic)
{
    static const uint32_t network[] = {
        0x6969 /* NFS */, 0x517b /* SMB */,  0xff534d42 /* CIFS */, 0xfe534d42 /* SMB2 */,
        0x5346414f /* AFS */, 0x73757245 /* Coda */, 0x00c36400 /* Ceph */, 0x01021997 /* 9p */,
        0x0bd00bd0 /* Lustre */, 0x564c /* NCP */,
    };
    for (size_t i = 0; i < sizeof network / sizeof network[0]; i++)
        if ((uint32_t)magic == network[i])
            return true;
    return false;
}

int32_t tkt__lmdb_fs_check(const char *dir, bool allow_net_fs)
{
    struct statfs fs;
    if (statfs(dir, &fs) != 0)
        return tkt__fail_errno(errno, dir);
    if (!allow_net_fs && tkt__lmdb_is_network_fs((uint64_t)fs.f_type))
        return tkt__fail(TKT_E_NET_FS, "%s lies on a network file system: locks and maps break there", dir);
    return TKT_DONE;
}
