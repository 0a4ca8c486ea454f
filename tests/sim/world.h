/* SPDX-License-Identifier: MIT
 *
 * tests/sim/world.h: a small world to sell tickets in: two stores on one hostile database (two processes,
 * as it were), a clock that the test moves, a payment provider that remembers what it really did, and one
 * event: section "Hall" of SEATS seats, area "Floor" of PLACES places, all at PRICE.
 */
#ifndef TKT_TEST_WORLD_H
#define TKT_TEST_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ticketing/ticketing.h>

#include "hostile.h"

#define START_MS INT64_C(1900000000000)
#define SEATS 12
#define PLACES 16
#define PRICE INT64_C(1500)
#define ACCOUNTS_MAX 512

#define MUST(condition)                                                                               \
    do {                                                                                              \
        if (!(condition))                                                                             \
            world_failed(__FILE__, __LINE__, #condition);                                             \
    } while (0)

/* One charge or refund, as the provider knows it: the truth about money. */
typedef struct account {
    uint8_t key[TKT_KEY_BYTES];
    uint64_t intent_id;
    uint32_t refund_number; /* 0: a charge */
    int32_t fate;           /* TKT_PAY_APPROVED, DECLINED or PENDING */
    int64_t amount_minor;
    int64_t given_back;     /* of a charge: by refunds and by the provider itself */
    bool charged_back;
} account;

typedef struct world {
    const char *name; /* what runs, for the message of a failure */
    uint64_t seed, random;
    hostile *db;
    tkt_store *stores[2];
    int64_t now_ms, monotonic_ms;
    uint64_t event_id;
    uint32_t area_id;
    uint32_t units[SEATS];
    account accounts[ACCOUNTS_MAX];
    uint32_t account_n;
    uint32_t charges, refunds;
    /* What the provider answers and does; NULL: it approves. Filled in: `fate` of the account. */
    int32_t (*on_money)(struct world *w, account *a);  /* charge and refund: the answer */
    int32_t (*on_status)(struct world *w, account *a); /* NULL: the truth */
    void (*on_rival)(struct world *w);
} world;

_Noreturn void world_failed(const char *file, int line, const char *what);
uint64_t world_draw(world *w, uint64_t below);
/* faults: rates alone; NULL: none. */
void world_open(world *w, const char *name, uint64_t seed, const hostile_options *faults);
void world_close(world *w);
void world_pass(world *w, int64_t ms);

account *world_account(world *w, const uint8_t key[TKT_KEY_BYTES]);
account *world_charge_of(world *w, uint64_t intent_id); /* NULL: the provider knows of none */
/* The provider gives all of a charge back by itself, if it may. */
bool world_charge_back(account *charge);
void world_decide(world *w, account *a, bool approve);

/* tkt_check finds nothing. */
void world_check(world *w);

#endif
