/* SPDX-License-Identifier: Apache-2.0 */
/* crypto/pem.c - certificates, lists and keys in and out of PEM files */
#include "crypto/private.h"

#include <openssl/bio.h>
#include <openssl/pem.h>

#include "base/err.h"

#define PUBLIC_MODE  0644 /* for all to read */
#define PRIVATE_MODE 0600

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

/* Return: @bio, or NULL, and it is freed. */
static BIO *encoded(BIO *bio, int is_encoded, const char *what, const char *path, char **ret_error)
{
    if (is_encoded == 1)
        return bio;
    openssl_failed(ret_error, "cannot encode the %s for %s", what, path);
    BIO_free(bio);
    return NULL;
}

static BIO *certificate_text(X509 *certificate, const char *path, char **ret_error)
{
    BIO *bio = memory_new();

    return encoded(bio, PEM_write_bio_X509(bio, certificate), "certificate", path, ret_error);
}

/* BIO_s_secmem() wipes its memory when it grows and when it is freed. */
static BIO *private_key_text(EVP_PKEY *key, const char *path, char **ret_error)
{
    BIO *bio = BIO_new(BIO_s_secmem());

    check(bio != NULL);
    return encoded(bio, PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL),
                   "private key", path, ret_error);
}

/* @bio may be NULL. */
static struct bytes content_of(BIO *bio)
{
    char *at;
    long len = bio != NULL ? BIO_get_mem_data(bio, &at) : 0;

    return len > 0 ? bytes_of(at, (size_t)len) : BYTES_NONE;
}

/* @bio, or NULL, is freed. */
static bool write_text(const char *path, BIO *bio, unsigned mode, char **ret_error)
{
    bool ok = bio != NULL && file_replace(path, content_of(bio), mode, ret_error);

    BIO_free(bio);
    return ok;
}

/** pem_write_certificate() - in the place of what is at @path, for all to read */
bool pem_write_certificate(const char *path, X509 *certificate, char **ret_error)
{
    return write_text(path, certificate_text(certificate, path, ret_error), PUBLIC_MODE, ret_error);
}

/** pem_write_crl() - in the place of what is at @path, for all to read */
bool pem_write_crl(const char *path, X509_CRL *crl, char **ret_error)
{
    BIO *bio = memory_new();

    bio = encoded(bio, PEM_write_bio_X509_CRL(bio, crl), "revocation list", path, ret_error);
    return write_text(path, bio, PUBLIC_MODE, ret_error);
}

/** pem_write_public_key() - in the place of what is at @path, for all to read */
bool pem_write_public_key(const char *path, EVP_PKEY *key, char **ret_error)
{
    BIO *bio = memory_new();

    bio = encoded(bio, PEM_write_bio_PUBKEY(bio, key), "public key", path, ret_error);
    return write_text(path, bio, PUBLIC_MODE, ret_error);
}

/** pem_write_private_key() - for nobody but the owner to read */
bool pem_write_private_key(const char *path, EVP_PKEY *key, char **ret_error)
{
    return write_text(path, private_key_text(key, path, ret_error), PRIVATE_MODE, ret_error);
}

/** pem_write_pair() - a private key and its certificate, as the functions above: both, or neither
 */
bool pem_write_pair(const char *key_path, EVP_PKEY *key, const char *certificate_path,
                    X509 *certificate, char **ret_error)
{
    BIO *private = private_key_text(key, key_path, ret_error);
    BIO *public =
        private != NULL ? certificate_text(certificate, certificate_path, ret_error) : NULL;
    const struct file_new pair[] = {
        {key_path, content_of(private), PRIVATE_MODE},
        {certificate_path, content_of(public), PUBLIC_MODE},
    };
    bool ok = public != NULL && files_replace(pair, COUNT_OF(pair), ret_error) == FILE_REPLACED;

    BIO_free(private);
    BIO_free(public);
    return ok;
}
