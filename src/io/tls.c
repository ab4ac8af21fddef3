/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/tls.c - what TLS may be: versions, ciphers, whom it trusts
 *
 * TLS 1.2 with forward secrecy and AEAD ciphers only, and TLS 1.3; no
 * renegotiation, no compression, no session cache, one ticket a connection.
 * Ticket keys are the context's own, so a context that is made anew because the
 * revocation list changed accepts no ticket of the old one: a client that was
 * revoked meanwhile has to show its certificate again.  MQ.PR.DS-02
 */
#include "io/tls.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

#define CIPHERS_TLS_1_2                                                                            \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"     \
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define GROUPS            "X25519:P-256"
#define SECURITY_LEVEL    2          /* of OpenSSL: at least 112 bits, no SHA-1 */
#define CHAIN_LENGTH_MAX  5          /* certificates between a client's and a trusted one */
#define CHAIN_BYTES_MAX   (32 << 10) /* before the client is known */
#define TICKET_LIFETIME_S 3600
#define ALPN_MQTT         "\4mqtt"
#define ALPN_WEBSOCKET    "\10http/1.1"

struct tls_context {
    atomic_uint n_refs;
    bool is_client;
    SSL_CTX *ssl_ctx;
    char *crl;                        /* owned; path of the revocation lists, or NULL */
    struct certificate_span crl_span; /* of the lists in the store, which others use later */
};

/* A context under construction and what is wrong with it. */
struct builder {
    struct tls_context *c;
    struct buf error; /* empty while all is well */
};

/* ---- errors ---- */

/* Return: false, for the caller to pass on. */
#define refuse(b, ...) (buf_addf(&(b)->error, __VA_ARGS__), false)

static bool refuse_with_reason(struct builder *b, const char *what, const char *path)
{
    char *reason = tls_reason();

    buf_addf(&b->error, "%s %s: %s", what, path, reason);
    free(reason);
    return false;
}

/* OpenSSL's own words for a file that is not there help nobody. */
static bool can_read(struct builder *b, const char *what, const char *path)
{
    struct stat st;

    if (path == NULL)
        return refuse(b, "%s: no file is given; set its path", what);
    if (stat(path, &st) < 0 || access(path, R_OK) < 0)
        return refuse(b, "%s %s: %s; %s", what, path, strerrordesc_np(errno),
                      errno == ENOENT
                          ? "put the file there or correct its path in the configuration"
                          : "let the user that the node runs as read it");
    if (!S_ISREG(st.st_mode))
        return refuse(b, "%s %s: not a file; correct its path in the configuration", what, path);
    return true;
}

/* ---- certificate and key ---- */

/* Of a client: no server would let it in. */
static bool is_in_date(struct builder *b, const char *path)
{
    const X509 *x = SSL_CTX_get0_certificate(b->c->ssl_ctx);
    char text[CLOCK_TEXT_LEN];

    if (X509_cmp_current_time(X509_get0_notAfter(x)) < 0)
        return refuse(b, "certificate %s: expired, it was valid until %s; issue a new one", path,
                      tls_time_text(X509_get0_notAfter(x), text));
    if (X509_cmp_current_time(X509_get0_notBefore(x)) > 0)
        return refuse(b,
                      "certificate %s: not valid before %s; check the clock of this machine, or "
                      "issue a new one",
                      path, tls_time_text(X509_get0_notBefore(x), text));
    return true;
}

/* An encrypted file must not make the node ask a terminal.  @owner: a bool, that it would have, or
 * NULL. */
static int no_passphrase(char *at, int cap, int is_writing, void *owner)
{
    (void)at;
    (void)cap;
    (void)is_writing;
    if (owner != NULL)
        *(bool *)owner = true;
    return -1;
}

static bool use_certificate(struct builder *b, const char *path)
{
    if (!can_read(b, "certificate", path))
        return false;
    SSL_CTX_set_default_passwd_cb(b->c->ssl_ctx, no_passphrase);
    if (SSL_CTX_use_certificate_chain_file(b->c->ssl_ctx, path) != 1)
        return refuse_with_reason(b, "certificate", path) ||
               refuse(b, "; it must be a PEM file, the certificate first and then its chain");
    return true;
}

static bool key_is_private(struct builder *b, const char *path)
{
    struct stat st;

    if (!can_read(b, "key", path))
        return false;
    if (stat(path, &st) < 0)
        return refuse(b, "key %s: %s", path, strerrordesc_np(errno));
    if ((st.st_mode & (S_IRWXO | S_IWGRP)) != 0)
        return refuse(b,
                      "key %s: others may read or change it (mode %04o); do chmod 600, and replace "
                      "the key if others could have read it",
                      path, (unsigned)(st.st_mode & 07777));
    return true;
}

/* Return: owned, or NULL. */
static EVP_PKEY *read_key(struct builder *b, const char *path)
{
    bool is_sealed = false;
    BIO *file = BIO_new_file(path, "r");
    EVP_PKEY *key =
        file != NULL ? PEM_read_bio_PrivateKey(file, NULL, no_passphrase, &is_sealed) : NULL;

    BIO_free(file);
    if (key == NULL && is_sealed)
        (void)refuse(b,
                     "key %s: it is encrypted; store it without a passphrase, readable by the "
                     "node's user only",
                     path);
    else if (key == NULL)
        (void)(refuse_with_reason(b, "key", path) ||
               refuse(b, "; it must be a private key in PEM"));
    return key;
}

static bool use_key(struct builder *b, const char *path, const char *certificate_path)
{
    EVP_PKEY *key;
    bool ok = false;

    if (!key_is_private(b, path))
        return false;
    key = read_key(b, path);
    if (key == NULL)
        return false;
    if (X509_check_private_key(SSL_CTX_get0_certificate(b->c->ssl_ctx), key) != 1)
        (void)refuse(b,
                     "key %s: it does not belong to certificate %s; give the two that were made "
                     "together",
                     path, certificate_path);
    else if (SSL_CTX_use_PrivateKey(b->c->ssl_ctx, key) != 1)
        (void)refuse_with_reason(b, "key", path);
    else
        ok = true;
    EVP_PKEY_free(key);
    return ok;
}

/* ---- whom to trust ---- */

/* Their names are told to clients, which choose a certificate by them. */
static bool tell_names(SSL_CTX *c)
{
    STACK_OF(X509_OBJECT) *all = X509_STORE_get0_objects(SSL_CTX_get_cert_store(c));
    bool is_any = false;

    for (int i = 0; i < sk_X509_OBJECT_num(all); i++) {
        X509 *ca = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(all, i));

        if (ca != NULL && SSL_CTX_add_client_CA(c, ca) != 1)
            return false;
        is_any = is_any || ca != NULL;
    }
    return is_any;
}

static bool use_client_ca(struct builder *b, const char *path)
{
    if (!can_read(b, "client_ca", path))
        return false;
    if (SSL_CTX_load_verify_file(b->c->ssl_ctx, path) == 1 && tell_names(b->c->ssl_ctx))
        return true;
    return refuse_with_reason(b, "client_ca", path) ||
           refuse(b, "; it must hold CA certificates in PEM");
}

/* Is @crl one of a CA that we trust?  Without this a wrong file only shows when clients come. */
static bool crl_is_trusted(struct builder *b, X509_CRL *crl)
{
    STACK_OF(X509_OBJECT) *all = X509_STORE_get0_objects(SSL_CTX_get_cert_store(b->c->ssl_ctx));

    for (int i = 0; i < sk_X509_OBJECT_num(all); i++) {
        X509 *ca = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(all, i));

        if (ca != NULL && X509_NAME_cmp(X509_get_subject_name(ca), X509_CRL_get_issuer(crl)) == 0 &&
            X509_CRL_verify(crl, X509_get0_pubkey(ca)) == 1)
            return true;
    }
    return false;
}

static bool add_crls(struct builder *b, BIO *file, const char *path)
{
    X509_STORE *store = SSL_CTX_get_cert_store(b->c->ssl_ctx);
    X509_CRL *crl;
    bool ok = true;
    size_t n = 0;

    for (; ok && (crl = PEM_read_bio_X509_CRL(file, NULL, no_passphrase, NULL)) != NULL; n++) {
        if (!crl_is_trusted(b, crl))
            ok = refuse(b, "crl %s: not signed by a CA of client_ca; give the list of that CA",
                        path);
        else if (X509_STORE_add_crl(store, crl) != 1)
            ok = refuse_with_reason(b, "crl", path);
        X509_CRL_free(crl);
    }
    /* Reading ends by an error: no start line when there is no more, something else on bad ones. */
    if (ok && (n == 0 || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE))
        ok = refuse_with_reason(b, "crl", path) ||
             refuse(b, "; it must be a revocation list in PEM");
    return ok;
}

static bool use_crl(struct builder *b, const char *path)
{
    BIO *file;
    bool ok;

    if (!can_read(b, "crl", path))
        return false;
    file = BIO_new_file(path, "r");
    if (file == NULL)
        return refuse_with_reason(b, "crl", path);
    ok = add_crls(b, file, path);
    BIO_free(file);
    /* The certificate itself is checked; of the CAs above it only the bundle decides. */
    X509_STORE_set_flags(SSL_CTX_get_cert_store(b->c->ssl_ctx), X509_V_FLAG_CRL_CHECK);
    b->c->crl = text_dup(path);
    b->c->crl_span = tls_crls_span(SSL_CTX_get_cert_store(b->c->ssl_ctx));
    return ok;
}

/* clang-format off */
static const int verify_modes[] = {
    [TLS_CLIENT_CERTIFICATE_NONE]     = SSL_VERIFY_NONE,
    [TLS_CLIENT_CERTIFICATE_OPTIONAL] = SSL_VERIFY_PEER,
    [TLS_CLIENT_CERTIFICATE_REQUIRED] = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
};
/* clang-format on */

static bool use_client_certificates(struct builder *b, const struct tls_settings *s)
{
    SSL_CTX_set_verify(b->c->ssl_ctx, verify_modes[s->client_certificate], tls_verify_step);
    if (s->client_certificate == TLS_CLIENT_CERTIFICATE_NONE)
        return true;
    if (s->client_ca == NULL)
        return refuse(b, "client certificates are asked for, but no client_ca says whose are good; "
                         "set client_ca, or client_certificate: none");
    return use_client_ca(b, s->client_ca) && (s->crl == NULL || use_crl(b, s->crl));
}

/* ---- the context ---- */

/* Who offers protocols, and not the one of this listener, means another server; RFC 7301 3.2. */
static int select_alpn(SSL *ssl, const unsigned char **ret, unsigned char *ret_len,
                       const unsigned char *offered, unsigned offered_len, void *owner)
{
    const char *ours = owner;
    unsigned char *chosen;

    (void)ssl;
    if (SSL_select_next_proto(&chosen, ret_len, (const unsigned char *)ours, (unsigned)strlen(ours),
                              offered, offered_len) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *ret = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* Each context resumes its own sessions only. */
static void set_session_id(struct tls_context *c)
{
    static atomic_uint_least64_t n_contexts;
    uint64_t id = atomic_fetch_add(&n_contexts, 1);

    check(SSL_CTX_set_session_id_context(c->ssl_ctx, (const void *)&id, sizeof(id)) == 1);
}

static struct tls_context *context_new(bool is_client, int version_min)
{
    struct tls_context *c = mem_new(struct tls_context);

    ERR_clear_error();
    c->n_refs = 1;
    c->is_client = is_client;
    c->ssl_ctx = SSL_CTX_new(is_client ? TLS_client_method() : TLS_server_method());
    check(c->ssl_ctx != NULL);
    check(SSL_CTX_set_app_data(c->ssl_ctx, c) == 1);
    check(SSL_CTX_set_min_proto_version(c->ssl_ctx, MAX(version_min, TLS1_2_VERSION)) == 1);
    check(SSL_CTX_set_cipher_list(c->ssl_ctx, CIPHERS_TLS_1_2) == 1);
    check(SSL_CTX_set1_groups_list(c->ssl_ctx, GROUPS) == 1);
    SSL_CTX_set_security_level(c->ssl_ctx, SECURITY_LEVEL);
    SSL_CTX_set_options(c->ssl_ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                        SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                        SSL_OP_CLEANSE_PLAINTEXT); /* passwords are in it */
    SSL_CTX_clear_options(c->ssl_ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(c->ssl_ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                     SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(c->ssl_ctx, 1);
    SSL_CTX_set_session_cache_mode(c->ssl_ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify_depth(c->ssl_ctx, CHAIN_LENGTH_MAX);
    SSL_CTX_set_max_cert_list(c->ssl_ctx, CHAIN_BYTES_MAX);
    return c;
}

/* The context, or its error to the caller. */
static struct tls_context *finish(struct builder *b, char **ret_error)
{
    ERR_clear_error();
    if (b->error.len == 0)
        return b->c;
    *ret_error = bytes_dup_str(buf_view(&b->error));
    buf_done(&b->error);
    return tls_context_unref(b->c);
}

/**
 * tls_context_new() - how a listener speaks TLS
 * @s:          certificate and key are needed; client_ca when client_certificate is not none
 * @ret_error:  on failure, an owned text: what, in which file, what to do
 *
 * Reads the files and keeps their contents.  With @s->crl every client
 * certificate needs a list of its issuer that is in date.  MQ.PR.IA-03
 *
 * Return: a reference, or NULL.
 */
struct tls_context *tls_context_new(const struct tls_settings *s, char **ret_error)
{
    struct builder b = {.c = context_new(false, s->version_min)};

    set_session_id(b.c);
    check(SSL_CTX_set_num_tickets(b.c->ssl_ctx, 1) == 1);
    SSL_CTX_set_timeout(b.c->ssl_ctx, TICKET_LIFETIME_S);
    SSL_CTX_set_alpn_select_cb(b.c->ssl_ctx, select_alpn,
                               s->in_websocket ? ALPN_WEBSOCKET : ALPN_MQTT);
    if (use_certificate(&b, s->certificate) && use_key(&b, s->key, s->certificate))
        (void)use_client_certificates(&b, s);
    return finish(&b, ret_error);
}

/**
 * tls_context_new_client() - how to speak TLS to a server
 * @ca:           PEM bundle to verify the server by; NULL: what the system trusts
 * @certificate:  to show to a server that asks, PEM chain; may be NULL
 * @key:          of @certificate
 * @ret_error:    as in tls_context_new()
 *
 * Return: a reference, or NULL.
 */
struct tls_context *tls_context_new_client(const char *ca, const char *certificate, const char *key,
                                           char **ret_error)
{
    struct builder b = {.c = context_new(true, TLS1_2_VERSION)};

    SSL_CTX_set_verify(b.c->ssl_ctx, SSL_VERIFY_PEER, tls_verify_step);
    if (ca == NULL)
        check(SSL_CTX_set_default_verify_paths(b.c->ssl_ctx) == 1);
    else if (can_read(&b, "ca", ca) && SSL_CTX_load_verify_file(b.c->ssl_ctx, ca) != 1)
        (void)(refuse_with_reason(&b, "ca", ca) ||
               refuse(&b, "; it must hold certificates in PEM"));
    if (b.error.len == 0 && certificate != NULL && use_certificate(&b, certificate) &&
        is_in_date(&b, certificate))
        (void)use_key(&b, key, certificate);
    return finish(&b, ret_error);
}

/**
 * tls_context_may_renegotiate() - TLS 1.2 alone, and it may be negotiated anew; for trials only
 *
 * Before a connection is made with it.  No listener is made so: who may renegotiate can have
 * the other side compute without end, and put bytes in front of somebody else's (CVE-2009-3555).
 */
void tls_context_may_renegotiate(struct tls_context *c)
{
    check(SSL_CTX_set_max_proto_version(c->ssl_ctx, TLS1_2_VERSION) == 1);
    SSL_CTX_clear_options(c->ssl_ctx, SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_options(c->ssl_ctx, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
}

/** tls_context_span() - see io.h */
struct certificate_span tls_context_span(const struct tls_context *c)
{
    const X509 *x = SSL_CTX_get0_certificate(c->ssl_ctx);

    return (struct certificate_span){.begins_unix_ms = tls_certificate_not_before_unix_ms(x),
                                     .ends_unix_ms = tls_certificate_not_after_unix_ms(x)};
}

/** tls_context_crl_span() - see io.h */
struct certificate_span tls_context_crl_span(const struct tls_context *c)
{
    return c->crl_span;
}

/** tls_crl_path() - the file of the lists that a peer's certificate is looked up in; borrowed */
const char *tls_crl_path(const SSL *ssl)
{
    const struct tls_context *c = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    return c->crl;
}

/** tls_context_ref() - one more reference; any thread; Return: @c */
struct tls_context *tls_context_ref(struct tls_context *c)
{
    atomic_fetch_add_explicit(&c->n_refs, 1, memory_order_relaxed);
    return c;
}

/** tls_context_unref() - give a reference back; any thread; NULL is fine; Return: NULL */
struct tls_context *tls_context_unref(struct tls_context *c)
{
    if (c == NULL || atomic_fetch_sub_explicit(&c->n_refs, 1, memory_order_acq_rel) > 1)
        return NULL;
    SSL_CTX_free(c->ssl_ctx);
    free(c->crl);
    free(c);
    return NULL;
}

/** tls_context_is_client() - was it made by tls_context_new_client()? */
bool tls_context_is_client(const struct tls_context *c)
{
    return c->is_client;
}

/** tls_ssl_new() - one connection; @refusal, borrowed, learns why a certificate was refused */
SSL *tls_ssl_new(struct tls_context *c, struct tls_refusal *refusal)
{
    SSL *ssl = SSL_new(c->ssl_ctx);

    check(ssl != NULL);
    check(SSL_set_app_data(ssl, refusal) == 1);
    if (c->is_client)
        SSL_set_connect_state(ssl);
    else
        SSL_set_accept_state(ssl);
    return ssl;
}

/* The first of @chain; the others are pushed to @rest. */
static X509 *parse_chain(struct bytes chain, STACK_OF(X509) * rest)
{
    const unsigned char *at = chain.at;
    const unsigned char *end = chain.at + chain.len;
    X509 *first = d2i_X509(NULL, &at, end - at);

    check(first != NULL);
    while (at < end) {
        X509 *x = d2i_X509(NULL, &at, end - at);

        check(x != NULL && sk_X509_push(rest, x) > 0);
    }
    return first;
}

/**
 * tls_context_trusts() - may who has been let in with this certificate stay, by @c?
 * @chain:       of tls_chain_take()
 * @is_resumed:  the chain above it was not seen then, so that it is missing says nothing
 *
 * As a handshake with @c, but that a revocation list may be out of date: what it does not name
 * has been looked up in one that was not.
 */
bool tls_context_trusts(const struct tls_context *c, struct bytes chain, bool is_resumed)
{
    X509_STORE_CTX *v = X509_STORE_CTX_new();
    STACK_OF(X509) *rest = sk_X509_new_null();
    X509 *x;
    int err;

    ERR_clear_error();
    check(v != NULL && rest != NULL);
    x = parse_chain(chain, rest);
    check(X509_STORE_CTX_init(v, SSL_CTX_get_cert_store(c->ssl_ctx), x, rest) == 1);
    check(X509_STORE_CTX_set_default(v, "ssl_client") == 1);
    X509_STORE_CTX_set_verify_cb(v, tls_verify_again_step);
    (void)X509_verify_cert(v);
    err = X509_STORE_CTX_get_error(v);
    X509_STORE_CTX_free(v);
    X509_free(x);
    sk_X509_pop_free(rest, X509_free);
    ERR_clear_error();
    return err == X509_V_OK || (is_resumed && err == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
}
