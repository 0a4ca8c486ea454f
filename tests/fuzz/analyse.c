/* SPDX-License-Identifier: MIT
 *
 * tests/fuzz/analyse.c: any bytes through the analyser. Malformed UTF-8 is refused and nothing else is; words
 * are folded, valid and within their limits; a word that is analysed again gives itself; the plain form of a
 * plain form is itself.
 */
#include "fuzz.h"

#include <ticketing/ticketing.h>

#include "text/analyse.h"

typedef struct seen {
    uint32_t words, last_position;
    bool twice; /* words of words */
    tkt__slice self;
    uint32_t same;
} seen;

static int32_t take(void *user, const tkt__word *word);

static void again(const tkt__word *word)
{
    seen inner = { .twice = true, .self = tkt__slice_of(word->p, word->n) };
    int32_t status = tkt__analyse((const char *)word->p, word->n, take, &inner);
    MUST(status == TKT_DONE);
    MUST(inner.same == 1);
}

static int32_t take(void *user, const tkt__word *word)
{
    seen *s = user;
    uint32_t chars[TKT__WORD_MAX];
    MUST(word->n >= 1 && word->n <= TKT__WORD_MAX);
    MUST(tkt__utf8_valid(word->p, word->n));
    MUST(tkt__word_chars(word->p, word->n, chars) == word->chars);
    MUST(word->start <= word->end);
    MUST(++s->words <= 2 * TKT__WORDS_MAX);
    if (s->twice) {
        s->same += word->n == s->self.n && memcmp(word->p, s->self.p, word->n) == 0;
        return TKT_DONE;
    }
    if (word->kind == TKT__WORD_PLAIN && word->n < TKT__WORD_MAX)
        again(word);
    return TKT_DONE;
}

/* A zero byte never gets past the door: tkt__utf8_valid says so, the analyser need not. */
static void try_text(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + 1);
    MUST(copy != NULL);
    for (size_t i = 0; i < size; i++)
        copy[i] = data[i] != 0 ? data[i] : ' ';
    try_text(copy, size);
    free(copy);
    return 0;
}

static void try_text(const uint8_t *data, size_t size)
{
    uint8_t plain[512], twice[512];
    size_t n, m;
    seen s = { .words = 0 };
    bool valid = tkt__utf8_valid(data, size);
    int32_t status = tkt__analyse((const char *)data, size, take, &s);
    MUST((status == TKT_DONE) == valid);
    MUST(valid || tkt_status_primary(status) == TKT_E_INVALID);
    status = tkt__text_plain((const char *)data, size, plain, sizeof plain, &n);
    MUST(status == TKT_DONE || !valid); /* what does not fit is cut, and not looked at */
    if (!valid)
        return;
    MUST(n <= sizeof plain && tkt__utf8_valid(plain, n));
    MUST(tkt__text_plain((const char *)plain, n, twice, sizeof twice, &m) == TKT_DONE);
    MUST(m == n && memcmp(plain, twice, n) == 0);
}
