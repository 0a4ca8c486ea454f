/* SPDX-License-Identifier: MIT
 *
 * api/json.c: answers as they are written: a buffer that grows, and JSON through yajl's generator into it.
 *
 * A refusal of memory marks the buffer; whoever ends the answer looks at the mark once. Text of the catalogue is valid
 * UTF-8 at the door, so the generator meets nothing that it would refuse.
 */
#include "api/api.h"

#include <stdarg.h>
#include <stdio.h>

#define FIRST_BYTES 1024
#define FORMAT_BYTES 512

/* ---- buffer ------------------------------------------------------------------------------------------------------- */

static bool grow_by(tkt__buffer *b, size_t n)
{
    size_t cap = b->cap != 0 ? b->cap : FIRST_BYTES;
    char *grown = NULL;
    if (n <= TKT__BODY_MOST - b->n) {
        while (cap < b->n + n)
            cap *= 2;
        grown = tkt__realloc(b->hooks, b->p, b->cap, cap);
    }
    if (grown == NULL) {
        b->failed = true;
        return false;
    }
    b->p = grown;
    b->cap = cap;
    return true;
}

/* Apart from the rest: most pieces find room, and there are thousands to a page. */
static __attribute__((noinline)) void add_slowly(tkt__buffer *b, const void *p, size_t n)
{
    if (b->failed || !grow_by(b, n))
        return;
    memcpy(b->p + b->n, p, n);
    b->n += n;
}

void tkt__buffer_add(tkt__buffer *b, const void *p, size_t n)
{
    if (b->failed || n > b->cap - b->n) {
        add_slowly(b, p, n);
        return;
    }
    size_t at = b->n;
    b->n += n;
    if (n == 1) /* most pieces of JSON: a quote, a comma, a colon */
        b->p[at] = *(const char *)p;
    else if (n > 0)
        memcpy(b->p + at, p, n);
}

void tkt__buffer_text(tkt__buffer *b, const char *text)
{
    tkt__buffer_add(b, text, strlen(text));
}

void tkt__buffer_format(tkt__buffer *b, const char *format, ...)
{
    char text[FORMAT_BYTES];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof text)
        b->failed = true; /* a piece that is longer goes through tkt__buffer_add */
    else
        tkt__buffer_add(b, text, (size_t)n);
}

void tkt__buffer_free(tkt__buffer *b)
{
    tkt__free(b->hooks, b->p, b->cap);
    b->p = NULL;
    b->n = b->cap = 0;
}

/* ---- JSON ---------------------------------------------------------------------------------------------------------- */

static void print(void *to, const char *text, size_t n)
{
    tkt__buffer_add(to, text, n);
}

/* The generator takes two pieces at its begin and no more: its text goes to `print`. */
static void *take(void *ctx, size_t n)
{
    tkt__json *j = ctx;
    size_t at = (j->used + 15) & ~(size_t)15;
    if (at + n > sizeof j->room)
        return NULL;
    j->used = at + n;
    return j->room + at;
}

static void give(void *ctx, void *p)
{
    (void)ctx, (void)p;
}

static void *grow(void *ctx, void *p, size_t n)
{
    (void)p;
    return take(ctx, n);
}

void tkt__json_begin(tkt__json *j, tkt__buffer *to)
{
    yajl_alloc_funcs memory = { take, grow, give, j };
    j->to = to;
    j->used = 0;
    j->gen = yajl_gen_alloc(&memory);
    if (j->gen == NULL) {
        to->failed = true;
        return;
    }
    yajl_gen_config(j->gen, yajl_gen_print_callback, print, to);
}

void tkt__json_end(tkt__json *j)
{
    if (j->gen != NULL)
        yajl_gen_free(j->gen);
    j->gen = NULL;
}

static bool key_out(tkt__json *j, const char *key)
{
    if (j->gen != NULL && key != NULL)
        yajl_gen_string(j->gen, (const unsigned char *)key, strlen(key));
    return j->gen != NULL;
}

/* The generator says where it was asked for what is no JSON, which is a bug of ours. */
static void note(tkt__json *j, yajl_gen_status status)
{
    if (status != yajl_gen_status_ok)
        j->to->failed = true;
}

void tkt__json_object(tkt__json *j, const char *key)
{
    if (key_out(j, key))
        note(j, yajl_gen_map_open(j->gen));
}

void tkt__json_object_end(tkt__json *j)
{
    if (j->gen != NULL)
        note(j, yajl_gen_map_close(j->gen));
}

void tkt__json_array(tkt__json *j, const char *key)
{
    if (key_out(j, key))
        note(j, yajl_gen_array_open(j->gen));
}

void tkt__json_array_end(tkt__json *j)
{
    if (j->gen != NULL)
        note(j, yajl_gen_array_close(j->gen));
}

void tkt__json_string(tkt__json *j, const char *key, tkt_text text)
{
    if (key_out(j, key))
        note(j, yajl_gen_string(j->gen, (const unsigned char *)(text.len != 0 ? text.ptr : ""), text.len));
}

void tkt__json_word(tkt__json *j, const char *key, const char *word)
{
    tkt__json_string(j, key, (tkt_text){ word, strlen(word) });
}

void tkt__json_some(tkt__json *j, const char *key, tkt_text text)
{
    if (text.len != 0)
        tkt__json_string(j, key, text);
}

void tkt__json_number(tkt__json *j, const char *key, const char *text)
{
    if (key_out(j, key))
        note(j, yajl_gen_number(j->gen, text, strlen(text)));
}

static void whole_out(tkt__json *j, const char *key, uint64_t size, bool minus)
{
    char text[24], *end = text + sizeof text - 1;
    *end = '\0';
    tkt__json_number(j, key, tkt__decimal_back(end, size, 0, minus));
}

void tkt__json_i64(tkt__json *j, const char *key, int64_t value)
{
    whole_out(j, key, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, value < 0);
}

void tkt__json_u64(tkt__json *j, const char *key, uint64_t value)
{
    whole_out(j, key, value, false);
}

void tkt__json_bool(tkt__json *j, const char *key, bool value)
{
    if (key_out(j, key))
        note(j, yajl_gen_bool(j->gen, value));
}

void tkt__json_null(tkt__json *j, const char *key)
{
    if (key_out(j, key))
        note(j, yajl_gen_null(j->gen));
}

void tkt__json_degrees(tkt__json *j, const char *key, int32_t e7)
{
    char text[TKT__DEGREES_TEXT];
    tkt__degrees_text(e7, text);
    tkt__json_number(j, key, text);
}

void tkt__json_instant(tkt__json *j, const char *key, int64_t ms)
{
    char text[TKT_INSTANT_TEXT];
    size_t n;
    if (tkt_instant_format(ms, 0, 0, text, &n) == TKT_DONE)
        tkt__json_string(j, key, (tkt_text){ text, n });
    else
        tkt__json_null(j, key);
}

void tkt__json_money(tkt__json *j, const char *key, int64_t minor, const char *currency)
{
    char amount[40];
    size_t needed;
    if (currency[0] == '\0') {
        tkt__json_null(j, key);
        return;
    }
    tkt__json_object(j, key);
    tkt__json_i64(j, "minor", minor);
    if (tkt_amount_format(minor, currency, amount, sizeof amount, &needed) == TKT_DONE)
        tkt__json_word(j, "amount", amount);
    tkt__json_word(j, "currency", currency);
    tkt__json_object_end(j);
}
