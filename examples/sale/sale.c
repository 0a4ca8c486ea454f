/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <ticketing/ticketing.h>

#define DO(call) do { int32_t s_ = (call); if (s_ != TKT_DONE) { \
    fprintf(stderr, "%s: %s\n", tkt_status_name(s_), tkt_error_text()); return 1; } } while (0)

static int32_t charge(void *user, const tkt_charge *c) /* your payment provider */
{
    (void)user;
    printf("charging %" PRId64 " %s\n", c->amount_minor, c->currency);
    return TKT_PAY_APPROVED;
}

int main(int argc, char **argv)
{
    tkt_options *options;
    tkt_store *store;
    tkt_event event = { .size = sizeof event, .start_ms = INT64_C(1893456000000) };
    tkt_created made = TKT_CREATED_INIT;
    tkt_payment payment = { .size = sizeof payment, .charge = charge, .status = charge, .refund = charge };
    tkt_reserve_request want = { .size = sizeof want, .quantity = 2 };
    tkt_confirm_request pay = { .size = sizeof pay };
    tkt_hold hold = { .size = sizeof hold };
    tkt_booking booking = { .size = sizeof booking };
    tkt_text floor = { "Floor", 5 };
    const char *path = argc > 1 ? argv[1] : "sale.store";
    event.name = (tkt_text){ "New Year's Concert", 18 };

    DO(tkt_options_new(&options));
    DO(tkt_options_set_create(options, 1));
    DO(tkt_store_open(path, strlen(path), options, &store));
    tkt_options_free(options);
    DO(tkt_store_set_payment(store, &payment));
    DO(tkt_event_create(store, &event, NULL, 0, &made));
    DO(tkt_event_set_area(store, made.id, floor, 500, 0, &want.area_id));
    DO(tkt_event_set_price(store, made.id, TKT_SCOPE_AREA, want.area_id, 4500, "EUR", 0));
    want.event_id = made.id;
    DO(tkt_reserve(store, &want, &hold));
    memcpy(pay.token, hold.token, sizeof pay.token);
    DO(tkt_confirm(store, &pay, &booking));
    printf("booking %" PRIu64 ": %" PRIu32 " tickets from number %" PRIu64 "\n", booking.id,
           booking.ticket_count, booking.first_ticket);
    tkt_store_close(store);
    return 0;
}
