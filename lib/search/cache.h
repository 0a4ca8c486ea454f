/* SPDX-License-Identifier: MIT
 *
 * search/cache.h: answers kept for whoever asks the same again (cache.c).
 */
#ifndef TKT_SEARCH_CACHE_H
#define TKT_SEARCH_CACHE_H

#include "search/query.h"

typedef struct tkt__cache tkt__cache;
/* most 0: no cache (NULL). */
int32_t tkt__cache_open(const tkt_hooks *hooks, size_t most, tkt__cache **cache);
void tkt__cache_close(tkt__cache *cache); /* NULL is fine */

/* Whether an answer to this query may be kept at all. */
bool tkt__cache_takes(const tkt_query *query);
/* Results that the caller owns too now; NULL: not here. */
tkt_results *tkt__cache_find(tkt__cache *cache, const tkt_query *query, const tkt__generation *generation);
void tkt__cache_keep(tkt__cache *cache, const tkt_query *query, const tkt__generation *generation,
                     tkt_results *results);
/* An answer in words (the JSON of its page), made of a snapshot of its generation, kept with it while it is kept: whatever
 * such an answer tells of an event raises the generation when it changes, bookings apart. Nothing where the results are
 * not in the cache, or there is one already. */
void tkt__cache_keep_text(tkt__cache *cache, tkt_results *results, tkt__slice text); /* NULL is fine */
tkt__slice tkt__results_text(const tkt_results *results); /* n 0: none; lives as long as they do */
void tkt__cache_stats(tkt__cache *cache, tkt_stats *stats); /* NULL is fine */

#endif
