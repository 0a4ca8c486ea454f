/* SPDX-License-Identifier: MIT
 *
 * ticketing/store.h: a store and its snapshots: open and close, one consistent view, upkeep by the
 * host (tick), the full recount (check), figures, the clock.
 *
 * A store is a directory. Any number of processes may have it open at once; one process opens it
 * once. The library starts no thread, sets no timer and handles no signal.
 */
#ifndef TICKETING_STORE_H
#define TICKETING_STORE_H

#include <ticketing/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tkt_store tkt_store;
typedef struct tkt_snapshot tkt_snapshot;
typedef struct tkt_options tkt_options;

/* ---- options ---------------------------------------------------------------------------------- */

/* Makes an options object with every default; free it with tkt_options_free (NULL is fine) any time
 * after the open. -TKT_E_NOMEM. Thread: one at a time. Since 0.1. */
TKT_API int32_t tkt_options_new(tkt_options **options);
TKT_API void tkt_options_free(tkt_options *options);
/* Each setter: -TKT_E_INVALID on NULL or a value outside its stated range. Since 0.1. */
TKT_API int32_t tkt_options_set_create(tkt_options *options, int32_t yes);       /* default 0: must exist */
TKT_API int32_t tkt_options_set_read_only(tkt_options *options, int32_t yes);    /* default 0 */
/* The most bytes the store may ever take; address space, not disk. 1 MiB…; 0 is the default:
 * 64 GiB, or 1 GiB (also the most) where pointers have 32 bits. */
TKT_API int32_t tkt_options_set_map_bytes(tkt_options *options, uint64_t bytes);
TKT_API int32_t tkt_options_set_readers(tkt_options *options, uint32_t slots);   /* 1…65,536; 0: 512 */
/* Snapshots older than this refuse reads with TKT_E_TOO_OLD. 1 ms…1 day; 0: 60 s. */
TKT_API int32_t tkt_options_set_snapshot_limit_ms(tkt_options *options, int64_t limit_ms);
TKT_API int32_t tkt_options_set_network_fs(tkt_options *options, int32_t allow); /* default 0: refused */
/* Whether a store that this open creates has an index of its events from the start. 0: for a first load of
 * many events, which a build afterwards (tkt_reindex) indexes far faster. Default 1. */
TKT_API int32_t tkt_options_set_index(tkt_options *options, int32_t yes);
/* Whether a store that this open creates has a journal: bookings are then appended to it and reach the tables
 * later, many at once: faster when many buy at once, and far fewer bytes written to the disk. Opening a
 * store that is there obeys what it has; tkt_store_upgrade changes it when this was called. Default 1. Since 0.1. */
TKT_API int32_t tkt_options_set_journal(tkt_options *options, int32_t yes);
/* Bytes for answers to queries, kept for whoever asks the same again while nothing changed; 0: none. At most
 * 1 GiB; default 8 MiB, 800 KiB on 32-bit machines. */
TKT_API int32_t tkt_options_set_query_cache(tkt_options *options, uint64_t bytes);
/* Copies the table. See tkt_hooks. */
TKT_API int32_t tkt_options_set_hooks(tkt_options *options, const tkt_hooks *hooks);

/* ---- open and close ----------------------------------------------------------------------------- */

/* Opens the store at `path` (UTF-8, need not end in NUL), making it when the options say so; a
 * creation is atomic also over a power cut. options NULL: defaults. The caller owns *store.
 * Failures: TKT_E_NO_STORE, NOT_A_STORE, ALREADY_OPEN (also by another name of the same file),
 * VERSION, UPGRADE, WORD_SIZE, SHORT_FILE, NET_FS, READERS, CLOCK (wall clock before 2024 or behind 2057), IO,
 * NOMEM, INVALID, CORRUPT, JOURNAL (its tail is torn or of another store), BUSY (an upgrade has the store
 * alone). In a child after fork every call on the parent's handle answers
 * TKT_E_FORKED; open it anew there. Thread: any. Since 0.1. */
TKT_API int32_t tkt_store_open(const char *path, size_t path_len, const tkt_options *options, tkt_store **store);
/* Gives the handle back. Open snapshots keep the store alive until the last one ends. NULL is fine.
 * No other call on the handle may run or follow. Since 0.1. */
TKT_API void tkt_store_close(tkt_store *store);
/* 1 if this open made the store, else 0. */
TKT_API int32_t tkt_store_created(const tkt_store *store);
/* 32 bytes drawn at creation and fixed for good; hosts derive opaque buyer keys with them. */
#define TKT_SALT_BYTES 32
/* 32 bytes drawn when the store was made, the same for all its life: for keys that only this store
 * knows, such as a buyer key made of a name. */
TKT_API int32_t tkt_store_salt(const tkt_store *store, uint8_t salt[TKT_SALT_BYTES]);
/* Rewrites an older format in one atomic commit, and switches the journal where the options name it (what it
 * holds is brought into the tables first); TKT_DONE also when there is nothing to do. Takes the store alone:
 * -TKT_E_BUSY while any process has it open. Other failures as open. */
TKT_API int32_t tkt_store_upgrade(const char *path, size_t path_len, const tkt_options *options);

/* ---- snapshots ------------------------------------------------------------------------------------ */

/* One consistent view of everything, with one `now`. Views given by reads live until the snapshot
 * ends or is renewed. A snapshot is used by one thread at a time (it may move between threads).
 * While it lives the file can't reuse the pages it sees: keep it short. Failures: FORKED, READERS,
 * CLOCK, IO, NOMEM. Since 0.1. */
TKT_API int32_t tkt_snapshot_begin(tkt_store *store, tkt_snapshot **snapshot);
/* Takes the newest state into the same handle: no allocation, no lock. All views of it die. */
TKT_API int32_t tkt_snapshot_renew(tkt_snapshot *snapshot);
TKT_API void tkt_snapshot_end(tkt_snapshot *snapshot); /* NULL is fine */
/* The instant that the snapshot calls now; 0 for NULL. */
TKT_API int64_t tkt_snapshot_now(const tkt_snapshot *snapshot);
/* Milliseconds since it was begun or renewed, by the monotonic clock; 0 for NULL. */
TKT_API int64_t tkt_snapshot_age_ms(const tkt_snapshot *snapshot);

/* ---- upkeep --------------------------------------------------------------------------------------- */

/* Does a bounded piece of housekeeping: sweeps holds whose time is over (they are free already,
 * sweeping only tidies), ends pins, carries on jobs, forgets idempotency records past 7 days, at
 * most `most` items (0: 256). *done (may be NULL) gets how many; call again while it equals `most`.
 * Never needed for a right answer. Failures: FULL (of a full map, and only when nothing else was to be done: what finds
 * no room waits and keeps nothing from going), IO, NOMEM, FORKED, CLOCK. Since 0.1. */
TKT_API int32_t tkt_tick(tkt_store *store, uint32_t most, uint32_t *done);
/* How long until the next tick has something to do, in ms; INT64_MAX: nothing is waiting. */
TKT_API int32_t tkt_next_deadline(tkt_store *store, int64_t *wait_ms);

/* One broken rule found by the check. */
typedef struct tkt_problem {
    uint32_t size;
    uint32_t reserved;
    tkt_text rule;   /* short name: "seat-claim", "area-recount", "feed-gap", … */
    tkt_text text;   /* one line naming the objects */
} tkt_problem;
/* Called for each problem; non-zero stops the check (TKT_E_STOPPED). No transaction of this
 * library's writing kind is open. */
typedef int32_t (*tkt_problem_fn)(void *user, const tkt_problem *problem);

/* Recounts everything on one snapshot: seats against claims and bookings, counters against a
 * recount, indexes both ways, feed sequences gapless, money identities. *problems gets their number.
 * TKT_DONE also when there are some. fn may be NULL. Reads only. Since 0.1. */
TKT_API int32_t tkt_check(tkt_store *store, tkt_problem_fn fn, void *user, uint64_t *problems);

typedef struct tkt_stats {
    uint32_t size;
    uint32_t format_major, format_minor;
    uint32_t readers, readers_max;
    uint32_t open_jobs;
    uint64_t epoch;
    uint64_t map_bytes, used_bytes, file_bytes;
    uint64_t commits;         /* stamps given out since creation */
    uint64_t events, venues, performers, users; /* records there are */
    uint64_t bookings, tickets, holds;          /* rows there are, ended ones included */
    uint64_t due;             /* holds that a tick will one day sweep */
    int64_t now_ms;           /* the store's clock */
    int64_t clock_frozen_ms;  /* how far the wall clock stands ahead of what is believed; 0: it runs */
    uint64_t indexed;         /* events that searches see */
    uint32_t index;           /* TKT_INDEX_… */
    uint32_t journal;         /* 1: the store has one */
    uint64_t cache_hits, cache_misses, cache_bytes; /* of queries, in this process */
    uint64_t journal_bytes;   /* not yet in the tables */
    uint64_t written_bytes;   /* by this process since the open, as the kernel counts (proc(5), wchar): the wear of
                                 flash, where the host writes little besides; 0: not told here */
    uint64_t room_bytes;      /* of the map, that sales and events may still take before TKT_E_FULL */
    uint64_t reserve_bytes;   /* and what is kept of it for calls that give places back */
} tkt_stats;
#define TKT_STATS_INIT { (uint32_t)sizeof(tkt_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
#define TKT_INDEX_NONE UINT32_C(0)    /* build it: tkt_reindex */
#define TKT_INDEX_CURRENT UINT32_C(1)
#define TKT_INDEX_OLD UINT32_C(2)     /* of another version: events are not changed until it is built anew */
TKT_API void tkt_stats_init(tkt_stats *stats);
/* Figures of the store. Booking's rows are counted one by one: not for every second of a large store. */
TKT_API int32_t tkt_store_stats(tkt_store *store, tkt_stats *stats);

/* ---- backup and moving ------------------------------------------------------------------------------ */

/* Copies the store, as one snapshot sees it, into a new file, while any process goes on using it; the pages that the
 * copy reads are kept until it is done, so the store may grow meanwhile. The file is there whole and synced, or not
 * at all. It is no store: tkt_store_restore makes one of it, on a machine of the same word size, and refuses one of which
 * a byte has changed since (CORRUPT).
 * COMPACT leaves free pages out, for more time. Failures: IO (also: there is such a file), NOMEM, FORKED, INVALID.
 * Thread: any, beside all other calls. Since 0.1. */
#define TKT_BACKUP_COMPACT UINT32_C(1)
TKT_API int32_t tkt_store_backup(tkt_store *store, const char *file, size_t file_len, uint32_t flags);
/* Writes every row of one snapshot into a new file that any build reads, 32 and 64 bit alike; docs/format.md has
 * its bytes. The index is left out: build it after the restore (tkt_reindex). Failures as backup. */
TKT_API int32_t tkt_store_export(tkt_store *store, const char *file, size_t file_len);
/* Makes a store at `path`, where none may be, from a backup or an export; the whole is checked (tkt_check) before it
 * appears. The restored store is another one than the lost: what was done after the copy is not in it. So its epoch
 * is a higher one that no other restore gets, which tells whoever follows it that it went back in time, and ids start
 * again well above those of the copy, so that a ticket sold after the copy never meets another of its number. options as
 * for open (map, readers, hooks); NULL: defaults. Failures: ALREADY_OPEN (there is a store), NOT_A_STORE, SHORT_FILE, WORD_SIZE (of a
 * backup: export instead), CORRUPT, JOURNAL, VERSION, IO, NOMEM, INVALID; nothing is left then. Since 0.1. */
TKT_API int32_t tkt_store_restore(const char *path, size_t path_len, const char *file, size_t file_len,
                                  const tkt_options *options);

/* ---- the clock ------------------------------------------------------------------------------------ */

/* now = the wall clock, never less than the persisted floor + monotonic time since open. A forward
 * jump of the wall against the monotonic clock by more than 5 minutes is not believed: `now` goes on
 * by the monotonic clock and nothing expires early, until the host confirms the new time. A process that opens the store
 * anew believes the clock that it finds; what it commits is the store's time from then on, for all processes. */
TKT_API int32_t tkt_clock_now(tkt_store *store, int64_t *now_ms);
/* The host has made sure that the wall clock is right: a leap that was doubted is believed now. -TKT_E_CLOCK: it stands
 * before 2024 or behind 2057. */
TKT_API int32_t tkt_clock_confirm(tkt_store *store);
/* Operator's tool, when a wrong clock has reached the store: its time is this process's wall clock from here on, the one
 * step back that the store's time ever takes; logged in the feed of the store. Other processes follow with their next
 * commit, tick or new snapshot; whose own wall clock is the wrong one (it agrees with the time before, and stands more than
 * an hour ahead) goes on from the store's time and does not believe its own until the host confirms it. Holds made under the wrong clock keep their deadlines.
 * -TKT_E_CLOCK as for confirm. */
TKT_API int32_t tkt_clock_reset(tkt_store *store);

#ifdef __cplusplus
}
#endif
#endif
