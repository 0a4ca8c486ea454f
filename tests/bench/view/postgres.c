/* SPDX-License-Identifier: MIT
 *
 * tests/bench/view/postgres.c: the looks on PostgreSQL: a prepared SELECT by the primary key, a connection a reader.
 *
 *   bench_view_postgres CONNECTION load EVENTS | look EVENTS ROUNDS
 *
 * run.py starts the server on 127.0.0.1; synchronous_commit is on.
 */
#include <libpq-fe.h>
#include <stdbool.h>

#define tkt_error_text() "postgres"
#include "look.h"

static const char *where;

static void at(const char *given)
{
    where = given;
}

static PGresult *must(PGconn *c, PGresult *r, ExecStatusType status)
{
    if (PQresultStatus(r) != status) {
        fprintf(stderr, "%s\n", PQerrorMessage(c));
        exit(1);
    }
    return r;
}

static PGconn *connect_to(void)
{
    PGconn *c = PQconnectdb(where);
    if (PQstatus(c) != CONNECTION_OK) {
        fprintf(stderr, "%s\n", PQerrorMessage(c));
        exit(1);
    }
    return c;
}

static void load(uint64_t events)
{
    char line[LOOK_RECORD + 32];
    PGconn *c = connect_to();
    PQclear(must(c, PQexec(c, "CREATE TABLE event (id bigint PRIMARY KEY, record text NOT NULL);"
                              "CREATE TABLE sale (id bigserial PRIMARY KEY, row text NOT NULL)"), PGRES_COMMAND_OK));
    PQclear(must(c, PQexec(c, "COPY event FROM STDIN"), PGRES_COPY_IN));
    for (uint64_t id = 1; id <= events; id++) {
        int n = snprintf(line, sizeof line, "%" PRIu64 "\t", id);
        look_record(id, line + n);
        line[n + LOOK_RECORD] = '\n';
        MUST(PQputCopyData(c, line, n + LOOK_RECORD + 1) == 1);
    }
    MUST(PQputCopyEnd(c, NULL) == 1);
    PQclear(must(c, PQgetResult(c), PGRES_COMMAND_OK));
    MUST(PQgetResult(c) == NULL);
    PQclear(must(c, PQexec(c, "VACUUM ANALYZE event"), PGRES_COMMAND_OK));
    PQfinish(c);
}

static void *open_reader(void)
{
    PGconn *c = connect_to();
    PQclear(must(c, PQprepare(c, "look", "SELECT record FROM event WHERE id = $1", 0, NULL), PGRES_COMMAND_OK));
    PQclear(must(c, PQprepare(c, "sell", "INSERT INTO sale (row) VALUES ($1)", 0, NULL), PGRES_COMMAND_OK));
    return c;
}

static void close_reader(void *reader)
{
    PQfinish(reader);
}

static uint64_t look(void *reader, uint64_t id)
{
    char text[24];
    const char *given = text;
    snprintf(text, sizeof text, "%" PRIu64, id);
    PGresult *r = must(reader, PQexecPrepared(reader, "look", 1, &given, NULL, NULL, 0), PGRES_TUPLES_OK);
    MUST(PQntuples(r) == 1);
    uint64_t sum = look_sum(PQgetvalue(r, 0, 0), (size_t)PQgetlength(r, 0, 0));
    PQclear(r);
    return sum;
}

static void sell(void *seller, uint64_t n)
{
    char row[LOOK_SALE_ROW + 1];
    const char *given = row;
    (void)n;
    memset(row, 'x', LOOK_SALE_ROW);
    row[LOOK_SALE_ROW] = '\0';
    PQclear(must(seller, PQexecPrepared(seller, "sell", 1, &given, NULL, NULL, 0), PGRES_COMMAND_OK));
}

int main(int argc, char **argv)
{
    const look_side side = { "postgres", 20000, open_reader, close_reader, look, true, sell };
    return look_main(argc, argv, &side, at, load);
}
