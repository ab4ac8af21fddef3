/* SPDX-License-Identifier: Apache-2.0 */
/* crypto/pki.h - what pki.c and pki_revoke.c share */
#pragma once

#include "crypto/private.h"

struct pki_ca {
    X509 *certificate; /* owned */
    EVP_PKEY *key;     /* owned */
};

char *pki_path(const char *dir, const char *name);
bool pki_ca_load(const char *dir, struct pki_ca *ret, char **ret_error);
void pki_ca_done(struct pki_ca *ca);
/* To @c, or to @crl when @c is NULL. */
bool pki_add_extension(X509 *c, X509_CRL *crl, X509 *issuer, int nid, const char *value);
bool pki_dns_name_valid(const char *name);

/* What is to be revoked beside what @dir/ca.crl has already; serial numbers in hex. */
struct pki_revocations {
    const char **serials;
    size_t n;
};

/* A new ca.crl with a number one higher; @more may be NULL. */
bool pki_crl_write(const char *dir, const struct pki_ca *ca, const struct pki_revocations *more,
                   uint64_t now_unix_ms, char **ret_error);
