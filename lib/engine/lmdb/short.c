/* SPDX-License-Identifier: MIT
 *
 * engine/lmdb/short.c: is a file that ends before its last page sound?
 *
 * Pages taken and given back within one LMDB transaction are counted by the meta page but never
 * written, so a sound file may end a little before its last page; then each missing page is on the
 * free list. This walks the free list's tree with pread (a map would answer with SIGBUS) and counts
 * the missing pages on it.
 *
 * LMDB 0.9 pages, W = word size, native byte order:
 *   header  page number W, pad 2, flags 2, lower 2, upper 2 (or: pages 4); then 2-byte node offsets
 *   node    lo 2, hi 2, flags 2, key size 2, key, data
 *           branch: child = lo | hi << 16 | flags << 32;  leaf: data size = lo | hi << 16
 *   free    data = count W, then that many page numbers; on overflow pages when flag 1 is set
 */
#include "engine/lmdb/lmdb_engine.h"

#include <errno.h>
#include <unistd.h>

#define W sizeof(size_t)
#define HEADER (W + 8)
#define NODE_HEAD 8
#define P_BRANCH 0x01u
#define P_LEAF 0x02u
#define F_BIGDATA 0x01u
#define DEPTH_MAX 16
#define PAGE_MAX 65536

typedef struct tail {
    int fd;
    uint32_t page;
    uint64_t from, to; /* missing: from ≤ page < to */
    uint64_t found;
    int32_t failed;    /* a read, or memory for a page; else what was read makes no sense */
    tkt_hooks hooks;
} tail;

static uint32_t u16_at(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static uint64_t word_at(const uint8_t *p)
{
    size_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static bool read_at(tail *t, void *buf, size_t n, uint64_t at)
{
    ssize_t got = pread(t->fd, buf, n, (off_t)at);
    if (got < 0)
        t->failed = tkt__fail_errno(errno, "reading the list of free pages");
    return got == (ssize_t)n;
}

/* Reads a run of page numbers, count first, from a place in the file. */
static bool count_run(tail *t, uint64_t at)
{
    uint8_t buf[4096];
    if (!read_at(t, buf, W, at))
        return false;
    uint64_t left = word_at(buf);
    for (at += W; left > 0;) {
        size_t n = left < sizeof buf / W ? (size_t)left : sizeof buf / W;
        if (!read_at(t, buf, n * W, at))
            return false;
        for (size_t i = 0; i < n; i++) {
            uint64_t page = word_at(buf + i * W);
            t->found += page >= t->from && page < t->to;
        }
        left -= n;
        at += n * W;
    }
    return true;
}

static bool walk(tail *t, uint64_t number, int depth)
{
    if (depth >= DEPTH_MAX || number >= t->from)
        return false;
    uint8_t *page = tkt__alloc(&t->hooks, t->page);
    if (page == NULL) {
        t->failed = tkt__fail(TKT_E_NOMEM, "no memory for a page");
        return false;
    }
    bool good = read_at(t, page, t->page, number * t->page);
    uint32_t flags = u16_at(page + W + 2), lower = u16_at(page + W + 4);
    good = good && lower >= HEADER && lower <= t->page && (flags & (P_BRANCH | P_LEAF)) != 0;
    for (uint32_t i = HEADER; good && i + 2 <= lower; i += 2) {
        uint32_t at = u16_at(page + i);
        if (at + NODE_HEAD > t->page) {
            good = false;
            break;
        }
        const uint8_t *node = page + at;
        uint64_t low = u16_at(node) | (uint64_t)u16_at(node + 2) << 16;
        uint32_t node_flags = u16_at(node + 4), key = u16_at(node + 6);
        if (flags & P_BRANCH)
            good = walk(t, low | (W == 8 ? (uint64_t)node_flags << 32 : 0), depth + 1);
        else if (at + NODE_HEAD + key + W > t->page)
            good = false;
        else if (node_flags & F_BIGDATA)
            good = count_run(t, word_at(node + NODE_HEAD + key) * t->page + HEADER);
        else
            good = count_run(t, number * t->page + at + NODE_HEAD + key);
    }
    tkt__free(&t->hooks, page, t->page);
    return good;
}

int32_t tkt__lmdb_tail_is_free(int fd, uint32_t page, uint64_t free_root, uint64_t from, uint64_t to, bool *is_free)
{
    tail t = { .fd = fd, .page = page, .from = from, .to = to };
    *is_free = false;
    if (page > PAGE_MAX || free_root >= from)
        return TKT_DONE;
    int32_t status = tkt__hooks_resolve(NULL, &t.hooks);
    if (status == TKT_DONE)
        *is_free = walk(&t, free_root, 0) && t.found == to - from;
    return status == TKT_DONE ? t.failed : status;
}
