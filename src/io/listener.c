/* SPDX-License-Identifier: Apache-2.0 */
/* io/listener.c - sockets that clients come in by: streams [MQTT5-4.2.0-1] [MQTT3-7.1.1-1] */
#include "io/io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "io/address.h"

#define BACKLOG_MAX 4096 /* the kernel takes the lower of this and net.core.somaxconn */

static int resolve(const char *host, uint16_t port, struct addrinfo **ret)
{
    const struct addrinfo hints = {
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
    };
    char service[8];
    int r;

    snprintf(service, sizeof(service), "%u", port);
    r = getaddrinfo(host, service, &hints, ret);
    if (r == EAI_SYSTEM)
        return err_origin(-errno);
    return r != 0 ? err_origin(-EADDRNOTAVAIL) : 0;
}

static int set_on(int fd, int level, int option)
{
    int on = 1;

    return setsockopt(fd, level, option, &on, sizeof(on)) < 0 ? -errno : 0;
}

static int bind_and_listen(int fd, const struct addrinfo *a, bool reuse_port)
{
    int r = set_on(fd, SOL_SOCKET, SO_REUSEADDR);

    if (r == 0) /* whom it accepts inherits that */
        r = set_on(fd, IPPROTO_TCP, TCP_NODELAY);
    if (r == 0 && reuse_port)
        r = set_on(fd, SOL_SOCKET, SO_REUSEPORT);
    if (r == 0 && a->ai_family == AF_INET6)
        r = set_on(fd, IPPROTO_IPV6, IPV6_V6ONLY);
    if (r == 0 && (bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, BACKLOG_MAX) < 0))
        r = -errno;
    return r;
}

/**
 * listener_open() - bind to an address and listen
 * @host:        an address, or a name, of which the first address is used
 * @port:        0: the kernel chooses
 * @reuse_port:  others may listen at the same address; the kernel spreads the clients
 * @ret_fd:      non-blocking, closed on exec; the caller's
 *
 * A "::" takes IPv6 only; IPv4 needs a listener of its own.
 *
 * Return: 0 or -errno: -EADDRINUSE, -EACCES, -EADDRNOTAVAIL (also for a name that is not known),
 * ...
 */
int listener_open(const char *host, uint16_t port, bool reuse_port, int *ret_fd)
{
    struct addrinfo *a;
    int r = resolve(host, port, &a);
    int fd;

    if (r < 0)
        return err_trace(r);
    fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    r = fd < 0 ? -errno : bind_and_listen(fd, a, reuse_port);
    freeaddrinfo(a);
    if (r < 0) {
        if (fd >= 0)
            close(fd);
        return err_origin(r);
    }
    *ret_fd = fd;
    return 0;
}

/* A socket that nobody listens on is what a process that was killed left behind. */
static int remove_stale(const struct sockaddr_un *a)
{
    struct stat st;
    int fd, r;

    if (lstat(a->sun_path, &st) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(st.st_mode))
        return -EEXIST;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    r = connect(fd, (const struct sockaddr *)a, sizeof(*a)) < 0 ? -errno : 0;
    close(fd);
    if (r != -ECONNREFUSED)
        return -EADDRINUSE;
    return unlink(a->sun_path) < 0 ? -errno : 0;
}

/* The mode is set before the socket has a name (fchmod() on a socket is what bind() makes the file
 * with), so at no time can more users connect than in the end; chmod() then undoes the umask. */
static int bind_unix(int fd, const struct sockaddr_un *a, unsigned mode)
{
    if (fchmod(fd, mode) < 0 || bind(fd, (const struct sockaddr *)a, sizeof(*a)) < 0)
        return -errno;
    if (chmod(a->sun_path, mode) < 0 || listen(fd, BACKLOG_MAX) < 0) {
        int r = -errno;

        unlink(a->sun_path);
        return r;
    }
    return 0;
}

/**
 * listener_open_unix() - listen on a socket in the file system
 * @path:    a socket that nobody listens on is replaced; the caller unlinks it in the end
 * @mode:    permission bits; who may write may connect
 * @ret_fd:  non-blocking, closed on exec; the caller's
 *
 * Return: 0 or -errno: -EADDRINUSE (someone listens), -EEXIST (not a socket), -ENAMETOOLONG, ...
 */
int listener_open_unix(const char *path, unsigned mode, int *ret_fd)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd, r;

    if (strlen(path) >= sizeof(a.sun_path))
        return err_origin(-ENAMETOOLONG);
    memcpy(a.sun_path, path, strlen(path) + 1);
    r = remove_stale(&a);
    if (r < 0)
        return err_origin(r);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_origin(-errno);
    r = bind_unix(fd, &a, mode);
    if (r < 0) {
        close(fd);
        return err_origin(r);
    }
    *ret_fd = fd;
    return 0;
}

/* Errors of the connection that is taken, not of the listener: accept(2), "Error handling". */
static bool is_of_one_connection(int err)
{
    return err == ECONNABORTED || err == EINTR || err == EPROTO || err == ENETDOWN ||
           err == ENOPROTOOPT || err == EHOSTDOWN || err == ENONET || err == EHOSTUNREACH ||
           err == EOPNOTSUPP || err == ENETUNREACH;
}

/**
 * listener_accept() - take the next client that waits
 * @ret_fd:  non-blocking, closed on exec; the caller's
 *
 * Clients that left while they waited are passed over.  On -EMFILE and the like
 * the client waits on, and the listener stays readable: stop watching it for a while.
 *
 * Return: 0, -EAGAIN when none waits, -EMFILE, -ENFILE, -ENOBUFS or -ENOMEM.
 */
int listener_accept(int fd, int *ret_fd)
{
    struct sockaddr_storage peer;

    return listener_accept_from(fd, &peer, ret_fd);
}

/** listener_accept_from() - listener_accept(); @ret_peer is the client's address */
int listener_accept_from(int fd, struct sockaddr_storage *ret_peer, int *ret_fd)
{
    socklen_t len;
    int r;

    *ret_peer = (struct sockaddr_storage){0};
    do {
        len = sizeof(*ret_peer);
        r = accept4(fd, (struct sockaddr *)ret_peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (r < 0 && is_of_one_connection(errno));
    if (r < 0)
        return errno == EAGAIN ? -EAGAIN : err_origin(-errno);
    *ret_fd = r;
    return 0;
}

/** address_is_loopback() - is @host 127.0.0.0/8, ::1 or localhost?  Nothing is looked up. */
bool address_is_loopback(const char *host)
{
    struct sockaddr_storage a = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&a;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a;

    if (strcasecmp(host, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1)
        a.ss_family = AF_INET;
    else if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1)
        a.ss_family = AF_INET6;
    return sockaddr_is_loopback(&a);
}
