/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/flow.c - a message flows; every packet's way to what takes it
 *
 *   1 loop turn      worker.c      ready connections, then the mailbox, control before delivery
 *   2 read           link_read.c   into the worker's buffer
 *   3 wire_next      link_read.c   a complete packet
 *   4 conn           here          is it legal here?
 *   5 gate           publish.c     may this client do that?  verdicts are remembered by topic
 *   6 router_match   here          local sessions, other outlets
 *   7 session_offer  here          straight to the output buffer, or to the session's queue
 *   8 outlet_flush   outlet.c      once a turn
 *   9 link_flush     link_write.c  one write per connection and turn
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "node/node_private.h"

/**
 * flow_protocol_error() - the client broke a rule: said in an event, the log and DISCONNECT, or
 * CONNACK where it is challenged, then closed
 *
 * [MQTT5-4.13.1-1] [MQTT3-4.8.0-1]
 */
void flow_protocol_error(struct link *l, enum violation v, uint8_t reason, const char *why)
{
    violation_tell(l, v, reason, why);
    if (l->conn.state == CONN_CHALLENGED)
        authenticate_tell_refused(l, reason, why);
    link_close(l, reason, why);
}

/** flow_well_formed() - Return: false after the connection was closed for @outcome, of decoding @f
 * just now. */
bool flow_well_formed(struct link *l, const struct wire_frame *f, enum wire_outcome outcome)
{
    char why[WIRE_FAULT_TEXT_MAX];

    if (outcome == WIRE_OK)
        return true;
    wire_fault_text(outcome, f->type, why);
    flow_protocol_error(l, violation_of_outcome(outcome), wire_outcome_reason(outcome), why);
    return false;
}

/** flow_shorten() - as much of a topic or filter as leaves room for another one */
void flow_shorten(struct bytes name, char ret[REFUSAL_NAME_MAX])
{
    bool is_cut = name.len >= REFUSAL_NAME_MAX;

    if (is_cut)
        name.len = wire_utf8_whole_len(bytes_of(name.at, REFUSAL_NAME_MAX - sizeof("...")));
    snprintf(ret, REFUSAL_NAME_MAX, "%.*s%s", BYTES_ARG(name), is_cut ? "..." : "");
}

/**
 * flow_refusal_text() - "no rule allows it: <topic>", "a rule denies it: <topic> (rule <filter>)"
 * @topic:  or the filter that was asked for; empty where it stands beside the text
 */
void flow_refusal_text(const struct gate_answer *a, struct bytes topic, char ret[REFUSAL_TEXT_MAX])
{
    char name[REFUSAL_NAME_MAX];
    char rule[REFUSAL_NAME_MAX];

    flow_shorten(topic, name);
    flow_shorten(bytes_str(text_or_empty(a->rule)), rule);
    snprintf(ret, REFUSAL_TEXT_MAX, "%s%s%s%s%s%s", gate_outcome_text(a->outcome),
             topic.len > 0 ? ": " : "", name, a->rule != NULL ? " (rule " : "", rule,
             a->rule != NULL ? ")" : "");
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

    if (w->is_parted && restraints_parts(w->restraints, p->publisher, s->client_key)) {
        w->counters.messages_quarantined++;
        return SESSION_AWAY; /* another member of its group may have it */
    }
    if (s->conn != NULL && s->conn->out->len >= CONN_OUT_HIGH_BYTES)
        link_relieve(list_item(s->conn, struct link, conn));
    how = session_offer(s, p, r, w->now_ns);
    switch (how) {
    case SESSION_SENT:
        w->counters.messages_sent++;
        w->counters.payload_bytes_sent += p->payload.len;
        break;
    case SESSION_QUEUED:
        w->counters.messages_queued++;
        if (s->conn != NULL)
            notice_queued(list_item(s->conn, struct link, conn), &s->queue, publication_bytes(p));
        if (p->publisher != 0) /* for what the node itself says nobody is held back */
            hold_for(w, s);
        break;
    case SESSION_DROPPED:
    case SESSION_TOO_LARGE: /* of a group another member may take it */
        w->counters.messages_dropped += r->first[0]->share == NULL;
        return how;
    case SESSION_SKIPPED:
    case SESSION_AWAY:
    case SESSION_FULL:
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
        if (p->stamp != 0)
            outlet_send(w, BIT64(w->n_workers) - 1, p);
        return m.n_receivers + m.n_shares + (m.outlets != 0);
    }
    p->may_not_wait = !p->is_control && memory_stage(w) >= MEMORY_SCARCE;
    for (size_t i = 0; i < m.n_receivers; i++)
        flow_offer(w, p, &m.receivers[i]);
    if (m.n_shares > 0)
        share_route(w, p, &m);
    if (p->stamp != 0) /* who subscribes there meanwhile gets it, too */
        outlets |= BIT64(w->n_workers) - 1;
    if (outlets != 0) {
        note_intents(w, p, outlets);
        outlet_send(w, outlets, p);
    }
    return m.n_receivers + m.n_shares + (m.outlets != 0);
}

/**
 * flow_retain() - keep it as the retained message of its topic, or remove that one
 * @p:          its stamp is set, or is 0 if it is not retained
 * @g:          whose limit is asked; NULL: the node's own, which has none
 * @ret_owner:  as router_retained_by() before; NULL: nobody asks
 *
 * Return: NULL, or the limit that does not let it; static.
 */
const char *flow_retain(struct worker *w, struct publication *p, const struct grant *g,
                        uint64_t *ret_owner)
{
    static const char *const limits_of[] = {
        [RETAIN_E_FULL] = "retained_messages_max, retained_bytes_max",
        [RETAIN_E_QUOTA] = "retained_per_client_max",
    };
    const struct limits *limits = policy_limits(w->policy);
    const struct retained_limits room = {
        limits->retained_messages_max,
        limits->retained_bytes_max,
        g != NULL ? grant_retained_per_client_max(g) : SIZE_MAX,
    };
    enum retain_outcome outcome;
    const char *limit;

    /* A removal has to know what there is to remove. */
    if (w->notes != NULL && p->payload.len == 0)
        worker_take_messages(w);
    p->stamp = atomic_fetch_add(&w->node->next_stamp, 1) + 1;
    outcome = router_retain(w->router, p, &room, ret_owner);
    if (outcome == RETAIN_STORED)
        note_retained(w, p);
    limit = limits_of[outcome];
    if (limit != NULL)
        p->stamp = 0;
    return limit;
}

/** flow_is_anothers() - has another client than @publisher a retained message on @topic? */
bool flow_is_anothers(struct worker *w, struct bytes topic, uint64_t publisher)
{
    uint64_t owner;

    worker_take_messages(w); /* whose PUBACK has left may be known here by what waits */
    owner = router_retained_by(w->router, topic);
    return owner != 0 && owner != publisher;
}

static bool may_not_change(struct worker *w, const struct publication *p, const struct grant *g)
{
    return p->retain && g != NULL && gate_check(g, GATE_PUBLISH, p->topic).is_owner_only &&
           flow_is_anothers(w, p->topic, p->publisher);
}

/* What there is no room to retain is published all the same [MQTT5-3.1.2-8] [MQTT3-3.1.2-8]. */
static void retain_own(struct worker *w, struct publication *p, const struct grant *g)
{
    const char *limit = flow_retain(w, p, g, NULL);
    const struct event e = {
        .kind = EVENT_LIMIT_HIT,
        .client_id = p->publisher_id,
        .user_name = bytes_str(g != NULL ? grant_principal(g) : NULL),
        .role = bytes_str(g != NULL ? grant_role(g) : NULL),
        .topic = p->topic,
        .text = bytes_str(limit),
    };

    if (limit == NULL)
        return;
    w->counters.limits_hit++;
    if (p->publisher_id.len == 0)
        return;
    worker_event(w, NULL, &e);
    log_info("gate", "%.*s: what it has on %.*s is not retained: %s", BYTES_ARG(p->publisher_id),
             BYTES_ARG(p->topic), limit);
}

/**
 * flow_publish_own() - a message of the node itself, a Will, or a command that a person approved:
 * routed as any other, and retained if there is room
 * @g:  the Will's rights; NULL: the node's own, which may all
 *
 * Counts what is refused and what is not retained; of a Will that is another client's place the
 * detectors are told, refused or not.
 *
 * Return: NULL, or why it was refused: then it is neither retained nor routed; static.
 */
const char *flow_publish_own(struct worker *w, struct publication *p, const struct grant *g)
{
    if (restraints_block(w->restraints, QUARANTINE_PUBLISH, p->topic) != NULL) {
        w->counters.messages_quarantined++;
        return gate_outcome_text(GATE_E_QUARANTINED);
    }
    if (p->retain && g != NULL)
        notice_retain_will(w, p, g);
    if (may_not_change(w, p, g)) {
        w->counters.publish_denied++;
        return FLOW_ANOTHERS_TEXT;
    }
    if (p->retain)
        retain_own(w, p, g);
    flow_route(w, p);
    return NULL;
}

/* ---- packets ---- */

static void receive_ack(struct link *l, const struct wire_frame *f)
{
    struct wire_ack ack;

    if (!flow_well_formed(l, f, wire_decode_ack(f->type, f->flags, f->body, l->conn.level, &ack)))
        return;
    if (f->type == WIRE_PUBREL) {
        size_t before = l->resident->session->incoming.n;

        session_receive_pubrel(l->resident->session, &ack);
        notice_qos2(l, before);
    } else if (!session_receive_ack(l->resident->session, f->type, &ack)) {
        flow_protocol_error(l, VIOLATION_MISSING_PUBLISH, REASON_PROTOCOL_ERROR,
                            "acknowledgement that does not fit its message");
        return;
    } else {
        l->acknowledged_ns = l->worker->now_ns;
    }
    if (l->resident->session->queue.n < l->resident->session->queue_limits.messages_max / 4)
        l->resident->holding_since_ns = 0;
    link_dirty(l);
}

static void receive_pingreq(struct link *l, const struct wire_frame *f)
{
    if (!flow_well_formed(l, f, wire_decode_ping(f->flags, f->body, l->conn.level)))
        return;
    wire_encode_ping(conn_out(&l->conn), WIRE_PINGRESP); /* [MQTT5-3.12.4-1] [MQTT3-3.12.4-1] */
    l->conn.n_packets++;
    link_dirty(l);
}

/* "DISCONNECT", and why, where a client of 5.0 says it. */
static void say_goodbye(const struct wire_disconnect *d, char ret[REFUSAL_TEXT_MAX])
{
    bool is_normal = d->reason == REASON_SUCCESS;
    bool has_text = (d->props.set & BIT64(PROP_REASON_STRING)) && d->props.reason_string.len > 0;
    char text[REFUSAL_NAME_MAX];

    flow_shorten(has_text ? d->props.reason_string : BYTES_NONE, text);
    snprintf(ret, REFUSAL_TEXT_MAX, "DISCONNECT%s%s%s%s", is_normal ? "" : ": ",
             is_normal ? "" : wire_reason_text(d->reason), has_text ? ": " : "", text);
}

static void receive_disconnect(struct link *l, const struct wire_frame *f)
{
    char goodbye[REFUSAL_TEXT_MAX];
    struct wire_disconnect d;
    struct session *s;

    if (!flow_well_formed(l, f,
                          wire_decode_disconnect(f->type, f->flags, f->body, l->conn.level, &d)))
        return;
    if (l->conn.state == CONN_CHALLENGED) {
        link_close(l, REASON_SUCCESS, "DISCONNECT in place of a proof");
        return;
    }
    s = l->resident->session;
    if (d.props.set & BIT64(PROP_SESSION_EXPIRY)) {
        /* section 3.14.2.2.2; who asked for more at CONNECT and was granted 0 breaks no rule */
        if (l->asked_no_expiry && d.props.session_expiry_s != 0) {
            flow_protocol_error(l, VIOLATION_PROTOCOL_ERROR, REASON_PROTOCOL_ERROR,
                                "session expiry set at DISCONNECT that was 0 at CONNECT");
            return;
        }
        s->expiry_s = MIN(d.props.session_expiry_s, resident_expiry_max_s(l->worker, l->resident));
    }
    if (d.reason != REASON_SUCCESS) /* only a normal end removes the Will [MQTT5-3.1.2-10] */
        resident_disconnected(l->worker, l->resident, true);
    say_goodbye(&d, goodbye);
    link_close(l, REASON_SUCCESS, goodbye);
}

/**
 * flow_packet() - one packet of a network connection
 * @f:  whole; borrowed until return
 */
void flow_packet(struct link *l, const struct wire_frame *f)
{
    static void (*const receive[])(struct link * l, const struct wire_frame *f) = {
        [WIRE_CONNECT] = connect_receive,     [WIRE_PUBLISH] = publish_receive,
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
