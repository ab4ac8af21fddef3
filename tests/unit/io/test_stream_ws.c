/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes over WebSocket streams, plain and over TLS. */
#include "certs.h"
#include "peer.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define BIG_BYTES (3U << 20) /* more than the buffers of two sockets */
#define KEY       "\x37\xfa\x21\x3d"
#define REQUEST                                                                                    \
    "GET /mqtt HTTP/1.1\r\nHost: node.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"    \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"                 \
    "Sec-WebSocket-Protocol: mqtt\r\n"
#define ANSWER                                                                                     \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"            \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"

static const struct websocket_settings settings = {.path = "/mqtt", .frame_bytes_max = BIG_BYTES};

static struct tls_context *server_tls;

static int setup(void **state)
{
    struct tls_settings s;
    char *error = NULL;

    if (certs_setup(state) != 0)
        return -1;
    s = (struct tls_settings){
        .certificate = in("server.crt"), .key = in("server.key"), .version_min = 0x0303};
    server_tls = tls_context_new(&s, &error);
    return server_tls != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    tls_context_unref(server_tls);
    return certs_teardown(state);
}

static void say(int fd, struct bytes what)
{
    assert_int_equal(send(fd, what.at, what.len, MSG_NOSIGNAL), what.len);
}

static void expect(int fd, struct bytes what)
{
    uint8_t at[1024];

    assert_true(what.len <= sizeof(at));
    wait_until(fd, POLLIN);
    assert_int_equal(recv(fd, at, what.len, MSG_WAITALL), what.len);
    assert_memory_equal(at, what.at, what.len);
}

/* A frame from a client, the key in front of what it masks. */
static void add_frame(struct buf *out, unsigned first, struct bytes payload)
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

static void say_frame(int fd, unsigned first, struct bytes payload)
{
    struct buf out = {0};

    add_frame(&out, first, payload);
    say(fd, buf_view(&out));
    buf_done(&out);
}

/* A stream whose peer at @ret_fd has opened the WebSocket. */
static struct stream *opened(int *ret_fd)
{
    struct stream *s;
    int fds[2];

    pair_unix(fds);
    s = stream_new(fds[0], NULL);
    stream_expect_websocket(s, &settings);
    say(fds[1], BYTES(REQUEST "\r\n"));
    assert_int_equal(stream_handshake(s), STREAM_OK);
    assert_int_equal(stream_handshake(s), STREAM_OK);
    assert_int_equal(stream_wants(s), LOOP_READ);
    expect(fds[1], BYTES(ANSWER));
    *ret_fd = fds[1];
    return s;
}

static void expect_read(struct stream *s, const char *text)
{
    char at[64];
    size_t n = 0;

    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_OK);
    assert_int_equal(n, strlen(text));
    assert_memory_equal(at, text, n);
}

static enum stream_outcome read_none(struct stream *s)
{
    char at[64];
    size_t n = 99;
    enum stream_outcome outcome = stream_read(s, at, sizeof(at), &n);

    assert_int_equal(n, 99);
    return outcome;
}

/* ---- the opening ---- */

static void a_request_is_answered_and_bytes_go_both_ways(void **state)
{
    struct stream *s;
    size_t n;
    int fd;

    (void)state;
    s = opened(&fd);
    assert_int_equal(read_none(s), STREAM_AGAIN);
    say_frame(fd, 0x82, BYTES("hello"));
    expect_read(s, "hello");
    assert_int_equal(stream_write(s, "and you", 7, &n), STREAM_OK);
    assert_int_equal(n, 7);
    expect(fd, BYTES("\x82\x07"
                     "and you"));
    assert_false(stream_has_pending(s));
    stream_free(s);
    close(fd);
}

static void a_request_may_come_in_pieces_and_with_frames_behind_it(void **state)
{
    struct buf all = {0};
    struct stream *s;
    int fds[2];

    (void)state;
    buf_add(&all, BYTES(REQUEST "\r\n"));
    pair_unix(fds);
    s = stream_new(fds[0], NULL);
    stream_expect_websocket(s, &settings);
    for (size_t i = 0; i < all.len - 1; i++) {
        assert_int_equal(stream_handshake(s), STREAM_AGAIN);
        assert_int_equal(stream_wants(s), LOOP_READ);
        say(fds[1], bytes_of(all.at + i, 1));
    }
    buf_drop_front(&all, all.len - 1);
    add_frame(&all, 0x82, BYTES("one"));
    add_frame(&all, 0x82, BYTES("two"));
    say(fds[1], buf_view(&all));
    assert_int_equal(stream_handshake(s), STREAM_OK);
    assert_true(stream_has_pending(s)); /* the socket is silent */
    expect_read(s, "onetwo");
    assert_false(stream_has_pending(s));
    assert_int_equal(read_none(s), STREAM_AGAIN);
    stream_free(s);
    close(fds[1]);
    buf_done(&all);
}

static void a_request_for_something_else_is_told_and_the_rest_is_not_read(void **state)
{
    struct stream *s;
    uint8_t at[1024];
    int fds[2];

    (void)state;
    pair_unix(fds);
    s = stream_new(fds[0], NULL);
    stream_expect_websocket(s, &settings);
    say(fds[1], BYTES("GET /other HTTP/1.1\r\nHost: n\r\n\r\nand more"));
    assert_int_equal(stream_handshake(s), STREAM_BAD);
    assert_string_equal(stream_error(s), "WebSocket request refused: MQTT is at another path");
    assert_int_equal(stream_flush(s), STREAM_OK);
    expect(fds[1], BYTES("HTTP/1.1 404 Not Found\r\nConnection: close\r\n"));
    assert_int_equal(read_none(s), STREAM_AGAIN);
    say(fds[1], BYTES("what ever"));
    stream_shutdown(s);
    assert_int_equal(read_none(s), STREAM_AGAIN);
    assert_true(recv(fds[1], at, sizeof(at), 0) > 0);
    assert_int_equal(recv(fds[1], at, sizeof(at), 0), 0); /* no frame behind it */
    close(fds[1]);
    assert_int_equal(read_none(s), STREAM_END);
    stream_free(s);
}

static void who_leaves_before_a_request_is_no_failure(void **state)
{
    struct stream *s;
    int fds[2];

    (void)state;
    pair_unix(fds);
    s = stream_new(fds[0], NULL);
    stream_expect_websocket(s, &settings);
    say(fds[1], BYTES("GET "));
    close(fds[1]);
    assert_int_equal(stream_handshake(s), STREAM_END);
    assert_string_equal(stream_error(s), "closed before the WebSocket request");
    stream_free(s);
}

static void pages_may_come_from_this_machine_to_itself(void **state)
{
    static const struct {
        struct bytes request;
        enum stream_outcome outcome;
    } cases[] = {
        {BYTES(REQUEST "Origin: http://localhost:3000\r\n\r\n"), STREAM_OK},
        {BYTES(REQUEST "Origin: https://evil.example\r\n\r\n"), STREAM_BAD},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct stream *s;
        int fds[2];

        pair_tcp(fds);
        s = stream_new(fds[0], NULL);
        stream_expect_websocket(s, &settings);
        say(fds[1], cases[i].request);
        wait_until(fds[0], POLLIN);
        assert_int_equal(stream_handshake(s), cases[i].outcome);
        stream_free(s);
        close(fds[1]);
    }
}

/* ---- frames ---- */

static void frames_without_data_are_no_bytes(void **state)
{
    struct stream *s;
    int fd;

    (void)state;
    s = opened(&fd);
    say_frame(fd, 0x82, BYTES_NONE);
    assert_int_equal(read_none(s), STREAM_AGAIN);
    say_frame(fd, 0x8a, BYTES("pong"));
    assert_int_equal(read_none(s), STREAM_AGAIN);
    say(fd, BYTES("\x82\x82"));
    assert_int_equal(read_none(s), STREAM_AGAIN);
    say(fd, BYTES(KEY "\x5f"));
    expect_read(s, "h");
    say(fd, BYTES("\x93"));
    expect_read(s, "i");
    stream_free(s);
    close(fd);
}

static void a_ping_is_answered_between_frames(void **state)
{
    struct stream *s;
    size_t n;
    int fd;

    (void)state;
    s = opened(&fd);
    say_frame(fd, 0x02, BYTES("he"));
    say_frame(fd, 0x89, BYTES("ping"));
    say_frame(fd, 0x80, BYTES("llo"));
    expect_read(s, "hello");
    expect(fd, BYTES("\x8a\x04"
                     "ping"));
    assert_int_equal(stream_write(s, "x", 1, &n), STREAM_OK);
    expect(fd, BYTES("\x82\x01x"));
    stream_free(s);
    close(fd);
}

/* Write until the socket is full; Return: how many bytes went. */
static size_t fill(struct stream *s, const uint8_t *at, size_t len)
{
    size_t sum = 0;
    size_t n;

    while (sum < len && stream_write(s, at + sum, len - sum, &n) == STREAM_OK)
        sum += n;
    return sum;
}

/* What is left in a socket, until @len bytes are there or nothing comes. */
static void drain(int fd, struct buf *ret)
{
    ssize_t n;

    while ((n = recv(fd, buf_reserve(ret, 65536), 65536, MSG_DONTWAIT)) > 0)
        ret->len += (size_t)n;
    assert_true(n == 0 || errno == EAGAIN);
}

static void of_many_pings_to_a_full_socket_the_last_is_answered(void **state)
{
    struct buf big = {0}, got = {0};
    struct stream *s;
    size_t sent;
    int fd;

    (void)state;
    s = opened(&fd);
    memset(buf_reserve(&big, BIG_BYTES), 'x', BIG_BYTES);
    sent = fill(s, big.at, BIG_BYTES);
    assert_in_range(sent, 1, BIG_BYTES - 1);
    assert_int_equal(stream_wants(s), LOOP_READ | LOOP_WRITE);
    for (char c = 'a'; c <= 'z'; c++) {
        say_frame(fd, 0x89, bytes_of(&c, 1));
        assert_int_equal(read_none(s), STREAM_AGAIN);
    }
    while (sent < BIG_BYTES) {
        drain(fd, &got);
        sent += fill(s, big.at + sent, BIG_BYTES - sent);
    }
    drain(fd, &got);
    while (stream_flush(s) == STREAM_AGAIN)
        drain(fd, &got);
    drain(fd, &got);
    assert_int_equal(stream_wants(s), LOOP_READ);
    assert_int_equal(got.len, 10 + BIG_BYTES + 3);
    assert_memory_equal(got.at + 10 + BIG_BYTES, "\x8a\x01z", 3);
    stream_free(s);
    close(fd);
    buf_done(&big);
    buf_done(&got);
}

static void a_text_frame_is_told_behind_the_data_before_it(void **state)
{
    struct stream *s;
    size_t n;
    int fd;

    (void)state;
    s = opened(&fd);
    say_frame(fd, 0x82, BYTES("good"));
    say_frame(fd, 0x81, BYTES("bad"));
    expect_read(s, "good");
    assert_true(stream_has_pending(s));
    assert_int_equal(read_none(s), STREAM_BAD); /* [MQTT5-6.0.0-1] [MQTT3-6.0.0-1] */
    assert_string_equal(stream_error(s), "WebSocket: a text frame; MQTT goes in binary frames");
    assert_false(stream_has_pending(s));
    assert_int_equal(stream_write(s, "bye", 3, &n), STREAM_OK);
    stream_shutdown(s);
    expect(fd, BYTES("\x82\x03"
                     "bye"
                     "\x88\x2a\x03\xeb"
                     "a text frame; MQTT goes in binary frames"));
    assert_int_equal(recv(fd, (char[1]){0}, 1, 0), 0);
    say_frame(fd, 0x82, BYTES("nobody reads this"));
    assert_int_equal(read_none(s), STREAM_AGAIN);
    close(fd);
    assert_int_equal(read_none(s), STREAM_END);
    stream_free(s);
}

static void a_frame_that_is_too_large_is_told(void **state)
{
    struct stream *s;
    int fd;

    (void)state;
    s = opened(&fd);
    say(fd, BYTES("\x82\xff\0\0\0\0\0\x30\0\1" KEY));
    assert_int_equal(read_none(s), STREAM_BAD);
    assert_string_equal(stream_error(s), "WebSocket: a frame is larger than packet_bytes_max");
    stream_shutdown(s);
    expect(fd, BYTES("\x88\x29\x03\xf1"
                     "a frame is larger than packet_bytes_max"));
    stream_free(s);
    close(fd);
}

static void a_close_is_answered_with_its_code_and_is_the_end(void **state)
{
    struct stream *s;
    size_t n;
    int fd;

    (void)state;
    s = opened(&fd);
    say_frame(fd, 0x82, BYTES("last"));
    say_frame(fd, 0x88, BYTES("\x03\xe9gone"));
    expect_read(s, "last");
    expect(fd, BYTES("\x88\x02\x03\xe9"));
    assert_true(stream_has_pending(s));
    assert_int_equal(read_none(s), STREAM_END);
    assert_false(stream_has_pending(s));
    assert_int_equal(read_none(s), STREAM_END);
    assert_int_equal(stream_write(s, "x", 1, &n), STREAM_END);
    stream_shutdown(s);
    assert_int_equal(recv(fd, (char[1]){0}, 1, 0), 0);
    stream_free(s);
    close(fd);

    s = opened(&fd);
    say_frame(fd, 0x88, BYTES_NONE);
    assert_int_equal(read_none(s), STREAM_END);
    expect(fd, BYTES("\x88\0"));
    stream_free(s);
    close(fd);
}

static void an_end_without_close_is_an_end(void **state)
{
    struct stream *s;
    int fd;

    (void)state;
    s = opened(&fd);
    say_frame(fd, 0x82, BYTES("last"));
    close(fd);
    expect_read(s, "last");
    assert_int_equal(read_none(s), STREAM_END);
    stream_free(s);
}

static void shutdown_sends_a_close_and_goes_on_reading(void **state)
{
    struct stream *s;
    size_t n;
    int fd;

    (void)state;
    s = opened(&fd);
    assert_int_equal(stream_write(s, "bye", 3, &n), STREAM_OK);
    stream_shutdown(s);
    stream_shutdown(s);
    assert_int_equal(stream_write(s, "x", 1, &n), STREAM_END);
    expect(fd, BYTES("\x82\x03"
                     "bye"
                     "\x88\x02\x03\xe8"));
    assert_int_equal(recv(fd, (char[1]){0}, 1, 0), 0);
    say_frame(fd, 0x89, BYTES("ping")); /* nothing may be sent behind a Close */
    say_frame(fd, 0x82, BYTES("you, too"));
    expect_read(s, "you, too");
    say_frame(fd, 0x88, BYTES("\x03\xe8"));
    assert_int_equal(read_none(s), STREAM_END);
    stream_free(s);
    close(fd);
}

/* ---- over TLS ---- */

static struct stream *opened_over_tls(struct peer **ret)
{
    const struct manner m = {.alpn = "\4mqtt"};
    char at[1024];
    struct stream *s;
    int fds[2];

    pair_unix(fds);
    s = stream_new(fds[0], server_tls);
    stream_expect_websocket(s, &settings);
    *ret = peer_new(fds[1], &m);
    for (int i = 0; i < 10; i++) { /* each way once is enough */
        (void)SSL_do_handshake((*ret)->ssl);
        peer_move(*ret, SIZE_MAX);
        assert_int_equal(stream_handshake(s), STREAM_AGAIN);
        peer_move(*ret, SIZE_MAX);
    }
    assert_true(SSL_is_init_finished((*ret)->ssl));
    assert_string_equal(stream_peer(s)->tls->version, "TLSv1.3");
    peer_say(*ret, REQUEST "\r\n", sizeof(REQUEST "\r\n") - 1);
    assert_int_equal(stream_handshake(s), STREAM_OK);
    peer_move(*ret, SIZE_MAX);
    assert_int_equal(SSL_read((*ret)->ssl, at, sizeof(at)), sizeof(ANSWER) - 1);
    assert_memory_equal(at, ANSWER, sizeof(ANSWER) - 1);
    return s;
}

static void frames_go_both_ways_over_tls(void **state)
{
    struct buf frames = {0};
    struct stream *s;
    struct peer *p;
    char at[64];
    size_t n;

    (void)state;
    s = opened_over_tls(&p);
    add_frame(&frames, 0x82, BYTES("hello"));
    add_frame(&frames, 0x89, BYTES("ping"));
    add_frame(&frames, 0x82, BYTES(" there"));
    for (size_t i = 0; i < frames.len; i++) /* each byte in a record of its own */
        assert_int_equal(SSL_write(p->ssl, frames.at + i, 1), 1);
    while (BIO_pending(p->out) > 0)
        peer_move(p, SIZE_MAX);
    expect_read(s, "hello there");
    assert_int_equal(stream_write(s, "yes", 3, &n), STREAM_OK);
    stream_shutdown(s);
    peer_move(p, SIZE_MAX);
    assert_int_equal(SSL_read(p->ssl, at, sizeof(at)), 6);
    assert_memory_equal(at, "\x8a\x04ping", 6);
    assert_int_equal(SSL_read(p->ssl, at, sizeof(at)), 5);
    assert_memory_equal(at, "\x82\x03yes", 5);
    assert_int_equal(SSL_read(p->ssl, at, sizeof(at)), 4);
    assert_memory_equal(at, "\x88\x02\x03\xe8", 4);
    assert_int_equal(SSL_read(p->ssl, at, sizeof(at)), 0);
    assert_int_equal(SSL_get_error(p->ssl, 0), SSL_ERROR_ZERO_RETURN);
    peer_free(p);
    stream_free(s);
    buf_done(&frames);
}

static void pings_alone_are_read_a_turn_at_a_time(void **state)
{
    struct buf frames = {0};
    struct stream *s;
    struct peer *p;
    char at[16];
    size_t n;

    (void)state;
    s = opened_over_tls(&p);
    for (int i = 0; i < 10; i++)
        add_frame(&frames, 0x89, BYTES("0123456789"));
    peer_say(p, frames.at, (int)frames.len);
    for (int i = 0; i < 9; i++) {
        assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_AGAIN);
        assert_true(stream_has_pending(s));
    }
    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_AGAIN);
    assert_false(stream_has_pending(s));
    peer_free(p);
    stream_free(s);
    buf_done(&frames);
}

static void a_close_notify_behind_frames_is_seen(void **state)
{
    struct buf frames = {0};
    struct stream *s;
    struct peer *p;

    (void)state;
    s = opened_over_tls(&p);
    add_frame(&frames, 0x82, BYTES("last"));
    assert_int_equal(SSL_write(p->ssl, frames.at, (int)frames.len), frames.len);
    assert_int_equal(SSL_shutdown(p->ssl), 0);
    peer_move(p, SIZE_MAX);
    expect_read(s, "last");
    assert_true(stream_has_pending(s));
    assert_int_equal(read_none(s), STREAM_END);
    peer_free(p);
    stream_free(s);
    buf_done(&frames);
}

/* ---- much, in writes of any size, to a reader that is slow ---- */

/* The frames of a server, taken apart by other means than its own. */
static void unframe(const struct buf *got, struct buf *ret_data, unsigned *ret_pongs)
{
    size_t at = 0;

    while (at < got->len) {
        const uint8_t *f = got->at + at;
        size_t head = f[1] < 126 ? 2 : (f[1] == 126 ? 4 : 10);
        size_t len = f[1] < 126 ? f[1] : 0;

        for (size_t i = 2; i < head; i++)
            len = len << 8 | f[i];
        assert_true(at + head + len <= got->len);
        assert_true(f[0] == 0x82 || (f[0] == 0x8a && len == 4));
        if (f[0] == 0x82)
            buf_add(ret_data, bytes_of(f + head, len));
        else
            ++*ret_pongs;
        at += head + len;
    }
}

struct far {
    int fd;
    struct peer *p; /* NULL: no TLS */
    struct buf got;
};

static void far_reads(struct far *f)
{
    int n;

    if (f->p == NULL) {
        drain(f->fd, &f->got);
        return;
    }
    while (peer_move(f->p, SIZE_MAX) > 0) {
        while ((n = SSL_read(f->p->ssl, buf_reserve(&f->got, 16384), 16384)) > 0)
            f->got.len += (size_t)n;
    }
}

static void far_pings(struct far *f)
{
    struct buf ping = {0};

    add_frame(&ping, 0x89, BYTES("ping"));
    if (f->p == NULL)
        say(f->fd, buf_view(&ping));
    else
        peer_say(f->p, ping.at, (int)ping.len);
    buf_done(&ping);
}

static void much_comes_whole(struct stream *s, struct far *f)
{
    struct buf all = {0}, data = {0};
    unsigned n_pongs = 0;
    size_t sent = 0;
    size_t end = 0; /* what the caller has; it only grows */

    for (unsigned i = 0; i < BIG_BYTES; i++)
        buf_add_u8(&all, (uint8_t)(i * 2654435761U >> 24));
    for (unsigned round = 0; sent < all.len; round++) {
        size_t n = 0;

        end = MIN(MAX(end, sent + 1) + (round * 7919) % 60000, all.len);
        if (round % 5 == 0) {
            far_pings(f);
            assert_int_equal(read_none(s), STREAM_AGAIN);
        }
        if (stream_write(s, all.at + sent, end - sent, &n) == STREAM_OK)
            sent += n;
        if (round % 3 == 0 || (stream_wants(s) & LOOP_WRITE))
            far_reads(f);
    }
    while (stream_flush(s) == STREAM_AGAIN)
        far_reads(f);
    far_reads(f);
    unframe(&f->got, &data, &n_pongs);
    assert_true(bytes_equal(buf_view(&data), buf_view(&all)));
    assert_in_range(n_pongs, 1, 1000);
    buf_done(&all);
    buf_done(&data);
    buf_done(&f->got);
}

static void much_comes_whole_to_a_slow_reader(void **state)
{
    struct far f = {0};
    struct stream *s;

    (void)state;
    s = opened(&f.fd);
    much_comes_whole(s, &f);
    stream_free(s);
    close(f.fd);

    s = opened_over_tls(&f.p);
    much_comes_whole(s, &f);
    stream_free(s);
    peer_free(f.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_answered_and_bytes_go_both_ways),
        cmocka_unit_test(a_request_may_come_in_pieces_and_with_frames_behind_it),
        cmocka_unit_test(a_request_for_something_else_is_told_and_the_rest_is_not_read),
        cmocka_unit_test(who_leaves_before_a_request_is_no_failure),
        cmocka_unit_test(pages_may_come_from_this_machine_to_itself),
        cmocka_unit_test(frames_without_data_are_no_bytes),
        cmocka_unit_test(a_ping_is_answered_between_frames),
        cmocka_unit_test(of_many_pings_to_a_full_socket_the_last_is_answered),
        cmocka_unit_test(a_text_frame_is_told_behind_the_data_before_it),
        cmocka_unit_test(a_frame_that_is_too_large_is_told),
        cmocka_unit_test(a_close_is_answered_with_its_code_and_is_the_end),
        cmocka_unit_test(an_end_without_close_is_an_end),
        cmocka_unit_test(shutdown_sends_a_close_and_goes_on_reading),
        cmocka_unit_test(frames_go_both_ways_over_tls),
        cmocka_unit_test(pings_alone_are_read_a_turn_at_a_time),
        cmocka_unit_test(a_close_notify_behind_frames_is_seen),
        cmocka_unit_test(much_comes_whole_to_a_slow_reader),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
