/* SPDX-License-Identifier: Apache-2.0 */
/* sim/call.c - calls of all workers, where all of them are one thread */
#include "node/node_private.h"
#include "sim/node.h"
#include "sim/sim.h"
#include "sim/wrap.h"

struct call {
    struct post post;
    void (*fn)(struct worker *w, void *arg);
    void *arg;
    unsigned *n_left;
};

static void take_call(struct worker *w, struct post *p)
{
    struct call *c = list_item(p, struct call, post);

    c->fn(w, c->arg);
    --*c->n_left;
}

/* The workers come to it in any order. */
void __wrap_node_call_all(struct node *n, void (*fn)(struct worker *w, void *arg), void *arg)
{
    struct call calls[SIM_WORKERS_MAX];
    unsigned n_left = n->n_workers;

    for (unsigned i = 0; i < n->n_workers; i++) {
        calls[i] = (struct call){.post.take = take_call, .fn = fn, .arg = arg, .n_left = &n_left};
        worker_post(n->workers[i], LANE_CONTROL, &calls[i].post);
    }
    while (n_left > 0)
        node_turn((unsigned)chance_below(n->n_workers));
}
