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
 * A reset is a commit that leaves the floor at the wall clock of whoever asked for it, and a row that counts resets:
 *
 *   META "clock-reset" → u64 how many there were
 *
 * Every process looks at the row before it commits, ticks or takes a snapshot, and at one more begins its offset anew:
 * whoever had followed the wrong floor comes back with it, and whose own clock is wrong is not believed again.
 *
 * Atomics: readers take them as they find them; a lock only around the begin anew. A crash loses nothing but an
 * unconfirmed leap.
 */
#include "store/internal.h"

#define LEAP_MS INT64_C(300000)
#define HORIZON_MS INT64_C(31622400000) /* a year: no hold lives so long */
#define RESET_KEY "clock-reset"
#define OLD_RESET_BYTES 16u
#define LATE_MS INT64_C(3600000)

static int64_t believed(const tkt_store *store, int64_t monotonic)
{
    return monotonic + atomic_load_explicit(&store->clock.offset_ms, memory_order_relaxed);
}

static void raise_offset(tkt_store *store, int64_t offset)
{
    int64_t had = atomic_load_explicit(&store->clock.offset_ms, memory_order_relaxed);
    while (offset > had && !atomic_compare_exchange_weak(&store->clock.offset_ms, &had, offset))
        continue; /* bounded: others raise it, and a reset is rare */
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

static int32_t resets_get(tkt__tx *tx, uint64_t *count)
{
    tkt__slice value;
    *count = 0;
    int32_t status = tkt__tx_get(tx, TKT__T_META, tkt__slice_of(RESET_KEY, sizeof RESET_KEY - 1), &value);
    if (status != TKT_DONE)
        return status == TKT_NOT_FOUND ? TKT_DONE : status;
    if (value.n == OLD_RESET_BYTES)
        return TKT_DONE; /* of an earlier library, which left the floor where it was */
    tkt__reader r = tkt__reader_of(value);
    *count = tkt__get_u64(&r);
    return r.bad || r.p != r.end ? tkt__fail(TKT_E_CORRUPT, "the clock-reset row is malformed") : TKT_DONE;
}

/* The offset anew, from a floor that was set right. A wall clock that stood well behind what was believed is not what
 * was wrong; another is believed as far as nobody may have committed for so long. */
static void begin_anew(tkt_store *store, int64_t floor_ms)
{
    int64_t wall = store->hooks.wall_ms(store->hooks.user), monotonic = store->hooks.monotonic_ms(store->hooks.user);
    bool other = wall < believed(store, monotonic) - LEAP_MS;
    bool trusted = wall > floor_ms && (other || wall - floor_ms <= LATE_MS);
    atomic_store(&store->clock.offset_ms, (trusted ? wall : floor_ms) - monotonic);
    atomic_store(&store->clock.frozen_ms, 0); /* the next look at the clock says how much it is */
}

/* The offset first, then the count: whoever finds the count goes by the new offset, whoever does not waits for it here. */
static void follow(tkt_store *store, uint64_t count, int64_t floor_ms)
{
    pthread_mutex_lock(&store->clock.lock);
    if (count > atomic_load(&store->clock.resets)) {
        begin_anew(store, floor_ms);
        atomic_store(&store->clock.resets, count);
    }
    pthread_mutex_unlock(&store->clock.lock);
}

/* Whether another process has set the clock right. The floor is given, or (NULL) looked up. */
static int32_t follow_reset(tkt_store *store, tkt__tx *tx, const int64_t *floor_ms)
{
    uint64_t count;
    void *engine;
    int64_t floor = floor_ms != NULL ? *floor_ms : 0;
    int32_t status = resets_get(tx, &count);
    if (status != TKT_DONE || count <= atomic_load(&store->clock.resets))
        return status;
    if (floor_ms == NULL)
        status = tkt__kv_ops(store->kv, &engine)->floor_ms(engine, &floor);
    if (status == TKT_DONE)
        follow(store, count, floor);
    return status;
}

int32_t tkt__clock_follow(tkt_store *store, tkt__tx *tx)
{
    return follow_reset(store, tx, NULL);
}

int32_t tkt__clock_open(tkt_store *store)
{
    int64_t wall, floor_ms = 0, monotonic = store->hooks.monotonic_ms(store->hooks.user);
    void *engine;
    tkt__tx *tx;
    uint64_t count;
    int32_t status = wall_now(store, &wall);
    if (status == TKT_DONE)
        status = tkt__kv_read_begin(store->kv, &tx);
    if (status != TKT_DONE)
        return status;
    status = resets_get(tx, &count);
    tkt__kv_read_end(tx);
    if (status == TKT_DONE)
        status = tkt__kv_ops(store->kv, &engine)->floor_ms(engine, &floor_ms);
    atomic_init(&store->clock.resets, count);
    atomic_init(&store->clock.offset_ms, (wall > floor_ms ? wall : floor_ms) - monotonic);
    atomic_init(&store->clock.frozen_ms, 0);
    return status;
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
int32_t tkt__clock_of_batch(void *user, tkt__tx *tx, int64_t floor_ms, int64_t *now_ms)
{
    tkt_store *store = user;
    int64_t monotonic = store->hooks.monotonic_ms(store->hooks.user);
    int32_t status = follow_reset(store, tx, &floor_ms);
    if (status == TKT_DONE)
        status = tkt__clock_read(store, now_ms);
    if (status == TKT_DONE && *now_ms < floor_ms) {
        raise_offset(store, floor_ms - monotonic);
        *now_ms = floor_ms;
    }
    return status;
}

int32_t tkt_clock_now(tkt_store *store, int64_t *now_ms)
{
    if (store == NULL || now_ms == NULL)
        return tkt__fail(TKT_E_INVALID, "store or now_ms is NULL");
    int32_t status = tkt__kv_here(store->kv);
    return status == TKT_DONE ? tkt__clock_read(store, now_ms) : status;
}

int32_t tkt_clock_confirm(tkt_store *store)
{
    int64_t wall;
    if (store == NULL)
        return tkt__fail(TKT_E_INVALID, "store is NULL");
    int32_t status = tkt__kv_here(store->kv);
    if (status == TKT_DONE)
        status = wall_now(store, &wall);
    if (status != TKT_DONE)
        return status;
    raise_offset(store, wall - store->hooks.monotonic_ms(store->hooks.user));
    atomic_store(&store->clock.frozen_ms, 0);
    return TKT_DONE;
}

typedef struct reset {
    uint64_t count;   /* this one included */
    int64_t after_ms;
} reset;

static int32_t reset_body(tkt__tx *tx, void *ctx)
{
    reset *r = ctx;
    const tkt__guard guard = { TKT__G_STORE, 0 };
    uint8_t count[8], floors[16];
    int32_t status = resets_get(tx, &r->count);
    if (status != TKT_DONE)
        return status;
    tkt__writer w = tkt__writer_of(count, sizeof count), f = tkt__writer_of(floors, sizeof floors);
    tkt__put_u64(&w, ++r->count);
    tkt__put_i64(&f, tkt__tx_now(tx));
    tkt__put_i64(&f, r->after_ms);
    status = tkt__tx_put(tx, TKT__T_META, tkt__slice_of(RESET_KEY, sizeof RESET_KEY - 1), tkt__slice_of(count, w.n));
    if (status == TKT_DONE)
        status = tkt__feed_append(tx, guard, TKT__F_CLOCK_RESET, floors, f.n);
    if (status == TKT_DONE)
        tkt__tx_set_floor(tx, r->after_ms);
    return status;
}

int32_t tkt_clock_reset(tkt_store *store)
{
    const tkt__guard guard = { TKT__G_STORE, 0 };
    reset r = { 0, 0 };
    int32_t status = tkt__store_writable(store);
    if (status == TKT_DONE)
        status = wall_now(store, &r.after_ms);
    if (status == TKT_DONE)
        status = tkt__store_run(store, &guard, 1, 0, reset_body, &r);
    if (status == TKT_DONE)
        follow(store, r.count, r.after_ms);
    return status;
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
