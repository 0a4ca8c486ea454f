/* SPDX-License-Identifier: MIT
 *
 * search/check.c: does the index say what the catalogue says? Every event's terms are made anew; their
 * postings and those that are stored must be the same multiset, told by the sum of a hash of each
 * (term, docno, level), so nothing has to be held in memory. Only when the sums differ is every posting
 * looked up, to name what is wrong. Lists, days, columns and the sold-out set are checked one by one.
 * Reads one snapshot, writes nothing.
 */
#include "search/block.h"
#include "search/check.h"
#include "search/column.h"
#include "search/reader.h"

#include <xxhash.h>

typedef struct sums {
    uint64_t hash, postings;
} sums;

typedef struct walk {
    tkt_store *store;
    tkt__tx *tx;
    tkt__problems *problems;
    tkt__index_meta meta;
    sums said, kept;          /* by the catalogue; by the lists */
    uint64_t events, blocks, documents, columns;
    uint64_t spilled;
    tkt__terms *terms;
    uint32_t last_list;
    uint32_t day, sorted, event; /* of the last column */
    int64_t start_ms;
    bool naming;              /* second pass: name each posting that is missing */
    uint8_t highest; /* level that the list under way may have */
} walk;

static void add(sums *s, tkt__slice term, uint32_t docno, uint8_t level)
{
    uint8_t bytes[TKT__TERM_MAX + 5];
    memcpy(bytes, term.p, term.n);
    tkt__be32(bytes + term.n, docno);
    bytes[term.n + 4] = level;
    s->hash += XXH3_64bits(bytes, term.n + 5);
    s->postings++;
}

static int32_t problem(walk *w, const char *what, uint64_t id)
{
    return tkt__problem(w->problems, "index", "%s %llu", what, (unsigned long long)id);
}

/* A failure to read is damage to tell, and the walk goes on. */
static int32_t damage(walk *w, int32_t status, const char *what, uint64_t id)
{
    return tkt_status_primary(status) == TKT_E_CORRUPT ? problem(w, what, id) : status;
}

/* ---- what the catalogue says ------------------------------------------------------------------------ */

static int32_t check_column(walk *w, uint64_t event, uint32_t docno, const tkt__terms *terms)
{
    tkt__column column;
    int64_t minor;
    char currency[TKT_CURRENCY_BYTES];
    bool more, sold_out;
    uint64_t total, booked, available;
    int32_t status = tkt__column_get(w->tx, docno, &column);
    if (status == TKT_NOT_FOUND)
        return problem(w, "no column for event", event);
    if (status == TKT_DONE)
        status = tkt__sale_lowest(w->tx, event, NULL, &minor, currency, &more);
    if (status != TKT_DONE)
        return damage(w, status, "malformed column or sale of event", event);
    uint16_t code = tkt__column_currency(currency, more);
    uint32_t price = minor < (int64_t)TKT__PRICE_LARGE ? (uint32_t)minor : TKT__PRICE_LARGE;
    if (column.event != event || column.venue != terms->venue || column.start_ms != terms->start_ms ||
        column.price != price || column.currency != code)
        return problem(w, "wrong column of event", event);
    status = tkt__sold_out(w->tx, docno, &sold_out);
    if (status == TKT_DONE)
        status = tkt__inventory.places(w->tx, event, &total, &booked, &available);
    if (status != TKT_DONE)
        return damage(w, status, "malformed inventory of event", event);
    return sold_out == (total != 0 && booked >= total) ? TKT_DONE : problem(w, "wrong sold-out bit of event", event);
}

static int32_t look_in_list(walk *w, tkt__slice record, uint32_t docno, bool *there, uint8_t *level)
{
    tkt__reader_list list;
    tkt__arena arena;
    tkt__cursor *shared;
    uint64_t work = 0;
    int32_t status = tkt__tx_cursor_open(w->tx, TKT__T_POSTING, &shared);
    if (status != TKT_DONE)
        return status;
    tkt__arena_init(&arena, &w->store->hooks, 0);
    status = tkt__reader_open(w->tx, record, true, &arena, shared, &work, &list);
    if (status == TKT_DONE) {
        status = tkt__reader_seek(&list, docno);
        *there = status == TKT_DONE && list.doc == docno;
        if (*there)
            status = tkt__reader_level(&list, docno, level);
        tkt__reader_close(&list);
    }
    tkt__cursor_close(shared);
    tkt__arena_free(&arena);
    return status;
}

static int32_t name_missing(walk *w, uint64_t event, const tkt__term *term, uint32_t docno)
{
    tkt__slice record;
    uint8_t level = 0;
    bool there = false;
    int32_t status = tkt__tx_get(w->tx, TKT__T_TERM, tkt__slice_of(term->p, term->n), &record);
    if (status == TKT_DONE)
        status = look_in_list(w, record, docno, &there, &level);
    if (status < 0)
        return damage(w, status, "malformed list of event", event);
    bool right = there && (term->level == TKT__NO_LEVEL || term->level == level);
    return right ? TKT_DONE
                 : tkt__problem(w->problems, "index", "event %llu: %s posting of '%.*s'", (unsigned long long)event,
                                there ? "a wrong" : "no", (int)term->n, (const char *)term->p);
}

static int32_t check_event(void *user, tkt__slice key, tkt__slice record)
{
    walk *w = user;
    uint32_t docno;
    if (key.n != 8)
        return TKT_DONE; /* the catalogue's own check says so */
    uint64_t event = tkt__get_be64(key.p);
    int32_t status = tkt__doc_of(w->tx, event, &docno);
    if (status != TKT_DONE)
        return status == TKT_NOT_FOUND ? problem(w, "not in the index: event", event) : status;
    status = tkt__terms_of(w->tx, w->tx, &w->meta, event, record, w->terms);
    for (uint32_t i = 0; status == TKT_DONE && i < w->terms->count; i++) {
        const tkt__term *t = &w->terms->term[i];
        if (w->naming)
            status = name_missing(w, event, t, docno);
        else
            add(&w->said, tkt__slice_of(t->p, t->n), docno, t->level == TKT__NO_LEVEL ? 0 : t->level);
    }
    if (status == TKT_DONE && !w->naming) {
        w->events++;
        status = check_column(w, event, docno, w->terms);
    }
    return damage(w, status, "malformed event", event);
}

/* ---- what the lists say ------------------------------------------------------------------------------- */

static int32_t sum_postings(walk *w, tkt__slice term, const tkt__postings *p)
{
    for (uint32_t i = 0; i < p->n; i++) {
        if (i > 0 && p->doc[i] <= p->doc[i - 1])
            return tkt__problem(w->problems, "index", "a list's documents are out of order");
        if (p->level[i] > w->highest)
            return tkt__problem(w->problems, "index", "a level is above the highest of its list");
        add(&w->kept, term, p->doc[i], p->level[i]);
    }
    return TKT_DONE;
}

static int32_t check_blocks(walk *w, tkt__slice term, uint32_t list, uint32_t n)
{
    uint8_t key[8];
    tkt__cursor *cursor;
    tkt__slice k, v;
    tkt__postings p;
    uint64_t found = 0, fence = 0;
    bool last = false;
    tkt__posting_key(list, 0, key);
    int32_t status = tkt__tx_cursor_open(w->tx, TKT__T_POSTING, &cursor);
    if (status != TKT_DONE)
        return status;
    status = tkt__cursor_seek(cursor, tkt__slice_of(key, sizeof key), &k, &v);
    while (status == TKT_DONE && k.n == 8 && tkt__get_be32(k.p) == list) {
        uint32_t next = tkt__get_be32(k.p + 4);
        status = tkt__block_decode(v, &p);
        if (status == TKT_DONE && ((found > 0 && p.doc[0] <= fence) || p.doc[p.n - 1] > next))
            status = problem(w, "postings outside of their fences in list", list);
        if (status == TKT_DONE)
            status = sum_postings(w, term, &p);
        found += status == TKT_DONE ? p.n : 0;
        fence = next;
        last = next == UINT32_MAX;
        w->blocks++;
        if (status == TKT_DONE)
            status = tkt__cursor_next(cursor, &k, &v);
    }
    tkt__cursor_close(cursor);
    if (status != TKT_DONE && status != TKT_NOT_FOUND)
        return damage(w, status, "malformed block of list", list);
    return found == n && last ? TKT_DONE : problem(w, "wrong length or no last block of list", list);
}

/* The levels of a chunk's row; its documents are those of `word`, the chunk's. */
static int32_t add_levels(walk *w, tkt__slice term, const tkt__list_ref *ref, uint32_t base, const uint64_t *word,
                          const tkt__levels *levels, uint32_t stretch)
{
    const uint8_t *level = levels != NULL ? levels->level[stretch] : NULL;
    for (uint32_t off = 0; off < TKT__STRETCH_DOCS; off++)
        if (word[off >> 6] >> (off & 63) & 1) {
            uint8_t its = level != NULL ? *level++ : 0;
            if (its > w->highest)
                return problem(w, "a level above the highest of list", ref->list);
            add(&w->kept, term, base + off, its);
        }
    return TKT_DONE;
}

/* The rows of levels of one chunk: every stretch in the row that a reader would find it in. */
static int32_t chunk_levels(walk *w, tkt__slice term, const tkt__list_ref *ref, uint32_t base,
                            const uint64_t word[TKT__CHUNK_WORDS], tkt__cursor *cursor)
{
    tkt__levels levels;
    uint64_t counted = UINT64_MAX; /* the fence of the row before: neighbouring stretches share one */
    int32_t status = TKT_DONE;
    for (uint32_t s = 0; status == TKT_DONE && s < TKT__STRETCHES; s++) {
        const uint64_t *bits = word + s * TKT__STRETCH_WORDS;
        uint32_t set = tkt__bits_before(bits, TKT__STRETCH_DOCS), from = base + s * TKT__STRETCH_DOCS;
        uint8_t key[8];
        tkt__slice k, v;
        if (set == 0)
            continue;
        tkt__posting_key(ref->list + 1, tkt__levels_fence(base, s), key);
        if (ref->levels)
            status = tkt__cursor_seek(cursor, tkt__slice_of(key, sizeof key), &k, &v);
        bool there = status == TKT_DONE && (!ref->levels || (k.n == 8 && tkt__get_be32(k.p) == ref->list + 1 &&
                                                             tkt__get_be32(k.p + 4) <= TKT__CHUNK_FENCE(base)));
        if (there && ref->levels)
            status = tkt__levels_decode(v, &levels);
        if (status == TKT_NOT_FOUND || !there || (status == TKT_DONE && ref->levels && levels.n[s] != set))
            return problem(w, "levels missing in list", ref->list);
        if (ref->levels && tkt__get_be32(k.p + 4) != counted) {
            counted = tkt__get_be32(k.p + 4);
            w->blocks++;
        }
        if (status == TKT_DONE)
            status = add_levels(w, term, ref, from, bits, ref->levels ? &levels : NULL, s);
    }
    return status;
}

static int32_t check_bitmap(walk *w, tkt__slice term, const tkt__list_ref *ref)
{
    uint8_t key[8];
    tkt__cursor *cursor, *levels = NULL;
    tkt__slice k, v;
    uint64_t found = 0, word[TKT__CHUNK_WORDS];
    uint32_t n;
    tkt__posting_key(ref->list, 0, key);
    int32_t status = tkt__tx_cursor_open(w->tx, TKT__T_POSTING, &cursor);
    if (status != TKT_DONE)
        return status;
    status = tkt__tx_cursor_open(w->tx, TKT__T_POSTING, &levels);
    if (status != TKT_DONE) {
        tkt__cursor_close(cursor);
        return status;
    }
    status = tkt__cursor_seek(cursor, tkt__slice_of(key, sizeof key), &k, &v);
    while (status == TKT_DONE && k.n == 8 && tkt__get_be32(k.p) == ref->list) {
        uint32_t base = tkt__get_be32(k.p + 4) & ~(TKT__CHUNK_DOCS - 1);
        if (tkt__get_be32(k.p + 4) != TKT__CHUNK_FENCE(base))
            status = problem(w, "a chunk under a wrong key in list", ref->list);
        if (status == TKT_DONE)
            status = tkt__chunk_decode(v, word, &n);
        if (status == TKT_DONE && !tkt__chunk_is_right(v, word))
            status = problem(w, "a chunk that is not written so in list", ref->list);
        if (status == TKT_DONE)
            status = chunk_levels(w, term, ref, base, word, levels);
        found += status == TKT_DONE ? n : 0;
        w->blocks++;
        if (status == TKT_DONE)
            status = tkt__cursor_next(cursor, &k, &v);
    }
    tkt__cursor_close(cursor);
    tkt__cursor_close(levels);
    if (status != TKT_DONE && status != TKT_NOT_FOUND)
        return damage(w, status, "malformed chunk of list", ref->list);
    return found == ref->n ? TKT_DONE : problem(w, "wrong length of bitmap list", ref->list);
}

static int32_t check_filed(walk *w, tkt__slice word)
{
    tkt__slice none;
    bool filed = false;
    if (word.n > TKT__WORD_MAX || !tkt__near_word(word.p, (uint32_t)word.n))
        return TKT_DONE;
    int32_t status = tkt__near_waiting(w->tx, word, &none);
    if (status == TKT_NOT_FOUND)
        status = tkt__near_is_filed(w->tx, word.p, (uint32_t)word.n, &filed);
    else
        filed = status == TKT_DONE;
    return status == TKT_DONE && !filed ? tkt__problem(w->problems, "index", "a word is not filed for typos: '%.*s'",
                                                       (int)word.n, (const char *)word.p)
                                        : status;
}

static int32_t check_term(void *user, tkt__slice key, tkt__slice value)
{
    walk *w = user;
    tkt__list_ref ref;
    tkt__postings p;
    int32_t status = tkt__list_external(value, &ref);
    w->highest = status == TKT_DONE && ref.levels ? ref.highest : TKT__LEVELS - 1;
    if (status == TKT_NOT_FOUND) {
        status = tkt__list_inline(value, &p);
        if (status == TKT_DONE)
            status = sum_postings(w, key, &p);
    } else if (status == TKT_DONE) {
        if (ref.list + ref.bitmap > w->last_list)
            status = problem(w, "a list number that was never given out:", ref.list);
        if (status == TKT_DONE)
            status = ref.bitmap ? check_bitmap(w, key, &ref) : check_blocks(w, key, ref.list, ref.n);
    }
    if (status == TKT_DONE && key.p[0] > TKT__NS_LAST)
        status = check_filed(w, key);
    if (status == TKT_DONE)
        status = tkt__check_name_term(w->tx, w->problems, key);
    return damage(w, status, "malformed term of bytes", key.n);
}

static int32_t count_row(void *user, tkt__slice key, tkt__slice value)
{
    (void)key;
    (void)value;
    ++*(uint64_t *)user;
    return TKT_DONE;
}

/* ---- days and columns ----------------------------------------------------------------------------------- */

/* Documents of the sorted slots of a day come in order of (start, event). Columns are read in rising order. */
static int32_t check_order(walk *w, uint32_t docno, const tkt__column *column)
{
    uint32_t day = docno >> TKT__SLOT_BITS;
    int32_t status = TKT_DONE;
    if (day != w->day) {
        w->day = day;
        w->start_ms = INT64_MIN;
        status = tkt__day_sorted(w->tx, day, &w->sorted);
    }
    if (status != TKT_DONE || (docno & (TKT__DAY_SLOTS - 1)) >= w->sorted)
        return damage(w, status, "malformed day", day);
    bool right = column->start_ms > w->start_ms || (column->start_ms == w->start_ms && column->event > w->event);
    w->start_ms = column->start_ms;
    w->event = column->event;
    return right ? TKT_DONE : problem(w, "out of its day's order: event", column->event);
}

/* A row that is not as encode writes it is damage too. */
static int32_t open_columns(walk *w, tkt__slice row, tkt__column all[TKT__COLUMN_DOCS], bool *right)
{
    uint8_t again[TKT__COLUMN_ROW_BYTES];
    tkt__columns columns;
    int32_t status = tkt__columns_open(row, &columns);
    *right = false;
    if (status != TKT_DONE)
        return damage(w, status, "malformed row of columns of bytes", row.n);
    for (uint32_t i = 0; i < TKT__COLUMN_DOCS; i++)
        tkt__columns_get(&columns, i, &all[i]);
    *right = tkt__columns_encode(all, again) == row.n && memcmp(again, row.p, row.n) == 0;
    return *right ? TKT_DONE : problem(w, "a row of columns that is not written so, of bytes", row.n);
}

static int32_t check_columns(void *user, tkt__slice key, tkt__slice value)
{
    walk *w = user;
    tkt__column all[TKT__COLUMN_DOCS];
    if (key.n != 5)
        return problem(w, "malformed key of columns of bytes", key.n);
    bool right;
    int32_t opened = open_columns(w, value, all, &right);
    if (!right)
        return opened;
    for (uint32_t i = 0; i < TKT__COLUMN_DOCS; i++) {
        tkt__column column = all[i];
        uint32_t docno, expected = tkt__get_be32(key.p + 1) * TKT__COLUMN_DOCS + i;
        if (column.event == 0)
            continue;
        int32_t order = check_order(w, expected, &column);
        if (order != TKT_DONE)
            return order;
        w->columns++;
        w->spilled += expected >> TKT__SLOT_BITS >= TKT__DAY_SPILL;
        int32_t status = tkt__doc_of(w->tx, column.event, &docno);
        if (status < 0)
            return status;
        if (status == TKT_NOT_FOUND || docno != expected)
            status = problem(w, "a column that is not its event's: event", column.event);
        if (status != TKT_DONE)
            return status;
    }
    return TKT_DONE;
}

static int32_t check_day(void *user, tkt__slice key, tkt__slice value)
{
    walk *w = user;
    tkt__reader r = tkt__reader_of(value);
    uint32_t next = tkt__get_u32(&r), documents = tkt__get_u32(&r), sorted = tkt__get_u32(&r);
    uint32_t freed = tkt__get_u16(&r);
    w->documents += documents;
    bool fits = !r.bad && key.n == 3 && documents + freed <= next && sorted <= next &&
                value.n == 14 + 4 * (size_t)freed;
    return fits ? TKT_DONE : problem(w, "malformed day of documents", documents);
}

static int32_t check_counts(walk *w, const tkt__index_counts *counts)
{
    uint64_t rows = 0;
    int32_t status = tkt__scan(w->tx, TKT__T_POSTING, tkt__slice_of("", 0), count_row, &rows);
    if (status == TKT_DONE && rows != w->blocks)
        status = problem(w, "blocks that belong to no list:", rows - w->blocks);
    bool sums_right = w->events == counts->documents && w->events == w->documents && w->events == w->columns;
    if (status == TKT_DONE && (!sums_right || counts->spilled != w->spilled))
        status = problem(w, "documents counted in another number than", w->events);
    return status;
}

static int32_t check_all(walk *w)
{
    tkt__index_counts counts;
    int32_t status = tkt__index_counts_get(w->tx, &counts);
    w->last_list = counts.last_list;
    if (status == TKT_DONE)
        status = tkt__scan(w->tx, TKT__T_EVENT, tkt__slice_of("", 0), check_event, w);
    if (status == TKT_DONE)
        status = tkt__scan(w->tx, TKT__T_TERM, tkt__slice_of("", 0), check_term, w);
    if (status == TKT_DONE)
        status = tkt__scan(w->tx, TKT__T_COLUMN, tkt__slice_of("c", 1), check_columns, w);
    if (status == TKT_DONE)
        status = tkt__scan(w->tx, TKT__T_SEARCH, tkt__slice_of("D", 1), check_day, w);
    if (status == TKT_DONE)
        status = tkt__check_name_rows(w->tx, w->problems);
    if (status == TKT_DONE)
        status = check_counts(w, &counts);
    bool same = w->said.hash == w->kept.hash && w->said.postings == w->kept.postings;
    if (status != TKT_DONE || same)
        return status;
    w->naming = true;
    status = tkt__problem(w->problems, "index", "the events have %llu postings, the lists %llu",
                          (unsigned long long)w->said.postings, (unsigned long long)w->kept.postings);
    return status == TKT_DONE ? tkt__scan(w->tx, TKT__T_EVENT, tkt__slice_of("", 0), check_event, w) : status;
}

int32_t tkt__search_check(tkt_store *store, tkt__tx *tx, tkt__problems *problems)
{
    walk w = { .store = store, .tx = tx, .problems = problems, .day = UINT32_MAX };
    int32_t status = tkt__index_meta_get(tx, &w.meta);
    if (status == TKT_NOT_FOUND || tkt_status_primary(status) == TKT_E_UPGRADE)
        return TKT_DONE; /* no index, or one that is to be built anew */
    if (status != TKT_DONE)
        return damage(&w, status, "malformed index of layout", TKT__INDEX_LAYOUT);
    w.terms = tkt__alloc(&store->hooks, sizeof *w.terms);
    if (w.terms == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory to check the index");
    tkt__terms_open(w.terms, &store->hooks);
    status = check_all(&w);
    tkt__terms_free(w.terms);
    tkt__free(&store->hooks, w.terms, sizeof *w.terms);
    return status;
}
