/* SPDX-License-Identifier: Apache-2.0 */
/* PROXY headers at the beginning of a stream, and what comes behind them. */
#include "certs.h"
#include "peer.h"

#include <poll.h>
#include <unistd.h>

#define V1    "PROXY TCP4 192.0.2.7 198.51.100.1 50000 8883\r\n"
#define LOCAL "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"

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

static void expect_rest(struct stream *s, const char *text)
{
    char at[64];
    size_t n = 0;

    assert_int_equal(stream_handshake(s), STREAM_OK);
    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_OK);
    assert_int_equal(n, strlen(text));
    assert_memory_equal(at, text, n);
}

static void the_client_is_whom_the_header_names(void **state)
{
    struct stream *s;
    int fds[2];

    (void)state;
    pair_tcp(fds);
    s = stream_new(fds[0], NULL);
    assert_true(stream_peer(s)->is_loopback);
    say(fds[1], BYTES(V1 "rest"));
    wait_until(fds[0], POLLIN);
    assert_int_equal(stream_proxy_header(s), STREAM_OK);
    assert_string_equal(stream_peer(s)->address, "192.0.2.7");
    assert_int_equal(stream_peer(s)->port, 50000);
    assert_false(stream_peer(s)->is_proxy);
    assert_false(stream_peer(s)->is_loopback);
    expect_rest(s, "rest");
    stream_free(s);
    close(fds[1]);
}

static void a_header_may_come_in_pieces(void **state)
{
    static const struct bytes headers[] = {BYTES(V1), BYTES(LOCAL)};

    (void)state;
    for (size_t k = 0; k < COUNT_OF(headers); k++) {
        struct stream *s;
        int fds[2];

        pair_unix(fds);
        s = stream_new(fds[0], NULL);
        for (size_t i = 0; i < headers[k].len; i++) {
            char left[1];

            assert_int_equal(stream_proxy_header(s), STREAM_AGAIN);
            assert_int_equal(stream_wants(s), LOOP_READ);
            /* Nothing stays at the socket, or the loop would not come to rest. */
            assert_int_equal(recv(fds[0], left, 1, MSG_PEEK), -1);
            say(fds[1], bytes_of(headers[k].at + i, 1));
        }
        say(fds[1], BYTES("rest"));
        assert_int_equal(stream_proxy_header(s), STREAM_OK);
        expect_rest(s, "rest");
        stream_free(s);
        close(fds[1]);
    }
}

static void a_proxy_that_speaks_for_itself_stays_who_it_is(void **state)
{
    static const struct bytes headers[] = {BYTES(LOCAL "rest"), BYTES("PROXY UNKNOWN\r\nrest")};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        struct stream *s;
        int fds[2];

        pair_unix(fds);
        s = stream_new(fds[0], NULL);
        say(fds[1], headers[i]);
        assert_int_equal(stream_proxy_header(s), STREAM_OK);
        assert_string_equal(stream_peer(s)->address, "unix");
        assert_true(stream_peer(s)->is_loopback);
        assert_true(stream_peer(s)->is_proxy);
        expect_rest(s, "rest");
        stream_free(s);
        close(fds[1]);
    }
}

static void loopback_is_who_is_local_to_a_local_proxy(void **state)
{
    struct stream *s;
    int fds[2];

    (void)state;
    pair_unix(fds);
    s = stream_new(fds[0], NULL);
    say(fds[1], BYTES("PROXY TCP6 ::1 ::1 50000 8883\r\n"));
    assert_int_equal(stream_proxy_header(s), STREAM_OK);
    assert_string_equal(stream_peer(s)->address, "::1");
    assert_true(stream_peer(s)->is_loopback);
    stream_free(s);
    close(fds[1]);
}

static void a_large_header_is_taken_whole(void **state)
{
    struct buf header = {0};
    struct stream *s;
    int fds[2];

    (void)state;
    buf_add(&header,
            BYTES("\r\n\r\n\0\r\nQUIT\n\x21\x11\x0f\xf0\300\0\2\7\306\063\144\1\303\120\042"
                  "\263\5\x0f\xe1"));
    while (header.len < 4096)
        buf_add_u8(&header, 'x');
    buf_add(&header, BYTES("rest"));
    pair_unix(fds);
    s = stream_new(fds[0], NULL);
    say(fds[1], buf_view(&header));
    assert_int_equal(stream_proxy_header(s), STREAM_OK);
    assert_string_equal(stream_peer(s)->address, "192.0.2.7");
    expect_rest(s, "rest");
    stream_free(s);
    close(fds[1]);
    buf_done(&header);
}

static void what_is_no_header_is_told(void **state)
{
    struct stream *s;
    int fds[2];

    (void)state;
    pair_unix(fds);
    s = stream_new(fds[0], NULL);
    say(fds[1], BYTES("\x10\x0e\0\4MQTT\5\2"));
    assert_int_equal(stream_proxy_header(s), STREAM_BAD);
    assert_string_equal(stream_error(s), "the connection does not begin with a PROXY header");
    stream_free(s);
    close(fds[1]);
}

static void who_leaves_before_a_header_is_no_failure(void **state)
{
    struct stream *s;
    int fds[2];

    (void)state;
    pair_unix(fds);
    s = stream_new(fds[0], NULL);
    say(fds[1], BYTES("PRO"));
    close(fds[1]);
    assert_int_equal(stream_proxy_header(s), STREAM_END);
    assert_string_equal(stream_error(s), "closed before the PROXY header");
    assert_int_equal(stream_handshake(s), STREAM_END);
    stream_free(s);
}

static void tls_begins_behind_the_header(void **state)
{
    const struct manner m = {.sni = "localhost"};
    struct stream *s;
    struct peer *p;
    int fds[2];

    (void)state;
    pair_unix(fds);
    s = stream_new(fds[0], server_tls);
    p = peer_new(fds[1], &m);
    say(fds[1], BYTES(V1));
    (void)SSL_do_handshake(p->ssl);
    peer_move(p, SIZE_MAX); /* the ClientHello waits behind the header */
    assert_int_equal(stream_proxy_header(s), STREAM_OK);
    assert_int_equal(shake(s, p, SIZE_MAX), STREAM_OK);
    assert_string_equal(stream_peer(s)->address, "192.0.2.7");
    assert_string_equal(stream_peer(s)->tls->sni, "localhost");
    peer_say(p, "rest", 4);
    expect_rest(s, "rest");
    peer_free(p);
    stream_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_client_is_whom_the_header_names),
        cmocka_unit_test(a_header_may_come_in_pieces),
        cmocka_unit_test(a_proxy_that_speaks_for_itself_stays_who_it_is),
        cmocka_unit_test(loopback_is_who_is_local_to_a_local_proxy),
        cmocka_unit_test(a_large_header_is_taken_whole),
        cmocka_unit_test(what_is_no_header_is_told),
        cmocka_unit_test(who_leaves_before_a_header_is_no_failure),
        cmocka_unit_test(tls_begins_behind_the_header),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
