/* SPDX-License-Identifier: MIT
 *
 * text/stem.c: the languages of Snowball by number, and the thin layer over libstemmer. A library built
 * without it knows no language: words are then found as they are written, and nothing else changes.
 * The words are folded already, so accents are gone; the same happens to what is asked for, and stems
 * are only ever compared with stems.
 */
#include "text/stem.h"

typedef struct language {
    uint8_t number;
    const char *code, *code3, *name;
} language;

static const language languages[] = {
    { 1, "da", "dan", "danish" },     { 2, "nl", "dut", "dutch" },      { 3, "en", "eng", "english" },
    { 4, "fi", "fin", "finnish" },    { 5, "fr", "fre", "french" },     { 6, "de", "ger", "german" },
    { 7, "hu", "hun", "hungarian" },  { 8, "it", "ita", "italian" },    { 9, "no", "nor", "norwegian" },
    { 10, "pt", "por", "portuguese" },{ 11, "ro", "rum", "romanian" },  { 12, "ru", "rus", "russian" },
    { 13, "es", "spa", "spanish" },   { 14, "sv", "swe", "swedish" },   { 15, "tr", "tur", "turkish" },
};

static bool same(const char *name, size_t n, const char *with)
{
    if (n != strlen(with))
        return false;
    for (size_t i = 0; i < n; i++)
        if ((name[i] | 0x20) != with[i])
            return false;
    return true;
}

#ifdef TKT_HAVE_STEMMER
#include <libstemmer.h>
#include <stdlib.h>

struct tkt__stemmer {
    struct sb_stemmer *snowball;
};

uint8_t tkt__stem_language(const char *name, size_t n)
{
    size_t primary = 0;
    while (primary < n && name[primary] != '-' && name[primary] != '_')
        primary++;
    for (size_t i = 0; i < sizeof languages / sizeof languages[0]; i++)
        if (same(name, primary, languages[i].code) || same(name, primary, languages[i].code3) ||
            same(name, primary, languages[i].name))
            return languages[i].number;
    return 0;
}

int32_t tkt__stemmer_open(uint8_t number, tkt__stemmer **stemmer)
{
    tkt__stemmer *s = malloc(sizeof *s); /* the C library's, as libstemmer's own */
    if (s != NULL)
        s->snowball = sb_stemmer_new(languages[number - 1].name, NULL);
    if (s == NULL || s->snowball == NULL) {
        free(s);
        return tkt__fail(TKT_E_NOMEM, "no memory for a stemmer");
    }
    *stemmer = s;
    return TKT_DONE;
}

void tkt__stemmer_close(tkt__stemmer *stemmer)
{
    if (stemmer == NULL)
        return;
    sb_stemmer_delete(stemmer->snowball);
    free(stemmer);
}

tkt__slice tkt__stem(tkt__stemmer *stemmer, const uint8_t *p, size_t n)
{
    const sb_symbol *out = sb_stemmer_stem(stemmer->snowball, p, (int)n);
    int length = sb_stemmer_length(stemmer->snowball);
    if (out == NULL || length <= 0 || length > TKT__WORD_MAX)
        return tkt__slice_of(p, n);
    return tkt__slice_of(out, (size_t)length);
}

#else

uint8_t tkt__stem_language(const char *name, size_t n)
{
    (void)name;
    (void)n;
    (void)languages;
    (void)same;
    return 0;
}

int32_t tkt__stemmer_open(uint8_t number, tkt__stemmer **stemmer)
{
    (void)stemmer;
    return tkt__fail(TKT_E_INTERNAL, "no stemmer for language %u in this build", number);
}

void tkt__stemmer_close(tkt__stemmer *stemmer) { (void)stemmer; }

tkt__slice tkt__stem(tkt__stemmer *stemmer, const uint8_t *p, size_t n)
{
    (void)stemmer;
    return tkt__slice_of(p, n);
}

#endif
