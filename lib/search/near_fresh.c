/* SPDX-License-Identifier: MIT
 *
 * search/near_fresh.c: words that an event brings and nobody had, on their way into NEAR_WORD (near.h).
 *
 * Rows: SEARCH 'p' event → words not filed yet, for an event may bring more words than one body may write rows for;
 * ticks file them. A crash leaves the whole body or nothing of it.
 */
#include "search/near.h"

#define AT_ONCE 8u     /* words of one body that are filed at once */
#define SLICE 40u      /* words filed by one body of a tick */

static void waiting_key(uint64_t event, uint8_t key[9])
{
    key[0] = 'p';
    tkt__be64(key + 1, event);
}

static int32_t leave_waiting(tkt__tx *tx, uint64_t event, const tkt__term *const *words, uint32_t n)
{
    uint8_t key[9], bytes[2 * TKT__EVENT_WORDS * (TKT__WORD_MAX + 1)];
    tkt__slice old;
    waiting_key(event, key);
    tkt__slice k = tkt__slice_of(key, sizeof key);
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    int32_t status = tkt__tx_get(tx, TKT__T_SEARCH, k, &old);
    if (status != TKT_DONE && status != TKT_NOT_FOUND)
        return status;
    if (status == TKT_DONE && old.n <= sizeof bytes / 2)
        tkt__put_bytes(&w, old.p, old.n);
    for (uint32_t i = 0; i < n; i++)
        if (tkt__near_word(words[i]->p, words[i]->n)) {
            tkt__put_u8(&w, (uint8_t)words[i]->n);
            tkt__put_bytes(&w, words[i]->p, words[i]->n);
        }
    return w.n == 0 ? TKT_DONE : tkt__tx_put(tx, TKT__T_SEARCH, k, tkt__slice_of(bytes, w.n));
}

int32_t tkt__near_note(tkt__tx *tx, uint64_t event, const tkt__term *const *words, uint32_t n)
{
    uint32_t count = 0;
    int32_t status = TKT_DONE;
    for (uint32_t i = 0; i < n; i++)
        count += tkt__near_word(words[i]->p, words[i]->n);
    if (count > AT_ONCE)
        return leave_waiting(tx, event, words, n);
    for (uint32_t i = 0; status == TKT_DONE && i < n; i++)
        if (tkt__near_word(words[i]->p, words[i]->n))
            status = tkt__near_file(tx, words[i]->p, words[i]->n);
    return status;
}

typedef struct sought {
    tkt__slice word, row;
} sought;

static int32_t look_in_row(void *user, tkt__slice key, tkt__slice value)
{
    sought *s = user;
    tkt__reader r = tkt__reader_of(value);
    (void)key;
    while (r.p != r.end && !r.bad) {
        tkt__slice word = tkt__get_bytes(&r, tkt__get_u8(&r));
        if (!r.bad && word.n == s->word.n && memcmp(word.p, s->word.p, word.n) == 0) {
            s->row = value;
            return TKT_EXISTS;
        }
    }
    return r.bad ? tkt__fail(TKT_E_CORRUPT, "words that wait to be filed are malformed") : TKT_DONE;
}

int32_t tkt__near_waiting(tkt__tx *tx, tkt__slice word, tkt__slice *row)
{
    sought s = { .word = word };
    int32_t status = tkt__scan(tx, TKT__T_SEARCH, tkt__slice_of("p", 1), look_in_row, &s);
    *row = s.row;
    return status == TKT_EXISTS ? TKT_DONE : status == TKT_DONE ? TKT_NOT_FOUND : status;
}

/* ---- by and by ----------------------------------------------------------------------------------------- */

/* Files up to SLICE words of the first event that has some. TKT_NOT_FOUND: none wait. */
static int32_t tick_body(tkt__tx *tx, void *ctx)
{
    uint32_t *filed = ctx;
    tkt__cursor *cursor;
    tkt__slice k, v;
    uint8_t key[9];
    *filed = 0;
    int32_t status = tkt__tx_cursor_open(tx, TKT__T_SEARCH, &cursor);
    if (status != TKT_DONE)
        return status;
    status = tkt__cursor_seek(cursor, tkt__slice_of("p", 1), &k, &v);
    bool there = status == TKT_DONE && k.n == sizeof key && k.p[0] == 'p';
    if (there)
        memcpy(key, k.p, sizeof key);
    tkt__cursor_close(cursor);
    if (!there)
        return status < 0 ? status : TKT_NOT_FOUND;
    tkt__reader r = tkt__reader_of(v);
    status = TKT_DONE;
    while (status == TKT_DONE && r.p != r.end && *filed < SLICE) {
        uint8_t n = tkt__get_u8(&r);
        tkt__slice word = tkt__get_bytes(&r, n);
        if (r.bad || n == 0 || n > TKT__WORD_MAX)
            return tkt__fail(TKT_E_CORRUPT, "words that wait to be filed are malformed");
        status = tkt__near_file(tx, word.p, n);
        (*filed)++;
    }
    if (status != TKT_DONE)
        return status;
    tkt__slice row = tkt__slice_of(key, sizeof key);
    return r.p == r.end ? tkt__tx_del(tx, TKT__T_SEARCH, row)
                        : tkt__tx_put(tx, TKT__T_SEARCH, row, tkt__slice_of(r.p, (size_t)(r.end - r.p)));
}

static int32_t any_waiting(tkt__tx *tx, void *ctx)
{
    tkt__cursor *cursor;
    tkt__slice k, v;
    (void)ctx;
    int32_t status = tkt__tx_cursor_open(tx, TKT__T_SEARCH, &cursor);
    if (status != TKT_DONE)
        return status;
    status = tkt__cursor_seek(cursor, tkt__slice_of("p", 1), &k, &v);
    bool there = status == TKT_DONE && k.n == 9 && k.p[0] == 'p';
    tkt__cursor_close(cursor);
    return there ? TKT_DONE : status < 0 ? status : TKT_NOT_FOUND;
}

int32_t tkt__near_tick(tkt_store *store, uint32_t most, uint32_t *done)
{
    const tkt__guard guard = { TKT__G_CATALOG, 0 };
    int32_t status = tkt__store_look(store, any_waiting, NULL);
    while (status == TKT_DONE && *done < most) {
        uint32_t filed;
        status = tkt__store_run(store, &guard, 1, 0, tick_body, &filed);
        *done += status == TKT_DONE ? filed : 0;
    }
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}
