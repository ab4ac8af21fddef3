/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/pace.c - while all CONNECTs are delayed, each listener takes them one after another
 *
 * In a reconnect storm everybody comes at once.  A CONNECT that has been read waits in its
 * connection's buffer, before a password costs anything; nobody is refused, and who gives up
 * leaves its place.  The rate is a listener's, of which each worker has its share.  The control
 * plane and the node's own trials do not wait.
 *
 * MQ.PR.SP-05 MQ.RS.RP-03
 */
#include "base/clock.h"
#include "node/node_private.h"
#include "node/self_test.h"

#define CONNECT_BYTES_MAX 4096 /* of who is counted as waiting: what so many hold is bounded */

static uint64_t cost_ns(const struct worker *w)
{
    return MAX(NS_PER_S * w->n_workers / policy_limits(w->policy)->storm_connects_per_s_max, 1ULL);
}

/* It goes on as one whose address was delayed does. */
static void let_go(struct link *l)
{
    l->pace_served = true;
    l->read_again_ns = l->worker->now_ns;
    link_heard(l);
}

/** pace_turn() - who of those that wait at a listener goes on now */
void pace_turn(struct worker *w, struct due *d)
{
    struct worker_listener *from = list_item(d, struct worker_listener, next_turn);
    struct pace *p = &from->pace;
    uint64_t wait_ns = 0;
    struct list *who;

    while (!pace_is_idle(p) && (who = pace_next(p, cost_ns(w), w->now_ns, &wait_ns)) != NULL)
        let_go(list_item(who, struct link, in_pace));
    if (wait_ns > 0)
        worker_due(w, d, w->now_ns + wait_ns, DUE_PACE);
}

/* Those that wait are before those that come, also when the time is over. */
static bool is_paced(const struct worker *w, const struct worker_listener *from)
{
    return w->now_ns < w->paced_until_ns || !pace_is_idle(&from->pace);
}

/* By a certificate, a user name, or who SCRAM's first message says it is. */
static enum pace_rank rank_of(const struct link *l, const struct wire_connect *p)
{
    static const uint8_t any[SCRAM_CHANNEL_BYTES];
    struct gate_subject s = connect_subject(l, p);
    struct scram_server *hello = scram_server_new();
    bool is_critical;

    if (bytes_equal(p->props.auth_method, BYTES(SCRAM_METHOD_PLUS)))
        scram_server_channel(hello, any, true);
    if (scram_server_hello(hello, p->props.auth_data) == SCRAM_OK) {
        s.user_name = scram_server_user(hello);
        s.has_user_name = s.has_scram = true;
    }
    is_critical = gate_claims_critical(l->worker->policy, &s);
    scram_server_free(hello);
    return is_critical ? PACE_CRITICAL : PACE_OTHER;
}

/**
 * pace_holds() - has this CONNECT, @p, to wait for its turn?
 * @len:  bytes of the packet
 *
 * Then l->read_again_ns is set, until it is let go.
 */
bool pace_holds(struct link *l, const struct wire_connect *p, size_t len)
{
    struct worker *w = l->worker;
    struct worker_listener *from = listen_of(w, l);

    if (l->pace_served || from == NULL || from->config->plane != CONFIG_PLANE_DELIVERY ||
        !is_paced(w, from) || self_test_is_own(w->node->self_test, bytes_str(l->client_id)))
        return false;
    if (pace_enter(&from->pace, cost_ns(w), w->now_ns)) {
        l->pace_served = true;
        return false;
    }
    if (pace_is_idle(&from->pace))
        worker_due(w, &from->next_turn, w->now_ns, DUE_PACE);
    pace_wait(&from->pace, &l->in_pace, rank_of(l, p));
    if (len <= CONNECT_BYTES_MAX)
        admit_waits(l);
    l->read_again_ns = TIMER_NEVER;
    w->counters.connects_delayed++;
    return true;
}

/** pace_until() - CONNECTs are delayed until then; a time that has passed: no longer, and all that
 * wait go on */
void pace_until(struct worker *w, uint64_t until_ns)
{
    w->paced_until_ns = until_ns;
    if (until_ns > w->now_ns)
        return;
    for (size_t i = 0; i < w->n_listeners; i++) {
        for (enum pace_rank rank = 0; rank < PACE_RANK_N; rank++) {
            list_each (it, &w->listeners[i].pace.waiting[rank]) {
                list_remove(it);
                let_go(list_item(it, struct link, in_pace));
            }
        }
    }
}
