/* SPDX-License-Identifier: MIT
 *
 * store/internal.h: what the files of this room share. No other room includes it.
 */
#ifndef TKT_STORE_INTERNAL_H
#define TKT_STORE_INTERNAL_H

#include "store/store.h"

#define TKT__SNAPSHOT_LIMIT_MS INT64_C(60000)
#define TKT__SNAPSHOT_LIMIT_MAX_MS INT64_C(86400000)

struct tkt_options {
    tkt_hooks hooks;
    tkt__lmdb_options lmdb;
    int64_t snapshot_limit_ms;
    bool no_index;
    bool journal_given; /* else an upgrade leaves the journal as it is */
    size_t cache_bytes;
};
#define TKT__CACHE_DEFAULT (sizeof(void *) > 4 ? (size_t)8 << 20 : (size_t)800 << 10) /* 32-bit machines are kiosks */
#define TKT__OPTIONS_DEFAULT { .hooks = TKT_HOOKS_INIT, .snapshot_limit_ms = TKT__SNAPSHOT_LIMIT_MS, .cache_bytes = TKT__CACHE_DEFAULT }

/* open.c: a caller's path as a string. */
int32_t tkt__path_of(const char *path, size_t n, char out[TKT__PATH_MAX], const char *what);

/* export.c: fills an empty directory with a store of an export's rows; not yet one that went back in time. */
#define TKT__EXPORT_MAGIC "TKTEXP01"
#define TKT__EXPORT_MAGIC_BYTES 8
int32_t tkt__export_load(int fd, const char *work, const tkt_options *options, const tkt_hooks *hooks);

/* format.c: META/"format" as it stands. */
#define TKT__FORMAT_MAJOR 1
#define TKT__FORMAT_MINOR 2 /* 1: the tables of the index; 2: that of waiting rooms */
typedef struct tkt__format {
    uint16_t major, minor;
    uint32_t read_features, write_features; /* bits that a reader, a writer must know */
    uint64_t epoch;
    uint8_t uuid[16];
    uint8_t salt[TKT_SALT_BYTES];
    uint32_t analyser; /* version of the text analyser; 0: no index yet */
} tkt__format;
int32_t tkt__format_load(tkt__tx *tx, bool read_only, tkt__format *format);
/* A body under the store guard: raises the minor version to this library's. */
int32_t tkt__format_raise(tkt__tx *tx, void *ctx);
/* As the store's engine has it, checked against the engine. */
int32_t tkt__format_open(tkt_store *store, tkt__format *format);
/* A body under the store's guard: the store went back in time. */
int32_t tkt__format_raise_epoch(tkt__tx *tx, void *ctx);
/* Switches the journal, in the engine and in the record at once. The store must be open alone. */
int32_t tkt__format_set_journal(tkt_store *store, bool on);

/* clock.c */
int32_t tkt__clock_open(tkt_store *store);
int32_t tkt__clock_of_batch(void *store, tkt__tx *tx, int64_t floor_ms, int64_t *now_ms);
/* Whether the store's clock was set right since: by a transaction that reads. */
int32_t tkt__clock_follow(tkt_store *store, tkt__tx *tx);

/* ids.c */
int32_t tkt__ids_open(tkt_store *store);
void tkt__ids_close(tkt_store *store);
int32_t tkt__ids_skip(tkt_store *store); /* of a store that went back in time */

/* idem.c */
int32_t tkt__idem_tick(tkt_store *store, uint32_t most, uint32_t *done);
int32_t tkt__idem_check(tkt__tx *tx, tkt__problems *problems);
int32_t tkt__feed_check(tkt__tx *tx, tkt__problems *problems);

/* flight.c: opens STORE/payment.lock; the end. What uses it: store.h. */
int32_t tkt__flights_open(tkt_store *store, const char *dir);
void tkt__flights_close(tkt_store *store);

/* notice.c: maps STORE/notice where it can; what a commit tells; the end. */
void tkt__notice_open(tkt_store *store, const char *dir);
void tkt__notice_committed(void *store, uint64_t stamp);
void tkt__notice_close(tkt_store *store);

/* open.c */
void tkt__store_unref(tkt_store *store);

#endif
