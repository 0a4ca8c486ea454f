/* SPDX-License-Identifier: MIT
 *
 * store/format.c: the format record, META/"format", 80 bytes, little-endian:
 *
 *    0  4  magic "TKTF"
 *    4  2  major: another one can't be read at all
 *    6  2  minor: a newer one may be read, not written
 *    8  4  features that a reader must know (bits): 0 the journal
 *   12  4  features that a writer must know (bits)
 *   16  8  epoch, from 1; raised when a backup is restored, each time to another one
 *   24 16  creation id, random
 *   40 32  salt, random
 *   72  4  0 (the index says itself with which analyser it was made)
 *   76  4  0
 *
 * Written once with the store's creation. A crash never leaves a store without it.
 */
#include "store/internal.h"

#define FORMAT_BYTES 80
#define EPOCH_CHANCE_BITS 20
#define FEATURE_JOURNAL 1u /* a reader must know the journal: what was booked last lies in it */
#define FEATURES_KNOWN FEATURE_JOURNAL

int32_t tkt__store_first_rows(const tkt_hooks *hooks, bool journal, tkt__first_rows *out)
{
    uint8_t drawn[16 + TKT_SALT_BYTES];
    int32_t status = tkt__random(hooks, drawn, sizeof drawn);
    if (status != TKT_DONE)
        return status;
    tkt__writer w = tkt__writer_of(out->bytes, sizeof out->bytes);
    tkt__put_bytes(&w, "TKTF", 4);
    tkt__put_u16(&w, TKT__FORMAT_MAJOR);
    tkt__put_u16(&w, TKT__FORMAT_MINOR);
    tkt__put_u32(&w, journal ? FEATURE_JOURNAL : 0);
    tkt__put_u32(&w, 0);
    tkt__put_u64(&w, 1);
    tkt__put_bytes(&w, drawn, sizeof drawn);
    tkt__put_u32(&w, 0);
    tkt__put_u32(&w, 0);
    out->count = 1;
    out->rows[0].table = TKT__T_META;
    out->rows[0].key = tkt__slice_of(TKT__META_FORMAT, sizeof TKT__META_FORMAT - 1);
    out->rows[0].value = tkt__slice_of(out->bytes, w.n);
    return TKT_DONE;
}

static int32_t decode(tkt__slice value, tkt__format *f)
{
    tkt__reader r = tkt__reader_of(value);
    tkt__slice magic = tkt__get_bytes(&r, 4);
    f->major = tkt__get_u16(&r);
    f->minor = tkt__get_u16(&r);
    f->read_features = tkt__get_u32(&r);
    f->write_features = tkt__get_u32(&r);
    f->epoch = tkt__get_u64(&r);
    tkt__slice uuid = tkt__get_bytes(&r, sizeof f->uuid);
    tkt__slice salt = tkt__get_bytes(&r, sizeof f->salt);
    f->analyser = tkt__get_u32(&r);
    if (r.bad || memcmp(magic.p, "TKTF", 4) != 0)
        return tkt__fail(TKT_E_CORRUPT, "the format record is malformed");
    memcpy(f->uuid, uuid.p, sizeof f->uuid);
    memcpy(f->salt, salt.p, sizeof f->salt);
    return TKT_DONE;
}

int32_t tkt__format_load(tkt__tx *tx, bool read_only, tkt__format *f)
{
    tkt__slice value;
    tkt__slice key = tkt__slice_of(TKT__META_FORMAT, sizeof TKT__META_FORMAT - 1);
    int32_t status = tkt__tx_get(tx, TKT__T_META, key, &value);
    if (status == TKT_NOT_FOUND)
        return tkt__fail(TKT_E_CORRUPT, "the store has no format record");
    if (status == TKT_DONE)
        status = decode(value, f);
    if (status != TKT_DONE)
        return status;
    if (f->major > TKT__FORMAT_MAJOR || (f->read_features & ~FEATURES_KNOWN) != 0)
        return tkt__fail(TKT_E_VERSION, "the store has format %u.%u, this library reads %u.%u",
                         f->major, f->minor, TKT__FORMAT_MAJOR, TKT__FORMAT_MINOR);
    if (f->major < TKT__FORMAT_MAJOR || f->minor < TKT__FORMAT_MINOR || value.n != FORMAT_BYTES)
        return tkt__fail(TKT_E_UPGRADE, "the store has format %u.%u: upgrade it", f->major, f->minor);
    if (!read_only && (f->minor > TKT__FORMAT_MINOR || (f->write_features & ~FEATURES_KNOWN) != 0))
        return tkt__fail(TKT_E_VERSION, "a newer library wrote this store: it can be read, not written");
    return TKT_DONE;
}

int32_t tkt__format_raise(tkt__tx *tx, void *ctx)
{
    tkt__slice key = tkt__slice_of(TKT__META_FORMAT, sizeof TKT__META_FORMAT - 1), value;
    tkt__format format;
    uint8_t bytes[FORMAT_BYTES];
    (void)ctx;
    int32_t status = tkt__tx_get(tx, TKT__T_META, key, &value);
    if (status == TKT_DONE)
        status = decode(value, &format);
    if (status != TKT_DONE)
        return status == TKT_NOT_FOUND ? tkt__fail(TKT_E_CORRUPT, "the store has no format record") : status;
    if (format.major != TKT__FORMAT_MAJOR || format.minor >= TKT__FORMAT_MINOR || value.n != FORMAT_BYTES)
        return TKT_DONE;
    memcpy(bytes, value.p, sizeof bytes);
    tkt__writer w = tkt__writer_of(bytes + 6, 2);
    tkt__put_u16(&w, TKT__FORMAT_MINOR);
    return tkt__tx_put(tx, TKT__T_META, key, tkt__slice_of(bytes, sizeof bytes));
}

/* Higher than before, and another one each time, also when one copy is restored twice: seconds, then what chance gave
 * (its 20 low bits). 53 bits, so that JSON carries it. */
static uint64_t next_epoch(uint64_t epoch, int64_t now_ms, uint32_t drawn)
{
    uint64_t next = (epoch >> EPOCH_CHANCE_BITS) + 1, second = now_ms > 0 ? (uint64_t)now_ms / 1000 : 0;
    return (second > next ? second : next) << EPOCH_CHANCE_BITS | (drawn & ((1u << EPOCH_CHANCE_BITS) - 1));
}

int32_t tkt__format_raise_epoch(tkt__tx *tx, void *ctx)
{
    tkt__slice key = tkt__slice_of(TKT__META_FORMAT, sizeof TKT__META_FORMAT - 1), value;
    tkt__format format;
    uint8_t bytes[FORMAT_BYTES];
    const uint32_t *drawn = ctx;
    int32_t status = tkt__format_load(tx, false, &format);
    if (status == TKT_DONE)
        status = tkt__tx_get(tx, TKT__T_META, key, &value);
    if (status != TKT_DONE)
        return status;
    memcpy(bytes, value.p, sizeof bytes);
    tkt__writer w = tkt__writer_of(bytes + 16, 8);
    tkt__put_u64(&w, next_epoch(format.epoch, tkt__tx_now(tx), *drawn));
    return tkt__tx_put(tx, TKT__T_META, key, tkt__slice_of(bytes, sizeof bytes));
}

/* The format record and the engine say the same of the journal, or someone put a foreign file here. */
static int32_t journal_agrees(const tkt__format *f, bool journal)
{
    return ((f->read_features & FEATURE_JOURNAL) != 0) == journal
               ? TKT_DONE
               : tkt__fail(TKT_E_CORRUPT, "the format record and the engine differ about the journal");
}

int32_t tkt__format_open(tkt_store *store, tkt__format *f)
{
    tkt__tx *tx;
    tkt__engine_stats engine = { 0 };
    void *handle;
    const tkt__engine_ops *ops = tkt__kv_ops(store->kv, &handle);
    int32_t status = tkt__kv_read_begin(store->kv, &tx);
    if (status != TKT_DONE)
        return status;
    status = tkt__format_load(tx, store->read_only, f);
    tkt__kv_read_end(tx);
    if (status != TKT_DONE || ops->set_journal == NULL) /* an engine without one */
        return status;
    status = ops->stats(handle, &engine);
    return status == TKT_DONE ? journal_agrees(f, engine.journal) : status;
}

int32_t tkt__format_set_journal(tkt_store *store, bool on)
{
    tkt__tx *tx;
    tkt__slice value;
    tkt__format f;
    uint8_t bytes[FORMAT_BYTES];
    void *handle;
    const tkt__engine_ops *ops = tkt__kv_ops(store->kv, &handle);
    if (ops->set_journal == NULL)
        return tkt__fail(TKT_E_INVALID, "this engine has no journal to switch");
    int32_t status = tkt__kv_read_begin(store->kv, &tx);
    if (status != TKT_DONE)
        return status;
    tkt__slice key = tkt__slice_of(TKT__META_FORMAT, sizeof TKT__META_FORMAT - 1);
    status = tkt__format_load(tx, false, &f);
    if (status == TKT_DONE)
        status = tkt__tx_get(tx, TKT__T_META, key, &value);
    if (status == TKT_DONE)
        memcpy(bytes, value.p, sizeof bytes);
    tkt__kv_read_end(tx);
    if (status != TKT_DONE)
        return status;
    tkt__writer w = tkt__writer_of(bytes + 8, 4);
    tkt__put_u32(&w, (f.read_features & ~FEATURE_JOURNAL) | (on ? FEATURE_JOURNAL : 0));
    const tkt__row row = { TKT__T_META, key, tkt__slice_of(bytes, sizeof bytes) };
    return ops->set_journal(handle, on, &row);
}
