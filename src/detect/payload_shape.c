/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/payload_shape.c - D30: payloads on a topic look other than they always did
 *
 * The worker looks at a payload when it tells of its topic: class, keys of JSON, entropy.
 * Of 8 topics of a client the shape is kept; after 50 times the same, three running that
 * are another one count.  A firmware that does it to many is a roll-out.
 *
 * MQ.PR.IP-02
 */
#include "base/hash.h"
#include "detect/detector.h"

#define TOPICS      8
#define STABLE      50
#define SHARED_BY   5
#define ENTROPY_OFF 32 /* in 1/16 bit */

struct shape {
    uint32_t topic;
    uint32_t shape;
    uint32_t news; /* the other one */
    uint8_t n;     /* how often it was seen, up to STABLE */
    uint8_t n_news;
    uint8_t entropy; /* in 1/16 bit */
    uint8_t news_entropy;
};

struct state {
    struct shape shapes[TOPICS];
};

static uint64_t pattern_of(uint32_t shape)
{
    return hash_keyed(bytes_of(&shape, sizeof(shape)));
}

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);

    for (unsigned i = 0; me != NULL && i < TOPICS; i++) {
        const struct shape *p = &me->shapes[i];
        int off = p->entropy - p->news_entropy;

        if (p->n < STABLE || sharers_of(j, pattern_of(p->news)) >= SHARED_BY)
            continue;
        measure_rule(j, r, RULE_D30_LOW, p->n_news, m);
        if (off > ENTROPY_OFF || off < -ENTROPY_OFF)
            measure_rule(j, r, RULE_D30_MEDIUM, p->n_news, m);
    }
}

static void compare(struct judge *j, const struct sight *s, struct shape *p, uint8_t entropy)
{
    if (p->shape == s->e->number) {
        p->n = (uint8_t)(p->n + (p->n < STABLE));
        p->n_news = 0;
        p->entropy = entropy;
        return;
    }
    if (p->n < STABLE) {
        *p = (struct shape){.topic = p->topic, .shape = s->e->number, .n = 1, .entropy = entropy};
        return;
    }
    p->n_news = p->news == s->e->number ? p->n_news : 0;
    p->n_news = (uint8_t)(p->n_news + (p->n_news < STABLE));
    p->news = s->e->number;
    p->news_entropy = entropy;
    share_pattern(j, pattern_of(p->news), s->client);
    sample(j, s->client, s->e->topic);
    suspect(j, s, s->client);
    if (p->n_news == STABLE) /* by now it is the usual one */
        *p = (struct shape){.topic = p->topic, .shape = p->news, .n = STABLE, .entropy = entropy};
}

static void observe(struct judge *j, const struct sight *s)
{
    uint32_t topic = (uint32_t)s->topic | 1;
    struct state *me;
    struct shape *p;

    if (s->client == NULL || s->e->number == 0)
        return;
    me = slot(j, s->client);
    p = &me->shapes[topic % TOPICS];
    if (p->topic == 0)
        p->topic = topic;
    if (p->topic == topic)
        compare(j, s, p, (uint8_t)s->e->flags);
}

const struct detector detect_payload_shape = {
    .info =
        {
            .name = "payload-shape-drift",
            .id = "D30",
            .subcategory = "MQ.PR.IP-02",
            .counts = "payloads of another shape",
            .attck = {"T0856", "T0869"},
            .what = "payloads on a topic look other than they always did",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 60,
            .hold_s = 120,
            .yields = {"D47"},
            .watches = BIT64(EVENT_PUBLISH_TOPIC),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct state),
    .observe = observe,
    .measure = measure,
};
