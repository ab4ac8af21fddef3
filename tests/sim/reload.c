/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/reload.c - a right is taken away and given back, as by a reload of the configuration
 *
 * What a client was on its way to publish or to subscribe to is judged by the one policy or the
 * other.  A right that is taken away ends its subscriptions; what they had found before may still
 * come.  A right that is given back brings none of them back.
 */
#include "sim/model.h"
#include "sim/node.h"

static uint32_t since_n; /* messages from this number on were published under the policy of now */

/** reload_start() - the first policy is in force */
void reload_start(void)
{
    since_n = 0;
}

/** reload_since_n() - see model.h */
uint32_t reload_since_n(void)
{
    return since_n;
}

static bool changes_publish(const struct letter *m)
{
    const struct client *p = m->publisher;

    return may_publish(POLICY_FULL, p->role, p->index, m->topic) !=
           may_publish(POLICY_LESS, p->role, p->index, m->topic);
}

static bool changes_subscribe(const struct client *c, unsigned filter)
{
    return may_subscribe(POLICY_FULL, c->role, c->index, filter) !=
           may_subscribe(POLICY_LESS, c->role, c->index, filter);
}

/* A CONNECT is refused for its Will: its answer would be anybody's guess. */
static bool some_will_is_judged(void)
{
    for (uint32_t i = 1; i <= lines_n(); i++) {
        const struct line *k = line_by_number(i);

        if (k->will != NULL && !k->was_answered && !k->socket->node_closed &&
            changes_publish(k->will))
            return true;
    }
    return false;
}

/* Its rights are those of the moment it fires, which the model does not know to the turn. */
static void will_in_doubt(struct client *c)
{
    if (c->will == NULL || !changes_publish(c->will))
        return;
    letter_perhaps_sent(c->will);
    c->will = NULL;
    c->will_due_ns = 0;
    c->will_is_doubtful = true;
}

static void in_doubt(struct client *c)
{
    will_in_doubt(c);
    for (unsigned i = 0; i < c->n_out; i++)
        c->out[i].is_doubtful = true;
}

/* On a connection that the client has given up a SUBSCRIBE may still come to the node. */
static bool may_subscribe_yet(const struct client *c)
{
    for (uint32_t i = 1; i <= lines_n(); i++) {
        const struct line *k = line_by_number(i);

        if (k->client == c && k->phase == PHASE_LEFT && !k->was_disconnected)
            return true;
    }
    return false;
}

static void ended(struct client *c)
{
    for (unsigned f = 0; f < FILTERS; f++) {
        struct sub *s = &c->subs[f];

        if (!changes_subscribe(c, f))
            continue;
        client_undo_pending(c, f);
        s->maybe &= may_subscribe_yet(c);
        s->sure = s->steady = false;
        s->gone_n = model_next_n();
        model_weakened(c, f);
    }
}

/** reload_change() - the other policy, unless it can not be known what that would mean */
void reload_change(void)
{
    if (some_will_is_judged())
        return;
    for (uint32_t n = 0; n < model_next_n(); n++) {
        struct letter *m = model_letter(n);

        m->is_doubtful |= !m->is_settled && changes_publish(m);
    }
    for (unsigned i = 0; i < settings.n_clients; i++)
        in_doubt(&clients[i]);
    node_change_policy();
    trace("a reload %s", node_policy() == POLICY_LESS ? "takes rights away" : "gives them back");
    since_n = model_next_n();
    for (unsigned i = 0; i < settings.n_clients && node_policy() == POLICY_LESS; i++)
        ended(&clients[i]);
}
