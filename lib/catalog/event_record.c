/* SPDX-License-Identifier: MIT
 *
 * catalog/event_record.c: the event record as bytes and back.
 *
 *   0 format u8 = 1        1 status u8          2 flags u8           3 performers u8
 *   4 start offset i16     6 end offset i16     8 start ms i64      16 end ms i64
 *  24 venue u64           32 price i64         40 high price i64    48 currency 4 bytes
 *  52 performers × u64, then seven texts (varint length, bytes): external id, name, type, category,
 *     language, url, description
 *
 * Numbers stand at fixed places so that a view is one lookup, a bounds check and seven lengths. The
 * longest text is the last: what a view decodes then lies in the first one or two cache lines.
 * Invariants: canonical (equal events, equal bytes); decoding never reads outside the slice.
 * Pure functions: a crash leaves nothing behind.
 */
#include "catalog/internal.h"

#define RECORD_FORMAT   1
#define AT_STATUS       TKT__EVENT_STATUS_AT
#define AT_FLAGS        2
#define AT_PERFORMERS   3
#define AT_START_OFFSET 4
#define AT_END_OFFSET   6
#define AT_START        8
#define AT_END          16
#define AT_VENUE        24
#define AT_PRICE        32
#define AT_PRICE_HIGH   40
#define AT_CURRENCY     48
#define AT_IDS          52

#define FLAGS_KNOWN \
    (TKT_EVENT_START_DATE_ONLY | TKT_EVENT_HAS_END | TKT_EVENT_END_DATE_ONLY | TKT_EVENT_HAS_PRICE)
#define DAY_MS       INT64_C(86400000)
#define MINUTE_MS    INT64_C(60000)
#define OFFSET_MAX   (24 * 60 - 1)
#define YEAR_1_MS    INT64_C(-62135596800000) /* 0001-01-01T00:00:00.000 */
#define YEAR_9999_MS INT64_C(253402300799999) /* 9999-12-31T23:59:59.999 */
#define AMOUNT_MAX   ((INT64_C(1) << 53) - 1)

/* ---- checks at the door ---------------------------------------------------------------------- */

static int32_t instant_check(int64_t ms, int32_t offset_min, bool date_only, const char *what)
{
    if (offset_min < -OFFSET_MAX || offset_min > OFFSET_MAX)
        return tkt__fail(TKT_E_INVALID, "event %s: offset %ld minutes is not one of a day", what,
                         (long)offset_min);
    /* The written form has four digits of year, in the place's own time. The two sums can't
     * overflow: the range is tested on ms first. */
    if (ms < YEAR_1_MS - DAY_MS || ms > YEAR_9999_MS + DAY_MS ||
        ms + offset_min * MINUTE_MS < YEAR_1_MS || ms + offset_min * MINUTE_MS > YEAR_9999_MS)
        return tkt__fail(TKT_E_INVALID, "event %s lies outside the years 0001 to 9999", what);
    if (date_only && (ms % DAY_MS != 0 || offset_min != 0))
        return tkt__fail(TKT_E_INVALID, "event %s: a plain date is 00:00Z with no offset", what);
    return TKT_DONE;
}

static int32_t times_check(const tkt_event *e)
{
    int32_t rc = instant_check(e->start_ms, e->start_offset_min,
                               (e->flags & TKT_EVENT_START_DATE_ONLY) != 0, "start");
    if (rc != TKT_DONE)
        return rc;
    if ((e->flags & TKT_EVENT_HAS_END) != 0)
        return instant_check(e->end_ms, e->end_offset_min,
                             (e->flags & TKT_EVENT_END_DATE_ONLY) != 0, "end");
    if (e->end_ms != 0 || e->end_offset_min != 0 || (e->flags & TKT_EVENT_END_DATE_ONLY) != 0)
        return tkt__fail(TKT_E_INVALID, "event has an end but not the flag TKT_EVENT_HAS_END");
    return TKT_DONE;
}

static int32_t price_check(const tkt_event *e)
{
    bool has_currency = !tkt__is_zero(e->currency, TKT_CURRENCY_BYTES);
    if ((e->flags & TKT_EVENT_HAS_PRICE) == 0) {
        if (e->price_minor != 0 || e->price_high_minor != 0 || has_currency)
            return tkt__fail(TKT_E_INVALID, "event has a price but not TKT_EVENT_HAS_PRICE");
        return TKT_DONE;
    }
    if (e->price_minor < 0 || e->price_minor > AMOUNT_MAX || e->price_high_minor < 0 ||
        e->price_high_minor > AMOUNT_MAX)
        return tkt__fail(TKT_E_INVALID, "event price lies outside 0 to 2^53-1 minor units");
    if (has_currency && !tkt__currency_valid(e->currency))
        return tkt__fail(TKT_E_INVALID, "event currency is not three capital letters");
    if (!has_currency && (e->price_minor != 0 || e->price_high_minor != 0))
        return tkt__fail(TKT_E_INVALID, "event has a price but no currency");
    return TKT_DONE;
}

static int32_t numbers_check(const tkt_event *e)
{
    if (e->status > TKT_EVENT_CANCELLED)
        return tkt__fail(TKT_E_INVALID, "event status %lu is not known", (unsigned long)e->status);
    if ((e->flags & ~FLAGS_KNOWN) != 0)
        return tkt__fail(TKT_E_INVALID, "event has unknown flags");
    if (e->reserved != 0)
        return tkt__fail(TKT_E_INVALID, "event: reserved must be 0");
    if (e->venue_id > TKT__ID_POSTING_MAX)
        return tkt__fail(TKT_E_INVALID, "event: venue id is out of range");
    if (e->performer_count > TKT_PERFORMERS_MAX)
        return tkt__fail(TKT_E_LIMIT, "event has %lu performers, more than %d",
                         (unsigned long)e->performer_count, TKT_PERFORMERS_MAX);
    if (e->performer_count > 0 && e->performer_ids == NULL)
        return tkt__fail(TKT_E_INVALID, "event: performer_ids is NULL");
    for (uint32_t i = 0; i < e->performer_count; i++)
        if (e->performer_ids[i] == 0 || e->performer_ids[i] > TKT__ID_POSTING_MAX)
            return tkt__fail(TKT_E_INVALID, "event: performer id %lu is out of range",
                             (unsigned long)i);
    int32_t rc = times_check(e);
    return rc != TKT_DONE ? rc : price_check(e);
}

static int32_t texts_check(const tkt_event *e)
{
    const struct {
        const tkt_text *text;
        size_t max;
        const char *what;
    } rules[] = {
        { &e->external_id, TKT_EXTERNAL_MAX, "event external id" },
        { &e->name, TKT_NAME_MAX, "event name" },
        { &e->description, TKT_DESCRIPTION_MAX, "event description" },
        { &e->type, TKT_SHORT_MAX, "event type" },
        { &e->category, TKT_SHORT_MAX, "event category" },
        { &e->language, TKT_SHORT_MAX, "event language" },
        { &e->url, TKT_URL_MAX, "event url" },
    };
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        int32_t rc =
            tkt__text_check(rules[i].text->ptr, rules[i].text->len, rules[i].max, rules[i].what);
        if (rc != TKT_DONE)
            return rc;
    }
    if (e->name.len == 0)
        return tkt__fail(TKT_E_INVALID, "event name is empty");
    return TKT_DONE;
}

int64_t tkt__event_over(const tkt_event *e)
{
    bool has_end = (e->flags & TKT_EVENT_HAS_END) != 0;
    bool plain = (e->flags & (has_end ? TKT_EVENT_END_DATE_ONLY : TKT_EVENT_START_DATE_ONLY)) != 0;
    return (has_end ? e->end_ms : e->start_ms) + (plain ? DAY_MS : 0);
}

int32_t tkt__event_order_check(const tkt_event *e)
{
    if ((e->flags & TKT_EVENT_HAS_END) == 0)
        return TKT_DONE;
    int64_t start = e->start_ms, end = e->end_ms;
    if ((e->flags & TKT_EVENT_END_DATE_ONLY) != 0) {
        /* A date ends with its day, in the place's own time. */
        start += e->start_offset_min * MINUTE_MS;
        end += DAY_MS - 1;
    } else if ((e->flags & TKT_EVENT_START_DATE_ONLY) != 0) {
        end += e->end_offset_min * MINUTE_MS;
    }
    if (end < start)
        return tkt__fail(TKT_E_INVALID, "event ends before it starts");
    return TKT_DONE;
}

/* ---- encode ---------------------------------------------------------------------------------- */

int32_t tkt__event_encode(const tkt_event *e, uint8_t *buf, size_t cap, size_t *n)
{
    int32_t rc = numbers_check(e);
    if (rc == TKT_DONE)
        rc = texts_check(e);
    if (rc != TKT_DONE)
        return rc;
    tkt__writer w = tkt__writer_of(buf, cap);
    tkt__put_u8(&w, RECORD_FORMAT);
    tkt__put_u8(&w, (uint8_t)(e->status == 0 ? TKT_EVENT_SCHEDULED : e->status));
    tkt__put_u8(&w, (uint8_t)e->flags);
    tkt__put_u8(&w, (uint8_t)e->performer_count);
    tkt__put_u16(&w, (uint16_t)e->start_offset_min);
    tkt__put_u16(&w, (uint16_t)e->end_offset_min);
    tkt__put_i64(&w, e->start_ms);
    tkt__put_i64(&w, e->end_ms);
    tkt__put_u64(&w, e->venue_id);
    tkt__put_i64(&w, e->price_minor);
    tkt__put_i64(&w, e->price_high_minor);
    tkt__put_bytes(&w, e->currency, TKT_CURRENCY_BYTES);
    for (uint32_t i = 0; i < e->performer_count; i++)
        tkt__put_u64(&w, e->performer_ids[i]);
    const tkt_text *texts[] = { &e->external_id, &e->name, &e->type,       &e->category,
                                &e->language,    &e->url,  &e->description };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        tkt__put_text(&w, texts[i]->ptr, texts[i]->len);
    if (w.bad)
        return tkt__fail(TKT_E_LIMIT, "event record is longer than %zu bytes", cap);
    *n = w.n;
    return TKT_DONE;
}

/* ---- decode: the hot path of every view, so written out and inlined -------------------------- */

static inline uint64_t load64(const uint8_t *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
           (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
           (uint64_t)p[7] << 56;
}

static inline int32_t load_i16(const uint8_t *p)
{
    return (int16_t)(uint16_t)(p[0] | p[1] << 8);
}

static int32_t corrupt(uint64_t id)
{
    return tkt__fail(TKT_E_CORRUPT, "record of event %llu is malformed", (unsigned long long)id);
}

/* The fixed part and the ids lie inside the slice, and the counts and codes are ones we write. */
static inline bool head_sound(tkt__slice record)
{
    if (record.n < AT_IDS || record.p[0] != RECORD_FORMAT)
        return false;
    uint32_t performers = record.p[AT_PERFORMERS];
    return performers <= TKT_PERFORMERS_MAX && record.n - AT_IDS >= 8 * (size_t)performers &&
           record.p[AT_STATUS] - 1u < TKT_EVENT_CANCELLED && record.p[AT_FLAGS] <= FLAGS_KNOWN &&
           record.p[AT_CURRENCY + TKT_CURRENCY_BYTES - 1] == 0;
}

/* One text: a varint of at most three bytes (texts stay below 2^14 … 2^21), then its bytes. */
static inline bool text_at(const uint8_t **at, const uint8_t *end, tkt_text *text)
{
    const uint8_t *p = *at;
    if (p >= end)
        return false;
    size_t n = *p++;
    for (unsigned shift = 7; n >> shift != 0; shift += 7) {
        if (p >= end || shift > 14)
            return false;
        n = (n & (((size_t)1 << shift) - 1)) | (size_t)*p++ << shift;
    }
    if ((size_t)(end - p) < n)
        return false;
    text->ptr = (const char *)p;
    text->len = n;
    *at = p + n;
    return true;
}

int32_t tkt__event_decode(tkt__slice record, uint64_t id, tkt_event *out)
{
    if (!head_sound(record))
        return corrupt(id);
    const uint8_t *b = record.p, *end = b + record.n;
    const uint8_t *at = b + AT_IDS + 8 * (size_t)b[AT_PERFORMERS];
    tkt_text external, name, description, type, category, language, url;
    if (!text_at(&at, end, &external) || !text_at(&at, end, &name) ||
        !text_at(&at, end, &type) || !text_at(&at, end, &category) ||
        !text_at(&at, end, &language) || !text_at(&at, end, &url) ||
        !text_at(&at, end, &description) || at != end)
        return corrupt(id);
    out->size = (uint32_t)sizeof(*out);
    out->status = b[AT_STATUS];
    out->id = id;
    out->venue_id = load64(b + AT_VENUE);
    out->start_ms = (int64_t)load64(b + AT_START);
    out->end_ms = (int64_t)load64(b + AT_END);
    out->start_offset_min = load_i16(b + AT_START_OFFSET);
    out->end_offset_min = load_i16(b + AT_END_OFFSET);
    out->flags = b[AT_FLAGS];
    out->performer_count = b[AT_PERFORMERS];
    out->performer_ids = NULL;
    out->price_minor = (int64_t)load64(b + AT_PRICE);
    out->price_high_minor = (int64_t)load64(b + AT_PRICE_HIGH);
    memcpy(out->currency, b + AT_CURRENCY, TKT_CURRENCY_BYTES);
    out->reserved = 0;
    out->external_id = external;
    out->name = name;
    out->description = description;
    out->type = type;
    out->category = category;
    out->language = language;
    out->url = url;
    out->record = b;
    return TKT_DONE;
}

int32_t tkt__event_head_of(tkt__slice record, tkt__event_head *head)
{
    if (!head_sound(record))
        return tkt__fail(TKT_E_CORRUPT, "an event record is malformed");
    head->status = record.p[AT_STATUS];
    head->flags = record.p[AT_FLAGS];
    head->performers = record.p[AT_PERFORMERS];
    head->start_ms = (int64_t)load64(record.p + AT_START);
    head->price_minor = (int64_t)load64(record.p + AT_PRICE);
    head->venue_id = load64(record.p + AT_VENUE);
    memcpy(head->currency, record.p + AT_CURRENCY, TKT_CURRENCY_BYTES);
    return TKT_DONE;
}

uint64_t tkt__event_performer_at(tkt__slice record, uint32_t index)
{
    return load64(record.p + AT_IDS + 8 * (size_t)index);
}

int32_t tkt__event_external(tkt__slice record, tkt_text *external)
{
    if (!head_sound(record))
        return tkt__fail(TKT_E_CORRUPT, "an event record is malformed");
    const uint8_t *at = record.p + AT_IDS + 8 * (size_t)record.p[AT_PERFORMERS];
    if (!text_at(&at, record.p + record.n, external))
        return tkt__fail(TKT_E_CORRUPT, "an event record is malformed");
    return TKT_DONE;
}

int32_t tkt_event_performer(const tkt_event *event, uint32_t index, uint64_t *id)
{
    if (event == NULL || event->record == NULL || id == NULL)
        return tkt__fail(TKT_E_INVALID, "tkt_event_performer needs a viewed event and an id");
    const uint8_t *record = (const uint8_t *)event->record;
    if (index >= record[AT_PERFORMERS])
        return tkt__refuse(TKT_NOT_FOUND, "the event has no performer %lu", (unsigned long)index);
    *id = load64(record + AT_IDS + 8 * (size_t)index);
    return TKT_DONE;
}
