/* SPDX-License-Identifier: MIT
 *
 * search/build.c: the index built anew (build.h): snapshots of one state, events read in waves, runs merged
 * into lists, rows appended to a new generation of the index's tables, and the switch.
 *
 * Threads are the host's: only reading events is spread over them. A crash or a stop at any moment leaves the
 * old index; scratch files have no name, and the next build empties what was begun.
 */
#include "search/build.h"

#include <stdlib.h>
#include <unistd.h>

#define WAVE 16384u          /* events of a part between two reports */
#define MEMORY_LEAST (UINT64_C(1) << 20)
#define SNAPSHOT_TRIES 1000

static int32_t no_memory(void) { return tkt__fail(TKT_E_NOMEM, "no memory to build the index"); }

/* ---- options ------------------------------------------------------------------------------------------------ */

static int32_t choose_folder(tkt__build *b)
{
    const char *dir = getenv("TMPDIR");
    tkt_text given = b->options.scratch;
    if (dir == NULL || *dir == '\0')
        dir = "/tmp";
    if (given.len == 0)
        given = (tkt_text){ dir, strlen(dir) };
    int32_t status = tkt__text_check(given.ptr, given.len, sizeof b->folder - 1, "the scratch folder");
    if (status != TKT_DONE)
        return status;
    memcpy(b->folder, given.ptr, given.len);
    b->folder[given.len] = '\0';
    return TKT_DONE;
}

static int32_t take_options(tkt__build *b, const tkt_reindex_options *options)
{
    static const tkt_reindex_options none = TKT_REINDEX_OPTIONS_INIT;
    int32_t status = tkt__struct_in(&b->options, sizeof b->options, options != NULL ? options : &none,
                                    offsetof(tkt_reindex_options, reserved_pointer), "tkt_reindex_options");
    if (status != TKT_DONE)
        return status;
    if (b->options.reserved_pointer != NULL)
        return tkt__fail(TKT_E_INVALID, "tkt_reindex_options: reserved_pointer must be NULL");
    if (b->options.threads > TKT_REINDEX_THREADS_MAX)
        return tkt__fail(TKT_E_INVALID, "at most %d threads", TKT_REINDEX_THREADS_MAX);
    if (b->options.memory_bytes == 0)
        b->options.memory_bytes = TKT_REINDEX_MEMORY;
    if (b->options.memory_bytes < MEMORY_LEAST)
        return tkt__fail(TKT_E_INVALID, "a build needs at least 1 MiB");
    b->parts = b->options.parallel != NULL && b->options.threads > 0 ? b->options.threads : 1;
    return choose_folder(b);
}

int32_t tkt__build_report(tkt__build *b)
{
    tkt_reindex_progress so_far = { .size = sizeof so_far, .events = b->stats.events,
                                    .terms_done = b->stats.terms };
    if (b->options.progress == NULL)
        return TKT_DONE;
    for (uint32_t i = 0; i < b->parts; i++)
        so_far.events_done += b->part[i].done;
    return b->options.progress(b->options.user, &so_far) == 0
               ? TKT_DONE
               : tkt__fail(TKT_E_STOPPED, "the host stopped the build");
}

/* ---- parts ----------------------------------------------------------------------------------------------------- */

static int32_t open_part(tkt__build *b, tkt__build_part *p)
{
    p->build = b;
    p->day = UINT32_MAX;
    tkt__arena_init(&p->arena, b->hooks, 0);
    int32_t status = tkt__kv_read_begin(b->store->kv, &p->tx);
    if (status == TKT_DONE)
        status = tkt__tx_cursor_open(p->tx, TKT__T_EVENT_LIST, &p->cursor);
    if (status == TKT_DONE)
        status = tkt__gather_open(b->hooks, (size_t)(b->options.memory_bytes / b->parts), b->folder, &p->gatherer);
    if (status == TKT_DONE)
        status = tkt__build_file(b->folder, &p->columns);
    p->terms = tkt__alloc(b->hooks, sizeof *p->terms);
    if (status == TKT_DONE && p->terms == NULL)
        status = no_memory();
    if (p->terms != NULL)
        tkt__terms_open(p->terms, b->hooks);
    return status;
}

void tkt__build_release(tkt__build *b)
{
    for (uint32_t i = 0; i <= b->parts; i++) {
        tkt__build_part *p = &b->part[i];
        tkt__cursor_close(p->cursor);
        tkt__kv_read_end(p->tx);
        p->cursor = NULL;
        p->tx = NULL;
    }
}

static void close_part(tkt__build *b, tkt__build_part *p)
{
    if (p->build == NULL)
        return;
    tkt__gather_close(p->gatherer);
    if (p->columns != NULL)
        fclose(p->columns);
    if (p->terms != NULL)
        tkt__terms_free(p->terms);
    tkt__free(b->hooks, p->terms, sizeof *p->terms);
    tkt__categories_free(b->hooks, &p->categories);
    tkt__arena_free(&p->arena);
    tkt__cursor_close(p->cursor);
    tkt__kv_read_end(p->tx);
}

/* All parts must see one state: while others commit this may take some tries. */
static int32_t one_state(tkt__build *b)
{
    int32_t status = TKT_DONE;
    for (int try = 0; status == TKT_DONE && try < SNAPSHOT_TRIES; try++) {
        bool same = true;
        for (uint32_t i = 1; status == TKT_DONE && same && i <= b->parts; i++)
            status = tkt__same_state(b->part[0].tx, b->part[i].tx, &same);
        if (status == TKT_DONE && same)
            return TKT_DONE;
        for (uint32_t i = 0; status == TKT_DONE && i <= b->parts; i++) {
            tkt__build_part *p = &b->part[i];
            p->cursor = NULL; /* renewing closes it */
            status = tkt__kv_read_renew(p->tx);
        }
        for (uint32_t i = 0; status == TKT_DONE && i <= b->parts; i++)
            status = tkt__tx_cursor_open(b->part[i].tx, TKT__T_EVENT_LIST, &b->part[i].cursor);
    }
    return status == TKT_DONE ? tkt__fail(TKT_E_BUSY, "commits came too fast for snapshots of one state") : status;
}

static int32_t open_parts(tkt__build *b)
{
    size_t bytes = (b->parts + 1) * sizeof *b->part;
    b->part = tkt__alloc(b->hooks, bytes);
    if (b->part == NULL)
        return no_memory();
    memset(b->part, 0, bytes);
    int32_t status = TKT_DONE;
    for (uint32_t i = 0; status == TKT_DONE && i <= b->parts; i++)
        status = open_part(b, &b->part[i]);
    return status == TKT_DONE ? one_state(b) : status;
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

static void read_wave(void *arg, uint32_t i)
{
    tkt__build_part *p = &((tkt__build *)arg)->part[i];
    p->status = tkt__build_read(p, WAVE);
    if (p->status != TKT_DONE)
        tkt__error_save(&p->error);
}

static int32_t wave_over(tkt__build *b, bool *all)
{
    *all = true;
    for (uint32_t i = 0; i < b->parts; i++) {
        if (b->part[i].status != TKT_DONE) {
            tkt__error_load(&b->part[i].error);
            return b->part[i].status;
        }
        *all = *all && b->part[i].done == b->part[i].events;
    }
    return tkt__build_report(b);
}

static int32_t read_all(tkt__build *b)
{
    bool all = false;
    int32_t status = TKT_DONE;
    while (status == TKT_DONE && !all) {
        if (b->parts > 1)
            b->options.parallel(b->options.user, b->parts, read_wave, b);
        else
            read_wave(b, 0);
        status = wave_over(b, &all);
    }
    if (status == TKT_DONE)
        status = tkt__build_read_spilled(&b->part[b->parts]);
    for (uint32_t i = 0; status == TKT_DONE && i <= b->parts; i++)
        status = tkt__gather_flush(b->part[i].gatherer, false);
    return status;
}

/* ---- the whole ------------------------------------------------------------------------------------------------------ */

static int32_t make_room(tkt__build *b)
{
    size_t docs = (size_t)(b->last_event + 1) * sizeof *b->docno_of;
    b->docno_of = tkt__alloc(b->hooks, docs);
    if (b->docno_of == NULL)
        return no_memory();
    memset(b->docno_of, 0, docs);
    return TKT_DONE;
}

static void count_chunks(tkt__build *b)
{
    for (uint32_t day = 0; day < TKT__DAY_END; day++)
        b->chunks += (b->in_day[day] + TKT__CHUNK_DOCS - 1) / TKT__CHUNK_DOCS;
}

static int32_t write_all(tkt__build *b)
{
    tkt__word_set words = { .n = 0 };
    tkt__name_set names = { .n = 0 };
    tkt__arena_init(&words.arena, b->hooks, 0);
    tkt__arena_init(&names.arena, b->hooks, 0);
    count_chunks(b);
    int32_t status = tkt__build_merge(b, &words, &names);
    if (status == TKT_DONE)
        status = tkt__build_words(b, &words);
    if (status == TKT_DONE)
        status = tkt__build_names(b, &names);
    if (status == TKT_DONE)
        status = tkt__build_write_columns(b);
    if (status == TKT_DONE)
        status = tkt__build_write_index_rows(b);
    tkt__arena_free(&names.arena);
    tkt__free(b->hooks, names.term, names.room * sizeof *names.term);
    tkt__free(b->hooks, names.events, names.room * sizeof *names.events);
    tkt__arena_free(&words.arena);
    tkt__free(b->hooks, words.word, words.room * sizeof *words.word);
    return status == TKT_DONE ? b->ops->bulk_end(b->bulk) : status;
}

static int32_t run(tkt__build *b)
{
    void *engine;
    b->ops = tkt__kv_ops(b->store->kv, &engine);
    int32_t status = b->ops->bulk_begin(engine, TKT__BUILD_TABLES, &b->bulk);
    if (status == TKT_DONE)
        status = open_parts(b);
    if (status == TKT_DONE)
        status = tkt__build_number(b);
    if (status == TKT_DONE)
        status = make_room(b);
    if (status == TKT_DONE)
        status = read_all(b);
    if (status == TKT_DONE)
        status = write_all(b);
    if (status == TKT_DONE)
        status = tkt__catch_up(b, b->part[0].tx);
    return status;
}

/* Empties the generation that was replaced, so that its pages serve again. */
static void empty_old(tkt__build *b)
{
    void *engine, *bulk;
    tkt__kv_ops(b->store->kv, &engine);
    if (b->ops->bulk_begin(engine, TKT__BUILD_TABLES, &bulk) == TKT_DONE)
        b->ops->bulk_abort(bulk);
}

static void close_build(tkt__build *b, bool published)
{
    for (uint32_t i = 0; b->part != NULL && i <= b->parts; i++)
        close_part(b, &b->part[i]);
    tkt__free(b->hooks, b->part, b->part != NULL ? (b->parts + 1) * sizeof *b->part : 0);
    tkt__categories_free(b->hooks, &b->categories);
    if (b->bulk != NULL)
        b->ops->bulk_abort(b->bulk);
    if (published)
        empty_old(b);
    tkt__free(b->hooks, b->docno_of, b->docno_of != NULL ? (size_t)(b->last_event + 1) * sizeof *b->docno_of : 0);
    tkt__free(b->hooks, b->spilled, b->spilled_room * sizeof *b->spilled);
    tkt__arena_free(&b->arena);
}

static int32_t publish_body(tkt__tx *tx, void *ctx)
{
    (void)ctx;
    int32_t status = tkt__generation_carry(tx);
    return status == TKT_DONE ? tkt__tx_publish(tx, TKT__BUILD_TABLES) : status;
}

int32_t tkt_index_drop(tkt_store *store)
{
    const tkt__guard guards[2] = { { TKT__G_CATALOG, 0 }, { TKT__G_STORE, 0 } };
    const tkt__run_options alone = { .alone = true };
    tkt__build b = { .store = store };
    void *engine;
    int32_t status = tkt__store_writable(store);
    if (status != TKT_DONE)
        return status;
    b.ops = tkt__kv_ops(store->kv, &engine);
    status = b.ops->bulk_begin(engine, TKT__BUILD_TABLES, &b.bulk);
    if (status != TKT_DONE)
        return status;
    status = tkt__kv_run(store->kv, guards, 2, &alone, publish_body, NULL);
    b.ops->bulk_abort(b.bulk);
    if (status == TKT_DONE)
        empty_old(&b);
    return status;
}

int32_t tkt_reindex(tkt_store *store, const tkt_reindex_options *options, tkt_reindex_stats *stats)
{
    int32_t status = tkt__store_writable(store);
    if (status != TKT_DONE)
        return status;
    tkt__build *b = tkt__alloc(&store->hooks, sizeof *b);
    if (b == NULL)
        return no_memory();
    memset(b, 0, sizeof *b);
    b->store = store;
    b->hooks = &store->hooks;
    b->stats.size = sizeof b->stats;
    tkt__arena_init(&b->arena, b->hooks, 0);
    tkt__index_meta_default(&b->meta);
    b->in_day = tkt__arena_get(&b->arena, TKT__DAY_END * sizeof *b->in_day);
    status = b->in_day != NULL ? take_options(b, options) : no_memory();
    if (status == TKT_DONE) {
        memset(b->in_day, 0, TKT__DAY_END * sizeof *b->in_day);
        status = run(b);
    }
    tkt__error_record record;
    tkt__error_save(&record);
    close_build(b, status == TKT_DONE);
    if (status != TKT_DONE)
        tkt__error_load(&record);
    if (status == TKT_DONE && stats != NULL)
        status = tkt__struct_out(stats, &b->stats, sizeof b->stats, sizeof b->stats, "tkt_reindex_stats");
    tkt__free(&store->hooks, b, sizeof *b);
    return status;
}
