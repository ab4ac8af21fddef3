/* SPDX-License-Identifier: Apache-2.0 */
/* peer.c - see peer.h */
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/err.h>

#include "certs.h"

void wait_until(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};

    assert_int_equal(poll(&p, 1, 10000), 1);
}

void pair_unix(int ret[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ret), 0);
}

uint16_t port_of(int listener)
{
    struct sockaddr_storage a;
    socklen_t len = sizeof(a);

    assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &len), 0);
    return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
                                         : ((struct sockaddr_in *)&a)->sin_port);
}

void pair_tcp(int ret[2])
{
    struct sockaddr_in a;
    socklen_t len = sizeof(a);
    int listener;

    assert_int_equal(listener_open("127.0.0.1", 0, false, &listener), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &len), 0);
    ret[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(ret[1], (struct sockaddr *)&a, len), 0);
    assert_int_equal(fcntl(ret[1], F_SETFL, O_NONBLOCK), 0);
    wait_until(listener, POLLIN);
    assert_int_equal(listener_accept(listener, &ret[0]), 0);
    close(listener);
}

static void show(SSL_CTX *ctx, const char *certificate)
{
    char name[64];

    snprintf(name, sizeof(name), "%s.crt", certificate);
    assert_int_equal(SSL_CTX_use_certificate_chain_file(ctx, in(name)), 1);
    snprintf(name, sizeof(name), "%s.key", certificate);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, in(name), SSL_FILETYPE_PEM), 1);
}

struct peer *peer_new(int fd, const struct manner *m)
{
    struct peer *p = calloc(1, sizeof(*p));

    p->fd = fd;
    p->ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(p->ctx, 0); /* it may try what is not allowed */
    assert_int_equal(SSL_CTX_load_verify_file(p->ctx, in(m->ca != NULL ? m->ca : "ca.crt")), 1);
    SSL_CTX_set_verify(p->ctx, SSL_VERIFY_PEER, NULL);
    assert_int_equal(SSL_CTX_set_min_proto_version(p->ctx, TLS1_VERSION), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(p->ctx, m->version_max), 1);
    if (m->certificate != NULL)
        show(p->ctx, m->certificate);
    if (m->ciphers != NULL)
        assert_int_equal(SSL_CTX_set_cipher_list(p->ctx, m->ciphers), 1);
    if (m->groups != NULL)
        assert_int_equal(SSL_CTX_set1_groups_list(p->ctx, m->groups), 1);
    if (m->alpn != NULL)
        assert_int_equal(
            SSL_CTX_set_alpn_protos(p->ctx, (const void *)m->alpn, (unsigned)strlen(m->alpn)), 0);
    p->ssl = SSL_new(p->ctx);
    if (m->sni != NULL)
        assert_int_equal(SSL_set_tlsext_host_name(p->ssl, m->sni), 1);
    if (m->session != NULL)
        assert_int_equal(SSL_set_session(p->ssl, m->session), 1);
    p->in = BIO_new(BIO_s_mem());
    p->out = BIO_new(BIO_s_mem());
    SSL_set_bio(p->ssl, p->in, p->out);
    SSL_set_connect_state(p->ssl);
    return p;
}

struct peer *peer_free(struct peer *p)
{
    SSL_free(p->ssl);
    SSL_CTX_free(p->ctx);
    if (p->fd >= 0)
        close(p->fd);
    free(p);
    return NULL;
}

size_t peer_move(struct peer *p, size_t max)
{
    char buf[4096];
    size_t moved = 0;
    ssize_t n;
    int held;

    if (BIO_pending(p->out) > 0) {
        held = BIO_read(p->out, buf, (int)MIN(max, sizeof(buf)));
        n = send(p->fd, buf, (size_t)held, MSG_NOSIGNAL);
        assert_true(n == held || (n < 0 && (errno == EPIPE || errno == ECONNRESET)));
        moved += (size_t)held;
    }
    n = recv(p->fd, buf, MIN(max, sizeof(buf)), 0);
    if (n > 0) {
        assert_int_equal(BIO_write(p->in, buf, (int)n), n);
        moved += (size_t)n;
    }
    return moved;
}

/* Nothing moves: bytes are under way, or one of the two will never go on. */
static void wait_for_one(const struct stream *s, const struct peer *p)
{
    struct pollfd both[] = {{.fd = stream_fd(s), .events = POLLIN},
                            {.fd = p->fd, .events = POLLIN}};

    assert_in_range(poll(both, COUNT_OF(both), 10000), 1, 2);
}

enum stream_outcome shake(struct stream *s, struct peer *p, size_t max)
{
    enum stream_outcome outcome = stream_handshake(s);
    bool moves = true;

    for (size_t i = 0; i < STEPS_MAX && (moves || outcome == STREAM_AGAIN); i++) {
        (void)SSL_do_handshake(p->ssl);
        ERR_clear_error();
        moves = peer_move(p, max) > 0;
        if (outcome != STREAM_AGAIN)
            continue;
        assert_true(stream_wants(s) == LOOP_READ || stream_wants(s) == LOOP_WRITE);
        outcome = stream_handshake(s);
        /* A failed one leaves nothing for the next user of the thread. */
        assert_int_equal(ERR_peek_error(), 0);
        if (!moves && outcome == STREAM_AGAIN)
            wait_for_one(s, p);
    }
    return outcome;
}

enum stream_outcome shake_both(struct stream *server, struct stream *client,
                               enum stream_outcome *ret_client)
{
    struct pollfd both[] = {{.fd = stream_fd(server), .events = POLLIN},
                            {.fd = stream_fd(client), .events = POLLIN}};
    enum stream_outcome a, b;

    for (;;) {
        b = stream_handshake(client);
        a = stream_handshake(server);
        if (a != STREAM_AGAIN && b != STREAM_AGAIN)
            break;
        both[0].events = a == STREAM_AGAIN ? POLLIN : 0;
        both[1].events = b == STREAM_AGAIN ? POLLIN : 0;
        assert_in_range(poll(both, COUNT_OF(both), 10000), 1, 2);
    }
    if (ret_client != NULL)
        *ret_client = b;
    return a;
}

struct stream *established(struct tls_context *c, const int fds[2], const struct manner *m,
                           struct peer **ret)
{
    const struct manner plain = {0};
    struct stream *s = stream_new(fds[0], c);

    *ret = peer_new(fds[1], m != NULL ? m : &plain);
    assert_int_equal(shake(s, *ret, SIZE_MAX), STREAM_OK);
    assert_int_equal(SSL_is_init_finished((*ret)->ssl), 1);
    return s;
}

void peer_say(struct peer *p, const void *at, size_t len)
{
    assert_int_equal(SSL_write(p->ssl, at, (int)len), (int)len);
    while (BIO_pending(p->out) > 0)
        peer_move(p, SIZE_MAX);
}

void reset(int fd)
{
    const struct linger now = {.l_onoff = 1, .l_linger = 0};

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
    close(fd);
}

void write_until_it_fails(struct stream *s)
{
    size_t n;

    while (stream_write(s, "x", 1, &n) == STREAM_OK)
        wait_until(stream_fd(s), POLLHUP);
    assert_int_equal(stream_write(s, "x", 1, &n), STREAM_FAILED);
    assert_string_not_equal(stream_error(s), "");
}
