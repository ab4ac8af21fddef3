/* SPDX-License-Identifier: Apache-2.0 */
/* io/connect.c - the client side's way into a stream */
#include "io/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "io/tls.h"

static int wait_until_connected(int fd, uint64_t until_ns)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int err = 0;
    socklen_t len = sizeof(err);
    uint64_t now_ns;
    int r;

    do {
        now_ns = clock_now_ns();
        if (now_ns >= until_ns)
            return -ETIMEDOUT;
        r = poll(&p, 1, (int)((until_ns - now_ns - 1) / NS_PER_MS + 1));
    } while (r == 0 || (r < 0 && errno == EINTR));
    if (r < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
        return -errno;
    return -err;
}

/* The socket speaks from @source, if there is one; a port is found when it connects. */
static int bind_source(int fd, int family, const char *source)
{
    const struct addrinfo hints = {
        .ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    struct addrinfo *a;
    int on = 1;
    int r = 0;

    if (source == NULL)
        return 0;
    if (getaddrinfo(source, NULL, &hints, &a) != 0)
        return -EADDRNOTAVAIL;
    if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) < 0 ||
        bind(fd, a->ai_addr, a->ai_addrlen) < 0)
        r = -errno;
    freeaddrinfo(a);
    return r;
}

static int connect_one(const struct addrinfo *a, const char *source, uint64_t until_ns, int *ret_fd)
{
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int r;

    if (fd < 0)
        return -errno;
    r = bind_source(fd, a->ai_family, source);
    if (r == 0 && connect(fd, a->ai_addr, a->ai_addrlen) < 0)
        r = errno == EINPROGRESS ? wait_until_connected(fd, until_ns) : -errno;
    if (r < 0) {
        close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

/* Each address of a name in turn; Return: NULL, or why it did not work, static. */
static const char *connect_any(const struct stream_target *t, uint64_t until_ns, int *ret_fd)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *all, *a;
    char service[8];
    int r;

    snprintf(service, sizeof(service), "%u", t->port);
    r = getaddrinfo(t->host, service, &hints, &all);
    if (r != 0)
        return r == EAI_SYSTEM ? strerrordesc_np(errno) : gai_strerror(r);
    r = -EADDRNOTAVAIL;
    for (a = all; a != NULL && r < 0; a = a->ai_next)
        r = connect_one(a, t->source, until_ns, ret_fd);
    freeaddrinfo(all);
    return r < 0 ? strerrordesc_np(-r) : NULL;
}

/**
 * stream_connect() - connect to a server
 * @t:          borrowed; @t->tls is referenced
 * @ret_error:  on failure, an owned text
 *
 * Return: a stream, or NULL.
 */
struct stream *stream_connect(const struct stream_target *t, char **ret_error)
{
    uint64_t until_ns = clock_now_ns() + t->timeout_ms * NS_PER_MS;
    struct buf text = {0};
    struct stream *s = NULL;
    const char *problem;
    int fd = -1;

    check(t->tls == NULL || tls_context_is_client(t->tls));
    problem = connect_any(t, until_ns, &fd);
    if (problem == NULL) {
        s = stream_over(fd, t->tls);
        if (t->tls == NULL ||
            stream_tls_expect(s->tls, t->server_name != NULL ? t->server_name : t->host))
            return s;
        problem = "the server's name is not a name";
    }
    buf_addf(&text, "cannot connect to %s port %u: %s", t->host, t->port, problem);
    *ret_error = bytes_dup_str(buf_view(&text));
    buf_done(&text);
    return stream_free(s);
}
