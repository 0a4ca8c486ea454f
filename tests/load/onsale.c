/* SPDX-License-Identifier: MIT
 *
 * onsale.c: an on-sale over HTTP as its crowd does it: through the waiting room, by a seat map, to a ticket or a reason.
 *
 *   load_onsale URL EVENT BUYERS THREADS EARLY SEED: EARLY of a hundred come before the start, the others in the
 *   LATE_MS after it. Prints one JSON object; status 1 when something was unfair, lost or sold twice.
 *
 * A buyer is a session cookie, one or two seats, and a manner: most pay, one in twenty has a card that is declined first,
 * one in fifty takes seats and walks away, one in fifty joins and never looks again. THREADS connections carry all of
 * them; each thread has its buyers in a heap by when they look next. Who is told to wait so long asks again after half of it.
 *
 * What is asserted: nobody waits while a later place was let in before he asked; a place is the shuffle of its number by
 * the seed that was told, or the number itself for who came late; numbers and places are one for each; no seat has two
 * tickets; each ticket is there when its buyer asks afterwards, and for no other; the stream's map is the hall's.
 */
#include "load.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ticketing/ticketing.h>

#define LATE_MS 10000
#define LOOK_LEAST_MS 250
#define LOOK_MOST_MS 12000
#define PICKS_MOST 200        /* seats that others were quicker at, before a buyer gives up */
#define WALKED_TTL_SECONDS 3
#define DECILES 10
#define UNKNOWN UINT64_MAX

enum manner { PAYS, DECLINED_FIRST, WALKS_AWAY, NEVER_LOOKS };
enum end { OPEN, BOOKED, SOLD_OUT, NO_SUCH_SEATS, WALKED_AWAY, NEVER_LOOKED, PASSED_OVER, SESSION_OVER, LOST, ENDS };
static const char *const end_words[ENDS] = { "open", "booked", "soldOut", "noSuchSeats", "walkedAway", "neverLooked",
                                             "passedOver", "sessionOver", "lost" };

typedef struct buyer {
    int64_t due_ms;
    uint64_t number, place, booking;
    uint32_t id, unit, attempt;
    uint8_t wants, manner, end, joined, two_steps;
    char admission[TKT_ADMISSION_TEXT + 1];
} buyer;

typedef struct crowd {
    pthread_t thread;
    client *client;
    buyer **heap;
    size_t n;
    uint64_t chance;
} crowd;

static const char *url;
static uint64_t event, buyers_n, opens_ms, room_early;
static buyer *buyers;
static watch *map;
static uint8_t seed[32];
static _Atomic uint32_t owner[LOAD_UNITS_MAX];
static _Atomic uint64_t furthest, unfair, twice, broken, again, refused, first_sale_ns, last_sale_ns;
static times t_join, t_place, t_reserve, t_confirm, t_book, t_late;

/* ---- asking -------------------------------------------------------------------------------------------------------------- */

static reply ask(crowd *c, times *t, const char *method, const char *path, const buyer *b, const char *const *headers, const char *body)
{
    reply r = client_call(c->client, method, path, b->id, headers, body);
    if (t != NULL && r.tries == 1)
        times_add(t, r.ns);
    atomic_fetch_add(&again, r.tries - 1);
    return r;
}

static void lost(buyer *b, const char *what, const reply *r)
{
    fprintf(stderr, "buyer %u, %s: %ld %.300s\n", b->id, what, r->status, r->body);
    b->end = LOST;
}

/* ---- buying --------------------------------------------------------------------------------------------------------------- */

static void note_sale(buyer *b, const reply *r)
{
    int64_t booking = 0;
    uint64_t now = tick_ns(), none = 0;
    if (!json_number(r->body, "bookingId", &booking)) {
        lost(b, "no booking in the answer", r);
        return;
    }
    b->booking = (uint64_t)booking;
    b->end = BOOKED;
    for (uint32_t i = 0; i < b->wants; i++) {
        uint32_t nobody = 0;
        if (!atomic_compare_exchange_strong(&owner[b->unit + i], &nobody, b->id))
            atomic_fetch_add(&twice, 1);
    }
    atomic_compare_exchange_strong(&first_sale_ns, &none, now);
    atomic_store(&last_sale_ns, now);
}

static void seats_text(const buyer *b, char *to, size_t room)
{
    if (b->wants == 2)
        snprintf(to, room, "[%u,%u]", b->unit, b->unit + 1);
    else
        snprintf(to, room, "%u", b->unit);
}

static const char *pay_word(const buyer *b)
{
    return b->manner == DECLINED_FIRST && b->attempt == 0 ? "decline" : "ok";
}

/* A try to buy is one key: sent again by who heard nothing, never by who heard a refusal. */
typedef struct lines {
    char admission[TKT_ADMISSION_TEXT + 32], key[96];
    const char *list[LOAD_HEADERS_MAX];
} lines;

static const char *const *headers_of(lines *l, buyer *b, const char *what)
{
    snprintf(l->admission, sizeof l->admission, "Admission: %s", b->admission);
    snprintf(l->key, sizeof l->key, "Idempotency-Key: %s-%u-%u-%u", what, b->id, b->unit, b->attempt);
    l->list[0] = l->admission;
    l->list[1] = l->key;
    l->list[2] = NULL;
    return l->list;
}

static reply reserve(crowd *c, buyer *b, uint32_t ttl)
{
    char path[64], body[160], seats[48];
    lines l;
    seats_text(b, seats, sizeof seats);
    snprintf(path, sizeof path, "/events/%llu/reservations", (unsigned long long)event);
    snprintf(body, sizeof body, "{\"ticketId\":%s,\"ttlSeconds\":%u}", seats, ttl);
    return ask(c, &t_reserve, "POST", path, b, headers_of(&l, b, "reserve"), body);
}

/* Declined cards pay with another one, for the same seats while they are held. */
static reply pay(crowd *c, buyer *b, const char *token)
{
    char path[128], body[64];
    reply r;
    snprintf(path, sizeof path, "/reservations/%s/confirm", token);
    do {
        lines l;
        snprintf(body, sizeof body, "{\"paymentDetails\":\"%s\"}", pay_word(b));
        r = ask(c, &t_confirm, "POST", path, b, headers_of(&l, b, "confirm"), body);
    } while (r.status == 402 && b->attempt++ < 3);
    return r;
}

static reply buy_in_steps(crowd *c, buyer *b)
{
    char token[65];
    reply r = reserve(c, b, 120);
    return r.status == 201 && json_word(r.body, "holdToken", token, sizeof token) ? pay(c, b, token) : r;
}

static reply buy_at_once(crowd *c, buyer *b)
{
    char path[64], body[160], seats[48];
    reply r;
    seats_text(b, seats, sizeof seats);
    snprintf(path, sizeof path, "/bookings/%llu", (unsigned long long)event);
    do {
        lines l;
        snprintf(body, sizeof body, "{\"ticketId\":%s,\"paymentDetails\":\"%s\"}", seats, pay_word(b));
        r = ask(c, &t_book, "POST", path, b, headers_of(&l, b, "book"), body);
    } while (r.status == 402 && b->attempt++ < 3);
    return r;
}

/* What an answer means. False: another seat, another try. */
static bool settled(buyer *b, const reply *r)
{
    if (r->status == 201 && b->manner == WALKS_AWAY)
        b->end = WALKED_AWAY;
    else if (r->status == 201 || r->status == 200)
        note_sale(b, r);
    else if (r->status == 403)
        b->end = SESSION_OVER;
    else if (r->status == 409 || r->status == 410 || r->status == 402) {
        atomic_fetch_add(&refused, 1);
        b->attempt++;
        return false;
    } else
        lost(b, "buying", r);
    return true;
}

/* True: he is done. False: there are no such seats just now. */
static bool shop(crowd *c, buyer *b)
{
    for (uint32_t picks = 0; picks < PICKS_MOST; picks++) {
        b->unit = watch_free(map, chance(&c->chance), b->wants);
        if (b->unit == 0)
            return false;
        reply r = b->manner == WALKS_AWAY ? reserve(c, b, WALKED_TTL_SECONDS) : b->two_steps ? buy_in_steps(c, b) : buy_at_once(c, b);
        if (settled(b, &r))
            return true;
    }
    b->end = NO_SUCH_SEATS;
    return true;
}

/* ---- waiting ---------------------------------------------------------------------------------------------------------------- */

static void look_again(crowd *c, buyer *b, int64_t wait_ms)
{
    int64_t pause = wait_ms < 0 ? 1000 : wait_ms / 2;
    pause = pause < LOOK_LEAST_MS ? LOOK_LEAST_MS : pause > LOOK_MOST_MS ? LOOK_MOST_MS : pause;
    b->due_ms = now_ms() + pause + (int64_t)(chance(&c->chance) % LOOK_LEAST_MS);
}

/* Nobody waits who stands before one who was let in before he asked. */
static void note_place(buyer *b, const char *state, uint64_t furthest_before, const reply *r)
{
    int64_t place;
    if (!json_number(r->body, "place", &place))
        return;
    if (b->place != UNKNOWN && b->place != (uint64_t)place)
        atomic_fetch_add(&broken, 1); /* a place never changes */
    b->place = (uint64_t)place;
    if (strcmp(state, "waiting") == 0 && (uint64_t)place + 1 < furthest_before)
        atomic_fetch_add(&unfair, 1);
    if (strcmp(state, "admitted") == 0) {
        uint64_t far = atomic_load(&furthest);
        while ((uint64_t)place + 1 > far && !atomic_compare_exchange_weak(&furthest, &far, (uint64_t)place + 1))
            ;
    }
}

static void admitted(crowd *c, buyer *b, const reply *r)
{
    if (!json_word(r->body, "admission", b->admission, sizeof b->admission)) {
        lost(b, "no admission in the answer", r);
        return;
    }
    if (shop(c, b))
        return;
    if (b->wants == 2)
        b->wants = 1; /* no two together: one is better than none */
    b->due_ms = now_ms() + 500;
}

static void look(crowd *c, buyer *b)
{
    char path[64], state[16] = "";
    int64_t wait = -1;
    uint64_t before = atomic_load(&furthest);
    snprintf(path, sizeof path, "/events/%llu/queue", (unsigned long long)event);
    reply r = ask(c, &t_place, "GET", path, b, NULL, NULL);
    if (r.status != 200 || !json_word(r.body, "state", state, sizeof state)) {
        lost(b, "asking for the place", &r);
        return;
    }
    json_number(r.body, "waitMs", &wait);
    note_place(b, state, before, &r);
    if (strstr(r.body, "\"soldOut\":true") != NULL)
        b->end = SOLD_OUT;
    else if (strcmp(state, "admitted") == 0)
        admitted(c, b, &r);
    else if (strcmp(state, "over") == 0)
        b->end = PASSED_OVER;
    else
        look_again(c, b, wait);
}

static void join(crowd *c, buyer *b)
{
    char path[64];
    int64_t number = 0;
    snprintf(path, sizeof path, "/events/%llu/queue", (unsigned long long)event);
    reply r = ask(c, &t_join, "POST", path, b, NULL, NULL);
    if (r.status != 200 || !json_number(r.body, "number", &number)) {
        lost(b, "joining", &r);
        return;
    }
    b->joined = 1;
    b->number = (uint64_t)number;
    if (b->manner == NEVER_LOOKS)
        b->end = NEVER_LOOKED;
    else if (now_ms() < (int64_t)opens_ms)
        b->due_ms = (int64_t)opens_ms + (int64_t)(chance(&c->chance) % LOOK_MOST_MS);
    else
        b->due_ms = now_ms() + (int64_t)(chance(&c->chance) % LOOK_LEAST_MS);
}

/* ---- a thread's buyers, by when they look next --------------------------------------------------------------------------- */

static void sink(crowd *c, size_t at)
{
    for (size_t child; (child = 2 * at + 1) < c->n; at = child) {
        if (child + 1 < c->n && c->heap[child + 1]->due_ms < c->heap[child]->due_ms)
            child++;
        if (c->heap[at]->due_ms <= c->heap[child]->due_ms)
            return;
        buyer *b = c->heap[at];
        c->heap[at] = c->heap[child];
        c->heap[child] = b;
    }
}

static void *live(void *of)
{
    crowd *c = of;
    for (size_t i = c->n; i-- > 0;)
        sink(c, i);
    while (c->n > 0) {
        buyer *b = c->heap[0];
        pause_ms(b->due_ms - now_ms());
        times_add(&t_late, (uint64_t)(now_ms() - b->due_ms) * 1000000);
        if (b->joined)
            look(c, b);
        else
            join(c, b);
        if (b->end != OPEN)
            c->heap[0] = c->heap[--c->n];
        sink(c, 0);
    }
    return NULL;
}

static void make_buyer(buyer *b, uint32_t id, int64_t begins, bool early, uint64_t *state)
{
    uint64_t r = chance(state) % 100;
    int64_t span = early ? (int64_t)opens_ms - begins - 2000 : LATE_MS;
    *b = (buyer){ .id = id, .place = UNKNOWN, .wants = chance(state) % 10 < 4 ? 2 : 1, .two_steps = chance(state) % 2 };
    b->manner = r < 5 ? DECLINED_FIRST : r < 7 ? WALKS_AWAY : r < 9 ? NEVER_LOOKS : PAYS;
    b->due_ms = (early ? begins : (int64_t)opens_ms) + (int64_t)(chance(state) % (uint64_t)(span > 1 ? span : 1));
}

/* ---- afterwards -------------------------------------------------------------------------------------------------------------- */

/* Numbers by tenths against places by tenths: 81 degrees of freedom. z by Wilson and Hilferty (1931). */
static double chi_square(double *z)
{
    double cells[DECILES][DECILES] = { { 0 } }, sum = 0, n = 0;
    for (uint64_t i = 0; i < buyers_n; i++)
        if (buyers[i].joined && buyers[i].number < room_early) {
            uint64_t place;
            if (tkt_queue_shuffle(seed, buyers[i].number, room_early, &place) != TKT_DONE)
                return NAN;
            cells[buyers[i].number * DECILES / room_early][place * DECILES / room_early]++;
            n++;
        }
    double expected = n / (DECILES * DECILES), df = (DECILES - 1) * (DECILES - 1);
    for (int i = 0; i < DECILES; i++)
        for (int k = 0; k < DECILES; k++)
            sum += (cells[i][k] - expected) * (cells[i][k] - expected) / expected;
    *z = (cbrt(sum / df) - (1 - 2 / (9 * df))) / sqrt(2 / (9 * df));
    return sum;
}

/* Numbers and places are one for each, and the place is the one that the seed says. */
static uint64_t wrong_places(void)
{
    uint64_t wrong = 0;
    uint8_t *numbers = calloc(buyers_n, 1), *places = calloc(buyers_n, 1);
    for (uint64_t i = 0; i < buyers_n; i++) {
        const buyer *b = &buyers[i];
        uint64_t place = b->number;
        if (!b->joined)
            continue;
        if (b->number < room_early)
            tkt_queue_shuffle(seed, b->number, room_early, &place);
        bool bad = b->number >= buyers_n || place >= buyers_n || numbers[b->number]++ != 0 || places[place]++ != 0 ||
                   (b->place != UNKNOWN && b->place != place);
        wrong += bad;
    }
    free(numbers);
    free(places);
    return wrong;
}

/* Who booked finds his booking; another does not. */
static uint64_t wrong_bookings(client *c)
{
    uint64_t wrong = 0;
    char path[64];
    for (uint64_t i = 0; i < buyers_n; i++) {
        const buyer *b = &buyers[i];
        int64_t unit = 0;
        if (b->end != BOOKED)
            continue;
        snprintf(path, sizeof path, "/bookings/%llu", (unsigned long long)b->booking);
        reply r = client_call(c, "GET", path, b->id, NULL, NULL);
        bool right = r.status == 200 && strstr(r.body, "\"confirmed\"") != NULL && json_number(r.body, "unit", &unit) && unit == b->unit;
        if (i % 16 == 0)
            right = right && client_call(c, "GET", path, b->id + buyers_n, NULL, NULL).status == 404;
        wrong += !right;
    }
    return wrong;
}

static bool room_in(client *c)
{
    char path[64], hex[80], at[40];
    int64_t early = 0;
    snprintf(path, sizeof path, "/events/%llu/queue/room", (unsigned long long)event);
    reply r = client_call(c, "GET", path, 0, NULL, NULL);
    if (r.status != 200)
        return false;
    if (json_word(r.body, "opens", at, sizeof at)) {
        int64_t instant = 0;
        tkt_instant_parse(at, strlen(at), &instant, NULL, NULL);
        opens_ms = (uint64_t)instant;
    }
    json_number(r.body, "early", &early);
    room_early = (uint64_t)early;
    if (json_word(r.body, "seed", hex, sizeof hex))
        for (size_t i = 0; i < sizeof seed; i++) {
            char two[3] = { hex[2 * i], hex[2 * i + 1], '\0' };
            seed[i] = (uint8_t)strtoul(two, NULL, 16);
        }
    return true;
}

static bool report(client *c, double seconds)
{
    uint64_t ends[ENDS] = { 0 }, seats = 0, maps, changes, resumed;
    double z = 0, chi = 0;
    bool there = room_in(c);
    for (uint64_t i = 0; i < buyers_n; i++) {
        ends[buyers[i].end]++;
        seats += buyers[i].end == BOOKED ? buyers[i].wants : 0;
    }
    uint64_t places = wrong_places(), bookings = wrong_bookings(c);
    chi = chi_square(&z);
    bool agrees = watch_agrees(map, c);
    watch_counts(map, &maps, &changes, &resumed);
    double selling = (double)(atomic_load(&last_sale_ns) - atomic_load(&first_sale_ns)) / 1e9;
    uint64_t calls = t_join.count + t_place.count + t_reserve.count + t_confirm.count + t_book.count;
    printf("{\"buyers\":%llu,\"early\":%llu,\"seconds\":%.1f,\"requests\":%llu,\"sellingSeconds\":%.1f,\"seatsSold\":%llu,\"seatsPerSecond\":%.0f,",
           (unsigned long long)buyers_n, (unsigned long long)room_early, seconds, (unsigned long long)calls, selling, (unsigned long long)seats, (double)seats / selling);
    for (int i = 0; i < ENDS; i++)
        printf("\"%s\":%llu,", end_words[i], (unsigned long long)ends[i]);
    printf("\"unfair\":%llu,\"soldTwice\":%llu,\"placesWrong\":%llu,\"placesChanged\":%llu,\"bookingsWrong\":%llu,",
           (unsigned long long)unfair, (unsigned long long)twice, (unsigned long long)places, (unsigned long long)broken,
           (unsigned long long)bookings);
    printf("\"chiSquare\":%.1f,\"z\":%.2f,\"quickerOthers\":%llu,\"sentAgain\":%llu,\"streamMaps\":%llu,\"streamChanges\":%llu,"
           "\"streamResumed\":%llu,\"streamAgrees\":%s,", chi, z, (unsigned long long)refused, (unsigned long long)again,
           (unsigned long long)maps, (unsigned long long)changes, (unsigned long long)resumed, agrees ? "true" : "false");
    /* Of the load itself: how long after its time a buyer got to ask, for want of a free connection. */
    times_json("late", &t_late), printf(",");
    times_json("join", &t_join), printf(",");
    times_json("place", &t_place), printf(",");
    times_json("reserve", &t_reserve), printf(",");
    times_json("confirm", &t_confirm), printf(",");
    times_json("book", &t_book), printf("}\n");
    /* z > 5: once in some three million honest shuffles. */
    return there && agrees && maps == 1 && ends[OPEN] == 0 && ends[LOST] == 0 && unfair == 0 && twice == 0 && places == 0 &&
           broken == 0 && bookings == 0 && z < 5;
}

int main(int argc, char **argv)
{
    if (argc != 7)
        return 2;
    static crowd crowds[LOAD_THREADS_MAX];
    size_t threads = strtoul(argv[4], NULL, 10);
    uint64_t early = strtoull(argv[5], NULL, 10), state = strtoull(argv[6], NULL, 10);
    url = argv[1];
    event = strtoull(argv[2], NULL, 10);
    buyers_n = strtoull(argv[3], NULL, 10);
    buyers = calloc(buyers_n, sizeof *buyers);
    client *c = client_new(url);
    if (threads == 0 || threads > LOAD_THREADS_MAX || buyers == NULL || !room_in(c))
        return 2;
    map = watch_begin(url, event);
    int64_t begins = now_ms();
    for (uint64_t i = 0; i < buyers_n; i++)
        make_buyer(&buyers[i], (uint32_t)(i + 1), begins, i * 100 < early * buyers_n, &state);
    for (size_t t = 0; t < threads; t++) {
        crowds[t] = (crowd){ .client = client_new(url), .heap = calloc(buyers_n / threads + 1, sizeof(buyer *)), .chance = state + t };
        for (uint64_t i = t; i < buyers_n; i += threads)
            crowds[t].heap[crowds[t].n++] = &buyers[i];
    }
    for (size_t t = 0; t < threads; t++)
        if (pthread_create(&crowds[t].thread, NULL, live, &crowds[t]) != 0)
            return 2;
    for (size_t t = 0; t < threads; t++) {
        pthread_join(crowds[t].thread, NULL);
        client_free(crowds[t].client);
        free(crowds[t].heap);
    }
    bool good = report(c, (double)(now_ms() - begins) / 1000);
    watch_end(map);
    client_free(c);
    free(buyers);
    return good ? 0 : 1;
}
