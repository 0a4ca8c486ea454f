/* SPDX-License-Identifier: MIT
 *
 * tests/soak/control.c: a judge that says yes to everything proves nothing. So a good history is falsified in many
 * ways, one at a time, and each time he must say no.
 */
#include "soak.h"

#include "store/store.h"

#define TRIED_LEAST 8

typedef struct trial {
    const soak *s;
    history h;
    feed *feeds;
} trial;

static call *nth(history *h, uint8_t op, int32_t status, uint32_t n)
{
    for (size_t i = 0; i < h->calls_n; i++)
        if (h->calls[i].told.what != 0 && h->calls[i].asked.op == op && h->calls[i].told.status == status && n-- == 0)
            return &h->calls[i];
    return NULL;
}

static bool lost_hold(trial *t)
{
    call *k = nth(&t->h, OP_RESERVE, TKT_DONE, 7);
    if (k != NULL)
        k->told.claim = 4000000;
    return k != NULL;
}

static bool lost_booking(trial *t)
{
    call *k = nth(&t->h, OP_CONFIRM, TKT_DONE, 3);
    if (k != NULL)
        k->told.booking += 1000000;
    return k != NULL;
}

static bool given_twice(trial *t)
{
    call *k = nth(&t->h, OP_RESERVE, TKT_DONE, 5), *other = nth(&t->h, OP_RESERVE, TKT_DONE, 9);
    if (k == NULL || other == NULL)
        return false;
    *other = *k;
    return true;
}

static bool asked_by_nobody(trial *t)
{
    call *k = nth(&t->h, OP_RESERVE, TKT_DONE, 11);
    if (k != NULL)
        *k = t->h.calls[--t->h.calls_n];
    return k != NULL;
}

static bool cancelled_by_nobody(trial *t)
{
    call *k = nth(&t->h, OP_CANCEL, TKT_DONE, 2);
    if (k != NULL)
        *k = t->h.calls[--t->h.calls_n];
    return k != NULL;
}

static bool other_end_told(trial *t)
{
    call *k = nth(&t->h, OP_RESERVE, TKT_DONE, 3);
    if (k != NULL)
        k->told.expires_ms += 1000;
    return k != NULL;
}

static bool other_seats_asked(trial *t)
{
    for (size_t i = 0; i < t->h.calls_n; i++) {
        note *n = &t->h.calls[i].asked;
        if (n->op == OP_RESERVE && n->unit_count == 1 && t->h.calls[i].told.status == TKT_DONE) {
            n->units[0]++;
            return true;
        }
    }
    return false;
}

/* Two calls of one event, one after the other in time, change their places in time. */
static bool order_turned(trial *t)
{
    call *a = nth(&t->h, OP_RESERVE, TKT_DONE, 2);
    for (size_t i = 0; a != NULL && i < t->h.calls_n; i++) {
        call *b = &t->h.calls[i];
        if (b->asked.op != OP_RESERVE || b->told.status != TKT_DONE || b->asked.event != a->asked.event || b->from_ns <= a->until_ns)
            continue;
        const int64_t from = a->from_ns, until = a->until_ns;
        a->from_ns = b->from_ns;
        a->until_ns = b->until_ns;
        b->from_ns = from;
        b->until_ns = until;
        return true;
    }
    return false;
}

static bool refused_for_nothing(trial *t)
{
    call *k = nth(&t->h, OP_RESERVE, TKT_DONE, 13);
    if (k == NULL)
        return false;
    call planted = *k;
    planted.told.status = TKT_ALL_HELD;
    planted.from_ns = planted.asked.wall_ms = 0; /* before anything was sold */
    planted.until_ns = 1;
    t->h.calls[t->h.calls_n++] = planted; /* controls get room for one more */
    return true;
}

static bool unexplained(trial *t)
{
    call *k = nth(&t->h, OP_CONFIRM, TKT_EXPIRED, 0);
    if (k == NULL)
        k = nth(&t->h, OP_RESERVE, TKT_ALL_HELD, 0);
    if (k != NULL)
        k->told.status = TKT_CONSUMED;
    return k != NULL;
}

static bool wrong_view(trial *t)
{
    if (t->h.reads_n != 0)
        t->h.reads[t->h.reads_n / 2].hash ^= 1;
    return t->h.reads_n != 0;
}

static bool stale_view(trial *t)
{
    for (size_t i = 0; i < t->h.reads_n; i++) {
        note *r = &t->h.reads[i];
        if (r->seq + 20 < t->feeds[0].n && r->event == t->s->shared->events[0].id) {
            r->at_ns = r->until_ns = SOAK_NEVER - 1; /* it was taken at the end, and shows the beginning */
            return true;
        }
    }
    return false;
}

static bool torn_snapshots(trial *t)
{
    note *first = NULL;
    for (size_t i = 0; i < t->h.reads_n; i++) {
        note *r = &t->h.reads[i];
        if (r->event != t->s->shared->events[0].id || r->stamp == 0)
            continue;
        if (first != NULL && r->seq != first->seq && r->stamp != first->stamp) {
            const uint64_t stamp = first->stamp;
            first->stamp = r->stamp;
            r->stamp = stamp;
            return true;
        }
        first = first != NULL ? first : r;
    }
    return false;
}

/* In the feed itself: a seat that was just taken is taken by another hold. */
static bool sold_twice(trial *t)
{
    feed_row *before = NULL;
    for (size_t i = 0; i < t->feeds[0].n; i++) {
        feed_row *row = &t->feeds[0].rows[i];
        if (row->kind != TKT__F_SEATS || row->state != TKT_SEAT_RESERVED)
            continue;
        if (before != NULL && before->claim != row->claim && before->now_ms + SOAK_TTL_MS > row->now_ms) {
            row->first_unit = before->first_unit;
            row->unit_count = before->unit_count;
            return true;
        }
        before = row;
    }
    return false;
}

typedef struct control {
    const char *name;
    bool (*falsify)(trial *t);
} control;

static const control controls[] = {
    { "a hold is lost", lost_hold },
    { "a booking is lost", lost_booking },
    { "one hold, two owners", given_twice },
    { "a hold that nobody asked for", asked_by_nobody },
    { "a cancellation that nobody asked for", cancelled_by_nobody },
    { "another end than was told", other_end_told },
    { "other seats than were asked for", other_seats_asked },
    { "the order is not that of time", order_turned },
    { "refused for nothing", refused_for_nothing },
    { "an answer out of nowhere", unexplained },
    { "a view of what never was", wrong_view },
    { "a stale view", stale_view },
    { "snapshots out of order", torn_snapshots },
    { "a seat sold twice", sold_twice },
};

static trial copy_of(const soak *s, const history *h, const feed feeds[SOAK_EVENTS])
{
    trial t = { .s = s, .h = *h };
    t.h.calls = malloc((h->calls_n + 1) * sizeof *t.h.calls);
    t.h.reads = malloc((h->reads_n + 1) * sizeof *t.h.reads);
    t.feeds = malloc(SOAK_EVENTS * sizeof *t.feeds);
    MUST(t.h.calls != NULL && t.h.reads != NULL && t.feeds != NULL);
    memcpy(t.h.calls, h->calls, h->calls_n * sizeof *h->calls);
    memcpy(t.h.reads, h->reads, h->reads_n * sizeof *h->reads);
    memcpy(t.feeds, feeds, SOAK_EVENTS * sizeof *t.feeds);
    t.feeds[0].rows = malloc((feeds[0].n + 1) * sizeof *feeds[0].rows);
    MUST(t.feeds[0].rows != NULL);
    memcpy(t.feeds[0].rows, feeds[0].rows, feeds[0].n * sizeof *feeds[0].rows);
    return t;
}

uint32_t soak_controls(const soak *s, const history *h, const feed feeds[SOAK_EVENTS])
{
    uint32_t missed = 0, tried = 0;
    for (size_t i = 0; i < sizeof controls / sizeof controls[0]; i++) {
        trial t = copy_of(s, h, feeds);
        bool falsified = controls[i].falsify(&t);
        tried += falsified;
        if (falsified && history_judge(s, &t.h, t.feeds, true) == 0) {
            fprintf(stderr, "control \"%s\": accepted\n", controls[i].name);
            missed++;
        }
        free(t.h.calls);
        free(t.h.reads);
        free(t.feeds[0].rows);
        free(t.feeds);
    }
    if (tried < TRIED_LEAST) /* a very short round has not everything that they need */
        fprintf(stderr, "only %u controls found something to falsify\n", tried);
    return tried < TRIED_LEAST ? missed + 1 : missed;
}
