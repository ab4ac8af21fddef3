/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes over secure WebSocket streams; and much, over both. */
#include "certs.h"
#include "ws.h"

#include <unistd.h>

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

static struct stream *opened_over_tls(struct peer **ret)
{
    const struct manner m = {.alpn = "\4mqtt"};
    char at[1024];
    struct stream *s;
    int fds[2];

    pair_unix(fds);
    s = stream_new(fds[0], server_tls);
    stream_expect_websocket(s, &ws_settings);
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
        cmocka_unit_test(frames_go_both_ways_over_tls),
        cmocka_unit_test(pings_alone_are_read_a_turn_at_a_time),
        cmocka_unit_test(a_close_notify_behind_frames_is_seen),
        cmocka_unit_test(much_comes_whole_to_a_slow_reader),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
