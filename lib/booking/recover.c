/* SPDX-License-Identifier: MIT
 *
 * booking/recover.c: tkt_recover: asks the host's `status` about every charge and refund in doubt and settles
 * what is told.
 *
 * OPEN_MONEY lists exactly what is in doubt; it is read page by page on snapshots, and `status` is asked
 * with no transaction open. A crash leaves what was settled settled, and the rest listed.
 */
#include "booking/booking.h"

#define RECOVER_PAGE 64

typedef struct doubt {
    uint64_t event_id;
    tkt__intent intent;
} doubt;

/* The next page of intents of a kind after *after. */
static int32_t doubts(tkt_store *store, uint8_t kind, uint64_t after, doubt *page, uint32_t *count)
{
    tkt_snapshot *snapshot;
    tkt__tx *tx;
    tkt__cursor *cursor;
    tkt__slice k, v;
    uint8_t from[17];
    *count = 0;
    int32_t status = tkt_snapshot_begin(store, &snapshot);
    if (status != TKT_DONE)
        return status;
    status = tkt__snapshot_tx(snapshot, &tx);
    if (status == TKT_DONE)
        status = tkt__tx_cursor_open(tx, TKT__T_OPEN_MONEY, &cursor);
    if (status == TKT_DONE) {
        tkt__open_money_key(kind, after + 1, 0, from);
        status = tkt__cursor_seek(cursor, tkt__slice_of(from, sizeof from), &k, &v);
        while (status == TKT_DONE && *count < RECOVER_PAGE && k.n == sizeof from && k.p[0] == kind) {
            doubt *d = &page[*count];
            d->event_id = tkt__get_be64(k.p + 9);
            status = tkt__intent_load(tx, d->event_id, tkt__get_be64(k.p + 1), &d->intent);
            if (status == TKT_DONE) {
                ++*count;
                status = tkt__cursor_next(cursor, &k, &v);
            }
        }
        tkt__cursor_close(cursor);
    }
    tkt_snapshot_end(snapshot);
    return status == TKT_NOT_FOUND ? TKT_DONE : status;
}

/* Asks about one charge or refund. *open: still not known. */
static int32_t ask(tkt_store *store, uint8_t kind, const doubt *d, bool *open)
{
    const tkt_payment *table = tkt__payment_of(store);
    const tkt_text none = { NULL, 0 };
    const tkt__intent *in = &d->intent;
    uint32_t number = kind == TKT__M_REFUND ? in->refunds : 0;
    int64_t amount = kind == TKT__M_REFUND ? in->refunding_minor : in->amount_minor;
    int32_t told = tkt__payment_call(store, table->status, in, number, amount, none);
    *open = told == TKT_PAY_PENDING || told == TKT_PAY_ERROR;
    if (*open)
        return TKT_DONE;
    int32_t status = kind == TKT__M_REFUND
                         ? tkt__refund_settle(store, d->event_id, in->id, number, told, NULL)
                         : tkt__charge_settle(store, d->event_id, in->id, told, NULL);
    return status < 0 ? status : TKT_DONE;
}

static int32_t recover_kind(tkt_store *store, uint8_t kind, uint64_t *settled, uint64_t *left)
{
    doubt page[RECOVER_PAGE];
    uint64_t after = 0;
    uint32_t count;
    int32_t status;
    while ((status = doubts(store, kind, after, page, &count)) == TKT_DONE && count > 0) {
        for (uint32_t i = 0; i < count; i++) {
            bool open;
            status = ask(store, kind, &page[i], &open);
            if (status != TKT_DONE)
                return status;
            ++*(open ? left : settled);
            after = page[i].intent.id;
        }
    }
    return status;
}

int32_t tkt_recover(tkt_store *store, uint64_t *settled, uint64_t *in_doubt)
{
    uint64_t done = 0, left = 0;
    int32_t status = tkt__store_writable(store);
    if (status != TKT_DONE)
        return status;
    const tkt_payment *table = tkt__payment_of(store);
    if (table == NULL || table->status == NULL)
        return tkt__fail(TKT_E_NO_PAYMENT, "the host has set no status function");
    status = recover_kind(store, TKT__M_DOUBT, &done, &left);
    if (status == TKT_DONE)
        status = recover_kind(store, TKT__M_REFUND, &done, &left);
    if (settled != NULL)
        *settled = done;
    if (in_doubt != NULL)
        *in_doubt = left;
    return status;
}
