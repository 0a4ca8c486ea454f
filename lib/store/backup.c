/* SPDX-License-Identifier: MIT
 *
 * store/backup.c: a copy of the store while it is in use, and a store made from one.
 *
 * A restored store goes on where the copy stands, not where the lost one stood: what was sold after the copy is not
 * in it, but tickets of it may be about. So its epoch is one more, by which readers of the feed and devices see that
 * the store went back in time, and of each kind of ids a range is left out, so that none is given out for a second
 * time. It is made in a directory of its own, checked, and only then put in its place; a crash before leaves
 * STORE/.restore-PID, which goes with the next open of the store.
 */
#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* ---- making one ------------------------------------------------------------------------------------------ */

int32_t tkt_store_backup(tkt_store *store, const char *file, size_t file_len, uint32_t flags)
{
    char path[TKT__PATH_MAX];
    void *engine;
    if (store == NULL)
        return tkt__fail(TKT_E_INVALID, "store is NULL");
    if ((flags & ~TKT_BACKUP_COMPACT) != 0)
        return tkt__fail(TKT_E_INVALID, "unknown flags 0x%lx", (unsigned long)flags);
    int32_t status = tkt__path_of(file, file_len, path, "the backup's path");
    if (status != TKT_DONE)
        return status;
    const tkt__engine_ops *ops = tkt__kv_ops(store->kv, &engine);
    return ops->copy != NULL ? ops->copy(engine, path, (flags & TKT_BACKUP_COMPACT) != 0)
                             : tkt__fail(TKT_E_INVALID, "this engine has no file to copy: export the store");
}

/* ---- a store that went back in time -------------------------------------------------------------------------- */

static int32_t goes_on_apart(tkt_store *store)
{
    const tkt__guard guard = { TKT__G_STORE, 0 };
    uint32_t drawn = 0;
    int32_t status = tkt__random(&store->hooks, &drawn, sizeof drawn);
    if (status == TKT_DONE)
        status = tkt__ids_skip(store);
    return status == TKT_DONE ? tkt__store_run(store, &guard, 1, 0, tkt__format_raise_epoch, &drawn) : status;
}

/* Keeps the first one's text; the error record itself is the check's until it has ended. */
static int32_t first_problem(void *user, const tkt_problem *problem)
{
    tkt__error_record *first = user;
    tkt__fail(TKT_E_CORRUPT, "what was restored breaks a rule: %.*s", (int)problem->text.len, problem->text.ptr);
    tkt__error_save(first);
    return 1;
}

static int32_t checked(tkt_store *store)
{
    uint64_t problems = 0;
    tkt__error_record first;
    int32_t status = tkt_check(store, first_problem, &first, &problems);
    if (tkt_status_primary(status) != TKT_E_STOPPED)
        return status;
    tkt__error_load(&first);
    return first.error.status;
}

/* The store in `work` becomes one that went back in time, and is looked over. */
static int32_t finish(const char *work, const tkt_options *options)
{
    tkt_options alone = options != NULL ? *options : (tkt_options)TKT__OPTIONS_DEFAULT;
    tkt_store *store;
    alone.snapshot_limit_ms = TKT__SNAPSHOT_LIMIT_MAX_MS; /* the check of a large one takes its time */
    alone.lmdb.create = alone.lmdb.read_only = false;
    alone.lmdb.alone = alone.lmdb.add_tables = true;
    int32_t status = tkt_store_open(work, strlen(work), &alone, &store);
    if (status != TKT_DONE)
        return status;
    status = goes_on_apart(store);
    if (status == TKT_DONE)
        status = checked(store);
    tkt_store_close(store);
    return status;
}

static int32_t fill(const char *file, const char *work, const tkt_options *options, const tkt_hooks *hooks)
{
    uint8_t magic[TKT__EXPORT_MAGIC_BYTES];
    int fd = tkt__file_open(file, O_RDONLY);
    if (fd < 0)
        return tkt__fail_errno(errno, file);
    ssize_t got = pread(fd, magic, sizeof magic, 0);
    bool exported = got == (ssize_t)sizeof magic && memcmp(magic, TKT__EXPORT_MAGIC, sizeof magic) == 0;
    int32_t status = got < 0    ? tkt__fail_errno(errno, file)
                     : exported ? tkt__export_load(fd, work, options, hooks)
                                : tkt__lmdb_unpack(file, work, hooks);
    close(fd);
    return status;
}

int32_t tkt_store_restore(const char *path, size_t path_len, const char *file, size_t file_len, const tkt_options *options)
{
    char dir[TKT__PATH_MAX], from[TKT__PATH_MAX], work[TKT__PATH_MAX];
    tkt_hooks hooks;
    int32_t status = tkt__path_of(path, path_len, dir, "the store's path");
    if (status == TKT_DONE)
        status = tkt__path_of(file, file_len, from, "the backup's path");
    if (status == TKT_DONE)
        status = tkt__hooks_resolve(options != NULL ? &options->hooks : NULL, &hooks);
    bool there = status == TKT_DONE && access(dir, F_OK) == 0;
    if (status == TKT_DONE)
        status = tkt__lmdb_work_dir(dir, work);
    if (status != TKT_DONE)
        return status;
    tkt__error_record record;
    status = fill(from, work, options, &hooks);
    if (status == TKT_DONE)
        status = finish(work, options);
    if (status == TKT_DONE)
        status = tkt__lmdb_adopt(work, dir);
    tkt__error_save(&record);
    tkt__lmdb_work_dir_drop(work);
    if (status != TKT_DONE && !there)
        rmdir(dir);
    tkt__error_load(&record);
    return status;
}
