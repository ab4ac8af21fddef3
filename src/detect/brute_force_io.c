/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/brute_force_io.c - D33: a client commands far more than usual
 *
 * Many commands in a minute, held ones as well, or to many different topics, and ten times what is
 * usual for it. What a client does at its busiest is learned while nothing stands.
 *
 * MQ.PR.SP-03
 */
#include "detect/detector.h"

#define FACTOR   10
#define MOVES_NS SECONDS(60)

struct state {
    struct window commands;
    struct linear_window topics;
    uint64_t moved_ns;
};

struct learned {
    float most; /* commands a minute at its busiest, forgotten by a hundredth each minute of
                   commands */
};

static double count_of(const struct judge *j, const struct state *me)
{
    return window_level(&me->commands, rule_window_ns(RULE_D33_HIGH), now_of(j));
}

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);
    const struct learned *known = learned_peek(j, r);
    double least = known != NULL ? FACTOR * (double)known->most : 0;
    double n;

    if (me == NULL)
        return;
    n = count_of(j, me);
    measure_rule_least(j, r, RULE_D33_HIGH, n, least, m);
    if (n > least)
        measure_rule(j, r, RULE_D33_SWEEP,
                     linear_window_level(&me->topics, rule_window_ns(RULE_D33_SWEEP), now_of(j)),
                     m);
}

static void learn(const struct judge *j, struct record *r, struct state *me)
{
    struct learned *known;

    if (r->n_standing > 0 || now_of(j) < me->moved_ns + MOVES_NS)
        return;
    known = learned_slot(j, r);
    known->most =
        (float)MAX(0.99 * (double)known->most, MIN(count_of(j, me), 3 + 2 * (double)known->most));
    me->moved_ns = now_of(j);
}

static void observe(struct judge *j, const struct sight *s)
{
    struct state *me;

    if (s->client == NULL)
        return;
    me = slot(j, s->client);
    window_add(&me->commands, rule_window_ns(RULE_D33_HIGH), now_of(j), 1);
    linear_window_add(&me->topics, rule_window_ns(RULE_D33_SWEEP), now_of(j), s->topic);
    sample(j, s->client, s->e->kind == EVENT_COMMAND_HELD ? s->e->text : s->e->topic);
    suspect(j, s, s->client);
    learn(j, s->client, me);
}

const struct detector detect_brute_force_io = {
    .info =
        {
            .name = "brute-force-io",
            .id = "D33",
            .subcategory = "MQ.PR.SP-03",
            .counts = "commands",
            .attck = {"T0806", "T0831", "T0836"},
            .what = "a client commands far more than usual",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 85,
            .watches = BIT64(EVENT_COMMAND_SENT) | BIT64(EVENT_COMMAND_HELD),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct state),
    .learned_bytes = sizeof(struct learned),
    .observe = observe,
    .measure = measure,
};
