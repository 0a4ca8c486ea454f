/* SPDX-License-Identifier: MIT
 *
 * lib/rooms.c: the composition root: the one file that knows which rooms there are. store/ calls
 * upward only through this table, so that every import points downward.
 */
#include "booking/booking.h"
#include "catalog/catalog.h"
#ifdef TKT_HAVE_SODIUM
#include "queue/queue.h"
#endif
#include "search/search.h"

const tkt__room *const tkt__rooms[] = {
    &tkt__catalog_room,
    &tkt__search_room,
    &tkt__booking_room,
#ifdef TKT_HAVE_SODIUM
    &tkt__queue_room,
#endif
    NULL,
};
