/* SPDX-License-Identifier: MIT
 *
 * tests/crash/replay.c: every state in which a power cut may leave what was recorded, each opened and judged.
 *
 *   replay LOG FOLDER WORK [honest|no-syncs|torn] [UNIT-BYTES] [SUBSETS] [STATES-AT-MOST] [SEED]
 *
 * FOLDER is the one that was recorded, WORK an empty one for the states (in memory, best). Before each operation that
 * makes something durable: nothing of what is pending is on the disk, all of it, each unit alone and all but one (a
 * few, where there are many), and SUBSETS random choices of units; likewise of names. A child of its own judges each
 * state, since a broken file may kill it.
 *
 * A state is sound when the store opens, its check finds nothing, every acknowledged event and booking is there as
 * acknowledged, who stands in the waiting room has the number that he was told and who left is out (at most one is a step
 * further: the call that was in flight), and a new booking works; and when a
 * backup that was acknowledged is whole, and a store that was restored opens (every eighth state). Prints how many states
 * there were and how many were violations; status 0 when there are none (honest), or some (the controls: a harness that finds nothing there is broken).
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ticketing/ticketing.h>

#include "disk.h"

#include "store/internal.h"

#define SINGLES 6
#define SHOWN 5
#define BOOKINGS 4096
#define MEMBERS 256
#define ALARM_S 20

typedef struct told { /* what had been acknowledged */
    bool store;
    uint64_t event[256];
    int events;
    uint64_t booking[BOOKINGS];
    uint32_t state[BOOKINGS];
    int bookings;
    uint64_t crowd;           /* the event with a waiting room; 0: none yet */
    uint64_t number[MEMBERS]; /* of its members */
    bool left[MEMBERS];
    int members;
    char backup[256], restored[256]; /* the last ones */
} told;

static disk d;
static told t;
static const char *folder, *work;
static unsigned seed = 1;
static uint64_t states, violations, states_most = UINT64_MAX;
static bool quiet;

/* ---- judging, in a child ------------------------------------------------------------------------------------- */

static int64_t wall(void *user)
{
    (void)user;
    return INT64_C(1799000000000);
}

static int bad(const char *what)
{
    if (!quiet)
        fprintf(stderr, "violation: %s (%s)\n", what, tkt_error_text());
    return 1;
}

static int32_t open_at(const char *path, tkt_store **store)
{
    tkt_options *o;
    tkt_hooks hooks = TKT_HOOKS_INIT;
    hooks.wall_ms = wall;
    hooks.monotonic_ms = wall;
    if (tkt_options_new(&o) != TKT_DONE || tkt_options_set_hooks(o, &hooks) != TKT_DONE ||
        tkt_options_set_map_bytes(o, 1 << 26) != TKT_DONE)
        return -TKT_E_NOMEM;
    o->lmdb.journal_half = 6000;
    int32_t status = tkt_store_open(path, strlen(path), o, store);
    tkt_options_free(o);
    return status;
}

static int32_t show(void *user, const tkt_problem *problem)
{
    (void)user;
    if (!quiet)
        fprintf(stderr, "problem: %.*s\n", (int)problem->text.len, problem->text.ptr);
    return 0;
}

static int check_clean(tkt_store *store)
{
    uint64_t problems = 0;
    return tkt_check(store, show, NULL, &problems) != TKT_DONE || problems != 0 ? bad("the check") : 0;
}

static int check_told(tkt_store *store)
{
    tkt_snapshot *snap;
    tkt_stats stats = TKT_STATS_INIT;
    int further = 0;
    if (tkt_snapshot_begin(store, &snap) != TKT_DONE)
        return bad("a snapshot");
    for (int i = 0; i < t.events; i++) {
        tkt_event event;
        tkt_event_init(&event);
        if (tkt_event_view(snap, t.event[i], &event) != TKT_DONE)
            return bad("an acknowledged event is not there");
    }
    for (int i = 0; i < t.bookings; i++) {
        tkt_booking booking;
        tkt_booking_init(&booking);
        if (tkt_booking_view(snap, t.booking[i], &booking) != TKT_DONE)
            return bad("an acknowledged booking is not there");
        if (booking.state != t.state[i] && (booking.state < t.state[i] || ++further > 1))
            return bad("a booking is not as acknowledged");
    }
    tkt_snapshot_end(snap);
    if (tkt_store_stats(store, &stats) != TKT_DONE || stats.bookings > (uint64_t)t.bookings + 1)
        return bad("there are bookings that nobody made");
    return 0;
}

static int check_member(tkt_store *store, int i, int *further)
{
    tkt_place place;
    uint8_t buyer[TKT_BUYER_BYTES] = { 'm', (uint8_t)i };
    tkt_place_init(&place);
    if (tkt_queue_poll(store, t.crowd, buyer, &place) != TKT_DONE)
        return bad("who joined the waiting room is not there");
    bool as_told = place.number == t.number[i] && (!t.left[i] || place.state == TKT_PLACE_OVER);
    if (!as_told && (place.number < t.number[i] || ++*further > 1))
        return bad("a place in the waiting room is not as acknowledged");
    return 0;
}

static int check_room(tkt_store *store)
{
    tkt_snapshot *snap;
    tkt_queue q;
    uint64_t numbers = 0;
    int further = 0, rc = 0;
    tkt_queue_init(&q);
    if (t.crowd == 0)
        return 0;
    if (tkt_snapshot_begin(store, &snap) != TKT_DONE || tkt_queue_view(snap, t.crowd, &q) != TKT_DONE)
        return bad("the waiting room is not there");
    tkt_snapshot_end(snap);
    for (int i = 0; i < t.members; i++)
        numbers = t.number[i] + 1 > numbers ? t.number[i] + 1 : numbers;
    if (q.joined != numbers && q.joined != numbers + 1)
        return bad("more or fewer joined than were told so");
    for (int i = 0; rc == 0 && i < t.members; i++)
        rc = check_member(store, i, &further);
    return rc;
}

static int check_sells(tkt_store *store)
{
    tkt_snapshot *snap;
    tkt_area area = TKT_AREA_INIT;
    tkt_reserve_request want;
    tkt_confirm_request pay;
    tkt_hold hold;
    tkt_booking booking;
    if (t.events == 0)
        return 0;
    tkt_reserve_request_init(&want);
    tkt_confirm_request_init(&pay);
    tkt_hold_init(&hold);
    tkt_booking_init(&booking);
    if (tkt_snapshot_begin(store, &snap) != TKT_DONE || tkt_area_view(snap, t.event[0], 0, &area) != TKT_DONE)
        return bad("the area of an event");
    tkt_snapshot_end(snap);
    want.event_id = t.event[0];
    want.area_id = area.id;
    want.quantity = 1;
    if (tkt_reserve(store, &want, &hold) != TKT_DONE)
        return bad("a new reserve");
    memcpy(pay.token, hold.token, sizeof pay.token);
    pay.flags = TKT_MONEY_TAKEN;
    if (tkt_confirm(store, &pay, &booking) != TKT_DONE || booking.ticket_count != 1)
        return bad("a new booking");
    return check_clean(store);
}

/* An acknowledged copy is what it was when it was written; nobody has changed it in the recorded folder since. */
static int check_backup(void)
{
    char path[600];
    int c = 0;
    snprintf(path, sizeof path, "%s%s", work, t.backup + strlen(folder));
    FILE *was = fopen(t.backup, "r"), *is = fopen(path, "r");
    while (was != NULL && is != NULL && c != EOF && (c = getc(was)) == getc(is))
        ;
    return was == NULL || is == NULL || c != EOF ? bad("an acknowledged backup is not whole") : 0;
}

static int judge(void)
{
    char path[600];
    tkt_store *store;
    struct stat st;
    alarm(ALARM_S);
    snprintf(path, sizeof path, "%s/s/data.mdb", work);
    if (stat(path, &st) != 0)
        return t.store ? bad("the store is gone") : 0;
    snprintf(path, sizeof path, "%s/s", work);
    if (open_at(path, &store) != TKT_DONE)
        return bad("the store does not open");
    int rc = check_clean(store);
    rc = rc == 0 ? check_told(store) : rc;
    rc = rc == 0 ? check_room(store) : rc;
    rc = rc == 0 ? check_sells(store) : rc;
    tkt_store_close(store);
    if (rc == 0 && t.backup[0] != '\0' && states % 8 == 0)
        rc = check_backup();
    if (rc != 0 || t.restored[0] == '\0' || states % 8 != 0)
        return rc;
    snprintf(path, sizeof path, "%s%s", work, t.restored + strlen(folder));
    if (open_at(path, &store) != TKT_DONE)
        return bad("a restored store does not open");
    rc = check_clean(store);
    tkt_store_close(store);
    return rc;
}

/* ---- states ---------------------------------------------------------------------------------------------------- */

typedef struct choice {
    int kind; /* 0 none, 1 all, 2 only `which`, 3 all but `which`, 4 by chance */
    size_t which;
    uint64_t chance;
} choice;

static bool pick(void *user, size_t n)
{
    const choice *c = user;
    uint64_t x = (c->chance + n) * UINT64_C(0x9e3779b97f4a7c15);
    x ^= x >> 29;
    return c->kind == 1 || (c->kind == 2 && n == c->which) || (c->kind == 3 && n != c->which) ||
           (c->kind == 4 && (x * UINT64_C(0xbf58476d1ce4e5b9)) >> 63 != 0);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag;
    return ftw->level != 0 ? remove(path) : 0;
}

static void try_state(choice c, int changes)
{
    int status;
    if (states >= states_most)
        return;
    nftw(work, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    if (!disk_write(&d, pick, &c, changes, folder, work)) {
        fprintf(stderr, "a state could not be written to %s\n", work);
        exit(2);
    }
    states++;
    quiet = violations >= SHOWN;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(judge());
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        exit(2);
    if (status != 0) {
        violations++;
        if (!quiet)
            fprintf(stderr, "state %llu: choice %d of unit %zu, %d of %d names, %d bookings acknowledged: status 0x%x\n",
                    (unsigned long long)states, c.kind, c.which, changes, d.pendings, t.bookings, (unsigned)status);
    }
}

static void try_all(int subsets)
{
    size_t units = disk_units(&d);
    try_state((choice){ .kind = 1 }, d.pendings);
    if (units == 0 && d.pendings == 0)
        return;
    try_state((choice){ .kind = 0 }, d.pendings);
    for (int k = 0; k < d.pendings; k++)
        try_state((choice){ .kind = k % 2 }, k);
    for (size_t i = 0; i < units && i < SINGLES; i++) {
        size_t which = units <= SINGLES ? i : (size_t)rand_r(&seed) % units;
        try_state((choice){ .kind = 2, .which = which }, d.pendings);
        try_state((choice){ .kind = 3, .which = which }, d.pendings);
    }
    for (int i = 0; i < subsets && units > 1; i++)
        try_state((choice){ .kind = 4, .chance = (uint64_t)rand_r(&seed) << 20 },
                  d.pendings > 0 ? rand_r(&seed) % (d.pendings + 1) : 0);
}

/* ---- the log ----------------------------------------------------------------------------------------------------- */

static void acknowledged(const char *line)
{
    unsigned long long id;
    unsigned state;
    if (strncmp(line, "store", 5) == 0)
        t.store = true;
    else if (sscanf(line, "event %llu", &id) == 1)
        t.event[t.events++] = id;
    else if (sscanf(line, "booking %llu %u", &id, &state) == 2) {
        int i = 0;
        while (i < t.bookings && t.booking[i] != id)
            i++;
        t.bookings += i == t.bookings;
        t.booking[i] = id;
        t.state[i] = state;
    } else if (sscanf(line, "crowd %llu", &id) == 1)
        t.crowd = id;
    else if (sscanf(line, "member %u %llu", &state, &id) == 2 && state < MEMBERS) {
        t.number[state] = id;
        t.left[state] = false;
        t.members = t.members > (int)state ? t.members : (int)state + 1;
    } else if (sscanf(line, "left %u", &state) == 1 && state < MEMBERS)
        t.left[state] = true;
    else if (sscanf(line, "backup %255s", t.backup) != 1)
        sscanf(line, "restored %255s", t.restored);
}

static uint8_t *read_log(const char *file, size_t *n)
{
    struct stat st;
    int fd = open(file, O_RDONLY);
    if (fd < 0 || fstat(fd, &st) != 0)
        exit(2);
    uint8_t *all = malloc((size_t)st.st_size + 1);
    for (*n = 0; all != NULL && *n < (size_t)st.st_size;) {
        ssize_t got = read(fd, all + *n, (size_t)st.st_size - *n);
        if (got <= 0)
            exit(2);
        *n += (size_t)got;
    }
    close(fd);
    return all;
}

/* Whether a crash just before this operation is worth its states: it makes something durable, or tells it. */
static bool turning(const crash_op *op)
{
    return op->kind == CRASH_SYNC || op->kind == CRASH_RENAME || op->kind == CRASH_ACK ||
           (op->kind == CRASH_WRITE && d.fd[op->fd].dsync);
}

static void replay(const uint8_t *log, size_t n, int subsets)
{
    char name[DISK_NAME_MAX], name2[DISK_NAME_MAX], line[256];
    for (size_t at = 0; at + sizeof(crash_op) <= n;) {
        crash_op op;
        memcpy(&op, log + at, sizeof op);
        at += sizeof op;
        snprintf(name, sizeof name, "%.*s", op.name, (const char *)log + at);
        snprintf(name2, sizeof name2, "%.*s", op.name2, (const char *)log + at + op.name);
        const uint8_t *data = log + at + op.name + op.name2;
        at += op.name + (size_t)op.name2 + op.len;
        if (turning(&op))
            try_all(subsets);
        disk_apply(&d, &op, name, name2, data);
        if (d.torn_heads && op.kind == CRASH_WRITE && d.fd[op.fd].dsync)
            try_all(subsets); /* while it is in pieces */
        if (op.kind == CRASH_ACK) {
            snprintf(line, sizeof line, "%.*s", (int)op.len, (const char *)data);
            acknowledged(line);
        }
    }
    try_all(subsets);
}

int main(int argc, char **argv)
{
    size_t n;
    if (argc < 4) {
        fprintf(stderr, "replay LOG FOLDER WORK [honest|no-syncs|torn] [UNIT] [SUBSETS] [STATES] [SEED]\n");
        return 2;
    }
    folder = argv[2];
    work = argv[3];
    const char *mode = argc > 4 ? argv[4] : "honest";
    disk_init(&d, argc > 5 ? (uint32_t)atoi(argv[5]) : 4096);
    d.no_syncs = strcmp(mode, "no-syncs") == 0;
    d.torn_heads = strcmp(mode, "torn") == 0;
    int subsets = argc > 6 ? atoi(argv[6]) : 4;
    states_most = argc > 7 && atoi(argv[7]) > 0 ? (uint64_t)atoi(argv[7]) : UINT64_MAX;
    seed = argc > 8 ? (unsigned)atoi(argv[8]) : 1;
    setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
    uint8_t *log = read_log(argv[1], &n);
    replay(log, n, subsets);
    printf("%s, units of %u bytes: %llu states, %llu violations\n", mode, d.unit_bytes, (unsigned long long)states,
           (unsigned long long)violations);
    free(log);
    return strcmp(mode, "honest") == 0 ? violations != 0 : violations == 0;
}
