/* SPDX-License-Identifier: MIT
 *
 * out.c: what the tool says. With --json exactly one object on stdout, written through yajl; without,
 * lines for people. Refusals and failures go to stderr with their causes, whichever the form.
 */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static bool on(const cli *c) { return c->json && c->gen != NULL; }

void out_begin(cli *c)
{
    if (!c->json)
        return;
    c->gen = yajl_gen_alloc(NULL);
    yajl_gen_config(c->gen, yajl_gen_validate_utf8, 1);
    yajl_gen_map_open(c->gen);
}

void out_end(cli *c)
{
    const unsigned char *text;
    size_t n;
    if (!on(c))
        return;
    yajl_gen_map_close(c->gen);
    yajl_gen_get_buf(c->gen, &text, &n);
    fwrite(text, 1, n, stdout);
    fputc('\n', stdout);
    yajl_gen_free(c->gen);
    c->gen = NULL;
}

void out_key(cli *c, const char *key)
{
    if (on(c) && key != NULL)
        yajl_gen_string(c->gen, (const unsigned char *)key, strlen(key));
}

void out_string(cli *c, const char *key, const char *text, size_t n)
{
    out_key(c, key);
    if (on(c))
        yajl_gen_string(c->gen, (const unsigned char *)text, n);
}

void out_text(cli *c, const char *key, tkt_text text)
{
    out_string(c, key, text.len == 0 ? "" : text.ptr, text.len);
}

void out_decimal(cli *c, const char *key, const char *decimal)
{
    out_key(c, key);
    if (on(c))
        yajl_gen_number(c->gen, decimal, strlen(decimal));
}

void out_number(cli *c, const char *key, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    out_decimal(c, key, text);
}

void out_unsigned(cli *c, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    out_decimal(c, key, text);
}

void out_bool(cli *c, const char *key, bool value)
{
    out_key(c, key);
    if (on(c))
        yajl_gen_bool(c->gen, value);
}

void out_null(cli *c, const char *key)
{
    out_key(c, key);
    if (on(c))
        yajl_gen_null(c->gen);
}

void out_array(cli *c, const char *key)
{
    out_key(c, key);
    if (on(c))
        yajl_gen_array_open(c->gen);
}

void out_array_end(cli *c)
{
    if (on(c))
        yajl_gen_array_close(c->gen);
}

void out_map(cli *c, const char *key)
{
    out_key(c, key);
    if (on(c))
        yajl_gen_map_open(c->gen);
}

void out_map_end(cli *c)
{
    if (on(c))
        yajl_gen_map_close(c->gen);
}

void out_money(cli *c, const char *key, int64_t minor, const char *currency)
{
    out_map(c, key);
    out_number(c, "amount", minor);
    if (currency[0] == '\0')
        out_null(c, "currency");
    else
        out_string(c, "currency", currency, strlen(currency));
    out_map_end(c);
}

void out_key_hex(cli *c, const uint8_t key[TKT_KEY_BYTES])
{
    char text[32];
    tkt_key_format(key, text);
    out_string(c, "key", text, sizeof text);
    if (!c->json && args_option(c, "key") == NULL)
        printf("key        %.32s\n", text);
}

void out_status(cli *c, int32_t status)
{
    const char *name = tkt_status_name(status);
    out_string(c, "status", name, strlen(name));
}

void money_text(int64_t minor, const char *currency, char *buf, size_t cap)
{
    char amount[40];
    size_t needed;
    if (currency[0] == '\0' && minor == 0)
        snprintf(buf, cap, "free");
    else if (tkt_amount_format(minor, currency, amount, sizeof amount, &needed) == TKT_DONE)
        snprintf(buf, cap, "%s %s", amount, currency);
    else
        snprintf(buf, cap, "%" PRId64 " %s", minor, currency);
}

int out_exit_code(int32_t status)
{
    if (TKT_IS_EFFECT(status))
        return EXIT_EFFECT;
    if (TKT_IS_REFUSAL(status))
        return EXIT_REFUSED;
    switch (tkt_status_primary(status)) {
    case TKT_E_INVALID:
    case TKT_E_PARSE:
    case TKT_E_LIMIT:
    case TKT_E_OVERFLOW:
        return EXIT_USAGE;
    default:
        return EXIT_FAILED;
    }
}

static void json_cause(cli *c, const tkt_cause *cause)
{
    const char *name = tkt_cause_name(cause->kind);
    out_map(c, NULL);
    out_string(c, "cause", name, strlen(name));
    if (cause->id != 0)
        out_unsigned(c, "id", cause->id);
    if (cause->unit != 0)
        out_unsigned(c, "unit", cause->unit);
    if (cause->limit != 0)
        out_number(c, "limit", cause->limit);
    if (cause->have != 0)
        out_number(c, "have", cause->have);
    if (cause->asked != 0)
        out_number(c, "asked", cause->asked);
    if (cause->earliest_ms != 0)
        out_number(c, "earliestAt", cause->earliest_ms);
    out_map_end(c);
}

/* What one cause says to a person; the numbers mean what base.h says of each kind. */
static void say_cause(const tkt_cause *cause, const char *when)
{
    long long limit = cause->limit, have = cause->have, asked = cause->asked;
    switch (cause->kind) {
    case TKT_CAUSE_AREA_SOLD:
        fprintf(stderr, "area %" PRIu64 ": %lld places, %lld sold", cause->id, limit, have);
        break;
    case TKT_CAUSE_EVENT_STATUS:
        fprintf(stderr, "the event is %s", event_status_name((uint32_t)have));
        break;
    case TKT_CAUSE_BUYER_LIMIT:
        fprintf(stderr, "a buyer may have %lld, has %lld, asked for %lld", limit, have, asked);
        break;
    case TKT_CAUSE_REFERENCED:
        fprintf(stderr, "%lld others need it, one of them %" PRIu64, have, cause->id);
        break;
    case TKT_CAUSE_WINDOW_NOT_OPEN:
        fprintf(stderr, "sale opens at %s", when);
        return;
    default:
        fputs(tkt_cause_name(cause->kind), stderr);
        if (cause->unit != 0)
            fprintf(stderr, ", unit %" PRIu32, cause->unit);
        if (cause->id != 0)
            fprintf(stderr, ", id %" PRIu64, cause->id);
    }
    if (when[0] != '\0')
        fprintf(stderr, ", %s %s", cause->kind == TKT_CAUSE_HOLD_EXPIRED ? "since" : "until", when);
}

static void line_cause(const tkt_cause *cause)
{
    char when[TKT_INSTANT_TEXT] = "";
    size_t n;
    if (cause->earliest_ms == 0 || tkt_instant_format(cause->earliest_ms, 0, 0, when, &n) != TKT_DONE)
        when[0] = '\0';
    fputs("  because ", stderr);
    say_cause(cause, when);
    fputc('\n', stderr);
}

void out_why(cli *c, int32_t status)
{
    tkt_error error = TKT_ERROR_INIT;
    if (tkt_error_copy(&error) != TKT_DONE || error.status != status) {
        error.causes = 0;
        snprintf(error.text, sizeof error.text, "%s", tkt_status_text(status));
        error.text_bytes = (uint32_t)strlen(error.text);
    }
    fprintf(stderr, "ticketing: %s: %s\n", tkt_status_name(status), error.text);
    out_string(c, "text", error.text, error.text_bytes);
    out_array(c, "causes");
    uint32_t kept = error.causes < TKT_ERROR_CAUSES ? error.causes : TKT_ERROR_CAUSES;
    for (uint32_t i = 0; i < kept; i++) {
        tkt_cause cause = { .size = sizeof cause };
        if (tkt_error_cause(i, &cause) != TKT_DONE)
            break;
        line_cause(&cause);
        json_cause(c, &cause);
    }
    out_array_end(c);
}

int out_bad(cli *c, int32_t status)
{
    if (c->gen != NULL) { /* a half-written object never reaches stdout */
        yajl_gen_free(c->gen);
        c->gen = NULL;
    }
    out_begin(c);
    out_status(c, status);
    out_why(c, status);
    out_end(c);
    return out_exit_code(status);
}

int out_flushed(int code)
{
    int why = fflush(stdout) == 0 ? 0 : errno; /* what failed before has left a mark and no reason */
    if (why == 0 && !ferror(stdout))
        return code;
    fprintf(stderr, "ticketing: the answer could not be written whole%s%s\n", why != 0 ? ": " : "", why != 0 ? strerror(why) : "");
    return EXIT_FAILED;
}

void out_usage(cli *c)
{
    static const char name[] = "usage";
    const char *text = usage_text();
    if (!c->json || text[0] == '\0')
        return;
    out_begin(c);
    out_string(c, "status", name, sizeof name - 1);
    out_string(c, "text", text, strlen(text));
    out_array(c, "causes");
    out_array_end(c);
    out_end(c);
    usage_told();
}
