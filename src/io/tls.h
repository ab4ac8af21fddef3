/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/tls.h - contexts, certificates and reasons; private to io
 *
 * OpenSSL's error queue belongs to the thread: it is empty between calls of io.
 */
#pragma once

#include <openssl/ssl.h>

#include "base/clock.h"
#include "io/io.h"

/* Why a certificate of the peer was refused during a handshake; the SSL's app data. */
struct tls_refusal {
    char *text; /* owned; NULL while none was */
};

/* ---- tls.c ---- */

SSL *tls_ssl_new(struct tls_context *c, struct tls_refusal *refusal);
bool tls_context_is_client(const struct tls_context *c);
const char *tls_crl_path(const SSL *ssl);
bool tls_context_trusts(const struct tls_context *c, struct bytes chain, bool is_resumed);

/* ---- certificate.c ---- */

char *tls_reason(void);
const char *tls_time_text(const ASN1_TIME *t, char ret[CLOCK_TEXT_LEN]);
int tls_verify_step(int is_good, X509_STORE_CTX *at);
int tls_verify_again_step(int is_good, X509_STORE_CTX *at);
struct certificate_span tls_crls_span(X509_STORE *store);
void tls_certificate_key_print(const X509 *x, char ret[65]);
uint64_t tls_certificate_not_before_unix_ms(const X509 *x);
uint64_t tls_certificate_not_after_unix_ms(const X509 *x);
char *tls_certificate_read(const X509 *x, struct stream_certificate *ret);
struct bytes tls_chain_take(SSL *ssl);
void tls_certificate_done(struct stream_certificate *c);
