/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/retained.c - what is retained is looked for when a client can take it
 *
 * A subscription with wildcards may have to look at every retained topic, and its
 * packet has 10 bytes.  So a client's subscriptions take turns, one is looked for when
 * all that was found before has been sent, and a turn of the worker looks at about
 * TOPICS_PER_TURN topics: where a filter may meet more, all topics are gone through in
 * parts.  Parts are in the order in which messages were retained, so that the journal has
 * a few numbers only of what is left (docs/decisions/0017).
 *
 * MQ.PR.SP-05
 */
#include <stdlib.h>

#include "base/mem.h"
#include "node/node_private.h"

#define TOPICS_PER_TURN 10000
#define TOPICS_PER_STEP 100 /* then it is asked whether the session may hold more */

_Static_assert(SUBSCRIBES_WAITING_MAX == RETAINED_WANTS_MAX, "the reference says what is so");

struct finding_one {
    struct message *message; /* borrowed */
    uint64_t serial;
};

struct findings {
    const struct restraints *restraints;
    const struct session *session;
    const struct subscription *subscription;
    struct finding_one *at;
    size_t n;
    size_t cap;
    size_t bytes;
};

static void found(void *arg, struct message *m, uint64_t serial)
{
    struct findings *f = arg;
    const struct subscription *sub = f->subscription;

    if (!session_wants_retained(sub->want, m, serial))
        return;
    if (session_skips_own(f->session, sub, m->publisher))
        return;
    if (restraints_block(f->restraints, QUARANTINE_DELIVER, m->topic) != NULL ||
        restraints_parts(f->restraints, m->publisher, f->session->client_key))
        return;
    if (f->n == f->cap) {
        f->cap = f->cap > 0 ? f->cap * 2 : 16;
        f->at = mem_resize(f->at, f->cap * sizeof(*f->at));
    }
    f->at[f->n++] = (struct finding_one){m, serial};
    f->bytes += message_bytes(m);
}

static int by_serial(const void *a, const void *b)
{
    uint64_t left = ((const struct finding_one *)a)->serial;
    uint64_t right = ((const struct finding_one *)b)->serial;

    return (left > right) - (left < right);
}

/* Leave what a session may hold: those that were retained first. */
static void keep_first(struct findings *f, size_t bytes_max)
{
    size_t bytes = 0;
    size_t n = 0;

    qsort(f->at, f->n, sizeof(*f->at), by_serial);
    while (n < f->n && (n == 0 || bytes + message_bytes(f->at[n].message) <= bytes_max))
        bytes += message_bytes(f->at[n++].message);
    f->n = n;
}

static void found_in_scan(void *arg, struct message *m, uint64_t serial)
{
    struct findings *f = arg;

    if (wire_filter_matches(subscription_filter(f->subscription), m->topic))
        found(arg, m, serial);
}

/* Take what was found over into the session, and have the journal know it and what is left; @f is
 * empty afterwards. */
static void offer(const struct worker *w, struct session *s, struct subscription *sub,
                  struct findings *f, bool is_all)
{
    struct retained_found *messages = mem_zero(f->n * sizeof(*messages));

    for (size_t i = 0; i < f->n; i++)
        messages[i].message = message_ref(f->at[i].message);
    session_offer_retained(s, sub->want, w->router, messages, f->n);
    if (is_all)
        session_found_retained(s, sub);
    else if (f->n > 0)
        session_note_want(s, sub->want);
    free(f->at);
    f->at = NULL;
}

static struct findings findings_of(const struct worker *w, const struct session *s,
                                   const struct subscription *sub)
{
    return (struct findings){.restraints = w->restraints, .session = s, .subscription = sub};
}

/* All at once; Return: what it cost, more than TOPICS_PER_TURN if they are too many for that. */
static size_t search(struct worker *w, struct session *s, struct subscription *sub)
{
    struct findings f = findings_of(w, s, sub);
    size_t cost = router_retained_each(w->router, subscription_filter(sub), w->now_ns,
                                       TOPICS_PER_TURN, found, &f);
    size_t n_all = f.n;

    if (cost > TOPICS_PER_TURN) {
        sub->want->scans = true;
        free(f.at);
        return cost;
    }
    if (f.bytes > s->queue_limits.bytes_max)
        keep_first(&f, s->queue_limits.bytes_max);
    if (f.n < n_all)
        sub->want->after = f.at[f.n - 1].serial;
    offer(w, s, sub, &f, f.n == n_all);
    return cost;
}

/* A part of all topics; Return: what it cost. */
static size_t scan(struct worker *w, struct session *s, struct subscription *sub)
{
    struct findings f = findings_of(w, s, sub);
    struct retained_want *want = sub->want;
    size_t left = w->retained_budget;

    do {
        size_t cost = router_retained_scan(w->router, want, w->now_ns,
                                           MIN(left, (size_t)TOPICS_PER_STEP), found_in_scan, &f);

        left -= MIN(left, cost);
    } while (left > 0 && want->after < want->until && f.bytes < s->queue_limits.bytes_max);
    offer(w, s, sub, &f, want->after == want->until);
    return w->retained_budget - left;
}

/* Return: what it cost. */
static size_t look(struct worker *w, struct session *s, struct subscription *sub)
{
    struct retained_want *want = sub->want;

    want->until = MIN(want->until, router_retained_serial(w->router));
    if (want->after == want->until) {
        session_found_retained(s, sub);
        return 0;
    }
    return want->scans ? scan(w, s, sub) : search(w, s, sub);
}

/** retained_turn_begins() - a worker may look for as much again */
void retained_turn_begins(struct worker *w)
{
    w->retained_budget = TOPICS_PER_TURN;
}

/**
 * retained_find() - look for what a session's subscriptions want, if it is their turn
 *
 * Return: whether something was found, to be sent by session_pump(); session_retained_next() says
 * whether there is still to be looked, in the next turn.
 */
bool retained_find(struct worker *w, struct session *s)
{
    struct subscription *sub;

    while (w->retained_budget > 0 && (sub = session_retained_next(s)) != NULL) {
        size_t cost = look(w, s, sub);

        w->retained_budget -= MIN(w->retained_budget, cost);
        if (s->retained != NULL)
            return true;
    }
    return false;
}
