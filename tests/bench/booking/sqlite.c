/* SPDX-License-Identifier: MIT
 *
 * tests/bench/booking/sqlite.c: the same sale on SQLite: WAL, synchronous FULL, one connection.
 *
 *   bench_booking_sqlite FILE hot|spread CLIENTS SECONDS FIRST plain|group
 *
 * plain: each call is a transaction of its own, callers take turns. group: callers that wait while a commit is in
 * flight share the next one, the same combining that the library does: bodies run in savepoints' stead one after
 * another, since none of them is ever refused here.
 */
#include <sqlite3.h>

#define tkt_error_text() sqlite3_errmsg(db)
static sqlite3 *db;
#include "sale.h"

enum { SEAT_GET, SEAT_PUT, HOLD_PUT, IDEM_GET, IDEM_PUT, HOLD_GET, HOLD_USE, BOOKING_PUT, TICKET_PUT, BEGIN, COMMIT, KINDS };
static sqlite3_stmt *statement[KINDS];
static const char *const texts[KINDS] = {
    "SELECT state, till FROM seat WHERE event = ?1 AND seat = ?2",
    "INSERT INTO seat VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET state = ?3, till = ?4, owner = ?5",
    "INSERT INTO hold VALUES (?1, 'active', ?2, ?3, ?4, ?5, 5000)",
    "SELECT at FROM idem WHERE key = ?1 AND op = ?2",
    "INSERT INTO idem VALUES (?1, ?2, ?3, ?4)",
    "SELECT state, till, event, a, b, total FROM hold WHERE token = ?1",
    "UPDATE hold SET state = 'consumed' WHERE token = ?1",
    "INSERT INTO booking VALUES (?1, ?2, ?3, ?4, ?5)",
    "INSERT INTO ticket VALUES (?1, ?2, ?3, ?4)",
    "BEGIN IMMEDIATE",
    "COMMIT",
};
static const char schema[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -262144;"
    "CREATE TABLE IF NOT EXISTS seat (event INT, seat INT, state INT, till INT, owner INT, PRIMARY KEY (event, seat)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS hold (token INTEGER PRIMARY KEY, state TEXT, till INT, event INT, a INT, b INT, total INT);"
    "CREATE TABLE IF NOT EXISTS idem (key INT, op INT, at INT, result TEXT, PRIMARY KEY (key, op)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS booking (id INTEGER PRIMARY KEY, event INT, hold INT, total INT, at INT);"
    "CREATE TABLE IF NOT EXISTS ticket (id INTEGER PRIMARY KEY, booking INT, seat INT, code INT);";

static sqlite3_stmt *bind(int which, int n, const int64_t *values)
{
    sqlite3_stmt *s = statement[which];
    sqlite3_reset(s);
    for (int i = 0; i < n; i++)
        sqlite3_bind_int64(s, i + 1, values[i]);
    return s;
}

static void run(int which, int n, const int64_t *values)
{
    MUST(sqlite3_step(bind(which, n, values)) == SQLITE_DONE);
    sqlite3_reset(statement[which]);
}

static void reserve(const sale_job *job, int64_t now)
{
    const int64_t number = (int64_t)job->number, event = job->event;
    MUST(sqlite3_step(bind(IDEM_GET, 2, (int64_t[]){ number, 0 })) == SQLITE_DONE);
    for (int i = 0; i < 2; i++) {
        sqlite3_stmt *s = bind(SEAT_GET, 2, (int64_t[]){ event, job->seats[i] });
        MUST(sqlite3_step(s) == SQLITE_DONE); /* nobody took it */
        run(SEAT_PUT, 5, (int64_t[]){ event, job->seats[i], 1, now + 600, number });
    }
    run(HOLD_PUT, 5, (int64_t[]){ number, now + 600, event, job->seats[0], job->seats[1] });
    run(IDEM_PUT, 4, (int64_t[]){ number, 0, now, 1 });
}

static void confirm(const sale_job *job, int64_t now)
{
    const int64_t number = (int64_t)job->number, event = job->event;
    MUST(sqlite3_step(bind(IDEM_GET, 2, (int64_t[]){ number, 1 })) == SQLITE_DONE);
    sqlite3_stmt *s = bind(HOLD_GET, 1, &number);
    MUST(sqlite3_step(s) == SQLITE_ROW && sqlite3_column_int64(s, 1) > now);
    sqlite3_reset(s);
    for (int i = 0; i < 2; i++) {
        run(SEAT_PUT, 5, (int64_t[]){ event, job->seats[i], 2, 0, number });
        run(TICKET_PUT, 4, (int64_t[]){ 2 * number + i, number, job->seats[i], number * 77 + i });
    }
    run(HOLD_USE, 1, &number);
    run(BOOKING_PUT, 5, (int64_t[]){ number, event, number, 5000, now });
    run(IDEM_PUT, 4, (int64_t[]){ number, 1, now, 1 });
}

/* ---- turns, or combining ----------------------------------------------------------------------------- */

typedef struct call {
    struct call *next;
    const sale_job *job;
    bool second, done;
    pthread_cond_t wake;
} call;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static call *first, *last;
static bool busy, group;

static void work(call *list)
{
    int64_t now = (int64_t)time(NULL);
    run(BEGIN, 0, NULL);
    for (call *c = list; c != NULL; c = c->next)
        (c->second ? confirm : reserve)(c->job, now);
    run(COMMIT, 0, NULL);
}

/* Who finds the connection free leads: takes all that wait (or himself alone), and wakes the next in line. */
static void perform(const sale_job *job, bool second)
{
    call self = { .job = job, .second = second, .wake = PTHREAD_COND_INITIALIZER };
    pthread_mutex_lock(&lock);
    if (last != NULL)
        last->next = &self;
    else
        first = &self;
    last = &self;
    while (!self.done && (busy || first != &self))
        pthread_cond_wait(&self.wake, &lock);
    if (!self.done) {
        call *list = first, *end = group ? last : &self;
        first = end->next;
        if (first == NULL)
            last = NULL;
        end->next = NULL;
        busy = true;
        pthread_mutex_unlock(&lock);
        work(list);
        pthread_mutex_lock(&lock);
        busy = false;
        for (call *c = list, *next; c != NULL; c = next) {
            next = c->next;
            c->done = true;
            if (c != &self)
                pthread_cond_signal(&c->wake);
        }
        if (first != NULL)
            pthread_cond_signal(&first->wake);
    }
    pthread_mutex_unlock(&lock);
}

static void *client(void *arg)
{
    sale_client *c = arg;
    while (!atomic_load_explicit(&c->sale->stop, memory_order_relaxed)) {
        sale_job job = sale_take(c->sale);
        for (int second = 0; second < 2; second++) {
            uint64_t start = bench_ns();
            perform(&job, second != 0);
            sale_note(c, start);
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    sale s;
    if (!sale_args(&s, argc, argv) || argc < 7) {
        fprintf(stderr, "bench_booking_sqlite FILE hot|spread CLIENTS SECONDS FIRST plain|group\n");
        return 2;
    }
    group = strcmp(argv[6], "group") == 0;
    MUST(sqlite3_open(argv[1], &db) == SQLITE_OK);
    MUST(sqlite3_exec(db, schema, NULL, NULL, NULL) == SQLITE_OK);
    for (int i = 0; i < KINDS; i++)
        MUST(sqlite3_prepare_v2(db, texts[i], -1, &statement[i], NULL) == SQLITE_OK);
    sale_run(&s, NULL, client, sale_bytes_written);
    for (int i = 0; i < KINDS; i++)
        sqlite3_finalize(statement[i]);
    sqlite3_close(db);
    return 0;
}
