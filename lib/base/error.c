/* SPDX-License-Identifier: MIT
 *
 * base/error.c: the last refusal or failure of each thread.
 *
 * One fixed record a thread, so that saying what went wrong never allocates and can't itself fail. A
 * call that succeeds leaves it alone. Bodies of a batch may run on another caller's thread: save and
 * load move a record over.
 */
#include "base/base.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local tkt__error_record last = { .error = TKT_ERROR_INIT };

static void set_text(const char *format, va_list args)
{
    int n = vsnprintf(last.error.text, sizeof last.error.text, format, args);
    if (n < 0)
        n = 0;
    size_t len = (size_t)n < sizeof last.error.text ? (size_t)n : sizeof last.error.text - 1;
    /* A cut must not leave half a character. */
    while (len > 0 && (size_t)n >= sizeof last.error.text &&
           ((uint8_t)last.error.text[len - 1] & 0x80) != 0)
        len--;
    last.error.text[len] = '\0';
    last.error.text_bytes = (uint32_t)len;
}

static int32_t begin(int32_t status, const char *format, va_list args)
{
    last.error.size = (uint32_t)sizeof last.error;
    last.error.status = status;
    last.error.causes = 0;
    set_text(format, args);
    return status;
}

int32_t tkt__fail_detail(int32_t primary, int32_t detail, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int32_t status = begin(-(primary + 256 * detail), format, args);
    va_end(args);
    return status;
}

int32_t tkt__fail(int32_t primary, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int32_t status = begin(-primary, format, args);
    va_end(args);
    return status;
}

int32_t tkt__fail_errno(int err, const char *what)
{
    char text[128];
    /* GNU's strerror_r may answer a static text instead of filling ours. */
    const char *why = strerror_r(err, text, sizeof text);
    return tkt__fail_detail(TKT_E_IO, err, "%s: %s", what, why);
}

int32_t tkt__refuse(int32_t status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    begin(status, format, args);
    va_end(args);
    return status;
}

void tkt__cause(const tkt_cause *cause)
{
    if (last.error.causes < TKT_ERROR_CAUSES) {
        last.causes[last.error.causes] = *cause;
        last.causes[last.error.causes].size = (uint32_t)sizeof *cause;
    }
    last.error.causes++;
}

void tkt__error_save(tkt__error_record *out)
{
    *out = last;
}

void tkt__error_load(const tkt__error_record *in)
{
    last = *in;
}

const char *tkt_error_text(void)
{
    return last.error.text;
}

void tkt_error_init(tkt_error *error)
{
    if (error != NULL)
        *error = (tkt_error)TKT_ERROR_INIT;
}

int32_t tkt_error_copy(tkt_error *error)
{
    /* A bad struct is answered without touching the record that the caller wants to read. */
    if (error == NULL || error->size < sizeof *error)
        return -TKT_E_INVALID;
    uint32_t size = error->size;
    *error = last.error;
    error->size = size;
    return TKT_DONE;
}

int32_t tkt_error_cause(uint32_t index, tkt_cause *cause)
{
    if (cause == NULL || cause->size < sizeof *cause)
        return -TKT_E_INVALID;
    if (index >= last.error.causes || index >= TKT_ERROR_CAUSES)
        return TKT_NOT_FOUND;
    uint32_t size = cause->size;
    *cause = last.causes[index];
    cause->size = size;
    return TKT_DONE;
}

/* ---- size-first structs --------------------------------------------------------------------------- */

/* The first member of every public struct is its size. */
static uint32_t size_of(const void *given)
{
    uint32_t size;
    memcpy(&size, given, sizeof size);
    return size;
}

int32_t tkt__struct_in(void *known, size_t known_size, const void *given, size_t min_size,
                       const char *name)
{
    if (given == NULL)
        return tkt__fail(TKT_E_INVALID, "%s is NULL", name);
    size_t size = size_of(given);
    if (size < min_size || size > 65536 || size % sizeof(uint32_t) != 0)
        return tkt__fail(TKT_E_INVALID, "%s: size %zu is not one this library knows", name, size);
    if (size > known_size && !tkt__is_zero((const uint8_t *)given + known_size, size - known_size))
        return tkt__fail(TKT_E_INVALID, "%s: set members that this library does not know", name);
    memset(known, 0, known_size);
    memcpy(known, given, size < known_size ? size : known_size);
    uint32_t full = (uint32_t)known_size;
    memcpy(known, &full, sizeof full);
    return TKT_DONE;
}

int32_t tkt__struct_out(void *given, const void *known, size_t known_size, size_t min_size,
                        const char *name)
{
    if (given == NULL)
        return tkt__fail(TKT_E_INVALID, "%s is NULL", name);
    uint32_t size = size_of(given);
    if (size < min_size || size > 65536 || size % sizeof(uint32_t) != 0)
        return tkt__fail(TKT_E_INVALID, "%s: size %u is not one this library knows", name, size);
    if (size > known_size)
        memset((uint8_t *)given + known_size, 0, size - known_size);
    memcpy(given, known, size < known_size ? size : known_size);
    memcpy(given, &size, sizeof size);
    return TKT_DONE;
}
