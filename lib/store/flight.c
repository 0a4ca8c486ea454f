/* SPDX-License-Identifier: MIT
 *
 * store/flight.c: which calls of the host's payment functions are under way, in whichever process: while one is, "the
 * provider does not know the order" only means that the order has not arrived yet.
 *
 * STORE/payment.lock has no bytes. Who is about to call takes a record lock (fcntl, of an open file description) on the
 * byte whose number is the call's, inside the body that makes the call known, so that nobody sees the one without the
 * other; who asks looks whether that byte is locked, through a descriptor of its own. The kernel takes the locks from
 * the dead. Where a file system has no such locks nothing counts as under way. A crash leaves nothing.
 */
#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define FLIGHT_FILE "payment.lock"

#ifdef F_OFD_SETLK
#define SET_LOCK F_OFD_SETLK
#define GET_LOCK F_OFD_GETLK

static struct flock byte_of(uint64_t number, short type)
{
    return (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)(number & INT64_MAX), .l_len = 1 };
}

static void set(const tkt_store *store, uint64_t number, short type)
{
    struct flock lock = byte_of(number, type);
    while (store->flights.open && fcntl(store->flights.marks, SET_LOCK, &lock) != 0 && errno == EINTR)
        ;
}

void tkt__flight_begin(tkt_store *store, uint64_t number)
{
    set(store, number, F_WRLCK);
}

void tkt__flight_end(tkt_store *store, uint64_t number)
{
    set(store, number, F_UNLCK);
}

bool tkt__flight_under_way(const tkt_store *store, uint64_t number)
{
    struct flock lock = byte_of(number, F_WRLCK);
    return store->flights.open && fcntl(store->flights.asks, GET_LOCK, &lock) == 0 && lock.l_type != F_UNLCK;
}
#else
void tkt__flight_begin(tkt_store *store, uint64_t number)
{
    (void)store, (void)number;
}

void tkt__flight_end(tkt_store *store, uint64_t number)
{
    (void)store, (void)number;
}

bool tkt__flight_under_way(const tkt_store *store, uint64_t number)
{
    (void)store, (void)number;
    return false;
}
#endif

int32_t tkt__flights_open(tkt_store *store, const char *dir)
{
    char path[TKT__PATH_MAX];
    if (store->read_only)
        return TKT_DONE;
    int n = snprintf(path, sizeof path, "%s/" FLIGHT_FILE, dir);
    if (n < 0 || (size_t)n >= sizeof path)
        return tkt__fail(TKT_E_LIMIT, "the path of the store is too long");
    const int flags = O_RDWR | O_CREAT | O_NOFOLLOW;
    store->flights.marks = tkt__file_open(path, flags);
    store->flights.asks = store->flights.marks < 0 ? -1 : tkt__file_open(path, flags);
    store->flights.open = store->flights.asks >= 0;
    if (store->flights.open)
        return TKT_DONE;
    int why = errno;
    if (store->flights.marks >= 0)
        close(store->flights.marks);
    return tkt__fail_errno(why, "opening the lock of payments");
}

void tkt__flights_close(tkt_store *store)
{
    if (!store->flights.open)
        return;
    close(store->flights.marks);
    close(store->flights.asks);
    store->flights.open = false;
}
