/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire/publish.c - PUBLISH in both directions
 *
 * The hot path: nothing is allocated to decode, and a delivery is measured,
 * reserved once and written once.
 */
#include "wire/props.h"
#include "wire/reader.h"
#include "wire/writer.h"

#include "base/err.h"

#define QOS_MAX     2
#define EXPIRY_LEN  5 /* the property with its identifier */
#define ALIAS_LEN   3
#define FLAG_DUP    BIT(3)
#define FLAG_RETAIN BIT(0)

static void add_subscription_id(struct reader *r, struct wire_publish *p, uint32_t id)
{
    if (p->n_subscription_ids == WIRE_SUBIDS_MAX)
        reader_fail(r, WIRE_E_QUOTA, "more Subscription Identifiers than are read here");
    else
        p->subscription_ids[p->n_subscription_ids++] = id;
}

static void read_props(struct reader *r, struct wire_publish *p)
{
    struct props_cursor c;
    struct prop prop;

    p->props = props_block(r);
    c = props_over(p->props, BIT(WIRE_PUBLISH));
    while (props_next(&c, &prop)) {
        if (prop.id == PROP_MESSAGE_EXPIRY) {
            p->has_expiry = true;
            p->expiry_s = prop.number;
        } else if (prop.id == PROP_PAYLOAD_FORMAT) {
            p->has_payload_format = true;
            p->payload_format = (uint8_t)prop.number;
        } else if (prop.id == PROP_TOPIC_ALIAS) {
            p->topic_alias = (uint16_t)prop.number; /* not 0 [MQTT5-3.3.2-8] */
        } else if (prop.id == PROP_SUBSCRIPTION_ID) {
            add_subscription_id(r, p, prop.number);
        }
    }
    reader_fail_as(r, &c.r);
}

#define ONES  0x0101010101010101ULL
#define HIGHS 0x8080808080808080ULL

static uint64_t word_at(const uint8_t *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

/* Not 0 if one of the eight bytes is @c. */
static uint64_t has_byte(uint64_t word, uint8_t c)
{
    uint64_t x = word ^ (ONES * c);

    return (x - ONES) & ~x & HIGHS;
}

static uint64_t is_odd(uint64_t word)
{
    return ((word | (word - ONES)) & HIGHS) | has_byte(word, '+') | has_byte(word, '#');
}

/* Nearly every topic: at least 8 bytes of ASCII, no U+0000, no wildcard.  Nothing else need be
 * asked of such a one.  Eight bytes a step, the last step overlaps. */
static bool is_plain(struct bytes topic)
{
    size_t i = 0;

    if (topic.len < 8)
        return false;
    for (; i + 8 <= topic.len; i += 8) {
        if (is_odd(word_at(topic.at + i)))
            return false;
    }
    return !is_odd(word_at(topic.at + topic.len - 8));
}

/* A zero-length topic stands for an alias, section 3.3.2.3.4. */
static void check_topic(struct reader *r, struct bytes topic, bool has_alias, enum wire_level level)
{
    if (topic.len == 0 && has_alias)
        return;
    if (topic.len == 0 && level == WIRE_V5)
        reader_fail(r, WIRE_E_PROTOCOL, "neither a topic name nor a Topic Alias");
    if (!wire_utf8_valid(topic)) /* [MQTT5-3.3.2-1] [MQTT3-3.3.2-1] */
        reader_fail(r, WIRE_E_MALFORMED, "a topic name that is no valid UTF-8");
    /* [MQTT5-3.3.2-2] [MQTT5-4.7.0-1] [MQTT3-3.3.2-2] [MQTT3-4.7.3-1] */
    if (!wire_topic_name_well_formed(topic))
        reader_fail(r, WIRE_E_TOPIC_NAME, "a topic name that is empty or has a wildcard");
}

/**
 * wire_decode_publish() - read one PUBLISH
 * @flags:  low four bits of the fixed header
 * @body:   the rest of the packet, complete; borrowed by @ret
 * @level:  protocol level agreed at CONNECT
 * @ret:    the packet; written on WIRE_OK, otherwise untouched
 *
 * That a client sends no subscription identifier [MQTT5-3.3.4-6] is the
 * caller's to check, since a server's PUBLISH is read by this too.
 *
 * Return: WIRE_OK, or the first broken rule.  The caller closes the network
 *         connection with wire_outcome_reason() of it [MQTT5-4.13.1-1].
 */
enum wire_outcome wire_decode_publish(uint8_t flags, struct bytes body, enum wire_level level,
                                      struct wire_publish *ret)
{
    struct reader r = reader_over(body);
    struct wire_publish p;

    memset(&p, 0, offsetof(struct wire_publish, subscription_ids));
    p.dup = flags & FLAG_DUP;
    p.qos = (flags >> 1) & 3;
    p.retain = flags & FLAG_RETAIN;
    if (p.qos > QOS_MAX) /* [MQTT5-3.3.1-4] [MQTT3-3.3.1-4] */
        reader_fail(&r, WIRE_E_QOS, "a QoS of 3");
    /* [MQTT5-3.3.1-2] [MQTT3-3.3.1-2]; in 3.1 it means nothing there */
    if (p.qos == 0 && p.dup && level != WIRE_V31)
        reader_fail(&r, WIRE_E_MALFORMED, "DUP at QoS 0");
    p.dup = p.dup && p.qos > 0;

    p.topic = reader_binary(&r);
    if (p.qos > 0)
        p.packet_id = reader_packet_id(&r); /* none at QoS 0 [MQTT5-2.2.1-2] [MQTT3-2.3.1-5] */
    if (level == WIRE_V5)
        read_props(&r, &p);
    if (!is_plain(p.topic))
        check_topic(&r, p.topic, p.topic_alias != 0, level);
    p.payload = reader_rest(&r);

    if (r.outcome == WIRE_OK)
        memcpy(ret, &p,
               offsetof(struct wire_publish, subscription_ids) +
                   p.n_subscription_ids * sizeof(p.subscription_ids[0]));
    return r.outcome;
}

static size_t props_len(const struct wire_delivery *d)
{
    size_t len = d->forward.len;

    if (d->has_expiry)
        len += EXPIRY_LEN;
    if (d->topic_alias != 0)
        len += ALIAS_LEN;
    for (size_t i = 0; i < d->n_subscription_ids; i++)
        len += 1 + varint_len(d->subscription_ids[i]);
    return len;
}

static size_t body_len(const struct wire_delivery *d, enum wire_level level, size_t props)
{
    size_t len = 2 + d->topic.len + d->payload.len;

    if (d->qos > 0)
        len += 2;
    if (level == WIRE_V5)
        len += varint_len((uint32_t)props) + props;
    return len;
}

/**
 * wire_delivery_len() - how many bytes wire_encode_delivery() appends
 *
 * More than WIRE_PACKET_MAX: the message cannot be sent to anyone
 * [MQTT5-3.1.2-25].
 */
size_t wire_delivery_len(const struct wire_delivery *d, enum wire_level level)
{
    size_t len = body_len(d, level, props_len(d));

    return 1 + varint_len((uint32_t)MIN(len, (size_t)VARINT_MAX)) + len;
}

static uint8_t *put_bytes(uint8_t *at, struct bytes b)
{
    if (b.len > 0)
        memcpy(at, b.at, b.len);
    return at + b.len;
}

static uint8_t *put_u16(uint8_t *at, uint16_t v)
{
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
    return at + 2;
}

static uint8_t *put_props(uint8_t *at, const struct wire_delivery *d, size_t len)
{
    at = varint_put(at, (uint32_t)len);
    if (d->has_expiry) {
        *at++ = PROP_MESSAGE_EXPIRY;
        at = put_u16(at, (uint16_t)(d->expiry_s >> 16));
        at = put_u16(at, (uint16_t)d->expiry_s);
    }
    if (d->topic_alias != 0) {
        *at++ = PROP_TOPIC_ALIAS;
        at = put_u16(at, d->topic_alias);
    }
    for (size_t i = 0; i < d->n_subscription_ids; i++) {
        *at++ = PROP_SUBSCRIPTION_ID;
        at = varint_put(at, d->subscription_ids[i]);
    }
    return put_bytes(at, d->forward);
}

/**
 * wire_encode_delivery() - append one PUBLISH
 * @d:      QoS 0 has no DUP [MQTT5-3.3.1-2] [MQTT5-4.3.1-1] [MQTT3-4.3.1-1];
 *          above QoS 0 it has a packet id
 * @level:  before 5 the properties stay behind
 *
 * wire_delivery_len() is at most WIRE_PACKET_MAX.
 */
void wire_encode_delivery(struct buf *out, const struct wire_delivery *d, enum wire_level level)
{
    size_t props = props_len(d);
    size_t body = body_len(d, level, props);
    uint8_t *begin;
    uint8_t *at;

    check(d->topic.len <= STRING_MAX && body <= VARINT_MAX);
    check(d->qos <= QOS_MAX && (d->qos > 0 ? d->packet_id != 0 : !d->dup));

    begin = buf_reserve(out, WIRE_HEADER_MAX + body);
    at = begin;
    *at++ = (uint8_t)(WIRE_PUBLISH << 4 | (d->dup ? FLAG_DUP : 0) | (unsigned)d->qos << 1 |
                      (d->retain ? FLAG_RETAIN : 0));
    at = varint_put(at, (uint32_t)body);
    at = put_u16(at, (uint16_t)d->topic.len);
    at = put_bytes(at, d->topic);
    if (d->qos > 0)
        at = put_u16(at, d->packet_id);
    if (level == WIRE_V5)
        at = put_props(at, d, props);
    at = put_bytes(at, d->payload);
    out->len += (size_t)(at - begin);
}
