/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/reconnect_storm.c - D43: many that are known come back at once
 *
 * Known ids, one connection each, and nine of ten get in: no flood, and nobody without credentials
 * can make it look so.  It stands for ten minutes, and for so long drops and silence of
 * single clients are explained by it.  It is answered by a delay of all CONNECTs, which harms
 * nobody: so it enforces.
 *
 * MQ.DE.NM-01
 */
#include "base/hash.h"
#include "detect/detector.h"

#define SHARE    0.2
#define GETS_IN  0.9
#define STAYS_NS SECONDS(600)

struct state {
    struct linear_window back;   /* different ones */
    struct linear_window failed; /* that were let in from there before, and are not now */
    uint64_t over_ns;
    double most;
};

static double back_now(const struct judge *j, const struct state *me)
{
    return linear_window_level(&me->back, rule_window_ns(RULE_D43_INFO), now_of(j));
}

static double least_of(const struct judge *j)
{
    return SHARE * (double)clients_known(j);
}

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);

    if (me != NULL && me->over_ns != 0 && now_of(j) < me->over_ns + STAYS_NS)
        measure_rule_least(j, r, RULE_D43_INFO, MAX(back_now(j, me), me->most),
                           MIN(least_of(j), LINEAR_MAX / 2), m);
}

static bool is_storm(const struct judge *j, const struct state *me, double n)
{
    double failed = linear_window_level(&me->failed, rule_window_ns(RULE_D43_INFO), now_of(j));
    double limit =
        MAX(role_of(j, fleet_of(j))->limit[RULE_D43_INFO], MIN(least_of(j), LINEAR_MAX / 2));

    return n >= limit && n >= GETS_IN * (n + failed);
}

static void observe(struct judge *j, const struct sight *s)
{
    struct state *me = slot(j, fleet_of(j));
    uint64_t window_ns = rule_window_ns(RULE_D43_INFO);
    double n;

    if (s->e->kind == EVENT_AUTH_FAILED) {
        if (s->was_let_in)
            linear_window_add(&me->failed, window_ns, now_of(j), hash_keyed(s->e->client_id));
        return;
    }
    if (s->client == NULL || s->is_new_client)
        return;
    linear_window_add(&me->back, window_ns, now_of(j), s->client->key);
    n = back_now(j, me);
    if (is_storm(j, me, n)) {
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
            .mode = DETECT_MODE_ENFORCE,
            .confidence = 80,
            .watches = BIT64(EVENT_CONNECT_ACCEPTED) | BIT64(EVENT_AUTH_FAILED),
        },
    .bytes[SUBJECT_FLEET] = sizeof(struct state),
    .observe = observe,
    .measure = measure,
};
