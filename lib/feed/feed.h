/* SPDX-License-Identifier: MIT
 *
 * feed/feed.h: the internal face of the feed room: its reading side. Records are written by store/feed.c, in the
 * commit of what they tell.
 */
#ifndef TKT_FEED_FEED_H
#define TKT_FEED_FEED_H

#include <ticketing/feed.h>

#include "store/store.h"

/* A feed row as the public struct; ranges are taken from the transaction's memory. */
int32_t tkt__change_decode(tkt__tx *tx, tkt__slice key, tkt__slice value, tkt_change *change);

#endif
