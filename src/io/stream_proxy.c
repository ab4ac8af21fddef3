/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/stream_proxy.c - the PROXY header that stands before all else on a connection from a proxy
 *
 * Not a byte behind it is taken off the socket, because TLS reads from there.
 */
#include "io/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "wire/proxy.h"

#define PEEK_BYTES 512 /* at a time; few headers are larger */

/* What waits at the socket, without taking it. */
static enum stream_outcome peek(struct stream *s, uint8_t *at, size_t cap, size_t *ret_n)
{
    ssize_t n;

    do {
        n = recv(s->fd, at, cap, MSG_PEEK);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        return STREAM_AGAIN;
    if (n < 0)
        return stream_fail(s, stream_errno_text());
    if (n == 0) {
        stream_note(s, bytes_dup_str(BYTES("closed before the PROXY header")));
        s->read_end = STREAM_END;
        return STREAM_END;
    }
    *ret_n = (size_t)n;
    return STREAM_OK;
}

/* Take @n bytes that peek() has seen; they stand at the end of what is kept already. */
static enum stream_outcome take(struct stream *s, size_t n)
{
    struct buf *b = &s->proxy->header;
    ssize_t r;

    do {
        r = recv(s->fd, b->at + b->len, n, 0);
    } while (r < 0 && errno == EINTR);
    if (r < 0)
        return stream_fail(s, stream_errno_text());
    check((size_t)r == n);
    b->len += n;
    return STREAM_OK;
}

static void learn(struct stream *s, const struct proxy_header *h)
{
    s->peer.is_proxy = !h->has_client;
    if (s->peer.is_proxy)
        return;
    snprintf(s->proxy->address, sizeof(s->proxy->address), "%s", h->address);
    s->peer.address = s->proxy->address;
    s->peer.port = h->port;
    /* The proxy's machine need not be this one. */
    s->peer.is_loopback = s->peer.is_loopback && address_is_loopback(h->address);
}

/** stream_proxy_free() - what was kept of a header; Return: NULL */
struct stream_proxy *stream_proxy_free(struct stream_proxy *p)
{
    if (p != NULL)
        buf_done(&p->header);
    free(p);
    return NULL;
}

/**
 * stream_proxy_header() - until it gives something else than STREAM_AGAIN, before
 * stream_handshake()
 *
 * Whether the peer may say who its client is has to be known before: it is believed.
 *
 * Return: STREAM_OK when stream_peer() has the client's address, or still the proxy's if that
 * speaks for itself; STREAM_BAD when something else came.
 */
enum stream_outcome stream_proxy_header(struct stream *s)
{
    struct buf *b;
    enum stream_outcome outcome = STREAM_OK;

    if (s->proxy == NULL)
        s->proxy = mem_new(struct stream_proxy);
    b = &s->proxy->header;
    while (outcome == STREAM_OK) {
        enum proxy_outcome found;
        struct proxy_header h;
        size_t n = 0;

        outcome = peek(s, buf_reserve(b, PEEK_BYTES), PEEK_BYTES, &n);
        if (outcome != STREAM_OK)
            break;
        found = proxy_header_read(bytes_of(b->at, b->len + n), &h);
        if (found == PROXY_OK) {
            outcome = take(s, h.len - b->len);
            buf_done(b);
            if (outcome == STREAM_OK)
                learn(s, &h);
            return outcome;
        }
        if (found != PROXY_MORE) {
            b->len += n; /* for stream_begun(); it is not read on */
            stream_note(s, text_dup(proxy_outcome_text(found)));
            return STREAM_BAD;
        }
        outcome = take(s, n);
    }
    return outcome;
}
