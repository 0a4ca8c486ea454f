/* SPDX-License-Identifier: MIT
 *
 * tests/crash/faults.c: each allocation, and each system call that writes, opens, syncs or names a file, fails in turn,
 * under each public call: once, and from then on.
 *
 *   faults [STEP]      all steps, or one
 *
 * Every try begins with the same store. The call may succeed (then the same call again says so: replayed, for those
 * with a key) or fail with a code that fits the fault; the store is then opened anew, the call made again without a
 * fault must succeed, the check must find nothing, and all memory must have been given back. The program's own
 * write, pwrite, fdatasync, malloc and so on take the place of the C library's, for LMDB too. What is counted as given
 * back is what the hook gave.
 */
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faults.h"

#define TRIES_MAX 20000

/* ---- trying -------------------------------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static void copy_base(void)
{
    static uint8_t chunk[1 << 16];
    char from[256], to[256];
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    unlink(file);
    MUST(mkdir(dir, 0700) == 0);
    snprintf(from, sizeof from, "%s/data.mdb", base);
    snprintf(to, sizeof to, "%s/data.mdb", dir);
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT, 0600);
    MUST(in >= 0 && out >= 0);
    for (ssize_t n = read(in, chunk, sizeof chunk); n > 0; n = read(in, chunk, sizeof chunk))
        MUST(write(out, chunk, (size_t)n) == n);
    close(in);
    close(out);
}

static bool fits(int32_t status)
{
    int32_t primary = tkt_status_primary(status);
    return fault == ALLOCATION || fault == MALLOC ? primary == TKT_E_NOMEM
                               : primary == TKT_E_IO || primary == TKT_E_UNKNOWN;
}

/* One try; false: the call came through without meeting the fault. */
static bool try_once(const step *s, long at)
{
    int was = fault;
    uint64_t problems = 0;
    fault = NO_FAULT;
    copy_base();
    blocks = 0;
    MUST(open_at(dir) == TKT_DONE);
    fault = was;
    fault_at = at;
    seen = 0;
    int32_t status = s->run();
    bool met = seen >= at;
    if (status < 0)
        MUST(fits(status));
    else
        MUST(TKT_IS_EFFECT(status));
    fault = NO_FAULT;
    if (store != NULL)
        close_it();
    if (status < 0 || s->again != 0) {
        MUST(open_at(dir) == TKT_DONE);
        int32_t again = s->run();
        MUST(status >= 0 ? again == (status == TKT_PENDING ? TKT_DONE : s->again) || again == s->again
                         : TKT_IS_EFFECT(again));
    }
    if (store == NULL)
        MUST(open_at(dir) == TKT_DONE);
    MUST(tkt_check(store, NULL, NULL, &problems) == TKT_DONE && problems == 0);
    close_it();
    MUST(blocks == 0);
    fault = was;
    return met;
}

static long walk(const step *s)
{
    long tries = 0;
    for (fault = ALLOCATION; fault < FAULTS; fault++)
        for (int how = 0; how < 2; how++) {
            lasting = how != 0;
            long at = 1;
            if (fault == MALLOC && s->json)
                continue;
            while (at < TRIES_MAX && try_once(s, at))
                at++;
            tries += at;
        }
    fault = NO_FAULT;
    return tries;
}

int main(int argc, char **argv)
{
    long tries = 0;
    const char *in = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(base, sizeof base, "%s/tkt-faults-XXXXXX", in);
    MUST(mkdtemp(base) != NULL);
    snprintf(dir, sizeof dir, "%s-try", base);
    snprintf(file, sizeof file, "%s-file", base);
    make_base();
    for (size_t i = 0; steps[i].name != NULL; i++) {
        step_name = steps[i].name;
        if (argc > 1 && strcmp(argv[1], step_name) != 0)
            continue;
        long n = walk(&steps[i]);
        printf("%-22s %ld tries\n", step_name, n);
        fflush(stdout);
        tries += n;
    }
    nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    unlink(file);
    printf("%ld tries\n", tries);
    return 0;
}
