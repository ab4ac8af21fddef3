/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/amends.c - what is made good when events were shed
 *
 * A sentinel that is behind drops events, and what they tell is lost to detection.  Who is
 * connected must not be: assets and the map of the network would lack devices for as long as they
 * stay, show others that are gone, and the safeguards of respond would not know whom to spare.  So
 * once it has caught up, the sentinel goes through all sessions of all workers, has tell of
 * themselves those that it does not know (EVENT_STANDING, and their subscriptions), and then
 * through those that it takes for connected, and drops those that no worker has.
 *
 * Who comes or goes meanwhile is told of by events that are on their way and is left to them: a
 * connection that is newer than the round, and one that was missing once and whose end comes by the
 * next part.
 *
 * A part a second, of bounded size for the worker and for the sentinel; events shed meanwhile
 * are made good in the next rounds.  On the sentinel's thread, but for what runs on a worker while
 * the sentinel waits for it.
 *
 * MQ.ID.AM-01 MQ.ID.AM-03 MQ.RS.RP-03
 */
#include "base/clock.h"
#include "base/log.h"
#include "node/node_private.h"
#include "node/self_test.h"
#include "node/sentinel.h"

#define LOOK_MAX     2048 /* sessions of a worker, in a part */
#define TELL_MAX     64   /* of them that tell of themselves */
#define BLOCKS_AHEAD 8    /* with more on the way it is behind still */
#define ROUNDS_MAX   3    /* without that more was shed */
#define WHO_EVENTS   2    /* who it is, and its traits */

/* No more than all of them at their longest. */
#define TRAITS_TEXT_MAX (IDENTIFY_TRAIT_N * (2 + IDENTIFY_TRAIT_BYTES_MAX))

/* ---- on a worker ---- */

struct standing_part {
    struct sentinel *s;
    unsigned n_told;
    bool is_last;
};

static bool is_unknown(const struct sentinel *s, const struct link *l)
{
    return l != NULL && l->phase == LINK_OPEN && l->conn.state == CONN_ACTIVE &&
           l->number < s->amends.next_link &&
           !self_test_is_own(s->node->self_test, bytes_str(l->client_id)) &&
           !online_has(s, l->number);
}

static bool has_room(const struct worker *w, unsigned n, size_t text_len)
{
    return w->events->n_events + n <= EVENT_BLOCK_EVENTS_MAX &&
           w->events->text_len + text_len <= EVENT_BLOCK_TEXT_MAX;
}

static void make_room(struct worker *w, unsigned n, size_t text_len)
{
    if (!has_room(w, n, text_len))
        worker_post_events(w);
}

/* Of who it is and what TLS says of it: at most. */
static size_t who_text(const struct link *l)
{
    return WHO_EVENTS * worker_event_text(l) + ROLE_NAME_MAX + TRAITS_TEXT_MAX;
}

static size_t subscribed_text(const struct link *l, const struct subscription *sub)
{
    return worker_event_text(l) + subscription_filter(sub).len;
}

/* With all that it subscribes to; who alone does not fit into a block has several. */
static void tell(struct worker *w, struct link *l)
{
    make_room(w, WHO_EVENTS, who_text(l));
    notice_standing(l);
    introduce_standing(l);
    list_each (it, &l->resident->session->subscriber.subscriptions) {
        const struct subscription *sub = list_item(it, struct subscription, in_subscriber);

        if (sub->is_suspended)
            continue;
        make_room(w, 1, subscribed_text(l, sub));
        worker_event_of(w, l, EVENT_SUBSCRIBED, sub->qos, subscription_filter(sub), NULL);
    }
}

static bool fits(const struct worker *w, const struct link *l)
{
    const struct subscriber *s = &l->resident->session->subscriber;
    unsigned n = WHO_EVENTS + MIN(s->n_subscriptions, (uint32_t)EVENT_BLOCK_EVENTS_MAX);
    size_t text_len = who_text(l);

    if (!has_room(w, n, text_len))
        return false;
    list_each (it, (struct list *)&s->subscriptions)
        text_len += subscribed_text(l, list_item(it, struct subscription, in_subscriber));
    return has_room(w, n, text_len);
}

/* One can be told of in each part; more of them as long as a block has room for all. */
static bool may_tell(const struct worker *w, const struct standing_part *p, const struct link *l)
{
    return p->n_told == 0 || (p->n_told < TELL_MAX && fits(w, l));
}

static void look_at_part(struct worker *w, void *arg)
{
    struct standing_part *p = arg;
    struct amends *a = &p->s->amends;

    if (a->places != w->residents.cap) {
        a->places = w->residents.cap;
        a->cursor = 0;
    }
    for (size_t n = 0; n < LOOK_MAX; n++) {
        size_t before = a->cursor;
        const struct resident *c = map_next(&w->residents, &a->cursor);

        p->is_last = c == NULL;
        if (p->is_last)
            return;
        if (!is_unknown(p->s, c->link))
            continue;
        if (!may_tell(w, p, c->link)) {
            a->cursor = before;
            return;
        }
        tell(w, c->link);
        p->n_told++;
    }
}

struct ended_part {
    uint64_t conns[AMENDS_CONNS_MAX];
    bool stands[AMENDS_CONNS_MAX];
    size_t n;
};

static void look_for_part(struct worker *w, void *arg)
{
    struct ended_part *p = arg;

    for (size_t i = 0; i < p->n; i++) {
        const struct link *l = link_find(w, p->conns[i]);

        p->stands[i] |= l != NULL && l->phase == LINK_OPEN;
    }
}

/* ---- on the sentinel ---- */

static void look_for(struct amends *a, int what)
{
    a->looks_for = what;
    a->places = SIZE_MAX;
    a->cursor = 0;
    a->is_last_part = false;
}

static void standing_part(struct sentinel *s)
{
    struct standing_part p = {.s = s};

    node_call_worker(s->node, s->amends.worker, look_at_part, &p);
    s->amends.n_standing += p.n_told;
    if (!p.is_last)
        return;
    s->amends.worker++;
    look_for(&s->amends, s->amends.worker < s->node->n_workers ? AMENDS_STANDING : AMENDS_ENDED);
}

static void end(struct sentinel *s, uint64_t conn)
{
    const struct event e = {.kind = EVENT_DISCONNECTED, .at_ns = s->now_ns, .conn = conn};

    online_event(s, &e);
    identify_event(s->identify, &e, s->now_unix_ms);
    detect_conn_gone(s->detect, conn);
    s->amends.n_ended++;
}

/* Whom no worker had a second ago: what was on its way then has told of the end by now, or was
 * shed. Return: was there an end to be made good? */
static bool end_missing(struct sentinel *s)
{
    struct amends *a = &s->amends;
    size_t before = a->n_ended;

    for (size_t i = 0; i < a->n_missing; i++) {
        if (online_has(s, a->missing[i]))
            end(s, a->missing[i]);
    }
    a->n_missing = 0;
    return a->n_ended > before;
}

static void look_for_missing(struct sentinel *s)
{
    struct amends *a = &s->amends;
    struct ended_part p = {0};

    p.n = online_next(s, &a->cursor, p.conns, AMENDS_CONNS_MAX);
    node_call_all(s->node, look_for_part, &p);
    for (size_t i = 0; i < p.n; i++) {
        if (!p.stands[i])
            a->missing[a->n_missing++] = p.conns[i];
    }
    a->is_last_part = p.n < AMENDS_CONNS_MAX;
}

/* Who is taken out has others move up: what was looked at is gone through once more. */
static void ended_part(struct sentinel *s)
{
    struct amends *a = &s->amends;

    if (end_missing(s)) {
        a->cursor = a->part;
        a->is_last_part = false;
    }
    if (!a->is_last_part) {
        if (a->places != s->online.cap) {
            a->places = s->online.cap;
            a->cursor = 0;
        }
        a->part = a->cursor;
        look_for_missing(s);
    }
    if (a->is_last_part && a->n_missing == 0)
        a->looks_for = AMENDS_NONE;
}

/* ---- rounds ---- */

static void begin_round(struct sentinel *s)
{
    struct amends *a = &s->amends;

    a->next_link = atomic_load(&s->node->next_link);
    a->n_before = a->n_standing + a->n_ended;
    a->round++;
    a->worker = 0;
    look_for(a, AMENDS_STANDING);
}

static void begin(struct sentinel *s, uint64_t n_shed)
{
    s->amends.n_shed = n_shed;
    s->amends.round = 0;
    begin_round(s);
}

/* Another one follows while there was something: who comes or goes can hide another in the tables
 * that are gone through.  Not for ever: an old connection whose CONNECT was accepted just before
 * its worker was looked at counts as made good, too. */
static void end_round(struct sentinel *s, uint64_t n_shed)
{
    struct amends *a = &s->amends;
    size_t n = a->n_standing + a->n_ended;

    if (n_shed != a->n_shed) {
        begin(s, n_shed);
    } else if (n > a->n_before && a->round < ROUNDS_MAX) {
        begin_round(s);
    } else {
        if (n > 0)
            log_info("sentinel", "events were shed: %zu connections and %zu ends are made good",
                     a->n_standing, a->n_ended);
        a->n_standing = a->n_ended = 0;
    }
}

/** amends_tick() - about once a second, on the sentinel's thread: a part, if there is something to
 * be made good */
void amends_tick(struct sentinel *s)
{
    struct amends *a = &s->amends;
    uint64_t n_shed = atomic_load(&s->n_shed_blocks) + s->n_shed_events;

    if (atomic_load(&s->n_blocks) > BLOCKS_AHEAD)
        return;
    switch (a->looks_for) {
    case AMENDS_NONE:
        if (n_shed != a->n_shed)
            begin(s, n_shed);
        return;
    case AMENDS_STANDING:
        standing_part(s);
        return;
    case AMENDS_ENDED:
        ended_part(s);
        break;
    }
    if (a->looks_for == AMENDS_NONE)
        end_round(s, n_shed);
}
