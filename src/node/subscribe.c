/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/subscribe.c - SUBSCRIBE and UNSUBSCRIBE, and telling the other workers
 *
 * A filter that is new on this worker is announced to the others, and SUBACK leaves
 * when all of them have taken it in: a message published anywhere after SUBACK finds
 * its subscriber.  Until then the session's deliveries wait behind the SUBACK.
 *
 * MQ.PR.IA-05
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/node_private.h"

/* ---- interest between workers ---- */

struct interest {
    struct post post;
    unsigned from;
    uint64_t seq;
    bool wanted;
    size_t filter_len;
    uint8_t filter[];
};

struct interest_ack {
    struct post post;
    unsigned from;
    uint64_t seq;
};

struct suback_wait {
    struct list in_worker;
    uint64_t link;
    uint64_t seq;
    struct buf packet; /* the encoded SUBACK */
};

static uint64_t acked_by_all(const struct worker *w)
{
    uint64_t seq = w->interest_seq;

    for (unsigned i = 0; i < w->n_workers; i++) {
        if (i != w->index)
            seq = MIN(seq, w->interest_acked[i]);
    }
    return seq;
}

static void send_subacks(struct worker *w)
{
    uint64_t acked = acked_by_all(w);

    list_each(it, &w->suback_waits)
    {
        struct suback_wait *wait = list_item(it, struct suback_wait, in_worker);
        struct link *l = link_find(w, wait->link);

        if (wait->seq > acked)
            break;
        if (l != NULL && l->phase == LINK_OPEN) {
            buf_add(&l->out, buf_view(&wait->packet));
            l->conn.n_subacks_due--;
            link_dirty(l);
        }
        list_remove(it);
        buf_done(&wait->packet);
        free(wait);
    }
}

static void take_interest_ack(struct worker *w, struct post *p)
{
    struct interest_ack *a = list_item(p, struct interest_ack, post);

    w->interest_acked[a->from] = MAX(w->interest_acked[a->from], a->seq);
    free(a);
    send_subacks(w);
}

static void take_interest(struct worker *w, struct post *p)
{
    struct interest *in = list_item(p, struct interest, post);
    struct interest_ack *a = mem_new(struct interest_ack);

    router_interest(w->router, in->from, bytes_of(in->filter, in->filter_len), in->wanted);
    a->post.take = take_interest_ack;
    a->from = w->index;
    a->seq = in->seq;
    worker_post(w->node->workers[in->from], LANE_CONTROL, &a->post);
    free(in);
}

/** interest_tell() - this worker wants @filter from the others, or no longer */
void interest_tell(struct worker *w, struct bytes filter, bool wanted)
{
    w->interest_seq++;
    for (unsigned i = 0; i < w->n_workers; i++) {
        struct interest *in;

        if (i == w->index)
            continue;
        in = mem_alloc(sizeof(*in) + filter.len);
        list_init(&in->post.mail.link);
        in->post.take = take_interest;
        in->from = w->index;
        in->seq = w->interest_seq;
        in->wanted = wanted;
        in->filter_len = filter.len;
        memcpy(in->filter, filter.at, filter.len);
        worker_post(w->node->workers[i], LANE_CONTROL, &in->post);
    }
}

/* ---- SUBSCRIBE ---- */

struct found {
    struct message **at;
    size_t n;
    size_t cap;
};

static void find(void *arg, struct message *m)
{
    struct found *f = arg;

    if (f->n == f->cap) {
        f->cap = f->cap > 0 ? f->cap * 2 : 16;
        f->at = mem_resize(f->at, f->cap * sizeof(struct message *));
    }
    f->at[f->n++] = message_ref(m);
}

/* Retain Handling [MQTT5-3.3.1-9] to -11 [MQTT5-3.8.4-4] [MQTT3-3.3.1-6]. */
static void offer_retained(struct link *l, struct bytes filter, bool is_new)
{
    struct worker *w = l->worker;
    struct session *s = l->resident->session;
    const struct subscription *sub = router_find(w->router, &s->subscriber, filter);
    struct found f = {0};

    if (sub->retain_handling == 2 || (sub->retain_handling == 1 && !is_new))
        return;
    router_retained_each(w->router, filter, w->now_ns, find, &f);
    session_offer_retained(s, sub, f.at, f.n);
}

static uint8_t deny(struct link *l, struct bytes filter, const struct gate_answer *a)
{
    struct worker *w = l->worker;
    char why[REFUSAL_TEXT_MAX];

    flow_refusal_text(a, why);
    w->counters.subscribe_denied++;
    worker_event_of(w, l, EVENT_SUBSCRIBE_DENIED, 0, filter, why);
    link_log(l, "gate", "subscribe to %.*s refused: role %s: %s", BYTES_ARG(filter),
             grant_role(l->grant), why);
    return gate_outcome_reason(a->outcome);
}

static uint8_t subscribe_one(struct link *l, const struct wire_subscription *in, uint32_t id)
{
    struct worker *w = l->worker;
    struct session *s = l->resident->session;
    const struct subscription options = {
        .id = id,
        .qos = in->qos,
        .retain_handling = in->retain_handling,
        .no_local = in->no_local,
        .retain_as_published = in->retain_as_published,
    };
    struct gate_answer a = gate_check(l->grant, GATE_SUBSCRIBE, in->filter);
    enum router_subscribed how;
    struct bytes group;
    struct bytes rest;

    if (wire_filter_split_share(in->filter, &group, &rest))
        return REASON_SHARED_SUBSCRIPTIONS_NOT_SUPPORTED; /* told in CONNACK */
    if (a.outcome != GATE_ALLOWED)
        return deny(l, in->filter, &a);
    if (s->subscriber.n_subscriptions >= policy_limits(w->policy)->subscriptions_per_session_max &&
        router_find(w->router, &s->subscriber, in->filter) == NULL) {
        w->counters.limits_hit++;
        worker_event_of(w, l, EVENT_LIMIT_HIT, 0, in->filter, "subscriptions_per_session_max");
        return REASON_QUOTA_EXCEEDED;
    }
    how = router_subscribe(w->router, &s->subscriber, &options, in->filter);
    if (how == ROUTER_NEW_HERE)
        interest_tell(w, in->filter, true);
    offer_retained(l, in->filter, how != ROUTER_REPLACED);
    w->counters.subscribes++;
    worker_event_of(w, l, EVENT_SUBSCRIBED, in->qos, in->filter, NULL);
    return in->qos;
}

/* 3.1.1 knows one failure code [MQTT3-3.9.3-2]; 3.1 none, but its clients expect a QoS. */
static uint8_t suback_code(enum wire_level level, uint8_t reason)
{
    return level != WIRE_V5 && reason > 2 ? 0x80 : reason;
}

static void send_suback(struct link *l)
{
    struct worker *w = l->worker;
    struct suback_wait *wait = mem_new(struct suback_wait);

    wait->link = l->number;
    wait->seq = w->interest_seq;
    wire_encode_suback(&wait->packet, WIRE_SUBACK, w->suback, l->conn.level);
    l->conn.n_subacks_due++;
    list_append(&w->suback_waits, &wait->in_worker);
    send_subacks(w);
}

/**
 * subscribe_receive() - one reason code per filter, in order; never a disconnect for a right
 *
 * [MQTT5-3.8.4-1] [MQTT5-3.8.4-2] [MQTT5-3.8.4-5] to -7 [MQTT5-3.9.3-1] [MQTT5-2.2.1-6]
 * [MQTT3-3.8.4-1] [MQTT3-3.8.4-2] [MQTT3-3.8.4-4] [MQTT3-3.8.4-5] [MQTT3-3.9.3-1] [MQTT3-2.3.1-7]
 * SUBACK has neither a Reason String nor User Properties [MQTT5-3.9.2-1] [MQTT5-3.9.2-2].
 */
void subscribe_receive(struct link *l, const struct wire_frame *f)
{
    struct worker *w = l->worker;
    const struct wire_subscribe *p = w->subscribe;

    if (!flow_well_formed(l, wire_decode_subscribe(f->flags, f->body, l->conn.level, w->subscribe)))
        return;
    w->suback->packet_id = p->packet_id;
    w->suback->n = p->n;
    w->suback->props.set = 0;
    for (size_t i = 0; i < p->n; i++)
        w->suback->reason[i] =
            suback_code(l->conn.level, subscribe_one(l, &p->at[i], p->subscription_id));
    send_suback(l);
}

/* ---- UNSUBSCRIBE ---- */

/**
 * unsubscribe_receive() - one reason code per filter, in order; what is in flight is not touched
 *
 * [MQTT5-3.10.4-1] to -6 [MQTT5-3.11.3-1] [MQTT3-3.10.4-1] to -6
 * UNSUBACK has neither a Reason String nor User Properties [MQTT5-3.11.2-1] [MQTT5-3.11.2-2].
 */
void unsubscribe_receive(struct link *l, const struct wire_frame *f)
{
    struct worker *w = l->worker;
    const struct wire_unsubscribe *p = w->unsubscribe;

    if (!flow_well_formed(l, wire_decode_unsubscribe(f->flags, f->body, l->conn.level, w->unsubscribe)))
        return;
    w->suback->packet_id = p->packet_id;
    w->suback->n = p->n;
    w->suback->props.set = 0;
    for (size_t i = 0; i < p->n; i++) {
        bool last_here;
        bool had = router_unsubscribe(w->router, &l->resident->session->subscriber, p->filter[i], &last_here);

        if (last_here)
            interest_tell(w, p->filter[i], false);
        if (had)
            worker_event_of(w, l, EVENT_UNSUBSCRIBED, 0, p->filter[i], NULL);
        w->suback->reason[i] = had ? REASON_SUCCESS : REASON_NO_SUBSCRIPTION_EXISTED;
    }
    wire_encode_suback(&l->out, WIRE_UNSUBACK, w->suback, l->conn.level);
    link_dirty(l);
}

/**
 * subscribe_recheck() - after the policy has changed: subscriptions that are no longer allowed end
 *
 * A right that was taken away does not live on in a subscription.
 */
void subscribe_recheck(struct link *l)
{
    struct worker *w = l->worker;

    list_each(it, &l->resident->session->subscriber.subscriptions)
    {
        struct subscription *sub = list_item(it, struct subscription, in_subscriber);
        struct gate_answer a = gate_check(l->grant, GATE_SUBSCRIBE, sub->filter);
        struct bytes filter;
        bool last_here;

        if (a.outcome == GATE_ALLOWED)
            continue;
        filter = bytes_dup(sub->filter);
        router_remove(w->router, sub, &last_here);
        if (last_here)
            interest_tell(w, filter, false);
        deny(l, filter, &a);
        bytes_free(filter);
    }
}
