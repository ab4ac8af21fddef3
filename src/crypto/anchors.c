/* SPDX-License-Identifier: Apache-2.0 */
/* crypto/anchors.c - whom a file of trust anchors makes us trust, MQ.PR.IA-02 */
#include "crypto/private.h"

#include <stdlib.h>
#include <string.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "base/err.h"

#define SECURITY_BITS_MIN 128 /* EC P-256, RSA 3072 */

/* Every certificate of a PEM file; freed by the caller. */
static STACK_OF(X509) * certificates_of(const char *path, char **ret_error)
{
    CLEANUP(buf_done) struct buf text = {0};
    STACK_OF(X509) *all = sk_X509_new_null();
    X509 *one;
    BIO *bio;

    check(all != NULL);
    if (!file_read(path, PEM_BYTES_MAX, &text, ret_error)) {
        sk_X509_free(all);
        return NULL;
    }
    bio = BIO_new_mem_buf(text.len > 0 ? (const void *)text.at : "", (int)text.len);
    check(bio != NULL);
    while ((one = PEM_read_bio_X509(bio, NULL, pem_no_passphrase, NULL)) != NULL)
        check(sk_X509_push(all, one) > 0);
    BIO_free(bio);
    if (sk_X509_num(all) == 0) {
        openssl_failed(ret_error, "%s does not hold a certificate in PEM", path);
        sk_X509_free(all);
        return NULL;
    }
    ERR_clear_error(); /* "no start line" after the last */
    return all;
}

static bool is_strong(const X509 *c)
{
    const char *algorithm = OBJ_nid2ln(X509_get_signature_nid(c));

    return EVP_PKEY_get_security_bits(X509_get0_pubkey(c)) >= SECURITY_BITS_MIN &&
           strcasestr(algorithm, "sha1") == NULL && strcasestr(algorithm, "md5") == NULL;
}

/**
 * anchors_read() - what the trust anchors of a PEM file are worth
 * @ret:  written on success
 */
bool anchors_read(const char *path, struct anchors_facts *ret, char **ret_error)
{
    STACK_OF(X509) *all = certificates_of(path, ret_error);
    struct anchors_facts f = {0};

    if (all == NULL)
        return false;
    for (int i = 0; i < sk_X509_num(all); i++) {
        X509 *c = sk_X509_value(all, i);

        f.n++;
        f.n_strong += X509_get0_pubkey(c) != NULL && is_strong(c);
        f.n_leaves += X509_check_ca(c) <= 0;
    }
    sk_X509_pop_free(all, X509_free);
    ERR_clear_error(); /* of a key that is not understood */
    *ret = f;
    return true;
}

static X509_STORE *store_of(STACK_OF(X509) * anchors)
{
    X509_STORE *store = X509_STORE_new();

    check(store != NULL);
    for (int i = 0; i < sk_X509_num(anchors); i++)
        check(X509_STORE_add_cert(store, sk_X509_value(anchors, i)) == 1);
    return store;
}

static bool verifies(STACK_OF(X509) * chain, STACK_OF(X509) * anchors)
{
    X509_STORE *store = store_of(anchors);
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    bool ok;

    check(ctx != NULL && X509_STORE_CTX_init(ctx, store, sk_X509_value(chain, 0), chain) == 1);
    ok = X509_verify_cert(ctx) == 1;
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    ERR_clear_error();
    return ok;
}

/**
 * certificate_is_anchored() - does the chain in @path end at one of the anchors in @anchors_path?
 *
 * Now, by the dates of the certificates; revocation is not looked at.
 *
 * Return: false also when a file cannot be read.
 */
bool certificate_is_anchored(const char *path, const char *anchors_path)
{
    char *error = NULL;
    STACK_OF(X509) *chain = certificates_of(path, &error);
    STACK_OF(X509) *anchors = chain != NULL ? certificates_of(anchors_path, &error) : NULL;
    bool ok = anchors != NULL && verifies(chain, anchors);

    sk_X509_pop_free(chain, X509_free);
    sk_X509_pop_free(anchors, X509_free);
    free(error);
    return ok;
}
