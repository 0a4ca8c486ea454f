/* SPDX-License-Identifier: MIT
 *
 * identify.c: who asks. The page gives each browser a random session in a cookie that scripts can't read; its buyer key
 * is made of that and the store's salt, so the store never knows the cookie. Staff and operator show a token.
 */
#include "server.h"

#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <xxhash.h>

bool session_new(char session[SESSION_TEXT + 1])
{
    uint8_t bytes[SESSION_TEXT / 2];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return false;
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(session + 2 * i, 3, "%02x", bytes[i]);
    return true;
}

/* As long for a near miss as for a far one. */
static bool same(const char *given, size_t n, const char *secret)
{
    size_t want = strlen(secret);
    unsigned char differs = want == 0 || n != want;
    for (size_t i = 0; i < n && want > 0; i++)
        differs |= (unsigned char)(given[i] ^ secret[i % want]);
    return differs == 0;
}

static const char *bearer(const exchange *x)
{
    const char *given = MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, "Authorization");
    return given != NULL && strncasecmp(given, "Bearer ", 7) == 0 ? given + 7 : NULL;
}

static void buyer_key(const server *s, const char *session, uint8_t key[TKT_BUYER_BYTES])
{
    XXH128_canonical_t digest;
    uint8_t bytes[TKT_SALT_BYTES + SESSION_TEXT];
    memcpy(bytes, s->salt, TKT_SALT_BYTES);
    memcpy(bytes + TKT_SALT_BYTES, session, SESSION_TEXT);
    XXH128_canonicalFromHash(&digest, XXH3_128bits(bytes, sizeof bytes));
    memcpy(key, digest.digest, TKT_BUYER_BYTES);
}

int32_t identify(void *server_, const tkt_api_request *request, tkt_api_caller *caller)
{
    const server *s = server_;
    const exchange *x = request->context;
    const char *token = bearer(x);
    if (token != NULL) {
        if (same(token, strlen(token), s->set->operator_token))
            caller->role = TKT_ROLE_OPERATOR;
        else if (same(token, strlen(token), s->set->staff_token))
            caller->role = TKT_ROLE_STAFF;
        else
            return 1; /* who says that he is someone must be */
    }
    if (token != NULL) /* which lies in the request's head until it is answered */
        caller->scope = (tkt_text){ token, strlen(token) };
    if (x->session[0] != '\0') /* staff at a counter sells to one buyer after the other */
        buyer_key(s, x->session, caller->buyer_key);
    return 0;
}
