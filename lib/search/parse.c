/* SPDX-License-Identifier: MIT
 *
 * search/parse.c: the query's text into clauses: words, joined forms, phrases, exclusions, which word is
 * the prefix. docs/search-semantics.md section 3. Nothing is looked up yet.
 */
#include "search/query.h"

#define CHUNK_WORDS (2 * TKT_QUERY_WORDS_MAX + 2)

typedef struct chunk_word {
    tkt__slice text;
    uint32_t chars;
    uint8_t kind, parts;
} chunk_word;

typedef struct parser {
    tkt__search *s;
    chunk_word word[CHUNK_WORDS];
    uint32_t n;
} parser;

static int32_t no_memory(void) { return tkt__fail(TKT_E_NOMEM, "no memory for a search"); }

static int32_t too_many(void)
{
    return tkt__fail(TKT_E_LIMIT, "a query has at most %d words", TKT_QUERY_WORDS_MAX);
}

static int32_t take_word(void *user, const tkt__word *word)
{
    parser *p = user;
    bool counts = word->kind == TKT__WORD_PLAIN || word->kind == TKT__WORD_BIGRAM;
    if (p->n == CHUNK_WORDS || (counts && ++p->s->words > TKT_QUERY_WORDS_MAX))
        return too_many();
    uint8_t *copy = tkt__arena_copy(&p->s->arena, word->p, word->n);
    if (copy == NULL)
        return no_memory();
    p->word[p->n++] = (chunk_word){ tkt__slice_of(copy, word->n), word->chars, word->kind, word->parts };
    return TKT_DONE;
}

/* ---- clauses ------------------------------------------------------------------------------------------- */

static tkt__clause *new_clause(tkt__search *s, bool negative)
{
    tkt__clause *c = &s->clause[s->clauses++]; /* at most one a word, and words are limited */
    memset(c, 0, sizeof *c);
    c->kind = negative ? TKT__NOT : s->query->match == TKT_MATCH_ANY ? TKT__SHOULD : TKT__MUST;
    c->scores = !negative;
    return c;
}

static tkt__part *new_parts(tkt__search *s, uint32_t n)
{
    tkt__part *part = tkt__arena_get(&s->arena, n * sizeof *part);
    if (part != NULL)
        memset(part, 0, n * sizeof *part);
    return part;
}

static int32_t one_word(tkt__search *s, tkt__slice word, bool fixed, bool negative)
{
    tkt__part *part = new_parts(s, 1);
    if (part == NULL)
        return no_memory();
    part->word = word;
    part->fixed = fixed;
    tkt__clause *c = new_clause(s, negative);
    c->alternatives = 1;
    c->alternative[0] = (tkt__alternative){ 1, part };
    return TKT_DONE;
}

/* The last `parts` clauses become one: the joined word, or all of them. */
static int32_t join(tkt__search *s, tkt__slice word, uint32_t parts)
{
    tkt__part *joined = new_parts(s, 1), *each = new_parts(s, parts);
    if (joined == NULL || each == NULL)
        return no_memory();
    tkt__clause *c = &s->clause[s->clauses - parts];
    for (uint32_t i = 0; i < parts; i++)
        each[i] = c[i].alternative[0].part[0];
    joined->word = word;
    joined->fixed = true;
    c->alternatives = 2;
    c->alternative[0] = (tkt__alternative){ 1, joined };
    c->alternative[1] = (tkt__alternative){ parts, each };
    s->clauses -= parts - 1;
    return TKT_DONE;
}

/* A last word that is still being typed. */
static void mark_prefix(parser *p)
{
    tkt__search *s = p->s;
    uint32_t at = p->n;
    while (at > 0 && p->word[at - 1].kind == TKT__WORD_JOINED)
        at--;
    if (at == 0 || p->word[at - 1].kind == TKT__WORD_SIGNED || s->query->prefix == TKT_EXPAND_OFF)
        return;
    const chunk_word *word = &p->word[at - 1];
    const tkt__clause *c = &s->clause[s->clauses - 1];
    const tkt__alternative *last = &c->alternative[c->alternatives - 1];
    last->part[last->parts - 1].prefix = word->chars >= 2 || word->kind == TKT__WORD_BIGRAM;
}

static int32_t take_words(parser *p, bool open)
{
    tkt__search *s = p->s;
    int32_t status = TKT_DONE;
    for (uint32_t i = 0; status == TKT_DONE && i < p->n; i++) {
        const chunk_word *w = &p->word[i];
        if (w->kind == TKT__WORD_JOINED)
            status = join(s, w->text, w->parts);
        else if (w->kind == TKT__WORD_SIGNED) {
            tkt__part *last = s->clause[s->clauses - 1].alternative[0].part;
            last->word = w->text;
            last->fixed = true;
        } else
            status = one_word(s, w->text, false, false);
    }
    if (status == TKT_DONE && open && p->n > 0)
        mark_prefix(p);
    return status;
}

/* Words that must all be there, in one clause. Returns how many. */
static uint32_t gather_parts(const parser *p, tkt__part *part)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->n; i++) {
        const chunk_word *w = &p->word[i];
        if (w->kind == TKT__WORD_SIGNED)
            part[n - 1].word = w->text;
        else if (w->kind == TKT__WORD_PLAIN || w->kind == TKT__WORD_BIGRAM) {
            part[n].word = w->text;
            part[n++].fixed = true;
        }
    }
    return n;
}

static int32_t exclude(parser *p)
{
    tkt__search *s = p->s;
    tkt__part *part = new_parts(s, p->n + 1);
    if (part == NULL)
        return no_memory();
    uint32_t n = gather_parts(p, part);
    const chunk_word *last = &p->word[p->n - 1];
    tkt__clause *c = new_clause(s, true);
    c->alternatives = 1;
    c->alternative[0] = (tkt__alternative){ n, part };
    if (last->kind == TKT__WORD_JOINED && last->parts == n) {
        part[n].word = last->text;
        part[n].fixed = true;
        c->alternative[c->alternatives++] = (tkt__alternative){ 1, part + n };
    }
    return TKT_DONE;
}

static int32_t take_phrase(parser *p, bool negative)
{
    tkt__search *s = p->s;
    tkt__part *part = new_parts(s, p->n);
    tkt__phrase *phrase = tkt__arena_get(&s->arena, sizeof *phrase);
    if (part == NULL || phrase == NULL)
        return no_memory();
    uint32_t n = gather_parts(p, part);
    if (n == 1)
        return one_word(s, part[0].word, true, negative);
    phrase->n = n;
    for (uint32_t i = 0; i < n; i++)
        phrase->word[i] = part[i].word;
    tkt__clause *c = new_clause(s, negative);
    c->alternatives = 1;
    c->alternative[0] = (tkt__alternative){ n, part };
    c->phrase = phrase;
    return TKT_DONE;
}

/* ---- the text --------------------------------------------------------------------------------------------- */

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static int32_t take_piece(parser *p, const tkt__piece *piece)
{
    p->n = 0;
    int32_t status = tkt__analyse(piece->p, piece->n, take_word, p);
    if (status != TKT_DONE || p->n == 0)
        return status;
    return piece->quoted ? take_phrase(p, piece->negative) : piece->negative ? exclude(p) : take_words(p, piece->open);
}

bool tkt__piece_next(const char *text, size_t n, size_t *at, tkt__piece *piece)
{
    size_t i = *at;
    while (i < n && is_space(text[i]))
        i++;
    if (i == n)
        return false;
    piece->negative = text[i] == '-' && (i == 0 || is_space(text[i - 1])) && i + 1 < n && !is_space(text[i + 1]);
    i += piece->negative;
    piece->quoted = i < n && text[i] == '"';
    size_t from = i += piece->quoted;
    while (i < n && text[i] != '"' && (piece->quoted || !is_space(text[i])))
        i++;
    piece->p = text + from;
    piece->n = i - from;
    piece->open = i == n;
    *at = i + (piece->quoted && i < n); /* the closing quote */
    return true;
}

int32_t tkt__parse(tkt__search *s)
{
    parser p = { .s = s };
    tkt__piece each;
    int32_t status = TKT_DONE;
    for (size_t at = 0; status == TKT_DONE && tkt__piece_next(s->query->text, s->query->text_n, &at, &each);)
        status = take_piece(&p, &each);
    return status;
}
