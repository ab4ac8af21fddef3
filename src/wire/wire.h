/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire/wire.h - MQTT 3.1, 3.1.1 and 5.0: control packets as bytes and as values
 *
 * Pure functions, but for wire_fault_text(), which tells of the call before it on its thread.
 * What a decoder returns borrows from the bytes it was given.
 * A decoder checks all that one packet alone can break; what depends on the
 * connection (state, limits, aliases in use) is checked by session/.
 */
#pragma once

#include "base/bytes.h"

#define WIRE_PACKET_MAX       268435460U /* fixed header of 5 and 268,435,455 [MQTT5-1.5.5-1] */
#define WIRE_HEADER_MAX       5
#define WIRE_FILTERS_MAX      256  /* in one SUBSCRIBE or UNSUBSCRIBE; more are refused, as below */
#define WIRE_SUBIDS_MAX       16   /* subscription identifiers that a client of ours reads */
#define WIRE_USER_MAX         64   /* user properties in one packet */
#define WIRE_CLIENT_ID_MAX    1024 /* of client_id_bytes_max; nothing in the node cuts such a one */
#define WIRE_TOPIC_LEVELS_MAX 128
#define WIRE_FAULT_TEXT_MAX   128

enum wire_level {
    WIRE_V31 = 3,
    WIRE_V311 = 4,
    WIRE_V5 = 5,
};

enum wire_type {
    WIRE_CONNECT = 1,
    WIRE_CONNACK,
    WIRE_PUBLISH,
    WIRE_PUBACK,
    WIRE_PUBREC,
    WIRE_PUBREL,
    WIRE_PUBCOMP,
    WIRE_SUBSCRIBE,
    WIRE_SUBACK,
    WIRE_UNSUBSCRIBE,
    WIRE_UNSUBACK,
    WIRE_PINGREQ,
    WIRE_PINGRESP,
    WIRE_DISCONNECT,
    WIRE_AUTH,
};

/* clang-format off */
/*    name            reason  what the peer did */
#define WIRE_OUTCOMES(X)                                                        \
    X(OK,             0x00, "well-formed")                                      \
    X(E_MALFORMED,    0x81, "the bytes do not parse")                           \
    X(E_PROTOCOL,     0x82, "parses, but breaks a rule of the protocol")        \
    X(E_QOS,          0x81, "a QoS of 3")                                       \
    X(E_QOS_WANTED,   0x82, "a subscription that wants a QoS of 3")             \
    X(E_PACKET_ID,    0x82, "a packet identifier of 0")                         \
    X(E_LEVEL,        0x84, "a protocol name or level that is not spoken here") \
    X(E_CLIENT_ID,    0x85, "a client identifier that may not be used")         \
    X(E_TOPIC_FILTER, 0x8f, "a topic filter that is not valid")                 \
    X(E_TOPIC_NAME,   0x90, "a topic name that no publisher may use")           \
    X(E_TOPIC_ALIAS,  0x94, "a topic alias that is too high or not set")        \
    X(E_QUOTA,        0x97, "more items in one packet than are read here")
/* clang-format on */

enum wire_outcome {
#define X(name, reason, text) WIRE_##name,
    WIRE_OUTCOMES(X)
#undef X
};

/* Reason codes of MQTT 5.0, section 2.4; the names are the standard's. */
/* clang-format off */
#define WIRE_REASONS(X)                                                   \
    X(SUCCESS,                          0x00, "Success")                  \
    X(GRANTED_QOS_1,                    0x01, "Granted QoS 1")            \
    X(GRANTED_QOS_2,                    0x02, "Granted QoS 2")            \
    X(DISCONNECT_WITH_WILL,             0x04, "Disconnect with Will Message") \
    X(NO_MATCHING_SUBSCRIBERS,          0x10, "No matching subscribers")  \
    X(NO_SUBSCRIPTION_EXISTED,          0x11, "No subscription existed")  \
    X(CONTINUE_AUTHENTICATION,          0x18, "Continue authentication")  \
    X(REAUTHENTICATE,                   0x19, "Re-authenticate")          \
    X(UNSPECIFIED_ERROR,                0x80, "Unspecified error")        \
    X(MALFORMED_PACKET,                 0x81, "Malformed Packet")         \
    X(PROTOCOL_ERROR,                   0x82, "Protocol Error")           \
    X(IMPLEMENTATION_SPECIFIC_ERROR,    0x83, "Implementation specific error") \
    X(UNSUPPORTED_PROTOCOL_VERSION,     0x84, "Unsupported Protocol Version") \
    X(CLIENT_IDENTIFIER_NOT_VALID,      0x85, "Client Identifier not valid") \
    X(BAD_USER_NAME_OR_PASSWORD,        0x86, "Bad User Name or Password") \
    X(NOT_AUTHORIZED,                   0x87, "Not authorized")           \
    X(SERVER_UNAVAILABLE,               0x88, "Server unavailable")       \
    X(SERVER_BUSY,                      0x89, "Server busy")              \
    X(BANNED,                           0x8a, "Banned")                   \
    X(SERVER_SHUTTING_DOWN,             0x8b, "Server shutting down")     \
    X(BAD_AUTHENTICATION_METHOD,        0x8c, "Bad authentication method") \
    X(KEEP_ALIVE_TIMEOUT,               0x8d, "Keep Alive timeout")       \
    X(SESSION_TAKEN_OVER,               0x8e, "Session taken over")       \
    X(TOPIC_FILTER_INVALID,             0x8f, "Topic Filter invalid")     \
    X(TOPIC_NAME_INVALID,               0x90, "Topic Name invalid")       \
    X(PACKET_IDENTIFIER_IN_USE,         0x91, "Packet Identifier in use") \
    X(PACKET_IDENTIFIER_NOT_FOUND,      0x92, "Packet Identifier not found") \
    X(RECEIVE_MAXIMUM_EXCEEDED,         0x93, "Receive Maximum exceeded") \
    X(TOPIC_ALIAS_INVALID,              0x94, "Topic Alias invalid")      \
    X(PACKET_TOO_LARGE,                 0x95, "Packet too large")         \
    X(MESSAGE_RATE_TOO_HIGH,            0x96, "Message rate too high")    \
    X(QUOTA_EXCEEDED,                   0x97, "Quota exceeded")           \
    X(ADMINISTRATIVE_ACTION,            0x98, "Administrative action")    \
    X(PAYLOAD_FORMAT_INVALID,           0x99, "Payload format invalid")   \
    X(RETAIN_NOT_SUPPORTED,             0x9a, "Retain not supported")     \
    X(QOS_NOT_SUPPORTED,                0x9b, "QoS not supported")        \
    X(USE_ANOTHER_SERVER,               0x9c, "Use another server")       \
    X(SERVER_MOVED,                     0x9d, "Server moved")             \
    X(SHARED_SUBSCRIPTIONS_NOT_SUPPORTED, 0x9e, "Shared Subscriptions not supported") \
    X(CONNECTION_RATE_EXCEEDED,         0x9f, "Connection rate exceeded") \
    X(MAXIMUM_CONNECT_TIME,             0xa0, "Maximum connect time")     \
    X(SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED, 0xa1, "Subscription Identifiers not supported") \
    X(WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED, 0xa2, "Wildcard Subscriptions not supported")
/* clang-format on */

enum wire_reason {
#define X(name, code, text) REASON_##name = (code),
    WIRE_REASONS(X)
#undef X
};

/* Properties of MQTT 5.0, section 2.2.2.2. */
/* clang-format off */
enum wire_prop {
    PROP_PAYLOAD_FORMAT = 0x01,   PROP_MESSAGE_EXPIRY = 0x02,     PROP_CONTENT_TYPE = 0x03,
    PROP_RESPONSE_TOPIC = 0x08,   PROP_CORRELATION_DATA = 0x09,   PROP_SUBSCRIPTION_ID = 0x0b,
    PROP_SESSION_EXPIRY = 0x11,   PROP_ASSIGNED_CLIENT_ID = 0x12, PROP_SERVER_KEEP_ALIVE = 0x13,
    PROP_AUTH_METHOD = 0x15,      PROP_AUTH_DATA = 0x16,          PROP_REQUEST_PROBLEM = 0x17,
    PROP_WILL_DELAY = 0x18,       PROP_REQUEST_RESPONSE = 0x19,   PROP_RESPONSE_INFO = 0x1a,
    PROP_SERVER_REFERENCE = 0x1c, PROP_REASON_STRING = 0x1f,      PROP_RECEIVE_MAX = 0x21,
    PROP_TOPIC_ALIAS_MAX = 0x22,  PROP_TOPIC_ALIAS = 0x23,        PROP_QOS_MAX = 0x24,
    PROP_RETAIN_AVAILABLE = 0x25, PROP_USER = 0x26,               PROP_PACKET_MAX = 0x27,
    PROP_WILDCARD_AVAILABLE = 0x28, PROP_SUBID_AVAILABLE = 0x29,  PROP_SHARED_AVAILABLE = 0x2a,
};
/* clang-format on */

struct wire_pair {
    struct bytes name;
    struct bytes value;
};

/* One packet's properties.  A field counts only if its bit is in .set. */
struct wire_props {
    uint64_t set; /* BIT64(enum wire_prop) */
    uint32_t message_expiry_s;
    uint32_t session_expiry_s;
    uint32_t will_delay_s;
    uint32_t packet_max;
    uint32_t subscription_ids[WIRE_SUBIDS_MAX];
    uint16_t n_subscription_ids;
    uint16_t server_keep_alive_s;
    uint16_t receive_max;
    uint16_t topic_alias_max;
    uint16_t topic_alias;
    uint8_t payload_format;
    uint8_t request_problem;
    uint8_t request_response;
    uint8_t qos_max;
    uint8_t retain_available;
    uint8_t wildcard_available;
    uint8_t subid_available;
    uint8_t shared_available;
    struct bytes content_type;
    struct bytes response_topic;
    struct bytes correlation_data;
    struct bytes assigned_client_id;
    struct bytes auth_method;
    struct bytes auth_data;
    struct bytes response_info;
    struct bytes server_reference;
    struct bytes reason_string;
    /* User properties, in order: encoded, a run of 0x26 and two strings each; borrowed.  The
     * decoder points this at the property block itself (other properties may stand between
     * them); the encoder copies the user properties it finds in it.  wire_user_next() walks. */
    struct bytes user;
};

struct wire_connect {
    struct bytes protocol_name;
    uint8_t level; /* enum wire_level.  Written on any outcome: the level to answer in, or 0 if none
                    * that is spoken here */
    bool is_bridge; /* the level had the bit 0x80: mosquitto's bridge protocol, before 5.0 */
    bool clean_start;
    bool has_user_name;
    bool has_password;
    bool has_will;
    bool will_retain;
    uint8_t will_qos;
    uint16_t keep_alive_s;
    struct bytes client_id;
    struct bytes user_name;
    struct bytes password; /* secret */
    struct bytes will_topic;
    struct bytes will_payload;
    struct bytes will_forward; /* the Will property block as received, for wire_forward_props() */
    struct wire_props will_props;
    struct wire_props props;
};

struct wire_connack {
    bool session_present;
    uint8_t reason; /* as REASON_*; encoded as a 3.1.1 return code for old levels */
    struct wire_props props;
};

struct wire_publish {
    struct bytes topic;
    struct bytes payload;
    uint16_t packet_id; /* 0 at QoS 0 */
    uint8_t qos;
    bool dup;
    bool retain;
    /* What PUBLISH carries of properties, without a struct wire_props: this is the hot path. */
    bool has_expiry;
    bool has_payload_format;
    uint8_t payload_format;
    uint16_t topic_alias; /* 0: none */
    uint32_t expiry_s;
    /* The property block as received.  wire_forward_props() copies what travels with the message:
     * payload format, content type, response topic, correlation data, user properties. */
    struct bytes props;
    uint16_t n_subscription_ids;
    uint32_t subscription_ids[WIRE_SUBIDS_MAX]; /* last, since only the first n are written */
};

/* The topics that a peer's Topic Aliases stand for, on one network connection. */
struct wire_aliases {
    struct bytes *topics; /* owned, by alias - 1; NULL until one is set */
    uint16_t max;         /* told to the peer; 0: it may set none */
};

/* PUBACK, PUBREC, PUBREL, PUBCOMP */
struct wire_ack {
    uint16_t packet_id;
    uint8_t reason;
    struct wire_props props;
};

struct wire_subscription {
    struct bytes filter; /* as sent, with "$share/group/" */
    uint8_t qos;
    bool no_local;
    bool retain_as_published;
    uint8_t retain_handling; /* 0, 1, 2 */
};

struct wire_subscribe {
    uint16_t packet_id;
    uint32_t subscription_id; /* 0: none; the encoder takes this one, not what is in .props */
    size_t n;
    struct wire_subscription at[WIRE_FILTERS_MAX];
    struct wire_props props;
};

struct wire_unsubscribe {
    uint16_t packet_id;
    size_t n;
    struct bytes filter[WIRE_FILTERS_MAX];
    struct wire_props props;
};

/* SUBACK and UNSUBACK */
struct wire_suback {
    uint16_t packet_id;
    size_t n;
    uint8_t reason[WIRE_FILTERS_MAX];
    struct wire_props props;
};

/* DISCONNECT and AUTH */
struct wire_disconnect {
    uint8_t reason;
    struct wire_props props;
};

struct wire_frame {
    enum wire_type type;
    uint8_t flags;     /* low four bits of the fixed header */
    struct bytes body; /* what follows the fixed header */
    size_t len;        /* fixed header and body */
};

enum wire_next {
    WIRE_NEXT_PACKET, /* @ret is whole */
    WIRE_NEXT_MORE, /* more bytes are needed; ret->len is the packet's whole length, 0: not known */
    WIRE_NEXT_BAD,  /* no such packet, or an ill-formed remaining length */
};

enum wire_next wire_next(struct bytes in, struct wire_frame *ret);

enum wire_outcome wire_decode_connect(uint8_t flags, struct bytes body, struct wire_connect *ret);
enum wire_outcome wire_decode_connack(uint8_t flags, struct bytes body, enum wire_level level,
                                      struct wire_connack *ret);
enum wire_outcome wire_decode_publish(uint8_t flags, struct bytes body, enum wire_level level,
                                      struct wire_publish *ret);
MUST_CHECK enum wire_outcome wire_aliases_resolve(struct wire_aliases *a, struct wire_publish *p);
void wire_aliases_done(struct wire_aliases *a);
enum wire_outcome wire_decode_ack(enum wire_type type, uint8_t flags, struct bytes body,
                                  enum wire_level level, struct wire_ack *ret);
enum wire_outcome wire_decode_subscribe(uint8_t flags, struct bytes body, enum wire_level level,
                                        struct wire_subscribe *ret);
enum wire_outcome wire_decode_suback(enum wire_type type, uint8_t flags, struct bytes body,
                                     enum wire_level level, struct wire_suback *ret);
enum wire_outcome wire_decode_unsubscribe(uint8_t flags, struct bytes body, enum wire_level level,
                                          struct wire_unsubscribe *ret);
enum wire_outcome wire_decode_ping(uint8_t flags, struct bytes body, enum wire_level level);
enum wire_outcome wire_decode_disconnect(enum wire_type type, uint8_t flags, struct bytes body,
                                         enum wire_level level, struct wire_disconnect *ret);

void wire_encode_connect(struct buf *out, const struct wire_connect *p);
void wire_encode_connack(struct buf *out, const struct wire_connack *p, enum wire_level level);
void wire_encode_ack(struct buf *out, enum wire_type type, const struct wire_ack *p,
                     enum wire_level level);
void wire_encode_subscribe(struct buf *out, const struct wire_subscribe *p, enum wire_level level);
void wire_encode_suback(struct buf *out, enum wire_type type, const struct wire_suback *p,
                        enum wire_level level);
void wire_encode_unsubscribe(struct buf *out, const struct wire_unsubscribe *p,
                             enum wire_level level);
void wire_encode_ping(struct buf *out, enum wire_type type);
void wire_encode_disconnect(struct buf *out, enum wire_type type, const struct wire_disconnect *p,
                            enum wire_level level);

/* One outgoing PUBLISH.  Sized and written in one pass each, because this is the hot path. */
struct wire_delivery {
    struct bytes topic;   /* may be empty when topic_alias is set */
    struct bytes forward; /* properties that travel with the message, of wire_forward_props() */
    struct bytes payload;
    const uint32_t *subscription_ids;
    uint32_t n_subscription_ids;
    uint16_t packet_id;   /* ignored at QoS 0 */
    uint16_t topic_alias; /* 0: none */
    uint8_t qos;
    bool dup;
    bool retain;
    bool has_expiry;
    uint32_t expiry_s; /* what is left */
};
size_t wire_delivery_len(const struct wire_delivery *d, enum wire_level level);
void wire_encode_delivery(struct buf *out, const struct wire_delivery *d, enum wire_level level);

/* Properties */
void wire_forward_props(struct bytes props, struct buf *out);
bool wire_user_next(struct bytes user, size_t *cursor, struct wire_pair *ret);
void wire_user_add(struct buf *user, struct bytes name, struct bytes value);

/* Text and topics */
size_t wire_utf8_whole_len(struct bytes s);
bool wire_text_valid(struct bytes s);
bool wire_utf8_valid(struct bytes s); /* [MQTT5-1.5.4-1] and -2: no U+0000, no surrogates */
/* Filters are as sent, with "$share/group/". */
bool wire_topic_name_well_formed(struct bytes topic); /* as the standard says, whatever its depth */
bool wire_topic_filter_well_formed(struct bytes filter, enum wire_level level);
bool wire_topic_name_valid(struct bytes topic); /* well-formed, and not too deep */
bool wire_topic_filter_valid(struct bytes filter);
/* The five below take filters without "$share/group/". */
bool wire_topic_too_deep(struct bytes s); /* more than WIRE_TOPIC_LEVELS_MAX levels */
bool wire_filter_has_wildcard(struct bytes filter);
bool wire_filter_matches(struct bytes filter, struct bytes topic);
/* every topic that @other matches, @filter matches */
bool wire_filter_covers(struct bytes filter, struct bytes other);
bool wire_filters_overlap(struct bytes a, struct bytes b); /* there is a topic that both match */
/* false: not "$share/..."; an ill-formed one gives an empty group */
bool wire_filter_split_share(struct bytes filter, struct bytes *ret_group,
                             struct bytes *ret_filter);

const char *wire_type_name(enum wire_type type);
const char *wire_reason_text(uint8_t reason);
bool wire_reason_allowed(enum wire_type type, uint8_t reason); /* of MQTT 5.0 */
uint8_t wire_outcome_reason(enum wire_outcome outcome);
const char *wire_outcome_text(enum wire_outcome outcome);
void wire_fault_text(enum wire_outcome outcome, enum wire_type type, char ret[WIRE_FAULT_TEXT_MAX]);
uint8_t wire_connack_code_v311(uint8_t reason); /* 0 to 5, section 3.2.2.3 */
