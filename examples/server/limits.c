/* SPDX-License-Identifier: MIT
 *
 * limits.c: how often one address may ask of one process: a token bucket each for reading and writing, one second deep.
 *
 * Without a proxy that names its clients all come from this machine, and are not counted.
 * Addresses share BUCKETS places by their hash; whoever comes to a taken place that has been quiet takes it over, else
 * both share it. So memory is bounded and a flood of addresses can only slow down some others.
 */
#include "server.h"

#include <pthread.h>
#include <string.h>
#include <xxhash.h>

#define BUCKETS 4096
#define QUIET_NS INT64_C(2000000000)

typedef struct bucket {
    char address[ADDRESS_BYTES];
    double left[2];
    int64_t at_ns;
} bucket;

static bucket buckets[BUCKETS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void fill(bucket *b, const char *address, const int rates[2], int64_t now)
{
    double seconds = (double)(now - b->at_ns) / 1e9;
    bool other = strcmp(b->address, address) != 0;
    if (other && now - b->at_ns > QUIET_NS)
        strcpy(b->address, address);
    for (int i = 0; i < 2; i++) {
        double most = rates[i];
        b->left[i] += seconds * rates[i];
        if (b->left[i] > most)
            b->left[i] = most;
    }
    b->at_ns = now;
}

bool limit_allows(const exchange *x, bool writes)
{
    const int rates[2] = { x->s->set->reads_a_second, x->s->set->writes_a_second };
    if (rates[writes] == 0 || (!x->s->set->trust_proxy && strcmp(x->address, "127.0.0.1") == 0))
        return true;
    bucket *b = &buckets[XXH3_64bits(x->address, strlen(x->address)) % BUCKETS];
    pthread_mutex_lock(&lock);
    fill(b, x->address, rates, clock_ns());
    bool allowed = b->left[writes] >= 1;
    if (allowed)
        b->left[writes] -= 1;
    pthread_mutex_unlock(&lock);
    return allowed;
}
