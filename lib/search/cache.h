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
void tkt__cache_stats(tkt__cache *cache, tkt_stats *stats); /* NULL is fine */

#endif
