/* SPDX-License-Identifier: MIT
 *
 * tests/race/two_stores.c: two processes have the same two stores open, and a thread for each writes to it. So a
 * process often writes to one store while it waits for its turn at the other, and the other process the other way
 * round: a circle of processes, and of no threads. Every write must be done.
 */
#include <ftw.h>
#include <pthread.h>
#include <sys/wait.h>

#include "race.h"

#define STORES 2
#define PROCESSES 2
#define WRITES 400 /* of a thread */

static char dir[] = "/tmp/tkt-two-XXXXXX";

static void *write_all(void *arg)
{
    tkt_store *store = arg;
    tkt_user user;
    tkt_created made = TKT_CREATED_INIT;
    tkt_user_init(&user);
    user.name = (tkt_text){ "Someone", 7 };
    for (int i = 0; i < WRITES; i++)
        MUST(tkt_user_create(store, &user, NULL, 0, &made) == TKT_DONE);
    return NULL;
}

static void work(void)
{
    tkt_store *stores[STORES];
    pthread_t ids[STORES];
    for (int i = 0; i < STORES; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/store-%d", dir, i);
        stores[i] = race_open(path);
    }
    for (int i = 0; i < STORES; i++)
        MUST(pthread_create(&ids[i], NULL, write_all, stores[i]) == 0);
    for (int i = 0; i < STORES; i++)
        pthread_join(ids[i], NULL);
    for (int i = 0; i < STORES; i++)
        tkt_store_close(stores[i]);
}

static int remove_one(const char *p, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(p);
}

int main(void)
{
    bool fine = true;
    MUST(mkdtemp(dir) != NULL);
    for (int i = 0; i < PROCESSES; i++) {
        pid_t pid = race_fork();
        if (pid == 0) {
            work();
            _exit(0);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int how;
        MUST(wait(&how) > 0);
        fine = fine && WIFEXITED(how) && WEXITSTATUS(how) == 0;
    }
    nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    printf(fine ? "%d writes, each done\n" : "%d writes, some refused\n", STORES * PROCESSES * WRITES);
    return fine ? 0 : 1;
}
