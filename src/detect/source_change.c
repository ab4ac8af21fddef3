/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/source_change.c - D24: a client comes from a network that it never came from
 *
 * The last four networks, /24 or /48, are its own; DHCP within the site stays in one.  Of
 * what does not move (gateways, control, services) it is worth more.  It is said once and
 * the network is known from then on.
 *
 * One that goes back and forth between networks, known or not, faster than anything moves
 * is in two places.  How far apart they are the node cannot know without a table of
 * places, so their number counts and not the distance.
 *
 * MQ.PR.IA-03
 */
#include "base/address.h"
#include "detect/detector.h"

#define NETWORKS     4
#define CONNECTS_MIN 3

struct state {
    struct window news;
    struct window moves;
};

struct learned {
    uint32_t networks[NETWORKS]; /* hashes; the one used last in front */
    uint32_t n;
};

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);
    double n;

    if (me == NULL)
        return;
    n = window_level(&me->news, rule_window_ns(RULE_D24_LOW), now_of(j));
    if (role_of(j, r)->traits & TRAIT_FIXED)
        measure_rule(j, r, RULE_D24_FIXED, n, m);
    else
        measure_rule(j, r, RULE_D24_LOW, n, m);
    measure_rule(j, r, RULE_D24_MOVES,
                 window_level(&me->moves, rule_window_ns(RULE_D24_MOVES), now_of(j)), m);
}

/* Return: whether it was there; it is in front afterwards. */
static bool remember(struct learned *known, uint32_t network)
{
    size_t i = 0;
    bool was_there;

    while (i < NETWORKS - 1 && known->networks[i] != network)
        i++;
    was_there = known->networks[i] == network;
    memmove(&known->networks[1], &known->networks[0], i * sizeof(known->networks[0]));
    known->networks[0] = network;
    return was_there;
}

static void observe(struct judge *j, const struct sight *s)
{
    char network[ADDRESS_NETWORK_LEN];
    struct learned *known;
    struct state *me;
    uint32_t last;
    bool is_known;

    if (s->client == NULL || !address_network(s->e->address, 24, 48, network))
        return;
    known = learned_slot(j, s->client);
    last = known->networks[0];
    is_known = remember(known, (uint32_t)topic_hash(j, bytes_str(network)));
    known->n += known->n < UINT32_MAX;
    if (known->networks[0] == last || known->n <= CONNECTS_MIN)
        return;
    me = slot(j, s->client);
    window_add(&me->moves, rule_window_ns(RULE_D24_MOVES), now_of(j), 1);
    if (!is_known)
        window_add(&me->news, rule_window_ns(RULE_D24_LOW), now_of(j), 1);
    sample(j, s->client, bytes_str(network));
    suspect(j, s, s->client);
}

const struct detector detect_source_change = {
    .info =
        {
            .name = "source-change",
            .id = "D24",
            .subcategory = "MQ.PR.IA-03",
            .counts = "connections from a new network",
            .attck = {"T0859", "T0849"},
            .what = "a client comes from a network that it never came from",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 80,
            .watches = BIT64(EVENT_CONNECT_ACCEPTED),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct state),
    .learned_bytes = sizeof(struct learned),
    .observe = observe,
    .measure = measure,
};
