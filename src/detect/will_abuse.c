/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/will_abuse.c - D35: a Will is used to say what the client may not
 *
 * On a command topic, or where the client may not publish (which the node refuses, at
 * CONNECT and again when it fires); a very large one; one that fires again and again.
 *
 * MQ.PR.SP-03
 */
#include "detect/detector.h"

#define LARGE_BYTES 4096

struct state {
    struct window forbidden;
    struct window large;
    struct window fired;
};

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);
    uint64_t window_ns = rule_window_ns(RULE_D35_HIGH);

    if (me == NULL)
        return;
    measure_rule(j, r, RULE_D35_LARGE, window_level(&me->large, window_ns, now_of(j)), m);
    measure_rule(j, r, RULE_D35_FIRED, window_level(&me->fired, window_ns, now_of(j)), m);
    measure_rule(j, r, RULE_D35_HIGH, window_level(&me->forbidden, window_ns, now_of(j)), m);
}

static struct window *window_of(const struct sight *s, struct state *me)
{
    if (s->e->kind == EVENT_WILL_PUBLISHED)
        return &me->fired;
    if ((s->e->value & EVENT_DENIED) ||
        ((s->e->value & EVENT_COMMAND) && !role_commands_all(s->role)))
        return &me->forbidden;
    return s->e->number > LARGE_BYTES ? &me->large : NULL;
}

static void observe(struct judge *j, const struct sight *s)
{
    struct window *w;

    if (s->client == NULL)
        return;
    w = window_of(s, slot(j, s->client));
    if (w == NULL)
        return;
    window_add(w, rule_window_ns(RULE_D35_HIGH), now_of(j), 1);
    sample(j, s->client, s->e->topic);
    suspect(j, s, s->client);
}

const struct detector detect_will_abuse = {
    .info =
        {
            .name = "will-abuse",
            .id = "D35",
            .subcategory = "MQ.PR.SP-03",
            .counts = "Wills",
            .attck = {"T0855", "T0836"},
            .what = "a Will is used to say what the client may not",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 80,
            .yields = {"D43", "D44"},
            .watches = BIT64(EVENT_WILL_SET) | BIT64(EVENT_WILL_PUBLISHED),
        },
    .acts_each_time = true,
    .bytes[SUBJECT_CLIENT] = sizeof(struct state),
    .observe = observe,
    .measure = measure,
};
