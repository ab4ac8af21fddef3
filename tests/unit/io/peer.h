/* SPDX-License-Identifier: Apache-2.0 */
/* peer.h - the other side of a stream: OpenSSL as it comes, on memory, moved by the test */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "io/io.h"

#define STEPS_MAX 100000 /* of a handshake, a byte a step */

/* What the peer does; zero: a client that trusts the test CA and shows nothing. */
struct manner {
    const char *certificate; /* FILE of FILE.crt and FILE.key */
    const char *ca;          /* NULL: ca.crt */
    int version_max;         /* 0: what OpenSSL likes */
    const char *ciphers;     /* of TLS 1.2 */
    const char *groups;
    const char *alpn; /* with lengths */
    const char *sni;
    SSL_SESSION *session; /* to resume */
};

struct peer {
    int fd; /* owned */
    SSL_CTX *ctx;
    SSL *ssl;
    BIO *in, *out; /* of @ssl */
};

/* poll() for at most 10 s, which is never reached unless something is broken. */
void wait_until(int fd, short events);

/* A connected pair of non-blocking sockets; of unix sockets, or by TCP over loopback. */
void pair_unix(int ret[2]);
void pair_tcp(int ret[2]);
uint16_t port_of(int listener);

struct peer *peer_new(int fd, const struct manner *m);
struct peer *peer_free(struct peer *p);
/* Moves at most @max bytes out and at most @max in.  Return: how many. */
size_t peer_move(struct peer *p, size_t max);
/* What the handshake of @s came to; at most @max bytes a step. */
enum stream_outcome shake(struct stream *s, struct peer *p, size_t max);
/* The handshake of two streams; what the server's came to, and the client's if @ret_client. */
enum stream_outcome shake_both(struct stream *server, struct stream *client,
                               enum stream_outcome *ret_client);
/* A stream with an established peer over @fds; m NULL: nothing special. */
struct stream *established(struct tls_context *c, const int fds[2], const struct manner *m,
                           struct peer **ret);
/* Sends all as TLS data. */
void peer_say(struct peer *p, const void *at, size_t len);
/* Closes it so that the other side gets a reset. */
void reset(int fd);
void write_until_it_fails(struct stream *s);
