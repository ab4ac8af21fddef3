/* SPDX-License-Identifier: Apache-2.0 */
/* alert/talk.c - a stream as a thread uses it that may wait, with deadlines */
#include <poll.h>

#include "alert/private.h"
#include "base/clock.h"

#define READ_BYTES 4096

/* Until the stream can go on.  False: the deadline has passed. */
static bool wait_for(const struct stream *s, uint64_t deadline_ns)
{
    uint32_t wants = stream_wants(s);
    struct pollfd p = {.fd = stream_fd(s)};
    uint64_t now_ns = clock_now_ns();

    if (now_ns >= deadline_ns)
        return false;
    p.events = (short)(((wants & LOOP_READ) ? POLLIN : 0) | ((wants & LOOP_WRITE) ? POLLOUT : 0));
    (void)poll(&p, 1, (int)((deadline_ns - now_ns) / NS_PER_MS) + 1);
    return true;
}

/* What is no progress: wait for it, or say why there is none to be had. */
static bool go_on(struct stream *s, enum stream_outcome o, uint64_t deadline_ns, struct buf *why)
{
    if (o == STREAM_AGAIN) {
        if (wait_for(s, deadline_ns))
            return true;
        buf_addf(why, "no answer in time");
    } else if (o == STREAM_END) {
        buf_addf(why, "the receiver closed the connection");
    } else {
        buf_addf(why, "%s", stream_error(s));
    }
    return false;
}

/** talk_begin() - the handshake, if there is one; Return: false with @why */
bool talk_begin(struct stream *s, uint64_t deadline_ns, struct buf *why)
{
    enum stream_outcome o;

    while ((o = stream_handshake(s)) != STREAM_OK)
        if (!go_on(s, o, deadline_ns, why))
            return false;
    return true;
}

/** talk_send() - all of @what; Return: false with @why */
bool talk_send(struct stream *s, struct bytes what, uint64_t deadline_ns, struct buf *why)
{
    while (what.len > 0) {
        size_t n = 0;
        enum stream_outcome o = stream_write(s, what.at, what.len, &n);

        if (o == STREAM_OK)
            what = bytes_of(what.at + n, what.len - n);
        else if (!go_on(s, o, deadline_ns, why))
            return false;
    }
    return true;
}

/** talk_receive() - some more bytes, at least one, appended to @ret; Return: false with @why */
bool talk_receive(struct stream *s, struct buf *ret, uint64_t deadline_ns, struct buf *why)
{
    for (;;) {
        size_t n = 0;
        enum stream_outcome o = stream_read(s, buf_reserve(ret, READ_BYTES), READ_BYTES, &n);

        if (o == STREAM_OK) {
            ret->len += n;
            return true;
        }
        if (!go_on(s, o, deadline_ns, why))
            return false;
    }
}

/** talk_is_open() - has the receiver not closed it meanwhile?  What it sent is thrown away. */
bool talk_is_open(struct stream *s)
{
    uint8_t some[READ_BYTES];
    size_t n;
    enum stream_outcome o;

    do
        o = stream_read(s, some, sizeof(some), &n);
    while (o == STREAM_OK);
    return o == STREAM_AGAIN;
}
