/* SPDX-License-Identifier: MIT
 *
 * search/names.c: names by the beginnings of their words, and venues by where they are: of every performer,
 * venue and city that has an event.
 *
 * Rows of PLACE
 *   's' plain name from a word's start on (at most TKT__SPELLING_MOST bytes) ‖ 0 ‖ kind ‖ be32 id → empty, or u8 1:
 *       from its first word on
 *   's' … ‖ 0 ‖ 'c' ‖ plain city → the city as it is written
 *   'g' be16 latitude cell, be16 longitude cell, be32 venue → i32, i32 position × 10^7
 *   't' kind, be16 rank → be32 id, or the plain city: the names with most events when the index was built
 * Invariant: a name has its rows exactly while some event has its term (TERM: venue, performer, city). The
 * rows change in the body that brings the first event or takes the last, and with the name itself.
 */
#include "search/names.h"

/* ---- the rows of one name ------------------------------------------------------------------------------- */

/* `whole`: the value of the row from the first word on; the others'. */
static int32_t each_spelling(const uint8_t *plain, size_t n, uint8_t kind, const uint8_t *id, size_t id_n,
                             tkt__slice whole, tkt__slice value, tkt__name_row_fn fn, void *user)
{
    uint8_t key[1 + TKT__SPELLING_MOST + 2 + TKT__TERM_MAX] = { 's' };
    size_t first = 0; /* bytes of the row from the first word on */
    int32_t status = TKT_DONE;
    if (id_n > TKT__CITY_MAX)
        return TKT_DONE; /* a city of that length is not suggested */
    for (size_t i = 0; status == TKT_DONE && i < n; i++) {
        if (i > 0 && plain[i - 1] != ' ')
            continue;
        size_t length = n - i < TKT__SPELLING_MOST ? n - i : TKT__SPELLING_MOST;
        while (length < n - i && length > 0 && (plain[i + length] & 0xc0) == 0x80)
            length--;
        first = i == 0 ? length : first;
        if (i > 0 && length == first && memcmp(plain + i, plain, length) == 0)
            continue; /* words that repeat, cut: the same row */
        memcpy(key + 1, plain + i, length);
        key[1 + length] = 0;
        key[2 + length] = kind;
        memcpy(key + 3 + length, id, id_n);
        status = fn(user, tkt__slice_of(key, 3 + length + id_n), i == 0 ? whole : value);
    }
    return status;
}

static int32_t cell_row(uint32_t id, int32_t latitude_e7, int32_t longitude_e7, tkt__name_row_fn fn, void *user)
{
    uint8_t key[9], value[8];
    if (latitude_e7 == TKT_GEO_NONE)
        return TKT_DONE;
    tkt__cell_key(tkt__cell_of(latitude_e7, 90), tkt__cell_of(longitude_e7, 180), key);
    tkt__be32(key + 5, id);
    tkt__writer w = tkt__writer_of(value, sizeof value);
    tkt__put_u32(&w, (uint32_t)latitude_e7);
    tkt__put_u32(&w, (uint32_t)longitude_e7);
    return fn(user, tkt__slice_of(key, sizeof key), tkt__slice_of(value, sizeof value));
}

void tkt__cell_key(uint32_t latitude, uint32_t longitude, uint8_t key[5])
{
    key[0] = 'g';
    key[1] = (uint8_t)(latitude >> 8);
    key[2] = (uint8_t)latitude;
    key[3] = (uint8_t)(longitude >> 8);
    key[4] = (uint8_t)longitude;
}

uint32_t tkt__cell_of(int32_t degrees_e7, int32_t offset)
{
    return (uint32_t)(((int64_t)degrees_e7 + (int64_t)offset * 10000000) / TKT__CELL_E7);
}

int32_t tkt__name_of(uint8_t kind, uint64_t id, tkt__slice record, tkt_text *written, uint8_t plain[TKT__TERM_MAX],
                     size_t *n)
{
    tkt_venue venue = TKT_VENUE_INIT;
    tkt_performer performer = TKT_PERFORMER_INIT;
    bool place = kind == TKT__N_VENUE;
    int32_t status = place ? tkt__venue_decode(record, id, &venue) : tkt__performer_decode(record, id, &performer);
    *written = place ? venue.name : performer.name;
    return status == TKT_DONE ? tkt__text_plain(written->ptr, written->len, plain, TKT__TERM_MAX, n) : status;
}

int32_t tkt__name_rows(uint8_t kind, uint64_t id, tkt__slice record, tkt__name_row_fn fn, void *user)
{
    uint8_t plain[TKT__TERM_MAX], be[4];
    size_t n;
    tkt_text written;
    tkt_venue venue = TKT_VENUE_INIT;
    int32_t status = tkt__name_of(kind, id, record, &written, plain, &n);
    tkt__be32(be, (uint32_t)id);
    if (status == TKT_DONE)
        status = each_spelling(plain, n, kind, be, sizeof be, tkt__slice_of("\1", 1), tkt__slice_of("", 0), fn, user);
    if (status != TKT_DONE || kind != TKT__N_VENUE)
        return status;
    status = tkt__venue_decode(record, id, &venue);
    return status == TKT_DONE ? cell_row((uint32_t)id, venue.latitude_e7, venue.longitude_e7, fn, user) : status;
}

size_t tkt__city_key(tkt__slice plain, uint8_t key[TKT__CITY_KEY_BYTES])
{
    if (plain.n > TKT__SPELLING_MOST)
        return 0;
    key[0] = 's';
    memcpy(key + 1, plain.p, plain.n);
    key[1 + plain.n] = 0;
    key[2 + plain.n] = TKT__KIND_CITY;
    memcpy(key + 3 + plain.n, plain.p, plain.n);
    return 3 + 2 * plain.n;
}

int32_t tkt__city_rows(const uint8_t *plain, uint32_t n, tkt_text written, tkt__name_row_fn fn, void *user)
{
    tkt__slice name = tkt__slice_of(written.ptr, written.len);
    return each_spelling(plain, n, TKT__KIND_CITY, plain, n, name, name, fn, user);
}

/* ---- who has a name ---------------------------------------------------------------------------------------- */

typedef struct namesakes {
    tkt__tx *tx;
    tkt__slice plain;
    tkt__name_id_fn fn;
    void *user;
} namesakes;

/* A long name is cut in its row: its record tells. */
static int32_t is_named(const namesakes *n, uint64_t id, bool *is)
{
    uint8_t plain[TKT__TERM_MAX];
    tkt_text written;
    tkt__slice record;
    size_t length;
    int32_t status = tkt__entity_get(n->tx, TKT__N_VENUE, id, &record);
    if (status == TKT_DONE)
        status = tkt__name_of(TKT__N_VENUE, id, record, &written, plain, &length);
    if (status == TKT_DONE) /* cut as a filter is */
        status = tkt__text_plain(written.ptr, written.len, plain, TKT__PLAIN_MAX, &length);
    *is = status == TKT_DONE && tkt__slice_compare(tkt__slice_of(plain, length), n->plain) == 0;
    return status;
}

static int32_t one_of(void *user, tkt__slice key, tkt__slice value)
{
    const namesakes *n = user;
    bool is = value.n == 1;
    if (!is || key.n < 4)
        return TKT_DONE;
    uint64_t id = tkt__get_be32(key.p + key.n - 4);
    int32_t status = n->plain.n > TKT__SPELLING_MOST - 4 ? is_named(n, id, &is) : TKT_DONE;
    return status == TKT_DONE && is ? n->fn(n->user, id) : status;
}

int32_t tkt__venues_named(tkt__tx *tx, tkt__slice plain, tkt__name_id_fn fn, void *user)
{
    namesakes n = { tx, plain, fn, user };
    uint8_t prefix[1 + TKT__SPELLING_MOST + 2] = { 's' };
    size_t length = plain.n < TKT__SPELLING_MOST ? plain.n : TKT__SPELLING_MOST;
    while (length < plain.n && length > 0 && (plain.p[length] & 0xc0) == 0x80)
        length--;
    if (length == 0)
        return TKT_DONE;
    memcpy(prefix + 1, plain.p, length);
    prefix[1 + length] = 0;
    prefix[2 + length] = TKT__N_VENUE;
    return tkt__scan(tx, TKT__T_PLACE, tkt__slice_of(prefix, 3 + length), one_of, &n);
}

/* ---- in a body ------------------------------------------------------------------------------------------------ */

static int32_t put_row(void *user, tkt__slice key, tkt__slice value) { return tkt__tx_put(user, TKT__T_PLACE, key, value); }

static int32_t del_row(void *user, tkt__slice key, tkt__slice value)
{
    (void)value;
    return tkt__tx_del(user, TKT__T_PLACE, key);
}

int32_t tkt__name_begins(tkt__tx *tx, tkt__tx *facts, tkt__slice term, uint64_t venue)
{
    tkt__slice record;
    uint64_t id = term.n == 5 ? tkt__get_be32(term.p + 1) : 0;
    tkt_venue v = TKT_VENUE_INIT;
    int32_t status;
    if (term.p[0] == TKT__NS_CITY) { /* as the first event's venue writes it */
        status = tkt__venue_read(facts, venue, &v);
        return status == TKT_DONE ? tkt__city_rows(term.p + 1, (uint32_t)term.n - 1, v.city, put_row, tx) : status;
    }
    uint8_t kind = tkt__name_kind(term.p[0]);
    status = tkt__entity_get(facts, kind, id, &record);
    return status == TKT_DONE ? tkt__name_rows(kind, id, record, put_row, tx) : status;
}

int32_t tkt__name_ends(tkt__tx *tx, tkt__tx *then, tkt__tx *now, tkt__slice term)
{
    tkt__slice record;
    uint64_t id = term.n == 5 ? tkt__get_be32(term.p + 1) : 0;
    if (term.p[0] == TKT__NS_CITY)
        return tkt__city_rows(term.p + 1, (uint32_t)term.n - 1, (tkt_text){ "", 0 }, del_row, tx);
    uint8_t kind = tkt__name_kind(term.p[0]);
    int32_t status = tkt__entity_get(now, kind, id, &record);
    if (status == TKT_NOT_FOUND) /* it is gone too: as it was */
        status = tkt__entity_get(then, kind, id, &record);
    return status == TKT_DONE ? tkt__name_rows(kind, id, record, del_row, tx) : status;
}

int32_t tkt__name_moves(tkt__tx *tx, uint8_t kind, uint64_t id, tkt__slice old_record, tkt__slice new_record)
{
    uint8_t term[5] = { tkt__name_ns(kind) };
    tkt__slice row;
    tkt__be32(term + 1, (uint32_t)id);
    int32_t status = tkt__tx_get(tx, TKT__T_TERM, tkt__slice_of(term, sizeof term), &row);
    if (status != TKT_DONE) /* without an event it has no rows */
        return status == TKT_NOT_FOUND ? TKT_DONE : status;
    if (old_record.n != 0)
        status = tkt__name_rows(kind, id, old_record, del_row, tx);
    return status == TKT_DONE && new_record.n != 0 ? tkt__name_rows(kind, id, new_record, put_row, tx) : status;
}
