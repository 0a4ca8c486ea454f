/* SPDX-License-Identifier: MIT
 *
 * main.c: the `ticketing` tool: its commands, what each needs of the store, and the one place that
 * opens and closes it. Exit: 0 the effect is there, 1 refused or not found, 2 usage or input,
 * 3 failure.
 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <string.h>
#include <sys/stat.h>

const command commands[] = {
    { "init", "init [--no-index] [--no-journal]", " no-index! no-journal! ", 0, 0, STORE_CREATED, cmd_init },
    { "check", "check", " ", 0, 0, STORE_READ, cmd_check },
    { "stats", "stats", " ", 0, 0, STORE_READ, cmd_stats },
    { "clock", "clock [--reset]", " reset! ", 0, 0, STORE_NEEDED, cmd_clock },
    { "tick", "tick", " ", 0, 0, STORE_NEEDED, cmd_tick },
    { "upgrade", "upgrade [--journal on|off]", " journal ", 0, 0, STORE_READ, cmd_upgrade },
    { "backup", "backup FILE [--compact]", " compact! ", 1, 1, STORE_READ, cmd_backup },
    { "export", "export FILE", " ", 1, 1, STORE_READ, cmd_export },
    { "restore", "restore FILE [--no-index]", " no-index! memory-mib threads ", 1, 1, STORE_READ, cmd_restore },
    { "import", "import FILE|- [--shift-weeks auto|N] [--bad skip|stop] [--no-index]",
      " shift-weeks bad no-index! memory-mib threads ", 1, 1, STORE_CREATED, cmd_import },
    { "reindex", "reindex [--memory-mib N] [--threads N]", " memory-mib threads ", 0, 0, STORE_NEEDED,
      cmd_reindex },
    { "show", "show EVENT", " ", 1, 1, STORE_READ, cmd_show },
    { "list", "list [--from T] [--to T] [--venue ID | --performer ID] [--page-size N] [--cursor C]",
      " from to venue performer page-size cursor ", 0, 0, STORE_READ, cmd_list },
    { "search",
      "search [WORDS] [--from T] [--to T] [--during] [--city C] [--country CC] [--category X] [--performer P]\n"
      "         [--venue V] [--near LAT,LON [--radius-km R]] [--min-price N] [--max-price N] [--currency CUR]\n"
      "         [--available] [--at-least N] [--sort date|relevance|distance|price] [--page N] [--page-size N]\n"
      "         [--cursor C] [--facets] [--lang L] [--typo auto|off] [--prefix auto|off] [--match all|any]\n"
      "         [--batch FILE]",
      " from to during! city country category performer venue near radius-km min-price max-price currency "
      "available! at-least sort page page-size cursor facets! lang typo prefix match batch ",
      0, 1, STORE_READ, cmd_search },
    { "suggest", "suggest BEGINNING", " ", 1, 1, STORE_READ, cmd_suggest },
    { "chart", "chart EVENT FILE.json", " ", 2, 2, STORE_NEEDED, cmd_chart },
    { "ga", "ga EVENT NAME CAPACITY", " dry-run! ", 3, 3, STORE_NEEDED, cmd_ga },
    { "price", "price EVENT AREA|SECTION|'*' AMOUNT CUR", " dry-run! ", 4, 4, STORE_NEEDED, cmd_price },
    { "status", "status EVENT scheduled|postponed|rescheduled|cancelled", " dry-run! ", 2, 2, STORE_NEEDED,
      cmd_status },
    { "limit", "limit EVENT PLACES-A-BUYER", " dry-run! ", 2, 2, STORE_NEEDED, cmd_limit },
    { "seats", "seats EVENT", " ", 1, 1, STORE_READ, cmd_seats },
    { "reserve",
      "reserve EVENT --seats Section/Row/Label,... | --ga AREA --quantity N  --buyer B [--user ID] [--ttl SECONDS] "
      "[--admission HEX] [--key HEX32]   (in names: \\/ and \\, for / and ,)",
      " seats ga quantity buyer user ttl admission key dry-run! ", 1, 1, STORE_NEEDED, cmd_reserve },
    { "release", "release HOLDTOKEN [--key HEX32]", " key dry-run! ", 1, 1, STORE_NEEDED, cmd_release },
    { "extend", "extend HOLDTOKEN [--ttl SECONDS] [--key HEX32]", " ttl key dry-run! ", 1, 1, STORE_NEEDED, cmd_extend },
    { "confirm",
      "confirm HOLDTOKEN [--payment paid|ok|decline|error|pending|pending:approve:SECONDS|unix:PATH[:TEXT]] "
      "[--key HEX32]",
      " payment key dry-run! ", 1, 1, STORE_NEEDED, cmd_confirm },
    { "booking", "booking ID", " ", 1, 1, STORE_READ, cmd_booking },
    { "cancel", "cancel ID [--key HEX32]", " key dry-run! ", 1, 1, STORE_NEEDED, cmd_cancel },
    { "refund", "refund ID [--payment TEXT] [--key HEX32]", " payment key dry-run! ", 1, 1, STORE_NEEDED, cmd_refund },
    { "payment-news", "payment-news INTENT approved|declined|refunded [--key HEX32]", " key ", 2, 2, STORE_NEEDED,
      cmd_news },
    { "feed", "feed [EVENT] [--after SEQ | --cursor C] [--most N] [--follow]", " after cursor most follow! ", 0, 1, STORE_READ,
      cmd_feed },
    { "queue",
      "queue EVENT [--mode runs|paused|open|closed] [--opens T] [--per-minute N] [--burst N] [--active N] [--new-key] [--remove]",
      " mode opens per-minute burst active new-key! remove! dry-run! ", 1, 1, STORE_NEEDED, cmd_queue },
    { "join", "join EVENT --buyer B", " buyer ", 1, 1, STORE_NEEDED, cmd_join },
    { "place", "place EVENT --buyer B", " buyer ", 1, 1, STORE_NEEDED, cmd_place },
    { "leave", "leave EVENT --buyer B", " buyer ", 1, 1, STORE_NEEDED, cmd_leave },
    { "recover", "recover [--payment TEXT] [--key HEX32]", " payment key ", 0, 0, STORE_NEEDED, cmd_recover },
    { NULL, NULL, NULL, 0, 0, STORE_READ, NULL },
};

static int help(void)
{
    puts("usage: ticketing -s STORE COMMAND [ARGUMENT ...] [--json]\n");
    for (const command *cmd = commands; cmd->name != NULL; cmd++)
        printf("  %s\n", cmd->usage);
    puts("\n--map-mib N: how large the store may grow, for this command: a store remembers no limit, 64 GiB where none is given.\n"
         "EVENT is an id or ext:EXTERNALID. --json prints one JSON object. --dry-run, where a change can be tried:\n"
         "ga, price, status, limit, reserve, release, extend, confirm, cancel, refund, queue. Exit: 0 done,\n"
         "1 refused or not found, 2 usage or input, 3 failure. clock --reset: when a wrong clock has reached the store,\n"
         "its time is this machine's from here on.");
    return EXIT_EFFECT;
}

/* Media that can't be written: what only reads opens it so. */
static bool only_readable(const cli *c, const command *cmd)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/data.mdb", c->store_path);
    return cmd->store == STORE_READ && n > 0 && (size_t)n < sizeof path && access(path, R_OK) == 0 &&
           access(path, W_OK) != 0 && errno == EROFS;
}

static int32_t open_store(cli *c, const command *cmd)
{
    tkt_options *options;
    int64_t mib;
    int32_t status = tkt_options_new(&options);
    if (status != TKT_DONE)
        return status;
    if (!args_option_number(c, "map-mib", 1, INT64_C(1) << 24, 0, &mib))
        status = -TKT_E_INVALID;
    if (status == TKT_DONE)
        status = tkt_options_set_create(options, cmd->store == STORE_CREATED);
    if (status == TKT_DONE && only_readable(c, cmd))
        status = tkt_options_set_read_only(options, 1);
    if (status == TKT_DONE && mib != 0)
        status = tkt_options_set_map_bytes(options, (uint64_t)mib << 20);
    if (status == TKT_DONE && (cmd->run == cmd_import || args_option(c, "no-index") != NULL))
        status = tkt_options_set_index(options, 0); /* an import builds it at its end */
    if (status == TKT_DONE && args_option(c, "no-journal") != NULL)
        status = tkt_options_set_journal(options, 0);
    if (status == TKT_DONE)
        status = tkt_store_open(c->store_path, strlen(c->store_path), options, &c->store);
    tkt_options_free(options);
    return status;
}

static bool can_be_read(const char *file)
{
    struct stat st;
    if (access(file, R_OK) != 0 || stat(file, &st) != 0)
        return false;
    errno = EISDIR;
    return !S_ISDIR(st.st_mode);
}

static bool reads_input(int argc, char **argv)
{
    for (int i = 2; i < argc; i++)
        if ((strcmp(argv[i], "-") == 0 || strcmp(argv[i], "/dev/stdin") == 0) &&
            (strcmp(argv[i - 1], "import") == 0 || strcmp(argv[i - 1], "--batch") == 0))
            return true;
    return false;
}

/* Number 0 to 2 belong to the shell's files: where one is closed, a file that is opened later would get its number. What
 * says nothing must not begin, it may be the only word of a hold; and what can't be read is not an empty file. */
static bool streams_open(int argc, char **argv)
{
    bool said = fcntl(STDOUT_FILENO, F_GETFD) >= 0;
    bool read = fcntl(STDIN_FILENO, F_GETFD) >= 0 || !reads_input(argc, argv);
    int fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO)
        fd = open("/dev/null", O_RDWR);
    if (fd > STDERR_FILENO)
        close(fd);
    if (!said)
        fprintf(stderr, "ticketing: standard output is closed: there is no place for an answer\n");
    if (!read)
        fprintf(stderr, "ticketing: standard input is closed: there is nothing to read\n");
    return said && read;
}

int main(int argc, char **argv)
{
    cli c = { 0 };
    const command *cmd;
    if (!streams_open(argc, argv))
        return EXIT_FAILED;
    if (argc < 2 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0)
        return out_flushed(argc < 2 ? (help(), EXIT_USAGE) : help());
    if (!args_parse(&c, argc, argv, &cmd)) {
        out_usage(&c);
        return out_flushed(EXIT_USAGE);
    }
    const char *file = cmd->run == cmd_import ? c.positional[0] : "-";
    if (strcmp(file, "-") != 0 && !can_be_read(file)) { /* before a store is made for it */
        usage_error("%s: %s", file, strerror(errno));
        out_usage(&c);
        return out_flushed(EXIT_USAGE);
    }
    /* These open the store by themselves, and alone. */
    int32_t status = cmd->run == cmd_upgrade || cmd->run == cmd_restore ? TKT_DONE : open_store(&c, cmd);
    int code = status == TKT_DONE ? cmd->run(&c) : out_bad(&c, status);
    if (code == EXIT_USAGE)
        out_usage(&c);
    tkt_store_close(c.store);
    return out_flushed(code);
}
