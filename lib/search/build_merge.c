/* SPDX-License-Identifier: MIT
 *
 * search/build_merge.c: runs become lists: the rows TERM and POSTING, in the order of their keys.
 *
 * A heap holds each run at its next term; runs that stand on the same term are read one after the other, for
 * numbers of later runs are higher. Lists get their numbers in the order of their terms, so the lists of one
 * beginning are neighbours.
 */
#include "search/build.h"
#include "search/levels.h"
#include "search/names.h"

#include <errno.h>

#define BUFFER_BYTES (256u << 10) /* of a run, at most … */
#define BUFFER_LEAST (4u << 10)  /* … and at least: all of them share the build's memory */
#define REPORT_EVERY 16384u
#define POSTING_KEY 8u

typedef struct source {
    FILE *file;
    uint32_t left; /* terms */
    uint32_t order;
    uint32_t term_n, n, first_doc, last_doc;
    bool levels;
    uint8_t term[TKT__TERM_MAX];
} source;

/* Rows of a bitmap's levels: they come behind all of its chunks. */
typedef struct level_rows {
    uint8_t *bytes; /* be32 fence, u16 bytes, the row */
    size_t n, room;
} level_rows;

typedef struct merger {
    tkt__build *b;
    tkt__word_set *words;
    tkt__name_set *names;
    source *source;
    uint32_t *heap, in_heap, sources;
    /* the list under way */
    uint32_t list;
    uint8_t highest; /* level so far */
    tkt__postings block;
    uint64_t word[TKT__CHUNK_WORDS];
    uint8_t level[TKT__CHUNK_DOCS]; /* by offset in the chunk */
    uint32_t chunk;                 /* base of `word`; UINT32_MAX: none */
    tkt__levels levels;             /* of the row of levels under way */
    level_rows rows;
} merger;

static int32_t no_memory(void) { return tkt__fail(TKT_E_NOMEM, "no memory to merge runs"); }
static int32_t damaged(void) { return tkt__fail(TKT_E_IO, "a run could not be read back"); }

/* ---- runs ------------------------------------------------------------------------------------------------ */

static int32_t next_term(source *s)
{
    uint8_t head[17];
    if (s->left == 0) {
        s->term_n = 0;
        return TKT_DONE;
    }
    s->left--;
    if (fread(head, 1, 2, s->file) != 2)
        return damaged();
    s->term_n = head[0] | (uint32_t)head[1] << 8;
    if (s->term_n == 0 || s->term_n > TKT__TERM_MAX || fread(s->term, 1, s->term_n, s->file) != s->term_n ||
        fread(head, 1, sizeof head, s->file) != sizeof head)
        return damaged();
    tkt__reader r = tkt__reader_of(tkt__slice_of(head, sizeof head));
    s->levels = tkt__get_u8(&r) != 0;
    s->n = tkt__get_u32(&r);
    s->first_doc = tkt__get_u32(&r);
    s->last_doc = tkt__get_u32(&r);
    return TKT_DONE;
}

/* Nothing left comes last. */
static bool before(const merger *m, uint32_t a, uint32_t b)
{
    const source *x = &m->source[a], *y = &m->source[b];
    if (x->term_n == 0 || y->term_n == 0)
        return x->term_n != 0;
    int order = tkt__slice_compare(tkt__slice_of(x->term, x->term_n), tkt__slice_of(y->term, y->term_n));
    return order != 0 ? order < 0 : a < b;
}

static void sink(merger *m, uint32_t at)
{
    for (;;) {
        uint32_t child = 2 * at + 1, spare = m->heap[at];
        if (child >= m->in_heap)
            return;
        if (child + 1 < m->in_heap && before(m, m->heap[child + 1], m->heap[child]))
            child++;
        if (!before(m, m->heap[child], m->heap[at]))
            return;
        m->heap[at] = m->heap[child];
        m->heap[child] = spare;
        at = child;
    }
}

static int32_t open_sources(merger *m)
{
    tkt__build *b = m->b;
    uint32_t all = 0, n;
    for (uint32_t p = 0; p <= b->parts; p++) {
        tkt__gather_runs(b->part[p].gatherer, &n);
        all += n;
    }
    m->source = tkt__arena_get(&b->arena, (all + 1) * sizeof *m->source);
    m->heap = tkt__arena_get(&b->arena, (all + 1) * sizeof *m->heap);
    if (m->source == NULL || m->heap == NULL)
        return no_memory();
    uint64_t buffer = b->options.memory_bytes / (all + 1);
    buffer = buffer > BUFFER_BYTES ? BUFFER_BYTES : buffer < BUFFER_LEAST ? BUFFER_LEAST : buffer;
    for (uint32_t p = 0; p <= b->parts; p++) {
        const tkt__run_file *run = tkt__gather_runs(b->part[p].gatherer, &n);
        for (uint32_t i = 0; i < n; i++) {
            source *s = &m->source[m->sources];
            memset(s, 0, offsetof(source, term));
            s->file = run[i].file;
            s->left = (uint32_t)run[i].terms;
            b->stats.postings += run[i].postings;
            setvbuf(s->file, NULL, _IOFBF, (size_t)buffer);
            if (fseeko(s->file, 0, SEEK_SET) != 0)
                return tkt__fail_errno(errno, "reading a run back");
            int32_t status = next_term(s);
            if (status != TKT_DONE)
                return status;
            m->heap[m->sources] = m->sources;
            m->sources++;
        }
    }
    b->stats.runs = m->sources;
    m->in_heap = m->sources;
    for (uint32_t i = m->in_heap / 2; i > 0; i--)
        sink(m, i - 1);
    return TKT_DONE;
}

/* ---- rows -------------------------------------------------------------------------------------------------- */

static int32_t posting_row(merger *m, uint32_t list, uint32_t fence, const uint8_t *row, size_t n)
{
    uint8_t key[8];
    tkt__posting_key(list, fence, key);
    return m->b->ops->bulk_append(m->b->bulk, TKT__T_POSTING, tkt__slice_of(key, sizeof key), tkt__slice_of(row, n));
}

static int32_t end_list(merger *m)
{
    uint8_t row[TKT__POSTINGS_BYTES];
    size_t n = tkt__block_encode(&m->block, 0, m->block.n, row);
    m->block.n = 0;
    return posting_row(m, m->list, UINT32_MAX, row, n);
}

/* The first postings at hand as a block: some TKT__POSTINGS_FILL, more or fewer where that fills what the engine has
 * begun on disk. */
static int32_t end_block(merger *m)
{
    uint8_t row[TKT__POSTINGS_BYTES], other[TKT__POSTINGS_BYTES];
    tkt__postings *p = &m->block;
    uint32_t n = TKT__POSTINGS_FILL, room = m->b->ops->bulk_room(m->b->bulk, TKT__T_POSTING);
    size_t size = tkt__block_encode(p, 0, n, row), all = size + POSTING_KEY;
    bool fits = all <= room;
    uint32_t try = (uint32_t)((uint64_t)n * room / all);
    if (fits && try >= n + TKT__POSTINGS_LEAST) /* another one has room beside it */
        try = 0;
    else if (!fits)
        try -= try / 32; /* heads and exceptions are not in proportion */
    try = try > TKT__POSTINGS_FULL ? TKT__POSTINGS_FULL : try;
    if (try >= TKT__POSTINGS_LEAST && try != n) {
        size_t other_size = tkt__block_encode(p, 0, try, other);
        if (other_size + POSTING_KEY <= room) {
            memcpy(row, other, other_size);
            size = other_size;
            n = try;
        }
    }
    int32_t status = posting_row(m, m->list, p->doc[n - 1], row, size);
    p->n -= n;
    memmove(p->doc, p->doc + n, p->n * sizeof *p->doc);
    memmove(p->level, p->level + n, p->n);
    return status;
}

static int32_t keep_levels(merger *m, uint32_t fence, const uint8_t *row, size_t n)
{
    level_rows *r = &m->rows;
    if (r->room - r->n < n + 6) {
        size_t room = r->room == 0 ? BUFFER_BYTES : 2 * r->room;
        uint8_t *grown = tkt__realloc(m->b->hooks, r->bytes, r->room, room);
        if (grown == NULL)
            return no_memory();
        r->bytes = grown;
        r->room = room;
    }
    tkt__be32(r->bytes + r->n, fence);
    r->bytes[r->n + 4] = (uint8_t)n;
    r->bytes[r->n + 5] = (uint8_t)(n >> 8);
    memcpy(r->bytes + r->n + 6, row, n);
    r->n += n + 6;
    return TKT_DONE;
}

/* The levels at hand as a row; its fence is that of its last stretch. */
static int32_t end_levels(merger *m)
{
    uint8_t row[TKT__LEVELS_ROW_BYTES];
    uint32_t last = 0;
    size_t n = tkt__levels_encode(&m->levels, row);
    if (n == 0)
        return TKT_DONE;
    for (uint32_t s = 0; s < TKT__STRETCHES; s++)
        last = m->levels.n[s] != 0 ? s : last;
    memset(m->levels.n, 0, sizeof m->levels.n);
    return keep_levels(m, tkt__levels_fence(m->chunk, last), row, n);
}

static int32_t take_stretch(merger *m, uint32_t s)
{
    uint32_t from = s * TKT__STRETCH_DOCS, n = 0;
    for (uint32_t i = 0; i < TKT__STRETCH_WORDS; i++)
        for (uint64_t w = m->word[from / 64 + i]; w != 0; w &= w - 1)
            m->levels.level[s][n++] = m->level[from + i * 64 + (uint32_t)__builtin_ctzll(w)];
    m->levels.n[s] = n;
    if (n == 0 || tkt__levels_size(&m->levels) <= TKT__LEVELS_ROW_MOST)
        return TKT_DONE;
    m->levels.n[s] = 0; /* the others first */
    int32_t status = end_levels(m);
    m->levels.n[s] = n;
    return status;
}

static int32_t end_chunk(merger *m, bool levels)
{
    uint8_t row[TKT__CHUNK_BYTES];
    if (m->chunk == UINT32_MAX)
        return TKT_DONE;
    int32_t status = posting_row(m, m->list, TKT__CHUNK_FENCE(m->chunk), row, tkt__chunk_encode(m->word, row));
    for (uint32_t s = 0; status == TKT_DONE && levels && s < TKT__STRETCHES; s++)
        status = take_stretch(m, s);
    if (status == TKT_DONE && levels)
        status = end_levels(m);
    m->chunk = UINT32_MAX;
    return status;
}

static int32_t end_bitmap(merger *m, bool levels)
{
    int32_t status = end_chunk(m, levels);
    for (size_t at = 0; status == TKT_DONE && at < m->rows.n;) {
        const uint8_t *row = m->rows.bytes + at;
        size_t n = row[4] | (size_t)row[5] << 8;
        status = posting_row(m, m->list + 1, tkt__get_be32(row), row + 6, n);
        at += n + 6;
    }
    m->rows.n = 0;
    return status;
}

/* ---- one list ------------------------------------------------------------------------------------------------- */

static int32_t take_array(merger *m, uint32_t docno, uint8_t level)
{
    int32_t status = TKT_DONE;
    if (m->block.n == TKT__POSTINGS_FULL)
        status = end_block(m);
    m->block.doc[m->block.n] = docno;
    m->block.level[m->block.n++] = level;
    return status;
}

static int32_t take_bit(merger *m, uint32_t docno, uint8_t level, bool levels)
{
    int32_t status = TKT_DONE;
    uint32_t base = docno & ~(TKT__CHUNK_DOCS - 1), offset = docno - base;
    if (base != m->chunk) {
        status = end_chunk(m, levels);
        m->chunk = base;
        memset(m->word, 0, sizeof m->word);
    }
    m->word[offset >> 6] |= UINT64_C(1) << (offset & 63);
    m->level[offset] = level;
    return status;
}

/* One run's postings of the list. */
static int32_t read_postings(merger *m, const source *s, bool bitmap)
{
    uint32_t docno = s->first_doc;
    int32_t status = TKT_DONE;
    for (uint32_t i = 0; status == TKT_DONE && i < s->n; i++) {
        uint64_t value = 0;
        int c;
        uint32_t shift = 0;
        do {
            c = getc_unlocked(s->file);
            if (c == EOF || shift > 56)
                return damaged();
            value |= (uint64_t)(c & 0x7f) << shift;
            shift += 7;
        } while (c & 0x80);
        uint8_t level = s->levels ? value & 15 : 0;
        docno += (uint32_t)(s->levels ? value >> 4 : value);
        m->highest = level > m->highest ? level : m->highest;
        status = bitmap ? take_bit(m, docno, level, s->levels) : take_array(m, docno, level);
    }
    return status == TKT_DONE && docno != s->last_doc ? damaged() : status;
}

static int32_t term_row(merger *m, tkt__slice term, const tkt__list_ref *ref)
{
    uint8_t record[TKT__LIST_RECORD_BYTES];
    size_t n = ref != NULL ? tkt__list_external_encode(ref, record) : tkt__list_inline_encode(&m->block, record);
    m->b->stats.terms++;
    return m->b->ops->bulk_append(m->b->bulk, TKT__T_TERM, term, tkt__slice_of(record, n));
}

/* The list of the term at the top of the heap; its runs step on. */
static int32_t merge_list(merger *m, tkt__slice term, uint64_t n, bool levels, const uint32_t *runs, uint32_t runs_n)
{
    tkt__build *b = m->b;
    bool outside = n > TKT__LIST_INLINE_MOST;
    bool bitmap = n >= TKT__BITMAP_LEAST && n * TKT__BITMAP_SHARE > b->stats.events &&
                  n >= (uint64_t)b->chunks * TKT__BITMAP_CHUNK;
    tkt__list_ref ref = { b->last_list + 1, (uint32_t)n, levels, bitmap, TKT__LEVELS - 1 };
    int32_t status = TKT_DONE;
    m->block.n = 0;
    m->block.levels = levels;
    m->list = ref.list;
    m->chunk = UINT32_MAX;
    m->highest = 0;
    b->last_list += !outside ? 0 : bitmap ? 2 : 1;
    for (uint32_t i = 0; status == TKT_DONE && i < runs_n; i++)
        status = read_postings(m, &m->source[runs[i]], bitmap);
    if (status == TKT_DONE)
        status = !outside ? TKT_DONE : bitmap ? end_bitmap(m, levels) : end_list(m);
    ref.highest = levels ? m->highest : ref.highest;
    if (status == TKT_DONE)
        status = term_row(m, term, outside ? &ref : NULL);
    for (uint32_t i = 0; status == TKT_DONE && i < runs_n; i++)
        status = next_term(&m->source[runs[i]]);
    return status;
}

static int32_t keep_word(merger *m, tkt__slice term)
{
    tkt__word_set *set = m->words;
    if (term.n > TKT__WORD_MAX || !tkt__near_word(term.p, (uint32_t)term.n))
        return TKT_DONE;
    if (set->n == set->room) {
        uint64_t room = set->room == 0 ? 65536 : 2 * set->room;
        uint8_t **grown = tkt__realloc(m->b->hooks, set->word, set->room * sizeof *grown, room * sizeof *grown);
        if (grown == NULL)
            return no_memory();
        set->word = grown;
        set->room = room;
    }
    uint8_t *word = tkt__arena_get(&set->arena, 1 + term.n);
    if (word == NULL)
        return no_memory();
    word[0] = (uint8_t)term.n;
    memcpy(word + 1, term.p, term.n);
    set->word[set->n++] = word;
    return TKT_DONE;
}

static int32_t keep_name(merger *m, tkt__slice term, uint64_t events)
{
    tkt__name_set *set = m->names;
    if (!tkt__is_name_term(term.p))
        return TKT_DONE;
    if (set->n == set->room) {
        uint32_t room = set->room == 0 ? 4096 : 2 * set->room;
        tkt__slice *terms = tkt__realloc(m->b->hooks, set->term, set->room * sizeof *terms, room * sizeof *terms);
        if (terms == NULL)
            return no_memory();
        set->term = terms;
        uint64_t *counts = tkt__realloc(m->b->hooks, set->events, set->room * sizeof *counts, room * sizeof *counts);
        if (counts == NULL)
            return no_memory();
        set->events = counts;
        set->room = room;
    }
    const uint8_t *copy = tkt__arena_copy(&set->arena, term.p, term.n);
    if (copy == NULL)
        return no_memory();
    set->term[set->n] = tkt__slice_of(copy, term.n);
    set->events[set->n++] = events;
    return TKT_DONE;
}

/* Takes all runs that stand on the least term off the heap, merges them, and puts them back. */
static int32_t merge_next(merger *m, uint32_t *runs)
{
    uint8_t copy[TKT__TERM_MAX];
    const source *top = &m->source[m->heap[0]];
    tkt__slice term = tkt__slice_of(copy, top->term_n);
    bool levels = top->levels;
    uint64_t n = 0;
    uint32_t runs_n = 0;
    memcpy(copy, top->term, top->term_n);
    while (m->in_heap > 0) {
        uint32_t at = m->heap[0];
        const source *s = &m->source[at];
        if (s->term_n == 0 || tkt__slice_compare(tkt__slice_of(s->term, s->term_n), term) != 0)
            break;
        runs[runs_n++] = at;
        n += s->n;
        m->heap[0] = m->heap[--m->in_heap];
        sink(m, 0);
    }
    int32_t status = merge_list(m, term, n, levels, runs, runs_n);
    if (status == TKT_DONE)
        status = keep_word(m, term);
    if (status == TKT_DONE)
        status = keep_name(m, term, n);
    for (uint32_t i = 0; i < runs_n; i++) {
        uint32_t at = m->in_heap++;
        m->heap[at] = runs[i];
        for (; at > 0 && before(m, m->heap[at], m->heap[(at - 1) / 2]); at = (at - 1) / 2) {
            uint32_t spare = m->heap[at];
            m->heap[at] = m->heap[(at - 1) / 2];
            m->heap[(at - 1) / 2] = spare;
        }
    }
    return status;
}

int32_t tkt__build_merge(tkt__build *b, tkt__word_set *words, tkt__name_set *names)
{
    merger *m = tkt__alloc(b->hooks, sizeof *m);
    if (m == NULL)
        return no_memory();
    memset(m, 0, sizeof *m);
    m->b = b;
    m->words = words;
    m->names = names;
    int32_t status = open_sources(m);
    uint32_t *runs = tkt__arena_get(&b->arena, (m->sources + 1) * sizeof *runs);
    if (status == TKT_DONE && runs == NULL)
        status = no_memory();
    while (status == TKT_DONE && m->in_heap > 0 && m->source[m->heap[0]].term_n != 0) {
        status = merge_next(m, runs);
        if (status == TKT_DONE && b->stats.terms % REPORT_EVERY == 0) {
            status = b->ops->bulk_end(b->bulk); /* no transaction is open while the host is told */
            if (status == TKT_DONE)
                status = tkt__build_report(b);
        }
    }
    tkt__free(b->hooks, m->rows.bytes, m->rows.room);
    tkt__free(b->hooks, m, sizeof *m);
    return status;
}
