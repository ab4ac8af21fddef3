/* SPDX-License-Identifier: Apache-2.0 */
/* certs.h - a folder of CAs, certificates, keys and revocation lists, made for the tests */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#define HOUR_S 3600L

struct authority {
    X509 *x;
    EVP_PKEY *key;
};

/* A certificate to be made; times are relative to now. */
struct wish {
    const char *file; /* FILE.crt and FILE.key are written */
    const char *cn;   /* NULL: none */
    size_t cn_len;    /* 0: strlen(cn) */
    const char *more_specific_cn;
    const char *san;
    long from_s;
    long to_s;
};

/* Makes the folder with all that ALL below names; group setup and teardown of cmocka. */
int certs_setup(void **state);
int certs_teardown(void **state);

/* The path of a file of the folder; good until 16 more are asked for. */
const char *in(const char *name);
/* A file with this content and mode; the path as by in(). */
const char *file_with(const char *name, const char *content, unsigned mode);
/* One more certificate of the CA "ca"; revoked certificates are those whose file is "revoked". */
void certs_make(const struct wish *w);

/*
 * ca.crt, other-ca.crt: two CAs; both-ca.crt has both
 * ca.crl: of ca, revokes "revoked", as do expired.crl, which is over, and future.crl, which has not
 * begun; other.crl: of other-ca; next.crl has ca.crl behind expired.crl, both.crl ca.crl and
 * other.crl, half.crl expired.crl and other.crl
 * server (DNS:localhost, IP:127.0.0.1), server-expired, server-future
 * meter-7, meter-8, expired, future, revoked, zero (a zero byte in its CN), two-names, nameless,
 * for-servers (not made for clients); stranger: of other-ca
 */
