/* SPDX-License-Identifier: MIT
 *
 * tests/bench/view/redis.c: the looks on Redis: GET, one request and its answer, a connection a reader.
 *
 *   bench_view_redis PORT load EVENTS | look EVENTS ROUNDS
 *
 * run.py starts the server on 127.0.0.1 with appendonly yes and appendfsync always.
 */
#include <hiredis/hiredis.h>
#include <stdbool.h>

#define tkt_error_text() "redis"
#include "look.h"

#define PIPELINE 1000u /* records on their way while loading */

static int port;

static void at(const char *where)
{
    port = atoi(where);
}

static void *open_reader(void)
{
    redisContext *c = redisConnect("127.0.0.1", port);
    MUST(c != NULL && c->err == 0);
    return c;
}

static void close_reader(void *reader)
{
    redisFree(reader);
}

static void load(uint64_t events)
{
    redisContext *c = open_reader();
    char record[LOOK_RECORD];
    redisReply *r;
    for (uint64_t done = 0; done < events;) {
        uint64_t n = events - done < PIPELINE ? events - done : PIPELINE;
        for (uint64_t i = 1; i <= n; i++) {
            look_record(done + i, record);
            redisAppendCommand(c, "SET e:%llu %b", (unsigned long long)(done + i), record, sizeof record);
        }
        for (uint64_t i = 0; i < n; i++) {
            MUST(redisGetReply(c, (void **)&r) == REDIS_OK && r->type == REDIS_REPLY_STATUS);
            freeReplyObject(r);
        }
        done += n;
    }
    redisFree(c);
}

static uint64_t look(void *reader, uint64_t id)
{
    redisReply *r = redisCommand(reader, "GET e:%llu", (unsigned long long)id);
    MUST(r != NULL && r->type == REDIS_REPLY_STRING && r->len == LOOK_RECORD);
    uint64_t sum = look_sum(r->str, r->len);
    freeReplyObject(r);
    return sum;
}

static void sell(void *seller, uint64_t n)
{
    static const uint8_t row[LOOK_SALE_ROW];
    redisReply *r = redisCommand(seller, "SET s:%llu %b", (unsigned long long)n, row, sizeof row);
    MUST(r != NULL && r->type == REDIS_REPLY_STATUS);
    freeReplyObject(r);
}

int main(int argc, char **argv)
{
    const look_side side = { "redis", 20000, open_reader, close_reader, look, true, sell };
    return look_main(argc, argv, &side, at, load);
}
