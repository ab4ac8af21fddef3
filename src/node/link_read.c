/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/link_read.c - a network connection: what comes
 *
 * Bytes are read into the worker's buffer and decoded in place; only an unfinished packet
 * is kept.  Of a client that does not take its answers nothing is read.
 *
 * MQ.PR.SP-05
 */
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "node/link_private.h"

#define GOODBYE_BYTES_MAX  4194304 /* behind so many that were not read none is looked for */
#define GOODBYE_WORK_BYTES 128     /* of them count as a message */

/* As buf_add(), but where the bytes have to move nothing of them stays behind. */
static void add_secret(struct buf *b, struct bytes more)
{
    struct buf larger = {0};

    if (b->at == NULL || b->cap - b->len >= more.len) {
        buf_add(b, more);
        return;
    }
    buf_reserve(&larger, 2 * (b->len + more.len));
    buf_add(&larger, buf_view(b));
    buf_add(&larger, more);
    explicit_bzero(b->at, b->len);
    buf_done(b);
    *b = larger;
}

/* Behind the fixed header, which is whole. */
static struct bytes body_begun(struct bytes packet)
{
    size_t head = 2;

    while (packet.at[head - 1] & 0x80)
        head++;
    return bytes_of(packet.at + head, packet.len - head);
}

/* Once it is connected.  A connection keeps what its client was told, whatever a reload has lowered
 * (MQTT 5.0, 3.2.2.3.6); not so under a posture, in an emergency. */
static size_t packet_max(const struct link *l)
{
    size_t now = policy_limits(l->worker->policy)->packet_bytes_max;

    return l->worker->packet_bytes_else > 0 ? now : MAX(now, (size_t)l->packet_told);
}

/* Larger only than the posture allows: its client was told more before; one before 5.0 is told
 * nothing at all. */
static bool could_not_know(const struct link *l, size_t len)
{
    return l->conn.state == CONN_ACTIVE &&
           len <= (l->conn.level == WIRE_V5 ? l->packet_told : l->worker->packet_bytes_else);
}

/* @begun: what has come of it, its fixed header at least; @len: with what is still to come */
static void too_large(struct link *l, struct bytes begun, size_t len, size_t max)
{
    char why[96];

    if (could_not_know(l, len)) {
        snprintf(why, sizeof(why), "packet larger than the %zu bytes of the posture", max);
        link_close(l, REASON_PACKET_TOO_LARGE, why);
        return;
    }
    if (l->conn.state == CONN_AWAIT_CONNECT && begun.at[0] >> 4 == WIRE_CONNECT)
        connect_tell_too_large(l, body_begun(begun));
    snprintf(why, sizeof(why), "packet larger than %zu bytes", max);
    l->worker->counters.limits_hit++;
    worker_event_of(l->worker, l, EVENT_LIMIT_HIT, (uint32_t)max, BYTES_NONE, "packet_bytes_max");
    flow_protocol_error(l, VIOLATION_PACKET_TOO_LARGE, REASON_PACKET_TOO_LARGE, why);
}

/* What begins with @first is no packet. */
static void malformed(struct link *l, uint8_t first)
{
    if (first >> 4 == 0)
        flow_protocol_error(l, VIOLATION_UNASSIGNED_MSG_TYPE, REASON_MALFORMED_PACKET,
                            "a packet of type 0");
    else
        flow_protocol_error(l, VIOLATION_MALFORMED_TRAFFIC, REASON_MALFORMED_PACKET,
                            "a remaining length that is none");
}

/* A CONNECT that is challenged is kept elsewhere. */
static bool is_decided(const struct link *l)
{
    return l->conn.state == CONN_ACTIVE || l->conn.state == CONN_CHALLENGED;
}

/* Hand whole packets of @data to the flow; Return: how many bytes were used up. */
static size_t take_packets(struct link *l, struct bytes data)
{
    const size_t connect_max = policy_limits(l->worker->policy)->connect_bytes_max;
    const size_t connected_max = packet_max(l); /* who is told meanwhile is told just that */
    size_t used = 0;

    while (link_may_process(l) && link_has_turn(l) && used < data.len) {
        size_t max = l->conn.state == CONN_ACTIVE ? connected_max : connect_max;
        struct wire_frame f;
        enum wire_next next = wire_next(bytes_of(data.at + used, data.len - used), &f);

        if (next == WIRE_NEXT_BAD) {
            malformed(l, data.at[used]);
        } else if (f.len > max) {
            too_large(l, bytes_of(data.at + used, data.len - used), f.len, max);
        } else if (next == WIRE_NEXT_MORE) {
            /* Who begins with something else is not waited for [MQTT5-3.1.0-1]. */
            if (l->conn.state == CONN_AWAIT_CONNECT && data.at[used] >> 4 != WIRE_CONNECT)
                flow_protocol_error(l, VIOLATION_UNINTRODUCED_MESSAGE, REASON_MALFORMED_PACKET,
                                    "the first packet is no CONNECT");
            break;
        } else {
            l->worker->counters.packets_received++;
            flow_packet(l, &f);
            outlet_flush_control_messages(l->worker);
            if (l->phase == LINK_OPEN && !is_decided(l))
                break; /* CONNECT stays in the buffer */
            used += f.len;
        }
    }
    if (used > 0) {
        l->alive_ns = l->worker->now_ns;
        l->alive_bytes = 0;
    }
    return l->phase == LINK_OPEN ? used : data.len;
}

/**
 * link_process() - go on with input that was read already
 *
 * Return: false if the connection has moved to another worker: it must not be touched.
 */
bool link_process(struct link *l)
{
    bool is_connect = l->conn.state == CONN_AWAIT_CONNECT;
    size_t used;

    if (l->phase != LINK_OPEN)
        return true;
    used = take_packets(l, buf_view(&l->in));
    if (l->phase == LINK_OPEN) { /* else link_close() has emptied it */
        if (is_connect && used > 0)
            explicit_bzero(l->in.at, used);
        buf_drop_front(&l->in, used);
    }
    if (l->in.len == 0)
        buf_done(&l->in);
    if (l->moves_to == NULL)
        return true;
    link_move_home(l);
    return false;
}

static uint8_t *own_place(struct link *l, size_t *ret_cap)
{
    *ret_cap = 65536;
    return buf_reserve(&l->in, *ret_cap);
}

/* Where to read to: behind an unfinished packet, or the worker's buffer; half a CONNECT is not
 * worth more memory than what has come of it. */
static uint8_t *read_place(struct link *l, size_t *ret_cap)
{
    if (l->in.len == 0 || l->conn.state == CONN_AWAIT_CONNECT) {
        *ret_cap = READ_BUFFER_BYTES;
        return l->worker->read_buffer;
    }
    return own_place(l, ret_cap);
}

/* A large packet on a slow line keeps the connection alive as long as it grows; bytes that never
 * become a Control Packet do not [MQTT5-3.1.2-22] [MQTT3-3.1.2-24]. */
static void see_progress(struct link *l)
{
    if (l->in.len < l->alive_bytes + LINK_PROGRESS_BYTES)
        return;
    l->alive_ns = l->worker->now_ns;
    l->alive_bytes = (uint32_t)l->in.len;
}

/* Return: as link_process(). */
static bool take_read(struct link *l, uint8_t *at, size_t n)
{
    struct worker *w = l->worker;
    size_t used;

    if (at != w->read_buffer) {
        l->in.len += n;
        return link_process(l);
    }
    if (l->conn.state == CONN_AWAIT_CONNECT) {
        /* May hold a password: kept in one place, wiped there. */
        add_secret(&l->in, bytes_of(at, n));
        explicit_bzero(at, n);
        return link_process(l);
    }
    used = take_packets(l, bytes_of(at, n));
    if (l->phase == LINK_OPEN && used < n)
        buf_add(&l->in, bytes_of(at + used, n - used));
    return true;
}

/* Return: as link_process(). */
static bool took(struct link *l, uint8_t *at, size_t n)
{
    link_count_bytes(l, &l->worker->counters.bytes_received, n);
    if (l->phase == LINK_LINGERING)
        return true;
    l->heard_ns = l->worker->now_ns;
    if (!take_read(l, at, n))
        return false;
    see_progress(l);
    return true;
}

/* Of one that does not take its answers, nothing; what is left over at the end, all. */
static bool takes_more(const struct link *l)
{
    return l->phase == LINK_LINGERING || (link_may_process(l) && !link_owes_much(l));
}

/** link_read() - read what has come, within this turn, and hand over the packets */
void link_read(struct link *l)
{
    size_t budget = READ_BUDGET_BYTES;

    while (takes_more(l) && link_has_turn(l) && budget > 0) {
        size_t cap;
        size_t n = 0;
        uint8_t *at = read_place(l, &cap);

        switch (stream_read(l->stream, at, cap, &n)) {
        case STREAM_OK:
            if (!took(l, at, n))
                return;
            budget -= MIN(budget, n);
            if (n < cap && !stream_has_pending(l->stream))
                budget = 0; /* no read after a short read */
            break;
        case STREAM_AGAIN:
            budget = 0;
            break;
        case STREAM_BAD:
            if (l->phase == LINK_OPEN)
                flow_protocol_error(l, VIOLATION_MALFORMED_TRAFFIC, REASON_MALFORMED_PACKET,
                                    stream_error(l->stream));
            break;
        case STREAM_END:
            if (l->phase == LINK_OPEN)
                link_ended(l);
            else
                link_has_closed(l);
            return;
        case STREAM_FAILED:
            link_lost(l, stream_error(l->stream));
            return;
        }
    }
    if (l->phase == LINK_DOOMED)
        return;
    memory_of_link(l);
    if ((stream_has_pending(l->stream) && takes_more(l)) ||
        ((budget > 0 || l->in.len > 0) && !link_has_turn(l)))
        link_again(l);
    if (link_stream_owes(l))
        link_dirty(l);
}

/* ---- before its network connection is closed without its doing ---- */

/* Whole packets that were read are passed over, up to a DISCONNECT, which is taken.
 * Return: true if one may still come; not behind a frame that the client would be cut off for. */
static bool pass_packets(struct link *l)
{
    const size_t max = packet_max(l);
    size_t used = 0;

    while (used < l->in.len) {
        struct wire_frame f;
        enum wire_next next = wire_next(bytes_of(l->in.at + used, l->in.len - used), &f);

        if (next == WIRE_NEXT_BAD || f.len > max)
            return false;
        if (next == WIRE_NEXT_MORE)
            break;
        if (!conn_may_receive(&l->conn, f.type))
            return false;
        if (f.type == WIRE_DISCONNECT) {
            l->worker->counters.packets_received++;
            flow_packet(l, &f);
            return false;
        }
        used += f.len;
    }
    buf_drop_front(&l->in, used);
    return true;
}

/**
 * link_hear_goodbye() - take the DISCONNECT that the client has sent and the node has not come to
 *
 * It has a session, which is about to be taken over, or the node to stop.  A client that was held
 * back may have left, and be back, before all that it had sent was taken; what it said of Will and
 * session holds [MQTT5-3.1.2-10] [MQTT5-3.14.4-3] [MQTT3-3.14.4-3].  What it sent before is not
 * taken, as at each takeover: who is held back would only have to come again to be heard at once.
 *
 * It is not read to the worker's buffer: what the newcomer has sent may still be there.
 */
void link_hear_goodbye(struct link *l)
{
    enum stream_outcome outcome = STREAM_OK;
    size_t looked_at = 0;

    while (pass_packets(l) && outcome == STREAM_OK && looked_at < GOODBYE_BYTES_MAX) {
        size_t cap;
        size_t n = 0;
        uint8_t *at = own_place(l, &cap);

        outcome = stream_read(l->stream, at, cap, &n);
        l->in.len += n;
        looked_at += n;
    }
    link_count_bytes(l, &l->worker->counters.bytes_received, looked_at);
    l->worker->work_beside += looked_at / GOODBYE_WORK_BYTES;
    if (outcome == STREAM_END)
        link_has_closed(l);
    if (l->in.len == 0)
        buf_done(&l->in);
}
