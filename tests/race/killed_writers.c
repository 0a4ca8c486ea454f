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
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "race.h"

#define WRITERS 8
#define KILLED 5           /* of them, at once */
#define RUN_MS 15          /* between kills */
#define STUCK_SECONDS 20   /* nobody wrote for so long: they hang */

static char dir[] = "/tmp/tkt-killed-XXXXXX", path[64];
static _Atomic uint64_t *written;
static pid_t writers[WRITERS];

static void write_on(void)
{
    tkt_store *store = race_open(path);
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
    writers[i] = race_fork();
    if (writers[i] == 0)
        write_on();
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
