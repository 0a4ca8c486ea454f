/* SPDX-License-Identifier: MIT
 *
 * search/build_run.c: terms gathered in bounded memory, written as runs (build.h).
 *
 * A hash table of terms, each with its postings as varints in a chain of pieces that double in size; all
 * memory is one arena, emptied with each run. Files have no name: whatever happens, nothing is left over.
 */
#include "search/build.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

#define RUNS_MAX 4096u
#define TABLE_FIRST 4096u
#define FETCH_MOST 64u /* terms whose memory is asked for at once */
#define PIECE_FIRST 8u
#define PIECE_MOST 512u

typedef struct piece {
    struct piece *next;
    uint32_t cap;
    uint8_t bytes[];
} piece;

typedef struct entry {
    uint64_t hash;
    const uint8_t *term;
    piece *first, *last;
    uint32_t used; /* of the last piece */
    uint32_t bytes, n, first_doc, last_doc;
    uint16_t term_n;
    bool levels;
} entry;

struct tkt__gatherer {
    const tkt_hooks *hooks;
    const char *folder;
    size_t memory;
    tkt__arena arena;
    entry **slot;      /* a power of two */
    uint32_t room, n;
    uint32_t runs;
    tkt__run_file run[RUNS_MAX];
};

int32_t tkt__build_file(const char *folder, FILE **file)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/.tkt-run-XXXXXX", folder);
    int fd = tkt__file_scratch(path);
    if (fd < 0)
        return tkt__fail_errno(errno, "making a scratch file");
    unlink(path);
    *file = fdopen(fd, "w+b");
    if (*file == NULL) {
        close(fd);
        return tkt__fail(TKT_E_NOMEM, "no memory for a scratch file");
    }
    return TKT_DONE;
}

static int32_t no_memory(void) { return tkt__fail(TKT_E_NOMEM, "no memory to gather terms"); }

int32_t tkt__gather_open(const tkt_hooks *hooks, size_t memory, const char *folder, tkt__gatherer **out)
{
    tkt__gatherer *g = tkt__alloc(hooks, sizeof *g);
    if (g == NULL)
        return no_memory();
    memset(g, 0, sizeof *g);
    g->hooks = hooks;
    g->folder = folder;
    g->memory = memory;
    g->room = TABLE_FIRST;
    g->slot = tkt__alloc(hooks, g->room * sizeof *g->slot);
    if (g->slot == NULL) {
        tkt__free(hooks, g, sizeof *g);
        return no_memory();
    }
    memset(g->slot, 0, g->room * sizeof *g->slot);
    tkt__arena_init(&g->arena, hooks, 0);
    *out = g;
    return TKT_DONE;
}

void tkt__gather_close(tkt__gatherer *g)
{
    if (g == NULL)
        return;
    for (uint32_t i = 0; i < g->runs; i++)
        fclose(g->run[i].file);
    tkt__arena_free(&g->arena);
    tkt__free(g->hooks, g->slot, g->room * sizeof *g->slot);
    tkt__free(g->hooks, g, sizeof *g);
}

const tkt__run_file *tkt__gather_runs(const tkt__gatherer *g, uint32_t *n)
{
    *n = g->runs;
    return g->run;
}

/* ---- adding ------------------------------------------------------------------------------------------------ */

static bool grow(tkt__gatherer *g)
{
    uint32_t room = 2 * g->room;
    entry **slot = tkt__alloc(g->hooks, room * sizeof *slot);
    if (slot == NULL)
        return false;
    memset(slot, 0, room * sizeof *slot);
    for (uint32_t i = 0; i < g->room; i++) {
        if (g->slot[i] == NULL)
            continue;
        uint32_t at = (uint32_t)g->slot[i]->hash & (room - 1);
        while (slot[at] != NULL)
            at = (at + 1) & (room - 1);
        slot[at] = g->slot[i];
    }
    tkt__free(g->hooks, g->slot, g->room * sizeof *g->slot);
    g->slot = slot;
    g->room = room;
    return true;
}

static entry *find(tkt__gatherer *g, const tkt__term *term, uint64_t hash)
{
    uint32_t at = (uint32_t)hash & (g->room - 1);
    for (; g->slot[at] != NULL; at = (at + 1) & (g->room - 1))
        if (g->slot[at]->hash == hash && g->slot[at]->term_n == term->n &&
            memcmp(g->slot[at]->term, term->p, term->n) == 0)
            return g->slot[at];
    entry *e = tkt__arena_get(&g->arena, sizeof *e);
    const uint8_t *bytes = tkt__arena_copy(&g->arena, term->p, term->n);
    if (e == NULL || bytes == NULL)
        return NULL;
    memset(e, 0, sizeof *e);
    e->hash = hash;
    e->term = bytes;
    e->term_n = (uint16_t)term->n;
    e->levels = term->level != TKT__NO_LEVEL;
    g->slot[at] = e;
    g->n++;
    return e;
}

static bool put_byte(tkt__gatherer *g, entry *e, uint8_t byte)
{
    if (e->last == NULL || e->used == e->last->cap) {
        uint32_t cap = e->last == NULL ? PIECE_FIRST : e->last->cap < PIECE_MOST ? 2 * e->last->cap : PIECE_MOST;
        piece *p = tkt__arena_get(&g->arena, sizeof *p + cap);
        if (p == NULL)
            return false;
        p->next = NULL;
        p->cap = cap;
        if (e->last != NULL)
            e->last->next = p;
        else
            e->first = p;
        e->last = p;
        e->used = 0;
    }
    e->last->bytes[e->used++] = byte;
    e->bytes++;
    return true;
}

static int32_t add(tkt__gatherer *g, const tkt__term *term, uint64_t hash, uint32_t docno)
{
    if (2 * (g->n + 1) > g->room && !grow(g))
        return no_memory();
    entry *e = find(g, term, hash);
    if (e == NULL)
        return no_memory();
    if (e->n > 0 && e->last_doc == docno)
        return TKT_DONE; /* a filter that the event has twice */
    uint64_t value = e->n == 0 ? 0 : docno - e->last_doc;
    if (e->n++ == 0)
        e->first_doc = docno;
    e->last_doc = docno;
    if (e->levels)
        value = value << 4 | term->level;
    for (; value >= 0x80; value >>= 7)
        if (!put_byte(g, e, (uint8_t)(value | 0x80)))
            return no_memory();
    return put_byte(g, e, (uint8_t)value) ? TKT_DONE : no_memory();
}

/* What a term needs lies in three places that no cache has: all are asked for before the first is waited for. */
static void fetch(const tkt__gatherer *g, const uint64_t *hash, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        __builtin_prefetch(&g->slot[hash[i] & (g->room - 1)]);
    for (uint32_t i = 0; i < n; i++)
        __builtin_prefetch(g->slot[hash[i] & (g->room - 1)]);
    for (uint32_t i = 0; i < n; i++) {
        const entry *e = g->slot[hash[i] & (g->room - 1)];
        if (e != NULL && e->last != NULL)
            __builtin_prefetch(e->last->bytes + e->used);
    }
}

int32_t tkt__gather_add(tkt__gatherer *g, const tkt__term *term, uint32_t n, uint32_t docno)
{
    uint64_t hash[FETCH_MOST];
    int32_t status = TKT_DONE;
    for (uint32_t from = 0, count; status == TKT_DONE && from < n; from += count) {
        count = n - from < FETCH_MOST ? n - from : FETCH_MOST;
        for (uint32_t i = 0; i < count; i++)
            hash[i] = XXH3_64bits(term[from + i].p, term[from + i].n);
        fetch(g, hash, count);
        for (uint32_t i = 0; status == TKT_DONE && i < count; i++)
            status = add(g, &term[from + i], hash[i], docno);
    }
    return status;
}

/* ---- a run --------------------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    const entry *x = *(entry *const *)a, *y = *(entry *const *)b;
    int order = memcmp(x->term, y->term, x->term_n < y->term_n ? x->term_n : y->term_n);
    return order != 0 ? order : (int)x->term_n - (int)y->term_n;
}

static void write_entry(FILE *file, const entry *e)
{
    uint8_t head[2 + 1 + 16];
    tkt__writer w = tkt__writer_of(head, sizeof head);
    tkt__put_u16(&w, e->term_n);
    fwrite(head, 1, w.n, file);
    fwrite(e->term, 1, e->term_n, file);
    w.n = 0;
    tkt__put_u8(&w, e->levels);
    tkt__put_u32(&w, e->n);
    tkt__put_u32(&w, e->first_doc);
    tkt__put_u32(&w, e->last_doc);
    tkt__put_u32(&w, e->bytes);
    fwrite(head, 1, w.n, file);
    for (const piece *p = e->first; p != NULL; p = p->next)
        fwrite(p->bytes, 1, p->next != NULL ? p->cap : e->used, file);
}

static int32_t write_run(tkt__gatherer *g)
{
    uint32_t n = 0;
    if (g->runs == RUNS_MAX)
        return tkt__fail(TKT_E_LIMIT, "more than %u runs: give the build more memory", RUNS_MAX);
    tkt__run_file *run = &g->run[g->runs];
    int32_t status = tkt__build_file(g->folder, &run->file);
    if (status != TKT_DONE)
        return status;
    g->runs++;
    for (uint32_t i = 0; i < g->room; i++)
        if (g->slot[i] != NULL)
            g->slot[n++] = g->slot[i];
    qsort(g->slot, n, sizeof *g->slot, compare);
    run->terms = n;
    for (uint32_t i = 0; i < n; i++) {
        write_entry(run->file, g->slot[i]);
        run->postings += g->slot[i]->n;
    }
    return fflush(run->file) == 0 && !ferror(run->file) ? TKT_DONE : tkt__fail_errno(errno, "writing a run");
}

int32_t tkt__gather_flush(tkt__gatherer *g, bool only_full)
{
    if (g->n == 0 || (only_full && g->arena.used + g->room * sizeof *g->slot < g->memory))
        return TKT_DONE;
    int32_t status = write_run(g);
    tkt__arena_free(&g->arena);
    memset(g->slot, 0, g->room * sizeof *g->slot);
    g->n = 0;
    return status;
}
