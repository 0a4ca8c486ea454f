/* SPDX-License-Identifier: MIT
 *
 * base/text.c: checks at the door: UTF-8 (RFC 3629, with NUL refused), lengths, zeros; integer
 * arithmetic that says when it overflows; decimal numbers and degrees as text.
 */
#include "base/base.h"

/* Length of the sequence that `p` starts, 0 when malformed. RFC 3629, table 3-7 of Unicode. */
static size_t sequence(const uint8_t *p, size_t n)
{
    uint8_t a = p[0];
    if (a < 0x80)
        return a != 0 ? 1 : 0;
    if (a < 0xc2 || a > 0xf4)
        return 0;
    size_t len = a < 0xe0 ? 2 : a < 0xf0 ? 3 : 4;
    if (n < len)
        return 0;
    uint8_t low = a == 0xe0 ? 0xa0 : a == 0xf0 ? 0x90 : 0x80;
    uint8_t high = a == 0xed ? 0x9f : a == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

bool tkt__utf8_valid(const void *ptr, size_t n)
{
    const uint8_t *p = ptr;
    while (n > 0) {
        size_t len = sequence(p, n);
        if (len == 0)
            return false;
        p += len;
        n -= len;
    }
    return true;
}

int32_t tkt__text_check(const char *ptr, size_t len, size_t max, const char *what)
{
    if (ptr == NULL && len != 0)
        return tkt__fail(TKT_E_INVALID, "%s is NULL with a length", what);
    if (len > max)
        return tkt__fail(TKT_E_LIMIT, "%s has %zu bytes, at most %zu are allowed", what, len, max);
    if (!tkt__utf8_valid(ptr, len))
        return tkt__fail(TKT_E_INVALID, "%s is not valid UTF-8 without NUL", what);
    return TKT_DONE;
}

bool tkt__add_i64(int64_t a, int64_t b, int64_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

bool tkt__mul_i64(int64_t a, int64_t b, int64_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

bool tkt__is_zero(const void *p, size_t n)
{
    const uint8_t *bytes = p;
    uint8_t all = 0;
    for (size_t i = 0; i < n; i++)
        all |= bytes[i];
    return all == 0;
}

void tkt__utf8_mend(char *text, size_t n)
{
    for (size_t i = 0, bytes; i < n; i += bytes) {
        bytes = sequence((const uint8_t *)text + i, n - i);
        if (bytes == 0) {
            text[i] = '?';
            bytes = 1;
        }
    }
}

char *tkt__decimal_back(char *end, uint64_t magnitude, uint32_t decimals, bool negative)
{
    for (uint32_t i = 0; i < decimals; i++, magnitude /= 10)
        *--end = (char)('0' + magnitude % 10);
    if (decimals != 0)
        *--end = '.';
    do
        *--end = (char)('0' + magnitude % 10);
    while ((magnitude /= 10) != 0);
    if (negative)
        *--end = '-';
    return end;
}

void tkt__degrees_text(int32_t e7, char text[TKT__DEGREES_TEXT])
{
    char back[TKT__DEGREES_TEXT], *end = back + sizeof back;
    char *at = tkt__decimal_back(end, e7 < 0 ? 0u - (uint32_t)e7 : (uint32_t)e7, 7, e7 < 0);
    memcpy(text, at, (size_t)(end - at));
    text[end - at] = '\0';
}
