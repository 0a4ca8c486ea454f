/* SPDX-License-Identifier: MIT
 *
 * search/anchor.c: where a page by relevance goes on. A word is worth the less the more events there are, so all scores
 * move with the catalogue, and the score that a cursor holds is nobody's any more. What does not move is the order of
 * events that stayed as they were: the place is that of the page's last event as it scores now; if that one has changed
 * or gone, of the one before it, and the changed one is not shown again.
 *
 * Reads only: a search of the one document, before the search of the page.
 */
#include "catalog/catalog.h"
#include "search/query.h"

#include <xxhash.h>

static int32_t anchor_of(tkt__tx *tx, uint32_t event, tkt__anchor *anchor)
{
    tkt__slice record;
    int32_t status = tkt__event_get(tx, event, &record);
    if (status == TKT_DONE)
        *anchor = (tkt__anchor){ event, (uint32_t)XXH3_64bits(record.p, record.n) };
    return status;
}

int32_t tkt__anchors_of(tkt__tx *tx, const tkt__hit *hit, uint32_t hits, tkt__anchor anchor[TKT__CURSOR_ANCHORS])
{
    int32_t status = TKT_DONE;
    for (uint32_t i = 0; status == TKT_DONE && i < TKT__CURSOR_ANCHORS && i < hits; i++)
        status = anchor_of(tx, hit[hits - 1 - i].place.event, &anchor[i]);
    return status;
}

/* A search like s, of one document. */
static int32_t probe(const tkt__search *s, uint32_t docno, tkt__place *place, bool *matches)
{
    tkt__search *one = tkt__alloc(s->hooks, sizeof *one);
    if (one == NULL)
        return tkt__fail(TKT_E_NOMEM, "no memory for a search");
    memset(one, 0, sizeof *one);
    one->snapshot = s->snapshot;
    one->tx = s->tx;
    one->query = s->query;
    one->hooks = s->hooks;
    one->meta = s->meta;
    one->counts = s->counts;
    one->started_ms = s->started_ms;
    one->probe = docno;
    tkt__arena_init(&one->arena, one->hooks, 0);
    int32_t status = tkt__search_run(one);
    *matches = status == TKT_DONE && tkt__collect_probed(one, place);
    tkt__search_close(one);
    tkt__arena_free(&one->arena);
    tkt__free(s->hooks, one, sizeof *one);
    return status;
}

int32_t tkt__anchor_place(tkt__search *s)
{
    int32_t status = TKT_DONE;
    bool matches = false;
    for (uint32_t i = 0; i < TKT__CURSOR_ANCHORS && s->query->anchor[i].event != 0 && status == TKT_DONE && !matches; i++) {
        const tkt__anchor *then = &s->query->anchor[i];
        tkt__anchor now;
        uint32_t docno;
        status = anchor_of(s->tx, then->event, &now);
        if (status == TKT_DONE && now.record == then->record)
            status = tkt__doc_of(s->tx, then->event, &docno);
        else if (status == TKT_DONE)
            status = TKT_NOT_FOUND;
        if (status == TKT_DONE)
            status = probe(s, docno, &s->after, &matches);
        s->seen = matches && i > 0 ? s->query->anchor[i - 1].event : 0;
        status = status == TKT_NOT_FOUND ? TKT_DONE : status; /* the one before may do */
    }
    return status;
}
