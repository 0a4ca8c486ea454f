/* SPDX-License-Identifier: MIT
 *
 * ticketing/catalog.h: what there is to sell: venues, performers, users, events; charts and areas,
 * prices, sale windows, limits; lists; import of schema.org/Event lines.
 *
 * Records come in and go out as the same struct. On the way out, texts point into the snapshot and
 * live until it ends or is renewed (`…_view`), or into the caller's buffer (`…_copy`).
 * Creating calls carry an idempotency key; whole-record updates and setters repeat safely without.
 */
#ifndef TICKETING_CATALOG_H
#define TICKETING_CATALOG_H

#include <ticketing/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Longest texts, bytes. -TKT_E_LIMIT past them. */
#define TKT_NAME_MAX 1024
#define TKT_DESCRIPTION_MAX 16384
#define TKT_EXTERNAL_MAX 400
#define TKT_SHORT_MAX 256       /* city, country, category, type, language, labels, … */
#define TKT_URL_MAX 2048
#define TKT_PERFORMERS_MAX 64   /* performers of one event */

/* What every creating call answers. */
typedef struct tkt_created {
    uint32_t size;
    uint32_t replayed; /* 1: this key made it before */
    uint64_t id;
} tkt_created;
#define TKT_CREATED_INIT { (uint32_t)sizeof(tkt_created), 0, 0 }

/* ---- venues ------------------------------------------------------------------------------------- */

#define TKT_GEO_NONE INT32_MIN /* latitude_e7 of a place whose position is not known */

typedef struct tkt_venue {
    uint32_t size;
    int32_t latitude_e7;   /* degrees × 10^7, or TKT_GEO_NONE */
    int32_t longitude_e7;
    uint32_t reserved;
    uint64_t id;
    tkt_text name;         /* may be empty: "the city" */
    tkt_text city;
    tkt_text region;
    tkt_text country;      /* ISO 3166-1 alpha-2 as given */
    tkt_text street;
    tkt_text postal_code;
} tkt_venue;
#define TKT_VENUE_INIT { (uint32_t)sizeof(tkt_venue), TKT_GEO_NONE, 0, 0, 0, { NULL, 0 }, { NULL, 0 }, { NULL, 0 }, { NULL, 0 }, { NULL, 0 }, { NULL, 0 } }
TKT_API void tkt_venue_init(tkt_venue *venue);

/* Makes a venue. A venue is found by folded name + city + country (case, accents and width do not
 * count): TKT_EXISTS with the cause's id when there is one. venue->id must be 0. key: 16 bytes or
 * NULL (the library draws one). flags: TKT_DRY_RUN. Failures: INVALID, LIMIT, FULL, IO, … Since 0.1. */
TKT_API int32_t tkt_venue_create(tkt_store *store, const tkt_venue *venue, const uint8_t *key, uint32_t flags, tkt_created *created);
/* Replaces the whole record venue->id. TKT_NOT_FOUND; TKT_EXISTS when the new key is another's. */
TKT_API int32_t tkt_venue_update(tkt_store *store, const tkt_venue *venue, uint32_t flags);
/* TKT_IN_USE while events or charts name it. */
TKT_API int32_t tkt_venue_delete(tkt_store *store, uint64_t id, const uint8_t *key, uint32_t flags);
/* One venue by its id. TKT_NOT_FOUND. */
TKT_API int32_t tkt_venue_view(tkt_snapshot *snapshot, uint64_t id, tkt_venue *venue);
/* As view, with the texts in buf. *needed is always set; -TKT_E_LIMIT when cap is smaller. */
TKT_API int32_t tkt_venue_copy(tkt_snapshot *snapshot, uint64_t id, tkt_venue *venue, char *buf, size_t cap, size_t *needed);
/* By folded name + city + country. TKT_NOT_FOUND. */
TKT_API int32_t tkt_venue_find(tkt_snapshot *snapshot, tkt_text name, tkt_text city, tkt_text country, uint64_t *id);

/* ---- performers ----------------------------------------------------------------------------------- */

typedef struct tkt_performer {
    uint32_t size;
    uint32_t reserved;
    uint64_t id;
    tkt_text name;  /* its folded form is its key */
    tkt_text type;  /* "Person", "MusicGroup", "SportsTeam", … as given */
} tkt_performer;
#define TKT_PERFORMER_INIT { (uint32_t)sizeof(tkt_performer), 0, 0, { NULL, 0 }, { NULL, 0 } }
TKT_API void tkt_performer_init(tkt_performer *performer);
/* As the venue calls. */
TKT_API int32_t tkt_performer_create(tkt_store *store, const tkt_performer *performer, const uint8_t *key, uint32_t flags, tkt_created *created);
/* Replaces the whole record performer->id. TKT_NOT_FOUND; TKT_EXISTS when the name is another's. */
TKT_API int32_t tkt_performer_update(tkt_store *store, const tkt_performer *performer, uint32_t flags);
/* TKT_NOT_FOUND; TKT_IN_USE while an event names it. key and flags as at create. */
TKT_API int32_t tkt_performer_delete(tkt_store *store, uint64_t id, const uint8_t *key, uint32_t flags);
/* One performer by its id. TKT_NOT_FOUND. */
TKT_API int32_t tkt_performer_view(tkt_snapshot *snapshot, uint64_t id, tkt_performer *performer);
/* Likewise, into the caller's buffer. */
TKT_API int32_t tkt_performer_copy(tkt_snapshot *snapshot, uint64_t id, tkt_performer *performer, char *buf, size_t cap, size_t *needed);
/* By folded name. TKT_NOT_FOUND. */
TKT_API int32_t tkt_performer_find(tkt_snapshot *snapshot, tkt_text name, uint64_t *id);

/* ---- users ---------------------------------------------------------------------------------------- */

typedef struct tkt_user {
    uint32_t size;
    uint32_t erased;    /* out: 1 after tkt_user_delete: the texts are gone, bookings stand */
    uint64_t id;
    tkt_text external;  /* the host's own name of the user, unique; may be empty */
    tkt_text name;
    tkt_text email;
    tkt_text address;
} tkt_user;
#define TKT_USER_INIT { (uint32_t)sizeof(tkt_user), 0, 0, { NULL, 0 }, { NULL, 0 }, { NULL, 0 }, { NULL, 0 } }
TKT_API void tkt_user_init(tkt_user *user);
/* Makes a user. user->id must be 0. TKT_EXISTS when `external` is another's. key: 16 bytes or NULL. flags:
 * TKT_DRY_RUN. */
TKT_API int32_t tkt_user_create(tkt_store *store, const tkt_user *user, const uint8_t *key, uint32_t flags, tkt_created *created);
/* Replaces the whole record user->id. TKT_NOT_FOUND (also when erased); TKT_EXISTS as at create. */
TKT_API int32_t tkt_user_update(tkt_store *store, const tkt_user *user, uint32_t flags);
/* Erases the person and keeps the ledger whole. (Logical: freed pages and backups keep bytes until a
 * compacting copy.) TKT_NOT_FOUND when there is none or it is erased already. */
TKT_API int32_t tkt_user_delete(tkt_store *store, uint64_t id, const uint8_t *key, uint32_t flags);
/* One user by its id, also an erased one (its texts are empty). TKT_NOT_FOUND. */
TKT_API int32_t tkt_user_view(tkt_snapshot *snapshot, uint64_t id, tkt_user *user);
/* Likewise, into the caller's buffer. */
TKT_API int32_t tkt_user_copy(tkt_snapshot *snapshot, uint64_t id, tkt_user *user, char *buf, size_t cap, size_t *needed);
/* By the host's own name, byte for byte. TKT_NOT_FOUND. */
TKT_API int32_t tkt_user_find(tkt_snapshot *snapshot, tkt_text external, uint64_t *id);

/* ---- events --------------------------------------------------------------------------------------- */

#define TKT_EVENT_SCHEDULED UINT32_C(1)
#define TKT_EVENT_POSTPONED UINT32_C(2)   /* date unknown: not on sale */
#define TKT_EVENT_RESCHEDULED UINT32_C(3) /* on sale */
#define TKT_EVENT_CANCELLED UINT32_C(4)   /* not on sale; the end */

#define TKT_EVENT_START_DATE_ONLY UINT32_C(1) /* start_ms is 00:00Z of a plain date */
#define TKT_EVENT_HAS_END UINT32_C(2)
#define TKT_EVENT_END_DATE_ONLY UINT32_C(4)
#define TKT_EVENT_HAS_PRICE UINT32_C(8)       /* an offer was given: price_minor, currency count */

typedef struct tkt_event {
    uint32_t size;
    uint32_t status;             /* TKT_EVENT_…; 0 in: scheduled */
    uint64_t id;
    uint64_t venue_id;           /* 0: none */
    int64_t start_ms;
    int64_t end_ms;              /* with HAS_END */
    int32_t start_offset_min;    /* the place's offset as given */
    int32_t end_offset_min;
    uint32_t flags;
    uint32_t performer_count;
    int64_t price_minor;         /* of a place with no price of its own */
    int64_t price_high_minor;    /* as given for display; 0: none */
    char currency[TKT_CURRENCY_BYTES];
    uint32_t reserved;
    tkt_text external_id;        /* unique; may be empty */
    tkt_text name;
    tkt_text description;
    tkt_text type;               /* schema.org type, "MusicEvent" */
    tkt_text category;
    tkt_text language;
    tkt_text url;
    const uint64_t *performer_ids; /* in: performer_count ids; out: NULL, see tkt_event_performer */
    const void *record;          /* out: for tkt_event_performer; in: not looked at */
} tkt_event;
TKT_API void tkt_event_init(tkt_event *event);

/* As the venue calls; also TKT_NOT_FOUND when the venue or a performer is not there, TKT_EXISTS when
 * the external id is another's. A fresh event without offer costs 0 with no currency, has no window
 * (always open) and no places until it gets a chart or an area. */
TKT_API int32_t tkt_event_create(tkt_store *store, const tkt_event *event, const uint8_t *key, uint32_t flags, tkt_created *created);
/* Replaces the whole descriptive record (status included); charts, areas, prices, windows and limits
 * stay. Holds made keep their locked prices. */
TKT_API int32_t tkt_event_update(tkt_store *store, const tkt_event *event, uint32_t flags);
TKT_API int32_t tkt_event_set_status(tkt_store *store, uint64_t id, uint32_t status, uint32_t flags);
/* TKT_IN_USE while it has live holds or any booking: cancel it instead. */
TKT_API int32_t tkt_event_delete(tkt_store *store, uint64_t id, const uint8_t *key, uint32_t flags);
/* Zero-copy: one lookup, no allocation, no lock. */
TKT_API int32_t tkt_event_view(tkt_snapshot *snapshot, uint64_t id, tkt_event *event);
/* Likewise, into the caller's buffer. */
TKT_API int32_t tkt_event_copy(tkt_snapshot *snapshot, uint64_t id, tkt_event *event, char *buf, size_t cap, size_t *needed);
/* Performer `index` (0…performer_count−1) of a viewed or copied event. TKT_NOT_FOUND past the last. */
TKT_API int32_t tkt_event_performer(const tkt_event *event, uint32_t index, uint64_t *id);
/* By its external id, byte for byte. TKT_NOT_FOUND. */
TKT_API int32_t tkt_event_find(tkt_snapshot *snapshot, tkt_text external_id, uint64_t *id);
/* The event's last feed sequence number: 0 when nothing happened under it yet. */
TKT_API int32_t tkt_event_seq(tkt_snapshot *snapshot, uint64_t id, uint64_t *seq);

/* ---- lists ------------------------------------------------------------------------------------------ */

#define TKT_LIST_ALL UINT32_C(0)
#define TKT_LIST_VENUE UINT32_C(1)
#define TKT_LIST_PERFORMER UINT32_C(2)
#define TKT_LIST_FROM UINT32_C(1) /* flag: from_ms counts (inclusive, on the start instant) */
#define TKT_LIST_TO UINT32_C(2)   /* flag: to_ms counts (exclusive) */
#define TKT_LIST_PAGE_MAX UINT32_C(1000)
#define TKT_CURSOR_BYTES 16

/* A place in a list: opaque bytes that survive inserts, deletes and restarts. All zeros: the start. */
typedef struct tkt_cursor {
    uint8_t bytes[TKT_CURSOR_BYTES];
} tkt_cursor;

typedef struct tkt_event_list {
    uint32_t size;
    uint32_t by;      /* TKT_LIST_… */
    uint64_t owner;   /* venue or performer id */
    int64_t from_ms, to_ms;
    uint32_t flags;
    uint32_t reserved;
    tkt_cursor after; /* resume behind it; all zeros: from the start */
} tkt_event_list;
#define TKT_EVENT_LIST_INIT { (uint32_t)sizeof(tkt_event_list), 0, 0, 0, 0, 0, 0, { { 0 } } }
TKT_API void tkt_event_list_init(tkt_event_list *list);
/* Fills ids with at most cap (1…TKT_LIST_PAGE_MAX) events in order of (start, id); *count gets how
 * many; *more 1 when there are further ones, and then *next is the cursor behind the last given.
 * TKT_DONE also when empty. -TKT_E_INVALID: window reversed, cursor malformed. */
TKT_API int32_t tkt_event_list_page(tkt_snapshot *snapshot, const tkt_event_list *list, uint64_t *ids, uint32_t cap,
                                    uint32_t *count, tkt_cursor *next, int32_t *more);

/* ---- charts ----------------------------------------------------------------------------------------- */

/* A chart under construction: sections → rows → seats, and general-admission areas. */
typedef struct tkt_chart tkt_chart;

#define TKT_SEAT_LINK UINT32_C(1)        /* true neighbour of the next seat of its row */
#define TKT_SEAT_ACCESSIBLE UINT32_C(2)
#define TKT_SEAT_COMPANION UINT32_C(4)
#define TKT_SEAT_RESTRICTED_VIEW UINT32_C(8)
#define TKT_CHART_SEATS_MAX UINT32_C(200000)
#define TKT_CHART_SECTIONS_MAX UINT32_C(2000)
#define TKT_CHART_AREAS_MAX UINT32_C(100)

/* An empty chart in memory, the caller's until tkt_chart_free. It is built section by section, row by
 * row, seat by seat; parts are added to the last section and the last row. */
TKT_API int32_t tkt_chart_new(tkt_chart **chart);
TKT_API void tkt_chart_free(tkt_chart *chart);
/* Seats go into the row added last, rows into the section added last. -TKT_E_INVALID: no section or
 * row yet, a name twice, bad UTF-8; LIMIT. Positions in thousandths of the plan's unit. */
TKT_API int32_t tkt_chart_add_section(tkt_chart *chart, tkt_text name);
TKT_API int32_t tkt_chart_add_row(tkt_chart *chart, tkt_text name);
TKT_API int32_t tkt_chart_add_seat(tkt_chart *chart, tkt_text label, int32_t x_milli, int32_t y_milli, uint32_t attributes);
TKT_API int32_t tkt_chart_add_area(tkt_chart *chart, tkt_text name, uint32_t capacity);
/* Sets the neighbour links of every row from positions: consecutive seats at most 1.5 × the row's
 * median pitch apart. */
TKT_API int32_t tkt_chart_link_by_pitch(tkt_chart *chart);
/* Reads {"venue":…,"sections":[{"name","rows":[{"name","seats":[{"label","x","y","link"?,"attributes"?}]}]}],
 * "ga":[{"name","capacity"}]}; links by pitch when no seat has "link". -TKT_E_PARSE with the byte. */
TKT_API int32_t tkt_chart_parse_json(tkt_chart *chart, const char *text, size_t len);

/* Stores a version of a chart of a venue (0: of no venue). chart_id 0 in *chart_id makes a new chart;
 * else the next version of that one, in which a seat of the same section, row and label keeps its
 * unit number, also one that some of the 64 versions before left out. Visible only when whole; large ones take several commits. */
TKT_API int32_t tkt_chart_put(tkt_store *store, uint64_t venue_id, const tkt_chart *chart, uint64_t *chart_id, uint32_t *version);
/* Pins a version to an event; its areas become the event's. TKT_IN_USE when a seat or area with a live
 * hold or booking would vanish. Repeats safely. */
TKT_API int32_t tkt_event_set_chart(tkt_store *store, uint64_t event_id, uint64_t chart_id, uint32_t version, uint32_t flags);

/* ---- sale facts of an event --------------------------------------------------------------------------- */

#define TKT_AREAS_MAX UINT32_C(100)   /* general-admission areas of an event */
#define TKT_PRICES_MAX UINT32_C(200)  /* price levels of an event */
#define TKT_WINDOWS_MAX UINT32_C(8)

/* Adds an area, or changes the capacity of the one of that name (TKT_IN_USE below what is taken). */
TKT_API int32_t tkt_event_set_area(tkt_store *store, uint64_t event_id, tkt_text name, uint32_t capacity, uint32_t flags, uint32_t *area_id);

#define TKT_SCOPE_EVENT UINT32_C(0)
#define TKT_SCOPE_SECTION UINT32_C(1)
#define TKT_SCOPE_AREA UINT32_C(2)
/* Finds a section or area of the event by name (an area first). TKT_NOT_FOUND. */
TKT_API int32_t tkt_scope_find(tkt_snapshot *snapshot, uint64_t event_id, tkt_text name, uint32_t *scope, uint32_t *scope_id);
/* Sets the price of a section, an area or the event at large. amount 0 is free; 0…2^53−1. All prices of an event may
 * differ in currency, but one reservation has one currency. */
TKT_API int32_t tkt_event_set_price(tkt_store *store, uint64_t event_id, uint32_t scope, uint32_t scope_id, int64_t minor, const char *currency, uint32_t flags);

typedef struct tkt_window {
    int64_t opens_ms;  /* inclusive; INT64_MIN: since ever */
    int64_t closes_ms; /* exclusive; INT64_MAX: never */
} tkt_window;
/* Replaces the sale windows; none: always open. On sale while inside any of them. */
TKT_API int32_t tkt_event_set_windows(tkt_store *store, uint64_t event_id, const tkt_window *windows, uint32_t count, uint32_t flags);
/* Places one buyer key may hold and have booked together; 0: no limit. */
TKT_API int32_t tkt_event_set_limit(tkt_store *store, uint64_t event_id, uint32_t per_buyer, uint32_t flags);

typedef struct tkt_sale {
    uint32_t size;
    uint32_t per_buyer;
    uint64_t chart_id;
    uint32_t chart_version;
    uint32_t windows, areas, prices; /* how many of each */
    uint32_t seats;                  /* seats of the pinned chart */
    uint32_t reserved;
} tkt_sale;
#define TKT_SALE_INIT { (uint32_t)sizeof(tkt_sale), 0, 0, 0, 0, 0, 0, 0, 0 }
/* Chart, limit, and how many windows, areas and prices an event has. TKT_NOT_FOUND: no such event. */
TKT_API int32_t tkt_sale_view(tkt_snapshot *snapshot, uint64_t event_id, tkt_sale *sale);
/* Window `index` (0…). TKT_NOT_FOUND past the last. */
TKT_API int32_t tkt_sale_window(tkt_snapshot *snapshot, uint64_t event_id, uint32_t index, tkt_window *window);

typedef struct tkt_price {
    uint32_t size;
    uint32_t scope, scope_id; /* TKT_SCOPE_… */
    char currency[TKT_CURRENCY_BYTES]; /* all zeros with 0: free */
    int64_t minor;
    tkt_text name; /* of the section or area; lives in the snapshot */
} tkt_price;
#define TKT_PRICE_INIT { (uint32_t)sizeof(tkt_price), 0, 0, { 0 }, 0, { NULL, 0 } }
/* Price `index` (0…): first that of the event at large (its record's until one is set), then those set
 * for sections and areas. TKT_NOT_FOUND past the last. */
TKT_API int32_t tkt_sale_price(tkt_snapshot *snapshot, uint64_t event_id, uint32_t index, tkt_price *price);

/* The price of a unit or an area. TKT_NOT_FOUND: no such place. currency all zeros with 0: free. */
TKT_API int32_t tkt_price_of_unit(tkt_snapshot *snapshot, uint64_t event_id, uint32_t unit, int64_t *minor, char currency[TKT_CURRENCY_BYTES]);
TKT_API int32_t tkt_price_of_area(tkt_snapshot *snapshot, uint64_t event_id, uint32_t area_id, int64_t *minor, char currency[TKT_CURRENCY_BYTES]);

/* ---- the plan of an event's hall ------------------------------------------------------------------------ */

/* A decoded chart: owned by the caller, independent of the snapshot, immutable, any thread. */
typedef struct tkt_plan tkt_plan;

typedef struct tkt_seat {
    uint32_t size;
    uint32_t unit;       /* block << 6 | position; never 0 */
    uint32_t section;    /* section id (stable over versions) */
    uint32_t section_index, row_index; /* in the plan's order */
    int32_t x_milli, y_milli;
    uint32_t attributes; /* TKT_SEAT_… */
    tkt_text section_name, row, label; /* live as long as the plan */
} tkt_seat;

/* TKT_NOT_FOUND when the event has no chart. */
TKT_API int32_t tkt_plan_load(tkt_snapshot *snapshot, uint64_t event_id, tkt_plan **plan);
TKT_API void tkt_plan_free(tkt_plan *plan);
TKT_API uint32_t tkt_plan_seats(const tkt_plan *plan);
TKT_API uint32_t tkt_plan_sections(const tkt_plan *plan);
/* Seats in the chart's own order: section by section, row by row. TKT_NOT_FOUND past the last. */
TKT_API int32_t tkt_plan_seat(const tkt_plan *plan, uint32_t index, tkt_seat *seat);
/* Section `index` (0…) in the chart's order; name lives as long as the plan. TKT_NOT_FOUND past the last. */
TKT_API int32_t tkt_plan_section(const tkt_plan *plan, uint32_t index, uint32_t *section_id, tkt_text *name);
/* One seat by name, without loading the plan; and one seat's names by unit (texts live in the snapshot). */
TKT_API int32_t tkt_unit_find(tkt_snapshot *snapshot, uint64_t event_id, tkt_text section, tkt_text row, tkt_text label, uint32_t *unit);
/* The names and the place of one unit; the texts live in the snapshot. TKT_NOT_FOUND. */
TKT_API int32_t tkt_unit_view(tkt_snapshot *snapshot, uint64_t event_id, uint32_t unit, tkt_seat *seat);

/* ---- import ----------------------------------------------------------------------------------------------- */

/* Gives up to cap bytes; *got 0 at the end. Non-zero return stops the import (TKT_E_STOPPED). */
typedef int32_t (*tkt_read_fn)(void *user, uint8_t *buf, size_t cap, size_t *got);

typedef struct tkt_import_stats {
    uint32_t size;
    uint32_t reserved;
    uint64_t lines;            /* lines read, empty ones not counted */
    uint64_t bytes;
    uint64_t events_added, events_updated, events_unchanged;
    uint64_t lines_refused;
    uint64_t venues_added, performers_added;
} tkt_import_stats;
#define TKT_IMPORT_STATS_INIT { (uint32_t)sizeof(tkt_import_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* A line that was refused: number from 1, byte within the line from 1 (0: the line as a whole). */
typedef struct tkt_bad_line {
    uint32_t size;
    uint32_t reserved;
    uint64_t line;
    uint64_t byte;
    tkt_text reason;
} tkt_bad_line;

#define TKT_IMPORT_STOP_AT_BAD UINT32_C(1)   /* the first bad line ends the import with TKT_E_PARSE */
#define TKT_IMPORT_SHIFT_AUTO UINT32_C(2)    /* move past events forward by multiples of 104 weeks */
#define TKT_IMPORT_LINE_MAX (UINT32_C(1) << 20)

typedef struct tkt_import {
    uint32_t size;
    uint32_t flags;
    tkt_read_fn read;
    int32_t (*bad_line)(void *user, const tkt_bad_line *line);          /* may be NULL; non-zero stops */
    int32_t (*progress)(void *user, const tkt_import_stats *so_far);    /* may be NULL; non-zero stops */
    void *user;
    int32_t shift_weeks;  /* moves every date by so many weeks; not with SHIFT_AUTO */
    uint32_t batch;       /* events a commit; 0: 256 */
} tkt_import;
#define TKT_IMPORT_INIT { (uint32_t)sizeof(tkt_import), 0, NULL, NULL, NULL, NULL, 0, 0 }

/* Imports schema.org/Event objects, one a line. Idempotent by "@id": an event that is there is
 * updated when it differs and left alone when not, so a broken import is simply run again. What was
 * committed before a failure stays. Callbacks run with no write transaction open. A line without "@id",
 * name or startDate, malformed JSON or bad UTF-8 is refused by itself. A line without eventStatus leaves the status as it
 * is, and none brings a cancelled event back. Of several offers the lowest price counts. *stats is set also on failure.
 * SHIFT_AUTO: the Monday 00:00Z after its first use in the store is kept as anchor; an event that
 * starts before it moves forward by the smallest multiple of 104 weeks that brings its start to or
 * after the anchor, its end by the same. */
TKT_API int32_t tkt_import_jsonl(tkt_store *store, const tkt_import *import, tkt_import_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
