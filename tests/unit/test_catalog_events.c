/* SPDX-License-Identifier: MIT
 *
 * Events: records, status, lists with windows and cursors against a naive model, sale facts.
 */
#include "catalog_help.h"

static fixture f;

static void up(void)
{
    setup(&f);
}

static void down(void)
{
    teardown(&f);
}

TestSuite(catalog_events, .init = up, .fini = down);

#define HOUR_MS INT64_C(3600000)
#define DAY_MS  (24 * HOUR_MS)
#define Y1842   INT64_C(-4024339200000) /* 1842-06-23T00:00Z */

Test(catalog_events, whole_life)
{
    tkt_event in = plain_event("nyp:1", Y1842), out;
    uint64_t performers[3] = { new_performer(&f, "A"), new_performer(&f, "B"), 0 };
    uint64_t id, found = 0, performer = 0, seq = 99;
    performers[2] = performers[0]; /* conductor and soloist */
    tkt_event_init(&out);
    in.venue_id = new_venue(&f, "Apollo Rooms", "Manhattan");
    in.performer_ids = performers;
    in.performer_count = 3;
    in.start_offset_min = -296;
    in.flags = TKT_EVENT_HAS_END | TKT_EVENT_HAS_PRICE;
    in.end_ms = Y1842 + HOUR_MS;
    in.end_offset_min = -296;
    in.price_minor = 150;
    memcpy(in.currency, "USD", 4);
    in.description = T("The first");
    in.type = T("MusicEvent");
    id = new_event(&f, &in);
    ok(tkt_event_view(look(&f), id, &out));
    cr_assert(out.id == id && out.status == TKT_EVENT_SCHEDULED && out.start_ms == Y1842);
    cr_assert(out.start_offset_min == -296 && out.end_ms == Y1842 + HOUR_MS);
    cr_assert(out.price_minor == 150 && strcmp(out.currency, "USD") == 0);
    cr_assert(out.performer_count == 3 && out.performer_ids == NULL);
    text_is(out.description, "The first");
    ok(tkt_event_performer(&out, 1, &performer));
    cr_assert_eq(performer, performers[1]);
    answers(tkt_event_performer(&out, 3, &performer), TKT_NOT_FOUND);
    ok(tkt_event_find(f.snap, T("nyp:1"), &found));
    cr_assert_eq(found, id);
    ok(tkt_event_seq(f.snap, id, &seq));
    cr_assert_eq(seq, 0);
    in.id = id;
    in.external_id = T("nyp:2");
    in.start_ms += DAY_MS;
    in.end_ms += DAY_MS;
    in.performer_count = 1;
    ok(tkt_event_update(f.store, &in, 0));
    ok(tkt_event_update(f.store, &in, 0));
    ok(tkt_event_seq(look(&f), id, &seq));
    cr_assert_eq(seq, 1);
    answers(tkt_event_find(f.snap, T("nyp:1"), &found), TKT_NOT_FOUND);
    check_clean(&f);
    ok(tkt_event_delete(f.store, id, NULL, 0));
    answers(tkt_event_view(look(&f), id, &out), TKT_NOT_FOUND);
    answers(tkt_event_seq(f.snap, id, &seq), TKT_NOT_FOUND);
    check_clean(&f);
}

Test(catalog_events, status_ends_with_cancelled)
{
    tkt_event in = plain_event("e", TEST_NOW_MS), out;
    tkt_cause cause = { .size = (uint32_t)sizeof(cause) };
    uint64_t id = new_event(&f, &in);
    tkt_event_init(&out);
    ok(tkt_event_set_status(f.store, id, TKT_EVENT_POSTPONED, 0));
    ok(tkt_event_set_status(f.store, id, TKT_EVENT_RESCHEDULED, 0));
    ok(tkt_event_set_status(f.store, id, TKT_EVENT_CANCELLED, TKT_DRY_RUN));
    ok(tkt_event_view(look(&f), id, &out));
    cr_assert_eq(out.status, TKT_EVENT_RESCHEDULED);
    ok(tkt_event_set_status(f.store, id, TKT_EVENT_CANCELLED, 0));
    ok(tkt_event_set_status(f.store, id, TKT_EVENT_CANCELLED, 0));
    answers(tkt_event_set_status(f.store, id, TKT_EVENT_SCHEDULED, 0), TKT_CANCELLED);
    ok(tkt_error_cause(0, &cause));
    cr_assert(cause.kind == TKT_CAUSE_EVENT_STATUS && cause.have == TKT_EVENT_CANCELLED);
    in.id = id;
    answers(tkt_event_update(f.store, &in, 0), TKT_CANCELLED);
    in.status = TKT_EVENT_CANCELLED;
    in.name = T("Off");
    ok(tkt_event_update(f.store, &in, 0));
    answers(tkt_event_set_status(f.store, id, 5, 0), -TKT_E_INVALID);
    answers(tkt_event_set_status(f.store, id + 1, 1, 0), TKT_NOT_FOUND);
    check_clean(&f);
}

Test(catalog_events, creation_is_idempotent_and_checked)
{
    static const uint8_t key[TKT_KEY_BYTES] = { 1 };
    tkt_event in = plain_event("e", TEST_NOW_MS);
    tkt_created made = TKT_CREATED_INIT, again = TKT_CREATED_INIT;
    uint64_t nobody = 77;
    ok(tkt_event_create(f.store, &in, key, TKT_DRY_RUN, &made));
    cr_assert_eq(made.id, 0);
    ok(tkt_event_create(f.store, &in, key, 0, &made));
    answers(tkt_event_create(f.store, &in, key, 0, &again), TKT_REPLAYED);
    cr_assert_eq(made.id, again.id);
    answers(tkt_event_create(f.store, &in, NULL, 0, &again), TKT_EXISTS);
    in.name = T("Another");
    answers(tkt_event_create(f.store, &in, key, 0, &again), TKT_KEY_REUSED);
    in.external_id = T("");
    in.venue_id = 5;
    answers(tkt_event_create(f.store, &in, NULL, 0, &again), TKT_NOT_FOUND);
    in.venue_id = 0;
    in.performer_ids = &nobody;
    in.performer_count = 1;
    answers(tkt_event_create(f.store, &in, NULL, 0, &again), TKT_NOT_FOUND);
    in.performer_count = 0;
    ok(tkt_event_create(f.store, &in, NULL, 0, &again)); /* without external id: any number */
    ok(tkt_event_create(f.store, &in, NULL, 0, &again));
    ok(tkt_event_delete(f.store, again.id, key, 0));
    answers(tkt_event_delete(f.store, again.id, key, 0), TKT_REPLAYED);
    answers(tkt_event_delete(f.store, again.id, NULL, 0), TKT_NOT_FOUND);
    check_clean(&f);
}

static void refused(const tkt_event *event, int32_t primary)
{
    tkt_created made = TKT_CREATED_INIT;
    answers(tkt_event_create(f.store, event, NULL, 0, &made), primary);
}

Test(catalog_events, hostile_input_is_refused)
{
    const tkt_event good = plain_event("e", TEST_NOW_MS);
    tkt_event e = good;
    e.name = T("");
    refused(&e, -TKT_E_INVALID);
    e = good, e.status = 9;
    refused(&e, -TKT_E_INVALID);
    e = good, e.flags = 64;
    refused(&e, -TKT_E_INVALID);
    e = good, e.start_ms = INT64_MAX;
    refused(&e, -TKT_E_INVALID);
    e = good, e.start_ms = INT64_MIN;
    refused(&e, -TKT_E_INVALID);
    e = good, e.start_ms = INT64_C(253402300799999), e.start_offset_min = 60;
    refused(&e, -TKT_E_INVALID);
    e = good, e.start_offset_min = 1440;
    refused(&e, -TKT_E_INVALID);
    e = good, e.flags = TKT_EVENT_START_DATE_ONLY;
    refused(&e, -TKT_E_INVALID); /* not midnight */
    e = good, e.end_ms = 5;
    refused(&e, -TKT_E_INVALID); /* no HAS_END */
    e = good, e.flags = TKT_EVENT_HAS_END, e.end_ms = e.start_ms - 1;
    refused(&e, -TKT_E_INVALID);
    e = good, e.flags = TKT_EVENT_HAS_END, e.end_ms = INT64_MIN;
    refused(&e, -TKT_E_INVALID);
    e = good, e.price_minor = 5;
    refused(&e, -TKT_E_INVALID);
    e = good, e.flags = TKT_EVENT_HAS_PRICE, e.price_minor = 5;
    refused(&e, -TKT_E_INVALID); /* no currency */
    memcpy(e.currency, "EUr", 4);
    refused(&e, -TKT_E_INVALID);
    memcpy(e.currency, "EUR", 4), e.price_minor = -1;
    refused(&e, -TKT_E_INVALID);
    e.price_minor = INT64_C(1) << 53;
    refused(&e, -TKT_E_INVALID);
    e = good, e.performer_count = TKT_PERFORMERS_MAX + 1;
    refused(&e, -TKT_E_LIMIT);
    e = good, e.performer_count = 1;
    refused(&e, -TKT_E_INVALID);
    e = good, e.venue_id = UINT64_MAX;
    refused(&e, -TKT_E_INVALID);
    e = good, e.description.ptr = "x", e.description.len = SIZE_MAX;
    refused(&e, -TKT_E_LIMIT);
    e = good, e.external_id = T("\xff");
    refused(&e, -TKT_E_INVALID);
    e = good, e.id = 1;
    refused(&e, -TKT_E_INVALID);
    answers(tkt_event_view(look(&f), 1, NULL), TKT_NOT_FOUND);
    uint64_t id = new_event(&f, &good);
    answers(tkt_event_view(look(&f), id, NULL), -TKT_E_INVALID);
    e.size = 8;
    answers(tkt_event_view(f.snap, id, &e), -TKT_E_INVALID);
    check_clean(&f);
}

/* ---- lists against a model --------------------------------------------------------------------- */

#define MODEL_EVENTS 300
typedef struct model {
    uint64_t id, venue, performer;
    int64_t start;
    bool there;
} model;
static model events[MODEL_EVENTS];

static int by_start(const void *a, const void *b)
{
    const model *x = (const model *)a, *y = (const model *)b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static bool counts(const model *m, const tkt_event_list *list)
{
    return m->there && (list->by != TKT_LIST_VENUE || m->venue == list->owner) &&
           (list->by != TKT_LIST_PERFORMER || m->performer == list->owner) &&
           ((list->flags & TKT_LIST_FROM) == 0 || m->start >= list->from_ms) &&
           ((list->flags & TKT_LIST_TO) == 0 || m->start < list->to_ms);
}

/* Walks the list in pages of `cap` and compares with the model. */
static void compare(tkt_event_list list, uint32_t cap)
{
    uint64_t ids[64];
    uint32_t count = 0, at = 0;
    int32_t more = 1;
    qsort(events, MODEL_EVENTS, sizeof(events[0]), by_start);
    while (more) {
        tkt_cursor next;
        ok(tkt_event_list_page(look(&f), &list, ids, cap, &count, &next, &more));
        cr_assert(count <= cap && (!more || count == cap));
        for (uint32_t i = 0; i < count; i++, at++) {
            while (at < MODEL_EVENTS && !counts(events + at, &list))
                at++;
            cr_assert(at < MODEL_EVENTS && events[at].id == ids[i]);
        }
        list.after = next;
    }
    while (at < MODEL_EVENTS && !counts(events + at, &list))
        at++;
    cr_assert_eq(at, MODEL_EVENTS);
}

static void compare_all(uint64_t venue, uint64_t performer)
{
    tkt_event_list list = TKT_EVENT_LIST_INIT;
    compare(list, 7);
    list.flags = TKT_LIST_FROM | TKT_LIST_TO;
    list.from_ms = -3 * DAY_MS;
    list.to_ms = 5 * DAY_MS;
    compare(list, 1);
    compare(list, 64);
    list.by = TKT_LIST_VENUE;
    list.owner = venue;
    compare(list, 3);
    list.flags = 0;
    compare(list, 5);
    list.by = TKT_LIST_PERFORMER;
    list.owner = performer;
    compare(list, 4);
    list.flags = TKT_LIST_TO;
    compare(list, 4);
}

Test(catalog_events, lists_agree_with_a_model)
{
    uint64_t venues[2] = { new_venue(&f, "A", "X"), new_venue(&f, "B", "X") };
    uint64_t performers[2] = { new_performer(&f, "P"), new_performer(&f, "Q") };
    unsigned seed = 42;
    for (int i = 0; i < MODEL_EVENTS; i++) {
        model *m = events + i;
        char external[16];
        snprintf(external, sizeof(external), "m%d", i);
        m->start = (int64_t)(rand_r(&seed) % 20 - 10) * DAY_MS + rand_r(&seed) % 3;
        if (i % 50 == 0)
            m->start = Y1842 + i;
        m->venue = venues[rand_r(&seed) % 2];
        m->performer = performers[rand_r(&seed) % 2];
        tkt_event e = plain_event(external, m->start);
        e.venue_id = m->venue;
        e.performer_ids = &m->performer;
        e.performer_count = 1;
        m->id = new_event(&f, &e);
        m->there = true;
    }
    compare_all(venues[0], performers[1]);
    for (int i = 0; i < MODEL_EVENTS; i += 3) {
        if (i % 2 == 0) {
            ok(tkt_event_delete(f.store, events[i].id, NULL, 0));
            events[i].there = false;
            continue;
        }
        char external[32];
        snprintf(external, sizeof(external), "moved%d", i);
        events[i].start += 2 * DAY_MS;
        events[i].venue = venues[0];
        tkt_event e = plain_event(external, events[i].start);
        e.id = events[i].id;
        e.venue_id = events[i].venue;
        e.performer_ids = &events[i].performer;
        e.performer_count = 1;
        ok(tkt_event_update(f.store, &e, 0));
    }
    compare_all(venues[0], performers[1]);
    check_clean(&f);
}

Test(catalog_events, a_cursor_survives_changes)
{
    uint64_t ids[10], made[6];
    tkt_event_list list = TKT_EVENT_LIST_INIT;
    uint32_t count = 0;
    int32_t more = 0;
    for (int i = 0; i < 5; i++) {
        tkt_event e = plain_event("", i * 10);
        made[i] = new_event(&f, &e);
    }
    ok(tkt_event_list_page(look(&f), &list, ids, 2, &count, &list.after, &more));
    cr_assert(count == 2 && more == 1 && ids[1] == made[1]);
    ok(tkt_event_delete(f.store, made[1], NULL, 0)); /* the one the cursor stands on */
    tkt_event e = plain_event("", 15);
    made[5] = new_event(&f, &e);
    tkt_store_close(f.store);
    tkt_snapshot_end(f.snap);
    f.snap = NULL;
    open_store(&f);
    ok(tkt_event_list_page(look(&f), &list, ids, 10, &count, &list.after, &more));
    cr_assert(count == 4 && more == 0 && ids[0] == made[5] && ids[1] == made[2]);
    ok(tkt_event_list_page(f.snap, &list, ids, 10, &count, &list.after, &more));
    cr_assert(count == 0 && more == 0);
}

Test(catalog_events, bad_lists_are_refused)
{
    uint64_t ids[2];
    uint32_t count;
    int32_t more;
    tkt_cursor next;
    tkt_event_list good = TKT_EVENT_LIST_INIT, l = good;
    look(&f);
    l.by = 3;
    answers(tkt_event_list_page(f.snap, &l, ids, 2, &count, &next, &more), -TKT_E_INVALID);
    l = good, l.by = TKT_LIST_VENUE;
    answers(tkt_event_list_page(f.snap, &l, ids, 2, &count, &next, &more), -TKT_E_INVALID);
    l = good, l.flags = 3, l.from_ms = 5, l.to_ms = 4;
    answers(tkt_event_list_page(f.snap, &l, ids, 2, &count, &next, &more), -TKT_E_INVALID);
    l = good, memset(l.after.bytes, 0xff, sizeof(l.after.bytes));
    answers(tkt_event_list_page(f.snap, &l, ids, 2, &count, &next, &more), -TKT_E_INVALID);
    l = good, l.after.bytes[0] = 1;
    answers(tkt_event_list_page(f.snap, &l, ids, 2, &count, &next, &more), -TKT_E_INVALID);
    answers(tkt_event_list_page(f.snap, &good, ids, 0, &count, &next, &more), -TKT_E_INVALID);
    answers(tkt_event_list_page(f.snap, &good, ids, 1001, &count, &next, &more), -TKT_E_INVALID);
    answers(tkt_event_list_page(f.snap, &good, NULL, 2, &count, &next, &more), -TKT_E_INVALID);
    answers(tkt_event_list_page(f.snap, NULL, ids, 2, &count, &next, &more), -TKT_E_INVALID);
    ok(tkt_event_list_page(f.snap, &good, ids, 2, &count, &next, &more));
    cr_assert(count == 0 && more == 0);
}

/* ---- sale facts -------------------------------------------------------------------------------- */

Test(catalog_events, areas_prices_windows_limit)
{
    tkt_event in = plain_event("e", TEST_NOW_MS);
    tkt_window windows[2] = { { INT64_MIN, 10 }, { 20, INT64_MAX } }, window;
    tkt_sale sale = TKT_SALE_INIT;
    uint32_t floor = 0, balcony = 0, scope = 9, scope_id = 0;
    int64_t minor = -1;
    uint64_t seq = 0, seq2 = 0;
    char currency[4];
    in.flags = TKT_EVENT_HAS_PRICE;
    in.price_minor = 1250;
    memcpy(in.currency, "EUR", 4);
    uint64_t id = new_event(&f, &in);
    ok(tkt_event_set_area(f.store, id, T("Parkett"), 100, 0, &floor));
    ok(tkt_event_set_area(f.store, id, T("Rang"), 50, 0, &balcony));
    ok(tkt_event_set_area(f.store, id, T("Parkett"), 120, 0, &scope_id));
    cr_assert(floor == 1 && balcony == 2 && scope_id == 1);
    ok(tkt_event_set_price(f.store, id, TKT_SCOPE_AREA, balcony, 990, "EUR", 0));
    ok(tkt_event_set_windows(f.store, id, windows, 2, 0));
    ok(tkt_event_set_limit(f.store, id, 4, 0));
    ok(tkt_event_seq(look(&f), id, &seq));
    ok(tkt_event_set_limit(f.store, id, 4, 0)); /* repeats: nothing changes */
    ok(tkt_event_set_windows(f.store, id, windows, 2, 0));
    ok(tkt_event_set_limit(f.store, id, 5, TKT_DRY_RUN));
    ok(tkt_event_seq(look(&f), id, &seq2));
    cr_assert_eq(seq, seq2);
    ok(tkt_sale_view(f.snap, id, &sale));
    cr_assert(sale.areas == 2 && sale.prices == 1 && sale.windows == 2 && sale.per_buyer == 4);
    ok(tkt_sale_window(f.snap, id, 1, &window));
    cr_assert(window.opens_ms == 20 && window.closes_ms == INT64_MAX);
    answers(tkt_sale_window(f.snap, id, 2, &window), TKT_NOT_FOUND);
    tkt_price price = TKT_PRICE_INIT;
    ok(tkt_sale_price(f.snap, id, 0, &price)); /* the record's, none being set for the event */
    cr_assert(price.scope == TKT_SCOPE_EVENT && price.minor == 1250 && price.name.len == 0);
    ok(tkt_sale_price(f.snap, id, 1, &price));
    cr_assert(price.scope == TKT_SCOPE_AREA && price.scope_id == balcony && price.minor == 990);
    cr_assert(price.name.len == 4 && memcmp(price.name.ptr, "Rang", 4) == 0);
    answers(tkt_sale_price(f.snap, id, 2, &price), TKT_NOT_FOUND);
    ok(tkt_price_of_area(f.snap, id, floor, &minor, currency));
    cr_assert(minor == 1250 && strcmp(currency, "EUR") == 0);
    ok(tkt_price_of_area(f.snap, id, balcony, &minor, currency));
    cr_assert_eq(minor, 990);
    answers(tkt_price_of_area(f.snap, id, 3, &minor, currency), TKT_NOT_FOUND);
    ok(tkt_event_set_price(f.store, id, TKT_SCOPE_EVENT, 0, 0, NULL, 0));
    ok(tkt_price_of_area(look(&f), id, floor, &minor, currency));
    cr_assert(minor == 0 && currency[0] == 0);
    ok(tkt_sale_price(f.snap, id, 0, &price)); /* set for the event at large: first, and once */
    cr_assert(price.scope == TKT_SCOPE_EVENT && price.minor == 0 && price.currency[0] == '\0');
    ok(tkt_sale_price(f.snap, id, 1, &price));
    cr_assert_eq(price.scope, TKT_SCOPE_AREA);
    answers(tkt_sale_price(f.snap, id, 2, &price), TKT_NOT_FOUND);
    ok(tkt_scope_find(f.snap, id, T("Rang"), &scope, &scope_id));
    cr_assert(scope == TKT_SCOPE_AREA && scope_id == balcony);
    answers(tkt_scope_find(f.snap, id, T("rang?"), &scope, &scope_id), TKT_NOT_FOUND);
    ok(tkt_event_set_windows(f.store, id, NULL, 0, 0));
    check_clean(&f);
}

Test(catalog_events, bad_sale_facts_are_refused)
{
    tkt_event in = plain_event("e", TEST_NOW_MS);
    uint64_t id = new_event(&f, &in);
    tkt_window w[9] = { { 5, 5 } };
    answers(tkt_event_set_windows(f.store, id, w, 1, 0), -TKT_E_INVALID);
    answers(tkt_event_set_windows(f.store, id, w, 9, 0), -TKT_E_LIMIT);
    answers(tkt_event_set_windows(f.store, id, NULL, 1, 0), -TKT_E_INVALID);
    answers(tkt_event_set_area(f.store, id, T(""), 1, 0, NULL), -TKT_E_INVALID);
    answers(tkt_event_set_area(f.store, id + 1, T("A"), 1, 0, NULL), TKT_NOT_FOUND);
    answers(tkt_event_set_price(f.store, id, 3, 1, 1, "EUR", 0), -TKT_E_INVALID);
    answers(tkt_event_set_price(f.store, id, 0, 1, 1, "EUR", 0), -TKT_E_INVALID);
    answers(tkt_event_set_price(f.store, id, 0, 0, -1, "EUR", 0), -TKT_E_INVALID);
    answers(tkt_event_set_price(f.store, id, 0, 0, 1, "E", 0), -TKT_E_INVALID);
    answers(tkt_event_set_price(f.store, id, 0, 0, 1, "EURO", 0), -TKT_E_INVALID);
    answers(tkt_event_set_price(f.store, id, 0, 0, 1, NULL, 0), -TKT_E_INVALID);
    answers(tkt_event_set_price(f.store, id, TKT_SCOPE_AREA, 1, 1, "EUR", 0), TKT_NOT_FOUND);
    answers(tkt_event_set_price(f.store, id, TKT_SCOPE_SECTION, 1, 1, "EUR", 0), TKT_NOT_FOUND);
    answers(tkt_event_set_chart(f.store, id, 5, 1, 0), TKT_NOT_FOUND);
    answers(tkt_event_set_chart(f.store, id, 0, 0, 0), -TKT_E_INVALID);
    check_clean(&f);
}

Test(catalog_events, many_areas_and_prices_fit_until_they_do_not)
{
    tkt_event in = plain_event("e", TEST_NOW_MS);
    uint64_t id = new_event(&f, &in);
    char name[32];
    uint32_t area;
    for (uint32_t i = 1; i <= TKT_AREAS_MAX; i++) {
        snprintf(name, sizeof(name), "Block %02u links", i);
        ok(tkt_event_set_area(f.store, id, T(name), 1000 + i, 0, &area));
        ok(tkt_event_set_price(f.store, id, TKT_SCOPE_AREA, area, 100000 + i, "EUR", 0));
    }
    answers(tkt_event_set_area(f.store, id, T("one more"), 1, 0, NULL), -TKT_E_LIMIT);
    check_clean(&f);
    static char wide[TKT_SHORT_MAX + 1];
    uint64_t other;
    in.external_id = T("e2");
    other = new_event(&f, &in);
    int32_t rc = TKT_DONE;
    uint32_t n = 0;
    for (; rc == TKT_DONE && n < TKT_AREAS_MAX; n++) {
        memset(wide, 'a' + (int)(n % 26), TKT_SHORT_MAX);
        wide[0] = (char)('a' + n / 26);
        rc = tkt_event_set_area(f.store, other, T(wide), 1, 0, NULL);
    }
    cr_assert(tkt_status_primary(rc) == TKT_E_LIMIT && n > 10);
    check_clean(&f);
}
