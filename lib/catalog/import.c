/* SPDX-License-Identifier: MIT
 *
 * catalog/import.c: a stream of schema.org/Event lines into the catalogue, idempotent by "@id".
 *
 * Lines gather in a batch. A batch is first compared with the newest snapshot: events that are there
 * with the same bytes cost no write, so a second import commits nothing. The rest goes in bodies of
 * bounded size: new events under the catalogue's guard, changed ones under their own guards too, seven
 * at a time; up to sixteen bodies share a commit. Every body decides anew what is there, so two imports at
 * once make one event of an "@id".
 *
 * A crash leaves the batches that were committed; the import is simply run again. Callbacks run with
 * no write transaction open.
 */
#include "catalog/import_line.h"

#define BATCH_DEFAULT 256u
#define BATCH_MOST 1024u
#define WRITES_A_BODY 1800u /* of the engine's 2,000 */
#define WRITES_AN_EVENT 12u /* and what the index says */
#define WRITES_A_PERFORMER 4u
#define BYTES_A_BODY (700u << 10)
#define CHANGES_A_BODY (TKT__GUARDS_MAX - 1)
#define TRIES_MAX 8
#define PARTS_TOGETHER 16 /* parts that share a commit */
#define WEEK_MS INT64_C(604800000)
#define CYCLE_WEEKS 104
#define READ_BYTES 65536u
#define MONDAY_MS INT64_C(345600000) /* 1970-01-05, a Monday */

typedef struct importer {
    tkt_store *store;
    tkt_import in;
    tkt_import_stats *stats;
    tkt__line *lines;     /* the batch */
    uint32_t index_writes;/* an event's */
    uint32_t count, size; /* of size */
    int64_t anchor_ms;
    uint8_t *record;      /* scratch of TKT__EVENT_RECORD_MAX */
    char *text;           /* the line being gathered, TKT_IMPORT_LINE_MAX + 1 */
    size_t text_n;
    uint64_t line;        /* number of the line being gathered, from 1; empty ones count here */
    bool too_long, any;
} importer;

/* Part of a batch that one body takes, with its leased ids. */
typedef struct part {
    importer *im;
    uint32_t from, to;
    uint64_t event_id, venue_id, performer_id;                 /* first of each lease */
    uint32_t events, venues, performers;                       /* leased */
    uint32_t events_used, venues_used, performers_used;        /* by the body's last run */
    uint32_t updated;
} part;

/* ---- one event in a transaction -------------------------------------------------------------------- */

/* Finds a name; a body with ids left makes it. TKT_NOT_FOUND: not there, and p NULL. */
static int32_t find_venue(tkt__tx *tx, const tkt__line *line, part *p, uint64_t *id)
{
    uint8_t key[TKT__KEY_MAX], record[TKT__ENTITY_RECORD_MAX];
    size_t n, record_n;
    *id = 0;
    if (!line->has_venue)
        return TKT_DONE;
    int32_t rc = tkt__venue_key(line->venue.name, line->venue.city, line->venue.country, key, &n);
    if (rc == TKT_DONE)
        rc = tkt__row_id(tx, TKT__T_NAME, tkt__slice_of(key, n), id);
    if (rc != TKT_NOT_FOUND || p == NULL)
        return rc;
    *id = p->venue_id + p->venues_used++;
    rc = tkt__venue_encode(&line->venue, record, sizeof record, &record_n);
    return rc != TKT_DONE ? rc
                          : tkt__venue_insert(tx, *id, tkt__slice_of(key, n), tkt__slice_of(record, record_n));
}

static int32_t find_performer(tkt__tx *tx, const tkt_performer *performer, part *p, uint64_t *id)
{
    uint8_t key[TKT__KEY_MAX], record[TKT__ENTITY_RECORD_MAX];
    size_t n, record_n;
    int32_t rc = tkt__performer_key(performer->name, key, &n);
    if (rc == TKT_DONE)
        rc = tkt__row_id(tx, TKT__T_NAME, tkt__slice_of(key, n), id);
    if (rc != TKT_NOT_FOUND || p == NULL)
        return rc;
    *id = p->performer_id + p->performers_used++;
    rc = tkt__performer_encode(performer, record, sizeof record, &record_n);
    return rc != TKT_DONE
               ? rc
               : tkt__performer_insert(tx, *id, tkt__slice_of(key, n), tkt__slice_of(record, record_n));
}

/* A line that says nothing of the status changes none, and nothing that comes along with a feed sells again what somebody
 * cancelled. */
static int32_t keep_status(const tkt__line *line, tkt__slice old, tkt_event *event)
{
    tkt__event_head head;
    if (old.n == 0)
        return TKT_DONE;
    int32_t rc = tkt__event_head_of(old, &head);
    if (rc == TKT_DONE && (!line->says_status || head.status == TKT_EVENT_CANCELLED))
        event->status = head.status;
    return rc;
}

/* The event's bytes with its venue and performers resolved; `old`: those it has. */
static int32_t build_record(tkt__tx *tx, const tkt__line *line, tkt__slice old, part *p, uint8_t *record, size_t *n)
{
    uint64_t ids[TKT_PERFORMERS_MAX];
    uint32_t count = 0;
    tkt_event event = line->event;
    int32_t rc = keep_status(line, old, &event);
    if (rc == TKT_DONE)
        rc = find_venue(tx, line, p, &event.venue_id);
    for (uint32_t i = 0; rc == TKT_DONE && i < line->performer_count; i++) {
        rc = find_performer(tx, &line->performers[i], p, &ids[count]);
        bool twice = false;
        for (uint32_t k = 0; rc == TKT_DONE && k < count; k++)
            twice = twice || ids[k] == ids[count];
        count += rc == TKT_DONE && !twice;
    }
    event.performer_ids = count != 0 ? ids : NULL;
    event.performer_count = count;
    return rc != TKT_DONE ? rc : tkt__event_encode(&event, record, TKT__EVENT_RECORD_MAX, n);
}

static int32_t find_event(tkt__tx *tx, const tkt__line *line, uint64_t *id, tkt__slice *record)
{
    uint8_t key[TKT__KEY_MAX];
    size_t n;
    *record = tkt__slice_of(NULL, 0);
    *id = 0;
    int32_t rc = tkt__event_key(line->event.external_id, key, &n);
    if (rc == TKT_DONE)
        rc = tkt__row_id(tx, TKT__T_NAME, tkt__slice_of(key, n), id);
    if (rc == TKT_NOT_FOUND)
        return TKT_DONE;
    return rc != TKT_DONE ? rc : tkt__event_get(tx, *id, record);
}

/* ---- bodies ------------------------------------------------------------------------------------------- */

/* TKT_IN_USE: an event came into being meanwhile, so other guards are needed. */
static int32_t write_one(tkt__tx *tx, part *p, tkt__line *line)
{
    tkt__slice old;
    uint64_t id;
    size_t n;
    int32_t rc = find_event(tx, line, &id, &old);
    if (rc != TKT_DONE)
        return rc;
    if (id != line->known_id)
        return tkt__refuse(TKT_IN_USE, "the event came into being meanwhile");
    rc = build_record(tx, line, old, p, p->im->record, &n);
    if (rc != TKT_DONE)
        return rc;
    tkt__slice record = tkt__slice_of(p->im->record, n);
    if (id == 0)
        id = p->event_id + p->events_used++;
    else if (tkt__slice_compare(old, record) == 0)
        return TKT_DONE;
    else
        p->updated++;
    return tkt__event_put(tx, p->im->store, id, old, record);
}

static int32_t write_part(tkt__tx *tx, void *ctx)
{
    part *p = ctx;
    int32_t rc = TKT_DONE;
    p->events_used = p->venues_used = p->performers_used = p->updated = 0;
    for (uint32_t i = p->from; rc == TKT_DONE && i < p->to; i++)
        rc = write_one(tx, p, &p->im->lines[i]);
    return rc;
}

static int32_t lease(part *p)
{
    tkt_store *store = p->im->store;
    for (uint32_t i = p->from; i < p->to; i++) {
        p->events += p->im->lines[i].known_id == 0;
        p->venues += p->im->lines[i].has_venue;
        p->performers += p->im->lines[i].performer_count;
    }
    int32_t rc = TKT_DONE;
    if (p->events != 0)
        rc = tkt__id_take(store, TKT__ID_EVENT, p->events, &p->event_id);
    if (rc == TKT_DONE && p->venues != 0)
        rc = tkt__id_take(store, TKT__ID_VENUE, p->venues, &p->venue_id);
    if (rc == TKT_DONE && p->performers != 0)
        rc = tkt__id_take(store, TKT__ID_PERFORMER, p->performers, &p->performer_id);
    return rc;
}

static void give_back(const part *p, bool written)
{
    tkt_store *store = p->im->store;
    uint32_t e = written ? p->events_used : 0, v = written ? p->venues_used : 0;
    uint32_t f = written ? p->performers_used : 0;
    if (p->performer_id != 0)
        tkt__id_give_back(store, TKT__ID_PERFORMER, p->performer_id + f, p->performers - f);
    if (p->venue_id != 0)
        tkt__id_give_back(store, TKT__ID_VENUE, p->venue_id + v, p->venues - v);
    if (p->event_id != 0)
        tkt__id_give_back(store, TKT__ID_EVENT, p->event_id + e, p->events - e);
}

static void count_part(const part *p)
{
    tkt_import_stats *s = p->im->stats;
    s->events_added += p->events_used;
    s->events_updated += p->updated;
    s->events_unchanged += p->to - p->from - p->events_used - p->updated;
    s->venues_added += p->venues_used;
    s->performers_added += p->performers_used;
}

static void job_of(part *p, tkt__job *job)
{
    *job = (tkt__job){ .guards = { { TKT__G_CATALOG, 0 } }, .guards_n = 1, .body = write_part, .ctx = p,
                       .status = -TKT_E_INTERNAL };
    for (uint32_t i = p->from; i < p->to; i++)
        if (p->im->lines[i].known_id != 0)
            job->guards[job->guards_n++] = tkt__guard_of(TKT__G_EVENT, p->im->lines[i].known_id);
}

/* Parts that share a commit as far as they fit. The outcome of each is in its job. */
static int32_t run_parts(part *p, uint32_t n, tkt__job *job)
{
    int32_t rc = TKT_DONE;
    uint32_t leased = 0;
    for (uint32_t i = 0; i < n; i++)
        job_of(&p[i], &job[i]);
    for (; rc == TKT_DONE && leased < n; leased++)
        rc = lease(&p[leased]);
    if (rc == TKT_DONE)
        rc = tkt__kv_run_jobs(p->im->store->kv, job, n);
    for (uint32_t i = 0; rc == TKT_DONE && i < n; i++)
        rc = job[i].status;
    for (uint32_t i = 0; i < leased; i++) {
        bool written = leased == n && job[i].status == TKT_DONE;
        give_back(&p[i], written);
        if (written)
            count_part(&p[i]);
    }
    return rc;
}

/* A body's limits are only guessed beforehand (the index writes as much as the words ask for): what is too
 * much for one body goes in halves. */
static int32_t run_alone(importer *im, uint32_t from, uint32_t to)
{
    tkt__job job;
    uint32_t size = to - from;
    while (from < to) {
        part p = { .im = im, .from = from, .to = to - from < size ? to : from + size };
        int32_t rc = run_parts(&p, 1, &job);
        if (tkt_status_primary(rc) == TKT_E_LIMIT && p.to - p.from > 1) {
            size = (size + 1) / 2;
            continue;
        }
        if (rc != TKT_DONE)
            return rc;
        from = p.to;
    }
    return TKT_DONE;
}

/* A part that fails among others is tried by itself: its own answer and reason then reach the caller. */
static int32_t run_lines(part *p, uint32_t n)
{
    tkt__job job[PARTS_TOGETHER];
    int32_t rc = TKT_DONE;
    (void)run_parts(p, n, job); /* each job has its own outcome */
    for (uint32_t i = 0; i < n; i++) {
        rc = job[i].status != TKT_DONE ? run_alone(p[i].im, p[i].from, p[i].to) : TKT_DONE;
        if (rc != TKT_DONE)
            return rc;
    }
    return rc;
}

/* ---- a batch -------------------------------------------------------------------------------------------- */

static void drop_line(importer *im, uint32_t i)
{
    tkt__line_free(&im->lines[i]);
    im->lines[i] = im->lines[--im->count];
}

/* Counts and drops what is there already with the same bytes; notes which of the others are there. */
static int32_t classify(importer *im)
{
    tkt__tx *tx;
    int32_t rc = tkt__kv_read_begin(im->store->kv, &tx);
    if (rc != TKT_DONE)
        return rc;
    for (uint32_t i = 0; rc == TKT_DONE && i < im->count;) {
        tkt__slice old;
        size_t n;
        bool same = false;
        rc = find_event(tx, &im->lines[i], &im->lines[i].known_id, &old);
        if (rc == TKT_DONE && im->lines[i].known_id != 0) {
            int32_t built = build_record(tx, &im->lines[i], old, NULL, im->record, &n);
            same = built == TKT_DONE && tkt__slice_compare(old, tkt__slice_of(im->record, n)) == 0;
            rc = built < 0 ? built : TKT_DONE;
        }
        if (same)
            drop_line(im, i), im->stats->events_unchanged++;
        else
            i++;
    }
    tkt__kv_read_end(tx);
    return rc;
}

/* New ones first, so that parts are of one kind. */
static uint32_t new_to_front(importer *im)
{
    uint32_t front = 0;
    for (uint32_t i = 0; i < im->count; i++)
        if (im->lines[i].known_id == 0) {
            tkt__line line = im->lines[i];
            im->lines[i] = im->lines[front];
            im->lines[front++] = line;
        }
    return front;
}

static uint32_t part_end(const importer *im, uint32_t from, uint32_t news)
{
    uint32_t writes = 0, to = from;
    uint64_t bytes = 0;
    if (from >= news)
        return from + CHANGES_A_BODY < im->count ? from + CHANGES_A_BODY : im->count;
    for (; to < news; to++) {
        const tkt__line *line = &im->lines[to];
        writes += WRITES_AN_EVENT + im->index_writes + WRITES_A_PERFORMER * line->performer_count;
        bytes += 1024 + line->event.description.len + line->event.name.len + line->event.url.len +
                 256 * (uint64_t)line->performer_count;
        if (to > from && (writes > WRITES_A_BODY || bytes > BYTES_A_BODY))
            break;
    }
    return to;
}

static void empty_batch(importer *im)
{
    while (im->count != 0)
        drop_line(im, im->count - 1);
}

static int32_t flush(importer *im)
{
    const tkt__change_hooks *change = &im->store->change;
    int32_t rc = TKT_DONE;
    im->index_writes = change->writes_an_event != NULL ? change->writes_an_event(change->user) : 0;
    for (int tries = 0; rc == TKT_DONE && im->count != 0 && tries < TRIES_MAX; tries++) {
        rc = classify(im);
        uint32_t news = new_to_front(im), from = 0;
        while (rc == TKT_DONE && from < im->count) {
            part p[PARTS_TOGETHER];
            uint32_t n = 0;
            for (; n < PARTS_TOGETHER && from < im->count; n++) {
                p[n] = (part){ .im = im, .from = from, .to = part_end(im, from, news) };
                from = p[n].to;
            }
            rc = run_lines(p, n);
        }
        if (rc == TKT_IN_USE) { /* another import was faster: look again; what is written is unchanged */
            rc = TKT_DONE;
            continue;
        }
        empty_batch(im);
    }
    if (rc == TKT_DONE && im->count != 0)
        rc = tkt__fail(TKT_E_CONFLICT, "others keep importing the same events");
    empty_batch(im);
    if (rc == TKT_DONE && im->in.progress != NULL && im->in.progress(im->in.user, im->stats) != 0)
        rc = tkt__fail(TKT_E_STOPPED, "the host stopped the import");
    return rc;
}

/* ---- dates moved ------------------------------------------------------------------------------------------ */

typedef struct anchor {
    int64_t ms;
} anchor;

static int32_t anchor_body(tkt__tx *tx, void *ctx)
{
    anchor *a = ctx;
    uint8_t bytes[8];
    tkt__slice key = tkt__slice_of(TKT__META_ANCHOR, sizeof TKT__META_ANCHOR - 1), value;
    int32_t rc = tkt__tx_get(tx, TKT__T_META, key, &value);
    if (rc == TKT_DONE) {
        tkt__reader r = tkt__reader_of(value);
        a->ms = tkt__get_i64(&r);
        return r.bad ? tkt__fail(TKT_E_CORRUPT, "the import anchor is malformed") : TKT_EXISTS;
    }
    if (rc != TKT_NOT_FOUND)
        return rc;
    int64_t past = (tkt__tx_now(tx) - MONDAY_MS) % WEEK_MS;
    a->ms = tkt__tx_now(tx) - past + WEEK_MS; /* the Monday after now */
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    tkt__put_i64(&w, a->ms);
    return tkt__tx_put(tx, TKT__T_META, key, tkt__slice_of(bytes, w.n));
}

static int32_t find_anchor(importer *im)
{
    const tkt__guard guard = { TKT__G_STORE, 0 };
    anchor a = { 0 };
    int32_t rc = tkt__store_run(im->store, &guard, 1, 0, anchor_body, &a);
    im->anchor_ms = a.ms;
    return rc == TKT_EXISTS ? TKT_DONE : rc;
}

static bool move_dates(const importer *im, tkt_event *event)
{
    int64_t shift = (int64_t)im->in.shift_weeks * WEEK_MS;
    char text[TKT_INSTANT_TEXT];
    size_t n;
    if (im->in.flags & TKT_IMPORT_SHIFT_AUTO) {
        const int64_t cycle = CYCLE_WEEKS * WEEK_MS;
        int64_t behind = im->anchor_ms - event->start_ms;
        shift = behind > 0 ? (behind + cycle - 1) / cycle * cycle : 0;
    }
    event->start_ms += shift;
    if (event->flags & TKT_EVENT_HAS_END)
        event->end_ms += shift;
    return tkt_instant_format(event->start_ms, event->start_offset_min, 0, text, &n) == TKT_DONE &&
           (!(event->flags & TKT_EVENT_HAS_END) ||
            tkt_instant_format(event->end_ms, event->end_offset_min, 0, text, &n) == TKT_DONE);
}

/* ---- lines --------------------------------------------------------------------------------------------------- */

static int32_t refuse_line(importer *im, const tkt__line_error *error)
{
    tkt_bad_line line = { .size = sizeof line, .line = im->line, .byte = error->byte };
    line.reason = (tkt_text){ error->reason, strlen(error->reason) };
    im->stats->lines_refused++;
    if (im->in.bad_line != NULL && im->in.bad_line(im->in.user, &line) != 0)
        return tkt__fail(TKT_E_STOPPED, "the host stopped the import");
    if (im->in.flags & TKT_IMPORT_STOP_AT_BAD)
        return tkt__fail(TKT_E_PARSE, "line %llu, byte %llu: %s", (unsigned long long)line.line,
                         (unsigned long long)line.byte, error->reason);
    return TKT_DONE;
}

static bool in_batch(const importer *im, tkt_text external)
{
    for (uint32_t i = 0; i < im->count; i++) {
        tkt_text other = im->lines[i].event.external_id;
        if (other.len == external.len && memcmp(other.ptr, external.ptr, external.len) == 0)
            return true;
    }
    return false;
}

/* What the records refuse (too long, out of range) is told of the line, not of the import. */
static bool line_fits(importer *im, const tkt__line *line, tkt__line_error *error)
{
    uint8_t bytes[TKT__ENTITY_RECORD_MAX], key[TKT__KEY_MAX];
    size_t n;
    int32_t rc = tkt__event_encode(&line->event, im->record, TKT__EVENT_RECORD_MAX, &n);
    if (rc == TKT_DONE)
        rc = tkt__event_key(line->event.external_id, key, &n);
    if (rc == TKT_DONE && line->has_venue)
        rc = tkt__venue_encode(&line->venue, bytes, sizeof bytes, &n);
    for (uint32_t i = 0; rc == TKT_DONE && i < line->performer_count; i++)
        rc = tkt__performer_encode(&line->performers[i], bytes, sizeof bytes, &n);
    if (rc == TKT_DONE)
        return true;
    error->byte = 0;
    size_t len = strlen(tkt_error_text());
    len = len < sizeof error->reason ? len : sizeof error->reason - 1;
    memcpy(error->reason, tkt_error_text(), len);
    error->reason[len] = '\0';
    return false;
}

static int32_t end_of_line(importer *im)
{
    tkt__line_error error = { .reason = "the line is too long" };
    int32_t rc = TKT_DONE;
    im->line++;
    if (im->text_n != 0 && im->text[im->text_n - 1] == '\r')
        im->text_n--;
    im->text[im->text_n] = '\0';
    const char *text = im->text;
    size_t n = im->text_n;
    bool too_long = im->too_long;
    im->text_n = 0;
    im->too_long = false;
    if (!im->any && n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3, n -= 3;
    im->any = true;
    if (n == 0 && !too_long)
        return TKT_DONE;
    im->stats->lines++;
    tkt__line *line = &im->lines[im->count];
    if (too_long || !tkt__line_parse(text, n, line, &error))
        return refuse_line(im, &error);
    if (!move_dates(im, &line->event)) {
        tkt__line_free(line);
        memcpy(error.reason, "a date leaves the years 0001 to 9999", 37);
        return refuse_line(im, &error);
    }
    if (!line_fits(im, line, &error)) {
        tkt__line_free(line);
        return refuse_line(im, &error);
    }
    if (in_batch(im, line->event.external_id)) { /* the last one wins: the first is written before it */
        tkt__line later = *line;
        rc = flush(im);
        im->lines[0] = later;
    }
    if (rc != TKT_DONE) {
        tkt__line_free(&im->lines[0]);
        return rc;
    }
    im->count++;
    return im->count == im->size ? flush(im) : TKT_DONE;
}

static int32_t take_bytes(importer *im, const uint8_t *p, size_t n)
{
    int32_t rc = TKT_DONE;
    while (rc == TKT_DONE && n > 0) {
        const uint8_t *end = memchr(p, '\n', n);
        size_t part_n = end != NULL ? (size_t)(end - p) : n;
        size_t room = TKT_IMPORT_LINE_MAX - im->text_n, kept = part_n < room ? part_n : room;
        memcpy(im->text + im->text_n, p, kept);
        im->text_n += kept;
        im->too_long = im->too_long || kept < part_n;
        if (end != NULL)
            rc = end_of_line(im);
        part_n += end != NULL;
        p += part_n;
        n -= part_n;
    }
    return rc;
}

static int32_t read_all(importer *im)
{
    uint8_t buf[READ_BYTES];
    int32_t rc = TKT_DONE;
    while (rc == TKT_DONE) {
        size_t got = 0;
        if (im->in.read(im->in.user, buf, sizeof buf, &got) != 0 || got > sizeof buf)
            return tkt__fail(TKT_E_STOPPED, "reading the lines failed");
        if (got == 0)
            break;
        im->stats->bytes += got;
        rc = take_bytes(im, buf, got);
    }
    if (rc == TKT_DONE && (im->text_n != 0 || im->too_long))
        rc = end_of_line(im);
    return rc == TKT_DONE ? flush(im) : rc;
}

static int32_t import_in(importer *im, const tkt_import *given)
{
    int32_t rc = tkt__struct_in(&im->in, sizeof im->in, given, sizeof im->in, "tkt_import");
    if (rc != TKT_DONE)
        return rc;
    if (im->in.read == NULL || im->in.batch > BATCH_MOST ||
        (im->in.flags & ~(TKT_IMPORT_STOP_AT_BAD | TKT_IMPORT_SHIFT_AUTO)) != 0 ||
        ((im->in.flags & TKT_IMPORT_SHIFT_AUTO) && im->in.shift_weeks != 0))
        return tkt__fail(TKT_E_INVALID, "tkt_import: no reader, an unknown flag, a batch above %u, or "
                                        "SHIFT_AUTO with weeks", BATCH_MOST);
    im->size = im->in.batch != 0 ? im->in.batch : BATCH_DEFAULT;
    return TKT_DONE;
}

int32_t tkt_import_jsonl(tkt_store *store, const tkt_import *import, tkt_import_stats *stats)
{
    tkt_import_stats count = TKT_IMPORT_STATS_INIT;
    importer im = { .store = store, .stats = &count };
    int32_t rc = tkt__store_writable(store);
    if (rc == TKT_DONE)
        rc = import_in(&im, import);
    if (rc != TKT_DONE)
        return rc;
    const tkt_hooks *h = &store->hooks;
    im.lines = tkt__alloc(h, im.size * sizeof *im.lines);
    im.record = tkt__alloc(h, TKT__EVENT_RECORD_MAX);
    im.text = tkt__alloc(h, TKT_IMPORT_LINE_MAX + 1);
    if (im.lines == NULL || im.record == NULL || im.text == NULL)
        rc = tkt__fail(TKT_E_NOMEM, "no memory for an import");
    if (rc == TKT_DONE && (im.in.flags & TKT_IMPORT_SHIFT_AUTO))
        rc = find_anchor(&im);
    if (rc == TKT_DONE)
        rc = read_all(&im);
    if (im.lines != NULL)
        empty_batch(&im);
    tkt__free(h, im.text, TKT_IMPORT_LINE_MAX + 1);
    tkt__free(h, im.record, TKT__EVENT_RECORD_MAX);
    tkt__free(h, im.lines, im.size * sizeof *im.lines);
    if (stats != NULL) {
        int32_t out = tkt__struct_out(stats, &count, sizeof count, sizeof count, "tkt_import_stats");
        rc = rc == TKT_DONE ? out : rc;
    }
    return rc;
}
