/* SPDX-License-Identifier: MIT
 *
 * threads.h: the threads that a build of the index may use, as a host supplies them.
 */
#ifndef TKT_EXAMPLES_THREADS_H
#define TKT_EXAMPLES_THREADS_H

#include <stdint.h>

/* A tkt_parallel_fn: fn(arg, 0) on this thread, the others on threads of their own, or here when there are none
 * to be had. At most TKT_REINDEX_THREADS_MAX. */
void threads_run(void *user, uint32_t n, void (*fn)(void *arg, uint32_t i), void *arg);

#endif
