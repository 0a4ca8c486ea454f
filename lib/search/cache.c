/* SPDX-License-Identifier: MIT
 *
 * search/cache.c: answers that were given, for whoever asks the same again: one cache a store and process,
 * bounded in bytes, shared by threads.
 *
 * An entry is found by the XXH3 of the whole query (pages and cursors too), confirmed by comparing all of it,
 * and serves only a snapshot of its own generation: every body that changes what a search can find raises the
 * number in SEARCH 'G' (and a booking that changes availability the one in SOLD_OUT 'G', which matters only
 * where the query asks for it), in its own commit. So a stale answer cannot be served, by whichever process
 * the change was made. What depends on seats one by one, or was cut by a budget, is not kept.
 *
 * Results are immutable and counted: an entry is one of their owners. With them stays what a service made of them, the
 * JSON of the page: twenty events to look up and to write cost far more than to find them. Locks: the cache's mutex, for
 * a look-up or an insertion. Nothing here is on disk but the two numbers (u64).
 */
#include "search/cache.h"

#include <pthread.h>
#include <xxhash.h>

#define SLOTS 1024u      /* a power of two */
#define KEY_MOST 4096u   /* bytes of a query that is kept */
#define SHARE 8u         /* an answer is at most so small a share of the whole */
#define RECENT 16u       /* entries, by use, among which one that was just asked for is looked for */

typedef struct entry entry;
struct entry {
    entry *next;           /* of its slot */
    entry *newer, *older;  /* by use */
    uint64_t hash;
    tkt__generation generation;
    tkt_results *results;
    size_t bytes;          /* of all this */
    uint32_t key_n;
    uint8_t key[];
};

struct tkt__cache {
    const tkt_hooks *hooks;
    pthread_mutex_t lock;
    size_t most, bytes;
    uint64_t hits, misses;
    entry *slot[SLOTS];
    entry *newest, *oldest;
};

int32_t tkt__cache_open(const tkt_hooks *hooks, size_t most, tkt__cache **out)
{
    *out = NULL;
    if (most == 0)
        return TKT_DONE;
    tkt__cache *c = tkt__alloc(hooks, sizeof *c);
    if (c == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for a cache");
    memset(c, 0, sizeof *c);
    c->hooks = hooks;
    c->most = most;
    if (pthread_mutex_init(&c->lock, NULL) != 0) {
        tkt__free(hooks, c, sizeof *c);
        return tkt__fail(TKT_E_NOMEM, "no memory for a lock");
    }
    *out = c;
    return TKT_DONE;
}

/* ---- by use ------------------------------------------------------------------------------------------------- */

static void unlink_use(tkt__cache *c, entry *e)
{
    *(e->newer != NULL ? &e->newer->older : &c->newest) = e->older;
    *(e->older != NULL ? &e->older->newer : &c->oldest) = e->newer;
}

static void link_newest(tkt__cache *c, entry *e)
{
    e->newer = NULL;
    e->older = c->newest;
    *(c->newest != NULL ? &c->newest->newer : &c->oldest) = e;
    c->newest = e;
}

static void drop(tkt__cache *c, entry *e)
{
    entry **at = &c->slot[e->hash & (SLOTS - 1)];
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    unlink_use(c, e);
    c->bytes -= e->bytes;
    tkt_results_free(e->results);
    tkt__free(c->hooks, e, sizeof *e + e->key_n);
}

void tkt__cache_close(tkt__cache *c)
{
    if (c == NULL)
        return;
    while (c->oldest != NULL)
        drop(c, c->oldest);
    pthread_mutex_destroy(&c->lock);
    tkt__free(c->hooks, c, sizeof *c);
}

/* ---- the whole of a query --------------------------------------------------------------------------------------- */

static void put_set(tkt__writer *w, const tkt__filter_set *set)
{
    tkt__put_u32(w, set->n);
    for (uint32_t i = 0; i < set->n; i++)
        tkt__put_text(w, set->term[i].p, set->term[i].n);
}

/* False: too long to be kept. */
static bool key_of(const tkt_query *q, uint8_t key[KEY_MOST], uint32_t *n)
{
    tkt__writer w = tkt__writer_of(key, KEY_MOST);
    const uint32_t choices[] = { q->match, q->prefix, q->typo, q->sort, q->facets, q->page, q->page_size };
    const int64_t numbers[] = { q->from_ms, q->to_ms, q->radius_m, q->min_minor, q->max_minor };
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++)
        tkt__put_u32(&w, choices[i]);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        tkt__put_i64(&w, numbers[i]);
    tkt__put_u8(&w, (uint8_t)(q->during | q->available << 1 | q->near << 2 | q->has_cursor << 3));
    tkt__put_u8(&w, q->language);
    tkt__put_u32(&w, (uint32_t)q->latitude_e7);
    tkt__put_u32(&w, (uint32_t)q->longitude_e7);
    tkt__put_bytes(&w, q->currency, sizeof q->currency);
    if (q->has_cursor) {
        tkt__put_u64(&w, q->cursor_query);
        tkt__put_i64(&w, q->cursor.key);
        tkt__put_i64(&w, q->cursor.start_ms);
        tkt__put_u32(&w, q->cursor.event);
        tkt__put_u32(&w, q->measures.events);
        tkt__put_u32(&w, q->measures.rest);
        for (uint32_t i = 0; i < q->measures.words; i++) {
            tkt__put_u32(&w, q->measures.of[i].word);
            tkt__put_u32(&w, q->measures.of[i].events);
        }
    }
    const tkt__filter_set *sets[] = { &q->city, &q->country, &q->category, &q->venue, &q->performer };
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
        put_set(&w, sets[i]);
    tkt__put_text(&w, q->text, q->text_n);
    *n = (uint32_t)w.n;
    return !w.bad;
}

bool tkt__cache_takes(const tkt_query *q) { return q->at_least == 0 && q->work == 0 && q->time_ms == 0; }

static entry *find(tkt__cache *c, uint64_t hash, const uint8_t *key, uint32_t n)
{
    entry *e = c->slot[hash & (SLOTS - 1)];
    while (e != NULL && (e->hash != hash || e->key_n != n || memcmp(e->key, key, n) != 0))
        e = e->next;
    return e;
}

static bool same(const tkt_query *q, const tkt__generation *a, const tkt__generation *b)
{
    return a->index == b->index && (!q->available || a->sold_out == b->sold_out);
}

tkt_results *tkt__cache_find(tkt__cache *c, const tkt_query *q, const tkt__generation *generation)
{
    uint8_t key[KEY_MOST];
    uint32_t n;
    tkt_results *found = NULL;
    if (!key_of(q, key, &n))
        return NULL;
    uint64_t hash = XXH3_64bits(key, n);
    pthread_mutex_lock(&c->lock);
    entry *e = find(c, hash, key, n);
    if (e != NULL && same(q, &e->generation, generation)) {
        found = e->results;
        atomic_fetch_add(&found->owners, 1);
        unlink_use(c, e);
        link_newest(c, e);
    }
    *(found != NULL ? &c->hits : &c->misses) += 1;
    pthread_mutex_unlock(&c->lock);
    return found;
}

void tkt__cache_keep(tkt__cache *c, const tkt_query *q, const tkt__generation *generation, tkt_results *results)
{
    uint8_t key[KEY_MOST];
    uint32_t n;
    size_t bytes = sizeof(entry) + sizeof *results + results->hits * sizeof *results->hit + results->arena.held;
    if (bytes > c->most / SHARE || !key_of(q, key, &n))
        return;
    entry *e = tkt__alloc(c->hooks, sizeof *e + n);
    if (e == NULL)
        return; /* it is only a cache */
    *e = (entry){ .hash = XXH3_64bits(key, n), .generation = *generation, .results = results,
                  .bytes = bytes + n, .key_n = n };
    memcpy(e->key, key, n);
    atomic_fetch_add(&results->owners, 1);
    pthread_mutex_lock(&c->lock);
    entry *before = find(c, e->hash, key, n);
    if (before != NULL)
        drop(c, before);
    e->next = c->slot[e->hash & (SLOTS - 1)];
    c->slot[e->hash & (SLOTS - 1)] = e;
    link_newest(c, e);
    c->bytes += e->bytes;
    while (c->bytes > c->most)
        drop(c, c->oldest);
    pthread_mutex_unlock(&c->lock);
}

/* ---- what is made of an answer ------------------------------------------------------------------------------------- */

static entry *entry_of(const tkt__cache *c, const tkt_results *results)
{
    entry *e = c->newest;
    for (uint32_t i = 0; i < RECENT && e != NULL && e->results != results; i++)
        e = e->older;
    return e != NULL && e->results == results ? e : NULL;
}

void tkt__cache_keep_text(tkt__cache *c, tkt_results *results, tkt__slice text)
{
    if (c == NULL || text.n == 0 || text.n > c->most / SHARE)
        return;
    tkt__kept_text *kept = tkt__alloc(&results->hooks, sizeof *kept + text.n);
    if (kept == NULL)
        return;
    kept->n = text.n;
    memcpy(kept->bytes, text.p, text.n);
    pthread_mutex_lock(&c->lock);
    entry *e = atomic_load_explicit(&results->text, memory_order_relaxed) == NULL ? entry_of(c, results) : NULL;
    if (e != NULL) {
        atomic_store_explicit(&results->text, kept, memory_order_release);
        e->bytes += sizeof *kept + text.n;
        c->bytes += sizeof *kept + text.n;
        while (c->bytes > c->most)
            drop(c, c->oldest);
    }
    pthread_mutex_unlock(&c->lock);
    if (e == NULL)
        tkt__free(&results->hooks, kept, sizeof *kept + text.n);
}

tkt__slice tkt__results_text(const tkt_results *results)
{
    const tkt__kept_text *kept = atomic_load_explicit(&results->text, memory_order_acquire);
    return kept != NULL ? tkt__slice_of(kept->bytes, kept->n) : tkt__slice_of(NULL, 0);
}

void tkt__cache_stats(tkt__cache *c, tkt_stats *stats)
{
    if (c == NULL)
        return;
    pthread_mutex_lock(&c->lock);
    stats->cache_hits = c->hits;
    stats->cache_misses = c->misses;
    stats->cache_bytes = c->bytes;
    pthread_mutex_unlock(&c->lock);
}

/* ---- generations ---------------------------------------------------------------------------------------------------- */

static int32_t number_get(tkt__tx *tx, uint8_t table, uint64_t *number)
{
    tkt__slice value;
    *number = 0;
    int32_t status = tkt__tx_get(tx, table, tkt__slice_of("G", 1), &value);
    if (status != TKT_DONE)
        return status == TKT_NOT_FOUND ? TKT_DONE : status;
    tkt__reader r = tkt__reader_of(value);
    *number = tkt__get_u64(&r);
    return r.bad ? tkt__fail(TKT_E_CORRUPT, "the number of the index's generation is malformed") : TKT_DONE;
}

static int32_t number_put(tkt__tx *tx, uint8_t table, uint64_t number)
{
    uint8_t bytes[8];
    tkt__writer w = tkt__writer_of(bytes, sizeof bytes);
    tkt__put_u64(&w, number);
    return tkt__tx_put(tx, table, tkt__slice_of("G", 1), tkt__slice_of(bytes, sizeof bytes));
}

int32_t tkt__generation_get(tkt__tx *tx, tkt__generation *generation)
{
    int32_t status = number_get(tx, TKT__T_SEARCH, &generation->index);
    return status == TKT_DONE ? number_get(tx, TKT__T_SOLD_OUT, &generation->sold_out) : status;
}

static int32_t generation_put(tkt__tx *tx, const tkt__generation *generation)
{
    int32_t status = number_put(tx, TKT__T_SEARCH, generation->index);
    return status == TKT_DONE ? number_put(tx, TKT__T_SOLD_OUT, generation->sold_out) : status;
}

int32_t tkt__generation_carry(tkt__tx *tx)
{
    tkt__generation generation;
    int32_t status = tkt__generation_get(tx, &generation);
    if (status != TKT_DONE)
        return status;
    generation.index++;
    generation.sold_out++;
    tkt__tx_shadow(tx, true);
    status = generation_put(tx, &generation);
    tkt__tx_shadow(tx, false);
    return status;
}

int32_t tkt__generation_raise(tkt__tx *tx, bool sold_out)
{
    uint8_t table = sold_out ? TKT__T_SOLD_OUT : TKT__T_SEARCH;
    uint64_t number;
    int32_t status = number_get(tx, table, &number);
    return status == TKT_DONE ? number_put(tx, table, number + 1) : status;
}
