/* SPDX-License-Identifier: MIT
 *
 * tests/sim/simulation.c: two processes sell one event over the hostile engine, seed by seed: reserve,
 * replace, release, extend, confirm, cancel, refund, each also again under its key, with the provider's
 * news early, late, twice and never, while commits conflict, vanish, land late and time jumps on.
 *
 *   simulation [FIRST_SEED [SEEDS]]
 *   SEEDS: 1,000, or 10,000 with TKT_TEST_FULL=1; a tenth of it under a sanitizer.
 *
 * A failure tells the seed; that seed fails again in the same way. judge.h has the invariants.
 */
#include "judge.h"

#define STEPS 120
#define SANITIZER_SHARE 10

static book b; /* of the run under way */
static uint64_t total_replays, total_answers[CALL_OPS][3];

static void step(world *w, uint32_t store);

/* ---- the provider ------------------------------------------------------------------------------------------ */

static int32_t on_money(world *w, account *a)
{
    switch (world_draw(w, 20)) {
    case 0: /* the order never came */
        w->account_n--;
        return TKT_PAY_ERROR;
    case 1: /* done, and the answer was lost */
    case 2:
        world_decide(w, a, true);
        return TKT_PAY_ERROR;
    case 3:
        world_decide(w, a, true);
        return 4711;
    case 4:
    case 5:
        world_decide(w, a, false);
        return a->fate;
    case 6:
    case 7:
    case 8:
        return TKT_PAY_PENDING;
    case 9: /* slower than any deadline */
        world_pass(w, (int64_t)world_draw(w, 2000000));
        world_decide(w, a, true);
        return a->fate;
    default:
        world_decide(w, a, true);
        return a->fate;
    }
}

static int32_t on_status(world *w, account *a)
{
    if (world_draw(w, 8) == 0)
        return TKT_PAY_ERROR;
    if (world_draw(w, 3) == 0)
        world_decide(w, a, world_draw(w, 4) != 0);
    return a->fate;
}

static void bring_news(world *w, uint32_t store)
{
    if (w->account_n == 0)
        return;
    account *a = &w->accounts[world_draw(w, w->account_n)];
    if (a->refund_number != 0)
        return;
    if (world_draw(w, 2) == 0)
        world_decide(w, a, world_draw(w, 4) != 0);
    if (world_draw(w, 12) == 0)
        world_charge_back(a);
    if (a->fate == TKT_PAY_PENDING)
        return;
    uint32_t news = a->fate == TKT_PAY_DECLINED ? TKT_NEWS_DECLINED
                    : a->charged_back           ? TKT_NEWS_REFUNDED
                                                : TKT_NEWS_APPROVED;
    int32_t status = tkt_resolve_payment(w->stores[store], a->intent_id, news, NULL);
    MUST(status != TKT_NOT_FOUND && tkt_status_primary(status) != TKT_E_INVALID);
}

/* ---- calls ---------------------------------------------------------------------------------------------------- */

static call *new_call(world *w, call_op op)
{
    if (b.n == CALLS_MAX)
        return NULL;
    call *c = &b.calls[b.n++];
    uint8_t key[TKT_KEY_BYTES] = { 5, (uint8_t)b.n, (uint8_t)(b.n >> 8) };
    memset(c, 0, sizeof *c);
    (void)w;
    c->op = op;
    tkt_reserve_request_init(&c->reserve);
    tkt_hold_request_init(&c->hold);
    tkt_confirm_request_init(&c->confirm);
    tkt_booking_request_init(&c->booking);
    memcpy(c->reserve.key, key, sizeof key);
    memcpy(c->hold.key, key, sizeof key);
    memcpy(c->confirm.key, key, sizeof key);
    memcpy(c->booking.key, key, sizeof key);
    return c;
}

/* A call of before that has given a hold, or a booking; NULL when chance finds none. */
static const call *find(world *w, bool booking)
{
    for (int tries = 0; tries < 8 && b.n != 0; tries++) {
        const call *c = &b.calls[world_draw(w, b.n)];
        if (booking ? c->op == CONFIRM && c->booked.id != 0 : (c->op == RESERVE || c->op == REPLACE) && c->effect)
            return c;
    }
    return NULL;
}

static void want_places(world *w, call *c)
{
    static const int64_t lives[] = { 0, 4000, 60000, 700000 };
    uint32_t n = (uint32_t)world_draw(w, UNITS_MOST + 1);
    uint32_t first = (uint32_t)world_draw(w, SEATS);
    c->reserve.event_id = w->event_id;
    for (uint32_t i = 0; i < n; i++)
        c->units[i] = w->units[(first + i * 5) % SEATS];
    c->reserve.units = c->units;
    c->reserve.unit_count = n;
    if (n == 0 || world_draw(w, 4) == 0) {
        c->reserve.area_id = w->area_id;
        c->reserve.quantity = 1 + (uint32_t)world_draw(w, 4);
    }
    c->reserve.ttl_ms = lives[world_draw(w, 4)];
    c->reserve.hard_cap_ms = world_draw(w, 4) == 0 ? 800000 : 0;
    c->reserve.buyer_key[0] = (uint8_t)(1 + world_draw(w, 3));
}

static void make_new(world *w, uint32_t store)
{
    static const call_op ops[] = { RESERVE, RESERVE, RESERVE, REPLACE, RELEASE, EXTEND, CONFIRM, CONFIRM, CONFIRM, CONFIRM, CANCEL, REFUND };
    call_op op = ops[world_draw(w, sizeof ops / sizeof ops[0])];
    const call *of = op == RESERVE ? NULL : find(w, op >= CANCEL);
    if (op != RESERVE && of == NULL)
        return;
    uint8_t token[TKT_TOKEN_BYTES] = { 0 };
    uint64_t booking_id = 0;
    if (of != NULL) {
        memcpy(token, of->held.token, sizeof token);
        booking_id = of->booked.id;
    }
    call *c = new_call(w, op);
    if (c == NULL)
        return;
    if (op == RESERVE || op == REPLACE)
        want_places(w, c);
    memcpy(c->hold.token, token, sizeof token);
    memcpy(c->confirm.token, token, sizeof token);
    c->hold.ttl_ms = (int64_t)world_draw(w, 3) * 400000;
    c->confirm.flags = world_draw(w, 5) == 0 ? TKT_MONEY_TAKEN : 0;
    c->booking.booking_id = booking_id;
    judge_call(w, &b, c, store);
}

static void make_again(world *w, uint32_t store)
{
    if (b.n != 0)
        judge_call(w, &b, &b.calls[world_draw(w, b.n)], store);
}

/* The same key with another request. */
static void reuse_key(world *w, uint32_t store)
{
    const call *c = find(w, false);
    if (c == NULL || c->op != RESERVE)
        return;
    tkt_reserve_request other = c->reserve;
    tkt_hold hold;
    tkt_hold_init(&hold);
    other.ttl_ms += 1000;
    int32_t status = tkt_reserve(w->stores[store], &other, &hold);
    MUST(status == TKT_KEY_REUSED || status < 0);
}

static void dry_run(world *w, uint32_t store)
{
    call c;
    memset(&c, 0, sizeof c);
    tkt_reserve_request_init(&c.reserve);
    want_places(w, &c);
    c.reserve.flags = TKT_DRY_RUN;
    c.reserve.key[0] = 77;
    tkt_hold hold;
    tkt_hold_init(&hold);
    (void)tkt_reserve(w->stores[store], &c.reserve, &hold);
}

static void host_changes_sale(world *w, uint32_t store)
{
    static const uint32_t states[] = { TKT_EVENT_POSTPONED, TKT_EVENT_CANCELLED };
    uint32_t area;
    switch (world_draw(w, 6)) {
    case 0:
        (void)tkt_event_set_status(w->stores[store], w->event_id, states[world_draw(w, 8) == 0], 0);
        break;
    case 1:
    case 2:
        (void)tkt_event_set_status(w->stores[store], w->event_id, TKT_EVENT_SCHEDULED, 0);
        break;
    case 3:
        (void)tkt_event_set_area(w->stores[store], w->event_id, (tkt_text){ "Floor", 5 }, 4 + (uint32_t)world_draw(w, 16), 0, &area);
        break;
    default:
        (void)tkt_event_set_price(w->stores[store], w->event_id, TKT_SCOPE_EVENT, 0, PRICE + (int64_t)world_draw(w, 3) * 100, "EUR", 0);
    }
}

static void step(world *w, uint32_t store)
{
    uint64_t dice = world_draw(w, 100);
    if (dice < 50)
        make_new(w, store);
    else if (dice < 66)
        make_again(w, store);
    else if (dice < 78)
        bring_news(w, store);
    else if (dice < 80)
        reuse_key(w, store);
    else if (dice < 82)
        dry_run(w, store);
    else if (dice < 84)
        host_changes_sale(w, store);
    else if (dice < 87)
        (void)tkt_recover(w->stores[store], NULL, NULL);
    else if (dice < 90)
        (void)tkt_tick(w->stores[store], 4, NULL);
    else
        world_pass(w, (int64_t)world_draw(w, world_draw(w, 4) == 0 ? 900000 : 20000));
}

static void on_rival(world *w)
{
    step(w, 1);
}

/* ---- the end ------------------------------------------------------------------------------------------------------ */

/* Every answer that was lost is asked for again, until nothing is open. */
static void settle(world *w)
{
    uint64_t doubt = 1;
    hostile_calm(w->db, true);
    hostile_land(w->db);
    w->on_status = NULL; /* the truth from now on */
    for (uint32_t i = 0; i < b.n; i++)
        if (b.calls[i].unknown)
            MUST(judge_call(w, &b, &b.calls[i], i % 2) >= 0);
    for (uint32_t i = 0; i < w->account_n; i++)
        world_decide(w, &w->accounts[i], i % 3 != 0);
    MUST(tkt_recover(w->stores[0], NULL, &doubt) == TKT_DONE && doubt == 0);
    for (uint32_t i = 0; i < w->account_n; i++)
        if (w->accounts[i].charged_back)
            MUST(tkt_resolve_payment(w->stores[0], w->accounts[i].intent_id, TKT_NEWS_REFUNDED, NULL) == TKT_DONE);
}

/* Money that bought nothing goes back; then nothing is held. */
static void refund_all(world *w)
{
    uint64_t ids[64];
    uint32_t n = 0;
    tkt_snapshot *snap;
    w->on_money = NULL;
    MUST(tkt_snapshot_begin(w->stores[0], &snap) == TKT_DONE);
    MUST(tkt_money_list(snap, TKT_MONEY_HELD, 0, ids, 64, &n) == TKT_DONE && n < 64);
    for (uint32_t i = 0; i < n; i++) {
        tkt_intent intent;
        tkt_booking_request r;
        tkt_intent_init(&intent);
        tkt_booking_request_init(&r);
        MUST(tkt_intent_view(snap, ids[i], &intent) == TKT_DONE);
        r.booking_id = intent.booking_id;
        r.key[0] = 9;
        r.key[1] = (uint8_t)(i + 1);
        MUST(tkt_refund(w->stores[0], &r, NULL) == TKT_DONE);
    }
    MUST(tkt_snapshot_renew(snap) == TKT_DONE);
    MUST(tkt_money_list(snap, TKT_MONEY_HELD, 0, ids, 64, &n) == TKT_DONE && n == 0);
    tkt_snapshot_end(snap);
}

/* All time is over: every hold is. */
static void expire_all(world *w)
{
    tkt_snapshot *snap;
    tkt_counts counts = TKT_COUNTS_INIT;
    world_pass(w, INT64_C(86400000));
    MUST(tkt_tick(w->stores[1], 1000, NULL) == TKT_DONE);
    judge_state(w, &b);
    MUST(tkt_snapshot_begin(w->stores[0], &snap) == TKT_DONE);
    MUST(tkt_counts_view(snap, w->event_id, &counts) == TKT_DONE && counts.reserved == 0);
    tkt_snapshot_end(snap);
}

static void run(uint64_t seed, hostile_counts *sum)
{
    const hostile_options faults = {
        .conflict = 20, .busy = 8, .away = 8, .unknown_done = 15, .unknown_lost = 10, .unknown_late = 15, .read_fails = 1,
        .delay = 100, .delay_most_ms = 3000, .rival = 120, .caps = { 16384, 8u << 20, seed % 2 == 0 },
    };
    static world w;
    world_open(&w, "simulation", seed, &faults);
    memset(&b, 0, sizeof b);
    w.on_money = on_money;
    w.on_status = on_status;
    w.on_rival = on_rival;
    if (seed % 3 == 0) {
        hostile_calm(w.db, true);
        b.per_buyer = 6;
        MUST(tkt_event_set_limit(w.stores[0], w.event_id, b.per_buyer, 0) == TKT_DONE);
        hostile_calm(w.db, false);
    }
    for (uint32_t i = 1; i <= STEPS; i++) {
        step(&w, 0);
        if (i % 8 == 0)
            judge_state(&w, &b);
    }
    w.on_rival = NULL;
    settle(&w); /* calm from here on */
    judge_state(&w, &b);
    world_check(&w);
    judge_money(&w);
    refund_all(&w);
    judge_money(&w);
    expire_all(&w);
    world_check(&w);
    const hostile_counts n = hostile_count(w.db);
    const uint64_t *from = (const uint64_t *)&n;
    for (size_t i = 0; i < sizeof n / sizeof *from; i++)
        ((uint64_t *)sum)[i] += from[i];
    for (int op = 0; op < CALL_OPS; op++)
        for (int kind = 0; kind < 3; kind++)
            total_answers[op][kind] += b.answered[op][kind];
    total_replays += b.replays;
    world_close(&w);
}

int main(int argc, char **argv)
{
    static const char *const names[CALL_OPS] = { "reserve", "replace", "release", "extend", "confirm", "cancel", "refund" };
    const char *full = getenv("TKT_TEST_FULL"), *sanitize = getenv("TKT_TEST_SANITIZE");
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    uint64_t seeds = argc > 2 ? strtoull(argv[2], NULL, 10) : argc > 1 ? 1 : full != NULL ? 10000 : 1000;
    hostile_counts n = { 0 };
    if (sanitize != NULL && strcmp(sanitize, "none") != 0 && argc < 2)
        seeds /= SANITIZER_SHARE;
    for (uint64_t seed = first; seed < first + seeds; seed++)
        run(seed, &n);
    printf("%llu seeds, %llu commits; conflicts %llu + %llu, busy or away %llu, unknown %llu there, %llu lost, %llu late "
           "(%llu landed), %llu rivals, %llu replays\n",
           (unsigned long long)seeds, (unsigned long long)n.commits, (unsigned long long)n.conflicts_made,
           (unsigned long long)n.conflicts_true, (unsigned long long)(n.busy + n.away), (unsigned long long)n.unknown_done,
           (unsigned long long)n.unknown_lost, (unsigned long long)n.unknown_late, (unsigned long long)n.landed_late,
           (unsigned long long)n.rivals, (unsigned long long)total_replays);
    for (int op = 0; op < CALL_OPS; op++) {
        printf("  %-8s %8llu done, %8llu refused, %6llu failed\n", names[op], (unsigned long long)total_answers[op][0],
               (unsigned long long)total_answers[op][1], (unsigned long long)total_answers[op][2]);
        MUST(seeds < 100 || total_answers[op][0] > 0); /* each kind of call did succeed somewhere */
    }
    return 0;
}
