/* SPDX-License-Identifier: MIT
 *
 * tests/unit/catalog_help.h: a store in a fresh folder with a clock that the test moves, and short
 * ways to make venues, performers and events.
 */
#ifndef TKT_TEST_CATALOG_HELP_H
#define TKT_TEST_CATALOG_HELP_H

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ticketing/catalog.h>

#define TEST_NOW_MS INT64_C(1900000000000) /* 2030-03-17 */

typedef struct fixture {
    char dir[64], path[80];
    int64_t now_ms, monotonic_ms;
    uint64_t map_bytes;
    tkt_store *store;
    tkt_snapshot *snap;
} fixture;

static inline int64_t test_wall(void *user)
{
    return ((fixture *)user)->now_ms;
}

static inline int64_t test_monotonic(void *user)
{
    return ((fixture *)user)->monotonic_ms;
}

static inline tkt_text T(const char *text)
{
    tkt_text t = { text, strlen(text) };
    return t;
}

#define ok(call)                                                                                  \
    do {                                                                                          \
        int32_t ok_rc = (call);                                                                   \
        cr_assert_eq(ok_rc, TKT_DONE, "%s: %s: %s", #call, tkt_status_name(ok_rc),                \
                     tkt_error_text());                                                           \
    } while (0)
/* A status by its name, a failure by its negated primary code: answers(…, -TKT_E_INVALID). */
#define answers(call, status)                                                                     \
    do {                                                                                          \
        int32_t an_rc = (call);                                                                   \
        cr_assert_eq(an_rc < 0 ? -tkt_status_primary(an_rc) : an_rc, (status), "%s: %s: %s",      \
                     #call, tkt_status_name(an_rc), tkt_error_text());                            \
    } while (0)
#define text_is(text, want)                                                                       \
    cr_assert((text).len == strlen(want) && memcmp((text).ptr, (want), (text).len) == 0,          \
              "'%.*s' is not '%s'", (int)(text).len, (text).ptr, (want))

static inline void open_store(fixture *f)
{
    tkt_options *options;
    tkt_hooks hooks = TKT_HOOKS_INIT;
    hooks.user = f;
    hooks.wall_ms = test_wall;
    hooks.monotonic_ms = test_monotonic;
    ok(tkt_options_new(&options));
    ok(tkt_options_set_create(options, 1));
    ok(tkt_options_set_map_bytes(options, f->map_bytes));
    ok(tkt_options_set_snapshot_limit_ms(options, 86400000));
    ok(tkt_options_set_hooks(options, &hooks));
    ok(tkt_store_open(f->path, strlen(f->path), options, &f->store));
    tkt_options_free(options);
}

static inline void setup(fixture *f)
{
    memset(f, 0, sizeof(*f));
    f->map_bytes = UINT64_C(1) << 30;
    f->now_ms = TEST_NOW_MS;
    f->monotonic_ms = 1000000;
    strcpy(f->dir, "/tmp/tkt-catalog-XXXXXX");
    cr_assert(mkdtemp(f->dir) != NULL);
    snprintf(f->path, sizeof(f->path), "%s/store", f->dir);
    open_store(f);
}

static inline int test_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static inline void teardown(fixture *f)
{
    tkt_snapshot_end(f->snap);
    tkt_store_close(f->store);
    nftw(f->dir, test_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* Time passes alike on both clocks. */
static inline void pass(fixture *f, int64_t ms)
{
    f->now_ms += ms;
    f->monotonic_ms += ms;
}

/* The newest state; views of the one before die. */
static inline tkt_snapshot *look(fixture *f)
{
    if (f->snap == NULL)
        ok(tkt_snapshot_begin(f->store, &f->snap));
    else
        ok(tkt_snapshot_renew(f->snap));
    return f->snap;
}

static inline uint64_t new_venue(fixture *f, const char *name, const char *city)
{
    tkt_venue venue = TKT_VENUE_INIT;
    tkt_created made = TKT_CREATED_INIT;
    venue.name = T(name);
    venue.city = T(city);
    venue.country = T("DE");
    ok(tkt_venue_create(f->store, &venue, NULL, 0, &made));
    return made.id;
}

static inline uint64_t new_performer(fixture *f, const char *name)
{
    tkt_performer performer = TKT_PERFORMER_INIT;
    tkt_created made = TKT_CREATED_INIT;
    performer.name = T(name);
    ok(tkt_performer_create(f->store, &performer, NULL, 0, &made));
    return made.id;
}

static inline tkt_event plain_event(const char *external, int64_t start_ms)
{
    tkt_event event;
    tkt_event_init(&event);
    event.name = T("An evening");
    event.external_id = T(external);
    event.start_ms = start_ms;
    return event;
}

static inline uint64_t new_event(fixture *f, const tkt_event *event)
{
    tkt_created made = TKT_CREATED_INIT;
    ok(tkt_event_create(f->store, event, NULL, 0, &made));
    return made.id;
}

static inline int32_t show_problem(void *user, const tkt_problem *problem)
{
    (void)user;
    fprintf(stderr, "%.*s: %.*s\n", (int)problem->rule.len, problem->rule.ptr,
            (int)problem->text.len, problem->text.ptr);
    return 0;
}

static inline uint64_t problems_of(fixture *f, tkt_problem_fn fn, void *user)
{
    uint64_t problems = 0;
    ok(tkt_check(f->store, fn, user, &problems));
    return problems;
}

#define check_clean(f) cr_assert_eq(problems_of((f), show_problem, NULL), 0)

#endif
