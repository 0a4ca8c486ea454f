/* SPDX-License-Identifier: MIT
 *
 * base/base.h: the internal face of the lowest room. It knows no other room.
 *
 * Holds: slices, big-endian keys and little-endian values through helpers, a bump arena, the
 * per-thread error record's writers, the resolved host hooks, UTF-8 validation.
 * Nothing here touches a disk; a crash leaves nothing behind.
 */
#ifndef TKT_BASE_BASE_H
#define TKT_BASE_BASE_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include <string.h>

#include <ticketing/base.h>

typedef struct tkt__slice {
    const uint8_t *p;
    size_t n;
} tkt__slice;

static inline tkt__slice tkt__slice_of(const void *p, size_t n)
{
    tkt__slice s = { (const uint8_t *)p, n };
    return s;
}
int tkt__slice_compare(tkt__slice a, tkt__slice b); /* unsigned bytes, shorter first */

/* ---- hooks, resolved: every pointer set -------------------------------------------------------- */

/* A validated copy of the host's table with defaults filled in (never NULL members). */
int32_t tkt__hooks_resolve(const tkt_hooks *given /* may be NULL */, tkt_hooks *out);
/* For ages alone, a few milliseconds coarse: compare it with nothing but itself. */
int64_t tkt__age_clock_ms(const tkt_hooks *hooks);
void *tkt__alloc(const tkt_hooks *h, size_t n);                       /* not zeroed; NULL on refusal */
void *tkt__realloc(const tkt_hooks *h, void *p, size_t old_n, size_t n);
void tkt__free(const tkt_hooks *h, void *p, size_t n);                /* NULL is fine */
int32_t tkt__random(const tkt_hooks *h, void *p, size_t n);           /* TKT_DONE or -TKT_E_IO */
void tkt__log(const tkt_hooks *h, uint32_t level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- errors ------------------------------------------------------------------------------------ */

/* Each returns the status it was given, so that a function can `return tkt__fail(…)`.
 * tkt__fail starts a new record (causes emptied); text is printf-style, cut at TKT_ERROR_TEXT_BYTES.
 * tkt__refuse is the same with a positive status. Neither allocates. */
int32_t tkt__fail(int32_t primary, const char *format, ...) __attribute__((format(printf, 2, 3)));
int32_t tkt__fail_detail(int32_t primary, int32_t detail, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int32_t tkt__fail_errno(int err, const char *what); /* -(TKT_E_IO + 256*errno) with strerror text */
int32_t tkt__refuse(int32_t status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Appends a cause to the current record; dropped past TKT_ERROR_CAUSES but still counted. */
void tkt__cause(const tkt_cause *cause);
/* Bodies of a batch run on another caller's thread: these move the record over. */
typedef struct tkt__error_record {
    tkt_error error;
    tkt_cause causes[TKT_ERROR_CAUSES];
} tkt__error_record;
void tkt__error_save(tkt__error_record *out);
void tkt__error_load(const tkt__error_record *in);

/* size-first structs: copies min(size, known) bytes of `given` into `known`, zeroes the rest, checks
 * that an unknown tail is all zeros. -TKT_E_INVALID when NULL, shorter than min_size, no
 * multiple of 4 (no version of a struct is) or dirty. */
int32_t tkt__struct_in(void *known, size_t known_size, const void *given, size_t min_size, const char *name);
/* Copies a full result out to a caller's struct of given size (its `size` member stays). */
int32_t tkt__struct_out(void *given, const void *known, size_t known_size, size_t min_size, const char *name);

/* ---- files ------------------------------------------------------------------------------------- */

/* open(2) with O_CLOEXEC and mode 0600, and mkstemp(3) into `path`; never number 0, 1 or 2. -1: errno. */
int tkt__file_open(const char *path, int flags);
int tkt__file_scratch(char *path);
/* Numbers 0 to 2 that are free are taken while another library opens files, and then given back. */
uint32_t tkt__file_keep_standard(void);
void tkt__file_give_standard(uint32_t kept);
/* Makes a file at least so long, its bytes on the disk as far as the file system can promise them. 0, or an errno. */
int tkt__file_fill(int fd, uint64_t bytes);

/* A decimal number, written from its end backwards: -12.05 for 1205, 2, true. Where it begins. Not by printf, which took a
 * tenth of the time of a page of answers, and whose point is the locale's. Needs 22 bytes before `end`, or decimals + 3. */
char *tkt__decimal_back(char *end, uint64_t magnitude, uint32_t decimals, bool negative);

/* Degrees of a position. */
#define TKT__DEGREES_TEXT 24
void tkt__degrees_text(int32_t e7, char text[TKT__DEGREES_TEXT]);

/* ---- forks ------------------------------------------------------------------------------------------ */

typedef struct tkt__mine {
    const volatile uint8_t *page; /* NULL: the number tells */
    int32_t pid;
} tkt__mine;
void tkt__mine_begin(tkt__mine *mine);
void tkt__mine_end(tkt__mine *mine);
bool tkt__mine_is(const tkt__mine *mine); /* false in a child of the process that began it */

/* ---- arena ------------------------------------------------------------------------------------- */

#define TKT__ARENA_CHUNK 16384          /* bytes of the first ones */
#define TKT__ARENA_CHUNK_MAX (1u << 20) /* that they grow to */
typedef struct tkt__arena_chunk tkt__arena_chunk;
/* Bump allocation of 8-aligned pieces; reset keeps one chunk, free gives all back. */
typedef struct tkt__arena {
    const tkt_hooks *hooks;
    tkt__arena_chunk *chunks;
    size_t used;  /* bytes handed out since the last reset */
    size_t held;  /* bytes of its chunks */
    size_t limit; /* 0 = none; past it tkt__arena_get returns NULL */
} tkt__arena;
void tkt__arena_init(tkt__arena *a, const tkt_hooks *hooks, size_t limit);
void *tkt__arena_get(tkt__arena *a, size_t n);             /* NULL: no memory or over the limit */
void *tkt__arena_copy(tkt__arena *a, const void *p, size_t n);
void tkt__arena_reset(tkt__arena *a);
void tkt__arena_free(tkt__arena *a);

/* ---- bytes -------------------------------------------------------------------------------------- */

static inline void tkt__be32(uint8_t *p, uint32_t v) { for (int i = 0; i < 4; i++) p[i] = (uint8_t)(v >> (24 - 8 * i)); }
static inline void tkt__be64(uint8_t *p, uint64_t v) { for (int i = 0; i < 8; i++) p[i] = (uint8_t)(v >> (56 - 8 * i)); }
static inline uint32_t tkt__get_be32(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }
static inline uint64_t tkt__get_be64(const uint8_t *p) { return (uint64_t)tkt__get_be32(p) << 32 | tkt__get_be32(p + 4); }
/* Signed instants in keys: the sign bit is flipped so that unsigned order is time order. */
static inline void tkt__be_instant(uint8_t *p, int64_t v) { tkt__be64(p, (uint64_t)v ^ (UINT64_C(1) << 63)); }
static inline int64_t tkt__get_be_instant(const uint8_t *p) { return (int64_t)(tkt__get_be64(p) ^ (UINT64_C(1) << 63)); }

/* A writer of little-endian values into a fixed buffer. Overrun sets `bad` and writes nothing more. */
typedef struct tkt__writer {
    uint8_t *p;
    size_t n, cap;
    bool bad;
} tkt__writer;
static inline tkt__writer tkt__writer_of(uint8_t *p, size_t cap) { tkt__writer w = { p, 0, cap, false }; return w; }
void tkt__put_u8(tkt__writer *w, uint8_t v);
void tkt__put_u16(tkt__writer *w, uint16_t v);
void tkt__put_u32(tkt__writer *w, uint32_t v);
void tkt__put_u64(tkt__writer *w, uint64_t v);
void tkt__put_i64(tkt__writer *w, int64_t v);
void tkt__put_varint(tkt__writer *w, uint64_t v);  /* LEB128, at most 10 bytes */
void tkt__put_bytes(tkt__writer *w, const void *p, size_t n);
void tkt__put_text(tkt__writer *w, const void *p, size_t n); /* varint length, bytes */

/* A reader of the same. Underrun or a malformed varint sets `bad`, returns zeros / empty slices. */
typedef struct tkt__reader {
    const uint8_t *p, *end;
    bool bad;
} tkt__reader;
static inline tkt__reader tkt__reader_of(tkt__slice s)
{
    tkt__reader r = { s.p, s.n != 0 ? s.p + s.n : s.p, false }; /* an empty slice may point nowhere */
    return r;
}
uint8_t tkt__get_u8(tkt__reader *r);
uint16_t tkt__get_u16(tkt__reader *r);
uint32_t tkt__get_u32(tkt__reader *r);
uint64_t tkt__get_u64(tkt__reader *r);
int64_t tkt__get_i64(tkt__reader *r);
uint64_t tkt__get_varint(tkt__reader *r);
tkt__slice tkt__get_bytes(tkt__reader *r, size_t n);
tkt__slice tkt__get_text(tkt__reader *r);

/* ---- text and numbers ---------------------------------------------------------------------------- */

bool tkt__utf8_valid(const void *p, size_t n); /* RFC 3629: no surrogates, no overlongs; NUL refused */
void tkt__utf8_mend(char *text, size_t n); /* a question mark for each byte that is of no character */
/* Door check of a string argument: length ≤ max, valid UTF-8. -TKT_E_INVALID / -TKT_E_LIMIT naming `what`. */
int32_t tkt__text_check(const char *ptr, size_t len, size_t max, const char *what);
bool tkt__add_i64(int64_t a, int64_t b, int64_t *out); /* false: overflow */
bool tkt__mul_i64(int64_t a, int64_t b, int64_t *out);
bool tkt__currency_valid(const char currency[TKT_CURRENCY_BYTES]); /* three capitals and a NUL */
bool tkt__is_zero(const void *p, size_t n);
/* n bytes as 2 n hex digits, no NUL; and back: -TKT_E_PARSE naming `what` unless there are just so many. */
void tkt__hex_format(const uint8_t *bytes, size_t n, char *text);
int32_t tkt__hex_parse(const char *text, size_t len, uint8_t *bytes, size_t n, const char *what);

#endif
