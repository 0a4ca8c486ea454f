/* SPDX-License-Identifier: MIT
 *
 * args.c: the words of the command line. Options may stand anywhere after the command; `--` ends
 * them. Whatever is wrong is said in one line with the command's usage, and nothing is touched.
 */
#include "cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <sys/random.h>

/* The line last said, for main to repeat in JSON: usage errors arise where no cli is at hand. */
static char last_usage[256];

int usage_error(const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    fputs("ticketing: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    vsnprintf(last_usage, sizeof last_usage, format, again);
    for (char *p = last_usage; *p != '\0'; p++) /* JSON wants UTF-8; an argument may be anything */
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    va_end(again);
    va_end(args);
    return EXIT_USAGE;
}

const char *usage_text(void) { return last_usage; }

void usage_told(void) { last_usage[0] = '\0'; }

const char *args_option(const cli *c, const char *name)
{
    for (int i = c->option_count - 1; i >= 0; i--)
        if (strcmp(c->options[i].name, name) == 0)
            return c->options[i].value;
    return NULL;
}

static bool takes_value(const command *cmd, const char *name)
{
    char framed[64];
    if ((size_t)snprintf(framed, sizeof framed, " %s ", name) >= sizeof framed)
        return false;
    bool alone = cmd->run == cmd_upgrade || cmd->run == cmd_restore; /* these open the store by themselves */
    return strstr(cmd->options, framed) != NULL || strcmp(name, "key") == 0 || (strcmp(name, "map-mib") == 0 && !alone);
}

/* Options without a value are listed as "name!". */
static bool is_flag(const command *cmd, const char *name)
{
    char framed[64];
    return (size_t)snprintf(framed, sizeof framed, " %s! ", name) < sizeof framed &&
           strstr(cmd->options, framed) != NULL;
}

static bool parse_option(cli *c, const command *cmd, int argc, char **argv, int *i)
{
    const char *name = argv[*i] + 2;
    if (strcmp(name, "json") == 0)
        return true;
    if (strcmp(name, "dry-run") == 0 && is_flag(cmd, name)) { /* where nothing could be tried, it would be done */
        c->dry_run = true;
        return true;
    }
    if (is_flag(cmd, name)) {
        if (c->option_count == ARGS_MAX)
            return usage_error("too many options"), false;
        c->options[c->option_count].name = name;
        c->options[c->option_count++].value = "";
        return true;
    }
    if (!takes_value(cmd, name)) {
        usage_error("%s has no option --%s\nusage: ticketing -s STORE %s", cmd->name, name, cmd->usage);
        return false;
    }
    if (*i + 1 >= argc || c->option_count == ARGS_MAX) {
        usage_error("--%s needs a value\nusage: ticketing -s STORE %s", name, cmd->usage);
        return false;
    }
    c->options[c->option_count].name = name;
    c->options[c->option_count++].value = argv[++*i];
    return true;
}

static const command *find_command(const char *name)
{
    for (const command *cmd = commands; cmd->name != NULL; cmd++)
        if (strcmp(cmd->name, name) == 0)
            return cmd;
    return NULL;
}

bool args_parse(cli *c, int argc, char **argv, const command **found)
{
    int i = 1;
    for (int k = 1; k < argc && strcmp(argv[k], "--") != 0; k++) /* so that usage errors know */
        c->json = c->json || strcmp(argv[k], "--json") == 0;
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "-s") == 0 && i + 1 == argc)
            return usage_error("-s needs a value: the store's directory"), false;
        else if (strcmp(argv[i], "-s") == 0)
            c->store_path = argv[++i];
        else if (strcmp(argv[i], "--json") != 0)
            return usage_error("unknown option %s; see ticketing help", argv[i]), false;
    }
    if (i == argc)
        return usage_error("no command; see ticketing help"), false;
    c->command = argv[i++];
    const command *cmd = find_command(c->command);
    if (cmd == NULL)
        return usage_error("unknown command %s; see ticketing help", c->command), false;
    if (!args_words(c, cmd, argc - i, argv + i))
        return false;
    if (c->store_path == NULL)
        return usage_error("-s STORE is missing"), false;
    *found = cmd;
    return true;
}

bool args_words(cli *c, const command *cmd, int argc, char **argv)
{
    bool options = true;
    for (int i = 0; i < argc; i++) {
        if (options && strcmp(argv[i], "--") == 0)
            options = false;
        else if (options && strncmp(argv[i], "--", 2) == 0) {
            if (!parse_option(c, cmd, argc, argv, &i))
                return false;
        } else if (c->positional_count < ARGS_MAX)
            c->positional[c->positional_count++] = argv[i];
    }
    if (c->positional_count < cmd->positional_min || c->positional_count > cmd->positional_max)
        return usage_error("usage: ticketing -s STORE %s", cmd->usage), false;
    return true;
}

bool args_number(const char *what, const char *text, int64_t low, int64_t high, int64_t *out)
{
    const char *p = text;
    bool negative = *p == '-';
    int64_t value = 0;
    if (negative)
        p++;
    bool good = *p != '\0';
    for (; good && *p != '\0'; p++) {
        if (*p < '0' || *p > '9' || value > (INT64_MAX - 9) / 10)
            good = false;
        else
            value = value * 10 + (*p - '0');
    }
    if (negative)
        value = -value;
    if (!good || value < low || value > high) {
        usage_error("%s must be a whole number from %lld to %lld, not \"%s\"", what, (long long)low,
                    (long long)high, text);
        return false;
    }
    *out = value;
    return true;
}

bool args_option_number(const cli *c, const char *name, int64_t low, int64_t high, int64_t fallback,
                        int64_t *out)
{
    const char *text = args_option(c, name);
    *out = fallback;
    return text == NULL || args_number(name, text, low, high, out);
}

bool args_instant(const char *what, const char *text, int64_t *ms)
{
    if (tkt_instant_parse(text, strlen(text), ms, NULL, NULL) == TKT_DONE)
        return true;
    usage_error("%s must be a date or a date and time with Z or an offset, not \"%s\"", what, text);
    return false;
}

bool args_key(const cli *c, uint8_t key[TKT_KEY_BYTES])
{
    const char *text = args_option(c, "key");
    if (text == NULL)
        return getrandom(key, TKT_KEY_BYTES, 0) == TKT_KEY_BYTES;
    if (tkt_key_parse(text, strlen(text), key) == TKT_DONE)
        return true;
    usage_error("--key must be 32 hex digits");
    return false;
}

bool args_token(const char *text, uint8_t token[TKT_TOKEN_BYTES])
{
    if (tkt_token_parse(text, strlen(text), token) == TKT_DONE)
        return true;
    usage_error("a hold token is 64 hex digits");
    return false;
}

int args_event(cli *c, tkt_snapshot *snapshot, const char *text, uint64_t *id)
{
    if (strncmp(text, "ext:", 4) == 0) {
        int32_t status = tkt_event_find(snapshot, text_of(text + 4, strlen(text + 4)), id);
        return status == TKT_DONE ? EXIT_EFFECT : out_bad(c, status);
    }
    int64_t number;
    if (!args_number("EVENT", text, 1, (INT64_C(1) << 53) - 1, &number))
        return EXIT_USAGE;
    *id = (uint64_t)number;
    return EXIT_EFFECT;
}

void args_buyer(const cli *c, uint8_t key[TKT_BUYER_BYTES])
{
    const char *buyer = args_option(c, "buyer");
    uint8_t salt[TKT_SALT_BYTES];
    XXH128_canonical_t digest;
    if (buyer == NULL || tkt_store_salt(c->store, salt) != TKT_DONE)
        return;
    XXH3_state_t *state = XXH3_createState();
    if (state == NULL)
        return;
    XXH3_128bits_reset(state);
    XXH3_128bits_update(state, salt, sizeof salt);
    XXH3_128bits_update(state, buyer, strlen(buyer));
    XXH128_canonicalFromHash(&digest, XXH3_128bits_digest(state));
    XXH3_freeState(state);
    memcpy(key, digest.digest, TKT_BUYER_BYTES);
}
