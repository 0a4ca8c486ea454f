/* SPDX-License-Identifier: MIT
 *
 * base/arena.c: bump allocation. Pieces are 8-aligned and die together: reset keeps one chunk for the
 * next round, so that a warm transaction allocates nothing; free gives everything back. The chunks of a large
 * arena are large: the allocator gives such back to the system, where small ones between what lives long keep
 * a process as big as it once was.
 *
 *   newest chunk ──▶ older ──▶ … ──▶ NULL        only the newest has room
 */
#include "base/base.h"

#define GROWTH 4u /* a new chunk has a quarter of what is there: so much of an arena is unused at most */

struct tkt__arena_chunk {
    tkt__arena_chunk *older;
    size_t size, at; /* bytes of data[], bytes handed out */
    uint64_t data[]; /* uint64_t: 8-aligned */
};

void tkt__arena_init(tkt__arena *a, const tkt_hooks *hooks, size_t limit)
{
    a->hooks = hooks;
    a->chunks = NULL;
    a->used = a->held = 0;
    a->limit = limit;
}

static void drop(tkt__arena *a, tkt__arena_chunk *chunk)
{
    while (chunk != NULL) {
        tkt__arena_chunk *older = chunk->older;
        a->held -= sizeof *chunk + chunk->size;
        tkt__free(a->hooks, chunk, sizeof *chunk + chunk->size);
        chunk = older;
    }
}

static bool grow(tkt__arena *a, size_t n)
{
    size_t size = a->held / GROWTH;
    size = size > TKT__ARENA_CHUNK_MAX ? TKT__ARENA_CHUNK_MAX : size < TKT__ARENA_CHUNK ? TKT__ARENA_CHUNK : size;
    size = n > size ? n : size;
    tkt__arena_chunk *chunk = tkt__alloc(a->hooks, sizeof *chunk + size);
    if (chunk == NULL)
        return false;
    chunk->older = a->chunks;
    chunk->size = size;
    chunk->at = 0;
    a->chunks = chunk;
    a->held += sizeof *chunk + size;
    return true;
}

void *tkt__arena_get(tkt__arena *a, size_t n)
{
    if (n > SIZE_MAX / 2)
        return NULL;
    n = (n + 7) & ~(size_t)7;
    if (n == 0)
        n = 8;
    if (a->limit != 0 && (n > a->limit || a->used > a->limit - n))
        return NULL;
    if ((a->chunks == NULL || a->chunks->size - a->chunks->at < n) && !grow(a, n))
        return NULL;
    void *piece = (uint8_t *)a->chunks->data + a->chunks->at;
    a->chunks->at += n;
    a->used += n;
    return piece;
}

void *tkt__arena_copy(tkt__arena *a, const void *p, size_t n)
{
    void *piece = tkt__arena_get(a, n);
    if (piece != NULL && n != 0)
        memcpy(piece, p, n);
    return piece;
}

void tkt__arena_reset(tkt__arena *a)
{
    a->used = 0;
    if (a->chunks == NULL)
        return;
    drop(a, a->chunks->older);
    a->chunks->older = NULL;
    a->chunks->at = 0;
    if (a->chunks->size > TKT__ARENA_CHUNK) { /* an outlier is not kept */
        drop(a, a->chunks);
        a->chunks = NULL;
    }
}

void tkt__arena_free(tkt__arena *a)
{
    drop(a, a->chunks);
    a->chunks = NULL;
    a->used = 0;
}
