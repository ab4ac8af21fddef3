/* SPDX-License-Identifier: Apache-2.0 */
/* client/inbox.c - what arrived for the application, and its acknowledgement */
#include "client/client_private.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

struct inbox_item {
    struct list link;
    struct client_message m; /* its bytes are in @bytes */
    struct buf bytes;        /* owned */
    uint16_t id;
};

static bool id_is_known(const struct client *c, uint16_t id)
{
    return c->qos2_ids[id / 64] & BIT64(id % 64);
}

static void id_remember(struct client *c, uint16_t id)
{
    c->qos2_ids[id / 64] |= BIT64(id % 64);
}

static void id_forget(struct client *c, uint16_t id)
{
    c->qos2_ids[id / 64] &= ~BIT64(id % 64);
}

static struct inbox_item *item_new(const struct wire_publish *p)
{
    struct inbox_item *i = mem_new(struct inbox_item);
    const uint8_t *at;

    buf_reserve(&i->bytes, p->topic.len + p->payload.len + p->props.len);
    buf_add(&i->bytes, p->topic);
    buf_add(&i->bytes, p->payload);
    wire_forward_props(p->props, &i->bytes);
    at = i->bytes.at;
    i->m = (struct client_message){
        .topic = bytes_of(at, p->topic.len),
        .payload = bytes_of(at + p->topic.len, p->payload.len),
        .forward = bytes_of(at + p->topic.len + p->payload.len,
                            i->bytes.len - p->topic.len - p->payload.len),
        .qos = p->qos,
        .retain = p->retain,
        .dup = p->dup,
        .has_expiry = p->has_expiry,
        .expiry_s = p->expiry_s,
    };
    i->id = p->packet_id;
    list_init(&i->link);
    return i;
}

static struct inbox_item *item_free(struct inbox_item *i)
{
    if (i != NULL)
        buf_done(&i->bytes);
    free(i);
    return NULL;
}

static struct inbox_item *take_first(struct client *c)
{
    struct inbox_item *i = list_item(c->inbox.next, struct inbox_item, link);

    list_remove(&i->link);
    c->inbox_bytes -= i->bytes.len + sizeof(*i);
    return i;
}

static enum client_outcome send_ack(struct client *c, enum wire_type type, uint16_t id)
{
    struct wire_ack a = {.packet_id = id};

    c->out.len = 0;
    wire_encode_ack(&c->out, type, &a, c->level);
    return channel_send(c, buf_view(&c->out), client_deadline_ns(c));
}

/**
 * inbox_publish() - keep one PUBLISH for client_next()
 *
 * A QoS 2 message that was received before is not kept again [MQTT5-4.3.3-10]
 * [MQTT3-4.3.3-2].
 */
enum client_outcome inbox_publish(struct client *c, const struct wire_frame *f)
{
    struct wire_publish p;
    enum wire_outcome o = wire_decode_publish(f->flags, f->body, c->level, &p);
    struct inbox_item *i;

    if (o == WIRE_OK)
        o = wire_aliases_resolve(&c->aliases, &p);
    if (o != WIRE_OK)
        return client_misbehaved(c, o, f->type);
    if (p.qos == 2 && id_is_known(c, p.packet_id))
        return send_ack(c, WIRE_PUBREC, p.packet_id);
    if (c->inbox_bytes > CLIENT_INBOX_BYTES_MAX && p.qos > 0)
        return client_fail(c, CLIENT_E_OVERRUN, 0, "the server sends more than is taken");
    if (c->inbox_bytes > CLIENT_INBOX_BYTES_MAX)
        return CLIENT_OK; /* dropped, as QoS 0 may be */
    i = item_new(&p);
    if (p.qos == 2)
        id_remember(c, p.packet_id);
    list_append(&c->inbox, &i->link);
    c->inbox_bytes += i->bytes.len + sizeof(*i);
    return CLIENT_OK;
}

/** inbox_pubrel() - the server will not send this QoS 2 message again [MQTT5-4.3.3-11] */
enum client_outcome inbox_pubrel(struct client *c, const struct wire_frame *f)
{
    struct wire_ack a;
    enum wire_outcome o = wire_decode_ack(f->type, f->flags, f->body, c->level, &a);

    if (o != WIRE_OK)
        return client_misbehaved(c, o, f->type);
    id_forget(c, a.packet_id);
    return send_ack(c, WIRE_PUBCOMP, a.packet_id);
}

/**
 * inbox_resume() - a new network connection has been made
 *
 * What was not handed out yet was not acknowledged either, so the server sends
 * it again if it kept the session.  QoS 0 stays.
 */
void inbox_resume(struct client *c)
{
    list_each (it, &c->inbox) {
        struct inbox_item *i = list_item(it, struct inbox_item, link);

        if (i->m.qos == 0)
            continue;
        if (i->m.qos == 2)
            id_forget(c, i->id);
        list_remove(&i->link);
        c->inbox_bytes -= i->bytes.len + sizeof(*i);
        item_free(i);
    }
    if (!c->session_present)
        memset(c->qos2_ids, 0, sizeof(c->qos2_ids));
}

/** inbox_done() - forget all */
void inbox_done(struct client *c)
{
    c->handed = item_free(c->handed);
    list_each (it, &c->inbox) {
        list_remove(it);
        item_free(list_item(it, struct inbox_item, link));
    }
    c->inbox_bytes = 0;
}

static enum client_outcome hand_out(struct client *c, struct client_message *ret)
{
    /* clang-format off */
    static const enum wire_type acks[] = {[1] = WIRE_PUBACK, [2] = WIRE_PUBREC};
    /* clang-format on */
    struct inbox_item *i = list_item(c->inbox.next, struct inbox_item, link);
    enum client_outcome o = CLIENT_OK;

    if (i->m.qos > 0)
        o = send_ack(c, acks[i->m.qos], i->id);
    if (o != CLIENT_OK)
        return o;
    c->handed = take_first(c);
    *ret = c->handed->m;
    return CLIENT_OK;
}

/**
 * client_next() - the next message, in the order of arrival, which is acknowledged
 *
 * So the acknowledgements keep that order as well, whatever the caller makes of the message
 * [MQTT5-4.6.0-2] [MQTT5-4.6.0-3] [MQTT5-4.5.0-2] [MQTT3-4.6.0-2] [MQTT3-4.6.0-3] [MQTT3-4.5.0-2].
 *
 * @timeout_ms:  how long to wait for one; 0: only what is there.  Pings are sent
 *               meanwhile
 * @ret:         borrowed until client_next() is called again
 *
 * Return: CLIENT_OK, CLIENT_NOTHING, or how the connection ended.
 */
enum client_outcome client_next(struct client *c, unsigned timeout_ms, struct client_message *ret)
{
    uint64_t deadline_ns = clock_now_ns() + (uint64_t)timeout_ms * NS_PER_MS;

    c->handed = item_free(c->handed);
    for (;;) {
        enum client_outcome o;

        if (c->stream == NULL)
            return CLIENT_E_CLOSED;
        if (!list_is_empty(&c->inbox))
            return hand_out(c, ret);
        o = channel_step(c, deadline_ns);
        if (o != CLIENT_OK)
            return o;
    }
}
