/* SPDX-License-Identifier: Apache-2.0 */
/* node/describe.c - records of the journal for a person; never a payload */
#include <inttypes.h>

#include "node/node_private.h"

static bool describe_message(uint64_t id, struct bytes in, struct buf *ret)
{
    struct message_record r;

    (void)id;
    if (!record_get_message(in, &r))
        return false;
    buf_addf(ret, "topic %.*s, QoS %u, publisher %.*s, %zu bytes of payload", BYTES_ARG(r.topic),
             r.qos, BYTES_ARG(r.publisher), r.payload.len);
    return true;
}

static bool describe_retained(uint64_t id, struct bytes in, struct buf *ret)
{
    uint64_t stamp;

    if (!record_get_retained(in, &stamp))
        return false;
    buf_addf(ret, "message %" PRIx64 ", stamp %" PRIu64, id - RECORD_IS_RETAINED, stamp);
    return true;
}

static bool describe_will(uint64_t id, struct bytes in, struct buf *ret)
{
    struct will_record r;

    if (!record_get_will(in, &r))
        return false;
    buf_addf(ret, "message %" PRIx64 " of session %" PRIu64 ", delay %u s", id - RECORD_IS_WILL,
             r.session, r.delay_s);
    return true;
}

static bool describe_session(uint64_t id, struct bytes in, struct buf *ret)
{
    struct session_record r;

    (void)id;
    if (!record_get_session(in, &r))
        return false;
    buf_addf(ret, "session %" PRIu64 ": client %.*s, user %.*s, expiry %u s, %s", r.number,
             BYTES_ARG(r.client_id), BYTES_ARG(r.principal), r.expiry_s,
             r.left_unix_ms == 0 ? "connected" : "away");
    return true;
}

static bool describe_subscription(uint64_t id, struct bytes in, struct buf *ret)
{
    struct subscription_record r;

    (void)id;
    if (!record_get_subscription(in, &r))
        return false;
    buf_addf(ret, "of session %" PRIu64 ": %s%.*s%s%.*s, QoS %u", r.session,
             r.group.len > 0 ? "$share/" : "", BYTES_ARG(r.group), r.group.len > 0 ? "/" : "",
             BYTES_ARG(r.filter), r.qos);
    return true;
}

static bool describe_delivery(uint64_t id, struct bytes in, struct buf *ret)
{
    struct delivery_record r;

    (void)id;
    if (!record_get_delivery(in, &r))
        return false;
    buf_addf(ret, "message %" PRIx64 " to session %" PRIu64 ", QoS %u", r.message, r.session,
             r.qos);
    if (r.group.len > 0)
        buf_addf(ret, ", by $share/%.*s/%.*s", BYTES_ARG(r.group), BYTES_ARG(r.filter));
    return true;
}

static bool describe_sent(uint64_t id, struct bytes in, struct buf *ret)
{
    uint16_t packet_id;

    if (!record_get_sent(in, &packet_id))
        return false;
    buf_addf(ret, "delivery %" PRIx64 " with packet id %u", id - RECORD_WAS_SENT, packet_id);
    return true;
}

static bool describe_released(uint64_t id, struct bytes in, struct buf *ret)
{
    struct released_record r;

    (void)id;
    if (!record_get_released(in, &r))
        return false;
    buf_addf(ret, "packet id %u of session %" PRIu64, r.packet_id, r.session);
    return true;
}

static bool describe_received(uint64_t id, struct bytes in, struct buf *ret)
{
    buf_addf(ret, "packet id %u of session %" PRIu64, (unsigned)(id & UINT16_MAX),
             received_session(id));
    return in.len == 0;
}

static bool describe_intent(uint64_t id, struct bytes in, struct buf *ret)
{
    buf_addf(ret, "message %" PRIx64 " to worker %u", intent_message(id), intent_outlet(id));
    return in.len == 0;
}

static bool describe_share_intent(uint64_t id, struct bytes in, struct buf *ret)
{
    struct share_intent_record r;

    (void)id;
    if (!record_get_share_intent(in, &r))
        return false;
    buf_addf(ret, "message %" PRIx64 " to one of $share/%.*s/%.*s", r.message, BYTES_ARG(r.group),
             BYTES_ARG(r.filter));
    return true;
}

static bool describe_want(uint64_t id, struct bytes in, struct buf *ret)
{
    struct want_record r;

    (void)id;
    if (!record_get_want(in, &r))
        return false;
    buf_addf(ret, "of session %" PRIu64 ": %.*s", r.session, BYTES_ARG(r.filter));
    return true;
}

/**
 * node_record_describe() - see node.h
 *
 * Return: false if it is none that a node writes; then so much is said.
 */
bool node_record_describe(uint8_t kind, uint64_t id, struct bytes record, struct buf *ret)
{
    static bool (*const describe[])(uint64_t id, struct bytes in, struct buf * ret) = {
        [RECORD_MESSAGE] = describe_message,
        [RECORD_RETAINED] = describe_retained,
        [RECORD_WILL] = describe_will,
        [RECORD_SESSION] = describe_session,
        [RECORD_SUBSCRIPTION] = describe_subscription,
        [RECORD_DELIVERY] = describe_delivery,
        [RECORD_SENT] = describe_sent,
        [RECORD_RELEASED] = describe_released,
        [RECORD_RECEIVED] = describe_received,
        [RECORD_INTENT] = describe_intent,
        [RECORD_SHARE_INTENT] = describe_share_intent,
        [RECORD_WANT] = describe_want,
    };
    const char *name = record_kind_text(kind);

    buf_addf(ret, "%016" PRIx64 " %s ", id, name != NULL ? name : "UNKNOWN");
    if (name != NULL && describe[kind](id, record, ret))
        return true;
    buf_addf(ret, "(%zu bytes that no node writes)", record.len);
    return false;
}
