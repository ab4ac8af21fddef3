/* SPDX-License-Identifier: Apache-2.0 */
/* ws.c - see ws.h */
#include "ws.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

const struct websocket_settings ws_settings = {.path = "/mqtt"};

void say(int fd, struct bytes what)
{
    assert_int_equal(send(fd, what.at, what.len, MSG_NOSIGNAL), what.len);
}

void expect(int fd, struct bytes what)
{
    uint8_t at[1024];

    assert_true(what.len <= sizeof(at));
    wait_until(fd, POLLIN);
    assert_int_equal(recv(fd, at, what.len, MSG_WAITALL), what.len);
    assert_memory_equal(at, what.at, what.len);
}

void add_frame(struct buf *out, unsigned first, struct bytes payload)
{
    buf_add_u8(out, (uint8_t)first);
    buf_add_u8(out, (uint8_t)(0x80 | MIN(payload.len, (size_t)126)));
    if (payload.len >= 126) {
        assert_true(payload.len < 65536);
        buf_add_u8(out, (uint8_t)(payload.len >> 8));
        buf_add_u8(out, (uint8_t)payload.len);
    }
    buf_add(out, BYTES(KEY));
    for (size_t i = 0; i < payload.len; i++)
        buf_add_u8(out, payload.at[i] ^ (uint8_t)KEY[i % 4]);
}

void say_frame(int fd, unsigned first, struct bytes payload)
{
    struct buf out = {0};

    add_frame(&out, first, payload);
    say(fd, buf_view(&out));
    buf_done(&out);
}

struct stream *opened(int *ret_fd)
{
    struct stream *s;
    int fds[2];

    pair_unix(fds);
    s = stream_new(fds[0], NULL);
    stream_expect_websocket(s, &ws_settings);
    say(fds[1], BYTES(REQUEST "\r\n"));
    assert_int_equal(stream_handshake(s), STREAM_OK);
    assert_int_equal(stream_handshake(s), STREAM_OK);
    assert_int_equal(stream_wants(s), LOOP_READ);
    expect(fds[1], BYTES(ANSWER));
    *ret_fd = fds[1];
    return s;
}

void expect_read(struct stream *s, const char *text)
{
    char at[64];
    size_t n = 0;

    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_OK);
    assert_int_equal(n, strlen(text));
    assert_memory_equal(at, text, n);
}

enum stream_outcome read_none(struct stream *s)
{
    char at[64];
    size_t n = 99;
    enum stream_outcome outcome = stream_read(s, at, sizeof(at), &n);

    assert_int_equal(n, 99);
    return outcome;
}

void drain(int fd, struct buf *ret)
{
    ssize_t n;

    while ((n = recv(fd, buf_reserve(ret, 65536), 65536, MSG_DONTWAIT)) > 0)
        ret->len += (size_t)n;
    assert_true(n == 0 || errno == EAGAIN);
}
