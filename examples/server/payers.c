/* SPDX-License-Identifier: MIT
 *
 * payers.c: requests that ask the payment provider, which takes seconds: each has a thread of its own meanwhile, so that
 * the few threads that serve everybody else never wait for a bank. Its connection sleeps until its answer is there.
 *
 * At most `payments` of a process at once; who comes then is told to come again, and nothing was begun for him.
 */
#include "server.h"

#include <pthread.h>
#include <string.h>

#define STACK_BYTES (256u << 10)

static struct {
    pthread_mutex_t lock;
    pthread_cond_t left;
    int running;
} payers = { .lock = PTHREAD_MUTEX_INITIALIZER, .left = PTHREAD_COND_INITIALIZER };

/* POST …/confirm, /bookings/{event}, …/refund, …/cancel, …/news: what may ask the provider. However it is spelt: with
 * slashes too many, or by escapes, which hide what it is. */
bool payers_wanted(const exchange *x)
{
    static const char *const signs[] = { "bookings", "confirm", "payments", "%" };
    for (size_t i = 0; strcmp(x->method, "POST") == 0 && i < sizeof signs / sizeof *signs; i++)
        if (strstr(x->url, signs[i]) != NULL)
            return true;
    return false;
}

static void leave(void)
{
    pthread_mutex_lock(&payers.lock);
    payers.running--;
    pthread_cond_broadcast(&payers.left);
    pthread_mutex_unlock(&payers.lock);
}

static void *pay(void *of)
{
    exchange *x = of;
    http_handle(x);
    MHD_resume_connection(x->connection); /* from here on it is the library's */
    leave();
    return NULL;
}

static bool enter(int most)
{
    pthread_mutex_lock(&payers.lock);
    bool fits = payers.running < most;
    payers.running += fits;
    pthread_mutex_unlock(&payers.lock);
    return fits;
}

static bool begin(exchange *x)
{
    pthread_t thread;
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0)
        return false;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    bool begun = pthread_create(&thread, &attributes, pay, x) == 0;
    pthread_attr_destroy(&attributes);
    return begun;
}

bool payers_take(exchange *x)
{
    if (!enter(x->s->set->payments))
        return false;
    MHD_suspend_connection(x->connection);
    if (!begin(x)) { /* the connection wakes and finds nothing handled */
        MHD_resume_connection(x->connection);
        leave();
    }
    return true;
}

void payers_end(void)
{
    pthread_mutex_lock(&payers.lock);
    while (payers.running > 0)
        pthread_cond_wait(&payers.left, &payers.lock);
    pthread_mutex_unlock(&payers.lock);
}
