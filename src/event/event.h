/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event/event.h - the vocabulary of facts, and the blocks they travel in
 *
 * A worker leaves events in its current block and posts the block to the
 * sentinel once a turn: never a call, never a lock on the message path.  What
 * happens on every message is a counter, not an event; an accepted PUBLISH leaves
 * one event per topic that its connection has not used lately.
 *
 * A block has a fixed size.  When it is full the event is dropped and counted
 * (event_block.n_dropped): detection is shed, never traffic.
 *
 * MQ.DE.*, MQ.PR.SP-03.
 */
#pragma once

#include "base/bytes.h"

#define EVENT_BLOCK_EVENTS_MAX 512
#define EVENT_BLOCK_TEXT_MAX   65536

/* clang-format off */
/*    name                 text in logs                 what .value, .topic and .text hold */
#define EVENT_KINDS(X)                                                                              \
    X(CONNECT_ATTEMPT,     "connect-attempt")        /* a network connection was accepted */        \
    X(CONNECT_ACCEPTED,    "connect-accepted")       /* value: protocol level; flags: CONNECT_...; number: keep alive asked for, s; text: role */ \
    X(DEVICE_TRAITS,       "device-traits")          /* behind CONNECT_ACCEPTED or a birth: what the device is, packed by identify; topic: of a birth, the device behind it */ \
    X(CONNECT_REFUSED,     "connect-refused")        /* value: reason code; text: why */            \
    X(AUTH_FAILED,         "auth-failed")            /* value: 16-bit salted hash of the secret; text: why */ \
    X(TLS_FAILED,          "tls-failed")             /* text: what OpenSSL said */                  \
    X(DISCONNECTED,        "disconnected")           /* value: 1 by DISCONNECT, 0 otherwise; flags: ENDED_BY_NODE; text: close reason */ \
    X(STANDING,            "standing")               /* as CONNECT_ACCEPTED, of a connection that stands since: events were shed, and who tells of it was not heard */ \
    X(ENDED_EARLY,         "ended-early")            /* the network connection ended, and no CONNECT was accepted */ \
    X(TAKEN_OVER,          "taken-over")             /* this connection lost its session to a newer one; text: its address */ \
    X(SUBSCRIBED,          "subscribed")             /* topic: filter; value: granted QoS; text: group of a shared one */ \
    X(UNSUBSCRIBED,        "unsubscribed")           /* topic: filter */                            \
    X(SUBSCRIBE_DENIED,    "subscribe-denied")       /* topic: filter; text: rule */                \
    X(PUBLISH_TOPIC,       "publish-topic")          /* topic, accepted, not used lately by this connection; value: EVENT_COMMAND ... or 0; number: shape of the payload */ \
    X(PUBLISH_DENIED,      "publish-denied")         /* topic; value: EVENT_COMMAND or 0; text: rule */ \
    X(COMMAND_SENT,        "command-sent")           /* topic: a command topic; each one that was accepted; text: a struct event_sequence, or nothing */ \
    X(COMMAND_HELD,        "command-held")           /* topic: a command topic; it was not routed: held for approval, or refused because no more are held; also of a Will; value: EVENT_COMMAND or 0; text: which, with the topic */ \
    X(TRAFFIC,             "traffic")                /* text: a struct event_traffic, what the connection did since the last such event; number: retained messages that the node has now */ \
    X(RETAINED_CHANGED,    "retained-changed")       /* topic; value: 1 cleared, 0 replaced; text: 8 bytes, hash_keyed() of the client id whose it was; also where it is refused, and of a Will */ \
    X(PROTOCOL_ERROR,      "protocol-error")         /* value: reason code; text: what */           \
    X(ODD_PACKET,          "odd-packet")             /* value: how much; text: of what: "user properties", "bytes of properties" */ \
    X(LIMIT_HIT,           "limit-hit")              /* text: name of the limit; value: the limit */ \
    X(BAN_HIT,             "ban-hit")                /* text: which ban */                          \
    X(QUEUE_GROWN,         "queue-grown")            /* of a connected client; value: messages that wait for it; number: KiB; flags: s that it was there and acknowledged nothing */ \
    X(QOS2_OPEN,           "qos2-open")              /* value: received QoS 2 messages that are not released */ \
    X(WILL_SET,            "will-set")               /* with CONNECT; topic; value: EVENT_COMMAND or 0, EVENT_DENIED; number: bytes of its payload */ \
    X(WILL_PUBLISHED,      "will-published")         /* topic */                                    \
    X(PINGED,              "pinged")                 /* was asked, on its role's ping_topic, whether it is there */ \
    X(ACTION_TAKEN,        "action-taken")           /* text: what was done to this client, by whom */ \
    X(SILENT,              "silent")                 /* made by detect: nothing since CONNECT; number: for so long, s */ \
    X(AWAITED,             "awaited")                /* made by detect: a client should have been heard of by now */ \
    X(INSPECTION_OVERDUE,  "inspection-overdue")     /* made by the sentinel; client_id: the asset's name; value: days */ \
    X(LIFECYCLE,           "lifecycle")              /* made by the sentinel; what the state of a client's record means; value: LIFECYCLE_...; conn: its newest, 0: it is away; text: the state */ \
    X(STORE_FAULT,         "store-fault")            /* made by the sentinel; value: how many faults there are now; text: which */ \
    X(CERTIFICATE_DATE,    "certificate-date")       /* made by the sentinel; value: how many listeners have a certificate or revocation list that ends soon; number: one that is out of date; text: which */
/* clang-format on */

enum event_kind {
#define X(name, text) EVENT_##name,
    EVENT_KINDS(X)
#undef X
        EVENT_KIND_N,
};

/* Of PUBLISH_TOPIC, PUBLISH_DENIED, COMMAND_HELD and WILL_SET, in .value. */
#define EVENT_COMMAND   1U /* the topic is a command topic, and not the role's to command */
#define EVENT_UNMATCHED 2U /* nobody subscribes to it, and somebody should */
#define EVENT_RETAINED  4U
#define EVENT_DENIED    8U

#define ENDED_BY_NODE 1U /* of DISCONNECTED: an operator or a new right did it, no fault */

/* Of CONNECT_ACCEPTED, in .flags. */
#define CONNECT_TLS            1U
#define CONNECT_TLS13          2U
#define CONNECT_CERTIFICATE    4U  /* the principal was proved by one */
#define CONNECT_PASSWORD       8U  /* by a password */
#define CONNECT_PERSISTENT     16U /* the session is to outlive the connection */
#define CONNECT_DEFAULT_SECRET 32U /* the password is one that everybody knows */

/* Of LIFECYCLE, in .value. */
#define LIFECYCLE_MAY_BE_SILENT 1U /* it is not in service: nobody misses it */
#define LIFECYCLE_MUST_BE_GONE  2U /* retired, disposed of or lost: it must not connect */

/* What a connection did since its last TRAFFIC event. */
struct event_traffic {
    uint32_t n_messages;     /* PUBLISH received and accepted */
    uint32_t n_unmatched;    /* of them without a subscriber, not retained, to no unread topic */
    uint32_t n_matched;      /* sessions and outlets that they went to */
    uint32_t n_retained_new; /* of them retained where nothing was */
    uint32_t payload_max;
    uint32_t span_ms; /* since the last such event */
    uint64_t bytes_in;
    uint64_t bytes_out;
};

/* Of COMMAND_SENT, in .text: what the command said of itself, and when it came. */
struct event_sequence {
    uint64_t sequence;
    uint64_t time_unix_ms;
    uint64_t now_unix_ms;
};

/* All strings are borrowed from the block the event stands in; empty where not known. */
struct event {
    enum event_kind kind;
    uint32_t value;
    uint32_t flags;
    uint32_t number;
    uint64_t at_ns; /* CLOCK_MONOTONIC; events of several workers may be slightly out of order */
    uint64_t conn;  /* number of the network connection, never reused; 0 when none */
    struct bytes client_id;
    struct bytes user_name; /* principal: the certificate's CN or the user name that was proved; for
                               AUTH_FAILED the name that was tried */
    struct bytes cert;      /* SHA-256 fingerprint of the client certificate, hex */
    struct bytes address;   /* "192.0.2.1" or "2001:db8::1", without the port */
    bool is_proxy;          /* the address is a proxy's, which speaks for itself */
    struct bytes role;      /* role name once known */
    struct bytes topic;
    struct bytes text;
};

static inline struct event_traffic event_traffic_of(const struct event *e)
{
    struct event_traffic t = {0};

    if (e->text.len == sizeof(t))
        memcpy(&t, e->text.at, sizeof(t));
    return t;
}

/* One allocation: the events stand behind it, and their texts behind them. */
struct event_block {
    unsigned worker;
    unsigned n_events;
    unsigned n_dropped;
    size_t text_len;
    struct event *events;
    uint8_t *text;
};

const char *event_kind_text(enum event_kind kind);
struct event_block *event_block_new(unsigned worker);
struct event_block *event_block_take(struct event_block *b);
void event_block_free(struct event_block *b);
bool event_leave(struct event_block *b, const struct event *e);
