/* SPDX-License-Identifier: Apache-2.0 */
/* session/session.c - a session's life, and what it receives */
#include "session/session.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "session/session_private.h"

/** client_key() - a client id as a number; never 0, which stands for the node itself */
uint64_t client_key(struct bytes client_id)
{
    uint64_t key = hash_keyed(client_id);

    return key != 0 ? key : 1;
}

/** session_new() - a session without a network connection; @client_id is copied */
struct session *session_new(struct bytes client_id, const struct session_limits *limits)
{
    struct session *s = mem_zero(sizeof(*s) + client_id.len + 1);

    list_init(&s->subscriber.subscriptions);
    list_init(&s->retained_wanting);
    if (client_id.len > 0)
        memcpy(s->text, client_id.at, client_id.len);
    s->client_id = bytes_of(s->text, client_id.len);
    s->client_key = client_key(client_id);
    inflight_init(&s->inflight);
    s->queue_limits = limits->queue;
    s->inflight_max = limits->inflight_max;
    return s;
}

/** session_free() - its subscriptions must have been removed, its conn detached; Return: NULL */
struct session *session_free(struct session *s)
{
    if (s == NULL)
        return NULL;
    check(s->conn == NULL && s->subscriber.n_subscriptions == 0);
    queue_done(&s->queue);
    inflight_done(&s->inflight);
    session_forget_found(s);
    session_drop_will(s);
    packet_ids_done(&s->incoming);
    free(s);
    return NULL;
}

/** session_drop_will() - it has none from here on; fine if there was none */
void session_drop_will(struct session *s)
{
    if (s->will != NULL)
        message_unref(s->will->message);
    free(s->will);
    s->will = NULL;
}

/**
 * session_attach() - @c is the session's network connection from here on
 *
 * What is in flight is sent again, oldest first: PUBREL, then PUBLISH as far as the client's
 * Receive Maximum allows [MQTT5-4.4.0-1] [MQTT5-4.9.0-1]; session_pump() does it.
 */
void session_attach(struct session *s, struct conn *c, const struct session_limits *limits)
{
    check(s->conn == NULL && c->session == NULL);
    s->conn = c;
    c->session = s;
    s->queue_limits = limits->queue;
    s->inflight_max = MIN(limits->inflight_max, (uint32_t)c->client_receive_max);
    s->n_unacknowledged = 0;
    inflight_begin_again(&s->inflight);
}

/** session_detach() - the network connection is gone; fine if there was none */
void session_detach(struct session *s)
{
    if (s->conn == NULL)
        return;
    s->conn->session = NULL;
    s->conn = NULL;
}

/** session_queued() - messages that wait or are in flight */
size_t session_queued(const struct session *s)
{
    return s->queue.n + s->inflight.n;
}

/* A PUBLISH is done with: PUBCOMP leaves, or PUBREC with an error.  What came on an earlier network
 * connection was not counted on this one. */
static void received_done(struct conn *c)
{
    c->n_received -= c->n_received > 0;
}

/** session_restore_received() - the client has not released this packet id */
void session_restore_received(struct session *s, uint16_t packet_id)
{
    if (!packet_ids_has(&s->incoming, packet_id))
        packet_ids_add(&s->incoming, packet_id);
}

static void incoming_note(struct session *s, uint16_t id)
{
    packet_ids_add(&s->incoming, id);
    if (s->notes != NULL)
        batch_put(&s->notes->batch, RECORD_RECEIVED, received_id(s->number, id), BYTES_NONE);
}

static void incoming_remove(struct session *s, uint16_t id)
{
    packet_ids_remove(&s->incoming, id);
    if (s->notes != NULL)
        notes_drop(s->notes, received_id(s->number, id));
}

/** session_forget() - the journal keeps it no longer; fine if it did not */
void session_forget(struct session *s)
{
    size_t n_left = s->incoming.n;

    if (s->notes == NULL)
        return;
    for (unsigned id = 1; n_left > 0; id++) {
        if (!packet_ids_has(&s->incoming, (uint16_t)id))
            continue;
        notes_drop(s->notes, received_id(s->number, (uint16_t)id));
        n_left--;
    }
    notes_drop(s->notes, s->record);
    s->record = 0;
    s->notes = NULL;
}

/**
 * session_receive_publish() - is it new, and may the client send it now?
 *
 * A QoS 2 packet id is remembered until PUBREL, so that a repetition is not routed
 * again [MQTT5-4.3.3-10]; after it the same id is another message [MQTT5-4.3.3-12].  One of
 * QoS 1 is new each time, since it is acknowledged before the next is read [MQTT5-4.3.2-5]
 * [MQTT3-4.3.2-2].
 *
 * Receive Maximum counts what came on this network connection, repetitions too, as the client
 * counts it [MQTT5-3.3.4-9]; ids of earlier ones stay taken, of which there are 65535.
 */
enum session_received session_receive_publish(struct session *s, const struct wire_publish *p)
{
    struct conn *c = s->conn;

    if (p->qos < 2)
        return SESSION_ROUTE;
    if (c->level == WIRE_V5 && c->n_received >= c->receive_max)
        return SESSION_E_RECEIVE_MAXIMUM;
    c->n_received++;
    if (packet_ids_has(&s->incoming, p->packet_id))
        return SESSION_DUPLICATE;
    incoming_note(s, p->packet_id);
    return SESSION_ROUTE;
}

/**
 * session_take_back() - a PUBLISH that was to be routed is not answered: the connection closes
 *
 * What the client sends again on the next one is new [MQTT3-4.3.3-2] [MQTT5-4.3.3-12].
 */
void session_take_back(struct session *s, const struct wire_publish *p)
{
    if (p->qos == 2)
        incoming_remove(s, p->packet_id);
}

/**
 * session_acknowledge() - answer a PUBLISH that was routed, or refused with @reason >= 0x80
 * @reason_string:  may be NULL
 *
 * PUBACK or PUBREC as its QoS says [MQTT5-3.3.4-1] [MQTT3-3.3.4-1] [MQTT5-4.3.2-4]
 * [MQTT5-4.3.3-8], with its packet id [MQTT5-2.2.1-5] [MQTT3-2.3.1-6].
 * 3.1.1 has no reason: a refused message is acknowledged all the same [MQTT3-3.3.5-2].
 * After a PUBREC with an error the packet id is free again [MQTT5-4.3.3-9].
 */
void session_acknowledge(struct session *s, const struct wire_publish *p, uint8_t reason,
                         const char *reason_string)
{
    if (p->qos == 0)
        return;
    if (p->qos == 2 && reason >= 0x80 && s->conn->level == WIRE_V5) {
        incoming_remove(s, p->packet_id);
        received_done(s->conn);
    }
    conn_send_ack(s->conn, p->qos == 1 ? WIRE_PUBACK : WIRE_PUBREC, p->packet_id, reason,
                  reason_string);
}

/**
 * session_receive_pubrel() - the client gives the packet id up; PUBCOMP in any case
 * [MQTT5-4.3.3-11]
 *
 * Whether the message has expired meanwhile is not asked [MQTT5-4.3.3-13].
 */
void session_receive_pubrel(struct session *s, const struct wire_ack *p)
{
    bool known = packet_ids_has(&s->incoming, p->packet_id);

    if (known)
        incoming_remove(s, p->packet_id);
    received_done(s->conn);
    conn_send_ack(s->conn, WIRE_PUBCOMP, p->packet_id,
                  known ? REASON_SUCCESS : REASON_PACKET_IDENTIFIER_NOT_FOUND, NULL);
}
