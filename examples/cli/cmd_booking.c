/* SPDX-License-Identifier: MIT
 *
 * cmd_booking.c: confirm, booking, cancel, refund, payment-news, recover.
 */
#include "cli.h"

#include <inttypes.h>
#include <string.h>

#define DOUBT_PAGE 1000

static const char *const booking_states[] = { "",          "awaiting_payment", "confirmed",
                                              "cancelled", "failed",           "refund_due" };

static void out_id(cli *c, const char *key, uint64_t id)
{
    if (id == 0)
        out_null(c, key);
    else
        out_unsigned(c, key, id);
}

/* The line of a ticket: whose seat, or a place in which area. */
static void print_ticket(tkt_snapshot *snap, const tkt_ticket *t, const char *code)
{
    const char *state = t->state == TKT_TICKET_VOID ? " (void)" : "";
    tkt_seat seat = { .size = sizeof seat };
    if (t->area_id != 0)
        printf("ticket %-3" PRIu64 " %.26s  a place in area %" PRIu32 "%s\n", t->id, code, t->area_id, state);
    else if (tkt_unit_view(snap, t->event_id, t->unit, &seat) == TKT_DONE)
        printf("ticket %-3" PRIu64 " %.26s  %.*s, row %.*s, seat %.*s%s\n", t->id, code, (int)seat.section_name.len,
               seat.section_name.ptr, (int)seat.row.len, seat.row.ptr, (int)seat.label.len, seat.label.ptr, state);
}

static int32_t out_tickets(cli *c, tkt_snapshot *snap, const tkt_booking *b)
{
    out_array(c, "tickets");
    for (uint32_t i = 0; i < b->ticket_count; i++) {
        tkt_ticket t;
        char code[TKT_CODE_TEXT];
        tkt_ticket_init(&t);
        int32_t status = tkt_ticket_view(snap, b->first_ticket + i, &t);
        if (status != TKT_DONE)
            return status;
        tkt_code_format(t.code, code);
        out_map(c, NULL);
        out_unsigned(c, "ticketId", t.id);
        out_unsigned(c, "unit", t.unit);
        if (t.area_id != 0)
            out_unsigned(c, "areaId", t.area_id);
        out_string(c, "code", code, sizeof code);
        out_string(c, "state", t.state == TKT_TICKET_VOID ? "void" : "issued",
                   t.state == TKT_TICKET_VOID ? 4 : 6);
        out_map_end(c);
        if (!c->json)
            print_ticket(snap, &t, code);
    }
    out_array_end(c);
    return TKT_DONE;
}

static void out_booking(cli *c, const tkt_booking *b)
{
    const char *state = b->state < 6 ? booking_states[b->state] : "unknown";
    char money[64];
    out_unsigned(c, "bookingId", b->id);
    out_id(c, "intentId", b->intent_id);
    out_unsigned(c, "eventId", b->event_id);
    out_string(c, "state", state, strlen(state));
    out_money(c, "total", b->total_minor, b->currency);
    out_number(c, "captured", b->captured_minor);
    out_number(c, "refunded", b->refunded_minor);
    money_text(b->total_minor, b->currency, money, sizeof money);
    if (!c->json)
        printf("booking    %" PRIu64 " (%s), %s\n", b->id, state, money);
}

/* The answer of every call that ends in a booking. Tickets are read anew: a pending one has none. */
static int show_booking(cli *c, int32_t answer, const tkt_booking *b, const uint8_t *key)
{
    tkt_snapshot *snap;
    int32_t status = tkt_snapshot_begin(c->store, &snap);
    if (status != TKT_DONE)
        return out_bad(c, status);
    out_begin(c);
    out_status(c, answer);
    if (TKT_IS_REFUSAL(answer))
        out_why(c, answer);
    if (!c->json && answer != TKT_DONE)
        printf("%-10s %s\n", tkt_status_name(answer), tkt_status_text(answer));
    out_booking(c, b);
    status = out_tickets(c, snap, b);
    if (status == TKT_DONE) {
        if (key != NULL)
            out_key_hex(c, key);
        out_end(c);
    }
    tkt_snapshot_end(snap);
    return status == TKT_DONE ? out_exit_code(answer) : out_bad(c, status);
}

/* Declined and refund-due record a payment: their booking is worth showing beside the cause. */
static int answer_booking(cli *c, int32_t status, const tkt_booking *b, const uint8_t *key)
{
    if (TKT_IS_EFFECT(status))
        return show_booking(c, status, b, key);
    if (c->json && (status == TKT_DECLINED || status == TKT_REFUND_DUE) && b->id != 0)
        return show_booking(c, status, b, key);
    return out_bad(c, status);
}

int cmd_confirm(cli *c)
{
    tkt_confirm_request request;
    tkt_booking b;
    const char *payment = args_option(c, "payment");
    tkt_confirm_request_init(&request);
    tkt_booking_init(&b);
    if (!args_token(c->positional[0], request.token) || !args_key(c, request.key))
        return EXIT_USAGE;
    request.flags = c->dry_run ? TKT_DRY_RUN : 0;
    if (payment != NULL && strcmp(payment, "paid") == 0)
        request.flags |= TKT_MONEY_TAKEN;
    else if (payment != NULL) {
        int code = provider_use(c, payment);
        if (code != EXIT_EFFECT)
            return code;
        request.details = text_of(payment, strlen(payment));
    }
    int32_t status = tkt_confirm(c->store, &request, &b);
    if (tkt_status_primary(status) == TKT_E_NO_PAYMENT)
        return usage_error("this hold costs something: say --payment");
    return answer_booking(c, status, &b, request.key);
}

static bool booking_id(const cli *c, uint64_t *id)
{
    int64_t number;
    if (!args_number("ID", c->positional[0], 1, (INT64_C(1) << 53) - 1, &number))
        return false;
    *id = (uint64_t)number;
    return true;
}

int cmd_booking(cli *c)
{
    tkt_snapshot *snap;
    tkt_booking b;
    uint64_t id;
    tkt_booking_init(&b);
    if (!booking_id(c, &id))
        return EXIT_USAGE;
    int32_t status = tkt_snapshot_begin(c->store, &snap);
    if (status != TKT_DONE)
        return out_bad(c, status);
    status = tkt_booking_view(snap, id, &b);
    tkt_snapshot_end(snap);
    return status == TKT_DONE ? show_booking(c, status, &b, NULL) : out_bad(c, status);
}

static int change_booking(cli *c, int32_t (*change)(tkt_store *, const tkt_booking_request *, tkt_booking *))
{
    tkt_booking_request request;
    tkt_booking b;
    const char *payment = args_option(c, "payment");
    tkt_booking_request_init(&request);
    tkt_booking_init(&b);
    if (!booking_id(c, &request.booking_id) || !args_key(c, request.key))
        return EXIT_USAGE;
    request.flags = c->dry_run ? TKT_DRY_RUN : 0;
    if (change == tkt_refund) {
        int code = provider_use(c, payment);
        if (code != EXIT_EFFECT)
            return code;
        if (payment != NULL)
            request.details = text_of(payment, strlen(payment));
    }
    return answer_booking(c, change(c->store, &request, &b), &b, request.key);
}

int cmd_cancel(cli *c)
{
    return change_booking(c, tkt_cancel);
}

int cmd_refund(cli *c)
{
    return change_booking(c, tkt_refund);
}

int cmd_news(cli *c)
{
    static const char *const words[] = { "", "approved", "declined", "refunded" };
    tkt_booking b;
    int64_t intent;
    uint32_t news = 0;
    tkt_booking_init(&b);
    for (uint32_t i = 1; i < 4; i++)
        if (strcmp(c->positional[1], words[i]) == 0)
            news = i;
    if (news == 0)
        return usage_error("news is approved, declined or refunded");
    if (!args_number("INTENT", c->positional[0], 1, (INT64_C(1) << 53) - 1, &intent))
        return EXIT_USAGE;
    return answer_booking(c, tkt_resolve_payment(c->store, (uint64_t)intent, news, &b), &b, NULL);
}

static int32_t out_doubt(cli *c, tkt_snapshot *snap)
{
    uint64_t intents[DOUBT_PAGE], after = 0;
    uint32_t count = DOUBT_PAGE;
    while (count == DOUBT_PAGE) {
        int32_t status = tkt_money_list(snap, TKT_MONEY_IN_DOUBT, after, intents, DOUBT_PAGE, &count);
        for (uint32_t i = 0; status == TKT_DONE && i < count; i++) {
            tkt_intent intent;
            tkt_intent_init(&intent);
            status = tkt_intent_view(snap, intents[i], &intent);
            if (status != TKT_DONE)
                break;
            out_map(c, NULL);
            out_unsigned(c, "intentId", intent.id);
            out_unsigned(c, "bookingId", intent.booking_id);
            out_map_end(c);
            if (!c->json)
                printf("in doubt: intent %" PRIu64 ", booking %" PRIu64 "\n", intent.id, intent.booking_id);
            after = intents[i];
        }
        if (status != TKT_DONE)
            return status;
    }
    return TKT_DONE;
}

int cmd_recover(cli *c)
{
    uint64_t settled = 0;
    tkt_snapshot *snap;
    int code = provider_use(c, args_option(c, "payment"));
    if (code != EXIT_EFFECT)
        return code;
    int32_t status = tkt_recover(c->store, &settled, NULL);
    if (status == TKT_DONE)
        status = tkt_snapshot_begin(c->store, &snap);
    if (status != TKT_DONE)
        return out_bad(c, status);
    out_begin(c);
    out_status(c, TKT_DONE);
    out_unsigned(c, "settled", settled);
    out_array(c, "inDoubt");
    status = out_doubt(c, snap);
    tkt_snapshot_end(snap);
    if (status != TKT_DONE)
        return out_bad(c, status);
    out_array_end(c);
    out_end(c);
    if (!c->json)
        printf("settled %" PRIu64 "\n", settled);
    return EXIT_EFFECT;
}
