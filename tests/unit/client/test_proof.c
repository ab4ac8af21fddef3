/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_proof.c - the client proves its password to a server, which may be a false one
 *
 * The server speaks by crypto/'s other half, which is tried against the RFC elsewhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/client.h"
#include "crypto/scram.h"

#define PASSWORD "correct horse battery"
#define SALT     "sixteen bytes ok"

/* What is wrong with the server. */
enum flaw {
    FLAW_NONE,
    FLAW_ANOTHER_PASSWORD, /* it does not have the verifier, and accepts whatever comes */
    FLAW_NO_METHOD,        /* in CONNACK */
    FLAW_AT_ONCE,          /* CONNACK without a challenge */
};

struct server {
    pthread_t thread;
    int listener;
    uint16_t port;
    enum flaw flaw;
    struct buf in;
    int fd;
    bool sent_password; /* the client did */
};

static void say(struct server *s, const struct buf *out)
{
    assert_int_equal(send(s->fd, out->at, out->len, MSG_NOSIGNAL), out->len);
}

/* Return: false at the end. */
static bool next_packet(struct server *s, struct wire_frame *ret)
{
    enum wire_next next;

    while ((next = wire_next(buf_view(&s->in), ret)) == WIRE_NEXT_MORE) {
        ssize_t n = read(s->fd, buf_reserve(&s->in, 1024), 1024);

        if (n <= 0)
            return false;
        s->in.len += (size_t)n;
    }
    return next == WIRE_NEXT_PACKET;
}

static void say_auth(struct server *s, uint8_t reason, struct bytes data)
{
    struct wire_disconnect auth = {
        .reason = reason,
        .props = {.set = BIT64(PROP_AUTH_METHOD) | BIT64(PROP_AUTH_DATA),
                  .auth_method = BYTES(SCRAM_METHOD),
                  .auth_data = data},
    };
    struct buf out = {0};

    wire_encode_disconnect(&out, WIRE_AUTH, &auth, WIRE_V5);
    say(s, &out);
    buf_done(&out);
}

static void say_connack(struct server *s, struct bytes data)
{
    struct wire_connack ack = {.reason = REASON_SUCCESS};
    struct buf out = {0};

    if (s->flaw != FLAW_NO_METHOD)
        ack.props.set = BIT64(PROP_AUTH_METHOD) | BIT64(PROP_AUTH_DATA);
    ack.props.auth_method = BYTES(SCRAM_METHOD);
    ack.props.auth_data = data;
    wire_encode_connack(&out, &ack, WIRE_V5);
    say(s, &out);
    buf_done(&out);
}

/* Challenge, and take the answer.  Return: false at the end. */
static bool exchange(struct server *s, struct bytes hello, bool knows, struct buf *ret_final)
{
    struct scram_server *scram = scram_server_new();
    struct scram_verifier v;
    struct wire_disconnect auth;
    struct wire_frame f;
    struct buf first = {0};
    bool ok;

    scram_verifier_make(knows ? BYTES(PASSWORD) : BYTES("another"), BYTES(SALT), 4096, &v);
    assert_int_equal(scram_server_hello(scram, hello), SCRAM_OK);
    scram_server_challenge(scram, &v, BYTES("of-the-server"), &first);
    say_auth(s, REASON_CONTINUE_AUTHENTICATION, buf_view(&first));
    s->in.len = 0;
    ok = next_packet(s, &f) && f.type == WIRE_AUTH;
    if (ok) {
        assert_int_equal(wire_decode_disconnect(f.type, f.flags, f.body, WIRE_V5, &auth), WIRE_OK);
        assert_int_equal(auth.reason, REASON_CONTINUE_AUTHENTICATION); /* [MQTT5-4.12.0-3] */
        assert_int_equal(scram_server_finish(scram, auth.props.auth_data, ret_final),
                         knows ? SCRAM_OK : SCRAM_E_PROOF);
    }
    if (ok && !knows)
        buf_addf(ret_final, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    s->in.len = 0;
    buf_done(&first);
    scram_server_free(scram);
    return ok;
}

static void serve(struct server *s)
{
    struct buf final = {0};
    struct wire_connect p;
    struct wire_frame f;

    assert_true(next_packet(s, &f));
    assert_int_equal(wire_decode_connect(f.flags, f.body, &p), WIRE_OK);
    s->sent_password = p.has_password || p.has_user_name;
    if (s->flaw == FLAW_AT_ONCE) {
        say_connack(s, BYTES("v=x"));
        return;
    }
    if (!exchange(s, p.props.auth_data, s->flaw != FLAW_ANOTHER_PASSWORD, &final))
        return;
    say_connack(s, buf_view(&final));
    buf_done(&final);
}

static void *run(void *arg)
{
    struct server *s = arg;
    uint8_t rest[256];

    s->fd = accept(s->listener, NULL, NULL);
    serve(s);
    while (read(s->fd, rest, sizeof(rest)) > 0)
        ;
    close(s->fd);
    return NULL;
}

static void server_start(struct server *s, enum flaw flaw)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);

    *s = (struct server){.flaw = flaw, .listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_int_equal(bind(s->listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(s->listener, 1), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&at, &len), 0);
    s->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, run, s), 0);
}

static void server_stop(struct server *s)
{
    pthread_join(s->thread, NULL);
    close(s->listener);
    buf_done(&s->in);
}

static struct client *client_of(const struct server *s)
{
    const struct client_settings settings = {
        .host = "127.0.0.1",
        .port = s->port,
        .client_id = "prover",
        .user_name = "alice",
        .password = PASSWORD,
        .scram = true,
    };

    return client_new(&settings);
}

static void a_password_is_proved_and_not_sent(void **state)
{
    struct server s;
    struct client *c;

    (void)state;
    server_start(&s, FLAW_NONE);
    c = client_of(&s);
    assert_int_equal(client_connect(c), CLIENT_OK);
    assert_true(client_is_connected(c));
    client_free(c);
    server_stop(&s);
    assert_false(s.sent_password);
}

/* clang-format off */
static const struct false_server {
    const char *what;
    enum flaw flaw;
    const char *error;
} false_servers[] = {
    {"without the verifier",           FLAW_ANOTHER_PASSWORD, "does not show that it knows the password"},
    {"without a method in CONNACK",    FLAW_NO_METHOD,        "does not show that it knows the password"},
    {"that accepts without an answer", FLAW_AT_ONCE,          "does not show that it knows the password"},
};
/* clang-format on */

static void a_server_that_does_not_prove_itself_is_not_talked_to(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(false_servers); i++) {
        struct server s;
        struct client *c;

        print_message("  %s\n", false_servers[i].what);
        server_start(&s, false_servers[i].flaw);
        c = client_of(&s);
        assert_int_equal(client_connect(c), CLIENT_E_MALFORMED);
        assert_non_null(strstr(client_error(c), false_servers[i].error));
        assert_false(client_is_connected(c));
        client_free(c);
        server_stop(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_password_is_proved_and_not_sent),
        cmocka_unit_test(a_server_that_does_not_prove_itself_is_not_talked_to),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
