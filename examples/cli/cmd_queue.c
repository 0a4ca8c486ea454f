/* SPDX-License-Identifier: MIT
 *
 * cmd_queue.c: the waiting room: queue gives an event one, changes it and shows it; join, place and leave are a buyer's.
 *
 * What an option does not name stays as it is. The admission that place shows goes into reserve --admission.
 */
#include "cli.h"

#include <string.h>

static const char *const modes[] = { "runs", "paused", "open", "closed" };
static const char *const states[] = { "unknown", "early", "waiting", "admitted", "over", "free" };

static int event_of(cli *c, uint64_t *id)
{
    tkt_snapshot *snap;
    int32_t status = tkt_snapshot_begin(c->store, &snap);
    if (status != TKT_DONE)
        return out_bad(c, status);
    int code = args_event(c, snap, c->positional[0], id);
    tkt_snapshot_end(snap);
    return code;
}

/* ---- the room ----------------------------------------------------------------------------------------------------------- */

static bool mode_of(const cli *c, uint32_t *mode)
{
    const char *text = args_option(c, "mode");
    if (text == NULL)
        return true;
    for (uint32_t i = 0; i <= TKT_QUEUE_CLOSED; i++)
        if (strcmp(text, modes[i]) == 0) {
            *mode = i;
            return true;
        }
    return usage_error("--mode is runs, paused, open or closed"), false;
}

static bool settings_of(const cli *c, tkt_queue_settings *s)
{
    const char *opens = args_option(c, "opens");
    int64_t rate, burst, active;
    if (!mode_of(c, &s->mode) || (opens != NULL && !args_instant("--opens", opens, &s->opens_ms)) ||
        !args_option_number(c, "per-minute", 1, 1000000, s->per_minute, &rate) ||
        !args_option_number(c, "burst", 1, 1000000, s->burst, &burst) ||
        !args_option_number(c, "active", 1, 10000000, s->active, &active))
        return false;
    s->per_minute = (uint32_t)rate;
    s->burst = (uint32_t)burst;
    s->active = (uint32_t)active;
    return true;
}

static void out_hex(cli *c, const char *key, const uint8_t bytes[32])
{
    static const char digits[] = "0123456789abcdef";
    char text[64];
    for (size_t i = 0; i < 32; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    out_string(c, key, text, sizeof text);
    if (!c->json)
        printf("%-10s %.64s\n", key, text);
}

static void out_count(cli *c, const char *key, uint64_t value)
{
    out_unsigned(c, key, value);
    if (!c->json)
        printf("%-10s %llu\n", key, (unsigned long long)value);
}

static int show_room(cli *c, uint64_t event)
{
    tkt_snapshot *snap;
    tkt_queue q;
    tkt_queue_init(&q);
    int32_t status = tkt_snapshot_begin(c->store, &snap);
    if (status != TKT_DONE)
        return out_bad(c, status);
    status = tkt_queue_view(snap, event, &q);
    tkt_snapshot_end(snap);
    if (status != TKT_DONE)
        return out_bad(c, status);
    const char *mode = modes[q.mode <= TKT_QUEUE_CLOSED ? q.mode : TKT_QUEUE_CLOSED];
    out_begin(c);
    out_status(c, TKT_DONE);
    out_string(c, "mode", mode, strlen(mode));
    if (!c->json)
        printf("%-10s %s\n", "mode", mode);
    out_count(c, "joined", q.joined);
    out_count(c, "early", q.early);
    out_count(c, "passed", q.passed);
    out_count(c, "admitted", q.admitted);
    out_count(c, "active", q.active);
    out_hex(c, "commitment", q.commitment);
    if (q.seed_known != 0)
        out_hex(c, "seed", q.seed);
    out_end(c);
    return EXIT_EFFECT;
}

static int set_room(cli *c, uint64_t event)
{
    tkt_queue_settings s, seen;
    tkt_snapshot *snap;
    tkt_queue_settings_init(&seen);
    int32_t status = tkt_snapshot_begin(c->store, &snap);
    if (status != TKT_DONE)
        return out_bad(c, status);
    status = tkt_queue_settings_view(snap, event, &seen);
    tkt_snapshot_end(snap);
    if (status != TKT_DONE && status != TKT_NOT_FOUND)
        return out_bad(c, status);
    s = seen;
    if (!settings_of(c, &s))
        return EXIT_USAGE;
    status = tkt_queue_change(c->store, event, status == TKT_DONE ? &seen : NULL, &s, dry(c));
    return status == TKT_DONE ? EXIT_EFFECT : out_bad(c, status);
}

static int out_effect(cli *c)
{
    out_begin(c);
    out_status(c, TKT_DONE);
    out_end(c);
    return EXIT_EFFECT;
}

static int remove_room(cli *c, uint64_t event)
{
    int32_t status;
    while ((status = tkt_queue_remove(c->store, event)) == TKT_PENDING)
        ;
    return status == TKT_DONE ? out_effect(c) : out_bad(c, status);
}

int cmd_queue(cli *c)
{
    uint64_t event;
    static const char *const changes[] = { "mode", "opens", "per-minute", "burst", "active" };
    bool sets = false;
    int code = event_of(c, &event);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        sets = sets || args_option(c, changes[i]) != NULL;
    if (code == EXIT_EFFECT && args_option(c, "remove") != NULL)
        return sets ? usage_error("--remove goes alone") : c->dry_run ? show_room(c, event) : remove_room(c, event);
    if (code == EXIT_EFFECT && sets)
        code = set_room(c, event);
    if (code == EXIT_EFFECT && c->dry_run)
        return out_effect(c); /* there may be nothing to show yet */
    if (code == EXIT_EFFECT && args_option(c, "new-key") != NULL) { /* not by a dry run: it has ended above */
        int32_t status = tkt_queue_rotate(c->store, event);
        code = status == TKT_DONE ? EXIT_EFFECT : out_bad(c, status);
    }
    return code == EXIT_EFFECT ? show_room(c, event) : code;
}

/* ---- a buyer ------------------------------------------------------------------------------------------------------------ */

static void show_place(cli *c, const tkt_place *p)
{
    const char *state = states[p->state <= TKT_PLACE_FREE ? p->state : 0];
    char text[TKT_ADMISSION_TEXT];
    out_begin(c);
    out_status(c, TKT_DONE);
    out_string(c, "state", state, strlen(state));
    if (!c->json)
        printf("%-10s %s\n", "state", state);
    out_count(c, "number", p->number);
    out_count(c, "ahead", p->ahead);
    if (p->wait_ms >= 0)
        out_number(c, "waitMs", p->wait_ms);
    out_bool(c, "paused", p->paused != 0);
    out_bool(c, "closed", p->closed != 0);
    out_bool(c, "allHeld", p->all_held != 0);
    out_bool(c, "soldOut", p->sold_out != 0);
    if (p->state == TKT_PLACE_ADMITTED) {
        tkt_admission_format(p->admission, text);
        out_string(c, "admission", text, sizeof text);
        out_number(c, "expiresAt", p->expires_ms);
        if (!c->json)
            printf("%-10s %.*s\n", "admission", (int)sizeof text, text);
    }
    out_end(c);
}

static int of_buyer(cli *c, int32_t (*call)(tkt_store *, uint64_t, const uint8_t *, tkt_place *))
{
    uint64_t event;
    uint8_t buyer[TKT_BUYER_BYTES] = { 0 };
    tkt_place place;
    tkt_place_init(&place);
    if (args_option(c, "buyer") == NULL)
        return usage_error("%s wants --buyer", c->command);
    int code = event_of(c, &event);
    if (code != EXIT_EFFECT)
        return code;
    args_buyer(c, buyer);
    int32_t status = call(c->store, event, buyer, &place);
    if (status != TKT_DONE)
        return out_bad(c, status);
    show_place(c, &place);
    return EXIT_EFFECT;
}

int cmd_join(cli *c)
{
    return of_buyer(c, tkt_queue_join);
}

int cmd_place(cli *c)
{
    return of_buyer(c, tkt_queue_poll);
}

static int32_t leave(tkt_store *store, uint64_t event, const uint8_t *buyer, tkt_place *place)
{
    int32_t status = tkt_queue_leave(store, event, buyer);
    return status == TKT_DONE ? tkt_queue_poll(store, event, buyer, place) : status;
}

int cmd_leave(cli *c)
{
    return of_buyer(c, leave);
}
