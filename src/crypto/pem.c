/* SPDX-License-Identifier: Apache-2.0 */
/* crypto/pem.c - certificates, lists and keys in and out of PEM files */
#include "crypto/private.h"

#include <openssl/bio.h>
#include <openssl/pem.h>

#include "base/err.h"

static BIO *memory_over(const struct buf *b)
{
    BIO *bio = BIO_new_mem_buf(b->len > 0 ? (const void *)b->at : "", (int)b->len);

    check(bio != NULL);
    return bio;
}

/** pem_no_passphrase() - of OpenSSL's form: no question is put on a terminal when a file turns out
 * to be encrypted */
int pem_no_passphrase(char *at, int size, int rwflag, void *user)
{
    (void)at;
    (void)size;
    (void)rwflag;
    (void)user;
    return -1;
}

/** pem_read_certificate() - the first in the file; owned; NULL with @ret_error, owned by the caller
 */
X509 *pem_read_certificate(const char *path, char **ret_error)
{
    CLEANUP(buf_done) struct buf text = {0};
    X509 *certificate;
    BIO *bio;

    if (!file_read(path, PEM_BYTES_MAX, &text, ret_error))
        return NULL;
    bio = memory_over(&text);
    certificate = PEM_read_bio_X509(bio, NULL, pem_no_passphrase, NULL);
    BIO_free(bio);
    if (certificate == NULL)
        openssl_failed(ret_error, "%s does not hold a certificate in PEM", path);
    return certificate;
}

/** pem_read_crl() - as pem_read_certificate(), of at most CRL_BYTES_MAX */
X509_CRL *pem_read_crl(const char *path, char **ret_error)
{
    CLEANUP(buf_done) struct buf text = {0};
    X509_CRL *crl;
    BIO *bio;

    if (!file_read(path, CRL_BYTES_MAX, &text, ret_error))
        return NULL;
    bio = memory_over(&text);
    crl = PEM_read_bio_X509_CRL(bio, NULL, pem_no_passphrase, NULL);
    BIO_free(bio);
    if (crl == NULL)
        openssl_failed(ret_error, "%s does not hold a revocation list in PEM", path);
    return crl;
}

/** pem_read_private_key() - of a file that is kept from others, without a passphrase; as
 * pem_read_certificate() */
EVP_PKEY *pem_read_private_key(const char *path, char **ret_error)
{
    CLEANUP(secret_buf_done) struct buf text_secret = {0};
    EVP_PKEY *key;
    BIO *bio;

    if (!secret_file_read(path, PEM_BYTES_MAX, &text_secret, ret_error))
        return NULL;
    bio = memory_over(&text_secret);
    key = PEM_read_bio_PrivateKey(bio, NULL, pem_no_passphrase, NULL);
    BIO_free(bio);
    if (key == NULL)
        openssl_failed(ret_error, "%s does not hold a private key in PEM without a passphrase",
                       path);
    return key;
}

/** pem_read_public_key() - as pem_read_certificate() */
EVP_PKEY *pem_read_public_key(const char *path, char **ret_error)
{
    CLEANUP(buf_done) struct buf text = {0};
    EVP_PKEY *key;
    BIO *bio;

    if (!file_read(path, PEM_BYTES_MAX, &text, ret_error))
        return NULL;
    bio = memory_over(&text);
    key = PEM_read_bio_PUBKEY(bio, NULL, pem_no_passphrase, NULL);
    BIO_free(bio);
    if (key == NULL)
        openssl_failed(ret_error, "%s does not hold a public key in PEM", path);
    return key;
}

static BIO *memory_new(void)
{
    BIO *bio = BIO_new(BIO_s_mem());

    check(bio != NULL);
    return bio;
}

/* For all to read; @bio, which holds it when @is_encoded, is freed. */
static bool write_public(const char *path, BIO *bio, bool is_encoded, const char *what,
                         char **ret_error)
{
    char *at;
    long len = BIO_get_mem_data(bio, &at);
    bool ok = is_encoded ? file_replace(path, bytes_of(at, (size_t)len), 0644, ret_error)
                         : openssl_failed(ret_error, "cannot encode the %s for %s", what, path);

    BIO_free(bio);
    return ok;
}

/** pem_write_certificate() - in the place of what is at @path, for all to read */
bool pem_write_certificate(const char *path, X509 *certificate, char **ret_error)
{
    BIO *bio = memory_new();

    return write_public(path, bio, PEM_write_bio_X509(bio, certificate) == 1, "certificate",
                        ret_error);
}

/** pem_write_crl() - in the place of what is at @path, for all to read */
bool pem_write_crl(const char *path, X509_CRL *crl, char **ret_error)
{
    BIO *bio = memory_new();

    return write_public(path, bio, PEM_write_bio_X509_CRL(bio, crl) == 1, "revocation list",
                        ret_error);
}

/** pem_write_public_key() - in the place of what is at @path, for all to read */
bool pem_write_public_key(const char *path, EVP_PKEY *key, char **ret_error)
{
    BIO *bio = memory_new();

    return write_public(path, bio, PEM_write_bio_PUBKEY(bio, key) == 1, "public key", ret_error);
}

/** pem_write_private_key() - for nobody but the owner to read
 *
 * BIO_s_secmem() wipes its memory when it grows and when it is freed.
 */
bool pem_write_private_key(const char *path, EVP_PKEY *key, char **ret_error)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    char *at;
    long len;
    bool ok;

    check(bio != NULL);
    if (PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1) {
        ok = openssl_failed(ret_error, "cannot encode the private key for %s", path);
    } else {
        len = BIO_get_mem_data(bio, &at);
        check(len > 0);
        ok = file_replace(path, bytes_of(at, (size_t)len), 0600, ret_error);
    }
    BIO_free(bio);
    return ok;
}
