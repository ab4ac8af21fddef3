/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/publish.c - a PUBLISH of a client: what it may, what becomes of it, how it is answered
 *
 * In this order: the packet and its topic alias, QoS 2 duplicates, the gate, what the payload says
 * it is, what the journal can promise, the memory; then it is retained and routed (flow.c), or a
 * command waits for a person (hold.c), and answered.  Every refusal has a function of its own.  At
 * the end the publisher may be read more slowly.
 *
 * MQ.PR.IA-05 MQ.PR.SP-05
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "node/node_private.h"
#include "queue/held.h"

/* Return: hash_keyed(@topic).  A device has few topics, and to compare is less work than to hash.
 * Where one is remembered is no secret: whoever has his topics contend for it has them hashed. */
static uint64_t hash_of(struct publishing *me, struct bytes topic)
{
    struct known_topic *k;

    if (topic.len == 0 || topic.len > TOPIC_KNOWN_MAX)
        return hash_keyed(topic);
    k = &me->known[(topic.len + topic.at[topic.len - 1]) % TOPICS_KNOWN];
    if (!bytes_equal(bytes_of(k->topic, k->len), topic)) {
        k->hash = hash_keyed(topic);
        k->len = (uint8_t)topic.len;
        memcpy(k->topic, topic.at, topic.len);
    }
    return k->hash;
}

static struct verdict ask_gate(struct link *l, struct bytes topic, uint64_t hash)
{
    struct verdict *v = &l->publishing->verdicts[hash % VERDICTS];

    if (v->topic_hash != hash || hash == 0) {
        struct gate_answer a = gate_check(l->grant, GATE_PUBLISH, topic);

        if (wire_topic_too_deep(topic))
            a.outcome = GATE_E_TOO_DEEP;
        if (a.outcome == GATE_ALLOWED &&
            restraints_block(l->worker->restraints, QUARANTINE_PUBLISH, topic) != NULL)
            a.outcome = GATE_E_QUARANTINED;
        if (a.outcome == GATE_ALLOWED && hold_wants(l->worker, l->commands_held, topic, &a))
            a.outcome = GATE_E_HELD;
        *v = (struct verdict){
            .topic_hash = hash,
            .outcome = a.outcome,
            .is_command = a.is_command,
            .is_foreign = a.is_foreign,
            .is_unread = a.is_unread,
            .is_owner_only = a.is_owner_only,
            .is_durable = note_is_durable(l->worker, topic),
        };
    }
    return *v;
}

/* It has the right to: this is nothing that a detector should hold against it. */
static void refuse_quarantined(struct link *l, const struct wire_publish *p)
{
    l->worker->counters.messages_quarantined++;
    session_acknowledge(l->resident->session, p, gate_outcome_reason(GATE_E_QUARANTINED),
                        gate_outcome_text(GATE_E_QUARANTINED));
}

/* The standard sets no limit; this node does. */
static void refuse_too_deep(struct link *l, const struct wire_publish *p)
{
    struct worker *w = l->worker;
    const char *why = gate_outcome_text(GATE_E_TOO_DEEP);

    w->counters.limits_hit++;
    worker_event_of(w, l, EVENT_LIMIT_HIT, 0, p->topic, why);
    session_acknowledge(l->resident->session, p, gate_outcome_reason(GATE_E_TOO_DEEP), why);
}

static void deny_publish(struct link *l, const struct wire_publish *p, const struct verdict *v)
{
    struct worker *w = l->worker;
    const struct gate_answer a = gate_check(l->grant, GATE_PUBLISH, p->topic);
    char why[REFUSAL_TEXT_MAX];
    char told[REFUSAL_TEXT_MAX] = "";

    flow_refusal_text(&a, BYTES_NONE, why);
    if (p->qos > 0) /* else nobody is told */
        flow_refusal_text(&a, p->topic, told);
    w->counters.publish_denied++;
    worker_event_of(w, l, EVENT_PUBLISH_DENIED, v->is_foreign ? EVENT_COMMAND : 0, p->topic, why);
    link_log(l, "gate", "publish to %.*s refused: role %s: %s", BYTES_ARG(p->topic),
             grant_role(l->grant), why);
    session_acknowledge(l->resident->session, p, gate_outcome_reason(v->outcome), told);
}

/** publish_is_control() - does what it publishes go by the control lane? */
bool publish_is_control(const struct link *l)
{
    return grant_is_control_plane(l->grant) && l->listener->plane == CONFIG_PLANE_CONTROL;
}

/* Keep alive, the rate limit, slow receivers and the memory: stop reading for a while.
 * @takes_memory: what was just published had to wait, or found no room */
static void slow_down(struct link *l, bool takes_memory)
{
    struct worker *w = l->worker;
    uint64_t per_s = grant_messages_per_s_max(l->grant);
    uint64_t wait_ns = quota_take(
        &l->quota, l->throttle_per_s > 0 ? MIN(per_s, l->throttle_per_s) : per_s, w->now_ns);

    if (w->held_until_ns > w->now_ns)
        wait_ns = MAX(wait_ns, w->held_until_ns - w->now_ns);
    if (takes_memory && !publish_is_control(l))
        wait_ns = MAX(wait_ns, memory_hold_ns(w));
    if (wait_ns > 0) {
        l->read_again_ns = w->now_ns + wait_ns;
        link_heard(l);
        link_dirty(l);
    }
}

/* 5.0 is told why.  3.1.1 has no word for it but to close the connection [MQTT3-3.3.5-2]
 * [MQTT3-4.8.0-2], so that the client sends it again. */
static void refuse_for_now(struct link *l, const struct wire_publish *p, const char *why)
{
    struct session *s = l->resident->session;

    if (p->qos == 0 || l->conn.level == WIRE_V5) {
        session_acknowledge(s, p, REASON_QUOTA_EXCEEDED, why);
        return;
    }
    session_take_back(s, p);
    link_close(l, REASON_QUOTA_EXCEEDED, why);
}

static void refuse_for_memory(struct link *l, const struct wire_publish *p)
{
    struct worker *w = l->worker;

    w->counters.limits_hit++;
    worker_event_of(w, l, EVENT_LIMIT_HIT, 0, p->topic, "memory_bytes_max");
    refuse_for_now(l, p, "no memory for more messages: memory_bytes_max");
}

/* Return: NULL when it was retained, or need not be; else the limit that does not let it, which is
 * told. */
static const char *retain_publish(struct link *l, const struct wire_publish *p,
                                  struct publication *pub)
{
    struct worker *w = l->worker;
    const char *limit;
    uint64_t owner;

    if (!p->retain)
        return NULL;
    limit = flow_retain(w, pub, l->grant, &owner);
    notice_retain(l, p, owner);
    if (limit != NULL) {
        w->counters.limits_hit++;
        worker_event_of(w, l, EVENT_LIMIT_HIT, 0, p->topic, limit);
        link_log(l, "gate", "publish to %.*s is not retained: %s", BYTES_ARG(p->topic), limit);
    }
    return limit;
}

static void refuse_to_retain(struct link *l, const struct wire_publish *p, const char *limit)
{
    char why[96];

    snprintf(why, sizeof(why), "no more is retained: %s", limit);
    session_acknowledge(l->resident->session, p, REASON_QUOTA_EXCEEDED, why);
}

/* The detectors see that it was tried, as they do where it is allowed. */
static void refuse_anothers(struct link *l, const struct wire_publish *p)
{
    notice_retain(l, p, router_retained_by(l->worker->router, p->topic));
    l->worker->counters.publish_denied++;
    link_log(l, "gate", "publish to %.*s refused: %s", BYTES_ARG(p->topic), FLOW_ANOTHERS_TEXT);
    session_acknowledge(l->resident->session, p, REASON_NOT_AUTHORIZED, FLOW_ANOTHERS_TEXT);
}

/* Borrows from @p and from @forward, which is empty. */
static struct publication publication_made(const struct link *l, const struct wire_publish *p,
                                           const struct verdict *v, struct buf *forward)
{
    if (p->props.len > 0)
        wire_forward_props(p->props, forward);
    return (struct publication){
        .topic = p->topic,
        .forward = buf_view(forward),
        .payload = p->payload,
        .qos = p->qos,
        .retain = p->retain,
        .is_control = publish_is_control(l),
        .expires_ns =
            expires_at(l->worker->now_ns, p->has_expiry ? p->expiry_s * NS_PER_S : EXPIRES_NEVER),
        .publisher = l->resident->session->client_key,
        .publisher_id = l->resident->session->client_id,
        .topic_hash = v->topic_hash,
        .is_durable = v->is_durable,
    };
}

/* Return: how many it went to. */
static size_t route_publish(struct link *l, const struct wire_publish *p, const struct verdict *v)
{
    struct worker *w = l->worker;
    struct buf forward = {0};
    struct publication pub = publication_made(l, p, v, &forward);
    const char *limit;
    size_t n_matched = 0;

    /* Without RETAIN nothing that is retained changes [MQTT5-3.3.1-8] [MQTT3-3.3.1-12]. */
    limit = retain_publish(l, p, &pub);
    if (limit != NULL && l->conn.level == WIRE_V5) {
        refuse_to_retain(l, p, limit);
    } else { /* before 5.0 there is no such answer [MQTT3-4.3.2-2] [MQTT3-4.3.3-2] */
        n_matched = flow_route(w, &pub);
        w->counters.messages_unmatched += n_matched == 0;
        session_acknowledge(l->resident->session, p,
                            n_matched > 0 ? REASON_SUCCESS : REASON_NO_MATCHING_SUBSCRIBERS, NULL);
    }
    publication_done(&pub);
    buf_done(&forward);
    return n_matched;
}

/* It has passed the gate. */
static void take_publish(struct link *l, const struct wire_publish *p, const struct verdict *v)
{
    size_t n_matched;

    if (!publish_is_control(l) && memory_stage(l->worker) == MEMORY_FULL) {
        refuse_for_memory(l, p);
        return;
    }
    if (p->retain && v->is_owner_only &&
        flow_is_anothers(l->worker, p->topic, l->resident->session->client_key)) {
        refuse_anothers(l, p);
        return;
    }
    n_matched = route_publish(l, p, v);
    notice_publish(l, p, v, n_matched);
    if (v->is_command)
        notice_command(l, p);
}

/* Where the node is told to look at it: is the payload the text that it says it is? */
static bool is_as_indicated(const struct link *l, const struct wire_publish *p)
{
    return !p->has_payload_format || p->payload_format == 0 ||
           !policy_answers(l->worker->policy)->check_payload_format || wire_text_valid(p->payload);
}

/* At QoS 0 there is nothing but DISCONNECT to say it with, section 3.3.2.3.2. */
static void refuse_payload(struct link *l, const struct wire_publish *p)
{
    static const char why[] = "the payload is not UTF-8, as its Payload Format Indicator says";

    if (p->qos == 0)
        flow_protocol_error(l, VIOLATION_PROTOCOL_ERROR, REASON_PAYLOAD_FORMAT_INVALID, why);
    else
        session_acknowledge(l->resident->session, p, REASON_PAYLOAD_FORMAT_INVALID, why);
}

/* It cannot be kept now. */
static void refuse_to_promise(struct link *l, const struct wire_publish *p)
{
    struct worker *w = l->worker;
    static const char why[] = "the node cannot keep it now: its journal is full or has failed";

    w->counters.limits_hit++;
    worker_event_of(w, l, EVENT_LIMIT_HIT, 0, p->topic, "journal");
    refuse_for_now(l, p, why);
}

/* What 3.1.1 is told is what it is told of any refusal: it is not to be sent again. */
static void hold_publish(struct link *l, const struct wire_publish *p, const struct verdict *v)
{
    struct buf forward = {0};
    struct publication pub = publication_made(l, p, v, &forward);
    const struct held_from from = {
        .client_id = pub.publisher_id,
        .user_name = bytes_str(grant_principal(l->grant)),
        .role = bytes_str(grant_role(l->grant)),
        .address = bytes_str(l->address),
    };
    char why[REFUSAL_TEXT_MAX];
    bool is_held = hold_command(l->worker, l, &pub, &from, v->is_foreign, why);

    session_acknowledge(l->resident->session, p,
                        is_held ? gate_outcome_reason(GATE_E_HELD) : REASON_QUOTA_EXCEEDED, why);
    publication_done(&pub);
    buf_done(&forward);
}

/* The gate does not let it through, or not now. */
static void stop_publish(struct link *l, const struct wire_publish *p, const struct verdict *v)
{
    if (v->outcome == GATE_E_QUARANTINED)
        refuse_quarantined(l, p);
    else if (v->outcome == GATE_E_TOO_DEEP)
        refuse_too_deep(l, p);
    else if (v->outcome != GATE_E_HELD)
        deny_publish(l, p, v);
    else if (!is_as_indicated(l, p))
        refuse_payload(l, p);
    else if (!publish_is_control(l) && memory_stage(l->worker) == MEMORY_FULL)
        refuse_for_memory(l, p);
    else
        hold_publish(l, p, v);
}

/** publish_receive() - a PUBLISH; @f is borrowed */
void publish_receive(struct link *l, const struct wire_frame *f)
{
    struct worker *w = l->worker;
    uint64_t n_queued = w->counters.messages_queued;
    uint64_t n_limits = w->counters.limits_hit;
    struct wire_publish p;
    struct verdict v;

    if (!flow_well_formed(l, f, wire_decode_publish(f->flags, f->body, l->conn.level, &p)))
        return;
    if (p.n_subscription_ids > 0) {
        flow_protocol_error(l, VIOLATION_PROTOCOL_ERROR, REASON_PROTOCOL_ERROR,
                            "PUBLISH from a client with a Subscription Identifier");
        return;
    }
    if (!flow_well_formed(l, f, wire_aliases_resolve(&l->conn.aliases, &p)))
        return;
    w->counters.messages_received++;
    w->counters.payload_bytes_received += p.payload.len;
    l->resident->n_received++;
    switch (session_receive_publish(l->resident->session, &p)) {
    case SESSION_E_RECEIVE_MAXIMUM:
        flow_protocol_error(l, VIOLATION_TOO_MANY_TRANSACTIONS, REASON_RECEIVE_MAXIMUM_EXCEEDED,
                            "more QoS 2 messages than Receive Maximum");
        return;
    case SESSION_DUPLICATE:
        session_acknowledge(l->resident->session, &p, REASON_SUCCESS, NULL);
        link_dirty(l);
        return;
    case SESSION_ROUTE:
        break;
    }
    if (p.qos == 2)
        notice_qos2(l, l->resident->session->incoming.n - 1);
    if (l->publishing == NULL)
        l->publishing = mem_new(struct publishing);
    v = ask_gate(l, p.topic, hash_of(l->publishing, p.topic));
    if (w->is_watched)
        tap_publish(l, &p, v.outcome == GATE_ALLOWED);
    if (v.outcome != GATE_ALLOWED)
        stop_publish(l, &p, &v);
    else if (!is_as_indicated(l, &p))
        refuse_payload(l, &p);
    else if (p.qos > 0 && v.is_durable && !note_may_promise(w))
        refuse_to_promise(l, &p);
    else
        take_publish(l, &p, &v);
    if (l->phase != LINK_OPEN)
        return;
    slow_down(l, w->counters.messages_queued > n_queued || w->counters.limits_hit > n_limits);
    if (p.qos > 0)
        link_dirty(l);
}
