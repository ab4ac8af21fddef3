/* SPDX-License-Identifier: Apache-2.0 */
/* wire/control.c - PINGREQ, PINGRESP, DISCONNECT and AUTH */
#include "wire/names.h"
#include "wire/props.h"
#include "wire/reader.h"
#include "wire/writer.h"

#include "base/err.h"

/**
 * wire_decode_ping() - read one PINGREQ or PINGRESP
 *
 * Return: WIRE_OK, or WIRE_E_MALFORMED: there is nothing in it but its type.
 */
enum wire_outcome wire_decode_ping(uint8_t flags, struct bytes body, enum wire_level level)
{
    struct reader r = reader_over(body);

    reader_flags(&r, flags, 0, level);
    reader_end(&r);
    return r.outcome;
}

/** wire_encode_ping() - append one WIRE_PINGREQ or WIRE_PINGRESP */
void wire_encode_ping(struct buf *out, enum wire_type type)
{
    check(type == WIRE_PINGREQ || type == WIRE_PINGRESP);
    writer_end(out, writer_begin_packet(out, type, 0));
}

static void read_reason_and_props(struct reader *r, enum wire_type type, struct wire_disconnect *p)
{
    p->reason = reader_u8(r);
    if (!wire_reason_allowed(type, p->reason)) /* [MQTT5-3.14.2-1] [MQTT5-3.15.2-1] */
        reader_fail(r, WIRE_E_PROTOCOL, "a Reason Code that is none of its own");
    if (type == WIRE_DISCONNECT && r->left == 0)
        return; /* no property length, section 3.14.2.2.1 */
    props_read(r, BIT(type), &p->props);
    /* It is a Protocol Error to omit the method, section 3.15.2.2.2. */
    if (type == WIRE_AUTH && !(p->props.set & BIT64(PROP_AUTH_METHOD)))
        reader_fail(r, WIRE_E_PROTOCOL, "no Authentication Method");
}

/**
 * wire_decode_disconnect() - read one DISCONNECT or AUTH
 * @type:   WIRE_DISCONNECT or WIRE_AUTH
 * @flags:  low four bits of the fixed header
 * @body:   the rest of the packet, complete; borrowed by @ret
 * @level:  protocol level agreed at CONNECT
 * @ret:    written on WIRE_OK, otherwise untouched
 *
 * Reason and properties may be left out; the reason then is 0x00.  Who may send
 * a session expiry [MQTT5-3.14.2-2] is the caller's to check.
 *
 * Return: WIRE_OK, or the first broken rule.
 */
enum wire_outcome wire_decode_disconnect(enum wire_type type, uint8_t flags, struct bytes body,
                                         enum wire_level level, struct wire_disconnect *ret)
{
    struct reader r = reader_over(body);
    struct wire_disconnect p = {0};

    check(type == WIRE_DISCONNECT || type == WIRE_AUTH);
    reader_flags(&r, flags, 0, level); /* [MQTT5-3.14.1-1] [MQTT5-3.15.1-1] [MQTT3-3.14.1-1] */
    if (type == WIRE_AUTH && level < WIRE_V5) /* type 15 is forbidden before, section 2.2.1 */
        reader_fail(&r, WIRE_E_MALFORMED, "a level before 5.0");
    if (level == WIRE_V5 && r.left > 0)
        read_reason_and_props(&r, type, &p);
    reader_end(&r);

    if (r.outcome == WIRE_OK)
        *ret = p;
    return r.outcome;
}

/**
 * wire_encode_disconnect() - append one DISCONNECT or AUTH
 * @p:  its reason goes out as wire_reason_fit() makes it.  An AUTH has its
 *      method, or is reason 0x00 alone
 *
 * Before level 5 a DISCONNECT is empty and there is no AUTH.
 */
void wire_encode_disconnect(struct buf *out, enum wire_type type, const struct wire_disconnect *p,
                            enum wire_level level)
{
    size_t begun = writer_begin_packet(out, type, 0);
    uint8_t reason = wire_reason_fit(type, p->reason);

    check(type == WIRE_DISCONNECT || (type == WIRE_AUTH && level == WIRE_V5));
    if (level == WIRE_V5 && (reason != REASON_SUCCESS || p->props.set != 0)) {
        check(type == WIRE_DISCONNECT || (p->props.set & BIT64(PROP_AUTH_METHOD)));
        buf_add_u8(out, reason);
        if (type == WIRE_AUTH || p->props.set != 0)
            props_write(out, BIT(type), &p->props);
    }
    writer_end(out, begun);
}
