/* SPDX-License-Identifier: Apache-2.0 */
/* TLS handshakes of a server: who gets in, who does not, and what is said and known about them. */
#include "certs.h"
#include "peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/err.h>

#include "base/clock.h"

static struct tls_context *server(enum tls_client_certificate mode, const char *crl,
                                  int version_min)
{
    const struct tls_settings s = {
        .certificate = in("server.crt"),
        .key = in("server.key"),
        .client_ca = in("both-ca.crt"),
        .crl = crl != NULL ? in(crl) : NULL,
        .client_certificate = mode,
        .version_min = version_min,
    };
    char *error = NULL;
    struct tls_context *c = tls_context_new(&s, &error);

    assert_non_null(c);
    return c;
}

/* clang-format off */
#define NONE     TLS_CLIENT_CERTIFICATE_NONE
#define OPTIONAL TLS_CLIENT_CERTIFICATE_OPTIONAL
#define REQUIRED TLS_CLIENT_CERTIFICATE_REQUIRED

static const struct guest {
    const char *what;
    enum tls_client_certificate mode;
    const char *crl;
    struct manner manner;
    const char *error; /* part of it; NULL: gets in */
    const char *cn;    /* NULL: without a certificate */
} guests[] = {
    {"nobody, where nobody is asked",        NONE,     NULL,      {0}, NULL, NULL},
    {"a certificate where nobody is asked",  NONE,     NULL,      {"meter-7"}, NULL, NULL},
    {"nobody, where it is optional",         OPTIONAL, "ca.crl",  {0}, NULL, NULL},
    {"a good certificate",                   OPTIONAL, "ca.crl",  {"meter-7"}, NULL, "meter-7"},
    {"a good one where one is required",     REQUIRED, "ca.crl",  {"meter-7"}, NULL, "meter-7"},
    {"a good one with TLS 1.2",              REQUIRED, "ca.crl",  {"meter-7", .version_max = TLS1_2_VERSION}, NULL, "meter-7"},
    {"a name in UTF-8",                      REQUIRED, "ca.crl",  {"meter-8"}, NULL, "Z\xc3\xa4hler 8"},
    {"the last of two names",                REQUIRED, "ca.crl",  {"two-names"}, NULL, "meter-9"},
    {"no name",                              REQUIRED, "ca.crl",  {"nameless"}, NULL, ""},
    {"a revoked one where there is no list", REQUIRED, NULL,      {"revoked"}, NULL, "stolen-meter"},
    {"nobody, where one is required",        REQUIRED, "ca.crl",  {0}, "no certificate shown, but one is required", NULL},
    {"nobody, required, TLS 1.2",            REQUIRED, "ca.crl",  {.version_max = TLS1_2_VERSION}, "no certificate shown, but one is required", NULL},
    {"an expired one",                       REQUIRED, "ca.crl",  {"expired"}, "certificate has expired: CN old-meter, serial 10", NULL},
    {"an expired one, optional",             OPTIONAL, "ca.crl",  {"expired"}, "certificate has expired: CN old-meter", NULL},
    {"one that is not valid yet",            REQUIRED, "ca.crl",  {"future"}, "certificate is not yet valid: CN new-meter", NULL},
    {"a revoked one",                        REQUIRED, "ca.crl",  {"revoked"}, "certificate revoked: CN stolen-meter, serial 10", NULL},
    {"a revoked one, optional, TLS 1.2",     OPTIONAL, "ca.crl",  {"revoked", .version_max = TLS1_2_VERSION}, "certificate revoked: CN stolen-meter", NULL},
    {"one of a CA without a list",           REQUIRED, "ca.crl",  {"stranger"}, "no revocation list of its issuer", NULL},
    {"a good one, when there is a newer list", REQUIRED, "next.crl", {"meter-7"}, NULL, "meter-7"},
    {"any, when the list is over",           REQUIRED, "expired.crl", {"meter-7"}, "/expired.crl has expired, the next was due on 20", NULL},
    {"any, when the list is of the future",  REQUIRED, "future.crl", {"meter-7"}, "/future.crl is not valid yet, by the clock of this machine, but from 20", NULL},
    {"a zero byte in the name",              REQUIRED, "ca.crl",  {"zero"}, "malformed common name", NULL},
    {"one that is for servers",              REQUIRED, "ca.crl",  {"for-servers"}, "certificate purpose: CN meter-7", NULL},
    {"TLS 1.1",                              NONE,     NULL,      {.version_max = TLS1_1_VERSION}, "unsupported protocol", NULL},
    {"CBC",                                  NONE,     NULL,      {.version_max = TLS1_2_VERSION, .ciphers = "ECDHE-ECDSA-AES128-SHA256"}, "no shared cipher (or group)", NULL},
    {"no forward secrecy",                   NONE,     NULL,      {.version_max = TLS1_2_VERSION, .ciphers = "AES128-GCM-SHA256"}, "no shared cipher (or group)", NULL},
    {"P-521 only, TLS 1.2",                  NONE,     NULL,      {.version_max = TLS1_2_VERSION, .groups = "P-521"}, "no shared cipher (or group)", NULL},
    {"P-521 only",                           NONE,     NULL,      {.groups = "P-521"}, "no shared group", NULL},
    {"P-256 only",                           NONE,     NULL,      {.groups = "P-256"}, NULL, NULL},
    {"ChaCha20",                             NONE,     NULL,      {.version_max = TLS1_2_VERSION, .ciphers = "ECDHE-ECDSA-CHACHA20-POLY1305"}, NULL, NULL},
    {"one who means another server",         NONE,     NULL,      {.alpn = "\2h2"}, "no application protocol", NULL},
    {"one who does not know our CA",         NONE,     NULL,      {.ca = "other-ca.crt"}, "the peer's alert: unknown CA", NULL},
};
/* clang-format on */

static void welcome(const struct guest *g, size_t bytes_a_step)
{
    struct tls_context *c = server(g->mode, g->crl, 0x0303);
    int fds[2];
    struct stream *s;
    struct peer *p;
    enum stream_outcome outcome;

    pair_unix(fds);
    s = stream_new(fds[0], c);
    p = peer_new(fds[1], &g->manner);
    outcome = shake(s, p, bytes_a_step);
    print_message("  %s: %s\n", g->what, stream_error(s));
    if (g->error != NULL) {
        assert_int_equal(outcome, STREAM_FAILED);
        assert_non_null(strstr(stream_error(s), g->error));
        assert_false(stream_peer(s)->has_certificate);
        assert_false(stream_peer(s)->has_certificate);
        assert_int_equal(stream_handshake(s), STREAM_FAILED);
    } else {
        assert_int_equal(outcome, STREAM_OK);
        assert_string_equal(stream_error(s), "");
        assert_int_equal(stream_peer(s)->has_certificate, g->cn != NULL);
        if (g->cn != NULL)
            assert_string_equal(stream_peer(s)->tls->certificate.cn, g->cn);
        assert_int_equal(stream_handshake(s), STREAM_OK);
    }
    peer_free(p);
    stream_free(s);
    tls_context_unref(c);
}

static void each_guest_gets_in_or_is_told_why_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(guests); i++)
        welcome(&guests[i], SIZE_MAX);
}

static void a_handshake_may_come_byte_by_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(guests); i++)
        welcome(&guests[i], 1);
}

/* Clients choose a certificate by the names of the CAs, each of which is told. */
static void a_client_is_told_whose_certificates_are_taken(void **state)
{
    struct tls_context *c = server(OPTIONAL, "ca.crl", 0x0303);
    int fds[2];
    struct stream *s;
    struct peer *p;

    (void)state;
    pair_unix(fds);
    s = established(c, fds, NULL, &p);
    assert_int_equal(sk_X509_NAME_num(SSL_get0_peer_CA_list(p->ssl)), 2); /* of both-ca.crt */
    peer_free(p);
    stream_free(s);
    tls_context_unref(c);
}

static void one_of_an_unknown_ca_is_told_so(void **state)
{
    const struct manner stranger = {"stranger"};
    const struct tls_settings t = {
        .certificate = in("server.crt"),
        .key = in("server.key"),
        .client_ca = in("ca.crt"),
        .client_certificate = TLS_CLIENT_CERTIFICATE_OPTIONAL,
        .version_min = 0x0303,
    };
    char *error = NULL;
    struct tls_context *c = tls_context_new(&t, &error);
    int fds[2];
    struct stream *s;
    struct peer *p;
    char byte;

    (void)state;
    pair_unix(fds);
    s = stream_new(fds[0], c);
    p = peer_new(fds[1], &stranger);
    assert_int_equal(shake(s, p, SIZE_MAX), STREAM_FAILED);
    assert_non_null(strstr(stream_error(s), "unknown ca: CN meter-7, serial "));
    assert_true(SSL_read(p->ssl, &byte, 1) <= 0);
    assert_int_equal(ERR_GET_REASON(ERR_get_error()), SSL_R_TLSV1_ALERT_UNKNOWN_CA);
    peer_free(p);
    stream_free(s);
    tls_context_unref(c);
}

static void tls_1_3_may_be_required(void **state)
{
    const struct manner old = {.version_max = TLS1_2_VERSION};
    struct tls_context *c = server(NONE, NULL, 0x0304);
    int fds[2];
    struct stream *s;
    struct peer *p;

    (void)state;
    pair_unix(fds);
    s = stream_new(fds[0], c);
    p = peer_new(fds[1], &old);
    assert_int_equal(shake(s, p, SIZE_MAX), STREAM_FAILED);
    assert_non_null(strstr(stream_error(s), "unsupported protocol"));
    peer_free(p);
    stream_free(s);
    pair_unix(fds);
    s = established(c, fds, NULL, &p);
    assert_string_equal(stream_peer(s)->tls->version, "TLSv1.3");
    peer_free(p);
    stream_free(s);
    tls_context_unref(c);
}

static void all_that_is_found_out_about_a_peer_is_told(void **state)
{
    const struct manner m = {"meter-7", .sni = "localhost", .alpn = "\x8mqtt-sn1\4mqtt"};
    struct tls_context *c = server(REQUIRED, "ca.crl", 0x0303);
    const struct stream_peer *about;
    const unsigned char *alpn;
    unsigned alpn_len;
    struct peer *p;
    struct stream *s;
    int fds[2];

    (void)state;
    pair_tcp(fds);
    s = established(c, fds, &m, &p);
    tls_context_unref(c); /* the stream has its own reference */
    about = stream_peer(s);
    assert_string_equal(about->address, "127.0.0.1");
    assert_int_not_equal(about->port, 0);
    assert_true(about->is_loopback);
    assert_true(about->is_tls);
    assert_string_equal(about->tls->certificate.cn, "meter-7");
    assert_string_equal(about->tls->certificate.issuer, "Test CA");
    assert_int_equal(strlen(about->tls->certificate.fingerprint), 64);
    assert_int_equal(strspn(about->tls->certificate.fingerprint, "0123456789abcdef"), 64);
    assert_string_equal(about->tls->certificate.serial, "1006");
    assert_in_range(about->tls->certificate.not_after_unix_ms, clock_unix_ms() + 3500000,
                    clock_unix_ms() + 3600000);
    assert_string_equal(about->tls->version, "TLSv1.3");
    assert_string_equal(about->tls->cipher, SSL_get_cipher_name(p->ssl));
    assert_string_equal(about->tls->sni, "localhost");
    SSL_get0_alpn_selected(p->ssl, &alpn, &alpn_len);
    assert_int_equal(alpn_len, 4);
    assert_memory_equal(alpn, "mqtt", 4);
    peer_free(p);
    stream_free(s);
}

/* The session of a connection that was made and ended, with a ticket. */
static SSL_SESSION *ticket(struct tls_context *c, const struct manner *m)
{
    struct peer *p;
    struct stream *s;
    SSL_SESSION *session;
    int fds[2];
    char byte;

    pair_unix(fds);
    s = established(c, fds, m, &p);
    assert_int_equal(SSL_read(p->ssl, &byte, 1), -1); /* takes the ticket in */
    session = SSL_get1_session(p->ssl);
    assert_int_equal(SSL_SESSION_is_resumable(session), 1);
    /* A session of a connection that broke is not resumed. */
    SSL_set_shutdown(p->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    peer_free(p);
    stream_free(s);
    return session;
}

static void a_session_is_resumed_and_keeps_its_certificate(void **state)
{
    const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct tls_context *c = server(REQUIRED, "ca.crl", 0x0303);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        struct manner m = {"meter-7", .version_max = versions[i]};
        SSL_SESSION *session = ticket(c, &m);
        struct peer *p;
        struct stream *s;
        int fds[2];

        m.session = session;
        pair_unix(fds);
        s = established(c, fds, &m, &p);
        assert_int_equal(SSL_session_reused(p->ssl), 1);
        assert_true(stream_peer(s)->has_certificate);
        assert_string_equal(stream_peer(s)->tls->certificate.cn, "meter-7");
        peer_free(p);
        stream_free(s);
        SSL_SESSION_free(session);
    }
    tls_context_unref(c);
}

static void a_new_context_resumes_nothing_so_that_revocation_counts(void **state)
{
    struct tls_context *before = server(REQUIRED, NULL, 0x0303);
    struct tls_context *after = server(REQUIRED, "ca.crl", 0x0303);
    struct manner m = {"revoked"};
    SSL_SESSION *session;
    struct stream *s;
    struct peer *p;
    int fds[2];

    (void)state;
    session = ticket(before, &m);
    m.session = session;
    pair_unix(fds);
    s = stream_new(fds[0], after);
    p = peer_new(fds[1], &m);
    assert_int_equal(shake(s, p, SIZE_MAX), STREAM_FAILED);
    assert_non_null(strstr(stream_error(s), "certificate revoked"));
    peer_free(p);
    stream_free(s);
    SSL_SESSION_free(session);
    tls_context_unref(before);
    tls_context_unref(after);
}

/* Who has got in may stay until a list names him, be it of whatever date. */
static void a_list_out_of_date_says_of_who_is_there_whom_it_names(void **state)
{
    static const struct {
        const char *certificate;
        const char *crl;
        bool is_trusted;
    } some[] = {
        {"meter-7", "ca.crl", true},      {"revoked", "ca.crl", false},
        {"meter-7", "expired.crl", true}, {"revoked", "expired.crl", false},
        {"meter-7", "future.crl", true},  {"revoked", "future.crl", false},
        {"stranger", "other.crl", true},  {"stranger", "expired.crl", false},
        {"stranger", "half.crl", true},
    };
    struct tls_context *before = server(REQUIRED, NULL, 0x0303);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(some); i++) {
        struct tls_context *after = server(REQUIRED, some[i].crl, 0x0303);
        struct manner m = {some[i].certificate};
        struct stream *s;
        struct peer *p;
        int fds[2];

        pair_unix(fds);
        s = established(before, fds, &m, &p);
        assert_int_equal(stream_is_trusted_by(s, after), some[i].is_trusted);
        peer_free(p);
        stream_free(s);
        tls_context_unref(after);
    }
    tls_context_unref(before);
}

static void a_session_does_not_outlive_its_certificate(void **state)
{
    const struct wish brief = {"brief", "brief-meter", .to_s = 2};
    struct manner m = {"brief"};
    struct tls_context *c = server(REQUIRED, "ca.crl", 0x0303);
    uint64_t until_ms;
    SSL_SESSION *session;
    struct stream *s;
    struct peer *p;
    int fds[2];

    (void)state;
    certs_make(&brief);
    until_ms = clock_unix_ms() + 3000;
    session = ticket(c, &m);
    while (clock_unix_ms() < until_ms)
        usleep(20000); /* its two seconds have to pass by the clock, in whole seconds */
    m.session = session;
    pair_unix(fds);
    s = stream_new(fds[0], c);
    p = peer_new(fds[1], &m);
    assert_int_equal(shake(s, p, SIZE_MAX), STREAM_FAILED);
    assert_int_equal(SSL_session_reused(p->ssl), 1);
    assert_string_equal(stream_error(s), "certificate has expired");
    peer_free(p);
    stream_free(s);
    SSL_SESSION_free(session);
    tls_context_unref(c);
}

/* clang-format off */
static const struct opening {
    const char *what;
    struct bytes bytes;
    enum stream_outcome outcome; /* when the peer then closes */
    const char *error;
} openings[] = {
    {"nothing",           {NULL, 0},                                             STREAM_END,    "closed before the TLS handshake"},
    {"half a hello",      {(const uint8_t *)"\x16\x03\x01\x02\x00\x01", 6},      STREAM_FAILED, "closed during the TLS handshake"},
    {"HTTP",              {(const uint8_t *)"GET / HTTP/1.1\r\n\r\n", 18},       STREAM_FAILED, "http request"},
    {"plain MQTT",        {(const uint8_t *)"\x10\x10\0\4MQTT\4\2\0\x3c\0\4me-7", 18}, STREAM_FAILED, "not TLS"},
    {"a record too long", {(const uint8_t *)"\x16\x03\x01\xff\xff\x01\0\0\0", 9}, STREAM_FAILED, "length"},
};
/* clang-format on */

static void what_is_no_handshake_is_named(void **state)
{
    struct tls_context *c = server(NONE, NULL, 0x0303);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(openings); i++) {
        const struct opening *o = &openings[i];
        struct stream *s;
        int fds[2];

        pair_unix(fds);
        s = stream_new(fds[0], c);
        assert_int_equal(stream_handshake(s), STREAM_AGAIN);
        assert_int_equal(send(fds[1], o->bytes.at, o->bytes.len, MSG_NOSIGNAL),
                         (ssize_t)o->bytes.len);
        close(fds[1]);
        assert_int_equal(stream_handshake(s), o->outcome);
        print_message("  %s: %s\n", o->what, stream_error(s));
        assert_non_null(strstr(stream_error(s), o->error));
        assert_int_equal(stream_handshake(s), o->outcome);
        assert_int_equal(ERR_peek_error(), 0);
        stream_free(s);
    }
    tls_context_unref(c);
}

static void an_error_of_somebody_else_in_the_thread_does_no_harm(void **state)
{
    struct tls_context *c = server(NONE, NULL, 0x0303);
    struct stream *s;
    int fds[2];

    (void)state;
    pair_unix(fds);
    s = stream_new(fds[0], c);
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    assert_int_equal(stream_handshake(s), STREAM_AGAIN);
    close(fds[1]);
    stream_free(s);
    tls_context_unref(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_guest_gets_in_or_is_told_why_not),
        cmocka_unit_test(a_handshake_may_come_byte_by_byte),
        cmocka_unit_test(a_client_is_told_whose_certificates_are_taken),
        cmocka_unit_test(one_of_an_unknown_ca_is_told_so),
        cmocka_unit_test(tls_1_3_may_be_required),
        cmocka_unit_test(all_that_is_found_out_about_a_peer_is_told),
        cmocka_unit_test(a_session_is_resumed_and_keeps_its_certificate),
        cmocka_unit_test(a_new_context_resumes_nothing_so_that_revocation_counts),
        cmocka_unit_test(a_list_out_of_date_says_of_who_is_there_whom_it_names),
        cmocka_unit_test(a_session_does_not_outlive_its_certificate),
        cmocka_unit_test(what_is_no_handshake_is_named),
        cmocka_unit_test(an_error_of_somebody_else_in_the_thread_does_no_harm),
    };

    return cmocka_run_group_tests(tests, certs_setup, certs_teardown);
}
