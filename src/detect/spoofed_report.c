/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/spoofed_report.c - D31: a client speaks on a topic that is another one's
 *
 * A topic is its owner's when it was seen five times of one client only.  Topics that several
 * share from the start are nobody's; peers stand in for each other.  A device was replaced
 * by one with another id: whoever of the two is forgotten, the topic is open again.  Owners
 * are kept over a restart.
 *
 * MQ.PR.IP-02
 */
#include <stdlib.h>

#include "base/mem.h"
#include "detect/detector.h"

#define TOPICS 65536
#define OWNED  5
#define NOBODY UINT8_MAX

/* Texts as parts of their topic_hash(). */
struct owner {
    uint32_t topic;
    uint32_t client;
    uint32_t accused; /* who spoke there last all the same */
    uint16_t role;
    uint8_t n; /* up to OWNED; NOBODY: several share it */
    uint8_t is_critical;
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

static void accuse(struct judge *j, const struct sight *s, const struct owner *o)
{
    struct state *me = slot(j, s->client);

    window_add(o->is_critical ? &me->critical : &me->spoofed, rule_window_ns(RULE_D31_MEDIUM),
               now_of(j), 1);
    sample(j, s->client, s->e->topic);
    suspect(j, s, s->client);
}

static void observe(struct judge *j, const struct sight *s)
{
    struct owner *o = &((struct own *)own_of(j))->owners[s->topic % TOPICS];
    struct owner now = {.topic = (uint32_t)(s->topic >> 32) | 1, .n = 1};

    if (s->client == NULL)
        return;
    now.client = (uint32_t)topic_hash(j, s->e->client_id);
    now.role = (uint16_t)topic_hash(j, s->e->role);
    now.is_critical = (s->role->traits & TRAIT_CRITICAL) != 0;
    if (o->topic != now.topic) {
        *o = now;
    } else if (o->n == NOBODY) {
        return;
    } else if (o->client == now.client) {
        o->n = (uint8_t)(o->n + (o->n < OWNED));
    } else if (o->n < OWNED || (o->role == now.role && (s->role->traits & TRAIT_PEERS))) {
        o->n = NOBODY;
    } else {
        o->accused = now.client;
        accuse(j, s, o);
    }
}

static void forget(void *own, uint64_t client)
{
    struct own *me = own;

    for (size_t i = 0; i < TOPICS; i++) {
        struct owner *o = &me->owners[i];

        if (o->client == (uint32_t)client || o->accused == (uint32_t)client)
            *o = (struct owner){0};
    }
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
    .bytes[SUBJECT_CLIENT] = sizeof(struct state),
    .new = new,
    .free = free,
    .kept_bytes = sizeof(struct own),
    .forget = forget,
    .observe = observe,
    .measure = measure,
};
