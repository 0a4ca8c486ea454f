/* SPDX-License-Identifier: MIT
 *
 * tests/crash/faults.h: what the files of the fault program share: the fault that is armed, the store that is tried
 * on, and the calls that are tried.
 *
 *   faults_inject.c  allocation, and the system calls, with a count
 *   faults_world.c   the store that every try begins with, and short ways to make requests
 *   faults_steps.c   the public calls, and their list
 *   faults_more.c    the rest of them, and
 *   faults_service.c those of the service
 *   faults.c         the tries
 */
#ifndef TKT_CRASH_FAULTS_H
#define TKT_CRASH_FAULTS_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ticketing/ticketing.h>

#define MUST(condition)                                                                                    \
    do {                                                                                                   \
        if (!(condition)) {                                                                                \
            fprintf(stderr, "%s:%d: %s (%s) in %s, fault %s %ld\n", __FILE__, __LINE__, #condition,        \
                    tkt_error_text(), step_name, fault_names[fault], fault_at);                            \
            exit(1);                                                                                       \
        }                                                                                                  \
    } while (0)

/* ---- the fault ------------------------------------------------------------------------------------------ */

/* ALLOCATION: by the host's hook. MALLOC: by the C library, as LMDB and the other libraries do. */
enum { NO_FAULT, ALLOCATION, MALLOC, IO_ERROR, DISK_FULL, FAULTS };
extern const char *const fault_names[];
extern int fault;
extern bool lasting;        /* from then on */
extern long fault_at, seen; /* the fault_at-th fails; counted so far */
extern long blocks;         /* of memory, not yet given back */
extern const char *step_name;
void *allocate(void *user, void *p, size_t old, size_t n); /* the hook */

/* ---- the world ------------------------------------------------------------------------------------------ */

extern char base[128], dir[192], file[256];
extern tkt_store *store;
extern uint64_t event_id, empty_id, hall_id, band_id, user_id, intent_id, booked[2];
extern uint32_t area_id;
extern tkt_hold held[4];
tkt_text text(const char *s);
tkt_options *options_of(void);
int32_t open_at(const char *path);
void close_it(void);
void key_of(uint8_t key[TKT_KEY_BYTES], uint8_t n);
tkt_reserve_request places(uint32_t n, uint8_t key);
tkt_confirm_request paying(int which, uint32_t flags, uint8_t key);
tkt_hold_request on_hold(int which, uint8_t key);
tkt_booking_request on_booking(int which, uint8_t key);
tkt_event concert(const char *external);
void make_base(void);

/* ---- the calls ------------------------------------------------------------------------------------------ */

typedef struct step {
    const char *name;
    int32_t (*run)(void);
    int32_t again; /* what a second call says when the first had its effect; 0: not asked */
    bool json;     /* by yajl, which does not look at what malloc gives: that does not fail then */
} step;
extern const step steps[]; /* ends in a name of NULL */

int32_t do_records(void);
int32_t do_sale(void);
int32_t do_ledger(void);
int32_t do_full_query(void);
int32_t do_batch_of_all(void);
int32_t do_performer_update(void);
int32_t do_performer_delete(void);
int32_t do_user_update(void);
int32_t do_user_delete(void);
int32_t do_venue_delete(void);
int32_t do_clock(void);
int32_t do_chart_json(void);
int32_t do_chart_build(void);
int32_t do_settings(void);
int32_t do_feed(void);
int32_t do_queue(void);
int32_t do_queue_end(void);
int32_t do_api_reads(void);
int32_t do_api_reserve(void);

#endif
