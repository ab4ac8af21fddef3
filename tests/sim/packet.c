/* SPDX-License-Identifier: Apache-2.0 */
/* sim/packet.c - see packet.h */
#include "sim/packet.h"

#include "sim/sim.h"

/** packet_name() - for the trace */
const char *packet_name(unsigned type)
{
    static const char *const names[] = {"-",         "CONNECT",  "CONNACK",     "PUBLISH",
                                        "PUBACK",    "PUBREC",   "PUBREL",      "PUBCOMP",
                                        "SUBSCRIBE", "SUBACK",   "UNSUBSCRIBE", "UNSUBACK",
                                        "PINGREQ",   "PINGRESP", "DISCONNECT",  "AUTH"};

    return names[type & 15];
}

/* ---- building ---- */

static void add_u16(struct buf *b, uint32_t v)
{
    buf_add_u8(b, (uint8_t)(v >> 8));
    buf_add_u8(b, (uint8_t)v);
}

static void add_u32(struct buf *b, uint32_t v)
{
    add_u16(b, v >> 16);
    add_u16(b, v & 0xffff);
}

static void add_varint(struct buf *b, size_t v)
{
    for (; v > 0x7f; v >>= 7)
        buf_add_u8(b, (uint8_t)(v | 0x80));
    buf_add_u8(b, (uint8_t)v);
}

static void add_string(struct buf *b, struct bytes s)
{
    add_u16(b, (uint32_t)s.len);
    buf_add(b, s);
}

static void add_text(struct buf *b, const char *s)
{
    add_string(b, bytes_str(s));
}

static void frame(struct buf *to, unsigned type, unsigned flags, struct buf *body)
{
    buf_add_u8(to, (uint8_t)(type << 4 | flags));
    add_varint(to, body->len);
    buf_add(to, buf_view(body));
    buf_done(body);
}

static void add_props(struct buf *b, struct buf *props, uint8_t level)
{
    if (level == LEVEL_5) {
        add_varint(b, props->len);
        buf_add(b, buf_view(props));
    }
    buf_done(props);
}

static void prop_u32(struct buf *props, uint8_t id, uint32_t v)
{
    if (v == NOT_SET)
        return;
    buf_add_u8(props, id);
    add_u32(props, v);
}

static void prop_u16(struct buf *props, uint8_t id, uint32_t v)
{
    if (v == NOT_SET)
        return;
    buf_add_u8(props, id);
    add_u16(props, v);
}

static void add_will(struct buf *b, const struct connect_packet *p)
{
    struct buf props = {0};

    prop_u32(&props, 0x18, p->will_delay_s);
    prop_u32(&props, 0x02, p->will_expiry_s);
    add_props(b, &props, p->level);
    add_text(b, p->will_topic);
    add_string(b, p->will_payload);
}

static unsigned connect_flags(const struct connect_packet *p)
{
    unsigned flags = p->clean ? 0x02 : 0;

    if (p->will_topic != NULL)
        flags |= 0x04U | (unsigned)p->will_qos << 3 | (p->will_retain ? 0x20U : 0);
    if (p->user != NULL)
        flags |= 0xc0;
    return flags;
}

/** build_connect() - append a CONNECT */
void build_connect(struct buf *to, const struct connect_packet *p)
{
    struct buf b = {0};
    struct buf props = {0};

    add_text(&b, "MQTT");
    buf_add_u8(&b, p->level);
    buf_add_u8(&b, (uint8_t)connect_flags(p));
    add_u16(&b, p->keep_alive_s);
    prop_u32(&props, 0x11, p->expiry_s);
    prop_u16(&props, 0x21, p->receive_max);
    prop_u16(&props, 0x22, p->alias_max);
    prop_u32(&props, 0x27, p->packet_max);
    add_props(&b, &props, p->level);
    add_text(&b, p->client_id);
    if (p->will_topic != NULL)
        add_will(&b, p);
    if (p->user != NULL) {
        add_text(&b, p->user);
        add_text(&b, p->password);
    }
    frame(to, CONNECT, 0, &b);
}

/** build_publish() - append a PUBLISH */
void build_publish(struct buf *to, const struct publish_packet *p, uint8_t level)
{
    struct buf b = {0};
    struct buf props = {0};

    add_text(&b, p->alias_only ? "" : p->topic);
    if (p->qos > 0)
        add_u16(&b, p->packet_id);
    prop_u32(&props, 0x02, p->expiry_s);
    if (p->content_type) {
        buf_add_u8(&props, 0x03);
        add_text(&props, "text/plain");
    }
    if (p->alias != 0)
        prop_u16(&props, 0x23, p->alias);
    if (p->user_value != NULL) {
        buf_add_u8(&props, 0x26);
        add_text(&props, "n");
        add_text(&props, p->user_value);
    }
    add_props(&b, &props, level);
    buf_add(&b, p->payload);
    frame(to, PUBLISH, (p->dup ? 8U : 0) | (unsigned)p->qos << 1 | p->retain, &b);
}

/** build_ack() - append a PUBACK, PUBREC, PUBREL or PUBCOMP */
void build_ack(struct buf *to, unsigned type, uint16_t packet_id, uint8_t reason, uint8_t level)
{
    struct buf b = {0};

    add_u16(&b, packet_id);
    if (level == LEVEL_5 && reason != 0)
        buf_add_u8(&b, reason);
    frame(to, type, type == PUBREL ? 2 : 0, &b);
}

/** build_subscribe() - append a SUBSCRIBE; @subscription_id 0: none */
void build_subscribe(struct buf *to, uint16_t packet_id, const struct subscribe_filter *filters,
                     size_t n, uint32_t subscription_id, uint8_t level)
{
    struct buf b = {0};
    struct buf props = {0};

    add_u16(&b, packet_id);
    if (subscription_id != 0) {
        buf_add_u8(&props, 0x0b);
        add_varint(&props, subscription_id);
    }
    add_props(&b, &props, level);
    for (size_t i = 0; i < n; i++) {
        add_text(&b, filters[i].filter);
        buf_add_u8(&b, filters[i].options);
    }
    frame(to, SUBSCRIBE, 2, &b);
}

/** build_unsubscribe() - append an UNSUBSCRIBE */
void build_unsubscribe(struct buf *to, uint16_t packet_id, const char *const *filters, size_t n,
                       uint8_t level)
{
    struct buf b = {0};
    struct buf props = {0};

    add_u16(&b, packet_id);
    add_props(&b, &props, level);
    for (size_t i = 0; i < n; i++)
        add_text(&b, filters[i]);
    frame(to, UNSUBSCRIBE, 2, &b);
}

/** build_pingreq() - append a PINGREQ */
void build_pingreq(struct buf *to)
{
    struct buf b = {0};

    frame(to, PINGREQ, 0, &b);
}

/** build_disconnect() - append a DISCONNECT */
void build_disconnect(struct buf *to, uint8_t reason, uint32_t expiry_s, uint8_t level)
{
    struct buf b = {0};
    struct buf props = {0};

    prop_u32(&props, 0x11, expiry_s);
    if (level == LEVEL_5 && (reason != 0 || props.len > 0)) {
        buf_add_u8(&b, reason);
        add_props(&b, &props, level);
    }
    buf_done(&props);
    frame(to, DISCONNECT, 0, &b);
}

/* ---- reading ---- */

static uint8_t take_u8(struct bytes *b)
{
    uint8_t v;

    expect(b->len >= 1, "a packet from the node ends too early");
    v = b->at[0];
    *b = bytes_of(b->at + 1, b->len - 1);
    return v;
}

static uint16_t take_u16(struct bytes *b)
{
    uint16_t high = take_u8(b);

    return (uint16_t)(high << 8 | take_u8(b));
}

static uint32_t take_u32(struct bytes *b)
{
    uint32_t high = take_u16(b);

    return high << 16 | take_u16(b);
}

static uint32_t take_varint(struct bytes *b)
{
    uint32_t v = 0;
    unsigned shift = 0;
    uint8_t byte;

    do {
        expect(shift <= 21, "a number of more than four bytes from the node");
        byte = take_u8(b);
        v |= (uint32_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    return v;
}

static struct bytes take_string(struct bytes *b)
{
    size_t len = take_u16(b);
    struct bytes s = bytes_of(b->at, len);

    expect(len <= b->len, "a string from the node is longer than its packet");
    *b = bytes_of(b->at + len, b->len - len);
    return s;
}

static void take_user_property(struct packet *p, struct bytes *b)
{
    struct bytes name = take_string(b);
    struct bytes value = take_string(b);

    if (bytes_equal(name, BYTES("n")))
        p->user_value = value;
}

static void take_property(struct packet *p, struct bytes *b)
{
    uint32_t id = take_varint(b);

    switch (id) {
    case 0x02: /* Message Expiry Interval */
    case 0x11: /* Session Expiry Interval */
        p->expiry_s = take_u32(b);
        break;
    case 0x03:
        p->content_type = take_string(b);
        break;
    case 0x0b:
        expect(p->n_subids < SUBIDS_MAX, "too many subscription identifiers");
        p->subids[p->n_subids++] = take_varint(b);
        break;
    case 0x12: /* Assigned Client Identifier */
    case 0x15: /* Authentication Method */
    case 0x16: /* Authentication Data */
    case 0x1f: /* Reason String */
        take_string(b);
        break;
    case 0x13:
        p->keep_alive_s = take_u16(b);
        break;
    case 0x21:
        p->receive_max = take_u16(b);
        break;
    case 0x22:
        p->alias_max = take_u16(b);
        break;
    case 0x23:
        p->alias = take_u16(b);
        break;
    case 0x26:
        take_user_property(p, b);
        break;
    case 0x27:
        take_u32(b);
        break;
    case 0x24:
    case 0x25:
    case 0x28:
    case 0x29:
    case 0x2a:
        take_u8(b);
        break;
    default:
        fail("%s from the node with the property 0x%02x", packet_name(p->type), id);
    }
}

static void take_props(struct packet *p, struct bytes *b)
{
    uint32_t len = take_varint(b);
    struct bytes props = bytes_of(b->at, len);

    expect(len <= b->len, "properties from the node are longer than their packet");
    *b = bytes_of(b->at + len, b->len - len);
    while (props.len > 0)
        take_property(p, &props);
}

static void take_publish(struct packet *p, struct bytes *b, uint8_t level)
{
    unsigned qos = p->flags >> 1 & 3;

    expect(qos < 3 && !(qos == 0 && (p->flags & 8)), "PUBLISH from the node with the flags 0x%x",
           p->flags);
    p->topic = take_string(b);
    if (qos > 0)
        p->packet_id = take_u16(b);
    expect(qos == 0 || p->packet_id != 0, "PUBLISH from the node with packet id 0");
    if (level == LEVEL_5)
        take_props(p, b);
    p->payload = *b;
    *b = BYTES_NONE;
}

static void take_reason_and_props(struct packet *p, struct bytes *b, uint8_t level)
{
    if (level != LEVEL_5 || b->len == 0)
        return;
    p->reason = take_u8(b);
    if (b->len > 0)
        take_props(p, b);
}

static void take_codes(struct packet *p, struct bytes *b, uint8_t level)
{
    p->packet_id = take_u16(b);
    if (level == LEVEL_5)
        take_props(p, b);
    while (b->len > 0) {
        expect(p->n_codes < CODES_MAX, "%s from the node with too many codes",
               packet_name(p->type));
        p->codes[p->n_codes++] = take_u8(b);
    }
}

static void take_body(struct packet *p, struct bytes *b, uint8_t level)
{
    switch ((enum packet_type)p->type) {
    case CONNACK:
        p->session_present = take_u8(b) & 1;
        p->reason = take_u8(b);
        if (level == LEVEL_5)
            take_props(p, b);
        break;
    case PUBLISH:
        take_publish(p, b, level);
        break;
    case PUBACK:
    case PUBREC:
    case PUBREL:
    case PUBCOMP:
        p->packet_id = take_u16(b);
        take_reason_and_props(p, b, level);
        break;
    case SUBACK:
    case UNSUBACK:
        take_codes(p, b, level);
        break;
    case PINGRESP:
        break;
    case DISCONNECT:
    case AUTH:
        expect(level == LEVEL_5, "%s from the node to a 3.1.1 client", packet_name(p->type));
        take_reason_and_props(p, b, level);
        break;
    case CONNECT:
    case SUBSCRIBE:
    case UNSUBSCRIBE:
    case PINGREQ:
        fail("the node sent %s", packet_name(p->type));
    }
}

static uint8_t flags_of(unsigned type)
{
    return type == PUBREL ? 2 : 0;
}

/** packet_parse() - the next packet in @data */
bool packet_parse(struct bytes data, uint8_t level, struct packet *ret)
{
    struct bytes rest = data;
    struct bytes body;
    size_t n_len = 1;
    uint32_t len;

    while (n_len < data.len && n_len < 5 && (data.at[n_len] & 0x80))
        n_len++;
    if (data.len < 2 || n_len >= data.len)
        return false;
    *ret = (struct packet){
        .expiry_s = NOT_SET, .receive_max = NOT_SET, .keep_alive_s = NOT_SET, .alias_max = NOT_SET};
    ret->type = data.at[0] >> 4;
    ret->flags = take_u8(&rest) & 15;
    len = take_varint(&rest);
    if (rest.len < len)
        return false;
    body = bytes_of(rest.at, len);
    ret->len = data.len - rest.len + len;
    expect(ret->type == PUBLISH || ret->flags == flags_of(ret->type),
           "%s from the node with the flags 0x%x", packet_name(ret->type), ret->flags);
    take_body(ret, &body, level);
    expect(body.len == 0, "%s from the node is longer than its content", packet_name(ret->type));
    return true;
}
