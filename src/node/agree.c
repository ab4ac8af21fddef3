/* SPDX-License-Identifier: Apache-2.0 */
/* node/agree.c - what client and node agree on at CONNECT, and what CONNACK tells of it */
#include "base/clock.h"
#include "node/node_private.h"

/* The client's own, unless it is told otherwise [MQTT5-3.2.2-22]. */
static void agree_keep_alive(struct link *l, const struct wire_connect *p, struct wire_connack *ack)
{
    uint64_t max_s = policy_limits(l->worker->policy)->keep_alive_max_s;
    uint64_t keep_alive_s = p->keep_alive_s;

    if (keep_alive_s == 0 || keep_alive_s > max_s) {
        keep_alive_s = max_s;
        if (p->level == WIRE_V5) { /* [MQTT5-3.1.2-21] */
            ack->props.set |= BIT64(PROP_SERVER_KEEP_ALIVE);
            ack->props.server_keep_alive_s = (uint16_t)keep_alive_s;
        }
    }
    l->keep_alive_s = (uint16_t)keep_alive_s;
}

/** agree_asked_expiry_s() - for how long the client wants its session to outlive the network
 * connection; UINT32_MAX: for ever */
uint32_t agree_asked_expiry_s(const struct wire_connect *p)
{
    if (p->level != WIRE_V5)
        return p->clean_start ? 0 : UINT32_MAX;
    return p->props.set & BIT64(PROP_SESSION_EXPIRY) ? p->props.session_expiry_s : 0;
}

/* An Authentication Method only if CONNECT had one [MQTT5-4.12.0-6]. */
static void tell_limits(const struct link *l, const struct wire_connect *p,
                        struct wire_connack *ack)
{
    struct wire_props *props = &ack->props;

    props->set |= BIT64(PROP_RECEIVE_MAX) | BIT64(PROP_PACKET_MAX);
    props->receive_max = l->conn.receive_max;
    props->packet_max = l->packet_told;
    if (agree_asked_expiry_s(p) > 0)
        props->set |= BIT64(PROP_SESSION_EXPIRY);
    if (l->conn.aliases.max > 0) {
        props->set |= BIT64(PROP_TOPIC_ALIAS_MAX);
        props->topic_alias_max = l->conn.aliases.max;
    }
    if (p->client_id.len == 0) { /* [MQTT5-3.1.3-7] [MQTT5-3.2.2-16] */
        props->set |= BIT64(PROP_ASSIGNED_CLIENT_ID);
        props->assigned_client_id = bytes_str(l->client_id);
    }
    if (l->exchange != NULL)
        exchange_tell(l, props);
}

/* Who asks is told with what the topics of its replies begin [MQTT5-3.1.2-28]; @text keeps it. */
static void tell_response_information(const struct link *l, const struct wire_connect *p,
                                      struct buf *text, struct wire_connack *ack)
{
    struct gate_subject s = connect_subject(l, p);
    bool is_asked = (p->props.set & BIT64(PROP_REQUEST_RESPONSE)) && p->props.request_response;

    if (!is_asked || !gate_response_information(l->grant, &s, text))
        return;
    ack->props.set |= BIT64(PROP_RESPONSE_INFO);
    ack->props.response_info = buf_view(text);
}

/**
 * agree() - keep alive, and what a client of MQTT 5.0 is told
 * @text:  empty; must live as long as @ack
 * @ack:   its properties are added to: as many as there may be, since agree_session() takes one
 * away if it is not needed
 */
void agree(struct link *l, const struct wire_connect *p, struct buf *text, struct wire_connack *ack)
{
    agree_keep_alive(l, p, ack);
    if (p->level != WIRE_V5)
        return;
    l->packet_told = (uint32_t)policy_limits(l->worker->policy)->packet_bytes_max;
    tell_limits(l, p, ack);
    tell_response_information(l, p, text, ack);
}

/**
 * agree_session() - for how long the session is kept
 * @l:    its client has a session, which has its client id
 * @ack:  of agree(); tells the interval if it is not the one that was asked for
 */
void agree_session(struct link *l, const struct wire_connect *p, struct wire_connack *ack)
{
    struct session *s = l->resident->session;
    uint32_t asked_s = agree_asked_expiry_s(p);

    l->asked_no_expiry = asked_s == 0;
    resident_keep(l->worker, l->resident,
                  asked_s > 0 && policy_limits(l->worker->policy)->session_expiry_max_s > 0,
                  ack->session_present);
    s->expiry_s = MIN(asked_s, resident_expiry_max_s(l->worker, l->resident));
    ack->props.assigned_client_id = s->client_id;
    ack->props.session_expiry_s = s->expiry_s;
    if (s->expiry_s == asked_s)
        ack->props.set &= ~BIT64(PROP_SESSION_EXPIRY);
    s->is_persistent = s->expiry_s > 0;
}
