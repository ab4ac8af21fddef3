/* SPDX-License-Identifier: Apache-2.0 */
/* wire/connect.c - CONNECT and CONNACK */
#include "wire/names.h"
#include "wire/props.h"
#include "wire/reader.h"
#include "wire/writer.h"

#include "base/err.h"

#define QOS_MAX    2
#define BRIDGE_BIT 0x80U /* of the level: see wire_connect.is_bridge */

/* Connect Flags, section 3.1.2.3. */
#define FLAG_RESERVED    BIT(0)
#define FLAG_CLEAN_START BIT(1)
#define FLAG_WILL        BIT(2)
#define FLAG_WILL_RETAIN BIT(5)
#define FLAG_PASSWORD    BIT(6)
#define FLAG_USER_NAME   BIT(7)
#define WILL_QOS_SHIFT   3

static struct bytes name_of_level(uint8_t level)
{
    return level == WIRE_V31 ? BYTES("MQIsdp") : BYTES("MQTT");
}

/* [MQTT5-3.1.2-1] [MQTT5-3.1.2-2] [MQTT3-3.1.2-1] [MQTT3-3.1.2-2] */
static void read_level(struct reader *r, struct wire_connect *p)
{
    p->protocol_name = reader_utf8(r, "a protocol name that is no valid UTF-8");
    p->level = reader_u8(r);
    p->is_bridge = (p->level & BRIDGE_BIT) && (p->level & ~BRIDGE_BIT) < WIRE_V5;
    if (p->is_bridge)
        p->level &= (uint8_t)~BRIDGE_BIT;
    if (p->level < WIRE_V31 || p->level > WIRE_V5 ||
        !bytes_equal(p->protocol_name, name_of_level(p->level)))
        reader_fail(r, WIRE_E_LEVEL, "a protocol name or level that is not supported");
}

static void read_flags(struct reader *r, struct wire_connect *p)
{
    uint8_t flags = reader_u8(r);

    p->clean_start = flags & FLAG_CLEAN_START;
    p->has_will = flags & FLAG_WILL;
    p->will_qos = (flags >> WILL_QOS_SHIFT) & 3;
    p->will_retain = flags & FLAG_WILL_RETAIN;
    p->has_password = flags & FLAG_PASSWORD;
    p->has_user_name = flags & FLAG_USER_NAME;

    /* [MQTT5-3.1.2-3] [MQTT3-3.1.2-3]; in 3.1 it is not used */
    if ((flags & FLAG_RESERVED) && p->level != WIRE_V31)
        reader_fail(r, WIRE_E_MALFORMED, "a reserved Connect Flag");
    if (p->will_qos > QOS_MAX) /* [MQTT5-3.1.2-12] [MQTT3-3.1.2-14] */
        reader_fail(r, WIRE_E_QOS, "a Will QoS of 3");
    /* [MQTT5-3.1.2-11] [MQTT5-3.1.2-13] [MQTT3-3.1.2-11] [MQTT3-3.1.2-13] [MQTT3-3.1.2-15] */
    if (!p->has_will && (p->will_qos != 0 || p->will_retain))
        reader_fail(r, WIRE_E_MALFORMED, "Will QoS or Will Retain without a Will");
    if (p->level < WIRE_V5 && p->has_password && !p->has_user_name) /* [MQTT3-3.1.2-22] */
        reader_fail(r, WIRE_E_MALFORMED, "a password without a user name");
}

static void read_props(struct reader *r, struct wire_connect *p)
{
    props_read(r, BIT(WIRE_CONNECT), &p->props);
    /* Data without a method is a Protocol Error, section 3.1.2.11.10. */
    if ((p->props.set & BIT64(PROP_AUTH_DATA)) && !(p->props.set & BIT64(PROP_AUTH_METHOD)))
        reader_fail(r, WIRE_E_PROTOCOL, "Authentication Data without Authentication Method");
}

/* Identifiers longer than 3.1's 23 characters are let through at each level, as MQTT 3.1.1 and
 * later allow [MQTT5-3.1.3-5] [MQTT3-3.1.3-5]: clients with such names have been in the field for
 * long. */
static void read_client_id(struct reader *r, struct wire_connect *p)
{
    /* [MQTT5-3.1.3-3] [MQTT5-3.1.3-4] [MQTT3-3.1.3-3] [MQTT3-3.1.3-4] */
    p->client_id = reader_utf8(r, "a Client Identifier that is no valid UTF-8");
    if (p->client_id.len > 0 || p->level == WIRE_V5)
        return;
    /* [MQTT3-3.1.3-7] [MQTT3-3.1.3-8]; 3.1 wants one in any case. */
    if (p->level == WIRE_V31 || !p->clean_start)
        reader_fail(r, WIRE_E_CLIENT_ID, "an empty Client Identifier");
}

/* All three are there: what is missing ends the packet too early [MQTT5-3.1.2-9] [MQTT3-3.1.2-9].
 */
static void read_will(struct reader *r, struct wire_connect *p)
{
    if (p->level == WIRE_V5) {
        struct reader ahead = *r;

        p->will_forward = props_block(&ahead);
        props_read(r, PROPS_OF_WILL, &p->will_props);
    }
    /* [MQTT5-3.1.3-11] [MQTT3-3.1.3-10] */
    p->will_topic = reader_utf8(r, "a Will Topic that is no valid UTF-8");
    if (!wire_topic_name_valid(p->will_topic)) /* [MQTT5-4.7.0-1] [MQTT3-4.7.1-1] */
        reader_fail(r, WIRE_E_TOPIC_NAME, "a Will Topic that is empty, too deep or has a wildcard");
    p->will_payload = reader_binary(r);
}

/* MQTT 3.1, section "CONNECT": a flag may be set and the string missing, where the packet ends. */
static bool is_missing(const struct reader *r, const struct wire_connect *p)
{
    return p->level == WIRE_V31 && r->left == 0 && r->outcome == WIRE_OK;
}

static void read_credentials(struct reader *r, struct wire_connect *p)
{
    if (p->has_user_name)
        p->has_user_name = !is_missing(r, p);
    if (p->has_user_name) /* [MQTT5-3.1.3-12] [MQTT5-3.1.2-17] [MQTT3-3.1.3-11] [MQTT3-3.1.2-19] */
        p->user_name = reader_utf8(r, "a User Name that is no valid UTF-8");
    if (p->has_password)
        p->has_password = !is_missing(r, p);
    if (p->has_password)
        p->password = reader_binary(r); /* [MQTT5-3.1.2-19] [MQTT3-3.1.2-21] */
}

/**
 * wire_decode_connect() - read one CONNECT
 * @flags:  low four bits of the fixed header
 * @body:   the rest of the packet, complete; borrowed by @ret
 * @ret:    written on WIRE_OK; otherwise only @ret->level is: the level to
 *          answer in, also if its protocol name is another's, or 0 if it was not
 *          read or is not spoken here
 *
 * @ret->will_forward is the whole Will property block; wire_forward_props()
 * filters it when the Will is made a message.
 *
 * Return: WIRE_OK, or the first broken rule [MQTT5-3.1.4-1] [MQTT3-3.1.4-1].
 */
enum wire_outcome wire_decode_connect(uint8_t flags, struct bytes body, struct wire_connect *ret)
{
    struct reader r = reader_over(body);
    struct wire_connect p = {0};
    uint8_t level;

    read_level(&r, &p);
    level = r.outcome == WIRE_OK || p.level == WIRE_V5 ? p.level : 0;
    reader_flags(&r, flags, 0, p.level);
    read_flags(&r, &p);
    p.keep_alive_s = reader_u16(&r);
    if (p.level == WIRE_V5)
        read_props(&r, &p);
    read_client_id(&r, &p); /* the order is [MQTT5-3.1.3-1] [MQTT3-3.1.3-1] */
    if (p.has_will)
        read_will(&r, &p);
    read_credentials(&r, &p);
    reader_end(&r); /* [MQTT5-3.1.2-16] [MQTT5-3.1.2-18] [MQTT3-3.1.2-18] [MQTT3-3.1.2-20] */

    if (r.outcome == WIRE_OK)
        *ret = p;
    ret->level = level;
    return r.outcome;
}

static uint8_t flags_of(const struct wire_connect *p)
{
    uint32_t flags = (uint32_t)p->will_qos << WILL_QOS_SHIFT;

    if (p->clean_start)
        flags |= FLAG_CLEAN_START;
    if (p->has_will)
        flags |= FLAG_WILL;
    if (p->will_retain)
        flags |= FLAG_WILL_RETAIN;
    if (p->has_password)
        flags |= FLAG_PASSWORD;
    if (p->has_user_name)
        flags |= FLAG_USER_NAME;
    return (uint8_t)flags;
}

/**
 * wire_encode_connect() - append one CONNECT
 * @p:  the protocol name follows from @p->level, and the Will's properties are
 *      @p->will_props; @p->protocol_name and @p->will_forward do not count
 */
void wire_encode_connect(struct buf *out, const struct wire_connect *p)
{
    size_t begun = writer_begin_packet(out, WIRE_CONNECT, 0);

    check(p->level >= WIRE_V31 && p->level <= WIRE_V5 && p->will_qos <= QOS_MAX);
    check(p->has_will || (p->will_qos == 0 && !p->will_retain));
    check(p->level == WIRE_V5 || p->has_user_name || !p->has_password);
    check(p->level < WIRE_V5 || !p->is_bridge);
    writer_string(out, name_of_level(p->level));
    buf_add_u8(out, (uint8_t)(p->level | (p->is_bridge ? BRIDGE_BIT : 0)));
    buf_add_u8(out, flags_of(p));
    writer_u16(out, p->keep_alive_s);
    if (p->level == WIRE_V5)
        props_write(out, BIT(WIRE_CONNECT), &p->props);
    writer_string(out, p->client_id);
    if (p->has_will && p->level == WIRE_V5)
        props_write(out, PROPS_OF_WILL, &p->will_props);
    if (p->has_will) {
        writer_string(out, p->will_topic);
        writer_string(out, p->will_payload);
    }
    if (p->has_user_name)
        writer_string(out, p->user_name);
    if (p->has_password)
        writer_string(out, p->password);
    writer_end(out, begun);
}

static void read_code(struct reader *r, enum wire_level level, struct wire_connack *p)
{
    uint8_t code = reader_u8(r);

    p->reason = code;
    if (level == WIRE_V5 && !wire_reason_allowed(WIRE_CONNACK, code)) /* [MQTT5-3.2.2-8] */
        reader_fail(r, WIRE_E_PROTOCOL, "a Reason Code that is none of its own");
    if (level < WIRE_V5 && !wire_reason_of_v311(code, &p->reason)) /* section 3.2.2.3 */
        reader_fail(r, WIRE_E_PROTOCOL, "a reserved Return Code");
}

/**
 * wire_decode_connack() - read one CONNACK
 * @flags:  low four bits of the fixed header
 * @body:   the rest of the packet, complete; borrowed by @ret
 * @level:  protocol level of the CONNECT
 * @ret:    written on WIRE_OK, otherwise untouched; its reason is a REASON_* at
 *          each level
 *
 * 3.1 leaves the first byte to no use; it is read as no session present.
 *
 * Return: WIRE_OK, or the first broken rule.
 */
enum wire_outcome wire_decode_connack(uint8_t flags, struct bytes body, enum wire_level level,
                                      struct wire_connack *ret)
{
    struct reader r = reader_over(body);
    struct wire_connack p = {0};
    uint8_t ack_flags;

    reader_flags(&r, flags, 0, level);
    ack_flags = reader_u8(&r);
    if (level == WIRE_V31)
        ack_flags = 0;
    if (ack_flags > 1) /* [MQTT5-3.2.2-1] */
        reader_fail(&r, WIRE_E_MALFORMED, "reserved Acknowledge Flags");
    p.session_present = ack_flags & 1;
    read_code(&r, level, &p);
    /* [MQTT5-3.2.2-6] [MQTT3-3.2.2-4] */
    if (p.session_present && p.reason != REASON_SUCCESS)
        reader_fail(&r, WIRE_E_PROTOCOL, "Session Present beside a refusal");
    if (level == WIRE_V5)
        props_read(&r, BIT(WIRE_CONNACK), &p.props);
    reader_end(&r);

    if (r.outcome == WIRE_OK)
        *ret = p;
    return r.outcome;
}

/**
 * wire_encode_connack() - append one CONNACK
 * @p:  its reason goes out as wire_reason_fit() makes it, or before level 5 as
 *      wire_connack_code_v311() does; a session is present only with success
 *      [MQTT5-3.2.2-6]
 */
void wire_encode_connack(struct buf *out, const struct wire_connack *p, enum wire_level level)
{
    size_t begun = writer_begin_packet(out, WIRE_CONNACK, 0);

    check(!p->session_present || p->reason == REASON_SUCCESS);
    buf_add_u8(out, p->session_present && level > WIRE_V31);
    if (level == WIRE_V5) {
        buf_add_u8(out, wire_reason_fit(WIRE_CONNACK, p->reason));
        props_write(out, BIT(WIRE_CONNACK), &p->props);
    } else {
        buf_add_u8(out, wire_connack_code_v311(p->reason));
    }
    writer_end(out, begun);
}
