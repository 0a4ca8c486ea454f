/* SPDX-License-Identifier: MIT
 *
 * catalog/records.h: the records of venues, performers and events as bytes, and their writing with
 * every index row, feed record and change hook: the one way in, for the calls and for the import.
 */
#ifndef TKT_CATALOG_RECORDS_H
#define TKT_CATALOG_RECORDS_H

#include "catalog/catalog.h"

#define TKT__EVENT_RECORD_MAX 32768
#define TKT__FOLDED_MAX 500 /* a folded key longer than this is cut and ends in its XXH3-64 */

/* Keys of TKT__T_NAME (kind byte included): folded name, city, country joined by 0x1f. */
int32_t tkt__venue_key(tkt_text name, tkt_text city, tkt_text country, uint8_t key[TKT__KEY_MAX], size_t *n);
int32_t tkt__performer_key(tkt_text name, uint8_t key[TKT__KEY_MAX], size_t *n);
int32_t tkt__event_key(tkt_text external_id, uint8_t key[TKT__KEY_MAX], size_t *n);

/* Encode validates every text and number (-TKT_E_INVALID, -TKT_E_LIMIT) and writes canonical bytes:
 * equal events have equal bytes. Decode answers -TKT_E_CORRUPT on malformed bytes; texts point into
 * the slice. */
int32_t tkt__venue_encode(const tkt_venue *venue, uint8_t *buf, size_t cap, size_t *n);
int32_t tkt__performer_encode(const tkt_performer *performer, uint8_t *buf, size_t cap, size_t *n);
int32_t tkt__event_encode(const tkt_event *event, uint8_t *buf, size_t cap, size_t *n);
int32_t tkt__event_decode(tkt__slice record, uint64_t id, tkt_event *event);

/* Bodies' writers. The catalogue's guard must be held; for an event that is there, its own too.
 * They write the record, its name and list rows, the feed records, and call the change hook. */
int32_t tkt__venue_insert(tkt__tx *tx, uint64_t id, tkt__slice key, tkt__slice record);
int32_t tkt__performer_insert(tkt__tx *tx, uint64_t id, tkt__slice key, tkt__slice record);
int32_t tkt__event_put(tkt__tx *tx, tkt_store *store, uint64_t id, tkt__slice old_record, tkt__slice new_record);
int32_t tkt__event_remove(tkt__tx *tx, tkt_store *store, uint64_t id, tkt__slice old_record);

#endif
