/* SPDX-License-Identifier: MIT
 *
 * store/schema.c: the list of tables. Ids, names and guard rules are part of the format; store.h says
 * what a key and a value of each hold. A table is added at the end, and with a new minor version.
 */
#include "store/store.h"

/* Guard rules, short: F fixed kind, A id at an offset, K the guard's own bytes at an offset. */
#define F(kind) TKT__GUARD_FIXED, (kind), 0, 0, false
#define A(kind, offset) TKT__GUARD_AT, (kind), (offset), 0, false
#define B(kind) TKT__GUARD_FIXED, (kind), 0, 0, true /* and built in bulk */
#define K(offset) TKT__GUARD_KEY, 0, (offset), 0, false
#define HOT true
#define COLD false
#define JOURNALED true
#define DIRECT false

static const tkt__table_def tables[TKT__T_COUNT] = {
    { TKT__T_META, "meta", COLD, DIRECT, F(TKT__G_STORE) },
    { TKT__T_GUARD, "guard", HOT, JOURNALED, K(0) },
    { TKT__T_DISCOVERY, "discovery", HOT, JOURNALED, K(16) },
    { TKT__T_FEED, "feed", HOT, JOURNALED, K(0) },
    { TKT__T_COUNTER, "counter", HOT, JOURNALED, A(TKT__G_COUNTER, 0) },
    { TKT__T_IDEM, "idem", HOT, JOURNALED, K(0) },
    { TKT__T_IDEM_AGE, "idem_age", HOT, JOURNALED, K(4) },
    { TKT__T_USER, "user", COLD, DIRECT, A(TKT__G_USER, 0) },
    { TKT__T_LOOKUP, "lookup", HOT, JOURNALED, TKT__GUARD_FREE, 0, 0, 0, false },
    { TKT__T_ENTITY, "entity", COLD, DIRECT, F(TKT__G_CATALOG) },
    { TKT__T_NAME, "name", COLD, DIRECT, F(TKT__G_CATALOG) },
    { TKT__T_EVENT, "event", COLD, DIRECT, TKT__GUARD_AT, TKT__G_EVENT, 0, TKT__G_CATALOG, false },
    { TKT__T_EVENT_LIST, "event_list", COLD, DIRECT, F(TKT__G_CATALOG) },
    { TKT__T_CHART, "chart", COLD, DIRECT, F(TKT__G_CATALOG) },
    { TKT__T_SALE, "sale", HOT, DIRECT, A(TKT__G_EVENT, 0) },
    { TKT__T_BLOCK, "block", HOT, JOURNALED, A(TKT__G_EVENT, 0) },
    { TKT__T_CLAIM, "claim", HOT, JOURNALED, A(TKT__G_EVENT, 0) },
    { TKT__T_AREA, "area", HOT, JOURNALED, A(TKT__G_EVENT, 0) },
    { TKT__T_EXPIRY, "expiry", HOT, JOURNALED, A(TKT__G_EVENT, 0) },
    { TKT__T_DUE, "due", HOT, JOURNALED, A(TKT__G_EVENT, 4) },
    { TKT__T_BUYER, "buyer", HOT, JOURNALED, A(TKT__G_EVENT, 0) },
    { TKT__T_BOOKING, "booking", HOT, JOURNALED, A(TKT__G_EVENT, 0) },
    { TKT__T_TICKET, "ticket", HOT, JOURNALED, A(TKT__G_EVENT, 0) },
    { TKT__T_MONEY, "money", HOT, JOURNALED, A(TKT__G_EVENT, 0) },
    { TKT__T_OPEN_MONEY, "open_money", HOT, JOURNALED, A(TKT__G_EVENT, 9) },
    { TKT__T_SEARCH, "s.index", COLD, DIRECT, B(TKT__G_CATALOG) },
    { TKT__T_TERM, "s.term", COLD, DIRECT, B(TKT__G_CATALOG) },
    { TKT__T_POSTING, "s.posting", COLD, DIRECT, B(TKT__G_CATALOG) },
    { TKT__T_COLUMN, "s.column", COLD, DIRECT, B(TKT__G_CATALOG) },
    { TKT__T_SOLD_OUT, "s.sold_out", COLD, DIRECT, TKT__GUARD_FREE, 0, 0, 0, true },
    { TKT__T_NEAR_WORD, "s.near_word", COLD, DIRECT, B(TKT__G_CATALOG) },
    { TKT__T_PLACE, "s.place", COLD, DIRECT, B(TKT__G_CATALOG) },
    { TKT__T_QUEUE, "queue", HOT, JOURNALED, A(TKT__G_EVENT, 0) },
};

const tkt__schema tkt__store_schema = {
    .tables = tables,
    .count = TKT__T_COUNT,
    .guard_table = TKT__T_GUARD,
    .discovery_table = TKT__T_DISCOVERY,
    .generation_table = TKT__T_META,
};
