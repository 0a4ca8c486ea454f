/* SPDX-License-Identifier: MIT
 *
 * Venues, performers, users: create, update, delete, view, copy, find; idempotency, dry run,
 * refusals with causes, hostile input.
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

TestSuite(catalog_records, .init = up, .fini = down);

static tkt_cause first_cause(void)
{
    tkt_cause cause = { .size = (uint32_t)sizeof(cause) };
    ok(tkt_error_cause(0, &cause));
    return cause;
}

Test(catalog_records, venue_whole_life)
{
    tkt_venue in = TKT_VENUE_INIT, out = TKT_VENUE_INIT;
    tkt_created made = TKT_CREATED_INIT;
    uint64_t id = 0;
    in.name = T("Grünes Haus");
    in.city = T("Köln");
    in.region = T("NRW");
    in.country = T("DE");
    in.street = T("Ring 1");
    in.postal_code = T("50667");
    in.latitude_e7 = 509413000;
    in.longitude_e7 = 69578000;
    ok(tkt_venue_create(f.store, &in, NULL, 0, &made));
    cr_assert(made.id == 1 && made.replayed == 0);
    ok(tkt_venue_view(look(&f), made.id, &out));
    text_is(out.name, "Grünes Haus");
    text_is(out.postal_code, "50667");
    cr_assert(out.id == 1 && out.latitude_e7 == 509413000 && out.longitude_e7 == 69578000);
    /* Case, accents and width do not count. */
    ok(tkt_venue_find(f.snap, T("GRUNES  haus"), T("koln"), T("de"), &id));
    cr_assert_eq(id, made.id);
    in.id = made.id;
    in.name = T("Rotes Haus");
    in.latitude_e7 = TKT_GEO_NONE;
    ok(tkt_venue_update(f.store, &in, 0));
    ok(tkt_venue_update(f.store, &in, 0));
    answers(tkt_venue_find(look(&f), T("Grünes Haus"), T("Köln"), T("DE"), &id), TKT_NOT_FOUND);
    ok(tkt_venue_find(f.snap, T("rotes haus"), T("Köln"), T("DE"), &id));
    ok(tkt_venue_view(f.snap, id, &out));
    cr_assert(out.latitude_e7 == TKT_GEO_NONE && out.longitude_e7 == 0);
    check_clean(&f);
    ok(tkt_venue_delete(f.store, id, NULL, 0));
    answers(tkt_venue_view(look(&f), id, &out), TKT_NOT_FOUND);
    answers(tkt_venue_delete(f.store, id, NULL, 0), TKT_NOT_FOUND);
    answers(tkt_venue_update(f.store, &in, 0), TKT_NOT_FOUND);
    check_clean(&f);
}

Test(catalog_records, a_venue_of_no_name_is_the_city)
{
    uint64_t city = new_venue(&f, "", "Wien"), id = 0;
    ok(tkt_venue_find(look(&f), T(""), T("wien"), T("DE"), &id));
    cr_assert_eq(id, city);
    cr_assert_neq(new_venue(&f, "", "Graz"), city);
}

Test(catalog_records, copies_say_how_much_they_need)
{
    tkt_venue out = TKT_VENUE_INIT;
    char buf[256];
    size_t needed = 99;
    uint64_t id = new_venue(&f, "Halle", "Ulm");
    answers(tkt_venue_copy(look(&f), id + 1, &out, buf, sizeof(buf), &needed), TKT_NOT_FOUND);
    cr_assert_eq(needed, 0);
    answers(tkt_venue_copy(f.snap, id, &out, NULL, 0, &needed), -TKT_E_LIMIT);
    cr_assert(needed > 0 && needed <= sizeof(buf));
    ok(tkt_venue_copy(f.snap, id, &out, buf, needed, &needed));
    tkt_snapshot_end(f.snap);
    f.snap = NULL;
    text_is(out.name, "Halle");
    cr_assert(out.name.ptr >= buf && out.name.ptr < buf + sizeof(buf));
}

Test(catalog_records, a_key_answers_the_same_again)
{
    static const uint8_t key[TKT_KEY_BYTES] = { 7 };
    tkt_performer in = TKT_PERFORMER_INIT;
    tkt_created made = TKT_CREATED_INIT, again = TKT_CREATED_INIT;
    in.name = T("Clara Schumann");
    ok(tkt_performer_create(f.store, &in, key, 0, &made));
    answers(tkt_performer_create(f.store, &in, key, 0, &again), TKT_REPLAYED);
    cr_assert(again.id == made.id && again.replayed == 1);
    in.name = T("Robert Schumann");
    answers(tkt_performer_create(f.store, &in, key, 0, &again), TKT_KEY_REUSED);
    ok(tkt_performer_delete(f.store, made.id, key, 0));
    answers(tkt_performer_delete(f.store, made.id, key, 0), TKT_REPLAYED);
    /* The creation's record outlives the performer: the first result again. */
    in.name = T("Clara Schumann");
    answers(tkt_performer_create(f.store, &in, key, 0, &again), TKT_REPLAYED);
    check_clean(&f);
}

Test(catalog_records, names_are_unique_and_the_refusal_says_whose)
{
    tkt_performer in = TKT_PERFORMER_INIT;
    tkt_created made = TKT_CREATED_INIT;
    uint64_t first = new_performer(&f, "Anton Dvořák"), second = new_performer(&f, "Leoš Janáček");
    in.name = T("ANTON DVORAK");
    answers(tkt_performer_create(f.store, &in, NULL, 0, &made), TKT_EXISTS);
    cr_assert_eq(first_cause().id, first);
    in.id = second;
    answers(tkt_performer_update(f.store, &in, 0), TKT_EXISTS);
    in.id = first; /* its own name in another spelling */
    ok(tkt_performer_update(f.store, &in, 0));
    check_clean(&f);
}

Test(catalog_records, a_dry_run_changes_nothing)
{
    tkt_venue in = TKT_VENUE_INIT;
    tkt_created made = TKT_CREATED_INIT;
    tkt_stats before = TKT_STATS_INIT, after = TKT_STATS_INIT;
    uint64_t id = new_venue(&f, "Halle", "Ulm");
    ok(tkt_store_stats(f.store, &before));
    in.name = T("Forum");
    ok(tkt_venue_create(f.store, &in, NULL, TKT_DRY_RUN, &made));
    cr_assert_eq(made.id, 0);
    ok(tkt_venue_delete(f.store, id, NULL, TKT_DRY_RUN));
    in.name = T("Halle");
    in.city = T("Ulm");
    in.country = T("DE");
    answers(tkt_venue_create(f.store, &in, NULL, TKT_DRY_RUN, &made), TKT_EXISTS);
    ok(tkt_store_stats(f.store, &after));
    cr_assert(before.commits == after.commits && after.venues == 1);
    answers(tkt_venue_create(f.store, &in, NULL, 2, &made), -TKT_E_INVALID);
}

Test(catalog_records, what_events_need_stays)
{
    tkt_event event = plain_event("e1", TEST_NOW_MS);
    uint64_t performer = new_performer(&f, "Chor");
    event.venue_id = new_venue(&f, "Halle", "Ulm");
    event.performer_ids = &performer;
    event.performer_count = 1;
    uint64_t id = new_event(&f, &event);
    answers(tkt_venue_delete(f.store, event.venue_id, NULL, 0), TKT_IN_USE);
    cr_assert_eq(first_cause().id, id);
    answers(tkt_performer_delete(f.store, performer, NULL, 0), TKT_IN_USE);
    ok(tkt_event_delete(f.store, id, NULL, 0));
    ok(tkt_venue_delete(f.store, event.venue_id, NULL, 0));
    ok(tkt_performer_delete(f.store, performer, NULL, 0));
    check_clean(&f);
}

Test(catalog_records, user_whole_life)
{
    static const uint8_t key[TKT_KEY_BYTES] = { 9 };
    tkt_user in = TKT_USER_INIT, out = TKT_USER_INIT;
    tkt_created made = TKT_CREATED_INIT, other = TKT_CREATED_INIT;
    uint64_t id = 0;
    in.external = T("crm-17");
    in.name = T("Ada");
    in.email = T("ada@example.org");
    ok(tkt_user_create(f.store, &in, key, 0, &made));
    answers(tkt_user_create(f.store, &in, key, 0, &other), TKT_REPLAYED);
    answers(tkt_user_create(f.store, &in, NULL, 0, &other), TKT_EXISTS);
    cr_assert_eq(first_cause().id, made.id);
    ok(tkt_user_find(look(&f), T("crm-17"), &id));
    cr_assert_eq(id, made.id);
    in.id = made.id;
    in.external = T("crm-18");
    ok(tkt_user_update(f.store, &in, 0));
    answers(tkt_user_find(look(&f), T("crm-17"), &id), TKT_NOT_FOUND);
    ok(tkt_user_view(f.snap, made.id, &out));
    text_is(out.email, "ada@example.org");
    check_clean(&f);
    ok(tkt_user_delete(f.store, made.id, key, 0));
    answers(tkt_user_delete(f.store, made.id, key, 0), TKT_REPLAYED);
    answers(tkt_user_delete(f.store, made.id, NULL, 0), TKT_NOT_FOUND);
    answers(tkt_user_update(f.store, &in, 0), TKT_NOT_FOUND);
    ok(tkt_user_view(look(&f), made.id, &out));
    cr_assert(out.erased == 1 && out.name.len == 0 && out.email.len == 0);
    answers(tkt_user_find(f.snap, T("crm-18"), &id), TKT_NOT_FOUND);
    in.id = 0; /* the name is free again */
    ok(tkt_user_create(f.store, &in, NULL, 0, &other));
    check_clean(&f);
}

Test(catalog_records, hostile_input_is_refused_and_changes_nothing)
{
    static char longer[TKT_NAME_MAX + 1];
    struct {
        tkt_venue venue;
        uint64_t tail;
    } wide = { TKT_VENUE_INIT, 0 };
    tkt_venue v = TKT_VENUE_INIT;
    tkt_performer p = TKT_PERFORMER_INIT;
    tkt_created made = TKT_CREATED_INIT;
    memset(longer, 'x', sizeof(longer));
    answers(tkt_venue_create(NULL, &v, NULL, 0, &made), -TKT_E_INVALID);
    answers(tkt_venue_create(f.store, NULL, NULL, 0, &made), -TKT_E_INVALID);
    answers(tkt_venue_create(f.store, &v, NULL, 0, NULL), -TKT_E_INVALID);
    v.size = 4;
    answers(tkt_venue_create(f.store, &v, NULL, 0, &made), -TKT_E_INVALID);
    v.size = sizeof(v);
    v.latitude_e7 = 900000001;
    answers(tkt_venue_create(f.store, &v, NULL, 0, &made), -TKT_E_INVALID);
    v.latitude_e7 = 0;
    v.longitude_e7 = -1800000001;
    answers(tkt_venue_create(f.store, &v, NULL, 0, &made), -TKT_E_INVALID);
    v.longitude_e7 = 0;
    v.name.ptr = longer;
    v.name.len = sizeof(longer);
    answers(tkt_venue_create(f.store, &v, NULL, 0, &made), -TKT_E_LIMIT);
    v.name = T("\xc0\xaf");
    answers(tkt_venue_create(f.store, &v, NULL, 0, &made), -TKT_E_INVALID);
    v.name = T("\xed\xa0\x80");
    answers(tkt_venue_create(f.store, &v, NULL, 0, &made), -TKT_E_INVALID);
    v.name.ptr = NULL;
    answers(tkt_venue_create(f.store, &v, NULL, 0, &made), -TKT_E_INVALID);
    v.name.len = 0;
    v.id = 4;
    answers(tkt_venue_create(f.store, &v, NULL, 0, &made), -TKT_E_INVALID);
    wide.venue.size = sizeof(wide);
    wide.tail = 1;
    answers(tkt_venue_create(f.store, &wide.venue, NULL, 0, &made), -TKT_E_INVALID);
    wide.tail = 0;
    ok(tkt_venue_create(f.store, &wide.venue, NULL, TKT_DRY_RUN, &made));
    answers(tkt_performer_create(f.store, &p, NULL, 0, &made), -TKT_E_INVALID);
    p.name = T(" \xcc\x81 ");
    answers(tkt_performer_create(f.store, &p, NULL, 0, &made), -TKT_E_INVALID);
    answers(tkt_venue_view(look(&f), 0, &v), -TKT_E_INVALID);
    answers(tkt_venue_view(f.snap, UINT64_MAX, &v), -TKT_E_INVALID);
    answers(tkt_venue_view(NULL, 1, &v), -TKT_E_INVALID);
    check_clean(&f);
}

Test(catalog_records, long_names_keep_apart)
{
    static char a[TKT_NAME_MAX + 1], b[TKT_NAME_MAX + 1];
    memset(a, 'x', TKT_NAME_MAX);
    memset(b, 'x', TKT_NAME_MAX);
    b[TKT_NAME_MAX - 1] = 'y';
    uint64_t first = new_performer(&f, a), second = new_performer(&f, b), id = 0;
    ok(tkt_performer_find(look(&f), T(b), &id));
    cr_assert(id == second && first != second);
    check_clean(&f);
}
