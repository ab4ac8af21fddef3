/* SPDX-License-Identifier: Apache-2.0 */
/* io/certificate.c - what certificates say, why they are refused, and OpenSSL's reasons in words */
#include "io/tls.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

#define DAY_MS         86400000ULL
#define SOON_DAYS      30
#define SOON_PART      4  /* of a list's time: some CAs make one each day */
#define NAME_SHOWN_MAX 64 /* bytes of a refused certificate's name */

static char *take_text(struct buf *b)
{
    char *text = bytes_dup_str(buf_view(b));

    buf_done(b);
    return text;
}

/* ---- reasons ---- */

/* clang-format off */
static const struct {
    int reason;
    const char *hint;
} hints[] = {
    {SSL_R_HTTP_REQUEST,                       "http request; a browser or a scanner?"},
    {SSL_R_HTTPS_PROXY_REQUEST,                "http proxy request; a scanner?"},
    {SSL_R_WRONG_VERSION_NUMBER,               "not TLS; a client without TLS on a TLS port, or the other way round?"},
    {SSL_R_UNSUPPORTED_PROTOCOL,               "unsupported protocol; the TLS version is too old"},
    {SSL_R_NO_SHARED_CIPHER,                   "no shared cipher (or group); only forward-secret AEAD ciphers are allowed"},
    {SSL_R_NO_SUITABLE_KEY_SHARE,              "no shared group; X25519 and P-256 are allowed"},
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE,  "no certificate shown, but one is required"},
};
/* clang-format on */

static const char *ssl_hint(int reason)
{
    for (size_t i = 0; i < COUNT_OF(hints); i++) {
        if (hints[i].reason == reason)
            return hints[i].hint;
    }
    return NULL;
}

/**
 * tls_reason() - what OpenSSL's last call failed for; empties the error queue
 *
 * Return: an owned text, never empty.
 */
char *tls_reason(void)
{
    unsigned long e = ERR_peek_error();
    int reason = ERR_GET_REASON(e);
    const char *words = ERR_reason_error_string(e);
    struct buf text = {0};

    if (ERR_GET_LIB(e) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET)
        buf_addf(&text, "the peer's alert: %s",
                 SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET));
    else if (ERR_GET_LIB(e) == ERR_LIB_SSL && ssl_hint(reason) != NULL)
        buf_addf(&text, "%s", ssl_hint(reason));
    else if (ERR_SYSTEM_ERROR(e) && strerrordesc_np(reason) != NULL)
        buf_addf(&text, "%s", strerrordesc_np(reason));
    else if (words != NULL)
        buf_addf(&text, "%s", words);
    else
        buf_addf(&text, "TLS error %lx", e);
    ERR_clear_error();
    return take_text(&text);
}

static uint64_t unix_ms(const ASN1_TIME *t)
{
    struct tm tm = {0};
    time_t s;

    if (ASN1_TIME_to_tm(t, &tm) != 1)
        return 0;
    s = timegm(&tm);
    return s > 0 ? (uint64_t)s * 1000 : 0;
}

/** tls_time_text() - @t as RFC 3339; Return: @ret */
const char *tls_time_text(const ASN1_TIME *t, char ret[CLOCK_TEXT_LEN])
{
    return clock_format(unix_ms(t), ret);
}

/* ---- what a certificate says ---- */

/*
 * The most specific common name, which is the last one.  A zero byte inside would make it another
 * name to whoever reads it as a C string, so such a name is refused.
 *
 * Return: owned, "" when there is none, NULL when it cannot be used.
 */
static char *common_name(const X509_NAME *name)
{
    int last = -1;
    unsigned char *utf8;
    char *ret = NULL;
    int len;

    for (int i = -1; (i = X509_NAME_get_index_by_NID(name, NID_commonName, i)) >= 0;)
        last = i;
    if (last < 0)
        return bytes_dup_str(BYTES_NONE);
    len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, last)));
    if (len < 0)
        return NULL;
    if (memchr(utf8, 0, (size_t)len) == NULL)
        ret = bytes_dup_str(bytes_of(utf8, (size_t)len));
    OPENSSL_free(utf8);
    return ret;
}

static char *serial_text(const X509 *x)
{
    BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
    char *hex = n != NULL ? BN_bn2hex(n) : NULL;
    char *ret = text_dup(text_or_empty(hex));

    OPENSSL_free(hex);
    BN_free(n);
    return ret;
}

static char *fingerprint(const X509 *x)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    struct buf text = {0};
    unsigned len = 0;

    check(X509_digest(x, EVP_sha256(), digest, &len) == 1);
    for (unsigned i = 0; i < len; i++)
        buf_addf(&text, "%02x", digest[i]);
    return take_text(&text);
}

/** tls_certificate_key_print() - SHA-256 of the public key, hex: the same for all certificates of
 * one key; @ret is "" when it has none that can be read */
void tls_certificate_key_print(const X509 *x, char ret[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    ret[0] = '\0';
    if (X509_pubkey_digest(x, EVP_sha256(), digest, &len) != 1)
        return;
    for (unsigned i = 0; i < len; i++)
        (void)snprintf(ret + 2 * (size_t)i, 3, "%02x", digest[i]);
}

/** tls_certificate_not_before_unix_ms() - Return: 0 when it cannot be read. */
uint64_t tls_certificate_not_before_unix_ms(const X509 *x)
{
    return unix_ms(X509_get0_notBefore(x));
}

/** tls_certificate_not_after_unix_ms() - when it ends */
uint64_t tls_certificate_not_after_unix_ms(const X509 *x)
{
    return unix_ms(X509_get0_notAfter(x));
}

static enum certificate_date date_of(struct certificate_span s, uint64_t now_unix_ms,
                                     uint64_t soon_ms)
{
    if (s.begins_unix_ms > now_unix_ms || s.ends_unix_ms <= now_unix_ms)
        return CERTIFICATE_OUT_OF_DATE;
    return s.ends_unix_ms - now_unix_ms < soon_ms ? CERTIFICATE_ENDS_SOON : CERTIFICATE_IN_DATE;
}

/* "ends on ..., in 3 days" */
static void add_end(struct buf *text, struct certificate_span s, uint64_t now_unix_ms)
{
    uint64_t days = (s.ends_unix_ms - now_unix_ms) / DAY_MS;
    char date[CLOCK_TEXT_LEN];

    buf_addf(text, "ends on %s, in %llu day%s", clock_format(s.ends_unix_ms, date),
             (unsigned long long)days, days == 1 ? "" : "s");
}

/* What follows from one that is out of date. */
#define NOBODY "clients that look at it do not come in: "

/** certificate_date() - see io.h */
enum certificate_date certificate_date(struct certificate_span s, uint64_t now_unix_ms,
                                       struct buf *text)
{
    enum certificate_date d = date_of(s, now_unix_ms, SOON_DAYS * DAY_MS);
    char date[CLOCK_TEXT_LEN];

    if (text == NULL || d == CERTIFICATE_IN_DATE)
        return d;
    if (s.begins_unix_ms > now_unix_ms) {
        buf_addf(text,
                 "its certificate is not valid before %s, by the clock of this machine; " NOBODY
                 "set the clock, or issue a new one and bastide reload",
                 clock_format(s.begins_unix_ms, date));
    } else if (d == CERTIFICATE_OUT_OF_DATE) {
        buf_addf(text,
                 "its certificate has expired, it was valid until %s; " NOBODY
                 "issue a new one (with the built-in CA: bastide pki issue server NAME --out "
                 "pki/server --replace), and bastide reload",
                 clock_format(s.ends_unix_ms, date));
    } else {
        buf_addf(text, "its certificate ");
        add_end(text, s, now_unix_ms);
        buf_addf(text, "; then no client comes in: issue a new one, and bastide reload");
    }
    return d;
}

/* ---- what a revocation list says ---- */

/* One that names no end has none. */
static uint64_t crl_ends_unix_ms(const X509_CRL *crl)
{
    const ASN1_TIME *t = X509_CRL_get0_nextUpdate(crl);

    return t != NULL ? MAX(unix_ms(t), (uint64_t)1) : UINT64_MAX;
}

/* The first of its CA among @all, of which it is the @i-th?  @ret: when this CA has one. */
static bool span_of_ca(const STACK_OF(X509_OBJECT) * all, int i, struct certificate_span *ret)
{
    const X509_CRL *first = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(all, i));
    struct certificate_span s = {UINT64_MAX, 0};

    for (int k = 0; first != NULL && k < sk_X509_OBJECT_num(all); k++) {
        const X509_CRL *crl = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(all, k));

        if (crl == NULL || X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_CRL_get_issuer(first)) != 0)
            continue;
        if (k < i)
            return false;
        s.begins_unix_ms = MIN(s.begins_unix_ms, unix_ms(X509_CRL_get0_lastUpdate(crl)));
        s.ends_unix_ms = MAX(s.ends_unix_ms, crl_ends_unix_ms(crl));
    }
    *ret = s;
    return first != NULL;
}

/**
 * tls_crls_span() - from when to when each CA of the lists in @store has one that holds
 *
 * A CA may have several, one for after the other; each of them counts.
 *
 * Return: 0 and 0 when there are none.
 */
struct certificate_span tls_crls_span(X509_STORE *store)
{
    const STACK_OF(X509_OBJECT) *all = X509_STORE_get0_objects(store);
    struct certificate_span ret = {0, 0};

    for (int i = 0; i < sk_X509_OBJECT_num(all); i++) {
        struct certificate_span s;

        if (!span_of_ca(all, i, &s))
            continue;
        ret.begins_unix_ms = MAX(ret.begins_unix_ms, s.begins_unix_ms);
        ret.ends_unix_ms =
            ret.ends_unix_ms == 0 ? s.ends_unix_ms : MIN(ret.ends_unix_ms, s.ends_unix_ms);
    }
    return ret;
}

/* What follows for those who come with a certificate, and what helps. */
#define NO_NEWCOMER "who comes with a certificate is refused: "
#define NEW_LIST                                                                                   \
    "put a new one of its CA there (that of the built-in CA lasts as long as the CA), "            \
    "and bastide reload"

/** crl_date() - see io.h */
enum certificate_date crl_date(struct certificate_span s, const char *path, uint64_t now_unix_ms,
                               struct buf *text)
{
    uint64_t soon_ms = MIN(SOON_DAYS * DAY_MS, (s.ends_unix_ms - s.begins_unix_ms) / SOON_PART);
    enum certificate_date d =
        s.ends_unix_ms == 0 ? CERTIFICATE_IN_DATE : date_of(s, now_unix_ms, soon_ms);
    char date[CLOCK_TEXT_LEN];

    if (text == NULL || d == CERTIFICATE_IN_DATE)
        return d;
    buf_addf(text, "its revocation list %s ", path);
    if (s.begins_unix_ms > now_unix_ms) {
        buf_addf(text,
                 "is not valid before %s, by the clock of this machine; " NO_NEWCOMER
                 "set the clock, or " NEW_LIST,
                 clock_format(s.begins_unix_ms, date));
    } else if (d == CERTIFICATE_OUT_OF_DATE) {
        buf_addf(text, "has expired, the next was due on %s; " NO_NEWCOMER NEW_LIST,
                 clock_format(s.ends_unix_ms, date));
    } else {
        add_end(text, s, now_unix_ms);
        buf_addf(text, "; then " NO_NEWCOMER NEW_LIST);
    }
    return d;
}

/** tls_certificate_done() - free what tls_certificate_read() found; fine when it failed */
void tls_certificate_done(struct stream_certificate *c)
{
    free((char *)c->cn);
    free((char *)c->issuer);
    free((char *)c->serial);
    free((char *)c->fingerprint);
    *c = (struct stream_certificate){0};
}

/**
 * tls_certificate_read() - take the facts out of a verified certificate
 * @ret:  overwritten; its texts are owned: tls_certificate_done() it, on failure too
 *
 * A session that was resumed brings the certificate it began with, which may
 * have expired since; so the date is looked at here as well.
 *
 * Return: NULL, or an owned text that says why it cannot be used.
 */
char *tls_certificate_read(const X509 *x, struct stream_certificate *ret)
{
    *ret = (struct stream_certificate){
        .cn = common_name(X509_get_subject_name(x)),
        .issuer = common_name(X509_get_issuer_name(x)),
        .serial = serial_text(x),
        .fingerprint = fingerprint(x),
        .not_after_unix_ms = unix_ms(X509_get0_notAfter(x)),
    };
    ERR_clear_error();
    if (ret->cn == NULL || ret->issuer == NULL)
        return text_dup("certificate with a malformed common name");
    if (X509_cmp_current_time(X509_get0_notAfter(x)) < 0)
        return text_dup("certificate has expired");
    return NULL;
}

static void add_der(struct buf *to, const X509 *x)
{
    unsigned char *der = NULL;
    int len = i2d_X509(x, &der);

    check(len > 0);
    buf_add(to, bytes_of(der, (size_t)len));
    OPENSSL_free(der);
}

/* What is large in a certificate that nobody reads any more; its key becomes one that is there. */
static void empty(X509 *x, EVP_PKEY *key)
{
    X509_NAME *nobody = X509_NAME_new();

    check(nobody != NULL);
    while (X509_get_ext_count(x) > 0)
        X509_EXTENSION_free(X509_delete_ext(x, 0));
    check(X509_set_subject_name(x, nobody) == 1 && X509_set_issuer_name(x, nobody) == 1);
    check(key == NULL || X509_set_pubkey(x, key) == 1);
    X509_NAME_free(nobody);
}

static void drop_all(STACK_OF(X509) * chain)
{
    while (sk_X509_num(chain) > 0)
        X509_free(sk_X509_pop(chain));
}

/**
 * tls_chain_take() - the certificates that the peer has shown, its own first, in DER; owned
 *
 * Once, when the handshake is done, and all else has been read from them.  OpenSSL would keep them
 * parsed, at ten times the size, as long as the connection lives.  It has no call that drops the
 * peer's own, which is emptied; those above it are taken out of its lists.
 */
struct bytes tls_chain_take(SSL *ssl)
{
    X509 *own = SSL_get0_peer_certificate(ssl);
    STACK_OF(X509) *shown = SSL_get_peer_cert_chain(ssl);
    const X509 *ours = SSL_get_certificate(ssl);
    EVP_PKEY *key = ours != NULL ? X509_get0_pubkey(ours) : NULL;
    struct buf der = {0};
    struct bytes ret;

    add_der(&der, own);
    for (int i = 0; i < sk_X509_num(shown); i++) {
        X509 *x = sk_X509_value(shown, i);

        if (x != own)
            add_der(&der, x);
    }
    drop_all(SSL_get0_verified_chain(ssl));
    drop_all(shown);
    empty(own, key);
    ret = bytes_dup(buf_view(&der));
    buf_done(&der);
    return ret;
}

/* ---- refusal ---- */

static const char *verify_words(int code)
{
    switch (code) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return "unknown ca";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        return "unknown ca (self-signed certificate)";
    case X509_V_ERR_UNABLE_TO_GET_CRL:
        return "unknown whether it is revoked (no revocation list of its issuer)";
    }
    return X509_verify_cert_error_string(code);
}

/* Does it say that a revocation list is out of date? */
static bool is_about_list_date(int code)
{
    return code == X509_V_ERR_CRL_HAS_EXPIRED || code == X509_V_ERR_CRL_NOT_YET_VALID;
}

static void add_list_words(struct buf *text, X509_STORE_CTX *at, const SSL *ssl)
{
    const X509_CRL *crl = X509_STORE_CTX_get0_current_crl(at);
    bool is_over = X509_STORE_CTX_get_error(at) == X509_V_ERR_CRL_HAS_EXPIRED;
    char date[CLOCK_TEXT_LEN];

    buf_addf(text,
             "unknown whether it is revoked (the revocation list %s %s %s; %sput a new one there, "
             "and bastide reload)",
             tls_crl_path(ssl),
             is_over ? "has expired, the next was due on"
                     : "is not valid yet, by the clock of this machine, but from",
             tls_time_text(is_over ? X509_CRL_get0_nextUpdate(crl) : X509_CRL_get0_lastUpdate(crl),
                           date),
             is_over ? "" : "set the clock, or ");
}

/** tls_verify_again_step() - OpenSSL's verify callback for who has been let in: a list that is
 * out of date is looked up all the same */
int tls_verify_again_step(int is_good, X509_STORE_CTX *at)
{
    if (is_good || !is_about_list_date(X509_STORE_CTX_get_error(at)))
        return is_good;
    X509_STORE_CTX_set_error(at, X509_V_OK);
    return 1;
}

/**
 * tls_verify_step() - OpenSSL's verify callback: note why and whose certificate is refused
 *
 * Return: @is_good; nothing is let through.
 */
int tls_verify_step(int is_good, X509_STORE_CTX *at)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(at, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_refusal *refusal = SSL_get_app_data(ssl);
    X509 *x = X509_STORE_CTX_get_current_cert(at);
    int code = X509_STORE_CTX_get_error(at);
    struct buf text = {0};
    char *cn, *serial;

    if (is_good || refusal->text != NULL)
        return is_good;
    if (is_about_list_date(code))
        add_list_words(&text, at, ssl);
    else
        buf_addf(&text, "%s", verify_words(code));
    if (x != NULL) {
        cn = common_name(X509_get_subject_name(x));
        serial = serial_text(x);
        buf_addf(&text, ": CN %.*s, serial %.*s", NAME_SHOWN_MAX, cn != NULL ? cn : "malformed",
                 NAME_SHOWN_MAX, serial);
        free(cn);
        free(serial);
    }
    refusal->text = take_text(&text);
    return is_good;
}
