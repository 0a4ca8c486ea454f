/* SPDX-License-Identifier: MIT
 *
 * ticketing/ticketing.h: everything. Each header it names also compiles alone.
 */
#ifndef TICKETING_TICKETING_H
#define TICKETING_TICKETING_H

#include <ticketing/api.h>
#include <ticketing/base.h>
#include <ticketing/booking.h>
#include <ticketing/catalog.h>
#include <ticketing/feed.h>
#include <ticketing/queue.h>
#include <ticketing/search.h>
#include <ticketing/store.h>
#include <ticketing/version.h>

#endif
