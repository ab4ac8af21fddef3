/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/stream.c - bytes over a non-blocking socket, plain here, TLS in stream_tls.c
 *
 * From below: the socket, after a PROXY header (stream_proxy.c); TLS if there is
 * some; WebSocket frames if there are some (stream_ws.c).
 *
 * A stream belongs to one thread at a time and may be handed to another; nothing
 * in it is bound to the thread that made it.  Nothing blocks and nothing raises
 * SIGPIPE.
 */
#include "io/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/address.h"
#include "io/tls.h"

/** stream_note() - keep @text, owned, for stream_error(); the first one counts */
void stream_note(struct stream *s, char *text)
{
    if (s->error == NULL)
        s->error = text;
    else
        free(text);
}

/** stream_fail() - both directions end here because of @text, owned; Return: STREAM_FAILED */
enum stream_outcome stream_fail(struct stream *s, char *text)
{
    stream_note(s, text);
    s->read_end = STREAM_FAILED;
    s->write_end = STREAM_FAILED;
    return STREAM_FAILED;
}

/** stream_errno_text() - errno in words; owned */
char *stream_errno_text(void)
{
    return text_dup(text_or_empty(strerrordesc_np(errno)));
}

/* A stream that knows its peer: as long as the text of the peer's address is. */
static struct stream *new_of_peer(int fd, const struct sockaddr_storage *a, struct tls_context *tls)
{
    char address[STREAM_ADDRESS_LEN];
    uint16_t port = sockaddr_format(a, address);
    size_t bytes = strlen(address) + 1;
    struct stream *s = mem_zero(sizeof(*s) + bytes);

    memcpy(s->address, address, bytes);
    s->fd = fd;
    s->peer.port = port;
    s->peer.address = s->address;
    s->peer.is_loopback = sockaddr_is_loopback(a);
    s->read_wants = LOOP_READ;
    if (tls != NULL) {
        s->tls = stream_tls_new(fd, tls);
        s->peer.is_tls = true;
    }
    return s;
}

/** stream_over() - as stream_new(), for either side */
struct stream *stream_over(int fd, struct tls_context *tls)
{
    struct sockaddr_storage a = {0};
    socklen_t len = sizeof(a);
    int on = 1;

    check(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    /* Not a TCP socket, or gone already: nothing to set then. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (getpeername(fd, (struct sockaddr *)&a, &len) < 0)
        a.ss_family = AF_UNSPEC; /* gone already; the first read says so */
    return new_of_peer(fd, &a, tls);
}

/* A client that does not know whom to expect would trust any server. */
static void check_is_server(struct tls_context *tls)
{
    check(tls == NULL || !tls_context_is_client(tls));
}

/**
 * stream_accept() - a stream over the next connection that waits at a listener, server side
 * @listener:  of listener_open() or listener_open_unix(), so that it is non-blocking and
 * TCP_NODELAY without another system call
 * @tls:       as of stream_new()
 *
 * Return: 0, or as listener_accept().
 */
int stream_accept(int listener, struct tls_context *tls, struct stream **ret)
{
    struct sockaddr_storage a;
    int fd;
    int r = listener_accept_from(listener, &a, &fd);

    check_is_server(tls);
    if (r < 0)
        return r;
    *ret = new_of_peer(fd, &a, tls);
    return 0;
}

/**
 * stream_new() - a stream over a connected socket, server side
 * @fd:   owned from here on; made non-blocking and, for TCP, TCP_NODELAY
 * @tls:  of tls_context_new(), referenced; NULL for plain TCP
 *
 * stream_handshake() comes next.
 */
struct stream *stream_new(int fd, struct tls_context *tls)
{
    check_is_server(tls);
    return stream_over(fd, tls);
}

/** stream_free() - close at once, without a word to the peer; Return: NULL */
struct stream *stream_free(struct stream *s)
{
    if (s == NULL)
        return NULL;
    stream_ws_free(s->ws);
    stream_tls_free(s->tls);
    close(s->fd);
    stream_proxy_free(s->proxy);
    free(s->error);
    free(s);
    return NULL;
}

/** stream_fd() - for a loop; the stream's */
int stream_fd(const struct stream *s)
{
    return s->fd;
}

/**
 * stream_handshake() - until it gives something else than STREAM_AGAIN, before reading and writing
 *
 * Return: STREAM_OK when bytes may flow and stream_peer() knows all; STREAM_END when the peer left
 *         before it said a word; STREAM_BAD when it asked a WebSocket listener for something else
 *         and has been told so: stream_flush(), stream_shutdown() and read until the end.
 */
enum stream_outcome stream_handshake(struct stream *s)
{
    enum stream_outcome outcome = STREAM_OK;

    if (s->read_end != STREAM_OK)
        return s->read_end;
    if (s->tls != NULL)
        outcome = stream_tls_handshake(s);
    if (outcome == STREAM_OK && s->ws != NULL)
        outcome = stream_ws_handshake(s);
    return outcome;
}

static enum stream_outcome plain_read(struct stream *s, void *at, size_t cap, size_t *ret_n)
{
    ssize_t n;

    do {
        n = recv(s->fd, at, cap, 0);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        return STREAM_AGAIN;
    if (n < 0)
        return stream_fail(s, stream_errno_text());
    if (n == 0) {
        s->read_end = STREAM_END;
        return STREAM_END;
    }
    *ret_n = (size_t)n;
    return STREAM_OK;
}

/** stream_lower_read() - as stream_read(), below frames */
enum stream_outcome stream_lower_read(struct stream *s, void *at, size_t cap, size_t *ret_n)
{
    return s->tls != NULL ? stream_tls_read(s, at, cap, ret_n) : plain_read(s, at, cap, ret_n);
}

/**
 * stream_read() - take what has come
 * @cap:    at least 1
 * @ret_n:  1 to @cap on STREAM_OK, otherwise untouched
 *
 * Less than @cap: there was no more, unless stream_has_pending().  The end of
 * plain TCP, a TLS close_notify, and a TLS connection that ends without one
 * (which stream_error() then says) are all STREAM_END, as is a WebSocket Close;
 * writing may go on.  After STREAM_BAD, which comes once, all else that comes is
 * thrown away until the end.
 */
enum stream_outcome stream_read(struct stream *s, void *at, size_t cap, size_t *ret_n)
{
    check(cap > 0);
    if (s->read_end != STREAM_OK) {
        s->has_news = false;
        return s->read_end;
    }
    return s->ws != NULL ? stream_ws_read(s, at, cap, ret_n) : stream_lower_read(s, at, cap, ret_n);
}

static enum stream_outcome plain_write(struct stream *s, const void *at, size_t len, size_t *ret_n)
{
    ssize_t n;

    do {
        n = send(s->fd, at, len, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno != EAGAIN) {
        /* What came before the reset can still be read: a DISCONNECT decides whether a will is
         * sent. */
        stream_note(s, stream_errno_text());
        s->write_end = STREAM_FAILED;
        s->write_wants = 0;
        return STREAM_FAILED;
    }
    s->write_wants = n < (ssize_t)len ? LOOP_WRITE : 0;
    if (n < 0)
        return STREAM_AGAIN;
    *ret_n = (size_t)n;
    return STREAM_OK;
}

/** stream_lower_write() - as stream_write(), below frames */
enum stream_outcome stream_lower_write(struct stream *s, const void *at, size_t len, size_t *ret_n)
{
    return s->tls != NULL ? stream_tls_write(s, at, len, ret_n) : plain_write(s, at, len, ret_n);
}

/**
 * stream_write() - send what the socket takes
 * @len:    at least 1
 * @ret_n:  1 to @len on STREAM_OK, otherwise untouched
 *
 * Less than @len: the socket is full, which is as good as STREAM_AGAIN; no need
 * to try again before stream_wants().  After either the next write must begin
 * with the bytes that are left over, at least as many: TLS may have sealed them,
 * and a frame has been announced with them.
 */
enum stream_outcome stream_write(struct stream *s, const void *at, size_t len, size_t *ret_n)
{
    check(len > 0);
    if (s->write_end != STREAM_OK)
        return s->write_end;
    return s->ws != NULL ? stream_ws_write(s, at, len, ret_n)
                         : stream_lower_write(s, at, len, ret_n);
}

/**
 * stream_flush() - send what a layer itself has to say: an answer, a pong
 *
 * To be called when stream_wants() has LOOP_WRITE and there is nothing else to write.
 *
 * Return: STREAM_OK when nothing is left.
 */
enum stream_outcome stream_flush(struct stream *s)
{
    if (s->write_end != STREAM_OK)
        return s->write_end;
    return s->ws != NULL ? stream_ws_flush(s) : STREAM_OK;
}

/** stream_lower_has_pending() - as stream_has_pending(), below frames */
bool stream_lower_has_pending(const struct stream *s)
{
    return s->has_news ||
           (s->tls != NULL && s->read_end == STREAM_OK && stream_tls_has_pending(s->tls));
}

/**
 * stream_has_pending() - will a read give something that the loop does not see?
 *
 * True is no promise of bytes.  After a read that gave STREAM_AGAIN it is false
 * until the socket is readable, but that a WebSocket may have read frames without
 * data and leave the rest for another turn.
 */
bool stream_has_pending(const struct stream *s)
{
    return stream_lower_has_pending(s) || (s->ws != NULL && stream_ws_has_pending(s->ws));
}

/**
 * stream_wants() - what to watch for: LOOP_READ, LOOP_WRITE or both
 *
 * For reading, and for writing if the last write did not take all.  A TLS read
 * may have to wait for LOOP_WRITE.  When anything of it is ready, call what you wait for.
 */
uint32_t stream_wants(const struct stream *s)
{
    return s->read_wants | s->write_wants;
}

/**
 * stream_shutdown() - tell the peer that no more is coming
 *
 * Writing has ended; reading goes on until the peer has closed, too.
 */
void stream_shutdown(struct stream *s)
{
    if (s->write_end == STREAM_OK) {
        if (s->ws != NULL)
            stream_ws_shutdown(s);
        if (s->tls != NULL && s->write_end == STREAM_OK)
            stream_tls_shutdown(s->tls);
        s->write_end = STREAM_END;
        s->write_wants = 0;
    }
    (void)shutdown(s->fd, SHUT_WR); /* ENOTCONN: gone already */
}

/** stream_has_context() - is it @tls that its handshake was by? */
bool stream_has_context(const struct stream *s, const struct tls_context *tls)
{
    return s->tls != NULL && stream_tls_has_context(s->tls, tls);
}

/**
 * stream_is_trusted_by() - is the certificate that the peer showed still good?
 * @tls:  of tls_context_new(): certificates and CRL as they are now
 *
 * A connection outlives its handshake; what was revoked since then has to be asked for.  Of who
 * has been let in a list that is out of date says whom it names, and nothing of the others.
 * MQ.RS.RP-01
 *
 * Return: true also when it showed none.
 */
bool stream_is_trusted_by(const struct stream *s, const struct tls_context *tls)
{
    return !s->peer.has_certificate || stream_tls_is_trusted_by(s->tls, tls);
}

/** stream_renegotiate() - see io.h */
enum stream_outcome stream_renegotiate(struct stream *s)
{
    return s->tls != NULL ? stream_tls_renegotiate(s) : STREAM_FAILED;
}

/** stream_crypto() - see io.h; asks TLS each time, so that nothing of it is kept for a connection
 */
bool stream_crypto(const struct stream *s, struct stream_crypto *ret)
{
    *ret = (struct stream_crypto){0};
    if (s->tls == NULL)
        return false;
    stream_tls_crypto(s->tls, ret);
    return true;
}

/** stream_channel() - see io.h; after the handshake; who has TLS ended before us has none */
bool stream_channel(const struct stream *s, uint8_t ret[STREAM_CHANNEL_BYTES])
{
    return s->tls != NULL && stream_tls_channel(s->tls, ret);
}

/** stream_peer() - who is there; borrowed; after stream_handshake() all is known */
const struct stream_peer *stream_peer(const struct stream *s)
{
    return &s->peer;
}

/**
 * stream_begun() - what has come in place of a PROXY header or a WebSocket request
 *
 * After STREAM_BAD of stream_proxy_header() or stream_handshake(); borrowed until the next read.
 */
struct bytes stream_begun(const struct stream *s)
{
    if (s->proxy != NULL && s->proxy->header.len > 0)
        return buf_view(&s->proxy->header);
    return s->ws != NULL ? stream_ws_begun(s->ws) : BYTES_NONE;
}

/** stream_error() - why it failed, or how it ended; borrowed; "" when there is nothing to say */
const char *stream_error(const struct stream *s)
{
    return text_or_empty(s->error);
}
