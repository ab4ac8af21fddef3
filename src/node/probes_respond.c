/* SPDX-License-Identifier: Apache-2.0 */
/* node/probes_respond.c - evidence of what is prepared to respond with, and of what has ended */
#include "base/clock.h"
#include "node/probes.h"

#define TICKS_MS 5000 /* what ended a moment ago may still be on its way out */

static bool is_prepared(const struct config_posture *p)
{
    const struct limits none = {0};

    return p->n_closed_listeners > 0 || memcmp(&p->limits, &none, sizeof(none)) != 0;
}

static void postures(struct node *n, struct evidence_list *e)
{
    unsigned n_prepared = 1; /* the normal one */

    pthread_mutex_lock(&n->config_lock);
    for (enum respond_posture p = POSTURE_ELEVATED; p < POSTURE_N; p++)
        n_prepared += is_prepared(&n->config->postures[p]);
    pthread_mutex_unlock(&n->config_lock);
    evidence_add(e, "MQ.RS.RP-05.t1", n_prepared, POSTURE_N, NULL,
                 "%u of the postures normal, elevated and lockdown are in the configuration",
                 n_prepared);
}

struct ends {
    uint64_t now_unix_ms;
    unsigned n;
    unsigned n_past;
};

static void look_at_end(struct ends *ends, uint64_t expires_unix_ms)
{
    ends->n += expires_unix_ms != 0;
    ends->n_past += expires_unix_ms != 0 && expires_unix_ms + TICKS_MS < ends->now_unix_ms;
}

static void look_at_measure(void *arg, const struct respond_measure *m)
{
    look_at_end(arg, m->expires_unix_ms);
}

static void look_at_ban(void *arg, const struct respond_ban *b)
{
    look_at_end(arg, b->expires_unix_ms);
}

static void look_here(struct sentinel *s, void *arg)
{
    respond_measures_each(s->respond, look_at_measure, arg);
    respond_bans_each(s->respond, look_at_ban, arg);
}

static void ended(struct node *n, struct evidence_list *e)
{
    struct ends ends = {.now_unix_ms = clock_unix_ms()};

    sentinel_call(n->sentinel, look_here, &ends);
    if (ends.n > 0)
        evidence_add(e, "MQ.RC.RP-04.t4", ends.n_past, ends.n, NULL,
                     "of %u bans and measures with an end, %u are past it", ends.n, ends.n_past);
}

/** probe_respond() - postures, and temporary rules */
void probe_respond(struct node *n, struct evidence_list *e)
{
    postures(n, e);
    ended(n, e);
}
