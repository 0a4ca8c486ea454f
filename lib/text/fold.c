/* SPDX-License-Identifier: MIT
 *
 * text/fold.c: NFKD, case fold, marks stripped, white space runs made one space and trimmed, by
 * utf8proc; ASCII takes a fast path with the same result. Pure function; nothing is kept.
 *
 * Output bound: utf8proc is asked for the length first and the result is only copied when it fits, so
 * no bound has to be proved: some compatibility characters grow eighteenfold (U+FDFA).
 */
#include "text/fold.h"

#include <stdlib.h>
#include <utf8proc.h>

static bool is_space(uint32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xa0;
}

static bool all_ascii(const char *p, size_t n)
{
    uint8_t seen = 0;
    for (size_t i = 0; i < n; i++)
        seen |= (uint8_t)p[i];
    return seen < 0x80;
}

/* Writes one byte of folded text with runs of space made one; leading and trailing ones fall away. */
typedef struct squeezer {
    uint8_t *buf;
    size_t cap, n;
    bool gap, full;
} squeezer;

static void put(squeezer *s, uint8_t byte)
{
    if (s->n == s->cap) {
        s->full = true;
        return;
    }
    s->buf[s->n++] = byte;
}

static void squeeze(squeezer *s, uint8_t byte)
{
    if (is_space(byte) && byte < 0x80) {
        s->gap = s->n != 0;
        return;
    }
    if (s->gap)
        put(s, ' ');
    s->gap = false;
    put(s, byte);
}

static int32_t fold_unicode(const char *ptr, size_t len, squeezer *s)
{
    const utf8proc_option_t options = UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD |
                                      UTF8PROC_STRIPMARK | UTF8PROC_IGNORE | UTF8PROC_STABLE;
    utf8proc_uint8_t *out = NULL;
    utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)ptr, (utf8proc_ssize_t)len, &out, options);
    if (n == UTF8PROC_ERROR_NOMEM)
        return tkt__fail(TKT_E_NOMEM, "no memory to fold a text");
    if (n < 0)
        return tkt__fail(TKT_E_INVALID, "a text to fold is not valid UTF-8");
    for (utf8proc_ssize_t i = 0; i < n; i++)
        squeeze(s, out[i]);
    free(out); /* utf8proc allocates with the C library, whatever the host's hooks */
    return TKT_DONE;
}

int32_t tkt__text_fold(const char *ptr, size_t len, uint8_t *buf, size_t cap, size_t *n)
{
    squeezer s = { buf, cap, 0, false, false };
    int32_t status = TKT_DONE;
    if (len > INT32_MAX)
        return tkt__fail(TKT_E_LIMIT, "a text of %zu bytes is too long to fold", len);
    if (all_ascii(ptr, len)) {
        for (size_t i = 0; i < len; i++) {
            uint8_t c = (uint8_t)ptr[i];
            squeeze(&s, c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c);
        }
    } else
        status = fold_unicode(ptr, len, &s);
    if (status == TKT_DONE && s.full)
        return tkt__fail(TKT_E_LIMIT, "a folded text needs more than %zu bytes", cap);
    if (status == TKT_DONE)
        *n = s.n;
    return status;
}
