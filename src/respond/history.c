/* SPDX-License-Identifier: Apache-2.0 */
/* respond/history.c - what a subject did before */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "respond/private.h"

#define BAN_DAYS_MAX      1 /* however often it is doubled */
#define BAN_DOUBLINGS_MAX 16
#define FORGET_MS         (BAN_DOUBLINGS_MAX * 86400000ULL) /* by then its next ban is the shortest */

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

static void drop(struct histories *all, struct history *h)
{
    map_remove(&all->by_key, key_of(h));
    list_remove(&h->link);
    free(h->key);
    free(h);
}

static void forget(struct histories *all, struct history *h)
{
    if (all->control != NULL)
        control_delete(all->control, CONTROL_SUBJECT, h->key);
    drop(all, h);
}

/** histories_done() - forget all */
void histories_done(struct histories *all)
{
    list_each (it, &all->seen)
        drop(all, list_item(it, struct history, link));
    map_done(&all->by_key);
}

static struct history *history_new(struct histories *all, struct bytes key)
{
    struct history *h;

    if (all->by_key.n >= HISTORY_MAX)
        forget(all, list_item(all->seen.next, struct history, link));
    h = mem_new(struct history);
    h->key = bytes_dup_str(key);
    list_init(&h->link);
    map_put(&all->by_key, h);
    return h;
}

/** history_of() - Return: the past of the subject, empty when it is new; valid until the next call.
 */
struct history *history_of(struct histories *all, enum subject_kind kind, const char *subject)
{
    struct buf key = {0};
    struct history *h;

    buf_addf(&key, "%s:%s", subject_kind_text(kind), subject);
    h = map_find(&all->by_key, buf_view(&key));
    if (h == NULL)
        h = history_new(all, buf_view(&key));
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

/** history_high() - a high finding; Return: the how manieth in 24 h, three for more. */
unsigned history_high(struct history *h, uint64_t now_ns, uint64_t day_ns)
{
    uint64_t *place = &h->high_ns[h->highs++ % HISTORY_HIGHS];
    unsigned n = 0;

    *place = now_ns;
    for (size_t i = 0; i < HISTORY_HIGHS; i++)
        n += within(h->high_ns[i], now_ns, day_ns);
    return n;
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

/* ---- over a restart ---- */

/* One clock's time as the other's.  What was before the machine started is as old as can be. */
static uint64_t as_unix_ms(uint64_t ns, struct respond_now now)
{
    if (ns == 0)
        return 0;
    return ns > now.ns ? now.unix_ms + (ns - now.ns) / NS_PER_MS
                       : now.unix_ms - MIN((now.ns - ns) / NS_PER_MS, now.unix_ms);
}

static uint64_t as_ns(json_int_t unix_ms, struct respond_now now)
{
    uint64_t at = unix_ms > 0 ? (uint64_t)unix_ms : 0;

    if (at == 0)
        return 0;
    if (at > now.unix_ms)
        return now.ns + (at - now.unix_ms) * NS_PER_MS;
    return (now.unix_ms - at) * NS_PER_MS < now.ns ? now.ns - (now.unix_ms - at) * NS_PER_MS : 1;
}

/** history_keep() - so that a restart does not make the next ban of the subject a first one */
void history_keep(const struct histories *all, const struct history *h, struct respond_now now)
{
    uint64_t ends = as_unix_ms(h->ban_ends_ns, now);
    json_t *highs = json_array();
    json_t *o;
    char *text;

    for (size_t i = 0; i < HISTORY_HIGHS; i++)
        json_array_append_new(highs, json_integer((json_int_t)as_unix_ms(h->high_ns[i], now)));
    o = json_pack("{s:i, s:I, s:i, s:o}", "ban_doublings", (int)h->ban_doublings,
                  "ban_ends_unix_ms", (json_int_t)ends, "highs", (int)h->highs, "high_unix_ms",
                  highs);
    text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    if (all->control != NULL)
        control_put(all->control, CONTROL_SUBJECT, h->key, MAX(ends, now.unix_ms), text);
    free(text);
}

struct loading {
    struct histories *into;
    struct respond_now now;
    struct buf old; /* keys that nothing has to be known of any more, each with a zero */
};

static void take_row(void *arg, const char *key, uint64_t at_unix_ms, const char *doc)
{
    struct loading *l = arg;
    json_t *o = json_loads(doc, 0, NULL);
    const json_t *highs = json_object_get(o, "high_unix_ms");
    struct history *h;

    if (at_unix_ms + FORGET_MS < l->now.unix_ms) {
        buf_add(&l->old, bytes_of(key, strlen(key) + 1));
    } else {
        h = history_new(l->into, bytes_str(key));
        list_append(&l->into->seen, &h->link);
        h->ban_doublings = (unsigned)MIN(
            (uint64_t)json_integer_value(json_object_get(o, "ban_doublings")), BAN_DOUBLINGS_MAX);
        h->ban_ends_ns = as_ns(json_integer_value(json_object_get(o, "ban_ends_unix_ms")), l->now);
        h->highs = (unsigned)json_integer_value(json_object_get(o, "highs"));
        for (size_t i = 0; i < HISTORY_HIGHS; i++)
            h->high_ns[i] = as_ns(json_integer_value(json_array_get(highs, i)), l->now);
    }
    json_decref(o);
}

/** histories_load() - what an earlier run knew */
void histories_load(struct histories *all, struct control *control, struct respond_now now)
{
    struct loading l = {.into = all, .now = now};
    char *error = NULL;

    if (!control_each(control, CONTROL_SUBJECT, HISTORY_MAX, take_row, &l, &error))
        log_error("respond", "%s", error);
    free(error);
    all->control = control;
    for (size_t at = 0; at < l.old.len; at += strlen((char *)l.old.at + at) + 1)
        control_delete(control, CONTROL_SUBJECT, (char *)l.old.at + at);
    buf_done(&l.old);
}
