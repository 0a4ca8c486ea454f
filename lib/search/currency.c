/* SPDX-License-Identifier: MIT
 *
 * search/currency.c: currencies as small numbers, for columns: those in which most tickets are sold come first, so
 * that a row of facts needs few bits for them. The numbers are part of the index's format.
 */
#include "search/search.h"

#define COMMON (sizeof common / sizeof common[0])

/* Which come first matters for size alone. */
static const char common[][4] = {
    "USD", "EUR", "JPY", "GBP", "CNY", "AUD", "CAD", "CHF", "HKD", "SGD", "SEK", "KRW", "NOK", "NZD", "INR", "MXN",
    "TWD", "ZAR", "BRL", "DKK", "PLN", "THB", "ILS", "IDR", "CZK", "AED", "TRY", "HUF", "CLP", "SAR", "PHP",
};

uint16_t tkt__currency_code(const char currency[TKT_CURRENCY_BYTES])
{
    if (currency[0] == '\0')
        return 0;
    for (uint32_t i = 0; i < COMMON; i++)
        if (memcmp(common[i], currency, TKT_CURRENCY_BYTES) == 0)
            return (uint16_t)(1 + i);
    return (uint16_t)(1 + COMMON + (uint32_t)((currency[0] - 'A') * 26 + (currency[1] - 'A')) * 26 +
                      (uint32_t)(currency[2] - 'A'));
}

void tkt__currency_text(uint16_t code, char currency[TKT_CURRENCY_BYTES])
{
    memset(currency, 0, TKT_CURRENCY_BYTES);
    if (code == 0)
        return;
    if (code <= COMMON) {
        memcpy(currency, common[code - 1], TKT_CURRENCY_BYTES);
        return;
    }
    uint32_t rest = code - 1u - (uint32_t)COMMON;
    for (uint32_t i = 0; i < 3; i++, rest /= 26)
        currency[2 - i] = (char)('A' + rest % 26);
}
