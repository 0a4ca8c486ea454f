/* SPDX-License-Identifier: MIT
 *
 * search/names.h: names by their words, venues by cells (names.c), for those who write these rows, read them
 * (suggest.c, place.c), build them (build_names.c) and check them.
 */
#ifndef TKT_SEARCH_NAMES_H
#define TKT_SEARCH_NAMES_H

#include "search/search.h"
#include "text/analyse.h"

#define TKT__KIND_CITY 'c' /* beside TKT__N_VENUE and TKT__N_PERFORMER */
#define TKT__CITY_MAX 200u /* bytes of a plain city; a longer one is not suggested */
#define TKT__CELL_E7 INT64_C(2500000) /* a cell is a quarter of a degree wide and high */
#define TKT__POPULAR 4096u /* names of a kind whose rank a build writes down */

static inline bool tkt__is_name_term(const uint8_t *p)
{
    return p[0] == TKT__NS_VENUE || p[0] == TKT__NS_PERFORMER || p[0] == TKT__NS_CITY;
}

/* The kind of what a name term stands for, and back. */
static inline uint8_t tkt__name_kind(uint8_t ns)
{
    return ns == TKT__NS_CITY ? TKT__KIND_CITY : ns == TKT__NS_VENUE ? TKT__N_VENUE : TKT__N_PERFORMER;
}
static inline uint8_t tkt__name_ns(uint8_t kind)
{
    return kind == TKT__KIND_CITY ? TKT__NS_CITY : kind == TKT__N_VENUE ? TKT__NS_VENUE : TKT__NS_PERFORMER;
}

/* What a venue's or performer's record calls it, as written and plain (n bytes). */
int32_t tkt__name_of(uint8_t kind, uint64_t id, tkt__slice record, tkt_text *written, uint8_t plain[TKT__TERM_MAX],
                     size_t *n);
/* The key of the row of a plain city's whole name; 0: it is too long to have one. */
#define TKT__SPELLING_MOST 64u /* bytes of a name from a word's start on, in a row's key */
#define TKT__CITY_KEY_BYTES (1 + TKT__SPELLING_MOST + 2 + TKT__CITY_MAX)
size_t tkt__city_key(tkt__slice plain, uint8_t key[TKT__CITY_KEY_BYTES]);

typedef int32_t (*tkt__name_row_fn)(void *user, tkt__slice key, tkt__slice value);
/* Each row of a venue's or performer's record; of a city. */
int32_t tkt__name_rows(uint8_t kind, uint64_t id, tkt__slice record, tkt__name_row_fn fn, void *user);
int32_t tkt__city_rows(const uint8_t *plain, uint32_t n, tkt_text written, tkt__name_row_fn fn, void *user);

/* Every venue that has this plain name and an event. */
typedef int32_t (*tkt__name_id_fn)(void *user, uint64_t id);
int32_t tkt__venues_named(tkt__tx *tx, tkt__slice plain, tkt__name_id_fn fn, void *user);

/* Every venue whose change is not yet told to all of its events (rename.c). */
int32_t tkt__venues_moving(tkt__tx *tx, tkt__name_id_fn fn, void *user);

/* A term has its first event: its name gets rows. `venue`: the event's. */
int32_t tkt__name_begins(tkt__tx *tx, tkt__tx *facts, tkt__slice term, uint64_t venue);
/* It has none any more. `then`, `now`: where its record is, or was. */
int32_t tkt__name_ends(tkt__tx *tx, tkt__tx *then, tkt__tx *now, tkt__slice term);
/* A venue or performer has another record; an empty one: none. */
int32_t tkt__name_moves(tkt__tx *tx, uint8_t kind, uint64_t id, tkt__slice old_record, tkt__slice new_record);

void tkt__cell_key(uint32_t latitude, uint32_t longitude, uint8_t key[5]);
uint32_t tkt__cell_of(int32_t degrees_e7, int32_t offset); /* offset: 90 or 180 degrees */

#endif
