/* SPDX-License-Identifier: MIT
 *
 * search/update.c: the change of one event in the index, in the commit that changes the event: the terms
 * of the old record and of the new one are made and compared, and only lists that differ are touched.
 *
 * A start on another day moves the document: all its postings go and come back under the new number.
 * Guard: the catalogue's. A store without index is left alone; one whose index another analyser made
 * refuses the change (-TKT_E_UPGRADE), for what is there could not be found again.
 */
#include "search/names.h"

typedef struct change {
    tkt__tx *tx;
    tkt__tx *then, *facts; /* where records before and now are read */
    uint64_t event;
    uint32_t old_doc, new_doc;                /* 0: none */
    const tkt__term *fresh[TKT__EVENT_WORDS]; /* words that nobody had */
    uint32_t fresh_n;
    uint64_t venue;                           /* of the new record */
} change;

static int32_t set(change *c, const tkt__term *term)
{
    bool fresh;
    int32_t status = tkt__list_set(c->tx, term, c->new_doc, &fresh);
    if (status != TKT_DONE || !fresh)
        return status;
    if (term->p[0] > TKT__NS_LAST && c->fresh_n < TKT__EVENT_WORDS)
        c->fresh[c->fresh_n++] = term;
    return tkt__is_name_term(term->p) ? tkt__name_begins(c->tx, c->facts, tkt__slice_of(term->p, term->n), c->venue)
                                      : TKT_DONE;
}

static int32_t drop(change *c, const tkt__term *term)
{
    bool gone;
    int32_t status = tkt__list_drop(c->tx, term, c->old_doc, &gone);
    return status == TKT_DONE && gone && tkt__is_name_term(term->p)
               ? tkt__name_ends(c->tx, c->then, c->facts, tkt__slice_of(term->p, term->n))
               : status;
}

/* Walks two sorted sets of terms. With another number everything of the old goes, everything new comes. */
static int32_t move_postings(change *c, const tkt__terms *old, const tkt__terms *new)
{
    uint32_t i = 0, k = 0;
    int32_t status = TKT_DONE;
    bool stays = c->old_doc == c->new_doc;
    while (status == TKT_DONE && (i < old->count || k < new->count)) {
        int order = i == old->count ? 1 : k == new->count ? -1 : tkt__term_compare(&old->term[i], &new->term[k]);
        if (order == 0 && stays) {
            if (old->term[i].level != new->term[k].level)
                status = set(c, &new->term[k]);
            i++, k++;
        } else if (order <= 0)
            status = drop(c, &old->term[i++]);
        else
            status = set(c, &new->term[k++]);
        if (status == TKT_DONE && order == 0 && !stays)
            status = set(c, &new->term[k++]);
    }
    return status;
}

static uint32_t column_price(int64_t minor)
{
    return minor < (int64_t)TKT__PRICE_LARGE ? (uint32_t)minor : TKT__PRICE_LARGE;
}

int32_t tkt__column_of(tkt__tx *tx, uint64_t event, const tkt__terms *terms, tkt__column *column)
{
    int64_t minor;
    char currency[TKT_CURRENCY_BYTES];
    bool more;
    memset(column, 0, sizeof *column);
    column->event = (uint32_t)event;
    column->venue = (uint32_t)terms->venue;
    column->start_ms = terms->start_ms;
    int32_t status = tkt__sale_lowest(tx, event, NULL, &minor, currency, &more);
    if (status != TKT_DONE)
        return status;
    column->price = column_price(minor);
    column->currency = tkt__column_currency(currency, more);
    return TKT_DONE;
}

static int32_t put_column(const change *c, uint32_t docno, const tkt__terms *terms)
{
    tkt__column column;
    int32_t status = tkt__column_of(c->facts, c->event, terms, &column);
    if (status == TKT_DONE)
        status = tkt__category_number(c->tx, terms->category, terms->category_n, &column.category);
    return status == TKT_DONE ? tkt__column_put(c->tx, docno, &column) : status;
}

/* The document leaves its number, with its sold-out bit in *sold_out. */
static int32_t leave(change *c, bool *sold_out)
{
    static const tkt__column none;
    int32_t status = tkt__sold_out(c->tx, c->old_doc, sold_out);
    if (status == TKT_DONE && *sold_out)
        status = tkt__sold_out_set(c->tx, c->old_doc, false);
    if (status == TKT_DONE)
        status = tkt__column_put(c->tx, c->old_doc, &none);
    return status == TKT_DONE ? tkt__doc_free(c->tx, c->old_doc) : status;
}

static int32_t place(change *c, const tkt__terms *old, const tkt__terms *new, bool there)
{
    bool sold_out = false;
    uint32_t day = tkt__day_of(new->start_ms);
    int32_t status = TKT_DONE;
    if (c->old_doc != 0 && there && tkt__day_of(old->start_ms) == day) {
        c->new_doc = c->old_doc;
        return old->start_ms == new->start_ms ? TKT_DONE : tkt__day_unsort(c->tx, c->old_doc);
    }
    if (c->old_doc != 0)
        status = leave(c, &sold_out);
    if (status == TKT_DONE && there)
        status = tkt__doc_take(c->tx, day, &c->new_doc);
    if (status == TKT_DONE && there && sold_out)
        status = tkt__sold_out_set(c->tx, c->new_doc, true);
    if (status == TKT_DONE && (there || c->old_doc != 0))
        status = tkt__doc_of_put(c->tx, c->event, c->new_doc);
    return status;
}

static int32_t apply(change *c, const tkt__terms *old, const tkt__terms *new, bool there)
{
    int32_t status = tkt__doc_of(c->tx, c->event, &c->old_doc);
    if (status == TKT_NOT_FOUND)
        c->old_doc = 0;
    else if (status != TKT_DONE)
        return status;
    c->venue = new->venue;
    status = place(c, old, new, there);
    if (status == TKT_DONE)
        status = move_postings(c, old, new);
    if (status == TKT_DONE && there)
        status = put_column(c, c->new_doc, new);
    if (status == TKT_DONE)
        status = tkt__generation_raise(c->tx, false);
    return status == TKT_DONE && c->fresh_n != 0 ? tkt__near_note(c->tx, c->event, c->fresh, c->fresh_n) : status;
}

typedef struct room {
    change change;
    tkt__terms old, new;
} room;

/* The terms of a record as they are in one state; none: no terms. */
static int32_t terms_in(const tkt__index_meta *meta, tkt__tx *tx, tkt__tx *renames, uint64_t event,
                        tkt__slice record, tkt__terms *out)
{
    return record.n != 0 ? tkt__terms_of(tx, renames, meta, event, record, out) : TKT_DONE;
}

static room *open_room(tkt_store *store, tkt__tx *tx, tkt__tx *then, tkt__tx *facts, uint64_t event)
{
    room *r = tkt__alloc(&store->hooks, sizeof *r);
    if (r == NULL)
        return NULL;
    memset(&r->change, 0, sizeof r->change);
    tkt__terms_open(&r->old, &store->hooks);
    tkt__terms_open(&r->new, &store->hooks);
    r->change.tx = tx;
    r->change.then = then;
    r->change.facts = facts;
    r->change.event = event;
    return r;
}

static void close_room(tkt_store *store, room *r)
{
    tkt__terms_free(&r->old);
    tkt__terms_free(&r->new);
    tkt__free(&store->hooks, r, sizeof *r);
}

static int32_t no_memory(void) { return tkt__fail(TKT_E_NOMEM, "no memory to index an event"); }

/* `then` and `now`: where the records and names before and after are read. */
static int32_t change_event(tkt_store *store, tkt__tx *tx, const tkt__index_meta *meta, uint64_t event,
                            tkt__tx *then, tkt__slice old_record, tkt__tx *now, tkt__slice new_record)
{
    room *r = open_room(store, tx, then, now, event);
    tkt__tx *renames = then == tx ? tx : NULL; /* else the generation is a build's and has none */
    if (r == NULL)
        return no_memory();
    int32_t status = terms_in(meta, then, renames, event, old_record, &r->old);
    if (status == TKT_DONE)
        status = terms_in(meta, now, renames, event, new_record, &r->new);
    if (status == TKT_DONE)
        status = apply(&r->change, &r->old, &r->new, new_record.n != 0);
    close_room(store, r);
    return status;
}

int32_t tkt__search_retell(tkt_store *store, tkt__tx *tx, uint64_t event, uint8_t kind, uint64_t id,
                           const uint8_t *place, tkt__slice owner, tkt__row_put_fn row_put)
{
    tkt__index_meta meta;
    tkt__slice record;
    room *r = open_room(store, tx, tx, tx, event);
    if (r == NULL)
        return no_memory();
    int32_t status = tkt__index_meta_get(tx, &meta);
    if (status == TKT_DONE)
        status = tkt__event_get(tx, event, &record);
    if (status == TKT_DONE)
        status = terms_in(&meta, tx, tx, event, record, &r->old);
    if (status == TKT_DONE)
        status = row_put(tx, kind, id, place, owner);
    if (status == TKT_DONE)
        status = terms_in(&meta, tx, tx, event, record, &r->new);
    if (status == TKT_DONE)
        status = apply(&r->change, &r->old, &r->new, true);
    close_room(store, r);
    return status == TKT_NOT_FOUND ? tkt__fail(TKT_E_CORRUPT, "event %llu is listed and not there",
                                               (unsigned long long)event)
                                   : status;
}

int32_t tkt__search_event_changed(void *user, tkt__tx *tx, uint64_t event, tkt__slice old_record,
                                  tkt__slice new_record)
{
    tkt__index_meta meta;
    int32_t status = tkt__index_meta_get(tx, &meta);
    if (status != TKT_DONE)
        return status == TKT_NOT_FOUND ? TKT_DONE : status;
    return change_event(user, tx, &meta, event, tx, old_record, tx, new_record);
}

static int32_t record_in(tkt__tx *tx, uint64_t event, tkt__slice *record)
{
    int32_t status = tkt__event_get(tx, event, record);
    if (status != TKT_NOT_FOUND)
        return status;
    *record = tkt__slice_of(NULL, 0);
    return TKT_DONE;
}

int32_t tkt__search_move_event(tkt_store *store, tkt__tx *tx, const tkt__index_meta *meta, uint64_t event,
                               tkt__tx *then, tkt__tx *now)
{
    tkt__slice old_record, new_record;
    uint64_t total, booked, available;
    uint32_t docno;
    int32_t status = record_in(then, event, &old_record);
    if (status == TKT_DONE)
        status = record_in(now, event, &new_record);
    if (status == TKT_DONE)
        status = change_event(store, tx, meta, event, then, old_record, now, new_record);
    if (status != TKT_DONE || new_record.n == 0)
        return status;
    status = tkt__inventory.places(now, event, &total, &booked, &available);
    if (status == TKT_DONE)
        status = tkt__doc_of(tx, event, &docno);
    return status == TKT_DONE ? tkt__sold_out_set(tx, docno, total != 0 && booked >= total) : status;
}

/* ---- sale facts ---------------------------------------------------------------------------------------- */

int32_t tkt__search_sale_changed(void *user, tkt__tx *tx, uint64_t event)
{
    uint32_t docno;
    tkt__column column, before;
    int64_t minor;
    char currency[TKT_CURRENCY_BYTES];
    bool more;
    (void)user;
    int32_t status = tkt__doc_of(tx, event, &docno);
    if (status == TKT_DONE)
        status = tkt__column_get(tx, docno, &column);
    if (status != TKT_DONE) /* a store without index, or an event of before it */
        return status == TKT_NOT_FOUND ? TKT_DONE : status;
    status = tkt__sale_lowest(tx, event, NULL, &minor, currency, &more);
    if (status != TKT_DONE)
        return status;
    before = column;
    column.price = column_price(minor);
    column.currency = tkt__column_currency(currency, more);
    bool same = before.price == column.price && before.currency == column.currency;
    if (!same)
        status = tkt__column_put(tx, docno, &column);
    /* Prices that the column does not hold may have changed all the same. */
    return status == TKT_DONE ? tkt__generation_raise(tx, false) : status;
}

int32_t tkt__search_availability(void *user, tkt__tx *tx, uint64_t event, bool available)
{
    tkt_store *store = user;
    uint32_t docno;
    if (tkt__kv_caps(store->kv)->remote) /* there the feed's follower keeps the set */
        return TKT_DONE;
    int32_t status = tkt__doc_of(tx, event, &docno);
    if (status == TKT_DONE)
        status = tkt__sold_out_set(tx, docno, !available);
    else
        return status == TKT_NOT_FOUND ? TKT_DONE : status;
    return status == TKT_DONE ? tkt__generation_raise(tx, true) : status;
}
