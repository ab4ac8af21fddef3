/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/reload.c - a right is taken away and given back, as by a reload of the configuration
 *
 * What a client was on its way to publish or to subscribe to is judged by the one policy or the
 * other.  A right that is taken away suspends its subscriptions: what they had found before may
 * still come, what is published from then on does not.  When it is given back they are as they
 * were, and what is published from then on comes.
 */
#include "base/clock.h"
#include "sim/model.h"
#include "sim/node.h"

#define ON_ITS_WAY_NS (2 * NS_PER_S) /* what is acknowledged is with its receivers by then */

static uint32_t since_n; /* messages from this number on were published under the policy of now */
static uint32_t less_n;  /* and from this one on behind the last change to POLICY_LESS, */
static uint64_t full_ns; /* before this one back */

/** reload_start() - the first policy is in force */
void reload_start(void)
{
    since_n = less_n = 0;
    full_ns = 0;
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

/** reload_suspends() - does the policy of now suspend @c's subscription to @filter? */
bool reload_suspends(const struct client *c, unsigned filter)
{
    return !may_subscribe(node_policy(), c->role, c->index, filter);
}

/** reload_hides() - has the node had @m only while it suspended @c's subscription to @filter?  What
 * is retained may have been found since. */
bool reload_hides(const struct client *c, unsigned filter, const struct letter *m)
{
    if (!changes_subscribe(c, filter) || m->n < less_n || node_policy_is_changing())
        return false;
    if (node_policy() == POLICY_LESS)
        return true;
    if (filter_is_shared(filter)) /* it may have waited for a member that kept its right */
        return false;
    return !m->retain && m->is_settled && m->settled_ns + ON_ITS_WAY_NS < full_ns;
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

/* What is published from here on finds them, or does not; what was before may have. */
static void subscriptions_changed(struct client *c)
{
    for (unsigned f = 0; f < FILTERS; f++) {
        struct sub *s = &c->subs[f];

        if (!changes_subscribe(c, f))
            continue;
        if (node_policy() == POLICY_LESS)
            client_undo_pending(c, f);
        s->sure_n = s->since_n = model_next_n();
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
    if (node_policy() == POLICY_LESS)
        less_n = since_n;
    else
        full_ns = kernel_now_ns();
    shares_member_left();
    for (unsigned i = 0; i < settings.n_clients; i++)
        subscriptions_changed(&clients[i]);
}
