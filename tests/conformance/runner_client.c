/* SPDX-License-Identifier: Apache-2.0 */
/* conformance/runner_client.c - network connections to the broker */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "runner.h"

#define READ_BYTES 65536

/** client_named() - the client of this name; made, without a connection, unless it @must_exist */
struct client *client_named(struct script *s, const char *name, bool must_exist)
{
    struct client *c = s->clients;

    while (c != NULL && strcmp(c->name, name) != 0)
        c = c->next;
    if (c != NULL)
        return c;
    if (must_exist || strlen(name) >= CLIENT_NAME_MAX)
        script_fail(s, "no client \"%s\"", name);
    c = mem_new(struct client);
    snprintf(c->name, sizeof(c->name), "%s", name);
    c->fd = -1;
    c->level = LEVEL_5;
    c->max_packet = UINT64_MAX;
    c->problem_wanted = true;
    c->next = s->clients;
    s->clients = c;
    return c;
}

/** client_open() - a new network connection; nothing is left of the last one
 * @w:  the line's words, for the request of a WebSocket; NULL: it asks for nothing special
 */
void client_open(struct script *s, struct client *c, const struct words *w)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    const int on = 1;
    int err = getaddrinfo(s->host, s->port, &hints, &found);

    if (err != 0)
        script_fail(s, "%s: %s", s->host, gai_strerror(err));
    client_close(c, false);
    c->fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, found->ai_addr, found->ai_addrlen) != 0)
        script_fail(s, "connect to %s:%s: %s", s->host, s->port, strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    freeaddrinfo(found);
    c->in.len = c->raw.len = c->held.len = 0;
    c->is_ws = c->holds = c->one_message = c->has_close_code = false;
    c->cut = 0;
    c->events = NULL;
    c->connack_seen = c->disconnect_seen = false;
    for (size_t i = 0; i < COUNT_OF(c->aliases); i++)
        c->aliases[i].len = 0;
    if (s->ws_path != NULL)
        ws_open(s, c, w);
}

/** client_close() - by FIN, or @by_reset; what has arrived stays readable for expect */
void client_close(struct client *c, bool by_reset)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};

    if (c->fd < 0)
        return;
    if (by_reset)
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(c->fd);
    c->fd = -1;
}

/** client_send() - all of @packet, in frames if they are spoken */
void client_send(struct script *s, struct client *c, struct bytes packet)
{
    struct buf framed = {0};

    if (!c->is_ws) {
        client_send_bytes(s, c, packet);
        return;
    }
    ws_wrap(c, packet, &framed);
    client_send_bytes(s, c, buf_view(&framed));
    buf_done(&framed);
}

/** client_send_bytes() - as they are; a broker that has closed is noticed by the next expect */
void client_send_bytes(struct script *s, struct client *c, struct bytes packet)
{
    struct pollfd p = {.fd = c->fd, .events = POLLOUT};

    if (c->fd < 0)
        script_fail(s, "client %s has no connection", c->name);
    while (packet.len > 0) {
        ssize_t n = send(c->fd, packet.at, packet.len, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n > 0) {
            packet = bytes_of(packet.at + n, packet.len - (size_t)n);
        } else if (errno == EAGAIN) {
            if (clock_now_ns() > s->end_ns)
                script_fail(s, "the broker does not read");
            poll(&p, 1, 100);
        } else if (errno != EINTR) {
            return;
        }
    }
}

static void append(struct client *c, struct event *e)
{
    struct event **at = &c->events;

    while (*at != NULL)
        at = &(*at)->next;
    *at = e;
}

static const struct event *last_event(const struct client *c)
{
    const struct event *e = c->events;

    while (e != NULL && e->next != NULL)
        e = e->next;
    return e;
}

static void show(const struct script *s, const struct client *c, const struct event *e)
{
    struct buf text = {0};

    if (!s->verbose)
        return;
    event_describe(e, &text);
    fprintf(stderr, "%s:%u: %s < %.*s\n", s->path, s->line, c->name, BYTES_ARG(buf_view(&text)));
    buf_done(&text);
}

/* A whole packet at the front of the input, if there is one. */
static bool next_packet(struct script *s, struct client *c)
{
    struct cursor cursor = {.rest = buf_view(&c->in)};
    struct event *e;
    const char *wrong;
    uint8_t first;
    size_t len, head;

    first = cursor_u8(&cursor);
    for (head = 1; head < c->in.len && c->in.at[head] & 0x80; head++)
        ;
    if (head >= c->in.len)
        return false;
    len = cursor_varint(&cursor);
    if (cursor.wrong != NULL)
        script_fail(s, "%s got a packet whose length is wrong: %s", c->name, cursor.wrong);
    if (cursor.rest.len < len)
        return false;
    e = mem_new(struct event);
    e->at_ns = clock_now_ns();
    wrong = packet_parse(c, first, cursor_take(&cursor, len), e);
    event_add_number(e, "bytes", head + 1 + len);
    show(s, c, e);
    if (wrong == NULL)
        wrong = packet_legal(c, e);
    if (wrong != NULL)
        script_fail(s, "%s got %s: %s", c->name, packet_type_name(first >> 4), wrong);
    append(c, e);
    buf_drop_front(&c->in, c->in.len - cursor.rest.len);
    return true;
}

/** client_event() - something happened now; fields are added to what is returned */
struct event *client_event(struct client *c, enum packet_type type)
{
    struct event *e = mem_new(struct event);

    e->type = type;
    e->at_ns = clock_now_ns();
    append(c, e);
    return e;
}

static void broker_closed(struct script *s, struct client *c)
{
    struct event *e = client_event(c, PACKET_NONE);

    if (c->has_close_code)
        event_add_number(e, "code", c->close_code);
    show(s, c, e);
    client_close(c, false);
}

/**
 * client_read() - what the broker sends next, or that it has closed
 *
 * Return: false if nothing came before @until_ns.
 */
bool client_read(struct script *s, struct client *c, uint64_t until_ns)
{
    struct buf *to = s->ws_path != NULL ? &c->raw : &c->in;

    while (c->fd >= 0) {
        struct pollfd p = {.fd = c->fd, .events = POLLIN};
        uint64_t now_ns = clock_now_ns();
        ssize_t n;

        if (now_ns >= until_ns)
            return false;
        if (poll(&p, 1, (int)((until_ns - now_ns) / NS_PER_MS) + 1) <= 0)
            continue;
        n = recv(c->fd, buf_reserve(to, READ_BYTES), READ_BYTES, 0);
        if (n > 0)
            to->len += (size_t)n;
        else if (n == 0 || errno != EINTR)
            broker_closed(s, c);
        return true;
    }
    return false;
}

/**
 * client_wait() - until something more happens on the connection
 *
 * Return: false if nothing did before @until_ns, or can any more.
 */
bool client_wait(struct script *s, struct client *c, uint64_t until_ns)
{
    while (c->fd >= 0) {
        const struct event *last = last_event(c);

        if (c->is_ws)
            ws_unwrap(s, c);
        if (last_event(c) != last || next_packet(s, c))
            return true;
        if (!client_read(s, c, until_ns))
            return false;
        if (c->fd < 0)
            return true;
    }
    return false;
}
