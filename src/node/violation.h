/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/violation.h - the names of what a peer can do against the protocol
 *
 * Private to node.  A violation is counted by its name, left as an event whose text
 * begins with it, and logged.  The first twelve are those of Suricata's MQTT parser,
 * so that what a network sensor saw and what the node says can be laid side by side.
 */
#pragma once

#include "session/session.h"

struct link;

/* clang-format off */
/*    name                  in events, the log and metrics   what the peer did */
#define VIOLATIONS(X)                                                                                     \
    X(MISSING_CONNECT,      "missing_connect")            /* CONNACK, which answers a CONNECT */          \
    X(MISSING_PUBLISH,      "missing_publish")            /* an acknowledgement of nothing that was sent */ \
    X(MISSING_SUBSCRIBE,    "missing_subscribe")          /* SUBACK, which answers a SUBSCRIBE */         \
    X(MISSING_UNSUBSCRIBE,  "missing_unsubscribe")        /* UNSUBACK, which answers an UNSUBSCRIBE */    \
    X(DOUBLE_CONNECT,       "double_connect")             /* a second CONNECT */                          \
    X(UNINTRODUCED_MESSAGE, "unintroduced_message")       /* something else before it is accepted */      \
    X(INVALID_QOS_LEVEL,    "invalid_qos_level")          /* QoS 3 */                                     \
    X(MISSING_MSG_ID,       "missing_msg_id")             /* packet identifier 0 */                       \
    X(UNASSIGNED_MSG_TYPE,  "unassigned_msg_type")        /* a packet type that the level does not have */ \
    X(TOO_MANY_TRANSACTIONS, "too_many_transactions")     /* more QoS 2 messages than Receive Maximum */  \
    X(MALFORMED_TRAFFIC,    "malformed_traffic")          /* bytes that do not parse */                   \
    X(TOO_MANY_MESSAGES,    "too_many_messages")          /* more items in a packet than are read */      \
    X(PACKET_TOO_LARGE,     "packet_too_large")           /* more than packet_bytes_max */                \
    X(UNSUPPORTED_LEVEL,    "unsupported_level")          /* another protocol name or level */            \
    X(INVALID_CLIENT_ID,    "invalid_client_id")          /* one that may not be used */                  \
    X(INVALID_TOPIC,        "invalid_topic")              /* a topic name or filter that is none */       \
    X(INVALID_TOPIC_ALIAS,  "invalid_topic_alias")        /* one that is too high or stands for nothing */ \
    X(PROTOCOL_ERROR,       "protocol_error")             /* parses, and breaks another rule */
/* clang-format on */

enum violation {
#define X(name, text) VIOLATION_##name,
    VIOLATIONS(X)
#undef X
        VIOLATION_N,
};

const char *violation_text(enum violation v);
enum violation violation_of_outcome(enum wire_outcome outcome);
enum violation violation_of_type(enum wire_type type, enum wire_level level, bool is_connected);
void violation_tell(struct link *l, enum violation v, uint8_t reason, const char *why);
