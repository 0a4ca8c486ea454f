/* SPDX-License-Identifier: MIT
 *
 * redis.c: the twin on Redis 7: an event's JSON under e:ID, its line of a page under i:ID, and for each word a sorted set
 * w:WORD of ids by start. One Lua script a search, a connection a thread.
 */
#include "twin.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* KEYS: words; ARGV: from, to (not in it), page size. Sets with several words are intersected into a set of the call. */
static const char search_script[] =
    "local key = KEYS[1] "
    "if #KEYS > 1 then key = 'x' local all = { key, #KEYS, unpack(KEYS) } all[#all + 1] = 'AGGREGATE' all[#all + 1] = 'MIN' "
    "redis.call('ZINTERSTORE', unpack(all)) end "
    "local total = redis.call('ZCOUNT', key, ARGV[1], '(' .. ARGV[2]) "
    "local ids = redis.call('ZRANGEBYSCORE', key, ARGV[1], '(' .. ARGV[2], 'LIMIT', 0, ARGV[3]) "
    "if #KEYS > 1 then redis.call('DEL', key) end "
    "for i, id in ipairs(ids) do ids[i] = 'i:' .. id end "
    "local items = #ids > 0 and redis.call('MGET', unpack(ids)) or {} "
    "return { total, items }";

static int port;
static char script_sha[41];
static _Thread_local redisContext *connection;

static bool connected(void)
{
    if (connection == NULL)
        connection = redisConnect("127.0.0.1", port);
    return connection != NULL && connection->err == 0;
}

bool store_begin(const char *place)
{
    port = atoi(place);
    redisReply *r = connected() ? redisCommand(connection, "SCRIPT LOAD %s", search_script) : NULL;
    bool good = r != NULL && r->type == REDIS_REPLY_STRING;
    if (good)
        snprintf(script_sha, sizeof script_sha, "%s", r->str);
    freeReplyObject(r);
    return good;
}

bool store_event(uint64_t id, twin_answer *a)
{
    redisReply *r = connected() ? redisCommand(connection, "GET e:%" PRIu64, id) : NULL;
    bool good = r != NULL && r->type != REDIS_REPLY_ERROR;
    a->found = good && r->type == REDIS_REPLY_STRING;
    if (a->found)
        good = twin_add(a, r->str, r->len);
    freeReplyObject(r);
    return good;
}

static redisReply *ask(const twin_query *q)
{
    const char *words[3 + TWIN_WORDS_MAX + 3] = { "EVALSHA", script_sha };
    char count[8], keys[TWIN_WORDS_MAX][TWIN_WORD_BYTES + 2], from[24], to[24], size[16];
    int n = 3;
    snprintf(count, sizeof count, "%u", q->word_count);
    words[2] = count;
    for (uint32_t i = 0; i < q->word_count; i++) {
        snprintf(keys[i], sizeof keys[i], "w:%s", q->words[i]);
        words[n++] = keys[i];
    }
    snprintf(from, sizeof from, "%" PRId64, q->from_ms);
    snprintf(to, sizeof to, "%" PRId64, q->to_ms);
    snprintf(size, sizeof size, "%u", q->page_size);
    words[n++] = from;
    words[n++] = to;
    words[n++] = size;
    return connected() ? redisCommandArgv(connection, n, words, NULL) : NULL;
}

bool store_search(const twin_query *q, twin_answer *a)
{
    redisReply *r = q->word_count > 0 ? ask(q) : NULL;
    bool good = r != NULL && r->type == REDIS_REPLY_ARRAY && r->elements == 2 && twin_add(a, "[", 1);
    if (good)
        a->total = (uint64_t)r->element[0]->integer;
    for (size_t i = 0; good && i < r->element[1]->elements; i++) {
        const redisReply *item = r->element[1]->element[i];
        good = item->type == REDIS_REPLY_STRING && (i == 0 || twin_add(a, ",", 1)) && twin_add(a, item->str, item->len);
    }
    freeReplyObject(r);
    return good && twin_add(a, "]", 1);
}
