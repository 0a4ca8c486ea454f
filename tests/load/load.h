/* SPDX-License-Identifier: MIT
 *
 * load.h: what the load programs share: a client over HTTP, times of calls, chance.
 *
 *   http.c     one keep-alive connection by libcurl; a request that a killed process did not answer is sent again
 *   watch.c    a seat map as a browser keeps it: by the stream, with Last-Event-ID
 *   times.c    how long calls took
 *   onsale.c   a crowd of buyers through the waiting room        mix.c   an hour of everything
 *
 * run.py starts the server, kills its processes, and judges the store afterwards.
 */
#ifndef TKT_LOAD_H
#define TKT_LOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_THREADS_MAX 512
#define LOAD_UNITS_MAX 65536   /* of a hall */
#define LOAD_HEADERS_MAX 4

/* ---- http.c ----------------------------------------------------------------------------------------------------------- */

typedef struct client client;

typedef struct reply {
    long status;       /* 0: never answered */
    const char *body;  /* ends with a NUL; until the client's next call */
    size_t n;
    uint32_t tries;    /* > 1: the connection was broken, and the request sent again */
    uint64_t ns;       /* of the try that was answered */
} reply;

client *client_new(const char *base_url);
void client_free(client *c);
/* `session` makes the cookie: 0 for none. `headers` are lines "Name: value", ended by NULL, or NULL. */
reply client_call(client *c, const char *method, const char *path, uint64_t session, const char *const *headers, const char *body);

/* The first member of that name in a JSON text, however deep: enough for answers whose names are known. */
bool json_number(const char *body, const char *name, int64_t *value);
bool json_word(const char *body, const char *name, char *to, size_t room);

int64_t now_ms(void);     /* UTC */
uint64_t tick_ns(void);   /* monotonic */
void pause_ms(int64_t ms);
/* splitmix64 (Vigna, 2015, public domain). */
uint64_t chance(uint64_t *state);

/* ---- watch.c ---------------------------------------------------------------------------------------------------------- */

typedef struct watch watch;

watch *watch_begin(const char *base_url, uint64_t event_id);
void watch_end(watch *w);
/* A unit that is free, the `nth` from somewhere in the hall, or 0. `run`: so many side by side in numbers. */
uint32_t watch_free(watch *w, uint64_t nth, uint32_t run);
/* Whether the stream's map comes to be that of seatmap.bin, within some seconds. */
bool watch_agrees(watch *w, client *c);
void watch_counts(watch *w, uint64_t *maps, uint64_t *changes, uint64_t *resumed);

/* ---- times.c ---------------------------------------------------------------------------------------------------------- */

/* A histogram with 16 steps an octave: a figure is at most 6.3 % too large. */
#define TIMES_STEPS 16
#define TIMES_SLOTS (40 * TIMES_STEPS)

typedef struct times {
    _Atomic uint64_t slots[TIMES_SLOTS];
    _Atomic uint64_t count, most_ns;
} times;

void times_add(times *t, uint64_t ns);
double times_ms(const times *t, double part);
/* "name":{"calls":…,"p50":…,"p99":…,"p999":…,"max":…} in ms */
void times_json(const char *name, const times *t);

#endif
