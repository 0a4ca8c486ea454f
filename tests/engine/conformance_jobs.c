/* SPDX-License-Identifier: MIT
 *
 * tests/engine/conformance_jobs.c: bodies that are handed in together.
 */
#include "conformance.h"

#define EVENT 40
#define REFUSES 5 /* this one writes and refuses */

static tkt__slice job_key(uint64_t i)
{
    char name[32];
    snprintf(name, sizeof name, "job %lu", (unsigned long)i);
    return key_of(EVENT, name);
}

/* Each sees what those before it wrote, but for the one that refused. */
static int32_t chain_body(tkt__tx *tx, void *ctx)
{
    uint64_t i = *(const uint64_t *)ctx;
    tkt__slice v;
    for (uint64_t before = 0; before < i; before++)
        MUST((tkt__tx_get(tx, SALE, job_key(before), &v) == TKT_DONE) == (before != REFUSES));
    MUST(tkt__tx_put(tx, SALE, job_key(i), text_of("x")) == TKT_DONE);
    return i == REFUSES ? tkt__refuse(TKT_SOLD_OUT, "the sixth is one too many") : TKT_DONE;
}

/* Every commit of an event leaves one row of discovery. */
static uint32_t commits_of(subject *s, uint64_t event)
{
    tkt__tx *tx;
    tkt__cursor *c;
    tkt__slice k, v;
    uint32_t n = 0;
    MUST(tkt__kv_read_begin(s->kv, &tx) == TKT_DONE && tkt__tx_cursor_open(tx, DISCOVERY, &c) == TKT_DONE);
    for (int32_t st = tkt__cursor_seek(c, text_of(""), &k, &v); st == TKT_DONE; st = tkt__cursor_next(c, &k, &v))
        n += k.n == 25 && k.p[16] == 'e' && tkt__get_be64(k.p + 17) == event;
    tkt__cursor_close(c);
    tkt__kv_read_end(tx);
    return n;
}

void bodies_handed_in_together_share_a_commit(subject *s)
{
    tkt__job job[TKT__JOBS_MAX];
    uint64_t number[TKT__JOBS_MAX];
    char text[8];
    for (uint64_t i = 0; i < TKT__JOBS_MAX; i++) {
        number[i] = i;
        job[i] = (tkt__job){ .guards = { { 'e', EVENT } }, .guards_n = 1, .body = chain_body, .ctx = &number[i] };
    }
    MUST(tkt__kv_run_jobs(s->kv, job, TKT__JOBS_MAX + 1) == -TKT_E_INTERNAL);
    tkt__error_record record;
    job[REFUSES].record = &record;
    MUST(tkt__kv_run_jobs(s->kv, job, TKT__JOBS_MAX) == TKT_DONE);
    MUST(strstr(record.error.text, "sixth") != NULL && job[REFUSES].recorded);
    MUST(strstr(tkt_error_text(), "sixth") != NULL);
    for (uint64_t i = 0; i < TKT__JOBS_MAX; i++) {
        MUST(job[i].status == (i == REFUSES ? TKT_SOLD_OUT : TKT_DONE));
        MUST((read_one(s, SALE, job_key(i), text, sizeof text) == TKT_DONE) == (i != REFUSES));
    }
    MUST(commits_of(s, EVENT) == 1);
}

#define TOGETHER 4

void bodies_handed_in_together_keep_their_own_outcomes(const char *name)
{
    const hostile_options faults = { .seed = 43, .conflict = 80, .busy = 40, .away = 40, .unknown_done = 60,
                                     .unknown_lost = 60, .unknown_late = 60 };
    subject s;
    uint64_t done = 0, unknown = 0, refused = 0, op = 0;
    char text[32];
    subject_open(&s, name, &faults);
    for (int turn = 0; turn < 800; turn++) {
        count_up c[TOGETHER];
        tkt__job job[TOGETHER];
        for (int i = 0; i < TOGETHER; i++) {
            c[i] = (count_up){ op++, 0 };
            job[i] = (tkt__job){ .guards = { { 'e', 10 } }, .guards_n = 1, .body = count_up_body, .ctx = &c[i] };
        }
        MUST(tkt__kv_run_jobs(s.kv, job, TOGETHER) == TKT_DONE);
        for (int i = 0; i < TOGETHER; i++) {
            int32_t primary = tkt_status_primary(job[i].status);
            done += TKT_IS_EFFECT(job[i].status);
            unknown += primary == TKT_E_UNKNOWN;
            refused += primary == TKT_E_BUSY || primary == TKT_E_UNAVAILABLE || primary == TKT_E_CONFLICT;
        }
    }
    hostile_calm(s.db, true);
    hostile_land(s.db);
    MUST(done + unknown + refused == op && done > 0 && unknown > 0 && refused > 0);
    MUST(read_one(&s, SALE, key_of(10, "count"), text, sizeof text) == TKT_DONE);
    uint64_t counted = strtoul(text, NULL, 10);
    MUST(counted >= done && counted <= done + unknown);
    subject_close(&s);
}
