/* SPDX-License-Identifier: Apache-2.0 */
/* What the built-in CA makes, judged by OpenSSL's own verification. */
#include "folder.h"

#include <sys/ioctl.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define DAY_MS 86400000ULL
#define NOW_MS 1790000000000ULL /* 2026-09-21 */

static X509 *load_certificate(const char *path)
{
    FILE *file = fopen(path, "r");
    X509 *c = file != NULL ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;

    assert_non_null(c);
    fclose(file);
    return c;
}

static X509_CRL *load_crl(const char *path)
{
    FILE *file = fopen(path, "r");
    X509_CRL *c = file != NULL ? PEM_read_X509_CRL(file, NULL, NULL, NULL) : NULL;

    assert_non_null(c);
    fclose(file);
    return c;
}

/* X509_V_OK, or why @path is refused at @at_ms for @purpose under the CA in @dir. */
static int verify(const char *dir, const char *path, int purpose, uint64_t at_ms)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509_VERIFY_PARAM *param;
    X509 *certificate = load_certificate(path);
    char name[128];
    X509_CRL *crl;
    X509 *ca;
    int error;

    snprintf(name, sizeof(name), "%s/ca.crt", dir);
    ca = load_certificate(name);
    snprintf(name, sizeof(name), "%s/ca.crl", dir);
    crl = load_crl(name);
    assert_int_equal(X509_STORE_add_cert(store, ca), 1);
    assert_int_equal(X509_STORE_add_crl(store, crl), 1);
    assert_int_equal(X509_STORE_CTX_init(ctx, store, certificate, NULL), 1);
    param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_X509_STRICT);
    X509_VERIFY_PARAM_set_time(param, (time_t)(at_ms / 1000));
    assert_int_equal(X509_VERIFY_PARAM_set_purpose(param, purpose), 1);
    X509_verify_cert(ctx);
    error = X509_STORE_CTX_get_error(ctx);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    X509_free(certificate);
    X509_CRL_free(crl);
    X509_free(ca);
    return error;
}

static void make_ca(struct folder *f, const char *name)
{
    char *error = NULL;

    mkdir(in(f, name), 0700);
    assert_true(
        pki_create(in(f, name), name, NOW_MS - DAY_MS, NOW_MS + PKI_CA_DAYS * DAY_MS, &error));
}

/* FOLDER/CN.crt and .key, from the CA in FOLDER/ca; valid from now on for 100 days. */
static void issue(struct folder *f, enum pki_kind kind, const char *cn,
                  char serial[SERIAL_TEXT_LEN])
{
    static const char *const names[] = {"localhost", "127.0.0.1", "::1", "*.field.example"};
    struct pki_request r = {
        .kind = kind,
        .common_name = cn,
        .names = names,
        .n_names = kind == PKI_SERVER ? COUNT_OF(names) : 0,
        .not_before_unix_ms = NOW_MS,
        .not_after_unix_ms = NOW_MS + 100 * DAY_MS,
    };
    char crt[128];
    char key[128];
    char *error = NULL;

    snprintf(crt, sizeof(crt), "%s/%s.crt", f->path, cn);
    snprintf(key, sizeof(key), "%s/%s.key", f->path, cn);
    if (!pki_issue(in(f, "ca"), &r, crt, key, serial, &error))
        fail_msg("%s", error);
}

static void a_new_ca_has_what_a_ca_must_have(void **state)
{
    struct certificate_facts facts;
    struct folder *f = *state;
    struct crl_facts crl;
    char *error = NULL;
    X509 *c;

    make_ca(f, "ca");
    assert_int_equal(mode_of(in(f, "ca/ca.key")), 0600);
    assert_int_equal(mode_of(in(f, "ca/ca.crt")), 0644);
    assert_int_equal(mode_of(in(f, "ca/ca.crl")), 0644);
    assert_int_equal(mode_of(in(f, "ca/issued")), 0700);
    assert_true(certificate_read(in(f, "ca/ca.crt"), &facts, &error));
    assert_string_equal(facts.common_name, "ca");
    assert_string_equal(facts.issuer, "ca");
    assert_string_equal(facts.key_type, "EC");
    assert_int_equal(facts.key_bits, 256);
    assert_int_equal(facts.security_bits, 128);
    assert_string_equal(facts.signature_algorithm, "ecdsa-with-SHA256");
    assert_true(facts.is_ca && facts.is_self_signed);
    assert_int_equal(facts.not_after_unix_ms - facts.not_before_unix_ms,
                     (PKI_CA_DAYS + 1) * DAY_MS);
    certificate_facts_done(&facts);

    c = load_certificate(in(f, "ca/ca.crt"));
    assert_int_equal(X509_get_key_usage(c), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
    assert_int_equal(X509_get_pathlen(c), 0);
    assert_int_equal(X509_check_purpose(c, X509_PURPOSE_SSL_CLIENT, 1), 1);
    X509_free(c);

    assert_true(crl_read(in(f, "ca/ca.crl"), &crl, &error));
    assert_int_equal(crl.number, 1);
    assert_int_equal(crl.n_revoked, 0);
    assert_int_equal(crl.next_update_unix_ms, NOW_MS + PKI_CA_DAYS * DAY_MS);
}

static void a_second_ca_is_not_made_over_the_first(void **state)
{
    struct folder *f = *state;
    char before[SHA256_TEXT_LEN];
    char after[SHA256_TEXT_LEN];
    char *error = NULL;

    make_ca(f, "ca");
    assert_true(sha256_file(in(f, "ca/ca.key"), before, &error));
    assert_refused(pki_create(in(f, "ca"), "other", NOW_MS, NOW_MS + DAY_MS, &error), &error,
                   "has a CA already");
    assert_true(sha256_file(in(f, "ca/ca.key"), after, &error));
    assert_string_equal(before, after);
}

static void a_server_certificate_is_good_for_its_names_and_for_servers_only(void **state)
{
    char serial[SERIAL_TEXT_LEN];
    struct certificate_facts facts;
    struct folder *f = *state;
    char *error = NULL;
    X509 *c;

    make_ca(f, "ca");
    issue(f, PKI_SERVER, "node", serial);
    assert_int_equal(mode_of(in(f, "node.key")), 0600);
    assert_int_equal(verify(in(f, "ca"), in(f, "node.crt"), X509_PURPOSE_SSL_SERVER, NOW_MS),
                     X509_V_OK);
    assert_int_equal(verify(in(f, "ca"), in(f, "node.crt"), X509_PURPOSE_SSL_CLIENT, NOW_MS),
                     X509_V_ERR_INVALID_PURPOSE);
    c = load_certificate(in(f, "node.crt"));
    assert_int_equal(X509_check_host(c, "localhost", 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(c, "rtu.field.example", 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(c, "elsewhere", 0, 0, NULL), 0);
    assert_int_equal(X509_check_ip_asc(c, "127.0.0.1", 0), 1);
    assert_int_equal(X509_check_ip_asc(c, "::1", 0), 1);
    assert_int_equal(X509_check_ip_asc(c, "127.0.0.2", 0), 0);
    X509_free(c);

    assert_true(certificate_read(in(f, "node.crt"), &facts, &error));
    assert_string_equal(facts.names, "DNS:localhost, IP:127.0.0.1, IP:::1, DNS:*.field.example");
    assert_string_equal(facts.serial, serial);
    assert_string_equal(facts.issuer, "ca");
    assert_true(facts.for_server && !facts.for_client && !facts.is_ca && !facts.is_self_signed);
    certificate_facts_done(&facts);
}

static void a_client_certificate_is_good_for_clients_only(void **state)
{
    struct folder *f = *state;

    make_ca(f, "ca");
    issue(f, PKI_CLIENT, "meter-17", NULL);
    assert_int_equal(mode_of(in(f, "meter-17.key")), 0600);
    assert_int_equal(verify(in(f, "ca"), in(f, "meter-17.crt"), X509_PURPOSE_SSL_CLIENT, NOW_MS),
                     X509_V_OK);
    assert_int_equal(verify(in(f, "ca"), in(f, "meter-17.crt"), X509_PURPOSE_SSL_SERVER, NOW_MS),
                     X509_V_ERR_INVALID_PURPOSE);
}

static void a_certificate_counts_only_between_its_dates(void **state)
{
    struct folder *f = *state;
    const char *path;

    make_ca(f, "ca");
    issue(f, PKI_CLIENT, "meter", NULL);
    path = in(f, "meter.crt");
    assert_int_equal(verify(in(f, "ca"), path, X509_PURPOSE_SSL_CLIENT, NOW_MS - 1000),
                     X509_V_ERR_CERT_NOT_YET_VALID);
    assert_int_equal(
        verify(in(f, "ca"), path, X509_PURPOSE_SSL_CLIENT, NOW_MS + 100 * DAY_MS - 1000),
        X509_V_OK);
    assert_int_equal(
        verify(in(f, "ca"), path, X509_PURPOSE_SSL_CLIENT, NOW_MS + 100 * DAY_MS + 1000),
        X509_V_ERR_CERT_HAS_EXPIRED);
}

static void a_certificate_of_another_ca_is_refused_even_of_the_same_name(void **state)
{
    struct folder *f = *state;
    char *error = NULL;

    make_ca(f, "ca");
    issue(f, PKI_CLIENT, "meter", NULL);
    mkdir(in(f, "other"), 0700);
    assert_true(pki_create(in(f, "other"), "ca", NOW_MS, NOW_MS + 1000 * DAY_MS, &error));
    assert_int_equal(verify(in(f, "other"), in(f, "meter.crt"), X509_PURPOSE_SSL_CLIENT, NOW_MS),
                     X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
}

static void a_revoked_certificate_is_refused_and_the_others_are_not(void **state)
{
    char serial[SERIAL_TEXT_LEN];
    struct folder *f = *state;
    struct crl_facts crl;
    char *error = NULL;
    size_t n = 0;

    make_ca(f, "ca");
    issue(f, PKI_CLIENT, "meter", serial);
    issue(f, PKI_CLIENT, "gateway", NULL);
    assert_true(pki_revoke(in(f, "ca"), "meter", NOW_MS, &n, &error));
    assert_int_equal(n, 1);
    assert_int_equal(
        verify(in(f, "ca"), in(f, "meter.crt"), X509_PURPOSE_SSL_CLIENT, NOW_MS + 1000),
        X509_V_ERR_CERT_REVOKED);
    assert_int_equal(
        verify(in(f, "ca"), in(f, "gateway.crt"), X509_PURPOSE_SSL_CLIENT, NOW_MS + 1000),
        X509_V_OK);
    assert_true(crl_read(in(f, "ca/ca.crl"), &crl, &error));
    assert_int_equal(crl.number, 2);
    assert_int_equal(crl.n_revoked, 1);
    assert_int_equal(crl.this_update_unix_ms, NOW_MS);
    /* The list is as good as the CA: an unattended node does not lose its clients to a stale list.
     */
    assert_int_equal(verify(in(f, "ca"), in(f, "gateway.crt"), X509_PURPOSE_SSL_CLIENT,
                            NOW_MS + 100 * DAY_MS - 1000),
                     X509_V_OK);
}

static void revoking_adds_to_the_list_and_its_number_grows(void **state)
{
    char serial[SERIAL_TEXT_LEN];
    char spelled[2 * SERIAL_TEXT_LEN + 4] = "0x";
    struct folder *f = *state;
    struct crl_facts crl;
    char *error = NULL;
    size_t n = 0;

    make_ca(f, "ca");
    issue(f, PKI_CLIENT, "one", serial);
    issue(f, PKI_CLIENT, "two", NULL);
    issue(f, PKI_CLIENT, "two", NULL);
    /* The serial as other programs print it: lower case, with colons. */
    for (size_t i = 0; i < strlen(serial); i++)
        snprintf(spelled + strlen(spelled), 3, "%s%c", i > 0 && i % 2 == 0 ? ":" : "",
                 serial[i] >= 'A' ? serial[i] + 32 : serial[i]);
    assert_true(pki_revoke(in(f, "ca"), spelled, NOW_MS, &n, &error));
    assert_int_equal(n, 1);
    assert_true(pki_revoke(in(f, "ca"), "two", NOW_MS + 1000, &n, &error));
    assert_int_equal(n, 2);
    assert_true(crl_read(in(f, "ca/ca.crl"), &crl, &error));
    assert_int_equal(crl.number, 3);
    assert_int_equal(crl.n_revoked, 3);
    assert_refused(pki_revoke(in(f, "ca"), "two", NOW_MS, &n, &error), &error, "already");
    assert_refused(pki_revoke(in(f, "ca"), serial, NOW_MS, &n, &error), &error, "already");
    assert_refused(pki_revoke(in(f, "ca"), "three", NOW_MS, &n, &error), &error, "pki list");
    assert_refused(pki_revoke(in(f, "ca"), "", NOW_MS, &n, &error), &error, "pki list");
    assert_true(crl_read(in(f, "ca/ca.crl"), &crl, &error));
    assert_int_equal(crl.number, 3); /* what was refused changed nothing */
}

static void the_list_shows_what_was_issued_and_what_is_revoked(void **state)
{
    char serial[SERIAL_TEXT_LEN];
    struct folder *f = *state;
    struct pki_list list;
    char *error = NULL;
    size_t n = 0;

    make_ca(f, "ca");
    issue(f, PKI_CLIENT, "one", serial);
    issue(f, PKI_SERVER, "two", NULL);
    assert_true(pki_revoke(in(f, "ca"), "one", NOW_MS + 5000, &n, &error));
    assert_true(pki_list_read(in(f, "ca"), &list, &error));
    assert_int_equal(list.n, 2);
    for (size_t i = 0; i < list.n; i++) {
        bool is_one = strcmp(list.at[i].facts.common_name, "one") == 0;

        assert_int_equal(list.at[i].is_revoked, is_one);
        assert_int_equal(list.at[i].revoked_unix_ms, is_one ? NOW_MS + 5000 : 0);
        assert_int_equal(strcmp(list.at[i].facts.serial, serial) == 0, is_one);
        assert_int_equal(list.at[i].facts.for_server, !is_one);
    }
    pki_list_done(&list);
    assert_refused(pki_list_read(f->path, &list, &error), &error, "pki ca");
}

static void serial_numbers_are_of_128_bits_and_differ(void **state)
{
    char a[SERIAL_TEXT_LEN];
    char b[SERIAL_TEXT_LEN];
    struct folder *f = *state;

    make_ca(f, "ca");
    issue(f, PKI_CLIENT, "one", a);
    issue(f, PKI_CLIENT, "one", b);
    assert_int_equal(strlen(a), 32);
    assert_int_equal(strlen(b), 32);
    assert_memory_not_equal(a, b, 16);
}

static void a_bad_request_is_refused_with_its_reason(void **state)
{
    static const char *const comma[] = {"localhost,DNS:elsewhere"};
    static const char *const space[] = {"two words"};
    static const char *const stars[] = {"a.*.example"};
    static const char *const longest[] = {
        "x123456789012345678901234567890123456789012345678901234567890123"};
    static const struct {
        const char *why;
        struct pki_request r;
    } cases[] = {
        {"host name", {PKI_SERVER, "node", NULL, 0, NOW_MS, NOW_MS + 1000}},
        {"neither", {PKI_SERVER, "node", comma, 1, NOW_MS, NOW_MS + 1000}},
        {"neither", {PKI_SERVER, "node", space, 1, NOW_MS, NOW_MS + 1000}},
        {"neither", {PKI_SERVER, "node", stars, 1, NOW_MS, NOW_MS + 1000}},
        {"neither", {PKI_SERVER, "node", longest, 1, NOW_MS, NOW_MS + 1000}},
        {"64 bytes", {PKI_CLIENT, "", NULL, 0, NOW_MS, NOW_MS + 1000}},
        {"64 bytes",
         {PKI_CLIENT, "12345678901234567890123456789012345678901234567890123456789012345", NULL, 0,
          NOW_MS, NOW_MS + 1000}},
        {"control", {PKI_CLIENT, "a\nb", NULL, 0, NOW_MS, NOW_MS + 1000}},
        {"cannot make", {PKI_CLIENT, "\xff\xfe", NULL, 0, NOW_MS, NOW_MS + 1000}},
        {"end after", {PKI_CLIENT, "a", NULL, 0, NOW_MS, NOW_MS}},
        {"outlive", {PKI_CLIENT, "a", NULL, 0, NOW_MS, NOW_MS + (PKI_CA_DAYS + 1) * DAY_MS}},
    };
    struct folder *f = *state;
    struct pki_list list;
    char *error = NULL;

    make_ca(f, "ca");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %s\n", cases[i].why);
        assert_refused(
            pki_issue(in(f, "ca"), &cases[i].r, in(f, "x.crt"), in(f, "x.key"), NULL, &error),
            &error, cases[i].why);
    }
    assert_int_not_equal(access(in(f, "x.key"), F_OK), 0);
    assert_true(pki_list_read(in(f, "ca"), &list, &error));
    assert_int_equal(list.n, 0);
    pki_list_done(&list);
}

static void a_ca_key_that_is_open_or_of_another_ca_is_not_used(void **state)
{
    struct pki_request r = {PKI_CLIENT, "a", NULL, 0, NOW_MS, NOW_MS + 1000};
    struct folder *f = *state;
    char *error = NULL;

    make_ca(f, "ca");
    make_ca(f, "other");
    assert_int_equal(chmod(in(f, "ca/ca.key"), 0640), 0);
    assert_refused(pki_issue(in(f, "ca"), &r, in(f, "x.crt"), in(f, "x.key"), NULL, &error), &error,
                   "chmod 600");
    assert_int_equal(rename(in(f, "other/ca.key"), in(f, "ca/ca.key")), 0);
    assert_refused(pki_issue(in(f, "ca"), &r, in(f, "x.crt"), in(f, "x.key"), NULL, &error), &error,
                   "is not the key of");
}

static void the_fingerprint_is_the_hash_of_the_certificate(void **state)
{
    struct certificate_facts facts;
    struct folder *f = *state;
    unsigned char *der = NULL;
    char hash[SHA256_TEXT_LEN];
    char *error = NULL;
    X509 *c;
    int len;

    make_ca(f, "ca");
    c = load_certificate(in(f, "ca/ca.crt"));
    len = i2d_X509(c, &der);
    assert_true(len > 0);
    sha256_text(bytes_of(der, (size_t)len), hash);
    assert_true(certificate_read(in(f, "ca/ca.crt"), &facts, &error));
    assert_string_equal(facts.fingerprint, hash);
    certificate_facts_done(&facts);
    OPENSSL_free(der);
    X509_free(c);
}

static void a_file_that_is_no_certificate_or_list_is_refused(void **state)
{
    struct certificate_facts facts;
    struct folder *f = *state;
    struct crl_facts crl;
    char *error = NULL;

    make_ca(f, "ca");
    assert_refused(certificate_read(in(f, "ca/ca.crl"), &facts, &error), &error, "ca.crl");
    assert_refused(crl_read(in(f, "ca/ca.crt"), &crl, &error), &error, "ca.crt");
    put(in(f, "empty"), "", 0600);
    assert_refused(certificate_read(in(f, "empty"), &facts, &error), &error, "empty");
    assert_refused(certificate_read(in(f, "absent"), &facts, &error), &error, "No such file");
}

/* As openssl of old writes private keys; here it is not even that. */
static const char *const sealed[] = {"CERTIFICATE", "X509 CRL", "PUBLIC KEY"};

static void write_sealed(const char *path, const char *what)
{
    char text[400];

    snprintf(text, sizeof(text),
             "-----BEGIN %s-----\nProc-Type: 4,ENCRYPTED\n"
             "DEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\n"
             "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n-----END %s-----\n",
             what, what);
    put(path, text, 0644);
}

/* Read by every reader of such files. */
static void read_all_ways(const char *path)
{
    struct certificate_facts facts;
    struct anchors_facts anchors;
    struct crl_facts crl;
    char *error = NULL;

    assert_refused(certificate_read(path, &facts, &error), &error, "does not hold");
    assert_refused(anchors_read(path, &anchors, &error), &error, "does not hold");
    assert_refused(crl_read(path, &crl, &error), &error, "does not hold");
    assert_refused(verifying_key_load(path, &error) != NULL, &error, path);
}

/* A node that starts by itself would hang; a person would type a word at something that is not
 * meant to be encrypted. */
static void nobody_is_asked_for_the_passphrase_of_a_sealed_file(void **state)
{
    static const char word[] = "word\n";
    struct folder *f = *state;
    int was = dup(STDIN_FILENO);
    int left = -1;
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    assert_int_equal(dup2(fds[0], STDIN_FILENO), STDIN_FILENO);
    for (size_t i = 0; i < COUNT_OF(sealed); i++) {
        assert_int_equal(write(fds[1], word, strlen(word)), strlen(word));
        write_sealed(in(f, "sealed"), sealed[i]);
        read_all_ways(in(f, "sealed"));
        assert_int_equal(ioctl(STDIN_FILENO, FIONREAD, &left), 0);
        assert_int_equal(left, (i + 1) * strlen(word));
    }
    dup2(was, STDIN_FILENO);
    close(was);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_new_ca_has_what_a_ca_must_have),
        IN_FOLDER(a_second_ca_is_not_made_over_the_first),
        IN_FOLDER(a_server_certificate_is_good_for_its_names_and_for_servers_only),
        IN_FOLDER(a_client_certificate_is_good_for_clients_only),
        IN_FOLDER(a_certificate_counts_only_between_its_dates),
        IN_FOLDER(a_certificate_of_another_ca_is_refused_even_of_the_same_name),
        IN_FOLDER(a_revoked_certificate_is_refused_and_the_others_are_not),
        IN_FOLDER(revoking_adds_to_the_list_and_its_number_grows),
        IN_FOLDER(the_list_shows_what_was_issued_and_what_is_revoked),
        IN_FOLDER(serial_numbers_are_of_128_bits_and_differ),
        IN_FOLDER(a_bad_request_is_refused_with_its_reason),
        IN_FOLDER(a_ca_key_that_is_open_or_of_another_ca_is_not_used),
        IN_FOLDER(the_fingerprint_is_the_hash_of_the_certificate),
        IN_FOLDER(a_file_that_is_no_certificate_or_list_is_refused),
        IN_FOLDER(nobody_is_asked_for_the_passphrase_of_a_sealed_file),
    };

    return cmocka_run_group_tests_name("crypto/pki", tests, NULL, NULL);
}
