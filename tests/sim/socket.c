/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/socket.c - TCP between the node and its clients
 *
 * What one side writes arrives at the other in order, a while later.  A client can
 * shut its sending side down, close, reset, or be cut off without anybody being told.
 * The buffer towards a client is bounded; a node that writes to a client that is gone
 * gets a reset back, and so does a client whose last bytes the node has not read when
 * it closes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "io/io.h"
#include "sim/kernel.h"
#include "sim/node.h"
#include "sim/sim.h"
#include "sim/wrap.h"

#define NS_PER_US 1000ULL

static struct socket **sockets; /* owned array */
static size_t n_sockets;
static size_t sockets_cap;

/* ---- one direction ---- */

static void pipe_done(struct pipe *p)
{
    buf_done(&p->data);
    free(p->chunks);
}

static void pipe_write(struct pipe *p, struct bytes data, uint64_t arrives_ns)
{
    struct chunk *last = p->n_chunks > 0 ? &p->chunks[p->n_chunks - 1] : NULL;

    if (last != NULL)
        arrives_ns = MAX(arrives_ns, last->arrives_ns);
    if (p->n_chunks == p->chunks_cap) {
        p->chunks_cap = p->chunks_cap > 0 ? 2 * p->chunks_cap : 16;
        p->chunks = mem_resize(p->chunks, p->chunks_cap * sizeof(*p->chunks));
    }
    buf_add(&p->data, data);
    p->chunks[p->n_chunks++] =
        (struct chunk){p->read_to + p->data.len, kernel_now_ns(), arrives_ns};
}

static void pipe_shut(struct pipe *p, uint64_t arrives_ns)
{
    if (p->is_shut)
        return;
    if (p->n_chunks > 0)
        arrives_ns = MAX(arrives_ns, p->chunks[p->n_chunks - 1].arrives_ns);
    p->is_shut = true;
    p->shut_arrives_ns = arrives_ns;
}

static size_t pipe_arrived(const struct pipe *p)
{
    uint64_t to = p->read_to;

    for (size_t i = 0; i < p->n_chunks && p->chunks[i].arrives_ns <= kernel_now_ns(); i++)
        to = p->chunks[i].end;
    return (size_t)(to - p->read_to);
}

/* Take the first @n bytes out; @ret_written_ns: when the last of them was written. */
static void pipe_read(struct pipe *p, size_t n, uint64_t *ret_written_ns)
{
    size_t gone = 0;

    p->read_to += n;
    buf_drop_front(&p->data, n);
    while (gone < p->n_chunks && p->chunks[gone].end < p->read_to)
        gone++;
    if (ret_written_ns != NULL && gone < p->n_chunks)
        *ret_written_ns = p->chunks[gone].written_ns;
    while (gone < p->n_chunks && p->chunks[gone].end <= p->read_to)
        gone++;
    p->n_chunks -= gone;
    memmove(p->chunks, p->chunks + gone, p->n_chunks * sizeof(*p->chunks));
    p->last_read_ns = kernel_now_ns();
}

/* Bytes from offset @to on are lost. */
static void pipe_cut(struct pipe *p, uint64_t to)
{
    p->data.len = (size_t)(to - p->read_to);
    while (p->n_chunks > 0 && (p->n_chunks > 1 ? p->chunks[p->n_chunks - 2].end : p->read_to) >= to)
        p->n_chunks--;
    if (p->n_chunks > 0)
        p->chunks[p->n_chunks - 1].end = to;
}

static bool pipe_shut_arrived(const struct pipe *p)
{
    return p->is_shut && p->shut_arrives_ns <= kernel_now_ns();
}

/* ---- a socket ---- */

static uint64_t arrival_ns(const struct socket *s)
{
    return kernel_now_ns() + (s->delay_us > 0 ? chance_below(s->delay_us) * NS_PER_US : 0);
}

static bool reset_arrived(const struct socket *s)
{
    return s->reset_ns != 0 && s->reset_ns <= kernel_now_ns() && !s->is_frozen;
}

static size_t space(const struct socket *s)
{
    return s->out.data.len < s->capacity ? s->capacity - s->out.data.len : 0;
}

static struct object *some_listener(uint16_t port)
{
    struct object *found = NULL;
    unsigned n = 0;

    for (int i = 0; i < 64; i++) {
        struct object *o = NULL;

        if (kernel_is_open(FD_BASE + i))
            o = object_of(FD_BASE + i);
        if (o != NULL && o->kind == OBJECT_LISTENER && o->port == port && one_in(++n))
            found = o;
    }
    return found;
}

/** socket_connect() - wait at one of the listeners on @port, as SO_REUSEPORT has it */
struct socket *socket_connect(uint16_t port)
{
    struct object *l = some_listener(port);
    struct socket *s;

    if (l == NULL)
        return NULL;
    s = mem_new(struct socket);
    s->refs = 2;
    s->number = (uint32_t)n_sockets + 1;
    s->capacity = one_in(3) ? chance_between(200, 4000) : chance_between(4000, 200000);
    s->delay_us = settings.delay_max_us > 0 ? (unsigned)chance_below(settings.delay_max_us) : 0;
    s->in.last_read_ns = kernel_now_ns();
    if (n_sockets == sockets_cap) {
        sockets_cap = sockets_cap > 0 ? 2 * sockets_cap : 64;
        sockets = mem_resize(sockets, sockets_cap * sizeof(struct socket *));
    }
    sockets[n_sockets++] = s;
    if (l->n_waiting == l->waiting_cap) {
        l->waiting_cap = l->waiting_cap > 0 ? 2 * l->waiting_cap : 8;
        l->waiting = mem_resize(l->waiting, l->waiting_cap * sizeof(struct socket *));
    }
    l->waiting[l->n_waiting++] = s;
    return s;
}

/** socket_unref() - one of the two sides is done with it; Return: NULL */
struct socket *socket_unref(struct socket *s)
{
    if (s != NULL)
        s->refs--; /* freed by sockets_end(), for its number is an index */
    return NULL;
}

/** sockets_end() - both sides are done with all of them */
void sockets_end(void)
{
    for (size_t i = 0; i < n_sockets; i++) {
        expect(sockets[i]->refs == 0, "socket %u is still referenced at the end",
               sockets[i]->number);
        pipe_done(&sockets[i]->in);
        pipe_done(&sockets[i]->out);
        free(sockets[i]);
    }
    free(sockets);
    sockets = NULL;
    n_sockets = sockets_cap = 0;
}

/** socket_send() - by the client; in pieces */
void socket_send(struct socket *s, struct bytes data)
{
    if (s->node_closed || s->in.is_shut || s->reset_ns != 0)
        return;
    while (data.len > 0) {
        size_t n = one_in(4) ? chance_between(1, data.len) : data.len;

        pipe_write(&s->in, bytes_of(data.at, n), arrival_ns(s));
        data = bytes_of(data.at + n, data.len - n);
    }
}

/** socket_arrived() - how much the client can read now */
size_t socket_arrived(const struct socket *s)
{
    return s->is_frozen ? 0 : pipe_arrived(&s->out);
}

/**
 * socket_receive() - by the client, what was written at one time
 *
 * Return: how much was appended to @ret, at most @most.
 */
size_t socket_receive(struct socket *s, size_t most, struct buf *ret, uint64_t *ret_written_ns)
{
    size_t n = MIN(most, socket_arrived(s));

    if (n == 0)
        return 0;
    n = MIN(n, (size_t)(s->out.chunks[0].end - s->out.read_to));
    buf_add(ret, bytes_of(s->out.data.at, n));
    pipe_read(&s->out, n, ret_written_ns);
    return n;
}

/** socket_at_end() - nothing more will come */
bool socket_at_end(const struct socket *s)
{
    return !s->is_frozen && s->out.data.len == 0 &&
           (pipe_shut_arrived(&s->out) || s->was_reset_by_node);
}

/** socket_shutdown_by_client() - it sends no more and reads on */
void socket_shutdown_by_client(struct socket *s)
{
    pipe_shut(&s->in, arrival_ns(s));
}

/** socket_close_by_client() - it is gone; unread bytes make the system send a reset */
void socket_close_by_client(struct socket *s)
{
    if (s->out.data.len > 0 && one_in(2))
        socket_reset_by_client(s);
    pipe_shut(&s->in, arrival_ns(s));
    s->client_gone = true;
}

/** socket_reset_by_client() - what is under way may be lost */
void socket_reset_by_client(struct socket *s)
{
    size_t arrived = pipe_arrived(&s->in);

    if (s->reset_ns != 0)
        return;
    if (one_in(2))
        pipe_cut(&s->in, s->in.read_to + chance_between(arrived, s->in.data.len));
    pipe_shut(&s->in, arrival_ns(s));
    s->reset_ns = s->in.shut_arrives_ns;
    s->client_gone = true;
}

/** socket_freeze() - the network passes nothing on, both ways */
void socket_freeze(struct socket *s)
{
    s->is_frozen = true;
    s->was_frozen = true;
}

static void delay_all(struct pipe *p)
{
    for (size_t i = 0; i < p->n_chunks; i++)
        p->chunks[i].arrives_ns = MAX(p->chunks[i].arrives_ns, kernel_now_ns());
}

/** socket_thaw() - the network is back: what was sent is repeated */
void socket_thaw(struct socket *s)
{
    s->is_frozen = false;
    delay_all(&s->in);
    delay_all(&s->out);
}

static uint64_t next_arrival_ns(const struct pipe *p)
{
    uint64_t next = UINT64_MAX;

    for (size_t i = 0; i < p->n_chunks && next == UINT64_MAX; i++) {
        if (p->chunks[i].arrives_ns > kernel_now_ns())
            next = p->chunks[i].arrives_ns;
    }
    if (p->is_shut && p->shut_arrives_ns > kernel_now_ns())
        next = MIN(next, p->shut_arrives_ns);
    return next;
}

/** sockets_next_arrival_ns() - when the next thing under way arrives */
uint64_t sockets_next_arrival_ns(void)
{
    uint64_t next = UINT64_MAX;

    for (size_t i = 0; i < n_sockets; i++) {
        const struct socket *s = sockets[i];

        if (s->refs == 0 || s->is_frozen)
            continue;
        next = MIN(next, MIN(next_arrival_ns(&s->in), next_arrival_ns(&s->out)));
        if (s->reset_ns > kernel_now_ns())
            next = MIN(next, s->reset_ns);
    }
    return next;
}

/* ---- the node's side ---- */

/** socket_ready() - as epoll reports it */
uint32_t socket_ready(const struct socket *s)
{
    uint32_t ready = 0;

    if (!s->is_frozen && (pipe_arrived(&s->in) > 0 || pipe_shut_arrived(&s->in)))
        ready |= EPOLLIN;
    if (space(s) > 0 || s->client_gone)
        ready |= EPOLLOUT;
    if (reset_arrived(s))
        ready |= EPOLLIN | EPOLLOUT | EPOLLHUP | EPOLLERR;
    if (!s->is_frozen && pipe_shut_arrived(&s->in) && s->out.is_shut)
        ready |= EPOLLHUP;
    return ready;
}

static ssize_t failed(int err)
{
    errno = err;
    return -1;
}

ssize_t __wrap_recv(int fd, void *at, size_t cap, int flags)
{
    struct socket *s = object_of(fd)->socket;
    size_t n = s->is_frozen ? 0 : MIN(pipe_arrived(&s->in), cap);

    check(flags == 0);
    if (one_in(64))
        return failed(EINTR);
    if (n > 0) {
        if (one_in(6))
            n = chance_between(1, n);
        memcpy(at, s->in.data.at, n);
        pipe_read(&s->in, n, NULL);
        return (ssize_t)n;
    }
    if (reset_arrived(s))
        return failed(ECONNRESET);
    return !s->is_frozen && pipe_shut_arrived(&s->in) ? 0 : failed(EAGAIN);
}

ssize_t __wrap_send(int fd, const void *at, size_t len, int flags)
{
    struct socket *s = object_of(fd)->socket;
    size_t n = MIN(len, space(s));

    if (node_is_dying())
        return (ssize_t)len;
    check((flags & MSG_NOSIGNAL) && len > 0 && !s->out.is_shut);
    if (one_in(64))
        return failed(EINTR);
    if (reset_arrived(s))
        return failed(one_in(2) ? EPIPE : ECONNRESET);
    if (s->client_gone) { /* the other system answers with a reset */
        if (s->reset_ns == 0 && pipe_shut_arrived(&s->in))
            s->reset_ns = arrival_ns(s) + 1;
        return (ssize_t)len;
    }
    if (n == 0) {
        s->out.was_full = true;
        return failed(EAGAIN);
    }
    if (n > 1 && one_in(6))
        n = chance_between(1, n);
    s->out.was_full |= n < len;
    pipe_write(&s->out, bytes_of(at, n), arrival_ns(s));
    return (ssize_t)n;
}

int __wrap_shutdown(int fd, int how)
{
    struct socket *s = object_of(fd)->socket;

    check(how == SHUT_WR);
    if (reset_arrived(s))
        return (int)failed(ENOTCONN);
    pipe_shut(&s->out, arrival_ns(s));
    return 0;
}

/** socket_node_closed() - what the node has not read is answered by a reset, which may overtake its
 * last words */
void socket_node_closed(struct socket *s)
{
    if (s->in.data.len > 0 && !s->client_gone) {
        if (one_in(2))
            pipe_cut(&s->out,
                     s->out.read_to + chance_between(pipe_arrived(&s->out), s->out.data.len));
        s->was_reset_by_node = true;
    }
    pipe_shut(&s->out, arrival_ns(s));
    s->node_closed = true;
    socket_unref(s);
}

int __wrap_accept4(int fd, struct sockaddr *a, socklen_t *len, int flags)
{
    struct object *l = object_of(fd);
    struct object *o;
    int new_fd;

    check(flags & SOCK_NONBLOCK);
    if (l->n_waiting == 0)
        return (int)failed(EAGAIN);
    if (one_in(200))
        return (int)failed(one_in(2) ? EMFILE : ECONNABORTED);
    new_fd = object_open(OBJECT_SOCKET);
    o = object_of(new_fd);
    o->socket = l->waiting[0];
    memmove(l->waiting, l->waiting + 1, --l->n_waiting * sizeof(struct socket *));
    check(getpeername(new_fd, a, len) == 0);
    return new_fd;
}

int __wrap_getpeername(int fd, struct sockaddr *a, socklen_t *len)
{
    const struct socket *s = object_of(fd)->socket;
    struct sockaddr_in peer = {
        .sin_family = AF_INET,
        .sin_port = htons(40000),
        .sin_addr.s_addr = htonl(0x0a000000U | s->number),
    };

    check(*len >= sizeof(peer));
    memcpy(a, &peer, sizeof(peer));
    *len = sizeof(peer);
    return 0;
}

int __wrap_setsockopt(int fd, int level, int option, const void *at, socklen_t len)
{
    (void)level, (void)option, (void)at, (void)len;
    object_of(fd);
    return 0;
}

int __wrap_fcntl64(int fd, int command, ...)
{
    (void)command;
    object_of(fd);
    return 0;
}

int __wrap_listener_open(const char *host, uint16_t port, bool reuse_port, int *ret_fd)
{
    (void)reuse_port; /* without, it is only a trial, and closed */
    check(host != NULL);
    *ret_fd = object_open(OBJECT_LISTENER);
    object_of(*ret_fd)->port = port;
    return 0;
}
