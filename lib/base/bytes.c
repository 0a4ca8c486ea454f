/* SPDX-License-Identifier: MIT
 *
 * base/bytes.c: little-endian values, LEB128 varints and slices, written into and read from fixed
 * buffers. Overrun and underrun set `bad` once and for all, so that a codec checks it at its end only.
 */
#include "base/base.h"

#define VARINT_BYTES_MAX 10

int tkt__slice_compare(tkt__slice a, tkt__slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n != 0 ? memcmp(a.p, b.p, n) : 0;
    return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

void tkt__put_bytes(tkt__writer *w, const void *p, size_t n)
{
    if (w->bad || w->cap - w->n < n) {
        w->bad = true;
        return;
    }
    if (n != 0)
        memcpy(w->p + w->n, p, n);
    w->n += n;
}

static void put_le(tkt__writer *w, uint64_t v, size_t n)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(v >> (8 * i));
    tkt__put_bytes(w, bytes, n);
}

void tkt__put_u8(tkt__writer *w, uint8_t v) { put_le(w, v, 1); }
void tkt__put_u16(tkt__writer *w, uint16_t v) { put_le(w, v, 2); }
void tkt__put_u32(tkt__writer *w, uint32_t v) { put_le(w, v, 4); }
void tkt__put_u64(tkt__writer *w, uint64_t v) { put_le(w, v, 8); }
void tkt__put_i64(tkt__writer *w, int64_t v) { put_le(w, (uint64_t)v, 8); }

void tkt__put_varint(tkt__writer *w, uint64_t v)
{
    uint8_t bytes[VARINT_BYTES_MAX];
    size_t n = 0;
    while (v >= 0x80) {
        bytes[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    bytes[n++] = (uint8_t)v;
    tkt__put_bytes(w, bytes, n);
}

void tkt__put_text(tkt__writer *w, const void *p, size_t n)
{
    tkt__put_varint(w, n);
    tkt__put_bytes(w, p, n);
}

tkt__slice tkt__get_bytes(tkt__reader *r, size_t n)
{
    if (r->bad || (size_t)(r->end - r->p) < n) {
        r->bad = true;
        return tkt__slice_of(NULL, 0);
    }
    tkt__slice s = { r->p, n };
    r->p += n;
    return s;
}

static uint64_t get_le(tkt__reader *r, size_t n)
{
    tkt__slice s = tkt__get_bytes(r, n);
    uint64_t v = 0;
    for (size_t i = 0; i < s.n; i++)
        v |= (uint64_t)s.p[i] << (8 * i);
    return v;
}

uint8_t tkt__get_u8(tkt__reader *r) { return (uint8_t)get_le(r, 1); }
uint16_t tkt__get_u16(tkt__reader *r) { return (uint16_t)get_le(r, 2); }
uint32_t tkt__get_u32(tkt__reader *r) { return (uint32_t)get_le(r, 4); }
uint64_t tkt__get_u64(tkt__reader *r) { return get_le(r, 8); }
int64_t tkt__get_i64(tkt__reader *r) { return (int64_t)get_le(r, 8); }

uint64_t tkt__get_varint(tkt__reader *r)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 7 * VARINT_BYTES_MAX; shift += 7) {
        if (r->bad || r->p == r->end)
            break;
        uint8_t byte = *r->p++;
        if (shift == 63 && byte > 1) /* a 65th bit */
            break;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return v;
    }
    r->bad = true;
    return 0;
}

tkt__slice tkt__get_text(tkt__reader *r)
{
    uint64_t n = tkt__get_varint(r);
    if (n > (uint64_t)(r->end - r->p)) {
        r->bad = true;
        n = 0;
    }
    return tkt__get_bytes(r, (size_t)n);
}
