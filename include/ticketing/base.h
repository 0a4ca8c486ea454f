/* SPDX-License-Identifier: MIT
 *
 * ticketing/base.h: the words that every other header uses: status codes, error detail, causes,
 * strings, money, instants and the hooks through which the host lends its clock, its randomness,
 * its memory and its log.
 *
 * Rules that hold everywhere
 *  - A status is an int32_t. 0…63: the effect is there. 64…127: a refusal; the caller does not have
 *    what he asked for, it is no fault, and nothing changed (save TKT_DECLINED and TKT_REFUND_DUE,
 *    which record a payment). Negative: a failure, −(primary + 256 × detail).
 *    New codes of each kind may appear in any release: keep a default branch.
 *  - Strings are (pointer, length) pairs of UTF-8 bytes, need no NUL, and are validated at the door.
 *    A pointer may be NULL when the length is 0.
 *  - Structs start with `size`, which the caller sets to sizeof the struct as he knows it (the
 *    TKT_*_INIT macros and tkt_*_init functions do). A zero member means its default. Bytes past the
 *    end of what the library knows must be zero, else TKT_E_INVALID. `reserved` members must be zero.
 *  - Out-parameters are written on success only, unless a function says otherwise.
 *  - Money is int64_t in minor units of an ISO 4217 currency. Instants are int64_t milliseconds
 *    since 1970-01-01T00:00:00Z. Time-outs and lifetimes are durations in milliseconds.
 *  - Ids are uint64_t in 1…2^53−1; 0 means none.
 *  - Failures that a function need not name: -TKT_E_INVALID (a NULL that is needed, an unknown size or
 *    flag, a broken rule above: nothing was tried), NOMEM, IO, CORRUPT, FORKED; on a snapshot TOO_OLD;
 *    when something is changed also READ_ONLY, FULL, LIMIT, CLOCK, BUSY, CONFLICT, UNAVAILABLE and
 *    UNKNOWN. Of these UNKNOWN alone leaves open whether it was done.
 *  - tkt_…_init fills a struct with its defaults (as TKT_…_INIT does; for hosts without a compiler);
 *    tkt_…_view fills one whose texts live in the snapshot, until that ends or is renewed;
 *    tkt_…_copy does so with the texts in `buf`: *needed gets their bytes, -TKT_E_LIMIT when cap is
 *    smaller. NULL is fine for what is freed, ended or initialised.
 *  - Every function is there since 0.1 unless it says another version.
 *  - Thread rule, unless stated: a tkt_store may be used by any number of threads at once; every
 *    other handle by one thread at a time.
 */
#ifndef TICKETING_BASE_H
#define TICKETING_BASE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__) || defined(__clang__)
#define TKT_API __attribute__((visibility("default")))
#else
#define TKT_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- status: the effect is there ------------------------------------------------------------ */

#define TKT_DONE INT32_C(0)     /* done now */
#define TKT_REPLAYED INT32_C(1) /* done before under the same idempotency key; the first result again */
#define TKT_PENDING INT32_C(2)  /* recorded; the money's fate is not known yet */

/* ---- status: refusals ----------------------------------------------------------------------- */

#define TKT_NOT_FOUND INT32_C(64)       /* no such object, or not any more */
#define TKT_EXISTS INT32_C(65)          /* such an object is there already */
#define TKT_SOLD_OUT INT32_C(66)        /* what was asked for is booked or withheld */
#define TKT_ALL_HELD INT32_C(67)        /* held by others now; may come back (see earliest_ms) */
#define TKT_EXPIRED INT32_C(68)         /* the hold's time is over */
#define TKT_RELEASED INT32_C(69)        /* the hold was given back */
#define TKT_CONSUMED INT32_C(70)        /* the hold was confirmed: there is a booking */
#define TKT_IN_PAYMENT INT32_C(71)      /* the hold is pinned: money may be in flight */
#define TKT_NOT_ON_SALE INT32_C(72)     /* status, sale window or missing price forbid it */
#define TKT_OVER_LIMIT INT32_C(73)      /* the buyer's limit for this event is reached */
#define TKT_NOT_ADMITTED INT32_C(74)    /* the token given is not valid for this */
#define TKT_KEY_REUSED INT32_C(75)      /* this idempotency key belongs to another request */
#define TKT_DECLINED INT32_C(76)        /* payment refused; attempt kept, hold back with its grace */
#define TKT_REFUND_DUE INT32_C(77)      /* money is kept on record, no tickets: refund it */
#define TKT_IN_USE INT32_C(78)          /* others depend on it: it can't be removed or replaced */
#define TKT_NOTHING_DUE INT32_C(79)     /* there is no money to give back */
#define TKT_AT_HARD_CAP INT32_C(80)     /* the hold can't live any longer than it does */
#define TKT_CANCELLED INT32_C(81)       /* the booking or the event was cancelled */
#define TKT_REFUND_FAILED INT32_C(82)   /* the provider refused to give the money back */

/* ---- status: failures (primary codes; returned negated) -------------------------------------- */

#define TKT_E_INVALID INT32_C(1)      /* an argument breaks its stated rule; nothing was tried */
#define TKT_E_NOMEM INT32_C(2)        /* the allocator refused */
#define TKT_E_IO INT32_C(3)           /* the operating system failed; detail = errno */
#define TKT_E_CORRUPT INT32_C(4)      /* the store's bytes break their own rules */
#define TKT_E_FULL INT32_C(5)         /* the store's map is full; what gives places back still goes */
#define TKT_E_LIMIT INT32_C(6)        /* larger than a stated limit */
#define TKT_E_ALREADY_OPEN INT32_C(7) /* this process has the store open already */
#define TKT_E_FORKED INT32_C(8)       /* the handle was opened by the parent process */
#define TKT_E_VERSION INT32_C(9)      /* written by a newer library */
#define TKT_E_UPGRADE INT32_C(10)     /* written by an older library: run the upgrade */
#define TKT_E_WORD_SIZE INT32_C(11)   /* written by a 32-bit build and opened by a 64-bit one, or back */
#define TKT_E_NO_STORE INT32_C(12)    /* there is no store at this path */
#define TKT_E_NOT_A_STORE INT32_C(13) /* there is something else at this path */
#define TKT_E_NET_FS INT32_C(14)      /* the path lies on a network file system */
#define TKT_E_SHORT_FILE INT32_C(15)  /* the data file is shorter than its own pages say */
#define TKT_E_READERS INT32_C(16)     /* the reader table is full */
#define TKT_E_CLOCK INT32_C(17)       /* the clock is before 2024 or behind 2057 */
#define TKT_E_UNKNOWN INT32_C(18)     /* committed or not: not known; ask again with the same key */
#define TKT_E_UNAVAILABLE INT32_C(19) /* certainly not done: the system of record is away */
#define TKT_E_BUSY INT32_C(20)        /* certainly not done: the deadline passed while waiting */
#define TKT_E_CONFLICT INT32_C(21)    /* certainly not done: others kept changing the same rows */
#define TKT_E_TOO_OLD INT32_C(22)     /* the snapshot has outlived the store's limit */
#define TKT_E_OVERFLOW INT32_C(23)    /* an amount does not fit into 64 bits */
#define TKT_E_READ_ONLY INT32_C(24)   /* the store was opened for reading */
#define TKT_E_PARSE INT32_C(25)       /* input text is malformed; the message says where */
#define TKT_E_STOPPED INT32_C(26)     /* a host callback asked to stop */
#define TKT_E_FENCED INT32_C(27)      /* the store went back in time */
#define TKT_E_NO_PAYMENT INT32_C(28)  /* a charge is needed and the host set no payment table */
#define TKT_E_INTERNAL INT32_C(29)    /* a bug in this library */
#define TKT_E_JOURNAL INT32_C(30)     /* the journal's tail is torn or of another store: restore a backup */

/* Whether a status is one of the three kinds. Thread: any. Since 0.1. */
#define TKT_IS_EFFECT(status) ((status) >= 0 && (status) < 64)
#define TKT_IS_REFUSAL(status) ((status) >= 64 && (status) < 128)
#define TKT_IS_FAILURE(status) ((status) < 0)

/* The primary code of a failure (TKT_E_…), or the status itself when it is not negative.
 * Never fails. Thread: any. Since 0.1. */
TKT_API int32_t tkt_status_primary(int32_t status);
/* The detail of a failure (an errno for TKT_E_IO), else 0. Never fails. Thread: any. Since 0.1. */
TKT_API int32_t tkt_status_detail(int32_t status);
/* The name of a status in lower case, as the tool prints it: "done", "sold_out", "io", …;
 * "unknown_status" for a code this library does not know. Static text. Thread: any. Since 0.1. */
TKT_API const char *tkt_status_name(int32_t status);
/* One plain sentence that explains a status. Static text. Thread: any. Since 0.1. */
TKT_API const char *tkt_status_text(int32_t status);

/* ---- causes: why a refusal refuses ------------------------------------------------------------ */

#define TKT_CAUSE_UNIT_BOOKED UINT32_C(1)       /* `unit` is booked */
#define TKT_CAUSE_UNIT_HELD UINT32_C(2)         /* `unit` is held until earliest_ms */
#define TKT_CAUSE_UNIT_WITHHELD UINT32_C(3)     /* `unit` is withheld from sale */
#define TKT_CAUSE_UNIT_UNKNOWN UINT32_C(4)      /* the event has no such `unit` */
#define TKT_CAUSE_AREA_SOLD UINT32_C(5)         /* area `id`: `limit` places, `have` sold */
#define TKT_CAUSE_AREA_HELD UINT32_C(6)         /* area `id`: enough unsold, but held until earliest_ms */
#define TKT_CAUSE_AREA_UNKNOWN UINT32_C(7)      /* the event has no area `id` */
#define TKT_CAUSE_NO_PRICE UINT32_C(8)          /* `unit` or area `id` has no price in one currency */
#define TKT_CAUSE_EVENT_STATUS UINT32_C(9)      /* the event's status is `have` (TKT_EVENT_…) */
#define TKT_CAUSE_WINDOW_NOT_OPEN UINT32_C(10)  /* sale opens at earliest_ms */
#define TKT_CAUSE_WINDOW_CLOSED UINT32_C(11)    /* sale ended */
#define TKT_CAUSE_BUYER_LIMIT UINT32_C(12)      /* buyer may have `limit`, has `have`, asked for `asked` */
#define TKT_CAUSE_BUYER_ANONYMOUS UINT32_C(13)  /* this event needs a buyer key */
#define TKT_CAUSE_HOLD_EXPIRED UINT32_C(14)     /* since earliest_ms */
#define TKT_CAUSE_HOLD_RELEASED UINT32_C(15)    /* given back */
#define TKT_CAUSE_HOLD_CONSUMED UINT32_C(16)    /* booking `id` */
#define TKT_CAUSE_HOLD_PINNED UINT32_C(17)      /* intent `id` in flight, until earliest_ms at most */
#define TKT_CAUSE_TOKEN UINT32_C(18)            /* no hold has this token */
#define TKT_CAUSE_PAYMENT_DECLINED UINT32_C(19) /* intent `id`; the hold lives until earliest_ms */
#define TKT_CAUSE_REFERENCED UINT32_C(20)       /* `have` other records need it; `id` is one */
#define TKT_CAUSE_HARD_CAP UINT32_C(21)         /* the hold's last instant is earliest_ms */
#define TKT_CAUSE_BOOKING_CANCELLED UINT32_C(22)/* booking `id` */
#define TKT_CAUSE_MISSING UINT32_C(23)          /* object `id` is not there; text says of what kind */
#define TKT_CAUSE_MONEY_HELD UINT32_C(24)       /* intent `id` holds money with no tickets */

#define TKT_CAUSE_QUEUE UINT32_C(25)            /* event `id` has a waiting room; earliest_ms: when your turn may come */

/* One link of the chain. Members that a kind does not name are 0. */
typedef struct tkt_cause {
    uint32_t size;
    uint32_t kind;      /* TKT_CAUSE_… */
    uint64_t id;        /* area, intent, booking, … as the kind says */
    uint32_t unit;      /* seat, or 0 */
    uint32_t reserved;
    int64_t limit;      /* what is allowed or there in all */
    int64_t have;       /* what is taken already */
    int64_t asked;      /* what was asked for */
    int64_t earliest_ms;/* earliest instant at which this could change, or 0: not known or never */
} tkt_cause;

/* ---- the last error of this thread ------------------------------------------------------------ */

#define TKT_ERROR_TEXT_BYTES 256
#define TKT_ERROR_CAUSES 16

/* A copy of this thread's record of its last call that refused or failed. */
typedef struct tkt_error {
    uint32_t size;
    int32_t status;
    uint32_t causes;  /* how many causes there are (those kept: at most TKT_ERROR_CAUSES) */
    uint32_t text_bytes; /* length of text without its NUL */
    char text[TKT_ERROR_TEXT_BYTES]; /* one line, always NUL-terminated */
} tkt_error;
#define TKT_ERROR_INIT { (uint32_t)sizeof(tkt_error), 0, 0, 0, { 0 } }
TKT_API void tkt_error_init(tkt_error *error);

/* The record is written by every public call that refuses or fails, on the thread that made it,
 * and never allocates. A call that succeeds leaves it alone: read it only after a bad status.
 * text: static until this thread's next refusal or failure. Thread: any. Since 0.1. */
TKT_API const char *tkt_error_text(void);
/* Copies the record out. -TKT_E_INVALID when error is NULL or its size unknown. */
TKT_API int32_t tkt_error_copy(tkt_error *error);
/* Copies cause `index` (0…causes−1) out. TKT_NOT_FOUND past the last; -TKT_E_INVALID on a bad size. */
TKT_API int32_t tkt_error_cause(uint32_t index, tkt_cause *cause);
/* The name of a cause kind as the tool prints it: "unit_booked", …. Static text. */
TKT_API const char *tkt_cause_name(uint32_t kind);

/* ---- host hooks ------------------------------------------------------------------------------- */

#define TKT_LOG_ERROR UINT32_C(1)
#define TKT_LOG_WARNING UINT32_C(2)
#define TKT_LOG_INFO UINT32_C(3)

/* What the host may lend. A NULL function means the default. Called on the calling thread, from
 * inside any library call, also while a write transaction is open: they must be quick and must not
 * call this library. The table is copied when given; `user` must live as long as the store. */
typedef struct tkt_hooks {
    uint32_t size;
    uint32_t reserved;
    void *user;
    /* Wall clock, ms since 1970Z. Default: CLOCK_REALTIME. */
    int64_t (*wall_ms)(void *user);
    /* A clock that never goes back while the machine runs, ms since anything, time asleep
     * included. Default: CLOCK_BOOTTIME. */
    int64_t (*monotonic_ms)(void *user);
    /* Fills n bytes of unpredictable randomness; 0 on success. Default: getrandom(2). */
    int32_t (*random)(void *user, uint8_t *bytes, size_t n);
    /* realloc with the old size: ptr NULL allocates, new_size 0 frees and returns NULL.
     * Default: the C library. (LMDB itself always uses the C library's.) */
    void *(*allocate)(void *user, void *ptr, size_t old_size, size_t new_size);
    /* One line of text, not NUL-terminated. Default: dropped. */
    void (*log)(void *user, uint32_t level, const char *text, size_t text_bytes);
} tkt_hooks;
#define TKT_HOOKS_INIT { (uint32_t)sizeof(tkt_hooks), 0, NULL, NULL, NULL, NULL, NULL, NULL }
/* See the rules: fills the table with NULLs, that is with the defaults. */
TKT_API void tkt_hooks_init(tkt_hooks *hooks);

/* ---- small shared shapes ---------------------------------------------------------------------- */

#define TKT_KEY_BYTES 16   /* an idempotency key; all zeros: the library draws one */
#define TKT_TOKEN_BYTES 32 /* a hold token: event id 8 BE, claim 4 BE, four zeros, 16 secret */
#define TKT_BUYER_BYTES 16 /* an opaque buyer key; all zeros: anonymous */
#define TKT_CODE_BYTES 16  /* a ticket code; text form: 26 characters of Crockford base32 */
#define TKT_CODE_TEXT 26
#define TKT_ADMISSION_BYTES 82 /* a signed admission of a waiting room: ticketing/queue.h */
#define TKT_CURRENCY_BYTES 4 /* ISO 4217 letters and a NUL; all zeros: none */

/* A string in or out. Out: valid as long as the function that gave it says. */
typedef struct tkt_text {
    const char *ptr;
    size_t len;
} tkt_text;

/* Flags of every mutating call. */
#define TKT_DRY_RUN UINT32_C(1) /* answer what would happen; change nothing */

/* The number of decimals of an ISO 4217 currency (JPY 0, EUR 2, KWD 3), 2 for one not in the list.
 * Source: ISO 4217:2015 list one. -TKT_E_INVALID unless three capital letters. */
TKT_API int32_t tkt_currency_decimals(const char *currency, uint32_t *decimals);
/* Parses a decimal in the major unit ("12.50", "1e3" is refused) into minor units, never through
 * floating point. Digits past the currency's decimals must be zeros. -TKT_E_PARSE, -TKT_E_OVERFLOW. */
TKT_API int32_t tkt_amount_parse(const char *text, size_t len, const char *currency, int64_t *minor);
/* Writes minor units as a decimal in the major unit, NUL-terminated. *needed counts the NUL and is
 * always set. -TKT_E_LIMIT when cap is too small. */
TKT_API int32_t tkt_amount_format(int64_t minor, const char *currency, char *buf, size_t cap, size_t *needed);

/* Text forms of a hold token (64 hex digits), a key (32) and a ticket code (26 Crockford base32
 * characters; reading accepts lower case, hyphens, O for 0, I and L for 1). Source of the alphabet:
 * Douglas Crockford, "Base 32". text buffers get no NUL. -TKT_E_PARSE. */
TKT_API void tkt_token_format(const uint8_t token[TKT_TOKEN_BYTES], char text[64]);
TKT_API int32_t tkt_token_parse(const char *text, size_t len, uint8_t token[TKT_TOKEN_BYTES]);
TKT_API void tkt_key_format(const uint8_t key[TKT_KEY_BYTES], char text[32]);
TKT_API int32_t tkt_key_parse(const char *text, size_t len, uint8_t key[TKT_KEY_BYTES]);
TKT_API void tkt_code_format(const uint8_t code[TKT_CODE_BYTES], char text[TKT_CODE_TEXT]);
TKT_API int32_t tkt_code_parse(const char *text, size_t len, uint8_t code[TKT_CODE_BYTES]);

/* Instants as RFC 3339 text. Parsing accepts a date (00:00Z of that date), or a date and time with
 * `Z` or an offset; years 0001…9999, seconds and fractions optional. *offset_min gets the offset in
 * minutes (0 for a date and for Z) and *date_only 1 for a plain date; either may be NULL.
 * -TKT_E_PARSE. Formatting writes the local time of offset_min with its offset, or the date alone;
 * buf gets a NUL. At most TKT_INSTANT_TEXT bytes. Thread: any. Since 0.1. */
#define TKT_INSTANT_TEXT 32
TKT_API int32_t tkt_instant_parse(const char *text, size_t len, int64_t *ms, int32_t *offset_min, int32_t *date_only);
TKT_API int32_t tkt_instant_format(int64_t ms, int32_t offset_min, int32_t date_only, char buf[TKT_INSTANT_TEXT], size_t *len);

/* Version of the library at run time: 0xMMmmpp. Thread: any. Since 0.1. */
TKT_API uint32_t tkt_version(void);

#ifdef __cplusplus
}
#endif
#endif
