/* SPDX-License-Identifier: MIT
 *
 * search/check.h: the parts of the index's check.
 */
#ifndef TKT_SEARCH_CHECK_H
#define TKT_SEARCH_CHECK_H

#include "search/search.h"

/* check_names.c */
int32_t tkt__check_name_term(tkt__tx *tx, tkt__problems *problems, tkt__slice term);
int32_t tkt__check_name_rows(tkt__tx *tx, tkt__problems *problems);

#endif
