/* SPDX-License-Identifier: MIT
 *
 * tests/engine/conformance_threads.c: the rules that need threads: who waits joins the next commit
 * (rule 10), and no update is lost among threads.
 */
#include "conformance.h"

#include <sched.h>
#include <stdatomic.h>

#define LATECOMERS 5
#define THREADS 8
#define COUNTS_EACH 200

/* An engine whose first commit takes until LATECOMERS bodies are waiting. */
static const tkt__engine_ops *inner;
static tkt__kv *watched;
static _Atomic uint32_t commits;

static uint32_t waiting(void)
{
    uint32_t n = 0;
    pthread_mutex_lock(&watched->lock);
    for (const tkt__request *r = watched->queue.first; r != NULL; r = r->next)
        n++;
    pthread_mutex_unlock(&watched->lock);
    return n;
}

static int32_t slow_commit(void *tx, const tkt__write *writes, size_t n, int64_t now_ms, tkt__commit_info *out)
{
    if (atomic_fetch_add(&commits, 1) == 0)
        while (waiting() < LATECOMERS)
            sched_yield();
    return inner->write_commit(tx, writes, n, now_ms, out);
}

typedef struct writer {
    pthread_t thread;
    subject *s;
    int number;
} writer;

static void *write_row(void *arg)
{
    writer *w = arg;
    char name[16];
    snprintf(name, sizeof name, "%d", w->number);
    MUST(write_one(w->s, TKT__PUT, SALE, 12, key_of(12, name), text_of("x")) == TKT_DONE);
    return NULL;
}

void rule_10_all_who_wait_join_the_next_commit(const char *name)
{
    subject s;
    writer first, late[LATECOMERS];
    char text[8];
    subject_open(&s, name, NULL);
    tkt__engine_ops slow = *s.ops;
    inner = s.ops;
    watched = s.kv;
    slow.write_commit = slow_commit;
    s.kv->ops = &slow;
    atomic_store(&commits, 0);
    first = (writer){ .s = &s, .number = LATECOMERS };
    MUST(pthread_create(&first.thread, NULL, write_row, &first) == 0);
    while (atomic_load(&commits) == 0)
        sched_yield();
    for (int i = 0; i < LATECOMERS; i++) {
        late[i] = (writer){ .s = &s, .number = i };
        MUST(pthread_create(&late[i].thread, NULL, write_row, &late[i]) == 0);
    }
    pthread_join(first.thread, NULL);
    for (int i = 0; i < LATECOMERS; i++)
        pthread_join(late[i].thread, NULL);
    MUST(atomic_load(&commits) == 2);
    s.kv->ops = s.ops;
    for (int i = 0; i <= LATECOMERS; i++) {
        char row[16];
        snprintf(row, sizeof row, "%d", i);
        MUST(read_one(&s, SALE, key_of(12, row), text, sizeof text) == TKT_DONE);
    }
    subject_close(&s);
}

static int32_t count_one(tkt__tx *tx, void *ctx)
{
    (void)ctx;
    tkt__slice v;
    uint8_t number[8] = { 0 };
    int32_t status = tkt__tx_get(tx, HOT, key_of(13, "count"), &v);
    if (status == TKT_DONE)
        memcpy(number, v.p, sizeof number);
    else if (status != TKT_NOT_FOUND)
        return status;
    tkt__be64(number, tkt__get_be64(number) + 1);
    return tkt__tx_put(tx, HOT, key_of(13, "count"), tkt__slice_of(number, sizeof number));
}

static void *count(void *arg)
{
    writer *w = arg;
    const tkt__guard guards[] = { event_guard(13), event_guard(100 + (uint64_t)w->number) };
    for (int i = 0; i < COUNTS_EACH; i++)
        MUST(tkt__kv_run(w->s->kv, guards, 2, NULL, count_one, NULL) == TKT_DONE);
    return NULL;
}

void no_update_is_lost_among_threads(const char *name)
{
    subject s;
    writer writers[THREADS];
    tkt__tx *tx;
    tkt__slice v;
    subject_open(&s, name, NULL);
    for (int i = 0; i < THREADS; i++) {
        writers[i] = (writer){ .s = &s, .number = i };
        MUST(pthread_create(&writers[i].thread, NULL, count, &writers[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(writers[i].thread, NULL);
    MUST(tkt__kv_read_begin(s.kv, &tx) == TKT_DONE && tkt__tx_get(tx, HOT, key_of(13, "count"), &v) == TKT_DONE);
    MUST(tkt__get_be64(v.p) == THREADS * COUNTS_EACH);
    tkt__kv_read_end(tx);
    subject_close(&s);
}
