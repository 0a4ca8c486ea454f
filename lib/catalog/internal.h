/* SPDX-License-Identifier: MIT
 *
 * catalog/internal.h: what the files of the catalogue share among themselves: keys, guards,
 * refusals, the one flow of every creating call and the one of every deleting call.
 *
 * Invariant: a creating or deleting body reads its idempotency record first and writes it last, so
 * a crash or a re-run leaves the whole change with its record, or nothing.
 */
#ifndef TKT_CATALOG_INTERNAL_H
#define TKT_CATALOG_INTERNAL_H

#include "catalog/records.h"

/* The id that a dry run works with: the last of its kind, which no lease ever reaches in practice.
 * A dry run must not lease, for a lease is a commit. */
#define TKT__DRY_ID TKT__ID_POSTING_MAX

/* TKT__T_EVENT_LIST, one more kind: venue(8) chart(8) zero(8): the charts of a venue. */
#define TKT__E_VENUE_CHART 'h'
#define TKT__LIST_KEY_MAX  25 /* kind(1) owner(8) start(8) event(8) */

/* What the feed records of venues, performers and users say. */
enum { TKT__WHAT_ADDED = 1, TKT__WHAT_CHANGED = 2, TKT__WHAT_DELETED = 3 };

#define TKT__USER_RECORD_MAX 4096

/* ---- keys and guards (names.c) --------------------------------------------------------------- */

static inline tkt__guard tkt__guard_of(uint8_t kind, uint64_t id)
{
    tkt__guard g = { kind, id };
    return g;
}
void tkt__entity_key(uint8_t kind, uint64_t id, uint8_t key[9]);
/* Writes the key of a list row; kind TKT__E_DATE has no owner. Returns its length. */
size_t tkt__list_key(uint8_t kind, uint64_t owner, int64_t start_ms, uint64_t event,
                     uint8_t key[TKT__LIST_KEY_MAX]);

/* ---- small reads and writes (shared.c) ------------------------------------------------------- */

int32_t tkt__user_get(tkt__tx *tx, uint64_t id, tkt__slice *record);
/* The id that a row of TKT__T_NAME or TKT__T_LOOKUP gives. TKT_NOT_FOUND. */
int32_t tkt__row_id(tkt__tx *tx, uint8_t table, tkt__slice key, uint64_t *id);
int32_t tkt__row_id_put(tkt__tx *tx, uint8_t table, tkt__slice key, uint64_t id);
/* How many records of a kind there are: a row of id 0 beside them. users: TKT__T_USER. */
int32_t tkt__count_add(tkt__tx *tx, uint8_t table, tkt__slice key, int32_t by);
int32_t tkt__count_get(tkt__tx *tx, uint8_t table, tkt__slice key, uint64_t *count);
/* The feed record {id u64, what u8}. */
int32_t tkt__feed_what(tkt__tx *tx, tkt__guard guard, uint8_t kind, uint64_t id, uint8_t what);

/* Refusals with their cause; tkt__refuse_missing is in the face. `what` is "venue", "event", … */
int32_t tkt__refuse_taken(const char *what, uint64_t id); /* TKT_EXISTS; the cause's id owns it */
int32_t tkt__refuse_used(const char *what, uint64_t by, const char *by_what);

/* Copies a record into the caller's buffer for a `…_copy` call; *needed is always set. */
int32_t tkt__record_copy(tkt__slice record, char *buf, size_t cap, size_t *needed);

/* ---- create and delete (shared.c) ------------------------------------------------------------ */

typedef struct tkt__change tkt__change;
struct tkt__change {
    tkt_store *store;
    tkt__guard scope;  /* of the idempotency record */
    uint8_t op;        /* TKT__OP_… */
    uint8_t id_kind;   /* create: TKT__ID_… to lease from; 0: delete */
    uint8_t own_guard; /* kind of the object's own guard to hold too, or 0 */
    uint64_t id;       /* create: the fresh id; delete: the object */
    uint64_t result;   /* what the body answered */
    tkt__slice record; /* create: canonical bytes, also the fingerprint */
    tkt__slice name_key;
    uint8_t key[TKT_KEY_BYTES];
    uint8_t fingerprint[TKT__FINGERPRINT_BYTES];
    int32_t (*apply)(tkt__tx *tx, tkt__change *change);
};
int32_t tkt__create_run(tkt__change *change, const uint8_t *key, uint32_t flags,
                        tkt_created *created);
int32_t tkt__delete_run(tkt__change *change, const uint8_t *key, uint32_t flags);

/* ---- records.c, more ------------------------------------------------------------------------- */

int32_t tkt__user_encode(const tkt_user *user, uint8_t *buf, size_t cap, size_t *n);
int32_t tkt__user_decode(tkt__slice record, uint64_t id, tkt_user *user);
size_t tkt__user_key(tkt__slice external, uint8_t key[TKT__KEY_MAX]);

#define TKT__EVENT_STATUS_AT 1 /* the byte of an event record that holds its status */
/* The head of an event record: what lists and sales need, without decoding the texts. */
typedef struct tkt__event_head {
    uint32_t status, flags, performers;
    int64_t start_ms, price_minor;
    uint64_t venue_id;
    char currency[TKT_CURRENCY_BYTES];
} tkt__event_head;
int32_t tkt__event_head_of(tkt__slice record, tkt__event_head *head);
uint64_t tkt__event_performer_at(tkt__slice record, uint32_t index); /* index < performers */
/* The first text of an event record: its external id. */
int32_t tkt__event_external(tkt__slice record, tkt_text *external);
/* A rule that the API keeps and the import does not (three real events break it): no end before the
 * start. Only for an event that tkt__event_encode accepted. */
int32_t tkt__event_order_check(const tkt_event *event);

/* TKT_NOT_FOUND (with its cause) when the venue or a performer is not there. */
int32_t tkt__event_refs_check(tkt__tx *tx, tkt__slice record);
/* TKT_EXISTS when another event than `self` has this external id (empty: never). */
int32_t tkt__event_external_check(tkt__tx *tx, tkt_text external, uint64_t self);

/* An update of a venue or performer: told to who keeps track (in the body, once the new record is there), and
 * run again when an earlier change of the same one had to be finished first. */
int32_t tkt__entity_changed(tkt_store *store, tkt__tx *tx, uint8_t kind, uint64_t id, tkt__slice old_record,
                            tkt__slice new_record);
int32_t tkt__entity_update(tkt_store *store, uint8_t kind, uint64_t id, uint32_t flags, tkt__body body, void *ctx);

#endif
