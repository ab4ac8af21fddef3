/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/publish_rate_anomaly.c - D28: a client publishes far more than it is used to
 *
 * A bucket with a long memory: it fills at twice the learned rate and holds ten minutes of
 * that, at least 30 messages; while the client is away it gets the same on top, for up to a
 * day.  So what a device owes after an outage is paid for, and an alarm burst of a real
 * grid event fits the reserve; 30 times the rate is found in about 45 s.  The learned
 * rate moves by a quarter in ten minutes at most.  What happens to several of a role at the
 * same time is an event of the plant, and rollout-observed's to tell.
 *
 * MQ.PR.SP-03
 */
#include "base/hash.h"
#include "detect/detector.h"

#define FILLS      2.0
#define HOLDS_S    600
#define LEAST      30.0
#define AWAY_S_MAX 86400
#define MOVES_NS   SECONDS(600)
#define MOVES_BY   0.25
#define SHARED_BY  5
#define OWES       30 /* it is counted up to so many reserves */

struct state {
    uint64_t since_ns; /* of the period that the rate is measured over */
    uint64_t spent_ns;
    uint64_t left_ns; /* 0: online */
    float spent;      /* of the reserve */
    float credit;     /* for the time away */
    uint32_t n;       /* messages of the period */
};

static double reserve(const struct learned_rate *known)
{
    return MAX(LEAST, FILLS * HOLDS_S * (double)known->per_s);
}

static double spent_by(const struct judge *j, const struct state *me,
                       const struct learned_rate *known)
{
    double age_s = (double)(now_of(j) - MIN(me->spent_ns, now_of(j))) / 1e9;
    double fills = MAX(LEAST / HOLDS_S, FILLS * (double)known->per_s);

    return MAX(0.0, (double)me->spent - fills * age_s);
}

/* In the same ten minutes, of the same role. */
static uint64_t pattern_of(const struct judge *j, const struct record *r)
{
    const uint64_t when[] = {r->role, now_of(j) / SECONDS(HOLDS_S)};

    return hash_keyed(bytes_of(when, sizeof(when)));
}

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);
    const struct learned_rate *known = learned_peek(j, r);
    double n;

    if (me == NULL || known == NULL || known->n == 0 ||
        sharers_of(j, pattern_of(j, r)) >= SHARED_BY)
        return;
    n = spent_by(j, me, known) / reserve(known);
    measure_rule(j, r, RULE_D28_LOW, n, m);
    measure_rule(j, r, RULE_D28_MEDIUM, n, m);
}

static void spend(const struct judge *j, struct state *me, const struct learned_rate *known,
                  double n)
{
    double paid = MIN(n, (double)me->credit);

    me->credit -= (float)paid;
    me->spent = (float)MIN(spent_by(j, me, known) + n - paid, OWES * reserve(known));
    me->spent_ns = now_of(j);
}

static void learn(const struct judge *j, const struct record *r, struct state *me,
                  struct learned_rate *known)
{
    double s = (double)(now_of(j) - MIN(me->since_ns, now_of(j))) / 1e9;
    double rate, most;

    if (me->since_ns == 0)
        me->since_ns = now_of(j);
    if (now_of(j) < me->since_ns + MOVES_NS)
        return;
    rate = me->n / s;
    most = MOVES_BY * MAX((double)known->per_s, 1.0 / HOLDS_S);
    if (r->n_standing == 0) {
        known->per_s =
            known->n == 0
                ? (float)rate
                : known->per_s + (float)MAX(-most, MIN(rate - (double)known->per_s, most));
        known->n += known->n < UINT32_MAX;
    }
    me->n = 0;
    me->since_ns = now_of(j);
}

static void came_back(const struct judge *j, struct state *me, const struct learned_rate *known)
{
    double away_s = me->left_ns == 0 ? 0 : (double)(now_of(j) - me->left_ns) / 1e9;

    me->credit += (float)(FILLS * (double)known->per_s * MIN(away_s, (double)AWAY_S_MAX));
    me->left_ns = 0;
    me->since_ns = now_of(j); /* the time away is no measure of the rate */
    me->n = 0;
}

static void observe(struct judge *j, const struct sight *s)
{
    struct learned_rate *known;
    struct event_traffic t;
    struct state *me;

    if (s->client == NULL || (s->e->kind != EVENT_TRAFFIC && slot_peek(j, s->client) == NULL))
        return;
    me = slot(j, s->client);
    known = learned_slot(j, s->client);
    if (s->e->kind == EVENT_CONNECT_ACCEPTED) {
        came_back(j, me, known);
    } else if (s->e->kind == EVENT_DISCONNECTED) {
        me->left_ns = now_of(j);
    } else {
        t = event_traffic_of(s->e);
        me->n += t.n_messages;
        if (known->n > 0)
            spend(j, me, known, t.n_messages);
        if (known->n > 0 && spent_by(j, me, known) >= reserve(known))
            share_pattern(j, pattern_of(j, s->client), s->client);
        suspect(j, s, s->client);
        learn(j, s->client, me, known);
    }
}

const struct detector detect_publish_rate_anomaly = {
    .info =
        {
            .name = "publish-rate-anomaly",
            .id = "D28",
            .subcategory = "MQ.PR.SP-03",
            .counts = "reserves used up",
            .attck = {"T0856", "T0814"},
            .what = "a client publishes far more than it is used to",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 80,
            .hold_s = 5,
            .yields = {"D43"},
            .watches =
                BIT64(EVENT_TRAFFIC) | BIT64(EVENT_CONNECT_ACCEPTED) | BIT64(EVENT_DISCONNECTED),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct state),
    .learned_bytes = sizeof(struct learned_rate),
    .warm = warm_rate,
    .observe = observe,
    .measure = measure,
};
