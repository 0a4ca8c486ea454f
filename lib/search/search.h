/* SPDX-License-Identifier: MIT
 *
 * search/search.h: the internal face of the search room, and the layout of the index.
 *
 * The index lies in the catalogue's store, under the catalogue's guard, and changes in the commit that
 * changes an event. Nothing outside this room keeps a document number.
 *
 * Document number (docno, u32): day << 17 | slot. Day 0: before 2000; day d: the d-th UTC day from
 * 2000-01-01 on; TKT__DAY_LATE: all after; the days above it take what does not fit into its own day
 * (131,072 documents). So a date window is one range of every list, and lists are in order of days.
 *
 * Rows (numbers little-endian unless be; tables in store/store.h)
 *   SEARCH    'V' → u32 layout, u32 analyser, TKT__FIELDS × (u16 weight × 100, u32 average length × 100)
 *             'N' → u64 documents, u32 last list id, u32 documents in spill days, u32 last category,
 *             u32 chunks of 8,192 numbers in use when it was built
 *             'G' → u64 generation; of SOLD_OUT too: cache.c
 *             'D' be16 day → u32 next slot, u32 documents, u32 sorted: slots below it are in order
 *             of (start, event), as a build gave them out; u16 n, n × u32 freed slots
 *             'c' folded category → u16 number;  'C' be16 number → folded category
 *             'r' kind be64 id → an owner whose events are being told its new name: rename.c
 *             'p' be64 event → words (u8 length, bytes) whose NEAR_WORD rows are still to be written
 *   TERM      term → inline: u8 flags, varint n, u32 first docno, n − 1 varint gaps, n nibbles of level;
 *             external: u8 flags | 1, u32 list id, u32 n. A term is a word, or namespace byte ‖ bytes.
 *             Flags: 1 external, 2 with levels, 4 a bitmap, whose levels are list id + 1; upper half: by how
 *             much its levels stay below 15 at least
 *   POSTING   be32 list, be32 fence → block (block.h); it holds the postings in (fence before, fence];
 *             a list's last block has fence 0xFFFFFFFF. Of a bitmap: chunks and stretches (chunk.h)
 *   COLUMN    'c' be32 docno >> 6 → facts of 64 documents: column.h
 *             'i' be32 event >> 6 → 64 × u32 docno, the tail of zeros cut off
 *   SOLD_OUT  be32 docno >> 13 → n × u16 offset, ascending
 *   NEAR_WORD words by what is left of them when letters go: near.c
 *   PLACE     names by their words, venues by cells: names.c
 *
 * Files: block (bytes of postings), chunk (bytes of bitmaps), list and bitmap (terms and their postings), docs
 * (numbers), column (facts of documents), terms (what an event is found by), update (the change of one event), near (words a typo
 * away), names (of owners and cities); query.h has those that answer, build.h those that make the index anew;
 * check.
 */
#ifndef TKT_SEARCH_SEARCH_H
#define TKT_SEARCH_SEARCH_H

#include "catalog/catalog.h"
#include "text/analyse.h"
#include "text/stem.h"

extern const tkt__room tkt__search_room;

#define TKT__INDEX_LAYOUT 5 /* 4: a plain date lasted no time, which is another list of durations */

/* ---- document numbers ------------------------------------------------------------------------------ */

#define TKT__SLOT_BITS 17
#define TKT__DAY_SLOTS (UINT32_C(1) << TKT__SLOT_BITS)
#define TKT__DAY_LATE UINT32_C(32703)
#define TKT__DAY_SPILL UINT32_C(32704) /* …TKT__DAY_END − 1 */
#define TKT__DAY_END UINT32_C(32767)
#define TKT__MS_2000 INT64_C(946684800000)
#define TKT__MS_DAY INT64_C(86400000)

uint32_t tkt__day_of(int64_t start_ms);

/* ---- terms -------------------------------------------------------------------------------------------- */

/* First byte of terms that are not words. Words begin with 0x30 or above. */
enum {
    TKT__NS_STEM = 1,      /* language number, stem */
    TKT__NS_CITY = 2,      /* folded city */
    TKT__NS_COUNTRY = 3,
    TKT__NS_CATEGORY = 4,  /* folded category or type */
    TKT__NS_VENUE = 5,     /* be32 */
    TKT__NS_PERFORMER = 6, /* be32 */
    TKT__NS_CITY_CATEGORY = 7, /* folded city, 0, folded category or type */
    TKT__NS_DURATION = 8,  /* class 1…TKT__DURATIONS */
    TKT__NS_ALL = 9,       /* every event */
    TKT__NS_VENUE_NAME = 10,/* folded name; in queries alone: names.c tells which venues have it */
    TKT__NS_LAST = 10      /* what begins above it is a word */
};
#define TKT__TERM_MAX 500
#define TKT__PLAIN_MAX 480u /* bytes of a folded text in a filter; of a longer one the first count */
#define TKT__DURATIONS 7
extern const int64_t tkt__duration_most_ms[TKT__DURATIONS + 1]; /* of class c: at most; [0] is 0 */

/* Levels of BM25F saturation t / (t + k1): sixteen equal steps of the part where words in practice lie, so that
 * they tell events apart; what is less or more counts as the lowest or the highest. */
#define TKT__LEVELS 16
#define TKT__LEVEL_FROM 0.30
#define TKT__LEVEL_TO 0.92
static inline double tkt__level_value(uint32_t level)
{
    return TKT__LEVEL_FROM + (level + 0.5) * (TKT__LEVEL_TO - TKT__LEVEL_FROM) / TKT__LEVELS;
}

enum { TKT__FIELD_NAME, TKT__FIELD_PERFORMERS, TKT__FIELD_VENUE, TKT__FIELD_CITY, TKT__FIELD_CATEGORY,
       TKT__FIELD_TYPE, TKT__FIELD_DESCRIPTION, TKT__FIELDS };

typedef struct tkt__index_meta {
    uint32_t layout, analyser;
    double weight[TKT__FIELDS], average[TKT__FIELDS];
} tkt__index_meta;

/* One term of an event; level is TKT__NO_LEVEL for terms that do not score. */
#define TKT__NO_LEVEL 0xff
typedef struct tkt__term {
    const uint8_t *p;
    uint32_t n;
    uint8_t level;
} tkt__term;

static inline int tkt__term_compare(const tkt__term *a, const tkt__term *b)
{
    return tkt__slice_compare(tkt__slice_of(a->p, a->n), tkt__slice_of(b->p, b->n));
}

/* What an event is found by: sorted by bytes, each term once. */
#define TKT__EVENT_WORDS 256
#define TKT__EVENT_TERMS (2 * TKT__EVENT_WORDS + 4 * TKT_PERFORMERS_MAX)
typedef struct tkt__terms {
    uint32_t count;
    uint32_t words;          /* different words (not stems, not filters) */
    int64_t start_ms;
    uint64_t venue;
    uint8_t category[TKT_SHORT_MAX * 4];
    uint32_t category_n;     /* folded category, else type */
    uint32_t length[TKT__FIELDS]; /* words of each field */
    tkt__arena arena;
    tkt__term term[TKT__EVENT_TERMS];
} tkt__terms;

/* terms.c. Names of venue and performers are read in tx. What is opened once serves for one event after the
 * other, and is freed by the caller, also after a failure. */
void tkt__terms_open(tkt__terms *terms, const tkt_hooks *hooks);
/* `renames`: where owners whose events are being brought up to date are asked for; NULL: by present names. */
int32_t tkt__terms_of(tkt__tx *tx, tkt__tx *renames, const tkt__index_meta *meta, uint64_t event, tkt__slice record,
                      tkt__terms *out);
/* By present names, as they come: not sorted, filters perhaps twice. */
int32_t tkt__terms_unsorted(tkt__tx *tx, const tkt__index_meta *meta, uint64_t event, tkt__slice record,
                            tkt__terms *out);
void tkt__terms_free(tkt__terms *terms);
/* The term of a city and a category (both with their namespace byte); 0: too long to have one. */
uint32_t tkt__term_pair(const uint8_t *city, uint32_t city_n, const uint8_t *category, uint32_t category_n,
                        uint8_t term[TKT__TERM_MAX]);
/* Folds a filter's text into a term with its namespace; *n = 0 when nothing is left of it. */
int32_t tkt__term_fold(uint8_t ns, const char *p, size_t len, uint8_t term[TKT__TERM_MAX], uint32_t *n);

/* ---- the index as a whole (docs.c) --------------------------------------------------------------------- */

/* TKT_NOT_FOUND: the store has no index. -TKT_E_UPGRADE: another analyser made it. */
int32_t tkt__index_meta_get(tkt__tx *tx, tkt__index_meta *meta);
int32_t tkt__index_meta_put(tkt__tx *tx, const tkt__index_meta *meta);
#define TKT__INDEX_ROW_BYTES 64
size_t tkt__index_meta_encode(const tkt__index_meta *meta, uint8_t out[TKT__INDEX_ROW_BYTES]);
void tkt__index_meta_default(tkt__index_meta *meta);

typedef struct tkt__index_counts {
    uint64_t documents;
    uint32_t last_list, spilled, last_category;
    uint32_t chunks; /* of 8,192 numbers that had documents when the index was built */
} tkt__index_counts;
int32_t tkt__index_counts_get(tkt__tx *tx, tkt__index_counts *counts);
int32_t tkt__index_counts_put(tkt__tx *tx, const tkt__index_counts *counts);
size_t tkt__index_counts_encode(const tkt__index_counts *counts, uint8_t out[TKT__INDEX_ROW_BYTES]);

/* Gives a document a number, frees one. Day rows and counts follow. */
int32_t tkt__doc_take(tkt__tx *tx, uint32_t day, uint32_t *docno);
int32_t tkt__doc_free(tkt__tx *tx, uint32_t docno);
/* A day's row: `freed` slots below `next` are free again, those below `sorted` in order. */
#define TKT__DAY_FREED_MOST 64u
#define TKT__DAY_ROW_BYTES (14 + 4 * TKT__DAY_FREED_MOST)
typedef struct tkt__day_row {
    uint32_t next, documents, sorted, freed;
    uint32_t slot[TKT__DAY_FREED_MOST];
} tkt__day_row;
size_t tkt__day_encode(const tkt__day_row *row, uint8_t out[TKT__DAY_ROW_BYTES]);
/* How many slots of a day are in order of (start, event); a document there starts at another time now. */
int32_t tkt__day_sorted(tkt__tx *tx, uint32_t day, uint32_t *slots);
int32_t tkt__day_unsort(tkt__tx *tx, uint32_t docno);
/* The document of an event; TKT_NOT_FOUND. */
int32_t tkt__doc_of(tkt__tx *tx, uint64_t event, uint32_t *docno);
int32_t tkt__doc_of_put(tkt__tx *tx, uint64_t event, uint32_t docno); /* 0: none */

#define TKT__COLUMN_IDS 64u /* events of a row of 'i' */
/* Bytes of such a row without its tail of zeros. */
static inline size_t tkt__ids_used(const uint8_t *bytes)
{
    size_t n = 4 * TKT__COLUMN_IDS;
    while (n > 0 && bytes[n - 1] == 0)
        n--;
    return (n + 3) / 4 * 4;
}

/* ---- facts of documents (column.c) ------------------------------------------------------------------------- */

#define TKT__PRICE_LARGE UINT32_MAX         /* too large for the column: the sale knows */
/* A column's currency: number << 1, with this bit: it has prices in others too. */
#define TKT__CURRENCY_MORE 1u
#define TKT__CURRENCY_SHIFT 1u
typedef struct tkt__column {
    uint32_t event; /* 0: nobody has this number */
    uint32_t venue;
    int64_t start_ms;
    uint32_t price;
    uint16_t currency; /* tkt__column_currency */
    uint16_t category; /* number, 0: none */
} tkt__column;
int32_t tkt__column_put(tkt__tx *tx, uint32_t docno, const tkt__column *column); /* event 0: clears */
int32_t tkt__column_get(tkt__tx *tx, uint32_t docno, tkt__column *column); /* TKT_NOT_FOUND */
/* currency.c */
uint16_t tkt__currency_code(const char currency[TKT_CURRENCY_BYTES]); /* 0: none */
void tkt__currency_text(uint16_t code, char currency[TKT_CURRENCY_BYTES]);
static inline uint16_t tkt__column_currency(const char currency[TKT_CURRENCY_BYTES], bool more)
{
    return (uint16_t)(tkt__currency_code(currency) << TKT__CURRENCY_SHIFT | (more ? TKT__CURRENCY_MORE : 0));
}
int32_t tkt__category_number(tkt__tx *tx, const uint8_t *name, uint32_t n, uint16_t *number); /* makes it */

#define TKT__SOLD_SPAN_BITS 13
int32_t tkt__sold_out_set(tkt__tx *tx, uint32_t docno, bool sold_out);
int32_t tkt__sold_out(tkt__tx *tx, uint32_t docno, bool *sold_out);

/* ---- lists (list.c) --------------------------------------------------------------------------------------- */

/* Adds a document or changes its level; *fresh: nobody had the term. Takes it out; nothing if it is not in;
 * *gone: nobody has the term any more. */
int32_t tkt__list_set(tkt__tx *tx, const tkt__term *term, uint32_t docno, bool *fresh);
int32_t tkt__list_drop(tkt__tx *tx, const tkt__term *term, uint32_t docno, bool *gone);

/* ---- words a typo away, places and names (near.c, place.c) ----------------------------------------------- */

/* Whether typos can lead to the word: 4 characters or more, no digit. Rows and remainders: near.h. */
bool tkt__near_word(const uint8_t *p, uint32_t n);
/* Files a word; whether all its entries are there. */
int32_t tkt__near_file(tkt__tx *tx, const uint8_t *p, uint32_t n);
int32_t tkt__near_is_filed(tkt__tx *tx, const uint8_t *p, uint32_t n, bool *filed);
/* Notes fresh words of an event: rows at once when few, else to be done by tick. */
int32_t tkt__near_note(tkt__tx *tx, uint64_t event, const tkt__term *const *words, uint32_t n);
/* Whether a word still waits to be filed. TKT_NOT_FOUND. */
int32_t tkt__near_waiting(tkt__tx *tx, tkt__slice word, tkt__slice *row);
int32_t tkt__near_tick(tkt_store *store, uint32_t most, uint32_t *done);

/* ---- generations (cache.c) ------------------------------------------------------------------------------------- */

/* Numbers that rise with every commit that changes what searches find. A build carries them on. */
typedef struct tkt__generation {
    uint64_t index, sold_out;
} tkt__generation;
int32_t tkt__generation_get(tkt__tx *tx, tkt__generation *generation);
int32_t tkt__generation_raise(tkt__tx *tx, bool sold_out);
int32_t tkt__generation_carry(tkt__tx *tx); /* into the generation being built, one higher */

/* ---- names that change (rename.c) --------------------------------------------------------------------------- */

/* The old record by which an event is still indexed; TKT_NOT_FOUND: the present one. */
int32_t tkt__renamed(tkt__tx *tx, uint8_t kind, uint64_t id, int64_t start_ms, uint64_t event, tkt__slice *record);
int32_t tkt__rename_tick(tkt_store *store, uint32_t most, uint32_t *done);
int32_t tkt__rename_open(tkt__tx *tx, uint32_t *jobs); /* counts them */
/* update.c: takes an event out as it is indexed, moves the owner's row on, and puts it in again. */
typedef int32_t (*tkt__row_put_fn)(tkt__tx *tx, uint8_t kind, uint64_t id, const uint8_t *place, tkt__slice record);
int32_t tkt__search_retell(tkt_store *store, tkt__tx *tx, uint64_t event, uint8_t kind, uint64_t id,
                           const uint8_t *place, tkt__slice record, tkt__row_put_fn row_put);

/* ---- the change of one event (update.c) -------------------------------------------------------------------- */

int32_t tkt__search_event_changed(void *user, tkt__tx *tx, uint64_t event, tkt__slice old_record,
                                  tkt__slice new_record);
/* The change of one event from the state of one snapshot to that of another, or of tx itself. */
int32_t tkt__search_move_event(tkt_store *store, tkt__tx *tx, const tkt__index_meta *meta, uint64_t event,
                               tkt__tx *then, tkt__tx *now);
/* The event's facts but for its category's number. */
int32_t tkt__column_of(tkt__tx *tx, uint64_t event, const tkt__terms *terms, tkt__column *column);
/* Called when the new record is there. -TKT_E_BUSY: an earlier change is still being worked off: settle, try again. */
int32_t tkt__search_entity_changed(void *user, tkt__tx *tx, uint8_t kind, uint64_t id, tkt__slice old_record,
                                   tkt__slice new_record);
int32_t tkt__search_settle(void *user, uint8_t kind, uint64_t id, uint64_t most);
uint32_t tkt__search_writes(void *user);
int32_t tkt__search_availability(void *user, tkt__tx *tx, uint64_t event, bool available);
int32_t tkt__search_sale_changed(void *user, tkt__tx *tx, uint64_t event);
int32_t tkt__search_check(tkt_store *store, tkt__tx *tx, tkt__problems *problems);

#endif
