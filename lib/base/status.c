/* SPDX-License-Identifier: MIT
 *
 * base/status.c: the names and sentences of every status and cause. Tables only; nothing can fail.
 * A code that is missing here is answered as unknown, never with a wrong name.
 */
#include "base/base.h"

#include <ticketing/version.h>

typedef struct word {
    int32_t code;
    const char *name, *text;
} word;

static const word statuses[] = {
    { TKT_DONE, "done", "Done." },
    { TKT_REPLAYED, "replayed", "Done before under the same key; this is the first result." },
    { TKT_PENDING, "pending", "Recorded; the fate of the money is not known yet." },
    { TKT_NOT_FOUND, "not_found", "There is no such object." },
    { TKT_EXISTS, "exists", "Such an object is there already." },
    { TKT_SOLD_OUT, "sold_out", "What was asked for is booked or withheld." },
    { TKT_ALL_HELD, "all_held", "Others hold what was asked for; it may come back." },
    { TKT_EXPIRED, "expired", "The hold's time is over." },
    { TKT_RELEASED, "released", "The hold was given back." },
    { TKT_CONSUMED, "consumed", "The hold became a booking." },
    { TKT_IN_PAYMENT, "in_payment", "Money may be in flight for this hold." },
    { TKT_NOT_ON_SALE, "not_on_sale", "The event is not on sale now." },
    { TKT_OVER_LIMIT, "over_limit", "The buyer's limit for this event is reached." },
    { TKT_NOT_ADMITTED, "not_admitted", "The token given is not valid for this." },
    { TKT_KEY_REUSED, "key_reused", "This idempotency key belongs to another request." },
    { TKT_DECLINED, "declined", "The payment was refused; the hold lives on for a while." },
    { TKT_REFUND_DUE, "refund_due", "The money is on record without tickets: refund it." },
    { TKT_IN_USE, "in_use", "Other records depend on it." },
    { TKT_NOTHING_DUE, "nothing_due", "There is no money to give back." },
    { TKT_AT_HARD_CAP, "at_hard_cap", "The hold can't live any longer than it does." },
    { TKT_CANCELLED, "cancelled", "It was cancelled." },
    { TKT_REFUND_FAILED, "refund_failed", "The provider refused to give the money back." },
};

static const word failures[] = {
    { TKT_E_INVALID, "invalid", "An argument breaks its rule; nothing was tried." },
    { TKT_E_NOMEM, "nomem", "No memory." },
    { TKT_E_IO, "io", "The operating system failed." },
    { TKT_E_CORRUPT, "corrupt", "The store's bytes break their own rules." },
    { TKT_E_FULL, "full", "The store's map is full." },
    { TKT_E_LIMIT, "limit", "Larger than a stated limit." },
    { TKT_E_ALREADY_OPEN, "already_open", "This process has the store open already." },
    { TKT_E_FORKED, "forked", "The handle was opened by the parent process." },
    { TKT_E_VERSION, "version", "The store was written by a newer library." },
    { TKT_E_UPGRADE, "upgrade", "The store was written by an older library: upgrade it." },
    { TKT_E_WORD_SIZE, "word_size", "The store was written by a build of another word size." },
    { TKT_E_NO_STORE, "no_store", "There is no store at this path." },
    { TKT_E_NOT_A_STORE, "not_a_store", "There is something else at this path." },
    { TKT_E_NET_FS, "net_fs", "The path lies on a network file system." },
    { TKT_E_SHORT_FILE, "short_file", "The data file is shorter than its own pages say." },
    { TKT_E_READERS, "readers", "The reader table is full." },
    { TKT_E_CLOCK, "clock", "The clock is before 2024." },
    { TKT_E_UNKNOWN, "unknown", "Committed or not is not known: ask again with the same key." },
    { TKT_E_UNAVAILABLE, "unavailable", "Not done: the system of record is away." },
    { TKT_E_BUSY, "busy", "Not done: the deadline passed while waiting." },
    { TKT_E_CONFLICT, "conflict", "Not done: others kept changing the same rows." },
    { TKT_E_TOO_OLD, "too_old", "The snapshot has outlived its limit." },
    { TKT_E_OVERFLOW, "overflow", "An amount does not fit." },
    { TKT_E_READ_ONLY, "read_only", "The store was opened for reading." },
    { TKT_E_PARSE, "parse", "Input text is malformed." },
    { TKT_E_STOPPED, "stopped", "A callback asked to stop." },
    { TKT_E_FENCED, "fenced", "The store went back in time." },
    { TKT_E_NO_PAYMENT, "no_payment", "A charge is needed and there is no payment table." },
    { TKT_E_INTERNAL, "internal", "A bug in this library." },
    { TKT_E_JOURNAL, "journal", "The journal's tail is torn, or of another store." },
};

/* Index = TKT_CAUSE_… */
static const char *const causes[] = {
    "unknown_cause",   "unit_booked",       "unit_held",       "unit_withheld",
    "unit_unknown",    "area_sold",         "area_held",       "area_unknown",
    "no_price",        "event_status",      "window_not_open", "window_closed",
    "buyer_limit",     "buyer_anonymous",   "hold_expired",    "hold_released",
    "hold_consumed",   "hold_pinned",       "token",           "payment_declined",
    "referenced",      "hard_cap",          "booking_cancelled", "missing",
    "money_held",      "queue",
};

static const word *find(const word *table, size_t n, int32_t code)
{
    for (size_t i = 0; i < n; i++)
        if (table[i].code == code)
            return &table[i];
    return NULL;
}

/* −(primary + 256 × detail); unsigned arithmetic so that INT32_MIN is no accident. */
int32_t tkt_status_primary(int32_t status)
{
    return status >= 0 ? status : (int32_t)((0u - (uint32_t)status) & 0xffu);
}

int32_t tkt_status_detail(int32_t status)
{
    return status >= 0 ? 0 : (int32_t)((0u - (uint32_t)status) >> 8);
}

static const word *lookup(int32_t status)
{
    if (status >= 0)
        return find(statuses, sizeof statuses / sizeof statuses[0], status);
    return find(failures, sizeof failures / sizeof failures[0], tkt_status_primary(status));
}

const char *tkt_status_name(int32_t status)
{
    const word *w = lookup(status);
    return w != NULL ? w->name : "unknown_status";
}

const char *tkt_status_text(int32_t status)
{
    const word *w = lookup(status);
    return w != NULL ? w->text : "This library does not know this status.";
}

const char *tkt_cause_name(uint32_t kind)
{
    return kind < sizeof causes / sizeof causes[0] ? causes[kind] : causes[0];
}

uint32_t tkt_version(void)
{
    return (uint32_t)TKT_VERSION_MAJOR << 16 | (uint32_t)TKT_VERSION_MINOR << 8 |
           (uint32_t)TKT_VERSION_PATCH;
}
