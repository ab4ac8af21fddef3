/* SPDX-License-Identifier: Apache-2.0 */
/* bench.c - see bench.h */
#include "bench.h"

#include <stdlib.h>

#include "base/mem.h"

const struct session_limits bench_limits = {
    .queue = {.messages_max = 1000, .bytes_max = 1 << 20},
    .inflight_max = 10,
};

void agree(struct bench *b, enum wire_level level, uint16_t receive_max, uint32_t packet_max)
{
    struct wire_connect p = {.level = (uint8_t)level};

    p.props.set = BIT64(PROP_RECEIVE_MAX) | BIT64(PROP_PACKET_MAX);
    p.props.receive_max = receive_max;
    p.props.packet_max = packet_max;
    conn_init(&b->conn, &b->out);
    conn_become(&b->conn, CONN_AUTHENTICATING);
    conn_agree(&b->conn, &p, 5, 4, 4);
    conn_become(&b->conn, CONN_ACTIVE);
    session_attach(b->session, &b->conn, &bench_limits);
}

struct bench *bench_new(enum wire_level level, uint8_t qos)
{
    struct bench *b = mem_new(struct bench);

    b->session = session_new(BYTES("me"), &bench_limits);
    b->session->is_persistent = true;
    b->sub.qos = qos;
    b->subs[0] = &b->sub;
    b->receiver = (struct receiver){&b->session->subscriber, b->subs, 1};
    agree(b, level, 65535, 1 << 20);
    return b;
}

void cut(struct bench *b)
{
    session_detach(b->session);
    conn_done(&b->conn);
    b->out.len = 0;
    b->read_at = 0;
}

void bench_free(struct bench *b)
{
    cut(b);
    session_free(b->session);
    buf_done(&b->out);
    free(b);
}

enum session_offered offer_at(struct bench *b, const char *payload, uint8_t qos,
                              uint64_t expires_ns, uint64_t now_ns)
{
    struct publication p = {
        .topic = BYTES("t"),
        .payload = bytes_str(payload),
        .qos = qos,
        .retain = true,
        .expires_ns = expires_ns,
        .publisher = client_key(BYTES("other")),
    };
    enum session_offered how = session_offer(b->session, &p, &b->receiver, now_ns);

    publication_done(&p);
    session_pump(b->session, now_ns);
    return how;
}

enum session_offered offer(struct bench *b, const char *payload, uint8_t qos)
{
    return offer_at(b, payload, qos, EXPIRES_NEVER, 0);
}

bool next_frame(struct bench *b, struct wire_frame *f)
{
    if (wire_next(bytes_of(b->out.at + b->read_at, b->out.len - b->read_at), f) != WIRE_NEXT_PACKET)
        return false;
    b->read_at += f->len;
    return true;
}

struct wire_publish sent_publish(struct bench *b)
{
    struct wire_frame f;
    struct wire_publish p;

    assert_true(next_frame(b, &f));
    assert_int_equal(f.type, WIRE_PUBLISH);
    assert_int_equal(wire_decode_publish(f.flags, f.body, b->conn.level, &p), WIRE_OK);
    return p;
}

void assert_sent(struct bench *b, const char *payload, uint8_t qos, uint16_t id, bool dup)
{
    struct wire_publish p = sent_publish(b);

    assert_bytes_equal(p.payload, bytes_str(payload));
    assert_int_equal(p.qos, qos);
    assert_int_equal(p.packet_id, id);
    assert_int_equal(p.dup, dup);
}

void assert_sent_ack(struct bench *b, enum wire_type type, uint16_t id, uint8_t reason)
{
    struct wire_frame f;
    struct wire_ack a;

    assert_true(next_frame(b, &f));
    assert_int_equal(f.type, type);
    assert_int_equal(wire_decode_ack(type, f.flags, f.body, b->conn.level, &a), WIRE_OK);
    assert_int_equal(a.packet_id, id);
    assert_int_equal(a.reason, reason);
}

void assert_nothing_sent(struct bench *b)
{
    assert_int_equal(b->read_at, b->out.len);
}

bool ack_at(struct bench *b, enum wire_type type, uint16_t id, uint8_t reason, uint64_t now_ns)
{
    struct wire_ack a = {.packet_id = id, .reason = reason};
    bool fits = session_receive_ack(b->session, type, &a);

    session_pump(b->session, now_ns);
    return fits;
}

bool ack(struct bench *b, enum wire_type type, uint16_t id, uint8_t reason)
{
    return ack_at(b, type, id, reason, 0);
}
