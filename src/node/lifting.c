/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/lifting.c - what is under a block, counted before it is lifted
 *
 * What is retained, and what waits in memory for who is here or away.  What waits on disk is not
 * looked through, which could take longer than a command may: it is told of as that, and only where
 * a lift lets it go.  What a quarantine of deliveries covers is condemned there (purge.c), whether
 * it is lifted meanwhile or not.
 *
 * A worker is asked in parts, so that its messages go on, and not without end: other orders wait
 * meanwhile.
 *
 * MQ.RS.RP-04
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "node/aim.h"
#include "node/orders.h"
#include "node/sentinel.h"

#define SESSIONS_PART 256
#define TOPICS_PART   4096 /* some hundred microseconds */
#define TOPICS_MAX    (32 * TOPICS_PART)

struct under {
    struct restraints *block; /* this one alone; a reference */
    struct bytes filter;      /* BYTES_NONE: of a conduit */
    uint64_t from, to;        /* of a conduit: one client of each zone, 0: there is none */
    bool counts_disk;
    uint64_t now_ns;
    struct retained_want walk; /* all that is retained */
    size_t n_looked_at;        /* of what is retained, all topics together; not beyond TOPICS_MAX */
    size_t n_retained;
    size_t n_waiting;
    size_t n_on_disk;
};

/* ---- what the block is ---- */

struct in_force {
    const struct respond_measure *at;
    unsigned directions;
};

static void add_directions(void *arg, const struct respond_measure *m)
{
    struct in_force *f = arg;

    if (respond_measure_is_aimed_at(m, f->at))
        f->directions |= m->directions;
}

/** lifting_directions() - what the quarantines of @at's target block, by all who want it; 0: none
 * is in force; the sentinel's thread */
unsigned lifting_directions(const struct sentinel *s, const struct respond_measure *at)
{
    struct in_force f = {.at = at};

    respond_measures_each(s->respond, add_directions, &f);
    return f.directions;
}

static struct under under_topic(const struct sentinel *s, const struct respond_measure *at)
{
    const struct quarantine q = {(char *)(uintptr_t)at->target, QUARANTINE_DELIVER};

    return (struct under){
        .block = restraints_new(NULL, 0, &q, 1),
        .filter = bytes_str(at->target),
        .counts_disk = !(lifting_directions(s, at) & RESPOND_DELIVER),
    };
}

static struct under under_conduit(const struct sentinel *s, const struct respond_measure *at)
{
    struct zone_clients from = enforce_zone_clients(s, at, at->target);
    struct zone_clients to = enforce_zone_clients(s, at, at->address);
    struct under u = {
        .block = restraints_new(NULL, 0, NULL, 0),
        .from = from.n > 0 ? from.keys[0] : 0,
        .to = to.n > 0 ? to.keys[0] : 0,
        .counts_disk = true,
    };

    restraints_part(u.block, from.keys, from.n, to.keys, to.n);
    free(from.keys);
    free(to.keys);
    return u;
}

/* ---- what is retained: all workers have the same ---- */

static void count_retained(void *arg, struct message *m, uint64_t serial)
{
    struct under *u = arg;

    (void)serial;
    u->n_retained += restraints_block(u->block, QUARANTINE_DELIVER, m->topic) != NULL ||
                     restraints_parts(u->block, m->publisher, u->to);
}

static void begin_walk(struct worker *w, void *arg)
{
    struct under *u = arg;

    u->walk.until = router_retained_serial(w->router);
    if (u->filter.len > 0 && router_retained_each(w->router, u->filter, w->now_ns, TOPICS_PART,
                                                  count_retained, u) <= TOPICS_PART) {
        u->walk.after = u->walk.until;
        return;
    }
    u->n_retained = 0; /* too many to look at them at once */
}

static void walk_on(struct worker *w, void *arg)
{
    struct under *u = arg;

    (void)router_retained_scan(w->router, &u->walk, w->now_ns, TOPICS_PART, count_retained, u);
}

static bool is_walked(const struct under *u)
{
    return u->walk.after >= u->walk.until;
}

static void count_all_retained(struct node *n, struct under *u)
{
    node_call_worker(n, 0, begin_walk, u);
    for (; !is_walked(u) && u->n_looked_at < TOPICS_MAX; u->n_looked_at += TOPICS_PART)
        node_call_worker(n, 0, walk_on, u);
}

/* ---- what waits ---- */

struct part {
    const struct under *under;
    uint64_t reader;
    size_t n_waiting; /* of one worker */
    size_t n_on_disk;
};

static void nothing_yet(void *arg)
{
    struct part *p = arg;

    p->n_waiting = p->n_on_disk = 0;
}

static bool waits_under(const void *arg, const struct message *m)
{
    const struct part *p = arg;

    return m->expires_ns > p->under->now_ns &&
           (restraints_block(p->under->block, QUARANTINE_DELIVER, m->topic) != NULL ||
            restraints_parts(p->under->block, m->publisher, p->reader));
}

static bool add_session(const struct resident *c, void *arg)
{
    struct part *p = arg;
    const struct under *u = p->under;
    size_t n_unseen = 0;

    p->reader = c->session->client_key;
    p->n_waiting += session_count_waiting(c->session, waits_under, p, &n_unseen);
    if (u->counts_disk && (u->filter.len > 0 || restraints_parts(u->block, u->from, p->reader)))
        p->n_on_disk += n_unseen;
    return true;
}

static void count_waiting(struct node *n, struct under *u)
{
    for (unsigned i = 0; i < n->n_workers; i++) {
        struct part p = {.under = u};

        survey_worker(n, i, &(struct survey){SESSIONS_PART, nothing_yet, add_session, &p});
        u->n_waiting += p.n_waiting;
        u->n_on_disk += p.n_on_disk;
    }
}

/* ---- told ---- */

static char *said(const struct under *u)
{
    char *disk = u->n_on_disk > 0
                     ? text_format(", and %zu on disk that were not looked through", u->n_on_disk)
                     : NULL;
    char *text =
        text_format("with %zu%s retained and %zu waiting messages under it%s", u->n_retained,
                    is_walked(u) ? "" : " or more", u->n_waiting, text_or_empty(disk));

    free(disk);
    return text;
}

/**
 * lifting_text() - what is under the quarantine @at before it is lifted
 *
 * The sentinel's thread; waits for the workers.
 *
 * Return: owned by the caller; NULL of what holds no message back, such as a listener.
 */
char *lifting_text(struct sentinel *s, const struct respond_measure *at)
{
    struct under u;
    char *text;

    if (at->kind != ACTION_QUARANTINE || at->target_kind == TARGET_LISTENER)
        return NULL;
    u = at->target_kind == TARGET_CONDUIT ? under_conduit(s, at) : under_topic(s, at);
    u.now_ns = clock_now_ns();
    count_all_retained(s->node, &u);
    count_waiting(s->node, &u);
    text = said(&u);
    restraints_unref(u.block);
    return text;
}
