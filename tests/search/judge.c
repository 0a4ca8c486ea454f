/* SPDX-License-Identifier: MIT
 *
 * tests/search/judge.c: one query, answered by looking at every event: sections 3 to 6 of
 * docs/search-semantics.md. Every word of the query is looked for in the sorted table of all words.
 */
#include "model.h"

#include <math.h>

#include "text/analyse.h"
#include "text/stem.h"

#define LEAVES_MAX 2048
#define CLAUSES_MAX 32
#define NEAR_MOST 8u

typedef struct leaf {
    size_t from, to; /* of the table */
    double factor;
    uint32_t edits;
} leaf;

typedef struct said { /* a word as the analyser gave it */
    char word[72];
    uint32_t n, chars;
    uint8_t kind, parts;
} said;

/* What one clause gives each event: whether it matches, and its best score. */
typedef struct clause {
    bool negative;
    bool match[EVENTS_MAX];
    uint32_t score[EVENTS_MAX];
} clause;

typedef struct judging {
    model *m;
    const query *q;
    said word[64];
    uint32_t words;
    clause *clause;
    uint32_t clauses;
    leaf leaf[LEAVES_MAX];
    uint32_t leaves;
    tkt__stemmer *stemmer;
    uint8_t language;
    bool scored[EVENTS_MAX];
} judging;

/* ---- the table -------------------------------------------------------------------------------------------- */

static int order(const posting *p, const void *word, uint32_t n)
{
    int o = memcmp(p->word, word, p->n < n ? p->n : n);
    return o != 0 ? o : (p->n > n) - (p->n < n);
}

static size_t first_at(const model *m, const void *word, uint32_t n)
{
    size_t low = 0, high = m->postings;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (order(&m->posting[mid], word, n) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static size_t end_of(const model *m, size_t from)
{
    size_t to = from;
    while (to < m->postings && order(&m->posting[to], m->posting[from].word, m->posting[from].n) == 0)
        to++;
    return to;
}

static void add_leaf(judging *j, size_t from, size_t to, double factor, uint32_t edits)
{
    if (from == to)
        return;
    MUST(j->leaves < LEAVES_MAX);
    j->leaf[j->leaves++] = (leaf){ from, to, factor, edits };
}

static void add_word(judging *j, const void *word, uint32_t n, double factor)
{
    size_t from = first_at(j->m, word, n);
    if (from < j->m->postings && order(&j->m->posting[from], word, n) == 0)
        add_leaf(j, from, end_of(j->m, from), factor, 0);
}

static void add_prefix(judging *j, const said *w)
{
    for (size_t at = first_at(j->m, w->word, w->n), to; at < j->m->postings; at = to) {
        const posting *p = &j->m->posting[at];
        if (p->n < w->n || memcmp(p->word, w->word, w->n) != 0)
            return;
        to = end_of(j->m, at);
        if (p->n > w->n)
            add_leaf(j, at, to, 0.9, 0);
    }
}

/* ---- typos -------------------------------------------------------------------------------------------------- */

static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* Optimal string alignment by its recurrence, whole matrix. */
static uint32_t edits(const uint32_t *a, uint32_t na, const uint32_t *b, uint32_t nb)
{
    static uint32_t d[TKT__WORD_MAX + 1][TKT__WORD_MAX + 1];
    for (uint32_t i = 0; i <= na; i++)
        for (uint32_t k = 0; k <= nb; k++) {
            if (i == 0 || k == 0) {
                d[i][k] = i + k;
                continue;
            }
            d[i][k] = least(least(d[i - 1][k], d[i][k - 1]) + 1, d[i - 1][k - 1] + (a[i - 1] != b[k - 1]));
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
                d[i][k] = least(d[i][k], d[i - 2][k - 2] + 1);
        }
    return d[na][nb];
}

static bool has_digit(const char *word, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (word[i] >= '0' && word[i] <= '9')
            return true;
    return false;
}

static int better(const judging *j, const leaf *a, const leaf *b)
{
    if (a->edits != b->edits)
        return a->edits < b->edits ? -1 : 1;
    if (a->to - a->from != b->to - b->from)
        return a->to - a->from > b->to - b->from ? -1 : 1;
    const posting *x = &j->m->posting[a->from], *y = &j->m->posting[b->from];
    return order(x, y->word, y->n);
}

static void add_near(judging *j, const said *w)
{
    uint32_t a[TKT__WORD_MAX], b[TKT__WORD_MAX], begin = j->leaves;
    uint32_t na = tkt__word_chars((const uint8_t *)w->word, w->n, a), most = na <= 4 ? 0 : na <= 8 ? 1 : 2;
    if (most == 0 || has_digit(w->word, w->n))
        return;
    for (size_t at = 0, to; at < j->m->postings; at = to) {
        const posting *p = &j->m->posting[at];
        to = end_of(j->m, at);
        uint32_t nb = tkt__word_chars((const uint8_t *)p->word, p->n, b);
        if ((uint8_t)p->word[0] <= TKT__NS_LAST || nb < 4 || has_digit(p->word, p->n))
            continue;
        uint32_t e = edits(a, na, b, nb);
        if (e == 0 || e > most)
            continue;
        add_leaf(j, at, to, e == 1 ? 0.8 : 0.8 * 0.8, e);
        for (uint32_t i = j->leaves - 1; i > begin && better(j, &j->leaf[i], &j->leaf[i - 1]) < 0; i--) {
            leaf spare = j->leaf[i];
            j->leaf[i] = j->leaf[i - 1];
            j->leaf[i - 1] = spare;
        }
        if (j->leaves - begin > NEAR_MOST)
            j->leaves--;
    }
}

/* ---- one word ------------------------------------------------------------------------------------------------ */

/* Its lists: exactly, by stem, by prefix; by typo where there is none of these. */
static void find_leaves(judging *j, const said *w, bool fixed, bool prefix)
{
    j->leaves = 0;
    add_word(j, w->word, w->n, 1.0);
    if (fixed)
        return;
    if (j->stemmer != NULL) {
        uint8_t term[72] = { TKT__NS_STEM, j->language };
        tkt__slice stem = tkt__stem(j->stemmer, (const uint8_t *)w->word, w->n);
        memcpy(term + 2, stem.p, stem.n);
        add_word(j, term, (uint32_t)stem.n + 2, 0.9);
    }
    if (prefix)
        add_prefix(j, w);
    if (j->leaves == 0 && !j->q->typo_off)
        add_near(j, w);
}

static uint32_t worth(const judging *j, const leaf *l, uint8_t level)
{
    double n = (double)(l->to - l->from), idf = log(1 + (j->m->live - n + 0.5) / (n + 0.5));
    return (uint32_t)(idf * l->factor * (0.30 + (level + 0.5) * (0.92 - 0.30) / 16) * 65536 + 0.5);
}

/* Which events have the word, with the best score of its lists. */
static void spread(const judging *j, bool *match, uint32_t *score)
{
    memset(match, 0, EVENTS_MAX * sizeof *match);
    memset(score, 0, EVENTS_MAX * sizeof *score);
    for (uint32_t l = 0; l < j->leaves; l++)
        for (size_t i = j->leaf[l].from; i < j->leaf[l].to; i++) {
            const posting *p = &j->m->posting[i];
            uint32_t value = worth(j, &j->leaf[l], p->level);
            match[p->event] = true;
            if (value > score[p->event])
                score[p->event] = value;
        }
}

/* Several words that must all be there, from word `first` on, as an alternative of clause c. */
static void add_alternative(judging *j, clause *c, const said *w, uint32_t n, bool fixed, bool prefix_last)
{
    static bool match[EVENTS_MAX], all[EVENTS_MAX];
    static uint32_t score[EVENTS_MAX], sum[EVENTS_MAX];
    memset(all, 1, sizeof all);
    memset(sum, 0, sizeof sum);
    for (uint32_t i = 0; i < n; i++) {
        find_leaves(j, &w[i], fixed || w[i].kind == TKT__WORD_SIGNED, prefix_last && i == n - 1);
        spread(j, match, score);
        for (uint32_t e = 0; e < j->m->events; e++) {
            all[e] = all[e] && match[e];
            sum[e] += score[e];
        }
    }
    for (uint32_t e = 0; e < j->m->events; e++)
        if (all[e]) {
            c->match[e] = true;
            c->score[e] = sum[e] > c->score[e] ? sum[e] : c->score[e];
        }
}

static clause *new_clause(judging *j, bool negative)
{
    MUST(j->clauses < CLAUSES_MAX);
    clause *c = &j->clause[j->clauses++];
    memset(c, 0, sizeof *c);
    c->negative = negative;
    return c;
}

/* ---- phrases -------------------------------------------------------------------------------------------------- */

typedef struct sequence {
    const said *want;
    uint32_t n, words;
    said word[512], sign[512]; /* and the form with signs of each, or n 0 */
} sequence;

static int32_t note(void *user, const tkt__word *word)
{
    sequence *s = user;
    if ((word->kind == TKT__WORD_PLAIN || word->kind == TKT__WORD_BIGRAM) && s->words < 512) {
        memcpy(s->word[s->words].word, word->p, word->n);
        s->sign[s->words].n = 0;
        s->word[s->words++].n = word->n;
    } else if (word->kind == TKT__WORD_SIGNED && s->words > 0) {
        memcpy(s->sign[s->words - 1].word, word->p, word->n);
        s->sign[s->words - 1].n = word->n;
    }
    return TKT_DONE;
}

static bool stands(const sequence *s, uint32_t at, const said *want)
{
    const said *there = want->kind == TKT__WORD_SIGNED ? &s->sign[at] : &s->word[at];
    return there->n == want->n && memcmp(there->word, want->word, want->n) == 0;
}

static bool in_text(const said *want, uint32_t n, const char *text)
{
    static sequence s;
    s.words = 0;
    OK(tkt__analyse(text, strlen(text), note, &s));
    for (uint32_t i = 0; i + n <= s.words; i++) {
        uint32_t k = 0;
        while (k < n && stands(&s, i + k, &want[k]))
            k++;
        if (k == n)
            return true;
    }
    return false;
}

static bool has_phrase(const model *m, const event *e, const said *want, uint32_t n)
{
    const owner *venue = e->venue != 0 ? &m->venue[e->venue - 1] : NULL;
    const char *texts[] = { e->name, e->description, e->category, e->type, venue != NULL ? venue->name : "",
                            venue != NULL ? venue->city : "" };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (in_text(want, n, texts[i]))
            return true;
    for (uint32_t i = 0; i < e->performers; i++)
        if (in_text(want, n, m->performer[e->performer[i]].name))
            return true;
    return false;
}

/* ---- the text of the query ---------------------------------------------------------------------------------------- */

static int32_t hear(void *user, const tkt__word *word)
{
    judging *j = user;
    MUST(j->words < 64);
    said *s = &j->word[j->words++];
    memcpy(s->word, word->p, word->n);
    s->n = word->n;
    s->chars = word->chars;
    s->kind = word->kind;
    s->parts = word->parts;
    return TKT_DONE;
}

/* Signed forms take the place of their word; joined ones are left where they stand. Returns how many. */
static uint32_t settle(judging *j, said *out)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < j->words; i++)
        out[j->word[i].kind == TKT__WORD_SIGNED && n > 0 ? n - 1 : n++] = j->word[i];
    return n;
}

static void take_quoted(judging *j, bool negative)
{
    said w[64];
    uint32_t all = settle(j, w), n = 0;
    for (uint32_t i = 0; i < all; i++)
        if (w[i].kind != TKT__WORD_JOINED)
            w[n++] = w[i];
    clause *c = new_clause(j, negative);
    add_alternative(j, c, w, n, true, false);
    for (uint32_t e = 0; n > 1 && e < j->m->events; e++)
        if (c->match[e] && !has_phrase(j->m, &j->m->event[e], w, n))
            c->match[e] = false;
}

static void take_excluded(judging *j)
{
    said w[64], parts[64];
    uint32_t all = settle(j, w), n = 0;
    for (uint32_t i = 0; i < all; i++)
        if (w[i].kind != TKT__WORD_JOINED)
            parts[n++] = w[i];
    clause *c = new_clause(j, true);
    add_alternative(j, c, parts, n, true, false);
    if (w[all - 1].kind == TKT__WORD_JOINED && w[all - 1].parts == n)
        add_alternative(j, c, &w[all - 1], 1, true, false);
}

static void take_plain(judging *j, bool last)
{
    said w[64], parts[8];
    uint32_t all = settle(j, w), end = all;
    while (end > 0 && w[end - 1].kind == TKT__WORD_JOINED)
        end--;
    /* The word that is being typed: the last one of the text, however it is joined. */
    bool types = last && !j->q->prefix_off && w[end - 1].kind != TKT__WORD_SIGNED &&
                 (w[end - 1].chars >= 2 || w[end - 1].kind == TKT__WORD_BIGRAM);
    for (uint32_t i = 0; i < all;) {
        uint32_t n = 0, next = i + 1;
        /* Words that a joined form behind them takes along are one clause with it. */
        for (uint32_t k = i + 1; k < all && n == 0; k++)
            if (w[k].kind == TKT__WORD_JOINED && k - i == w[k].parts)
                n = w[k].parts, next = k + 1;
        if (n == 0) {
            clause *c = new_clause(j, false);
            add_alternative(j, c, &w[i], 1, false, types && i == end - 1);
        } else {
            clause *c = new_clause(j, false);
            memcpy(parts, &w[i], n * sizeof *parts);
            add_alternative(j, c, &w[next - 1], 1, true, false);
            add_alternative(j, c, parts, n, false, types && i + n == end);
        }
        i = next;
    }
}

static bool blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static void read_text(judging *j)
{
    const char *t = j->q->text;
    size_t n = strlen(t), i = 0;
    while (i < n) {
        if (blank(t[i])) {
            i++;
            continue;
        }
        bool negative = t[i] == '-' && (i == 0 || blank(t[i - 1])) && i + 1 < n && !blank(t[i + 1]);
        i += negative;
        bool quoted = t[i] == '"';
        size_t from = i += quoted;
        while (i < n && t[i] != '"' && (quoted || !blank(t[i])))
            i++;
        j->words = 0;
        OK(tkt__analyse(t + from, i - from, hear, j));
        bool last = i == n;
        i += quoted && i < n;
        if (j->words == 0)
            continue;
        if (quoted)
            take_quoted(j, negative);
        else if (negative)
            take_excluded(j);
        else
            take_plain(j, last);
    }
}

/* ---- filters ----------------------------------------------------------------------------------------------------------- */

static bool same_plain(const char *a, const char *b)
{
    uint8_t x[256], y[256];
    size_t nx, ny;
    OK(tkt__text_plain(a, strlen(a), x, sizeof x, &nx));
    OK(tkt__text_plain(b, strlen(b), y, sizeof y, &ny));
    return nx > 0 && nx == ny && memcmp(x, y, nx) == 0;
}

static bool in_window(const query *q, const event *e)
{
    if (!q->windowed || (e->start_ms >= q->from_ms && e->start_ms < q->to_ms))
        return true;
    int64_t end = e->has_end ? e->end_ms : e->start_ms;
    if (e->has_end ? e->end_date_only : e->date_only)
        end += 86400000;
    return q->during && q->from_ms < q->to_ms && e->start_ms < q->to_ms && end > e->start_ms && end > q->from_ms;
}

static int64_t distance(const model *m, const query *q, const event *e, bool *within)
{
    const double rad = 3.14159265358979323846 / 180 / 1e7;
    const owner *v = e->venue != 0 ? &m->venue[e->venue - 1] : NULL;
    *within = false;
    if (v == NULL || !v->placed)
        return -1;
    double a = sin(((double)v->latitude_e7 - q->latitude_e7) * rad / 2);
    double b = sin(((double)v->longitude_e7 - q->longitude_e7) * rad / 2);
    double h = a * a + cos(q->latitude_e7 * rad) * cos(v->latitude_e7 * rad) * b * b;
    double metres = 2 * 6371008.8 * asin(h < 1 ? sqrt(h) : 1);
    *within = metres <= (double)q->radius_m;
    return (int64_t)metres;
}

/* The lowest price in the query's currency, or in the event's own; INT64_MAX: none. */
static int64_t price(const query *q, const event *e)
{
    /* A record without price says nothing where a price is set. */
    bool base = e->priced || !e->area_priced;
    const char *own = base ? e->currency : e->area_currency, *wanted = q->currency[0] != '\0' ? q->currency : own;
    int64_t lowest = INT64_MAX;
    if (base && (e->currency[0] == '\0' || strcmp(e->currency, wanted) == 0))
        lowest = e->minor;
    if (e->area_priced && strcmp(e->area_currency, wanted) == 0 && e->area_minor < lowest)
        lowest = e->area_minor;
    return lowest;
}

/* Bounds without a currency are hundredths of whatever the event's own is; yen have no decimals, dinars three. */
static bool is_between(const query *q, const event *e, int64_t lowest)
{
    const char *own = e->priced || !e->area_priced ? e->currency : e->area_currency;
    long double unit = q->currency[0] != '\0' ? 1 : strcmp(own, "JPY") == 0 ? 100 : strcmp(own, "KWD") == 0 ? 0.1L : 1;
    long double slack = 0.01L, value = (long double)lowest * unit;
    return (q->min_minor == INT64_MIN || value > (long double)q->min_minor - slack) &&
           (q->max_minor == INT64_MAX || value < (long double)q->max_minor + slack);
}

static bool one_of(const char *const *given, uint32_t n, const char *a, const char *b)
{
    bool found = n == 0;
    for (uint32_t i = 0; i < n; i++)
        found = found || same_plain(given[i], a) || same_plain(given[i], b);
    return found;
}

static bool passes(const model *m, const query *q, const event *e)
{
    const owner *v = e->venue != 0 ? &m->venue[e->venue - 1] : NULL;
    bool venue = q->venues == 0, performer = q->performers == 0, within;
    int64_t lowest = price(q, e);
    for (uint32_t i = 0; i < q->venues; i++)
        venue = venue || e->venue == q->venue[i] + 1;
    for (uint32_t i = 0; i < q->performers; i++)
        for (uint32_t k = 0; k < e->performers; k++)
            performer = performer || e->performer[k] == q->performer[i];
    if (!venue || !performer || !in_window(q, e) || !one_of(q->city, q->cities, v != NULL ? v->city : "", "") ||
        !one_of(q->country, q->countries, v != NULL ? v->country : "", "") ||
        !one_of(q->category, q->categories, e->category, e->type))
        return false;
    if (q->near && q->radius_m > 0) {
        distance(m, q, e, &within);
        if (!within)
            return false;
    }
    if (q->priced && (lowest == INT64_MAX || !is_between(q, e, lowest)))
        return false;
    uint32_t places = e->area_id != 0 ? PLACES : 0;
    if (q->available && places != 0 && e->booked == places)
        return false;
    return places - e->booked >= q->at_least || q->at_least == 0;
}

/* ---- orders --------------------------------------------------------------------------------------------------------------- */

typedef struct placed {
    int64_t key, start_ms, distance_m;
    uint64_t id;
    uint32_t score;
} placed;

static int compare(const void *a, const void *b)
{
    const placed *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    if (x->start_ms != y->start_ms)
        return x->start_ms < y->start_ms ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static bool clauses_match(const judging *j, uint32_t e, uint32_t *score)
{
    bool any = false, optional = false;
    *score = 0;
    for (uint32_t c = 0; c < j->clauses; c++) {
        const clause *k = &j->clause[c];
        if (k->negative) {
            if (k->match[e])
                return false;
            continue;
        }
        optional = true;
        any = any || k->match[e];
        if (!k->match[e] && !j->q->any)
            return false;
        *score += k->match[e] ? k->score[e] : 0;
    }
    return any || !optional;
}

static int64_t month(int64_t ms)
{
    int64_t low = 1000, high = 3000; /* years; then months: slow and plain */
    while (low + 1 < high) {
        int64_t mid = (low + high) / 2;
        if (epoch_ms((int)mid, 1, 1) <= ms)
            low = mid;
        else
            high = mid;
    }
    int m = 12;
    while (m > 1 && epoch_ms((int)low, m, 1) > ms)
        m--;
    return low * 12 + m;
}

void judge(model *m, const query *q, answer *a)
{
    static judging j;
    static placed all[EVENTS_MAX];
    uint32_t n = 0;
    bool words = false;
    if (j.clause == NULL)
        MUST((j.clause = malloc(CLAUSES_MAX * sizeof *j.clause)) != NULL);
    j.m = m;
    j.q = q;
    j.clauses = 0;
    j.stemmer = NULL;
    j.language = q->language != NULL ? tkt__stem_language(q->language, strlen(q->language)) : 0;
    if (j.language != 0)
        OK(tkt__stemmer_open(j.language, &j.stemmer));
    read_text(&j);
    tkt__stemmer_close(j.stemmer);
    for (uint32_t c = 0; c < j.clauses; c++)
        words = words || !j.clause[c].negative;
    uint32_t sort = q->sort != TKT_SORT_AUTO ? q->sort : words ? TKT_SORT_RELEVANCE : TKT_SORT_DATE;
    for (uint32_t e = 0; e < m->events; e++) {
        const event *v = &m->event[e];
        placed p = { .start_ms = v->start_ms, .id = v->id, .distance_m = -1 };
        bool within;
        if (!v->there || !clauses_match(&j, e, &p.score) || !passes(m, q, v))
            continue;
        if (q->near)
            p.distance_m = distance(m, q, v, &within);
        p.key = sort == TKT_SORT_RELEVANCE  ? -(int64_t)p.score
                : sort == TKT_SORT_DISTANCE ? (p.distance_m < 0 ? INT64_MAX : p.distance_m)
                : sort == TKT_SORT_PRICE    ? price(q, v)
                                            : 0;
        if (sort != TKT_SORT_RELEVANCE)
            p.score = 0;
        all[n++] = p;
    }
    qsort(all, n, sizeof *all, compare);
    a->total = n;
    a->hits = a->all_n = 0;
    a->in_month = 0;
    for (uint32_t i = 0; n > 0 && i < n; i++)
        a->in_month += month(all[i].start_ms) == month(all[0].start_ms);
    for (uint64_t i = (uint64_t)(q->page - 1) * q->page_size; i < n && a->hits < q->page_size; i++) {
        a->hit[a->hits].id = all[i].id;
        a->hit[a->hits].score = all[i].score;
        a->hit[a->hits++].distance_m = all[i].distance_m;
    }
}
