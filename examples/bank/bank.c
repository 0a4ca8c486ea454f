/* SPDX-License-Identifier: MIT
 *
 * bank.c: a small payment provider in a process of its own, for the tool's --payment unix:PATH[:TEXT].
 *
 *   bank PATH
 *
 * One connection at a time, one line each way:
 *   charge KEY AMOUNT CURRENCY TEXT    takes the money unless TEXT is "decline"
 *   refund KEY AMOUNT CURRENCY TEXT    gives it back
 *   status KEY                         what became of that charge or refund
 * → approved | declined | unknown
 *
 * KEY is the idempotency key: an order that comes twice is carried out once. It remembers as long as it
 * runs. Each order is printed. SIGTERM ends it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ORDERS_MAX 1000
#define KEY_BYTES 64
#define LINE_BYTES 20000

static struct order {
    char key[KEY_BYTES];
    int approved;
} orders[ORDERS_MAX];
static unsigned order_count;
static char socket_path[sizeof(((struct sockaddr_un *)0)->sun_path)];

static void stop(int signal_number)
{
    (void)signal_number;
    unlink(socket_path);
    _exit(0);
}

static const struct order *known(const char *key)
{
    for (unsigned i = 0; i < order_count; i++)
        if (strcmp(orders[i].key, key) == 0)
            return &orders[i];
    return NULL;
}

static const char *answer_to(const char *line)
{
    char what[8] = "", key[KEY_BYTES] = "", amount[24] = "", currency[8] = "", text[16] = "";
    if (sscanf(line, "%7s %63s %23s %7s %15s", what, key, amount, currency, text) < 2)
        return "error";
    const struct order *order = known(key);
    if (strcmp(what, "status") == 0)
        return order == NULL ? "unknown" : order->approved ? "approved" : "declined";
    if (order == NULL) {
        if (order_count == ORDERS_MAX)
            return "error";
        order = &orders[order_count++];
        strcpy(orders[order_count - 1].key, key);
        orders[order_count - 1].approved = strcmp(text, "decline") != 0;
        printf("bank: %s of %s %s (minor units): %s\n", what, amount, currency, order->approved ? "approved" : "declined");
        fflush(stdout);
    }
    return order->approved ? "approved" : "declined";
}

static void serve(int connection)
{
    static char line[LINE_BYTES];
    FILE *in = fdopen(connection, "r");
    if (in == NULL) {
        close(connection);
        return;
    }
    if (fgets(line, sizeof line, in) != NULL)
        dprintf(connection, "%s\n", answer_to(line));
    fclose(in);
}

int main(int argc, char **argv)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (argc != 2 || strlen(argv[1]) >= sizeof socket_path) {
        fprintf(stderr, "usage: bank PATH\n");
        return 2;
    }
    strcpy(socket_path, argv[1]);
    strcpy(address.sun_path, argv[1]);
    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    signal(SIGPIPE, SIG_IGN);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 16) != 0) {
        fprintf(stderr, "bank: %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        if (connection >= 0)
            serve(connection);
    }
}
