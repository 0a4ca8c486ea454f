/* SPDX-License-Identifier: MIT
 *
 * search/collect.c: orders, pages, totals.
 *
 * By date, documents come in order of days already: only a day that the page touches is sorted, by its
 * columns; all others are counted. Of the slots that a build put into order (day row, docs.c) only as many
 * columns are read as the page needs. Other orders keep the best page × size in a heap. After a cursor only
 * places behind it count for the page; the total stays that of the whole query.
 */
#include "search/query.h"

#include <stdlib.h>

#define DAY_FIRST 1024u
#define DAY_FEW 32u /* hits of a day that need no memory of their own */

typedef struct tkt__collector {
    uint64_t total, eligible; /* all; those behind the cursor */
    uint64_t skip;            /* places of earlier pages */
    uint32_t want, room;      /* hits of a page; of the heap */
    uint32_t n;
    tkt__hit *hit;
    bool by_day;
    /* the day under way, by date */
    uint32_t day, day_n, day_room;
    bool edge; /* its documents are still to be told from those outside the dates of the query */
    uint32_t *doc;
} tkt__collector;

static int compare_place(const tkt__place *a, const tkt__place *b)
{
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    if (a->start_ms != b->start_ms)
        return a->start_ms < b->start_ms ? -1 : 1;
    return (a->event > b->event) - (a->event < b->event);
}

static int compare_hit(const void *a, const void *b)
{
    return compare_place(&((const tkt__hit *)a)->place, &((const tkt__hit *)b)->place);
}

static int32_t no_memory(void) { return tkt__fail(TKT_E_NOMEM, "no memory for a page of hits"); }

int32_t tkt__collector_open(tkt__search *s)
{
    const tkt_query *q = s->query;
    tkt__collector *c = tkt__arena_get(&s->arena, sizeof *c);
    if (c == NULL)
        return no_memory();
    memset(c, 0, sizeof *c);
    s->collector = c;
    c->want = q->page_size;
    c->skip = q->has_cursor ? 0 : (uint64_t)(q->page - 1) * q->page_size;
    c->by_day = s->sort == TKT_SORT_DATE && s->counts.spilled == 0;
    if (!c->by_day && c->skip + c->want > TKT_PAGE_DEPTH_MAX)
        return tkt__fail(TKT_E_LIMIT, "a page lies at most %d hits deep; go on with a cursor", TKT_PAGE_DEPTH_MAX);
    c->room = c->by_day ? c->want : (uint32_t)(c->skip + c->want);
    c->hit = tkt__arena_get(&s->arena, c->room * sizeof *c->hit);
    return c->hit != NULL ? TKT_DONE : no_memory();
}

void tkt__collector_close(tkt__search *s)
{
    tkt__collector *c = s->collector;
    if (c != NULL && c->doc != NULL)
        tkt__free(s->hooks, c->doc, c->day_room * sizeof *c->doc);
}

/* ---- by date ---------------------------------------------------------------------------------------------- */

static int32_t hit_of(tkt__search *s, uint32_t docno, tkt__hit *hit)
{
    tkt__candidate candidate = { .docno = docno, .distance_m = -1 };
    int32_t status = tkt__match_column(s, &candidate);
    if (status == TKT_DONE)
        status = tkt__match_distance(s, &candidate);
    if (status != TKT_DONE)
        return status;
    *hit = (tkt__hit){ { 0, candidate.column.start_ms, candidate.column.event }, 0, candidate.distance_m };
    return TKT_DONE;
}

/* The first of doc[0…n−1], which are in order, that lies behind the cursor. */
static int32_t first_behind(tkt__search *s, const uint32_t *doc, uint32_t n, uint32_t *first)
{
    uint32_t low = 0, high = n;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        tkt__hit hit;
        int32_t status = hit_of(s, doc[mid], &hit);
        if (status != TKT_DONE)
            return status;
        if (compare_place(&hit.place, &s->query->cursor) <= 0)
            low = mid + 1;
        else
            high = mid;
    }
    *first = low;
    return TKT_DONE;
}

static int32_t take_hits(tkt__search *s, const uint32_t *doc, uint32_t n, tkt__hit *hit)
{
    int32_t status = TKT_DONE;
    for (uint32_t i = 0; status == TKT_DONE && i < n; i++)
        status = hit_of(s, doc[i], &hit[i]);
    return status;
}

/* hit[0…first−1] come from sorted slots, the others do not; all that lie behind the cursor are eligible, and
 * `more` of the sorted ones that come after these. */
static void take_page(tkt__search *s, tkt__hit *hit, uint32_t first, uint32_t n, uint32_t more)
{
    tkt__collector *c = s->collector;
    const tkt_query *q = s->query;
    if (n > first)
        qsort(hit, n, sizeof *hit, compare_hit);
    for (uint32_t i = 0; i < n; i++) {
        if (q->has_cursor && compare_place(&hit[i].place, &q->cursor) <= 0)
            continue;
        if (c->eligible++ >= c->skip && c->n < c->want)
            c->hit[c->n++] = hit[i];
    }
    c->eligible += more;
}

/* Sorts the day that ended, as far as the page needs it. A day that the page takes whole is read whole, and which of
 * its slots are in order need not be looked up. */
static int32_t sort_day(tkt__search *s, tkt__collector *c)
{
    uint64_t needed = (c->skip > c->eligible ? c->skip - c->eligible : 0) + (c->want - c->n);
    uint32_t slots = 0, split = 0, first = 0;
    int32_t status = c->day_n > needed ? tkt__day_sorted(s->tx, c->day, &slots) : TKT_DONE;
    while (split < c->day_n && (c->doc[split] & (TKT__DAY_SLOTS - 1)) < slots)
        split++;
    if (status == TKT_DONE && s->query->has_cursor)
        status = first_behind(s, c->doc, split, &first);
    if (status != TKT_DONE)
        return status;
    uint32_t taken = split - first < needed ? split - first : (uint32_t)needed, loose = c->day_n - split;
    size_t bytes = (taken + loose) * sizeof(tkt__hit);
    tkt__hit few[DAY_FEW], *hit = bytes <= sizeof few ? few : tkt__alloc(s->hooks, bytes);
    if (hit == NULL)
        return no_memory();
    status = take_hits(s, c->doc + first, taken, hit);
    if (status == TKT_DONE)
        status = take_hits(s, c->doc + split, loose, hit + taken);
    if (status == TKT_DONE)
        take_page(s, hit, taken, taken + loose, split - first - taken);
    if (hit != few)
        tkt__free(s->hooks, hit, bytes);
    return status;
}

static int32_t end_day(tkt__search *s, tkt__collector *c)
{
    int32_t status = TKT_DONE;
    if (c->edge) {
        c->edge = false;
        status = tkt__match_edge(s, c->day, c->doc, &c->day_n);
        c->total += c->day_n;
    }
    if (status != TKT_DONE || c->day_n == 0)
        return status;
    bool behind = !s->query->has_cursor || c->day >= tkt__day_of(s->query->cursor.start_ms);
    bool on_cursor = s->query->has_cursor && c->day == tkt__day_of(s->query->cursor.start_ms);
    bool on_page = c->n < c->want && c->eligible + c->day_n > c->skip;
    if (behind && (on_page || on_cursor))
        status = sort_day(s, c);
    else if (behind)
        c->eligible += c->day_n;
    c->day_n = 0;
    return status;
}

static int32_t begin_day(tkt__search *s, tkt__collector *c, uint32_t day)
{
    int32_t status = day != c->day ? end_day(s, c) : TKT_DONE;
    c->day = day;
    return status;
}

static int32_t make_room(tkt__search *s, tkt__collector *c, uint32_t n)
{
    uint32_t room = c->day_room == 0 ? DAY_FIRST : c->day_room;
    while (room - c->day_n < n)
        room *= 2;
    if (room == c->day_room)
        return TKT_DONE;
    uint32_t *doc = tkt__realloc(s->hooks, c->doc, c->day_room * sizeof *doc, room * sizeof *doc);
    if (doc == NULL)
        return no_memory();
    c->doc = doc;
    c->day_room = room;
    return TKT_DONE;
}

static int32_t collect_by_day(tkt__search *s, tkt__collector *c, uint32_t docno)
{
    int32_t status = begin_day(s, c, docno >> TKT__SLOT_BITS);
    if (status == TKT_DONE)
        status = make_room(s, c, 1);
    if (status == TKT_DONE)
        c->doc[c->day_n++] = docno;
    return status;
}

int32_t tkt__collect_edge(tkt__search *s, uint32_t docno)
{
    int32_t status = collect_by_day(s, s->collector, docno);
    s->collector->edge = true;
    return status;
}

/* ---- any other order -------------------------------------------------------------------------------------- */

static int64_t key_of(const tkt__search *s, const tkt__candidate *candidate)
{
    switch (s->sort) {
    case TKT_SORT_RELEVANCE: return -(int64_t)candidate->score;
    case TKT_SORT_DISTANCE: return candidate->distance_m < 0 ? INT64_MAX : candidate->distance_m;
    case TKT_SORT_PRICE: return candidate->price;
    default: return 0;
    }
}

static void swap(tkt__hit *a, tkt__hit *b)
{
    tkt__hit spare = *a;
    *a = *b;
    *b = spare;
}

/* A heap with the last place on top. */
static void push(tkt__collector *c, const tkt__hit *hit)
{
    uint32_t at;
    if (c->n < c->room) {
        c->hit[at = c->n++] = *hit;
        for (; at > 0 && compare_hit(&c->hit[at], &c->hit[(at - 1) / 2]) > 0; at = (at - 1) / 2)
            swap(&c->hit[at], &c->hit[(at - 1) / 2]);
        return;
    }
    if (compare_hit(hit, &c->hit[0]) >= 0)
        return;
    c->hit[0] = *hit;
    for (at = 0;;) {
        uint32_t child = 2 * at + 1;
        if (child >= c->n)
            return;
        if (child + 1 < c->n && compare_hit(&c->hit[child + 1], &c->hit[child]) > 0)
            child++;
        if (compare_hit(&c->hit[child], &c->hit[at]) <= 0)
            return;
        swap(&c->hit[child], &c->hit[at]);
        at = child;
    }
}

static int32_t collect_best(tkt__search *s, tkt__collector *c, tkt__candidate *candidate)
{
    const tkt_query *q = s->query;
    int64_t key = key_of(s, candidate);
    if (q->has_cursor && key < q->cursor.key)
        return TKT_DONE;
    if (c->n == c->room && key > c->hit[0].place.key && (!q->has_cursor || key > q->cursor.key)) {
        c->eligible++;
        return TKT_DONE;
    }
    int32_t status = tkt__match_column(s, candidate);
    if (status != TKT_DONE)
        return status;
    tkt__hit hit = { { key, candidate->column.start_ms, candidate->column.event },
                     candidate->score,
                     candidate->distance_m };
    if (q->has_cursor && compare_place(&hit.place, &q->cursor) <= 0)
        return TKT_DONE;
    c->eligible++;
    push(c, &hit);
    return TKT_DONE;
}

/* ---- both ----------------------------------------------------------------------------------------------------- */

int32_t tkt__collect(tkt__search *s, tkt__candidate *candidate)
{
    tkt__collector *c = s->collector;
    c->total++;
    int32_t status = s->query->facets != 0 ? tkt__facets_count(s, candidate) : TKT_DONE;
    if (status != TKT_DONE)
        return status;
    return c->by_day ? collect_by_day(s, c, candidate->docno) : collect_best(s, c, candidate);
}

/* Whether the page needs none of the day that begins. */
static bool day_is_counted(const tkt__search *s, uint32_t day, bool *eligible)
{
    const tkt__collector *c = s->collector;
    const tkt_query *q = s->query;
    uint32_t cursor_day = q->has_cursor ? tkt__day_of(q->cursor.start_ms) : 0;
    *eligible = !q->has_cursor || day > cursor_day;
    return c->day_n == 0 && (!q->has_cursor || day != cursor_day) && (!*eligible || c->n == c->want);
}

int32_t tkt__collect_day(tkt__search *s, uint32_t day, bool *counted)
{
    bool eligible;
    int32_t status = begin_day(s, s->collector, day);
    *counted = day_is_counted(s, day, &eligible) && eligible && s->query->facets == 0;
    return status;
}

int32_t tkt__collect_window(tkt__search *s, uint32_t base, const uint64_t *word, uint32_t words, uint32_t n)
{
    tkt__collector *c = s->collector;
    bool eligible;
    int32_t status = begin_day(s, c, base >> TKT__SLOT_BITS);
    if (status != TKT_DONE)
        return status;
    c->total += n;
    if (day_is_counted(s, c->day, &eligible)) {
        c->eligible += eligible ? n : 0;
        return TKT_DONE;
    }
    status = make_room(s, c, n);
    for (uint32_t i = 0; status == TKT_DONE && i < words; i++)
        for (uint64_t w = word[i]; w != 0; w &= w - 1)
            c->doc[c->day_n++] = base + i * 64 + (uint32_t)__builtin_ctzll(w);
    return status;
}

bool tkt__collects_by_day(const tkt__search *s) { return s->collector->by_day; }

bool tkt__collect_can_enter(const tkt__search *s, uint32_t docno, uint64_t most)
{
    const tkt__collector *c = s->collector;
    int64_t key = -(int64_t)most;
    if (c->n < c->room || key < c->hit[0].place.key)
        return true;
    uint32_t day = docno >> TKT__SLOT_BITS;
    bool later = day < TKT__DAY_LATE && day > tkt__day_of(c->hit[0].place.start_ms);
    return key == c->hit[0].place.key && !later;
}

void tkt__collect_passed(tkt__search *s, uint32_t n)
{
    s->collector->total += n;
    s->collector->eligible += n;
}

int32_t tkt__collect_end(tkt__search *s)
{
    tkt__collector *c = s->collector;
    int32_t status = c->by_day ? end_day(s, c) : TKT_DONE;
    if (status != TKT_DONE || c->by_day)
        return status;
    qsort(c->hit, c->n, sizeof *c->hit, compare_hit);
    uint32_t first = c->n < c->skip ? c->n : (uint32_t)c->skip;
    memmove(c->hit, c->hit + first, (c->n - first) * sizeof *c->hit);
    c->n -= first;
    return TKT_DONE;
}

uint64_t tkt__collected(const tkt__search *s, const tkt__hit **hit, uint32_t *n, bool *more)
{
    const tkt__collector *c = s->collector;
    *hit = c->hit;
    *n = c->n;
    *more = c->eligible > c->skip + c->n && c->n > 0;
    return c->total;
}
