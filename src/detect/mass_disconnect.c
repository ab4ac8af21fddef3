/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/mass_disconnect.c - D44: many are cut off at once
 *
 * A power cut, a broken uplink, or an attack on the network: one finding, as long as most of them
 * are away.  Who is still away when it closes is missed by client-unavailable.
 *
 * MQ.DE.NM-02
 */
#include "detect/detector.h"

#define SHARE 0.2

struct state {
    struct window cut; /* ends without DISCONNECT */
    uint32_t n_away;
    bool is_outage;
};

struct by_client {
    bool is_counted; /* in .n_away */
};

static double least_of(const struct judge *j)
{
    return SHARE * (double)clients_online(j);
}

static double cut_of(const struct judge *j, const struct state *me)
{
    return window_level(&me->cut, rule_window_ns(RULE_D44_MEDIUM), now_of(j));
}

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);

    if (me != NULL && me->is_outage)
        measure_rule(j, r, RULE_D44_MEDIUM, me->n_away, m);
}

static void was_cut(struct judge *j, const struct sight *s, struct state *me, struct by_client *c)
{
    window_add(&me->cut, rule_window_ns(RULE_D44_MEDIUM), now_of(j), 1);
    if (!c->is_counted)
        me->n_away++;
    c->is_counted = true;
    sample(j, fleet_of(j), s->e->client_id);
}

static void observe(struct judge *j, const struct sight *s)
{
    struct state *me = slot(j, fleet_of(j));
    struct by_client *c;

    if (s->client == NULL)
        return;
    c = slot(j, s->client);
    if (s->e->kind == EVENT_DISCONNECTED && s->e->value == 0 && !(s->e->flags & ENDED_BY_NODE)) {
        was_cut(j, s, me, c);
    } else {
        me->n_away -= c->is_counted && me->n_away > 0;
        c->is_counted = false;
    }
    if (cut_of(j, me) >= MAX(role_of(j, fleet_of(j))->limit[RULE_D44_MEDIUM], least_of(j)))
        me->is_outage = true;
    else if (cut_of(j, me) < 1 && me->n_away < role_of(j, fleet_of(j))->limit[RULE_D44_MEDIUM] / 2)
        me->is_outage = false;
    suspect(j, s, fleet_of(j));
}

const struct detector detect_mass_disconnect = {
    .info =
        {
            .name = "mass-disconnect",
            .id = "D44",
            .subcategory = "MQ.DE.NM-02",
            .counts = "clients that were cut off at once",
            .attck = {"T0804", "T0815", "T0829"},
            .what = "many are cut off at once",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 80,
            .watches = BIT64(EVENT_DISCONNECTED) | BIT64(EVENT_CONNECT_ACCEPTED),
        },
    .part = PART_CONNECTION,
    .bytes[SUBJECT_CLIENT] = sizeof(struct by_client),
    .bytes[SUBJECT_FLEET] = sizeof(struct state),
    .observe = observe,
    .measure = measure,
};
