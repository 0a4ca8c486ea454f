/* SPDX-License-Identifier: MIT
 *
 * tests/soak/soak.h: what the soak's files share.
 *
 *   soak.c      rounds: starts processes, kills them, starts them anew; backups, long readers, a full map
 *   worker.c    one selling process: two threads, each with a log of what it asked for and what it was told
 *   reader.c    what a snapshot shows of every event, as a note
 *   history.c   the logs of a round: calls with both their ends, in arrays
 *   judge.c     is that history one of a store that does one thing after another? (style: a check by witness)
 *   model.c     the sequential event that the judge walks along the feed
 *   control.c   histories that were falsified: the judge must say no
 *   latency.c   a second's latencies, counted while it goes on; their picture
 *
 * A log is a file of notes, written one by one with write(2): a killed process loses none that it wrote.
 */
#ifndef TKT_SOAK_H
#define TKT_SOAK_H

#include <stdatomic.h>
#include <stdint.h>

#include "race/race.h"

#define SOAK_PROCESSES 4
#define SOAK_THREADS 2           /* of each */
#define SOAK_SLOTS (SOAK_PROCESSES * SOAK_THREADS + 2) /* logs: the sellers', the backup's, the long reader's */
#define SOAK_SLOT_BACKUP (SOAK_PROCESSES * SOAK_THREADS)
#define SOAK_SLOT_LONG (SOAK_SLOT_BACKUP + 1)
#define SOAK_EVENTS 8            /* of a round */
#define SOAK_ROWS 20
#define SOAK_ROW_SEATS 50
#define SOAK_SEATS (SOAK_ROWS * SOAK_ROW_SEATS)
#define SOAK_PLACES 400          /* of the area */
#define SOAK_TTL_MS 2000
#define SOAK_UNITS 4             /* of a reserve, at most */
#define SOAK_LOADERS 8
#define SOAK_BALLAST 100000 /* events of a loader */
#define SOAK_SECONDS_MAX 20000   /* of latencies kept */
#define SOAK_BUCKETS 104         /* of latencies: four a doubling, from 1 µs to a minute */

enum { OP_RESERVE = 1, OP_RELEASE, OP_EXTEND, OP_CONFIRM, OP_CANCEL, OP_READ };
enum { NOTE_ASKED = 1, NOTE_TOLD, NOTE_READ };

/* One flat record for all. Asked: key, event, and what the call takes. Told: status and what the call gave. Read: one
 * event as a snapshot shows it; from `at_ns`, when the snapshot was asked for, to `until_ns`, when it was there. */
typedef struct note {
    uint8_t what, op, charge, spare;
    uint32_t number;            /* of the call, in its log */
    int64_t at_ns, until_ns;    /* monotonic, the same clock for all processes */
    int64_t wall_ms;
    uint64_t event;
    uint32_t units[SOAK_UNITS], unit_count, quantity;
    uint8_t key[TKT_KEY_BYTES], token[TKT_TOKEN_BYTES];
    uint64_t booking;
    int64_t expires_ms;
    int32_t status;
    uint32_t claim;
    uint64_t seq, stamp, hash;  /* read: of the event's feed, of the store (0: another), of all its seats and places */
    int64_t now_ms;             /* read: the snapshot's */
} note;

typedef struct soak_event {
    uint64_t id;
    uint32_t area_id;
    uint32_t units[SOAK_SEATS];
} soak_event;

/* Events that fill the map: one loader's. */
typedef struct soak_ballast {
    uint64_t ids[SOAK_BALLAST];
    uint32_t n;
} soak_ballast;

/* In memory that all processes of a soak share. */
typedef struct soak_shared {
    _Atomic uint32_t stop;
    _Atomic uint64_t map_bytes;            /* for the next opens; 0: the default */
    _Atomic uint64_t calls, refusals, full, changes;
    _Atomic uint64_t file_bytes, feed_rows;
    int64_t begun_ns;
    uint64_t chart;
    soak_ballast ballast[SOAK_LOADERS];
    uint32_t chart_version;
    soak_event events[SOAK_EVENTS];
    _Atomic uint32_t latency[SOAK_SECONDS_MAX][SOAK_BUCKETS];
} soak_shared;

typedef struct soak {
    char dir[64], store[96], log[SOAK_SLOTS][96];
    soak_shared *shared;
} soak;

int64_t soak_ns(void);
tkt_store *soak_open(const soak *s);
void soak_append(int log, const note *n);

/* worker.c: sells until `stop`; first what its logs say was asked and not told. */
void soak_work(const soak *s, uint32_t process, uint32_t seed);

/* reader.c: notes what each event looks like in a snapshot, which was asked for and there at these times. */
void soak_read(const soak *s, tkt_snapshot *snap, int log, int64_t from_ns, int64_t until_ns, bool restored);
uint64_t soak_hash(const uint8_t *states, size_t n, uint32_t sold, uint32_t held);

/* latency.c */
void soak_latency_add(soak_shared *shared, int64_t from_ns, int64_t until_ns);
void soak_latency_print(const soak_shared *shared, uint32_t seconds);
void soak_latency_draw(const soak_shared *shared, uint32_t seconds, const char *file);

/* ---- history and judge ---------------------------------------------------------------------------------- */

#define SOAK_NEVER INT64_MAX

typedef struct call {
    note asked, told; /* told.what 0: nobody knows what became of it */
    int64_t from_ns, until_ns;
    uint64_t at;      /* where it stands in its event's feed; 0: it left nothing there */
    uint64_t low, high; /* its place lies above low, and below high */
    bool matched;
} call;

typedef struct history {
    call *calls;
    note *reads;
    size_t calls_n, calls_cap, reads_n, reads_cap;
} history;

void history_load(const soak *s, history *h);
void history_free(history *h);

/* A record of an event's feed. */
typedef struct feed_row {
    int64_t now_ms;
    uint8_t kind, state;
    uint32_t claim, expires_s, unit_count;
    uint32_t sold, held, capacity; /* area */
    uint64_t booking;
    size_t first_unit;             /* seats: of the feed's */
} feed_row;

typedef struct feed {
    feed_row *rows; /* [seq − 1] */
    size_t n;
    uint32_t *units;
    size_t units_n;
} feed;

typedef struct model model;
model *model_new(const soak_event *event);
void model_free(model *m);
/* Takes record `seq`; what it may not do is said, and counted in *wrong. */
void model_step(model *m, const feed *f, uint64_t seq, uint64_t *wrong);
uint32_t model_quantity(const model *m, uint32_t claim);
bool model_taken(const model *m, const note *asked, int64_t wall_ms);
uint64_t model_hash(const model *m, int64_t now_ms);

void feeds_load(const soak *s, tkt_store *store, feed feeds[SOAK_EVENTS]);
void feeds_free(feed feeds[SOAK_EVENTS]);
/* How many things are wrong, each told on stderr (quiet: not). */
uint64_t history_judge(const soak *s, history *h, const feed feeds[SOAK_EVENTS], bool quiet);
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
extern bool soak_quiet;

/* control.c: how many of the falsified histories the judge accepted. */
uint32_t soak_controls(const soak *s, const history *h, const feed feeds[SOAK_EVENTS]);

#endif
