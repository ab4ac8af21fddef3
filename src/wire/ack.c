/* SPDX-License-Identifier: Apache-2.0 */
/* wire/ack.c - PUBACK, PUBREC, PUBREL and PUBCOMP */
#include "wire/names.h"
#include "wire/props.h"
#include "wire/reader.h"
#include "wire/writer.h"

#include "base/err.h"

#define PUBREL_FLAGS 2 /* [MQTT5-3.6.1-1] [MQTT3-3.6.1-1] */

static bool is_ack(enum wire_type type)
{
    return type >= WIRE_PUBACK && type <= WIRE_PUBCOMP;
}

/**
 * wire_decode_ack() - read one PUBACK, PUBREC, PUBREL or PUBCOMP
 * @type:   which of the four
 * @flags:  low four bits of the fixed header
 * @body:   the rest of the packet, complete; borrowed by @ret
 * @level:  protocol level agreed at CONNECT
 * @ret:    written on WIRE_OK, otherwise untouched; of .props what .props.set names
 *
 * Before level 5 the body is the packet id.  In 5.0 the properties may be left
 * out, and the reason too if it is 0x00 (sections 3.4.2.1 and 3.4.2.2.1).
 *
 * Return: WIRE_OK, or the first broken rule.
 */
enum wire_outcome wire_decode_ack(enum wire_type type, uint8_t flags, struct bytes body,
                                  enum wire_level level, struct wire_ack *ret)
{
    struct reader r = reader_over(body);
    struct wire_ack
        p; /* its properties are zeroed only when there are some: every message comes by here */

    check(is_ack(type));
    p.reason = REASON_SUCCESS;
    p.props.set = 0;
    reader_flags(&r, flags, type == WIRE_PUBREL ? PUBREL_FLAGS : 0, level);
    p.packet_id = reader_packet_id(&r);
    if (level == WIRE_V5 && r.left > 0)
        p.reason = reader_u8(&r);
    if (level == WIRE_V5 && r.left > 0) {
        p.props = (struct wire_props){0};
        props_read(&r, BIT(type), &p.props);
    }
    reader_end(&r);
    /* [MQTT5-3.4.2-1] [MQTT5-3.5.2-1] [MQTT5-3.6.2-1] [MQTT5-3.7.2-1] */
    if (!wire_reason_allowed(type, p.reason))
        reader_fail(&r, WIRE_E_PROTOCOL, "a Reason Code that is none of its own");

    if (r.outcome != WIRE_OK)
        return r.outcome;
    ret->packet_id = p.packet_id;
    ret->reason = p.reason;
    if (p.props.set != 0)
        ret->props = p.props;
    else
        ret->props.set = 0;
    return WIRE_OK;
}

/**
 * wire_encode_ack() - append one PUBACK, PUBREC, PUBREL or PUBCOMP
 * @p:  its reason goes out as wire_reason_fit() makes it
 *
 * The shortest form that says it; before level 5 the packet id alone.
 */
void wire_encode_ack(struct buf *out, enum wire_type type, const struct wire_ack *p,
                     enum wire_level level)
{
    size_t begun = writer_begin_packet(out, type, type == WIRE_PUBREL ? PUBREL_FLAGS : 0);
    uint8_t reason = wire_reason_fit(type, p->reason);

    check(is_ack(type) && p->packet_id != 0);
    writer_u16(out, p->packet_id);
    if (level == WIRE_V5 && (reason != REASON_SUCCESS || p->props.set != 0))
        buf_add_u8(out, reason);
    if (level == WIRE_V5 && p->props.set != 0)
        props_write(out, BIT(type), &p->props);
    writer_end(out, begun);
}
