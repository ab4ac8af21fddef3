/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/stream.h - the inside of a stream; private to io
 *
 * Reading and writing end separately: what a peer sent before it reset the
 * connection can still be read after writing has failed.
 */
#pragma once

#include "io/io.h"

struct stream_tls;
struct stream_ws;

struct stream_proxy {
    struct buf header; /* a part of it */
    char address[STREAM_ADDRESS_LEN];
};

struct stream {
    int fd;                           /* owned */
    enum stream_outcome read_end : 8; /* STREAM_OK, or what each further read gives */
    enum stream_outcome write_end : 8;
    bool has_news;              /* read_end was set behind data; nobody heard of it yet */
    uint32_t read_wants;        /* to go on reading */
    uint32_t write_wants;       /* 0 while the socket takes what is written */
    char *error;                /* owned, the first one; NULL while there is none */
    struct stream_tls *tls;     /* owned, NULL for plain TCP */
    struct stream_ws *ws;       /* owned, NULL without frames */
    struct stream_proxy *proxy; /* owned; NULL: no PROXY header has come */
    struct stream_peer peer;    /* borrows from here, from @proxy and from @tls */
    char address[];
};

/* ---- stream.c ---- */

struct stream *stream_over(int fd, struct tls_context *tls);
void stream_note(struct stream *s, char *text);
enum stream_outcome stream_fail(struct stream *s, char *text);
char *stream_errno_text(void);
/* The socket, or TLS over it, below all other layers. */
enum stream_outcome stream_lower_read(struct stream *s, void *at, size_t cap, size_t *ret_n);
enum stream_outcome stream_lower_write(struct stream *s, const void *at, size_t len, size_t *ret_n);
bool stream_lower_has_pending(const struct stream *s);

/* ---- stream_tls.c ---- */

struct stream_tls *stream_tls_new(int fd, struct tls_context *c);
struct stream_tls *stream_tls_free(struct stream_tls *t);
bool stream_tls_expect(struct stream_tls *t, const char *server_name);
enum stream_outcome stream_tls_handshake(struct stream *s);
enum stream_outcome stream_tls_renegotiate(struct stream *s);
enum stream_outcome stream_tls_read(struct stream *s, void *at, size_t cap, size_t *ret_n);
enum stream_outcome stream_tls_write(struct stream *s, const void *at, size_t len, size_t *ret_n);
void stream_tls_crypto(const struct stream_tls *t, struct stream_crypto *ret);
bool stream_tls_channel(const struct stream_tls *t, uint8_t ret[STREAM_CHANNEL_BYTES]);
bool stream_tls_has_context(const struct stream_tls *t, const struct tls_context *c);
bool stream_tls_is_trusted_by(const struct stream_tls *t, const struct tls_context *c);
bool stream_tls_has_pending(const struct stream_tls *t);
void stream_tls_shutdown(struct stream_tls *t);

/* ---- stream_proxy.c ---- */

struct stream_proxy *stream_proxy_free(struct stream_proxy *p);

/* ---- stream_ws.c ---- */

struct stream_ws *stream_ws_free(struct stream_ws *w);
struct bytes stream_ws_begun(const struct stream_ws *w);
enum stream_outcome stream_ws_handshake(struct stream *s);
enum stream_outcome stream_ws_read(struct stream *s, void *at, size_t cap, size_t *ret_n);
enum stream_outcome stream_ws_write(struct stream *s, const void *at, size_t len, size_t *ret_n);
enum stream_outcome stream_ws_flush(struct stream *s);
bool stream_ws_has_pending(const struct stream_ws *w);
void stream_ws_shutdown(struct stream *s);
