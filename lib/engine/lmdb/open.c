/* SPDX-License-Identifier: MIT
 *
 * engine/lmdb/open.c: creation, opening and closing of STORE/data.mdb.
 *
 * Creation is LMDB's one crash hole: it writes its first meta pages without a sync. So a store is
 * built whole as STORE/.new-PID, committed, synced and closed, and only then given its name by a rename
 * that refuses to replace; the directory is synced after it. A crash leaves either no data.mdb, and a
 * .new file that the next creation or open removes, or a whole store. Of two creators one loses the
 * rename and opens the winner's.
 */
#include "engine/lmdb/lmdb_engine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define LOCK_HEAD 128u /* bytes of LMDB's lock file before its readers' slots, and of a slot */
#define LOCK_SLOT 64u
#define ENV_FLAGS (MDB_NOSUBDIR | MDB_NOTLS | MDB_NORDAHEAD)
#define FRESH_PREFIX ".new-"
#define OPEN_LOCK "open.lock"
#define LOCK_TRIES 500            /* of a hundredth of a second each, while another has the store alone */
#define LOCK_PAUSE_NS 10000000
#define MAP_DEFAULT_64 (UINT64_C(64) << 30)
#define JOURNAL_PART 64u /* of the map, one in so many: half of the tail at its longest */
#define MAP_DEFAULT_32 (UINT64_C(1) << 30)
#define MAP_LEAST (UINT64_C(1) << 20)

typedef struct paths {
    char data[TKT__LMDB_PATH_MAX], fresh[TKT__LMDB_PATH_MAX], fresh_lock[TKT__LMDB_PATH_MAX];
} paths;

static int32_t make_paths(const char *dir, paths *p)
{
    int n = snprintf(p->data, sizeof p->data, "%s/" TKT__LMDB_FILE, dir);
    int m = snprintf(p->fresh, sizeof p->fresh, "%s/" FRESH_PREFIX "%ld", dir, (long)getpid());
    int l = snprintf(p->fresh_lock, sizeof p->fresh_lock, "%s-lock", p->fresh);
    if (n < 0 || m < 0 || l < 0 || (size_t)n >= sizeof p->data || (size_t)m >= sizeof p->fresh ||
        (size_t)l >= sizeof p->fresh_lock)
        return tkt__fail(TKT_E_LIMIT, "the store's path is too long");
    return TKT_DONE;
}

/* ---- the environment ------------------------------------------------------------------------------ */

static uint64_t map_bytes(const tkt__lmdb_options *o)
{
    if (o->map_bytes != 0)
        return o->map_bytes;
    return sizeof(void *) == 8 ? MAP_DEFAULT_64 : MAP_DEFAULT_32;
}

/* A small map is not for the journal. */
static uint64_t journal_half(const tkt__lmdb_options *o)
{
    uint64_t part = map_bytes(o) / JOURNAL_PART;
    if (o->journal_half != 0)
        return o->journal_half;
    return part < TKT__JOURNAL_HALF ? part : TKT__JOURNAL_HALF;
}

static int32_t check_map(const tkt__lmdb_options *o)
{
    uint64_t bytes = map_bytes(o);
    if (bytes < MAP_LEAST)
        return tkt__fail(TKT_E_INVALID, "a map has at least 1 MiB");
    if (bytes > SIZE_MAX / 2 || (sizeof(void *) == 4 && bytes > MAP_DEFAULT_32))
        return tkt__fail(TKT_E_LIMIT, "a map of %llu bytes does not fit into this build's address space",
                         (unsigned long long)bytes);
    return TKT_DONE;
}

static int open_db(tkt__lmdb *e, MDB_txn *txn, const char *name, unsigned flags, MDB_dbi *db)
{
    (void)e;
    int rc = mdb_dbi_open(txn, name, flags, db);
    return rc == 0 ? mdb_set_compare(txn, *db, tkt__lmdb_compare) : rc;
}

static int open_dbs(tkt__lmdb *e, MDB_txn *txn, unsigned flags)
{
    char second[64];
    int rc = open_db(e, txn, "engine", flags, &e->engine_db);
    for (uint32_t t = 0; rc == 0 && t < e->schema->count; t++) {
        const tkt__table_def *def = &e->schema->tables[t];
        rc = open_db(e, txn, def->name, flags, &e->dbs[t][0]);
        if (rc == 0 && def->bulk) {
            snprintf(second, sizeof second, "%s#2", def->name);
            rc = open_db(e, txn, second, flags, &e->dbs[t][1]);
        }
    }
    return rc;
}

static MDB_val journal_row(void)
{
    return (MDB_val){ 7, (void *)(uintptr_t)"journal" };
}

int tkt__journal_make(tkt__lmdb *e, MDB_txn *txn)
{
    uint8_t tag[8];
    MDB_val key = journal_row(), value = { sizeof tag, tag };
    if (tkt__random(&e->hooks, tag, sizeof tag) != TKT_DONE)
        return EIO;
    tkt__reader r = tkt__reader_of(tkt__slice_of(tag, sizeof tag));
    e->journal_tag = tkt__get_u64(&r);
    int rc = open_db(e, txn, "journal", MDB_CREATE, &e->journal_db);
    return rc == 0 ? mdb_put(txn, e->engine_db, &key, &value, 0) : rc;
}

int tkt__journal_remove(tkt__lmdb *e, MDB_txn *txn)
{
    MDB_val key = journal_row();
    int rc = mdb_drop(txn, e->journal_db, 1);
    return rc == 0 ? mdb_del(txn, e->engine_db, &key, NULL) : rc;
}

/* The row is there: the journal is on. */
static int open_journal(tkt__lmdb *e, MDB_txn *txn)
{
    MDB_val key = journal_row(), value;
    int rc = mdb_get(txn, e->engine_db, &key, &value);
    if (rc != 0)
        return rc == MDB_NOTFOUND ? 0 : rc;
    tkt__reader r = tkt__reader_of(tkt__slice_of(value.mv_data, value.mv_size));
    e->journal_tag = tkt__get_u64(&r);
    e->journal_on = true;
    return r.bad ? MDB_CORRUPTED : open_db(e, txn, "journal", 0, &e->journal_db);
}

/* Whether a process has the lock file open as LMDB has it: a lock on its first byte. */
static bool lock_file_used(int fd)
{
    struct flock first = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1 };
    return fcntl(fd, F_GETLK, &first) != 0 || first.l_type != F_UNLCK;
}

/* LMDB makes its lock file longer and maps it: the room is there before. What it can't open LMDB judges. A file that
 * others have mapped stays as long as it is: they read as many slots as are in use, past the end of their map too. */
static int fill_lock_file(const char *path, uint32_t readers)
{
    char lock[TKT__LMDB_PATH_MAX + 8];
    struct stat st;
    snprintf(lock, sizeof lock, "%s-lock", path);
    int fd = tkt__file_open(lock, O_RDWR | O_CREAT);
    if (fd < 0)
        return 0;
    uint64_t bytes = LOCK_HEAD + (uint64_t)readers * LOCK_SLOT;
    if (lock_file_used(fd))
        bytes = fstat(fd, &st) == 0 && st.st_size > 0 ? (uint64_t)st.st_size : 0;
    int rc = bytes != 0 ? tkt__file_fill(fd, bytes) : 0;
    close(fd); /* no lock of this process is on it: no other env has this file (registry.c) */
    return rc;
}

/* Openers one after the other, by a lock on the folder: none maps the lock file while another makes it longer. Where
 * folders can't be locked it goes without. */
static int folder_lock(const char *path)
{
    char dir[TKT__LMDB_PATH_MAX];
    snprintf(dir, sizeof dir, "%s", path);
    char *slash = strrchr(dir, '/');
    if (slash != NULL)
        *slash = '\0';
    int fd = tkt__file_open(slash == NULL ? "." : slash == dir ? "/" : dir, O_RDONLY | O_DIRECTORY);
    while (fd >= 0 && flock(fd, LOCK_EX) != 0 && errno == EINTR)
        continue;
    return fd;
}

static int open_locked(tkt__lmdb *e, const char *path, uint32_t readers, unsigned flags)
{
    int folder = folder_lock(path), rc = fill_lock_file(path, readers);
    if (rc == 0) {
        uint32_t kept = tkt__file_keep_standard();
        rc = mdb_env_open(e->env, path, flags, 0600);
        tkt__file_give_standard(kept);
    }
    if (folder >= 0) {
        flock(folder, LOCK_UN); /* a child that still has the descriptor must not keep the lock */
        close(folder);
    }
    return rc;
}

static int open_env(tkt__lmdb *e, const char *path, const tkt__lmdb_options *o)
{
    mdb_filehandle_t fd;
    uint32_t readers = o->readers != 0 ? o->readers : TKT__LMDB_READERS;
    int rc = mdb_env_create(&e->env);
    if (rc == 0)
        rc = mdb_env_set_mapsize(e->env, (size_t)map_bytes(o));
    if (rc == 0)
        rc = mdb_env_set_maxreaders(e->env, readers);
    if (rc == 0)
        rc = mdb_env_set_maxdbs(e->env, 2 * TKT__TABLES_MAX + 2) /* and the engine's own two */;
    if (rc == 0)
        rc = open_locked(e, path, readers, ENV_FLAGS | (o->read_only ? MDB_RDONLY : 0));
    /* LMDB 0.9.24 forgets close-on-exec on its data descriptor. */
    if (rc == 0 && (rc = mdb_env_get_fd(e->env, &fd)) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        rc = errno;
    return rc;
}

/* ---- creation --------------------------------------------------------------------------------------- */

static int put_rows(tkt__lmdb *e, MDB_txn *txn, const tkt__row *rows, size_t n)
{
    uint8_t stamp[TKT__LMDB_STAMP_BYTES] = { 0 };
    MDB_val key = { 5, (void *)(uintptr_t)"stamp" }, value = { sizeof stamp, stamp };
    int rc = mdb_put(txn, e->engine_db, &key, &value, 0);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        key = (MDB_val){ rows[i].key.n, (void *)(uintptr_t)rows[i].key.p };
        value = (MDB_val){ rows[i].value.n, (void *)(uintptr_t)rows[i].value.p };
        rc = mdb_put(txn, e->dbs[rows[i].table][0], &key, &value, 0);
    }
    return rc;
}

static int build(tkt__lmdb *e, const char *path, const tkt__lmdb_options *o, const tkt__row *rows,
                 size_t n)
{
    MDB_txn *txn = NULL;
    tkt__lmdb_options writing = *o;
    writing.read_only = false;
    int rc = open_env(e, path, &writing);
    if (rc == 0)
        rc = mdb_txn_begin(e->env, NULL, 0, &txn);
    if (rc == 0 && (rc = open_dbs(e, txn, MDB_CREATE)) == 0)
        rc = put_rows(e, txn, rows, n);
    if (rc == 0 && !o->no_journal)
        rc = tkt__journal_make(e, txn);
    if (rc == 0)
        rc = mdb_txn_commit(txn);
    else if (txn != NULL)
        mdb_txn_abort(txn);
    if (rc == 0)
        rc = mdb_env_sync(e->env, 1);
    if (e->env != NULL)
        mdb_env_close(e->env);
    e->env = NULL;
    return rc;
}

int tkt__lmdb_sync_dir(const char *dir)
{
    int fd = tkt__file_open(dir, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return errno;
    int rc = fsync(fd) == 0 ? 0 : errno;
    close(fd);
    return rc;
}

/* Gives the fresh file its name unless another one has it: 0, EEXIST, or an errno. */
int tkt__lmdb_publish(const char *fresh, const char *name)
{
    if (renameat2(AT_FDCWD, fresh, AT_FDCWD, name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
    if (link(fresh, name) != 0) /* file systems without that flag */
        return errno;
    return unlink(fresh) == 0 ? 0 : errno;
}

int tkt__lmdb_make_dir(const char *dir)
{
    char parent[TKT__LMDB_PATH_MAX];
    if (mkdir(dir, 0700) != 0)
        return errno == EEXIST ? 0 : errno;
    snprintf(parent, sizeof parent, "%s/..", dir);
    return tkt__lmdb_sync_dir(parent);
}

static int32_t create(tkt__lmdb *e, const char *dir, const paths *p, const tkt__lmdb_options *o,
                      const tkt__row *rows, size_t n, bool *created)
{
    int rc = tkt__lmdb_make_dir(dir);
    if (rc != 0)
        return rc == ENOTDIR ? tkt__fail(TKT_E_NOT_A_STORE, "%s: not a directory", dir)
                             : tkt__fail_errno(rc, dir);
    struct stat st;
    if (stat(dir, &st) == 0 && !S_ISDIR(st.st_mode))
        return tkt__fail(TKT_E_NOT_A_STORE, "%s is not a directory", dir);
    int32_t status = tkt__lmdb_fs_check(dir, o->allow_net_fs);
    if (status != TKT_DONE)
        return status;
    unlink(p->fresh);
    unlink(p->fresh_lock);
    rc = build(e, p->fresh, o, rows, n);
    if (rc == 0)
        rc = tkt__lmdb_publish(p->fresh, p->data);
    *created = rc == 0;
    if (rc == 0 || rc == EEXIST) {
        int synced = tkt__lmdb_sync_dir(dir);
        rc = synced;
    }
    unlink(p->fresh);
    unlink(p->fresh_lock);
    return rc == 0 ? TKT_DONE : tkt__lmdb_status(e, rc, "making the store");
}

/* Whether a name is PREFIX and the number of a process that is no more. */
static bool left_over(const char *name, const char *prefix)
{
    size_t n = strlen(prefix);
    if (strncmp(name, prefix, n) != 0)
        return false;
    long pid = strtol(name + n, NULL, 10);
    return pid <= 0 || (kill((pid_t)pid, 0) != 0 && errno == ESRCH);
}

/* Removes what creators and restorers that died left behind. */
static void sweep_leftovers(const char *dir)
{
    char path[TKT__LMDB_PATH_MAX + 256];
    DIR *d = opendir(dir);
    if (d == NULL)
        return;
    for (const struct dirent *at = readdir(d); at != NULL; at = readdir(d)) {
        snprintf(path, sizeof path, "%s/%s", dir, at->d_name);
        if (left_over(at->d_name, FRESH_PREFIX))
            unlink(path);
        else if (left_over(at->d_name, TKT__RESTORE_PREFIX))
            tkt__lmdb_work_dir_drop(path);
    }
    closedir(d);
}

/* ---- open -------------------------------------------------------------------------------------------- */

static int32_t missing_table(tkt__lmdb *e, MDB_txn *txn)
{
    MDB_dbi db;
    if (mdb_dbi_open(txn, "engine", 0, &db) == 0)
        return tkt__fail(TKT_E_UPGRADE, "the store lacks a table that this version has");
    (void)e;
    return tkt__fail(TKT_E_NOT_A_STORE, "this is an LMDB file, but not a store");
}

/* Only where the engine's own database says that it is a store. */
static int add_tables(tkt__lmdb *e, MDB_txn *txn)
{
    MDB_dbi db;
    int rc = mdb_dbi_open(txn, "engine", 0, &db);
    return rc == 0 ? open_dbs(e, txn, MDB_CREATE) : rc;
}

/* All that there is to recover after a crash: the tail is read, and with it checked. */
static int32_t recover(tkt__lmdb *e)
{
    void *view;
    int32_t status = tkt__lmdb_view_begin(e, &view);
    if (status != TKT_DONE)
        return status;
    status = tkt__tail_bind(view);
    tkt__lmdb_view_end(view);
    return status;
}

/* Who has a store open holds a shared lock (flock) on STORE/open.lock; an exclusive one keeps all others out. */
static int32_t lock_store(tkt__lmdb *e, const char *dir, const tkt__lmdb_options *o)
{
    char path[TKT__LMDB_PATH_MAX + sizeof OPEN_LOCK];
    snprintf(path, sizeof path, "%s/" OPEN_LOCK, dir);
    e->lock = tkt__file_open(path, O_RDWR | O_CREAT);
    if (e->lock < 0)
        return o->read_only && !o->alone ? TKT_DONE /* a medium that nobody can write to */
                                         : tkt__fail_errno(errno, "opening the lock of a store");
    e->alone = o->alone;
    int rc = flock(e->lock, (o->alone ? LOCK_EX : LOCK_SH) | LOCK_NB);
    for (int i = 0; rc != 0 && errno == EWOULDBLOCK && !o->alone && i < LOCK_TRIES; i++) {
        nanosleep(&(struct timespec){ 0, LOCK_PAUSE_NS }, NULL); /* who closes may be folding */
        rc = flock(e->lock, LOCK_SH | LOCK_NB);
    }
    if (rc == 0 || (errno != EWOULDBLOCK && !o->alone))
        return TKT_DONE; /* a file system without locks: nobody can be alone there */
    return errno != EWOULDBLOCK ? tkt__fail_errno(errno, "locking a store")
           : o->alone           ? tkt__fail(TKT_E_BUSY, "others have the store open")
                                : tkt__fail(TKT_E_BUSY, "someone has the store alone: an upgrade, or a restore");
}

static int32_t open_tables(tkt__lmdb *e, const tkt__lmdb_options *o)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(e->env, NULL, o->read_only ? MDB_RDONLY : 0, &txn);
    if (rc != 0)
        return tkt__lmdb_status(e, rc, "opening the store");
    rc = open_dbs(e, txn, 0);
    if (rc == MDB_NOTFOUND && o->add_tables)
        rc = add_tables(e, txn);
    if (rc != 0) {
        int32_t status = rc == MDB_NOTFOUND || rc == MDB_INCOMPATIBLE
                             ? missing_table(e, txn)
                             : tkt__lmdb_status(e, rc, "opening the tables");
        mdb_txn_abort(txn);
        return status;
    }
    rc = open_journal(e, txn);
    if (rc == 0)
        rc = mdb_txn_commit(txn); /* keeps the handles; nothing was written */
    else
        mdb_txn_abort(txn);
    return tkt__lmdb_status(e, rc, "opening the tables");
}

static int32_t open_existing(tkt__lmdb *e, const char *path, const tkt__lmdb_options *o)
{
    int dead = 0;
    int rc = open_env(e, path, o);
    if (rc == 0)
        rc = mdb_reader_check(e->env, &dead);
    if (rc == 0)
        rc = tkt__turn_take(e);
    if (rc != 0)
        return tkt__lmdb_status(e, rc, "opening the store");
    int32_t status = open_tables(e, o);
    tkt__turn_give(e);
    return status == TKT_DONE ? recover(e) : status;
}

/* The last one to close brings a long tail into the tables, so that the next open need not read it. Nobody can open
 * the store meanwhile: who tries waits a moment (lock_store). */
static void fold_at_close(tkt__lmdb *e)
{
    tkt__error_record record;
    if (!e->journal_on || e->read_only || e->lock < 0 || flock(e->lock, LOCK_EX | LOCK_NB) != 0)
        return;
    tkt__error_save(&record);
    (void)tkt__lmdb_fold_long(e); /* what fails here fails no one: the tail stays what it is */
    tkt__error_load(&record);
}

static void close_engine(void *engine)
{
    tkt__lmdb *e = engine;
    if (e->env != NULL && !tkt__lmdb_forked(e))
        fold_at_close(e);
    /* A child frees its memory and leaves the parent's locks and reader slots alone. */
    if (e->env != NULL && !tkt__lmdb_forked(e)) {
        mdb_env_close(e->env);
        if (e->registered)
            tkt__lmdb_unregister(e->device, e->inode);
    }
    if (e->lock >= 0) {
        if (!tkt__lmdb_forked(e)) /* a child that still has the descriptor must not keep the lock */
            flock(e->lock, LOCK_UN);
        close(e->lock);
    }
    tkt__turn_close(e);
    if (!tkt__lmdb_forked(e)) /* another thread may have held it at the fork */
        pthread_mutex_destroy(&e->writer);
    tkt__tail_free(&e->tail, !tkt__lmdb_forked(e)); /* another thread may have held the lock at the fork */
    tkt__mine_end(&e->mine);
    tkt_hooks hooks = e->hooks;
    tkt__free(&hooks, e, sizeof *e);
}

static void caps(void *engine, tkt__caps *out)
{
    (void)engine;
    *out = (tkt__caps){ .commit_writes = TKT__LMDB_COMMIT_WRITES,
                        .commit_bytes = TKT__LMDB_COMMIT_BYTES,
                        .remote = false };
}

static const tkt__engine_ops lmdb_ops = {
    .name = "lmdb",
    .caps = caps,
    .close = close_engine,
    .view_begin = tkt__lmdb_view_begin,
    .view_renew = tkt__lmdb_view_renew,
    .view_end = tkt__lmdb_view_end,
    .get = tkt__lmdb_get,
    .get_many = tkt__lmdb_get_many,
    .cursor_open = tkt__lmdb_cursor_open,
    .cursor_seek = tkt__lmdb_cursor_seek,
    .cursor_seek_last = tkt__lmdb_cursor_seek_last,
    .cursor_next = tkt__lmdb_cursor_next,
    .cursor_prev = tkt__lmdb_cursor_prev,
    .cursor_close = tkt__lmdb_cursor_close,
    .write_begin = tkt__lmdb_write_begin,
    .write_commit = tkt__lmdb_write_commit,
    .write_floor = tkt__lmdb_write_floor,
    .write_low = tkt__lmdb_write_low,
    .write_settle = tkt__lmdb_write_settle,
    .write_abort = tkt__lmdb_write_abort,
    .bulk_begin = tkt__lmdb_bulk_begin,
    .bulk_append = tkt__lmdb_bulk_append,
    .bulk_room = tkt__lmdb_bulk_room,
    .bulk_end = tkt__lmdb_bulk_end,
    .bulk_abort = tkt__lmdb_bulk_abort,
    .tend = tkt__lmdb_tend,
    .copy = tkt__lmdb_copy,
    .set_journal = tkt__lmdb_set_journal,
    .floor_ms = tkt__lmdb_floor_ms,
    .stats = tkt__lmdb_stats,
};

/* Finds or makes the file and registers it: from here on no second open of it can start. */
static int32_t locate(tkt__lmdb *e, const char *dir, const paths *p, const tkt__lmdb_options *o,
                      const tkt__row *rows, size_t n, bool *created)
{
    struct stat st;
    int32_t status = tkt__lmdb_file_check(p->data, &st);
    if (tkt_status_primary(status) == TKT_E_NO_STORE && o->create && !o->read_only) {
        status = create(e, dir, p, o, rows, n, created);
        if (status == TKT_DONE)
            status = tkt__lmdb_file_check(p->data, &st);
    } else if (tkt_status_primary(status) == TKT_E_NO_STORE && stat(dir, &st) == 0 &&
               !S_ISDIR(st.st_mode))
        status = tkt__fail(TKT_E_NOT_A_STORE, "%s is not a directory", dir);
    if (status == TKT_DONE)
        status = tkt__lmdb_fs_check(dir, o->allow_net_fs);
    if (status == TKT_DONE)
        status = tkt__lmdb_register(st.st_dev, st.st_ino);
    if (status == TKT_DONE) {
        e->device = st.st_dev;
        e->inode = st.st_ino;
        e->registered = true;
    }
    return status;
}

static int32_t init_locks(tkt__lmdb *e)
{
    int32_t status = tkt__tail_init(&e->tail);
    if (status != TKT_DONE || pthread_mutex_init(&e->writer, NULL) == 0)
        return status;
    tkt__tail_free(&e->tail, true);
    return tkt__fail(TKT_E_NOMEM, "no memory for a lock");
}

int32_t tkt__lmdb_open(const char *dir, const tkt__lmdb_options *options, const tkt__schema *schema,
                       const tkt__row *first_rows, size_t first_count, const tkt_hooks *hooks,
                       const tkt__engine_ops **ops, void **engine, bool *created)
{
    paths p;
    *created = false;
    int32_t status = check_map(options);
    if (status == TKT_DONE)
        status = make_paths(dir, &p);
    if (status != TKT_DONE)
        return status;
    tkt__lmdb *e = tkt__alloc(hooks, sizeof *e);
    if (e == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for a store");
    memset(e, 0, sizeof *e);
    e->lock = e->turn = -1;
    status = init_locks(e);
    if (status != TKT_DONE) {
        tkt__free(hooks, e, sizeof *e);
        return status;
    }
    e->hooks = *hooks;
    e->schema = schema;
    e->written_before = tkt__lmdb_written();
    tkt__mine_begin(&e->mine);
    e->read_only = options->read_only;
    e->journal_half = journal_half(options);
    tkt__lmdb_open_lock();
    status = locate(e, dir, &p, options, first_rows, first_count, created);
    if (status == TKT_DONE)
        status = lock_store(e, dir, options);
    if (status == TKT_DONE && !options->read_only)
        status = tkt__turn_open(e, dir);
    if (status == TKT_DONE)
        status = open_existing(e, p.data, options);
    tkt__lmdb_open_unlock();
    if (status != TKT_DONE) {
        if (e->env == NULL && e->registered)
            tkt__lmdb_unregister(e->device, e->inode);
        close_engine(e);
        return status;
    }
    if (!options->read_only)
        sweep_leftovers(dir);
    *ops = &lmdb_ops;
    *engine = e;
    return TKT_DONE;
}
