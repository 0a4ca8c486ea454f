/* SPDX-License-Identifier: MIT
 *
 * tests/bench/view/sqlite.c: the looks on SQLite: a row by its rowid, prepared, WAL, the file mapped, a connection a reader.
 *
 *   bench_view_sqlite FILE load EVENTS | look EVENTS ROUNDS
 */
#include <sqlite3.h>
#include <stdbool.h>

#define tkt_error_text() "sqlite"
#include "look.h"

static const char *file;

typedef struct connection {
    sqlite3 *db;
    sqlite3_stmt *look, *sell;
} connection;

static void at(const char *where)
{
    file = where;
}

static void run(sqlite3 *db, const char *sql)
{
    MUST(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
}

static sqlite3 *connect_to(void)
{
    sqlite3 *db;
    MUST(sqlite3_open(file, &db) == SQLITE_OK);
    run(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA mmap_size = 68719476736; PRAGMA busy_timeout = 10000;"
            "CREATE TABLE IF NOT EXISTS event (id INTEGER PRIMARY KEY, record TEXT);"
            "CREATE TABLE IF NOT EXISTS sale (id INTEGER PRIMARY KEY, row BLOB);");
    return db;
}

static void load(uint64_t events)
{
    char record[LOOK_RECORD];
    sqlite3_stmt *put;
    sqlite3 *db = connect_to();
    run(db, "PRAGMA synchronous = OFF; BEGIN");
    MUST(sqlite3_prepare_v2(db, "INSERT INTO event VALUES (?1, ?2)", -1, &put, NULL) == SQLITE_OK);
    for (uint64_t id = 1; id <= events; id++) {
        look_record(id, record);
        sqlite3_bind_int64(put, 1, (sqlite3_int64)id);
        sqlite3_bind_text(put, 2, record, sizeof record, SQLITE_STATIC);
        MUST(sqlite3_step(put) == SQLITE_DONE && sqlite3_reset(put) == SQLITE_OK);
    }
    sqlite3_finalize(put);
    run(db, "COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
    sqlite3_close(db);
}

static void *open_reader(void)
{
    connection *c = malloc(sizeof *c);
    MUST(c != NULL);
    c->db = connect_to();
    MUST(sqlite3_prepare_v2(c->db, "SELECT record FROM event WHERE id = ?1", -1, &c->look, NULL) == SQLITE_OK);
    MUST(sqlite3_prepare_v2(c->db, "INSERT INTO sale (row) VALUES (?1)", -1, &c->sell, NULL) == SQLITE_OK);
    return c;
}

static void close_reader(void *reader)
{
    connection *c = reader;
    sqlite3_finalize(c->look);
    sqlite3_finalize(c->sell);
    sqlite3_close(c->db);
    free(c);
}

static uint64_t look(void *reader, uint64_t id)
{
    connection *c = reader;
    sqlite3_bind_int64(c->look, 1, (sqlite3_int64)id);
    MUST(sqlite3_step(c->look) == SQLITE_ROW);
    uint64_t sum = look_sum(sqlite3_column_text(c->look, 0), (size_t)sqlite3_column_bytes(c->look, 0));
    sqlite3_reset(c->look);
    return sum;
}

static void sell(void *seller, uint64_t n)
{
    static const uint8_t row[LOOK_SALE_ROW];
    connection *c = seller;
    (void)n;
    sqlite3_bind_blob(c->sell, 1, row, sizeof row, SQLITE_STATIC);
    MUST(sqlite3_step(c->sell) == SQLITE_DONE && sqlite3_reset(c->sell) == SQLITE_OK);
}

int main(int argc, char **argv)
{
    const look_side side = { "sqlite", 100000, open_reader, close_reader, look, true, sell };
    return look_main(argc, argv, &side, at, load);
}
