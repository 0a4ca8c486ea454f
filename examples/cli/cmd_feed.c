/* SPDX-License-Identifier: MIT
 *
 * cmd_feed.c: what changed, one record a line: of one event, or of the whole store in the order of commits. With
 * --follow it goes on as things happen, in whichever process.
 *
 * A line of the whole store's feed has a member `cursor` where one can go on later; of an event's, `seq` is that.
 * No snapshot is kept while it waits.
 */
#include "cli.h"

#include <inttypes.h>
#include <string.h>

#define PAGE 256
#define LOOK_MS 1000 /* how long a wait lasts before it looks again by itself */

typedef struct follower {
    uint64_t event; /* 0: the whole store */
    uint64_t after;
    tkt_feed_cursor cursor;
    int64_t left;   /* records still to print */
} follower;

static const char *const scopes[] = { "none", "event", "catalog", "user", "store" };

static void out_instant(cli *c, const char *key, int64_t ms)
{
    char text[TKT_INSTANT_TEXT];
    size_t n;
    if (ms != 0 && tkt_instant_format(ms, 0, 0, text, &n) == TKT_DONE)
        out_string(c, key, text, n);
}

static void out_places(cli *c, const tkt_change *change)
{
    if (change->kind == TKT_CHANGE_AREA) {
        out_unsigned(c, "areaId", change->area_id);
        out_unsigned(c, "capacity", change->capacity);
        out_unsigned(c, "booked", change->sold);
        out_unsigned(c, "reserved", change->held);
    }
    if (change->kind != TKT_CHANGE_SEATS)
        return;
    out_array(c, "units");
    for (uint32_t i = 0; i < change->range_count; i++)
        for (uint32_t k = 0; k < change->ranges[i].count; k++)
            out_unsigned(c, NULL, change->ranges[i].first + k);
    out_array_end(c);
}

static void out_change(cli *c, const tkt_change *change, const tkt_feed_cursor *cursor)
{
    const char *name = tkt_change_name(change->kind);
    char text[TKT_FEED_CURSOR_TEXT];
    out_begin(c);
    out_string(c, "kind", name, strlen(name));
    out_string(c, "scope", scopes[change->scope], strlen(scopes[change->scope]));
    if (change->owner != 0)
        out_unsigned(c, "owner", change->owner);
    out_unsigned(c, "seq", change->seq);
    out_instant(c, "at", change->instant_ms);
    if (change->id != 0)
        out_unsigned(c, "id", change->id);
    if (change->state != 0 || change->kind == TKT_CHANGE_SEATS)
        out_unsigned(c, "state", change->state);
    if (change->number != 0)
        out_unsigned(c, "number", change->number);
    if (change->claim != 0)
        out_unsigned(c, "claim", change->claim);
    out_instant(c, "expires", change->expires_ms);
    out_places(c, change);
    if (cursor != NULL) {
        tkt_feed_cursor_format(cursor, text);
        out_string(c, "cursor", text, sizeof text);
    }
    out_end(c);
    if (!c->json)
        printf("%s/%" PRIu64 " %" PRIu64 " %s %" PRIu64 " state %" PRIu32 " claim %" PRIu32 "\n", scopes[change->scope],
               change->owner, change->seq, name, change->id, change->state, change->claim);
}

/* One page; *count tells how many there were. */
static int32_t page(cli *c, tkt_snapshot *snap, follower *f, uint32_t *count)
{
    static tkt_change changes[PAGE];
    uint32_t cap = f->left < PAGE ? (uint32_t)f->left : PAGE;
    int32_t status = f->event != 0
                         ? tkt_feed_sequence(snap, TKT_FEED_EVENT, f->event, f->after, changes, cap, count)
                         : tkt_feed_read(snap, &f->cursor, changes, cap, count);
    if (status != TKT_DONE)
        return status;
    for (uint32_t i = 0; i < *count; i++)
        out_change(c, &changes[i], f->event == 0 && i + 1 == *count ? &f->cursor : NULL);
    f->left -= *count;
    if (*count > 0)
        f->after = changes[*count - 1].seq;
    return TKT_DONE;
}

/* All that there is now. */
static int32_t catch_up(cli *c, follower *f)
{
    tkt_snapshot *snap;
    uint32_t count = 1;
    int32_t status = tkt_snapshot_begin(c->store, &snap);
    if (status != TKT_DONE)
        return status;
    while (status == TKT_DONE && count > 0 && f->left > 0)
        status = page(c, snap, f, &count);
    tkt_snapshot_end(snap);
    return status;
}

static int event_of(cli *c, follower *f)
{
    tkt_snapshot *snap;
    if (c->positional_count == 0)
        return EXIT_EFFECT;
    int32_t status = tkt_snapshot_begin(c->store, &snap);
    if (status != TKT_DONE)
        return out_bad(c, status);
    int code = args_event(c, snap, c->positional[0], &f->event);
    tkt_snapshot_end(snap);
    return code;
}

int cmd_feed(cli *c)
{
    follower f = { 0 };
    const char *cursor = args_option(c, "cursor");
    int64_t after;
    uint64_t seen = 0;
    if (!args_option_number(c, "after", 0, INT64_MAX, 0, &after) ||
        !args_option_number(c, "most", 1, INT64_MAX, INT64_MAX, &f.left))
        return EXIT_USAGE;
    if (cursor != NULL && tkt_feed_cursor_parse(cursor, strlen(cursor), &f.cursor) != TKT_DONE)
        return usage_error("--cursor: %s", tkt_error_text());
    if (c->positional_count == 0 ? args_option(c, "after") != NULL : cursor != NULL)
        return usage_error("--after is for the feed of an event, --cursor for that of the store");
    int code = event_of(c, &f);
    if (code != EXIT_EFFECT)
        return code;
    f.after = (uint64_t)after;
    int32_t status = tkt_wait(c->store, 0, &seen);
    while (status == TKT_DONE && (status = catch_up(c, &f)) == TKT_DONE) {
        if (fflush(stdout) != 0 || ferror(stdout))
            return EXIT_FAILED;
        if (args_option(c, "follow") == NULL || f.left == 0)
            return EXIT_EFFECT;
        status = tkt_wait(c->store, LOOK_MS, &seen);
    }
    return out_bad(c, status);
}
