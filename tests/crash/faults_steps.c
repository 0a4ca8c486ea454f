/* SPDX-License-Identifier: MIT
 *
 * tests/crash/faults_steps.c: the public calls under which faults are tried, each made so that it can be made again.
 */
#include <unistd.h>

#include "faults.h"

static int32_t do_open(void)
{
    if (store != NULL)
        close_it();
    return open_at(dir);
}

static int32_t do_create(void)
{
    char fresh[256];
    snprintf(fresh, sizeof fresh, "%s/fresh", dir);
    tkt_store *had = store, *made = NULL;
    int32_t status = open_at(fresh);
    made = store;
    store = had;
    tkt_store_close(made);
    return status;
}

static int32_t do_event(void)
{
    tkt_event event = concert("faults:2");
    tkt_created made = TKT_CREATED_INIT;
    uint8_t key[TKT_KEY_BYTES];
    key_of(key, 1);
    return tkt_event_create(store, &event, key, 0, &made);
}

static int32_t do_update(void)
{
    tkt_event event = concert("faults:1");
    event.id = event_id;
    event.name = text("Another concert with other words");
    return tkt_event_update(store, &event, 0);
}

static int32_t do_rename(void)
{
    tkt_venue hall;
    tkt_venue_init(&hall);
    hall.id = hall_id;
    hall.name = text("The new hall");
    return tkt_venue_update(store, &hall, 0);
}

static int32_t do_status(void)
{
    return tkt_event_set_status(store, event_id, TKT_EVENT_POSTPONED, 0);
}

static int32_t read_lines(void *user, uint8_t *buf, size_t cap, size_t *got)
{
    static const char lines[] =
        "{\"@id\":\"faults:10\",\"@type\":\"Event\",\"name\":\"First of a few\",\"startDate\":\"2030-01-01T19:00:00Z\","
        "\"location\":{\"name\":\"Hall one\",\"address\":{\"addressLocality\":\"Berlin\",\"addressCountry\":\"DE\"}}}\n"
        "{\"@id\":\"faults:11\",\"@type\":\"Event\",\"name\":\"Second of a few\",\"startDate\":\"2030-01-02T19:00:00Z\","
        "\"performer\":[{\"name\":\"A band\"}]}\n";
    size_t *at = user, n = sizeof lines - 1 - *at;
    *got = n < cap ? n : cap;
    memcpy(buf, lines + *at, *got);
    *at += *got;
    return 0;
}

static int32_t do_import(void)
{
    size_t at = 0;
    tkt_import import = TKT_IMPORT_INIT;
    tkt_import_stats stats = TKT_IMPORT_STATS_INIT;
    import.read = read_lines;
    import.user = &at;
    return tkt_import_jsonl(store, &import, &stats);
}

static int32_t do_reserve(void)
{
    tkt_reserve_request want = places(3, 2);
    tkt_hold hold;
    tkt_hold_init(&hold);
    return tkt_reserve(store, &want, &hold);
}

static int32_t do_replace(void)
{
    tkt_reserve_request want = places(4, 3);
    tkt_hold hold;
    tkt_hold_init(&hold);
    return tkt_replace(store, held[3].token, &want, &hold);
}

static int32_t do_extend(void)
{
    tkt_hold_request r = on_hold(1, 4);
    return tkt_extend(store, &r, NULL);
}

static int32_t do_release(void)
{
    tkt_hold_request r = on_hold(2, 5);
    return tkt_release(store, &r, NULL);
}

static int32_t do_confirm(void)
{
    tkt_confirm_request pay = paying(0, TKT_MONEY_TAKEN, 6);
    tkt_booking booking;
    tkt_booking_init(&booking);
    return tkt_confirm(store, &pay, &booking);
}

/* The charge is made between two commits: what stays in doubt is settled by asking, which is a replay. */
static int32_t do_charge(void)
{
    tkt_confirm_request pay = paying(0, 0, 7);
    tkt_booking booking;
    tkt_booking_init(&booking);
    return tkt_confirm(store, &pay, &booking);
}

static int32_t do_cancel(void)
{
    tkt_booking_request r = on_booking(0, 8);
    return tkt_cancel(store, &r, NULL);
}

static int32_t do_refund(void)
{
    tkt_booking_request r = on_booking(1, 9);
    return tkt_refund(store, &r, NULL);
}

static int32_t do_batch(void)
{
    tkt_batch *batch = NULL;
    tkt_hold hold[2];
    int32_t status = tkt_batch_new(store, &batch);
    for (int i = 0; status == TKT_DONE && i < 2; i++) {
        tkt_reserve_request want = places(1, (uint8_t)(10 + i));
        tkt_hold_init(&hold[i]);
        status = tkt_batch_reserve(batch, &want, &hold[i]);
    }
    if (status == TKT_DONE)
        status = tkt_batch_run(batch);
    for (uint32_t i = 0; status == TKT_DONE && i < 2; i++) {
        int32_t outcome = tkt_batch_outcome(batch, i);
        status = outcome == TKT_REPLAYED ? status : outcome;
    }
    tkt_batch_free(batch);
    return status;
}

static int32_t do_tick(void)
{
    return tkt_tick(store, 0, NULL);
}

static int32_t do_recover(void)
{
    return tkt_recover(store, NULL, NULL);
}

static int32_t do_reads(void)
{
    tkt_snapshot *snap = NULL;
    tkt_counts counts = TKT_COUNTS_INIT;
    tkt_booking booking;
    uint64_t ids[8], problems = 0;
    uint32_t n = 0;
    tkt_booking_init(&booking);
    int32_t status = tkt_snapshot_begin(store, &snap);
    if (status == TKT_DONE)
        status = tkt_counts_view(snap, event_id, &counts);
    if (status == TKT_DONE)
        MUST(counts.booked == 2 && counts.reserved == 8);
    if (status == TKT_DONE)
        status = tkt_booking_view(snap, booked[0], &booking);
    if (status == TKT_DONE)
        status = tkt_booking_list(snap, TKT_BOOKINGS_OF_EVENT, event_id, 0, ids, 8, &n);
    if (status == TKT_DONE)
        MUST(n == 2);
    tkt_snapshot_end(snap);
    return status == TKT_DONE ? tkt_check(store, NULL, NULL, &problems) : status;
}

static int32_t do_search(void)
{
    tkt_snapshot *snap = NULL;
    tkt_query *query = NULL;
    tkt_results *results = NULL;
    tkt_total total = TKT_TOTAL_INIT;
    int32_t status = tkt_snapshot_begin(store, &snap);
    if (status == TKT_DONE)
        status = tkt_query_new(&query);
    if (status == TKT_DONE)
        status = tkt_query_set_text(query, text("concert"));
    if (status == TKT_DONE)
        status = tkt_search(snap, query, &results);
    if (status == TKT_DONE)
        status = tkt_results_total(results, &total);
    if (status == TKT_DONE)
        MUST(total.total == 1);
    tkt_results_free(results);
    tkt_query_free(query);
    tkt_snapshot_end(snap);
    return status;
}

static int32_t do_reindex(void)
{
    tkt_reindex_options o = TKT_REINDEX_OPTIONS_INIT;
    tkt_reindex_stats stats = TKT_REINDEX_STATS_INIT;
    return tkt_reindex(store, &o, &stats);
}

static int32_t do_backup(void)
{
    return tkt_store_backup(store, file, strlen(file), TKT_BACKUP_COMPACT);
}

static int32_t do_export(void)
{
    return tkt_store_export(store, file, strlen(file));
}

static int32_t restore_of(int32_t (*copy)(void))
{
    char place[256];
    int was = fault;
    snprintf(place, sizeof place, "%s/again", dir);
    fault = NO_FAULT;
    MUST(access(file, F_OK) == 0 || copy() == TKT_DONE);
    fault = was;
    tkt_options *o = options_of();
    int32_t status = tkt_store_restore(place, strlen(place), file, strlen(file), o);
    tkt_options_free(o);
    return status;
}

static int32_t do_restore(void)
{
    return restore_of(do_backup);
}

static int32_t do_load(void)
{
    return restore_of(do_export);
}

static int32_t do_upgrade(void)
{
    tkt_options *o = options_of();
    MUST(tkt_options_set_journal(o, 0) == TKT_DONE);
    if (store != NULL)
        close_it();
    int32_t status = tkt_store_upgrade(dir, strlen(dir), o);
    tkt_options_free(o);
    return status;
}

static int32_t do_event_delete(void)
{
    uint8_t key[TKT_KEY_BYTES];
    key_of(key, 20);
    return tkt_event_delete(store, empty_id, key, 0);
}

static int32_t do_performer(void)
{
    tkt_performer band;
    tkt_created made = TKT_CREATED_INIT;
    uint8_t key[TKT_KEY_BYTES];
    key_of(key, 21);
    tkt_performer_init(&band);
    band.name = text("A band of faults");
    return tkt_performer_create(store, &band, key, 0, &made);
}

static int32_t do_user(void)
{
    tkt_user user;
    tkt_created made = TKT_CREATED_INIT;
    uint8_t key[TKT_KEY_BYTES];
    key_of(key, 22);
    tkt_user_init(&user);
    user.name = text("Someone");
    return tkt_user_create(store, &user, key, 0, &made);
}

static int32_t do_price(void)
{
    return tkt_event_set_price(store, event_id, TKT_SCOPE_EVENT, 0, 3000, "EUR", 0);
}

static int32_t do_limit(void)
{
    return tkt_event_set_limit(store, event_id, 900, 0);
}

static int32_t do_windows(void)
{
    return tkt_event_set_windows(store, event_id, NULL, 0, 0);
}

static int32_t do_area(void)
{
    uint32_t id;
    return tkt_event_set_area(store, empty_id, text("Balcony"), 50, 0, &id);
}

static int32_t do_chart(void)
{
    tkt_chart *chart = NULL;
    uint64_t id = 0;
    uint32_t version = 0;
    int was = fault;
    fault = NO_FAULT;
    MUST(tkt_chart_new(&chart) == TKT_DONE && tkt_chart_add_section(chart, text("Hall")) == TKT_DONE);
    MUST(tkt_chart_add_row(chart, text("1")) == TKT_DONE && tkt_chart_add_seat(chart, text("1"), 0, 0, 0) == TKT_DONE);
    fault = was;
    int32_t status = tkt_chart_put(store, hall_id, chart, &id, &version);
    tkt_chart_free(chart);
    return status == TKT_DONE ? tkt_event_set_chart(store, empty_id, id, version, 0) : status;
}

static int32_t do_news(void)
{
    return tkt_resolve_payment(store, intent_id, TKT_NEWS_REFUNDED, NULL);
}

static int32_t do_suggest(void)
{
    tkt_snapshot *snap = NULL;
    tkt_suggestions *found = NULL;
    int32_t status = tkt_snapshot_begin(store, &snap);
    if (status == TKT_DONE)
        status = tkt_suggest(snap, text("old"), 0, &found);
    tkt_suggestions_free(found);
    tkt_snapshot_end(snap);
    return status;
}

static int32_t do_lists(void)
{
    tkt_snapshot *snap = NULL;
    tkt_event_list list = TKT_EVENT_LIST_INIT;
    tkt_cursor next;
    tkt_stats stats = TKT_STATS_INIT;
    uint64_t ids[8];
    uint8_t map[64];
    uint32_t n;
    int32_t more;
    size_t needed;
    list.to_ms = INT64_MAX;
    int32_t status = tkt_snapshot_begin(store, &snap);
    if (status == TKT_DONE)
        status = tkt_event_list_page(snap, &list, ids, 8, &n, &next, &more);
    if (status == TKT_DONE)
        MUST(n == 2);
    if (status == TKT_DONE)
        status = tkt_seatmap_copy(snap, event_id, map, sizeof map, &needed);
    if (status == TKT_DONE)
        status = tkt_money_list(snap, TKT_MONEY_HELD, 0, ids, 8, &n);
    tkt_snapshot_end(snap);
    return status == TKT_DONE ? tkt_store_stats(store, &stats) : status;
}

static int32_t do_drop(void)
{
    return tkt_index_drop(store);
}

const step steps[] = {
    { "open", do_open, 0, false },
    { "create", do_create, 0, false },
    { "event create", do_event, TKT_REPLAYED, false },
    { "event update", do_update, 0, false },
    { "venue update", do_rename, 0, false },
    { "event status", do_status, 0, false },
    { "event delete", do_event_delete, TKT_REPLAYED, false },
    { "performer create", do_performer, TKT_REPLAYED, false },
    { "user create", do_user, TKT_REPLAYED, false },
    { "event set price", do_price, 0, false },
    { "event set limit", do_limit, 0, false },
    { "event set windows", do_windows, 0, false },
    { "event set area", do_area, 0, false },
    { "chart", do_chart, 0, false },
    { "payment news", do_news, 0, false },
    { "suggest", do_suggest, 0, false },
    { "lists and figures", do_lists, 0, false },
    { "index drop", do_drop, 0, false },
    { "import", do_import, 0, true },
    { "reserve", do_reserve, TKT_REPLAYED, false },
    { "replace", do_replace, TKT_REPLAYED, false },
    { "extend", do_extend, TKT_REPLAYED, false },
    { "release", do_release, TKT_REPLAYED, false },
    { "confirm", do_confirm, TKT_REPLAYED, false },
    { "confirm by charge", do_charge, TKT_REPLAYED, false },
    { "cancel", do_cancel, TKT_REPLAYED, false },
    { "refund", do_refund, TKT_REPLAYED, false },
    { "batch", do_batch, 0, false },
    { "tick", do_tick, 0, false },
    { "recover", do_recover, 0, false },
    { "reads", do_reads, 0, false },
    { "search", do_search, 0, false },
    { "reindex", do_reindex, 0, false },
    { "backup", do_backup, 0, false },
    { "export", do_export, 0, false },
    { "restore", do_restore, 0, false },
    { "restore of an export", do_load, 0, false },
    { "upgrade", do_upgrade, 0, false },
    { "records", do_records, 0, false },
    { "sale and plan", do_sale, 0, false },
    { "ledger", do_ledger, 0, false },
    { "full query", do_full_query, 0, false },
    { "batch of all", do_batch_of_all, 0, false },
    { "performer update", do_performer_update, 0, false },
    { "performer delete", do_performer_delete, TKT_REPLAYED, false },
    { "user update", do_user_update, 0, false },
    { "user delete", do_user_delete, TKT_REPLAYED, false },
    { "venue delete", do_venue_delete, TKT_REPLAYED, false },
    { "clock", do_clock, 0, false },
    { "chart by JSON", do_chart_json, 0, true },
    { "chart build", do_chart_build, 0, false },
    { "settings", do_settings, 0, false },
    { "feed", do_feed, 0, false },
    { "waiting room", do_queue, 0, false },
    { "end of a waiting room", do_queue_end, 0, false },
    { "requests that read", do_api_reads, 0, false },
    { "request that reserves", do_api_reserve, 0, true },
    { NULL, NULL, 0, false },
};
