/* SPDX-License-Identifier: MIT
 *
 * engine/run.c: the queue: who leads, who joins, who waits. This is the group commit of every engine.
 *
 * A request queues up. When no transaction that it must wait for is in flight, it becomes a leader:
 * its thread gathers what has queued in its scope, runs one attempt and answers everyone in it. What
 * arrives while bodies run joins them; what arrives during the commit waits for the next attempt. There is no
 * timer. Scope: on a local engine the whole process, one leader at a time; on a remote engine the guards that the
 * leader claims, so that disjoint requests go in parallel and overlapping ones never are in two transactions at once.
 *
 * Locks: `kv->lock` for queue, claims and idle batches, not held while an engine, a body or a hook runs. A request's
 * role is told by atomics and a futex. Nothing here survives a crash, or has to.
 */
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "engine/kv.h"

#define PARTY_LEAD 0x10000u

/* ---- guards --------------------------------------------------------------------------------------- */

/* Sorts by insertion and drops doubles: there are eight at most. */
static void add_guard(tkt__request *r, tkt__guard guard)
{
    uint32_t at = r->guards_n;
    while (at > 0 && tkt__guard_less(guard, r->guards[at - 1]))
        at--;
    if (at > 0 && tkt__guard_equal(guard, r->guards[at - 1]))
        return;
    for (uint32_t i = r->guards_n; i > at; i--)
        r->guards[i] = r->guards[i - 1];
    r->guards[at] = guard;
    r->guards_n++;
}

static bool overlap(const tkt__guard *a, uint32_t an, const tkt__guard *b, uint32_t bn)
{
    for (uint32_t i = 0, k = 0; i < an && k < bn;) {
        if (tkt__guard_equal(a[i], b[k]))
            return true;
        if (tkt__guard_less(a[i], b[k]))
            i++;
        else
            k++;
    }
    return false;
}

/* Every guard of the request is among the leader's. */
static bool covered(const tkt__request *leader, const tkt__request *r)
{
    for (uint32_t i = 0; i < r->guards_n; i++)
        if (!overlap(leader->guards, leader->guards_n, &r->guards[i], 1))
            return false;
    return true;
}

/* ---- queue, under kv->lock -------------------------------------------------------------------------- */

static void enqueue(tkt__kv *kv, tkt__request *r, bool front)
{
    r->prev = front ? NULL : kv->queue.last;
    r->next = front ? kv->queue.first : NULL;
    if (r->prev != NULL)
        r->prev->next = r;
    else
        kv->queue.first = r;
    if (r->next != NULL)
        r->next->prev = r;
    else
        kv->queue.last = r;
    r->queued = true;
}

static void dequeue(tkt__kv *kv, tkt__request *r)
{
    if (r->prev != NULL)
        r->prev->next = r->next;
    else
        kv->queue.first = r->next;
    if (r->next != NULL)
        r->next->prev = r->prev;
    else
        kv->queue.last = r->prev;
    r->next = r->prev = NULL;
    r->queued = false;
}

/* The one thread of a party sleeps on its word. */
static void party_wait(tkt__party *party, uint32_t word)
{
    syscall(SYS_futex, &party->word, FUTEX_WAIT_PRIVATE, word, NULL, NULL, 0);
}

static void set_role(tkt__request *r, tkt__role role)
{
    _Atomic uint32_t *word = &r->party->word;
    atomic_store_explicit(&r->role, (uint8_t)role, memory_order_release);
    if (role == TKT__LEAD)
        atomic_fetch_add_explicit(word, PARTY_LEAD, memory_order_release);
    else
        atomic_fetch_sub_explicit(word, 1, memory_order_release);
    /* An answered request may be gone by now: the kernel gets an address, and at worst wakes someone for nothing. */
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static bool may_lead(const tkt__kv *kv, const tkt__request *r)
{
    if (!kv->caps.remote)
        return kv->claims == NULL;
    for (const tkt__request *c = kv->claims; c != NULL; c = c->claim_next)
        if (overlap(c->claim, c->claim_n, r->guards, r->guards_n))
            return false;
    return true;
}

/* Makes leaders of those in the queue that may go, in order. */
static void promote(tkt__kv *kv)
{
    for (tkt__request *r = kv->queue.first, *next; r != NULL; r = next) {
        next = r->next;
        if (!may_lead(kv, r))
            continue;
        dequeue(kv, r);
        r->claim = r->guards;
        r->claim_n = r->guards_n;
        r->claim_next = kv->claims;
        kv->claims = r;
        set_role(r, TKT__LEAD);
        if (!kv->caps.remote)
            return;
    }
}

static void drop_claim(tkt__kv *kv, tkt__request *leader)
{
    tkt__request **at = &kv->claims;
    while (*at != leader)
        at = &(*at)->claim_next;
    *at = leader->claim_next;
}

/* Whoever is queued in the leader's scope. */
static void join(tkt__kv *kv, const tkt__request *leader, tkt__batch *b)
{
    for (tkt__request *r = kv->queue.first, *next; r != NULL; r = next) {
        next = r->next;
        if (leader->alone || r->alone || (kv->caps.remote && !covered(leader, r)))
            continue;
        dequeue(kv, r);
        if (r->deadline_ms < b->deadline_ms)
            b->deadline_ms = r->deadline_ms;
        tkt__list_append(&b->run, r);
    }
}

static void gather(tkt__kv *kv, tkt__request *leader, tkt__batch *b)
{
    b->run = (tkt__list){ NULL, NULL };
    b->leader = leader;
    b->deadline_ms = leader->deadline_ms;
    memcpy(b->guards, leader->guards, leader->guards_n * sizeof b->guards[0]);
    b->guards_n = leader->guards_n;
    tkt__list_append(&b->run, leader);
    join(kv, leader, b);
}

bool tkt__batch_more(tkt__batch *b)
{
    pthread_mutex_lock(&b->kv->lock);
    join(b->kv, b->leader, b);
    pthread_mutex_unlock(&b->kv->lock);
    return b->run.first != NULL;
}

static void requeue(tkt__kv *kv, tkt__list *again)
{
    tkt__request *back = NULL;
    for (tkt__request *r = tkt__list_take(again); r != NULL; r = tkt__list_take(again)) {
        r->prev = back; /* a stack through prev, so that the front keeps their order */
        back = r;
    }
    while (back != NULL) {
        tkt__request *r = back;
        back = r->prev;
        atomic_store_explicit(&r->role, TKT__WAIT, memory_order_relaxed);
        enqueue(kv, r, true);
    }
}

/* ---- leading ------------------------------------------------------------------------------------------ */

/* Full-jitter back-off before another try of a request that failed `fails` times. */
static void back_off(tkt__kv *kv, uint32_t fails)
{
    uint64_t drawn = 0;
    uint64_t most = TKT__BACKOFF_BASE_MS;
    for (uint32_t i = 1; i < fails && most < TKT__BACKOFF_MAX_MS; i++)
        most *= 2;
    (void)tkt__random(&kv->hooks, &drawn, sizeof drawn);
    uint64_t ns = drawn % (most * 1000000 + 1);
    struct timespec pause = { (time_t)(ns / 1000000000), (long)(ns % 1000000000) };
    nanosleep(&pause, NULL);
}

static tkt__batch *take_batch(tkt__kv *kv)
{
    pthread_mutex_lock(&kv->lock);
    tkt__batch *b = kv->idle;
    if (b != NULL)
        kv->idle = b->idle_next;
    pthread_mutex_unlock(&kv->lock);
    return b != NULL ? b : tkt__batch_new(kv);
}

/* No memory for a batch: this request alone fails, the next in line tries for itself. */
static void lead_nothing(tkt__request *own)
{
    own->status = tkt__fail(TKT_E_NOMEM, "no memory for a batch");
    own->recorded = true;
    tkt__error_save(&own->record);
    set_role(own, TKT__OVER);
}

/* The answers go out before the engine settles what was committed: while it does, those answered come back with
 * their next requests, and the next batch has them all. */
static void attempt(tkt__kv *kv, tkt__request *own, tkt__batch *b)
{
    pthread_mutex_lock(&kv->lock);
    gather(kv, own, b);
    pthread_mutex_unlock(&kv->lock);
    tkt__batch_attempt(b);
    if (b->committed && kv->config.committed != NULL)
        kv->config.committed(kv->config.committed_user, b->stamp);
    for (tkt__request *r = tkt__list_take(&b->done); r != NULL; r = tkt__list_take(&b->done))
        set_role(r, TKT__OVER);
    tkt__batch_settle(b);
}

static void lead(tkt__kv *kv, tkt__request *own)
{
    if (own->fails != 0)
        back_off(kv, own->fails);
    tkt__batch *b = take_batch(kv);
    if (b != NULL)
        attempt(kv, own, b);
    else
        lead_nothing(own);
    pthread_mutex_lock(&kv->lock);
    if (b != NULL) {
        requeue(kv, &b->again);
        b->idle_next = kv->idle;
        kv->idle = b;
    }
    drop_claim(kv, own);
    promote(kv);
    pthread_mutex_unlock(&kv->lock);
}

/* Waits until one of the party is to lead; NULL: all are answered. */
static tkt__request *await(tkt__party *party, tkt__request *r, size_t n)
{
    for (;;) {
        uint32_t word = atomic_load_explicit(&party->word, memory_order_acquire);
        for (size_t i = 0; i < n; i++) {
            uint8_t lead = TKT__LEAD;
            if (atomic_compare_exchange_strong(&r[i].role, &lead, TKT__WAIT))
                return &r[i];
        }
        if (word % PARTY_LEAD == 0)
            return NULL;
        party_wait(party, word);
    }
}

/* ---- the call ------------------------------------------------------------------------------------------- */

static int32_t prepare(tkt__kv *kv, tkt__request *r, const tkt__guard *guards, size_t n,
                       const tkt__run_options *options)
{
    int64_t timeout = options != NULL && options->timeout_ms > 0 ? options->timeout_ms : TKT__RUN_TIMEOUT_MS;
    if (n > TKT__GUARDS_MAX)
        return tkt__fail(TKT_E_INTERNAL, "%zu guards, at most %d", n, TKT__GUARDS_MAX);
    for (size_t i = 0; i < n; i++)
        add_guard(r, guards[i]);
    r->dry = options != NULL && options->dry;
    r->alone = options != NULL && options->alone;
    r->deadline_ms = kv->hooks.monotonic_ms(kv->hooks.user) + timeout;
    return TKT_DONE;
}

int32_t tkt__kv_here(const tkt__kv *kv)
{
    return tkt__mine_is(&kv->mine) ? TKT_DONE
                                   : tkt__fail(TKT_E_FORKED, "the store was opened by the parent process: open it anew here");
}

/* Until every one is answered. TKT_DONE: the answers are in the requests. */
static int32_t run_party(tkt__kv *kv, tkt__request *r, size_t n)
{
    tkt__party party;
    tkt__request *leader;
    int32_t here = tkt__kv_here(kv);
    if (here != TKT_DONE)
        return here;
    atomic_init(&party.word, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        r[i].party = &party;
    pthread_mutex_lock(&kv->lock);
    for (size_t i = 0; i < n; i++)
        enqueue(kv, &r[i], false);
    promote(kv);
    pthread_mutex_unlock(&kv->lock);
    while ((leader = await(&party, r, n)) != NULL)
        lead(kv, leader);
    return TKT_DONE;
}

int32_t tkt__kv_run(tkt__kv *kv, const tkt__guard *guards, size_t n, const tkt__run_options *options,
                    tkt__body body, void *ctx)
{
    tkt__request r = { .body = body, .ctx = ctx };
    int32_t status = prepare(kv, &r, guards, n, options);
    if (status == TKT_DONE)
        status = run_party(kv, &r, 1);
    if (status != TKT_DONE)
        return status;
    if (r.recorded)
        tkt__error_load(&r.record);
    return r.status;
}

static int32_t run_jobs(tkt__kv *kv, tkt__job *jobs, size_t n, tkt__request *r)
{
    int32_t status = TKT_DONE;
    for (size_t i = 0; status == TKT_DONE && i < n; i++) {
        r[i].body = jobs[i].body;
        r[i].ctx = jobs[i].ctx;
        status = prepare(kv, &r[i], jobs[i].guards, jobs[i].guards_n, NULL);
    }
    if (status == TKT_DONE)
        status = run_party(kv, r, n);
    if (status != TKT_DONE)
        return status;
    for (size_t i = n; i > 0; i--) { /* the first one's record is loaded last */
        tkt__job *job = &jobs[i - 1];
        job->status = r[i - 1].status;
        job->recorded = r[i - 1].recorded;
        if (job->recorded && job->record != NULL)
            *job->record = r[i - 1].record;
        if (job->recorded && job->status != TKT_DONE)
            tkt__error_load(&r[i - 1].record);
    }
    return TKT_DONE;
}

int32_t tkt__kv_run_jobs(tkt__kv *kv, tkt__job *jobs, size_t n)
{
    if (n > TKT__JOBS_MAX)
        return tkt__fail(TKT_E_INTERNAL, "%zu jobs, at most %d", n, TKT__JOBS_MAX);
    for (size_t i = 0; i < n; i++)
        jobs[i].status = -TKT_E_NOMEM;
    tkt__request *r = tkt__alloc(&kv->hooks, n * sizeof *r);
    if (r == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory to queue %zu bodies", n);
    memset(r, 0, n * sizeof *r);
    int32_t status = run_jobs(kv, jobs, n, r);
    tkt__free(&kv->hooks, r, n * sizeof *r);
    return status;
}
