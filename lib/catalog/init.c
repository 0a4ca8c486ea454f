/* SPDX-License-Identifier: MIT
 *
 * catalog/init.c: the function form of the initialiser macros, for callers without a C compiler.
 * Invariant: each equals its macro byte for byte (tests/abi). Pure: a crash leaves nothing behind.
 */
#include <ticketing/catalog.h>

void tkt_venue_init(tkt_venue *venue)
{
    tkt_venue fresh = TKT_VENUE_INIT;
    if (venue != NULL)
        *venue = fresh;
}

void tkt_performer_init(tkt_performer *performer)
{
    tkt_performer fresh = TKT_PERFORMER_INIT;
    if (performer != NULL)
        *performer = fresh;
}

void tkt_user_init(tkt_user *user)
{
    tkt_user fresh = TKT_USER_INIT;
    if (user != NULL)
        *user = fresh;
}

void tkt_event_init(tkt_event *event)
{
    /* No TKT_EVENT_INIT: every member but the size is zero by default. */
    if (event != NULL) {
        tkt_event fresh = { .size = (uint32_t)sizeof(*event) };
        *event = fresh;
    }
}

void tkt_event_list_init(tkt_event_list *list)
{
    tkt_event_list fresh = TKT_EVENT_LIST_INIT;
    if (list != NULL)
        *list = fresh;
}
