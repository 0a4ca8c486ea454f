/* SPDX-License-Identifier: MIT
 *
 * tests/bench/search/xapian.cc: the queries answered by Xapian. engine.h has the turns.
 *
 *   bench_search_xapian load DIR DUMP
 *   bench_search_xapian serve DIR QUERIES
 *
 * Documents are put in order of start, so by date is the order of their numbers, without weights; a window is a range
 * of a value. Exact totals: every match is checked.
 */
#include "engine.h"

#include <xapian.h>

#include <string>
#include <vector>

static const int FIELDS = 11;
static const Xapian::valueno START = 0;

static void load(const char *dir, const char *dump)
{
    Xapian::WritableDatabase db(dir, Xapian::DB_CREATE | Xapian::DB_NO_SYNC);
    std::vector<char> line(ENGINE_LINE);
    FILE *file = fopen(dump, "r");
    if (file == NULL)
        engine_die("the dump can't be read");
    while (fgets(line.data(), ENGINE_LINE, file) != NULL) {
        char *at = line.data(), *field[FIELDS];
        for (int i = 0; i < FIELDS; i++)
            field[i] = engine_field(&at, i == FIELDS - 1 ? '\n' : '\t');
        Xapian::Document d;
        int64_t start = strtoll(field[0], NULL, 10);
        d.add_value(START, Xapian::sortable_serialise((double)start));
        d.set_data(field[0]);
        d.add_boolean_term(std::string("@") + field[2]);
        d.add_boolean_term(std::string("#") + field[3]);
        for (int i = 4; i < FIELDS; i++)
            for (char *word = strtok(field[i], " "); word != NULL; word = strtok(NULL, " "))
                if (strcmp(word, "/") != 0)
                    d.add_term(word);
        db.add_document(d);
    }
    fclose(file);
    db.commit();
}

static Xapian::Query query_of(const engine_query *q, bool scored)
{
    std::vector<Xapian::Query> all;
    for (const char *p = q->words; *p != '\0'; p += *p == ' ') {
        std::vector<Xapian::Query> any;
        while (*p != '\0' && *p != ' ') {
            size_t n = strcspn(p, "| ");
            any.push_back(Xapian::Query(std::string(p, n)));
            p += n + (p[n] == '|');
        }
        all.push_back(Xapian::Query(Xapian::Query::OP_OR, any.begin(), any.end()));
    }
    std::vector<Xapian::Query> filters;
    if (q->city[0] != '\0')
        filters.push_back(Xapian::Query(std::string("@") + q->city));
    if (q->category[0] != '\0')
        filters.push_back(Xapian::Query(std::string("#") + q->category));
    if (q->to_ms != 0)
        filters.push_back(Xapian::Query(Xapian::Query::OP_VALUE_RANGE, START, Xapian::sortable_serialise((double)q->from_ms),
                                        Xapian::sortable_serialise((double)q->to_ms - 1)));
    Xapian::Query words(Xapian::Query::OP_AND, all.begin(), all.end());
    Xapian::Query filter(Xapian::Query::OP_AND, filters.begin(), filters.end());
    if (all.empty())
        return filter;
    if (filters.empty())
        return words;
    return Xapian::Query(scored ? Xapian::Query::OP_FILTER : Xapian::Query::OP_AND, words, filter);
}

static void answer(void *user, const engine_query *q, int by_relevance, engine_answer *out)
{
    Xapian::Database *db = static_cast<Xapian::Database *>(user);
    Xapian::Enquire enquire(*db);
    enquire.set_query(query_of(q, by_relevance != 0));
    if (by_relevance) {
        enquire.set_weighting_scheme(Xapian::BM25Weight(1.2, 0, 1, 0.75, 0));
    } else {
        enquire.set_weighting_scheme(Xapian::BoolWeight());
        enquire.set_docid_order(Xapian::Enquire::ASCENDING);
    }
    Xapian::MSet hits = enquire.get_mset(0, ENGINE_PAGE, db->get_doccount());
    out->total = hits.get_matches_estimated();
    for (Xapian::MSetIterator i = hits.begin(); i != hits.end(); ++i)
        out->start[out->hits++] = (int64_t)Xapian::sortable_unserialise(i.get_document().get_value(START));
}

int main(int argc, char **argv)
{
    try {
        if (argc == 4 && strcmp(argv[1], "load") == 0) {
            load(argv[2], argv[3]);
        } else if (argc == 4 && strcmp(argv[1], "serve") == 0) {
            Xapian::Database db(argv[2]);
            engine_queries q = engine_read(argv[3]);
            engine_serve(&q, answer, &db);
        } else {
            return 2;
        }
    } catch (const Xapian::Error &e) {
        engine_die(e.get_description().c_str());
    }
    return 0;
}
