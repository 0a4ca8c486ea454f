/* SPDX-License-Identifier: MIT
 *
 * cmd_backup.c: copies of a store: backup, export, restore.
 */
#include "cli.h"

#include <inttypes.h>
#include <string.h>

static int written(cli *c, int32_t status, const char *file)
{
    if (status != TKT_DONE)
        return out_bad(c, status);
    out_begin(c);
    out_status(c, TKT_DONE);
    out_end(c);
    if (!c->json)
        printf("wrote %s\n", file);
    return EXIT_EFFECT;
}

int cmd_backup(cli *c)
{
    const char *file = c->positional[0];
    uint32_t flags = args_option(c, "compact") != NULL ? TKT_BACKUP_COMPACT : 0;
    return written(c, tkt_store_backup(c->store, file, strlen(file), flags), file);
}

int cmd_export(cli *c)
{
    const char *file = c->positional[0];
    return written(c, tkt_store_export(c->store, file, strlen(file)), file);
}

int cmd_restore(cli *c)
{
    const char *file = c->positional[0];
    tkt_stats stats = TKT_STATS_INIT;
    bool built = false;
    int32_t status = tkt_store_restore(c->store_path, strlen(c->store_path), file, strlen(file), NULL);
    if (status == TKT_DONE)
        status = tkt_store_open(c->store_path, strlen(c->store_path), NULL, &c->store);
    if (status == TKT_DONE)
        status = index_mend(c, args_option(c, "no-index") == NULL, &built); /* an export has none */
    if (status == TKT_DONE)
        status = tkt_store_stats(c->store, &stats);
    if (status != TKT_DONE)
        return out_bad(c, status);
    out_begin(c);
    out_status(c, TKT_DONE);
    out_unsigned(c, "epoch", stats.epoch);
    out_unsigned(c, "events", stats.events);
    out_unsigned(c, "bookings", stats.bookings);
    out_bool(c, "indexed", built);
    out_end(c);
    if (!c->json)
        printf("%s: %" PRIu64 " events, %" PRIu64 " bookings, epoch %" PRIu64 "\n", c->store_path, stats.events,
               stats.bookings, stats.epoch);
    return EXIT_EFFECT;
}
