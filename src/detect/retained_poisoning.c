/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/retained_poisoning.c - D25: a retained message of another is replaced or cleared
 *
 * Peers, of the same role among those that stand in for each other, may; so may those who
 * command, who clean up.
 *
 * MQ.PR.IP-02
 */
#include "detect/detector.h"

struct state {
    struct window changed;
    struct window worse; /* cleared, or of a critical one */
};

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);
    uint64_t window_ns = rule_window_ns(RULE_D25_MEDIUM);

    if (me == NULL)
        return;
    measure_rule(j, r, RULE_D25_MEDIUM, window_level(&me->changed, window_ns, now_of(j)), m);
    measure_rule(j, r, RULE_D25_HIGH, window_level(&me->worse, window_ns, now_of(j)), m);
}

static void observe(struct judge *j, const struct sight *s)
{
    const struct record *owner;
    struct state *me;
    uint64_t key = 0;

    if (s->client == NULL || s->e->text.len != sizeof(key) || (s->role->traits & TRAIT_COMMANDS))
        return;
    memcpy(&key, s->e->text.at, sizeof(key));
    owner = client_by_key(j, key);
    if (owner == NULL || are_peers(j, s->client, owner))
        return;
    me = slot(j, s->client);
    window_add(&me->changed, rule_window_ns(RULE_D25_MEDIUM), now_of(j), 1);
    if (s->e->value == 1 || (role_of(j, owner)->traits & TRAIT_CRITICAL))
        window_add(&me->worse, rule_window_ns(RULE_D25_MEDIUM), now_of(j), 1);
    sample(j, s->client, s->e->topic);
    suspect(j, s, s->client);
}

const struct detector detect_retained_poisoning = {
    .info =
        {
            .name = "retained-poisoning",
            .id = "D25",
            .subcategory = "MQ.PR.IP-02",
            .counts = "retained messages of others",
            .attck = {"T0832", "T0856", "T0809"},
            .what = "a retained message of another is replaced or cleared",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 80,
            .watches = BIT64(EVENT_RETAINED_CHANGED),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct state),
    .observe = observe,
    .measure = measure,
};
