/* SPDX-License-Identifier: MIT
 *
 * cmd_store.c: the store itself: init, check, stats, clock, tick, upgrade.
 */
#include "cli.h"

#include <inttypes.h>
#include <string.h>

#define PROBLEMS_SHOWN 1000
#define TICKS_MAX 100000

int cmd_init(cli *c)
{
    bool made = tkt_store_created(c->store) == 1;
    out_begin(c);
    out_status(c, TKT_DONE);
    out_bool(c, "created", made);
    out_end(c);
    if (!c->json)
        printf("%s %s\n", made ? "made" : "is there already:", c->store_path);
    return EXIT_EFFECT;
}

static int32_t show_problem(void *user, const tkt_problem *problem)
{
    cli *c = user;
    fprintf(stderr, "problem: %.*s: %.*s\n", (int)problem->rule.len, problem->rule.ptr,
            (int)problem->text.len, problem->text.ptr);
    out_map(c, NULL);
    out_text(c, "rule", problem->rule);
    out_text(c, "text", problem->text);
    out_map_end(c);
    return 0;
}

int cmd_check(cli *c)
{
    uint64_t problems = 0;
    out_begin(c);
    out_array(c, "problems");
    int32_t status = tkt_check(c->store, show_problem, c, &problems);
    if (status != TKT_DONE)
        return out_bad(c, status);
    out_array_end(c);
    out_bool(c, "ok", problems == 0);
    out_end(c);
    if (!c->json)
        printf("check: %s\n", problems == 0 ? "everything adds up" : "problems found");
    return problems == 0 ? EXIT_EFFECT : EXIT_FAILED;
}

int cmd_stats(cli *c)
{
    tkt_stats s = TKT_STATS_INIT;
    int32_t status = tkt_store_stats(c->store, &s);
    if (status != TKT_DONE)
        return out_bad(c, status);
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        { "formatMajor", s.format_major }, { "formatMinor", s.format_minor },
        { "epoch", s.epoch },              { "events", s.events },
        { "venues", s.venues },            { "performers", s.performers },
        { "users", s.users },              { "bookings", s.bookings },
        { "tickets", s.tickets },          { "holds", s.holds },
        { "due", s.due },                  { "commits", s.commits },
        { "openJobs", s.open_jobs },       { "readers", s.readers },
        { "readersMax", s.readers_max },   { "mapBytes", s.map_bytes },
        { "usedBytes", s.used_bytes },     { "fileBytes", s.file_bytes },
        { "roomBytes", s.room_bytes },     { "reserveBytes", s.reserve_bytes },
        { "now", (uint64_t)s.now_ms },     { "clockFrozenMs", (uint64_t)s.clock_frozen_ms },
        { "indexed", s.indexed },          { "index", s.index },
        { "cacheHits", s.cache_hits },     { "cacheMisses", s.cache_misses },
        { "cacheBytes", s.cache_bytes },   { "journal", s.journal },
        { "journalBytes", s.journal_bytes },
    };
    out_begin(c);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        out_unsigned(c, rows[i].name, rows[i].value);
        if (!c->json)
            printf("%-14s %" PRIu64 "\n", rows[i].name, rows[i].value);
    }
    out_end(c);
    return EXIT_EFFECT;
}

int cmd_clock(cli *c)
{
    int64_t now = 0;
    char text[TKT_INSTANT_TEXT];
    size_t n = 0;
    int32_t status = args_option(c, "reset") != NULL ? tkt_clock_reset(c->store) : TKT_DONE;
    if (status == TKT_DONE)
        status = tkt_clock_now(c->store, &now);
    if (status == TKT_DONE)
        status = tkt_instant_format(now, 0, 0, text, &n);
    if (status != TKT_DONE)
        return out_bad(c, status);
    out_begin(c);
    out_status(c, TKT_DONE);
    out_number(c, "now", now);
    out_end(c);
    if (!c->json)
        printf("the store's time is %s\n", text);
    return EXIT_EFFECT;
}

int cmd_tick(cli *c)
{
    uint64_t total = 0;
    uint32_t done = 1;
    for (int i = 0; i < TICKS_MAX && done != 0; i++) {
        int32_t status = tkt_tick(c->store, 0, &done);
        if (status != TKT_DONE)
            return out_bad(c, status);
        total += done;
    }
    int64_t wait = 0;
    int32_t status = tkt_next_deadline(c->store, &wait);
    if (status != TKT_DONE)
        return out_bad(c, status);
    out_begin(c);
    out_status(c, TKT_DONE);
    out_unsigned(c, "done", total);
    if (wait == INT64_MAX)
        out_null(c, "nextMs");
    else
        out_number(c, "nextMs", wait);
    out_end(c);
    if (!c->json)
        printf("tidied %" PRIu64 " items\n", total);
    return EXIT_EFFECT;
}

int cmd_upgrade(cli *c)
{
    const char *journal = args_option(c, "journal");
    tkt_options *options;
    bool built = false;
    if (journal != NULL && strcmp(journal, "on") != 0 && strcmp(journal, "off") != 0)
        return usage_error("--journal is on or off");
    int32_t status = tkt_options_new(&options);
    if (status == TKT_DONE && journal != NULL)
        status = tkt_options_set_journal(options, strcmp(journal, "on") == 0);
    if (status == TKT_DONE)
        status = tkt_store_upgrade(c->store_path, strlen(c->store_path), options);
    tkt_options_free(options);
    if (status == TKT_DONE)
        status = tkt_store_open(c->store_path, strlen(c->store_path), NULL, &c->store);
    if (status == TKT_DONE)
        status = index_mend(c, false, &built);
    if (status != TKT_DONE)
        return out_bad(c, status);
    out_begin(c);
    out_status(c, status);
    out_bool(c, "indexed", built);
    out_end(c);
    if (!c->json)
        printf("%s has this version's format%s\n", c->store_path, built ? ", and an index by this version" : "");
    return EXIT_EFFECT;
}
