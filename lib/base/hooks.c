/* SPDX-License-Identifier: MIT
 *
 * base/hooks.c: what the host may lend, with defaults for what it does not. After tkt__hooks_resolve
 * no member is NULL, so no caller has to ask. The defaults use the operating system and keep nothing.
 */
#include "base/base.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#define LOG_LINE_BYTES 512

static int64_t clock_ms(clockid_t id)
{
    struct timespec now = { 0 };
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t default_wall(void *user)
{
    (void)user;
    return clock_ms(CLOCK_REALTIME);
}

static int64_t default_monotonic(void *user)
{
    (void)user;
    return clock_ms(CLOCK_BOOTTIME);
}

/* On the path of every view: a coarse clock is seven times cheaper, and an age needs no more. */
int64_t tkt__age_clock_ms(const tkt_hooks *hooks)
{
    return hooks->monotonic_ms == default_monotonic ? clock_ms(CLOCK_MONOTONIC_COARSE)
                                                    : hooks->monotonic_ms(hooks->user);
}

static int32_t default_random(void *user, uint8_t *bytes, size_t n)
{
    (void)user;
    while (n > 0) {
        ssize_t got = getrandom(bytes, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return -1;
        bytes += got;
        n -= (size_t)got;
    }
    return 0;
}

static void *default_allocate(void *user, void *ptr, size_t old_size, size_t new_size)
{
    (void)user;
    (void)old_size;
    if (new_size == 0) {
        free(ptr);
        return NULL;
    }
    return realloc(ptr, new_size);
}

static void default_log(void *user, uint32_t level, const char *text, size_t text_bytes)
{
    (void)user;
    (void)level;
    (void)text;
    (void)text_bytes;
}

void tkt_hooks_init(tkt_hooks *hooks)
{
    if (hooks != NULL)
        *hooks = (tkt_hooks)TKT_HOOKS_INIT;
}

int32_t tkt__hooks_resolve(const tkt_hooks *given, tkt_hooks *out)
{
    tkt_hooks_init(out);
    if (given != NULL) {
        int32_t status = tkt__struct_in(out, sizeof *out, given, sizeof(tkt_hooks), "hooks");
        if (status != TKT_DONE)
            return status;
        if (out->reserved != 0)
            return tkt__fail(TKT_E_INVALID, "hooks: reserved must be 0");
    }
    if (out->wall_ms == NULL)
        out->wall_ms = default_wall;
    if (out->monotonic_ms == NULL)
        out->monotonic_ms = default_monotonic;
    if (out->random == NULL)
        out->random = default_random;
    if (out->allocate == NULL)
        out->allocate = default_allocate;
    if (out->log == NULL)
        out->log = default_log;
    return TKT_DONE;
}

void *tkt__alloc(const tkt_hooks *h, size_t n)
{
    return h->allocate(h->user, NULL, 0, n != 0 ? n : 1);
}

void *tkt__realloc(const tkt_hooks *h, void *p, size_t old_n, size_t n)
{
    return h->allocate(h->user, p, p == NULL ? 0 : old_n, n != 0 ? n : 1);
}

void tkt__free(const tkt_hooks *h, void *p, size_t n)
{
    if (p != NULL)
        h->allocate(h->user, p, n != 0 ? n : 1, 0);
}

int32_t tkt__random(const tkt_hooks *h, void *p, size_t n)
{
    if (h->random(h->user, p, n) == 0)
        return TKT_DONE;
    return tkt__fail(TKT_E_IO, "no randomness to be had");
}

void tkt__log(const tkt_hooks *h, uint32_t level, const char *format, ...)
{
    char line[LOG_LINE_BYTES];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n > 0)
        h->log(h->user, level, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}
