/* SPDX-License-Identifier: MIT
 *
 * The catalogue's check finds each kind of broken row, and hostile bytes never crash a reader.
 */
#include "catalog_help.h"

#include "catalog/chart.h"
#include "catalog/sale.h"

static fixture f;
static uint64_t venue, performer, event, chart, user;

static void up(void)
{
    tkt_chart *c = NULL;
    tkt_event e = plain_event("ext", TEST_NOW_MS);
    tkt_user u = TKT_USER_INIT;
    tkt_created made = TKT_CREATED_INIT;
    uint32_t version = 0;
    setup(&f);
    venue = e.venue_id = new_venue(&f, "Halle", "Ulm");
    performer = new_performer(&f, "Chor");
    e.performer_ids = &performer;
    e.performer_count = 1;
    event = new_event(&f, &e);
    u.external = T("u1");
    ok(tkt_user_create(f.store, &u, NULL, 0, &made));
    user = made.id;
    ok(tkt_chart_new(&c));
    ok(tkt_chart_add_section(c, T("S")));
    ok(tkt_chart_add_row(c, T("A")));
    ok(tkt_chart_add_seat(c, T("1"), 0, 0, 0));
    chart = 0;
    ok(tkt_chart_put(f.store, venue, c, &chart, &version));
    tkt_chart_free(c);
    ok(tkt_event_set_chart(f.store, event, chart, version, 0));
    check_clean(&f);
}

static void down(void)
{
    teardown(&f);
}

TestSuite(catalog_check, .init = up, .fini = down);

/* One row written or deleted behind the catalogue's back. */
typedef struct harm {
    uint8_t table;
    uint8_t key[TKT__KEY_MAX];
    size_t n;
    const void *value; /* NULL: delete */
    size_t value_n;
} harm;

static int32_t harm_body(tkt__tx *tx, void *ctx)
{
    const harm *h = (const harm *)ctx;
    tkt__slice key = tkt__slice_of(h->key, h->n);
    return h->value == NULL ? tkt__tx_del(tx, h->table, key)
                            : tkt__tx_put(tx, h->table, key, tkt__slice_of(h->value, h->value_n));
}

static void do_harm(const harm *h)
{
    tkt__guard guards[4] = { { TKT__G_CATALOG, 0 }, { TKT__G_EVENT, event }, { TKT__G_USER, user },
                             { TKT__G_STORE, 0 } };
    ok(tkt__store_run(f.store, guards, 4, 0, harm_body, (void *)(uintptr_t)h));
}

static int32_t want_rule(void *ctx, const tkt_problem *problem)
{
    const char **rule = (const char **)ctx;
    if (*rule != NULL && problem->rule.len == strlen(*rule) &&
        memcmp(problem->rule.ptr, *rule, problem->rule.len) == 0)
        *rule = NULL;
    return 0;
}

static void finds(const char *rule)
{
    const char *left = rule;
    cr_assert(problems_of(&f, want_rule, &left) > 0, "no problem was found");
    cr_assert(left == NULL, "no problem of rule '%s'", rule);
}

static harm entity(uint8_t kind, uint64_t id)
{
    harm h = { .table = TKT__T_ENTITY, .n = 9 };
    tkt__entity_key(kind, id, h.key);
    return h;
}

static harm listed(uint8_t kind, uint64_t owner, int64_t start, uint64_t id)
{
    harm h = { .table = TKT__T_EVENT_LIST };
    h.n = tkt__list_key(kind, owner, start, id, h.key);
    return h;
}

static harm by_id(uint8_t table, uint64_t id)
{
    harm h = { .table = table, .n = 8 };
    tkt__be64(h.key, id);
    return h;
}

#define BROKEN(name, rule, make)                                                                  \
    Test(catalog_check, name)                                                                     \
    {                                                                                             \
        harm h = make;                                                                            \
        do_harm(&h);                                                                              \
        finds(rule);                                                                              \
    }

BROKEN(venue_gone, "event-ref", entity(TKT__N_VENUE, venue))
BROKEN(venue_gone_name, "name-row", entity(TKT__N_VENUE, venue))
BROKEN(venue_gone_count, "count", entity(TKT__N_VENUE, venue))
BROKEN(performer_gone, "event-ref", entity(TKT__N_PERFORMER, performer))
BROKEN(event_gone, "list-row", by_id(TKT__T_EVENT, event))
BROKEN(event_gone_sale, "sale-row", by_id(TKT__T_EVENT, event))
BROKEN(date_row_gone, "list-missing", listed(TKT__E_DATE, 0, TEST_NOW_MS, event))
BROKEN(venue_row_gone, "list-missing", listed(TKT__E_VENUE, venue, TEST_NOW_MS, event))
BROKEN(performer_row_gone, "list-missing", listed(TKT__E_PERFORMER, performer, TEST_NOW_MS, event))
BROKEN(chart_row_gone, "sale-row", listed(TKT__E_CHART, chart, TEST_NOW_MS, event))
BROKEN(sale_gone, "list-row", by_id(TKT__T_SALE, event))
BROKEN(user_gone, "name-row", by_id(TKT__T_USER, user))

static harm valued(harm h, const void *value, size_t n)
{
    h.value = value;
    h.value_n = n;
    return h;
}

BROKEN(a_row_too_many, "list-row",
       valued(listed(TKT__E_VENUE, venue, TEST_NOW_MS + 1, event), "", 0))
BROKEN(venue_garbage, "record", valued(entity(TKT__N_VENUE, venue), "\x01garbage", 8))
BROKEN(venue_never_leased, "id", valued(entity(TKT__N_VENUE, 5000), "\x01", 1))
BROKEN(event_garbage, "record", valued(by_id(TKT__T_EVENT, event), "\x01garbage", 8))
BROKEN(sale_garbage, "sale-row", valued(by_id(TKT__T_SALE, event), "\x01", 1))
BROKEN(user_garbage, "record", valued(by_id(TKT__T_USER, user), "\x09", 1))

static harm name_row(const char *name)
{
    harm h = { .table = TKT__T_NAME };
    tkt_text text = { name, strlen(name) };
    ok(tkt__performer_key(text, h.key, &h.n));
    return h;
}

BROKEN(name_gone, "name-missing", name_row("Chor"))
BROKEN(name_too_many, "name-row", valued(name_row("Orchester"), "\1\0\0\0\0\0\0\0", 8))

static harm block(uint32_t number)
{
    harm h = { .table = TKT__T_CHART, .n = TKT__CHART_KEY };
    tkt__chart_key(chart, 1, number, h.key);
    return h;
}

BROKEN(block_gone, "chart", block(1))
BROKEN(page_gone, "chart", block(TKT__PAGE_FIRST))
BROKEN(header_gone, "chart", block(0))
BROKEN(header_gone_sale, "sale-row", block(0))
BROKEN(block_garbage, "chart", valued(block(1), "\x01garbage", 8))

/* ---- hostile bytes ------------------------------------------------------------------------------- */

/* Every cut and every flipped byte of a record is either refused or stays inside the slice: each
 * value lies at the very end of its own allocation, so that the sanitizers see a step too far. */
static void decode_all(const uint8_t *bytes, size_t n)
{
    uint8_t *exact = (uint8_t *)malloc(n + 1) + 1;
    tkt__slice s = { exact, n };
    tkt_event e;
    tkt_venue v;
    tkt_performer p;
    tkt_user u;
    tkt__sale_row row;
    tkt__block b;
    tkt__block_seat seat;
    memcpy(exact, bytes, n);
    if (tkt__event_decode(s, 1, &e) == TKT_DONE)
        cr_assert((const uint8_t *)e.url.ptr + e.url.len <= exact + n);
    (void)tkt__venue_decode(s, 1, &v);
    (void)tkt__performer_decode(s, 1, &p);
    (void)tkt__user_decode(s, 1, &u);
    (void)tkt__sale_row_parse(s, 1, &row);
    if (tkt__block_parse(s, &b) == TKT_DONE)
        while (tkt__block_next(&b, &seat) == TKT_DONE)
            cr_assert(seat.label.p + seat.label.n <= exact + n);
    free(exact - 1);
}

static void torture(tkt__slice value)
{
    uint8_t copy[512];
    cr_assert(value.n > 0 && value.n <= sizeof(copy));
    for (size_t n = 0; n <= value.n; n++)
        decode_all(value.p, n);
    for (size_t i = 0; i < value.n; i++)
        for (unsigned bit = 0; bit < 256; bit++) {
            memcpy(copy, value.p, value.n);
            copy[i] = (uint8_t)bit;
            decode_all(copy, value.n);
        }
}

Test(catalog_check, hostile_bytes_stay_inside)
{
    tkt__tx *tx;
    tkt__slice value;
    harm rows[] = { by_id(TKT__T_EVENT, event), entity(TKT__N_VENUE, venue),
                    by_id(TKT__T_SALE, event), by_id(TKT__T_USER, user), block(1) };
    ok(tkt__snapshot_tx(look(&f), &tx));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ok(tkt__tx_get(tx, rows[i].table, tkt__slice_of(rows[i].key, rows[i].n), &value));
        torture(value);
    }
}
