/* SPDX-License-Identifier: Apache-2.0 */
/* wire/props.c - property blocks of MQTT 5.0, section 2.2.2 */
#include "wire/names.h"
#include "wire/props.h"
#include "wire/writer.h"

#include "base/err.h"

enum prop_type {
    TYPE_NONE, /* no such property */
    TYPE_FLAG, /* a byte that is 0 or 1 */
    TYPE_U16,
    TYPE_U32,
    TYPE_VARINT,
    TYPE_BINARY,
    TYPE_UTF8,
    TYPE_TOPIC, /* a string that is a topic name */
    TYPE_PAIR,
};

/* The packets that may carry a property, table 2-4. */
#define CONNECT     BIT(WIRE_CONNECT)
#define CONNACK     BIT(WIRE_CONNACK)
#define PUBLISH     BIT(WIRE_PUBLISH)
#define PUB_ACKS    (BIT(WIRE_PUBACK) | BIT(WIRE_PUBREC) | BIT(WIRE_PUBREL) | BIT(WIRE_PUBCOMP))
#define SUBSCRIBE   BIT(WIRE_SUBSCRIBE)
#define UNSUBSCRIBE BIT(WIRE_UNSUBSCRIBE)
#define SUB_ACKS    (BIT(WIRE_SUBACK) | BIT(WIRE_UNSUBACK))
#define DISCONNECT  BIT(WIRE_DISCONNECT)
#define AUTH        BIT(WIRE_AUTH)
#define WILL        PROPS_OF_WILL
#define REPLIES     (CONNACK | PUB_ACKS | SUB_ACKS | DISCONNECT | AUTH)
#define ANY                                                                                        \
    (CONNECT | CONNACK | PUBLISH | PUB_ACKS | SUBSCRIBE | UNSUBSCRIBE | SUB_ACKS | DISCONNECT |    \
     AUTH | WILL)
#define PROP_N    (PROP_SHARED_AVAILABLE + 1)
#define AT(field) offsetof(struct wire_props, field)

/* clang-format off */
static const struct prop_rule {
    enum prop_type type;
    uint32_t packets; /* which may carry it */
    size_t at;        /* in struct wire_props */
    bool not_zero;
    uint32_t repeats; /* packets in which it may stand more than once */
} rules[PROP_N] = {
    [PROP_PAYLOAD_FORMAT]     = {TYPE_FLAG,   PUBLISH | WILL,    AT(payload_format)},
    [PROP_MESSAGE_EXPIRY]     = {TYPE_U32,    PUBLISH | WILL,    AT(message_expiry_s)},
    [PROP_CONTENT_TYPE]       = {TYPE_UTF8,   PUBLISH | WILL,    AT(content_type)},
    [PROP_RESPONSE_TOPIC]     = {TYPE_TOPIC,  PUBLISH | WILL,    AT(response_topic)},
    [PROP_CORRELATION_DATA]   = {TYPE_BINARY, PUBLISH | WILL,    AT(correlation_data)},
    [PROP_SUBSCRIPTION_ID]    = {TYPE_VARINT, PUBLISH | SUBSCRIBE, AT(subscription_ids),
                                 .not_zero = true, .repeats = PUBLISH},
    [PROP_SESSION_EXPIRY]     = {TYPE_U32,    CONNECT | CONNACK | DISCONNECT, AT(session_expiry_s)},
    [PROP_ASSIGNED_CLIENT_ID] = {TYPE_UTF8,   CONNACK,           AT(assigned_client_id)},
    [PROP_SERVER_KEEP_ALIVE]  = {TYPE_U16,    CONNACK,           AT(server_keep_alive_s)},
    [PROP_AUTH_METHOD]        = {TYPE_UTF8,   CONNECT | CONNACK | AUTH, AT(auth_method)},
    [PROP_AUTH_DATA]          = {TYPE_BINARY, CONNECT | CONNACK | AUTH, AT(auth_data)},
    [PROP_REQUEST_PROBLEM]    = {TYPE_FLAG,   CONNECT,           AT(request_problem)},
    [PROP_WILL_DELAY]         = {TYPE_U32,    WILL,              AT(will_delay_s)},
    [PROP_REQUEST_RESPONSE]   = {TYPE_FLAG,   CONNECT,           AT(request_response)},
    [PROP_RESPONSE_INFO]      = {TYPE_UTF8,   CONNACK,           AT(response_info)},
    [PROP_SERVER_REFERENCE]   = {TYPE_UTF8,   CONNACK | DISCONNECT, AT(server_reference)},
    [PROP_REASON_STRING]      = {TYPE_UTF8,   REPLIES,           AT(reason_string)},
    [PROP_RECEIVE_MAX]        = {TYPE_U16,    CONNECT | CONNACK, AT(receive_max), .not_zero = true},
    [PROP_TOPIC_ALIAS_MAX]    = {TYPE_U16,    CONNECT | CONNACK, AT(topic_alias_max)},
    [PROP_TOPIC_ALIAS]        = {TYPE_U16,    PUBLISH,           AT(topic_alias), .not_zero = true},
    [PROP_QOS_MAX]            = {TYPE_FLAG,   CONNACK,           AT(qos_max)},
    [PROP_RETAIN_AVAILABLE]   = {TYPE_FLAG,   CONNACK,           AT(retain_available)},
    [PROP_USER]               = {TYPE_PAIR,   ANY,               AT(user), .repeats = ANY},
    [PROP_PACKET_MAX]         = {TYPE_U32,    CONNECT | CONNACK, AT(packet_max), .not_zero = true},
    [PROP_WILDCARD_AVAILABLE] = {TYPE_FLAG,   CONNACK,           AT(wildcard_available)},
    [PROP_SUBID_AVAILABLE]    = {TYPE_FLAG,   CONNACK,           AT(subid_available)},
    [PROP_SHARED_AVAILABLE]   = {TYPE_FLAG,   CONNACK,           AT(shared_available)},
};
/* clang-format on */

/* What travels with a message from publisher to subscriber [MQTT5-3.3.2-4] [MQTT5-3.3.2-15]
 * [MQTT5-3.3.2-16] [MQTT5-3.3.2-17] [MQTT5-3.3.2-20]. */
#define FORWARDED                                                                                  \
    (BIT64(PROP_PAYLOAD_FORMAT) | BIT64(PROP_CONTENT_TYPE) | BIT64(PROP_RESPONSE_TOPIC) |          \
     BIT64(PROP_CORRELATION_DATA) | BIT64(PROP_USER))

/* Identifiers are Variable Byte Integers, but each that is known fits one byte. */
static const struct prop_rule *rule_of(uint32_t id)
{
    static const struct prop_rule none = {TYPE_NONE};

    return id < PROP_N ? &rules[id] : &none;
}

/* Take one property apart by its type, without looking at its value.  The sticky outcome tells. */
static void take(struct reader *r, struct prop *ret)
{
    const uint8_t *begin = r->at;
    uint32_t id = reader_varint(r);

    *ret = (struct prop){.id = (enum wire_prop)id};
    switch (rule_of(id)->type) {
    case TYPE_NONE: /* section 2.2.2.2 */
        reader_fail(r, WIRE_E_MALFORMED, "a property with an unknown identifier");
        break;
    case TYPE_FLAG:
        ret->number = reader_u8(r);
        break;
    case TYPE_U16:
        ret->number = reader_u16(r);
        break;
    case TYPE_U32:
        ret->number = reader_u32(r);
        break;
    case TYPE_VARINT:
        ret->number = reader_varint(r);
        break;
    case TYPE_BINARY:
    case TYPE_UTF8:
    case TYPE_TOPIC:
        ret->value = reader_binary(r);
        break;
    case TYPE_PAIR:
        ret->name = reader_binary(r);
        ret->value = reader_binary(r);
        break;
    }
    ret->whole = bytes_of(begin, (size_t)(r->at - begin));
}

/* Why a property is refused, if it is. */
struct verdict {
    enum wire_outcome outcome;
    const char *what; /* as in struct fault; of WIRE_OK none */
};

static struct verdict judge_value(const struct prop_rule *rule, const struct prop *p)
{
    /* sections 3.1.2.11, 3.2.2.3 and 3.3.2.3 */
    if (rule->not_zero && p->number == 0)
        return (struct verdict){WIRE_E_PROTOCOL, "is 0"};
    if (rule->type == TYPE_FLAG && p->number > 1)
        return (struct verdict){WIRE_E_PROTOCOL, "is neither 0 nor 1"};
    /* [MQTT5-1.5.7-1] [MQTT5-3.3.2-13] [MQTT5-3.3.2-19] */
    if (rule->type == TYPE_UTF8 || rule->type == TYPE_TOPIC || rule->type == TYPE_PAIR) {
        if (!wire_utf8_valid(p->name) || !wire_utf8_valid(p->value))
            return (struct verdict){WIRE_E_MALFORMED, "is no valid UTF-8"};
    }
    if (rule->type == TYPE_TOPIC && !wire_topic_name_well_formed(p->value)) /* [MQTT5-3.3.2-14] */
        return (struct verdict){WIRE_E_TOPIC_NAME, "is empty or has a wildcard"};
    return (struct verdict){WIRE_OK, NULL};
}

static struct verdict judge(const struct props_cursor *c, const struct prop *p)
{
    const struct prop_rule *rule = rule_of(p->id);

    if (!(rule->packets & c->packet)) /* section 2.2.2.2 */
        return (struct verdict){WIRE_E_MALFORMED, "may not stand"};
    if ((c->seen & BIT64(p->id)) && !(rule->repeats & c->packet))
        return (struct verdict){WIRE_E_PROTOCOL, "stands twice"};
    if (c->n_user > WIRE_USER_MAX)
        return (struct verdict){WIRE_E_QUOTA, "stands more often than is read here"};
    return judge_value(rule, p);
}

static void refuse(struct props_cursor *c, enum wire_prop id, struct verdict v)
{
    c->r.outcome = v.outcome;
    fault_last = (struct fault){v.outcome, v.what, wire_prop_name(id), c->packet == PROPS_OF_WILL};
}

/**
 * props_block() - read a property length and that many bytes, section 2.2.2
 *
 * [MQTT5-2.2.2-1]: a block of no properties has its length too.
 */
struct bytes props_block(struct reader *r)
{
    return reader_take(r, reader_varint(r));
}

/**
 * props_next() - take the next property of a block and check it
 * @ret:  the property; borrows from the block
 *
 * Checked are the type, whether the packet may carry it, whether it may stand
 * twice, its range, its text, and that no more than WIRE_USER_MAX are user
 * properties.
 *
 * Return: false at the end, which c->r.outcome tells from a broken rule.
 */
bool props_next(struct props_cursor *c, struct prop *ret)
{
    struct verdict v;

    if (c->r.left == 0)
        return false;
    take(&c->r, ret);
    if (c->r.outcome != WIRE_OK)
        return false;
    c->n_user += ret->id == PROP_USER;
    v = judge(c, ret);
    c->seen |= BIT64(ret->id);
    if (v.outcome != WIRE_OK)
        refuse(c, ret->id, v);
    return v.outcome == WIRE_OK;
}

static void store(struct wire_props *p, const struct prop *prop)
{
    const struct prop_rule *rule = rule_of(prop->id);
    void *at = (char *)p + rule->at;

    switch (rule->type) {
    case TYPE_FLAG:
        *(uint8_t *)at = (uint8_t)prop->number;
        break;
    case TYPE_U16:
        *(uint16_t *)at = (uint16_t)prop->number;
        break;
    case TYPE_U32:
        *(uint32_t *)at = prop->number;
        break;
    case TYPE_VARINT: /* the subscription identifier, once outside PUBLISH */
        p->subscription_ids[0] = prop->number;
        p->n_subscription_ids = 1;
        break;
    case TYPE_BINARY:
    case TYPE_UTF8:
    case TYPE_TOPIC:
        *(struct bytes *)at = prop->value;
        break;
    case TYPE_PAIR: /* the block itself, once it is read */
    case TYPE_NONE:
        break;
    }
}

/**
 * props_read() - read a length and the property block of any packet but PUBLISH
 * @r:       fails with the first broken rule
 * @packet:  BIT(enum wire_type) or PROPS_OF_WILL
 * @ret:     all zero; borrows from what @r reads
 */
void props_read(struct reader *r, uint32_t packet, struct wire_props *ret)
{
    struct bytes block = props_block(r);
    struct props_cursor c = props_over(block, packet);
    struct prop prop;

    while (props_next(&c, &prop))
        store(ret, &prop);
    ret->set = c.seen;
    if (c.seen & BIT64(PROP_USER))
        ret->user = block;
    reader_fail_as(r, &c.r);
}

static void write_user(struct buf *out, struct bytes user)
{
    struct reader r = reader_over(user);
    struct prop prop;

    while (r.left > 0) {
        take(&r, &prop);
        check(r.outcome == WIRE_OK);
        if (prop.id == PROP_USER)
            buf_add(out, prop.whole);
    }
}

static void write_one(struct buf *out, enum wire_prop id, const struct wire_props *p)
{
    const struct prop_rule *rule = rule_of(id);
    const void *at = (const char *)p + rule->at;

    if (rule->type != TYPE_PAIR) /* each of which has its own */
        buf_add_u8(out, (uint8_t)id);
    switch (rule->type) {
    case TYPE_FLAG:
        buf_add_u8(out, *(const uint8_t *)at);
        break;
    case TYPE_U16:
        writer_u16(out, *(const uint16_t *)at);
        break;
    case TYPE_U32:
        writer_u32(out, *(const uint32_t *)at);
        break;
    case TYPE_VARINT:
        writer_varint(out, p->subscription_ids[0]);
        break;
    case TYPE_BINARY:
    case TYPE_UTF8:
    case TYPE_TOPIC:
        writer_string(out, *(const struct bytes *)at);
        break;
    case TYPE_PAIR:
        write_user(out, p->user);
        break;
    case TYPE_NONE:
        break;
    }
}

/**
 * props_write() - append the length and the properties of any packet but PUBLISH
 * @packet:  BIT(enum wire_type) or PROPS_OF_WILL; it may carry all that is set
 */
void props_write(struct buf *out, uint32_t packet, const struct wire_props *p)
{
    size_t begun = writer_begin(out);

    for (uint32_t id = 0; id < PROP_N; id++) {
        if (!(p->set & BIT64(id)))
            continue;
        check(rules[id].packets & packet);
        write_one(out, (enum wire_prop)id, p);
    }
    writer_end(out, begun);
}

/**
 * wire_forward_props() - append of a property block what travels with the message
 * @props:  of a PUBLISH or a Will, as a decoder returned it, or what this
 *          function wrote; must not lie in @out
 *
 * Payload format, content type, response topic, correlation data and user
 * properties, unaltered and in their order [MQTT5-3.3.2-18].
 */
void wire_forward_props(struct bytes props, struct buf *out)
{
    struct reader r = reader_over(props);
    struct prop prop;

    while (r.left > 0) {
        take(&r, &prop);
        if (r.outcome == WIRE_OK && (FORWARDED & BIT64(prop.id)))
            buf_add(out, prop.whole);
    }
}

/**
 * wire_user_next() - the next user property of a block
 * @user:    wire_props.user, wire_publish.props, or what wire_user_add() wrote
 * @cursor:  zero to begin with
 * @ret:     borrows from @user; untouched on false
 *
 * Return: false at the end.
 */
bool wire_user_next(struct bytes user, size_t *cursor, struct wire_pair *ret)
{
    struct reader r = reader_over(user);
    struct prop prop;

    reader_take(&r, *cursor);
    while (r.left > 0) {
        take(&r, &prop);
        *cursor = user.len - r.left;
        if (r.outcome == WIRE_OK && prop.id == PROP_USER) {
            *ret = (struct wire_pair){prop.name, prop.value};
            return true;
        }
    }
    return false;
}

/**
 * wire_user_add() - append a user property to a run of them
 * @name:   at most 65,535 bytes of text, as is @value
 *
 * The run is good as wire_props.user and, in part, as wire_delivery.forward.
 */
void wire_user_add(struct buf *user, struct bytes name, struct bytes value)
{
    buf_add_u8(user, PROP_USER);
    writer_string(user, name);
    writer_string(user, value);
}
