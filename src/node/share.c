/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/share.c - a message on its way to one member of a group
 *
 * The worker that received the message picks a member of its own or another worker,
 * which picks among its own; if it has none any more it passes the message on.  When a
 * member's connection goes, what was not sent to it yet goes to a member that is
 * connected; when its session ends, so does what it has not acknowledged at QoS 1.
 * QoS 2 messages that were sent stay with their session [MQTT5-4.8.2-5].
 */
#include <stdlib.h>

#include "base/mem.h"
#include "node/node_private.h"

#define HOPS_MAX 3 /* between workers, when members come and go meanwhile */

struct share_post {
    struct post post;
    struct message *message; /* owned reference */
    uint64_t intent;         /* id by which the journal has it; 0: it does not */
    unsigned hops;
    size_t group_len;
    size_t filter_len;
    uint8_t text[]; /* group, filter */
};

static void send_on(struct worker *w, unsigned outlet, struct share *s, struct publication *p,
                    unsigned hops);

/* To one member here: the next in turn, or who comes after it if its queue is full. */
static bool offer_here(struct worker *w, struct publication *p, struct share *s,
                       struct share_target t)
{
    for (uint32_t i = share_here(s).n_members; i > 0 && t.found; i--) {
        struct subscription *const member = t.member;
        const struct receiver r = {member->subscriber, &member, 1};

        if (flow_offer(w, p, &r) != SESSION_DROPPED)
            return true;
        t = share_next_here(s);
    }
    return false;
}

static void deliver(struct worker *w, struct publication *p, struct share *s, unsigned hops)
{
    struct share_target t = share_next(s);

    if (!t.found)
        return;
    if (t.member != NULL)
        offer_here(w, p, s, t);
    else
        send_on(w, t.outlet, s, p, hops);
}

static void route_share(struct worker *w, const struct share_post *sp, struct publication *p)
{
    struct bytes group = bytes_of(sp->text, sp->group_len);
    struct bytes filter = bytes_of(sp->text + sp->group_len, sp->filter_len);
    struct share *s = router_share(w->router, group, filter);

    if (s != NULL && share_here(s).n_members > 0)
        offer_here(w, p, s, share_next_here(s));
    else if (s != NULL && sp->hops < HOPS_MAX)
        deliver(w, p, s, sp->hops + 1);
    else
        w->counters.messages_dropped++; /* the group has dissolved */
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

static void send_on(struct worker *w, unsigned outlet, struct share *s, struct publication *p,
                    unsigned hops)
{
    struct bytes group = share_group(s);
    struct bytes filter = share_filter(s);
    struct share_post *sp = mem_alloc(sizeof(*sp) + group.len + filter.len);

    list_init(&sp->post.mail.link);
    sp->post.take = take_share_post;
    sp->message = publication_keep(p);
    sp->intent = note_share_intent(w, p, s);
    sp->hops = hops;
    sp->group_len = group.len;
    sp->filter_len = filter.len;
    memcpy(sp->text, group.at, group.len);
    memcpy(sp->text + group.len, filter.at, filter.len);
    outlet_add_post(w, outlet, &sp->post, message_bytes(sp->message));
    w->counters.messages_forwarded++;
}

/** share_route() - @p goes to one member of each share in @m */
void share_route(struct worker *w, struct publication *p, const struct match *m)
{
    for (size_t i = 0; i < m->n_shares; i++)
        deliver(w, p, m->shares[i], 0);
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

/* Give each of @left to another member, if one is there; otherwise it stays with @s. */
static void pass_on(struct worker *w, struct session *s, struct queue_ring *left, bool ends)
{
    while (left->n > 0) {
        struct delivery d = *ring_at(left, 0);
        struct share *share = router_share_by_id(w->router, d.share);

        ring_drop_first(left);
        if (share != NULL && (ends || share_has_connected(share))) {
            struct publication p = publication_of(d.message);

            p.is_durable = note_is_durable(w, p.topic); /* it has no record if @s is not kept */
            deliver(w, &p, share, 0);
            publication_done(&p);
            delivery_done(&d);
        } else {
            session_put_back(s, &d);
        }
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
    pass_on(w, s, &left, false);
}

/** share_member_ends() - the session ends, its subscriptions have been removed: QoS 1 in flight
 * goes too */
void share_member_ends(struct worker *w, struct session *s)
{
    struct queue_ring left = {0};

    session_take_shared(s, true, &left);
    pass_on(w, s, &left, true);
}
