/* SPDX-License-Identifier: MIT
 *
 * times.c: how long calls took, counted by all threads at once.
 */
#include "load.h"

#include <math.h>
#include <stdio.h>

static size_t slot_of(uint64_t ns)
{
    double octave = ns < 1000 ? 0 : log2((double)ns / 1000.0);
    size_t slot = (size_t)(octave * TIMES_STEPS);
    return slot < TIMES_SLOTS ? slot : TIMES_SLOTS - 1;
}

void times_add(times *t, uint64_t ns)
{
    atomic_fetch_add_explicit(&t->slots[slot_of(ns)], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&t->count, 1, memory_order_relaxed);
    uint64_t most = atomic_load_explicit(&t->most_ns, memory_order_relaxed);
    while (ns > most && !atomic_compare_exchange_weak(&t->most_ns, &most, ns))
        ;
}

double times_ms(const times *t, double part)
{
    uint64_t count = atomic_load(&t->count), left = (uint64_t)(part * (double)count), i = 0;
    if (count == 0)
        return 0;
    for (; i + 1 < TIMES_SLOTS; i++) {
        uint64_t here = atomic_load_explicit(&t->slots[i], memory_order_relaxed);
        if (here > left)
            break;
        left -= here;
    }
    return pow(2, (double)(i + 1) / TIMES_STEPS) / 1000;
}

void times_json(const char *name, const times *t)
{
    printf("\"%s\":{\"calls\":%llu,\"p50\":%.2f,\"p99\":%.2f,\"p999\":%.2f,\"max\":%.2f}", name,
           (unsigned long long)atomic_load(&t->count), times_ms(t, 0.5), times_ms(t, 0.99), times_ms(t, 0.999),
           (double)atomic_load(&t->most_ns) / 1e6);
}
