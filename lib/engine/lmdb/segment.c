/* SPDX-License-Identifier: MIT
 *
 * engine/lmdb/segment.c: some records of the journal in memory: a skip list a table, nodes in an arena, each key
 * with its versions, the newest first.
 *
 * Most rows are never asked for in order before they are folded: the records of bookings, tickets, idempotency. So
 * what is added gets a slot of the hash table, and waits for its place in the skip list until someone seeks in its
 * table; then all that wait are sorted and linked, one behind the other.
 *
 * One thread adds (the tail's lock sees to it) while any number read without a lock: a node or a version is
 * whole before the pointer to it is stored (release), nodes are never unlinked, and nothing moves. The arena
 * goes with the last reference. Whoever links, or counts in links, holds the segment's lock. A reader asks for
 * versions up to a stamp, so what is added while he reads does not exist for him.
 *
 * Leaps. A hold's deadline is a row that lives for seconds: thousands of them are inserted and deleted before any
 * reaches the tree, and a walk for the next deadline would step over them all. So each link counts the nodes
 * behind it that are not both fresh (inserted in this segment: nothing below has the key, so its deletion hides
 * nothing) and deleted; a walk leaps over links that count none. The counts are of the newest state: a reader for
 * whom something has died since (`died`) steps. For a deletion to hide nothing, no row of the segment may be in
 * the tree while the segment still takes records: it is closed where a fold begins (tail.c).
 * Bytes on disk: none. A crash leaves nothing.
 */
#include <stdlib.h>

#include <xxhash.h>

#include "engine/lmdb/journal.h"

#define LEVELS 12 /* with a quarter of the nodes going up: 4^12 keys */
#define SLOTS_FIRST 1024u
#define FEW 32u /* nodes that are sorted without asking for memory */

/* Open addressing, at most half full; a power of two of them, each with the hash of what is in it, so that a search
 * reads a node only where it is the one. Once filled, replaced by one twice the size. */
struct tkt__slots {
    tkt__slots *older;
    uint32_t mask, used;
    _Atomic uint32_t *hash; /* behind the slots; 0: empty */
    tkt__node *_Atomic slot[];
};

static uint64_t prefix_of(tkt__slice key)
{
    uint8_t bytes[8] = { 0 };
    memcpy(bytes, key.p, key.n < 8 ? key.n : 8);
    return tkt__get_be64(bytes);
}

static uint32_t hash_of(uint8_t table, tkt__slice key)
{
    uint32_t hash = (uint32_t)XXH3_64bits_withSeed(key.p, key.n, table);
    return hash != 0 ? hash : 1;
}

static int node_compare(const tkt__node *n, uint64_t prefix, tkt__slice key)
{
    if (n->prefix != prefix)
        return n->prefix < prefix ? -1 : 1;
    size_t least = n->key.n < key.n ? n->key.n : key.n;
    int c = least > 8 ? memcmp(n->key.p + 8, key.p + 8, least - 8) : 0;
    return c != 0 ? c : (n->key.n > key.n) - (n->key.n < key.n);
}

static tkt__node *following(const tkt__node *n, uint32_t level)
{
    return atomic_load_explicit(&n->link[level].next, memory_order_acquire);
}

/* ---- life ----------------------------------------------------------------------------------------- */

static size_t slots_bytes(uint32_t mask)
{
    return sizeof(tkt__slots) + ((size_t)mask + 1) * (sizeof(tkt__node *) + sizeof(uint32_t));
}

tkt__segment *tkt__segment_new(const tkt_hooks *hooks)
{
    tkt__segment *s = tkt__alloc(hooks, sizeof *s);
    if (s == NULL)
        return NULL;
    memset(s, 0, sizeof *s);
    s->hooks = *hooks;
    s->leaps = true;
    s->random = UINT64_C(0x9e3779b97f4a7c15);
    if (pthread_mutex_init(&s->lock, NULL) != 0) {
        tkt__free(hooks, s, sizeof *s);
        return NULL;
    }
    atomic_init(&s->references, 1);
    tkt__arena_init(&s->arena, &s->hooks, 0);
    return s;
}

void tkt__segment_drop(tkt__segment *s)
{
    if (atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) != 1)
        return;
    tkt_hooks hooks = s->hooks;
    for (tkt__slots *slots = atomic_load(&s->slots), *older; slots != NULL; slots = older) {
        older = slots->older;
        tkt__free(&hooks, slots, slots_bytes(slots->mask));
    }
    tkt__arena_free(&s->arena);
    pthread_mutex_destroy(&s->lock);
    tkt__free(&hooks, s, sizeof *s);
}

static tkt__node *head_of(const tkt__segment *s, uint8_t table)
{
    return atomic_load_explicit(&s->heads[table], memory_order_acquire);
}

/* ---- the order ------------------------------------------------------------------------------------- */

static uint32_t live_behind(const tkt__node *n, uint32_t level)
{
    return atomic_load_explicit(&n->link[level].live, memory_order_acquire);
}

/* The last node before a key on each level, and how many live nodes there are up to it. */
typedef struct path {
    tkt__node *at[LEVELS];
    uint32_t rank[LEVELS];
} path;

static void path_begin(path *p, tkt__node *head)
{
    for (uint32_t i = 0; i < LEVELS; i++) {
        p->at[i] = head;
        p->rank[i] = 0;
    }
}

/* Goes on to a key that does not lie before the path's. */
static void path_find(path *p, uint64_t prefix, tkt__slice key)
{
    tkt__node *at = NULL;
    uint32_t live = 0;
    for (int level = LEVELS - 1; level >= 0; level--) {
        if (at == NULL) { /* it stays where it was on the levels above */
            at = p->at[level];
            live = p->rank[level];
        }
        tkt__node *began = p->at[level], *next;
        bool here = at == began;
        while ((next = following(at, (uint32_t)level)) != NULL && node_compare(next, prefix, key) < 0) {
            live += live_behind(at, (uint32_t)level);
            at = next;
            here = false;
        }
        p->at[level] = at;
        p->rank[level] = live;
        if (here)
            at = NULL;
    }
}

static void count(tkt__node *n, uint32_t level, uint32_t live)
{
    atomic_store_explicit(&n->link[level].live, live, memory_order_release);
}

/* The node counts one more, or one less, in the links that pass it. */
static void count_all(const path *p, uint32_t from, uint32_t by)
{
    for (uint32_t i = from; i < LEVELS; i++)
        count(p->at[i], i, live_behind(p->at[i], i) + by);
}

static bool is_dead(const tkt__node *n)
{
    const tkt__version *v = atomic_load_explicit(&n->newest, memory_order_relaxed);
    return n->fresh && v->deleted;
}

/* Links a node behind the path, which goes on to it. All its own links are there before the first one to it: who meets
 * it on the lowest level may leap by any of them. */
static void link_node(tkt__node *n, path *p)
{
    uint32_t live = is_dead(n) ? 0 : 1;
    path_find(p, n->prefix, n->key);
    for (uint32_t i = 0; i < n->level; i++) {
        atomic_store_explicit(&n->link[i].next, following(p->at[i], i), memory_order_relaxed);
        count(n, i, live_behind(p->at[i], i) - (p->rank[0] - p->rank[i]));
    }
    count_all(p, n->level, live);
    for (uint32_t i = 0; i < n->level; i++) {
        uint32_t before = p->rank[0] - p->rank[i];
        /* Too many for a moment is harmless; too few would hide a node. */
        count(p->at[i], i, live_behind(p->at[i], i) + live);
        atomic_store_explicit(&p->at[i]->link[i].next, n, memory_order_release);
        count(p->at[i], i, before + live);
    }
    n->linked = true;
    uint32_t rank = p->rank[0] + live;
    for (uint32_t i = 0; i < n->level; i++) {
        p->at[i] = n;
        p->rank[i] = rank;
    }
}

/* A node to be sorted, with the first sixteen bytes of its key, so that few are looked into. */
typedef struct item {
    uint64_t first, second;
    tkt__node *node;
} item;

static int by_key(const void *a, const void *b)
{
    const item *x = a, *y = b;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    if (x->second != y->second)
        return x->second < y->second ? -1 : 1;
    return node_compare(x->node, y->node->prefix, y->node->key);
}

static item item_of(tkt__node *n)
{
    return (item){ n->prefix, n->key.n > 8 ? prefix_of(tkt__slice_of(n->key.p + 8, n->key.n - 8)) : 0, n };
}

/* Sorted first, so that each is found from the one before it. No memory for that: one by one from the head. */
static void link_all(tkt__segment *s, tkt__node *head, tkt__node *first, uint32_t n)
{
    item few[FEW], *all = n <= FEW ? few : tkt__alloc(&s->hooks, n * sizeof *all);
    path p;
    uint32_t i = 0;
    path_begin(&p, head);
    for (tkt__node *at = first, *next; at != NULL; at = next) {
        next = atomic_load_explicit(&at->link[0].next, memory_order_relaxed);
        if (all != NULL)
            all[i++] = item_of(at);
        else {
            path_begin(&p, head);
            link_node(at, &p);
        }
    }
    if (all == NULL)
        return;
    qsort(all, n, sizeof *all, by_key);
    for (i = 0; i < n; i++)
        link_node(all[i].node, &p);
    if (all != few)
        tkt__free(&s->hooks, all, n * sizeof *all);
}

/* The newest of those that wait, `most` at most, as a list that ends; *n gets how many. Only pushes go on meanwhile. */
static tkt__node *take_waiting(tkt__segment *s, uint8_t table, uint32_t most, uint32_t *n)
{
    tkt__node *first = atomic_load_explicit(&s->waiting[table], memory_order_acquire), *last, *rest;
    do {
        last = NULL;
        rest = first;
        for (*n = 0; rest != NULL && *n < most; ++*n) {
            last = rest;
            rest = atomic_load_explicit(&rest->link[0].next, memory_order_relaxed);
        }
    } while (!atomic_compare_exchange_weak_explicit(&s->waiting[table], &first, rest, memory_order_acquire,
                                                    memory_order_acquire));
    if (last != NULL)
        atomic_store_explicit(&last->link[0].next, NULL, memory_order_relaxed);
    return first;
}

bool tkt__segment_order(const tkt__segment *segment, uint8_t table, uint32_t most)
{
    tkt__segment *s = (tkt__segment *)(uintptr_t)segment;
    uint32_t n;
    if (atomic_load_explicit(&s->unordered[table], memory_order_acquire) == 0)
        return true;
    pthread_mutex_lock(&s->lock);
    tkt__node *first = take_waiting(s, table, most, &n);
    if (n != 0)
        link_all(s, head_of(s, table), first, n);
    atomic_fetch_sub_explicit(&s->unordered[table], n, memory_order_release);
    pthread_mutex_unlock(&s->lock);
    return n < most;
}

/* ---- searching ------------------------------------------------------------------------------------ */

/* The last node < key (or ≤ key), the head included. */
static tkt__node *descend(tkt__node *head, uint64_t prefix, tkt__slice key, bool or_equal)
{
    tkt__node *at = head, *far = NULL;
    int most = or_equal ? 0 : -1;
    for (int level = LEVELS - 1; level >= 0; level--) {
        for (;;) {
            tkt__node *next = following(at, (uint32_t)level);
            if (next == NULL || next == far) /* compared one level up: it lies behind */
                break;
            if (node_compare(next, prefix, key) > most) {
                far = next;
                break;
            }
            at = next;
        }
    }
    return at;
}

const tkt__node *tkt__segment_seek(const tkt__segment *s, uint8_t table, tkt__slice key, bool after)
{
    tkt__node *head = head_of(s, table);
    if (head == NULL)
        return NULL;
    tkt__segment_order(s, table, UINT32_MAX);
    return following(key.n != 0 ? descend(head, prefix_of(key), key, after) : head, 0);
}

const tkt__node *tkt__segment_before(const tkt__segment *s, uint8_t table, tkt__slice key)
{
    tkt__node *head = head_of(s, table), *at = head;
    if (head == NULL)
        return NULL;
    tkt__segment_order(s, table, UINT32_MAX);
    if (key.n != 0)
        at = descend(head, prefix_of(key), key, false);
    else
        for (int level = LEVELS - 1; level >= 0; level--)
            for (tkt__node *next = following(at, (uint32_t)level); next != NULL;
                 next = following(at, (uint32_t)level))
                at = next;
    return at == head ? NULL : at;
}

/* Readers may see a table that is being replaced: it has every node that is older than what they ask for. */
static tkt__node *find(const tkt__segment *s, uint8_t table, tkt__slice key, uint32_t hash)
{
    const tkt__slots *slots = atomic_load_explicit(&s->slots, memory_order_acquire);
    if (slots == NULL)
        return NULL;
    for (uint32_t at = hash & slots->mask;; at = (at + 1) & slots->mask) {
        uint32_t there = atomic_load_explicit(&slots->hash[at], memory_order_acquire);
        if (there == 0)
            return NULL;
        if (there != hash)
            continue;
        tkt__node *n = atomic_load_explicit(&slots->slot[at], memory_order_relaxed);
        if (n->table == table && n->key.n == key.n && memcmp(n->key.p, key.p, key.n) == 0)
            return n;
    }
}

const tkt__node *tkt__segment_find(const tkt__segment *s, uint8_t table, tkt__slice key)
{
    return find(s, table, key, hash_of(table, key));
}

const tkt__node *tkt__segment_next(const tkt__segment *s, const tkt__node *n, uint64_t high)
{
    const tkt__node *at = n;
    while (s->leaps && at != NULL && live_behind(at, 0) == 0) {
        uint32_t level = 0;
        while (level + 1 < at->level && live_behind(at, level + 1) == 0)
            level++;
        at = following(at, level);
    }
    at = at != NULL ? following(at, 0) : NULL; /* NULL: nothing that lives behind */
    return atomic_load_explicit(&s->died, memory_order_acquire) <= high ? at : following(n, 0);
}

const tkt__version *tkt__node_version(const tkt__node *n, uint64_t stamp)
{
    const tkt__version *v = atomic_load_explicit(&n->newest, memory_order_acquire);
    while (v != NULL && v->stamp > stamp)
        v = v->older;
    return v;
}

/* ---- adding ---------------------------------------------------------------------------------------- */

static uint32_t draw_level(tkt__segment *s)
{
    uint32_t level = 1;
    s->random ^= s->random << 13;
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    for (uint64_t bits = s->random; level < LEVELS && (bits & 3) == 0; bits >>= 2)
        level++;
    return level;
}

static void put_slot(tkt__slots *slots, tkt__node *n)
{
    uint32_t at = n->hash & slots->mask;
    while (atomic_load_explicit(&slots->hash[at], memory_order_relaxed) != 0)
        at = (at + 1) & slots->mask;
    atomic_store_explicit(&slots->slot[at], n, memory_order_relaxed);
    atomic_store_explicit(&slots->hash[at], n->hash, memory_order_release);
    slots->used++;
}

/* Makes room for one node more. */
static bool grow_slots(tkt__segment *s)
{
    tkt__slots *had = atomic_load_explicit(&s->slots, memory_order_relaxed);
    if (had != NULL && had->used < had->mask / 2)
        return true;
    uint32_t mask = had != NULL ? 2 * had->mask + 1 : SLOTS_FIRST - 1;
    tkt__slots *made = tkt__alloc(&s->hooks, slots_bytes(mask));
    if (made == NULL)
        return false;
    memset(made, 0, slots_bytes(mask));
    made->mask = mask;
    made->older = had;
    made->hash = (_Atomic uint32_t *)(made->slot + mask + 1);
    for (uint32_t i = 0; had != NULL && i <= had->mask; i++) {
        tkt__node *n = atomic_load_explicit(&had->slot[i], memory_order_relaxed);
        if (n != NULL)
            put_slot(made, n);
    }
    atomic_store_explicit(&s->slots, made, memory_order_release);
    return true;
}

static tkt__node *make_node(tkt__segment *s, uint32_t level, tkt__slice key)
{
    tkt__node *n = tkt__arena_get(&s->arena, sizeof *n + level * sizeof n->link[0]);
    uint8_t *bytes = key.n != 0 ? tkt__arena_copy(&s->arena, key.p, key.n) : NULL;
    if (n == NULL || (bytes == NULL && key.n != 0))
        return NULL;
    n->key = tkt__slice_of(bytes, key.n);
    n->prefix = key.n != 0 ? prefix_of(key) : 0;
    n->level = level;
    atomic_init(&n->newest, NULL);
    n->fresh = n->linked = false;
    for (uint32_t i = 0; i < level; i++) {
        atomic_init(&n->link[i].next, NULL);
        atomic_init(&n->link[i].live, 0);
    }
    return n;
}

static tkt__node *head_for(tkt__segment *s, uint8_t table)
{
    tkt__node *head = head_of(s, table);
    if (head == NULL && (head = make_node(s, LEVELS, tkt__slice_of(NULL, 0))) != NULL)
        atomic_store_explicit(&s->heads[table], head, memory_order_release);
    return head;
}

static tkt__node *put_node(tkt__segment *s, uint8_t table, tkt__slice key, uint32_t hash, bool fresh)
{
    tkt__node *n = grow_slots(s) ? make_node(s, draw_level(s), key) : NULL;
    if (n == NULL)
        return NULL;
    n->fresh = fresh;
    n->table = table;
    n->hash = hash;
    return n;
}

/* A node that has its version: from here on it is found. */
static void publish(tkt__segment *s, tkt__node *n)
{
    tkt__node *first = atomic_load_explicit(&s->waiting[n->table], memory_order_relaxed);
    put_slot(atomic_load_explicit(&s->slots, memory_order_relaxed), n);
    atomic_fetch_add_explicit(&s->unordered[n->table], 1, memory_order_relaxed);
    do
        atomic_store_explicit(&n->link[0].next, first, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&s->waiting[n->table], &first, n, memory_order_release,
                                                  memory_order_relaxed));
    s->nodes++;
}

/* A fresh node dies, or lives again: the links that pass it count, if it is among them already. */
static void turn(tkt__segment *s, tkt__node *n, const tkt__version *v)
{
    path p;
    pthread_mutex_lock(&s->lock);
    if (n->linked) {
        path_begin(&p, head_of(s, n->table));
        path_find(&p, n->prefix, n->key);
    }
    if (n->linked && !v->deleted)
        count_all(&p, 0, 1);
    if (v->deleted)
        atomic_store_explicit(&s->died, v->stamp, memory_order_release); /* before the counts say so */
    atomic_store_explicit(&n->newest, v, memory_order_release);
    if (n->linked && v->deleted)
        count_all(&p, 0, UINT32_MAX); /* one less */
    pthread_mutex_unlock(&s->lock);
}

uint32_t tkt__segment_fetch(const tkt__segment *s, uint8_t table, tkt__slice key)
{
    const tkt__slots *slots = atomic_load_explicit(&s->slots, memory_order_acquire);
    uint32_t hash = hash_of(table, key);
    if (slots != NULL) {
        __builtin_prefetch((const void *)(uintptr_t)&slots->hash[hash & slots->mask]);
        __builtin_prefetch((const void *)(uintptr_t)&slots->slot[hash & slots->mask]);
    }
    return hash;
}

bool tkt__segment_add(tkt__segment *s, uint64_t stamp, uint8_t table, uint8_t op, uint32_t hash, tkt__slice key,
                      tkt__slice value)
{
    tkt__node *n = find(s, table, key, hash);
    tkt__version *v = tkt__arena_get(&s->arena, sizeof *v);
    const uint8_t *bytes = tkt__arena_copy(&s->arena, value.p, value.n);
    if (head_for(s, table) == NULL || v == NULL || bytes == NULL)
        return false;
    const tkt__version *before = n == NULL ? NULL : atomic_load_explicit(&n->newest, memory_order_relaxed);
    *v = (tkt__version){ before, stamp, tkt__slice_of(bytes, value.n), op == TKT__DEL };
    if (n != NULL && n->fresh && before->deleted != v->deleted)
        turn(s, n, v);
    else if (n != NULL)
        atomic_store_explicit(&n->newest, v, memory_order_release);
    if (n != NULL)
        return true;
    n = put_node(s, table, key, hash, op == TKT__INSERT);
    if (n == NULL)
        return false;
    atomic_init(&n->newest, v);
    publish(s, n);
    return true;
}
