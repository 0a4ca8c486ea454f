/* SPDX-License-Identifier: MIT
 *
 * catalog/records.c: venues, performers and users as bytes and back. Events: event_record.c.
 *
 * Every record starts with its format (1). Values are little-endian, a text is a varint length and
 * its bytes; docs/format-catalog.md has every byte. Encoding is canonical: equal objects have equal
 * bytes, so "did it change?" and the fingerprint of a request are comparisons of bytes.
 * Invariants: encoding validates every text and number; decoding never reads outside the slice and
 * accepts exactly what encoding writes. Pure functions: a crash leaves nothing behind.
 */
#include "catalog/internal.h"

#define RECORD_FORMAT 1
#define LATITUDE_MAX  900000000
#define LONGITUDE_MAX 1800000000
#define USER_ERASED   1u

/* One text member: where it lies, how long it may be, how an error names it. */
typedef struct text_rule {
    const tkt_text *text;
    size_t max;
    const char *what;
} text_rule;

static int32_t put_texts(tkt__writer *w, const text_rule *rules, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const tkt_text *t = rules[i].text;
        int32_t rc = tkt__text_check(t->ptr, t->len, rules[i].max, rules[i].what);
        if (rc != TKT_DONE)
            return rc;
        tkt__put_text(w, t->ptr, t->len);
    }
    return TKT_DONE;
}

static void get_texts(tkt__reader *r, tkt_text **texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        tkt__slice s = tkt__get_text(r);
        texts[i]->ptr = (const char *)s.p;
        texts[i]->len = s.n;
    }
}

static int32_t finish(const tkt__writer *w, const char *what, size_t *n)
{
    if (w->bad)
        return tkt__fail(TKT_E_LIMIT, "%s record is longer than %zu bytes", what, w->cap);
    *n = w->n;
    return TKT_DONE;
}

static int32_t decoded(const tkt__reader *r, uint8_t format, const char *what, uint64_t id)
{
    if (r->bad || r->p != r->end || format != RECORD_FORMAT)
        return tkt__fail(TKT_E_CORRUPT, "record of %s %llu is malformed", what,
                         (unsigned long long)id);
    return TKT_DONE;
}

/* ---- venues ---------------------------------------------------------------------------------- */

static int32_t geo_check(const tkt_venue *v)
{
    if (v->latitude_e7 == TKT_GEO_NONE)
        return TKT_DONE;
    if (v->latitude_e7 < -LATITUDE_MAX || v->latitude_e7 > LATITUDE_MAX)
        return tkt__fail(TKT_E_INVALID, "latitude_e7 %ld is outside -90 to 90 degrees",
                         (long)v->latitude_e7);
    if (v->longitude_e7 < -LONGITUDE_MAX || v->longitude_e7 > LONGITUDE_MAX)
        return tkt__fail(TKT_E_INVALID, "longitude_e7 %ld is outside -180 to 180 degrees",
                         (long)v->longitude_e7);
    return TKT_DONE;
}

int32_t tkt__venue_encode(const tkt_venue *v, uint8_t *buf, size_t cap, size_t *n)
{
    int32_t rc = geo_check(v);
    if (rc != TKT_DONE)
        return rc;
    if (v->reserved != 0)
        return tkt__fail(TKT_E_INVALID, "venue: reserved must be 0");
    const text_rule rules[] = {
        { &v->name, TKT_NAME_MAX, "venue name" },
        { &v->city, TKT_SHORT_MAX, "venue city" },
        { &v->region, TKT_SHORT_MAX, "venue region" },
        { &v->country, TKT_SHORT_MAX, "venue country" },
        { &v->street, TKT_NAME_MAX, "venue street" },
        { &v->postal_code, TKT_SHORT_MAX, "venue postal code" },
    };
    tkt__writer w = tkt__writer_of(buf, cap);
    tkt__put_u8(&w, RECORD_FORMAT);
    tkt__put_u32(&w, (uint32_t)v->latitude_e7);
    /* Without a latitude the longitude says nothing: one form for "not known". */
    tkt__put_u32(&w, v->latitude_e7 == TKT_GEO_NONE ? 0 : (uint32_t)v->longitude_e7);
    rc = put_texts(&w, rules, sizeof(rules) / sizeof(rules[0]));
    return rc != TKT_DONE ? rc : finish(&w, "venue", n);
}

int32_t tkt__venue_decode(tkt__slice record, uint64_t id, tkt_venue *v)
{
    tkt_venue out;
    memset(&out, 0, sizeof(out));
    out.size = (uint32_t)sizeof(out);
    out.id = id;
    tkt__reader r = tkt__reader_of(record);
    uint8_t format = tkt__get_u8(&r);
    out.latitude_e7 = (int32_t)tkt__get_u32(&r);
    out.longitude_e7 = (int32_t)tkt__get_u32(&r);
    tkt_text *texts[] = { &out.name,    &out.city,   &out.region,
                          &out.country, &out.street, &out.postal_code };
    get_texts(&r, texts, sizeof(texts) / sizeof(texts[0]));
    int32_t rc = decoded(&r, format, "venue", id);
    if (rc == TKT_DONE)
        *v = out;
    return rc;
}

/* ---- performers ------------------------------------------------------------------------------ */

int32_t tkt__performer_encode(const tkt_performer *p, uint8_t *buf, size_t cap, size_t *n)
{
    if (p->reserved != 0)
        return tkt__fail(TKT_E_INVALID, "performer: reserved must be 0");
    if (p->name.len == 0)
        return tkt__fail(TKT_E_INVALID, "performer name is empty");
    const text_rule rules[] = {
        { &p->name, TKT_NAME_MAX, "performer name" },
        { &p->type, TKT_SHORT_MAX, "performer type" },
    };
    tkt__writer w = tkt__writer_of(buf, cap);
    tkt__put_u8(&w, RECORD_FORMAT);
    int32_t rc = put_texts(&w, rules, sizeof(rules) / sizeof(rules[0]));
    return rc != TKT_DONE ? rc : finish(&w, "performer", n);
}

int32_t tkt__performer_decode(tkt__slice record, uint64_t id, tkt_performer *p)
{
    tkt_performer out;
    memset(&out, 0, sizeof(out));
    out.size = (uint32_t)sizeof(out);
    out.id = id;
    tkt__reader r = tkt__reader_of(record);
    uint8_t format = tkt__get_u8(&r);
    tkt_text *texts[] = { &out.name, &out.type };
    get_texts(&r, texts, sizeof(texts) / sizeof(texts[0]));
    int32_t rc = decoded(&r, format, "performer", id);
    if (rc == TKT_DONE)
        *p = out;
    return rc;
}

/* ---- users ----------------------------------------------------------------------------------- */

int32_t tkt__user_encode(const tkt_user *u, uint8_t *buf, size_t cap, size_t *n)
{
    const text_rule rules[] = {
        { &u->external, TKT_EXTERNAL_MAX, "user external name" },
        { &u->name, TKT_NAME_MAX, "user name" },
        { &u->email, TKT_SHORT_MAX, "user email" },
        { &u->address, TKT_NAME_MAX, "user address" },
    };
    tkt__writer w = tkt__writer_of(buf, cap);
    tkt__put_u8(&w, RECORD_FORMAT);
    tkt__put_u8(&w, u->erased != 0 ? USER_ERASED : 0);
    int32_t rc = put_texts(&w, rules, sizeof(rules) / sizeof(rules[0]));
    return rc != TKT_DONE ? rc : finish(&w, "user", n);
}

int32_t tkt__user_decode(tkt__slice record, uint64_t id, tkt_user *u)
{
    tkt_user out;
    memset(&out, 0, sizeof(out));
    out.size = (uint32_t)sizeof(out);
    out.id = id;
    tkt__reader r = tkt__reader_of(record);
    uint8_t format = tkt__get_u8(&r);
    out.erased = tkt__get_u8(&r);
    tkt_text *texts[] = { &out.external, &out.name, &out.email, &out.address };
    get_texts(&r, texts, sizeof(texts) / sizeof(texts[0]));
    if (out.erased > USER_ERASED)
        r.bad = true;
    int32_t rc = decoded(&r, format, "user", id);
    if (rc == TKT_DONE)
        *u = out;
    return rc;
}
