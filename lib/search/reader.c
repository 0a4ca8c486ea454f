/* SPDX-License-Identifier: MIT
 *
 * search/reader.c: reading one list forward, block by block. Bytes are read from the transaction and
 * decoded into memory of the reader; nothing is written.
 */
#include "search/reader.h"

static void *allocate(const tkt_hooks *hooks)
{
    return tkt__alloc(hooks, sizeof(tkt__postings));
}

int32_t tkt__reader_open(tkt__tx *tx, tkt__slice term, const tkt_hooks *hooks, tkt__reader_list *list)
{
    tkt__slice value;
    memset(list, 0, sizeof *list);
    int32_t status = tkt__tx_get(tx, TKT__T_TERM, term, &value);
    if (status != TKT_DONE)
        return status;
    list->tx = tx;
    list->hooks = hooks;
    list->block = allocate(hooks);
    if (list->block == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory to read a list");
    status = tkt__list_external(value, &list->list, &list->n);
    if (status == TKT_NOT_FOUND) {
        status = tkt__list_inline(value, list->block);
        list->n = list->block->n;
        list->fence = TKT__DOC_END;
        list->work = list->n;
    } else if (status == TKT_DONE) {
        list->block->n = 0;
        status = tkt__tx_cursor_open(tx, TKT__T_POSTING, &list->cursor);
        if (status == TKT_DONE)
            status = tkt__reader_seek(list, 0);
    }
    if (status != TKT_DONE)
        tkt__reader_close(list);
    return status;
}

void tkt__reader_close(tkt__reader_list *list)
{
    tkt__cursor_close(list->cursor);
    if (list->block != NULL)
        tkt__free(list->hooks, list->block, sizeof *list->block);
    list->cursor = NULL;
    list->block = NULL;
}

/* Takes the block under the cursor. A block of another list, or none: the end. */
static int32_t take_block(tkt__reader_list *list, int32_t status, tkt__slice k, tkt__slice v)
{
    if (status == TKT_NOT_FOUND || (status == TKT_DONE && (k.n != 8 || tkt__get_be32(k.p) != list->list))) {
        list->end = true;
        return TKT_DONE;
    }
    if (status == TKT_DONE)
        status = tkt__block_decode(v, list->block);
    if (status != TKT_DONE)
        return status;
    list->fence = tkt__get_be32(k.p + 4);
    list->at = 0;
    list->work += list->block->n;
    return TKT_DONE;
}

static int32_t next_block(tkt__reader_list *list)
{
    tkt__slice k = { NULL, 0 }, v = { NULL, 0 };
    if (list->fence == TKT__DOC_END) {
        list->end = true;
        return TKT_DONE;
    }
    int32_t status = tkt__cursor_next(list->cursor, &k, &v);
    return take_block(list, status, k, v);
}

/* First place in the block at or above docno: gallop from where we stand, then halve. */
static uint32_t gallop(const tkt__postings *p, uint32_t at, uint32_t docno)
{
    uint32_t step = 1, low = at, high = at;
    while (high < p->n && p->doc[high] < docno) {
        low = high + 1;
        high += step;
        step *= 2;
    }
    if (high > p->n)
        high = p->n;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (p->doc[mid] < docno)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

int32_t tkt__reader_seek(tkt__reader_list *list, uint32_t docno)
{
    if (list->end)
        return TKT_DONE;
    if (list->cursor != NULL && (list->block->n == 0 || docno > list->fence)) {
        uint8_t key[8];
        tkt__slice k = { NULL, 0 }, v = { NULL, 0 };
        tkt__be32(key, list->list);
        tkt__be32(key + 4, docno);
        int32_t status = tkt__cursor_seek(list->cursor, tkt__slice_of(key, sizeof key), &k, &v);
        status = take_block(list, status, k, v);
        if (status != TKT_DONE || list->end)
            return status;
    }
    list->at = gallop(list->block, list->at, docno);
    if (list->at < list->block->n)
        return TKT_DONE;
    if (list->cursor == NULL) {
        list->end = true;
        return TKT_DONE;
    }
    return next_block(list);
}

int32_t tkt__reader_next(tkt__reader_list *list)
{
    if (list->end || ++list->at < list->block->n)
        return TKT_DONE;
    if (list->cursor == NULL) {
        list->end = true;
        return TKT_DONE;
    }
    return next_block(list);
}
