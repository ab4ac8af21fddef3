/* SPDX-License-Identifier: Apache-2.0 */
/* sim/act.c - what clients do of their own accord */
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "sim/model.h"
#include "sim/node.h"

static uint16_t take_packet_id(struct client *c)
{
    bool used;

    do {
        used = c->next_packet_id == 0;
        for (unsigned i = 0; i < c->n_out; i++)
            used |= c->out[i].packet_id == c->next_packet_id;
        c->next_packet_id++;
    } while (used);
    return (uint16_t)(c->next_packet_id - 1);
}

/** out_add() - the next packet id is taken for it */
struct out *out_add(struct client *c, enum out_kind kind)
{
    struct out *o = &c->out[c->n_out++];

    *o = (struct out){.kind = kind,
                      .packet_id = take_packet_id(c),
                      .sent_here = true,
                      .sent_ns = kernel_now_ns()};
    return o;
}

/* ---- PUBLISH ---- */

static void send_publish(struct line *k, const struct letter *m, uint16_t packet_id, bool dup)
{
    struct buf payload = {0};
    struct buf packet = {0};
    char value[16];
    struct publish_packet p = {
        .topic = topic_text(m->topic),
        .qos = m->qos,
        .dup = dup,
        .retain = m->retain,
        .packet_id = packet_id,
        .expiry_s = k->level == LEVEL_5 ? m->expiry_s : NOT_SET,
        .content_type = m->has_content_type,
    };

    letter_payload(m, &payload);
    letter_user_value(m, value);
    p.payload = buf_view(&payload);
    p.user_value = m->has_user_value ? value : NULL;
    if (k->level == LEVEL_5 && k->node_alias_max > 0 && one_in(3)) {
        p.alias = (uint16_t)chance_between(1, k->node_alias_max);
        p.alias_only = k->alias_topic[p.alias] == (int)m->topic + 1;
        k->alias_topic[p.alias] = (int)m->topic + 1;
    }
    build_publish(&packet, &p, k->level);
    line_send(k, &packet);
    buf_done(&payload);
}

/** client_publish() - something small at QoS 0 */
void client_publish(struct client *c, unsigned topic)
{
    struct letter *m = letter_new(c, topic, 0, false, 16);

    trace("c%u > k%u m%u %s", c->index, c->line->index, m->n, topic_text(topic));
    letter_sent(m);
    send_publish(c->line, m, 0, false);
}

static uint32_t some_size(void)
{
    if (settings.large_messages && one_in(12))
        return (uint32_t)chance_between(4000, 60000);
    return (uint32_t)chance_between(16, one_in(8) ? 2000 : 100);
}

static unsigned topic_for(const struct client *c)
{
    unsigned topic = (unsigned)chance_below(TOPICS);

    if (settings.reloads && one_in(3))
        return (unsigned)topic_find(BYTES(TOPIC_OF_RELOADS));
    if (settings.shares && one_in(2))
        return (unsigned)topic_find(one_in(2) ? BYTES("w/a") : BYTES(TOPIC_OF_ONE_SHARE));
    for (unsigned i = 0; i < 4 && !may_publish(node_policy(), c->role, c->index, topic); i++)
        topic = (unsigned)chance_below(TOPICS);
    return topic;
}

static unsigned n_published(const struct client *c)
{
    unsigned n = 0;

    for (unsigned i = 0; i < c->n_out; i++)
        n += c->out[i].kind == OUT_PUBLISH || c->out[i].kind == OUT_PUBREL;
    return n;
}

static void publish(struct client *c)
{
    struct line *k = c->line;
    uint8_t qos = (uint8_t)chance_below(3);
    bool retain = one_in(5);
    struct letter *m;
    uint16_t packet_id = 0;

    if (qos > 0 && (n_published(c) >= MIN(k->node_receive_max, OUT_MAX / 2) || c->n_out == OUT_MAX))
        qos = 0;
    m = letter_new(c, topic_for(c), qos, retain, retain && one_in(4) ? 0 : some_size());
    if (k->level == LEVEL_5) {
        m->has_user_value = one_in(3);
        m->has_content_type = one_in(6);
        m->expiry_s = one_in(6) ? (uint32_t)chance_between(1, 10) : NOT_SET;
    }
    if (qos > 0) {
        struct out *o = out_add(c, OUT_PUBLISH);

        o->letter = m;
        packet_id = o->packet_id;
    }
    trace("c%u > k%u m%u %s qos %u id %u size %u%s expiry %d", c->index, k->index, m->n,
          topic_text(m->topic), qos, packet_id, m->size, retain ? " retain" : "", (int)m->expiry_s);
    letter_sent(m);
    send_publish(k, m, packet_id, false);
}

static void resend(struct client *c, struct out *o)
{
    struct line *k = c->line;
    struct buf packet = {0};

    o->sent_here = true;
    trace("c%u > k%u again %s %u", c->index, k->index, o->kind == OUT_PUBREL ? "PUBREL" : "PUBLISH",
          o->packet_id);
    if (o->kind == OUT_PUBREL) {
        build_ack(&packet, PUBREL, o->packet_id, 0, k->level);
        line_send(k, &packet);
    } else {
        letter_sent(o->letter);
        send_publish(k, o->letter, o->packet_id, true);
    }
}

/**
 * client_resend() - the session goes on: what was not acknowledged is sent again, in order
 * [MQTT5-4.4.0-1]
 *
 * As far as the node's Receive Maximum allows; again when an acknowledgement has come.
 */
void client_resend(struct client *c)
{
    unsigned n = 0;

    for (unsigned i = 0; i < c->n_out; i++)
        n += c->out[i].kind == OUT_PUBREL || (c->out[i].kind == OUT_PUBLISH && c->out[i].sent_here);
    for (unsigned i = 0; i < c->n_out; i++) {
        struct out *o = &c->out[i];

        if (o->sent_here || (o->kind == OUT_PUBLISH && n >= c->line->node_receive_max))
            continue;
        n += o->kind == OUT_PUBLISH;
        resend(c, o);
    }
}

/* ---- the end of a connection ---- */

static void disconnect(struct client *c)
{
    struct line *k = c->line;
    struct buf packet = {0};

    k->disconnect_reason = k->level == LEVEL_5 && one_in(3) ? 4 : 0;
    if (k->level == LEVEL_5 && k->expiry_s > 0 && one_in(3))
        k->disconnect_expiry_s = one_in(3) ? 0 : (uint32_t)chance_between(1, 40);
    trace("c%u > k%u DISCONNECT 0x%02x expiry %d", c->index, k->index,
          (unsigned)k->disconnect_reason, (int)k->disconnect_expiry_s);
    build_disconnect(&packet, (uint8_t)k->disconnect_reason, k->disconnect_expiry_s, k->level);
    line_send(k, &packet);
    if (one_in(2))
        socket_close_by_client(k->socket);
    client_leave(c, MAY_END_BY_CLIENT);
}

static void cut(struct client *c)
{
    struct socket *s = c->line->socket;
    unsigned how = (unsigned)chance_below(3);

    trace("c%u: k%u is %s", c->index, c->line->index,
          how == 0   ? "reset"
          : how == 1 ? "closed"
                     : "shut down");
    if (how == 0)
        socket_reset_by_client(s);
    else if (how == 1)
        socket_close_by_client(s);
    else
        socket_shutdown_by_client(s);
    client_leave(c, MAY_END_BY_CLIENT);
}

static void outage(struct client *c)
{
    trace("c%u: nothing passes k%u any more", c->index, c->line->index);
    socket_freeze(c->line->socket);
    c->line->may_end |= MAY_END_SILENT;
}

static void during_outage(struct client *c)
{
    if (one_in(20)) {
        trace("c%u: k%u passes again", c->index, c->line->index);
        socket_thaw(c->line->socket);
    } else if (one_in(30)) {
        trace("c%u gives k%u up", c->index, c->line->index);
        client_leave(c, MAY_END_BY_CLIENT);
    }
}

static void fall_silent(struct client *c)
{
    if (c->line->keep_alive_s > 30)
        return;
    trace("c%u: k%u falls silent", c->index, c->line->index);
    c->line->is_silent = true;
    c->line->may_end |= MAY_END_SILENT;
}

static void garbage(struct client *c)
{
    static const struct bytes all[] = {
        {(const uint8_t *)"\x00\x00", 2},                         /* type 0 */
        {(const uint8_t *)"\x36\x07\x00\x03t/a\x00\x01", 9},      /* QoS 3 */
        {(const uint8_t *)"\x80\x08\x00\x01\x00\x03t/a\x00", 10}, /* SUBSCRIBE without its flags */
        {(const uint8_t *)"\x30\xff\xff\xff\xff\x7f", 6},         /* too long a length */
        {(const uint8_t *)"\x30\x06\x00\x03t/#\x00", 8},          /* a wildcard in a topic */
        {(const uint8_t *)"\x30\x06\x00\x03t\xc3(\x00", 8},       /* no UTF-8 */
        {(const uint8_t *)"\x32\x08\x00\x03t/a\x00\x00\x00", 10}, /* packet id 0 */
        {(const uint8_t *)"\x20\x02\x00\x00", 4},                 /* CONNACK */
        {(const uint8_t *)"\x60\x02\x00\x07", 4},                 /* PUBREL without its flags */
        {(const uint8_t *)"\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00",
         14}, /* a second CONNECT */
    };
    size_t i = chance_below(COUNT_OF(all));
    struct buf packet = {0};

    trace("c%u > k%u garbage %zu", c->index, c->line->index, i);
    buf_add(&packet, all[i]);
    line_send(c->line, &packet);
    client_leave(c, MAY_END_GARBAGE);
}

/** stranger_comes() - a network connection of nobody: it says nothing, half of something, or
 * nonsense */
void stranger_comes(void)
{
    struct line *k = line_new(NULL, FIELD_PORT);
    struct buf packet = {0};
    unsigned how = (unsigned)chance_below(3);

    k->phase = PHASE_LEFT;
    k->may_end = MAY_END_NO_CONNECT | MAY_END_GARBAGE;
    trace("k%u: a stranger %u", k->index, how);
    if (how == 1)
        buf_add(&packet, BYTES("\x10\x20\x00\x04MQTT"));
    else if (how == 2)
        buf_add(&packet, BYTES("GET / HTTP/1.1\r\n\r\n"));
    if (how != 0)
        line_send(k, &packet);
    else
        buf_done(&packet);
}

/* ---- turns ---- */

static void ping(struct line *k)
{
    struct buf packet = {0};

    build_pingreq(&packet);
    k->n_pings++;
    line_send(k, &packet);
}

/** client_ping_due_ns() - when it has to say something again */
uint64_t client_ping_due_ns(const struct client *c)
{
    const struct line *k = c->line;

    if (k == NULL || k->phase != PHASE_OPEN || k->is_silent)
        return UINT64_MAX;
    return k->sent_ns + k->keep_alive_s * NS_PER_S / 2;
}

/** client_ping_if_due() - keep alive */
void client_ping_if_due(struct client *c)
{
    if (client_ping_due_ns(c) <= kernel_now_ns())
        ping(c->line);
}

/* The first @n of what is owed, with the next @len bytes that are sent. */
static void will_be_acknowledged(const struct client *c, size_t n, size_t len)
{
    const struct pipe *in = &c->line->socket->in;

    for (size_t i = 0; i < n; i++) {
        if (c->owed[i].type == PUBACK)
            shares_acknowledged(c, c->owed[i].packet_id, in->read_to + in->data.len + len);
    }
}

static void acknowledge(struct client *c, size_t most)
{
    struct line *k = c->line;
    struct buf packet = {0};
    size_t n = MIN(most, c->n_owed);

    if (n == 0)
        return;
    for (size_t i = 0; i < n; i++) {
        const struct owed *o = &c->owed[i];

        trace("c%u > k%u %s %u", c->index, k->index, packet_name(o->type), o->packet_id);
        build_ack(&packet, o->type, o->packet_id, o->reason, k->level);
        if (o->type == PUBACK || o->type == PUBCOMP || o->reason >= 0x80)
            k->n_unacknowledged -= k->n_unacknowledged > 0;
    }
    will_be_acknowledged(c, n, packet.len);
    c->n_owed -= n;
    memmove(c->owed, c->owed + n, c->n_owed * sizeof(*c->owed));
    line_send(k, &packet);
}

/** client_settle() - nothing new: what is owed is done at once */
void client_settle(struct client *c)
{
    if (c->line != NULL && c->line->phase == PHASE_OPEN)
        acknowledge(c, SIZE_MAX);
}

/** client_is_busy() - does it wait for the node, or the node for it? */
bool client_is_busy(const struct client *c)
{
    return c->line == NULL || c->line->phase != PHASE_OPEN || c->n_out > 0 || c->n_owed > 0;
}

static void act_connected(struct client *c)
{
    unsigned dice = (unsigned)chance_below(100);

    if (dice < 50)
        publish(c);
    else if (dice < 66 && c->n_out < OUT_MAX)
        client_subscribe(c);
    else if (dice < 74 && c->n_out < OUT_MAX)
        client_unsubscribe(c);
    else if (dice < 78)
        disconnect(c);
    else if (dice < 84 && settings.cuts)
        cut(c);
    else if (dice < 86 && settings.outages)
        outage(c);
    else if (dice < 88)
        fall_silent(c);
    else if (dice < 90)
        garbage(c);
    else if (dice < 94 && client_may_connect(c))
        client_connect(c, false);
    else if (dice < 96)
        ping(c->line);
}

/** client_act() - one step of its own */
void client_act(struct client *c)
{
    struct line *k = c->line;

    if (k == NULL) {
        if (one_in(3) && client_may_connect(c))
            client_connect(c, false);
        return;
    }
    if (k->socket->is_frozen) {
        during_outage(c);
        return;
    }
    if (k->is_silent)
        return;
    if (k->phase == PHASE_CONNECTING) {
        if (settings.cuts && one_in(40))
            cut(c);
        return;
    }
    if (one_in(c->lazy))
        acknowledge(c, chance_between(1, 8));
    act_connected(c);
}
