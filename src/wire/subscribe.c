/* SPDX-License-Identifier: Apache-2.0 */
/* wire/subscribe.c - SUBSCRIBE, SUBACK, UNSUBSCRIBE and UNSUBACK */
#include "wire/names.h"
#include "wire/props.h"
#include "wire/reader.h"
#include "wire/writer.h"

#include "base/err.h"

#define REQUEST_FLAGS 2 /* [MQTT5-3.8.1-1] [MQTT5-3.10.1-1] [MQTT3-3.8.1-1] [MQTT3-3.10.1-1] */

/* Subscription Options, section 3.8.3.1. */
#define OPTION_NO_LOCAL            BIT(2)
#define OPTION_RETAIN_AS_PUBLISHED BIT(3)
#define OPTION_RESERVED            (BIT(6) | BIT(7))
#define OPTION_RESERVED_V311       0xfcU
#define RETAIN_HANDLING_MAX        2
#define QOS_MAX                    2
#define SUBACK_FAILURE_V311        0x80

#define NO_FILTER_TEXT        "no topic filter"
#define TOO_MANY_FILTERS_TEXT "more topic filters than are read here"

static struct bytes read_filter(struct reader *r, enum wire_level level)
{
    /* [MQTT5-3.8.3-1] [MQTT5-3.10.3-1] [MQTT3-3.8.3-1] [MQTT3-3.10.3-1] */
    struct bytes filter = reader_utf8(r, "a topic filter that is no valid UTF-8");

    if (!wire_topic_filter_well_formed(filter, level))
        reader_fail(r, WIRE_E_TOPIC_FILTER, "a topic filter that is not valid");
    return filter;
}

static void read_options(struct reader *r, enum wire_level level, struct wire_subscription *s)
{
    uint8_t options = reader_u8(r);
    struct bytes group;
    struct bytes filter;

    if (level == WIRE_V31) /* where they are not used */
        options &= (uint8_t)~OPTION_RESERVED_V311;
    s->qos = options & 3;
    s->no_local = options & OPTION_NO_LOCAL;
    s->retain_as_published = options & OPTION_RETAIN_AS_PUBLISHED;
    s->retain_handling = (options >> 4) & 3;

    if (level < WIRE_V5) {
        if (options & OPTION_RESERVED_V311) /* [MQTT3-3.8.3-4] */
            reader_fail(r, WIRE_E_MALFORMED, "reserved bits beside the QoS");
        if (s->qos > QOS_MAX)
            reader_fail(r, WIRE_E_QOS, "a QoS of 3");
        return;
    }
    if (options & OPTION_RESERVED) /* [MQTT5-3.8.3-5] */
        reader_fail(r, WIRE_E_MALFORMED, "reserved Subscription Options");
    if (s->qos > QOS_MAX) /* section 3.8.3.1 */
        reader_fail(r, WIRE_E_QOS_WANTED, "a QoS of 3");
    if (s->retain_handling > RETAIN_HANDLING_MAX)
        reader_fail(r, WIRE_E_PROTOCOL, "Retain Handling of 3");
    if (s->no_local && wire_filter_split_share(s->filter, &group, &filter)) /* [MQTT5-3.8.3-4] */
        reader_fail(r, WIRE_E_PROTOCOL, "No Local on a shared subscription");
}

/**
 * wire_decode_subscribe() - read one SUBSCRIBE
 * @flags:  low four bits of the fixed header
 * @body:   the rest of the packet, complete; borrowed by @ret
 * @level:  protocol level agreed at CONNECT
 * @ret:    written on WIRE_OK, otherwise untouched; of @ret->at the first @ret->n
 *
 * Return: WIRE_OK, or the first broken rule.
 */
enum wire_outcome wire_decode_subscribe(uint8_t flags, struct bytes body, enum wire_level level,
                                        struct wire_subscribe *ret)
{
    struct reader r = reader_over(body);
    struct wire_subscription at[WIRE_FILTERS_MAX];
    struct wire_props props = {0};
    size_t n = 0;
    uint16_t packet_id;

    reader_flags(&r, flags, REQUEST_FLAGS, level);
    packet_id = reader_packet_id(&r);
    if (level == WIRE_V5)
        props_read(&r, BIT(WIRE_SUBSCRIBE), &props);
    if (r.left == 0) /* [MQTT5-3.8.3-2] [MQTT3-3.8.3-3] */
        reader_fail(&r, WIRE_E_PROTOCOL, NO_FILTER_TEXT);
    for (; r.left > 0 && n < WIRE_FILTERS_MAX; n++) {
        at[n].filter = read_filter(&r, level);
        read_options(&r, level, &at[n]);
    }
    if (r.left > 0)
        reader_fail(&r, WIRE_E_QUOTA, TOO_MANY_FILTERS_TEXT);
    if (r.outcome != WIRE_OK)
        return r.outcome;

    ret->packet_id = packet_id;
    ret->subscription_id = props.subscription_ids[0];
    ret->n = n;
    memcpy(ret->at, at, n * sizeof(at[0]));
    ret->props = props;
    return WIRE_OK;
}

/**
 * wire_encode_subscribe() - append one SUBSCRIBE
 * @p:  @p->subscription_id counts, not what @p->props has of it
 */
void wire_encode_subscribe(struct buf *out, const struct wire_subscribe *p, enum wire_level level)
{
    size_t begun = writer_begin_packet(out, WIRE_SUBSCRIBE, REQUEST_FLAGS);

    check(p->packet_id != 0 && p->n > 0 && p->n <= WIRE_FILTERS_MAX);
    writer_u16(out, p->packet_id);
    if (level == WIRE_V5) {
        struct wire_props props = p->props;

        props.set &= ~BIT64(PROP_SUBSCRIPTION_ID);
        if (p->subscription_id != 0)
            props.set |= BIT64(PROP_SUBSCRIPTION_ID);
        props.subscription_ids[0] = p->subscription_id;
        props_write(out, BIT(WIRE_SUBSCRIBE), &props);
    }
    for (size_t i = 0; i < p->n; i++) {
        const struct wire_subscription *s = &p->at[i];
        uint32_t options = s->qos;

        if (level == WIRE_V5) {
            options |= (s->no_local ? OPTION_NO_LOCAL : 0) | (uint32_t)s->retain_handling << 4 |
                       (s->retain_as_published ? OPTION_RETAIN_AS_PUBLISHED : 0);
        }
        writer_string(out, s->filter);
        buf_add_u8(out, (uint8_t)options);
    }
    writer_end(out, begun);
}

/**
 * wire_decode_unsubscribe() - read one UNSUBSCRIBE
 * @flags:  low four bits of the fixed header
 * @body:   the rest of the packet, complete; borrowed by @ret
 * @level:  protocol level agreed at CONNECT
 * @ret:    written on WIRE_OK, otherwise untouched; of @ret->filter the first @ret->n
 *
 * Return: WIRE_OK, or the first broken rule.
 */
enum wire_outcome wire_decode_unsubscribe(uint8_t flags, struct bytes body, enum wire_level level,
                                          struct wire_unsubscribe *ret)
{
    struct reader r = reader_over(body);
    struct bytes filter[WIRE_FILTERS_MAX];
    struct wire_props props = {0};
    size_t n = 0;
    uint16_t packet_id;

    reader_flags(&r, flags, REQUEST_FLAGS, level);
    packet_id = reader_packet_id(&r);
    if (level == WIRE_V5)
        props_read(&r, BIT(WIRE_UNSUBSCRIBE), &props);
    if (r.left == 0) /* [MQTT5-3.10.3-2] [MQTT3-3.10.3-2] */
        reader_fail(&r, WIRE_E_PROTOCOL, NO_FILTER_TEXT);
    while (r.left > 0 && n < WIRE_FILTERS_MAX)
        filter[n++] = read_filter(&r, level);
    if (r.left > 0)
        reader_fail(&r, WIRE_E_QUOTA, TOO_MANY_FILTERS_TEXT);
    if (r.outcome != WIRE_OK)
        return r.outcome;

    ret->packet_id = packet_id;
    ret->n = n;
    memcpy(ret->filter, filter, n * sizeof(filter[0]));
    ret->props = props;
    return WIRE_OK;
}

/** wire_encode_unsubscribe() - append one UNSUBSCRIBE */
void wire_encode_unsubscribe(struct buf *out, const struct wire_unsubscribe *p,
                             enum wire_level level)
{
    size_t begun = writer_begin_packet(out, WIRE_UNSUBSCRIBE, REQUEST_FLAGS);

    check(p->packet_id != 0 && p->n > 0 && p->n <= WIRE_FILTERS_MAX);
    writer_u16(out, p->packet_id);
    if (level == WIRE_V5)
        props_write(out, BIT(WIRE_UNSUBSCRIBE), &p->props);
    for (size_t i = 0; i < p->n; i++)
        writer_string(out, p->filter[i]);
    writer_end(out, begun);
}

static bool reason_allowed(enum wire_type type, uint8_t reason, enum wire_level level)
{
    if (level == WIRE_V5)
        return wire_reason_allowed(type, reason); /* [MQTT5-3.9.3-2] [MQTT5-3.11.3-2] */
    return reason <= QOS_MAX || reason == SUBACK_FAILURE_V311; /* [MQTT3-3.9.3-2] */
}

/**
 * wire_decode_suback() - read one SUBACK or UNSUBACK
 * @type:   which of the two
 * @flags:  low four bits of the fixed header
 * @body:   the rest of the packet, complete; borrowed by @ret
 * @level:  protocol level agreed at CONNECT
 * @ret:    written on WIRE_OK, otherwise untouched; of @ret->reason the first @ret->n
 *
 * Before level 5 an UNSUBACK has no reasons and a SUBACK has 0, 1, 2 and 0x80.
 *
 * Return: WIRE_OK, or the first broken rule.
 */
enum wire_outcome wire_decode_suback(enum wire_type type, uint8_t flags, struct bytes body,
                                     enum wire_level level, struct wire_suback *ret)
{
    struct reader r = reader_over(body);
    bool has_reasons = type == WIRE_SUBACK || level == WIRE_V5;
    struct wire_props props = {0};
    struct bytes reasons;
    uint16_t packet_id;

    check(type == WIRE_SUBACK || type == WIRE_UNSUBACK);
    reader_flags(&r, flags, 0, level);
    packet_id = reader_packet_id(&r);
    if (level == WIRE_V5)
        props_read(&r, BIT(type), &props);
    reasons = has_reasons ? reader_rest(&r) : BYTES_NONE;
    reader_end(&r);
    if (has_reasons && reasons.len == 0) /* one for each filter [MQTT5-3.8.4-6] [MQTT3-3.8.4-5] */
        reader_fail(&r, WIRE_E_PROTOCOL, "no Reason Code");
    if (reasons.len > WIRE_FILTERS_MAX)
        reader_fail(&r, WIRE_E_QUOTA, "more Reason Codes than are read here");
    for (size_t i = 0; i < reasons.len; i++) {
        if (!reason_allowed(type, reasons.at[i], level))
            reader_fail(&r, WIRE_E_PROTOCOL, "a Reason Code that is none of its own");
    }
    if (r.outcome != WIRE_OK)
        return r.outcome;

    ret->packet_id = packet_id;
    ret->n = reasons.len;
    if (reasons.len > 0)
        memcpy(ret->reason, reasons.at, reasons.len);
    ret->props = props;
    return WIRE_OK;
}

/**
 * wire_encode_suback() - append one SUBACK or UNSUBACK
 * @p:  its reasons go out as wire_reason_fit() makes them
 *
 * Before level 5 each failure in a SUBACK is 0x80, the only one 3.1.1 has, and
 * an UNSUBACK is the packet id alone.  3.1 has no failure at all; it is told
 * 0x80 too, because a QoS that was not granted would be a lie.
 */
void wire_encode_suback(struct buf *out, enum wire_type type, const struct wire_suback *p,
                        enum wire_level level)
{
    size_t begun = writer_begin_packet(out, type, 0);
    bool has_reasons = type == WIRE_SUBACK || level == WIRE_V5;

    check(type == WIRE_SUBACK || type == WIRE_UNSUBACK);
    check(p->packet_id != 0 && (p->n > 0 || !has_reasons) && p->n <= WIRE_FILTERS_MAX);
    writer_u16(out, p->packet_id);
    if (level == WIRE_V5)
        props_write(out, BIT(type), &p->props);
    for (size_t i = 0; has_reasons && i < p->n; i++) {
        uint8_t reason = wire_reason_fit(type, p->reason[i]);

        if (level < WIRE_V5 && reason > QOS_MAX)
            reason = SUBACK_FAILURE_V311;
        buf_add_u8(out, reason);
    }
    writer_end(out, begun);
}
