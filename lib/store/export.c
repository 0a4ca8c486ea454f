/* SPDX-License-Identifier: MIT
 *
 * store/export.c: every row of one snapshot as bytes that any build reads, and the way back.
 *
 *   "TKTEXP01"
 *   u32 flags (1: the store has a journal), u32 0, i64 the clock's floor
 *   rows, by table and key: u8 table + 1, varint bytes, the key, varint bytes, the value
 *   u8 0, u64 number of rows, u64 XXH3-64 of all bytes before it
 *
 * Keys are big-endian and values little-endian in every store, so nothing is converted: this is the way between 32
 * and 64 bit, and from one engine to another. Left out: what is built from the rest (the index) and which generation
 * of it is published. The file appears whole or not at all (tkt__file_begin).
 */
#include "store/internal.h"

#include <errno.h>
#include <unistd.h>

#include <xxhash.h>

#define JOURNAL 1u
#define HEAD_BYTES 24
#define TAIL_BYTES 17
#define BUFFER_BYTES (1u << 18)
#define ROW_MOST (1 + 2 * 10 + TKT__KEY_MAX + TKT__VALUE_MAX)

static bool left_out(uint8_t table, tkt__slice key)
{
    return tkt__store_schema.tables[table].bulk ||
           (table == tkt__store_schema.generation_table && key.n == TKT__GENERATION_KEY_BYTES &&
            memcmp(key.p, TKT__GENERATION_KEY, key.n) == 0);
}

/* ---- out --------------------------------------------------------------------------------------------------- */

typedef struct sink {
    int fd;
    XXH3_state_t *sum;
    uint64_t rows;
    uint8_t table;
    tkt__writer w; /* over the buffer */
} sink;

static int32_t flush(sink *s)
{
    XXH3_64bits_update(s->sum, s->w.p, s->w.n);
    for (size_t at = 0; at < s->w.n;) {
        ssize_t put = write(s->fd, s->w.p + at, s->w.n - at);
        if (put < 0)
            return tkt__fail_errno(errno, "writing the export");
        at += (size_t)put;
    }
    s->w.n = 0;
    return TKT_DONE;
}

static int32_t put_row(void *user, tkt__slice key, tkt__slice value)
{
    sink *s = user;
    if (left_out(s->table, key))
        return TKT_DONE;
    if (s->w.cap - s->w.n < ROW_MOST) {
        int32_t status = flush(s);
        if (status != TKT_DONE)
            return status;
    }
    tkt__put_u8(&s->w, (uint8_t)(s->table + 1));
    tkt__put_text(&s->w, key.p, key.n);
    tkt__put_text(&s->w, value.p, value.n);
    s->rows++;
    return s->w.bad ? tkt__fail(TKT_E_INTERNAL, "a row that is too long") : TKT_DONE;
}

static int32_t put_all(tkt_store *store, tkt__tx *tx, sink *s)
{
    tkt__engine_stats stats = { 0 };
    int64_t floor_ms = 0;
    void *engine;
    const tkt__engine_ops *ops = tkt__kv_ops(store->kv, &engine);
    int32_t status = ops->stats(engine, &stats);
    if (status == TKT_DONE)
        status = ops->floor_ms(engine, &floor_ms);
    tkt__put_bytes(&s->w, TKT__EXPORT_MAGIC, TKT__EXPORT_MAGIC_BYTES);
    tkt__put_u32(&s->w, stats.journal ? JOURNAL : 0);
    tkt__put_u32(&s->w, 0);
    tkt__put_i64(&s->w, floor_ms);
    for (s->table = 0; status == TKT_DONE && s->table < tkt__store_schema.count; s->table++)
        if (!tkt__store_schema.tables[s->table].bulk)
            status = tkt__scan(tx, s->table, tkt__slice_of(NULL, 0), put_row, s);
    if (status == TKT_DONE)
        status = flush(s);
    tkt__put_u8(&s->w, 0);
    tkt__put_u64(&s->w, s->rows);
    if (status == TKT_DONE)
        status = flush(s);
    tkt__put_u64(&s->w, XXH3_64bits_digest(s->sum));
    return status == TKT_DONE ? flush(s) : status;
}

static int32_t write_export(tkt_store *store, int fd)
{
    tkt__tx *tx;
    uint8_t *buffer = tkt__alloc(&store->hooks, BUFFER_BYTES);
    sink s = { .fd = fd, .sum = XXH3_createState(), .w = tkt__writer_of(buffer, BUFFER_BYTES) };
    int32_t status = buffer != NULL && s.sum != NULL ? tkt__kv_read_begin(store->kv, &tx)
                                                     : tkt__fail(TKT_E_NOMEM, "no memory for an export");
    if (status == TKT_DONE) {
        XXH3_64bits_reset(s.sum);
        status = put_all(store, tx, &s);
        tkt__kv_read_end(tx);
    }
    XXH3_freeState(s.sum);
    tkt__free(&store->hooks, buffer, BUFFER_BYTES);
    return status;
}

int32_t tkt_store_export(tkt_store *store, const char *file, size_t file_len)
{
    char path[TKT__PATH_MAX];
    int fd;
    if (store == NULL)
        return tkt__fail(TKT_E_INVALID, "store is NULL");
    int32_t status = tkt__path_of(file, file_len, path, "the export's path");
    if (status == TKT_DONE)
        status = tkt__file_begin(path, &fd);
    return status == TKT_DONE ? tkt__file_end(path, fd, write_export(store, fd)) : status;
}

/* ---- back ---------------------------------------------------------------------------------------------------- */

typedef struct source {
    int fd;
    uint64_t at, size;   /* of the file: read so far, in all */
    uint64_t rows;
    uint8_t *buffer;     /* BUFFER_BYTES */
    size_t have, used;   /* bytes in it, and those taken */
} source;

/* At least n bytes, or what is left of the file. */
static int32_t refill(source *s, size_t n)
{
    if (s->have - s->used >= n)
        return TKT_DONE;
    memmove(s->buffer, s->buffer + s->used, s->have - s->used);
    s->have -= s->used;
    s->used = 0;
    while (s->have < BUFFER_BYTES) {
        ssize_t got = pread(s->fd, s->buffer + s->have, BUFFER_BYTES - s->have, (off_t)s->at);
        if (got < 0)
            return tkt__fail_errno(errno, "reading the export");
        if (got == 0)
            break;
        s->have += (size_t)got;
        s->at += (uint64_t)got;
    }
    return TKT_DONE;
}

/* The whole file against its sum, before anything is made of it. */
static int32_t verify(source *s)
{
    XXH3_state_t *sum = XXH3_createState();
    uint8_t last[8];
    uint64_t at = 0, end = s->size - sizeof last;
    int32_t status = sum != NULL ? TKT_DONE : tkt__fail(TKT_E_NOMEM, "no memory for a sum");
    if (status == TKT_DONE)
        XXH3_64bits_reset(sum);
    while (status == TKT_DONE && at < end) {
        size_t n = end - at < BUFFER_BYTES ? (size_t)(end - at) : BUFFER_BYTES;
        ssize_t got = pread(s->fd, s->buffer, n, (off_t)at);
        if (got <= 0)
            status = tkt__fail_errno(got < 0 ? errno : EIO, "reading the export");
        else
            XXH3_64bits_update(sum, s->buffer, (size_t)got);
        at += got > 0 ? (uint64_t)got : 0;
    }
    if (status == TKT_DONE && pread(s->fd, last, sizeof last, (off_t)end) != (ssize_t)sizeof last)
        status = tkt__fail_errno(EIO, "reading the export");
    tkt__reader r = tkt__reader_of(tkt__slice_of(last, sizeof last));
    if (status == TKT_DONE && tkt__get_u64(&r) != XXH3_64bits_digest(sum))
        status = tkt__fail(TKT_E_CORRUPT, "the export is cut short, or was changed");
    XXH3_freeState(sum);
    return status;
}

/* The next row into the arena. TKT_NOT_FOUND: there is none; *rows told by the file. */
static int32_t take_row(source *s, tkt__arena *arena, tkt__write *out)
{
    int32_t status = refill(s, ROW_MOST);
    if (status != TKT_DONE)
        return status;
    tkt__reader r = { s->buffer + s->used, s->buffer + s->have, false };
    uint8_t table = tkt__get_u8(&r);
    if (table == 0)
        return tkt__get_u64(&r) == s->rows && !r.bad ? TKT_NOT_FOUND
                                                     : tkt__fail(TKT_E_CORRUPT, "the export lacks rows");
    tkt__slice key = tkt__get_text(&r), value = tkt__get_text(&r);
    table--;
    if (r.bad || table >= tkt__store_schema.count || tkt__store_schema.tables[table].bulk || key.n == 0 ||
        key.n > TKT__KEY_MAX || value.n > TKT__VALUE_MAX)
        return tkt__fail(TKT_E_CORRUPT, "row %llu of the export is malformed", (unsigned long long)s->rows + 1);
    const uint8_t *k = tkt__arena_copy(arena, key.p, key.n), *v = tkt__arena_copy(arena, value.p, value.n);
    if (k == NULL || v == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for a row");
    *out = (tkt__write){ .table = table, .op = TKT__PUT, .key = tkt__slice_of(k, key.n),
                         .value = tkt__slice_of(v, value.n) };
    s->used = (size_t)(r.p - s->buffer);
    s->rows++;
    return TKT_DONE;
}

/* As many rows as a commit takes. TKT_NOT_FOUND: those were the last. */
static int32_t take_rows(source *s, tkt__arena *arena, const tkt__caps *caps, tkt__write *writes, size_t *n)
{
    int32_t status = TKT_DONE;
    *n = 0;
    tkt__arena_reset(arena);
    while (status == TKT_DONE && *n < caps->commit_writes && arena->used + ROW_MOST < caps->commit_bytes)
        if ((status = take_row(s, arena, &writes[*n])) == TKT_DONE)
            ++*n;
    return status;
}

static int32_t commit_rows(const tkt__engine_ops *ops, void *engine, const tkt__write *writes, size_t n, int64_t now_ms)
{
    void *tx, *view;
    int64_t floor_ms;
    tkt__commit_info info;
    int32_t status = ops->write_begin(engine, NULL, 0, INT64_MAX, &tx, &view, &floor_ms);
    if (status == TKT_DONE)
        status = ops->write_commit(tx, writes, n, now_ms, &info);
    if (status == TKT_DONE && ops->write_settle != NULL)
        ops->write_settle(tx);
    return status;
}

static int32_t load_rows(source *s, const tkt__engine_ops *ops, void *engine, int64_t floor_ms, const tkt_hooks *hooks)
{
    tkt__caps caps;
    tkt__arena arena;
    size_t n;
    ops->caps(engine, &caps);
    size_t bytes = caps.commit_writes * sizeof(tkt__write);
    tkt__write *writes = tkt__alloc(hooks, bytes);
    tkt__arena_init(&arena, hooks, 0);
    int32_t status = writes != NULL ? TKT_DONE : tkt__fail(TKT_E_NOMEM, "no memory for an import");
    while (status == TKT_DONE) {
        status = take_rows(s, &arena, &caps, writes, &n);
        if (n != 0 && (status == TKT_DONE || status == TKT_NOT_FOUND)) {
            int32_t put = commit_rows(ops, engine, writes, n, floor_ms);
            status = put != TKT_DONE ? put : status;
        }
    }
    tkt__arena_free(&arena);
    tkt__free(hooks, writes, bytes);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

static int32_t load_into(source *s, const char *work, const tkt_options *options, const tkt_hooks *hooks)
{
    tkt__lmdb_options lmdb = { 0 };
    const tkt__engine_ops *ops;
    void *engine;
    bool created;
    int32_t status = refill(s, HEAD_BYTES);
    if (status != TKT_DONE)
        return status;
    tkt__reader r = { s->buffer + TKT__EXPORT_MAGIC_BYTES, s->buffer + HEAD_BYTES, false };
    uint32_t flags = tkt__get_u32(&r);
    (void)tkt__get_u32(&r);
    int64_t floor_ms = tkt__get_i64(&r);
    s->used = HEAD_BYTES;
    if ((flags & ~JOURNAL) != 0)
        return tkt__fail(TKT_E_VERSION, "a newer library made this export");
    if (options != NULL)
        lmdb = options->lmdb;
    lmdb.create = true;
    lmdb.read_only = false;
    lmdb.no_journal = (flags & JOURNAL) == 0;
    status = tkt__lmdb_open(work, &lmdb, &tkt__store_schema, NULL, 0, hooks, &ops, &engine, &created);
    if (status != TKT_DONE)
        return status;
    status = load_rows(s, ops, engine, floor_ms, hooks);
    ops->close(engine);
    return status;
}

int32_t tkt__export_load(int fd, const char *work, const tkt_options *options, const tkt_hooks *hooks)
{
    off_t size = lseek(fd, 0, SEEK_END);
    source s = { .fd = fd, .size = size > 0 ? (uint64_t)size : 0, .buffer = tkt__alloc(hooks, BUFFER_BYTES) };
    int32_t status = TKT_DONE;
    if (s.buffer == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for an import");
    if (s.size < HEAD_BYTES + TAIL_BYTES)
        status = tkt__fail(TKT_E_CORRUPT, "the export is cut short");
    if (status == TKT_DONE)
        status = verify(&s);
    if (status == TKT_DONE)
        status = load_into(&s, work, options, hooks);
    tkt__free(hooks, s.buffer, BUFFER_BYTES);
    return status;
}
