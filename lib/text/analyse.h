/* SPDX-License-Identifier: MIT
 *
 * text/analyse.h: text into words, as docs/search-semantics.md section 1 defines them.
 *
 * Pure functions of text and TKT__ANALYSER. Whoever keeps words on disk keeps that number beside
 * them: under another one the same text may give other words.
 */
#ifndef TKT_TEXT_ANALYSE_H
#define TKT_TEXT_ANALYSE_H

#include "base/base.h"

#define TKT__ANALYSER 1           /* raised whenever any text gives other words than before */
#define TKT__WORD_MAX 64          /* bytes of a word */
#define TKT__WORDS_MAX 4096       /* words of a text */
#define TKT__JOIN_CHARS 4         /* longest part of a joined word */
#define TKT__JOIN_PARTS 3
#define TKT__JOIN_SIGNS 3         /* + and # kept after a word */

typedef enum tkt__word_kind {
    TKT__WORD_PLAIN,   /* a run of letters and numbers */
    TKT__WORD_BIGRAM,  /* two neighbours (or one alone) of a script without spaces */
    TKT__WORD_JOINED,  /* the last `parts` words in one: ac/dc → acdc */
    TKT__WORD_SIGNED   /* the last word with its signs: c++ */
} tkt__word_kind;

typedef struct tkt__word {
    const uint8_t *p;   /* until the call returns */
    uint32_t n;         /* 1…TKT__WORD_MAX bytes of folded UTF-8 */
    uint32_t chars;
    uint32_t position;  /* plain words and bigrams count up; joined and signed have their last part's */
    uint32_t start, end;/* the bytes of the text that it came from */
    uint8_t kind, parts;
} tkt__word;

/* Anything but TKT_DONE ends the walk and is answered. */
typedef int32_t (*tkt__word_fn)(void *user, const tkt__word *word);

/* Calls fn for each word of valid UTF-8, in order. -TKT_E_INVALID on malformed bytes. */
int32_t tkt__analyse(const char *text, size_t n, tkt__word_fn fn, void *user);

/* The plain form under which filters and suggestions compare names: folded as words are, everything else
 * one space, trimmed ("Saint-Étienne" → "saint etienne"). What does not fit into cap is cut at a character.
 * -TKT_E_INVALID on malformed bytes. */
int32_t tkt__text_plain(const char *text, size_t n, uint8_t *buf, size_t cap, size_t *out);

/* Characters of folded UTF-8 as code points; at most TKT__WORD_MAX. Returns how many. */
uint32_t tkt__word_chars(const uint8_t *p, size_t n, uint32_t chars[TKT__WORD_MAX]);

/* Edits (insert, delete, replace, swap of neighbours; optimal string alignment) between two words, or
 * most + 1 when there are more than `most`. */
uint32_t tkt__word_distance(const uint32_t *a, uint32_t na, const uint32_t *b, uint32_t nb, uint32_t most);

#endif
