/* SPDX-License-Identifier: MIT
 *
 * tests/bench/booking/redis.c: the same sale on Redis 7: one Lua script a transaction.
 *
 *   bench_booking_redis PORT hot|spread CLIENTS SECONDS FIRST [DEPTH]
 *
 * The server is started by run.py with appendonly yes and appendfsync always, on 127.0.0.1. DEPTH > 1: each
 * client keeps so many requests in flight; the time of a call is then that of its pipeline. An event's seats are
 * a hash (a seat that nobody took has no field); hold, booking and idempotency records are keys of their own.
 */
#include <hiredis/hiredis.h>

#define tkt_error_text() "redis"
#include "sale.h"

#define DEPTH_MAX 1024

/* KEYS: seats, hold, idempotency record; ARGV: seat, seat, now, deadline, price */
static const char reserve_script[] =
    "local done = redis.call('GET', KEYS[3]) if done then return done end "
    "for i = 1, 2 do local at = redis.call('HGET', KEYS[1], ARGV[i]) "
    "if at then local state, till = string.match(at, '^(%a):(%d+)') "
    "if state == 'b' or tonumber(till) > tonumber(ARGV[3]) then return 'taken' end end end "
    "redis.call('HSET', KEYS[1], ARGV[1], 'r:' .. ARGV[4] .. ':' .. KEYS[2], ARGV[2], 'r:' .. ARGV[4] .. ':' .. KEYS[2]) "
    "redis.call('HSET', KEYS[2], 'state', 'active', 'till', ARGV[4], 'a', ARGV[1], 'b', ARGV[2], 'total', ARGV[5]) "
    "redis.call('SET', KEYS[3], 'held', 'EX', 604800) return 'held'";
/* KEYS: seats, hold, idempotency record, booking; ARGV: now, ticket codes */
static const char confirm_script[] =
    "local done = redis.call('GET', KEYS[3]) if done then return done end "
    "local h = redis.call('HMGET', KEYS[2], 'state', 'till', 'a', 'b', 'total') "
    "if h[1] ~= 'active' or tonumber(h[2]) <= tonumber(ARGV[1]) then return 'expired' end "
    "redis.call('HSET', KEYS[1], h[3], 'b:0:' .. KEYS[4], h[4], 'b:0:' .. KEYS[4]) "
    "redis.call('HSET', KEYS[2], 'state', 'consumed') "
    "redis.call('HSET', KEYS[4], 'seats', h[3] .. ',' .. h[4], 'total', h[5], 'at', ARGV[1], 'hold', KEYS[2], "
    "'t1', ARGV[2], 't2', ARGV[3]) "
    "redis.call('SET', KEYS[3], 'booked', 'EX', 604800) return 'booked'";

static int port, depth = 1;
static char reserve_sha[64], confirm_sha[64];

static redisContext *connect_to(void)
{
    redisContext *c = redisConnect("127.0.0.1", port);
    MUST(c != NULL && c->err == 0);
    return c;
}

static void load(redisContext *c, const char *script, char sha[64])
{
    redisReply *r = redisCommand(c, "SCRIPT LOAD %s", script);
    MUST(r != NULL && r->type == REDIS_REPLY_STRING && r->len < 64);
    memcpy(sha, r->str, r->len + 1);
    freeReplyObject(r);
}

static void expect(redisContext *c, const char *answer)
{
    redisReply *r = NULL;
    MUST(redisGetReply(c, (void **)&r) == REDIS_OK && r != NULL && r->type == REDIS_REPLY_STRING);
    MUST(strcmp(r->str, answer) == 0);
    freeReplyObject(r);
}

static void *client(void *arg)
{
    sale_client *self = arg;
    redisContext *c = connect_to();
    sale_job jobs[DEPTH_MAX];
    while (!atomic_load_explicit(&self->sale->stop, memory_order_relaxed)) {
        long long now = (long long)time(NULL);
        uint64_t start = bench_ns();
        for (int i = 0; i < depth; i++) {
            jobs[i] = sale_take(self->sale);
            redisAppendCommand(c, "EVALSHA %s 3 s:%u h:%llu i:%llu:r %u %u %lld %lld 5000", reserve_sha, jobs[i].event,
                               (unsigned long long)jobs[i].number, (unsigned long long)jobs[i].number,
                               jobs[i].seats[0], jobs[i].seats[1], now, now + 600);
        }
        for (int i = 0; i < depth; i++) {
            expect(c, "held");
            sale_note(self, start);
        }
        start = bench_ns();
        for (int i = 0; i < depth; i++)
            redisAppendCommand(c, "EVALSHA %s 4 s:%u h:%llu i:%llu:c b:%llu %lld %016llx %016llx", confirm_sha,
                               jobs[i].event, (unsigned long long)jobs[i].number, (unsigned long long)jobs[i].number,
                               (unsigned long long)jobs[i].number, now, (unsigned long long)jobs[i].number * 77,
                               (unsigned long long)jobs[i].number * 91);
        for (int i = 0; i < depth; i++) {
            expect(c, "booked");
            sale_note(self, start);
        }
    }
    redisFree(c);
    return NULL;
}

/* Of the server: what it wrote is asked from the kernel by run.py. */
static uint64_t nothing(void)
{
    return 0;
}

int main(int argc, char **argv)
{
    sale s;
    if (!sale_args(&s, argc, argv)) {
        fprintf(stderr, "bench_booking_redis PORT hot|spread CLIENTS SECONDS FIRST [DEPTH]\n");
        return 2;
    }
    port = atoi(argv[1]);
    depth = argc > 6 ? atoi(argv[6]) : 1;
    MUST(depth >= 1 && depth <= DEPTH_MAX);
    redisContext *c = connect_to();
    load(c, reserve_script, reserve_sha);
    load(c, confirm_script, confirm_sha);
    redisFree(c);
    sale_run(&s, NULL, client, nothing);
    return 0;
}
