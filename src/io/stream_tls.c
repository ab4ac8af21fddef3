/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/stream_tls.c - TLS over a non-blocking socket
 *
 * OpenSSL does its own recv() and send() by a BIO of ours, because the one it
 * has writes without MSG_NOSIGNAL and does not tell an end from an error.
 */
#include "io/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/tls.h"

struct stream_tls {
    struct tls_context *context; /* a reference */
    SSL *ssl;
    int fd;              /* the stream's */
    bool is_established; /* the handshake is done */
    bool is_asked_anew;  /* and another one is under way */
    bool is_drained;     /* the last read found less than a record; the rest has to come first */
    bool heard;          /* the peer sent at least one byte */
    bool at_eof;         /* the socket has ended */
    int read_errno;
    int write_errno;
    struct tls_refusal refusal;
    struct stream_tls_peer peer; /* its texts are owned but for those that OpenSSL has */
    struct bytes chain;          /* owned; the certificates that were shown, in DER */
};

/* ---- the BIO ---- */

static int bio_read(BIO *bio, char *at, int cap)
{
    struct stream_tls *t = BIO_get_data(bio);
    ssize_t n;

    BIO_clear_retry_flags(bio);
    do {
        n = recv(t->fd, at, (size_t)cap, 0);
    } while (n < 0 && errno == EINTR);
    if (n > 0)
        t->heard = true;
    else if (n == 0)
        t->at_eof = true;
    else if (errno == EAGAIN)
        BIO_set_retry_read(bio);
    else
        t->read_errno = errno;
    return (int)n;
}

static int bio_write(BIO *bio, const char *at, int len)
{
    struct stream_tls *t = BIO_get_data(bio);
    ssize_t n;

    BIO_clear_retry_flags(bio);
    do {
        n = send(t->fd, at, (size_t)len, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        BIO_set_retry_write(bio);
    else if (n < 0)
        t->write_errno = errno;
    return (int)n;
}

static long bio_control(BIO *bio, int command, long number, void *at)
{
    const struct stream_tls *t = BIO_get_data(bio);

    (void)number;
    (void)at;
    if (command == BIO_CTRL_EOF)
        return t->at_eof;
    return command == BIO_CTRL_FLUSH; /* send() leaves nothing behind */
}

static BIO_METHOD *bio_method;

static void make_bio_method(void)
{
    bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
    check(bio_method != NULL);
    check(BIO_meth_set_read(bio_method, bio_read) == 1);
    check(BIO_meth_set_write(bio_method, bio_write) == 1);
    check(BIO_meth_set_ctrl(bio_method, bio_control) == 1);
}

/* ---- life ---- */

/** stream_tls_new() - TLS on @fd, which stays the stream's; @c is referenced */
struct stream_tls *stream_tls_new(int fd, struct tls_context *c)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct stream_tls *t = mem_new(struct stream_tls);
    BIO *bio;

    check(pthread_once(&once, make_bio_method) == 0);
    t->fd = fd;
    t->context = tls_context_ref(c);
    t->ssl = tls_ssl_new(c, &t->refusal);
    bio = BIO_new(bio_method);
    check(bio != NULL);
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    SSL_set_bio(t->ssl, bio, bio); /* takes @bio */
    return t;
}

/** stream_tls_free() - says nothing to the peer; Return: NULL */
struct stream_tls *stream_tls_free(struct stream_tls *t)
{
    if (t == NULL)
        return NULL;
    SSL_free(t->ssl);
    tls_context_unref(t->context);
    tls_certificate_done(&t->peer.certificate);
    bytes_free(t->chain);
    free(t->refusal.text);
    free((char *)t->peer.sni);
    free(t);
    return NULL;
}

/** stream_tls_expect() - the server must show a certificate for this name or address; false: it is
 * no name */
bool stream_tls_expect(struct stream_tls *t, const char *server_name)
{
    struct in6_addr ip;
    bool ok;

    if (inet_pton(AF_INET, server_name, &ip) == 1 || inet_pton(AF_INET6, server_name, &ip) == 1) {
        ok = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(t->ssl), server_name) == 1;
    } else {
        SSL_set_hostflags(t->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        ok = server_name[0] != 0 && SSL_set1_host(t->ssl, server_name) == 1 &&
             SSL_set_tlsext_host_name(t->ssl, server_name) == 1;
    }
    ERR_clear_error();
    return ok;
}

/* ---- what an operation came to ---- */

enum direction {
    READING, /* and shaking hands */
    WRITING,
};

static void before(void)
{
    if (ERR_peek_error() != 0)
        ERR_clear_error();
}

/* The peer went away without a close_notify.  Many MQTT clients do, and MQTT has an end of its own;
 * so it is an end, and after a TCP connection that never said a word, too. */
static enum stream_outcome end_of_socket(struct stream *s)
{
    const struct stream_tls *t = s->tls;

    ERR_clear_error();
    if (!t->is_established && t->heard)
        return stream_fail(s, text_dup("closed during the TLS handshake"));
    stream_note(s, text_dup(t->is_established ? "closed without TLS close_notify"
                                              : "closed before the TLS handshake"));
    s->read_end = STREAM_END;
    s->write_end = STREAM_FAILED;
    return STREAM_END;
}

static enum stream_outcome failure(struct stream *s, enum direction d)
{
    struct stream_tls *t = s->tls;
    int err = t->read_errno != 0 ? t->read_errno : t->write_errno;
    char *text;

    if (t->refusal.text == NULL && ERR_peek_error() == 0 && err != 0) {
        text = text_dup(text_or_empty(strerrordesc_np(err)));
        if (d == WRITING) {
            /* As in plain TCP, what came before can still be read. */
            stream_note(s, text);
            s->write_end = STREAM_FAILED;
            return STREAM_FAILED;
        }
    } else if (t->refusal.text != NULL) {
        text = t->refusal.text;
        t->refusal.text = NULL;
    } else {
        text = tls_reason();
    }
    ERR_clear_error();
    return stream_fail(s, text);
}

/* What the operation that returned @r came to. */
static enum stream_outcome settle(struct stream *s, enum direction d, int r)
{
    uint32_t *wants = d == WRITING ? &s->write_wants : &s->read_wants;

    switch (SSL_get_error(s->tls->ssl, r)) {
    case SSL_ERROR_WANT_READ:
        *wants = LOOP_READ;
        return STREAM_AGAIN;
    case SSL_ERROR_WANT_WRITE:
        *wants = LOOP_WRITE;
        return STREAM_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        s->read_end = STREAM_END;
        return STREAM_END;
    }
    return s->tls->at_eof ? end_of_socket(s) : failure(s, d);
}

/* ---- handshake ---- */

/* Return: NULL, or an owned text: why the peer is not to be talked to. */
static char *fill_peer(struct stream *s)
{
    struct stream_tls *t = s->tls;
    const char *sni = SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name);
    X509 *x = SSL_get0_peer_certificate(t->ssl);
    char *problem;

    s->peer.tls = &t->peer;
    t->peer.version = SSL_get_version(t->ssl);
    t->peer.cipher = SSL_get_cipher_name(t->ssl);
    if (sni != NULL)
        t->peer.sni = text_dup(sni);
    if (x == NULL || SSL_get_verify_result(t->ssl) != X509_V_OK)
        return NULL;
    problem = tls_certificate_read(x, &t->peer.certificate);
    if (problem != NULL)
        return problem;
    t->chain = tls_chain_take(t->ssl);
    s->peer.has_certificate = true;
    return NULL;
}

/* The keys of an exchange that is over are secrets, and memory, of no more use; OpenSSL would keep
 * them as long as the connection. */
static void forget_exchange(SSL *ssl)
{
    EVP_PKEY *keys[2] = {NULL, NULL};

    (void)SSL_get_tmp_key(ssl, &keys[0]);
    (void)SSL_get_peer_tmp_key(ssl, &keys[1]);
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        if (keys[i] != NULL) /* what it was goes; the empty key is freed with @ssl */
            (void)EVP_PKEY_set_type(keys[i], EVP_PKEY_get_base_id(keys[i]));
        EVP_PKEY_free(keys[i]);
    }
    ERR_clear_error();
}

/** stream_tls_handshake() - go on with the handshake; fills the stream's peer when it is done */
enum stream_outcome stream_tls_handshake(struct stream *s)
{
    struct stream_tls *t = s->tls;
    char *problem;
    int r;

    if (t->is_established)
        return STREAM_OK;
    before();
    r = SSL_do_handshake(t->ssl);
    if (r != 1)
        return settle(s, READING, r);
    t->is_established = true;
    s->read_wants = LOOP_READ;
    problem = fill_peer(s);
    forget_exchange(t->ssl);
    return problem == NULL ? STREAM_OK : stream_fail(s, problem);
}

/** stream_tls_renegotiate() - as stream_renegotiate() */
enum stream_outcome stream_tls_renegotiate(struct stream *s)
{
    struct stream_tls *t = s->tls;
    int r;

    check(t->is_established);
    before();
    if (!t->is_asked_anew && SSL_renegotiate(t->ssl) != 1)
        return failure(s, READING);
    t->is_asked_anew = true;
    r = SSL_do_handshake(t->ssl);
    return r == 1 ? STREAM_OK : settle(s, READING, r);
}

/** stream_tls_has_context() - as stream_has_context() */
bool stream_tls_has_context(const struct stream_tls *t, const struct tls_context *c)
{
    return t->context == c;
}

/** stream_tls_is_trusted_by() - as stream_is_trusted_by() */
bool stream_tls_is_trusted_by(const struct stream_tls *t, const struct tls_context *c)
{
    return t->chain.len == 0 || tls_context_trusts(c, t->chain, SSL_session_reused(t->ssl) == 1);
}

/* "EC P-256", "RSA 2048", "ED25519" */
static void key_text(const X509 *x, char *ret, size_t cap)
{
    EVP_PKEY *key = X509_get0_pubkey(x);
    const char *type = key != NULL ? EVP_PKEY_get0_type_name(key) : NULL;
    char group[32] = "";

    if (type == NULL)
        return;
    (void)EVP_PKEY_get_group_name(key, group, sizeof(group), NULL);
    if (strcmp(group, "prime256v1") == 0) /* its name elsewhere in TLS */
        (void)snprintf(group, sizeof(group), "P-256");
    if (group[0] != '\0')
        (void)snprintf(ret, cap, "%.12s %s", type, group);
    else if (strcmp(type, "RSA") == 0)
        (void)snprintf(ret, cap, "RSA %d", EVP_PKEY_get_bits(key));
    else
        (void)snprintf(ret, cap, "%.40s", type);
}

/** stream_tls_crypto() - as stream_crypto(); @ret is empty */
void stream_tls_crypto(const struct stream_tls *t, struct stream_crypto *ret)
{
    const unsigned char *der = t->chain.at; /* the peer's own is first; OpenSSL's copy is emptied */
    X509 *x = der != NULL ? d2i_X509(NULL, &der, (long)t->chain.len) : NULL;
    int nid = (int)SSL_get_negotiated_group(t->ssl);
    const char *group = nid != NID_undef ? SSL_group_to_name(t->ssl, nid) : NULL;

    if (group != NULL)
        (void)snprintf(ret->group, sizeof(ret->group), "%s", group);
    if (x != NULL) {
        key_text(x, ret->certificate_key, sizeof(ret->certificate_key));
        (void)snprintf(ret->certificate_signature, sizeof(ret->certificate_signature), "%s",
                       OBJ_nid2ln(X509_get_signature_nid(x)));
        tls_certificate_key_print(x, ret->certificate_key_print);
        ret->certificate_not_before_unix_ms = tls_certificate_not_before_unix_ms(x);
        X509_free(x);
    }
    ERR_clear_error();
}

/**
 * stream_tls_channel() - as stream_channel()
 *
 * Of TLS 1.3 only: before, it is unique to a connection with an extended master secret alone
 * (RFC 9266, section 4.2).
 */
bool stream_tls_channel(const struct stream_tls *t, uint8_t ret[STREAM_CHANNEL_BYTES])
{
    static const char label[] = "EXPORTER-Channel-Binding";

    if (!t->is_established || SSL_version(t->ssl) < TLS1_3_VERSION)
        return false;
    check(SSL_export_keying_material(t->ssl, ret, STREAM_CHANNEL_BYTES, label, sizeof(label) - 1,
                                     NULL, 0, 0) == 1);
    return true;
}

/* ---- bytes ---- */

/** stream_tls_read() - as stream_read(); takes all records that have come, as far as they fit */
enum stream_outcome stream_tls_read(struct stream *s, void *at, size_t cap, size_t *ret_n)
{
    struct stream_tls *t = s->tls;
    enum stream_outcome outcome = STREAM_OK;
    size_t n = 0, got;
    int r;

    s->read_wants = LOOP_READ;
    t->is_drained = false;
    do {
        before();
        r = SSL_read_ex(t->ssl, (char *)at + n, cap - n, &got);
        if (r == 1)
            n += got;
    } while (r == 1 && n < cap && SSL_has_pending(t->ssl) == 1);
    if (r != 1)
        outcome = settle(s, READING, r);
    t->is_drained = outcome == STREAM_AGAIN;
    if (n == 0)
        return outcome;
    s->has_news = outcome == STREAM_END || outcome == STREAM_FAILED;
    *ret_n = n;
    return STREAM_OK;
}

/** stream_tls_write() - as stream_write() */
enum stream_outcome stream_tls_write(struct stream *s, const void *at, size_t len, size_t *ret_n)
{
    struct stream_tls *t = s->tls;
    enum stream_outcome outcome = STREAM_OK;
    size_t n = 0, put;
    int r;

    s->write_wants = 0;
    do {
        before();
        r = SSL_write_ex(t->ssl, (const char *)at + n, len - n, &put);
        if (r == 1)
            n += put;
    } while (r == 1 && n < len);
    if (r != 1)
        outcome = settle(s, WRITING, r);
    if (n == 0)
        return outcome;
    *ret_n = n;
    return STREAM_OK;
}

/** stream_tls_has_pending() - could a read give something although the socket has nothing? */
bool stream_tls_has_pending(const struct stream_tls *t)
{
    return !t->is_drained && SSL_has_pending(t->ssl) == 1;
}

/** stream_tls_shutdown() - send close_notify if the socket takes it at once */
void stream_tls_shutdown(struct stream_tls *t)
{
    if (!t->is_established)
        return;
    (void)SSL_shutdown(t->ssl);
    ERR_clear_error();
}
