/* SPDX-License-Identifier: MIT
 *
 * tests/race/race.h: what programs of several processes share: the claim that ends one, the store at a path, children
 * that end with their parent. The soak uses it too.
 */
#ifndef TKT_RACE_H
#define TKT_RACE_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <ticketing/ticketing.h>

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, tkt_error_text()); \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static inline tkt_text race_text(const char *s)
{
    return (tkt_text){ s, strlen(s) };
}

static inline tkt_store *race_open(const char *path)
{
    tkt_options *o;
    tkt_store *store = NULL;
    MUST(tkt_options_new(&o) == TKT_DONE && tkt_options_set_create(o, 1) == TKT_DONE);
    MUST(tkt_store_open(path, strlen(path), o, &store) == TKT_DONE);
    tkt_options_free(o);
    return store;
}

/* As fork, but the child does not outlive a parent that was killed. */
static inline pid_t race_fork(void)
{
    pid_t pid = fork();
    MUST(pid >= 0);
    if (pid == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    return pid;
}

/* A hall of one section, in rows of `row_seats`, put as a new chart. */
static inline void race_hall(tkt_store *store, uint32_t seats, uint32_t row_seats, uint64_t *chart_id, uint32_t *version)
{
    tkt_chart *chart;
    char name[16];
    MUST(tkt_chart_new(&chart) == TKT_DONE && tkt_chart_add_section(chart, race_text("Hall")) == TKT_DONE);
    for (uint32_t i = 0; i < seats; i++) {
        snprintf(name, sizeof name, "%u", i / row_seats + 1);
        if (i % row_seats == 0)
            MUST(tkt_chart_add_row(chart, race_text(name)) == TKT_DONE);
        snprintf(name, sizeof name, "%u", i % row_seats + 1);
        MUST(tkt_chart_add_seat(chart, race_text(name), (int32_t)(i % row_seats) * 1000, 0, 0) == TKT_DONE);
    }
    *chart_id = 0;
    MUST(tkt_chart_put(store, 0, chart, chart_id, version) == TKT_DONE);
    tkt_chart_free(chart);
}

#endif
