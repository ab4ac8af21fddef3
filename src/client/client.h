/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client/client.h - a blocking MQTT 3.1.1 and 5.0 client for one thread
 *
 * Each call does one thing and returns when it is done, refused, or out of time;
 * there are no callbacks and no thread of its own.  What arrives while a call
 * waits for something else is kept for client_next().  A message of QoS 1 or 2
 * is acknowledged when client_next() hands it out, so the peer's window bounds
 * what is kept; at QoS 0 the newest is dropped when the inbox is full.
 *
 * After an outcome other than CLIENT_OK, CLIENT_NOTHING and a CLIENT_E_REFUSED
 * publish or subscribe the connection is closed; client_connect() may be called
 * again.  If the server kept the session (client_session_present()) what was not
 * acknowledged has then been sent again; otherwise it is the caller's to repeat.
 */
#pragma once

#include "base/bytes.h"
#include "wire/wire.h"

#define CLIENT_TIMEOUT_MS      10000 /* when client_settings.timeout_ms is 0 */
#define CLIENT_INFLIGHT_MAX    1024  /* PUBLISH under way; the server's Receive Maximum if lower */
#define CLIENT_INBOX_BYTES_MAX (64U << 20)
#define CLIENT_CLOSE_MS        1000        /* to get a DISCONNECT out */
#define CLIENT_PACKET_MAX      (16U << 20) /* when client_settings.packet_max is 0 */

/* clang-format off */
/*    name           text */
#define CLIENT_OUTCOMES(X)                                                   \
    X(OK,            "done")                                                 \
    X(NOTHING,       "nothing came in time")                                 \
    X(E_UNREACHABLE, "no connection")           /* TCP or TLS; client_error() */ \
    X(E_REFUSED,     "refused")                 /* client_reason() */        \
    X(E_CLOSED,      "closed by the server")    /* client_reason(), 0 when it gave none */ \
    X(E_TIMEOUT,     "no answer in time")                                    \
    X(E_MALFORMED,   "the server broke the protocol")                        \
    X(E_OVERRUN,     "the server sent more than is kept")
/* clang-format on */

enum client_outcome {
#define X(name, text) CLIENT_##name,
    CLIENT_OUTCOMES(X)
#undef X
};

struct tls_context;

struct client_message {
    struct bytes topic;
    struct bytes payload;
    struct bytes forward; /* encoded properties that travel with it, see wire_forward_props() */
    uint8_t qos;
    bool retain;
    bool dup;        /* received only */
    bool has_expiry; /* 5.0 */
    uint32_t expiry_s;
};

/* All borrowed; must live as long as the client.  Zero is a sensible default for each field but
 * host, port and client_id. */
struct client_settings {
    const char *host; /* an address */
    uint16_t port;
    const char *bind_address; /* source address; NULL: the system's choice */
    struct tls_context *tls;  /* NULL: plain TCP */
    const char *server_name;  /* that the certificate must have; NULL: host */
    enum wire_level level;    /* 0: WIRE_V5 */
    const char *client_id;    /* "" asks for one, see client_id() */
    const char *user_name;    /* NULL: none */
    const char *password;     /* NULL: none; secret */
    bool scram; /* 5.0: the password is proved by SCRAM-SHA-256 and not sent; so is the user name */
    bool resume;               /* clean start is asked for unless this is set */
    uint16_t keep_alive_s;     /* 0: none */
    uint32_t session_expiry_s; /* 5.0 */
    uint16_t receive_max;      /* 5.0; 0: not sent, which means 65,535 */
    uint16_t alias_max;        /* 5.0: topics that the server may shorten; 0: none */
    uint32_t packet_max;
    unsigned timeout_ms; /* for each answer: handshake, CONNACK, SUBACK, PUBACK, PINGRESP */
    const struct client_message *will; /* NULL: none */
    uint32_t will_delay_s;             /* 5.0 */
};

struct client;

struct client *client_new(const struct client_settings *s);
struct client *client_free(struct client *c); /* closes without DISCONNECT */

enum client_outcome client_connect(struct client *c);
void client_disconnect(struct client *c, enum wire_reason reason);
bool client_is_connected(const struct client *c);
bool client_session_present(const struct client *c); /* as of the last CONNACK */
const char *client_id(const struct client *c); /* the one in use, also when the server chose it */

/* Wait for the last acknowledgement of this message. */
enum client_outcome client_publish(struct client *c, const struct client_message *m);
/* Send and return at once, unless as many are unacknowledged as may be. */
enum client_outcome client_publish_start(struct client *c, const struct client_message *m);
/* Wait until all are acknowledged; CLIENT_E_REFUSED if one was not accepted since the last call. */
enum client_outcome client_flush(struct client *c);

enum client_outcome client_subscribe(struct client *c, const char *filter, uint8_t qos);
enum client_outcome client_subscribe_all(struct client *c, const struct wire_subscription *subs,
                                         size_t n, uint8_t *ret_reasons);
enum client_outcome client_unsubscribe(struct client *c, const char *filter);

/* The next message; @ret is borrowed until client_next() is called again. */
enum client_outcome client_next(struct client *c, unsigned timeout_ms, struct client_message *ret);

/* For waiting on more than one thing: call client_next(c, 0, ...) until it says CLIENT_NOTHING,
 * then poll() client_fd() for reading, for at most client_due_ms(). */
int client_fd(const struct client *c);
int client_due_ms(const struct client *c); /* until a ping is due; -1: never */

const char *client_outcome_text(enum client_outcome o);
uint8_t client_reason(const struct client *c); /* of the last answer or DISCONNECT; QoS granted */
const char *client_error(const struct client *c); /* what the last outcome meant, one line; "" */
