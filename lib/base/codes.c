/* SPDX-License-Identifier: MIT
 *
 * base/codes.c: text forms of tokens, keys (hex) and ticket codes (Crockford base32: 128 bits as 26
 * characters, the first of which carries 3 bits).
 */
#include "base/base.h"

static const char hex_digits[] = "0123456789abcdef";
static const char base32[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; /* Crockford: no I, L, O, U */

#define CODE_HYPHENS_MAX 26

void tkt__hex_format(const uint8_t *bytes, size_t n, char *text)
{
    for (size_t i = 0; i < n; i++) {
        text[2 * i] = hex_digits[bytes[i] >> 4];
        text[2 * i + 1] = hex_digits[bytes[i] & 15];
    }
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int32_t tkt__hex_parse(const char *text, size_t len, uint8_t *bytes, size_t n, const char *what)
{
    if (text == NULL || bytes == NULL)
        return tkt__fail(TKT_E_INVALID, "%s is NULL", what);
    bool good = len == 2 * n;
    for (size_t i = 0; good && i < len; i++)
        good = hex_value(text[i]) >= 0;
    if (!good) /* nothing is written before all is seen */
        return tkt__fail(TKT_E_PARSE, "%s is %zu hex digits", what, 2 * n);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(hex_value(text[2 * i]) << 4 | hex_value(text[2 * i + 1]));
    return TKT_DONE;
}

void tkt_token_format(const uint8_t token[TKT_TOKEN_BYTES], char text[64])
{
    if (token != NULL && text != NULL)
        tkt__hex_format(token, TKT_TOKEN_BYTES, text);
}

int32_t tkt_token_parse(const char *text, size_t len, uint8_t token[TKT_TOKEN_BYTES])
{
    return tkt__hex_parse(text, len, token, TKT_TOKEN_BYTES, "a hold token");
}

void tkt_key_format(const uint8_t key[TKT_KEY_BYTES], char text[32])
{
    if (key != NULL && text != NULL)
        tkt__hex_format(key, TKT_KEY_BYTES, text);
}

int32_t tkt_key_parse(const char *text, size_t len, uint8_t key[TKT_KEY_BYTES])
{
    return tkt__hex_parse(text, len, key, TKT_KEY_BYTES, "a key");
}

/* The code as one 128-bit number, five bits a character from its low end. */
void tkt_code_format(const uint8_t code[TKT_CODE_BYTES], char text[TKT_CODE_TEXT])
{
    if (code == NULL || text == NULL)
        return;
    uint64_t high = tkt__get_be64(code), low = tkt__get_be64(code + 8);
    for (int i = TKT_CODE_TEXT - 1; i >= 0; i--) {
        text[i] = base32[low & 31];
        low = low >> 5 | high << 59;
        high >>= 5;
    }
}

static int base32_value(char c)
{
    if (c >= 'a' && c <= 'z')
        c = (char)(c - 'a' + 'A');
    if (c == 'O')
        return 0;
    if (c == 'I' || c == 'L')
        return 1;
    const char *at = c != '\0' ? strchr(base32, c) : NULL;
    return at != NULL ? (int)(at - base32) : -1;
}

int32_t tkt_code_parse(const char *text, size_t len, uint8_t code[TKT_CODE_BYTES])
{
    uint64_t high = 0, low = 0;
    int digits = 0;
    if (text == NULL || code == NULL)
        return tkt__fail(TKT_E_INVALID, "a ticket code: NULL");
    if (len > TKT_CODE_TEXT + CODE_HYPHENS_MAX)
        return tkt__fail(TKT_E_PARSE, "a ticket code has %d characters", TKT_CODE_TEXT);
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '-')
            continue;
        int value = base32_value(text[i]);
        if (value < 0 || digits == TKT_CODE_TEXT || (digits == 0 && value > 7))
            return tkt__fail(TKT_E_PARSE, "character %zu is not one of a ticket code", i + 1);
        high = high << 5 | low >> 59;
        low = low << 5 | (uint64_t)value;
        digits++;
    }
    if (digits != TKT_CODE_TEXT)
        return tkt__fail(TKT_E_PARSE, "a ticket code has %d characters", TKT_CODE_TEXT);
    tkt__be64(code, high);
    tkt__be64(code + 8, low);
    return TKT_DONE;
}
