/* SPDX-License-Identifier: Apache-2.0 */
/* The client side: which server is believed, and how long it is waited for. */
#include "certs.h"
#include "peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

static struct tls_context *server_tls;

static int setup(void **state)
{
    char *error = NULL;
    struct tls_settings s;

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

/* clang-format off */
static const struct visit {
    const char *what;
    const char *host;
    const char *server_name;
    const char *ca;
    const char *error; /* NULL: believed */
} visits[] = {
    {"the name of the certificate",    "127.0.0.1", "localhost",   "ca.crt",       NULL},
    {"the address of the certificate", "127.0.0.1", "127.0.0.1",   "ca.crt",       NULL},
    {"the host when no name is given", "127.0.0.1", NULL,          "ca.crt",       NULL},
    {"a host that is a name",          "localhost", NULL,          "ca.crt",       NULL},
    {"another name",                   "127.0.0.1", "example.org", "ca.crt",       "hostname mismatch: CN localhost"},
    {"another address",                "127.0.0.1", "127.0.0.2",   "ca.crt",       "IP address mismatch: CN localhost"},
    {"another CA",                     "127.0.0.1", "localhost",   "other-ca.crt", "unknown ca: CN localhost"},
};
/* clang-format on */

static void visit(const struct visit *v)
{
    struct stream_target t = {.host = v->host, .server_name = v->server_name, .timeout_ms = 5000};
    enum stream_outcome client_outcome;
    char *error = NULL;
    struct stream *server, *client;
    int listener, fd;

    assert_int_equal(listener_open("127.0.0.1", 0, false, &listener), 0);
    t.port = port_of(listener);
    t.tls = tls_context_new_client(in(v->ca), NULL, NULL, &error);
    assert_non_null(t.tls);
    client = stream_connect(&t, &error);
    assert_non_null(client);
    wait_until(listener, POLLIN);
    assert_int_equal(listener_accept(listener, &fd), 0);
    server = stream_new(fd, server_tls);
    (void)shake_both(server, client, &client_outcome);
    print_message("  %s: %s\n", v->what, stream_error(client));
    assert_int_equal(client_outcome, v->error == NULL ? STREAM_OK : STREAM_FAILED);
    assert_int_equal(stream_peer(client)->has_certificate, v->error == NULL);
    if (v->error != NULL)
        assert_non_null(strstr(stream_error(client), v->error));
    if (v->error == NULL && v->server_name != NULL && strcmp(v->server_name, "localhost") == 0)
        assert_string_equal(stream_peer(server)->tls->sni, "localhost");
    stream_free(client);
    stream_free(server);
    tls_context_unref(t.tls);
    close(listener);
}

static void a_server_is_believed_by_its_certificate_only(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(visits); i++)
        visit(&visits[i]);
}

static void a_name_that_is_none_is_refused(void **state)
{
    struct stream_target t = {.host = "127.0.0.1", .server_name = "", .timeout_ms = 5000};
    char *error = NULL;
    int listener;

    (void)state;
    assert_int_equal(listener_open("127.0.0.1", 0, false, &listener), 0);
    t.port = port_of(listener);
    t.tls = tls_context_new_client(in("ca.crt"), NULL, NULL, &error);
    assert_null(stream_connect(&t, &error));
    assert_non_null(strstr(error, "the server's name is not a name"));
    free(error);
    tls_context_unref(t.tls);
    close(listener);
}

static void a_closed_port_is_an_error_that_says_where(void **state)
{
    struct stream_target t = {.host = "127.0.0.1", .timeout_ms = 5000};
    char *error = NULL;
    int listener;

    (void)state;
    assert_int_equal(listener_open("127.0.0.1", 0, false, &listener), 0);
    t.port = port_of(listener);
    close(listener);
    assert_null(stream_connect(&t, &error));
    print_message("  %s\n", error);
    assert_non_null(strstr(error, "cannot connect to 127.0.0.1 port "));
    assert_non_null(strstr(error, "Connection refused"));
    free(error);
}

static void what_is_no_address_is_an_error(void **state)
{
    const struct stream_target t = {.host = "300.1.2.3", .port = 1, .timeout_ms = 5000};
    const struct stream_target from = {
        .host = "127.0.0.1", .port = 1, .source = "here", .timeout_ms = 5000};
    char *error = NULL;

    (void)state;
    assert_null(stream_connect(&t, &error));
    assert_non_null(strstr(error, "cannot connect to 300.1.2.3 port 1: "));
    free(error);
    assert_null(stream_connect(&from, &error));
    assert_non_null(strstr(error, "Cannot assign requested address"));
    free(error);
}

/* A full queue of clients to accept makes the kernel drop the next one's SYN. */
static void a_server_that_does_not_answer_is_given_up(void **state)
{
    struct stream_target t = {.host = "127.0.0.1", .timeout_ms = 5000};
    const uint64_t limit_ms = 100;
    struct stream *first;
    char *error = NULL;
    uint64_t from_ns;
    int listener;

    (void)state;
    assert_int_equal(listener_open("127.0.0.1", 0, false, &listener), 0);
    assert_int_equal(listen(listener, 0), 0);
    t.port = port_of(listener);
    first = stream_connect(&t, &error);
    assert_non_null(first);
    wait_until(listener, POLLIN);
    from_ns = clock_now_ns();
    t.timeout_ms = (unsigned)limit_ms;
    assert_null(stream_connect(&t, &error));
    assert_true(clock_now_ns() - from_ns >= limit_ms * NS_PER_MS);
    assert_non_null(strstr(error, "Connection timed out"));
    free(error);
    stream_free(first);
    close(listener);
}

static void a_client_may_choose_its_own_address(void **state)
{
    static const char *const sources[][2] = {{"127.0.0.1", "127.0.0.9"}, {"::1", "::1"}};
    char *error = NULL;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        struct stream_target t = {
            .host = sources[i][0], .source = sources[i][1], .timeout_ms = 5000};
        struct stream *client, *server;
        int listener, fd;

        assert_int_equal(listener_open(t.host, 0, false, &listener), 0);
        t.port = port_of(listener);
        client = stream_connect(&t, &error);
        assert_non_null(client);
        assert_string_equal(stream_peer(client)->address, t.host);
        assert_int_equal(stream_peer(client)->port, t.port);
        wait_until(listener, POLLIN);
        assert_int_equal(listener_accept(listener, &fd), 0);
        server = stream_new(fd, NULL);
        assert_string_equal(stream_peer(server)->address, t.source);
        stream_free(client);
        stream_free(server);
        close(listener);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_is_believed_by_its_certificate_only),
        cmocka_unit_test(a_name_that_is_none_is_refused),
        cmocka_unit_test(a_closed_port_is_an_error_that_says_where),
        cmocka_unit_test(what_is_no_address_is_an_error),
        cmocka_unit_test(a_server_that_does_not_answer_is_given_up),
        cmocka_unit_test(a_client_may_choose_its_own_address),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
