/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/protocol_downgrade.c - D16: a client comes with weaker means than before
 *
 * An older protocol version, no TLS or an older one, a password where it had a certificate.
 * Known after three connections.  A device that was replaced is forgotten by an operator
 * (bastide has no memory of it then) or stays within a maintenance window.
 *
 * MQ.PR.IP-01
 */
#include "detect/detector.h"

#define CONNECTS_MIN 3
#define LEVEL_V31    3

struct state {
    uint64_t at_ns;
    bool is_lower;
    bool is_weaker;
};

struct learned {
    uint32_t n;
    uint32_t level; /* the best */
    uint32_t flags;
};

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);

    if (me == NULL || now_of(j) > me->at_ns + rule_window_ns(RULE_D16_LOW))
        return;
    measure_rule(j, r, RULE_D16_LOW, me->is_lower, m);
    measure_rule(j, r, RULE_D16_MEDIUM, me->is_weaker, m);
}

static void observe(struct judge *j, const struct sight *s)
{
    static const uint32_t means = CONNECT_TLS | CONNECT_TLS13 | CONNECT_CERTIFICATE;
    struct learned *known;
    struct state *me;

    if (s->client == NULL)
        return;
    known = learned_slot(j, s->client);
    if (known->n >= CONNECTS_MIN) {
        me = slot(j, s->client);
        me->at_ns = now_of(j);
        me->is_lower = s->e->value < known->level;
        me->is_weaker = (known->flags & means & ~s->e->flags) != 0 ||
                        (me->is_lower && s->e->value == LEVEL_V31);
        suspect(j, s, s->client);
    }
    known->n += known->n < UINT32_MAX;
    known->level = MAX(known->level, s->e->value);
    known->flags |= s->e->flags & means;
}

const struct detector detect_protocol_downgrade = {
    .info =
        {
            .name = "protocol-downgrade",
            .id = "D16",
            .subcategory = "MQ.PR.IP-01",
            .counts = "connections with weaker means",
            .attck = {"T0849"},
            .what = "a client comes with weaker means than before",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 80,
            .watches = BIT64(EVENT_CONNECT_ACCEPTED),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct state),
    .learned_bytes = sizeof(struct learned),
    .observe = observe,
    .measure = measure,
};
