/* SPDX-License-Identifier: MIT
 *
 * postgres.c: the twin on PostgreSQL: a table of events with their JSON, a GIN index of their words, one prepared
 * statement a request, a connection a thread.
 */
#include "twin.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *where;
static _Thread_local PGconn *connection;

static bool prepare(const char *name, const char *sql)
{
    PGresult *r = PQprepare(connection, name, sql, 0, NULL);
    bool good = PQresultStatus(r) == PGRES_COMMAND_OK;
    if (!good)
        fprintf(stderr, "%s\n", PQerrorMessage(connection));
    PQclear(r);
    return good;
}

static bool connected(void)
{
    if (connection != NULL)
        return true;
    connection = PQconnectdb(where);
    return PQstatus(connection) == CONNECTION_OK && prepare("event", "SELECT body FROM events WHERE id = $1::bigint") &&
           prepare("words", "SELECT item, count(*) OVER () FROM events WHERE words @@ $1::tsquery AND start_ms >= $2::bigint AND "
                            "start_ms < $3::bigint ORDER BY start_ms, id LIMIT $4::int");
}

bool store_begin(const char *place)
{
    where = place;
    return connected();
}

static PGresult *ask(const char *name, int n, const char *const *values)
{
    return connected() ? PQexecPrepared(connection, name, n, values, NULL, NULL, 0) : NULL;
}

bool store_event(uint64_t id, twin_answer *a)
{
    char number[24];
    const char *values[] = { number };
    snprintf(number, sizeof number, "%" PRIu64, id);
    PGresult *r = ask("event", 1, values);
    bool good = r != NULL && PQresultStatus(r) == PGRES_TUPLES_OK;
    a->found = good && PQntuples(r) == 1;
    if (a->found)
        good = twin_add(a, PQgetvalue(r, 0, 0), (size_t)PQgetlength(r, 0, 0));
    PQclear(r);
    return good;
}

bool store_search(const twin_query *q, twin_answer *a)
{
    char words[TWIN_WORDS_MAX * (TWIN_WORD_BYTES + 8)] = "", from[24], to[24], size[16];
    const char *values[] = { words, from, to, size };
    for (uint32_t i = 0; i < q->word_count; i++) {
        strcat(words, i > 0 ? " & '" : "'");
        strcat(words, q->words[i]); /* letters and digits: run.py chooses them */
        strcat(words, "'");
    }
    snprintf(from, sizeof from, "%" PRId64, q->from_ms);
    snprintf(to, sizeof to, "%" PRId64, q->to_ms);
    snprintf(size, sizeof size, "%u", q->page_size);
    PGresult *r = ask("words", 4, values);
    bool good = r != NULL && PQresultStatus(r) == PGRES_TUPLES_OK && twin_add(a, "[", 1);
    for (int i = 0; good && i < PQntuples(r); i++) {
        if (i == 0)
            a->total = strtoull(PQgetvalue(r, 0, 1), NULL, 10);
        good = (i == 0 || twin_add(a, ",", 1)) && twin_add(a, PQgetvalue(r, i, 0), (size_t)PQgetlength(r, i, 0));
    }
    PQclear(r);
    return good && twin_add(a, "]", 1);
}
