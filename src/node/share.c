/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/share.c - a message on its way to one member of a group
 *
 * The worker that received the message picks a member of its own or another worker,
 * which picks among its own.  Who takes it has room for it in its queue: where no member does,
 * the next worker is asked that was not yet, first for members that are connected, then for
 * any; it is dropped if there is room nowhere [MQTT5-4.5.0-1].  When a member's connection goes,
 * what was not sent to it yet goes to a member that is connected; when its session ends, so does
 * what it has not acknowledged at QoS 1. QoS 2 messages that were sent stay with their session
 * [MQTT5-4.8.2-5].
 *
 * There may come room where it was asked for in vain, as a member leaves what it had to others, or
 * acknowledges; and what is newer may take the last one of a worker that a message has not come to
 * yet.  So the workers are asked again if there may have come room meanwhile, ROUNDS_MAX times at
 * most: where more is published than all members take, something has to be dropped.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "node/node_private.h"

#define ROUNDS_MAX 4

/* For a member that takes a message. */
struct quest {
    uint64_t asked;   /* BIT64() of workers */
    uint64_t n_rooms; /* the node's, before the first of them was */
    unsigned n_rounds;
    bool any;         /* also for members that are not connected */
    bool was_away;    /* of one that was passed by therefore, and may be back by now */
    bool was_refused; /* by one that was asked: it is full, or takes none as large */
};

struct share_post {
    struct post post;
    struct message *message; /* owned reference */
    uint64_t intent;         /* id by which the journal has it; 0: it does not */
    struct quest quest;
    size_t group_len;
    size_t filter_len;
    uint8_t text[]; /* group, filter */
};

static void send_on(struct worker *w, unsigned outlet, struct share *s, struct publication *p,
                    const struct quest *q);

static void begin_round(struct worker *w, struct quest *q, bool any)
{
    q->asked = 0;
    q->n_rooms = atomic_load(&w->node->n_rooms);
    q->n_rounds++;
    q->any = any;
    q->was_away = false;
}

static bool ask_here(struct worker *w, struct publication *p, struct share *s, struct quest *q)
{
    static const bool is_taken[] = {
        [SESSION_SENT] = true,       [SESSION_QUEUED] = true, [SESSION_SKIPPED] = true,
        [SESSION_AWAY] = false,      [SESSION_FULL] = false,  [SESSION_DROPPED] = false,
        [SESSION_TOO_LARGE] = false,
    };
    const struct share_count here = share_here(s);

    q->was_away |= !q->any && here.n_connected < here.n_members;
    for (uint32_t i = q->any ? here.n_members : here.n_connected; i > 0; i--) {
        struct subscription *const member = share_next_here(s, !q->any);
        const struct receiver r = {member->subscriber, &member, 1};
        enum session_offered how = flow_offer(w, p, &r);

        if (is_taken[how])
            return true;
        q->was_refused |= how == SESSION_FULL || how == SESSION_TOO_LARGE;
        w->work_beside++;
    }
    return false;
}

/* In one round: here, then at the next worker that was not asked. */
static bool go_round(struct worker *w, struct publication *p, struct share *s, struct quest *q)
{
    bool was_here = q->asked & BIT64(w->index);
    struct share_target t;

    q->asked |= BIT64(w->index);
    if (!was_here && ask_here(w, p, s, q))
        return true;
    t = share_next_elsewhere(s, q->asked, !q->any);
    if (t.found)
        send_on(w, t.outlet, s, p, q);
    return t.found;
}

/* Is there one that may have room, though all that were to be asked had none? */
static bool is_to_be_asked_again(struct worker *w, const struct share *s, const struct quest *q)
{
    return (!q->any && (q->was_away || share_has_away(s))) ||
           (q->n_rounds < ROUNDS_MAX && q->n_rooms != atomic_load(&w->node->n_rooms));
}

static bool go_on(struct worker *w, struct publication *p, struct share *s, struct quest *q)
{
    while (!go_round(w, p, s, q)) {
        if (!is_to_be_asked_again(w, s, q))
            return false;
        begin_round(w, q, true);
    }
    return true;
}

/* To the worker whose turn it is, if that is another one. */
static bool begin(struct worker *w, struct publication *p, struct share *s, struct quest *q)
{
    struct share_target t = share_next(s);

    *q = (struct quest){0};
    begin_round(w, q, !share_has_connected(s));
    if (!t.found || t.is_here)
        return false;
    send_on(w, t.outlet, s, p, q);
    return true;
}

static void deliver(struct worker *w, struct publication *p, struct share *s)
{
    struct quest q;

    if (!begin(w, p, s, &q) && !go_on(w, p, s, &q))
        w->counters.messages_dropped += q.was_refused;
}

/** share_offer_here() - to one member of this worker, the next in turn that takes it
 * @connected:  among those that are; otherwise among all
 *
 * Return: whether one has taken it. */
bool share_offer_here(struct worker *w, struct publication *p, struct share *s, bool connected)
{
    struct quest q = {.any = !connected};

    return ask_here(w, p, s, &q);
}

static void route_share(struct worker *w, struct share_post *sp, struct publication *p)
{
    struct bytes group = bytes_of(sp->text, sp->group_len);
    struct bytes filter = bytes_of(sp->text + sp->group_len, sp->filter_len);
    struct share *s = router_share(w->router, group, filter);

    if (s == NULL || !go_on(w, p, s, &sp->quest)) /* the group has dissolved, or none has room */
        w->counters.messages_dropped += s == NULL || sp->quest.was_refused;
}

static void take_share_post(struct worker *w, struct post *post)
{
    struct share_post *sp = list_item(post, struct share_post, post);
    struct publication p = publication_of(sp->message);

    if (!flow_is_held_back(w, &p))
        route_share(w, sp, &p);
    if (sp->intent != 0)
        notes_drop(w->notes, sp->intent);
    publication_done(&p);
    message_unref(sp->message);
    free(sp);
}

/** share_is_post() - is a message in it, on its way to a member? */
bool share_is_post(const struct post *p)
{
    return p->take == take_share_post;
}

static void send_on(struct worker *w, unsigned outlet, struct share *s, struct publication *p,
                    const struct quest *q)
{
    struct bytes group = share_group(s);
    struct bytes filter = share_filter(s);
    struct share_post *sp = mem_alloc(sizeof(*sp) + group.len + filter.len);

    list_init(&sp->post.mail.link);
    sp->post.take = take_share_post;
    sp->message = publication_keep(p);
    sp->intent = note_share_intent(w, p, s);
    sp->quest = *q;
    sp->group_len = group.len;
    sp->filter_len = filter.len;
    memcpy(sp->text, group.at, group.len);
    memcpy(sp->text + group.len, filter.at, filter.len);
    if (p->is_control)
        outlet_add_control_message(w, outlet, &sp->post);
    else
        outlet_add_post(w, outlet, &sp->post, message_bytes(sp->message));
    w->counters.messages_forwarded++;
}

/** share_route() - @p goes to one member of each share in @m */
void share_route(struct worker *w, struct publication *p, const struct match *m)
{
    for (size_t i = 0; i < m->n_shares; i++)
        deliver(w, p, m->shares[i]);
}

/* ---- members that come and go ---- */

/** share_member() - @sub is one of @s: who counts the members of its group knows what @s is now */
void share_member(struct session *s, struct subscription *sub)
{
    router_share_member(sub, s->conn != NULL, s->notes != NULL);
}

/** share_member_changed() - the session has a network connection now, or none; or is kept, or not
 */
void share_member_changed(struct worker *w, struct session *s)
{
    list_each (it, &s->subscriber.subscriptions) {
        struct subscription *sub = list_item(it, struct subscription, in_subscriber);

        if (sub->share == NULL)
            continue;
        share_member(s, sub);
        share_tell(w, share_group(sub->share), subscription_filter(sub));
    }
}

static bool is_member(const struct session *s)
{
    list_each (it, (struct list *)&s->subscriber.subscriptions) {
        if (list_item(it, struct subscription, in_subscriber)->share != NULL)
            return true;
    }
    return false;
}

/* To another member that is connected; if that is on another worker and has no room meanwhile, to
 * any, of which the session that is left is one. */
static bool hand_over(struct worker *w, struct publication *p, struct share *s)
{
    struct quest q;

    return share_has_connected(s) && (begin(w, p, s, &q) || go_round(w, p, s, &q));
}

/* Give each of @left to another member, if one takes it; otherwise it stays with @s, unless that
 * ends. */
static void pass_on(struct worker *w, struct session *s, struct queue_ring *left, bool ends)
{
    while (left->n > 0) {
        struct delivery d = *ring_at(left, 0);
        struct share *share = router_share_by_id(w->router, d.share);
        struct publication p = publication_of(d.message);
        bool has_left = share != NULL;

        ring_drop_first(left);
        p.is_durable = note_is_durable(w, p.topic); /* it has no record if @s is not kept */
        if (share != NULL && ends)
            deliver(w, &p, share);
        else if (share != NULL)
            has_left = hand_over(w, &p, share);
        publication_done(&p);
        if (has_left)
            delivery_done(&d);
        else
            session_put_back(s, &d);
    }
    ring_done(left);
}

/** share_member_left() - the session's connection is gone: what it was not sent goes to others */
void share_member_left(struct worker *w, struct session *s)
{
    struct queue_ring left = {0};

    if (!is_member(s))
        return;
    share_member_changed(w, s);
    session_take_shared(s, false, &left);
    if (left.n > 0)
        atomic_fetch_add(&w->node->n_rooms, 1);
    pass_on(w, s, &left, false);
}

/** share_member_sent() - the session, which had no room, may have it since something was sent */
void share_member_sent(struct worker *w, struct session *s)
{
    if (s->queue.n >= s->queue_limits.messages_max)
        return;
    s->has_refused = false;
    atomic_fetch_add(&w->node->n_rooms, 1);
}

static bool is_there(const void *arg, uint32_t share)
{
    const struct worker *w = arg;

    return router_share_by_id(w->router, share) != NULL;
}

/** share_n_left_to_others() - messages that share_member_ends() is to give to other members; the
 * session's subscriptions have been removed */
size_t share_n_left_to_others(const struct worker *w, const struct session *s)
{
    return session_count_shared(s, is_there, w);
}

/** share_member_ends() - the session ends, its subscriptions have been removed: QoS 1 in flight
 * goes too */
void share_member_ends(struct worker *w, struct session *s)
{
    struct queue_ring left = {0};

    session_take_shared(s, true, &left);
    pass_on(w, s, &left, true);
}
