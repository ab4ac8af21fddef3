/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respond/force.c - what is in force of the measures aimed at the same: the strictest
 *
 * MQ.RS.RP-03 MQ.RS.RP-04 MQ.RS.RP-05
 */
#include "base/clock.h"
#include "respond/private.h"

/* The greatest of @at: how much, and until when; 0 as end: until lifted. */
struct strictest {
    uint64_t amount;
    uint64_t expires_unix_ms;
    unsigned n;
};

static struct strictest strictest_of(const struct respond *r, const struct respond_measure *at)
{
    struct strictest s = {0};
    bool is_for_good = false;

    list_each (it, (struct list *)(uintptr_t)&r->measures.all) {
        const struct measure_entry *e = list_item(it, struct measure_entry, link);
        const struct respond_measure *m = &e->measure;

        if (!respond_measure_is_aimed_at(m, at) || e->is_going || m->undo_by != NULL)
            continue;
        s.n++;
        s.amount = MAX(s.amount, m->amount);
        s.expires_unix_ms = MAX(s.expires_unix_ms, m->expires_unix_ms);
        is_for_good |= m->expires_unix_ms == 0;
    }
    if (is_for_good)
        s.expires_unix_ms = 0;
    return s;
}

static const char *force_delay(struct respond *r, const struct respond_measure *at,
                               struct respond_now now)
{
    struct strictest s = strictest_of(r, at);
    uint64_t left_ms = s.expires_unix_ms > now.unix_ms ? s.expires_unix_ms - now.unix_ms : 0;
    uint64_t until_ns =
        s.n > 0 && s.expires_unix_ms == 0 ? UINT64_MAX : now.ns + left_ms * NS_PER_MS;

    r->hands.delay(r->hands.arg, at->target_kind, at->target, at->address, (unsigned)s.amount,
                   until_ns);
    return NULL;
}

static const char *force_restraint(struct respond *r, const struct respond_measure *at,
                                   struct respond_now now)
{
    (void)at;
    (void)now;
    r->hands.restrain(r->hands.arg);
    return NULL;
}

static const char *force_firewall(struct respond *r, const struct respond_measure *at,
                                  struct respond_now now)
{
    struct strictest s = strictest_of(r, at);
    uint64_t left_s =
        s.expires_unix_ms > now.unix_ms ? (s.expires_unix_ms - now.unix_ms + 999) / 1000 : 0;

    return r->hands.firewall(r->hands.arg, at->target, (unsigned)left_s);
}

static const char *force_posture(struct respond *r, const struct respond_measure *at,
                                 struct respond_now now)
{
    (void)now;
    return r->hands.posture(r->hands.arg, (enum respond_posture)strictest_of(r, at).amount);
}

/* clang-format off */
/* What puts the measures of a kind in force as the list says; NULL: a kind that is no measure. */
static const struct force_row {
    const char *(*force)(struct respond *r, const struct respond_measure *at, struct respond_now now);
    bool ends_by_itself; /* whoever was told knows the end */
    bool ends_with_run;
} forces[ACTION_KIND_N] = {
    [ACTION_DELAY]      = {force_delay,     false, true},
    [ACTION_THROTTLE]   = {force_restraint, false, false},
    [ACTION_HOLD]       = {force_restraint, false, false},
    [ACTION_QUARANTINE] = {force_restraint, false, false},
    [ACTION_FIREWALL]   = {force_firewall,  true,  false},
    [ACTION_POSTURE]    = {force_posture,   false, false},
};
/* clang-format on */

/** force_measures() - have the list hold for what @at names; Return: NULL, or why not; static */
const char *force_measures(struct respond *r, const struct respond_measure *at,
                           struct respond_now now)
{
    return forces[at->kind].force(r, at, now);
}

/** force_ends_by_itself() - does whoever was told of such a measure know its end? */
bool force_ends_by_itself(enum action_kind kind)
{
    return forces[kind].ends_by_itself;
}

/** measure_is_kind() - does an action of this kind go on as a measure? */
bool measure_is_kind(enum action_kind kind)
{
    return forces[kind].force != NULL;
}

/** measure_is_kept() - over a restart? */
bool measure_is_kept(enum action_kind kind)
{
    return measure_is_kind(kind) && !forces[kind].ends_with_run;
}
