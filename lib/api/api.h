/* SPDX-License-Identifier: MIT
 *
 * api/api.h: the internal face of the service room, which stands on top of all others and is written on their public
 * headers: a request is taken apart, one handler answers it, the response is the caller's.
 *
 *   api.c      the public face                  route.c    which handler, for whom
 *   request.c  what is in a request             halls.c    halls that are kept decoded
 *   json.c     writing JSON                     respond.c  status, headers, problems, entity tags
 *   one file for each kind of thing: event.c, forms.c, search.c, seatmap.c, stream.c, queue.c, reserve.c, booking.c, service.c
 *
 * A request has one snapshot, begun by the first handler that reads and ended with it. Nothing is kept between
 * requests but decoded halls, which never change. Writes nothing by itself; a crash leaves what booking left.
 */
#ifndef TKT_API_API_H
#define TKT_API_API_H

#include <pthread.h>
#include <stdatomic.h>
#include <yajl/yajl_gen.h>
#include <yajl/yajl_tree.h>

#include <ticketing/ticketing.h>

#include "base/base.h"
#include "store/store.h"

/* ---- a text that grows ---------------------------------------------------------------------------------------- */

#define TKT__BODY_MOST (UINT32_C(64) << 20) /* of an answer */

/* Bytes of an answer. `failed`: there was no memory, or no end; what is in it counts no more. */
typedef struct tkt__buffer {
    const tkt_hooks *hooks;
    char *p;
    size_t n, cap;
    bool failed;
} tkt__buffer;
void tkt__buffer_add(tkt__buffer *b, const void *p, size_t n);
void tkt__buffer_text(tkt__buffer *b, const char *text);
void tkt__buffer_format(tkt__buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void tkt__buffer_free(tkt__buffer *b);

/* ---- JSON ------------------------------------------------------------------------------------------------------- */

/* yajl's generator over a buffer. It takes its few bytes of memory from `room`, so that it never meets a refusal,
 * which it does not survive. */
typedef struct tkt__json {
    tkt__buffer *to;
    yajl_gen gen;
    size_t used;
    _Alignas(16) uint8_t room[2048];
} tkt__json;
void tkt__json_begin(tkt__json *j, tkt__buffer *to);
void tkt__json_end(tkt__json *j);
/* key NULL: inside an array. */
void tkt__json_object(tkt__json *j, const char *key);
void tkt__json_object_end(tkt__json *j);
void tkt__json_array(tkt__json *j, const char *key);
void tkt__json_array_end(tkt__json *j);
void tkt__json_string(tkt__json *j, const char *key, tkt_text text);
void tkt__json_word(tkt__json *j, const char *key, const char *word);
void tkt__json_some(tkt__json *j, const char *key, tkt_text text); /* nothing where the text is empty */
void tkt__json_number(tkt__json *j, const char *key, const char *text); /* as it is written */
void tkt__json_i64(tkt__json *j, const char *key, int64_t value);
void tkt__json_u64(tkt__json *j, const char *key, uint64_t value);
void tkt__json_bool(tkt__json *j, const char *key, bool value);
void tkt__json_null(tkt__json *j, const char *key);
void tkt__json_degrees(tkt__json *j, const char *key, int32_t e7);
void tkt__json_instant(tkt__json *j, const char *key, int64_t ms); /* in UTC */
/* {"minor", "amount", "currency"}; null where there is no currency and nothing to pay. */
void tkt__json_money(tkt__json *j, const char *key, int64_t minor, const char *currency);

/* ---- the handler and its halls ----------------------------------------------------------------------------------- */

#define TKT__PLANS_KEPT 8
#define TKT__COUNTER_BYTES 6 /* before it: answers by the first digit of their status */
_Static_assert(TKT__COUNTER_BYTES < TKT_API_COUNTERS && sizeof(_Atomic uint64_t) == sizeof(uint64_t), "counters");

/* A hall, decoded. It lives while somebody uses it. */
typedef struct tkt__hall {
    uint64_t chart_id;
    uint32_t chart_version;
    uint32_t users;    /* under the lock */
    bool dropped;      /* out of the cache: the last user frees it */
    uint64_t used_at;  /* by a count of uses */
    tkt_plan *plan;
} tkt__hall;

struct tkt_api {
    tkt_store *store;
    tkt_api_options options; /* base_url points to base */
    char *base;
    size_t base_n;
    int64_t began_ms;
    pthread_mutex_t lock; /* halls */
    tkt__hall *halls[TKT__PLANS_KEPT];
    uint64_t uses;
    _Atomic uint64_t own[TKT_API_COUNTERS];
    _Atomic uint64_t *counters;   /* the host's, or `own`: answers by the first digit of their status, bytes of bodies */
    _Atomic int64_t streams;
};

/* The event's hall in this snapshot. TKT_NOT_FOUND: it has none. Give it back. */
int32_t tkt__hall_take(tkt_api *api, tkt_snapshot *snapshot, uint64_t event_id, tkt__hall **hall);
void tkt__hall_give(tkt_api *api, tkt__hall *hall); /* NULL is fine */
void tkt__halls_free(tkt_api *api);

/* ---- a response ---------------------------------------------------------------------------------------------------- */

#define TKT__RESPONSE_HEADERS 16
#define TKT__HEADER_BYTES 16384 /* of all values that are made */

typedef struct tkt__stream {
    uint64_t event_id;
    uint64_t seq;       /* told up to here */
    bool whole;         /* the next piece is the whole map */
    bool over;
    bool of_place;      /* of a buyer in the waiting room, not of the map */
    uint8_t buyer[TKT_BUYER_BYTES];
    uint32_t state;     /* of the place, when it was told last */
    uint32_t flags;     /* paused, all held, sold out */
    uint64_t ahead;
    uint8_t admission[TKT_ADMISSION_BYTES];
    uint32_t mode;      /* of the waiting room, as told last, and 1; 0: not yet */
    uint32_t began_mode;/* the same when the stream began, at this number of the event */
    uint64_t began_seq;
    int64_t told_ms;    /* when something was said last */
} tkt__stream;

struct tkt_api_response {
    tkt_api *api;
    uint32_t status;
    uint32_t headers_n;
    tkt_api_header headers[TKT__RESPONSE_HEADERS];
    char made[TKT__HEADER_BYTES];
    size_t made_n;
    tkt__buffer body;
    bool streams;
    tkt__stream stream;
};

/* ---- a request in work ----------------------------------------------------------------------------------------------- */

#define TKT__SEGMENTS_MAX 6
#define TKT__PARAMS_MAX 64
#define TKT__DEPTH_MAX 16 /* of a body */
#define TKT__MEMBERS_MAX 64u /* of a body */

typedef struct tkt__param {
    tkt_text name, value; /* decoded; within `decoded` */
} tkt__param;

typedef struct tkt__call {
    tkt_api *api;
    const tkt_api_request *request;
    tkt_api_response *response;
    tkt_api_caller caller;
    bool nobody;                 /* who asks can't be told from others */
    tkt_snapshot *snapshot;      /* NULL: none yet */
    tkt_text segments[TKT__SEGMENTS_MAX];
    uint32_t segments_n;
    uint64_t id;                 /* {id} of the path */
    uint8_t token[TKT_TOKEN_BYTES]; /* {token} of the path */
    uint8_t admission[TKT_ADMISSION_BYTES]; /* of the header, where it has one */
    uint32_t params_n;
    size_t decoded_n;
    yajl_val body;               /* the body as JSON; NULL: none */
    /* From here on 14 KB that are not cleared for each request. */
    tkt__json json;              /* of the response's body */
    tkt__param params[TKT__PARAMS_MAX];
    char decoded[TKT_API_QUERY_MAX + TKT_API_PATH_MAX];
} tkt__call;

/* request.c: each answers 0, or the status of the response that it made. */
uint32_t tkt__request_check(tkt__call *c);
uint32_t tkt__request_path(tkt__call *c);
uint32_t tkt__request_query(tkt__call *c);
/* The body must be one JSON object; an empty one is none. */
uint32_t tkt__request_body(tkt__call *c);
/* Empty: not there. The name of a header in lower case. */
tkt_text tkt__request_header(const tkt__call *c, const char *name);
/* The next header line of this name from *at on: some come in several. */
bool tkt__request_line(const tkt__call *c, const char *name, uint32_t *at, tkt_text *value);
/* Which of these types the header Accept likes best; of those it likes alike the one that it means most exactly, or the
 * first, which is also for who likes none. */
uint32_t tkt__accepted(const tkt__call *c, const char *const *types, uint32_t n);
const tkt__param *tkt__param_of(const tkt__call *c, const char *name); /* the first; NULL: none */
bool tkt__text_is(tkt_text text, const char *word);
bool tkt__whole_number(const char *p, size_t n, int64_t *out);
/* Whole numbers of a range. False: a problem was answered. Not given: *out stays. */
bool tkt__param_i64(tkt__call *c, const char *name, int64_t low, int64_t high, int64_t *out);
bool tkt__param_instant(tkt__call *c, const char *name, bool end, int64_t *out);
/* A member of the body; out of range or no whole number: a problem. Not there: *out stays. */
bool tkt__member_i64(tkt__call *c, const char *name, int64_t low, int64_t high, int64_t *out);
yajl_val tkt__member(const tkt__call *c, const char *name);
bool tkt__number_of(yajl_val v, int64_t *out); /* a whole number that fits */
/* Where money moves, a member that the call does not know is no detail. `known` ends in NULL; false: 400. */
bool tkt__members_are(tkt__call *c, const char *const *known);
/* The caller's Idempotency-Key for an operation of this name, or zeros where none was given. */
bool tkt__request_key(tkt__call *c, const char *operation, uint8_t key[TKT_KEY_BYTES]);

/* respond.c. Handlers answer the status that they made. */
void tkt__header_static(tkt__call *c, const char *name, const char *value);
void tkt__header_format(tkt__call *c, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* A problem of our own: code as in docs/api.md. */
uint32_t tkt__problem_say(tkt__call *c, uint32_t status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* 401: he has to say who he is. */
uint32_t tkt__problem_who(tkt__call *c, const char *why);
/* What a call of the library answered, with its causes. */
uint32_t tkt__problem_of(tkt__call *c, int32_t status);
/* A begun JSON body; and its end: the status, or 500 where there was no memory. */
tkt__json *tkt__answer_json(tkt__call *c);
uint32_t tkt__answered(tkt__call *c, uint32_t status, const char *type);
#define TKT__JSON_TYPE "application/json"
/* Of what changes things: 0, or 412 where If-Match names a tag (RFC 9110, 13.1.1). */
uint32_t tkt__precondition(tkt__call *c);
/* Ends an answer that caches may keep: entity tag, Cache-Control; 304 where the caller has it already, 412 where he wants
 * another. */
uint32_t tkt__answered_fresh(tkt__call *c, const char *type, const char *vary);
/* The request's snapshot. False: a problem was answered. */
bool tkt__read(tkt__call *c);

/* Parts that several handlers write. */
bool tkt__event_in(tkt__call *c, tkt_event *event);       /* of c->id; false: answered 404 */
void tkt__json_event(tkt__call *c, const tkt_event *event, bool whole);
/* A place in the changes of an event: its sequence number and the store's epoch. */
#define TKT__STREAM_ID 48
void tkt__stream_id(const tkt_api *api, uint64_t seq, char id[TKT__STREAM_ID]);
/* The lowest price of an event, which the call's snapshot gave, in its own currency; none: 0 and no currency. */
bool tkt__lowest_price(tkt__call *c, const tkt_event *event, int64_t *minor, char currency[TKT_CURRENCY_BYTES]);
void tkt__json_areas(tkt__call *c, uint32_t count); /* "areas" of c->id: so many, or UINT32_MAX where nobody has counted */
const char *tkt__event_status_word(uint32_t status);
const char *tkt__queue_mode_word(uint32_t mode);
const char *tkt__seat_word(uint8_t state);
/* What is to be reserved, by the body and the caller; units is the request's memory. False: a problem was answered. */
bool tkt__reserve_in(tkt__call *c, const char *operation, tkt_reserve_request *request, uint32_t units[TKT_UNITS_MAX]);
bool tkt__is_staff(const tkt__call *c);

/* route.c: finds out who asks and whose call it is, and has it answered. */
uint32_t tkt__route_answer(tkt__call *c);

/* ---- handlers -------------------------------------------------------------------------------------------------------- */

typedef uint32_t (*tkt__handler)(tkt__call *c);
typedef struct tkt__route {
    const char *method, *pattern;
    uint32_t role;        /* the least */
    tkt__handler handler;
} tkt__route;
extern const tkt__route tkt__routes[]; /* ends in a NULL method */

uint32_t tkt__get_event(tkt__call *c);
uint32_t tkt__get_event_ics(tkt__call *c);
uint32_t tkt__get_event_jsonld(tkt__call *c);
uint32_t tkt__get_search(tkt__call *c);
uint32_t tkt__get_facets(tkt__call *c);
uint32_t tkt__get_suggestions(tkt__call *c);
uint32_t tkt__get_seatmap(tkt__call *c);
uint32_t tkt__get_seatmap_bin(tkt__call *c);
uint32_t tkt__get_seatmap_svg(tkt__call *c);
uint32_t tkt__get_stream(tkt__call *c);
uint32_t tkt__post_place(tkt__call *c);
uint32_t tkt__get_place(tkt__call *c);
uint32_t tkt__delete_place(tkt__call *c);
uint32_t tkt__get_place_stream(tkt__call *c);
uint32_t tkt__get_room(tkt__call *c);
uint32_t tkt__put_room(tkt__call *c);
uint32_t tkt__get_event_feed(tkt__call *c);
uint32_t tkt__get_sales(tkt__call *c);
uint32_t tkt__post_reservation(tkt__call *c);
uint32_t tkt__get_reservation(tkt__call *c);
uint32_t tkt__put_reservation(tkt__call *c);
uint32_t tkt__delete_reservation(tkt__call *c);
uint32_t tkt__post_extend(tkt__call *c);
uint32_t tkt__post_confirm(tkt__call *c);
uint32_t tkt__post_booking(tkt__call *c);
uint32_t tkt__get_booking(tkt__call *c);
uint32_t tkt__post_cancel(tkt__call *c);
uint32_t tkt__post_refund(tkt__call *c);
uint32_t tkt__get_user_bookings(tkt__call *c);
uint32_t tkt__post_news(tkt__call *c);
uint32_t tkt__get_feed(tkt__call *c);
uint32_t tkt__get_health(tkt__call *c);
uint32_t tkt__get_ready(tkt__call *c);
uint32_t tkt__get_metrics(tkt__call *c);
uint32_t tkt__get_openapi(tkt__call *c);

/* stream.c */
int32_t tkt__stream_next(tkt_api_response *response);
/* The head of a stream that c->response->stream tells of. */
uint32_t tkt__stream_begin(tkt__call *c);
void tkt__json_place(tkt__json *j, const tkt_place *place);
/* A record of the feed; what only staff sees too, where it is for them. */
void tkt__json_change(tkt__json *j, const tkt_change *change, bool staff);

#endif
