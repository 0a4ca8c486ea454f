/* SPDX-License-Identifier: MIT
 *
 * tests/engine/conformance.c: the rules of engine/engine.h, each tried on an engine.
 *
 *   conformance lmdb | lmdb-plain | lmdb-folding | hostile | hostile-remote [threads]
 *   lmdb-plain: without the journal; lmdb-folding: the journal is so small that every few commits fold
 *   threads: those that need them, and no others
 *
 * A new engine passes this program before anything else is tried on it. Rules about faults are tried
 * where the engine can be told to be faulty; the others everywhere. Plain program: it also runs under
 * the thread sanitizer.
 */
#include "conformance.h"

#include <ftw.h>
#include <unistd.h>

#define NOW_MS INT64_C(1900000000000)

static const tkt__table_def tables[TABLES] = {
    { GUARD, "guard", true, true, TKT__GUARD_KEY, 0, 0, 0, false },
    { DISCOVERY, "discovery", true, true, TKT__GUARD_KEY, 0, 16, 0, false },
    { SALE, "sale", false, false, TKT__GUARD_AT, 'e', 0, 0, false },
    { HOT, "hot", true, true, TKT__GUARD_AT, 'e', 0, 'c', false },
    { FREE, "free", true, true, TKT__GUARD_FREE, 0, 0, 0, false },
    { BUILT, "built", false, false, TKT__GUARD_FIXED, 'c', 0, 0, true },
    { CATALOG, "catalog", false, false, TKT__GUARD_FIXED, 'c', 0, 0, false },
};
const tkt__schema conformance_schema = { tables, TABLES, GUARD, DISCOVERY, CATALOG };

/* ---- the subject -------------------------------------------------------------------------------------- */

static int32_t now(void *user, tkt__tx *tx, int64_t floor_ms, int64_t *now_ms)
{
    subject *s = user;
    (void)tx;
    *now_ms = s->now_ms > floor_ms ? s->now_ms : floor_ms;
    return TKT_DONE;
}

void subject_open(subject *s, const char *name, const hostile_options *options)
{
    tkt__kv_config config = { .schema = &conformance_schema, .epoch = 1, .now = now, .now_user = s };
    memset(s, 0, sizeof *s);
    s->name = name;
    s->now_ms = NOW_MS;
    MUST(tkt__hooks_resolve(NULL, &config.hooks) == TKT_DONE);
    if (strncmp(name, "lmdb", 4) == 0) {
        tkt__lmdb_options lmdb = { .map_bytes = UINT64_C(1) << 28, .create = true,
                                   .no_journal = strcmp(name, "lmdb-plain") == 0,
                                   .journal_half = strcmp(name, "lmdb-folding") == 0 ? 2000 : 0 };
        bool created;
        strcpy(s->dir, "/tmp/tkt-conform-XXXXXX");
        MUST(mkdtemp(s->dir) != NULL);
        MUST(tkt__lmdb_open(s->dir, &lmdb, &conformance_schema, NULL, 0, &config.hooks, &s->ops, &s->engine,
                            &created) == TKT_DONE);
    } else {
        hostile_options o = options != NULL ? *options : (hostile_options){ .seed = 1 };
        o.schema = &conformance_schema;
        o.caps.remote = strcmp(name, "hostile-remote") == 0;
        s->db = hostile_new(&o);
        s->ops = &hostile_ops;
        s->engine = hostile_attach(s->db);
    }
    config.ops = s->ops;
    config.engine = s->engine;
    MUST(tkt__kv_open(&config, &s->kv) == TKT_DONE);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

void subject_close(subject *s)
{
    tkt__kv_close(s->kv);
    if (s->db != NULL)
        hostile_free(s->db);
    else
        nftw(s->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

tkt__slice key_of(uint64_t id, const char *text)
{
    static _Thread_local uint8_t buffers[8][TKT__KEY_MAX + 64];
    static _Thread_local unsigned turn;
    uint8_t *b = buffers[turn++ % 8];
    tkt__be64(b, id);
    memcpy(b + 8, text, strlen(text));
    return tkt__slice_of(b, 8 + strlen(text));
}

tkt__slice text_of(const char *text)
{
    return tkt__slice_of((const uint8_t *)text, strlen(text));
}

bool same(tkt__slice a, tkt__slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static int32_t one_write_body(tkt__tx *tx, void *ctx)
{
    const one_write *w = ctx;
    if (w->op == TKT__DEL)
        return tkt__tx_del(tx, w->table, w->key);
    return w->op == TKT__INSERT ? tkt__tx_insert(tx, w->table, w->key, w->value)
                                : tkt__tx_put(tx, w->table, w->key, w->value);
}

int32_t write_one(subject *s, uint8_t op, uint8_t table, uint64_t id, tkt__slice key, tkt__slice value)
{
    one_write w = { table, op, key, value };
    const tkt__guard guard = event_guard(id);
    return tkt__kv_run(s->kv, &guard, 1, NULL, one_write_body, &w);
}

int32_t read_one(subject *s, uint8_t table, tkt__slice key, char *text, size_t cap)
{
    tkt__tx *tx;
    tkt__slice value;
    MUST(tkt__kv_read_begin(s->kv, &tx) == TKT_DONE);
    int32_t status = tkt__tx_get(tx, table, key, &value);
    if (status == TKT_DONE) {
        MUST(value.n < cap);
        memcpy(text, value.p, value.n);
        text[value.n] = '\0';
    }
    tkt__kv_read_end(tx);
    return status;
}

uint64_t rows_in(tkt__tx *tx, uint8_t table)
{
    tkt__cursor *c;
    tkt__slice k, v;
    uint64_t n = 0;
    MUST(tkt__tx_cursor_open(tx, table, &c) == TKT_DONE);
    for (int32_t st = tkt__cursor_seek(c, text_of(""), &k, &v); st == TKT_DONE; st = tkt__cursor_next(c, &k, &v))
        n++;
    tkt__cursor_close(c);
    return n;
}

int32_t count_up_body(tkt__tx *tx, void *ctx)
{
    count_up *c = ctx;
    tkt__slice v;
    char name[32], number[32];
    unsigned long at = 0;
    c->runs++;
    snprintf(name, sizeof name, "op %lu", (unsigned long)c->op);
    int32_t status = tkt__tx_insert(tx, SALE, key_of(10, name), text_of(""));
    if (status == TKT_EXISTS)
        return TKT_REPLAYED;
    if (status == TKT_DONE) {
        status = tkt__tx_get(tx, SALE, key_of(10, "count"), &v);
        if (status == TKT_DONE) {
            memcpy(number, v.p, v.n);
            number[v.n] = '\0';
            at = strtoul(number, NULL, 10);
        } else if (status != TKT_NOT_FOUND)
            return status;
        snprintf(number, sizeof number, "%lu", at + 1);
        status = tkt__tx_put(tx, SALE, key_of(10, "count"), text_of(number));
    }
    return status;
}

/* ---- 1: keys and values ---------------------------------------------------------------------------------- */

static void rule_1_keys_compare_as_bytes_and_sizes_have_limits(subject *s)
{
    static uint8_t big[TKT__VALUE_MAX + 1], long_key[TKT__KEY_MAX + 1];
    static const uint8_t keys[][3] = { { 0 }, { 0, 0 }, { 0, 1 }, { 0, 1, 0 }, { 1 }, { 127 }, { 128 }, { 255 }, { 255, 255 } };
    static const size_t sizes[] = { 1, 2, 2, 3, 1, 1, 1, 1, 2 };
    const size_t n = sizeof sizes / sizeof sizes[0];
    for (size_t i = 0; i < n; i++) { /* in another order than theirs */
        size_t at = i * 5 % n;
        MUST(write_one(s, TKT__PUT, FREE, 1, tkt__slice_of(keys[at], sizes[at]), text_of("x")) == TKT_DONE);
    }
    tkt__tx *tx;
    tkt__cursor *c;
    tkt__slice k, v;
    MUST(tkt__kv_read_begin(s->kv, &tx) == TKT_DONE && tkt__tx_cursor_open(tx, FREE, &c) == TKT_DONE);
    int32_t status = tkt__cursor_seek(c, text_of(""), &k, &v);
    for (size_t i = 0; i < n; i++, status = tkt__cursor_next(c, &k, &v))
        MUST(status == TKT_DONE && same(k, tkt__slice_of(keys[i], sizes[i])));
    MUST(status == TKT_NOT_FOUND);
    status = tkt__cursor_seek_last(c, text_of(""), &k, &v);
    for (size_t i = n; i-- > 0; status = tkt__cursor_prev(c, &k, &v))
        MUST(status == TKT_DONE && same(k, tkt__slice_of(keys[i], sizes[i])));
    MUST(status == TKT_NOT_FOUND);
    MUST(tkt__cursor_seek(c, tkt__slice_of(keys[3], 3), &k, &v) == TKT_DONE && k.n == 3);
    MUST(tkt__cursor_seek_last(c, tkt__slice_of(keys[3], 3), &k, &v) == TKT_DONE && same(k, tkt__slice_of(keys[2], 2)));
    MUST(tkt__cursor_seek(c, tkt__slice_of((const uint8_t *)"\377\377\0", 3), &k, &v) == TKT_NOT_FOUND);
    tkt__cursor_close(c);
    tkt__kv_read_end(tx);

    memset(long_key, 7, sizeof long_key);
    MUST(write_one(s, TKT__PUT, FREE, 1, tkt__slice_of(long_key, TKT__KEY_MAX), text_of("x")) == TKT_DONE);
    MUST(tkt_status_primary(write_one(s, TKT__PUT, FREE, 1, tkt__slice_of(long_key, TKT__KEY_MAX + 1), text_of("x"))) == TKT_E_LIMIT);
    MUST(write_one(s, TKT__PUT, FREE, 1, text_of(""), text_of("x")) < 0);
    MUST(write_one(s, TKT__PUT, SALE, 1, key_of(1, "big"), tkt__slice_of(big, TKT__VALUE_MAX)) == TKT_DONE);
    MUST(tkt_status_primary(write_one(s, TKT__PUT, SALE, 1, key_of(1, "big"), tkt__slice_of(big, TKT__VALUE_MAX + 1))) == TKT_E_LIMIT);
    MUST(write_one(s, TKT__PUT, HOT, 1, key_of(1, "hot"), tkt__slice_of(big, TKT__HOT_VALUE_MAX)) == TKT_DONE);
    MUST(tkt_status_primary(write_one(s, TKT__PUT, HOT, 1, key_of(1, "hot"), tkt__slice_of(big, TKT__HOT_VALUE_MAX + 1))) == TKT_E_LIMIT);
    MUST(write_one(s, TKT__PUT, SALE, 1, key_of(1, "none"), text_of("")) == TKT_DONE); /* an empty value is one */
    char text[8];
    MUST(read_one(s, SALE, key_of(1, "none"), text, sizeof text) == TKT_DONE && text[0] == '\0');
}

/* ---- 2, 4: snapshots and how long slices live ------------------------------------------------------------- */

static void rules_2_and_4_a_snapshot_stands_still(subject *s)
{
    tkt__tx *old;
    tkt__slice first, again, k, v;
    tkt__cursor *c;
    MUST(write_one(s, TKT__PUT, SALE, 2, key_of(2, "a"), text_of("before")) == TKT_DONE);
    MUST(tkt__kv_read_begin(s->kv, &old) == TKT_DONE && tkt__tx_get(old, SALE, key_of(2, "a"), &first) == TKT_DONE);
    MUST(tkt__tx_cursor_open(old, SALE, &c) == TKT_DONE);
    MUST(tkt__cursor_seek(c, key_of(2, ""), &k, &v) == TKT_DONE && same(v, text_of("before")));
    MUST(write_one(s, TKT__PUT, SALE, 2, key_of(2, "a"), text_of("after")) == TKT_DONE);
    MUST(write_one(s, TKT__PUT, SALE, 2, key_of(2, "b"), text_of("new")) == TKT_DONE);
    for (int i = 0; i < 100; i++) { /* enough for pages to be used again */
        char name[16];
        snprintf(name, sizeof name, "filler %d", i);
        MUST(write_one(s, TKT__PUT, SALE, 3, key_of(3, name), text_of("filler")) == TKT_DONE);
    }
    MUST(same(first, text_of("before")) && same(v, text_of("before")) && same(k, key_of(2, "a")));
    MUST(tkt__tx_get(old, SALE, key_of(2, "a"), &again) == TKT_DONE && same(again, text_of("before")));
    MUST(tkt__tx_get(old, SALE, key_of(2, "b"), &again) == TKT_NOT_FOUND);
    tkt__cursor_close(c);
    MUST(tkt__kv_read_renew(old) == TKT_DONE);
    MUST(tkt__tx_get(old, SALE, key_of(2, "a"), &again) == TKT_DONE && same(again, text_of("after")));
    MUST(tkt__tx_get(old, SALE, key_of(2, "b"), &again) == TKT_DONE);
    tkt__kv_read_end(old);
}

/* ---- 3: a body reads its own writes ------------------------------------------------------------------------ */

static int32_t own_writes(tkt__tx *tx, void *ctx)
{
    (void)ctx;
    char buffer[] = "mine";
    tkt__slice v, k;
    tkt__cursor *c;
    const char *want[] = { "a", "b", "d", "e" }; /* c deleted, d put over, b and e are new */
    MUST(tkt__tx_put(tx, SALE, key_of(4, "b"), text_of(buffer)) == TKT_DONE);
    memset(buffer, 'x', 4); /* it was copied */
    MUST(tkt__tx_get(tx, SALE, key_of(4, "b"), &v) == TKT_DONE && same(v, text_of("mine")));
    MUST(tkt__tx_del(tx, SALE, key_of(4, "c")) == TKT_DONE && tkt__tx_del(tx, SALE, key_of(4, "nothing")) == TKT_DONE);
    MUST(tkt__tx_get(tx, SALE, key_of(4, "c"), &v) == TKT_NOT_FOUND);
    MUST(tkt__tx_put(tx, SALE, key_of(4, "d"), text_of("over")) == TKT_DONE);
    MUST(tkt__tx_cursor_open(tx, SALE, &c) == TKT_DONE);
    int32_t status = tkt__cursor_seek(c, key_of(4, ""), &k, &v);
    for (int i = 0; i < 4; i++, status = tkt__cursor_next(c, &k, &v)) {
        MUST(status == TKT_DONE && same(k, key_of(4, want[i])));
        if (i == 0) /* a put under the cursor's feet: seen when it comes there */
            MUST(tkt__tx_put(tx, SALE, key_of(4, "e"), text_of("new")) == TKT_DONE);
        if (i == 2)
            MUST(same(v, text_of("over")));
    }
    MUST(status == TKT_NOT_FOUND || !same(tkt__slice_of(k.p, 8), key_of(4, "")));
    status = tkt__cursor_seek_last(c, key_of(5, ""), &k, &v);
    for (int i = 4; i-- > 0; status = tkt__cursor_prev(c, &k, &v))
        MUST(status == TKT_DONE && same(k, key_of(4, want[i])));
    tkt__cursor_close(c);
    MUST(tkt__tx_insert(tx, SALE, key_of(4, "a"), text_of("x")) == TKT_EXISTS);
    MUST(tkt__tx_insert(tx, SALE, key_of(4, "c"), text_of("back")) == TKT_DONE); /* deleted above */
    MUST(tkt__tx_insert(tx, SALE, key_of(4, "c"), text_of("twice")) == TKT_EXISTS);
    return TKT_DONE;
}

static void rules_3_and_8_a_body_reads_its_own_writes(subject *s)
{
    const tkt__guard guard = event_guard(4);
    char text[16];
    for (const char *p = "acd"; *p != '\0'; p++)
        MUST(write_one(s, TKT__INSERT, SALE, 4, key_of(4, (char[]){ *p, 0 }), text_of("base")) == TKT_DONE);
    MUST(tkt__kv_run(s->kv, &guard, 1, NULL, own_writes, NULL) == TKT_DONE);
    MUST(read_one(s, SALE, key_of(4, "c"), text, sizeof text) == TKT_DONE && strcmp(text, "back") == 0);
    MUST(read_one(s, SALE, key_of(4, "e"), text, sizeof text) == TKT_DONE && strcmp(text, "new") == 0);
    MUST(write_one(s, TKT__INSERT, SALE, 4, key_of(4, "a"), text_of("x")) == TKT_EXISTS);
}

/* ---- 5: guards ----------------------------------------------------------------------------------------------- */

static int32_t next_seq(tkt__tx *tx, void *ctx)
{
    return tkt__tx_next_seq(tx, event_guard(6), ctx);
}

static int32_t put_foreign(tkt__tx *tx, void *ctx)
{
    (void)ctx;
    MUST(tkt__tx_put(tx, SALE, key_of(6, "mine"), text_of("x")) == TKT_DONE);
    (void)tkt__tx_put(tx, SALE, key_of(7, "not mine"), text_of("x"));
    return TKT_DONE; /* even when it does not look at the answer */
}

static void rule_5_each_row_has_a_guard(subject *s)
{
    const tkt__guard guard = event_guard(6);
    const one_write lookup = { FREE, TKT__INSERT, text_of("unguarded"), text_of("x") };
    char text[16];
    uint64_t seq = 0;
    MUST(tkt_status_primary(tkt__kv_run(s->kv, &guard, 1, NULL, put_foreign, NULL)) == TKT_E_INTERNAL);
    MUST(read_one(s, SALE, key_of(6, "mine"), text, sizeof text) == TKT_NOT_FOUND);
    MUST(tkt__kv_run(s->kv, NULL, 0, NULL, one_write_body, (void *)(uintptr_t)&lookup) == TKT_DONE);
    for (uint64_t i = 1; i <= 3; i++)
        MUST(tkt__kv_run(s->kv, &guard, 1, NULL, next_seq, &seq) == TKT_DONE && seq == i);
    const tkt__guard catalog = { 'c', 0 }; /* may insert a fresh row of HOT, and no more */
    one_write fresh = { HOT, TKT__INSERT, key_of(99, "fresh"), text_of("x") };
    MUST(tkt__kv_run(s->kv, &catalog, 1, NULL, one_write_body, &fresh) == TKT_DONE);
    fresh.op = TKT__DEL;
    MUST(tkt__kv_run(s->kv, &catalog, 1, NULL, one_write_body, &fresh) < 0);
}

/* ---- 7: limits -------------------------------------------------------------------------------------------------- */

typedef struct many {
    uint32_t n;
    size_t bytes;
} many;

static int32_t put_many(tkt__tx *tx, void *ctx)
{
    static const uint8_t zeros[TKT__VALUE_MAX];
    const many *m = ctx;
    int32_t status = TKT_DONE;
    for (uint32_t i = 0; status == TKT_DONE && i < m->n; i++) {
        char name[16];
        snprintf(name, sizeof name, "%u", i);
        status = tkt__tx_put(tx, SALE, key_of(8, name), tkt__slice_of(zeros, m->bytes));
    }
    return status;
}

static void rule_7_a_body_has_limits(subject *s)
{
    const tkt__guard guard = event_guard(8);
    tkt__guard guards[TKT__GUARDS_MAX + 1];
    many m = { TKT__BODY_WRITES_MAX, 1 };
    char text[16];
    MUST(tkt__kv_run(s->kv, &guard, 1, NULL, put_many, &m) == TKT_DONE);
    m.n++;
    MUST(tkt_status_primary(tkt__kv_run(s->kv, &guard, 1, NULL, put_many, &m)) == TKT_E_LIMIT);
    MUST(read_one(s, SALE, key_of(8, "2000"), text, sizeof text) == TKT_NOT_FOUND);
    m = (many){ 17, 62000 }; /* more than 1 MiB */
    MUST(tkt_status_primary(tkt__kv_run(s->kv, &guard, 1, NULL, put_many, &m)) == TKT_E_LIMIT);
    MUST(read_one(s, SALE, key_of(8, "0"), text, sizeof text) == TKT_DONE && text[0] == '\0' && text[1] == '\0');
    for (uint32_t i = 0; i <= TKT__GUARDS_MAX; i++)
        guards[i] = event_guard(i);
    m = (many){ 0, 0 };
    MUST(tkt__kv_run(s->kv, guards, TKT__GUARDS_MAX, NULL, put_many, &m) == TKT_DONE);
    MUST(tkt__kv_run(s->kv, guards, TKT__GUARDS_MAX + 1, NULL, put_many, &m) < 0);
}

/* ---- answers of bodies -------------------------------------------------------------------------------------------- */

static int32_t put_and_answer(tkt__tx *tx, void *ctx)
{
    MUST(tkt__tx_put(tx, SALE, key_of(9, "row"), text_of("there")) == TKT_DONE);
    return *(int32_t *)ctx;
}

static void a_refusal_takes_its_writes_back(subject *s)
{
    static const struct {
        int32_t answer;
        bool kept;
    } cases[] = { { TKT_DONE, true },     { TKT_REPLAYED, true },  { TKT_PENDING, true },        { TKT_DECLINED, true },
                  { TKT_REFUND_DUE, true }, { TKT_SOLD_OUT, false }, { -TKT_E_CORRUPT, false } };
    const tkt__guard guard = event_guard(9);
    const tkt__run_options dry = { .dry = true };
    char text[16];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int32_t answer = cases[i].answer;
        MUST(tkt__kv_run(s->kv, &guard, 1, &dry, put_and_answer, &answer) == answer);
        MUST(read_one(s, SALE, key_of(9, "row"), text, sizeof text) == TKT_NOT_FOUND);
        MUST(tkt__kv_run(s->kv, &guard, 1, NULL, put_and_answer, &answer) == answer);
        MUST((read_one(s, SALE, key_of(9, "row"), text, sizeof text) == TKT_DONE) == cases[i].kept);
        MUST(write_one(s, TKT__DEL, SALE, 9, key_of(9, "row"), text_of("")) == TKT_DONE);
    }
}

static int32_t set_floor_body(tkt__tx *tx, void *ctx)
{
    (void)ctx;
    tkt__tx_set_floor(tx, NOW_MS - 7000);
    return tkt__tx_put(tx, SALE, key_of(1, "later"), text_of("floor"));
}

/* ---- 11: stamps, and the instant of a commit ------------------------------------------------------------------------ */

static void rule_11_stamps_and_instants_grow_with_commit_order(subject *s)
{
    tkt__tx *tx;
    tkt__cursor *c;
    tkt__slice k, v;
    uint64_t last = 0, ids[5] = { 31, 5, 77, 2, 9 }, seen = 0;
    for (size_t i = 0; i < 5; i++)
        MUST(write_one(s, TKT__PUT, SALE, ids[i] + 1000, key_of(ids[i] + 1000, "x"), text_of("x")) == TKT_DONE);
    MUST(tkt__kv_read_begin(s->kv, &tx) == TKT_DONE && tkt__tx_cursor_open(tx, DISCOVERY, &c) == TKT_DONE);
    for (int32_t st = tkt__cursor_seek(c, text_of(""), &k, &v); st == TKT_DONE; st = tkt__cursor_next(c, &k, &v)) {
        MUST(k.n == 25 && tkt__get_be64(k.p) == 1 && tkt__get_be64(k.p + 8) >= last);
        last = tkt__get_be64(k.p + 8);
        if (tkt__get_be64(k.p + 17) == ids[seen % 5] + 1000)
            seen++;
    }
    MUST(seen == 5); /* in the order of their commits */
    tkt__cursor_close(c);
    tkt__kv_read_end(tx);

    int64_t floor_ms;
    s->now_ms = NOW_MS + 5000;
    MUST(write_one(s, TKT__PUT, SALE, 1, key_of(1, "later"), text_of("x")) == TKT_DONE);
    s->now_ms = NOW_MS; /* a process whose clock is behind */
    MUST(write_one(s, TKT__PUT, SALE, 1, key_of(1, "later"), text_of("y")) == TKT_DONE);
    MUST(s->ops->floor_ms(s->engine, &floor_ms) == TKT_DONE && floor_ms == NOW_MS + 5000);

    /* The host says that it was wrong: time goes on from where he says, whatever the commits before said. */
    const tkt__guard guard = event_guard(1);
    MUST(tkt__kv_run(s->kv, &guard, 1, NULL, set_floor_body, NULL) == TKT_DONE);
    MUST(s->ops->floor_ms(s->engine, &floor_ms) == TKT_DONE && floor_ms == NOW_MS - 7000);
    s->now_ms = NOW_MS - 9000;
    MUST(write_one(s, TKT__PUT, SALE, 1, key_of(1, "later"), text_of("z")) == TKT_DONE);
    MUST(s->ops->floor_ms(s->engine, &floor_ms) == TKT_DONE && floor_ms == NOW_MS - 7000);
    s->now_ms = NOW_MS;
}

/* ---- 6, 9: re-runs and outcomes ------------------------------------------------------------------------------------------ */

static void rules_6_and_9_each_outcome_is_told_as_it_is(const char *name)
{
    const hostile_options faults = { .seed = 42, .conflict = 80, .busy = 40, .away = 40, .unknown_done = 60,
                                     .unknown_lost = 60, .unknown_late = 60 };
    const tkt__guard guard = event_guard(10);
    subject s;
    uint64_t done = 0, refused = 0, unknown = 0, reruns = 0;
    char text[32];
    subject_open(&s, name, &faults);
    for (uint64_t op = 0; op < 3000; op++) {
        count_up c = { op, 0 };
        int32_t status = tkt__kv_run(s.kv, &guard, 1, NULL, count_up_body, &c);
        int32_t primary = tkt_status_primary(status);
        reruns += c.runs > 1;
        if (TKT_IS_EFFECT(status))
            done++;
        else if (primary == TKT_E_UNKNOWN)
            unknown++;
        else {
            MUST(primary == TKT_E_BUSY || primary == TKT_E_UNAVAILABLE || primary == TKT_E_CONFLICT);
            refused++;
        }
    }
    hostile_calm(s.db, true);
    hostile_land(s.db);
    MUST(read_one(&s, SALE, key_of(10, "count"), text, sizeof text) == TKT_DONE);
    uint64_t counted = strtoul(text, NULL, 10);
    MUST(counted >= done && counted <= done + unknown);
    hostile_counts n = hostile_count(s.db);
    MUST(reruns > 0 && refused > 0 && n.conflicts_made > 0 && n.busy > 0 && n.away > 0 && n.unknown_done > 0 &&
         n.unknown_lost > 0 && n.unknown_late > 0 && n.dropped_late > 0);
    subject_close(&s);
}

/* A refusal decided after a commit of unknown outcome: that commit must not land afterwards. */
typedef struct fickle {
    uint32_t runs;
} fickle;

static int32_t fickle_body(tkt__tx *tx, void *ctx)
{
    fickle *f = ctx;
    tkt__slice v;
    if (tkt__tx_get(tx, SALE, key_of(11, "row"), &v) == TKT_DONE)
        return TKT_REPLAYED;
    if (++f->runs > 1)
        return TKT_SOLD_OUT; /* as if time had passed */
    return tkt__tx_put(tx, SALE, key_of(11, "row"), text_of("there"));
}

static void rule_9_a_refusal_is_final_also_after_an_unknown_commit(const char *name)
{
    const tkt__guard guard = event_guard(11);
    uint32_t refused = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        const hostile_options late = { .seed = seed, .unknown_late = 500 };
        subject s;
        fickle f = { 0 };
        char text[16];
        subject_open(&s, name, &late);
        int32_t status = tkt__kv_run(s.kv, &guard, 1, NULL, fickle_body, &f);
        hostile_calm(s.db, true);
        hostile_land(s.db);
        int32_t there = read_one(&s, SALE, key_of(11, "row"), text, sizeof text);
        MUST(tkt_status_primary(status) == TKT_E_UNKNOWN || (there == TKT_DONE) == TKT_IS_EFFECT(status));
        refused += status == TKT_SOLD_OUT;
        subject_close(&s);
    }
    MUST(refused > 10);
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "lmdb";
    subject s;
    if (argc > 2 && strcmp(argv[2], "threads") == 0) {
        rule_10_all_who_wait_join_the_next_commit(name);
        no_update_is_lost_among_threads(name);
        printf("%s keeps the rules among threads\n", name);
        return 0;
    }
    subject_open(&s, name, NULL);
    rule_1_keys_compare_as_bytes_and_sizes_have_limits(&s);
    rules_2_and_4_a_snapshot_stands_still(&s);
    rules_3_and_8_a_body_reads_its_own_writes(&s);
    rule_5_each_row_has_a_guard(&s);
    rule_7_a_body_has_limits(&s);
    a_refusal_takes_its_writes_back(&s);
    rule_11_stamps_and_instants_grow_with_commit_order(&s);
    bodies_handed_in_together_share_a_commit(&s);
    rule_12_a_bulk_build_is_seen_whole_or_not_at_all(&s);
    rule_12_a_body_can_change_what_is_being_built(&s);
    subject_close(&s);
    if (strncmp(name, "lmdb", 4) != 0) {
        rules_6_and_9_each_outcome_is_told_as_it_is(name);
        rule_9_a_refusal_is_final_also_after_an_unknown_commit(name);
        bodies_handed_in_together_keep_their_own_outcomes(name);
    }
    printf("%s keeps the rules\n", name);
    return 0;
}
