/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes over WebSocket streams. */
#include "ws.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

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
    stream_expect_websocket(s, &ws_settings);
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
    stream_expect_websocket(s, &ws_settings);
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
    stream_expect_websocket(s, &ws_settings);
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
        stream_expect_websocket(s, &ws_settings);
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

static void a_close_is_the_end_and_shutdown_answers_with_its_code(void **state)
{
    struct stream *s;
    size_t n;
    int fd;

    (void)state;
    s = opened(&fd);
    say_frame(fd, 0x82, BYTES("last"));
    say_frame(fd, 0x88, BYTES("\x03\xe9gone"));
    expect_read(s, "last");
    assert_true(stream_has_pending(s));
    assert_int_equal(read_none(s), STREAM_END);
    assert_false(stream_has_pending(s));
    assert_int_equal(read_none(s), STREAM_END);
    assert_int_equal(stream_write(s, "owed", 4, &n), STREAM_OK);
    stream_shutdown(s);
    assert_int_equal(stream_write(s, "x", 1, &n), STREAM_END);
    expect(fd, BYTES("\x82\x04"
                     "owed"
                     "\x88\x02\x03\xe9"));
    assert_int_equal(recv(fd, (char[1]){0}, 1, 0), 0);
    stream_free(s);
    close(fd);

    s = opened(&fd);
    say_frame(fd, 0x88, BYTES_NONE);
    assert_int_equal(read_none(s), STREAM_END);
    stream_shutdown(s);
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
        cmocka_unit_test(a_close_is_the_end_and_shutdown_answers_with_its_code),
        cmocka_unit_test(an_end_without_close_is_an_end),
        cmocka_unit_test(shutdown_sends_a_close_and_goes_on_reading),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
