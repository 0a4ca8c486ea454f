/* SPDX-License-Identifier: MIT
 *
 * tests/soak/judge.c: is a history that of a store which does one thing after another, and loses none?
 *
 * The feed of an event is the witness of an order, so no order has to be searched for; the time is linear. Events are
 * judged one by one, for an order of each that agrees with time is one of all; what snapshots show of several events
 * is compared by the store's stamps. It holds when
 *   1. the sequential model allows every record (model.c);
 *   2. every answer "done" has its record, with what was asked for and told, and lies after all that had been answered
 *      before it was asked, and before all that was asked after it was answered;
 *   3. every snapshot shows the model's state at its place in the feed, and lies in time likewise;
 *   4. every refusal was right at some moment between question and answer;
 *   5. every record has its call: answered once, or asked by a process that was killed for good, and then once at most.
 */
#include "soak.h"

#include <stdarg.h>

#include "store/store.h"

/* The store's time goes by the difference of two clocks that are both read in whole milliseconds (lib/store/clock.c). */
#define CLOCK_MS 1

bool soak_quiet;

void complain(const char *format, ...)
{
    va_list args;
    if (soak_quiet)
        return;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

/* What the feed has of one hold, or of one booking. */
typedef struct trace {
    uint64_t id, begun, over; /* first record; that of its end (hold: released, booking: cancelled) */
    uint64_t booked;          /* booking: confirmed, failed or owed */
    uint64_t seats;           /* hold: the first record of its seats */
    uint8_t outcome;          /* booking: the state at `booked` */
    bool has_call, over_has_call;
} trace;

typedef struct court {
    const soak_event *event;
    const feed *feed;
    trace *holds, *bookings;
    size_t holds_n, bookings_n;
    call **calls;  /* of this event, by the time they were asked */
    note **reads;  /* by their place in the feed */
    size_t calls_n, reads_n;
    uint64_t wrong;
} court;

static void fault(court *c, const call *of, const char *what)
{
    complain("event %llu: call %u (hold %u, booking %llu, answer %s, record %llu, between %llu and %llu): %s",
             (unsigned long long)c->event->id, of->asked.op, of->told.claim, (unsigned long long)of->told.booking,
             of->told.what == 0 ? "none" : tkt_status_name(of->told.status), (unsigned long long)of->at,
             (unsigned long long)of->low, (unsigned long long)of->high, what);
    c->wrong++;
}

/* ---- traces --------------------------------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
    const trace *x = a, *y = b;
    return x->id != y->id ? (x->id < y->id ? -1 : 1) : x->begun < y->begun ? -1 : 1;
}

static trace *trace_of(trace *all, size_t n, uint64_t id)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (all[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low < n && all[low].id == id ? &all[low] : NULL;
}

/* One trace a row of the kind, sorted by id; then those of one id become one. */
static trace *collect(const feed *f, uint8_t kind, size_t *n)
{
    trace *all = calloc(f->n + 1, sizeof *all);
    size_t made = 0, kept = 0;
    MUST(all != NULL);
    for (size_t i = 0; i < f->n; i++)
        if (f->rows[i].kind == kind)
            all[made++] = (trace){ .id = kind == TKT__F_CLAIM ? f->rows[i].claim : f->rows[i].booking, .begun = i + 1 };
    qsort(all, made, sizeof *all, by_id);
    for (size_t i = 0; i < made; i++)
        if (kept == 0 || all[kept - 1].id != all[i].id)
            all[kept++] = all[i];
    *n = kept;
    return all;
}

static void trace_all(court *c)
{
    const feed *f = c->feed;
    c->holds = collect(f, TKT__F_CLAIM, &c->holds_n);
    c->bookings = collect(f, TKT__F_BOOKING, &c->bookings_n);
    for (size_t i = 0; i < f->n; i++) {
        const feed_row *row = &f->rows[i];
        trace *hold = row->kind == TKT__F_CLAIM || row->kind == TKT__F_SEATS ? trace_of(c->holds, c->holds_n, row->claim) : NULL;
        trace *booking = row->kind == TKT__F_BOOKING ? trace_of(c->bookings, c->bookings_n, row->booking) : NULL;
        if (hold != NULL && row->kind == TKT__F_SEATS && hold->seats == 0)
            hold->seats = i + 1;
        if (hold != NULL && row->kind == TKT__F_CLAIM && row->state == TKT_HOLD_RELEASED)
            hold->over = i + 1;
        if (booking != NULL && row->state == TKT_BOOKING_CANCELLED)
            booking->over = i + 1;
        else if (booking != NULL && row->state != TKT_BOOKING_AWAITING && booking->booked == 0) {
            booking->booked = i + 1;
            booking->outcome = row->state;
        }
    }
}

/* ---- answers and their records ---------------------------------------------------------------------------------- */

static bool units_match(const court *c, const trace *hold, const note *asked)
{
    if (asked->unit_count == 0)
        return hold->seats == 0;
    const feed_row *row = hold->seats != 0 ? &c->feed->rows[hold->seats - 1] : NULL;
    return row != NULL && row->unit_count == asked->unit_count &&
           memcmp(c->feed->units + row->first_unit, asked->units, row->unit_count * sizeof asked->units[0]) == 0;
}

static void reserved(court *c, call *k)
{
    trace *hold = trace_of(c->holds, c->holds_n, k->told.claim);
    if (hold == NULL) {
        fault(c, k, "acknowledged, and the store knows no such hold");
        return;
    }
    k->at = hold->begun;
    if (hold->has_call)
        fault(c, k, "the hold was given out twice");
    hold->has_call = true;
    if (!units_match(c, hold, &k->asked))
        fault(c, k, "the hold has other places than were asked for");
    if (tkt__second_ms(c->feed->rows[hold->begun - 1].expires_s) != k->told.expires_ms)
        fault(c, k, "the hold ends at another time than was told");
}

static void released(court *c, call *k)
{
    trace *hold = trace_of(c->holds, c->holds_n, k->told.claim);
    k->at = hold != NULL ? hold->over : 0;
    if (k->at == 0)
        fault(c, k, "acknowledged, and the hold was not released");
    else if (hold->over_has_call)
        fault(c, k, "released twice");
    else
        hold->over_has_call = true;
}

/* One that was not made longer leaves no record: then the end that was told is an older one's. */
static void extended(court *c, call *k)
{
    trace *hold = trace_of(c->holds, c->holds_n, k->told.claim);
    bool found = false;
    for (uint64_t i = hold != NULL ? hold->begun : c->feed->n + 1; i <= c->feed->n && !found; i++) {
        const feed_row *row = &c->feed->rows[i - 1];
        found = row->kind == TKT__F_CLAIM && row->claim == k->told.claim && row->state == TKT_HOLD_ACTIVE &&
                tkt__second_ms(row->expires_s) == k->told.expires_ms;
        k->at = found && k->told.expires_ms != k->asked.expires_ms ? i : 0;
    }
    if (!found)
        fault(c, k, "acknowledged, and no record has this end");
}

static void confirmed(court *c, call *k)
{
    trace *booking = trace_of(c->bookings, c->bookings_n, k->told.booking);
    uint8_t state = k->told.status == TKT_REFUND_DUE ? TKT_BOOKING_REFUND_DUE
                    : k->told.status == TKT_DECLINED ? TKT_BOOKING_FAILED
                                                     : TKT_BOOKING_CONFIRMED;
    k->at = booking != NULL ? booking->booked : 0;
    if (k->at == 0 || booking->outcome != state) {
        fault(c, k, "the store has no such booking, or another outcome");
        return;
    }
    if (booking->has_call)
        fault(c, k, "the booking was given out twice");
    booking->has_call = true;
}

static void cancelled(court *c, call *k)
{
    trace *booking = trace_of(c->bookings, c->bookings_n, k->told.booking);
    k->at = booking != NULL ? booking->over : 0;
    if (k->at == 0)
        fault(c, k, "acknowledged, and the booking is not cancelled");
    else if (booking->over_has_call)
        fault(c, k, "cancelled twice");
    else
        booking->over_has_call = true;
}

static bool effect(const call *k)
{
    return k->told.what != 0 && (k->told.status == TKT_DONE || k->told.status == TKT_REPLAYED ||
                                 (k->asked.op == OP_CONFIRM && (k->told.status == TKT_DECLINED || k->told.status == TKT_REFUND_DUE)));
}

static void find_record(court *c, call *k)
{
    if (!effect(k))
        return;
    switch (k->asked.op) {
    case OP_RESERVE:
        reserved(c, k);
        break;
    case OP_RELEASE:
        released(c, k);
        break;
    case OP_EXTEND:
        extended(c, k);
        break;
    case OP_CONFIRM:
        confirmed(c, k);
        break;
    default:
        cancelled(c, k);
    }
}

/* ---- time ----------------------------------------------------------------------------------------------------------- */

static int by_from(const void *a, const void *b)
{
    const call *x = *(call *const *)a, *y = *(call *const *)b;
    return x->from_ns < y->from_ns ? -1 : x->from_ns > y->from_ns;
}

static int by_until(const void *a, const void *b)
{
    const call *x = *(call *const *)a, *y = *(call *const *)b;
    return x->until_ns < y->until_ns ? -1 : x->until_ns > y->until_ns;
}

/* The last record of what was answered before `from`, and the first of what was asked after `until`, for each of some
 * spans. `ended` and `begun`: calls by their ends and by their beginnings. */
typedef struct clockwork {
    call **begun, **ended;
    size_t n;
    uint64_t *last, *first; /* of the first i of `ended`: the largest; of `begun` from i on: the smallest */
} clockwork;

static clockwork clockwork_of(call **calls, size_t n)
{
    clockwork w = { calls, calloc(n + 1, sizeof(call *)), n, calloc(n + 1, sizeof(uint64_t)), calloc(n + 1, sizeof(uint64_t)) };
    MUST(w.ended != NULL && w.last != NULL && w.first != NULL);
    qsort(calls, n, sizeof *calls, by_from);
    memcpy(w.ended, calls, n * sizeof *calls);
    qsort(w.ended, n, sizeof *w.ended, by_until);
    for (size_t i = 0; i < n; i++)
        w.last[i + 1] = w.ended[i]->until_ns != SOAK_NEVER && w.ended[i]->at > w.last[i] ? w.ended[i]->at : w.last[i];
    w.first[n] = UINT64_MAX;
    for (size_t i = n; i > 0; i--)
        w.first[i - 1] = w.begun[i - 1]->at != 0 && w.begun[i - 1]->at < w.first[i] ? w.begun[i - 1]->at : w.first[i];
    return w;
}

static void clockwork_free(clockwork *w)
{
    free(w->ended);
    free(w->last);
    free(w->first);
}

static uint64_t low_of(const clockwork *w, int64_t from_ns)
{
    size_t low = 0, high = w->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (w->ended[mid]->until_ns < from_ns)
            low = mid + 1;
        else
            high = mid;
    }
    return w->last[low];
}

static uint64_t high_of(const clockwork *w, int64_t until_ns)
{
    size_t low = 0, high = w->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (w->begun[mid]->from_ns > until_ns)
            high = mid;
        else
            low = mid + 1;
    }
    return w->first[low];
}

static void in_time(court *c)
{
    clockwork w = clockwork_of(c->calls, c->calls_n);
    for (size_t i = 0; i < c->calls_n; i++) {
        call *k = c->calls[i];
        k->low = low_of(&w, k->from_ns);
        k->high = k->until_ns == SOAK_NEVER ? UINT64_MAX : high_of(&w, k->until_ns);
        if (k->at != 0 && (k->at <= k->low || k->at >= k->high))
            fault(c, k, "its record lies before what was done earlier, or after what was begun later");
    }
    for (size_t i = 0; i < c->reads_n; i++) {
        const note *r = c->reads[i];
        if (r->seq >= low_of(&w, r->at_ns) && r->seq < high_of(&w, r->until_ns))
            continue;
        complain("event %llu: a snapshot of record %llu misses what was done before, or shows what came later",
                 (unsigned long long)r->event, (unsigned long long)r->seq);
        c->wrong++;
    }
    clockwork_free(&w);
}

/* ---- along the feed --------------------------------------------------------------------------------------------------- */

static bool is_sold(const call *k)
{
    return k->asked.op == OP_RESERVE && k->told.what != 0 && (k->told.status == TKT_ALL_HELD || k->told.status == TKT_SOLD_OUT);
}

static int by_low(const void *a, const void *b)
{
    const call *x = *(call *const *)a, *y = *(call *const *)b;
    return x->low < y->low ? -1 : x->low > y->low;
}

static int by_seq(const void *a, const void *b)
{
    const note *x = *(note *const *)a, *y = *(note *const *)b;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* Those refusals that are open at this state; what is justified, or over, goes. */
static size_t hear(court *c, const model *m, call **open, size_t n, uint64_t seq)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (model_taken(m, &open[i]->asked, open[i]->asked.wall_ms))
            continue;
        if (seq + 1 >= open[i]->high || seq == c->feed->n)
            fault(c, open[i], "refused, and all of it was to be had all the while");
        else
            open[kept++] = open[i];
    }
    return kept;
}

static void walk(court *c)
{
    call **refused = calloc(c->calls_n + 1, sizeof *refused), **open = calloc(c->calls_n + 1, sizeof *open);
    size_t refused_n = 0, at = 0, open_n = 0, read = 0;
    model *m = model_new(c->event);
    MUST(refused != NULL && open != NULL);
    for (size_t i = 0; i < c->calls_n; i++)
        if (is_sold(c->calls[i]))
            refused[refused_n++] = c->calls[i];
    qsort(refused, refused_n, sizeof *refused, by_low);
    for (uint64_t seq = 0; seq <= c->feed->n; seq++) {
        if (seq > 0)
            model_step(m, c->feed, seq, &c->wrong);
        for (; at < refused_n && refused[at]->low <= seq; at++)
            open[open_n++] = refused[at];
        open_n = hear(c, m, open, open_n, seq);
        for (; read < c->reads_n && c->reads[read]->seq == seq; read++)
            if (model_hash(m, c->reads[read]->now_ms) != c->reads[read]->hash) {
                complain("event %llu: a snapshot of record %llu shows something else than was sold until then",
                         (unsigned long long)c->event->id, (unsigned long long)seq);
                c->wrong++;
            }
    }
    c->wrong += c->reads_n - read; /* beyond the feed's end */
    for (size_t i = 0; i < c->calls_n; i++)
        if (c->calls[i]->asked.op == OP_RESERVE && effect(c->calls[i]) &&
            model_quantity(m, c->calls[i]->told.claim) != c->calls[i]->asked.quantity)
            fault(c, c->calls[i], "the hold has another number of places than was asked for");
    model_free(m);
    free(refused);
    free(open);
}

/* ---- refusals and what was never answered --------------------------------------------------------------------------------- */

static void refusal(court *c, const call *k)
{
    bool full = tkt_status_primary(k->told.status) == TKT_E_FULL;
    bool on_hold = k->asked.op == OP_RELEASE || k->asked.op == OP_EXTEND || k->asked.op == OP_CONFIRM;
    if (k->told.what == 0 || effect(k) || is_sold(k) || full)
        return;
    if (k->told.status != TKT_EXPIRED || !on_hold)
        fault(c, k, "an answer that nothing explains");
    else if (k->asked.expires_ms > k->told.wall_ms + CLOCK_MS)
        fault(c, k, "called over before its time");
}

/* A record whose call nobody answered needs one that was asked, and each serves once. */
static void traces_have_calls(court *c)
{
    uint64_t confirms = 0, unknown_bookings = 0;
    for (size_t i = 0; i < c->calls_n; i++) {
        call *k = c->calls[i];
        if (k->told.what != 0)
            continue;
        confirms += k->asked.op == OP_CONFIRM;
        trace *cancelled = k->asked.op == OP_CANCEL ? trace_of(c->bookings, c->bookings_n, k->asked.booking) : NULL;
        if (cancelled != NULL && cancelled->over != 0)
            cancelled->over_has_call = true;
        for (size_t h = 0; h < c->holds_n && !k->matched; h++) {
            trace *t = &c->holds[h];
            bool reserve = k->asked.op == OP_RESERVE && !t->has_call && units_match(c, t, &k->asked);
            bool release = k->asked.op == OP_RELEASE && t->over != 0 && !t->over_has_call && t->id == k->asked.claim;
            t->has_call = t->has_call || reserve;
            t->over_has_call = t->over_has_call || release;
            k->matched = reserve || release;
        }
    }
    for (size_t h = 0; h < c->holds_n; h++)
        if (!c->holds[h].has_call || (c->holds[h].over != 0 && !c->holds[h].over_has_call)) {
            complain("event %llu: hold %llu was made or released by nobody", (unsigned long long)c->event->id,
                     (unsigned long long)c->holds[h].id);
            c->wrong++;
        }
    for (size_t b = 0; b < c->bookings_n; b++) {
        unknown_bookings += !c->bookings[b].has_call;
        if (c->bookings[b].over != 0 && !c->bookings[b].over_has_call) {
            complain("event %llu: booking %llu was cancelled by nobody", (unsigned long long)c->event->id,
                     (unsigned long long)c->bookings[b].id);
            c->wrong++;
        }
    }
    if (unknown_bookings > confirms) {
        complain("event %llu: %llu bookings that nobody asked for", (unsigned long long)c->event->id,
                 (unsigned long long)(unknown_bookings - confirms));
        c->wrong++;
    }
}

/* ---- the whole ---------------------------------------------------------------------------------------------------------------- */

static void judge_event(court *c)
{
    trace_all(c);
    for (size_t i = 0; i < c->calls_n; i++) {
        c->calls[i]->at = c->calls[i]->low = 0;
        c->calls[i]->high = UINT64_MAX;
        c->calls[i]->matched = false;
        find_record(c, c->calls[i]);
    }
    qsort(c->reads, c->reads_n, sizeof *c->reads, by_seq);
    in_time(c);
    walk(c);
    for (size_t i = 0; i < c->calls_n; i++)
        refusal(c, c->calls[i]);
    traces_have_calls(c);
    free(c->holds);
    free(c->bookings);
}

static int by_stamp(const void *a, const void *b)
{
    const note *x = a, *y = b;
    return x->stamp != y->stamp ? (x->stamp < y->stamp ? -1 : 1) : x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* Snapshots of a later commit show of no event less, those of the same commit the same. */
static uint64_t snapshots_agree(const soak *s, history *h)
{
    uint64_t wrong = 0;
    qsort(h->reads, h->reads_n, sizeof *h->reads, by_stamp);
    for (uint32_t e = 0; e < SOAK_EVENTS; e++) {
        const note *before = NULL;
        for (size_t i = 0; i < h->reads_n; i++) {
            const note *r = &h->reads[i];
            if (r->event != s->shared->events[e].id || r->stamp == 0)
                continue;
            bool fine = before == NULL || (r->stamp == before->stamp ? r->seq == before->seq : r->seq >= before->seq);
            wrong += !fine;
            if (!fine)
                complain("event %llu: the snapshot of commit %llu shows record %llu, that of %llu record %llu",
                         (unsigned long long)r->event, (unsigned long long)r->stamp, (unsigned long long)r->seq,
                         (unsigned long long)before->stamp, (unsigned long long)before->seq);
            before = r;
        }
    }
    return wrong;
}

uint64_t history_judge(const soak *s, history *h, const feed feeds[SOAK_EVENTS], bool quiet)
{
    soak_quiet = quiet;
    uint64_t wrong = snapshots_agree(s, h);
    for (uint32_t e = 0; e < SOAK_EVENTS; e++) {
        court c = { .event = &s->shared->events[e], .feed = &feeds[e] };
        c.calls = calloc(h->calls_n + 1, sizeof *c.calls);
        c.reads = calloc(h->reads_n + 1, sizeof *c.reads);
        MUST(c.calls != NULL && c.reads != NULL);
        for (size_t i = 0; i < h->calls_n; i++)
            if (h->calls[i].asked.event == c.event->id)
                c.calls[c.calls_n++] = &h->calls[i];
        for (size_t i = 0; i < h->reads_n; i++)
            if (h->reads[i].event == c.event->id)
                c.reads[c.reads_n++] = &h->reads[i];
        judge_event(&c);
        wrong += c.wrong;
        free(c.calls);
        free(c.reads);
    }
    soak_quiet = false;
    return wrong;
}
