/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/flow.c - a message flows
 *
 *   1 loop turn      worker.c      ready connections, then the mailbox, control before delivery
 *   2 read           link_read.c   into the worker's buffer
 *   3 wire_next      link_read.c   a complete packet
 *   4 conn           here          is it legal here?
 *   5 gate           here          may this client do that?  verdicts are remembered by topic
 *   6 router_match   here          local sessions, other outlets
 *   7 session_offer  here          straight to the output buffer, or to the session's queue
 *   8 outlet_flush   outlet.c      once a turn
 *   9 link_flush     link_write.c  one write per connection and turn
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/node_private.h"

/**
 * flow_protocol_error() - the client broke a rule: said in an event, the log and DISCONNECT, then
 * closed
 *
 * [MQTT5-4.13.1-1] [MQTT3-4.8.0-1]
 */
void flow_protocol_error(struct link *l, enum violation v, uint8_t reason, const char *why)
{
    violation_tell(l, v, reason, why);
    link_close(l, reason, why);
}

/** flow_well_formed() - Return: false after the connection was closed for @outcome. */
bool flow_well_formed(struct link *l, enum wire_outcome outcome)
{
    if (outcome == WIRE_OK)
        return true;
    flow_protocol_error(l, violation_of_outcome(outcome), wire_outcome_reason(outcome),
                        wire_outcome_text(outcome));
    return false;
}

/* ---- routing ---- */

static struct resident *resident_of(const struct session *s)
{
    struct link *l = s->conn != NULL ? list_item(s->conn, struct link, conn) : NULL;

    return l != NULL ? l->resident : NULL;
}

/* A connected receiver whose queue is more than half full slows publishers down, for as long as
 * it takes something, but not longer than HOLD_FOR_MAX_NS at a stretch: then the queue's drop
 * rule is all that is left, so that one slow receiver cannot hold everybody for ever. */
static void hold_for(struct worker *w, struct session *s)
{
    struct resident *c = resident_of(s);

    if (c == NULL || s->queue.n < s->queue_limits.messages_max / 2)
        return;
    if (c->holding_since_ns == 0)
        c->holding_since_ns = w->now_ns;
    if (w->now_ns - c->holding_since_ns < HOLD_FOR_MAX_NS &&
        w->now_ns - c->link->wrote_ns < NS_PER_S)
        worker_hold_publishers(w);
}

/** flow_offer() - to one session of this worker; Return: what became of it. */
enum session_offered flow_offer(struct worker *w, struct publication *p, const struct receiver *r)
{
    struct session *s = list_item(r->subscriber, struct session, subscriber);
    enum session_offered how;

    if (s->conn != NULL && s->conn->out->len >= CONN_OUT_HIGH_BYTES)
        link_relieve(list_item(s->conn, struct link, conn));
    how = session_offer(s, p, r, w->now_ns);
    switch (how) {
    case SESSION_SENT:
        w->counters.messages_sent++;
        break;
    case SESSION_QUEUED:
        w->counters.messages_queued++;
        if (s->conn != NULL)
            notice_queued(list_item(s->conn, struct link, conn), s->queue.n);
        if (p->publisher != 0) /* for what the node itself says nobody is held back */
            hold_for(w, s);
        break;
    case SESSION_DROPPED:
        w->counters.messages_dropped++;
        return how;
    case SESSION_SKIPPED:
        return how;
    }
    if (s->conn != NULL)
        link_dirty(list_item(s->conn, struct link, conn));
    return how;
}

/** flow_is_held_back() - is nothing of the topic delivered now?  Counts it as dropped. */
bool flow_is_held_back(struct worker *w, const struct publication *p)
{
    bool is_blocked = restraints_block(w->restraints, QUARANTINE_DELIVER, p->topic) != NULL;

    w->counters.messages_quarantined += is_blocked;
    return is_blocked;
}

/** flow_deliver_here() - to the sessions of this worker; Return: how many subscribe to it here */
size_t flow_deliver_here(struct worker *w, struct publication *p)
{
    struct match m;
    uint64_t n_queued = w->counters.messages_queued;

    if (flow_is_held_back(w, p))
        return 0;
    m = router_match(w->router, p->topic, p->topic_hash);
    p->may_not_wait = !p->is_control && memory_stage(w) >= MEMORY_SCARCE;
    for (size_t i = 0; i < m.n_receivers; i++)
        flow_offer(w, p, &m.receivers[i]);
    if (w->counters.messages_queued > n_queued && memory_stage(w) >= MEMORY_TIGHT)
        worker_hold_publishers(w); /* who published it is read by another worker */
    return m.n_receivers;
}

/**
 * flow_route() - to the sessions of this worker and to every outlet that wants it
 *
 * A retained message goes to every worker, since each keeps all of them; also when
 * nothing of its topic is delivered now.
 *
 * Return: how many sessions here and outlets elsewhere it matched.
 */
size_t flow_route(struct worker *w, struct publication *p)
{
    struct match m = router_match(w->router, p->topic, p->topic_hash);
    uint64_t outlets = m.outlets;

    if (flow_is_held_back(w, p)) {
        if (p->retain)
            outlet_send(w, BIT64(w->n_workers) - 1, p);
        return m.n_receivers + m.n_shares + (m.outlets != 0);
    }
    p->may_not_wait = !p->is_control && memory_stage(w) >= MEMORY_SCARCE;
    for (size_t i = 0; i < m.n_receivers; i++)
        flow_offer(w, p, &m.receivers[i]);
    if (m.n_shares > 0)
        share_route(w, p, &m);
    if (outlets != 0)
        note_intents(w, p, outlets);
    if (p->retain)
        outlets |= BIT64(w->n_workers) - 1;
    if (outlets != 0)
        outlet_send(w, outlets, p);
    return m.n_receivers + m.n_shares + (m.outlets != 0);
}

static bool retain(struct worker *w, struct publication *p)
{
    const struct limits *limits = policy_limits(w->policy);
    const struct retained_limits room = {limits->retained_messages_max, limits->retained_bytes_max};
    enum retain_outcome outcome;

    /* A removal has to know what there is to remove. */
    if (w->notes != NULL && p->payload.len == 0)
        worker_take_deliveries(w);
    p->stamp = atomic_fetch_add(&w->node->next_stamp, 1) + 1;
    outcome = router_retain(w->router, p, &room);
    if (outcome == RETAIN_STORED)
        note_retained(w, p);
    return outcome != RETAIN_E_FULL;
}

/** flow_publish_own() - a message of the node itself, or a Will: retained and routed as any other
 */
void flow_publish_own(struct worker *w, struct publication *p)
{
    if (restraints_block(w->restraints, QUARANTINE_PUBLISH, p->topic) != NULL)
        w->counters.messages_quarantined++;
    else if (p->retain && !retain(w, p))
        w->counters.limits_hit++;
    else
        flow_route(w, p);
}

/* ---- PUBLISH ---- */

static struct verdict ask_gate(struct link *l, struct bytes topic, uint64_t hash)
{
    struct verdict *v = &l->publishing->verdicts[hash % VERDICTS];

    if (v->topic_hash != hash || hash == 0) {
        struct gate_answer a = gate_check(l->grant, GATE_PUBLISH, topic);

        if (a.outcome == GATE_ALLOWED &&
            restraints_block(l->worker->restraints, QUARANTINE_PUBLISH, topic) != NULL)
            a.outcome = GATE_E_QUARANTINED;
        *v = (struct verdict){hash, a.outcome, a.is_command, note_is_durable(l->worker, topic)};
    }
    return *v;
}

static uint32_t command_flag(const struct link *l, const struct verdict *v)
{
    return v->is_command && !grant_may_command(l->grant) ? EVENT_COMMAND : 0;
}

/** flow_refusal_text() - "no rule allows it", "a rule denies it: <filter>"; the end of a long
 * filter is cut off */
void flow_refusal_text(const struct gate_answer *a, char ret[REFUSAL_TEXT_MAX])
{
    snprintf(ret, REFUSAL_TEXT_MAX, "%s%s%s", gate_outcome_text(a->outcome),
             a->rule != NULL ? ": " : "", a->rule != NULL ? a->rule : "");
    ret[wire_utf8_whole_len(bytes_str(ret))] = '\0';
}

/* It has the right to: this is nothing that a detector should hold against it. */
static void refuse_quarantined(struct link *l, const struct wire_publish *p)
{
    l->worker->counters.messages_quarantined++;
    session_acknowledge(l->resident->session, p, gate_outcome_reason(GATE_E_QUARANTINED),
                        gate_outcome_text(GATE_E_QUARANTINED));
}

static void deny_publish(struct link *l, const struct wire_publish *p, const struct verdict *v)
{
    struct worker *w = l->worker;
    const struct gate_answer a = gate_check(l->grant, GATE_PUBLISH, p->topic);
    char why[REFUSAL_TEXT_MAX];

    flow_refusal_text(&a, why);
    w->counters.publish_denied++;
    worker_event_of(w, l, EVENT_PUBLISH_DENIED, command_flag(l, v), p->topic, why);
    link_log(l, "gate", "publish to %.*s refused: role %s: %s", BYTES_ARG(p->topic),
             grant_role(l->grant), why);
    session_acknowledge(l->resident->session, p, gate_outcome_reason(v->outcome), why);
}

static bool is_control(const struct link *l)
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
    if (takes_memory && !is_control(l))
        wait_ns = MAX(wait_ns, memory_hold_ns(w));
    if (wait_ns > 0) {
        l->read_again_ns = w->now_ns + wait_ns;
        link_heard(l);
        link_dirty(l);
    }
}

/* 3.1.1 has no word for it but to close the connection [MQTT3-3.3.5-2]. */
static void refuse_for_memory(struct link *l, const struct wire_publish *p)
{
    struct worker *w = l->worker;

    w->counters.limits_hit++;
    worker_event_of(w, l, EVENT_LIMIT_HIT, 0, p->topic, "memory_bytes_max");
    if (p->qos > 0 && l->conn.level != WIRE_V5)
        link_close(l, REASON_QUOTA_EXCEEDED, "no memory for more messages: memory_bytes_max");
    else
        session_acknowledge(l->resident->session, p, REASON_QUOTA_EXCEEDED, "memory_bytes_max");
}

/* Return: whether it was retained, or need not be. */
static bool retain_publish(struct link *l, const struct wire_publish *p, struct publication *pub)
{
    if (!p->retain)
        return true;
    notice_retain(l, p);
    return retain(l->worker, pub);
}

/* Return: how many it went to. */
static size_t route_publish(struct link *l, const struct wire_publish *p, uint64_t hash,
                            bool is_durable)
{
    struct worker *w = l->worker;
    struct buf forward = {0};
    struct publication pub = {
        .topic = p->topic,
        .payload = p->payload,
        .qos = p->qos,
        .retain = p->retain,
        .is_control = is_control(l),
        .expires_ns = p->has_expiry ? w->now_ns + p->expiry_s * NS_PER_S : EXPIRES_NEVER,
        .publisher = l->resident->session->client_key,
        .publisher_id = l->resident->session->client_id,
        .topic_hash = hash,
        .is_durable = is_durable,
    };
    uint8_t reason = REASON_SUCCESS;
    const char *why = NULL;
    size_t n_matched = 0;

    if (p->props.len > 0) {
        wire_forward_props(p->props, &forward);
        pub.forward = buf_view(&forward);
    }
    /* Without RETAIN nothing that is retained changes [MQTT5-3.3.1-8] [MQTT3-3.3.1-12]. */
    if (!retain_publish(l, p, &pub)) {
        w->counters.limits_hit++;
        worker_event_of(w, l, EVENT_LIMIT_HIT, 0, p->topic, "retained_messages_max");
        reason = REASON_QUOTA_EXCEEDED;
        why = "no more is retained: retained_messages_max, retained_bytes_max";
    } else if ((n_matched = flow_route(w, &pub)) == 0) {
        w->counters.messages_unmatched++;
        reason = REASON_NO_MATCHING_SUBSCRIBERS;
    }
    session_acknowledge(l->resident->session, p, reason, why);
    publication_done(&pub);
    buf_done(&forward);
    return n_matched;
}

/* It has passed the gate. */
static void take_publish(struct link *l, const struct wire_publish *p, const struct verdict *v)
{
    size_t n_matched;

    if (!is_control(l) && memory_stage(l->worker) == MEMORY_FULL) {
        refuse_for_memory(l, p);
        return;
    }
    n_matched = route_publish(l, p, v->topic_hash, v->is_durable);
    notice_publish(l, p, v->topic_hash, command_flag(l, v), n_matched);
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

/* It cannot be kept now.  3.1.1 has no answer that says so [MQTT3-4.8.0-2]. */
static void refuse_to_promise(struct link *l, const struct wire_publish *p)
{
    struct worker *w = l->worker;
    static const char why[] = "the node cannot keep it now: its journal is full or has failed";

    w->counters.limits_hit++;
    worker_event_of(w, l, EVENT_LIMIT_HIT, 0, p->topic, "journal");
    if (l->conn.level == WIRE_V5)
        session_acknowledge(l->resident->session, p, REASON_QUOTA_EXCEEDED, why);
    else
        link_close(l, REASON_QUOTA_EXCEEDED, why);
}

static void receive_publish(struct link *l, const struct wire_frame *f)
{
    struct worker *w = l->worker;
    uint64_t n_queued = w->counters.messages_queued;
    uint64_t n_limits = w->counters.limits_hit;
    struct wire_publish p;
    struct verdict v;

    if (!flow_well_formed(l, wire_decode_publish(f->flags, f->body, l->conn.level, &p)))
        return;
    if (p.n_subscription_ids > 0) {
        flow_protocol_error(l, VIOLATION_PROTOCOL_ERROR, REASON_PROTOCOL_ERROR,
                            "PUBLISH from a client with a Subscription Identifier");
        return;
    }
    if (!conn_resolve_alias(&l->conn, &p)) {
        flow_protocol_error(l, VIOLATION_INVALID_TOPIC_ALIAS, REASON_TOPIC_ALIAS_INVALID,
                            "topic alias too high or not set");
        return;
    }
    w->counters.messages_received++;
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
        notice_qos2(l, l->resident->session->n_incoming - 1);
    if (l->publishing == NULL)
        l->publishing = mem_new(struct publishing);
    v = ask_gate(l, p.topic, hash_keyed(p.topic));
    if (w->node->monitor != NULL)
        tap_publish(l, &p, v.outcome == GATE_ALLOWED);
    if (v.outcome == GATE_E_QUARANTINED)
        refuse_quarantined(l, &p);
    else if (v.outcome != GATE_ALLOWED)
        deny_publish(l, &p, &v);
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

/* ---- the others ---- */

static void receive_ack(struct link *l, const struct wire_frame *f)
{
    struct wire_ack ack;

    if (!flow_well_formed(l, wire_decode_ack(f->type, f->flags, f->body, l->conn.level, &ack)))
        return;
    if (f->type == WIRE_PUBREL) {
        size_t before = l->resident->session->n_incoming;

        session_receive_pubrel(l->resident->session, &ack);
        notice_qos2(l, before);
    } else if (!session_receive_ack(l->resident->session, f->type, &ack)) {
        flow_protocol_error(l, VIOLATION_MISSING_PUBLISH, REASON_PROTOCOL_ERROR,
                            "acknowledgement that does not fit its message");
        return;
    }
    if (l->resident->session->queue.n < l->resident->session->queue_limits.messages_max / 4)
        l->resident->holding_since_ns = 0;
    link_dirty(l);
}

static void receive_pingreq(struct link *l, const struct wire_frame *f)
{
    if (!flow_well_formed(l, wire_decode_ping(f->flags, f->body)))
        return;
    wire_encode_ping(conn_out(&l->conn), WIRE_PINGRESP); /* [MQTT5-3.12.4-1] [MQTT3-3.12.4-1] */
    l->conn.n_packets++;
    link_dirty(l);
}

static void receive_disconnect(struct link *l, const struct wire_frame *f)
{
    struct wire_disconnect d;
    struct session *s;

    if (!flow_well_formed(l, wire_decode_disconnect(f->type, f->flags, f->body, l->conn.level, &d)))
        return;
    if (l->conn.state == CONN_CHALLENGED) {
        link_close(l, REASON_SUCCESS, "DISCONNECT in place of a proof");
        return;
    }
    s = l->resident->session;
    if (d.props.set & BIT64(PROP_SESSION_EXPIRY)) {
        const struct limits *limits = policy_limits(l->worker->policy);

        if (s->expiry_s == 0 && d.props.session_expiry_s != 0) { /* section 3.14.2.2.2 */
            flow_protocol_error(l, VIOLATION_PROTOCOL_ERROR, REASON_PROTOCOL_ERROR,
                                "session expiry set at DISCONNECT that was 0 at CONNECT");
            return;
        }
        s->expiry_s = (uint32_t)MIN(d.props.session_expiry_s, limits->session_expiry_max_s);
    }
    if (d.reason != REASON_SUCCESS) /* only a normal end removes the Will [MQTT5-3.1.2-10] */
        resident_disconnected(l->worker, l->resident, true);
    link_close(l, REASON_SUCCESS, "DISCONNECT");
}

/**
 * flow_packet() - one packet of a network connection
 * @f:  whole; borrowed until return
 */
void flow_packet(struct link *l, const struct wire_frame *f)
{
    static void (*const receive[])(struct link * l, const struct wire_frame *f) = {
        [WIRE_CONNECT] = connect_receive,     [WIRE_PUBLISH] = receive_publish,
        [WIRE_PUBACK] = receive_ack,          [WIRE_PUBREC] = receive_ack,
        [WIRE_PUBREL] = receive_ack,          [WIRE_PUBCOMP] = receive_ack,
        [WIRE_SUBSCRIBE] = subscribe_receive, [WIRE_UNSUBSCRIBE] = unsubscribe_receive,
        [WIRE_PINGREQ] = receive_pingreq,     [WIRE_DISCONNECT] = receive_disconnect,
        [WIRE_AUTH] = authenticate_receive,
    };

    if (!conn_may_receive(&l->conn, f->type)) {
        char why[96];

        snprintf(why, sizeof(why), "%s while %s", wire_type_name(f->type),
                 conn_state_text(l->conn.state));
        flow_protocol_error(l,
                            violation_of_type(f->type, l->conn.level, l->conn.state == CONN_ACTIVE),
                            REASON_PROTOCOL_ERROR, why);
        return;
    }
    receive[f->type](l, f);
}
