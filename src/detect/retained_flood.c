/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/retained_flood.c - D26: a client, or many together, fill the store of retained messages
 *
 * Discovery at boot is a gateway's, whose kind of role has a factor, and that of clients which are
 * not learned yet, a new fleet.  Much is what a store of this size is not used to.  That the store
 * is full is told of all: it need not be the fault of who comes next.
 *
 * MQ.PR.SP-05
 */
#include "detect/detector.h"

#define GROWTH_LEAST 500 /* topics: of a small store a few are much */

struct state {
    struct window fresh;   /* topics */
    struct window refused; /* by the client's quota */
};

struct fleet_state {
    struct window fresh; /* of learned clients */
    struct window full;
    uint32_t kept; /* topics in the store, when it was told last */
};

/* By how much the store has grown in the window, of what it was before, in per cent. */
static double growth(const struct judge *j, const struct fleet_state *me)
{
    double n = window_level(&me->fresh, rule_window_ns(RULE_D26_GROWTH), now_of(j));

    return n < GROWTH_LEAST ? 0 : 100 * n / MAX(me->kept - n, 1.0);
}

static void measure_fleet(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct fleet_state *me = slot_peek(j, r);

    if (me == NULL)
        return;
    measure_rule(j, r, RULE_D26_GROWTH, growth(j, me), m);
    measure_rule(j, r, RULE_D26_FULL,
                 window_level(&me->full, rule_window_ns(RULE_D26_FULL), now_of(j)), m);
}

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = r->kind == SUBJECT_CLIENT ? slot_peek(j, r) : NULL;
    double n;

    if (r->kind == SUBJECT_FLEET)
        measure_fleet(j, r, m);
    if (me == NULL)
        return;
    n = window_level(&me->fresh, rule_window_ns(RULE_D26_MEDIUM), now_of(j));
    measure_rule(j, r, RULE_D26_MEDIUM, n, m);
    measure_rule(j, r, RULE_D26_HIGH, n, m);
    measure_rule(j, r, RULE_D26_QUOTA,
                 window_level(&me->refused, rule_window_ns(RULE_D26_QUOTA), now_of(j)), m);
}

static void grow(struct judge *j, const struct sight *s, uint32_t n)
{
    struct fleet_state *all = slot(j, fleet_of(j));
    struct state *me = slot(j, s->client);

    all->kept = s->e->number;
    if (knowledge_of(s->client)->is_learned) {
        window_add(&all->fresh, rule_window_ns(RULE_D26_GROWTH), now_of(j), n);
        suspect(j, s, fleet_of(j));
    }
    window_add(&me->fresh, rule_window_ns(RULE_D26_MEDIUM), now_of(j), n);
    suspect(j, s, s->client);
}

static void node_is_full(struct judge *j, const struct sight *s)
{
    struct fleet_state *all = slot(j, fleet_of(j));

    window_add(&all->full, rule_window_ns(RULE_D26_FULL), now_of(j), 1);
    sample(j, fleet_of(j), s->e->topic);
    suspect(j, s, fleet_of(j));
}

static void quota_is_full(struct judge *j, const struct sight *s)
{
    struct state *me = slot(j, s->client);

    window_add(&me->refused, rule_window_ns(RULE_D26_QUOTA), now_of(j), 1);
    sample(j, s->client, s->e->topic);
    suspect(j, s, s->client);
}

/* What is done where this limit of retained messages was passed. */
static const struct {
    const char *limit; /* or what it begins with */
    void (*passed)(struct judge *j, const struct sight *s);
} limits[] = {{"retained_messages_max", node_is_full}, {"retained_per_client_max", quota_is_full}};

static void observe(struct judge *j, const struct sight *s)
{
    uint32_t n = s->e->kind == EVENT_TRAFFIC ? event_traffic_of(s->e).n_retained_new : 0;

    if (s->client == NULL)
        return;
    if (n > 0)
        grow(j, s, n);
    for (size_t i = 0; s->e->kind == EVENT_LIMIT_HIT && i < COUNT_OF(limits); i++) {
        if (bytes_has_prefix(s->e->text, bytes_str(limits[i].limit)))
            limits[i].passed(j, s);
    }
}

const struct detector detect_retained_flood = {
    .info =
        {
            .name = "retained-flood",
            .id = "D26",
            .subcategory = "MQ.PR.SP-05",
            .counts = "new retained topics",
            .attck = {"T0814"},
            .what = "a client, or many together, fill the store of retained messages",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 80,
            .told_only = BIT(SUBJECT_FLEET),
            .watches = BIT64(EVENT_TRAFFIC) | BIT64(EVENT_LIMIT_HIT),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct state),
    .bytes[SUBJECT_FLEET] = sizeof(struct fleet_state),
    .observe = observe,
    .measure = measure,
};
