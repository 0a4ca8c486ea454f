/* SPDX-License-Identifier: MIT
 *
 * tests/bench/booking/postgres.c: the same sale on PostgreSQL 15, synchronous commit on.
 *
 *   bench_booking_postgres "CONNECTION" make
 *   bench_booking_postgres "CONNECTION" hot|spread CLIENTS SECONDS FIRST call|locks
 *
 * call: one PL/pgSQL function a transaction, one round trip. locks: as an application writes it: BEGIN, the event's
 * row FOR UPDATE, the statements, COMMIT.
 */
#include <libpq-fe.h>

#define tkt_error_text() "postgres"
#include "sale.h"

static const char schema[] =
    "DROP TABLE IF EXISTS event, seat, hold, idem, booking, ticket CASCADE;"
    "CREATE TABLE event (id int PRIMARY KEY, sold int NOT NULL);"
    "CREATE TABLE seat (event int, seat int, state int, till bigint, owner bigint, PRIMARY KEY (event, seat));"
    "CREATE TABLE hold (token bigint PRIMARY KEY, state text, till bigint, event int, a int, b int, total int);"
    "CREATE TABLE idem (key bigint, op int, at bigint, result text, PRIMARY KEY (key, op));"
    "CREATE TABLE booking (id bigint PRIMARY KEY, event int, hold bigint, total int, at bigint);"
    "CREATE TABLE ticket (id bigint PRIMARY KEY, booking bigint, seat int, code bigint);"
    "INSERT INTO event SELECT i, 0 FROM generate_series(0, 999) i;"
    "CREATE OR REPLACE FUNCTION reserve(n bigint, e int, s1 int, s2 int, now bigint) RETURNS text AS $$"
    " DECLARE r text; BEGIN"
    " SELECT result INTO r FROM idem WHERE key = n AND op = 0; IF FOUND THEN RETURN r; END IF;"
    " INSERT INTO seat VALUES (e, s1, 1, now + 600, n), (e, s2, 1, now + 600, n) ON CONFLICT (event, seat) DO UPDATE"
    "  SET state = 1, till = excluded.till, owner = n WHERE seat.state = 1 AND seat.till <= now;"
    " GET DIAGNOSTICS s1 = ROW_COUNT; IF s1 <> 2 THEN RAISE EXCEPTION 'taken'; END IF;"
    " INSERT INTO hold VALUES (n, 'active', now + 600, e, s2 - 1, s2, 5000);"
    " INSERT INTO idem VALUES (n, 0, now, 'held'); RETURN 'held'; END $$ LANGUAGE plpgsql;"
    "CREATE OR REPLACE FUNCTION confirm(n bigint, now bigint) RETURNS text AS $$"
    " DECLARE r text; h hold; BEGIN"
    " SELECT result INTO r FROM idem WHERE key = n AND op = 1; IF FOUND THEN RETURN r; END IF;"
    " SELECT * INTO h FROM hold WHERE token = n FOR UPDATE;"
    " IF h.state <> 'active' OR h.till <= now THEN RETURN 'expired'; END IF;"
    " UPDATE seat SET state = 2 WHERE event = h.event AND seat IN (h.a, h.b);"
    " UPDATE hold SET state = 'consumed' WHERE token = n;"
    " INSERT INTO booking VALUES (n, h.event, n, h.total, now);"
    " INSERT INTO ticket VALUES (2 * n, n, h.a, n * 77), (2 * n + 1, n, h.b, n * 77 + 1);"
    " INSERT INTO idem VALUES (n, 1, now, 'booked'); RETURN 'booked'; END $$ LANGUAGE plpgsql;";

static const char *where;
static bool locks;

static PGconn *connect_to(void)
{
    PGconn *c = PQconnectdb(where);
    if (PQstatus(c) != CONNECTION_OK) {
        fprintf(stderr, "%s\n", PQerrorMessage(c));
        exit(1);
    }
    return c;
}

static void must(PGconn *c, PGresult *r, const char *value)
{
    ExecStatusType status = PQresultStatus(r);
    if ((status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) ||
        (value != NULL && (PQntuples(r) != 1 || strcmp(PQgetvalue(r, 0, 0), value) != 0))) {
        fprintf(stderr, "%s\n", PQerrorMessage(c));
        exit(1);
    }
    PQclear(r);
}

static void execute(PGconn *c, const char *name, int n, const int64_t *values, const char *value)
{
    char texts[5][24];
    const char *given[5];
    for (int i = 0; i < n; i++) {
        snprintf(texts[i], sizeof texts[i], "%" PRId64, values[i]);
        given[i] = texts[i];
    }
    must(c, PQexecPrepared(c, name, n, given, NULL, NULL, 0), value);
}

static void prepare(PGconn *c)
{
    static const char *const all[][2] = {
        { "reserve", "SELECT reserve($1, $2, $3, $4, $5)" },
        { "confirm", "SELECT confirm($1, $2)" },
        { "lock", "SELECT 'event' FROM event WHERE id = $1 FOR UPDATE" },
        { "idem", "SELECT count(*)::text FROM idem WHERE key = $1 AND op = $2" },
        { "free", "SELECT count(*)::text FROM seat WHERE event = $1 AND seat IN ($2, $3) AND (state = 2 OR till > $4)" },
        { "take", "INSERT INTO seat VALUES ($1, $2, 1, $4 + 600, $5), ($1, $3, 1, $4 + 600, $5)" },
        { "hold", "INSERT INTO hold VALUES ($1, 'active', $5 + 600, $2, $3, $4, 5000)" },
        { "done", "INSERT INTO idem VALUES ($1, $2, $3, 'done')" },
        { "held", "SELECT state FROM hold WHERE token = $1" },
        { "book", "UPDATE seat SET state = 2 WHERE event = $1 AND seat IN ($2, $3)" },
        { "use", "UPDATE hold SET state = 'consumed' WHERE token = $1" },
        { "booking", "INSERT INTO booking VALUES ($1, $2, $1, 5000, $3)" },
        { "tickets", "INSERT INTO ticket VALUES (2 * $1::bigint, $1, $2, 77), (2 * $1::bigint + 1, $1, $3, 78)" },
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        must(c, PQprepare(c, all[i][0], all[i][1], 0, NULL), NULL);
}

static void reserve(PGconn *c, const sale_job *job, int64_t now)
{
    const int64_t n = (int64_t)job->number, event = job->event, a = job->seats[0], b = job->seats[1];
    if (!locks) {
        execute(c, "reserve", 5, (int64_t[]){ n, event, a, b, now }, "held");
        return;
    }
    must(c, PQexec(c, "BEGIN"), NULL);
    execute(c, "lock", 1, &event, "event");
    execute(c, "idem", 2, (int64_t[]){ n, 0 }, "0");
    execute(c, "free", 4, (int64_t[]){ event, a, b, now }, "0");
    execute(c, "take", 5, (int64_t[]){ event, a, b, now, n }, NULL);
    execute(c, "hold", 5, (int64_t[]){ n, event, a, b, now }, NULL);
    execute(c, "done", 3, (int64_t[]){ n, 0, now }, NULL);
    must(c, PQexec(c, "COMMIT"), NULL);
}

static void confirm(PGconn *c, const sale_job *job, int64_t now)
{
    const int64_t n = (int64_t)job->number, event = job->event, a = job->seats[0], b = job->seats[1];
    if (!locks) {
        execute(c, "confirm", 2, (int64_t[]){ n, now }, "booked");
        return;
    }
    must(c, PQexec(c, "BEGIN"), NULL);
    execute(c, "lock", 1, &event, "event");
    execute(c, "idem", 2, (int64_t[]){ n, 1 }, "0");
    execute(c, "held", 1, &n, "active");
    execute(c, "book", 3, (int64_t[]){ event, a, b }, NULL);
    execute(c, "use", 1, &n, NULL);
    execute(c, "booking", 3, (int64_t[]){ n, event, now }, NULL);
    execute(c, "tickets", 3, (int64_t[]){ n, a, b }, NULL);
    execute(c, "done", 3, (int64_t[]){ n, 1, now }, NULL);
    must(c, PQexec(c, "COMMIT"), NULL);
}

static void *client(void *arg)
{
    sale_client *self = arg;
    PGconn *c = connect_to();
    prepare(c);
    while (!atomic_load_explicit(&self->sale->stop, memory_order_relaxed)) {
        sale_job job = sale_take(self->sale);
        int64_t now = (int64_t)time(NULL);
        uint64_t start = bench_ns();
        reserve(c, &job, now);
        sale_note(self, start);
        start = bench_ns();
        confirm(c, &job, now);
        sale_note(self, start);
    }
    PQfinish(c);
    return NULL;
}

static uint64_t nothing(void)
{
    return 0;
}

int main(int argc, char **argv)
{
    sale s;
    where = argc > 1 ? argv[1] : "";
    if (argc == 3 && strcmp(argv[2], "make") == 0) {
        PGconn *c = connect_to();
        must(c, PQexec(c, schema), NULL);
        PQfinish(c);
        return 0;
    }
    if (!sale_args(&s, argc, argv) || argc < 7) {
        fprintf(stderr, "bench_booking_postgres CONNECTION make | hot|spread CLIENTS SECONDS FIRST call|locks\n");
        return 2;
    }
    locks = strcmp(argv[6], "locks") == 0;
    sale_run(&s, NULL, client, nothing);
    return 0;
}
