/* SPDX-License-Identifier: MIT
 *
 * base/money.c: amounts as text and back, never through floating point.
 *
 * Decimals by ISO 4217:2015 list one; a code that is not listed has 2.
 */
#include "base/base.h"

#define DECIMALS_DEFAULT 2
#define AMOUNT_TEXT_MAX 64

static const struct {
    char code[4];
    uint8_t decimals;
} exceptions[] = {
    { "BHD", 3 }, { "BIF", 0 }, { "CLF", 4 }, { "CLP", 0 }, { "DJF", 0 }, { "GNF", 0 },
    { "IQD", 3 }, { "ISK", 0 }, { "JOD", 3 }, { "JPY", 0 }, { "KMF", 0 }, { "KRW", 0 },
    { "KWD", 3 }, { "LYD", 3 }, { "OMR", 3 }, { "PYG", 0 }, { "RWF", 0 }, { "TND", 3 },
    { "UGX", 0 }, { "UYI", 0 }, { "UYW", 4 }, { "VND", 0 }, { "VUV", 0 }, { "XAF", 0 },
    { "XOF", 0 }, { "XPF", 0 },
};

static bool capital(char c)
{
    return c >= 'A' && c <= 'Z';
}

bool tkt__currency_valid(const char currency[TKT_CURRENCY_BYTES])
{
    return capital(currency[0]) && capital(currency[1]) && capital(currency[2]) &&
           currency[3] == '\0';
}

int32_t tkt_currency_decimals(const char *currency, uint32_t *decimals)
{
    /* The letters one by one: the text may be shorter than a code. */
    if (currency == NULL || !capital(currency[0]) || !capital(currency[1]) ||
        !capital(currency[2]) || currency[3] != '\0')
        return tkt__fail(TKT_E_INVALID, "a currency is three capital letters (ISO 4217)");
    if (decimals == NULL)
        return tkt__fail(TKT_E_INVALID, "decimals is NULL");
    *decimals = DECIMALS_DEFAULT;
    for (size_t i = 0; i < sizeof exceptions / sizeof exceptions[0]; i++)
        if (memcmp(exceptions[i].code, currency, sizeof exceptions[i].code) == 0)
            *decimals = exceptions[i].decimals;
    return TKT_DONE;
}

/* One more digit, away from 0 on its own side, for the least amount has no opposite; false where it does not fit. */
static bool push_digit(int64_t *value, int sign, char digit)
{
    return tkt__mul_i64(*value, 10, value) && tkt__add_i64(*value, sign * (digit - '0'), value);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* [-] digits [. digits] */
static int32_t parse_amount(const char *text, size_t len, uint32_t decimals, int64_t *value)
{
    int sign = len > 0 && text[0] == '-' ? -1 : 1;
    size_t i = sign < 0, first = i;
    uint32_t given = 0;
    bool fits = true;
    for (; i < len && is_digit(text[i]); i++)
        fits = fits && push_digit(value, sign, text[i]);
    bool good = i > first;
    if (good && i < len && text[i] == '.') {
        size_t point = i++;
        for (; i < len && is_digit(text[i]); i++) {
            if (given < decimals)
                fits = fits && push_digit(value, sign, text[i]), given++;
            else if (text[i] != '0')
                return tkt__fail(TKT_E_PARSE, "amount has more than %u decimals", decimals);
        }
        good = i > point + 1;
    }
    if (!good || i != len)
        return tkt__fail(TKT_E_PARSE, "an amount is digits with an optional point, like 12.50");
    for (; given < decimals; given++)
        fits = fits && push_digit(value, sign, '0');
    return fits ? TKT_DONE : tkt__fail(TKT_E_OVERFLOW, "the amount does not fit into 64 bits");
}

int32_t tkt_amount_parse(const char *text, size_t len, const char *currency, int64_t *minor)
{
    uint32_t decimals;
    int64_t value = 0;
    int32_t status = tkt_currency_decimals(currency, &decimals);
    if (status != TKT_DONE)
        return status;
    if (text == NULL || minor == NULL)
        return tkt__fail(TKT_E_INVALID, "text or minor is NULL");
    if (len > AMOUNT_TEXT_MAX)
        return tkt__fail(TKT_E_PARSE, "an amount has at most %d characters", AMOUNT_TEXT_MAX);
    status = parse_amount(text, len, decimals, &value);
    if (status == TKT_DONE)
        *minor = value;
    return status;
}

int32_t tkt_amount_format(int64_t minor, const char *currency, char *buf, size_t cap, size_t *needed)
{
    uint32_t decimals;
    char text[40], *end = text + sizeof text - 1;
    int32_t status = tkt_currency_decimals(currency, &decimals);
    if (status != TKT_DONE)
        return status;
    if (needed == NULL || (buf == NULL && cap != 0))
        return tkt__fail(TKT_E_INVALID, "buf or needed is NULL");
    uint64_t magnitude = minor < 0 ? 0u - (uint64_t)minor : (uint64_t)minor;
    const char *at = tkt__decimal_back(end, magnitude, decimals, minor < 0);
    *end = '\0';
    *needed = (size_t)(end - at) + 1;
    if (cap < *needed)
        return tkt__fail(TKT_E_LIMIT, "the amount needs %zu bytes", *needed);
    memcpy(buf, at, *needed);
    return TKT_DONE;
}
