/* SPDX-License-Identifier: MIT
 *
 * catalog/check.c: the catalogue's part of tkt_check: venues, performers, users and their names.
 *
 * Rules, by their names in a problem:
 *   record        a record that does not decode          id        an id that was never leased
 *   name-missing  a record without its name row
 *   name-row      a name row without its record, or not under the fold of its name
 *   count         a count row that is not the recount
 * check_event.c and check_chart.c have the rest. Reads only: a crash leaves nothing behind.
 */
#include "catalog/check.h"

typedef unsigned long long ull;

int32_t tkt__walk_table(tkt__walk *walk, uint8_t table, tkt__row_fn fn)
{
    tkt__cursor *cursor;
    tkt__slice k, v, first = { (const uint8_t *)"", 0 };
    int32_t rc = tkt__tx_cursor_open(walk->tx, table, &cursor);
    if (rc != TKT_DONE)
        return rc;
    rc = tkt__cursor_seek(cursor, first, &k, &v);
    while (rc == TKT_DONE) {
        rc = fn(walk, k, v);
        if (rc == TKT_DONE)
            rc = tkt__cursor_next(cursor, &k, &v);
    }
    tkt__cursor_close(cursor);
    return rc == TKT_NOT_FOUND ? TKT_DONE : rc;
}

int32_t tkt__check_id(tkt__walk *walk, uint32_t kind, uint64_t id, const char *what)
{
    if (id != 0 && id < walk->next[kind])
        return TKT_DONE;
    return tkt__problem(walk->problems, "id", "%s %llu has an id that was never leased", what,
                        (ull)id);
}

int32_t tkt__check_decoded(tkt__walk *walk, int32_t rc, const char *rule)
{
    if (tkt_status_primary(rc) != TKT_E_CORRUPT)
        return rc;
    return tkt__problem(walk->problems, rule, "%s", tkt_error_text());
}

/* A name row must be there and name `id`. */
static int32_t check_named(tkt__walk *walk, uint8_t table, tkt__slice key, const char *what,
                           uint64_t id)
{
    uint64_t owner = 0;
    int32_t rc = tkt__row_id(walk->tx, table, key, &owner);
    if (rc == TKT_DONE && owner == id)
        return TKT_DONE;
    if (rc != TKT_DONE && rc != TKT_NOT_FOUND)
        return tkt__check_decoded(walk, rc, "name-row");
    return tkt__problem(walk->problems, "name-missing", "%s %llu is not found by its name", what,
                        (ull)id);
}

/* ---- records → names ------------------------------------------------------------------------- */

/* The name key that a record asks for. */
static int32_t key_of(uint8_t kind, tkt__slice record, uint64_t id, uint8_t key[TKT__KEY_MAX],
                      size_t *n)
{
    tkt_venue venue;
    tkt_performer performer;
    int32_t rc;
    if (kind == TKT__N_VENUE) {
        rc = tkt__venue_decode(record, id, &venue);
        return rc != TKT_DONE ? rc : tkt__venue_key(venue.name, venue.city, venue.country, key, n);
    }
    rc = tkt__performer_decode(record, id, &performer);
    return rc != TKT_DONE ? rc : tkt__performer_key(performer.name, key, n);
}

static int32_t check_entity(tkt__walk *walk, tkt__slice k, tkt__slice v)
{
    uint8_t key[TKT__KEY_MAX];
    size_t n = 0;
    if (k.n != 9)
        return tkt__problem(walk->problems, "record", "an entity key has %zu bytes", k.n);
    uint64_t id = tkt__get_be64(k.p + 1);
    uint8_t kind = k.p[0];
    if (id == 0 && (kind == TKT__N_VENUE || kind == TKT__N_PERFORMER || kind == TKT__N_EVENT))
        return TKT_DONE; /* a count: check_counts */
    if (kind != TKT__N_VENUE && kind != TKT__N_PERFORMER)
        return tkt__problem(walk->problems, "record", "entity kind %u is not known", kind);
    const char *what = kind == TKT__N_VENUE ? "venue" : "performer";
    uint32_t id_kind = kind == TKT__N_VENUE ? TKT__ID_VENUE : TKT__ID_PERFORMER;
    walk->seen[id_kind]++;
    int32_t rc = tkt__check_id(walk, id_kind, id, what);
    if (rc != TKT_DONE)
        return rc;
    rc = key_of(kind, v, id, key, &n);
    if (rc != TKT_DONE)
        return tkt__check_decoded(walk, rc, "record");
    return check_named(walk, TKT__T_NAME, tkt__slice_of(key, n), what, id);
}

static int32_t check_user(tkt__walk *walk, tkt__slice k, tkt__slice v)
{
    tkt_user user;
    uint8_t key[TKT__KEY_MAX];
    if (k.n != 8)
        return tkt__problem(walk->problems, "record", "a user key has %zu bytes", k.n);
    uint64_t id = tkt__get_be64(k.p);
    if (id == 0)
        return TKT_DONE;
    walk->seen[TKT__ID_USER]++;
    int32_t rc = tkt__check_id(walk, TKT__ID_USER, id, "user");
    if (rc != TKT_DONE)
        return rc;
    rc = tkt__user_decode(v, id, &user);
    if (rc != TKT_DONE)
        return tkt__check_decoded(walk, rc, "record");
    size_t texts = user.external.len + user.name.len + user.email.len + user.address.len;
    if (user.erased != 0 && texts > 0)
        return tkt__problem(walk->problems, "record", "erased user %llu keeps texts", (ull)id);
    if (user.external.len == 0)
        return TKT_DONE;
    size_t n = tkt__user_key(tkt__slice_of(user.external.ptr, user.external.len), key);
    return check_named(walk, TKT__T_LOOKUP, tkt__slice_of(key, n), "user", id);
}

/* ---- names → records ------------------------------------------------------------------------- */

static int32_t bad_name(tkt__walk *walk, const char *what, uint64_t id)
{
    return tkt__problem(walk->problems, "name-row",
                        "a name row names %s %llu, which is not there or has another name", what,
                        (ull)id);
}

static int32_t check_event_name(tkt__walk *walk, tkt__slice k, uint64_t id)
{
    tkt__slice record;
    tkt_text external;
    int32_t rc = tkt__event_get(walk->tx, id, &record);
    if (rc == TKT_NOT_FOUND)
        return bad_name(walk, "event", id);
    if (rc == TKT_DONE)
        rc = tkt__event_external(record, &external);
    if (rc != TKT_DONE)
        return tkt__check_decoded(walk, rc, "record");
    tkt__slice name = tkt__slice_of(k.p + 1, k.n - 1);
    if (tkt__slice_compare(name, tkt__slice_of(external.ptr, external.len)) != 0)
        return bad_name(walk, "event", id);
    return TKT_DONE;
}

static int32_t check_name(tkt__walk *walk, tkt__slice k, tkt__slice v)
{
    uint8_t key[TKT__KEY_MAX];
    size_t n = 0;
    tkt__slice record;
    tkt__reader r = tkt__reader_of(v);
    uint64_t id = tkt__get_u64(&r);
    if (r.bad || r.p != r.end || k.n == 0)
        return tkt__problem(walk->problems, "name-row", "a name row is malformed");
    if (k.p[0] == TKT__N_EVENT)
        return check_event_name(walk, k, id);
    if (k.p[0] != TKT__N_VENUE && k.p[0] != TKT__N_PERFORMER)
        return tkt__problem(walk->problems, "name-row", "name kind %u is not known", k.p[0]);
    const char *what = k.p[0] == TKT__N_VENUE ? "venue" : "performer";
    int32_t rc = tkt__entity_get(walk->tx, k.p[0], id, &record);
    if (rc == TKT_NOT_FOUND)
        return bad_name(walk, what, id);
    if (rc == TKT_DONE)
        rc = key_of(k.p[0], record, id, key, &n);
    if (rc != TKT_DONE)
        return tkt__check_decoded(walk, rc, "record");
    return tkt__slice_compare(k, tkt__slice_of(key, n)) == 0 ? TKT_DONE : bad_name(walk, what, id);
}

static int32_t check_lookup(tkt__walk *walk, tkt__slice k, tkt__slice v)
{
    tkt__slice record;
    tkt_user user;
    if (k.n == 0 || k.p[0] != TKT__L_USER_NAME)
        return TKT_DONE; /* booking's rows */
    tkt__reader r = tkt__reader_of(v);
    uint64_t id = tkt__get_u64(&r);
    int32_t rc = r.bad ? TKT_NOT_FOUND : tkt__user_get(walk->tx, id, &record);
    if (rc == TKT_NOT_FOUND)
        return bad_name(walk, "user", id);
    if (rc == TKT_DONE)
        rc = tkt__user_decode(record, id, &user);
    if (rc != TKT_DONE)
        return tkt__check_decoded(walk, rc, "record");
    tkt__slice name = tkt__slice_of(k.p + 1, k.n - 1);
    bool same = tkt__slice_compare(name, tkt__slice_of(user.external.ptr, user.external.len)) == 0;
    return same && user.erased == 0 ? TKT_DONE : bad_name(walk, "user", id);
}

int32_t tkt__check_entities(tkt__walk *walk)
{
    int32_t rc = tkt__walk_table(walk, TKT__T_ENTITY, check_entity);
    if (rc == TKT_DONE)
        rc = tkt__walk_table(walk, TKT__T_USER, check_user);
    if (rc == TKT_DONE)
        rc = tkt__walk_table(walk, TKT__T_NAME, check_name);
    if (rc == TKT_DONE)
        rc = tkt__walk_table(walk, TKT__T_LOOKUP, check_lookup);
    return rc;
}
