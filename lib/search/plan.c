/* SPDX-License-Identifier: MIT
 *
 * search/plan.c: from terms to open lists: filters become clauses, what nobody has falls away, the clause
 * with the fewest postings leads. Order afterwards: MUST by cost (phrases, which read texts, last), SHOULD,
 * NOT.
 */
#include "search/names.h"
#include "search/query.h"

#include <stdlib.h>

#define PHRASE_COST (UINT64_C(1) << 40) /* behind every clause without one */

static int32_t no_memory(void) { return tkt__fail(TKT_E_NOMEM, "no memory for a search"); }

/* ---- filters ------------------------------------------------------------------------------------------ */

static int32_t add_leaf(tkt__search *s, tkt__part *part, tkt__slice term)
{
    tkt__leaf *leaf = &part->leaf[part->leaves];
    memset(leaf, 0, sizeof *leaf);
    int32_t status = tkt__tx_get(s->tx, TKT__T_TERM, term, &leaf->record);
    if (status != TKT_DONE)
        return status == TKT_NOT_FOUND ? TKT_DONE : status;
    part->leaves++;
    return TKT_DONE;
}

static tkt__part *new_clause(tkt__search *s, uint32_t leaves, bool before_window)
{
    tkt__part *part = tkt__arena_get(&s->arena, sizeof *part);
    tkt__leaf *leaf = tkt__arena_get(&s->arena, (leaves + (leaves == 0)) * sizeof *leaf);
    if (part == NULL || leaf == NULL)
        return NULL;
    memset(part, 0, sizeof *part);
    part->leaf = leaf;
    tkt__clause *c = &s->clause[s->clauses++];
    memset(c, 0, sizeof *c);
    c->kind = TKT__MUST;
    c->before_window = before_window;
    c->alternatives = 1;
    c->alternative[0] = (tkt__alternative){ 1, part };
    return part;
}

typedef struct id_set {
    tkt__search *s;
    uint32_t *id, n, room;
} id_set;

static int32_t keep_id(void *user, uint64_t id)
{
    id_set *set = user;
    if (set->n == set->room) {
        uint32_t room = set->room == 0 ? 16 : 2 * set->room, *grown = tkt__arena_get(&set->s->arena, room * sizeof *grown);
        if (grown == NULL)
            return no_memory();
        if (set->n > 0)
            memcpy(grown, set->id, set->n * sizeof *grown);
        set->id = grown;
        set->room = room;
    }
    set->id[set->n++] = (uint32_t)id;
    return TKT_DONE;
}

static int32_t add_id_leaf(tkt__search *s, tkt__part *part, uint8_t ns, uint32_t id)
{
    uint8_t term[5] = { ns };
    tkt__be32(term + 1, id);
    return add_leaf(s, part, tkt__slice_of(term, sizeof term));
}

static int32_t add_id_leaves(tkt__search *s, tkt__part *part, uint8_t ns, const id_set *ids)
{
    int32_t status = part != NULL ? TKT_DONE : no_memory();
    for (uint32_t i = 0; status == TKT_DONE && i < ids->n; i++)
        status = add_id_leaf(s, part, ns, ids->id[i]);
    return status;
}

/* Any of the terms, or of the venues. */
static int32_t add_set(tkt__search *s, const tkt__filter_set *set, const id_set *venues)
{
    if (set->n == 0)
        return TKT_DONE;
    tkt__part *part = new_clause(s, set->n + venues->n, false);
    int32_t status = part != NULL ? TKT_DONE : no_memory();
    for (uint32_t i = 0; status == TKT_DONE && i < set->n; i++)
        status = add_leaf(s, part, set->term[i]);
    return status == TKT_DONE ? add_id_leaves(s, part, TKT__NS_VENUE, venues) : status;
}

/* ---- places ------------------------------------------------------------------------------------------------- */

/* Venues that have moved and some of whose events are still listed under the old place: those that are in the places
 * asked for now, and those that are not, whatever list their events are in. */
typedef struct moving {
    tkt__search *s;
    id_set city, country, out;
} moving;

static int32_t is_in(const tkt__filter_set *set, uint8_t ns, tkt_text place, bool *in)
{
    uint8_t term[TKT__TERM_MAX];
    uint32_t n;
    int32_t status = tkt__term_fold(ns, place.ptr, place.len, term, &n);
    *in = false;
    for (uint32_t i = 0; status == TKT_DONE && i < set->n; i++)
        *in = *in || (n > 1 && set->term[i].n == n && memcmp(set->term[i].p, term, n) == 0);
    return status;
}

static int32_t sort_moving(void *user, uint64_t id)
{
    moving *m = user;
    const tkt_query *q = m->s->query;
    tkt_venue venue = TKT_VENUE_INIT;
    bool city, country;
    int32_t status = tkt__venue_read(m->s->tx, id, &venue);
    if (status == TKT_DONE)
        status = is_in(&q->city, TKT__NS_CITY, venue.city, &city);
    if (status == TKT_DONE)
        status = is_in(&q->country, TKT__NS_COUNTRY, venue.country, &country);
    if (status == TKT_DONE && city)
        status = keep_id(&m->city, id);
    if (status == TKT_DONE && country)
        status = keep_id(&m->country, id);
    if (status == TKT_DONE && ((q->city.n > 0 && !city) || (q->country.n > 0 && !country)))
        status = keep_id(&m->out, id);
    return status;
}

static int32_t add_moved_away(tkt__search *s, const id_set *out)
{
    if (out->n == 0)
        return TKT_DONE;
    tkt__part *part = new_clause(s, out->n, false);
    if (part != NULL)
        s->clause[s->clauses - 1].kind = TKT__NOT;
    return add_id_leaves(s, part, TKT__NS_VENUE, out);
}

/* Venues by id, and by names: each venue of that name. */
static int32_t add_venues(tkt__search *s)
{
    const tkt__filter_set *asked = &s->query->venue;
    id_set ids = { .s = s };
    int32_t status = TKT_DONE;
    if (asked->n == 0)
        return TKT_DONE;
    for (uint32_t i = 0; status == TKT_DONE && i < asked->n; i++) {
        tkt__slice term = asked->term[i], rest = tkt__slice_of(term.p + 1, term.n - 1);
        if (term.p[0] == TKT__NS_VENUE_NAME)
            status = tkt__venues_named(s->tx, rest, keep_id, &ids);
        else if (rest.n == 4) /* else a number that no venue can have */
            status = keep_id(&ids, tkt__get_be32(rest.p));
    }
    return status == TKT_DONE ? add_id_leaves(s, new_clause(s, ids.n, false), TKT__NS_VENUE, &ids) : status;
}

/* One city and one category have lists of their own together. TKT_NOT_FOUND: too long for that. */
static int32_t add_pair(tkt__search *s, tkt__slice city, tkt__slice category)
{
    uint8_t term[TKT__TERM_MAX];
    uint32_t n = tkt__term_pair(city.p, (uint32_t)city.n, category.p, (uint32_t)category.n, term);
    if (n == 0)
        return TKT_NOT_FOUND;
    uint8_t *copy = tkt__arena_copy(&s->arena, term, n);
    tkt__part *part = new_clause(s, 1, false);
    return copy != NULL && part != NULL ? add_leaf(s, part, tkt__slice_of(copy, n)) : no_memory();
}

static int32_t add_durations(tkt__search *s)
{
    tkt__part *part = new_clause(s, TKT__DURATIONS, true);
    int32_t status = part != NULL ? TKT_DONE : no_memory();
    s->longest_ms = 0;
    for (uint8_t class = 1; status == TKT_DONE && class <= TKT__DURATIONS; class++) {
        const uint8_t term[2] = { TKT__NS_DURATION, class };
        uint8_t *copy = tkt__arena_copy(&s->arena, term, sizeof term);
        uint32_t before = part->leaves;
        status = copy != NULL ? add_leaf(s, part, tkt__slice_of(copy, sizeof term)) : no_memory();
        if (status == TKT_DONE && part->leaves > before)
            s->longest_ms = tkt__duration_most_ms[class];
    }
    return status;
}

/* A radius that holds few venues asks for their lists. */
static int32_t add_circle(tkt__search *s)
{
    uint64_t *venue;
    uint32_t n;
    bool told;
    int32_t status = tkt__near_venues(s, &venue, &n, &told);
    if (status != TKT_DONE || !told)
        return status;
    tkt__part *part = new_clause(s, n, false);
    if (part == NULL)
        return no_memory();
    for (uint32_t i = 0; status == TKT_DONE && i < n; i++)
        status = add_id_leaf(s, part, TKT__NS_VENUE, (uint32_t)venue[i]);
    return status;
}

static int32_t add_places(tkt__search *s)
{
    const tkt_query *q = s->query;
    moving m = { s, { .s = s }, { .s = s }, { .s = s } };
    int32_t status = TKT_DONE;
    if (q->city.n > 0 || q->country.n > 0)
        status = tkt__venues_moving(s->tx, sort_moving, &m);
    bool still = m.city.n == 0 && m.country.n == 0 && m.out.n == 0, paired = false;
    if (status == TKT_DONE && still && q->city.n == 1 && q->category.n == 1) {
        status = add_pair(s, q->city.term[0], q->category.term[0]);
        paired = status == TKT_DONE;
        status = status == TKT_NOT_FOUND ? TKT_DONE : status;
    }
    const id_set none = { .s = s };
    if (status == TKT_DONE && !paired)
        status = add_set(s, &q->city, &m.city);
    if (status == TKT_DONE && !paired)
        status = add_set(s, &q->category, &none);
    if (status == TKT_DONE)
        status = add_set(s, &q->country, &m.country);
    return status == TKT_DONE ? add_moved_away(s, &m.out) : status;
}

static int32_t add_filters(tkt__search *s)
{
    const tkt_query *q = s->query;
    const id_set none = { .s = s };
    int32_t status = add_places(s);
    if (status == TKT_DONE)
        status = add_venues(s);
    if (status == TKT_DONE)
        status = add_set(s, &q->performer, &none);
    if (status == TKT_DONE)
        status = add_circle(s);
    if (status == TKT_DONE && q->during && q->from_ms != INT64_MIN)
        status = add_durations(s);
    return status;
}

/* ---- what nobody has ------------------------------------------------------------------------------------ */

static void prune_clause(tkt__clause *c)
{
    uint32_t kept = 0;
    for (uint32_t a = 0; a < c->alternatives; a++) {
        bool whole = true;
        for (uint32_t p = 0; p < c->alternative[a].parts; p++)
            whole = whole && c->alternative[a].part[p].leaves > 0;
        if (whole)
            c->alternative[kept++] = c->alternative[a];
    }
    c->alternatives = kept;
}

static void prune(tkt__search *s)
{
    uint32_t kept = 0, should = 0, left = 0;
    for (uint32_t i = 0; i < s->clauses; i++) {
        tkt__clause *c = &s->clause[i];
        prune_clause(c);
        should += c->kind == TKT__SHOULD;
        left += c->kind == TKT__SHOULD && c->alternatives > 0;
        bool must = c->kind == TKT__MUST;
        if (must && c->alternatives == 0 && !c->before_window)
            s->empty = true;
        if (c->alternatives > 0 || (must && c->before_window))
            s->clause[kept++] = *c;
    }
    s->clauses = kept;
    s->empty = s->empty || (should > 0 && left == 0);
}

static bool is_union(const tkt__clause *c)
{
    return c->phrase == NULL && c->alternatives == 1 && c->alternative[0].parts == 1;
}

/* Any of one word is that word. Where no word scores, any of several is the same as one word with all of their lists. Both
 * are read faster so. */
static int32_t join_should(tkt__search *s)
{
    uint32_t leaves = 0, clauses = 0, kept = 0;
    tkt__clause *last = NULL;
    bool unions = true;
    for (uint32_t i = 0; i < s->clauses; i++)
        if (s->clause[i].kind == TKT__SHOULD) {
            last = &s->clause[i];
            unions = unions && is_union(last);
            leaves += last->alternative[0].part->leaves;
            clauses++;
        }
    if (clauses == 1)
        last->kind = TKT__MUST;
    if (clauses < 2 || !unions || s->relevance)
        return TKT_DONE;
    tkt__part *all = tkt__arena_get(&s->arena, sizeof *all);
    tkt__leaf *leaf = tkt__arena_get(&s->arena, leaves * sizeof *leaf);
    if (all == NULL || leaf == NULL)
        return no_memory();
    memset(all, 0, sizeof *all);
    all->leaf = leaf;
    for (uint32_t i = 0; i < s->clauses; i++) {
        tkt__clause *c = &s->clause[i];
        if (c->kind != TKT__SHOULD) {
            s->clause[kept++] = *c;
            continue;
        }
        const tkt__part *part = c->alternative[0].part;
        memcpy(leaf + all->leaves, part->leaf, part->leaves * sizeof *leaf);
        if (all->leaves == 0) {
            c->kind = TKT__MUST;
            c->alternative[0].part = all;
            s->clause[kept++] = *c;
        }
        all->leaves += part->leaves;
    }
    s->clauses = kept;
    return TKT_DONE;
}

static int32_t add_all(tkt__search *s)
{
    static const uint8_t all[1] = { TKT__NS_ALL };
    for (uint32_t i = 0; i < s->clauses; i++)
        if (s->clause[i].kind != TKT__NOT && !s->clause[i].before_window)
            return TKT_DONE;
    tkt__part *part = new_clause(s, 1, false);
    int32_t status = part != NULL ? add_leaf(s, part, tkt__slice_of(all, sizeof all)) : no_memory();
    s->empty = s->empty || (status == TKT_DONE && part->leaves == 0);
    return status;
}

/* ---- lists --------------------------------------------------------------------------------------------------- */

static int32_t open_part(tkt__search *s, tkt__part *part, bool levels, uint64_t *sum)
{
    int32_t status = TKT_DONE;
    *sum = 0;
    for (uint32_t l = 0; status == TKT_DONE && l < part->leaves; l++) {
        tkt__leaf *leaf = &part->leaf[l];
        status = tkt__reader_open(s->tx, leaf->record, levels, &s->arena, s->shared, &s->work, &leaf->reader);
        *sum += leaf->reader.n;
    }
    if (status != TKT_DONE || part->leaves < 2)
        return status;
    part->heap = tkt__arena_get(&s->arena, part->leaves * sizeof *part->heap);
    if (part->heap == NULL)
        return no_memory();
    for (uint32_t l = 0; l < part->leaves; l++)
        part->heap[l] = (tkt__heap_item){ 0, l };
    return TKT_DONE;
}

static int32_t open_clause(tkt__search *s, tkt__clause *c)
{
    bool levels = c->scores && s->relevance;
    int32_t status = TKT_DONE;
    c->cost = c->phrase != NULL ? PHRASE_COST : 0;
    c->leaves = 0;
    for (uint32_t a = 0; status == TKT_DONE && a < c->alternatives; a++) {
        uint64_t least = UINT64_MAX, sum;
        for (uint32_t p = 0; status == TKT_DONE && p < c->alternative[a].parts; p++) {
            status = open_part(s, &c->alternative[a].part[p], levels, &sum);
            c->leaves += c->alternative[a].part[p].leaves;
            least = sum < least ? sum : least;
        }
        c->cost += least;
    }
    return status;
}

static int compare(const void *a, const void *b)
{
    const tkt__clause *x = a, *y = b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return (x->cost > y->cost) - (x->cost < y->cost);
}

int32_t tkt__plan(tkt__search *s)
{
    int32_t status = add_filters(s);
    if (status == TKT_DONE) {
        prune(s);
        status = join_should(s);
    }
    if (status == TKT_DONE)
        status = add_all(s);
    if (status == TKT_DONE && !s->empty)
        status = tkt__tx_cursor_open(s->tx, TKT__T_POSTING, &s->shared);
    for (uint32_t i = 0; status == TKT_DONE && !s->empty && i < s->clauses; i++)
        status = open_clause(s, &s->clause[i]);
    if (status == TKT_DONE)
        qsort(s->clause, s->clauses, sizeof s->clause[0], compare);
    return status;
}

void tkt__plan_close(tkt__search *s)
{
    for (uint32_t c = 0; c < s->clauses; c++)
        for (uint32_t a = 0; a < s->clause[c].alternatives; a++)
            for (uint32_t p = 0; p < s->clause[c].alternative[a].parts; p++) {
                tkt__part *part = &s->clause[c].alternative[a].part[p];
                for (uint32_t l = 0; l < part->leaves; l++)
                    tkt__reader_close(&part->leaf[l].reader);
            }
    tkt__cursor_close(s->shared);
}
