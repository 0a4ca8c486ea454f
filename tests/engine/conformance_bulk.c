/* SPDX-License-Identifier: MIT
 *
 * tests/engine/conformance_bulk.c: rule 12: tables built beside the published ones.
 */
#include "conformance.h"

#define BUILT_BIT (UINT32_C(1) << BUILT)

static int32_t publish_body(tkt__tx *tx, void *ctx)
{
    (void)ctx;
    return tkt__tx_publish(tx, BUILT_BIT);
}

static void publish(subject *s)
{
    const tkt__guard guard = { 'c', 0 };
    const tkt__run_options alone = { .alone = true };
    MUST(tkt__kv_run(s->kv, &guard, 1, &alone, publish_body, NULL) == TKT_DONE);
}

static void *append(subject *s, uint32_t n, uint32_t step)
{
    void *bulk, *second;
    MUST(s->ops->bulk_begin(s->engine, BUILT_BIT, &bulk) == TKT_DONE);
    MUST(tkt_status_primary(s->ops->bulk_begin(s->engine, BUILT_BIT, &second)) == TKT_E_BUSY);
    for (uint32_t i = 0; i < n; i++) {
        uint8_t key[4];
        tkt__be32(key, i * step);
        MUST(s->ops->bulk_append(bulk, BUILT, tkt__slice_of(key, 4), tkt__slice_of(key, 4)) == TKT_DONE);
        if (i == 1) {
            MUST(s->ops->bulk_append(bulk, BUILT, tkt__slice_of(key, 4), text_of("twice")) < 0);
            MUST(s->ops->bulk_append(bulk, SALE, tkt__slice_of(key, 4), text_of("other")) < 0);
        }
    }
    return bulk;
}

static void build(subject *s, uint32_t n, uint32_t step, bool publishes)
{
    void *bulk = append(s, n, step);
    if (publishes) {
        MUST(s->ops->bulk_end(bulk) == TKT_DONE);
        publish(s);
    }
    s->ops->bulk_abort(bulk);
}

void rule_12_a_bulk_build_is_seen_whole_or_not_at_all(subject *s)
{
    tkt__tx *old, *fresh;
    tkt__slice v;
    uint8_t key[4];
    build(s, 5000, 2, true);
    MUST(tkt__kv_read_begin(s->kv, &old) == TKT_DONE && rows_in(old, BUILT) == 5000);
    build(s, 300, 3, false);
    MUST(tkt__kv_read_begin(s->kv, &fresh) == TKT_DONE && rows_in(fresh, BUILT) == 5000);
    build(s, 100, 1, true);
    MUST(rows_in(old, BUILT) == 5000);
    MUST(tkt__kv_read_renew(fresh) == TKT_DONE && rows_in(fresh, BUILT) == 100);
    tkt__be32(key, 99);
    MUST(tkt__tx_get(fresh, BUILT, tkt__slice_of(key, 4), &v) == TKT_DONE && v.n == 4);
    MUST(tkt__tx_get(old, BUILT, tkt__slice_of(key, 4), &v) == TKT_NOT_FOUND);
    tkt__kv_read_end(old);
    tkt__kv_read_end(fresh);
}

/* One row into the published generation, another into the one being built. */
static int32_t both_body(tkt__tx *tx, void *ctx)
{
    tkt__slice v;
    (void)ctx;
    MUST(tkt__tx_get(tx, BUILT, text_of("seven"), &v) == TKT_NOT_FOUND);
    MUST(tkt__tx_put(tx, BUILT, text_of("old"), text_of("o")) == TKT_DONE);
    tkt__tx_shadow(tx, true);
    MUST(tkt__tx_get(tx, BUILT, text_of("old"), &v) == TKT_NOT_FOUND);
    MUST(tkt__tx_get(tx, BUILT, tkt__slice_of("\0\0\0\7", 4), &v) == TKT_DONE);
    MUST(tkt__tx_put(tx, BUILT, text_of("new"), text_of("n")) == TKT_DONE);
    MUST(tkt__tx_del(tx, BUILT, tkt__slice_of("\0\0\0\7", 4)) == TKT_DONE);
    MUST(tkt__tx_put(tx, CATALOG, text_of("same"), text_of("s")) == TKT_DONE);
    tkt__tx_shadow(tx, false);
    MUST(tkt__tx_get(tx, BUILT, text_of("old"), &v) == TKT_DONE);
    MUST(tkt__tx_get(tx, BUILT, text_of("new"), &v) == TKT_NOT_FOUND);
    return tkt__tx_get(tx, CATALOG, text_of("same"), &v);
}

void rule_12_a_body_can_change_what_is_being_built(subject *s)
{
    const tkt__guard guard = { 'c', 0 };
    tkt__tx *tx;
    tkt__slice v;
    build(s, 5, 1, true);
    void *bulk = append(s, 10, 1);
    MUST(s->ops->bulk_end(bulk) == TKT_DONE);
    MUST(tkt__kv_run(s->kv, &guard, 1, NULL, both_body, NULL) == TKT_DONE);
    MUST(tkt__kv_read_begin(s->kv, &tx) == TKT_DONE && rows_in(tx, BUILT) == 6);
    tkt__tx_shadow(tx, true);
    MUST(rows_in(tx, BUILT) == 10 && tkt__tx_get(tx, BUILT, text_of("new"), &v) == TKT_DONE);
    tkt__tx_shadow(tx, false);
    publish(s);
    s->ops->bulk_abort(bulk);
    MUST(rows_in(tx, BUILT) == 6);
    MUST(tkt__kv_read_renew(tx) == TKT_DONE && rows_in(tx, BUILT) == 10);
    MUST(tkt__tx_get(tx, BUILT, text_of("old"), &v) == TKT_NOT_FOUND);
    tkt__kv_read_end(tx);
}
