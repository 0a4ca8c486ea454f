/* SPDX-License-Identifier: MIT
 *
 * search/expand.c: which lists a word of the query stands for: its own, those that begin with it, those of
 * its stem, and, when nobody has it, those an edit or two away. Reads TERM, NEAR_WORD and the words that
 * wait to be filed. docs/search-semantics.md section 3.
 */
#include "search/near.h"
#include "search/query.h"

#include <math.h>
#include <stdlib.h>
#include <xxhash.h>

#define PREFIX_FACTOR 0.9
#define STEM_FACTOR 0.9
#define EDIT_FACTOR 0.8
#define SEEN_MOST 64u /* candidates that are looked up once; later ones perhaps again */

static int32_t look_up(tkt__search *s, tkt__slice term, tkt__slice *record, uint32_t *n)
{
    int32_t status = tkt__tx_get(s->tx, TKT__T_TERM, term, record);
    return status == TKT_DONE ? tkt__list_length(*record, n) : status;
}

/* ---- the best of many, by number of documents ---------------------------------------------------------- */

typedef struct found {
    tkt__slice term, record; /* both live as long as the snapshot, or the term as the search */
    uint32_t n, edits;
} found;

/* More wanted first: fewer edits, more documents, then by bytes. */
static int compare(const void *a, const void *b)
{
    const found *x = a, *y = b;
    if (x->edits != y->edits)
        return x->edits < y->edits ? -1 : 1;
    if (x->n != y->n)
        return x->n > y->n ? -1 : 1;
    return tkt__slice_compare(x->term, y->term);
}

typedef struct best {
    found *item;   /* a heap: the least wanted on top */
    uint32_t n, most;
    bool cut;
} best;

static void sink(best *b, uint32_t at)
{
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= b->n)
            return;
        if (child + 1 < b->n && compare(&b->item[child + 1], &b->item[child]) > 0)
            child++;
        if (compare(&b->item[child], &b->item[at]) <= 0)
            return;
        found spare = b->item[at];
        b->item[at] = b->item[child];
        b->item[child] = spare;
        at = child;
    }
}

static void offer(best *b, const found *f)
{
    if (b->n < b->most) {
        b->item[b->n++] = *f;
        for (uint32_t at = b->n - 1; at > 0; at = (at - 1) / 2) {
            uint32_t above = (at - 1) / 2;
            if (compare(&b->item[at], &b->item[above]) <= 0)
                return;
            found spare = b->item[at];
            b->item[at] = b->item[above];
            b->item[above] = spare;
        }
        return;
    }
    b->cut = true;
    if (compare(f, &b->item[0]) < 0) {
        b->item[0] = *f;
        sink(b, 0);
    }
}

static int32_t best_open(tkt__search *s, best *b, uint32_t most)
{
    *b = (best){ tkt__arena_get(&s->arena, most * sizeof(found)), 0, most, false };
    return b->item != NULL ? TKT_DONE : tkt__fail(TKT_E_NOMEM, "no memory for a search");
}

/* ---- leaves ----------------------------------------------------------------------------------------------- */

static uint32_t hash_of(tkt__slice term) { return (uint32_t)XXH3_64bits(term.p, term.n); }

static int32_t add_leaves(tkt__search *s, tkt__part *part, const found *f, uint32_t n, const double *factor)
{
    tkt__leaf *leaf = tkt__arena_get(&s->arena, (part->leaves + n) * sizeof *leaf);
    if (leaf == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for a search");
    if (part->leaves > 0)
        memcpy(leaf, part->leaf, part->leaves * sizeof *leaf);
    memset(leaf + part->leaves, 0, n * sizeof *leaf);
    for (uint32_t i = 0; i < n; i++) {
        leaf[part->leaves + i].record = f[i].record;
        leaf[part->leaves + i].n = f[i].n;
        leaf[part->leaves + i].word = hash_of(f[i].term);
        leaf[part->leaves + i].factor = factor[i];
    }
    part->leaf = leaf;
    part->leaves += n;
    return TKT_DONE;
}

static int32_t add_exact(tkt__search *s, tkt__part *part, tkt__slice term, double factor)
{
    found f = { .term = term };
    int32_t status = look_up(s, term, &f.record, &f.n);
    return status == TKT_DONE ? add_leaves(s, part, &f, 1, &factor) : status == TKT_NOT_FOUND ? TKT_DONE : status;
}

/* ---- prefixes ---------------------------------------------------------------------------------------------- */

static int32_t gather_prefix(tkt__search *s, tkt__slice prefix, best *b)
{
    tkt__cursor *cursor;
    tkt__slice k, v;
    int32_t status = tkt__tx_cursor_open(s->tx, TKT__T_TERM, &cursor);
    if (status != TKT_DONE)
        return status;
    status = tkt__cursor_seek(cursor, prefix, &k, &v);
    while (status == TKT_DONE && k.n >= prefix.n && memcmp(k.p, prefix.p, prefix.n) == 0) {
        found f = { .term = k, .record = v };
        status = tkt__list_length(v, &f.n);
        bool itself = k.n == prefix.n;
        if (status == TKT_DONE && !itself)
            offer(b, &f); /* keys live as long as the snapshot */
        s->work++;
        if (status == TKT_DONE)
            status = tkt__cursor_next(cursor, &k, &v);
    }
    tkt__cursor_close(cursor);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

static int32_t expand_prefix(tkt__search *s, tkt__part *part)
{
    best b;
    double factor[TKT_PREFIX_WORDS_MAX];
    int32_t status = best_open(s, &b, TKT_PREFIX_WORDS_MAX);
    if (status == TKT_DONE)
        status = gather_prefix(s, part->word, &b);
    if (status != TKT_DONE)
        return status;
    s->cut = s->cut || b.cut;
    for (uint32_t i = 0; i < b.n; i++)
        factor[i] = PREFIX_FACTOR;
    return b.n == 0 ? TKT_DONE : add_leaves(s, part, b.item, b.n, factor);
}

/* ---- typos --------------------------------------------------------------------------------------------------- */

typedef struct near_search {
    tkt__search *s;
    best *b;
    tkt__near_key key; /* of the word that was typed */
    uint32_t most;
    uint64_t letters;  /* which the word has, in 64 classes */
    tkt__slice tail;   /* what stands behind its first characters; not all ASCII: empty */
    tkt__slice seen[SEEN_MOST]; /* words near enough: most are filed under several of the remainders */
    uint32_t seen_n;
} near_search;

static uint64_t letter(uint32_t c) { return UINT64_C(1) << (c & 63); }

static uint64_t letters_of(const uint32_t *chars, uint32_t n)
{
    uint64_t set = 0;
    for (uint32_t i = 0; i < n; i++)
        set |= letter(chars[i]);
    return set;
}

/* The letters of a text, if all are ASCII. */
static bool letters_in(tkt__slice text, uint64_t *set)
{
    uint8_t all = 0;
    for (size_t i = 0; i < text.n; i++) {
        all |= text.p[i];
        *set |= letter(text.p[i]);
    }
    return all < 0x80;
}

/* An edit takes one letter away and brings one in, at most. Most candidates are told apart by this alone. */
static bool too_far(const near_search *ns, uint64_t letters)
{
    uint64_t less = ns->letters & ~letters, more = letters & ~ns->letters;
    for (uint32_t i = 0; i < ns->most; i++) {
        less &= less - 1; /* of 0: 0 */
        more &= more - 1;
    }
    return (less | more) != 0;
}

static bool seen(const near_search *ns, tkt__slice word)
{
    for (uint32_t i = 0; i < ns->seen_n; i++)
        if (tkt__slice_compare(ns->seen[i], word) == 0)
            return true;
    for (uint32_t i = 0; i < ns->b->n; i++)
        if (tkt__slice_compare(ns->b->item[i].term, word) == 0)
            return true;
    return false;
}

static int32_t consider(near_search *ns, const uint8_t *p, uint32_t bytes)
{
    uint32_t chars[TKT__WORD_MAX], n = tkt__word_chars(p, bytes, chars);
    found f = { .edits = tkt__word_distance(ns->key.c, ns->key.chars, chars, n, ns->most) };
    if (f.edits > ns->most || f.edits == 0 || seen(ns, tkt__slice_of(p, bytes)))
        return TKT_DONE;
    const uint8_t *copy = tkt__arena_copy(&ns->s->arena, p, bytes);
    if (copy == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for a search");
    f.term = tkt__slice_of(copy, bytes);
    if (ns->seen_n < SEEN_MOST)
        ns->seen[ns->seen_n++] = f.term;
    int32_t status = look_up(ns->s, f.term, &f.record, &f.n);
    if (status == TKT_DONE)
        offer(ns->b, &f);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

/* What of the typed word stands behind the first characters; of a word that is not all ASCII nothing. */
static tkt__slice typed_tail(tkt__slice word)
{
    uint64_t letters = 0;
    bool ascii = letters_in(word, &letters);
    size_t head = ascii && word.n > TKT__NEAR_PREFIX ? TKT__NEAR_PREFIX : word.n;
    return tkt__slice_of(word.p + head, word.n - head);
}

/* As many letters gone as edits are allowed: all of the edits lie among the first characters, and what is behind them
 * is the same in both words but for as many letters, which a swap and a shift may reach. A pair of words with fewer
 * edits there is met under a remainder that lacks fewer. */
static bool tails_differ(tkt__slice a, tkt__slice b, uint32_t loose)
{
    size_t same = a.n < b.n ? a.n : b.n;
    for (size_t i = 1; i + loose <= same; i++)
        if (a.p[a.n - i] != b.p[b.n - i])
            return true;
    return false;
}

/* A remainder of the typed word. */
typedef struct met {
    uint32_t gone, lost; /* characters that are gone */
    uint32_t kept;       /* and those that are not */
    uint64_t letters;    /* of the kept ones */
    bool plain;          /* which are all ASCII */
} met;

/* Told by an entry's ends alone; text that is not all ASCII by nothing. */
static bool is_other(const near_search *ns, const met *m, const tkt__near_part *part)
{
    uint32_t bytes = m->kept + (uint32_t)(part->lost.n + part->tail.n), typed = ns->key.chars, most = ns->most;
    bool ends = m->lost >= most || part->lost.n >= most;
    return bytes + most < typed || bytes > typed + most || (ends && tails_differ(part->tail, ns->tail, most));
}

/* `told`: is_other said no. */
static int32_t consider_part(near_search *ns, const met *m, const tkt__near_part *part, bool told)
{
    uint8_t word[TKT__WORD_MAX];
    uint64_t letters = m->letters;
    bool ascii = letters_in(part->lost, &letters) & letters_in(part->tail, &letters) & m->plain;
    if (ascii && ((!told && is_other(ns, m, part)) || too_far(ns, letters)))
        return TKT_DONE;
    uint32_t n = tkt__near_word_of(&ns->key, m->gone, part, word);
    return n != 0 ? consider(ns, word, n) : TKT_DONE;
}

/* Entries of one remainder. Most words end otherwise, are too long or too short or have other letters, which is seen
 * before the word is put together. */
static int32_t consider_entries(near_search *ns, const met *m, tkt__slice entries)
{
    tkt__near_part part;
    bool bad = false;
    int32_t status = TKT_DONE;
    while (status == TKT_DONE) {
        bool skimmed = tkt__near_skim(&entries, &part), told = skimmed && m->plain;
        if (!skimmed && !tkt__near_next(&entries, &part, &bad))
            break;
        ns->s->work++;
        if (!told || !is_other(ns, m, &part))
            status = consider_part(ns, m, &part, told);
    }
    return bad ? tkt__fail(TKT_E_CORRUPT, "a row of words by their rest is malformed") : status;
}

static int32_t consider_filed(near_search *ns, tkt__cursor *cursor, const tkt__remainder *r)
{
    tkt__slice entries;
    met m = { .gone = r->gone, .lost = tkt__near_lost(r->gone), .plain = true };
    uint32_t all = ns->key.chars < TKT__NEAR_PREFIX ? ns->key.chars : TKT__NEAR_PREFIX;
    bool more;
    for (uint32_t i = 0; i < all; i++)
        if (!tkt__near_is_gone(r->gone, i)) {
            m.letters |= letter(ns->key.c[i]);
            m.plain = m.plain && ns->key.c[i] < 0x80;
            m.kept++;
        }
    int32_t status = tkt__near_find(cursor, r->hash, &entries, &more);
    if (status == TKT_DONE)
        status = consider_entries(ns, &m, entries);
    while (status == TKT_DONE && more) {
        status = tkt__near_find_more(cursor, r->hash, &entries, &more);
        if (status == TKT_DONE)
            status = consider_entries(ns, &m, entries);
    }
    return status;
}

static int32_t consider_all_filed(near_search *ns)
{
    tkt__cursor *cursor;
    int32_t status = tkt__tx_cursor_open(ns->s->tx, TKT__T_NEAR_WORD, &cursor);
    if (status != TKT_DONE)
        return status;
    for (uint32_t i = 0; status == TKT_DONE && i < ns->key.n; i++)
        status = consider_filed(ns, cursor, &ns->key.remainder[i]);
    tkt__cursor_close(cursor);
    return status;
}

static int32_t consider_waiting(void *user, tkt__slice key, tkt__slice value)
{
    tkt__reader r = tkt__reader_of(value);
    int32_t status = TKT_DONE;
    (void)key;
    while (status == TKT_DONE && r.p != r.end && !r.bad) {
        tkt__slice word = tkt__get_bytes(&r, tkt__get_u8(&r));
        if (!r.bad && word.n <= TKT__WORD_MAX)
            status = consider(user, word.p, (uint32_t)word.n);
    }
    return status;
}

static uint32_t edits_for(tkt__slice word, uint32_t chars)
{
    for (size_t i = 0; i < word.n; i++)
        if (word.p[i] >= '0' && word.p[i] <= '9')
            return 0;
    return chars <= 4 ? 0 : chars <= 8 ? 1 : 2;
}

int32_t tkt__expand_typo(tkt__search *s, tkt__part *part)
{
    best b;
    near_search ns = { .s = s, .b = &b };
    double factor[TKT_TYPO_WORDS_MAX];
    uint32_t chars[TKT__WORD_MAX];
    ns.most = edits_for(part->word, tkt__word_chars(part->word.p, part->word.n, chars));
    int32_t status = ns.most == 0 ? TKT_NOT_FOUND : best_open(s, &b, TKT_TYPO_WORDS_MAX);
    if (status != TKT_DONE)
        return status == TKT_NOT_FOUND ? TKT_DONE : status;
    tkt__near_keys(part->word.p, (uint32_t)part->word.n, ns.most, &ns.key);
    ns.letters = letters_of(ns.key.c, ns.key.chars);
    ns.tail = typed_tail(part->word);
    status = consider_all_filed(&ns);
    if (status == TKT_DONE)
        status = tkt__scan(s->tx, TKT__T_SEARCH, tkt__slice_of("p", 1), consider_waiting, &ns);
    if (status != TKT_DONE || b.n == 0)
        return status;
    for (uint32_t i = 0; i < b.n; i++)
        factor[i] = b.item[i].edits == 1 ? EDIT_FACTOR : EDIT_FACTOR * EDIT_FACTOR;
    return add_leaves(s, part, b.item, b.n, factor);
}

/* ---- a word -------------------------------------------------------------------------------------------------- */

static int32_t add_stem(tkt__search *s, tkt__part *part)
{
    uint8_t term[2 + TKT__WORD_MAX] = { TKT__NS_STEM, s->query->language };
    tkt__slice stem = tkt__stem(s->stemmer, part->word.p, part->word.n);
    memcpy(term + 2, stem.p, stem.n);
    uint8_t *copy = tkt__arena_copy(&s->arena, term, stem.n + 2);
    return copy != NULL ? add_exact(s, part, tkt__slice_of(copy, stem.n + 2), STEM_FACTOR)
                        : tkt__fail(TKT_E_NOMEM, "no memory for a search");
}

/* Nobody had the word when the list was begun: it goes on with those that stood for it. */
static bool was_nobodys(const tkt__search *s, const tkt__part *part)
{
    const tkt__measures *m = &s->query->measures;
    for (uint32_t i = 0; i < m->words; i++)
        if (m->of[i].events == 0 && m->of[i].word == hash_of(part->word))
            return true;
    return false;
}

static int32_t expand_part(tkt__search *s, tkt__part *part)
{
    int32_t status = TKT_DONE;
    if (part->fixed || !was_nobodys(s, part))
        status = add_exact(s, part, part->word, 1.0);
    if (status != TKT_DONE || part->fixed)
        return status;
    uint32_t typed = part->leaves;
    if (s->stemmer != NULL)
        status = add_stem(s, part);
    if (status == TKT_DONE && part->prefix)
        status = expand_prefix(s, part);
    if (status == TKT_DONE && part->leaves == 0 && s->query->typo == TKT_EXPAND_AUTO)
        status = tkt__expand_typo(s, part);
    part->nobodys = typed == 0 && part->leaves > 0 && !part->prefix;
    return status;
}

/* ---- scores ---------------------------------------------------------------------------------------------------- */

static bool counts_more(const tkt__leaf *a, const tkt__leaf *b)
{
    bool typed = a->factor >= 1, other = b->factor >= 1;
    return typed != other ? typed : a->n > b->n;
}

/* The first of all words, in the order of counts_more. *n: noted; *rest: more than fit. */
static void note_leaf(const tkt__leaf *noted[TKT__CURSOR_WORDS], uint32_t *n, bool *rest, const tkt__leaf *leaf)
{
    uint32_t at;
    for (uint32_t i = 0; i < *n; i++)
        if (noted[i]->word == leaf->word)
            return;
    *rest = *rest || *n == TKT__CURSOR_WORDS;
    if (*n == TKT__CURSOR_WORDS && !counts_more(leaf, noted[*n - 1]))
        return;
    *n += *n < TKT__CURSOR_WORDS;
    for (at = *n - 1; at > 0 && counts_more(leaf, noted[at - 1]); at--)
        noted[at] = noted[at - 1];
    noted[at] = leaf;
}

static void put_measure(tkt__measures *m, uint32_t word, uint32_t events)
{
    if (m->words < TKT__CURSOR_WORDS) {
        m->of[m->words].word = word;
        m->of[m->words++].events = events;
    }
}

static void measure(tkt__search *s)
{
    const tkt__leaf *noted[TKT__CURSOR_WORDS];
    tkt__measures *m = &s->measures;
    uint32_t n = 0;
    bool rest = false;
    m->events = (uint32_t)s->counts.documents;
    for (uint32_t c = 0; c < s->clauses; c++)
        for (uint32_t a = 0; a < s->clause[c].alternatives && s->clause[c].scores; a++)
            for (uint32_t p = 0; p < s->clause[c].alternative[a].parts; p++) {
                const tkt__part *part = &s->clause[c].alternative[a].part[p];
                if (part->nobodys)
                    put_measure(m, hash_of(part->word), 0);
                for (uint32_t l = 0; l < part->leaves; l++)
                    note_leaf(noted, &n, &rest, &part->leaf[l]);
            }
    rest = rest || m->words + n > TKT__CURSOR_WORDS;
    for (uint32_t i = 0; i < n; i++)
        put_measure(m, noted[i]->word, noted[i]->n);
    m->rest = rest && m->words > 0 ? m->of[m->words - 1].events : 0;
}

static uint32_t measured(const tkt__measures *m, const tkt__leaf *leaf)
{
    for (uint32_t i = 0; i < m->words; i++)
        if (m->of[i].word == leaf->word)
            return m->of[i].events;
    return m->rest != 0 ? m->rest : leaf->n;
}

/* idf = ln(1 + (N − n + 0.5) / (n + 0.5)) */
static void set_worth(const tkt__measures *m, tkt__leaf *leaf)
{
    double n = measured(m, leaf), all = m->events > n ? m->events : n;
    double idf = log(1 + (all - n + 0.5) / (n + 0.5));
    for (uint32_t level = 0; level < TKT__LEVELS; level++)
        leaf->worth[level] = (uint32_t)(idf * leaf->factor * tkt__level_value(level) * 65536 + 0.5);
}

static void set_all_worth(tkt__search *s)
{
    if (s->query->has_cursor) /* the list goes on as it began */
        s->measures = s->query->measures;
    else
        measure(s);
    for (uint32_t c = 0; c < s->clauses; c++)
        for (uint32_t a = 0; a < s->clause[c].alternatives && s->clause[c].scores; a++)
            for (uint32_t p = 0; p < s->clause[c].alternative[a].parts; p++) {
                tkt__part *part = &s->clause[c].alternative[a].part[p];
                for (uint32_t l = 0; l < part->leaves; l++)
                    set_worth(&s->measures, &part->leaf[l]);
            }
}

int32_t tkt__expand(tkt__search *s)
{
    int32_t status = TKT_DONE;
    if (s->query->language != 0)
        status = tkt__stemmer_open(s->query->language, &s->stemmer);
    for (uint32_t c = 0; status == TKT_DONE && c < s->clauses; c++)
        for (uint32_t a = 0; status == TKT_DONE && a < s->clause[c].alternatives; a++)
            for (uint32_t p = 0; status == TKT_DONE && p < s->clause[c].alternative[a].parts; p++)
                status = expand_part(s, &s->clause[c].alternative[a].part[p]);
    if (status == TKT_DONE && s->relevance)
        set_all_worth(s);
    tkt__stemmer_close(s->stemmer);
    s->stemmer = NULL;
    return status;
}
