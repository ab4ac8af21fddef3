/* SPDX-License-Identifier: Apache-2.0 */
/* crypto/certificate.c - what a certificate and a revocation list say */
#include "crypto/private.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <time.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

/** asn1_time_unix_ms() - 0 when it is no time, or before 1970 */
uint64_t asn1_time_unix_ms(const ASN1_TIME *t)
{
    struct tm tm;
    time_t s;

    if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1)
        return 0;
    s = timegm(&tm);
    return s < 0 ? 0 : (uint64_t)s * 1000;
}

/** serial_text() - in hexadecimal, as people are shown it; false: longer than RFC 5280 allows */
bool serial_text(const ASN1_INTEGER *serial, char ret[SERIAL_TEXT_LEN])
{
    BIGNUM *n = ASN1_INTEGER_to_BN(serial, NULL);
    char *hex = n != NULL ? BN_bn2hex(n) : NULL;
    bool ok = hex != NULL && strlen(hex) < SERIAL_TEXT_LEN;

    if (ok)
        memcpy(ret, hex, strlen(hex) + 1);
    OPENSSL_free(hex);
    BN_free(n);
    return ok;
}

/* "" when there is none, or one that is not text. */
static char *common_name_of(const X509_NAME *name)
{
    int i = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    unsigned char *utf8 = NULL;
    char *text;
    int len;

    if (i < 0)
        return bytes_dup_str(BYTES_NONE);
    len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i)));
    if (len < 0 || memchr(utf8, 0, (size_t)len) != NULL)
        len = 0;
    text = bytes_dup_str(bytes_of(utf8, (size_t)len));
    OPENSSL_free(utf8);
    return text;
}

static void add_dns(struct buf *ret, const ASN1_IA5STRING *s)
{
    struct bytes b = bytes_of(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));

    buf_addf(ret, "%sDNS:", ret->len > 0 ? ", " : "");
    for (size_t i = 0; i < b.len; i++)
        buf_add_u8(ret, b.at[i] > 0x20 && b.at[i] < 0x7f ? b.at[i] : '?');
}

static void add_ip(struct buf *ret, const ASN1_OCTET_STRING *s)
{
    int family = ASN1_STRING_length(s) == 4 ? AF_INET : AF_INET6;
    char text[INET6_ADDRSTRLEN];

    if (ASN1_STRING_length(s) != 4 && ASN1_STRING_length(s) != 16)
        return;
    inet_ntop(family, ASN1_STRING_get0_data(s), text, sizeof(text));
    buf_addf(ret, "%sIP:%s", ret->len > 0 ? ", " : "", text);
}

static char *names_of(X509 *certificate)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    struct buf text = {0};

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (name->type == GEN_DNS)
            add_dns(&text, name->d.dNSName);
        else if (name->type == GEN_IPADD)
            add_ip(&text, name->d.iPAddress);
    }
    GENERAL_NAMES_free(names);
    buf_add_u8(&text, 0);
    return (char *)text.at;
}

/* clang-format off */
static const struct {
    int id;
    const char *name;
} key_types[] = {
    {EVP_PKEY_EC,      "EC"},
    {EVP_PKEY_RSA,     "RSA"},
    {EVP_PKEY_RSA_PSS, "RSA-PSS"},
    {EVP_PKEY_ED25519, "ED25519"},
    {EVP_PKEY_ED448,   "ED448"},
    {EVP_PKEY_DSA,     "DSA"},
};
/* clang-format on */

static const char *key_type_of(const EVP_PKEY *key)
{
    for (size_t i = 0; i < COUNT_OF(key_types); i++)
        if (key_types[i].id == EVP_PKEY_get_base_id(key))
            return key_types[i].name;
    return "unknown";
}

static void fingerprint_of(X509 *certificate, char ret[SHA256_TEXT_LEN])
{
    unsigned char *der = NULL;
    int len = i2d_X509(certificate, &der);

    check(len > 0);
    sha256_text(bytes_of(der, (size_t)len), ret);
    OPENSSL_free(der);
}

/** certificate_facts_of() - @ret is owned by the caller, and written on success; @path is for
 * errors */
bool certificate_facts_of(X509 *certificate, const char *path, struct certificate_facts *ret,
                          char **ret_error)
{
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    uint32_t use = X509_get_extended_key_usage(certificate);
    struct certificate_facts f = {0};

    if (key == NULL)
        return openssl_failed(ret_error, "%s holds a certificate without a usable key", path);
    if (!serial_text(X509_get0_serialNumber(certificate), f.serial))
        return text_fail(ret_error, "%s holds a certificate with a serial number of over 20 bytes",
                         path);
    f.common_name = common_name_of(X509_get_subject_name(certificate));
    f.issuer = common_name_of(X509_get_issuer_name(certificate));
    f.names = names_of(certificate);
    fingerprint_of(certificate, f.fingerprint);
    f.not_before_unix_ms = asn1_time_unix_ms(X509_get0_notBefore(certificate));
    f.not_after_unix_ms = asn1_time_unix_ms(X509_get0_notAfter(certificate));
    f.key_type = key_type_of(key);
    f.key_bits = (unsigned)MAX(EVP_PKEY_get_bits(key), 0);
    f.security_bits = (unsigned)MAX(EVP_PKEY_get_security_bits(key), 0);
    f.signature_algorithm = OBJ_nid2ln(X509_get_signature_nid(certificate));
    f.is_ca = X509_check_ca(certificate) > 0;
    f.is_self_signed = X509_self_signed(certificate, 1) == 1;
    f.for_server = (use & XKU_SSL_SERVER) != 0;
    f.for_client = (use & XKU_SSL_CLIENT) != 0;
    *ret = f;
    return true;
}

/**
 * certificate_read() - the facts of the first certificate in a PEM file
 * @ret:  written on success; give it to certificate_facts_done()
 */
bool certificate_read(const char *path, struct certificate_facts *ret, char **ret_error)
{
    X509 *certificate = pem_read_certificate(path, ret_error);
    bool ok;

    if (certificate == NULL)
        return false;
    ok = certificate_facts_of(certificate, path, ret, ret_error);
    X509_free(certificate);
    ERR_clear_error(); /* of what was tried on it: is it signed by itself? */
    return ok;
}

/** certificate_facts_done() - free what @f owns; one of all zero is fine */
void certificate_facts_done(struct certificate_facts *f)
{
    free(f->common_name);
    free(f->issuer);
    free(f->names);
    *f = (struct certificate_facts){0};
}

/** crl_read() - the facts of the revocation list in a PEM file; its signature is not looked at */
bool crl_read(const char *path, struct crl_facts *ret, char **ret_error)
{
    X509_CRL *crl = pem_read_crl(path, ret_error);
    ASN1_INTEGER *number;
    uint64_t n = 0;

    if (crl == NULL)
        return false;
    number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
    if (number != NULL && ASN1_INTEGER_get_uint64(&n, number) != 1)
        n = 0;
    *ret = (struct crl_facts){
        .number = n,
        .this_update_unix_ms = asn1_time_unix_ms(X509_CRL_get0_lastUpdate(crl)),
        .next_update_unix_ms = asn1_time_unix_ms(X509_CRL_get0_nextUpdate(crl)),
        .n_revoked = (size_t)MAX(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)), 0),
    };
    ASN1_INTEGER_free(number);
    X509_CRL_free(crl);
    ERR_clear_error(); /* of a number that is none */
    return true;
}
