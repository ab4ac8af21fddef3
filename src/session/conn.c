/* SPDX-License-Identifier: Apache-2.0 */
/* session/conn.c - what is legal on a network connection, and what was agreed at CONNECT */
#include <stdlib.h>

#include "base/err.h"
#include "session/session_private.h"

#define RX(type)  BIT(WIRE_##type)
#define TO(state) BIT(CONN_##state)

/* clang-format off */
static const struct conn_rule {
    const char *name;
    uint32_t may_become;  /* BIT(enum conn_state) */
    uint32_t may_receive; /* BIT(enum wire_type) */
} rules[CONN_STATE_N] = {
    /* CONNECT comes first [MQTT5-3.1.0-1] [MQTT3-3.1.0-1] and once [MQTT5-3.1.0-2] [MQTT3-3.1.0-2].
     * While it is challenged a client sends AUTH and DISCONNECT [MQTT5-3.1.2-30]. */
    [CONN_AWAIT_CONNECT]  = {"await-connect",  TO(AUTHENTICATING) | TO(CLOSED), RX(CONNECT)},
    [CONN_AUTHENTICATING] = {"authenticating", TO(CHALLENGED) | TO(ACTIVE) | TO(CLOSED), 0},
    [CONN_CHALLENGED]     = {"challenged",     TO(AUTHENTICATING) | TO(CLOSED), RX(AUTH) | RX(DISCONNECT)},
    [CONN_ACTIVE]         = {"active",         TO(CLOSED),
                             RX(AUTH) | RX(PUBLISH) | RX(PUBACK) | RX(PUBREC) | RX(PUBREL) | RX(PUBCOMP) |
                             RX(SUBSCRIBE) | RX(UNSUBSCRIBE) | RX(PINGREQ) | RX(DISCONNECT)},
    [CONN_CLOSED]         = {"closed",         0,                               0},
};
/* clang-format on */

/** conn_init() - nothing was received yet; @out is borrowed for the life of @c */
void conn_init(struct conn *c, struct buf *out)
{
    *c = (struct conn){.state = CONN_AWAIT_CONNECT, .level = WIRE_V311, .out = out};
}

/** conn_done() - free what @c owns; the session must have been detached */
void conn_done(struct conn *c)
{
    check(c->session == NULL);
    wire_aliases_done(&c->aliases);
    free(c->sent_aliases); /* [MQTT5-3.3.2-7] */
    c->sent_aliases = NULL;
    c->gate = gate_free(c->gate);
}

/** conn_become() - move to @next, which must be a legal move; what waits at the gate of one that is
 * closed is owed all the same [MQTT5-4.3.2-4] [MQTT3-4.3.2-2] */
void conn_become(struct conn *c, enum conn_state next)
{
    check(rules[c->state].may_become & BIT(next));
    c->state = next;
}

/** conn_may_receive() - is a packet of this type legal now?  AUTH comes from who began with an
 * Authentication Method only [MQTT5-4.12.0-7]. */
bool conn_may_receive(const struct conn *c, enum wire_type type)
{
    if (type == WIRE_AUTH && c->state == CONN_ACTIVE && !c->has_method)
        return false;
    return rules[c->state].may_receive & BIT(type);
}

/** conn_state_text() - for logs; static */
const char *conn_state_text(enum conn_state state)
{
    return rules[state].name;
}

/**
 * conn_agree() - take over what CONNECT says of this network connection
 * @receive_max, @topic_alias_max:  what the client is told in CONNACK
 * @sent_alias_max:                 aliases that are set for the client, if it takes as many
 */
void conn_agree(struct conn *c, const struct wire_connect *p, uint16_t receive_max,
                uint16_t topic_alias_max, uint16_t sent_alias_max)
{
    const struct wire_props *props = &p->props;

    c->level = p->level;
    c->is_bridge = p->is_bridge;
    c->has_method = props->set & BIT64(PROP_AUTH_METHOD);
    c->receive_max = receive_max;
    c->aliases.max = topic_alias_max;
    c->client_receive_max = UINT16_MAX;
    c->packet_max = WIRE_PACKET_MAX;
    c->request_problem = true;
    if (props->set & BIT64(PROP_RECEIVE_MAX))
        c->client_receive_max = props->receive_max;
    c->sent_alias_max = 0;
    if (props->set & BIT64(PROP_TOPIC_ALIAS_MAX))
        c->sent_alias_max = MIN(props->topic_alias_max, sent_alias_max);
    if (props->set & BIT64(PROP_PACKET_MAX))
        c->packet_max = MIN(props->packet_max, WIRE_PACKET_MAX);
    if (props->set & BIT64(PROP_REQUEST_PROBLEM))
        c->request_problem = props->request_problem;
}

/* Is what was appended to @out after @begun more than the client takes?  Then it is taken back. */
static bool is_too_long(const struct conn *c, struct buf *out, size_t begun)
{
    if (out->len - begun <= c->packet_max)
        return false;
    out->len = begun;
    return true;
}

static void set_reason_string(const struct conn *c, struct wire_props *props, const char *text)
{
    if (text == NULL || !c->request_problem) /* [MQTT5-3.1.2-29] */
        return;
    props->set |= BIT64(PROP_REASON_STRING);
    props->reason_string = bytes_of(text, wire_utf8_whole_len(bytes_str(text)));
}

/**
 * conn_send_ack() - PUBACK, PUBREC, PUBREL or PUBCOMP, when what was noted before is safe
 * @reason_string:  may be NULL; left out where the packet would be larger than the client takes
 *                  [MQTT5-3.4.2-2] [MQTT5-3.5.2-2] [MQTT5-3.6.2-2] [MQTT5-3.7.2-2]
 *
 * User Properties are not sent at all [MQTT5-3.4.2-3] [MQTT5-3.5.2-3] [MQTT5-3.6.2-3]
 * [MQTT5-3.7.2-3].
 */
void conn_send_ack(struct conn *c, enum wire_type type, uint16_t packet_id, uint8_t reason,
                   const char *reason_string)
{
    struct wire_ack ack; /* not zeroed: of the properties only what is set counts */
    struct buf *out = conn_gate(c);
    size_t begun = out->len;

    ack.packet_id = packet_id;
    ack.reason = reason;
    ack.props.set = 0;
    set_reason_string(c, &ack.props, reason_string);
    wire_encode_ack(out, type, &ack, c->level);
    if (reason_string != NULL && is_too_long(c, out, begun)) {
        ack.props.set = 0;
        wire_encode_ack(out, type, &ack, c->level);
    }
    c->n_packets++;
}

/**
 * conn_add_suback() - encode a SUBACK or UNSUBACK, which may leave later
 * @out:            appended to
 * @p:              its properties are written here
 * @reason_string:  may be NULL; left out where the packet would be larger than the client takes
 *                  [MQTT5-3.9.2-1] [MQTT5-3.11.2-1]
 *
 * User Properties are not sent at all [MQTT5-3.9.2-2] [MQTT5-3.11.2-2].
 */
void conn_add_suback(const struct conn *c, struct buf *out, enum wire_type type,
                     struct wire_suback *p, const char *reason_string)
{
    size_t begun = out->len;

    p->props.set = 0;
    set_reason_string(c, &p->props, reason_string);
    wire_encode_suback(out, type, p, c->level);
    if (out->len - begun <= c->packet_max || p->props.set == 0)
        return;
    out->len = begun;
    p->props.set = 0;
    wire_encode_suback(out, type, p, c->level);
}

/* Without the reason string, or with nothing, where it is larger than the client takes. */
static void add_disconnect(struct conn *c, struct wire_disconnect *d)
{
    static const uint64_t kept[] = {UINT64_MAX, ~BIT64(PROP_REASON_STRING), 0};
    struct buf *out = conn_last(c);
    size_t begun = out->len;

    for (size_t i = 0; i < COUNT_OF(kept); i++) {
        d->props.set &= kept[i];
        wire_encode_disconnect(out, WIRE_DISCONNECT, d, c->level);
        if (!is_too_long(c, out, begun))
            break;
    }
    c->n_packets++;
}

/**
 * conn_send_disconnect() - tell a 5.0 client why; the connection takes nothing more
 * @server_reference:  where to go instead; NULL: nowhere
 *
 * Only 5.0 has a DISCONNECT from the server, behind CONNACK [MQTT5-3.14.0-1] and all else that is
 * owed; it is the last packet [MQTT5-3.14.4-1].  The reason string is left out where it makes the
 * packet larger than the client takes [MQTT5-3.14.2-3]; User Properties are not sent at all
 * [MQTT5-3.14.2-4].
 */
void conn_send_disconnect(struct conn *c, uint8_t reason, const char *reason_string,
                          const char *server_reference)
{
    struct wire_disconnect d = {.reason = reason};

    if (reason_string != NULL) {
        d.props.set |= BIT64(PROP_REASON_STRING);
        d.props.reason_string = bytes_str(reason_string);
    }
    if (server_reference != NULL) {
        d.props.set |= BIT64(PROP_SERVER_REFERENCE);
        d.props.server_reference = bytes_str(server_reference);
    }
    if (c->state == CONN_ACTIVE && c->level == WIRE_V5)
        add_disconnect(c, &d);
    conn_become(c, CONN_CLOSED);
}
