/* SPDX-License-Identifier: MIT
 *
 * threads.c: threads.h with POSIX threads.
 */
#include "threads.h"

#include <pthread.h>
#include <stdbool.h>
#include <ticketing/ticketing.h>

typedef struct piece {
    pthread_t thread;
    void (*fn)(void *arg, uint32_t i);
    void *arg;
    uint32_t i;
    bool started;
} piece;

static void *run_piece(void *arg)
{
    piece *p = arg;
    p->fn(p->arg, p->i);
    return NULL;
}

void threads_run(void *user, uint32_t n, void (*fn)(void *arg, uint32_t i), void *arg)
{
    piece pieces[TKT_REINDEX_THREADS_MAX];
    (void)user;
    for (uint32_t i = 1; i < n; i++) {
        pieces[i] = (piece){ .fn = fn, .arg = arg, .i = i };
        pieces[i].started = pthread_create(&pieces[i].thread, NULL, run_piece, &pieces[i]) == 0;
    }
    fn(arg, 0);
    for (uint32_t i = 1; i < n; i++) {
        if (pieces[i].started)
            pthread_join(pieces[i].thread, NULL);
        else
            fn(arg, i);
    }
}
