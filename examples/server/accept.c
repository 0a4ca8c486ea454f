/* SPDX-License-Identifier: MIT
 *
 * accept.c: one thread of a process takes connections off the socket that all processes listen on, and gives them to the
 * HTTP library's threads. A process that ends takes no more, and the others do; when none is left the system refuses.
 *
 * Not by the library: when it stops it shuts that socket down, for all processes; and to leave it alone before that
 * (MHD_quiesce_daemon) aborts the process now and then where threads share an epoll (0.9.75, and its sources of 2025).
 */
#include "server.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define AT_ONCE 16    /* taken before others are looked at */
#define PAUSE_US 10000 /* where there are too many, or no file is left for one more */

static bool is_full(const server *s)
{
    return atomic_load(&s->connected) >= s->set->connections;
}

/* What waits is taken; false: rest a little. */
static bool take_some(server *s)
{
    for (int i = 0; i < AT_ONCE && !is_full(s); i++) {
        struct sockaddr_storage from;
        socklen_t n = sizeof from;
        int fd = accept4(s->listening, (struct sockaddr *)&from, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            MHD_add_connection(s->daemon, fd, (struct sockaddr *)&from, n); /* or closes it */
        else if (errno != ECONNABORTED && errno != EINTR)
            return errno == EAGAIN || errno == EWOULDBLOCK; /* another process was faster */
    }
    return true;
}

static void *take(void *of)
{
    server *s = of;
    struct epoll_event woken;
    while (atomic_load(&s->ending) == ENDING_NOT)
        if (is_full(s) || (epoll_wait(s->waiting, &woken, 1, -1) > 0 && !take_some(s)))
            usleep(PAUSE_US);
    return NULL;
}

void accept_counts(void *of, struct MHD_Connection *connection, void **unused, enum MHD_ConnectionNotificationCode what)
{
    server *s = of;
    (void)connection, (void)unused;
    atomic_fetch_add(&s->connected, what == MHD_CONNECTION_NOTIFY_STARTED ? 1 : -1);
}

bool accept_begin(server *s, int listening)
{
    /* One process is woken for a connection, not all of them. */
    struct epoll_event comes = { .events = EPOLLIN | EPOLLEXCLUSIVE }, ends = { .events = EPOLLIN };
    s->listening = listening;
    s->waiting = epoll_create1(EPOLL_CLOEXEC);
    s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bool good = s->waiting >= 0 && s->wake >= 0 && epoll_ctl(s->waiting, EPOLL_CTL_ADD, listening, &comes) == 0 &&
                epoll_ctl(s->waiting, EPOLL_CTL_ADD, s->wake, &ends) == 0 && pthread_create(&s->acceptor, NULL, take, s) == 0;
    if (!good)
        fprintf(stderr, "ticketing-server: connections can't be taken: %s\n", strerror(errno));
    return good;
}

void accept_end(server *s)
{
    eventfd_write(s->wake, 1);
    pthread_join(s->acceptor, NULL);
    close(s->listening);
    close(s->waiting);
    close(s->wake);
}
