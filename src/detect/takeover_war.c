/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/takeover_war.c - D14: two fight for one client id
 *
 * A takeover counts when the newcomer's address is the one before the current: roaming
 * goes A-B-C, a duplicate id or a thief goes A-B-A-B.  Who of the two is the right one the
 * node cannot know, so nothing is done to the id.  The finding is of the newcomer's address: it is
 * at home who had the session when the fight began, or shows a certificate when the other
 * one has none.
 *
 * Where a client came from is of no interest, and takes no memory, before its session was taken
 * over for the first time.  So that first time never counts, also where the newcomer takes
 * back what it had before an ordinary end: a fight is told of at its fourth takeover, however it
 * began.  To know it at the third would take an address of each client that there is, of which next
 * to none is ever taken over, and be sooner by the seconds between two of them.
 *
 * MQ.PR.IA-03
 */
#include <stdio.h>

#include "base/hash.h"
#include "detect/detector.h"

#define ADDRESS_BYTES_MAX 46

struct state {
    uint64_t current; /* keys of addresses */
    uint64_t before;
    uint64_t home;
    uint64_t taken_ns; /* when a session was taken over last */
    struct window taken_back;
    bool is_taken;
    bool home_has_certificate;
    char newcomer[ADDRESS_BYTES_MAX]; /* the last one from elsewhere */
};

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);

    if (me != NULL)
        measure_rule(j, r, RULE_D14_HIGH,
                     window_level(&me->taken_back, rule_window_ns(RULE_D14_HIGH), now_of(j)), m);
}

/* Whoever of the two has just come. */
static void accuse_newcomer(struct judge *j, const struct sight *s, const struct state *me)
{
    struct sight of = *s;
    struct event e = *s->e;

    e.address = bytes_str(me->newcomer);
    of.e = &e;
    suspect(j, &of, s->client);
}

static void who_is_at_home(const struct sight *s, struct state *me, uint64_t address)
{
    bool has_certificate = s->e->flags & CONNECT_CERTIFICATE;

    if (has_certificate && !me->home_has_certificate) {
        me->home = address;
        me->home_has_certificate = true;
    }
    if (address != me->home)
        snprintf(me->newcomer, sizeof(me->newcomer), "%.*s", BYTES_ARG(s->e->address));
}

static void came_from(struct judge *j, const struct sight *s, struct state *me)
{
    uint64_t address = hash_keyed(s->e->address);

    if (address == me->current)
        return;
    who_is_at_home(s, me, address);
    if (me->is_taken && address == me->before) {
        window_add(&me->taken_back, rule_window_ns(RULE_D14_HIGH), now_of(j), 1);
        sample(j, s->client, s->e->address);
        accuse_newcomer(j, s, me);
    }
    me->before = me->current;
    me->current = address;
}

/* The event is of the connection that goes. */
static void was_taken(const struct judge *j, const struct sight *s, struct state *me)
{
    if (me->current == 0)
        me->current = hash_keyed(s->e->address);
    if (me->home == 0 || now_of(j) >= me->taken_ns + rule_window_ns(RULE_D14_HIGH)) {
        me->home = me->current;
        me->home_has_certificate = s->e->cert.len > 0;
    }
    me->taken_ns = now_of(j);
}

static void observe(struct judge *j, const struct sight *s)
{
    bool is_taken = s->e->kind == EVENT_TAKEN_OVER;
    struct state *me;

    if (s->client == NULL || s->e->address.len == 0 ||
        (!is_taken && slot_peek(j, s->client) == NULL))
        return;
    me = slot(j, s->client);
    if (!is_taken)
        came_from(j, s, me);
    else
        was_taken(j, s, me);
    me->is_taken = is_taken;
}

const struct detector detect_takeover_war = {
    .info =
        {
            .name = "client-id-takeover-war",
            .id = "D14",
            .subcategory = "MQ.PR.IA-03",
            .counts = "times that a session was taken back",
            .attck = {"T0849", "T0814"},
            .what = "two fight for one client id",
            .mode = DETECT_MODE_ENFORCE,
            .confidence = 90,
            .watches = BIT64(EVENT_TAKEN_OVER) | BIT64(EVENT_CONNECT_ACCEPTED),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct state),
    .observe = observe,
    .measure = measure,
};
