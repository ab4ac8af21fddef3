/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/subscribe.c - SUBSCRIBE and UNSUBSCRIBE
 *
 * What changes here for other workers is told by interest.c, which also lets SUBACK
 * leave when they have taken it in.
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

/* Retain Handling [MQTT5-3.3.1-9] to -11 [MQTT5-3.8.4-4] [MQTT3-3.3.1-6].  Of a session that is
 * kept what is found above QoS 0 is promised. */
static void want_retained(struct link *l, struct subscription *sub, bool is_new)
{
    struct worker *w = l->worker;
    struct session *s = l->resident->session;
    struct retained_want *want;

    if (sub->retain_handling == 2 || (sub->retain_handling == 1 && !is_new))
        return;
    want = session_want_retained(s, sub, router_retained_serial(w->router));
    if (s->notes == NULL || sub->qos == 0)
        return;
    want->range = notes_range(s->notes, w->n_workers);
    session_note_want(s, want);
}

/* The Reason String is about the first filter that does not get what it asks for. */
struct refusal {
    char text[REFUSAL_TEXT_MAX]; /* "": none yet */
};

static void keep_refusal(struct refusal *r, struct bytes filter, const char *why)
{
    char name[REFUSAL_NAME_MAX];

    if (r->text[0] != '\0')
        return;
    flow_shorten(filter, name);
    snprintf(r->text, sizeof(r->text), "%s: %s", why, name);
}

static const char *refusal_text(const struct refusal *r)
{
    return r->text[0] != '\0' ? r->text : NULL;
}

static uint8_t deny(struct link *l, struct bytes filter, const struct gate_answer *a,
                    struct refusal *ret)
{
    struct worker *w = l->worker;
    char why[REFUSAL_TEXT_MAX];

    flow_refusal_text(a, BYTES_NONE, why);
    if (ret->text[0] == '\0')
        flow_refusal_text(a, filter, ret->text);
    w->counters.subscribe_denied++;
    worker_event_of(w, l, EVENT_SUBSCRIBE_DENIED, 0, filter, why);
    link_log(l, "gate", "subscribe to %.*s refused: role %s: %s", BYTES_ARG(filter),
             grant_role(l->grant), why);
    return gate_outcome_reason(a->outcome);
}

/* The standard sets no limit to it; this node does. */
static bool is_too_deep(struct link *l, struct bytes filter, struct refusal *ret)
{
    struct worker *w = l->worker;
    const char *why = gate_outcome_text(GATE_E_TOO_DEEP);

    if (!wire_topic_too_deep(filter))
        return false;
    w->counters.limits_hit++;
    worker_event_of(w, l, EVENT_LIMIT_HIT, 0, filter, why);
    keep_refusal(ret, filter, why);
    return true;
}

/* Before 5.0 it breaks no rule to ask for it. */
static bool is_no_share(struct bytes filter, struct bytes group, struct refusal *ret)
{
    if (group.len > 0)
        return false;
    keep_refusal(ret, filter, "a shared subscription without name or filter");
    return true;
}

static bool has_room(struct link *l, bool is_new, struct bytes filter, struct refusal *ret)
{
    struct worker *w = l->worker;

    if (!is_new || l->resident->session->subscriber.n_subscriptions <
                       policy_limits(w->policy)->subscriptions_per_session_max)
        return true;
    w->counters.limits_hit++;
    worker_event_of(w, l, EVENT_LIMIT_HIT, 0, filter, "subscriptions_per_session_max");
    keep_refusal(ret, filter, "no more than subscriptions_per_session_max");
    return false;
}

static void subscribe_plain(struct link *l, const struct subscription *options, struct bytes filter)
{
    struct worker *w = l->worker;
    struct subscriber *s = &l->resident->session->subscriber;
    enum router_subscribed how = router_subscribe(w->router, s, options, filter);
    struct subscription *sub = router_find(w->router, s, filter);

    note_subscription(l->resident->session, sub);
    if (how == ROUTER_NEW_HERE)
        interest_tell(w, filter, true);
    want_retained(l, sub, how != ROUTER_REPLACED);
}

/* A shared subscription gets no retained messages, section 4.8.2. */
static void subscribe_shared(struct link *l, const struct subscription *options, struct bytes group,
                             struct bytes filter)
{
    struct worker *w = l->worker;
    struct session *s = l->resident->session;
    struct subscription *sub;

    router_share_join(w->router, &s->subscriber, options, group, filter);
    sub = router_share_find(&s->subscriber, group, filter);
    share_member(s, sub);
    note_subscription(s, sub);
    share_tell(w, group, filter);
}

/* A bridge of a level without options wants what one of 5.0 asks for: nothing back that it has said
 * itself, or two of them would say it to each other, and RETAIN as it is. */
static struct subscription options_of(const struct conn *c, const struct wire_subscription *in,
                                      uint32_t id, bool is_shared)
{
    return (struct subscription){
        .id = id,
        .qos = in->qos,
        .retain_handling = in->retain_handling,
        .no_local = in->no_local || (c->is_bridge && !is_shared),
        .retain_as_published = in->retain_as_published || c->is_bridge,
    };
}

static uint8_t subscribe_one(struct link *l, const struct wire_subscription *in, uint32_t id,
                             struct refusal *ret)
{
    struct worker *w = l->worker;
    struct subscriber *s = &l->resident->session->subscriber;
    struct bytes filter = in->filter;
    struct bytes group;
    bool is_shared = wire_filter_split_share(in->filter, &group, &filter);
    const struct subscription options = options_of(&l->conn, in, id, is_shared);
    struct subscription *before;
    struct gate_answer a;

    if ((is_shared && is_no_share(in->filter, group, ret)) || is_too_deep(l, filter, ret))
        return REASON_TOPIC_FILTER_INVALID;
    a = gate_check(l->grant, GATE_SUBSCRIBE, filter);
    before = is_shared ? router_share_find(s, group, filter) : router_find(w->router, s, filter);
    if (a.outcome != GATE_ALLOWED)
        return deny(l, in->filter, &a, ret);
    if (!has_room(l, before == NULL, in->filter, ret))
        return REASON_QUOTA_EXCEEDED;
    if (before != NULL && before->is_suspended)
        subscription_resume(w, l->resident->session, before);
    if (is_shared)
        subscribe_shared(l, &options, group, filter);
    else
        subscribe_plain(l, &options, filter);
    w->counters.subscribes++;
    worker_event(w, l,
                 &(struct event){.kind = EVENT_SUBSCRIBED,
                                 .value = in->qos,
                                 .topic = filter,
                                 .text = is_shared ? group : BYTES_NONE});
    return in->qos;
}

/* 3.1.1 knows one failure code [MQTT3-3.9.3-2]; 3.1 none, but its clients expect a QoS. */
static uint8_t suback_code(enum wire_level level, uint8_t reason)
{
    return level != WIRE_V5 && reason > 2 ? 0x80 : reason;
}

/* The answer has to be no larger than the client takes [MQTT5-3.1.2-24]; otherwise nothing is
 * changed and the connection is closed. */
static bool answer_fits(struct link *l, size_t n_filters)
{
    size_t body = 3 + n_filters; /* packet id, no properties, a reason each */
    size_t len = 1 + (body < 128 ? 1 : 2) + body;

    if (len <= l->conn.packet_max)
        return true;
    link_close(l, REASON_PACKET_TOO_LARGE,
               "the answer to so many filters is larger than the client takes");
    return false;
}

/**
 * subscribe_receive() - one reason code per filter, in order; never a disconnect for a right
 *
 * [MQTT5-3.8.4-1] [MQTT5-3.8.4-2] [MQTT5-3.8.4-5] to -7 [MQTT5-3.9.3-1] [MQTT5-2.2.1-6]
 * [MQTT3-3.8.4-1] [MQTT3-3.8.4-2] [MQTT3-3.8.4-4] [MQTT3-3.8.4-5] [MQTT3-3.9.3-1] [MQTT3-2.3.1-7]
 */
void subscribe_receive(struct link *l, const struct wire_frame *f)
{
    struct worker *w = l->worker;
    const struct wire_subscribe *p = w->subscribe;
    struct refusal refusal = {""};

    if (!flow_well_formed(l, f,
                          wire_decode_subscribe(f->flags, f->body, l->conn.level, w->subscribe)))
        return;
    if (!answer_fits(l, p->n))
        return;
    worker_take_messages(w); /* what is older is retained and not new [MQTT5-3.3.1-9] */
    w->suback->packet_id = p->packet_id;
    w->suback->n = p->n;
    for (size_t i = 0; i < p->n; i++) {
        w->suback->reason[i] =
            suback_code(l->conn.level, subscribe_one(l, &p->at[i], p->subscription_id, &refusal));
        tap_subscribe(l, &p->at[i], w->suback->reason[i]);
    }
    interest_send_suback(l, WIRE_SUBACK, refusal_text(&refusal));
}

/**
 * subscription_end() - it goes, and the other workers are told if that changes something for them
 * @sub:  freed
 */
void subscription_end(struct worker *w, struct subscription *sub)
{
    struct bytes filter = bytes_dup(subscription_filter(sub));
    struct bytes group = sub->share != NULL ? bytes_dup(share_group(sub->share)) : BYTES_NONE;
    bool is_shared = sub->share != NULL;
    bool last_here;

    record_forget(sub->record);
    router_remove(w->router, sub, &last_here);
    if (last_here)
        interest_tell(w, filter, false);
    if (is_shared)
        share_tell(w, group, filter);
    bytes_free(filter);
    bytes_free(group);
}

/** subscription_suspend() - @sub stays in its session and in the journal; nothing comes by it until
 * subscription_resume() */
void subscription_suspend(struct worker *w, struct subscription *sub)
{
    bool last_here;

    session_pause_retained(sub);
    router_suspend(w->router, sub, &last_here);
    if (last_here)
        interest_tell(w, subscription_filter(sub), false);
    if (sub->group_len > 0)
        share_tell(w, subscription_group(sub), subscription_filter(sub));
}

/** subscription_resume() - @sub, of @s, delivers again what is published from here on */
void subscription_resume(struct worker *w, struct session *s, struct subscription *sub)
{
    if (router_resume(w->router, sub) == ROUTER_NEW_HERE)
        interest_tell(w, subscription_filter(sub), true);
    if (sub->share != NULL) {
        share_member(s, sub);
        share_tell(w, subscription_group(sub), subscription_filter(sub));
    }
    session_resume_retained(s, sub);
}

static struct subscription *subscription_to(const struct link *l, struct bytes filter)
{
    const struct subscriber *s = &l->resident->session->subscriber;
    struct bytes group;
    struct bytes rest;

    if (wire_filter_split_share(filter, &group, &rest))
        return router_share_find(s, group, rest);
    return router_find(l->worker->router, s, filter);
}

/**
 * unsubscribe_receive() - one reason code per filter, in order; what is in flight is not touched
 *
 * [MQTT5-3.10.4-1] to -6 [MQTT5-3.11.3-1] [MQTT3-3.10.4-1] to -6
 */
void unsubscribe_receive(struct link *l, const struct wire_frame *f)
{
    struct worker *w = l->worker;
    const struct wire_unsubscribe *p = w->unsubscribe;
    struct refusal refusal = {""};

    if (!flow_well_formed(
            l, f, wire_decode_unsubscribe(f->flags, f->body, l->conn.level, w->unsubscribe)))
        return;
    if (!answer_fits(l, p->n))
        return;
    w->suback->packet_id = p->packet_id;
    w->suback->n = p->n;
    for (size_t i = 0; i < p->n; i++) {
        struct subscription *sub = subscription_to(l, p->filter[i]);
        bool had = sub != NULL;

        if (had) {
            worker_event_of(w, l, EVENT_UNSUBSCRIBED, 0, subscription_filter(sub), NULL);
            subscription_end(w, sub);
        } else {
            keep_refusal(&refusal, p->filter[i], "there was no such subscription");
        }
        w->suback->reason[i] = had ? REASON_SUCCESS : REASON_NO_SUBSCRIPTION_EXISTED;
        tap_unsubscribe(l, p->filter[i], w->suback->reason[i]);
    }
    interest_send_suback(l, WIRE_UNSUBACK, refusal_text(&refusal));
    link_dirty(l);
}

/** subscription_restore() - as the journal has it, under the id @record; the others are told */
void subscription_restore(struct worker *w, struct session *s, const struct subscription_record *r,
                          uint64_t record)
{
    const struct subscription options = {
        .id = r->id,
        .qos = r->qos,
        .no_local = r->no_local,
        .retain_as_published = r->retain_as_published,
    };

    if (r->group.len > 0) {
        struct subscription *sub;

        router_share_join(w->router, &s->subscriber, &options, r->group, r->filter);
        sub = router_share_find(&s->subscriber, r->group, r->filter);
        share_member(s, sub);
        sub->record = record;
        share_tell(w, r->group, r->filter);
        return;
    }
    if (router_subscribe(w->router, &s->subscriber, &options, r->filter) == ROUTER_NEW_HERE)
        interest_tell(w, r->filter, true);
    router_find(w->router, &s->subscriber, r->filter)->record = record;
}
