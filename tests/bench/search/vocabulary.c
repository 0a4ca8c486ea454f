/* SPDX-License-Identifier: MIT
 *
 * tests/bench/search/vocabulary.c: see vocabulary.h. Typos are found without the index's neighbourhoods: all strings
 * that one or two edits make of the word are looked up, and the distance is then measured.
 */
#include "vocabulary.h"

#include "../bench.h"

#include <ticketing/search.h>

#include "text/analyse.h"

#define SLOTS_FIRST (UINT64_C(1) << 20)
#define LETTERS "abcdefghijklmnopqrstuvwxyz"

void vocabulary_open(vocabulary *v)
{
    *v = (vocabulary){ .slots = SLOTS_FIRST, .slot = calloc(SLOTS_FIRST, sizeof(word *)) };
    MUST(v->slot != NULL);
}

static uint64_t hash_of(const char *text, size_t n)
{
    uint64_t hash = UINT64_C(1469598103934665603);
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (uint8_t)text[i]) * UINT64_C(1099511628211);
    return hash ^ hash >> 29;
}

static word **slot_of(const vocabulary *v, const char *text, size_t n)
{
    uint64_t at = hash_of(text, n) & (v->slots - 1);
    while (v->slot[at] != NULL && (v->slot[at]->n != n || memcmp(v->slot[at]->text, text, n) != 0))
        at = (at + 1) & (v->slots - 1);
    return &v->slot[at];
}

static void grow(vocabulary *v)
{
    word **old = v->slot;
    uint64_t slots = v->slots;
    v->slots *= 4;
    v->slot = calloc(v->slots, sizeof *v->slot);
    MUST(v->slot != NULL);
    for (uint64_t i = 0; i < slots; i++)
        if (old[i] != NULL)
            *slot_of(v, old[i]->text, old[i]->n) = old[i];
    free(old);
}

void vocabulary_count(vocabulary *v, const char *text, size_t n, uint32_t event)
{
    word **slot = slot_of(v, text, n);
    if (*slot == NULL) {
        if (v->n > v->slots / 2) {
            grow(v);
            slot = slot_of(v, text, n);
        }
        word *w = calloc(1, sizeof *w + n + 1);
        MUST(w != NULL);
        w->n = (uint32_t)n;
        memcpy(w->text, text, n);
        *slot = w;
        v->n++;
    }
    if ((*slot)->last != event) {
        (*slot)->last = event;
        (*slot)->events++;
    }
}

static int more_events(const void *a, const void *b)
{
    const word *x = *(word *const *)a, *y = *(word *const *)b;
    return x->events != y->events ? (x->events > y->events ? -1 : 1) : strcmp(x->text, y->text);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp((*(word *const *)a)->text, (*(word *const *)b)->text);
}

void vocabulary_sort(vocabulary *v)
{
    v->by_events = calloc(v->n, sizeof(word *));
    v->by_bytes = calloc(v->n, sizeof(word *));
    v->sum = calloc(v->n, sizeof *v->sum);
    MUST(v->by_events != NULL && v->by_bytes != NULL && v->sum != NULL);
    uint32_t n = 0;
    for (uint64_t i = 0; i < v->slots; i++)
        if (v->slot[i] != NULL)
            v->by_bytes[n++] = v->slot[i];
    memcpy(v->by_events, v->by_bytes, n * sizeof(word *));
    qsort(v->by_bytes, n, sizeof(word *), by_bytes);
    qsort(v->by_events, n, sizeof(word *), more_events);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n; i++)
        v->sum[i] = sum += v->by_bytes[i]->events;
}

const word *vocabulary_find(const vocabulary *v, const char *text, size_t n)
{
    return *slot_of(v, text, n);
}

const word *vocabulary_draw(const vocabulary *v, uint64_t *state)
{
    uint64_t want = bench_draw(state) % v->sum[v->n - 1];
    uint32_t low = 0, high = v->n - 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (v->sum[middle] > want)
            high = middle;
        else
            low = middle + 1;
    }
    return v->by_bytes[low];
}

/* ---- expansions ------------------------------------------------------------------------------------------- */

static char *join(const word *const *list, uint32_t n)
{
    char *out = calloc(n, TKT__WORD_MAX + 1), *at = out;
    MUST(out != NULL);
    for (uint32_t i = 0; i < n; i++)
        at += sprintf(at, i == 0 ? "%s" : "|%s", list[i]->text);
    return out;
}

char *vocabulary_prefix(const vocabulary *v, const char *prefix)
{
    size_t len = strlen(prefix);
    uint32_t low = 0, high = v->n, n = 0;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (strcmp(v->by_bytes[middle]->text, prefix) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    while (low + n < v->n && strncmp(v->by_bytes[low + n]->text, prefix, len) == 0)
        n++;
    if (n == 0)
        return NULL;
    const word **list = malloc((n + 1) * sizeof *list);
    MUST(list != NULL);
    memcpy(list, v->by_bytes + low, n * sizeof *list);
    uint32_t itself = list[0]->n == len; /* the word itself sorts first, and does not count */
    qsort(list + itself, n - itself, sizeof *list, more_events);
    char *out = join(list, n - itself > TKT_PREFIX_WORDS_MAX ? TKT_PREFIX_WORDS_MAX + itself : n);
    free(list);
    return out;
}

typedef struct near {
    const vocabulary *v;
    uint32_t chars[TKT__WORD_MAX], length, most, n;
    struct {
        const word *word;
        uint32_t edits;
    } best[TKT_TYPO_WORDS_MAX + 1];
} near;

static void consider(near *ns, const char *text, uint32_t n)
{
    uint32_t chars[TKT__WORD_MAX];
    const word *w = n <= TKT__WORD_MAX ? vocabulary_find(ns->v, text, n) : NULL;
    if (w == NULL)
        return;
    uint32_t edits = tkt__word_distance(ns->chars, ns->length, chars, tkt__word_chars((const uint8_t *)text, n, chars), ns->most);
    if (edits == 0 || edits > ns->most)
        return;
    for (uint32_t i = 0; i < ns->n; i++)
        if (ns->best[i].word == w)
            return;
    uint32_t at = ns->n;
    for (; at > 0 && (ns->best[at - 1].edits > edits || (ns->best[at - 1].edits == edits && more_events(&w, &ns->best[at - 1].word) < 0)); at--)
        ns->best[at] = ns->best[at - 1];
    ns->best[at].word = w;
    ns->best[at].edits = edits;
    ns->n += ns->n < TKT_TYPO_WORDS_MAX;
}

static void edit(near *ns, const char *text, uint32_t n, uint32_t left)
{
    char out[TKT__WORD_MAX + 4];
    consider(ns, text, n);
    if (left == 0)
        return;
    for (uint32_t i = 0; i <= n; i++) {
        memcpy(out, text, i);
        if (i < n) { /* gone */
            memcpy(out + i, text + i + 1, n - i - 1);
            edit(ns, out, n - 1, left - 1);
        }
        if (i + 1 < n) { /* swapped */
            memcpy(out + i, text + i, n - i);
            out[i] = text[i + 1];
            out[i + 1] = text[i];
            edit(ns, out, n, left - 1);
        }
        for (const char *letter = LETTERS; *letter != '\0'; letter++) {
            out[i] = *letter; /* more */
            memcpy(out + i + 1, text + i, n - i);
            edit(ns, out, n + 1, left - 1);
            if (i < n) { /* another */
                memcpy(out + i + 1, text + i + 1, n - i - 1);
                edit(ns, out, n, left - 1);
            }
        }
    }
}

char *vocabulary_typo(const vocabulary *v, const char *text)
{
    near ns = { .v = v };
    const word *list[TKT_TYPO_WORDS_MAX];
    uint32_t n = (uint32_t)strlen(text);
    ns.length = tkt__word_chars((const uint8_t *)text, n, ns.chars);
    ns.most = ns.length <= 4 ? 0 : ns.length <= 8 ? 1 : 2;
    edit(&ns, text, n, ns.most);
    for (uint32_t i = 0; i < ns.n; i++)
        list[i] = ns.best[i].word;
    return ns.n == 0 ? NULL : join(list, ns.n);
}
