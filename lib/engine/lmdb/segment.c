/* SPDX-License-Identifier: MIT
 *
 * engine/lmdb/segment.c: some records of the journal in memory: a skip list a table, nodes in an arena, each key
 * with its versions, the newest first.
 *
 * One thread adds (the tail's lock sees to it) while any number read without a lock: a node or a version is
 * whole before the pointer to it is stored (release), nodes are never unlinked, and nothing moves. The arena
 * goes with the last reference. A reader asks for versions up to a stamp, so what is added while he reads
 * does not exist for him.
 *
 * Leaps. A hold's deadline is a row that lives for seconds: thousands of them are inserted and deleted before any
 * reaches the tree, and a walk for the next deadline would step over them all. So each link counts the nodes
 * behind it that are not both fresh (inserted in this segment: nothing below has the key, so its deletion hides
 * nothing) and deleted; a walk leaps over links that count none. The counts are of the newest state: a reader for
 * whom something has died since (`died`) steps. For a deletion to hide nothing, no row of the segment may be in
 * the tree while the segment still takes records: it is closed where a fold begins (tail.c).
 * Bytes on disk: none. A crash leaves nothing.
 */
#include <xxhash.h>

#include "engine/lmdb/journal.h"

#define LEVELS 12 /* with a quarter of the nodes going up: 4^12 keys */
#define SLOTS_FIRST 1024u

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
    tkt__free(&hooks, s, sizeof *s);
}

/* ---- searching ------------------------------------------------------------------------------------ */

static tkt__node *head_of(const tkt__segment *s, uint8_t table)
{
    return atomic_load_explicit(&s->heads[table], memory_order_acquire);
}

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
    return following(key.n != 0 ? descend(head, prefix_of(key), key, after) : head, 0);
}

const tkt__node *tkt__segment_before(const tkt__segment *s, uint8_t table, tkt__slice key)
{
    tkt__node *head = head_of(s, table), *at = head;
    if (head == NULL)
        return NULL;
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
const tkt__node *tkt__segment_find(const tkt__segment *s, uint8_t table, tkt__slice key)
{
    const tkt__slots *slots = atomic_load_explicit(&s->slots, memory_order_acquire);
    uint32_t hash = hash_of(table, key);
    if (slots == NULL)
        return NULL;
    for (uint32_t at = hash & slots->mask;; at = (at + 1) & slots->mask) {
        uint32_t there = atomic_load_explicit(&slots->hash[at], memory_order_acquire);
        if (there == 0)
            return NULL;
        if (there != hash)
            continue;
        const tkt__node *n = atomic_load_explicit(&slots->slot[at], memory_order_relaxed);
        if (n->table == table && n->key.n == key.n && memcmp(n->key.p, key.p, key.n) == 0)
            return n;
    }
}

static uint32_t live_behind(const tkt__node *n, uint32_t level)
{
    return atomic_load_explicit(&n->link[level].live, memory_order_acquire);
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
    n->fresh = false;
    for (uint32_t i = 0; i < level; i++) {
        atomic_init(&n->link[i].next, NULL);
        atomic_init(&n->link[i].live, 0);
    }
    return n;
}

/* As `descend`, with how many live nodes there are up to each of the path: by the counts of the links passed. */
static void find_path(tkt__node *head, uint64_t prefix, tkt__slice key, tkt__node **path, uint32_t *rank)
{
    tkt__node *at = head;
    uint32_t live = 0;
    for (int level = LEVELS - 1; level >= 0; level--) {
        for (tkt__node *next = following(at, (uint32_t)level);
             next != NULL && node_compare(next, prefix, key) < 0; next = following(at, (uint32_t)level)) {
            live += live_behind(at, (uint32_t)level);
            at = next;
        }
        path[level] = at;
        rank[level] = live;
    }
}

static void count(tkt__node *n, uint32_t level, uint32_t live)
{
    atomic_store_explicit(&n->link[level].live, live, memory_order_release);
}

/* The node counts one more, or one less, in the links that pass it. */
static void count_all(tkt__node *const *path, uint32_t from, uint32_t by)
{
    for (uint32_t i = from; i < LEVELS; i++)
        count(path[i], i, live_behind(path[i], i) + by);
}

static tkt__node *put_node(tkt__segment *s, uint8_t table, tkt__slice key, tkt__node *const *path,
                           const uint32_t *rank, bool fresh)
{
    tkt__node *n = grow_slots(s) ? make_node(s, draw_level(s), key) : NULL;
    if (n == NULL)
        return NULL;
    n->fresh = fresh;
    n->table = table;
    n->hash = hash_of(table, key);
    count_all(path, n->level, 1);
    for (uint32_t i = 0; i < n->level; i++) {
        uint32_t before = rank[0] - rank[i], all = live_behind(path[i], i);
        atomic_init(&n->link[i].next, following(path[i], i));
        atomic_init(&n->link[i].live, all - before);
        /* Too many for a moment is harmless; too few would hide a node. */
        count(path[i], i, all + 1);
        atomic_store_explicit(&path[i]->link[i].next, n, memory_order_release);
        count(path[i], i, before + 1);
    }
    put_slot(atomic_load_explicit(&s->slots, memory_order_relaxed), n);
    s->nodes++;
    return n;
}

static tkt__node *head_for(tkt__segment *s, uint8_t table)
{
    tkt__node *head = head_of(s, table);
    if (head == NULL && (head = make_node(s, LEVELS, tkt__slice_of(NULL, 0))) != NULL)
        atomic_store_explicit(&s->heads[table], head, memory_order_release);
    return head;
}

/* The version is what makes a node, or a change of one, be there for readers. */
bool tkt__segment_add(tkt__segment *s, uint64_t stamp, uint8_t table, uint8_t op, tkt__slice key, tkt__slice value)
{
    tkt__node *path[LEVELS], *head = head_for(s, table);
    uint32_t rank[LEVELS];
    tkt__node *n = (tkt__node *)(uintptr_t)tkt__segment_find(s, table, key);
    tkt__version *v = tkt__arena_get(&s->arena, sizeof *v);
    const uint8_t *bytes = tkt__arena_copy(&s->arena, value.p, value.n);
    if (head == NULL || v == NULL || bytes == NULL)
        return false;
    bool made = n == NULL;
    const tkt__version *before = made ? NULL : atomic_load_explicit(&n->newest, memory_order_relaxed);
    bool dies = !made && n->fresh && op == TKT__DEL && !before->deleted;
    bool lives = !made && n->fresh && op != TKT__DEL && before->deleted;
    if (made || dies || lives)
        find_path(head, prefix_of(key), key, path, rank);
    if (made && (n = put_node(s, table, key, path, rank, op == TKT__INSERT)) == NULL)
        return false;
    *v = (tkt__version){ before, stamp, tkt__slice_of(bytes, value.n), op == TKT__DEL };
    if (lives)
        count_all(path, 0, 1);
    if (dies)
        atomic_store_explicit(&s->died, stamp, memory_order_release); /* before the counts say so */
    atomic_store_explicit(&n->newest, v, memory_order_release);
    if (dies)
        count_all(path, 0, UINT32_MAX); /* one less */
    return true;
}
