/* SPDX-License-Identifier: Apache-2.0 */
/* client/flight.c - what was published at QoS 1 and 2 and is not yet acknowledged */
#include "client/client_private.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

#define FLAG_DUP BIT(3)

static struct flight *flight_free(struct client *c, struct flight *f)
{
    list_remove(&f->link);
    c->n_flights--;
    if (f->is_sent)
        c->n_sent--;
    buf_done(&f->packet);
    free(f);
    return NULL;
}

static struct flight *find(const struct client *c, uint16_t id)
{
    list_each (it, &c->flights) {
        struct flight *f = list_item(it, struct flight, link);

        if (f->id == id)
            return f;
    }
    return NULL;
}

/**
 * request_id() - a packet identifier that is not in use [MQTT5-2.2.1-3] [MQTT3-2.3.1-2]
 *
 * A flight keeps its own until the last acknowledgement, also when it is sent again
 * [MQTT3-2.3.1-3].
 */
uint16_t request_id(struct client *c)
{
    do {
        c->last_id++;
    } while (c->last_id == 0 || find(c, c->last_id) != NULL);
    return c->last_id;
}

/** flight_new() - one more message of QoS 1 or 2, last in order, not yet sent; owned by @c */
struct flight *flight_new(struct client *c, const struct client_message *m)
{
    struct flight *f = mem_new(struct flight);
    struct wire_delivery d = {
        .topic = m->topic,
        .payload = m->payload,
        .forward = m->forward,
        .qos = m->qos,
        .retain = m->retain,
        .has_expiry = m->has_expiry,
        .expiry_s = m->expiry_s,
    };

    f->id = d.packet_id = request_id(c);
    f->qos = m->qos;
    wire_encode_delivery(&f->packet, &d, c->level);
    list_append(&c->flights, &f->link);
    c->n_flights++;
    return f;
}

static enum client_outcome send_pubrel(struct client *c, uint16_t id)
{
    struct wire_ack a = {.packet_id = id};

    c->out.len = 0;
    wire_encode_ack(&c->out, WIRE_PUBREL, &a, c->level);
    return channel_send(c, buf_view(&c->out), client_deadline_ns(c));
}

/** flight_send() - PUBLISH, or PUBREL once PUBREC has come; counts as sent from here on */
enum client_outcome flight_send(struct client *c, struct flight *f)
{
    f->is_sent = true;
    c->n_sent++;
    if (f->is_received)
        return send_pubrel(c, f->id);
    return channel_send(c, buf_view(&f->packet), client_deadline_ns(c));
}

static void settle(struct client *c, struct flight *f, uint8_t reason)
{
    if (reason >= REASON_UNSPECIFIED_ERROR)
        c->refusal = reason;
    if (c->awaited.id == f->id) {
        c->awaited.is_done = true;
        c->awaited.reason = reason;
    }
    flight_free(c, f);
}

/**
 * flights_acknowledge() - PUBACK, PUBREC or PUBCOMP
 *
 * What fits no flight is ignored: it answers what an earlier network connection
 * sent.  A PUBREC that says no ends the exchange [MQTT5-4.3.3-4].  Any other is answered
 * at once, so PUBREL packets keep the order of the PUBRECs [MQTT5-4.6.0-4] [MQTT3-4.6.0-4].
 */
enum client_outcome flights_acknowledge(struct client *c, const struct wire_frame *frame)
{
    struct wire_ack a;
    enum wire_outcome o = wire_decode_ack(frame->type, frame->flags, frame->body, c->level, &a);
    struct flight *f;

    if (o != WIRE_OK)
        return client_misbehaved(c, o, frame->type);
    f = find(c, a.packet_id);
    if (f == NULL || !f->is_sent)
        return CLIENT_OK;
    if ((f->qos == 1) != (frame->type == WIRE_PUBACK))
        return client_misbehaved(c, WIRE_E_PROTOCOL, frame->type);
    if (frame->type != WIRE_PUBREC || a.reason >= REASON_UNSPECIFIED_ERROR) {
        settle(c, f, a.reason);
        return CLIENT_OK;
    }
    f->is_received = true;
    buf_done(&f->packet);
    if (c->awaited.id == f->id)
        c->awaited.reason = a.reason;
    return send_pubrel(c, f->id);
}

/** flights_wait_below() - until fewer than @n are sent and not acknowledged [MQTT5-3.3.4-7] */
enum client_outcome flights_wait_below(struct client *c, size_t n)
{
    uint64_t deadline_ns = client_deadline_ns(c);

    while (c->n_sent >= n) {
        size_t before = c->n_sent;
        enum client_outcome o = channel_step(c, deadline_ns);

        if (o == CLIENT_NOTHING)
            return client_fail(c, CLIENT_E_TIMEOUT, 0, "no acknowledgement in time");
        if (o != CLIENT_OK)
            return o;
        if (c->n_sent < before)
            deadline_ns = client_deadline_ns(c);
    }
    return CLIENT_OK;
}

static struct flight *first_unsent(const struct client *c)
{
    list_each (it, &c->flights) {
        struct flight *f = list_item(it, struct flight, link);

        if (!f->is_sent)
            return f;
    }
    return NULL;
}

/**
 * flights_resume() - after CONNACK: send again what is not acknowledged
 *
 * In the order of the first time [MQTT5-4.4.0-1] [MQTT3-4.4.0-1] [MQTT5-4.6.0-1]
 * [MQTT3-4.6.0-1].  What a server has forgotten is forgotten here as well [MQTT5-3.2.2-5].
 */
enum client_outcome flights_resume(struct client *c)
{
    enum client_outcome o = CLIENT_OK;
    struct flight *f;

    c->n_sent = 0;
    list_each (it, &c->flights)
        list_item(it, struct flight, link)->is_sent = false;
    if (!c->session_present)
        flights_forget(c);
    while (o == CLIENT_OK && (f = first_unsent(c)) != NULL) {
        if (!f->is_received)
            f->packet.at[0] |= FLAG_DUP; /* [MQTT5-3.3.1-1] [MQTT3-3.3.1-1] */
        o = flights_wait_below(c, c->window);
        if (o == CLIENT_OK)
            o = flight_send(c, f);
    }
    return o;
}

/** flights_forget() - none is under way any more */
void flights_forget(struct client *c)
{
    list_each (it, &c->flights)
        flight_free(c, list_item(it, struct flight, link));
}
