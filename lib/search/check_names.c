/* SPDX-License-Identifier: MIT
 *
 * search/check_names.c: do the rows PLACE say what the lists and the catalogue say (names.c)? Each term of a
 * venue, performer or city has the rows of its name; each row belongs to such a term and is one of its name's.
 * Reads one snapshot, writes nothing.
 */
#include "search/check.h"
#include "search/names.h"

typedef struct looking {
    tkt__tx *tx;
    tkt__slice key; /* to be found among a name's rows; n 0: every row of the name must be there */
    uint32_t missing;
    bool found, city;
} looking;

static int32_t look(void *user, tkt__slice key, tkt__slice value)
{
    looking *l = user;
    tkt__slice there;
    if (l->key.n != 0) {
        l->found = l->found || tkt__slice_compare(l->key, key) == 0;
        return TKT_DONE;
    }
    int32_t status = tkt__tx_get(l->tx, TKT__T_PLACE, key, &there);
    /* How a city is written is not known here. */
    bool told = l->city || (status == TKT_DONE && tkt__slice_compare(there, value) == 0);
    l->missing += status == TKT_NOT_FOUND || (status == TKT_DONE && !told);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

static int32_t rows_of(tkt__tx *tx, tkt__slice term, looking *l)
{
    tkt__slice record;
    l->city = term.p[0] == TKT__NS_CITY;
    if (l->city)
        return tkt__city_rows(term.p + 1, (uint32_t)term.n - 1, (tkt_text){ "", 0 }, look, l);
    uint8_t kind = tkt__name_kind(term.p[0]);
    uint64_t id = tkt__get_be32(term.p + 1);
    int32_t status = tkt__entity_get(tx, kind, id, &record);
    return status == TKT_DONE ? tkt__name_rows(kind, id, record, look, l) : status;
}

/* A name that can't be read is told, and the walk goes on. */
static bool unread(int32_t status) { return status == TKT_NOT_FOUND || tkt_status_primary(status) == TKT_E_CORRUPT; }

int32_t tkt__check_name_term(tkt__tx *tx, tkt__problems *problems, tkt__slice term)
{
    looking l = { .tx = tx };
    if (!tkt__is_name_term(term.p))
        return TKT_DONE;
    int32_t status = rows_of(tx, term, &l);
    if (unread(status) || (status == TKT_DONE && l.missing > 0))
        return tkt__problem(problems, "index", "a name of namespace %u has not all of its rows", term.p[0]);
    return status;
}

typedef struct walk {
    tkt__tx *tx;
    tkt__problems *problems;
} walk;

/* The term that a row names; n 0: it is malformed. */
static uint32_t term_of(tkt__slice key, uint8_t term[1 + TKT__CITY_MAX])
{
    size_t at = 1;
    if (key.p[0] == 'g' && key.n == 9) {
        term[0] = TKT__NS_VENUE;
        memcpy(term + 1, key.p + 5, 4);
        return 5;
    }
    while (at < key.n && key.p[at] != 0)
        at++;
    if (key.p[0] != 's' || at + 2 >= key.n || key.n - at - 2 > TKT__CITY_MAX)
        return 0;
    term[0] = tkt__name_ns(key.p[at + 1]);
    memcpy(term + 1, key.p + at + 2, key.n - at - 2);
    return (uint32_t)(key.n - at - 1);
}

static int32_t check_row(void *user, tkt__slice key, tkt__slice value)
{
    walk *w = user;
    uint8_t term[1 + TKT__CITY_MAX];
    looking l = { .tx = w->tx, .key = key };
    tkt__slice row;
    (void)value;
    if (key.p[0] == 't')
        return TKT_DONE; /* a rank: of when the index was built */
    uint32_t n = term_of(key, term);
    int32_t status = n == 0 ? TKT_NOT_FOUND : tkt__tx_get(w->tx, TKT__T_TERM, tkt__slice_of(term, n), &row);
    if (status == TKT_DONE)
        status = rows_of(w->tx, tkt__slice_of(term, n), &l);
    if (unread(status) || (status == TKT_DONE && !l.found))
        return tkt__problem(w->problems, "index", "a row of a name that no event has, or that is not its name any more");
    return status;
}

int32_t tkt__check_name_rows(tkt__tx *tx, tkt__problems *problems)
{
    walk w = { tx, problems };
    return tkt__scan(tx, TKT__T_PLACE, tkt__slice_of("", 0), check_row, &w);
}
