/* SPDX-License-Identifier: MIT
 *
 * base/json.c: see json.h. Pure functions over a text or yajl's tree of it.
 */
#include "base/json.h"

#include <yajl/yajl_parse.h>

bool tkt__json_shallow(const char *p, size_t n, int most, uint64_t *byte)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < n; i++) {
        if (quoted && p[i] == '\\')
            i++;
        else if (p[i] == '"')
            quoted = !quoted;
        else if (!quoted && (p[i] == '{' || p[i] == '[') && ++depth > most) {
            *byte = i + 1;
            return false;
        } else if (!quoted && (p[i] == '}' || p[i] == ']'))
            depth--;
    }
    return true;
}

/* The four hex digits behind \u, or −1. */
static int32_t unit_of(const char *p, size_t n)
{
    int32_t value = 0;
    if (n < 6 || p[0] != '\\' || p[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        char c = p[i] >= 'A' && p[i] <= 'F' ? (char)(p[i] + 32) : p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return -1;
        value = value * 16 + (c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return value;
}

bool tkt__json_whole(const char *p, size_t n, uint64_t *byte)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != '\\')
            continue;
        int32_t unit = unit_of(p + i, n - i);
        bool high = unit >= 0xd800 && unit < 0xdc00, low = unit >= 0xdc00 && unit < 0xe000;
        int32_t next = high ? unit_of(p + i + 6, n - i - 6) : 0;
        if (unit == 0 || low || (high && (next < 0xdc00 || next >= 0xe000))) {
            *byte = i + 1;
            return false;
        }
        i += high ? 11 : 1; /* what is escaped begins no escape */
    }
    return true;
}

uint64_t tkt__json_error_byte(const char *p, size_t n)
{
    static const yajl_callbacks none = { 0 };
    yajl_handle h = yajl_alloc(&none, NULL, NULL);
    uint64_t at = n;
    if (h != NULL && yajl_parse(h, (const unsigned char *)p, n) != yajl_status_ok)
        at = yajl_get_bytes_consumed(h);
    if (h != NULL)
        yajl_free(h);
    return at + 1;
}

yajl_val tkt__json_member(yajl_val object, const char *name)
{
    if (!YAJL_IS_OBJECT(object))
        return NULL;
    for (size_t i = object->u.object.len; i-- > 0;)
        if (strcmp(object->u.object.keys[i], name) == 0)
            return object->u.object.values[i];
    return NULL;
}

tkt_text tkt__json_text(yajl_val v)
{
    const char *s = YAJL_IS_STRING(v) ? YAJL_GET_STRING(v) : NULL;
    tkt_text t = { s, s != NULL ? strlen(s) : 0 };
    return t;
}
