/* SPDX-License-Identifier: MIT
 *
 * cmd_sale.c: reserve, release, extend: a buyer takes places and gives them back.
 */
#include "cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 4096

/* ---- "Section/Row/Label,…" ------------------------------------------------------------------------- */

/* One name out of the list: unescaped into buf; the last two unescaped slashes end at slash[0..1]. */
typedef struct seat_name {
    char buf[NAME_MAX_BYTES];
    size_t n, slash[2];
    int slashes;
} seat_name;

static bool next_name(const char **p, seat_name *name)
{
    memset(name, 0, sizeof *name);
    for (; **p != '\0' && **p != ','; (*p)++) {
        char ch = **p;
        if (ch == '\\' && (*p)[1] != '\0')
            ch = *++*p;
        else if (ch == '/') {
            name->slash[0] = name->slash[1];
            name->slash[1] = name->n;
            name->slashes++;
        }
        if (name->n == sizeof name->buf)
            return usage_error("--seats: a name is too long"), false;
        name->buf[name->n++] = ch;
    }
    if (**p == ',')
        (*p)++;
    if (name->slashes < 2)
        return usage_error("--seats wants Section/Row/Label, not \"%.*s\"", (int)name->n, name->buf), false;
    return true;
}

static int find_units(cli *c, tkt_snapshot *snap, uint64_t event, uint32_t *units, uint32_t *count)
{
    const char *p = args_option(c, "seats");
    seat_name name;
    *count = 0;
    while (p != NULL && *p != '\0') {
        if (*count == TKT_UNITS_MAX)
            return usage_error("at most %u seats at once", TKT_UNITS_MAX);
        if (!next_name(&p, &name))
            return EXIT_USAGE;
        size_t row = name.slash[0] + 1, label = name.slash[1] + 1;
        int32_t status = tkt_unit_find(snap, event, text_of(name.buf, name.slash[0]),
                                       text_of(name.buf + row, name.slash[1] - row),
                                       text_of(name.buf + label, name.n - label), &units[*count]);
        if (status != TKT_DONE) {
            fprintf(stderr, "ticketing: no seat \"%.*s\"\n", (int)name.n, name.buf);
            return out_bad(c, status);
        }
        (*count)++;
    }
    return EXIT_EFFECT;
}

static int find_area(cli *c, tkt_snapshot *snap, tkt_reserve_request *request)
{
    const char *area = args_option(c, "ga");
    int64_t quantity;
    if (area == NULL)
        return EXIT_EFFECT;
    if (!args_option_number(c, "quantity", 1, TKT_QUANTITY_MAX, 1, &quantity))
        return EXIT_USAGE;
    uint32_t scope;
    int32_t status = tkt_scope_find(snap, request->event_id, text_of(area, strlen(area)), &scope,
                                    &request->area_id);
    if (status == TKT_DONE && scope != TKT_SCOPE_AREA)
        return usage_error("\"%s\" is a section: name its seats", area);
    if (status != TKT_DONE)
        return out_bad(c, status);
    request->quantity = (uint32_t)quantity;
    return EXIT_EFFECT;
}

/* ---- holds -------------------------------------------------------------------------------------------- */

static void show_hold(cli *c, int32_t status, const tkt_hold *hold, const uint32_t *units,
                      uint32_t count, const uint8_t key[TKT_KEY_BYTES])
{
    char token[64], money[64], until[TKT_INSTANT_TEXT];
    size_t n;
    tkt_token_format(hold->token, token);
    out_begin(c);
    out_status(c, status);
    if (c->dry_run) /* there is no hold that they could be of */
        out_bool(c, "dryRun", true);
    else {
        out_string(c, "holdToken", token, sizeof token);
        out_number(c, "expiresAt", hold->expires_ms);
    }
    out_array(c, "units");
    for (uint32_t i = 0; i < count; i++)
        out_unsigned(c, NULL, units[i]);
    out_array_end(c);
    if (hold->area_id != 0) {
        out_unsigned(c, "areaId", hold->area_id);
        out_unsigned(c, "quantity", hold->quantity);
    }
    out_money(c, "total", hold->total_minor, hold->currency);
    money_text(hold->total_minor, hold->currency, money, sizeof money);
    if (!c->json && tkt_instant_format(hold->expires_ms, 0, 0, until, &n) == TKT_DONE)
        printf("%-10s %.64s\nuntil      %s\ntotal      %s\n",
               status == TKT_REPLAYED ? "replayed" : "hold", token, until, money);
    out_key_hex(c, key);
    out_end(c);
}

int cmd_reserve(cli *c)
{
    tkt_reserve_request request;
    uint32_t units[TKT_UNITS_MAX];
    uint8_t signed_by[TKT_ADMISSION_BYTES];
    const char *admission = args_option(c, "admission");
    int64_t ttl, user;
    tkt_snapshot *snap;
    tkt_hold hold;
    tkt_reserve_request_init(&request);
    tkt_hold_init(&hold);
    if (args_option(c, "seats") == NULL && args_option(c, "ga") == NULL)
        return usage_error("reserve wants --seats or --ga");
    if (admission != NULL && tkt_admission_parse(admission, strlen(admission), signed_by) != TKT_DONE)
        return usage_error("--admission is the %d digits that place shows", TKT_ADMISSION_TEXT);
    if (!args_option_number(c, "ttl", 1, TKT_LIFE_MAX_MS / 1000, 0, &ttl) ||
        !args_option_number(c, "user", 1, INT64_C(1) << 53, 0, &user) || !args_key(c, request.key))
        return EXIT_USAGE;
    int32_t status = tkt_snapshot_begin(c->store, &snap);
    if (status != TKT_DONE)
        return out_bad(c, status);
    int code = args_event(c, snap, c->positional[0], &request.event_id);
    if (code == EXIT_EFFECT)
        code = find_units(c, snap, request.event_id, units, &request.unit_count);
    if (code == EXIT_EFFECT)
        code = find_area(c, snap, &request);
    tkt_snapshot_end(snap);
    if (code != EXIT_EFFECT)
        return code;
    request.units = request.unit_count != 0 ? units : NULL;
    request.ttl_ms = ttl * 1000;
    request.user_id = (uint64_t)user;
    request.flags = c->dry_run ? TKT_DRY_RUN : 0;
    args_buyer(c, request.buyer_key);
    if (admission != NULL)
        request.admission = signed_by;
    status = tkt_reserve(c->store, &request, &hold);
    if (!TKT_IS_EFFECT(status))
        return out_bad(c, status);
    show_hold(c, status, &hold, units, request.unit_count, request.key);
    return EXIT_EFFECT;
}

static int change_hold(cli *c, int32_t (*change)(tkt_store *, const tkt_hold_request *, tkt_hold *))
{
    tkt_hold_request request;
    tkt_hold hold;
    int64_t ttl;
    tkt_hold_request_init(&request);
    tkt_hold_init(&hold);
    if (!args_option_number(c, "ttl", 1, TKT_LIFE_MAX_MS / 1000, 0, &ttl) ||
        !args_token(c->positional[0], request.token) || !args_key(c, request.key))
        return EXIT_USAGE;
    request.ttl_ms = ttl * 1000;
    request.flags = c->dry_run ? TKT_DRY_RUN : 0;
    int32_t status = change(c->store, &request, &hold);
    if (!TKT_IS_EFFECT(status))
        return out_bad(c, status);
    out_begin(c);
    out_status(c, status);
    if (change == tkt_extend)
        out_number(c, "expiresAt", hold.expires_ms);
    if (!c->json)
        printf("%s\n", change == tkt_extend ? "extended" : "released");
    out_key_hex(c, request.key);
    out_end(c);
    return EXIT_EFFECT;
}

int cmd_release(cli *c)
{
    return change_hold(c, tkt_release);
}

int cmd_extend(cli *c)
{
    return change_hold(c, tkt_extend);
}
