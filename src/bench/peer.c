/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/peer.c - one client connection: CONNECT, SUBSCRIBE, acknowledgements
 *
 * Belongs to its driver's thread.  A connection that has to end while its packets
 * are being looked at is doomed, and buried at the end of the turn.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "bench/private.h"

#define READ_BYTES        262144
#define FILTERS_AT_ONCE   64
#define CONNECT_MS        10000
#define KEEP_ALIVE_S      3600 /* longer than any run is idle */
#define SESSION_EXPIRY_S  3600
#define PEERS_PER_ADDRESS 20000 /* of some 28,000 ports */
#define IDS_BYTES         8192
#define SUBSCRIBE_ID      1 /* nothing is published before all subscriptions stand */
#define PACKET_BYTES_MAX  (64U << 20)

/* ---- the end of a connection ---- */

static void doom(struct peer *p)
{
    if (p->state == PEER_DOOMED)
        return;
    if (p->state != PEER_UP && p->state != PEER_LEAVING)
        p->driver->n_opening--;
    p->state = PEER_DOOMED;
    list_remove(&p->link);
    list_append(&p->driver->doomed, &p->link);
}

/* It ended, though nobody asked for that. */
static void PRINTF(2, 3) lost(struct peer *p, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    bench_fail(p->driver->bench, BENCH_FAILED, "%s: %s", p->id, text);
    doom(p);
}

/** peer_bury() - close what was doomed */
void peer_bury(struct peer *p)
{
    list_remove(&p->link);
    loop_remove(p->driver->loop, &p->file);
    p->stream = stream_free(p->stream);
    p->state = PEER_CLOSED;
    p->in.len = 0;
    p->out.len = 0;
    p->out_at = 0;
    if (p->driver->crew->play->closed != NULL)
        p->driver->crew->play->closed(p);
}

/** peer_done() - free what @p owns; closes without a word; the driver's loop is at rest */
void peer_done(struct peer *p)
{
    p->stream = stream_free(p->stream);
    p->state = PEER_CLOSED;
    buf_done(&p->in);
    buf_done(&p->out);
    free(p->ids);
    free(p->held);
    p->ids = NULL;
    p->held = NULL;
}

/* ---- what is sent ---- */

/** peer_dirty() - what stands in p->out leaves at the end of the turn */
void peer_dirty(struct peer *p)
{
    if (p->state != PEER_DOOMED && !list_is_linked(&p->link))
        list_append(&p->driver->dirty, &p->link);
}

/** peer_flush() - send what the socket takes */
void peer_flush(struct peer *p)
{
    enum stream_outcome o = STREAM_OK;
    size_t n = 0;

    list_remove(&p->link);
    while (p->out_at < p->out.len && o == STREAM_OK) {
        size_t left = p->out.len - p->out_at;

        o = stream_write(p->stream, p->out.at + p->out_at, left, &n);
        if (o != STREAM_OK)
            break;
        p->out_at += n;
        if (n < left)
            o = STREAM_AGAIN;
    }
    if (o != STREAM_OK && o != STREAM_AGAIN) {
        if (p->state == PEER_LEAVING)
            doom(p);
        else
            lost(p, "the connection broke: %s", stream_error(p->stream));
        return;
    }
    loop_watch(p->driver->loop, &p->file, stream_wants(p->stream));
    if (p->out_at == p->out.len && p->out.len > 0) {
        p->out.len = 0;
        p->out_at = 0;
        if (p->state == PEER_UP && p->driver->crew->play->flushed != NULL)
            p->driver->crew->play->flushed(p);
    }
}

static void send_ack(struct peer *p, enum wire_type type, uint16_t packet_id)
{
    struct wire_ack *ack = &p->driver->ack;

    ack->packet_id = packet_id;
    wire_encode_ack(&p->out, type, ack, p->driver->bench->level);
    peer_dirty(p);
}

static void send_connect(struct peer *p)
{
    const struct bench *b = p->driver->bench;
    struct wire_connect c = {
        .level = (uint8_t)b->level,
        .clean_start = !p->resumes,
        .has_user_name = b->o.user != NULL,
        .has_password = b->password_secret != NULL,
        .keep_alive_s = KEEP_ALIVE_S,
        .client_id = bytes_str(p->id),
        .user_name = bytes_str(b->o.user),
        .password = bytes_str(b->password_secret),
    };

    if (b->level == WIRE_V5 && p->keeps_session) {
        c.props.set |= BIT64(PROP_SESSION_EXPIRY);
        c.props.session_expiry_s = SESSION_EXPIRY_S;
    } else if (p->keeps_session) {
        c.clean_start = false; /* in 3.1.1 a session is kept if none is thrown away */
    }
    p->state = PEER_GREETING;
    wire_encode_connect(&p->out, &c);
    peer_dirty(p);
}

static void subscribe_more(struct peer *p)
{
    const struct bench *b = p->driver->bench;
    struct wire_subscribe *s = p->driver->subscribe;

    if (p->n_subscribed == p->n_filters) {
        p->state = PEER_UP;
        p->driver->n_opening--;
        driver_count(p->driver, TALLY_UP, 1);
        if (p->driver->crew->play->up != NULL)
            p->driver->crew->play->up(p);
        return;
    }
    p->state = PEER_SUBSCRIBING;
    s->packet_id = SUBSCRIBE_ID;
    s->n = MIN(p->n_filters - p->n_subscribed, (size_t)FILTERS_AT_ONCE);
    for (size_t i = 0; i < s->n; i++)
        s->at[i] = (struct wire_subscription){
            .filter = p->filters[p->n_subscribed + i],
            .qos = (uint8_t)b->o.qos,
        };
    wire_encode_subscribe(&p->out, s, b->level);
    peer_dirty(p);
}

/** peer_ping() - send PINGREQ */
void peer_ping(struct peer *p)
{
    wire_encode_ping(&p->out, WIRE_PINGREQ);
    peer_dirty(p);
}

/** peer_leave() - send DISCONNECT; the broker closes */
void peer_leave(struct peer *p)
{
    const struct wire_disconnect d = {.reason = REASON_SUCCESS};

    if (p->state != PEER_UP)
        return;
    wire_encode_disconnect(&p->out, WIRE_DISCONNECT, &d, p->driver->bench->level);
    p->state = PEER_LEAVING;
    peer_dirty(p);
}

/* ---- packet ids ---- */

/** peer_take_id() - a packet id that is not in use; fewer than 65,535 are */
uint16_t peer_take_id(struct peer *p)
{
    check(p->n_ids < UINT16_MAX);
    if (p->ids == NULL)
        p->ids = mem_zero(IDS_BYTES);
    do {
        p->last_id = p->last_id == UINT16_MAX ? 1 : (uint16_t)(p->last_id + 1);
    } while ((p->ids[p->last_id >> 3] & BIT(p->last_id & 7)) != 0);
    p->ids[p->last_id >> 3] |= (uint8_t)BIT(p->last_id & 7);
    p->n_ids++;
    return p->last_id;
}

/* Return: false when it was not in use. */
static bool drop_id(struct peer *p, uint16_t id)
{
    if (p->ids == NULL || (p->ids[id >> 3] & BIT(id & 7)) == 0)
        return false;
    p->ids[id >> 3] &= (uint8_t)~BIT(id & 7);
    p->n_ids--;
    return true;
}

/* ---- what is received ---- */

static bool decoded(struct peer *p, const struct wire_frame *f, enum wire_outcome o)
{
    char why[WIRE_FAULT_TEXT_MAX];

    if (o != WIRE_OK) {
        wire_fault_text(o, f->type, why);
        lost(p, "the broker sent a packet that is not right: %s", why);
    }
    return o == WIRE_OK;
}

static void take_connack(struct peer *p, const struct wire_frame *f)
{
    struct wire_connack a;

    if (p->state != PEER_GREETING)
        return lost(p, "the broker sent a CONNACK that nobody asked for");
    if (!decoded(p, f, wire_decode_connack(f->flags, f->body, p->driver->bench->level, &a)))
        return;
    if (a.reason != REASON_SUCCESS)
        return lost(p, "the broker refuses the connection: %s", wire_reason_text(a.reason));
    p->session_present = a.session_present;
    p->receive_max =
        (a.props.set & BIT64(PROP_RECEIVE_MAX)) != 0 ? a.props.receive_max : UINT16_MAX;
    subscribe_more(p);
}

static void take_suback(struct peer *p, const struct wire_frame *f)
{
    struct wire_suback a;

    if (!decoded(p, f, wire_decode_suback(f->type, f->flags, f->body, p->driver->bench->level, &a)))
        return;
    if (p->state != PEER_SUBSCRIBING || a.packet_id != SUBSCRIBE_ID ||
        a.n != MIN(p->n_filters - p->n_subscribed, (size_t)FILTERS_AT_ONCE))
        return lost(p, "the broker sent a SUBACK that nobody asked for");
    for (size_t i = 0; i < a.n; i++) {
        if (a.reason[i] >= REASON_UNSPECIFIED_ERROR)
            return lost(p, "the broker refuses the subscription to %.*s: %s",
                        BYTES_ARG(p->filters[p->n_subscribed + i]), wire_reason_text(a.reason[i]));
    }
    p->n_subscribed += a.n;
    subscribe_more(p);
}

/* At QoS 2, one that came before is only acknowledged [MQTT5-4.3.3-10]. */
static bool is_held(struct peer *p, uint16_t id)
{
    if (p->held == NULL)
        p->held = mem_zero(IDS_BYTES);
    if ((p->held[id >> 3] & BIT(id & 7)) != 0)
        return true;
    p->held[id >> 3] |= (uint8_t)BIT(id & 7);
    return false;
}

static void take_publish(struct peer *p, const struct wire_frame *f)
{
    const struct play *play = p->driver->crew->play;
    struct wire_publish m;

    if (!decoded(p, f, wire_decode_publish(f->flags, f->body, p->driver->bench->level, &m)))
        return;
    if (play->message != NULL && (m.qos != 2 || !is_held(p, m.packet_id)))
        play->message(p, &m);
    if (m.qos > 0)
        send_ack(p, m.qos == 1 ? WIRE_PUBACK : WIRE_PUBREC, m.packet_id);
}

/* The last packet about a message that was published. */
static void settle(struct peer *p, uint16_t id, uint8_t reason)
{
    if (!drop_id(p, id))
        return lost(p, "the broker acknowledges packet %u, which is not in use", id);
    driver_count(p->driver, reason < REASON_UNSPECIFIED_ERROR ? TALLY_ACKED : TALLY_REFUSED, 1);
    if (p->driver->crew->play->acked != NULL)
        p->driver->crew->play->acked(p, reason);
}

static void take_ack(struct peer *p, const struct wire_frame *f)
{
    struct wire_ack a;

    if (!decoded(p, f, wire_decode_ack(f->type, f->flags, f->body, p->driver->bench->level, &a)))
        return;
    if (f->type == WIRE_PUBREL) {
        if (p->held != NULL)
            p->held[a.packet_id >> 3] &= (uint8_t)~BIT(a.packet_id & 7);
        send_ack(p, WIRE_PUBCOMP, a.packet_id);
    } else if (f->type == WIRE_PUBREC && a.reason < REASON_UNSPECIFIED_ERROR) {
        send_ack(p, WIRE_PUBREL, a.packet_id);
    } else {
        settle(p, a.packet_id, a.reason);
    }
}

static void take_pong(struct peer *p, const struct wire_frame *f)
{
    if (decoded(p, f, wire_decode_ping(f->flags, f->body, p->driver->bench->level)))
        driver_count(p->driver, TALLY_PONG, 1);
}

static void take_disconnect(struct peer *p, const struct wire_frame *f)
{
    struct wire_disconnect d;

    if (decoded(p, f,
                wire_decode_disconnect(f->type, f->flags, f->body, p->driver->bench->level, &d)))
        lost(p, "the broker disconnects: %s", wire_reason_text(d.reason));
}

typedef void take_fn(struct peer *p, const struct wire_frame *f);

static take_fn *const takes[16] = {
    [WIRE_CONNACK] = take_connack,
    [WIRE_PUBLISH] = take_publish,
    [WIRE_PUBACK] = take_ack,
    [WIRE_PUBREC] = take_ack,
    [WIRE_PUBREL] = take_ack,
    [WIRE_PUBCOMP] = take_ack,
    [WIRE_SUBACK] = take_suback,
    [WIRE_PINGRESP] = take_pong,
    [WIRE_DISCONNECT] = take_disconnect,
};

/* Return: how many bytes of @in were whole packets. */
static size_t take_packets(struct peer *p, struct bytes in)
{
    struct wire_frame f;
    size_t at = 0;

    while (at < in.len && p->state != PEER_DOOMED) {
        switch (wire_next(bytes_of(in.at + at, in.len - at), &f)) {
        case WIRE_NEXT_PACKET:
            at += f.len;
            if (takes[f.type] != NULL)
                takes[f.type](p, &f);
            else
                lost(p, "the broker sent a %s", wire_type_name(f.type));
            break;
        case WIRE_NEXT_MORE:
            if (f.len > PACKET_BYTES_MAX)
                lost(p, "the broker sent a packet of %zu bytes", f.len);
            return at;
        case WIRE_NEXT_BAD:
            lost(p, "the broker sent what is no packet");
            break;
        }
    }
    return at;
}

static void take_bytes(struct peer *p, struct bytes b)
{
    size_t n;

    p->driver->now_ns = clock_now_ns();
    if (p->in.len == 0) {
        n = take_packets(p, b);
        buf_add(&p->in, bytes_of(b.at + n, b.len - n));
    } else {
        buf_add(&p->in, b);
        n = take_packets(p, buf_view(&p->in));
        buf_drop_front(&p->in, n);
    }
}

static void read_some(struct peer *p)
{
    enum stream_outcome o;
    size_t n = 0;

    do {
        o = stream_read(p->stream, p->driver->read_buffer, READ_BYTES, &n);
        if (o == STREAM_OK)
            take_bytes(p, bytes_of(p->driver->read_buffer, n));
    } while (o == STREAM_OK && p->state != PEER_DOOMED && stream_has_pending(p->stream));
    if (p->state == PEER_DOOMED)
        return;
    if (o != STREAM_OK && o != STREAM_AGAIN) {
        if (p->state == PEER_LEAVING)
            doom(p);
        else
            lost(p, "the broker closed the connection%s%s",
                 *stream_error(p->stream) != '\0' ? ": " : "", stream_error(p->stream));
        return;
    }
    loop_watch(p->driver->loop, &p->file, stream_wants(p->stream));
}

/* ---- the beginning ---- */

static void go_on_with_handshake(struct peer *p)
{
    enum stream_outcome o = stream_handshake(p->stream);

    if (o != STREAM_OK && o != STREAM_AGAIN) {
        lost(p, "no TLS connection: %s", stream_error(p->stream));
        return;
    }
    if (o == STREAM_OK)
        send_connect(p);
    loop_watch(p->driver->loop, &p->file, stream_wants(p->stream));
}

static void on_ready(struct loop_file *file, uint32_t ready)
{
    struct peer *p = list_item(file, struct peer, file);

    if (p->state == PEER_DOOMED)
        return;
    if (p->state == PEER_HANDSHAKE) {
        go_on_with_handshake(p);
        return;
    }
    if ((ready & LOOP_WRITE) != 0)
        peer_dirty(p);
    read_some(p);
}

/**
 * peer_open() - connect; p->state goes on to PEER_UP by itself
 *
 * Blocks until the TCP connection stands, which on loopback is at once.
 */
void peer_open(struct peer *p)
{
    const struct bench *b = p->driver->bench;
    struct stream_target t = {
        .host = b->host_address,
        .port = (uint16_t)b->o.port,
        .tls = b->tls,
        .server_name = b->o.server_name != NULL ? b->o.server_name : b->o.host,
        .timeout_ms = CONNECT_MS,
    };
    char source[STREAM_ADDRESS_LEN];
    char *error = NULL;

    check(p->state == PEER_CLOSED);
    if (p->number >= PEERS_PER_ADDRESS && strncmp(b->host_address, "127.", 4) == 0) {
        (void)snprintf(source, sizeof(source), "127.0.0.%zu", 1 + p->number / PEERS_PER_ADDRESS);
        t.source = source;
    }
    p->n_subscribed = 0;
    p->stream = stream_connect(&t, &error);
    if (p->stream == NULL) {
        bench_fail(p->driver->bench, BENCH_UNREACHABLE, "%s", error);
        free(error);
        return;
    }
    p->state = PEER_HANDSHAKE;
    p->driver->n_opening++;
    p->file = (struct loop_file){.fd = stream_fd(p->stream), .on_ready = on_ready};
    check(loop_add(p->driver->loop, &p->file, LOOP_READ) == 0);
    go_on_with_handshake(p);
}
