/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/posture.c - normal, elevated, lockdown: named sets of limits and of listeners that are
 * closed
 *
 * Whoever wants another posture says so; the main thread puts it in force as it does a
 * reload: another policy, and who is on a listener that is closed now is disconnected.
 * A reload keeps the posture.
 *
 * MQ.RS.RP-05
 */
#include "base/log.h"
#include "node/aim.h"
#include "node/node_private.h"
#include "node/self_test.h"

static void lower(struct limits *to, const struct limits *by)
{
#define X(field, deflt, min, max, what)                                                            \
    if (by->field > 0)                                                                             \
        to->field = by->field;
    LIMITS(X)
#undef X
}

/** posture_policy() - of @c, in posture @p; NULL with @ret_error as policy_new() */
struct policy *posture_policy(const struct node *n, const struct config *c, enum respond_posture p,
                              char **ret_error)
{
    struct policy_spec spec = c->policy;

    lower(&spec.limits, &c->postures[p].limits);
    return self_test_policy(n->self_test, &spec, ret_error);
}

/** posture_want() - have it in force soon; any thread */
void posture_want(struct node *n, enum respond_posture p)
{
    atomic_store(&n->posture_wanted, (unsigned)p);
    node_wake_main(n);
}

/** posture_wait() - until what is wanted is in force, or the node stops; not the main thread */
void posture_wait(struct node *n)
{
    pthread_mutex_lock(&n->reload_lock);
    while (n->posture != atomic_load(&n->posture_wanted) && !atomic_load(&n->stopping))
        pthread_cond_wait(&n->reload_done, &n->reload_lock);
    pthread_mutex_unlock(&n->reload_lock);
}

/** posture_lacks() - what must be there before it can be had; NULL: nothing; static; any thread */
const char *posture_lacks(struct node *n, enum respond_posture p)
{
    bool is_prepared;

    pthread_mutex_lock(&n->config_lock);
    is_prepared = p == POSTURE_NORMAL || config_posture_is_prepared(&n->config->postures[p]);
    pthread_mutex_unlock(&n->config_lock);
    return is_prepared ? NULL
                       : "nothing would change: the configuration has neither limits nor "
                         "closed_listeners for it below postures";
}

static bool is_closed_in(const struct config_posture *p, const char *listener)
{
    for (size_t i = 0; i < p->n_closed_listeners; i++) {
        if (strcmp(p->closed_listeners[i], listener) == 0)
            return true;
    }
    return false;
}

static bool closes(struct node *n, enum respond_posture p, const char *listener)
{
    bool is_closed;

    pthread_mutex_lock(&n->config_lock);
    is_closed = is_closed_in(&n->config->postures[p], listener);
    pthread_mutex_unlock(&n->config_lock);
    return is_closed;
}

/** posture_count() - who is on a listener that it closes; never from a worker's thread */
struct aim_count posture_count(struct node *n, enum respond_posture p)
{
    struct aim_count all = {0};

    for (size_t i = 0; i < n->started->n_listeners; i++) {
        const char *name = n->started->listeners[i].name;
        struct aim a CLEANUP(aim_done) = aim_at(TARGET_LISTENER, name, NULL);
        struct aim_count hit = {0};

        if (closes(n, p, name))
            hit = aim_count(n, &a);
        all.n += hit.n;
        all.n_critical += hit.n_critical;
    }
    return all;
}

/** posture_listeners() - close and open listeners as the posture says; the worker's thread */
void posture_listeners(struct worker *w, const struct config *c, enum respond_posture p)
{
    for (size_t i = 0; i < w->n_listeners; i++)
        w->listeners[i].is_closed = is_closed_in(&c->postures[p], w->listeners[i].config->name);
    list_each (it, &w->links)
        admit_cut_shut(list_item(it, struct link, in_worker));
}
