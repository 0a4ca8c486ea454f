/* SPDX-License-Identifier: MIT
 *
 * engine/lmdb/registry.c: which data files this process has open: the library's one mutable global.
 *
 * POSIX drops a process's record locks when any of its descriptors of the file closes, so a second
 * open of the same file in one process would silently unlock the first. Files are told apart by device
 * and inode, so another path or a link does not help. In a child after fork the list still names the
 * parent's stores: entries carry their process id and foreign ones do not count.
 */
#include "engine/lmdb/lmdb_engine.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct entry {
    struct entry *next;
    dev_t device;
    ino_t inode;
    pid_t pid;
} entry;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;      /* guards `open_files` */
static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER; /* one open at a time */
static entry *open_files;

int32_t tkt__lmdb_register(dev_t device, ino_t inode)
{
    int32_t status = TKT_DONE;
    /* The C library's allocator: the entry outlives any one host's hooks. */
    entry *fresh = malloc(sizeof *fresh);
    if (fresh == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for the registry of open stores");
    *fresh = (entry){ NULL, device, inode, getpid() };
    pthread_mutex_lock(&lock);
    for (const entry *at = open_files; at != NULL; at = at->next)
        if (at->device == device && at->inode == inode && at->pid == fresh->pid)
            status = -TKT_E_ALREADY_OPEN;
    if (status == TKT_DONE) {
        fresh->next = open_files;
        open_files = fresh;
        fresh = NULL;
    }
    pthread_mutex_unlock(&lock);
    free(fresh);
    if (status != TKT_DONE)
        return tkt__fail(TKT_E_ALREADY_OPEN, "this process has the store open already");
    return TKT_DONE;
}

void tkt__lmdb_unregister(dev_t device, ino_t inode)
{
    pid_t pid = getpid();
    pthread_mutex_lock(&lock);
    for (entry **at = &open_files; *at != NULL; at = &(*at)->next)
        if ((*at)->device == device && (*at)->inode == inode && (*at)->pid == pid) {
            entry *gone = *at;
            *at = gone->next;
            free(gone);
            break;
        }
    pthread_mutex_unlock(&lock);
}

void tkt__lmdb_open_lock(void)
{
    pthread_mutex_lock(&open_lock);
}

void tkt__lmdb_open_unlock(void)
{
    pthread_mutex_unlock(&open_lock);
}
