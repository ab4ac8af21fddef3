/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/reconnect_storm.c - D43: many that are known come back at once
 *
 * Known ids, one connection each, and they get in: no flood, and nobody without credentials
 * can make it look so.  It stands for ten minutes, and for so long drops and silence of
 * single clients are explained by it.
 *
 * MQ.DE.NM-01
 */
#include "detect/detector.h"

#define SHARE    0.2
#define STAYS_NS SECONDS(600)

struct state {
    struct linear_window back; /* different ones */
    uint64_t over_ns;
    double most;
};

static double level_of(const struct judge *j, const struct state *me)
{
    double n = linear_window_level(&me->back, rule_window_ns(RULE_D43_INFO), now_of(j));

    return now_of(j) < me->over_ns + STAYS_NS ? MAX(n, me->most) : n;
}

static double least_of(const struct judge *j)
{
    return SHARE * (double)clients_known(j);
}

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);

    if (me != NULL)
        measure_rule_least(j, r, RULE_D43_INFO, level_of(j, me), MIN(least_of(j), LINEAR_MAX / 2),
                           m);
}

static void observe(struct judge *j, const struct sight *s)
{
    struct state *me = slot(j, fleet_of(j));
    double n;

    if (s->client == NULL || s->is_new_client)
        return;
    linear_window_add(&me->back, rule_window_ns(RULE_D43_INFO), now_of(j), s->client->key);
    n = linear_window_level(&me->back, rule_window_ns(RULE_D43_INFO), now_of(j));
    if (n >= MAX(role_of(j, fleet_of(j))->limit[RULE_D43_INFO], MIN(least_of(j), LINEAR_MAX / 2))) {
        me->most = n > me->most || now_of(j) >= me->over_ns + STAYS_NS ? n : me->most;
        me->over_ns = now_of(j);
    }
    suspect(j, s, fleet_of(j));
}

const struct detector detect_reconnect_storm = {
    .info =
        {
            .name = "reconnect-storm",
            .id = "D43",
            .subcategory = "MQ.DE.NM-01",
            .counts = "known clients that came back",
            .what = "many that are known come back at once",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 80,
            .watches = BIT64(EVENT_CONNECT_ACCEPTED),
        },
    .part = PART_CONNECTION,
    .bytes[SUBJECT_FLEET] = sizeof(struct state),
    .observe = observe,
    .measure = measure,
};
