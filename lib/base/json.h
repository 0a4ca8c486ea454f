/* SPDX-License-Identifier: MIT
 *
 * base/json.h: what the readers of JSON (import lines, chart files, bodies of requests) share over yajl's tree.
 */
#ifndef TKT_BASE_JSON_H
#define TKT_BASE_JSON_H

#include <yajl/yajl_tree.h>

#include "base/base.h"

/* Whether nothing is nested deeper than `most`; else *byte (from 1) is where. yajl frees its tree
 * recursively, so depth is bounded before it sees the text. */
bool tkt__json_shallow(const char *p, size_t n, int most, uint64_t *byte);
/* Whether no escape stands for a NUL, at which a C text would end, or for half a character (a surrogate alone, which would
 * become a "?"): two texts that differ would be one. Else *byte (from 1) is where. */
bool tkt__json_whole(const char *p, size_t n, uint64_t *byte);
/* Where yajl stops in a malformed text, from 1: its tree does not say. */
uint64_t tkt__json_error_byte(const char *p, size_t n);
/* The last member of that name (later ones win); NULL: none, or no object. */
yajl_val tkt__json_member(yajl_val object, const char *name);
/* A string's text; {NULL, 0} for anything else. */
tkt_text tkt__json_text(yajl_val v);

#endif
