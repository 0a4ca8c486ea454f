/* SPDX-License-Identifier: MIT
 *
 * provider.c: the example payment provider that all processes of the service share: a file of outcomes, STORE/payments,
 * one line each: the provider key, a space, the outcome's number.
 *
 * What it does is told by the payment details: those with the word decline, pending or error do so, all others are
 * approved. A line is appended and synced before the answer is given, under a lock on the file, so an order that comes
 * twice is carried out once, whichever process it comes to; a line that a crash cut short was not answered, and is
 * skipped. Each process keeps what it has read in a table.
 */
#include "server.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define KEY_TEXT 32
#define LINE_BYTES (KEY_TEXT + 3) /* key, space, digit, line feed */
#define FIRST_SLOTS 1024

typedef struct outcome {
    char key[KEY_TEXT];
    int32_t answer; /* 0: the slot is free */
} outcome;

static struct {
    pthread_mutex_t lock;
    int fd;
    off_t read;
    outcome *slots; /* by the key's own first digits, which are as good as a hash */
    size_t count, room;
} provider = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

/* ---- the table ---------------------------------------------------------------------------------------------------------------- */

static size_t place_of(const outcome *slots, size_t room, const char *key)
{
    char head[17] = { 0 };
    memcpy(head, key, 16);
    size_t at = (size_t)strtoull(head, NULL, 16) & (room - 1);
    while (slots[at].answer != 0 && memcmp(slots[at].key, key, KEY_TEXT) != 0)
        at = (at + 1) & (room - 1);
    return at;
}

static bool grow(void)
{
    size_t room = provider.room == 0 ? FIRST_SLOTS : 2 * provider.room;
    outcome *slots = calloc(room, sizeof *slots);
    if (slots == NULL)
        return false;
    for (size_t i = 0; i < provider.room; i++)
        if (provider.slots[i].answer != 0)
            slots[place_of(slots, room, provider.slots[i].key)] = provider.slots[i];
    free(provider.slots);
    provider.slots = slots;
    provider.room = room;
    return true;
}

static bool note(const char *key, int32_t answer)
{
    if (provider.count * 2 >= provider.room && !grow())
        return false;
    outcome *slot = &provider.slots[place_of(provider.slots, provider.room, key)];
    provider.count += slot->answer == 0;
    memcpy(slot->key, key, KEY_TEXT);
    slot->answer = answer;
    return true;
}

/* What other processes have written since. */
static bool read_on(void)
{
    char line[LINE_BYTES];
    while (pread(provider.fd, line, sizeof line, provider.read) == (ssize_t)sizeof line) {
        bool whole = line[KEY_TEXT] == ' ' && line[LINE_BYTES - 1] == '\n';
        if (whole && !note(line, line[KEY_TEXT + 1] - '0'))
            return false;
        provider.read += (off_t)sizeof line;
    }
    return true;
}

/* ---- orders ------------------------------------------------------------------------------------------------------------------- */

static bool has(tkt_text text, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= text.len; i++)
        if (memcmp(text.ptr + i, word, n) == 0)
            return true;
    return false;
}

static int32_t ordered(tkt_text details)
{
    return has(details, "decline") ? TKT_PAY_DECLINED
           : has(details, "pending") ? TKT_PAY_PENDING
           : has(details, "error")   ? TKT_PAY_ERROR
                                     : TKT_PAY_APPROVED;
}

/* Under both locks. A line that was cut short is filled up, so that all lines have one length. */
static bool append(const char *key, int32_t answer)
{
    char line[LINE_BYTES + 1];
    off_t end = lseek(provider.fd, 0, SEEK_END);
    off_t rest = end < 0 ? -1 : end % LINE_BYTES;
    if (rest < 0 || (rest > 0 && ftruncate(provider.fd, end - rest) != 0))
        return false;
    snprintf(line, sizeof line, "%.*s %d\n", KEY_TEXT, key, (int)answer);
    return write(provider.fd, line, LINE_BYTES) == LINE_BYTES && fdatasync(provider.fd) == 0;
}

static int32_t serve(const tkt_charge *charge, bool ask)
{
    char key[KEY_TEXT];
    int32_t answer = TKT_PAY_ERROR;
    tkt_key_format(charge->provider_key, key);
    pthread_mutex_lock(&provider.lock);
    if (flock(provider.fd, LOCK_EX) == 0) {
        if (read_on() && (provider.room > 0 || grow())) {
            const outcome *slot = &provider.slots[place_of(provider.slots, provider.room, key)];
            answer = slot->answer != 0 ? slot->answer : ask ? TKT_PAY_UNKNOWN : ordered(charge->details);
            /* An error is a line that broke before the order came: nothing is on record. */
            if (slot->answer == 0 && !ask && answer != TKT_PAY_ERROR && !append(key, answer))
                answer = TKT_PAY_ERROR;
        }
        flock(provider.fd, LOCK_UN);
    }
    pthread_mutex_unlock(&provider.lock);
    return answer;
}

static int32_t charge_money(void *user, const tkt_charge *charge)
{
    (void)user;
    return serve(charge, false);
}

static int32_t ask_status(void *user, const tkt_charge *charge)
{
    (void)user;
    return serve(charge, true);
}

bool provider_begin(server *s)
{
    char path[PATH_BYTES + 16];
    tkt_payment table = TKT_PAYMENT_INIT;
    snprintf(path, sizeof path, "%s/payments", s->set->store);
    provider.fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    table.charge = charge_money;
    table.status = ask_status;
    table.refund = charge_money;
    if (provider.fd < 0 || tkt_store_set_payment(s->store, &table) != TKT_DONE) {
        fprintf(stderr, "ticketing-server: the provider's file can't be opened: %s\n", path);
        return false;
    }
    return true;
}
