/* SPDX-License-Identifier: MIT
 *
 * tests/bench/booking/lmdb.c: the same sale on LMDB itself, one transaction a call, fully synced.
 *
 *   bench_booking_lmdb FILE hot|spread CLIENTS SECONDS FIRST
 *   bench_booking_lmdb FILE put 1 SECONDS FIRST       one client that puts one record of 1 KiB a commit: the floor
 *   bench_booking_lmdb FILE sync 1 SECONDS FIRST      one client that rewrites 4 KiB and calls fdatasync: the disk
 *
 * Seats are rows of 64 × 8 bytes, as the library's; hold, booking, tickets and idempotency records are rows of their own.
 */
#include <fcntl.h>
#include <lmdb.h>

#define tkt_error_text() "lmdb"
#include "sale.h"

static MDB_env *env;
static MDB_dbi db;
static int fd;
static bool put_only, sync_only;

static void put(MDB_txn *txn, char kind, uint64_t a, uint64_t b, const void *p, size_t n)
{
    uint8_t bytes[17] = { (uint8_t)kind };
    for (int i = 0; i < 8; i++) {
        bytes[1 + i] = (uint8_t)(a >> (56 - 8 * i));
        bytes[9 + i] = (uint8_t)(b >> (56 - 8 * i));
    }
    MDB_val key = { sizeof bytes, bytes }, value = { n, (void *)(uintptr_t)p };
    MUST(mdb_put(txn, db, &key, &value, 0) == 0);
}

static void seats(MDB_txn *txn, const sale_job *job, uint64_t to)
{
    uint64_t block[64] = { 0 };
    uint8_t bytes[17] = { 's' };
    for (int i = 0; i < 8; i++) {
        bytes[1 + i] = (uint8_t)((uint64_t)job->event >> (56 - 8 * i));
        bytes[9 + i] = (uint8_t)((uint64_t)(job->seats[0] / 64) >> (56 - 8 * i));
    }
    MDB_val key = { sizeof bytes, bytes }, value;
    int rc = mdb_get(txn, db, &key, &value);
    MUST(rc == 0 || rc == MDB_NOTFOUND);
    if (rc == 0)
        memcpy(block, value.mv_data, sizeof block);
    block[job->seats[0] % 64] = block[job->seats[1] % 64] = to;
    value = (MDB_val){ sizeof block, block };
    MUST(mdb_put(txn, db, &key, &value, 0) == 0);
}

static void call(const sale_job *job, int second)
{
    static const uint8_t record[1024];
    MDB_txn *txn;
    MUST(mdb_txn_begin(env, NULL, 0, &txn) == 0);
    if (put_only)
        put(txn, 'p', job->number, (uint64_t)second, record, 1024);
    else if (second == 0) {
        seats(txn, job, 1 | job->number << 2);
        put(txn, 'h', job->event, job->number, record, 120);
        put(txn, 'i', job->event, job->number * 0x9e3779b97f4a7c15u, record, 60);
    } else {
        seats(txn, job, 2 | job->number << 2);
        put(txn, 'h', job->event, job->number, record, 120);
        put(txn, 'b', job->event, job->number, record, 100);
        put(txn, 't', job->event, 2 * job->number, record, 70);
        put(txn, 't', job->event, 2 * job->number + 1, record, 70);
        put(txn, 'i', job->event, job->number * 0x9e3779b97f4a7c15u + 1, record, 30);
    }
    MUST(mdb_txn_commit(txn) == 0);
}

static void sync_page(void)
{
    static uint8_t page[4096];
    page[0]++;
    MUST(pwrite(fd, page, sizeof page, 0) == (ssize_t)sizeof page && fdatasync(fd) == 0);
}

static void *client(void *arg)
{
    sale_client *c = arg;
    while (!atomic_load_explicit(&c->sale->stop, memory_order_relaxed)) {
        sale_job job = sale_take(c->sale);
        for (int second = 0; second < 2; second++) {
            uint64_t start = bench_ns();
            if (sync_only)
                sync_page();
            else
                call(&job, second);
            sale_note(c, start);
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    sale s;
    MDB_txn *txn;
    if (!sale_args(&s, argc, argv)) {
        fprintf(stderr, "bench_booking_lmdb FILE hot|spread|put|sync CLIENTS SECONDS FIRST\n");
        return 2;
    }
    put_only = strcmp(argv[2], "put") == 0;
    sync_only = strcmp(argv[2], "sync") == 0;
    fd = open(argv[1], O_RDWR | O_CREAT, 0600);
    MUST(fd >= 0);
    if (!sync_only) {
        MUST(mdb_env_create(&env) == 0 && mdb_env_set_mapsize(env, (size_t)16 << 30) == 0);
        MUST(mdb_env_open(env, argv[1], MDB_NOSUBDIR | MDB_NORDAHEAD, 0600) == 0);
        MUST(mdb_txn_begin(env, NULL, 0, &txn) == 0 && mdb_dbi_open(txn, NULL, 0, &db) == 0 && mdb_txn_commit(txn) == 0);
    }
    sale_run(&s, NULL, client, sale_bytes_written);
    if (!sync_only)
        mdb_env_close(env);
    close(fd);
    return 0;
}
