/* SPDX-License-Identifier: MIT
 *
 * engine/lmdb/record.c: the bytes of a journal record, and what is appended to the database "journal".
 *
 * Under be64 stamp, little-endian:
 *    0  8  XXH3-64 of what follows, seeded with the journal's tag XOR the stamp
 *    8  8  i64 the floor of the clock that this commit leaves: the highest instant of any, or where it was set right
 *   16  8  bytes of all records there ever were, each with TKT__RECORD_COST, this one included
 *   24  4  number of writes
 *   28     the writes, sorted by (table, key), each key once:
 *          u8 table, with 0x80: deleted, with 0x40: inserted (no row had the key); varint bytes that the key shares with the one before (0 where the
 *          table differs); varint bytes of the rest, the rest; unless deleted: varint bytes of the value, the value
 *
 * A record that does not match its checksum, or that another journal made (tag) or another commit (stamp), is
 * refused as -TKT_E_JOURNAL: nothing of the store is served then, since what was acknowledged may be in it.
 */
#include "engine/lmdb/lmdb_engine.h"

#include <errno.h>

#include <xxhash.h>

#define DELETED 0x80u
#define INSERTED 0x40u
#define TABLE 0x3fu
#define WRITE_HEAD_MAX 12u /* table, two lengths of a key ≤ 511, one of a value ≤ 64 KiB */

bool tkt__journaled(const tkt__lmdb *e, const tkt__write *w)
{
    return e->journal_on && w->table < e->schema->count && e->schema->tables[w->table].journaled;
}

tkt__slice tkt__write_key(const tkt__write *w, uint64_t stamp, uint8_t *buffer)
{
    if (w->op != TKT__PUT_STAMPED)
        return w->key;
    memcpy(buffer, w->key.p, w->stamp_at);
    tkt__be64(buffer + w->stamp_at, stamp);
    memcpy(buffer + w->stamp_at + 8, w->key.p + w->stamp_at, w->key.n - w->stamp_at);
    return tkt__slice_of(buffer, w->key.n + 8);
}

/* ---- writing ------------------------------------------------------------------------------------- */

static size_t shared(tkt__slice a, tkt__slice b)
{
    size_t n = a.n < b.n ? a.n : b.n, i = 0;
    while (i < n && a.p[i] == b.p[i])
        i++;
    return i;
}

static size_t room_for(const tkt__lmdb *e, const tkt__write *writes, size_t n)
{
    size_t room = 0;
    for (size_t i = 0; i < n; i++)
        if (tkt__journaled(e, &writes[i]))
            room += WRITE_HEAD_MAX + 8 + writes[i].key.n + writes[i].value.n;
    return room != 0 ? TKT__RECORD_HEAD + room : 0;
}

static uint32_t put_writes(tkt__writer *w, const tkt__lmdb *e, const tkt__write *writes, size_t n, uint64_t stamp)
{
    uint8_t buffers[2][TKT__KEY_MAX + 8];
    uint32_t count = 0;
    const tkt__write *before = NULL;
    tkt__slice last = { NULL, 0 };
    for (size_t i = 0; i < n; i++) {
        const tkt__write *at = &writes[i];
        if (!tkt__journaled(e, at))
            continue;
        tkt__slice key = tkt__write_key(at, stamp, buffers[count & 1]);
        size_t same = before != NULL && before->table == at->table ? shared(last, key) : 0;
        tkt__put_u8(w, (uint8_t)(at->table | (at->op == TKT__DEL ? DELETED : at->op != TKT__PUT ? INSERTED : 0)));
        tkt__put_varint(w, same);
        tkt__put_varint(w, key.n - same);
        tkt__put_bytes(w, key.p + same, key.n - same);
        if (at->op != TKT__DEL) {
            tkt__put_varint(w, at->value.n);
            tkt__put_bytes(w, at->value.p, at->value.n);
        }
        before = at;
        last = key;
        count++;
    }
    return count;
}

static uint64_t checksum(const tkt__lmdb *e, uint64_t stamp, const uint8_t *p, size_t n)
{
    return XXH3_64bits_withSeed(p + 8, n - 8, e->journal_tag ^ stamp);
}

int tkt__record_append(tkt__lmdb_view *v, const tkt__write *writes, size_t n, uint64_t stamp, uint64_t total,
                       int64_t floor_ms, uint64_t *bytes)
{
    tkt__lmdb *e = v->e;
    uint8_t at[8];
    size_t room = room_for(e, writes, n);
    *bytes = 0;
    if (room == 0)
        return 0;
    uint8_t *record = tkt__alloc(&e->hooks, room);
    if (record == NULL)
        return ENOMEM;
    tkt__writer body = tkt__writer_of(record + TKT__RECORD_HEAD, room - TKT__RECORD_HEAD);
    uint32_t count = put_writes(&body, e, writes, n, stamp);
    size_t size = TKT__RECORD_HEAD + body.n;
    tkt__writer head = tkt__writer_of(record + 8, TKT__RECORD_HEAD - 8);
    tkt__put_i64(&head, floor_ms);
    tkt__put_u64(&head, total + size + TKT__RECORD_COST);
    tkt__put_u32(&head, count);
    head = tkt__writer_of(record, 8);
    tkt__put_u64(&head, checksum(e, stamp, record, size));
    tkt__be64(at, stamp);
    MDB_val key = { sizeof at, at }, value = { size, record };
    int rc = body.bad ? MDB_BAD_VALSIZE : mdb_put(v->txn, e->journal_db, &key, &value, MDB_APPEND);
    tkt__free(&e->hooks, record, room);
    *bytes = size + TKT__RECORD_COST;
    return rc;
}

/* ---- reading ------------------------------------------------------------------------------------- */

int32_t tkt__record_head(uint64_t stamp, tkt__slice bytes, tkt__record *r)
{
    tkt__reader reader = tkt__reader_of(bytes);
    r->sum = tkt__get_u64(&reader);
    r->floor_ms = tkt__get_i64(&reader);
    r->total = tkt__get_u64(&reader);
    r->count = tkt__get_u32(&reader);
    r->writes = tkt__slice_of(reader.p, (size_t)(reader.end - reader.p));
    return reader.bad ? tkt__fail(TKT_E_JOURNAL, "record %llu of the journal is cut short", (unsigned long long)stamp)
                      : TKT_DONE;
}

int32_t tkt__record_open(const tkt__lmdb *e, uint64_t stamp, tkt__slice bytes, tkt__record *r)
{
    int32_t status = tkt__record_head(stamp, bytes, r);
    if (status == TKT_DONE && r->sum != checksum(e, stamp, bytes.p, bytes.n))
        status = tkt__fail(TKT_E_JOURNAL, "record %llu of the journal is torn, or of another store",
                           (unsigned long long)stamp);
    return status;
}

int32_t tkt__record_load(const tkt__record *r, uint64_t stamp, tkt__segment *s)
{
    uint8_t key[TKT__KEY_MAX];
    uint64_t before = 0; /* bytes of the key before */
    tkt__reader reader = tkt__reader_of(r->writes);
    for (uint32_t i = 0; i < r->count; i++) {
        uint8_t kind = tkt__get_u8(&reader);
        uint64_t same = tkt__get_varint(&reader), rest = tkt__get_varint(&reader);
        tkt__slice tail = tkt__get_bytes(&reader, rest <= TKT__KEY_MAX ? (size_t)rest : 0), value = { NULL, 0 };
        if ((kind & DELETED) == 0)
            value = tkt__get_text(&reader);
        if (reader.bad || same > before || rest > TKT__KEY_MAX - same || same + rest == 0 ||
            (kind & TABLE) >= TKT__TABLES_MAX)
            return tkt__fail(TKT_E_JOURNAL, "record %llu of the journal is malformed", (unsigned long long)stamp);
        memcpy(key + same, tail.p, (size_t)rest);
        before = same + rest;
        uint8_t op = kind & DELETED ? TKT__DEL : kind & INSERTED ? TKT__INSERT : TKT__PUT;
        const tkt__slice whole = tkt__slice_of(key, (size_t)(same + rest));
        if (!tkt__segment_add(s, stamp, kind & TABLE, op, tkt__segment_fetch(s, kind & TABLE, whole), whole, value))
            return tkt__fail(TKT_E_NOMEM, "no memory for the journal's tail");
    }
    return TKT_DONE;
}
