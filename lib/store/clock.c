/* SPDX-License-Identifier: MIT
 *
 * store/clock.c: the store's clock, which never goes back and does not believe leaps.
 *
 *   now = monotonic + offset          offset = the largest believed (wall − monotonic)
 *
 * The offset starts at max(wall, persisted floor) − monotonic and follows the wall clock forward by
 * small steps, and the floor of other processes' commits. A wall clock that falls behind is ignored. One
 * that leaps ahead by more than LEAP_MS against the monotonic clock is not believed until the host confirms
 * it: `frozen` says by how much, and time goes on by the monotonic clock alone. Each commit persists its
 * instant as the floor.
 *
 * Two atomics, no lock: readers take them as they find them. A crash loses nothing but an unconfirmed
 * leap.
 */
#include "store/internal.h"

#define LEAP_MS INT64_C(300000)
#define HORIZON_MS INT64_C(31622400000) /* a year: no hold lives so long */
#define RESET_KEY "clock-reset"
#define RESET_MARGIN_MS INT64_C(10000)

static int64_t believed(const tkt_store *store, int64_t monotonic)
{
    return monotonic + atomic_load_explicit(&store->clock.offset_ms, memory_order_relaxed);
}

static void raise_offset(tkt_store *store, int64_t offset)
{
    int64_t had = atomic_load_explicit(&store->clock.offset_ms, memory_order_relaxed);
    while (offset > had && !atomic_compare_exchange_weak(&store->clock.offset_ms, &had, offset))
        continue; /* bounded: `had` only grows */
}

static int32_t wall_now(const tkt_store *store, int64_t *wall)
{
    *wall = store->hooks.wall_ms(store->hooks.user);
    if (*wall < TKT__EPOCH_2024_MS)
        return tkt__fail(TKT_E_CLOCK, "the wall clock stands before 2024: set it first");
    if (*wall > tkt__second_ms(TKT__SECOND_NEVER - 1) - HORIZON_MS) /* a deadline is 30 bits of seconds */
        return tkt__fail(TKT_E_CLOCK, "the wall clock stands behind 2057, past what deadlines can be: set it first");
    return TKT_DONE;
}

/* META/"clock-reset": i64 the poisoned floor, i64 what holds instead while the engine's floor, which
 * only grows, has not passed it. */
static int32_t after_reset(tkt_store *store, int64_t *floor_ms)
{
    tkt__tx *tx;
    tkt__slice value;
    int32_t status = tkt__kv_read_begin(store->kv, &tx);
    if (status != TKT_DONE)
        return status;
    status = tkt__tx_get(tx, TKT__T_META, tkt__slice_of(RESET_KEY, sizeof RESET_KEY - 1), &value);
    if (status == TKT_DONE) {
        tkt__reader r = tkt__reader_of(value);
        int64_t poisoned = tkt__get_i64(&r), instead = tkt__get_i64(&r);
        if (r.bad)
            status = tkt__fail(TKT_E_CORRUPT, "the clock-reset row is malformed");
        else if (*floor_ms <= poisoned)
            *floor_ms = instead;
        atomic_store(&store->clock.forgiven_ms, poisoned);
    }
    tkt__kv_read_end(tx);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

int32_t tkt__clock_open(tkt_store *store)
{
    int64_t wall, floor_ms = 0, monotonic = store->hooks.monotonic_ms(store->hooks.user);
    void *engine;
    atomic_init(&store->clock.forgiven_ms, INT64_MIN);
    int32_t status = wall_now(store, &wall);
    if (status != TKT_DONE)
        return status;
    status = tkt__kv_ops(store->kv, &engine)->floor_ms(engine, &floor_ms);
    if (status == TKT_DONE)
        status = after_reset(store, &floor_ms);
    if (status != TKT_DONE)
        return status;
    atomic_init(&store->clock.offset_ms, (wall > floor_ms ? wall : floor_ms) - monotonic);
    atomic_init(&store->clock.frozen_ms, 0);
    return TKT_DONE;
}

int32_t tkt__clock_read(tkt_store *store, int64_t *now_ms)
{
    int64_t monotonic = store->hooks.monotonic_ms(store->hooks.user);
    int64_t wall = store->hooks.wall_ms(store->hooks.user);
    int64_t now = believed(store, monotonic);
    if (wall > now + LEAP_MS) {
        atomic_store_explicit(&store->clock.frozen_ms, wall - now, memory_order_relaxed);
    } else if (wall > now) {
        raise_offset(store, wall - monotonic);
        now = wall;
    }
    if (wall <= now + LEAP_MS &&
        atomic_load_explicit(&store->clock.frozen_ms, memory_order_relaxed) != 0)
        atomic_store_explicit(&store->clock.frozen_ms, 0, memory_order_relaxed);
    *now_ms = now;
    return TKT_DONE;
}

/* Time does not run backwards in commit order, though each process has its own idea of it; who is behind goes on from
 * what the store has come to, else its time would stand still there until he has caught up. */
int32_t tkt__clock_of_batch(void *user, int64_t floor_ms, int64_t *now_ms)
{
    tkt_store *store = user;
    int64_t monotonic = store->hooks.monotonic_ms(store->hooks.user);
    int32_t status = tkt__clock_read(store, now_ms);
    if (status == TKT_DONE && *now_ms < floor_ms && floor_ms > atomic_load(&store->clock.forgiven_ms)) {
        raise_offset(store, floor_ms - monotonic);
        *now_ms = floor_ms;
    }
    return status;
}

int32_t tkt_clock_now(tkt_store *store, int64_t *now_ms)
{
    if (store == NULL || now_ms == NULL)
        return tkt__fail(TKT_E_INVALID, "store or now_ms is NULL");
    return tkt__clock_read(store, now_ms);
}

int32_t tkt_clock_confirm(tkt_store *store)
{
    int64_t wall;
    if (store == NULL)
        return tkt__fail(TKT_E_INVALID, "store is NULL");
    int32_t status = wall_now(store, &wall);
    if (status != TKT_DONE)
        return status;
    raise_offset(store, wall - store->hooks.monotonic_ms(store->hooks.user));
    atomic_store(&store->clock.frozen_ms, 0);
    return TKT_DONE;
}

typedef struct reset {
    int64_t poisoned, instead;
} reset;

static int32_t reset_body(tkt__tx *tx, void *ctx)
{
    reset *r = ctx;
    const tkt__guard guard = { TKT__G_STORE, 0 };
    uint8_t bytes[16];
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    /* This commit, and those of others on their way, raise the floor a last time. */
    r->poisoned = tkt__tx_now(tx) + RESET_MARGIN_MS;
    tkt__put_i64(&w, r->poisoned);
    tkt__put_i64(&w, r->instead);
    int32_t status = tkt__tx_put(tx, TKT__T_META, tkt__slice_of(RESET_KEY, sizeof RESET_KEY - 1),
                                 tkt__slice_of(bytes, w.n));
    return status == TKT_DONE ? tkt__feed_append(tx, guard, TKT__F_CLOCK_RESET, bytes, w.n) : status;
}

int32_t tkt_clock_reset(tkt_store *store)
{
    const tkt__guard guard = { TKT__G_STORE, 0 };
    reset r;
    int32_t status = tkt__store_writable(store);
    if (status == TKT_DONE)
        status = wall_now(store, &r.instead);
    if (status == TKT_DONE)
        status = tkt__store_run(store, &guard, 1, 0, reset_body, &r);
    if (status != TKT_DONE)
        return status;
    atomic_store(&store->clock.forgiven_ms, r.poisoned);
    atomic_store(&store->clock.offset_ms, r.instead - store->hooks.monotonic_ms(store->hooks.user));
    atomic_store(&store->clock.frozen_ms, 0);
    return TKT_DONE;
}

/* ---- seconds ------------------------------------------------------------------------------------ */

uint32_t tkt__second_of(int64_t ms)
{
    if (ms <= TKT__EPOCH_2024_MS)
        return 0;
    uint64_t past = (uint64_t)ms - (uint64_t)TKT__EPOCH_2024_MS;
    uint64_t second = past / 1000 + (past % 1000 != 0);
    return second < TKT__SECOND_NEVER ? (uint32_t)second : TKT__SECOND_NEVER - 1;
}

int64_t tkt__second_ms(uint32_t second)
{
    return second >= TKT__SECOND_NEVER ? INT64_MAX : TKT__EPOCH_2024_MS + (int64_t)second * 1000;
}
