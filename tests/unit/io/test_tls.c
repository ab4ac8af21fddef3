/* SPDX-License-Identifier: Apache-2.0 */
/* Contexts: which files make one, and what the operator is told about those that do not. */
#include "certs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/clock.h"
#include "io/io.h"

static const struct tls_settings good = {
    .certificate = "server.crt",
    .key = "server.key",
    .client_ca = "ca.crt",
    .crl = "ca.crl",
    .client_certificate = TLS_CLIENT_CERTIFICATE_REQUIRED,
    .version_min = 0x0303,
};

/* With paths in the folder instead of names. */
static struct tls_settings located(const struct tls_settings *s)
{
    struct tls_settings ret = *s;

    ret.certificate = in(s->certificate);
    ret.key = in(s->key);
    ret.client_ca = s->client_ca != NULL ? in(s->client_ca) : NULL;
    ret.crl = s->crl != NULL ? in(s->crl) : NULL;
    return ret;
}

static void good_files_make_a_context_that_is_counted(void **state)
{
    struct tls_settings s = located(&good);
    char *error = NULL;
    struct tls_context *c = tls_context_new(&s, &error);

    (void)state;
    assert_null(error);
    assert_non_null(c);
    assert_ptr_equal(tls_context_ref(c), c);
    assert_null(tls_context_unref(c));
    assert_null(tls_context_unref(c));
    assert_null(tls_context_unref(NULL));
}

static void certificates_need_not_be_asked_for(void **state)
{
    struct tls_settings s = located(&good);
    char *error = NULL;
    struct tls_context *c;

    (void)state;
    s.client_certificate = TLS_CLIENT_CERTIFICATE_NONE;
    s.client_ca = NULL;
    s.crl = NULL;
    c = tls_context_new(&s, &error);
    assert_non_null(c);
    tls_context_unref(c);
}

/* Its clients decide: by their clocks it may hold. */
static void a_certificate_that_is_out_of_date_is_told_and_taken(void **state)
{
    static const struct {
        const char *certificate;
        const char *key;
        enum certificate_date date;
        const char *words;
    } some[] = {
        {"server-expired.crt", "server-expired.key", CERTIFICATE_OUT_OF_DATE,
         "has expired, it was valid until 20"},
        {"server-future.crt", "server-future.key", CERTIFICATE_OUT_OF_DATE, "not valid before 20"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(some); i++) {
        struct tls_settings s = good;
        struct tls_context *c;
        struct buf text = {0};
        char *error = NULL;

        s.certificate = some[i].certificate;
        s.key = some[i].key;
        s = located(&s);
        c = tls_context_new(&s, &error);
        assert_non_null(c);
        assert_int_equal(certificate_date(tls_context_span(c), clock_unix_ms(), &text),
                         some[i].date);
        buf_add_u8(&text, 0);
        assert_non_null(strstr((const char *)text.at, some[i].words));
        buf_done(&text);
        tls_context_unref(c);
    }
}

static void a_certificate_is_in_date_between_its_dates(void **state)
{
    const uint64_t day = 86400000, at = 100 * day;
    const struct {
        struct certificate_span span;
        enum certificate_date date;
    } some[] = {
        {{at, at + 60 * day}, CERTIFICATE_IN_DATE},
        {{at - day, at + 2 * day}, CERTIFICATE_ENDS_SOON},
        {{at - day, at + 1}, CERTIFICATE_ENDS_SOON},
        {{at - day, at}, CERTIFICATE_OUT_OF_DATE},
        {{at + 1, at + 60 * day}, CERTIFICATE_OUT_OF_DATE},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(some); i++)
        assert_int_equal(certificate_date(some[i].span, at, NULL), some[i].date);
}

static void a_list_is_in_date_between_its_dates(void **state)
{
    const uint64_t day = 86400000, at = 1000 * day;
    const struct {
        struct certificate_span span;
        enum certificate_date date;
    } some[] = {
        {{0, 0}, CERTIFICATE_IN_DATE}, /* there is none */
        {{at, at + 365 * day}, CERTIFICATE_IN_DATE},
        {{at - 365 * day, at + 30 * day}, CERTIFICATE_IN_DATE},
        {{at - 365 * day, at + 30 * day - 1}, CERTIFICATE_ENDS_SOON},
        {{at - 6 * day, at + 2 * day}, CERTIFICATE_IN_DATE}, /* the last quarter of eight days */
        {{at - 6 * day, at + 2 * day - 4}, CERTIFICATE_ENDS_SOON},
        {{at - day, at + 1}, CERTIFICATE_ENDS_SOON},
        {{at - day, at}, CERTIFICATE_OUT_OF_DATE},
        {{at + 1, at + 60 * day}, CERTIFICATE_OUT_OF_DATE},
        {{at + 2, at + 1}, CERTIFICATE_OUT_OF_DATE}, /* never are all of its lists in date */
        {{at - day, UINT64_MAX}, CERTIFICATE_IN_DATE},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(some); i++)
        assert_int_equal(crl_date(some[i].span, "x.crl", at, NULL), some[i].date);
}

/* Seconds from now; 0: there is none.  Each CA has to have one, of several the one that holds. */
static void the_lists_of_a_context_hold_as_long_as_each_ca_has_one(void **state)
{
    static const struct {
        const char *crl;
        long begins_s;
        long ends_s;
    } some[] = {
        {NULL, 0, 0},
        {"ca.crl", -2 * HOUR_S, HOUR_S},
        {"expired.crl", -2 * HOUR_S, -HOUR_S},
        {"future.crl", HOUR_S, 2 * HOUR_S},
        {"next.crl", -2 * HOUR_S, HOUR_S},
        {"both.crl", -2 * HOUR_S, HOUR_S / 2},
        {"half.crl", -2 * HOUR_S, -HOUR_S},
    };
    const int64_t now_s = (int64_t)(clock_unix_ms() / 1000);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(some); i++) {
        struct tls_settings s = good;
        char *error = NULL;
        struct certificate_span span;
        struct tls_context *c;

        s.client_ca = "both-ca.crt";
        s.crl = some[i].crl;
        s = located(&s);
        c = tls_context_new(&s, &error);
        assert_non_null(c);
        span = tls_context_crl_span(c);
        tls_context_unref(c);
        if (some[i].crl == NULL) {
            assert_int_equal(span.begins_unix_ms + span.ends_unix_ms, 0);
            continue;
        }
        /* made before, within minutes */
        assert_in_range(now_s + some[i].begins_s - (int64_t)(span.begins_unix_ms / 1000), 0, 600);
        assert_in_range(now_s + some[i].ends_s - (int64_t)(span.ends_unix_ms / 1000), 0, 600);
    }
}

static void a_list_out_of_date_is_told(void **state)
{
    const uint64_t day = 86400000;
    const struct {
        struct certificate_span span;
        const char *words;
    } some[] = {
        {{day, 2 * day}, "its revocation list x.crl has expired, the next was due on 1970-01-03T"},
        {{9 * day, 99 * day}, "its revocation list x.crl is not valid before 1970-01-10T"},
        {{0, 7 * day}, "its revocation list x.crl ends on 1970-01-08T00:00:00.000Z, in 1 day;"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(some); i++) {
        struct buf text = {0};

        assert_int_not_equal(crl_date(some[i].span, "x.crl", 6 * day, &text), CERTIFICATE_IN_DATE);
        buf_add_u8(&text, 0);
        assert_non_null(strstr((const char *)text.at, some[i].words));
        buf_done(&text);
    }
}

/* clang-format off */
static const struct bad {
    const char *what;
    struct tls_settings change; /* of what is good: the members that are set */
    const char *file;           /* named in the error, */
    const char *words;          /* with these */
} bads[] = {
    {"no certificate file",        {.certificate = "none.crt"},        "none.crt",  "No such file or directory; put the file there"},
    {"a folder as certificate",    {.certificate = "folder"},          "folder",    "not a file"},
    {"a certificate that is text", {.certificate = "text"},            "text",      "it must be a PEM file"},
    {"an empty certificate",       {.certificate = "empty"},           "empty",     "it must be a PEM file"},
    {"no key file",                {.key = "none.key"},                "none.key",  "No such file or directory"},
    {"a key that is text",         {.key = "text600"},                 "text600",   "it must be a private key in PEM"},
    {"a key of another",           {.key = "meter-7.key"},             "meter-7.key", "it does not belong to certificate"},
    {"a key of another type",      {.key = "ed25519.key"},             "ed25519.key", "it does not belong to certificate"},
    {"a key with a passphrase",    {.key = "sealed.key"},              "sealed.key", "it is encrypted"},
    {"a key that all can read",    {.key = "open.key"},                "open.key",  "chmod 600"},
    {"no client_ca file",          {.client_ca = "none.crt"},          "none.crt",  "client_ca"},
    {"a client_ca that is text",   {.client_ca = "text"},              "text",      "it must hold CA certificates in PEM"},
    {"a client_ca that is a list", {.client_ca = "ca.crl"},            "ca.crl",    "it must hold CA certificates in PEM"},
    {"no revocation list",         {.crl = "none.crl"},                "none.crl",  "crl"},
    {"a list that is text",        {.crl = "text"},                    "text",      "it must be a revocation list in PEM"},
    {"a list that is broken",      {.crl = "broken.crl"},              "broken.crl", "it must be a revocation list in PEM"},
    {"an empty list",              {.crl = "empty"},                   "empty",     "it must be a revocation list in PEM"},
    {"a list of another CA",       {.crl = "other.crl"},               "other.crl", "not signed by a CA of client_ca"},
};
/* clang-format on */

static void write_bad_files(void)
{
    EVP_PKEY *ec = EVP_EC_gen("P-256");
    EVP_PKEY *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    FILE *f;

    file_with("text", "no PEM\n", 0644);
    file_with("text600", "no PEM\n", 0600);
    file_with("empty", "", 0644);
    file_with("broken.crl", "-----BEGIN X509 CRL-----\nMIIB\n-----END X509 CRL-----\n", 0644);
    file_with("open.key", "", 0644);
    f = fopen(file_with("sealed.key", "", 0600), "w");
    assert_int_equal(
        PEM_write_PrivateKey(f, ec, EVP_aes_128_cbc(), (const void *)"secret", 6, NULL, NULL), 1);
    fclose(f);
    f = fopen(file_with("ed25519.key", "", 0600), "w");
    assert_int_equal(PEM_write_PrivateKey(f, ed, NULL, NULL, 0, NULL, NULL), 1);
    fclose(f);
    EVP_PKEY_free(ec);
    EVP_PKEY_free(ed);
}

static void a_bad_file_is_named_and_what_to_do_is_said(void **state)
{
    (void)state;
    write_bad_files();
    assert_int_equal(mkdir(in("folder"), 0755), 0);

    for (size_t i = 0; i < COUNT_OF(bads); i++) {
        const struct tls_settings *change = &bads[i].change;
        struct tls_settings s = good;
        char *error = NULL;

        if (change->certificate != NULL)
            s.certificate = change->certificate;
        if (change->key != NULL)
            s.key = change->key;
        if (change->client_ca != NULL)
            s.client_ca = change->client_ca;
        if (change->crl != NULL)
            s.crl = change->crl;
        s = located(&s);
        assert_null(tls_context_new(&s, &error));
        assert_non_null(error);
        print_message("  %s: %s\n", bads[i].what, error);
        assert_non_null(strstr(error, in(bads[i].file)));
        assert_non_null(strstr(error, bads[i].words));
        assert_int_equal(ERR_peek_error(), 0);
        free(error);
    }
}

/* Who is root reads everything, so the child gives that up first. */
static int refused_without_permission(const char *path)
{
    struct tls_settings s = located(&good);
    char *error = NULL;

    if (geteuid() == 0 && privileges_drop("nobody") != 0)
        return 1;
    s.key = path;
    if (tls_context_new(&s, &error) != NULL)
        return 2;
    return strstr(error, "Permission denied; let the user that the node runs as read it") == NULL;
}

static void a_file_that_may_not_be_read_is_named(void **state)
{
    const char *path = file_with("locked.key", "", 0);
    pid_t child;
    int status;

    (void)state;
    assert_int_equal(chmod(in(""), 0755), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(refused_without_permission(path));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void client_certificates_without_a_ca_are_refused(void **state)
{
    struct tls_settings s = located(&good);
    char *error = NULL;

    (void)state;
    s.client_ca = NULL;
    assert_null(tls_context_new(&s, &error));
    assert_non_null(strstr(error, "set client_ca"));
    free(error);
}

static void a_server_needs_a_certificate_and_its_key(void **state)
{
    struct tls_settings s = located(&good);
    char *error = NULL;

    (void)state;
    s.key = NULL;
    assert_null(tls_context_new(&s, &error));
    assert_non_null(strstr(error, "key: no file is given"));
    free(error);
    s.certificate = NULL;
    assert_null(tls_context_new(&s, &error));
    assert_non_null(strstr(error, "certificate: no file is given"));
    free(error);
}

static void a_client_needs_a_ca_and_a_key_for_its_certificate(void **state)
{
    char *error = NULL;
    struct tls_context *c;

    (void)state;
    c = tls_context_new_client(in("ca.crt"), in("meter-7.crt"), in("meter-7.key"), &error);
    assert_non_null(c);
    tls_context_unref(c);
    c = tls_context_new_client(NULL, NULL, NULL, &error);
    assert_non_null(c);
    tls_context_unref(c);

    assert_null(tls_context_new_client(in("none.crt"), NULL, NULL, &error));
    assert_non_null(strstr(error, "none.crt"));
    free(error);
    assert_null(tls_context_new_client(in("text"), NULL, NULL, &error));
    assert_non_null(strstr(error, "it must hold certificates in PEM"));
    free(error);
    assert_null(tls_context_new_client(in("ca.crt"), in("meter-7.crt"), NULL, &error));
    assert_non_null(strstr(error, "key: no file is given"));
    free(error);
    assert_null(tls_context_new_client(in("ca.crt"), in("expired.crt"), in("expired.key"), &error));
    assert_non_null(strstr(error, "expired, it was valid until"));
    free(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_files_make_a_context_that_is_counted),
        cmocka_unit_test(certificates_need_not_be_asked_for),
        cmocka_unit_test(a_certificate_that_is_out_of_date_is_told_and_taken),
        cmocka_unit_test(a_certificate_is_in_date_between_its_dates),
        cmocka_unit_test(a_list_is_in_date_between_its_dates),
        cmocka_unit_test(the_lists_of_a_context_hold_as_long_as_each_ca_has_one),
        cmocka_unit_test(a_list_out_of_date_is_told),
        cmocka_unit_test(a_bad_file_is_named_and_what_to_do_is_said),
        cmocka_unit_test(a_file_that_may_not_be_read_is_named),
        cmocka_unit_test(client_certificates_without_a_ca_are_refused),
        cmocka_unit_test(a_server_needs_a_certificate_and_its_key),
        cmocka_unit_test(a_client_needs_a_ca_and_a_key_for_its_certificate),
    };

    return cmocka_run_group_tests(tests, certs_setup, certs_teardown);
}
