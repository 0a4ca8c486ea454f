/* SPDX-License-Identifier: MIT
 *
 * tests/bench/search/fts5.c: the queries answered by SQLite FTS5. engine.h has the turns.
 *
 *   bench_search_fts5 load FILE.db DUMP
 *   bench_search_fts5 serve FILE.db QUERIES
 *
 * A contentless table with our words, cut at spaces; row ids in order of start, so a window is a range of them and the
 * order by date is theirs. City and category are words of their own ('@city', '#category'); together they are a table
 * by (city, category, row), which answers class e. Prefixes of 2 to 4 letters have lists of their own, and are asked for
 * as such where our list of their words is complete. A total and the first 20 by date come of one walk over all matches:
 * faster than a LIMIT and a count(*) beside it. Ranges are found in an array of starts in memory, which is in its favour.
 */
#include "engine.h"

#include <sqlite3.h>

#define LOAD_LINE (1 << 20)
#define COMMIT_EVERY 200000
#define FIELDS 11
#define MATCH_MAX (1 << 20)
#define PREFIX_WORDS 1024 /* so long is a list that may be cut */

static void must(sqlite3 *db, int rc, int want)
{
    if (rc != want)
        engine_die(db != NULL ? sqlite3_errmsg(db) : "sqlite failed");
}

static void run(sqlite3 *db, const char *sql)
{
    must(db, sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

/* ---- a tokenizer that cuts at spaces ---------------------------------------------------------------------- */

static int spaces_create(void *user, const char **args, int n, Fts5Tokenizer **out)
{
    static int one;
    (void)user, (void)args, (void)n;
    *out = (Fts5Tokenizer *)&one;
    return SQLITE_OK;
}

static void spaces_delete(Fts5Tokenizer *tokenizer)
{
    (void)tokenizer;
}

static int spaces_cut(Fts5Tokenizer *tokenizer, void *user, int flags, const char *text, int n,
                      int (*token)(void *, int, const char *, int, int, int))
{
    (void)tokenizer, (void)flags;
    for (int i = 0, start = 0; i <= n; i++) {
        if (i < n && text[i] != ' ')
            continue;
        if (i > start && token(user, 0, text + start, i - start, start, i) != SQLITE_OK)
            return SQLITE_ERROR;
        start = i + 1;
    }
    return SQLITE_OK;
}

static sqlite3 *open_db(const char *path)
{
    sqlite3 *db;
    sqlite3_stmt *st;
    fts5_api *api = NULL;
    fts5_tokenizer spaces = { spaces_create, spaces_delete, spaces_cut };
    must(NULL, sqlite3_open(path, &db), SQLITE_OK);
    must(db, sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &st, NULL), SQLITE_OK);
    sqlite3_bind_pointer(st, 1, &api, "fts5_api_ptr", NULL);
    sqlite3_step(st);
    sqlite3_finalize(st);
    if (api == NULL || api->xCreateTokenizer(api, "spaces", NULL, &spaces, NULL) != SQLITE_OK)
        engine_die("sqlite has no fts5");
    run(db, "PRAGMA mmap_size = 34359738368; PRAGMA cache_size = -262144; PRAGMA temp_store = MEMORY");
    return db;
}

/* ---- load -------------------------------------------------------------------------------------------------- */

static void begin_load(sqlite3 *db)
{
    run(db, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF");
    run(db, "CREATE VIRTUAL TABLE t USING fts5(words, content = '', tokenize = 'spaces', prefix = '2 3 4')");
    run(db, "CREATE TABLE start(row INTEGER PRIMARY KEY, ms INTEGER)");
    run(db, "CREATE TABLE place(city TEXT, category TEXT, row INTEGER, PRIMARY KEY(city, category, row)) WITHOUT ROWID");
    run(db, "BEGIN");
}

static void end_load(sqlite3 *db)
{
    run(db, "COMMIT; INSERT INTO t(t) VALUES('optimize'); ANALYZE");
}

static void load(const char *path, const char *dump)
{
    sqlite3 *db = open_db(path);
    sqlite3_stmt *words, *start, *place;
    char *line = malloc(LOAD_LINE), *text = malloc(2 * LOAD_LINE);
    FILE *file = fopen(dump, "r");
    int64_t row = 0;
    if (file == NULL || line == NULL || text == NULL)
        engine_die("the dump can't be read");
    begin_load(db);
    must(db, sqlite3_prepare_v2(db, "INSERT INTO t(rowid, words) VALUES(?, ?)", -1, &words, NULL), SQLITE_OK);
    must(db, sqlite3_prepare_v2(db, "INSERT INTO start VALUES(?, ?)", -1, &start, NULL), SQLITE_OK);
    must(db, sqlite3_prepare_v2(db, "INSERT INTO place VALUES(?, ?, ?)", -1, &place, NULL), SQLITE_OK);
    while (fgets(line, LOAD_LINE, file) != NULL) {
        char *at = line, *field[FIELDS];
        for (int i = 0; i < FIELDS; i++)
            field[i] = engine_field(&at, i == FIELDS - 1 ? '\n' : '\t');
        int n = sprintf(text, "@%s #%s", field[2], field[3]);
        for (int i = 4; i < FIELDS; i++) {
            text[n++] = ' ';
            for (const char *p = field[i]; *p != '\0'; p++)
                text[n++] = *p == '/' ? ' ' : *p;
        }
        sqlite3_bind_int64(words, 1, ++row);
        sqlite3_bind_text(words, 2, text, n, SQLITE_STATIC);
        sqlite3_bind_int64(start, 1, row);
        sqlite3_bind_int64(start, 2, strtoll(field[0], NULL, 10));
        sqlite3_bind_text(place, 1, field[2], -1, SQLITE_STATIC);
        sqlite3_bind_text(place, 2, field[3], -1, SQLITE_STATIC);
        sqlite3_bind_int64(place, 3, row);
        must(db, sqlite3_step(words), SQLITE_DONE);
        must(db, sqlite3_step(start), SQLITE_DONE);
        must(db, sqlite3_step(place), SQLITE_DONE);
        sqlite3_reset(words);
        sqlite3_reset(start);
        sqlite3_reset(place);
        if (row % COMMIT_EVERY == 0)
            run(db, "COMMIT; BEGIN");
    }
    sqlite3_finalize(words);
    sqlite3_finalize(start);
    sqlite3_finalize(place);
    end_load(db);
    must(NULL, sqlite3_close(db), SQLITE_OK);
}

/* ---- queries ------------------------------------------------------------------------------------------------ */

typedef struct fts5 {
    sqlite3 *db;
    int64_t n, *start; /* of row i + 1 */
    char *match;
    sqlite3_stmt *all, *window, *place, *ranked, *ranked_window, *count, *count_window;
} fts5;

static void read_starts(fts5 *f)
{
    sqlite3_stmt *st;
    int64_t cap = 1 << 16;
    f->start = malloc((size_t)cap * sizeof *f->start);
    must(f->db, sqlite3_prepare_v2(f->db, "SELECT ms FROM start ORDER BY row", -1, &st, NULL), SQLITE_OK);
    while (f->start != NULL && sqlite3_step(st) == SQLITE_ROW) {
        if (f->n == cap)
            f->start = realloc(f->start, (size_t)(cap *= 2) * sizeof *f->start);
        f->start[f->n++] = sqlite3_column_int64(st, 0);
    }
    sqlite3_finalize(st);
}

/* The first row that starts at or after. */
static int64_t row_at(const fts5 *f, int64_t ms)
{
    int64_t low = 0, high = f->n;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (f->start[middle] < ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low + 1;
}

static int words_of(const char *list)
{
    int n = 1;
    for (; *list != '\0'; list++)
        n += *list == '|';
    return n;
}

/* "a" AND ("b" OR "c") AND "@city" */
static void set_match(fts5 *f, const engine_query *q)
{
    char *out = f->match;
    const char *p = q->words;
    if (q->class_ == 'f' && words_of(p) < PREFIX_WORDS) {
        sprintf(out, "\"%s\"*", q->text);
        return;
    }
    while (*p != '\0') {
        out += sprintf(out, out == f->match ? "(\"" : " AND (\"");
        for (; *p != '\0' && *p != ' '; p++) {
            if (*p == '|')
                out += sprintf(out, "\" OR \"");
            else
                *out++ = *p;
        }
        out += sprintf(out, "\")");
        p += *p == ' ';
    }
    if (q->city[0] != '\0')
        out += sprintf(out, out == f->match ? "\"@%s\"" : " AND \"@%s\"", q->city);
    *out = '\0';
}

static void walk(fts5 *f, sqlite3_stmt *st, engine_answer *out, int count)
{
    int rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        if (out->hits < ENGINE_PAGE)
            out->start[out->hits++] = f->start[sqlite3_column_int64(st, 0) - 1];
        out->total += (uint64_t)count;
    }
    must(f->db, rc, SQLITE_DONE);
    sqlite3_reset(st);
}

static void count_all(fts5 *f, sqlite3_stmt *st, engine_answer *out)
{
    must(f->db, sqlite3_step(st), SQLITE_ROW);
    out->total = (uint64_t)sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
}

static void bind(fts5 *f, sqlite3_stmt *st, int window, int64_t first, int64_t end)
{
    sqlite3_bind_text(st, 1, f->match, -1, SQLITE_STATIC);
    if (window) {
        sqlite3_bind_int64(st, 2, first);
        sqlite3_bind_int64(st, 3, end - 1);
    }
}

static void answer(void *user, const engine_query *q, int by_relevance, engine_answer *out)
{
    fts5 *f = user;
    int window = q->to_ms != 0;
    int64_t first = window ? row_at(f, q->from_ms) : 0, end = window ? row_at(f, q->to_ms) : 0;
    if (q->category[0] != '\0') {
        sqlite3_bind_text(f->place, 1, q->city, -1, SQLITE_STATIC);
        sqlite3_bind_text(f->place, 2, q->category, -1, SQLITE_STATIC);
        sqlite3_bind_int64(f->place, 3, first);
        sqlite3_bind_int64(f->place, 4, end - 1);
        walk(f, f->place, out, 1);
        return;
    }
    set_match(f, q);
    sqlite3_stmt *list = by_relevance ? (window ? f->ranked_window : f->ranked) : window ? f->window : f->all;
    bind(f, list, window, first, end);
    walk(f, list, out, !by_relevance);
    if (by_relevance) {
        sqlite3_stmt *count = window ? f->count_window : f->count;
        bind(f, count, window, first, end);
        count_all(f, count, out);
    }
}

static void prepare(fts5 *f, const char *sql, sqlite3_stmt **st)
{
    must(f->db, sqlite3_prepare_v3(f->db, sql, -1, SQLITE_PREPARE_PERSISTENT, st, NULL), SQLITE_OK);
}

static void serve(const char *path, const char *queries)
{
    fts5 f = { .db = open_db(path), .match = malloc(MATCH_MAX) };
    engine_queries q = engine_read(queries);
    read_starts(&f);
    prepare(&f, "SELECT rowid FROM t WHERE t MATCH ? ORDER BY rowid", &f.all);
    prepare(&f, "SELECT rowid FROM t WHERE t MATCH ? AND rowid BETWEEN ? AND ? ORDER BY rowid", &f.window);
    prepare(&f, "SELECT row FROM place WHERE city = ? AND category = ? AND row BETWEEN ? AND ? ORDER BY row", &f.place);
    prepare(&f, "SELECT rowid FROM t WHERE t MATCH ? ORDER BY rank LIMIT 20", &f.ranked);
    prepare(&f, "SELECT rowid FROM t WHERE t MATCH ? AND rowid BETWEEN ? AND ? ORDER BY rank LIMIT 20", &f.ranked_window);
    prepare(&f, "SELECT count(*) FROM t WHERE t MATCH ?", &f.count);
    prepare(&f, "SELECT count(*) FROM t WHERE t MATCH ? AND rowid BETWEEN ? AND ?", &f.count_window);
    engine_serve(&q, answer, &f);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "load") == 0)
        load(argv[2], argv[3]);
    else if (argc == 4 && strcmp(argv[1], "serve") == 0)
        serve(argv[2], argv[3]);
    else
        engine_die("usage: bench_search_fts5 load FILE.db DUMP | serve FILE.db QUERIES");
    return 0;
}
