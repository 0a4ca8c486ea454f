/* SPDX-License-Identifier: MIT
 *
 * store/ids.c: ids, dense within each kind, leased in ranges so that a body gets its id from outside.
 *
 * Row COUNTER/kind = the next id that nobody leased (u64; absent: 1). A lease moves it under the
 * counter's own guard: 64 ids at first, doubling to 4,096. A clean close gives the unused end back
 * where the counter still stands there. A crash skips what was leased and not used; no id is ever
 * given twice.
 */
#include "store/internal.h"

#include <pthread.h>

#define LEASE_FIRST 64u
#define LEASE_MOST 4096u
#define SKIP (UINT64_C(1) << 20)         /* ids that a restored store leaves out */
#define SKIP_POSTING (UINT64_C(1) << 12) /* likewise of kinds whose ids stay below 2^28 */

int32_t tkt__ids_open(tkt_store *store)
{
    pthread_mutex_t *lock = tkt__alloc(&store->hooks, sizeof *lock);
    if (lock == NULL || pthread_mutex_init(lock, NULL) != 0) {
        tkt__free(&store->hooks, lock, sizeof *lock);
        return tkt__fail(TKT_E_NOMEM, "no memory for a lock");
    }
    store->ids_lock = lock;
    return TKT_DONE;
}

static uint64_t most_of(uint32_t kind)
{
    bool posting = kind == TKT__ID_EVENT || kind == TKT__ID_VENUE || kind == TKT__ID_PERFORMER;
    return posting ? TKT__ID_POSTING_MAX : TKT__ID_MAX;
}

typedef struct lease {
    uint32_t kind, n;
    uint64_t first;        /* out: of a lease; in: of a return */
    uint64_t end;          /* in: of a return */
} lease;

static int32_t read_next(tkt__tx *tx, uint32_t kind, uint8_t key[8], uint64_t *next)
{
    tkt__slice value;
    tkt__be64(key, kind);
    int32_t status = tkt__tx_get(tx, TKT__T_COUNTER, tkt__slice_of(key, 8), &value);
    *next = 1;
    if (status == TKT_NOT_FOUND)
        return TKT_DONE;
    if (status != TKT_DONE)
        return status;
    tkt__reader r = tkt__reader_of(value);
    *next = tkt__get_u64(&r);
    return r.bad ? tkt__fail(TKT_E_CORRUPT, "the counter of kind %u is malformed", kind) : TKT_DONE;
}

static int32_t write_next(tkt__tx *tx, const uint8_t key[8], uint64_t next)
{
    uint8_t bytes[8];
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    tkt__put_u64(&w, next);
    return tkt__tx_put(tx, TKT__T_COUNTER, tkt__slice_of(key, 8), tkt__slice_of(bytes, w.n));
}

static int32_t lease_body(tkt__tx *tx, void *ctx)
{
    lease *l = ctx;
    tkt__tx_use_reserve(tx);
    uint8_t key[8];
    int32_t status = read_next(tx, l->kind, key, &l->first);
    if (status != TKT_DONE)
        return status;
    if (l->first > most_of(l->kind) - l->n)
        return tkt__fail(TKT_E_LIMIT, "ids of kind %u are used up", l->kind);
    return write_next(tx, key, l->first + l->n);
}

static int32_t return_body(tkt__tx *tx, void *ctx)
{
    lease *l = ctx;
    tkt__tx_use_reserve(tx);
    uint8_t key[8];
    uint64_t next;
    int32_t status = read_next(tx, l->kind, key, &next);
    if (status != TKT_DONE)
        return status;
    if (next != l->end)
        return TKT_NOT_FOUND; /* others leased after us: the rest is skipped */
    return write_next(tx, key, l->first);
}

static tkt__guard counter_guard(uint32_t kind)
{
    tkt__guard g = { TKT__G_COUNTER, kind };
    return g;
}

/* More than were given out between a copy of the store and its loss. */
static int32_t skip_body(tkt__tx *tx, void *ctx)
{
    const uint32_t kind = *(const uint32_t *)ctx;
    uint64_t most = most_of(kind), by = most == TKT__ID_POSTING_MAX ? SKIP_POSTING : SKIP, next;
    uint8_t key[8];
    int32_t status = read_next(tx, kind, key, &next);
    if (status != TKT_DONE || next >= most - by) /* few are left. Where none was given out, the lost store may have begun to */
        return status;
    return write_next(tx, key, next + by);
}

int32_t tkt__ids_skip(tkt_store *store)
{
    int32_t status = TKT_DONE;
    for (uint32_t kind = 1; status == TKT_DONE && kind < TKT__ID_KINDS; kind++) {
        const tkt__guard guard = counter_guard(kind);
        status = tkt__store_run(store, &guard, 1, 0, skip_body, &kind);
    }
    return status;
}

int32_t tkt__id_take(tkt_store *store, uint32_t kind, uint32_t n, uint64_t *first)
{
    tkt__id_lease *have = &store->ids[kind];
    int32_t status = TKT_DONE;
    pthread_mutex_lock(store->ids_lock);
    if (have->end - have->next < n) {
        uint32_t size = have->size == 0 ? LEASE_FIRST : have->size < LEASE_MOST ? have->size * 2 : LEASE_MOST;
        lease l = { .kind = kind, .n = n > size ? n : size };
        tkt__guard guard = counter_guard(kind);
        status = tkt__store_run(store, &guard, 1, 0, lease_body, &l);
        if (status == TKT_DONE) {
            if (l.first != have->end) /* not next to what was left: that remainder is skipped */
                have->next = l.first;
            have->end = l.first + l.n;
            have->size = size;
        }
    }
    if (status == TKT_DONE) {
        *first = have->next;
        have->next += n;
    }
    pthread_mutex_unlock(store->ids_lock);
    return status;
}

void tkt__id_give_back(tkt_store *store, uint32_t kind, uint64_t first, uint32_t n)
{
    tkt__id_lease *have = &store->ids[kind];
    pthread_mutex_lock(store->ids_lock);
    if (have->next == first + n)
        have->next = first;
    pthread_mutex_unlock(store->ids_lock);
}

void tkt__ids_close(tkt_store *store)
{
    for (uint32_t kind = 1; kind < TKT__ID_KINDS && store->kv != NULL; kind++) {
        tkt__id_lease *have = &store->ids[kind];
        lease l = { .kind = kind, .first = have->next, .end = have->end };
        tkt__guard guard = counter_guard(kind);
        if (have->next != have->end)
            (void)tkt__store_run(store, &guard, 1, 0, return_body, &l);
    }
    if (store->ids_lock != NULL) {
        pthread_mutex_destroy(store->ids_lock);
        tkt__free(&store->hooks, store->ids_lock, sizeof(pthread_mutex_t));
    }
}
