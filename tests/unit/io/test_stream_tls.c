/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes over TLS streams, their ends and their failures. */
#include "certs.h"
#include "peer.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <openssl/err.h>

static struct tls_context *server_tls, *client_tls;

static int setup(void **state)
{
    char *error = NULL;
    struct tls_settings s;

    signal(SIGPIPE, SIG_DFL); /* a stream must not raise it */
    if (certs_setup(state) != 0)
        return -1;
    s = (struct tls_settings){
        .certificate = in("server.crt"),
        .key = in("server.key"),
        .client_ca = in("ca.crt"),
        .crl = in("ca.crl"),
        .client_certificate = TLS_CLIENT_CERTIFICATE_OPTIONAL,
        .version_min = 0x0303,
    };
    server_tls = tls_context_new(&s, &error);
    client_tls = tls_context_new_client(in("ca.crt"), in("meter-7.crt"), in("meter-7.key"), &error);
    return server_tls != NULL && client_tls != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    tls_context_unref(server_tls);
    tls_context_unref(client_tls);
    return certs_teardown(state);
}

static void all_records_that_came_are_read_at_once(void **state)
{
    struct stream *s;
    struct peer *p;
    int fds[2];
    char at[4096];
    size_t n;

    (void)state;
    pair_unix(fds);
    s = established(server_tls, fds, NULL, &p);
    for (int i = 0; i < 50; i++)
        assert_int_equal(SSL_write(p->ssl, "0123456789", 10), 10);
    peer_move(p, SIZE_MAX);
    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_OK);
    assert_int_equal(n, 500);
    assert_false(stream_has_pending(s));
    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_AGAIN);
    assert_int_equal(stream_wants(s), LOOP_READ);
    peer_free(p);
    stream_free(s);
}

static void what_tls_holds_back_is_pending(void **state)
{
    struct stream *s;
    struct peer *p;
    int fds[2];
    char at[16];
    size_t n;

    (void)state;
    pair_unix(fds);
    s = established(server_tls, fds, NULL, &p);
    peer_say(p, "0123456789", 10);
    assert_false(stream_has_pending(s));
    for (int i = 0; i < 10; i++) {
        assert_int_equal(stream_read(s, at, 1, &n), STREAM_OK);
        assert_int_equal(at[0], '0' + i);
        assert_int_equal(stream_has_pending(s), i < 9);
    }
    peer_free(p);
    stream_free(s);
}

static void half_a_record_is_not_pending_once_it_was_tried(void **state)
{
    struct stream *s;
    struct peer *p;
    int fds[2];
    char at[64];
    size_t n;

    (void)state;
    pair_unix(fds);
    s = established(server_tls, fds, NULL, &p);
    assert_int_equal(SSL_write(p->ssl, "one", 3), 3);
    assert_int_equal(SSL_write(p->ssl, "two", 3), 3);
    peer_move(p, 5 + 3 + 17 + 9); /* the first record, and a part of the second */
    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_OK);
    assert_int_equal(n, 3);
    assert_false(stream_has_pending(s));
    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_AGAIN);
    assert_false(stream_has_pending(s));
    peer_move(p, SIZE_MAX);
    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_OK);
    assert_memory_equal(at, "two", 3);
    peer_free(p);
    stream_free(s);
}

static void close_notify_is_an_end_in_order_and_seen_behind_data(void **state)
{
    struct stream *s;
    struct peer *p;
    int fds[2];
    char at[64];
    size_t n;

    (void)state;
    pair_unix(fds);
    s = established(server_tls, fds, NULL, &p);
    assert_int_equal(SSL_write(p->ssl, "last", 4), 4);
    assert_int_equal(SSL_shutdown(p->ssl), 0);
    peer_move(p, SIZE_MAX);
    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_OK);
    assert_int_equal(n, 4);
    assert_true(stream_has_pending(s)); /* the socket is silent, but there is news */
    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_END);
    assert_false(stream_has_pending(s));
    assert_string_equal(stream_error(s), "");
    assert_int_equal(stream_write(s, "still here", 10, &n), STREAM_OK);
    peer_move(p, SIZE_MAX);
    peer_free(p);
    stream_free(s);
}

static void an_end_without_close_notify_is_an_end_with_a_note(void **state)
{
    struct stream *s;
    struct peer *p;
    int fds[2];
    char at[64];
    size_t n;

    (void)state;
    pair_unix(fds);
    s = established(server_tls, fds, NULL, &p);
    peer_say(p, "last", 4);
    peer_free(p);
    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_OK);
    assert_int_equal(n, 4);
    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_END);
    assert_string_equal(stream_error(s), "closed without TLS close_notify");
    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_END);
    assert_int_equal(stream_write(s, "x", 1, &n), STREAM_FAILED);
    stream_shutdown(s);
    stream_free(s);
}

static void a_forged_record_is_a_failure(void **state)
{
    struct stream *s;
    struct peer *p;
    int fds[2];
    char at[64];
    size_t n;

    (void)state;
    pair_unix(fds);
    s = established(server_tls, fds, NULL, &p);
    peer_say(p, "good", 4);
    assert_int_equal(send(fds[1], "\x17\x03\x03\0\x20 thirty-two bytes, but not sealed", 37, 0),
                     37);
    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_OK);
    assert_int_equal(n, 4);
    assert_true(stream_has_pending(s));
    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_FAILED);
    print_message("  %s\n", stream_error(s));
    assert_non_null(strstr(stream_error(s), "bad record mac"));
    assert_int_equal(stream_write(s, "x", 1, &n), STREAM_FAILED);
    assert_int_equal(ERR_peek_error(), 0);
    peer_free(p);
    stream_free(s);
}

static void an_error_of_somebody_else_in_the_thread_does_no_harm(void **state)
{
    struct stream *s;
    struct peer *p;
    int fds[2];
    char at[64];
    size_t n;

    (void)state;
    pair_unix(fds);
    s = established(server_tls, fds, NULL, &p);
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_AGAIN);
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    while (stream_write(s, at, sizeof(at), &n) == STREAM_OK)
        ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    assert_int_equal(stream_write(s, at, sizeof(at), &n), STREAM_AGAIN);
    assert_string_equal(stream_error(s), "");
    peer_free(p);
    stream_free(s);
}

static void a_tls_reset_is_a_failure_with_a_reason(void **state)
{
    struct stream *s;
    struct peer *p;
    int fds[2];
    char at[64];
    size_t n;

    (void)state;
    pair_tcp(fds);
    s = established(server_tls, fds, NULL, &p);
    reset(p->fd);
    wait_until(fds[0], POLLHUP);
    p->fd = -1;
    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_FAILED);
    assert_string_equal(stream_error(s), "Connection reset by peer");
    peer_free(p);
    stream_free(s);
}

static void what_came_before_can_be_read_after_tls_writing_failed(void **state)
{
    struct stream *s;
    struct peer *p;
    int fds[2];
    char at[64];
    size_t n;

    (void)state;
    pair_tcp(fds);
    s = established(server_tls, fds, NULL, &p);
    peer_say(p, "\xe0\0", 2);
    peer_free(p);
    write_until_it_fails(s);
    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_OK);
    assert_int_equal(n, 2);
    assert_memory_equal(at, "\xe0\0", 2);
    assert_int_not_equal(stream_read(s, at, sizeof(at), &n), STREAM_OK);
    assert_int_equal(ERR_peek_error(), 0);
    stream_free(s);
}

/* The peer says all at once and is gone before the server could send its ticket. */
static void a_peer_that_left_during_the_handshake_is_heard_out(void **state)
{
    const struct manner m = {0};
    struct stream *s;
    struct peer *p;
    int fds[2];
    char at[64];
    size_t n;

    (void)state;
    pair_unix(fds);
    s = stream_new(fds[0], server_tls);
    p = peer_new(fds[1], &m);
    for (int i = 0; !SSL_is_init_finished(p->ssl); i++) {
        assert_in_range(i, 0, 10);
        if (SSL_do_handshake(p->ssl) == 1)
            break;
        peer_move(p, SIZE_MAX);
        assert_int_equal(stream_handshake(s), STREAM_AGAIN);
        peer_move(p, SIZE_MAX);
    }
    peer_say(p, "all", 3);
    peer_free(p);
    assert_int_equal(stream_handshake(s), STREAM_OK);
    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_OK);
    assert_int_equal(n, 3);
    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_END);
    stream_free(s);
}

static void tls_shutdown_sends_close_notify_and_goes_on_reading(void **state)
{
    struct stream *s;
    struct peer *p;
    int fds[2];
    char at[64];
    size_t n;

    (void)state;
    pair_unix(fds);
    s = established(server_tls, fds, NULL, &p);
    assert_int_equal(stream_write(s, "bye", 3, &n), STREAM_OK);
    stream_shutdown(s);
    assert_int_equal(stream_write(s, "x", 1, &n), STREAM_END);
    peer_move(p, SIZE_MAX);
    assert_int_equal(SSL_read(p->ssl, at, sizeof(at)), 3);
    assert_int_equal(SSL_read(p->ssl, at, sizeof(at)), 0);
    assert_int_equal(SSL_get_error(p->ssl, 0), SSL_ERROR_ZERO_RETURN);
    peer_say(p, "you, too", 8);
    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_OK);
    assert_int_equal(n, 8);
    assert_int_equal(SSL_shutdown(p->ssl), 1);
    peer_move(p, SIZE_MAX);
    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_END);
    peer_free(p);
    stream_free(s);
}

static void a_key_update_is_followed(void **state)
{
    struct stream *s;
    struct peer *p;
    int fds[2];
    char at[64];
    size_t n;

    (void)state;
    pair_unix(fds);
    s = established(server_tls, fds, NULL, &p);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(SSL_key_update(p->ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        peer_say(p, "new key", 7);
        assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_OK);
        assert_int_equal(n, 7);
        assert_int_equal(stream_write(s, "mine, too", 9, &n), STREAM_OK);
        peer_move(p, SIZE_MAX);
        assert_int_equal(SSL_read(p->ssl, at, sizeof(at)), 9);
    }
    peer_free(p);
    stream_free(s);
}

static void renegotiation_is_refused(void **state)
{
    const struct manner m = {.version_max = TLS1_2_VERSION};
    struct stream *s;
    struct peer *p;
    int fds[2];
    char at[64];
    size_t n;

    (void)state;
    pair_unix(fds);
    s = established(server_tls, fds, &m, &p);
    assert_int_equal(SSL_renegotiate(p->ssl), 1);
    (void)SSL_do_handshake(p->ssl);
    peer_move(p, SIZE_MAX);
    assert_int_equal(stream_read(s, at, sizeof(at), &n), STREAM_AGAIN);
    peer_move(p, SIZE_MAX);
    assert_true(SSL_do_handshake(p->ssl) <= 0);
    assert_int_equal(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
    ERR_clear_error();
    peer_free(p);
    stream_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_records_that_came_are_read_at_once),
        cmocka_unit_test(what_tls_holds_back_is_pending),
        cmocka_unit_test(half_a_record_is_not_pending_once_it_was_tried),
        cmocka_unit_test(close_notify_is_an_end_in_order_and_seen_behind_data),
        cmocka_unit_test(an_end_without_close_notify_is_an_end_with_a_note),
        cmocka_unit_test(a_forged_record_is_a_failure),
        cmocka_unit_test(an_error_of_somebody_else_in_the_thread_does_no_harm),
        cmocka_unit_test(a_tls_reset_is_a_failure_with_a_reason),
        cmocka_unit_test(what_came_before_can_be_read_after_tls_writing_failed),
        cmocka_unit_test(a_peer_that_left_during_the_handshake_is_heard_out),
        cmocka_unit_test(tls_shutdown_sends_close_notify_and_goes_on_reading),
        cmocka_unit_test(a_key_update_is_followed),
        cmocka_unit_test(renegotiation_is_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
