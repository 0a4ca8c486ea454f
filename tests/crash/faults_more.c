/* SPDX-License-Identifier: MIT
 *
 * tests/crash/faults_more.c: the rest of the public calls under which faults are tried: what a snapshot shows, queries
 * with all that they take, batches of every command, the catalogue's smaller changes, the clock.
 */
#include "faults.h"

/* One call after another, until one fails. */
#define THEN(call) \
    if (status == TKT_DONE) \
        status = (call)

int32_t do_records(void)
{
    tkt_snapshot *snap = NULL;
    tkt_event event;
    tkt_venue venue;
    tkt_performer performer;
    tkt_user user;
    char buf[4096];
    uint64_t id;
    size_t needed;
    tkt_event_init(&event);
    tkt_venue_init(&venue);
    tkt_performer_init(&performer);
    tkt_user_init(&user);
    int32_t status = tkt_snapshot_begin(store, &snap);
    THEN(tkt_snapshot_renew(snap));
    THEN(tkt_event_find(snap, text("faults:1"), &id));
    THEN(tkt_event_view(snap, id, &event));
    THEN(tkt_event_copy(snap, id, &event, buf, sizeof buf, &needed));
    THEN(tkt_event_seq(snap, id, &id));
    THEN(tkt_venue_find(snap, text("The old hall"), text(""), text(""), &id));
    THEN(tkt_venue_view(snap, id, &venue));
    THEN(tkt_venue_copy(snap, id, &venue, buf, sizeof buf, &needed));
    THEN(tkt_performer_find(snap, text("An old band"), &id));
    THEN(tkt_performer_view(snap, id, &performer));
    THEN(tkt_performer_copy(snap, id, &performer, buf, sizeof buf, &needed));
    THEN(tkt_user_find(snap, text("faults:user"), &id));
    THEN(tkt_user_view(snap, id, &user));
    THEN(tkt_user_copy(snap, id, &user, buf, sizeof buf, &needed));
    tkt_snapshot_end(snap);
    return status;
}

int32_t do_sale(void)
{
    tkt_snapshot *snap = NULL;
    tkt_plan *plan = NULL;
    tkt_sale sale = TKT_SALE_INIT;
    tkt_price price = TKT_PRICE_INIT;
    tkt_area area = TKT_AREA_INIT;
    tkt_seat seat = { .size = sizeof seat };
    char currency[TKT_CURRENCY_BYTES];
    uint32_t unit = 0, scope, scope_id, state;
    int64_t minor, wait;
    tkt_text name;
    int32_t status = tkt_snapshot_begin(store, &snap);
    THEN(tkt_sale_view(snap, event_id, &sale));
    THEN(tkt_sale_price(snap, event_id, 0, &price));
    THEN(tkt_area_view(snap, event_id, 0, &area));
    THEN(tkt_scope_find(snap, event_id, text("Floor"), &scope, &scope_id));
    THEN(tkt_price_of_area(snap, event_id, area_id, &minor, currency));
    THEN(tkt_unit_find(snap, event_id, text("Hall"), text("1"), text("2"), &unit));
    THEN(tkt_unit_view(snap, event_id, unit, &seat));
    THEN(tkt_price_of_unit(snap, event_id, unit, &minor, currency));
    THEN(tkt_plan_load(snap, event_id, &plan));
    THEN(tkt_plan_seat(plan, 1, &seat));
    THEN(tkt_plan_section(plan, 0, &scope_id, &name));
    THEN(tkt_index_state(snap, &state));
    if (status == TKT_DONE)
        MUST(seat.unit == unit && minor == 2500 && tkt_plan_seats(plan) == 2 && state == TKT_INDEX_CURRENT);
    tkt_plan_free(plan);
    tkt_snapshot_end(snap);
    THEN(tkt_next_deadline(store, &wait));
    THEN(tkt_clock_now(store, &minor));
    return status;
}

int32_t do_ledger(void)
{
    tkt_snapshot *snap = NULL;
    tkt_hold hold;
    tkt_intent intent;
    tkt_booking booking;
    tkt_ticket ticket;
    uint32_t units[4];
    uint64_t id = 0;
    size_t needed;
    tkt_hold_init(&hold);
    tkt_intent_init(&intent);
    tkt_booking_init(&booking);
    tkt_ticket_init(&ticket);
    int32_t status = tkt_snapshot_begin(store, &snap);
    THEN(tkt_hold_view(snap, held[1].token, &hold));
    THEN(tkt_hold_units(snap, held[1].token, units, 4, &needed));
    THEN(tkt_intent_view(snap, intent_id, &intent));
    THEN(tkt_booking_view(snap, booked[1], &booking));
    THEN(tkt_ticket_view(snap, booking.first_ticket, &ticket));
    THEN(tkt_ticket_find(snap, ticket.code, &id));
    if (status == TKT_DONE)
        MUST(id == ticket.id && intent.booking_id == booking.id);
    tkt_snapshot_end(snap);
    return status;
}

static int32_t ask(tkt_query *q)
{
    int32_t status = tkt_query_set_text(q, text("concrt \"words in\" -missing na"));
    THEN(tkt_query_set_match(q, TKT_MATCH_ALL));
    THEN(tkt_query_set_prefix(q, TKT_EXPAND_AUTO));
    THEN(tkt_query_set_typo(q, TKT_EXPAND_AUTO));
    THEN(tkt_query_set_language(q, text("en")));
    THEN(tkt_query_set_window(q, 0, INT64_C(4102444800000)));
    THEN(tkt_query_set_during(q, 0));
    THEN(tkt_query_set_price(q, 100, 100000, text("EUR")));
    THEN(tkt_query_set_available(q, 1, 2));
    THEN(tkt_query_set_sort(q, TKT_SORT_RELEVANCE));
    THEN(tkt_query_set_page(q, 1, 10));
    THEN(tkt_query_set_facets(q, TKT_FACET_MONTH | TKT_FACET_CITY | TKT_FACET_CATEGORY));
    THEN(tkt_query_set_budget(q, 1000000, 10000));
    return status;
}

static int32_t ask_place(tkt_query *q)
{
    int32_t status = tkt_query_add_city(q, text("Berlin"));
    THEN(tkt_query_add_country(q, text("DE")));
    THEN(tkt_query_add_category(q, text("music")));
    THEN(tkt_query_add_venue(q, hall_id));
    THEN(tkt_query_add_venue_name(q, text("The old hall")));
    THEN(tkt_query_add_performer(q, 1));
    THEN(tkt_query_set_near(q, 525000000, 134000000, 5000));
    return status;
}

static int32_t answered(tkt_snapshot *snap, const tkt_query *q, uint64_t expected)
{
    tkt_results *results = NULL;
    tkt_total total = TKT_TOTAL_INIT;
    tkt_hit hit = TKT_HIT_INIT;
    tkt_facet facet = TKT_FACET_INIT;
    int32_t status = tkt_search(snap, q, &results);
    THEN(tkt_results_total(results, &total));
    if (status == TKT_DONE)
        MUST(total.total == expected);
    if (status == TKT_DONE && expected != 0) {
        THEN(tkt_results_hit(results, 0, &hit));
        THEN(tkt_results_facet(results, TKT_FACET_MONTH, 0, &facet));
    }
    tkt_results_free(results);
    return status;
}

int32_t do_full_query(void)
{
    tkt_snapshot *snap = NULL;
    tkt_query *words = NULL, *place = NULL;
    int32_t status = tkt_snapshot_begin(store, &snap);
    THEN(tkt_query_new(&words));
    THEN(ask(words));
    THEN(answered(snap, words, 1));
    THEN(tkt_query_new(&place));
    THEN(ask_place(place));
    THEN(answered(snap, place, 0));
    tkt_query_free(words);
    tkt_query_free(place);
    tkt_snapshot_end(snap);
    return status;
}

int32_t do_batch_of_all(void)
{
    enum { COMMANDS = 4 };
    tkt_batch *batch = NULL;
    tkt_hold hold;
    tkt_booking booking;
    tkt_hold_request give = on_hold(2, 40), longer = on_hold(1, 41);
    tkt_confirm_request pay = paying(0, 0, 42);
    tkt_booking_request back = on_booking(0, 43);
    tkt_hold_init(&hold);
    tkt_booking_init(&booking);
    int32_t status = tkt_batch_new(store, &batch);
    THEN(tkt_batch_clear(batch));
    THEN(tkt_batch_release(batch, &give, NULL));
    THEN(tkt_batch_extend(batch, &longer, &hold));
    THEN(tkt_batch_confirm(batch, &pay, &booking));
    THEN(tkt_batch_cancel(batch, &back, NULL));
    if (status == TKT_DONE)
        MUST(tkt_batch_count(batch) == COMMANDS);
    THEN(tkt_batch_run(batch));
    for (uint32_t i = 0; status == TKT_DONE && i < COMMANDS; i++) {
        int32_t outcome = tkt_batch_outcome(batch, i);
        status = TKT_IS_EFFECT(outcome) ? status : outcome;
    }
    tkt_batch_free(batch);
    return status;
}

int32_t do_performer_update(void)
{
    tkt_performer band;
    tkt_performer_init(&band);
    band.id = band_id;
    band.name = text("A band of another name");
    return tkt_performer_update(store, &band, 0);
}

int32_t do_performer_delete(void)
{
    uint8_t key[TKT_KEY_BYTES];
    key_of(key, 50);
    return tkt_performer_delete(store, band_id, key, 0);
}

int32_t do_user_update(void)
{
    tkt_user user;
    tkt_user_init(&user);
    user.id = user_id;
    user.external = text("faults:other");
    user.name = text("Someone else");
    return tkt_user_update(store, &user, 0);
}

int32_t do_user_delete(void)
{
    uint8_t key[TKT_KEY_BYTES];
    key_of(key, 51);
    return tkt_user_delete(store, user_id, key, 0);
}

int32_t do_venue_delete(void)
{
    uint8_t key[TKT_KEY_BYTES];
    key_of(key, 52);
    return tkt_venue_delete(store, hall_id, key, 0);
}

int32_t do_clock(void)
{
    int32_t status = tkt_clock_confirm(store);
    THEN(tkt_clock_reset(store));
    return status;
}

int32_t do_chart_json(void)
{
    static const char json[] = "{\"sections\":[{\"name\":\"Stalls\",\"rows\":[{\"name\":\"1\",\"seats\":[{\"label\":\"1\",\"x\":0,\"y\":0},"
                               "{\"label\":\"2\",\"x\":0.5,\"y\":0}]}]}]}";
    tkt_chart *chart = NULL;
    uint64_t id = 0;
    uint32_t version = 0;
    int32_t status = tkt_chart_new(&chart);
    THEN(tkt_chart_parse_json(chart, json, sizeof json - 1));
    THEN(tkt_chart_link_by_pitch(chart));
    THEN(tkt_chart_add_area(chart, text("Gallery"), 100));
    THEN(tkt_chart_put(store, 0, chart, &id, &version));
    tkt_chart_free(chart);
    return status;
}

int32_t do_chart_build(void)
{
    tkt_chart *chart = NULL;
    uint64_t id = 0;
    uint32_t version = 0;
    int32_t status = tkt_chart_new(&chart);
    THEN(tkt_chart_add_section(chart, text("Stalls")));
    THEN(tkt_chart_add_row(chart, text("1")));
    THEN(tkt_chart_add_seat(chart, text("1"), 0, 0, 0));
    THEN(tkt_chart_add_area(chart, text("Gallery"), 100));
    THEN(tkt_chart_put(store, 0, chart, &id, &version));
    tkt_chart_free(chart);
    return status;
}

/* Options and the payment table are copied. */
int32_t do_settings(void)
{
    tkt_payment table = TKT_PAYMENT_INIT;
    tkt_options *o = NULL;
    int32_t status = tkt_options_new(&o);
    THEN(tkt_options_set_readers(o, 100));
    tkt_options_free(o);
    THEN(tkt_store_set_payment(store, NULL));
    THEN(tkt_store_set_payment(store, &table));
    return status;
}
