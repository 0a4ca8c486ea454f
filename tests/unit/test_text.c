/* SPDX-License-Identifier: MIT
 *
 * tests/unit/test_text.c: what a word is (docs/search-semantics.md 1), edits, stems.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "text/stem.h"

typedef struct gathered {
    char text[4096];
    size_t n;
    uint32_t words;
} gathered;

/* Words with a space between; joined ones in <>, signed ones in (), bigrams in []. */
static int32_t gather(void *user, const tkt__word *word)
{
    static const char open[] = " [<(", close[] = " ]>)";
    gathered *g = user;
    g->words++;
    if (g->n + word->n + 3 >= sizeof g->text)
        return TKT_DONE;
    if (word->kind != TKT__WORD_PLAIN)
        g->text[g->n++] = open[word->kind];
    memcpy(g->text + g->n, word->p, word->n);
    g->n += word->n;
    if (word->kind != TKT__WORD_PLAIN)
        g->text[g->n++] = close[word->kind];
    g->text[g->n++] = ' ';
    return TKT_DONE;
}

static void words(const char *text, const char *expected)
{
    gathered g = { .n = 0 };
    cr_assert_eq(tkt__analyse(text, strlen(text), gather, &g), TKT_DONE);
    g.text[g.n > 0 ? g.n - 1 : 0] = '\0';
    cr_assert_str_eq(g.text, expected, "\"%s\" gave \"%s\", not \"%s\"", text, g.text, expected);
}

Test(text, is_folded)
{
    words("Łódź ÅNGSTRÖM ﬁne Straße STRASSE ſ", "lodz angstrom fine strasse strasse s");
    words("Ærø Œuvre Þór Đặng Ħal ĸ Ŋ Ŧ ƶ kız", "aero oeuvre thor dang hal q n t z kiz");
    words("ＦＵＬＬ １２ Ⅻ ½ x²", "full 12 xii 1 2 x2");
    words("co\xc2\xadop zero\xe2\x80\x8bwidth", "coop zerowidth"); /* soft hyphen, ZWSP */
    words("Ελλάς ΕΛΛΑΣ Москва Ёлка", "ελλασ ελλασ москва елка");
}

Test(text, is_cut)
{
    words("", "");
    words(" .,;/'\"- ", "");
    words("O'Brien's don’t rock' 'n' roll l''x", "obriens dont rock n roll l x");
    words("a_b [c] d\te\nf", "a b c d e f");
    words("हिन्दी कि", "हिनदी कि"); /* Mc stays, Mn goes */
}

Test(text, short_words_are_joined)
{
    words("AC/DC", "ac dc <acdc>");
    words("R.E.M. U.S.A.", "r e m <rem> u s a <usa>");
    words("hip-hop R&B a+b", "hip hop <hiphop> r b <rb> a b <ab>");
    words("rock-n-roll", "rock n roll <rocknroll>");
    words("A.B.C.D", "a b c d"); /* four are too many */
    words("co-operation x-ray-equipment", "co operation x ray <xray> equipment");
    words("a- b a -b a//b", "a b a b a b");
    words("a.b c.d", "a b <ab> c d <cd>");
}

Test(text, signs_stay_beside_the_word)
{
    words("C++ and C#", "c (c++) and c (c#)");
    words("C++11 a+ b", "c (c++) 11 a (a+) b");
    words("+a ++ #x", "a x");
    words("a++++++", "a (a+++)");
}

Test(text, scripts_without_spaces_give_bigrams)
{
    words("東京都 京", "[東京] [京都] [京]");
    words("AKB48劇場", "akb48 [劇場]");
    words("ｶﾗｵｹ がく", "[カラ] [ラオ] [オケ] [かく]");
    words("한국", "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab\xe1\x84\x80\xe1\x85\xae\xe1\x86\xa8"); /* in jamo */
}

Test(text, a_word_has_at_most_64_bytes)
{
    char text[200], expected[65];
    memset(text, 'x', sizeof text);
    text[199] = '\0';
    memset(expected, 'x', 64);
    expected[64] = '\0';
    words(text, expected);
    for (int i = 0; i < 66; i += 3)
        memcpy(text + i, "\xe0\xa8\x85", 3); /* three bytes a character: 21 fit */
    text[66] = '\0';
    gathered g = { .n = 0 };
    cr_assert_eq(tkt__analyse(text, 66, gather, &g), TKT_DONE);
    cr_assert_eq(g.n, 64); /* 63 and the space */
}

Test(text, a_text_has_at_most_4096_words)
{
    static char text[20000];
    for (size_t i = 0; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "a ", 2);
    gathered g = { .n = 0 };
    cr_assert_eq(tkt__analyse(text, sizeof text - 2, gather, &g), TKT_DONE);
    cr_assert_eq(g.words, TKT__WORDS_MAX);
}

Test(text, malformed_bytes_are_refused)
{
    gathered g = { .n = 0 };
    cr_assert_eq(tkt__analyse("ok \xff", 4, gather, &g), -TKT_E_INVALID);
    cr_assert_eq(tkt__analyse("\xed\xa0\x80", 3, gather, &g), -TKT_E_INVALID);
    cr_assert_eq(tkt__analyse("\xe2\x82", 2, gather, &g), -TKT_E_INVALID);
}

static uint32_t distance(const char *a, const char *b, uint32_t most)
{
    uint32_t ca[TKT__WORD_MAX], cb[TKT__WORD_MAX];
    uint32_t na = tkt__word_chars((const uint8_t *)a, strlen(a), ca);
    uint32_t nb = tkt__word_chars((const uint8_t *)b, strlen(b), cb);
    cr_assert_eq(tkt__word_distance(cb, nb, ca, na, most), tkt__word_distance(ca, na, cb, nb, most));
    return tkt__word_distance(ca, na, cb, nb, most);
}

Test(text, edits_are_counted_in_characters)
{
    cr_assert_eq(distance("konzert", "konzert", 2), 0);
    cr_assert_eq(distance("konzert", "konzret", 2), 1); /* neighbours swapped */
    cr_assert_eq(distance("konzert", "concert", 2), 2);
    cr_assert_eq(distance("konzert", "konzerte", 2), 1);
    cr_assert_eq(distance("москва", "масква", 2), 1);
    cr_assert_eq(distance("ca", "abc", 2), 3); /* optimal string alignment, not Damerau */
    cr_assert_eq(distance("abcdef", "uvwxyz", 2), 3);
    cr_assert_eq(distance("a", "abcdef", 2), 3);
}

#ifdef TKT_HAVE_STEMMER
Test(text, stems_by_language)
{
    tkt__stemmer *english;
    cr_assert_eq(tkt__stem_language("en-GB", 5), tkt__stem_language("English", 7));
    cr_assert_eq(tkt__stem_language("xx", 2), 0);
    cr_assert_eq(tkt__stemmer_open(tkt__stem_language("en", 2), &english), TKT_DONE);
    tkt__slice stem = tkt__stem(english, (const uint8_t *)"dances", 6);
    cr_assert(stem.n == 4 && memcmp(stem.p, "danc", 4) == 0);
    tkt__stemmer_close(english);
}
#endif
