/* SPDX-License-Identifier: Apache-2.0 */
/* certs.c - see certs.h */
#include "certs.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/bytes.h"

static char folder[64];
static struct authority ca, other_ca;
static long next_serial = 0x1001;
static long revoked_serial;

const char *in(const char *name)
{
    static char paths[16][128];
    static unsigned next;
    char *path = paths[next++ % COUNT_OF(paths)];

    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static FILE *create(const char *name, const char *suffix, unsigned mode)
{
    char path[160];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s%s", folder, name, suffix);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fchmod(fileno(f), mode), 0);
    return f;
}

const char *file_with(const char *name, const char *content, unsigned mode)
{
    FILE *f = create(name, "", mode);

    assert_int_equal(fwrite(content, 1, strlen(content), f), strlen(content));
    assert_int_equal(fclose(f), 0);
    return in(name);
}

static void add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *e;

    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(e);
    assert_int_equal(X509_add_ext(x, e, -1), 1);
    X509_EXTENSION_free(e);
}

static void add_cn(X509 *x, const char *cn, size_t len)
{
    X509_NAME *name = X509_get_subject_name(x);

    assert_int_equal(
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const void *)cn, (int)len, -1, 0),
        1);
}

static X509 *blank(EVP_PKEY *key, long from_s, long to_s)
{
    X509 *x = X509_new();

    assert_non_null(x);
    assert_int_equal(X509_set_version(x, 2), 1);
    ASN1_INTEGER_set(X509_get_serialNumber(x), next_serial++);
    X509_gmtime_adj(X509_getm_notBefore(x), from_s);
    X509_gmtime_adj(X509_getm_notAfter(x), to_s);
    assert_int_equal(X509_set_pubkey(x, key), 1);
    return x;
}

static void write_pair(const char *file, X509 *x, EVP_PKEY *key)
{
    FILE *f = create(file, ".crt", 0644);

    assert_int_equal(PEM_write_X509(f, x), 1);
    fclose(f);
    f = create(file, ".key", 0600);
    assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(f);
}

static struct authority make_authority(const char *file, const char *cn)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = blank(key, -24 * HOUR_S, 24 * HOUR_S);

    add_cn(x, cn, strlen(cn));
    assert_int_equal(X509_set_issuer_name(x, X509_get_subject_name(x)), 1);
    add_extension(x, x, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(x, x, NID_key_usage, "critical,keyCertSign,cRLSign");
    add_extension(x, x, NID_subject_key_identifier, "hash");
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    write_pair(file, x, key);
    return (struct authority){x, key};
}

static void make(const struct authority *a, const struct wish *w)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = blank(key, w->from_s != 0 ? w->from_s : -HOUR_S, w->to_s != 0 ? w->to_s : HOUR_S);

    if (strcmp(w->file, "revoked") == 0)
        revoked_serial = ASN1_INTEGER_get(X509_get0_serialNumber(x));
    if (w->cn != NULL)
        add_cn(x, w->cn, w->cn_len != 0 ? w->cn_len : strlen(w->cn));
    if (w->more_specific_cn != NULL)
        add_cn(x, w->more_specific_cn, strlen(w->more_specific_cn));
    assert_int_equal(X509_set_issuer_name(x, X509_get_subject_name(a->x)), 1);
    add_extension(x, a->x, NID_ext_key_usage, w->san != NULL ? "serverAuth" : "clientAuth");
    if (w->san != NULL)
        add_extension(x, a->x, NID_subject_alt_name, w->san);
    assert_true(X509_sign(x, a->key, EVP_sha256()) > 0);
    write_pair(w->file, x, key);
    X509_free(x);
    EVP_PKEY_free(key);
}

void certs_make(const struct wish *w)
{
    make(&ca, w);
}

static void make_crl(const char *name, const struct authority *a, long serial, long last_s,
                     long next_s)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *last = X509_gmtime_adj(NULL, last_s);
    ASN1_TIME *next = X509_gmtime_adj(NULL, next_s);
    X509_REVOKED *r = X509_REVOKED_new();
    ASN1_INTEGER *n = ASN1_INTEGER_new();
    FILE *f = create(name, "", 0644);

    assert_int_equal(X509_CRL_set_version(crl, 1), 1);
    assert_int_equal(X509_CRL_set_issuer_name(crl, X509_get_subject_name(a->x)), 1);
    assert_int_equal(X509_CRL_set1_lastUpdate(crl, last), 1);
    assert_int_equal(X509_CRL_set1_nextUpdate(crl, next), 1);
    ASN1_INTEGER_set(n, serial);
    assert_int_equal(X509_REVOKED_set_serialNumber(r, n), 1);
    assert_int_equal(X509_REVOKED_set_revocationDate(r, last), 1);
    assert_int_equal(X509_CRL_add0_revoked(crl, r), 1); /* takes @r */
    assert_true(X509_CRL_sign(crl, a->key, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_X509_CRL(f, crl), 1);
    fclose(f);
    X509_CRL_free(crl);
    ASN1_TIME_free(last);
    ASN1_TIME_free(next);
    ASN1_INTEGER_free(n);
}

/* clang-format off */
static const struct wish wishes[] = {
    {"server",         "localhost", .san = "DNS:localhost,IP:127.0.0.1"},
    {"server-expired", "localhost", .san = "DNS:localhost", .from_s = -2 * HOUR_S, .to_s = -HOUR_S},
    {"server-future",  "localhost", .san = "DNS:localhost", .from_s = HOUR_S, .to_s = 2 * HOUR_S},
    {"meter-7",        "meter-7"},
    {"meter-8",        "Z\xc3\xa4hler 8"},
    {"expired",        "old-meter", .from_s = -2 * HOUR_S, .to_s = -HOUR_S},
    {"future",         "new-meter", .from_s = HOUR_S, .to_s = 2 * HOUR_S},
    {"revoked",        "stolen-meter"},
    {"zero",           "operator\0.evil", .cn_len = 14},
    {"two-names",      "Users", .more_specific_cn = "meter-9"},
    {"nameless",       NULL},
    {"for-servers",    "meter-7", .san = "DNS:meter-7"},
};
/* clang-format on */

static void copy_to(FILE *to, const char *name)
{
    char buf[8192];
    FILE *f = fopen(in(name), "r");
    size_t n;

    assert_non_null(f);
    n = fread(buf, 1, sizeof(buf), f);
    assert_int_equal(fwrite(buf, 1, n, to), n);
    fclose(f);
}

/* Both files in one. */
static void join(const char *name, const char *first, const char *second)
{
    FILE *f = create(name, "", 0644);

    copy_to(f, first);
    copy_to(f, second);
    fclose(f);
}

int certs_setup(void **state)
{
    const struct wish stranger = {"stranger", "meter-7"};

    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/bastide-io-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    ca = make_authority("ca", "Test CA");
    other_ca = make_authority("other-ca", "Other CA");
    for (size_t i = 0; i < COUNT_OF(wishes); i++)
        make(&ca, &wishes[i]);
    make(&other_ca, &stranger);
    make_crl("ca.crl", &ca, revoked_serial, -2 * HOUR_S, HOUR_S);
    make_crl("expired.crl", &ca, revoked_serial, -2 * HOUR_S, -HOUR_S);
    make_crl("future.crl", &ca, revoked_serial, HOUR_S, 2 * HOUR_S);
    make_crl("other.crl", &other_ca, 1, -2 * HOUR_S, HOUR_S / 2);
    join("next.crl", "expired.crl", "ca.crl");
    join("both.crl", "ca.crl", "other.crl");
    join("half.crl", "expired.crl", "other.crl");
    join("both-ca.crt", "ca.crt", "other-ca.crt");
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

int certs_teardown(void **state)
{
    (void)state;
    X509_free(ca.x);
    EVP_PKEY_free(ca.key);
    X509_free(other_ca.x);
    EVP_PKEY_free(other_ca.key);
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
