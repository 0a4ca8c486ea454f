/* SPDX-License-Identifier: MIT
 *
 * store_help.h: a store in a folder of its own, opened by clocks that the test moves.
 */
#ifndef STORE_HELP_H
#define STORE_HELP_H

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <ticketing/booking.h>
#include <ticketing/catalog.h>
#include <ticketing/feed.h>

#include "store/store.h"

#define NOW INT64_C(1900000000000)

static char dir[64], path[96];
static int64_t wall = NOW, mono = 1000;

static int64_t fake_wall(void *user) { (void)user; return wall; }
static int64_t fake_mono(void *user) { (void)user; return mono; }

static int remove_one(const char *p, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(p);
}

static void up(void)
{
    strcpy(dir, "/tmp/tkt-store-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/s", dir);
}

static void down(void)
{
    nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int32_t open_as(const char *where, int create, int read_only, tkt_store **store)
{
    tkt_options *o;
    tkt_hooks hooks = TKT_HOOKS_INIT;
    hooks.wall_ms = fake_wall;
    hooks.monotonic_ms = fake_mono;
    cr_assert_eq(tkt_options_new(&o), TKT_DONE);
    cr_assert_eq(tkt_options_set_create(o, create), TKT_DONE);
    cr_assert_eq(tkt_options_set_read_only(o, read_only), TKT_DONE);
    cr_assert_eq(tkt_options_set_map_bytes(o, 64 << 20), TKT_DONE);
    cr_assert_eq(tkt_options_set_hooks(o, &hooks), TKT_DONE);
    int32_t s = tkt_store_open(where, strlen(where), o, store);
    tkt_options_free(o);
    return tkt_status_primary(s);
}

static tkt_store *make(void)
{
    tkt_store *s = NULL;
    cr_assert_eq(open_as(path, 1, 0, &s), TKT_DONE, "%s", tkt_error_text());
    return s;
}

#endif
