/* SPDX-License-Identifier: MIT
 *
 * tests/engine/conformance.h: what the files of the conformance program share: an engine under test
 * behind the common layer, a small schema, short ways to write and read.
 */
#ifndef TKT_TEST_CONFORMANCE_H
#define TKT_TEST_CONFORMANCE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostile.h"

#include "engine/kv.h"

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, tkt_error_text()); \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/* The tables. Rows of SALE and HOT belong to guard {'e', the first eight bytes}. */
enum { GUARD, DISCOVERY, SALE, HOT, FREE, BUILT, CATALOG, TABLES };
extern const tkt__schema conformance_schema;

typedef struct subject {
    const char *name;
    const tkt__engine_ops *ops;
    void *engine;
    hostile *db;     /* NULL: LMDB */
    tkt__kv *kv;
    char dir[64];
    int64_t now_ms;  /* what `now` answers, unless the floor is higher */
} subject;

void subject_open(subject *s, const char *name, const hostile_options *options);
void subject_close(subject *s);

/* A key of an event: be64(id) ‖ text. Static buffers, eight in turn. */
tkt__slice key_of(uint64_t id, const char *text);
tkt__slice text_of(const char *text);
bool same(tkt__slice a, tkt__slice b);
static inline tkt__guard event_guard(uint64_t id)
{
    return (tkt__guard){ 'e', id };
}

/* One write in a body of its own. */
typedef struct one_write {
    uint8_t table;
    uint8_t op;
    tkt__slice key, value;
} one_write;
int32_t write_one(subject *s, uint8_t op, uint8_t table, uint64_t id, tkt__slice key, tkt__slice value);
int32_t read_one(subject *s, uint8_t table, tkt__slice key, char *text, size_t cap);

uint64_t rows_in(tkt__tx *tx, uint8_t table);

/* Counts the row "count" of event 10 up, once under a key of its own. */
typedef struct count_up {
    uint64_t op;
    uint32_t runs;
} count_up;
int32_t count_up_body(tkt__tx *tx, void *ctx);

/* conformance_bulk.c */
void rule_12_a_bulk_build_is_seen_whole_or_not_at_all(subject *s);
void rule_12_a_body_can_change_what_is_being_built(subject *s);

/* conformance_jobs.c */
void bodies_handed_in_together_share_a_commit(subject *s);
void bodies_handed_in_together_keep_their_own_outcomes(const char *name);

/* Rules that need threads (conformance_threads.c). */
void rule_10_all_who_wait_join_the_next_commit(const char *name);
void no_update_is_lost_among_threads(const char *name);

#endif
