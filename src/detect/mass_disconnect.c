/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/mass_disconnect.c - D44: many are cut off at once
 *
 * A power cut, a broken uplink, or an attack on the network: one finding, as long as most of them
 * are away.  When all of them are of one network and there are others, it is more likely to be
 * somebody's doing.  Who is still away when it closes is missed by client-unavailable.
 *
 * MQ.DE.NM-02
 */
#include "base/address.h"
#include "base/hash.h"
#include "detect/detector.h"

#define SHARE 0.2

struct state {
    struct window cut;     /* ends without DISCONNECT */
    uint64_t networks;     /* of whom was ever let in: linear counting of 64 bits */
    uint64_t cut_networks; /* of whom was cut in this outage */
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

static bool is_one(uint64_t networks)
{
    return __builtin_popcountll(networks) == 1;
}

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);

    if (me == NULL || !me->is_outage)
        return;
    measure_rule(j, r, RULE_D44_MEDIUM, me->n_away, m);
    if (is_one(me->cut_networks) && !is_one(me->networks))
        measure_rule(j, r, RULE_D44_SITE, me->n_away, m);
}

static uint64_t network_of(struct bytes address)
{
    char text[ADDRESS_NETWORK_LEN];

    return address_network(address, 24, 48, text) ? BIT64(hash_keyed(bytes_str(text)) >> 58) : 0;
}

static void was_cut(struct judge *j, const struct sight *s, struct state *me)
{
    struct by_client *c = slot(j, s->client);

    if (!me->is_outage && cut_of(j, me) < 1)
        me->cut_networks = 0;
    me->cut_networks |= network_of(s->e->address);
    window_add(&me->cut, rule_window_ns(RULE_D44_MEDIUM), now_of(j), 1);
    if (!c->is_counted)
        me->n_away++;
    c->is_counted = true;
    sample(j, fleet_of(j), s->e->client_id);
}

static void is_there(struct judge *j, const struct sight *s, struct state *me)
{
    me->networks |= network_of(s->e->address);
    if (slot_peek(j, s->client) != NULL) {
        struct by_client *c = slot(j, s->client);

        me->n_away -= c->is_counted && me->n_away > 0;
        c->is_counted = false;
    }
}

static void observe(struct judge *j, const struct sight *s)
{
    struct state *me = slot(j, fleet_of(j));

    if (s->client == NULL)
        return;
    if (s->e->kind == EVENT_DISCONNECTED && s->e->value == 0 && !(s->e->flags & ENDED_BY_NODE))
        was_cut(j, s, me);
    else
        is_there(j, s, me);
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
            .told_only = BIT(SUBJECT_CLIENT), /* whether it is counted; never found */
            .watches = BIT64(EVENT_DISCONNECTED) | BIT64(EVENT_CONNECT_ACCEPTED),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct by_client),
    .bytes[SUBJECT_FLEET] = sizeof(struct state),
    .observe = observe,
    .measure = measure,
};
