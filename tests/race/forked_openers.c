/* SPDX-License-Identifier: MIT
 *
 * tests/race/forked_openers.c: a thread opens and closes a store without pause while its process forks children that do
 * nothing: what a child has inherited keeps nobody out. After each child both the thread and another process open it.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include <ticketing/store.h>

#include "race.h"

#define CHILDREN 150
#define SECONDS 120 /* then something hangs, and the alarm ends it */

static char dir[] = "/tmp/tkt-forked-XXXXXX", path[64];
static atomic_bool over;

static void open_once(void)
{
    tkt_store *store;
    MUST(tkt_store_open(path, strlen(path), NULL, &store) == TKT_DONE);
    tkt_store_close(store);
}

static void *opens(void *unused)
{
    while (!atomic_load(&over))
        open_once();
    return unused;
}

static void make(void)
{
    tkt_options *options;
    tkt_store *store;
    MUST(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/store", dir);
    MUST(tkt_options_new(&options) == TKT_DONE && tkt_options_set_create(options, 1) == TKT_DONE);
    MUST(tkt_options_set_map_bytes(options, UINT64_C(64) << 20) == TKT_DONE);
    MUST(tkt_store_open(path, strlen(path), options, &store) == TKT_DONE);
    tkt_options_free(options);
    tkt_store_close(store);
}

static void remove_all(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", dir);
    MUST(system(command) == 0);
}

int main(int argc, char **argv)
{
    pthread_t thread;
    pid_t child[CHILDREN];
    int status;
    alarm(SECONDS);
    if (argc == 2) { /* another process */
        snprintf(path, sizeof path, "%s", argv[1]);
        open_once();
        return 0;
    }
    make();
    MUST(pthread_create(&thread, NULL, opens, NULL) == 0);
    for (int i = 0; i < CHILDREN; i++) {
        child[i] = fork();
        MUST(child[i] >= 0);
        if (child[i] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            pause();
            _exit(0);
        }
        usleep(1000);
    }
    atomic_store(&over, true);
    MUST(pthread_join(thread, NULL) == 0);
    pid_t other = fork();
    if (other == 0)
        _exit(execl(argv[0], argv[0], path, (char *)NULL));
    MUST(waitpid(other, &status, 0) == other && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    for (int i = 0; i < CHILDREN; i++) {
        kill(child[i], SIGKILL);
        MUST(waitpid(child[i], &status, 0) == child[i]);
    }
    remove_all();
    printf("%d children, nobody kept out\n", CHILDREN);
    return 0;
}
