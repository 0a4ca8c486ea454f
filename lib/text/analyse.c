/* SPDX-License-Identifier: MIT
 *
 * text/analyse.c: the analyser: each character is folded by utf8proc (NFKD, full case folding, marks
 * and ignorable characters away, letters without decomposition by a small table), and what comes out
 * is cut into words by one state machine. ASCII goes past utf8proc with the same result.
 *
 * A word is never longer than TKT__WORD_MAX bytes (cut at a character) and a text never gives more
 * than TKT__WORDS_MAX words. Nothing is kept between calls; nothing is allocated.
 */
#include "text/analyse.h"

#include <utf8proc.h>

#define DECOMPOSED_MAX 64 /* code points of one character: U+FDFA gives 18 */

typedef struct cutter {
    tkt__word_fn fn;
    void *user;
    int32_t status;
    uint32_t words, position;
    uint32_t at, at_end;     /* the bytes of the character under way */
    /* the word under way */
    uint8_t word[TKT__WORD_MAX];
    uint32_t n, chars, start, end;
    bool full, apostrophe;   /* an apostrophe came, which counts only if a letter follows */
    /* the run of a script without spaces */
    uint8_t last[4];
    uint32_t last_n, last_start, last_end, run;
    /* a chain of short words and the signs after the last one */
    uint8_t chain[TKT__JOIN_PARTS * TKT__JOIN_CHARS * 4];
    uint32_t chain_n, chain_chars, chain_start, chain_end, links;
    uint8_t sign[TKT__WORD_MAX];
    uint32_t sign_n, sign_chars, sign_start, sign_end, signs;
    bool linked;             /* one joining sign came after the chain's last word */
} cutter;

/* ---- what a character is --------------------------------------------------------------------------- */

typedef enum char_kind { KIND_OTHER, KIND_WORD, KIND_BIGRAM, KIND_GONE } char_kind;

/* Scripts written without spaces: Thai, Lao, Myanmar, Khmer, kana, Han. */
static bool is_bigram(uint32_t c)
{
    static const uint32_t ranges[][2] = {
        { 0x0e00, 0x0eff },   { 0x1000, 0x109f },   { 0x1780, 0x17ff },   { 0x19e0, 0x19ff },
        { 0x2e80, 0x2fdf },   { 0x3005, 0x3007 },   { 0x3021, 0x3029 },   { 0x3041, 0x30ff },
        { 0x31f0, 0x31ff },   { 0x3400, 0x4dbf },   { 0x4e00, 0x9fff },   { 0xa9e0, 0xa9ff },
        { 0xaa60, 0xaa7f },   { 0xf900, 0xfaff },   { 0x1b000, 0x1b16f }, { 0x20000, 0x323af },
    };
    if (c < ranges[0][0])
        return false;
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (c >= ranges[i][0] && c <= ranges[i][1])
            return true;
    return false;
}

static char_kind kind_of(uint32_t c)
{
    if (c < 0x80)
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? KIND_WORD : KIND_OTHER;
    switch (utf8proc_category((utf8proc_int32_t)c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
    case UTF8PROC_CATEGORY_MC: return is_bigram(c) ? KIND_BIGRAM : KIND_WORD;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF: return KIND_GONE;
    default: return KIND_OTHER;
    }
}

/* Letters that Unicode does not decompose, in ASCII. NULL: as it is. */
static const char *plain_letter(uint32_t c)
{
    switch (c) {
    case 0xe6: return "ae";
    case 0xf0: return "d";
    case 0xf8: return "o";
    case 0xfe: return "th";
    case 0x111: return "d";
    case 0x127: return "h";
    case 0x131: return "i";
    case 0x138: return "q";
    case 0x142: return "l";
    case 0x14b: return "n";
    case 0x153: return "oe";
    case 0x167: return "t";
    case 0x1b6: return "z";
    default: return NULL;
    }
}

/* ---- giving words out ------------------------------------------------------------------------------ */

static void give(cutter *c, const uint8_t *p, uint32_t n, uint32_t chars, uint32_t start, uint32_t end,
                 uint8_t kind, uint8_t parts)
{
    if (c->status != TKT_DONE || c->words == TKT__WORDS_MAX)
        return;
    bool counts = kind == TKT__WORD_PLAIN || kind == TKT__WORD_BIGRAM;
    c->position += counts && c->words != 0;
    c->words++;
    tkt__word word = { p, n, chars, c->position, start, end, kind, parts };
    c->status = c->fn(c->user, &word);
}

static void end_chain(cutter *c)
{
    if (c->signs != 0) {
        give(c, c->sign, c->sign_n, c->sign_chars, c->sign_start, c->sign_end, TKT__WORD_SIGNED, 1);
        c->signs = 0;
    }
    if (c->links >= 2 && c->links <= TKT__JOIN_PARTS)
        give(c, c->chain, c->chain_n, c->chain_chars, c->chain_start, c->chain_end, TKT__WORD_JOINED,
             (uint8_t)c->links);
    c->links = 0;
    c->linked = false;
}

/* A plain word ended: it goes out, and lengthens the chain or begins one. */
static void end_word(cutter *c)
{
    c->apostrophe = false;
    if (c->n == 0)
        return;
    bool fits = c->chars <= TKT__JOIN_CHARS && !c->full;
    if (!c->linked || !fits || c->links > TKT__JOIN_PARTS)
        end_chain(c);
    give(c, c->word, c->n, c->chars, c->start, c->end, TKT__WORD_PLAIN, 1);
    if (fits && c->links < TKT__JOIN_PARTS) {
        if (c->links == 0) {
            c->chain_n = c->chain_chars = 0;
            c->chain_start = c->start;
        }
        memcpy(c->chain + c->chain_n, c->word, c->n);
        c->chain_n += c->n;
        c->chain_chars += c->chars;
        c->chain_end = c->end;
    }
    c->links += fits; /* more than TKT__JOIN_PARTS: the run is too long to be joined */
    c->linked = false;
    memcpy(c->sign, c->word, c->n);
    c->sign_n = c->n;
    c->sign_chars = c->chars;
    c->sign_start = c->start;
    c->sign_end = c->end;
    c->n = c->chars = 0;
    c->full = false;
}

static void end_run(cutter *c)
{
    if (c->run == 1)
        give(c, c->last, c->last_n, 1, c->last_start, c->last_end, TKT__WORD_BIGRAM, 1);
    c->run = 0;
}

/* ---- one folded character -------------------------------------------------------------------------- */

static void take_word(cutter *c, uint32_t cp)
{
    uint8_t bytes[4];
    uint32_t n = cp < 0x80 ? 1 : (uint32_t)utf8proc_encode_char((utf8proc_int32_t)cp, bytes);
    if (cp < 0x80)
        bytes[0] = (uint8_t)cp;
    end_run(c);
    if (c->n == 0) {
        if (c->signs == 1 && c->sign[c->sign_n - 1] == '+' && c->sign_end == c->at) {
            c->signs = 0; /* a+b: a joining sign after all */
            c->linked = true;
        } else if (c->signs != 0)
            end_chain(c);
        c->start = c->at;
    }
    c->apostrophe = false;
    if (!c->full && c->n + n <= TKT__WORD_MAX) {
        memcpy(c->word + c->n, bytes, n);
        c->n += n;
        c->chars++;
    } else
        c->full = true;
    c->end = c->at_end;
}

static void take_bigram(cutter *c, uint32_t cp)
{
    uint8_t bytes[8];
    end_word(c);
    end_chain(c);
    uint32_t n = (uint32_t)utf8proc_encode_char((utf8proc_int32_t)cp, bytes + 4);
    if (c->run != 0) {
        uint8_t pair[8];
        memcpy(pair, c->last, c->last_n);
        memcpy(pair + c->last_n, bytes + 4, n);
        give(c, pair, c->last_n + n, 2, c->last_start, c->at_end, TKT__WORD_BIGRAM, 1);
    }
    memcpy(c->last, bytes + 4, n);
    c->last_n = n;
    c->last_start = c->at;
    c->last_end = c->at_end;
    c->run = c->run == 0 ? 1 : 2;
}

/* A sign right after a word: joins, or belongs to it, or ends the chain. */
static void take_sign(cutter *c, uint32_t cp)
{
    bool after_word = c->links != 0 || c->sign_n != 0;
    bool adjacent = c->sign_end == c->at && after_word;
    if ((cp == '+' || cp == '#') && adjacent && !c->linked && c->sign_n < TKT__WORD_MAX &&
        c->signs < TKT__JOIN_SIGNS) {
        c->sign[c->sign_n++] = (uint8_t)cp;
        c->sign_chars++;
        c->sign_end = c->at_end;
        c->signs++;
        return;
    }
    bool joins = (cp == '/' || cp == '&' || cp == '-' || cp == '.') && adjacent && c->links != 0 &&
                 !c->linked && c->signs == 0;
    if (joins) {
        c->linked = true;
        c->sign_end = c->at_end;
        return;
    }
    end_chain(c);
    c->sign_n = 0;
}

static bool is_apostrophe(uint32_t cp) { return cp == '\'' || cp == 0x2019 || cp == 0x2bc; }

static void take(cutter *c, uint32_t cp)
{
    if (is_apostrophe(cp) && c->n != 0 && !c->apostrophe) {
        c->apostrophe = true;
        return;
    }
    char_kind kind = is_apostrophe(cp) ? KIND_OTHER : kind_of(cp);
    if (kind == KIND_GONE)
        return;
    if (kind == KIND_WORD) {
        if (c->n == 0 && c->linked && c->sign_end != c->at)
            end_chain(c);
        take_word(c, cp);
        return;
    }
    if (kind == KIND_BIGRAM) {
        take_bigram(c, cp);
        return;
    }
    bool stray = c->apostrophe; /* it ended the word and is a sign of its own */
    end_word(c);
    end_run(c);
    if (stray) {
        end_chain(c);
        c->sign_n = 0;
    }
    take_sign(c, cp);
}

/* ---- the text ------------------------------------------------------------------------------------------ */

/* One character of a text, folded into any number of them. */
typedef struct folded {
    uint32_t n;
    uint32_t c[DECOMPOSED_MAX * 2];
} folded;

static bool fold_char(utf8proc_int32_t cp, folded *out)
{
    utf8proc_int32_t parts[DECOMPOSED_MAX];
    int boundary = 0;
    const utf8proc_option_t options = UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD;
    utf8proc_ssize_t n = utf8proc_decompose_char(cp, parts, DECOMPOSED_MAX, options, &boundary);
    if (n < 0 || n > DECOMPOSED_MAX)
        return false;
    out->n = 0;
    for (utf8proc_ssize_t i = 0; i < n; i++) {
        const char *plain = plain_letter((uint32_t)parts[i]);
        if (plain == NULL)
            out->c[out->n++] = (uint32_t)parts[i];
        else
            for (; *plain != '\0'; plain++)
                out->c[out->n++] = (uint8_t)*plain;
    }
    return true;
}

/* The next character of a text: its bytes used, or 0 where it is malformed. */
static size_t next_char(const char *text, size_t n, folded *out)
{
    uint8_t byte = (uint8_t)*text;
    utf8proc_int32_t cp;
    if (byte < 0x80) {
        out->n = 1;
        out->c[0] = byte >= 'A' && byte <= 'Z' ? byte + 32u : byte;
        return 1;
    }
    utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)n, &cp);
    return used > 0 && fold_char(cp, out) ? (size_t)used : 0;
}

static int32_t malformed(void) { return tkt__fail(TKT_E_INVALID, "a text is not valid UTF-8"); }

int32_t tkt__analyse(const char *text, size_t n, tkt__word_fn fn, void *user)
{
    cutter c;
    folded f;
    memset(&c, 0, offsetof(cutter, word));
    c.n = c.chars = c.run = c.links = c.sign_n = c.signs = c.sign_end = 0;
    c.full = c.apostrophe = c.linked = false;
    c.fn = fn;
    c.user = user;
    if (n > INT32_MAX)
        return tkt__fail(TKT_E_LIMIT, "a text of %zu bytes is too long", n);
    for (size_t i = 0; i < n && c.status == TKT_DONE && c.words < TKT__WORDS_MAX;) {
        size_t used = next_char(text + i, n - i, &f);
        if (used == 0)
            return malformed();
        c.at = (uint32_t)i;
        i += used;
        c.at_end = (uint32_t)i;
        for (uint32_t k = 0; k < f.n; k++)
            take(&c, f.c[k]);
    }
    end_word(&c);
    end_run(&c);
    end_chain(&c);
    return c.status;
}

int32_t tkt__text_plain(const char *text, size_t n, uint8_t *buf, size_t cap, size_t *out)
{
    folded f;
    bool gap = false, full = false;
    *out = 0;
    for (size_t i = 0; i < n && !full;) {
        size_t used = next_char(text + i, n - i, &f);
        if (used == 0)
            return malformed();
        i += used;
        for (uint32_t k = 0; k < f.n && !full; k++) {
            char_kind kind = is_apostrophe(f.c[k]) ? KIND_GONE : kind_of(f.c[k]);
            if (kind == KIND_GONE)
                continue;
            if (kind == KIND_OTHER) {
                gap = *out != 0;
                continue;
            }
            uint8_t bytes[5] = { ' ' };
            size_t length = (size_t)utf8proc_encode_char((utf8proc_int32_t)f.c[k], bytes + 1);
            full = *out + gap + length > cap;
            if (full)
                break;
            memcpy(buf + *out, bytes + !gap, gap + length);
            *out += gap + length;
            gap = false;
        }
    }
    return TKT_DONE;
}

/* ---- words as characters ---------------------------------------------------------------------------- */

uint32_t tkt__word_chars(const uint8_t *p, size_t n, uint32_t chars[TKT__WORD_MAX])
{
    uint32_t count = 0;
    for (size_t i = 0; i < n && count < TKT__WORD_MAX;) {
        utf8proc_int32_t cp;
        if (p[i] < 0x80) {
            chars[count++] = p[i++];
            continue;
        }
        utf8proc_ssize_t used = utf8proc_iterate(p + i, (utf8proc_ssize_t)(n - i), &cp);
        if (used <= 0)
            break;
        chars[count++] = (uint32_t)cp;
        i += (size_t)used;
    }
    return count;
}

/* What two words begin and end with alike adds nothing. Of the rest only cells at most `most` off the diagonal
 * can hold an answer; those beside them count as too far. */
uint32_t tkt__word_distance(const uint32_t *a, uint32_t na, const uint32_t *b, uint32_t nb, uint32_t most)
{
    uint32_t rows[3][TKT__WORD_MAX + 2], *before = rows[0], *above = rows[1], *row = rows[2];
    if (na > nb + most || nb > na + most)
        return most + 1;
    for (; na > 0 && nb > 0 && a[0] == b[0]; na--, nb--)
        a++, b++;
    for (; na > 0 && nb > 0 && a[na - 1] == b[nb - 1]; na--)
        nb--;
    if (na == 0 || nb == 0)
        return na + nb;
    if (most == 1) /* one letter for another, or two that changed places: nothing else is left */
        return (na == 1 && nb == 1) || (na == 2 && nb == 2 && a[0] == b[1] && a[1] == b[0]) ? 1 : 2;
    for (uint32_t j = 0; j <= nb; j++)
        above[j] = j;
    above[nb + 1] = most + 1;
    for (uint32_t i = 1; i <= na; i++) {
        uint32_t first = i > most + 1 ? i - most : 1, last = i + most < nb ? i + most : nb, least = i;
        row[first - 1] = first == 1 ? i : most + 1;
        for (uint32_t j = first; j <= last; j++) {
            uint32_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            row[j] = best;
            least = best < least ? best : least;
        }
        row[last + 1] = most + 1;
        if (least > most)
            return most + 1;
        uint32_t *spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return above[nb] <= most ? above[nb] : most + 1;
}
