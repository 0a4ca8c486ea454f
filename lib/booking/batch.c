/* SPDX-License-Identifier: MIT
 *
 * booking/batch.c: many commands in one durable commit.
 *
 * A command is a call cut in two: what comes before its body (the door, ids, codes) happens when it is added, what
 * comes after (the caller's struct, the charge) when the batch has run. In between all bodies are handed to the
 * engine's queue together: they run in order, each with its own outcome, and share a commit with each other and with
 * whoever else is waiting. A batch that is freed or cleared before it ran gives back what its commands leased.
 *
 * Locks: none, one thread at a time. A crash leaves each command's effect whole or not at all.
 */
#include "booking/booking.h"

#define COMMANDS_FIRST 64u

typedef struct entry {
    tkt__command command;
    int32_t status;
    bool over;     /* has its outcome */
    bool recorded; /* `record` belongs to it */
    tkt__error_record *record;
} entry;

struct tkt_batch {
    tkt_store *store;
    tkt_hooks hooks;
    tkt__arena arena; /* calls and records */
    entry *entries;
    uint32_t count, cap;
    bool ran;
};

/* ---- life ------------------------------------------------------------------------------------------- */

int32_t tkt_batch_new(tkt_store *store, tkt_batch **batch)
{
    if (batch == NULL)
        return tkt__fail(TKT_E_INVALID, "batch is NULL");
    int32_t status = tkt__store_writable(store);
    if (status != TKT_DONE)
        return status;
    tkt_batch *b = tkt__alloc(&store->hooks, sizeof *b);
    if (b == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for a batch");
    *b = (tkt_batch){ .store = store, .hooks = store->hooks };
    tkt__arena_init(&b->arena, &b->hooks, 0);
    *batch = b;
    return TKT_DONE;
}

int32_t tkt_batch_clear(tkt_batch *batch)
{
    if (batch == NULL)
        return tkt__fail(TKT_E_INVALID, "batch is NULL");
    for (uint32_t i = 0; i < batch->count; i++)
        if (!batch->entries[i].over)
            (void)batch->entries[i].command.finish(batch->entries[i].command.call, -TKT_E_STOPPED);
    tkt__arena_reset(&batch->arena);
    batch->count = 0;
    batch->ran = false;
    return TKT_DONE;
}

void tkt_batch_free(tkt_batch *batch)
{
    if (batch == NULL)
        return;
    (void)tkt_batch_clear(batch);
    tkt_hooks hooks = batch->hooks;
    tkt__free(&hooks, batch->entries, batch->cap * sizeof *batch->entries);
    tkt__arena_free(&batch->arena);
    tkt__free(&hooks, batch, sizeof *batch);
}

uint32_t tkt_batch_count(const tkt_batch *batch)
{
    return batch != NULL ? batch->count : 0;
}

int32_t tkt__no_dry_run(uint32_t flags)
{
    return (flags & TKT_DRY_RUN) == 0 ? TKT_DONE : tkt__fail(TKT_E_INVALID, "a batch makes no dry runs");
}

/* ---- adding ------------------------------------------------------------------------------------------- */

/* Room for one entry more, and its record. */
static int32_t room_for(tkt_batch *b, entry **out)
{
    if (b == NULL)
        return tkt__fail(TKT_E_INVALID, "batch is NULL");
    if (b->ran)
        return tkt__fail(TKT_E_INVALID, "the batch has run: clear it first");
    if (b->count == TKT_BATCH_MAX)
        return tkt__fail(TKT_E_LIMIT, "at most %u commands in a batch", TKT_BATCH_MAX);
    if (b->count == b->cap) {
        uint32_t cap = b->cap != 0 ? 2 * b->cap : COMMANDS_FIRST;
        entry *more = tkt__realloc(&b->hooks, b->entries, b->cap * sizeof *more, cap * sizeof *more);
        if (more == NULL)
            return tkt__fail(TKT_E_NOMEM, "no memory for a command");
        b->entries = more;
        b->cap = cap;
    }
    tkt__error_record *record = tkt__arena_get(&b->arena, sizeof *record);
    if (record == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for a command");
    *out = &b->entries[b->count];
    **out = (entry){ .record = record };
    return TKT_DONE;
}

static void conclude(entry *e, int32_t status)
{
    e->status = status;
    e->over = true;
    e->recorded = !TKT_IS_EFFECT(status);
    if (e->recorded)
        tkt__error_save(e->record);
}

/* What is refused at the door has its outcome already; what fails there is not added. */
static int32_t add(tkt_batch *b, entry *e, int32_t status)
{
    if (status < 0)
        return status;
    if (status != TKT_DONE)
        conclude(e, status);
    b->count++;
    return TKT_DONE;
}

int32_t tkt_batch_reserve(tkt_batch *batch, const tkt_reserve_request *request, tkt_hold *hold)
{
    entry *e;
    int32_t status = room_for(batch, &e);
    return status == TKT_DONE
               ? add(batch, e, tkt__reserve_command(batch->store, request, hold, &batch->arena, &e->command))
               : status;
}

static int32_t add_hold(tkt_batch *b, const tkt_hold_request *request, uint8_t op, tkt_hold *hold)
{
    entry *e;
    int32_t status = room_for(b, &e);
    return status == TKT_DONE ? add(b, e, tkt__hold_command(b->store, request, op, hold, &b->arena, &e->command))
                              : status;
}

int32_t tkt_batch_release(tkt_batch *batch, const tkt_hold_request *request, tkt_hold *hold)
{
    return add_hold(batch, request, TKT__OP_RELEASE, hold);
}

int32_t tkt_batch_extend(tkt_batch *batch, const tkt_hold_request *request, tkt_hold *hold)
{
    return add_hold(batch, request, TKT__OP_EXTEND, hold);
}

int32_t tkt_batch_confirm(tkt_batch *batch, const tkt_confirm_request *request, tkt_booking *booking)
{
    entry *e;
    int32_t status = room_for(batch, &e);
    return status == TKT_DONE
               ? add(batch, e, tkt__confirm_command(batch->store, request, booking, &batch->arena, &e->command))
               : status;
}

int32_t tkt_batch_cancel(tkt_batch *batch, const tkt_booking_request *request, tkt_booking *booking)
{
    entry *e;
    int32_t status = room_for(batch, &e);
    return status == TKT_DONE
               ? add(batch, e, tkt__cancel_command(batch->store, request, booking, &batch->arena, &e->command))
               : status;
}

/* ---- running ------------------------------------------------------------------------------------------- */

static uint32_t make_jobs(tkt_batch *b, tkt__job *jobs)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        entry *e = &b->entries[i];
        if (!e->over)
            jobs[n++] = (tkt__job){ .guards = { e->command.guard }, .guards_n = 1, .body = e->command.body,
                                    .ctx = e->command.call, .record = e->record };
    }
    return n;
}

/* The outcomes of the bodies, then what follows them, in order: charges, the callers' structs. */
static void finish_all(tkt_batch *b, const tkt__job *jobs)
{
    for (uint32_t i = 0, n = 0; i < b->count; i++) {
        entry *e = &b->entries[i];
        if (e->over)
            continue;
        if (jobs[n].recorded) /* finish answers with this record where it changes nothing */
            tkt__error_load(e->record);
        conclude(e, e->command.finish(e->command.call, jobs[n].status));
        n++;
    }
}

int32_t tkt_batch_run(tkt_batch *batch)
{
    if (batch == NULL)
        return tkt__fail(TKT_E_INVALID, "batch is NULL");
    if (batch->ran)
        return tkt__fail(TKT_E_INVALID, "the batch has run: clear it first");
    int32_t status = tkt__kv_here(batch->store->kv);
    if (status != TKT_DONE)
        return status;
    size_t bytes = (batch->count + 1) * sizeof(tkt__job);
    tkt__job *jobs = tkt__alloc(&batch->hooks, bytes);
    if (jobs == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory to run a batch");
    uint32_t n = make_jobs(batch, jobs);
    status = n != 0 ? tkt__kv_run_jobs(batch->store->kv, jobs, n) : TKT_DONE;
    if (status == TKT_DONE) {
        batch->ran = true;
        finish_all(batch, jobs);
    }
    tkt__free(&batch->hooks, jobs, bytes);
    return status;
}

int32_t tkt_batch_outcome(const tkt_batch *batch, uint32_t index)
{
    if (batch == NULL || index >= batch->count)
        return tkt__fail(TKT_E_INVALID, "the batch has no command %u", index);
    const entry *e = &batch->entries[index];
    if (!e->over)
        return tkt__fail(TKT_E_INVALID, "the batch has not run");
    if (e->recorded)
        tkt__error_load(e->record);
    return e->status;
}
