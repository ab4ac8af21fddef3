/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/wire/any.h - a packet of any type: decode, encode, compare
 *
 * So that one test can go over all types.  Compared is what a packet says, not
 * where its bytes lie or in which order its properties stand.
 */
#pragma once

#include "wire/wire.h"

union any {
    struct wire_connect connect;
    struct wire_connack connack;
    struct wire_publish publish;
    struct wire_ack ack;
    struct wire_subscribe subscribe;
    struct wire_suback suback;
    struct wire_unsubscribe unsubscribe;
    struct wire_disconnect disconnect;
};

static inline enum wire_outcome any_decode(enum wire_type type, uint8_t flags, struct bytes body,
                                           enum wire_level level, union any *ret)
{
    switch (type) {
    case WIRE_CONNECT:
        return wire_decode_connect(flags, body, &ret->connect);
    case WIRE_CONNACK:
        return wire_decode_connack(flags, body, level, &ret->connack);
    case WIRE_PUBLISH:
        return wire_decode_publish(flags, body, level, &ret->publish);
    case WIRE_PUBACK:
    case WIRE_PUBREC:
    case WIRE_PUBREL:
    case WIRE_PUBCOMP:
        return wire_decode_ack(type, flags, body, level, &ret->ack);
    case WIRE_SUBSCRIBE:
        return wire_decode_subscribe(flags, body, level, &ret->subscribe);
    case WIRE_SUBACK:
    case WIRE_UNSUBACK:
        return wire_decode_suback(type, flags, body, level, &ret->suback);
    case WIRE_UNSUBSCRIBE:
        return wire_decode_unsubscribe(flags, body, level, &ret->unsubscribe);
    case WIRE_PINGREQ:
    case WIRE_PINGRESP:
        return wire_decode_ping(flags, body, level);
    case WIRE_DISCONNECT:
    case WIRE_AUTH:
        return wire_decode_disconnect(type, flags, body, level, &ret->disconnect);
    }
    return WIRE_E_MALFORMED;
}

static inline void any_encode_publish(struct buf *out, const struct wire_publish *p,
                                      enum wire_level level)
{
    struct buf forward = {0};
    struct wire_delivery d = {
        .topic = p->topic,
        .payload = p->payload,
        .subscription_ids = p->subscription_ids,
        .n_subscription_ids = p->n_subscription_ids,
        .packet_id = p->packet_id,
        .topic_alias = p->topic_alias,
        .qos = p->qos,
        .dup = p->dup,
        .retain = p->retain,
        .has_expiry = p->has_expiry,
        .expiry_s = p->expiry_s,
    };

    wire_forward_props(p->props, &forward);
    d.forward = buf_view(&forward);
    wire_encode_delivery(out, &d, level);
    buf_done(&forward);
}

static inline void any_encode(struct buf *out, enum wire_type type, const union any *p,
                              enum wire_level level)
{
    switch (type) {
    case WIRE_CONNECT:
        wire_encode_connect(out, &p->connect);
        break;
    case WIRE_CONNACK:
        wire_encode_connack(out, &p->connack, level);
        break;
    case WIRE_PUBLISH:
        any_encode_publish(out, &p->publish, level);
        break;
    case WIRE_PUBACK:
    case WIRE_PUBREC:
    case WIRE_PUBREL:
    case WIRE_PUBCOMP:
        wire_encode_ack(out, type, &p->ack, level);
        break;
    case WIRE_SUBSCRIBE:
        wire_encode_subscribe(out, &p->subscribe, level);
        break;
    case WIRE_SUBACK:
    case WIRE_UNSUBACK:
        wire_encode_suback(out, type, &p->suback, level);
        break;
    case WIRE_UNSUBSCRIBE:
        wire_encode_unsubscribe(out, &p->unsubscribe, level);
        break;
    case WIRE_PINGREQ:
    case WIRE_PINGRESP:
        wire_encode_ping(out, type);
        break;
    case WIRE_DISCONNECT:
    case WIRE_AUTH:
        wire_encode_disconnect(out, type, &p->disconnect, level);
        break;
    }
}

static inline bool same_user(struct bytes a, struct bytes b)
{
    size_t i = 0;
    size_t j = 0;
    struct wire_pair x;
    struct wire_pair y;

    while (wire_user_next(a, &i, &x)) {
        if (!wire_user_next(b, &j, &y) || !bytes_equal(x.name, y.name) ||
            !bytes_equal(x.value, y.value))
            return false;
    }
    return !wire_user_next(b, &j, &y);
}

static inline bool same_forward(struct bytes a, struct bytes b)
{
    struct buf x = {0};
    struct buf y = {0};
    bool same;

    wire_forward_props(a, &x);
    wire_forward_props(b, &y);
    same = bytes_equal(buf_view(&x), buf_view(&y));
    buf_done(&x);
    buf_done(&y);
    return same;
}

/* Fields that are not set are zero in what a decoder returns; so all can be compared. */
static inline bool same_props(const struct wire_props *a, const struct wire_props *b)
{
    if (a->set != b->set)
        return false;
    if (a->set == 0) /* then the other fields say nothing */
        return true;
    return a->set == b->set && a->message_expiry_s == b->message_expiry_s &&
           a->session_expiry_s == b->session_expiry_s && a->will_delay_s == b->will_delay_s &&
           a->packet_max == b->packet_max && a->n_subscription_ids == b->n_subscription_ids &&
           a->subscription_ids[0] == b->subscription_ids[0] &&
           a->server_keep_alive_s == b->server_keep_alive_s && a->receive_max == b->receive_max &&
           a->topic_alias_max == b->topic_alias_max && a->topic_alias == b->topic_alias &&
           a->payload_format == b->payload_format && a->request_problem == b->request_problem &&
           a->request_response == b->request_response && a->qos_max == b->qos_max &&
           a->retain_available == b->retain_available &&
           a->wildcard_available == b->wildcard_available &&
           a->subid_available == b->subid_available && a->shared_available == b->shared_available &&
           bytes_equal(a->content_type, b->content_type) &&
           bytes_equal(a->response_topic, b->response_topic) &&
           bytes_equal(a->correlation_data, b->correlation_data) &&
           bytes_equal(a->assigned_client_id, b->assigned_client_id) &&
           bytes_equal(a->auth_method, b->auth_method) && bytes_equal(a->auth_data, b->auth_data) &&
           bytes_equal(a->response_info, b->response_info) &&
           bytes_equal(a->server_reference, b->server_reference) &&
           bytes_equal(a->reason_string, b->reason_string) && same_user(a->user, b->user);
}

static inline bool same_connect(const struct wire_connect *a, const struct wire_connect *b)
{
    return bytes_equal(a->protocol_name, b->protocol_name) && a->level == b->level &&
           a->is_bridge == b->is_bridge && a->clean_start == b->clean_start &&
           a->has_user_name == b->has_user_name && a->has_password == b->has_password &&
           a->has_will == b->has_will && a->will_retain == b->will_retain &&
           a->will_qos == b->will_qos && a->keep_alive_s == b->keep_alive_s &&
           bytes_equal(a->client_id, b->client_id) && bytes_equal(a->user_name, b->user_name) &&
           bytes_equal(a->password, b->password) && bytes_equal(a->will_topic, b->will_topic) &&
           bytes_equal(a->will_payload, b->will_payload) &&
           same_props(&a->will_props, &b->will_props) && same_props(&a->props, &b->props);
}

static inline bool same_publish(const struct wire_publish *a, const struct wire_publish *b)
{
    return bytes_equal(a->topic, b->topic) && bytes_equal(a->payload, b->payload) &&
           a->packet_id == b->packet_id && a->qos == b->qos && a->dup == b->dup &&
           a->retain == b->retain && a->has_expiry == b->has_expiry &&
           a->has_payload_format == b->has_payload_format &&
           a->payload_format == b->payload_format && a->topic_alias == b->topic_alias &&
           a->expiry_s == b->expiry_s && a->n_subscription_ids == b->n_subscription_ids &&
           memcmp(a->subscription_ids, b->subscription_ids,
                  a->n_subscription_ids * sizeof(a->subscription_ids[0])) == 0 &&
           same_forward(a->props, b->props);
}

static inline bool same_subscribe(const struct wire_subscribe *a, const struct wire_subscribe *b)
{
    if (a->packet_id != b->packet_id || a->subscription_id != b->subscription_id || a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        const struct wire_subscription *x = &a->at[i];
        const struct wire_subscription *y = &b->at[i];

        if (!bytes_equal(x->filter, y->filter) || x->qos != y->qos || x->no_local != y->no_local ||
            x->retain_as_published != y->retain_as_published ||
            x->retain_handling != y->retain_handling)
            return false;
    }
    return same_props(&a->props, &b->props);
}

static inline bool same_unsubscribe(const struct wire_unsubscribe *a,
                                    const struct wire_unsubscribe *b)
{
    if (a->packet_id != b->packet_id || a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        if (!bytes_equal(a->filter[i], b->filter[i]))
            return false;
    }
    return same_props(&a->props, &b->props);
}

static inline bool any_same(enum wire_type type, const union any *a, const union any *b)
{
    switch (type) {
    case WIRE_CONNECT:
        return same_connect(&a->connect, &b->connect);
    case WIRE_CONNACK:
        return a->connack.session_present == b->connack.session_present &&
               a->connack.reason == b->connack.reason &&
               same_props(&a->connack.props, &b->connack.props);
    case WIRE_PUBLISH:
        return same_publish(&a->publish, &b->publish);
    case WIRE_PUBACK:
    case WIRE_PUBREC:
    case WIRE_PUBREL:
    case WIRE_PUBCOMP:
        return a->ack.packet_id == b->ack.packet_id && a->ack.reason == b->ack.reason &&
               same_props(&a->ack.props, &b->ack.props);
    case WIRE_SUBSCRIBE:
        return same_subscribe(&a->subscribe, &b->subscribe);
    case WIRE_SUBACK:
    case WIRE_UNSUBACK:
        return a->suback.packet_id == b->suback.packet_id && a->suback.n == b->suback.n &&
               memcmp(a->suback.reason, b->suback.reason, a->suback.n) == 0 &&
               same_props(&a->suback.props, &b->suback.props);
    case WIRE_UNSUBSCRIBE:
        return same_unsubscribe(&a->unsubscribe, &b->unsubscribe);
    case WIRE_PINGREQ:
    case WIRE_PINGRESP:
        return true;
    case WIRE_DISCONNECT:
    case WIRE_AUTH:
        return a->disconnect.reason == b->disconnect.reason &&
               same_props(&a->disconnect.props, &b->disconnect.props);
    }
    return false;
}
