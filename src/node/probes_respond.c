/* SPDX-License-Identifier: Apache-2.0 */
/* node/probes_respond.c - evidence of what is prepared to respond with, and of what has ended */
#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"
#include "node/orders.h"
#include "node/probes.h"

#define LEFT_MS  (7 * 86400000ULL) /* so long after an incident is closed nothing of it is left */
#define TICKS_MS 5000              /* what ended a moment ago may still be on its way out */

static void postures(struct node *n, struct evidence_list *e)
{
    unsigned n_prepared = 1; /* the normal one */

    for (enum respond_posture p = POSTURE_ELEVATED; p < POSTURE_N; p++)
        n_prepared += posture_lacks(n, p) == NULL;
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

/* ---- what is left of incidents that are closed: MQ.RC.RP-02.t1 ---- */

struct left {
    const struct respond *respond;
    uint64_t closed_before_unix_ms;
    unsigned n_closed;
    unsigned n_left;
};

static bool is_long_closed(const struct left *l, const struct incident *i)
{
    return i != NULL && i->state == INCIDENT_CLOSED &&
           i->updated_unix_ms < l->closed_before_unix_ms;
}

static void count_closed(void *arg, const struct incident *i)
{
    struct left *l = arg;

    l->n_closed += is_long_closed(l, i);
}

static void count_left(struct left *l, const char *incident)
{
    l->n_left += incident != NULL && is_long_closed(l, respond_incident_find(l->respond, incident));
}

static void measure_left(void *arg, const struct respond_measure *m)
{
    count_left(arg, m->incident);
}

static void ban_left(void *arg, const struct respond_ban *b)
{
    count_left(arg, b->incident);
}

static void left_here(struct sentinel *s, void *arg)
{
    struct left *l = arg;

    l->respond = s->respond;
    respond_incidents_each(s->respond, count_closed, l);
    respond_measures_each(s->respond, measure_left, l);
    respond_bans_each(s->respond, ban_left, l);
}

static void left(struct node *n, struct evidence_list *e)
{
    struct left l = {.closed_before_unix_ms = e->at_unix_ms - LEFT_MS};

    sentinel_call(n->sentinel, left_here, &l);
    if (l.n_closed > 0)
        evidence_add(
            e, "MQ.RC.RP-02.t1", l.n_left, l.n_closed, NULL,
            "of %u incidents that were closed over 7 d ago, %u bans and measures are still "
            "in force",
            l.n_closed, l.n_left);
}

/* ---- the firewall: MQ.RS.RP-05.t3 ---- */

static void blocks_here(struct sentinel *s, void *arg)
{
    *(size_t *)arg = firewall_wanted(s->respond);
}

static void firewall(struct node *n, struct evidence_list *e)
{
    size_t n_asked = 0;
    unsigned n_kept = 0;
    bool answers;

    if (n->started->ward_socket == NULL)
        return;
    sentinel_call(n->sentinel, blocks_here, &n_asked);
    answers = firewall_count(n, &n_kept);
    evidence_add(e, "MQ.RS.RP-05.t3", answers && n_kept == n_asked, 1, NULL,
                 "bastide-ward %s: it has %u blocks in force, the node asked for %zu",
                 answers ? "answers" : "does not answer", n_kept, n_asked);
}

/** probe_respond() - postures, temporary rules, what is left, the firewall */
void probe_respond(struct node *n, struct evidence_list *e)
{
    postures(n, e);
    ended(n, e);
    left(n, e);
    firewall(n, e);
}
