/* SPDX-License-Identifier: MIT
 *
 * cli.h: what the commands of the `ticketing` tool share: arguments, one JSON object on stdout,
 * people's lines on stdout otherwise, errors with their causes on stderr, exit codes.
 *
 * The tool uses the public headers only, as any host would.
 */
#ifndef TICKETING_CLI_H
#define TICKETING_CLI_H

#include <stdbool.h>
#include <stdio.h>

#include <ticketing/ticketing.h>
#include <yajl/yajl_gen.h>

enum { EXIT_EFFECT = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_FAILED = 3 };

#define ARGS_MAX 64

typedef struct cli {
    const char *store_path;
    bool json, dry_run;
    const char *command;
    const char *positional[ARGS_MAX];
    int positional_count;
    struct {
        const char *name, *value;
    } options[ARGS_MAX];
    int option_count;
    tkt_store *store;
    yajl_gen gen; /* the one JSON object being written */
} cli;

typedef struct command {
    const char *name, *usage;
    const char *options;        /* names of options with a value, each framed by spaces */
    int positional_min, positional_max;
    enum { STORE_NEEDED, STORE_CREATED, STORE_READ } store;
    int (*run)(cli *c);
} command;

/* ---- arguments (args.c) ------------------------------------------------------------------------ */

/* Parses argv into c. False: a usage error was printed. */
bool args_parse(cli *c, int argc, char **argv, const command **found);
/* The words behind a command, likewise. */
bool args_words(cli *c, const command *cmd, int argc, char **argv);
const char *args_option(const cli *c, const char *name); /* NULL: not given */
/* Whole numbers of a range; on failure a usage error is printed. */
bool args_number(const char *what, const char *text, int64_t low, int64_t high, int64_t *out);
bool args_option_number(const cli *c, const char *name, int64_t low, int64_t high, int64_t fallback, int64_t *out);
bool args_instant(const char *what, const char *text, int64_t *ms);
/* --key as given, or a fresh one. */
bool args_key(const cli *c, uint8_t key[TKT_KEY_BYTES]);
/* --buyer as the store knows him: an opaque key from his name and the store's salt. Not given: key stays as it is. */
void args_buyer(const cli *c, uint8_t key[TKT_BUYER_BYTES]);
bool args_token(const char *text, uint8_t token[TKT_TOKEN_BYTES]);
/* EVENT: an id or ext:EXTERNALID. Answers an exit code; EXIT_EFFECT: *id is set. */
int args_event(cli *c, tkt_snapshot *snapshot, const char *text, uint64_t *id);
int usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *usage_text(void); /* what usage_error said last; "": nothing that was not told */
void usage_told(void);        /* it is in an answer: the next one is not to repeat it */
static inline tkt_text text_of(const char *s, size_t n)
{
    tkt_text t = { s, n };
    return t;
}

/* ---- output (out.c) ------------------------------------------------------------------------------ */

void out_begin(cli *c);                 /* opens the object (JSON only) */
void out_end(cli *c);                   /* closes and prints it */
int out_flushed(int code);              /* that code; EXIT_FAILED where not all of the answer could be written */
void out_key(cli *c, const char *key);
void out_string(cli *c, const char *key, const char *text, size_t n);
void out_text(cli *c, const char *key, tkt_text text);
void out_number(cli *c, const char *key, int64_t value);
void out_unsigned(cli *c, const char *key, uint64_t value);
void out_decimal(cli *c, const char *key, const char *decimal); /* a number given as its text */
void out_bool(cli *c, const char *key, bool value);
void out_null(cli *c, const char *key);
void out_money(cli *c, const char *key, int64_t minor, const char *currency);
void out_array(cli *c, const char *key); /* key NULL inside an array */
void out_array_end(cli *c);
void out_map(cli *c, const char *key);
void out_map_end(cli *c);
void out_key_hex(cli *c, const uint8_t key[TKT_KEY_BYTES]);
/* "status" of an effect. */
void out_status(cli *c, int32_t status);
/* Why a call refused or failed, from the thread's record: on stderr, and as the members "text" and
 * "causes" of the object under way. */
void out_why(cli *c, int32_t status);
/* A refusal or failure: its text and causes on stderr, as JSON too when asked for (a whole object of
 * its own). Answers the exit code. */
int out_bad(cli *c, int32_t status);
/* The object of a usage error, whose line is on stderr already; nothing if none was said. */
void out_usage(cli *c);
int out_exit_code(int32_t status);
/* "12.50 EUR", "free". */
void money_text(int64_t minor, const char *currency, char *buf, size_t cap);

/* ---- payment (provider.c) ------------------------------------------------------------------------- */

/* The payment table that --payment TEXT asks for; TEXT NULL: the built-in provider. The provider
 * object is c's for the life of the process. Answers an exit code. */
int provider_use(cli *c, const char *text);

/* ---- the index (cmd_index.c) ---------------------------------------------------------------------- */

/* Builds it anew with the threads and memory that the options ask for, with a bar on a terminal. */
/* False: a bad option was complained of. */
bool index_options(const cli *c, tkt_reindex_options *options);
int32_t index_build(const cli *c, const tkt_reindex_options *options, tkt_reindex_stats *stats);
/* Builds the index anew where another version made it, and where there is none but one is wanted. */
int32_t index_mend(cli *c, bool wanted, bool *built);

/* ---- commands ---------------------------------------------------------------------------------------- */

/* The event that the first word names, and what its sale has now (cmd_catalog.c). */
/* A start or end in the form in which it came. */
void instant_of(char text[TKT_INSTANT_TEXT], int64_t ms, int32_t offset, bool date_only);
extern const command commands[];
const char *event_status_name(uint32_t status); /* "scheduled", …; "unknown" */
int event_and_sale(cli *c, uint64_t *id, tkt_event *event, tkt_sale *sale);
static inline uint32_t dry(const cli *c)
{
    return c->dry_run ? TKT_DRY_RUN : 0;
}

int cmd_init(cli *c);
int cmd_check(cli *c);
int cmd_stats(cli *c);
int cmd_clock(cli *c);
int cmd_tick(cli *c);
int cmd_upgrade(cli *c);
int cmd_backup(cli *c);
int cmd_export(cli *c);
int cmd_restore(cli *c);
int cmd_import(cli *c);
int cmd_reindex(cli *c);
int cmd_show(cli *c);
int cmd_list(cli *c);
int cmd_search(cli *c);
int cmd_suggest(cli *c);
int cmd_chart(cli *c);
int cmd_ga(cli *c);
int cmd_price(cli *c);
int cmd_status(cli *c);
int cmd_limit(cli *c);
int cmd_seats(cli *c);
int cmd_reserve(cli *c);
int cmd_release(cli *c);
int cmd_extend(cli *c);
int cmd_confirm(cli *c);
int cmd_booking(cli *c);
int cmd_cancel(cli *c);
int cmd_refund(cli *c);
int cmd_news(cli *c);
int cmd_recover(cli *c);
int cmd_feed(cli *c);
int cmd_queue(cli *c);
int cmd_join(cli *c);
int cmd_place(cli *c);
int cmd_leave(cli *c);

#endif
