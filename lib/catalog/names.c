/* SPDX-License-Identifier: MIT
 *
 * catalog/names.c: the keys under which things are found.
 *
 * TKT__T_NAME    'v' ‖ fold(name) 1f fold(city) 1f fold(country) → venue
 *                'p' ‖ fold(name) → performer
 *                'e' ‖ external id, as given → event
 * TKT__T_LOOKUP  'x' ‖ the host's own name of a user, as given → user
 * TKT__T_EVENT_LIST, see docs/format-catalog.md
 *
 * Invariants: a folded part holds no 1f (it becomes a space), so that parts can't run into each
 * other; a key longer than TKT__FOLDED_MAX is cut and ends in the XXH3-64 (big-endian) of it all.
 * Pure functions: a crash leaves nothing behind.
 */
#include <xxhash.h>

#include "catalog/internal.h"
#include "text/fold.h"

#define JOINT       0x1f
/* Most bytes one byte of input may become: U+FDFA has 3 bytes and decomposes to 33. */
#define FOLD_GROWTH 12
#define FOLD_SPARE  64
#define FOLD_CAP    (FOLD_GROWTH * (TKT_NAME_MAX + 2 * TKT_SHORT_MAX) + 3 * FOLD_SPARE)

static int32_t fold_part(tkt_text text, size_t max, const char *what, uint8_t *buf, size_t cap,
                         size_t *n)
{
    int32_t rc = tkt__text_check(text.ptr, text.len, max, what);
    if (rc != TKT_DONE)
        return rc;
    size_t got = 0;
    if (text.len > 0) {
        rc = tkt__text_fold(text.ptr, text.len, buf + *n, cap - *n, &got);
        if (rc != TKT_DONE)
            return rc;
    }
    for (size_t i = 0; i < got; i++)
        if (buf[*n + i] == JOINT)
            buf[*n + i] = ' ';
    *n += got;
    return TKT_DONE;
}

/* kind ‖ folded, cut to TKT__FOLDED_MAX. */
static void finish_key(uint8_t kind, const uint8_t *folded, size_t n, uint8_t *key, size_t *key_n)
{
    key[0] = kind;
    if (n <= TKT__FOLDED_MAX) {
        memcpy(key + 1, folded, n);
        *key_n = n + 1;
        return;
    }
    memcpy(key + 1, folded, TKT__FOLDED_MAX - 8);
    tkt__be64(key + 1 + TKT__FOLDED_MAX - 8, XXH3_64bits(folded, n));
    *key_n = TKT__FOLDED_MAX + 1;
}

int32_t tkt__venue_key(tkt_text name, tkt_text city, tkt_text country, uint8_t key[TKT__KEY_MAX],
                       size_t *n)
{
    uint8_t folded[FOLD_CAP];
    size_t used = 0;
    int32_t rc = fold_part(name, TKT_NAME_MAX, "venue name", folded, sizeof(folded), &used);
    if (rc != TKT_DONE)
        return rc;
    folded[used++] = JOINT;
    rc = fold_part(city, TKT_SHORT_MAX, "venue city", folded, sizeof(folded), &used);
    if (rc != TKT_DONE)
        return rc;
    folded[used++] = JOINT;
    rc = fold_part(country, TKT_SHORT_MAX, "venue country", folded, sizeof(folded), &used);
    if (rc != TKT_DONE)
        return rc;
    finish_key(TKT__N_VENUE, folded, used, key, n);
    return TKT_DONE;
}

int32_t tkt__performer_key(tkt_text name, uint8_t key[TKT__KEY_MAX], size_t *n)
{
    uint8_t folded[FOLD_CAP];
    size_t used = 0;
    int32_t rc = fold_part(name, TKT_NAME_MAX, "performer name", folded, sizeof(folded), &used);
    if (rc != TKT_DONE)
        return rc;
    if (used == 0)
        return tkt__fail(TKT_E_INVALID, "performer name is empty, or nothing but marks and spaces");
    finish_key(TKT__N_PERFORMER, folded, used, key, n);
    return TKT_DONE;
}

int32_t tkt__event_key(tkt_text external_id, uint8_t key[TKT__KEY_MAX], size_t *n)
{
    int32_t rc =
        tkt__text_check(external_id.ptr, external_id.len, TKT_EXTERNAL_MAX, "event external id");
    if (rc != TKT_DONE)
        return rc;
    if (external_id.len == 0)
        return tkt__fail(TKT_E_INVALID, "event external id is empty");
    key[0] = TKT__N_EVENT;
    memcpy(key + 1, external_id.ptr, external_id.len);
    *n = external_id.len + 1;
    return TKT_DONE;
}

size_t tkt__user_key(tkt__slice external, uint8_t key[TKT__KEY_MAX])
{
    key[0] = TKT__L_USER_NAME;
    memcpy(key + 1, external.p, external.n);
    return external.n + 1;
}

void tkt__entity_key(uint8_t kind, uint64_t id, uint8_t key[9])
{
    key[0] = kind;
    tkt__be64(key + 1, id);
}

size_t tkt__list_key(uint8_t kind, uint64_t owner, int64_t start_ms, uint64_t event,
                     uint8_t key[TKT__LIST_KEY_MAX])
{
    size_t n = 0;
    key[n++] = kind;
    if (kind != TKT__E_DATE) {
        tkt__be64(key + n, owner);
        n += 8;
    }
    tkt__be_instant(key + n, start_ms);
    tkt__be64(key + n + 8, event);
    return n + 16;
}
