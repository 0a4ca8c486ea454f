/* SPDX-License-Identifier: MIT
 *
 * test_booking_batch.c: many commands in one commit: each outcome is what the call would have answered, one
 * commit is paid, and what was not run never happened.
 */
#include "booking_help.h"

#define ALL (HALL_SEATS + FLOOR_PLACES)

static uint64_t commits(hall *h)
{
    tkt_stats stats = TKT_STATS_INIT;
    ok(tkt_store_stats(h->f.store, &stats));
    return stats.commits;
}

static tkt_batch *fresh(hall *h)
{
    tkt_batch *batch = NULL;
    ok(tkt_batch_new(h->f.store, &batch));
    return batch;
}

Test(batch, commands_share_a_commit_and_keep_their_outcomes)
{
    hall h;
    open_hall(&h);
    tkt_batch *batch = fresh(&h);
    tkt_hold hold[4] = { new_hold(), new_hold(), new_hold(), new_hold() };
    tkt_reserve_request want[4] = { seats(&h, 0, 2), seats(&h, 1, 2), places(&h, 3), seats(&h, 5, 1) };
    uint32_t copied = h.units[5];
    want[3].units = &copied;
    for (int i = 0; i < 4; i++)
        ok(tkt_batch_reserve(batch, &want[i], &hold[i]));
    copied = 0; /* the request was copied */
    cr_assert_eq(tkt_batch_count(batch), 4);
    answers(tkt_batch_outcome(batch, 0), -TKT_E_INVALID);
    uint64_t before = commits(&h);
    ok(tkt_batch_run(batch));
    cr_assert_eq(commits(&h), before + 1);
    ok(tkt_batch_outcome(batch, 0));
    ok(tkt_batch_outcome(batch, 2));
    ok(tkt_batch_outcome(batch, 3));
    answers(tkt_batch_outcome(batch, 1), TKT_ALL_HELD); /* by the one before it in the batch */
    cr_assert_eq(cause_is(TKT_CAUSE_UNIT_HELD).unit, h.units[1]);
    answers(tkt_batch_outcome(batch, 4), -TKT_E_INVALID);
    counts_are(&h, ALL - 6, 6, 0);
    cr_assert_eq(see_hold(&h, &hold[0]).unit_count, 2);

    answers(tkt_batch_run(batch), -TKT_E_INVALID); /* once */
    answers(tkt_batch_reserve(batch, &want[0], &hold[0]), -TKT_E_INVALID);
    ok(tkt_batch_clear(batch));
    tkt_booking booking[2] = { new_booking(), new_booking() };
    tkt_confirm_request pay = paying(&h, &hold[0], TKT_MONEY_TAKEN);
    ok(tkt_batch_confirm(batch, &pay, &booking[0]));
    ok(tkt_batch_confirm(batch, &pay, &booking[1])); /* the same key again */
    tkt_hold_request longer = on_hold(&h, &hold[2], INT64_C(900000)), give = on_hold(&h, &hold[3], 0);
    ok(tkt_batch_extend(batch, &longer, &hold[2]));
    ok(tkt_batch_release(batch, &give, NULL));
    ok(tkt_batch_release(batch, &give, NULL)); /* replayed */
    give = on_hold(&h, &hold[3], 0);
    ok(tkt_batch_release(batch, &give, NULL));
    before = commits(&h);
    ok(tkt_batch_run(batch));
    cr_assert_eq(commits(&h), before + 1);
    ok(tkt_batch_outcome(batch, 0));
    answers(tkt_batch_outcome(batch, 1), TKT_REPLAYED);
    cr_assert_eq(booking[0].id, booking[1].id);
    cr_assert_eq(booking[0].ticket_count, 2);
    ok(tkt_batch_outcome(batch, 2));
    ok(tkt_batch_outcome(batch, 3));
    answers(tkt_batch_outcome(batch, 4), TKT_REPLAYED);
    answers(tkt_batch_outcome(batch, 5), TKT_RELEASED);
    counts_are(&h, ALL - 5, 3, 2);

    ok(tkt_batch_clear(batch));
    tkt_booking_request end = on_booking(&h, booking[0].id), nobody = on_booking(&h, 999);
    ok(tkt_batch_cancel(batch, &end, &booking[0]));
    ok(tkt_batch_cancel(batch, &nobody, NULL)); /* refused at the door: an outcome like any other */
    ok(tkt_batch_run(batch));
    ok(tkt_batch_outcome(batch, 0));
    answers(tkt_batch_outcome(batch, 1), TKT_NOT_FOUND);
    cr_assert_eq(booking[0].state, TKT_BOOKING_CANCELLED);
    tkt_batch_free(batch);
    close_hall(&h);
}

Test(batch, a_charge_is_made_after_the_commit)
{
    hall h;
    open_hall(&h);
    tkt_batch *batch = fresh(&h);
    tkt_hold hold[2] = { hold_seats(&h, 0, 1), hold_seats(&h, 1, 1) };
    tkt_booking booking[2] = { new_booking(), new_booking() };
    char details[] = "card";
    for (int i = 0; i < 2; i++) {
        tkt_confirm_request pay = paying(&h, &hold[i], 0);
        pay.details = (tkt_text){ details, 4 };
        ok(tkt_batch_confirm(batch, &pay, &booking[i]));
    }
    memset(details, 'x', 4); /* they were copied */
    cr_assert_eq(h.bank.charges, 0);
    ok(tkt_batch_run(batch));
    cr_assert_eq(h.bank.charges, 2);
    cr_assert_eq(h.bank.last.details.len, 4);
    ok(tkt_batch_outcome(batch, 0));
    ok(tkt_batch_outcome(batch, 1));
    cr_assert_eq(booking[1].captured_minor, PRICE);
    ok(tkt_batch_clear(batch));

    h.bank.on_charge = TKT_PAY_DECLINED;
    hold[0] = hold_seats(&h, 2, 1);
    tkt_confirm_request pay = paying(&h, &hold[0], 0);
    ok(tkt_batch_confirm(batch, &pay, &booking[0]));
    ok(tkt_batch_run(batch));
    answers(tkt_batch_outcome(batch, 0), TKT_DECLINED);
    counts_are(&h, ALL - 3, 1, 2);
    tkt_batch_free(batch);
    close_hall(&h);
}

Test(batch, what_was_not_run_never_happened)
{
    hall h;
    open_hall(&h);
    tkt_hold hold = hold_seats(&h, 0, 1), none = new_hold();
    tkt_booking booking = new_booking(), first = new_booking();
    ok(confirm(&h, &hold, TKT_MONEY_TAKEN, &first));
    hold = hold_seats(&h, 1, 1);
    for (int i = 0; i < 3; i++) {
        tkt_batch *batch = fresh(&h);
        tkt_confirm_request pay = paying(&h, &hold, TKT_MONEY_TAKEN);
        ok(tkt_batch_confirm(batch, &pay, &booking));
        tkt_reserve_request want = seats(&h, 4, 1);
        ok(tkt_batch_reserve(batch, &want, &none));
        if (i == 1)
            ok(tkt_batch_clear(batch));
        tkt_batch_free(batch);
    }
    counts_are(&h, ALL - 2, 1, 1);
    ok(confirm(&h, &hold, TKT_MONEY_TAKEN, &booking));
    cr_assert_eq(booking.id, first.id + 1); /* what was leased went back */
    close_hall(&h);
}

Test(batch, what_breaks_a_rule_is_not_added)
{
    hall h;
    open_hall(&h);
    tkt_batch *batch = fresh(&h);
    tkt_hold hold = new_hold();
    tkt_reserve_request want = seats(&h, 0, 1);
    want.flags = TKT_DRY_RUN;
    answers(tkt_batch_reserve(batch, &want, &hold), -TKT_E_INVALID);
    want = seats(&h, 0, 0);
    answers(tkt_batch_reserve(batch, &want, &hold), -TKT_E_INVALID);
    want = seats(&h, 0, 1);
    answers(tkt_batch_reserve(batch, &want, NULL), -TKT_E_INVALID);
    answers(tkt_batch_reserve(batch, NULL, &hold), -TKT_E_INVALID);
    answers(tkt_batch_reserve(NULL, &want, &hold), -TKT_E_INVALID);
    answers(tkt_batch_confirm(batch, NULL, NULL), -TKT_E_INVALID);
    answers(tkt_batch_cancel(batch, NULL, NULL), -TKT_E_INVALID);
    answers(tkt_batch_release(batch, NULL, NULL), -TKT_E_INVALID);
    answers(tkt_batch_run(NULL), -TKT_E_INVALID);
    answers(tkt_batch_new(h.f.store, NULL), -TKT_E_INVALID);
    cr_assert_eq(tkt_batch_count(batch), 0);
    cr_assert_eq(tkt_batch_count(NULL), 0);
    ok(tkt_batch_run(batch)); /* nothing to do is fine */
    ok(tkt_batch_clear(batch));
    for (uint32_t i = 0; i < TKT_BATCH_MAX; i++) {
        want = places(&h, 1);
        memcpy(want.key + 2, &i, sizeof i);
        ok(tkt_batch_reserve(batch, &want, &hold));
    }
    answers(tkt_batch_reserve(batch, &want, &hold), -TKT_E_LIMIT);
    ok(tkt_batch_run(batch));
    ok(tkt_batch_outcome(batch, FLOOR_PLACES - 1));
    answers(tkt_batch_outcome(batch, FLOOR_PLACES), TKT_ALL_HELD);
    counts_are(&h, HALL_SEATS, FLOOR_PLACES, 0);
    tkt_batch_free(batch);
    tkt_batch_free(NULL);
    close_hall(&h);
}
