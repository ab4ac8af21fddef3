/* SPDX-License-Identifier: Apache-2.0 */
/* respond/history.c - what a subject did before */
#include <stdlib.h>

#include "base/mem.h"
#include "respond/private.h"

#define BAN_DAYS_MAX      1 /* however often it is doubled */
#define BAN_DOUBLINGS_MAX 16

static struct bytes key_of(const void *item)
{
    return bytes_str(((const struct history *)item)->key);
}

/** histories_init() - nobody has a past */
void histories_init(struct histories *all)
{
    map_init(&all->by_key, key_of);
    list_init(&all->seen);
}

static void forget(struct histories *all, struct history *h)
{
    map_remove(&all->by_key, key_of(h));
    list_remove(&h->link);
    free(h->key);
    free(h);
}

/** histories_done() - forget all */
void histories_done(struct histories *all)
{
    list_each (it, &all->seen)
        forget(all, list_item(it, struct history, link));
    map_done(&all->by_key);
}

/** history_of() - Return: the past of the subject, empty when it is new; valid until the next call.
 */
struct history *history_of(struct histories *all, enum subject_kind kind, const char *subject)
{
    struct buf key = {0};
    struct history *h;

    buf_addf(&key, "%s:%s", subject_kind_text(kind), subject);
    h = map_find(&all->by_key, buf_view(&key));
    if (h == NULL) {
        if (all->by_key.n >= HISTORY_MAX)
            forget(all, list_item(all->seen.next, struct history, link));
        h = mem_new(struct history);
        h->key = bytes_dup_str(buf_view(&key));
        list_init(&h->link);
        map_put(&all->by_key, h);
    }
    list_remove(&h->link);
    list_append(&all->seen, &h->link);
    buf_done(&key);
    return h;
}

static bool within(uint64_t at_ns, uint64_t now_ns, uint64_t age_ns)
{
    return at_ns != 0 && (now_ns < at_ns || now_ns - at_ns < age_ns);
}

/**
 * history_low() - a low finding
 *
 * Return: true when five different detectors found something in an hour.
 */
bool history_low(struct history *h, const struct detector_info *d, uint64_t now_ns,
                 uint64_t hour_ns)
{
    struct history_low *place = &h->lows[0];
    unsigned n = 0;

    for (size_t i = 0; i < HISTORY_LOWS_MAX; i++) {
        if (h->lows[i].detector == d) {
            place = &h->lows[i];
            break;
        }
        if (h->lows[i].at_ns < place->at_ns)
            place = &h->lows[i];
    }
    *place = (struct history_low){.detector = d, .at_ns = now_ns};
    for (size_t i = 0; i < HISTORY_LOWS_MAX; i++)
        n += within(h->lows[i].at_ns, now_ns, hour_ns);
    return n == HISTORY_LOWS_MAX;
}

/** history_medium() - a medium finding; Return: how many went before, each within an hour of the
 * next. */
unsigned history_medium(struct history *h, uint64_t now_ns, uint64_t hour_ns)
{
    h->mediums = within(h->medium_ns, now_ns, hour_ns) ? h->mediums + 1 : 0;
    h->medium_ns = now_ns;
    return h->mediums;
}

/** history_high() - a high finding; Return: true when it is at least the third in 24 h. */
bool history_high(struct history *h, uint64_t now_ns, uint64_t day_ns)
{
    uint64_t *place = &h->high_ns[h->highs++ % HISTORY_HIGHS];
    unsigned n = 0;

    *place = now_ns;
    for (size_t i = 0; i < HISTORY_HIGHS; i++)
        n += within(h->high_ns[i], now_ns, day_ns);
    return n == HISTORY_HIGHS;
}

/**
 * history_ban() - how long the next ban shall be; it begins now
 *
 * Doubled with each repetition, up to a day; halved again for each day without a ban.
 */
uint64_t history_ban(struct history *h, uint64_t base_ns, uint64_t now_ns, uint64_t day_ns)
{
    uint64_t quiet_days = now_ns > h->ban_ends_ns ? (now_ns - h->ban_ends_ns) / day_ns : 0;
    uint64_t length_ns;

    if (h->ban_ends_ns == 0)
        quiet_days = 0;
    h->ban_doublings -= (unsigned)MIN(quiet_days, (uint64_t)h->ban_doublings);
    length_ns = MIN(base_ns << h->ban_doublings, day_ns * BAN_DAYS_MAX);
    h->ban_doublings = MIN(h->ban_doublings + 1, (unsigned)BAN_DOUBLINGS_MAX);
    h->ban_ends_ns = now_ns + length_ns;
    return length_ns;
}
