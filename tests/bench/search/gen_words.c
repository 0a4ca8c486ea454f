/* SPDX-License-Identifier: MIT
 *
 * tests/bench/search/gen_words.c: words made of syllables, all different, with inflections and accents.
 *
 * Differences of case and accent do not count as different: two words never fold to the same.
 */
#include "gen_words.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../bench_draw.h"

#define SYLLABLES_MAX 6
#define INFLECTED 3  /* one in so many is a form of an earlier word */
#define ACCENTED 40  /* one in so many carries an accent */

static const char *const function_word[] = {
    "the", "and", "of", "with", "in", "a", "to", "for", "de", "is", "on", "at", "by", "from", "la", "der", "le", "live",
    "die", "an", "und", "et", "you", "our", "this", "your", "new", "all", "music", "one", "el", "night", "show", "we",
    "des", "tour", "be", "as", "his", "will", "festival", "concert", "their", "that", "las", "its", "are", "her",
};
static const char *const onset[] = {
    "", "", "", "b", "br", "c", "ch", "cl", "cr", "d", "dr", "f", "fl", "g", "gr", "h", "j", "k", "l", "l", "m", "m",
    "n", "n", "p", "pr", "qu", "r", "r", "s", "s", "sh", "st", "str", "t", "t", "th", "tr", "v", "w", "z",
};
static const char *const vowel[] = { "a", "a", "a", "e", "e", "e", "e", "i", "i", "i", "o", "o", "o", "u", "ai", "ea", "ie", "ou", "y" };
static const char *const coda[] = { "", "", "", "", "n", "n", "r", "r", "l", "s", "t", "m", "nd", "nt", "rt", "ck", "x" };
static const char *const ending[] = { "s", "s", "ed", "ing", "er", "en", "es", "ers", "ly", "ung", "tion", "ita", "ist" };

#define ONE_OF(table, state) ((table)[bench_draw(state) % (sizeof(table) / sizeof *(table))])

typedef struct seen {
    uint64_t *hash;
    uint64_t mask;
} seen;

static bool fresh(seen *s, const char *word)
{
    uint64_t hash = UINT64_C(1469598103934665603);
    for (const char *p = word; *p != '\0'; p++)
        hash = (hash ^ (uint8_t)*p) * UINT64_C(1099511628211);
    hash |= 1;
    uint64_t at = hash * UINT64_C(0x9e3779b97f4a7c15) >> 20 & s->mask;
    for (; s->hash[at] != 0; at = (at + 1) & s->mask)
        if (s->hash[at] == hash)
            return false;
    s->hash[at] = hash;
    return true;
}

/* Commoner words are shorter. */
static void make_word(uint64_t *state, uint32_t rank, char out[GEN_WORD_BYTES])
{
    uint32_t syllables = rank < 300 ? 1 : 2;
    if (rank >= 5000)
        syllables += bench_draw(state) % 3 == 0;
    if (rank >= 40000)
        syllables += bench_draw(state) % 2 == 0;
    size_t n = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < syllables && i < SYLLABLES_MAX; i++) {
        const char *a = ONE_OF(onset, state), *b = ONE_OF(vowel, state), *c = ONE_OF(coda, state);
        n += (size_t)snprintf(out + n, GEN_WORD_BYTES - n, "%s%s%s", a, b, c);
    }
}

static void inflect(uint64_t *state, const char *stem, char out[GEN_WORD_BYTES])
{
    const char *tail = ONE_OF(ending, state);
    snprintf(out, GEN_WORD_BYTES, "%.20s%s", stem, tail);
}

static void accent(uint64_t *state, char word[GEN_WORD_BYTES])
{
    static const char *const from = "aeioucns";
    static const char *const to[] = { "ä", "é", "í", "ö", "ü", "ç", "ñ", "š" };
    size_t n = strlen(word), first = bench_draw(state) % (n == 0 ? 1 : n);
    if (n + 2 > GEN_WORD_BYTES)
        return;
    for (size_t i = 0; i < n; i++) {
        size_t at = (first + i) % n;
        const char *letter = strchr(from, word[at]);
        if (letter == NULL)
            continue;
        memmove(word + at + 2, word + at + 1, n - at);
        memcpy(word + at, to[letter - from], 2);
        return;
    }
}

static bool accented(const char *word)
{
    while (*word != '\0')
        if ((uint8_t)*word++ >= 0x80)
            return true;
    return false;
}

void gen_words_make(gen_words *words, uint32_t n, uint64_t seed, int function_words)
{
    uint64_t state = seed, size = 1;
    while (size < (uint64_t)n * 2)
        size *= 2;
    seen s = { calloc(size, sizeof *s.hash), size - 1 };
    words->n = n;
    words->word = calloc(n, sizeof *words->word);
    if (s.hash == NULL || words->word == NULL) {
        fputs("no memory for the words\n", stderr);
        exit(1);
    }
    uint32_t made = 0, given = function_words ? sizeof function_word / sizeof *function_word : 0;
    while (made < n) {
        char word[GEN_WORD_BYTES] = { 0 };
        bool form = made > 500 && bench_draw(&state) % INFLECTED == 0;
        if (made < given)
            snprintf(word, sizeof word, "%s", function_word[made]);
        else if (form)
            inflect(&state, words->word[bench_draw(&state) % made], word);
        else
            make_word(&state, made, word);
        if (made >= given && (strlen(word) < 2 || accented(word)))
            continue; /* a form of an accented word: its plain form may be another's */
        if (!fresh(&s, word))
            continue;
        if (made >= given && bench_draw(&state) % ACCENTED == 0)
            accent(&state, word);
        memcpy(words->word[made++], word, sizeof word);
    }
    free(s.hash);
}
