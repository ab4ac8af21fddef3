/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/abnormal_termination.c - D03: connections of one client end again and again without
 * DISCONNECT
 *
 * A drop every 4 min settles at 3.6 and is silent, one a minute at 14.  A takeover counts
 * half: the client may have come back before the node knew that it was gone.  What is
 * usual for a client on a bad link is learned slowly, and only what is beyond four
 * times that counts.  A power cut is mass-disconnect's.  Health checks may end as they like.
 *
 * MQ.DE.NM-02
 */
#include "detect/detector.h"

#define TAKEOVER     0.5
#define USUAL_FACTOR 4
#define MOVES_NS     SECONDS(600)
#define MOVES_BY     0.25

struct state {
    struct decay drops;
    uint64_t moved_ns;
};

struct learned {
    float usual; /* level of .drops */
};

static double level_of(const struct judge *j, const struct state *me)
{
    return decay_level(&me->drops, rule_window_ns(RULE_D03_LOW), now_of(j));
}

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);
    const struct learned *known = learned_peek(j, r);
    double usual = known != NULL ? USUAL_FACTOR * (double)known->usual : 0;
    double n;

    if (me == NULL)
        return;
    n = level_of(j, me);
    measure_rule_least(j, r, RULE_D03_LOW, n, usual, m);
    measure_rule_least(j, r, RULE_D03_MEDIUM, n, usual, m);
}

/* A quarter each ten minutes at most: to be used to an attack takes hours. */
static void learn(const struct judge *j, struct record *r, struct state *me)
{
    struct learned *known;
    double off, most;

    if (r->n_standing > 0 || now_of(j) < me->moved_ns + MOVES_NS)
        return;
    known = learned_slot(j, r);
    off = level_of(j, me) - (double)known->usual;
    most = MOVES_BY * MAX((double)known->usual, 1.0);
    known->usual += (float)MAX(-most, MIN(off, most));
    me->moved_ns = now_of(j);
}

static void observe(struct judge *j, const struct sight *s)
{
    struct state *me;

    if (s->client == NULL || s->is_health_check ||
        (s->e->kind == EVENT_DISCONNECTED && (s->e->value == 1 || (s->e->flags & ENDED_BY_NODE))))
        return;
    me = slot(j, s->client);
    decay_add(&me->drops, rule_window_ns(RULE_D03_LOW), now_of(j),
              s->e->kind == EVENT_TAKEN_OVER ? -(1 - TAKEOVER) : 1);
    sample(j, s->client, s->e->text);
    suspect(j, s, s->client);
    learn(j, s->client, me);
}

const struct detector detect_abnormal_termination = {
    .info =
        {
            .name = "abnormal-termination",
            .id = "D03",
            .subcategory = "MQ.DE.NM-02",
            .counts = "connections that ended without DISCONNECT",
            .attck = {"T0814", "T0826"},
            .what = "connections of one client end again and again without DISCONNECT",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 80,
            .yields = {"D43", "D44"},
            .watches = BIT64(EVENT_DISCONNECTED) | BIT64(EVENT_TAKEN_OVER),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct state),
    .learned_bytes = sizeof(struct learned),
    .observe = observe,
    .measure = measure,
};
