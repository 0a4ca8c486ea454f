/* SPDX-License-Identifier: MIT
 *
 * tests/bench/search/dump.c: the events of a store as words, for the peers.
 *
 *   bench_search_dump STORE > FILE
 *
 * One line an event, in order of start, then event id:
 *   start ms TAB event TAB city TAB category TAB name TAB performers TAB venue TAB city TAB category TAB type TAB description
 * The first two after the event are plain forms, as filters compare them, with '_' for spaces; the seven fields hold
 * our words with single spaces between. A performers field ends each performer with a word '/', which is no word.
 */
#include "../bench.h"

#include <ticketing/ticketing.h>

#include "search/search.h"

#define PAGE 1000

static int32_t print_word(void *user, const tkt__word *word)
{
    bool *first = user;
    if (!*first)
        putchar_unlocked(' ');
    *first = false;
    fwrite_unlocked(word->p, 1, word->n, stdout);
    return TKT_DONE;
}

static void print_words(tkt_text text, bool *first)
{
    MUST(tkt__analyse(text.ptr, text.len, print_word, first) == TKT_DONE);
}

static void print_field(tkt_text text)
{
    bool first = true;
    putchar_unlocked('\t');
    print_words(text, &first);
}

static void print_plain(tkt_text text)
{
    uint8_t plain[1024];
    size_t n;
    MUST(tkt__text_plain(text.ptr, text.len, plain, sizeof plain, &n) == TKT_DONE);
    putchar_unlocked('\t');
    for (size_t i = 0; i < n; i++)
        putchar_unlocked(plain[i] == ' ' ? '_' : plain[i]);
}

static void print_performers(tkt_snapshot *snap, const tkt_event *event)
{
    bool first = true;
    putchar_unlocked('\t');
    for (uint32_t i = 0; i < event->performer_count; i++) {
        tkt_performer performer = TKT_PERFORMER_INIT;
        uint64_t id;
        MUST(tkt_event_performer(event, i, &id) == TKT_DONE && tkt_performer_view(snap, id, &performer) == TKT_DONE);
        print_words(performer.name, &first);
        fputs(" /", stdout);
    }
}

static void print_event(tkt_snapshot *snap, uint64_t id)
{
    tkt_event event;
    tkt_venue venue = TKT_VENUE_INIT;
    tkt_event_init(&event);
    MUST(tkt_event_view(snap, id, &event) == TKT_DONE);
    if (event.venue_id != 0)
        MUST(tkt_venue_view(snap, event.venue_id, &venue) == TKT_DONE);
    printf("%" PRId64 "\t%" PRIu64, event.start_ms, id);
    print_plain(venue.city);
    print_plain(event.category.len > 0 ? event.category : event.type);
    print_field(event.name);
    print_performers(snap, &event);
    print_field(venue.name);
    print_field(venue.city);
    print_field(event.category);
    print_field(event.type);
    print_field(event.description);
    putchar_unlocked('\n');
}

int main(int argc, char **argv)
{
    tkt_store *store;
    tkt_options *options;
    tkt_snapshot *snap;
    tkt_event_list list = TKT_EVENT_LIST_INIT;
    uint64_t ids[PAGE];
    uint32_t n;
    int32_t more = 1;
    MUST(argc == 2 && tkt_options_new(&options) == TKT_DONE && tkt_options_set_snapshot_limit_ms(options, TKT__MS_DAY) == TKT_DONE);
    MUST(tkt_store_open(argv[1], strlen(argv[1]), options, &store) == TKT_DONE);
    MUST(tkt_snapshot_begin(store, &snap) == TKT_DONE);
    while (more) {
        tkt_cursor next;
        MUST(tkt_event_list_page(snap, &list, ids, PAGE, &n, &next, &more) == TKT_DONE);
        list.after = next;
        for (uint32_t i = 0; i < n; i++)
            print_event(snap, ids[i]);
    }
    MUST(fflush(stdout) == 0);
    tkt_snapshot_end(snap);
    tkt_store_close(store);
    tkt_options_free(options);
    return 0;
}
