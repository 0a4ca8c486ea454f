/* SPDX-License-Identifier: MIT
 *
 * tests/sim/world.c: the stores, the clock, the provider and the event of world.h.
 */
#include "world.h"

#include "store/store.h"

static world *running; /* for the message of a failure */

void world_failed(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: %s\n  last error: %s\n", file, line, what, tkt_error_text());
    if (running != NULL)
        fprintf(stderr, "  in %s, seed %llu, at %+lld ms\n", running->name, (unsigned long long)running->seed,
                (long long)(running->now_ms - START_MS));
    abort();
}

/* ---- clock and chance --------------------------------------------------------------------------------- */

static uint64_t next_random(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

uint64_t world_draw(world *w, uint64_t below)
{
    return next_random(&w->random) % below;
}

void world_pass(world *w, int64_t ms)
{
    w->now_ms += ms;
    w->monotonic_ms += ms;
}

static int64_t wall(void *user)
{
    return ((world *)user)->now_ms;
}

static int64_t monotonic(void *user)
{
    return ((world *)user)->monotonic_ms;
}

static int32_t fill_random(void *user, uint8_t *bytes, size_t n)
{
    world *w = user;
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(next_random(&w->random) >> 32);
    return TKT_DONE;
}

static void delay(void *user, int64_t ms)
{
    world_pass(user, ms);
}

static void rival(void *user)
{
    world *w = user;
    if (w->on_rival != NULL)
        w->on_rival(w);
}

/* ---- the provider ----------------------------------------------------------------------------------------- */

account *world_account(world *w, const uint8_t key[TKT_KEY_BYTES])
{
    for (uint32_t i = 0; i < w->account_n; i++)
        if (memcmp(w->accounts[i].key, key, TKT_KEY_BYTES) == 0)
            return &w->accounts[i];
    return NULL;
}

account *world_charge_of(world *w, uint64_t intent_id)
{
    for (uint32_t i = 0; i < w->account_n; i++)
        if (w->accounts[i].intent_id == intent_id && w->accounts[i].refund_number == 0)
            return &w->accounts[i];
    return NULL;
}

/* Money that a refund may still give back: of a charge, or taken by other means. */
static bool covered(world *w, const account *refund)
{
    const account *charge = world_charge_of(w, refund->intent_id);
    return charge == NULL || (charge->fate == TKT_PAY_APPROVED &&
                              charge->given_back + refund->amount_minor <= charge->amount_minor);
}

void world_decide(world *w, account *a, bool approve)
{
    if (a->fate != TKT_PAY_PENDING)
        return;
    a->fate = approve && (a->refund_number == 0 || covered(w, a)) ? TKT_PAY_APPROVED : TKT_PAY_DECLINED;
    account *charge = world_charge_of(w, a->intent_id);
    if (a->refund_number != 0 && a->fate == TKT_PAY_APPROVED && charge != NULL)
        charge->given_back += a->amount_minor;
}

bool world_charge_back(account *charge)
{
    if (charge->fate != TKT_PAY_APPROVED || charge->given_back != 0)
        return false;
    charge->given_back = charge->amount_minor;
    return charge->charged_back = true;
}

static int32_t money(world *w, const tkt_charge *c)
{
    MUST(world_account(w, c->provider_key) == NULL); /* nothing is ever ordered twice */
    MUST(w->account_n < ACCOUNTS_MAX);
    account *a = &w->accounts[w->account_n++];
    *a = (account){ .intent_id = c->intent_id, .refund_number = c->refund_number, .fate = TKT_PAY_PENDING,
                    .amount_minor = c->amount_minor };
    memcpy(a->key, c->provider_key, TKT_KEY_BYTES);
    MUST(strcmp(c->currency, "EUR") == 0 && c->amount_minor > 0 && c->event_id == w->event_id);
    if (w->on_money != NULL)
        return w->on_money(w, a);
    world_decide(w, a, true);
    return a->fate;
}

static int32_t charge(void *user, const tkt_charge *c)
{
    ((world *)user)->charges++;
    return money(user, c);
}

static int32_t give_back(void *user, const tkt_charge *c)
{
    ((world *)user)->refunds++;
    return money(user, c);
}

static int32_t status(void *user, const tkt_charge *c)
{
    world *w = user;
    account *a = world_account(w, c->provider_key);
    MUST(a == NULL || (a->intent_id == c->intent_id && a->refund_number == c->refund_number));
    if (a == NULL)
        return TKT_PAY_UNKNOWN;
    return w->on_status != NULL ? w->on_status(w, a) : a->fate;
}

/* ---- the stores and the event ------------------------------------------------------------------------------ */

static tkt_text text(const char *s)
{
    return (tkt_text){ s, strlen(s) };
}

static void open_store(world *w, int which)
{
    tkt_options *options;
    tkt_hooks hooks = TKT_HOOKS_INIT;
    tkt_payment table = TKT_PAYMENT_INIT;
    hooks.user = w;
    hooks.wall_ms = wall;
    hooks.monotonic_ms = monotonic;
    hooks.random = fill_random;
    MUST(tkt_options_new(&options) == TKT_DONE && tkt_options_set_hooks(options, &hooks) == TKT_DONE);
    MUST(tkt_options_set_snapshot_limit_ms(options, INT64_C(86400000)) == TKT_DONE);
    if (which == 0) {
        tkt__first_rows first;
        tkt_hooks resolved;
        MUST(tkt__hooks_resolve(&hooks, &resolved) == TKT_DONE && tkt__store_first_rows(&resolved, false, &first) == TKT_DONE);
        hostile_put(w->db, first.rows, first.count);
    }
    MUST(tkt__store_open_engine(&hostile_ops, hostile_attach(w->db), which == 0, options, &w->stores[which]) == TKT_DONE);
    tkt_options_free(options);
    table.user = w;
    table.charge = charge;
    table.status = status;
    table.refund = give_back;
    MUST(tkt_store_set_payment(w->stores[which], &table) == TKT_DONE);
}

static void put_hall(world *w)
{
    tkt_store *store = w->stores[0];
    tkt_chart *chart;
    tkt_snapshot *snap;
    tkt_plan *plan;
    uint64_t chart_id = 0;
    uint32_t version;
    char label[8];
    MUST(tkt_chart_new(&chart) == TKT_DONE && tkt_chart_add_section(chart, text("Hall")) == TKT_DONE);
    MUST(tkt_chart_add_row(chart, text("1")) == TKT_DONE);
    for (uint32_t i = 0; i < SEATS; i++) {
        snprintf(label, sizeof label, "%u", i + 1);
        MUST(tkt_chart_add_seat(chart, text(label), (int32_t)i * 500, 0, 0) == TKT_DONE);
    }
    MUST(tkt_chart_put(store, 0, chart, &chart_id, &version) == TKT_DONE);
    MUST(tkt_event_set_chart(store, w->event_id, chart_id, version, 0) == TKT_DONE);
    tkt_chart_free(chart);
    MUST(tkt_snapshot_begin(store, &snap) == TKT_DONE && tkt_plan_load(snap, w->event_id, &plan) == TKT_DONE);
    for (uint32_t i = 0; i < SEATS; i++) {
        tkt_seat seat = { .size = sizeof seat };
        MUST(tkt_plan_seat(plan, i, &seat) == TKT_DONE);
        w->units[i] = seat.unit;
    }
    tkt_plan_free(plan);
    tkt_snapshot_end(snap);
}

static void put_event(world *w)
{
    tkt_event event;
    tkt_created made = TKT_CREATED_INIT;
    tkt_event_init(&event);
    event.name = text("A small evening");
    event.start_ms = START_MS + INT64_C(86400000) * 30;
    MUST(tkt_event_create(w->stores[0], &event, NULL, 0, &made) == TKT_DONE);
    w->event_id = made.id;
    put_hall(w);
    MUST(tkt_event_set_area(w->stores[0], w->event_id, text("Floor"), PLACES, 0, &w->area_id) == TKT_DONE);
    MUST(tkt_event_set_price(w->stores[0], w->event_id, TKT_SCOPE_EVENT, 0, PRICE, "EUR", 0) == TKT_DONE);
}

void world_open(world *w, const char *name, uint64_t seed, const hostile_options *faults)
{
    hostile_options o = faults != NULL ? *faults : (hostile_options){ 0 };
    memset(w, 0, sizeof *w);
    w->name = name;
    w->seed = seed;
    w->random = seed * 2 + 1;
    w->now_ms = START_MS;
    w->monotonic_ms = 1000000;
    running = w;
    o.seed = seed;
    o.schema = &tkt__store_schema;
    o.on_delay = delay;
    o.on_rival = rival;
    o.user = w;
    w->db = hostile_new(&o);
    hostile_calm(w->db, true);
    open_store(w, 0);
    open_store(w, 1);
    put_event(w);
    hostile_calm(w->db, false);
}

void world_close(world *w)
{
    hostile_calm(w->db, true);
    tkt_store_close(w->stores[0]);
    tkt_store_close(w->stores[1]);
    hostile_free(w->db);
    running = NULL;
}

static int32_t tell(void *user, const tkt_problem *problem)
{
    (void)user;
    fprintf(stderr, "  %.*s: %.*s\n", (int)problem->rule.len, problem->rule.ptr, (int)problem->text.len,
            problem->text.ptr);
    return 0;
}

void world_check(world *w)
{
    uint64_t problems = 0;
    MUST(tkt_check(w->stores[0], tell, NULL, &problems) == TKT_DONE);
    MUST(problems == 0);
}
