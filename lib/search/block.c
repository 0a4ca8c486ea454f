/* SPDX-License-Identifier: MIT
 *
 * search/block.c: the bytes of a posting block (block.h). Decoding trusts nothing: every length is
 * checked before it is used, so a damaged block is an error and never a read outside of it.
 */
#include "search/block.h"

#include <endian.h>

#define HEAD 10
#define GROUP 128
#define GROUP_HEAD 8
#define GROUPS_MOST ((TKT__POSTINGS_MOST - 1 + GROUP - 1) / GROUP)
#define PAD 7
#define SLOT_MASK (TKT__DAY_SLOTS - 1)

static uint32_t bits_of(uint32_t v) { return v == 0 ? 0 : 32 - (uint32_t)__builtin_clz(v); }

/* ---- encoding -------------------------------------------------------------------------------------- */

/* The width that costs least: narrower ones pay one byte and the high bits for each exception. */
static uint32_t best_width(const uint32_t *gap, uint32_t n)
{
    uint32_t count[33] = { 0 }, odd[33] = { 0 }, all = 0; /* two tables: neighbours fall into one row */
    for (uint32_t i = 0; i < n; i++) {
        ++*(i & 1 ? &odd[bits_of(gap[i])] : &count[bits_of(gap[i])]);
        all |= gap[i];
    }
    for (uint32_t b = 0; b < 33; b++)
        count[b] += odd[b];
    uint32_t widest = bits_of(all), best = widest, least = n * widest;
    for (uint32_t w = widest, exceptions = 0; w-- > 0;) {
        uint32_t bits = n * w;
        exceptions += count[w + 1];
        if (8 * exceptions >= least || exceptions > 255)
            break; /* narrower ones have more still */
        for (uint32_t b = w + 1; b <= widest; b++)
            bits += count[b] * (8 + 8 * ((b - w + 6) / 7));
        if (bits < least) {
            least = bits;
            best = w;
        }
    }
    return best;
}

static uint8_t *pack(uint8_t *out, const uint32_t *gap, uint32_t n, uint32_t width)
{
    uint64_t held = 0;
    uint32_t bits = 0;
    for (uint32_t i = 0; i < n; i++) {
        held |= (uint64_t)(gap[i] & (uint32_t)((UINT64_C(1) << width) - 1)) << bits;
        bits += width;
        if (bits >= 32) {
            uint32_t le = htole32((uint32_t)held);
            memcpy(out, &le, sizeof le);
            out += 4;
            held >>= 32;
            bits -= 32;
        }
    }
    for (; bits > 0; bits -= bits < 8 ? bits : 8, held >>= 8)
        *out++ = (uint8_t)held;
    return out;
}

static uint8_t *put_exceptions(uint8_t *out, const uint32_t *gap, uint32_t n, uint32_t width, uint8_t *count)
{
    *count = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t high = width == 32 ? 0 : gap[i] >> width;
        if (high == 0)
            continue;
        *out++ = (uint8_t)i;
        for (; high >= 0x80; high >>= 7)
            *out++ = (uint8_t)(high | 0x80);
        *out++ = (uint8_t)high;
        (*count)++;
    }
    return out;
}

static uint8_t *put_group(uint8_t *out, uint8_t *head, const uint32_t *gap, uint32_t n, uint32_t last)
{
    uint32_t width = best_width(gap, n);
    uint8_t exceptions, *end = put_exceptions(pack(out, gap, n, width), gap, n, width, &exceptions);
    tkt__writer w = tkt__writer_of(head, GROUP_HEAD);
    tkt__put_u32(&w, last);
    tkt__put_u8(&w, (uint8_t)width);
    tkt__put_u8(&w, exceptions);
    tkt__put_u16(&w, (uint16_t)(end - out));
    return end;
}

static uint32_t slot_bits(const uint32_t *doc, uint32_t n)
{
    uint32_t all = 0;
    for (uint32_t i = 0; i < n; i++)
        all |= doc[i] & SLOT_MASK;
    return bits_of(all);
}

static uint32_t local_of(uint32_t doc, uint32_t first, uint32_t width)
{
    return (((doc >> TKT__SLOT_BITS) - (first >> TKT__SLOT_BITS)) << width) | (doc & SLOT_MASK);
}

size_t tkt__block_encode(const tkt__postings *postings, uint32_t from, uint32_t n, uint8_t out[TKT__POSTINGS_BYTES])
{
    const uint32_t *doc = postings->doc + from;
    const uint8_t *level = postings->level + from;
    uint32_t gap[TKT__POSTINGS_MOST], width = slot_bits(doc, n), groups = (n - 1 + GROUP - 1) / GROUP;
    uint8_t highest = 0;
    for (uint32_t i = 0; i < n; i++)
        highest = level[i] > highest ? level[i] : highest;
    tkt__writer w = tkt__writer_of(out, HEAD);
    tkt__put_u8(&w, 1);
    tkt__put_u8(&w, postings->levels);
    tkt__put_u8(&w, (uint8_t)width);
    tkt__put_u8(&w, postings->levels ? highest : 0);
    tkt__put_u16(&w, (uint16_t)n);
    tkt__put_u32(&w, doc[0]);
    uint32_t before = local_of(doc[0], doc[0], width);
    for (uint32_t i = 1; i < n; i++) {
        uint32_t local = local_of(doc[i], doc[0], width);
        gap[i - 1] = local - before - 1;
        before = local;
    }
    uint8_t *at = out + HEAD + groups * GROUP_HEAD;
    for (uint32_t g = 0; g < groups; g++) {
        uint32_t begin = g * GROUP, count = n - 1 - begin < GROUP ? n - 1 - begin : GROUP;
        at = put_group(at, out + HEAD + g * GROUP_HEAD, gap + begin, count,
                       local_of(doc[begin + count], doc[0], width));
    }
    for (uint32_t i = 0; postings->levels && i < n; i += 2)
        *at++ = (uint8_t)(level[i] | (i + 1 < n ? level[i + 1] << 4 : 0));
    memset(at, 0, PAD);
    return (size_t)(at + PAD - out);
}

/* ---- decoding ---------------------------------------------------------------------------------------- */

static uint64_t load64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return le64toh(v);
}

static int32_t corrupt(void) { return tkt__fail(TKT_E_CORRUPT, "a posting block is malformed"); }

/* The padding makes every load of 8 bytes lie within the block. */
static void unpack(const uint8_t *p, uint32_t n, uint32_t width, uint32_t *gap)
{
    uint64_t mask = (UINT64_C(1) << width) - 1;
    if (width == 0) { /* no byte of it is there to be read */
        memset(gap, 0, n * sizeof *gap);
        return;
    }
    for (uint32_t i = 0, bit = 0; i < n; i++, bit += width)
        gap[i] = (uint32_t)(load64(p + (bit >> 3)) >> (bit & 7) & mask);
}

static bool patch(const uint8_t *p, const uint8_t *end, uint32_t exceptions, uint32_t width, uint32_t n,
                  uint32_t *gap)
{
    for (; exceptions > 0; exceptions--) {
        uint32_t which, shift = width;
        uint64_t high = 0;
        if (p == end || (which = *p++) >= n)
            return false;
        do {
            if (p == end || shift > 31)
                return false;
            high |= (uint64_t)(*p & 0x7f) << shift;
            shift += 7;
        } while (*p++ & 0x80);
        if (high > UINT32_MAX)
            return false;
        gap[which] |= (uint32_t)high;
    }
    return p == end;
}

/* Gaps become docnos; false when they leave the number space or do not end where the head says. */
static bool sum(uint32_t *doc, uint32_t n, uint32_t *local, uint32_t width, uint32_t base, uint32_t last)
{
    uint32_t mask = (uint32_t)((UINT64_C(1) << width) - 1);
    uint64_t at = *local;
    for (uint32_t i = 0; i < n; i++) {
        at += (uint64_t)doc[i] + 1;
        doc[i] = base + ((uint32_t)(at >> width) << TKT__SLOT_BITS) + ((uint32_t)at & mask);
    }
    *local = (uint32_t)at;
    return at == last && (base >> TKT__SLOT_BITS) + (at >> width) < TKT__DAY_END;
}

static const uint8_t *get_group(const uint8_t *head, const uint8_t *at, const uint8_t *end, uint32_t *doc,
                                uint32_t n, uint32_t *local, uint32_t width, uint32_t base)
{
    tkt__reader r = tkt__reader_of(tkt__slice_of(head, GROUP_HEAD));
    uint32_t last = tkt__get_u32(&r), bits = tkt__get_u8(&r), exceptions = tkt__get_u8(&r);
    uint32_t bytes = tkt__get_u16(&r), packed = (n * bits + 7) / 8;
    if (bits > 32 || packed > bytes || (size_t)(end - at) < bytes)
        return NULL;
    unpack(at, n, bits, doc);
    if (!patch(at + packed, at + bytes, exceptions, bits, n, doc) || !sum(doc, n, local, width, base, last))
        return NULL;
    return at + bytes;
}

static int32_t decode(tkt__slice block, bool wanted, tkt__postings *out)
{
    tkt__reader r = tkt__reader_of(block);
    uint8_t kind = tkt__get_u8(&r), levels = tkt__get_u8(&r);
    uint32_t width = tkt__get_u8(&r);
    tkt__get_u8(&r);
    uint32_t n = tkt__get_u16(&r), first = tkt__get_u32(&r);
    uint32_t groups = (n + GROUP - 2) / GROUP;
    size_t tail = (levels != 0 ? (n + 1) / 2 : 0) + PAD;
    if (r.bad || kind != 1 || levels > 1 || width > TKT__SLOT_BITS || n == 0 || n > TKT__POSTINGS_MOST ||
        block.n < HEAD + groups * GROUP_HEAD + tail || first >> TKT__SLOT_BITS >= TKT__DAY_END ||
        (first & SLOT_MASK) >> width != 0)
        return corrupt();
    const uint8_t *at = block.p + HEAD + groups * GROUP_HEAD, *end = block.p + block.n - tail;
    uint32_t base = first & ~SLOT_MASK, local = first & SLOT_MASK;
    out->n = n;
    out->levels = levels != 0;
    out->doc[0] = first;
    for (uint32_t g = 0; g < groups && at != NULL; g++) {
        uint32_t begin = g * GROUP, count = n - 1 - begin < GROUP ? n - 1 - begin : GROUP;
        at = get_group(block.p + HEAD + g * GROUP_HEAD, at, end, out->doc + 1 + begin, count, &local, width,
                       base);
    }
    if (at != end)
        return corrupt();
    if (!wanted)
        return TKT_DONE;
    for (uint32_t i = 0; levels != 0 && i < n; i += 2, at++) {
        out->level[i] = *at & 15;
        out->level[i + 1] = *at >> 4;
    }
    if (levels == 0)
        memset(out->level, 0, n);
    return TKT_DONE;
}

int32_t tkt__block_decode(tkt__slice block, tkt__postings *out) { return decode(block, true, out); }

int32_t tkt__block_decode_documents(tkt__slice block, tkt__postings *out) { return decode(block, false, out); }
