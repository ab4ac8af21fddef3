/* SPDX-License-Identifier: Apache-2.0 */
/* crypto/private.h - what the files of this folder share */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "crypto/crypto.h"

#define PEM_BYTES_MAX (1024 * 1024) /* of a certificate or key file */
#define CRL_BYTES_MAX (64 * 1024 * 1024)

/* As text_fail(), followed by what OpenSSL says; its queue of errors is empty afterwards. */
bool openssl_failed(char **ret_error, const char *format, ...) PRINTF(2, 3);

/* at_rest_key_load() of a file that a service manager keeps from others: an access list of its
 * makes the mode look as if the group could read it. */
uint8_t *at_rest_key_of_service(const char *path, char **ret_error);

/* What became of a file that was to be replaced. */
enum file_replaced {
    FILE_AS_IT_WAS,
    FILE_NOT_LASTING, /* the new one is in its place, but a power cut may bring back the old one */
    FILE_REPLACED,
};

struct file_new {
    const char *path;
    struct bytes content;
    unsigned mode; /* permissions, not narrowed by the umask */
};

#define FILES_AT_ONCE_MAX 2

/* file_replace() of files that belong together; or for who has to know which one is there after a
 * failure. */
MUST_CHECK enum file_replaced files_replace(const struct file_new *files, size_t n,
                                            char **ret_error);

/* PEM files; NULL on failure.  Nobody is asked for a passphrase. */
int pem_no_passphrase(char *at, int size, int rwflag, void *user);
X509 *pem_read_certificate(const char *path, char **ret_error);
X509_CRL *pem_read_crl(const char *path, char **ret_error);
EVP_PKEY *pem_read_private_key(const char *path, char **ret_error);
EVP_PKEY *pem_read_public_key(const char *path, char **ret_error);
MUST_CHECK bool pem_write_certificate(const char *path, X509 *certificate, char **ret_error);
MUST_CHECK bool pem_write_crl(const char *path, X509_CRL *crl, char **ret_error);
MUST_CHECK bool pem_write_private_key(const char *path, EVP_PKEY *key, char **ret_error);
/* Both or neither. */
MUST_CHECK bool pem_write_pair(const char *key_path, EVP_PKEY *key, const char *certificate_path,
                               X509 *certificate, char **ret_error);
MUST_CHECK bool pem_write_public_key(const char *path, EVP_PKEY *key, char **ret_error);

/* Facts of what is in memory already. */
MUST_CHECK bool certificate_facts_of(X509 *certificate, const char *path,
                                     struct certificate_facts *ret, char **ret_error);
MUST_CHECK bool serial_text(const ASN1_INTEGER *serial, char ret[SERIAL_TEXT_LEN]);
uint64_t asn1_time_unix_ms(const ASN1_TIME *t); /* 0 when it is not a time */
