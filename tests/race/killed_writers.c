/* SPDX-License-Identifier: MIT
 *
 * tests/race/killed_writers.c: several processes write to one store; some of them are killed with SIGKILL at the same
 * moment, one that writes and others that wait for their turn. Those that are left must go on: nobody may be waiting
 * for one who is dead. (A robust mutex wakes one waiter when its owner dies; where that one dies too, nobody else hears of
 * it.)
 *
 *   killed_writers [KILLS]    150, or 30 under a sanitizer
 */
#include <ftw.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <ticketing/ticketing.h>

#define WRITERS 8
#define KILLED 5           /* of them, at once */
#define RUN_MS 15          /* between kills */
#define STUCK_SECONDS 20   /* nobody wrote for so long: they hang */

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, tkt_error_text()); \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static char dir[] = "/tmp/tkt-killed-XXXXXX", path[64];
static _Atomic uint64_t *written;
static pid_t writers[WRITERS];

static tkt_store *open_store(void)
{
    tkt_options *o;
    tkt_store *store = NULL;
    MUST(tkt_options_new(&o) == TKT_DONE && tkt_options_set_create(o, 1) == TKT_DONE);
    MUST(tkt_store_open(path, strlen(path), o, &store) == TKT_DONE);
    tkt_options_free(o);
    return store;
}

static void write_on(void)
{
    tkt_store *store = open_store();
    tkt_user user;
    tkt_created made = TKT_CREATED_INIT;
    tkt_user_init(&user);
    user.name = (tkt_text){ "Someone", 7 };
    for (;;) {
        MUST(tkt_user_create(store, &user, NULL, 0, &made) == TKT_DONE);
        atomic_fetch_add(written, 1);
    }
}

static void start(uint32_t i)
{
    writers[i] = fork();
    MUST(writers[i] >= 0);
    if (writers[i] == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* it writes until it is killed: by the parent, or with it */
        write_on();
    }
}

static void pause_ms(uint32_t ms)
{
    const struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };
    nanosleep(&t, NULL);
}

static void end(uint32_t from, uint32_t n)
{
    int how;
    for (uint32_t i = 0; i < n; i++)
        MUST(kill(writers[(from + i) % WRITERS], SIGKILL) == 0);
    for (uint32_t i = 0; i < n; i++)
        MUST(waitpid(writers[(from + i) % WRITERS], &how, 0) > 0 && WIFSIGNALED(how));
}

/* Whether those that are left write. */
static bool go_on(void)
{
    uint64_t before = atomic_load(written);
    for (uint32_t ms = 0; ms < STUCK_SECONDS * 1000; ms++) {
        if (atomic_load(written) >= before + WRITERS)
            return true;
        pause_ms(1);
    }
    return false;
}

static int remove_one(const char *p, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(p);
}

int main(int argc, char **argv)
{
    const char *sanitize = getenv("TKT_TEST_SANITIZE");
    uint32_t kills = argc > 1 ? (uint32_t)atoi(argv[1]) : sanitize != NULL && strcmp(sanitize, "none") != 0 ? 30 : 150, k = 0;
    bool alive = true;
    written = mmap(NULL, sizeof *written, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    MUST(written != MAP_FAILED && mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/store", dir);
    for (uint32_t i = 0; i < WRITERS; i++)
        start(i);
    MUST(go_on());
    for (; k < kills && alive; k++) {
        pause_ms(RUN_MS);
        end(k, KILLED);
        alive = go_on();
        for (uint32_t i = 0; i < KILLED; i++)
            start((k + i) % WRITERS);
    }
    end(0, WRITERS);
    nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    printf(alive ? "%u times %u of %u killed: the others went on\n" : "%u times %u of %u killed: the others hang\n", k, KILLED,
           WRITERS);
    return alive ? 0 : 1;
}
