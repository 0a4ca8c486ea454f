/* SPDX-License-Identifier: MIT
 *
 * tests/unit/test_search_moves.c: what a search finds while the catalogue moves under it: a list that is read page by
 * page by relevance, a large venue that goes to another city, names longer than a label.
 */
#include "catalog_help.h"

#include <ticketing/search.h>

static fixture f;

static void begin(void) { setup(&f); }
static void end(void) { teardown(&f); }

TestSuite(moves, .init = begin, .fini = end);

static uint64_t add_event(const char *name, int number, uint64_t venue)
{
    char external[64];
    snprintf(external, sizeof external, "%s:%d", name, number);
    tkt_event event = plain_event(external, TEST_NOW_MS);
    event.name = T(name);
    event.venue_id = venue;
    event.category = T("opera");
    return new_event(&f, &event);
}

/* ---- pages by relevance ------------------------------------------------------------------------------------- */

#define LISTED 60
#define A_PAGE 7

/* The next page of all that have the word; each of its events is counted in seen[]. False: there is none after it. */
static bool next_page(const char *words, char *cursor, size_t *cursor_n, uint32_t *seen)
{
    tkt_query *query;
    tkt_results *results;
    tkt_hit hit = TKT_HIT_INIT;
    ok(tkt_query_new(&query));
    ok(tkt_query_set_text(query, T(words)));
    ok(tkt_query_set_match(query, TKT_MATCH_ANY));
    ok(tkt_query_set_page(query, 1, A_PAGE));
    ok(tkt_query_set_cursor(query, (tkt_text){ cursor, *cursor_n }));
    ok(tkt_search(look(&f), query, &results));
    for (uint32_t i = 0; tkt_results_hit(results, i, &hit) == TKT_DONE; i++)
        seen[hit.event_id]++; /* ids of a small store are small */
    tkt_text next = tkt_results_next(results);
    memcpy(cursor, next.ptr, next.len);
    *cursor_n = next.len;
    tkt_results_free(results);
    tkt_query_free(query);
    return next.len > 0;
}

typedef enum between { EVENTS_COME, EVENTS_GO, SEEN_ONES_MOVE, MORE_OF_A_WORD } between;

/* What happens after a page. A seen event may move by its own words, and by its venue's. */
static void go_on(between what, int page, uint64_t *other, uint64_t seen_last, uint64_t hall)
{
    tkt_venue venue = TKT_VENUE_INIT;
    tkt_event event;
    if (what == EVENTS_COME)
        add_event("opera", LISTED + page, 0);
    else if (what == EVENTS_GO)
        ok(tkt_event_delete(f.store, other[page], NULL, 0));
    else if (what == MORE_OF_A_WORD) {
        for (int i = 0; i < 10; i++)
            add_event(page % 2 == 0 ? "evening" : "an opera", 1000 * page + i, 0);
    } else if (page == 1) {
        tkt_event_init(&event);
        ok(tkt_event_view(look(&f), seen_last, &event));
        event.name = T("jazz jazz jazz");
        ok(tkt_event_update(f.store, &event, 0));
    } else if (page == 2) {
        venue.id = hall;
        venue.name = T("House");
        venue.city = T("Bonn");
        ok(tkt_venue_update(f.store, &venue, 0));
    }
}

/* Reads to the end; each event that does not move comes once. Those of the hall are one in eleven. */
static void read_all(between what, const char *words)
{
    char cursor[1024];
    size_t cursor_n = 0;
    static uint32_t seen[1 << 14];
    uint64_t listed[LISTED], other[LISTED], hall = new_venue(&f, "Jazz Hall", "Bonn"), last = 0;
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < LISTED; i++) {
        listed[i] = add_event(i % 3 == 0 ? "jazz evening" : "jazz", i, i % 11 == 5 ? hall : 0);
        other[i] = add_event("opera", i, 0);
    }
    for (int page = 0; next_page(words, cursor, &cursor_n, seen); page++) {
        cr_assert_lt(page, LISTED);
        for (int i = 0; i < LISTED; i++)
            last = seen[listed[i]] > 0 ? listed[i] : last;
        go_on(what, page, other, last, hall);
    }
    for (int i = 0; i < LISTED; i++)
        if (what != SEEN_ONES_MOVE || i % 11 != 5)
            cr_assert_eq(seen[listed[i]], 1, "event %d was seen %u times", i, seen[listed[i]]);
}

Test(moves, pages_go_on_while_events_come) { read_all(EVENTS_COME, "jazz "); }
Test(moves, pages_go_on_while_events_go) { read_all(EVENTS_GO, "jazz "); }
Test(moves, pages_go_on_while_seen_ones_move) { read_all(SEEN_ONES_MOVE, "jazz "); }
Test(moves, pages_go_on_while_words_grow_apart) { read_all(MORE_OF_A_WORD, "jazz evening "); }
Test(moves, pages_go_on_with_a_beginning) { read_all(EVENTS_GO, "ja"); }
Test(moves, pages_go_on_with_a_typo) { read_all(EVENTS_COME, "jazz evning "); }

/* A word that nobody had is there after the first page: the list is still that of the words that stood for it. */
Test(moves, pages_go_on_when_the_typo_is_a_word)
{
    char cursor[1024];
    size_t cursor_n = 0;
    static uint32_t seen[1 << 10];
    uint64_t first = 0;
    for (int i = 0; i < LISTED; i++)
        first = i == 0 ? add_event("metallica", i, 0) : (add_event("metallica", i, 0), first);
    for (int page = 0; next_page("metalica ", cursor, &cursor_n, seen); page++)
        if (page == 0)
            add_event("metalica", 0, 0);
    for (int i = 0; i < LISTED; i++)
        cr_assert_eq(seen[first + (uint64_t)i], 1, "event %d was seen %u times", i, seen[first + (uint64_t)i]);
}

/* More words than a cursor has room for. */
Test(moves, pages_go_on_with_a_short_beginning)
{
    char cursor[1024], name[16];
    size_t cursor_n = 0;
    static uint32_t seen[1 << 12];
    uint64_t listed[400];
    int n = 0;
    for (int word = 0; word < 50; word++)
        for (int i = 0; i <= word % 8; i++, n++) {
            snprintf(name, sizeof name, "za%c%c", 'a' + word / 26, 'a' + word % 26);
            listed[n] = add_event(name, i, 0);
        }
    for (int page = 0; next_page("za", cursor, &cursor_n, seen); page++)
        for (int i = 0; i < 3; i++) {
            snprintf(name, sizeof name, "za%c%c", 'a' + (page + i) % 2, 'a' + (5 * page + i) % 26);
            add_event(name, 100 + 3 * page + i, 0);
        }
    for (int i = 0; i < n; i++)
        cr_assert_eq(seen[listed[i]], 1, "event %d was seen %u times", i, seen[listed[i]]);
}

/* What a cursor told is of its list alone. */
Test(moves, a_cursor_leaves_nothing_behind)
{
    char cursor[1024], wrong[1026];
    size_t cursor_n = 0;
    static uint32_t seen[1 << 10];
    double score[3];
    tkt_query *query;
    for (int i = 0; i < 20; i++)
        add_event("jazz", i, 0);
    next_page("jazz ", cursor, &cursor_n, seen);
    for (int i = 0; i < 40; i++)
        add_event("jazz", 100 + i, 0);
    snprintf(wrong, sizeof wrong, "%.*s00", (int)cursor_n, cursor);
    for (int how = 0; how < 3; how++) { /* never a cursor; one that is taken away; one that is refused */
        tkt_results *results;
        tkt_hit hit = TKT_HIT_INIT;
        ok(tkt_query_new(&query));
        ok(tkt_query_set_text(query, T("jazz ")));
        if (how == 1)
            ok(tkt_query_set_cursor(query, (tkt_text){ cursor, cursor_n }));
        ok(tkt_query_set_page(query, 1, (uint32_t)(4 + how))); /* each another entry of the cache */
        if (how == 2)
            answers(tkt_query_set_cursor(query, T(wrong)), -TKT_E_PARSE);
        ok(tkt_search(look(&f), query, &results));
        ok(tkt_results_hit(results, 0, &hit));
        score[how] = hit.score;
        tkt_results_free(results);
        tkt_query_free(query);
    }
    cr_assert(score[1] == score[0] && score[2] == score[0], "%f %f %f", score[0], score[1], score[2]);
}

/* ---- a venue that moves ---------------------------------------------------------------------------------------- */

#define MANY 1100 /* more events than a change of their venue brings up to date before it returns */

static uint64_t found_in(const char *city, const char *country, const char *category)
{
    tkt_query *query;
    tkt_results *results;
    tkt_total total = TKT_TOTAL_INIT;
    ok(tkt_query_new(&query));
    if (city != NULL)
        ok(tkt_query_add_city(query, T(city)));
    if (country != NULL)
        ok(tkt_query_add_country(query, T(country)));
    if (category != NULL)
        ok(tkt_query_add_category(query, T(category)));
    ok(tkt_search(look(&f), query, &results));
    ok(tkt_results_total(results, &total));
    tkt_results_free(results);
    tkt_query_free(query);
    return total.total;
}

static void are_in(const char *city, const char *country, const char *other_city, const char *other_country)
{
    cr_assert_eq(found_in(city, NULL, NULL), MANY + 1);
    cr_assert_eq(found_in(city, country, NULL), MANY + 1);
    cr_assert_eq(found_in(NULL, country, NULL), MANY + 1);
    cr_assert_eq(found_in(city, NULL, "Opera"), MANY + 1);
    cr_assert_eq(found_in(other_city, NULL, NULL), 0);
    cr_assert_eq(found_in(other_city, NULL, "Opera"), 0);
    cr_assert_eq(found_in(NULL, other_country, NULL), 0);
    cr_assert_eq(found_in(city, other_country, NULL), 0);
}

Test(moves, a_venue_that_moves_is_at_its_place_at_once)
{
    uint32_t done;
    uint64_t problems;
    uint64_t hall = new_venue(&f, "Hall", "Berlin"), paris = new_venue(&f, "Other", "Paris"), berlin = new_venue(&f, "Small", "Berlin");
    tkt_venue venue = TKT_VENUE_INIT;
    for (int i = 0; i < MANY; i++)
        add_event("evening", i, hall);
    add_event("other", 1, paris);
    venue.id = paris;
    venue.name = T("Other");
    venue.city = T("Paris");
    venue.country = T("FR");
    ok(tkt_venue_update(f.store, &venue, 0));
    venue.id = hall;
    venue.name = T("Salle");
    ok(tkt_venue_update(f.store, &venue, 0));
    are_in("Paris", "FR", "Berlin", "DE");
    add_event("small", 1, berlin);
    cr_assert_eq(found_in("Berlin", NULL, NULL), 1);
    ok(tkt_check(f.store, NULL, NULL, &problems));
    cr_assert_eq(problems, 0);
    ok(tkt_tick(f.store, 0, &done));
    cr_assert_eq(found_in("Paris", "FR", NULL), MANY + 1);
    cr_assert_eq(found_in("Berlin", NULL, NULL), 1);
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

Test(moves, long_names_are_names)
{
    char name[TKT_NAME_MAX + 1], other[TKT_NAME_MAX + 1];
    static const size_t lengths[] = { 300, 485, 700, TKT_NAME_MAX };
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        tkt_query *query;
        tkt_results *results;
        tkt_total total = TKT_TOTAL_INIT;
        memset(name, 'v', lengths[i]);
        name[lengths[i]] = '\0';
        memcpy(other, name, sizeof name);
        other[100] = 'w';
        add_event("long", (int)i, new_venue(&f, name, "Bonn"));
        add_event("other", (int)i, new_venue(&f, other, "Bonn"));
        ok(tkt_query_new(&query));
        ok(tkt_query_add_venue_name(query, T(name)));
        ok(tkt_search(look(&f), query, &results));
        ok(tkt_results_total(results, &total));
        cr_assert_eq(total.total, lengths[i] <= 480 ? 1 : i, "%zu bytes: %llu events", lengths[i], (unsigned long long)total.total);
        tkt_results_free(results);
        tkt_query_free(query);
    }
}
