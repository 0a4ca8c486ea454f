/* SPDX-License-Identifier: MIT
 *
 * engine/overlay.c: the writes of a batch before they reach the engine.
 *
 * Structure: one skip list a table, nodes in an arena, each with a back pointer at the lowest level,
 * so that cursors walk both ways. Nodes are never unlinked and never move: a cursor may keep a
 * pointer to one while its body goes on writing. What is rolled back stays as a ghost (op NONE) that
 * readers step over; the arena is reset when the batch ends.
 *
 * Undo: the first touch of an entry by a body saves the entry's state. Bodies run one after another,
 * so the log holds the running body alone: begin empties it, rollback plays it backwards.
 *
 * Invariants: `writes`, `guard_rows` and `bytes` count live entries (op not NONE); an entry INSERT is
 * known to be absent below; value bytes are never overwritten (slices handed to a body stay good).
 * Locks: none, one thread at a time. A crash leaves nothing.
 */
#include <assert.h>

#include "engine/kv.h"

static uint64_t prefix_of(tkt__slice key)
{
    uint8_t bytes[8] = { 0 };
    memcpy(bytes, key.p, key.n < 8 ? key.n : 8);
    return tkt__get_be64(bytes);
}

/* Most keys differ within eight bytes, or agree in eight (an event's id) and differ soon after. */
static int entry_compare(const tkt__entry *entry, uint64_t prefix, tkt__slice key)
{
    if (entry->prefix != prefix)
        return entry->prefix < prefix ? -1 : 1;
    size_t n = entry->key.n < key.n ? entry->key.n : key.n;
    int c = n > 8 ? memcmp(entry->key.p + 8, key.p + 8, n - 8) : 0;
    if (c)
        return c;
    return (entry->key.n > key.n) - (entry->key.n < key.n);
}

void tkt__overlay_init(tkt__overlay *o, const tkt_hooks *hooks, uint8_t guard_table)
{
    memset(o, 0, sizeof *o);
    o->hooks = hooks;
    o->guard_table = guard_table;
    o->random = UINT64_C(0x9e3779b97f4a7c15);
    tkt__arena_init(&o->arena, hooks, 0);
}

void tkt__overlay_reset(tkt__overlay *o)
{
    memset(o->heads, 0, sizeof o->heads);
    o->undo_n = 0;
    o->body = 0;
    o->nodes = 0;
    o->writes = o->guard_rows = o->body_writes = 0;
    o->bytes = o->body_bytes = 0;
    tkt__arena_reset(&o->arena);
}

void tkt__overlay_free(tkt__overlay *o)
{
    tkt__free(o->hooks, o->undo, o->undo_cap * sizeof *o->undo);
    o->undo = NULL;
    o->undo_n = o->undo_cap = 0;
    tkt__arena_free(&o->arena);
}

/* ---- searching --------------------------------------------------------------------------------- */

/* The last node < key (or ≤ key), the head included; `path`, when given, gets one a level. */
static tkt__entry *descend(const tkt__overlay *o, uint8_t table, tkt__slice key, bool or_equal,
                           tkt__entry **path)
{
    tkt__entry *at = o->heads[table];
    uint64_t prefix = prefix_of(key);
    int most = or_equal ? 0 : -1;
    assert(at);
    for (int level = TKT__OVERLAY_LEVELS - 1; level >= 0; level--) {
        while (at->next[level] && entry_compare(at->next[level], prefix, key) <= most)
            at = at->next[level];
        if (path)
            path[level] = at;
    }
    return at;
}

tkt__entry *tkt__overlay_seek(const tkt__overlay *o, uint8_t table, tkt__slice key, bool after)
{
    return o->heads[table] ? descend(o, table, key, after, NULL)->next[0] : NULL;
}

tkt__entry *tkt__overlay_before(const tkt__overlay *o, uint8_t table, tkt__slice key)
{
    if (!o->heads[table])
        return NULL;
    tkt__entry *at = descend(o, table, key, false, NULL);
    return at == o->heads[table] ? NULL : at;
}

tkt__entry *tkt__overlay_find(const tkt__overlay *o, uint8_t table, tkt__slice key)
{
    tkt__entry *at = tkt__overlay_seek(o, table, key, false);
    return at && entry_compare(at, prefix_of(key), key) == 0 ? at : NULL;
}

tkt__entry *tkt__overlay_first(const tkt__overlay *o, uint8_t table)
{
    return o->heads[table] ? o->heads[table]->next[0] : NULL;
}

tkt__entry *tkt__overlay_last(const tkt__overlay *o, uint8_t table)
{
    tkt__entry *at = o->heads[table];
    if (!at)
        return NULL;
    for (int level = TKT__OVERLAY_LEVELS - 1; level >= 0; level--)
        while (at->next[level])
            at = at->next[level];
    return at == o->heads[table] ? NULL : at;
}

/* ---- writing ----------------------------------------------------------------------------------- */

static tkt__entry *node_new(tkt__overlay *o, uint8_t level)
{
    tkt__entry *entry = tkt__arena_get(&o->arena, sizeof *entry + level * sizeof entry->next[0]);
    if (entry) {
        memset(entry, 0, sizeof *entry);
        entry->level = level;
        entry->op = TKT__OP_NONE;
        for (uint8_t i = 0; i < level; i++)
            entry->next[i] = NULL;
    }
    return entry;
}

static uint8_t level_draw(tkt__overlay *o)
{
    uint8_t level = 1;
    o->random ^= o->random << 13; /* xorshift64: Marsaglia, "Xorshift RNGs" */
    o->random ^= o->random >> 7;
    o->random ^= o->random << 17;
    for (uint64_t bits = o->random >> 20; level < TKT__OVERLAY_LEVELS && (bits & 3) == 0; bits >>= 2)
        level++;
    return level;
}

tkt__entry *tkt__overlay_entry(tkt__overlay *o, uint8_t table, tkt__slice key)
{
    tkt__entry *path[TKT__OVERLAY_LEVELS];
    assert(table < 2 * TKT__TABLES_MAX);
    if (!o->heads[table] && !(o->heads[table] = node_new(o, TKT__OVERLAY_LEVELS)))
        return NULL;
    tkt__entry *before = descend(o, table, key, false, path);
    tkt__entry *found = before->next[0];
    if (found && entry_compare(found, prefix_of(key), key) == 0)
        return found;

    tkt__entry *entry = node_new(o, level_draw(o));
    const uint8_t *copy = entry ? tkt__arena_copy(&o->arena, key.p, key.n) : NULL;
    if (!copy)
        return NULL;
    entry->key = tkt__slice_of(copy, key.n);
    entry->prefix = prefix_of(key);
    entry->guard_row = table == o->guard_table;
    entry->prev = before == o->heads[table] ? NULL : before;
    for (uint8_t i = 0; i < entry->level; i++) {
        entry->next[i] = path[i]->next[i];
        path[i]->next[i] = entry;
    }
    if (found)
        found->prev = entry;
    o->nodes++;
    return entry;
}

static bool undo_note(tkt__overlay *o, tkt__entry *entry)
{
    if (o->undo_n == o->undo_cap) {
        size_t cap = o->undo_cap ? o->undo_cap * 2 : 64;
        tkt__undo *grown = tkt__realloc(o->hooks, o->undo, o->undo_cap * sizeof *grown,
                                        cap * sizeof *grown);
        if (!grown)
            return false;
        o->undo = grown;
        o->undo_cap = cap;
    }
    tkt__undo *undo = &o->undo[o->undo_n++];
    undo->entry = entry;
    undo->value = entry->value;
    undo->body = entry->body;
    undo->op = entry->op;
    return true;
}

static uint64_t weight(const tkt__entry *entry)
{
    return entry->op == TKT__OP_NONE ? 0 : entry->key.n + entry->value.n;
}

/* Takes an entry out of the live counts, or puts it in. */
static void count(tkt__overlay *o, const tkt__entry *entry, bool in)
{
    uint32_t *counter = entry->guard_row ? &o->guard_rows : &o->writes;
    if (entry->op == TKT__OP_NONE)
        return;
    *counter = in ? *counter + 1 : *counter - 1;
    if (!entry->guard_row)
        o->bytes = in ? o->bytes + weight(entry) : o->bytes - weight(entry);
}

bool tkt__overlay_set(tkt__overlay *o, tkt__entry *entry, uint8_t op, tkt__slice value)
{
    bool first = entry->body != o->body;
    const uint8_t *copy = NULL;
    if (value.n && !(copy = tkt__arena_copy(&o->arena, value.p, value.n)))
        return false;
    if (first && !undo_note(o, entry))
        return false;
    count(o, entry, false);
    if (!entry->guard_row && first)
        o->body_writes++;
    if (!entry->guard_row && !first)
        o->body_bytes -= weight(entry);
    entry->op = op;
    entry->value = tkt__slice_of(copy, value.n);
    entry->body = o->body;
    if (!entry->guard_row)
        o->body_bytes += weight(entry);
    count(o, entry, true);
    return true;
}

/* ---- bodies ------------------------------------------------------------------------------------ */

void tkt__overlay_begin(tkt__overlay *o)
{
    o->undo_n = 0;
    o->body++;
    o->body_writes = 0;
    o->body_bytes = 0;
}

void tkt__overlay_rollback(tkt__overlay *o)
{
    while (o->undo_n) {
        const tkt__undo *undo = &o->undo[--o->undo_n];
        tkt__entry *entry = undo->entry;
        count(o, entry, false);
        entry->op = undo->op;
        entry->value = undo->value;
        entry->body = undo->body;
        count(o, entry, true);
    }
    o->body_writes = 0;
    o->body_bytes = 0;
}
