/* SPDX-License-Identifier: MIT
 *
 * test_segment.c: records of the journal in memory, against an array: whatever was put in order, in whatever pieces,
 * each key is found with the version of a stamp, and a walk meets every key that lives, in order.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "engine/lmdb/journal.h"

#define KEYS 3000
#define KEY_BYTES 20
#define TABLE 3
#define STEPS 20000

typedef struct entry {
    char key[KEY_BYTES + 1];
    uint32_t value; /* of the newest version */
    bool there, deleted, fresh;
} entry;

typedef struct world {
    tkt_hooks hooks;
    tkt__segment *s;
    entry all[KEYS]; /* by key */
    uint64_t stamp;
    uint32_t seed;
} world;

static uint32_t draw(world *w, uint32_t below)
{
    w->seed = w->seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)w->seed * below >> 32);
}

static void open_world(world *w, uint32_t seed)
{
    memset(w, 0, sizeof *w);
    w->seed = seed;
    cr_assert_eq(tkt__hooks_resolve(NULL, &w->hooks), TKT_DONE);
    w->s = tkt__segment_new(&w->hooks);
    cr_assert(w->s != NULL);
    for (uint32_t i = 0; i < KEYS; i++) /* long beginnings that are the same, as keys of one event have */
        snprintf(w->all[i].key, sizeof w->all[i].key, "event%03u.%011u", i / 700, i);
}

static tkt__slice key_of(const entry *e)
{
    return tkt__slice_of(e->key, KEY_BYTES);
}

static void add(world *w)
{
    entry *e = &w->all[draw(w, KEYS)];
    uint8_t op = e->there && !e->deleted ? (draw(w, 2) ? TKT__DEL : TKT__PUT) : draw(w, 2) ? TKT__INSERT : TKT__PUT;
    w->stamp++;
    if (op != TKT__DEL)
        e->value = (uint32_t)w->stamp;
    e->fresh = e->there ? e->fresh : op == TKT__INSERT;
    e->there = true;
    e->deleted = op == TKT__DEL;
    uint32_t hash = tkt__segment_fetch(w->s, TABLE, key_of(e));
    cr_assert(tkt__segment_add(w->s, w->stamp, TABLE, op, hash, key_of(e), tkt__slice_of(&e->value, sizeof e->value)));
}

static void find(world *w)
{
    const entry *e = &w->all[draw(w, KEYS)];
    const tkt__node *n = tkt__segment_find(w->s, TABLE, key_of(e));
    cr_assert_eq(n != NULL, e->there);
    if (n == NULL)
        return;
    const tkt__version *v = tkt__node_version(n, w->stamp);
    cr_assert_eq(v->deleted, e->deleted);
    cr_assert(e->deleted || memcmp(v->value.p, &e->value, sizeof e->value) == 0);
}

/* From some key on: nothing that lives, or hides what is below, is left out; nothing comes twice or out of order. */
static void walk(world *w, uint32_t from)
{
    const tkt__node *n = tkt__segment_seek(w->s, TABLE, key_of(&w->all[from]), false);
    uint32_t at = from;
    for (; n != NULL; n = tkt__segment_next(w->s, n, w->stamp)) {
        cr_assert_eq(n->key.n, KEY_BYTES);
        while (at < KEYS && memcmp(w->all[at].key, n->key.p, KEY_BYTES) < 0) {
            cr_assert(!w->all[at].there || (w->all[at].fresh && w->all[at].deleted), "%s is left out", w->all[at].key);
            at++;
        }
        cr_assert(at < KEYS && memcmp(w->all[at].key, n->key.p, KEY_BYTES) == 0);
        at++;
    }
    for (; at < KEYS; at++)
        cr_assert(!w->all[at].there || (w->all[at].fresh && w->all[at].deleted), "%s is left out", w->all[at].key);
}

static void before(world *w)
{
    uint32_t i = draw(w, KEYS), k = i;
    const tkt__node *n = tkt__segment_before(w->s, TABLE, key_of(&w->all[i]));
    while (k > 0 && !w->all[k - 1].there)
        k--;
    cr_assert_eq(n == NULL, k == 0);
    if (n != NULL)
        cr_assert_eq(memcmp(n->key.p, w->all[k - 1].key, KEY_BYTES), 0);
}

static void all_of_it(uint32_t seed, uint32_t walks)
{
    static world w;
    open_world(&w, seed);
    for (uint32_t i = 0; i < STEPS; i++) {
        add(&w);
        find(&w);
        if (draw(&w, walks) == 0)
            walk(&w, draw(&w, KEYS));
        if (draw(&w, walks) == 0)
            before(&w);
        if (draw(&w, 50) == 0)
            (void)tkt__segment_order(w.s, TABLE, 1 + draw(&w, 40));
    }
    while (!tkt__segment_order(w.s, TABLE, 64))
        continue;
    walk(&w, 0);
    tkt__segment_drop(w.s);
}

Test(segment, in_order_at_each_step)
{
    all_of_it(1, 10);
}

Test(segment, in_order_by_pieces)
{
    for (uint32_t seed = 2; seed < 8; seed++)
        all_of_it(seed, 2000);
}

Test(segment, in_order_all_at_once)
{
    all_of_it(9, 1000000);
}

static void put(world *w, uint32_t i, uint8_t op)
{
    const tkt__slice key = key_of(&w->all[i]);
    cr_assert(tkt__segment_add(w->s, ++w->stamp, TABLE, op, tkt__segment_fetch(w->s, TABLE, key), key, tkt__slice_of("x", 1)));
}

/* Thousands that died, before they were put in order or after, are not stepped over. */
static void leaps(bool order_first)
{
    static world w;
    uint32_t steps = 0;
    open_world(&w, 11);
    for (uint32_t i = 0; i < KEYS; i++)
        put(&w, i, TKT__INSERT);
    cr_assert(!order_first || tkt__segment_order(w.s, TABLE, UINT32_MAX));
    for (uint32_t i = 0; i < KEYS - 1; i++)
        put(&w, i, TKT__DEL);
    const tkt__node *n = tkt__segment_seek(w.s, TABLE, key_of(&w.all[0]), false);
    for (; n != NULL; n = tkt__segment_next(w.s, n, w.stamp))
        steps++;
    cr_assert_leq(steps, 3);
    tkt__segment_drop(w.s);
}

Test(segment, what_died_unordered_is_leapt_over)
{
    leaps(false);
}

Test(segment, what_died_in_order_is_leapt_over)
{
    leaps(true);
}
