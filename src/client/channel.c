/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client/channel.c - bytes both ways with a deadline, and one packet at a time
 *
 * While a call waits for room to write it also takes in what arrives, since a
 * server that is waiting for us to read may not read from us.
 */
#include "client/client_private.h"

#include <errno.h>
#include <poll.h>

#include "base/clock.h"
#include "base/err.h"

#define READ_BYTES 16384

static uint64_t ping_due_ns(const struct client *c)
{
    if (c->keep_alive_ns == 0 || !c->has_connack)
        return UINT64_MAX;
    if (c->ping_ns != 0)
        return c->ping_ns + (uint64_t)client_timeout_ms(c) * NS_PER_MS;
    /* Well before the server's limit [MQTT5-3.1.2-20] [MQTT3-3.1.2-23]. */
    return c->sent_ns + c->keep_alive_ns * 3 / 4;
}

static int ms_until(uint64_t then_ns, uint64_t now_ns)
{
    uint64_t ms = then_ns > now_ns ? (then_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS : 0;

    return (int)MIN(ms, (uint64_t)INT32_MAX);
}

/** channel_due_ms() - until channel_step() has something to do by itself; -1: never */
int channel_due_ms(const struct client *c)
{
    uint64_t due_ns = ping_due_ns(c);

    return due_ns == UINT64_MAX ? -1 : ms_until(due_ns, clock_now_ns());
}

static enum client_outcome wait_ready(struct client *c, short events, uint64_t until_ns)
{
    struct pollfd p = {.fd = stream_fd(c->stream), .events = events};

    if (poll(&p, 1, ms_until(until_ns, clock_now_ns())) < 0 && errno != EINTR)
        return client_fail(c, CLIENT_E_CLOSED, 0, "poll: %s", strerrordesc_np(errno));
    return CLIENT_OK;
}

static short events_of(uint32_t wants)
{
    return (short)(((wants & LOOP_READ) ? POLLIN : 0) | ((wants & LOOP_WRITE) ? POLLOUT : 0));
}

static enum client_outcome ended(struct client *c, enum stream_outcome o)
{
    if (o == STREAM_END)
        return client_fail(c, CLIENT_E_CLOSED, 0, "the server closed the connection");
    return client_fail(c, CLIENT_E_CLOSED, 0, "the connection broke: %s", stream_error(c->stream));
}

/* Return: CLIENT_OK, also when nothing was there (@ret_n is 0). */
static enum client_outcome read_some(struct client *c, size_t *ret_n)
{
    enum stream_outcome o;
    size_t n = 0;

    buf_drop_front(&c->in, c->in_used);
    c->in_used = 0;
    if (c->in.len > CLIENT_INBOX_BYTES_MAX)
        return client_fail(c, CLIENT_E_OVERRUN, 0, "the server sends more than is read");
    o = stream_read(c->stream, buf_reserve(&c->in, READ_BYTES), READ_BYTES, &n);
    if (o != STREAM_OK && o != STREAM_AGAIN)
        return ended(c, o);
    *ret_n = o == STREAM_OK ? n : 0;
    c->in.len += *ret_n;
    return CLIENT_OK;
}

/** channel_wait() - until the stream can go on, or @deadline_ns; Return: CLIENT_OK in either case
 */
enum client_outcome channel_wait(struct client *c, uint64_t deadline_ns)
{
    return wait_ready(c, events_of(stream_wants(c->stream)), deadline_ns);
}

/**
 * channel_handshake() - TLS, if there is any
 *
 * Return: CLIENT_OK or CLIENT_E_UNREACHABLE.
 */
enum client_outcome channel_handshake(struct client *c)
{
    uint64_t deadline_ns = client_deadline_ns(c);
    enum stream_outcome o;

    while ((o = stream_handshake(c->stream)) == STREAM_AGAIN) {
        if (clock_now_ns() >= deadline_ns)
            return client_fail(c, CLIENT_E_UNREACHABLE, 0, "TLS handshake: no answer in time");
        if (channel_wait(c, deadline_ns) != CLIENT_OK)
            return CLIENT_E_UNREACHABLE;
    }
    if (o != STREAM_OK)
        return client_fail(c, CLIENT_E_UNREACHABLE, 0, "TLS handshake: %s",
                           stream_error(c->stream));
    return CLIENT_OK;
}

/**
 * channel_send() - all of @packet
 *
 * Return: CLIENT_OK, or how the connection ended.
 */
enum client_outcome channel_send(struct client *c, struct bytes packet, uint64_t deadline_ns)
{
    enum client_outcome outcome;
    size_t n_read;

    while (packet.len > 0) {
        size_t n = 0;
        enum stream_outcome o = stream_write(c->stream, packet.at, packet.len, &n);

        if (o == STREAM_OK) {
            packet = bytes_of(packet.at + n, packet.len - n);
            continue;
        }
        if (o != STREAM_AGAIN)
            return ended(c, o);
        if (clock_now_ns() >= deadline_ns)
            return client_fail(c, CLIENT_E_TIMEOUT, 0, "the server does not read");
        outcome = wait_ready(c, (short)(events_of(stream_wants(c->stream)) | POLLIN), deadline_ns);
        if (outcome == CLIENT_OK)
            outcome = read_some(c, &n_read);
        if (outcome != CLIENT_OK)
            return outcome;
    }
    c->sent_ns = clock_now_ns();
    return CLIENT_OK;
}

static enum client_outcome take_pingresp(struct client *c, const struct wire_frame *f)
{
    enum wire_outcome o = wire_decode_ping(f->flags, f->body, c->level);

    if (o != WIRE_OK)
        return client_misbehaved(c, o, f->type);
    c->ping_ns = 0;
    return CLIENT_OK;
}

/* A server of MQTT 5.0 says why it closes, section 3.14. */
static enum client_outcome take_disconnect(struct client *c, const struct wire_frame *f)
{
    struct wire_disconnect d;
    enum wire_outcome o = WIRE_E_PROTOCOL;

    if (c->level == WIRE_V5)
        o = wire_decode_disconnect(f->type, f->flags, f->body, c->level, &d);
    if (o != WIRE_OK)
        return client_misbehaved(c, o, f->type);
    return client_fail(c, CLIENT_E_CLOSED, d.reason, "closed by the server: %s%s%.*s",
                       wire_reason_text(d.reason), d.props.reason_string.len > 0 ? ": " : "",
                       BYTES_ARG(d.props.reason_string));
}

/* clang-format off */
typedef enum client_outcome take_fn(struct client *c, const struct wire_frame *f);
static take_fn *const takers[] = { /* by enum wire_type; what is missing a server may not send */
    [WIRE_CONNACK]    = client_connack,
    [WIRE_PUBLISH]    = inbox_publish,
    [WIRE_PUBACK]     = flights_acknowledge,
    [WIRE_PUBREC]     = flights_acknowledge,
    [WIRE_PUBREL]     = inbox_pubrel,
    [WIRE_PUBCOMP]    = flights_acknowledge,
    [WIRE_SUBACK]     = request_answer,
    [WIRE_UNSUBACK]   = request_answer,
    [WIRE_PINGRESP]   = take_pingresp,
    [WIRE_DISCONNECT] = take_disconnect,
    [WIRE_AUTH]       = proof_receive,
};
/* clang-format on */

/* CONNACK comes first and once; before it comes AUTH, if anything. */
static bool may_come(const struct client *c, enum wire_type type)
{
    if (type >= COUNT_OF(takers) || takers[type] == NULL)
        return false;
    return type == WIRE_AUTH ? c->scram != NULL : c->has_connack == (type != WIRE_CONNACK);
}

/* Return: CLIENT_OK after one packet, CLIENT_NOTHING when none is whole. */
static enum client_outcome take_one(struct client *c)
{
    struct bytes in = bytes_of(c->in.at + c->in_used, c->in.len - c->in_used);
    uint32_t packet_max = c->s.packet_max != 0 ? c->s.packet_max : CLIENT_PACKET_MAX;
    struct wire_frame f;
    enum wire_next next = wire_next(in, &f);

    if (next == WIRE_NEXT_BAD)
        return client_misbehaved(c, WIRE_E_MALFORMED, 0);
    if (f.len > packet_max)
        return client_fail(c, CLIENT_E_OVERRUN, 0, "a packet of %zu bytes; at most %u are taken",
                           f.len, packet_max);
    if (next == WIRE_NEXT_MORE)
        return CLIENT_NOTHING;
    c->in_used += f.len; /* the bytes stay until the next read */
    if (!may_come(c, f.type))
        return client_misbehaved(c, WIRE_E_PROTOCOL, f.type);
    return takers[f.type](c, &f);
}

/* PINGREQ when it is due, and an end when the last one was not answered. */
static enum client_outcome keep_alive(struct client *c, uint64_t now_ns)
{
    if (now_ns < ping_due_ns(c))
        return CLIENT_OK;
    if (c->ping_ns != 0)
        return client_fail(c, CLIENT_E_TIMEOUT, 0, "no answer to a ping");
    c->ping_ns = now_ns;
    c->out.len = 0;
    wire_encode_ping(&c->out, WIRE_PINGREQ);
    return channel_send(c, buf_view(&c->out), client_deadline_ns(c));
}

/**
 * channel_step() - handle one packet, waiting for it until @deadline_ns
 *
 * Return: CLIENT_OK, CLIENT_NOTHING when none came, or how the connection ended.
 */
enum client_outcome channel_step(struct client *c, uint64_t deadline_ns)
{
    for (;;) {
        enum client_outcome o = take_one(c);
        size_t n = 0;

        if (o != CLIENT_NOTHING)
            return o;
        o = read_some(c, &n);
        if (o != CLIENT_OK)
            return o;
        if (n > 0)
            continue;
        o = keep_alive(c, clock_now_ns());
        if (o != CLIENT_OK)
            return o;
        if (clock_now_ns() >= deadline_ns)
            return CLIENT_NOTHING;
        o = channel_wait(c, MIN(deadline_ns, ping_due_ns(c)));
        if (o != CLIENT_OK)
            return o;
    }
}
