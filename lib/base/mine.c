/* SPDX-License-Identifier: MIT
 *
 * base/mine.c: whether this is the process that made something, or a child that was forked from it: told by a page that
 * the kernel hands to a child as zeros, at the price of a load, or where it can't by the process's number.
 */
#include "base/base.h"

#include <sys/mman.h>
#include <unistd.h>

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

void tkt__mine_begin(tkt__mine *mine)
{
    uint8_t *page = mmap(NULL, page_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mine->pid = getpid();
    mine->page = NULL;
    if (page == MAP_FAILED)
        return;
#ifdef MADV_WIPEONFORK
    if (madvise(page, page_bytes(), MADV_WIPEONFORK) == 0) {
        *page = 1;
        mine->page = page;
        return;
    }
#endif
    munmap(page, page_bytes());
}

void tkt__mine_end(tkt__mine *mine)
{
    if (mine->page != NULL)
        munmap((void *)(uintptr_t)mine->page, page_bytes());
    mine->page = NULL;
}

bool tkt__mine_is(const tkt__mine *mine)
{
    return mine->page != NULL ? *mine->page != 0 : mine->pid == (int32_t)getpid();
}
