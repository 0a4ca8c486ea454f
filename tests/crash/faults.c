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
 * write, pwrite, fdatasync and so on take the place of the C library's, for LMDB too. LMDB's own allocations are
 * the C library's and are not among those that fail.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <ticketing/ticketing.h>

#define MUST(condition)                                                                                    \
    do {                                                                                                   \
        if (!(condition)) {                                                                                \
            fprintf(stderr, "%s:%d: %s (%s) in %s, fault %s %ld\n", __FILE__, __LINE__, #condition,        \
                    tkt_error_text(), step_name, fault_names[fault], fault_at);                            \
            exit(1);                                                                                       \
        }                                                                                                  \
    } while (0)

#define TRIES_MAX 20000

/* ---- faults -------------------------------------------------------------------------------------------- */

enum { NO_FAULT, ALLOCATION, IO_ERROR, DISK_FULL, FAULTS };
static const char *const fault_names[] = { "none", "allocation", "I/O error", "disk full" };
static int fault;
static bool lasting;      /* from then on */
static long fault_at, seen; /* the fault_at-th fails; counted so far */
static long blocks;       /* of memory, not yet given back */
static const char *step_name = "the setting up";

static bool fails(int kind)
{
    if (fault == NO_FAULT || (kind == ALLOCATION) != (fault == ALLOCATION))
        return false;
    seen++;
    return lasting ? seen >= fault_at : seen == fault_at;
}

static void *allocate(void *user, void *p, size_t old, size_t n)
{
    (void)user;
    (void)old;
    if (n == 0) {
        blocks -= p != NULL;
        free(p);
        return NULL;
    }
    if (fails(ALLOCATION))
        return NULL;
    void *made = realloc(p, n);
    blocks += p == NULL && made != NULL;
    return made;
}

#define FAIL_IF(kind)                                  \
    if (fails(kind)) {                                 \
        errno = fault == DISK_FULL ? ENOSPC : EIO;     \
        return -1;                                     \
    }

ssize_t write(int fd, const void *p, size_t n)
{
    if (fd > 2)
        FAIL_IF(IO_ERROR)
    return syscall(SYS_write, fd, p, n);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
    FAIL_IF(IO_ERROR)
    return syscall(SYS_writev, fd, v, n);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
    FAIL_IF(IO_ERROR)
    return syscall(SYS_pwrite64, fd, p, n, at);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off_t at);
ssize_t pwrite64(int fd, const void *p, size_t n, off_t at)
{
    FAIL_IF(IO_ERROR)
    return syscall(SYS_pwrite64, fd, p, n, at);
}

int fdatasync(int fd)
{
    FAIL_IF(IO_ERROR)
    return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    FAIL_IF(IO_ERROR)
    return (int)syscall(SYS_fsync, fd);
}

int renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
    FAIL_IF(IO_ERROR)
    return (int)syscall(SYS_renameat2, a, from, b, to, flags);
}

static int open_with(const char *path, int flags, int mode)
{
    if ((flags & (O_WRONLY | O_RDWR | O_DIRECTORY)) != 0)
        FAIL_IF(IO_ERROR)
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    int mode = va_arg(args, int);
    va_end(args);
    return open_with(path, flags, mode);
}

int open64(const char *path, int flags, ...);
int open64(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    int mode = va_arg(args, int);
    va_end(args);
    return open_with(path, flags, mode);
}

/* ---- the world ------------------------------------------------------------------------------------------- */

static char base[128], dir[192], file[256];
static tkt_store *store;
static uint64_t event_id, empty_id, hall_id, intent_id, booked[2];
static uint32_t area_id;
static tkt_hold held[4];

static int32_t approve(void *user, const tkt_charge *charge)
{
    (void)user;
    (void)charge;
    return TKT_PAY_APPROVED;
}

static tkt_text text(const char *s)
{
    return (tkt_text){ s, strlen(s) };
}

static tkt_options *options_of(void)
{
    tkt_options *o;
    tkt_hooks hooks = TKT_HOOKS_INIT;
    int was = fault;
    fault = NO_FAULT; /* options are the C library's memory */
    hooks.allocate = allocate;
    MUST(tkt_options_new(&o) == TKT_DONE && tkt_options_set_create(o, 1) == TKT_DONE);
    MUST(tkt_options_set_hooks(o, &hooks) == TKT_DONE && tkt_options_set_map_bytes(o, 1 << 26) == TKT_DONE);
    fault = was;
    return o;
}

static int32_t open_at(const char *path)
{
    tkt_payment table = TKT_PAYMENT_INIT;
    tkt_options *o = options_of();
    int32_t status = tkt_store_open(path, strlen(path), o, &store);
    tkt_options_free(o);
    table.charge = table.status = table.refund = approve;
    if (status != TKT_DONE)
        store = NULL;
    else if (fault == NO_FAULT)
        MUST(tkt_store_set_payment(store, &table) == TKT_DONE);
    return status;
}

static void close_it(void)
{
    tkt_store_close(store);
    store = NULL;
}

static void key_of(uint8_t key[TKT_KEY_BYTES], uint8_t n)
{
    memset(key, n, TKT_KEY_BYTES);
}

static tkt_reserve_request places(uint32_t n, uint8_t key)
{
    tkt_reserve_request want;
    tkt_reserve_request_init(&want);
    want.event_id = event_id;
    want.area_id = area_id;
    want.quantity = n;
    key_of(want.key, key);
    return want;
}

static tkt_confirm_request paying(int which, uint32_t flags, uint8_t key)
{
    tkt_confirm_request pay;
    tkt_confirm_request_init(&pay);
    memcpy(pay.token, held[which].token, sizeof pay.token);
    pay.flags = flags;
    key_of(pay.key, key);
    return pay;
}

static tkt_hold_request on_hold(int which, uint8_t key)
{
    tkt_hold_request r;
    tkt_hold_request_init(&r);
    memcpy(r.token, held[which].token, sizeof r.token);
    r.ttl_ms = 1200000;
    key_of(r.key, key);
    return r;
}

static tkt_booking_request on_booking(int which, uint8_t key)
{
    tkt_booking_request r;
    tkt_booking_request_init(&r);
    r.booking_id = booked[which];
    key_of(r.key, key);
    return r;
}

static tkt_event concert(const char *external)
{
    tkt_event event;
    tkt_event_init(&event);
    event.name = text("A concert with some words in its name");
    event.external_id = text(external);
    event.start_ms = INT64_C(1893456000000);
    return event;
}

static void make_base(void)
{
    tkt_event event = concert("faults:1");
    tkt_created made = TKT_CREATED_INIT;
    MUST(open_at(base) == TKT_DONE);
    MUST(tkt_event_create(store, &event, NULL, 0, &made) == TKT_DONE);
    event_id = made.id;
    MUST(tkt_event_set_area(store, event_id, text("Floor"), 1000, 0, &area_id) == TKT_DONE);
    MUST(tkt_event_set_price(store, event_id, TKT_SCOPE_EVENT, 0, 2500, "EUR", 0) == TKT_DONE);
    event = concert("faults:empty");
    event.name = text("An evening without places");
    MUST(tkt_event_create(store, &event, NULL, 0, &made) == TKT_DONE);
    empty_id = made.id;
    tkt_venue hall;
    tkt_venue_init(&hall);
    hall.name = text("The old hall");
    MUST(tkt_venue_create(store, &hall, NULL, 0, &made) == TKT_DONE);
    hall_id = made.id;
    for (int i = 0; i < 4; i++) {
        tkt_reserve_request want = places(2, (uint8_t)(100 + i));
        tkt_hold_init(&held[i]);
        MUST(tkt_reserve(store, &want, &held[i]) == TKT_DONE);
    }
    for (int i = 0; i < 2; i++) {
        tkt_reserve_request want = places(1, (uint8_t)(110 + i));
        tkt_hold hold = held[0];
        tkt_booking booking;
        tkt_booking_init(&booking);
        tkt_hold_init(&held[0]);
        MUST(tkt_reserve(store, &want, &held[0]) == TKT_DONE);
        tkt_confirm_request pay = paying(0, 0, (uint8_t)(120 + i));
        MUST(tkt_confirm(store, &pay, &booking) == TKT_DONE);
        booked[i] = booking.id;
        intent_id = booking.intent_id;
        held[0] = hold;
    }
    close_it();
}

/* ---- steps ------------------------------------------------------------------------------------------------ */

static int32_t do_open(void)
{
    if (store != NULL)
        close_it();
    return open_at(dir);
}

static int32_t do_create(void)
{
    char fresh[256];
    snprintf(fresh, sizeof fresh, "%s/fresh", dir);
    tkt_store *had = store, *made = NULL;
    int32_t status = open_at(fresh);
    made = store;
    store = had;
    tkt_store_close(made);
    return status;
}

static int32_t do_event(void)
{
    tkt_event event = concert("faults:2");
    tkt_created made = TKT_CREATED_INIT;
    uint8_t key[TKT_KEY_BYTES];
    key_of(key, 1);
    return tkt_event_create(store, &event, key, 0, &made);
}

static int32_t do_update(void)
{
    tkt_event event = concert("faults:1");
    event.id = event_id;
    event.name = text("Another concert with other words");
    return tkt_event_update(store, &event, 0);
}

static int32_t do_rename(void)
{
    tkt_venue hall;
    tkt_venue_init(&hall);
    hall.id = hall_id;
    hall.name = text("The new hall");
    return tkt_venue_update(store, &hall, 0);
}

static int32_t do_status(void)
{
    return tkt_event_set_status(store, event_id, TKT_EVENT_POSTPONED, 0);
}

static int32_t read_lines(void *user, uint8_t *buf, size_t cap, size_t *got)
{
    static const char lines[] =
        "{\"@id\":\"faults:10\",\"@type\":\"Event\",\"name\":\"First of a few\",\"startDate\":\"2030-01-01T19:00:00Z\","
        "\"location\":{\"name\":\"Hall one\",\"address\":{\"addressLocality\":\"Berlin\",\"addressCountry\":\"DE\"}}}\n"
        "{\"@id\":\"faults:11\",\"@type\":\"Event\",\"name\":\"Second of a few\",\"startDate\":\"2030-01-02T19:00:00Z\","
        "\"performer\":[{\"name\":\"A band\"}]}\n";
    size_t *at = user, n = sizeof lines - 1 - *at;
    *got = n < cap ? n : cap;
    memcpy(buf, lines + *at, *got);
    *at += *got;
    return 0;
}

static int32_t do_import(void)
{
    size_t at = 0;
    tkt_import import = TKT_IMPORT_INIT;
    tkt_import_stats stats = TKT_IMPORT_STATS_INIT;
    import.read = read_lines;
    import.user = &at;
    return tkt_import_jsonl(store, &import, &stats);
}

static int32_t do_reserve(void)
{
    tkt_reserve_request want = places(3, 2);
    tkt_hold hold;
    tkt_hold_init(&hold);
    return tkt_reserve(store, &want, &hold);
}

static int32_t do_replace(void)
{
    tkt_reserve_request want = places(4, 3);
    tkt_hold hold;
    tkt_hold_init(&hold);
    return tkt_replace(store, held[3].token, &want, &hold);
}

static int32_t do_extend(void)
{
    tkt_hold_request r = on_hold(1, 4);
    return tkt_extend(store, &r, NULL);
}

static int32_t do_release(void)
{
    tkt_hold_request r = on_hold(2, 5);
    return tkt_release(store, &r, NULL);
}

static int32_t do_confirm(void)
{
    tkt_confirm_request pay = paying(0, TKT_MONEY_TAKEN, 6);
    tkt_booking booking;
    tkt_booking_init(&booking);
    return tkt_confirm(store, &pay, &booking);
}

/* The charge is made between two commits: what stays in doubt is settled by asking, which is a replay. */
static int32_t do_charge(void)
{
    tkt_confirm_request pay = paying(0, 0, 7);
    tkt_booking booking;
    tkt_booking_init(&booking);
    return tkt_confirm(store, &pay, &booking);
}

static int32_t do_cancel(void)
{
    tkt_booking_request r = on_booking(0, 8);
    return tkt_cancel(store, &r, NULL);
}

static int32_t do_refund(void)
{
    tkt_booking_request r = on_booking(1, 9);
    return tkt_refund(store, &r, NULL);
}

static int32_t do_batch(void)
{
    tkt_batch *batch = NULL;
    tkt_hold hold[2];
    int32_t status = tkt_batch_new(store, &batch);
    for (int i = 0; status == TKT_DONE && i < 2; i++) {
        tkt_reserve_request want = places(1, (uint8_t)(10 + i));
        tkt_hold_init(&hold[i]);
        status = tkt_batch_reserve(batch, &want, &hold[i]);
    }
    if (status == TKT_DONE)
        status = tkt_batch_run(batch);
    for (uint32_t i = 0; status == TKT_DONE && i < 2; i++) {
        int32_t outcome = tkt_batch_outcome(batch, i);
        status = outcome == TKT_REPLAYED ? status : outcome;
    }
    tkt_batch_free(batch);
    return status;
}

static int32_t do_tick(void)
{
    return tkt_tick(store, 0, NULL);
}

static int32_t do_recover(void)
{
    return tkt_recover(store, NULL, NULL);
}

static int32_t do_reads(void)
{
    tkt_snapshot *snap = NULL;
    tkt_counts counts = TKT_COUNTS_INIT;
    tkt_booking booking;
    uint64_t ids[8], problems = 0;
    uint32_t n = 0;
    tkt_booking_init(&booking);
    int32_t status = tkt_snapshot_begin(store, &snap);
    if (status == TKT_DONE)
        status = tkt_counts_view(snap, event_id, &counts);
    if (status == TKT_DONE)
        MUST(counts.booked == 2 && counts.reserved == 8);
    if (status == TKT_DONE)
        status = tkt_booking_view(snap, booked[0], &booking);
    if (status == TKT_DONE)
        status = tkt_booking_list(snap, TKT_BOOKINGS_OF_EVENT, event_id, 0, ids, 8, &n);
    if (status == TKT_DONE)
        MUST(n == 2);
    tkt_snapshot_end(snap);
    return status == TKT_DONE ? tkt_check(store, NULL, NULL, &problems) : status;
}

static int32_t do_search(void)
{
    tkt_snapshot *snap = NULL;
    tkt_query *query = NULL;
    tkt_results *results = NULL;
    tkt_total total = TKT_TOTAL_INIT;
    int32_t status = tkt_snapshot_begin(store, &snap);
    if (status == TKT_DONE)
        status = tkt_query_new(&query);
    if (status == TKT_DONE)
        status = tkt_query_set_text(query, text("concert"));
    if (status == TKT_DONE)
        status = tkt_search(snap, query, &results);
    if (status == TKT_DONE)
        status = tkt_results_total(results, &total);
    if (status == TKT_DONE)
        MUST(total.total == 1);
    tkt_results_free(results);
    tkt_query_free(query);
    tkt_snapshot_end(snap);
    return status;
}

static int32_t do_reindex(void)
{
    tkt_reindex_options o = TKT_REINDEX_OPTIONS_INIT;
    tkt_reindex_stats stats = TKT_REINDEX_STATS_INIT;
    return tkt_reindex(store, &o, &stats);
}

static int32_t do_backup(void)
{
    return tkt_store_backup(store, file, strlen(file), TKT_BACKUP_COMPACT);
}

static int32_t do_export(void)
{
    return tkt_store_export(store, file, strlen(file));
}

static int32_t restore_of(int32_t (*copy)(void))
{
    char place[256];
    int was = fault;
    snprintf(place, sizeof place, "%s/again", dir);
    fault = NO_FAULT;
    MUST(access(file, F_OK) == 0 || copy() == TKT_DONE);
    fault = was;
    tkt_options *o = options_of();
    int32_t status = tkt_store_restore(place, strlen(place), file, strlen(file), o);
    tkt_options_free(o);
    return status;
}

static int32_t do_restore(void)
{
    return restore_of(do_backup);
}

static int32_t do_load(void)
{
    return restore_of(do_export);
}

static int32_t do_upgrade(void)
{
    tkt_options *o = options_of();
    MUST(tkt_options_set_journal(o, 0) == TKT_DONE);
    if (store != NULL)
        close_it();
    int32_t status = tkt_store_upgrade(dir, strlen(dir), o);
    tkt_options_free(o);
    return status;
}

static int32_t do_event_delete(void)
{
    uint8_t key[TKT_KEY_BYTES];
    key_of(key, 20);
    return tkt_event_delete(store, empty_id, key, 0);
}

static int32_t do_performer(void)
{
    tkt_performer band;
    tkt_created made = TKT_CREATED_INIT;
    uint8_t key[TKT_KEY_BYTES];
    key_of(key, 21);
    tkt_performer_init(&band);
    band.name = text("A band of faults");
    return tkt_performer_create(store, &band, key, 0, &made);
}

static int32_t do_user(void)
{
    tkt_user user;
    tkt_created made = TKT_CREATED_INIT;
    uint8_t key[TKT_KEY_BYTES];
    key_of(key, 22);
    tkt_user_init(&user);
    user.name = text("Someone");
    return tkt_user_create(store, &user, key, 0, &made);
}

static int32_t do_price(void)
{
    return tkt_event_set_price(store, event_id, TKT_SCOPE_EVENT, 0, 3000, "EUR", 0);
}

static int32_t do_limit(void)
{
    return tkt_event_set_limit(store, event_id, 900, 0);
}

static int32_t do_windows(void)
{
    return tkt_event_set_windows(store, event_id, NULL, 0, 0);
}

static int32_t do_area(void)
{
    uint32_t id;
    return tkt_event_set_area(store, empty_id, text("Balcony"), 50, 0, &id);
}

static int32_t do_chart(void)
{
    tkt_chart *chart = NULL;
    uint64_t id = 0;
    uint32_t version = 0;
    int was = fault;
    fault = NO_FAULT;
    MUST(tkt_chart_new(&chart) == TKT_DONE && tkt_chart_add_section(chart, text("Hall")) == TKT_DONE);
    MUST(tkt_chart_add_row(chart, text("1")) == TKT_DONE && tkt_chart_add_seat(chart, text("1"), 0, 0, 0) == TKT_DONE);
    fault = was;
    int32_t status = tkt_chart_put(store, hall_id, chart, &id, &version);
    tkt_chart_free(chart);
    return status == TKT_DONE ? tkt_event_set_chart(store, empty_id, id, version, 0) : status;
}

static int32_t do_news(void)
{
    return tkt_resolve_payment(store, intent_id, TKT_NEWS_REFUNDED, NULL);
}

static int32_t do_suggest(void)
{
    tkt_snapshot *snap = NULL;
    tkt_suggestions *found = NULL;
    int32_t status = tkt_snapshot_begin(store, &snap);
    if (status == TKT_DONE)
        status = tkt_suggest(snap, text("old"), 0, &found);
    tkt_suggestions_free(found);
    tkt_snapshot_end(snap);
    return status;
}

static int32_t do_lists(void)
{
    tkt_snapshot *snap = NULL;
    tkt_event_list list = TKT_EVENT_LIST_INIT;
    tkt_cursor next;
    tkt_stats stats = TKT_STATS_INIT;
    uint64_t ids[8];
    uint8_t map[64];
    uint32_t n;
    int32_t more;
    size_t needed;
    list.to_ms = INT64_MAX;
    int32_t status = tkt_snapshot_begin(store, &snap);
    if (status == TKT_DONE)
        status = tkt_event_list_page(snap, &list, ids, 8, &n, &next, &more);
    if (status == TKT_DONE)
        MUST(n == 2);
    if (status == TKT_DONE)
        status = tkt_seatmap_copy(snap, event_id, map, sizeof map, &needed);
    if (status == TKT_DONE)
        status = tkt_money_list(snap, TKT_MONEY_HELD, 0, ids, 8, &n);
    tkt_snapshot_end(snap);
    return status == TKT_DONE ? tkt_store_stats(store, &stats) : status;
}

static int32_t do_drop(void)
{
    return tkt_index_drop(store);
}

typedef struct step {
    const char *name;
    int32_t (*run)(void);
    int32_t again; /* what a second call says when the first had its effect; 0: not asked */
} step;
static const step steps[] = {
    { "open", do_open, 0 },
    { "create", do_create, 0 },
    { "event create", do_event, TKT_REPLAYED },
    { "event update", do_update, 0 },
    { "venue update", do_rename, 0 },
    { "event status", do_status, 0 },
    { "event delete", do_event_delete, TKT_REPLAYED },
    { "performer create", do_performer, TKT_REPLAYED },
    { "user create", do_user, TKT_REPLAYED },
    { "event set price", do_price, 0 },
    { "event set limit", do_limit, 0 },
    { "event set windows", do_windows, 0 },
    { "event set area", do_area, 0 },
    { "chart", do_chart, 0 },
    { "payment news", do_news, 0 },
    { "suggest", do_suggest, 0 },
    { "lists and figures", do_lists, 0 },
    { "index drop", do_drop, 0 },
    { "import", do_import, 0 },
    { "reserve", do_reserve, TKT_REPLAYED },
    { "replace", do_replace, TKT_REPLAYED },
    { "extend", do_extend, TKT_REPLAYED },
    { "release", do_release, TKT_REPLAYED },
    { "confirm", do_confirm, TKT_REPLAYED },
    { "confirm by charge", do_charge, TKT_REPLAYED },
    { "cancel", do_cancel, TKT_REPLAYED },
    { "refund", do_refund, TKT_REPLAYED },
    { "batch", do_batch, 0 },
    { "tick", do_tick, 0 },
    { "recover", do_recover, 0 },
    { "reads", do_reads, 0 },
    { "search", do_search, 0 },
    { "reindex", do_reindex, 0 },
    { "backup", do_backup, 0 },
    { "export", do_export, 0 },
    { "restore", do_restore, 0 },
    { "restore of an export", do_load, 0 },
    { "upgrade", do_upgrade, 0 },
};

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
    return fault == ALLOCATION ? primary == TKT_E_NOMEM
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
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
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
