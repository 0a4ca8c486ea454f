/* SPDX-License-Identifier: MIT
 *
 * tests/race/growing_file.c: a store's file is looked over, as an open does, while another process commits to it without
 * pause: it grows, its meta pages change, pages on the free list become others. A sound file is never found too short.
 * The writer is LMDB itself without syncs, which commits some ten thousand times a second.
 *
 *   growing_file [LOOKS]     100,000, or 5,000 under a sanitizer
 */
#include <ftw.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "engine/lmdb/lmdb_engine.h"

#include "race.h"

#define VALUE_MAX 30000
#define KEYS 64
#define FILE_MAX (UINT64_C(1) << 30)

static char dir[] = "/tmp/tkt-growing-XXXXXX", path[64];

/* Values of all lengths come and go. */
static void write_on(void)
{
    static char value[VALUE_MAX];
    MDB_env *env;
    MDB_dbi db;
    uint32_t x = 1;
    MUST(mdb_env_create(&env) == 0 && mdb_env_set_mapsize(env, FILE_MAX) == 0);
    MUST(mdb_env_open(env, dir, MDB_NOSYNC, 0600) == 0);
    for (;; x = x * 1664525u + 1013904223u) {
        MDB_txn *txn;
        uint32_t number = x >> 16 & (KEYS - 1);
        MDB_val k = { sizeof number, &number }, v = { (x >> 8) % sizeof value + 1, value };
        MUST(mdb_txn_begin(env, NULL, 0, &txn) == 0 && mdb_dbi_open(txn, NULL, 0, &db) == 0);
        if ((x >> 28 & 3) == 0)
            mdb_del(txn, db, &k, NULL);
        else
            MUST(mdb_put(txn, db, &k, &v, 0) == 0);
        if (x >> 22 == 0) /* now and then nothing is left */
            MUST(mdb_drop(txn, db, 0) == 0);
        MUST(mdb_txn_commit(txn) == 0);
    }
}

static int remove_one(const char *p, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(p);
}

int main(int argc, char **argv)
{
    const char *sanitize = getenv("TKT_TEST_SANITIZE");
    uint32_t looks = argc > 1 ? (uint32_t)atoi(argv[1]) : sanitize != NULL && strcmp(sanitize, "none") != 0 ? 5000 : 100000;
    struct stat st;
    int how;
    MUST(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/data.mdb", dir);
    /* The file starts again every so often, or it stops growing. */
    for (uint32_t k = 0; k < looks;) {
        pid_t pid = race_fork();
        if (pid == 0)
            write_on();
        while (stat(path, &st) != 0 || st.st_size < 65536)
            usleep(100);
        for (uint32_t i = 0; i < 2000 && k < looks; i++, k++)
            MUST(tkt__lmdb_file_check(path, &st) == TKT_DONE);
        MUST(kill(pid, SIGKILL) == 0 && waitpid(pid, &how, 0) == pid && WIFSIGNALED(how)); /* it did not end by itself */
        MUST(unlink(path) == 0);
    }
    nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    printf("%u looks at a growing file\n", looks);
    return 0;
}
