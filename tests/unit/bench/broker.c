/* SPDX-License-Identifier: Apache-2.0 */
/* broker.c - see broker.h; one thread, blocking writes */
#include "unit/bench/broker.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "wire/wire.h"

#define CLIENTS_MAX 32

struct client {
    int fd; /* -1: gone */
    bool has_subscribed;
    struct buf in;
};

struct state {
    struct broker *b;
    struct client clients[CLIENTS_MAX];
    size_t n_clients;
    struct buf held; /* for MISTAKE_SWAP */
    const struct client *held_from;
    unsigned n_given;
};

static void put(struct client *c, struct bytes b)
{
    while (b.len > 0 && c->fd >= 0) {
        ssize_t n = send(c->fd, b.at, b.len, MSG_NOSIGNAL);

        if (n <= 0)
            return;
        b = bytes_of(b.at + n, b.len - (size_t)n);
    }
}

static void hang_up(struct client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    buf_done(&c->in);
}

static void disconnect(struct client *c)
{
    const struct wire_disconnect d = {.reason = REASON_ADMINISTRATIVE_ACTION};
    struct buf out = {0};

    wire_encode_disconnect(&out, WIRE_DISCONNECT, &d, WIRE_V5);
    put(c, buf_view(&out));
    buf_done(&out);
}

/* Give the subscriber @to a PUBLISH of @from, well or not. */
static void give(struct state *s, struct client *to, const struct client *from, struct bytes packet)
{
    struct buf changed = {0};
    bool now = ++s->n_given == BROKER_MISTAKE_AT;

    if (s->held.len > 0 && s->held_from == from) {
        put(to, packet);
        put(to, buf_view(&s->held));
        s->held.len = 0;
        return;
    }
    switch (now ? s->b->mistake : MISTAKE_NONE) {
    case MISTAKE_LOSE:
        return;
    case MISTAKE_SWAP:
        buf_add(&s->held, packet);
        s->held_from = from;
        return;
    case MISTAKE_CHANGE:
        buf_add(&changed, packet);
        changed.at[changed.len - 1] ^= 1;
        put(to, buf_view(&changed));
        buf_done(&changed);
        return;
    case MISTAKE_DOUBLE:
        put(to, packet);
        break;
    case MISTAKE_CLOSE:
        hang_up(to);
        return;
    case MISTAKE_DISCONNECT:
        disconnect(to);
        hang_up(to);
        return;
    case MISTAKE_NONE:
    case MISTAKE_REFUSE_CONNECT:
    case MISTAKE_REFUSE_SUBSCRIBE:
        break;
    }
    put(to, packet);
}

static void take_connect(struct state *s, struct client *c)
{
    const struct wire_connack a = {
        .reason = s->b->mistake == MISTAKE_REFUSE_CONNECT ? REASON_BANNED : REASON_SUCCESS};
    struct buf out = {0};

    wire_encode_connack(&out, &a, WIRE_V5);
    put(c, buf_view(&out));
    buf_done(&out);
}

static void take_subscribe(struct state *s, struct client *c, const struct wire_frame *f)
{
    static struct wire_subscribe p;
    static struct wire_suback a;
    struct buf out = {0};

    check(wire_decode_subscribe(f->flags, f->body, WIRE_V5, &p) == WIRE_OK);
    a.packet_id = p.packet_id;
    a.n = p.n;
    for (size_t i = 0; i < p.n; i++)
        a.reason[i] =
            s->b->mistake == MISTAKE_REFUSE_SUBSCRIBE ? REASON_NOT_AUTHORIZED : REASON_SUCCESS;
    c->has_subscribed = true;
    wire_encode_suback(&out, WIRE_SUBACK, &a, WIRE_V5);
    put(c, buf_view(&out));
    buf_done(&out);
}

static void take_packet(struct state *s, struct client *c, const struct wire_frame *f,
                        struct bytes packet)
{
    switch ((int)f->type) {
    case WIRE_CONNECT:
        take_connect(s, c);
        break;
    case WIRE_SUBSCRIBE:
        take_subscribe(s, c, f);
        break;
    case WIRE_PUBLISH:
        for (size_t i = 0; i < s->n_clients; i++) {
            if (s->clients[i].has_subscribed && s->clients[i].fd >= 0)
                give(s, &s->clients[i], c, packet);
        }
        break;
    case WIRE_DISCONNECT:
        hang_up(c);
        break;
    default:
        break;
    }
}

static void take_bytes(struct state *s, struct client *c)
{
    ssize_t n = recv(c->fd, buf_reserve(&c->in, 65536), 65536, 0);
    struct wire_frame f;
    size_t at = 0;

    if (n <= 0) {
        hang_up(c);
        return;
    }
    c->in.len += (size_t)n;
    while (c->fd >= 0 &&
           wire_next(bytes_of(c->in.at + at, c->in.len - at), &f) == WIRE_NEXT_PACKET) {
        struct bytes packet = bytes_of(c->in.at + at, f.len);

        at += f.len;
        take_packet(s, c, &f, packet);
    }
    if (c->fd >= 0)
        buf_drop_front(&c->in, at);
}

static void *serve(void *arg)
{
    struct state s = {.b = arg};
    struct pollfd p[CLIENTS_MAX + 2];

    for (;;) {
        p[0] = (struct pollfd){.fd = s.b->stop[0], .events = POLLIN};
        p[1] = (struct pollfd){.fd = s.b->listener, .events = POLLIN};
        for (size_t i = 0; i < s.n_clients; i++)
            p[i + 2] = (struct pollfd){.fd = s.clients[i].fd, .events = POLLIN};
        check(poll(p, s.n_clients + 2, -1) > 0);
        if (p[0].revents != 0)
            break;
        for (size_t i = 0; i < s.n_clients; i++) {
            if (p[i + 2].revents != 0 && s.clients[i].fd >= 0)
                take_bytes(&s, &s.clients[i]);
        }
        if (p[1].revents != 0) {
            check(s.n_clients < CLIENTS_MAX);
            s.clients[s.n_clients++] = (struct client){.fd = accept(s.b->listener, NULL, NULL)};
        }
    }
    for (size_t i = 0; i < s.n_clients; i++)
        hang_up(&s.clients[i]);
    buf_done(&s.held);
    return NULL;
}

/** broker_start() - listen on a free port of 127.0.0.1, in a thread */
void broker_start(struct broker *b, enum mistake m)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);

    b->mistake = m;
    b->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(b->listener >= 0);
    check(bind(b->listener, (struct sockaddr *)&a, sizeof(a)) == 0);
    check(listen(b->listener, CLIENTS_MAX) == 0);
    check(getsockname(b->listener, (struct sockaddr *)&a, &len) == 0);
    b->port = ntohs(a.sin_port);
    check(pipe(b->stop) == 0);
    check(pthread_create(&b->thread, NULL, serve, b) == 0);
}

/** broker_stop() - close all */
void broker_stop(struct broker *b)
{
    close(b->stop[1]);
    check(pthread_join(b->thread, NULL) == 0);
    close(b->stop[0]);
    close(b->listener);
}
