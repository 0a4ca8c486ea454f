/* SPDX-License-Identifier: MIT
 *
 * search/block.c: the bytes of a posting block (block.h). Decoding trusts nothing: every length is
 * checked before it is used, so a damaged block is an error and never a read outside of it.
 */
#include "search/block.h"

#include <endian.h>

#define HEAD 8
#define GROUP 128
#define GROUP_HEAD 4
#define SLOT_MASK (TKT__DAY_SLOTS - 1)
#define NEAR_TIMES 8u /* gaps of an eighth of the span and less mostly stay within the day */

/* The head's first u32. */
#define COUNT_BITS 9
#define SPAN_BITS TKT__SLOT_BITS
#define HIGHEST_BITS 4
#define LEVELS_FLAG (UINT32_C(1) << 30)
#define BLOCK_FLAG (UINT32_C(1) << 31)

/* Of 0: 0. */
static uint32_t bits_of(uint32_t v) { return 63 - (uint32_t)__builtin_clzll((uint64_t)v << 1 | 1); }

/* ---- encoding -------------------------------------------------------------------------------------- */

#define TABLES 4u /* neighbours fall into one row: each counts in a table of its own, and none waits for the one before */

/* Bits that an exception costs, by how many bits of it are high. */
static const uint8_t exception_bits[33] = { 8,  16, 16, 16, 16, 16, 16, 16, 24, 24, 24, 24, 24, 24, 24, 32, 32,
                                            32, 32, 32, 32, 32, 40, 40, 40, 40, 40, 40, 40, 48, 48, 48, 48 };

/* The width that costs least: narrower ones pay one byte and the high bits for each exception. */
static uint32_t best_width(const uint32_t *gap, uint32_t n, uint32_t *widest)
{
    uint8_t table[TABLES][40] = { { 0 } };
    uint32_t all = 0;
    for (uint32_t i = 0; i < n; i++) {
        table[i % TABLES][bits_of(gap[i])]++;
        all |= gap[i];
    }
    uint32_t count[33], most = bits_of(all), best = most, least = n * most;
    for (uint32_t b = 0; b <= most; b++)
        count[b] = table[0][b] + table[1][b] + table[2][b] + table[3][b];
    for (uint32_t w = most, exceptions = 0; w-- > 0;) {
        uint32_t bits = n * w;
        exceptions += count[w + 1];
        if (8 * exceptions >= least || exceptions > 255)
            break; /* narrower ones have more still */
        for (uint32_t b = w + 1; b <= most; b++)
            bits += count[b] * exception_bits[b - w];
        if (bits < least) {
            least = bits;
            best = w;
        }
    }
    *widest = most;
    return best;
}

/* Up to 8 bytes behind what it returns are written too: TKT__POSTINGS_BYTES has them. */
static uint8_t *pack(uint8_t *out, const uint32_t *gap, uint32_t n, uint32_t width)
{
    uint64_t held = 0, mask = (UINT64_C(1) << width) - 1;
    uint32_t bits = 0;
    for (uint32_t i = 0; i < n; i++) {
        held |= (gap[i] & mask) << bits; /* at most 7 bits and 32 */
        bits += width;
        uint64_t le = htole64(held);
        memcpy(out, &le, sizeof le);
        out += bits >> 3;
        held >>= bits & ~7u;
        bits &= 7;
    }
    if (bits > 0)
        *out++ = (uint8_t)held;
    return out;
}

static uint8_t *put_exceptions(uint8_t *out, const uint32_t *gap, uint32_t n, uint32_t width, uint8_t *count)
{
    *count = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t high = gap[i] >> width; /* narrower than the widest, so than 32 */
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

static uint8_t *put_group(uint8_t *out, uint8_t *head, const uint32_t *gap, uint32_t n)
{
    uint32_t widest, width = best_width(gap, n, &widest);
    uint8_t exceptions = 0, *end = pack(out, gap, n, width);
    if (width < widest)
        end = put_exceptions(end, gap, n, width, &exceptions);
    tkt__writer w = tkt__writer_of(head, GROUP_HEAD);
    tkt__put_u8(&w, (uint8_t)width);
    tkt__put_u8(&w, exceptions);
    tkt__put_u16(&w, (uint16_t)(end - out));
    return end;
}

/* One more than the largest slot. */
static uint32_t span_of(const uint32_t *doc, uint32_t n)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < n; i++)
        most = (doc[i] & SLOT_MASK) > most ? doc[i] & SLOT_MASK : most;
    return most + 1;
}

static uint32_t local_of(uint32_t doc, uint32_t first, uint32_t span)
{
    return ((doc >> TKT__SLOT_BITS) - (first >> TKT__SLOT_BITS)) * span + (doc & SLOT_MASK);
}

static void put_head(const tkt__postings *postings, uint32_t from, uint32_t n, uint32_t span, uint8_t *out)
{
    uint32_t highest = 0;
    for (uint32_t i = from; postings->levels && i < from + n; i++)
        highest = postings->level[i] > highest ? postings->level[i] : highest;
    tkt__writer w = tkt__writer_of(out, HEAD);
    tkt__put_u32(&w, (n - 1) | (span - 1) << COUNT_BITS | highest << (COUNT_BITS + SPAN_BITS) |
                         (postings->levels ? LEVELS_FLAG : 0) | BLOCK_FLAG);
    tkt__put_u32(&w, postings->doc[from]);
}

/* The groups of an older block whose postings are all before the `same` first ones, as they lie there. */
static uint32_t copy_groups(tkt__slice old, uint32_t same, uint32_t span, uint32_t groups, uint8_t *out, uint8_t **at)
{
    tkt__reader r = tkt__reader_of(old);
    uint32_t head = tkt__get_u32(&r), old_n = (head & ((1u << COUNT_BITS) - 1)) + 1, g = 0;
    uint32_t old_groups = (old_n + GROUP - 2) / GROUP, whole = same == 0 ? 0 : (same - 1) / GROUP;
    if (r.bad || (head >> COUNT_BITS & ((1u << SPAN_BITS) - 1)) + 1 != span)
        return 0;
    whole = whole < groups ? whole : groups;
    whole = whole < old_groups ? whole : old_groups;
    const uint8_t *from = old.p + HEAD + old_groups * GROUP_HEAD;
    for (; g < whole; g++) {
        const uint8_t *group = old.p + HEAD + g * GROUP_HEAD;
        uint32_t bytes = group[2] | (uint32_t)group[3] << 8;
        memcpy(out + HEAD + g * GROUP_HEAD, group, GROUP_HEAD);
        memcpy(*at, from, bytes);
        *at += bytes;
        from += bytes;
    }
    return g;
}

static size_t encode(const tkt__postings *postings, uint32_t from, uint32_t n, tkt__slice old, uint32_t same,
                     uint8_t *out)
{
    const uint32_t *doc = postings->doc + from;
    const uint8_t *level = postings->level + from;
    uint32_t gap[TKT__POSTINGS_MOST], span = span_of(doc, n), groups = (n - 1 + GROUP - 1) / GROUP;
    uint8_t *at = out + HEAD + groups * GROUP_HEAD;
    put_head(postings, from, n, span, out);
    uint32_t first = old.n != 0 ? copy_groups(old, same, span, groups, out, &at) : 0, done = first * GROUP;
    for (uint32_t i = done + 1; i < n; i++)
        gap[i - 1] = local_of(doc[i], doc[0], span) - local_of(doc[i - 1], doc[0], span) - 1;
    for (uint32_t g = first; g < groups; g++) {
        uint32_t begin = g * GROUP, count = n - 1 - begin < GROUP ? n - 1 - begin : GROUP;
        at = put_group(at, out + HEAD + g * GROUP_HEAD, gap + begin, count);
    }
    for (uint32_t i = 0; postings->levels && i < n; i += 2)
        *at++ = (uint8_t)(level[i] | (i + 1 < n ? level[i + 1] << 4 : 0));
    return (size_t)(at - out);
}

size_t tkt__block_encode(const tkt__postings *postings, uint32_t from, uint32_t n, uint8_t out[TKT__POSTINGS_BYTES])
{
    return encode(postings, from, n, tkt__slice_of(NULL, 0), 0, out);
}

size_t tkt__block_change(tkt__slice old, uint32_t same, const tkt__postings *postings, uint8_t out[TKT__POSTINGS_BYTES])
{
    return encode(postings, 0, postings->n, old, same, out);
}

/* ---- decoding ---------------------------------------------------------------------------------------- */

static uint64_t load64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return le64toh(v);
}

static int32_t corrupt(void) { return tkt__fail(TKT_E_CORRUPT, "a posting block is malformed"); }

/* 8 bytes are loaded at once where so many are there before `end`, and what is left of them behind. */
static void unpack(const uint8_t *p, const uint8_t *end, uint32_t n, uint32_t width, uint32_t *gap)
{
    uint64_t mask = (UINT64_C(1) << width) - 1;
    size_t there = (size_t)(end - p);
    uint32_t i = 0, bit = 0;
    if (width == 0) { /* no byte of it is there to be read */
        memset(gap, 0, n * sizeof *gap);
        return;
    }
    uint32_t whole = there < 8 ? 0 : (uint32_t)(((there - 8) * 8 + 7) / width) + 1; /* those whose 8 bytes are there */
    for (whole = whole < n ? whole : n; i < whole; i++, bit += width)
        gap[i] = (uint32_t)(load64(p + (bit >> 3)) >> (bit & 7) & mask);
    for (; i < n; i++, bit += width) {
        uint8_t last[8] = { 0 };
        size_t left = there - (bit >> 3);
        memcpy(last, p + (bit >> 3), left < 8 ? left : 8);
        gap[i] = (uint32_t)(load64(last) >> (bit & 7) & mask);
    }
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

/* Where the last posting lies. */
typedef struct place {
    uint32_t day, slot, span;
} place;

/* Of a span, below: a product with it is at most one day short. */
static uint32_t part_of(uint32_t span) { return span == 1 ? UINT32_MAX : (uint32_t)((UINT64_C(1) << 32) / span); }

/* Gaps become docnos; false when they leave the number space. For gaps that mostly stay within the day. */
static bool sum_near(uint32_t *doc, uint32_t n, place *last)
{
    uint32_t day = last->day, slot = last->slot, span = last->span;
    uint64_t part = part_of(span);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = slot + doc[i] + 1;
        if (at <= slot)
            return false;
        if (at >= span) {
            uint32_t days = (uint32_t)(at * part >> 32);
            at -= days * span;
            days += at >= span;
            at -= at >= span ? span : 0;
            if (days >= TKT__DAY_END - day)
                return false;
            day += days;
        }
        slot = at;
        doc[i] = day << TKT__SLOT_BITS | slot;
    }
    last->day = day;
    last->slot = slot;
    return true;
}

/* The same where nobody could foretell which gap ends a day: without that branch. */
static bool sum_far(uint32_t *doc, uint32_t n, place *last)
{
    uint32_t day = last->day, span = last->span, part = part_of(span);
    uint64_t local = last->slot;
    for (uint32_t i = 0; i < n; i++) {
        local += (uint64_t)doc[i] + 1;
        doc[i] = (uint32_t)local;
    }
    if (local > UINT32_MAX || (uint32_t)local / span >= TKT__DAY_END - day)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t days = (uint32_t)((uint64_t)doc[i] * part >> 32), slot = doc[i] - days * span, over = slot >= span;
        doc[i] = (day + days + over) << TKT__SLOT_BITS | (slot - (over ? span : 0));
    }
    last->day = day + (uint32_t)local / span;
    last->slot = (uint32_t)local % span;
    return true;
}

static bool sum(uint32_t *doc, uint32_t n, uint32_t bits, place *last)
{
    return (UINT64_C(1) << bits) * NEAR_TIMES <= last->span ? sum_near(doc, n, last) : sum_far(doc, n, last);
}

static const uint8_t *get_group(const uint8_t *head, const uint8_t *at, const uint8_t *end, tkt__slice block,
                                uint32_t *doc, uint32_t n, place *last)
{
    uint32_t bits = head[0], exceptions = head[1], bytes = head[2] | (uint32_t)head[3] << 8;
    uint32_t packed = (n * bits + 7) / 8;
    if (bits > 32 || packed > bytes || (size_t)(end - at) < bytes)
        return NULL;
    unpack(at, block.p + block.n, n, bits, doc);
    return patch(at + packed, at + bytes, exceptions, bits, n, doc) && sum(doc, n, bits, last) ? at + bytes : NULL;
}

static void get_levels(const uint8_t *at, bool levels, tkt__postings *out)
{
    for (uint32_t i = 0; levels && i < out->n; i += 2, at++) {
        out->level[i] = *at & 15;
        out->level[i + 1] = *at >> 4;
    }
    if (!levels)
        memset(out->level, 0, out->n);
}

static int32_t decode(tkt__slice block, bool wanted, tkt__postings *out)
{
    tkt__reader r = tkt__reader_of(block);
    uint32_t head = tkt__get_u32(&r), first = tkt__get_u32(&r);
    bool levels = (head & LEVELS_FLAG) != 0;
    uint32_t n = (head & ((1u << COUNT_BITS) - 1)) + 1, groups = (n + GROUP - 2) / GROUP;
    place last = { first >> TKT__SLOT_BITS, first & SLOT_MASK,
                   (head >> COUNT_BITS & ((1u << SPAN_BITS) - 1)) + 1 };
    size_t tail = levels ? (n + 1) / 2 : 0;
    if (r.bad || (head & BLOCK_FLAG) == 0 || n > TKT__POSTINGS_MOST || last.day >= TKT__DAY_END ||
        last.slot >= last.span || block.n < HEAD + groups * GROUP_HEAD + tail)
        return corrupt();
    const uint8_t *at = block.p + HEAD + groups * GROUP_HEAD, *end = block.p + block.n - tail;
    out->n = n;
    out->levels = levels;
    out->doc[0] = first;
    for (uint32_t g = 0; g < groups && at != NULL; g++) {
        uint32_t begin = g * GROUP, count = n - 1 - begin < GROUP ? n - 1 - begin : GROUP;
        at = get_group(block.p + HEAD + g * GROUP_HEAD, at, end, block, out->doc + 1 + begin, count, &last);
    }
    if (at != end)
        return corrupt();
    if (wanted)
        get_levels(at, levels, out);
    return TKT_DONE;
}

int32_t tkt__block_length(tkt__slice block, uint32_t *n)
{
    tkt__reader r = tkt__reader_of(block);
    *n = (tkt__get_u32(&r) & ((1u << COUNT_BITS) - 1)) + 1;
    return r.bad ? corrupt() : TKT_DONE;
}

int32_t tkt__block_decode(tkt__slice block, tkt__postings *out) { return decode(block, true, out); }

int32_t tkt__block_decode_documents(tkt__slice block, tkt__postings *out) { return decode(block, false, out); }
