/* SPDX-License-Identifier: MIT
 *
 * tests/search/model.c: a random catalogue: few words, so that everything collides.
 */
#include "model.h"

#include <ftw.h>
#include <unistd.h>

#define DAY INT64_C(86400000)

static const char *const pool[] = {
    "rock", "Jazz", "jàzz", "rocker", "rocking", "Symphony", "symphonie", "Beethoven", "Björk", "O'Brien", "AC/DC",
    "C++", "c", "東京", "京都", "コンサート", "Москва", "2024", "24", "a", "the", "of", "x", "Étienne", "Saint-Étienne",
    "night", "nights", "knight", "Straße", "strasse", "festival", "festivals", "Festspiel", "orchestra", "orchestras",
    "R&B", "Guns N' Roses", "live", "life", "love", "lover", "glove", "Grand", "Grande", "brand", "opera", "operas",
    "Łódź", "lodz", "fußball", "football", "foot", "ball", "ball,", "(live)", "re-mix", "F#", "Ωmega", "omega", "quartet",
};
#define POOL (sizeof pool / sizeof pool[0])

const char *const model_cities[6] = { "Köln", "koln", "New York", "東京", "São Paulo", "" };
const char *const model_countries[3] = { "DE", "US", "" };
const char *const model_categories[6] = { "Music", "music", "Sport", "Théâtre", "R&B", "" };
static const char *const types[3] = { "MusicEvent", "Sport", "" };
static const char *const languages[4] = { "", "en", "de", "xx" };
static const char *const currencies[4] = { "EUR", "USD", "JPY", "KWD" };

/* ---- chance ----------------------------------------------------------------------------------------------- */

uint32_t draw(model *m, uint32_t below)
{
    uint64_t x = m->random += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((x ^ (x >> 31)) % below);
}

bool chance(model *m, uint32_t per_cent) { return draw(m, 100) < per_cent; }

/* Zipf-like: the first ones far more often. */
const char *model_word(model *m)
{
    uint32_t n = (uint32_t)POOL;
    for (int i = 0; i < 2 && n > 1; i++)
        n = 1 + draw(m, n);
    return pool[n - 1];
}

void model_text(model *m, char *out, uint32_t words)
{
    static const char *const between[4] = { " ", " ", ", ", " - " };
    size_t n = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < words && n < TEXT_MAX - 40; i++)
        n += (size_t)snprintf(out + n, TEXT_MAX - n, "%s%s", i > 0 ? between[draw(m, 4)] : "", model_word(m));
}

static tkt_text T(const char *text) { return (tkt_text){ text, strlen(text) }; }

/* Civil date to days: H. Hinnant, "chrono-compatible low-level date algorithms". */
int64_t epoch_ms(int year, int month, int day)
{
    int64_t y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1, doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return (era * 146097 + doe - 719468) * DAY;
}

/* ---- the store ----------------------------------------------------------------------------------------------- */

static int64_t wall(void *user) { return ((model *)user)->now_ms; }
static int64_t monotonic(void *user) { return ((model *)user)->now_ms - INT64_C(1800000000000); }

static void open_store(model *m, bool indexed)
{
    tkt_options *options;
    tkt_hooks hooks = TKT_HOOKS_INIT;
    hooks.user = m;
    hooks.wall_ms = wall;
    hooks.monotonic_ms = monotonic;
    OK(tkt_options_new(&options));
    OK(tkt_options_set_create(options, 1));
    OK(tkt_options_set_map_bytes(options, UINT64_C(1) << 29));
    OK(tkt_options_set_index(options, indexed));
    OK(tkt_options_set_hooks(options, &hooks));
    OK(tkt_store_open(m->path, strlen(m->path), options, &m->store));
    tkt_options_free(options);
}

void model_open(model *m, uint64_t seed, bool indexed)
{
    posting *kept = m->posting;
    size_t room = m->room;
    memset(m, 0, sizeof *m);
    m->posting = kept;
    m->room = room;
    m->random = seed;
    m->now_ms = INT64_C(1900000000000);
    strcpy(m->dir, "/tmp/tkt-oracle-XXXXXX");
    MUST(mkdtemp(m->dir) != NULL);
    snprintf(m->path, sizeof m->path, "%s/store", m->dir);
    open_store(m, indexed);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

void model_close(model *m)
{
    tkt_store_close(m->store);
    nftw(m->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int32_t show(void *user, const tkt_problem *problem)
{
    (void)user;
    fprintf(stderr, "%.*s: %.*s\n", (int)problem->rule.len, problem->rule.ptr, (int)problem->text.len,
            problem->text.ptr);
    return 0;
}

void model_check(model *m)
{
    uint64_t problems;
    OK(tkt_check(m->store, show, NULL, &problems));
    MUST(problems == 0);
}

/* ---- owners ----------------------------------------------------------------------------------------------------- */

static void dress_venue(model *m, owner *o)
{
    if (chance(m, 15))
        o->name[0] = '\0';
    else
        snprintf(o->name, sizeof o->name, "%s %s", model_word(m), model_word(m));
    strcpy(o->city, model_cities[draw(m, 6)]);
    strcpy(o->country, model_countries[draw(m, 3)]);
    o->placed = chance(m, 75);
    o->latitude_e7 = (int32_t)draw(m, 1800000001u) - 900000000;
    o->longitude_e7 = (int32_t)((int64_t)draw(m, 3600000001u) - 1800000000);
    if (chance(m, 60)) { /* near one another */
        o->latitude_e7 = 500000000 + (int32_t)draw(m, 20000000);
        o->longitude_e7 = 1795000000 + (int32_t)draw(m, 5000000);
    }
}

static int32_t put_venue(model *m, owner *o)
{
    tkt_venue v = TKT_VENUE_INIT;
    tkt_created made = TKT_CREATED_INIT;
    v.id = o->id;
    v.name = T(o->name);
    v.city = T(o->city);
    v.country = T(o->country);
    v.latitude_e7 = o->placed ? o->latitude_e7 : TKT_GEO_NONE;
    v.longitude_e7 = o->placed ? o->longitude_e7 : 0;
    if (o->id != 0)
        return tkt_venue_update(m->store, &v, 0);
    int32_t status = tkt_venue_create(m->store, &v, NULL, 0, &made);
    o->id = made.id;
    return status;
}

static int32_t put_performer(model *m, owner *o)
{
    tkt_performer p = TKT_PERFORMER_INIT;
    tkt_created made = TKT_CREATED_INIT;
    p.id = o->id;
    p.name = T(o->name);
    if (o->id != 0)
        return tkt_performer_update(m->store, &p, 0);
    int32_t status = tkt_performer_create(m->store, &p, NULL, 0, &made);
    o->id = made.id;
    return status;
}

void model_owners(model *m)
{
    while (m->venues < 12) {
        owner *o = &m->venue[m->venues];
        o->id = 0;
        dress_venue(m, o);
        if (put_venue(m, o) == TKT_DONE)
            m->venues++;
    }
    while (m->performers < 15) {
        owner *o = &m->performer[m->performers];
        o->id = 0;
        snprintf(o->name, sizeof o->name, "%s %s", model_word(m), chance(m, 60) ? model_word(m) : "");
        if (put_performer(m, o) == TKT_DONE)
            m->performers++;
    }
}

static void rename_owner(model *m)
{
    if (chance(m, 50)) {
        owner *o = &m->venue[draw(m, m->venues)], changed = *o;
        dress_venue(m, &changed);
        if (put_venue(m, &changed) == TKT_DONE)
            *o = changed;
    } else {
        owner *o = &m->performer[draw(m, m->performers)], changed = *o;
        snprintf(changed.name, sizeof changed.name, "%s %s", model_word(m), model_word(m));
        if (put_performer(m, &changed) == TKT_DONE)
            *o = changed;
    }
}

/* ---- events ------------------------------------------------------------------------------------------------------- */

static void dress_dates(model *m, event *e)
{
    static const int64_t spans[8] = { 0, 1, 3600000, 2 * DAY, 5 * DAY, 40 * DAY, 200 * DAY, 900 * DAY };
    uint32_t kind = draw(m, 100);
    e->start_ms = epoch_ms(2027, 1, 1) + (int64_t)draw(m, kind < 40 ? 3 : 700) * DAY + draw(m, 86400) * INT64_C(1000);
    if (kind >= 94)
        e->start_ms = epoch_ms(1850 + (int)draw(m, 150), 1 + (int)draw(m, 12), 1) + draw(m, 1000);
    else if (kind >= 92)
        e->start_ms = epoch_ms(2095 + (int)draw(m, 20), 5, 1);
    e->date_only = chance(m, 10);
    if (e->date_only)
        e->start_ms -= ((e->start_ms % DAY) + DAY) % DAY;
    e->has_end = chance(m, 60);
    e->end_ms = e->start_ms + spans[draw(m, 8)];
    e->end_date_only = e->has_end && chance(m, e->date_only ? 80 : 10);
    if (e->end_date_only)
        e->end_ms -= ((e->end_ms % DAY) + DAY) % DAY;
}

static void dress_prices(model *m, event *e)
{
    static const int64_t minors[7] = { 0, 1, 99, 2500, 2500, 9999, INT64_C(5000000000) };
    e->priced = chance(m, 70);
    e->minor = e->priced ? minors[draw(m, 7)] : 0;
    strcpy(e->currency, e->priced ? currencies[draw(m, 4)] : "");
}

static void dress(model *m, event *e)
{
    model_text(m, e->name, 1 + draw(m, 5));
    model_text(m, e->description, draw(m, 12));
    strcpy(e->category, model_categories[draw(m, 6)]);
    strcpy(e->type, types[draw(m, 3)]);
    strcpy(e->language, languages[draw(m, 4)]);
    e->venue = chance(m, 90) ? 1 + draw(m, m->venues) : 0;
    e->performers = 0;
    for (uint32_t i = draw(m, 4); i > 0; i--) {
        uint32_t p = draw(m, m->performers);
        bool twice = false;
        for (uint32_t k = 0; k < e->performers; k++)
            twice = twice || e->performer[k] == p;
        if (!twice)
            e->performer[e->performers++] = p;
    }
    dress_dates(m, e);
    dress_prices(m, e);
}

static void put_event(model *m, event *e)
{
    tkt_event v = { .size = sizeof v };
    tkt_created made = TKT_CREATED_INIT;
    uint64_t performers[4];
    for (uint32_t i = 0; i < e->performers; i++)
        performers[i] = m->performer[e->performer[i]].id;
    v.id = e->id;
    v.name = T(e->name);
    v.description = T(e->description);
    v.category = T(e->category);
    v.type = T(e->type);
    v.language = T(e->language);
    v.venue_id = e->venue == 0 ? 0 : m->venue[e->venue - 1].id;
    v.performer_count = e->performers;
    v.performer_ids = performers;
    v.start_ms = e->start_ms;
    v.end_ms = e->has_end ? e->end_ms : 0;
    v.flags = (e->has_end ? TKT_EVENT_HAS_END : 0) | (e->date_only ? TKT_EVENT_START_DATE_ONLY : 0) |
              (e->end_date_only ? TKT_EVENT_END_DATE_ONLY : 0) |
              (e->priced ? TKT_EVENT_HAS_PRICE : 0);
    v.price_minor = e->minor;
    strcpy(v.currency, e->currency);
    if (e->id != 0) {
        OK(tkt_event_update(m->store, &v, 0));
        return;
    }
    OK(tkt_event_create(m->store, &v, NULL, 0, &made));
    e->id = made.id;
}

void model_add(model *m)
{
    if (m->events == EVENTS_MAX)
        return;
    event *e = &m->event[m->events++];
    memset(e, 0, sizeof *e);
    dress(m, e);
    put_event(m, e);
    e->there = true;
    m->live++;
    if (!chance(m, 40))
        return;
    OK(tkt_event_set_area(m->store, e->id, T("Floor"), PLACES, 0, &e->area_id));
    if (!chance(m, 40))
        return;
    e->area_priced = true;
    e->area_minor = 1 + draw(m, 4000);
    strcpy(e->area_currency, currencies[draw(m, 4)]);
    OK(tkt_event_set_price(m->store, e->id, TKT_SCOPE_AREA, e->area_id, e->area_minor, e->area_currency, 0));
}

uint32_t model_any(model *m)
{
    if (m->live == 0)
        return EVENTS_MAX;
    for (;;) {
        uint32_t i = draw(m, m->events);
        if (m->event[i].there)
            return i;
    }
}

/* ---- bookings: an event's place is booked or given back, one booking each ------------------------------------------ */

static void book(model *m, event *e, uint32_t n)
{
    tkt_reserve_request want = { .size = sizeof want, .event_id = e->id, .area_id = e->area_id, .quantity = 1 };
    for (; n > 0 && e->booked < PLACES; n--) {
        tkt_hold hold = { .size = sizeof hold };
        tkt_confirm_request pay = { .size = sizeof pay };
        tkt_booking booking = { .size = sizeof booking };
        OK(tkt_reserve(m->store, &want, &hold));
        memcpy(pay.token, hold.token, sizeof pay.token);
        pay.flags = TKT_MONEY_TAKEN;
        OK(tkt_confirm(m->store, &pay, &booking));
        e->booking[e->booked++] = booking.id;
    }
}

static void unbook(model *m, event *e)
{
    tkt_booking_request away = { .size = sizeof away };
    tkt_booking booking = { .size = sizeof booking };
    if (e->booked == 0)
        return;
    away.booking_id = e->booking[e->booked - 1];
    OK(tkt_cancel(m->store, &away, &booking));
    e->booked--;
}

/* ---- one change --------------------------------------------------------------------------------------------------------- */

void model_change(model *m, bool renames)
{
    uint32_t kind = draw(m, 100), at = model_any(m);
    uint32_t done;
    event *e = at < EVENTS_MAX ? &m->event[at] : NULL;
    if (e == NULL || kind < 30) {
        model_add(m);
    } else if (kind < 45) {
        dress(m, e);
        put_event(m, e);
    } else if (kind < 55) {
        dress_dates(m, e);
        put_event(m, e);
    } else if (kind < 60) {
        int64_t by = chance(m, 50) ? 60000 : -60000;
        bool by_the_day = e->date_only || e->end_date_only;
        e->start_ms += by_the_day ? 0 : by;
        e->end_ms += by_the_day ? 0 : by;
        put_event(m, e);
    } else if (kind < 68) {
        if (tkt_event_delete(m->store, e->id, NULL, 0) == TKT_DONE) {
            e->there = false;
            m->live--;
        }
    } else if (kind < 74) {
        dress_prices(m, e);
        put_event(m, e);
    } else if (kind < 88) {
        if (e->area_id != 0)
            book(m, e, chance(m, 50) ? PLACES : 1 + draw(m, 3));
    } else if (kind < 94) {
        unbook(m, e);
    } else if (renames)
        rename_owner(m);
    if (chance(m, 10))
        OK(tkt_tick(m->store, 0, &done));
    m->now_ms += 1000;
}
