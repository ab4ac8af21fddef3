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
#include "base/list.h"

#define EVENT_BLOCK_EVENTS_MAX 512
#define EVENT_BLOCK_TEXT_MAX   65536

/* clang-format off */
/*    name                 text in logs                 what .value, .topic and .text hold */
#define EVENT_KINDS(X)                                                                              \
    X(CONNECT_ATTEMPT,     "connect-attempt")        /* a network connection was accepted */        \
    X(CONNECT_ACCEPTED,    "connect-accepted")       /* value: protocol level; text: role */        \
    X(CONNECT_REFUSED,     "connect-refused")        /* value: reason code; text: why */            \
    X(AUTH_FAILED,         "auth-failed")            /* value: 16-bit salted hash of the secret; text: why */ \
    X(TLS_FAILED,          "tls-failed")             /* text: what OpenSSL said */                  \
    X(DISCONNECTED,        "disconnected")           /* value: 1 by DISCONNECT, 0 otherwise; text: close reason */ \
    X(TAKEN_OVER,          "taken-over")             /* this connection lost its session to a newer one */ \
    X(SUBSCRIBED,          "subscribed")             /* topic: filter; value: granted QoS */        \
    X(UNSUBSCRIBED,        "unsubscribed")           /* topic: filter */                            \
    X(SUBSCRIBE_DENIED,    "subscribe-denied")       /* topic: filter; text: rule */                \
    X(PUBLISH_TOPIC,       "publish-topic")          /* topic, accepted, not used lately by this connection; value: EVENT_COMMAND or 0 */ \
    X(PUBLISH_DENIED,      "publish-denied")         /* topic; value: EVENT_COMMAND or 0; text: rule */ \
    X(PROTOCOL_ERROR,      "protocol-error")         /* value: reason code; text: what */           \
    X(LIMIT_HIT,           "limit-hit")              /* text: name of the limit; value: the limit */ \
    X(BAN_HIT,             "ban-hit")                /* text: which ban */                          \
    X(DELIVERY_DROPPED,    "delivery-dropped")       /* value: how many since the last such event; text: why */ \
    X(WILL_PUBLISHED,      "will-published")         /* topic */                                    \
    X(ACTION_TAKEN,        "action-taken")           /* text: what was done to this client, by whom */
/* clang-format on */

enum event_kind {
#define X(name, text) EVENT_##name,
    EVENT_KINDS(X)
#undef X
        EVENT_KIND_N,
};

#define EVENT_COMMAND 1U /* the topic matches a declared command topic */

/* All strings are borrowed from the block the event stands in; empty where not known. */
struct event {
    enum event_kind kind;
    uint32_t value;
    uint64_t at_ns; /* CLOCK_MONOTONIC; events of several workers may be slightly out of order */
    uint64_t conn;  /* number of the network connection, never reused; 0 when none */
    struct bytes client_id;
    struct bytes user_name; /* principal: the certificate's CN or the user name that was proved; for
                               AUTH_FAILED the name that was tried */
    struct bytes cert;      /* SHA-256 fingerprint of the client certificate, hex */
    struct bytes address;   /* "192.0.2.1" or "2001:db8::1", without the port */
    struct bytes role;      /* role name once known */
    struct bytes topic;
    struct bytes text;
};

struct event_block {
    struct list link;
    unsigned worker;
    unsigned n_events;
    unsigned n_dropped;
    size_t text_len;
    struct event events[EVENT_BLOCK_EVENTS_MAX];
    uint8_t text[EVENT_BLOCK_TEXT_MAX];
};

const char *event_kind_text(enum event_kind kind);
struct event_block *event_block_new(unsigned worker);
void event_block_free(struct event_block *b);
bool event_leave(struct event_block *b, const struct event *e);
