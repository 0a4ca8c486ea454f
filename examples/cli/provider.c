/* SPDX-License-Identifier: MIT
 *
 * provider.c: where the money goes: the payment table behind --payment.
 *
 *  built-in   TEXT says what the "bank" does: ok, decline, error, pending, pending:approve:SECONDS.
 *             It remembers each charge and refund by its provider key in STORE/provider.json, so that
 *             asking twice charges once and `recover` gets a true answer. The library never reads it.
 *  unix:PATH  a provider process on a local socket, one line each way:
 *             "charge KEY AMOUNT CUR TEXT", "refund KEY AMOUNT CUR TEXT", "status KEY" →
 *             "approved", "declined", "pending", "error" or "unknown".
 *
 * provider.json is written to a temporary name and renamed, under a lock on the store's directory: a
 * crash leaves the old or the new one.
 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <yajl/yajl_tree.h>

#define PATH_BYTES 4096
#define FILE_MAX (64u << 20)
#define LINE_BYTES (TKT_DETAILS_MAX + 256)
#define WORD_BYTES 16

typedef struct provider {
    char directory[PATH_BYTES];
    char socket_path[sizeof((struct sockaddr_un *)0)->sun_path]; /* empty: built-in */
    char text[TKT_DETAILS_MAX + 1];
} provider;

static const char *const outcome_words[] = { "", "approved", "declined", "pending", "error", "unknown" };

static int32_t outcome_of(const char *word)
{
    for (int32_t i = TKT_PAY_APPROVED; i <= TKT_PAY_UNKNOWN; i++)
        if (strcmp(word, outcome_words[i]) == 0)
            return i;
    return TKT_PAY_ERROR;
}

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- the built-in provider's file --------------------------------------------------------------- */

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    char *text = NULL;
    long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    if (size >= 0 && (unsigned long)size <= FILE_MAX && (text = malloc((size_t)size + 1)) != NULL) {
        rewind(file);
        text[fread(text, 1, (size_t)size, file)] = '\0';
    }
    fclose(file);
    return text;
}

static yajl_val load(const provider *p)
{
    char path[PATH_BYTES + 32], problem[128];
    snprintf(path, sizeof path, "%s/provider.json", p->directory);
    char *text = read_file(path);
    yajl_val tree = text != NULL ? yajl_tree_parse(text, problem, sizeof problem) : NULL;
    free(text);
    return tree;
}

/* What is on record for a key: an outcome as now sees it, or UNKNOWN. */
static int32_t recorded(yajl_val tree, const char *key)
{
    const char *outcome_path[] = { key, "outcome", NULL }, *settles_path[] = { key, "approvesAt", NULL };
    yajl_val outcome = tree != NULL ? yajl_tree_get(tree, outcome_path, yajl_t_string) : NULL;
    if (outcome == NULL)
        return TKT_PAY_UNKNOWN;
    yajl_val settles = yajl_tree_get(tree, settles_path, yajl_t_number);
    if (settles != NULL && YAJL_IS_INTEGER(settles) && YAJL_GET_INTEGER(settles) <= wall_ms())
        return TKT_PAY_APPROVED;
    return outcome_of(YAJL_GET_STRING(outcome));
}

static void write_row(yajl_gen gen, const char *key, const char *outcome, int64_t approves_at)
{
    yajl_gen_string(gen, (const unsigned char *)key, strlen(key));
    yajl_gen_map_open(gen);
    yajl_gen_string(gen, (const unsigned char *)"outcome", 7);
    yajl_gen_string(gen, (const unsigned char *)outcome, strlen(outcome));
    if (approves_at != 0) {
        yajl_gen_string(gen, (const unsigned char *)"approvesAt", 10);
        yajl_gen_integer(gen, approves_at);
    }
    yajl_gen_map_close(gen);
}

static void copy_rows(yajl_gen gen, yajl_val tree)
{
    const char *outcome_path[] = { "outcome", NULL }, *settles_path[] = { "approvesAt", NULL };
    for (size_t i = 0; YAJL_IS_OBJECT(tree) && i < YAJL_GET_OBJECT(tree)->len; i++) {
        yajl_val row = YAJL_GET_OBJECT(tree)->values[i];
        yajl_val outcome = yajl_tree_get(row, outcome_path, yajl_t_string);
        yajl_val settles = yajl_tree_get(row, settles_path, yajl_t_number);
        if (outcome != NULL)
            write_row(gen, YAJL_GET_OBJECT(tree)->keys[i], YAJL_GET_STRING(outcome),
                      settles != NULL && YAJL_IS_INTEGER(settles) ? YAJL_GET_INTEGER(settles) : 0);
    }
}

static bool replace_file(const provider *p, const unsigned char *text, size_t n)
{
    char path[PATH_BYTES + 32], fresh[PATH_BYTES + 32];
    snprintf(path, sizeof path, "%s/provider.json", p->directory);
    snprintf(fresh, sizeof fresh, "%s/provider.json.new", p->directory);
    FILE *file = fopen(fresh, "wb");
    if (file == NULL)
        return false;
    bool good = fwrite(text, 1, n, file) == n && fflush(file) == 0 && fsync(fileno(file)) == 0;
    good = fclose(file) == 0 && good;
    return good && rename(fresh, path) == 0;
}

static bool record(const provider *p, yajl_val tree, const char *key, int32_t outcome, int64_t approves_at)
{
    const unsigned char *text;
    size_t n;
    yajl_gen gen = yajl_gen_alloc(NULL);
    if (gen == NULL)
        return false;
    yajl_gen_map_open(gen);
    copy_rows(gen, tree);
    write_row(gen, key, outcome_words[outcome], approves_at);
    yajl_gen_map_close(gen);
    yajl_gen_get_buf(gen, &text, &n);
    bool good = replace_file(p, text, n);
    yajl_gen_free(gen);
    return good;
}

/* What TEXT orders; *approves_at is set for pending:approve:SECONDS. */
static int32_t ordered(const char *text, int64_t *approves_at)
{
    *approves_at = 0;
    if (strcmp(text, "decline") == 0)
        return TKT_PAY_DECLINED;
    if (strcmp(text, "error") == 0)
        return TKT_PAY_ERROR;
    if (strcmp(text, "pending") == 0)
        return TKT_PAY_PENDING;
    if (strncmp(text, "pending:approve:", 16) == 0) {
        *approves_at = wall_ms() + strtoll(text + 16, NULL, 10) * 1000;
        return TKT_PAY_PENDING;
    }
    return TKT_PAY_APPROVED;
}

/* ask: only look; else carry the order out once and remember it. */
static int32_t built_in(const provider *p, const char *key, bool ask)
{
    int64_t approves_at;
    int lock = open(p->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0 || flock(lock, LOCK_EX) != 0) {
        if (lock >= 0)
            close(lock);
        return TKT_PAY_ERROR;
    }
    yajl_val tree = load(p);
    int32_t outcome = recorded(tree, key);
    if (!ask && outcome == TKT_PAY_UNKNOWN) {
        outcome = ordered(p->text, &approves_at);
        /* An "error" is a line that broke before the order arrived: nothing is remembered. */
        if (outcome != TKT_PAY_ERROR && !record(p, tree, key, outcome, approves_at))
            outcome = TKT_PAY_ERROR;
    }
    yajl_tree_free(tree);
    close(lock);
    return outcome;
}

/* ---- a provider process ----------------------------------------------------------------------------- */

static int32_t converse(const char *path, const char *line, size_t n)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char answer[WORD_BYTES] = { 0 };
    size_t got = 0;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return TKT_PAY_ERROR;
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        send(fd, line, n, MSG_NOSIGNAL) == (ssize_t)n) {
        ssize_t r;
        while (got < sizeof answer - 1 && (r = read(fd, answer + got, sizeof answer - 1 - got)) > 0) {
            got += (size_t)r;
            if (answer[got - 1] == '\n')
                break;
        }
    }
    close(fd);
    answer[strcspn(answer, "\n")] = '\0';
    return outcome_of(answer);
}

static int32_t ask_process(const provider *p, const char *verb, const char *key, const tkt_charge *charge)
{
    char line[LINE_BYTES];
    int n;
    if (strcmp(verb, "status") == 0)
        n = snprintf(line, sizeof line, "status %s\n", key);
    else
        n = snprintf(line, sizeof line, "%s %s %" PRId64 " %s %s\n", verb, key, charge->amount_minor,
                     charge->currency, p->text);
    if (n < 0 || (size_t)n >= sizeof line)
        return TKT_PAY_ERROR;
    return converse(p->socket_path, line, (size_t)n);
}

static int32_t serve(const provider *p, const char *verb, const tkt_charge *charge)
{
    char key[33] = { 0 };
    tkt_key_format(charge->provider_key, key);
    if (p->socket_path[0] != '\0')
        return ask_process(p, verb, key, charge);
    return built_in(p, key, strcmp(verb, "status") == 0);
}

static int32_t charge_money(void *user, const tkt_charge *charge) { return serve(user, "charge", charge); }
static int32_t ask_status(void *user, const tkt_charge *charge) { return serve(user, "status", charge); }
static int32_t refund_money(void *user, const tkt_charge *charge) { return serve(user, "refund", charge); }

static bool known_order(const char *text)
{
    const char *digits = text + 16;
    if (strncmp(text, "pending:approve:", 16) == 0)
        return *digits != '\0' && strlen(digits) < 10 && digits[strspn(digits, "0123456789")] == '\0';
    return strcmp(text, "ok") == 0 || strcmp(text, "decline") == 0 || strcmp(text, "error") == 0 ||
           strcmp(text, "pending") == 0 || strcmp(text, "paid") == 0;
}

int provider_use(cli *c, const char *text)
{
    static provider p; /* the table's user must outlive every call of this short-lived process */
    tkt_payment table = TKT_PAYMENT_INIT;
    if (text == NULL)
        text = "ok";
    snprintf(p.directory, sizeof p.directory, "%s", c->store_path);
    if (strncmp(text, "unix:", 5) == 0) {
        const char *path = text + 5, *colon = strchr(path, ':');
        size_t n = colon != NULL ? (size_t)(colon - path) : strlen(path);
        if (n == 0 || n >= sizeof p.socket_path)
            return usage_error("--payment unix:PATH: the path is empty or too long");
        memcpy(p.socket_path, path, n);
        text = colon != NULL ? colon + 1 : "ok";
    } else if (!known_order(text))
        return usage_error("--payment is paid, ok, decline, error, pending, pending:approve:SECONDS or "
                           "unix:PATH[:TEXT], not \"%s\"", text);
    if (strlen(text) > TKT_DETAILS_MAX || strchr(text, '\n') != NULL)
        return usage_error("--payment: the text is too long, or has a line break");
    snprintf(p.text, sizeof p.text, "%s", text);
    table.user = &p;
    table.charge = charge_money;
    table.status = ask_status;
    table.refund = refund_money;
    int32_t status = tkt_store_set_payment(c->store, &table);
    return status == TKT_DONE ? EXIT_EFFECT : out_bad(c, status);
}
