/* SPDX-License-Identifier: MIT
 *
 * tests/soak/soak.c: hours of sales in rounds. In each, four processes sell eight fresh events; one after another is
 * killed with SIGKILL and started anew, backups are taken and restored, a reader keeps its snapshot, and in every
 * third round the map is full for a while. Then the store is checked and the round's history judged (judge.c).
 *
 *   soak SECONDS [ROUND SECONDS [SVG FILE]]
 *
 * A line a round; at the end one that says it all. The parent never opens the store: its children do.
 */
#include "soak.h"

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define ROUND_SECONDS 20
#define AUX_EVERY_MS 3000
#define LONG_READ_SECONDS 4
#define FULL_EVERY 3          /* rounds */
#define FULL_MS 3000
/* The file: so much a change, and what snapshots of seconds keep of the pages that thousands of commits replace. */
#define GROWTH 2048
#define GROWTH_BASE (UINT64_C(512) << 20)

typedef struct run {
    soak s;
    pid_t workers[SOAK_PROCESSES], aux;
    uint32_t seed, round, kills, backups, long_reads, full_phases;
    int64_t aux_at;
} run;

static uint32_t draw(run *r, uint32_t below)
{
    r->seed = r->seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)r->seed * below >> 32);
}

static void pause_ms(uint32_t ms)
{
    const struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };
    nanosleep(&t, NULL);
}

/* ---- children ---------------------------------------------------------------------------------------------- */

static int child(const soak *s, void (*work)(const soak *s, uint32_t a, uint32_t b), uint32_t a, uint32_t b)
{
    pid_t pid = race_fork();
    if (pid == 0) {
        work(s, a, b);
        fflush(NULL);
        _exit(0);
    }
    return pid;
}

static void wait_well(pid_t pid)
{
    int how;
    MUST(waitpid(pid, &how, 0) == pid);
    MUST(WIFEXITED(how) && WEXITSTATUS(how) == 0);
}

static int rising(const void *a, const void *b)
{
    return *(const uint32_t *)a < *(const uint32_t *)b ? -1 : *(const uint32_t *)a > *(const uint32_t *)b;
}

static void put_event(tkt_store *store, soak_shared *shared, soak_event *event)
{
    tkt_snapshot *snap;
    tkt_plan *plan;
    tkt_event e;
    tkt_created made = TKT_CREATED_INIT;
    tkt_event_init(&e);
    e.name = race_text("A long night");
    e.start_ms = INT64_C(1893456000000);
    MUST(tkt_event_create(store, &e, NULL, 0, &made) == TKT_DONE);
    event->id = made.id;
    MUST(tkt_event_set_chart(store, event->id, shared->chart, shared->chart_version, 0) == TKT_DONE);
    MUST(tkt_event_set_area(store, event->id, race_text("Floor"), SOAK_PLACES, 0, &event->area_id) == TKT_DONE);
    MUST(tkt_event_set_price(store, event->id, TKT_SCOPE_EVENT, 0, 2500, "EUR", 0) == TKT_DONE);
    MUST(tkt_snapshot_begin(store, &snap) == TKT_DONE && tkt_plan_load(snap, event->id, &plan) == TKT_DONE);
    for (uint32_t i = 0; i < SOAK_SEATS; i++) {
        tkt_seat seat = { .size = sizeof seat };
        MUST(tkt_plan_seat(plan, i, &seat) == TKT_DONE);
        event->units[i] = seat.unit;
    }
    qsort(event->units, SOAK_SEATS, sizeof event->units[0], rising);
    tkt_plan_free(plan);
    tkt_snapshot_end(snap);
}

static void prepare(const soak *s, uint32_t round, uint32_t unused)
{
    (void)unused;
    tkt_store *store = soak_open(s);
    if (round == 0)
        race_hall(store, SOAK_SEATS, SOAK_ROW_SEATS, &s->shared->chart, &s->shared->chart_version);
    for (uint32_t i = 0; i < SOAK_EVENTS; i++)
        put_event(store, s->shared, &s->shared->events[i]);
    tkt_store_close(store);
}

static int open_log(const soak *s, uint32_t slot)
{
    int log = open(s->log[slot], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    MUST(log >= 0);
    return log;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

/* One thread's part of the ballast. Large events first: what they leave is too scattered for them, not for small ones. */
typedef struct loader {
    const soak *s;
    tkt_store *store;
    uint32_t part;
} loader;

static void *fill_part(void *arg)
{
    static const size_t sizes[] = { TKT_DESCRIPTION_MAX, 3500, 1000, 16 };
    char *text = malloc(TKT_DESCRIPTION_MAX);
    const loader *l = arg;
    soak_ballast *b = &l->s->shared->ballast[l->part];
    tkt_created made = TKT_CREATED_INIT;
    tkt_event e;
    MUST(text != NULL);
    memset(text, 'x', TKT_DESCRIPTION_MAX);
    tkt_event_init(&e);
    e.name = race_text("Ballast");
    b->n = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int32_t status;
        e.description = (tkt_text){ text, sizes[i] };
        while ((status = tkt_event_create(l->store, &e, NULL, 0, &made)) == TKT_DONE) {
            MUST(b->n < SOAK_BALLAST);
            b->ids[b->n++] = made.id;
        }
        MUST(tkt_status_primary(status) == TKT_E_FULL);
    }
    free(text);
    return NULL;
}

static void *empty_part(void *arg)
{
    const loader *l = arg;
    const soak_ballast *b = &l->s->shared->ballast[l->part];
    for (uint32_t i = 0; i < b->n; i++)
        MUST(tkt_event_delete(l->store, b->ids[i], NULL, 0) == TKT_DONE);
    return NULL;
}

static void by_parts(const soak *s, void *(*part)(void *))
{
    tkt_store *store = soak_open(s);
    loader loaders[SOAK_LOADERS];
    pthread_t threads[SOAK_LOADERS];
    for (uint32_t i = 0; i < SOAK_LOADERS; i++) {
        loaders[i] = (loader){ s, store, i };
        MUST(pthread_create(&threads[i], NULL, part, &loaders[i]) == 0);
    }
    for (uint32_t i = 0; i < SOAK_LOADERS; i++)
        pthread_join(threads[i], NULL);
    tkt_store_close(store);
}

/* Events until there is no room for another; and away with them. */
static void fill(const soak *s, uint32_t a, uint32_t b)
{
    (void)a, (void)b;
    by_parts(s, fill_part);
}

static void empty(const soak *s, uint32_t a, uint32_t b)
{
    (void)a, (void)b;
    by_parts(s, empty_part);
}

/* Saved while others sell, restored beside, and looked into: that is a read of what was there when it began. */
static void back_up(const soak *s, uint32_t compact, uint32_t unused)
{
    char file[80], dir[80];
    tkt_snapshot *snap;
    tkt_store *store = soak_open(s);
    soak there = *s;
    (void)unused;
    snprintf(file, sizeof file, "%s/copy", s->dir);
    snprintf(dir, sizeof dir, "%s/restored", s->dir);
    nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    remove(file);
    int64_t from = soak_ns();
    MUST(tkt_store_backup(store, file, strlen(file), compact ? TKT_BACKUP_COMPACT : 0) == TKT_DONE);
    int64_t until = soak_ns();
    tkt_store_close(store);
    MUST(tkt_store_restore(dir, strlen(dir), file, strlen(file), NULL) == TKT_DONE);
    snprintf(there.store, sizeof there.store, "%s", dir);
    store = soak_open(&there);
    MUST(tkt_snapshot_begin(store, &snap) == TKT_DONE);
    soak_read(s, snap, open_log(s, SOAK_SLOT_BACKUP), from, until, true);
    tkt_snapshot_end(snap);
    tkt_store_close(store);
}

/* A snapshot that is looked into at its begin, and again much later. */
static void read_long(const soak *s, uint32_t a, uint32_t b)
{
    (void)a, (void)b;
    tkt_store *store = soak_open(s);
    tkt_snapshot *snap;
    int log = open_log(s, SOAK_SLOT_LONG);
    int64_t from = soak_ns();
    MUST(tkt_snapshot_begin(store, &snap) == TKT_DONE);
    int64_t until = soak_ns();
    soak_read(s, snap, log, from, until, false);
    for (uint32_t i = 0; i < 10 * LONG_READ_SECONDS && !atomic_load(&s->shared->stop); i++)
        pause_ms(100);
    soak_read(s, snap, log, from, until, false);
    tkt_snapshot_end(snap);
    tkt_store_close(store);
}

static int32_t show(void *user, const tkt_problem *p)
{
    (void)user;
    fprintf(stderr, "%.*s: %.*s\n", (int)p->rule.len, p->rule.ptr, (int)p->text.len, p->text.ptr);
    return 0;
}

static void judge(const soak *s, uint32_t with_controls, uint32_t unused)
{
    (void)unused;
    tkt_store *store = soak_open(s);
    tkt_stats stats = TKT_STATS_INIT;
    feed feeds[SOAK_EVENTS];
    history h;
    uint64_t problems = 1;
    MUST(tkt_check(store, show, NULL, &problems) == TKT_DONE && problems == 0);
    MUST(tkt_store_stats(store, &stats) == TKT_DONE);
    atomic_store(&s->shared->file_bytes, stats.file_bytes);
    feeds_load(s, store, feeds);
    tkt_store_close(store);
    history_load(s, &h);
    MUST(history_judge(s, &h, feeds, false) == 0);
    MUST(!with_controls || soak_controls(s, &h, feeds) == 0);
    for (uint32_t i = 0; i < SOAK_EVENTS; i++)
        atomic_fetch_add(&s->shared->feed_rows, feeds[i].n);
    history_free(&h);
    feeds_free(feeds);
}

/* ---- a round -------------------------------------------------------------------------------------------------- */

static void start_worker(run *r, uint32_t i)
{
    r->workers[i] = child(&r->s, soak_work, i, draw(r, UINT32_MAX));
}

static void kill_worker(run *r, uint32_t i)
{
    int how;
    MUST(kill(r->workers[i], SIGKILL) == 0 && waitpid(r->workers[i], &how, 0) == r->workers[i]);
    MUST(WIFSIGNALED(how)); /* none ends by itself before it is told to */
    r->workers[i] = 0;
    r->kills++;
}

static void start_all(run *r)
{
    for (uint32_t i = 0; i < SOAK_PROCESSES; i++)
        start_worker(r, i);
}

static void kill_all(run *r)
{
    for (uint32_t i = 0; i < SOAK_PROCESSES; i++)
        kill_worker(r, i);
}

static void end_aux(run *r, bool wait)
{
    int how;
    if (r->aux == 0 || waitpid(r->aux, &how, wait ? 0 : WNOHANG) == 0)
        return;
    MUST(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    r->aux = 0;
    r->aux_at = soak_ns() + INT64_C(1000000) * AUX_EVERY_MS;
}

static void start_aux(run *r)
{
    if (r->aux != 0 || soak_ns() < r->aux_at)
        return;
    bool backup = draw(r, 2) != 0;
    r->aux = backup ? child(&r->s, back_up, draw(r, 2), 0) : child(&r->s, read_long, 0, 0);
    r->backups += backup;
    r->long_reads += !backup;
}

static void kill_some(run *r, int64_t until_ns)
{
    while (soak_ns() < until_ns) {
        pause_ms(200 + draw(r, 800));
        uint32_t victim = draw(r, SOAK_PROCESSES);
        kill_worker(r, victim);
        start_worker(r, victim);
        end_aux(r, false);
        start_aux(r);
    }
}

/* All go on with a map that ends where the file does and is full, and later with a large one again. */
static void fill_up(run *r)
{
    char file[128];
    struct stat st;
    end_aux(r, true);
    kill_all(r);
    snprintf(file, sizeof file, "%s/data.mdb", r->s.store);
    MUST(stat(file, &st) == 0);
    atomic_store(&r->s.shared->map_bytes, (uint64_t)st.st_size);
    wait_well(child(&r->s, fill, 0, 0));
    start_all(r);
    pause_ms(FULL_MS);
    kill_all(r);
    atomic_store(&r->s.shared->map_bytes, 0);
    wait_well(child(&r->s, empty, 0, 0));
    start_all(r);
    r->full_phases++;
}

static void one_round(run *r, uint32_t seconds)
{
    soak_shared *shared = r->s.shared;
    for (uint32_t i = 0; i < SOAK_SLOTS; i++)
        unlink(r->s.log[i]);
    wait_well(child(&r->s, prepare, r->round, 0));
    atomic_store(&shared->stop, 0);
    start_all(r);
    if (r->round % FULL_EVERY == FULL_EVERY - 1)
        fill_up(r);
    kill_some(r, soak_ns() + INT64_C(1000000000) * seconds);
    kill_worker(r, 0); /* what it was about stays open */
    atomic_store(&shared->stop, 1);
    for (uint32_t i = 1; i < SOAK_PROCESSES; i++)
        wait_well(r->workers[i]);
    end_aux(r, true);
    wait_well(child(&r->s, judge, r->round == 0, 0));
    r->round++;
    printf("round %u: %llu calls so far, %llu changes, %llu refusals, %llu times full, %u kills, %u backups, %u long readers; "
           "%llu records in order, file %.1f MiB\n",
           r->round, (unsigned long long)shared->calls, (unsigned long long)shared->changes, (unsigned long long)shared->refusals,
           (unsigned long long)shared->full, r->kills, r->backups, r->long_reads, (unsigned long long)shared->feed_rows,
           (double)shared->file_bytes / 1048576);
    fflush(stdout);
    MUST(shared->file_bytes <= GROWTH_BASE + GROWTH * shared->changes);
}

/* ---- the whole ---------------------------------------------------------------------------------------------------- */

static void begin(run *r)
{
    strcpy(r->s.dir, "/tmp/tkt-soak-XXXXXX");
    MUST(mkdtemp(r->s.dir) != NULL);
    snprintf(r->s.store, sizeof r->s.store, "%s/store", r->s.dir);
    for (uint32_t i = 0; i < SOAK_SLOTS; i++)
        snprintf(r->s.log[i], sizeof r->s.log[i], "%s/log-%u", r->s.dir, i);
    r->s.shared = mmap(NULL, sizeof *r->s.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    MUST(r->s.shared != MAP_FAILED);
    r->s.shared->begun_ns = soak_ns();
}

int main(int argc, char **argv)
{
    static run r = { .seed = 1 };
    uint32_t seconds = argc > 1 ? (uint32_t)atoi(argv[1]) : 0, round = argc > 2 ? (uint32_t)atoi(argv[2]) : ROUND_SECONDS;
    if (seconds == 0 || seconds > SOAK_SECONDS_MAX || round == 0) {
        fprintf(stderr, "soak SECONDS [ROUND SECONDS [SVG FILE]]\n");
        return 2;
    }
    begin(&r);
    while (soak_ns() - r.s.shared->begun_ns < INT64_C(1000000000) * seconds)
        one_round(&r, round);
    uint32_t took = (uint32_t)((soak_ns() - r.s.shared->begun_ns) / 1000000000);
    MUST(r.full_phases == 0 || atomic_load(&r.s.shared->full) > 0);
    soak_latency_print(r.s.shared, took);
    if (argc > 3)
        soak_latency_draw(r.s.shared, took, argv[3]);
    printf("%u s, %u rounds, %u kills: nothing acknowledged was lost, every history is one of some order, checks clean\n", took,
           r.round, r.kills);
    nftw(r.s.dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return 0;
}
