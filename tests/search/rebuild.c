/* SPDX-License-Identifier: MIT
 *
 * tests/search/rebuild.c: the index built anew by another process, which is killed at random moments or left
 * to end, while this one changes events, books and renames. Afterwards the index, old or new, answers as the
 * oracle does, and the check is clean.
 *
 *   rebuild [--kills N] [--seed N]     TKT_TEST_FULL=1: more kills
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model.h"

#define EVENTS 600u
#define QUERIES 12u

static tkt_text T(const char *text) { return (tkt_text){ text, strlen(text) }; }

static int64_t wall(void *user) { return ((model *)user)->now_ms; }
static int64_t monotonic(void *user) { return ((model *)user)->now_ms - INT64_C(1800000000000); }

static void open_again(model *m)
{
    tkt_options *options;
    tkt_hooks hooks = TKT_HOOKS_INIT;
    hooks.user = m;
    hooks.wall_ms = wall;
    hooks.monotonic_ms = monotonic;
    OK(tkt_options_new(&options));
    OK(tkt_options_set_map_bytes(options, UINT64_C(1) << 29));
    OK(tkt_options_set_hooks(options, &hooks));
    OK(tkt_store_open(m->path, strlen(m->path), options, &m->store));
    tkt_options_free(options);
}

/* Builds until it is killed, or `times` times. */
static pid_t builder(model *m, uint32_t times)
{
    pid_t pid = fork();
    MUST(pid >= 0);
    if (pid != 0)
        return pid;
    tkt_reindex_options options = TKT_REINDEX_OPTIONS_INIT;
    options.memory_bytes = 1u << 20;
    open_again(m);
    for (uint32_t i = 0; i < times; i++)
        OK(tkt_reindex(m->store, &options, NULL));
    tkt_store_close(m->store);
    _exit(0);
}

static void some_query(model *m, query *q)
{
    memset(q, 0, sizeof *q);
    q->from_ms = q->min_minor = INT64_MIN;
    q->to_ms = q->max_minor = INT64_MAX;
    q->page = 1;
    q->page_size = 20;
    q->sort = chance(m, 50) ? TKT_SORT_DATE : TKT_SORT_AUTO;
    q->available = chance(m, 20);
    snprintf(q->text, sizeof q->text, "%s", chance(m, 20) ? "" : model_word(m));
}

static void answers_right(model *m)
{
    tkt_snapshot *snap;
    static answer mine;
    model_words(m);
    OK(tkt_snapshot_begin(m->store, &snap));
    for (uint32_t i = 0; i < QUERIES; i++) {
        query q;
        tkt_query *tq;
        tkt_results *results;
        tkt_total total = TKT_TOTAL_INIT;
        tkt_hit hit = TKT_HIT_INIT;
        some_query(m, &q);
        judge(m, &q, &mine);
        OK(tkt_query_new(&tq));
        OK(tkt_query_set_text(tq, T(q.text)));
        OK(tkt_query_set_sort(tq, q.sort));
        OK(tkt_query_set_available(tq, q.available, 0));
        OK(tkt_search(snap, tq, &results));
        OK(tkt_results_total(results, &total));
        MUST(total.total == mine.total && total.hits == mine.hits);
        for (uint32_t h = 0; h < mine.hits; h++) {
            OK(tkt_results_hit(results, h, &hit));
            MUST(hit.event_id == mine.hit[h].id);
        }
        tkt_results_free(results);
        tkt_query_free(tq);
    }
    tkt_snapshot_end(snap);
}

static void kill_one(model *m)
{
    int status;
    tkt_store_close(m->store);
    pid_t pid = builder(m, UINT32_MAX);
    usleep(draw(m, 120) * 1000);
    kill(pid, SIGKILL);
    MUST(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
    open_again(m);
    answers_right(m);
    for (uint32_t i = 0; i < 5; i++)
        model_change(m, true);
    answers_right(m);
    model_check(m);
}

/* The other process builds while this one works. */
static void work_meanwhile(model *m)
{
    int status;
    uint32_t changes = 0;
    tkt_store_close(m->store);
    pid_t pid = builder(m, 3);
    open_again(m);
    while (waitpid(pid, &status, WNOHANG) == 0) {
        model_change(m, true);
        changes++;
    }
    MUST(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    answers_right(m);
    model_check(m);
    printf("%u changes during three builds\n", changes);
}

int main(int argc, char **argv)
{
    model *m = calloc(1, sizeof *m);
    uint64_t seed = 1, kills = getenv("TKT_TEST_FULL") != NULL ? 400 : 25;
    MUST(m != NULL);
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seed") == 0)
            seed = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--kills") == 0)
            kills = strtoull(argv[i + 1], NULL, 10);
    }
    model_open(m, seed, true);
    model_owners(m);
    for (uint32_t i = 0; i < EVENTS; i++)
        model_add(m);
    for (uint64_t i = 0; i < kills; i++)
        kill_one(m);
    work_meanwhile(m);
    printf("%llu builders killed: the index answers right\n", (unsigned long long)kills);
    model_close(m);
    free(m->posting);
    free(m);
    return 0;
}
