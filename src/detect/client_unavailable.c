/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/client_unavailable.c - D04: a client that should speak is silent, or away
 *
 * One that publishes regularly is missed after 60 s, 5 usual intervals, the usual one
 * and 8 deviations, twice the longest gap seen, or 3 times its keep alive, whatever is
 * longest.  Others, who speak in waves, are missed only when they are away after an end
 * without DISCONNECT.  After a proper DISCONNECT there are 30 min of grace.  An outage of
 * many is mass-disconnect's.  Never more than an alert.  Who is not in service by the inventory
 * (maintenance, spare, retired ...) is not missed; back in service it begins anew.
 *
 * Who has a role with ping_topic is asked each minute, and missed when two questions have found no
 * answer: whatever it publishes is one.
 *
 * MQ.DE.PM-01
 */
#include "detect/detector.h"

#define INTERVALS_MIN 10 /* until an interval is known */
#define IRREGULAR     0.7
#define GRACE_S       1800
#define AGREE         2.0 /* times: how far apart the intervals of peers may be */

struct state {
    uint64_t heard_ns;
    float longest_s; /* silence while online */
    uint32_t keep_alive_s;
    uint32_t n_asked; /* since it was heard of */
    bool is_away;
    bool said_goodbye;
    bool is_missed;
    bool may_be_silent; /* not in service */
};

struct learned {
    struct ewma interval; /* s */
};

static bool is_regular(const struct learned *known)
{
    return known != NULL && known->interval.n >= INTERVALS_MIN &&
           ewma_deviation(&known->interval) <= IRREGULAR * (double)known->interval.mean;
}

/* The longest silence that is no reason to worry; 0: any. */
static double allowed_s(const struct state *me, const struct learned *known)
{
    double s = (double)rule_window_ns(RULE_D04_LOW) / 1e9;

    if (!is_regular(known) && (!me->is_away || me->said_goodbye))
        return 0;
    if (known != NULL && known->interval.n >= INTERVALS_MIN) {
        double mean = (double)known->interval.mean;

        s = MAX(s, MAX(5 * mean, mean + 8 * ewma_deviation(&known->interval)));
    }
    s = MAX(
        s, MAX(2 * (double)me->longest_s, 3.0 * MIN(me->keep_alive_s, (uint32_t)KEEP_ALIVE_MAX_S)));
    return s + (me->said_goodbye ? GRACE_S : 0);
}

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);
    double allowed, n;

    if (me == NULL || me->may_be_silent)
        return;
    if (me->n_asked > 0) /* to the last question it may still answer */
        measure_rule(j, r, RULE_D04_PING, me->n_asked - 1, m);
    if (!me->is_missed)
        return;
    allowed = allowed_s(me, learned_peek(j, r));
    n = allowed > 0 ? (double)(now_of(j) - MIN(me->heard_ns, now_of(j))) / 1e9 / allowed : 0;
    if (role_of(j, r)->traits & TRAIT_CRITICAL)
        measure_rule(j, r, RULE_D04_CRITICAL, n, m);
    else
        measure_rule(j, r, RULE_D04_LOW, n, m);
}

static void wait_for(struct judge *j, struct record *r, const struct state *me)
{
    double allowed = allowed_s(me, learned_peek(j, r));

    if (allowed > 0)
        await_client(j, r, allowed);
}

static void heard(struct judge *j, struct record *r, struct state *me,
                  const struct event_traffic *t)
{
    double gap_s = (double)(now_of(j) - MIN(me->heard_ns, now_of(j))) / 1e9;

    if (me->heard_ns != 0 && !me->is_missed && r->n_standing == 0) {
        struct learned *known = learned_slot(j, r);

        ewma_add(&known->interval, gap_s / t->n_messages);
        if (t->n_messages == 1 && known->interval.n >= INTERVALS_MIN)
            me->longest_s = MAX(me->longest_s, (float)gap_s);
    }
    me->heard_ns = now_of(j);
    me->n_asked = 0;
    me->is_missed = false;
}

/* Of one that comes back into service what went before does not count. */
static void lifecycle(const struct judge *j, struct state *me, bool may_be_silent)
{
    if (me->may_be_silent && !may_be_silent) {
        me->heard_ns = now_of(j);
        me->n_asked = 0;
        me->is_missed = false;
    }
    me->may_be_silent = may_be_silent;
}

static void observe(struct judge *j, const struct sight *s)
{
    struct state *me;
    struct event_traffic t;

    if (s->client == NULL)
        return;
    me = slot(j, s->client);
    switch ((int)s->e->kind) {
    case EVENT_CONNECT_ACCEPTED:
        me->keep_alive_s = s->e->number;
        me->is_away = me->said_goodbye = me->is_missed = false;
        me->n_asked = 0;
        me->heard_ns = now_of(j);
        break;
    case EVENT_DISCONNECTED:
        me->is_away = true;
        me->n_asked = 0;
        me->said_goodbye = s->e->value == 1;
        break;
    case EVENT_TRAFFIC:
        t = event_traffic_of(s->e);
        if (t.n_messages == 0)
            return;
        heard(j, s->client, me, &t);
        break;
    case EVENT_LIFECYCLE:
        lifecycle(j, me, s->e->value & LIFECYCLE_MAY_BE_SILENT);
        break;
    case EVENT_PINGED:
        me->n_asked++;
        suspect(j, s, s->client);
        return;
    default: /* AWAITED */
        me->is_missed = true;
        suspect(j, s, s->client);
        return;
    }
    wait_for(j, s->client, me);
}

/* The slowest of the peers, when they are about as slow. */
static void warm(const void *const *peers, size_t n, void *mine)
{
    const struct learned *slowest = peers[0];
    float fastest = slowest->interval.mean;

    for (size_t i = 0; i < n; i++) {
        const struct learned *p = peers[i];

        if (!is_regular(p))
            return;
        fastest = MIN(fastest, p->interval.mean);
        slowest = p->interval.mean > slowest->interval.mean ? p : slowest;
    }
    if ((double)slowest->interval.mean > AGREE * (double)fastest)
        return;
    *(struct learned *)mine = *slowest;
    ((struct learned *)mine)->interval.n = INTERVALS_MIN;
}

const struct detector detect_client_unavailable = {
    .info =
        {
            .name = "client-unavailable",
            .id = "D04",
            .subcategory = "MQ.DE.PM-01",
            .counts = "times the longest allowed silence",
            .attck = {"T0804", "T0815", "T0829"},
            .what = "a client that should speak is silent, or away",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 80,
            .told_only = BIT(SUBJECT_CLIENT),
            .hold_s = 30,
            .yields = {"D43", "D44"},
            .watches = BIT64(EVENT_CONNECT_ACCEPTED) | BIT64(EVENT_DISCONNECTED) |
                       BIT64(EVENT_TRAFFIC) | BIT64(EVENT_AWAITED) | BIT64(EVENT_PINGED) |
                       BIT64(EVENT_LIFECYCLE),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct state),
    .learned_bytes = sizeof(struct learned),
    .warm = warm,
    .observe = observe,
    .measure = measure,
};
