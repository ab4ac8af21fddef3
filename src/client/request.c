/* SPDX-License-Identifier: Apache-2.0 */
/* client/request.c - publish, subscribe, unsubscribe, and their answers */
#include "client/client_private.h"

#include "base/err.h"

/* Return: once the answer to c->awaited is there. */
static enum client_outcome wait_answer(struct client *c)
{
    uint64_t deadline_ns = client_deadline_ns(c);

    while (!c->awaited.is_done) {
        enum client_outcome o = channel_step(c, deadline_ns);

        if (o == CLIENT_NOTHING)
            return client_fail(c, CLIENT_E_TIMEOUT, 0, "no answer in time");
        if (o != CLIENT_OK)
            return o;
    }
    c->reason = c->awaited.reason;
    return CLIENT_OK;
}

/* The connection goes on. */
static enum client_outcome refused(struct client *c, uint8_t reason, const char *what,
                                   struct bytes which)
{
    struct buf text = {0};

    buf_addf(&text, "%s %.*s: %s (0x%02x)", what, BYTES_ARG(which), wire_reason_text(reason),
             reason);
    client_error_set(c, &text);
    c->reason = reason;
    return CLIENT_E_REFUSED;
}

static enum client_outcome not_connected(struct client *c)
{
    return client_fail(c, CLIENT_E_CLOSED, c->reason, "%s",
                       c->error != NULL ? c->error : "not connected");
}

/* ---- publish ---- */

/* What the server said that it does not take is not sent [MQTT5-3.2.2-11] [MQTT5-3.2.2-14]
 * [MQTT5-3.2.2-15]. */
static uint8_t unsendable(const struct client *c, const struct client_message *m)
{
    struct wire_delivery d = {
        .topic = m->topic,
        .payload = m->payload,
        .forward = m->forward,
        .qos = m->qos,
        .has_expiry = m->has_expiry,
    };

    if (!wire_topic_name_valid(m->topic))
        return REASON_TOPIC_NAME_INVALID;
    if (m->qos > c->server_qos_max)
        return REASON_QOS_NOT_SUPPORTED;
    if (m->retain && !c->server_retains)
        return REASON_RETAIN_NOT_SUPPORTED;
    if (wire_delivery_len(&d, c->level) > c->server_packet_max)
        return REASON_PACKET_TOO_LARGE;
    return REASON_SUCCESS;
}

static enum client_outcome send_qos0(struct client *c, const struct client_message *m)
{
    struct wire_delivery d = {
        .topic = m->topic,
        .payload = m->payload,
        .forward = m->forward,
        .retain = m->retain,
        .has_expiry = m->has_expiry,
        .expiry_s = m->expiry_s,
    };

    c->out.len = 0;
    wire_encode_delivery(&c->out, &d, c->level);
    return channel_send(c, buf_view(&c->out), client_deadline_ns(c));
}

/* @ret_id: 0 at QoS 0.  No Topic Alias is used [MQTT5-3.2.2-17] [MQTT5-3.2.2-18]. */
static enum client_outcome start(struct client *c, const struct client_message *m, uint16_t *ret_id)
{
    enum client_outcome o;
    struct flight *f;
    uint8_t reason;

    check(m->qos <= 2);
    if (c->stream == NULL)
        return not_connected(c);
    reason = unsendable(c, m);
    if (reason != REASON_SUCCESS)
        return refused(c, reason, "publish to", m->topic);
    *ret_id = 0;
    if (m->qos == 0)
        return send_qos0(c, m);
    o = flights_wait_below(c, c->window);
    if (o != CLIENT_OK)
        return o;
    f = flight_new(c, m);
    *ret_id = f->id;
    return flight_send(c, f);
}

/**
 * client_publish_start() - send one message and do not wait for its acknowledgement
 * @m:  borrowed during the call
 *
 * Waits only while as many are unacknowledged as the server allows.  At QoS 0 a
 * refusal by the server is not told; at QoS 1 and 2 by client_flush().
 *
 * Return: CLIENT_OK; CLIENT_E_REFUSED, not sent: the server does not take such;
 *         or how the connection ended.
 */
enum client_outcome client_publish_start(struct client *c, const struct client_message *m)
{
    uint16_t id;

    return start(c, m, &id);
}

/**
 * client_publish() - send one message and wait for its last acknowledgement
 * @m:  borrowed during the call
 *
 * client_reason() is then what the server answered: "No matching subscribers" is
 * CLIENT_OK too.
 *
 * Return: CLIENT_OK, CLIENT_E_REFUSED, or how the connection ended.
 */
enum client_outcome client_publish(struct client *c, const struct client_message *m)
{
    uint16_t id = 0;
    enum client_outcome o = start(c, m, &id);

    if (o != CLIENT_OK || id == 0)
        return o;
    c->awaited = (struct awaited){.id = id};
    o = wait_answer(c);
    c->awaited.id = 0;
    if (o != CLIENT_OK || c->awaited.reason < REASON_UNSPECIFIED_ERROR)
        return o;
    return refused(c, c->awaited.reason, "publish to", m->topic);
}

/**
 * client_flush() - wait until all that was published is acknowledged
 *
 * Return: CLIENT_OK; CLIENT_E_REFUSED if the server refused one or more since the
 *         last call; or how the connection ended.
 */
enum client_outcome client_flush(struct client *c)
{
    enum client_outcome o = CLIENT_OK;
    uint8_t refusal;

    if (c->n_flights > 0 && c->stream == NULL)
        return not_connected(c);
    if (c->n_flights > 0)
        o = flights_wait_below(c, 1);
    if (o != CLIENT_OK)
        return o;
    refusal = c->refusal;
    c->refusal = REASON_SUCCESS;
    return refusal == REASON_SUCCESS ? CLIENT_OK : refused(c, refusal, "publish", BYTES_NONE);
}

/* ---- subscribe ---- */

/* Sends what is in c->out, however many messages are under way [MQTT5-3.3.4-8], and waits for @n
 * reason codes. */
static enum client_outcome ask(struct client *c, uint16_t id, size_t n)
{
    enum client_outcome o;

    c->awaited = (struct awaited){.id = id, .n_reasons = n};
    o = channel_send(c, buf_view(&c->out), client_deadline_ns(c));
    if (o == CLIENT_OK)
        o = wait_answer(c);
    c->awaited.id = 0;
    return o;
}

/**
 * request_answer() - SUBACK or UNSUBACK
 *
 * It has one reason for each filter [MQTT5-3.8.4-6] [MQTT5-3.10.4-5] [MQTT3-3.8.4-5].
 */
enum client_outcome request_answer(struct client *c, const struct wire_frame *f)
{
    struct awaited *w = &c->awaited;
    struct wire_suback a;
    enum wire_outcome o = wire_decode_suback(f->type, f->flags, f->body, c->level, &a);
    bool has_reasons = f->type == WIRE_SUBACK || c->level == WIRE_V5;

    if (o == WIRE_OK && (a.packet_id != w->id || (has_reasons && a.n != w->n_reasons)))
        o = WIRE_E_PROTOCOL;
    if (o != WIRE_OK)
        return client_misbehaved(c, o, f->type);
    memcpy(w->reasons, a.reason, a.n);
    w->reason = a.n > 0 ? a.reason[0] : REASON_SUCCESS;
    w->is_done = true;
    return CLIENT_OK;
}

/**
 * client_subscribe_all() - several filters in one SUBSCRIBE
 * @n:            1 to WIRE_FILTERS_MAX
 * @ret_reasons:  @n of them: the QoS granted, or why not
 *
 * Return: CLIENT_OK; CLIENT_E_REFUSED if any filter was refused; or how the
 *         connection ended.
 */
enum client_outcome client_subscribe_all(struct client *c, const struct wire_subscription *subs,
                                         size_t n, uint8_t *ret_reasons)
{
    struct wire_subscribe p = {.n = n};
    enum client_outcome o;

    check(n > 0 && n <= WIRE_FILTERS_MAX);
    if (c->stream == NULL)
        return not_connected(c);
    p.packet_id = request_id(c);
    memcpy(p.at, subs, n * sizeof(subs[0]));
    c->out.len = 0;
    wire_encode_subscribe(&c->out, &p, c->level);
    o = ask(c, p.packet_id, n);
    if (o != CLIENT_OK)
        return o;
    memcpy(ret_reasons, c->awaited.reasons, n);
    for (size_t i = 0; i < n; i++) {
        if (ret_reasons[i] >= REASON_UNSPECIFIED_ERROR)
            return refused(c, ret_reasons[i], "subscribe to", subs[i].filter);
    }
    return CLIENT_OK;
}

/**
 * client_subscribe() - one filter
 *
 * client_reason() is then the QoS granted, or why not.
 *
 * Return: as client_subscribe_all().
 */
enum client_outcome client_subscribe(struct client *c, const char *filter, uint8_t qos)
{
    struct wire_subscription sub = {.filter = bytes_str(filter), .qos = qos};
    uint8_t reason;

    return client_subscribe_all(c, &sub, 1, &reason);
}

/** client_unsubscribe() - one filter; Return: CLIENT_OK, CLIENT_E_REFUSED, or how the connection
 * ended */
enum client_outcome client_unsubscribe(struct client *c, const char *filter)
{
    struct wire_unsubscribe p = {.n = 1, .filter = {bytes_str(filter)}};
    enum client_outcome o;

    if (c->stream == NULL)
        return not_connected(c);
    p.packet_id = request_id(c);
    c->out.len = 0;
    wire_encode_unsubscribe(&c->out, &p, c->level);
    o = ask(c, p.packet_id, 1);
    if (o == CLIENT_OK && c->awaited.reason >= REASON_UNSPECIFIED_ERROR)
        return refused(c, c->awaited.reason, "unsubscribe from", bytes_str(filter));
    return o;
}
