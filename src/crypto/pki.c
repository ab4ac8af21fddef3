/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto/pki.c - the built-in CA makes itself and issues, MQ.PR.IA-01 MQ.PR.IA-02
 *
 * One ECDSA P-256 key without intermediates: path length zero.  What was issued
 * is kept as issued/SERIAL.crt, written before the certificate is handed out, so
 * that whatever exists can be listed and revoked.  No other index is kept.
 */
#include "crypto/pki.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <unistd.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "base/signals.h"
#include "base/text.h"

#define COMMON_NAME_MAX 64 /* X.520 ub-common-name */
#define SERIAL_BYTES    16
#define X509_V3         2 /* versions are counted from zero */

/** pki_path() - owned by the caller */
char *pki_path(const char *dir, const char *name)
{
    struct buf path = {0};

    buf_addf(&path, "%s/%s", dir, name);
    buf_add_u8(&path, 0);
    return (char *)path.at;
}

/** pki_ca_done() - fine on one that is zero */
void pki_ca_done(struct pki_ca *ca)
{
    X509_free(ca->certificate);
    EVP_PKEY_free(ca->key);
    *ca = (struct pki_ca){0};
}

/** pki_ca_load() - certificate and key of the CA in @dir, which have to be a pair; @ret is owned by
 * the caller */
bool pki_ca_load(const char *dir, struct pki_ca *ret, char **ret_error)
{
    char *certificate_path = pki_path(dir, "ca.crt");
    char *key_path = pki_path(dir, "ca.key");
    struct pki_ca ca = {0};
    bool ok = false;

    ca.certificate = pem_read_certificate(certificate_path, ret_error);
    if (ca.certificate != NULL && access(key_path, F_OK) != 0)
        (void)text_fail(ret_error,
                        "there is no %s: put the CA's key back there from where it is kept, for as "
                        "long as certificates are issued or revoked",
                        key_path);
    else if (ca.certificate != NULL)
        ca.key = pem_read_private_key(key_path, ret_error);
    if (ca.key != NULL)
        ok = X509_check_private_key(ca.certificate, ca.key) == 1 ||
             openssl_failed(ret_error, "%s is not the key of %s; restore the pair from a backup",
                            key_path, certificate_path);
    if (ok)
        *ret = ca;
    else
        pki_ca_done(&ca);
    free(certificate_path);
    free(key_path);
    return ok;
}

/* ---- parts of a certificate ---- */

static bool set_serial(X509 *c)
{
    uint8_t bytes[SERIAL_BYTES];
    BIGNUM *n;
    bool ok;

    random_bytes(bytes, sizeof(bytes));
    bytes[0] |= 1; /* never zero, all of 16 bytes in hex */
    n = BN_bin2bn(bytes, sizeof(bytes), NULL);
    ok = n != NULL && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(c)) != NULL;
    BN_free(n);
    return ok;
}

static bool set_times(X509 *c, uint64_t not_before_unix_ms, uint64_t not_after_unix_ms)
{
    return ASN1_TIME_set(X509_getm_notBefore(c), (time_t)(not_before_unix_ms / 1000)) != NULL &&
           ASN1_TIME_set(X509_getm_notAfter(c), (time_t)(not_after_unix_ms / 1000)) != NULL;
}

static bool set_subject(X509 *c, const char *common_name)
{
    return X509_NAME_add_entry_by_NID(X509_get_subject_name(c), NID_commonName, MBSTRING_UTF8,
                                      (const unsigned char *)common_name, -1, -1, 0) == 1;
}

/** pki_add_extension() - to the certificate @c, or to the list @crl; the other is NULL; @value is
 * in the words of openssl.cnf */
bool pki_add_extension(X509 *c, X509_CRL *crl, X509 *issuer, int nid, const char *value)
{
    X509_EXTENSION *extension;
    X509V3_CTX ctx;
    bool ok;

    X509V3_set_ctx(&ctx, issuer, c, NULL, crl, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    if (extension == NULL)
        return false;
    ok = (c != NULL ? X509_add_ext(c, extension, -1) : X509_CRL_add_ext(crl, extension, -1)) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

/* NULL when @text is neither an address nor a DNS name, with a wildcard at most as its first label.
 */
static GENERAL_NAME *general_name_of(const char *text)
{
    ASN1_OCTET_STRING *ip = a2i_IPADDRESS(text);
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *dns;

    check(name != NULL);
    if (ip != NULL) {
        GENERAL_NAME_set0_value(name, GEN_IPADD, ip);
        return name;
    }
    ERR_clear_error();
    if (!pki_dns_name_valid(text)) {
        GENERAL_NAME_free(name);
        return NULL;
    }
    dns = ASN1_IA5STRING_new();
    check(dns != NULL && ASN1_STRING_set(dns, text, -1) == 1);
    GENERAL_NAME_set0_value(name, GEN_DNS, dns);
    return name;
}

static bool add_names(X509 *c, const struct pki_request *r, char **ret_error)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    bool ok = true;

    check(names != NULL);
    for (size_t i = 0; i < r->n_names && ok; i++) {
        GENERAL_NAME *name = general_name_of(r->names[i]);

        if (name == NULL)
            ok = text_fail(ret_error, "\"%s\" is neither a host name nor an IP address",
                           r->names[i]);
        else
            check(sk_GENERAL_NAME_push(names, name) > 0);
    }
    if (ok && X509_add1_ext_i2d(c, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) != 1)
        ok = openssl_failed(ret_error, "cannot add the names to the certificate");
    GENERAL_NAMES_free(names);
    return ok;
}

/* ---- making the CA ---- */

static bool common_name_valid(const char *name, char **ret_error)
{
    size_t len = strlen(name);

    if (len == 0 || len > COMMON_NAME_MAX)
        return text_fail(ret_error, "the name of a certificate has 1 to %d bytes, not %zu",
                         COMMON_NAME_MAX, len);
    for (size_t i = 0; i < len; i++)
        if (iscntrl((unsigned char)name[i]))
            return text_fail(ret_error, "the name of a certificate has no control characters");
    return true;
}

static bool times_valid(uint64_t not_before_unix_ms, uint64_t not_after_unix_ms, char **ret_error)
{
    if (not_before_unix_ms < not_after_unix_ms)
        return true;
    return text_fail(ret_error, "a certificate must end after it begins");
}

static X509 *ca_certificate_new(EVP_PKEY *key, const char *common_name, uint64_t not_before_unix_ms,
                                uint64_t not_after_unix_ms)
{
    X509 *c = X509_new();

    check(c != NULL);
    if (X509_set_version(c, X509_V3) == 1 && set_serial(c) &&
        set_times(c, not_before_unix_ms, not_after_unix_ms) && set_subject(c, common_name) &&
        X509_set_issuer_name(c, X509_get_subject_name(c)) == 1 && X509_set_pubkey(c, key) == 1 &&
        pki_add_extension(c, NULL, c, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
        pki_add_extension(c, NULL, c, NID_key_usage, "critical,keyCertSign,cRLSign") &&
        pki_add_extension(c, NULL, c, NID_subject_key_identifier, "hash") &&
        X509_sign(c, key, EVP_sha256()) > 0)
        return c;
    X509_free(c);
    return NULL;
}

static bool ca_write(const char *dir, const struct pki_ca *ca, uint64_t now_unix_ms,
                     char **ret_error)
{
    char *certificate_path = pki_path(dir, "ca.crt");
    char *key_path = pki_path(dir, "ca.key");
    char *issued_path = pki_path(dir, "issued");
    SIGNALS_HELD_HERE(); /* half a CA is in the way */
    bool ok;

    if (access(key_path, F_OK) == 0 || access(certificate_path, F_OK) == 0)
        ok = text_fail(ret_error,
                       "%s has a CA already; all certificates depend on it. To begin anew, move "
                       "ca.crt, ca.key, ca.crl and issued/ away first",
                       dir);
    else
        ok = folder_make(issued_path, ret_error) &&
             pem_write_pair(key_path, ca->key, certificate_path, ca->certificate, ret_error) &&
             pki_crl_write(dir, ca, NULL, now_unix_ms, ret_error);
    free(certificate_path);
    free(key_path);
    free(issued_path);
    return ok;
}

/**
 * pki_create() - make a CA in @dir: ca.key, ca.crt, an empty ca.crl, issued/
 * @dir:                 exists; one that has a CA already is left alone
 * @common_name:         1 to 64 bytes
 * @not_before_unix_ms:  also the date of the first revocation list
 *
 * ECDSA P-256, SHA-256, path length zero, may sign certificates and lists only.
 */
bool pki_create(const char *dir, const char *common_name, uint64_t not_before_unix_ms,
                uint64_t not_after_unix_ms, char **ret_error)
{
    struct pki_ca ca = {0};
    bool ok = false;

    if (!common_name_valid(common_name, ret_error) ||
        !times_valid(not_before_unix_ms, not_after_unix_ms, ret_error))
        return false;
    ca.key = EVP_EC_gen("P-256");
    if (ca.key != NULL)
        ca.certificate =
            ca_certificate_new(ca.key, common_name, not_before_unix_ms, not_after_unix_ms);
    if (ca.certificate == NULL)
        openssl_failed(ret_error, "cannot make the CA \"%s\"", common_name);
    else
        ok = ca_write(dir, &ca, not_before_unix_ms, ret_error);
    pki_ca_done(&ca);
    return ok;
}

/* ---- issuing ---- */

static bool request_valid(const struct pki_request *r, const struct pki_ca *ca, char **ret_error)
{
    uint64_t ca_ends = asn1_time_unix_ms(X509_get0_notAfter(ca->certificate));

    if (!common_name_valid(r->common_name, ret_error) ||
        !times_valid(r->not_before_unix_ms, r->not_after_unix_ms, ret_error))
        return false;
    if (r->not_after_unix_ms > ca_ends)
        return text_fail(ret_error,
                         "the certificate would outlive the CA that issues it; "
                         "let it end earlier (bastide pki show ca.crt says when the CA ends)");
    if (r->kind == PKI_SERVER && r->n_names == 0)
        return text_fail(ret_error,
                         "a server certificate needs at least one host name or IP address "
                         "that clients reach it by");
    return true;
}

static X509 *certificate_new(const struct pki_request *r, const struct pki_ca *ca, EVP_PKEY *key,
                             char **ret_error)
{
    const char *purpose = r->kind == PKI_SERVER ? "serverAuth" : "clientAuth";
    X509 *c = X509_new();
    X509 *issuer = ca->certificate;

    check(c != NULL);
    if (X509_set_version(c, X509_V3) != 1 || !set_serial(c) ||
        !set_times(c, r->not_before_unix_ms, r->not_after_unix_ms) ||
        !set_subject(c, r->common_name) ||
        X509_set_issuer_name(c, X509_get_subject_name(issuer)) != 1 ||
        X509_set_pubkey(c, key) != 1 ||
        !pki_add_extension(c, NULL, issuer, NID_basic_constraints, "critical,CA:FALSE") ||
        !pki_add_extension(c, NULL, issuer, NID_key_usage, "critical,digitalSignature") ||
        !pki_add_extension(c, NULL, issuer, NID_ext_key_usage, purpose) ||
        !pki_add_extension(c, NULL, issuer, NID_subject_key_identifier, "hash") ||
        !pki_add_extension(c, NULL, issuer, NID_authority_key_identifier, "keyid:always"))
        openssl_failed(ret_error, "cannot make the certificate of \"%s\"", r->common_name);
    else if (r->kind == PKI_SERVER && !add_names(c, r, ret_error))
        ; /* @ret_error says it */
    else if (X509_sign(c, ca->key, EVP_sha256()) <= 0)
        openssl_failed(ret_error, "cannot sign the certificate of \"%s\"", r->common_name);
    else
        return c;
    X509_free(c);
    return NULL;
}

static bool issued_write(const char *dir, const char *serial, X509 *certificate, char **ret_error)
{
    struct buf name = {0};
    char *path;
    bool ok;

    buf_addf(&name, "issued/%s.crt", serial);
    buf_add_u8(&name, 0);
    path = pki_path(dir, (const char *)name.at);
    ok = pem_write_certificate(path, certificate, ret_error);
    free(path);
    buf_done(&name);
    return ok;
}

/**
 * pki_issue() - make a key and a certificate for it
 * @request:           borrowed
 * @certificate_path:  replaced if it exists
 * @key_path:          PKCS#8 PEM, mode 0600; replaced if it exists
 * @ret_serial:        hex of the random 128-bit serial number; may be NULL
 *
 * What fails leaves the pair that was there.  SIGINT, SIGTERM and SIGHUP take effect before the
 * first file is written, or when the pair stands.
 */
bool pki_issue(const char *dir, const struct pki_request *request, const char *certificate_path,
               const char *key_path, char ret_serial[SERIAL_TEXT_LEN], char **ret_error)
{
    char serial[SERIAL_TEXT_LEN];
    X509 *certificate = NULL;
    struct pki_ca ca = {0};
    EVP_PKEY *key = NULL;
    bool ok = false;
    sigset_t held;

    if (!pki_ca_load(dir, &ca, ret_error) || !request_valid(request, &ca, ret_error))
        goto out;
    key = EVP_EC_gen("P-256");
    if (key == NULL) {
        openssl_failed(ret_error, "cannot make a key for \"%s\"", request->common_name);
        goto out;
    }
    certificate = certificate_new(request, &ca, key, ret_error);
    if (certificate == NULL)
        goto out;
    check(serial_text(X509_get0_serialNumber(certificate), serial));
    held = signals_hold();
    ok = issued_write(dir, serial, certificate, ret_error) &&
         pem_write_pair(key_path, key, certificate_path, certificate, ret_error);
    signals_release(&held);
    if (ok && ret_serial != NULL)
        memcpy(ret_serial, serial, sizeof(serial));
out:
    X509_free(certificate);
    EVP_PKEY_free(key);
    pki_ca_done(&ca);
    return ok;
}
