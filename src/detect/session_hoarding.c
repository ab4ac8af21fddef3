/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/session_hoarding.c - D15: one user or address makes up client ids that keep sessions
 *
 * The first client id of a user is its own; further ones are counted of the user, which is
 * only told, and of the address.  A fleet that comes for the first time, each with its
 * own credential, does not count.  That the node has no more sessions to give is told of all; that
 * a user has no more, of the user, or where there is none of the address.
 *
 * MQ.PR.SP-05
 */
#include "detect/detector.h"

struct state {
    struct linear_window ids;
    struct window refused; /* by the user's quota */
};

static void measure_full(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct window *me = slot_peek(j, r);

    if (me != NULL)
        measure_rule(j, r, RULE_D15_FULL,
                     window_level(me, rule_window_ns(RULE_D15_FULL), now_of(j)), m);
}

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);
    double n;

    if (r->kind == SUBJECT_FLEET) {
        measure_full(j, r, m);
        return;
    }
    if (me == NULL)
        return;
    n = linear_window_level(&me->ids, rule_window_ns(RULE_D15_MEDIUM), now_of(j));
    measure_rule(j, r, RULE_D15_MEDIUM, n, m);
    measure_rule(j, r, RULE_D15_HIGH, n, m);
    measure_rule(j, r, RULE_D15_QUOTA,
                 window_level(&me->refused, rule_window_ns(RULE_D15_QUOTA), now_of(j)), m);
}

static double add(struct judge *j, struct record *r, uint64_t client)
{
    struct state *me = slot(j, r);

    linear_window_add(&me->ids, rule_window_ns(RULE_D15_MEDIUM), now_of(j), client);
    return linear_window_level(&me->ids, rule_window_ns(RULE_D15_MEDIUM), now_of(j));
}

static void node_is_full(struct judge *j, const struct sight *s)
{
    window_add(slot(j, fleet_of(j)), rule_window_ns(RULE_D15_FULL), now_of(j), 1);
    sample(j, fleet_of(j), s->e->address);
    suspect(j, s, fleet_of(j));
}

static void quota_is_full(struct judge *j, const struct sight *s)
{
    struct record *user = user_of(j, s->e->user_name);
    struct record *whose = user != NULL ? user : s->address;

    if (whose == NULL)
        return;
    window_add(&((struct state *)slot(j, whose))->refused, rule_window_ns(RULE_D15_QUOTA),
               now_of(j), 1);
    sample(j, whose, s->e->client_id);
    suspect(j, s, whose);
}

/* What is done where this limit of sessions was passed. */
static const struct {
    const char *limit;
    void (*passed)(struct judge *j, const struct sight *s);
} limits[] = {{"sessions_max", node_is_full}, {"sessions_per_user_max", quota_is_full}};

static void limit_is_hit(struct judge *j, const struct sight *s)
{
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        if (bytes_equal(s->e->text, bytes_str(limits[i].limit)))
            limits[i].passed(j, s);
    }
}

static void observe(struct judge *j, const struct sight *s)
{
    struct record *user;

    if (s->e->kind == EVENT_LIMIT_HIT) {
        limit_is_hit(j, s);
        return;
    }
    if (s->client == NULL || !s->is_new_client || !(s->e->flags & CONNECT_PERSISTENT))
        return;
    user = user_of(j, s->e->user_name);
    if (user != NULL && add(j, user, s->client->key) < 1.5)
        return;
    suspect(j, s, user);
    if (s->address == NULL)
        return;
    add(j, s->address, s->client->key);
    suspect(j, s, s->address);
}

const struct detector detect_session_hoarding = {
    .info =
        {
            .name = "session-hoarding",
            .id = "D15",
            .subcategory = "MQ.PR.SP-05",
            .counts = "client ids never seen before",
            .attck = {"T0814"},
            .what = "one user or address makes up client ids that keep sessions",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 80,
            .told_only = BIT(SUBJECT_USER) | BIT(SUBJECT_FLEET),
            .watches = BIT64(EVENT_CONNECT_ACCEPTED) | BIT64(EVENT_LIMIT_HIT),
        },
    .bytes[SUBJECT_ADDRESS] = sizeof(struct state),
    .bytes[SUBJECT_USER] = sizeof(struct state),
    .bytes[SUBJECT_FLEET] = sizeof(struct window),
    .observe = observe,
    .measure = measure,
};
