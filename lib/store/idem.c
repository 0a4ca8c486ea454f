/* SPDX-License-Identifier: MIT
 *
 * store/idem.c: idempotency records: the same key under the same guard and operation answers the first
 * result again.
 *
 *   IDEM      guard(9) op(1) key(16) → fingerprint(16), created second u32, result
 *   IDEM_AGE  hour(4) guard(9) op(1) key(16) → empty; hour = created second ÷ 3600
 *
 * A record is read first and written last in the body that makes the effect, so that "in progress"
 * can't be seen. Only effects are kept. The tick forgets records past KEEP_HOURS.
 */
#include "store/internal.h"

#include <xxhash.h>

#define IDEM_KEY (TKT__GUARD_BYTES + 1 + TKT_KEY_BYTES)
#define IDEM_HEAD (TKT__FINGERPRINT_BYTES + 4)
#define KEEP_HOURS (7u * 24u + 1u)

void tkt__fingerprint(const void *bytes, size_t n, uint8_t out[TKT__FINGERPRINT_BYTES])
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, n));
    memcpy(out, canonical.digest, TKT__FINGERPRINT_BYTES);
}

int32_t tkt__idem_key(tkt_store *store, const uint8_t given[TKT_KEY_BYTES], uint8_t key[TKT_KEY_BYTES])
{
    if (given == NULL || tkt__is_zero(given, TKT_KEY_BYTES))
        return tkt__random(&store->hooks, key, TKT_KEY_BYTES);
    memcpy(key, given, TKT_KEY_BYTES);
    return TKT_DONE;
}

static void idem_key(tkt__guard guard, uint8_t op, const uint8_t *key, uint8_t out[IDEM_KEY])
{
    tkt__guard_key(guard, out);
    out[TKT__GUARD_BYTES] = op;
    memcpy(out + TKT__GUARD_BYTES + 1, key, TKT_KEY_BYTES);
}

int32_t tkt__idem_find(tkt__tx *tx, tkt__guard guard, uint8_t op, const uint8_t key[TKT_KEY_BYTES],
                       const uint8_t fingerprint[TKT__FINGERPRINT_BYTES], tkt__slice *result)
{
    uint8_t row[IDEM_KEY];
    tkt__slice value;
    idem_key(guard, op, key, row);
    int32_t status = tkt__tx_get(tx, TKT__T_IDEM, tkt__slice_of(row, sizeof row), &value);
    if (status != TKT_DONE)
        return status;
    if (value.n < IDEM_HEAD)
        return tkt__fail(TKT_E_CORRUPT, "an idempotency record of %zu bytes", value.n);
    if (memcmp(value.p, fingerprint, TKT__FINGERPRINT_BYTES) != 0)
        return tkt__refuse(TKT_KEY_REUSED, "this idempotency key was used for another request");
    *result = tkt__slice_of(value.p + IDEM_HEAD, value.n - IDEM_HEAD);
    return TKT_REPLAYED;
}

static int32_t age_key(const uint8_t row[IDEM_KEY], uint32_t second, uint8_t out[4 + IDEM_KEY])
{
    tkt__be32(out, second / 3600);
    memcpy(out + 4, row, IDEM_KEY);
    return TKT_DONE;
}

int32_t tkt__idem_store(tkt__tx *tx, tkt__guard guard, uint8_t op, const uint8_t key[TKT_KEY_BYTES],
                        const uint8_t fingerprint[TKT__FINGERPRINT_BYTES], const void *result, size_t n)
{
    uint8_t row[IDEM_KEY], age[4 + IDEM_KEY], bytes[IDEM_HEAD + TKT__IDEM_RESULT_MAX];
    uint32_t second = tkt__second_of(tkt__tx_now(tx));
    tkt__slice had;
    if (n > TKT__IDEM_RESULT_MAX)
        return tkt__fail(TKT_E_INTERNAL, "an idempotency result of %zu bytes", n);
    idem_key(guard, op, key, row);
    int32_t status = tkt__tx_get(tx, TKT__T_IDEM, tkt__slice_of(row, sizeof row), &had);
    if (status == TKT_DONE && had.n >= IDEM_HEAD) { /* pending → complete: it keeps its age */
        tkt__reader r = tkt__reader_of(tkt__slice_of(had.p + TKT__FINGERPRINT_BYTES, 4));
        second = tkt__get_u32(&r);
    } else if (status < 0)
        return status;
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    tkt__put_bytes(&w, fingerprint, TKT__FINGERPRINT_BYTES);
    tkt__put_u32(&w, second);
    tkt__put_bytes(&w, result, n);
    age_key(row, second, age);
    status = tkt__tx_put(tx, TKT__T_IDEM, tkt__slice_of(row, sizeof row), tkt__slice_of(bytes, w.n));
    if (status == TKT_DONE)
        status = tkt__tx_put(tx, TKT__T_IDEM_AGE, tkt__slice_of(age, sizeof age), tkt__slice_of(NULL, 0));
    return status;
}

/* ---- forgetting ------------------------------------------------------------------------------------- */

typedef struct oldest {
    uint8_t age[4 + IDEM_KEY];
    bool found;
} oldest;

static int32_t take_oldest(void *user, tkt__slice key, tkt__slice value)
{
    oldest *o = user;
    (void)value;
    if (key.n == sizeof o->age) {
        memcpy(o->age, key.p, key.n);
        o->found = true;
    }
    return TKT_EXISTS; /* one is enough */
}

static int32_t forget_body(tkt__tx *tx, void *ctx)
{
    const oldest *o = ctx;
    tkt__tx_use_reserve(tx);
    int32_t status = tkt__tx_del(tx, TKT__T_IDEM, tkt__slice_of(o->age + 4, IDEM_KEY));
    if (status == TKT_DONE)
        status = tkt__tx_del(tx, TKT__T_IDEM_AGE, tkt__slice_of(o->age, sizeof o->age));
    return status;
}

int32_t tkt__idem_tick(tkt_store *store, uint32_t most, uint32_t *done)
{
    int64_t now;
    int32_t status = tkt__clock_read(store, &now);
    uint32_t hour = tkt__second_of(now) / 3600;
    while (status == TKT_DONE && *done < most) {
        oldest o = { .found = false };
        tkt__tx *tx;
        status = tkt__kv_read_begin(store->kv, &tx);
        if (status != TKT_DONE)
            break;
        status = tkt__scan(tx, TKT__T_IDEM_AGE, tkt__slice_of(NULL, 0), take_oldest, &o);
        tkt__kv_read_end(tx);
        if (status == TKT_EXISTS)
            status = TKT_DONE;
        if (status != TKT_DONE || !o.found || tkt__get_be32(o.age) + KEEP_HOURS > hour)
            break;
        tkt__guard guard = { o.age[4], tkt__get_be64(o.age + 5) };
        status = tkt__store_run(store, &guard, 1, 0, forget_body, &o);
        (*done)++;
    }
    return status;
}

/* ---- check: records and ages, both ways --------------------------------------------------------------- */

typedef struct idem_scan {
    tkt__tx *tx;
    tkt__problems *problems;
} idem_scan;

static int32_t check_record(void *user, tkt__slice key, tkt__slice value)
{
    idem_scan *s = user;
    uint8_t age[4 + IDEM_KEY];
    tkt__slice found;
    if (key.n != IDEM_KEY || value.n < IDEM_HEAD)
        return tkt__problem(s->problems, "idem-row", "an idempotency row of %zu + %zu bytes", key.n, value.n);
    tkt__reader r = tkt__reader_of(tkt__slice_of(value.p + TKT__FINGERPRINT_BYTES, 4));
    age_key(key.p, tkt__get_u32(&r), age);
    int32_t status = tkt__tx_get(s->tx, TKT__T_IDEM_AGE, tkt__slice_of(age, sizeof age), &found);
    if (status == TKT_NOT_FOUND)
        return tkt__problem(s->problems, "idem-age", "an idempotency record would never be forgotten");
    return status;
}

static int32_t check_age(void *user, tkt__slice key, tkt__slice value)
{
    idem_scan *s = user;
    tkt__slice found;
    (void)value;
    if (key.n != 4 + IDEM_KEY)
        return tkt__problem(s->problems, "idem-age", "an age row of %zu bytes", key.n);
    int32_t status = tkt__tx_get(s->tx, TKT__T_IDEM, tkt__slice_of(key.p + 4, IDEM_KEY), &found);
    if (status == TKT_NOT_FOUND)
        return tkt__problem(s->problems, "idem-age", "an age row names a record that is not there");
    return status;
}

int32_t tkt__idem_check(tkt__tx *tx, tkt__problems *problems)
{
    idem_scan s = { tx, problems };
    int32_t status = tkt__scan(tx, TKT__T_IDEM, tkt__slice_of(NULL, 0), check_record, &s);
    if (status == TKT_DONE)
        status = tkt__scan(tx, TKT__T_IDEM_AGE, tkt__slice_of(NULL, 0), check_age, &s);
    return status;
}
