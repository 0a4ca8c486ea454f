/* SPDX-License-Identifier: MIT
 *
 * test_api.c: the table of routes and the description of the service name the same calls.
 */
#include <criterion/criterion.h>
#include <ctype.h>

#include "api/api.h"

extern const char tkt__openapi_text[];
extern const size_t tkt__openapi_bytes;

static yajl_val description(void)
{
    char *text = calloc(1, tkt__openapi_bytes + 1), why[200] = "";
    cr_assert_not_null(text);
    memcpy(text, tkt__openapi_text, tkt__openapi_bytes);
    yajl_val tree = yajl_tree_parse(text, why, sizeof(why));
    free(text);
    cr_assert_not_null(tree, "%s", why);
    return tree;
}

static bool routed(const char *path, const char *method)
{
    for (const tkt__route *r = tkt__routes; r->method != NULL; r++)
        if (strcmp(r->pattern, path) == 0 && strcasecmp(r->method, method) == 0)
            return true;
    return false;
}

Test(api, every_route_is_described_and_every_description_routed)
{
    yajl_val tree = description();
    uint32_t routes = 0, described = 0;
    for (const tkt__route *r = tkt__routes; r->method != NULL; r++, routes++) {
        char method[16] = "";
        for (size_t i = 0; r->method[i] != '\0'; i++)
            method[i] = (char)tolower((unsigned char)r->method[i]);
        const char *path[] = { "paths", r->pattern, method, "operationId", NULL };
        cr_assert_not_null(yajl_tree_get(tree, path, yajl_t_string), "%s %s is not described", r->method, r->pattern);
    }
    const char *paths_at[] = { "paths", NULL };
    yajl_val paths = yajl_tree_get(tree, paths_at, yajl_t_object);
    cr_assert_not_null(paths);
    for (size_t i = 0; i < paths->u.object.len; i++) {
        yajl_val item = paths->u.object.values[i];
        for (size_t k = 0; k < item->u.object.len; k++, described++)
            cr_assert(routed(paths->u.object.keys[i], item->u.object.keys[k]), "%s %s leads nowhere", item->u.object.keys[k],
                      paths->u.object.keys[i]);
    }
    cr_assert_eq(routes, described);
    yajl_tree_free(tree);
}

Test(api, what_staff_does_is_described_as_theirs)
{
    yajl_val tree = description();
    for (const tkt__route *r = tkt__routes; r->method != NULL; r++) {
        static const char *const roles[] = { NULL, "staff", "operator" };
        char method[16] = "";
        for (size_t i = 0; r->method[i] != '\0'; i++)
            method[i] = (char)tolower((unsigned char)r->method[i]);
        const char *path[] = { "paths", r->pattern, method, "security", NULL };
        yajl_val security = yajl_tree_get(tree, path, yajl_t_array);
        cr_assert_eq(security != NULL, r->role != TKT_ROLE_PUBLIC, "%s %s", r->method, r->pattern);
        if (security != NULL)
            cr_assert_str_eq(security->u.array.values[0]->u.object.keys[0], roles[r->role]);
    }
    yajl_tree_free(tree);
}
