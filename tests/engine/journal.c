/* SPDX-License-Identifier: MIT
 *
 * tests/engine/journal.c: the journal of the LMDB engine, with a tail so small that folds are always under way.
 *
 *   journal [SEED]
 *
 * What only this engine has, beside the rules that conformance.c tries on every one: old snapshots while folds
 * go on, against a model; processes that take turns; processes that are killed; a torn and a foreign tail; switching
 * on and off. Plain program: it also runs under the thread sanitizer.
 */
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lmdb.h>

#include "engine/engine.h"

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, tkt_error_text()); \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

#define HALF 3000    /* bytes that a fold begins at */
#define KEYS 300
#define VALUE_MAX 64
#define OLD 3        /* snapshots held while work goes on */
#define STEPS 4000
#define TURNS 600
#define KILLS 20

enum { GUARD, DISCOVERY, ROW, DIRECT, META, TABLES };
static const tkt__table_def tables[TABLES] = {
    { GUARD, "guard", true, true, TKT__GUARD_KEY, 0, 0, 0, false },
    { DISCOVERY, "discovery", true, true, TKT__GUARD_KEY, 0, 16, 0, false },
    { ROW, "row", true, true, TKT__GUARD_AT, 'e', 0, 0, false },
    { DIRECT, "direct", true, false, TKT__GUARD_AT, 'e', 0, 0, false },
    { META, "meta", false, false, TKT__GUARD_FIXED, 's', 0, 0, false },
};
static const tkt__schema schema = { tables, TABLES, GUARD, DISCOVERY, META };
static const tkt__guard guard = { 'e', 1 };
static char dir[64];
static uint64_t half = HALF;
static unsigned seed = 1;

/* ---- a store ---------------------------------------------------------------------------------------- */

typedef struct subject {
    const tkt__engine_ops *ops;
    void *engine;
    tkt__kv *kv;
} subject;

static int32_t now(void *user, tkt__tx *tx, int64_t floor_ms, int64_t *now_ms)
{
    (void)user, (void)tx;
    *now_ms = floor_ms > 0 ? floor_ms : 1;
    return TKT_DONE;
}

static int32_t try_open(subject *s, tkt__lmdb_options options)
{
    tkt__kv_config config = { .schema = &schema, .epoch = 1, .now = now };
    bool created;
    options.map_bytes = UINT64_C(1) << 26;
    options.journal_half = half;
    MUST(tkt__hooks_resolve(NULL, &config.hooks) == TKT_DONE);
    int32_t status = tkt__lmdb_open(dir, &options, &schema, NULL, 0, &config.hooks, &s->ops, &s->engine, &created);
    if (status != TKT_DONE)
        return status;
    config.ops = s->ops;
    config.engine = s->engine;
    MUST(tkt__kv_open(&config, &s->kv) == TKT_DONE);
    return TKT_DONE;
}

static void must_open(subject *s)
{
    MUST(try_open(s, (tkt__lmdb_options){ .create = true }) == TKT_DONE);
}

static void fresh_dir(void)
{
    strcpy(dir, "/tmp/tkt-journal-XXXXXX");
    MUST(mkdtemp(dir) != NULL);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static void remove_dir(void)
{
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static uint64_t tail_bytes(const subject *s)
{
    tkt__engine_stats stats;
    MUST(s->ops->stats(s->engine, &stats) == TKT_DONE && stats.journal);
    return stats.journal_bytes;
}

/* ---- rows against a model ------------------------------------------------------------------------------ */

typedef struct model {
    char value[KEYS][VALUE_MAX]; /* empty: no row */
} model;

static tkt__slice key_of(int k, uint8_t key[16])
{
    tkt__be64(key, 1);
    tkt__be32(key + 8, (uint32_t)k * 7919u % KEYS); /* neighbours in the model are none in the table */
    return tkt__slice_of(key, 12);
}

static int k_of(tkt__slice key)
{
    for (int k = 0; k < KEYS; k++)
        if ((uint32_t)k * 7919u % KEYS == tkt__get_be32(key.p + 8))
            return k;
    return -1;
}

typedef struct change {
    uint8_t table;
    int n;
    int k[8];
    char value[8][VALUE_MAX]; /* empty: delete */
} change;

static int32_t change_body(tkt__tx *tx, void *ctx)
{
    const change *c = ctx;
    uint8_t key[16];
    int32_t status = TKT_DONE;
    for (int i = 0; i < c->n && status >= 0; i++) {
        tkt__slice at = key_of(c->k[i], key), value = tkt__slice_of(c->value[i], strlen(c->value[i]));
        if (c->value[i][0] == '\0')
            status = tkt__tx_del(tx, c->table, at);
        else if ((status = tkt__tx_insert(tx, c->table, at, value)) == TKT_EXISTS)
            status = tkt__tx_put(tx, c->table, at, value);
    }
    return status < 0 ? status : TKT_DONE;
}

static void random_change(subject *s, model *m)
{
    change c = { .table = ROW, .n = 1 + rand_r(&seed) % 8 };
    for (int i = 0; i < c.n; i++) {
        c.k[i] = rand_r(&seed) % KEYS;
        if (rand_r(&seed) % 5 > 1)
            snprintf(c.value[i], VALUE_MAX, "%d-%.*s", rand_r(&seed), rand_r(&seed) % 40,
                     "a value that is now longer, now shorter");
        strcpy(m->value[c.k[i]], c.value[i]);
    }
    MUST(tkt__kv_run(s->kv, &guard, 1, NULL, change_body, &c) == TKT_DONE);
}

static void same_row(const model *m, tkt__slice k, tkt__slice v)
{
    int at = k_of(k);
    MUST(at >= 0 && strlen(m->value[at]) == v.n && memcmp(m->value[at], v.p, v.n) == 0);
}

/* Every row by its key; all of them forwards, backwards, and from a random place, turning round there. */
static void same(tkt__tx *tx, const model *m)
{
    tkt__cursor *c;
    tkt__slice k, v, last = { NULL, 0 };
    uint8_t key[16];
    int rows = 0, seen = 0;
    for (int i = 0; i < KEYS; i++) {
        int32_t status = tkt__tx_get(tx, ROW, key_of(i, key), &v);
        MUST(status == (m->value[i][0] != '\0' ? TKT_DONE : TKT_NOT_FOUND));
        if (status == TKT_DONE)
            same_row(m, key_of(i, key), v);
        rows += status == TKT_DONE;
    }
    MUST(tkt__tx_cursor_open(tx, ROW, &c) == TKT_DONE);
    for (int32_t st = tkt__cursor_seek(c, last, &k, &v); st == TKT_DONE; st = tkt__cursor_next(c, &k, &v), seen++) {
        MUST(last.n == 0 || tkt__slice_compare(last, k) < 0);
        same_row(m, k, v);
        last = k;
    }
    MUST(seen == rows);
    for (int32_t st = tkt__cursor_prev(c, &k, &v); st == TKT_DONE; st = tkt__cursor_prev(c, &k, &v), seen--)
        same_row(m, k, v);
    MUST(seen == 0);
    int32_t status = tkt__cursor_seek_last(c, key_of(rand_r(&seed) % KEYS, key), &k, &v);
    if (status == TKT_DONE) {
        tkt__slice here = k;
        if (tkt__cursor_next(c, &k, &v) == TKT_DONE) {
            MUST(tkt__slice_compare(here, k) < 0 && tkt__cursor_prev(c, &k, &v) == TKT_DONE);
            MUST(tkt__slice_compare(here, k) == 0);
        }
    }
    tkt__cursor_close(c);
}

static void check_now(subject *s, const model *m)
{
    tkt__tx *tx;
    MUST(tkt__kv_read_begin(s->kv, &tx) == TKT_DONE);
    same(tx, m);
    tkt__kv_read_end(tx);
}

static void old_snapshots_stay_what_they_were(void)
{
    static model m, had[OLD];
    tkt__tx *old[OLD] = { NULL };
    subject s;
    uint64_t most = 0;
    fresh_dir();
    must_open(&s);
    memset(&m, 0, sizeof m);
    for (int step = 0; step < STEPS; step++) {
        random_change(&s, &m);
        most = tail_bytes(&s) > most ? tail_bytes(&s) : most;
        int i = rand_r(&seed) % OLD;
        if (step % 10 == 0 && old[i] != NULL) {
            same(old[i], &had[i]);
            tkt__kv_read_end(old[i]);
            old[i] = NULL;
        } else if (step % 10 == 5 && old[i] == NULL) {
            had[i] = m;
            MUST(tkt__kv_read_begin(s.kv, &old[i]) == TKT_DONE);
            if (rand_r(&seed) % 2) /* some look at once, others long after what they need was folded */
                same(old[i], &had[i]);
        }
        if (step % 50 == 0)
            check_now(&s, &m);
        if (step % 500 == 499) { /* closed and opened: the tail is read again */
            for (int k = 0; k < OLD; k++) {
                tkt__kv_read_end(old[k]);
                old[k] = NULL;
            }
            tkt__kv_close(s.kv);
            must_open(&s);
            check_now(&s, &m);
        }
    }
    for (int k = 0; k < OLD; k++)
        tkt__kv_read_end(old[k]);
    MUST(most > HALF && most < 4 * HALF); /* it folds, and keeps pace */
    bool did = true;
    while (did)
        MUST(s.ops->tend(s.engine, &did) == TKT_DONE);
    check_now(&s, &m);
    tkt__kv_close(s.kv);
    remove_dir();
}

/* ---- processes --------------------------------------------------------------------------------------------- */

/* Each adds one to every one of eight rows and looks whether they are as the other left them. */
static int32_t count_body(tkt__tx *tx, void *ctx)
{
    uint32_t want = *(uint32_t *)ctx;
    uint8_t key[16], bytes[4];
    tkt__slice value;
    for (int k = 0; k < 8; k++) {
        int32_t status = tkt__tx_get(tx, ROW, key_of(k, key), &value);
        uint32_t have = status == TKT_DONE && value.n == 4 ? tkt__get_be32(value.p) : 0;
        MUST(status >= 0 && have == want);
        tkt__be32(bytes, have + 1);
        MUST(tkt__tx_put(tx, ROW, key_of(k, key), tkt__slice_of(bytes, 4)) == TKT_DONE);
        tkt__be32(bytes, want);
        MUST(tkt__tx_put(tx, ROW, key_of(100 + (int)want % 150, key), tkt__slice_of(bytes, 4)) == TKT_DONE);
    }
    return TKT_DONE;
}

static void take_turns(int from, int to, bool first)
{
    subject s;
    uint32_t turn = first ? 0 : 1;
    char token = 0;
    must_open(&s);
    for (; turn < TURNS; turn += 2) {
        if (turn != 0)
            MUST(read(from, &token, 1) == 1);
        MUST(tkt__kv_run(s.kv, &guard, 1, NULL, count_body, &turn) == TKT_DONE);
        MUST(write(to, &token, 1) == 1);
    }
    tkt__kv_close(s.kv);
}

static void processes_that_take_turns_see_each_other(void)
{
    int there[2], back[2], status;
    subject s;
    fresh_dir();
    must_open(&s);
    tkt__kv_close(s.kv);
    MUST(pipe(there) == 0 && pipe(back) == 0);
    pid_t pid = fork();
    MUST(pid >= 0);
    if (pid == 0) {
        take_turns(there[0], back[1], false);
        _exit(0);
    }
    take_turns(back[0], there[1], true);
    MUST(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    remove_dir();
}

static void read_model(const subject *s, model *m)
{
    tkt__tx *tx;
    tkt__slice v;
    uint8_t key[16];
    memset(m, 0, sizeof *m);
    MUST(tkt__kv_read_begin(s->kv, &tx) == TKT_DONE);
    for (int k = 0; k < KEYS; k++)
        if (tkt__tx_get(tx, ROW, key_of(k, key), &v) == TKT_DONE)
            memcpy(m->value[k], v.p, v.n);
    tkt__kv_read_end(tx);
}

/* When told to, makes enough changes for some folds, and says what came of them. */
static void change_when_told(int from, int to)
{
    static model m;
    subject s;
    char token;
    must_open(&s);
    while (read(from, &token, 1) == 1) {
        read_model(&s, &m);
        for (int i = 0; i < 100; i++)
            random_change(&s, &m);
        MUST(write(to, &m, sizeof m) == (ssize_t)sizeof m);
    }
    tkt__kv_close(s.kv);
}

static bool read_all(int fd, void *p, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t got = read(fd, (char *)p + at, n - at);
        if (got <= 0)
            return false;
        at += (size_t)got;
    }
    return true;
}

/* This process knows a part of the tail, and takes a snapshot without looking; both are long folded when it looks. */
static void process_that_slept_reads_what_it_needs(void)
{
    static model before, after;
    int there[2], back[2], status;
    tkt__tx *old;
    subject s;
    fresh_dir();
    MUST(pipe(there) == 0 && pipe(back) == 0);
    pid_t pid = fork();
    MUST(pid >= 0);
    if (pid == 0) {
        close(there[1]);
        change_when_told(there[0], back[1]);
        _exit(0);
    }
    must_open(&s);
    for (int round = 0; round < 5; round++) {
        random_change(&s, &after);
        MUST(write(there[1], "", 1) == 1 && read_all(back[0], &before, sizeof before));
        MUST(tkt__kv_read_begin(s.kv, &old) == TKT_DONE);
        MUST(write(there[1], "", 1) == 1 && read_all(back[0], &after, sizeof after));
        check_now(&s, &after);
        same(old, &before);
        tkt__kv_read_end(old);
    }
    close(there[1]);
    MUST(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    tkt__kv_close(s.kv);
    remove_dir();
}

/* Writes rows and tells of each through a pipe once it is durable. */
static void write_until_killed(int acks, unsigned own_seed)
{
    subject s;
    static model m;
    seed = own_seed;
    must_open(&s);
    read_model(&s, &m);
    for (;;) {
        random_change(&s, &m);
        MUST(write(acks, &m, sizeof m) == (ssize_t)sizeof m);
    }
}

/* The state is that of the last acknowledgement, or of the one commit that was on its way. */
static void killed_process_loses_nothing(void)
{
    static model told;
    subject s;
    memset(&told, 0, sizeof told);
    fresh_dir();
    for (int round = 0; round < KILLS; round++) {
        int acks[2];
        MUST(pipe(acks) == 0);
        pid_t pid = fork();
        MUST(pid >= 0);
        if (pid == 0)
            write_until_killed(acks[1], seed + (unsigned)round);
        close(acks[1]);
        for (int i = 0, most = 1 + rand_r(&seed) % 60; i < most; i++)
            MUST(read_all(acks[0], &told, sizeof told));
        kill(pid, SIGKILL);
        model next;
        while (read_all(acks[0], &next, sizeof next))
            told = next;
        waitpid(pid, NULL, 0);
        close(acks[0]);
        must_open(&s);
        int differ = 0;
        uint8_t key[16];
        tkt__slice v;
        tkt__tx *tx;
        MUST(tkt__kv_read_begin(s.kv, &tx) == TKT_DONE);
        for (int k = 0; k < KEYS; k++) {
            bool there = tkt__tx_get(tx, ROW, key_of(k, key), &v) == TKT_DONE;
            size_t n = there ? v.n : 0;
            bool same_value = n == strlen(told.value[k]) && (n == 0 || memcmp(told.value[k], v.p, n) == 0);
            differ += !same_value;
            memset(told.value[k], 0, VALUE_MAX);
            if (there)
                memcpy(told.value[k], v.p, v.n);
        }
        MUST(differ <= 8); /* a change touches no more */
        same(tx, &told);
        tkt__kv_read_end(tx);
        tkt__kv_close(s.kv);
    }
    remove_dir();
}

/* ---- what is refused -------------------------------------------------------------------------------------------- */

/* Changes one byte of the last record, or of the tag, behind the engine's back. */
static void spoil(bool tag)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi db;
    MDB_cursor *cursor;
    MDB_val key, value;
    char path[96];
    uint8_t bytes[65536];
    snprintf(path, sizeof path, "%s/data.mdb", dir);
    MUST(mdb_env_create(&env) == 0 && mdb_env_set_maxdbs(env, 64) == 0 && mdb_env_set_mapsize(env, 1 << 26) == 0);
    MUST(mdb_env_open(env, path, MDB_NOSUBDIR, 0600) == 0 && mdb_txn_begin(env, NULL, 0, &txn) == 0);
    MUST(mdb_dbi_open(txn, tag ? "engine" : "journal", 0, &db) == 0 && mdb_cursor_open(txn, db, &cursor) == 0);
    key = (MDB_val){ 7, (void *)(uintptr_t)"journal" };
    MUST(mdb_cursor_get(cursor, &key, &value, tag ? MDB_SET_KEY : MDB_LAST) == 0 && value.mv_size <= sizeof bytes);
    memcpy(bytes, value.mv_data, value.mv_size);
    bytes[value.mv_size - 1] ^= 1;
    value.mv_data = bytes;
    MUST(mdb_cursor_put(cursor, &key, &value, MDB_CURRENT) == 0);
    mdb_cursor_close(cursor);
    MUST(mdb_txn_commit(txn) == 0);
    mdb_env_close(env);
}

static void torn_and_foreign_tails_are_refused(void)
{
    subject s;
    static model m;
    for (int tag = 0; tag < 2; tag++) {
        fresh_dir();
        must_open(&s);
        random_change(&s, &m);
        tkt__kv_close(s.kv);
        spoil(tag != 0);
        MUST(tkt_status_primary(try_open(&s, (tkt__lmdb_options){ 0 })) == TKT_E_JOURNAL);
        MUST(tkt_status_primary(try_open(&s, (tkt__lmdb_options){ .read_only = true })) == TKT_E_JOURNAL);
        spoil(tag != 0); /* back again */
        must_open(&s);
        tkt__kv_close(s.kv);
        remove_dir();
    }
}

static void switch_to(bool on)
{
    subject s;
    MUST(try_open(&s, (tkt__lmdb_options){ .alone = true }) == TKT_DONE);
    MUST(s.ops->set_journal(s.engine, on, NULL) == TKT_DONE);
    tkt__kv_close(s.kv);
}

static void switching_keeps_every_row(void)
{
    static model m;
    subject s;
    fresh_dir();
    memset(&m, 0, sizeof m);
    must_open(&s);
    MUST(s.ops->set_journal(s.engine, false, NULL) < 0); /* not alone */
    for (int round = 0; round < 4; round++) {
        tkt__engine_stats stats;
        for (int i = 0; i < 40; i++)
            random_change(&s, &m);
        tkt__kv_close(s.kv);
        switch_to(round % 2 != 0);
        must_open(&s);
        MUST(s.ops->stats(s.engine, &stats) == TKT_DONE && stats.journal == (round % 2 != 0));
        check_now(&s, &m);
    }
    tkt__kv_close(s.kv);
    remove_dir();
}

/* So that the next open has little to read. */
static void last_to_close_folds_a_long_tail(void)
{
    static model m;
    subject s;
    fresh_dir();
    half = UINT64_C(1) << 20;
    memset(&m, 0, sizeof m);
    must_open(&s);
    random_change(&s, &m);
    tkt__kv_close(s.kv);
    must_open(&s);
    MUST(tail_bytes(&s) > 0); /* a short one is left */
    while (tail_bytes(&s) < UINT64_C(300) << 10)
        random_change(&s, &m);
    tkt__kv_close(s.kv);
    must_open(&s);
    MUST(tail_bytes(&s) == 0);
    check_now(&s, &m);
    tkt__kv_close(s.kv);
    half = HALF;
    remove_dir();
}

static void alone_is_refused_while_another_process_is_there(void)
{
    int opened[2], status;
    char token = 0;
    subject s;
    fresh_dir();
    MUST(pipe(opened) == 0);
    pid_t pid = fork();
    MUST(pid >= 0);
    if (pid == 0) {
        MUST(read(opened[0], &token, 1) == 1);
        MUST(tkt_status_primary(try_open(&s, (tkt__lmdb_options){ .alone = true })) == TKT_E_BUSY);
        _exit(0);
    }
    must_open(&s);
    MUST(write(opened[1], &token, 1) == 1);
    MUST(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    tkt__kv_close(s.kv);
    remove_dir();
}

int main(int argc, char **argv)
{
    seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 20261127u;
    old_snapshots_stay_what_they_were();
    processes_that_take_turns_see_each_other();
    process_that_slept_reads_what_it_needs();
    killed_process_loses_nothing();
    torn_and_foreign_tails_are_refused();
    switching_keeps_every_row();
    last_to_close_folds_a_long_tail();
    alone_is_refused_while_another_process_is_there();
    puts("the journal keeps what it was given");
    return 0;
}
