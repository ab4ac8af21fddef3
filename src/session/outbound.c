/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session/outbound.c - from a matching message to the bytes of a PUBLISH, and its acknowledgement
 *
 * Order: what is in flight goes first after a reconnect, then the queue, then
 * retained messages that a subscription found.  A QoS 0 message goes straight to the
 * output buffer if nothing waits and there is room.  So messages of one client keep
 * their order [MQTT5-4.6.0-5] [MQTT5-4.6.0-6] [MQTT3-4.6.0-5] [MQTT3-4.6.0-6].
 *
 * What is sent at QoS 2 is noted first, and leaves when that is safe: otherwise a client could
 * get it twice after a crash.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "session/session_private.h"

#define TURN_SKEW_NS (100 * NS_PER_MS)
/* What a client that reads takes at once is not worth reading back. */
#define LANE_MAX_CONNECTED 1024
#define LANE_MAX_AWAY      32

#define SUBIDS_FEW 16

/* What several subscriptions of one session make of one message. */
struct wanted {
    bool any;
    bool retain_as_published;
    uint8_t qos;
    uint32_t n_subids;
    uint32_t *subids; /* owned, unless it is @few */
    uint32_t few[SUBIDS_FEW];
};

/* A session that goes on at a level before 5.0 has no options, whatever its subscriptions were made
 * with; a bridge's way is its own. */
static bool has_options(const struct session *s)
{
    return s->conn == NULL || s->conn->level == WIRE_V5 || s->conn->is_bridge;
}

/** session_skips_own() - was it published by the client itself, and does it not want that by @sub?
 * [MQTT5-3.8.3-3] */
bool session_skips_own(const struct session *s, const struct subscription *sub, uint64_t publisher)
{
    return sub->no_local && publisher == s->client_key && has_options(s);
}

/* RETAIN: [MQTT5-3.3.1-12] [MQTT5-3.3.1-13] [MQTT3-3.3.1-9] */
static void want(struct wanted *w, const struct session *s, const struct subscription *sub)
{
    w->any = true;
    w->qos = MAX(w->qos, sub->qos);
    w->retain_as_published |= sub->retain_as_published && has_options(s);
    if (sub->id != 0)
        w->subids[w->n_subids++] = sub->id;
}

/* Overlapping subscriptions give one message with the highest QoS [MQTT5-3.3.4-2] [MQTT3-3.3.5-1]
 * and all Subscription Identifiers [MQTT5-3.3.4-3] [MQTT5-3.3.4-4], beside what comes by a share
 * with that of its own [MQTT5-3.3.4-5]; No Local subscriptions do not count for the client's own
 * messages. */
static void wanted_init(struct wanted *w, const struct session *s, const struct publication *p,
                        const struct receiver *r)
{
    w->any = false;
    w->retain_as_published = false;
    w->qos = 0;
    w->n_subids = 0;
    w->subids = r->n > SUBIDS_FEW ? mem_alloc(r->n * sizeof(*w->subids)) : w->few;
    for (size_t i = 0; i < r->n; i++) {
        if (!session_skips_own(s, r->first[i], p->publisher))
            want(w, s, r->first[i]);
    }
}

static void wanted_done(struct wanted *w)
{
    if (w->subids != w->few)
        free(w->subids);
}

/* What came, less the whole seconds it has waited [MQTT5-3.3.2-6].  The worker that received it may
 * have begun its turn after this one, so that a little more than what came seems to be left. */
static uint32_t expiry_left_s(uint64_t expires_ns, uint64_t now_ns)
{
    if (expires_ns <= now_ns)
        return 0;
    return (uint32_t)((expires_ns - now_ns + NS_PER_S - TURN_SKEW_NS) / NS_PER_S);
}

/* Whatever a PUBLISH has beside topic, properties that travel, and payload. */
#define PUBLISH_OVERHEAD_MAX 256
#define PUBLISH_SUBID_MAX    5 /* and a Subscription Identifier */

static bool is_large(const struct conn *c, const struct wire_delivery *d)
{
    size_t at_most = d->topic.len + d->forward.len + d->payload.len + PUBLISH_OVERHEAD_MAX +
                     PUBLISH_SUBID_MAX * (size_t)d->n_subscription_ids;

    return at_most > c->packet_max;
}

static bool is_too_large(const struct conn *c, const struct wire_delivery *d)
{
    return is_large(c, d) && wire_delivery_len(d, c->level) > c->packet_max;
}

/* Encode to @out; false if the packet is larger than the client takes, which counts as
 * delivered [MQTT5-3.1.2-25]. */
static bool send_publish(struct session *s, struct wire_delivery *d, uint64_t topic_hash,
                         struct buf *out)
{
    struct conn *c = s->conn;

    if (is_too_large(c, d)) {
        s->n_dropped++;
        return false;
    }
    /* What waits at the gate may be overtaken, and so the packet that gives an alias its meaning.
     */
    if (c->sent_alias_max > 0 && out == c->out && !is_large(c, d))
        alias_shorten(c, d, topic_hash);
    wire_encode_delivery(out, d, c->level);
    c->n_packets++;
    s->n_delivered++;
    s->payload_bytes_delivered += d->payload.len;
    return true;
}

/* Is a delivery of this to survive?  If the session does not, another member may get it. */
static bool is_kept(const struct session *s, const struct publication *p, const struct share *share,
                    uint8_t qos)
{
    return p->is_durable && qos > 0 &&
           (s->notes != NULL || (share != NULL && share_has_kept(share)));
}

/* At QoS 2 not before the journal has it.  A session that is not kept, or not any more, has nothing
 * to wait for but that no other member gets it too; and all that comes one way goes one way. */
static struct buf *out_for(struct session *s, const struct delivery *d)
{
    bool waits = s->notes != NULL ? d->record != 0 : d->share != 0;

    return d->qos == 2 && waits ? conn_gate(s->conn) : conn_out(s->conn);
}

/* What waited may be for a session that went on at another level. */
static bool retain_flag(const struct session *s, const struct delivery *d)
{
    return d->retain == RETAIN_FLAG_FOUND ||
           (d->retain == RETAIN_FLAG_AS_PUBLISHED && has_options(s));
}

static struct wire_delivery wire_of(const struct session *s, const struct delivery *d,
                                    uint64_t now_ns)
{
    const struct message *m = d->message;

    return (struct wire_delivery){
        .topic = m->topic,
        .forward = m->forward,
        .payload = m->payload,
        .subscription_ids = delivery_subids(d),
        .n_subscription_ids = d->n_subids,
        .packet_id = d->packet_id,
        .qos = d->qos,
        .dup = d->dup,
        .retain = retain_flag(s, d),
        .has_expiry = m->expires_ns != EXPIRES_NEVER,
        .expiry_s = expiry_left_s(m->expires_ns, now_ns),
    };
}

/* Is there nothing that deliveries have to wait for, but room in the output buffer? */
static bool may_begin(const struct session *s)
{
    return s->conn != NULL && s->conn->n_subacks_due == 0 && !conn_awaits_connack(s->conn) &&
           conn_gated_bytes(s->conn) < CONN_OUT_HIGH_BYTES;
}

static bool may_write(const struct session *s)
{
    return may_begin(s) && s->conn->out->len < CONN_OUT_HIGH_BYTES;
}

static bool nothing_waits(const struct session *s)
{
    return s->queue.n == 0 && s->inflight.resend_at == inflight_places(&s->inflight);
}

static enum session_offered send_now(struct session *s, const struct publication *p,
                                     const struct wanted *w, uint64_t now_ns)
{
    struct wire_delivery d = {
        .topic = p->topic,
        .forward = p->forward,
        .payload = p->payload,
        .subscription_ids = w->subids,
        .n_subscription_ids = w->n_subids,
        .retain = p->retain && w->retain_as_published,
        .has_expiry = p->expires_ns != EXPIRES_NEVER,
        .expiry_s = expiry_left_s(p->expires_ns, now_ns),
    };

    return send_publish(s, &d, p->topic_hash, s->conn->out) ? SESSION_SENT : SESSION_TOO_LARGE;
}

/* The send quota [MQTT5-3.3.4-9] [MQTT5-4.9.0-2]; nothing but PUBLISH asks for it [MQTT5-3.3.4-10]
 * [MQTT5-4.9.0-3]. */
static bool window_open(const struct session *s)
{
    return s->n_unacknowledged < s->inflight_max;
}

/* @d's references move into the inflight window, or are released.  DUP is 0, whatever the publisher
 * set [MQTT5-3.3.1-3] [MQTT5-4.3.2-2] [MQTT5-4.3.3-2] [MQTT3-3.3.1-3].  Return: whether it was
 * sent. */
static bool send_delivery(struct session *s, struct delivery *d, uint64_t now_ns)
{
    struct wire_delivery w;
    bool sent;

    if (d->qos > 0) {
        d->packet_id = inflight_next_id(&s->inflight);
        d->state = d->qos == 1 ? INFLIGHT_PUBACK : INFLIGHT_PUBREC;
        session_note_sent(s, d);
    }
    w = wire_of(s, d, now_ns);
    sent = send_publish(s, &w, d->message->topic_hash, out_for(s, d));
    if (!sent || d->qos == 0) {
        delivery_done(d);
        return sent;
    }
    inflight_push(&s->inflight, d);
    s->n_unacknowledged++;
    return true;
}

static struct delivery delivery_of(struct publication *p, const struct receiver *r,
                                   const struct wanted *w, uint8_t qos)
{
    struct delivery d = {
        .message = publication_keep(p),
        .share = r->first[0]->share != NULL ? share_id(r->first[0]->share) : 0,
        .qos = qos,
        .retain = p->retain && w->retain_as_published ? RETAIN_FLAG_AS_PUBLISHED : RETAIN_FLAG_NOT,
    };

    delivery_set_subids(&d, w->subids, w->n_subids);
    return d;
}

/* How many deliveries wait in memory; the rest can be read back if there is a journal. */
static uint32_t lane_max(const struct session *s)
{
    if (s->notes == NULL)
        return 0;
    return s->conn != NULL ? LANE_MAX_CONNECTED : LANE_MAX_AWAY;
}

/* By the drop rule.  Of what comes to a group it is not known yet whether it is dropped. */
static enum session_offered refuse(struct session *s, const struct share *share)
{
    if (share != NULL) {
        s->has_refused = true;
        return SESSION_FULL;
    }
    s->n_dropped++;
    return SESSION_DROPPED;
}

/* It has not waited, and counts like one that has. */
static enum session_offered expired(struct session *s)
{
    s->queue.n_expired++;
    return SESSION_SKIPPED;
}

/* Who has no room at once is as one that is full, for a group. */
static bool may_others_have(const struct publication *p, const struct share *share)
{
    return share != NULL && p->expires_ns == EXPIRES_AT_ONCE;
}

static enum session_offered enqueue(struct session *s, struct publication *p, struct delivery *d,
                                    const struct share *share, uint64_t now_ns)
{
    enum queue_outcome outcome = queue_admits(&s->queue, &s->queue_limits, d, now_ns);

    while (outcome == QUEUE_E_FULL && queue_expire(&s->queue, now_ns) > 0)
        outcome = queue_admits(&s->queue, &s->queue_limits, d, now_ns);
    if (outcome == QUEUE_OK) {
        session_note_offered(s, p, d, share);
        s->queue.lane_max = lane_max(s);
        queue_put(&s->queue, d);
        return SESSION_QUEUED;
    }
    d->record = 0; /* it was not noted yet */
    delivery_done(d);
    if (outcome == QUEUE_E_EXPIRED && !may_others_have(p, share))
        return expired(s);
    return refuse(s, share);
}

/* What expires at once has not for this session yet, unless it is to wait. */
static bool has_expired(const struct publication *p, uint64_t now_ns)
{
    return p->expires_ns <= now_ns && p->expires_ns != EXPIRES_AT_ONCE;
}

/* @w: what @r, at least one subscription, makes of it */
static enum session_offered offer(struct session *s, struct publication *p,
                                  const struct receiver *r, const struct wanted *w, uint64_t now_ns)
{
    uint8_t qos = MIN(w->qos, p->qos); /* [MQTT5-3.8.4-8] [MQTT3-3.8.4-6] */
    bool at_once = may_write(s) && nothing_waits(s);
    const struct share *share = r->first[0]->share;
    struct delivery d;

    if (!w->any)
        return SESSION_SKIPPED;
    if (s->conn == NULL && (qos == 0 || !s->is_persistent))
        return SESSION_AWAY;
    if (has_expired(p, now_ns))
        return expired(s);
    if (qos == 0 && at_once)
        return send_now(s, p, w, now_ns);
    if (qos == 0 && p->may_not_wait)
        return refuse(s, share);
    d = delivery_of(p, r, w, qos);
    if (is_kept(s, p, share, qos))
        d.record = notes_id(session_notes(s));
    if (qos > 0 && at_once && window_open(s)) {
        session_note_offered(s, p, &d, share);
        return send_delivery(s, &d, now_ns) ? SESSION_SENT : SESSION_TOO_LARGE;
    }
    return enqueue(s, p, &d, share, now_ns);
}

/* Is it retained, and not for the client to have now? */
static bool is_missed(const struct publication *p, enum session_offered how)
{
    return p->stamp != 0 && (how == SESSION_AWAY || how == SESSION_FULL || how == SESSION_DROPPED);
}

/**
 * session_offer() - a message that subscriptions of this session match
 * @p:  kept by reference if it has to wait
 * @r:  the session's matching subscriptions, at least one
 *
 * Above QoS 0 it is kept for a client that is away [MQTT5-4.5.0-1] [MQTT3-4.5.0-1]
 * [MQTT3-3.1.2-5].  After SESSION_QUEUED the caller calls session_pump() before the turn ends.
 */
enum session_offered session_offer(struct session *s, struct publication *p,
                                   const struct receiver *r, uint64_t now_ns)
{
    struct wanted w;
    enum session_offered how;

    wanted_init(&w, s, p, r);
    how = offer(s, p, r, &w, now_ns);
    if (is_missed(p, how))
        session_missed(s, r);
    wanted_done(&w);
    return how;
}

static void finish(struct session *s, size_t place)
{
    delivery_done(inflight_at(&s->inflight, place));
    inflight_finish(&s->inflight, place);
    s->n_unacknowledged--;
}

/* The client has it at QoS 2, or is to think so: the next step is PUBREL. */
static void now_waits_for_pubcomp(struct session *s, struct delivery *d)
{
    d->message = message_unref(d->message);
    d->state = INFLIGHT_PUBCOMP;
    session_note_released(s, d);
}

static void release(struct session *s, struct delivery *d)
{
    now_waits_for_pubcomp(s, d);
    conn_send_ack(s->conn, WIRE_PUBREL, d->packet_id, REASON_SUCCESS, NULL);
}

/* The client takes less now than before: as if all of it had been sent [MQTT5-3.1.2-25].  At QoS 2
 * it may have come, and its id is not free before the client has given it up. */
static void leave_out(struct session *s, size_t place)
{
    struct delivery *d = inflight_at(&s->inflight, place);

    s->n_dropped++;
    if (d->state == INFLIGHT_PUBREC)
        release(s, d);
    else
        finish(s, place);
}

/* Send PUBREL again, which waits for no PUBLISH and no send quota [MQTT5-3.3.4-10] [MQTT5-4.9.0-3];
 * and it takes one, so that there are never more messages under way than that. */
static void release_again(struct session *s, const struct delivery *d)
{
    if (d->state != INFLIGHT_PUBCOMP)
        return;
    s->n_unacknowledged++;
    conn_send_ack(s->conn, WIRE_PUBREL, d->packet_id, REASON_SUCCESS, NULL);
}

/* Send again what was in flight on an earlier network connection [MQTT5-4.4.0-1] [MQTT3-4.4.0-1],
 * also what has expired since it was sent [MQTT5-4.3.3-7], and to the same member of a shared
 * subscription [MQTT5-4.8.2-4]. */
static void resend(struct session *s, size_t place, uint64_t now_ns)
{
    struct delivery *d = inflight_at(&s->inflight, place);
    struct wire_delivery w;

    if (d->state == INFLIGHT_DONE || d->state == INFLIGHT_PUBCOMP)
        return;
    s->n_unacknowledged++;
    d->dup = true; /* [MQTT5-3.3.1-1] */
    w = wire_of(s, d, now_ns);
    if (is_too_large(s->conn, &w)) {
        leave_out(s, place);
        return;
    }
    wire_encode_delivery(out_for(s, d), &w, s->conn->level);
    s->conn->n_packets++;
}

static bool head_wants_window(struct session *s, uint64_t now_ns)
{
    const struct delivery *head = queue_head(&s->queue, now_ns);

    /* A retained message: its QoS is not looked at before there is a window for it. */
    return head == NULL || head->qos > 0;
}

/**
 * session_pump() - encode what waits, as far as the output buffer and the windows allow
 *
 * Return: whether something still waits that only room in the output buffer holds back;
 * what waits for an acknowledgement is pumped when it comes, and what is on the shelf
 * (session_wants()) when it has been read back.
 */
bool session_pump(struct session *s, uint64_t now_ns)
{
    struct inflight *w = &s->inflight;

    if (nothing_waits(s) && s->retained == NULL)
        return false;
    while (may_write(s)) {
        struct delivery d;

        if (w->release_at < inflight_places(w)) {
            release_again(s, inflight_at(w, w->release_at++));
            continue;
        }
        if (w->resend_at < inflight_places(w)) {
            if (s->n_unacknowledged >= s->inflight_max)
                return false;
            resend(s, w->resend_at++, now_ns);
            continue;
        }
        if (!window_open(s) && head_wants_window(s, now_ns))
            return false;
        if (!queue_take(&s->queue, now_ns, &d) &&
            (s->queue.n > 0 || !session_take_found(s, now_ns, &d)))
            return false;
        send_delivery(s, &d, now_ns);
    }
    return may_begin(s);
}

/**
 * session_retained_next() - for which subscription the retained messages are to be found now
 *
 * Return: NULL if for none, or if other messages are to be sent first.
 */
struct subscription *session_retained_next(const struct session *s)
{
    if (list_is_empty(&s->retained_wanting) || s->retained != NULL || !may_write(s) ||
        !nothing_waits(s))
        return NULL;
    return list_item(s->retained_wanting.next, struct retained_want, in_session)->subscription;
}

/* Was @d, at @place, sent on this network connection? */
static bool was_sent(const struct inflight *w, size_t place, const struct delivery *d)
{
    return place < (d->state == INFLIGHT_PUBCOMP ? w->release_at : w->resend_at);
}

/* PUBREC for what was sent on an earlier network connection and not again on this one: the client
 * has it, so it is not.  PUBREL comes with the others that are sent again, unless those are over.
 */
static void receive_early(struct session *s, size_t place, uint8_t reason)
{
    struct delivery *d = inflight_at(&s->inflight, place);

    if (d->state == INFLIGHT_PUBCOMP)
        return;
    if (reason < 0x80 && place >= s->inflight.release_at) {
        now_waits_for_pubcomp(s, d);
        return;
    }
    s->n_unacknowledged++; /* as if it had been sent */
    if (reason < 0x80)
        release(s, d);
    else
        finish(s, place);
}

/**
 * session_receive_ack() - PUBACK, PUBREC or PUBCOMP from the client
 *
 * One with an error ends the delivery for good [MQTT5-4.4.0-2], also one by a shared
 * subscription: it goes to no other member [MQTT5-4.8.2-6].
 * A PUBREC for an id that is not known is answered by PUBREL with 0x92, so that the
 * client can give it up.  The caller calls session_pump() afterwards.
 *
 * Return: false if the packet does not fit what is in flight: a protocol error.
 */
bool session_receive_ack(struct session *s, enum wire_type type, const struct wire_ack *p)
{
    size_t place = inflight_find(&s->inflight, p->packet_id);
    struct delivery *d = place != INFLIGHT_NONE ? inflight_at(&s->inflight, place) : NULL;

    if (d == NULL || !was_sent(&s->inflight, place, d)) {
        if (type == WIRE_PUBREC && d != NULL && d->state != INFLIGHT_PUBACK)
            receive_early(s, place, p->reason);
        else if (type == WIRE_PUBREC)
            conn_send_ack(s->conn, WIRE_PUBREL, p->packet_id, REASON_PACKET_IDENTIFIER_NOT_FOUND,
                          NULL);
        return true;
    }
    switch (d->state) {
    case INFLIGHT_PUBACK:
        if (type != WIRE_PUBACK)
            return false;
        finish(s, place);
        return true;
    case INFLIGHT_PUBREC:
        if (type != WIRE_PUBREC)
            return false;
        if (p->reason >= 0x80) { /* given up by the client [MQTT5-4.3.3-4] */
            finish(s, place);
            return true;
        }
        release(s, d);
        return true;
    default:
        if (type == WIRE_PUBREC) /* repeated: answer again */
            conn_send_ack(s->conn, WIRE_PUBREL, d->packet_id, REASON_SUCCESS, NULL);
        else if (type == WIRE_PUBCOMP)
            finish(s, place);
        else
            return false;
        return true;
    }
}
