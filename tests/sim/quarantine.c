/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/quarantine.c - of some topics nothing is delivered for a while
 *
 * Between the first worker that knows of it and the last one that has forgotten it nothing of
 * these topics need arrive.  What was published while all knew of it must not; nor must, ever
 * again, what waited for a client that was away, once the node has had the time to look for it.
 */
#include "protect/protect.h"
#include "sim/kernel.h"
#include "sim/model.h"
#include "sim/node.h"

#define FILTER "t/a/#"

static const struct quarantine quarantine = {(char *)FILTER, QUARANTINE_DELIVER};
static bool is_wanted;      /* what workers are told */
static bool is_on;          /* some workers know of it, or all */
static uint64_t since_ns;   /* all do; UINT64_MAX: not yet */
static uint64_t changed_ns; /* it began or ended last */

static bool covers(unsigned topic)
{
    return strncmp(topic_text(topic), "t/a", 3) == 0;
}

/** quarantine_start() - none at first */
void quarantine_start(void)
{
    is_wanted = is_on = false;
    since_ns = UINT64_MAX;
    changed_ns = 0;
}

/** quarantine_restraints() - those of now; Return: a reference */
struct restraints *quarantine_restraints(void)
{
    return restraints_new(NULL, 0, &quarantine, is_wanted ? 1 : 0);
}

/** quarantine_may_hold_back() - need @topic not arrive now, or what was found at @asked_ns? */
bool quarantine_may_hold_back(unsigned topic, uint64_t asked_ns)
{
    return covers(topic) && (is_on || asked_ns <= changed_ns);
}

/** quarantine_holds_back() - must it not arrive? */
bool quarantine_holds_back(const struct letter *m)
{
    return is_on && covers(m->topic) && m->sent_ns > since_ns;
}

static void in_force(void)
{
    struct restraints *r = quarantine_restraints();

    node_restrain(r);
    restraints_unref(r);
    changed_ns = kernel_now_ns();
}

static void begin(void)
{
    trace("quarantine of " FILTER);
    is_wanted = is_on = true;
    for (uint32_t n = 0; n < model_next_n(); n++) {
        struct letter *m = model_letter(n);

        for (unsigned i = 0; covers(m->topic) && i < settings.n_clients; i++)
            m->to[i].must = false;
    }
    in_force();
    since_ns = kernel_now_ns();
}

/* It has waited since it came, and was found: the journal has forgotten it. */
static void never_again(struct letter *m)
{
    for (unsigned i = 0; i < settings.n_clients; i++) {
        const struct client *c = &clients[i];
        struct duty *d = &m->to[i];

        if (c->attached == NULL && c->left_ns < m->sent_ns && d->n_got == 0) {
            d->n_may = 0;
            d->n_after_crash = 0;
        }
    }
}

static void end(void)
{
    trace("the quarantine ends");
    if (one_in(2)) {
        node_settles();
        for (uint32_t n = 0; n < model_next_n(); n++) {
            struct letter *m = model_letter(n);

            if (covers(m->topic) && m->is_settled && m->n_sent == 1 && !m->retain && !m->is_will)
                never_again(m);
        }
    }
    since_ns = UINT64_MAX;
    is_wanted = false;
    in_force();
    is_on = false;
}

/** quarantine_change() - it begins, or ends */
void quarantine_change(void)
{
    if (is_on)
        end();
    else
        begin();
}
