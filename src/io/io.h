/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/io.h - the event loop, streams over TCP, TLS and WebSocket, listeners and mailboxes
 *
 * A loop belongs to one thread.  Nothing here knows MQTT.
 */
#pragma once

#include <sys/socket.h>

#include "base/bytes.h"
#include "base/heap.h"
#include "base/list.h"

/* ---- loop: level-triggered epoll, timers, one clock read a turn ---- */

struct loop;
struct loop_file;

#define LOOP_READ  BIT(0)
#define LOOP_WRITE BIT(1)
#define LOOP_HUP   BIT(2) /* always reported */
#define LOOP_END   BIT(3) /* of what the peer sends: reported as LOOP_HUP */

typedef void loop_ready_fn(struct loop_file *file, uint32_t ready);

/* A descriptor the loop watches; stands inside its owner.  The owner closes @fd after
 * loop_remove(). */
struct loop_file {
    int fd;
    uint32_t watches; /* LOOP_READ, LOOP_WRITE, LOOP_END */
    loop_ready_fn *on_ready;
};

struct loop *loop_new(void);
struct loop *loop_free(struct loop *l);
MUST_CHECK int loop_add(struct loop *l, struct loop_file *f, uint32_t watches);
void loop_watch(struct loop *l, struct loop_file *f,
                uint32_t watches); /* no system call if unchanged */
void loop_remove(struct loop *l, struct loop_file *f);
/* One turn: wait until something is ready or @deadline_ns, read the clock once, call on_ready of
 * each ready file.  A file removed during the turn is not called any more. */
void loop_turn(struct loop *l, uint64_t deadline_ns);
/* The two halves of a turn, for who has something to do before the first file is called. */
void loop_wait(struct loop *l, uint64_t deadline_ns);
void loop_call(struct loop *l);
uint64_t loop_now_ns(const struct loop *l); /* the time this turn was read at */

/* ---- mailbox: from any thread to one; a control lane before a delivery lane ---- */

struct mail {
    struct list link;
};

enum lane {
    LANE_CONTROL,
    LANE_DELIVERY,
    LANE_N,
};

struct mailbox;

struct mailbox *mailbox_new(void);
struct mailbox *mailbox_free(struct mailbox *m); /* must be empty */
int mailbox_fd(const struct mailbox
                   *m); /* eventfd, readable when mail came into an empty lane, until cleared */
void mailbox_post(struct mailbox *m, enum lane lane, struct mail *mail);
void mailbox_post_all(struct mailbox *m, enum lane lane, struct list *mails, size_t n,
                      size_t bytes); /* @mails is emptied; FIFO */
size_t mailbox_take(struct mailbox *m, enum lane lane,
                    struct list *ret); /* all of the lane, appended in order; Return: how many */
void mailbox_rouse(
    struct mailbox *m); /* the reader is awake and takes what comes without a wakeup, */
bool mailbox_rest(
    struct mailbox *m); /* until it says that it will wait; false: do not, mail is there */
bool mailbox_gather(struct mailbox *m);        /* the same, but only control wakes */
void mailbox_clear_wakeup(struct mailbox *m);  /* before taking; then both lanes are to be taken */
size_t mailbox_bytes(const struct mailbox *m); /* posted to the delivery lane and not taken yet; any
                                                  thread, approximate */

/* ---- TLS ---- */

enum tls_client_certificate {
    TLS_CLIENT_CERTIFICATE_NONE,
    TLS_CLIENT_CERTIFICATE_OPTIONAL,
    TLS_CLIENT_CERTIFICATE_REQUIRED,
};

struct tls_settings {
    const char *certificate; /* PEM chain file */
    const char *key;         /* PEM */
    const char *client_ca;   /* PEM bundle, NULL when certificates are not asked for */
    const char *crl;         /* PEM, may be NULL */
    enum tls_client_certificate client_certificate;
    int version_min;   /* 0x0303 TLS 1.2, 0x0304 TLS 1.3 */
    bool in_websocket; /* what ALPN agrees on is http/1.1, and not mqtt */
};

struct tls_context; /* reference counted, any thread */

/* Server side.  On failure NULL and @ret_error says what, with which file and what to do; free()
 * it. */
struct tls_context *tls_context_new(const struct tls_settings *s, char **ret_error);
/* Client side: @ca verifies the server, whose name must be @server_name; certificate and key may be
 * NULL. */
struct tls_context *tls_context_new_client(const char *ca, const char *certificate, const char *key,
                                           char **ret_error);
struct tls_context *tls_context_ref(struct tls_context *c);

/* From when to when something holds. */
struct certificate_span {
    uint64_t begins_unix_ms;
    uint64_t ends_unix_ms;
};

enum certificate_date {
    CERTIFICATE_IN_DATE,
    CERTIFICATE_ENDS_SOON, /* within a month; a list also in the last quarter of its time only */
    CERTIFICATE_OUT_OF_DATE,
};

struct certificate_span tls_context_span(const struct tls_context *c); /* what it shows */
/* Each CA has a revocation list that holds; 0 and 0: without lists. */
struct certificate_span tls_context_crl_span(const struct tls_context *c);
/* Append a sentence on one that is out of date or soon will be; @text may be NULL. */
enum certificate_date certificate_date(struct certificate_span s, uint64_t now_unix_ms,
                                       struct buf *text);
/* The same of revocation lists, which are in the file @path. */
enum certificate_date crl_date(struct certificate_span s, const char *path, uint64_t now_unix_ms,
                               struct buf *text);
struct tls_context *tls_context_unref(struct tls_context *c);

/* ---- stream: bytes both ways over a non-blocking socket, plain or TLS, in WebSocket or not ----
 */

struct stream;

#define STREAM_ADDRESS_LEN 48

enum stream_outcome {
    STREAM_OK,     /* *ret_n bytes moved, at least one; for a handshake: done */
    STREAM_AGAIN,  /* not now: stream_wants() says what to watch for */
    STREAM_END,    /* the peer closed in order */
    STREAM_FAILED, /* reset, TLS alert, ...: stream_error() says what */
    STREAM_BAD, /* the peer breaks the rules of a layer: stream_error() says how; writing may go on
                 */
};

/* What a certificate says; "" for a common name that it has not. */
struct stream_certificate {
    const char *cn;
    const char *fingerprint; /* SHA-256, 64 hex digits */
    const char *serial;      /* hex */
    const char *issuer;      /* common name */
    uint64_t not_after_unix_ms;
};

/* What TLS found out about the peer. */
struct stream_tls_peer {
    const char *version; /* "TLSv1.3" */
    const char *cipher;
    const char *sni;                       /* NULL: none was sent */
    struct stream_certificate certificate; /* if there is one */
};

/* Who is there; all borrowed from the stream. */
struct stream_peer {
    const char *address; /* "192.0.2.1", "2001:db8::1", "unix" */
    uint16_t port;
    bool is_loopback;
    bool is_proxy; /* that speaks for itself, by its PROXY header: there is no client */
    bool is_tls;
    bool has_certificate;              /* verified against client_ca, in date, not revoked */
    const struct stream_tls_peer *tls; /* NULL without TLS, and until the handshake is done */
};

/* @fd is owned from here on; set non-blocking, TCP_NODELAY.  @tls may be NULL; referenced. */
struct stream *stream_new(int fd, struct tls_context *tls);
/* The next client that waits at a listener; as listener_accept(). */
MUST_CHECK int stream_accept(int listener, struct tls_context *tls, struct stream **ret);

/* Whom a WebSocket is for; all borrowed as long as the stream is there. */
struct websocket_settings {
    const char *path;     /* that is asked for */
    char *const *origins; /* of pages that may connect, besides programs, which name none */
    size_t n_origins;     /* 0: pages from this machine, to itself */
};

/* Where to connect to; all borrowed. */
struct stream_target {
    const char
        *host; /* an address; a name is looked up first, which may take longer than @timeout_ms */
    uint16_t port;
    const char *source;      /* address to connect from; NULL: the system's choice */
    struct tls_context *tls; /* of tls_context_new_client(); NULL for plain TCP */
    const char *server_name; /* that the server's certificate must be for, a DNS name or an address;
                                NULL: @host */
    unsigned timeout_ms; /* for the TCP connection; the handshake is stream_handshake(), which does
                            not block */
};

/* Client side: blocking connect with a limit, then as above. */
struct stream *stream_connect(const struct stream_target *t, char **ret_error);
struct stream *stream_free(struct stream *s); /* closes */
/* For trials: connections of @c speak TLS 1.2 alone, and may be asked to negotiate anew. */
void tls_context_may_renegotiate(struct tls_context *c);
/* Client side, after the handshake, again and again while STREAM_AGAIN: ask the server to negotiate
 * TLS 1.2 anew.  STREAM_OK: it did; else it did not, and the stream is done with. */
enum stream_outcome stream_renegotiate(struct stream *s);
int stream_fd(const struct stream *s);
/* Server side, before stream_handshake(): bytes go in WebSocket frames. */
void stream_expect_websocket(struct stream *s, const struct websocket_settings *w);
/* Server side, before stream_handshake(): take the PROXY header that comes first, and the client's
 * address from it. */
enum stream_outcome stream_proxy_header(struct stream *s);
enum stream_outcome stream_handshake(struct stream *s); /* STREAM_OK at once for plain TCP */
enum stream_outcome stream_read(struct stream *s, void *at, size_t cap, size_t *ret_n);
enum stream_outcome stream_write(struct stream *s, const void *at, size_t len, size_t *ret_n);
enum stream_outcome
stream_flush(struct stream *s);                  /* what a layer itself has to say, such as pongs */
bool stream_has_pending(const struct stream *s); /* a layer holds bytes that epoll does not see */
uint32_t stream_wants(const struct stream *s); /* LOOP_READ and/or LOOP_WRITE after STREAM_AGAIN */
void stream_shutdown(
    struct stream *s); /* Close frame, close_notify, then shut down the sending side */
const struct stream_peer *stream_peer(const struct stream *s);
bool stream_has_context(const struct stream *s, const struct tls_context *tls);
bool stream_is_trusted_by(const struct stream *s,
                          const struct tls_context *tls); /* also after a reload of the CRL? */
const char *stream_error(const struct stream *s);
struct bytes stream_begun(const struct stream *s);

/* By which means a TLS connection is protected; "" where that is not known. */
struct stream_crypto {
    char group[32];                 /* "x25519" */
    char certificate_key[48];       /* of the peer: "EC P-256", "RSA 2048" */
    char certificate_signature[48]; /* by its issuer: "ecdsa-with-SHA256" */
    char certificate_key_print[65]; /* SHA-256 of its public key, hex */
    uint64_t certificate_not_before_unix_ms;
};
/* After the handshake; false without TLS. */
bool stream_crypto(const struct stream *s, struct stream_crypto *ret);

#define STREAM_CHANNEL_BYTES 32

/* The channel binding "tls-exporter" (RFC 9266) of this connection; false without TLS 1.3. */
bool stream_channel(const struct stream *s, uint8_t ret[STREAM_CHANNEL_BYTES]);

/* ---- listeners ---- */

/* Bind and listen; with SO_REUSEPORT so that each worker has its own.  -errno on failure.
 * @host: address or name; a name that resolves to several uses the first. */
MUST_CHECK int listener_open(const char *host, uint16_t port, bool reuse_port, int *ret_fd);
MUST_CHECK int listener_open_unix(const char *path, unsigned mode, int *ret_fd);
MUST_CHECK int listener_accept(int fd, int *ret_fd); /* -EAGAIN when there is none */
bool address_is_loopback(const char *host); /* an address or name that reaches this machine only */

/* ---- the process ---- */

/* Become @user for good: groups, ids, no new privileges; before threads are made.  The caller must
 * not go on if it fails. */
MUST_CHECK int privileges_drop(const char *user);
/* No capability but @keep (-1: none), for good; before threads are made. */
MUST_CHECK int capabilities_keep(int keep);
bool capabilities_none(void); /* of the calling thread */

/* What a thread is there for: so much may it ask the kernel for, and no more. */
enum sandbox_role {
    SANDBOX_MAIN,     /* configuration, signals */
    SANDBOX_WORKER,   /* connections that are open; no file, no new socket */
    SANDBOX_SENTINEL, /* state on disk */
    SANDBOX_STORE,    /* the control store */
    SANDBOX_ADMIN,    /* the API */
    SANDBOX_AUTH,     /* computes only */
    SANDBOX_TRIALS,   /* connects to the node itself */
    SANDBOX_ALERT,    /* connects to the receivers of incidents */
    SANDBOX_MONITOR,  /* writes logs */
    SANDBOX_WARD,     /* bastide-ward: runs one program */
    SANDBOX_ROLE_N,
};

struct sandbox; /* the filters of all roles */

struct sandbox *sandbox_new(void); /* before there are other threads */
struct sandbox *sandbox_free(struct sandbox *s);
MUST_CHECK int sandbox_enter(const struct sandbox *s, enum sandbox_role role);
bool sandbox_is_possible(void);
bool sandbox_is_on(void); /* for the calling thread */
/* RLIMIT_NOFILE to @want, or to the hard limit and -EPERM if that is lower. */
MUST_CHECK int files_limit_raise(size_t want, size_t *ret_may);
