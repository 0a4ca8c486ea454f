/* SPDX-License-Identifier: MIT
 *
 * provider.c: the example payment provider that all processes of the service share: an LMDB file of its own beside the
 * store, STORE/payments.mdb, provider key → outcome.
 *
 * What it does is told by the payment details: those with the word decline, pending or error do so, all others are
 * approved, those with the word slow a second and a half later. An outcome is on the disk before it is answered, so an
 * order that comes twice is carried out once, whichever process it comes to and whichever was killed meanwhile. Nothing of
 * it stays in a process's memory.
 *
 * Who writes has a lock of the process and one of the file before LMDB's own, for nobody may wait at that one: where its
 * owner and who waits there are killed together, all others wait for ever (lib/engine/lmdb/turn.c).
 */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#define KEY_TEXT 32
#define READERS_MAX 4096
#define ORDERS_BYTES ((size_t)1 << 30) /* some ten million orders; then they are errors */

static struct {
    MDB_env *env;
    MDB_dbi orders;
    pthread_mutex_t lock;
    int turn; /* STORE/payments.lock */
} provider = { .lock = PTHREAD_MUTEX_INITIALIZER };

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

/* What is on record; TKT_PAY_UNKNOWN: nothing; TKT_PAY_ERROR: can't be told. */
static int32_t recorded(MDB_txn *txn, const char key[KEY_TEXT])
{
    MDB_val k = { KEY_TEXT, (void *)(uintptr_t)key }, v;
    int rc = mdb_get(txn, provider.orders, &k, &v);
    return rc == MDB_NOTFOUND ? TKT_PAY_UNKNOWN : rc == 0 && v.mv_size == 1 ? *(const uint8_t *)v.mv_data : TKT_PAY_ERROR;
}

static bool record(MDB_txn *txn, const char key[KEY_TEXT], int32_t answer)
{
    uint8_t byte = (uint8_t)answer;
    MDB_val k = { KEY_TEXT, (void *)(uintptr_t)key }, v = { 1, &byte };
    if (mdb_put(txn, provider.orders, &k, &v, MDB_NOOVERWRITE) == 0)
        return mdb_txn_commit(txn) == 0;
    mdb_txn_abort(txn);
    return false;
}

static int32_t carry_out(const tkt_charge *charge)
{
    char key[KEY_TEXT];
    MDB_txn *txn;
    tkt_key_format(charge->provider_key, key);
    if (mdb_txn_begin(provider.env, NULL, 0, &txn) != 0)
        return TKT_PAY_ERROR;
    int32_t answer = recorded(txn, key);
    if (answer == TKT_PAY_UNKNOWN) {
        /* An error is a line that broke before the order came: nothing is on record. */
        answer = ordered(charge->details);
        if (answer != TKT_PAY_ERROR)
            return record(txn, key, answer) ? answer : TKT_PAY_ERROR;
    }
    mdb_txn_abort(txn);
    return answer;
}

static int32_t charge_money(void *user, const tkt_charge *charge)
{
    int32_t answer = TKT_PAY_ERROR;
    (void)user;
    if (has(charge->details, "slow")) /* the order is on its way for so long, and unknown until it arrives */
        nanosleep(&(struct timespec){ 1, 500000000 }, NULL);
    pthread_mutex_lock(&provider.lock);
    if (flock(provider.turn, LOCK_EX) == 0) {
        answer = carry_out(charge);
        flock(provider.turn, LOCK_UN);
    }
    pthread_mutex_unlock(&provider.lock);
    return answer;
}

static int32_t ask_status(void *user, const tkt_charge *charge)
{
    char key[KEY_TEXT];
    MDB_txn *txn;
    (void)user;
    tkt_key_format(charge->provider_key, key);
    if (mdb_txn_begin(provider.env, NULL, MDB_RDONLY, &txn) != 0)
        return TKT_PAY_ERROR;
    int32_t answer = recorded(txn, key);
    mdb_txn_abort(txn);
    return answer;
}

static int opened(const char *path)
{
    MDB_txn *txn;
    int rc = mdb_env_create(&provider.env);
    if (rc == 0)
        rc = mdb_env_set_mapsize(provider.env, ORDERS_BYTES);
    if (rc == 0)
        rc = mdb_env_set_maxreaders(provider.env, READERS_MAX);
    if (rc == 0)
        rc = mdb_env_open(provider.env, path, MDB_NOSUBDIR | MDB_NOTLS, 0600);
    if (rc == 0)
        rc = mdb_reader_check(provider.env, NULL); /* places of processes that were killed */
    if (rc != 0 || (rc = mdb_txn_begin(provider.env, NULL, 0, &txn)) != 0)
        return rc;
    rc = mdb_dbi_open(txn, NULL, 0, &provider.orders);
    if (rc == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

/* Its first transaction is a writer's too. */
static int opened_in_turn(const char *lock, const char *path)
{
    provider.turn = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (provider.turn < 0 || flock(provider.turn, LOCK_EX) != 0)
        return errno;
    int rc = opened(path);
    flock(provider.turn, LOCK_UN);
    return rc;
}

bool provider_begin(server *s)
{
    char path[PATH_BYTES + 16], lock[PATH_BYTES + 16];
    tkt_payment table = TKT_PAYMENT_INIT;
    snprintf(path, sizeof path, "%s/payments.mdb", s->set->store);
    snprintf(lock, sizeof lock, "%s/payments.lock", s->set->store);
    int rc = opened_in_turn(lock, path);
    if (rc != 0)
        fprintf(stderr, "ticketing-server: the provider's file can't be opened: %s: %s\n", path, mdb_strerror(rc));
    table.charge = charge_money;
    table.status = ask_status;
    table.refund = charge_money;
    return rc == 0 && tkt_store_set_payment(s->store, &table) == TKT_DONE;
}
