/* SPDX-License-Identifier: Apache-2.0 */
/* Two streams with each other: much, of sockets that are full; another thread; another negotiation.
 */
#include "certs.h"
#include "peer.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

#define BIG_BYTES (4U << 20) /* more than the buffers of two sockets */

static struct tls_context *server_tls, *client_tls;

static struct tls_context *server_new(void)
{
    const struct tls_settings s = {
        .certificate = in("server.crt"),
        .key = in("server.key"),
        .client_ca = in("ca.crt"),
        .crl = in("ca.crl"),
        .client_certificate = TLS_CLIENT_CERTIFICATE_OPTIONAL,
        .version_min = 0x0303,
    };
    char *error = NULL;

    return tls_context_new(&s, &error);
}

static int setup(void **state)
{
    char *error = NULL;

    signal(SIGPIPE, SIG_DFL); /* a stream must not raise it */
    if (certs_setup(state) != 0)
        return -1;
    server_tls = server_new();
    client_tls = tls_context_new_client(in("ca.crt"), in("meter-7.crt"), in("meter-7.key"), &error);
    return server_tls != NULL && client_tls != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    tls_context_unref(server_tls);
    tls_context_unref(client_tls);
    return certs_teardown(state);
}

struct sending {
    struct stream *s;
    const uint8_t *at;
    size_t sent;
    unsigned seed;
};

/* One write from memory that is gone afterwards, of what is left over from a random length on. */
static enum stream_outcome send_some(struct sending *f, size_t *least)
{
    size_t left = BIG_BYTES - f->sent;
    size_t some = (size_t)rand_r(&f->seed) % 100000 + 1;
    size_t len = MIN(left, MAX(*least, some));
    uint8_t *copy = mem_alloc(len);
    enum stream_outcome outcome;
    size_t n = 0;

    memcpy(copy, f->at + f->sent, len);
    outcome = stream_write(f->s, copy, len, &n);
    memset(copy, 0xee, len);
    free(copy);
    f->sent += n;
    *least = n < len ? len - n : 0;
    if (n < len)
        assert_int_not_equal(stream_wants(f->s) & LOOP_WRITE, 0);
    else
        assert_int_equal(stream_wants(f->s) & LOOP_WRITE, 0);
    return outcome;
}

static void wait_for_either(const struct stream *to, const struct stream *from, bool has_more)
{
    struct pollfd both[] = {
        {.fd = stream_fd(to), .events = POLLIN},
        {.fd = stream_fd(from), .events = has_more ? POLLOUT : 0},
    };

    assert_in_range(poll(both, COUNT_OF(both), 10000), 1, 2);
}

static void send_much(struct stream *from, struct stream *to)
{
    struct sending f = {.s = from, .seed = 7};
    uint8_t *sent = mem_alloc(BIG_BYTES), *got = mem_alloc(BIG_BYTES);
    size_t n_got = 0, n, least = 0, n_full = 0;
    enum stream_outcome outcome;

    for (size_t i = 0; i < BIG_BYTES; i++)
        sent[i] = (uint8_t)rand_r(&f.seed);
    f.at = sent;
    while (n_got < BIG_BYTES) {
        do {
            outcome = f.sent < BIG_BYTES ? send_some(&f, &least) : STREAM_AGAIN;
        } while (outcome == STREAM_OK && least == 0);
        n_full += outcome == STREAM_OK && least > 0;
        do {
            size_t some = (size_t)rand_r(&f.seed) % 50000 + 1;
            size_t cap = MIN(BIG_BYTES - n_got, some);

            outcome = cap > 0 ? stream_read(to, got + n_got, cap, &n) : STREAM_AGAIN;
            n_got += outcome == STREAM_OK ? n : 0;
        } while (outcome == STREAM_OK);
        assert_int_equal(outcome, STREAM_AGAIN);
        if (n_got < BIG_BYTES)
            wait_for_either(to, from, f.sent < BIG_BYTES);
    }
    assert_true(n_full > 0);
    assert_memory_equal(sent, got, BIG_BYTES);
    free(sent);
    free(got);
}

/* Two streams that are connected over loopback; the handshake is done. */
static void connected(struct tls_context *tls, struct tls_context *client, struct stream *ret[2])
{
    struct stream_target t = {.host = "127.0.0.1", .tls = client, .timeout_ms = 5000};
    char *error = NULL;
    int listener, fd;

    assert_int_equal(listener_open("127.0.0.1", 0, false, &listener), 0);
    t.port = port_of(listener);
    ret[1] = stream_connect(&t, &error);
    assert_non_null(ret[1]);
    wait_until(listener, POLLIN);
    assert_int_equal(listener_accept(listener, &fd), 0);
    close(listener);
    ret[0] = stream_new(fd, tls);
    assert_int_equal(shake_both(ret[0], ret[1], NULL), STREAM_OK);
}

/* What a trial sees of a server. */
static enum stream_outcome renegotiates_with(bool server_may)
{
    char *error = NULL;
    struct tls_context *server = server_new();
    struct tls_context *client = tls_context_new_client(in("ca.crt"), NULL, NULL, &error);
    struct stream *s[2];
    enum stream_outcome outcome;
    char at[64];
    size_t n;

    assert_non_null(server);
    assert_non_null(client);
    tls_context_may_renegotiate(client);
    if (server_may)
        tls_context_may_renegotiate(server);
    connected(server, client, s);
    while ((outcome = stream_renegotiate(s[1])) == STREAM_AGAIN)
        (void)stream_read(s[0], at, sizeof(at), &n);
    stream_free(s[0]);
    stream_free(s[1]);
    tls_context_unref(server);
    tls_context_unref(client);
    return outcome;
}

static void a_trial_tells_a_server_that_renegotiates_from_ours(void **state)
{
    (void)state;
    assert_int_equal(renegotiates_with(true), STREAM_OK);
    assert_int_equal(renegotiates_with(false), STREAM_FAILED);
}

static void much_goes_through_plain_sockets_that_are_full(void **state)
{
    struct stream *s[2];

    (void)state;
    connected(NULL, NULL, s);
    send_much(s[0], s[1]);
    send_much(s[1], s[0]);
    stream_free(s[0]);
    stream_free(s[1]);
}

static void much_goes_through_tls_sockets_that_are_full(void **state)
{
    struct stream *s[2];

    (void)state;
    connected(server_tls, client_tls, s);
    assert_true(stream_peer(s[0])->has_certificate);
    assert_string_equal(stream_peer(s[0])->tls->certificate.cn, "meter-7");
    assert_true(stream_peer(s[1])->has_certificate);
    assert_string_equal(stream_peer(s[1])->tls->certificate.cn, "localhost");
    send_much(s[0], s[1]);
    send_much(s[1], s[0]);
    stream_free(s[0]);
    stream_free(s[1]);
}

static void *send_both_ways(void *at)
{
    struct stream **s = at;
    size_t n;

    assert_int_equal(stream_write(s[0], "from a thread", 13, &n), STREAM_OK);
    assert_int_equal(stream_write(s[1], "to the other", 12, &n), STREAM_OK);
    return NULL;
}

static void a_stream_may_be_handed_to_another_thread(void **state)
{
    struct stream *s[2];
    pthread_t thread;
    char at[64];
    size_t n;

    (void)state;
    connected(server_tls, client_tls, s);
    assert_int_equal(pthread_create(&thread, NULL, send_both_ways, s), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    wait_until(stream_fd(s[0]), POLLIN);
    assert_int_equal(stream_read(s[0], at, sizeof(at), &n), STREAM_OK);
    assert_memory_equal(at, "to the other", 12);
    wait_until(stream_fd(s[1]), POLLIN);
    assert_int_equal(stream_read(s[1], at, sizeof(at), &n), STREAM_OK);
    assert_memory_equal(at, "from a thread", 13);
    stream_free(s[0]);
    stream_free(s[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(much_goes_through_plain_sockets_that_are_full),
        cmocka_unit_test(much_goes_through_tls_sockets_that_are_full),
        cmocka_unit_test(a_trial_tells_a_server_that_renegotiates_from_ours),
        cmocka_unit_test(a_stream_may_be_handed_to_another_thread),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
