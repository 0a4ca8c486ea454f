/* SPDX-License-Identifier: MIT
 *
 * search/match.c: what only a document's own facts can tell: the edges of the window, price, distance,
 * what is free, phrases. Columns are read chunk by chunk, in rising order; what a venue's record says is
 * kept for the search.
 */
#include "search/column.h"
#include "search/query.h"

#include <math.h>

#define EARTH_M 6371008.8 /* mean radius, IUGG 1980 */
#define VENUES_FIRST 256u /* a power of two */
#define EDGE_FEW 4u       /* documents on an edge of the window that are asked each, not found by the day's order */

typedef struct venue_fact {
    uint32_t id; /* 0: nothing here yet */
    bool has_city;
    int64_t distance_m; /* −1: no position */
    bool within;
    tkt__slice city;
} venue_fact;

/* A day that the window's edge falls into. */
typedef struct edge {
    bool known;
    uint32_t slots; /* those below are in order of their start */
    uint32_t slot;  /* the first of them that starts at or after the edge */
} edge;

typedef struct tkt__matcher {
    tkt__cursor *column;
    uint32_t row; /* that `columns` is of; UINT32_MAX: none */
    tkt__columns columns;
    uint32_t low_day, high_day;
    edge low, high;
    bool window, priced, placed;
    uint16_t priced_in; /* the currency that the bounds of price are written in, 0: none */
    int64_t least, most;
    venue_fact *venue;
    uint32_t venues, room;
} tkt__matcher;

int32_t tkt__matcher_open(tkt__search *s)
{
    const tkt_query *q = s->query;
    tkt__matcher *m = tkt__arena_get(&s->arena, sizeof *m);
    if (m == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for a search");
    memset(m, 0, sizeof *m);
    s->matcher = m;
    m->row = UINT32_MAX;
    m->window = q->from_ms != INT64_MIN || q->to_ms != INT64_MAX;
    m->low_day = tkt__day_of(q->from_ms);
    m->high_day = tkt__day_of(q->to_ms);
    m->priced = q->min_minor != INT64_MIN || q->max_minor != INT64_MAX || q->currency[0] != '\0' ||
                s->sort == TKT_SORT_PRICE;
    m->least = q->min_minor;
    m->most = q->max_minor;
    m->placed = q->near;
    return tkt__tx_cursor_open(s->tx, TKT__T_COLUMN, &m->column);
}

void tkt__matcher_close(tkt__search *s)
{
    if (s->matcher != NULL)
        tkt__cursor_close(s->matcher->column);
}

/* ---- columns ----------------------------------------------------------------------------------------- */

static int32_t load_row(tkt__matcher *m, uint32_t docno)
{
    uint8_t key[5];
    tkt__slice k, v;
    tkt__columns_key(docno, key);
    int32_t status = tkt__cursor_seek(m->column, tkt__slice_of(key, sizeof key), &k, &v);
    bool there = status == TKT_DONE && k.n == sizeof key && memcmp(k.p, key, sizeof key) == 0;
    m->columns.n = 0;
    m->row = docno >> TKT__COLUMN_BITS;
    return there ? tkt__columns_open(v, &m->columns) : status < 0 ? status : TKT_DONE;
}

/* Event 0: nobody has the number. */
static int32_t column_at(tkt__search *s, uint32_t docno, tkt__column *column)
{
    tkt__matcher *m = s->matcher;
    int32_t status = docno >> TKT__COLUMN_BITS != m->row ? load_row(m, docno) : TKT_DONE;
    if (status == TKT_DONE)
        tkt__columns_get(&m->columns, docno % TKT__COLUMN_DOCS, column);
    return status;
}

int32_t tkt__match_column(tkt__search *s, tkt__candidate *c)
{
    if (c->has_column)
        return TKT_DONE;
    int32_t status = column_at(s, c->docno, &c->column);
    if (status != TKT_DONE)
        return status;
    if (c->column.event == 0)
        return tkt__fail(TKT_E_CORRUPT, "a document of the index has no column");
    c->has_column = true;
    return TKT_DONE;
}

/* ---- the window ----------------------------------------------------------------------------------------- */

/* Whether all documents of this day lie within the window. */
static bool day_is_inside(const tkt__search *s, uint32_t day)
{
    const tkt__matcher *m = s->matcher;
    if (!m->window)
        return true;
    return day != 0 && day < TKT__DAY_LATE && day > m->low_day && day < m->high_day;
}

bool tkt__match_by_facts(const tkt__search *s)
{
    const tkt__matcher *m = s->matcher;
    return m->placed || m->priced || s->query->available || s->query->at_least > 0;
}

bool tkt__match_needed(const tkt__search *s, uint32_t day)
{
    return tkt__match_by_facts(s) || !day_is_inside(s, day);
}

/* The first of the day's slots that are in order whose document starts at or after ms. Slots that nobody has any
 * more are passed over. */
static int32_t first_from(tkt__search *s, uint32_t day, uint32_t slots, int64_t ms, uint32_t *slot)
{
    uint32_t low = 0, high = slots, at;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        tkt__column column = { 0 };
        for (at = mid; at < high && column.event == 0; at++) {
            int32_t status = column_at(s, day << TKT__SLOT_BITS | at, &column);
            if (status != TKT_DONE)
                return status;
        }
        if (column.event == 0 || column.start_ms >= ms)
            high = mid;
        else
            low = at;
    }
    *slot = low;
    return TKT_DONE;
}

static int32_t learn_edge(tkt__search *s, edge *e, uint32_t day, int64_t ms)
{
    uint32_t slots;
    int32_t status = tkt__day_sorted(s->tx, day, &slots);
    if (status == TKT_DONE)
        status = first_from(s, day, slots, ms, &e->slot);
    e->slots = slots;
    e->known = status == TKT_DONE;
    return status;
}

static void clear_bits(uint64_t *word, uint32_t words, uint32_t from, uint32_t to)
{
    for (uint32_t i = from >> 6; i < words && i * 64 < to; i++) {
        uint64_t keep = 0;
        if (i == from >> 6)
            keep |= (UINT64_C(1) << (from & 63)) - 1;
        if (i == to >> 6)
            keep |= UINT64_MAX << (to & 63);
        word[i] &= keep;
    }
}

/* Whether no bit is set for a slot at or above `slots`: those are in no order. */
static bool ends_within(const uint64_t *word, uint32_t words, uint32_t base, uint32_t slots)
{
    uint32_t first = base & (TKT__DAY_SLOTS - 1), from = slots > first ? slots - first : 0;
    for (uint32_t i = from >> 6; i < words; i++)
        if ((word[i] & (i == from >> 6 ? UINT64_MAX << (from & 63) : UINT64_MAX)) != 0)
            return false;
    return true;
}

/* Slots from…to−1 of the day that the window lies in do not match. */
static void clear_slots(uint32_t base, uint64_t *word, uint32_t words, uint32_t from, uint32_t to)
{
    uint32_t first = base & (TKT__DAY_SLOTS - 1), last = first + words * 64;
    if (from < last && to > first)
        clear_bits(word, words, from > first ? from - first : 0, to < last ? to - first : words * 64);
}

int32_t tkt__match_trim(tkt__search *s, uint32_t base, uint64_t *word, uint32_t words, bool *told)
{
    tkt__matcher *m = s->matcher;
    uint32_t day = base >> TKT__SLOT_BITS;
    int32_t status = TKT_DONE;
    *told = false;
    if (s->query->during || day >= TKT__DAY_SPILL)
        return TKT_DONE;
    if (day == m->low_day && !m->low.known)
        status = learn_edge(s, &m->low, day, s->query->from_ms);
    if (status == TKT_DONE && day == m->high_day && !m->high.known)
        status = learn_edge(s, &m->high, day, s->query->to_ms);
    *told = status == TKT_DONE && (day != m->low_day || ends_within(word, words, base, m->low.slots)) &&
            (day != m->high_day || ends_within(word, words, base, m->high.slots));
    if (!*told)
        return status;
    if (day == m->low_day)
        clear_slots(base, word, words, 0, m->low.slot);
    if (day == m->high_day)
        clear_slots(base, word, words, m->high.slot, TKT__DAY_SLOTS);
    return TKT_DONE;
}

/* The first of doc[low…high−1], whose slots are in order, that starts at or after ms. */
static int32_t first_doc_from(tkt__search *s, const uint32_t *doc, uint32_t low, uint32_t high, int64_t ms, uint32_t *at)
{
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        tkt__candidate c = { .docno = doc[mid] };
        int32_t status = tkt__match_column(s, &c);
        if (status != TKT_DONE)
            return status;
        if (c.column.start_ms < ms)
            low = mid + 1;
        else
            high = mid;
    }
    *at = low;
    return TKT_DONE;
}

static int32_t in_window(tkt__search *s, tkt__candidate *c, bool *inside)
{
    const tkt_query *q = s->query;
    *inside = true;
    if (day_is_inside(s, c->docno >> TKT__SLOT_BITS))
        return TKT_DONE;
    int32_t status = tkt__match_column(s, c);
    int64_t start = c->column.start_ms;
    *inside = start < q->to_ms && start >= q->from_ms;
    if (status != TKT_DONE || *inside || !q->during || start >= q->to_ms)
        return status;
    tkt__slice record;
    tkt_event event = { .size = sizeof event };
    status = tkt__event_get(s->tx, c->column.event, &record);
    if (status == TKT_DONE)
        status = tkt__event_read(record, c->column.event, &event);
    int64_t over = status == TKT_DONE ? tkt__event_over(&event) : start;
    *inside = over > start && over > q->from_ms;
    return status;
}

bool tkt__match_by_order(const tkt__search *s, uint32_t day)
{
    return !tkt__match_by_facts(s) && !s->query->during && (day == s->matcher->low_day || day == s->matcher->high_day);
}

int32_t tkt__match_edge(tkt__search *s, uint32_t day, uint32_t *doc, uint32_t *n)
{
    const tkt__matcher *m = s->matcher;
    uint32_t slots = 0, low = 0, high, kept = 0;
    int32_t status = *n > EDGE_FEW ? tkt__day_sorted(s->tx, day, &slots) : TKT_DONE;
    if (status != TKT_DONE)
        return status;
    uint32_t split = tkt__docs_from(doc, 0, *n, (day << TKT__SLOT_BITS) + slots);
    high = split;
    if (day == m->low_day)
        status = first_doc_from(s, doc, 0, split, s->query->from_ms, &low);
    if (status == TKT_DONE && day == m->high_day)
        status = first_doc_from(s, doc, low, split, s->query->to_ms, &high);
    for (uint32_t i = low; status == TKT_DONE && i < high; i++)
        doc[kept++] = doc[i];
    for (uint32_t i = split; status == TKT_DONE && i < *n; i++) {
        tkt__candidate c = { .docno = doc[i] };
        bool inside;
        status = in_window(s, &c, &inside);
        if (status == TKT_DONE && inside)
            doc[kept++] = doc[i];
    }
    *n = kept;
    return status;
}

/* ---- venues ---------------------------------------------------------------------------------------------- */

static uint32_t venue_slot(const venue_fact *fact, uint32_t room, uint32_t id)
{
    uint32_t at = id * UINT32_C(2654435761) & (room - 1);
    while (fact[at].id != 0 && fact[at].id != id)
        at = (at + 1) & (room - 1);
    return at;
}

static int32_t grow_venues(tkt__search *s)
{
    tkt__matcher *m = s->matcher;
    uint32_t room = m->room == 0 ? VENUES_FIRST : 2 * m->room;
    venue_fact *fact = tkt__arena_get(&s->arena, room * sizeof *fact);
    if (fact == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for a search");
    memset(fact, 0, room * sizeof *fact);
    for (uint32_t i = 0; i < m->room; i++)
        if (m->venue[i].id != 0)
            fact[venue_slot(fact, room, m->venue[i].id)] = m->venue[i];
    m->venue = fact;
    m->room = room;
    return TKT_DONE;
}

/* Great circle by the haversine formula (R. W. Sinnott, Sky and Telescope 68, 1984). */
static double distance_m(int32_t lat1_e7, int32_t lon1_e7, int32_t lat2_e7, int32_t lon2_e7)
{
    const double rad = 3.14159265358979323846 / 180 / 1e7;
    double dlat = ((double)lat2_e7 - lat1_e7) * rad, dlon = ((double)lon2_e7 - lon1_e7) * rad;
    double h = sin(dlat / 2) * sin(dlat / 2) +
               cos(lat1_e7 * rad) * cos(lat2_e7 * rad) * sin(dlon / 2) * sin(dlon / 2);
    return 2 * EARTH_M * asin(h < 1 ? sqrt(h) : 1);
}

bool tkt__within(const tkt_query *q, int32_t latitude_e7, int32_t longitude_e7)
{
    return distance_m(q->latitude_e7, q->longitude_e7, latitude_e7, longitude_e7) <= (double)q->radius_m;
}

static int32_t learn_venue(tkt__search *s, venue_fact *fact)
{
    const tkt_query *q = s->query;
    tkt_venue venue = TKT_VENUE_INIT;
    int32_t status = tkt__venue_read(s->tx, fact->id, &venue);
    if (status != TKT_DONE)
        return status == TKT_NOT_FOUND ? tkt__fail(TKT_E_CORRUPT, "a document's venue is not there") : status;
    fact->distance_m = -1;
    if (q->near && venue.latitude_e7 != TKT_GEO_NONE) {
        double metres = distance_m(q->latitude_e7, q->longitude_e7, venue.latitude_e7, venue.longitude_e7);
        fact->distance_m = (int64_t)metres;
        fact->within = metres <= (double)q->radius_m;
    }
    if (q->facets & TKT_FACET_CITY) {
        uint8_t plain[TKT__TERM_MAX];
        uint32_t n;
        status = tkt__term_fold(TKT__NS_CITY, venue.city.ptr, venue.city.len, plain, &n);
        uint8_t *copy = status == TKT_DONE && n > 1 ? tkt__arena_copy(&s->arena, plain + 1, n - 1) : NULL;
        if (status == TKT_DONE && n > 1 && copy == NULL)
            status = tkt__fail(TKT_E_NOMEM, "no memory for a search");
        fact->city = tkt__slice_of(copy, copy != NULL ? n - 1 : 0);
    }
    return status;
}

static int32_t venue_of(tkt__search *s, uint32_t id, const venue_fact **out)
{
    tkt__matcher *m = s->matcher;
    int32_t status = 4 * (m->venues + 1) > 3 * m->room ? grow_venues(s) : TKT_DONE;
    if (status != TKT_DONE)
        return status;
    venue_fact *fact = &m->venue[venue_slot(m->venue, m->room, id)];
    if (fact->id == 0) {
        fact->id = id;
        m->venues++;
        status = learn_venue(s, fact);
    }
    *out = fact;
    return status;
}

int32_t tkt__match_city(tkt__search *s, uint32_t venue, tkt__slice *city)
{
    const venue_fact *fact;
    *city = tkt__slice_of("", 0);
    int32_t status = venue == 0 ? TKT_NOT_FOUND : venue_of(s, venue, &fact);
    if (status == TKT_DONE)
        *city = fact->city;
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

static int32_t near_enough(tkt__search *s, tkt__candidate *c, bool *near)
{
    const venue_fact *fact;
    *near = s->query->radius_m == 0;
    int32_t status = tkt__match_column(s, c);
    if (status != TKT_DONE || c->column.venue == 0)
        return status;
    status = venue_of(s, c->column.venue, &fact);
    if (status != TKT_DONE)
        return status;
    c->distance_m = fact->distance_m;
    *near = *near || (fact->distance_m >= 0 && fact->within);
    return TKT_DONE;
}

int32_t tkt__match_distance(tkt__search *s, tkt__candidate *c)
{
    bool near;
    return s->matcher->placed ? near_enough(s, c, &near) : TKT_DONE;
}

/* ---- price ----------------------------------------------------------------------------------------------------- */

/* The lowest price in the query's currency; INT64_MAX: none. *own: the event's currency. */
static int32_t price_of(tkt__search *s, tkt__candidate *c, uint16_t *own)
{
    const char *wanted = s->query->currency[0] != '\0' ? s->query->currency : NULL;
    char currency[TKT_CURRENCY_BYTES];
    bool more;
    int32_t status = tkt__match_column(s, c);
    if (status != TKT_DONE)
        return status;
    *own = c->column.currency >> TKT__CURRENCY_SHIFT;
    bool told = c->column.price != TKT__PRICE_LARGE && (wanted == NULL || (c->column.currency & TKT__CURRENCY_MORE) == 0);
    if (told) {
        bool counts = wanted == NULL || *own == 0 || *own == tkt__currency_code(wanted);
        c->price = counts ? (int64_t)c->column.price : INT64_MAX;
        return TKT_DONE;
    }
    status = tkt__sale_lowest(s->tx, c->column.event, wanted, &c->price, currency, &more);
    if (status == TKT_NOT_FOUND)
        c->price = INT64_MAX;
    else if (status == TKT_DONE)
        *own = tkt__currency_code(currency);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

static int64_t up(int64_t hundredths, int64_t unit) { return hundredths / unit + (hundredths % unit > 0); }
static int64_t down(int64_t hundredths, int64_t unit) { return hundredths / unit - (hundredths % unit < 0); }

static int64_t times(int64_t hundredths, int64_t unit)
{
    int64_t product;
    return tkt__mul_i64(hundredths, unit, &product) ? product : hundredths < 0 ? INT64_MIN : INT64_MAX;
}

/* Bounds that name no currency count hundredths of the event's own, which has cents, or none, or a thousand. */
static void bounds_in(tkt__matcher *m, const tkt_query *q, uint16_t code)
{
    static const int64_t tens[] = { 1, 10, 100 };
    char currency[TKT_CURRENCY_BYTES];
    uint32_t decimals = 2;
    m->priced_in = code;
    m->least = q->min_minor;
    m->most = q->max_minor;
    tkt__currency_text(code, currency);
    if (q->currency[0] != '\0' || code == 0 || tkt_currency_decimals(currency, &decimals) != TKT_DONE || decimals > 4)
        return;
    int64_t unit = tens[decimals < 2 ? 2 - decimals : decimals - 2];
    if (q->min_minor != INT64_MIN)
        m->least = decimals < 2 ? up(q->min_minor, unit) : times(q->min_minor, unit);
    if (q->max_minor != INT64_MAX)
        m->most = decimals < 2 ? down(q->max_minor, unit) : times(q->max_minor, unit);
}

static int32_t price_fits(tkt__search *s, tkt__candidate *c, bool *fits)
{
    const tkt_query *q = s->query;
    tkt__matcher *m = s->matcher;
    uint16_t own = 0;
    bool filters = q->min_minor != INT64_MIN || q->max_minor != INT64_MAX;
    int32_t status = price_of(s, c, &own);
    if (filters && own != m->priced_in)
        bounds_in(m, q, own);
    *fits = !filters || (c->price != INT64_MAX && c->price >= m->least && c->price <= m->most);
    return status;
}

/* ---- what is free ------------------------------------------------------------------------------------------------- */

static int32_t enough_free(tkt__search *s, tkt__candidate *c, bool *enough)
{
    bool sold_out = false;
    uint64_t total, booked, available = 0;
    int32_t status = TKT_DONE;
    if (s->query->available)
        status = tkt__sold_out(s->tx, c->docno, &sold_out);
    if (status == TKT_DONE && !sold_out && s->query->at_least > 0) {
        status = tkt__match_column(s, c);
        if (status == TKT_DONE)
            status = tkt__inventory.places(s->tx, c->column.event, &total, &booked, &available);
        s->work++;
    }
    *enough = !sold_out && available >= s->query->at_least;
    return status;
}

int32_t tkt__match(tkt__search *s, tkt__candidate *c)
{
    bool right;
    int32_t status = in_window(s, c, &right);
    if (status == TKT_DONE && right && s->matcher->placed)
        status = near_enough(s, c, &right);
    if (status == TKT_DONE && right && s->matcher->priced)
        status = price_fits(s, c, &right);
    if (status == TKT_DONE && right && (s->query->available || s->query->at_least > 0))
        status = enough_free(s, c, &right);
    return status == TKT_DONE && !right ? TKT_NOT_FOUND : status;
}

/* ---- phrases ---------------------------------------------------------------------------------------------------------- */

typedef struct phrase_search {
    const tkt__phrase *phrase;
    uint32_t begun[TKT_QUERY_WORDS_MAX + 1];  /* how many words of the phrase each start has matched so far */
    uint32_t before[TKT_QUERY_WORDS_MAX + 1]; /* and had before the last word, the start at that one included */
    uint32_t n, before_n;
} phrase_search;

/* The starts that the word goes on with; true: one has the whole phrase. */
static bool advance(phrase_search *ps, const tkt__word *word)
{
    for (uint32_t i = 0; i < ps->before_n; i++) {
        const tkt__slice *next = &ps->phrase->word[ps->before[i]];
        if (next->n != word->n || memcmp(next->p, word->p, word->n) != 0)
            continue;
        if (ps->before[i] + 1 == ps->phrase->n)
            return true;
        ps->begun[ps->n++] = ps->before[i] + 1;
    }
    return false;
}

/* Several starts may be under way at once: "a a b" in "a a a b". A word with its signs stands where the word did. */
static int32_t follow(void *user, const tkt__word *word)
{
    phrase_search *ps = user;
    if (word->kind == TKT__WORD_PLAIN || word->kind == TKT__WORD_BIGRAM) {
        memcpy(ps->before, ps->begun, ps->n * sizeof ps->begun[0]);
        ps->before[ps->n] = 0;
        ps->before_n = ps->n + 1;
        ps->n = 0;
    } else if (word->kind != TKT__WORD_SIGNED)
        return TKT_DONE;
    return advance(ps, word) ? TKT_EXISTS : TKT_DONE;
}

static int32_t in_text(const tkt__phrase *phrase, tkt_text text, bool *there)
{
    phrase_search ps = { .phrase = phrase };
    if (*there)
        return TKT_DONE;
    int32_t status = tkt__analyse(text.ptr, text.len, follow, &ps);
    *there = status == TKT_EXISTS;
    return status == TKT_EXISTS ? TKT_DONE : status;
}

int32_t tkt__match_phrase(tkt__search *s, uint32_t docno, const tkt__phrase *phrase, bool *there)
{
    tkt__candidate c = { .docno = docno };
    tkt_event event = { .size = sizeof event };
    tkt_venue venue = TKT_VENUE_INIT;
    tkt__slice record;
    *there = false;
    s->work++;
    int32_t status = tkt__match_column(s, &c);
    if (status == TKT_DONE)
        status = tkt__event_get(s->tx, c.column.event, &record);
    if (status == TKT_DONE)
        status = tkt__event_read(record, c.column.event, &event);
    if (status == TKT_DONE && event.venue_id != 0)
        status = tkt__venue_read(s->tx, event.venue_id, &venue);
    const tkt_text texts[] = { event.name,     event.description, venue.name,
                               venue.city,     event.category,    event.type };
    for (size_t i = 0; status == TKT_DONE && i < sizeof texts / sizeof texts[0]; i++)
        status = in_text(phrase, texts[i], there);
    for (uint32_t i = 0; status == TKT_DONE && !*there && i < event.performer_count; i++) {
        uint64_t id;
        tkt_performer performer = TKT_PERFORMER_INIT;
        status = tkt_event_performer(&event, i, &id);
        if (status == TKT_DONE)
            status = tkt__performer_read(s->tx, id, &performer);
        if (status == TKT_DONE)
            status = in_text(phrase, performer.name, there);
    }
    return status == TKT_NOT_FOUND ? tkt__fail(TKT_E_CORRUPT, "a document's event is not whole") : status;
}
