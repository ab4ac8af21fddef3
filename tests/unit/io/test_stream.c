/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes over streams: plain TCP and unix sockets, their ends and their failures. */
#include "peer.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

static int setup(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_DFL); /* a stream must not raise it */
    return 0;
}

static void plain_bytes_go_both_ways_until_the_end(void **state)
{
    struct stream *s;
    int fds[2];
    char at[16];
    size_t n = 99;

    (void)state;
    pair_tcp(fds);
    s = stream_new(fds[0], NULL);
    assert_int_equal(stream_fd(s), fds[0]);
    assert_int_equal(stream_handshake(s), STREAM_OK);
    assert_int_equal(stream_wants(s), LOOP_READ);
    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_AGAIN);
    assert_int_equal(n, 99);
    assert_int_equal(stream_write(s, "hello", 5, &n), STREAM_OK);
    assert_int_equal(n, 5);
    wait_until(fds[1], POLLIN);
    assert_int_equal(recv(fds[1], at, sizeof(at), 0), 5);
    assert_int_equal(send(fds[1], "and you", 7, 0), 7);
    close(fds[1]);
    wait_until(stream_fd(s), POLLIN);
    assert_int_equal(stream_read(s, at, 3, &n), STREAM_OK);
    assert_int_equal(n, 3);
    assert_false(stream_has_pending(s)); /* the loop sees the rest */
    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_OK);
    assert_memory_equal(at, " you", 4);
    wait_until(stream_fd(s), POLLRDHUP);
    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_END);
    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_END);
    assert_int_equal(n, 4);
    assert_string_equal(stream_error(s), "");
    assert_null(stream_free(s));
    assert_null(stream_free(NULL));
}

static void a_plain_peer_is_known_by_its_address(void **state)
{
    struct stream *s;
    int fds[2];

    (void)state;
    pair_tcp(fds);
    s = stream_new(fds[0], NULL);
    assert_string_equal(stream_peer(s)->address, "127.0.0.1");
    assert_int_not_equal(stream_peer(s)->port, 0);
    assert_true(stream_peer(s)->is_loopback);
    assert_false(stream_peer(s)->is_tls);
    assert_false(stream_peer(s)->has_certificate);
    assert_false(stream_peer(s)->has_certificate);
    assert_null(stream_peer(s)->tls);
    stream_free(s);
    close(fds[1]);

    pair_unix(fds);
    s = stream_new(fds[0], NULL);
    assert_string_equal(stream_peer(s)->address, "unix");
    assert_int_equal(stream_peer(s)->port, 0);
    assert_true(stream_peer(s)->is_loopback);
    stream_free(s);
    close(fds[1]);
}

static void a_reset_is_a_failure_with_a_reason(void **state)
{
    struct stream *s;
    int fds[2];
    char at[16];
    size_t n;

    (void)state;
    pair_tcp(fds);
    s = stream_new(fds[0], NULL);
    reset(fds[1]);
    wait_until(fds[0], POLLHUP);
    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_FAILED);
    assert_string_equal(stream_error(s), "Connection reset by peer");
    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_FAILED);
    assert_int_equal(stream_write(s, at, sizeof(at), &n), STREAM_FAILED);
    stream_free(s);
}

/* Writes until the reset that answers it is noticed. */
static void what_came_before_can_be_read_after_writing_failed(void **state)
{
    struct stream *s;
    int fds[2];
    char at[16];
    size_t n;

    (void)state;
    pair_tcp(fds);
    s = stream_new(fds[0], NULL);
    assert_int_equal(send(fds[1], "\xe0\0", 2, 0), 2);
    close(fds[1]);
    write_until_it_fails(s);
    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_OK);
    assert_int_equal(n, 2);
    assert_memory_equal(at, "\xe0\0", 2);
    assert_int_not_equal(stream_read(s, at, sizeof(at), &n), STREAM_OK);
    stream_free(s);
}

static void plain_shutdown_ends_writing_only(void **state)
{
    struct stream *s;
    int fds[2];
    char at[16];
    size_t n;

    (void)state;
    pair_tcp(fds);
    s = stream_new(fds[0], NULL);
    assert_int_equal(stream_write(s, "bye", 3, &n), STREAM_OK);
    stream_shutdown(s);
    stream_shutdown(s);
    assert_int_equal(stream_write(s, "x", 1, &n), STREAM_END);
    wait_until(fds[1], POLLRDHUP);
    assert_int_equal(recv(fds[1], at, sizeof(at), 0), 3);
    assert_int_equal(recv(fds[1], at, sizeof(at), 0), 0);
    assert_int_equal(send(fds[1], "you, too", 8, 0), 8);
    wait_until(fds[0], POLLIN);
    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_OK);
    assert_int_equal(n, 8);
    stream_free(s);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_bytes_go_both_ways_until_the_end),
        cmocka_unit_test(a_plain_peer_is_known_by_its_address),
        cmocka_unit_test(a_reset_is_a_failure_with_a_reason),
        cmocka_unit_test(what_came_before_can_be_read_after_writing_failed),
        cmocka_unit_test(plain_shutdown_ends_writing_only),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
