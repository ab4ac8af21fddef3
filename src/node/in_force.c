/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/in_force.c - what the API shows of responses: in force, waiting for a person, and all
 * there are
 *
 * MQ.RS.*
 */
#include <stdlib.h>

#include "node/held.h"
#include "node/orders.h"
#include "node/sentinel.h"

/* @o, which says what exactly @ordered is, too. */
static json_t *said_exactly(json_t *o, const struct respond_order *ordered)
{
    char *exactly = respond_exactly(ordered);

    json_object_set_new(o, "exactly", json_string(exactly));
    free(exactly);
    return o;
}

static json_t *measure_json(const struct respond_measure *m)
{
    const struct respond_order ordered = respond_order_of_measure(m);

    return said_exactly(respond_measure_json(m), &ordered);
}

static void add_measure(void *arg, const struct respond_measure *m)
{
    if (strcmp(m->author, TRIAL_AUTHOR) != 0)
        json_array_append_new(arg, measure_json(m));
}

static void add_ban(void *arg, const struct respond_ban *b)
{
    const struct respond_measure m = respond_measure_of_ban(b);

    json_array_append_new(arg, measure_json(&m));
}

/* @id: of the incident, or of the order; @n_hit: connections, when it was proposed or ordered. */
static json_t *held_json(const char *id, const struct action *a, unsigned n_hit)
{
    const struct respond_order ordered = respond_order_of(a);
    json_t *o =
        json_pack("{s:s, s:s, s:s, s:s, s:s*, s:s, s:I, s:s, s:s*, s:I}", "id", id, "what",
                  action_kind_text(a->kind), "target_kind", respond_target_text(a->target_kind),
                  "target", a->target, "address", a->address, "author", a->author,
                  "expires_unix_ms", (json_int_t)a->expires_unix_ms, "reason", a->reason, "why_not",
                  a->why_not, "n_hit", (json_int_t)n_hit);

    return said_exactly(o, &ordered);
}

static void add_held(void *arg, const struct incident *i)
{
    for (unsigned n = 0; n < i->n_actions; n++) {
        const struct action *a = &i->actions[n];

        if (a->state == ACTION_HELD)
            json_array_append_new(arg, held_json(i->id, a, a->n_hit));
    }
}

static void add_waiting(void *arg, const struct respond_waiting *w)
{
    json_array_append_new(arg, held_json(w->id, &w->action, w->n_hit));
}

static void count_held(void *arg, const struct incident *i)
{
    for (unsigned n = 0; n < i->n_actions; n++)
        *(size_t *)arg += i->actions[n].state == ACTION_HELD;
}

static void count_waiting(void *arg, const struct respond_waiting *w)
{
    (void)w;
    ++*(size_t *)arg;
}

/** in_force_waiting() - so many actions and orders wait for a person; the sentinel's thread */
size_t in_force_waiting(const struct sentinel *s)
{
    size_t n = 0;

    respond_incidents_each(s->respond, count_held, &n);
    respond_waiting_each(s->respond, count_waiting, &n);
    return n;
}

/** in_force_posture() - the posture's name; static; any thread */
const char *in_force_posture(struct node *n)
{
    unsigned posture;

    pthread_mutex_lock(&n->reload_lock);
    posture = n->posture;
    pthread_mutex_unlock(&n->reload_lock);
    return respond_posture_text((enum respond_posture)posture);
}

struct responses_call {
    json_t *in_force;
    json_t *held;
    uint64_t suspended_until_unix_ms;
};

static void list_here(struct sentinel *s, void *arg)
{
    struct responses_call *c = arg;

    respond_measures_each(s->respond, add_measure, c->in_force);
    respond_bans_each(s->respond, add_ban, c->in_force);
    respond_incidents_each(s->respond, add_held, c->held);
    respond_waiting_each(s->respond, add_waiting, c->held);
    c->suspended_until_unix_ms = respond_suspended_until_unix_ms(s->respond);
}

/* @does: "what it does; what undoes it". */
static json_t *action_json(enum action_kind k, const char *does, json_t *targets)
{
    const char *undo = strstr(does, "; ");

    return json_pack("{s:s, s:o, s:s%, s:s}", "what", action_kind_text(k), "targets", targets,
                     "does", does, (size_t)(undo - does), "undone", undo + 2);
}

/* The table of actions, but for those that only a machine does. */
static json_t *actions_json(void)
{
    static const char *const does[] = {
#define X(name, text, what) what,
        ACTION_KINDS(X)
#undef X
    };
    json_t *all = json_array();

    for (enum action_kind k = 0; k < ACTION_KIND_N; k++) {
        json_t *targets = json_array();

        for (enum respond_target t = 0; t < TARGET_N; t++) {
            if (respond_action_targets(k) & BIT(t))
                json_array_append_new(targets, json_string(respond_target_text(t)));
        }
        if (json_array_size(targets) > 0)
            json_array_append_new(all, action_json(k, does[k], targets));
        else
            json_decref(targets);
    }
    return all;
}

/** node_responses_json() - see node.h */
json_t *node_responses_json(struct node *n)
{
    struct responses_call c = {.in_force = json_array(), .held = json_array()};

    sentinel_call(n->sentinel, list_here, &c);
    held_list_json(n, c.held);
    return json_pack("{s:s, s:I, s:o, s:o, s:o}", "posture", in_force_posture(n),
                     "suspended_until_unix_ms", (json_int_t)c.suspended_until_unix_ms, "in_force",
                     c.in_force, "held", c.held, "actions", actions_json());
}
