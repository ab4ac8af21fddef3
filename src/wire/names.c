/* SPDX-License-Identifier: Apache-2.0 */
/* wire/names.c - names of packets, reasons and outcomes; which packet may carry which reason */
#include "wire/names.h"

#include "base/err.h"

#define CODE_UNAVAILABLE 3

/* The packets that may carry a reason, section 2.4. */
#define IN_CONNACK    BIT(WIRE_CONNACK)
#define IN_PUBACK     (BIT(WIRE_PUBACK) | BIT(WIRE_PUBREC))
#define IN_PUBREL     (BIT(WIRE_PUBREL) | BIT(WIRE_PUBCOMP))
#define IN_SUBACK     BIT(WIRE_SUBACK)
#define IN_UNSUBACK   BIT(WIRE_UNSUBACK)
#define IN_DISCONNECT BIT(WIRE_DISCONNECT)
#define IN_AUTH       BIT(WIRE_AUTH)
#define IN_REPLIES    (IN_CONNACK | IN_PUBACK | IN_SUBACK | IN_UNSUBACK | IN_DISCONNECT)

/* clang-format off */
static const uint32_t carriers[256] = {
    [REASON_SUCCESS]                       = IN_REPLIES | IN_PUBREL | IN_AUTH,
    [REASON_GRANTED_QOS_1]                 = IN_SUBACK,
    [REASON_GRANTED_QOS_2]                 = IN_SUBACK,
    [REASON_DISCONNECT_WITH_WILL]          = IN_DISCONNECT,
    [REASON_NO_MATCHING_SUBSCRIBERS]       = IN_PUBACK,
    [REASON_NO_SUBSCRIPTION_EXISTED]       = IN_UNSUBACK,
    [REASON_CONTINUE_AUTHENTICATION]       = IN_AUTH,
    [REASON_REAUTHENTICATE]                = IN_AUTH,
    [REASON_UNSPECIFIED_ERROR]             = IN_REPLIES,
    [REASON_MALFORMED_PACKET]              = IN_CONNACK | IN_DISCONNECT,
    [REASON_PROTOCOL_ERROR]                = IN_CONNACK | IN_DISCONNECT,
    [REASON_IMPLEMENTATION_SPECIFIC_ERROR] = IN_REPLIES,
    [REASON_UNSUPPORTED_PROTOCOL_VERSION]  = IN_CONNACK,
    [REASON_CLIENT_IDENTIFIER_NOT_VALID]   = IN_CONNACK,
    [REASON_BAD_USER_NAME_OR_PASSWORD]     = IN_CONNACK,
    [REASON_NOT_AUTHORIZED]                = IN_REPLIES,
    [REASON_SERVER_UNAVAILABLE]            = IN_CONNACK,
    [REASON_SERVER_BUSY]                   = IN_CONNACK | IN_DISCONNECT,
    [REASON_BANNED]                        = IN_CONNACK,
    [REASON_SERVER_SHUTTING_DOWN]          = IN_DISCONNECT,
    [REASON_BAD_AUTHENTICATION_METHOD]     = IN_CONNACK | IN_DISCONNECT,
    [REASON_KEEP_ALIVE_TIMEOUT]            = IN_DISCONNECT,
    [REASON_SESSION_TAKEN_OVER]            = IN_DISCONNECT,
    [REASON_TOPIC_FILTER_INVALID]          = IN_SUBACK | IN_UNSUBACK | IN_DISCONNECT,
    [REASON_TOPIC_NAME_INVALID]            = IN_CONNACK | IN_PUBACK | IN_DISCONNECT,
    [REASON_PACKET_IDENTIFIER_IN_USE]      = IN_PUBACK | IN_SUBACK | IN_UNSUBACK,
    [REASON_PACKET_IDENTIFIER_NOT_FOUND]   = IN_PUBREL,
    [REASON_RECEIVE_MAXIMUM_EXCEEDED]      = IN_DISCONNECT,
    [REASON_TOPIC_ALIAS_INVALID]           = IN_DISCONNECT,
    [REASON_PACKET_TOO_LARGE]              = IN_CONNACK | IN_DISCONNECT,
    [REASON_MESSAGE_RATE_TOO_HIGH]         = IN_DISCONNECT,
    [REASON_QUOTA_EXCEEDED]                = IN_CONNACK | IN_PUBACK | IN_SUBACK | IN_DISCONNECT,
    [REASON_ADMINISTRATIVE_ACTION]         = IN_DISCONNECT,
    [REASON_PAYLOAD_FORMAT_INVALID]        = IN_CONNACK | IN_PUBACK | IN_DISCONNECT,
    [REASON_RETAIN_NOT_SUPPORTED]          = IN_CONNACK | IN_DISCONNECT,
    [REASON_QOS_NOT_SUPPORTED]             = IN_CONNACK | IN_DISCONNECT,
    [REASON_USE_ANOTHER_SERVER]            = IN_CONNACK | IN_DISCONNECT,
    [REASON_SERVER_MOVED]                  = IN_CONNACK | IN_DISCONNECT,
    [REASON_SHARED_SUBSCRIPTIONS_NOT_SUPPORTED]     = IN_SUBACK | IN_DISCONNECT,
    [REASON_CONNECTION_RATE_EXCEEDED]      = IN_CONNACK | IN_DISCONNECT,
    [REASON_MAXIMUM_CONNECT_TIME]          = IN_DISCONNECT,
    [REASON_SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED] = IN_SUBACK | IN_DISCONNECT,
    [REASON_WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED]   = IN_SUBACK | IN_DISCONNECT,
};

/* Return codes of a 3.1.1 CONNACK, table 3.1.  Of the reasons with the same code the first is what
 * the code is read as. */
static const struct v311_code {
    uint8_t reason;
    uint8_t code;
} v311_codes[] = {
    {REASON_SUCCESS,                       0},
    {REASON_UNSUPPORTED_PROTOCOL_VERSION,  1},
    {REASON_CLIENT_IDENTIFIER_NOT_VALID,   2},
    {REASON_SERVER_UNAVAILABLE,            CODE_UNAVAILABLE},
    {REASON_BAD_USER_NAME_OR_PASSWORD,     4},
    {REASON_NOT_AUTHORIZED,                5},
    {REASON_BAD_AUTHENTICATION_METHOD,     5},
    {REASON_BANNED,                        5},
};
/* clang-format on */

/** wire_type_name() - "PUBLISH" and its like; "unknown" for what is no packet type */
const char *wire_type_name(enum wire_type type)
{
    static const char *const names[] = {
        [WIRE_CONNECT] = "CONNECT",   [WIRE_CONNACK] = "CONNACK",
        [WIRE_PUBLISH] = "PUBLISH",   [WIRE_PUBACK] = "PUBACK",
        [WIRE_PUBREC] = "PUBREC",     [WIRE_PUBREL] = "PUBREL",
        [WIRE_PUBCOMP] = "PUBCOMP",   [WIRE_SUBSCRIBE] = "SUBSCRIBE",
        [WIRE_SUBACK] = "SUBACK",     [WIRE_UNSUBSCRIBE] = "UNSUBSCRIBE",
        [WIRE_UNSUBACK] = "UNSUBACK", [WIRE_PINGREQ] = "PINGREQ",
        [WIRE_PINGRESP] = "PINGRESP", [WIRE_DISCONNECT] = "DISCONNECT",
        [WIRE_AUTH] = "AUTH",
    };

    return type < COUNT_OF(names) && names[type] != NULL ? names[type] : "unknown";
}

/** wire_prop_name() - the standard's name of a property that there is */
const char *wire_prop_name(enum wire_prop id)
{
    /* clang-format off */
    static const char *const names[] = {
        [PROP_PAYLOAD_FORMAT] =     "Payload Format Indicator",
        [PROP_MESSAGE_EXPIRY] =     "Message Expiry Interval",
        [PROP_CONTENT_TYPE] =       "Content Type",
        [PROP_RESPONSE_TOPIC] =     "Response Topic",
        [PROP_CORRELATION_DATA] =   "Correlation Data",
        [PROP_SUBSCRIPTION_ID] =    "Subscription Identifier",
        [PROP_SESSION_EXPIRY] =     "Session Expiry Interval",
        [PROP_ASSIGNED_CLIENT_ID] = "Assigned Client Identifier",
        [PROP_SERVER_KEEP_ALIVE] =  "Server Keep Alive",
        [PROP_AUTH_METHOD] =        "Authentication Method",
        [PROP_AUTH_DATA] =          "Authentication Data",
        [PROP_REQUEST_PROBLEM] =    "Request Problem Information",
        [PROP_WILL_DELAY] =         "Will Delay Interval",
        [PROP_REQUEST_RESPONSE] =   "Request Response Information",
        [PROP_RESPONSE_INFO] =      "Response Information",
        [PROP_SERVER_REFERENCE] =   "Server Reference",
        [PROP_REASON_STRING] =      "Reason String",
        [PROP_RECEIVE_MAX] =        "Receive Maximum",
        [PROP_TOPIC_ALIAS_MAX] =    "Topic Alias Maximum",
        [PROP_TOPIC_ALIAS] =        "Topic Alias",
        [PROP_QOS_MAX] =            "Maximum QoS",
        [PROP_RETAIN_AVAILABLE] =   "Retain Available",
        [PROP_USER] =               "User Property",
        [PROP_PACKET_MAX] =         "Maximum Packet Size",
        [PROP_WILDCARD_AVAILABLE] = "Wildcard Subscription Available",
        [PROP_SUBID_AVAILABLE] =    "Subscription Identifiers Available",
        [PROP_SHARED_AVAILABLE] =   "Shared Subscription Available",
    };
    /* clang-format on */

    check(id < COUNT_OF(names) && names[id] != NULL);
    return names[id];
}

/** wire_reason_text() - the standard's name of a reason code; "unknown reason" for none of its own
 */
const char *wire_reason_text(uint8_t reason)
{
    static const char *const texts[256] = {
#define X(name, code, text) [code] = (text),
        WIRE_REASONS(X)
#undef X
    };

    return texts[reason] != NULL ? texts[reason] : "unknown reason";
}

/** wire_outcome_reason() - the reason code that tells the peer of @outcome */
uint8_t wire_outcome_reason(enum wire_outcome outcome)
{
    static const uint8_t reasons[] = {
#define X(name, reason, text) [WIRE_##name] = (reason),
        WIRE_OUTCOMES(X)
#undef X
    };

    check(outcome < COUNT_OF(reasons));
    return reasons[outcome];
}

/** wire_outcome_text() - what the peer did, for the log and for a Reason String */
const char *wire_outcome_text(enum wire_outcome outcome)
{
    static const char *const texts[] = {
#define X(name, reason, text) [WIRE_##name] = (text),
        WIRE_OUTCOMES(X)
#undef X
    };

    check(outcome < COUNT_OF(texts));
    return texts[outcome];
}

/**
 * wire_reason_allowed() - may a packet of @type carry @reason?
 *
 * Section 2.4; [MQTT5-3.2.2-8] [MQTT5-3.4.2-1] [MQTT5-3.5.2-1] [MQTT5-3.6.2-1]
 * [MQTT5-3.7.2-1] [MQTT5-3.9.3-2] [MQTT5-3.11.3-2] [MQTT5-3.14.2-1]
 * [MQTT5-3.15.2-1].
 */
bool wire_reason_allowed(enum wire_type type, uint8_t reason)
{
    return carriers[reason] & BIT(type);
}

/**
 * wire_reason_fit() - the reason that goes out in a packet of @type for @reason
 *
 * A failure that the packet has no code for goes out as the failure that it can
 * say: 0x92 in PUBREL and PUBCOMP, 0x80 elsewhere.  A success that it cannot
 * say, or a failure in AUTH, is the caller's bug.
 */
uint8_t wire_reason_fit(enum wire_type type, uint8_t reason)
{
    uint8_t failure = type == WIRE_PUBREL || type == WIRE_PUBCOMP
                          ? REASON_PACKET_IDENTIFIER_NOT_FOUND
                          : REASON_UNSPECIFIED_ERROR;

    if (wire_reason_allowed(type, reason))
        return reason;
    check(reason >= REASON_UNSPECIFIED_ERROR && wire_reason_allowed(type, failure));
    return failure;
}

/**
 * wire_connack_code_v311() - the return code that says @reason to an old client
 *
 * [MQTT3-3.2.2-6] has the connection closed without a CONNACK where no code is
 * applicable; such a reason is given as 3, "Server unavailable", should the
 * caller send one all the same.
 *
 * Return: 0 to 5.
 */
uint8_t wire_connack_code_v311(uint8_t reason)
{
    for (size_t i = 0; i < COUNT_OF(v311_codes); i++) {
        if (v311_codes[i].reason == reason)
            return v311_codes[i].code;
    }
    return CODE_UNAVAILABLE;
}

/**
 * wire_reason_of_v311() - what an old server's return code says
 * @ret:  REASON_*; untouched on false
 *
 * Return: false for a code that is reserved.
 */
bool wire_reason_of_v311(uint8_t code, uint8_t *ret)
{
    for (size_t i = 0; i < COUNT_OF(v311_codes); i++) {
        if (v311_codes[i].code == code) {
            *ret = v311_codes[i].reason;
            return true;
        }
    }
    return false;
}
