/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/spoofed_report.c - D31: a client speaks on a topic that is another one's
 *
 * A topic is its owner's when it was seen five times of one client only.  Topics that several
 * share from the start are nobody's; peers stand in for each other.
 *
 * MQ.PR.IP-02
 */
#include <stdlib.h>

#include "base/mem.h"
#include "detect/detector.h"

#define TOPICS 65536
#define OWNED  5
#define NOBODY UINT16_MAX

struct owner {
    uint32_t topic;
    uint16_t n; /* NOBODY: several share it */
    uint64_t client;
};

struct own {
    struct owner owners[TOPICS];
};

struct state {
    struct window spoofed;
    struct window critical;
};

static void *new (void)
{
    return mem_new(struct own);
}

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);
    uint64_t window_ns = rule_window_ns(RULE_D31_MEDIUM);

    if (me == NULL)
        return;
    measure_rule(j, r, RULE_D31_MEDIUM, window_level(&me->spoofed, window_ns, now_of(j)), m);
    measure_rule(j, r, RULE_D31_HIGH, window_level(&me->critical, window_ns, now_of(j)), m);
}

static void accuse(struct judge *j, const struct sight *s, const struct record *owner)
{
    struct state *me = slot(j, s->client);
    bool is_critical = role_of(j, owner)->traits & TRAIT_CRITICAL;

    window_add(is_critical ? &me->critical : &me->spoofed, rule_window_ns(RULE_D31_MEDIUM),
               now_of(j), 1);
    sample(j, s->client, s->e->topic);
    suspect(j, s, s->client);
}

static void observe(struct judge *j, const struct sight *s)
{
    struct own *me = own_of(j);
    struct owner *o = &me->owners[s->topic % TOPICS];
    uint32_t tag = (uint32_t)(s->topic >> 32) | 1;
    const struct record *owner;

    if (s->client == NULL)
        return;
    if (o->topic != tag) {
        *o = (struct owner){.topic = tag, .n = 1, .client = s->client->key};
        return;
    }
    if (o->n == NOBODY)
        return;
    if (o->client == s->client->key) {
        o->n = (uint16_t)(o->n + (o->n < NOBODY - 1));
        return;
    }
    owner = client_by_key(j, o->client);
    if (o->n < OWNED || owner == NULL || are_peers(j, s->client, owner))
        o->n = owner == NULL ? 0 : NOBODY;
    else
        accuse(j, s, owner);
}

const struct detector detect_spoofed_report = {
    .info =
        {
            .name = "spoofed-report",
            .id = "D31",
            .subcategory = "MQ.PR.IP-02",
            .counts = "messages on topics of others",
            .attck = {"T0856", "T0832"},
            .what = "a client speaks on a topic that is another one's",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 80,
            .watches = BIT64(EVENT_PUBLISH_TOPIC),
        },
    .part = PART_RARE,
    .bytes[SUBJECT_CLIENT] = sizeof(struct state),
    .new = new,
    .free = free,
    .observe = observe,
    .measure = measure,
};
